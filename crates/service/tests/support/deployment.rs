//! A whole deployment in one process, over real TLS on loopback: coordinator and three parties.

use service::config::{CoordinatorConfig, Loaded, PartyConfig, Tls};
use service::fixture::Fixture;
use service::http::client::Client;
use service::keys::Keys;
use service::party::policy::OwnPolicy;
use service::run::{CoordinatorServer, PartyServer};
use survey::definition::NamedPlan;
use survey::wire::{QueryAccepted, QueryStatus, Queued, SubmissionStatus};
use survey::{Id, Receipt, SignedSurvey, Submission};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How many tenths of a second things may take: they are done in a few seconds, unless the machine has much else to do.
const PATIENCE: u32 = 1800;

pub struct Deployment {
    pub fixture: Fixture,
    pub signed: SignedSurvey,
    pub survey_id: Id,
    pub coordinator: Client,
    pub parties: [Client; 3],
    folder: tempfile::TempDir,
    coordinator_keys: Keys,
    coordinator_address: String,
    change_coordinator: fn(&mut CoordinatorConfig),
    policy: OwnPolicy,
    running: Vec<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// Free ports, found by listening on them for a moment.
fn ports<const N: usize>() -> [u16; N] {
    let listeners: [_; N] = std::array::from_fn(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

impl Deployment {
    pub async fn start(plans: Vec<NamedPlan>) -> Self {
        Self::start_with(plans, |_| {}).await
    }

    /// Starts with a change to the survey before it is signed.
    pub async fn start_with(plans: Vec<NamedPlan>, change: impl FnOnce(&mut survey::Survey)) -> Self {
        let mut deployment = Self::prepare(plans, change);
        deployment.start_all().await;
        deployment
    }

    /// Everything but running servers.
    pub fn prepare(plans: Vec<NamedPlan>, change: impl FnOnce(&mut survey::Survey)) -> Self {
        let mut fixture = Fixture::new(now(), plans).unwrap();
        let ports = ports::<4>();
        let coordinator_keys = Keys::generate().unwrap();
        let coordinator_address = format!("127.0.0.1:{}", ports[3]);
        for (party, port) in fixture.survey.parties.iter_mut().zip(ports) {
            party.address = format!("127.0.0.1:{port}");
        }
        fixture.survey.coordinator.address = format!("https://{coordinator_address}");
        fixture.survey.coordinator.identity = Some(coordinator_keys.identity.public());
        change(&mut fixture.survey);
        let signed = fixture.survey.clone().sign(&fixture.organiser).unwrap();
        let client = |address: &str, key| Client::new(&format!("https://{address}"), Some(key)).unwrap();
        Self {
            survey_id: signed.body.id().unwrap(),
            coordinator: client(&coordinator_address, coordinator_keys.identity.public()),
            parties: [0, 1, 2].map(|i| {
                let party = &fixture.survey.parties[i];
                client(&party.address, party.identity)
            }),
            folder: tempfile::tempdir().unwrap(),
            running: vec![None, None, None, None],
            fixture,
            signed,
            coordinator_keys,
            coordinator_address,
            change_coordinator: |_| {},
            policy: OwnPolicy::default(),
        }
    }

    /// The same with another configuration of the coordinator.
    #[must_use]
    pub fn with_coordinator(self, change_coordinator: fn(&mut CoordinatorConfig)) -> Self {
        Self { change_coordinator, ..self }
    }

    /// The same with stricter parties.
    #[must_use]
    pub fn with_policy(self, policy: OwnPolicy) -> Self {
        Self { policy, ..self }
    }

    pub async fn start_all(&mut self) {
        self.start_coordinator().await;
        for party in 0..3 {
            self.start_party(party).await;
        }
    }

    /// Sends bytes to the coordinator as they are, and gives all that comes back until it hangs up.
    pub async fn raw(&self, request: &str) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let key = net::PublicKey(self.coordinator_keys.identity.public().0);
        let tls = tokio_rustls::TlsConnector::from(std::sync::Arc::new(net::tls::https_client(key).unwrap()));
        let socket = tokio::net::TcpStream::connect(&self.coordinator_address).await.unwrap();
        let mut stream = tls.connect("localhost".try_into().unwrap(), socket).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Who hangs up without a farewell has still said what was read.
        let _hung_up = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub fn storage(&self, name: &str) -> String {
        format!("sqlite:{}", self.folder.path().join(format!("{name}.db")).display())
    }

    fn loaded<C>(&self, config: C, keys: Keys) -> Loaded<C> {
        Loaded { config, survey: self.signed.clone(), keys, policy: self.policy.clone() }
    }

    pub async fn start_coordinator(&mut self) {
        let mut config = CoordinatorConfig {
            survey: "unused".into(),
            organiser: None,
            keys: "unused".into(),
            listen: self.coordinator_address.clone(),
            tls: Tls::Identity,
            names: vec!["localhost".into()],
            storage: self.storage("coordinator"),
            queue: 10_000,
            rate_per_address: 1e6,
            rate_per_survey: 1e6,
            patience: 30,
            webhook: None,
        };
        (self.change_coordinator)(&mut config);
        let server =
            CoordinatorServer::start(self.loaded(config, self.coordinator_keys.clone())).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        self.running[3] = Some((stop, task));
    }

    pub async fn start_party(&mut self, party: usize) {
        let config = PartyConfig {
            survey: "unused".into(),
            organiser: None,
            keys: "unused".into(),
            listen: self.signed.body.parties[party].address.clone(),
            names: vec!["localhost".into()],
            storage: self.storage(&format!("party{party}")),
            policy: None,
            threads: 1,
            patience: 20,
        };
        let loaded = self.loaded(config, self.fixture.parties[party].clone());
        let server = PartyServer::start(loaded).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async {
            server
                .run(async {
                    let _ = stopped.await;
                })
                .await
                .unwrap();
        });
        self.running[party] = Some((stop, task));
    }

    /// Shuts a server down in order (3: the coordinator).
    pub async fn stop(&mut self, server: usize) {
        if let Some((stop, task)) = self.running[server].take() {
            let _ = stop.send(());
            task.await.unwrap();
        }
    }

    pub async fn submit(&self, submission: &Submission) -> Result<Queued, survey::Refusal> {
        self.coordinator.post("/v1/submissions", submission).await
    }

    pub async fn share(&self, account: &str, balance: &str) -> Id {
        let submission = self.fixture.submission(account, balance, now()).unwrap();
        self.submit(&submission).await.unwrap().submission
    }

    /// Waits until a submission has its fate.
    pub async fn settled(&self, submission: Id) -> SubmissionStatus {
        for _ in 0..PATIENCE {
            let status = self.coordinator.get(&format!("/v1/submissions/{submission}")).await.unwrap();
            if !matches!(status, SubmissionStatus::Queued { .. }) {
                return status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("submission {submission} is not settled in time");
    }

    pub async fn receipt(&self, submission: Id) -> Receipt {
        match self.settled(submission).await {
            SubmissionStatus::Accepted { receipt } => {
                receipt.verify(&self.survey_id, &self.signed.body.party_keys()).unwrap();
                assert_eq!(receipt.submission, submission);
                *receipt
            }
            other => panic!("no receipt but {other:?}"),
        }
    }

    pub async fn epochs_closed(&self, count: u64) {
        for _ in 0..PATIENCE {
            let status: survey::wire::Status = self.coordinator.get("/v1/status").await.unwrap();
            if status.epochs >= count {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("epoch {count} has not closed in time");
    }

    /// Asks a query as the consumer, and waits for its end.
    pub async fn query(&self, query: &survey::SignedQuery) -> QueryStatus {
        let accepted: QueryAccepted = self.coordinator.post("/v1/queries", query).await.unwrap();
        for _ in 0..PATIENCE {
            let status = self.coordinator.get(&format!("/v1/queries/{}", accepted.query)).await.unwrap();
            if !matches!(status, QueryStatus::Running) {
                return status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("the query has no end in time");
    }
}
