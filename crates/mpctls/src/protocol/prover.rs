//! The prover's side of a session.

use rand::CryptoRng;
use rustls::RootCertStore;
use std::sync::Arc;
use twopc::channel::{Channel, ChannelError};
use twopc::ot::CotReceiver;
use twopc::quicksilver::Prover as QuickSilver;

use super::notary::Connect;
use super::relay::RelayLink;
use super::{Claim, Hello, Limits, MAX_CLAIM, MAX_REPLY, Progress, Refusal, Reply, VERSION, Verdict};
use crate::attestation::{
    Attestation, Mode, NotaryKey, Statement, VERSION as STATEMENT_VERSION, VerifiedAttestation, VerifyError,
    verify,
};
use crate::code::Code;
use crate::commitment::{Commitment, Direction, Opening, commit, domain};
use crate::mpc::{self, Caps, MpcError};
use crate::proof::{self, ProofError};
use crate::source::{DiscloseError, Disclosure, RenderedRequest, Secrets, Source, SourceError};
use crate::tls::{ClientError, Fetched, Patience, Session, SessionError, fetch, fetch_deferred};

/// Correlations made before the server is contacted: enough for a small page in `proxy` mode. More are made when
/// these run out.
pub(super) const PREPARED: usize = 420_000;

/// Where a session stands, for progress bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Preparing with the notary.
    Preparing,
    /// Talking to the server.
    Connected,
    /// Proving.
    Proving,
    /// The attestation is here.
    Done,
}

/// Why there is no attestation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProveError {
    /// The source or a secret.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The connection to the notary.
    #[error("the connection to the notary broke: {0}; check its address and try again")]
    Channel(#[from] ChannelError),
    /// The notary refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The connection to the server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The session cannot be attested.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The response is not what the source describes.
    #[error(transparent)]
    Disclose(#[from] DiscloseError),
    /// The proof failed.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The session that was to be shared with the notary failed.
    #[error(transparent)]
    Mpc(#[from] MpcError),
    /// The server cannot be reached.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, String),
    /// The notary answered with something else.
    #[error("the notary's message is malformed; it may run another version of mpcstats")]
    Malformed,
    /// The notary's clock is too far off.
    #[error("the notary's clock is {0} seconds away from the clock here; check both")]
    Clock(u64),
    /// The attestation is not about this session, or does not verify.
    #[error("the notary's attestation does not verify: {0}")]
    Attestation(#[from] VerifyError),
    /// The attestation is not about this session.
    #[error("the notary attested something else than what was proven; do not use this notary")]
    OtherStatement,
    /// The user looked at what would be shown and said no.
    #[error("stopped before anything was shown")]
    Declined,
}

impl ProveError {
    /// A stable name for this error.
    pub fn code(&self) -> &str {
        match self {
            Self::Source(error) => return error.code(),
            Self::Channel(_) => Code::NotaryConnection,
            Self::Refused(refusal) => return &refusal.code,
            Self::Client(_) => Code::ServerConnection,
            Self::Session(error) => return error.code(),
            Self::Disclose(error) => return error.code(),
            Self::Proof(_) => Code::Proof,
            Self::Mpc(error) => return error.code(),
            Self::Unreachable(..) => Code::ServerUnreachable,
            Self::Malformed => Code::NotaryMalformed,
            Self::Clock(_) => Code::NotaryClock,
            Self::Attestation(error) => return error.code(),
            Self::OtherStatement => Code::NotaryStatement,
            Self::Declined => Code::Declined,
        }
        .text()
    }
}

/// What a prover needs for one session.
pub struct Prover<'a> {
    /// The source.
    pub source: &'a Source,
    /// The secrets that it asks for.
    pub secrets: &'a Secrets,
    /// The survey that the attestation is for.
    pub survey: [u8; 32],
    /// The one-use key that will sign the submission.
    pub provider_key: [u8; 32],
    /// The notary's key.
    pub notary: NotaryKey,
    /// How to share the work.
    pub mode: Mode,
    /// The certificate authorities trusted for the server.
    pub roots: Arc<RootCertStore>,
    /// How long to wait for the server.
    pub patience: Patience,
    /// Show everything that is neither a secret nor a private field.
    pub show_rest: bool,
    /// The way to the server in `mpc` mode, where the prover owns the connection.
    pub connect: &'a dyn Connect,
}

/// What the prover has in the end.
pub struct Proven {
    /// For everybody.
    pub attestation: Attestation,
    /// What the attestation says, verified.
    pub verified: VerifiedAttestation,
    /// For the prover alone.
    pub openings: Vec<Opening>,
}

/// A session prepared with the notary, before the server is contacted.
pub struct Preparation {
    material: Material,
    session: [u8; 32],
    time: u64,
    limits: Limits,
}

/// What was made ahead of time, and the channel over which it was made.
enum Material {
    Proxy { channel: Box<dyn Channel>, cots: CotReceiver },
    Mpc(mpc::Prover),
}

impl Preparation {
    fn talk<T>(&mut self, talk: impl FnOnce(&mut dyn Channel) -> T) -> T {
        match &mut self.material {
            Material::Proxy { channel, .. } => talk(channel.as_mut()),
            Material::Mpc(prover) => prover.talk(talk),
        }
    }
}

impl Prover<'_> {
    /// Greets the notary and makes everything that can be made before the server is contacted, or before the user
    /// has typed anything: of secrets that are not known yet it takes the longest.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prepare(
        &self,
        mut channel: Box<dyn Channel>,
        now: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Preparation, ProveError> {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let hello = Hello {
            version: VERSION,
            mode: self.mode,
            source: self.source.clone(),
            survey: self.survey,
            provider_key: self.provider_key,
            nonce,
        };
        super::send(channel.as_mut(), &hello)?;
        let (nonce, time, limits) = match super::recv(channel.as_mut(), MAX_REPLY)? {
            Some(Reply::Accepted { nonce, time, limits }) => (nonce, time, limits),
            Some(Reply::Refused(refusal)) => return Err(refusal.into()),
            None => return Err(ProveError::Malformed),
        };
        if time.abs_diff(now) > 300 {
            return Err(ProveError::Clock(time.abs_diff(now)));
        }
        let session = super::session_id(&hello, &nonce, time);
        let material = match self.mode {
            Mode::Proxy => {
                let mut cots = CotReceiver::setup(channel.as_mut(), rng).map_err(ProofError::from)?;
                cots.extend(PREPARED, channel.as_mut()).map_err(ProofError::from)?;
                Material::Proxy { channel, cots }
            }
            Mode::Mpc => {
                // Part of a block is free.
                let request = self.source.longest_request(self.secrets)?;
                let caps = Caps {
                    request: request.next_multiple_of(16),
                    response: limits.received.min(mpc::MAX_RESPONSE),
                };
                caps.check(Caps { request: limits.sent, response: limits.received })?;
                Material::Mpc(mpc::Prover::prepare(channel, caps, rng)?)
            }
        };
        Ok(Preparation { material, session, time, limits })
    }

    /// Runs the session. `approve` sees what will be shown before the notary does, and may say no.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn run(
        &self,
        mut prepared: Preparation,
        now_ms: u64,
        rng: &mut impl CryptoRng,
        progress: &mut dyn FnMut(Stage),
        approve: &mut dyn FnMut(&Disclosure) -> bool,
    ) -> Result<Proven, ProveError> {
        let request = self.source.render(self.secrets, now_ms)?;
        let (fetched, master) = match &mut prepared.material {
            Material::Proxy { channel, .. } => {
                go(channel.as_mut())?;
                progress(Stage::Connected);
                let mut link = RelayLink::new(channel.as_mut(), prepared.limits.received);
                let (host, roots) = (self.source.host(), self.roots.clone());
                let (fetched, master) = fetch(host, roots, &mut link, &request.bytes, self.patience)?;
                link.done()?;
                (fetched, Some(master))
            }
            Material::Mpc(prover) => {
                let (host, roots) = (self.source.host(), self.roots.clone());
                let unreachable = |why| ProveError::Unreachable(host.to_owned(), why);
                let mut link = self.connect.connect(host, self.source.port()).map_err(unreachable)?;
                progress(Stage::Connected);
                let keys = prover.keys();
                let patience = self.patience;
                (fetch_deferred(host, roots, link.as_mut(), &request.bytes, patience, keys)?, None)
            }
        };
        let session = Session::read(&fetched.client, &fetched.server)?;
        progress(Stage::Proving);
        let (statement, openings) = self.claim(&mut prepared, &request, &fetched, rng, approve)?;
        prepared.talk(go)?;
        match &mut prepared.material {
            Material::Proxy { channel, cots } => {
                let mut prover = QuickSilver::new();
                let mut proof = prover.on(cots, channel.as_mut());
                proof::session(&mut proof, &session, &statement, master.as_deref(), Some(&openings))?;
            }
            Material::Mpc(prover) => prover.prove(&session, &statement, &openings)?,
        }
        let attestation = match prepared.talk(|channel| super::recv(channel, MAX_CLAIM))? {
            Some(Verdict::Attested(attestation)) => *attestation,
            Some(Verdict::Refused(refusal)) => return Err(refusal.into()),
            None => return Err(ProveError::Malformed),
        };
        if attestation.statement != statement {
            return Err(ProveError::OtherStatement);
        }
        let verified = verify(&attestation, self.source, std::slice::from_ref(&self.notary), now_ms / 1000)?;
        progress(Stage::Done);
        Ok(Proven { attestation, verified, openings })
    }

    /// Chooses what to show, commits to the rest, and sends the claim.
    fn claim(
        &self,
        prepared: &mut Preparation,
        request: &RenderedRequest,
        fetched: &Fetched,
        rng: &mut impl CryptoRng,
        approve: &mut dyn FnMut(&Disclosure) -> bool,
    ) -> Result<(Statement, Vec<Opening>), ProveError> {
        let disclosure = self.source.disclose(request, &fetched.response, self.show_rest)?;
        if !approve(&disclosure) {
            return Err(ProveError::Declined);
        }
        let mut openings = Vec::new();
        let mut commitments = Vec::new();
        for (field, range) in &disclosure.windows {
            let mut blinder = [0; 32];
            rng.fill_bytes(&mut blinder);
            let window = fetched.response[range.clone()].to_vec();
            let (offset, length) = (range.start as u32, range.len() as u32);
            let direction = Direction::Received;
            let domain = domain(&prepared.session, direction, offset, length, field);
            let digest = commit(&domain, &blinder, &window);
            commitments.push(Commitment { field: field.clone(), direction, offset, length, digest });
            openings.push(Opening { field: field.clone(), blinder, window });
        }
        let Disclosure { sent, received, .. } = disclosure;
        let claim = Claim { sent, received, commitments };
        prepared.talk(|channel| super::send(channel, &claim))?;
        let statement = Statement {
            version: STATEMENT_VERSION,
            mode: self.mode,
            session: prepared.session,
            time: prepared.time,
            server_name: self.source.host().to_owned(),
            survey: self.survey,
            provider_key: self.provider_key,
            sent: claim.sent,
            received: claim.received,
            commitments: claim.commitments,
        };
        Ok((statement, openings))
    }
}

/// Waits for the notary to go on.
fn go(channel: &mut dyn Channel) -> Result<(), ProveError> {
    match super::recv(channel, MAX_REPLY)? {
        Some(Progress::Go) => Ok(()),
        Some(Progress::Refused(refusal)) => Err(refusal.into()),
        None => Err(ProveError::Malformed),
    }
}
