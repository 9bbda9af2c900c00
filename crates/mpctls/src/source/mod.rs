//! Sources: a website request, and what to take from its response, as data.
//!
//! A [`Source`] is a checked [`Definition`]: whoever holds one knows that its anchors synchronise, that its
//! windows are where values are, and that its request has one layout. Both sides of a proof use the same
//! source: the prover to render the request and to choose what to show, the verifier to match what was shown.

mod anchor;
mod definition;
mod disclose;
mod draft;
mod explain;
mod field;
mod request;
mod response;
mod secrets;
mod template;

pub use definition::{
    Algorithm, Definition, Element, Encoding, Header, Part, Request, Response, Secret, Signature,
};
pub use disclose::{DiscloseError, Disclosure};
pub use draft::{Draft, draft};
pub use field::{Field, Kind, MAX_WINDOW, Visibility};
pub use request::RenderedRequest;
pub use secrets::Secrets;

pub(crate) use field::Written;
pub(crate) use request::Segment;
pub(crate) use response::Part as BodyPart;

use crate::code::Code;
use serde::{Deserialize, Serialize};

/// The largest source file, in bytes.
pub const MAX_SOURCE: usize = 64 * 1024;

/// Why a source, or a request from it, is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The file is not TOML of the right shape.
    #[error("the source cannot be read: {0}")]
    Syntax(String),
    /// A general rule is broken.
    #[error("the source is refused: {0}")]
    Definition(String),
    /// The request is wrong.
    #[error("the source's request is refused: {0}")]
    Request(String),
    /// The response's layout is wrong.
    #[error("the source's response is refused: {0}")]
    Response(String),
    /// A field is wrong.
    #[error("the source's field {field} is refused: {why}")]
    Field {
        /// The field's name.
        field: String,
        /// Why.
        why: String,
    },
    /// A secret is missing or cannot be sent.
    #[error("the secret {name} cannot be used: {why}")]
    Secret {
        /// The secret's name.
        name: String,
        /// Why. Never the secret.
        why: String,
    },
}

impl SourceError {
    /// A stable name for this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => Code::SourceSyntax,
            Self::Definition(_) => Code::SourceDefinition,
            Self::Request(_) => Code::SourceRequest,
            Self::Response(_) => Code::SourceResponse,
            Self::Field { .. } => Code::SourceField,
            Self::Secret { .. } => Code::Secret,
        }
        .text()
    }
}

/// A checked source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Definition", into = "Definition")]
pub struct Source {
    definition: Definition,
    request: Vec<Segment>,
    body: Vec<BodyPart>,
}

impl Source {
    /// Reads and checks a source file.
    ///
    /// # Errors
    /// [`SourceError`] naming the first rule that the file breaks.
    pub fn from_toml(text: &str) -> Result<Self, SourceError> {
        if text.len() > MAX_SOURCE {
            return Err(SourceError::Syntax(format!("it is longer than {MAX_SOURCE} bytes")));
        }
        let definition: Definition = toml::from_str(text).map_err(|e| SourceError::Syntax(e.to_string()))?;
        definition.try_into()
    }

    /// What the file says.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The source's name.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// The host name that the server's certificate must carry.
    pub fn host(&self) -> &str {
        &self.definition.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.definition.port
    }

    /// For how many seconds after its session an attestation is accepted.
    pub fn max_age(&self) -> u64 {
        self.definition.max_age
    }

    /// The fields, in the file's order.
    pub fn fields(&self) -> &[Field] {
        &self.definition.fields
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.definition.fields.iter().find(|field| field.name == name)
    }

    /// Renders the request, for a clock in milliseconds since 1970.
    ///
    /// # Errors
    /// [`SourceError::Secret`] if a secret is missing or cannot be sent.
    pub fn render(&self, secrets: &Secrets, now_ms: u64) -> Result<RenderedRequest, SourceError> {
        request::render(&self.definition, &self.request, secrets, now_ms)
    }

    /// The most bytes that the request can have, for secrets of which some are known: room for it can be made before
    /// the others are.
    ///
    /// # Errors
    /// [`SourceError::Secret`] if a known secret cannot be sent.
    pub fn longest_request(&self, known: &Secrets) -> Result<usize, SourceError> {
        request::longest(&self.request, known)
    }

    pub(crate) fn request_layout(&self) -> &[Segment] {
        &self.request
    }

    pub(crate) fn body_layout(&self) -> &[BodyPart] {
        &self.body
    }
}

impl TryFrom<Definition> for Source {
    type Error = SourceError;

    fn try_from(definition: Definition) -> Result<Self, SourceError> {
        let refuse = |why: &str| Err(SourceError::Definition(why.into()));
        if definition.version != 1 {
            return refuse("only version 1 is known here; update mpcstats or the source");
        }
        let label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        if definition.name.is_empty() || definition.name.len() > 64 || !definition.name.bytes().all(label) {
            return refuse("a name has 1 to 64 lower-case letters, digits, hyphens and dots");
        }
        if definition.host.is_empty() || definition.host.len() > 253 || !definition.host.bytes().all(label) {
            return refuse("the host is a DNS name in lower case");
        }
        if definition.port == 0 || definition.max_age == 0 {
            return refuse("port and max_age are not zero");
        }
        for (index, field) in definition.fields.iter().enumerate() {
            field.check()?;
            if definition.fields[..index].iter().any(|other| other.name == field.name) {
                return refuse("two fields have the same name");
            }
        }
        let request = request::layout(&definition)?;
        let body = response::layout(&definition)?;
        Ok(Self { definition, request, body })
    }
}

impl From<Source> for Definition {
    fn from(source: Source) -> Self {
        source.definition
    }
}
