//! Ripple-carry addition: one AND gate and one layer a bit.

use crate::Backend;

/// The majority of two bits and a carry by a single AND gate: `c + (a + c)(b + c)`.
fn majority<B: Backend>(
    a: &B::Wire,
    b: &B::Wire,
    carry: &B::Wire,
    backend: &mut B,
) -> Result<B::Wire, B::Error> {
    let (a, b) = (backend.xor(a, carry), backend.xor(b, carry));
    let mut majority = backend.and_one(&a, &b)?;
    backend.xor_assign(&mut majority, carry);
    Ok(majority)
}

/// The sum modulo `2^n` of two integers of `n` wires. `n - 1` AND gates.
///
/// # Errors
/// The backend's.
pub fn add<B: Backend>(a: &[B::Wire], b: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    sum(a, b, None, false, backend)
}

/// The sum of two integers of `n` wires, with its carry: `n + 1` wires. `n` AND gates.
///
/// # Errors
/// The backend's.
pub fn add_wide<B: Backend>(a: &[B::Wire], b: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    sum(a, b, None, true, backend)
}

/// The difference modulo `2^n` and, as wire `n`, whether `a >= b`. `n` AND gates.
///
/// # Errors
/// The backend's.
pub fn subtract<B: Backend>(a: &[B::Wire], b: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let b: Vec<B::Wire> = b.iter().map(|bit| backend.not(bit)).collect();
    let one = backend.constant(true);
    sum(a, &b, Some(one), true, backend)
}

fn sum<B: Backend>(
    a: &[B::Wire],
    b: &[B::Wire],
    carry_in: Option<B::Wire>,
    wide: bool,
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    assert_eq!(a.len(), b.len(), "integers of different widths");
    let mut sum = Vec::with_capacity(a.len() + 1);
    let mut carry = carry_in;
    for (i, (a_bit, b_bit)) in a.iter().zip(b).enumerate() {
        let mut bit = backend.xor(a_bit, b_bit);
        if let Some(carry) = &carry {
            backend.xor_assign(&mut bit, carry);
        }
        sum.push(bit);
        if i + 1 < a.len() || wide {
            carry = Some(match &carry {
                Some(carry) => majority(a_bit, b_bit, carry, backend)?,
                None => backend.and_one(a_bit, b_bit)?,
            });
        }
    }
    if wide {
        sum.push(carry.unwrap_or_else(|| backend.constant(false)));
    }
    Ok(sum)
}

/// The sum modulo `2^n` of an integer of `n` wires and a public one. Up to the constant's lowest one there is
/// nothing to carry, and that one's carry is the operand's own bit: `n - 2 - trailing zeros` AND gates.
///
/// # Errors
/// The backend's.
pub fn add_constant<B: Backend>(
    a: &[B::Wire],
    constant: &[bool],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    let mut sum = add_constant_wide(a, constant, false, backend)?;
    sum.truncate(a.len());
    Ok(sum)
}

/// As [`add_constant`]; wire `n` is the carry if `wide`, at the price of one more AND gate.
///
/// # Errors
/// The backend's.
pub(crate) fn add_constant_wide<B: Backend>(
    a: &[B::Wire],
    constant: &[bool],
    wide: bool,
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    assert_eq!(a.len(), constant.len(), "integers of different widths");
    let mut sum = Vec::with_capacity(a.len() + 1);
    let mut carry: Option<B::Wire> = None;
    for (i, (a_bit, &one)) in a.iter().zip(constant).enumerate() {
        let mut bit = if one { backend.not(a_bit) } else { a_bit.clone() };
        if let Some(carry) = &carry {
            backend.xor_assign(&mut bit, carry);
        }
        sum.push(bit);
        if i + 1 == a.len() && !wide {
            break;
        }
        carry = match (carry, one) {
            (None, false) => None,
            (None, true) => Some(a_bit.clone()),
            // The carry out is `a or carry` where the constant has a one, `a and carry` where it has none.
            (Some(carry), true) => {
                let (a_off, carry_off) = (backend.not(a_bit), backend.not(&carry));
                let neither = backend.and_one(&a_off, &carry_off)?;
                Some(backend.not(&neither))
            }
            (Some(carry), false) => Some(backend.and_one(a_bit, &carry)?),
        };
    }
    if wide {
        sum.push(carry.unwrap_or_else(|| backend.constant(false)));
    }
    Ok(sum)
}
