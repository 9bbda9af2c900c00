//! An adversary on the links of three networks, for tests.
//!
//! A [`Tamper`] is a list of rules. Each rule names the messages it takes, by step, sender, receiver and
//! occurrence, and what happens to them. The networks that it [wraps](Tamper::wrap) share it, and it keeps a
//! record of every message that a party sent, so that a test can assert what did *not* leave.
//!
//! ```
//! use net::tamper::{Fate, Tamper, on};
//! use rep3::network::{Network, Party, Step};
//!
//! let tamper = Tamper::new()
//!     .rule(on().step("and").from(Party::P1).nth(0), |message| {
//!         message.bytes[0] ^= 1;
//!         Fate::Deliver
//!     })
//!     .rule(on().step("open").to(Party::P2), |_| Fate::Drop);
//! let [_p0, mut p1, mut p2] = tamper.wrap(net::memory::three());
//! p1.send(Party::P2, Step("and"), vec![0])?;
//! p1.flush()?;
//! assert_eq!(p2.recv(Party::P1, Step("and"), 1)?, [1]);
//! assert_eq!(tamper.count(on().step("open")), 0);
//! # Ok::<(), rep3::network::NetworkError>(())
//! ```

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rep3::network::{Network, NetworkError, Party, Step};

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The step that the sender named.
    pub step: Step,
    /// Who sent it.
    pub from: Party,
    /// Whom it is for.
    pub to: Party,
    /// How many messages of this step went from this sender to this receiver before it.
    pub occurrence: usize,
    /// What it says; a rule may change it at will.
    pub bytes: Vec<u8>,
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on its way, with the bytes that the rule left in it.
    Deliver,
    /// It never arrives; later messages of the link do.
    Drop,
    /// It and all later messages of this link are lost, and the receiver sees the link closed.
    Cut,
    /// It, and with it what follows on this link, arrives this much later; other links overtake it.
    Delay(Duration),
    /// These messages arrive in its place, in this order.
    Replace(Vec<Vec<u8>>),
}

/// Which messages a rule or a count takes. Everything, until narrowed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Select {
    step: Option<&'static str>,
    from: Option<Party>,
    to: Option<Party>,
    occurrence: Option<usize>,
}

/// Selects every message; narrow it with the methods of [`Select`].
pub fn on() -> Select {
    Select::default()
}

impl Select {
    /// Only messages of this step.
    pub fn step(self, step: &'static str) -> Self {
        Self { step: Some(step), ..self }
    }

    /// Only messages from this party.
    pub fn from(self, from: Party) -> Self {
        Self { from: Some(from), ..self }
    }

    /// Only messages to this party.
    pub fn to(self, to: Party) -> Self {
        Self { to: Some(to), ..self }
    }

    /// Only the message of this occurrence (from 0) of its step on its link.
    pub fn nth(self, occurrence: usize) -> Self {
        Self { occurrence: Some(occurrence), ..self }
    }

    /// Whether a message is selected.
    pub fn takes(&self, message: &Message) -> bool {
        self.step.is_none_or(|step| step == message.step.0)
            && self.from.is_none_or(|from| from == message.from)
            && self.to.is_none_or(|to| to == message.to)
            && self.occurrence.is_none_or(|occurrence| occurrence == message.occurrence)
    }
}

type Rule = (Select, Box<dyn FnMut(&mut Message) -> Fate + Send>);
type LinkId = (Party, Party);

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    sent: Vec<Message>,
    occurrences: HashMap<(LinkId, Step), usize>,
    /// When each message that is under way on a link may be seen by its receiver.
    due: HashMap<LinkId, VecDeque<Instant>>,
    cut: HashSet<LinkId>,
    /// How many messages met a rule.
    met: usize,
}

/// An adversary shared by the three networks that it wraps. Clones are handles to the same one.
#[derive(Clone, Default)]
pub struct Tamper(Arc<Mutex<State>>);

impl Tamper {
    /// An adversary that only watches.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule. The first rule that selects a message decides its fate. A rule may keep state of its own,
    /// to replay a message that it saw earlier, say.
    pub fn rule(self, select: Select, act: impl FnMut(&mut Message) -> Fate + Send + 'static) -> Self {
        self.lock().rules.push((select, Box::new(act)));
        self
    }

    /// Flips the lowest bit of byte `offset` (modulo the length) of the selected messages.
    pub fn flip(self, select: Select, offset: usize) -> Self {
        self.rule(select, move |message| {
            let length = message.bytes.len();
            if length > 0 {
                message.bytes[offset % length] ^= 1;
            }
            Fate::Deliver
        })
    }

    /// Puts the adversary on the links of three networks.
    pub fn wrap<N: Network>(&self, networks: [N; 3]) -> [Tampered<N>; 3] {
        networks.map(|inner| Tampered { inner, tamper: self.clone() })
    }

    /// Every message that was sent so far, in order, as its sender wrote it (before any rule).
    pub fn sent(&self) -> Vec<Message> {
        self.lock().sent.clone()
    }

    /// How many messages of a selection were sent so far.
    pub fn count(&self, select: Select) -> usize {
        self.lock().sent.iter().filter(|message| select.takes(message)).count()
    }

    /// How many messages met a rule: a test whose rule meets nothing proves nothing.
    pub fn met(&self) -> usize {
        self.lock().met
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a message and gives what arrives in its place.
    fn judge(&self, from: Party, to: Party, step: Step, bytes: Vec<u8>) -> Vec<Vec<u8>> {
        let mut state = self.lock();
        let link = (from, to);
        let counter = state.occurrences.entry((link, step)).or_default();
        let occurrence = *counter;
        *counter += 1;
        let mut message = Message { step, from, to, occurrence, bytes };
        state.sent.push(message.clone());
        if state.cut.contains(&link) {
            return Vec::new();
        }
        let fate = match state.rules.iter_mut().find(|(select, _)| select.takes(&message)) {
            Some((_, act)) => {
                let fate = act(&mut message);
                state.met += 1;
                fate
            }
            None => Fate::Deliver,
        };
        let (messages, delay) = match fate {
            Fate::Deliver => (vec![message.bytes], Duration::ZERO),
            Fate::Drop => (Vec::new(), Duration::ZERO),
            Fate::Delay(delay) => (vec![message.bytes], delay),
            Fate::Replace(messages) => (messages, Duration::ZERO),
            Fate::Cut => {
                state.cut.insert(link);
                // An empty message wakes the receiver, which then finds the link cut.
                (vec![Vec::new()], Duration::ZERO)
            }
        };
        let due = Instant::now() + delay;
        state.due.entry(link).or_default().extend(messages.iter().map(|_| due));
        messages
    }

    /// Takes the time at which the next message of a link is due, and whether it is the one that cuts it.
    fn arrival(&self, from: Party, to: Party) -> (Instant, bool) {
        let mut state = self.lock();
        let due = state.due.entry((from, to)).or_default();
        let at = due.pop_front().unwrap_or_else(Instant::now);
        let last = due.is_empty();
        (at, last && state.cut.contains(&(from, to)))
    }
}

/// A network with an adversary on its outgoing links.
pub struct Tampered<N> {
    inner: N,
    tamper: Tamper,
}

impl<N: Network> Network for Tampered<N> {
    fn me(&self) -> Party {
        self.inner.me()
    }

    fn send(&mut self, to: Party, step: Step, message: Vec<u8>) -> Result<(), NetworkError> {
        for message in self.tamper.judge(self.me(), to, step, message) {
            self.inner.send(to, step, message)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), NetworkError> {
        self.inner.flush()
    }

    fn recv(&mut self, from: Party, step: Step, length: usize) -> Result<Vec<u8>, NetworkError> {
        let received = self.inner.recv(from, step, length);
        if !matches!(received, Ok(_) | Err(NetworkError::Length { .. })) {
            return received;
        }
        let (due, cut) = self.tamper.arrival(from, self.me());
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if cut { Err(NetworkError::Closed { peer: from, step }) } else { received }
    }

    fn channel_secret(&self, peer: Party) -> [u8; 32] {
        self.inner.channel_secret(peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory;

    const A: Step = Step("a");
    const B: Step = Step("b");

    fn world(tamper: &Tamper) -> [Tampered<memory::Network>; 3] {
        tamper.wrap(memory::three_with(Duration::from_millis(50), 0))
    }

    fn say(network: &mut impl Network, to: Party, step: Step, bytes: &[u8]) {
        network.send(to, step, bytes.to_vec()).unwrap();
        network.flush().unwrap();
    }

    #[test]
    fn a_rule_takes_only_the_message_that_it_names() {
        let tamper = Tamper::new().flip(on().step("a").from(Party::P0).to(Party::P1).nth(1), 0);
        let [mut p0, mut p1, mut p2] = world(&tamper);
        for _ in 0..3 {
            say(&mut p0, Party::P1, A, &[0]);
            say(&mut p0, Party::P1, B, &[0]);
            say(&mut p0, Party::P2, A, &[0]);
        }
        let at_p1: Vec<_> =
            (0..3).map(|_| (p1.recv(Party::P0, A, 1).unwrap(), p1.recv(Party::P0, B, 1).unwrap())).collect();
        assert_eq!(at_p1, [(vec![0], vec![0]), (vec![1], vec![0]), (vec![0], vec![0])]);
        assert!((0..3).all(|_| p2.recv(Party::P0, A, 1).unwrap() == [0]));
        assert_eq!(tamper.met(), 1);
    }

    #[test]
    fn the_record_shows_what_the_sender_wrote() {
        let tamper = Tamper::new().flip(on(), 0);
        let [mut p0, _p1, _p2] = world(&tamper);
        say(&mut p0, Party::P1, A, &[7]);
        let expected = Message { step: A, from: Party::P0, to: Party::P1, occurrence: 0, bytes: vec![7] };
        assert_eq!(tamper.sent(), [expected]);
        assert_eq!(tamper.count(on().step("a")), 1);
        assert_eq!(tamper.count(on().from(Party::P1)), 0);
    }

    #[test]
    fn a_dropped_message_lets_later_ones_through() {
        let tamper = Tamper::new().rule(on().nth(0), |_| Fate::Drop);
        let [mut p0, mut p1, _p2] = world(&tamper);
        say(&mut p0, Party::P1, A, &[1]);
        say(&mut p0, Party::P1, A, &[2]);
        assert_eq!(p1.recv(Party::P0, A, 1).unwrap(), [2]);
        assert!(matches!(p1.recv(Party::P0, A, 1), Err(NetworkError::Stalled { .. })));
    }

    #[test]
    fn a_cut_link_is_closed_after_what_went_before() {
        let tamper = Tamper::new().rule(on().from(Party::P0).to(Party::P1).nth(1), |_| Fate::Cut);
        let [mut p0, mut p1, mut p2] = world(&tamper);
        for byte in 0..3 {
            say(&mut p0, Party::P1, A, &[byte]);
            say(&mut p0, Party::P2, A, &[byte]);
        }
        assert_eq!(p1.recv(Party::P0, A, 1).unwrap(), [0]);
        assert_eq!(p1.recv(Party::P0, A, 1), Err(NetworkError::Closed { peer: Party::P0, step: A }));
        assert!((0..3).all(|byte| p2.recv(Party::P0, A, 1).unwrap() == [byte]));
    }

    #[test]
    fn a_delayed_message_is_overtaken_on_another_link() {
        // Were the other message behind it, this would take an hour.
        let tamper = Tamper::new().rule(on().from(Party::P0), |_| Fate::Delay(Duration::from_hours(1)));
        let [mut p0, mut p1, mut p2] = world(&tamper);
        say(&mut p0, Party::P2, A, &[0]);
        say(&mut p1, Party::P2, A, &[1]);
        assert_eq!(p2.recv(Party::P1, A, 1).unwrap(), [1]);
    }

    #[test]
    fn a_delayed_message_arrives_late_and_intact() {
        let late = Duration::from_millis(40);
        let tamper = Tamper::new().rule(on().from(Party::P0), move |_| Fate::Delay(late));
        let [mut p0, _p1, mut p2] = world(&tamper);
        let start = Instant::now();
        say(&mut p0, Party::P2, A, &[0]);
        assert_eq!(p2.recv(Party::P0, A, 1).unwrap(), [0]);
        assert!(start.elapsed() >= late);
    }

    #[test]
    fn a_rule_can_replay_what_it_saw_and_send_early() {
        let mut seen = None;
        let tamper = Tamper::new().rule(on().from(Party::P0), move |message| match &seen {
            None => {
                seen = Some(message.bytes.clone());
                Fate::Deliver
            }
            Some(old) => Fate::Replace(vec![old.clone(), b"ok".to_vec()]),
        });
        let [mut p0, mut p1, _p2] = world(&tamper);
        say(&mut p0, Party::P1, A, &[9]);
        say(&mut p0, Party::P1, A, &[8]);
        assert_eq!(p1.recv(Party::P0, A, 1).unwrap(), [9]);
        assert_eq!(p1.recv(Party::P0, A, 1).unwrap(), [9]);
        assert_eq!(p1.recv(Party::P0, B, 2).unwrap(), b"ok");
    }

    #[test]
    fn a_changed_length_is_refused() {
        let tamper = Tamper::new().rule(on(), |message| {
            message.bytes.pop();
            Fate::Deliver
        });
        let [mut p0, mut p1, _p2] = world(&tamper);
        say(&mut p0, Party::P1, A, &[1, 2]);
        assert!(matches!(p1.recv(Party::P0, A, 2), Err(NetworkError::Length { got: 1, .. })));
    }
}
