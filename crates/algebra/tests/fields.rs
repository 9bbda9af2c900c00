//! The laws every field obeys, and each field against an independent model.
#![allow(missing_docs, reason = "tests document themselves by their names")]

use algebra::toy::{F127, Gf256};
use algebra::{DecodeError, Field, Fp, Gf128, Prg, decode, encode};
use proptest::prelude::*;

const P: u128 = Fp::MODULUS;

fn elements<F: Field>(seed: u64, n: usize) -> Vec<F> {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    Prg::new(&key).elements(n)
}

fn laws<F: Field>(seed: u64) {
    let e: Vec<F> = elements(seed, 3);
    let (a, b, c) = (e[0], e[1], e[2]);
    assert_eq!((a + b) + c, a + (b + c));
    assert_eq!(a + b, b + a);
    assert_eq!((a * b) * c, a * (b * c));
    assert_eq!(a * b, b * a);
    assert_eq!(a * (b + c), a * b + a * c);
    assert_eq!(a - b, a + (-b));
    assert_eq!(a + F::ZERO, a);
    assert_eq!(a * F::ONE, a);
    assert_eq!(a + (-a), F::ZERO);
    assert_eq!(F::ZERO.inverse(), F::ZERO);
    if a != F::ZERO {
        assert_eq!(a * a.inverse(), F::ONE);
    }
    assert_eq!(a.pow(5), a * a * a * a * a);
    assert_eq!(decode::<F>(&encode(&e), 3), Ok(e));
}

fn bulk<F: Field>(seed: u64, n: usize, m: usize) {
    let (u, v) = (elements::<F>(seed, n), elements::<F>(seed + 1, m));
    let naive: F = u.iter().zip(&v).map(|(&a, &b)| a * b).sum();
    assert_eq!(F::inner_product(&u, &v), naive);
    let r: F = elements(seed + 2, 1)[0];
    let value = |i: usize| v.get(i).copied().unwrap_or(F::ZERO);
    let (mut added, mut scaled) = (u.clone(), u.clone());
    F::add_multiple(&mut added, r, &v);
    F::scale_and_add(&mut scaled, r, &v);
    for (i, &sum) in u.iter().enumerate() {
        assert_eq!(added[i], sum + r * value(i));
        assert_eq!(scaled[i], sum * r + value(i));
    }
}

proptest! {
    #[test]
    fn every_field_obeys_the_laws(seed: u64) {
        laws::<Fp>(seed);
        laws::<Gf128>(seed);
        laws::<Gf256>(seed);
        laws::<F127>(seed);
    }

    #[test]
    fn bulk_operations_agree_with_single_ones(seed in 0..u64::MAX - 2, n in 0usize..70, m in 0usize..70) {
        bulk::<Fp>(seed, n, m);
        bulk::<Gf128>(seed, n, m);
        bulk::<Gf256>(seed, n, m);
        bulk::<F127>(seed, n, m);
    }

    #[test]
    fn fp_multiplication_agrees_with_double_and_add(a in 0..P, b in 0..P) {
        let mut sum = 0u128;
        for i in (0..127).rev() {
            sum = sum * 2 % P;
            if b >> i & 1 == 1 {
                sum = (sum + a) % P;
            }
        }
        prop_assert_eq!((Fp::new(a) * Fp::new(b)).value(), sum);
        prop_assert_eq!((Fp::new(a) + Fp::new(b)).value(), (a + b) % P);
    }

    #[test]
    fn gf128_multiplication_agrees_with_shift_and_reduce(a: u128, b: u128) {
        let (mut power, mut sum) = (a, 0);
        for i in 0..128 {
            if b >> i & 1 == 1 {
                sum ^= power;
            }
            power = (power << 1) ^ ((power >> 127) * 0x87);
        }
        prop_assert_eq!((Gf128::new(a) * Gf128::new(b)).value(), sum);
    }

    #[test]
    fn signed_numbers_survive_the_field(a in -(1i128 << 125)..1i128 << 125) {
        prop_assert_eq!(Fp::from_i128(a).signed_value(), a);
        prop_assert_eq!(Fp::from_i128(a) + Fp::from_i128(-a), Fp::ZERO);
    }
}

#[test]
fn fp_handles_its_edges() {
    let edges = [0, 1, 2, (1 << 64) - 1, 1 << 64, P / 2, P / 2 + 1, P - 2, P - 1];
    for a in edges {
        assert_eq!(-(-Fp::new(a)), Fp::new(a));
        assert_eq!(Fp::new(a) - Fp::new(a), Fp::ZERO);
        assert_eq!(Fp::new(P - 1) * Fp::new(a), -Fp::new(a), "p - 1 is -1");
        for b in edges {
            assert_eq!((Fp::new(a) + Fp::new(b)).value(), (a + b) % P);
            assert_eq!((Fp::new(a) - Fp::new(b)).value(), (a + P - b) % P);
        }
    }
    assert_eq!(Fp::new(P), Fp::ZERO);
    assert_eq!(Fp::new(u128::MAX), Fp::ONE);
    assert_eq!(Fp::from_i128(i128::MIN), -Fp::ONE);
    assert_eq!(Fp::from_block(P), Fp::ZERO, "127 ones draw zero");
    assert_eq!(Fp::from_block(u128::MAX), Fp::ZERO);
    let largest = vec![Fp::new(P - 1); 1000];
    assert_eq!(Fp::inner_product(&largest, &largest), Fp::from(1000));
    assert_eq!(Fp::new(P - 1).mul_add(Fp::new(P - 1), Fp::new(P - 1)), Fp::ZERO);
}

#[test]
fn decoding_refuses_what_is_not_canonical() {
    let mut bytes = encode(&[Fp::ONE, Fp::ZERO]);
    bytes[16..].copy_from_slice(&P.to_le_bytes());
    assert_eq!(decode::<Fp>(&bytes, 2), Err(DecodeError::NotCanonical { index: 1 }));
    bytes[16..].copy_from_slice(&u128::MAX.to_le_bytes());
    assert_eq!(decode::<Fp>(&bytes, 2), Err(DecodeError::NotCanonical { index: 1 }));
    bytes[16..].copy_from_slice(&(P - 1).to_le_bytes());
    assert_eq!(decode::<Fp>(&bytes, 2), Ok(vec![Fp::ONE, -Fp::ONE]));
    assert_eq!(decode::<Fp>(&bytes[1..], 2), Err(DecodeError::Length { expected: 32, got: 31 }));
    assert_eq!(decode::<F127>(&[127], 1), Err(DecodeError::NotCanonical { index: 0 }));
    assert_eq!(decode::<Fp>(&[], 0), Ok(vec![]));
}

#[test]
fn gf128_has_the_written_modulus() {
    let x127 = Gf128::new(1 << 127);
    assert_eq!(x127 * Gf128::new(2), Gf128::new(0x87));
    assert_eq!(Gf128::new(2).pow(128), Gf128::new(0x87));
}

#[test]
fn toy_fields_are_fields() {
    for x in 1..=255 {
        assert_eq!(Gf256(x) * Gf256(x).inverse(), Gf256::ONE);
    }
    for x in 1..127 {
        assert_eq!(F127::new(x) * F127::new(x).inverse(), F127::ONE);
    }
}
