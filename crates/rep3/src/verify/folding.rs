//! What a verifier does with a proof: it has all of it at once, hence knows every point before it touches its
//! vector, and goes over that vector only once.
//!
//! Folding a vector level after level takes place `i` with a product of points, one for each level: `u` with that of
//! the levels where `i` is in the upper half, `v` with that of the others. Lengths are halved powers of two, so that
//! these levels are the bits of `i`, and the weights of a block of places are those of the first block times one
//! factor.

use algebra::Field;
use algebra::lanes::MOST;

use super::chain::Chain;
use super::recursion::ProofKey;
use crate::executor::{Executor, Task, part};
use crate::prss::Purpose;

/// Places whose weights are kept: what fits into the first cache, and as many products as one sum takes.
const BLOCK: usize = MOST;

/// Places worth a task of their own.
const TASK: usize = 8192;

/// Which of the two vectors a verifier knows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Vector {
    U,
    V,
}

/// A proof as one of its verifiers sees it.
pub(crate) struct Reading<F> {
    vector: Vector,
    /// For every level its coefficients, or this party's shares of them, and the point at which it is evaluated.
    levels: Vec<(Vec<F>, F)>,
    /// The coefficient that masks the vector in the last level; zero if there is nothing to prove.
    mask: F,
    /// The hash of all challenges.
    pub challenges: [u8; 32],
}

impl<F: Field> Reading<F> {
    /// What the left verifier reads from the message that it got; `counts` says how many coefficients each level has.
    pub fn left(chain: Chain, key: ProofKey<'_>, counts: &[usize], mut message: &[F]) -> Self {
        let level = |(level, &count): (u64, &usize)| {
            let (coefficients, rest) = message.split_at(count.min(message.len()));
            message = rest;
            (coefficients.to_vec(), key.digest(level, coefficients))
        };
        let levels = (0..).zip(counts).map(level).collect();
        Self::new(Vector::U, chain, levels, || key.mask(Purpose::LeftMask))
    }

    /// What the right verifier reads from the digests that it got and from the shares that it derives itself.
    pub fn right(chain: Chain, key: ProofKey<'_>, counts: &[usize], digests: &[[u8; 32]]) -> Self {
        let level = |(level, &count): (u64, &usize)| {
            (key.shares(level, count), digests.get(level as usize).copied().unwrap_or_default())
        };
        let levels = (0..).zip(counts).map(level).collect();
        Self::new(Vector::V, chain, levels, || key.mask(Purpose::RightMask))
    }

    fn new(
        vector: Vector,
        mut chain: Chain,
        levels: Vec<(Vec<F>, [u8; 32])>,
        mask: impl FnOnce() -> F,
    ) -> Self {
        let absorb = |(coefficients, digest): (Vec<F>, [u8; 32])| (coefficients, chain.absorb(&digest));
        let levels: Vec<_> = levels.into_iter().map(absorb).collect();
        let mask = if levels.is_empty() { F::ZERO } else { mask() };
        Self { vector, levels, mask, challenges: chain.digest() }
    }

    /// The point of the first level; zero if there is none.
    pub fn first_point(&self) -> F {
        self.levels.first().map_or(F::ZERO, |&(_, point)| point)
    }

    /// This party's share of the claimed product of the two elements, from its share of the inner product: `first` at
    /// the first level, and `more`, which joins after `skip` levels.
    pub fn claim(&self, first: F, skip: usize, more: F) -> F {
        let last = self.levels.len().saturating_sub(1);
        let mut claim = first;
        for (number, (coefficients, point)) in self.levels.iter().enumerate() {
            if number == skip {
                claim += more;
            }
            // The masks of the last level have made both polynomials longer by one.
            let gap = coefficients.len() / 2 - usize::from(number == last);
            claim = evaluate(coefficients, claim, gap, *point);
        }
        claim
    }

    /// What this party's vector folds to, a uniformly random element, from the sum that [`Folding`] gives.
    pub fn end(&self, folded: F) -> F {
        let power = self.levels.last().map(|(last, point)| point.pow(last.len() as u128 / 2));
        folded + self.mask * power.unwrap_or(F::ZERO)
    }

    /// How to fold a vector to one element, when the first `skip` levels are dealt with.
    pub fn folding(&self, skip: usize) -> Folding<F> {
        let points: Vec<_> = self.levels.iter().skip(skip).map(|&(_, point)| point).collect();
        let width = self.levels.last().map_or(0, |(coefficients, _)| coefficients.len() / 2);
        Folding::new(self.vector, &points, width)
    }
}

/// The polynomial with these coefficients, and with `claim` inserted at `gap`, at a point.
fn evaluate<F: Field>(coefficients: &[F], claim: F, gap: usize, point: F) -> F {
    let (low, high) = coefficients.split_at(gap.min(coefficients.len()));
    let backwards = high.iter().rev().chain([&claim]).chain(low.iter().rev());
    backwards.fold(F::ZERO, |sum, &coefficient| sum * point + coefficient)
}

/// The weights with which the places of a vector enter the element that it is folded to.
pub(crate) struct Folding<F> {
    vector: Vector,
    /// The weights of the first places.
    block: Vec<F>,
    /// The points that belong to the bits of a block's number, lowest bit first.
    points: Vec<F>,
}

#[cfg(test)]
impl<F: Field> Folding<F> {
    /// How both vectors fold at these points, of which the last one takes `width` elements to one.
    pub fn both(points: &[F], width: usize) -> [Self; 2] {
        [Vector::U, Vector::V].map(|vector| Self::new(vector, points, width))
    }
}

impl<F: Field> Folding<F> {
    /// `points` are those of all levels, of which the last one takes `width` elements to one.
    fn new(vector: Vector, points: &[F], width: usize) -> Self {
        let Some((&last, points)) = points.split_last() else {
            return Self { vector, block: vec![F::ZERO; BLOCK], points: Vec::new() };
        };
        let mut block = last.powers(width);
        if vector == Vector::V {
            block.reverse();
        }
        let mut points = points.iter().rev().copied();
        while block.len() < BLOCK {
            let Some(point) = points.next() else { break };
            let scaled: Vec<F> = block.iter().map(|&weight| weight * point).collect();
            block = match vector {
                Vector::U => [block, scaled].concat(),
                Vector::V => [scaled, block].concat(),
            };
        }
        Self { vector, block, points: points.collect() }
    }

    /// The places from `start` to `end`, cut where blocks end: their range, their weights, and the factor that these
    /// have in common.
    pub fn blocks(
        &self,
        start: usize,
        end: usize,
    ) -> impl Iterator<Item = (std::ops::Range<usize>, &[F], F)> {
        let size = self.block.len();
        let mut next = start;
        std::iter::from_fn(move || {
            let (number, first) = (next / size, next % size);
            let range = next..end.min((number + 1) * size);
            next = range.end;
            let weights = &self.block[first..first + range.len()];
            (!range.is_empty()).then(|| (range, weights, self.factor(number)))
        })
    }

    fn factor(&self, block: usize) -> F {
        let enters = |bit: usize| (block >> bit & 1 == 1) == (self.vector == Vector::U);
        let points = self.points.iter().enumerate().filter(|&(bit, _)| enters(bit));
        points.fold(F::ONE, |product, (_, &point)| product * point)
    }

    /// What the part of a vector that begins at place `start` adds to the element.
    pub fn fold(&self, start: usize, vector: &[F], executor: &dyn Executor) -> F {
        let size = part(vector.len(), TASK, executor);
        let mut sums = vec![F::ZERO; vector.len().div_ceil(size)];
        let tasks = sums.iter_mut().zip(vector.chunks(size)).enumerate();
        let tasks = tasks.map(|(index, (sum, vector))| -> Task<'_> {
            let first = start + index * size;
            Box::new(move || {
                for (places, weights, factor) in self.blocks(first, first + vector.len()) {
                    let vector = &vector[places.start - first..places.end - first];
                    *sum += factor * F::inner_product(vector, weights);
                }
            })
        });
        executor.run(tasks.collect());
        sums.into_iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use algebra::toy::F127;
    use algebra::{Fp, Gf128, Prg};
    use proptest::prelude::*;

    use super::*;
    use crate::executor::{Backwards, Inline};

    /// Folds level by level, from the definition: `width` elements are left for the last point.
    fn by_levels<F: Field>(kind: Vector, mut vector: Vec<F>, points: &[F], width: usize) -> F {
        vector.resize(width << (points.len() - 1), F::ZERO);
        let (last, points) = points.split_last().unwrap();
        for &point in points {
            let (low, high) = vector.split_at(vector.len() / 2);
            let pairs = low.iter().zip(high);
            vector = match kind {
                Vector::U => pairs.map(|(&low, &high)| low + point * high).collect(),
                Vector::V => pairs.map(|(&low, &high)| point * low + high).collect(),
            };
        }
        if kind == Vector::V {
            vector.reverse();
        }
        vector.iter().rev().fold(F::ZERO, |sum, &element| sum * *last + element)
    }

    fn agrees<F: Field>(seed: &[u8; 16], levels: usize, width: usize, fill: f64, cut: f64) {
        let mut prg = Prg::new(seed);
        let points: Vec<F> = prg.elements(levels + 1);
        let vector: Vec<F> = prg.elements(((width << levels) as f64 * fill) as usize);
        for kind in [Vector::U, Vector::V] {
            let folding = Folding::new(kind, &points, width);
            let (low, high) = vector.split_at((vector.len() as f64 * cut) as usize);
            let folded = folding.fold(0, low, &Inline) + folding.fold(low.len(), high, &Inline);
            assert_eq!(folded, by_levels(kind, vector.clone(), &points, width));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn one_pass_folds_as_all_levels_do(
            seed: [u8; 16],
            levels in 0usize..10,
            fill in 0.0..=1.0f64,
            cut in 0.0..=1.0f64,
        ) {
            agrees::<Fp>(&seed, levels, 8, fill, cut);
            agrees::<Gf128>(&seed, levels, 8, fill, cut);
            agrees::<F127>(&seed, levels, 8, 1.0, cut);
            agrees::<Fp>(&seed, 0, 1 + levels % 8, 1.0, cut);
        }
    }

    /// Around the lengths at which the work is cut into tasks and blocks.
    #[test]
    fn a_vector_folds_the_same_however_it_is_cut() {
        let mut prg = Prg::new(&[3; 16]);
        let points: Vec<Fp> = prg.elements(13);
        for full in [BLOCK, 2 * BLOCK, TASK, 2 * TASK, 3 * TASK] {
            for n in [full - 1, full, full + 1] {
                let vector: Vec<Fp> = prg.elements(n);
                for folding in Folding::both(&points, 8) {
                    let folded = [1, BLOCK - 1].map(|start| folding.fold(start, &vector, &Inline));
                    let cut = [1, BLOCK - 1].map(|start| folding.fold(start, &vector, &Backwards(3)));
                    assert_eq!(folded, cut, "{n} elements");
                }
            }
        }
    }
}
