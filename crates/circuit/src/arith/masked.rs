//! Adding two masks to an integer, for an opening of the sum.

use super::parallel;
use crate::Backend;

/// What [`add`] comes to.
#[derive(Clone, Debug)]
pub struct Masked<W> {
    /// `m`, the sum modulo `2^n`.
    pub sum: Vec<W>,
    /// `c`: what the carry-save addition carried out of the top.
    pub saved: W,
    /// `g`: what the adder carried out of the top.
    pub carried: W,
}

/// `x + r_1 + r_2 = m + 2^n (c + g)`. About `2 n + n log2 n` AND gates, depth `2 + log2 n`.
///
/// Each mask enters bit `i` of `m` linearly, and otherwise only bits above `i`. So `m` is a bijection of either mask
/// whatever the other two are, and remains one if any AND gates give wrong bits: a uniform mask makes `m` uniform even
/// in the hands of who computes it wrongly.
///
/// # Errors
/// The backend's.
pub fn add<B: Backend>(
    x: &[B::Wire],
    masks: [&[B::Wire]; 2],
    backend: &mut B,
) -> Result<Masked<B::Wire>, B::Error> {
    let (sum, mut carry) = parallel::full_adders([x, masks[0], masks[1]], backend)?;
    let saved = carry.pop().unwrap_or_else(|| backend.constant(false));
    carry.insert(0, backend.constant(false));
    carry.truncate(x.len());
    let mut sum = parallel::add_wide(&sum, &carry, backend)?;
    let carried = sum.pop().unwrap_or_else(|| backend.constant(false));
    Ok(Masked { sum, saved, carried })
}
