//! What a round costs against what a gate costs: how operations choose between fewer rounds and fewer gates.

use std::time::Duration;

use circuit::{Clear, compare};

use crate::abort::Abort;
use crate::network::Step;
use crate::session::Session;

/// The messages of a measurement.
pub const PACE: Step = Step("pace");

/// Rounds that a measurement takes the fastest of.
const PROBES: usize = 4;

/// What an AND gate costs, proof included, with three parties on two cores. Only its ratio to the length of a
/// round matters, and only roughly.
const GATE: Duration = Duration::from_nanos(8);

/// How long a round takes. All three parties must use the same: it decides which circuits they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From sending a message to having received the messages that the others sent at the same time.
    pub round: Duration,
}

impl Default for Pace {
    /// A fast local network.
    fn default() -> Self {
        Self { round: Duration::from_micros(100) }
    }
}

impl Pace {
    /// The time of so many rounds.
    pub(crate) fn rounds(self, rounds: usize) -> Duration {
        self.round.saturating_mul(rounds as u32)
    }

    /// The time of so many gates on each of so many rows.
    pub(crate) fn gates(rows: usize, gates: usize) -> Duration {
        Duration::from_nanos((rows as u64).saturating_mul(gates as u64 * GATE.as_nanos() as u64))
    }

    /// Gates that take twenty times as long as so many rounds.
    pub(crate) fn gates_that_outweigh(self, rounds: usize) -> usize {
        (20 * self.rounds(rounds).as_nanos() / GATE.as_nanos()).min(1 << 32) as usize
    }

    /// The run length with which [`compare::less_than_by`] is fastest on so many rows of integers so wide.
    pub(crate) fn comparison(self, rows: usize, width: usize) -> Comparison {
        let runs = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48].into_iter().filter(|&run| run < width).chain([width]);
        let comparisons = runs.map(|run| Comparison::new(run, width));
        let fastest = comparisons.min_by_key(|comparison| comparison.time(rows, self));
        fastest.unwrap_or_else(|| Comparison::new(width, width))
    }
}

/// A way to compare: see [`compare::less_than_by`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// The length of a run.
    pub run: usize,
    /// AND gates a row.
    pub gates: usize,
    /// Rounds.
    pub rounds: usize,
}

impl Comparison {
    fn new(run: usize, width: usize) -> Self {
        let zeros = vec![false; width];
        let mut counter = Clear::default();
        // Evaluating in the clear counts, and cannot fail.
        let _ = compare::less_than_by(run, &zeros, &zeros, &mut counter);
        Self { run, gates: counter.ands as usize, rounds: counter.layers as usize }
    }

    /// What comparing so many rows takes.
    pub fn time(&self, rows: usize, pace: Pace) -> Duration {
        pace.rounds(self.rounds) + Pace::gates(rows, self.gates)
    }
}

/// Measures how long a round takes and sets the session's pace to the slowest of the three measurements.
///
/// `clock` tells the time since any fixed moment; this crate has no clock of its own. Seven rounds. Each party
/// learns the others' measurements and what the others saw of them, so that all three set the same pace.
///
/// # Errors
/// [`Abort`] if a peer is gone or told two parties different things.
pub fn measure_pace(clock: impl Fn() -> Duration, session: &mut Session) -> Result<Pace, Abort> {
    exchange(&[0], &[0], session)?;
    let mut fastest = Duration::MAX;
    for _ in 0..PROBES {
        let start = clock();
        exchange(&[0], &[0], session)?;
        fastest = fastest.min(clock().saturating_sub(start));
    }
    let mine = (fastest.as_micros().min(u128::from(u32::MAX)) as u32).to_le_bytes();
    let [left, right] = exchange(&mine, &mine, session)?;
    // Both neighbours heard of the third party too: whatever they heard must be what this party heard.
    let [left_heard, right_heard] = exchange(&right, &left, session)?;
    session.require_equal(PACE, &left_heard, &right)?;
    session.require_equal(PACE, &right_heard, &left)?;
    let micros = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
    let slowest = [&mine[..], &left, &right].map(micros).into_iter().max().unwrap_or(0);
    let pace = Pace { round: Duration::from_micros(slowest) };
    session.set_pace(pace);
    Ok(pace)
}

/// Sends a message to each neighbour and receives as long a one from each: left first.
fn exchange(to_left: &[u8], to_right: &[u8], session: &mut Session) -> Result<[Vec<u8>; 2], Abort> {
    let (left, right) = (session.party().left(), session.party().right());
    session.send(left, PACE, to_left.to_vec())?;
    session.send(right, PACE, to_right.to_vec())?;
    Ok([session.recv(left, PACE, to_left.len())?, session.recv(right, PACE, to_right.len())?])
}
