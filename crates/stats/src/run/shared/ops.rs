//! Each operation on shares.

use super::boolean::{self, Boolean};
use super::number::{Number, end};
use super::{RunError, Value, real, relation, scalars};
use crate::check::{FIELD_BITS, Interval, Kind, Type};
use crate::error::{Code, PlanError};
use crate::number::Number as Opened;
use crate::plan::Op;
use crate::run::Step;
use crate::run::clear::{data, with_error};
use algebra::Fp;
use num_bigint::BigInt;
use num_traits::Signed;
use rep3::convert::truncate;
use rep3::{
    BitShare, FieldShare, IntShare, Session, SortKey, Table, compare, inner_products, mul, sort, sum,
};
use std::collections::BTreeMap;

/// Applies operations of one kind that do not depend on each other.
pub fn apply(steps: &[Step<'_, Value>], session: &mut Session) -> Result<Vec<Value>, RunError> {
    match steps.first().map(|step| step.op) {
        Some(Op::Dot { .. }) => dots(steps, session),
        Some(Op::Sort { .. }) => in_groups(steps, sorts, session),
        Some(Op::Rank { .. }) => in_groups(steps, relation::ranks, session),
        Some(Op::Lookup { .. } | Op::Matched { .. }) => in_groups(steps, relation::lookups, session),
        Some(Op::Divide { .. } | Op::Sqrt { .. }) => real::apply(steps, session),
        Some(Op::Multiply { .. }) => multiplications(steps, session),
        Some(Op::OrderStatistic { .. }) => in_groups(steps, order_statistics, session),
        Some(Op::Less { .. } | Op::Equal { .. } | Op::Is { .. }) => comparisons(steps, session),
        Some(Op::And { .. }) => conjunctions(steps, session),
        Some(Op::Sum { .. }) => totals(steps, session),
        _ => steps.iter().map(|step| one(step, session)).collect(),
    }
}

/// Opened field elements as a number.
pub fn decode<'a>(elements: &mut impl Iterator<Item = &'a Fp>, of: &Type) -> Option<Opened> {
    let element = elements.next()?;
    if of.kind == Kind::Real {
        return real::unpack(element.value(), of);
    }
    let units = element.signed_value();
    Some(with_error(Opened::ratio(BigInt::from(units), of.scale().divisor()), of))
}

/// One of both.
type Either<'v> = (Option<&'v Boolean>, Option<&'v Number>);

/// A boolean or an exact number.
pub(super) fn boolean_or_number<'v>(
    step: &'v Step<'_, Value>,
    index: usize,
) -> Result<Either<'v>, PlanError> {
    match &step.arguments[index].0 {
        Value::Boolean(boolean) => Ok((Some(boolean), None)),
        _ => number(step, index).map(|(number, _)| (None, Some(number))),
    }
}

pub(super) fn number<'v>(
    step: &'v Step<'_, Value>,
    index: usize,
) -> Result<(&'v Number, &'v Type), PlanError> {
    match &step.arguments[index] {
        (Value::Number(number), of) => Ok((number, of)),
        _ => Err(data("something else where an exact number belongs")),
    }
}

pub(super) fn boolean<'v>(step: &'v Step<'_, Value>, index: usize) -> Result<&'v Boolean, PlanError> {
    match &step.arguments[index].0 {
        Value::Boolean(boolean) => Ok(boolean),
        _ => Err(data("a number where a boolean belongs")),
    }
}

/// A number in every row of the operation.
fn spread(step: &Step<'_, Value>, index: usize) -> Result<Number, PlanError> {
    let (number, of) = number(step, index)?;
    Ok(number.spread(step.rows as usize, &of.range))
}

fn one(step: &Step<'_, Value>, session: &mut Session) -> Result<Value, RunError> {
    let (rows, range) = (step.rows as usize, &step.of.range);
    let made = |number: Number| Ok(Value::Number(number));
    let truth = |boolean| Ok(Value::Boolean(boolean));
    match step.op {
        Op::Add { .. } | Op::Subtract { .. } => {
            let minus = matches!(step.op, Op::Subtract { .. });
            made(shallow(Number::sum(spread(step, 0)?, spread(step, 1)?, minus, range), range, session)?)
        }
        Op::Not { .. } => truth(boolean(step, 0)?.not(session)),
        Op::Xor { .. } => truth(boolean(step, 0)?.spread(rows).xor(&boolean(step, 1)?.spread(rows), session)),
        Op::Select { .. } => select(step, session),
        // That the condition holds was opened before.
        Op::Require { .. } => Ok(step.arguments[1].0.clone()),
        Op::Number { .. } => made(Number::truth(boolean(step, 0)?.clone())),
        Op::Min { .. } | Op::Max { .. } => {
            let int = number(step, 0)?.0.int(session)?;
            let extreme = if matches!(step.op, Op::Min { .. }) {
                compare::minimum(int, session)?
            } else {
                compare::maximum(int, session)?
            };
            made(Number::from_int(extreme, range))
        }
        Op::Element { .. } => made(element(step, session)?),
        Op::CumulativeSum { .. } => {
            let field = number(step, 0)?.0.field(session)?;
            made(Number::from_field(
                FieldShare { own: running(&field.own), next: running(&field.next) },
                range,
            ))
        }
        Op::Previous { .. } => previous(step, session),
        Op::Coarsen { bits, .. } => {
            let int = number(step, 0)?.0.int(session)?;
            let kept = (*bits as usize).min(int.width() - usize::from(int.signed));
            let bits =
                if kept < *bits as usize && !int.signed { Vec::new() } else { int.bits[kept..].to_vec() };
            let int = IntShare {
                bits: if bits.is_empty() { vec![BitShare::zeros(rows)] } else { bits },
                signed: int.signed,
            };
            made(Number::from_int(int, range))
        }
        Op::Mode { .. } => made(relation::mode(step, session)?),
        Op::Log2 { .. } => {
            let (column, of) = number(step, 0)?;
            made(real::logarithms(column, of, step.of, session)?)
        }
        Op::Reciprocal { .. } => {
            let (column, of) = number(step, 0)?;
            made(real::reciprocals(column, of, step.of, session)?)
        }
        Op::FloorDivide { divisor, .. } => made(floor_divide(step, *divisor, session)?),
        _ => Err(unsupported(step.op).into()),
    }
}

/// How many operations may wait to be computed behind each other.
const MAX_DEPTH: u32 = 64;

/// The same number, computed now if too much of it waits to be.
fn shallow(number: Number, range: &Interval, session: &mut Session) -> Result<Number, RunError> {
    if number.depth() < MAX_DEPTH {
        return Ok(number);
    }
    if number.is_wide() {
        scalars::make_bits(&[&number], session)?;
        return Ok(Number::from_int(number.int(session)?.clone(), range));
    }
    if number.rows() == 1 {
        scalars::make_elements(&[&number], session)?;
    }
    Ok(Number::from_field(number.field(session)?.clone(), range))
}

fn unsupported(op: &Op) -> PlanError {
    PlanError::new(
        Code::Secret,
        format!("`{}` cannot be computed on shares yet", op.name()),
        "publish the numbers that it is computed from, too, or leave the result out",
    )
}

/// Exact products, and products with a rounded factor.
fn multiplications(steps: &[Step<'_, Value>], session: &mut Session) -> Result<Vec<Value>, RunError> {
    if steps.iter().all(|step| step.of.kind == Kind::Real) {
        return real::apply(steps, session);
    }
    let mut results = vec![None; steps.len()];
    single_products(steps, &mut results, session)?;
    for (step, result) in steps.iter().zip(&mut results) {
        if result.is_none() {
            *result = Some(match step.of.kind {
                Kind::Real => real::apply(std::slice::from_ref(step), session)?.swap_remove(0),
                _ => Value::Number(multiply(step, session)?),
            });
        }
    }
    Ok(results.into_iter().flatten().collect())
}

/// Products of single shared numbers that fit the field, in one round.
fn single_products(
    steps: &[Step<'_, Value>],
    results: &mut [Option<Value>],
    session: &mut Session,
) -> Result<(), RunError> {
    let mut pairs = Vec::new();
    for (position, step) in steps.iter().enumerate() {
        let fits =
            step.rows == 1 && step.of.kind != Kind::Real && step.of.range.magnitude_bits() <= FIELD_BITS;
        if fits {
            let (left, right) = (number(step, 0)?.0, number(step, 1)?.0);
            if left.known().or(right.known()).is_none() {
                pairs.push((position, left, right));
            }
        }
    }
    if pairs.is_empty() {
        return Ok(());
    }
    let factors: Vec<_> = pairs.iter().flat_map(|(_, left, right)| [*left, *right]).collect();
    scalars::make_elements(&factors, session)?;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for (_, a, b) in &pairs {
        left.push(a.field(session)?);
        right.push(b.field(session)?);
    }
    let products = mul(&FieldShare::concat(left), &FieldShare::concat(right), session)?;
    for (row, (position, ..)) in pairs.into_iter().enumerate() {
        let product = Number::from_field(products.slice(row..row + 1), &steps[position].of.range);
        results[position] = Some(Value::Number(product));
    }
    Ok(())
}

fn multiply(step: &Step<'_, Value>, session: &mut Session) -> Result<Number, RunError> {
    let range = &step.of.range;
    for (known, other) in [(0, 1), (1, 0)] {
        if let Some(factor) = number(step, known)?.0.known_scalar() {
            return shallow(Number::multiple(spread(step, other)?, factor, range), range, session);
        }
    }
    let (left, right) = (spread(step, 0)?, spread(step, 1)?);
    if range.magnitude_bits() > FIELD_BITS {
        return Ok(Number::product(&left, &right, range, session)?);
    }
    let product = match (left.known(), right.known()) {
        (Some(known), _) => right.field(session)?.mul_public(&super::number::elements(known)),
        (_, Some(known)) => left.field(session)?.mul_public(&super::number::elements(known)),
        _ => {
            let (left, right) = (left.field(session)?, right.field(session)?);
            mul(left, right, session)?
        }
    };
    Ok(Number::from_field(product, range))
}

/// Comparisons: of single numbers together, and of one column with all public numbers that it is compared with.
fn comparisons(steps: &[Step<'_, Value>], session: &mut Session) -> Result<Vec<Value>, RunError> {
    let less = steps.iter().all(|step| matches!(step.op, Op::Less { .. }));
    let compare = if less { compare::less_than } else { compare::equal };
    let mut results: Vec<Option<Boolean>> = vec![None; steps.len()];
    let is_single = |step: &Step<'_, Value>| step.rows == 1 && !matches!(step.op, Op::Is { .. });
    let single: Vec<_> = (0..steps.len()).filter(|position| is_single(&steps[*position])).collect();
    if !single.is_empty() {
        let mut side = |index| {
            let numbers = single.iter().map(|position| Ok(number(&steps[*position], index)?.0));
            Ok::<_, RunError>(scalars::stack(&numbers.collect::<Result<Vec<_>, PlanError>>()?, session)?)
        };
        let (left, right) = (side(0)?, side(1)?);
        let holds = compare(&left, &right, session)?;
        for (row, position) in single.into_iter().enumerate() {
            results[position] = Some(Boolean::shared(holds.slice(row..row + 1)));
        }
    }
    for first in 0..steps.len() {
        if results[first].is_some() {
            continue;
        }
        if let Some(Against { column, .. }) = against(&steps[first])? {
            compare_with_public(column, less, &steps[first..], &mut results[first..], session)?;
        } else {
            let (left, right) = (spread(&steps[first], 0)?, spread(&steps[first], 1)?);
            let holds = compare(left.int(session)?, right.int(session)?, session)?;
            results[first] = Some(Boolean::shared(holds));
        }
    }
    Ok(results.into_iter().flatten().map(Value::Boolean).collect())
}

/// All that is left of `steps` and compares `column` with a public number, in the rounds of one.
fn compare_with_public(
    column: &Number,
    less: bool,
    steps: &[Step<'_, Value>],
    results: &mut [Option<Boolean>],
    session: &mut Session,
) -> Result<(), RunError> {
    let mut members = Vec::new();
    for (position, step) in steps.iter().enumerate().filter(|(position, _)| results[*position].is_none()) {
        let same = against(step)?.filter(|other| other.column.is_same(column));
        members.extend(same.map(|against| (position, against)));
    }
    let values: Vec<_> = members.iter().map(|(_, against)| against.value).collect();
    let each = if less { compare::less_than_each } else { compare::equal_each };
    for ((position, against), holds) in members.into_iter().zip(each(column.int(session)?, &values, session)?)
    {
        let holds = Boolean::shared(holds);
        results[position] = Some(if against.opposite { holds.not(session) } else { holds });
    }
    Ok(())
}

/// A column that is compared with a public number.
struct Against<'v> {
    column: &'v Number,
    value: i128,
    /// Whether it is asked where the comparison fails.
    opposite: bool,
}

fn against<'v>(step: &'v Step<'_, Value>) -> Result<Option<Against<'v>>, PlanError> {
    let (left, of) = number(step, 0)?;
    if let Op::Is { label, .. } = step.op {
        let Kind::Category(labels) = &of.kind else { return Err(data("not a category")) };
        let index = labels.iter().position(|other| other == label).unwrap_or(labels.len());
        return Ok(Some(Against { column: left, value: index as i128, opposite: false }));
    }
    let right = number(step, 1)?.0;
    if let Some(value) = right.known_scalar() {
        return Ok(Some(Against { column: left, value, opposite: false }));
    }
    let Some(value) = left.known_scalar() else { return Ok(None) };
    if matches!(step.op, Op::Equal { .. }) {
        return Ok(Some(Against { column: right, value, opposite: false }));
    }
    // More than a number is not less than the next.
    let value = value.checked_add(1).ok_or_else(|| data("a public number of too many digits"))?;
    Ok(Some(Against { column: right, value, opposite: true }))
}

/// Conjunctions, all in one round.
fn conjunctions(steps: &[Step<'_, Value>], session: &mut Session) -> Result<Vec<Value>, RunError> {
    let mut pairs = Vec::with_capacity(steps.len());
    for step in steps {
        let rows = step.rows as usize;
        pairs.push((boolean(step, 0)?.spread(rows), boolean(step, 1)?.spread(rows)));
    }
    Ok(boolean::and(&pairs, session)?.into_iter().map(Value::Boolean).collect())
}

fn select(step: &Step<'_, Value>, session: &mut Session) -> Result<Value, RunError> {
    let rows = step.rows as usize;
    let condition = boolean(step, 0)?.spread(rows);
    if step.of.kind == Kind::Boolean {
        let (then, otherwise) = (boolean(step, 1)?.spread(rows), boolean(step, 2)?.spread(rows));
        let pair = (condition, then.xor(&otherwise, session));
        let chosen = boolean::and(&[pair], session)?.swap_remove(0);
        return Ok(Value::Boolean(otherwise.xor(&chosen, session)));
    }
    let range = &step.of.range;
    let chosen = Number::select(condition, spread(step, 1)?, spread(step, 2)?, range);
    shallow(chosen, range, session).map(Value::Number)
}

/// How many bits may be added up at once; one column may always.
const SUM_BITS: usize = 1 << 26;

/// The sums of columns, each in the form that the column has; those of bits together.
fn totals(steps: &[Step<'_, Value>], session: &mut Session) -> Result<Vec<Value>, RunError> {
    let mut results: Vec<Option<Number>> = vec![None; steps.len()];
    let mut of_bits: BTreeMap<_, Vec<(usize, Number)>> = BTreeMap::new();
    for (position, step) in steps.iter().enumerate() {
        let column = match &step.arguments[0].0 {
            Value::Number(column) => column.clone(),
            Value::Boolean(boolean) => Number::truth(boolean.clone()),
            Value::Real(_) => return Err(data("a rounded number is no column").into()),
        };
        // Field elements sum for free; a selection or a conversion of every row would not be.
        if column.sums_freely() || !column.has_int() {
            results[position] = Some(Number::from_field(column.field(session)?.sum(), &step.of.range));
        } else {
            of_bits.entry((column.rows(), column.shape())).or_default().push((position, column));
        }
    }
    for ((rows, (width, _)), columns) in of_bits {
        for some in columns.chunks((SUM_BITS / (rows * width).max(1)).max(1)) {
            let mut bits = Vec::with_capacity(some.len());
            for (_, column) in some {
                bits.push(column.int(session)?);
            }
            let sums = sum::sum_each(&bits, session)?;
            for (row, (position, _)) in some.iter().enumerate() {
                let range = &steps[*position].of.range;
                results[*position] = Some(Number::from_int(sums.slice(row..row + 1), range));
            }
        }
    }
    Ok(results.into_iter().flatten().map(Value::Number).collect())
}

/// All inner products in one round. A column that several of them take is proven once.
fn dots(steps: &[Step<'_, Value>], session: &mut Session) -> Result<Vec<Value>, RunError> {
    let factors = steps
        .iter()
        .map(|step| Ok([spread(step, 0)?, spread(step, 1)?]))
        .collect::<Result<Vec<_>, PlanError>>()?;
    let mut results: Vec<Option<FieldShare>> = Vec::new();
    let mut pairs = Vec::new();
    for [left, right] in &factors {
        let weighted =
            |known: &[i128], column: &FieldShare| column.mul_public(&super::number::elements(known)).sum();
        results.push(match (left.known(), right.known()) {
            (Some(known), _) => Some(weighted(known, right.field(session)?)),
            (_, Some(known)) => Some(weighted(known, left.field(session)?)),
            _ => {
                pairs.push((left.field(session)?, right.field(session)?));
                None
            }
        });
    }
    let products = inner_products(&pairs, session)?;
    let mut taken = 0;
    let mut values = Vec::new();
    for (result, step) in results.into_iter().zip(steps) {
        let field = result.unwrap_or_else(|| {
            taken += 1;
            products.slice(taken - 1..taken)
        });
        values.push(Value::Number(Number::from_field(field, &step.of.range)));
    }
    Ok(values)
}

type Group = fn(&[&Step<'_, Value>], &mut Session) -> Result<Vec<Value>, RunError>;

/// Steps over the same first column (and, of a join, the same second one) together.
fn in_groups(steps: &[Step<'_, Value>], run: Group, session: &mut Session) -> Result<Vec<Value>, RunError> {
    let mut results: Vec<Option<Value>> = vec![None; steps.len()];
    for first in 0..steps.len() {
        if results[first].is_some() {
            continue;
        }
        let is_join = |step: &Step<'_, Value>| matches!(step.op, Op::Lookup { .. } | Op::Matched { .. });
        let (column, join) = (number(&steps[first], 0)?.0, is_join(&steps[first]));
        let mut members = Vec::new();
        for (position, step) in steps.iter().enumerate().skip(first) {
            let same = number(step, 0)?.0.is_same(column);
            if same && (!join || number(step, 1)?.0.is_same(number(&steps[first], 1)?.0)) {
                members.push(position);
            }
        }
        let group: Vec<_> = members.iter().map(|position| &steps[*position]).collect();
        for (position, value) in members.iter().zip(run(&group, session)?) {
            results[*position] = Some(value);
        }
    }
    Ok(results.into_iter().flatten().collect())
}

/// Columns put in order of one key: one sort carries them all.
fn sorts(steps: &[&Step<'_, Value>], session: &mut Session) -> Result<Vec<Value>, RunError> {
    let Some(first) = steps.first() else { return Ok(Vec::new()) };
    let (key, _) = number(first, 0)?;
    let int = key.int(session)?;
    let mut payload = Table::default();
    for step in steps {
        match &step.arguments[1].0 {
            Value::Boolean(boolean) => payload.bits.push(boolean.share(session)),
            Value::Number(number) => payload.field.push(number.field(session)?.clone()),
            Value::Real(_) => return Err(data("a rounded number is no column").into()),
        }
    }
    let sorted = sort(&[SortKey::ascending(int)], &payload, session)?;
    let (mut bits, mut field) = (sorted.payload.bits.into_iter(), sorted.payload.field.into_iter());
    let mut values = Vec::new();
    for step in steps {
        let gone = || data("the sort lost a column");
        values.push(match &step.arguments[1].0 {
            Value::Boolean(_) => Value::Boolean(Boolean::shared(bits.next().ok_or_else(gone)?)),
            Value::Number(number) => {
                let column = field.next().ok_or_else(gone)?;
                Value::Number(if number.is_same(key) {
                    let int = sorted.keys.first().ok_or_else(gone)?;
                    Number::from_int(int.clone(), &step.of.range).and_field(column)
                } else {
                    Number::from_field(column, &step.of.range)
                })
            }
            Value::Real(real) => Value::Real(real.clone()),
        });
    }
    Ok(values)
}

/// All ranks of one column.
fn order_statistics(steps: &[&Step<'_, Value>], session: &mut Session) -> Result<Vec<Value>, RunError> {
    let Some(first) = steps.first() else { return Ok(Vec::new()) };
    let int = number(first, 0)?.0.int(session)?;
    let mut ranks = Vec::new();
    for step in steps {
        let rank = number(step, 1)?.0.known_scalar().and_then(|rank| usize::try_from(rank).ok());
        let rank = rank.filter(|rank| *rank < int.rows());
        ranks.push(rank.ok_or_else(|| data("a rank beyond the number of rows"))?);
    }
    let found = rep3::select(int, &ranks, session)?;
    let value = |(position, step): (usize, &&Step<'_, Value>)| {
        Value::Number(Number::from_int(found.slice(position..position + 1), &step.of.range))
    };
    Ok(steps.iter().enumerate().map(value).collect())
}

/// The row of a column at a secret position: the column times where its position is the one.
fn element(step: &Step<'_, Value>, session: &mut Session) -> Result<Number, RunError> {
    let rows = step.rows as usize;
    let ((column, _), (at, of)) = (number(step, 0)?, number(step, 1)?);
    let range = &step.of.range;
    let column = column.spread(rows, range);
    let field = column.field(session)?;
    if let Some(known) = at.known_scalar() {
        let inside = usize::try_from(known).ok().filter(|at| *at < rows);
        let element = inside.map_or_else(|| FieldShare::zeros(1), |at| field.slice(at..at + 1));
        return Ok(Number::from_field(element, range));
    }
    let last = rows.saturating_sub(1) as i128;
    let index = Number::public((0..=last).collect(), &Interval::new(0, last));
    let at = at.spread(rows, &of.range);
    let here = compare::equal(index.int(session)?, at.int(session)?, session)?;
    let here = Number::truth(Boolean::shared(here));
    Ok(Number::from_field(inner_products(&[(here.field(session)?, field)], session)?, range))
}

fn running(values: &[Fp]) -> Vec<Fp> {
    let mut total = Fp::default();
    values
        .iter()
        .map(|value| {
            total += *value;
            total
        })
        .collect()
}

fn previous(step: &Step<'_, Value>, session: &mut Session) -> Result<Value, RunError> {
    let rows = step.rows as usize;
    let range = &step.of.range;
    Ok(match &step.arguments[0].0 {
        Value::Boolean(boolean) => {
            let share = boolean.share(session);
            Value::Boolean(Boolean::shared(BitShare::concat([
                &BitShare::zeros(1),
                &share.slice(0..rows - 1),
            ])))
        }
        Value::Number(number) if number.has_int() => {
            let int = number.int(session)?;
            let shifted = int.map(|bit| BitShare::concat([&BitShare::zeros(1), &bit.slice(0..rows - 1)]));
            Value::Number(Number::from_int(shifted, range))
        }
        Value::Number(number) => {
            let field = number.field(session)?.slice(0..rows - 1);
            Value::Number(Number::from_field(FieldShare::concat([&FieldShare::zeros(1), &field]), range))
        }
        Value::Real(_) => return Err(data("a rounded number is no column").into()),
    })
}

/// `floor(x / d)` by a product with `ceil(2^s / d)` and a shift (Granlund and Montgomery, PLDI 1994, theorem 4.2):
/// exact for `0 <= x < 2^w` with `s = w + ceil(log2 d)`. Negative numbers are moved up by a multiple of `d` before.
fn floor_divide(step: &Step<'_, Value>, divisor: u32, session: &mut Session) -> Result<Number, RunError> {
    let (dividend, of) = number(step, 0)?;
    let divisor = i128::from(divisor);
    let raised = if of.range.min.is_negative() { (-end(&of.range.min) + divisor - 1) / divisor } else { 0 };
    let highest: BigInt = &of.range.max + raised * divisor;
    let bits = highest.bits() as usize;
    let log = (128 - (divisor - 1).leading_zeros()) as usize;
    let shift = bits + log;
    if bits + shift + 1 > 126 {
        return Err(PlanError::new(
            Code::Overflow,
            format!("dividing a secret number of {bits} bits by {divisor} needs more than 126 bits"),
            "declare a narrower range or fewer rows",
        )
        .into());
    }
    let factor = ((1i128 << shift) + divisor - 1) / divisor;
    let field = dividend.field(session)?;
    let up = [Fp::from_i128(raised * divisor)];
    let product = field.add_public(&up, session.party()).scale(Fp::from_i128(factor));
    let quotient = truncate(&product, shift, bits + shift + 1, false, session)?;
    let down = [Fp::from_i128(-raised)];
    Ok(Number::from_field(quotient.add_public(&down, session.party()), &step.of.range))
}
