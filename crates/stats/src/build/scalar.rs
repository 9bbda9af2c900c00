//! Scalars of a plan in the making.

use super::{Program, Unit};
use crate::plan::{Decimal, Family, NodeId, Op, Tail};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A single number or boolean that a plan computes.
#[derive(Clone)]
pub struct Scalar {
    program: Program,
    node: NodeId,
    unit: Option<Unit>,
}

impl Scalar {
    pub(crate) fn new(program: &Program, node: NodeId, unit: Option<Unit>) -> Self {
        Self { program: program.clone(), node, unit }
    }

    /// The plan that it belongs to.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Its node.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// What it is counted in.
    pub fn unit(&self) -> Option<&Unit> {
        self.unit.as_ref()
    }

    fn apply(&self, op: Op, unit: Option<Unit>) -> Self {
        Self::new(&self.program, self.program.node(op), unit)
    }

    /// The square root.
    pub fn sqrt(&self) -> Self {
        self.apply(Op::Sqrt { of: self.node }, Unit::root(self.unit()))
    }

    /// The natural logarithm.
    pub fn log(&self) -> Self {
        self.apply(Op::Log { of: self.node }, None)
    }

    /// e to this power.
    pub fn exp(&self) -> Self {
        self.apply(Op::Exp { of: self.node }, None)
    }

    /// Its square.
    pub fn square(&self) -> Self {
        self * self
    }

    /// This over `divisor`, rounded down.
    pub fn floor_divide(&self, divisor: u32) -> Self {
        self.apply(Op::FloorDivide { left: self.node, divisor }, None)
    }

    /// The largest whole number that is not above this, which must be public.
    pub fn floor(&self) -> Self {
        self.apply(Op::Floor { of: self.node }, None)
    }

    /// Whether this is less than `other`.
    pub fn less(&self, other: &Self) -> Self {
        self.apply(Op::Less { left: self.node, right: other.node }, None)
    }

    /// Whether this equals `other`.
    pub fn equals(&self, other: &Self) -> Self {
        self.apply(Op::Equal { left: self.node, right: other.node }, None)
    }

    /// The opposite truth.
    pub fn negate(&self) -> Self {
        self.apply(Op::Not { of: self.node }, None)
    }

    /// `then` if this holds, else `otherwise`.
    pub fn select(&self, then: &Self, otherwise: &Self) -> Self {
        let op = Op::Select { condition: self.node, then: then.node, otherwise: otherwise.node };
        self.apply(op, Unit::sum(then.unit(), otherwise.unit()))
    }

    /// This, undefined unless `condition` holds.
    pub fn when(&self, condition: &Self) -> Self {
        self.apply(Op::Require { condition: condition.node, of: self.node }, self.unit.clone())
    }

    /// The smaller of both.
    pub fn minimum(&self, other: &Self) -> Self {
        self.less(other).select(self, other)
    }

    /// The larger of both.
    pub fn maximum(&self, other: &Self) -> Self {
        self.less(other).select(other, self)
    }

    /// A distribution function of this.
    pub fn distribution(&self, family: Family, tail: Tail, parameters: &[&Self]) -> Self {
        let parameters = parameters.iter().map(|parameter| parameter.node).collect();
        self.apply(Op::Distribution { family, tail, of: self.node, parameters }, None)
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $op:ident, $unit:expr) => {
        impl $trait<&Scalar> for &Scalar {
            type Output = Scalar;
            fn $method(self, other: &Scalar) -> Scalar {
                let op = Op::$op { left: self.node, right: other.node };
                self.apply(op, $unit(self.unit(), other.unit()))
            }
        }
        impl $trait<Scalar> for Scalar {
            type Output = Scalar;
            fn $method(self, other: Scalar) -> Scalar {
                (&self).$method(&other)
            }
        }
        impl $trait<&Scalar> for Scalar {
            type Output = Scalar;
            fn $method(self, other: &Scalar) -> Scalar {
                (&self).$method(other)
            }
        }
        impl $trait<Scalar> for &Scalar {
            type Output = Scalar;
            fn $method(self, other: Scalar) -> Scalar {
                self.$method(&other)
            }
        }
        impl $trait<i64> for &Scalar {
            type Output = Scalar;
            fn $method(self, other: i64) -> Scalar {
                self.$method(&self.program.constant(other))
            }
        }
        impl $trait<i64> for Scalar {
            type Output = Scalar;
            fn $method(self, other: i64) -> Scalar {
                (&self).$method(other)
            }
        }
        impl $trait<&Decimal> for &Scalar {
            type Output = Scalar;
            fn $method(self, other: &Decimal) -> Scalar {
                self.$method(&self.program.decimal(other))
            }
        }
    };
}

operator!(Add, add, Add, Unit::sum);
operator!(Sub, sub, Subtract, Unit::sum);
operator!(Mul, mul, Multiply, |left, right| Unit::product(left, right, 1));
operator!(Div, div, Divide, |left, right| Unit::product(left, right, -1));

impl Neg for &Scalar {
    type Output = Scalar;
    fn neg(self) -> Scalar {
        self.program.constant(0) - self
    }
}
