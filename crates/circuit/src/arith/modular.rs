//! Addition modulo a public number.

use super::ripple;
use crate::Backend;

/// `a + b mod modulus` for `a, b < modulus`, all of `n` wires. At most `3 n` AND gates (768 for the prime of the
/// curve P-256), depth about `2 n`: for backends to which depth is free.
///
/// # Errors
/// The backend's.
pub fn add<B: Backend>(
    a: &[B::Wire],
    b: &[B::Wire],
    modulus: &[bool],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    let width = a.len();
    assert_eq!(modulus.len(), width, "a modulus of another width");
    let sum = ripple::add_wide(a, b, backend)?;
    // Adding 2^n - modulus carries out of n bits exactly when the n low bits reach the modulus; a sum that
    // itself carried out has reached it anyway.
    let reduced = ripple::add_constant_wide(&sum[..width], &negated(modulus), true, backend)?;
    let (low, carried) = reduced.split_at(width);
    // Both carries at once cannot be: the sum is below twice the modulus.
    let reached = backend.xor(&sum[width], &carried[0]);
    let pairs: Vec<_> =
        sum.iter().zip(low).map(|(sum, low)| (backend.xor(sum, low), reached.clone())).collect();
    let mut result = backend.and(&pairs)?;
    for (bit, sum) in result.iter_mut().zip(&sum) {
        backend.xor_assign(bit, sum);
    }
    Ok(result)
}

/// `2^n - modulus`, for a modulus of `n` bits other than zero.
fn negated(modulus: &[bool]) -> Vec<bool> {
    let mut carry = true;
    modulus
        .iter()
        .map(|&bit| {
            let out = !bit ^ carry;
            carry &= !bit;
            out
        })
        .collect()
}
