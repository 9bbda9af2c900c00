//! Pseudorandom secret sharing: correlated randomness without communication.
//!
//! Key `k_i` is known to `P_{i-1}` and `P_i`, the two holders of component `i` of every sharing. What party
//! `i` derives from `k_i` and `k_{i+1}` is therefore its part of a sharing of a value that nobody knows.

use std::fmt;

use algebra::{Bits, Field, Prf, Prg};
use zeroize::Zeroizing;

/// What pseudorandom output is used for. Part of the function's input, so that no two uses collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Purpose {
    /// Zero sharings that mask the messages of a multiplication.
    Alpha = 1,
    /// Random sharings.
    Random = 2,
    /// The right verifier's share of a proof.
    ProofShare = 3,
    /// The mask of the right verifier's vector in the last level of a proof.
    RightMask = 4,
    /// Secret permutations of a shuffle.
    Permutation = 5,
    /// Masks of rows in a shuffle.
    Rho = 6,
    /// Sharings made by one party that knows the value.
    Dealer = 7,
    /// Salts of digests.
    Salt = 8,
    /// The mask of the left verifier's vector in the last level of a proof.
    LeftMask = 9,
}

/// Names a run of blocks under a key: what for, and which step of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tag {
    /// What for.
    pub purpose: Purpose,
    /// Which step, below 2^40: see `Session::next_step`.
    pub step: u64,
}

/// A key that two parties share. Its function's input block is (purpose 8 bits | step 40 | index 80).
///
/// A block must never mask two different messages: whoever receives both could subtract them and learn data.
/// Builds with assertions check that no index of a tag is drawn twice.
pub(crate) struct Key {
    prf: Prf,
    #[cfg(debug_assertions)]
    unused: std::sync::Mutex<std::collections::HashMap<Tag, u128>>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// The key made of these secret bytes.
    pub fn new(secret: &[u8; 16]) -> Self {
        Self {
            prf: Prf::new(secret),
            #[cfg(debug_assertions)]
            unused: std::sync::Mutex::default(),
        }
    }

    /// `len` bits.
    pub fn bits(&self, tag: Tag, len: usize) -> Bits {
        self.prf.bits(self.claim(tag, 0, len.div_ceil(128)), len)
    }

    /// `len` field elements, a block each.
    pub fn elements<F: Field>(&self, tag: Tag, len: usize) -> Vec<F> {
        self.elements_from(tag, 0, len)
    }

    /// Appends `len` field elements, a block each.
    pub fn append_elements<F: Field>(&self, tag: Tag, len: usize, out: &mut Vec<F>) {
        self.prf.append_elements(self.claim(tag, 0, len), len, out);
    }

    /// `len` field elements, from blocks `first` on.
    pub fn elements_from<F: Field>(&self, tag: Tag, first: u128, len: usize) -> Vec<F> {
        self.prf.elements(self.claim(tag, first, len), len)
    }

    /// 32 bytes, from blocks `first` and `first + 1`.
    pub fn bytes32(&self, tag: Tag, first: u128) -> Zeroizing<[u8; 32]> {
        let mut blocks = Zeroizing::new([0u128; 2]);
        self.prf.fill(self.claim(tag, first, 2), &mut blocks[..]);
        let mut out = Zeroizing::new([0; 32]);
        for (bytes, block) in out.chunks_exact_mut(16).zip(blocks.iter()) {
            bytes.copy_from_slice(&block.to_le_bytes());
        }
        out
    }

    /// A generator for draws of unknown number, such as a permutation: seeded with block 0 of the tag.
    pub fn generator(&self, tag: Tag) -> Prg {
        Prg::new(&self.prf.block(self.claim(tag, 0, 1)).to_le_bytes())
    }

    /// The input of a tag's block `first`, after checking that these blocks were not drawn before.
    fn claim(&self, tag: Tag, first: u128, count: usize) -> u128 {
        debug_assert!(tag.step < 1 << 40 && first < 1 << 80, "{tag:?}, block {first}: counter out of range");
        #[cfg(debug_assertions)]
        if let Ok(mut unused) = self.unused.lock() {
            let next = unused.entry(tag).or_default();
            assert!(first >= *next, "block {first} of {tag:?} drawn twice");
            *next = first + count as u128;
        }
        let _ = count;
        (tag.purpose as u128) << 120 | u128::from(tag.step) << 80 | first
    }
}

/// The two keys of party `i`, named like the two components of a share.
#[derive(Debug)]
pub(crate) struct Prss {
    /// `k_i`, shared with the left party.
    pub own: Key,
    /// `k_{i+1}`, shared with the right party.
    pub next: Key,
}

#[cfg(test)]
mod tests {
    use algebra::Fp;

    use super::*;

    const TAG: Tag = Tag { purpose: Purpose::Alpha, step: 7 };

    fn key() -> Key {
        Key::new(&[3; 16])
    }

    #[test]
    fn two_holders_of_a_key_draw_the_same() {
        assert_eq!(key().bits(TAG, 300), key().bits(TAG, 300));
        assert_eq!(key().elements::<Fp>(TAG, 5), key().elements::<Fp>(TAG, 5));
        assert_ne!(key().bits(TAG, 300), Key::new(&[4; 16]).bits(TAG, 300));
    }

    /// Every purpose, step and block has an input of its own, so that nothing masks two messages.
    #[test]
    fn no_two_draws_of_a_session_are_the_same() {
        use Purpose::{Alpha, Dealer, LeftMask, Permutation, ProofShare, Random, Rho, RightMask, Salt};
        let purposes = [Alpha, Random, ProofShare, RightMask, Permutation, Rho, Dealer, Salt, LeftMask];
        let (key, mut seen) = (key(), std::collections::HashSet::new());
        for purpose in purposes {
            for step in [0, 1, 255, 256, (1 << 40) - 1] {
                for block in [0, 1, 1 << 32, (1 << 80) - 1] {
                    let drawn: Vec<Fp> = key.elements_from(Tag { purpose, step }, block, 1);
                    assert!(seen.insert(drawn[0]), "{purpose:?}, step {step}, block {block}");
                }
            }
        }
        // Blocks of one draw differ as well.
        assert!(key.elements::<Fp>(TAG, 100).into_iter().all(|drawn| seen.insert(drawn)));
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "drawn twice")]
    fn a_block_that_is_drawn_again_is_noticed() {
        let key = key();
        key.bits(TAG, 129);
        key.elements_from::<Fp>(TAG, 1, 1);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "out of range")]
    fn a_step_that_would_run_into_the_purpose_is_noticed() {
        key().bits(Tag { step: 1 << 40, ..TAG }, 1);
    }

    #[test]
    fn a_key_does_not_print_itself() {
        assert_eq!(format!("{:?}", key()), "Key(..)");
    }
}
