//! An honest statement to start from, and its forgery into a signed one.

use mpctls::attestation::{Classed, RedactedBytes, Shown, Statement};
use mpctls::class::Class;
use mpctls::commitment::{commit, domain};
use mpctls::source::Disclosure;
use mpctls::{
    Attestation, Commitment, Direction, Mode, NotarySigningKey, Opening, Source, VerifiedAttestation, verify,
};

use crate::support::{BODY, HOST, PROVIDER, SURVEY, response, secrets, source};

pub const TIME: u64 = 1_700_000_000;
pub const SESSION: [u8; 32] = [3; 32];

/// A notary that signs whatever it is given: the attacks here are on those who read attestations, or on a notary
/// that does not look.
pub fn key() -> NotarySigningKey {
    NotarySigningKey::from_seed(&[42; 32])
}

/// The honest statement over a response, and its openings.
pub fn honest(source: &Source, response: &[u8]) -> (Statement, Vec<Opening>) {
    let request = source.render(&secrets(), TIME * 1000).unwrap();
    let disclosure = source.disclose(&request, response, false).unwrap();
    from_disclosure(disclosure, response)
}

pub fn from_disclosure(disclosure: Disclosure, response: &[u8]) -> (Statement, Vec<Opening>) {
    let mut commitments = Vec::new();
    let mut openings = Vec::new();
    for (field, range) in &disclosure.windows {
        let opening =
            Opening { field: field.clone(), blinder: [8; 32], window: response[range.clone()].to_vec() };
        commitments.push(commitment(field, range.start, &opening.window));
        openings.push(opening);
    }
    let statement = Statement {
        version: 1,
        mode: Mode::Proxy,
        session: SESSION,
        time: TIME,
        server_name: HOST.into(),
        survey: SURVEY,
        provider_key: PROVIDER,
        sent: disclosure.sent,
        received: disclosure.received,
        commitments,
    };
    (statement, openings)
}

/// A true commitment to a window at some offset.
pub fn commitment(field: &str, offset: usize, window: &[u8]) -> Commitment {
    let (offset, length) = (offset as u32, window.len() as u32);
    let domain = domain(&SESSION, Direction::Received, offset, length, field);
    let digest = commit(&domain, &[8; 32], window);
    Commitment { field: field.into(), direction: Direction::Received, offset, length, digest }
}

/// The honest statement over the usual response.
pub fn usual() -> Statement {
    honest(&source(), &response(BODY)).0
}

/// What a verifier says of a statement that a notary was talked into signing: `Ok`, or the code of its refusal.
pub fn judge(statement: Statement) -> Result<VerifiedAttestation, &'static str> {
    judge_with(statement, &source())
}

pub fn judge_with(statement: Statement, source: &Source) -> Result<VerifiedAttestation, &'static str> {
    let attestation = Attestation::sign(statement, &key()).unwrap();
    // Through the wire form, as every attestation comes.
    let attestation = Attestation::from_json(&attestation.to_json().unwrap()).unwrap();
    verify(&attestation, source, &[key().public()], TIME).map_err(|error| error.code())
}

/// A redaction drawn by hand: in the pattern `.` hides a byte, `~` hides it with a proof that it ends no line, and
/// anything else shows it.
pub fn redact(bytes: &[u8], pattern: impl Fn(usize) -> u8) -> RedactedBytes {
    let mut redacted = RedactedBytes { length: bytes.len() as u32, shown: vec![], classes: vec![] };
    for (at, &byte) in bytes.iter().enumerate() {
        match pattern(at) {
            b'.' => {}
            b'~' => {
                redacted.classes.push(Classed { offset: at as u32, length: 1, class: Class::Line });
            }
            _ => redacted.shown.push(Shown { offset: at as u32, bytes: vec![byte] }),
        }
    }
    redacted
}

/// Shows the ranges of `bytes` that `texts` name, hides the rest of the body, and shows the head.
pub fn show_only(bytes: &[u8], texts: &[&str]) -> RedactedBytes {
    let head = position(bytes, "\r\n\r\n") + 4;
    redact(bytes, |at| {
        let within = texts.iter().any(|text| {
            let start = position(bytes, text);
            (start..start + text.len()).contains(&at)
        });
        if at < head || within { b'+' } else { b'.' }
    })
}

pub fn position(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap()
}
