//! From tree leaves to columns: every leaf is stretched to a long bit string, and the strings are added up with
//! the bits of their leaf's index as coefficients (2022/192, section 4).

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};

use super::{DEPTH, LEAVES};

/// Blocks stretched at a time: a multiple of the widths at which processors run AES (8 and 30), few enough that a
/// chunk of all leaves stays in the second-level cache.
const CHUNK: usize = 60;

/// The leaves of one tree, keyed.
pub(super) struct Leaves {
    ciphers: Vec<Aes128Enc>,
    /// Leaf whose string counts as zero: the hole, which always sits at index zero.
    hole: bool,
}

/// What the leaves of one tree add up to, over some rows.
pub(super) struct Columns {
    /// The sum of all strings.
    pub all: Vec<u128>,
    /// For each index bit, the sum of the strings whose index has it.
    pub by_bit: [Vec<u128>; DEPTH],
}

impl Leaves {
    /// All leaves are known.
    pub fn whole(seeds: &[u128]) -> Self {
        Self { ciphers: seeds.iter().map(cipher).collect(), hole: false }
    }

    /// All but leaf `hole` are known. Leaf `y` takes the index `y ^ hole`, so that every string counts with
    /// the difference between its own place and the hole.
    pub fn punctured(seeds: &[u128], hole: usize) -> Self {
        Self { ciphers: (0..seeds.len()).map(|i| cipher(&seeds[i ^ hole])).collect(), hole: true }
    }

    /// Stretches every leaf over blocks `start .. start + count` and adds up.
    pub fn columns(&self, start: usize, count: usize) -> Columns {
        let mut columns = Columns { all: Vec::with_capacity(count), by_bit: Default::default() };
        let mut strings = vec![0u128; LEAVES * CHUNK];
        for offset in (0..count).step_by(CHUNK) {
            let width = CHUNK.min(count - offset);
            let strings = &mut strings[..LEAVES * width];
            self.stretch(start + offset, width, strings);
            fold(strings, width, &mut columns);
        }
        columns
    }

    /// Fills `width` blocks of every leaf's string, from block `start` of it.
    fn stretch(&self, start: usize, width: usize, strings: &mut [u128]) {
        let counters: [Block; CHUNK] = std::array::from_fn(|i| ((start + i) as u128).to_le_bytes().into());
        for (cipher, string) in self.ciphers.iter().zip(strings.chunks_exact_mut(width)) {
            let mut blocks = counters;
            cipher.encrypt_blocks(&mut blocks[..width]);
            for (value, block) in string.iter_mut().zip(blocks) {
                *value = u128::from_le_bytes(block.into());
            }
        }
        if self.hole {
            strings[..width].fill(0);
        }
    }
}

/// Halves the strings once per index bit: neighbours are added, and the odd one counts for the bit.
fn fold(strings: &mut [u128], width: usize, columns: &mut Columns) {
    let mut live = strings.len() / width;
    for column in &mut columns.by_bit {
        let base = column.len();
        column.resize(base + width, 0);
        live /= 2;
        for i in 0..live {
            for j in 0..width {
                let odd = strings[(2 * i + 1) * width + j];
                column[base + j] ^= odd;
                strings[i * width + j] = strings[2 * i * width + j] ^ odd;
            }
        }
    }
    columns.all.extend_from_slice(&strings[..width]);
}

fn cipher(seed: &u128) -> Aes128Enc {
    Aes128Enc::new(&seed.to_le_bytes().into())
}
