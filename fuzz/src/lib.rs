//! What a fuzzer feeds: every parser that meets a peer's bytes, as one function from bytes.
//!
//! A fuzz target is one line that calls one of these ([`ENTRIES`]). The ordinary suite includes this file
//! (`crates/mpcstats/tests/fuzz.rs`) and drives the same functions with mutated samples, so that a target cannot
//! go stale between two campaigns. No entry may panic, whatever the bytes are; each says whether it accepted them.

use std::time::Duration;

use mpctls::attestation::Statement;
use mpctls::mpc::{self, Caps, MpcError};
use mpctls::proof::ProofError;
use mpctls::protocol::{Connect, Notary, NotaryError, NotaryReport, Policy, ProveError, Prover};
use mpctls::source::Secrets;
use mpctls::tls::{Link, Patience, Session};
use mpctls::{Attestation, Mode, NotarySigningKey, Source};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustls::RootCertStore;
use serde::de::DeserializeOwned;
use survey::{Id, SignedSurvey};
use twopc::channel::{Channel, ChannelError};

/// A parser: true if it took the bytes for what they should be.
pub type Entry = fn(&[u8]) -> bool;

/// Every entry, by the name of its target.
pub const ENTRIES: &[(&str, Entry)] = &[
    ("attestation", attestation),
    ("certificate", certificate),
    ("frames", frames),
    ("mpc_notary", mpc_notary),
    ("mpc_prover", mpc_prover),
    ("notary", notary),
    ("plan", plan),
    ("prover", prover),
    ("query", query),
    ("record", record),
    ("response", response),
    ("shares", shares),
    ("source", source),
    ("submission", submission),
    ("survey", signed_survey),
    ("tls", tls),
    ("transcript", transcript),
];

/// The clock of every entry: seconds since 1970.
pub const NOW: u64 = 1_800_000_000;

/// The source that transcripts are matched against.
pub fn sample_source() -> Source {
    let text = include_str!("../../sources/sample-exchange.toml");
    Source::from_toml(text).unwrap_or_else(|error| unreachable!("a shipped source: {error}"))
}

/// The key under which [`transcript`] signs.
pub fn key() -> NotarySigningKey {
    NotarySigningKey::from_seed(&[42; 32])
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// An attestation as a file or inside a submission.
pub fn attestation(bytes: &[u8]) -> bool {
    let checked = Attestation::from_json(bytes)
        .and_then(|attestation| mpctls::verify(&attestation, &sample_source(), &[key().public()], NOW));
    checked.is_ok()
}

/// A statement that a notary was talked into signing: the strict grammar stands alone.
pub fn transcript(bytes: &[u8]) -> bool {
    json::<Statement>(bytes)
        .and_then(|statement| Attestation::sign(statement, &key()).ok())
        .is_some_and(|signed| mpctls::verify(&signed, &sample_source(), &[key().public()], NOW).is_ok())
}

/// A server's response, as the prover reads it: HTTP's framing, chunks, and the source's layout.
pub fn response(bytes: &[u8]) -> bool {
    let source = sample_source();
    let shown = source.disclose_response(bytes, true);
    let hidden = source.disclose_response(bytes, false);
    assert_eq!(shown.is_ok(), hidden.is_ok(), "what is shown of the rest changes no verdict");
    hidden.is_ok()
}

/// Both streams of a TLS session, as a notary reads them; the first two bytes are the length of the client's.
pub fn tls(bytes: &[u8]) -> bool {
    let Some((length, streams)) = bytes.split_first_chunk() else { return false };
    let client = usize::from(u16::from_be_bytes(*length)).min(streams.len());
    let (client, server) = streams.split_at(client);
    let Ok(session) = Session::read(client, server) else { return false };
    // The certificate is under no authority here; it is parsed all the same.
    session.authenticate("localhost", RootCertStore::empty().into(), NOW).is_err()
}

/// A source file.
pub fn source(bytes: &[u8]) -> bool {
    let source = std::str::from_utf8(bytes).ok().and_then(|text| Source::from_toml(text).ok());
    source.is_some_and(|source| !source.explain().is_empty())
}

/// A survey as a coordinator serves it.
pub fn signed_survey(bytes: &[u8]) -> bool {
    json::<SignedSurvey>(bytes).is_some_and(|signed| survey::definition::verify(&signed, None).is_ok())
}

/// A submission as it comes to coordinator and parties.
pub fn submission(bytes: &[u8]) -> bool {
    let Some(submission) = json::<survey::Submission>(bytes) else { return false };
    let _fits = mpctls::verify(&submission.attestation, &sample_source(), &[key().public()], NOW);
    submission.digest().is_ok()
}

/// A query as a consumer sends it.
pub fn query(bytes: &[u8]) -> bool {
    json::<survey::SignedQuery>(bytes).is_some_and(|query| survey::Id::of(&query.body).is_ok())
}

/// A batch record as parties exchange it.
pub fn record(bytes: &[u8]) -> bool {
    let Some(record) = json::<survey::SignedRecord>(bytes) else { return false };
    let _signed = record.verify(&Id([7; 32]), &[survey::PublicKey([1; 32]); 3]);
    record.record.check().is_ok()
}

/// A certificate as anybody may hand it on.
pub fn certificate(bytes: &[u8]) -> bool {
    let Some(certificate) = json::<survey::Certificate>(bytes) else { return false };
    let _signed = certificate.verify(&certificate.statement.survey, &[survey::PublicKey([1; 32]); 3]);
    true
}

/// A plan.
pub fn plan(bytes: &[u8]) -> bool {
    let Some(plan) = std::str::from_utf8(bytes).ok().and_then(|text| stats::Plan::from_json(text).ok())
    else {
        return false;
    };
    let schema = plan.schema.clone();
    stats::check(&plan, &schema, &stats::Limits::none()).is_ok()
}

/// Opened shares of one row; the first byte chooses the party.
pub fn shares(bytes: &[u8]) -> bool {
    let Some((party, shares)) = bytes.split_first() else { return false };
    let party = rep3::network::Party::ALL[usize::from(*party) % 3];
    survey::shares::decode(shares, party, 24, &[Id([0; 32]); 3]).is_some()
}

/// The stream of a peer among the three parties.
pub fn frames(bytes: &[u8]) -> bool {
    let mut frames = Vec::new();
    let read = net::tcp::frame::Parser::default().read(&mut &*bytes, &mut frames);
    let again: Vec<u8> = frames.iter().flat_map(net::tcp::frame::Frame::encode).collect();
    let mut reread = Vec::new();
    let _read = net::tcp::frame::Parser::default().read(&mut &*again, &mut reread);
    assert_eq!(reread, frames, "a frame survives its encoding");
    read.is_ok() && !frames.is_empty()
}

/// A peer whose messages were written down: each is a length of four bytes and as many bytes. It hears nothing.
struct Scripted {
    script: Vec<u8>,
    at: usize,
}

impl Scripted {
    fn new(script: &[u8]) -> Self {
        Self { script: script.to_vec(), at: 0 }
    }
}

impl Channel for Scripted {
    fn send(&mut self, _: &[u8]) -> Result<(), ChannelError> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        Ok(())
    }

    fn recv(&mut self, limit: usize) -> Result<Vec<u8>, ChannelError> {
        let rest = &self.script[self.at..];
        let (length, rest) = rest.split_first_chunk().ok_or(ChannelError::Closed)?;
        let length = u32::from_be_bytes(*length) as usize;
        if length > limit {
            return Err(ChannelError::TooLong { limit });
        }
        let message = rest.get(..length).ok_or(ChannelError::Closed)?.to_vec();
        self.at += 4 + length;
        Ok(message)
    }
}

/// No server is ever reached.
struct Nowhere;

impl Connect for Nowhere {
    fn connect(&self, _: &str, _: u16) -> Result<Box<dyn Link>, String> {
        Err("nowhere".into())
    }
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

/// A notary at work, always with the same random bytes, so that a script that was recorded can be played again.
pub fn serve(channel: &mut dyn Channel) -> Result<NotaryReport, NotaryError> {
    let notary = Notary { key: key(), roots: RootCertStore::empty().into(), policy: Policy::default() };
    notary.serve(channel, &Nowhere, NOW, &mut rng())
}

/// A prover that prepares, always with the same random bytes.
pub fn prepare(channel: Box<dyn Channel>) -> Result<(), ProveError> {
    let (source, secrets) = (sample_source(), Secrets::new());
    let prover = Prover {
        source: &source,
        secrets: &secrets,
        survey: [0; 32],
        provider_key: [0; 32],
        notary: key().public(),
        mode: Mode::Proxy,
        roots: RootCertStore::empty().into(),
        patience: Patience { record: Duration::ZERO, idle: Duration::ZERO },
        show_rest: false,
        connect: &Nowhere,
    };
    prover.prepare(channel, NOW, &mut rng()).map(|_| ())
}

const CAPS: Caps = Caps { request: 64, response: 1024 };

/// The notary of `mpc` mode, preparing.
pub fn mpc_serve(channel: &mut dyn Channel) -> Result<(), MpcError> {
    mpc::Notary::prepare(channel, CAPS, &mut rng()).map(|_| ())
}

/// The prover of `mpc` mode, preparing.
pub fn mpc_prepare(channel: Box<dyn Channel>) -> Result<(), MpcError> {
    mpc::Prover::prepare(channel, CAPS, &mut rng()).map(|_| ())
}

/// What a prover sends to a notary: greeting, oblivious transfers, relay, claim. Accepted if the script ended before
/// anything was wrong.
pub fn notary(bytes: &[u8]) -> bool {
    matches!(serve(&mut Scripted::new(bytes)), Err(NotaryError::Channel(ChannelError::Closed)))
}

/// What a notary sends to a prover: its answer to the greeting, then oblivious transfers.
pub fn prover(bytes: &[u8]) -> bool {
    match prepare(Box::new(Scripted::new(bytes))) {
        Err(
            ProveError::Proof(ProofError::Protocol(twopc::Error::Channel(error)))
            | ProveError::Channel(error),
        ) => error == ChannelError::Closed,
        other => other.is_ok(),
    }
}

/// The first messages of `mpc` mode, as a notary meets them.
pub fn mpc_notary(bytes: &[u8]) -> bool {
    unbroken(&mpc_serve(&mut Scripted::new(bytes)))
}

/// The first messages of `mpc` mode, as a prover meets them.
pub fn mpc_prover(bytes: &[u8]) -> bool {
    unbroken(&mpc_prepare(Box::new(Scripted::new(bytes))))
}

fn unbroken(ended: &Result<(), MpcError>) -> bool {
    matches!(ended, Ok(()) | Err(MpcError::Protocol(twopc::Error::Channel(ChannelError::Closed))))
}
