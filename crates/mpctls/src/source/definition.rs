//! The file form of a source: what serde reads and writes, before any rule is checked.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::Field;

/// A source as its TOML or JSON file holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The version of this format: 1.
    pub version: u32,
    /// A short name, such as `binance-spot`.
    pub name: String,
    /// One sentence: what an attestation over this source shows.
    #[serde(default)]
    pub description: String,
    /// The host name that the server's certificate must carry.
    pub host: String,
    /// The TCP port.
    #[serde(default = "default_port")]
    pub port: u16,
    /// For how many seconds after its session an attestation is accepted.
    #[serde(default = "default_max_age")]
    pub max_age: u64,
    /// What the provider has to supply, by name.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    /// The request.
    pub request: Request,
    /// The response.
    pub response: Response,
    /// The values taken from the response.
    pub fields: Vec<Field>,
}

fn default_port() -> u16 {
    443
}

fn default_max_age() -> u64 {
    24 * 60 * 60
}

fn default_status() -> u16 {
    200
}

fn default_secret_length() -> u32 {
    256
}

/// Something the provider knows and nobody else learns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// What it is and where the provider finds it.
    pub description: String,
    /// The most bytes it may have.
    #[serde(default = "default_secret_length")]
    pub max_length: u32,
}

/// The request. Every string is a template: `{name}` stands for a secret, `{timestamp_ms}`, `{timestamp_s}`
/// or `{signature}`; `{{` and `}}` stand for braces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// The path, beginning with `/`.
    pub path: String,
    /// Query parameters, `name=value` each, joined by `&`.
    #[serde(default)]
    pub query: Vec<String>,
    /// Header lines beyond `Host`, `User-Agent`, `Accept-Encoding`, `Connection` and `Content-Length`.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// The body of a `POST`.
    #[serde(default)]
    pub body: String,
    /// How the request is signed, if `{signature}` appears.
    pub signature: Option<Signature>,
}

/// One header line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The header's name.
    pub name: String,
    /// The header's value, a template.
    pub value: String,
}

/// How a request is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The keyed hash.
    pub algorithm: Algorithm,
    /// The name of the secret that is the key.
    pub key: String,
    /// How the key is written down.
    #[serde(default)]
    pub key_encoding: Encoding,
    /// What is signed: the parts are concatenated. Besides the request's placeholders, `{method}`, `{path}`,
    /// `{query}` (without the parameter that carries the signature) and `{body}` may be used.
    pub message: Vec<Part>,
    /// How the signature is written into the request.
    pub encoding: Encoding,
}

/// One part of a signed message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// A template, taken as it is.
    Text(String),
    /// The SHA-256 hash (32 bytes) of a template.
    Hashed {
        /// The template.
        sha256: String,
    },
}

/// The keyed hash functions that sites ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// As they are (keys only).
    #[default]
    Text,
    /// Lower-case hexadecimal.
    Hex,
    /// Standard Base64 with padding.
    Base64,
}

/// The response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The only status code accepted.
    #[serde(default = "default_status")]
    pub status: u16,
    /// The body, from its first byte to its last.
    pub body: Vec<Element>,
}

/// One stretch of the response's body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Element {
    /// Text that must be there, and is shown.
    Anchor(String),
    /// The named field's value, right after an anchor.
    Field(String),
    /// At most so many bytes that stay hidden.
    Skip(u32),
}
