//! Servers that people run: OpenSSL, nginx, Python's `ssl`, and rustls, with the kinds of keys that certificates have.
//! `scripts/setup` installs what is missing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use mpctls::tls::{ClientError, Fetched, Session, fetch_deferred};
use mpctls::{Mode, Source, verify};
use rcgen::KeyPair;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::keys::WholeKeys;
use support::{Authority, BODY, Certified, Goodbye, HOST, PATIENCE, chunked, response, site, source};

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn start(program: &str, arguments: &[&str], folder: &Path) -> Process {
    let child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}); run scripts/setup"));
    Process(child)
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for(port: u16) {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(20), "the server does not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A folder with certificate, key and the page.
fn folder(certified: &Certified) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("chain.pem", &certified.chain_pem), ("key.pem", &certified.key_pem), ("account", &BODY.to_owned())]
    {
        std::fs::File::create(folder.path().join(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }
    folder
}

/// Fetches with handles and lets the result be read as a session of the right server.
fn fetched(authority: &Authority, port: u16) -> Result<Fetched, ClientError> {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut link = mpctls::protocol::StreamLink::new(stream)?;
    let request = b"GET /account HTTP/1.1\r\nHost: exchange.test\r\nConnection: close\r\n\r\n";
    let keys = Box::new(WholeKeys::new());
    fetch_deferred(HOST, authority.roots(), &mut link, request, PATIENCE, keys)
}

fn check(authority: &Authority, port: u16, what: &str) {
    let fetched = fetched(authority, port).unwrap_or_else(|error| panic!("{what}: {error}"));
    let text = String::from_utf8_lossy(&fetched.response);
    assert!(text.contains(BODY), "{what}: {text}");
    let session = Session::read(&fetched.client, &fetched.server).unwrap();
    session.authenticate(HOST, authority.roots(), support::now()).unwrap();
    // The same server, with keys of the client's own.
    let request = b"GET /account HTTP/1.1\r\nHost: exchange.test\r\nConnection: close\r\n\r\n";
    let (again, _) = support::captured_request(authority, HOST, port, request).unwrap();
    assert!(String::from_utf8_lossy(&again.response).contains(BODY), "{what}");
}

/// Keys of each kind. RSA keys come from OpenSSL: the library here cannot make them.
fn keys(folder: &Path) -> Vec<(&'static str, KeyPair)> {
    let made = Command::new("openssl")
        .args([
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
            "-out",
            "rsa.pem",
            "-quiet",
        ])
        .current_dir(folder)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "openssl cannot make a key; run scripts/setup");
    let rsa = std::fs::read_to_string(folder.join("rsa.pem")).unwrap();
    vec![
        ("P-256", KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()),
        ("P-384", KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap()),
        ("RSA", KeyPair::from_pem(&rsa).unwrap()),
    ]
}

#[test]
fn openssl_s_server_with_every_kind_of_key() {
    let authority = Authority::new();
    let scratch = tempfile::tempdir().unwrap();
    for (kind, key) in keys(scratch.path()) {
        let folder = folder(&authority.issue(HOST, key, |_| {}));
        let port = free_port();
        let port_text = port.to_string();
        let arguments = [
            "s_server",
            "-accept",
            &port_text,
            "-cert",
            "chain.pem",
            "-key",
            "key.pem",
            "-tls1_2",
            "-WWW",
            "-quiet",
        ];
        let _server = start("openssl", &arguments, folder.path());
        wait_for(port);
        check(&authority, port, kind);
    }
}

#[test]
fn rustls_with_every_kind_of_key() {
    let authority = Authority::new();
    let scratch = tempfile::tempdir().unwrap();
    for (kind, key) in keys(scratch.path()) {
        let port = site(&authority.issue(HOST, key, |_| {}), |_| response(BODY), Goodbye::Clean);
        check(&authority, port, kind);
    }
}

#[test]
fn python_ssl() {
    let authority = Authority::new();
    let folder = folder(&authority.ordinary());
    let port = free_port();
    let program = format!(
        "import http.server, ssl\n\
         context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
         context.load_cert_chain('chain.pem', 'key.pem')\n\
         server = http.server.HTTPServer(('127.0.0.1', {port}), http.server.SimpleHTTPRequestHandler)\n\
         server.socket = context.wrap_socket(server.socket, server_side=True)\n\
         server.serve_forever()\n"
    );
    let _server = start("python3", &["-c", &program], folder.path());
    wait_for(port);
    check(&authority, port, "python");
}

#[test]
fn nginx() {
    let authority = Authority::new();
    let folder = folder(&authority.ordinary());
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
    let conf = folder.path().join("nginx.conf");
    let log = folder.path().join("error.log");
    let arguments = ["-c", conf.to_str().unwrap(), "-e", log.to_str().unwrap()];
    let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
    let _server = start(program, &arguments, folder.path());
    wait_for(port);
    check(&authority, port, "nginx");
}

#[test]
fn responses_from_small_to_large() {
    let authority = Authority::new();
    let text = support::SOURCE.replace("{ skip = 4096 }", "{ skip = 70000 }");
    let source = Source::from_toml(&text).unwrap();
    for (size, sizes) in
        [(0, None), (3000, Some(vec![700, 900])), (64_000, None), (64_000, Some(vec![30_000]))]
    {
        let body = BODY.replace(r#"{"makerCommission""#, &format!(r#"{{"pad":"{}","m""#, "x".repeat(size)));
        let answer = match sizes {
            Some(sizes) => chunked(&body, &sizes),
            None => response(&body),
        };
        let port = site(&authority.ordinary(), move |_| answer.clone(), Goodbye::Clean);
        let (proven, served) = support::session(Mode::Proxy, &authority, &source, port);
        served.unwrap();
        let proven = proven.unwrap();
        let keys = [support::notary(&authority).key.public()];
        assert!(verify(&proven.attestation, &source, &keys, support::now()).is_ok());
    }
}

#[test]
fn a_server_that_waits_for_the_client_s_goodbye_and_one_that_is_slow() {
    let authority = Authority::new();
    for goodbye in [Goodbye::AfterClient, Goodbye::Abrupt] {
        let slow = |_: &[u8]| {
            std::thread::sleep(Duration::from_millis(700));
            response(BODY)
        };
        let port = site(&authority.ordinary(), slow, goodbye);
        let (proven, served) = support::session(Mode::Proxy, &authority, &source(), port);
        served.unwrap();
        assert_eq!(proven.unwrap().verified.disclosed["uid"], "354937868");
    }
}

#[test]
fn certificates_that_the_prover_refuses() {
    let authority = Authority::new();
    let key = || KeyPair::generate().unwrap();
    let expired = authority.issue(HOST, key(), |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let early = authority.issue(HOST, key(), |params| params.not_before = rcgen::date_time_ymd(2070, 1, 1));
    let misnamed = authority.issue("other.test", key(), |_| {});
    // An authority of the same name, under another key.
    let foreign = Authority::new().ordinary();
    for (certified, said) in [
        (expired, "expired"),
        (early, "not valid yet"),
        (misnamed, "not valid for name"),
        (foreign, "BadSignature"),
    ] {
        let port = site(&certified, |_| response(BODY), Goodbye::Clean);
        for error in [
            fetched(&authority, port).err().unwrap(),
            support::try_capture(&authority, HOST, port).err().unwrap(),
        ] {
            assert!(error.to_string().contains(said), "{error} should say {said}");
        }
    }
}
