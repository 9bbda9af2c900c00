//! What operations on tables cost, with three parties as threads of this process:
//! `cargo run --release -p rep3 --example tables -- OPERATION ROWS [RTT_MS]`.
#![allow(clippy::expect_used, clippy::panic, reason = "a measurement may fail by panicking")]

use std::time::{Duration, Instant};

use algebra::Prg;
use net::latency::Delayed;
use net::memory;
use net::world::World;
use rep3::compare::{less_than, maximum};
use rep3::network::Network;
use rep3::relation::{group_unknown, lookup, mode};
use rep3::{
    Abort, FieldShare, IntShare, Session, SortKey, Table, and_many, deal_field, deal_ints, measure_pace,
    select, shuffle, sort,
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [operation, rows, rest @ ..] = &arguments[..] else {
        eprintln!("tables and|mul|shuffle|sort|median|maximum|less_than|mode|group|lookup ROWS [RTT_MS]");
        std::process::exit(2);
    };
    let rows: usize = rows.parse().expect("a number of rows");
    let rtt: f64 = rest.first().map_or(0.0, |rtt| rtt.parse().expect("milliseconds"));

    let mut prg = Prg::new(&[1; 16]);
    let mut words = vec![0; rows];
    prg.fill_words(&mut words);
    let values: Vec<i128> = words.iter().map(|word| i128::from(word >> 32)).collect();
    let columns = deal_ints(&values, 32, false, &mut prg);
    let numbers =
        deal_field(&values.iter().map(|&value| algebra::Fp::from_i128(value)).collect::<Vec<_>>(), &mut prg);

    let networks = memory::three().map(|network| {
        Box::new(Delayed::new(network, Duration::from_secs_f64(rtt / 2000.0))) as Box<dyn Network>
    });
    let started = cpu_seconds();
    let results = World::new(1).run_over(networks, |session| {
        let party = session.party().index();
        let epoch = Instant::now();
        measure_pace(|| epoch.elapsed(), session)?;
        let before = session.traffic().clone();
        let start = Instant::now();
        run(operation, &columns[party], &numbers[party], session)?;
        session.verify_pending()?;
        let (wall, after) = (start.elapsed(), session.traffic());
        Ok((wall, after.rounds - before.rounds, after.sent_bytes - before.sent_bytes))
    });
    let cpu = (cpu_seconds() - started) / 3.0;
    let (wall, rounds, sent) = results.map(|result| result.expect("honest parties do not abort"))[0];
    println!(
        "{operation} of {rows}: {:.3} s, {cpu:.3} CPU seconds a party, {rounds} rounds, {:.2} MB sent a party, {} for all parties",
        wall.as_secs_f64(),
        sent as f64 / 1e6,
        peak_memory(),
    );
}

fn run(operation: &str, column: &IntShare, number: &FieldShare, session: &mut Session) -> Result<(), Abort> {
    match operation {
        "and" => {
            and_many(&column.bits.iter().map(|bit| (bit.clone(), bit.clone())).collect::<Vec<_>>(), session)
                .map(|_| ())
        }
        "mul" => rep3::mul(number, number, session).map(|_| ()),
        "shuffle" => shuffle(&Table::of_ints(&[column]), session).map(|_| ()),
        "sort" => sort(&[SortKey::ascending(column)], &Table::default(), session).map(|_| ()),
        "maximum" => maximum(column, session).map(|_| ()),
        "less_than" => less_than(column, column, session).map(|_| ()),
        "median" => select(column, &[column.rows() / 2], session).map(|_| ()),
        "mode" => mode(column, session).map(|_| ()),
        "group" => group_unknown(column, std::slice::from_ref(number), session).map(|_| ()),
        "lookup" => lookup(column, column, &Table::of_field(vec![number.clone()]), session).map(|_| ()),
        other => panic!("no operation {other}"),
    }
}

/// User and system time of this process, from clock ticks of which there are a hundred a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown memory").trim().to_owned()
}
