//! Completeness, soundness and zero knowledge of the recursion, measured in fields small enough to measure in.

use algebra::toy::{F127, Gf256};
use algebra::{Field, Fp, Gf128, Prg, encode};
use sha2::{Digest, Sha256};

use super::*;
use crate::executor::{Backwards, Inline};
use crate::network::Party;
use crate::verify::chain::Statement;
use crate::verify::folding::Reading;

/// A fresh pair of keys, shared with the left and with the right verifier, and a fresh chain.
struct Setting {
    left: Key,
    right: Key,
    chain: Chain,
}

fn chain(run: u64) -> Chain {
    let digest = [1; 32];
    Chain::new(&Statement {
        sid: &digest,
        field: "test",
        batch: run,
        prover: Party::P0,
        shape: &[],
        sent_left: &digest,
        sent_right: &digest,
    })
}

impl Setting {
    fn new(run: u64) -> Self {
        let mut prg = Prg::new(&u128::from(run).to_le_bytes());
        let mut key = || Key::new(&prg.block().to_le_bytes());
        Self { left: key(), right: key(), chain: chain(run) }
    }

    fn prover<F: Field>(&self) -> Prover<'_, F> {
        Prover::new(self.chain.clone(), self.left(), self.right())
    }

    fn left(&self) -> ProofKey<'_> {
        ProofKey { key: &self.left, step: 0 }
    }

    fn right(&self) -> ProofKey<'_> {
        ProofKey { key: &self.right, step: 0 }
    }

    /// The same keys as another party holds them: drawing again from the key that made a proof is no reuse.
    fn again(run: u64) -> Self {
        Self::new(run)
    }
}

/// What the verifiers came to.
struct View<F> {
    message: Vec<F>,
    left: [F; 2],
    right: [F; 2],
    same_challenges: bool,
}

impl<F: Field> View<F> {
    fn accepted(&self) -> bool {
        self.same_challenges && self.left[0] * self.right[0] == self.left[1] + self.right[1]
    }
}

/// Runs both verifiers on a proof.
fn verify<F: Field>(run: u64, proof: &Prover<'_, F>, u: &[F], v: &[F], claims: [F; 2]) -> View<F> {
    let setting = Setting::again(run);
    let counts = levels(u.len());
    let left = Reading::left(setting.chain.clone(), setting.left(), &counts, &proof.message);
    let right = Reading::right(setting.chain.clone(), setting.right(), &counts, &proof.digests);
    View {
        message: proof.message.clone(),
        left: [left.end(left.folding(0).fold(0, u, &Inline)), left.claim(F::ZERO, 0, claims[0])],
        right: [right.end(right.folding(0).fold(0, v, &Inline)), right.claim(F::ZERO, 0, claims[1])],
        same_challenges: left.challenges == right.challenges,
    }
}

/// Proves honestly what may be false by `error`.
fn run<F: Field>(run: u64, u: &[F], v: &[F], error: F) -> View<F> {
    let setting = Setting::new(run);
    let mut prover = setting.prover();
    prover.finish(&mut u.to_vec(), &mut v.to_vec(), &Inline);
    let claim: F = Prg::new(&[9; 16]).element::<F>() + F::from_block(u128::from(run));
    verify(run, &prover, u, v, [claim + error, F::inner_product(u, v) - claim])
}

fn vectors<F: Field>(n: usize, seed: u64) -> [Vec<F>; 2] {
    let mut prg = Prg::new(&[seed as u8; 16]);
    [prg.elements(n), prg.elements(n)]
}

fn complete<F: Field>() {
    for n in [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 513, 1000, 5000] {
        let [u, v] = vectors::<F>(n, n as u64);
        for round in 0..5 {
            let view = run(round, &u, &v, F::ZERO);
            assert!(view.accepted(), "{n} terms, run {round}");
            assert_eq!(view.message.len(), levels(n).iter().sum::<usize>());
        }
    }
}

#[test]
fn true_statements_are_accepted_at_every_length() {
    complete::<Fp>();
    complete::<Gf128>();
    complete::<Gf256>();
    complete::<F127>();
}

/// Around the lengths at which the work is cut into tasks and blocks.
#[test]
fn a_proof_is_the_same_however_its_work_is_cut() {
    fn prove<F: Field>(n: usize, executor: &dyn Executor) -> (Vec<F>, Vec<[u8; 32]>) {
        let [mut u, mut v] = vectors::<F>(n, 5);
        let setting = Setting::new(1);
        let mut prover = setting.prover();
        prover.finish(&mut u, &mut v, executor);
        (prover.message, prover.digests)
    }
    for full in [2 * BLOCK, 4 * BLOCK, 2 * TASK, 4 * TASK, 6 * TASK, 8 * TASK] {
        for n in [full - 1, full, full + 1] {
            for width in [2, 3] {
                assert!(prove::<Fp>(n, &Backwards(width)) == prove(n, &Inline), "{n} terms by {width}");
                assert!(prove::<Gf128>(n, &Backwards(width)) == prove(n, &Inline), "{n} terms by {width}");
            }
        }
    }
}

#[test]
fn false_statements_are_rejected_at_every_length() {
    for n in [0, 1, 7, 8, 9, 31, 32, 33, 100] {
        let [u, v] = vectors::<Gf128>(n, 1);
        assert!(!run(1, &u, &v, Gf128::ONE).accepted());
        let [u, v] = vectors::<Fp>(n, 1);
        assert!(!run(1, &u, &v, Fp::ONE).accepted());
    }
}

#[test]
fn every_tampered_coefficient_or_digest_is_rejected() {
    let [u, v] = vectors::<Fp>(50, 3);
    let claims = [Fp::from(7), Fp::inner_product(&u, &v) - Fp::from(7)];
    let accepted = |tamper: &dyn Fn(&mut Prover<'_, Fp>)| {
        let setting = Setting::new(5);
        let mut prover = setting.prover();
        prover.finish(&mut u.clone(), &mut v.clone(), &Inline);
        tamper(&mut prover);
        let view = verify(5, &prover, &u, &v, claims);
        assert_eq!(view.accepted(), view.same_challenges, "the challenges already differ");
        view.accepted()
    };
    assert!(accepted(&|_| ()));
    for index in 0..levels(50).iter().sum() {
        assert!(!accepted(&|prover| prover.message[index] += Fp::ONE));
    }
    for level in 0..levels(50).len() {
        assert!(!accepted(&|prover| prover.digests[level][0] ^= 1));
    }
}

/// `rate` is at most `bound`, allowing for four standard deviations of the measurement.
fn assert_rate(name: &str, accepted: u32, trials: u32, bound: f64) {
    let rate = f64::from(accepted) / f64::from(trials);
    let deviation = (bound * (1.0 - bound) / f64::from(trials)).sqrt();
    assert!(rate <= bound + 4.0 * deviation, "{name}: accepted at {rate:.4}, bound {bound:.4}");
}

/// The degrees of all levels, over the number of challenges.
fn bound(n: usize, challenges: f64) -> f64 {
    let degrees: usize = levels(n).iter().map(|&count| count.max(2)).sum();
    degrees as f64 / challenges
}

#[test]
fn a_wrong_claim_passes_no_more_often_than_the_bound_allows() {
    let trials = 4000;
    for n in [1, 8, 9, 20, 33] {
        let [u, v] = vectors::<Gf256>(n, 4);
        let accepted = (0..trials).filter(|&t| run(t, &u, &v, Gf256::ONE).accepted()).count();
        assert_rate("GF(2^8)", accepted as u32, trials as u32, bound(n, 255.0));
        let [u, v] = vectors::<F127>(n, 4);
        let accepted = (0..trials).filter(|&t| run(t, &u, &v, F127::ONE).accepted()).count();
        assert_rate("p = 127", accepted as u32, trials as u32, bound(n, 126.0));
    }
}

#[test]
fn the_best_cheat_in_one_level_wins_as_often_as_its_polynomial_has_roots() {
    // The claim is wrong by one; the prover adds (X - a)(X - b)/-(a + b), whose middle coefficient is one.
    let (n, trials) = (20, 6000);
    let [u, v] = vectors::<Gf256>(n, 6);
    let (a, b) = (Gf256::from_block(3), Gf256::from_block(77));
    let scale = (a + b).inverse();
    let error = [a * b * scale, scale];
    let mut accepted = 0;
    for t in 0..trials {
        let setting = Setting::new(t);
        let mut prover = setting.prover();
        let (low, high) = ([&u[..half(n)], &v[..half(n)]], [&u[half(n)..], &v[half(n)..]]);
        let low_high = Gf256::inner_product(low[0], high[1]) + error[0];
        let high_low = Gf256::inner_product(high[0], low[1]) + error[1];
        let point = prover.publish(&[low_high, high_low]);
        let [mut u_next, mut v_next] = low.map(<[Gf256]>::to_vec);
        Gf256::add_multiple(&mut u_next, point, high[0]);
        Gf256::scale_and_add(&mut v_next, point, high[1]);
        prover.finish(&mut u_next, &mut v_next, &Inline);
        let claims = [Gf256::ONE, Gf256::inner_product(&u, &v)];
        accepted += u32::from(verify(t, &prover, &u, &v, claims).accepted());
    }
    assert_rate("one level", accepted, trials as u32, bound(n, 255.0));
    assert!(accepted > trials as u32 / 255, "the cheat is a real one: {accepted} of {trials}");
}

#[test]
fn no_challenge_is_zero() {
    // In a field of 127 elements the first draw is zero about once in 127 times: the chain must draw again.
    let mut chain = chain(1);
    for level in 0..2000u64 {
        let digest = Sha256::digest(level.to_le_bytes()).into();
        assert_ne!(chain.absorb::<F127>(&digest), F127::ZERO);
        assert_ne!(chain.absorb::<Gf256>(&digest), Gf256::ZERO);
    }
}

#[test]
fn a_prover_with_other_weights_is_rejected() {
    // `v` carries the weights: whoever proves with other ones proves another statement.
    let [u, v] = vectors::<Fp>(40, 8);
    let weights: Vec<Fp> = chain(1).weights(0).elements(40);
    let others: Vec<Fp> = chain(2).weights(0).elements(40);
    let weigh = |w: &[Fp]| -> Vec<Fp> { v.iter().zip(w).map(|(&v, &w)| v * w).collect() };
    let setting = Setting::new(1);
    let mut prover = setting.prover();
    prover.finish(&mut u.clone(), &mut weigh(&others), &Inline);
    let right = weigh(&weights);
    let claims = [Fp::ZERO, Fp::inner_product(&u, &right)];
    assert!(!verify(1, &prover, &u, &right, claims).accepted());
}

/// Pearson's statistic against the uniform distribution on 256 values: 255 on average, deviation 22.6.
fn chi_square(samples: impl Iterator<Item = u8>) -> f64 {
    let mut counts = [0u32; 256];
    let mut total = 0.0;
    for sample in samples {
        counts[usize::from(sample)] += 1;
        total += 1.0;
    }
    let expected: f64 = total / 256.0;
    counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum()
}

const SAMPLES: u64 = 8000;
/// Six standard deviations above the average.
const UNLIKELY: f64 = 255.0 + 6.0 * 22.6;

/// Two secrets that the left verifier, who knows `u`, must not tell apart.
fn secrets(n: usize) -> [Vec<Gf256>; 2] {
    [vec![Gf256::ZERO; n], vec![Gf256::from_block(0x35); n]]
}

#[test]
fn what_the_left_verifier_sees_is_uniform_whatever_the_secret() {
    let n = 12;
    let u = vectors::<Gf256>(n, 2)[0].clone();
    for v in secrets(n) {
        let views: Vec<_> = (0..SAMPLES).map(|t| run(t, &u, &v, Gf256::ZERO)).collect();
        for index in 0..views[0].message.len() {
            let statistic = chi_square(views.iter().map(|view| view.message[index].0));
            assert!(statistic < UNLIKELY, "coefficient {index}: {statistic:.0}");
        }
        let statistic = chi_square(views.iter().map(|view| view.right[0].0));
        assert!(statistic < UNLIKELY, "folded v: {statistic:.0}");
        // The claim share that comes with it is determined by what the left verifier has already.
        assert!(views.iter().all(|view| view.right[1] == view.left[0] * view.right[0] - view.left[1]));
    }
}

/// The points at which the levels of a proof are evaluated.
fn points<F: Field>(run: u64, n: usize, message: &[F]) -> Vec<F> {
    let setting = Setting::again(run);
    let (mut chain, mut rest) = (setting.chain.clone(), message);
    let mut point = |(level, count): (usize, usize)| {
        let (now, later) = rest.split_at(count);
        rest = later;
        chain.absorb::<F>(&setting.left().digest(level as u64, now))
    };
    levels(n).into_iter().enumerate().map(&mut point).collect()
}

#[test]
fn without_the_mask_the_folded_vector_would_give_the_secret_away() {
    let n = 12;
    let u = vectors::<Gf256>(n, 2)[0].clone();
    let [zero, _] = secrets(n);
    let statistic = chi_square((0..SAMPLES).map(|t| {
        let view = run(t, &u, &zero, Gf256::ZERO);
        // Take the mask off again, with the key of prover and right verifier.
        let point = points(t, n, &view.message)[1].pow(half(n) as u128);
        (view.right[0] - Setting::again(t).right().mask::<Gf256>(Purpose::RightMask) * point).0
    }));
    assert!(statistic > UNLIKELY, "a zero vector would fold to zero: {statistic:.0}");
}

/// A right verifier that guesses `u` rightly adds one to what it discloses, and the folded guess to its claim. Returns
/// how often the left verifier accepts: as it is, and if the mask of `U` is taken off.
fn guesses_accepted(trials: u64) -> [u32; 2] {
    let n = 12;
    let [u, v] = vectors::<Gf256>(n, 2);
    let mut accepted = [0; 2];
    for t in 0..trials {
        let view = run(t, &u, &v, Gf256::ZERO);
        assert!(view.accepted());
        let points = points(t, n, &view.message);
        let (low, high) = u.split_at(half(n));
        let mut folded = low.to_vec();
        Gf256::add_multiple(&mut folded, points[0], high);
        let guess = Gf256::inner_product(&folded, &points[1].powers(half(n)));
        let mask = Setting::again(t).left().mask::<Gf256>(Purpose::LeftMask) * points[1].pow(half(n) as u128);
        assert_eq!(view.left[0], guess + mask);
        // The sum of the claims is then off by `u*` less the guess.
        accepted[0] += u32::from(view.left[0] == guess);
        accepted[1] += u32::from(view.left[0] - mask == guess);
    }
    accepted
}

#[test]
fn whether_a_lie_of_the_right_verifier_is_accepted_does_not_depend_on_its_guess() {
    let trials = 4000;
    let [accepted, unmasked] = guesses_accepted(trials);
    assert_rate("a right guess", accepted, trials as u32, 1.0 / 256.0);
    assert_eq!(
        u64::from(unmasked),
        trials,
        "without the mask the verdict would tell that the guess is right"
    );
}

#[test]
fn with_other_challenges_the_right_claim_would_say_something_about_v() {
    // Were V2 and V3 not compared, a corrupt left verifier could make the right one use another chain.
    let n = 12;
    let [u, v] = vectors::<Gf256>(n, 2);
    let mut determined = 0;
    for t in 0..200 {
        let setting = Setting::new(t);
        let mut prover = setting.prover();
        prover.finish(&mut u.clone(), &mut v.clone(), &Inline);
        let claims = [Gf256::ZERO, Gf256::inner_product(&u, &v)];
        let honest = verify(t, &prover, &u, &v, claims);
        assert!(honest.accepted());
        let setting = Setting::again(t);
        let right = Reading::right(chain(1 << 40), setting.right(), &levels(n), &prover.digests);
        let end = right.end(right.folding(0).fold(0, &v, &Inline));
        determined +=
            u32::from(honest.left[0] * end == honest.left[1] + right.claim(Gf256::ZERO, 0, claims[1]));
        assert_ne!(right.challenges, prover.challenges(), "this is what V2 shows");
    }
    assert!(determined < 20, "the claim is no function of the left verifier's view: {determined} of 200");
}

#[test]
fn a_salted_digest_does_not_give_up_a_small_batch() {
    // The right verifier knows v, its own shares, and all of u but two bits, which it searches for.
    let (n, secret) = (2 * LAST, [Gf128::ONE, Gf128::ZERO]);
    let [mut u, v] = vectors::<Gf128>(n, 7);
    u[..2].copy_from_slice(&secret);
    let setting = Setting::new(1);
    let mut prover = setting.prover();
    prover.finish(&mut u.clone(), &mut v.clone(), &Inline);
    let bare: [u8; 32] = Sha256::digest(encode(&prover.message[..2])).into();

    let search = |digest: [u8; 32], hash: &dyn Fn(&[u8]) -> [u8; 32]| -> Vec<[Gf128; 2]> {
        let bit = |b: u32| if b == 1 { Gf128::ONE } else { Gf128::ZERO };
        let candidates = (0..4u32).map(|c| [bit(c & 1), bit(c >> 1)]);
        let shares: Vec<Gf128> = Setting::again(1).right().shares(0, 2);
        let fits = |candidate: &[Gf128; 2]| {
            let guess = [&candidate[..], &u[2..]].concat();
            let g = cross_products(&guess, &v, &Inline);
            hash(&encode(&[g[0] - shares[0], g[1] - shares[1]])) == digest
        };
        candidates.filter(fits).collect()
    };
    let sha = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
    assert_eq!(search(bare, &sha), vec![secret], "an unsalted digest gives the bits away");
    assert_eq!(search(prover.digests[0], &sha), Vec::<[Gf128; 2]>::new());
    let guess = |bytes: &[u8]| hmac(&[0; 32], bytes);
    assert_eq!(search(prover.digests[0], &guess), Vec::<[Gf128; 2]>::new());
}
