//! Parties as threads of one process, joined by `std` channels.
//!
//! Messages stay with the sender until it flushes, as on a real wire, so that a forgotten flush shows up in
//! tests as a stall.

use std::sync::mpsc;
use std::time::Duration;

use rep3::network::{NetworkError, Party, Step};
use twopc::channel::ChannelError;

use crate::sides::Sides;

/// How long a receiver waits before it calls the peer stalled.
const PATIENCE: Duration = Duration::from_mins(1);

/// One end of a two-way link.
struct Link {
    outgoing: mpsc::Sender<Vec<u8>>,
    incoming: mpsc::Receiver<Vec<u8>>,
    pending: Vec<Vec<u8>>,
    patience: Duration,
}

/// Why nothing arrived.
enum Silence {
    Closed,
    Stalled,
}

impl Link {
    fn ends(patience: Duration) -> (Self, Self) {
        let (to_right, from_left) = mpsc::channel();
        let (to_left, from_right) = mpsc::channel();
        (
            Self { outgoing: to_right, incoming: from_right, pending: Vec::new(), patience },
            Self { outgoing: to_left, incoming: from_left, pending: Vec::new(), patience },
        )
    }

    fn flush(&mut self) -> Result<(), Silence> {
        self.pending
            .drain(..)
            .try_for_each(|message| self.outgoing.send(message))
            .map_err(|_| Silence::Closed)
    }

    fn recv(&mut self) -> Result<Vec<u8>, Silence> {
        self.incoming.recv_timeout(self.patience).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => Silence::Stalled,
            mpsc::RecvTimeoutError::Disconnected => Silence::Closed,
        })
    }
}

/// One party's end of an in-memory network of three.
pub struct Network {
    seed: u64,
    links: Sides<Link>,
}

/// Three joined networks, for parties 0, 1 and 2. Receivers wait for a minute before they report a stall.
///
/// The channel secrets are the same in every run: this is for tests and for simulators, where one process
/// holds all the parties anyway.
pub fn three() -> [Network; 3] {
    three_with(PATIENCE, 0)
}

/// Three joined networks whose receivers wait for `patience`, and whose channel secrets depend on `seed`.
pub fn three_with(patience: Duration, seed: u64) -> [Network; 3] {
    let (right_of_0, left_of_1) = Link::ends(patience);
    let (right_of_1, left_of_2) = Link::ends(patience);
    let (right_of_2, left_of_0) = Link::ends(patience);
    let network = |me, left, right| Network { seed, links: Sides { me, left, right } };
    [
        network(Party::P0, left_of_0, right_of_0),
        network(Party::P1, left_of_1, right_of_1),
        network(Party::P2, left_of_2, right_of_2),
    ]
}

/// Names the peer and the step of a silence.
fn error(silence: Silence, peer: Party, step: Step) -> NetworkError {
    match silence {
        Silence::Closed => NetworkError::Closed { peer, step },
        Silence::Stalled => NetworkError::Stalled { peer, step },
    }
}

impl rep3::network::Network for Network {
    fn me(&self) -> Party {
        self.links.me
    }

    fn send(&mut self, to: Party, step: Step, message: Vec<u8>) -> Result<(), NetworkError> {
        self.links.of(to, step)?.pending.push(message);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), NetworkError> {
        self.links.flush(Link::flush, error)
    }

    fn recv(&mut self, from: Party, step: Step, length: usize) -> Result<Vec<u8>, NetworkError> {
        let message = self.links.of(from, step)?.recv().map_err(|silence| error(silence, from, step))?;
        if message.len() == length {
            Ok(message)
        } else {
            Err(NetworkError::Length { peer: from, step, expected: length, got: message.len() })
        }
    }

    fn channel_secret(&self, peer: Party) -> [u8; 32] {
        // The third party's index names the pair.
        let absent = 3 - (self.links.me.index() + peer.index()).min(3);
        let mut secret = [0x5a; 32];
        secret[..8].copy_from_slice(&self.seed.to_le_bytes());
        secret[8] = absent as u8;
        secret
    }
}

/// One end of an in-memory channel of two.
pub struct Channel(Link);

/// Two joined channels. Receivers wait for a minute before they report a stall.
pub fn pair() -> (Channel, Channel) {
    pair_with(PATIENCE)
}

/// Two joined channels whose receivers wait for `patience`.
pub fn pair_with(patience: Duration) -> (Channel, Channel) {
    let (left, right) = Link::ends(patience);
    (Channel(left), Channel(right))
}

impl twopc::channel::Channel for Channel {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        self.0.pending.push(message.to_vec());
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        self.0.flush().map_err(|_| ChannelError::Closed)
    }

    fn recv(&mut self, limit: usize) -> Result<Vec<u8>, ChannelError> {
        let message = self.0.recv().map_err(|silence| match silence {
            Silence::Closed => ChannelError::Closed,
            Silence::Stalled => ChannelError::Stalled,
        })?;
        if message.len() > limit { Err(ChannelError::TooLong { limit }) } else { Ok(message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rep3::network::Network as _;
    use twopc::channel::Channel as _;

    const STEP: Step = Step("test");
    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn every_ordered_pair_is_joined() {
        let mut networks = three();
        for from in Party::ALL {
            for to in [from.left(), from.right()] {
                let message = vec![from.index() as u8, to.index() as u8];
                networks[from.index()].send(to, STEP, message.clone()).unwrap();
                networks[from.index()].flush().unwrap();
                assert_eq!(networks[to.index()].recv(from, STEP, 2).unwrap(), message);
            }
        }
    }

    #[test]
    fn pairs_agree_on_secrets_and_differ_between_pairs() {
        let networks = three();
        let secret = |a: Party, b: Party| networks[a.index()].channel_secret(b);
        let mut seen = Vec::new();
        for party in Party::ALL {
            assert_eq!(secret(party, party.right()), secret(party.right(), party));
            seen.push(secret(party, party.right()));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn a_wrong_length_is_refused() {
        let [mut p0, mut p1, _p2] = three();
        p0.send(Party::P1, STEP, vec![1, 2, 3]).unwrap();
        p0.flush().unwrap();
        let error = p1.recv(Party::P0, STEP, 2).unwrap_err();
        assert_eq!(error, NetworkError::Length { peer: Party::P0, step: STEP, expected: 2, got: 3 });
    }

    #[test]
    fn without_a_flush_nothing_arrives() {
        let [mut p0, mut p1, _p2] = three_with(SHORT, 0);
        p0.send(Party::P1, STEP, vec![1]).unwrap();
        assert_eq!(
            p1.recv(Party::P0, STEP, 1).unwrap_err(),
            NetworkError::Stalled { peer: Party::P0, step: STEP }
        );
    }

    #[test]
    fn a_dropped_party_is_closed_to_both_others() {
        let [p0, mut p1, mut p2] = three();
        drop(p0);
        let closed = NetworkError::Closed { peer: Party::P0, step: STEP };
        assert_eq!(p1.recv(Party::P0, STEP, 1).unwrap_err(), closed);
        assert_eq!(p2.recv(Party::P0, STEP, 1).unwrap_err(), closed);
    }

    #[test]
    fn a_party_cannot_talk_to_itself() {
        let [mut p0, _p1, _p2] = three();
        assert!(p0.send(Party::P0, STEP, vec![]).is_err());
        assert!(p0.recv(Party::P0, STEP, 0).is_err());
    }

    #[test]
    fn a_channel_carries_messages_in_order_and_caps_them() {
        let (mut a, mut b) = pair_with(SHORT);
        a.send(b"one").unwrap();
        a.send(b"three").unwrap();
        a.flush().unwrap();
        assert_eq!(b.recv(8).unwrap(), b"one");
        assert_eq!(b.recv(4).unwrap_err(), ChannelError::TooLong { limit: 4 });
        assert_eq!(b.recv(4).unwrap_err(), ChannelError::Stalled);
        drop(a);
        assert_eq!(b.recv(4).unwrap_err(), ChannelError::Closed);
    }
}
