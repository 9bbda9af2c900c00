//! Masked opening (B2A-2): for many rows, cheaper than injecting every bit.
//!
//! Let `r_1 = F(k_1)` and `r_2 = F(k_2)`, integers of k bits, known to both holders of component 1 and 2. In GF(2) the
//! three terms of `x + r_1 + r_2` are added: carry-save, with a top carry `c`, then an adder with sum `m` and
//! carry `g`, so that `x = m - r_1 - r_2 + 2^k (c + g)` exactly. `m` is opened to `P_0` and `P_2` and becomes
//! component 0; `-r_1` and `-r_2` are the two others; and the bits `c` and `g` are injected.
//!
//! # Security
//! `P_1` knows both masks and must not see `m`. For `P_0` and `P_2` a mask that they do not know, uniform over the
//! whole domain, enters `m` linearly, and `m` is a bijection of it whatever errors a cheater adds to the gates ([`masked::add`], tested
//! exhaustively): that is
//! what allows [`open_masked`] before verification. The gates stay pending, so that a wrong `m` aborts later.

use algebra::{Bits, Fp, columns_to_rows};
use circuit::arith::masked::{self, Masked};

use super::inject::inject;
use crate::abort::Abort;
use crate::boolean::Columns;
use crate::network::Party;
use crate::open::open_masked;
use crate::prss::Purpose;
use crate::session::Session;
use crate::share::{BitShare, FieldShare, IntShare};

/// The integers as field elements. About 6 k AND gates and two injected bits a row, 11 rounds.
pub(super) fn convert(x: &IntShare, session: &mut Session) -> Result<FieldShare, Abort> {
    let (rows, width, me) = (x.rows(), x.width(), session.party());
    let mut bits = x.bits.clone();
    if let (true, Some(sign)) = (x.signed, bits.last_mut()) {
        // Signed x is x + 2^(k-1) without a sign, less 2^(k-1).
        *sign = sign.not(me);
    }

    let masks = Masks::draw(rows, width, session);
    let columns = &mut Columns::new(rows, session);
    let Masked { sum, saved, carried } = masked::add(&bits, [&masks.first, &masks.second], columns)?;
    let opened = open_masked(&sum, Party::P1, session)?;
    let opened = opened.map(|columns| numbers(&columns)).unwrap_or_default();
    let negated = |mask: Vec<Fp>| mask.into_iter().map(|x| -x).collect();
    let own_and_next = match me {
        Party::P0 => (opened, negated(masks.values.1)),
        Party::P1 => (negated(masks.values.0), negated(masks.values.1)),
        Party::P2 => (negated(masks.values.0), opened),
    };
    let mut value = FieldShare { own: own_and_next.0, next: own_and_next.1 };

    let modulus = Fp::new(1 << width);
    let carries = inject(&[(&[saved, carried], &[modulus, modulus])], session)?;
    for carry in &carries {
        value = value.add(carry);
    }
    if x.signed {
        value = value.add_public(&vec![-Fp::new(1 << (width - 1)); rows], me);
    }
    Ok(value)
}

/// The two masks of every row.
struct Masks {
    /// `r_1` in GF(2): component 1 only.
    first: Vec<BitShare>,
    /// `r_2` in GF(2): component 2 only.
    second: Vec<BitShare>,
    /// What this party knows as numbers: the mask that is its own component, and its next; empty for component 0.
    values: (Vec<Fp>, Vec<Fp>),
}

impl Masks {
    fn draw(rows: usize, width: usize, session: &mut Session) -> Self {
        let tag = session.tag(Purpose::Random);
        let (me, prss) = (session.party(), session.prss());
        let zeros = vec![BitShare::zeros(rows); width];
        let (mut first, mut second) = (zeros.clone(), zeros);
        let mut values = (Vec::new(), Vec::new());
        let columns =
            |bits: &Bits| -> Vec<Bits> { (0..width).map(|k| bits.slice(k * rows..(k + 1) * rows)).collect() };
        for (component, mask) in [(1, &mut first), (2, &mut second)] {
            if me.index() == component {
                let drawn = columns(&prss.own.bits(tag, rows * width));
                values.0 = numbers(&drawn);
                for (bit, drawn) in mask.iter_mut().zip(drawn) {
                    bit.own = drawn;
                }
            } else if me.right().index() == component {
                let drawn = columns(&prss.next.bits(tag, rows * width));
                values.1 = numbers(&drawn);
                for (bit, drawn) in mask.iter_mut().zip(drawn) {
                    bit.next = drawn;
                }
            }
        }
        Self { first, second, values }
    }
}

/// Columns of bits, least significant first, as numbers below `2^126`.
fn numbers(columns: &[Bits]) -> Vec<Fp> {
    let columns: Vec<&Bits> = columns.iter().collect();
    let words = columns_to_rows(&columns);
    let number = |row: &[u64]| row.iter().rev().fold(0u128, |number, &word| number << 64 | u128::from(word));
    words.chunks(columns.len().div_ceil(64).max(1)).map(|row| Fp::new(number(row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cheating::at_three;

    /// The sums that are opened before they are verified show nothing because of these masks.
    #[test]
    fn masks_are_uniform_fresh_and_known_to_the_two_holders_of_a_component() {
        let (rows, width) = (500, 20);
        let drawn = at_three(|session| {
            Ok([0; 2].map(|_| {
                let Masks { first, second, values } = Masks::draw(rows, width, session);
                let whole =
                    |mask: &[BitShare], pick: fn(&BitShare) -> &Bits| Bits::concat(mask.iter().map(pick));
                let own = [whole(&first, |bit| &bit.own), whole(&second, |bit| &bit.own)];
                let next = [whole(&first, |bit| &bit.next), whole(&second, |bit| &bit.next)];
                let columns = |mask: &[BitShare], pick: fn(&BitShare) -> &Bits| {
                    numbers(&mask.iter().map(|bit| pick(bit).clone()).collect::<Vec<_>>())
                };
                let as_numbers = [columns(&first, |bit| &bit.own), columns(&second, |bit| &bit.own)];
                (own, next, values, as_numbers)
            }))
        });
        let drawn = drawn.map(|result| result.expect("honest parties do not abort"));
        let none = Bits::zeros(rows * width);
        for time in 0..2 {
            for (mask, component) in [(0, 1), (1, 2)] {
                let (left, holder, other) =
                    (&drawn[component - 1], &drawn[component], &drawn[(component + 1) % 3]);
                let (own, _, values, as_numbers) = &holder[time];
                assert_eq!(left[time].1[mask], own[mask], "both holders have the same");
                assert!([&holder[time].1[mask], &left[time].0[mask]].iter().all(|bits| **bits == none));
                assert!(other[time].0[mask] == none && other[time].1[mask] == none, "the third has none");
                assert_eq!((&values.0, &left[time].2.1), (&as_numbers[mask], &values.0));
                // 10,000 bits: standard deviation 50.
                assert!(
                    own[mask].count_ones().abs_diff(5000) < 300,
                    "{} bits are set",
                    own[mask].count_ones()
                );
                let again = &holder[1 - time].0[mask] ^ &own[mask];
                assert!(again.count_ones().abs_diff(5000) < 300, "drawn afresh");
            }
        }
    }
}
