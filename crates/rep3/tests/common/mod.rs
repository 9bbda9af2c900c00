//! What tests of whole operations share: columns dealt to three parties that run one program.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::expect_used, reason = "a test may fail by panicking")]

use algebra::Prg;
use net::world::World;
use rep3::{Abort, IntShare, Open, Session, Verified, deal_ints, open};

/// A seed that is printed when the test fails, and the generator grown from it.
pub fn seeded(name: &str, seed: u8) -> Prg {
    println!("{name}: seed {seed}");
    Prg::new(&[seed; 16])
}

/// The share of the party whose session this is.
pub fn mine<T: Clone>(shares: &[T; 3], session: &Session) -> T {
    shares[session.party().index()].clone()
}

/// Shares of unsigned integers.
pub fn ints(values: &[u64], width: usize, prg: &mut Prg) -> [IntShare; 3] {
    let values: Vec<i128> = values.iter().map(|&value| value.into()).collect();
    deal_ints(&values, width, false, prg)
}

/// Runs a program at three honest parties, who must come to one result.
pub fn run<T: Send + PartialEq + std::fmt::Debug>(
    seed: u64,
    program: impl Fn(&mut Session) -> Result<T, Abort> + Sync,
) -> T {
    let [a, b, c] = World::new(seed).run(program).map(|result| result.expect("honest parties do not abort"));
    assert_eq!(a, b);
    assert_eq!(b, c);
    a
}

/// Verifies and opens.
pub fn reveal<T: Open>(value: T, session: &mut Session) -> Result<T::Value, Abort> {
    let value: Verified<T> = session.verify(value)?;
    open(&value, session)
}

/// `n` numbers below 2^`width`.
pub fn numbers(n: usize, width: usize, prg: &mut Prg) -> Vec<u64> {
    let mut words = vec![0; n];
    prg.fill_words(&mut words);
    words.iter().map(|word| word >> (64 - width)).collect()
}
