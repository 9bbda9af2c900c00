//! Attack 7: a server that is not the one of the certificate, and certificates that are not valid, judged at the
//! notary's own clock.

use mpctls::tls::{Session, SessionError};
use rcgen::KeyPair;

use crate::support::{Authority, BODY, Goodbye, HOST, captured, now, response, site};

/// A session with a server that holds this certificate, as seen by a client that trusts `authority`.
fn session(authority: &Authority, host: &str, adjust: impl FnOnce(&mut rcgen::CertificateParams)) -> Session {
    let certified = authority.issue(host, KeyPair::generate().unwrap(), adjust);
    let port = site(&certified, |_| response(BODY), Goodbye::Clean);
    let (fetched, _) = captured(authority, host, port);
    Session::read(&fetched.client, &fetched.server).unwrap()
}

fn judged(session: &Session, authority: &Authority, now: u64) -> Result<(), &'static str> {
    session.authenticate(HOST, authority.roots(), now).map_err(|error| error.code())
}

#[test]
fn certificates_of_each_wrong_kind() {
    let authority = Authority::new();
    let good = session(&authority, HOST, |_| {});
    assert_eq!(judged(&good, &authority, now()), Ok(()));
    // The notary's clock says that it has expired, or that it is not valid yet.
    let short = session(&authority, HOST, |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2035, 1, 1);
    });
    let year = |year: u64| (year - 1970) * 365 * 24 * 3600;
    assert_eq!(judged(&short, &authority, year(2030)), Ok(()));
    assert_eq!(judged(&short, &authority, year(2036)), Err("server_certificate"));
    assert_eq!(judged(&short, &authority, year(2019)), Err("server_certificate"));
    // Another name.
    let other = session(&authority, "other.test", |_| {});
    assert_eq!(judged(&other, &authority, now()), Err("server_certificate"));
    // Another issuer: the prover's own authority, which the notary does not know.
    assert_eq!(judged(&good, &Authority::new(), now()), Err("server_certificate"));
    // A certificate for something else than being a server.
    let client_only = authority.issue(HOST, KeyPair::generate().unwrap(), |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let port = site(&client_only, |_| response(BODY), Goodbye::Clean);
    let failed = crate::support::try_capture(&authority, HOST, port);
    assert!(failed.is_err(), "the prover's own client refuses it");
}

#[test]
fn a_key_share_that_the_certificate_did_not_sign() {
    let authority = Authority::new();
    let port = site(&authority.ordinary(), |_| response(BODY), Goodbye::Clean);
    let (fetched, _) = captured(&authority, HOST, port);
    let session = Session::read(&fetched.client, &fetched.server).unwrap();
    let share = session.server_share.clone();
    let at = fetched.server.windows(65).position(|window| window == share).unwrap();
    // A share of the attacker's, in the same place: everything else stays as the server sent it.
    let mut server = fetched.server.clone();
    server[at + 1..at + 65].copy_from_slice(&[7; 64]);
    let forged = Session::read(&fetched.client, &server).unwrap();
    assert_eq!(forged.authenticate(HOST, authority.roots(), now()), Err(SessionError::KeySignature));
    // The signature covers both randoms, so it cannot be carried over from another session either.
    let mut client = fetched.client.clone();
    let random = client.windows(32).position(|window| window == session.client_random).unwrap();
    client[random] ^= 1;
    let replayed = Session::read(&client, &fetched.server).unwrap();
    assert_eq!(replayed.authenticate(HOST, authority.roots(), now()), Err(SessionError::KeySignature));
}

#[test]
fn a_notary_refuses_a_site_that_only_the_prover_trusts() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let port = site(&unknown.ordinary(), |_| response(BODY), Goodbye::Clean);
    let source = crate::support::source();
    let both = crate::support::Trust { prover: unknown.roots(), notary: known.roots() };
    for mode in [mpctls::Mode::Proxy, mpctls::Mode::Mpc] {
        let (proven, served) = crate::support::session_with(mode, &both, &source, port, |_| {});
        assert_eq!(proven.err().unwrap().code(), "server_certificate", "{mode}");
        assert!(served.is_err(), "{mode}");
    }
}
