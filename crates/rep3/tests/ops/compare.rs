use std::time::Duration;

use algebra::{Bits, Prg};
use rep3::compare::{
    abs, equal, equal_each, less_than, less_than_each, mask, max, maximum, min, minimum, mux,
};
use rep3::{deal_bits, deal_ints, measure_pace};

use crate::{SIZES, column, mine, run};

fn bits(n: usize, f: impl Fn(usize) -> bool) -> Bits {
    Bits::from_fn(n, f)
}

/// Every operation on two columns at once, to open one session a case only.
fn check(x: &[i128], y: &[i128], (wx, sx): (usize, bool), (wy, sy): (usize, bool), prg: &mut Prg) {
    let n = x.len();
    let (a, b) = (deal_ints(x, wx, sx, prg), deal_ints(y, wy, sy, prg));
    let picks = prg.bits(n);
    let condition = deal_bits(&picks, prg);
    let (flags, values) = run(|session| {
        let (a, b, c) = (mine(&a, session), mine(&b, session), mine(&condition, session));
        let flags = vec![less_than(&a, &b, session)?, less_than(&b, &a, session)?, equal(&a, &b, session)?];
        let values = vec![
            min(&a, &b, session)?,
            max(&a, &b, session)?,
            mux(&c, &a, &b, session)?,
            mask(&c, &a, session)?,
            abs(&a, session)?,
        ];
        Ok((flags, values))
    });
    let context = format!("x = {x:?}, y = {y:?}, widths {wx} and {wy}");
    assert_eq!(flags[0], bits(n, |i| x[i] < y[i]), "{context}");
    assert_eq!(flags[1], bits(n, |i| y[i] < x[i]), "{context}");
    assert_eq!(flags[2], bits(n, |i| x[i] == y[i]), "{context}");
    for i in 0..n {
        assert_eq!(values[0][i], x[i].min(y[i]), "{context}");
        assert_eq!(values[1][i], x[i].max(y[i]), "{context}");
        assert_eq!(values[2][i], if picks.get(i) { x[i] } else { y[i] }, "{context}");
        assert_eq!(values[3][i], if picks.get(i) { x[i] } else { 0 }, "{context}");
        assert_eq!(values[4][i], x[i].abs(), "{context}");
    }
}

/// All pairs of values of two small widths, of all four combinations of signs.
#[test]
fn pairs_match_the_clear_exhaustively_at_small_widths() {
    let mut prg = Prg::new(&[1; 16]);
    for (wx, wy) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (1, 4), (4, 2), (6, 5)] {
        for (sx, sy) in [(false, false), (true, true), (true, false), (false, true)] {
            let range = |width: usize, signed: bool| {
                let least = if signed { -(1 << (width - 1)) } else { 0 };
                (0..1i128 << width).map(move |value| value + least)
            };
            let pairs: Vec<(i128, i128)> =
                range(wx, sx).flat_map(|x| range(wy, sy).map(move |y| (x, y))).collect();
            let (x, y): (Vec<i128>, Vec<i128>) = pairs.into_iter().unzip();
            check(&x, &y, (wx, sx), (wy, sy), &mut prg);
        }
    }
}

#[test]
fn pairs_match_the_clear_at_every_size_and_at_large_widths() {
    let mut prg = Prg::new(&[2; 16]);
    for (case, rows) in SIZES.into_iter().enumerate() {
        for width in [31, 32, 63, 64] {
            let (sx, sy) = (case % 2 == 0, case % 3 == 0);
            let (x, _) = column(rows, width, sx, &mut prg);
            let (y, _) = column(rows, 64 - case, sy, &mut prg);
            check(&x, &y, (width, sx), (64 - case, sy), &mut prg);
        }
    }
}

#[test]
fn pairs_match_the_clear_at_every_width() {
    let mut prg = Prg::new(&[5; 16]);
    for width in 1..=64 {
        for signed in [false, true] {
            let (x, _) = column(9, width, signed, &mut prg);
            let (mut y, _) = column(9, width, signed, &mut prg);
            // Equal, and apart by one. (Of one signed bit there are -1 and 0 only.)
            y[0] = x[0];
            y[1] = if signed && width == 1 { -1 - x[1] } else { x[1] ^ 1 };
            check(&x, &y, (width, signed), (width, signed), &mut prg);
        }
    }
}

#[test]
fn public_operands_match_the_clear_inside_and_outside_the_range() {
    let mut prg = Prg::new(&[3; 16]);
    for signed in [false, true] {
        for (rows, width) in [(0, 5), (1, 1), (40, 5), (70, 64)] {
            let (x, shares) = column(rows, width, signed, &mut prg);
            let mut publics =
                vec![0, -1, 1, 7, 16, 31, 32, -16, -17, 1 << 63, 1 << 64, -(1 << 64), -(1 << 63)];
            publics.extend(x.first());
            let (equals, lesses) = run(|session| {
                let x = mine(&shares, session);
                Ok((equal_each(&x, &publics, session)?, less_than_each(&x, &publics, session)?))
            });
            for (i, &public) in publics.iter().enumerate() {
                assert_eq!(equals[i], bits(rows, |row| x[row] == public), "{public} in {width} bits");
                assert_eq!(lesses[i], bits(rows, |row| x[row] < public), "{public} in {width} bits");
            }
        }
    }
}

/// At the pace of a local network and at one where rounds are dear: groups of other sizes meet.
#[test]
fn extremes_match_the_clear_at_every_size_and_pace() {
    let mut prg = Prg::new(&[4; 16]);
    for round in [0, 10] {
        for rows in SIZES {
            for signed in [false, true] {
                let (x, shares) = column(rows, 16, signed, &mut prg);
                let (least, greatest) = run(|session| {
                    let time = std::cell::Cell::new(Duration::ZERO);
                    let clock = || time.replace(time.get() + Duration::from_millis(round));
                    measure_pace(clock, session)?;
                    let x = mine(&shares, session);
                    Ok((minimum(&x, session)?, maximum(&x, session)?))
                });
                assert_eq!(least, x.iter().copied().min().into_iter().collect::<Vec<_>>());
                assert_eq!(greatest, x.iter().copied().max().into_iter().collect::<Vec<_>>());
            }
        }
    }
}
