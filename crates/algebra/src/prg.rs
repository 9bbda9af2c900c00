//! AES-128 as a pseudorandom function of a 128-bit block, and as a generator that grows a seed.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

use crate::{Bits, Field};

/// Blocks that are encrypted together: enough to keep the processor's AES pipeline full, and for what the cipher
/// prepares at each call not to count.
const PIPELINE: usize = 128;

/// A keyed pseudorandom function from 128-bit blocks to 128-bit blocks: AES-128.
///
/// As a permutation it never repeats an output, which shows after about 2^64 blocks under one key: two orders
/// of magnitude beyond what a session uses.
#[derive(Clone)]
pub struct Prf {
    cipher: Aes128,
}

impl Prf {
    /// The function with this key.
    pub fn new(key: &[u8; 16]) -> Self {
        Self { cipher: Aes128::new(&Array::from(*key)) }
    }

    /// The function's value at one block.
    pub fn block(&self, input: u128) -> u128 {
        let mut block = Array::from(input.to_le_bytes());
        self.cipher.encrypt_block(&mut block);
        u128::from_le_bytes(block.into())
    }

    /// The values at `start`, `start + 1`, …
    pub fn fill(&self, start: u128, out: &mut [u128]) {
        let mut input = start;
        for chunk in out.chunks_mut(PIPELINE) {
            let mut blocks = [Array::from([0; 16]); PIPELINE];
            let blocks = &mut blocks[..chunk.len()];
            for block in &mut *blocks {
                *block = Array::from(input.to_le_bytes());
                input = input.wrapping_add(1);
            }
            self.cipher.encrypt_blocks(blocks);
            for (value, block) in chunk.iter_mut().zip(blocks) {
                *value = u128::from_le_bytes((*block).into());
            }
        }
    }

    /// The values at `start`, `start + 1`, … as `n` field elements, a block each.
    pub fn elements<F: Field>(&self, start: u128, n: usize) -> Vec<F> {
        let mut elements = Vec::new();
        self.append_elements(start, n, &mut elements);
        elements
    }

    /// [`elements`](Prf::elements) after those that are there.
    pub fn append_elements<F: Field>(&self, mut start: u128, mut n: usize, out: &mut Vec<F>) {
        out.reserve(n);
        let mut blocks = [0; PIPELINE];
        while n > 0 {
            let count = n.min(blocks.len());
            self.fill(start, &mut blocks[..count]);
            out.extend(blocks[..count].iter().map(|&block| F::from_block(block)));
            start = start.wrapping_add(count as u128);
            n -= count;
        }
    }

    /// The values at `start`, `start + 1`, … as field elements, a block each.
    pub fn fill_elements<F: Field>(&self, start: u128, out: &mut [F]) {
        let mut blocks = [0; PIPELINE];
        let mut input = start;
        for chunk in out.chunks_mut(blocks.len()) {
            let blocks = &mut blocks[..chunk.len()];
            self.fill(input, blocks);
            for (element, &mut block) in chunk.iter_mut().zip(blocks) {
                *element = F::from_block(block);
            }
            input = input.wrapping_add(chunk.len() as u128);
        }
    }

    /// The values at `start`, `start + 1`, … as 64-bit words, low half of a block first. It uses
    /// `words.len() / 2` blocks, rounded up.
    pub fn fill_words(&self, start: u128, words: &mut [u64]) {
        let mut blocks = [0; PIPELINE];
        let mut input = start;
        for chunk in words.chunks_mut(2 * blocks.len()) {
            let count = chunk.len().div_ceil(2);
            self.fill(input, &mut blocks[..count]);
            for (pair, block) in chunk.chunks_mut(2).zip(blocks) {
                pair[0] = block as u64;
                if let Some(high) = pair.get_mut(1) {
                    *high = (block >> 64) as u64;
                }
            }
            input = input.wrapping_add(count as u128);
        }
    }

    /// The values at `start`, `start + 1`, … as `n` bits: `n / 128` blocks, rounded up.
    pub fn bits(&self, start: u128, n: usize) -> Bits {
        let mut words = vec![0; n.div_ceil(64)];
        self.fill_words(start, &mut words);
        Bits::from_words(words, n)
    }
}

impl std::fmt::Debug for Prf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prf(..)")
    }
}

/// A pseudorandom generator: AES-128 in counter mode. Everything drawn comes in whole blocks off one stream.
#[derive(Clone, Debug)]
pub struct Prg {
    prf: Prf,
    next: u128,
}

impl Prg {
    /// The generator that grows this seed.
    pub fn new(seed: &[u8; 16]) -> Self {
        Self { prf: Prf::new(seed), next: 0 }
    }

    /// The generator that grows the first half of a hash.
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        let mut seed = [0; 16];
        seed.copy_from_slice(&digest[..16]);
        Self::new(&seed)
    }

    /// One block.
    pub fn block(&mut self) -> u128 {
        let start = self.advance(1);
        self.prf.block(start)
    }

    /// One block a place.
    pub fn fill(&mut self, out: &mut [u128]) {
        let start = self.advance(out.len());
        self.prf.fill(start, out);
    }

    /// Bytes, from as many whole blocks as it takes.
    pub fn fill_bytes(&mut self, out: &mut [u8]) {
        let mut blocks = [0u128; PIPELINE];
        for chunk in out.chunks_mut(16 * PIPELINE) {
            let count = chunk.len().div_ceil(16);
            self.fill(&mut blocks[..count]);
            for (bytes, block) in chunk.chunks_mut(16).zip(blocks) {
                bytes.copy_from_slice(&block.to_le_bytes()[..bytes.len()]);
            }
        }
    }

    /// 64-bit words, two a block.
    pub fn fill_words(&mut self, out: &mut [u64]) {
        let start = self.advance(out.len().div_ceil(2));
        self.prf.fill_words(start, out);
    }

    /// `n` bits.
    pub fn bits(&mut self, n: usize) -> Bits {
        let start = self.advance(n.div_ceil(128));
        self.prf.bits(start, n)
    }

    /// One field element.
    pub fn element<F: Field>(&mut self) -> F {
        F::from_block(self.block())
    }

    /// `n` field elements.
    pub fn elements<F: Field>(&mut self, n: usize) -> Vec<F> {
        let start = self.advance(n);
        self.prf.elements(start, n)
    }

    /// One field element a place.
    pub fn fill_elements<F: Field>(&mut self, out: &mut [F]) {
        let start = self.advance(out.len());
        self.prf.fill_elements(start, out);
    }

    /// Passes over so many blocks.
    pub fn skip(&mut self, blocks: usize) {
        self.advance(blocks);
    }

    /// A uniform permutation of `0..n`, by Fisher and Yates with unbiased draws.
    ///
    /// # Panics
    /// If `n` exceeds 2^32.
    pub fn permutation(&mut self, n: usize) -> Vec<u32> {
        assert!(n as u64 <= 1 << 32, "a permutation has at most 2^32 places");
        let mut permutation: Vec<u32> = (0..n as u64).map(|i| i as u32).collect();
        let mut draws = Draws { prg: self, words: [0; 256], used: 256 };
        for i in (1..n).rev() {
            permutation.swap(i, draws.below(i as u64 + 1) as usize);
        }
        permutation
    }

    fn advance(&mut self, blocks: usize) -> u128 {
        let start = self.next;
        self.next += blocks as u128;
        start
    }
}

/// Unbiased draws below a bound, from words generated many at a time.
struct Draws<'a> {
    prg: &'a mut Prg,
    words: [u64; 256],
    used: usize,
}

impl Draws<'_> {
    fn word(&mut self) -> u64 {
        if self.used == self.words.len() {
            self.prg.fill_words(&mut self.words);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// Uniform below `bound`, which is not zero (D. Lemire, "Fast random integer generation in an interval",
    /// 2019): the high half of a product, refused where its low half falls into the incomplete stripe.
    fn below(&mut self, bound: u64) -> u64 {
        let incomplete = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.word()) * u128::from(bound);
            if product as u64 >= incomplete {
                return (product >> 64) as u64;
            }
        }
    }
}
