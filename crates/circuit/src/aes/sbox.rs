//! The S-box of AES in 32 AND gates and five layers.
//!
//! Inversion in GF(2^8) is done in a tower: GF(4) = GF(2)[w]/(w^2 + w + 1), GF(16) = GF(4)[z]/(z^2 + z + w),
//! GF(256) = GF(16)[y]/(y^2 + y + v) with v = w z. The conjugate of `h y + l` is `h y + (h + l)` and their product
//! is the norm `n = v h^2 + h l + l^2`, an element of GF(16). So the inverse is `(h y + (h + l)) / n`: a product, an
//! inversion and two products in GF(16). A product is 9 AND gates (Karatsuba twice) and the inversion 5, which is
//! the least possible (Boyar and Peralta, eprint 2009/191): 9 + 5 + 2·9 = 32. Changes of basis and the affine
//! map of FIPS 197 §5.1.1 are linear, hence free; their matrices are derived below.

use crate::Backend;

/// A byte-to-byte linear map: the image of each power of x.
type Matrix = [u8; 8];

/// A root, in the tower, of AES's polynomial `x^8 + x^4 + x^3 + x + 1`; sending x to it is an isomorphism.
const ROOT: u8 = 0x7a;
/// From the basis of AES to the tower's.
const INTO_TOWER: Matrix = powers(ROOT);
/// From the tower's basis back, and through the S-box's affine map.
const OUT_OF_TOWER: Matrix = affine_after_inverse();
/// What the affine map adds.
const AFFINE_CONSTANT: u8 = 0x63;

/// A product in GF(4), GF(16) or GF(256), whose elements have 2, 4 or 8 bits, the coefficient of 1 lowest.
const fn tower_product(a: u8, b: u8, width: u32) -> u8 {
    if width == 1 {
        return a & b;
    }
    let half = width / 2;
    let mask = (1 << half) - 1;
    let (a_low, a_high, b_low, b_high) = (a & mask, a >> half, b & mask, b >> half);
    let high = tower_product(a_high, b_high, half);
    let low = tower_product(a_low, b_low, half);
    let cross = tower_product(a_low, b_high, half) ^ tower_product(a_high, b_low, half);
    // The square of the extension's generator is itself plus 1, w, and w z at the three floors.
    let norm = [1, 0b10, 0b1000][half.trailing_zeros() as usize];
    (low ^ tower_product(high, norm, half)) | (cross ^ high) << half
}

const fn powers(root: u8) -> Matrix {
    let mut matrix = [1; 8];
    let mut i = 1;
    while i < 8 {
        matrix[i] = tower_product(matrix[i - 1], root, 8);
        i += 1;
    }
    matrix
}

const fn apply(matrix: Matrix, byte: u8) -> u8 {
    let mut image = 0;
    let mut i = 0;
    while i < 8 {
        if byte >> i & 1 == 1 {
            image ^= matrix[i];
        }
        i += 1;
    }
    image
}

/// The linear part of the S-box's affine map (FIPS 197, section 5.1.1).
const fn affine(byte: u8) -> u8 {
    byte ^ byte.rotate_left(1) ^ byte.rotate_left(2) ^ byte.rotate_left(3) ^ byte.rotate_left(4)
}

const AFFINE: Matrix = {
    let mut matrix = [0; 8];
    let mut i = 0;
    while i < 8 {
        matrix[i] = affine(1 << i);
        i += 1;
    }
    matrix
};

const fn affine_after_inverse() -> Matrix {
    let mut matrix = [0; 8];
    let mut byte: u8 = 0;
    loop {
        let image = apply(INTO_TOWER, byte);
        if image.is_power_of_two() {
            matrix[image.trailing_zeros() as usize] = affine(byte);
        }
        if byte == 255 {
            return matrix;
        }
        byte += 1;
    }
}

/// The S-box on every byte of a string, all in the same five layers. 32 AND gates a byte, unless the backend inverts
/// bytes in a way of its own.
///
/// # Errors
/// The backend's.
pub fn substitute<B: Backend>(bytes: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    if let Some(inverses) = backend.invert_bytes(bytes)? {
        return Ok(images(AFFINE, &inverses, backend));
    }
    let tower: Vec<[B::Wire; 8]> = bytes.chunks(8).map(|byte| linear(INTO_TOWER, byte, backend)).collect();
    let halves: Vec<[[B::Wire; 4]; 2]> = tower.iter().map(split).collect();

    let products = multiply(halves.iter().map(|[low, high]| (high, low)), backend)?;
    let norms: Vec<[B::Wire; 4]> =
        halves.iter().zip(products).map(|([low, high], product)| norm(low, high, product, backend)).collect();
    let inverses = invert(&norms, backend)?;
    let conjugates: Vec<[B::Wire; 4]> =
        halves.iter().map(|[low, high]| std::array::from_fn(|i| backend.xor(&low[i], &high[i]))).collect();
    let factors = halves
        .iter()
        .zip(&conjugates)
        .zip(&inverses)
        .flat_map(|(([_, high], conjugate), inverse)| [(conjugate, inverse), (high, inverse)]);
    let quotients = multiply(factors, backend)?;
    Ok(images(OUT_OF_TOWER, quotients.as_flattened(), backend))
}

/// A linear map on every byte, and what the affine map adds.
fn images<B: Backend>(matrix: Matrix, bytes: &[B::Wire], backend: &mut B) -> Vec<B::Wire> {
    let mut result = Vec::with_capacity(bytes.len());
    for byte in bytes.chunks(8) {
        let image = linear(matrix, byte, backend);
        for (i, bit) in image.into_iter().enumerate() {
            let one = AFFINE_CONSTANT >> i & 1 == 1;
            result.push(if one { backend.not(&bit) } else { bit });
        }
    }
    result
}

fn split<W: Clone>(byte: &[W; 8]) -> [[W; 4]; 2] {
    [0, 4].map(|half| std::array::from_fn(|i| byte[half + i].clone()))
}

fn linear<B: Backend>(matrix: Matrix, byte: &[B::Wire], backend: &mut B) -> [B::Wire; 8] {
    std::array::from_fn(|row| {
        let terms = (0..8).filter(|&column| matrix[column] >> row & 1 == 1);
        crate::bits::parity(terms.map(|column| &byte[column]), backend)
    })
}

/// `v h^2 + h l + l^2`, given the product `h l`. Squaring is linear: in GF(4) it is `(a, b) -> (a + b, b)`.
fn norm<B: Backend>(
    low: &[B::Wire; 4],
    high: &[B::Wire; 4],
    product: [B::Wire; 4],
    backend: &mut B,
) -> [B::Wire; 4] {
    // Coordinates over 1, w, z, w z; v h^2 = (h2, h2 + h3, h1 + h2 + h3, h0 + h3).
    let sums: [&[&B::Wire]; 4] = [
        &[&low[0], &low[1], &low[3], &high[2]],
        &[&low[1], &low[2], &high[2], &high[3]],
        &[&low[2], &low[3], &high[1], &high[2], &high[3]],
        &[&low[3], &high[0], &high[3]],
    ];
    let mut norm = product;
    for (wire, terms) in norm.iter_mut().zip(sums) {
        for term in terms {
            backend.xor_assign(wire, term);
        }
    }
    norm
}

/// Products in GF(16), in one layer. 9 AND gates each.
fn multiply<'a, B: Backend>(
    factors: impl Iterator<Item = (&'a [B::Wire; 4], &'a [B::Wire; 4])>,
    backend: &mut B,
) -> Result<Vec<[B::Wire; 4]>, B::Error>
where
    B::Wire: 'a,
{
    let mut pairs = Vec::new();
    for (a, b) in factors {
        let (a, b) = (nine(a, backend), nine(b, backend));
        pairs.extend(a.into_iter().zip(b));
    }
    let products = backend.and(&pairs)?;
    Ok(products
        .chunks(9)
        .map(|p| {
            // Three Karatsuba products in GF(4): of the low halves, of the high halves, of their sums.
            let mut floor = |i: usize| {
                let constant = backend.xor(&p[i], &p[i + 1]);
                let linear = backend.xor(&p[i], &p[i + 2]);
                (constant, linear)
            };
            let (low, high, sum) = (floor(0), floor(3), floor(6));
            // z^2 = z + w, and w (a + b w) = b + (a + b) w.
            let reduced = backend.xor(&high.0, &high.1);
            [
                backend.xor(&low.0, &high.1),
                backend.xor(&low.1, &reduced),
                backend.xor(&sum.0, &low.0),
                backend.xor(&sum.1, &low.1),
            ]
        })
        .collect())
}

/// What Karatsuba multiplies, of one factor: both coordinates and their sum, of both halves and of their sum.
fn nine<B: Backend>(a: &[B::Wire; 4], backend: &mut B) -> [B::Wire; 9] {
    let sums = [backend.xor(&a[0], &a[2]), backend.xor(&a[1], &a[3])];
    let three = |x: &B::Wire, y: &B::Wire, backend: &mut B| [x.clone(), y.clone(), backend.xor(x, y)];
    let low = three(&a[0], &a[1], backend);
    let high = three(&a[2], &a[3], backend);
    let sum = three(&sums[0], &sums[1], backend);
    let [l0, l1, l2] = low;
    let [h0, h1, h2] = high;
    let [s0, s1, s2] = sum;
    [l0, l1, l2, h0, h1, h2, s0, s1, s2]
}

/// Inverses in GF(16) (0 of 0), in three layers. 5 AND gates each.
///
/// The circuit was found by exhaustive search over all programs of five AND gates and depth three for this
/// tower; a test compares it with the definition on all sixteen elements.
fn invert<B: Backend>(elements: &[[B::Wire; 4]], backend: &mut B) -> Result<Vec<[B::Wire; 4]>, B::Error> {
    let first: Vec<_> = elements.iter().map(|x| (x[1].clone(), x[2].clone())).collect();
    let t0 = backend.and(&first)?;

    let mut second = Vec::with_capacity(2 * elements.len());
    for (x, t0) in elements.iter().zip(&t0) {
        let x3_t0 = backend.xor(&x[3], t0);
        second.push((backend.xor(&x[0], &x3_t0), x[3].clone()));
        second.push((backend.xor(&x[2], &x3_t0), backend.xor(&x[0], &x[1])));
    }
    let t12 = backend.and(&second)?;

    let mut third = Vec::with_capacity(2 * elements.len());
    for ((x, t0), t12) in elements.iter().zip(&t0).zip(t12.chunks(2)) {
        third.push((backend.xor(&t12[1], &x[1]), backend.xor(t0, &x[3])));
        third.push((backend.xor(&t12[1], t0), x[0].clone()));
    }
    let t34 = backend.and(&third)?;

    let rest = t12.chunks(2).zip(t34.chunks(2));
    Ok(elements
        .iter()
        .zip(rest)
        .map(|(x, (t12, t34))| {
            let x1_x2 = backend.xor(&x[1], &x[2]);
            let mut y0 = backend.xor(&x1_x2, &x[0]);
            for t in [&t12[1], &t34[0], &t34[1]] {
                backend.xor_assign(&mut y0, t);
            }
            let mut y1 = backend.xor(&x1_x2, &t12[0]);
            backend.xor_assign(&mut y1, &t34[1]);
            [y0, y1, backend.xor(&t34[0], &x[2]), backend.xor(&t12[0], &x[2])]
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clear, bits};

    #[test]
    fn inversion_in_gf16_matches_its_definition() {
        for x in 0..16u8 {
            let wires: [bool; 4] = std::array::from_fn(|i| x >> i & 1 == 1);
            let inverse = invert(&[wires], &mut Clear::default()).unwrap();
            let inverse = bits::to_u64(&inverse[0]) as u8;
            assert_eq!(tower_product(x, inverse, 4), u8::from(x != 0), "x = {x}");
        }
    }

    #[test]
    fn the_root_is_a_root() {
        let power = |n: u32| (0..n).fold(1, |value, _| tower_product(value, ROOT, 8));
        assert_eq!(power(8) ^ power(4) ^ power(3) ^ power(1) ^ 1, 0);
    }

    #[test]
    fn an_s_box_has_32_and_gates_in_five_layers() {
        let mut clear = Clear::default();
        substitute(&[false; 8], &mut clear).unwrap();
        assert_eq!((clear.ands, clear.layers), (32, 5));
    }
}
