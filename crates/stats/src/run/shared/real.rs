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
use rep3::scalar::{EXPONENT, FloatShare, MANTISSA, divide, from_field, from_int, log2, multiply, sqrt};
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
    Ok((0..steps.len()).map(|position| Value::Real(gather(&results, &[position as u32]).into())).collect())
}

/// One argument of each step, below each other.
fn floats(arguments: &[&(Value, Type)], session: &mut Session) -> Result<FloatShare, RunError> {
    let (mut exact, mut wide) = (Vec::new(), Vec::new());
    let mut scales = Vec::new();
    for (value, of) in arguments {
        match value {
            Value::Number(number) if number.is_wide() => wide.push((number, of)),
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
    // Numbers that the field cannot hold come behind those that it can.
    let exact_rows = exact.len() as u32;
    let mut parts = Vec::new();
    if !exact.is_empty() {
        parts.push(from_field(&FieldShare::concat(exact), session)?);
    }
    for (number, of) in wide {
        parts.push(from_int(number.int(session)?, session)?);
        scales.push(of.scale().divisor());
    }
    if !parts.is_empty() {
        converted = stack(&parts);
        if scales.iter().any(|scale| *scale != BigInt::from(1)) {
            // A public divisor is exact in the field, up to 126 bits.
            let divisors: Option<Vec<Fp>> = scales.iter().map(|s| s.to_i128().map(Fp::from_i128)).collect();
            let divisors = divisors.ok_or_else(|| data("a scale that is too fine"))?;
            let divisors = from_field(&FieldShare::public(&divisors, session.party()), session)?;
            converted = divide(&converted, &divisors, session)?;
        }
    }
    let (mut taken, mut wide_taken) = (0, exact_rows);
    let rows: Vec<FloatShare> = arguments
        .iter()
        .map(|(value, _)| {
            let next = match value {
                Value::Real(real) => return (**real).clone(),
                Value::Number(number) if number.is_wide() => &mut wide_taken,
                _ => &mut taken,
            };
            *next += 1;
            gather(&converted, &[*next - 1])
        })
        .collect();
    Ok(stack(&rows))
}

/// These rows, in this order.
fn gather(of: &FloatShare, rows: &[u32]) -> FloatShare {
    let take = |bit: &BitShare| bit.gather(rows);
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
    let logarithms = in_parts(column.field(session)?, ROWS_AT_ONCE, |part| {
        let floats = from_field(part, session)?;
        Ok(log2(&floats, session)?.value)
    })?;
    let logarithms = FieldShare::concat(&logarithms);
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
    let one = of.scale().divisor() << result.scale().binary;
    let one = Fp::from_i128(one.to_i128().ok_or_else(|| data("a scale that is too fine"))?);
    let ones = from_field(&FieldShare::public(&[one], session.party()), session)?;
    let width = result.range.width() as usize;
    let floors = in_parts(column.field(session)?, ROWS_AT_ONCE, |part| {
        let divisors = from_field(part, session)?;
        let quotients = divide(&gather(&ones, &vec![0; part.len()]), &divisors, session)?;
        floors(&quotients, width, session)
    })?;
    let bits = (0..width).map(|k| BitShare::concat(floors.iter().map(|part| &part[k])));
    Ok(Number::from_int(IntShare::unsigned(bits.collect()), &result.range))
}

/// Rows that take the long way through a logarithm or a division at once. A row's wires take up kilobytes on that way,
/// which longer columns must not add up; and with so many rows a round costs little next to what is computed in it.
const ROWS_AT_ONCE: usize = 1 << 16;

/// Computes on so many rows of a column at a time. An empty column is one empty part.
fn in_parts<T>(
    column: &FieldShare,
    rows: usize,
    mut compute: impl FnMut(&FieldShare) -> Result<T, RunError>,
) -> Result<Vec<T>, RunError> {
    let starts = (0..column.len().max(1)).step_by(rows);
    starts.map(|start| compute(&column.slice(start..column.len().min(start + rows)))).collect()
}

/// Positive numbers rounded down to so many bits: for each exponent that fits, the bits above the binary point.
fn floors(of: &FloatShare, width: usize, session: &mut Session) -> Result<Vec<BitShare>, RunError> {
    let exponent = IntShare::signed(of.exponent.clone());
    let candidates: Vec<i128> = (0..width as i128).collect();
    let chosen = rep3::compare::equal_each(&exponent, &candidates, session)?;
    let mut pairs = Vec::new();
    for (exponent, chosen) in chosen.iter().enumerate() {
        for bit in exponent.saturating_sub(MANTISSA - 1)..=exponent {
            pairs.push((chosen, &of.mantissa[MANTISSA - 1 + bit - exponent]));
        }
    }
    let mut products = rep3::layer(&pairs, session)?.into_iter();
    let mut bits = vec![BitShare::zeros(of.rows()); width];
    for exponent in 0..width {
        let low = exponent.saturating_sub(MANTISSA - 1);
        for (bit, product) in bits[low..=exponent].iter_mut().zip(&mut products) {
            bit.xor_assign(&product);
        }
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use algebra::Fp;
    use rep3::FieldShare;
    use rep3::network::Party;

    use super::in_parts;

    #[test]
    fn parts_put_together_are_the_column() {
        for rows in [0, 1, 3, 4, 5, 8, 9] {
            let values: Vec<Fp> = (0..rows).map(Fp::new).collect();
            let column = FieldShare::public(&values, Party::P0);
            let mut lengths = Vec::new();
            let parts = in_parts(&column, 4, |part| {
                lengths.push(part.len());
                Ok(part.clone())
            });
            let parts = parts.unwrap_or_default();
            assert_eq!(lengths.len(), (rows as usize).div_ceil(4).max(1));
            assert!(lengths.iter().all(|&length| length <= 4));
            assert_eq!(FieldShare::concat(&parts).own, column.own);
        }
    }
}
