//! How errors pass through arithmetic.

use super::interval::Interval;
use super::kinds::{Kind, Scale, Shape, Type};
use super::types::{DIVIDE_ERROR, ROUND_ERROR};
use num_traits::{Signed, ToPrimitive};

/// How far a scalar may be from the truth, relative to its size.
pub fn relative_error(of: &Type) -> f64 {
    if of.kind == Kind::Real || of.error == 0.0 {
        return of.error + of.relative;
    }
    let least = if of.range.contains_zero() { 0.0 } else { smallest(&of.range) };
    of.relative + of.error / least
}

fn smallest(range: &Interval) -> f64 {
    range.min.abs().min(range.max.abs()).to_f64().unwrap_or(f64::INFINITY)
}

/// How far a number may be from the truth, in units of another scale.
pub fn scaled_error(of: &Type, to: Scale) -> f64 {
    let error = of.total_error();
    if error == 0.0 { 0.0 } else { error * of.scale().factor(to).to_f64().unwrap_or(f64::INFINITY) }
}

/// How far a product may be from that of the true numbers.
pub fn product_error(left: &Type, right: &Type) -> f64 {
    let largest = |of: &Type| of.range.min.abs().max(of.range.max.abs()).to_f64().unwrap_or(f64::INFINITY);
    let part = |error: f64, other: f64| if error == 0.0 { 0.0 } else { error * other };
    let (e, f) = (left.total_error(), right.total_error());
    part(e, largest(right)) + part(f, largest(left)) + e * f
}

/// Arithmetic with a rounded scalar gives a rounded scalar.
pub fn real_scalars(left: &Type, right: &Type) -> Option<Type> {
    let number = |t: &Type| t.is_scalar() && matches!(t.kind, Kind::Number(_) | Kind::Real);
    let real = left.kind == Kind::Real || right.kind == Kind::Real;
    (real && number(left) && number(right)).then(|| Type {
        shape: Shape::Scalar,
        kind: Kind::Real,
        public: left.public && right.public,
        range: Interval::point(0),
        // Of products; sums are computed from opened values.
        error: relative_error(left) + relative_error(right) + ROUND_ERROR + DIVIDE_ERROR,
        relative: 0.0,
    })
}
