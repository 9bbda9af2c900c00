//! Assertions S2 and S3: that the two messages of a hop are what the protocol says.
//!
//! With `h` a random linear hash of a row to one field element and `theta` random weights, both drawn after
//! the messages, and `X[j]` row `j`:
//!
//! | | prover | left | right | `u_j` | `v_j` | `t_L` | `t_R` |
//! |---|---|---|---|---|---|---|---|
//! | S2 | a | t | b | `h(X_a[j])` | `theta[pi^-1(j)]` | `sum theta_i h(Y_a[i])` | `-sum theta_i h((pi(X_b) - Y_b + rho)[i])` |
//! | S3 | b | a | t | `theta[pi^-1(j)]` | `h(X_t[j])` | `sum theta_i h(rho[i])` | `sum theta_i h(Y_t[i])` |
//!
//! Both say that a message permutes right and masks right, whatever `pi` is: rows that were exchanged,
//! repeated or changed satisfy them with probability at most 2/|F|. Columns of bits and columns of field
//! elements are asserted apart, with the same permutation.

use std::sync::Arc;

use algebra::{Bits, Field, Fp, Gf128, Prg};

use super::{Component, Shape};
use crate::abort::Abort;
use crate::network::Party;
use crate::rows::{Rows, hash_weights};
use crate::session::Session;
use crate::verify::{Assertion, Side, SideMaker};

/// What a party keeps of a hop, of all columns or of those of one kind.
pub(super) enum Hop<C> {
    /// The first of the pair, `a`.
    First { x_a: C, permutation: Arc<Vec<u32>>, rho: C },
    /// The second of the pair, `b`; `known` is `pi(X_b) - Y_b + rho`.
    Second { x_t: C, permutation: Arc<Vec<u32>>, known: C },
    /// The third party, `t`.
    Third { x_a: C, x_t: C, y_a: C, y_t: C },
}

/// Queues both assertions over both fields.
pub(super) fn assert(
    hop: Hop<Component>,
    first: Party,
    shape: Shape,
    session: &mut Session,
) -> Result<(), Abort> {
    let (bits, field) = hop.split();
    if shape.bits > 0 {
        for (prover, side) in bits.sides(first) {
            session.assert_binary(Assertion { prover, terms: shape.rows, side })?;
        }
    }
    if shape.field > 0 {
        for (prover, side) in field.sides(first) {
            session.assert_prime(Assertion { prover, terms: shape.rows, side })?;
        }
    }
    Ok(())
}

impl Hop<Component> {
    /// The part of the columns of bits and that of the columns of field elements.
    fn split(self) -> (Hop<Vec<Bits>>, Hop<Vec<Vec<Fp>>>) {
        match self {
            Self::First { x_a, permutation, rho } => (
                Hop::First { x_a: x_a.bits, permutation: permutation.clone(), rho: rho.bits },
                Hop::First { x_a: x_a.field, permutation, rho: rho.field },
            ),
            Self::Second { x_t, permutation, known } => (
                Hop::Second { x_t: x_t.bits, permutation: permutation.clone(), known: known.bits },
                Hop::Second { x_t: x_t.field, permutation, known: known.field },
            ),
            Self::Third { x_a, x_t, y_a, y_t } => (
                Hop::Third { x_a: x_a.bits, x_t: x_t.bits, y_a: y_a.bits, y_t: y_t.bits },
                Hop::Third { x_a: x_a.field, x_t: x_t.field, y_a: y_a.field, y_t: y_t.field },
            ),
        }
    }
}

impl<C: Columns> Hop<C> {
    /// This party's sides of S2 and S3, with their provers.
    fn sides(self, first: Party) -> [(Party, SideMaker<C::Field>); 2] {
        let second = first.right();
        match self {
            Self::First { x_a, permutation, rho } => {
                let s2_permutation = permutation.clone();
                let s2: SideMaker<C::Field> = Box::new(move |prg| {
                    let weights = Weights::draw(&x_a, prg);
                    Side::Prover { u: x_a.hash(&weights.columns), v: weights.permuted(&s2_permutation) }
                });
                let s3: SideMaker<C::Field> = Box::new(move |prg| {
                    let weights = Weights::draw(&rho, prg);
                    Side::Left { u: weights.permuted(&permutation), claim: weights.sum(&rho) }
                });
                [(first, s2), (second, s3)]
            }
            Self::Second { x_t, permutation, known } => {
                let s2_permutation = permutation.clone();
                let s2: SideMaker<C::Field> = Box::new(move |prg| {
                    let weights = Weights::draw(&known, prg);
                    Side::Right { v: weights.permuted(&s2_permutation), claim: -weights.sum(&known) }
                });
                let s3: SideMaker<C::Field> = Box::new(move |prg| {
                    let weights = Weights::draw(&x_t, prg);
                    Side::Prover { u: weights.permuted(&permutation), v: x_t.hash(&weights.columns) }
                });
                [(first, s2), (second, s3)]
            }
            Self::Third { x_a, x_t, y_a, y_t } => {
                let s2: SideMaker<C::Field> = Box::new(move |prg| {
                    let weights = Weights::draw(&y_a, prg);
                    Side::Left { u: x_a.hash(&weights.columns), claim: weights.sum(&y_a) }
                });
                let s3: SideMaker<C::Field> = Box::new(move |prg| {
                    let weights = Weights::draw(&y_t, prg);
                    Side::Right { v: x_t.hash(&weights.columns), claim: weights.sum(&y_t) }
                });
                [(first, s2), (second, s3)]
            }
        }
    }
}

/// Columns that a row can be hashed over.
pub(super) trait Columns: Send + 'static {
    type Field: Field;

    fn rows(&self) -> usize;

    /// Weights that [`Columns::hash`] takes.
    fn hash_weights(&self) -> usize;

    /// Every row as one field element, linear in the row.
    fn hash(&self, weights: &[Self::Field]) -> Vec<Self::Field>;
}

impl Columns for Vec<Bits> {
    type Field = Gf128;

    fn rows(&self) -> usize {
        self.first().map_or(0, Bits::len)
    }

    fn hash_weights(&self) -> usize {
        hash_weights(self.len())
    }

    fn hash(&self, weights: &[Gf128]) -> Vec<Gf128> {
        Rows::new(&self.iter().collect::<Vec<_>>()).hash(weights)
    }
}

impl Columns for Vec<Vec<Fp>> {
    type Field = Fp;

    fn rows(&self) -> usize {
        self.first().map_or(0, Vec::len)
    }

    fn hash_weights(&self) -> usize {
        self.len().saturating_sub(1)
    }

    fn hash(&self, weights: &[Fp]) -> Vec<Fp> {
        let mut columns = self.iter();
        let mut hashes = columns.next().cloned().unwrap_or_default();
        for (column, &weight) in columns.zip(weights) {
            for (hash, &value) in hashes.iter_mut().zip(column) {
                *hash += weight * value;
            }
        }
        hashes
    }
}

/// The random weights of an assertion.
struct Weights<F> {
    /// Of the words or elements of a row, but the first, whose weight is one.
    columns: Vec<F>,
    /// `theta`, of the rows after the permutation.
    rows: Vec<F>,
}

impl<F: Field> Weights<F> {
    fn draw<C: Columns<Field = F>>(columns: &C, prg: &mut Prg) -> Self {
        Self { columns: prg.elements(columns.hash_weights()), rows: prg.elements(columns.rows()) }
    }

    /// `theta[pi^-1(j)]` for every `j`.
    fn permuted(&self, permutation: &[u32]) -> Vec<F> {
        let mut weights = vec![F::ZERO; self.rows.len()];
        for (&weight, &row) in self.rows.iter().zip(permutation) {
            weights[row as usize] = weight;
        }
        weights
    }

    /// The weighted sum of the hashes of all rows.
    fn sum<C: Columns<Field = F>>(&self, columns: &C) -> F {
        F::inner_product(&self.rows, &columns.hash(&self.columns))
    }
}
