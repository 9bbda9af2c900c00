//! Attack 8, on the record layer: alerts and handshake records after Finished, cut and repeated records.

use mpctls::tls::record::{ALERT, APPLICATION_DATA, HANDSHAKE};
use mpctls::tls::{Session, SessionError};

use crate::support::{Authority, BODY, Goodbye, HOST, captured, response, site};

struct Streams {
    client: Vec<u8>,
    server: Vec<u8>,
}

fn streams() -> Streams {
    let authority = Authority::new();
    let port = site(&authority.ordinary(), |_| response(BODY), Goodbye::Clean);
    let (fetched, _) = captured(&authority, HOST, port);
    Streams { client: fetched.client, server: fetched.server }
}

fn read(client: &[u8], server: &[u8]) -> Result<(), &'static str> {
    Session::read(client, server).map(|_| ()).map_err(|error| match error {
        SessionError::Course(_) => "session_course",
        error => error.code(),
    })
}

/// A sealed-looking record.
fn record(content_type: u8, plaintext: usize, nonce: u8) -> Vec<u8> {
    let length = (plaintext + 24) as u16;
    [&[content_type, 3, 3][..], &length.to_be_bytes(), &[nonce; 8], &vec![1; plaintext + 16]].concat()
}

#[test]
fn alerts_and_handshake_records_after_finished() {
    let Streams { client, server } = streams();
    assert_eq!(read(&client, &server), Ok(()));
    for (content_type, plaintext) in [(HANDSHAKE, 16), (HANDSHAKE, 4), (20, 1)] {
        let extra = record(content_type, plaintext, 0xee);
        assert_eq!(read(&client, &[&server[..], &extra].concat()), Err("session_course"));
        assert_eq!(read(&[&client[..], &extra].concat(), &server), Err("session_course"));
    }
    // Data after an alert.
    let alert = record(ALERT, 2, 0xed);
    let data = record(APPLICATION_DATA, 10, 0xee);
    let late = [&server[..server.len()], &alert, &data].concat();
    assert_eq!(read(&client, &late), Err("session_course"));
}

#[test]
fn a_record_that_is_repeated_or_cut() {
    let Streams { client, server } = streams();
    // The last record twice: its nonce is used twice.
    let records = mpctls::tls::record::split(&server).unwrap();
    let last = records.iter().rfind(|record| record.content_type == APPLICATION_DATA).unwrap();
    let mut again = vec![APPLICATION_DATA, 3, 3];
    again.extend_from_slice(&(last.fragment.len() as u16).to_be_bytes());
    again.extend_from_slice(last.fragment);
    let data_end = server.len() - trailing_alert(&server);
    let twice = [&server[..data_end], &again].concat();
    assert_eq!(read(&client, &twice), Err("session_course"));
    for cut in 1..30 {
        assert_eq!(read(&client, &server[..server.len() - cut]), Err("session_course"), "{cut}");
    }
}

/// The length of the server's closing alert, if it sent one.
fn trailing_alert(server: &[u8]) -> usize {
    let records = mpctls::tls::record::split(server).unwrap();
    records.last().filter(|record| record.content_type == ALERT).map_or(0, |record| 5 + record.fragment.len())
}

#[test]
fn no_cut_or_changed_stream_makes_the_reader_panic() {
    let Streams { client, server } = streams();
    for at in 0..server.len().min(1500) {
        let mut changed = server.clone();
        changed[at] = changed[at].wrapping_add(1);
        let _verdict = read(&client, &changed);
        let _verdict = read(&client, &server[..at]);
    }
    for at in 0..client.len() {
        let mut changed = client.clone();
        changed[at] ^= 0x80;
        let _verdict = read(&changed, &server);
        let _verdict = read(&client[..at], &server);
    }
}

#[test]
fn a_server_without_what_the_proof_rests_on() {
    // The extended master secret taken out of the ServerHello: its extension renamed.
    let Streams { client, server } = streams();
    let at = server.windows(4).position(|window| window == [0, 0x17, 0, 0]).unwrap();
    let mut changed = server.clone();
    changed[at + 1] = 0x18;
    assert_eq!(read(&client, &changed), Err("session_course"));
    // Another cipher suite.
    let at = server.windows(2).position(|window| window == [0xc0, 0x2b]).unwrap();
    let mut changed = server;
    changed[at + 1] = 0x2c;
    assert_eq!(read(&client, &changed), Err("session_course"));
}
