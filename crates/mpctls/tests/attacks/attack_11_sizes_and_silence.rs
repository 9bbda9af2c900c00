//! Attack 11: sizes that a peer declares, and peers that say nothing.

use mpctls::Mode;
use mpctls::protocol::Limits;
use mpctls::tls::Patience;
use proptest::prelude::*;
use std::time::Duration;
use twopc::channel::{Channel, ChannelError};

use crate::support::{self, Authority, BODY, Goodbye, HOST, Local, now, response, site};

#[test]
fn a_response_longer_than_the_notary_allows() {
    let authority = Authority::new();
    let long = format!("{}{}", " ".repeat(40_000), BODY);
    let port = site(&authority.ordinary(), move |_| response(&long), Goodbye::Clean);
    let trust = support::Trust::both(&authority);
    let limit = |notary: &mut mpctls::protocol::Notary| {
        notary.policy.limits = Limits { sent: 16 * 1024, received: 20_000 };
    };
    let (proven, served) = support::session_with(Mode::Proxy, &trust, &support::source(), port, limit);
    assert!(proven.is_err());
    assert_eq!(served.unwrap_err().to_string(), "refused (cap): the cap on bytes received is used up");
}

#[test]
fn a_request_longer_than_the_notary_allows() {
    let authority = Authority::new();
    let port = site(&authority.ordinary(), |_| response(BODY), Goodbye::Clean);
    let trust = support::Trust::both(&authority);
    let limit = |notary: &mut mpctls::protocol::Notary| {
        notary.policy.limits = Limits { sent: 300, received: 20_000 };
    };
    let (proven, served) = support::session_with(Mode::Proxy, &trust, &support::source(), port, limit);
    assert!(proven.is_err());
    assert!(served.is_err());
}

#[test]
fn messages_longer_than_the_protocol_allows() {
    // A greeting of two megabytes: refused by its length, before it is read.
    let authority = Authority::new();
    let notary = support::notary(&authority);
    let (mut left, mut right) = net::memory::pair();
    let serving = std::thread::spawn(move || notary.serve(&mut right, &Local(1), now(), &mut rand::rng()));
    left.send(&vec![b'{'; 2 << 20]).unwrap();
    left.flush().unwrap();
    let refused = serving.join().unwrap().unwrap_err();
    assert!(matches!(refused, mpctls::protocol::NotaryError::Channel(ChannelError::TooLong { .. })));
}

#[test]
fn greetings_of_any_shape() {
    for hello in [&b""[..], b"{}", b"[]", b"\xff\xfe", b"{\"version\":1,\"mode\":\"proxy\"}"] {
        let notary = support::notary(&Authority::new());
        let (mut left, mut right) = net::memory::pair();
        let serving =
            std::thread::spawn(move || notary.serve(&mut right, &Local(1), now(), &mut rand::rng()));
        left.send(hello).unwrap();
        left.flush().unwrap();
        assert!(serving.join().unwrap().is_err());
        let answer = String::from_utf8(left.recv(4096).unwrap()).unwrap();
        assert!(answer.contains("refused"), "{answer}");
    }
}

#[test]
fn a_prover_that_says_nothing() {
    let notary = support::notary(&Authority::new());
    let (_left, mut right) = net::memory::pair_with(Duration::from_millis(50));
    let result = notary.serve(&mut right, &Local(1), now(), &mut rand::rng());
    assert_eq!(result, Err(mpctls::protocol::NotaryError::Channel(ChannelError::Stalled)));
}

#[test]
fn a_server_that_says_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let authority = Authority::new();
    let patience = Patience { record: Duration::from_millis(300), ..support::PATIENCE };
    let failed = support::captured_request(&authority, HOST, port, b"GET /", patience).err().unwrap();
    assert!(failed.to_string().contains("stalled"), "{failed}");
}

#[test]
fn a_server_that_speaks_something_else() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _sent = std::io::Write::write_all(&mut &stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let failed = support::try_capture(&Authority::new(), HOST, port).err().unwrap();
    assert!(failed.to_string().contains("TLS 1.2"), "{failed}");
}

proptest! {
    /// A source comes with a prover's greeting: no file makes the reader or the checker panic.
    #[test]
    fn sources_of_any_shape(at in any::<prop::sample::Index>(), cut in 0usize..20, put in "[\\PC\n]{0,6}") {
        let text = support::SOURCE;
        let at = at.index(text.len());
        let end = (at + cut).min(text.len());
        let _read = mpctls::Source::from_toml(&format!("{}{put}{}", &text[..at], &text[end..]));
    }

    /// Nor does any response make the prover's matching panic.
    #[test]
    fn responses_of_any_shape(at in any::<prop::sample::Index>(), cut in 0usize..40, put: Vec<u8>) {
        let bytes = support::chunked(BODY, &[30, 50]);
        let at = at.index(bytes.len());
        let end = (at + cut).min(bytes.len());
        let changed = [&bytes[..at], &put, &bytes[end..]].concat();
        let _disclosed = support::source().disclose_response(&changed, at % 2 == 0);
    }
}
