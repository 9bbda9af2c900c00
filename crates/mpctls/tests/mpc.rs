//! The engine of `mpc` mode against a rustls server.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use mpctls::attestation::{RedactedBytes, Shown, Statement};
use mpctls::mpc::{Caps, Notary, Prover};
use mpctls::protocol::StreamLink;
use mpctls::tls::{Patience, Session, Side, fetch_deferred};
use mpctls::{Mode, commit};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::net::TcpStream;
use std::time::{Duration, Instant};
use support::{Authority, BODY, Goodbye, HOST};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: exchange.test\r\n\r\n";

fn statement(sent: RedactedBytes, received: RedactedBytes) -> Statement {
    Statement {
        version: 1,
        mode: Mode::Mpc,
        session: [1; 32],
        time: 0,
        server_name: HOST.into(),
        survey: [2; 32],
        provider_key: [3; 32],
        sent,
        received,
        commitments: vec![],
    }
}

#[test]
fn a_session_is_fetched_revealed_and_proven() {
    let authority = Authority::new();
    let port = support::site(&authority.ordinary(), |_| support::response(BODY), Goodbye::Clean);
    let caps = Caps { request: 128, response: 4096 };
    let (left, mut right) = net::memory::pair();
    let response = support::response(BODY);
    let shown = |bytes: &[u8]| RedactedBytes {
        length: bytes.len() as u32,
        shown: vec![Shown { offset: 0, bytes: bytes[..20].to_vec() }],
        classes: vec![],
    };
    let statement = statement(shown(REQUEST), shown(&response));
    let _ = commit;
    std::thread::scope(|scope| {
        let statement = &statement;
        let serving = scope.spawn(move || {
            let mut rng = ChaCha20Rng::seed_from_u64(2);
            let mut notary = Notary::prepare(&mut right, caps, &mut rng).unwrap();
            let session = notary.attend().unwrap();
            notary.verify(&session, statement)
        });
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let start = Instant::now();
        let prover = Prover::prepare(Box::new(left), caps, &mut rng).unwrap();
        eprintln!("prepared in {:?}", start.elapsed());
        let mut link = StreamLink::new(TcpStream::connect(("127.0.0.1", port)).unwrap()).unwrap();
        let patience = Patience { record: Duration::from_secs(10), idle: Duration::from_millis(300) };
        let fetched =
            fetch_deferred(HOST, authority.roots(), &mut link, REQUEST, patience, prover.keys()).unwrap();
        eprintln!("fetched by {:?}", start.elapsed());
        assert_eq!(&fetched.response[..], response);
        let session = Session::read(&fetched.client, &fetched.server).unwrap();
        assert_eq!(session.application_data(Side::Client).count(), 1);
        prover.prove(&session, statement, &[]).unwrap();
        assert_eq!(serving.join().unwrap(), Ok(()));
        eprintln!("proven by {:?}", start.elapsed());
    });
}
