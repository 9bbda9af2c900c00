//! The engine on shares: a party's side of a run.

mod boolean;
mod number;
mod ops;
mod real;
mod relation;
mod scalars;

use super::clear::{self, data};
use super::{Engine, Outcome, Step};
use crate::check::{Checked, Kind, Type};
use crate::error::PlanError;
use crate::plan::{Op, Schema, Values};
use algebra::{Bits, Fp, Prg};
use boolean::Boolean;
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use number::Number;
use rep3::convert::bits_to_field;
use rep3::ingest::ParsedColumn;
use rep3::scalar::FloatShare;
use rep3::{Abort, BitShare, FieldShare, Session, Verified, deal_bits, deal_field, deal_ints, open};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// A party's shares of data sets: columns as they were taken in.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    /// The data sets by name.
    pub tables: BTreeMap<String, Table>,
}

/// A party's shares of one data set.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The number of rows.
    pub rows: usize,
    /// The columns by name, all of this many rows.
    pub columns: BTreeMap<String, Arc<ParsedColumn>>,
}

impl Dataset {
    /// Shares data in the clear among three parties: for simulators, benchmarks and tests.
    pub fn deal(schema: &Schema, data: &clear::Dataset, randomness: &mut Prg) -> [Self; 3] {
        let mut parties: [Self; 3] = Default::default();
        for (name, table) in &schema.tables {
            for (column, of) in &table.columns {
                let Some((values, present)) = data.column(name, column) else { continue };
                let rows = values.len();
                let elements: Vec<Fp> = values.iter().map(|value| Fp::from_i128(*value)).collect();
                let present = Bits::from_fn(rows, |row| present.is_none_or(|present| present[row]));
                let ints = deal_ints(values, of.bits() as usize, of.signed(), randomness);
                let fields = deal_field(&elements, randomness);
                let presents = deal_bits(&present, randomness);
                for (party, ((int, field), present)) in
                    parties.iter_mut().zip(ints.into_iter().zip(fields).zip(presents))
                {
                    let table = party.tables.entry(name.clone()).or_default();
                    table.rows = rows;
                    table.columns.insert(column.clone(), Arc::new(ParsedColumn { int, field, present }));
                }
            }
            if let Some(rows) = data.rows(name) {
                for party in &mut parties {
                    party.tables.entry(name.clone()).or_default().rows = rows as usize;
                }
            }
        }
        parties
    }
}

/// Why a run on shares ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan does not fit the data, or asks for what the engine cannot do.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A party is gone or cheated.
    #[error(transparent)]
    Abort(#[from] Abort),
}

/// What a party holds after a run: verified shares of the opened values, one field element each.
pub type SharedOutputs = Outcome<Verified<FieldShare>>;

/// Runs a party's side of `checked` on its shares.
///
/// The parties open nothing to each other but whether each result may be given out. The opened values are for the
/// consumer: seal them ([`rep3::seal`]), or open them ([`rep3::open`]) if the parties may know them. Either way the
/// field elements give the results by [`decode_elements`].
///
/// # Errors
/// [`RunError`]; after [`RunError::Abort`] the session is dead.
pub fn execute(checked: &Checked, data: &Dataset, session: &mut Session) -> Result<SharedOutputs, RunError> {
    let mut engine = Shared { data, schema: &checked.plan().schema, session };
    super::run(checked, &mut engine)
}

/// The results of a plan from the field elements that a run opened, by [`decode`](crate::decode).
///
/// # Errors
/// [`Code::Data`](crate::Code::Data) if the outcome is not one of this plan.
pub fn decode_elements(
    checked: &Checked,
    outcome: &Outcome<Vec<Fp>>,
) -> Result<crate::ResultTable, PlanError> {
    let checked = &checked.for_rows(&outcome.rows)?;
    let mut elements = outcome.values.iter();
    let mut values = Vec::new();
    for node in super::allowed(checked, &outcome.tests) {
        let of = &checked.types()[node.index()];
        let missing = || data("these numbers were opened by another plan");
        values.push(ops::decode(&mut elements, of).ok_or_else(missing)?);
    }
    if elements.next().is_some() {
        return Err(data("these numbers were opened by another plan"));
    }
    let Outcome { rows, tests, .. } = outcome;
    crate::decode(checked, &Outcome { rows: rows.clone(), tests: tests.clone(), values })
}

/// A party's engine.
struct Shared<'a> {
    data: &'a Dataset,
    schema: &'a Schema,
    session: &'a mut Session,
}

/// A shared column or scalar.
#[derive(Clone)]
pub(crate) enum Value {
    Number(Number),
    Boolean(Boolean),
    Real(Rc<FloatShare>),
}

impl Engine for Shared<'_> {
    type Value = Value;
    type Opened = Verified<FieldShare>;
    type Error = RunError;

    fn rows(&self, table: &str) -> Option<u64> {
        self.data.tables.get(table).map(|table| table.rows as u64)
    }

    fn load(&mut self, op: &Op) -> Result<Value, RunError> {
        let (Op::Column { table, name } | Op::Present { table, name }) = op else {
            return Err(data("not a column").into());
        };
        let missing = || data(format!("there is no column `{table}.{name}` in the data"));
        let rows = self.data.tables.get(table).ok_or_else(missing)?.rows;
        let column = self.data.tables[table].columns.get(name).ok_or_else(missing)?;
        let lengths = [column.int.rows(), column.field.len(), column.present.len()];
        if lengths != [rows; 3] {
            return Err(data(format!("`{table}.{name}` has not {rows} rows")).into());
        }
        if matches!(op, Op::Present { .. }) {
            return Ok(Value::Boolean(Boolean::shared(column.present.clone())));
        }
        let of = self.schema.tables.get(table).and_then(|t| t.columns.get(name)).ok_or_else(missing)?;
        if of.values == Values::Boolean {
            let bit = column.int.bits.first().ok_or_else(missing)?;
            return Ok(Value::Boolean(Boolean::shared(bit.clone())));
        }
        let (min, max) = of.stored_range();
        let mut range = crate::check::Interval::new(min, max);
        if of.nullable {
            range = range.hull(&crate::check::Interval::point(0));
        }
        Ok(Value::Number(Number::stored(column.clone(), &range)))
    }

    fn public(&mut self, value: &clear::Value, of: &Type) -> Result<Value, RunError> {
        Ok(match value {
            clear::Value::Booleans(bits) => {
                Value::Boolean(Boolean::public(Bits::from_fn(bits.len(), |row| bits[row])))
            }
            clear::Value::Numbers(numbers) => Value::Number(Number::public(numbers.clone(), &of.range)),
            clear::Value::Scalar(number) if of.kind == Kind::Boolean => {
                let holds = number.holds().unwrap_or(false);
                Value::Boolean(Boolean::public(Bits::repeat(holds, 1)))
            }
            clear::Value::Scalar(number) => {
                let units = number.units(&of.scale().divisor()).and_then(|units| units.to_i128());
                let units = units.ok_or_else(|| data("a public number that is not exact"))?;
                Value::Number(Number::public(vec![units], &of.range))
            }
        })
    }

    fn scale(
        &mut self,
        value: &Value,
        factor: &BigInt,
        range: &crate::check::Interval,
    ) -> Result<Value, RunError> {
        let Value::Number(number) = value else { return Ok(value.clone()) };
        let factor = factor.to_i128().ok_or_else(|| data("a scale that is too fine"))?;
        let Some(known) = number.known() else {
            return Ok(Value::Number(Number::multiple(number.clone(), factor, range)));
        };
        let scaled: Option<Vec<_>> = known.iter().map(|value| value.checked_mul(factor)).collect();
        let scaled = scaled.ok_or_else(|| data("a public number of too many digits"))?;
        Ok(Value::Number(Number::public(scaled, range)))
    }

    fn apply(&mut self, steps: &[Step<'_, Value>]) -> Result<Vec<Value>, RunError> {
        ops::apply(steps, self.session)
    }

    fn reveal(&mut self, booleans: &[Value]) -> Result<Vec<bool>, RunError> {
        let mut shares = Vec::new();
        for value in booleans {
            let Value::Boolean(boolean) = value else { return Err(data("a test is not a boolean").into()) };
            shares.push(boolean.share(self.session));
        }
        let all = self.session.verify(BitShare::concat(&shares))?;
        Ok(open(&all, self.session)?.iter().collect())
    }

    fn open(&mut self, values: &[(Value, &Type)]) -> Result<Verified<FieldShare>, RunError> {
        let as_number = |value: &Value| match value {
            Value::Number(number) => Some(number.clone()),
            Value::Boolean(boolean) => Some(Number::truth(boolean.clone())),
            Value::Real(_) => None,
        };
        let numbers: Vec<_> = values.iter().map(|(value, _)| as_number(value)).collect();
        scalars::make_elements(&numbers.iter().flatten().collect::<Vec<_>>(), self.session)?;
        let mut elements = Vec::new();
        for ((value, _), number) in values.iter().zip(&numbers) {
            elements.push(match (value, number) {
                (_, Some(number)) => number.field(self.session)?.clone(),
                (Value::Real(real), _) => bits_to_field(&real::pack(real), self.session)?,
                _ => continue,
            });
        }
        Ok(self.session.verify(FieldShare::concat(&elements))?)
    }
}
