#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! Every row of [`BAD_INPUT`], sent to running servers: each is refused by its code, and nothing else is harmed.

mod support;

use serde::Serialize;
use service::fixture::Fixture;
use service::http::client::Client;
use service::party::link::QueueCall;
use service::party::peers::{Message, wrap};
use service::party::policy::OwnPolicy;
use stats::build::Program;
use stats::{ColumnType, Plan, Schema, Table};
use support::deployment::{Deployment, now};
use survey::code::BAD_INPUT;
use survey::definition::NamedPlan;
use survey::seal::Sealed;
use survey::wire::{QueryStatus, SubmissionStatus};
use survey::{Choice, Code, Id, Identity, Purpose, Query, SignedQuery, Submission, Survey};

/// Which row was sent, and the code that came back.
type Seen = Vec<(&'static str, Code)>;

/// The plan that counts, under a name of its own.
fn count(name: &str, survey: &Survey) -> Plan {
    let program = Program::new(name, survey.schema());
    program.output([name], &program.column(Schema::DEFAULT, "balance").count());
    program.finish().unwrap()
}

/// A deployment of a survey with one listed plan, and a change.
fn prepare(change: impl FnOnce(&mut Survey)) -> Deployment {
    Deployment::prepare(Vec::new(), |survey| {
        change(survey);
        let plan = count("count", survey);
        survey.plans = vec![NamedPlan { name: "count".into(), description: String::new(), plan }];
    })
}

/// The code by which a call is refused.
async fn refused(client: &Client, path: &str, body: &(impl Serialize + Sync)) -> Code {
    client.post::<_, serde_json::Value>(path, body).await.expect_err("a refusal is due").code
}

async fn submit(deployment: &Deployment, submission: &Submission) -> Code {
    deployment.submit(submission).await.expect_err("a refusal is due").code
}

/// The code by which the parties refuse what the coordinator has let in.
async fn settled(deployment: &Deployment, submission: &Submission) -> Code {
    let queued = deployment.submit(submission).await.unwrap();
    match deployment.settled(queued.submission).await {
        SubmissionStatus::Refused { refused, .. } => refused.code,
        other => panic!("a refusal is due, not {other:?}"),
    }
}

/// The code in an answer that was read as text.
fn code_in(answer: &str) -> Code {
    let code = Code::ALL.iter().find(|code| answer.contains(&format!("\"code\":\"{code}\"")));
    *code.unwrap_or_else(|| panic!("no code: {answer}"))
}

fn ask(deployment: &Deployment, plan: Choice, epochs: Vec<u64>) -> SignedQuery {
    let query = Query { version: 1, survey: deployment.survey_id, plan, epochs };
    query.sign(&deployment.fixture.consumer.identity).unwrap()
}

/// The code by which the parties refuse a query.
async fn query_refused(deployment: &Deployment, plan: Choice) -> Code {
    match deployment.query(&ask(deployment, plan, vec![0])).await {
        QueryStatus::Refused { refusal, .. } => refusal.code,
        other => panic!("a refusal is due, not {other:?}"),
    }
}

/// What a good submission becomes when its boxes are changed and signed again, by whoever has its one-use key.
fn reseal(submission: &Submission, key: &Identity, boxes: [Sealed; 3]) -> Submission {
    let digest = submission.digest().unwrap();
    let parts: [&[u8]; 4] = [digest.as_bytes(), &boxes[0].0, &boxes[1].0, &boxes[2].0];
    let signature = key.sign(Purpose::Submission, &Id::of_parts("mpcstats/sealed/v1", &parts));
    Submission { sealed: boxes, signature, ..submission.clone() }
}

/// What party 1's box says, sealed under another submission's digest and to a party of one's choice.
fn moved(deployment: &Deployment, from: &Submission, under: &Submission, to: usize) -> Sealed {
    let place = |digest: Id| [b"mpcstats/shares/v1".as_slice(), digest.as_bytes(), &[1]].concat();
    let contents =
        deployment.fixture.parties[1].opening.open(&from.sealed[1], &place(from.digest().unwrap())).unwrap();
    let key = deployment.fixture.survey.parties[to].sealing;
    Sealed::new(&contents, &key, &place(under.digest().unwrap()), &mut rand::rng()).unwrap()
}

async fn what_is_no_message(deployment: &Deployment) -> Seen {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: survey\r\nConnection: close\r\n\r\n");
    let coordinator = &deployment.coordinator;
    vec![
        (
            "a body that is not JSON, or lacks a field",
            refused(coordinator, "/v1/submissions", &serde_json::json!({ "version": 1 })).await,
        ),
        (
            "a path that leads out of the API",
            code_in(&deployment.raw(&get("/v1/survey/../../../../etc/passwd")).await),
        ),
        (
            "an id that is a way through folders",
            code_in(&deployment.raw(&get("/v1/submissions/..%2F..%2F..%2Fetc%2Fpasswd")).await),
        ),
        (
            "a body larger than the call needs",
            refused(coordinator, "/v1/submissions", &"x".repeat(300 << 10)).await,
        ),
    ]
}

async fn what_the_door_refuses(deployment: &Deployment) -> Seen {
    let fixture = &deployment.fixture;
    let good = fixture.submission("door", "1.5", now()).unwrap();
    let altered = |change: fn(&mut Submission)| {
        let mut altered = good.clone();
        change(&mut altered);
        altered
    };
    let key = Identity::generate();
    let attested = |at: u64| fixture.attest("door", "1.5", &key, at).unwrap();
    let of = |(attestation, value)| fixture.share(attestation, value, &key).unwrap();
    let (attestation, value) = attested(now());
    let stolen = fixture.share(attestation, value, &Identity::generate()).unwrap();
    let (mut broken, value) = attested(now());
    broken.statement.time -= 1;
    let mut stranger = Fixture::new(now(), Vec::new()).unwrap();
    stranger.survey = fixture.survey.clone();
    let proxied = fixture
        .attest_altered("door", "1.5", &key, now(), |statement| statement.mode = mpctls::Mode::Proxy)
        .unwrap();
    let sent = [
        ("a submission in another version of the format", altered(|s| s.version = 2)),
        ("a submission to another survey", altered(|s| s.survey = Id::default())),
        ("a submission that was altered after it was signed", altered(|s| s.sealed[1].0[40] ^= 1)),
        ("a submission of somebody else's proof", stolen),
        ("a proof that was altered", of((broken, value))),
        (
            "a proof of a notary that the survey does not list",
            stranger.submission("door", "1.5", now()).unwrap(),
        ),
        ("a proof in a mode that the survey does not accept", of(proxied)),
        ("a proof that is a day old", of(attested(now() - 25 * 3600))),
        ("a proof from the future", of(attested(now() + 3600))),
    ];
    let mut seen = Seen::new();
    for (what, submission) in sent {
        seen.push((what, submit(deployment, &submission).await));
    }
    seen
}

/// Fills the survey, too: it has room for three accounts.
async fn what_the_parties_refuse(deployment: &Deployment) -> Seen {
    let fixture = &deployment.fixture;
    let key = Identity::generate();
    let (attestation, value) = fixture.attest("cheat", "1.5", &key, now()).unwrap();
    let again = || survey::Value { window: value.window.clone(), blinder: value.blinder };
    let share = || fixture.share(attestation.clone(), again(), &key).unwrap();
    let (one, other) = (share(), share());
    let with =
        |box_of_1: Sealed| reseal(&one, &key, [one.sealed[0].clone(), box_of_1, one.sealed[2].clone()]);
    let mut lie = again();
    lie.window[0] = b'9';
    let lie = fixture.share(attestation.clone(), lie, &key).unwrap();
    let mut seen = vec![
        (
            "shares that are not sealed to their party",
            settled(deployment, &with(moved(deployment, &one, &one, 2))).await,
        ),
        ("shares of another value than was proven", settled(deployment, &lie).await),
        (
            "a proven value outside of its range",
            settled(deployment, &fixture.submission("rich", "9999999.5", now()).unwrap()).await,
        ),
    ];
    // A digest has one fate: this is another attempt of the same account, by another sharing.
    let third = share();
    let boxes = [third.sealed[0].clone(), moved(deployment, &other, &third, 1), third.sealed[2].clone()];
    let mixed = reseal(&third, &key, boxes);
    seen.push(("shares that do not fit their commitments", settled(deployment, &mixed).await));

    let (attestation, value) = fixture.attest("ann", "4.5", &key, now()).unwrap();
    let again = || survey::Value { window: value.window.clone(), blinder: value.blinder };
    let share = || fixture.share(attestation.clone(), again(), &key).unwrap();
    deployment.receipt(deployment.submit(&share()).await.unwrap().submission).await;
    for account in ["bob", "cem"] {
        let submission = deployment.share(account, "4.5").await;
        deployment.receipt(submission).await;
    }
    let late = fixture.submission("dan", "4.5", now()).unwrap();
    seen.push(("a submission when the survey has all its rows", settled(deployment, &late).await));
    seen.push(("a proof that was submitted before", submit(deployment, &share()).await));
    let second = fixture.submission("ann", "4.5", now()).unwrap();
    seen.push(("a second proof of an account", submit(deployment, &second).await));
    seen
}

async fn what_is_wrong_with_queries(deployment: &Deployment) -> Seen {
    deployment.epochs_closed(1).await;
    let survey = &deployment.signed.body;
    let named = |name: &str| Choice::Listed(name.into());
    let own = |plan: Plan| Choice::Own(Box::new(plan));
    let (coordinator, calls) = (&deployment.coordinator, "/v1/queries");
    let query = Query { version: 1, survey: deployment.survey_id, plan: named("count"), epochs: vec![0] };
    let strange = query.sign(&Identity::generate()).unwrap();
    let mut forged = ask(deployment, named("count"), vec![0]);
    forged.body.epochs = vec![1];
    let other = Schema::single(Table::new([("height".to_owned(), ColumnType::number(0, 0, 300))]));
    let program = Program::new("misfit", other);
    program.output(["sum"], &program.column(Schema::DEFAULT, "height").sum());
    let misfit = program.finish().unwrap();
    let mut seen = vec![
        ("a query of somebody whom the survey does not list", refused(coordinator, calls, &strange).await),
        ("a query that was altered after it was signed", refused(coordinator, calls, &forged).await),
        (
            "a query for a plan that the survey does not list",
            refused(coordinator, calls, &ask(deployment, named("other"), vec![0])).await,
        ),
        ("a plan that does not fit the survey", query_refused(deployment, own(misfit)).await),
    ];
    let early = match deployment.query(&ask(deployment, named("count"), vec![7])).await {
        QueryStatus::Refused { refusal, .. } => refusal.code,
        other => panic!("a refusal is due, not {other:?}"),
    };
    seen.push(("a query over epochs that have not closed", early));
    let allowed = deployment.query(&ask(deployment, own(count("first", survey)), vec![0])).await;
    assert!(matches!(allowed, QueryStatus::Done { .. }), "{allowed:?}");
    let spent = query_refused(deployment, own(count("second", survey))).await;
    seen.push(("a plan of one's own when the budget is spent", spent));
    seen
}

async fn what_is_wrong_between_servers(deployment: &Deployment) -> Seen {
    let record = || Message::Record { height: 0 };
    let (stranger, survey) = (Identity::generate(), deployment.survey_id);
    let party = &deployment.fixture.parties[0].identity;
    let forged = wrap(record(), survey, 0, 1, now(), &stranger).unwrap();
    let stale = wrap(record(), survey, 0, 1, now() - 600, party).unwrap();
    let stale_call = wrap(QueueCall::Height, survey, 0, 3, now() + 600, party).unwrap();
    let peer = "/peer/v1/messages";
    vec![
        (
            "a message to a party from somebody who is none",
            refused(&deployment.parties[1], peer, &forged).await,
        ),
        ("a message of a party whose clock is wrong", refused(&deployment.parties[1], peer, &stale).await),
        (
            "a message of a party whose clock is wrong",
            refused(&deployment.coordinator, "/v1/parties/queue", &stale_call).await,
        ),
    ]
}

/// Whom most of this is sent to.
async fn a_lenient_deployment() -> Seen {
    let mut deployment = prepare(|survey| {
        survey.opens_at = now() - 3 * 24 * 3600;
        survey.max_rows = 3;
        survey.policy.other_plans = 1;
    });
    deployment.start_all().await;
    let mut seen = what_is_no_message(&deployment).await;
    seen.extend(what_the_door_refuses(&deployment).await);
    seen.extend(what_the_parties_refuse(&deployment).await);
    seen.extend(what_is_wrong_with_queries(&deployment).await);
    seen.extend(what_is_wrong_between_servers(&deployment).await);
    every_reason_is_counted(&deployment, &seen).await;
    seen
}

/// The coordinator counts every refusal by its reason, and so does the party that was told nonsense.
async fn every_reason_is_counted(deployment: &Deployment, seen: &Seen) {
    let get = "GET /metrics HTTP/1.1\r\nHost: survey\r\nConnection: close\r\n\r\n";
    let counters = deployment.raw(get).await;
    for (what, code) in seen.iter().filter(|(what, _)| !what.starts_with("a message to a party")) {
        let counted = |line: &str| {
            let count = line.strip_prefix(&format!("mpcstats_refusals_total{{code=\"{code}\"}} "));
            count.is_some_and(|count| count.parse::<u64>().is_ok_and(|count| count > 0))
        };
        assert!(counters.lines().any(counted), "{what}: {code} is not counted\n{counters}");
    }
}

/// One whose parties ask for more accounts than the survey does, and whose survey allows no other plans.
async fn a_strict_deployment() -> Seen {
    let policy = OwnPolicy { minimum: 5, ..OwnPolicy::default() };
    let mut deployment = prepare(|_| {}).with_policy(policy);
    deployment.start_all().await;
    for account in ["ann", "bob", "cem"] {
        let submission = deployment.share(account, "4.5").await;
        deployment.receipt(submission).await;
    }
    deployment.epochs_closed(1).await;
    let own = Choice::Own(Box::new(count("own", &deployment.signed.body)));
    vec![
        ("a plan of one's own where none is allowed", query_refused(&deployment, own).await),
        (
            "a query over fewer accounts than a party asks for",
            query_refused(&deployment, Choice::Listed("count".into())).await,
        ),
    ]
}

/// A coordinator alone that waits for nobody long.
async fn a_hasty_coordinator() -> Seen {
    let mut deployment = prepare(|_| {}).with_coordinator(|config| config.patience = 1);
    deployment.start_coordinator().await;
    let half = "POST /v1/submissions HTTP/1.1\r\nHost: survey\r\nConnection: close\r\n\
                Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    vec![("a client that does not finish its request", code_in(&deployment.raw(half).await))]
}

/// A coordinator alone: nobody empties its queue.
async fn a_crowded_coordinator() -> Seen {
    let mut deployment = prepare(|_| {}).with_coordinator(|config| {
        config.queue = 1;
        config.rate_per_address = 0.4;
    });
    deployment.start_coordinator().await;
    let submission = |account: &str| deployment.fixture.submission(account, "1.5", now()).unwrap();
    deployment.submit(&submission("ann")).await.unwrap();
    let full = submit(&deployment, &submission("bob")).await;
    // A burst of four passes.
    for account in ["cem", "dan"] {
        assert_eq!(submit(&deployment, &submission(account)).await, Code::QueueFull);
    }
    let limited = submit(&deployment, &submission("eve")).await;
    vec![
        ("a submission when the queue is full", full),
        ("more calls from one address than it may make", limited),
    ]
}

async fn a_coordinator_out_of_time(what: &'static str, opens: i64, closes: i64) -> Seen {
    let mut deployment = prepare(|survey| {
        survey.opens_at = now().saturating_add_signed(opens);
        survey.closes_at = now().saturating_add_signed(closes);
    });
    deployment.start_coordinator().await;
    let submission = deployment.fixture.submission("ann", "1.5", now()).unwrap();
    vec![(what, submit(&deployment, &submission).await)]
}

#[tokio::test(flavor = "multi_thread")]
async fn all_bad_input_is_refused_by_its_code() {
    let seen = tokio::join!(
        a_lenient_deployment(),
        a_strict_deployment(),
        a_hasty_coordinator(),
        a_crowded_coordinator(),
        a_coordinator_out_of_time("a submission before the survey opens", 3600, 7200),
        a_coordinator_out_of_time("a submission after the survey has closed", -7200, -3600),
    );
    let seen: Seen = [seen.0, seen.1, seen.2, seen.3, seen.4, seen.5].concat();
    for (what, code) in BAD_INPUT {
        assert!(seen.iter().any(|(sent, _)| sent == what), "{what} was not sent");
        for (_, answered) in seen.iter().filter(|(sent, _)| sent == what) {
            assert_eq!(answered, code, "{what}");
        }
    }
    for (sent, _) in &seen {
        assert!(BAD_INPUT.iter().any(|(what, _)| what == sent), "{sent} is not in the table");
    }
}
