//! Keccak-f\[1600\] and SHA3-256 (FIPS 202).
//!
//! A permutation is 24 rounds of 1,600 AND gates in one layer each: 38,400 AND gates, depth 24. Bit `z` of lane
//! `(x, y)` is wire `64 (5 y + x) + z`, so that the state is also the byte string that FIPS 202 makes of it.

use crate::{Backend, bits};

/// Wires of the state.
pub const STATE: usize = 1600;
/// Bytes that one permutation of SHA3-256 absorbs.
pub const RATE: usize = 136;
/// Layers of AND gates in a permutation.
pub const ROUNDS: usize = 24;

/// Where step rho and step pi take each bit from: new wire `i` is old wire `SOURCE[i]` (FIPS 202 §3.2.2, §3.2.3).
const SOURCE: [u16; STATE] = source();
/// What step iota adds to lane (0, 0) in each round (FIPS 202 §3.2.5).
const ROUND_CONSTANTS: [u64; ROUNDS] = round_constants();

const fn source() -> [u16; STATE] {
    let mut rotation = [0; 25];
    let (mut x, mut y) = (1, 0);
    let mut t = 0;
    while t < 24 {
        rotation[5 * y + x] = (t + 1) * (t + 2) / 2 % 64;
        (x, y) = (y, (2 * x + 3 * y) % 5);
        t += 1;
    }
    let mut source = [0; STATE];
    let mut wire = 0;
    while wire < STATE {
        let (x, y, z) = (wire / 64 % 5, wire / 320, wire % 64);
        let from = 5 * x + (x + 3 * y) % 5;
        source[wire] = (64 * from + (64 + z - rotation[from]) % 64) as u16;
        wire += 1;
    }
    source
}

const fn round_constants() -> [u64; ROUNDS] {
    let mut constants = [0; ROUNDS];
    // The linear feedback shift register of FIPS 202 algorithm 5, one step a bit.
    let mut register: u16 = 1;
    let mut round = 0;
    while round < ROUNDS {
        let mut j = 0;
        while j < 7 {
            if register & 1 == 1 {
                constants[round] |= 1 << ((1 << j) - 1);
            }
            register <<= 1;
            if register & 0x100 != 0 {
                register ^= 0x171;
            }
            j += 1;
        }
        round += 1;
    }
    constants
}

/// Keccak-f\[1600\] of a state of 1,600 wires. 38,400 AND gates, depth 24.
///
/// # Errors
/// The backend's.
pub fn permute<B: Backend>(state: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    assert_eq!(state.len(), STATE, "a Keccak state has 1600 wires");
    let mut state = state.to_vec();
    for constant in ROUND_CONSTANTS {
        theta(&mut state, backend);
        state = chi(&state, backend)?;
        for (z, wire) in state[..64].iter_mut().enumerate() {
            if constant >> z & 1 == 1 {
                *wire = backend.not(wire);
            }
        }
    }
    Ok(state)
}

/// Adds to each bit the parities of two neighbouring columns.
fn theta<B: Backend>(state: &mut [B::Wire], backend: &mut B) {
    let parity: Vec<B::Wire> =
        (0..320).map(|column| bits::parity((0..5).map(|y| &state[320 * y + column]), backend)).collect();
    for column in 0..320 {
        let (x, z) = (column / 64, column % 64);
        let left = &parity[64 * ((x + 4) % 5) + z];
        let right = &parity[64 * ((x + 1) % 5) + (z + 63) % 64];
        let sum = backend.xor(left, right);
        for y in 0..5 {
            backend.xor_assign(&mut state[320 * y + column], &sum);
        }
    }
}

/// Steps rho and pi, which move bits, and then chi: the round's only layer of AND gates.
fn chi<B: Backend>(state: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let moved = |x: usize, row: usize| {
        let (y, z) = (row / 64, row % 64);
        &state[SOURCE[64 * (5 * y + x % 5) + z] as usize]
    };
    let place = |wire: usize| (wire / 64 % 5, wire / 320 * 64 + wire % 64);
    let pairs = (0..STATE).map(place).map(|(x, row)| (moved(x + 1, row), moved(x + 2, row)));
    let mut next = backend.layer(&pairs.collect::<Vec<_>>())?;
    for (wire, next) in next.iter_mut().enumerate() {
        let (x, row) = place(wire);
        // a + !b c = a + c + b c.
        backend.xor_assign(next, moved(x, row));
        backend.xor_assign(next, moved(x + 2, row));
    }
    Ok(next)
}

/// SHA3-256 of a byte string, as 256 wires. 38,400 AND gates for every 136 bytes begun (at least once).
///
/// # Errors
/// The backend's.
pub fn sha3_256<B: Backend>(message: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let padded = pad(message, backend);
    absorb(&padded, backend)
}

/// The message with the padding of SHA3-256, which is public: whole blocks of 136 bytes.
pub fn pad<B: Backend>(message: &[B::Wire], backend: &mut B) -> Vec<B::Wire> {
    assert_eq!(message.len() % 8, 0, "a message is whole bytes");
    let bytes = message.len() / 8;
    let mut padding = vec![0; RATE - bytes % RATE];
    padding[0] = 0x06;
    if let Some(last) = padding.last_mut() {
        *last |= 0x80;
    }
    let mut padded = message.to_vec();
    padded.extend(bits::constant_bytes(&padding, backend));
    padded
}

/// SHA3-256 of a message that has been [padded](pad): for columns whose rows have messages of different lengths but
/// as many blocks.
///
/// # Errors
/// The backend's.
pub fn absorb<B: Backend>(padded: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    assert!(!padded.is_empty() && padded.len().is_multiple_of(8 * RATE), "a padded message is whole blocks");
    let (first, rest) = padded.split_at(8 * RATE);
    // The state starts as zeros, so that the first block needs no addition.
    let mut state = first.to_vec();
    state.resize(STATE, backend.constant(false));
    state = permute(&state, backend)?;
    for block in rest.chunks(8 * RATE) {
        for (wire, bit) in state.iter_mut().zip(block) {
            backend.xor_assign(wire, bit);
        }
        state = permute(&state, backend)?;
    }
    state.truncate(256);
    Ok(state)
}
