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
    pub x_own: Vec<u64>,
    /// `y_i`.
    pub y_own: Vec<u64>,
    /// `x_{i+1}`.
    pub x_next: Vec<u64>,
    /// `y_{i+1}`.
    pub y_next: Vec<u64>,
    /// The claim as left verifier of `P_{i+1}`: `z_{i+1} + x_{i+1} y_{i+1} + F(k_{i+1})`.
    pub left_claim: Vec<u64>,
    /// The claim as right verifier of `P_{i-1}`: `F(k_i)`.
    pub right_claim: Vec<u64>,
}

impl Gates {
    /// Gates pending, counting the padding of each layer to whole words.
    pub fn len(&self) -> usize {
        64 * self.x_own.len()
    }

    /// Records a layer and returns the message `z_i` to the left party. `masks` are `F(k_i)` and `F(k_{i+1})`.
    pub fn push(&mut self, pairs: &[(&BitShare, &BitShare)], masks: [Bits; 2]) -> Bits {
        for (x, y) in pairs {
            assert_eq!(x.len(), y.len(), "columns of one length");
        }
        let start = self.x_own.len();
        append(&mut self.x_own, pairs.iter().map(|(x, _)| &x.own));
        append(&mut self.y_own, pairs.iter().map(|(_, y)| &y.own));
        append(&mut self.x_next, pairs.iter().map(|(x, _)| &x.next));
        append(&mut self.y_next, pairs.iter().map(|(_, y)| &y.next));
        let (x, y) = (&self.x_own[start..], &self.y_own[start..]);
        let (x_next, y_next) = (&self.x_next[start..], &self.y_next[start..]);

        let [own, next] = masks;
        let mut output = own.clone();
        output ^= &next;
        output.update_words(|words| {
            for (i, z) in words.iter_mut().enumerate() {
                *z ^= (x[i] & (y[i] ^ y_next[i])) ^ (x_next[i] & y[i]);
            }
        });
        self.right_claim.extend_from_slice(own.words());
        self.left_claim
            .extend(next.words().iter().zip(x_next.iter().zip(y_next)).map(|(mask, (x, y))| mask ^ (x & y)));
        output
    }

    /// Adds the message from the right party for the layer recorded last.
    pub fn complete(&mut self, received: &Bits) {
        let start = self.left_claim.len() - received.words().len();
        for (claim, z) in self.left_claim[start..].iter_mut().zip(received.words()) {
            *claim ^= z;
        }
    }

    /// Forgets all gates but keeps the memory.
    pub fn clear(&mut self) {
        for column in self.columns() {
            column.clear();
        }
    }

    fn columns(&mut self) -> [&mut Vec<u64>; 6] {
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

/// Appends columns back to back, starting at a word boundary.
fn append<'a>(words: &mut Vec<u64>, columns: impl Iterator<Item = &'a Bits>) {
    let mut used = 0;
    for column in columns {
        if used == 0 {
            words.extend_from_slice(column.words());
        } else {
            for &word in column.words() {
                if let Some(last) = words.last_mut() {
                    *last |= word << used;
                }
                words.push(word >> (64 - used));
            }
        }
        let end = used + column.len();
        if used > 0 && end.div_ceil(64) < 1 + column.words().len() {
            words.pop();
        }
        used = end % 64;
    }
}
