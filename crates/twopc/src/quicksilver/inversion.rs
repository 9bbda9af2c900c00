//! Inverses in AES's field, by two products instead of 32 AND gates.
//!
//! GF(2^8) lies in GF(2^128): with a root β of AES's polynomial, bits `b0 … b7` stand for `b0 + b1 β + … + b7 β^7`.
//! That is linear, so eight wires add up to the wire of the byte's value; and squaring is linear over GF(2), so they
//! add up to the wire of its square as well. `y` is the inverse of `x`, or both are zero, if and only if
//! `x² y = x` and `x y² = y`. So an inverse costs eight committed bits and two terms of the check for products
//! (2021/076, section 4: polynomials of degree two).

use std::sync::LazyLock;

use algebra::{Field, Gf128};

/// `β^0 … β^14`.
static POWERS: LazyLock<[Gf128; 15]> = LazyLock::new(|| powers(root()));

fn powers<const N: usize>(base: Gf128) -> [Gf128; N] {
    let mut next = Gf128::ONE;
    std::array::from_fn(|_| {
        let power = next;
        next *= base;
        power
    })
}

/// A root of `x^8 + x^4 + x^3 + x + 1`: some power of any element that generates GF(2^8)'s multiplicative group.
fn root() -> Gf128 {
    // Raising to (2^128 - 1) / 255 = 0x0101…01 leads into the subfield; one of a few bases leads to a generator.
    let candidates = (2..).map(|base| {
        let (mut result, mut square) = (Gf128::ONE, Gf128::new(base));
        for _ in 0..16 {
            result *= square;
            for _ in 0..8 {
                square *= square;
            }
        }
        result
    });
    let is_root = |x: &Gf128| {
        let [one, x1, _, x3, x4, .., x8] = powers::<9>(*x);
        one + x1 + x3 + x4 + x8 == Gf128::ZERO
    };
    let mut elements = candidates.flat_map(powers::<255>);
    elements.find(is_root).unwrap_or(Gf128::ONE)
}

/// The wires of a byte's value and of its square, from those of its bits.
pub(super) fn lift(bits: &[Gf128]) -> [Gf128; 2] {
    let power = |i: usize| POWERS[i];
    let weighted = |step: usize| bits.iter().enumerate().map(|(i, &wire)| wire * power(step * i)).sum();
    [weighted(1), weighted(2)]
}

/// A byte's value, and its square.
pub(super) fn embed(byte: u8) -> [Gf128; 2] {
    let set = (0..8).filter(|i| byte >> i & 1 == 1);
    let value: Gf128 = set.map(|i| POWERS[i]).sum();
    [value, value * value]
}

/// The inverse of a byte in AES's field; of zero, zero.
pub(super) fn inverse(byte: u8) -> u8 {
    static INVERSES: LazyLock<[u8; 256]> = LazyLock::new(|| {
        // 3 generates the multiplicative group: the inverse of 3^i is 3^(255 - i).
        let mut next = 1u8;
        let powers: [u8; 256] = std::array::from_fn(|_| {
            let power = next;
            next = power ^ (power << 1) ^ (0x1b * (power >> 7));
            power
        });
        let mut inverses = [0; 256];
        for (i, &power) in powers[..255].iter().enumerate() {
            inverses[usize::from(power)] = powers[255 - i];
        }
        inverses
    });
    INVERSES[usize::from(byte)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_their_inverses_are_what_the_identities_say() {
        assert_eq!((inverse(0), inverse(1), inverse(0x53)), (0, 1, 0xca));
        let mut values = Vec::new();
        for byte in 0..=255u8 {
            let ([x, x_squared], [y, y_squared]) = (embed(byte), embed(inverse(byte)));
            assert_eq!((x_squared * y, x * y_squared), (x, y), "{byte}");
            assert_eq!(x * y, if byte == 0 { Gf128::ZERO } else { Gf128::ONE }, "{byte}");
            let bits: Vec<Gf128> = (0..8).map(|i| Gf128::new(u128::from(byte >> i & 1))).collect();
            assert_eq!(lift(&bits), embed(byte));
            values.push(x.value());
        }
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), 256, "different bytes have different values");
    }

    #[test]
    fn no_other_byte_satisfies_the_identities() {
        for byte in 0..=255u8 {
            let [x, x_squared] = embed(byte);
            let fitting = (0..=255u8).filter(|&other| {
                let [y, y_squared] = embed(other);
                x_squared * y == x && x * y_squared == y
            });
            assert_eq!(fitting.collect::<Vec<_>>(), [inverse(byte)]);
        }
    }
}
