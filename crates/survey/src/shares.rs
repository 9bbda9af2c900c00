//! A provider's bytes as three XOR components, each committed to, each party getting two.
//!
//! What is shared is, for every private field in the survey's order, its window and its 32-byte blinder.
//! Component `j` is committed to as `C_j = SHA3-256("in" || session || provider key || j || salt_j || s_j)`,
//! and all three commitments stand in the signed submission: without them a corrupt provider and a corrupt
//! party could make the two honest ones hold different copies, whose difference the proofs would then leak.

use sha3::{Digest, Sha3_256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::id::Id;

/// How many bytes blind a field's window.
pub const BLINDER: usize = 32;
const SALT: usize = 32;

/// What a share commitment is bound to besides the component.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The notarization session.
    pub session: &'a [u8; 32],
    /// The provider's one-use key.
    pub provider: &'a [u8; 32],
}

impl Binding<'_> {
    fn commit(&self, index: usize, salt: &[u8; SALT], component: &[u8]) -> Id {
        let hash = Sha3_256::new()
            .chain_update(b"in")
            .chain_update(self.session)
            .chain_update(self.provider)
            .chain_update([index as u8])
            .chain_update(salt)
            .chain_update(component);
        Id(hash.finalize().into())
    }
}

/// All three components with their salts: held by the provider, for a moment.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Split {
    components: [Vec<u8>; 3],
    salts: [[u8; SALT]; 3],
}

impl Split {
    /// Splits bytes with the operating system's randomness.
    pub fn new(secret: &[u8]) -> Self {
        let mut components = [random(secret.len()), random(secret.len()), secret.to_vec()];
        let [first, second, third] = &mut components;
        for (byte, (a, b)) in third.iter_mut().zip(first.iter().zip(second.iter())) {
            *byte ^= a ^ b;
        }
        Self { components, salts: [rand::random(), rand::random(), rand::random()] }
    }

    /// The public commitments `C_0`, `C_1`, `C_2`.
    pub fn commitments(&self, binding: Binding<'_>) -> [Id; 3] {
        std::array::from_fn(|j| binding.commit(j, &self.salts[j], &self.components[j]))
    }

    /// What party `index` gets: components `index` and `index + 1`.
    pub fn pair(&self, index: usize) -> Pair {
        let next = (index + 1) % 3;
        Pair {
            components: [self.components[index].clone(), self.components[next].clone()],
            salts: [self.salts[index], self.salts[next]],
        }
    }
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes[..]);
    bytes
}

/// A party's two components of one submission, with their salts.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Pair {
    /// Components `i` and `i + 1`.
    pub components: [Vec<u8>; 2],
    /// Their salts.
    pub salts: [[u8; SALT]; 2],
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pair(2 x {} bytes, redacted)", self.components[0].len())
    }
}

impl Pair {
    /// As bytes: both salts, then both components.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(
            [&self.salts[0][..], &self.salts[1], &self.components[0], &self.components[1]].concat(),
        )
    }

    /// From bytes, where each component is `length` bytes long; none if they are of another length.
    pub fn decode(bytes: &[u8], length: usize) -> Option<Self> {
        if bytes.len() != Self::encoded_len(length) {
            return None;
        }
        let (salts, components) = bytes.split_at(2 * SALT);
        let (own, next) = components.split_at(length);
        Some(Self {
            components: [own.to_vec(), next.to_vec()],
            salts: [salts[..SALT].try_into().ok()?, salts[SALT..].try_into().ok()?],
        })
    }

    /// How long the bytes of a pair are.
    pub const fn encoded_len(length: usize) -> usize {
        2 * (SALT + length)
    }

    /// Whether this is party `index`'s pair under these commitments.
    pub fn fits(&self, index: usize, binding: Binding<'_>, commitments: &[Id; 3]) -> bool {
        let next = (index + 1) % 3;
        binding.commit(index, &self.salts[0], &self.components[0]) == commitments[index]
            && binding.commit(next, &self.salts[1], &self.components[1]) == commitments[next]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BINDING: Binding<'_> = Binding { session: &[1; 32], provider: &[2; 32] };

    proptest! {
        #[test]
        fn pairs_reconstruct_and_fit_their_own_party_only(secret in proptest::collection::vec(any::<u8>(), 0..200)) {
            let split = Split::new(&secret);
            let commitments = split.commitments(BINDING);
            for party in 0..3 {
                let pair = split.pair(party);
                prop_assert!(pair.fits(party, BINDING, &commitments));
                prop_assert!(!pair.fits((party + 1) % 3, BINDING, &commitments));
                let other = Binding { session: &[9; 32], ..BINDING };
                prop_assert!(!pair.fits(party, other, &commitments));
                let decoded = Pair::decode(&pair.encode(), secret.len()).unwrap();
                prop_assert_eq!(&decoded, &pair);
                prop_assert_eq!(Pair::decode(&pair.encode(), secret.len() + 1), None);
                let third = split.pair((party + 1) % 3);
                let sum: Vec<u8> = (0..secret.len())
                    .map(|i| pair.components[0][i] ^ pair.components[1][i] ^ third.components[1][i])
                    .collect();
                prop_assert_eq!(&sum, &secret);
            }
        }
    }

    #[test]
    fn an_altered_component_does_not_fit() {
        let split = Split::new(b"1234.5");
        let mut pair = split.pair(2);
        pair.components[1][0] ^= 1;
        assert!(!pair.fits(2, BINDING, &split.commitments(BINDING)));
    }
}
