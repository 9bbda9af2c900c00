//! The commands around a proof, run as a provider and a notary would run them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

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
        assert!(start.elapsed() < Duration::from_secs(30), "{arguments:?} does not come up");
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

#[test]
fn a_provider_proves_a_balance_in_both_modes_and_anybody_verifies_it() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    let (exchange_port, notary_port) = (free_port(), free_port());
    let listen = format!("127.0.0.1:{exchange_port}");
    let _exchange = serve(
        folder,
        exchange_port,
        &["sample-exchange", "serve", "--listen", &listen, "--folder", "exchange"],
    );
    std::fs::write(folder.join("source.toml"), SOURCE.replace("8443", &exchange_port.to_string())).unwrap();
    let config = format!(
        "keys = \"keys\"\nlisten = \"127.0.0.1:{notary_port}\"\nauthorities = [\"exchange/ca.pem\"]\n\
         private_addresses = true\n"
    );
    std::fs::write(folder.join("notary.toml"), config).unwrap();
    let _notary = serve(folder, notary_port, &["notary", "serve", "--config", "notary.toml"]);
    let keys = told(mpcstats(folder, &["notary", "keys", "--config", "notary.toml"]).output().unwrap());
    std::fs::write(folder.join("notary-keys.json"), keys).unwrap();

    let accounts = told(mpcstats(folder, &["sample-exchange", "accounts", "--count", "1"]).output().unwrap());
    let accounts: serde_json::Value = serde_json::from_str(&accounts).unwrap();
    let account = &accounts[0];
    std::fs::write(folder.join("secret"), account["api_secret"].as_str().unwrap()).unwrap();
    let address = format!("127.0.0.1:{notary_port}");
    let survey = "07".repeat(32);

    for mode in ["proxy", "mpc"] {
        let arguments = [
            "prove",
            "--survey",
            &survey,
            "--source",
            "source.toml",
            "--mode",
            mode,
            "--notary",
            &address,
            "--notary-key",
            "notary-keys.json",
            "--authority",
            "exchange/ca.pem",
            "--secret",
            "api_key=env:KEY",
            "--secret",
            "api_secret=file:secret",
            "--yes",
            "--json",
            "-o",
            "proof.json",
        ];
        let key = account["api_key"].as_str().unwrap();
        let proven = told(mpcstats(folder, &arguments).env("KEY", key).output().unwrap());
        assert!(proven.contains(&account["uid"].to_string()), "{proven}");

        let verify = ["verify", "proof.json", "--source", "source.toml", "--notary-key", "notary-keys.json"];
        let words = told(mpcstats(folder, &verify).output().unwrap());
        assert!(words.contains("localhost") && words.contains("eth_free is hidden"), "{words}");

        // The balance is in the private file, which only its owner can read, and nowhere in the proof.
        let balance = account["balances"]["ETH"].as_str().unwrap();
        let proof = std::fs::read_to_string(folder.join("proof.json")).unwrap();
        assert!(!proof.contains(balance));
        let openings = folder.join("proof.openings.json");
        let mode = std::os::unix::fs::PermissionsExt::mode(&openings.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);

        let later = [&verify[..], &["--at", "4000000000", "--json"]].concat();
        let refused = mpcstats(folder, &later).output().unwrap();
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stdout).contains("attestation_stale"));
        let survey_changed = proof.replace(&survey, &"08".repeat(32));
        std::fs::write(folder.join("proof.json"), survey_changed).unwrap();
        let refused = mpcstats(folder, &verify).output().unwrap();
        assert!(String::from_utf8_lossy(&refused.stderr).contains("attestation_signature"));
    }

    // A wrong secret: the exchange refuses the request, and nothing is attested.
    std::fs::write(folder.join("secret"), "wrong").unwrap();
    let arguments = [
        "prove",
        "--survey",
        &survey,
        "--source",
        "source.toml",
        "--mode",
        "proxy",
        "--notary",
        &address,
        "--notary-key",
        "notary-keys.json",
        "--authority",
        "exchange/ca.pem",
        "--secret",
        "api_key=env:KEY",
        "--secret",
        "api_secret=file:secret",
        "--yes",
    ];
    let refused =
        mpcstats(folder, &arguments).env("KEY", account["api_key"].as_str().unwrap()).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("response_status"));
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
    let draft = told(
        mpcstats(
            folder,
            &[
                "source",
                "draft",
                "--response",
                "sample.json",
                "--field",
                "eth_free=balances[asset=ETH].free",
                "--field",
                "uid=uid",
                "--show",
                "uid",
            ],
        )
        .output()
        .unwrap(),
    );
    let head = SOURCE.split("[response]").next().unwrap();
    std::fs::write(folder.join("drafted.toml"), format!("{head}{draft}")).unwrap();
    let arguments = ["source", "check", "drafted.toml", "--response", "sample.json"];
    let tried = told(mpcstats(folder, &arguments).output().unwrap());
    assert!(tried.contains("uid = 354937868 would be shown"), "{tried}\n{draft}");
    assert!(tried.contains("eth_free would stay hidden; its window holds \"12.345"), "{tried}\n{draft}");
}
