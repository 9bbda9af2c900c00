//! Who evaluates a circuit: the gate interface, and its evaluator in the clear.

use std::convert::Infallible;

/// Evaluates gates. A wire carries one bit, or a column of bits under a bit-sliced backend.
pub trait Backend {
    /// One bit (or column of bits) as this backend represents it.
    type Wire: Clone;
    /// Why a layer of AND gates could not be evaluated (a broken channel, say).
    type Error;

    /// A public constant.
    fn constant(&mut self, bit: bool) -> Self::Wire;

    /// Exclusive or: free.
    fn xor(&mut self, a: &Self::Wire, b: &Self::Wire) -> Self::Wire;

    /// Negation: free.
    fn not(&mut self, a: &Self::Wire) -> Self::Wire;

    /// One layer of independent AND gates; output `i` is the AND of pair `i`.
    ///
    /// # Errors
    /// Whatever the protocol behind the backend reports.
    fn and(&mut self, pairs: &[(Self::Wire, Self::Wire)]) -> Result<Vec<Self::Wire>, Self::Error>;

    /// As [`Backend::and`], for wires that are worth not copying.
    ///
    /// # Errors
    /// As [`Backend::and`].
    fn layer(&mut self, pairs: &[(&Self::Wire, &Self::Wire)]) -> Result<Vec<Self::Wire>, Self::Error> {
        let pairs: Vec<_> = pairs.iter().map(|&(a, b)| (a.clone(), b.clone())).collect();
        self.and(&pairs)
    }

    /// A layer of a single AND gate. A backend for which depth is free overrides it to allocate nothing.
    ///
    /// # Errors
    /// As [`Backend::and`].
    fn and_one(&mut self, a: &Self::Wire, b: &Self::Wire) -> Result<Self::Wire, Self::Error> {
        let mut layer = self.and(&[(a.clone(), b.clone())])?;
        // A backend that answers a layer with too few wires breaks its contract; the constant keeps us total.
        Ok(layer.pop().unwrap_or_else(|| self.constant(false)))
    }

    /// Inverts bytes of eight wires each, least significant bit first, as elements of AES's field; zero goes to zero.
    /// `None` asks for AND gates instead. A backend that knows a cheaper way overrides it.
    ///
    /// # Errors
    /// As [`Backend::and`].
    fn invert_bytes(&mut self, _bytes: &[Self::Wire]) -> Result<Option<Vec<Self::Wire>>, Self::Error> {
        Ok(None)
    }

    /// Exclusive or into `a`: as [`Backend::xor`], for wires that are worth not copying.
    fn xor_assign(&mut self, a: &mut Self::Wire, b: &Self::Wire) {
        *a = self.xor(a, b);
    }
}

/// Evaluates in the clear: the reference for every other backend, and a gate counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clear {
    /// AND gates evaluated so far.
    pub ands: u64,
    /// AND layers evaluated so far: the circuit's multiplicative depth.
    pub layers: u64,
}

impl Backend for Clear {
    type Wire = bool;
    type Error = Infallible;

    fn constant(&mut self, bit: bool) -> bool {
        bit
    }

    fn xor(&mut self, a: &bool, b: &bool) -> bool {
        a ^ b
    }

    fn not(&mut self, a: &bool) -> bool {
        !a
    }

    fn and(&mut self, pairs: &[(bool, bool)]) -> Result<Vec<bool>, Infallible> {
        self.ands += pairs.len() as u64;
        self.layers += u64::from(!pairs.is_empty());
        Ok(pairs.iter().map(|(a, b)| a & b).collect())
    }
}
