//! How three parties commit a batch, as a pure state machine.
//!
//! A batch record with three signatures *is* the commit. A party signs only what it has made durable, and only
//! once both others say that they have made it durable too. What makes this safe against crashes, and against
//! one party that lies, are three rules, each checked in one place below:
//!
//! 1. **Prepare.** An attempt's outcome (header, share columns) is made durable as *prepared*. A party that
//!    fails an attempt before that durably raises its attempt number: it is *past* the attempt, and promises
//!    never to prepare or sign it.
//! 2. **Sign.** A prepared party signs when both others are prepared (or signed) with the same header.
//! 3. **Give up.** A prepared party that has not signed gives an attempt up when one peer is past it and the
//!    other has not signed. A party that has signed gives up only when *both* are past it. Nothing else ends what
//!    is prepared: not the failure of another attempt, which a lying leader can start at will.
//!
//! At most one header per height can ever carry three signatures, even if one party lies. Suppose two headers
//! of different attempts do; both honest parties signed both. The first of them to give the earlier attempt up
//! after signing it did so because both peers were past it, the other honest one among them; but a party that
//! is past an attempt never signs it, and this one did. (Two headers of the *same* attempt cannot both be
//! signed by an honest party: it prepares one header per attempt.)
//!
//! A party that starts passes the attempt that it may have been computing: what it had not prepared is lost.
//!
//! Nothing waits on a message that can get lost: parties exchange their *state* over and over, and everything
//! is decided from the latest states. An honest trio in which nobody is cut off for ever always moves on: a
//! party is past an attempt without having prepared it only if nobody can have signed it.

use serde::{Deserialize, Serialize};
use survey::{Header, Id, PublicKey, Purpose, Signature};

/// The durable part of the state machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// The height that comes next.
    pub height: u64,
    /// The header before it ([`Header::id`]); the survey's id at height 0.
    pub previous: Id,
    /// The lowest attempt that this party may still take part in.
    pub attempt: u64,
    /// What it has prepared, if anything.
    pub prepared: Option<Prepared>,
}

/// A prepared attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// The header, whose attempt this is.
    pub header: Header,
    /// This party's signature, once it has signed.
    pub signature: Option<Signature>,
}

/// What a party tells its peers about itself; each message is signed and names its sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The height that comes next for it.
    pub height: u64,
    /// The lowest attempt that it may still take part in.
    pub attempt: u64,
    /// Its prepared header's id and attempt.
    pub prepared: Option<PreparedState>,
}

/// What a party tells about its prepared attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreparedState {
    /// The attempt.
    pub attempt: u64,
    /// The header's id.
    pub header: Id,
    /// The signature, once given.
    pub signature: Option<Signature>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Nothing, until states change.
    Wait,
    /// Sign the prepared header.
    Sign,
    /// All three signatures, of parties 0, 1 and 2: commit.
    Commit([Signature; 3]),
    /// Give the prepared attempt up.
    GiveUp,
    /// This peer (0, 1 or 2) is ahead: fetch the record of the present height from it.
    Fetch(usize),
}

/// Where one peer stands towards a prepared header.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stance {
    Unknown,
    Prepared,
    Signed(Signature),
    /// It will never sign this header: it is past the attempt, or has prepared another header in it.
    Past,
}

impl Ledger {
    /// The beginning of a survey's chain.
    pub fn new(survey: Id) -> Self {
        Self { height: 0, previous: survey, attempt: 0, prepared: None }
    }

    /// What to tell the peers.
    ///
    /// # Errors
    /// See [`Header::id`].
    pub fn state(&self) -> Result<State, survey::EncodeError> {
        let prepared = match &self.prepared {
            None => None,
            Some(Prepared { header, signature }) => {
                Some(PreparedState { attempt: header.attempt, header: header.id()?, signature: *signature })
            }
        };
        Ok(State { height: self.height, attempt: self.attempt, prepared })
    }

    /// Decides from this party's own state (`me` is 0, 1 or 2) and the latest of its peers. `peers[me]` is
    /// ignored. `keys` are the parties' identities.
    ///
    /// # Errors
    /// See [`Header::id`].
    pub fn decide(
        &self,
        me: usize,
        peers: &[Option<State>; 3],
        keys: &[PublicKey; 3],
    ) -> Result<Action, survey::EncodeError> {
        let others = [(me + 1) % 3, (me + 2) % 3];
        let ahead = |peer: &&usize| peers[**peer].as_ref().is_some_and(|state| state.height > self.height);
        if let Some(peer) = others.iter().find(ahead) {
            return Ok(Action::Fetch(*peer));
        }
        let Some(prepared) = &self.prepared else { return Ok(Action::Wait) };
        let id = prepared.header.id()?;
        let stance = |peer: usize| self.stance(prepared, &id, peers[peer].as_ref(), &keys[peer]);
        let (right, left) = (stance(others[0]), stance(others[1]));
        Ok(match (&prepared.signature, right, left) {
            (Some(own), Stance::Signed(right), Stance::Signed(left)) => {
                let mut signatures = [*own; 3];
                signatures[others[0]] = right;
                signatures[others[1]] = left;
                Action::Commit(signatures)
            }
            (None, Stance::Prepared | Stance::Signed(_), Stance::Prepared | Stance::Signed(_)) => {
                Action::Sign
            }
            (_, Stance::Past, Stance::Past)
            | (None, Stance::Past, Stance::Prepared | Stance::Unknown)
            | (None, Stance::Prepared | Stance::Unknown, Stance::Past) => Action::GiveUp,
            _ => Action::Wait,
        })
    }

    fn stance(&self, mine: &Prepared, id: &Id, state: Option<&State>, key: &PublicKey) -> Stance {
        let Some(state) = state.filter(|state| state.height == self.height) else { return Stance::Unknown };
        let attempt = mine.header.attempt;
        match &state.prepared {
            Some(theirs) if theirs.attempt == attempt && theirs.header != *id => Stance::Past,
            Some(theirs) if theirs.attempt == attempt => match theirs.signature {
                Some(signature) if key.verify(Purpose::Batch, id, &signature) => Stance::Signed(signature),
                _ => Stance::Prepared,
            },
            _ if state.attempt > attempt => Stance::Past,
            _ => Stance::Unknown,
        }
    }

    /// Whether this party may take part in an attempt at a height. Having prepared another, it may not.
    pub fn may_start(&self, height: u64, attempt: u64) -> bool {
        self.prepared.is_none() && height == self.height && attempt >= self.attempt
    }

    /// An attempt starts: to be made durable before anything is computed, so that what a peer claims about
    /// later attempts can be told for a lie.
    pub fn start(&mut self, attempt: u64) {
        self.attempt = self.attempt.max(attempt);
    }

    /// An attempt succeeded: to be made durable together with its columns.
    pub fn prepare(&mut self, header: Header) {
        self.prepared = Some(Prepared { header, signature: None });
    }

    /// An attempt failed: this party is past it. What it has prepared in another attempt stays.
    pub fn pass(&mut self, attempt: u64) {
        self.attempt = self.attempt.max(attempt.saturating_add(1));
    }

    /// The prepared attempt is given up: this party is past it.
    pub fn give_up(&mut self) {
        if let Some(prepared) = self.prepared.take() {
            self.pass(prepared.header.attempt);
        }
    }

    /// The header of the present height has three signatures.
    ///
    /// # Errors
    /// See [`Header::id`].
    pub fn commit(&mut self, header: &Header) -> Result<(), survey::EncodeError> {
        *self = Self { height: header.height + 1, previous: header.id()?, attempt: 0, prepared: None };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(survey: Id, attempt: u64) -> Header {
        Header {
            version: 1,
            survey,
            height: 0,
            attempt,
            previous: survey,
            epoch: 0,
            closes_epoch: false,
            accepted: 0,
            leaves_root: Id::default(),
            refused_hash: Id::default(),
            columns: [Id::default(); 3],
            closed_at: 0,
        }
    }

    /// The failure of a later attempt, which a leader starts at will, must not end what was signed in an earlier one.
    #[test]
    fn what_is_signed_outlives_the_failure_of_other_attempts() {
        let survey = Id::of_parts("survey", &[]);
        let identities: [survey::Identity; 3] = std::array::from_fn(|_| survey::Identity::generate());
        let keys = std::array::from_fn(|i| identities[i].public());
        let mut ledger = Ledger::new(survey);
        ledger.start(1);
        ledger.prepare(header(survey, 1));
        let id = header(survey, 1).id().unwrap();
        if let Some(prepared) = &mut ledger.prepared {
            prepared.signature = Some(identities[0].sign(Purpose::Batch, &id));
        }
        ledger.pass(5);
        let signed = |party: usize| {
            let signature = Some(identities[party].sign(Purpose::Batch, &id));
            let prepared = Some(PreparedState { attempt: 1, header: id, signature });
            Some(State { height: 0, attempt: 1, prepared })
        };
        let decided = ledger.decide(0, &[None, signed(1), signed(2)], &keys).unwrap();
        assert!(matches!(decided, Action::Commit(_)), "{decided:?}");

        // One peer that is past it does not end it either; both do.
        let past = Some(State { height: 0, attempt: 2, prepared: None });
        assert_eq!(ledger.decide(0, &[None, signed(1), past.clone()], &keys).unwrap(), Action::Wait);
        assert_eq!(ledger.decide(0, &[None, past.clone(), past], &keys).unwrap(), Action::GiveUp);
    }

    /// A batch without rows is prepared without the others: if the leader never begins it, they go on.
    #[test]
    fn what_only_this_party_has_prepared_is_given_up_once_one_peer_is_past_it() {
        let survey = Id::of_parts("survey", &[]);
        let keys = std::array::from_fn(|_| survey::Identity::generate().public());
        let mut ledger = Ledger::new(survey);
        ledger.prepare(header(survey, 1));
        let state = |attempt| Some(State { height: 0, attempt, prepared: None });
        assert_eq!(ledger.decide(1, &[state(2), None, state(0)], &keys).unwrap(), Action::GiveUp);
        assert_eq!(ledger.decide(1, &[state(1), None, state(0)], &keys).unwrap(), Action::Wait);
        ledger.give_up();
        assert_eq!((ledger.attempt, ledger.prepared), (2, None));
    }
}
