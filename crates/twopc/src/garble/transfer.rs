//! Tables and labels on their way from garbler to evaluator.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Garbler, Label, Tables};
use crate::channel::Channel;
use crate::error::Error;
use crate::message::{recv_array, recv_blocks, recv_exact, send_blocks};
use crate::ot::{CotReceiver, CotSender};

/// Sends tables.
///
/// # Errors
/// [`Error::Channel`] if the channel is broken.
pub fn send_tables(tables: &Tables, channel: &mut dyn Channel) -> Result<(), Error> {
    channel.send(&tables.first.to_le_bytes())?;
    send_blocks(channel, tables.rows.as_flattened())
}

/// Receives the tables of exactly `gates` gates.
///
/// # Errors
/// [`Error`] if the channel is broken or the message has another size.
pub fn recv_tables(gates: usize, channel: &mut dyn Channel) -> Result<Tables, Error> {
    let first = u64::from_le_bytes(recv_array(channel, "garbled tables")?);
    if first > u64::MAX / 4 {
        return Err(Error::Malformed { what: "gate number" });
    }
    let rows = recv_blocks(channel, 2 * gates, "garbled tables")?.as_chunks().0.to_vec();
    Ok(Tables { first, rows })
}

/// Sends labels: the garbler's own inputs, encoded.
///
/// # Errors
/// [`Error::Channel`] if the channel is broken.
pub fn send_labels(labels: &[Label], channel: &mut dyn Channel) -> Result<(), Error> {
    send_blocks(channel, &labels.iter().map(|label| label.0).collect::<Vec<_>>())
}

/// Receives exactly `count` labels.
///
/// # Errors
/// [`Error`] if the channel is broken or the message has another size.
pub fn recv_labels(count: usize, channel: &mut dyn Channel) -> Result<Vec<Label>, Error> {
    Ok(recv_blocks(channel, count, "labels")?.into_iter().map(Label).collect())
}

/// Hands the evaluator the labels for its own input bits on `wires`, obliviously. The correlated OT must have the
/// garbler's `delta`.
///
/// # Errors
/// [`Error`] if the channel broke or too few correlations are left.
pub fn send_inputs(wires: &[Label], cots: &mut CotSender, channel: &mut dyn Channel) -> Result<(), Error> {
    // The key for zero and the zero label differ by a public block; so do those for one.
    let keys = cots.send(wires.len(), channel)?;
    let offsets: Vec<u128> = keys.iter().zip(wires).map(|(key, wire)| key ^ wire.0).collect();
    send_blocks(channel, &offsets)?;
    Ok(channel.flush()?)
}

/// Receives the labels for the evaluator's own input bits.
///
/// # Errors
/// [`Error`] if the channel broke or too few correlations are left.
pub fn receive_inputs(
    bits: &[bool],
    cots: &mut CotReceiver,
    channel: &mut dyn Channel,
) -> Result<Vec<Label>, Error> {
    let macs = cots.receive(bits, channel)?;
    let offsets = recv_blocks(channel, bits.len(), "input labels")?;
    Ok(macs.iter().zip(offsets).map(|(mac, offset)| Label(mac ^ offset)).collect())
}

/// A digest of labels: proves to the garbler that the evaluator holds exactly the labels of the bits it claims.
pub fn digest(labels: &[Label]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(b"mpcstats/twopc/labels");
    for label in labels {
        hash.update(label.0.to_le_bytes());
    }
    hash.finalize().into()
}

/// For every wire the digests of its two labels, by colour. An evaluator that reports only labels found among them
/// says nothing but their colours; without, a garbler could shift a label by a block of its own choice wherever some
/// wire inside carries a one, and read that bit off the report's [`digest`] while every colour stays right.
pub struct Outputs(Vec<[[u8; 32]; 2]>);

/// Receives the digests for `count` wires.
///
/// # Errors
/// [`Error`] if the channel is broken or the message has another size.
pub fn recv_outputs(count: usize, channel: &mut dyn Channel) -> Result<Outputs, Error> {
    let bytes = recv_exact(channel, 64 * count, "output digests")?;
    let (digests, _) = bytes.as_chunks::<32>();
    Ok(Outputs(digests.as_chunks().0.to_vec()))
}

impl Outputs {
    /// Refuses labels other than those that the garbler named.
    ///
    /// # Errors
    /// [`Error::Cheating`].
    pub fn check(&self, labels: &[Label]) -> Result<(), Error> {
        let named = self.0.len() == labels.len()
            && self.0.iter().zip(labels).all(|(digests, label)| {
                digests[usize::from(label.colour())] == digest(std::slice::from_ref(label))
            });
        if named { Ok(()) } else { Err(Error::Cheating { what: "garbled outputs" }) }
    }
}

impl Garbler {
    /// Sends the digests of both labels of every wire, for [`Outputs`].
    ///
    /// # Errors
    /// [`Error::Channel`] if the channel is broken.
    pub fn send_outputs(&self, wires: &[Label], channel: &mut dyn Channel) -> Result<(), Error> {
        let mut message = Vec::with_capacity(64 * wires.len());
        for wire in wires {
            let one_first = wire.colour();
            for bit in [one_first, !one_first] {
                message.extend(digest(&self.encode(std::slice::from_ref(wire), &[bit])));
            }
        }
        Ok(channel.send(&message)?)
    }

    /// Whether `theirs` is the digest of the labels of `bits` on `wires`.
    pub fn confirms(&self, wires: &[Label], bits: &[bool], theirs: &[u8; 32]) -> bool {
        digest(&self.encode(wires, bits)).as_slice().ct_eq(theirs.as_slice()).into()
    }
}
