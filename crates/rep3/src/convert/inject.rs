//! Bit injection (B2A-1): every bit becomes a field element, proven by statement S4.
//!
//! A bit is `b = b_0 + b_1 + b_2` in GF(2). For a *dealer* `P_d` that knows `b_d` and `b_{d+1}`, let `c` be their sum
//! in GF(2), taken as an element of the field: `P_d` shares it as `c_{d+1} = F(k_{d+1})`, `c_{d+2} = 0` and
//! `c_d = c - c_{d+1}`, which it sends to `P_{d-1}`, the other holder of component `d`. As `b_{d+2}` is known to the
//! two others it is shared for free, and `b = c + b_{d+2} - 2 c b_{d+2}`. A weighted sum of bits is one inner product,
//! hence one element. Dealers take turns by thirds of the rows.
//!
//! That `c` is right is statement S4, with the dealer as prover: `<2 b_d, b_{d+1}> = (b_d - c_d) + (b_{d+1} -
//! c_{d+1})`, since `b_d + b_{d+1} - 2 b_d b_{d+1}` is the sum in GF(2).

use std::ops::Range;

use algebra::{Bits, Field, Fp, decode, encode};

use crate::abort::{Abort, Cause};
use crate::network::{Party, Step};
use crate::product::grouped_inner_products;
use crate::prss::Purpose;
use crate::session::Session;
use crate::share::{BitShare, FieldShare, IntShare};
use crate::verify::{Assertion, Side, SideMaker};

/// The dealers' messages.
pub const INJECT: Step = Step("inject");

/// Columns of integers of one length as field elements: weighted sums of their bits. Two rounds.
pub(super) fn convert(columns: &[&IntShare], session: &mut Session) -> Result<Vec<FieldShare>, Abort> {
    let weights: Vec<Vec<Fp>> = columns
        .iter()
        .map(|x| {
            let sign = |k: usize| x.signed && k + 1 == x.width();
            (0..x.width()).map(|k| if sign(k) { -Fp::new(1 << k) } else { Fp::new(1 << k) }).collect()
        })
        .collect();
    let groups: Vec<(&[BitShare], &[Fp])> =
        columns.iter().zip(&weights).map(|(x, weights)| (x.bits.as_slice(), weights.as_slice())).collect();
    inject(&groups, session)
}

/// For each group of columns of bits, all of one length, the sum of its columns with public weights: field elements,
/// a row for each row. Two rounds; a third of a 16-byte element a bit and row, and an element an output.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length or a group has not a weight for each column.
pub fn inject(groups: &[(&[BitShare], &[Fp])], session: &mut Session) -> Result<Vec<FieldShare>, Abort> {
    let bits: Vec<&BitShare> = groups.iter().flat_map(|(bits, _)| bits.iter()).collect();
    let rows = bits.first().map_or(0, |bit| bit.len());
    assert!(bits.iter().all(|bit| bit.len() == rows), "columns of one length");
    assert!(groups.iter().all(|(bits, weights)| bits.len() == weights.len()), "a weight for each column");
    let mut outputs = vec![FieldShare::default(); groups.len()];
    // Long columns go in parts, so that no part alone fills a batch.
    let part = (session.limits.terms / 4 / bits.len().max(1)).max(3);
    for start in (0..rows).step_by(part) {
        let part = start..rows.min(start + part);
        for (output, more) in outputs.iter_mut().zip(inject_part(groups, &bits, part, session)?) {
            output.own.extend(more.own);
            output.next.extend(more.next);
        }
    }
    Ok(outputs)
}

fn inject_part(
    groups: &[(&[BitShare], &[Fp])],
    bits: &[&BitShare],
    rows: Range<usize>,
    session: &mut Session,
) -> Result<Vec<FieldShare>, Abort> {
    let (sums, lasts) = deal(bits, &rows, session)?;
    // Per group: the products of both halves of its bits with weights, row by row and within it bit by bit.
    let count = rows.len();
    let mut factors = Vec::with_capacity(groups.len());
    let mut linear = Vec::with_capacity(groups.len());
    let mut first = 0;
    for (columns, weights) in groups {
        let [mut x, mut y] =
            [FieldShare::zeros(count * weights.len()), FieldShare::zeros(count * weights.len())];
        let mut total = FieldShare::zeros(count);
        for (k, &weight) in weights.iter().enumerate() {
            let (sum, last) = (&sums[first + k], &lasts[first + k]);
            for row in 0..count {
                let at = row * weights.len() + k;
                (x.own[at], x.next[at]) = (sum.own[row], sum.next[row]);
                (y.own[at], y.next[at]) = (last.own[row] * weight, last.next[row] * weight);
                total.own[row] += sum.own[row] * weight + y.own[at];
                total.next[row] += sum.next[row] * weight + y.next[at];
            }
        }
        first += columns.len();
        factors.push((x, y, weights.len()));
        linear.push(total);
    }
    let products = grouped_inner_products(&factors, session)?;
    let minus_two = -Fp::new(2);
    Ok(linear.iter().zip(&products).map(|(total, product)| total.add(&product.scale(minus_two))).collect())
}

/// For each column of bits, `c` and `b_{d+2}` of these rows as shared field elements.
fn deal(
    bits: &[&BitShare],
    rows: &Range<usize>,
    session: &mut Session,
) -> Result<(Vec<FieldShare>, Vec<FieldShare>), Abort> {
    let (me, count) = (session.party(), rows.len());
    let third = |d: usize| d * count / 3..(d + 1) * count / 3;
    let tag = session.tag(Purpose::Dealer);
    // Dealer d uses key d + 1, so that each key is drawn from for the rows of one dealer only.
    let (mine, lefts) = (third(me.index()), third(me.left().index()));
    let drawn_next: Vec<Fp> = session.prss().next.elements(tag, mine.len() * bits.len());
    let drawn_own: Vec<Fp> = session.prss().own.elements(tag, lefts.len() * bits.len());
    let known = bits.iter().flat_map(|bit| {
        let base = rows.start;
        mine.clone().map(move |row| Fp::new(u128::from(bit.own.get(base + row) ^ bit.next.get(base + row))))
    });
    let message: Vec<Fp> = known.zip(&drawn_next).map(|(c, &drawn)| c - drawn).collect();
    session.send(me.left(), INJECT, encode(&message))?;
    let rights = third(me.right().index());
    let length = rights.len() * bits.len();
    let received = session.recv(me.right(), INJECT, length * Fp::BYTES)?;
    let received: Vec<Fp> =
        decode(&received, length).map_err(|_| session.abort(INJECT, Cause::Malformed(me.right())))?;

    let mut sums = Vec::with_capacity(bits.len());
    let mut lasts = Vec::with_capacity(bits.len());
    for (k, bit) in bits.iter().enumerate() {
        let (mut sum, mut last) = (FieldShare::zeros(count), FieldShare::zeros(count));
        for (i, row) in mine.clone().enumerate() {
            let at = k * mine.len() + i;
            (sum.own[row], sum.next[row]) = (message[at], drawn_next[at]);
        }
        for (i, row) in lefts.clone().enumerate() {
            sum.own[row] = drawn_own[k * lefts.len() + i];
            last.next[row] = Fp::new(u128::from(bit.next.get(rows.start + row)));
        }
        for (i, row) in rights.clone().enumerate() {
            sum.next[row] = received[k * rights.len() + i];
            last.own[row] = Fp::new(u128::from(bit.own.get(rows.start + row)));
        }
        sums.push(sum);
        lasts.push(last);
    }
    assert_dealt(bits, rows, third, Dealt { drawn_own, received }, session)?;
    Ok((sums, lasts))
}

/// What this party knows of the three dealers' sharings.
struct Dealt {
    /// `c_{d+1}` of the rows of its left neighbour.
    drawn_own: Vec<Fp>,
    /// `c_d` of the rows of its right neighbour.
    received: Vec<Fp>,
}

/// Queues statement S4 for all three dealers.
fn assert_dealt(
    bits: &[&BitShare],
    rows: &Range<usize>,
    third: impl Fn(usize) -> Range<usize>,
    dealt: Dealt,
    session: &mut Session,
) -> Result<(), Abort> {
    let me = session.party();
    let Dealt { mut drawn_own, mut received } = dealt;
    for prover in Party::ALL {
        let range = third(prover.index());
        let terms = range.len() * bits.len();
        if terms == 0 {
            continue;
        }
        let range = rows.start + range.start..rows.start + range.end;
        let cut = |pick: fn(&BitShare) -> &Bits| -> Vec<Bits> {
            bits.iter().map(|bit| pick(bit).slice(range.clone())).collect()
        };
        let (own, next) = (cut(|bit| &bit.own), cut(|bit| &bit.next));
        let side: SideMaker<Fp> = if prover == me {
            Box::new(move |weights| {
                let theta: Vec<Fp> = weights.elements(terms);
                let u = elements(&own).map(|b| b + b).collect();
                Side::Prover { u, v: elements(&next).zip(&theta).map(|(b, &theta)| b * theta).collect() }
            })
        } else if prover == me.right() {
            // This party is on the prover's left: it shares component d, its next one.
            let c = std::mem::take(&mut received);
            Box::new(move |weights| {
                let theta: Vec<Fp> = weights.elements(terms);
                let claim =
                    elements(&next).zip(&c).zip(&theta).map(|((b, &c), &theta)| theta * (b - c)).sum();
                Side::Left { u: elements(&next).map(|b| b + b).collect(), claim }
            })
        } else {
            let c = std::mem::take(&mut drawn_own);
            Box::new(move |weights| {
                let theta: Vec<Fp> = weights.elements(terms);
                let claim = elements(&own).zip(&c).zip(&theta).map(|((b, &c), &theta)| theta * (b - c)).sum();
                Side::Right { v: elements(&own).zip(&theta).map(|(b, &theta)| b * theta).collect(), claim }
            })
        };
        session.assert_prime(Assertion { prover, terms, side })?;
    }
    Ok(())
}

/// Bits as field elements, column after column.
fn elements(columns: &[Bits]) -> impl Iterator<Item = Fp> + '_ {
    columns.iter().flat_map(|column| column.iter().map(|bit| Fp::new(u128::from(bit))))
}
