//! A two-party channel over any byte stream, such as the TLS connection between a prover and a notary.
//!
//! On the wire a message is its length (four bytes, little-endian) and its bytes. The stream lives on a tokio
//! runtime; the protocol runs on a thread of its own and blocks. What waits to be sent is kept here without
//! bound, for it is the protocol's own; of what the peer sends, at most a few buffers are held unread, and a
//! message that is longer than the protocol allows at that point is refused before anything is allocated for it.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use twopc::channel::ChannelError;

/// How much is read at once.
const READ_BUFFER: usize = 64 << 10;

/// How many filled buffers may wait unread.
const UNREAD: usize = 64;

/// One end of a channel. Dropping it closes the stream once everything flushed has left.
pub struct Channel {
    pending: Vec<u8>,
    outgoing: mpsc::UnboundedSender<Vec<u8>>,
    incoming: mpsc::Receiver<Vec<u8>>,
    /// The buffer being consumed, from `position` on.
    buffer: Vec<u8>,
    position: usize,
    runtime: Handle,
    patience: Duration,
}

impl Channel {
    /// A channel over `stream`, which is driven by `runtime`. Its methods block: call them from a thread that is
    /// not one of the runtime's. A peer that sends nothing for `patience` has stalled.
    pub fn over<S>(stream: S, runtime: &Handle, patience: Duration) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let (outgoing, mut to_write) = mpsc::unbounded_channel::<Vec<u8>>();
        let (arrived, incoming) = mpsc::channel(UNREAD);
        runtime.spawn(async move {
            while let Some(bytes) = to_write.recv().await {
                if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                    return;
                }
            }
            // The other end sees an orderly end; if it is gone already there is nobody to tell.
            let _ = writer.shutdown().await;
        });
        runtime.spawn(async move {
            loop {
                let mut buffer = Vec::with_capacity(READ_BUFFER);
                match reader.read_buf(&mut buffer).await {
                    Ok(length) if length > 0 => (),
                    _ => return,
                }
                if arrived.send(buffer).await.is_err() {
                    return;
                }
            }
        });
        Self {
            pending: Vec::new(),
            outgoing,
            incoming,
            buffer: Vec::new(),
            position: 0,
            runtime: runtime.clone(),
            patience,
        }
    }

    /// Makes sure that the current buffer holds an unread byte.
    fn fill(&mut self) -> Result<(), ChannelError> {
        while self.position == self.buffer.len() {
            let next = match self.incoming.try_recv() {
                Ok(buffer) => Some(buffer),
                Err(mpsc::error::TryRecvError::Disconnected) => None,
                Err(mpsc::error::TryRecvError::Empty) => {
                    let (incoming, patience) = (&mut self.incoming, self.patience);
                    self.runtime
                        .block_on(async move { tokio::time::timeout(patience, incoming.recv()).await })
                        .map_err(|_| ChannelError::Stalled)?
                }
            };
            self.buffer = next.ok_or(ChannelError::Closed)?;
            self.position = 0;
        }
        Ok(())
    }

    /// Reads exactly `length` bytes; memory grows with what arrives, not with what was announced.
    fn take(&mut self, length: usize) -> Result<Vec<u8>, ChannelError> {
        let mut bytes = Vec::with_capacity(length.min(READ_BUFFER));
        while bytes.len() < length {
            self.fill()?;
            let part = (self.buffer.len() - self.position).min(length - bytes.len());
            bytes.extend_from_slice(&self.buffer[self.position..self.position + part]);
            self.position += part;
        }
        Ok(bytes)
    }
}

impl twopc::channel::Channel for Channel {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        let limit = u32::MAX as usize;
        let length = u32::try_from(message.len()).map_err(|_| ChannelError::TooLong { limit })?;
        self.pending.extend_from_slice(&length.to_le_bytes());
        self.pending.extend_from_slice(message);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.outgoing.send(std::mem::take(&mut self.pending)).map_err(|_| ChannelError::Closed)
    }

    fn recv(&mut self, limit: usize) -> Result<Vec<u8>, ChannelError> {
        let mut header = [0; 4];
        header.copy_from_slice(&self.take(4)?);
        let length = u32::from_le_bytes(header) as usize;
        if length > limit { Err(ChannelError::TooLong { limit }) } else { self.take(length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twopc::channel::Channel as _;

    /// For who waits in vain.
    const SHORT: Duration = Duration::from_millis(50);
    /// For who does not.
    const LONG: Duration = Duration::from_mins(1);

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    fn pair(runtime: &tokio::runtime::Runtime) -> (Channel, Channel) {
        let (a, b) = tokio::io::duplex(1000);
        (Channel::over(a, runtime.handle(), LONG), Channel::over(b, runtime.handle(), LONG))
    }

    #[test]
    fn both_may_send_much_before_either_receives() {
        let runtime = runtime();
        let (mut a, mut b) = pair(&runtime);
        let message = vec![3; 5 << 20];
        std::thread::scope(|scope| {
            for end in [&mut a, &mut b] {
                let message = &message;
                scope.spawn(move || {
                    end.send(message).unwrap();
                    end.send(&[]).unwrap();
                    end.flush().unwrap();
                    assert!(&end.recv(message.len()).unwrap() == message);
                    assert_eq!(end.recv(0).unwrap(), []);
                });
            }
        });
    }

    #[test]
    fn an_announced_length_beyond_the_limit_is_refused() {
        let runtime = runtime();
        let (a, mut b) = tokio::io::duplex(1000);
        let mut a = Channel::over(a, runtime.handle(), LONG);
        runtime.block_on(b.write_all(&u32::MAX.to_le_bytes())).unwrap();
        assert_eq!(a.recv(1000), Err(ChannelError::TooLong { limit: 1000 }));
    }

    #[test]
    fn silence_is_a_stall() {
        let runtime = runtime();
        let (a, _b) = tokio::io::duplex(1000);
        assert_eq!(Channel::over(a, runtime.handle(), SHORT).recv(1), Err(ChannelError::Stalled));
    }

    #[test]
    fn an_end_is_a_close_after_what_was_said() {
        let runtime = runtime();
        let (mut a, mut b) = pair(&runtime);
        b.send(&[1]).unwrap();
        b.flush().unwrap();
        drop(b);
        assert_eq!(a.recv(1).unwrap(), [1]);
        assert_eq!(a.recv(1), Err(ChannelError::Closed));
    }

    #[test]
    fn a_message_cut_short_is_a_close() {
        let runtime = runtime();
        let (a, mut b) = tokio::io::duplex(1000);
        let mut a = Channel::over(a, runtime.handle(), LONG);
        runtime.block_on(b.write_all(&[9, 0, 0, 0, 1, 2])).unwrap();
        drop(b);
        assert_eq!(a.recv(10), Err(ChannelError::Closed));
    }
}
