use algebra::carryless::run_every_way;
use algebra::{Bits, Field, Gf128, Prg};
use proptest::prelude::*;

use super::*;
use crate::executor::{Backwards, Inline};
use crate::share::BitShare;

/// A batch of one layer of gates, with any claims.
fn gates(words: usize, prg: &mut Prg) -> Gates {
    let mut gates = Gates::default();
    let mut column = || prg.bits(64 * words);
    let (x, y) = (BitShare { own: column(), next: column() }, BitShare { own: column(), next: column() });
    let masks = [column(), column()];
    gates.push(&[(&x, &y)], masks);
    gates.complete(&Bits::zeros(64 * words));
    gates
}

/// The weight of bit `bit` of word `word`, straight from the definition.
fn weight(weights: &Weights, word: usize, bit: usize) -> Gf128 {
    let (tile, k, lane) = (word / TILE_WORDS, word % TILE_WORDS / ROW_WORDS, 64 * (word % ROW_WORDS) + bit);
    weights.tiles[tile][lane / 128] * weights.rows[k] * Gf128::new(2).pow((lane % 128) as u128)
}

/// The claim straight from the definition.
fn naive_claim(bits: &[u64], weights: &Weights) -> Gf128 {
    let set = |word: u64| (0..64).filter(move |bit| word >> bit & 1 == 1);
    let sum = |(w, &word): (usize, &u64)| set(word).map(|bit| weight(weights, w, bit)).sum::<Gf128>();
    bits.iter().enumerate().map(sum).sum()
}

/// What the two verifiers' claims add up to if all gates are right.
fn inner_product(gates: &Gates) -> Vec<u64> {
    let products = &(&gates.x_own & &gates.y_next) ^ &(&gates.y_own & &gates.x_next);
    products.words().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_level_preserves_the_statement(seed: [u8; 16], words in 1usize..600) {
        let mut prg = Prg::new(&seed);
        let gates = gates(words, &mut prg);
        let weights = Weights::draw(&gates, &mut prg);
        let point: Gf128 = prg.element();
        let total = claim(&inner_product(&gates), &weights);

        let mut polynomial = coefficients(&gates, &weights, &Inline);
        polynomial.insert(ROWS - 1, total);
        let folded = polynomial.iter().rev().fold(Gf128::ZERO, |sum, &g| sum * point + g);
        let [mut u, mut v] = [0, 1].map(|_| prg.elements::<Gf128>(elements(&gates)));
        fold_u([gates.x_own.words(), gates.y_own.words()], point, &mut u, &Inline);
        fold_v([gates.y_next.words(), gates.x_next.words()], &weights, point, &mut v, &Inline);
        prop_assert_eq!(Gf128::inner_product(&u, &v), folded);
    }

    #[test]
    fn the_claim_weighs_every_gate_as_defined(seed: [u8; 16], words in 1usize..300) {
        let mut prg = Prg::new(&seed);
        let gates = gates(words, &mut prg);
        let weights = Weights::draw(&gates, &mut prg);
        prop_assert_eq!(claim(gates.left_claim.words(), &weights), naive_claim(gates.left_claim.words(), &weights));
    }

    #[test]
    fn every_instruction_set_computes_the_same(seed: [u8; 16], words in 1usize..600) {
        let mut prg = Prg::new(&seed);
        let gates = gates(words, &mut prg);
        let weights = Weights::draw(&gates, &mut prg);
        let tiles = 0..weights.tiles.len();
        let sums = run_every_way(Correlate { gates: &gates, weights: &weights, tiles });
        prop_assert!(sums.iter().all(|sum| *sum == sums[0]));
        let claims = run_every_way(Claim { bits: gates.left_claim.words(), weights: &weights });
        prop_assert!(claims.iter().all(|claim| *claim == claims[0]));

        let map = &LinearMap::new(&std::array::from_fn(|_| prg.element()));
        let folds = run_every_way(FoldAll { column: gates.x_own.words(), map, weights: &weights.tiles });
        prop_assert!(folds.iter().all(|fold| *fold == folds[0]));
    }
}

/// [`Fold`] into a vector of its own.
#[derive(Clone)]
struct FoldAll<'a> {
    column: &'a [u64],
    map: &'a LinearMap,
    weights: &'a [[Gf128; 2]],
}

impl algebra::carryless::Kernel for FoldAll<'_> {
    type Output = Vec<Gf128>;

    fn run<C: algebra::carryless::Carryless>(self, c: C) -> Vec<Gf128> {
        let mut out = vec![Gf128::ZERO; LANES * self.weights.len()];
        let (column, map, weights) = (self.column, self.map, Some(self.weights));
        Fold { column, tile: 0, map, weights, out: &mut out }.run(c);
        out
    }
}

#[test]
fn one_wrong_gate_changes_the_claim_wherever_it_is() {
    let mut prg = Prg::new(&[1; 16]);
    let gates = gates(300, &mut prg);
    let weights = Weights::draw(&gates, &mut prg);
    for (word, bit) in [(0, 0), (0, 63), (1, 0), (3, 63), (4, 1), (255, 63), (256, 0), (299, 17)] {
        let mut error = vec![0; 300];
        error[word] = 1 << bit;
        assert_ne!(claim(&error, &weights), Gf128::ZERO);
    }
}

/// Each of the three weights keeps errors apart that share the two others.
#[test]
fn two_wrong_gates_do_not_cancel_in_rows_halves_or_tiles() {
    let mut prg = Prg::new(&[1; 16]);
    let gates = gates(2 * TILE_WORDS, &mut prg);
    let weights = Weights::draw(&gates, &mut prg);
    for first in [0, 1, ROW_WORDS, 5] {
        for (apart, other) in [("a row", ROW_WORDS), ("half a row", 2), ("a tile", TILE_WORDS)] {
            for bit in [0, 17, 63] {
                let mut error = vec![0; 2 * TILE_WORDS];
                error[first] = 1 << bit;
                error[first + other] = 1 << bit;
                assert_ne!(claim(&error, &weights), Gf128::ZERO, "bit {bit} of word {first} and {apart} on");
            }
        }
    }
}

/// Around the lengths at which gates are cut into tiles, and tiles into tasks.
#[test]
fn the_level_comes_to_the_same_however_its_work_is_cut() {
    let mut prg = Prg::new(&[2; 16]);
    for tiles in 1..=7 {
        for words in [TILE_WORDS * tiles - 1, TILE_WORDS * tiles, TILE_WORDS * tiles + 1] {
            let gates = gates(words, &mut prg);
            let (weights, point) = (Weights::draw(&gates, &mut prg), prg.element());
            let all = |executor: &dyn Executor| {
                let [mut u, mut v] = [0, 1].map(|_| vec![Gf128::ZERO; elements(&gates)]);
                fold_u([gates.x_own.words(), gates.y_own.words()], point, &mut u, executor);
                fold_v([gates.y_next.words(), gates.x_next.words()], &weights, point, &mut v, executor);
                (coefficients(&gates, &weights, executor), u, v)
            };
            for width in [2, 3] {
                assert!(all(&Backwards(width)) == all(&Inline), "{words} words by {width}");
            }
        }
    }
}
