//! Three engines with simulated time, storage, network and computation, whose faults follow from a seed.

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
use service::random::{Random, SeededRandom};
use service::storage::{BoxFuture, Store, memory::Memory};
use stats::build::Program;
use survey::definition::NamedPlan;
use survey::{Choice, Code, Id, Nullifier, PartyOutput, Purpose, Query, Refusal, SignedQuery, SignedRecord};
use tokio::sync::oneshot;

use super::storms::Contested;
use super::support;

/// When the simulation begins, in Unix seconds.
pub const START: u64 = 1_800_000_000;

/// A submission of the simulation: its digest says everything about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    pub digest: Id,
    pub account: u64,
    /// Whether three-party computation will find its value out of range.
    pub out_of_range: bool,
    /// The party, if any, that refuses it by itself.
    pub refused_by: Option<usize>,
}

pub struct World {
    pub fixture: service::fixture::Fixture,
    pub survey: Arc<survey::Survey>,
    pub survey_id: Id,
    pub clock: Arc<SimulatedClock>,
    pub random: Mutex<StdRng>,
    /// What the parties draw from, each restart anew.
    pub seeds: Arc<SeededRandom>,
    /// Everything that has happened, hashed step by step.
    pub log: Mutex<Id>,
    pub stores: [Memory; 3],
    pub engines: Mutex<[Option<Arc<Engine>>; 3]>,
    /// What waits, in order of arrival.
    pub queue: Mutex<Vec<Sample>>,
    /// The records that were handed over.
    pub records: Mutex<Vec<SignedRecord>>,
    /// Who waits in a session for the two others. (tokio's barrier wakes in an order of its own, which no seed knows.)
    pub sessions: Mutex<BTreeMap<Id, Vec<oneshot::Sender<()>>>>,
    /// What is asked, by name, and the outputs that were delivered.
    pub queries: BTreeMap<Id, SignedQuery>,
    pub outputs: Mutex<BTreeMap<Id, [Option<PartyOutput>; 3]>>,
    /// Chance of a fault wherever one can happen, in percent.
    pub faults: Mutex<u32>,
    /// The party that lies about its state.
    pub liar: Option<usize>,
}

impl World {
    pub fn chance(&self, percent: u32) -> bool {
        self.random.lock().unwrap().random_range(0..100) < percent
    }

    pub fn fault(&self) -> bool {
        let percent = *self.faults.lock().unwrap();
        self.chance(percent)
    }

    /// Writes down what happens, and when.
    pub fn note(&self, event: std::fmt::Arguments<'_>) {
        let mut log = self.log.lock().unwrap();
        let (now, event) = (self.clock.now_ms(), event.to_string());
        tracing::debug!(now, event, "simulated");
        *log = Id::of_parts("event", &[log.as_bytes(), &now.to_be_bytes(), event.as_bytes()]);
    }

    /// The hash of everything that was written down.
    pub fn all_that_happened(&self) -> Id {
        *self.log.lock().unwrap()
    }

    /// How many records and releases there are.
    pub fn progress(&self) -> (usize, usize) {
        let outputs = self.outputs.lock().unwrap();
        (self.records.lock().unwrap().len(), outputs.values().filter(|outputs| agreed(outputs)).count())
    }

    /// Whether every submission has its fate, and every listed query over closed epochs its release.
    pub fn is_settled(&self) -> bool {
        let records = self.records.lock().unwrap();
        let fates = records.iter().map(|signed| signed.record.leaves.len() + signed.record.refused.len());
        let closed = records.iter().filter(|signed| signed.record.header.closes_epoch).count() as u64;
        let outputs = self.outputs.lock().unwrap();
        let due = |query: &SignedQuery| {
            let listed = matches!(query.body.plan, Choice::Listed(_));
            listed && query.body.epochs.iter().all(|epoch| *epoch < closed)
        };
        let released = |id: &Id| outputs.get(id).is_some_and(agreed);
        fates.sum::<usize>() == self.queue.lock().unwrap().len()
            && self.queries.iter().all(|(id, query)| released(id) || !due(query))
    }

    pub async fn delay(&self) {
        let millis = self.random.lock().unwrap().random_range(0..20);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    pub fn engine(self: &Arc<Self>, me: usize) -> Arc<Engine> {
        let world = Arc::downgrade(self);
        let loses = Arc::new(move || world.upgrade().is_some_and(|world| world.fault()));
        let database = Contested { entries: self.stores[me].clone(), loses };
        let random: Arc<dyn Random> = self.seeds.clone();
        let store = Store::new(Arc::new(database), Metrics::default()).with_random(random.clone());
        Arc::new(Engine {
            me,
            survey: self.survey.clone(),
            survey_id: self.survey_id,
            identity: self.fixture.parties[me].identity.clone(),
            own_policy: OwnPolicy::default(),
            tables: Tables::new(store, self.survey_id),
            clock: self.clock.clone(),
            random,
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

    pub fn boot(self: &Arc<Self>, me: usize) {
        self.note(format_args!("party {me} starts"));
        let engine = self.engine(me);
        self.engines.lock().unwrap()[me] = Some(engine.clone());
        let runner = engine.clone();
        engine.spawn(async move { Box::pin(runner.run()).await.unwrap() });
    }

    pub fn crash(&self, me: usize) {
        self.note(format_args!("party {me} crashes"));
        if let Some(engine) = self.engines.lock().unwrap()[me].take() {
            engine.stop();
        }
    }

    /// A party may lie about its state; nothing that it says is believed without a signature. It may also sign
    /// whatever another has prepared, before it should or without having computed anything.
    pub async fn lie(&self, liar: usize, state: State) -> State {
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
    /// What a liar makes of a message that its engine sends: a release under another number, or over other data.
    pub fn bent(&self, message: Message) -> Message {
        let mut random = self.random.lock().unwrap();
        match message {
            Message::Release(mut release) => {
                match random.random_range(0..6) {
                    0 => release.number += 1,
                    1 => release.number = 0,
                    2 => release.dataset_root = Id(random.random()),
                    3 => release.session = Id(random.random()),
                    _ => {}
                }
                Message::Release(release)
            }
            message => message,
        }
    }

    /// What a liar makes of an answer, now and then: it accepts what it refuses and the other way round, forges records,
    /// and claims release numbers and data that are not so.
    pub fn bent_answer(&self, answer: Answer) -> Answer {
        let mut random = self.random.lock().unwrap();
        if random.random_range(0..4) > 0 {
            return answer;
        }
        match answer {
            Answer::Verdicts { mut verdicts } => {
                let lie = verdicts.len().checked_sub(1).map(|last| random.random_range(0..=last));
                if let Some(verdict) = lie.and_then(|index| verdicts.get_mut(index)) {
                    *verdict = match verdict {
                        Verdict::Accept => Verdict::Refuse { code: Code::DuplicateAccount },
                        _ => Verdict::Accept,
                    };
                }
                Answer::Verdicts { verdicts }
            }
            Answer::Record { mut record } => {
                match random.random_range(0..3) {
                    0 => record.record.leaves.clear(),
                    1 => record.record.header.closes_epoch ^= true,
                    _ => record.signatures[0] = record.signatures[1],
                }
                Answer::Record { record }
            }
            Answer::Willing { number, dataset_root, .. } => match random.random_range(0..3) {
                0 => Answer::Willing { number: u64::MAX, dataset_root, output: None },
                1 => Answer::Willing { number: number + 1, dataset_root, output: None },
                _ => Answer::Willing { number, dataset_root: Id(random.random()), output: None },
            },
            answer => answer,
        }
    }

    /// A leader that lies may start what nobody waits for: attempts that come too late or too early, with nothing in
    /// them or with what waits, to make a party forget what it has prepared or signed.
    pub async fn started_out_of_turn(&self, callee: &Engine) -> Start {
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
pub struct Link {
    pub world: Arc<World>,
    pub me: usize,
}

pub fn lost() -> Refusal {
    Refusal::new(Code::PartyUnavailable, "lost")
}

impl Peers for Link {
    fn call(&self, to: usize, message: Message) -> BoxFuture<'_, Result<Answer, Refusal>> {
        Box::pin(async move {
            let said = format!("party {} to party {to}: {message:?}", self.me);
            let answer = self.deliver_to(to, message).await;
            self.world.note(format_args!("{said}: {answer:?}"));
            answer
        })
    }
}

impl Link {
    async fn deliver_to(&self, to: usize, message: Message) -> Result<Answer, Refusal> {
        let world = &self.world;
        world.delay().await;
        let message = match message {
            Message::Sync { state } if world.liar == Some(self.me) => {
                Message::Sync { state: world.lie(self.me, state).await }
            }
            message if world.liar == Some(self.me) => world.bent(message),
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
        let (send, receive) = oneshot::channel();
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
            answer if world.liar == Some(to) => Ok(world.bent_answer(answer)),
            answer => Ok(answer),
        }
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
            self.world.note(format_args!("party {} hands over {record:?}", self.me));
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
            self.world.note(format_args!("party {} delivers {outputs:?}", self.me));
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
pub fn agreed(outputs: &[Option<PartyOutput>; 3]) -> bool {
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
        let (send, receive) = oneshot::channel();
        {
            let mut sessions = self.world.sessions.lock().unwrap();
            let waiting = sessions.entry(key).or_default();
            waiting.retain(|other| !other.is_closed());
            waiting.push(send);
            if waiting.len() == 3 {
                for one in waiting.drain(..) {
                    let _killed = one.send(());
                }
            }
        }
        receive.await.map_err(|_| lost())?;
        self.world.delay().await;
        if self.world.fault() { Err(Refusal::new(Code::Aborted, "simulated")) } else { Ok(()) }
    }
}

/// A plan that gives one number under this name.
pub fn plan(name: &str, schema: stats::Schema) -> stats::Plan {
    let program = Program::new(name, schema);
    program.output([name], &program.column(stats::Schema::DEFAULT, "balance").count());
    program.finish().unwrap()
}

/// How many releases there may be of plans that the survey does not list.
pub const BUDGET: u64 = 1;

pub fn world(seed: u64, liar: Option<usize>) -> Arc<World> {
    let mut keys = StdRng::seed_from_u64(seed);
    let mut fixture = service::fixture::Fixture::from_random(START, Vec::new(), &mut keys).unwrap();
    let plan = |name: &str| plan(name, fixture.survey.schema());
    let (count, a, b) = (plan("count"), plan("a"), plan("b"));
    fixture.survey.plans = vec![NamedPlan { name: "count".into(), description: String::new(), plan: count }];
    fixture.survey.policy.epoch_accounts = 4;
    fixture.survey.policy.other_plans = BUDGET;
    let survey = Arc::new(fixture.survey.clone());
    let survey_id = survey.id().unwrap();
    let listed = || Choice::Listed("count".into());
    let own = |plan| Choice::Own(Box::new(plan));
    let asked = [(listed(), vec![0]), (own(a), vec![0]), (own(b), vec![0]), (listed(), vec![0, 1])];
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
        seeds: Arc::new(SeededRandom::new(seed)),
        log: Mutex::default(),
        stores: Default::default(),
        engines: Mutex::default(),
        queue: Mutex::default(),
        records: Mutex::default(),
        sessions: Mutex::default(),
        faults: Mutex::new(10),
        liar,
    })
}
