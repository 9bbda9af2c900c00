//! The side that does not know the bits.

use algebra::{Field, Gf128, Prg};
use circuit::Backend;
use rand::{CryptoRng, RngExt};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::stream::Receiver;
use super::{CHECK, Proof, REFILL, inversion};
use crate::channel::Channel;
use crate::error::Error;
use crate::message::{recv_array, recv_blocks, send_blocks};
use crate::ot::CotSender;

/// The verifier's state between uses of the channel.
pub struct Verifier {
    challenges: Prg,
    bits: Receiver,
    /// For each AND gate or product `a b = c` since the last challenge, `K_a K_b + K_ab delta`.
    terms: Vec<Gf128>,
    sum: Gf128,
    opened: Sha256,
}

/// A verifier at work on a channel.
pub struct Verifying<'a> {
    state: &'a mut Verifier,
    delta: Gf128,
    cots: &'a mut CotSender,
    channel: &'a mut dyn Channel,
}

impl Verifier {
    /// A verifier to whom nothing has been stated yet.
    pub fn new(rng: &mut impl CryptoRng) -> Self {
        Self {
            challenges: Prg::new(&rng.random()),
            bits: Receiver::default(),
            terms: Vec::new(),
            sum: Gf128::ZERO,
            opened: Sha256::new(),
        }
    }

    /// Goes on verifying.
    pub fn on<'a>(&'a mut self, cots: &'a mut CotSender, channel: &'a mut dyn Channel) -> Verifying<'a> {
        Verifying { state: self, delta: Gf128::new(cots.delta()), cots, channel }
    }
}

impl Verifying<'_> {
    fn next_bit(&mut self) -> Result<bool, Error> {
        self.state.bits.next(self.channel)
    }

    /// `delta` if the bit is set.
    fn times_delta(&self, bit: bool) -> Gf128 {
        Gf128::new(self.delta.value() & 0u128.wrapping_sub(u128::from(bit)))
    }

    fn fresh(&mut self) -> Result<Gf128, Error> {
        if self.cots.left() == 0 {
            self.state.bits.finish()?;
            self.cots.extend(REFILL, self.channel)?;
        }
        let key = Gf128::new(self.cots.take_one()?);
        let correction = self.next_bit()?;
        Ok(key + self.times_delta(correction) + Gf128::new(u128::from(correction)))
    }

    /// Notes that `a b = c`, given keys.
    fn product(&mut self, a: Gf128, b: Gf128, c: Gf128) -> Result<(), Error> {
        self.state.terms.push(a * b + c * self.delta);
        if self.state.terms.len() == CHECK { self.check() } else { Ok(()) }
    }

    /// Draws a challenge for the gates since the last one, all of whose corrections have arrived.
    fn check(&mut self) -> Result<(), Error> {
        if self.state.terms.is_empty() {
            return Ok(());
        }
        self.state.bits.finish()?;
        let point = self.state.challenges.block();
        send_blocks(self.channel, &[point])?;
        self.channel.flush()?;
        let point = Gf128::new(point);
        self.state.sum = self.state.terms.drain(..).fold(self.state.sum, |sum, term| sum * point + term);
        Ok(())
    }

    /// Absorbs the MAC that an opened wire must have.
    fn opened(&mut self, key: Gf128, bit: bool) {
        let mac = key + self.times_delta(bit);
        self.state.opened.update(mac.to_bytes());
    }
}

impl Backend for Verifying<'_> {
    type Wire = Gf128;
    type Error = Error;

    fn constant(&mut self, bit: bool) -> Gf128 {
        self.times_delta(bit) + Gf128::new(u128::from(bit))
    }

    fn xor(&mut self, a: &Gf128, b: &Gf128) -> Gf128 {
        *a + *b
    }

    fn not(&mut self, a: &Gf128) -> Gf128 {
        *a + self.delta + Gf128::ONE
    }

    fn and(&mut self, pairs: &[(Gf128, Gf128)]) -> Result<Vec<Gf128>, Error> {
        pairs.iter().map(|(a, b)| self.and_one(a, b)).collect()
    }

    fn and_one(&mut self, a: &Gf128, b: &Gf128) -> Result<Gf128, Error> {
        let product = self.fresh()?;
        self.product(*a, *b, product)?;
        Ok(product)
    }

    fn invert_bytes(&mut self, bytes: &[Gf128]) -> Result<Option<Vec<Gf128>>, Error> {
        let mut inverses = Vec::with_capacity(bytes.len());
        for x_bits in bytes.chunks(8) {
            let mut y_bits = [Gf128::ZERO; 8];
            for wire in &mut y_bits {
                *wire = self.fresh()?;
            }
            let ([x, x2], [y, y2]) = (inversion::lift(x_bits), inversion::lift(&y_bits));
            self.product(x2, y, x)?;
            self.product(x, y2, y)?;
            inverses.extend(y_bits);
        }
        Ok(Some(inverses))
    }
}

impl Proof for Verifying<'_> {
    fn commit(&mut self, count: usize, _: impl FnOnce() -> Vec<bool>) -> Result<Vec<Gf128>, Error> {
        (0..count).map(|_| self.fresh()).collect()
    }

    fn assert_zero(&mut self, wires: &[Gf128]) -> Result<(), Error> {
        for &wire in wires {
            self.opened(wire, false);
        }
        Ok(())
    }

    fn reveal(&mut self, wires: &[Gf128]) -> Result<Vec<bool>, Error> {
        wires
            .iter()
            .map(|&wire| {
                let bit = self.next_bit()?;
                self.opened(wire, bit);
                Ok(bit)
            })
            .collect()
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.state.bits.finish()
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.check()?;
        self.state.bits.finish()?;
        if self.cots.left() < 128 {
            self.cots.extend(REFILL, self.channel)?;
        }
        let masks = self.cots.take(128)?.into_iter().enumerate();
        let mask: Gf128 = masks.map(|(i, key)| Gf128::new(key) * Gf128::new(1 << i)).sum();
        let sum = std::mem::take(&mut self.state.sum) + mask;
        let theirs = recv_blocks(self.channel, 2, "proof sums")?;
        let digest: [u8; 32] = recv_array(self.channel, "proof openings")?;
        let products =
            sum.to_bytes().ct_eq(&(Gf128::new(theirs[0]) + Gf128::new(theirs[1]) * self.delta).to_bytes());
        let openings = self.state.opened.clone().finalize().as_slice().ct_eq(digest.as_slice());
        if bool::from(products & openings) {
            Ok(())
        } else {
            Err(Error::Cheating { what: "zero-knowledge proof" })
        }
    }
}
