//! Garbled circuits: half gates (2014/756), 32 bytes an AND gate.
//!
//! The [`Garbler`] runs a circuit ahead of time, over pairs of labels of which it keeps the one for zero, and
//! produces tables. The [`Evaluator`] runs the same circuit later, over one label a wire, and uses the tables up.
//! Tables come in [`Tables`] of a known number of gates, so that the order of evaluation need not be the order of
//! garbling. Linear gates are free.
//!
//! The garbler's `delta` has its lowest bit set, so the lowest bits ("colours") of the two labels of a wire differ,
//! and the colour of the zero label is a one-time pad over the bit: publishing it shows the bit to the evaluator,
//! keeping it makes the two colours a sharing of the bit.
//!
//! Neither side is kept honest by garbling itself. A garbler may garble another circuit than agreed; whoever
//! uses this proves afterwards, in [`crate::quicksilver`], what the outputs had to be (2023/964).

mod evaluator;
mod garbler;
mod hash;
mod transfer;

pub use evaluator::Evaluator;
pub use garbler::Garbler;
pub use transfer::{
    Outputs, digest, receive_inputs, recv_labels, recv_outputs, recv_tables, send_inputs, send_labels,
    send_tables,
};

/// A wire label. The garbler holds the one for zero, the evaluator the one for the wire's bit.
#[derive(Clone, Copy, PartialEq, Eq, Default, zeroize::Zeroize)]
pub struct Label(u128);

impl Label {
    /// The lowest bit.
    pub fn colour(self) -> bool {
        self.0 & 1 == 1
    }
}

impl std::fmt::Debug for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Label(..)")
    }
}

/// The colours of labels: at the garbler, of the zero labels.
pub fn colours(labels: &[Label]) -> Vec<bool> {
    labels.iter().map(|label| label.colour()).collect()
}

/// The tables of some gates in a row.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tables {
    /// Number of the first gate; every gate of a garbler has its own, which tweaks the hash.
    first: u64,
    /// Two ciphertexts a gate.
    rows: Vec<[u128; 2]>,
}

impl Tables {
    /// How many gates.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Gates hashed together, so that the processor's AES pipeline stays full.
const WIDTH: usize = 8;

/// `block` if the bit is set, zero otherwise, without a branch.
fn select(bit: bool, block: u128) -> u128 {
    block & 0u128.wrapping_sub(u128::from(bit))
}
