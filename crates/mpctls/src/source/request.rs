//! The request: its layout as segments, and its rendering with secrets, clock and signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use std::ops::Range;
use zeroize::Zeroizing;

use super::definition::{Algorithm, Definition, Encoding, Part, Signature};
use super::template::{self, Piece};
use super::{Secrets, SourceError};
use crate::class::Class;

/// One stretch of the request as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Fixed text; shown.
    Literal(String),
    /// The prover's clock, in so many digits (10 for seconds, 13 for milliseconds); shown.
    Timestamp(usize),
    /// The decimal length of everything after the head; shown.
    BodyLength,
    /// A secret or the signature; hidden, of this class and at most this long.
    Hidden { name: String, class: Class, max: usize },
}

/// A request ready to be sent.
pub struct RenderedRequest {
    /// The bytes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// The ranges that stay hidden, with the class each is proven to be of.
    pub hidden: Vec<(Range<usize>, Class)>,
}

/// What `{signature}` is called among the hidden segments.
const SIGNATURE: &str = "signature";

fn refuse<T>(why: impl Into<String>) -> Result<T, SourceError> {
    Err(SourceError::Request(why.into()))
}

/// Builds and checks the layout.
pub(crate) fn layout(definition: &Definition) -> Result<Vec<Segment>, SourceError> {
    let request = &definition.request;
    if !matches!(request.method.as_str(), "GET" | "POST") {
        return refuse("the method is GET or POST");
    }
    if request.method == "GET" && !request.body.is_empty() {
        return refuse("a GET has no body");
    }
    if !request.path.starts_with('/') {
        return refuse("the path begins with /");
    }
    let mut out = Layout { definition, segments: Vec::new() };
    out.literal(&request.method);
    out.literal(" ");
    out.template(&request.path, Class::Url)?;
    for (index, parameter) in request.query.iter().enumerate() {
        out.literal(if index == 0 { "?" } else { "&" });
        out.template(parameter, Class::Url)?;
    }
    out.literal(" HTTP/1.1\r\nHost: ");
    out.literal(&definition.host);
    if definition.port != 443 {
        out.literal(&format!(":{}", definition.port));
    }
    out.literal("\r\nUser-Agent: mpcstats/1\r\nAccept-Encoding: identity\r\nConnection: close\r\n");
    for header in &request.headers {
        out.header(&header.name, &header.value)?;
    }
    if request.method == "POST" {
        out.literal("Content-Length: ");
        out.segments.push(Segment::BodyLength);
        out.literal("\r\n");
    }
    out.literal("\r\n");
    out.template(&request.body, Class::Url)?;
    out.finish()
}

struct Layout<'a> {
    definition: &'a Definition,
    segments: Vec<Segment>,
}

impl Layout<'_> {
    fn literal(&mut self, text: &str) {
        match self.segments.last_mut() {
            Some(Segment::Literal(last)) => last.push_str(text),
            _ => self.segments.push(Segment::Literal(text.to_owned())),
        }
    }

    fn header(&mut self, name: &str, value: &str) -> Result<(), SourceError> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            return refuse(format!("{name:?} is not a header name"));
        }
        let ours = [
            "host",
            "user-agent",
            "accept-encoding",
            "connection",
            "content-length",
            "transfer-encoding",
            "upgrade",
            "te",
            "trailer",
            "expect",
        ];
        if ours.contains(&name.to_ascii_lowercase().as_str()) {
            return refuse(format!("the header {name} is set by the prover itself"));
        }
        self.literal(name);
        self.literal(": ");
        self.template(value, Class::Token)?;
        self.literal("\r\n");
        Ok(())
    }

    fn template(&mut self, template: &str, class: Class) -> Result<(), SourceError> {
        let body = matches!(self.segments.last(), Some(Segment::Literal(l)) if l.ends_with("\r\n\r\n"));
        for piece in template::parse(template)? {
            match piece {
                Piece::Text(text) => {
                    let fits = |b: u8| match class {
                        Class::Url if !body => b.is_ascii_graphic() && b != b'#',
                        _ => Class::Line.contains(b) || (body && matches!(b, b'\n' | b'\t')),
                    };
                    if !text.bytes().all(fits) {
                        return refuse(format!("{text:?} holds a byte that cannot stand there"));
                    }
                    self.literal(&text);
                }
                Piece::Name(name) => self.placeholder(name, class)?,
            }
        }
        Ok(())
    }

    fn placeholder(&mut self, name: String, class: Class) -> Result<(), SourceError> {
        let segment = match name.as_str() {
            "timestamp_s" => Segment::Timestamp(10),
            "timestamp_ms" => Segment::Timestamp(13),
            SIGNATURE => {
                let Some(signature) = &self.definition.request.signature else {
                    return refuse("{signature} is used, but [request.signature] is missing");
                };
                if signature.encoding == Encoding::Base64 && class == Class::Url {
                    return refuse("a Base64 signature cannot stand in a URL or form; use hex or a header");
                }
                Segment::Hidden { name, class, max: signature_length(signature)? }
            }
            _ => match self.definition.secrets.get(&name) {
                Some(secret) if secret.max_length == 0 || secret.max_length > 4096 => {
                    return refuse(format!("the secret {name} may have 1 to 4096 bytes"));
                }
                Some(secret) => Segment::Hidden { name, class, max: secret.max_length as usize },
                None => return refuse(format!("{{{name}}} is neither a secret nor a known placeholder")),
            },
        };
        if matches!(self.segments.last(), Some(Segment::Hidden { .. } | Segment::Timestamp(_))) {
            return refuse("two placeholders must have text between them");
        }
        self.segments.push(segment);
        Ok(())
    }

    fn finish(self) -> Result<Vec<Segment>, SourceError> {
        if let Some(signature) = &self.definition.request.signature {
            let placed =
                self.segments.iter().any(|s| matches!(s, Segment::Hidden { name, .. } if name == SIGNATURE));
            if !placed {
                return refuse("[request.signature] is there, but {signature} is not used");
            }
            if !self.definition.secrets.contains_key(&signature.key) {
                return refuse(format!("the signing key {} is not among the secrets", signature.key));
            }
            for part in &signature.message {
                let (Part::Text(text) | Part::Hashed { sha256: text }) = part;
                for piece in template::parse(text)? {
                    let known = |name: &str| {
                        matches!(name, "timestamp_s" | "timestamp_ms" | "method" | "path" | "query" | "body")
                            || self.definition.secrets.contains_key(name)
                    };
                    if let Piece::Name(name) = piece
                        && !known(&name)
                    {
                        return refuse(format!("{{{name}}} cannot be part of the signed message"));
                    }
                }
            }
        }
        Ok(self.segments)
    }
}

fn signature_length(signature: &Signature) -> Result<usize, SourceError> {
    let bytes = match signature.algorithm {
        Algorithm::HmacSha256 => 32usize,
        Algorithm::HmacSha512 => 64,
    };
    match signature.encoding {
        Encoding::Hex => Ok(2 * bytes),
        Encoding::Base64 => Ok(bytes.div_ceil(3) * 4),
        Encoding::Text => refuse("a signature is written in hex or base64"),
    }
}

/// Fills in templates for one request.
struct Renderer<'a> {
    definition: &'a Definition,
    secrets: &'a Secrets,
    now_ms: u64,
}

/// Renders the request for the given clock.
pub(crate) fn render(
    definition: &Definition,
    segments: &[Segment],
    secrets: &Secrets,
    now_ms: u64,
) -> Result<RenderedRequest, SourceError> {
    let renderer = Renderer { definition, secrets, now_ms };
    let body_length = renderer.text(&definition.request.body)?.len();
    let mut bytes = Zeroizing::new(Vec::new());
    let mut hidden = Vec::new();
    for segment in segments {
        match segment {
            Segment::Literal(text) => bytes.extend_from_slice(text.as_bytes()),
            Segment::Timestamp(digits) => bytes.extend_from_slice(timestamp(now_ms, *digits).as_bytes()),
            Segment::BodyLength => bytes.extend_from_slice(body_length.to_string().as_bytes()),
            Segment::Hidden { name, class, max } => {
                let value = renderer.value(name)?;
                check_hidden(name, *class, *max, &value)?;
                hidden.push((bytes.len()..bytes.len() + value.len(), *class));
                bytes.extend_from_slice(value.as_bytes());
            }
        }
    }
    Ok(RenderedRequest { bytes, hidden })
}

/// Refuses a hidden value that cannot be sent.
fn check_hidden(name: &str, class: Class, max: usize, value: &str) -> Result<(), SourceError> {
    let refuse = |why| Err(SourceError::Secret { name: name.to_owned(), why });
    if value.is_empty() || value.len() > max {
        return refuse(format!("it has {} bytes; 1 to {max} are allowed", value.len()));
    }
    if !value.bytes().all(|b| class.contains(b)) {
        return refuse("it holds a byte that cannot be sent there".into());
    }
    Ok(())
}

/// The most bytes that the request can have: secrets that are not known yet may be as long as the source allows.
pub(crate) fn longest(segments: &[Segment], known: &Secrets) -> Result<usize, SourceError> {
    let mut length = 0;
    let mut counts_body = false;
    for segment in segments {
        length += match segment {
            Segment::Literal(text) => text.len(),
            Segment::Timestamp(digits) => *digits,
            Segment::BodyLength => {
                counts_body = true;
                0
            }
            Segment::Hidden { name, class, max } => match known.get(name) {
                Some(value) => {
                    check_hidden(name, *class, *max, value)?;
                    value.len()
                }
                None => *max,
            },
        };
    }
    // The body's length has no more digits than the whole request's.
    Ok(length + if counts_body { length.to_string().len() } else { 0 })
}

fn timestamp(now_ms: u64, digits: usize) -> String {
    if digits == 10 { format!("{:010}", now_ms / 1000) } else { format!("{now_ms:013}") }
}

impl Renderer<'_> {
    fn value(&self, name: &str) -> Result<Zeroizing<String>, SourceError> {
        let request = &self.definition.request;
        Ok(match name {
            "timestamp_s" => Zeroizing::new(timestamp(self.now_ms, 10)),
            "timestamp_ms" => Zeroizing::new(timestamp(self.now_ms, 13)),
            "method" => Zeroizing::new(request.method.clone()),
            "path" => self.text(&request.path)?,
            "query" => {
                let signed = request.query.iter().filter(|p| !p.contains("{signature}"));
                self.text(&signed.cloned().collect::<Vec<_>>().join("&"))?
            }
            "body" => self.text(&request.body)?,
            SIGNATURE => match &request.signature {
                Some(signature) => self.sign(signature)?,
                None => return refuse("no signature is defined"),
            },
            _ => Zeroizing::new(
                self.secrets
                    .get(name)
                    .ok_or_else(|| SourceError::Secret { name: name.into(), why: "it was not given".into() })?
                    .to_owned(),
            ),
        })
    }

    fn text(&self, template: &str) -> Result<Zeroizing<String>, SourceError> {
        let mut out = Zeroizing::new(String::new());
        for piece in template::parse(template)? {
            match piece {
                Piece::Text(text) => out.push_str(&text),
                Piece::Name(name) => out.push_str(&self.value(&name)?),
            }
        }
        Ok(out)
    }

    fn sign(&self, signature: &Signature) -> Result<Zeroizing<String>, SourceError> {
        let written = self.value(&signature.key)?;
        let bad = || SourceError::Secret {
            name: signature.key.clone(),
            why: "it is not written in the encoding that the source names".into(),
        };
        let key = Zeroizing::new(match signature.key_encoding {
            Encoding::Text => written.as_bytes().to_vec(),
            Encoding::Hex => hex::decode(written.as_bytes()).map_err(|_| bad())?,
            Encoding::Base64 => BASE64.decode(written.as_bytes()).map_err(|_| bad())?,
        });
        let mut message = Zeroizing::new(Vec::new());
        for part in &signature.message {
            match part {
                Part::Text(text) => message.extend_from_slice(self.text(text)?.as_bytes()),
                Part::Hashed { sha256 } => {
                    message.extend_from_slice(&Sha256::digest(self.text(sha256)?.as_bytes()));
                }
            }
        }
        let tag = match signature.algorithm {
            Algorithm::HmacSha256 => mac::<Hmac<Sha256>>(&key, &message)?,
            Algorithm::HmacSha512 => mac::<Hmac<Sha512>>(&key, &message)?,
        };
        Ok(Zeroizing::new(match signature.encoding {
            Encoding::Base64 => BASE64.encode(&*tag),
            Encoding::Hex | Encoding::Text => hex::encode(&*tag),
        }))
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let mut mac = <M as KeyInit>::new_from_slice(key)
        .map_err(|_| SourceError::Request("the signing key has an unusable length".into()))?;
    mac.update(message);
    Ok(Zeroizing::new(mac.finalize().into_bytes().to_vec()))
}

#[cfg(test)]
mod tests;
