//! Packed columns against vectors of booleans.
#![allow(missing_docs, reason = "tests document themselves by their names")]

use algebra::{Bits, DecodeError, columns_to_rows, rows_to_columns, transpose64};
use proptest::collection::vec;
use proptest::prelude::*;

fn plain(bits: &Bits) -> Vec<bool> {
    bits.iter().collect()
}

fn packed(bits: &[bool]) -> Bits {
    Bits::from_fn(bits.len(), |i| bits[i])
}

/// Equality is by words, so that a stray padding bit would show.
fn assert_same(bits: &Bits, expected: &[bool]) {
    assert_eq!(plain(bits), expected);
    assert!(bits == &packed(expected), "padding is clear");
}

proptest! {
    #[test]
    fn operations_agree_with_vectors(pairs in vec(any::<(bool, bool)>(), 0..200)) {
        let (a, b): (Vec<bool>, Vec<bool>) = pairs.iter().copied().unzip();
        let (x, y) = (packed(&a), packed(&b));
        assert_same(&(&x ^ &y), &pairs.iter().map(|(a, b)| a ^ b).collect::<Vec<_>>());
        assert_same(&(&x & &y), &pairs.iter().map(|(a, b)| a & b).collect::<Vec<_>>());
        assert_same(&!&x, &a.iter().map(|a| !a).collect::<Vec<_>>());
        let mut z = x.clone();
        z ^= &y;
        assert_same(&z, &plain(&(&x ^ &y)));
        let mut z = x.clone();
        z &= &y;
        assert_same(&z, &plain(&(&x & &y)));
        prop_assert_eq!(x.count_ones(), a.iter().filter(|&&bit| bit).count());
        prop_assert_eq!(&a.iter().copied().collect::<Bits>(), &x);
        prop_assert_eq!(x == y, a == b);
    }

    #[test]
    fn slices_and_concatenations_agree_with_vectors(a in vec(any::<bool>(), 0..300), cut in 0usize..300, to in 0usize..300) {
        let x = packed(&a);
        let (from, to) = (cut.min(to).min(a.len()), cut.max(to).min(a.len()));
        assert_same(&x.slice(from..to), &a[from..to]);
        let parts = [x.slice(0..from), x.slice(from..to), x.slice(to..a.len())];
        assert_same(&Bits::concat(&parts), &a);
        let mut resized = x.clone();
        resized.resize(cut);
        let mut expected = a.clone();
        expected.resize(cut, false);
        assert_same(&resized, &expected);
    }

    #[test]
    fn gathering_agrees_with_indexing(a in vec(any::<bool>(), 1..200), rows in vec(any::<u32>(), 0..200)) {
        let rows: Vec<u32> = rows.iter().map(|row| row % a.len() as u32).collect();
        let expected: Vec<bool> = rows.iter().map(|&row| a[row as usize]).collect();
        assert_same(&packed(&a).gather(&rows), &expected);
    }

    #[test]
    fn bytes_survive_a_round_trip(a in vec(any::<bool>(), 0..200)) {
        let x = packed(&a);
        let bytes = x.to_bytes();
        prop_assert_eq!(bytes.len(), a.len().div_ceil(8));
        prop_assert_eq!(Bits::from_bytes(&bytes, a.len()), Ok(x));
    }

    #[test]
    fn transposition_agrees_with_indexing(rows in 0usize..150, count in 0usize..150, seed: u64) {
        let bit = |i: usize, j: usize| (seed ^ (i * 131 + j) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 1;
        let columns: Vec<Bits> = (0..count).map(|j| Bits::from_fn(rows, |i| bit(i, j))).collect();
        let words = columns_to_rows(&columns.iter().collect::<Vec<_>>());
        let width = count.div_ceil(64);
        for i in 0..if count == 0 { 0 } else { rows } {
            for j in 0..64 * width {
                prop_assert_eq!(words[i * width + j / 64] >> (j % 64) & 1 == 1, j < count && bit(i, j));
            }
        }
        if count > 0 {
            prop_assert_eq!(rows_to_columns(&words, count), columns);
        }
    }
}

#[test]
fn decoding_refuses_padding_and_wrong_lengths() {
    assert_eq!(Bits::from_bytes(&[0b1000], 3), Err(DecodeError::Padding));
    assert_eq!(Bits::from_bytes(&[0, 1], 8), Err(DecodeError::Length { expected: 1, got: 2 }));
    assert_eq!(Bits::from_bytes(&[], 1), Err(DecodeError::Length { expected: 1, got: 0 }));
    assert!(Bits::from_bytes(&[], 0).unwrap().is_empty());
}

#[test]
fn setting_a_bit_changes_only_that_bit() {
    let mut x = Bits::ones(130);
    x.set(64, false);
    assert_eq!(x.count_ones(), 129);
    assert!(!x.get(64));
    x.set(64, true);
    assert_eq!(x, Bits::repeat(true, 130));
    assert_ne!(x, Bits::ones(129), "length counts");
}

#[test]
fn transposing_twice_changes_nothing() {
    let original: [u64; 64] = std::array::from_fn(|i| (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut block = original;
    transpose64(&mut block);
    assert_ne!(block, original);
    transpose64(&mut block);
    assert_eq!(block, original);
}
