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
//! simulation` replays one, event by event, `SIMULATION_RUNS=5000` runs more, from `SIMULATION_FROM` on. While faults last, messages are lost
//! on their way out or on their way back, transactions lose races, computations fail at some parties and not at
//! others, and parties are killed at any await and start again from what they had made durable. Then the faults stop. What must hold:
//!
//! 1. At every height, all parties commit the same record, which all three signed.
//! 2. Every submission is accepted or refused exactly once, and no account is counted twice.
//! 3. When faults have stopped, all submissions are settled and all epochs' rules kept, within forty seconds.
//! 4. With one party that lies (about its state, its verdicts, records, releases), 1 and 2 still hold for the two others,
//!    and neither of them ever gives two queries one release number, or states something else of a session than the other.
//! 5. Every listed query over closed epochs is released once, under a number of its own, with three outputs that
//!    say the same; of plans that the survey does not list, never more than its budget.

#[path = "simulation/storms.rs"]
mod storms;
mod support;
#[path = "simulation/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use service::clock::{Clock, SimulatedClock};
use service::party::peers::{Answer, Message, Start, Verdict};
use survey::{Choice, Code, Id, Refused, SignedRecord};
use world::{BUDGET, START, Sample, World, agreed, world};

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
    let (mut seen, mut quiet) = (world.progress(), 0);
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        quiet = if world.progress() == seen && world.is_settled() { quiet + 1 } else { 0 };
        seen = world.progress();
        // Longer than an epoch waits for more accounts, and than parties take to tell each other.
        if quiet == 6 {
            return;
        }
    }
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
            // A liar may accept what it should refuse: that is its own affair.
            let refused = sample.refused_by.is_some() && sample.refused_by != world.liar;
            assert!(!sample.out_of_range && !refused, "{sample:?} was accepted");
            assert!(accounts.insert(sample.account), "account {} counted twice", sample.account);
            assert_eq!(fates.insert(*leaf, true), None, "accepted twice");
        }
        for refused in &signed.record.refused {
            assert_eq!(fates.insert(refused.submission, false), None, "settled twice");
        }
    }
    fates
}

/// Checks what two honest parties hold of releases, with a liar as the third.
async fn check_honest_releases(world: &Arc<World>, honest: &[usize]) {
    let mut held = Vec::new();
    for &party in honest {
        let (tables, mut numbers) = (&world.engine(party).tables, BTreeSet::new());
        let mut statements = BTreeMap::new();
        for query in world.queries.keys() {
            let Some(release) = tables.release(*query).await.unwrap() else { continue };
            assert!(numbers.insert(release.number), "party {party} has two releases of one number");
            if let Some(output) = release.output {
                statements.insert(output.statement.session, output.statement);
            }
        }
        let totals = tables.totals().await.unwrap();
        assert!(totals.others <= BUDGET, "party {party} has let in {} other plans", totals.others);
        held.push(statements);
    }
    for (session, statement) in &held[0] {
        let other = held[1].get(session).unwrap_or(statement);
        assert_eq!(statement, other, "two honest parties state different things of one session");
    }
}

/// Runs and checks one world; gives the hash of all that happened.
fn simulate(seed: u64, liar: Option<usize>) -> Id {
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
        if liar.is_some() {
            check_honest_releases(&world, &honest).await;
        }
        // Whoever lags lacks records; nobody holds another one.
        let (a, b) = (&chains[honest[0]], &chains[honest[1]]);
        let common = a.len().min(b.len());
        assert_eq!(a[..common], b[..common], "two honest parties committed different records");
        world.all_that_happened()
    })
}

fn runs(default: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    if let Some(seed) = number("SIMULATION_SEED") {
        return seed..seed + 1;
    }
    let from = number("SIMULATION_FROM").unwrap_or_default();
    from..from + number("SIMULATION_RUNS").unwrap_or(default)
}

/// One run may say what it does: `RUST_LOG=debug`.
fn tell() {
    if std::env::var_os("SIMULATION_SEED").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _set = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
    }
}

fn for_all(seeds: std::ops::Range<u64>, liar: impl Fn(u64) -> Option<usize>) {
    tell();
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
fn one_party_that_lies_splits_nobody() {
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
fn a_party_is_ready_while_both_peers_are_heard_of() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = world(1, None);
        *world.faults.lock().unwrap() = 0;
        world.boot(0);
        let silent = |party: usize| {
            let engines = world.engines.lock().unwrap();
            engines[party].as_ref().and_then(|engine| engine.silent_peer())
        };
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(silent(0).is_some(), "alone it is not ready");
        (1..3).for_each(|party| world.boot(party));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!([silent(0), silent(1), silent(2)], [None; 3]);
        world.crash(2);
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!([silent(0), silent(1)], [None; 2], "a peer may be away for a moment");
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!([silent(0), silent(1)], [Some(2); 2]);
        world.boot(2);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!([silent(0), silent(1), silent(2)], [None; 3]);
    });
}

#[test]
fn a_seed_says_everything_that_happens() {
    tell();
    let mut logs = BTreeSet::new();
    for seed in runs(6).take(6) {
        for liar in [None, Some(seed as usize % 3)] {
            let first = simulate(seed, liar);
            assert_eq!(first, simulate(seed, liar), "seed {seed}, liar {liar:?}: two runs differ");
            assert!(logs.insert(first), "two seeds tell the same");
        }
    }
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
