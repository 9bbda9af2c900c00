//! The notary's side of a session. Sockets, TLS towards provers and configuration are the server's
//! (`service::notary`); this is the protocol.

use rand::CryptoRng;
use rustls::RootCertStore;
use std::sync::Arc;
use twopc::channel::{Channel, ChannelError};
use twopc::ot::CotSender;
use twopc::quicksilver::Verifier;

use super::relay::{RelayError, relay};
use super::{Claim, Hello, Limits, MAX_CLAIM, MAX_HELLO, Progress, Refusal, Reply, VERSION, Verdict};
use crate::attestation::{Attestation, Mode, NotarySigningKey, Statement, VERSION as STATEMENT_VERSION};
use crate::code::Code;
use crate::mpc::{self, Caps, MpcError};
use crate::proof::{self, ProofError};
use crate::tls::{Link, Session, Side};
use crate::transcript::match_source;

/// What a notary lets provers do.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The hosts it notarizes; `None` for any.
    pub hosts: Option<Vec<String>>,
    /// The modes it offers.
    pub modes: Vec<Mode>,
    /// Its caps on one session.
    pub limits: Limits,
}

impl Default for Policy {
    fn default() -> Self {
        Self { hosts: None, modes: vec![Mode::Mpc, Mode::Proxy], limits: Limits::default() }
    }
}

/// Opens connections to servers. The notary resolves names itself: in `proxy` mode its path to the server is
/// what everybody trusts.
pub trait Connect: Send + Sync {
    /// Connects to a host.
    ///
    /// # Errors
    /// Why not, in words.
    fn connect(&self, host: &str, port: u16) -> Result<Box<dyn Link>, String>;
}

/// Why a session ended without an attestation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotaryError {
    /// The prover's connection broke.
    #[error("the prover's connection broke: {0}")]
    Channel(#[from] ChannelError),
    /// The notary refused, and said so.
    #[error("refused ({}): {}", .0.code, .0.message)]
    Refused(Refusal),
}

/// What the server's log and metrics may know of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotaryReport {
    /// The host asked.
    pub host: String,
    /// How the work was shared.
    pub mode: Mode,
    /// Bytes of TLS records to the server.
    pub sent: usize,
    /// Bytes of TLS records from the server.
    pub received: usize,
}

/// A notary.
pub struct Notary {
    /// The key that signs attestations.
    pub key: NotarySigningKey,
    /// The certificate authorities that it trusts for servers.
    pub roots: Arc<RootCertStore>,
    /// What it lets provers do.
    pub policy: Policy,
}

/// What is fixed when the session begins.
struct Agreed {
    hello: Hello,
    session: [u8; 32],
    time: u64,
}

/// Tells a prover, who is about to greet, why there will be no session.
///
/// # Errors
/// The prover's connection broke.
pub fn turn_away(channel: &mut dyn Channel, code: Code) -> Result<(), ChannelError> {
    // Its greeting is read first: a connection that is closed over unread bytes loses what was said last.
    channel.recv(MAX_HELLO)?;
    super::send(channel, &Reply::Refused(Refusal::new(code.text(), code.cause())))
}

impl Notary {
    /// Serves one prover. `now` is the clock in seconds since 1970.
    ///
    /// # Errors
    /// [`NotaryError`]; the prover has been told, if it is still there.
    pub fn serve(
        &self,
        channel: &mut dyn Channel,
        server: &dyn Connect,
        now: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<NotaryReport, NotaryError> {
        let agreed = match self.agree(channel, now, rng) {
            Err(NotaryError::Refused(refusal)) => {
                super::send(channel, &Reply::Refused(refusal.clone()))?;
                return Err(NotaryError::Refused(refusal));
            }
            other => other?,
        };
        let (attestation, report) = match agreed.hello.mode {
            Mode::Proxy => self.proxy(channel, server, &agreed, rng)?,
            Mode::Mpc => self.mpc(channel, &agreed, rng)?,
        };
        super::send(channel, &Verdict::Attested(Box::new(attestation)))?;
        Ok(report)
    }

    /// Reads the greeting, judges it, and answers.
    fn agree(
        &self,
        channel: &mut dyn Channel,
        time: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Agreed, NotaryError> {
        let Some(hello): Option<Hello> = super::recv(channel, MAX_HELLO)? else {
            return refuse(Code::Hello, "the greeting is malformed, or its source is refused by the checker");
        };
        if hello.version != VERSION {
            return refuse(Code::ProtocolVersion, format!("this notary speaks version {VERSION}"));
        }
        if !self.policy.modes.contains(&hello.mode) {
            return refuse(Code::ModeRefused, format!("this notary does not offer {} mode", hello.mode));
        }
        let host = hello.source.host();
        if self.policy.hosts.as_ref().is_some_and(|hosts| !hosts.iter().any(|h| h == host)) {
            return refuse(Code::HostRefused, format!("this notary does not notarize {host}"));
        }
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let session = super::session_id(&hello, &nonce, time);
        super::send(channel, &Reply::Accepted { nonce, time, limits: self.policy.limits })?;
        Ok(Agreed { hello, session, time })
    }

    /// `proxy` mode: relay, then verify the proof of everything.
    fn proxy(
        &self,
        channel: &mut dyn Channel,
        server: &dyn Connect,
        agreed: &Agreed,
        rng: &mut impl CryptoRng,
    ) -> Result<(Attestation, NotaryReport), NotaryError> {
        let source = &agreed.hello.source;
        let delta = u128::from_le_bytes(random(rng)) | 1;
        let mut cots = CotSender::setup(delta, channel, rng).map_err(|e| failed(e.into()))?;
        cots.extend(super::prover::PREPARED, channel).map_err(|e| failed(e.into()))?;
        let mut link = match server.connect(source.host(), source.port()) {
            Ok(link) => link,
            Err(why) => {
                let why = format!("{} cannot be reached from the notary: {why}", source.host());
                let refusal = Refusal::new(Code::ServerUnreachable.text(), why);
                super::send(channel, &Progress::Refused(refusal.clone()))?;
                return Err(NotaryError::Refused(refusal));
            }
        };
        super::send(channel, &Progress::Go)?;
        let streams = relay(channel, link.as_mut(), self.policy.limits).map_err(|error| match error {
            RelayError::Channel(error) => NotaryError::Channel(error),
            RelayError::Cap(what) => {
                NotaryError::Refused(Refusal::new(Code::Cap.text(), format!("the cap on {what} is used up")))
            }
            RelayError::Malformed => {
                NotaryError::Refused(Refusal::new(Code::Relay.text(), "a malformed relay message"))
            }
        })?;
        drop(link);
        let claim = receive_claim(channel, agreed);
        let read = self.read_session(&streams.client, &streams.server, agreed);
        let (session, statement) = match read.and_then(|session| Ok((session, claim?))) {
            Ok(both) => both,
            Err(error) => {
                if let NotaryError::Refused(refusal) = &error {
                    super::send(channel, &Progress::Refused(refusal.clone()))?;
                }
                return Err(error);
            }
        };
        super::send(channel, &Progress::Go)?;

        let mut verifier = Verifier::new(rng);
        let mut proof = verifier.on(&mut cots, channel);
        if let Err(error) = proof::session(&mut proof, &session, &statement, None, None) {
            let error = failed(error);
            if let NotaryError::Refused(refusal) = &error {
                super::send(channel, &Verdict::Refused(refusal.clone()))?;
            }
            return Err(error);
        }
        let attestation = self.sign(statement)?;
        let report = NotaryReport {
            host: source.host().to_owned(),
            mode: Mode::Proxy,
            sent: streams.client.len(),
            received: streams.server.len(),
        };
        Ok((attestation, report))
    }

    /// `mpc` mode: hold a share of the session's keys, then verify the proof of everything.
    fn mpc(
        &self,
        channel: &mut dyn Channel,
        agreed: &Agreed,
        rng: &mut impl CryptoRng,
    ) -> Result<(Attestation, NotaryReport), NotaryError> {
        let limits = self.policy.limits;
        let caps = Caps { request: limits.sent, response: limits.received };
        let mut notary = mpc::Notary::prepare(channel, caps, rng).map_err(broke)?;
        let session = notary.attend().map_err(broke)?;
        let host = agreed.hello.source.host();
        let claim = receive_claim(notary.channel(), agreed);
        let identity = session
            .authenticate(host, self.roots.clone(), agreed.time)
            .map_err(|error| NotaryError::Refused(Refusal::new(error.code(), error)));
        let statement = match identity.and(claim) {
            Ok(statement) => statement,
            Err(error) => {
                if let NotaryError::Refused(refusal) = &error {
                    super::send(notary.channel(), &Progress::Refused(refusal.clone()))?;
                }
                return Err(error);
            }
        };
        super::send(notary.channel(), &Progress::Go)?;
        if let Err(error) = notary.verify(&session, &statement).map_err(broke) {
            if let NotaryError::Refused(refusal) = &error {
                super::send(channel, &Verdict::Refused(refusal.clone()))?;
            }
            return Err(error);
        }
        let report = NotaryReport {
            host: host.to_owned(),
            mode: Mode::Mpc,
            sent: session.application_data(Side::Client).map(|record| record.ciphertext.len()).sum(),
            received: session.application_data(Side::Server).map(|record| record.ciphertext.len()).sum(),
        };
        Ok((self.sign(statement)?, report))
    }

    /// Reads the session from its streams and judges the server's identity at the notary's own clock.
    fn read_session(&self, client: &[u8], server: &[u8], agreed: &Agreed) -> Result<Session, NotaryError> {
        let host = agreed.hello.source.host();
        let read = || {
            let session = Session::read(client, server)?;
            session.authenticate(host, self.roots.clone(), agreed.time)?;
            Ok(session)
        };
        read().map_err(|error: crate::tls::SessionError| {
            NotaryError::Refused(Refusal::new(error.code(), error))
        })
    }

    fn sign(&self, statement: Statement) -> Result<Attestation, NotaryError> {
        Attestation::sign(statement, &self.key)
            .map_err(|error| NotaryError::Refused(Refusal::new(error.code(), error)))
    }
}

fn random<const N: usize>(rng: &mut impl CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn refuse<T>(code: Code, message: impl std::fmt::Display) -> Result<T, NotaryError> {
    Err(NotaryError::Refused(Refusal::new(code.text(), message)))
}

/// A failed proof. The channel may be out of step, so the refusal may not arrive; it never depends on data.
fn failed(error: ProofError) -> NotaryError {
    match error {
        ProofError::Protocol(twopc::Error::Channel(error)) => NotaryError::Channel(error),
        error => NotaryError::Refused(Refusal::new(Code::Proof.text(), error)),
    }
}

/// A failed session of `mpc` mode.
fn broke(error: MpcError) -> NotaryError {
    match error {
        MpcError::Protocol(twopc::Error::Channel(error)) => NotaryError::Channel(error),
        error => NotaryError::Refused(Refusal::new(error.code(), error)),
    }
}

/// Receives the claim and matches it against the source, before any work is put into its proof.
fn receive_claim(channel: &mut dyn Channel, agreed: &Agreed) -> Result<Statement, NotaryError> {
    let Some(claim): Option<Claim> = super::recv(channel, MAX_CLAIM)? else {
        return refuse(Code::Claim, "the claim is malformed");
    };
    let statement = statement(agreed, claim);
    match_source(&statement, &agreed.hello.source)
        .map_err(|error| NotaryError::Refused(Refusal::new(error.code(), error)))?;
    Ok(statement)
}

fn statement(agreed: &Agreed, claim: Claim) -> Statement {
    Statement {
        version: STATEMENT_VERSION,
        mode: agreed.hello.mode,
        session: agreed.session,
        time: agreed.time,
        server_name: agreed.hello.source.host().to_owned(),
        survey: agreed.hello.survey,
        provider_key: agreed.hello.provider_key,
        sent: claim.sent,
        received: claim.received,
        commitments: claim.commitments,
    }
}
