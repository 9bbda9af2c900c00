//! Sums by group.

use algebra::Fp;

use super::{compact, ends};
use crate::abort::Abort;
use crate::compare::equal_each;
use crate::convert::bits_to_field_each;
use crate::inner::inner_products;
use crate::session::Session;
use crate::share::{FieldShare, IntShare};
use crate::sort::{SortKey, sort, sort_distinct};
use crate::table::Table;

/// Counts and sums by known group.
#[derive(Clone, Debug)]
pub struct KnownGroups {
    /// How many rows each group has, in the order that the groups were given in.
    pub counts: FieldShare,
    /// For each column of values its sum in each group.
    pub sums: Vec<FieldShare>,
}

/// Counts rows and adds up values by group, for groups that are known beforehand. Rows of no group count in none.
///
/// A comparison a row and group, then one element a row and group to make field elements of the outcomes, then
/// one element a group and column of values. Six rounds or so, and no leak.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn group_known(
    category: &IntShare,
    groups: &[i128],
    values: &[FieldShare],
    session: &mut Session,
) -> Result<KnownGroups, Abort> {
    if groups.is_empty() {
        return Ok(KnownGroups {
            counts: FieldShare::default(),
            sums: vec![FieldShare::default(); values.len()],
        });
    }
    let members = equal_each(category, groups, session)?;
    let members: Vec<IntShare> = members.into_iter().map(|bit| IntShare::unsigned(vec![bit])).collect();
    let members = bits_to_field_each(&members.iter().collect::<Vec<_>>(), session)?;
    let counts: Vec<FieldShare> = members.iter().map(FieldShare::sum).collect();
    let pairs: Vec<_> = values.iter().flat_map(|value| members.iter().map(move |m| (m, value))).collect();
    let sums = inner_products(&pairs, session)?;
    let sums = (0..values.len()).map(|v| sums.slice(v * groups.len()..(v + 1) * groups.len()));
    Ok(KnownGroups { counts: FieldShare::concat(&counts), sums: sums.collect() })
}

/// Counts and sums by group, a row for each group, in ascending order of the group.
#[derive(Clone, Debug)]
pub struct UnknownGroups {
    /// The groups.
    pub keys: IntShare,
    /// How many rows each group has.
    pub counts: FieldShare,
    /// For each column of values its sum in each group.
    pub sums: Vec<FieldShare>,
}

/// Counts rows and adds up values by group, for groups that nobody knows: the distinct values of `key`.
///
/// A sort by the key; running totals, which are free; a comparison of neighbours; the rows at which a group ends
/// are shuffled and kept; differences of neighbouring totals.
///
/// **Declared leak:** the number of groups.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn group_unknown(
    key: &IntShare,
    values: &[FieldShare],
    session: &mut Session,
) -> Result<UnknownGroups, Abort> {
    let me = session.party();
    let ascending = SortKey::ascending(key);
    let sorted = sort(&[ascending], &Table::of_field(values.to_vec()), session)?;
    let ends = ends(&sorted.keys[0], session)?;
    let numbers: Vec<Fp> = (1..=key.rows() as u64).map(Fp::from).collect();
    let mut totals = vec![FieldShare::public(&numbers, me)];
    totals.extend(sorted.payload.field.iter().map(running_totals));
    // Between groups no two keys are equal, so that they order the ends by themselves.
    let comparable = ascending.comparable(&sorted.keys[0].bits, me);
    let table = Table { bits: comparable, field: totals };
    let groups = compact(&table, &ends, session)?;
    let groups = sort_distinct(groups, key.width(), session)?;
    let mut sums = groups.field.iter().map(differences);
    Ok(UnknownGroups {
        keys: IntShare { bits: ascending.comparable(&groups.bits, me), signed: key.signed },
        counts: sums.next().unwrap_or_default(),
        sums: sums.collect(),
    })
}

/// Row `i` is the sum of rows `0..=i`.
fn running_totals(column: &FieldShare) -> FieldShare {
    let totals = |x: &[Fp]| {
        x.iter()
            .scan(Fp::default(), |total, &value| {
                *total += value;
                Some(*total)
            })
            .collect()
    };
    FieldShare { own: totals(&column.own), next: totals(&column.next) }
}

/// Row `i` is row `i` less row `i - 1`.
fn differences(column: &FieldShare) -> FieldShare {
    let before = |x: &[Fp]| {
        let mut before = vec![Fp::default()];
        before.extend_from_slice(&x[..x.len().saturating_sub(1)]);
        before.truncate(x.len());
        before
    };
    column.sub(&FieldShare { own: before(&column.own), next: before(&column.next) })
}
