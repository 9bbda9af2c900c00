//! The products of a batch over `F_p`.

use algebra::lanes::run;
use algebra::{Field, Fp};
use zeroize::Zeroize;

use super::terms::Multiply;
use crate::prss::{Prss, Tag};
use crate::share::FieldRows;

/// Consecutive outputs of one kind: each is an inner product of `terms` consecutive terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outputs {
    pub count: usize,
    pub terms: usize,
}

/// Everything a party keeps of its products until they are verified: the same statement as for
/// [`Gates`](super::gates::Gates), with signs and with sums of terms.
#[derive(Default)]
pub(crate) struct Products {
    pub x_own: Vec<Fp>,
    pub y_own: Vec<Fp>,
    pub x_next: Vec<Fp>,
    pub y_next: Vec<Fp>,
    /// As left verifier of `P_{i+1}`: `z_{i+1} - sum x_{i+1} y_{i+1} - F(k_{i+1})`, one an output.
    pub left_claim: Vec<Fp>,
    /// As right verifier of `P_{i-1}`: `F(k_i)`, one an output.
    pub right_claim: Vec<Fp>,
    pub outputs: Vec<Outputs>,
}

impl Products {
    /// Terms pending.
    pub fn len(&self) -> usize {
        self.x_own.len()
    }

    /// The factors that this party shares with its left one.
    pub fn own(&self) -> [&[Fp]; 2] {
        [&self.x_own, &self.y_own]
    }

    /// The factors that this party shares with its right one.
    pub fn next(&self) -> [&[Fp]; 2] {
        [&self.x_next, &self.y_next]
    }

    /// Outputs pending.
    pub fn outputs(&self) -> usize {
        self.right_claim.len()
    }

    /// Records products and returns the message `z_i` to the left party, masked by what the keys draw for `tag`.
    pub fn push(
        &mut self,
        pairs: &[(FieldRows<'_>, FieldRows<'_>)],
        outputs: &[Outputs],
        (prss, tag): (&Prss, Tag),
    ) -> Vec<Fp> {
        let mut start = self.x_own.len();
        for (x, y) in pairs {
            assert_eq!(x.own.len(), y.own.len(), "columns of one length");
            self.x_own.extend_from_slice(x.own);
            self.y_own.extend_from_slice(y.own);
            self.x_next.extend_from_slice(x.next);
            self.y_next.extend_from_slice(y.next);
        }
        let first = self.right_claim.len();
        let count = outputs.iter().map(|outputs| outputs.count).sum();
        prss.own.append_elements(tag, count, &mut self.right_claim);
        prss.next.append_elements(tag, count, &mut self.left_claim);
        let (mut claims, mut masks) = (&mut self.left_claim[first..], &self.right_claim[first..]);
        let mut message = vec![Fp::ZERO; count];
        let mut places = &mut message[..];
        for &Outputs { count, terms } in outputs {
            let factors = start..start + count * terms;
            start = factors.end;
            run(Multiply {
                own: [&self.x_own[factors.clone()], &self.y_own[factors.clone()]],
                next: [&self.x_next[factors.clone()], &self.y_next[factors]],
                terms,
                masks: masks.split_off(..count).unwrap_or_default(),
                claims: claims.split_off_mut(..count).unwrap_or_default(),
                message: places.split_off_mut(..count).unwrap_or_default(),
            });
        }
        for &outputs in outputs {
            self.record(outputs);
        }
        message
    }

    fn record(&mut self, outputs: Outputs) {
        match self.outputs.last_mut() {
            Some(last) if last.terms == outputs.terms => last.count += outputs.count,
            _ => self.outputs.push(outputs),
        }
    }

    /// Adds the message from the right party for the products recorded last.
    pub fn complete(&mut self, received: &[Fp]) {
        let start = self.left_claim.len() - received.len();
        for (claim, &z) in self.left_claim[start..].iter_mut().zip(received) {
            *claim += z;
        }
    }

    /// The numbers that the statement depends on.
    pub fn shape(&self) -> Vec<u64> {
        self.outputs.iter().flat_map(|o| [o.count as u64, o.terms as u64]).collect()
    }

    /// Forgets all products but keeps the memory.
    pub fn clear(&mut self) {
        for column in self.columns() {
            column.clear();
        }
        self.outputs.clear();
    }

    fn columns(&mut self) -> [&mut Vec<Fp>; 6] {
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

impl Drop for Products {
    fn drop(&mut self) {
        for column in self.columns() {
            column.zeroize();
        }
    }
}
