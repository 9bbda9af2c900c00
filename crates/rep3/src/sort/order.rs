//! Putting rows in order by comparing them, as many at a time as possible.
//!
//! The rows come in a uniformly random order, so that the first rows of any bucket are a random sample of it.
//! One pass over all buckets at once:
//!
//! 1. the sample of each bucket is sorted by comparing all its pairs (a small bucket is all sample);
//! 2. every other row goes down the sorted sample by binary search, one or two binary digits a level;
//! 3. the rows between two neighbours of a sample are a bucket of the next pass.
//!
//! A *level* is one call of the comparison, for all rows of all buckets together.

use std::ops::Range;

use algebra::Bits;

use crate::pace::Pace;

/// How to trade comparisons for levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Buckets up to this size are sorted by comparing all pairs.
    pub all_pairs: usize,
    /// Binary digits of a search that one level finds: 1 by one comparison, 2 by three.
    pub digits: usize,
}

/// Rounds to verify and open what a level compared.
const REVEAL_ROUNDS: usize = 5;

/// What a plan takes for `n` rows, measured (see the tests): comparisons a row and levels, over `log2 n`.
struct Estimate {
    plan: Plan,
    comparisons: f64,
    levels: f64,
}

const ESTIMATES: [Estimate; 3] = [
    Estimate { plan: Plan { all_pairs: 4, digits: 1 }, comparisons: 1.04, levels: 2.05 },
    Estimate { plan: Plan { all_pairs: 16, digits: 1 }, comparisons: 1.13, levels: 1.75 },
    Estimate { plan: Plan { all_pairs: 16, digits: 2 }, comparisons: 1.54, levels: 1.2 },
];

impl Plan {
    /// The plan that is fastest at this pace, for so many rows that are compared over so many bits.
    pub fn fastest(rows: usize, width: usize, pace: Pace) -> Self {
        let digits = f64::from(rows.max(2) as u32).log2();
        let time = |estimate: &&Estimate| {
            let comparisons = (estimate.comparisons * digits * rows as f64) as usize;
            let levels = (estimate.levels * digits).ceil() as usize;
            let comparison = pace.comparison(comparisons / levels.max(1), width);
            pace.rounds(levels * (comparison.rounds + REVEAL_ROUNDS))
                + Pace::gates(comparisons, comparison.gates)
        };
        ESTIMATES.iter().min_by_key(time).map_or(Self { all_pairs: 16, digits: 1 }, |estimate| estimate.plan)
    }

    /// How many rows to take as sample from a bucket of so many: one less than a power of two, with about half
    /// as many pairs as the bucket has rows.
    fn sample(self, rows: usize) -> usize {
        if rows <= self.all_pairs {
            return rows;
        }
        let mut sample = 1;
        while sample < 4095 && (2 * sample + 1) * sample <= rows * 5 / 8 {
            sample = 2 * sample + 1;
        }
        sample
    }
}

/// The rows `0..n` in ascending order, given which of two lists of rows have the lesser one on the left.
pub(crate) fn order<E>(
    n: usize,
    plan: Plan,
    mut less: impl FnMut(&[u32], &[u32]) -> Result<Bits, E>,
) -> Result<Vec<u32>, E> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    let mut buckets: Vec<Range<usize>> = Vec::new();
    if n > 1 {
        buckets.push(0..n);
    }
    while !buckets.is_empty() {
        let samples: Vec<usize> = buckets.iter().map(|bucket| plan.sample(bucket.len())).collect();
        sort_samples(&mut order, &buckets, &samples, &mut less)?;
        let searched = buckets.into_iter().zip(samples).filter(|(bucket, sample)| *sample < bucket.len());
        let searched: Vec<(Range<usize>, usize)> = searched.collect();
        let slots = search(&order, &searched, plan, &mut less)?;
        buckets = distribute(&mut order, &searched, &slots);
    }
    Ok(order)
}

/// Sorts the first rows of each bucket by comparing all pairs: a row's place is the number of lesser rows.
pub(super) fn sort_samples<E>(
    order: &mut [u32],
    buckets: &[Range<usize>],
    samples: &[usize],
    less: &mut impl FnMut(&[u32], &[u32]) -> Result<Bits, E>,
) -> Result<(), E> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for (bucket, &sample) in buckets.iter().zip(samples) {
        let rows = &order[bucket.start..bucket.start + sample];
        for (i, &row) in rows.iter().enumerate() {
            left.extend(std::iter::repeat_n(row, sample - i - 1));
            right.extend_from_slice(&rows[i + 1..]);
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    let lesser = less(&left, &right)?;
    let mut pair = 0;
    for (bucket, &sample) in buckets.iter().zip(samples) {
        let mut places = vec![0u32; sample];
        for i in 0..sample {
            for j in i + 1..sample {
                let loser = if lesser.get(pair) { j } else { i };
                places[loser] += 1;
                pair += 1;
            }
        }
        let rows = &mut order[bucket.start..bucket.start + sample];
        let mut placed: Vec<(u32, u32)> = places.into_iter().zip(rows.iter().copied()).collect();
        placed.sort_unstable_by_key(|&(place, _)| place);
        for (row, (_, placed)) in rows.iter_mut().zip(placed) {
            *row = placed;
        }
    }
    Ok(())
}

/// Where a row can still belong: behind so many rows of the sorted sample, at least and at most.
#[derive(Clone, Copy)]
struct Slots {
    low: u32,
    high: u32,
}

impl Slots {
    /// The rows of the sample that one level compares with, in ascending order.
    fn pivots(self, digits: usize) -> impl Iterator<Item = u32> {
        let middle = self.middle();
        let quarters = (self.low < self.high && digits > 1)
            .then(|| [Self { high: middle, ..self }, Self { low: middle + 1, ..self }].map(Self::pivot));
        let [first, last] = quarters.unwrap_or([None, None]);
        [first, self.pivot(), last].into_iter().flatten()
    }

    fn middle(self) -> u32 {
        u32::midpoint(self.low, self.high)
    }

    fn pivot(self) -> Option<u32> {
        (self.low < self.high).then(|| self.middle())
    }

    /// What is left after comparing with [`Slots::pivots`], given how many pivots the row is not less than.
    fn narrow(self, digits: usize, passed: usize) -> Self {
        let mut pivots = self.pivots(digits);
        let low = if passed == 0 { self.low } else { pivots.nth(passed - 1).map_or(self.low, |p| p + 1) };
        Self { low, high: pivots.next().unwrap_or(self.high) }
    }
}

/// How many rows of its bucket's sample each row behind the sample is not less than, bucket by bucket.
pub(super) fn search<E>(
    order: &[u32],
    buckets: &[(Range<usize>, usize)],
    plan: Plan,
    less: &mut impl FnMut(&[u32], &[u32]) -> Result<Bits, E>,
) -> Result<Vec<u32>, E> {
    let mut slots: Vec<Slots> = Vec::new();
    for (bucket, sample) in buckets {
        let all = Slots { low: 0, high: *sample as u32 };
        slots.extend(std::iter::repeat_n(all, bucket.len() - sample));
    }
    loop {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let mut states = slots.iter();
        for (bucket, sample) in buckets {
            let (sample, rest) = order[bucket.clone()].split_at(*sample);
            for (&row, slots) in rest.iter().zip(&mut states) {
                for pivot in slots.pivots(plan.digits) {
                    left.push(row);
                    right.push(sample[pivot as usize]);
                }
            }
        }
        if left.is_empty() {
            return Ok(slots.into_iter().map(|slots| slots.low).collect());
        }
        let lesser = less(&left, &right)?;
        let mut answers = lesser.iter();
        for slots in &mut slots {
            let pivots = slots.pivots(plan.digits).count();
            let passed = answers.by_ref().take(pivots).filter(|less| !less).count();
            *slots = slots.narrow(plan.digits, passed);
        }
    }
}

/// Puts the rows of each bucket behind the rows of the sample that they are not less than, and returns the
/// buckets of more than one row that this makes.
pub(super) fn distribute(
    order: &mut [u32],
    buckets: &[(Range<usize>, usize)],
    slots: &[u32],
) -> Vec<Range<usize>> {
    let mut next = Vec::new();
    let mut slots = slots.iter();
    for (bucket, sample) in buckets {
        let rows = order[bucket.clone()].to_vec();
        let (sample, rest) = rows.split_at(*sample);
        let slots: Vec<u32> = slots.by_ref().take(rest.len()).copied().collect();
        let mut ends = vec![0; sample.len() + 1];
        for &slot in &slots {
            ends[slot as usize] += 1;
        }
        let mut start = bucket.start;
        for (slot, end) in ends.iter_mut().enumerate() {
            let count = std::mem::replace(end, start);
            if count > 1 {
                next.push(start..start + count);
            }
            start += count;
            if let Some(&pivot) = sample.get(slot) {
                order[start] = pivot;
                start += 1;
            }
        }
        for (&row, &slot) in rest.iter().zip(&slots) {
            let place = &mut ends[slot as usize];
            order[*place] = row;
            *place += 1;
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use algebra::Prg;

    use super::*;

    /// Sorts a random permutation in the clear; returns comparisons and levels.
    fn cost(n: usize, plan: Plan, prg: &mut Prg) -> (usize, usize) {
        let ranks = prg.permutation(n);
        let (mut comparisons, mut levels) = (0, 0);
        let order = order(n, plan, |left, right| {
            comparisons += left.len();
            levels += 1;
            Ok::<_, Infallible>(Bits::from_fn(left.len(), |i| {
                ranks[left[i] as usize] < ranks[right[i] as usize]
            }))
        });
        let sorted: Vec<u32> = order.unwrap().iter().map(|&row| ranks[row as usize]).collect();
        assert!(sorted.iter().copied().eq(0..n as u32), "sorted");
        (comparisons, levels)
    }

    #[test]
    fn every_plan_sorts_every_size() {
        let mut prg = Prg::new(&[1; 16]);
        for all_pairs in [1, 2, 5, 16] {
            for digits in [1, 2] {
                for n in (0..70).chain([255, 256, 1000, 5000]) {
                    cost(n, Plan { all_pairs, digits }, &mut prg);
                }
            }
        }
    }

    #[test]
    fn every_plan_costs_what_is_estimated() {
        let mut prg = Prg::new(&[2; 16]);
        for n in [3000, 30_000, 100_000] {
            for Estimate { plan, comparisons, levels } in ESTIMATES {
                let (measured, measured_levels) = cost(n, plan, &mut prg);
                let digits = (n as f64).log2();
                let ratio = measured as f64 / n as f64 / digits / comparisons;
                assert!(
                    (0.9..1.1).contains(&ratio),
                    "{n} rows, {plan:?}: {ratio} of the comparisons estimated"
                );
                let ratio = measured_levels as f64 / digits / levels;
                assert!((0.7..1.3).contains(&ratio), "{n} rows, {plan:?}: {ratio} of the levels estimated");
            }
        }
    }

    #[test]
    fn slow_networks_get_fewer_levels_and_fast_ones_fewer_comparisons() {
        let plan =
            |rows, micros| Plan::fastest(rows, 52, Pace { round: std::time::Duration::from_micros(micros) });
        assert_eq!(plan(1_000_000, 100), ESTIMATES[0].plan);
        assert_eq!(plan(10_000, 10_000), ESTIMATES[2].plan);
    }
}
