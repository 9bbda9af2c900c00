//! Between columns of bits and rows of words: 64 by 64 blocks at a time.

use crate::Bits;

/// Transposes a 64 by 64 bit matrix in place: bit `j` of word `i` and bit `i` of word `j` change places.
///
/// Blocks off the diagonal are exchanged at ever smaller sizes (H. Warren, Hacker's Delight, 7-3).
#[inline]
pub fn transpose64(block: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask: u64 = 0xffff_ffff;
    while width != 0 {
        for start in (0..64).step_by(2 * width) {
            for i in start..start + width {
                let exchange = (block[i] >> width ^ block[i + width]) & mask;
                block[i] ^= exchange << width;
                block[i + width] ^= exchange;
            }
        }
        width /= 2;
        mask ^= mask << width;
    }
}

/// Takes columns of one length to rows of `columns.len() / 64` words, rounded up, one row after another:
/// bit `j` of a row is its bit in column `j`.
///
/// # Panics
/// If the columns differ in length.
pub fn columns_to_rows(columns: &[&Bits]) -> Vec<u64> {
    let rows = columns.first().map_or(0, |column| column.len());
    let width = columns.len().div_ceil(64);
    assert!(columns.iter().all(|column| column.len() == rows), "columns of one length");
    let mut words = vec![0; rows * width];
    for (group, columns) in columns.chunks(64).enumerate() {
        for (block_index, rows) in words.chunks_mut(64 * width).enumerate() {
            let mut block = [0; 64];
            for (word, column) in block.iter_mut().zip(columns) {
                *word = column.words()[block_index];
            }
            transpose64(&mut block);
            for (row, word) in rows.chunks_exact_mut(width).zip(block) {
                row[group] = word;
            }
        }
    }
    words
}

/// The reverse of [`columns_to_rows`]: takes rows of `count / 64` words, rounded up, to `count` columns.
///
/// # Panics
/// If the words are not a whole number of rows.
pub fn rows_to_columns(words: &[u64], count: usize) -> Vec<Bits> {
    let width = count.div_ceil(64).max(1);
    assert!(words.len().is_multiple_of(width), "a whole number of rows");
    let rows = words.len() / width;
    let mut columns = vec![vec![0; rows.div_ceil(64)]; count];
    for (group, columns) in columns.chunks_mut(64).enumerate() {
        for (block_index, rows) in words.chunks(64 * width).enumerate() {
            let mut block = [0; 64];
            for (word, row) in block.iter_mut().zip(rows.chunks_exact(width)) {
                *word = row[group];
            }
            transpose64(&mut block);
            for (column, word) in columns.iter_mut().zip(block) {
                column[block_index] = word;
            }
        }
    }
    columns.into_iter().map(|words| Bits::from_words(words, rows)).collect()
}
