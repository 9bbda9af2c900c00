//! rustls with handles instead of keys, against rustls.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use mpctls::protocol::StreamLink;
use mpctls::tls::{Patience, fetch_deferred};
use std::net::TcpStream;
use std::time::Duration;
use support::keys::WholeKeys;
use support::{Authority, BODY, Goodbye, HOST};

#[test]
fn a_session_with_handles_fetches_the_page_however_the_server_ends_it() {
    let authority = Authority::new();
    for goodbye in [Goodbye::Clean, Goodbye::AfterClient, Goodbye::Abrupt] {
        let port = support::site(&authority.ordinary(), |_| support::response(BODY), goodbye);
        let mut link = StreamLink::new(TcpStream::connect(("127.0.0.1", port)).unwrap()).unwrap();
        let patience = Patience { record: Duration::from_secs(10), idle: Duration::from_millis(300) };
        let request = b"GET / HTTP/1.1\r\nHost: exchange.test\r\n\r\n";
        let keys = Box::new(WholeKeys::new());
        let fetched = fetch_deferred(HOST, authority.roots(), &mut link, request, patience, keys).unwrap();
        assert_eq!(&fetched.response[..], support::response(BODY));
    }
}
