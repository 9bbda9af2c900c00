//! The first level of the proofs over `F_p`, straight from the columns of products.
//!
//! The statement's vectors are `u = (x_i, y_i)` and `v = w (y_{i+1}, x_{i+1})`, where `w` holds the random weight
//! of each term's output. Its chunks are the terms: `U(X) = x_i + y_i X`, `V(X) = w (y_{i+1} X + x_{i+1})`. Only
//! the prover writes folded vectors down. Nobody writes the weights down: they are drawn again wherever they are needed.

mod kernels;

use algebra::lanes::{MOST, run};
use algebra::{Field, Fp, Prg};
use kernels::{FoldTerms, TwiceWeighted, WeightedProducts};

pub(super) use kernels::{Factors, Multiply};

use super::folding::Folding;
use super::products::{Outputs, Products};
use crate::executor::{Executor, Task, part};

/// Coefficients that this level sends: all but the claim.
pub(crate) const COEFFICIENTS: usize = 2;

/// Terms whose weights are drawn together.
const BLOCK: usize = MOST;

/// Terms worth a task of their own.
const TASK: usize = 4096;

/// The random weights of a batch of products, one an output.
pub(crate) struct Weights<'a> {
    outputs: &'a [Outputs],
    stream: Prg,
}

impl<'a> Weights<'a> {
    /// The weights that this generator draws.
    pub fn new(products: &'a Products, stream: Prg) -> Self {
        Self { outputs: &products.outputs, stream }
    }

    /// The weights of the terms from `term` on, each that of its output.
    fn terms_from(&self, mut term: usize) -> Terms<'a> {
        let (mut stream, mut rest) = (self.stream.clone(), self.outputs.iter());
        let mut current = Outputs { count: 0, terms: 1 };
        for &outputs in rest.by_ref() {
            if term < outputs.count * outputs.terms {
                current = outputs;
                break;
            }
            stream.skip(outputs.count);
            term -= outputs.count * outputs.terms;
        }
        let (whole, begun) = (term / current.terms, term % current.terms);
        stream.skip(whole);
        current.count -= whole;
        let mut terms = Terms { stream, rest, current, weight: Fp::ZERO, left: 0 };
        if begun > 0 {
            terms.draw();
            terms.left -= begun;
        }
        terms
    }

    /// The sum over all outputs of a weight times `values`: a verifier's share of the claim.
    pub fn claim(&self, values: &[Fp], executor: &dyn Executor) -> Fp {
        let size = part(values.len(), TASK, executor);
        let mut sums = vec![Fp::ZERO; values.len().div_ceil(size)];
        let tasks = sums.iter_mut().zip(values.chunks(size)).enumerate();
        let tasks = tasks.map(|(index, (sum, values))| -> Task<'_> {
            let mut stream = self.stream.clone();
            Box::new(move || {
                stream.skip(index * size);
                let mut weights = [Fp::ZERO; BLOCK];
                for values in values.chunks(BLOCK) {
                    let weights = &mut weights[..values.len()];
                    stream.fill_elements(weights);
                    *sum += Fp::inner_product(weights, values);
                }
            })
        });
        executor.run(tasks.collect());
        sums.into_iter().sum()
    }
}

/// Weights of consecutive terms.
struct Terms<'a> {
    stream: Prg,
    rest: std::slice::Iter<'a, Outputs>,
    /// Outputs of the current kind whose weight has not been drawn.
    current: Outputs,
    weight: Fp,
    /// Terms for which `weight` is still to be given.
    left: usize,
}

impl Terms<'_> {
    /// Goes on to the next output.
    fn draw(&mut self) {
        self.weight = self.stream.element();
        self.left = self.current.terms;
        self.current.count -= 1;
    }

    /// The weights of the next terms.
    fn fill(&mut self, mut out: &mut [Fp]) {
        while !out.is_empty() {
            let ready = match self.current {
                _ if self.left > 0 => {
                    let ready = self.left.min(out.len());
                    out[..ready].fill(self.weight);
                    self.left -= ready;
                    ready
                }
                Outputs { count: 1.., terms: 1 } => {
                    let ready = self.current.count.min(out.len());
                    self.stream.fill_elements(&mut out[..ready]);
                    self.current.count -= ready;
                    ready
                }
                Outputs { count: 1.., terms: 1.. } => {
                    self.draw();
                    0
                }
                Outputs { count, .. } => {
                    self.stream.skip(count);
                    let Some(&next) = self.rest.next() else { return };
                    self.current = next;
                    0
                }
            };
            out = &mut out[ready..];
        }
    }
}

/// `sum w x_i x_{i+1}` and `sum w y_i y_{i+1}`: what the prover shares.
pub(crate) fn coefficients(products: &Products, weights: &Weights<'_>, executor: &dyn Executor) -> Vec<Fp> {
    let size = part(products.len(), TASK, executor);
    let mut sums = vec![[Fp::ZERO; COEFFICIENTS]; products.len().div_ceil(size)];
    let tasks = sums.iter_mut().enumerate().map(|(index, sums)| -> Task<'_> {
        let places = index * size..products.len().min((index + 1) * size);
        let mut weights = weights.terms_from(places.start);
        Box::new(move || {
            let mut block = [Fp::ZERO; BLOCK];
            for start in places.clone().step_by(BLOCK) {
                let places = start..places.end.min(start + BLOCK);
                let block = &mut block[..places.len()];
                weights.fill(block);
                let own = [&products.x_own[places.clone()], &products.y_own[places.clone()]];
                let next = [&products.x_next[places.clone()], &products.y_next[places]];
                let parts = run(WeightedProducts { weights: block, own, next });
                for (sum, part) in sums.iter_mut().zip(parts) {
                    *sum += part;
                }
            }
        })
    });
    executor.run(tasks.collect());
    (0..COEFFICIENTS).map(|index| sums.iter().map(|sums| sums[index]).sum()).collect()
}

/// `U(r)` of every term.
pub(crate) fn fold_u([x, y]: Factors<'_>, point: Fp, out: &mut [Fp], executor: &dyn Executor) {
    let size = part(out.len(), TASK, executor);
    let parts = out.chunks_mut(size).zip(x.chunks(size).zip(y.chunks(size)));
    let tasks = parts.map(|(out, (x, y))| -> Task<'_> {
        Box::new(move || run(FoldTerms::<false> { factors: [x, y], point, out }))
    });
    executor.run(tasks.collect());
}

/// `V(r)` of every term, weighted.
pub(crate) fn fold_v(
    [x, y]: Factors<'_>,
    weights: &Weights<'_>,
    point: Fp,
    out: &mut [Fp],
    executor: &dyn Executor,
) {
    let size = part(out.len(), TASK, executor);
    let parts = out.chunks_mut(size).zip(x.chunks(size).zip(y.chunks(size))).enumerate();
    let tasks = parts.map(|(index, (out, (x, y)))| -> Task<'_> {
        let mut weights = weights.terms_from(index * size);
        Box::new(move || {
            let columns = x.chunks(BLOCK).zip(y.chunks(BLOCK));
            for (out, (x, y)) in out.chunks_mut(BLOCK).zip(columns) {
                weights.fill(out);
                // V(X) has the factors the other way round.
                run(FoldTerms::<true> { factors: [x, y], point, out });
            }
        })
    });
    executor.run(tasks.collect());
}

/// What all terms add to the element that the left verifier folds `u` to.
pub(crate) fn left_end([x, y]: Factors<'_>, point: Fp, folding: &Folding<Fp>, executor: &dyn Executor) -> Fp {
    folding.fold(0, x, executor) + point * folding.fold(0, y, executor)
}

/// What all terms add to the element that the right verifier folds `v` to.
pub(crate) fn right_end(
    [x, y]: Factors<'_>,
    weights: &Weights<'_>,
    point: Fp,
    folding: &Folding<Fp>,
    executor: &dyn Executor,
) -> Fp {
    let size = part(x.len(), TASK, executor);
    let mut sums = vec![Fp::ZERO; x.len().div_ceil(size)];
    let tasks = sums.iter_mut().enumerate().map(|(index, sum)| -> Task<'_> {
        let places = index * size..x.len().min((index + 1) * size);
        let mut weights = weights.terms_from(places.start);
        Box::new(move || {
            let mut drawn = [Fp::ZERO; BLOCK];
            for (places, folding, factor) in folding.blocks(places.start, places.end) {
                let drawn = &mut drawn[..places.len()];
                weights.fill(drawn);
                let factors = [&x[places.clone()], &y[places]];
                let [x, y] = run(TwiceWeighted { weights: [folding, drawn], factors });
                *sum += factor * point.mul_add(y, x);
            }
        })
    });
    executor.run(tasks.collect());
    sums.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::executor::{Backwards, Inline};

    /// Pending products of two kinds, with any factors.
    fn products(outputs: &[Outputs], prg: &mut Prg) -> Products {
        let terms = outputs.iter().map(|outputs| outputs.count * outputs.terms).sum();
        let mut products = Products::default();
        let Products { x_own, y_own, x_next, y_next, .. } = &mut products;
        for column in [x_own, y_own, x_next, y_next] {
            *column = prg.elements(terms);
        }
        // The claims play no part here, but say how many outputs there are.
        products.right_claim = prg.elements(outputs.iter().map(|outputs| outputs.count).sum());
        products.outputs = outputs.to_vec();
        products
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]

        #[test]
        fn the_level_preserves_the_statement(seed: [u8; 16], count in 0usize..1500, terms in 0usize..700) {
            let mut prg = Prg::new(&seed);
            let outputs = [Outputs { count, terms: 1 }, Outputs { count: 2, terms }];
            let products = products(&outputs, &mut prg);
            let (weights, point) = (Weights::new(&products, prg.clone()), prg.element());
            let mut weight_of_term = vec![Fp::ZERO; products.len()];
            weights.terms_from(0).fill(&mut weight_of_term);
            let cross = |i: usize| {
                let sum = products.x_own[i] * products.y_next[i] + products.y_own[i] * products.x_next[i];
                weight_of_term[i] * sum
            };
            let total: Fp = (0..products.len()).map(cross).sum();
            let outer = coefficients(&products, &weights, &Inline);
            let folded = outer[0] + point * (total + point * outer[1]);

            let [mut u, mut v] = [0; 2].map(|_| vec![Fp::ZERO; products.len()]);
            fold_u(products.own(), point, &mut u, &Inline);
            fold_v(products.next(), &weights, point, &mut v, &Inline);
            prop_assert_eq!(Fp::inner_product(&u, &v), folded);
        }

        #[test]
        fn verifiers_come_to_what_the_folded_vectors_fold_to(seed: [u8; 16], count in 1usize..3000) {
            let mut prg = Prg::new(&seed);
            let products = products(&[Outputs { count, terms: 1 }], &mut prg);
            let (weights, point) = (Weights::new(&products, prg.clone()), prg.element());
            let [mut u, mut v] = [0; 2].map(|_| vec![Fp::ZERO; count]);
            fold_u(products.own(), point, &mut u, &Inline);
            fold_v(products.own(), &weights, point, &mut v, &Inline);
            let points: Vec<Fp> = prg.elements(count.div_ceil(8).next_power_of_two().ilog2() as usize + 1);
            let [left, right] = Folding::both(&points, 8);
            prop_assert_eq!(left_end(products.own(), point, &left, &Inline), left.fold(0, &u, &Inline));
            let end = right_end(products.own(), &weights, point, &right, &Inline);
            prop_assert_eq!(end, right.fold(0, &v, &Inline));
        }
        #[test]
        fn every_term_has_the_weight_of_its_output(
            seed: [u8; 16],
            outputs in proptest::collection::vec((0usize..40, 0usize..5), 0..12),
            start in 0usize..200,
        ) {
            let outputs: Vec<_> = outputs.iter().map(|&(count, terms)| Outputs { count, terms }).collect();
            let mut stream = Prg::new(&seed);
            let mut expected: Vec<Fp> = Vec::new();
            for &Outputs { count, terms } in &outputs {
                for _ in 0..count {
                    let weight: Fp = stream.element();
                    expected.extend(std::iter::repeat_n(weight, terms));
                }
            }
            let start = start.min(expected.len());
            let mut terms = Weights { outputs: &outputs, stream: Prg::new(&seed) }.terms_from(start);
            let mut drawn = vec![Fp::ZERO; expected.len() - start];
            for block in drawn.chunks_mut(7) {
                terms.fill(block);
            }
            prop_assert_eq!(&drawn, &expected[start..]);
        }
    }

    /// Around the lengths at which the work is cut into tasks and blocks.
    #[test]
    fn the_level_comes_to_the_same_however_its_work_is_cut() {
        let mut prg = Prg::new(&[4; 16]);
        let points: Vec<Fp> = prg.elements(12);
        let foldings = Folding::both(&points, 8);
        for full in [BLOCK, 2 * BLOCK, TASK, 2 * TASK, 3 * TASK] {
            for n in [full - 1, full, full + 1] {
                let products =
                    products(&[Outputs { count: n - 3, terms: 1 }, Outputs { count: 1, terms: 3 }], &mut prg);
                let (weights, point) = (Weights::new(&products, prg.clone()), prg.element());
                let all = |executor: &dyn Executor| {
                    let [mut u, mut v] = [0; 2].map(|_| vec![Fp::ZERO; n]);
                    fold_u(products.own(), point, &mut u, executor);
                    fold_v(products.next(), &weights, point, &mut v, executor);
                    let ends = [
                        left_end(products.own(), point, &foldings[0], executor),
                        right_end(products.own(), &weights, point, &foldings[1], executor),
                        weights.claim(&products.right_claim, executor),
                    ];
                    (coefficients(&products, &weights, executor), ends, u, v)
                };
                assert!(all(&Backwards(3)) == all(&Inline), "{n} terms");
            }
        }
    }
}
