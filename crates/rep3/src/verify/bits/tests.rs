use algebra::carryless::run_every_way;
use algebra::{Bits, Field, Gf128, Prg};
use proptest::prelude::*;

use super::*;
use crate::executor::Inline;
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
    let word = |w: usize| (gates.x_own[w] & gates.y_next[w]) ^ (gates.y_own[w] & gates.x_next[w]);
    (0..gates.x_own.len()).map(word).collect()
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
        fold_u([&gates.x_own, &gates.y_own], point, &mut u, &Inline);
        fold_v([&gates.y_next, &gates.x_next], &weights, point, &mut v, &Inline);
        prop_assert_eq!(Gf128::inner_product(&u, &v), folded);
    }

    #[test]
    fn the_claim_weighs_every_gate_as_defined(seed: [u8; 16], words in 1usize..300) {
        let mut prg = Prg::new(&seed);
        let gates = gates(words, &mut prg);
        let weights = Weights::draw(&gates, &mut prg);
        prop_assert_eq!(claim(&gates.left_claim, &weights), naive_claim(&gates.left_claim, &weights));
    }

    #[test]
    fn every_instruction_set_computes_the_same(seed: [u8; 16], words in 1usize..600) {
        let mut prg = Prg::new(&seed);
        let gates = gates(words, &mut prg);
        let weights = Weights::draw(&gates, &mut prg);
        let tiles = 0..weights.tiles.len();
        let sums = run_every_way(Correlate { gates: &gates, weights: &weights, tiles });
        prop_assert!(sums.iter().all(|sum| *sum == sums[0]));
        let claims = run_every_way(Claim { bits: &gates.left_claim, weights: &weights });
        prop_assert!(claims.iter().all(|claim| *claim == claims[0]));

        let tables = byte_tables(&prg.elements::<Gf128>(ROWS));
        let folds = run_every_way(FoldAll { column: &gates.x_own, tables: &tables, weights: &weights.tiles });
        prop_assert!(folds.iter().all(|fold| *fold == folds[0]));
    }
}

/// [`Fold`] into a vector of its own.
#[derive(Clone)]
struct FoldAll<'a> {
    column: &'a [u64],
    tables: &'a [[Gf128; 256]; ROWS / 8],
    weights: &'a [[Gf128; 2]],
}

impl algebra::carryless::Kernel for FoldAll<'_> {
    type Output = Vec<Gf128>;

    fn run<C: algebra::carryless::Carryless>(self, c: C) -> Vec<Gf128> {
        let mut out = vec![Gf128::ZERO; LANES * self.weights.len()];
        let (column, tables, weights) = (self.column, self.tables, Some(self.weights));
        Fold { column, tile: 0, tables, weights, out: &mut out }.run(c);
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
