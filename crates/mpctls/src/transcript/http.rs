//! HTTP/1.1 response framing over a redacted transcript.
//!
//! The whole structure of the head is shown: the status line, every header's name, every line break, and the
//! values that decide how the body is framed. Other values may be hidden, but only as bytes proven to hold no
//! line break; so the head ends where it seems to end, and no second framing header can hide.

use super::{Cell, TranscriptError};
use crate::class::Class;

/// The body's bytes, as offsets into the direction's plaintext.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Body {
    /// One offset a byte of the body.
    pub(crate) offsets: Vec<u32>,
}

/// How the end of the body is found.
enum Framing {
    Length(usize),
    Chunked,
}

fn framing<T>(at: usize, why: &'static str) -> Result<T, TranscriptError> {
    Err(TranscriptError::Framing { at, why })
}

/// Reads the response's head and framing; the transcript must hold one response and nothing after it.
pub(crate) fn decode(cells: &[Cell], status: u16) -> Result<Body, TranscriptError> {
    let (line, mut at) = line(cells, 0)?;
    check_status(line, status)?;
    let mut length = None;
    let mut chunked = false;
    loop {
        let start = at;
        let (line, next) = self::line(cells, at)?;
        at = next;
        if line.is_empty() {
            break;
        }
        let (name, value) = header(line, start)?;
        match name.as_str() {
            "content-length" => {
                if length.is_some() {
                    return framing(start, "Content-Length appears twice");
                }
                length = Some(
                    shown(value)
                        .and_then(|v| decimal(&v))
                        .map_or_else(|| framing(start, "Content-Length is not a shown number"), Ok)?,
                );
            }
            "transfer-encoding" => {
                if chunked || shown(value).as_deref() != Some("chunked") {
                    return framing(start, "only one Transfer-Encoding is understood: chunked, shown");
                }
                chunked = true;
            }
            "content-encoding" if shown(value).as_deref() != Some("identity") => {
                return framing(start, "the server compressed the body although it was asked not to");
            }
            "trailer" | "upgrade" => return framing(start, "trailers and upgrades are refused"),
            _ => {}
        }
    }
    let framing_kind = match (length, chunked) {
        (Some(length), false) => Framing::Length(length),
        (None, true) => Framing::Chunked,
        (Some(_), true) => return framing(at, "both Content-Length and Transfer-Encoding are there"),
        (None, false) => {
            return framing(
                at,
                "neither Content-Length nor chunks: a cut connection would look like the end",
            );
        }
    };
    match framing_kind {
        Framing::Length(length) if cells.len() - at == length => {
            Ok(Body { offsets: (at as u32..cells.len() as u32).collect() })
        }
        Framing::Length(length) if cells.len() - at < length => framing(cells.len(), "the body is cut short"),
        Framing::Length(length) => framing(at + length, "bytes follow the response"),
        Framing::Chunked => chunks(cells, at),
    }
}

/// Where the values stand that say nothing about framing and may be hidden.
pub(crate) fn head_values(cells: &[Cell]) -> Result<Vec<std::ops::Range<usize>>, TranscriptError> {
    let (_, mut at) = line(cells, 0)?;
    let mut values = Vec::new();
    loop {
        let (line, next) = self::line(cells, at)?;
        if line.is_empty() {
            return Ok(values);
        }
        let (name, value) = header(line, at)?;
        if !value.is_empty() && !FRAMING.contains(&name.as_str()) {
            let blanks = line.iter().rev().take_while(|cell| blank(**cell)).count();
            let end = at + line.len() - blanks;
            values.push(end - value.len()..end);
        }
        at = next;
    }
}

/// The headers whose values the verifier has to read.
const FRAMING: [&str; 5] = ["content-length", "transfer-encoding", "content-encoding", "trailer", "upgrade"];

fn blank(cell: Cell) -> bool {
    matches!(cell, Cell::Shown(b' ' | b'\t'))
}

fn check_status(line: &[Cell], status: u16) -> Result<(), TranscriptError> {
    let text = shown(line).unwrap_or_default();
    let mut words = text.splitn(3, ' ');
    if words.next() == Some("HTTP/1.1") && words.next() == Some(status.to_string().as_str()) {
        return Ok(());
    }
    let code = text.split(' ').nth(1).unwrap_or_default();
    let hint = match code.as_bytes().first() {
        Some(b'3') => {
            "redirects are not followed, because the answer must come from the host that the source \
                       names; correct the source's host or path"
        }
        Some(b'4') => "the site refused the request; check the secrets, the clock and the source's request",
        Some(b'5') => "the site failed; try again later",
        _ => "the source accepts only one status, over HTTP/1.1",
    };
    Err(TranscriptError::Status { line: text.chars().filter(|c| !c.is_control()).take(100).collect(), hint })
}

/// The line that starts at `at`, without its end, and where the next one starts.
fn line(cells: &[Cell], at: usize) -> Result<(&[Cell], usize), TranscriptError> {
    for (index, cell) in cells.iter().enumerate().skip(at) {
        match cell {
            Cell::Shown(b'\r') => {
                return match cells.get(index + 1) {
                    Some(Cell::Shown(b'\n')) => Ok((&cells[at..index], index + 2)),
                    _ => framing(index, "a carriage return without a shown line feed"),
                };
            }
            Cell::Shown(byte) if Class::Line.contains(*byte) || *byte == b'\t' => {}
            Cell::Shown(_) => return framing(index, "a control character in a line"),
            // Every class excludes line breaks.
            Cell::Hidden(Some(_)) => {}
            Cell::Hidden(None) => return framing(index, "a hidden byte that could be a line break"),
        }
    }
    framing(cells.len(), "the response is cut short in its head or between chunks")
}

/// A header line's lower-case name and its value with outer blanks removed.
fn header(line: &[Cell], at: usize) -> Result<(String, &[Cell]), TranscriptError> {
    let mut name = String::new();
    for (index, cell) in line.iter().enumerate() {
        match cell {
            Cell::Shown(b':') if !name.is_empty() => {
                let mut value = &line[index + 1..];
                while value.first().copied().is_some_and(blank) {
                    value = &value[1..];
                }
                while value.last().copied().is_some_and(blank) {
                    value = &value[..value.len() - 1];
                }
                return Ok((name, value));
            }
            Cell::Shown(byte) if byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte) => {
                name.push(byte.to_ascii_lowercase() as char);
            }
            _ => break,
        }
    }
    framing(at, "a header line without a shown name and colon")
}

/// The text of cells that are all shown.
fn shown(cells: &[Cell]) -> Option<String> {
    let bytes: Option<Vec<u8>> = cells.iter().map(|cell| cell.byte()).collect();
    String::from_utf8(bytes?).ok()
}

fn decimal(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn hexadecimal(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if digits { usize::from_str_radix(text, 16).ok() } else { None }
}

fn chunks(cells: &[Cell], mut at: usize) -> Result<Body, TranscriptError> {
    let mut offsets = Vec::new();
    loop {
        let start = at;
        let (size, next) = line(cells, at)?;
        let Some(size) = shown(size).and_then(|text| hexadecimal(&text)) else {
            return framing(start, "a chunk's size is not a shown hexadecimal number");
        };
        at = next;
        if size == 0 {
            let (last, end) = line(cells, at)?;
            return match (last.is_empty(), end == cells.len()) {
                (true, true) => Ok(Body { offsets }),
                (false, _) => framing(at, "trailers are refused"),
                (true, false) => framing(end, "bytes follow the response"),
            };
        }
        if cells.len() - at < size {
            return framing(cells.len(), "the body is cut short");
        }
        offsets.extend(at as u32..(at + size) as u32);
        let (empty, next) = line(cells, at + size)?;
        if !empty.is_empty() {
            return framing(at + size, "a chunk does not end where its size says");
        }
        at = next;
    }
}
