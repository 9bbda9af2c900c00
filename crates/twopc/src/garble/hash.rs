//! The hash of garbling: tweakable and circular correlation robust.
//!
//! `H(x, i) = π(π(x) ⊕ i) ⊕ π(x)` with `π` AES under a fixed key ("TMMO", 2019/074, section 7.4). The key is fresh
//! for every garbler, as 2019/1168 asks for: with one key for all the world, the bound would degrade with the
//! number of gates garbled by everybody.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};

#[derive(Clone)]
pub(super) struct Hash(Aes128Enc);

impl Hash {
    pub fn new(key: &[u8; 16]) -> Self {
        Self(Aes128Enc::new(&(*key).into()))
    }

    /// Hashes every block under its tweak, in place.
    #[inline]
    pub fn apply<const N: usize>(&self, blocks: &mut [u128; N], tweaks: &[u64; N]) {
        let mut first: [Block; N] = std::array::from_fn(|i| blocks[i].to_le_bytes().into());
        self.0.encrypt_blocks(&mut first);
        let first = first.map(|block| u128::from_le_bytes(block.into()));
        let mut second: [Block; N] =
            std::array::from_fn(|i| (first[i] ^ u128::from(tweaks[i])).to_le_bytes().into());
        self.0.encrypt_blocks(&mut second);
        for i in 0..N {
            blocks[i] = first[i] ^ u128::from_le_bytes(second[i].into());
        }
    }
}
