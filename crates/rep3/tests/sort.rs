//! Sorting against the clear: ties, sizes, several keys, and what is disclosed.
#![allow(missing_docs, reason = "tests document themselves by their names")]

mod common;

use std::time::Duration;

use algebra::Fp;
use common::{ints, mine, numbers, reveal, run, seeded};
use net::world::World;
use rep3::{BatchLimits, Pace, SortKey, Table, deal_field, deal_ints, sort};

/// Sorts and opens keys with their row numbers; the numbers also travel as field elements.
fn sorted(keys: &[u64], width: usize, pace: Pace) -> Vec<(u64, u64)> {
    let mut prg = seeded("sort", keys.len() as u8);
    let rows: Vec<u64> = (0..keys.len() as u64).collect();
    let elements: Vec<Fp> = rows.iter().map(|&row| Fp::from(row)).collect();
    let shares = ints(keys, width, &mut prg);
    let (numbers, elements) = (ints(&rows, 20, &mut prg), deal_field(&elements, &mut prg));
    run(keys.len() as u64, |session| {
        session.set_pace(pace);
        let payload =
            Table::of_ints(&[&mine(&numbers, session)]).join(Table::of_field(vec![mine(&elements, session)]));
        let sorted = sort(&[SortKey::ascending(&mine(&shares, session))], &payload, session)?;
        let numbers = rep3::IntShare::unsigned(sorted.payload.bits);
        let ((keys, numbers), elements) = reveal(((sorted.keys, numbers), sorted.payload.field), session)?;
        assert!(numbers.iter().zip(&elements[0]).all(|(&row, &element)| Fp::from(row as u64) == element));
        Ok(keys[0].iter().zip(numbers).map(|(&key, row)| (key as u64, row as u64)).collect())
    })
}

fn check(keys: &[u64], width: usize, pace: Pace) {
    let mut expected: Vec<(u64, u64)> = keys.iter().copied().zip(0..).collect();
    expected.sort_unstable();
    assert_eq!(sorted(keys, width, pace), expected, "stable order of {} rows", keys.len());
}

const FAST: Pace = Pace { round: Duration::from_micros(1) };
const SLOW: Pace = Pace { round: Duration::from_millis(100) };

#[test]
fn every_size_sorts_like_the_clear() {
    for n in [0, 1, 2, 3, 5, 16, 17, 18, 63, 64, 65, 300] {
        let keys = numbers(n, 32, &mut seeded("keys", n as u8));
        check(&keys, 32, FAST);
        check(&keys, 32, SLOW);
    }
}

#[test]
fn equal_rows_keep_their_order() {
    check(&[7; 100], 5, FAST);
    check(&numbers(200, 3, &mut seeded("ties", 3)), 3, FAST);
    check(&[1, 0, 1, 0], 1, SLOW);
}

#[test]
fn several_keys_and_directions_sort_like_the_clear() {
    let mut prg = seeded("keys", 4);
    let first: Vec<i128> = numbers(120, 2, &mut prg).iter().map(|&key| i128::from(key) - 2).collect();
    let second: Vec<i128> = numbers(120, 3, &mut prg).iter().map(|&key| key.into()).collect();
    let (a, b) = (deal_ints(&first, 2, true, &mut prg), deal_ints(&second, 3, false, &mut prg));
    let order = run(5, |session| {
        let (a, b) = (mine(&a, session), mine(&b, session));
        let keys = [SortKey::descending(&a), SortKey::ascending(&b)];
        let sorted = sort(&keys, &Table::default(), session)?;
        reveal(sorted.keys, session)
    });
    let mut expected: Vec<(i128, i128)> = first.into_iter().zip(second).collect();
    expected.sort_by_key(|&(a, b)| (-a, b));
    let order: Vec<(i128, i128)> = order[0].iter().copied().zip(order[1].iter().copied()).collect();
    assert_eq!(order, expected);
}

/// A level's comparisons go in chunks, and so do gates and terms into batches: what is compared first is just what
/// fills a chunk, one pair less, and one more.
#[test]
fn chunks_and_batches_of_any_size_sort_like_the_clear() {
    let mut prg = seeded("chunks", 6);
    let keys = numbers(6, 4, &mut prg);
    let shares = ints(&keys, 4, &mut prg);
    let mut expected: Vec<i128> = keys.iter().map(|&key| key.into()).collect();
    expected.sort_unstable();
    // Six rows are compared in 15 pairs.
    for ands in [1, 7, 14, 15, 16] {
        let world = World::new(6).with_limits(BatchLimits { ands, terms: ands });
        let results = world.run(|session| {
            session.set_pace(SLOW);
            let sorted = sort(&[SortKey::ascending(&mine(&shares, session))], &Table::default(), session)?;
            reveal(sorted.keys, session)
        });
        for result in results {
            assert_eq!(result.expect("honest parties do not abort")[0], expected, "{ands} gates a batch");
        }
    }
}
