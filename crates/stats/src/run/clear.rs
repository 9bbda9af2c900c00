//! The engine in the clear: the reference for the engine on shares, the simulator, and what evaluates the part of a
//! plan that follows from opened values.

use super::{Engine, Step};
use crate::check::{FIXED_BITS, Interval, Kind, Type};
use crate::error::{Code, PlanError};
use crate::number::Number;
use crate::plan::{ColumnType, Op, Schema};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;
use std::collections::{BTreeMap, HashMap};

/// A column or scalar in the clear.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A column of integers, to be divided by the scale of its type.
    Numbers(Vec<i128>),
    /// A boolean column.
    Booleans(Vec<bool>),
    /// A scalar; a boolean one is 0 or 1.
    Scalar(Number),
}

/// A column of data: its integers, and which of them are present if some may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    values: Vec<i128>,
    present: Option<Vec<bool>>,
}

/// Data sets in the clear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dataset {
    tables: BTreeMap<String, (u64, BTreeMap<String, Column>)>,
}

impl Dataset {
    /// Adds a column: stored integers, `None` where a value is missing.
    ///
    /// # Errors
    /// [`Code::Data`] if a value is missing or out of range where the column's type does not have that, or if the
    /// column is not as long as the data set's other columns.
    pub fn insert(
        &mut self,
        table: &str,
        name: &str,
        of: &ColumnType,
        values: &[Option<i128>],
    ) -> Result<(), PlanError> {
        let (min, max) = of.stored_range();
        for (row, value) in values.iter().enumerate() {
            match value {
                Some(value) if *value < min || *value > max => {
                    return Err(data(format!("row {row} of `{table}.{name}` is outside the declared range")));
                }
                None if !of.nullable => {
                    return Err(data(format!("row {row} of `{table}.{name}` is missing")));
                }
                _ => {}
            }
        }
        let length = values.len() as u64;
        let entry = self.tables.entry(table.to_owned()).or_insert_with(|| (length, BTreeMap::new()));
        if entry.0 != length {
            return Err(data(format!("`{table}.{name}` has {length} rows where others have {}", entry.0)));
        }
        let present = of.nullable.then(|| values.iter().map(Option::is_some).collect());
        let values = values.iter().map(|value| value.unwrap_or(0)).collect();
        entry.1.insert(name.to_owned(), Column { values, present });
        Ok(())
    }

    /// The number of rows of a data set.
    pub fn rows(&self, table: &str) -> Option<u64> {
        self.tables.get(table).map(|(rows, _)| *rows)
    }

    /// A column's integers (0 where missing) and bitmap.
    pub fn column(&self, table: &str, name: &str) -> Option<(&[i128], Option<&[bool]>)> {
        let column = self.tables.get(table)?.1.get(name)?;
        Some((&column.values, column.present.as_deref()))
    }
}

/// The engine in the clear.
#[derive(Clone, Debug)]
pub struct Clear {
    data: Dataset,
    schema: Schema,
    rows: BTreeMap<String, u64>,
}

impl Clear {
    /// An engine over `data`, whose columns are as `schema` says.
    pub fn new(schema: Schema, data: Dataset) -> Self {
        let rows = data.tables.iter().map(|(name, (rows, _))| (name.clone(), *rows)).collect();
        Self { data, schema, rows }
    }

    /// An engine for what follows from opened values.
    pub(crate) fn without_data(rows: BTreeMap<String, u64>) -> Self {
        Self { data: Dataset::default(), schema: Schema::default(), rows }
    }

    fn loaded(&self, op: &Op) -> Option<Value> {
        let (Op::Column { table, name } | Op::Present { table, name }) = op else { return None };
        let (values, present) = self.data.column(table, name)?;
        if matches!(op, Op::Present { .. }) {
            return Some(Value::Booleans(present.map_or_else(|| vec![true; values.len()], <[bool]>::to_vec)));
        }
        let of = self.schema.tables.get(table)?.columns.get(name)?;
        Some(match of.values {
            crate::plan::Values::Boolean => Value::Booleans(values.iter().map(|v| *v != 0).collect()),
            _ => Value::Numbers(values.to_vec()),
        })
    }

    /// Applies one operation.
    pub(crate) fn apply_one(&self, step: &Step<'_, Value>) -> Result<Value, PlanError> {
        match step.op {
            Op::Rows { table } => {
                let rows = self.rows.get(table).ok_or_else(|| data(format!("no data set `{table}`")))?;
                Ok(Value::Scalar(Number::integer(*rows)))
            }
            Op::Constant { value } => {
                Ok(Value::Scalar(Number::ratio(value.units().clone(), BigInt::from(10).pow(value.scale()))))
            }
            _ if step.arguments.iter().all(|(value, _)| matches!(value, Value::Scalar(_))) => scalar(step),
            _ => column(step),
        }
    }
}

impl Engine for Clear {
    type Value = Value;
    type Opened = Vec<Number>;
    type Error = PlanError;

    fn rows(&self, table: &str) -> Option<u64> {
        self.data.rows(table)
    }

    fn load(&mut self, op: &Op) -> Result<Value, PlanError> {
        self.loaded(op).ok_or_else(|| data("a column of the plan is not in the data"))
    }

    fn public(&mut self, value: &Value, _: &Type) -> Result<Value, PlanError> {
        Ok(value.clone())
    }

    fn scale(&mut self, value: &Value, factor: &BigInt, _: &Interval) -> Result<Value, PlanError> {
        let Value::Numbers(numbers) = value else { return Ok(value.clone()) };
        let factor = factor.to_i128().ok_or_else(overflow)?;
        numbers
            .iter()
            .map(|v| v.checked_mul(factor).ok_or_else(overflow))
            .collect::<Result<_, _>>()
            .map(Value::Numbers)
    }

    fn apply(&mut self, steps: &[Step<'_, Value>]) -> Result<Vec<Value>, PlanError> {
        steps.iter().map(|step| self.apply_one(step)).collect()
    }

    fn reveal(&mut self, booleans: &[Value]) -> Result<Vec<bool>, PlanError> {
        booleans.iter().map(|value| Ok(number(value)?.holds().unwrap_or(false))).collect()
    }

    fn open(&mut self, values: &[(Value, &Type)]) -> Result<Vec<Number>, PlanError> {
        values.iter().map(|(value, of)| Ok(with_error(number(value)?, of))).collect()
    }
}

/// Data that does not fit the plan.
pub(crate) fn data(cause: impl Into<String>) -> PlanError {
    PlanError::new(Code::Data, cause, "check the data against the survey's fields")
}

/// The proof of the checker excludes this.
fn overflow() -> PlanError {
    PlanError::new(
        Code::Overflow,
        "a number is too large",
        "report this plan: its check should have refused it",
    )
}

/// An opened number, with the error that its type says.
pub(crate) fn with_error(number: Number, of: &Type) -> Number {
    if (of.error == 0.0 && of.relative == 0.0) || of.kind == Kind::Real {
        return number;
    }
    let unit = of.scale().divisor().to_f64().unwrap_or(f64::NAN);
    match number.approximate() {
        Ok((value, error)) => Number::rounded(value, error + of.error / unit + of.relative * value.abs()),
        Err(_) => number,
    }
}

fn number(value: &Value) -> Result<Number, PlanError> {
    if let Value::Scalar(number) = value {
        Ok(number.clone())
    } else {
        Err(data("a column where a scalar belongs"))
    }
}

/// An operation on scalars only.
pub(crate) fn scalar(step: &Step<'_, Value>) -> Result<Value, PlanError> {
    let arguments = step.arguments.iter().map(|(value, _)| number(value)).collect::<Result<Vec<_>, _>>()?;
    let truth = |holds: bool| Number::integer(u8::from(holds));
    let result = match (step.op, arguments.as_slice()) {
        (Op::Add { .. }, [a, b]) => a.add(b),
        (Op::Subtract { .. }, [a, b]) => a.subtract(b),
        (Op::Multiply { .. } | Op::And { .. }, [a, b]) => a.multiply(b),
        (Op::Divide { .. }, [a, b]) => a.divide(b),
        (Op::Less { .. }, [a, b]) => a.compare(b, |a, b| a < b),
        (Op::Equal { .. }, [a, b]) => a.compare(b, |a, b| a == b),
        (Op::Xor { .. }, [a, b]) => a.compare(b, |a, b| a != b),
        (Op::Not { .. }, [a]) => truth(true).subtract(a),
        (Op::Number { .. }, [a]) => a.clone(),
        (Op::Select { .. }, [condition, then, otherwise]) => match condition.holds() {
            Some(true) => then.clone(),
            Some(false) => otherwise.clone(),
            None => condition.clone(),
        },
        (Op::Require { .. }, [condition, of]) => match condition.holds() {
            Some(true) => of.clone(),
            Some(false) => Number::UNDEFINED,
            None => condition.clone(),
        },
        (Op::FloorDivide { divisor, .. }, [a]) => a.floor_divide(*divisor),
        (Op::Floor { .. }, [a]) => a.floor(),
        (Op::Sqrt { .. }, [a]) => a.sqrt(),
        (Op::Log { .. }, [a]) => a.log(),
        (Op::Exp { .. }, [a]) => a.exp(),
        (Op::Distribution { family, tail, .. }, [of, parameters @ ..]) => {
            of.distribution(*family, *tail, parameters)
        }
        _ => return Err(data(format!("`{}` of scalars", step.op.name()))),
    };
    Ok(Value::Scalar(result))
}

/// The arguments of an operation with at least one column.
struct Arguments<'a>(&'a Step<'a, Value>);

impl Arguments<'_> {
    /// Integers of a column, or of a scalar for each row.
    fn numbers(&self, index: usize) -> Result<Vec<i128>, PlanError> {
        let (value, of) = &self.0.arguments[index];
        match value {
            Value::Numbers(numbers) => Ok(numbers.clone()),
            Value::Booleans(booleans) => Ok(booleans.iter().map(|b| i128::from(*b)).collect()),
            Value::Scalar(number) => {
                let units = number.units(&of.scale().divisor()).and_then(|units| units.to_i128());
                Ok(vec![units.ok_or_else(overflow)?; self.0.rows as usize])
            }
        }
    }

    fn booleans(&self, index: usize) -> Result<Vec<bool>, PlanError> {
        match &self.0.arguments[index].0 {
            Value::Booleans(booleans) => Ok(booleans.clone()),
            Value::Scalar(number) => Ok(vec![number.holds().unwrap_or(false); self.0.rows as usize]),
            Value::Numbers(_) => Err(data("numbers where booleans belong")),
        }
    }

    fn zip(&self, combine: impl Fn(i128, i128) -> Option<i128>) -> Result<Value, PlanError> {
        let (left, right) = (self.numbers(0)?, self.numbers(1)?);
        let combined = left.into_iter().zip(right).map(|(a, b)| combine(a, b).ok_or_else(overflow));
        combined.collect::<Result<_, _>>().map(Value::Numbers)
    }

    fn compare(&self, holds: impl Fn(i128, i128) -> bool) -> Result<Value, PlanError> {
        let (left, right) = (self.numbers(0)?, self.numbers(1)?);
        Ok(Value::Booleans(left.into_iter().zip(right).map(|(a, b)| holds(a, b)).collect()))
    }

    fn logic(&self, combine: impl Fn(bool, bool) -> bool) -> Result<Value, PlanError> {
        let (left, right) = (self.booleans(0)?, self.booleans(1)?);
        Ok(Value::Booleans(left.into_iter().zip(right).map(|(a, b)| combine(a, b)).collect()))
    }

    /// A scalar result of the scale of the operation's type.
    fn total(&self, units: BigInt) -> Value {
        Value::Scalar(Number::ratio(units, self.0.of.scale().divisor()))
    }

    fn whole(&self, index: usize) -> Result<i128, PlanError> {
        number(&self.0.arguments[index].0)?.units(&1.into()).and_then(|v| v.to_i128()).ok_or_else(overflow)
    }
}

/// An operation with at least one column among its arguments.
fn column(step: &Step<'_, Value>) -> Result<Value, PlanError> {
    let given = Arguments(step);
    match step.op {
        Op::Add { .. } => given.zip(i128::checked_add),
        Op::Subtract { .. } => given.zip(i128::checked_sub),
        Op::Multiply { .. } => given.zip(i128::checked_mul),
        Op::Less { .. } => given.compare(|a, b| a < b),
        Op::Equal { .. } => given.compare(|a, b| a == b),
        Op::Is { label, .. } => {
            let Kind::Category(labels) = &step.arguments[0].1.kind else { return Err(data("no category")) };
            let wanted = labels.iter().position(|other| other == label).map(|p| p as i128);
            Ok(Value::Booleans(given.numbers(0)?.into_iter().map(|v| Some(v) == wanted).collect()))
        }
        Op::Not { .. } => Ok(Value::Booleans(given.booleans(0)?.into_iter().map(|b| !b).collect())),
        Op::And { .. } => given.logic(|a, b| a & b),
        Op::Xor { .. } => given.logic(|a, b| a ^ b),
        Op::Select { .. } => {
            let chosen = given.booleans(0)?;
            let (then, otherwise) = (given.numbers(1)?, given.numbers(2)?);
            let picked =
                chosen.iter().zip(then.iter().zip(&otherwise)).map(|(c, (t, o))| if *c { *t } else { *o });
            Ok(if step.of.kind == Kind::Boolean {
                Value::Booleans(picked.map(|v| v != 0).collect())
            } else {
                Value::Numbers(picked.collect())
            })
        }
        Op::Number { .. } => given.numbers(0).map(Value::Numbers),
        Op::Sum { .. } => Ok(given.total(given.numbers(0)?.into_iter().map(BigInt::from).sum())),
        Op::Dot { .. } => {
            let (left, right) = (given.numbers(0)?, given.numbers(1)?);
            let total = left.into_iter().zip(right).map(|(a, b)| BigInt::from(a) * b).sum();
            Ok(given.total(total))
        }
        Op::Min { .. } | Op::Max { .. } => {
            let values = given.numbers(0)?.into_iter();
            let extreme = if matches!(step.op, Op::Min { .. }) { values.min() } else { values.max() };
            Ok(given.total(extreme.unwrap_or(0).into()))
        }
        Op::OrderStatistic { .. } => {
            let (mut values, rank) = (given.numbers(0)?, given.whole(1)?);
            let Some(rank) = usize::try_from(rank).ok().filter(|rank| *rank < values.len()) else {
                return Ok(Value::Scalar(Number::UNDEFINED));
            };
            Ok(given.total((*values.select_nth_unstable(rank).1).into()))
        }
        Op::Element { .. } => {
            let values = given.numbers(0)?;
            let found = usize::try_from(given.whole(1)?).ok().and_then(|at| values.get(at).copied());
            Ok(given.total(found.unwrap_or(0).into()))
        }
        Op::Sort { .. } => {
            let (keys, values) = (given.numbers(0)?, given.numbers(1)?);
            let mut order: Vec<usize> = (0..keys.len()).collect();
            order.sort_by_key(|row| keys[*row]);
            let sorted = order.into_iter().map(|row| values[row]);
            Ok(if step.of.kind == Kind::Boolean {
                Value::Booleans(sorted.map(|v| v != 0).collect())
            } else {
                Value::Numbers(sorted.collect())
            })
        }
        Op::CumulativeSum { .. } => {
            let mut total = 0i128;
            let mut sums = Vec::with_capacity(step.rows as usize);
            for value in given.numbers(0)? {
                total = total.checked_add(value).ok_or_else(overflow)?;
                sums.push(total);
            }
            Ok(Value::Numbers(sums))
        }
        Op::Previous { .. } => {
            let mut values = given.numbers(0)?;
            values.rotate_right(1);
            if let Some(first) = values.first_mut() {
                *first = 0;
            }
            Ok(if step.of.kind == Kind::Boolean {
                Value::Booleans(values.into_iter().map(|v| v != 0).collect())
            } else {
                Value::Numbers(values)
            })
        }
        Op::Rank { high, .. } => given.numbers(0).map(|values| Value::Numbers(ranks(&values, *high))),
        Op::Mode { among, .. } => {
            let mut values = given.numbers(0)?;
            if among.is_some() {
                let mut counts = given.booleans(1)?.into_iter();
                values.retain(|_| counts.next().unwrap_or(false));
            }
            Ok(given.total(mode(values).into()))
        }
        Op::Coarsen { bits, .. } => {
            Ok(Value::Numbers(given.numbers(0)?.into_iter().map(|v| v >> bits).collect()))
        }
        Op::Lookup { .. } | Op::Matched { .. } => lookup(step, &given),
        Op::Log2 { .. } | Op::Reciprocal { .. } => {
            let divisor = step.arguments[0].1.scale().divisor();
            let bits = if let Op::Reciprocal { bits, .. } = step.op { Some(*bits) } else { None };
            let fixed = given.numbers(0)?.into_iter().map(|v| fixed_point(v, &divisor, bits));
            fixed.collect::<Option<Vec<_>>>().map(Value::Numbers).ok_or_else(|| data("not a positive number"))
        }
        _ => Err(data(format!("`{}` of a column", step.op.name()))),
    }
}

fn ranks(values: &[i128], high: bool) -> Vec<i128> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = |value: &i128| {
        if high {
            sorted.partition_point(|other| other <= value) as i128 - 1
        } else {
            sorted.partition_point(|other| other < value) as i128
        }
    };
    values.iter().map(rank).collect()
}

fn mode(mut values: Vec<i128>) -> i128 {
    values.sort_unstable();
    let mut best = (0, 0);
    for run in values.chunk_by(|a, b| a == b) {
        if run.len() > best.1 {
            best = (run[0], run.len());
        }
    }
    best.0
}

fn lookup(step: &Step<'_, Value>, given: &Arguments<'_>) -> Result<Value, PlanError> {
    let (keys, among) = (given.numbers(0)?, given.numbers(1)?);
    let mut found = HashMap::with_capacity(among.len());
    for (row, key) in among.iter().enumerate() {
        if found.insert(*key, row).is_some() {
            return Err(data("the joined data set has the same key twice"));
        }
    }
    if matches!(step.op, Op::Matched { .. }) {
        return Ok(Value::Booleans(keys.iter().map(|key| found.contains_key(key)).collect()));
    }
    let take = given.numbers(2)?;
    let fetched = keys.iter().map(|key| found.get(key).map_or(0, |row| take[*row]));
    Ok(if step.of.kind == Kind::Boolean {
        Value::Booleans(fetched.map(|v| v != 0).collect())
    } else {
        Value::Numbers(fetched.collect())
    })
}

/// One over a value, to so many binary digits; without them, its base-2 logarithm.
fn fixed_point(value: i128, divisor: &BigInt, reciprocal: Option<u32>) -> Option<i128> {
    if value <= 0 {
        return None;
    }
    if let Some(bits) = reciprocal {
        return BigRational::new(divisor << bits, value.into()).round().to_integer().to_i128();
    }
    let log = (value as f64).log2() - divisor.to_f64()?.log2();
    Some((log * f64::from(FIXED_BITS).exp2()).round() as i128)
}
