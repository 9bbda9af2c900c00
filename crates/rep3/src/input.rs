//! Inputs of a provider who is offline when they are computed on.
//!
//! The provider shares a string of bytes and commits to each of the three components separately. The parties
//! check the commitments of the components that they received, and compare all commitments with each other:
//! then the two holders of a component hold the same bytes. Without this a provider and one party could make
//! two honest parties hold different copies, and a proof between them would fail in a way that depends on
//! the value.

use std::fmt;

use algebra::{Bits, Prg, rows_to_columns};
use sha3::{Digest, Sha3_256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::abort::Abort;
use crate::network::{Party, Step};
use crate::session::Session;
use crate::share::BitShare;

/// The comparison of commitments.
pub const INPUT: Step = Step("input/commitments");
/// The comparison of which inputs were accepted.
pub const ACCEPT: Step = Step("input/accepted");

/// What an input belongs to. The computation's session is not known yet when a provider shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputContext<'a> {
    /// The notarization session that attests the value.
    pub session: &'a [u8; 32],
    /// The provider's public key.
    pub provider: &'a [u8; 32],
}

/// One component of an input with the salt of its commitment. Two of three components are grown from a seed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub enum Component {
    /// The component is what this seed grows to.
    Seed {
        /// 16 uniform bytes.
        seed: [u8; 16],
        /// The salt of the commitment.
        salt: [u8; 32],
    },
    /// The component itself.
    Bytes {
        /// As long as the input.
        bytes: Vec<u8>,
        /// The salt of the commitment.
        salt: [u8; 32],
    },
}

impl Component {
    /// The component's bytes; `None` if the provider sent another length than is due.
    pub fn expand(&self, length: usize) -> Option<Vec<u8>> {
        match self {
            Self::Seed { seed, .. } => {
                let mut bytes = vec![0; length];
                Prg::new(seed).fill_bytes(&mut bytes);
                Some(bytes)
            }
            Self::Bytes { bytes, .. } => (bytes.len() == length).then(|| bytes.clone()),
        }
    }

    fn salt(&self) -> &[u8; 32] {
        match self {
            Self::Seed { salt, .. } | Self::Bytes { salt, .. } => salt,
        }
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Component(..)")
    }
}

/// What a provider sends to one party, sealed to that party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyInput {
    /// Component `i`, for party `i`.
    pub own: Component,
    /// Component `i + 1`, for party `i`.
    pub next: Component,
    /// The commitments to components 0, 1 and 2: the same for all parties.
    pub commitments: [[u8; 32]; 3],
}

/// Shares a string of bytes among the three parties. `randomness` must be secret and fresh.
pub fn share_input(value: &[u8], context: InputContext<'_>, randomness: &mut Prg) -> [PartyInput; 3] {
    let (mut seeds, mut salts) = ([[0; 16]; 2], [[0; 32]; 3]);
    randomness.fill_bytes(seeds.as_flattened_mut());
    randomness.fill_bytes(salts.as_flattened_mut());
    let [a, b] = seeds.each_ref().map(Prg::new);
    let mut rest = value.to_vec();
    for mut mask in [a, b] {
        let mut bytes = vec![0; value.len()];
        mask.fill_bytes(&mut bytes);
        rest.iter_mut().zip(&bytes).for_each(|(byte, mask)| *byte ^= mask);
        bytes.zeroize();
    }
    let components = [
        Component::Seed { seed: seeds[0], salt: salts[0] },
        Component::Seed { seed: seeds[1], salt: salts[1] },
        Component::Bytes { bytes: rest, salt: salts[2] },
    ];
    let mut commitments = [[0; 32]; 3];
    for (j, (commitment, component)) in commitments.iter_mut().zip(&components).enumerate() {
        let bytes = component.expand(value.len()).unwrap_or_default();
        *commitment = commit(context, j, component.salt(), &bytes);
    }
    seeds.zeroize();
    Party::ALL.map(|party| PartyInput {
        own: components[party.index()].clone(),
        next: components[party.right().index()].clone(),
        commitments,
    })
}

/// The commitment to component `j`.
fn commit(context: InputContext<'_>, j: usize, salt: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    let mut hash = Sha3_256::new();
    hash.update(b"mpcstats/input/v1");
    hash.update(context.session);
    hash.update(context.provider);
    hash.update([j as u8]);
    hash.update(salt);
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
    hash.finalize().into()
}

impl PartyInput {
    /// The two components in full, if they have this length and fit their commitments.
    pub fn check(&self, context: InputContext<'_>, length: usize, party: Party) -> Option<[Vec<u8>; 2]> {
        let open = |component: &Component, j: usize| {
            let bytes = component.expand(length)?;
            let commitment = commit(context, j, component.salt(), &bytes);
            bool::from(commitment.ct_eq(&self.commitments[j])).then_some(bytes)
        };
        Some([open(&self.own, party.index())?, open(&self.next, party.right().index())?])
    }
}

/// Agrees on which inputs of a batch are good: those whose components fit their commitments at every party
/// and whose commitments are the same at all three. Two rounds.
///
/// `inputs` lists, in an order that the parties agree on, the commitments of each input that this party found
/// good, and `None` for the others. A party can exclude any input, and cannot be blamed for it.
///
/// # Errors
/// [`Abort`] if a peer is gone, or told the two others different things.
pub fn agree_on_inputs(inputs: &[Option<[[u8; 32]; 3]>], session: &mut Session) -> Result<Vec<bool>, Abort> {
    let mine: Vec<u8> = inputs.iter().flat_map(|input| list_digest(input.as_ref())).collect();
    let [left, right] = both_ways(INPUT, &mine, session)?;
    let accepted = |input: usize| {
        let at = 32 * input..32 * input + 32;
        inputs[input].is_some() && mine[at.clone()] == left[at.clone()] && mine[at.clone()] == right[at]
    };
    let accepted: Vec<bool> = (0..inputs.len()).map(accepted).collect();

    // A party that told the others different things has split them; find out before computing.
    let bitmap: Vec<u8> = accepted.iter().map(|&good| u8::from(good)).collect();
    let digest: [u8; 32] = Sha3_256::digest(&bitmap).into();
    let [left, right] = both_ways(ACCEPT, &digest, session)?;
    session.require_equal(ACCEPT, &digest, &left)?;
    session.require_equal(ACCEPT, &digest, &right)?;
    Ok(accepted)
}

/// Sends a message to both neighbours and receives as much from each.
fn both_ways(step: Step, message: &[u8], session: &mut Session) -> Result<[Vec<u8>; 2], Abort> {
    let (left, right) = (session.party().left(), session.party().right());
    session.send(left, step, message.to_vec())?;
    session.send(right, step, message.to_vec())?;
    Ok([session.recv(left, step, message.len())?, session.recv(right, step, message.len())?])
}

/// A hash of one input's commitments; zeros for an input that was found bad.
fn list_digest(commitments: Option<&[[u8; 32]; 3]>) -> [u8; 32] {
    commitments.map_or([0; 32], |list| Sha3_256::digest(list.as_flattened()).into())
}

/// Turns checked inputs, one a row, into columns: column `8 b + k` is bit `k` of byte `b`.
///
/// # Panics
/// If a component does not have `length` bytes.
pub fn input_columns(inputs: &[[Vec<u8>; 2]], length: usize) -> Vec<BitShare> {
    let columns = |side: usize| -> Vec<Bits> {
        let words_per_row = length.div_ceil(8);
        let mut rows = vec![0; inputs.len() * words_per_row];
        for (input, row) in inputs.iter().zip(rows.chunks_exact_mut(words_per_row.max(1))) {
            assert_eq!(input[side].len(), length, "an input has the length that was checked");
            for (word, bytes) in row.iter_mut().zip(input[side].chunks(8)) {
                let mut padded = [0; 8];
                padded[..bytes.len()].copy_from_slice(bytes);
                *word = u64::from_le_bytes(padded);
            }
        }
        rows_to_columns(&rows, 8 * length)
    };
    columns(0).into_iter().zip(columns(1)).map(|(own, next)| BitShare { own, next }).collect()
}
