//! Putting the servers together and running them.

use std::sync::Arc;
use std::time::Duration;

use net::tcp::{Peer, Transport, TransportConfig};
use rep3::network::Party;
use survey::{Code, Identity, Refusal, Survey};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::clock::{Clock, SystemClock};
use crate::config::{CoordinatorConfig, Loaded, PartyConfig, Tls};
use crate::coordinator::limits::Rate;
use crate::coordinator::{self, Intake, Limiter};
use crate::http::client::Client;
use crate::http::serve::{Port, bind, serve};
use crate::metrics::Metrics;
use crate::party::engine::{Activity, Engine, Timing};
use crate::party::link::Link;
use crate::party::pool::{Judge, Pool};
use crate::party::session::Sessions;
use crate::party::tables::Tables;
use crate::party::{self};
use crate::random::{Random, SystemRandom};
use crate::storage::Store;
use crate::webhook::Webhook;

fn fault(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::InvalidConfiguration, error.to_string())
}

fn on_the_wire(identity: &Identity) -> net::Identity {
    net::Identity::from_key(ed25519_dalek::SigningKey::from_bytes(&identity.seed()))
}

fn transport(survey: &Survey, me: usize, identity: &Identity, patience: u64) -> Result<Transport, Refusal> {
    let peer = |index: usize| Peer {
        key: net::PublicKey(survey.parties[index].identity.0),
        address: survey.parties[index].address.clone(),
    };
    Transport::start(TransportConfig {
        me: Party::from_index(me),
        identity: on_the_wire(identity),
        left: peer((me + 2) % 3),
        right: peer((me + 1) % 3),
        patience: Duration::from_secs(patience),
    })
    .map_err(fault)
}

fn client_of(survey: &Survey, party: usize) -> Result<Client, Refusal> {
    let info = &survey.parties[party];
    Client::new(&format!("https://{}", info.address), Some(info.identity))
}

/// A party, ready to run.
pub struct PartyServer {
    engine: Arc<Engine>,
    port: Port,
    router: axum::Router,
}

impl PartyServer {
    /// Opens storage and port, and connects everything.
    ///
    /// # Errors
    /// [`Refusal`] if storage, keys or addresses cannot be used.
    pub async fn start(loaded: Loaded<PartyConfig>) -> Result<Self, Refusal> {
        let Loaded { config, survey: signed, keys, policy } = loaded;
        let signed = Arc::new(signed);
        let survey = Arc::new(signed.body.clone());
        let survey_id = survey.id()?;
        let me = survey.parties.iter().position(|party| party.identity == keys.identity.public());
        let me = me.ok_or_else(|| fault("the keys are not those of one of the survey's parties"))?;
        let metrics = Metrics::default();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let store = Store::open(&config.storage, metrics.clone()).await?;
        let links = Arc::new(transport(&survey, me, &keys.identity, config.patience)?);
        let threads = match config.threads {
            0 => net::Threads::per_core(),
            width => net::Threads::new(width),
        };
        let judge = Judge {
            party: Party::from_index(me),
            survey: survey.clone(),
            survey_id,
            opening: keys.opening.clone(),
            nullifiers: keys.nullifiers.clone(),
        };
        let link = Arc::new(Link {
            me,
            survey: survey_id,
            identity: keys.identity.clone(),
            clock: clock.clone(),
            parties: [client_of(&survey, 0)?, client_of(&survey, 1)?, client_of(&survey, 2)?],
            coordinator: Client::new(&survey.coordinator.address, survey.coordinator.identity)?,
            judge: Arc::new(judge),
        });
        let sessions = Sessions {
            opener: links.clone(),
            executor: Arc::new(threads.map_err(fault)?),
            survey: survey.clone(),
            random: random.clone(),
        };
        let tls =
            net::tls::server(&on_the_wire(&keys.identity), &config.names, links.diallers()).map_err(fault)?;
        let engine = Arc::new(Engine {
            me,
            survey,
            survey_id,
            identity: keys.identity,
            own_policy: policy,
            tables: Tables::new(store, survey_id),
            clock,
            random,
            peers: link.clone(),
            queue: link,
            compute: Arc::new(sessions),
            metrics,
            timing: Timing::default(),
            pool: Pool::default(),
            activity: Activity::default(),
        });
        let router = party::api::routes(party::api::Api { engine: engine.clone(), survey: signed });
        let listener = bind(&config.listen).await?;
        let patience = Duration::from_secs(config.patience);
        tracing::info!(party = me, listen = %config.listen, "party is up");
        Ok(Self { engine, port: Port { listener, tls: Some(tls), links: Some(links), patience }, router })
    }

    /// Serves and works until `shutdown` ends.
    ///
    /// # Errors
    /// [`Code::Storage`] if the storage fails for good.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Refusal> {
        let worker = self.engine.clone();
        let work = Box::pin(worker.run());
        let serve = Box::pin(serve(self.port, self.router, shutdown));
        let outcome = tokio::select! {
            outcome = work => outcome,
            () = serve => Ok(()),
        };
        self.engine.stop();
        outcome
    }
}

/// A coordinator, ready to run.
pub struct CoordinatorServer {
    port: Port,
    router: axum::Router,
    /// What runs beside; it ends with the server.
    _tasks: JoinSet<()>,
}

impl CoordinatorServer {
    /// Opens storage and port, and connects everything.
    ///
    /// # Errors
    /// [`Refusal`] if storage, keys or addresses cannot be used.
    pub async fn start(loaded: Loaded<CoordinatorConfig>) -> Result<Self, Refusal> {
        let Loaded { config, survey: signed, keys, .. } = loaded;
        let survey = Arc::new(signed.body.clone());
        let survey_id = survey.id()?;
        let metrics = Metrics::default();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = Store::open(&config.storage, metrics.clone()).await?;
        let tables = coordinator::tables::Tables::new(store);
        let accounts = keys.nullifiers.clone();
        let intake = Intake::start(survey, survey_id, accounts, clock.clone(), tables.clone(), config.queue);
        let rate = |per_second: f64| Rate { per_second, burst: per_second * 10.0 };
        let tls = match config.tls {
            Tls::None => None,
            Tls::Identity => {
                let identity = on_the_wire(&keys.identity);
                Some(net::tls::server(&identity, &config.names, Vec::new()).map_err(fault)?)
            }
        };
        let (news, mut tasks) = (Arc::new(Notify::new()), JoinSet::new());
        if let Some(url) = &config.webhook {
            let webhook = Webhook::new(url, keys.identity.clone())?;
            tasks.spawn(webhook.follow(tables.clone(), news.clone()));
        }
        let router = coordinator::api::routes(coordinator::api::Api {
            survey: Arc::new(signed),
            survey_id,
            tables,
            intake,
            limiter: Arc::new(Limiter::new(rate(config.rate_per_address), rate(config.rate_per_survey))),
            clock,
            metrics,
            heard: Arc::default(),
            news,
            asked: Arc::default(),
            answered: Arc::default(),
        });
        let listener = bind(&config.listen).await?;
        let patience = Duration::from_secs(config.patience);
        tracing::info!(listen = %config.listen, "coordinator is up");
        Ok(Self { port: Port { listener, tls, links: None, patience }, router, _tasks: tasks })
    }

    /// Serves until `shutdown` ends.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        serve(self.port, self.router, shutdown).await;
    }
}

/// Ends at Ctrl-C or SIGTERM. The signals are caught from the call on, not only once the future is awaited: a server
/// that is told to end while it starts ends gracefully, too. To be called within a runtime.
pub fn interrupted() -> impl Future<Output = ()> {
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    async move {
        let [interrupt, terminate] = signals.map(|signal| async {
            match signal {
                Ok(mut signal) => signal.recv().await,
                Err(_) => std::future::pending().await,
            }
        });
        tokio::select! {
            _ = interrupt => {}
            _ = terminate => {}
        }
        tracing::info!("shutting down");
    }
}
