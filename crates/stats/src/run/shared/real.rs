//! Rounded numbers: floating-point shares, taken together so that many cost the rounds of one.

use super::number::Number;
use super::{RunError, Value};
use crate::check::{FIXED_BITS, Type};
use crate::number::Number as Opened;
use crate::plan::Op;
use crate::run::Step;
use crate::run::clear::data;
use algebra::Fp;
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use rep3::scalar::{EXPONENT, FloatShare, MANTISSA, divide, from_field, log2, multiply, sqrt};
use rep3::{BitShare, FieldShare, IntShare, Session};

/// The widest mantissas that operations take.
const WIDE: usize = 60;

/// Applies `divide`, `multiply` or `sqrt` to all steps at once.
pub fn apply(steps: &[Step<'_, Value>], session: &mut Session) -> Result<Vec<Value>, RunError> {
    let Some(first) = steps.first() else { return Ok(Vec::new()) };
    let mut columns = (0..first.arguments.len())
        .map(|index| {
            let arguments: Vec<_> = steps.iter().map(|step| &step.arguments[index]).collect();
            floats(&arguments, session)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let right = if columns.len() > 1 { columns.pop() } else { None };
    let results = match (first.op, columns.pop(), right) {
        (Op::Divide { .. }, Some(left), Some(right)) => divide(&left, &right, session)?,
        (Op::Multiply { .. }, Some(left), Some(right)) => multiply(&left, &right, session)?,
        (Op::Sqrt { .. }, Some(of), None) => sqrt(&of, session)?,
        _ => return Err(data(format!("`{}` of rounded numbers", first.op.name())).into()),
    };
    Ok((0..steps.len()).map(|position| Value::Real(row(&results, position).into())).collect())
}

/// One argument of each step, below each other.
fn floats(arguments: &[&(Value, Type)], session: &mut Session) -> Result<FloatShare, RunError> {
    let mut exact = Vec::new();
    let mut scales = Vec::new();
    for (value, of) in arguments {
        match value {
            Value::Number(number) => {
                exact.push(number.field(session)?);
                scales.push(of.scale().divisor());
            }
            Value::Boolean(_) => return Err(data("a boolean where a number belongs").into()),
            Value::Real(_) => {}
        }
    }
    let mut converted = FloatShare {
        sign: BitShare::zeros(0),
        mantissa: vec![BitShare::zeros(0); WIDE],
        exponent: vec![BitShare::zeros(0); EXPONENT],
        zero: BitShare::zeros(0),
        invalid: BitShare::zeros(0),
    };
    if !exact.is_empty() {
        converted = from_field(&FieldShare::concat(&exact), session)?;
        if scales.iter().any(|scale| *scale != BigInt::from(1)) {
            // A public divisor is exact in the field, up to 126 bits.
            let divisors: Option<Vec<Fp>> = scales.iter().map(|s| s.to_i128().map(Fp::from_i128)).collect();
            let divisors = divisors.ok_or_else(|| data("a scale that is too fine"))?;
            let divisors = from_field(&FieldShare::public(&divisors, session.party()), session)?;
            converted = divide(&converted, &divisors, session)?;
        }
    }
    let mut taken = 0;
    let rows: Vec<FloatShare> = arguments
        .iter()
        .map(|(value, _)| {
            if let Value::Real(real) = value {
                return (**real).clone();
            }
            taken += 1;
            row(&converted, taken - 1)
        })
        .collect();
    Ok(stack(&rows))
}

/// One row.
fn row(of: &FloatShare, position: usize) -> FloatShare {
    let take = |bit: &BitShare| bit.slice(position..position + 1);
    FloatShare {
        sign: take(&of.sign),
        mantissa: of.mantissa.iter().map(take).collect(),
        exponent: of.exponent.iter().map(take).collect(),
        zero: take(&of.zero),
        invalid: take(&of.invalid),
    }
}

/// Rows below each other, with mantissas of one width.
fn stack(rows: &[FloatShare]) -> FloatShare {
    let concat = |pick: &dyn Fn(&FloatShare) -> BitShare| {
        BitShare::concat(rows.iter().map(pick).collect::<Vec<_>>().iter())
    };
    let width = rows.iter().map(|row| row.mantissa.len()).max().unwrap_or(MANTISSA);
    let bit = |row: &FloatShare, k: usize| {
        let missing = width - row.mantissa.len();
        if k < missing { BitShare::zeros(row.rows()) } else { row.mantissa[k - missing].clone() }
    };
    FloatShare {
        sign: concat(&|row| row.sign.clone()),
        mantissa: (0..width).map(|k| concat(&|row| bit(row, k))).collect(),
        exponent: (0..EXPONENT).map(|k| concat(&|row| row.exponent[k].clone())).collect(),
        zero: concat(&|row| row.zero.clone()),
        invalid: concat(&|row| row.invalid.clone()),
    }
}

/// A rounded number as one integer: mantissa, exponent, sign, and whether there is none.
pub fn pack(real: &FloatShare) -> IntShare {
    let mut bits = real.mantissa[real.mantissa.len() - MANTISSA..].to_vec();
    bits.extend_from_slice(&real.exponent);
    bits.extend([real.sign.clone(), real.invalid.clone()]);
    IntShare::unsigned(bits)
}

/// How many bits [`pack`] makes.
pub const PACKED: usize = MANTISSA + EXPONENT + 2;

/// The number that [`pack`] packed, with the relative error that its type says.
pub fn unpack(packed: u128, of: &Type) -> Option<Opened> {
    if packed >> PACKED != 0 {
        return None;
    }
    let field = |from: usize, bits: usize| packed >> from & ((1 << bits) - 1);
    if field(MANTISSA + EXPONENT + 1, 1) == 1 {
        return Some(Opened::UNDEFINED);
    }
    let exponent = field(MANTISSA, EXPONENT) as i32;
    let exponent = exponent << (32 - EXPONENT) >> (32 - EXPONENT);
    let magnitude = field(0, MANTISSA) as f64 * 2f64.powi(exponent - MANTISSA as i32 + 1);
    let value = if field(MANTISSA + EXPONENT, 1) == 1 { -magnitude } else { magnitude };
    Some(Opened::rounded(value, magnitude * of.error))
}

/// The base-2 logarithms of a column of positive numbers, in units of `2^-FIXED_BITS`.
pub fn logarithms(
    column: &Number,
    of: &Type,
    result: &Type,
    session: &mut Session,
) -> Result<Number, RunError> {
    let floats = from_field(&column.field(session)?, session)?;
    let logarithms = log2(&floats, session)?.value;
    let scale = of.scale().divisor().to_f64().unwrap_or(1.0).log2();
    let offset = Fp::from_i128((scale * (FIXED_BITS as f64).exp2()).round() as i128);
    let offsets = vec![-offset; logarithms.len()];
    Ok(Number::from_field(logarithms.add_public(&offsets, session.party()), &result.range))
}

/// One over each of a column of positive numbers, at the scale of the result.
pub fn reciprocals(
    column: &Number,
    of: &Type,
    result: &Type,
    session: &mut Session,
) -> Result<Number, RunError> {
    let rows = column.rows();
    let divisors = from_field(&column.field(session)?, session)?;
    let one = of.scale().divisor() << result.scale().binary;
    let one = Fp::from_i128(one.to_i128().ok_or_else(|| data("a scale that is too fine"))?);
    let ones = from_field(&FieldShare::public(&[one], session.party()), session)?;
    let quotients = divide(&stack(&vec![ones; rows]), &divisors, session)?;
    floors(&quotients, result, session)
}

/// Positive numbers rounded down: for each exponent that the range allows, the bits above the binary point.
fn floors(of: &FloatShare, result: &Type, session: &mut Session) -> Result<Number, RunError> {
    let width = result.range.width() as usize;
    let exponent = IntShare::signed(of.exponent.clone());
    let candidates: Vec<i128> = (0..width as i128).collect();
    let chosen = rep3::compare::equal_each(&exponent, &candidates, session)?;
    let mut pairs = Vec::new();
    for (exponent, chosen) in chosen.iter().enumerate() {
        for bit in exponent.saturating_sub(MANTISSA - 1)..=exponent {
            pairs.push((chosen.clone(), of.mantissa[MANTISSA - 1 + bit - exponent].clone()));
        }
    }
    let mut products = rep3::and_many(&pairs, session)?.into_iter();
    let mut bits = vec![BitShare::zeros(of.rows()); width];
    for exponent in 0..width {
        let low = exponent.saturating_sub(MANTISSA - 1);
        for (bit, product) in bits[low..=exponent].iter_mut().zip(&mut products) {
            bit.xor_assign(&product);
        }
    }
    Ok(Number::from_int(IntShare::unsigned(bits), &result.range))
}
