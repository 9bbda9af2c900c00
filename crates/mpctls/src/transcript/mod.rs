//! Transcripts: plaintext with holes, its HTTP framing, and its match against a source.

mod grammar;
mod http;

pub(crate) use grammar::match_source;
pub(crate) use http::{Body, decode, head_values};

use crate::attestation::{MAX_PLAINTEXT, RedactedBytes};
use crate::class::Class;
use crate::code::Code;

/// Why a transcript does not match. Positions are offsets into the plaintext of one direction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptError {
    /// Ranges overlap, are out of order, or do not fit into the plaintext.
    #[error("the shown and hidden ranges contradict each other at byte {at}")]
    Ranges {
        /// Where.
        at: usize,
    },
    /// The request is not the one that the source describes.
    #[error("the request differs from the source's at byte {at}: {why}")]
    Request {
        /// Where.
        at: usize,
        /// How.
        why: &'static str,
    },
    /// The response has another status.
    #[error("the server answered {line:?}: {hint}")]
    Status {
        /// The status line, as far as it is printable.
        line: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The response's head or framing is not what HTTP/1.1 asks for, or not all of what matters is shown.
    #[error("the response's HTTP framing is wrong at byte {at}: {why}")]
    Framing {
        /// Where.
        at: usize,
        /// How.
        why: &'static str,
    },
    /// The body does not follow the source's layout.
    #[error("the response's body differs from the source's layout at byte {at} of the body: {why}")]
    Body {
        /// Where in the body.
        at: usize,
        /// How.
        why: String,
    },
    /// A commitment does not cover exactly a private field's window.
    #[error("the commitment to {field} is refused: {why}")]
    Commitment {
        /// The field's name.
        field: String,
        /// Why.
        why: &'static str,
    },
    /// A disclosed value is not of its field's type.
    #[error("the disclosed field {field} is not of its type or not within its range")]
    Value {
        /// The field's name.
        field: String,
    },
}

impl TranscriptError {
    /// A stable name for this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ranges { .. } => Code::TranscriptRanges,
            Self::Request { .. } => Code::RequestMismatch,
            Self::Status { .. } => Code::ResponseStatus,
            Self::Framing { .. } => Code::ResponseFraming,
            Self::Body { .. } => Code::ResponseBody,
            Self::Commitment { .. } => Code::CommitmentRange,
            Self::Value { .. } => Code::DisclosedValue,
        }
        .text()
    }
}

/// What the verifier knows about one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Its value.
    Shown(u8),
    /// Nothing, or the class it was proven to be of.
    Hidden(Option<Class>),
}

impl Cell {
    /// The byte, if it is shown.
    pub(crate) fn byte(self) -> Option<u8> {
        match self {
            Self::Shown(byte) => Some(byte),
            Self::Hidden(_) => None,
        }
    }
}

/// Lays out the cells of one direction.
pub(crate) fn cells(redacted: &RedactedBytes) -> Result<Vec<Cell>, TranscriptError> {
    if redacted.length > MAX_PLAINTEXT {
        return Err(TranscriptError::Ranges { at: MAX_PLAINTEXT as usize });
    }
    let length = redacted.length as usize;
    let mut cells = vec![Cell::Hidden(None); length];
    let range = |at: usize, offset: u32, count: usize| {
        let start = offset as usize;
        let end = start.checked_add(count).filter(|&end| end <= length && start >= at && count > 0);
        end.map(|end| start..end).ok_or(TranscriptError::Ranges { at: start })
    };
    let mut at = 0;
    for shown in &redacted.shown {
        let range = range(at, shown.offset, shown.bytes.len())?;
        at = range.end;
        for (cell, &byte) in cells[range].iter_mut().zip(&shown.bytes) {
            *cell = Cell::Shown(byte);
        }
    }
    at = 0;
    for classed in &redacted.classes {
        let range = range(at, classed.offset, classed.length as usize)?;
        at = range.end;
        let start = range.start;
        for (index, cell) in cells[range].iter_mut().enumerate() {
            if *cell != Cell::Hidden(None) {
                return Err(TranscriptError::Ranges { at: start + index });
            }
            *cell = Cell::Hidden(Some(classed.class));
        }
    }
    Ok(cells)
}
