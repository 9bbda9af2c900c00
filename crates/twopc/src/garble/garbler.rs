//! The side that makes the tables.

use std::convert::Infallible;

use algebra::Prg;
use circuit::Backend;
use rand::{CryptoRng, RngExt};
use zeroize::Zeroize;

use super::hash::Hash;
use super::{Label, Tables, WIDTH, select};

/// Garbles circuits under one `delta`. A wire is the label for zero.
pub struct Garbler {
    delta: u128,
    labels: Prg,
    key: [u8; 16],
    hash: Hash,
    gates: u64,
    tables: Tables,
}

impl Garbler {
    /// A garbler whose two labels of a wire differ by `delta`, whose lowest bit is set.
    pub fn new(delta: u128, rng: &mut impl CryptoRng) -> Self {
        let key: [u8; 16] = rng.random();
        Self {
            delta: delta | 1,
            labels: Prg::new(&rng.random()),
            key,
            hash: Hash::new(&key),
            gates: 0,
            tables: Tables::default(),
        }
    }

    /// The public key of the hash, which the evaluator needs.
    pub fn hash_key(&self) -> [u8; 16] {
        self.key
    }

    /// Fresh input wires.
    pub fn inputs(&mut self, count: usize) -> Vec<Label> {
        (0..count).map(|_| Label(self.labels.block())).collect()
    }

    /// The labels with which an evaluator sees these bits on these wires.
    pub fn encode(&self, wires: &[Label], bits: &[bool]) -> Vec<Label> {
        wires.iter().zip(bits).map(|(wire, &bit)| Label(wire.0 ^ select(bit, self.delta))).collect()
    }

    /// Takes the tables of all gates garbled since the last time.
    pub fn take_tables(&mut self) -> Tables {
        let next = Tables { first: self.gates, rows: Vec::new() };
        std::mem::replace(&mut self.tables, next)
    }

    /// Garbles up to `N` gates at a stroke.
    #[inline]
    fn garble<const N: usize, const HASHES: usize>(&mut self, pairs: &[(Label, Label); N]) -> [Label; N] {
        let first = 2 * self.gates;
        let tweaks: [u64; HASHES] = std::array::from_fn(|i| first + i as u64 / 2);
        let mut hashes: [u128; HASHES] = std::array::from_fn(|i| {
            let (a, b) = pairs[i / 4];
            let label = if i % 4 < 2 { a.0 } else { b.0 };
            label ^ select(i % 2 == 1, self.delta)
        });
        self.hash.apply(&mut hashes, &tweaks);
        self.gates += N as u64;
        std::array::from_fn(|i| {
            let (a, b) = pairs[i];
            let [a0, a1, b0, b1] = [hashes[4 * i], hashes[4 * i + 1], hashes[4 * i + 2], hashes[4 * i + 3]];
            // 2014/756, figure 2: a generator half gate and an evaluator half gate.
            let generator = a0 ^ a1 ^ select(b.colour(), self.delta);
            let evaluator = b0 ^ b1 ^ a.0;
            self.tables.rows.push([generator, evaluator]);
            Label(a0 ^ select(a.colour(), generator) ^ b0 ^ select(b.colour(), b0 ^ b1))
        })
    }
}

impl Backend for Garbler {
    type Wire = Label;
    type Error = Infallible;

    fn constant(&mut self, bit: bool) -> Label {
        // The evaluator's label of every constant is zero.
        Label(select(bit, self.delta))
    }

    fn xor(&mut self, a: &Label, b: &Label) -> Label {
        Label(a.0 ^ b.0)
    }

    fn not(&mut self, a: &Label) -> Label {
        Label(a.0 ^ self.delta)
    }

    fn and(&mut self, pairs: &[(Label, Label)]) -> Result<Vec<Label>, Infallible> {
        let mut outputs = Vec::with_capacity(pairs.len());
        let (chunks, rest) = pairs.as_chunks::<WIDTH>();
        for chunk in chunks {
            outputs.extend(self.garble::<WIDTH, { 4 * WIDTH }>(chunk));
        }
        for pair in rest {
            outputs.extend(self.garble::<1, 4>(&[*pair]));
        }
        Ok(outputs)
    }

    fn and_one(&mut self, a: &Label, b: &Label) -> Result<Label, Infallible> {
        let [output] = self.garble::<1, 4>(&[(*a, *b)]);
        Ok(output)
    }
}

impl Drop for Garbler {
    fn drop(&mut self) {
        self.delta.zeroize();
    }
}
