//! Carry-less multiplication by VPCLMULQDQ on registers of 512 bits, four elements at a time.
//!
//! As in [`super::x86`], every `unsafe` block rests on the token, which exists only after detection.

use std::arch::x86_64::{
    __m512i, _mm512_and_si512, _mm512_broadcast_i32x4, _mm512_bslli_epi128, _mm512_bsrli_epi128,
    _mm512_clmulepi64_epi128, _mm512_loadu_si512, _mm512_mask_storeu_epi64, _mm512_maskz_loadu_epi64,
    _mm512_setzero_si512, _mm512_shuffle_epi32, _mm512_storeu_si512, _mm512_ternarylogic_epi64,
    _mm512_xor_si512,
};

use super::Gf128;
use super::carryless::{Carryless, Kernel};
use super::x86::{Parts, TAIL, load};

/// The exclusive or of three operands, as a truth table.
const XOR3: i32 = 0x96;

/// Proof that the processor has VPCLMULQDQ and AVX-512.
#[derive(Clone, Copy)]
pub(super) struct Vpclmul512(());

impl Vpclmul512 {
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("vpclmulqdq")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("bmi2"))
        .then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "vpclmulqdq,pclmulqdq,avx512f,avx512bw,avx512vl,bmi2")]
        fn compiled<K: Kernel>(token: Vpclmul512, kernel: K) -> K::Output {
            kernel.run(token)
        }
        // SAFETY: the token is proof of the instructions.
        unsafe { compiled(self, kernel) }
    }
}

/// The 64-bit words of a register that hold the first `elements` elements.
#[inline(always)]
fn mask(elements: usize) -> u8 {
    ((1u32 << (2 * elements.min(4))) - 1) as u8
}

impl Carryless for Vpclmul512 {
    const LANES: usize = 4;
    type Vector = __m512i;
    type Sum = Parts<__m512i>;

    #[inline(always)]
    fn splat(self, element: Gf128) -> __m512i {
        // SAFETY: the token is proof of the instructions.
        unsafe { _mm512_broadcast_i32x4(load(element)) }
    }

    #[inline(always)]
    fn load(self, elements: &[Gf128]) -> __m512i {
        match elements {
            // SAFETY: 64 bytes are read from four values of 16 bytes; the token is proof of the instructions.
            [_, _, _, _, ..] => unsafe { _mm512_loadu_si512(elements.as_ptr().cast()) },
            // SAFETY: the mask lets only the slice's own words be read; the token is proof of the instructions.
            _ => unsafe { _mm512_maskz_loadu_epi64(mask(elements.len()), elements.as_ptr().cast()) },
        }
    }

    #[inline(always)]
    fn store(self, vector: __m512i, elements: &mut [Gf128]) {
        match elements {
            // SAFETY: 64 bytes are written to four values of 16 bytes; the token is proof of the instructions.
            [_, _, _, _, ..] => unsafe { _mm512_storeu_si512(elements.as_mut_ptr().cast(), vector) },
            // SAFETY: the mask lets only the slice's own words be written; the token is proof of the
            // instructions.
            _ => unsafe {
                _mm512_mask_storeu_epi64(elements.as_mut_ptr().cast(), mask(elements.len()), vector);
            },
        }
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token is proof of the instructions.
        unsafe { _mm512_xor_si512(a, b) }
    }

    #[inline(always)]
    fn and(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token is proof of the instructions.
        unsafe { _mm512_and_si512(a, b) }
    }

    #[inline(always)]
    fn sum(self) -> Parts<__m512i> {
        // SAFETY: the token is proof of the instructions.
        let zero = unsafe { _mm512_setzero_si512() };
        Parts { low: zero, mid: zero, high: zero }
    }

    #[inline(always)]
    fn accumulate(self, sum: &mut Parts<__m512i>, a: __m512i, b: __m512i) {
        // SAFETY: the token is proof of the instructions.
        unsafe {
            sum.low = _mm512_xor_si512(sum.low, _mm512_clmulepi64_epi128::<0x00>(a, b));
            let (one, other) =
                (_mm512_clmulepi64_epi128::<0x01>(a, b), _mm512_clmulepi64_epi128::<0x10>(a, b));
            sum.mid = _mm512_ternarylogic_epi64::<XOR3>(sum.mid, one, other);
            sum.high = _mm512_xor_si512(sum.high, _mm512_clmulepi64_epi128::<0x11>(a, b));
        }
    }

    #[inline(always)]
    fn halves(self, a: __m512i) -> __m512i {
        // SAFETY: the token is proof of the instructions.
        unsafe { _mm512_xor_si512(a, _mm512_shuffle_epi32::<0b01_00_11_10>(a)) }
    }

    #[inline(always)]
    fn accumulate_with(self, sum: &mut Parts<__m512i>, a: __m512i, b: __m512i, halves: __m512i) {
        // SAFETY: the token is proof of the instructions.
        unsafe {
            sum.low = _mm512_xor_si512(sum.low, _mm512_clmulepi64_epi128::<0x00>(a, b));
            sum.mid = _mm512_xor_si512(sum.mid, _mm512_clmulepi64_epi128::<0x00>(self.halves(a), halves));
            sum.high = _mm512_xor_si512(sum.high, _mm512_clmulepi64_epi128::<0x11>(a, b));
        }
    }

    #[inline(always)]
    fn settle(self, sum: Parts<__m512i>) -> Parts<__m512i> {
        Parts { mid: self.add(sum.mid, self.add(sum.low, sum.high)), ..sum }
    }

    #[inline(always)]
    fn reduce(self, sum: Parts<__m512i>) -> __m512i {
        let tail = self.splat(Gf128(TAIL));
        // SAFETY: the token is proof of the instructions.
        unsafe {
            let low = _mm512_xor_si512(sum.low, _mm512_bslli_epi128::<8>(sum.mid));
            let high = _mm512_xor_si512(sum.high, _mm512_bsrli_epi128::<8>(sum.mid));
            // As for one lane.
            let upper = _mm512_clmulepi64_epi128::<0x01>(high, tail);
            let low = _mm512_xor_si512(low, _mm512_bslli_epi128::<8>(upper));
            let high = _mm512_xor_si512(high, _mm512_bsrli_epi128::<8>(upper));
            _mm512_xor_si512(low, _mm512_clmulepi64_epi128::<0x00>(high, tail))
        }
    }
}
