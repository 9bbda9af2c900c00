//! Bits of one row side by side: taking rows is then one access to memory each, not one for every column.

use algebra::{Bits, Gf128, columns_to_rows, transpose64};

use crate::executor::{Executor, Inline, Task, part};
use crate::share::BitShare;

/// Groups of 64 rows worth a task of their own.
const TASK: usize = 64;

/// One component of some columns of bits, row after row.
#[derive(Clone)]
pub(crate) struct Rows {
    words: Vec<u64>,
    columns: usize,
}

impl Rows {
    /// The rows of these columns, which have one length.
    pub fn new(columns: &[&Bits]) -> Self {
        Self { words: columns_to_rows(columns), columns: columns.len() }
    }

    /// Words a row takes.
    fn width(&self) -> usize {
        self.columns.div_ceil(64)
    }

    /// The columns of the rows with these numbers, in this order.
    pub fn gather(&self, rows: &[u32], executor: &dyn Executor) -> Vec<Bits> {
        let size = 64 * part(rows.len().div_ceil(64), TASK, executor);
        let mut parts = vec![Vec::new(); rows.len().div_ceil(size)];
        let tasks = parts.iter_mut().zip(rows.chunks(size));
        executor.run(
            tasks.map(|(part, rows)| Box::new(move || *part = self.gather_words(rows)) as Task<'_>).collect(),
        );
        let mut parts = parts.into_iter();
        let mut columns = parts.next().unwrap_or_else(|| vec![Vec::new(); self.columns]);
        for part in parts {
            for (column, words) in columns.iter_mut().zip(part) {
                column.extend(words);
            }
        }
        columns.into_iter().map(|words| Bits::from_words(words, rows.len())).collect()
    }

    fn gather_words(&self, rows: &[u32]) -> Vec<Vec<u64>> {
        let width = self.width();
        let mut columns = vec![vec![0; rows.len().div_ceil(64)]; self.columns];
        for (index, rows) in rows.chunks(64).enumerate() {
            for (group, columns) in columns.chunks_mut(64).enumerate() {
                let mut block = [0; 64];
                for (word, &row) in block.iter_mut().zip(rows) {
                    *word = self.words[row as usize * width + group];
                }
                transpose64(&mut block);
                for (column, word) in columns.iter_mut().zip(block) {
                    column[index] = word;
                }
            }
        }
        columns
    }

    /// Every row hashed to one field element: its 128-bit words, weighted.
    pub fn hash(&self, weights: &[Gf128]) -> Vec<Gf128> {
        let hash = |row: &[u64]| {
            let word = |pair: &[u64]| {
                let high = pair.get(1).copied().unwrap_or(0);
                Gf128::new(u128::from(pair[0]) | u128::from(high) << 64)
            };
            // The first word has weight one: most rows have no other and need no multiplication.
            let tail = row.chunks(2).skip(1).zip(weights).map(|(pair, &weight)| word(pair) * weight);
            tail.fold(word(row), |sum, term| sum + term)
        };
        self.words.chunks_exact(self.width().max(1)).map(hash).collect()
    }
}

/// How many weights [`Rows::hash`] needs for rows of so many columns.
pub(crate) fn hash_weights(columns: usize) -> usize {
    columns.div_ceil(128).saturating_sub(1)
}

/// Both components of some columns of shared bits, row after row.
#[derive(Clone)]
pub(crate) struct ShareRows {
    own: Rows,
    next: Rows,
}

impl ShareRows {
    /// The rows of these columns, which have one length.
    pub fn new(columns: &[BitShare]) -> Self {
        let own: Vec<&Bits> = columns.iter().map(|column| &column.own).collect();
        let next: Vec<&Bits> = columns.iter().map(|column| &column.next).collect();
        Self { own: Rows::new(&own), next: Rows::new(&next) }
    }

    /// The columns of the rows with these numbers, in this order.
    pub fn gather(&self, rows: &[u32], executor: &dyn Executor) -> Vec<BitShare> {
        let columns = self.own.gather(rows, executor).into_iter().zip(self.next.gather(rows, executor));
        columns.map(|(own, next)| BitShare { own, next }).collect()
    }
}

/// The rows of some columns with these numbers, in this order.
pub(crate) fn gather(columns: &[BitShare], rows: &[u32]) -> Vec<BitShare> {
    ShareRows::new(columns).gather(rows, &Inline)
}
