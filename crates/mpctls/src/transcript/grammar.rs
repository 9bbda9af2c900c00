//! The strict match of a redacted transcript against a source: a value can have come from nowhere but the
//! source's hole.

use std::collections::BTreeMap;

use super::{Body, Cell, TranscriptError, cells, decode};
use crate::attestation::Statement;
use crate::commitment::{Commitment, Direction};
use crate::source::{BodyPart, Field, Segment, Source, Visibility, Written};

/// How far a shown timestamp in the request may be from the notary's clock, in seconds.
const MAX_SKEW: u64 = 600;

/// What a transcript says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Matched {
    /// Disclosed fields' values.
    pub(crate) disclosed: BTreeMap<String, String>,
    /// Private fields' commitments, as positions in the statement's list.
    pub(crate) private: BTreeMap<String, usize>,
}

/// Matches both directions and every commitment.
pub(crate) fn match_source(statement: &Statement, source: &Source) -> Result<Matched, TranscriptError> {
    match_request(&cells(&statement.sent)?, source, statement.time)?;
    let received = cells(&statement.received)?;
    let body = decode(&received, source.definition().response.status)?;
    let mut matcher = Matcher {
        cells: &received,
        body: &body,
        commitments: &statement.commitments,
        at: 0,
        matched: Matched { disclosed: BTreeMap::new(), private: BTreeMap::new() },
    };
    let layout = source.body_layout();
    for (index, part) in layout.iter().enumerate() {
        match part {
            BodyPart::Anchor(text) => matcher.anchor(text)?,
            BodyPart::Field(field, written) => matcher.field(field, *written)?,
            BodyPart::Skip(max) => matcher.skip(*max, layout.get(index + 1))?,
        }
    }
    if matcher.at != body.offsets.len() {
        return Err(matcher.refuse("the layout ends before the body"));
    }
    for (index, commitment) in statement.commitments.iter().enumerate() {
        if matcher.matched.private.get(&commitment.field) != Some(&index) {
            return Err(TranscriptError::Commitment {
                field: commitment.field.clone(),
                why: "the source has no private field of this name, or it is committed twice",
            });
        }
    }
    Ok(matcher.matched)
}

/// Matches the request segment by segment.
fn match_request(cells: &[Cell], source: &Source, time: u64) -> Result<(), TranscriptError> {
    let refuse = |at: usize, why: &'static str| Err(TranscriptError::Request { at, why });
    let mut at = 0;
    let mut body_length: Option<(usize, usize)> = None;
    for segment in source.request_layout() {
        let rest = &cells[at..];
        let digits = || rest.iter().map_while(|cell| cell.byte().filter(u8::is_ascii_digit));
        match segment {
            Segment::Literal(text) => {
                let shown = rest.iter().map_while(|cell| cell.byte());
                let equal = shown.zip(text.bytes()).take_while(|(a, b)| a == b).count();
                if equal != text.len() {
                    return refuse(at + equal, "text of the source is hidden or different");
                }
                at += text.len();
                // The head ends in the literal right after the length; the body starts behind that.
                if let Some((_, start @ usize::MAX)) = &mut body_length {
                    let tail = text.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
                    *start = at - tail;
                }
            }
            Segment::Timestamp(count) => {
                let text: String = digits().take(*count).map(char::from).collect();
                let Some(value) = text.parse::<u64>().ok().filter(|_| text.len() == *count) else {
                    return refuse(at, "the timestamp is not shown");
                };
                if (if *count == 13 { value / 1000 } else { value }).abs_diff(time) > MAX_SKEW {
                    return refuse(at, "the timestamp is far from the notary's clock");
                }
                at += count;
            }
            Segment::BodyLength => {
                let text: String = digits().take(9).map(char::from).collect();
                let Ok(value) = text.parse() else { return refuse(at, "the body's length is not shown") };
                at += text.len();
                body_length = Some((value, usize::MAX));
            }
            Segment::Hidden { class, max, .. } => {
                let count = rest.iter().take_while(|cell| **cell == Cell::Hidden(Some(*class))).count();
                if count == 0 || count > *max {
                    return refuse(at, "a hidden part is empty, too long, or not proven to be of its class");
                }
                at += count;
            }
        }
    }
    if at != cells.len() {
        return refuse(at, "bytes follow the request");
    }
    if body_length.is_some_and(|(length, start)| start.checked_add(length) != Some(cells.len())) {
        return refuse(at, "the request's Content-Length is wrong");
    }
    Ok(())
}

/// Walks over the body.
struct Matcher<'a> {
    cells: &'a [Cell],
    body: &'a Body,
    commitments: &'a [Commitment],
    at: usize,
    matched: Matched,
}

impl Matcher<'_> {
    fn refuse(&self, why: impl Into<String>) -> TranscriptError {
        TranscriptError::Body { at: self.at, why: why.into() }
    }

    /// The body's cell at `index`.
    fn cell(&self, index: usize) -> Option<Cell> {
        self.body.offsets.get(index).and_then(|&offset| self.cells.get(offset as usize)).copied()
    }

    /// True if the body shows `text` at `index`.
    fn shows(&self, index: usize, text: &str) -> bool {
        text.bytes().enumerate().all(|(i, byte)| self.cell(index + i) == Some(Cell::Shown(byte)))
    }

    fn anchor(&mut self, text: &str) -> Result<(), TranscriptError> {
        if !self.shows(self.at, text) {
            return Err(self.refuse(format!("the anchor {text:?} is not shown here")));
        }
        self.at += text.len();
        Ok(())
    }

    /// A skip is hidden and ends at the first shown byte; or it is shown and ends at the *first* occurrence of
    /// the next anchor. A mixture is refused by the anchor that has to follow.
    fn skip(&mut self, max: usize, next: Option<&BodyPart>) -> Result<(), TranscriptError> {
        let start = self.at;
        let end = self.body.offsets.len();
        let hidden = |cell: Option<Cell>| matches!(cell, Some(Cell::Hidden(None)));
        match next {
            Some(BodyPart::Anchor(text)) if !hidden(self.cell(start)) => {
                while self.at < end && !self.shows(self.at, text) && !hidden(self.cell(self.at)) {
                    self.at += 1;
                }
            }
            Some(_) => {
                while hidden(self.cell(self.at)) {
                    self.at += 1;
                }
            }
            None => self.at = end,
        }
        if self.at - start > max {
            return Err(self.refuse(format!("more than {max} bytes are skipped")));
        }
        Ok(())
    }

    fn field(&mut self, field: &Field, written: Written) -> Result<(), TranscriptError> {
        match field.visibility {
            Visibility::Private => self.private(field),
            Visibility::Disclosed => self.disclosed(field, written),
        }
    }

    fn private(&mut self, field: &Field) -> Result<(), TranscriptError> {
        let refuse = |why| Err(TranscriptError::Commitment { field: field.name.clone(), why });
        let window = field.window as usize;
        let Some(offsets) = self.body.offsets.get(self.at..self.at + window) else {
            return refuse("its window reaches beyond the end of the body");
        };
        if offsets.windows(2).any(|pair| pair[0] + 1 != pair[1]) {
            return refuse("its window crosses a boundary between chunks");
        }
        if !(self.at..self.at + window).all(|index| self.cell(index) == Some(Cell::Hidden(None))) {
            return refuse("part of its window is shown");
        }
        let position = self.commitments.iter().position(|commitment| commitment.field == field.name);
        let Some((index, commitment)) = position.map(|index| (index, &self.commitments[index])) else {
            return refuse("it is missing");
        };
        if commitment.direction != Direction::Received
            || commitment.offset != offsets[0]
            || commitment.length != field.window
        {
            return refuse("it does not cover exactly the field's window");
        }
        self.matched.private.insert(field.name.clone(), index);
        self.at += window;
        Ok(())
    }

    /// A disclosed value is shown up to and including the byte that ends it.
    fn disclosed(&mut self, field: &Field, written: Written) -> Result<(), TranscriptError> {
        let mut value = String::new();
        loop {
            match self.cell(self.at) {
                Some(Cell::Shown(byte)) if written.ends(byte) => break,
                Some(Cell::Shown(byte)) if value.len() < field.window as usize && byte.is_ascii() => {
                    value.push(byte as char);
                }
                _ => return Err(TranscriptError::Value { field: field.name.clone() }),
            }
            self.at += 1;
        }
        self.at += 1;
        if !field.accepts(&value) {
            return Err(TranscriptError::Value { field: field.name.clone() });
        }
        self.matched.disclosed.insert(field.name.clone(), value);
        Ok(())
    }
}
