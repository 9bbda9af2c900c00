//! The first level of the proofs over `F_p`, straight from the columns of products.
//!
//! The statement's vectors are `u = (x_i, y_i)` and `v = w (y_{i+1}, x_{i+1})`, where `w` holds the random weight
//! of each term's output. Its chunks are the terms: `U(X) = x_i + y_i X`, `V(X) = w (y_{i+1} X + x_{i+1})`. So
//! neither vector is ever written down, nor are the weights, which are drawn again wherever they are needed.

use algebra::{Field, Fp, Prg};

use super::products::{Outputs, Products};
use crate::executor::{Executor, Task, part};

/// Coefficients that this level sends: all but the claim.
pub(crate) const COEFFICIENTS: usize = 2;

/// Terms whose weights are drawn together.
const BLOCK: usize = 128;

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
    pub fn claim(&self, values: &[Fp]) -> Fp {
        let mut stream = self.stream.clone();
        let mut weights = [Fp::ZERO; BLOCK];
        let mut sum = Fp::ZERO;
        for values in values.chunks(BLOCK) {
            let weights = &mut weights[..values.len()];
            stream.fill_elements(weights);
            sum += Fp::inner_product(weights, values);
        }
        sum
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
        let x = (&products.x_own[places.clone()], &products.x_next[places.clone()]);
        let y = (&products.y_own[places.clone()], &products.y_next[places.clone()]);
        let weights = weights.terms_from(places.start);
        Box::new(move || *sums = weighted_products(x, y, weights))
    });
    executor.run(tasks.collect());
    (0..COEFFICIENTS).map(|index| sums.iter().map(|sums| sums[index]).sum()).collect()
}

fn weighted_products(x: (&[Fp], &[Fp]), y: (&[Fp], &[Fp]), mut weights: Terms<'_>) -> [Fp; COEFFICIENTS] {
    let mut sums = [<Fp as Field>::Accumulator::default(); COEFFICIENTS];
    let mut block = [Fp::ZERO; BLOCK];
    let x = x.0.chunks(BLOCK).zip(x.1.chunks(BLOCK));
    let y = y.0.chunks(BLOCK).zip(y.1.chunks(BLOCK));
    for ((x_own, x_next), (y_own, y_next)) in x.zip(y) {
        let block = &mut block[..x_own.len()];
        weights.fill(block);
        for (i, &weight) in block.iter().enumerate() {
            Fp::accumulate(&mut sums[0], weight, x_own[i] * x_next[i]);
            Fp::accumulate(&mut sums[1], weight, y_own[i] * y_next[i]);
        }
    }
    sums.map(Fp::reduce)
}

/// `U(r)` of every term.
pub(crate) fn fold_u(x: &[Fp], y: &[Fp], point: Fp, out: &mut [Fp], executor: &dyn Executor) {
    let size = part(out.len(), TASK, executor);
    let parts = out.chunks_mut(size).zip(x.chunks(size).zip(y.chunks(size)));
    let tasks = parts.map(|(out, (x, y))| -> Task<'_> {
        Box::new(move || {
            for (u, (&x, &y)) in out.iter_mut().zip(x.iter().zip(y)) {
                *u = point.mul_add(y, x);
            }
        })
    });
    executor.run(tasks.collect());
}

/// `V(r)` of every term, weighted.
pub(crate) fn fold_v(
    x: &[Fp],
    y: &[Fp],
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
                for (v, (&x, &y)) in out.iter_mut().zip(x.iter().zip(y)) {
                    *v *= point.mul_add(y, x);
                }
            }
        })
    });
    executor.run(tasks.collect());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
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
}
