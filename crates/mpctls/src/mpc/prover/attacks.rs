//! The attacks of the design that concern the engine, each carried out by a modified prover or notary.
//!
//! They live here because a cheat needs a prover's insides.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../../../tests/support/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "the integration tests' support, seen from inside")]
mod support;

use std::net::TcpStream;
use std::time::Duration;

use circuit::Backend;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use support::{Authority, BODY, Goodbye, HOST};
use twopc::channel::ChannelError;
use twopc::ole::OleField as _;

use super::super::circuits::GOODBYE;
use super::super::prf;
use super::*;
use crate::attestation::{RedactedBytes, Shown as ShownBytes};
use crate::mpc::Notary;
use crate::protocol::StreamLink;
use crate::tls::{ClientError, KeysError, Patience, ServerKey, Side, fetch_deferred};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: exchange.test\r\n\r\n";
const CAPS: Caps = Caps { request: 48, response: 4096 };

/// What a cheat does differently. Everything else is honest.
struct Cheat {
    garble: GarbleStep,
    /// What it does instead of what TLS asks for.
    meddle: Meddle,
    /// Meddles between reveal and proof.
    before_proof: fn(&mut State),
    /// Meddles at the notary, between preparation and session.
    notary: fn(&mut Notary<'_>),
    /// The notary's id of the session; the prover's is 1.
    session: u8,
    /// Changes the garbled tables of a block of AES, of which so many were sent before.
    write: fn(usize, &mut Vec<u8>),
}

const HONEST: Cheat = Cheat {
    garble: garble_step,
    meddle: Meddle::NOT,
    before_proof: |_| {},
    notary: |_| {},
    session: 1,
    write: |_, _| {},
};

/// A prover's channel that changes what it sends.
struct Writing {
    inner: net::memory::Channel,
    /// Messages of the size of AES's tables that were sent.
    tables: usize,
    write: fn(usize, &mut Vec<u8>),
}

impl Channel for Writing {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        let mut message = message.to_vec();
        if message.len() == 32 * Step::GhashKey.gates() {
            (self.write)(self.tables, &mut message);
            self.tables += 1;
        }
        self.inner.send(&message)
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        self.inner.flush()
    }

    fn recv(&mut self, limit: usize) -> Result<Vec<u8>, ChannelError> {
        self.inner.recv(limit)
    }
}

/// How both sides ended.
#[derive(Debug)]
struct Ends {
    prover: Result<(), MpcError>,
    fetched: bool,
    notary: Result<(), MpcError>,
}

fn statement(session: u8) -> Statement {
    let response = support::response(BODY);
    let shown = |bytes: &[u8]| RedactedBytes {
        length: bytes.len() as u32,
        shown: vec![ShownBytes { offset: 0, bytes: bytes[..16].to_vec() }],
        classes: vec![],
    };
    let window = response[200..224].to_vec();
    let (session, blinder, direction) = ([session; 32], [5; 32], crate::Direction::Received);
    let domain = crate::commitment::domain(&[1; 32], direction, 200, 24, "free");
    let digest = crate::commit(&domain, &blinder, &window);
    let commitment = crate::Commitment { field: "free".into(), direction, offset: 200, length: 24, digest };
    Statement {
        version: 1,
        mode: crate::Mode::Mpc,
        session,
        time: 0,
        server_name: HOST.into(),
        survey: [2; 32],
        provider_key: [3; 32],
        sent: shown(REQUEST),
        received: shown(&response),
        commitments: vec![commitment],
    }
}

fn play(cheat: Cheat) -> Ends {
    let authority = Authority::new();
    let port = support::site(&authority.ordinary(), |_| support::response(BODY), Goodbye::Clean);
    let (left, mut right) = net::memory::pair();
    std::thread::scope(|scope| {
        let serving = scope.spawn(move || {
            let mut notary = Notary::prepare(&mut right, CAPS, &mut ChaCha20Rng::seed_from_u64(2))?;
            (cheat.notary)(&mut notary);
            let session = notary.attend()?;
            notary.verify(&session, &statement(cheat.session))
        });
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let channel = Box::new(Writing { inner: left, tables: 0, write: cheat.write });
        let prover = Prover::prepare_with(channel, CAPS, &mut rng, cheat.garble).unwrap();
        let mut link = StreamLink::new(TcpStream::connect(("127.0.0.1", port)).unwrap()).unwrap();
        let patience = Patience { record: Duration::from_secs(10), idle: Duration::from_millis(300) };
        let keys =
            Box::new(Meddling { inner: prover.keys(), state: Arc::clone(&prover.0), meddle: cheat.meddle });
        let fetched = fetch_deferred(HOST, authority.roots(), &mut link, REQUEST, patience, keys);
        let got = fetched.is_ok();
        let proven = match &fetched {
            Ok(fetched) => {
                let session = Session::read(&fetched.client, &fetched.server).unwrap();
                (cheat.before_proof)(&mut prover.lock());
                let window = support::response(BODY)[200..224].to_vec();
                let opening = Opening { field: "free".into(), blinder: [5; 32], window };
                prover.prove(&session, &statement(1), &[opening])
            }
            Err(ClientError::Keys(error)) => {
                Err(MpcError::Contradiction(Box::leak(error.to_string().into())))
            }
            Err(_) => Err(MpcError::OutOfOrder("TLS")),
        };
        drop(prover);
        Ends { prover: proven, fetched: got, notary: serving.join().unwrap() }
    })
}

fn proof_refused() -> Result<(), MpcError> {
    Err(MpcError::Proof(crate::proof::ProofError::Protocol(twopc::Error::Cheating {
        what: "zero-knowledge proof",
    })))
}

#[test]
fn honest_parties_succeed() {
    let ends = play(HONEST);
    assert_eq!((ends.prover, ends.notary), (Ok(()), Ok(())));
}

/// Garbles a NAND for the last AND of the goodbye's keystream, which no other gate can hide. The evaluator cannot tell.
fn twisted(wires: &mut Wires<Label>, step: Step, publics: &[Label], garbler: &mut Garbler) -> Vec<Label> {
    struct Twisted<'a>(&'a mut Garbler, usize);
    impl Backend for Twisted<'_> {
        type Wire = Label;
        type Error = std::convert::Infallible;
        fn constant(&mut self, bit: bool) -> Label {
            self.0.constant(bit)
        }
        fn xor(&mut self, a: &Label, b: &Label) -> Label {
            self.0.xor(a, b)
        }
        fn not(&mut self, a: &Label) -> Label {
            self.0.not(a)
        }
        fn and(&mut self, pairs: &[(Label, Label)]) -> Result<Vec<Label>, Self::Error> {
            let mut out = self.0.and(pairs)?;
            self.1 -= pairs.len();
            if let (0, Some(last)) = (self.1, out.last_mut()) {
                *last = self.0.not(last);
            }
            Ok(out)
        }
    }
    if step == (Step::ClientStream { sequence: GOODBYE, block: 0 }) {
        let Ok(output) = wires.run(step, publics, &mut Twisted(garbler, step.gates()));
        output
    } else {
        garble_step(wires, step, publics, garbler)
    }
}

/// The client's keystream for a block of a record, which the prover can compute once all is revealed.
fn keystream(state: &State, sequence: u64, block: u32) -> Vec<bool> {
    let theirs = P256Base::read(&bits::to_bytes(&state.log.notary_shares[..256])).unwrap();
    let premaster = (state.my_shares[0] + theirs).to_be_bytes();
    let master = prf::expand::<48>(&premaster, &prf::master_seed(&state.log.session_hash));
    let seed = prf::key_block_seed(&state.log.server_random, &state.log.client_random);
    let keys = prf::expand::<40>(&master[..], &seed);
    let key = bits::from_bytes(&keys[..16]);
    let counter = [&keys[32..36], &sequence.to_be_bytes(), &(2 + block).to_be_bytes()].concat();
    let mut clear = circuit::Clear::default();
    let Ok(schedule) = circuit::aes::schedule(&key, &mut clear);
    let Ok(block) = circuit::aes::encrypt(&schedule, &bits::from_bytes(&counter), &mut clear);
    block
}

#[test]
fn attack_1_a_garbler_that_garbles_something_else_is_refused() {
    let ends = play(Cheat { garble: twisted, ..HONEST });
    assert!(ends.fetched, "nothing shows online: {ends:?}");
    let refused = MpcError::Proof(crate::proof::ProofError::Protocol(twopc::Error::FalseStatement));
    assert_eq!(ends.prover, Err(refused), "an honest prover sees that it cannot prove this");
    assert!(ends.notary.is_err());
}

#[test]
fn attack_1_a_garbler_that_picks_its_proof_to_match_is_refused() {
    // It claims that the notary reported the colours that would fit the true keystream.
    let before_proof = |state: &mut State| {
        let step = Step::ClientStream { sequence: GOODBYE, block: 0 };
        let index = state.program.iter().position(|s| *s == step).unwrap();
        let zero = garble::colours(&state.garbled[index].output);
        let fitting = keystream(state, GOODBYE, 0).iter().zip(zero).map(|(a, b)| a ^ b).collect();
        state.log.saw(index, fitting);
    };
    let ends = play(Cheat { garble: twisted, before_proof, ..HONEST });
    assert_eq!(ends.prover, Ok(()), "it notices nothing false in what it proves");
    assert_eq!(ends.notary, proof_refused());
}

#[test]
fn attack_1_a_garbler_that_marks_labels_learns_nothing_inside_the_circuit() {
    // Every gate of the last round's S-boxes gets a row that is off by a block in some place other than the colour.
    // Where the wire that selects the row carries a one, the output's label is off; its colour, and so all that is
    // proven later, stays right. A digest of such labels would tell the garbler bits of the server's key.
    let mark = |sent: usize, tables: &mut Vec<u8>| {
        // GHASH's key, the Finished record's mask and keystream were before.
        if sent == 3 {
            let last = tables.len() - 32 * 16 * 18;
            for (gate, rows) in tables[last..].chunks_mut(32).enumerate() {
                rows[8 + gate % 8] ^= 1 << (gate % 7);
            }
        }
    };
    let ends = play(Cheat { write: mark, ..HONEST });
    assert!(!ends.fetched, "{ends:?}");
    let cheating = twopc::Error::Cheating { what: "garbled outputs" };
    assert_eq!(ends.notary, Err(MpcError::Protocol(cheating)), "it says so before it reports any label");
}

#[test]
fn attack_2_a_decoded_value_that_is_not_proven_again_is_missed() {
    let before_proof = |state: &mut State| state.log.forget_last();
    let ends = play(Cheat { before_proof, ..HONEST });
    assert!(ends.fetched);
    assert!(matches!(ends.notary, Err(MpcError::Proof(_))), "{ends:?}");
}

#[test]
fn attack_3_an_evaluator_that_equivocates_on_its_inputs_is_caught() {
    let ends = play(Cheat { notary: |notary| notary.equivocate(), ..HONEST });
    assert!(!ends.fetched, "the server's key is not derived from a false share");
    assert!(format!("{:?}", ends.prover).contains("opened inputs"), "{ends:?}");
}

/// The result of a call, if the cheat makes it in its own way.
type Replaced = Option<Result<Vec<u8>, KeysError>>;

/// What a cheat does instead of what TLS asks for.
#[derive(Clone, Copy)]
struct Meddle {
    seal: fn(&Mutex<State>, u8, &[u8]) -> Replaced,
    open: fn(&Mutex<State>, &[u8]) -> Replaced,
    finished: fn(Side, [u8; 12]) -> [u8; 12],
    reveal: fn(&mut Vec<u8>, &mut Vec<u8>),
}

impl Meddle {
    const NOT: Self =
        Self { seal: |_, _, _| None, open: |_, _| None, finished: |_, data| data, reveal: |_, _| {} };
}

/// The keys that a cheat gives to TLS.
struct Meddling {
    inner: Box<dyn SessionKeys>,
    state: Arc<Mutex<State>>,
    meddle: Meddle,
}

impl SessionKeys for Meddling {
    fn client_share(&mut self) -> Result<[u8; 65], KeysError> {
        self.inner.client_share()
    }
    fn agree(&mut self, server_share: &[u8]) -> Result<(), KeysError> {
        self.inner.agree(server_share)
    }
    fn master_secret(&mut self, hash: &[u8; 32]) -> Result<(), KeysError> {
        self.inner.master_secret(hash)
    }
    fn key_block(&mut self, server: &[u8; 32], client: &[u8; 32]) -> Result<(), KeysError> {
        self.inner.key_block(server, client)
    }
    fn finished(&mut self, side: Side, hash: &[u8; 32]) -> Result<[u8; 12], KeysError> {
        self.inner.finished(side, hash).map(|data| (self.meddle.finished)(side, data))
    }
    fn seal(&mut self, content_type: u8, plaintext: &[u8]) -> Result<Vec<u8>, KeysError> {
        (self.meddle.seal)(&self.state, content_type, plaintext)
            .unwrap_or_else(|| self.inner.seal(content_type, plaintext))
    }
    fn open_finished(&mut self, fragment: &[u8]) -> Result<Vec<u8>, KeysError> {
        (self.meddle.open)(&self.state, fragment).unwrap_or_else(|| self.inner.open_finished(fragment))
    }
    fn reveal(&mut self, client: &[u8], server: &[u8]) -> Result<ServerKey, KeysError> {
        let (mut client, mut server) = (client.to_vec(), server.to_vec());
        (self.meddle.reveal)(&mut client, &mut server);
        self.inner.reveal(&client, &server)
    }
}

#[test]
fn attack_4_the_key_share_is_not_given_before_the_last_record_is_in() {
    let at_the_request = |seal| Cheat { meddle: Meddle { seal, ..Meddle::NOT }, ..HONEST };
    let honest = play(at_the_request(|state, content_type, _| {
        (content_type == 23).then(|| Ok(state.lock().unwrap().reveal(&[], &[]).map(|_| Vec::new())?))
    }));
    assert!(format!("{:?}", honest.prover).contains("out of order"), "{honest:?}");
    // A cheat that ignores its own state machine.
    let forced = play(at_the_request(|state, content_type, _| {
        (content_type == 23).then(|| {
            let mut state = state.lock().unwrap();
            state.phase = Phase::SaidGoodbye;
            Ok(state.reveal(&[22; 200], &[22; 200]).map(|_| Vec::new())?)
        })
    }));
    assert!(!forced.fetched);
    // To the notary the message is a request of zero bytes.
    assert_eq!(forced.notary, Err(MpcError::Contradiction("a request beyond the cap")));
}

#[test]
fn attack_5_the_notary_does_not_seal_a_second_request() {
    let ends = play(Cheat {
        meddle: Meddle {
            seal: |state, content_type, plaintext| {
                (content_type == 21).then(|| {
                    let mut state = state.lock().unwrap();
                    state.phase = Phase::ServerFinished;
                    Ok(state.seal(23, &[plaintext, REQUEST].concat()[..40])?)
                })
            },
            ..Meddle::NOT
        },
        ..HONEST
    });
    assert!(!ends.fetched);
    assert_eq!(ends.notary, Err(MpcError::OutOfOrder("a second request")));
}

#[test]
fn attack_5_the_notary_gives_keystream_up_to_the_cap_only() {
    let ends = play(Cheat {
        meddle: Meddle {
            seal: |state, content_type, _| {
                (content_type == 23).then(|| {
                    let channel = &mut *state.lock().unwrap().channel;
                    channel.send(&49u32.to_le_bytes()).unwrap();
                    channel.flush().unwrap();
                    Err(KeysError::Protocol(channel.recv(1 << 20).unwrap_err().to_string()))
                })
            },
            ..Meddle::NOT
        },
        ..HONEST
    });
    assert_eq!(ends.notary, Err(MpcError::Contradiction("a request beyond the cap")));
}

#[test]
fn attack_5_keystream_of_another_record_of_the_server_is_not_given_unnoticed() {
    // Under the guise of opening the Finished message it asks for keystream under the response's nonce.
    let ends = play(Cheat {
        meddle: Meddle {
            open: |state, fragment| {
                let mut state = state.lock().unwrap();
                let mut other = fragment.to_vec();
                other[7] ^= 1;
                let opened = state.open_finished(&other);
                // TLS must go on for the attack to be of use: it sees a message that it will find right.
                Some(opened.map(|_| [&[20, 0, 0, 12][..], &[0; 12]].concat()).map_err(KeysError::from))
            },
            finished: |side, data| if side == Side::Server { [0; 12] } else { data },
            ..Meddle::NOT
        },
        ..HONEST
    });
    assert_eq!(ends.notary, Err(MpcError::Contradiction("records received")));
    assert!(!ends.fetched);
}

#[test]
fn attack_5_a_record_other_than_the_sealed_one_is_not_attested() {
    let ends = play(Cheat {
        meddle: Meddle {
            // The request's record stands between Finished and goodbye; the last 31 bytes are the goodbye.
            reveal: |client, _| {
                let at = client.len() - 31 - 20;
                client[at] ^= 1;
            },
            ..Meddle::NOT
        },
        ..HONEST
    });
    assert_eq!(ends.notary, Err(MpcError::Contradiction("records sent")));
}

#[test]
fn attack_5_a_response_other_than_the_servers_fails_its_tag() {
    let ends = play(Cheat {
        meddle: Meddle {
            reveal: |_, server| {
                let at = server.len() - 31 - 40;
                server[at] ^= 1;
            },
            ..Meddle::NOT
        },
        ..HONEST
    });
    assert!(matches!(ends.notary, Err(MpcError::Proof(_))), "{ends:?}");
}

#[test]
fn attack_6_an_abort_says_nothing_but_that() {
    // A sender of OTs that garbles its OLE messages makes the two computations differ, and both parties stop at
    // the same bit, before anything else depends on the secret.
    let ends = play(Cheat { notary: |notary| notary.spoil_oles(), ..HONEST });
    let differ = "the two computations of the premaster secret differ";
    assert_eq!(ends.notary, Err(MpcError::Exchange(differ)));
    assert!(format!("{:?}", ends.prover).contains(differ), "{ends:?}");
}

#[test]
fn attack_7_a_server_share_other_than_the_signed_one_is_refused() {
    let ends = play(Cheat {
        meddle: Meddle {
            reveal: |_, server| {
                // The share in ServerKeyExchange: curve type, curve 23, length 65, uncompressed.
                let at = server.windows(5).position(|w| w == [3, 0, 23, 65, 4]).unwrap();
                let other = Secret::random(&mut rand::rng()).point();
                server[at + 4..at + 69].copy_from_slice(&other);
            },
            ..Meddle::NOT
        },
        ..HONEST
    });
    assert_eq!(ends.notary, Err(MpcError::Contradiction("key shares")));
}

#[test]
fn attack_9_a_commitment_made_for_another_session_is_refused() {
    let ends = play(Cheat { session: 8, ..HONEST });
    assert_eq!(ends.prover, Ok(()));
    assert_eq!(ends.notary, proof_refused());
}
