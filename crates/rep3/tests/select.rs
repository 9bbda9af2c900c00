//! Selection by rank against the clear.
#![allow(missing_docs, reason = "tests document themselves by their names")]

mod common;

use std::time::Duration;

use common::{mine, numbers, reveal, run, seeded};
use rep3::{Pace, deal_ints, select};

fn check(values: &[i128], signed: bool, ranks: &[usize]) {
    let mut prg = seeded("select", values.len() as u8);
    let shares = deal_ints(values, 12, signed, &mut prg);
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let expected: Vec<i128> = ranks.iter().map(|&rank| sorted[rank]).collect();
    for round in [Duration::from_micros(1), Duration::from_millis(100)] {
        let found = run(values.len() as u64, |session| {
            session.set_pace(Pace { round });
            let found = select(&mine(&shares, session), ranks, session)?;
            reveal(found, session)
        });
        assert_eq!(found, expected, "ranks {ranks:?} of {} rows", values.len());
    }
}

fn values(n: usize, seed: u8) -> Vec<i128> {
    numbers(n, 11, &mut seeded("values", seed)).iter().map(|&value| i128::from(value) - 1024).collect()
}

#[test]
fn ranks_of_every_size_are_found() {
    for n in [1, 2, 3, 31, 32, 33, 200, 1000] {
        check(&values(n, n as u8), true, &[0, n / 2, n - 1]);
    }
    for n in [0, 1, 100] {
        check(&values(n, 9), true, &[]);
    }
}

#[test]
fn several_ranks_come_in_the_order_asked_for() {
    let all: Vec<usize> = (0..150).rev().collect();
    check(&values(150, 4), true, &all);
    check(&values(150, 4), true, &[75, 75, 3, 149, 3]);
}

#[test]
fn ties_are_found_too() {
    check(&[5; 200], false, &[0, 100, 199]);
    let few: Vec<i128> = values(300, 6).iter().map(|value| value.rem_euclid(3)).collect();
    check(&few, false, &[0, 75, 150, 225, 299]);
}
