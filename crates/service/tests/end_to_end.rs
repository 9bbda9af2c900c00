#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! Coordinator and three parties over real TLS, with real three-party computation: from submission to
//! certificate, and every way to be refused on it.

mod support;

use std::collections::BTreeMap;

use service::fixture::Fixture;
use service::metrics::Metrics;
use service::storage::{Blobs, Store};
use stats::build::Program;
use stats::{Outcome, ResultTable, Schema};
use support::deployment::{Deployment, now};
use survey::definition::NamedPlan;
use survey::wire::{Epochs, Headers, QueryStatus, SubmissionStatus};
use survey::{Certificate, Choice, Code, Id, Identity, Query, Receipt, SignedQuery, epoch, query};

/// Where parties keep their share columns.
const COLUMNS: Blobs<u64> = Blobs::new("columns");

fn plans() -> Vec<NamedPlan> {
    let schema = Fixture::new(now(), Vec::new()).unwrap().survey.schema();
    let program = Program::new("inequality", schema);
    let balance = program.column(Schema::DEFAULT, "balance");
    program.output(["count"], &balance.count());
    program.output(["mean"], &balance.mean());
    program.output(["max"], &balance.max());
    program.output(["median"], &balance.median());
    program.output(["gini"], &balance.gini());
    let plan = program.finish().unwrap();
    vec![NamedPlan { name: "inequality".into(), description: String::new(), plan }]
}

fn ask(deployment: &Deployment, plan: Choice, epochs: Vec<u64>, signer: &Identity) -> SignedQuery {
    Query { version: 1, survey: deployment.survey_id, plan, epochs }.sign(signer).unwrap()
}

fn listed(deployment: &Deployment, epochs: Vec<u64>) -> SignedQuery {
    let consumer = &deployment.fixture.consumer.identity;
    ask(deployment, Choice::Listed("inequality".into()), epochs, consumer)
}

fn result(deployment: &Deployment, certificate: &Certificate) -> ResultTable {
    let plan = &deployment.signed.body.plan("inequality").unwrap().plan;
    let survey = &deployment.signed.body;
    let checked = stats::check(plan, &survey.schema(), &survey.policy.limits).unwrap();
    let components = certificate.components.each_ref().map(|component| component.bytes.as_slice());
    let values = rep3::combine_field(components, components[0].len() / 16).unwrap();
    let rows = BTreeMap::from([(Schema::DEFAULT.to_owned(), certificate.statement.count)]);
    let tests = certificate.statement.tests.clone();
    stats::decode_elements(&checked, &Outcome { rows, tests, values }).unwrap()
}

async fn certificate(deployment: &Deployment, query: &SignedQuery) -> Certificate {
    let QueryStatus::Done { outputs } = deployment.query(query).await else { panic!("the query is refused") };
    let keys = deployment.signed.body.party_keys();
    Certificate::assemble(&outputs, &deployment.fixture.consumer.opening, &keys).unwrap()
}

async fn check_inclusion(deployment: &Deployment, receipt: &Receipt, certificate: &Certificate) {
    let number = receipt.header.epoch;
    let Epochs { epochs, .. } = deployment.coordinator.get("/v1/epochs").await.unwrap();
    let released: Vec<_> =
        epochs.into_iter().filter(|epoch| certificate.statement.epochs.contains(&epoch.number)).collect();
    let Headers { headers } =
        deployment.coordinator.get(&format!("/v1/epochs/{number}/headers")).await.unwrap();
    let headers: Vec<_> = headers.into_iter().map(|signed| signed.header).collect();
    let above = epoch::record_path(&headers, receipt.header.height, &released).unwrap();
    assert!(receipt.is_in(certificate, &above), "the receipt's submission is in the release");
    let mut other = receipt.clone();
    other.submission = Id::default();
    assert!(!other.is_in(certificate, &above));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_goes_in_and_a_certificate_comes_out() {
    let mut deployment = Deployment::start(plans()).await;
    let mut submissions = Vec::new();
    for (account, balance) in [("ann", "1"), ("bob", "2.5"), ("cem", "3"), ("dee", "10.0001"), ("eva", "0")] {
        submissions.push(deployment.share(account, balance).await);
    }
    let mut receipts = Vec::new();
    for submission in submissions {
        receipts.push(deployment.receipt(submission).await);
    }
    deployment.epochs_closed(1).await;

    let query = listed(&deployment, vec![0]);
    let certificate = certificate(&deployment, &query).await;
    assert_eq!(certificate.statement.count, 5);
    assert_eq!(certificate.statement.release, 0);
    let table = result(&deployment, &certificate);
    let value = |name: &str| table.get(&[name]).unwrap().to_string();
    assert_eq!((value("count").as_str(), value("max").as_str()), ("5", "10.0001"));
    assert_eq!((value("median").as_str(), value("mean").as_str()), ("2.5", "3.30002"));
    for receipt in &receipts {
        check_inclusion(&deployment, receipt, &certificate).await;
    }
    stolen_receipts_show_nothing(&deployment, &receipts);

    // Asking again is no new release, also after every server was restarted.
    for server in [1, 0, 2, 3] {
        deployment.stop(server).await;
    }
    deployment.start_coordinator().await;
    for party in 0..3 {
        deployment.start_party(party).await;
    }
    let again = self::certificate(&deployment, &query).await;
    assert_eq!(again, certificate);

    // An account counts once, also in another epoch.
    let twice = deployment.fixture.submission("ann", "7", now()).unwrap();
    assert_eq!(deployment.submit(&twice).await.unwrap_err().code, Code::DuplicateAccount);
    for account in ["fay", "gil", "hal"] {
        let submission = deployment.share(account, "4").await;
        deployment.receipt(submission).await;
    }
    deployment.epochs_closed(2).await;
    let both = self::certificate(&deployment, &listed(&deployment, vec![0, 1])).await;
    assert_eq!((both.statement.count, both.statement.release), (8, 1));
    assert_eq!(result(&deployment, &both).get(&["count"]).unwrap().to_string(), "8");
}

/// Somebody who was not accepted shows another's receipt: as it is, or with a submission of their own written into it.
fn stolen_receipts_show_nothing(deployment: &Deployment, receipts: &[Receipt]) {
    let keys = deployment.signed.body.party_keys();
    let thief = Id::of_parts("the thief's submission", &[]);
    for stolen in receipts {
        stolen.verify_of(&stolen.submission, &deployment.survey_id, &keys).unwrap();
        let renamed = Receipt { submission: thief, ..stolen.clone() };
        for shown in [stolen, &renamed] {
            let refusal = shown.verify_of(&thief, &deployment.survey_id, &keys).unwrap_err();
            assert_eq!(refusal.code, Code::Malformed);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_by_its_code() {
    let deployment = Deployment::start(plans()).await;

    // A provider that alters its value after it was proven is found out inside three-party computation.
    let provider = Identity::generate();
    let (attestation, mut value) = deployment.fixture.attest("cheat", "1.5", &provider, now()).unwrap();
    value.window[0] = b'9';
    let session = attestation.statement.session;
    let survey = &deployment.signed.body;
    let altered = survey::Submission::new(survey, attestation, &session, &[value], &provider).unwrap();
    let altered = deployment.submit(&altered).await.unwrap().submission;
    // Out of the declared range, and malformed: provable, and refused all the same.
    let large = deployment.share("rich", "9999999.5").await;
    let good = deployment.share("good", "1.0").await;
    for (submission, code) in [(altered, Code::CommitmentMismatch), (large, Code::InvalidValue)] {
        match deployment.settled(submission).await {
            SubmissionStatus::Refused { refused, .. } => assert_eq!(refused.code, code),
            other => panic!("{code} is due, not {other:?}"),
        }
    }
    deployment.receipt(good).await;
    // Who was refused may try again with a new proof.
    let again = deployment.share("cheat", "1.5").await;
    deployment.receipt(again).await;

    // Too few accounts: no epoch, no release.
    let query = listed(&deployment, vec![0]);
    match deployment.query(&query).await {
        QueryStatus::Refused { refusal, .. } => assert_eq!(refusal.code, Code::UnknownEpoch),
        other => panic!("a refusal is due, not {other:?}"),
    }
    let post = |query: SignedQuery| {
        let client = deployment.coordinator.clone();
        async move { client.post::<_, survey::wire::QueryAccepted>("/v1/queries", &query).await.unwrap_err().code }
    };
    let stranger = Identity::generate();
    assert_eq!(
        post(ask(&deployment, Choice::Listed("inequality".into()), vec![0], &stranger)).await,
        Code::UnknownConsumer
    );
    let consumer = &deployment.fixture.consumer.identity;
    assert_eq!(
        post(ask(&deployment, Choice::Listed("other".into()), vec![0], consumer)).await,
        Code::UnknownPlan
    );
    assert_eq!(
        post(ask(&deployment, Choice::Listed("inequality".into()), vec![1, 0], consumer)).await,
        Code::UnknownEpoch
    );
    let mut forged = query.clone();
    forged.body.epochs = vec![3];
    assert_eq!(post(forged).await, Code::BadSignature);

    // What is not a message at all.
    let malformed = deployment.coordinator.post::<_, ()>("/v1/submissions", &"text").await;
    assert_eq!(malformed.unwrap_err().code, Code::Malformed);
    let huge = deployment.coordinator.post::<_, ()>("/v1/submissions", &"x".repeat(300 << 10)).await;
    assert_eq!(huge.unwrap_err().code, Code::TooLarge);
    let nowhere = deployment.coordinator.get::<()>("/v1/nothing").await;
    assert_eq!(nowhere.unwrap_err().code, Code::NotFound);
    let unknown =
        deployment.coordinator.get::<SubmissionStatus>(&format!("/v1/submissions/{}", Id::default())).await;
    assert_eq!(unknown.unwrap_err().code, Code::NotFound);

    // Only parties read the queue and talk to parties.
    let outsider = service::party::peers::wrap(
        service::party::link::QueueCall::Height,
        deployment.survey_id,
        0,
        3,
        now(),
        &stranger,
    );
    let refused = deployment.coordinator.post::<_, ()>("/v1/parties/queue", &outsider.unwrap()).await;
    assert_eq!(refused.unwrap_err().code, Code::BadSignature);
    let message = service::party::peers::Message::Record { height: 0 };
    let message = service::party::peers::wrap(message, deployment.survey_id, 0, 1, now(), &stranger).unwrap();
    let refused = deployment.parties[1].post::<_, ()>("/peer/v1/messages", &message).await;
    assert_eq!(refused.unwrap_err().code, Code::BadSignature);

    // The reads of every party agree with the coordinator's.
    let id = query::query_id(&query, &deployment.signed.body.plans[0].plan).unwrap();
    assert_ne!(id, Id::default());
    for party in &deployment.parties {
        match party.get(&format!("/v1/submissions/{good}")).await.unwrap() {
            SubmissionStatus::Accepted { receipt } => {
                receipt.verify(&deployment.survey_id, &deployment.signed.body.party_keys()).unwrap();
            }
            other => panic!("a receipt is due, not {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edited_share_columns_are_noticed_and_nothing_is_released_over_them() {
    let mut deployment = Deployment::start(plans()).await;
    for account in ["ann", "bob", "cem"] {
        let submission = deployment.share(account, "4.5").await;
        deployment.receipt(submission).await;
    }
    deployment.epochs_closed(1).await;

    deployment.stop(1).await;
    let store = Store::open(&deployment.storage("party1"), Metrics::default()).await.unwrap();
    store
        .run("test", |tx| {
            Box::pin(async move {
                let mut columns = tx.get_blob(&COLUMNS, &0).await?.unwrap();
                *columns.last_mut().unwrap() ^= 1;
                tx.put_blob(&COLUMNS, &0, columns).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    drop(store);
    deployment.start_party(1).await;
    let query = listed(&deployment, vec![0]);
    match deployment.query(&query).await {
        QueryStatus::Refused { refusal, .. } => assert_eq!(refusal.code, Code::TamperedStore),
        other => panic!("a refusal is due, not {other:?}"),
    }
}
