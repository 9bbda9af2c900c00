//! What a condition says about the range of the values that it picks: that they are present, or on one side of a
//! constant. So a column with missing values, or one of which a program takes the positive part, has a logarithm.

use super::interval::Interval;
use super::kinds::Type;
use crate::plan::{NodeId, Op, Schema};
use num_bigint::BigInt;
use num_integer::Integer;

/// The range of the numbers `of` in rows where `condition` holds.
pub fn where_holds(schema: &Schema, nodes: &[Op], types: &[Type], condition: NodeId, of: NodeId) -> Interval {
    let Type { range: whole, .. } = &types[of.index()];
    let divisor = types[of.index()].scale().divisor();
    let (mut min, mut max) = (whole.min.clone(), whole.max.clone());
    let mut open = vec![condition];
    while let Some(node) = open.pop() {
        match &nodes[node.index()] {
            Op::And { left, right } => open.extend([*left, *right]),
            Op::Present { table, name } => {
                if let Some((least, most)) = declared(schema, &nodes[of.index()], table, name) {
                    (min, max) = (min.max(least), max.min(most));
                }
            }
            Op::Less { left, right } if *right == of => {
                // More than a constant.
                min = constant(nodes, *left, &divisor).map_or(min.clone(), |(floor, _)| min.max(floor + 1));
            }
            Op::Less { left, right } if *left == of => {
                max = constant(nodes, *right, &divisor).map_or(max.clone(), |(_, ceil)| max.min(ceil - 1));
            }
            Op::Not { of: not } => match &nodes[not.index()] {
                Op::Less { left, right } if *right == of => {
                    max = constant(nodes, *left, &divisor).map_or(max.clone(), |(floor, _)| max.min(floor));
                }
                Op::Less { left, right } if *left == of => {
                    min = constant(nodes, *right, &divisor).map_or(min.clone(), |(_, ceil)| min.max(ceil));
                }
                _ => {}
            },
            _ => {}
        }
    }
    // A condition that never holds picks nothing.
    if min <= max { Interval::new(min, max) } else { whole.clone() }
}

/// The declared range of a column, if `op` is this one.
fn declared(schema: &Schema, op: &Op, table: &str, name: &str) -> Option<(BigInt, BigInt)> {
    let is = matches!(op, Op::Column { table: t, name: n } if t == table && n == name);
    let column = schema.tables.get(table)?.columns.get(name).filter(|_| is)?;
    let (min, max) = column.stored_range();
    Some((min.into(), max.into()))
}

/// A constant in units of one over `divisor`, rounded down and up.
fn constant(nodes: &[Op], node: NodeId, divisor: &BigInt) -> Option<(BigInt, BigInt)> {
    let Op::Constant { value } = &nodes[node.index()] else { return None };
    let (units, of) = (value.units() * divisor, BigInt::from(10).pow(value.scale()));
    Some((units.div_floor(&of), units.div_ceil(&of)))
}
