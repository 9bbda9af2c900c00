//! Arithmetic modulo p as vectors of field elements, so that a kernel is written once and runs on whatever
//! instructions the processor has.

use super::Fp;
#[cfg(target_arch = "x86_64")]
use super::ifma::Ifma;
use super::portable::Portable;

/// How many products may be accumulated in one sum.
pub const MOST: usize = 512;

/// A way to compute in [`Fp`], some elements at a time.
///
/// A value of an implementing type is proof that the processor has the instructions; [`run`] hands one out.
pub trait Lanes: Copy {
    /// Elements in a vector.
    const LANES: usize;
    /// [`LANES`](Lanes::LANES) elements.
    type Vector: Copy;
    /// [`LANES`](Lanes::LANES) sums of at most [`MOST`] products, not yet reduced.
    type Sum: Copy;

    /// Every lane the same element.
    fn splat(self, element: Fp) -> Self::Vector;

    /// Lane `l` is `elements[l]`, or zero where the slice ends.
    fn load(self, elements: &[Fp]) -> Self::Vector;

    /// Writes lane `l` to `elements[l]`, as far as the slice goes.
    fn store(self, vector: Self::Vector, elements: &mut [Fp]);

    /// Lane by lane addition.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Lane by lane negation.
    fn negate(self, a: Self::Vector) -> Self::Vector;

    /// Empty sums.
    fn sum(self) -> Self::Sum;

    /// Sums of one summand each.
    fn sum_of(self, vector: Self::Vector) -> Self::Sum;

    /// Adds the products of the lanes to the sums.
    fn accumulate(self, sum: &mut Self::Sum, a: Self::Vector, b: Self::Vector);

    /// What the sums stand for.
    fn reduce(self, sum: Self::Sum) -> Self::Vector;

    /// Lane by lane multiplication.
    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        let mut sum = self.sum();
        self.accumulate(&mut sum, a, b);
        self.reduce(sum)
    }

    /// `a b + c`, lane by lane.
    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        let mut sum = self.sum_of(c);
        self.accumulate(&mut sum, a, b);
        self.reduce(sum)
    }

    /// The sum of all lanes.
    #[inline(always)]
    fn total(self, vector: Self::Vector) -> Fp {
        let mut lanes = [Fp(0); 8];
        self.store(vector, &mut lanes);
        lanes[..Self::LANES].iter().sum()
    }
}

/// A computation that is generic over the instructions. Mark `run` as `#[inline(always)]`, with everything
/// that it calls in its inner loop, so that it is compiled for those instructions.
pub trait Kernel {
    /// What it computes.
    type Output;

    /// Computes.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// Runs a kernel with the widest instructions that the processor has.
#[inline]
pub fn run<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(ifma) = Ifma::detect() {
        return ifma.run(kernel);
    }
    kernel.run(Portable)
}

/// Runs a kernel in every way that this processor can, the portable way first: for tests that they agree.
pub fn run_every_way<K: Kernel + Clone>(kernel: K) -> Vec<K::Output> {
    let mut outputs = vec![kernel.clone().run(Portable)];
    #[cfg(target_arch = "x86_64")]
    outputs.extend(Ifma::detect().map(|ifma| ifma.run(kernel)));
    outputs
}
