//! Carry-less arithmetic as vectors of field elements, so that a kernel is written once and runs on whatever
//! instructions the processor has.

use super::Gf128;
use super::portable::Portable;
#[cfg(target_arch = "x86_64")]
use super::wide::Vpclmul512;
#[cfg(target_arch = "x86_64")]
use super::x86::{Pclmul, Vpclmul};

/// A way to multiply in [`Gf128`], some elements at a time.
///
/// A value of an implementing type is proof that the processor has the instructions; [`run`] hands one out.
pub trait Carryless: Copy {
    /// Elements in a vector.
    const LANES: usize;
    /// [`LANES`](Carryless::LANES) elements.
    type Vector: Copy;
    /// [`LANES`](Carryless::LANES) sums of products, not yet reduced.
    type Sum: Copy;

    /// Every lane the same element.
    fn splat(self, element: Gf128) -> Self::Vector;

    /// Lane `l` is `elements[l]`, or zero where the slice ends.
    fn load(self, elements: &[Gf128]) -> Self::Vector;

    /// Writes lane `l` to `elements[l]`, as far as the slice goes.
    fn store(self, vector: Self::Vector, elements: &mut [Gf128]);

    /// Lane by lane addition.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Lane by lane, the coefficients that both have.
    fn and(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Empty sums.
    fn sum(self) -> Self::Sum;

    /// Adds the products of the lanes to the sums.
    fn accumulate(self, sum: &mut Self::Sum, a: Self::Vector, b: Self::Vector);

    /// The sum of the two halves of each lane, in both its halves.
    fn halves(self, a: Self::Vector) -> Self::Vector;

    /// As [`accumulate`](Carryless::accumulate), with the [`halves`](Carryless::halves) of `b` at hand: three
    /// multiplications for four (Karatsuba). The sums must be [settled](Carryless::settle) before anything else is
    /// done with them.
    fn accumulate_with(self, sum: &mut Self::Sum, a: Self::Vector, b: Self::Vector, halves: Self::Vector);

    /// The sums that [`accumulate_with`](Carryless::accumulate_with) has made.
    fn settle(self, sum: Self::Sum) -> Self::Sum;

    /// What the sums stand for.
    fn reduce(self, sum: Self::Sum) -> Self::Vector;

    /// Lane by lane multiplication.
    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        let mut sum = self.sum();
        self.accumulate(&mut sum, a, b);
        self.reduce(sum)
    }

    /// The sum of all lanes' sums.
    #[inline(always)]
    fn total(self, sum: Self::Sum) -> Gf128 {
        let mut lanes = [Gf128(0); 8];
        self.store(self.reduce(sum), &mut lanes);
        lanes.into_iter().sum()
    }
}

/// A computation that is generic over the instructions. Mark `run` as `#[inline(always)]`, with everything
/// that it calls in its inner loop, so that it is compiled for those instructions.
pub trait Kernel {
    /// What it computes.
    type Output;

    /// Computes.
    fn run<C: Carryless>(self, carryless: C) -> Self::Output;
}

/// Runs a kernel with the widest instructions that the processor has.
#[inline]
pub fn run<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(wide) = Vpclmul512::detect() {
            return wide.run(kernel);
        }
        if let Some(vpclmul) = Vpclmul::detect() {
            return vpclmul.run(kernel);
        }
    }
    run_one(kernel)
}

/// As [`run`], for a kernel that computes with single elements.
#[inline]
pub fn run_one<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(pclmul) = Pclmul::detect() {
        return pclmul.run(kernel);
    }
    kernel.run(Portable)
}

/// Runs a kernel in every way that this processor can, the portable way first: for tests that they agree.
pub fn run_every_way<K: Kernel + Clone>(kernel: K) -> Vec<K::Output> {
    let mut outputs = vec![kernel.clone().run(Portable)];
    #[cfg(target_arch = "x86_64")]
    {
        outputs.extend(Pclmul::detect().map(|pclmul| pclmul.run(kernel.clone())));
        outputs.extend(Vpclmul::detect().map(|vpclmul| vpclmul.run(kernel.clone())));
        outputs.extend(Vpclmul512::detect().map(|wide| wide.run(kernel)));
    }
    outputs
}
