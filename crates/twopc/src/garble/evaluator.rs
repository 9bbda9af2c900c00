//! The side that uses the tables up.

use circuit::Backend;

use super::hash::Hash;
use super::{Label, Tables, WIDTH, select};
use crate::error::Error;

/// Evaluates garbled circuits. A wire is the label for its bit.
pub struct Evaluator {
    hash: Hash,
    gate: u64,
    rows: std::vec::IntoIter<[u128; 2]>,
}

impl Evaluator {
    /// An evaluator for the garbler with this hash key. It has no tables yet.
    pub fn new(hash_key: &[u8; 16]) -> Self {
        Self { hash: Hash::new(hash_key), gate: 0, rows: Vec::new().into_iter() }
    }

    /// Takes up the tables of the gates that come next.
    pub fn load(&mut self, tables: Tables) {
        self.gate = tables.first;
        self.rows = tables.rows.into_iter();
    }

    #[inline]
    fn evaluate<const N: usize, const HASHES: usize>(
        &mut self,
        pairs: &[(Label, Label); N],
    ) -> Result<[Label; N], Error> {
        let first = 2 * self.gate;
        let tweaks: [u64; HASHES] = std::array::from_fn(|i| first + i as u64);
        let mut hashes: [u128; HASHES] =
            std::array::from_fn(|i| if i % 2 == 0 { pairs[i / 2].0.0 } else { pairs[i / 2].1.0 });
        self.hash.apply(&mut hashes, &tweaks);
        self.gate += N as u64;
        let mut outputs = [Label(0); N];
        for (i, output) in outputs.iter_mut().enumerate() {
            let (a, b) = pairs[i];
            let [generator, evaluator] =
                self.rows.next().ok_or(Error::Exhausted { what: "garbled tables" })?;
            *output = Label(
                hashes[2 * i]
                    ^ select(a.colour(), generator)
                    ^ hashes[2 * i + 1]
                    ^ select(b.colour(), evaluator ^ a.0),
            );
        }
        Ok(outputs)
    }
}

impl Backend for Evaluator {
    type Wire = Label;
    type Error = Error;

    fn constant(&mut self, _: bool) -> Label {
        Label(0)
    }

    fn xor(&mut self, a: &Label, b: &Label) -> Label {
        Label(a.0 ^ b.0)
    }

    fn not(&mut self, a: &Label) -> Label {
        *a
    }

    fn and(&mut self, pairs: &[(Label, Label)]) -> Result<Vec<Label>, Error> {
        let mut outputs = Vec::with_capacity(pairs.len());
        let (chunks, rest) = pairs.as_chunks::<WIDTH>();
        for chunk in chunks {
            outputs.extend(self.evaluate::<WIDTH, { 2 * WIDTH }>(chunk)?);
        }
        for pair in rest {
            outputs.extend(self.evaluate::<1, 2>(&[*pair])?);
        }
        Ok(outputs)
    }

    fn and_one(&mut self, a: &Label, b: &Label) -> Result<Label, Error> {
        let [output] = self.evaluate::<1, 2>(&[(*a, *b)])?;
        Ok(output)
    }
}
