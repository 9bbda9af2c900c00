//! The engine of `mpc` mode against rustls servers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use mpctls::Mode;
use mpctls::attestation::{RedactedBytes, Shown, Statement};
use mpctls::mpc::{Caps, MAX_REQUEST, MpcError, Notary, Prover};
use mpctls::protocol::StreamLink;
use mpctls::tls::{ClientError, Fetched, KeysError, Patience, Session, Side, fetch_deferred};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use support::{Authority, BODY, Certified, Goodbye, HOST};
use twopc::channel::{Channel, ChannelError};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: exchange.test\r\n\r\n";

/// Shows the first bytes of both directions and every hundredth byte of the response.
fn statement(request: &[u8], response: &[u8]) -> Statement {
    let shown = |bytes: &[u8], offsets: &mut dyn Iterator<Item = usize>| RedactedBytes {
        length: bytes.len() as u32,
        shown: offsets.map(|at| Shown { offset: at as u32, bytes: bytes[at..=at].to_vec() }).collect(),
        classes: vec![],
    };
    Statement {
        version: 1,
        mode: Mode::Mpc,
        session: [1; 32],
        time: 0,
        server_name: HOST.into(),
        survey: [2; 32],
        provider_key: [3; 32],
        sent: shown(request, &mut (0..20)),
        received: shown(response, &mut (0..response.len()).step_by(997)),
        commitments: vec![],
    }
}

type Outcome = (Result<Fetched, ClientError>, Option<Result<(), MpcError>>, Result<(), MpcError>);

/// Counts the bytes that go out.
struct Counted(net::memory::Channel, Arc<AtomicUsize>);

impl Channel for Counted {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        self.1.fetch_add(message.len() + 4, Relaxed);
        self.0.send(message)
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        self.0.flush()
    }

    fn recv(&mut self, limit: usize) -> Result<Vec<u8>, ChannelError> {
        self.0.recv(limit)
    }
}

/// One session; how the fetch, the prover's and the notary's part ended.
fn run(
    authority: &Authority,
    certified: &Certified,
    caps: Caps,
    request: &[u8],
    response: &[u8],
    goodbye: Goodbye,
) -> Outcome {
    run_counted(authority, certified, caps, request, response, goodbye, &Arc::default())
}

/// The same; adds up what the prover sent to the notary.
fn run_counted(
    authority: &Authority,
    certified: &Certified,
    caps: Caps,
    request: &[u8],
    response: &[u8],
    goodbye: Goodbye,
    sent: &Arc<AtomicUsize>,
) -> Outcome {
    let answer = response.to_vec();
    let port = support::site(certified, move |_| answer.clone(), goodbye);
    let (left, mut right) = net::memory::pair();
    let left = Counted(left, Arc::clone(sent));
    let statement = &statement(request, response);
    std::thread::scope(|scope| {
        let serving = scope.spawn(move || {
            let mut rng = ChaCha20Rng::seed_from_u64(2);
            let mut notary =
                Notary::prepare(&mut right, Caps { request: 1024, response: 1 << 16 }, &mut rng)?;
            let session = notary.attend()?;
            notary.verify(&session, statement)
        });
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let Ok(prover) = Prover::prepare(Box::new(left), caps, &mut rng) else {
            let error = ClientError::Link("not prepared".into());
            return (Err(error), None, serving.join().unwrap());
        };
        let mut link = StreamLink::new(TcpStream::connect(("127.0.0.1", port)).unwrap()).unwrap();
        let patience = Patience { record: Duration::from_secs(10), idle: Duration::from_millis(300) };
        let fetched = fetch_deferred(HOST, authority.roots(), &mut link, request, patience, prover.keys());
        let proven = fetched.as_ref().ok().map(|fetched| {
            let session = Session::read(&fetched.client, &fetched.server).unwrap();
            assert_eq!(session.application_data(Side::Client).count(), 1);
            prover.prove(&session, statement, &[])
        });
        drop(prover);
        (fetched, proven, serving.join().unwrap())
    })
}

const CAPS: Caps = Caps { request: 48, response: 4096 };

#[test]
fn a_session_is_fetched_revealed_and_proven_however_the_server_ends_it() {
    let authority = Authority::new();
    let response = support::response(BODY);
    for goodbye in [Goodbye::Clean, Goodbye::AfterClient, Goodbye::Abrupt] {
        let (fetched, proven, verified) =
            run(&authority, &authority.ordinary(), CAPS, REQUEST, &response, goodbye);
        assert_eq!(&fetched.unwrap().response[..], response);
        assert_eq!((proven, verified), (Some(Ok(())), Ok(())));
    }
}

#[test]
fn a_response_of_several_records_is_proven() {
    let authority = Authority::new();
    let response = support::response(&"0123456789".repeat(3_500));
    let caps = Caps { request: 48, response: 1 << 16 };
    let (fetched, proven, verified) =
        run(&authority, &authority.ordinary(), caps, REQUEST, &response, Goodbye::Clean);
    assert_eq!(&fetched.unwrap().response[..], response);
    assert_eq!((proven, verified), (Some(Ok(())), Ok(())));
}

#[test]
fn a_request_beyond_what_was_prepared_is_not_sent() {
    let authority = Authority::new();
    let long = [&REQUEST[..REQUEST.len() - 2], b"X-Long: 0123456789\r\n\r\n"].concat();
    let response = support::response(BODY);
    let (fetched, _, verified) =
        run(&authority, &authority.ordinary(), CAPS, &long, &response, Goodbye::Clean);
    assert_eq!(fetched.err(), Some(ClientError::Keys(KeysError::Cap("bytes sent"))));
    assert!(verified.is_err());
}

#[test]
fn caps_beyond_the_notarys_are_refused() {
    let authority = Authority::new();
    let caps = Caps { request: 1025, response: 4096 };
    let response = support::response(BODY);
    let (_, _, verified) = run(&authority, &authority.ordinary(), caps, REQUEST, &response, Goodbye::Clean);
    assert_eq!(verified, Err(MpcError::Caps { request: 1024, response: 1 << 16 }));
    let (left, _right) = net::memory::pair();
    let caps = Caps { request: MAX_REQUEST + 1, response: 4096 };
    let refused = Prover::prepare(Box::new(left), caps, &mut ChaCha20Rng::seed_from_u64(1)).map(|_| ());
    assert!(matches!(refused, Err(MpcError::Caps { .. })));
}

#[test]
fn a_certificate_that_rustls_refuses_ends_the_session_before_the_request() {
    let authority = Authority::new();
    let other = authority.issue("other.test", rcgen::KeyPair::generate().unwrap(), |_| {});
    let response = support::response(BODY);
    let (fetched, _, verified) = run(&authority, &other, CAPS, REQUEST, &response, Goodbye::Clean);
    assert!(matches!(fetched, Err(ClientError::Tls(_))));
    assert!(verified.is_err());
}

#[test]
fn a_kilobyte_of_request_costs_what_the_book_says() {
    let authority = Authority::new();
    let head = "GET / HTTP/1.1\r\nHost: exchange.test\r\nX-Pad: ";
    let request = format!("{head}{}\r\n\r\n", "x".repeat(1024 - 4 - head.len()));
    let response = support::response(&"0123456789".repeat(190));
    let caps = Caps { request: 1024, response: 4096 };
    let sent = Arc::default();
    let site = authority.ordinary();
    let (fetched, proven, verified) =
        run_counted(&authority, &site, caps, request.as_bytes(), &response, Goodbye::Clean, &sent);
    assert!(fetched.is_ok());
    assert_eq!((proven, verified), (Some(Ok(())), Ok(())));
    let sent = sent.load(Relaxed);
    assert!((24_900_000..25_500_000).contains(&sent), "{sent} bytes");
}
