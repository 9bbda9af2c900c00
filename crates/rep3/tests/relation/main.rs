//! Groups, joins, histograms and modes against the clear.
#![allow(missing_docs, reason = "tests document themselves by their names")]

#[path = "../common/mod.rs"]
mod common;

use std::collections::BTreeMap;

use algebra::{Fp, Prg};
use common::{mine, numbers, reveal, run, seeded};
use rep3::relation::{group_known, group_unknown, histogram, join, lookup, mode};
use rep3::{IntShare, Table, deal_field, deal_ints};

fn signed(n: usize, width: usize, prg: &mut Prg) -> Vec<i128> {
    numbers(n, width, prg).iter().map(|&x| i128::from(x) - (1 << (width - 1))).collect()
}

fn elements(values: &[i128]) -> Vec<Fp> {
    values.iter().map(|&value| Fp::from_i128(value)).collect()
}

/// Count and sum of each group.
fn groups(keys: &[i128], values: &[i128]) -> BTreeMap<i128, (i128, i128)> {
    let mut groups = BTreeMap::new();
    for (&key, &value) in keys.iter().zip(values) {
        let (count, sum) = groups.entry(key).or_insert((0, 0));
        *count += 1;
        *sum += value;
    }
    groups
}

#[test]
fn known_groups_are_counted_and_summed() {
    for n in [0, 1, 2, 200] {
        let mut prg = seeded("known groups", n as u8);
        let (keys, values) = (signed(n, 3, &mut prg), signed(n, 20, &mut prg));
        let expected = groups(&keys, &values);
        let wanted = [-4, 3, 0, 100];
        let (a, b) = (deal_ints(&keys, 3, true, &mut prg), deal_field(&elements(&values), &mut prg));
        let (counts, sums) = run(n as u64, |session| {
            let groups = group_known(&mine(&a, session), &wanted, &[mine(&b, session)], session)?;
            reveal((groups.counts, groups.sums), session)
        });
        for (i, group) in wanted.iter().enumerate() {
            let (count, sum) = expected.get(group).copied().unwrap_or((0, 0));
            assert_eq!((counts[i], sums[0][i]), (Fp::from_i128(count), Fp::from_i128(sum)), "group {group}");
        }
    }
}

#[test]
fn unknown_groups_are_found_counted_and_summed() {
    for (n, width) in [(0, 3), (1, 3), (2, 3), (150, 3), (150, 1), (100, 20)] {
        let mut prg = seeded("unknown groups", n as u8);
        let (keys, values) = (signed(n, width, &mut prg), signed(n, 20, &mut prg));
        let (a, b) = (deal_ints(&keys, width, true, &mut prg), deal_field(&elements(&values), &mut prg));
        let ((found, counts), sums) = run(n as u64, |session| {
            let groups = group_unknown(&mine(&a, session), &[mine(&b, session)], session)?;
            reveal(((groups.keys, groups.counts), groups.sums), session)
        });
        let found: Vec<(i128, Fp, Fp)> =
            (0..found.len()).map(|i| (found[i], counts[i], sums[0][i])).collect();
        let expected: Vec<(i128, Fp, Fp)> = groups(&keys, &values)
            .into_iter()
            .map(|(key, (count, sum))| (key, Fp::from_i128(count), Fp::from_i128(sum)))
            .collect();
        assert_eq!(found, expected, "{n} rows");
    }
}

/// A table of two columns that tell its rows apart.
fn payload(n: usize, prg: &mut Prg) -> (Vec<i128>, [Table; 3]) {
    let values = signed(n, 10, prg);
    let (bits, field) = (deal_ints(&values, 10, true, prg), deal_field(&elements(&values), prg));
    let table = |i: usize| Table::of_ints(&[&bits[i]]).join(Table::of_field(vec![field[i].clone()]));
    (values, [table(0), table(1), table(2)])
}

fn distinct(n: usize, prg: &mut Prg) -> Vec<i128> {
    prg.permutation(64).into_iter().take(n).map(|key| i128::from(key) - 32).collect()
}

#[test]
fn every_row_finds_its_match_or_none() {
    for (n, others) in [(0, 3), (3, 0), (1, 1), (2, 64), (100, 20), (100, 64), (5, 1)] {
        let mut prg = seeded("lookup", (n + others) as u8);
        let (keys, among) = (signed(n, 6, &mut prg), distinct(others, &mut prg));
        let (values, table) = payload(others, &mut prg);
        let (a, b) = (deal_ints(&keys, 6, true, &mut prg), deal_ints(&among, 6, true, &mut prg));
        let ((matched, found), field) = run(n as u64, |session| {
            let (keys, among) = (mine(&a, session), mine(&b, session));
            let result = lookup(&keys, &among, &mine(&table, session), session)?;
            let found = IntShare::signed(result.found.bits);
            reveal(((result.matched, found), result.found.field), session)
        });
        for (i, key) in keys.iter().enumerate() {
            let row = among.iter().position(|other| other == key);
            let expected = row.map_or(0, |row| values[row]);
            assert_eq!(matched.get(i), row.is_some(), "row {i}");
            assert_eq!((found[i], field[0][i]), (expected, Fp::from_i128(expected)), "row {i}");
        }
        assert_eq!(matched.len(), n);
    }
}

#[test]
fn a_key_of_zero_does_not_match_nothing() {
    let mut prg = seeded("zero", 1);
    let (keys, among) = ([0, 0, 3], [1, 3]);
    let (a, b) = (deal_ints(&keys, 2, false, &mut prg), deal_ints(&among, 2, false, &mut prg));
    let matched = run(1, |session| {
        let (keys, among) = (mine(&a, session), mine(&b, session));
        let result = lookup(&keys, &among, &Table::default(), session)?;
        reveal(result.matched, session)
    });
    assert_eq!(matched.iter().collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn a_join_keeps_the_rows_that_match() {
    for (n, others) in [(0, 0), (0, 3), (3, 0), (1, 1), (2, 64), (80, 30), (64, 64), (65, 1)] {
        let mut prg = seeded("join", (n + others) as u8);
        let (keys, among) = (signed(n, 6, &mut prg), distinct(others, &mut prg));
        let ((left, left_table), (right, right_table)) = (payload(n, &mut prg), payload(others, &mut prg));
        let (a, b) = (deal_ints(&keys, 6, true, &mut prg), deal_ints(&among, 6, true, &mut prg));
        let (joined, field) = run(n as u64, |session| {
            let (keys, among) = (mine(&a, session), mine(&b, session));
            let (l, r) = (mine(&left_table, session), mine(&right_table, session));
            let (keys, table) = join(&keys, &l, &among, &r, session)?;
            reveal((keys, table.field), session)
        });
        let mut found: Vec<(i128, Fp, Fp)> =
            (0..joined.len()).map(|i| (joined[i], field[0][i], field[1][i])).collect();
        let mut expected: Vec<(i128, Fp, Fp)> = Vec::new();
        for (i, key) in keys.iter().enumerate() {
            let row = among.iter().position(|other| other == key);
            expected.extend(row.map(|row| (*key, Fp::from_i128(left[i]), Fp::from_i128(right[row]))));
        }
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{n} and {others} rows");
    }
}

#[test]
fn bins_are_counted() {
    for n in [0, 1, 2, 300] {
        let mut prg = seeded("histogram", n as u8);
        let values = signed(n, 8, &mut prg);
        let bounds = [-200, -64, -64, 0, 1, 60, 500];
        let shares = deal_ints(&values, 8, true, &mut prg);
        let counts = run(n as u64, |session| {
            let counts = histogram(&mine(&shares, session), &bounds, session)?;
            reveal(counts, session)
        });
        let inside = |bin: &[i128]| values.iter().filter(|&&v| (bin[0]..bin[1]).contains(&v)).count() as i128;
        assert_eq!(counts, bounds.windows(2).map(inside).collect::<Vec<_>>(), "{n} rows");
    }
}

#[test]
fn the_most_frequent_value_is_found_and_ties_go_to_the_least() {
    for (n, width) in [(0, 4), (1, 4), (2, 4), (100, 2), (100, 4), (50, 12)] {
        let mut prg = seeded("mode", n as u8);
        let values = signed(n, width, &mut prg);
        let shares = deal_ints(&values, width, true, &mut prg);
        let (value, count) = run(n as u64, |session| {
            let mode = mode(&mine(&shares, session), session)?;
            reveal((mode.value, mode.count), session)
        });
        let counts = groups(&values, &values).into_iter().map(|(value, (count, _))| (count, -value));
        let expected = counts.max().map(|(count, value)| (-value, count));
        assert_eq!(value.first().copied().zip(count.first().copied()), expected, "{n} rows");
    }
}
