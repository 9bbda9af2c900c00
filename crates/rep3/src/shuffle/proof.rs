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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Inline;
    use crate::shuffle::Shape;

    const SHAPE: Shape = Shape { rows: 70, bits: 130, field: 2 };

    /// The views of one hop, worked out in one place, with the messages of the pair perhaps changed.
    struct World {
        x: [Component; 3],
        permutation: Arc<Vec<u32>>,
        rho: Component,
        y_a: Component,
        y_t: Component,
        known: Component,
    }

    fn random(prg: &mut Prg) -> Component {
        Component {
            bits: (0..SHAPE.bits).map(|_| prg.bits(SHAPE.rows)).collect(),
            field: (0..SHAPE.field).map(|_| prg.elements(SHAPE.rows)).collect(),
        }
    }

    impl World {
        fn new(prg: &mut Prg) -> Self {
            let x = [random(prg), random(prg), random(prg)];
            let (fresh, rho) = (random(prg), random(prg));
            let permutation = Arc::new(prg.permutation(SHAPE.rows));
            let masked = |x: &Component| x.permute(&permutation, &Inline).sub(&fresh).add(&rho);
            let y_a = masked(&x[0].clone().add(&x[1]));
            let (y_t, known) = (x[2].permute(&permutation, &Inline).sub(&rho), masked(&x[1]));
            Self { x, permutation, rho, y_a, y_t, known }
        }

        /// Whether S2 and S3 hold, over the field of one kind of columns.
        fn hold<C: Columns + Clone>(&self, of: impl Fn(&Component) -> C, prg: &mut Prg) -> [bool; 2] {
            let [x_a, _, x_t] = self.x.each_ref().map(&of);
            let permutation = self.permutation.clone();
            let a = Hop::First { x_a: x_a.clone(), permutation: permutation.clone(), rho: of(&self.rho) };
            let b = Hop::Second { x_t: x_t.clone(), permutation, known: of(&self.known) };
            let t = Hop::Third { x_a, x_t, y_a: of(&self.y_a), y_t: of(&self.y_t) };
            let [a, b, t] = [a, b, t].map(|hop| hop.sides(Party::P0));
            let mut sides = a.into_iter().zip(b).zip(t);
            let mut holds = || {
                let ((a, b), t) = sides.next().expect("two assertions");
                assert!(a.0 == b.0 && b.0 == t.0, "all parties name one prover");
                let seed = prg.block().to_le_bytes();
                // The three parties draw the same weights.
                verdict([a.1, b.1, t.1].map(|side| side(&mut Prg::new(&seed))))
            };
            [holds(), holds()]
        }
    }

    /// Checks that the verifiers hold the prover's vectors, and compares the inner product with the claims.
    fn verdict<F: Field>(sides: [Side<F>; 3]) -> bool {
        let (mut product, mut claims) = (F::ZERO, F::ZERO);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let mut prover = None;
        for side in sides {
            match side {
                Side::Prover { u, v } => {
                    product = F::inner_product(&u, &v);
                    prover = Some((u, v));
                }
                Side::Left { u, claim } => {
                    claims += claim;
                    left = u;
                }
                Side::Right { v, claim } => {
                    claims += claim;
                    right = v;
                }
            }
        }
        assert_eq!(prover, Some((left, right)), "both verifiers know their vector");
        product == claims
    }

    fn holds(world: &World, prg: &mut Prg) -> [[bool; 2]; 2] {
        let bits = world.hold(|component| component.bits.clone(), prg);
        let field = world.hold(|component| component.field.clone(), prg);
        [bits, field]
    }

    #[test]
    fn honest_messages_satisfy_both_assertions() {
        let mut prg = Prg::new(&[1; 16]);
        for _ in 0..10 {
            let world = World::new(&mut prg);
            assert_eq!(holds(&world, &mut prg), [[true; 2]; 2]);
        }
    }

    #[test]
    fn a_changed_message_satisfies_neither_its_assertion() {
        let mut prg = Prg::new(&[2; 16]);
        for column in [0, 63, 64, 127, 128, 129] {
            let mut world = World::new(&mut prg);
            let row = column % SHAPE.rows;
            for component in [&mut world.y_a, &mut world.y_t] {
                let bit = component.bits[column].get(row);
                component.bits[column].set(row, !bit);
                component.field[column % 2][row] += Fp::ONE;
            }
            assert_eq!(holds(&world, &mut prg), [[false; 2]; 2], "column {column}");
        }
    }

    #[test]
    fn exchanged_and_repeated_rows_satisfy_neither_assertion() {
        let mut prg = Prg::new(&[3; 16]);
        let exchanged: Vec<u32> = (0..SHAPE.rows as u32).map(|row| row ^ 1).collect();
        let repeated: Vec<u32> = (0..SHAPE.rows as u32).map(|row| row.max(1)).collect();
        for rows in [exchanged, repeated] {
            let mut world = World::new(&mut prg);
            world.y_a = world.y_a.permute(&rows, &Inline);
            world.y_t = world.y_t.permute(&rows, &Inline);
            assert_eq!(holds(&world, &mut prg), [[false; 2]; 2]);
        }
    }

    #[test]
    fn another_permutation_than_the_drawn_one_is_noticed() {
        let mut prg = Prg::new(&[4; 16]);
        let mut world = World::new(&mut prg);
        let other = prg.permutation(SHAPE.rows);
        // The pair's first member permutes its own part otherwise, and masks as it should.
        let difference =
            world.x[0].permute(&other, &Inline).sub(&world.x[0].permute(&world.permutation, &Inline));
        world.y_a = world.y_a.add(&difference);
        assert_eq!(holds(&world, &mut prg), [[false, true]; 2]);
    }
}
