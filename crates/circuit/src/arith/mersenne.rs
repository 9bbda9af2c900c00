//! Addition modulo a Mersenne number `2^n - 1`.

use super::parallel::{full_adders, prefix};
use crate::{Backend, bits};

/// The canonical residue (all ones never occurs) of the sum of three canonical residues of `n` wires modulo
/// `2^n - 1`. 1,262 AND gates, depth 10, for `n = 127`.
///
/// Carries out of the top re-enter at the bottom, since `2^n = 1`. The end-around carry of the last addition is set
/// also when all positions propagate: that turns a sum of all ones into zero. The one input it cannot reduce, three
/// times all ones, is not canonical.
///
/// # Errors
/// The backend's.
pub fn add3<B: Backend>(operands: [&[B::Wire]; 3], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let (sum, mut carry) = full_adders(operands, backend)?;
    carry.rotate_right(1);
    let pairs: Vec<_> = sum.iter().cloned().zip(carry.iter().cloned()).collect();
    let generate = backend.and(&pairs)?;
    let single = bits::xor(&sum, &carry, backend);
    let (generate, propagate) = prefix(generate, single.clone(), true, backend)?;
    let (Some(all_generate), Some(all_propagate)) = (generate.last(), propagate.last()) else {
        return Ok(Vec::new());
    };
    let around = backend.xor(all_generate, all_propagate);
    let below = generate.len() - 1;
    let pairs: Vec<_> = propagate[..below].iter().map(|bit| (bit.clone(), around.clone())).collect();
    let mut carries = backend.and(&pairs)?;
    for (carry, generate) in carries.iter_mut().zip(&generate) {
        backend.xor_assign(carry, generate);
    }
    carries.insert(0, around);
    Ok(bits::xor(&single, &carries, backend))
}
