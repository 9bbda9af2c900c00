//! Why a plan is refused: a stable code, the cause, and what to do next.

use crate::plan::NodeId;
use std::fmt;

/// What kind of refusal this is. The text of a code never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The JSON is not a plan.
    Malformed,
    /// The plan is of another version.
    Version,
    /// The plan names a data set or column that is not there.
    UnknownColumn,
    /// A column is declared otherwise than in the survey.
    SchemaMismatch,
    /// An operation was given a value of the wrong type.
    Type,
    /// Columns of different data sets, or in different orders, do not line up.
    Shape,
    /// A number may become too large for exact arithmetic.
    Overflow,
    /// The operation cannot be computed on secret values.
    Secret,
    /// The survey's policy does not allow it.
    Forbidden,
    /// The plan is larger than a survey allows.
    TooLarge,
    /// The data does not fit the plan.
    Data,
}

impl Code {
    /// The stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "plan.malformed",
            Self::Version => "plan.version",
            Self::UnknownColumn => "plan.unknown_column",
            Self::SchemaMismatch => "plan.schema_mismatch",
            Self::Type => "plan.type",
            Self::Shape => "plan.shape",
            Self::Overflow => "plan.overflow",
            Self::Secret => "plan.secret",
            Self::Forbidden => "plan.forbidden",
            Self::TooLarge => "plan.too_large",
            Self::Data => "plan.data",
        }
    }

    /// Every code, for tables of errors.
    pub const ALL: [Self; 11] = [
        Self::Malformed,
        Self::Version,
        Self::UnknownColumn,
        Self::SchemaMismatch,
        Self::Type,
        Self::Shape,
        Self::Overflow,
        Self::Secret,
        Self::Forbidden,
        Self::TooLarge,
        Self::Data,
    ];
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// The stable code.
    pub code: Code,
    /// Which node is at fault, if one is.
    pub node: Option<NodeId>,
    /// What is wrong.
    pub cause: String,
    /// What to do next.
    pub hint: String,
}

impl PlanError {
    /// A refusal of the whole plan.
    pub fn new(code: Code, cause: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, node: None, cause: cause.into(), hint: hint.into() }
    }

    /// The same, at `node`.
    pub fn at(mut self, node: NodeId) -> Self {
        self.node.get_or_insert(node);
        self
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.cause)?;
        if let Some(node) = self.node {
            write!(f, " (node {node})")?;
        }
        write!(f, "; {}", self.hint)
    }
}

impl std::error::Error for PlanError {}
