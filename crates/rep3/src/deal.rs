//! Sharing a value that one knows in full: what a provider does, and tests.

use algebra::{Bits, Fp, Prg};

use crate::network::Party;
use crate::share::{BitShare, FieldShare, IntShare};

/// What each of the three parties holds, in order, given all components.
fn holdings<C: Clone, S>(components: [C; 3], share: impl Fn(C, C) -> S) -> [S; 3] {
    Party::ALL
        .map(|party| share(components[party.index()].clone(), components[party.right().index()].clone()))
}

/// Shares of a column of bits for the three parties.
pub fn deal_bits(bits: &Bits, randomness: &mut Prg) -> [BitShare; 3] {
    let (a, b) = (randomness.bits(bits.len()), randomness.bits(bits.len()));
    let mut c = bits ^ &a;
    c ^= &b;
    holdings([a, b, c], |own, next| BitShare { own, next })
}

/// Shares of a column of integers of one width for the three parties.
pub fn deal_ints(values: &[i128], width: usize, signed: bool, randomness: &mut Prg) -> [IntShare; 3] {
    let mut shares = [(); 3].map(|()| IntShare { bits: Vec::with_capacity(width), signed });
    for k in 0..width {
        let bits = Bits::from_fn(values.len(), |row| values[row] >> k & 1 == 1);
        for (share, bit) in shares.iter_mut().zip(deal_bits(&bits, randomness)) {
            share.bits.push(bit);
        }
    }
    shares
}

/// Shares of a column of field elements for the three parties.
pub fn deal_field(values: &[Fp], randomness: &mut Prg) -> [FieldShare; 3] {
    let (a, b): (Vec<Fp>, Vec<Fp>) = (randomness.elements(values.len()), randomness.elements(values.len()));
    let c = values.iter().zip(a.iter().zip(&b)).map(|(&x, (&a, &b))| x - a - b).collect();
    holdings([a, b, c], |own, next| FieldShare { own, next })
}
