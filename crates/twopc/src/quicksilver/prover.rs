//! The side that knows the bits.

use algebra::{Field, Gf128};
use circuit::Backend;
use sha2::{Digest, Sha256};

use super::stream::Sender;
use super::{CHECK, Proof, REFILL, inversion};
use crate::channel::Channel;
use crate::error::Error;
use crate::message::{recv_array, send_blocks};
use crate::ot::CotReceiver;

/// The prover's state between uses of the channel.
#[derive(Default)]
pub struct Prover {
    bits: Sender,
    /// For each AND gate or product since the last challenge, the two coefficients of 2021/076, figure 5, step 6.
    terms: Vec<[Gf128; 2]>,
    sums: [Gf128; 2],
    opened: Sha256,
}

/// A prover at work on a channel.
pub struct Proving<'a> {
    state: &'a mut Prover,
    cots: &'a mut CotReceiver,
    channel: &'a mut dyn Channel,
}

impl Prover {
    /// A prover that has stated nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on proving.
    pub fn on<'a>(&'a mut self, cots: &'a mut CotReceiver, channel: &'a mut dyn Channel) -> Proving<'a> {
        Proving { state: self, cots, channel }
    }
}

/// The bit on a wire.
fn bit(wire: Gf128) -> bool {
    wire.value() & 1 == 1
}

impl Proving<'_> {
    /// A fresh wire that carries `value`.
    fn fresh(&mut self, value: bool) -> Result<Gf128, Error> {
        if self.cots.left() == 0 {
            self.state.bits.flush(self.channel)?;
            self.cots.extend(REFILL, self.channel)?;
        }
        let mac = Gf128::new(self.cots.take_one()?);
        let correction = bit(mac) ^ value;
        self.state.bits.push(correction, self.channel)?;
        Ok(mac + Gf128::new(u128::from(correction)))
    }

    /// Notes that `a b = c`, given MACs and the values of the factors.
    fn product(
        &mut self,
        (a, a_value): (Gf128, Gf128),
        (b, b_value): (Gf128, Gf128),
        c: Gf128,
    ) -> Result<(), Error> {
        self.term([a * b, a_value * b + b_value * a + c])
    }

    fn term(&mut self, term: [Gf128; 2]) -> Result<(), Error> {
        self.state.terms.push(term);
        if self.state.terms.len() == CHECK { self.check() } else { Ok(()) }
    }

    /// Commits to the inverse of a byte and notes what makes it one.
    fn inverse(&mut self, x_bits: &[Gf128]) -> Result<[Gf128; 8], Error> {
        let byte = x_bits.iter().rev().fold(0, |byte, &wire| byte << 1 | u8::from(bit(wire)));
        let inverse = inversion::inverse(byte);
        let mut y_bits = [Gf128::ZERO; 8];
        for (i, wire) in y_bits.iter_mut().enumerate() {
            *wire = self.fresh(inverse >> i & 1 == 1)?;
        }
        let ([x, x2], [y, y2]) = (inversion::lift(x_bits), inversion::lift(&y_bits));
        let ([x_value, x2_value], [y_value, y2_value]) = (inversion::embed(byte), inversion::embed(inverse));
        self.product((x2, x2_value), (y, y_value), x)?;
        self.product((x, x_value), (y2, y2_value), y)?;
        Ok(y_bits)
    }

    /// Takes a challenge for the gates since the last one.
    fn check(&mut self) -> Result<(), Error> {
        if self.state.terms.is_empty() {
            return Ok(());
        }
        self.state.bits.flush(self.channel)?;
        let point = Gf128::from_bytes(recv_array(self.channel, "proof challenge")?);
        let [mut low, mut high] = self.state.sums;
        for [constant, linear] in self.state.terms.drain(..) {
            low = low * point + constant;
            high = high * point + linear;
        }
        self.state.sums = [low, high];
        Ok(())
    }
}

impl Backend for Proving<'_> {
    type Wire = Gf128;
    type Error = Error;

    fn constant(&mut self, bit: bool) -> Gf128 {
        Gf128::new(u128::from(bit))
    }

    fn xor(&mut self, a: &Gf128, b: &Gf128) -> Gf128 {
        *a + *b
    }

    fn not(&mut self, a: &Gf128) -> Gf128 {
        *a + Gf128::ONE
    }

    fn and(&mut self, pairs: &[(Gf128, Gf128)]) -> Result<Vec<Gf128>, Error> {
        pairs.iter().map(|(a, b)| self.and_one(a, b)).collect()
    }

    fn and_one(&mut self, a: &Gf128, b: &Gf128) -> Result<Gf128, Error> {
        let product = self.fresh(bit(*a) & bit(*b))?;
        let select = |bit: bool, mac: Gf128| Gf128::new(mac.value() & 0u128.wrapping_sub(u128::from(bit)));
        let linear = select(bit(*a), *b) + select(bit(*b), *a) + product;
        self.term([*a * *b, linear])?;
        Ok(product)
    }

    fn invert_bytes(&mut self, bytes: &[Gf128]) -> Result<Option<Vec<Gf128>>, Error> {
        let mut inverses = Vec::with_capacity(bytes.len());
        for byte in bytes.chunks(8) {
            inverses.extend(self.inverse(byte)?);
        }
        Ok(Some(inverses))
    }
}

impl Proof for Proving<'_> {
    fn commit(&mut self, count: usize, bits: impl FnOnce() -> Vec<bool>) -> Result<Vec<Gf128>, Error> {
        let bits = bits();
        if bits.len() != count {
            return Err(Error::Malformed { what: "witness length" });
        }
        bits.into_iter().map(|bit| self.fresh(bit)).collect()
    }

    fn assert_zero(&mut self, wires: &[Gf128]) -> Result<(), Error> {
        if wires.iter().any(|&wire| bit(wire)) {
            return Err(Error::FalseStatement);
        }
        for wire in wires {
            self.state.opened.update(wire.to_bytes());
        }
        Ok(())
    }

    fn reveal(&mut self, wires: &[Gf128]) -> Result<Vec<bool>, Error> {
        let bits: Vec<bool> = wires.iter().map(|&wire| bit(wire)).collect();
        for (&bit, wire) in bits.iter().zip(wires) {
            self.state.bits.push(bit, self.channel)?;
            self.state.opened.update(wire.to_bytes());
        }
        Ok(bits)
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.state.bits.flush(self.channel)
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.check()?;
        self.state.bits.flush(self.channel)?;
        if self.cots.left() < 128 {
            self.cots.extend(REFILL, self.channel)?;
        }
        let [mut low, mut high] = std::mem::take(&mut self.state.sums);
        for (i, mac) in self.cots.take(128)?.into_iter().enumerate() {
            let power = Gf128::new(1 << i);
            low += Gf128::new(mac) * power;
            high += Gf128::new((mac & 1) << i);
        }
        send_blocks(self.channel, &[low.value(), high.value()])?;
        self.channel.send(&self.state.opened.clone().finalize())?;
        Ok(self.channel.flush()?)
    }
}
