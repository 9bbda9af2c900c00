//! The bits that the prover sends: corrections and revealed values, in one ordered stream.

use crate::channel::Channel;
use crate::error::Error;
use crate::message::{pack, unpack};

/// Bits sent in one message: small enough that the verifier works while the prover goes on.
const MESSAGE: usize = 1 << 14;

/// The prover's end.
#[derive(Default)]
pub(super) struct Sender {
    pending: Vec<bool>,
}

impl Sender {
    pub fn push(&mut self, bit: bool, channel: &mut dyn Channel) -> Result<(), Error> {
        self.pending.push(bit);
        if self.pending.len() == MESSAGE { self.flush(channel) } else { Ok(()) }
    }

    pub fn flush(&mut self, channel: &mut dyn Channel) -> Result<(), Error> {
        if !self.pending.is_empty() {
            let mut message = (self.pending.len() as u16).to_le_bytes().to_vec();
            message.extend(pack(&self.pending));
            channel.send(&message)?;
            self.pending.clear();
        }
        Ok(channel.flush()?)
    }
}

/// The verifier's end.
#[derive(Default)]
pub(super) struct Receiver {
    bits: std::vec::IntoIter<bool>,
}

impl Receiver {
    pub fn next(&mut self, channel: &mut dyn Channel) -> Result<bool, Error> {
        if let Some(bit) = self.bits.next() {
            return Ok(bit);
        }
        let message = channel.recv(2 + MESSAGE / 8)?;
        let (count, packed) = message.split_first_chunk().ok_or(MALFORMED)?;
        let count = usize::from(u16::from_le_bytes(*count));
        if packed.len() != count.div_ceil(8) {
            return Err(MALFORMED);
        }
        let mut bits = unpack(packed);
        bits.truncate(count);
        self.bits = bits.into_iter();
        self.bits.next().ok_or(MALFORMED)
    }

    /// Refuses bits that the statement does not call for.
    pub fn finish(&self) -> Result<(), Error> {
        if self.bits.len() == 0 { Ok(()) } else { Err(MALFORMED) }
    }
}

const MALFORMED: Error = Error::Malformed { what: "proof bits" };
