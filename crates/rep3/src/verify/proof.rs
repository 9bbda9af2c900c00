//! One prover's proof over both fields, as each of the three parties runs it.

use algebra::{Field, Fp, Gf128, Transcript, decode, encode};
use zeroize::Zeroize;

use super::bits::{self, Weights};
use super::chain::Chain;
use super::folding::{Folding, Reading};
use super::recursion::{ProofKey, Prover, levels};
use super::{Assertion, Both, Pending, Side, room, terms};
use crate::executor::Executor;
use crate::network::Party;
use crate::prss::Key;
use crate::session::Session;

/// The public shape of one proof over one field; the same at all three parties.
pub(super) struct Plan {
    /// Coefficients sent in each level. Without anything to prove there are no levels.
    counts: Vec<usize>,
    /// How many of these levels are about gates or products only: one or none.
    first: usize,
    /// Terms that the first level leaves.
    folded: usize,
    /// The length of the vectors after the first level of gates or products.
    terms: usize,
    /// All numbers that the statement depends on.
    pub shape: Vec<u64>,
}

impl Plan {
    /// `first` is the number of coefficients of a first level of gates or products, which leaves `folded`
    /// terms; assertions join behind those.
    fn new(first: Option<usize>, folded: usize, assertions: &[usize], mut shape: Vec<u64>) -> Self {
        shape.extend(assertions.iter().map(|&terms| terms as u64));
        let terms = folded + assertions.iter().sum::<usize>();
        let idle = first.is_none() && assertions.is_empty();
        let later = if idle { Vec::new() } else { levels(terms) };
        let counts = first.into_iter().chain(later).collect();
        Self { counts, first: usize::from(first.is_some()), folded, terms, shape }
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
    let first = (products.outputs() > 0).then_some(terms::COEFFICIENTS);
    Plan::new(first, products.len(), &assertions, products.shape())
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
    let (me, prss, executor) = (session.party(), session.prss(), session.executor());
    let Pending { gates, products, scratch, .. } = pending;
    let keys = |step| (proof_key(&prss.own, step), proof_key(&prss.next, step));

    let (left, right) = keys(steps.binary);
    let mut binary = Prover::new(chains.binary.clone(), left, right);
    if !plans.binary.is_idle() {
        let (u, v) = scratch.binary.both(plans.binary.terms);
        let folded = bits::elements(gates);
        if folded > 0 {
            let weights = Weights::draw(gates, &mut chains.binary.weights(0));
            let point = binary.publish(&bits::coefficients(gates, &weights, executor));
            bits::fold_u([gates.x_own.words(), gates.y_own.words()], point, &mut u[..folded], executor);
            bits::fold_v(
                [gates.y_next.words(), gates.x_next.words()],
                &weights,
                point,
                &mut v[..folded],
                executor,
            );
        }
        let assertions = take(&mut pending.binary, me);
        join(assertions, &chains.binary, &mut u[folded..], &mut v[folded..]);
        binary.finish(u, v, executor);
    }

    let (left, right) = keys(steps.prime);
    let mut prime = Prover::new(chains.prime.clone(), left, right);
    if !plans.prime.is_idle() {
        let (u, v) = scratch.prime.both(plans.prime.terms);
        let folded = products.len();
        if products.outputs() > 0 {
            let weights = terms::Weights::new(products, chains.prime.weights(0));
            let point = prime.publish(&terms::coefficients(products, &weights, executor));
            let (own, next) = (products.own(), products.next());
            terms::fold_u(own, point, &mut u[..folded], executor);
            terms::fold_v(next, &weights, point, &mut v[..folded], executor);
        }
        join(take(&mut pending.prime, me), &chains.prime, &mut u[folded..], &mut v[folded..]);
        prime.finish(u, v, executor);
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
    let (prover, key, executor) = (session.party().right(), &session.prss().next, session.executor());
    let Pending { gates, products, scratch, .. } = pending;

    let plan = &plans.binary;
    let binary =
        Reading::left(chains.binary.clone(), proof_key(key, steps.binary), &plan.counts, &messages.binary);
    let assertions = take(&mut pending.binary, prover);
    let binary_end = ends(&binary, plan, assertions, &chains.binary, executor, |folding| {
        let weights = Weights::draw(gates, &mut chains.binary.weights(0));
        let u = room(&mut scratch.binary.u, plan.folded);
        bits::fold_u([gates.x_next.words(), gates.y_next.words()], binary.first_point(), u, executor);
        [folding.fold(0, u, executor), bits::claim(gates.left_claim.words(), &weights)]
    });

    let plan = &plans.prime;
    let prime =
        Reading::left(chains.prime.clone(), proof_key(key, steps.prime), &plan.counts, &messages.prime);
    let assertions = take(&mut pending.prime, prover);
    let prime_end = ends(&prime, plan, assertions, &chains.prime, executor, |folding| {
        let weights = terms::Weights::new(products, chains.prime.weights(0));
        let end = terms::left_end(products.next(), prime.first_point(), folding, executor);
        [end, weights.claim(&products.left_claim, executor)]
    });
    Checked {
        binary: binary_end,
        prime: prime_end,
        challenges: both_challenges(&binary.challenges, &prime.challenges),
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
    let (prover, key, executor) = (session.party().left(), &session.prss().own, session.executor());
    let Pending { gates, products, scratch, .. } = pending;
    let (digests_binary, digests_prime) = digests.split_at(plans.binary.counts.len());

    let plan = &plans.binary;
    let binary =
        Reading::right(chains.binary.clone(), proof_key(key, steps.binary), &plan.counts, digests_binary);
    let assertions = take(&mut pending.binary, prover);
    let binary_end = ends(&binary, plan, assertions, &chains.binary, executor, |folding| {
        let weights = Weights::draw(gates, &mut chains.binary.weights(0));
        let v = room(&mut scratch.binary.v, plan.folded);
        bits::fold_v([gates.y_own.words(), gates.x_own.words()], &weights, binary.first_point(), v, executor);
        [folding.fold(0, v, executor), bits::claim(gates.right_claim.words(), &weights)]
    });

    let plan = &plans.prime;
    let prime =
        Reading::right(chains.prime.clone(), proof_key(key, steps.prime), &plan.counts, digests_prime);
    let assertions = take(&mut pending.prime, prover);
    let prime_end = ends(&prime, plan, assertions, &chains.prime, executor, |folding| {
        let weights = terms::Weights::new(products, chains.prime.weights(0));
        let end = terms::right_end(products.own(), &weights, prime.first_point(), folding, executor);
        [end, weights.claim(&products.right_claim, executor)]
    });
    Checked {
        binary: binary_end,
        prime: prime_end,
        challenges: both_challenges(&binary.challenges, &prime.challenges),
    }
}

/// What a verifier comes to in one field: its vector folded to one element, and its share of the claimed product.
/// `first` says what gates or products, if there are any, contribute to the folded element and to the claim.
fn ends<F: Field + Zeroize>(
    reading: &Reading<F>,
    plan: &Plan,
    assertions: Vec<Assertion<F>>,
    chain: &Chain,
    executor: &dyn Executor,
    first: impl FnOnce(&Folding<F>) -> [F; 2],
) -> [F; 2] {
    let folding = reading.folding(plan.first);
    let [end, claim] = if plan.first > 0 { first(&folding) } else { [F::ZERO; 2] };
    let [more_end, more_claim] = fold_in(assertions, chain, plan.folded, &folding, executor);
    [reading.end(end + more_end), reading.claim(claim, plan.first, more_claim)]
}

/// Puts the prover's sides of assertions into the vectors, one after another.
fn join<F: Field + Zeroize>(assertions: Vec<Assertion<F>>, chain: &Chain, mut u: &mut [F], mut v: &mut [F]) {
    for (assertion, number) in assertions.into_iter().zip(1..) {
        if let Side::Prover { u: more_u, v: more_v } = (assertion.side)(&mut chain.weights(number)) {
            u = put(u, more_u, assertion.terms);
            v = put(v, more_v, assertion.terms);
        }
    }
}

/// What a verifier's sides of assertions, whose vectors follow one another from place `start` on, add to the folded
/// element and to the claim.
fn fold_in<F: Field + Zeroize>(
    assertions: Vec<Assertion<F>>,
    chain: &Chain,
    mut start: usize,
    folding: &Folding<F>,
    executor: &dyn Executor,
) -> [F; 2] {
    let mut sums = [F::ZERO; 2];
    for (assertion, number) in assertions.into_iter().zip(1..) {
        if let Side::Left { u: mut vector, claim } | Side::Right { v: mut vector, claim } =
            (assertion.side)(&mut chain.weights(number))
        {
            assert_eq!(vector.len(), assertion.terms, "an assertion has as many terms as announced");
            sums[0] += folding.fold(start, &vector, executor);
            sums[1] += claim;
            vector.zeroize();
            start += assertion.terms;
        }
    }
    sums
}

/// Writes an assertion's vector and returns the place behind it.
fn put<F: Field + Zeroize>(place: &mut [F], mut vector: Vec<F>, terms: usize) -> &mut [F] {
    assert_eq!(vector.len(), terms, "an assertion has as many terms as announced");
    let (now, later) = place.split_at_mut(terms);
    now.copy_from_slice(&vector);
    vector.zeroize();
    later
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
