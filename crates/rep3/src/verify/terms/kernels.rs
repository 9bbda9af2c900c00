//! The inner loops over terms, written once for every instruction set.
#![allow(clippy::inline_always, reason = "a kernel must be compiled for the instructions it is run with")]

use algebra::lanes::{Kernel, Lanes, MOST};
use algebra::{Field, Fp};

/// The two columns of factors of consecutive terms.
pub(in crate::verify) type Factors<'a> = [&'a [Fp]; 2];

/// `sum w x_i x_{i+1}` and `sum w y_i y_{i+1}`, over no more than [`MOST`] terms.
#[derive(Clone)]
pub(super) struct WeightedProducts<'a> {
    pub weights: &'a [Fp],
    pub own: Factors<'a>,
    pub next: Factors<'a>,
}

impl Kernel for WeightedProducts<'_> {
    type Output = [Fp; 2];

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> [Fp; 2] {
        debug_assert!(self.weights.len() <= MOST, "a sum takes no more products");
        let mut totals = [Fp::ZERO; 2];
        for (column, total) in totals.iter_mut().enumerate() {
            let mut sum = l.sum();
            let factors = self.own[column].chunks(L::LANES).zip(self.next[column].chunks(L::LANES));
            for (weights, (own, next)) in self.weights.chunks(L::LANES).zip(factors) {
                l.accumulate(&mut sum, l.mul(l.load(weights), l.load(own)), l.load(next));
            }
            *total = l.total(l.reduce(sum));
        }
        totals
    }
}

/// `x + r y` of every term, times what is in its place of `out` if that is a weight.
pub(super) struct FoldTerms<'a, const WEIGHTED: bool> {
    pub factors: Factors<'a>,
    pub point: Fp,
    pub out: &'a mut [Fp],
}

impl<const WEIGHTED: bool> Kernel for FoldTerms<'_, WEIGHTED> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let point = l.splat(self.point);
        let factors = self.factors[0].chunks(L::LANES).zip(self.factors[1].chunks(L::LANES));
        for (out, (x, y)) in self.out.chunks_mut(L::LANES).zip(factors) {
            let folded = l.mul_add(point, l.load(y), l.load(x));
            l.store(if WEIGHTED { l.mul(l.load(out), folded) } else { folded }, out);
        }
    }
}

/// `sum a b x` and `sum a b y`, over no more than [`MOST`] terms.
#[derive(Clone)]
pub(super) struct TwiceWeighted<'a> {
    pub weights: [&'a [Fp]; 2],
    pub factors: Factors<'a>,
}

impl Kernel for TwiceWeighted<'_> {
    type Output = [Fp; 2];

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> [Fp; 2] {
        debug_assert!(self.factors[0].len() <= MOST, "a sum takes no more products");
        let (mut x_sum, mut y_sum) = (l.sum(), l.sum());
        let weights = self.weights[0].chunks(L::LANES).zip(self.weights[1].chunks(L::LANES));
        let factors = self.factors[0].chunks(L::LANES).zip(self.factors[1].chunks(L::LANES));
        for ((a, b), (x, y)) in weights.zip(factors) {
            let weight = l.mul(l.load(a), l.load(b));
            l.accumulate(&mut x_sum, weight, l.load(x));
            l.accumulate(&mut y_sum, weight, l.load(y));
        }
        [l.total(l.reduce(x_sum)), l.total(l.reduce(y_sum))]
    }
}

/// Outputs of `terms` consecutive terms each: the message `z_i` to the left party, and what a left verifier knows of the
/// right party's claim before it has that party's message.
pub(in crate::verify) struct Multiply<'a> {
    pub own: Factors<'a>,
    pub next: Factors<'a>,
    pub terms: usize,
    /// `F(k_i)`.
    pub masks: &'a [Fp],
    /// `F(k_{i+1})`, which becomes `-sum x_{i+1} y_{i+1} - F(k_{i+1})`.
    pub claims: &'a mut [Fp],
    pub message: &'a mut [Fp],
}

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        if self.terms == 1 {
            self.products(l);
        } else {
            self.inner_products(l);
        }
    }
}

impl Multiply<'_> {
    #[inline(always)]
    fn products<L: Lanes>(self, l: L) {
        let own = self.own[0].chunks(L::LANES).zip(self.own[1].chunks(L::LANES));
        let next = self.next[0].chunks(L::LANES).zip(self.next[1].chunks(L::LANES));
        let outputs = self.claims.chunks_mut(L::LANES).zip(self.message.chunks_mut(L::LANES));
        let outputs = outputs.zip(self.masks.chunks(L::LANES));
        for (((claim, message), mask), ((x, y), (x_next, y_next))) in outputs.zip(own.zip(next)) {
            let (x, y, x_next, y_next) = (l.load(x), l.load(y), l.load(x_next), l.load(y_next));
            let cross = l.negate(l.mul_add(x_next, y_next, l.load(claim)));
            // All four products less the one that the right party has: two products for three.
            let masked = l.add(l.load(mask), cross);
            l.store(l.mul_add(l.add(x, x_next), l.add(y, y_next), masked), message);
            l.store(cross, claim);
        }
    }

    #[inline(always)]
    fn inner_products<L: Lanes>(self, l: L) {
        let outputs = self.claims.iter_mut().zip(self.message).zip(self.masks);
        for (index, ((claim, message), mask)) in outputs.enumerate() {
            let terms = index * self.terms..(index + 1) * self.terms;
            let [x, y] = self.own.map(|factors| &factors[terms.clone()]);
            let [x_next, y_next] = self.next.map(|factors| &factors[terms.clone()]);
            let (mut all, mut next) = (l.splat(Fp::ZERO), l.splat(Fp::ZERO));
            for run in (0..self.terms).step_by(MOST) {
                let (mut all_sum, mut next_sum) = (l.sum_of(all), l.sum_of(next));
                let end = self.terms.min(run + MOST);
                for place in (run..end).step_by(L::LANES) {
                    let last = end.min(place + L::LANES);
                    let (x, y) = (l.load(&x[place..last]), l.load(&y[place..last]));
                    let (x_next, y_next) = (l.load(&x_next[place..last]), l.load(&y_next[place..last]));
                    l.accumulate(&mut all_sum, l.add(x, x_next), l.add(y, y_next));
                    l.accumulate(&mut next_sum, x_next, y_next);
                }
                (all, next) = (l.reduce(all_sum), l.reduce(next_sum));
            }
            let cross = -(l.total(next) + *claim);
            *message = l.total(all) + *mask + cross;
            *claim = cross;
        }
    }
}

#[cfg(test)]
mod tests {
    use algebra::Prg;
    use algebra::lanes::run_every_way;
    use proptest::prelude::*;

    use super::*;

    /// Kernels that write, on copies.
    #[derive(Clone)]
    struct Writing<'a> {
        columns: [&'a [Fp]; 6],
        point: Fp,
        terms: usize,
    }

    impl Kernel for Writing<'_> {
        type Output = [Vec<Fp>; 4];

        fn run<L: Lanes>(self, l: L) -> Self::Output {
            let [x, y, x_next, y_next, masks, claims] = self.columns;
            let [mut plain, mut weighted] = [x, claims].map(<[Fp]>::to_vec);
            FoldTerms::<false> { factors: [x, y], point: self.point, out: &mut plain }.run(l);
            FoldTerms::<true> { factors: [x, y], point: self.point, out: &mut weighted }.run(l);
            let outputs = x.len().checked_div(self.terms).unwrap_or(2).min(x.len());
            let (mut claims, mut message) = (claims[..outputs].to_vec(), masks[..outputs].to_vec());
            Multiply {
                own: [x, y].map(|factors| &factors[..outputs * self.terms]),
                next: [x_next, y_next].map(|factors| &factors[..outputs * self.terms]),
                terms: self.terms,
                masks: &masks[..outputs],
                claims: &mut claims,
                message: &mut message,
            }
            .run(l);
            [plain, weighted, claims, message]
        }
    }

    proptest! {
        #[test]
        fn every_instruction_set_computes_the_same(seed: [u8; 16], n in 0usize..200, terms in 0usize..20) {
            let mut prg = Prg::new(&seed);
            let columns: [Vec<Fp>; 6] = std::array::from_fn(|_| prg.elements(n));
            let columns = columns.each_ref().map(|column| &column[..]);
            let [x, y, x_next, y_next, a, b] = columns;
            let sums = run_every_way(WeightedProducts { weights: a, own: [x, y], next: [x_next, y_next] });
            prop_assert!(sums.iter().all(|sum| *sum == sums[0]));
            let sums = run_every_way(TwiceWeighted { weights: [a, b], factors: [x, y] });
            prop_assert!(sums.iter().all(|sum| *sum == sums[0]));
            let written = run_every_way(Writing { columns, point: prg.element(), terms });
            prop_assert!(written.iter().all(|vectors| *vectors == written[0]));
        }

        #[test]
        fn messages_and_claims_are_as_defined(seed: [u8; 16], n in 1usize..300, terms in 1usize..30) {
            let mut prg = Prg::new(&seed);
            let columns: [Vec<Fp>; 6] = std::array::from_fn(|_| prg.elements(n));
            let columns = columns.each_ref().map(|column| &column[..]);
            let [x, y, x_next, y_next, own, next] = columns;
            let written = run_every_way(Writing { columns, point: Fp::ONE, terms });
            for [.., claims, message] in written {
                for (output, (claim, z)) in claims.into_iter().zip(message).enumerate() {
                    let places = || output * terms..(output + 1) * terms;
                    let cross: Fp = places().map(|i| x[i] * (y[i] + y_next[i]) + x_next[i] * y[i]).sum();
                    prop_assert_eq!(z, cross + own[output] - next[output]);
                    let known: Fp = places().map(|i| x_next[i] * y_next[i]).sum();
                    prop_assert_eq!(claim, -known - next[output]);
                }
            }
        }
    }
}
