//! How a party's pair of share components travels and is checked.
//!
//! What is shared is, for every field in the survey's order, its window and its 32-byte blinder. Sharing,
//! commitments and their check are the engine's ([`rep3::share_input`], [`rep3::PartyInput::check`]); here is
//! the form that is sealed to a party: salt and component of its own index, then of the next. Components 0
//! and 1 are seeds, component 2 is as long as what is shared.

use rep3::network::Party;
use rep3::{Component, PartyInput};
use zeroize::Zeroizing;

use crate::id::Id;

/// How many bytes blind a field's window.
pub const BLINDER: usize = 32;
const SALT: usize = 32;
const SEED: usize = 16;

/// How long component `j` is in a sealed pair.
const fn component_len(j: usize, length: usize) -> usize {
    if j == 2 { length } else { SEED }
}

/// How long party `party`'s pair is, as bytes, when `length` bytes are shared.
pub fn encoded_len(party: Party, length: usize) -> usize {
    2 * SALT + component_len(party.index(), length) + component_len(party.right().index(), length)
}

/// A party's pair as bytes.
pub fn encode(input: &PartyInput) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::new());
    for component in [&input.own, &input.next] {
        let (salt, contents): (_, &[u8]) = match component {
            Component::Seed { seed, salt } => (salt, seed),
            Component::Bytes { bytes, salt } => (salt, bytes),
        };
        bytes.extend_from_slice(salt);
        bytes.extend_from_slice(contents);
    }
    bytes
}

/// A party's pair from bytes; none if they have another length than is due.
pub fn decode(bytes: &[u8], party: Party, length: usize, commitments: &[Id; 3]) -> Option<PartyInput> {
    if bytes.len() != encoded_len(party, length) {
        return None;
    }
    let (own, next) = bytes.split_at(SALT + component_len(party.index(), length));
    Some(PartyInput {
        own: component(own, party.index())?,
        next: component(next, party.right().index())?,
        commitments: commitments.map(|id| id.0),
    })
}

fn component(bytes: &[u8], j: usize) -> Option<Component> {
    let (salt, contents) = bytes.split_first_chunk::<SALT>()?;
    Some(if j == 2 {
        Component::Bytes { bytes: contents.to_vec(), salt: *salt }
    } else {
        Component::Seed { seed: contents.try_into().ok()?, salt: *salt }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use algebra::Prg;
    use proptest::prelude::*;
    use rep3::{InputContext, share_input};

    const CONTEXT: InputContext<'_> = InputContext { session: &[1; 32], provider: &[2; 32] };

    proptest! {
        #[test]
        fn pairs_travel_and_fit_their_own_party_only(secret in proptest::collection::vec(any::<u8>(), 1..200)) {
            let inputs = share_input(&secret, CONTEXT, &mut Prg::new(&[3; 16]));
            let commitments = inputs[0].commitments.map(Id);
            for (party, input) in Party::ALL.into_iter().zip(&inputs) {
                let bytes = encode(input);
                prop_assert_eq!(bytes.len(), encoded_len(party, secret.len()));
                let decoded = decode(&bytes, party, secret.len(), &commitments).unwrap();
                prop_assert_eq!(&decoded, input);
                prop_assert!(decoded.check(CONTEXT, secret.len(), party).is_some());
                prop_assert!(decoded.check(CONTEXT, secret.len(), party.right()).is_none());
                prop_assert_eq!(decode(&bytes[1..], party, secret.len(), &commitments), None);
            }
        }
    }
}
