//! Tags of what the client sends, by shares of powers of GHASH's key.
//!
//! From additive shares of `H` the parties get multiplicative ones, raise them to odd powers locally, and turn
//! each back into additive shares; even powers are squares of shares, since squaring is linear. A tag is linear
//! in the powers (NIST SP 800-38D), so each party computes a share of it from the public ciphertext.

use algebra::Gf128;
use rand::CryptoRng;
use twopc::channel::Channel;
use twopc::ole::{self, Ole, Role};

use super::MpcError;

/// Powers that a record of so many plaintext bytes takes: its blocks, one of additional data, one of lengths.
pub(super) fn powers_for(bytes: usize) -> usize {
    bytes.div_ceil(16) + 2
}

/// OLEs for that many powers: one to factor the key, one for every odd power after the first.
pub(super) fn oles_for(powers: usize) -> usize {
    1 + powers.saturating_sub(1) / 2
}

/// A block as a field element: GHASH counts coefficients from the highest bit of the first byte.
pub(super) fn element(block: &[u8; 16]) -> Gf128 {
    Gf128::new(u128::from_be_bytes(*block).reverse_bits())
}

fn block(element: Gf128) -> [u8; 16] {
    element.value().reverse_bits().to_be_bytes()
}

/// One party's shares of `H^1, H^2, …`.
pub(super) struct Powers(Vec<Gf128>);

impl Powers {
    /// Computes shares of `count` powers from a share of the first.
    pub fn new(
        role: Role,
        key: Gf128,
        count: usize,
        mut oles: Vec<Ole<Gf128>>,
        channel: &mut dyn Channel,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, MpcError> {
        let first = oles.split_off(oles.len().saturating_sub(1));
        let factor = ole::to_multiplicative(role, first, &[key], channel, rng)?;
        let square = factor[0] * factor[0];
        let mut power = factor[0];
        let odd: Vec<Gf128> = (0..(count - 1) / 2)
            .map(|_| {
                power *= square;
                power
            })
            .collect();
        let odd = ole::multiply(role, oles, &odd, channel)?;
        let mut powers = vec![key];
        for i in 2..=count {
            let next = if i % 2 == 0 { powers[i / 2 - 1] * powers[i / 2 - 1] } else { odd[i / 2 - 1] };
            powers.push(next);
        }
        Ok(Self(powers))
    }

    /// A share of a record's tag, given a share of its mask.
    pub fn tag(&self, mask: [u8; 16], additional: &[u8; 13], ciphertext: &[u8]) -> [u8; 16] {
        let mut lengths = [0; 16];
        lengths[..8].copy_from_slice(&(8 * additional.len() as u64).to_be_bytes());
        lengths[8..].copy_from_slice(&(8 * ciphertext.len() as u64).to_be_bytes());
        let blocks = std::iter::once(&additional[..]).chain(ciphertext.chunks(16)).chain([&lengths[..]]);
        let count = powers_for(ciphertext.len());
        let sum: Gf128 = blocks
            .zip(self.0[..count].iter().rev())
            .map(|(bytes, &power)| {
                let mut padded = [0; 16];
                padded[..bytes.len()].copy_from_slice(bytes);
                element(&padded) * power
            })
            .sum();
        let hash = block(sum);
        std::array::from_fn(|i| hash[i] ^ mask[i])
    }
}
