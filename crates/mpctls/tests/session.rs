//! Whole sessions against servers of the test's own.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use mpctls::{Mode, verify};
use support::{Authority, BODY, Goodbye, PROVIDER, SURVEY};

#[test]
fn a_proxy_session_yields_an_attestation_that_verifies() {
    yields_an_attestation_that_verifies(Mode::Proxy);
}

#[test]
fn an_mpc_session_yields_an_attestation_that_verifies() {
    yields_an_attestation_that_verifies(Mode::Mpc);
}

fn yields_an_attestation_that_verifies(mode: Mode) {
    let authority = Authority::new();
    let port = support::site(&authority.ordinary(), |_| support::response(BODY), Goodbye::Clean);
    let source = support::source();
    let (proven, report) = support::session(mode, &authority, &source, port);
    let (proven, report) = (proven.unwrap(), report.unwrap());
    assert_eq!(report.host, support::HOST);

    let keys = [support::notary(&authority).key.public()];
    let said = verify(&proven.attestation, &source, &keys, support::now()).unwrap();
    assert_eq!(said.disclosed["uid"], "354937868");
    assert_eq!((said.survey, said.provider_key, said.mode), (SURVEY, PROVIDER, mode));
    let free = &said.private["free"];
    assert_eq!(free.window_len, 24);
    let opening = &proven.openings[0];
    assert!(opening.opens(&free.domain, &free.digest));
    assert_eq!(opening.window, b"12.34500000\",\"locked\":\"1");
}
