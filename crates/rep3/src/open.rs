//! Opening: the one place where secrets become public.

use algebra::{Bits, Field, Fp, decode, encode};
use sha2::{Digest, Sha256};

use crate::abort::{Abort, Cause};
use crate::network::{Party, Step};
use crate::session::Session;
use crate::share::{BitShare, FieldShare, IntShare};
use crate::verify::Verified;

/// The messages of an opening.
pub const OPEN: Step = Step("open");
/// The messages of a masked opening.
pub const OPEN_MASKED: Step = Step("open/masked");

/// Shares that can be opened: bits, integers, field elements, and pairs and lists of those.
pub trait Open: sealed::Components {
    /// What the shares stand for.
    type Value;

    /// Puts a value together from this party's components and the encoding of the missing one, which it takes
    /// off the front of `missing`; `None` if that is no canonical encoding.
    #[doc(hidden)]
    fn combine(&self, missing: &mut &[u8]) -> Option<Self::Value>;
}

pub(crate) mod sealed {
    /// The two components of a sharing, encoded.
    pub trait Components {
        /// Appends the encodings of component `i` and of component `i + 1`, which are equally long.
        fn write(&self, own: &mut Vec<u8>, next: &mut Vec<u8>);
    }
}
use sealed::Components;

/// Opens a verified value to all three parties. One round, whatever the length.
///
/// # Errors
/// [`Abort`] if a peer is gone or two copies of a component differ.
pub fn open<T: Open>(value: &Verified<T>, session: &mut Session) -> Result<T::Value, Abort> {
    let everyone = |_| true;
    let opened = exchange(value.get(), everyone, OPEN, session)?;
    opened.ok_or_else(|| session.abort(OPEN, Cause::Disagreement))
}

/// Opens a value that has *not* been verified, to the two parties other than `hidden_from`, which gets `None`.
/// One round.
///
/// # Security
/// The sole way around [`Verified`]. It is safe only for a value that is uniform whatever cheating went
/// before: a mask uniform over the whole domain, unknown to the two parties who learn the value, must have
/// entered every bit of it linearly and last (spec, §6 B2A-2). What was computed stays pending: nothing that
/// follows from the value may be opened before it is verified.
///
/// # Errors
/// [`Abort`] if a peer is gone or two copies of a component differ.
pub fn open_masked<T: Open>(
    value: &T,
    hidden_from: Party,
    session: &mut Session,
) -> Result<Option<T::Value>, Abort> {
    exchange(value, |party| party != hidden_from, OPEN_MASKED, session)
}

/// Sends every party that `sees` the value the component that it misses: in full from its right neighbour and,
/// for comparison, from its left one (as a hash if that is shorter).
fn exchange<T: Open>(
    value: &T,
    sees: impl Fn(Party) -> bool,
    step: Step,
    session: &mut Session,
) -> Result<Option<T::Value>, Abort> {
    let me = session.party();
    let (left, right) = (me.left(), me.right());
    let (mut own, mut next) = (Vec::new(), Vec::new());
    value.write(&mut own, &mut next);
    let length = own.len();
    if sees(left) {
        session.send(left, step, next)?;
    }
    if sees(right) {
        session.send(right, step, short(own))?;
    }
    if !sees(me) {
        session.flush(step)?;
        return Ok(None);
    }
    let missing = session.recv(right, step, length)?;
    let copy = session.recv(left, step, length.min(32))?;
    session.require_equal(step, &short(missing.clone()), &copy)?;
    let combined = value.combine(&mut &missing[..]);
    combined.map(Some).ok_or_else(|| session.abort(step, Cause::Malformed(right)))
}

/// A message, or its hash if that is shorter.
fn short(message: Vec<u8>) -> Vec<u8> {
    if message.len() > 32 { Sha256::digest(&message).to_vec() } else { message }
}

impl Components for BitShare {
    fn write(&self, own: &mut Vec<u8>, next: &mut Vec<u8>) {
        self.own.write_bytes(own);
        self.next.write_bytes(next);
    }
}

impl Open for BitShare {
    type Value = Bits;

    fn combine(&self, missing: &mut &[u8]) -> Option<Bits> {
        let mut bits = Bits::from_bytes(missing.split_off(..self.len().div_ceil(8))?, self.len()).ok()?;
        bits ^= &self.own;
        bits ^= &self.next;
        Some(bits)
    }
}

impl Components for IntShare {
    fn write(&self, own: &mut Vec<u8>, next: &mut Vec<u8>) {
        self.bits.write(own, next);
    }
}

impl Open for IntShare {
    type Value = Vec<i128>;

    fn combine(&self, missing: &mut &[u8]) -> Option<Vec<i128>> {
        let bits = self.bits.combine(missing)?;
        let mut values = vec![0; self.rows()];
        for (k, column) in bits.iter().enumerate() {
            // The sign has the weight -2^k.
            let weight = if self.signed && k + 1 == bits.len() { -(1 << k) } else { 1 << k };
            for (value, bit) in values.iter_mut().zip(column.iter()) {
                *value += if bit { weight } else { 0 };
            }
        }
        Some(values)
    }
}

impl Components for FieldShare {
    fn write(&self, own: &mut Vec<u8>, next: &mut Vec<u8>) {
        own.extend(encode(&self.own));
        next.extend(encode(&self.next));
    }
}

impl Open for FieldShare {
    type Value = Vec<Fp>;

    fn combine(&self, missing: &mut &[u8]) -> Option<Vec<Fp>> {
        let mut values: Vec<Fp> = decode(missing.split_off(..self.len() * Fp::BYTES)?, self.len()).ok()?;
        for (value, (&own, &next)) in values.iter_mut().zip(self.own.iter().zip(&self.next)) {
            *value += own + next;
        }
        Some(values)
    }
}

impl<A: Components, B: Components> Components for (A, B) {
    fn write(&self, own: &mut Vec<u8>, next: &mut Vec<u8>) {
        self.0.write(own, next);
        self.1.write(own, next);
    }
}

impl<A: Open, B: Open> Open for (A, B) {
    type Value = (A::Value, B::Value);

    fn combine(&self, missing: &mut &[u8]) -> Option<Self::Value> {
        Some((self.0.combine(missing)?, self.1.combine(missing)?))
    }
}

impl<T: Components> Components for Vec<T> {
    fn write(&self, own: &mut Vec<u8>, next: &mut Vec<u8>) {
        for item in self {
            item.write(own, next);
        }
    }
}

impl<T: Open> Open for Vec<T> {
    type Value = Vec<T::Value>;

    fn combine(&self, missing: &mut &[u8]) -> Option<Self::Value> {
        self.iter().map(|item| item.combine(missing)).collect()
    }
}
