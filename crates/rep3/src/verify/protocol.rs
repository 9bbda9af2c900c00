//! The messages V1 to V4 of three proofs at once, over both fields.

use algebra::{Transcript, hmac};

use super::chain::{Chain, Statement};
use super::proof::{self, Plan, plan_binary, plan_prime};
use super::{Both, Pending};
use crate::abort::{Abort, Cause};
use crate::network::{Party, Step};
use crate::prss::Purpose;
use crate::session::{Direction, Session};

const SHARES: Step = Step("verify/shares");
const DIGESTS: Step = Step("verify/digests");
const CHALLENGES: Step = Step("verify/challenges");
const MASKED: Step = Step("verify/masked");
const VERDICT: Step = Step("verify/verdict");

/// A verdict that a proof was rejected; the other one is a hash.
const REJECTED: [u8; 32] = [0; 32];

/// Verifies what is pending and forgets it.
pub(super) fn run(session: &mut Session) -> Result<(), Abort> {
    let mut pending = std::mem::take(&mut session.pending);
    let steps = Both { binary: session.next_step(), prime: session.next_step() };
    let outcome = Batch::new(session, steps).run(session, &mut pending);
    pending.clear();
    session.pending = pending;
    session.batch += u64::from(outcome.is_ok());
    outcome
}

/// One closing batch at one party.
struct Batch {
    me: Party,
    steps: Both<u64, u64>,
    /// Salted digests of all covered messages: to and from the left, to and from the right party.
    to_left: [u8; 32],
    from_left: [u8; 32],
    to_right: [u8; 32],
    from_right: [u8; 32],
}

impl Batch {
    fn new(session: &mut Session, steps: Both<u64, u64>) -> Self {
        let tag = session.tag(Purpose::Salt);
        // The holder on the left of a key sends under the first salt, the holder on the right under the second.
        let digest = |direction, right| session.transcripts().digest(direction, right);
        let (own, next) = (&session.prss().own, &session.prss().next);
        let from_left = hmac(&own.bytes32(tag, 0), &digest(Direction::Received, false));
        let to_left = hmac(&own.bytes32(tag, 2), &digest(Direction::Sent, false));
        let to_right = hmac(&next.bytes32(tag, 0), &digest(Direction::Sent, true));
        let from_right = hmac(&next.bytes32(tag, 2), &digest(Direction::Received, true));
        Self { me: session.party(), steps, to_left, from_left, to_right, from_right }
    }

    fn run(&self, session: &mut Session, pending: &mut Pending) -> Result<(), Abort> {
        let (me, left, right) = (self.me, self.me.left(), self.me.right());
        let plans =
            |prover| Both { binary: plan_binary(pending, prover), prime: plan_prime(pending, prover) };
        let (mine, of_left, of_right) = (plans(me), plans(left), plans(right));

        // V1: prove, and receive the proofs of both others.
        let start = chains(session, me, &mine, &self.to_left, &self.to_right);
        let proof = proof::prove(session, &self.steps, pending, &mine, start);
        session.send_uncovered(left, SHARES, proof.to_left(&self.to_right))?;
        session.send_uncovered(right, DIGESTS, proof.to_right(&self.to_left))?;
        let shares = session.recv_uncovered(right, SHARES, 32 + 16 * of_right.messages())?;
        let digests = session.recv_uncovered(left, DIGESTS, 32 + 32 * of_left.levels())?;

        // V2: both verifiers of a proof must have come to the same challenges.
        let start = chains(session, right, &of_right, &self.from_right, &array(&shares));
        let message = of_right.decode(&shares[32..]);
        let message = message.ok_or_else(|| session.abort(SHARES, Cause::Malformed(right)))?;
        let of_right = proof::check_left(session, &self.steps, pending, &of_right, start, &message);
        let start = chains(session, left, &of_left, &array(&digests), &self.from_left);
        let digests: Vec<[u8; 32]> = digests[32..].chunks_exact(32).map(array).collect();
        let of_left = proof::check_right(session, &self.steps, pending, &of_left, start, &digests);
        session.send_uncovered(left, CHALLENGES, of_right.challenges.to_vec())?;
        let challenges = session.recv_uncovered(right, CHALLENGES, 32)?;
        session.require_equal(CHALLENGES, &challenges, &of_left.challenges)?;

        // V3: disclose the masked end of each vector to the verifier who knows the other end.
        session.send_uncovered(right, MASKED, of_left.encode())?;
        let masked = session.recv_uncovered(left, MASKED, 64)?;
        let accepted = of_right.accepts(&masked);
        let accepted = accepted.ok_or_else(|| session.abort(MASKED, Cause::Malformed(left)))?;

        // V4: tell both others; go on only with both other verdicts.
        let mine = if accepted { verdict(session, right, &of_right.challenges) } else { REJECTED };
        session.send_uncovered(left, VERDICT, mine.to_vec())?;
        session.send_uncovered(right, VERDICT, mine.to_vec())?;
        if !accepted {
            session.flush(VERDICT)?;
            return Err(session.abort(VERDICT, Cause::ProofRejected(right)));
        }
        let expected = [(left, me, proof.challenges), (right, left, of_left.challenges)];
        for (verifier, prover, challenges) in expected {
            let received = session.recv_uncovered(verifier, VERDICT, 32)?;
            if received != verdict(session, prover, &challenges) {
                return Err(session.abort(VERDICT, Cause::Refused(verifier)));
            }
        }
        Ok(())
    }
}

/// The challenge chains of one prover, before any proof message.
fn chains(
    session: &Session,
    prover: Party,
    plans: &Both<Plan, Plan>,
    sent_left: &[u8; 32],
    sent_right: &[u8; 32],
) -> Both<Chain, Chain> {
    let chain = |field, plan: &Plan| {
        let (sid, batch, shape) = (session.sid(), session.batch, &plan.shape[..]);
        Chain::new(&Statement { sid, field, batch, prover, shape, sent_left, sent_right })
    };
    Both { binary: chain("GF(2^128)", &plans.binary), prime: chain("F_p", &plans.prime) }
}

/// The verdict that accepts a proof: bound to session, batch, prover and all of the proof's challenges.
fn verdict(session: &Session, prover: Party, challenges: &[u8; 32]) -> [u8; 32] {
    let mut transcript = Transcript::new("mpcstats/rep3/verdict/v1");
    transcript.append("session", session.sid());
    transcript.append_u64("batch", session.batch);
    transcript.append_u64("prover", prover.index() as u64);
    transcript.append("challenges", challenges);
    transcript.digest()
}

/// 32 bytes of a message whose length has been checked.
fn array(bytes: &[u8]) -> [u8; 32] {
    bytes.first_chunk().copied().unwrap_or_default()
}
