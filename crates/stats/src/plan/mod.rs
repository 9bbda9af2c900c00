//! A plan: a typed dataflow over columns and scalars, in one canonical text with one stable id.

mod decimal;
mod op;
mod schema;

pub use decimal::{Decimal, NotDecimal};
pub use op::{Family, NodeId, Op, Tail};
pub use schema::{ColumnType, Schema, Table, Values, bits_for};

use crate::error::{Code, PlanError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The version of the plan format that this crate reads and writes.
pub const VERSION: u32 = 1;

/// The most bytes of JSON that are read as a plan.
pub const MAX_JSON_BYTES: usize = 4 << 20;
const MAX_NODES: usize = 50_000;
const MAX_OUTPUTS: usize = 10_000;

/// A query: what is computed from which columns, and which results are given names.
///
/// Its JSON form is canonical (RFC 8785) and its [`id`](Plan::id) is the SHA-256 of that.
/// A plan is checked with [`check`](crate::check::check) before anything runs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// What the plan is called.
    pub name: String,
    /// The data sets and columns that it reads.
    pub schema: Schema,
    /// The dataflow: each node's arguments stand before it.
    pub nodes: Vec<Op>,
    /// The results.
    pub outputs: Vec<Output>,
}

/// A named result: a scalar, or one entry of a series or table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The name; for an entry of a series or table followed by its labels.
    pub path: Vec<String>,
    /// The scalar.
    pub node: NodeId,
    /// What it is counted in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// The SHA-256 of a plan's canonical JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(#[serde(with = "hex::serde")] pub [u8; 32]);

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlanId({self})")
    }
}

impl Plan {
    /// Reads a plan and refuses one that is malformed: another version, a node that uses a later one, too large.
    /// Types are not looked at here.
    ///
    /// # Errors
    /// [`Code::Malformed`], [`Code::Version`] or [`Code::TooLarge`].
    pub fn from_json(json: &str) -> Result<Self, PlanError> {
        if json.len() > MAX_JSON_BYTES {
            return Err(too_large(format!("a plan may have {MAX_JSON_BYTES} bytes")));
        }
        let plan: Self = serde_json::from_str(json)
            .map_err(|error| PlanError::new(Code::Malformed, error.to_string(), "see docs/src/plan.md"))?;
        plan.check_form()?;
        Ok(plan)
    }

    /// The canonical JSON.
    pub fn to_json(&self) -> String {
        // Maps with string keys, strings, booleans and small integers: nothing that JSON cannot hold.
        serde_json_canonicalizer::to_string(self).unwrap_or_default()
    }

    /// The plan's identity.
    pub fn id(&self) -> PlanId {
        PlanId(Sha256::digest(self.to_json()).into())
    }

    /// The operation of a node.
    pub(crate) fn op(&self, node: NodeId) -> &Op {
        &self.nodes[node.index()]
    }

    /// Every node, in order.
    pub(crate) fn node_ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    pub(crate) fn check_form(&self) -> Result<(), PlanError> {
        if self.version != VERSION {
            return Err(PlanError::new(
                Code::Version,
                format!("this is a plan of version {}", self.version),
                format!("this release reads version {VERSION}; trace the program again"),
            ));
        }
        if self.nodes.len() > MAX_NODES || self.outputs.len() > MAX_OUTPUTS {
            return Err(too_large(format!("a plan may have {MAX_NODES} nodes and {MAX_OUTPUTS} outputs")));
        }
        let malformed =
            |cause: String| PlanError::new(Code::Malformed, cause, "each node may use earlier nodes only");
        for (node, op) in self.node_ids().zip(&self.nodes) {
            if let Some(later) = op.arguments().into_iter().find(|argument| *argument >= node) {
                return Err(
                    malformed(format!("`{}` uses {later}, which is not before it", op.name())).at(node)
                );
            }
        }
        let mut paths = std::collections::BTreeSet::new();
        for output in &self.outputs {
            if output.node.index() >= self.nodes.len() {
                return Err(malformed(format!("output `{}` names no node", output.path.join("."))));
            }
            if output.path.is_empty() || !paths.insert(&output.path) {
                return Err(malformed(format!("output `{}` has no name of its own", output.path.join("."))));
            }
        }
        Ok(())
    }
}

fn too_large(cause: String) -> PlanError {
    PlanError::new(Code::TooLarge, cause, "split the program into smaller ones")
}
