//! Columns of a plan in the making, with the rows that they leave out.

use super::{Program, Scalar, Unit};
use crate::check::{FIELD_BITS, FIXED_BITS, Kind, Shape, Type};
use crate::error::{Code, PlanError};
use crate::plan::{Decimal, NodeId, Op};
use num_bigint::BigInt;
use std::ops::{Add, BitAnd, BitOr, BitXor, Mul, Neg, Not, Sub};

/// A column that a plan computes. Rows whose value is missing, or that a condition left out, count in no aggregate.
#[derive(Clone)]
pub struct Column {
    program: Program,
    node: NodeId,
    /// The rows that count; all of them if `None`.
    mask: Option<NodeId>,
    unit: Option<Unit>,
}

impl Column {
    pub(crate) fn new(program: &Program, node: NodeId, mask: Option<NodeId>, unit: Option<Unit>) -> Self {
        Self { program: program.clone(), node, mask, unit }
    }

    /// The plan that it belongs to.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// What it is counted in.
    pub fn unit(&self) -> Option<&Unit> {
        self.unit.as_ref()
    }

    /// Its type.
    pub fn of(&self) -> Type {
        self.program.of(self.node)
    }

    /// The most rows that the plan is for.
    pub(crate) fn max_rows(&self) -> u64 {
        let Shape::Column(rows) = self.of().shape else { return 1 };
        self.program.state.borrow().schema.tables.get(&rows.table).map_or(1, |table| table.max_rows)
    }

    /// Whether it is a boolean column.
    pub fn is_boolean(&self) -> bool {
        self.of().kind == Kind::Boolean
    }

    /// The labels, if it is a category.
    pub fn labels(&self) -> Option<Vec<String>> {
        if let Kind::Category(labels) = self.of().kind { Some(labels) } else { None }
    }

    /// Whether some rows are left out.
    pub fn is_masked(&self) -> bool {
        self.mask.is_some()
    }

    fn with(&self, node: NodeId) -> Self {
        Self { node, ..self.clone() }
    }

    fn scalar(&self, op: Op) -> Scalar {
        Scalar::new(&self.program, self.program.node(op), self.unit.clone())
    }

    /// The rows that count in both.
    fn common_mask(&self, other: Option<NodeId>) -> Option<NodeId> {
        match (self.mask, other) {
            (Some(left), Some(right)) if left != right => Some(self.program.node(Op::And { left, right })),
            (mask, other) => mask.or(other),
        }
    }

    fn zip(&self, other: &Self, op: Op, unit: Option<Unit>) -> Self {
        let mask = self.common_mask(other.mask);
        Self { program: self.program.clone(), node: self.program.node(op), mask, unit }
    }

    // Rows.

    /// The same rows, leaving out those where `condition` does not hold or is missing.
    pub fn filter(&self, condition: &Self) -> Self {
        let mask = self.common_mask(Some(condition.holds().node));
        Self { mask, ..self.clone() }
    }

    /// The rows that count in both this and `other`.
    pub fn where_present(&self, other: &Self) -> Self {
        Self { mask: self.common_mask(other.mask), ..self.clone() }
    }

    /// Where a boolean column is present and holds; no row is left out.
    pub fn holds(&self) -> Self {
        let node = match self.mask {
            Some(right) if right != self.node => self.program.node(Op::And { left: self.node, right }),
            _ => self.node,
        };
        Self { mask: None, ..self.with(node) }
    }

    /// The same, counting also where `settled` holds, which has no missing values.
    fn or_settled(&self, settled: &Self) -> Self {
        let mask = self.present().map(|present| (&present | settled).node);
        Self { mask, ..self.clone() }
    }

    /// Where a value counts, if some do not.
    pub fn present(&self) -> Option<Self> {
        self.mask.map(|mask| Self { mask: None, unit: None, ..self.with(mask) })
    }

    /// Every row, with `value` where one is missing or left out.
    pub fn fill(&self, value: &Scalar) -> Self {
        let Some(condition) = self.mask else { return self.clone() };
        let op = Op::Select { condition, then: self.node, otherwise: value.node() };
        Self { mask: None, ..self.with(self.program.node(op)) }
    }

    fn fill_zero(&self) -> Self {
        if self.is_boolean() { self.holds() } else { self.fill(&self.program.constant(0)) }
    }

    /// How many rows count: public if no value is missing or left out.
    pub fn count(&self) -> Scalar {
        let op = match (self.mask, self.of().shape) {
            (Some(of), _) => Op::Sum { of },
            (None, Shape::Column(rows)) => Op::Rows { table: rows.table },
            (None, Shape::Scalar) => Op::Constant { value: Decimal::new(1, 0) },
        };
        Scalar::new(&self.program, self.program.node(op), None)
    }

    // Numbers.

    /// The smallest and largest number that its declared range allows, at its scale.
    fn range(&self) -> (Decimal, Decimal) {
        let of = self.of();
        let scale = of.scale().decimal;
        (Decimal::new(of.range.min, scale), Decimal::new(of.range.max, scale))
    }

    /// The middle of its declared range.
    pub fn middle(&self) -> Scalar {
        let of = self.of();
        let scale = of.scale();
        let middle: BigInt = if of.kind == Kind::Boolean || scale.binary > 0 {
            BigInt::ZERO
        } else {
            (of.range.min + of.range.max) / 2
        };
        let constant = self.program.decimal(&Decimal::new(middle, scale.decimal));
        Scalar::new(&self.program, constant.node(), self.unit.clone())
    }

    /// The column less the middle of its declared range: what does not depend on where zero is, is computed from
    /// numbers half as large.
    pub fn centred(&self) -> Self {
        self - &self.middle()
    }

    /// 1 where a boolean column holds, 0 elsewhere; numbers as they are.
    pub fn number(&self) -> Self {
        if self.is_boolean() {
            self.with(self.program.node(Op::Number { of: self.node }))
        } else {
            self.clone()
        }
    }

    /// The absolute value.
    pub fn abs(&self) -> Self {
        let zero = self.program.constant(0);
        self.less_scalar(&zero).choose(&-self, self)
    }

    /// The base-2 logarithm of positive numbers.
    pub fn log2(&self) -> Self {
        Self { unit: None, ..self.with(self.program.node(Op::Log2 { of: self.positive().node })) }
    }

    /// One over positive numbers.
    pub fn reciprocal(&self) -> Self {
        let unit = Unit::product(None, self.unit(), -1);
        let column = self.positive();
        let op = Op::Reciprocal { of: column.node, bits: column.reciprocal_bits() };
        Self { unit, ..self.with(self.program.node(op)) }
    }

    /// How many binary digits one over the largest value needs, as far as a sum of one over the smallest fits.
    fn reciprocal_bits(&self) -> u32 {
        let of = self.of();
        let divisor = of.scale().divisor();
        let wanted = u64::from(FIXED_BITS) + (&of.range.max / &divisor).bits();
        let rows = u64::from(u64::BITS - self.max_rows().leading_zeros());
        let room = (FIELD_BITS - 1).saturating_sub(divisor.bits());
        let sum = (room + of.range.min.bits()).saturating_sub(rows + 2);
        wanted.min(room).min(sum) as u32
    }

    /// The column with 1 in rows that do not count.
    fn positive(&self) -> Self {
        self.fill(&self.program.constant(1))
    }

    // Conditions.

    /// Where this is less than `other`.
    pub fn less(&self, other: &Self) -> Self {
        self.zip(other, Op::Less { left: self.node, right: other.node }, None)
    }

    /// Where this is less than `other`.
    pub fn less_scalar(&self, other: &Scalar) -> Self {
        let op = Op::Less { left: self.node, right: other.node() };
        Self { unit: None, ..self.with(self.program.node(op)) }
    }

    /// Where this is more than `other`.
    pub fn more_scalar(&self, other: &Scalar) -> Self {
        let op = Op::Less { left: other.node(), right: self.node };
        Self { unit: None, ..self.with(self.program.node(op)) }
    }

    /// Where this equals `other`.
    pub fn equals(&self, other: &Self) -> Self {
        self.zip(other, Op::Equal { left: self.node, right: other.node }, None)
    }

    /// Where this equals `other`.
    pub fn equals_scalar(&self, other: &Scalar) -> Self {
        let op = Op::Equal { left: self.node, right: other.node() };
        Self { unit: None, ..self.with(self.program.node(op)) }
    }

    /// Where a category is `label`.
    pub fn is(&self, label: &str) -> Self {
        let op = Op::Is { of: self.node, label: label.to_owned() };
        Self { unit: None, ..self.with(self.program.node(op)) }
    }

    /// `then` where this holds, `otherwise` elsewhere. Only what is chosen can be missing.
    pub fn choose(&self, then: &Self, otherwise: &Self) -> Self {
        let op = Op::Select { condition: self.node, then: then.node, otherwise: otherwise.node };
        let unit = Unit::sum(then.unit(), otherwise.unit());
        let chosen = Self { mask: None, ..self.zip(then, op, unit) };
        let present = if then.mask == otherwise.mask {
            then.present()
        } else {
            let not_chosen = [(self.plain(), then), (!&self.plain(), otherwise)]
                .map(|(where_chosen, of)| of.present().map(|present| !&(&where_chosen & &!&present)));
            not_chosen.into_iter().flatten().reduce(|left, right| &left & &right)
        };
        let mask = chosen.common_mask(present.map(|present| present.node));
        Self { mask: self.common_mask(mask), ..chosen }
    }

    /// The same without its mask.
    fn plain(&self) -> Self {
        Self { mask: None, ..self.clone() }
    }

    /// Where a value counts; everywhere, if no value is missing or left out.
    pub fn is_present(&self) -> Self {
        self.present().unwrap_or_else(|| Self { unit: None, ..self.equals(self) })
    }

    /// A column that holds `value` in every row of this.
    pub fn constant(&self, value: &Scalar) -> Self {
        let zero = self
            .with(self.program.node(Op::Subtract { left: self.number().node, right: self.number().node }));
        Self { unit: value.unit().cloned(), ..&zero + value }
    }

    /// Where this holds, if `condition` does.
    pub fn and_scalar(&self, condition: &Scalar) -> Self {
        let node = self.program.node(Op::And { left: self.node, right: condition.node() });
        Self { unit: None, ..self.with(node) }
    }

    // Aggregates.

    /// The sum; of a boolean column, how many rows hold.
    pub fn sum(&self) -> Scalar {
        self.scalar(Op::Sum { of: self.fill_zero().node })
    }

    /// The sum of products with `other`, over the rows that count in both.
    pub fn dot(&self, other: &Self) -> Scalar {
        let (left, right) = (self.where_present(other).number(), other.where_present(self).number());
        let op = Op::Dot { left: left.fill_zero().node, right: right.fill_zero().node };
        let unit = Unit::product(self.unit(), other.unit(), 1);
        Scalar::new(&self.program, self.program.node(op), unit)
    }

    /// The smallest value; undefined if no row counts.
    pub fn min(&self) -> Scalar {
        let column = self.number();
        let (_, most) = column.range();
        let least = self.scalar(Op::Min { of: column.fill(&self.program.decimal(&most)).node });
        self.unless_empty(&least)
    }

    /// The largest value; undefined if no row counts.
    pub fn max(&self) -> Scalar {
        let column = self.number();
        let (least, _) = column.range();
        let most = self.scalar(Op::Max { of: column.fill(&self.program.decimal(&least)).node });
        self.unless_empty(&most)
    }

    /// The value at a rank, counted from 0 in ascending order of the rows that count; undefined if no row counts.
    pub fn at_rank(&self, rank: &Scalar) -> Scalar {
        if self.mask.is_none() {
            return self.scalar(Op::OrderStatistic { of: self.number().node, rank: rank.node() });
        }
        let order = self.sorted();
        self.unless_empty(&order.scalar(Op::Element { of: order.node, at: rank.node() }))
    }

    /// `value`, undefined if no row counts.
    pub fn unless_empty(&self, value: &Scalar) -> Scalar {
        if self.mask.is_none() {
            value.clone()
        } else {
            value.when(&self.count().equals(&self.program.constant(0)).negate())
        }
    }

    // Order.

    /// The order key: rows that do not count come last.
    fn order_key(&self) -> NodeId {
        let of = self.of();
        let scale = of.scale().decimal;
        let beyond = Decimal::new(of.range.max + 1, scale);
        self.fill(&self.program.decimal(&beyond)).node
    }

    /// In ascending order; rows that do not count come last and are 0. Positions count from 0, see
    /// [`index`](Self::index); take the number of rows that count from the column itself.
    pub fn sorted(&self) -> Self {
        self.sorted_by(self)
    }

    /// In ascending order of `key`, where `key` counts; other rows come last and are 0.
    pub fn sorted_by(&self, key: &Self) -> Self {
        let column = self.where_present(key).number().fill_zero();
        let op = Op::Sort { by: key.order_key(), take: column.node };
        Self { mask: None, ..column.with(self.program.node(op)) }
    }

    /// 0, 1, 2, … beside a sorted column.
    pub fn index(&self) -> Self {
        let node = self.program.node(Op::Index { like: self.node });
        Self { mask: None, unit: None, ..self.with(node) }
    }

    /// Running totals of a sorted column.
    pub fn cumulative_sum(&self) -> Self {
        self.with(self.program.node(Op::CumulativeSum { of: self.node }))
    }

    /// The row before, of a sorted column; the first row's is 0.
    pub fn previous(&self) -> Self {
        self.with(self.program.node(Op::Previous { of: self.node }))
    }

    /// The row at a position of a sorted column; 0 if it lies outside.
    pub fn at(&self, position: &Scalar) -> Scalar {
        self.scalar(Op::Element { of: self.node, at: position.node() })
    }

    /// For each row that counts, how many smaller values there are; with `high`, how many others that are not
    /// larger.
    pub fn rank(&self, high: bool) -> Self {
        let node = self.program.node(Op::Rank { of: self.order_key(), high });
        Self { unit: None, ..self.with(node) }
    }

    /// The value that occurs most often, the smallest (of labels, the first) if several do; undefined if no row counts.
    pub fn mode(&self) -> Scalar {
        if self.mask.is_none() || self.labels().is_some() {
            return self.unless_empty(&self.scalar(Op::Mode { of: self.number().node, among: self.mask }));
        }
        let value = self.frequent(1).into_iter().next().map(|(value, _)| value);
        value.map_or_else(|| self.program.constant(0), |value| self.unless_empty(&value))
    }

    /// The `most` values that occur most often, the smaller first if two do as often, and how often each does; 0 and
    /// 0 if there are fewer.
    ///
    /// Sorted by how often its value occurs, a row's group stands together: the next group begins as many rows further
    /// as the row's own group has.
    pub fn frequent(&self, most: u32) -> Vec<(Scalar, Scalar)> {
        let column = self.number();
        let (least, of) = (column.range().0, column.of());
        let often = (&(&column.rank(true) - &column.rank(false)) + 1).fill_zero();
        // Rarer values come later; a step of rarity is wider than the range of the values.
        let step = Decimal::new(&of.range.max - &of.range.min + 1, of.scale().decimal);
        let rarity = &self.program.decimal(&Decimal::new(self.max_rows(), 0)) - &often;
        let place = (&column - &self.program.decimal(&least)).fill_zero();
        let order = &(&rarity * &self.program.decimal(&step)) + &place;
        let (values, counts) = (column.fill_zero().sorted_by(&order), often.sorted_by(&order));
        let mut at = self.program.constant(0);
        let mut found = Vec::new();
        for _ in 0..most {
            let (value, count) = (values.at(&at), counts.at(&at));
            at = at + &count;
            found.push((value, count));
        }
        found
    }

    /// Each integer divided by `2^bits` and rounded down, without its unit and scale.
    pub fn coarsen(&self, bits: u32) -> Self {
        let node = self.program.node(Op::Coarsen { of: self.node, bits });
        Self { unit: None, ..self.with(node) }
    }

    // Join.

    /// For each row of this key, `take` of the row of the other data set where `among` is the same; rows without
    /// one do not count. The keys of the other data set must differ from each other.
    pub fn lookup(&self, among: &Self, take: &Self) -> Self {
        if among.mask.is_some() || self.mask.is_some() {
            self.program.refuse(PlanError::new(
                Code::Type,
                "a key may not be missing",
                "declare the key column without `nullable`, and filter after the join",
            ));
        }
        let found = self.program.node(Op::Matched { key: self.node, among: among.node });
        let fetch = |take: NodeId| self.program.node(Op::Lookup { key: self.node, among: among.node, take });
        let fetched = Self { mask: Some(found), unit: take.unit.clone(), ..self.with(fetch(take.node)) };
        match take.mask {
            Some(mask) => {
                let present = Self { mask: None, ..self.with(fetch(mask)) };
                fetched.filter(&present)
            }
            None => fetched,
        }
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $op:ident, $unit:expr) => {
        impl $trait<&Column> for &Column {
            type Output = Column;
            fn $method(self, other: &Column) -> Column {
                let op = Op::$op { left: self.number().node, right: other.number().node };
                self.zip(other, op, $unit(self.unit(), other.unit()))
            }
        }
        impl $trait<&Scalar> for &Column {
            type Output = Column;
            fn $method(self, other: &Scalar) -> Column {
                let op = Op::$op { left: self.number().node, right: other.node() };
                Column { unit: $unit(self.unit(), other.unit()), ..self.with(self.program.node(op)) }
            }
        }
        impl $trait<&Column> for &Scalar {
            type Output = Column;
            fn $method(self, other: &Column) -> Column {
                let op = Op::$op { left: self.node(), right: other.number().node };
                Column { unit: $unit(self.unit(), other.unit()), ..other.with(other.program.node(op)) }
            }
        }
        impl $trait<i64> for &Column {
            type Output = Column;
            fn $method(self, other: i64) -> Column {
                self.$method(&self.program.constant(other))
            }
        }
    };
}

operator!(Add, add, Add, Unit::sum);
operator!(Sub, sub, Subtract, Unit::sum);
operator!(Mul, mul, Multiply, |left, right| Unit::product(left, right, 1));

impl BitXor<&Column> for &Column {
    type Output = Column;
    fn bitxor(self, other: &Column) -> Column {
        self.zip(other, Op::Xor { left: self.node, right: other.node }, None)
    }
}

/// Both hold. One that does not settles it, even where the other is missing (S. Kleene's three-valued logic).
impl BitAnd<&Column> for &Column {
    type Output = Column;
    fn bitand(self, other: &Column) -> Column {
        let both = self.zip(other, Op::And { left: self.node, right: other.node }, None);
        if self.mask == other.mask {
            return both;
        }
        let fails = |column: &Column| (!column).holds();
        let settled = &fails(self) | &fails(other);
        both.or_settled(&settled)
    }
}

/// One holds. One that does settles it, even where the other is missing.
impl BitOr<&Column> for &Column {
    type Output = Column;
    fn bitor(self, other: &Column) -> Column {
        if self.mask == other.mask {
            return !&(&!self & &!other);
        }
        let settled = &self.holds() | &other.holds();
        let either = Column { mask: self.common_mask(other.mask), ..settled.clone() };
        either.or_settled(&settled)
    }
}

impl Not for &Column {
    type Output = Column;
    fn not(self) -> Column {
        self.with(self.program.node(Op::Not { of: self.node }))
    }
}

impl Neg for &Column {
    type Output = Column;
    fn neg(self) -> Column {
        &self.program.constant(0) - self
    }
}
