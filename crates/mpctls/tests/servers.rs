//! Whole attestations from servers that people run: OpenSSL, nginx, Python's `ssl`, and rustls, with the kinds of
//! keys that certificates have, in both modes. `scripts/setup` installs what is missing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use mpctls::{Mode, Source, verify};
use rcgen::{BasicConstraints, DistinguishedName, DnType, IsCa, KeyPair};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Authority, BODY, Certified, Goodbye, HOST, chunked, response, site, source};

const MODES: [Mode; 2] = [Mode::Proxy, Mode::Mpc];

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Starts a server and waits until it listens.
fn start(program: &str, arguments: &[&str], folder: &Path, port: u16) -> Process {
    let child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}); run scripts/setup"));
    let process = Process(child);
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "{program} does not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A folder with certificate, key and page.
fn folder(certified: &Certified, page: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("chain.pem", certified.chain_pem.as_bytes()),
        ("key.pem", certified.key_pem.as_bytes()),
        ("account", page),
    ];
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// The usual source, but for a page that is a file.
fn file_source() -> Source {
    let text = support::SOURCE
        .replace("/api/v3/account", "/account")
        .replace("query = [\"timestamp={timestamp_ms}\"]\n", "");
    Source::from_toml(&text).unwrap()
}

/// Proves and verifies the page.
fn attest(mode: Mode, authority: &Authority, source: &Source, port: u16, what: &str) {
    let (proven, served) = support::session(mode, authority, source, port);
    let proven = proven.unwrap_or_else(|error| panic!("{what}, {mode}: {error}; the notary: {served:?}"));
    served.unwrap();
    let keys = [support::notary(authority).key.public()];
    let said = verify(&proven.attestation, source, &keys, support::now()).unwrap();
    assert_eq!((said.mode, &said.disclosed["uid"][..]), (mode, "354937868"), "{what}");
    let free = &said.private["free"];
    assert!(proven.openings[0].opens(&free.domain, &free.digest), "{what}");
    assert!(proven.openings[0].window.starts_with(b"12.34500000\""), "{what}");
}

/// A kind of key.
#[derive(Clone, Copy, Debug)]
enum Kind {
    P256,
    P384,
    Rsa,
}

/// A fresh key. RSA keys come from OpenSSL: the library here cannot make them.
fn key(kind: Kind) -> KeyPair {
    match kind {
        Kind::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap(),
        Kind::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(),
        Kind::Rsa => {
            let arguments = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-quiet"];
            let made = Command::new("openssl").args(arguments).output();
            let made = made.unwrap_or_else(|error| panic!("openssl ({error}); run scripts/setup"));
            KeyPair::from_pem(&String::from_utf8(made.stdout).unwrap()).unwrap()
        }
    }
}

/// An authority and a server's certificate, both of one kind of key.
fn chain(kind: Kind) -> (Authority, Certified) {
    let authority = Authority::with_key(key(kind));
    let certified = authority.issue(HOST, key(kind), |_| {});
    (authority, certified)
}

const KINDS: [Kind; 3] = [Kind::P256, Kind::P384, Kind::Rsa];

#[test]
fn openssl_s_server_with_every_kind_of_key() {
    for kind in KINDS {
        let (authority, certified) = chain(kind);
        let folder = folder(&certified, &response(BODY));
        let port = free_port();
        let accept = port.to_string();
        let arguments = ["s_server", "-accept", &accept, "-cert", "chain.pem", "-key", "key.pem", "-tls1_2"];
        let arguments = [&arguments[..], &["-HTTP", "-quiet"]].concat();
        let _server = start("openssl", &arguments, folder.path(), port);
        for mode in MODES {
            attest(mode, &authority, &file_source(), port, &format!("openssl, {kind:?}"));
        }
    }
}

#[test]
fn python_ssl_with_every_kind_of_key() {
    for kind in KINDS {
        let (authority, certified) = chain(kind);
        let folder = folder(&certified, BODY.as_bytes());
        let port = free_port();
        let program = format!(
            "import http.server, ssl\n\
             context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
             context.load_cert_chain('chain.pem', 'key.pem')\n\
             http.server.SimpleHTTPRequestHandler.protocol_version = 'HTTP/1.1'\n\
             server = http.server.ThreadingHTTPServer(('127.0.0.1', {port}), http.server.SimpleHTTPRequestHandler)\n\
             server.socket = context.wrap_socket(server.socket, server_side=True)\n\
             server.serve_forever()\n"
        );
        let _server = start("python3", &["-c", &program], folder.path(), port);
        for mode in MODES {
            attest(mode, &authority, &file_source(), port, &format!("python, {kind:?}"));
        }
    }
}

#[test]
fn nginx_with_every_kind_of_key() {
    for kind in KINDS {
        let (authority, certified) = chain(kind);
        let folder = folder(&certified, BODY.as_bytes());
        let port = free_port();
        let here = folder.path().display();
        let config = format!(
            "daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;\n\
             events {{}}\n\
             http {{ access_log off; client_body_temp_path {here}; proxy_temp_path {here}; fastcgi_temp_path {here};\n\
             uwsgi_temp_path {here}; scgi_temp_path {here};\n\
             server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {here}/chain.pem;\n\
             ssl_certificate_key {here}/key.pem; root {here}; }} }}\n"
        );
        std::fs::write(folder.path().join("nginx.conf"), config).unwrap();
        let (conf, log) = (folder.path().join("nginx.conf"), folder.path().join("error.log"));
        let arguments = ["-c", conf.to_str().unwrap(), "-e", log.to_str().unwrap()];
        let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let _server = start(program, &arguments, folder.path(), port);
        for mode in MODES {
            attest(mode, &authority, &file_source(), port, &format!("nginx, {kind:?}"));
        }
    }
}

#[test]
fn rustls_with_every_kind_of_key() {
    for kind in KINDS {
        let (authority, certified) = chain(kind);
        let port = site(&certified, |_| response(BODY), Goodbye::Clean);
        for mode in MODES {
            attest(mode, &authority, &source(), port, &format!("rustls, {kind:?}"));
        }
    }
}

#[test]
fn responses_from_small_to_large() {
    let authority = Authority::new();
    let text = support::SOURCE.replace("{ skip = 4096 }", "{ skip = 70000 }");
    let source = Source::from_toml(&text).unwrap();
    let sizes = [(0, None), (3000, Some(vec![700, 900])), (64_000, None), (64_000, Some(vec![30_000]))];
    for (size, chunks) in sizes {
        let body = BODY.replace(r#"{"makerCommission""#, &format!(r#"{{"pad":"{}","m""#, "x".repeat(size)));
        let answer = match &chunks {
            Some(chunks) => chunked(&body, chunks),
            None => response(&body),
        };
        let port = site(&authority.ordinary(), move |_| answer.clone(), Goodbye::Clean);
        for mode in MODES {
            attest(mode, &authority, &source, port, &format!("{size} bytes, chunks {chunks:?}"));
        }
    }
}

#[test]
fn servers_that_are_slow_and_that_wait_for_the_client_s_goodbye() {
    let authority = Authority::new();
    for goodbye in [Goodbye::AfterClient, Goodbye::Abrupt, Goodbye::Trickle] {
        let slow = |_: &[u8]| {
            std::thread::sleep(Duration::from_millis(700));
            response(BODY)
        };
        let port = site(&authority.ordinary(), slow, goodbye);
        for mode in MODES {
            attest(mode, &authority, &source(), port, &format!("{goodbye:?}"));
        }
    }
}

/// A chain over an intermediate authority; with or without the intermediate's certificate in it.
fn through_an_intermediate(root: &Authority, whole: bool) -> Certified {
    let (intermediate, certificate) = root.delegate();
    let mut certified = intermediate.ordinary();
    if whole {
        certified.chain.push(certificate);
    }
    certified
}

#[test]
fn a_chain_through_an_intermediate() {
    let authority = Authority::with_key(key(Kind::P384));
    let port = site(&through_an_intermediate(&authority, true), |_| response(BODY), Goodbye::Clean);
    for mode in MODES {
        attest(mode, &authority, &source(), port, "an intermediate");
    }
}

#[test]
fn certificates_of_every_wrong_kind() {
    let authority = Authority::new();
    let key = || KeyPair::generate().unwrap();
    let expired = authority.issue(HOST, key(), |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let early = authority.issue(HOST, key(), |params| params.not_before = rcgen::date_time_ymd(2070, 1, 1));
    let misnamed = authority.issue("other.test", key(), |_| {});
    let for_clients = authority.issue(HOST, key(), |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    // An authority under another name, and one of the same name under another key.
    let unknown = Authority::new().issue(HOST, key(), |_| {});
    let stranger = Authority::named("another authority", key()).ordinary();
    let is_authority = authority.issue(HOST, key(), |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, HOST);
    });
    let incomplete = through_an_intermediate(&authority, false);
    for (certified, said) in [
        (expired, "expired"),
        (early, "not valid yet"),
        (misnamed, "not valid for name"),
        (for_clients, "extended key usage"),
        (unknown, "BadSignature"),
        (stranger, "UnknownIssuer"),
        (is_authority, "CaUsedAsEndEntity"),
        (incomplete, "UnknownIssuer"),
    ] {
        let port = site(&certified, |_| response(BODY), Goodbye::Clean);
        for mode in MODES {
            // The prover refuses in the handshake, before its secrets are sent.
            let (proven, served) = support::session(mode, &authority, &source(), port);
            let error = proven.err().unwrap();
            assert_eq!(error.code(), "server_connection", "{said}, {mode}");
            assert!(error.to_string().contains(said), "{error} should say {said} ({mode})");
            assert!(served.is_err(), "{said}, {mode}");
        }
    }
}
