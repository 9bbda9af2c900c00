//! The relayed connection of `proxy` mode: the prover asks, the notary reads or writes one record at a time.
//!
//! TLS 1.2 is a conversation in turns, so the relay is one too: the prover says when to wait for the server and
//! for how long. Both sides keep every byte.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use twopc::channel::{Channel, ChannelError};

use crate::tls::record::{HEADER, MAX_FRAGMENT, announced};
use crate::tls::{ClientError, Incoming, Link};

/// The first byte of a prover's message.
const WRITE: u8 = 0;
const READ: u8 = 1;
const DONE: u8 = 2;
/// The first byte of a notary's answer to `READ`.
const RECORD: u8 = 0;
const QUIET: u8 = 1;
const CLOSED: u8 = 2;
const BROKEN: u8 = 3;

/// The longest time that a prover may ask to wait for one record.
const MAX_PATIENCE: Duration = Duration::from_mins(1);
/// The most bytes the prover may write at once: a request goes out in a handful of records.
const MAX_WRITE: usize = 1 << 17;
/// The longest description of a broken connection.
const MAX_REASON: usize = 256;

/// A TCP connection, read record by record.
pub struct StreamLink {
    stream: TcpStream,
    pending: Vec<u8>,
}

impl StreamLink {
    /// Takes over a connection to a server.
    ///
    /// # Errors
    /// [`ClientError::Link`] if the connection's options cannot be set.
    pub fn new(stream: TcpStream) -> Result<Self, ClientError> {
        let broke = |error: std::io::Error| ClientError::Link(error.to_string());
        stream.set_nodelay(true).map_err(broke)?;
        stream.set_write_timeout(Some(MAX_PATIENCE)).map_err(broke)?;
        Ok(Self { stream, pending: Vec::new() })
    }

    /// The first pending record, if it is whole.
    fn take(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        let Some(header) = self.pending.first_chunk::<HEADER>() else { return Ok(None) };
        let Some(length) = announced(*header) else {
            return Err(ClientError::Link("the server does not speak TLS 1.2".into()));
        };
        if self.pending.len() < HEADER + length {
            return Ok(None);
        }
        let rest = self.pending.split_off(HEADER + length);
        Ok(Some(std::mem::replace(&mut self.pending, rest)))
    }
}

impl Link for StreamLink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.stream.write_all(bytes).map_err(|e| ClientError::Link(e.to_string()))
    }

    fn read(&mut self, patience: Duration) -> Result<Incoming, ClientError> {
        let broke = |error: std::io::Error| ClientError::Link(error.to_string());
        let deadline = Instant::now() + patience;
        loop {
            if let Some(record) = self.take()? {
                return Ok(Incoming::Record(record));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Incoming::Quiet);
            }
            self.stream.set_read_timeout(Some(left)).map_err(broke)?;
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(Incoming::Closed),
                Ok(count) => self.pending.extend_from_slice(&buffer[..count]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Ok(Incoming::Quiet),
                    ErrorKind::Interrupted => {}
                    // A server that resets instead of closing says nothing more either.
                    ErrorKind::ConnectionReset if self.pending.is_empty() => return Ok(Incoming::Closed),
                    _ => return Err(broke(error)),
                },
            }
        }
    }
}

/// The prover's end of a relayed connection.
pub(super) struct RelayLink<'a> {
    channel: &'a mut dyn Channel,
    left: usize,
    limit: usize,
}

impl<'a> RelayLink<'a> {
    /// At most `limit` bytes are read from the server.
    pub(super) fn new(channel: &'a mut dyn Channel, limit: usize) -> Self {
        Self { channel, left: limit, limit }
    }

    /// Ends the relay.
    pub(super) fn done(self) -> Result<(), ChannelError> {
        self.channel.send(&[DONE])?;
        self.channel.flush()
    }
}

fn broken(error: ChannelError) -> ClientError {
    ClientError::Link(format!("the notary: {error}"))
}

impl Link for RelayLink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        for chunk in bytes.chunks(MAX_WRITE) {
            self.channel.send(&[&[WRITE], chunk].concat()).map_err(broken)?;
        }
        self.channel.flush().map_err(broken)
    }

    fn read(&mut self, patience: Duration) -> Result<Incoming, ClientError> {
        let millis = patience.as_millis().min(MAX_PATIENCE.as_millis()) as u32;
        self.channel.send(&[&[READ], &millis.to_be_bytes()[..]].concat()).map_err(broken)?;
        self.channel.flush().map_err(broken)?;
        let answer = self.channel.recv(1 + HEADER + MAX_FRAGMENT).map_err(broken)?;
        match answer.split_first() {
            Some((&RECORD, record)) => {
                self.left =
                    self.left.checked_sub(record.len()).ok_or(ClientError::TooLong { limit: self.limit })?;
                Ok(Incoming::Record(record.to_vec()))
            }
            Some((&QUIET, _)) => Ok(Incoming::Quiet),
            Some((&CLOSED, _)) => Ok(Incoming::Closed),
            Some((&BROKEN, why)) => Err(ClientError::Link(String::from_utf8_lossy(why).into_owned())),
            _ => Err(ClientError::Link("the notary relayed something malformed".into())),
        }
    }
}

/// Both streams of a session, as the notary relayed them.
#[derive(Default)]
pub(super) struct Streams {
    pub(super) client: Vec<u8>,
    pub(super) server: Vec<u8>,
}

/// Why a relay ended early.
pub(super) enum RelayError {
    Channel(ChannelError),
    /// More bytes than allowed, in which direction.
    Cap(&'static str),
    Malformed,
}

impl From<ChannelError> for RelayError {
    fn from(error: ChannelError) -> Self {
        Self::Channel(error)
    }
}

/// Relays until the prover is done; keeps what went over the wire.
pub(super) fn relay(
    channel: &mut dyn Channel,
    server: &mut dyn Link,
    limits: super::Limits,
) -> Result<Streams, RelayError> {
    let mut streams = Streams::default();
    let mut failure: Option<String> = None;
    loop {
        let message = channel.recv(1 + MAX_WRITE)?;
        match message.split_first() {
            Some((&WRITE, bytes)) => {
                if streams.client.len() + bytes.len() > limits.sent {
                    return Err(RelayError::Cap("bytes sent"));
                }
                streams.client.extend_from_slice(bytes);
                if let Err(error) = server.write(bytes) {
                    failure.get_or_insert(error.to_string());
                }
            }
            Some((&READ, millis)) => {
                let Ok(millis) = millis.try_into() else { return Err(RelayError::Malformed) };
                let patience = Duration::from_millis(u64::from(u32::from_be_bytes(millis))).min(MAX_PATIENCE);
                // What the server said before the connection broke still counts.
                let answer = match server.read(patience) {
                    Ok(Incoming::Record(record)) => {
                        if streams.server.len() + record.len() > limits.received {
                            channel.send(&reason("the response is longer than this notary allows"))?;
                            channel.flush()?;
                            return Err(RelayError::Cap("bytes received"));
                        }
                        streams.server.extend_from_slice(&record);
                        [&[RECORD], &record[..]].concat()
                    }
                    Ok(Incoming::Quiet) => vec![QUIET],
                    Ok(Incoming::Closed) => failure.take().map_or(vec![CLOSED], |why| reason(&why)),
                    Err(error) => reason(&error.to_string()),
                };
                channel.send(&answer)?;
                channel.flush()?;
            }
            Some((&DONE, [])) => return Ok(streams),
            _ => return Err(RelayError::Malformed),
        }
    }
}

fn reason(why: &str) -> Vec<u8> {
    let end = why.floor_char_boundary(MAX_REASON);
    [&[BROKEN], &why.as_bytes()[..end]].concat()
}
