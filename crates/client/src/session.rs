//! A provider's session with a notary: prepared while its user may still be typing, then run.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mpctls::protocol::{Outbound, Preparation, Proven, Prover, Stage};
use mpctls::source::{Disclosure, Secrets};
use mpctls::tls::Patience;
use mpctls::{Mode, NotaryKey, Source};
use rustls::RootCertStore;
use tokio::runtime::Handle;

use crate::error::ClientError;
use crate::notary;

/// For how long a preparation waits for secrets to be typed: less than notaries bear silence.
const TYPING: Duration = Duration::from_secs(40);

/// Whose session it is: who is asked and told on the way.
pub trait User {
    /// Asks for the secrets that are not known yet.
    ///
    /// # Errors
    /// [`ClientError`], if they cannot be asked for.
    fn complete(&mut self, secrets: &mut Secrets) -> Result<(), ClientError>;

    /// Whether to go on, having seen what the notary is about to be shown.
    fn approve(&mut self, disclosure: &Disclosure) -> bool;

    /// Hears where the session stands.
    fn see(&mut self, stage: Stage);
}

/// What a session is about.
#[derive(Clone)]
pub struct Session {
    /// What is proven.
    pub source: Source,
    /// The survey that the proof is for.
    pub survey: [u8; 32],
    /// The one-use key that will sign the submission.
    pub provider_key: [u8; 32],
    /// The notary's key.
    pub notary: NotaryKey,
    /// Where the notary listens, `host:port`.
    pub address: String,
    /// How to share the work with the notary.
    pub mode: Mode,
    /// The certificate authorities trusted for the website.
    pub roots: Arc<RootCertStore>,
}

impl Session {
    /// Prepares and runs the session; `secrets` are those known beforehand. Blocks: call it from a thread that is
    /// not one of `runtime`'s.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn run(
        &self,
        mut secrets: Secrets,
        runtime: &Handle,
        user: &mut impl User,
    ) -> Result<Proven, ClientError> {
        user.see(Stage::Preparing);
        // Of secrets that would not fit in their longest form, the length has to be known first.
        let ahead = self.source.longest_request(&secrets)? <= mpctls::mpc::MAX_REQUEST;
        let prepared = if ahead {
            self.prepare_ahead(&mut secrets, runtime, user)?
        } else {
            user.complete(&mut secrets)?;
            self.prepare(&secrets, runtime)?
        };
        let user = RefCell::new(user);
        let proven = self.prover(&secrets).run(
            prepared,
            since_1970().as_millis() as u64,
            &mut rand::rng(),
            &mut |stage| user.borrow_mut().see(stage),
            &mut |disclosure| user.borrow_mut().approve(disclosure),
        )?;
        Ok(proven)
    }

    /// Prepares with the notary, which takes long, while the user types.
    fn prepare_ahead(
        &self,
        secrets: &mut Secrets,
        runtime: &Handle,
        user: &mut impl User,
    ) -> Result<Preparation, ClientError> {
        let known = secrets.clone();
        let (prepared, ready) = thread::scope(|scope| {
            let ahead = scope.spawn(|| Ok((self.prepare(&known, runtime)?, Instant::now())));
            user.complete(secrets)?;
            ahead.join().unwrap_or_else(|_| Err(ClientError::ended("the preparation")))
        })?;
        // A notary hangs up on somebody who is silent for long.
        if ready.elapsed() < TYPING { Ok(prepared) } else { self.prepare(secrets, runtime) }
    }

    fn prepare(&self, secrets: &Secrets, runtime: &Handle) -> Result<Preparation, ClientError> {
        let channel = runtime.block_on(notary::connect(&self.address, self.notary.key))?;
        Ok(self.prover(secrets).prepare(Box::new(channel), since_1970().as_secs(), &mut rand::rng())?)
    }

    fn prover<'a>(&'a self, secrets: &'a Secrets) -> Prover<'a> {
        Prover {
            source: &self.source,
            secrets,
            survey: self.survey,
            provider_key: self.provider_key,
            notary: self.notary.clone(),
            mode: self.mode,
            roots: self.roots.clone(),
            patience: Patience::default(),
            show_rest: false,
            // The provider's own machine may reach whatever it likes.
            connect: &Outbound { private_addresses: true },
        }
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
