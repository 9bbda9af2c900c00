//! One session's traffic on one link: what has arrived and not been taken, what waits to be sent.
//!
//! Flow control is by credit. A receiver never holds more than [`WINDOW`] bytes of a session; a sender that has
//! used its credit up keeps the rest in its own memory, so that `flush` never waits. That cannot deadlock: the
//! three parties may all send before they receive, and the wire keeps moving for every other session. A party's
//! own queue is bounded by its own program, which sends no more than one round ahead of what it has received.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::frame::{HEADER, MAX_PAYLOAD, SessionId, Violation, data_header};

/// The most bytes of one session that a receiver holds.
pub const WINDOW: usize = 8 << 20;

/// What a frame costs in credit beyond its bytes, so that empty ones are not free.
const FRAME_COST: usize = 64;

/// Consumed bytes are given back as credit in steps of this size.
const CREDIT_STEP: usize = WINDOW / 4;

/// Frames shorter than this are not cut from a message just to use up credit.
const MIN_CUT: usize = 16 << 10;

/// Locks, and carries on after a panic elsewhere: the data are queues that are whole at every unlock.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why nothing (or not the right thing) was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The peer left the session, or the link is down.
    Closed,
    /// Nothing came for too long.
    Stalled,
    /// The message is at least this long, and another length was due.
    Length(usize),
}

struct Chunk {
    bytes: Vec<u8>,
    last: bool,
}

#[derive(Default)]
struct Inbox {
    chunks: VecDeque<Chunk>,
    /// The peer's handle, once it has opened the session too.
    theirs: Option<u32>,
    /// What the peer may still send.
    allowance: usize,
    /// What was taken since credit was last given.
    consumed: usize,
    ended: bool,
    /// The local side has left: what still arrives is thrown away.
    left: bool,
}

/// What waits to be sent.
#[derive(Default)]
struct Outbox {
    messages: VecDeque<Vec<u8>>,
    /// How much of the first message is already on its way.
    offset: usize,
    credit: usize,
    /// No more will be queued: once all is sent, the session is closed.
    closing: bool,
    ended: bool,
}

/// A frame to be written: its header, and where in which queued message its bytes are.
struct Cut {
    header: [u8; HEADER],
    message: usize,
    start: usize,
    end: usize,
}

/// One session on one link.
pub struct Stream {
    session: SessionId,
    /// This side's handle, once it has opened the session.
    mine: OnceLock<u32>,
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    outbox: Mutex<Outbox>,
}

impl Stream {
    pub fn new(session: SessionId) -> Self {
        Self {
            session,
            mine: OnceLock::new(),
            inbox: Mutex::new(Inbox { allowance: WINDOW, ..Inbox::default() }),
            arrived: Condvar::new(),
            outbox: Mutex::new(Outbox { credit: WINDOW, ..Outbox::default() }),
        }
    }

    pub fn session(&self) -> SessionId {
        self.session
    }

    /// This side's handle, if it has opened the session.
    pub fn mine(&self) -> Option<u32> {
        self.mine.get().copied()
    }

    /// This side has opened the session; only the first handle counts.
    pub fn open(&self, mine: u32) {
        let _ = self.mine.set(mine);
    }

    /// The peer's handle, if it has opened the session.
    pub fn theirs(&self) -> Option<u32> {
        lock(&self.inbox).theirs
    }

    /// The peer has opened the session.
    pub fn opened(&self, theirs: u32) {
        lock(&self.inbox).theirs = Some(theirs);
        self.arrived.notify_all();
    }

    /// Nothing more will arrive and nothing more need be sent. True if the local side had left before it could
    /// send everything, so that the session can be closed now.
    pub fn end(&self) -> bool {
        lock(&self.inbox).ended = true;
        self.arrived.notify_all();
        let mut outbox = lock(&self.outbox);
        outbox.ended = true;
        let unsent = std::mem::take(&mut outbox.messages);
        outbox.closing && !unsent.is_empty()
    }

    /// Waits until the peer has opened the session.
    pub fn wait_open(&self, deadline: Instant) -> Result<u32, Failure> {
        let mut inbox = lock(&self.inbox);
        loop {
            // A peer may have opened the session, said all it had to say and left again.
            if let Some(theirs) = inbox.theirs {
                return Ok(theirs);
            }
            if inbox.ended {
                return Err(Failure::Closed);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::Stalled);
            }
            inbox = self.arrived.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes in a data frame.
    pub fn deliver(&self, bytes: Vec<u8>, last: bool) -> Result<(), Violation> {
        let mut inbox = lock(&self.inbox);
        inbox.allowance = inbox.allowance.checked_sub(bytes.len() + FRAME_COST).ok_or(Violation::Credit)?;
        if inbox.left {
            return Ok(());
        }
        inbox.chunks.push_back(Chunk { bytes, last });
        drop(inbox);
        self.arrived.notify_all();
        Ok(())
    }

    /// Waits for the next message, which must be `length` bytes long. Calls `grant` when the peer has earned
    /// credit. A peer whose message does not come on by a frame's length within `patience` has stalled: it must not hold
    /// a session by a byte now and then.
    pub fn recv(
        &self,
        length: usize,
        patience: Duration,
        mut grant: impl FnMut(u32),
    ) -> Result<Vec<u8>, Failure> {
        let mut message = Vec::new();
        let (mut deadline, mut due) = (Instant::now() + patience, MAX_PAYLOAD);
        loop {
            let chunk = self.next_chunk(deadline, &mut grant)?;
            let total = message.len() + chunk.bytes.len();
            if total >= due {
                (deadline, due) = (Instant::now() + patience, total + MAX_PAYLOAD);
            }
            if total > length || (chunk.last && total < length) {
                return Err(Failure::Length(total));
            }
            if message.is_empty() {
                message = chunk.bytes;
                message.reserve_exact(length - message.len());
            } else {
                message.extend_from_slice(&chunk.bytes);
            }
            if chunk.last {
                return Ok(message);
            }
        }
    }

    fn next_chunk(&self, deadline: Instant, grant: &mut impl FnMut(u32)) -> Result<Chunk, Failure> {
        let mut inbox = lock(&self.inbox);
        let chunk = loop {
            if let Some(chunk) = inbox.chunks.pop_front() {
                break chunk;
            }
            if inbox.ended {
                return Err(Failure::Closed);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::Stalled);
            }
            inbox = self.arrived.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        inbox.consumed += chunk.bytes.len() + FRAME_COST;
        if inbox.consumed >= CREDIT_STEP {
            let credit = std::mem::take(&mut inbox.consumed);
            inbox.allowance += credit;
            let theirs = inbox.theirs;
            drop(inbox);
            if theirs.is_some() {
                grant(credit as u32);
            }
        }
        Ok(chunk)
    }

    /// Queues messages and writes what credit allows with `write`.
    pub fn send(
        &self,
        messages: &mut Vec<Vec<u8>>,
        write: impl FnOnce(&[std::io::IoSlice<'_>]),
    ) -> Result<(), Failure> {
        let mut outbox = lock(&self.outbox);
        if outbox.ended {
            return Err(Failure::Closed);
        }
        outbox.messages.extend(messages.drain(..));
        outbox.pump(self.mine().unwrap_or_default(), write);
        Ok(())
    }

    /// The peer gave credit: writes what it allows. True if the session is to be closed now.
    pub fn credit(&self, bytes: u32, write: impl FnOnce(&[std::io::IoSlice<'_>])) -> Result<bool, Violation> {
        let mut outbox = lock(&self.outbox);
        outbox.credit += bytes as usize;
        // Nobody gives more than was ever used.
        if outbox.credit > WINDOW {
            return Err(Violation::Credit);
        }
        outbox.pump(self.mine().unwrap_or_default(), write);
        Ok(outbox.closing && outbox.messages.is_empty())
    }

    /// The local side leaves. True if everything is sent, so that the session can be closed now.
    pub fn leave(&self) -> bool {
        {
            let mut inbox = lock(&self.inbox);
            inbox.left = true;
            inbox.chunks = VecDeque::new();
        }
        let mut outbox = lock(&self.outbox);
        outbox.closing = true;
        outbox.messages.is_empty()
    }
}

impl Outbox {
    /// Cuts queued messages into frames as far as credit goes, writes them at once, and lets go of them.
    fn pump(&mut self, mine: u32, write: impl FnOnce(&[std::io::IoSlice<'_>])) {
        let mut cuts = Vec::with_capacity(self.messages.len());
        let mut start = self.offset;
        let mut done = 0;
        'messages: for (message, bytes) in self.messages.iter().enumerate() {
            loop {
                let left = bytes.len() - start;
                let room = self.credit.saturating_sub(FRAME_COST);
                let length = left.min(MAX_PAYLOAD).min(room);
                if self.credit < FRAME_COST || (length < left && length < MIN_CUT) {
                    break 'messages;
                }
                let end = start + length;
                let last = end == bytes.len();
                cuts.push(Cut { header: data_header(mine, length, last), message, start, end });
                self.credit -= length + FRAME_COST;
                if last {
                    start = 0;
                    done = message + 1;
                    break;
                }
                start = end;
            }
        }
        if cuts.is_empty() {
            return;
        }
        let slices: Vec<_> = cuts
            .iter()
            .flat_map(|cut| [cut.header.as_slice(), &self.messages[cut.message][cut.start..cut.end]])
            .map(std::io::IoSlice::new)
            .collect();
        write(&slices);
        self.offset = start;
        self.messages.drain(..done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::frame::{Frame, Parser};
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_millis(20);

    fn collect(wire: &mut Vec<u8>) -> impl FnOnce(&[std::io::IoSlice<'_>]) {
        |slices| slices.iter().for_each(|slice| wire.extend_from_slice(slice))
    }

    /// Moves what `from` wrote into `to`.
    fn carry(wire: &mut Vec<u8>, to: &Stream) {
        let mut frames = Vec::new();
        Parser::default().read(&mut wire.as_slice(), &mut frames).unwrap();
        wire.clear();
        for frame in frames {
            let Frame::Data { bytes, last, .. } = frame else { panic!("only data is sent here") };
            to.deliver(bytes, last).unwrap();
        }
    }

    #[test]
    fn a_message_longer_than_the_window_arrives_as_credit_returns() {
        let (a, b) = (Stream::new([0; 32]), Stream::new([0; 32]));
        b.opened(1);
        let message: Vec<u8> = (0..3 * WINDOW + 5).map(|i| (i % 251) as u8).collect();
        let mut wire = Vec::new();
        a.send(&mut vec![message.clone(), vec![9]], collect(&mut wire)).unwrap();
        assert!(wire.len() <= WINDOW, "more than the window left at once");
        carry(&mut wire, &b);
        let received = b
            .recv(message.len(), PATIENCE, |credit| {
                let mut wire = Vec::new();
                assert!(!a.credit(credit, collect(&mut wire)).unwrap());
                carry(&mut wire, &b);
            })
            .unwrap();
        assert!(received == message);
        assert_eq!(b.recv(1, PATIENCE, |_| ()).unwrap(), [9]);
        assert!(a.leave(), "everything was sent");
    }

    #[test]
    fn a_peer_that_ignores_credit_is_caught() {
        let stream = Stream::new([0; 32]);
        let frames = WINDOW / (MAX_PAYLOAD + FRAME_COST);
        for _ in 0..frames {
            stream.deliver(vec![0; MAX_PAYLOAD], false).unwrap();
        }
        assert_eq!(stream.deliver(vec![0; MAX_PAYLOAD], false), Err(Violation::Credit));
    }

    #[test]
    fn empty_frames_are_not_free() {
        let stream = Stream::new([0; 32]);
        let taken = (0..=WINDOW).take_while(|_| stream.deliver(vec![], true).is_ok()).count();
        assert_eq!(taken, WINDOW / FRAME_COST);
    }

    #[test]
    fn credit_that_was_never_used_is_refused() {
        let stream = Stream::new([0; 32]);
        assert_eq!(stream.credit(1, |_| ()), Err(Violation::Credit));
    }

    #[test]
    fn another_length_is_reported_without_waiting_for_the_end() {
        let stream = Stream::new([0; 32]);
        stream.deliver(vec![0; 10], false).unwrap();
        assert_eq!(stream.recv(9, PATIENCE, |_| ()), Err(Failure::Length(10)));
        let stream = Stream::new([0; 32]);
        stream.deliver(vec![0; 8], true).unwrap();
        assert_eq!(stream.recv(9, PATIENCE, |_| ()), Err(Failure::Length(8)));
    }

    #[test]
    fn what_arrived_before_the_end_is_still_received() {
        let stream = Stream::new([0; 32]);
        stream.deliver(vec![1], true).unwrap();
        stream.end();
        assert_eq!(stream.recv(1, PATIENCE, |_| ()).unwrap(), [1]);
        assert_eq!(stream.recv(1, PATIENCE, |_| ()), Err(Failure::Closed));
    }

    /// Two thousand bytes, one in a millisecond, in a fifth of a second.
    #[test]
    fn a_peer_that_says_a_byte_now_and_then_has_stalled() {
        let stream = Stream::new([0; 32]);
        let received = std::thread::scope(|scope| {
            scope.spawn(|| {
                for byte in 0..2000 {
                    std::thread::sleep(Duration::from_millis(1));
                    stream.deliver(vec![0], byte == 1999).unwrap();
                }
            });
            stream.recv(2000, Duration::from_millis(200), |_| ())
        });
        assert_eq!(received, Err(Failure::Stalled));
    }
}
