#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! The parties' engine under faults: the very code that runs in production, with simulated time, storage,
//! network and computation.
//!
//! Each run has a seed, which it prints when it fails; `SIMULATION_SEED=7 cargo test -p service --test
//! simulation` replays one, `SIMULATION_RUNS=5000` runs more. While faults last, messages are lost on their
//! way out or on their way back, computations fail at some parties and not at others, and parties are killed
//! at any await and start again from what they had made durable. Then the faults stop. What must hold:
//!
//! 1. At every height, all parties commit the same record, which all three signed.
//! 2. Every submission is accepted or refused exactly once, and no account is counted twice.
//! 3. When faults have stopped, all submissions are settled and all epochs' rules kept, within half a minute.
//! 4. With one party that lies about its state, 1 and 2 still hold for the two others.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use service::admission::Commitment;
use service::clock::{Clock, SimulatedClock};
use service::metrics::Metrics;
use service::party::compute::{BatchJob, BatchOutcome, Compute, QueryJob, QueryOutcome, Row};
use service::party::engine::{Engine, Timing};
use service::party::ledger::{PreparedState, State};
use service::party::peers::{Answer, Message, Peers};
use service::party::policy::OwnPolicy;
use service::party::pool::{Judged, Pool, Queue};
use service::party::tables::Tables;
use service::storage::{BoxFuture, Store, memory::Memory};
use survey::{Code, Id, Nullifier, Refusal, SignedRecord};
use tokio::sync::Barrier;

const START: u64 = 1_800_000_000;

/// A submission of the simulation: its digest says everything about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sample {
    digest: Id,
    account: u64,
    /// Whether three-party computation will find its value out of range.
    out_of_range: bool,
    /// The party, if any, that refuses it by itself.
    refused_by: Option<usize>,
}

struct World {
    fixture: service::fixture::Fixture,
    survey: Arc<survey::Survey>,
    survey_id: Id,
    clock: Arc<SimulatedClock>,
    random: Mutex<StdRng>,
    stores: [Memory; 3],
    engines: Mutex<[Option<Arc<Engine>>; 3]>,
    /// What waits, in order of arrival.
    queue: Mutex<Vec<Sample>>,
    /// The records that were handed over.
    records: Mutex<Vec<SignedRecord>>,
    sessions: Mutex<BTreeMap<Id, Arc<Barrier>>>,
    /// Chance of a fault wherever one can happen, in percent.
    faults: Mutex<u32>,
    /// The party that lies about its state.
    liar: Option<usize>,
}

impl World {
    fn chance(&self, percent: u32) -> bool {
        self.random.lock().unwrap().random_range(0..100) < percent
    }

    fn fault(&self) -> bool {
        let percent = *self.faults.lock().unwrap();
        self.chance(percent)
    }

    async fn delay(&self) {
        let millis = self.random.lock().unwrap().random_range(0..20);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    fn engine(self: &Arc<Self>, me: usize) -> Arc<Engine> {
        let store = Store::new(Arc::new(self.stores[me].clone()), Metrics::default());
        Arc::new(Engine {
            me,
            survey: self.survey.clone(),
            survey_id: self.survey_id,
            identity: self.fixture.parties[me].identity.clone(),
            own_policy: OwnPolicy::default(),
            tables: Tables::new(store, self.survey_id),
            clock: self.clock.clone(),
            peers: Arc::new(Link { world: self.clone(), me }),
            queue: Arc::new(Link { world: self.clone(), me }),
            compute: Arc::new(Link { world: self.clone(), me }),
            metrics: Metrics::default(),
            timing: Timing {
                call: Duration::from_secs(2),
                compute: Duration::from_secs(5),
                ..Timing::default()
            },
            pool: Pool::default(),
            activity: service::party::engine::Activity::default(),
        })
    }

    fn boot(self: &Arc<Self>, me: usize) {
        let engine = self.engine(me);
        self.engines.lock().unwrap()[me] = Some(engine.clone());
        let runner = engine.clone();
        engine.spawn(async move { Box::pin(runner.run()).await.unwrap() });
    }

    fn crash(&self, me: usize) {
        if let Some(engine) = self.engines.lock().unwrap()[me].take() {
            engine.stop();
        }
    }

    /// A party may lie about its state; nothing that it says is believed without a signature.
    fn lie(&self, state: State) -> State {
        let mut random = self.random.lock().unwrap();
        match random.random_range(0..6) {
            0 => State {
                attempt: state.attempt.saturating_add(random.random_range(0..3)),
                prepared: None,
                ..state
            },
            1 => State { height: state.height + 1, ..state },
            2 => State { height: state.height.saturating_sub(1), ..state },
            3 => {
                let header = Id(random.random());
                let prepared = Some(PreparedState { attempt: state.attempt, header, signature: None });
                State { prepared, ..state }
            }
            4 => State { attempt: u64::MAX, ..state },
            _ => state,
        }
    }
}

/// One party's way to everything outside of it.
struct Link {
    world: Arc<World>,
    me: usize,
}

fn lost() -> Refusal {
    Refusal::new(Code::PartyUnavailable, "lost")
}

impl Peers for Link {
    fn call(&self, to: usize, message: Message) -> BoxFuture<'_, Result<Answer, Refusal>> {
        Box::pin(async move {
            let world = &self.world;
            world.delay().await;
            let message = match message {
                Message::Sync { state } if world.liar == Some(self.me) => {
                    Message::Sync { state: world.lie(state) }
                }
                message => message,
            };
            let callee = world.engines.lock().unwrap()[to].clone();
            let (Some(callee), false) = (callee, world.fault()) else {
                tokio::time::sleep(Duration::from_secs(1)).await;
                return Err(lost());
            };
            // The answer is computed as a task of the callee: it dies with it.
            let (send, receive) = tokio::sync::oneshot::channel();
            let (from, engine) = (self.me, callee.clone());
            callee.spawn(async move {
                let _ = send.send(engine.answer(from, message).await);
            });
            let answer = receive.await.map_err(|_| lost())?;
            world.delay().await;
            if world.fault() {
                return Err(lost());
            }
            match answer? {
                Answer::State { state } if world.liar == Some(to) => {
                    Ok(Answer::State { state: world.lie(state) })
                }
                answer => Ok(answer),
            }
        })
    }
}

impl Queue for Link {
    fn list(&self, after: u64) -> BoxFuture<'_, Result<(Vec<Id>, u64), Refusal>> {
        Box::pin(async move {
            self.world.delay().await;
            if self.world.fault() {
                return Err(lost());
            }
            let settled: BTreeSet<Id> = {
                let records = self.world.records.lock().unwrap();
                let of = |record: &SignedRecord| {
                    let refused = record.record.refused.iter().map(|refused| refused.submission);
                    refused.chain(record.record.leaves.iter().copied()).collect::<Vec<_>>()
                };
                records.iter().flat_map(of).collect()
            };
            let queue = self.world.queue.lock().unwrap();
            let listed = queue.iter().skip(after as usize).map(|sample| sample.digest);
            Ok((listed.filter(|digest| !settled.contains(digest)).collect(), queue.len() as u64))
        })
    }

    fn collect(&self, digests: Vec<Id>) -> BoxFuture<'_, Result<Vec<(Id, Judged)>, Refusal>> {
        Box::pin(async move {
            self.world.delay().await;
            let queue = self.world.queue.lock().unwrap();
            let judge = |sample: &Sample| {
                if sample.refused_by == Some(self.me) {
                    return Judged::Bad(Code::InconsistentShares);
                }
                let nullifier =
                    Nullifier(Id::of_parts("nullifier", &[&[self.me as u8], &sample.account.to_be_bytes()]));
                let digest = [u8::from(sample.out_of_range); 32];
                let commitments = vec![Commitment { domain: sample.digest.0, digest }];
                Judged::Good { nullifier, row: Arc::new(Row { shares: [vec![], vec![]], commitments }) }
            };
            let known = queue.iter().filter(|sample| digests.contains(&sample.digest));
            Ok(known.map(|sample| (sample.digest, judge(sample))).collect())
        })
    }

    fn height(&self) -> BoxFuture<'_, Result<u64, Refusal>> {
        Box::pin(async { Ok(self.world.records.lock().unwrap().len() as u64) })
    }

    fn push(&self, record: SignedRecord) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let mut records = self.world.records.lock().unwrap();
            if record.record.header.height == records.len() as u64 {
                records.push(record);
            }
            Ok(())
        })
    }

    fn queries(&self) -> BoxFuture<'_, Result<Vec<survey::SignedQuery>, Refusal>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn deliver(&self, _: Id, _: Vec<survey::PartyOutput>) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }

    fn refuse_query(&self, _: Id, _: Refusal) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }
}

impl Compute for Link {
    /// All three must come together; then each may still fail by itself.
    fn batch(&self, job: BatchJob) -> BoxFuture<'_, Result<BatchOutcome, Refusal>> {
        Box::pin(async move {
            let key = Id::of_parts("meeting", &[job.session.as_bytes(), job.inputs.as_bytes()]);
            let barrier = {
                let mut sessions = self.world.sessions.lock().unwrap();
                sessions.entry(key).or_insert_with(|| Arc::new(Barrier::new(3))).clone()
            };
            barrier.wait().await;
            self.world.delay().await;
            if self.world.fault() {
                return Err(Refusal::new(Code::Aborted, "simulated"));
            }
            let out_of_range = |row: &Row| row.commitments[0].digest == [1; 32];
            let faults = job.rows.iter().map(|row| out_of_range(row).then_some(Code::InvalidValue)).collect();
            Ok(BatchOutcome { faults, columns: support::columns(&job.session, self.me) })
        })
    }

    fn query(&self, _: QueryJob) -> BoxFuture<'_, Result<QueryOutcome, Refusal>> {
        Box::pin(async { Err(Refusal::new(Code::Internal, "no query in this simulation")) })
    }
}

fn world(seed: u64, liar: Option<usize>) -> Arc<World> {
    let fixture = service::fixture::Fixture::new(START, Vec::new()).unwrap();
    let survey = Arc::new(fixture.survey.clone());
    Arc::new(World {
        survey_id: survey.id().unwrap(),
        survey,
        fixture,
        clock: Arc::new(SimulatedClock::new(START)),
        random: Mutex::new(StdRng::seed_from_u64(seed)),
        stores: Default::default(),
        engines: Mutex::default(),
        queue: Mutex::default(),
        records: Mutex::default(),
        sessions: Mutex::default(),
        faults: Mutex::new(10),
        liar,
    })
}

/// Runs one world: submissions arrive while parties fail, then all is quiet.
async fn run(world: &Arc<World>) {
    let submissions = world.random.lock().unwrap().random_range(1..25u64);
    (0..3).for_each(|me| world.boot(me));
    for index in 0..submissions {
        let sample = {
            let mut random = world.random.lock().unwrap();
            Sample {
                digest: Id::of_parts("sample", &[&index.to_be_bytes()]),
                account: random.random_range(0..submissions.max(2) * 2),
                out_of_range: random.random_range(0..8) == 0,
                refused_by: (random.random_range(0..8) == 0).then(|| random.random_range(0..3)),
            }
        };
        world.queue.lock().unwrap().push(sample);
        let pause = world.random.lock().unwrap().random_range(0..300);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        if world.chance(15) {
            let victim = world.random.lock().unwrap().random_range(0..3);
            world.crash(victim);
            world.delay().await;
            let _ = world.chance(50) && {
                tokio::time::sleep(Duration::from_millis(500)).await;
                true
            };
            world.boot(victim);
        }
    }
    *world.faults.lock().unwrap() = 0;
    tokio::time::sleep(Duration::from_secs(30)).await;
}

/// The committed records of one party, after a last restart: what is durable.
async fn chain(world: &Arc<World>, me: usize) -> Vec<SignedRecord> {
    world.crash(me);
    let tables = &world.engine(me).tables;
    let mut chain = Vec::new();
    while let Some(record) = tables.record(chain.len() as u64).await.unwrap() {
        chain.push(record);
    }
    chain
}

/// Checks one chain by itself: signatures, links, and that everything happens once.
fn check_chain(world: &World, chain: &[SignedRecord]) -> BTreeMap<Id, bool> {
    let samples: BTreeMap<Id, Sample> =
        world.queue.lock().unwrap().iter().map(|sample| (sample.digest, *sample)).collect();
    let keys = world.survey.party_keys();
    let (mut previous, mut epoch, mut open) = (world.survey_id, 0, 0);
    let (mut fates, mut accounts) = (BTreeMap::new(), BTreeSet::new());
    for (height, signed) in chain.iter().enumerate() {
        let header = &signed.record.header;
        signed.verify(&world.survey_id, &keys).expect("a record that all three signed");
        assert_eq!((header.height, header.previous), (height as u64, previous), "the chain is linked");
        assert_eq!(header.epoch, epoch, "epochs are counted");
        previous = header.id().unwrap();
        open += header.accepted;
        if header.closes_epoch {
            assert!(open >= world.survey.policy.minimum(), "an epoch closed with {open} accounts");
            (epoch, open) = (epoch + 1, 0);
        }
        for leaf in &signed.record.leaves {
            let sample = samples[leaf];
            assert!(!sample.out_of_range && sample.refused_by.is_none(), "{sample:?} was accepted");
            assert!(accounts.insert(sample.account), "account {} counted twice", sample.account);
            assert_eq!(fates.insert(*leaf, true), None, "accepted twice");
        }
        for refused in &signed.record.refused {
            assert_eq!(fates.insert(refused.submission, false), None, "settled twice");
        }
    }
    fates
}

fn simulate(seed: u64, liar: Option<usize>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = world(seed, liar);
        run(&world).await;
        let chains = [chain(&world, 0).await, chain(&world, 1).await, chain(&world, 2).await];
        let honest: Vec<usize> = (0..3).filter(|party| Some(*party) != liar).collect();
        for &party in &honest {
            let fates = check_chain(&world, &chains[party]);
            if liar.is_none() {
                assert_eq!(chains[party], chains[0], "all parties hold the same chain");
                assert_eq!(fates.len(), world.queue.lock().unwrap().len(), "everything is settled");
                assert_eq!(chains[party], *world.records.lock().unwrap(), "every record was handed over");
            }
        }
        // Whoever lags lacks records; nobody holds another one.
        let (a, b) = (&chains[honest[0]], &chains[honest[1]]);
        let common = a.len().min(b.len());
        assert_eq!(a[..common], b[..common], "two honest parties committed different records");
    });
}

fn runs(default: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_RUNS").unwrap_or(default),
    }
}

fn for_all(seeds: std::ops::Range<u64>, liar: impl Fn(u64) -> Option<usize>) {
    for seed in seeds {
        let liar = liar(seed);
        let outcome = std::panic::catch_unwind(|| simulate(seed, liar));
        assert!(outcome.is_ok(), "replay with SIMULATION_SEED={seed}");
    }
}

#[test]
fn every_submission_is_settled_once_whatever_crashes_and_gets_lost() {
    for_all(runs(60), |_| None);
}

#[test]
fn one_party_that_lies_about_its_state_splits_nobody() {
    for_all(runs(40), |seed| Some(seed as usize % 3));
}

#[test]
fn the_clock_of_the_simulation_is_simulated() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let clock = SimulatedClock::new(START);
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.now(), START + 3600);
    });
}
