//! Strings with `{placeholders}`.

use super::SourceError;

/// A stretch of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Literal text.
    Text(String),
    /// The name between braces.
    Name(String),
}

/// Splits a template into pieces; `{{` and `}}` stand for braces.
pub(crate) fn parse(template: &str) -> Result<Vec<Piece>, SourceError> {
    let bad = |why: &str| SourceError::Request(format!("template {template:?}: {why}"));
    if !template.is_ascii() {
        return Err(bad("only ASCII is sent"));
    }
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.next_if_eq(&'{').is_some() => text.push('{'),
            '}' if chars.next_if_eq(&'}').is_some() => text.push('}'),
            '{' => {
                let mut name = String::new();
                loop {
                    match chars.next() {
                        Some('}') => break,
                        Some(c) if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' => name.push(c),
                        _ => return Err(bad("a name between braces has lower-case letters, digits and _")),
                    }
                }
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Name(name));
            }
            '}' => return Err(bad("a closing brace without an opening one; write }} for a brace")),
            c => text.push(c),
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}
