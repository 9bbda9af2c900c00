//! The commands around a proof, run as a provider and a notary would run them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mpctls::{Mode, NotaryKey, Source};
use service::fixture::Fixture;
use service::keys::Keys;
use tempfile::TempDir;

const SOURCE: &str = include_str!("../../../sources/sample-exchange.toml");

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn mpcstats(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mpcstats"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

fn serve(folder: &Path, port: u16, arguments: &[&str]) -> Server {
    let child = mpcstats(folder, arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let server = Server(child);
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_mins(2), "{arguments:?} does not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Standard output of a command that must succeed.
fn told(output: Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}

/// Standard error of a command that must refuse.
fn refusal(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with a running exchange, a running notary, and the keys and secrets that a provider needs.
struct Stage {
    scratch: TempDir,
    account: serde_json::Value,
    source: String,
    notary: String,
    _servers: [Server; 2],
}

const SURVEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";
const VERIFY: [&str; 6] =
    ["verify", "proof.json", "--source", "source.toml", "--notary-key", "notary-keys.json"];

impl Stage {
    fn new() -> Self {
        Self::with("")
    }

    /// With more in the notary's configuration.
    fn with(more: &str) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path();
        let (exchange_port, notary_port) = (free_port(), free_port());
        let listen = format!("127.0.0.1:{exchange_port}");
        let exchange = ["sample-exchange", "serve", "--listen", &listen, "--folder", "exchange"];
        let exchange = serve(folder, exchange_port, &exchange);
        let source = SOURCE.replace("8443", &exchange_port.to_string());
        std::fs::write(folder.join("source.toml"), &source).unwrap();
        let notary = format!("127.0.0.1:{notary_port}");
        let config = format!(
            "keys = \"keys\"\nlisten = \"{notary}\"\nauthorities = [\"exchange/ca.pem\"]\nprivate_addresses = true\n{more}"
        );
        std::fs::write(folder.join("notary.toml"), config).unwrap();
        let serving = serve(folder, notary_port, &["notary", "serve", "--config", "notary.toml"]);
        let keys = told(mpcstats(folder, &["notary", "keys", "--config", "notary.toml"]).output().unwrap());
        std::fs::write(folder.join("notary-keys.json"), keys).unwrap();
        let accounts = ["sample-exchange", "accounts", "--count", "1"];
        let accounts: serde_json::Value =
            serde_json::from_str(&told(mpcstats(folder, &accounts).output().unwrap())).unwrap();
        let account = accounts[0].clone();
        std::fs::write(folder.join("secret"), account["api_secret"].as_str().unwrap()).unwrap();
        Self { scratch, account, source, notary, _servers: [exchange, serving] }
    }

    fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// The notary's public key.
    fn notary_key(&self) -> [u8; 32] {
        let list = std::fs::read(self.folder().join("notary-keys.json")).unwrap();
        let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
        let mut key = [0; 32];
        hex::decode_to_slice(list[0]["key"].as_str().unwrap(), &mut key).unwrap();
        key
    }

    fn run(&self, arguments: &[&str]) -> Output {
        mpcstats(self.folder(), arguments).output().unwrap()
    }

    /// Proves the account's balance to a survey.
    fn prove(&self, survey: &str, more: &[&str]) -> Output {
        let arguments = ["prove", "--survey", survey, "--authority", "exchange/ca.pem", "--yes"];
        let secrets = ["--secret", "api_key=env:KEY", "--secret", "api_secret=file:secret"];
        let arguments = [&arguments[..], &secrets, more].concat();
        let key = self.account["api_key"].as_str().unwrap();
        mpcstats(self.folder(), &arguments).env("KEY", key).output().unwrap()
    }

    /// The same, to a survey of which only the id is known.
    fn prove_to_id(&self, mode: &str, more: &[&str]) -> Output {
        let known = ["--source", "source.toml", "--notary", &self.notary, "--notary-key", "notary-keys.json"];
        self.prove(SURVEY, &[&known[..], &["--mode", mode], more].concat())
    }
}

#[test]
fn a_provider_proves_a_balance_in_both_modes_and_anybody_verifies_it() {
    let stage = Stage::new();
    for mode in ["proxy", "mpc"] {
        let proven = told(stage.prove_to_id(mode, &["--json", "-o", "proof.json"]));
        assert!(proven.contains(&stage.account["uid"].to_string()), "{proven}");
        let words = told(stage.run(&VERIFY));
        assert!(words.contains("localhost") && words.contains("eth_free is hidden"), "{words}");

        // The balance is in the private file, which only its owner can read, and nowhere in the proof.
        let balance = stage.account["balances"]["ETH"].as_str().unwrap();
        let proof = std::fs::read_to_string(stage.folder().join("proof.json")).unwrap();
        assert!(!proof.contains(balance));
        let openings = stage.folder().join("proof.openings.json");
        let mode = std::os::unix::fs::PermissionsExt::mode(&openings.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);

        let later = [&VERIFY[..], &["--at", "4000000000", "--json"]].concat();
        let refused = stage.run(&later);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stdout).contains("attestation_stale"));
        let survey_changed = proof.replace(SURVEY, &"08".repeat(32));
        std::fs::write(stage.folder().join("proof.json"), survey_changed).unwrap();
        assert!(refusal(stage.run(&VERIFY)).contains("refused (attestation_signature)"));
    }
}

/// What a notary's metrics say now.
fn metrics(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: notary\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_notary_serves_several_at_once_counts_them_and_says_why_it_turns_others_away() {
    let port = free_port();
    let more = format!("metrics = \"127.0.0.1:{port}\"\nconcurrent = 2\nper_minute = 5\n");
    let stage = Stage::with(&more);
    std::thread::scope(|scope| {
        let proving = ["proxy", "mpc"].map(|mode| {
            let file = format!("{mode}.json");
            let stage = &stage;
            scope.spawn(move || told(stage.prove_to_id(mode, &["-o", &file])))
        });
        for proven in proving {
            proven.join().unwrap();
        }
    });
    for mode in ["proxy", "mpc"] {
        let counted = format!("sessions_total{{mode=\"{mode}\",outcome=\"attested\"}} 1");
        assert!(metrics(port).contains(&counted), "{}", metrics(port));
    }

    // Two who say nothing take all the room.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let connect = || runtime.block_on(client::notary::connect(&stage.notary, stage.notary_key())).unwrap();
    let silent = [connect(), connect()];
    while !metrics(port).contains("mpcstats_notary_active 2") {
        std::thread::yield_now();
    }
    assert!(refusal(stage.prove_to_id("proxy", &[])).contains("refused (notary_busy)"));
    drop(silent);
    assert!(refusal(stage.prove_to_id("proxy", &[])).contains("refused (notary_rate)"));
    for why in ["notary_busy", "notary_rate"] {
        assert!(metrics(port).contains(&format!("outcome=\"{why}\"}} 1")), "{}", metrics(port));
    }
}

#[test]
fn a_notary_notarizes_no_other_host_and_offers_no_other_mode_than_it_is_told_to() {
    let stage = Stage::with("hosts = [\"localhost\"]\nmodes = [\"proxy\"]\n");
    assert!(refusal(stage.prove_to_id("mpc", &[])).contains("refused (mode_refused)"));
    told(stage.prove_to_id("proxy", &[]));
    let source = stage.source.replace("host = \"localhost\"", "host = \"example.org\"");
    assert_ne!(source, stage.source);
    std::fs::write(stage.folder().join("source.toml"), source).unwrap();
    assert!(refusal(stage.prove_to_id("proxy", &[])).contains("refused (host_refused)"));
}

#[test]
fn what_verify_cannot_use_is_refused_with_a_code_and_a_next_step() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    std::fs::write(folder.join("proof.json"), "{}").unwrap();
    std::fs::write(folder.join("empty.toml"), "").unwrap();
    std::fs::write(folder.join("keys.json"), "{}").unwrap();
    for (proof, source, keys, code) in [
        ("proof.json", "sample-exchange", SURVEY, "attestation_malformed"),
        ("absent.json", "sample-exchange", SURVEY, "file"),
        ("proof.json", "absent", SURVEY, "file"),
        ("proof.json", "empty.toml", SURVEY, "source_syntax"),
        ("proof.json", "sample-exchange", "keys.json", "file"),
    ] {
        let said = refusal(
            mpcstats(folder, &["verify", proof, "--source", source, "--notary-key", keys]).output().unwrap(),
        );
        assert!(said.contains(&format!("refused ({code}): ")) && said.contains("\nnext: "), "{said}");
    }
}

/// The benchmark's other shapes are for benchmarks; that each runs is for tests.
#[test]
fn the_benchmark_runs_in_both_modes_whatever_it_shows() {
    let scratch = tempfile::tempdir().unwrap();
    for mode in ["proxy", "mpc"] {
        for disclose in ["none", "all"] {
            let shape = ["--request-bytes", "300", "--response-bytes", "400", "--runs", "1", "--json"];
            let arguments =
                [&["bench", "notary", "--mode", mode, "--disclose", disclose], &shape[..]].concat();
            let figures = told(mpcstats(scratch.path(), &arguments).output().unwrap());
            let figures: serde_json::Value = serde_json::from_str(&figures).unwrap();
            assert_eq!(figures["mode"], mode);
            assert!(figures["prover_sent_bytes"].as_u64().unwrap() > 500_000, "{figures}");
        }
    }
}

#[test]
fn a_request_that_the_site_refuses_is_not_attested() {
    let stage = Stage::new();
    std::fs::write(stage.folder().join("secret"), "wrong").unwrap();
    assert!(refusal(stage.prove_to_id("proxy", &[])).contains("response_status"));
    assert!(!stage.folder().join("proof.json").exists());
}

/// Has a coordinator serve a survey about the stage's exchange; its address and its id.
fn coordinate(stage: &Stage) -> (Server, String, String) {
    let port = free_port();
    let keys = Keys::generate().unwrap();
    keys.write(&stage.folder().join("coordinator.key")).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut fixture = Fixture::new(now, Vec::new()).unwrap();
    let survey = &mut fixture.survey;
    survey.source = Source::from_toml(&stage.source).unwrap();
    survey.account = "uid".into();
    survey.fields[0].name = "eth_free".into();
    survey.fields[0].values = stats::ColumnType::number(8, 0, 1_000_000_000_000_000).unit("ETH");
    survey.modes = vec![Mode::Proxy];
    survey.notaries = vec![NotaryKey::new(stage.notary_key())];
    survey.notary_addresses = vec![stage.notary.clone()];
    survey.coordinator.address = format!("https://127.0.0.1:{port}");
    survey.coordinator.identity = Some(keys.identity.public());
    let address = survey.coordinator.address.clone();
    let id = survey.id().unwrap().to_string();
    let signed = fixture.survey.sign(&fixture.organiser).unwrap();
    std::fs::write(stage.folder().join("survey.json"), serde_json::to_vec(&signed).unwrap()).unwrap();
    let config = format!(
        "survey = \"survey.json\"\nkeys = \"coordinator.key\"\nlisten = \"127.0.0.1:{port}\"\nstorage = \"sqlite:coordinator.db\"\n"
    );
    std::fs::write(stage.folder().join("coordinator.toml"), config).unwrap();
    let server = serve(stage.folder(), port, &["coordinator", "serve", "--config", "coordinator.toml"]);
    (server, address, id)
}

#[test]
fn a_survey_s_address_or_its_signed_file_is_all_that_a_provider_has_to_name() {
    let stage = Stage::new();
    let (_coordinator, address, id) = coordinate(&stage);
    for survey in [format!("{address}/#{id}"), "survey.json".into()] {
        told(stage.prove(&survey, &[]));
        let verify = [&VERIFY[..], &["--json"]].concat();
        let said: serde_json::Value = serde_json::from_str(&told(stage.run(&verify))).unwrap();
        assert_eq!((said["survey"].as_str(), said["mode"].as_str()), (Some(&id[..]), Some("proxy")));
    }

    // A coordinator that serves another survey than the one asked for, and a definition that was touched.
    assert!(refusal(stage.prove(&format!("{address}/#{SURVEY}"), &[])).contains("refused (wrong_survey)"));
    let signed = std::fs::read_to_string(stage.folder().join("survey.json")).unwrap();
    let touched = signed.replace("\"title\":\"Fixture\"", "\"title\":\"Another\"");
    assert_ne!(touched, signed);
    std::fs::write(stage.folder().join("touched.json"), touched).unwrap();
    assert!(refusal(stage.prove("touched.json", &[])).contains("refused (bad_signature)"));
}

#[test]
fn shipped_sources_pass_their_own_check_and_drafts_do_too() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    let list = told(mpcstats(folder, &["source", "list"]).output().unwrap());
    for line in list.lines() {
        let name = line.split(' ').next().unwrap();
        let explained = told(mpcstats(folder, &["source", "check", name]).output().unwrap());
        assert!(explained.contains("stays hidden"), "{explained}");
    }
    let sample = r#"{"makerCommission":15,"balances":[{"asset":"BTC","free":"1.5","locked":"0.00000000"},{"asset":"ETH","free":"12.34500000","locked":"1.00000000"}],"permissions":["SPOT"],"uid":354937868}"#;
    std::fs::write(folder.join("sample.json"), sample).unwrap();
    let draft = ["source", "draft", "--response", "sample.json"];
    let fields = ["--field", "eth_free=balances[asset=ETH].free", "--field", "uid=uid", "--show", "uid"];
    let draft = told(mpcstats(folder, &[&draft[..], &fields].concat()).output().unwrap());
    let head = SOURCE.split("[response]").next().unwrap();
    std::fs::write(folder.join("drafted.toml"), format!("{head}{draft}")).unwrap();
    let arguments = ["source", "check", "drafted.toml", "--response", "sample.json"];
    let tried = told(mpcstats(folder, &arguments).output().unwrap());
    assert!(tried.contains("uid = 354937868 would be shown"), "{tried}\n{draft}");
    assert!(tried.contains("eth_free would stay hidden; its window holds \"12.345"), "{tried}\n{draft}");
}
