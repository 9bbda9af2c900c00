//! Arithmetic modulo p with integer multiplication, one element at a time.

use super::lanes::Lanes;
use super::{Fp, FpAccumulator};
use crate::Field;

/// Needs nothing of the processor.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Lanes for Portable {
    const LANES: usize = 1;
    type Vector = Fp;
    type Sum = FpAccumulator;

    #[inline(always)]
    fn splat(self, element: Fp) -> Fp {
        element
    }

    #[inline(always)]
    fn load(self, elements: &[Fp]) -> Fp {
        elements.first().copied().unwrap_or(Fp(0))
    }

    #[inline(always)]
    fn store(self, vector: Fp, elements: &mut [Fp]) {
        if let Some(first) = elements.first_mut() {
            *first = vector;
        }
    }

    #[inline(always)]
    fn add(self, a: Fp, b: Fp) -> Fp {
        a + b
    }

    #[inline(always)]
    fn negate(self, a: Fp) -> Fp {
        -a
    }

    #[inline(always)]
    fn sum(self) -> FpAccumulator {
        FpAccumulator::default()
    }

    #[inline(always)]
    fn sum_of(self, vector: Fp) -> FpAccumulator {
        FpAccumulator { low: vector.0, high: 0, top: 0 }
    }

    #[inline(always)]
    fn accumulate(self, sum: &mut FpAccumulator, a: Fp, b: Fp) {
        Fp::accumulate(sum, a, b);
    }

    #[inline(always)]
    fn reduce(self, sum: FpAccumulator) -> Fp {
        Fp::reduce(sum)
    }

    #[inline(always)]
    fn mul(self, a: Fp, b: Fp) -> Fp {
        a * b
    }

    #[inline(always)]
    fn mul_add(self, a: Fp, b: Fp, c: Fp) -> Fp {
        a.mul_add(b, c)
    }
}
