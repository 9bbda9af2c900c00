//! One authenticated connection to one peer, shared by many sessions.
//!
//! A session's thread encrypts and writes its own messages: no thread stands between `flush` and the socket. One
//! task reads, decrypts and hands messages to the sessions; a second one only writes what the socket would not
//! take at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, IoSlice, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rep3::network::Party;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use super::frame::{Frame, Parser, SessionId, Violation, invalid};
use super::stream::{Failure, Stream, lock};

/// The most sessions at once on a link, and of these the most that only the peer has opened.
const MAX_SESSIONS: usize = 4096;

/// A link on which nothing was written for this long carries a ping.
const PING_EVERY: Duration = Duration::from_secs(5);

/// A link on which nothing arrived for this long is down.
const DEAD_AFTER: Duration = Duration::from_secs(20);

/// How much is read from the socket at once.
const READ_BUFFER: usize = 128 << 10;

/// The sessions of a link, by session and by both sides' handles.
#[derive(Default)]
struct Sessions {
    /// Opened by one side only, so far.
    waiting: HashMap<SessionId, Arc<Stream>>,
    by_mine: HashMap<u32, Arc<Stream>>,
    by_theirs: HashMap<u32, Arc<Stream>>,
    next_handle: u32,
    /// The peer's handles only grow, so that none can be used twice.
    their_next: u64,
    down: bool,
}

/// One connection.
pub struct Link {
    peer: Party,
    socket: TcpStream,
    tls: Mutex<rustls::Connection>,
    sessions: Mutex<Sessions>,
    /// The socket did not take everything.
    blocked: Notify,
    /// The link is to be torn down.
    stop: Notify,
    stopped: AtomicBool,
    started: Instant,
    /// When something was last written, in milliseconds since `started`.
    wrote: std::sync::atomic::AtomicU64,
}

/// Writes to a socket without waiting.
struct NonBlocking<'a>(&'a TcpStream);

impl Write for NonBlocking<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A session that this side has opened.
pub struct Opened {
    pub link: Arc<Link>,
    pub stream: Arc<Stream>,
    pub mine: u32,
}

impl Link {
    /// A link over an authenticated connection whose socket belongs to the current runtime.
    pub fn new(peer: Party, socket: TcpStream, mut tls: rustls::Connection) -> Arc<Self> {
        // What the socket does not take waits in the TLS buffer; sessions bound what they put there.
        tls.set_buffer_limit(None);
        Arc::new(Self {
            peer,
            socket,
            tls: Mutex::new(tls),
            sessions: Mutex::new(Sessions::default()),
            blocked: Notify::new(),
            stop: Notify::new(),
            stopped: AtomicBool::new(false),
            started: Instant::now(),
            wrote: std::sync::atomic::AtomicU64::new(0),
        })
    }

    /// Whether new sessions can start on it.
    pub fn is_up(&self) -> bool {
        !lock(&self.sessions).down
    }

    /// Carries the link until it goes down, for whatever reason.
    pub async fn run(self: &Arc<Self>) {
        // Dropping the task, as at shutdown, must also wake whoever waits.
        let guard = TearDown(self);
        let end = tokio::select! {
            end = self.read() => end,
            end = self.write_blocked() => end,
            end = self.keep_alive() => end,
            () = self.stop.notified() => Ok(()),
        };
        drop(guard);
        match end {
            Ok(()) => tracing::debug!(peer = %self.peer, "link closed"),
            Err(error) => tracing::warn!(peer = %self.peer, %error, "link down"),
        }
    }

    /// Closes the link.
    pub fn close(&self) {
        self.stop.notify_one();
    }

    /// Begins a session: the peer hears of it at once. Gives nothing if the link is down or the session is
    /// already open here.
    pub fn begin(self: &Arc<Self>, session: SessionId) -> Option<Opened> {
        let mut sessions = lock(&self.sessions);
        if sessions.down || sessions.by_mine.len() >= MAX_SESSIONS {
            return None;
        }
        let mine = sessions.next_handle;
        sessions.next_handle = mine.checked_add(1)?;
        let stream = match sessions.waiting.entry(session) {
            Entry::Vacant(vacant) => Arc::clone(vacant.insert(Arc::new(Stream::new(session)))),
            Entry::Occupied(occupied) if occupied.get().theirs().is_some() => occupied.remove(),
            Entry::Occupied(_) => return None,
        };
        stream.open(mine);
        sessions.by_mine.insert(mine, Arc::clone(&stream));
        self.write(&[IoSlice::new(&Frame::Open { handle: mine, session }.encode())]);
        Some(Opened { link: Arc::clone(self), stream, mine })
    }

    /// A secret that only the two ends of this connection know, bound to the session and to both handles, and
    /// so never the same twice.
    fn secret(&self, session: SessionId, handles: [u32; 2]) -> Option<Zeroizing<[u8; 32]>> {
        let mut context = Vec::with_capacity(40);
        context.extend_from_slice(&session);
        for handle in handles {
            context.extend_from_slice(&handle.to_le_bytes());
        }
        lock(&self.tls)
            .export_keying_material([0; 32], b"EXPORTER-mpcstats-3pc", Some(&context))
            .ok()
            .map(Zeroizing::new)
    }

    /// Encrypts and writes as much as the socket takes; the writing task does the rest.
    fn write(&self, slices: &[IoSlice<'_>]) {
        let mut tls = lock(&self.tls);
        // With no buffer limit the whole input is taken; after a fatal error the reading task ends the link.
        let _ = tls.writer().write_vectored(slices);
        self.wrote.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
        match self.push(&mut tls) {
            Ok(true) => (),
            Ok(false) => self.blocked.notify_one(),
            Err(_) => self.close(),
        }
    }

    /// Writes what TLS has ready. True if that is all of it.
    fn push(&self, tls: &mut rustls::Connection) -> io::Result<bool> {
        while tls.wants_write() {
            match tls.write_tls(&mut NonBlocking(&self.socket)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => (),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    async fn write_blocked(&self) -> io::Result<()> {
        loop {
            self.blocked.notified().await;
            loop {
                self.socket.writable().await?;
                if self.push(&mut lock(&self.tls))? {
                    break;
                }
            }
        }
    }

    /// Waits, for a while, until everything written has left.
    pub async fn drain(&self) {
        let all_left = async {
            while self.is_up() && lock(&self.tls).wants_write() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(5), all_left).await;
    }

    async fn keep_alive(&self) -> io::Result<()> {
        loop {
            tokio::time::sleep(PING_EVERY).await;
            let wrote = Duration::from_millis(self.wrote.load(Ordering::Relaxed));
            if self.started.elapsed().saturating_sub(wrote) >= PING_EVERY {
                self.write(&[IoSlice::new(&Frame::Ping.encode())]);
            }
        }
    }

    async fn read(self: &Arc<Self>) -> io::Result<()> {
        let mut buffer = vec![0; READ_BUFFER];
        let mut parser = Parser::default();
        let mut frames = Vec::new();
        // Frames may have come in with the handshake.
        parser.read(&mut lock(&self.tls).reader(), &mut frames)?;
        let mut closed = false;
        loop {
            for frame in frames.drain(..) {
                self.handle(frame).map_err(invalid)?;
            }
            if closed {
                return Ok(());
            }
            let length = match self.socket.try_read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    tokio::time::timeout(DEAD_AFTER, self.socket.readable()).await??;
                    continue;
                }
                Err(error) => return Err(error),
            };
            closed = self.decrypt(&buffer[..length], &mut parser, &mut frames)?;
            // Other links of this runtime get their turn under a steady stream.
            if length == READ_BUFFER {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Decrypts what was read and cuts it into frames. True if the peer closed the TLS connection.
    fn decrypt(&self, mut input: &[u8], parser: &mut Parser, frames: &mut Vec<Frame>) -> io::Result<bool> {
        let mut tls = lock(&self.tls);
        while !input.is_empty() {
            tls.read_tls(&mut input)?;
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let closed = state.peer_has_closed();
            parser.read(&mut tls.reader(), frames)?;
            if closed {
                return Ok(true);
            }
        }
        // Answers of TLS itself, such as key updates.
        if !self.push(&mut tls)? {
            self.blocked.notify_one();
        }
        Ok(false)
    }

    fn handle(self: &Arc<Self>, frame: Frame) -> Result<(), Violation> {
        match frame {
            Frame::Ping => Ok(()),
            Frame::Open { handle, session } => self.handle_open(handle, session),
            Frame::Data { handle, bytes, last } => {
                // Data may flow once both sides have opened the session, so nobody fills an unwanted one.
                let stream = lock(&self.sessions).by_theirs.get(&handle).cloned();
                let wanted = stream.filter(|stream| stream.mine().is_some());
                wanted.ok_or(Violation::Handle)?.deliver(bytes, last)
            }
            Frame::Credit { handle, bytes } => {
                // A session that was just closed here may still be given credit.
                let stream = lock(&self.sessions).by_mine.get(&handle).cloned();
                let Some(stream) = stream else { return Ok(()) };
                if stream.credit(bytes, |slices| self.write(slices))? {
                    self.closed(handle);
                }
                Ok(())
            }
            Frame::Close { handle } => self.handle_close(handle),
        }
    }

    fn handle_open(&self, handle: u32, session: SessionId) -> Result<(), Violation> {
        let mut sessions = lock(&self.sessions);
        if u64::from(handle) < sessions.their_next {
            return Err(Violation::Handle);
        }
        if sessions.by_theirs.len() >= MAX_SESSIONS {
            return Err(Violation::Sessions);
        }
        let stream = match sessions.waiting.entry(session) {
            Entry::Vacant(vacant) => Arc::clone(vacant.insert(Arc::new(Stream::new(session)))),
            Entry::Occupied(occupied) if occupied.get().theirs().is_none() => occupied.remove(),
            Entry::Occupied(_) => return Err(Violation::Handle),
        };
        sessions.their_next = u64::from(handle) + 1;
        sessions.by_theirs.insert(handle, Arc::clone(&stream));
        stream.opened(handle);
        Ok(())
    }

    fn handle_close(&self, handle: u32) -> Result<(), Violation> {
        let mut sessions = lock(&self.sessions);
        let stream = sessions.by_theirs.remove(&handle).ok_or(Violation::Handle)?;
        let session = stream.session();
        if sessions.waiting.get(&session).is_some_and(|waiting| Arc::ptr_eq(waiting, &stream)) {
            sessions.waiting.remove(&session);
        }
        drop(sessions);
        if stream.end()
            && let Some(mine) = stream.mine()
        {
            self.closed(mine);
        }
        Ok(())
    }

    /// Everything of a session that was left is sent: tells the peer.
    fn closed(&self, mine: u32) {
        let mut sessions = lock(&self.sessions);
        if let Some(stream) = sessions.by_mine.remove(&mine) {
            let session = stream.session();
            if sessions.waiting.get(&session).is_some_and(|waiting| Arc::ptr_eq(waiting, &stream)) {
                sessions.waiting.remove(&session);
            }
            self.write(&[IoSlice::new(&Frame::Close { handle: mine }.encode())]);
        }
    }

    /// Ends every session, once.
    fn tear_down(&self) {
        if self.stopped.swap(true, Ordering::SeqCst) {
            return;
        }
        let ended =
            std::mem::replace(&mut *lock(&self.sessions), Sessions { down: true, ..Sessions::default() });
        for stream in ended.by_mine.into_values().chain(ended.by_theirs.into_values()) {
            stream.end();
        }
        let mut tls = lock(&self.tls);
        tls.send_close_notify();
        // Best effort: the peer also sees the socket close.
        let _ = self.push(&mut tls);
        // Sessions may hold the link a little longer; the peer must not wait for them.
        let _ = socket2::SockRef::from(&self.socket).shutdown(std::net::Shutdown::Both);
    }
}

struct TearDown<'a>(&'a Link);

impl Drop for TearDown<'_> {
    fn drop(&mut self) {
        self.0.tear_down();
    }
}

impl Opened {
    /// Waits until the peer has opened the session too; gives the secret that both now share.
    pub fn wait(&self, me: Party, deadline: Instant) -> Result<Zeroizing<[u8; 32]>, Failure> {
        let theirs = self.stream.wait_open(deadline)?;
        let handles = if me < self.link.peer { [self.mine, theirs] } else { [theirs, self.mine] };
        self.link.secret(self.stream.session(), handles).ok_or(Failure::Closed)
    }

    /// Sends messages, as far as credit goes, and queues the rest.
    pub fn send(&self, messages: &mut Vec<Vec<u8>>) -> Result<(), Failure> {
        self.stream.send(messages, |slices| self.link.write(slices))
    }

    /// Waits for the next message.
    pub fn recv(&self, length: usize, patience: Duration) -> Result<Vec<u8>, Failure> {
        self.stream.recv(length, patience, |bytes| {
            if let Some(handle) = self.stream.theirs() {
                self.link.write(&[IoSlice::new(&Frame::Credit { handle, bytes }.encode())]);
            }
        })
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if self.stream.leave() {
            self.link.closed(self.mine);
        }
    }
}
