//! Bulk operations on field elements, written once for every instruction set.

use super::Fp;
use super::lanes::{Kernel, Lanes, MOST};

/// [`crate::Field::inner_product`].
#[derive(Clone)]
pub struct InnerProduct<'a>(pub &'a [Fp], pub &'a [Fp]);

impl Kernel for InnerProduct<'_> {
    type Output = Fp;

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> Fp {
        let mut total = l.splat(Fp(0));
        let length = self.0.len().min(self.1.len());
        let run = L::LANES * MOST;
        for (a, b) in self.0[..length].chunks(run).zip(self.1[..length].chunks(run)) {
            let mut sum = l.sum();
            for (a, b) in a.chunks(L::LANES).zip(b.chunks(L::LANES)) {
                l.accumulate(&mut sum, l.load(a), l.load(b));
            }
            total = l.add(total, l.reduce(sum));
        }
        l.total(total)
    }
}

/// [`crate::Field::add_multiple`].
pub struct AddMultiple<'a> {
    pub sums: &'a mut [Fp],
    pub factor: Fp,
    pub values: &'a [Fp],
}

impl Kernel for AddMultiple<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let factor = l.splat(self.factor);
        let length = self.sums.len().min(self.values.len());
        let values = self.values[..length].chunks(L::LANES);
        for (sums, values) in self.sums[..length].chunks_mut(L::LANES).zip(values) {
            l.store(l.mul_add(factor, l.load(values), l.load(sums)), sums);
        }
    }
}

/// [`crate::Field::scale_and_add`].
pub struct ScaleAndAdd<'a> {
    pub sums: &'a mut [Fp],
    pub factor: Fp,
    pub values: &'a [Fp],
}

impl Kernel for ScaleAndAdd<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let factor = l.splat(self.factor);
        let mut values = self.values.chunks(L::LANES);
        for sums in self.sums.chunks_mut(L::LANES) {
            let values = values.next().unwrap_or_default();
            l.store(l.mul_add(factor, l.load(sums), l.load(values)), sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::run_every_way;
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

    /// [`AddMultiple`], [`ScaleAndAdd`], products and sums, on copies.
    #[derive(Clone)]
    struct Elementwise<'a>(&'a [Fp], Fp, &'a [Fp]);

    impl Kernel for Elementwise<'_> {
        type Output = [Vec<Fp>; 4];

        fn run<L: Lanes>(self, l: L) -> Self::Output {
            let Self(sums, factor, values) = self;
            let [mut added, mut scaled, mut products, mut plain] = [0; 4].map(|_| sums.to_vec());
            AddMultiple { sums: &mut added, factor, values }.run(l);
            ScaleAndAdd { sums: &mut scaled, factor, values }.run(l);
            let length = sums.len().min(values.len());
            let places = products[..length].chunks_mut(L::LANES).zip(plain[..length].chunks_mut(L::LANES));
            for ((product, sum), value) in places.zip(values[..length].chunks(L::LANES)) {
                let (a, b) = (l.load(product), l.load(value));
                l.store(l.mul(a, l.mul(a, b)), product);
                l.store(l.add(l.add(a, b), l.negate(l.add(b, b))), sum);
            }
            [added, scaled, products, plain]
        }
    }

    const EDGES: [u128; 12] = [
        0,
        1,
        2,
        (1 << 52) - 1,
        1 << 52,
        (1 << 104) - 1,
        1 << 104,
        1 << 126,
        Fp::MODULUS / 2,
        Fp::MODULUS - (1 << 52),
        Fp::MODULUS - 2,
        Fp::MODULUS - 1,
    ];

    proptest! {
        #[test]
        fn every_instruction_set_computes_the_same(seed: [u8; 16], n in 0usize..80) {
            let mut prg = Prg::new(&seed);
            let (u, v): (Vec<Fp>, Vec<Fp>) = (prg.elements(n), prg.elements(n));
            agree(InnerProduct(&u, &v));
            for values in [&v[..], &v[..n / 2], &v[..n.saturating_sub(1)]] {
                agree(Elementwise(&u, prg.element(), values));
            }
        }
    }

    #[test]
    fn every_instruction_set_agrees_on_the_edges() {
        let edges = EDGES.map(Fp::new);
        for a in edges {
            for n in [1, 7, 8, 12] {
                agree(InnerProduct(&edges[..n], &[a; 12]));
                agree(Elementwise(&edges[..n], a, &[a; 12][..n]));
                agree(Elementwise(&[a; 12], edges[n - 1], &edges));
            }
        }
    }

    #[test]
    fn sums_of_the_greatest_products_do_not_overflow() {
        let greatest = vec![Fp::new(Fp::MODULUS - 1); 8 * MOST + 9];
        let limbs = vec![Fp::new(Fp::MODULUS - (1 << 52)); 8 * MOST + 9];
        for (a, b) in [(&greatest, &greatest), (&limbs, &greatest), (&limbs, &limbs)] {
            agree(InnerProduct(a, b));
            let naive: Fp = a.iter().zip(b).map(|(&a, &b)| a * b).sum();
            assert_eq!(Fp::inner_product(a, b), naive);
        }
    }
}
