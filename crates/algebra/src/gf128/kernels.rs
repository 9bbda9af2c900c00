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
            c.accumulate(&mut sum, c.load(a), c.load(b));
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
            c.accumulate(&mut product, factor, c.load(values));
            c.store(c.add(c.load(sums), c.reduce(product)), sums);
        }
    }
}

/// [`crate::Field::scale_and_add`].
pub struct ScaleAndAdd<'a> {
    pub sums: &'a mut [Gf128],
    pub factor: Gf128,
    pub values: &'a [Gf128],
}

impl Kernel for ScaleAndAdd<'_> {
    type Output = ();

    #[inline(always)]
    fn run<C: Carryless>(self, c: C) {
        let factor = c.splat(self.factor);
        let mut values = self.values.chunks(C::LANES);
        for sums in self.sums.chunks_mut(C::LANES) {
            let mut product = c.sum();
            c.accumulate(&mut product, factor, c.load(sums));
            let values = c.load(values.next().unwrap_or_default());
            c.store(c.add(values, c.reduce(product)), sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::carryless::run_every_way;
    use super::*;
    use crate::Prg;
    use proptest::prelude::*;

    fn agree<K: Kernel + Clone>(kernel: K)
    where
        K::Output: PartialEq + std::fmt::Debug,
    {
        let outputs = run_every_way(kernel);
        assert!(outputs.iter().all(|output| *output == outputs[0]), "{outputs:?}");
    }

    /// [`AddMultiple`] and [`ScaleAndAdd`] on copies of the sums.
    #[derive(Clone)]
    struct Folded<'a>(&'a [Gf128], Gf128, &'a [Gf128]);

    impl Kernel for Folded<'_> {
        type Output = [Vec<Gf128>; 2];

        fn run<C: Carryless>(self, c: C) -> Self::Output {
            let Self(sums, factor, values) = self;
            let [mut added, mut scaled] = [sums.to_vec(), sums.to_vec()];
            AddMultiple { sums: &mut added, factor, values }.run(c);
            ScaleAndAdd { sums: &mut scaled, factor, values }.run(c);
            [added, scaled]
        }
    }

    /// An inner product by [`Carryless::accumulate_with`].
    #[derive(Clone)]
    struct WithHalves<'a>(&'a [Gf128], &'a [Gf128]);

    impl Kernel for WithHalves<'_> {
        type Output = Gf128;

        fn run<C: Carryless>(self, c: C) -> Gf128 {
            let mut sum = c.sum();
            for (a, b) in self.0.chunks(C::LANES).zip(self.1.chunks(C::LANES)) {
                let b = c.load(b);
                c.accumulate_with(&mut sum, c.load(a), b, c.halves(b));
            }
            c.total(c.settle(sum))
        }
    }

    proptest! {
        #[test]
        fn every_instruction_set_computes_the_same(seed: [u8; 16], n in 0usize..80) {
            let mut prg = Prg::new(&seed);
            let (u, v): (Vec<Gf128>, Vec<Gf128>) = (prg.elements(n), prg.elements(n));
            let factor = prg.element();
            agree(Product(factor, prg.element()));
            agree(InnerProduct(&u, &v));
            agree(WithHalves(&u, &v));
            prop_assert_eq!(run_every_way(WithHalves(&u, &v)), run_every_way(InnerProduct(&u, &v)));
            for values in [&v[..], &v[..n / 2], &v[..n.saturating_sub(1)]] {
                agree(Folded(&u, factor, values));
            }
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
