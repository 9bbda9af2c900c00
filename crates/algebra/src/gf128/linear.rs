//! Linear maps from 64 bits to the field, applied to 64 columns of bits at once.

use super::Gf128;
#[cfg(target_arch = "x86_64")]
use super::gfni::Matrices;
use crate::transpose64;

/// A linear map over GF(2) from 64 bits to [`Gf128`], prepared for whatever instructions the processor has.
#[derive(Clone, Debug)]
pub struct LinearMap(Way);

#[derive(Clone, Debug)]
enum Way {
    Tables(Box<Tables>),
    #[cfg(target_arch = "x86_64")]
    Matrices(Box<Matrices>),
}

impl LinearMap {
    /// The map that takes bit `k` to `images[k]`.
    pub fn new(images: &[Gf128; 64]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(matrices) = Matrices::new(images) {
            return Self(Way::Matrices(Box::new(matrices)));
        }
        Self(Way::Tables(Box::new(Tables::new(images))))
    }

    /// The same map in every way that this processor can, the portable way first: for tests that they agree.
    pub fn every_way(images: &[Gf128; 64]) -> Vec<Self> {
        vec![Self(Way::Tables(Box::new(Tables::new(images)))), Self::new(images)]
    }

    /// The images of 64 columns: bit `k` of column `s` is bit `s` of `rows[k]`, and its image goes to `images[s]`.
    #[inline]
    pub fn apply(&self, rows: &[u64; 64], images: &mut [Gf128; 64]) {
        match &self.0 {
            Way::Tables(tables) => tables.apply(rows, images),
            #[cfg(target_arch = "x86_64")]
            Way::Matrices(matrices) => matrices.apply(rows, images),
        }
    }
}

/// `tables[b][byte]` is the image of that byte, at bits `8 b` and up.
#[derive(Clone, Debug)]
struct Tables([[Gf128; 256]; 8]);

impl Tables {
    fn new(images: &[Gf128; 64]) -> Self {
        Self(std::array::from_fn(|index| {
            let images = &images[8 * index..];
            let mut table = [Gf128(0); 256];
            for byte in 1..256usize {
                table[byte] = table[byte & (byte - 1)] + images[byte.trailing_zeros() as usize];
            }
            table
        }))
    }

    fn apply(&self, rows: &[u64; 64], images: &mut [Gf128; 64]) {
        let mut columns = *rows;
        transpose64(&mut columns);
        for (image, column) in images.iter_mut().zip(columns) {
            *image = self.sum(column.to_le_bytes());
        }
    }

    /// The sum of one entry of each table, that of the byte for it.
    #[inline]
    fn sum(&self, bytes: [u8; 8]) -> Gf128 {
        let entries = self.0.iter().zip(bytes).map(|(table, byte)| table[usize::from(byte)]);
        #[cfg(target_arch = "x86_64")]
        return super::x86::sum(entries);
        #[cfg(not(target_arch = "x86_64"))]
        entries.sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Prg;

    proptest! {
        #[test]
        fn every_way_gives_the_sum_of_the_images_of_the_bits_set(seed: [u8; 16]) {
            let mut prg = Prg::new(&seed);
            let images: [Gf128; 64] = std::array::from_fn(|_| prg.element());
            let rows: [u64; 64] = std::array::from_fn(|_| prg.block() as u64);
            let column = |s: usize| {
                let set = (0..64).filter(|&k| rows[k] >> s & 1 == 1);
                set.map(|k| images[k]).sum()
            };
            let expected: [Gf128; 64] = std::array::from_fn(column);
            for map in LinearMap::every_way(&images) {
                let mut given = [Gf128(1); 64];
                map.apply(&rows, &mut given);
                prop_assert_eq!(given, expected);
            }
        }
    }

    /// Each single bit, in each column: a place that is mistaken for another one shows here by its number.
    #[test]
    fn every_bit_of_every_column_goes_to_its_own_image() {
        let images: [Gf128; 64] = std::array::from_fn(|k| Gf128(3 << (2 * k)));
        for map in LinearMap::every_way(&images) {
            for k in 0..64 {
                for s in 0..64 {
                    let mut rows = [0; 64];
                    rows[k] = 1 << s;
                    let mut given = [Gf128(1); 64];
                    map.apply(&rows, &mut given);
                    for (place, image) in given.into_iter().enumerate() {
                        let expected = if place == s { images[k] } else { Gf128(0) };
                        assert_eq!(image, expected, "bit {k} of column {s}, at {place}");
                    }
                }
            }
        }
    }
}
