//! Inner products, of which many share columns: variances, covariances, regressions.
//!
//! Proving them one by one would cost what both columns cost, each time. With a random weight for each product, all claims
//! add up to one bilinear form in the columns: with `W[a][b] = w_ab` for two columns and `W[a][a] = 2 w_aa`,
//!
//! `sum_ab w_ab (<a_i, b_{i+1}> + <b_i, a_{i+1}>) = sum_a <a_i, sum_b W[a][b] b_{i+1}>`.
//!
//! So the statement S1 has as `u` the columns below each other and as `v` the same times `W`: the proof is as long as the
//! columns, however many of their products are asked for.

use std::ops::Range;
use std::sync::Arc;

use algebra::{Field, Fp, decode, encode};

use crate::abort::{Abort, Cause};
use crate::executor::{Executor, Task, part};
use crate::product::MUL;
use crate::prss::Purpose;
use crate::session::Session;
use crate::share::FieldShare;
use crate::verify::{Side, SideMaker};

/// Rows that are multiplied together: what fits into the first cache.
const BLOCK: usize = 512;

/// Rows worth a task of their own.
const TASK: usize = 4096;

/// The inner product of two columns, as a column of one row. One round, one element whatever the length.
///
/// # Errors
/// As [`mul`](crate::mul).
///
/// # Panics
/// If the columns differ in length.
pub fn inner_product(x: &FieldShare, y: &FieldShare, session: &mut Session) -> Result<FieldShare, Abort> {
    inner_products(&[(x, y)], session)
}

/// The inner products of many pairs of columns, as a column with a row for each pair. A column in several pairs (the
/// same one, not an equal one) costs as much as in one.
///
/// One round for each length that columns have, and one more for each batch that the rows fill: long inner products
/// are sums of parts, so that memory does not grow with them.
///
/// # Errors
/// As [`mul`](crate::mul).
///
/// # Panics
/// If the two columns of a pair differ in length.
pub fn inner_products(
    pairs: &[(&FieldShare, &FieldShare)],
    session: &mut Session,
) -> Result<FieldShare, Abort> {
    let mut total = FieldShare::zeros(pairs.len());
    let mut lengths: Vec<usize> = Vec::new();
    for (x, y) in pairs {
        assert_eq!(x.len(), y.len(), "columns of one length");
        if !lengths.contains(&x.len()) {
            lengths.push(x.len());
        }
    }
    for length in lengths {
        let of_length = (0..pairs.len()).filter(|pair| pairs[*pair].0.len() == length);
        let mut products = Products::default();
        let positions: Vec<_> = of_length.inspect(|pair| products.add(pairs[*pair])).collect();
        let most = (session.limits.terms / products.columns.len()).max(1);
        for start in (0..length).step_by(most) {
            let sums = products.of_rows(start..length.min(start + most), session)?;
            for ((pair, own), next) in positions.iter().zip(sums.own).zip(sums.next) {
                total.own[*pair] += own;
                total.next[*pair] += next;
            }
        }
    }
    Ok(total)
}

/// Products among columns of one length.
#[derive(Default)]
struct Products<'a> {
    columns: Vec<&'a FieldShare>,
    /// The positions of both columns of each product.
    pairs: Vec<[usize; 2]>,
}

impl<'a> Products<'a> {
    fn add(&mut self, (x, y): (&'a FieldShare, &'a FieldShare)) {
        let pair = [x, y].map(|column| {
            let known = self.columns.iter().position(|other| std::ptr::eq(*other, column));
            known.unwrap_or_else(|| {
                self.columns.push(column);
                self.columns.len() - 1
            })
        });
        self.pairs.push(pair);
    }

    /// The products of these rows, in one batch.
    fn of_rows(&self, rows: Range<usize>, session: &mut Session) -> Result<FieldShare, Abort> {
        let (count, terms) = (self.pairs.len(), self.columns.len() * rows.len());
        session.make_room(0, terms)?;
        let tag = session.tag(Purpose::Alpha);
        let masks: Vec<Fp> = session.prss().own.elements(tag, count);
        let mut claims: Vec<Fp> = session.prss().next.elements(tag, count);
        let mut own = masks.clone();
        let sums = self.sums(rows.clone(), session.executor());
        for ((message, claim), [all, next]) in own.iter_mut().zip(&mut claims).zip(sums) {
            // All four products of components, less the one that the right party has.
            *claim = -(next + *claim);
            *message += all + *claim;
        }

        let (me, left, right) = (session.party(), session.party().left(), session.party().right());
        session.send(left, MUL, encode(&own))?;
        let message = session.recv(right, MUL, count * Fp::BYTES)?;
        let next: Vec<Fp> =
            decode(&message, count).map_err(|_| session.abort(MUL, Cause::Malformed(right)))?;
        for (claim, z) in claims.iter_mut().zip(&next) {
            *claim += *z;
        }
        let below = |pick: fn(&FieldShare) -> &Vec<Fp>| {
            Arc::new(self.columns.iter().flat_map(|column| &pick(column)[rows.clone()]).copied().collect())
        };
        let form = Form { pairs: self.pairs.clone(), rows: rows.len() };
        let sides = form.sides(below(|column| &column.own), below(|column| &column.next), claims, masks);
        session.assert_by_each(terms, [me, right, left].into_iter().zip(sides));
        Ok(FieldShare { own, next })
    }

    /// For each product `sum (a_i + a_{i+1}) (b_i + b_{i+1})` and `sum a_{i+1} b_{i+1}`.
    fn sums(&self, rows: Range<usize>, executor: &dyn Executor) -> Vec<[Fp; 2]> {
        let size = part(rows.len(), TASK, executor);
        let mut parts = vec![vec![[Fp::ZERO; 2]; self.pairs.len()]; rows.len().div_ceil(size)];
        let tasks = parts.iter_mut().enumerate().map(|(index, sums)| -> Task<'_> {
            let start = rows.start + index * size;
            let rows = start..rows.end.min(start + size);
            Box::new(move || {
                let mut all = vec![Fp::ZERO; BLOCK * self.columns.len()];
                for start in rows.clone().step_by(BLOCK) {
                    self.add_block(start..rows.end.min(start + BLOCK), &mut all, sums);
                }
            })
        });
        executor.run(tasks.collect());
        let sum = |pair: usize| {
            parts.iter().fold([Fp::ZERO; 2], |[all, next], sums| [all + sums[pair][0], next + sums[pair][1]])
        };
        (0..self.pairs.len()).map(sum).collect()
    }

    fn add_block(&self, rows: Range<usize>, all: &mut [Fp], sums: &mut [[Fp; 2]]) {
        for (all, column) in all.chunks_mut(BLOCK).zip(&self.columns) {
            let components = column.own[rows.clone()].iter().zip(&column.next[rows.clone()]);
            for (all, (own, next)) in all.iter_mut().zip(components) {
                *all = *own + *next;
            }
        }
        for ([a, b], [all_sum, next_sum]) in self.pairs.iter().zip(sums) {
            let both = |column: usize| &all[column * BLOCK..][..rows.len()];
            let next = |column: usize| &self.columns[column].next[rows.clone()];
            *all_sum += Fp::inner_product(both(*a), both(*b));
            *next_sum += Fp::inner_product(next(*a), next(*b));
        }
    }
}

/// The bilinear form that a batch of products is proven by.
#[derive(Clone)]
struct Form {
    pairs: Vec<[usize; 2]>,
    rows: usize,
}

impl Form {
    /// This party's sides: as prover, as left verifier of its right party, as right verifier of its left party.
    /// `claims` are `z_{i+1} - sum a_{i+1} b_{i+1} - F(k_{i+1})`, `masks` are `F(k_i)`, one a product.
    fn sides(
        self,
        own: Arc<Vec<Fp>>,
        next: Arc<Vec<Fp>>,
        claims: Vec<Fp>,
        masks: Vec<Fp>,
    ) -> [SideMaker<Fp>; 3] {
        let (form, u, columns) = (self.clone(), own.clone(), next.clone());
        let prover: SideMaker<Fp> = Box::new(move |prg| {
            let weights: Vec<Fp> = prg.elements(form.pairs.len());
            Side::Prover { u: Arc::unwrap_or_clone(u), v: form.weigh(&columns, &weights) }
        });
        let count = self.pairs.len();
        let left: SideMaker<Fp> = Box::new(move |prg| Side::Left {
            claim: Fp::inner_product(&claims, &prg.elements::<Fp>(count)),
            u: Arc::unwrap_or_clone(next),
        });
        let right: SideMaker<Fp> = Box::new(move |prg| {
            let weights: Vec<Fp> = prg.elements(count);
            Side::Right { v: self.weigh(&own, &weights), claim: Fp::inner_product(&masks, &weights) }
        });
        [prover, left, right]
    }

    /// The columns times `W`.
    fn weigh(&self, columns: &[Fp], weights: &[Fp]) -> Vec<Fp> {
        let mut weighed = vec![Fp::ZERO; columns.len()];
        let place = |column: usize| column * self.rows..(column + 1) * self.rows;
        for ([a, b], &weight) in self.pairs.iter().zip(weights) {
            if a == b {
                Fp::add_multiple(&mut weighed[place(*a)], weight + weight, &columns[place(*a)]);
            } else {
                Fp::add_multiple(&mut weighed[place(*a)], weight, &columns[place(*b)]);
                Fp::add_multiple(&mut weighed[place(*b)], weight, &columns[place(*a)]);
            }
        }
        weighed
    }
}
