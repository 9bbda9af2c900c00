//! The last statement of every session: these bytes are shown, those are of a class, and these commitments
//! commit to what stands there.

use circuit::{bits, keccak};
use std::ops::Range;
use twopc::quicksilver::Proof;

use super::ProofError;
use super::records::Plaintext;
use crate::attestation::{RedactedBytes, Statement};
use crate::commitment::{Commitment, Direction, Opening};

/// Proves everything that the statement says about both directions' plaintext. `openings` are the prover's; the
/// notary has none.
///
/// # Errors
/// [`ProofError::Range`] if the statement's ranges or lengths are not the plaintext's; [`ProofError::Protocol`].
pub fn prove<P: Proof>(
    proof: &mut P,
    statement: &Statement,
    sent: &mut Plaintext<'_, P::Wire>,
    received: &mut Plaintext<'_, P::Wire>,
    openings: Option<&[Opening]>,
) -> Result<(), ProofError> {
    bytes(proof, &statement.sent, sent)?;
    bytes(proof, &statement.received, received)?;
    for (index, commitment) in statement.commitments.iter().enumerate() {
        let opening = openings.and_then(|openings| openings.get(index));
        let session = &statement.session;
        match commitment.direction {
            Direction::Sent => committed(proof, session, commitment, sent, opening)?,
            Direction::Received => committed(proof, session, commitment, received, opening)?,
        }
    }
    Ok(())
}

/// The range of so many bytes from `offset`.
fn range(offset: u32, length: usize) -> Range<usize> {
    offset as usize..(offset as usize).saturating_add(length)
}

fn bytes<P: Proof>(
    proof: &mut P,
    redacted: &RedactedBytes,
    plaintext: &mut Plaintext<'_, P::Wire>,
) -> Result<(), ProofError> {
    if redacted.length as usize != plaintext.len() {
        return Err(ProofError::Range);
    }
    for shown in &redacted.shown {
        let wires = plaintext.wires(range(shown.offset, shown.bytes.len()), proof)?;
        proof.assert_equals(&wires, &bits::from_bytes(&shown.bytes))?;
    }
    for classed in &redacted.classes {
        let wires = plaintext.wires(range(classed.offset, classed.length as usize), proof)?;
        let (bytes, _) = wires.as_chunks::<8>();
        let held = classed.class.circuit(proof, bytes)?;
        let outside = bits::not(&held, proof);
        proof.assert_zero(&outside)?;
    }
    Ok(())
}

fn committed<P: Proof>(
    proof: &mut P,
    session: &[u8; 32],
    commitment: &Commitment,
    plaintext: &mut Plaintext<'_, P::Wire>,
    opening: Option<&Opening>,
) -> Result<(), ProofError> {
    let window = plaintext.wires(range(commitment.offset, commitment.length as usize), proof)?;
    let blinder = proof.commit(256, || opening.map(|o| bits::from_bytes(&o.blinder)).unwrap_or_default())?;
    let domain = bits::constant_bytes(&commitment.domain(session), proof);
    let digest = keccak::sha3_256(&[domain, blinder, window].concat(), proof)?;
    Ok(proof.assert_equals(&digest, &bits::from_bytes(&commitment.digest))?)
}
