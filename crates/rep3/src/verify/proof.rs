//! One prover's proof over both fields, as each of the three parties runs it.

use algebra::{Field, Fp, Gf128, Transcript, decode, encode};

use super::bits::{self, Weights};
use super::chain::Chain;
use super::recursion::{Left, ProofKey, Prover, Right, levels};
use super::{Assertion, Both, Pending, Side};
use crate::network::Party;
use crate::prss::Key;
use crate::session::Session;

/// The public shape of one proof over one field; the same at all three parties.
pub(super) struct Plan {
    /// Coefficients sent in each level. Without anything to prove there are no levels.
    counts: Vec<usize>,
    /// All numbers that the statement depends on.
    pub shape: Vec<u64>,
}

impl Plan {
    fn new(first: Option<usize>, terms: usize, assertions: &[usize], mut shape: Vec<u64>) -> Self {
        shape.extend(assertions.iter().map(|&terms| terms as u64));
        let idle = first.is_none() && terms == 0 && assertions.is_empty();
        let later = if idle { Vec::new() } else { levels(terms + assertions.iter().sum::<usize>()) };
        Self { counts: first.into_iter().chain(later).collect(), shape }
    }

    fn is_idle(&self) -> bool {
        self.counts.is_empty()
    }
}

/// What the proof of `prover` over GF(2^128) will look like.
pub(super) fn plan_binary(pending: &Pending, prover: Party) -> Plan {
    let assertions = terms_of(&pending.binary, prover);
    let elements = bits::elements(&pending.gates);
    let first = (elements > 0).then_some(bits::COEFFICIENTS);
    Plan::new(first, elements, &assertions, vec![pending.gates.len() as u64])
}

/// What the proof of `prover` over `F_p` will look like.
pub(super) fn plan_prime(pending: &Pending, prover: Party) -> Plan {
    let assertions = terms_of(&pending.prime, prover);
    let products = &pending.products;
    // An output without terms still has a claim: it is zero plus masks.
    let terms = (2 * products.len()).max(usize::from(products.outputs() > 0));
    Plan::new(None, terms, &assertions, products.shape())
}

fn terms_of<F>(assertions: &[Assertion<F>], prover: Party) -> Vec<usize> {
    assertions.iter().filter(|a| a.prover == prover).map(|a| a.terms).collect()
}

impl Both<Plan, Plan> {
    /// Field elements that the left verifier receives.
    pub fn messages(&self) -> usize {
        self.binary.counts.iter().chain(&self.prime.counts).sum()
    }

    /// Digests that the right verifier receives.
    pub fn levels(&self) -> usize {
        self.binary.counts.len() + self.prime.counts.len()
    }

    /// Decodes what the left verifier receives; `None` unless it is canonical.
    pub fn decode(&self, bytes: &[u8]) -> Option<Both<Vec<Gf128>, Vec<Fp>>> {
        let count = |plan: &Plan| plan.counts.iter().sum::<usize>();
        let (binary, prime) = bytes.split_at_checked(16 * count(&self.binary))?;
        let binary = decode(binary, count(&self.binary)).ok()?;
        Some(Both { binary, prime: decode(prime, count(&self.prime)).ok()? })
    }
}

/// What the prover made.
pub(super) struct Proof {
    messages: Both<Vec<Gf128>, Vec<Fp>>,
    digests: Vec<[u8; 32]>,
    /// The hash of all challenges of both fields.
    pub challenges: [u8; 32],
}

impl Proof {
    /// The message to the left verifier.
    pub fn to_left(&self, sent_right: &[u8; 32]) -> Vec<u8> {
        [&sent_right[..], &encode(&self.messages.binary), &encode(&self.messages.prime)].concat()
    }

    /// The message to the right verifier.
    pub fn to_right(&self, sent_left: &[u8; 32]) -> Vec<u8> {
        [sent_left, self.digests.as_flattened()].concat()
    }
}

/// What a verifier came to: one end of the folded vectors and a share of the claimed product, by field.
pub(super) struct Checked {
    binary: [Gf128; 2],
    prime: [Fp; 2],
    /// The hash of all challenges of both fields.
    pub challenges: [u8; 32],
}

impl Checked {
    /// What the right verifier discloses.
    pub fn encode(&self) -> Vec<u8> {
        [encode(&self.binary), encode(&self.prime)].concat()
    }

    /// Whether the left verifier, given what the right one disclosed, accepts. `None` if that is malformed.
    pub fn accepts(&self, disclosed: &[u8]) -> Option<bool> {
        let (binary, prime) = disclosed.split_at_checked(32)?;
        let (binary, prime): (Vec<Gf128>, Vec<Fp>) = (decode(binary, 2).ok()?, decode(prime, 2).ok()?);
        Some(holds(self.binary, &binary) && holds(self.prime, &prime))
    }
}

/// `u* v* = c_L + c_R`.
fn holds<F: Field>(left: [F; 2], right: &[F]) -> bool {
    left[0] * right[0] == left[1] + right[1]
}

/// Runs as prover: `P_i`.
pub(super) fn prove(
    session: &Session,
    steps: &Both<u64, u64>,
    pending: &mut Pending,
    plans: &Both<Plan, Plan>,
    chains: Both<Chain, Chain>,
) -> Proof {
    let (me, prss) = (session.party(), session.prss());
    let keys = |step| (proof_key(&prss.own, step), proof_key(&prss.next, step));

    let (left, right) = keys(steps.binary);
    let mut binary = Prover::new(chains.binary.clone(), left, right);
    if !plans.binary.is_idle() {
        let (mut u, mut v) = (Vec::new(), Vec::new());
        let gates = &pending.gates;
        if gates.len() > 0 {
            let weights = Weights::draw(gates, &mut chains.binary.weights(0));
            let point = binary.publish(&bits::coefficients(gates, &weights, session.executor()));
            u = bits::fold_u(&gates.x_own, &gates.y_own, point, session.executor());
            v = bits::fold_v(&gates.y_next, &gates.x_next, &weights, point, session.executor());
        }
        join(take(&mut pending.binary, me), &chains.binary, &mut u, &mut v, &mut Gf128::default());
        binary.finish(u, v);
    }

    let (left, right) = keys(steps.prime);
    let mut prime = Prover::new(chains.prime.clone(), left, right);
    if !plans.prime.is_idle() {
        let (mut u, mut v) = pending.products.prover(&mut chains.prime.weights(0));
        join(take(&mut pending.prime, me), &chains.prime, &mut u, &mut v, &mut Fp::default());
        prime.finish(u, v);
    }
    let challenges = both_challenges(&binary.challenges(), &prime.challenges());
    let digests = [binary.digests, prime.digests].concat();
    Proof { messages: Both { binary: binary.message, prime: prime.message }, digests, challenges }
}

/// Runs as left verifier: `P_{i-1}`.
pub(super) fn check_left(
    session: &Session,
    steps: &Both<u64, u64>,
    pending: &mut Pending,
    plans: &Both<Plan, Plan>,
    chains: Both<Chain, Chain>,
    messages: &Both<Vec<Gf128>, Vec<Fp>>,
) -> Checked {
    let (prover, key) = (session.party().right(), &session.prss().next);

    let mut binary = Left::new(chains.binary.clone(), proof_key(key, steps.binary), &messages.binary);
    let mut u_binary = Gf128::default();
    if !plans.binary.is_idle() {
        let mut u = Vec::new();
        let gates = &pending.gates;
        if gates.len() > 0 {
            let weights = Weights::draw(gates, &mut chains.binary.weights(0));
            binary.claim = bits::claim(&gates.left_claim, &weights);
            let point = binary.receive(bits::COEFFICIENTS, bits::ROWS - 1);
            u = bits::fold_u(&gates.x_next, &gates.y_next, point, session.executor());
        }
        let assertions = take(&mut pending.binary, prover);
        join(assertions, &chains.binary, &mut u, &mut Vec::new(), &mut binary.claim);
        u_binary = binary.finish(u);
    }

    let mut prime = Left::new(chains.prime.clone(), proof_key(key, steps.prime), &messages.prime);
    let mut u_prime = Fp::default();
    if !plans.prime.is_idle() {
        let (mut u, claim) = pending.products.left(&mut chains.prime.weights(0));
        prime.claim = claim;
        let assertions = take(&mut pending.prime, prover);
        join(assertions, &chains.prime, &mut u, &mut Vec::new(), &mut prime.claim);
        u_prime = prime.finish(u);
    }
    Checked {
        binary: [u_binary, binary.claim],
        prime: [u_prime, prime.claim],
        challenges: both_challenges(&binary.challenges(), &prime.challenges()),
    }
}

/// Runs as right verifier: `P_{i+1}`.
pub(super) fn check_right(
    session: &Session,
    steps: &Both<u64, u64>,
    pending: &mut Pending,
    plans: &Both<Plan, Plan>,
    chains: Both<Chain, Chain>,
    digests: &[[u8; 32]],
) -> Checked {
    let (prover, key) = (session.party().left(), &session.prss().own);
    let (digests_binary, digests_prime) = digests.split_at(plans.binary.counts.len());

    let mut binary = Right::new(chains.binary.clone(), proof_key(key, steps.binary), digests_binary);
    let mut v_binary = Gf128::default();
    if !plans.binary.is_idle() {
        let mut v = Vec::new();
        let gates = &pending.gates;
        if gates.len() > 0 {
            let weights = Weights::draw(gates, &mut chains.binary.weights(0));
            binary.claim = bits::claim(&gates.right_claim, &weights);
            let point = binary.receive(bits::COEFFICIENTS, bits::ROWS - 1);
            v = bits::fold_v(&gates.y_own, &gates.x_own, &weights, point, session.executor());
        }
        let assertions = take(&mut pending.binary, prover);
        join(assertions, &chains.binary, &mut Vec::new(), &mut v, &mut binary.claim);
        v_binary = binary.finish(v);
    }

    let mut prime = Right::new(chains.prime.clone(), proof_key(key, steps.prime), digests_prime);
    let mut v_prime = Fp::default();
    if !plans.prime.is_idle() {
        let (mut v, claim) = pending.products.right(&mut chains.prime.weights(0));
        prime.claim = claim;
        let assertions = take(&mut pending.prime, prover);
        join(assertions, &chains.prime, &mut Vec::new(), &mut v, &mut prime.claim);
        v_prime = prime.finish(v);
    }
    Checked {
        binary: [v_binary, binary.claim],
        prime: [v_prime, prime.claim],
        challenges: both_challenges(&binary.challenges(), &prime.challenges()),
    }
}

/// Appends the sides of assertions to the vectors, and adds up their claims.
fn join<F: Field>(
    assertions: Vec<Assertion<F>>,
    chain: &Chain,
    u: &mut Vec<F>,
    v: &mut Vec<F>,
    claim: &mut F,
) {
    for (assertion, number) in assertions.into_iter().zip(1..) {
        let (start_u, start_v) = (u.len(), v.len());
        match (assertion.side)(&mut chain.weights(number)) {
            Side::Prover { u: more_u, v: more_v } => {
                u.extend(more_u);
                v.extend(more_v);
            }
            Side::Left { u: more, claim: part } => {
                u.extend(more);
                *claim += part;
            }
            Side::Right { v: more, claim: part } => {
                v.extend(more);
                *claim += part;
            }
        }
        let fits = |start, len| len == start || len == start + assertion.terms;
        assert!(
            fits(start_u, u.len()) && fits(start_v, v.len()),
            "an assertion has as many terms as announced"
        );
    }
}

/// Takes out the assertions about one prover, in order.
fn take<F>(assertions: &mut Vec<Assertion<F>>, prover: Party) -> Vec<Assertion<F>> {
    assertions.extract_if(.., |a| a.prover == prover).collect()
}

fn both_challenges(binary: &[u8; 32], prime: &[u8; 32]) -> [u8; 32] {
    let mut transcript = Transcript::new("mpcstats/rep3/challenges/v1");
    transcript.append("binary", binary);
    transcript.append("prime", prime);
    transcript.digest()
}

fn proof_key(key: &Key, step: u64) -> ProofKey<'_> {
    ProofKey { key, step }
}
