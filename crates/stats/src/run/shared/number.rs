//! Shared numbers that exist in GF(2), in `F_p`, or in both: whichever form an operation asks for is made when it
//! asks, and kept.

use super::boolean::Boolean;
use crate::check::{FIELD_BITS, Interval};
use algebra::Fp;
use circuit::arith::parallel;
use num_traits::{Signed, ToPrimitive};
use rep3::convert::{bits_to_field, field_to_int};
use rep3::ingest::ParsedColumn;
use rep3::{Abort, BitShare, Columns, FieldShare, IntShare, Session, compare, mul};
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

/// A column of integers, or one integer, of a known range.
#[derive(Clone)]
pub struct Number(Rc<Forms>);

struct Forms {
    rows: usize,
    width: usize,
    signed: bool,
    source: Source,
    origin: Origin,
    int: OnceCell<IntShare>,
    field: OnceCell<FieldShare>,
}

/// How the forms can be made, worked out once: sources share sources, and could be many.
#[derive(Clone, Copy)]
struct Origin {
    /// Bits, without converting field elements.
    int: bool,
    /// Field elements, without converting bits.
    field: bool,
    /// Field elements, by local work alone.
    free: bool,
    /// How many sources lie behind each other.
    depth: u32,
}

/// What the forms are made from.
pub(super) enum Source {
    /// A form that is there already.
    Form,
    /// A column as it was taken in, which has both.
    Stored(Arc<ParsedColumn>),
    /// Integers that everybody knows.
    Public(Vec<i128>),
    /// The same integer in every row, which everybody knows.
    Constant(i128),
    /// A sum or, if `minus`, a difference.
    Sum { left: Number, right: Number, minus: bool },
    /// A multiple.
    Multiple { of: Number, factor: i128 },
    /// One of two, by a condition.
    Select { condition: Boolean, then: Number, otherwise: Number },
    /// 1 where a condition holds.
    Truth(Boolean),
}

impl Source {
    fn origin(&self) -> Origin {
        let both = |a: &Number, b: &Number| Origin {
            int: a.has_int() && b.has_int(),
            field: a.has_field() && b.has_field(),
            free: a.sums_freely() && b.sums_freely(),
            depth: a.depth().max(b.depth()) + 1,
        };
        match self {
            Self::Form => Origin { int: false, field: false, free: false, depth: 0 },
            Self::Stored(_) | Self::Public(_) | Self::Constant(_) => {
                Origin { int: true, field: true, free: true, depth: 0 }
            }
            Self::Truth(_) => Origin { int: true, field: false, free: false, depth: 0 },
            Self::Sum { left, right, .. } => both(left, right),
            Self::Multiple { of, factor } => {
                let shift = *factor > 0 && factor.count_ones() == 1;
                let origin = both(of, of);
                Origin { int: shift && origin.int, ..origin }
            }
            Self::Select { condition, then, otherwise } => {
                let origin = both(then, otherwise);
                Origin { free: origin.free && condition.known().is_some(), ..origin }
            }
        }
    }
}

impl Number {
    fn new(rows: usize, range: &Interval, source: Source) -> Self {
        let (width, signed) = (range.width() as usize, range.min.is_negative());
        let origin = source.origin();
        let (int, field) = (OnceCell::new(), OnceCell::new());
        Self(Rc::new(Forms { rows, width, signed, source, origin, int, field }))
    }

    /// How many sources lie behind each other until a form is made.
    pub fn depth(&self) -> u32 {
        self.0.origin.depth
    }

    /// From bits, which hold integers of this range.
    pub fn from_int(int: IntShare, range: &Interval) -> Self {
        let number = Self::new(int.rows(), range, Source::Form);
        let int = IntShare { signed: number.0.signed, ..int.resize(number.0.width) };
        let _ = number.0.int.set(int);
        number
    }

    /// From field elements, which are integers of this range.
    pub fn from_field(field: FieldShare, range: &Interval) -> Self {
        let number = Self::new(field.len(), range, Source::Form);
        let _ = number.0.field.set(field);
        number
    }

    /// A column as it was taken in, of integers of this range.
    pub fn stored(column: Arc<ParsedColumn>, range: &Interval) -> Self {
        Self::new(column.field.len(), range, Source::Stored(column))
    }

    /// The same with field elements that are known to be these integers.
    pub fn and_field(self, field: FieldShare) -> Self {
        self.set_field(field);
        self
    }

    /// Integers that everybody knows.
    pub fn public(values: Vec<i128>, range: &Interval) -> Self {
        Self::new(values.len(), range, Source::Public(values))
    }

    /// The sum or difference of numbers of as many rows.
    pub fn sum(left: Self, right: Self, minus: bool, range: &Interval) -> Self {
        Self::new(left.rows(), range, Source::Sum { left, right, minus })
    }

    /// `factor` times a number.
    pub fn multiple(of: Self, factor: i128, range: &Interval) -> Self {
        Self::new(of.rows(), range, Source::Multiple { of, factor })
    }

    /// `then` where `condition` holds, else `otherwise`; all of as many rows.
    pub fn select(condition: Boolean, then: Self, otherwise: Self, range: &Interval) -> Self {
        Self::new(then.rows(), range, Source::Select { condition, then, otherwise })
    }

    /// 1 where `of` holds.
    pub fn truth(of: Boolean) -> Self {
        Self::new(of.rows(), &Interval::bit(), Source::Truth(of))
    }

    /// How many integers there are.
    pub fn rows(&self) -> usize {
        self.0.rows
    }

    /// Whether it is the same column, not just an equal one.
    pub fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// The integers, if everybody knows them.
    pub fn known(&self) -> Option<&[i128]> {
        if let Source::Public(values) = &self.0.source { Some(values) } else { None }
    }

    /// The integer, if it is one that everybody knows, or the same in every row.
    pub fn known_scalar(&self) -> Option<i128> {
        match &self.0.source {
            Source::Constant(value) => Some(*value),
            Source::Public(values) if values.len() == 1 => Some(values[0]),
            _ => None,
        }
    }

    /// The number repeated in `rows` rows, if it is one.
    pub fn spread(&self, rows: usize, range: &Interval) -> Self {
        if self.rows() == rows {
            return self.clone();
        }
        if let Some(value) = self.known_scalar() {
            return Self::new(rows, range, Source::Constant(value));
        }
        let all = vec![0; rows];
        match (self.0.int.get(), self.0.field.get()) {
            (Some(int), field) => {
                let spread = Self::from_int(int.gather(&all), range);
                match field {
                    Some(field) => spread.and_field(field.gather(&all)),
                    None => spread,
                }
            }
            (None, Some(field)) => Self::from_field(field.gather(&all), range),
            (None, None) => match &self.0.source {
                Source::Sum { left, right, minus } => {
                    Self::sum(left.spread(rows, range), right.spread(rows, range), *minus, range)
                }
                Source::Multiple { of, factor } => Self::multiple(of.spread(rows, range), *factor, range),
                Source::Select { condition, then, otherwise } => {
                    let (then, otherwise) = (then.spread(rows, range), otherwise.spread(rows, range));
                    Self::select(condition.spread(rows), then, otherwise, range)
                }
                Source::Truth(of) => Self::truth(of.spread(rows)),
                Source::Form | Source::Stored(_) | Source::Public(_) | Source::Constant(_) => self.clone(),
            },
        }
    }

    /// Whether bits can be had without converting field elements.
    pub fn has_int(&self) -> bool {
        self.0.origin.int || self.0.int.get().is_some()
    }

    /// Whether field elements can be had without converting bits.
    pub fn has_field(&self) -> bool {
        self.0.origin.field || self.0.field.get().is_some()
    }

    /// Whether field elements can be had by local work alone.
    pub fn sums_freely(&self) -> bool {
        self.0.origin.free || self.0.field.get().is_some()
    }

    /// Whether field elements would be converted from bits.
    pub fn converts(&self) -> bool {
        self.0.field.get().is_none() && self.has_int() && !self.has_field() && !self.is_known_pick()
    }

    /// Whether bits are still to be made.
    pub fn lacks_int(&self) -> bool {
        self.0.int.get().is_none() && self.stored_int().is_none()
    }

    /// What the forms are made from.
    pub(super) fn source(&self) -> &Source {
        &self.0.source
    }

    /// How many bits it has, and whether the last is a sign.
    pub fn shape(&self) -> (usize, bool) {
        (self.0.width, self.0.signed)
    }

    /// What tells it from other numbers.
    pub fn address(&self) -> *const () {
        Rc::as_ptr(&self.0).cast()
    }

    /// Keeps bits that were made elsewhere.
    pub fn set_int(&self, int: IntShare) {
        let _ = self.0.int.set(int);
    }

    /// Keeps field elements that were made elsewhere.
    pub fn set_field(&self, field: FieldShare) {
        let _ = self.0.field.set(field);
    }

    /// Whether it may be too large for the field: a single number that exists as bits only.
    pub fn is_wide(&self) -> bool {
        self.0.width - usize::from(self.0.signed) > FIELD_BITS as usize
    }

    /// As bits.
    pub fn int(&self, session: &mut Session) -> Result<&IntShare, Abort> {
        if let Some(int) = self.stored_int().or_else(|| self.0.int.get()) {
            return Ok(int);
        }
        let (width, signed) = (self.0.width, self.0.signed);
        let int = if self.has_int() || self.is_wide() {
            self.make_int(session)?
        } else {
            field_to_int(self.field(session)?, width, signed, session)?
        };
        let int = IntShare { signed, ..int.resize(width) };
        Ok(self.0.int.get_or_init(|| int))
    }

    /// The bits of a column as it was taken in, if they are of the right width.
    fn stored_int(&self) -> Option<&IntShare> {
        let Source::Stored(column) = &self.0.source else { return None };
        Some(&column.int).filter(|int| int.width() == self.0.width && int.signed == self.0.signed)
    }

    fn make_int(&self, session: &mut Session) -> Result<IntShare, Abort> {
        let (width, signed, rows) = (self.0.width, self.0.signed, self.0.rows);
        match &self.0.source {
            Source::Form => Ok(IntShare { bits: Vec::new(), signed }),
            Source::Stored(column) => Ok(column.int.clone()),
            Source::Public(values) => Ok(IntShare::public(values, width, signed, session.party())),
            Source::Constant(value) => {
                Ok(IntShare::public(&[*value], width, signed, session.party()).gather(&vec![0; rows]))
            }
            Source::Sum { left, right, minus } => {
                let (left, right) = (left.int(session)?.resize(width), right.int(session)?.resize(width));
                let columns = &mut Columns::new(rows, session);
                let combine = if *minus { parallel::subtract } else { parallel::add };
                Ok(IntShare { bits: combine(&left.bits, &right.bits, columns)?, signed })
            }
            Source::Multiple { of, factor } if *factor > 0 && factor.count_ones() == 1 => {
                let of = of.int(session)?.resize(width);
                let shift = (factor.trailing_zeros() as usize).min(width);
                let mut bits = vec![BitShare::zeros(rows); shift];
                bits.extend_from_slice(&of.bits[..width - shift]);
                Ok(IntShare { bits, signed })
            }
            Source::Multiple { of, factor } => {
                let factor = Self::new(rows, &Interval::point(*factor), Source::Constant(*factor));
                long_product(of, &factor, width, signed, session)
            }
            Source::Select { condition, then, otherwise } => {
                let (then, otherwise) =
                    (then.int(session)?.resize(width), otherwise.int(session)?.resize(width));
                match condition.known() {
                    Some(known) => {
                        let zip = then.bits.iter().zip(&otherwise.bits);
                        let pick = |(t, o): (&BitShare, &BitShare)| t.xor(o).and_public(known).xor(o);
                        Ok(IntShare { bits: zip.map(pick).collect(), signed })
                    }
                    None => compare::mux(&condition.share(session), &then, &otherwise, session),
                }
            }
            Source::Truth(of) => Ok(IntShare::unsigned(vec![of.share(session)])),
        }
    }

    /// The product, as bits: for numbers that the field cannot hold.
    pub fn product(
        left: &Self,
        right: &Self,
        range: &Interval,
        session: &mut Session,
    ) -> Result<Self, Abort> {
        let (width, signed) = (range.width() as usize, range.min.is_negative());
        Ok(Self::from_int(long_product(left, right, width, signed, session)?, range))
    }

    /// As field elements.
    pub fn field(&self, session: &mut Session) -> Result<&FieldShare, Abort> {
        if let Source::Stored(column) = &self.0.source {
            return Ok(&column.field);
        }
        if let Some(field) = self.0.field.get() {
            return Ok(field);
        }
        // A sum of bits at hand is one conversion instead of two.
        let field = if self.converts() {
            bits_to_field(self.int(session)?, session)?
        } else {
            self.make_field(session)?
        };
        Ok(self.0.field.get_or_init(|| field))
    }

    /// Whether it is a selection between numbers that have field elements.
    fn is_known_pick(&self) -> bool {
        matches!(&self.0.source, Source::Select { then, otherwise, .. } if then.has_field() && otherwise.has_field())
    }

    fn make_field(&self, session: &mut Session) -> Result<FieldShare, Abort> {
        match &self.0.source {
            Source::Form | Source::Truth(_) => bits_to_field(self.int(session)?, session),
            Source::Stored(column) => Ok(column.field.clone()),
            Source::Public(values) => Ok(FieldShare::public(&elements(values), session.party())),
            Source::Constant(value) => {
                Ok(FieldShare::zeros(self.0.rows).shift(Fp::from_i128(*value), session.party()))
            }
            Source::Sum { left, right, minus } => {
                if let Source::Constant(value) = right.0.source {
                    let value = Fp::from_i128(value);
                    let value = if *minus { -value } else { value };
                    return Ok(left.field(session)?.shift(value, session.party()));
                }
                let (left, right) = (left.field(session)?, right.field(session)?);
                Ok(if *minus { left.sub(right) } else { left.add(right) })
            }
            Source::Multiple { of, factor } => Ok(of.field(session)?.scale(Fp::from_i128(*factor))),
            Source::Select { condition, then, otherwise } => {
                let (then, otherwise) = (then.field(session)?, otherwise.field(session)?);
                let difference = then.sub(otherwise);
                let chosen = if let Some(known) = condition.known() {
                    difference.mul_public(&truths(known))
                } else {
                    let condition = Self::truth(condition.clone());
                    mul(condition.field(session)?, &difference, session)?
                };
                Ok(otherwise.add(&chosen))
            }
        }
    }
}

/// The product modulo `2^width`: every bit of one factor times every bit of the other, added up (C. Wallace, 1964).
fn long_product(
    left: &Number,
    right: &Number,
    width: usize,
    signed: bool,
    session: &mut Session,
) -> Result<IntShare, Abort> {
    // In two's complement, factors as wide as the product multiply right whatever their signs.
    let extended = |of: &Number, session: &mut Session| {
        let int = of.int(session)?;
        Ok::<_, Abort>(if int.signed { int.resize(width).bits } else { int.bits.clone() })
    };
    let (left, right) = (extended(left, session)?, extended(right, session)?);
    let mut places = Vec::new();
    let mut pairs = Vec::new();
    for (i, a) in left.iter().enumerate() {
        for (j, b) in right.iter().enumerate().take(width.saturating_sub(i)) {
            places.push(i + j);
            pairs.push((a, b));
        }
    }
    let mut heap = vec![Vec::new(); width];
    for (place, product) in places.into_iter().zip(rep3::layer(&pairs, session)?) {
        heap[place].push(product);
    }
    let rows = left.first().map_or(0, BitShare::len);
    Ok(IntShare { bits: parallel::sum(heap, &mut Columns::new(rows, session))?, signed })
}

/// Integers as field elements.
pub fn elements(values: &[i128]) -> Vec<Fp> {
    values.iter().map(|value| Fp::from_i128(*value)).collect()
}

fn truths(bits: &algebra::Bits) -> Vec<Fp> {
    bits.iter().map(|bit| Fp::new(u128::from(bit))).collect()
}

/// An end of a range that the checker proved to fit.
pub fn end(of: &num_bigint::BigInt) -> i128 {
    of.to_i128().unwrap_or(if of.is_negative() { i128::MIN } else { i128::MAX })
}
