#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! Two coordinators as processes, on one PostgreSQL database, behind one address: whoever is asked, and whoever of them
//! is killed, the survey is one.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use service::http::client::Client;
use stats::Schema;
use stats::build::Program;
use support::postgres::Postgres;
use support::processes::{COORDINATOR, Processes, SECOND, eventually, now, records};
use survey::definition::NamedPlan;
use survey::wire::{QueryAccepted, QueryStatus, Queued, Status, SubmissionStatus};
use survey::{Certificate, Choice, Code, Id, Query, Survey};
use tokio::net::{TcpListener, TcpStream};

/// How often a coordinator is killed, and how many providers submit meanwhile.
const ROUNDS: usize = 4;
const BURST: usize = 5;

/// One listed plan.
fn counted(survey: &mut Survey) {
    let program = Program::new("accounts", survey.schema());
    program.output(["accounts"], &program.column(Schema::DEFAULT, "balance").count());
    let plan = program.finish().unwrap();
    survey.plans = vec![NamedPlan { name: "accounts".into(), description: String::new(), plan }];
}

/// Stands at the survey's address, as a balancer would: each connection goes to the next coordinator that takes it.
async fn balance(at: String, coordinators: [String; 2]) {
    let listener = TcpListener::bind(at).await.unwrap();
    for turn in 0.. {
        let (mut client, _) = listener.accept().await.unwrap();
        let order = [coordinators[turn % 2].clone(), coordinators[(turn + 1) % 2].clone()];
        tokio::spawn(async move {
            for coordinator in order {
                if let Ok(mut server) = TcpStream::connect(coordinator).await {
                    let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    return;
                }
            }
        });
    }
}

/// While no party runs, both coordinators tell the same of the queue, whoever took a submission in. Gives what waits.
async fn one_queue(processes: &Processes, [one, other]: &[Client; 2]) -> Vec<Id> {
    let (first, rival) = (submission(processes, "ann"), submission(processes, "ann"));
    let (a, b) = tokio::join!(queue(one, &first), queue(other, &rival));
    assert!(a.is_ok() != b.is_ok(), "an account counts once: {a:?} {b:?}");
    let mut waiting = vec![a.or(b).unwrap()];
    assert_eq!(a.and(b).unwrap_err(), Code::DuplicateAccount);

    let second = submission(processes, "bob");
    let (a, b) = tokio::join!(queue(one, &second), queue(other, &second));
    assert_eq!(a.unwrap(), b.unwrap(), "what is sent again is not refused");
    waiting.push(second.digest().unwrap());
    waiting.push(queue(other, &submission(processes, "cem")).await.unwrap());

    for client in [one, other] {
        assert_eq!(client.get::<Status>("/v1/status").await.unwrap().queued, 3);
        for (place, id) in waiting.iter().enumerate() {
            let status: SubmissionStatus = client.get(&format!("/v1/submissions/{id}")).await.unwrap();
            assert!(
                matches!(status, SubmissionStatus::Queued { position } if position == place as u64),
                "{status:?} and not at {place}"
            );
        }
    }
    waiting
}

fn submission(processes: &Processes, account: &str) -> survey::Submission {
    processes.fixture.submission(account, "12.5", now()).unwrap()
}

async fn queue(client: &Client, submission: &survey::Submission) -> Result<Id, Code> {
    let queued = client.post::<_, Queued>("/v1/submissions", submission).await;
    queued.map(|queued| queued.submission).map_err(|refusal| refusal.code)
}

/// A query goes to one coordinator, its answer comes from the other, and so does a release that was computed before.
async fn one_answer(processes: &Processes, [one, other]: &[Client; 2]) {
    let closed = async || (other.get::<Status>("/v1/status").await.ok()?.epochs > 0).then_some(());
    eventually("an epoch that does not close", closed).await;
    let survey = processes.signed.body.id().unwrap();
    let query = Query { version: 1, survey, plan: Choice::Listed("accounts".into()), epochs: vec![0] };
    let query = query.sign(&processes.fixture.consumer.identity).unwrap();
    let mut certificates = Vec::new();
    for (asked, answers) in [(one, other), (other, one)] {
        let taken: QueryAccepted = asked.post("/v1/queries", &query).await.unwrap();
        let outputs = eventually("a query", async || {
            match answers.get(&format!("/v1/queries/{}", taken.query)).await.ok()? {
                QueryStatus::Done { outputs } => Some(outputs),
                _ => None,
            }
        })
        .await;
        let keys = processes.signed.body.party_keys();
        let opening = &processes.fixture.consumer.opening;
        certificates.push(Certificate::assemble(&outputs, opening, &keys).unwrap());
    }
    assert!(certificates[0] == certificates[1] && certificates[0].statement.count == 3);
}

/// kill -9 to either coordinator, while submissions arrive and batches run: the other goes on alone until all that was
/// acknowledged by either is accepted.
async fn one_is_always_left(processes: &mut Processes, random: &mut StdRng) -> Vec<Id> {
    let mut submissions = Vec::new();
    for round in 0..ROUNDS {
        let victim = [COORDINATOR, SECOND][random.random_range(0..2)];
        let moment = random.random_range(1..BURST);
        for provider in 0..BURST {
            if provider == moment {
                processes.kill(victim);
            }
            let submission = submission(processes, &format!("account{round}-{provider}"));
            submissions.push(processes.submit(&submission).await);
            tokio::time::sleep(Duration::from_millis(random.random_range(0..150))).await;
        }
        for submission in &submissions {
            accepted(processes.settled(*submission).await);
        }
        processes.start(victim);
        let back = processes.client_of(victim);
        let up = async || back.get::<Status>("/v1/status").await.ok();
        eventually("a coordinator that does not come back", up).await;
    }
    submissions
}

fn accepted(status: SubmissionStatus) -> survey::Receipt {
    match status {
        SubmissionStatus::Accepted { receipt } => *receipt,
        other => panic!("an honest submission was not accepted: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_coordinators_on_one_database_are_one() {
    let seed: u64 =
        std::env::var("KILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random);
    println!("replay with KILL_SEED={seed}");
    let database = Postgres::start();
    let mut processes = Processes::prepare(counted, "");
    let addresses = processes.two_coordinators(&database.url());
    let door = processes.signed.body.coordinator.address.replace("https://", "");
    tokio::spawn(balance(door, addresses));
    let doors = [COORDINATOR, SECOND].map(|index| processes.client_of(index));
    for index in [COORDINATOR, SECOND] {
        processes.start(index);
    }
    for door in &doors {
        eventually("a coordinator", async || door.get::<Status>("/v1/status").await.ok()).await;
    }
    let mut submissions = one_queue(&processes, &doors).await;
    (0..3).for_each(|party| processes.start(party));
    let (survey, keys) = (processes.signed.body.id().unwrap(), processes.signed.body.party_keys());
    for (turn, submission) in submissions.iter().enumerate() {
        accepted(processes.settled(*submission).await);
        let path = format!("/v1/submissions/{submission}");
        let receipt = accepted(doors[turn % 2].get(&path).await.unwrap());
        receipt.verify_of(submission, &survey, &keys).unwrap();
    }
    one_answer(&processes, &doors).await;
    for door in &doors {
        let status: Status = door.get("/v1/status").await.unwrap();
        assert!(status.parties.iter().all(|heard| heard + 30 > now()), "heard of all: {:?}", status.parties);
    }

    let mut random = StdRng::seed_from_u64(seed);
    submissions.extend(one_is_always_left(&mut processes, &mut random).await);
    let chain = processes.chain().await;
    for door in &doors {
        let height =
            eventually("a coordinator", async || door.get::<Status>("/v1/status").await.ok()).await.height;
        assert_eq!(records(door, height).await, chain, "both coordinators hold what the parties hold");
    }
    let mut seen = BTreeSet::new();
    for record in &chain {
        record.verify(&survey, &keys).unwrap();
        assert!(record.record.leaves.iter().all(|leaf| seen.insert(*leaf)), "settled twice");
        assert_eq!(record.record.refused, []);
    }
    assert_eq!(seen, submissions.into_iter().collect(), "everything acknowledged is in the dataset");
}
