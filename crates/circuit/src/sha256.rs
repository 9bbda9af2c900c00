//! SHA-256 (FIPS 180-4), for backends to which depth is free.

use crate::{
    Backend,
    arith::ripple::{add, add_constant},
    bits,
};

/// Bytes that one compression absorbs.
pub const BLOCK: usize = 64;

/// The chaining value: eight words of 32 wires, least significant first.
#[derive(Clone)]
pub struct State<W>([Vec<W>; 8]);

/// The first 32 bits of the fractional parts of the square roots of the first eight primes (FIPS 180-4 §5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/// The same of the cube roots of the first 64 primes (FIPS 180-4 §4.2.2).
const ROUND_CONSTANTS: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

impl<W: Clone> State<W> {
    /// The chaining value before the first block.
    pub fn initial<B: Backend<Wire = W>>(backend: &mut B) -> Self {
        Self::constant(&INITIAL, backend)
    }

    /// A public chaining value: a midstate that was opened, say.
    pub fn constant<B: Backend<Wire = W>>(words: &[u32; 8], backend: &mut B) -> Self {
        Self(words.map(|word| bits::constant_u64(u64::from(word), 32, backend)))
    }

    /// The chaining value as the 256 wires of a digest's byte string.
    pub fn to_bytes(&self) -> Vec<W> {
        self.0.iter().flat_map(|word| swap_bytes(word)).collect()
    }

    /// The chaining value that has this byte string: the inverse of [`State::to_bytes`].
    pub fn from_bytes(bytes: &[W]) -> Self {
        assert_eq!(bytes.len(), 256, "a chaining value has 256 wires");
        Self(std::array::from_fn(|i| swap_bytes(&bytes[32 * i..32 * (i + 1)])))
    }
}

/// A big-endian word from the byte string's order of wires, and back.
fn swap_bytes<W: Clone>(word: &[W]) -> Vec<W> {
    word.rchunks(8).flatten().cloned().collect()
}

/// The compression function: the chaining value after a block of 512 wires. 22,573 AND gates.
///
/// # Errors
/// The backend's.
pub fn compress<B: Backend>(
    state: &State<B::Wire>,
    block: &[B::Wire],
    backend: &mut B,
) -> Result<State<B::Wire>, B::Error> {
    assert_eq!(block.len(), 8 * BLOCK, "a block has 512 wires");
    let mut schedule: Vec<Vec<B::Wire>> = block.chunks(32).map(swap_bytes).collect();
    let mut registers = state.0.clone();
    for (t, &constant) in ROUND_CONSTANTS.iter().enumerate() {
        if t >= 16 {
            schedule.push(expand(&schedule, t, backend)?);
        }
        let word = add_constant(&schedule[t], &bits::from_u64(u64::from(constant), 32), backend)?;
        round(&mut registers, &word, backend)?;
    }
    let mut next = registers;
    for (word, old) in next.iter_mut().zip(&state.0) {
        *word = add(word, old, backend)?;
    }
    Ok(State(next))
}

/// Word `t >= 16` of the message schedule (FIPS 180-4 §6.2.2, step 1).
fn expand<B: Backend>(
    schedule: &[Vec<B::Wire>],
    t: usize,
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    let sigma_0 = sigma(&schedule[t - 15], [7, 18], Third::Shift(3), backend);
    let sigma_1 = sigma(&schedule[t - 2], [17, 19], Third::Shift(10), backend);
    let word = add(&sigma_0, &schedule[t - 16], backend)?;
    let word = add(&word, &schedule[t - 7], backend)?;
    add(&word, &sigma_1, backend)
}

/// One round on the registers a to h (FIPS 180-4 §6.2.2, step 3), given the sum of round constant and word.
fn round<B: Backend>(
    registers: &mut [Vec<B::Wire>; 8],
    word: &[B::Wire],
    backend: &mut B,
) -> Result<(), B::Error> {
    let [a, b, c, d, e, f, g, h] = registers;
    // Ch picks f or g by e, and Maj = a + (a + b)(a + c): one AND gate a bit each.
    let mut pairs = Vec::with_capacity(64);
    for i in 0..32 {
        pairs.push((e[i].clone(), backend.xor(&f[i], &g[i])));
    }
    for i in 0..32 {
        pairs.push((backend.xor(&a[i], &b[i]), backend.xor(&a[i], &c[i])));
    }
    let mut choice = backend.and(&pairs)?;
    let mut majority = choice.split_off(32);
    for i in 0..32 {
        backend.xor_assign(&mut choice[i], &g[i]);
        backend.xor_assign(&mut majority[i], &a[i]);
    }
    let sum_1 = sigma(e, [6, 11], Third::Rotate(25), backend);
    let t1 = add(h, word, backend)?;
    let t1 = add(&t1, &choice, backend)?;
    let t1 = add(&t1, &sum_1, backend)?;
    let sum_0 = sigma(a, [2, 13], Third::Rotate(22), backend);
    let t2 = add(&sum_0, &majority, backend)?;
    let new_e = add(d, &t1, backend)?;
    let new_a = add(&t1, &t2, backend)?;
    registers.rotate_right(1);
    registers[0] = new_a;
    registers[4] = new_e;
    Ok(())
}

enum Third {
    Rotate(usize),
    Shift(usize),
}

/// The sum of two rotations to the right and a third rotation or shift.
fn sigma<B: Backend>(word: &[B::Wire], rotations: [usize; 2], third: Third, backend: &mut B) -> Vec<B::Wire> {
    (0..32)
        .map(|i| {
            let mut bit = backend.xor(&word[(i + rotations[0]) % 32], &word[(i + rotations[1]) % 32]);
            match third {
                Third::Rotate(by) => backend.xor_assign(&mut bit, &word[(i + by) % 32]),
                Third::Shift(by) if i + by < 32 => backend.xor_assign(&mut bit, &word[i + by]),
                Third::Shift(_) => {}
            }
            bit
        })
        .collect()
}

/// SHA-256 of a byte string, as 256 wires. 22,573 AND gates for every block of the padded message.
///
/// # Errors
/// The backend's.
pub fn sha256<B: Backend>(message: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let state = State::initial(backend);
    finish(&state, 0, message, backend)
}

/// The digest of a message of which `absorbed` bytes (whole blocks) are in `state` and the rest follows.
///
/// # Errors
/// The backend's.
pub fn finish<B: Backend>(
    state: &State<B::Wire>,
    absorbed: usize,
    rest: &[B::Wire],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    assert_eq!(rest.len() % 8, 0, "a message is whole bytes");
    assert_eq!(absorbed % BLOCK, 0, "a chaining value holds whole blocks");
    let bytes = rest.len() / 8;
    let mut padding = vec![0; BLOCK - (bytes + 8) % BLOCK];
    padding[0] = 0x80;
    padding.extend((8 * (absorbed + bytes) as u64).to_be_bytes());
    let mut padded = rest.to_vec();
    padded.extend(bits::constant_bytes(&padding, backend));
    let mut state = state.clone();
    for block in padded.chunks(8 * BLOCK) {
        state = compress(&state, block, backend)?;
    }
    Ok(state.to_bytes())
}
