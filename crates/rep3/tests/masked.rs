//! The one opening before verification: what it shows is uniform, whatever a cheater does to the gates before it.
#![allow(missing_docs, reason = "tests document themselves by their names")]
#![allow(clippy::expect_used, reason = "a test may fail by panicking")]

mod common;

use algebra::{Bits, Prg};
use circuit::Backend;
use circuit::arith::masked;
use common::{mine, seeded};
use net::memory;
use net::tamper::{Fate, Tamper, on};
use net::world::World;
use rep3::network::{Network, Party};
use rep3::{Abort, BitShare, Columns, and_many, deal_ints, open_masked};

const WIDTH: usize = 4;
const ROWS: usize = 4096;

/// A mask of which one component is uniform and the others are zero, as its two holders draw it.
fn mask(component: usize, prg: &mut Prg) -> [Vec<BitShare>; 3] {
    let drawn: Vec<Bits> = (0..WIDTH).map(|_| prg.bits(ROWS)).collect();
    [0, 1, 2].map(|party| {
        let part =
            |held: usize, bits: &Bits| if held == component { bits.clone() } else { Bits::zeros(ROWS) };
        drawn
            .iter()
            .map(|bits| BitShare { own: part(party, bits), next: part((party + 1) % 3, bits) })
            .collect()
    })
}

/// What a cheater adds to its part of every gate: the same byte to every eight rows.
#[derive(Clone, Copy)]
struct Cheat {
    by: Party,
    pattern: u8,
}

/// Evaluates circuits on columns; the cheater adds errors to its own components. Its messages are changed on their way,
/// so that both holders of a component have the same wrong one.
struct Faulty<'a> {
    session: &'a mut rep3::Session,
    cheat: Option<Cheat>,
}

impl Faulty<'_> {
    fn columns(&mut self) -> Columns<'_> {
        Columns::new(ROWS, self.session)
    }
}

impl Backend for Faulty<'_> {
    type Wire = BitShare;
    type Error = Abort;

    fn constant(&mut self, bit: bool) -> BitShare {
        self.columns().constant(bit)
    }

    fn xor(&mut self, a: &BitShare, b: &BitShare) -> BitShare {
        a.xor(b)
    }

    fn not(&mut self, a: &BitShare) -> BitShare {
        self.columns().not(a)
    }

    fn and(&mut self, pairs: &[(BitShare, BitShare)]) -> Result<Vec<BitShare>, Abort> {
        let mut outputs = and_many(pairs, self.session)?;
        if let Some(cheat) = self.cheat.filter(|cheat| cheat.by == self.session.party()) {
            let error = Bits::from_fn(ROWS, |row| cheat.pattern >> (row % 8) & 1 == 1);
            for output in &mut outputs {
                output.own ^= &error;
            }
        }
        Ok(outputs)
    }
}

/// What parties 0 and 2 see opened of `value`, masked, in every row; party 1 sees nothing.
fn opened(value: i128, seed: u8, cheat: Option<Cheat>) -> [Vec<u8>; 2] {
    let mut prg = seeded("masked", seed);
    let values = deal_ints(&vec![value; ROWS], WIDTH, false, &mut prg);
    let (first, second) = (mask(1, &mut prg), mask(2, &mut prg));
    let mut tamper = Tamper::new();
    if let Some(Cheat { by, pattern }) = cheat {
        tamper = tamper.rule(on().step("and").from(by), move |message| {
            for byte in &mut message.bytes {
                *byte ^= pattern;
            }
            Fate::Deliver
        });
    }
    let networks = tamper.wrap(memory::three_with(std::time::Duration::from_mins(1), seed.into()));
    let networks = networks.map(|network| Box::new(network) as Box<dyn Network>);
    let [p0, p1, p2] = World::new(seed.into())
        .run_over(networks, |session| {
            let (first, second) = (mine(&first, session), mine(&second, session));
            let bits = mine(&values, session).bits;
            let sum = masked::add(&bits, [&first, &second], &mut Faulty { session, cheat })?.sum;
            let opened = open_masked(&sum, Party::P1, session)?;
            Ok((opened, session.verify_pending().is_err()))
        })
        .map(|result| result.expect("a masked opening needs no verification"));
    assert_eq!(p1.0, None, "party 1 knows the masks");
    assert_eq!(tamper.count(on().step("open/masked").to(Party::P1)), 0, "nothing is sent to party 1");
    assert_eq!(tamper.met() > 0, cheat.is_some());
    assert_eq!([p0.1, p1.1, p2.1], [cheat.is_some(); 3], "verification comes later, and rejects");
    [p0.0, p2.0].map(|columns| {
        let columns = columns.expect("parties 0 and 2 see it");
        let number = |row| columns.iter().rev().fold(0, |sum, bit| sum << 1 | u8::from(bit.get(row)));
        (0..ROWS).map(number).collect()
    })
}

/// Pearson's statistic against the uniform distribution on 16 values: 15 degrees of freedom, above 56 once in a million.
fn assert_uniform(context: &str, seen: &[u8]) {
    let expected = ROWS as f64 / 16.0;
    let mut counts = [0u32; 16];
    for &value in seen {
        counts[usize::from(value)] += 1;
    }
    let statistic: f64 = counts.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
    assert!(statistic < 56.0, "{context}: chi-square {statistic:.1}");
}

#[test]
fn a_masked_opening_is_uniform_whatever_the_value() {
    for value in [0, 1, 7, 15] {
        let [first, second] = opened(value, 1, None);
        assert_eq!(first, second);
        assert_uniform(&format!("{value}"), &first);
    }
}

#[test]
fn a_masked_opening_is_uniform_whatever_a_cheater_adds_to_the_gates() {
    for by in Party::ALL {
        for value in [0, 15] {
            // An error in each gate, and in every other one.
            for pattern in [0xff, 0x55] {
                let [first, second] = opened(value, 2, Some(Cheat { by, pattern }));
                assert_eq!(first, second);
                assert_uniform(&format!("{by} cheats, {value}"), &first);
            }
        }
    }
}
