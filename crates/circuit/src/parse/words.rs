//! Windows that hold one of a list of words.

use super::{Reading, one_of};
use crate::{Backend, bits, logic};

/// The place of the window's word in the list, and whether it is in the list. Words that do not fit into the window
/// with a byte after them cannot be met.
pub fn parse<B: Backend>(
    words: &[&str],
    window: &[B::Wire],
    ends: &[u8],
    backend: &mut B,
) -> Result<Reading<B::Wire>, B::Error> {
    let byte = |i: usize| &window[8 * i..8 * i + 8];
    let mut lengths: Vec<usize> =
        words.iter().map(|word| word.len()).filter(|&n| 8 * n < window.len()).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let after: Vec<&[B::Wire]> = lengths.iter().map(|&length| byte(length)).collect();
    let ended = one_of(&after, ends, backend)?;

    let mut groups = Vec::with_capacity(words.len());
    for word in words {
        let mut group = Vec::with_capacity(8 * word.len() + 1);
        match lengths.binary_search(&word.len()) {
            Ok(place) => {
                let negated: Vec<bool> = bits::from_bytes(word.as_bytes()).iter().map(|bit| !bit).collect();
                group.extend(bits::xor_constant(&window[..negated.len()], &negated, backend));
                group.push(ended[place].clone());
            }
            Err(_) => group.push(backend.constant(false)),
        }
        groups.push(group);
    }
    // The words and what ends them differ, so that at most one is met, and sums serve as disjunctions.
    let met = logic::all(groups, backend)?;
    let width = (usize::BITS - words.len().saturating_sub(1).leading_zeros()).max(1);
    let value = (0..width)
        .map(|bit| {
            bits::parity(
                met.iter().enumerate().filter(|(i, _)| i >> bit & 1 == 1).map(|(_, met)| met),
                backend,
            )
        })
        .collect();
    Ok(Reading { value, valid: bits::parity(met.iter(), backend) })
}
