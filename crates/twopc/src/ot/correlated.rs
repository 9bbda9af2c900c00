//! Correlated OT with a chosen `delta`: SoftSpoken OT (2022/192).
//!
//! The sender ends with keys `K`, the receiver with random bits `u` and MACs `M = K ^ u·delta`. A bit travels in
//! the lowest bit of its MAC: `delta` has that bit set and keys have it clear, so both sides hold one block an OT.
//!
//! Malicious security is that of the paper: before anything is handed out, a random linear hash of every column
//! is compared, over 128 rows more than are used, which hide the receiver's bits. A receiver that cheats is caught
//! unless it guesses bits of `delta`, each with probability one half, and a later check that binds to the whole
//! `delta` loses nothing by it.

use algebra::{Field, Gf128, Prg, transpose64};
use rand::{CryptoRng, RngExt};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::leaves::Leaves;
use super::{DEPTH, TREES, base, tree};
use crate::channel::Channel;
use crate::error::Error;
use crate::message::{pack, recv_array, recv_blocks, recv_exact, send_blocks, unpack};

/// Correlations one call may make.
pub const MAX_COTS: usize = 1 << 25;

/// Rows made at a time, in blocks of 128, so that memory stays flat.
const BATCH: usize = 1 << 11;

/// The party with `delta`.
pub struct CotSender {
    delta: u128,
    trees: Vec<Leaves>,
    used: usize,
    keys: Vec<u128>,
    challenges: Prg,
}

/// The party with the bits.
pub struct CotReceiver {
    trees: Vec<Leaves>,
    used: usize,
    macs: Vec<u128>,
}

impl CotSender {
    /// Runs the base OTs, as their receiver, with `delta` (its lowest bit is set) as the choices.
    ///
    /// # Errors
    /// [`Error`] if the channel broke or the peer misbehaved.
    pub fn setup(delta: u128, channel: &mut dyn Channel, rng: &mut impl CryptoRng) -> Result<Self, Error> {
        let delta = delta | 1;
        let holes: Vec<usize> = delta.to_le_bytes().into_iter().map(usize::from).collect();
        // Level j of a tree, top first, branches on index bit DEPTH - 1 - j; the key is for the other side.
        let away: Vec<bool> =
            holes.iter().flat_map(|hole| (0..DEPTH).rev().map(move |bit| hole >> bit & 1 == 0)).collect();
        let keys = base::receive(&away, channel, rng)?;
        let trees = holes
            .iter()
            .zip(keys.chunks(DEPTH))
            .map(|(&hole, keys)| Ok(Leaves::punctured(&tree::receive(hole, keys, channel)?, hole)))
            .collect::<Result<_, Error>>()?;
        let challenges = Prg::new(&rng.random());
        Ok(Self { delta, trees, used: 0, keys: Vec::new(), challenges })
    }

    /// The correlation.
    pub fn delta(&self) -> u128 {
        self.delta
    }

    /// Makes `count` more correlations.
    ///
    /// # Errors
    /// [`Error::Cheating`] if the receiver is caught; [`Error::TooMany`]; [`Error`] if the channel broke.
    pub fn extend(&mut self, count: usize, channel: &mut dyn Channel) -> Result<(), Error> {
        for blocks in batches(count)? {
            self.extend_batch(blocks, channel)?;
        }
        Ok(())
    }

    fn extend_batch(&mut self, blocks: usize, channel: &mut dyn Channel) -> Result<(), Error> {
        let total = blocks + 1;
        let corrections = recv_blocks(channel, (TREES - 1) * total, "COT corrections")?;
        let mut columns = Vec::with_capacity(128);
        for (g, tree) in self.trees.iter().enumerate() {
            let made = tree.columns(self.used, total);
            for (j, mut column) in made.by_bit.into_iter().enumerate() {
                if g > 0 && self.delta >> (g * DEPTH + j) & 1 == 1 {
                    add(&mut column, &corrections[(g - 1) * total..g * total]);
                }
                columns.push(column);
            }
        }
        self.used += total;
        self.check(&columns, channel)?;
        append_rows(&columns, blocks, &mut self.keys, |key, _| key & !1);
        Ok(())
    }

    /// 2022/192, figure 8: `hash(W) = hash(V) ^ hash(u)·delta`, column by column.
    fn check(&mut self, columns: &[Vec<u128>], channel: &mut dyn Channel) -> Result<(), Error> {
        let point = self.challenges.block();
        send_blocks(channel, &[point])?;
        channel.flush()?;
        let bits = u128::from_le_bytes(recv_array(channel, "COT check")?);
        let theirs: [u8; 32] = recv_array(channel, "COT check")?;
        let expected = columns.iter().enumerate().map(|(c, column)| {
            let mask = 0u128.wrapping_sub(self.delta >> c & 1);
            hash(column, point) ^ (bits & mask)
        });
        if bool::from(digest(expected).ct_eq(&theirs)) {
            Ok(())
        } else {
            Err(Error::Cheating { what: "OT extension consistency" })
        }
    }

    /// Takes `count` keys out.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if fewer are left.
    pub fn take(&mut self, count: usize) -> Result<Vec<u128>, Error> {
        take(&mut self.keys, count)
    }

    /// Takes one.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if none is left.
    pub fn take_one(&mut self) -> Result<u128, Error> {
        self.keys.pop().ok_or(EXHAUSTED)
    }

    /// Correlations left.
    pub fn left(&self) -> usize {
        self.keys.len()
    }

    /// Lets the receiver choose the next bits: returns keys `K` for which it holds `K ^ bit·delta`.
    ///
    /// # Errors
    /// [`Error`] if the channel broke or too few correlations are left.
    pub fn send(&mut self, count: usize, channel: &mut dyn Channel) -> Result<Vec<u128>, Error> {
        let mut keys = self.take(count)?;
        let flips = unpack(&recv_exact(channel, count.div_ceil(8), "OT choices")?);
        for (key, flip) in keys.iter_mut().zip(flips) {
            *key ^= self.delta & 0u128.wrapping_sub(u128::from(flip));
        }
        Ok(keys)
    }
}

impl CotReceiver {
    /// Runs the base OTs, as their sender.
    ///
    /// # Errors
    /// [`Error`] if the channel broke or the peer misbehaved.
    pub fn setup(channel: &mut dyn Channel, rng: &mut impl CryptoRng) -> Result<Self, Error> {
        let keys = base::send(128, channel, rng)?;
        let trees = keys
            .chunks(DEPTH)
            .map(|keys| {
                let root = rng.random();
                Ok(Leaves::whole(&tree::grow(root, keys, channel)?))
            })
            .collect::<Result<_, Error>>()?;
        channel.flush()?;
        Ok(Self { trees, used: 0, macs: Vec::new() })
    }

    /// Makes `count` more correlations.
    ///
    /// # Errors
    /// [`Error::TooMany`]; [`Error`] if the channel broke.
    pub fn extend(&mut self, count: usize, channel: &mut dyn Channel) -> Result<(), Error> {
        for blocks in batches(count)? {
            self.extend_batch(blocks, channel)?;
        }
        Ok(())
    }

    fn extend_batch(&mut self, blocks: usize, channel: &mut dyn Channel) -> Result<(), Error> {
        let total = blocks + 1;
        let mut bits: Option<Vec<u128>> = None;
        let mut columns = Vec::with_capacity(128);
        let mut corrections = Vec::with_capacity((TREES - 1) * total);
        for tree in &self.trees {
            let made = tree.columns(self.used, total);
            columns.extend(made.by_bit);
            match &bits {
                None => bits = Some(made.all),
                Some(bits) => corrections.extend(made.all.iter().zip(bits).map(|(a, b)| a ^ b)),
            }
        }
        let bits = bits.unwrap_or_default();
        self.used += total;
        send_blocks(channel, &corrections)?;
        channel.flush()?;
        let point = u128::from_le_bytes(recv_array(channel, "COT check point")?);
        send_blocks(channel, &[hash(&bits, point)])?;
        channel.send(&digest(columns.iter().map(|column| hash(column, point))))?;
        channel.flush()?;
        append_rows(&columns, blocks, &mut self.macs, |mac, row| {
            mac & !1 | bits[row / 128] >> (row % 128) & 1
        });
        Ok(())
    }

    /// Takes `count` MACs out, each with its bit in the lowest place.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if fewer are left.
    pub fn take(&mut self, count: usize) -> Result<Vec<u128>, Error> {
        take(&mut self.macs, count)
    }

    /// Takes one.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if none is left.
    pub fn take_one(&mut self) -> Result<u128, Error> {
        self.macs.pop().ok_or(EXHAUSTED)
    }

    /// Correlations left.
    pub fn left(&self) -> usize {
        self.macs.len()
    }

    /// Chooses the next bits: returns `K ^ bit·delta` for keys `K` of the sender.
    ///
    /// # Errors
    /// [`Error`] if the channel broke or too few correlations are left.
    pub fn receive(&mut self, choices: &[bool], channel: &mut dyn Channel) -> Result<Vec<u128>, Error> {
        let macs = self.take(choices.len())?;
        let flips: Vec<bool> =
            macs.iter().zip(choices).map(|(mac, &choice)| (mac & 1 == 1) ^ choice).collect();
        channel.send(&pack(&flips))?;
        channel.flush()?;
        Ok(macs)
    }
}

impl Drop for CotSender {
    fn drop(&mut self) {
        self.delta.zeroize();
        self.keys.zeroize();
    }
}

impl Drop for CotReceiver {
    fn drop(&mut self) {
        self.macs.zeroize();
    }
}

/// Cuts `count` rows into batches of blocks of 128.
fn batches(count: usize) -> Result<impl Iterator<Item = usize>, Error> {
    if count > MAX_COTS {
        return Err(Error::TooMany { what: "correlated OTs", requested: count, limit: MAX_COTS });
    }
    let blocks = count.div_ceil(128);
    Ok((0..blocks).step_by(BATCH).map(move |start| BATCH.min(blocks - start)))
}

const EXHAUSTED: Error = Error::Exhausted { what: "correlated OTs" };

/// The last `count` of the pool: both sides take from the same end.
fn take(pool: &mut Vec<u128>, count: usize) -> Result<Vec<u128>, Error> {
    let rest = pool.len().checked_sub(count).ok_or(EXHAUSTED)?;
    Ok(pool.split_off(rest))
}

fn add(column: &mut [u128], other: &[u128]) {
    for (a, b) in column.iter_mut().zip(other) {
        *a ^= b;
    }
}

/// A polynomial hash of a column, linear over bits: the last block is added as it is and hides the rest.
fn hash(column: &[u128], point: u128) -> u128 {
    let Some((mask, rest)) = column.split_last() else { return 0 };
    let point = Gf128::new(point);
    let sum = rest.iter().fold(Gf128::ZERO, |sum, &block| (sum + Gf128::new(block)) * point);
    sum.value() ^ mask
}

fn digest(hashes: impl Iterator<Item = u128>) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(b"mpcstats/twopc/cot-check");
    for block in hashes {
        hash.update(block.to_le_bytes());
    }
    hash.finalize().into()
}

/// Turns columns into rows and appends `finish(row, index)` of each.
fn append_rows(
    columns: &[Vec<u128>],
    blocks: usize,
    pool: &mut Vec<u128>,
    finish: impl Fn(u128, usize) -> u128,
) {
    pool.reserve(128 * blocks);
    // Rows 64 r to 64 r + 63 of columns 64 c to 64 c + 63.
    let square = |r: usize, c: usize| {
        let mut square: [u64; 64] =
            std::array::from_fn(|j| (columns[64 * c + j][r / 2] >> (64 * (r % 2))) as u64);
        transpose64(&mut square);
        square
    };
    for r in 0..2 * blocks {
        let rows = square(r, 0).into_iter().zip(square(r, 1)).enumerate();
        pool.extend(
            rows.map(|(i, (low, high))| finish(u128::from(high) << 64 | u128::from(low), 64 * r + i)),
        );
    }
}
