//! Joining two tables by keys.

use algebra::{Bits, Fp};

use super::{compact, restore};
use crate::abort::Abort;
use crate::boolean::and_many;
use crate::compare::equal;
use crate::convert::bits_to_field;
use crate::product::mul;
use crate::session::Session;
use crate::share::{BitShare, FieldShare, IntShare};
use crate::sort::{SortKey, numbers, sort};
use crate::table::Table;

/// What was found for each row.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Whether the other table has a row with the same key.
    pub matched: BitShare,
    /// The columns of that row; zeros if there is none.
    pub found: Table,
}

/// For each row of `keys`, in order, the columns of the row of another table with the same key.
///
/// The other table's keys, `among`, must differ from each other: of equal ones an arbitrary row is found. `keys`
/// may repeat. Nothing is disclosed.
///
/// The other table is sorted, and each of its rows stored as the difference to the one before. Then both tables
/// are sorted together, the other one's rows first among equal keys: running totals of the differences give each
/// row the nearest row of the other table above it, without communication, and comparing its key tells whether
/// it matches. A last shuffle puts the rows back in order.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns of a table differ in length, or the keys in width or sign.
pub fn lookup(
    keys: &IntShare,
    among: &IntShare,
    table: &Table,
    session: &mut Session,
) -> Result<Lookup, Abort> {
    assert!(keys.width() == among.width() && keys.signed == among.signed, "keys of one width and sign");
    let (me, rows, others) = (session.party(), keys.rows(), among.rows());
    if rows == 0 || others == 0 {
        let found = table.gather(&[]).stack(&zeros_like(table, rows));
        return Ok(Lookup { matched: BitShare::zeros(rows), found });
    }
    let other = sort(&[SortKey::ascending(among)], table, session)?;
    // The running total of a bit that is set throughout tells whether there is a row above at all.
    let present = BitShare::constant(true, others, me);
    let found_key = IntShare::unsigned(other.keys[0].bits.iter().cloned().chain([present]).collect());
    let differences =
        map(&Table::of_ints(&[&found_key]).join(other.payload), bit_differences, field_differences);

    // Rows of the other table come first: they have the lower numbers, and sorting is stable.
    let nothing = zeros_like(&differences, rows);
    let labels = numbers(rows + others, me);
    let payload = Table::of_ints(&[&labels]).join(differences.stack(&nothing));
    let both = IntShare {
        bits: other.keys[0].bits.iter().zip(&keys.bits).map(|(a, b)| BitShare::concat([a, b])).collect(),
        signed: keys.signed,
    };
    let mut sorted = sort(&[SortKey::ascending(&both)], &payload, session)?;
    let labels = sorted.payload.take_ints(&[&labels]).swap_remove(0);
    let mut nearest = map(&sorted.payload, bit_totals, field_totals);
    let nearest_key = nearest.take_ints(&[&found_key]).swap_remove(0);
    let mut wanted = IntShare::unsigned(sorted.keys.swap_remove(0).bits);
    wanted.bits.push(BitShare::constant(true, rows + others, me));
    let matched = equal(&wanted, &nearest_key, session)?;
    let result = Table { bits: vec![matched], field: Vec::new() }.join(nearest);
    let mut found = restore(&labels, &result, session)?.slice(others..others + rows);
    let matched = found.bits.remove(0);
    let found = mask(&matched, found, session)?;
    Ok(Lookup { matched, found })
}

/// The rows of the left table that have a row with the same key in the right one, with that row's columns on the
/// right, in a secret, random order.
///
/// The right table's keys must differ from each other. **Declared leak:** the number of rows of the result.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// As [`lookup`].
pub fn join(
    left_keys: &IntShare,
    left: &Table,
    right_keys: &IntShare,
    right: &Table,
    session: &mut Session,
) -> Result<(IntShare, Table), Abort> {
    let Lookup { matched, found } = lookup(left_keys, right_keys, right, session)?;
    let all = Table::of_ints(&[left_keys]).join(left.clone()).join(found);
    let mut joined = compact(&all, &matched, session)?;
    let keys = joined.take_ints(&[left_keys]).swap_remove(0);
    Ok((keys, joined))
}

/// Zeros where `keep` does not hold.
fn mask(keep: &BitShare, table: Table, session: &mut Session) -> Result<Table, Abort> {
    let pairs: Vec<_> = table.bits.into_iter().map(|column| (keep.clone(), column)).collect();
    let bits = if pairs.is_empty() { Vec::new() } else { and_many(&pairs, session)? };
    let mut field = Vec::with_capacity(table.field.len());
    if !table.field.is_empty() {
        let keep = bits_to_field(&IntShare::unsigned(vec![keep.clone()]), session)?;
        for column in &table.field {
            field.push(mul(&keep, column, session)?);
        }
    }
    Ok(Table { bits, field })
}

fn zeros_like(table: &Table, rows: usize) -> Table {
    Table {
        bits: vec![BitShare::zeros(rows); table.bits.len()],
        field: vec![FieldShare::zeros(rows); table.field.len()],
    }
}

/// Applies a local, linear function to every component of every column.
fn map(table: &Table, bits: impl Fn(&Bits) -> Bits, field: impl Fn(&[Fp]) -> Vec<Fp>) -> Table {
    let bits = table.bits.iter().map(|x| BitShare { own: bits(&x.own), next: bits(&x.next) });
    let field = table.field.iter().map(|x| FieldShare { own: field(&x.own), next: field(&x.next) });
    Table { bits: bits.collect(), field: field.collect() }
}

fn bit_differences(column: &Bits) -> Bits {
    let mut before = Bits::zeros(1);
    before.extend(column);
    before.resize(column.len());
    &before ^ column
}

fn field_differences(column: &[Fp]) -> Vec<Fp> {
    let before = std::iter::once(Fp::default()).chain(column.iter().copied());
    column.iter().zip(before).map(|(&x, before)| x - before).collect()
}

/// Bit `i` is the exclusive or of bits `0..=i`.
fn bit_totals(column: &Bits) -> Bits {
    let mut carry = 0;
    let mut words = column.words().to_vec();
    for word in &mut words {
        for shift in [1, 2, 4, 8, 16, 32] {
            *word ^= *word << shift;
        }
        *word ^= carry;
        carry = 0u64.wrapping_sub(*word >> 63);
    }
    Bits::from_words(words, column.len())
}

fn field_totals(column: &[Fp]) -> Vec<Fp> {
    let mut total = Fp::default();
    let add = |&x: &Fp| {
        total += x;
        total
    };
    column.iter().map(add).collect()
}
