use algebra::{Fp, Prg};
use rep3::convert::truncate;
use rep3::deal_field;
use rep3::scalar::{Float, FloatShare, divide, exp2, from_field, log2, multiply, rsqrt, sqrt};
use rep3::{Abort, Session};

use crate::{mine, run};

/// Numbers on both sides of every edge of a table of `2^index` segments, and of every power of two.
fn edges(index: u32) -> Vec<i128> {
    let mut numbers = Vec::new();
    for segment in 0..1i128 << index {
        let edge = (1 << 45) + (segment << (45 - index));
        numbers.extend([edge, edge + 1, edge - 1, 2 * edge, 2 * edge + 1]);
    }
    for power in 1..126 {
        numbers.extend([1 << power, (1 << power) - 1, (1 << power) + 1]);
    }
    numbers.push(Fp::MODULUS as i128 / 2);
    numbers
}

fn signed(numbers: &[i128], prg: &mut Prg) -> Vec<i128> {
    let signs = prg.bits(numbers.len());
    numbers.iter().zip(signs.iter()).map(|(&x, sign)| if sign { -x } else { x }).collect()
}

fn evaluate(
    operands: [&[i128]; 2],
    operation: impl Fn(&FloatShare, &FloatShare, &mut Session) -> Result<FloatShare, Abort> + Sync,
) -> Vec<Float> {
    let mut prg = Prg::new(&[1; 16]);
    let shares = operands.map(|x| {
        let elements: Vec<Fp> = x.iter().map(|&x| Fp::from_i128(x)).collect();
        deal_field(&elements, &mut prg)
    });
    run(|session| {
        let x = from_field(&mine(&shares[0], session), session)?;
        let y = from_field(&mine(&shares[1], session), session)?;
        operation(&x, &y, session)
    })
}

/// Asserts that the relative error is below 2^-bound everywhere.
#[track_caller]
fn close(results: &[Float], bound: f64, exact: impl Fn(usize) -> f64) {
    let mut worst = 0f64;
    for (i, result) in results.iter().enumerate() {
        assert!(!result.invalid, "row {i}");
        let exact = exact(i);
        if exact == 0.0 {
            assert_eq!(result.mantissa, 0, "row {i}");
        } else {
            assert_eq!(result.mantissa >> (result.width - 1), 1, "row {i} is not normalised");
            worst = worst.max((result.to_f64() / exact - 1.0).abs());
        }
    }
    assert!(worst < 2f64.powf(-bound), "the greatest relative error is 2^{:.2}", worst.log2());
}

#[test]
fn field_elements_keep_60_bits() {
    let mut prg = Prg::new(&[2; 16]);
    let mut numbers = signed(&edges(3), &mut prg);
    numbers.push(0);
    let results = evaluate([&numbers, &numbers], |x, _, session| Ok(x.neg(session)));
    for (&x, result) in numbers.iter().zip(&results) {
        let (magnitude, length) = (x.unsigned_abs(), 128 - x.unsigned_abs().leading_zeros());
        let kept = if length > 60 { magnitude >> (length - 60) } else { magnitude << (60 - length).min(60) };
        assert_eq!(u128::from(result.mantissa), kept, "{x}");
        assert_eq!((result.exponent, result.negative), (length.saturating_sub(1) as i32, x > 0), "{x}");
    }
}

#[test]
fn quotients_are_within_their_bound_at_every_table_edge() {
    let mut prg = Prg::new(&[3; 16]);
    let divisors = signed(&edges(9), &mut prg);
    let draws: Vec<Fp> = prg.elements(divisors.len());
    let mut dividends: Vec<i128> =
        draws.iter().enumerate().map(|(i, x)| x.signed_value() >> (i % 120)).collect();
    dividends[7] = 0;
    let results = evaluate([&dividends, &divisors], divide);
    close(&results, 37.4, |i| dividends[i] as f64 / divisors[i] as f64);
}

#[test]
fn a_zero_divisor_is_flagged_and_shows_nothing_of_the_dividend() {
    let results = evaluate([&[5, 0, -7, 0], &[0, 0, 7, 1]], divide);
    let blank = Float { negative: false, mantissa: 0, width: 40, exponent: 0, invalid: true };
    assert_eq!(results[..2], [blank; 2]);
    assert!((results[2].to_f64() + 1.0).abs() < 1e-11, "{:?}", results[2]);
    assert_eq!(results[3], Float { invalid: false, ..blank });
}

#[test]
fn products_are_within_their_bound() {
    let mut prg = Prg::new(&[4; 16]);
    let x = signed(&edges(5), &mut prg);
    let draws: Vec<Fp> = prg.elements(x.len());
    let y: Vec<i128> = draws.iter().enumerate().map(|(i, x)| x.signed_value() >> (i % 126)).collect();
    let results = evaluate([&x, &y], multiply);
    close(&results, 38.0, |i| x[i] as f64 * y[i] as f64);
}

#[test]
fn roots_are_within_their_bound_at_every_table_edge() {
    let x = edges(9);
    let roots = evaluate([&x, &[0]], |x, _, session| sqrt(x, session));
    close(&roots, 38.0, |i| (x[i] as f64).sqrt());
    let reciprocals = evaluate([&x, &[0]], |x, _, session| rsqrt(x, session));
    close(&reciprocals, 38.0, |i| 1.0 / (x[i] as f64).sqrt());
}

#[test]
fn roots_of_negative_numbers_are_flagged() {
    let roots = evaluate([&[-4, 0, 4], &[0]], |x, _, session| sqrt(x, session));
    assert_eq!(roots.iter().map(|x| x.invalid).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!((roots[0].mantissa, roots[1].mantissa), (0, 0));
    let reciprocals = evaluate([&[-4, 0, 4], &[0]], |x, _, session| rsqrt(x, session));
    assert_eq!(reciprocals.iter().map(|x| x.invalid).collect::<Vec<_>>(), [true, true, false]);
}

/// A correlation coefficient: operations on results of operations.
#[test]
fn operations_chain() {
    let results = evaluate([&[123_456_789, -5], &[987_654_321, 7]], |x, y, session| {
        let scaled = multiply(x, &rsqrt(y, session)?, session)?;
        divide(&scaled, &sqrt(y, session)?, session)
    });
    let exact = [123_456_789.0 / 987_654_321.0, -5.0 / 7.0];
    close(&results, 35.0, |i| exact[i]);
}

#[test]
fn logarithms_are_within_their_bound_at_every_table_edge() {
    let x = edges(10);
    let elements: Vec<Fp> = x.iter().map(|&x| Fp::from_i128(x)).collect();
    let shares = deal_field(&elements, &mut Prg::new(&[5; 16]));
    let (values, invalid) = run(|session| {
        let float = from_field(&mine(&shares, session), session)?;
        let log = log2(&float, session)?;
        Ok((log.value, log.invalid))
    });
    assert_eq!(invalid.count_ones(), 0);
    let error =
        |(value, &x): (&Fp, &i128)| (value.signed_value() as f64 / 2f64.powi(40) - (x as f64).log2()).abs();
    let worst = values.iter().zip(&x).map(error).fold(0.0, f64::max);
    assert!(worst < 2f64.powf(-35.8), "the greatest absolute error is 2^{:.2}", worst.log2());
}

#[test]
fn powers_are_within_their_bound_at_every_table_edge() {
    let mut exponents = Vec::new();
    for segment in 0..1i128 << 9 {
        let edge = segment << 31;
        exponents.extend([edge, edge + 1, edge - 1, edge - (300 << 40), edge + (300 << 40)]);
    }
    let elements: Vec<Fp> = exponents.iter().map(|&x| Fp::from_i128(x)).collect();
    let shares = deal_field(&elements, &mut Prg::new(&[6; 16]));
    let results = run(|session| {
        let value = mine(&shares, session);
        let invalid = rep3::BitShare::zeros(value.len());
        exp2(&rep3::scalar::LogShare { value, invalid }, session)
    });
    close(&results, 34.5, |i| (exponents[i] as f64 / 2f64.powi(40)).exp2());
    assert_eq!((results[0].mantissa, results[0].exponent), (1 << 39, 0), "2 to the 0 is exactly 1");
}

/// At both ends of the range of exponents, which no platform's number reaches.
#[test]
fn powers_are_right_at_the_ends_of_their_range() {
    let exponents: [i128; 6] = [-2047, -2046, -1, 1, 2045, 2046];
    let elements: Vec<Fp> = exponents.iter().map(|&x| Fp::from_i128(x << 40)).collect();
    let shares = deal_field(&elements, &mut Prg::new(&[9; 16]));
    let results = run(|session| {
        let value = mine(&shares, session);
        let invalid = rep3::BitShare::zeros(value.len());
        exp2(&rep3::scalar::LogShare { value, invalid }, session)
    });
    for (result, exponent) in results.iter().zip(exponents) {
        let exact = Float {
            negative: false,
            mantissa: 1 << 39,
            width: 40,
            exponent: exponent as i32,
            invalid: false,
        };
        assert_eq!(*result, exact);
    }
}

#[test]
fn logarithms_of_nothing_are_flagged_and_stay_so() {
    let results = evaluate([&[-4, 0, 1, 8], &[0]], |x, _, session| {
        let log = log2(x, session)?;
        exp2(&log, session)
    });
    assert_eq!(results.iter().map(|x| x.invalid).collect::<Vec<_>>(), [true, true, false, false]);
    close(&results[2..], 34.4, |i| [1.0, 8.0][i]);
}

/// The rounds that docs/src/arithmetic.md states.
#[test]
fn rounds_are_what_the_page_says() {
    let shares = deal_field(&[Fp::new(5), Fp::new(7)], &mut Prg::new(&[7; 16]));
    let results = net::world::World::new(1).run(|session| {
        let mut rounds = Vec::new();
        let mut last = session.traffic().rounds;
        let mut lap = |session: &Session| {
            rounds.push(session.traffic().rounds - last);
            last = session.traffic().rounds;
        };
        let x = from_field(&mine(&shares, session), session)?;
        lap(session);
        divide(&x, &x, session)?;
        lap(session);
        multiply(&x, &x, session)?;
        lap(session);
        rsqrt(&x, session)?;
        lap(session);
        sqrt(&x, session)?;
        lap(session);
        let log = log2(&x, session)?;
        lap(session);
        exp2(&log, session)?;
        lap(session);
        truncate(&log.value, 3, 60, true, session)?;
        lap(session);
        Ok(rounds)
    });
    for rounds in results {
        assert_eq!(rounds, Ok(vec![18, 42, 23, 43, 56, 22, 36, 12]));
    }
}
