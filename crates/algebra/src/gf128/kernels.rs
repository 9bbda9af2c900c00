//! Bulk operations on field elements, written once for every instruction set.

use super::Gf128;
use super::carryless::{Carryless, Kernel};

/// One product.
#[derive(Clone)]
pub struct Product(pub Gf128, pub Gf128);

impl Kernel for Product {
    type Output = Gf128;

    #[inline(always)]
    fn run<C: Carryless>(self, c: C) -> Gf128 {
        let mut sum = c.sum();
        c.accumulate(&mut sum, c.splat(self.0), c.splat(self.1));
        let mut product = [Gf128(0)];
        c.store(c.reduce(sum), &mut product);
        product[0]
    }
}

/// [`crate::Field::inner_product`].
#[derive(Clone)]
pub struct InnerProduct<'a>(pub &'a [Gf128], pub &'a [Gf128]);

impl Kernel for InnerProduct<'_> {
    type Output = Gf128;

    #[inline(always)]
    fn run<C: Carryless>(self, c: C) -> Gf128 {
        let mut sum = c.sum();
        let length = self.0.len().min(self.1.len());
        for (a, b) in self.0[..length].chunks(C::LANES).zip(self.1[..length].chunks(C::LANES)) {
            c.accumulate(&mut sum, c.load(a, 1), c.load(b, 1));
        }
        c.total(sum)
    }
}

/// [`crate::Field::add_multiple`].
pub struct AddMultiple<'a> {
    pub sums: &'a mut [Gf128],
    pub factor: Gf128,
    pub values: &'a [Gf128],
}

impl Kernel for AddMultiple<'_> {
    type Output = ();

    #[inline(always)]
    fn run<C: Carryless>(self, c: C) {
        let factor = c.splat(self.factor);
        let length = self.sums.len().min(self.values.len());
        for (sums, values) in self.sums[..length].chunks_mut(C::LANES).zip(self.values.chunks(C::LANES)) {
            let mut product = c.sum();
            c.accumulate(&mut product, factor, c.load(values, 1));
            c.store(c.add(c.load(sums, 1), c.reduce(product)), sums);
        }
    }
}

/// [`crate::Field::fold`].
#[derive(Clone)]
pub struct Fold<'a> {
    pub values: &'a [Gf128],
    pub weights: &'a [Gf128],
}

impl Kernel for Fold<'_> {
    type Output = Vec<Gf128>;

    #[inline(always)]
    fn run<C: Carryless>(self, c: C) -> Vec<Gf128> {
        let width = self.weights.len();
        let mut folded = vec![Gf128(0); self.values.len().div_ceil(width)];
        let groups = self.values.chunks(C::LANES * width);
        for (values, out) in groups.zip(folded.chunks_mut(C::LANES)) {
            let mut sum = c.sum();
            for (k, &weight) in self.weights.iter().enumerate().take(values.len()) {
                c.accumulate(&mut sum, c.load(&values[k..], width), c.splat(weight));
            }
            c.store(c.reduce(sum), out);
        }
        folded
    }
}

/// [`crate::Field::correlate`].
#[derive(Clone)]
pub struct Correlate<'a> {
    pub u: &'a [Gf128],
    pub v: &'a [Gf128],
    pub width: usize,
}

impl Kernel for Correlate<'_> {
    type Output = Vec<Gf128>;

    #[inline(always)]
    fn run<C: Carryless>(self, c: C) -> Vec<Gf128> {
        let width = self.width;
        let mut sums = vec![c.sum(); 2 * width - 1];
        let mut column = vec![c.splat(Gf128(0)); width];
        for (u, v) in self.u.chunks(C::LANES * width).zip(self.v.chunks(C::LANES * width)) {
            let used = width.min(u.len());
            for (j, lane) in column.iter_mut().enumerate().take(used) {
                *lane = c.load(&v[j..], width);
            }
            for i in 0..used {
                let a = c.load(&u[i..], width);
                // Coefficient width - 1 + i - j, for j from 0.
                let targets = sums[width + i - used..width + i].iter_mut().rev();
                for (sum, &b) in targets.zip(&column[..used]) {
                    c.accumulate(sum, a, b);
                }
            }
        }
        sums.into_iter().map(|sum| c.total(sum)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::carryless::run_every_way;
    use super::*;
    use crate::{Field, Prg};
    use proptest::prelude::*;

    fn agree<K: Kernel + Clone>(kernel: K)
    where
        K::Output: PartialEq + std::fmt::Debug,
    {
        let outputs = run_every_way(kernel);
        assert!(outputs.iter().all(|output| *output == outputs[0]), "{outputs:?}");
    }

    /// [`AddMultiple`] on a copy of the sums.
    #[derive(Clone)]
    struct AddMultipleTo<'a>(&'a [Gf128], Gf128, &'a [Gf128]);

    impl Kernel for AddMultipleTo<'_> {
        type Output = Vec<Gf128>;

        fn run<C: Carryless>(self, c: C) -> Vec<Gf128> {
            let mut sums = self.0.to_vec();
            AddMultiple { sums: &mut sums, factor: self.1, values: self.2 }.run(c);
            sums
        }
    }

    proptest! {
        #[test]
        fn every_instruction_set_computes_the_same(seed: [u8; 16], n in 0usize..80, width in 1usize..20) {
            let mut prg = Prg::new(&seed);
            let (u, v): (Vec<Gf128>, Vec<Gf128>) = (prg.elements(n), prg.elements(n));
            let weights = prg.element::<Gf128>().powers(width);
            agree(Product(weights[width - 1], prg.element()));
            agree(InnerProduct(&u, &v));
            agree(AddMultipleTo(&u, weights[width - 1], &v[..n / 2]));
            agree(Fold { values: &u, weights: &weights });
            agree(Correlate { u: &u, v: &v, width });
        }
    }

    #[test]
    fn every_instruction_set_agrees_on_the_edges() {
        let edges = [0, 1, 2, 1 << 63, 1 << 64, 1 << 127, u128::MAX, u128::MAX >> 64, u128::MAX << 64];
        for a in edges {
            for b in edges {
                agree(Product(Gf128::new(a), Gf128::new(b)));
            }
        }
    }
}
