//! Arithmetic modulo p by AVX-512 IFMA, eight elements at a time.
//!
//! An element is three limbs of 52 bits, `l0 + 2^52 l1 + 2^104 l2`, whose products the instructions add up by
//! half: VPMADD52LUQ the low 52 bits, VPMADD52HUQ the bits above. Limbs of a vector are below 2^52, 2^52 and
//! 2^24, so that the number is below 2^128 and need not be the canonical representative.
//!
//! A token of type [`Ifma`] exists only after detection, which is what every `unsafe` block here rests on. All
//! functions are inlined into [`Ifma::run`], which is compiled for the instructions; closures would not be, and each
//! instruction in them would become a call.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_loadu_si512, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_mask_storeu_epi64, _mm512_maskz_loadu_epi64, _mm512_or_si512,
    _mm512_permutex2var_epi64, _mm512_set1_epi64, _mm512_setr_epi64, _mm512_setzero_si512, _mm512_slli_epi64,
    _mm512_srli_epi64, _mm512_storeu_si512, _mm512_sub_epi64,
};

use super::Fp;
use super::lanes::{Kernel, Lanes};

/// Bits of the two lower limbs.
const LIMB: u32 = 52;

/// Bits of the highest limb of a number below 2^127.
const HIGHEST: u32 = 127 - 2 * LIMB;

/// 2^156, the weight of the fourth limb of a product, is 2^29 modulo p.
const WRAP: u32 = 3 * LIMB - 127;

/// Proof that the processor has AVX-512 with IFMA.
#[derive(Clone, Copy)]
pub(super) struct Ifma(());

impl Ifma {
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("bmi2"))
        .then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512ifma,avx512f,avx512vl,bmi2")]
        fn compiled<K: Kernel>(token: Ifma, kernel: K) -> K::Output {
            kernel.run(token)
        }
        // SAFETY: the token is proof of the instructions.
        unsafe { compiled(self, kernel) }
    }
}

#[inline(always)]
fn splat(word: u64) -> __m512i {
    // SAFETY: inlined only where the instructions are there.
    unsafe { _mm512_set1_epi64(word as i64) }
}

/// The low `BITS` bits of each lane.
#[inline(always)]
fn low<const BITS: u32>(a: __m512i) -> __m512i {
    // SAFETY: inlined only where the instructions are there.
    unsafe { _mm512_and_si512(a, splat((1 << BITS) - 1)) }
}

#[inline(always)]
fn right<const BITS: u32>(a: __m512i) -> __m512i {
    // SAFETY: inlined only where the instructions are there.
    unsafe { _mm512_srli_epi64::<BITS>(a) }
}

#[inline(always)]
fn left<const BITS: u32>(a: __m512i) -> __m512i {
    // SAFETY: inlined only where the instructions are there.
    unsafe { _mm512_slli_epi64::<BITS>(a) }
}

#[inline(always)]
fn plus(a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: inlined only where the instructions are there.
    unsafe { _mm512_add_epi64(a, b) }
}

#[inline(always)]
fn minus(a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: inlined only where the instructions are there.
    unsafe { _mm512_sub_epi64(a, b) }
}

#[inline(always)]
fn or(a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: inlined only where the instructions are there.
    unsafe { _mm512_or_si512(a, b) }
}

/// Words of the places of `indices`, of which those from 8 on are in `b`.
#[inline(always)]
fn pick(a: __m512i, b: __m512i, indices: [i64; 8]) -> __m512i {
    let [i0, i1, i2, i3, i4, i5, i6, i7] = indices;
    // SAFETY: inlined only where the instructions are there.
    unsafe { _mm512_permutex2var_epi64(a, _mm512_setr_epi64(i0, i1, i2, i3, i4, i5, i6, i7), b) }
}

/// The same number, or less by multiples of p, in limbs as a vector has them. None may be near 2^64.
#[inline(always)]
fn tidy([l0, l1, l2]: [__m512i; 3]) -> [__m512i; 3] {
    let l0 = plus(l0, right::<HIGHEST>(l2));
    let l1 = plus(l1, right::<LIMB>(l0));
    let l2 = plus(low::<HIGHEST>(l2), right::<LIMB>(l1));
    [low::<LIMB>(l0), low::<LIMB>(l1), l2]
}

/// The canonical representatives, in limbs.
#[inline(always)]
fn canonical([l0, l1, l2]: [__m512i; 3]) -> [__m512i; 3] {
    // The number is below 2p. It is at least p if one more reaches 2^127, and then that one, without the 2^127, is
    // the residue.
    let carry = right::<LIMB>(plus(l0, splat(1)));
    let carry = right::<LIMB>(plus(l1, carry));
    let over = right::<HIGHEST>(plus(l2, carry));
    let l0 = plus(l0, over);
    let l1 = plus(l1, right::<LIMB>(l0));
    let l2 = plus(l2, right::<LIMB>(l1));
    [low::<LIMB>(l0), low::<LIMB>(l1), low::<HIGHEST>(l2)]
}

/// The words of memory that the first `elements` elements take, in two registers.
#[inline(always)]
fn masks(elements: usize) -> [u8; 2] {
    let words = (1u32 << (2 * elements.min(8))) - 1;
    [words as u8, (words >> 8) as u8]
}

impl Lanes for Ifma {
    const LANES: usize = 8;
    type Vector = [__m512i; 3];
    type Sum = [__m512i; 5];

    #[inline(always)]
    fn splat(self, element: Fp) -> Self::Vector {
        let (middle, upper) = ((element.0 >> LIMB) as u64, (element.0 >> (2 * LIMB)) as u64);
        [low::<LIMB>(splat(element.0 as u64)), low::<LIMB>(splat(middle)), splat(upper)]
    }

    #[inline(always)]
    fn load(self, elements: &[Fp]) -> Self::Vector {
        let place = elements.as_ptr();
        let [first, second] = if elements.len() >= 8 {
            // SAFETY: 128 bytes are read from eight values of 16 bytes; the token is proof of the instructions.
            unsafe { [_mm512_loadu_si512(place.cast()), _mm512_loadu_si512(place.add(4).cast())] }
        } else {
            let [first, second] = masks(elements.len());
            // SAFETY: the masks let only the slice's own words be read; the token is proof of the instructions.
            unsafe {
                [
                    _mm512_maskz_loadu_epi64(first, place.cast()),
                    _mm512_maskz_loadu_epi64(second, place.wrapping_add(4).cast()),
                ]
            }
        };
        let lower = pick(first, second, [0, 2, 4, 6, 8, 10, 12, 14]);
        let upper = pick(first, second, [1, 3, 5, 7, 9, 11, 13, 15]);
        let middle = or(right::<LIMB>(lower), left::<12>(upper));
        [low::<LIMB>(lower), low::<LIMB>(middle), right::<40>(upper)]
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, elements: &mut [Fp]) {
        let [l0, l1, l2] = canonical(vector);
        let lower = or(l0, left::<LIMB>(l1));
        let upper = or(right::<12>(l1), left::<40>(l2));
        let first = pick(lower, upper, [0, 8, 1, 9, 2, 10, 3, 11]);
        let second = pick(lower, upper, [4, 12, 5, 13, 6, 14, 7, 15]);
        let place = elements.as_mut_ptr();
        if elements.len() >= 8 {
            // SAFETY: 128 bytes are written to eight values of 16 bytes, canonical ones; the token is proof of the
            // instructions.
            unsafe {
                _mm512_storeu_si512(place.cast(), first);
                _mm512_storeu_si512(place.add(4).cast(), second);
            }
        } else {
            let masks = masks(elements.len());
            // SAFETY: the masks let only the slice's own words be written; the token is proof of the instructions.
            unsafe {
                _mm512_mask_storeu_epi64(place.cast(), masks[0], first);
                _mm512_mask_storeu_epi64(place.wrapping_add(4).cast(), masks[1], second);
            }
        }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        tidy([plus(a[0], b[0]), plus(a[1], b[1]), plus(a[2], b[2])])
    }

    #[inline(always)]
    fn negate(self, a: Self::Vector) -> Self::Vector {
        // 8p, in limbs that are larger than any of a vector.
        let l0 = minus(splat((1 << 53) - 8), a[0]);
        let l1 = minus(splat((1 << 53) - 2), a[1]);
        tidy([l0, l1, minus(splat((1 << 26) - 2), a[2])])
    }

    #[inline(always)]
    fn sum(self) -> Self::Sum {
        // SAFETY: the token is proof of the instructions.
        [unsafe { _mm512_setzero_si512() }; 5]
    }

    #[inline(always)]
    fn sum_of(self, vector: Self::Vector) -> Self::Sum {
        let zero = splat(0);
        [vector[0], vector[1], vector[2], zero, zero]
    }

    #[inline(always)]
    fn accumulate(self, sum: &mut Self::Sum, a: Self::Vector, b: Self::Vector) {
        // A product adds less than 2^52 to a limb at most five times: 512 of them stay below 2^62. The two highest
        // limbs are below 2^24, so that their product has no upper half.
        // SAFETY: the token is proof of the instructions.
        unsafe {
            sum[0] = _mm512_madd52lo_epu64(sum[0], a[0], b[0]);
            sum[1] = _mm512_madd52lo_epu64(sum[1], a[0], b[1]);
            sum[2] = _mm512_madd52lo_epu64(sum[2], a[0], b[2]);
            sum[3] = _mm512_madd52lo_epu64(sum[3], a[1], b[2]);
            sum[4] = _mm512_madd52lo_epu64(sum[4], a[2], b[2]);
            sum[1] = _mm512_madd52hi_epu64(sum[1], a[0], b[0]);
            sum[2] = _mm512_madd52hi_epu64(sum[2], a[0], b[1]);
            sum[3] = _mm512_madd52hi_epu64(sum[3], a[0], b[2]);
            sum[4] = _mm512_madd52hi_epu64(sum[4], a[1], b[2]);
            sum[1] = _mm512_madd52lo_epu64(sum[1], a[1], b[0]);
            sum[2] = _mm512_madd52lo_epu64(sum[2], a[1], b[1]);
            sum[3] = _mm512_madd52lo_epu64(sum[3], a[2], b[1]);
            sum[4] = _mm512_madd52hi_epu64(sum[4], a[2], b[1]);
            sum[2] = _mm512_madd52hi_epu64(sum[2], a[1], b[0]);
            sum[3] = _mm512_madd52hi_epu64(sum[3], a[1], b[1]);
            sum[2] = _mm512_madd52lo_epu64(sum[2], a[2], b[0]);
            sum[3] = _mm512_madd52hi_epu64(sum[3], a[2], b[0]);
        }
    }

    #[inline(always)]
    fn reduce(self, [l0, l1, l2, l3, l4]: Self::Sum) -> Self::Vector {
        // 2^156 l3 is 2^29 l3, whose upper part belongs to the second limb; and 2^208 l4 likewise, a limb higher.
        let l0 = plus(l0, low::<LIMB>(left::<WRAP>(l3)));
        let l1 = plus(l1, plus(right::<HIGHEST>(l3), low::<LIMB>(left::<WRAP>(l4))));
        let l2 = plus(l2, right::<HIGHEST>(l4));
        tidy([l0, l1, l2])
    }
}
