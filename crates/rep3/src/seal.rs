//! Shares that leave the session: stored columns, and outputs for a consumer outside.
//!
//! Each component is hashed with a salt that only its two holders derive, so that the third party cannot
//! search for the component behind the digest. All three parties know all three digests and check them
//! against each other; whoever later sees a component and its salt can check that nobody changed it.

use algebra::{Bits, Field, Fp, Transcript, decode};
use subtle::ConstantTimeEq;

use crate::abort::Abort;
use crate::network::{Party, Step};
use crate::open::sealed::Components;
use crate::prss::Purpose;
use crate::session::Session;
use crate::verify::Verified;

/// The message with the digest that a party cannot compute itself.
pub const SEAL: Step = Step("seal");

/// One component of a sealed value: its encoding and the salt of its digest.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedComponent {
    /// The encoded component.
    pub bytes: Vec<u8>,
    /// The salt of its digest.
    pub salt: [u8; 32],
}

impl SealedComponent {
    /// The digest of component `j`.
    pub fn digest(&self, j: usize) -> [u8; 32] {
        let mut transcript = Transcript::new("mpcstats/rep3/component/v1");
        transcript.append_u64("component", j as u64);
        transcript.append("salt", &self.salt);
        transcript.append("bytes", &self.bytes);
        transcript.digest()
    }
}

impl std::fmt::Debug for SealedComponent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedComponent({} bytes)", self.bytes.len())
    }
}

/// What party `i` holds of a sealed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Component `i`.
    pub own: SealedComponent,
    /// Component `i + 1`.
    pub next: SealedComponent,
    /// The digests of components 0, 1 and 2: the same at all three parties.
    pub digests: [[u8; 32]; 3],
}

/// Why sealed shares were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A component does not have the digest that the parties agreed on: it was changed after it was sealed.
    #[error("component {0} of {1} does not have the digest that was agreed on")]
    Digest(usize, Party),
    /// Two parties claim different digests or components.
    #[error("{0} and {1} disagree about a sealed value")]
    Disagreement(Party, Party),
    /// A component is no encoding of the expected kind and length.
    #[error("component {0} is malformed")]
    Malformed(usize),
}

/// Seals a verified value. One round.
///
/// # Errors
/// [`Abort`] if a peer is gone or the two holders of a component report different digests.
pub fn seal<T: Components>(value: &Verified<T>, session: &mut Session) -> Result<Sealed, Abort> {
    let tag = session.tag(Purpose::Salt);
    let (mut own, mut next) = (Vec::new(), Vec::new());
    value.get().write(&mut own, &mut next);
    let own = SealedComponent { bytes: own, salt: *session.prss().own.bytes32(tag, 0) };
    let next = SealedComponent { bytes: next, salt: *session.prss().next.bytes32(tag, 0) };

    let me = session.party();
    let mut digests = [[0; 32]; 3];
    digests[me.index()] = own.digest(me.index());
    digests[me.right().index()] = next.digest(me.right().index());
    session.send(me.left(), SEAL, digests[me.right().index()].to_vec())?;
    session.send(me.right(), SEAL, digests[me.index()].to_vec())?;
    let third = session.recv(me.right(), SEAL, 32)?;
    let copy = session.recv(me.left(), SEAL, 32)?;
    session.require_equal(SEAL, &third, &copy)?;
    digests[me.left().index()].copy_from_slice(&third);
    Ok(Sealed { own, next, digests })
}

impl Sealed {
    /// Checks that what `party` holds is what the digests are about: to be done at every load from storage.
    ///
    /// # Errors
    /// [`SealError::Digest`] if a component was changed.
    pub fn check(&self, party: Party) -> Result<(), SealError> {
        let held = [(party.index(), &self.own), (party.right().index(), &self.next)];
        for (j, component) in held {
            if !bool::from(component.digest(j).ct_eq(&self.digests[j])) {
                return Err(SealError::Digest(j, party));
            }
        }
        Ok(())
    }
}

/// Checks what the three parties sent to a consumer and returns the three components, encoded.
///
/// Every component arrives from two parties. If at most one party lies, the result is right or an error.
///
/// # Errors
/// [`SealError`] if the parties contradict each other or a component does not fit its digest.
pub fn combine(sealed: &[Sealed; 3]) -> Result<[&[u8]; 3], SealError> {
    for party in Party::ALL {
        let right = party.right();
        let (mine, theirs) = (&sealed[party.index()], &sealed[right.index()]);
        if mine.digests != theirs.digests || mine.next != theirs.own {
            return Err(SealError::Disagreement(party, right));
        }
        mine.check(party)?;
    }
    Ok([&sealed[0].own.bytes, &sealed[1].own.bytes, &sealed[2].own.bytes])
}

/// The `len` bits of which these are the components.
///
/// # Errors
/// [`SealError::Malformed`] if a component is no encoding of `len` bits.
pub fn combine_bits(components: [&[u8]; 3], len: usize) -> Result<Bits, SealError> {
    let mut sum = Bits::zeros(len);
    for (j, bytes) in components.into_iter().enumerate() {
        sum ^= &Bits::from_bytes(bytes, len).map_err(|_| SealError::Malformed(j))?;
    }
    Ok(sum)
}

/// The `len` field elements of which these are the components.
///
/// # Errors
/// [`SealError::Malformed`] if a component is no encoding of `len` elements.
pub fn combine_field(components: [&[u8]; 3], len: usize) -> Result<Vec<Fp>, SealError> {
    let mut sum = vec![Fp::ZERO; len];
    for (j, bytes) in components.into_iter().enumerate() {
        let elements = decode::<Fp>(bytes, len).map_err(|_| SealError::Malformed(j))?;
        for (sum, element) in sum.iter_mut().zip(elements) {
            *sum += element;
        }
    }
    Ok(sum)
}
