//! What travels on a link between two parties: frames of many sessions, one after another.
//!
//! | field | bytes | |
//! |---|---|---|
//! | kind | 1 | see [`Frame`] |
//! | handle | 4 | the sender's number for the session (for `credit`, the receiver's); 0 for `ping` |
//! | length | 4 | of the payload, at most [`MAX_PAYLOAD`] |
//! | payload | length | |
//!
//! Numbers are little-endian.

use std::io::{self, BufRead};

/// The bytes before a payload.
pub const HEADER: usize = 9;

/// The longest payload. Longer messages travel as several frames, so that sessions take turns.
pub const MAX_PAYLOAD: usize = 256 << 10;

/// A session's id: every party names it by the same 32 bytes.
pub type SessionId = [u8; 32];

const OPEN: u8 = 1;
const PART: u8 = 2;
const LAST: u8 = 3;
const CREDIT: u8 = 4;
const CLOSE: u8 = 5;
const PING: u8 = 6;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The sender takes part in this session and calls it by this handle from now on.
    Open {
        /// The sender's handle; never used before on this link.
        handle: u32,
        /// The session.
        session: SessionId,
    },
    /// Part of a message; with `last`, its end.
    Data {
        /// The sender's handle.
        handle: u32,
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether the message ends here.
        last: bool,
    },
    /// The sender has room for so many more bytes of this session.
    Credit {
        /// The receiver's handle: its direction of data gets the credit.
        handle: u32,
        /// Bytes.
        bytes: u32,
    },
    /// The sender says no more in this session and listens no longer.
    Close {
        /// The sender's handle.
        handle: u32,
    },
    /// The sender is alive.
    Ping,
}

/// A peer broke the framing rules; the link is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// No frame has this kind.
    #[error("unknown frame kind {0}")]
    Kind(u8),
    /// The frame's length does not fit its kind.
    #[error("a frame of kind {kind} with {length} bytes")]
    Length {
        /// The kind.
        kind: u8,
        /// The declared length.
        length: usize,
    },
    /// A handle that was never opened, or opened twice.
    #[error("an unknown or reused handle")]
    Handle,
    /// More data than the receiver has given credit for.
    #[error("more data than there was credit for")]
    Credit,
    /// Too many sessions at once.
    #[error("too many open sessions")]
    Sessions,
}

/// The header of a data frame.
pub fn data_header(handle: u32, length: usize, last: bool) -> [u8; HEADER] {
    header(if last { LAST } else { PART }, handle, length)
}

fn header(kind: u8, handle: u32, length: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[0] = kind;
    header[1..5].copy_from_slice(&handle.to_le_bytes());
    header[5..].copy_from_slice(&(length as u32).to_le_bytes());
    header
}

impl Frame {
    /// The frame's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, handle, payload): (u8, u32, &[u8]) = match self {
            Self::Open { handle, session } => (OPEN, *handle, session),
            Self::Data { handle, bytes, last } => (if *last { LAST } else { PART }, *handle, bytes),
            Self::Credit { handle, bytes } => (CREDIT, *handle, &bytes.to_le_bytes()),
            Self::Close { handle } => (CLOSE, *handle, &[]),
            Self::Ping => (PING, 0, &[]),
        };
        let mut frame = Vec::with_capacity(HEADER + payload.len());
        frame.extend_from_slice(&header(kind, handle, payload.len()));
        frame.extend_from_slice(payload);
        frame
    }
}

/// Cuts a byte stream into frames.
#[derive(Default)]
pub struct Parser {
    header: Vec<u8>,
    payload: Vec<u8>,
}

impl Parser {
    /// Takes what `input` holds now and appends the frames that it completes.
    ///
    /// At most one payload of [`MAX_PAYLOAD`] bytes is ever allocated for bytes that have not arrived.
    ///
    /// # Errors
    /// The stream's own, or [`io::ErrorKind::InvalidData`] with a [`Violation`] inside.
    pub fn read(&mut self, input: &mut impl BufRead, frames: &mut Vec<Frame>) -> io::Result<()> {
        loop {
            let available = match input.fill_buf() {
                Ok([]) => return Ok(()),
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let taken = self.take(available, frames).map_err(invalid)?;
            input.consume(taken);
        }
    }

    /// Takes bytes of the header, then of the payload; gives how many.
    fn take(&mut self, available: &[u8], frames: &mut Vec<Frame>) -> Result<usize, Violation> {
        let mut taken = 0;
        if self.header.len() < HEADER {
            taken = available.len().min(HEADER - self.header.len());
            self.header.extend_from_slice(&available[..taken]);
            if self.header.len() < HEADER {
                return Ok(taken);
            }
            self.payload = Vec::with_capacity(self.due()?);
        }
        let part = (available.len() - taken).min(self.due()? - self.payload.len());
        self.payload.extend_from_slice(&available[taken..taken + part]);
        if self.payload.len() == self.due()? {
            frames.push(self.finish()?);
        }
        Ok(taken + part)
    }

    /// The length that the header declares, if its kind allows it.
    fn due(&self) -> Result<usize, Violation> {
        let kind = self.header[0];
        let length = word(&self.header[5..]) as usize;
        let fits = match kind {
            OPEN => length == size_of::<SessionId>(),
            PART => (1..=MAX_PAYLOAD).contains(&length),
            LAST => length <= MAX_PAYLOAD,
            CREDIT => length == size_of::<u32>(),
            CLOSE | PING => length == 0,
            _ => return Err(Violation::Kind(kind)),
        };
        if fits { Ok(length) } else { Err(Violation::Length { kind, length }) }
    }

    fn finish(&mut self) -> Result<Frame, Violation> {
        let kind = self.header[0];
        let handle = word(&self.header[1..5]);
        let payload = std::mem::take(&mut self.payload);
        self.header.clear();
        let wrong = |payload: &[u8]| Violation::Length { kind, length: payload.len() };
        Ok(match kind {
            OPEN => Frame::Open { handle, session: payload.try_into().map_err(|p: Vec<u8>| wrong(&p))? },
            PART => Frame::Data { handle, bytes: payload, last: false },
            LAST => Frame::Data { handle, bytes: payload, last: true },
            CREDIT => Frame::Credit { handle, bytes: word(&payload) },
            CLOSE => Frame::Close { handle },
            PING => Frame::Ping,
            _ => return Err(Violation::Kind(kind)),
        })
    }
}

/// A little-endian word; missing bytes count as zero.
fn word(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// A violation as an IO error.
pub fn invalid(violation: Violation) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, violation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames() -> impl Strategy<Value = Frame> {
        prop_oneof![
            (any::<u32>(), any::<[u8; 32]>()).prop_map(|(handle, session)| Frame::Open { handle, session }),
            (any::<u32>(), prop::collection::vec(any::<u8>(), 1..2000), any::<bool>())
                .prop_map(|(handle, bytes, last)| Frame::Data { handle, bytes, last }),
            (any::<u32>(), any::<u32>()).prop_map(|(handle, bytes)| Frame::Credit { handle, bytes }),
            any::<u32>().prop_map(|handle| Frame::Close { handle }),
            Just(Frame::Ping),
        ]
    }

    proptest! {
        #[test]
        fn frames_survive_any_cutting(sent in prop::collection::vec(frames(), 0..8), cut in 1_usize..700) {
            let bytes: Vec<u8> = sent.iter().flat_map(Frame::encode).collect();
            let mut parser = Parser::default();
            let mut received = Vec::new();
            for mut piece in bytes.chunks(cut) {
                parser.read(&mut piece, &mut received).unwrap();
            }
            prop_assert_eq!(received, sent);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let _ = Parser::default().read(&mut bytes.as_slice(), &mut Vec::new());
        }
    }

    fn violation(kind: u8, length: u32) -> Violation {
        let mut bytes = vec![kind, 0, 0, 0, 0];
        bytes.extend_from_slice(&length.to_le_bytes());
        let mut frames = Vec::new();
        let error = Parser::default().read(&mut bytes.as_slice(), &mut frames).unwrap_err();
        assert_eq!(frames, []);
        *error.into_inner().unwrap().downcast::<Violation>().unwrap()
    }

    #[test]
    fn declared_sizes_are_refused_before_allocation() {
        assert_eq!(violation(PART, u32::MAX), Violation::Length { kind: PART, length: u32::MAX as usize });
        assert_eq!(
            violation(LAST, MAX_PAYLOAD as u32 + 1),
            Violation::Length { kind: LAST, length: MAX_PAYLOAD + 1 }
        );
        assert_eq!(violation(OPEN, 31), Violation::Length { kind: OPEN, length: 31 });
        assert_eq!(violation(PING, 1), Violation::Length { kind: PING, length: 1 });
        assert_eq!(violation(PART, 0), Violation::Length { kind: PART, length: 0 });
        assert_eq!(violation(99, 0), Violation::Kind(99));
    }
}
