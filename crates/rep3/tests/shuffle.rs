//! Shuffling against the clear, and under attack.
#![allow(missing_docs, reason = "tests document themselves by their names")]

mod common;

use algebra::Fp;
use common::{ints, mine, numbers, reveal, run, seeded};
use net::memory;
use net::tamper::{Tamper, on};
use net::world::World;
use rep3::network::{Network, Party};
use rep3::{SortKey, Table, deal_field, shuffle, sort};

/// Rows of two integers and two field elements, all derived from the first, so that a torn row shows.
fn table(n: usize, prg: &mut algebra::Prg) -> (Vec<u64>, [Table; 3]) {
    let keys = numbers(n, 32, prg);
    let doubled: Vec<u64> = keys.iter().map(|&key| key.wrapping_mul(3) & ((1 << 33) - 1)).collect();
    let elements = |factor: u64| keys.iter().map(|&key| Fp::from(key) * Fp::from(factor)).collect::<Vec<_>>();
    let (a, b) = (ints(&keys, 32, prg), ints(&doubled, 33, prg));
    let (c, d) = (deal_field(&elements(5), prg), deal_field(&elements(7), prg));
    let tables = [0, 1, 2].map(|party| {
        Table::of_ints(&[&a[party], &b[party]])
            .join(Table::of_field(vec![c[party].clone(), d[party].clone()]))
    });
    (keys, tables)
}

type Row = (i128, i128, Fp, Fp);

fn shuffled(tables: &[Table; 3], seed: u64) -> Vec<Row> {
    run(seed, |session| {
        let mut shuffled = shuffle(&mine(tables, session), session)?;
        // Two rounds opened the session; party 2 only receives in the first hop, which is no round of its own.
        let idle = u64::from(session.party() == Party::P2);
        assert_eq!(session.traffic().rounds, if shuffled.rows() < 2 { 2 } else { 5 - idle });
        let rest = shuffled.bits.split_off(32);
        let ints = [rest, shuffled.bits].map(rep3::IntShare::unsigned);
        let [b, a] = ints;
        let ((a, b), field) = reveal(((a, b), shuffled.field), session)?;
        Ok((0..a.len()).map(|i| (a[i], b[i], field[0][i], field[1][i])).collect())
    })
}

#[test]
fn rows_stay_whole_and_none_is_lost() {
    for n in [0, 1, 2, 3, 64, 65, 1000] {
        let (keys, tables) = table(n, &mut seeded("rows", n as u8));
        let mut rows = shuffled(&tables, n as u64);
        let mut expected: Vec<Row> = keys
            .iter()
            .map(|&key| {
                let third = key.wrapping_mul(3) & ((1 << 33) - 1);
                (key.into(), third.into(), Fp::from(key) * Fp::from(5), Fp::from(key) * Fp::from(7))
            })
            .collect();
        if n >= 64 {
            assert_ne!(rows, expected, "the order changed");
        }
        rows.sort_unstable();
        expected.sort_unstable();
        assert_eq!(rows, expected);
    }
}

#[test]
fn every_order_is_equally_likely() {
    // 6 orders of 3 rows, 60 draws each: chi-square with 5 degrees of freedom exceeds 35 once in 10^6.
    let shares = ints(&[0, 1, 2], 2, &mut seeded("orders", 1));
    let orders = run(7, |session| {
        let table = Table::of_ints(&[&mine(&shares, session)]);
        let mut orders = Vec::new();
        for _ in 0..360 {
            orders.push(rep3::IntShare::unsigned(shuffle(&table, session)?.bits));
        }
        reveal(orders, session)
    });
    let mut counts = std::collections::HashMap::new();
    for order in orders {
        *counts.entry(order).or_insert(0u32) += 1;
    }
    assert_eq!(counts.len(), 6);
    let statistic: f64 = counts.values().map(|&n| (f64::from(n) - 60.0).powi(2) / 60.0).sum();
    assert!(statistic < 35.0, "chi-square {statistic}");
}

/// Changes messages on the way and expects everyone honest to abort before anything is opened.
fn attack(tamper: Tamper) {
    let (_, tables) = table(70, &mut seeded("attack", 9));
    let networks = tamper.wrap(memory::three()).map(|network| Box::new(network) as Box<dyn Network>);
    let results = World::new(9).run_over(networks, |session| {
        let shuffled = shuffle(&mine(&tables, session), session)?;
        reveal((shuffled.bits, shuffled.field), session)
    });
    assert!(results.iter().all(Result::is_err), "{results:?}");
    assert_eq!(tamper.count(on().step("open")), 0, "nothing was opened");
    assert!(tamper.met() > 0, "the attack took place");
}

#[test]
fn a_changed_bit_is_noticed_in_every_hop() {
    for party in Party::ALL {
        attack(Tamper::new().flip(on().step("shuffle/first").from(party), 5));
        attack(Tamper::new().flip(on().step("shuffle/second").from(party), 5));
        // Behind 65 columns of 9 bytes: the columns of field elements.
        attack(Tamper::new().flip(on().step("shuffle/first").from(party), 65 * 9 + 16));
    }
}

/// A party that turns the top bit of a row it knows would see in the sorted order which row that was.
#[test]
fn no_comparison_of_a_forged_shuffle_is_opened() {
    let shares = ints(&[1, 2, 3, 4, 5, 6, 7, 8], 4, &mut seeded("forged", 2));
    for party in Party::ALL {
        for step in ["shuffle/first", "shuffle/second"] {
            let tamper = Tamper::new().flip(on().step(step).from(party), 5);
            let networks = tamper.wrap(memory::three()).map(|network| Box::new(network) as Box<dyn Network>);
            let results = World::new(2).run_over(networks, |session| {
                let keys = mine(&shares, session);
                sort(&[SortKey::ascending(&keys)], &Table::default(), session).map(|_| ())
            });
            assert!(results.iter().all(Result::is_err), "{results:?}");
            assert_eq!(tamper.count(on().step("open")), 0, "nothing was opened");
            assert!(tamper.met() > 0, "the attack took place");
        }
    }
}

#[test]
fn messages_are_masked_in_every_hop() {
    // Rows and shares that are all zero, so that only masks can make the messages random.
    let zeros = vec![rep3::BitShare::zeros(4000); 10];
    let watch = Tamper::new();
    let networks = watch.wrap(memory::three()).map(|network| Box::new(network) as Box<dyn Network>);
    let results = World::new(4).run_over(networks, |session| {
        shuffle(&Table { bits: zeros.clone(), field: Vec::new() }, session).map(|_| ())
    });
    assert!(results.iter().all(Result::is_ok));
    let messages = watch.sent().into_iter().filter(|message| message.step.0.starts_with("shuffle"));
    let messages: Vec<Vec<u8>> = messages.map(|message| message.bytes).collect();
    assert_eq!(messages.len(), 6);
    // 40,000 bits each: standard deviation 100.
    let balanced = |bytes: &[u8]| {
        let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
        assert!(ones.abs_diff(20_000) < 600, "{ones} of 40,000 bits are set");
    };
    for (i, message) in messages.iter().enumerate() {
        balanced(message);
        for other in &messages[..i] {
            balanced(&message.iter().zip(other).map(|(a, b)| a ^ b).collect::<Vec<u8>>());
        }
    }
}
