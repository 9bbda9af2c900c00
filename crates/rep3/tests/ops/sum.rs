use algebra::Prg;
use rep3::deal_bits;
use rep3::sum::{count, count_each, sum, sum_each, sum_where};

use crate::{SIZES, column, mine, run};

#[test]
fn sums_match_the_clear_at_every_size() {
    let mut prg = Prg::new(&[5; 16]);
    for rows in SIZES.into_iter().chain([1000]) {
        for (width, signed) in [(1, false), (1, true), (40, false), (64, false), (64, true), (13, true)] {
            let (x, shares) = column(rows, width, signed, &mut prg);
            let picks = prg.bits(rows);
            let condition = deal_bits(&picks, &mut prg);
            let [total, picked, number] = run(|session| {
                let (x, condition) = (mine(&shares, session), mine(&condition, session));
                Ok(vec![sum(&x, session)?, sum_where(&condition, &x, session)?, count(&condition, session)?])
            })
            .try_into()
            .expect("three sums");
            let context = format!("{rows} rows of {width} bits, signed: {signed}");
            assert_eq!(total, [x.iter().sum::<i128>()], "{context}");
            let expected: i128 = x.iter().zip(picks.iter()).filter(|(_, pick)| *pick).map(|(x, _)| x).sum();
            assert_eq!(picked, [expected], "{context}");
            assert_eq!(number, [picks.count_ones() as i128], "{context}");
        }
    }
}

/// The extremes of all rows: nothing may overflow.
#[test]
fn sums_of_extremes_do_not_overflow() {
    for (value, signed) in [(i64::MIN.into(), true), (i64::MAX.into(), true), (u64::MAX.into(), false)] {
        for rows in [2, 3, 4, 5, 255, 256, 257] {
            let shares = rep3::deal_ints(&vec![value; rows], 64, signed, &mut Prg::new(&[6; 16]));
            let total = run(|session| sum(&mine(&shares, session), session));
            assert_eq!(total, [value * rows as i128], "{rows} times {value}");
        }
    }
}

#[test]
fn several_columns_are_summed_together() {
    let mut prg = Prg::new(&[7; 16]);
    for rows in SIZES {
        let columns: Vec<_> = (0..3).map(|_| column(rows, 13, true, &mut prg)).collect();
        let flags: Vec<_> = (0..4).map(|_| prg.bits(rows)).collect();
        let flag_shares: Vec<_> = flags.iter().map(|flags| deal_bits(flags, &mut prg)).collect();
        let [sums, counts] = run(|session| {
            let columns: Vec<_> = columns.iter().map(|(_, shares)| mine(shares, session)).collect();
            let flags: Vec<_> = flag_shares.iter().map(|shares| mine(shares, session)).collect();
            let sums = sum_each(&columns.iter().collect::<Vec<_>>(), session)?;
            Ok(vec![sums, count_each(&flags, session)?])
        })
        .try_into()
        .expect("two columns");
        assert_eq!(sums, columns.iter().map(|(x, _)| x.iter().sum()).collect::<Vec<i128>>(), "{rows} rows");
        let expected: Vec<i128> = flags.iter().map(|flags| flags.count_ones() as i128).collect();
        assert_eq!(counts, expected, "{rows} rows");
    }
}
