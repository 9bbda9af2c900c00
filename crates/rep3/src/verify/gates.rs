//! The AND gates of a batch, as columns of words: what the first level of the proofs over bits works on.

use algebra::Bits;
use zeroize::Zeroize;

use crate::share::BitShare;

/// Everything a party keeps of its AND gates until they are verified: six bits a gate.
///
/// With `x`, `y` the inputs of a gate and `z` its output, the statement of party `i` is
/// `x_i y_{i+1} + y_i x_{i+1} = (z_i + x_i y_i + F(k_i)) + F(k_{i+1})`.
#[derive(Default)]
pub(crate) struct Gates {
    /// `x_i`: first half of the prover's `u`, second half of the right verifier's `v`.
    pub x_own: Bits,
    /// `y_i`.
    pub y_own: Bits,
    /// `x_{i+1}`.
    pub x_next: Bits,
    /// `y_{i+1}`.
    pub y_next: Bits,
    /// The claim as left verifier of `P_{i+1}`: `z_{i+1} + x_{i+1} y_{i+1} + F(k_{i+1})`.
    pub left_claim: Bits,
    /// The claim as right verifier of `P_{i-1}`: `F(k_i)`.
    pub right_claim: Bits,
}

impl Gates {
    /// Gates pending, counting the padding of each layer to whole words.
    pub fn len(&self) -> usize {
        self.x_own.len()
    }

    /// Records a layer and returns the message `z_i` to the left party. `masks` are `F(k_i)` and `F(k_{i+1})`.
    pub fn push(&mut self, pairs: &[(&BitShare, &BitShare)], masks: [Bits; 2]) -> Bits {
        for (x, y) in pairs {
            assert_eq!(x.len(), y.len(), "columns of one length");
        }
        let start = self.x_own.words().len();
        for (x, y) in pairs {
            self.x_own.extend(&x.own);
            self.y_own.extend(&y.own);
            self.x_next.extend(&x.next);
            self.y_next.extend(&y.next);
        }
        let [own, mut next] = masks;
        self.right_claim.extend(&own);
        let mut output = own;
        output ^= &next;
        let (x, y) = (&self.x_own.words()[start..], &self.y_own.words()[start..]);
        let (x_next, y_next) = (&self.x_next.words()[start..], &self.y_next.words()[start..]);
        output.update_words(|words| {
            for (i, z) in words.iter_mut().enumerate() {
                *z ^= (x[i] & (y[i] ^ y_next[i])) ^ (x_next[i] & y[i]);
            }
        });
        next.update_words(|words| {
            for (claim, (x, y)) in words.iter_mut().zip(x_next.iter().zip(y_next)) {
                *claim ^= x & y;
            }
        });
        self.left_claim.extend(&next);
        // The next layer begins at a word.
        for column in self.columns() {
            column.resize(column.len().next_multiple_of(64));
        }
        output
    }

    /// Adds the message from the right party for the layer recorded last.
    pub fn complete(&mut self, received: &Bits) {
        self.left_claim.update_words(|words| {
            let start = words.len() - received.words().len();
            for (claim, z) in words[start..].iter_mut().zip(received.words()) {
                *claim ^= z;
            }
        });
    }

    /// Forgets all gates but keeps the memory.
    pub fn clear(&mut self) {
        for column in self.columns() {
            column.resize(0);
        }
    }

    fn columns(&mut self) -> [&mut Bits; 6] {
        [
            &mut self.x_own,
            &mut self.y_own,
            &mut self.x_next,
            &mut self.y_next,
            &mut self.left_claim,
            &mut self.right_claim,
        ]
    }
}

impl Drop for Gates {
    fn drop(&mut self) {
        for column in self.columns() {
            column.zeroize();
        }
    }
}
