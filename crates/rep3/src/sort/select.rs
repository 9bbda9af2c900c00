//! The rows at some ranks, without sorting the others (after R. Floyd and R. Rivest, 1975).
//!
//! A bucket that holds a wanted rank is split by rows of its sample that lie just below and just above where
//! the rank should be; what is left between them is a small bucket. All ranks are sought in the same levels.

use std::ops::Range;

use algebra::Bits;

use super::SortKey;
use super::comparer::Comparer;
use super::numbers;
use super::order::{Plan, distribute, search, sort_samples};
use crate::abort::Abort;
use crate::pace::Pace;
use crate::session::Session;
use crate::share::IntShare;
use crate::shuffle::shuffle;
use crate::table::Table;

/// The values of these ranks in ascending order, counted from 0: a row for each, in the order asked for.
///
/// About two comparisons a row for one rank, and few levels: see [`sort`](super::sort), which takes many. The
/// ranks are public; nothing else is disclosed.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If a rank is not below the number of rows, or there are more than 2^32 rows.
pub fn select(column: &IntShare, ranks: &[usize], session: &mut Session) -> Result<IntShare, Abort> {
    let rows = column.rows();
    assert!(ranks.iter().all(|&rank| rank < rows), "ranks below {rows}");
    if rows < 2 || ranks.is_empty() {
        return Ok(column.gather(&vec![0; ranks.len()]));
    }
    let key = SortKey::ascending(column);
    let mut bits = numbers(rows, session.party()).bits;
    let numbered = bits.len();
    bits.extend(key.comparable(&column.bits, session.party()));
    let shuffled = shuffle(&Table { bits, field: Vec::new() }, session)?;
    let plan = Plan { all_pairs: 32, digits: digits(rows, shuffled.bits.len(), session.pace()) };
    let mut comparer = Comparer::new(&shuffled.bits, session);
    let found = rows_at(rows, ranks, plan, |left, right| comparer.less(left, right))?;
    let values = shuffled.gather(&found).bits.split_off(numbered);
    Ok(IntShare { bits: key.comparable(&values, session.party()), signed: column.signed })
}

/// Whether to compare with two rows of the sample at once, which saves a level of each pass and costs half a
/// comparison a row.
fn digits(rows: usize, width: usize, pace: Pace) -> usize {
    let comparison = pace.comparison(rows, width);
    if pace.rounds(comparison.rounds) > Pace::gates(rows / 2, comparison.gates) { 2 } else { 1 }
}

/// The rows at these ranks, given which of two lists of rows have the lesser one on the left.
fn rows_at<E>(
    n: usize,
    ranks: &[usize],
    plan: Plan,
    mut less: impl FnMut(&[u32], &[u32]) -> Result<Bits, E>,
) -> Result<Vec<u32>, E> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    let mut wanted = ranks.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    // So few pairs cost no more than another pass over all rows would.
    let all_pairs = plan.all_pairs.max((n / 2).isqrt());
    let mut buckets: Vec<Range<usize>> = std::iter::once(0..n).collect();
    loop {
        buckets.retain(|bucket| !within(&wanted, bucket).is_empty());
        if buckets.is_empty() {
            return Ok(ranks.iter().map(|&rank| order[rank]).collect());
        }
        let sample = |rows: usize| if rows <= all_pairs { rows } else { (rows * 2 / 3).isqrt() };
        let samples: Vec<usize> = buckets.iter().map(|bucket| sample(bucket.len())).collect();
        sort_samples(&mut order, &buckets, &samples, &mut less)?;
        let split = buckets.iter().zip(&samples).filter(|(bucket, sample)| **sample < bucket.len());
        let split: Vec<(Range<usize>, usize)> = split
            .map(|(bucket, &sample)| {
                let pivots = pivots(bucket, sample, within(&wanted, bucket));
                move_to_front(&mut order[bucket.start..bucket.start + sample], &pivots);
                (bucket.clone(), pivots.len())
            })
            .collect();
        let slots = search(&order, &split, plan, &mut less)?;
        buckets = distribute(&mut order, &split, &slots);
    }
}

/// The ranks that lie in a bucket.
fn within<'a>(ranks: &'a [usize], bucket: &Range<usize>) -> &'a [usize] {
    let start = ranks.partition_point(|&rank| rank < bucket.start);
    let end = ranks.partition_point(|&rank| rank < bucket.end);
    &ranks[start..end]
}

/// Which rows of a bucket's sorted sample to split it by: two standard deviations below and above where
/// each of its ranks is expected.
fn pivots(bucket: &Range<usize>, sample: usize, ranks: &[usize]) -> Vec<usize> {
    let size = sample as f64;
    let mut pivots = Vec::with_capacity(2 * ranks.len());
    for &rank in ranks {
        let quantile = (rank - bucket.start) as f64 / bucket.len() as f64;
        let margin = 2.0 * (size * quantile * (1.0 - quantile)).sqrt() + 1.0;
        let (low, high) = (quantile * size - margin, quantile * size + margin);
        pivots.extend((low >= 0.0).then_some(low as usize));
        pivots.extend((high < size).then_some(high as usize));
    }
    pivots.sort_unstable();
    pivots.dedup();
    if pivots.is_empty() { vec![sample / 2] } else { pivots }
}

/// Moves the rows at these ascending places to the front, in order.
fn move_to_front(rows: &mut [u32], places: &[usize]) {
    for (front, &place) in places.iter().enumerate() {
        rows[front..=place].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use algebra::Prg;

    use super::*;

    /// Selects from a random permutation in the clear; returns comparisons and levels.
    fn cost(n: usize, ranks: &[usize], digits: usize, prg: &mut Prg) -> (usize, usize) {
        let values = prg.permutation(n);
        let (mut comparisons, mut levels) = (0, 0);
        let found = rows_at(n, ranks, Plan { all_pairs: 32, digits }, |left, right| {
            comparisons += left.len();
            levels += 1;
            Ok::<_, Infallible>(Bits::from_fn(left.len(), |i| {
                values[left[i] as usize] < values[right[i] as usize]
            }))
        });
        let found: Vec<usize> = found.unwrap().iter().map(|&row| values[row as usize] as usize).collect();
        assert_eq!(found, ranks);
        (comparisons, levels)
    }

    #[test]
    fn every_rank_of_every_size_is_found() {
        let mut prg = Prg::new(&[1; 16]);
        for n in (1..40).chain([64, 100, 500]) {
            for digits in [1, 2] {
                let all: Vec<usize> = (0..n).rev().collect();
                cost(n, &all, digits, &mut prg);
                for rank in [0, n / 3, n - 1] {
                    cost(n, &[rank, rank], digits, &mut prg);
                }
            }
        }
    }

    #[test]
    fn a_median_takes_few_comparisons_and_levels() {
        let mut prg = Prg::new(&[2; 16]);
        for (n, most, most_levels) in [(10_000, 4.0, 20), (100_000, 3.0, 20), (300_000, 3.0, 20)] {
            let (comparisons, levels) = cost(n, &[n / 2], 1, &mut prg);
            println!("{n} rows: {comparisons} comparisons, {levels} levels");
            assert!((comparisons as f64) < most * n as f64, "{comparisons} comparisons for {n} rows");
            assert!(levels <= most_levels, "{levels} levels");
        }
    }
}
