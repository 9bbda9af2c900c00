//! The products of a batch over `F_p`.

use algebra::{Field, Fp, Prg};
use zeroize::Zeroize;

use crate::share::FieldShare;

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
    x_own: Vec<Fp>,
    y_own: Vec<Fp>,
    x_next: Vec<Fp>,
    y_next: Vec<Fp>,
    /// As left verifier of `P_{i+1}`: `z_{i+1} - sum x_{i+1} y_{i+1} - F(k_{i+1})`, one an output.
    left_claim: Vec<Fp>,
    /// As right verifier of `P_{i-1}`: `F(k_i)`, one an output.
    right_claim: Vec<Fp>,
    outputs: Vec<Outputs>,
}

impl Products {
    /// Terms pending.
    pub fn len(&self) -> usize {
        self.x_own.len()
    }

    /// Outputs pending.
    pub fn outputs(&self) -> usize {
        self.right_claim.len()
    }

    /// Records products and returns the message `z_i` to the left party. `masks` are `F(k_i)`, `F(k_{i+1})`.
    pub fn push(
        &mut self,
        pairs: &[(&FieldShare, &FieldShare)],
        outputs: &[Outputs],
        masks: [Vec<Fp>; 2],
    ) -> Vec<Fp> {
        let mut start = self.x_own.len();
        for (x, y) in pairs {
            assert_eq!(x.len(), y.len(), "columns of one length");
            self.x_own.extend_from_slice(&x.own);
            self.y_own.extend_from_slice(&y.own);
            self.x_next.extend_from_slice(&x.next);
            self.y_next.extend_from_slice(&y.next);
        }
        let [own, next] = masks;
        let mut message = Vec::with_capacity(own.len());
        for outputs in outputs {
            for _ in 0..outputs.count {
                let terms = start..start + outputs.terms;
                start = terms.end;
                let (x, y) = (&self.x_own[terms.clone()], &self.y_own[terms.clone()]);
                let (x_next, y_next) = (&self.x_next[terms.clone()], &self.y_next[terms]);
                let mut sum = <Fp as Field>::Accumulator::default();
                for i in 0..x.len() {
                    Fp::accumulate(&mut sum, x[i], y[i] + y_next[i]);
                    Fp::accumulate(&mut sum, x_next[i], y[i]);
                }
                let index = message.len();
                message.push(Fp::reduce(sum) + own[index] - next[index]);
                self.left_claim.push(-Fp::inner_product(x_next, y_next) - next[index]);
            }
            self.record(*outputs);
        }
        self.right_claim.extend(own);
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

    /// The prover's `u` and `v` of the statement about all outputs together, each with a random weight.
    pub fn prover(&self, weights: &mut Prg) -> (Vec<Fp>, Vec<Fp>) {
        let weights: Vec<Fp> = weights.elements(self.outputs());
        (self.padded(&self.x_own, &self.y_own), self.weighted(&self.y_next, &self.x_next, &weights))
    }

    /// The left verifier's `u` and claim.
    pub fn left(&self, weights: &mut Prg) -> (Vec<Fp>, Fp) {
        let weights: Vec<Fp> = weights.elements(self.outputs());
        (self.padded(&self.x_next, &self.y_next), Fp::inner_product(&self.left_claim, &weights))
    }

    /// The right verifier's `v` and claim.
    pub fn right(&self, weights: &mut Prg) -> (Vec<Fp>, Fp) {
        let weights: Vec<Fp> = weights.elements(self.outputs());
        let claim = Fp::inner_product(&self.right_claim, &weights);
        (self.weighted(&self.y_own, &self.x_own, &weights), claim)
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

    /// `first` then `second`, every term times the weight of its output.
    fn weighted(&self, first: &[Fp], second: &[Fp], weights: &[Fp]) -> Vec<Fp> {
        let mut v = Vec::with_capacity(2 * first.len() + 1);
        for column in [first, second] {
            let (mut column, mut weights) = (column, weights);
            for &Outputs { count, terms } in &self.outputs {
                let (terms_now, terms_later) = column.split_at(count * terms);
                let (weights_now, weights_later) = weights.split_at(count);
                if terms == 1 {
                    v.extend(terms_now.iter().zip(weights_now).map(|(&x, &weight)| weight * x));
                } else {
                    for (terms, &weight) in terms_now.chunks(terms.max(1)).zip(weights_now) {
                        v.extend(terms.iter().map(|&x| weight * x));
                    }
                }
                (column, weights) = (terms_later, weights_later);
            }
        }
        self.pad(v)
    }

    fn padded(&self, first: &[Fp], second: &[Fp]) -> Vec<Fp> {
        self.pad([first, second].concat())
    }

    /// Outputs without any terms still have a claim, which needs a vector to be about.
    fn pad(&self, mut vector: Vec<Fp>) -> Vec<Fp> {
        if vector.is_empty() && self.outputs() > 0 {
            vector.push(Fp::ZERO);
        }
        vector
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
