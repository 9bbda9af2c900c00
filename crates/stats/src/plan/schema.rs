//! What a data set looks like: named columns with a type, a range, and whether a value may be missing.

use super::decimal::Decimal;
use crate::error::{Code, PlanError};
use num_bigint::BigInt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A plan's data sets by name. A survey of one data set calls it [`Schema::DEFAULT`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// The data sets.
    pub tables: BTreeMap<String, Table>,
}

impl Schema {
    /// The name of a survey's data set.
    pub const DEFAULT: &'static str = "survey";

    /// A schema of one data set.
    pub fn single(table: Table) -> Self {
        Self { tables: BTreeMap::from([(Self::DEFAULT.to_owned(), table)]) }
    }

    /// Whether every data set and column that `self` names is the same in `available`, for no more rows.
    ///
    /// # Errors
    /// [`Code::UnknownColumn`] or [`Code::SchemaMismatch`], naming what differs.
    pub fn is_within(&self, available: &Self) -> Result<(), PlanError> {
        for (name, table) in &self.tables {
            let Some(other) = available.tables.get(name) else {
                return Err(PlanError::new(
                    Code::UnknownColumn,
                    format!("there is no data set `{name}`"),
                    format!(
                        "use one of: {}",
                        available.tables.keys().cloned().collect::<Vec<_>>().join(", ")
                    ),
                ));
            };
            for (column, kind) in &table.columns {
                match other.columns.get(column) {
                    Some(theirs) if theirs == kind => {}
                    Some(_) => {
                        return Err(PlanError::new(
                            Code::SchemaMismatch,
                            format!("column `{name}.{column}` has another type, range or unit in the survey"),
                            "trace the program against the survey's schema",
                        ));
                    }
                    None => {
                        return Err(PlanError::new(
                            Code::UnknownColumn,
                            format!("there is no column `{name}.{column}`"),
                            format!(
                                "use one of: {}",
                                other.columns.keys().cloned().collect::<Vec<_>>().join(", ")
                            ),
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

/// A data set: its columns, and the most rows that a plan over it is proven for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The columns by name.
    pub columns: BTreeMap<String, ColumnType>,
    /// The most rows.
    #[serde(default = "Table::default_max_rows")]
    pub max_rows: u64,
}

impl Table {
    /// A data set of up to a million rows.
    pub fn new(columns: impl IntoIterator<Item = (String, ColumnType)>) -> Self {
        Self { columns: columns.into_iter().collect(), max_rows: Self::default_max_rows() }
    }

    fn default_max_rows() -> u64 {
        1_000_000
    }
}

/// The type of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Declaration", into = "Declaration")]
pub struct ColumnType {
    /// What the values are.
    pub values: Values,
    /// Whether a value may be missing.
    pub nullable: bool,
    /// What the values are counted in, such as `ETH`.
    pub unit: Option<String>,
}

/// What the values of a column are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Numbers with `scale` digits after the dot (none: integers), stored as `value * 10^scale`.
    Number {
        /// Digits after the dot.
        scale: u32,
        /// The smallest value, times `10^scale`.
        min: i128,
        /// The largest value, times `10^scale`.
        max: i128,
    },
    /// True or false.
    Boolean,
    /// One of a list of labels, stored as its index.
    Category {
        /// The labels.
        labels: Vec<String>,
    },
}

impl ColumnType {
    /// Integers from `min` to `max`.
    pub fn integer(min: i64, max: i64) -> Self {
        Self::number(0, min.into(), max.into())
    }

    /// Numbers with `scale` digits after the dot, from `min / 10^scale` to `max / 10^scale`.
    pub fn number(scale: u32, min: i128, max: i128) -> Self {
        Self { values: Values::Number { scale, min, max }, nullable: false, unit: None }
    }

    /// True or false.
    pub fn boolean() -> Self {
        Self { values: Values::Boolean, nullable: false, unit: None }
    }

    /// One of `labels`.
    pub fn category<L: Into<String>>(labels: impl IntoIterator<Item = L>) -> Self {
        let labels = labels.into_iter().map(Into::into).collect();
        Self { values: Values::Category { labels }, nullable: false, unit: None }
    }

    /// The same, with values that may be missing.
    pub fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// The same, counted in `unit`.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// The smallest and largest integer that is stored.
    pub fn stored_range(&self) -> (i128, i128) {
        match &self.values {
            Values::Number { min, max, .. } => (*min, *max),
            Values::Boolean => (0, 1),
            Values::Category { labels } => (0, labels.len().saturating_sub(1) as i128),
        }
    }

    /// Whether stored integers are two's complement.
    pub fn signed(&self) -> bool {
        self.stored_range().0 < 0
    }

    /// How many bits a stored integer has.
    pub fn bits(&self) -> u32 {
        let (min, max) = self.stored_range();
        bits_for(min, max)
    }
}

/// The bits that hold every integer from `min` to `max`: two's complement if `min` is negative; at least one.
pub fn bits_for(min: i128, max: i128) -> u32 {
    let magnitude = |v: i128| if v < 0 { 128 - (!v).leading_zeros() } else { 128 - v.leading_zeros() };
    (magnitude(min).max(magnitude(max)) + u32::from(min < 0)).max(1)
}

/// How a column type is written in JSON and TOML.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    #[serde(rename = "type")]
    name: TypeName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    nullable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum TypeName {
    Integer,
    Decimal,
    Boolean,
    Category,
}

/// Stored columns are compared bit by bit, and rep3 compares up to 64.
const MAX_BITS: u32 = 64;
const MAX_LABELS: usize = 1024;

impl TryFrom<Declaration> for ColumnType {
    type Error = String;

    fn try_from(declared: Declaration) -> Result<Self, String> {
        let Declaration { name, scale, min, max, labels, nullable, unit } = declared;
        let values = match (name, scale, min, max, labels) {
            (TypeName::Boolean, None, None, None, None) => Values::Boolean,
            (TypeName::Category, None, None, None, Some(labels)) => {
                let mut sorted = labels.clone();
                sorted.sort();
                sorted.dedup();
                if labels.is_empty() || labels.len() > MAX_LABELS || sorted.len() != labels.len() {
                    return Err(format!("a category needs 1 to {MAX_LABELS} different labels"));
                }
                Values::Category { labels }
            }
            (TypeName::Integer, None, Some(min), Some(max), None) => number(0, &min, &max)?,
            (TypeName::Decimal, Some(scale), Some(min), Some(max), None) if scale > 0 => {
                number(scale, &min, &max)?
            }
            _ => {
                return Err("an integer has `min` and `max`; a decimal also `scale` (1 or more); \
                            a category has `labels`; a boolean none of these"
                    .to_owned());
            }
        };
        Ok(Self { values, nullable, unit })
    }
}

fn number(scale: u32, min: &Decimal, max: &Decimal) -> Result<Values, String> {
    let units = |value: &Decimal| {
        let units: BigInt = value
            .units_at(scale)
            .ok_or_else(|| format!("{value} has more than {scale} digits after the dot"))?;
        i128::try_from(units).map_err(|_| format!("{value} is too large"))
    };
    let (min, max) = (units(min)?, units(max)?);
    if min > max {
        return Err("`min` is larger than `max`".to_owned());
    }
    let bits = bits_for(min, max);
    if bits > MAX_BITS {
        return Err(format!("the range needs {bits} bits; a column has at most {MAX_BITS}"));
    }
    Ok(Values::Number { scale, min, max })
}

impl From<ColumnType> for Declaration {
    fn from(column: ColumnType) -> Self {
        let mut declared = Self {
            name: TypeName::Boolean,
            scale: None,
            min: None,
            max: None,
            labels: None,
            nullable: column.nullable,
            unit: column.unit,
        };
        match column.values {
            Values::Boolean => {}
            Values::Category { labels } => {
                declared.name = TypeName::Category;
                declared.labels = Some(labels);
            }
            Values::Number { scale, min, max } => {
                declared.name = if scale == 0 { TypeName::Integer } else { TypeName::Decimal };
                declared.scale = (scale > 0).then_some(scale);
                declared.min = Some(Decimal::new(min, scale));
                declared.max = Some(Decimal::new(max, scale));
            }
        }
        declared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_read_and_print() {
        let text = r#"{"type":"decimal","scale":8,"min":"0","max":"21000000","unit":"BTC"}"#;
        let column: ColumnType = serde_json::from_str(text).unwrap();
        assert_eq!(column, ColumnType::number(8, 0, 2_100_000_000_000_000).unit("BTC"));
        assert_eq!(serde_json::to_string(&column).unwrap(), text);
        assert_eq!((column.bits(), column.signed()), (51, false));
        for bad in [
            r#"{"type":"integer","min":"0"}"#,
            r#"{"type":"integer","min":"1","max":"0"}"#,
            r#"{"type":"integer","min":"0.5","max":"1"}"#,
            r#"{"type":"integer","min":"0","max":"99999999999999999999"}"#,
            r#"{"type":"category","labels":["a","a"]}"#,
            r#"{"type":"boolean","labels":["a"]}"#,
            r#"{"type":"boolean","other":1}"#,
        ] {
            assert!(serde_json::from_str::<ColumnType>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn widths_hold_their_range() {
        for (min, max, bits) in [(0, 0, 1), (0, 1, 1), (0, 255, 8), (-1, 0, 1), (-128, 127, 8), (-129, 0, 9)]
        {
            assert_eq!(bits_for(min, max), bits, "{min}..{max}");
        }
    }
}
