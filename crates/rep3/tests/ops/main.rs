#![allow(missing_docs, reason = "tests are named after what they show")]
#![allow(clippy::expect_used, reason = "a test may fail by panicking")]
//! Operations on columns, verified and opened, against clear evaluation.

mod compare;
mod convert;
mod ingest;
mod rounds;
mod scalar;
mod sum;

use algebra::Prg;
use net::world::World;
use rep3::{Abort, IntShare, Open, Session, deal_ints, open};

/// Runs a program at three parties, verifies and opens its result, and checks that all three see the same.
#[track_caller]
fn run<S: Open>(program: impl Fn(&mut Session) -> Result<S, Abort> + Sync) -> S::Value
where
    S::Value: PartialEq + std::fmt::Debug + Send,
{
    let results = World::new(1).run(|session| {
        let result = program(session)?;
        let result = session.verify(result)?;
        open(&result, session)
    });
    let [a, b, c] = results.map(|result| result.expect("honest parties do not abort"));
    assert_eq!(a, b);
    assert_eq!(b, c);
    a
}

/// This party's part of a sharing.
fn mine<S: Clone>(shares: &[S; 3], session: &Session) -> S {
    shares[session.party().index()].clone()
}

/// Integers of a width and sign, with the edges of the range among them, and their sharing.
fn column(rows: usize, width: usize, signed: bool, prg: &mut Prg) -> (Vec<i128>, [IntShare; 3]) {
    let draws: Vec<u128> = (0..rows).map(|_| prg.elements::<algebra::Fp>(1)[0].value()).collect();
    let least = if signed { -(1i128 << (width - 1)) } else { 0 };
    let span = 1u128 << width;
    let value = |(row, draw): (usize, &u128)| match (draw >> 100) % 8 {
        0 => least,
        1 => least + (span as i128 - 1),
        2 => least + (row as u128 % span) as i128,
        _ => least + (draw % span) as i128,
    };
    let values: Vec<i128> = draws.iter().enumerate().map(value).collect();
    let shares = deal_ints(&values, width, signed, prg);
    (values, shares)
}

const SIZES: [usize; 7] = [0, 1, 2, 3, 7, 65, 130];
