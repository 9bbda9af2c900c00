//! What the prover shows: the least that lets everybody match the transcript against the source.

use std::ops::Range;

use super::{BodyPart, Field, RenderedRequest, Source, SourceError, Visibility, Written};
use crate::attestation::{Classed, RedactedBytes, Shown};
use crate::class::Class;
use crate::code::Code;
use crate::transcript::{Cell, TranscriptError, decode, head_values};

/// What to show and what to commit to, for one request and its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// The request with holes.
    pub sent: RedactedBytes,
    /// The response with holes.
    pub received: RedactedBytes,
    /// Every private field's window, as a range of the response's plaintext.
    pub windows: Vec<(String, Range<usize>)>,
    /// Every disclosed field's value.
    pub values: Vec<(String, String)>,
}

/// Why a response cannot be disclosed under a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscloseError {
    /// The response is not what the source describes.
    #[error(transparent)]
    Transcript(#[from] TranscriptError),
    /// The source itself.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An anchor appears more than once where it could.
    #[error(
        "the anchor {anchor:?} appears {count} times in the rest of this response, so it does not say which value \
         is meant; make it longer, or put another anchor before it"
    )]
    Ambiguous {
        /// The anchor.
        anchor: String,
        /// How often.
        count: usize,
    },
    /// A value does not end within its window.
    #[error("the value of {field} does not end within its window of {window} bytes")]
    Window {
        /// The field's name.
        field: String,
        /// The window's length.
        window: u32,
    },
}

impl DiscloseError {
    /// A stable name for this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Transcript(error) => return error.code(),
            Self::Source(error) => return error.code(),
            Self::Ambiguous { .. } => Code::AnchorAmbiguous,
            Self::Window { .. } => Code::FieldWindow,
        }
        .text()
    }
}

/// What happens to one byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Hide,
    Prove(Class),
    Show,
}

impl Source {
    /// Chooses what to show of a response, without a request: to try a source on a sample.
    ///
    /// # Errors
    /// As [`Source::disclose`].
    pub fn disclose_response(&self, response: &[u8], show_rest: bool) -> Result<Disclosure, DiscloseError> {
        let request = RenderedRequest { bytes: zeroize::Zeroizing::default(), hidden: Vec::new() };
        self.disclose(&request, response, show_rest)
    }

    /// Chooses what to show of a request and its response. `show_rest` shows everything that is neither a secret
    /// nor a private field.
    ///
    /// # Errors
    /// [`DiscloseError`] if the response is not what the source describes.
    pub fn disclose(
        &self,
        request: &RenderedRequest,
        response: &[u8],
        show_rest: bool,
    ) -> Result<Disclosure, DiscloseError> {
        let mut sent = vec![Mark::Show; request.bytes.len()];
        for (range, class) in &request.hidden {
            sent[range.clone()].fill(Mark::Prove(*class));
        }
        let cells: Vec<Cell> = response.iter().map(|&byte| Cell::Shown(byte)).collect();
        let body = decode(&cells, self.definition().response.status)?;
        // Everything outside of the body is framing, and shown, but for the values of headers that frame nothing.
        let mut received = vec![Mark::Show; response.len()];
        if !show_rest {
            for range in head_values(&cells)? {
                received[range].fill(Mark::Prove(Class::Line));
            }
        }
        for &offset in &body.offsets {
            received[offset as usize] = if show_rest { Mark::Show } else { Mark::Hide };
        }
        let mut walk = Walk {
            bytes: body.offsets.iter().map(|&offset| response[offset as usize]).collect(),
            offsets: &body.offsets,
            marks: &mut received,
            at: 0,
            windows: Vec::new(),
            values: Vec::new(),
        };
        let layout = self.body_layout();
        for (index, part) in layout.iter().enumerate() {
            match part {
                BodyPart::Anchor(text) => walk.anchor(text)?,
                BodyPart::Field(field, written) => walk.field(field, *written)?,
                BodyPart::Skip(max) => walk.skip(*max, layout.get(index + 1))?,
            }
        }
        let Walk { windows, values, .. } = walk;
        Ok(Disclosure {
            sent: redact(&sent, &request.bytes),
            received: redact(&received, response),
            windows,
            values,
        })
    }
}

/// Turns marks into ranges.
fn redact(marks: &[Mark], bytes: &[u8]) -> RedactedBytes {
    let mut redacted = RedactedBytes { length: bytes.len() as u32, ..RedactedBytes::default() };
    let mut at = 0;
    while at < marks.len() {
        let count = marks[at..].iter().take_while(|mark| **mark == marks[at]).count();
        match marks[at] {
            Mark::Hide => {}
            Mark::Show => {
                redacted.shown.push(Shown { offset: at as u32, bytes: bytes[at..at + count].to_vec() });
            }
            Mark::Prove(class) => {
                redacted.classes.push(Classed { offset: at as u32, length: count as u32, class });
            }
        }
        at += count;
    }
    redacted
}

/// Walks over the body in the clear.
struct Walk<'a> {
    bytes: Vec<u8>,
    offsets: &'a [u32],
    marks: &'a mut Vec<Mark>,
    at: usize,
    windows: Vec<(String, Range<usize>)>,
    values: Vec<(String, String)>,
}

impl Walk<'_> {
    fn mark(&mut self, range: Range<usize>, mark: Mark) {
        for &offset in &self.offsets[range] {
            self.marks[offset as usize] = mark;
        }
    }

    fn refuse(&self, why: String) -> DiscloseError {
        TranscriptError::Body { at: self.at, why }.into()
    }

    fn anchor(&mut self, text: &str) -> Result<(), DiscloseError> {
        if !self.bytes[self.at..].starts_with(text.as_bytes()) {
            return Err(self.refuse(format!("the anchor {text:?} is not here")));
        }
        self.mark(self.at..self.at + text.len(), Mark::Show);
        self.at += text.len();
        Ok(())
    }

    fn skip(&mut self, max: usize, next: Option<&BodyPart>) -> Result<(), DiscloseError> {
        let rest = &self.bytes[self.at..];
        let length = match next {
            Some(BodyPart::Anchor(anchor)) => {
                let mut places = rest
                    .windows(anchor.len())
                    .enumerate()
                    .filter(|(_, window)| *window == anchor.as_bytes())
                    .map(|(place, _)| place);
                let Some(first) = places.next() else {
                    return Err(self.refuse(format!("the anchor {anchor:?} does not follow")));
                };
                let more = places.count();
                if more > 0 {
                    return Err(DiscloseError::Ambiguous { anchor: anchor.clone(), count: more + 1 });
                }
                first
            }
            _ => rest.len(),
        };
        if length > max {
            return Err(self.refuse(format!("{length} bytes would be skipped, {max} are allowed")));
        }
        self.at += length;
        Ok(())
    }

    fn field(&mut self, field: &Field, written: Written) -> Result<(), DiscloseError> {
        let rest = &self.bytes[self.at..];
        let window = field.window as usize;
        let Some(length) = rest.iter().take(window + 1).position(|&byte| written.ends(byte)) else {
            return Err(DiscloseError::Window { field: field.name.clone(), window: field.window });
        };
        let value = String::from_utf8_lossy(&rest[..length]).into_owned();
        if !field.accepts(&value) {
            return Err(TranscriptError::Value { field: field.name.clone() }.into());
        }
        match field.visibility {
            Visibility::Disclosed => {
                self.mark(self.at..self.at + length + 1, Mark::Show);
                self.values.push((field.name.clone(), value));
                self.at += length + 1;
            }
            Visibility::Private => {
                let refuse = |why| TranscriptError::Commitment { field: field.name.clone(), why };
                if length == window {
                    return Err(DiscloseError::Window { field: field.name.clone(), window: field.window });
                }
                let offsets = self.offsets.get(self.at..self.at + window);
                let offsets = offsets.ok_or(refuse("its window reaches beyond the end of the body"))?;
                let start = offsets[0] as usize;
                if offsets[window - 1] as usize != start + window - 1 {
                    return Err(refuse("its window crosses a boundary between chunks").into());
                }
                self.windows.push((field.name.clone(), start..start + window));
                self.mark(self.at..self.at + window, Mark::Hide);
                self.at += window;
            }
        }
        Ok(())
    }
}
