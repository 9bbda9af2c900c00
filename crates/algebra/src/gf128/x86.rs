//! Carry-less multiplication by PCLMULQDQ, one element at a time, and by VPCLMULQDQ, two at a time.
//!
//! A token of type [`Pclmul`] or [`Vpclmul`] exists only after detection, which is what every `unsafe` block
//! here rests on. All functions are inlined into [`Pclmul::run`] or [`Vpclmul::run`], which are compiled for
//! the instructions.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_and_si128, _mm_clmulepi64_si128, _mm_loadu_si128, _mm_setzero_si128,
    _mm_shuffle_epi32, _mm_slli_si128, _mm_srli_si128, _mm_storeu_si128, _mm_xor_si128, _mm256_and_si256,
    _mm256_broadcastsi128_si256, _mm256_bslli_epi128, _mm256_bsrli_epi128, _mm256_castsi256_si128,
    _mm256_clmulepi64_epi128, _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_setzero_si256,
    _mm256_shuffle_epi32, _mm256_xor_si256, _mm256_zextsi128_si256,
};

use super::Gf128;
use super::carryless::{Carryless, Kernel};

/// x^7 + x^2 + x + 1, which is x^128.
pub(super) const TAIL: u128 = 0x87;

/// Exchanges the halves of a lane.
const SWAP: i32 = 0b01_00_11_10;

/// Proof that the processor has PCLMULQDQ.
#[derive(Clone, Copy)]
pub(super) struct Pclmul(());

/// Proof that the processor has VPCLMULQDQ and AVX2.
#[derive(Clone, Copy)]
pub(super) struct Vpclmul(());

impl Pclmul {
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("pclmulqdq") && is_x86_feature_detected!("avx")).then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "pclmulqdq,avx")]
        fn compiled<K: Kernel>(token: Pclmul, kernel: K) -> K::Output {
            kernel.run(token)
        }
        // SAFETY: the token is proof of the instructions.
        unsafe { compiled(self, kernel) }
    }
}

impl Vpclmul {
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("vpclmulqdq")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi2"))
        .then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2,bmi2")]
        fn compiled<K: Kernel>(token: Vpclmul, kernel: K) -> K::Output {
            kernel.run(token)
        }
        // SAFETY: the token is proof of the instructions.
        unsafe { compiled(self, kernel) }
    }
}

#[inline(always)]
pub(super) fn load(element: Gf128) -> __m128i {
    // SAFETY: 16 bytes are read from a 16-byte value; SSE2 is part of x86-64.
    unsafe { _mm_loadu_si128((&raw const element.0).cast()) }
}

#[inline(always)]
fn store(vector: __m128i) -> Gf128 {
    let mut element = Gf128(0);
    // SAFETY: 16 bytes are written to a 16-byte value; SSE2 is part of x86-64.
    unsafe { _mm_storeu_si128((&raw mut element.0).cast(), vector) };
    element
}

/// The sum of these elements, in a register.
#[inline(always)]
pub(super) fn sum(elements: impl Iterator<Item = Gf128>) -> Gf128 {
    // SAFETY: SSE2 is part of x86-64.
    store(elements.fold(load(Gf128(0)), |sum, element| unsafe { _mm_xor_si128(sum, load(element)) }))
}

/// Sums of products, the parts at x^0, x^64 and x^128.
#[derive(Clone, Copy)]
pub struct Parts<V> {
    pub(super) low: V,
    pub(super) mid: V,
    pub(super) high: V,
}

impl Carryless for Pclmul {
    const LANES: usize = 1;
    type Vector = __m128i;
    type Sum = Parts<__m128i>;

    #[inline(always)]
    fn splat(self, element: Gf128) -> __m128i {
        load(element)
    }

    #[inline(always)]
    fn load(self, elements: &[Gf128]) -> __m128i {
        load(elements.first().copied().unwrap_or(Gf128(0)))
    }

    #[inline(always)]
    fn store(self, vector: __m128i, elements: &mut [Gf128]) {
        if let Some(first) = elements.first_mut() {
            *first = store(vector);
        }
    }

    #[inline(always)]
    fn add(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_xor_si128(a, b) }
    }

    #[inline(always)]
    fn and(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_and_si128(a, b) }
    }

    #[inline(always)]
    fn sum(self) -> Parts<__m128i> {
        // SAFETY: SSE2 is part of x86-64.
        let zero = unsafe { _mm_setzero_si128() };
        Parts { low: zero, mid: zero, high: zero }
    }

    #[inline(always)]
    fn accumulate(self, sum: &mut Parts<__m128i>, a: __m128i, b: __m128i) {
        // SAFETY: the token is proof of the instructions.
        unsafe {
            sum.low = _mm_xor_si128(sum.low, _mm_clmulepi64_si128::<0x00>(a, b));
            let cross = _mm_xor_si128(_mm_clmulepi64_si128::<0x01>(a, b), _mm_clmulepi64_si128::<0x10>(a, b));
            sum.mid = _mm_xor_si128(sum.mid, cross);
            sum.high = _mm_xor_si128(sum.high, _mm_clmulepi64_si128::<0x11>(a, b));
        }
    }

    #[inline(always)]
    fn halves(self, a: __m128i) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_xor_si128(a, _mm_shuffle_epi32::<SWAP>(a)) }
    }

    #[inline(always)]
    fn accumulate_with(self, sum: &mut Parts<__m128i>, a: __m128i, b: __m128i, halves: __m128i) {
        // SAFETY: the token is proof of the instructions.
        unsafe {
            sum.low = _mm_xor_si128(sum.low, _mm_clmulepi64_si128::<0x00>(a, b));
            sum.mid = _mm_xor_si128(sum.mid, _mm_clmulepi64_si128::<0x00>(self.halves(a), halves));
            sum.high = _mm_xor_si128(sum.high, _mm_clmulepi64_si128::<0x11>(a, b));
        }
    }

    #[inline(always)]
    fn settle(self, sum: Parts<__m128i>) -> Parts<__m128i> {
        Parts { mid: self.add(sum.mid, self.add(sum.low, sum.high)), ..sum }
    }

    #[inline(always)]
    fn reduce(self, sum: Parts<__m128i>) -> __m128i {
        let tail = load(Gf128(TAIL));
        // SAFETY: the token is proof of the instructions.
        unsafe {
            let low = _mm_xor_si128(sum.low, _mm_slli_si128::<8>(sum.mid));
            let high = _mm_xor_si128(sum.high, _mm_srli_si128::<8>(sum.mid));
            // The upper word of `high` times the tail lands at x^64; what passes x^128 joins the lower word.
            let upper = _mm_clmulepi64_si128::<0x01>(high, tail);
            let low = _mm_xor_si128(low, _mm_slli_si128::<8>(upper));
            let high = _mm_xor_si128(high, _mm_srli_si128::<8>(upper));
            _mm_xor_si128(low, _mm_clmulepi64_si128::<0x00>(high, tail))
        }
    }
}

impl Carryless for Vpclmul {
    const LANES: usize = 2;
    type Vector = __m256i;
    type Sum = Parts<__m256i>;

    #[inline(always)]
    fn splat(self, element: Gf128) -> __m256i {
        // SAFETY: the token is proof of the instructions.
        unsafe { _mm256_broadcastsi128_si256(load(element)) }
    }

    #[inline(always)]
    fn load(self, elements: &[Gf128]) -> __m256i {
        match elements {
            // SAFETY: 32 bytes are read from two values of 16 bytes; the token is proof of the instructions.
            [_, _, ..] => unsafe { _mm256_loadu_si256(elements.as_ptr().cast()) },
            // SAFETY: the token is proof of the instructions.
            [only] => unsafe { _mm256_zextsi128_si256(load(*only)) },
            [] => self.splat(Gf128(0)),
        }
    }

    #[inline(always)]
    fn store(self, vector: __m256i, elements: &mut [Gf128]) {
        // SAFETY: the token is proof of the instructions.
        let lanes =
            unsafe { [_mm256_castsi256_si128(vector), _mm256_extracti128_si256::<1>(vector)] }.map(store);
        for (element, lane) in elements.iter_mut().zip(lanes) {
            *element = lane;
        }
    }

    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token is proof of the instructions.
        unsafe { _mm256_xor_si256(a, b) }
    }

    #[inline(always)]
    fn and(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token is proof of the instructions.
        unsafe { _mm256_and_si256(a, b) }
    }

    #[inline(always)]
    fn sum(self) -> Parts<__m256i> {
        // SAFETY: the token is proof of the instructions.
        let zero = unsafe { _mm256_setzero_si256() };
        Parts { low: zero, mid: zero, high: zero }
    }

    #[inline(always)]
    fn accumulate(self, sum: &mut Parts<__m256i>, a: __m256i, b: __m256i) {
        // SAFETY: the token is proof of the instructions.
        unsafe {
            sum.low = _mm256_xor_si256(sum.low, _mm256_clmulepi64_epi128::<0x00>(a, b));
            let cross = _mm256_xor_si256(
                _mm256_clmulepi64_epi128::<0x01>(a, b),
                _mm256_clmulepi64_epi128::<0x10>(a, b),
            );
            sum.mid = _mm256_xor_si256(sum.mid, cross);
            sum.high = _mm256_xor_si256(sum.high, _mm256_clmulepi64_epi128::<0x11>(a, b));
        }
    }

    #[inline(always)]
    fn halves(self, a: __m256i) -> __m256i {
        // SAFETY: the token is proof of the instructions.
        unsafe { _mm256_xor_si256(a, _mm256_shuffle_epi32::<SWAP>(a)) }
    }

    #[inline(always)]
    fn accumulate_with(self, sum: &mut Parts<__m256i>, a: __m256i, b: __m256i, halves: __m256i) {
        // SAFETY: the token is proof of the instructions.
        unsafe {
            sum.low = _mm256_xor_si256(sum.low, _mm256_clmulepi64_epi128::<0x00>(a, b));
            sum.mid = _mm256_xor_si256(sum.mid, _mm256_clmulepi64_epi128::<0x00>(self.halves(a), halves));
            sum.high = _mm256_xor_si256(sum.high, _mm256_clmulepi64_epi128::<0x11>(a, b));
        }
    }

    #[inline(always)]
    fn settle(self, sum: Parts<__m256i>) -> Parts<__m256i> {
        Parts { mid: self.add(sum.mid, self.add(sum.low, sum.high)), ..sum }
    }

    #[inline(always)]
    fn reduce(self, sum: Parts<__m256i>) -> __m256i {
        let tail = self.splat(Gf128(TAIL));
        // SAFETY: the token is proof of the instructions.
        unsafe {
            let low = _mm256_xor_si256(sum.low, _mm256_bslli_epi128::<8>(sum.mid));
            let high = _mm256_xor_si256(sum.high, _mm256_bsrli_epi128::<8>(sum.mid));
            // As for one lane.
            let upper = _mm256_clmulepi64_epi128::<0x01>(high, tail);
            let low = _mm256_xor_si256(low, _mm256_bslli_epi128::<8>(upper));
            let high = _mm256_xor_si256(high, _mm256_bsrli_epi128::<8>(upper));
            _mm256_xor_si256(low, _mm256_clmulepi64_epi128::<0x00>(high, tail))
        }
    }
}
