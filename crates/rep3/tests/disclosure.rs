//! What sorting discloses: outcomes of comparisons that are distributed alike whatever the values are.
#![allow(missing_docs, reason = "tests document themselves by their names")]

mod common;

use std::collections::HashMap;

use common::{mine, seeded};
use net::memory;
use net::tamper::{Tamper, on};
use net::world::World;
use rep3::compare::less_than;
use rep3::network::{Network, Party};
use rep3::{Abort, IntShare, Session, SortKey, Table, deal_ints, open, shuffle, sort};

const ROWS: usize = 5;
const ORDERS: usize = 120;
/// Sorts a session, and sessions.
const SORTS: usize = 100;
const SESSIONS: u64 = 12;

/// Runs a program that opens the ten outcomes of comparing five rows, many times over, and counts outcomes.
///
/// The outcomes are what the three parties' messages to their left neighbours, the three components, add up to.
fn opened(
    keys: [i128; ROWS],
    program: impl Fn(&IntShare, &mut Session) -> Result<(), Abort> + Sync,
) -> HashMap<Vec<u8>, u32> {
    let mut counts = HashMap::new();
    for seed in 0..SESSIONS {
        let shares = deal_ints(&keys, 4, false, &mut seeded("disclosure", seed as u8));
        let watch = Tamper::new();
        let networks = watch.wrap(memory::three_with(std::time::Duration::from_mins(1), seed));
        let networks = networks.map(|network| Box::new(network) as Box<dyn Network>);
        let results = World::new(seed).run_over(networks, |session| {
            let keys = mine(&shares, session);
            (0..SORTS).try_for_each(|_| program(&keys, session))
        });
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let sent = watch.sent();
        let component = |party: Party| {
            let to_left = on().step("open").from(party).to(party.left());
            sent.iter().filter(move |message| to_left.takes(message)).map(|message| &message.bytes)
        };
        let components = component(Party::P0).zip(component(Party::P1)).zip(component(Party::P2));
        for ((a, b), c) in components {
            let outcome: Vec<u8> = a.iter().zip(b).zip(c).map(|((a, b), c)| a ^ b ^ c).collect();
            *counts.entry(outcome).or_insert(0) += 1;
        }
    }
    assert_eq!(counts.values().sum::<u32>() as u64, SORTS as u64 * SESSIONS, "one opening a sort");
    counts
}

/// Chi-square of the counts against the uniform distribution over all orders: 119 degrees of freedom.
fn chi_square(counts: &HashMap<Vec<u8>, u32>) -> f64 {
    let expected = (SORTS as u64 * SESSIONS) as f64 / ORDERS as f64;
    let seen: f64 = counts.values().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
    seen + (ORDERS.saturating_sub(counts.len())) as f64 * expected
}

/// It is exceeded once in a million times.
const BOUND: f64 = 203.0;

fn sorted(keys: &IntShare, session: &mut Session) -> Result<(), Abort> {
    sort(&[SortKey::ascending(keys)], &Table::default(), session).map(|_| ())
}

#[test]
fn outcomes_are_uniform_for_distinct_tied_and_equal_keys() {
    for keys in [[3, 1, 4, 0, 5], [2, 2, 1, 7, 1], [9; ROWS]] {
        let counts = opened(keys, sorted);
        let statistic = chi_square(&counts);
        assert!(statistic < BOUND, "keys {keys:?}: chi-square {statistic}");
    }
}

/// What the secret row numbers are for: without them the test above must fail.
#[test]
fn ties_broken_by_public_place_would_show() {
    let by_place = |keys: &IntShare, session: &mut Session| {
        let shuffled = IntShare::unsigned(shuffle(&Table::of_ints(&[keys]), session)?.bits);
        let pairs = (0..ROWS as u32).flat_map(|i| (i + 1..ROWS as u32).map(move |j| (i, j)));
        let (left, right): (Vec<u32>, Vec<u32>) = pairs.unzip();
        let less = less_than(&shuffled.gather(&left), &shuffled.gather(&right), session)?;
        let less = session.verify(less)?;
        open(&less, session).map(|_| ())
    };
    assert!(chi_square(&opened([3, 1, 4, 0, 5], by_place)) < BOUND, "no ties, nothing shows");
    assert!(chi_square(&opened([2, 2, 1, 7, 1], by_place)) > 10.0 * BOUND);
    assert!(chi_square(&opened([9; ROWS], by_place)) > 10.0 * BOUND);
}
