//! A party that says something wrong and stands by it: its transcripts, hence its challenges, are about what it sent.
//!
//! An adversary on the wire (`net::tamper`) is caught by the transcripts alone. Only a cheat from within shows that every
//! message is subject to a statement of its own.

use std::sync::{Arc, mpsc};

use algebra::{Bits, Fp, Prg};

use crate::executor::Inline;
use crate::network::{Network, NetworkError, Party, Step};
use crate::{
    AND, Abort, BitShare, Cause, Config, FieldShare, IntShare, MUL, SHUFFLE_FIRST, SHUFFLE_SECOND, Session,
    Table,
};
use crate::{and_many, convert, deal_bits, deal_field, inner_product, inner_products, mul, shuffle};

/// What a cheater does to a message before it hashes and sends it.
pub(crate) type Cheat = Box<dyn FnMut(Step, &mut Vec<u8>) + Send>;

/// The message as the cheater, if it is one, would have it.
pub(crate) fn apply(cheat: &mut Option<Cheat>, step: Step, mut message: Vec<u8>) -> Vec<u8> {
    if let Some(cheat) = cheat {
        cheat(step, &mut message);
    }
    message
}

/// Channels of one party to and from its left and its right neighbour.
struct Wires {
    me: Party,
    to: [mpsc::Sender<Vec<u8>>; 2],
    from: [mpsc::Receiver<Vec<u8>>; 2],
}

impl Wires {
    fn three() -> [Self; 3] {
        let mut to: [Vec<_>; 3] = Default::default();
        let mut from: [Vec<_>; 3] = Default::default();
        // First what goes to and comes from the left neighbours, then the right ones.
        for side in [Party::left, Party::right] {
            for me in Party::ALL {
                let (sender, receiver) = mpsc::channel();
                to[me.index()].push(sender);
                from[side(me).index()].push((me, receiver));
            }
        }
        Party::ALL.map(|me| {
            let mut incoming = std::mem::take(&mut from[me.index()]);
            incoming.sort_by_key(|(sender, _)| *sender == me.right());
            let mut from = incoming.into_iter().map(|(_, receiver)| receiver);
            let mut to = std::mem::take(&mut to[me.index()]).into_iter();
            let [Some(to_left), Some(to_right)] = [to.next(), to.next()] else { unreachable!() };
            let [Some(from_left), Some(from_right)] = [from.next(), from.next()] else { unreachable!() };
            Self { me, to: [to_left, to_right], from: [from_left, from_right] }
        })
    }

    fn side(&self, peer: Party) -> usize {
        usize::from(peer == self.me.right())
    }
}

impl Network for Wires {
    fn me(&self) -> Party {
        self.me
    }

    fn send(&mut self, to: Party, _: Step, message: Vec<u8>) -> Result<(), NetworkError> {
        // Whoever sends cannot know whether the receiver is still there.
        let _ = self.to[self.side(to)].send(message);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), NetworkError> {
        Ok(())
    }

    fn recv(&mut self, from: Party, step: Step, length: usize) -> Result<Vec<u8>, NetworkError> {
        let message = self.from[self.side(from)].recv();
        let message = message.map_err(|_| NetworkError::Closed { peer: from, step })?;
        assert_eq!(message.len(), length, "a cheat that keeps to the lengths");
        Ok(message)
    }

    fn channel_secret(&self, peer: Party) -> [u8; 32] {
        [(self.me.index() + peer.index()) as u8; 32]
    }
}

const ROWS: usize = 70;

/// What the three parties compute on.
struct Inputs {
    bits: [BitShare; 3],
    field: [FieldShare; 3],
}

type Program = fn(&BitShare, &FieldShare, &mut Session) -> Result<(), Abort>;

/// Runs a program at three parties.
pub(crate) fn at_three<T: Send>(
    program: impl Fn(&mut Session) -> Result<T, Abort> + Sync,
) -> [Result<T, Abort>; 3] {
    let config = Config { sid: [1; 32], program: [2; 32], inputs: [3; 32] };
    std::thread::scope(|scope| {
        let party = |network: Wires| {
            let (nonce, config, program) = ([network.me.index() as u8; 32], &config, &program);
            scope.spawn(move || {
                program(&mut Session::open(Box::new(network), Arc::new(Inline), config, nonce)?)
            })
        };
        Wires::three().map(party).map(|party| party.join().expect("no party panics"))
    })
}

/// Runs a program and verifies it; the cheater changes its first message of the step.
fn run(inputs: &Inputs, program: Program, cheat: Option<(Party, Step, usize)>) -> [Result<(), Abort>; 3] {
    at_three(|session| {
        let me = session.party();
        if let Some((_, step, byte)) = cheat.filter(|cheat| cheat.0 == me) {
            let mut done = false;
            session.cheat = Some(Box::new(move |sent, message: &mut Vec<u8>| {
                if sent == step && !std::mem::replace(&mut done, true) {
                    message[byte] ^= 1;
                }
            }));
        }
        program(&inputs.bits[me.index()], &inputs.field[me.index()], session)?;
        session.verify_pending()
    })
}

fn gates(x: &BitShare, _: &FieldShare, session: &mut Session) -> Result<(), Abort> {
    and_many(&[(x.clone(), x.clone())], session).map(|_| ())
}

fn products(_: &BitShare, a: &FieldShare, session: &mut Session) -> Result<(), Abort> {
    mul(a, a, session).map(|_| ())
}

fn one_inner_product(_: &BitShare, a: &FieldShare, session: &mut Session) -> Result<(), Abort> {
    inner_product(a, a, session).map(|_| ())
}

fn inner_products_of_one_column(_: &BitShare, a: &FieldShare, session: &mut Session) -> Result<(), Abort> {
    let b = a.scale(Fp::new(3));
    inner_products(&[(a, a), (a, &b), (&b, &b)], session).map(|_| ())
}

fn injection(x: &BitShare, _: &FieldShare, session: &mut Session) -> Result<(), Abort> {
    convert::bits_to_field(&IntShare::unsigned(vec![x.clone()]), session).map(|_| ())
}

fn shuffle_of_bits(x: &BitShare, _: &FieldShare, session: &mut Session) -> Result<(), Abort> {
    shuffle(&Table { bits: vec![x.clone()], field: Vec::new() }, session).map(|_| ())
}

fn shuffle_of_elements(_: &BitShare, a: &FieldShare, session: &mut Session) -> Result<(), Abort> {
    shuffle(&Table::of_field(vec![a.clone()]), session).map(|_| ())
}

#[test]
fn a_cheater_that_stands_by_its_message_is_rejected_by_the_proof() {
    let kinds: [(&str, Program, Step, usize); 9] = [
        ("gates", gates, AND, ROWS.div_ceil(8)),
        ("products", products, MUL, 16 * ROWS),
        ("an inner product", one_inner_product, MUL, 16),
        ("inner products that share columns", inner_products_of_one_column, MUL, 3 * 16),
        ("a bit that is dealt", injection, convert::INJECT, 16 * (ROWS / 3)),
        ("rows of bits, from the first of a pair", shuffle_of_bits, SHUFFLE_FIRST, ROWS.div_ceil(8)),
        ("rows of bits, from the second of a pair", shuffle_of_bits, SHUFFLE_SECOND, ROWS.div_ceil(8)),
        ("rows of elements, from the first of a pair", shuffle_of_elements, SHUFFLE_FIRST, 16 * ROWS),
        ("rows of elements, from the second of a pair", shuffle_of_elements, SHUFFLE_SECOND, 16 * ROWS),
    ];
    let mut prg = Prg::new(&[21; 16]);
    let bits: Bits = prg.bits(ROWS);
    let elements: Vec<Fp> = prg.elements(ROWS);
    // Shares that are all zero are what a cheater guesses most easily.
    let zeros = Inputs {
        bits: std::array::from_fn(|_| BitShare::zeros(ROWS)),
        field: std::array::from_fn(|_| FieldShare::zeros(ROWS)),
    };
    let random = Inputs { bits: deal_bits(&bits, &mut prg), field: deal_field(&elements, &mut prg) };
    for (name, program, step, length) in kinds {
        for inputs in [&random, &zeros] {
            assert_eq!(run(inputs, program, None), [Ok(()), Ok(()), Ok(())], "{name}");
            for cheater in Party::ALL {
                for byte in [0, (length - 1) / 16 * 16] {
                    let results = run(inputs, program, Some((cheater, step, byte)));
                    // Its left verifier rejects the proof, and its right one does not go on either.
                    let verdict = results[cheater.left().index()].as_ref().map_err(|abort| &abort.cause);
                    assert_eq!(
                        verdict,
                        Err(&Cause::ProofRejected(cheater)),
                        "{name}: {cheater} cheats in byte {byte}"
                    );
                    assert!(
                        results[cheater.right().index()].is_err(),
                        "{name}: {cheater} cheats in byte {byte}"
                    );
                }
            }
        }
    }
}
