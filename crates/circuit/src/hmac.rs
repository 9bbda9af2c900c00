//! HMAC-SHA256 (RFC 2104) and the pseudorandom function of TLS 1.2 (RFC 5246 §5).

use crate::{
    Backend, bits,
    sha256::{self, BLOCK, State},
};

/// A keyed HMAC: the chaining values after the inner and the outer padded key.
///
/// A protocol may open either midstate where its security argument allows, and evaluate that half in the clear:
/// [`State::constant`] brings a public one back.
#[derive(Clone)]
pub struct Key<W> {
    /// After the key with the inner padding.
    pub inner: State<W>,
    /// After the key with the outer padding.
    pub outer: State<W>,
}

impl<W: Clone> Key<W> {
    /// Schedules a key of at most 64 bytes: two compressions.
    ///
    /// # Errors
    /// The backend's.
    pub fn new<B: Backend<Wire = W>>(key: &[W], backend: &mut B) -> Result<Self, B::Error> {
        assert!(key.len() <= 8 * BLOCK, "longer keys are hashed first");
        let mut block = key.to_vec();
        block.resize(8 * BLOCK, backend.constant(false));
        let initial = State::initial(backend);
        let mut padded = |byte: u8| {
            let padding = bits::from_bytes(&[byte; BLOCK]);
            let block = bits::xor_constant(&block, &padding, backend);
            sha256::compress(&initial, &block, backend)
        };
        Ok(Self { inner: padded(0x36)?, outer: padded(0x5c)? })
    }

    /// The authentication code of a byte string: a compression for every inner block, and one more.
    ///
    /// # Errors
    /// The backend's.
    pub fn mac<B: Backend<Wire = W>>(&self, message: &[W], backend: &mut B) -> Result<Vec<W>, B::Error> {
        let inner = sha256::finish(&self.inner, BLOCK, message, backend)?;
        sha256::finish(&self.outer, BLOCK, &inner, backend)
    }
}

/// `length` bytes of P_SHA256(key, seed), where the seed is the label followed by the seed proper.
///
/// # Errors
/// The backend's.
pub fn prf<B: Backend>(
    key: &Key<B::Wire>,
    seed: &[B::Wire],
    length: usize,
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    let mut chain = seed.to_vec();
    let mut output = Vec::with_capacity(8 * length);
    while output.len() < 8 * length {
        chain = key.mac(&chain, backend)?;
        let message = [chain.as_slice(), seed].concat();
        output.extend(key.mac(&message, backend)?);
    }
    output.truncate(8 * length);
    Ok(output)
}
