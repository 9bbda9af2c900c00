//! Working out the type of each node from those of its arguments.

use super::errors::{product_error, real_scalars, relative_error, scaled_error};
use super::interval::Interval;
use super::kinds::{Kind, Rows, Scale, Shape, Type};
use crate::error::{Code, PlanError};
use crate::plan::{Decimal, NodeId, Op, Schema, Table, Values};
use num_bigint::BigInt;
use num_traits::Signed;

/// The largest magnitude that the engine's field holds exactly: integers below 2^126, with a sign.
pub const FIELD_BITS: u64 = 126;
/// The largest magnitude of a single number that arithmetic passes on, which the engine computes on bits if the field
/// does not hold it.
pub(super) const LONG_BITS: u64 = 512;
/// The widest integers that the engine compares and sorts.
pub const COMPARE_BITS: u32 = 64;

/// The longest exact numbers, for plans that follow from opened values.
const MAX_BITS: u64 = 4096;
/// The most digits after the dot, likewise.
const MAX_SCALE: u32 = 512;

/// Bits after the binary point of `log2` columns, and the least of `reciprocal` ones.
pub const FIXED_BITS: u32 = 40;

/// Minus the base-2 logarithm of the error of the engine's logarithms.
const LOG2_ERROR: f64 = 35.8;
/// The relative error of a quotient, 2^-37.4, with room for the conversion of its arguments.
pub(super) const DIVIDE_ERROR: f64 = 5.6e-12;
/// The relative error of a product or a root, 2^-38, likewise.
pub(super) const ROUND_ERROR: f64 = 3.7e-12;

/// Works out the type of `op`, whose arguments are among `nodes` and have types `types`.
///
/// Scalars that follow from scalars may have any range here; the checker looks at those that are
/// computed on shares.
///
/// # Errors
/// [`Code::Type`], [`Code::Shape`], [`Code::UnknownColumn`] or [`Code::Overflow`], with what to do about it.
pub fn infer(schema: &Schema, nodes: &[Op], types: &[Type], op: &Op) -> Result<Type, PlanError> {
    let inferred = Inference { schema, nodes, types }.infer(op)?;
    let follows = inferred.is_scalar() && op.arguments().iter().all(|a| types[a.index()].is_scalar());
    if !follows {
        check_range(op, &inferred)?;
    }
    let (bits, scale) = (inferred.range.magnitude_bits(), inferred.scale());
    if bits > MAX_BITS || scale.decimal > MAX_SCALE || scale.binary > MAX_SCALE {
        let hint = "multiply fewer numbers with each other";
        return Err(PlanError::new(Code::Overflow, format!("`{}` has too many digits", op.name()), hint));
    }
    Ok(inferred)
}

struct Inference<'a> {
    schema: &'a Schema,
    nodes: &'a [Op],
    types: &'a [Type],
}

impl Inference<'_> {
    fn infer(&self, op: &Op) -> Result<Type, PlanError> {
        match op {
            Op::Column { table, name } => self.column(table, name),
            Op::Present { table, name } => {
                let rows = self.column(table, name)?.shape;
                Ok(Type {
                    shape: rows,
                    kind: Kind::Boolean,
                    public: false,
                    range: Interval::bit(),
                    error: 0.0,
                    relative: 0.0,
                })
            }
            Op::Rows { table } => {
                let rows = self.table(table)?.max_rows;
                Ok(public(Interval::new(1, rows), Scale::default()))
            }
            Op::Constant { value } => Ok(constant(value)),
            Op::Index { like } => {
                let rows = self.sorted(*like, op)?.clone();
                let last = self.max_rows(&rows)?.saturating_sub(1);
                let kind = Kind::Number(Scale::default());
                Ok(Type { public: true, ..Type::column(rows, kind, Interval::new(0, last)) })
            }
            Op::Add { left, right } => self.linear(*left, *right, Interval::add),
            Op::Subtract { left, right } => self.linear(*left, *right, Interval::subtract),
            Op::Multiply { left, right } => self.multiply(*left, *right),
            Op::Less { left, right } | Op::Equal { left, right } => self.compare(op, *left, *right),
            Op::Is { of, label } => {
                let of = self.get(*of);
                match &of.kind {
                    Kind::Category(labels) if labels.contains(label) => {
                        Ok(of.with(Kind::Boolean, Interval::bit()))
                    }
                    Kind::Category(labels) => Err(PlanError::new(
                        Code::Type,
                        format!("there is no label `{label}`"),
                        format!("use one of: {}", labels.join(", ")),
                    )),
                    _ => Err(wrong_type(op, of, "a category")),
                }
            }
            Op::Not { of } => Ok(self.boolean(*of, op)?.clone()),
            Op::And { left, right } | Op::Xor { left, right } => {
                let (left, right) = (self.boolean(*left, op)?, self.boolean(*right, op)?);
                Ok(Type { range: Interval::bit(), ..zip(left, right)? })
            }
            Op::Select { condition, then, otherwise } => self.select(op, *condition, *then, *otherwise),
            Op::Number { of } => {
                Ok(self.boolean(*of, op)?.with(Kind::Number(Scale::default()), Interval::bit()))
            }
            Op::Sum { of } => self.sum(op, *of),
            Op::Dot { left, right } => self.dot(op, *left, *right),
            Op::Mode { of, among } => self.mode(op, *of, *among),
            Op::Min { of } | Op::Max { of } => {
                let of = self.comparable(*of, op)?;
                rows_of(of, op)?;
                Ok(Type { error: of.total_error(), ..of.scalar(of.kind.clone(), of.range.clone()) })
            }
            Op::OrderStatistic { of, rank } => {
                let (of, rank) = (self.comparable(*of, op)?, self.exact_integer(*rank, op)?);
                rows_of(of, op)?;
                if !rank.public {
                    return Err(PlanError::new(
                        Code::Secret,
                        "the rank of an order statistic must be public",
                        "sort the column and use `element` for a secret rank",
                    ));
                }
                Ok(Type { error: of.total_error(), ..of.scalar(of.kind.clone(), of.range.clone()) })
            }
            Op::Element { of, at } => {
                let (column, at) = (self.number(*of, op)?, self.exact_integer(*at, op)?);
                self.sorted(*of, op)?;
                let range = column.range.hull(&Interval::point(0));
                let public = column.public && at.public;
                Ok(Type { public, error: column.total_error(), ..column.scalar(column.kind.clone(), range) })
            }
            Op::Sort { by, take } => self.sort(op, *by, *take),
            Op::CumulativeSum { of } => {
                let column = self.number(*of, op)?;
                let rows = self.max_rows(self.sorted(*of, op)?)?;
                let range = column.range.sum(rows).hull(&column.range);
                Ok(Type {
                    error: column.total_error() * rows as f64,
                    ..column.with(column.kind.clone(), range)
                })
            }
            Op::Previous { of } => {
                self.sorted(*of, op)?;
                let column = self.get(*of);
                let range = column.range.hull(&Interval::point(0));
                Ok(Type { error: column.total_error(), ..column.with(column.kind.clone(), range) })
            }
            Op::Rank { of, .. } => {
                let column = self.comparable(*of, op)?;
                let rows = unsorted(rows_of(column, op)?)?;
                let last = self.max_rows(rows)?.saturating_sub(1);
                Ok(column.with(Kind::Number(Scale::default()), Interval::new(0, last)))
            }
            Op::Coarsen { of, bits } => {
                let column = self.comparable(*of, op)?;
                rows_of(column, op)?;
                if *bits >= COMPARE_BITS {
                    let hint = format!("drop at most {} bits", COMPARE_BITS - 1);
                    return Err(PlanError::new(Code::Type, "nothing would be left of the column", hint));
                }
                let range = Interval::new(&column.range.min >> bits, &column.range.max >> bits);
                let dropped = if *bits == 0 { 0.0 } else { 1.0 };
                let error = column.total_error() / f64::from(1u32 << (*bits).min(31)) + dropped;
                Ok(Type { error, ..column.with(Kind::Number(Scale::default()), range) })
            }
            Op::Require { condition, of } => {
                let (condition, of) = (self.boolean(*condition, op)?, self.get(*of));
                if !condition.is_scalar() || !of.is_scalar() {
                    return Err(wrong_type(op, if of.is_scalar() { condition } else { of }, "single values"));
                }
                Ok(Type { public: of.public && condition.public, ..of.clone() })
            }
            Op::Floor { of } => {
                let of = self.get(*of);
                if !of.public || !of.is_scalar() || !matches!(of.kind, Kind::Number(_) | Kind::Real) {
                    return Err(wrong_type(op, of, "a public number"));
                }
                Ok(public(Interval::new(i64::MIN, i64::MAX), Scale::default()))
            }
            Op::Lookup { key, among, take } => {
                let shape = self.keys(op, *key, *among)?;
                let (among, take) = (self.get(*among), self.get(*take));
                zip(among, take)?;
                let range = take.range.hull(&Interval::point(0));
                Ok(Type { shape, public: false, range, ..take.clone() })
            }
            Op::Matched { key, among } => {
                let shape = self.keys(op, *key, *among)?;
                Ok(Type {
                    shape,
                    kind: Kind::Boolean,
                    public: false,
                    range: Interval::bit(),
                    error: 0.0,
                    relative: 0.0,
                })
            }
            Op::Log2 { of } | Op::Reciprocal { of, .. } => self.fixed(op, *of),
            Op::Divide { left, right } => self.real(op, &[*left, *right]),
            Op::Sqrt { of } | Op::Log { of } | Op::Exp { of } => self.real(op, &[*of]),
            Op::Distribution { of, parameters, .. } => {
                let arguments: Vec<_> = std::iter::once(*of).chain(parameters.iter().copied()).collect();
                self.real(op, &arguments)
            }
            Op::FloorDivide { left, divisor } => {
                let left = self.exact_integer(*left, op)?;
                if *divisor == 0 {
                    return Err(PlanError::new(Code::Type, "division by zero", "divide by 1 or more"));
                }
                let floor = |v: &BigInt| num_integer::Integer::div_floor(v, &BigInt::from(*divisor));
                let range = Interval::new(floor(&left.range.min), floor(&left.range.max));
                Ok(left.with(left.kind.clone(), range))
            }
        }
    }

    fn get(&self, node: NodeId) -> &Type {
        &self.types[node.index()]
    }

    fn table(&self, name: &str) -> Result<&Table, PlanError> {
        self.schema.tables.get(name).ok_or_else(|| {
            PlanError::new(Code::UnknownColumn, format!("there is no data set `{name}`"), "check the schema")
        })
    }

    fn max_rows(&self, rows: &Rows) -> Result<u64, PlanError> {
        Ok(self.table(&rows.table)?.max_rows)
    }

    fn column(&self, table: &str, name: &str) -> Result<Type, PlanError> {
        let columns = &self.table(table)?.columns;
        let Some(column) = columns.get(name) else {
            let names = columns.keys().cloned().collect::<Vec<_>>().join(", ");
            let cause = format!("there is no column `{table}.{name}`");
            return Err(PlanError::new(Code::UnknownColumn, cause, format!("use one of: {names}")));
        };
        let (min, max) = column.stored_range();
        let mut range = Interval::new(min, max);
        if column.nullable {
            range = range.hull(&Interval::point(0));
        }
        let kind = match &column.values {
            Values::Number { scale, .. } => Kind::Number(Scale::decimal(*scale)),
            Values::Boolean => Kind::Boolean,
            Values::Category { labels } => Kind::Category(labels.clone()),
        };
        Ok(Type::column(Rows { table: table.to_owned(), sorted_by: None }, kind, range))
    }

    fn number(&self, node: NodeId, op: &Op) -> Result<&Type, PlanError> {
        let of = self.get(node);
        if matches!(of.kind, Kind::Number(_)) { Ok(of) } else { Err(wrong_type(op, of, "an exact number")) }
    }

    fn boolean(&self, node: NodeId, op: &Op) -> Result<&Type, PlanError> {
        let of = self.get(node);
        if of.kind == Kind::Boolean { Ok(of) } else { Err(wrong_type(op, of, "a boolean")) }
    }

    fn exact_integer(&self, node: NodeId, op: &Op) -> Result<&Type, PlanError> {
        let of = self.number(node, op)?;
        if of.is_scalar() && of.scale() == Scale::default() && of.total_error() == 0.0 {
            Ok(of)
        } else {
            Err(wrong_type(op, of, "a single whole number"))
        }
    }

    fn comparable(&self, node: NodeId, op: &Op) -> Result<&Type, PlanError> {
        let of = self.number(node, op)?;
        check_comparable(&of.range).map(|()| of)
    }

    fn sorted(&self, node: NodeId, op: &Op) -> Result<&Rows, PlanError> {
        let rows = rows_of(self.get(node), op)?;
        if rows.sorted_by.is_some() {
            return Ok(rows);
        }
        Err(PlanError::new(
            Code::Shape,
            format!("`{}` would point at single rows in the order of submission", op.name()),
            "sort the column first",
        ))
    }

    fn linear(
        &self,
        left: NodeId,
        right: NodeId,
        combine: impl Fn(&Interval, &Interval) -> Interval,
    ) -> Result<Type, PlanError> {
        let op = Op::Add { left, right };
        let (left, right) = (self.get(left), self.get(right));
        if let Some(real) = real_scalars(left, right) {
            return Ok(real);
        }
        let (a, b, scale) = align(left, right).ok_or_else(|| wrong_pair(&op, left, right))?;
        let error = scaled_error(left, scale) + scaled_error(right, scale);
        Ok(Type {
            kind: Kind::Number(scale),
            range: combine(&a, &b),
            error,
            relative: 0.0,
            ..zip(left, right)?
        })
    }

    fn multiply(&self, left: NodeId, right: NodeId) -> Result<Type, PlanError> {
        let op = Op::Multiply { left, right };
        let same = left == right;
        let (left, right) = (self.get(left), self.get(right));
        if let Some(real) = real_scalars(left, right) {
            return Ok(real);
        }
        let (Kind::Number(a), Kind::Number(b)) = (&left.kind, &right.kind) else {
            return Err(wrong_pair(&op, left, right));
        };
        let range = if same { left.range.square() } else { left.range.multiply(&right.range) };
        let kind = Kind::Number(a.product(*b));
        Ok(Type { kind, range, error: product_error(left, right), relative: 0.0, ..zip(left, right)? })
    }

    fn compare(&self, op: &Op, left: NodeId, right: NodeId) -> Result<Type, PlanError> {
        let (left, right) = (self.get(left), self.get(right));
        let zipped = zip(left, right)?;
        let range = match (&left.kind, &right.kind) {
            (Kind::Category(a), Kind::Category(b)) if a == b && matches!(op, Op::Equal { .. }) => {
                Interval::bit()
            }
            _ => {
                let (a, b, _) = align(left, right).ok_or_else(|| wrong_pair(op, left, right))?;
                a.hull(&b)
            }
        };
        if !zipped.is_scalar() {
            check_comparable(&range)?;
        }
        Ok(Type { kind: Kind::Boolean, range: Interval::bit(), error: 0.0, relative: 0.0, ..zipped })
    }

    fn select(&self, op: &Op, condition: NodeId, then: NodeId, other: NodeId) -> Result<Type, PlanError> {
        let range = super::narrow::where_holds(self.schema, self.nodes, self.types, condition, then);
        let condition = self.boolean(condition, op)?;
        let (then, other) = (&Type { range, ..self.get(then).clone() }, self.get(other));
        let branches = zip(then, other)?;
        let (kind, range) = if then.kind == Kind::Boolean && other.kind == Kind::Boolean {
            (Kind::Boolean, Interval::bit())
        } else {
            let (a, b, scale) = align(then, other).ok_or_else(|| wrong_pair(op, then, other))?;
            (Kind::Number(scale), a.hull(&b))
        };
        let scale = if let Kind::Number(scale) = kind { scale } else { Scale::default() };
        let zipped = zip(&branches, condition)?;
        // Relative to what is not negative, the larger of both holds of either.
        if !range.min.is_negative() {
            let absolute = |of: &Type| scaled_error(&Type { relative: 0.0, ..of.clone() }, scale);
            let (error, relative) = (absolute(then).max(absolute(other)), then.relative.max(other.relative));
            return Ok(Type { kind, range, error, relative, ..zipped });
        }
        let error = scaled_error(then, scale).max(scaled_error(other, scale));
        Ok(Type { kind, range, error, relative: 0.0, ..zipped })
    }

    fn sum(&self, op: &Op, of: NodeId) -> Result<Type, PlanError> {
        let of = self.get(of);
        let rows = self.max_rows(rows_of(of, op)?)?;
        let kind = match &of.kind {
            Kind::Number(scale) => Kind::Number(*scale),
            Kind::Boolean => Kind::Number(Scale::default()),
            _ => return Err(wrong_type(op, of, "a number or boolean column")),
        };
        let range = of.range.sum(rows);
        if !range.min.is_negative() {
            return Ok(Type {
                error: of.error * rows as f64,
                relative: of.relative,
                ..of.scalar(kind, range)
            });
        }
        Ok(Type { error: of.total_error() * rows as f64, ..of.scalar(kind, range) })
    }

    fn dot(&self, op: &Op, left: NodeId, right: NodeId) -> Result<Type, PlanError> {
        let product = self.multiply(left, right)?;
        let rows = self.max_rows(rows_of(&product, op)?)?;
        let range = product.range.sum(rows);
        Ok(Type { error: product.error * rows as f64, ..product.scalar(product.kind.clone(), range) })
    }

    fn sort(&self, op: &Op, by: NodeId, take: NodeId) -> Result<Type, PlanError> {
        let (key, column) = (self.comparable(by, op)?, self.get(take));
        let rows = rows_of(key, op)?;
        if rows_of(column, op)? != rows {
            return zip(key, column);
        }
        let rows = unsorted(rows)?;
        let shape = Shape::Column(Rows { table: rows.table.clone(), sorted_by: Some(by) });
        Ok(Type { shape, public: false, ..column.clone() })
    }

    fn mode(&self, op: &Op, of: NodeId, among: Option<NodeId>) -> Result<Type, PlanError> {
        let of = match self.get(of) {
            category @ Type { kind: Kind::Category(_), .. } => category,
            _ => self.comparable(of, op)?,
        };
        rows_of(of, op)?;
        if let Some(among) = among {
            rows_of(&zip(of, self.boolean(among, op)?)?, op)?;
            if !matches!(of.kind, Kind::Category(_)) {
                return Err(wrong_type(op, of, "a category, if some rows do not count"));
            }
        }
        Ok(Type { error: of.total_error(), ..of.scalar(of.kind.clone(), of.range.clone()) })
    }

    fn keys(&self, op: &Op, key: NodeId, among: NodeId) -> Result<Shape, PlanError> {
        let (key, among) = (self.get(key), self.get(among));
        let (here, there) = (rows_of(key, op)?, rows_of(among, op)?);
        if here.table == there.table || here.sorted_by.is_some() || there.sorted_by.is_some() {
            let hint = "give keys of two data sets, as they came in";
            return Err(PlanError::new(Code::Shape, "a join takes two data sets", hint));
        }
        match (&key.kind, &among.kind) {
            (Kind::Category(a), Kind::Category(b)) if a == b => {}
            (Kind::Number(a), Kind::Number(b)) if a == b => {
                check_comparable(&key.range.hull(&among.range))?;
            }
            _ => return Err(wrong_pair(op, key, among)),
        }
        Ok(key.shape.clone())
    }

    fn fixed(&self, op: &Op, of: NodeId) -> Result<Type, PlanError> {
        let column = self.comparable(of, op)?;
        rows_of(column, op)?;
        if !column.range.min.is_positive() {
            let hint = "declare a range above 0, or leave other rows out with `where`";
            return Err(PlanError::new(Code::Type, format!("`{}` needs positive numbers", op.name()), hint));
        }
        let divisor = column.scale().divisor();
        if let Op::Reciprocal { bits, .. } = op {
            if u64::from(*bits) + divisor.bits() > FIELD_BITS {
                let hint = "keep fewer digits after the point";
                return Err(PlanError::new(
                    Code::Overflow,
                    format!("1 has no {bits} binary digits here"),
                    hint,
                ));
            }
            let one = divisor << bits;
            // Rounded down, and off by less than 2^-35 of it at either end.
            let (least, most): (BigInt, BigInt) = (&one / &column.range.max, &one / &column.range.min);
            let least = BigInt::max(&least - (&least >> 35) - 1u32, BigInt::ZERO);
            let most: BigInt = &most + (&most >> 35) + 1u32;
            let range = Interval::new(least, most);
            let kind = Kind::Number(Scale { decimal: 0, binary: *bits });
            return Ok(Type { error: 1.0, relative: DIVIDE_ERROR, ..column.with(kind, range) });
        }
        let fixed = BigInt::from(1) << FIXED_BITS;
        let bits = |v: &BigInt| BigInt::from(v.bits()) - BigInt::from(divisor.bits());
        let range = Interval::new(
            (bits(&column.range.min) - 1) * &fixed - 1,
            (bits(&column.range.max) + 1) * &fixed + 1,
        );
        let error = (f64::from(FIXED_BITS) - LOG2_ERROR).exp2() + 1.0;
        Ok(Type { error, ..column.with(Kind::Number(Scale { decimal: 0, binary: FIXED_BITS }), range) })
    }

    fn real(&self, op: &Op, arguments: &[NodeId]) -> Result<Type, PlanError> {
        let (mut public, mut error) = (true, 0.0);
        for argument in arguments {
            let of = self.get(*argument);
            error += relative_error(of);
            if !of.is_scalar() || !matches!(of.kind, Kind::Number(_) | Kind::Real) {
                return Err(wrong_type(op, of, "a single number"));
            }
            public &= of.public;
        }
        let error = match op {
            Op::Divide { .. } => error + 2.0 * DIVIDE_ERROR,
            Op::Sqrt { .. } => error / 2.0 + ROUND_ERROR + DIVIDE_ERROR,
            _ => f64::INFINITY,
        };
        Ok(Type {
            shape: Shape::Scalar,
            kind: Kind::Real,
            public,
            range: Interval::point(0),
            error,
            relative: 0.0,
        })
    }
}

/// The common shape of an element-wise operation.
fn zip(left: &Type, right: &Type) -> Result<Type, PlanError> {
    let public = left.public && right.public;
    match (&left.shape, &right.shape) {
        (Shape::Column(a), Shape::Column(b)) if a != b => {
            let (cause, hint) = if a.table == b.table {
                ("the columns are in different orders", "sort both by the same column")
            } else {
                ("the columns are of different data sets", "join the data sets with `lookup` first")
            };
            Err(PlanError::new(Code::Shape, cause, hint))
        }
        (Shape::Column(_), _) => Ok(Type { public, ..left.clone() }),
        _ => Ok(Type { public, ..right.clone() }),
    }
}

fn rows_of<'t>(of: &'t Type, op: &Op) -> Result<&'t Rows, PlanError> {
    match &of.shape {
        Shape::Column(rows) => Ok(rows),
        Shape::Scalar => Err(wrong_type(op, of, "a column")),
    }
}

fn unsorted(rows: &Rows) -> Result<&Rows, PlanError> {
    if rows.sorted_by.is_none() {
        return Ok(rows);
    }
    let hint = "use the columns as they came in";
    Err(PlanError::new(Code::Shape, "the columns are sorted already", hint))
}

fn public(range: Interval, scale: Scale) -> Type {
    Type { shape: Shape::Scalar, kind: Kind::Number(scale), public: true, range, error: 0.0, relative: 0.0 }
}

fn constant(value: &Decimal) -> Type {
    public(Interval::point(value.units().clone()), Scale::decimal(value.scale()))
}

/// Both ranges at the finer of both scales, and that scale.
fn align(left: &Type, right: &Type) -> Option<(Interval, Interval, Scale)> {
    let (Kind::Number(a), Kind::Number(b)) = (&left.kind, &right.kind) else { return None };
    let scale = a.common(*b);
    let at = |range: &Interval, from: &Scale| range.multiply(&Interval::point(from.factor(scale)));
    Some((at(&left.range, a), at(&right.range, b), scale))
}

fn check_comparable(range: &Interval) -> Result<(), PlanError> {
    let width = range.width();
    if width <= COMPARE_BITS {
        return Ok(());
    }
    Err(PlanError::new(
        Code::Overflow,
        format!("comparing these numbers needs {width} bits"),
        format!("compare at most {COMPARE_BITS} bits: declare narrower ranges or fewer decimals"),
    ))
}

/// Refuses a number that may be too large for the field.
pub(super) fn check_range(op: &Op, of: &Type) -> Result<(), PlanError> {
    let bits = of.range.magnitude_bits();
    if bits <= FIELD_BITS {
        return Ok(());
    }
    let most = &of.range.max.abs().max(of.range.min.abs());
    Err(PlanError::new(
        Code::Overflow,
        format!("`{}` may reach {most}, which needs {bits} bits where {FIELD_BITS} are exact", op.name()),
        "declare narrower ranges, fewer decimals or fewer rows",
    ))
}

fn wrong_type(op: &Op, of: &Type, wanted: &str) -> PlanError {
    let cause = format!("`{}` takes {wanted}, not {}", op.name(), of.describe());
    PlanError::new(Code::Type, cause, "see docs/src/plan.md for the operations")
}

fn wrong_pair(op: &Op, left: &Type, right: &Type) -> PlanError {
    let cause = format!("`{}` does not take {} and {}", op.name(), left.describe(), right.describe());
    PlanError::new(Code::Type, cause, "see docs/src/plan.md for the operations")
}
