//! The fuzz targets' functions, driven by the ordinary suite: samples that must be accepted, and thousands of
//! mutations of them, none of which may panic. `FUZZ_SEED` replays a run, `FUZZ_ROUNDS` makes it longer, and
//! `FUZZ_CORPUS=1` writes the samples to `fuzz/corpus`, where a fuzzer starts from them.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../../../fuzz/src/lib.rs"]
#[allow(clippy::module_name_repetitions, reason = "a crate of its own elsewhere")]
mod entries;

use std::path::Path;
use std::sync::{Arc, Mutex};

use entries::{ENTRIES, NOW};
use mpctls::tls::Patience;
use mpctls::{Attestation, Commitment, Direction, Mode, attestation::Statement};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use service::exchange::{Accounts, Options, serve};
use service::fixture::Fixture;
use stats::Schema;
use stats::build::Program;
use survey::{Choice, Query};
use twopc::channel::{Channel, ChannelError};

const BODY: &str = r#"{"balances":[{"asset":"BTC","free":"4.7","locked":"0.0"},{"asset":"ETH","free":"12.34500000","locked":"1.00000000"}],"uid":354937868,"end":1}"#;

fn response(chunked: bool) -> Vec<u8> {
    let (first, second) = BODY.split_at(20);
    let text = if chunked {
        let (first, second) =
            (format!("{:x}\r\n{first}", first.len()), format!("{:x}\r\n{second}", second.len()));
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{first}\r\n{second}\r\n0\r\n\r\n")
    } else {
        format!("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: {}\r\n\r\n{BODY}", BODY.len())
    };
    text.into_bytes()
}

/// An honest statement about the sample response.
fn statement() -> Statement {
    let source = entries::sample_source();
    let mut secrets = mpctls::source::Secrets::new();
    secrets.insert("api_key", "key".into());
    secrets.insert("api_secret", "secret".into());
    let request = source.render(&secrets, NOW * 1000).unwrap();
    let response = response(false);
    let disclosure = source.disclose(&request, &response, false).unwrap();
    let (field, range) = disclosure.windows[0].clone();
    let (offset, length) = (range.start as u32, range.len() as u32);
    let mut commitment =
        Commitment { field, direction: Direction::Received, offset, length, digest: [0; 32] };
    commitment.digest = mpctls::commit(&commitment.domain(&[1; 32]), &[2; 32], &response[range]);
    Statement {
        version: 1,
        mode: Mode::Mpc,
        session: [1; 32],
        time: NOW,
        server_name: source.host().into(),
        survey: [3; 32],
        provider_key: [4; 32],
        sent: disclosure.sent,
        received: disclosure.received,
        commitments: vec![commitment],
    }
}

/// Writes down what one end of a channel hears.
struct Recording<C>(C, Arc<Mutex<Vec<u8>>>);

impl<C: Channel> Channel for Recording<C> {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        self.0.send(message)
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        self.0.flush()
    }

    fn recv(&mut self, limit: usize) -> Result<Vec<u8>, ChannelError> {
        let message = self.0.recv(limit)?;
        let mut script = self.1.lock().unwrap();
        script.extend((message.len() as u32).to_be_bytes());
        script.extend(&message);
        Ok(message)
    }
}

/// The longest script: base oblivious transfers and the beginning of what follows.
const SCRIPT: usize = 100_000;

/// What notary and prover hear from each other, cut short.
fn scripts(mpc: bool) -> [Vec<u8>; 2] {
    let (left, right) = net::memory::pair();
    let heard = [(), ()].map(|()| Arc::<Mutex<Vec<u8>>>::default());
    let (left, mut right) = (Recording(left, heard[1].clone()), Recording(right, heard[0].clone()));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Both end early: there is no server, and nobody goes on after preparing.
            let _ended =
                if mpc { entries::mpc_serve(&mut right).is_ok() } else { entries::serve(&mut right).is_ok() };
        });
        let _ended = if mpc {
            entries::mpc_prepare(Box::new(left)).is_ok()
        } else {
            entries::prepare(Box::new(left)).is_ok()
        };
    });
    heard.map(|script| {
        let mut script = script.lock().unwrap().clone();
        script.truncate(SCRIPT);
        script
    })
}

fn plan() -> stats::Plan {
    let schema = Fixture::new(NOW, Vec::new()).unwrap().survey.schema();
    let program = Program::new("inequality", schema);
    let balance = program.column(Schema::DEFAULT, "balance");
    program.output(["mean"], &balance.mean());
    program.output(["gini"], &balance.gini());
    program.finish().unwrap()
}

/// Samples that an entry accepts. Records, certificates and shares have none: they start from nothing.
fn samples(name: &str) -> Vec<Vec<u8>> {
    let fixture = || Fixture::new(NOW, Vec::new()).unwrap();
    match name {
        "attestation" => vec![Attestation::sign(statement(), &entries::key()).unwrap().to_json().unwrap()],
        "transcript" => vec![json(&statement())],
        "response" => vec![response(false), response(true)],
        "source" => [
            include_str!("../../../sources/sample-exchange.toml"),
            include_str!("../../../sources/github-followers.toml"),
            include_str!("../../../sources/cookie-session.toml"),
        ]
        .map(|text| text.as_bytes().to_vec())
        .to_vec(),
        "survey" => {
            let fixture = fixture();
            vec![json(&fixture.survey.clone().sign(&fixture.organiser).unwrap())]
        }
        "submission" => vec![json(&fixture().submission("alice", "12.3456", NOW).unwrap())],
        "plan" => vec![plan().to_json().into_bytes()],
        "query" => {
            let own = Choice::Own(Box::new(plan()));
            let query = Query { version: 1, survey: survey::Id([7; 32]), plan: own, epochs: vec![1, 2] };
            vec![json(&query.sign(&survey::Identity::generate()).unwrap())]
        }
        "frames" => vec![frames()],
        "tls" => vec![streams()],
        "notary" => vec![scripts(false)[0].clone()],
        "prover" => vec![scripts(false)[1].clone()],
        "mpc_notary" => vec![scripts(true)[0].clone()],
        "mpc_prover" => vec![scripts(true)[1].clone()],
        _ => vec![],
    }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// Both streams of a session with the sample exchange.
fn streams() -> Vec<u8> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        names: vec!["localhost".into()],
        folder: folder.path().into(),
        chunk: None,
    };
    let running = runtime.block_on(serve(Accounts::derive("demo", 1), options)).unwrap();
    let stream = std::net::TcpStream::connect(running.address).unwrap();
    let roots = service::notary::roots(&[folder.path().join("ca.pem")]).unwrap();
    let mut link = mpctls::protocol::StreamLink::new(stream).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let (fetched, _) =
        mpctls::tls::fetch("localhost", roots, &mut link, request, Patience::default()).unwrap();
    let length = (fetched.client.len() as u16).to_be_bytes();
    [&length[..], &fetched.client, &fetched.server].concat()
}

fn frames() -> Vec<u8> {
    use net::tcp::frame::Frame;
    let sent = [
        Frame::Open { handle: 1, session: [7; 32] },
        Frame::Data { handle: 1, bytes: vec![1; 100], last: true },
        Frame::Credit { handle: 1, bytes: 9 },
        Frame::Ping,
        Frame::Close { handle: 1 },
    ];
    sent.iter().flat_map(Frame::encode).collect()
}

/// One change of the kinds that fuzzers make.
fn mutate(bytes: &mut Vec<u8>, random: &mut StdRng) {
    if bytes.is_empty() {
        bytes.push(random.random());
        return;
    }
    let at = random.random_range(0..bytes.len());
    let length = random.random_range(1..=16.min(bytes.len() - at));
    match random.random_range(0..6) {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes[at] = *b"\0\xff\r\n\"{}[]:,0".get(random.random_range(0..12)).unwrap(),
        2 => drop(bytes.drain(at..at + length)),
        3 => bytes.truncate(at),
        4 => {
            let piece = bytes[at..at + length].to_vec();
            let to = random.random_range(0..=bytes.len());
            bytes.splice(to..to, piece);
        }
        _ => bytes[at..at + length].iter_mut().for_each(|byte| *byte = random.random()),
    }
}

#[test]
fn no_mutation_of_a_sample_makes_a_parser_panic() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("FUZZ_SEED").unwrap_or_else(rand::random);
    let rounds = number("FUZZ_ROUNDS").unwrap_or(200);
    println!("replay with FUZZ_SEED={seed}");
    for (name, entry) in ENTRIES {
        let mut random = StdRng::seed_from_u64(seed);
        let samples = samples(name);
        for (index, sample) in samples.iter().enumerate() {
            assert!(entry(sample), "{name} refuses sample {index}");
            if std::env::var_os("FUZZ_CORPUS").is_some() {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(folder.join(format!("sample{index}")), sample).unwrap();
            }
        }
        // Two-party protocols do work for every message: fewer rounds do for them.
        let rounds = if samples.iter().any(|sample| sample.len() > 20_000) { rounds / 20 } else { rounds };
        for round in 0..rounds {
            let mut bytes = samples.get(round as usize % samples.len().max(1)).cloned().unwrap_or_default();
            for _ in 0..random.random_range(1..=4) {
                mutate(&mut bytes, &mut random);
            }
            let _accepted = entry(&bytes);
        }
    }
}

#[test]
fn every_entry_has_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for (name, _) in ENTRIES {
        let target = std::fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        let function = if *name == "survey" { "signed_survey" } else { name };
        assert!(target.contains(&format!("fuzz::{function}(bytes)")), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
    let targets = std::fs::read_dir(folder.join("fuzz_targets")).unwrap().count();
    assert_eq!(targets, ENTRIES.len(), "every target is an entry");
}
