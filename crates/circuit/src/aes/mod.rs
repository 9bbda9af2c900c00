//! AES-128 (FIPS 197), encryption only: what counter mode needs.
//!
//! A block is 160 S-boxes of 32 AND gates in ten steps of five layers: 5,120 AND gates, depth 50. A key schedule
//! is 40 S-boxes: 1,280 AND gates, depth 50.

mod sbox;

use crate::{Backend, bits};

/// Round keys of 128 wires each: the one before the first round, and one for each of ten rounds.
#[derive(Clone)]
pub struct Schedule<W>(Vec<Vec<W>>);

/// Expands a key of 128 wires. 1,280 AND gates.
///
/// # Errors
/// The backend's.
pub fn schedule<B: Backend>(key: &[B::Wire], backend: &mut B) -> Result<Schedule<B::Wire>, B::Error> {
    assert_eq!(key.len(), 128, "an AES-128 key has 128 wires");
    let mut keys = vec![key.to_vec()];
    let mut round_constant = bits::from_u64(1, 8);
    for round in 0..10 {
        let previous = &keys[round];
        // The last word, rotated by a byte, goes through the S-box; then each word adds the one before it.
        let rotated: Vec<B::Wire> = previous[104..].iter().chain(&previous[96..104]).cloned().collect();
        let mut word = sbox::substitute(&rotated, backend)?;
        for (bit, &one) in word.iter_mut().zip(&round_constant) {
            if one {
                *bit = backend.not(bit);
            }
        }
        let mut next = Vec::with_capacity(128);
        for old in previous.chunks(32) {
            word = bits::xor(&word, old, backend);
            next.extend_from_slice(&word);
        }
        keys.push(next);
        round_constant = bits::from_bytes(&[double(bits::to_u64(&round_constant) as u8)]);
    }
    Ok(Schedule(keys))
}

/// Encrypts a block of 128 wires. 5,120 AND gates.
///
/// # Errors
/// The backend's.
pub fn encrypt<B: Backend>(
    schedule: &Schedule<B::Wire>,
    block: &[B::Wire],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    assert_eq!(block.len(), 128, "an AES block has 128 wires");
    let (first, rest) = (&schedule.0[0], &schedule.0[1..]);
    let mut state = bits::xor(block, first, backend);
    for (round, key) in rest.iter().enumerate() {
        state = sbox::substitute(&state, backend)?;
        state = shift_rows(&state);
        if round + 1 < rest.len() {
            state = mix_columns(&state, backend);
        }
        state = bits::xor(&state, key, backend);
    }
    Ok(state)
}

/// Byte `4 c + r` of the state is row `r`, column `c`; row `r` moves left by `r` columns.
fn shift_rows<W: Clone>(state: &[W]) -> Vec<W> {
    (0..16)
        .flat_map(|byte| {
            let from = (byte + 4 * (byte % 4)) % 16;
            state[8 * from..8 * from + 8].iter().cloned()
        })
        .collect()
}

/// Each byte becomes `a + (a + b + c + d) + 2 (a + b)`, where b, c, d follow it in its column.
fn mix_columns<B: Backend>(state: &[B::Wire], backend: &mut B) -> Vec<B::Wire> {
    let mut mixed = Vec::with_capacity(128);
    for column in state.chunks(32) {
        let byte = |i: usize| &column[8 * (i % 4)..8 * (i % 4) + 8];
        let total: Vec<B::Wire> =
            (0..8).map(|bit| bits::parity((0..4).map(|i| &byte(i)[bit]), backend)).collect();
        for i in 0..4 {
            let pair = bits::xor(byte(i), byte(i + 1), backend);
            for bit in 0..8 {
                let mut sum = backend.xor(&byte(i)[bit], &total[bit]);
                // Doubling shifts up by one and reduces by x^8 = x^4 + x^3 + x + 1.
                backend.xor_assign(&mut sum, &pair[(bit + 7) % 8]);
                if matches!(bit, 1 | 3 | 4) {
                    backend.xor_assign(&mut sum, &pair[7]);
                }
                mixed.push(sum);
            }
        }
    }
    mixed
}

/// Multiplication by x in the field of AES.
const fn double(byte: u8) -> u8 {
    (byte << 1) ^ (0x1b * (byte >> 7))
}
