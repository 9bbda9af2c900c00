use algebra::{Fp, Prg};
use net::world::World;
use rep3::convert::{bits_to_field, bits_to_field_each, field_to_bits, field_to_int, truncate};
use rep3::{BatchLimits, deal_field, open};

use crate::{SIZES, column, mine, run};

fn field(values: &[i128]) -> Vec<Fp> {
    values.iter().map(|&x| Fp::from_i128(x)).collect()
}

#[test]
fn integers_become_field_elements_and_come_back() {
    let mut prg = Prg::new(&[7; 16]);
    // The last two sizes go by masked opening, except at the least widths.
    for rows in SIZES.into_iter().chain([256, 1000]) {
        for (width, signed) in [(1, false), (1, true), (40, false), (64, true), (125, true), (126, false)] {
            let (x, shares) = column(rows, width, signed, &mut prg);
            let (element, back) = run(|session| {
                let element = bits_to_field(&mine(&shares, session), session)?;
                let back = field_to_int(&element, width, signed, session)?;
                Ok((element, back))
            });
            assert_eq!(element, field(&x), "{rows} rows of {width} bits, signed: {signed}");
            assert_eq!(back, x, "{rows} rows of {width} bits, signed: {signed}");
        }
    }
}

#[test]
fn several_columns_are_converted_in_the_rounds_of_one() {
    for (rows, limit) in [(0, 2), (1, 2), (5, 2), (1000, 10)] {
        several_columns(rows, limit);
    }
}

fn several_columns(rows: usize, limit: u64) {
    let mut prg = Prg::new(&[8; 16]);
    let columns = [(3, false), (17, true), (1, true), (18, false)]
        .map(|(width, signed)| column(rows, width, signed, &mut prg));
    let opened = run(|session| {
        let mine: Vec<_> = columns.iter().map(|(_, shares)| mine(shares, session)).collect();
        let before = session.traffic().rounds;
        let elements = bits_to_field_each(&mine.iter().collect::<Vec<_>>(), session)?;
        assert!(session.traffic().rounds - before <= limit);
        Ok(elements)
    });
    for ((x, _), elements) in columns.iter().zip(opened) {
        assert_eq!(elements, field(x));
    }
}

#[test]
fn masked_conversion_takes_eleven_rounds_whatever_the_length() {
    let mut prg = Prg::new(&[13; 16]);
    for rows in [256, 2000] {
        let (_, shares) = column(rows, 40, true, &mut prg);
        let results = World::new(5).run(|session| {
            let before = session.traffic().rounds;
            bits_to_field(&mine(&shares, session), session)?;
            Ok(session.traffic().rounds - before)
        });
        // P_1, who knows both masks, does not wait for the masked opening.
        assert_eq!(results, [11, 10, 11].map(Ok), "{rows} rows");
    }
}

/// Long columns are injected in parts: the batch limit must not be exceeded, nor change the result.
#[test]
fn conversions_work_in_small_batches() {
    let mut prg = Prg::new(&[9; 16]);
    let (x, shares) = column(300, 20, true, &mut prg);
    let (few, few_shares) = column(50, 20, true, &mut prg);
    let world = World::new(2).with_limits(BatchLimits { ands: 1 << 12, terms: 200 });
    let results = world.run(|session| {
        let many = bits_to_field(&mine(&shares, session), session)?;
        let few = bits_to_field(&mine(&few_shares, session), session)?;
        let both = session.verify((many, few))?;
        open(&both, session)
    });
    for result in results {
        assert_eq!(result.expect("honest parties do not abort"), (field(&x), field(&few)));
    }
}

/// Values at both ends, and components that sum to p and to 2p: the result must be canonical.
#[test]
fn bits_of_field_elements_are_canonical() {
    let mut prg = Prg::new(&[10; 16]);
    let p = Fp::MODULUS;
    let mut values: Vec<Fp> = [0, 1, 2, p - 1, p - 2, p / 2, p / 2 + 1, 1 << 126].map(Fp::new).to_vec();
    values.extend(prg.elements::<Fp>(20));
    let mut shares = deal_field(&values, &mut prg);
    // Zero as 0 + 0 + 0, as p with one component zero, and as 2p.
    let components = [[0, 0, 0], [0, 1, p - 1], [p - 1, p - 1, 2], [1, p - 2, 1], [p - 1, 1, 0]];
    for row in components {
        values.push(row.iter().map(|&x| Fp::new(x)).sum());
        for party in 0..3 {
            shares[party].own.push(Fp::new(row[party]));
            shares[party].next.push(Fp::new(row[(party + 1) % 3]));
        }
    }
    let bits = run(|session| field_to_bits(&mine(&shares, session), session));
    assert_eq!(bits, values.iter().map(|x| x.value() as i128).collect::<Vec<_>>());
}

#[test]
fn truncation_is_the_exact_floor() {
    let mut prg = Prg::new(&[11; 16]);
    for (width, shift, signed) in [
        (80, 0, false),
        (80, 1, false),
        (126, 62, false),
        (80, 79, false),
        (80, 80, false),
        (80, 40, true),
        (80, 90, true),
    ] {
        let (mut x, _) = column(30, width, signed, &mut prg);
        x.extend([0, 1, 1 << (shift.min(width - 2)), (1 << (shift.min(width - 2))) - 1]);
        if signed {
            x.extend([-1, -2, -(1 << (shift.min(width - 2)))]);
        }
        let shares = deal_field(&field(&x), &mut prg);
        let floor = run(|session| truncate(&mine(&shares, session), shift, width, signed, session));
        let expected: Vec<i128> = x.iter().map(|&x| x >> shift).collect();
        assert_eq!(floor, field(&expected), "{width} bits by {shift}, signed: {signed}");
    }
}
