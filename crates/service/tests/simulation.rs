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
//! 3. When faults have stopped, all submissions are settled and all epochs' rules kept, within forty seconds.
//! 4. With one party that lies about its state, 1 and 2 still hold for the two others.
//! 5. Every listed query over closed epochs is released once, under a number of its own, with three outputs that
//!    say the same; of plans that the survey does not list, never more than its budget.

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
use service::party::peers::{Answer, Message, Peers, Start, Verdict};
use service::party::policy::OwnPolicy;
use service::party::pool::{Judged, Pool, Queue};
use service::party::tables::Tables;
use service::storage::{BoxFuture, Store, memory::Memory};
use stats::build::Program;
use survey::definition::NamedPlan;
use survey::{
    Choice, Code, Id, Nullifier, PartyOutput, Purpose, Query, Refusal, Refused, SignedQuery, SignedRecord,
};
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
    /// What is asked, by name, and the outputs that were delivered.
    queries: BTreeMap<Id, SignedQuery>,
    outputs: Mutex<BTreeMap<Id, [Option<PartyOutput>; 3]>>,
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

    /// A party may lie about its state; nothing that it says is believed without a signature. It may also sign
    /// whatever another has prepared, before it should or without having computed anything.
    async fn lie(&self, liar: usize, state: State) -> State {
        let victim = self.random.lock().unwrap().random_range(0..3);
        let engine = self.engines.lock().unwrap()[victim].clone();
        let ledger = match engine {
            Some(engine) => engine.tables.ledger().await.unwrap().state().unwrap(),
            None => state.clone(),
        };
        let mut random = self.random.lock().unwrap();
        match random.random_range(0..8) {
            5 | 6 => {
                let identity = &self.fixture.parties[liar].identity;
                let signed = |prepared: PreparedState| PreparedState {
                    signature: Some(identity.sign(Purpose::Batch, &prepared.header)),
                    ..prepared
                };
                State { prepared: ledger.prepared.map(signed), ..ledger }
            }
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

impl World {
    /// A leader that lies may start what nobody waits for: attempts that come too late or too early, with nothing in
    /// them or with what waits, to make a party forget what it has prepared or signed.
    async fn started_out_of_turn(&self, callee: &Engine) -> Start {
        let ledger = callee.tables.ledger().await.unwrap();
        let waiting: Vec<Id> = callee.pool.first(3).into_iter().map(|(digest, _)| digest).collect();
        let mut random = self.random.lock().unwrap();
        Start {
            height: ledger.height + u64::from(random.random_range(0..8) == 0),
            attempt: ledger.attempt.saturating_add(random.random_range(0..4)),
            accepted: if random.random_range(0..2) == 0 { waiting } else { Vec::new() },
            refused: Vec::new(),
            close_epoch: random.random_range(0..2) == 0,
            closed_at: self.clock.now(),
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
                    Message::Sync { state: world.lie(self.me, state).await }
                }
                message => message,
            };
            let callee = world.engines.lock().unwrap()[to].clone();
            let (Some(callee), false) = (callee, world.fault()) else {
                tokio::time::sleep(Duration::from_secs(1)).await;
                return Err(lost());
            };
            if world.liar == Some(self.me) && self.me == 0 {
                let start = world.started_out_of_turn(&callee).await;
                let engine = callee.clone();
                callee.spawn(async move { drop(engine.answer(0, Message::Start(start)).await) });
            }
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
                    Ok(Answer::State { state: world.lie(to, state).await })
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

    fn queries(&self) -> BoxFuture<'_, Result<Vec<SignedQuery>, Refusal>> {
        Box::pin(async {
            let outputs = self.world.outputs.lock().unwrap();
            let done = |id: &Id| outputs.get(id).is_some_and(agreed);
            Ok(self
                .world
                .queries
                .iter()
                .filter(|(id, _)| !done(id))
                .map(|(_, query)| query.clone())
                .collect())
        })
    }

    fn deliver(&self, query: Id, outputs: Vec<PartyOutput>) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            if self.world.fault() {
                return Err(lost());
            }
            let mut delivered = self.world.outputs.lock().unwrap();
            let slots = delivered.entry(query).or_default();
            if !agreed(slots) {
                for output in outputs {
                    let party = usize::from(output.party);
                    slots[party] = Some(output);
                }
            }
            Ok(())
        })
    }

    /// A refused query is asked again, as its consumer would.
    fn refuse_query(&self, _: Id, _: Refusal) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }
}

/// Whether all three outputs are there and say the same.
fn agreed(outputs: &[Option<PartyOutput>; 3]) -> bool {
    let first = outputs[0].as_ref().map(|output| &output.statement);
    outputs.iter().all(|output| output.is_some() && output.as_ref().map(|output| &output.statement) == first)
}

impl Compute for Link {
    fn batch(&self, job: BatchJob) -> BoxFuture<'_, Result<BatchOutcome, Refusal>> {
        Box::pin(async move {
            self.meet(job.session, job.inputs).await?;
            let out_of_range = |row: &Row| row.commitments[0].digest == [1; 32];
            let faults = job.rows.iter().map(|row| out_of_range(row).then_some(Code::InvalidValue)).collect();
            Ok(BatchOutcome { faults, columns: support::columns(&job.session, self.me) })
        })
    }

    fn query(&self, job: QueryJob) -> BoxFuture<'_, Result<QueryOutcome, Refusal>> {
        Box::pin(async move {
            self.meet(job.session, job.inputs).await?;
            let result = support::columns(&job.session, self.me).0;
            Ok(QueryOutcome { result, tests: Vec::new(), leaks: Vec::new() })
        })
    }
}

impl Link {
    /// All three must come together; then each may still fail by itself.
    async fn meet(&self, session: Id, inputs: Id) -> Result<(), Refusal> {
        let key = Id::of_parts("meeting", &[session.as_bytes(), inputs.as_bytes()]);
        let barrier = {
            let mut sessions = self.world.sessions.lock().unwrap();
            sessions.entry(key).or_insert_with(|| Arc::new(Barrier::new(3))).clone()
        };
        barrier.wait().await;
        self.world.delay().await;
        if self.world.fault() { Err(Refusal::new(Code::Aborted, "simulated")) } else { Ok(()) }
    }
}

/// A plan that gives one number under this name.
fn plan(name: &str) -> stats::Plan {
    let schema = service::fixture::Fixture::new(START, Vec::new()).unwrap().survey.schema();
    let program = Program::new(name, schema);
    program.output([name], &program.column(stats::Schema::DEFAULT, "balance").count());
    program.finish().unwrap()
}

/// How many releases there may be of plans that the survey does not list.
const BUDGET: u64 = 1;

fn world(seed: u64, liar: Option<usize>) -> Arc<World> {
    let listed = NamedPlan { name: "count".into(), description: String::new(), plan: plan("count") };
    let mut fixture = service::fixture::Fixture::new(START, vec![listed]).unwrap();
    fixture.survey.policy.epoch_accounts = 4;
    fixture.survey.policy.other_plans = BUDGET;
    let survey = Arc::new(fixture.survey.clone());
    let survey_id = survey.id().unwrap();
    let listed = || Choice::Listed("count".into());
    let own = |name| Choice::Own(Box::new(plan(name)));
    let asked = [(listed(), vec![0]), (own("a"), vec![0]), (own("b"), vec![0]), (listed(), vec![0, 1])];
    let queries = asked.map(|(plan, epochs)| {
        let query = Query { version: 1, survey: survey_id, plan, epochs };
        let query = query.sign(&fixture.consumer.identity).unwrap();
        let (plan, _) = survey::query::check(&query, &survey, &survey_id).unwrap();
        (survey::query::query_id(&query, plan).unwrap(), query)
    });
    Arc::new(World {
        survey_id,
        queries: queries.into(),
        outputs: Mutex::default(),
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
    tokio::time::sleep(Duration::from_secs(40)).await;
}

/// Checks what was released: no number twice, and of plans that the survey does not list no more than allowed.
fn check_releases(world: &World, closed: u64) {
    let outputs = world.outputs.lock().unwrap();
    let (mut numbers, mut others) = (BTreeSet::new(), 0);
    for (id, query) in &world.queries {
        let released = outputs.get(id).filter(|outputs| agreed(outputs));
        let listed = matches!(query.body.plan, Choice::Listed(_));
        if let Some([Some(output), ..]) = released {
            assert!(numbers.insert(output.statement.release), "two releases of one number");
            assert_eq!(output.statement.epochs, query.body.epochs);
            others += u64::from(!listed);
        } else {
            let due = listed && query.body.epochs.iter().all(|epoch| *epoch < closed);
            assert!(!due, "the query over {:?} has no release", query.body.epochs);
        }
    }
    assert!(others <= BUDGET, "{others} releases of plans that the survey does not list");
}

/// The committed records of one party, after a last restart: what is durable.
async fn chain(world: &Arc<World>, me: usize) -> Vec<SignedRecord> {
    world.crash(me);
    let tables = &world.engine(me).tables;
    let mut chain = Vec::new();
    while let Some(record) = tables.chain.record(chain.len() as u64).await.unwrap() {
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
        if liar.is_none() {
            let closed = chains[0].iter().filter(|record| record.record.header.closes_epoch).count();
            check_releases(&world, closed as u64);
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
    if std::env::var_os("SIMULATION_SEED").is_some() {
        // One run may say what it does: `RUST_LOG=debug`.
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _set = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
    }
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
fn a_leader_s_lies_about_fates_are_refused_by_every_follower() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = world(1, None);
        *world.faults.lock().unwrap() = 0;
        let sample = |index: u64, refused_by| Sample {
            digest: Id::of_parts("sample", &[&index.to_be_bytes()]),
            account: index,
            out_of_range: false,
            refused_by,
        };
        let (good, other, bad) = (sample(0, None), sample(1, None), sample(2, Some(1)));
        world.queue.lock().unwrap().extend([good, other, bad]);
        // The followers answer, and the leader is whoever this test says.
        let followers = [world.engine(1), world.engine(2)];
        for follower in &followers {
            follower.tables.start().await.unwrap();
            let submissions = vec![good.digest, other.digest, bad.digest];
            let answer = follower.answer(0, Message::Propose { submissions }).await.unwrap();
            let Answer::Verdicts { verdicts } = answer else { panic!("verdicts are due") };
            assert_eq!(verdicts[0], Verdict::Accept);
            assert_eq!(verdicts[2] == Verdict::Accept, follower.me == 2);
        }
        let refused = |sample: Sample, code, party| Refused { submission: sample.digest, code, party };
        let honest = Start {
            height: 0,
            attempt: 1,
            accepted: vec![good.digest, other.digest],
            refused: vec![refused(bad, Code::InconsistentShares, Some(1))],
            close_epoch: false,
            closed_at: START,
        };
        let alter = |change: &dyn Fn(&mut Start)| {
            let mut start = honest.clone();
            change(&mut start);
            start
        };
        // A start that party 1 (its first follower) must refuse, and why.
        let lies = [
            (
                "accepts what the party refuses",
                alter(&|start| {
                    start.refused.clear();
                    start.accepted.push(bad.digest);
                }),
            ),
            (
                "accepts and refuses one submission",
                alter(&|start| {
                    start.refused.push(refused(good, Code::InvalidValue, Some(2)));
                }),
            ),
            ("accepts one submission twice", alter(&|start| start.accepted.push(good.digest))),
            ("refuses one submission twice", alter(&|start| start.refused.push(start.refused[0].clone()))),
            (
                "puts a refusal into the party's mouth",
                alter(&|start| {
                    start.accepted.remove(0);
                    start.refused.push(refused(good, Code::DuplicateAccount, Some(1)));
                }),
            ),
            (
                "puts another reason into the party's mouth",
                alter(&|start| {
                    start.refused[0].code = Code::DuplicateAccount;
                }),
            ),
            ("lays a refusal on the computation", alter(&|start| start.refused[0].party = None)),
            ("lays a refusal on nobody", alter(&|start| start.refused[0].party = Some(7))),
            ("says nothing", alter(&|start| (start.accepted, start.refused) = (Vec::new(), Vec::new()))),
            ("has another clock", alter(&|start| start.closed_at = START + 3600)),
            ("is for another height", alter(&|start| start.height = 1)),
        ];
        for (lie, start) in lies {
            let answer = followers[0].answer(0, Message::Start(start)).await;
            assert!(answer.is_err(), "a start that {lie} was followed");
            assert_eq!(followers[0].tables.ledger().await.unwrap().prepared, None);
        }
        let from_a_follower = followers[0].answer(2, Message::Start(honest.clone())).await;
        assert_eq!(from_a_follower.unwrap_err().code, Code::Malformed);
        assert_eq!(followers[0].answer(0, Message::Start(honest)).await.unwrap(), Answer::Started);
    });
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
