//! Integer circuits against clear arithmetic: exhaustive at small widths, random at large ones.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use circuit::{
    Clear,
    arith::{mersenne, parallel, ripple},
    bits::{from_u64, to_u64},
    compare, logic,
};
use proptest::prelude::*;

/// Runs a circuit in the clear.
fn run<T>(circuit: impl FnOnce(&mut Clear) -> Result<T, std::convert::Infallible>) -> T {
    circuit(&mut Clear::default()).unwrap()
}

/// AND gates and layers of a circuit.
fn cost<T>(circuit: impl FnOnce(&mut Clear) -> Result<T, std::convert::Infallible>) -> (u64, u64) {
    let mut clear = Clear::default();
    circuit(&mut clear).unwrap();
    (clear.ands, clear.layers)
}

fn low(value: u64, width: usize) -> u64 {
    if width == 64 { value } else { value & ((1 << width) - 1) }
}

fn check_pair(a: u64, b: u64, width: usize) {
    let (x, y) = (from_u64(a, width), from_u64(b, width));
    let context = format!("a = {a}, b = {b}, width = {width}");
    let wide = |value: &[bool]| u128::from(to_u64(&value[..width])) | u128::from(value[width]) << width;
    let sum = u128::from(a) + u128::from(b);

    assert_eq!(to_u64(&run(|c| ripple::add(&x, &y, c))), low(sum as u64, width), "{context}");
    assert_eq!(to_u64(&run(|c| ripple::add_constant(&x, &y, c))), low(sum as u64, width), "{context}");
    assert_eq!(to_u64(&run(|c| parallel::add(&x, &y, c))), low(sum as u64, width), "{context}");
    assert_eq!(wide(&run(|c| ripple::add_wide(&x, &y, c))), sum, "{context}");
    assert_eq!(wide(&run(|c| parallel::add_wide(&x, &y, c))), sum, "{context}");
    for difference in [run(|c| ripple::subtract(&x, &y, c)), run(|c| parallel::subtract(&x, &y, c))] {
        assert_eq!(to_u64(&difference[..width]), low(a.wrapping_sub(b), width), "{context}");
        assert_eq!(difference[width], a >= b, "{context}");
    }

    assert_eq!(run(|c| compare::less_than(&x, &y, c)), a < b, "{context}");
    for length in [0, 1, 3, 4, 64] {
        assert_eq!(run(|c| compare::less_than_by(length, &x, &y, c)), a < b, "runs of {length}, {context}");
    }
    assert_eq!(
        run(|c| compare::less_than_constants(&x, &[y.clone(), x.clone()], c)),
        [a < b, false],
        "{context}"
    );
    assert_eq!(run(|c| compare::equal(&x, &y, c)), a == b, "{context}");
    assert_eq!(
        run(|c| compare::equal_constants(&x, &[y.clone(), x.clone()], c)),
        [a == b, true],
        "{context}"
    );
    assert_eq!(to_u64(&run(|c| compare::min(&x, &y, c))), a.min(b), "{context}");
    assert_eq!(to_u64(&run(|c| compare::max(&x, &y, c))), a.max(b), "{context}");
    let signed = |value: u64| (value << (64 - width)) as i64;
    let (sx, sy) = run(|c| Ok((compare::flip_sign(&x, c), compare::flip_sign(&y, c))));
    assert_eq!(run(|c| compare::less_than(&sx, &sy, c)), signed(a) < signed(b), "{context}");
}

#[test]
fn pairs_exhaustively() {
    for width in 1..=6 {
        for a in 0..1 << width {
            for b in 0..1 << width {
                check_pair(a, b, width);
            }
        }
    }
}

#[test]
fn nothing_at_all() {
    assert!(run(|c| ripple::add(&[], &[], c)).is_empty());
    assert!(run(|c| parallel::add(&[], &[], c)).is_empty());
    assert!(!run(|c| compare::less_than(&[], &[], c)));
    assert!(run(|c| compare::equal(&[], &[], c)));
    assert_eq!(run(|c| logic::one_hot(&[], c)), [true]);
    assert!(run(|c| logic::highest_one(&[], c)).is_empty());
    assert_eq!(run(|c| logic::all(vec![vec![], vec![false]], c)), [true, false]);
    assert_eq!(run(|c| logic::any(vec![vec![], vec![true]], c)), [false, true]);
    assert!(run(|c| parallel::sum(vec![], c)).is_empty());
}

#[test]
fn single_operands_exhaustively() {
    for width in 1..=7 {
        for a in 0..1u64 << width {
            let x = from_u64(a, width);
            let ands: Vec<bool> = (0..width).map(|i| x[..=i].iter().all(|&bit| bit)).collect();
            let ors: Vec<bool> = (0..width).map(|i| x[..=i].iter().any(|&bit| bit)).collect();
            assert_eq!(run(|c| logic::prefix_and(&x, c)), ands, "a = {a}, width = {width}");
            assert_eq!(run(|c| logic::prefix_or(&x, c)), ors, "a = {a}, width = {width}");
            let highest = if a == 0 { 0 } else { 1 << a.ilog2() };
            assert_eq!(to_u64(&run(|c| logic::highest_one(&x, c))), highest, "a = {a}, width = {width}");
            let decoded = run(|c| logic::one_hot(&x, c));
            assert_eq!(decoded.len(), 1 << width);
            for (index, bit) in decoded.into_iter().enumerate() {
                assert_eq!(bit, index as u64 == a, "a = {a}, width = {width}, output {index}");
            }
            for sign in [false, true] {
                let expected = if sign { a.wrapping_neg() } else { a };
                let negated = run(|c| parallel::negate_if(&sign, &x, c));
                assert_eq!(to_u64(&negated), low(expected, width), "a = {a}, width = {width}");
            }
        }
    }
}

#[test]
fn mux_and_mask_choose() {
    let (a, b) = (from_u64(0b1100, 4), from_u64(0b1010, 4));
    assert_eq!(run(|c| logic::mux(&true, &a, &b, c)), a);
    assert_eq!(run(|c| logic::mux(&false, &a, &b, c)), b);
    assert_eq!(run(|c| logic::mask(&true, &a, c)), a);
    assert_eq!(run(|c| logic::mask(&false, &a, c)), [false; 4]);
}

#[test]
fn mersenne_addition_exhaustively_for_31() {
    let p = 31;
    for a in 0..p {
        for b in 0..p {
            for c in 0..p {
                let [x, y, z] = [a, b, c].map(|value| from_u64(value, 5));
                let sum = run(|clear| mersenne::add3([&x, &y, &z], clear));
                assert_eq!(to_u64(&sum), (a + b + c) % p, "{a} + {b} + {c}");
            }
        }
    }
}

#[test]
fn gate_counts_are_the_documented_ones() {
    let zeros = |width| vec![false; width];
    let less_than = |k| cost(|c| compare::less_than(&zeros(k), &zeros(k), c));
    assert_eq!(less_than(32), (73, 6));
    assert_eq!(less_than(40), (92, 7));
    assert_eq!(less_than(54), (127, 7));
    assert_eq!(less_than(60), (142, 7));
    assert_eq!(less_than(64), (152, 7));
    for (run, width, expected) in
        [(4, 32, (64, 7)), (16, 52, (89, 18)), (26, 52, (78, 27)), (52, 52, (52, 52))]
    {
        assert_eq!(cost(|c| compare::less_than_by(run, &zeros(width), &zeros(width), c)), expected);
    }
    assert_eq!(cost(|c| compare::equal(&zeros(40), &zeros(40), c)), (39, 6));
    let add = |k| cost(|c| parallel::add(&zeros(k), &zeros(k), c));
    assert_eq!(add(40), (201, 7));
    assert_eq!(add(64), (385, 7));
    let operand = zeros(127);
    assert_eq!(cost(|c| mersenne::add3([&operand, &operand, &operand], c)), (1262, 10));
    assert_eq!(cost(|c| ripple::add(&zeros(32), &zeros(32), c)), (31, 31));
    assert_eq!(cost(|c| logic::one_hot(&zeros(9), c)), (528, 4));
    assert_eq!(cost(|c| parallel::negate_if(&false, &zeros(64), c)), (192, 6));
}

proptest! {
    #[test]
    fn pairs(a: u64, b: u64, width in 1usize..=64, near in 0u64..3) {
        let a = low(a, width);
        check_pair(a, low(b, width), width);
        check_pair(a, low(a.wrapping_add(near), width), width);
    }

    #[test]
    fn mersenne_addition(a: [u64; 3], b: [u64; 3], edge in 0usize..4) {
        let p = (1u128 << 127) - 1;
        let mut values: [u128; 3] = std::array::from_fn(|i| (u128::from(a[i]) << 63 ^ u128::from(b[i])) % p);
        match edge {
            // Components that sum to p and to 2p: canonical zero must come out.
            0 => values[2] = (2 * p - values[0] - values[1]) % p,
            1 => values = [p - 1, p - 1, 2],
            2 => values = [0, 0, p - 1],
            _ => {}
        }
        let wires = values.map(|value| {
            let mut wires = from_u64(value as u64, 64);
            wires.extend(from_u64((value >> 64) as u64, 63));
            wires
        });
        let sum = run(|c| mersenne::add3(wires.each_ref().map(Vec::as_slice), c));
        let sum = u128::from(to_u64(&sum[..64])) | u128::from(to_u64(&sum[64..])) << 64;
        prop_assert_eq!(sum, (values[0] + values[1]) % p + values[2] - if (values[0] + values[1]) % p + values[2] >= p { p } else { 0 });
    }

    #[test]
    fn carry_save_keeps_the_sum(a: u64, b: u64, c: u64, width in 1usize..=64) {
        let [x, y, z] = [a, b, c].map(|value| from_u64(value, width));
        let [sum, carry] = run(|clear| parallel::carry_save([&x, &y, &z], clear));
        let expected = a.wrapping_add(b).wrapping_add(c);
        prop_assert_eq!(low(to_u64(&sum).wrapping_add(to_u64(&carry)), width), low(expected, width));
    }

    #[test]
    fn heaps(heap in proptest::collection::vec(proptest::collection::vec(any::<bool>(), 0..9), 0..12)) {
        let expected = heap.iter().enumerate().map(|(k, bits)| bits.iter().filter(|&&bit| bit).count() << k).sum::<usize>();
        let width = heap.len();
        let sum = run(|c| parallel::sum(heap, c));
        prop_assert_eq!(sum.len(), width);
        prop_assert_eq!(to_u64(&sum), low(expected as u64, width));
    }
}
