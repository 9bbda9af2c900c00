#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! Attacks on what parties and coordinators keep and enforce, each carried out and failing to win.

mod support;

use std::sync::Arc;
use std::time::Duration;

use service::admission::admit;
use service::coordinator::tables::{Entry, Tables as Queue};
use service::fixture::Fixture;
use service::keys::Keys;
use service::metrics::Metrics;
use service::party::policy::{Asked, OwnPolicy, check};
use service::party::tables::Tables;
use service::storage::{Store, memory::Memory};
use stats::build::Program;
use stats::{Limits, Plan, Schema};
use survey::definition::NamedPlan;
use survey::wire::QueryStatus;
use survey::{Choice, Code, Epoch, Id, PartyOutput, Query, Refusal, SignedQuery, Statement, query};

const NOW: u64 = 1_800_000_000;

fn store() -> Store {
    Store::new(Arc::new(Memory::default()), Metrics::default())
}

fn id(text: &str) -> Id {
    Id::of_parts(text, &[])
}

/// A plan with groups, if asked for: then results are withheld if one is too small.
fn plan(name: &str, groups: bool) -> Plan {
    let program = Program::new(name, Fixture::new(NOW, Vec::new()).unwrap().survey.schema());
    let balance = program.column(Schema::DEFAULT, "balance");
    if groups {
        program.output(
            ["above"],
            &balance.filter(&program.column(Schema::DEFAULT, "balance").less_scalar(&balance.max())).count(),
        );
    } else {
        program.output(["sum"], &balance.sum());
    }
    program.finish().unwrap()
}

fn fixture() -> Fixture {
    let named =
        |name: &str| NamedPlan { name: name.into(), description: String::new(), plan: plan(name, false) };
    let mut fixture = Fixture::new(NOW, vec![named("sum"), named("other")]).unwrap();
    fixture.survey.policy.other_plans = 1;
    fixture
}

fn ask(fixture: &Fixture, plan: Choice, epochs: Vec<u64>) -> SignedQuery {
    let survey = fixture.survey.id().unwrap();
    Query { version: 1, survey, plan, epochs }.sign(&fixture.consumer.identity).unwrap()
}

/// A query's name, and its plan's id.
fn named(fixture: &Fixture, asked: &SignedQuery) -> (Id, Id) {
    let (plan, _) = query::check(asked, &fixture.survey, &fixture.survey.id().unwrap()).unwrap();
    (query::query_id(asked, plan).unwrap(), Id(plan.id().0))
}

/// The three outputs of a query, as the parties would make them in a session.
fn outputs(fixture: &Fixture, asked: &SignedQuery, session: &str) -> Vec<PartyOutput> {
    let session = id(session);
    let output = |party: usize| {
        let result = support::columns(&session, party).0;
        let statement = Statement {
            version: 1,
            survey: asked.body.survey,
            release: 0,
            epochs: asked.body.epochs.clone(),
            session,
            plan: named(fixture, asked).1,
            dataset_root: id("root"),
            count: 10,
            tests: Vec::new(),
            leaks: Vec::new(),
            self_reported: Vec::new(),
            consumer: asked.signer,
            components: result.digests.map(Id),
        };
        let Keys { identity, .. } = &fixture.parties[party];
        let to = fixture.consumer.opening.public();
        PartyOutput::new(party as u8, statement, &result, &to, identity, &mut rand::rng()).unwrap()
    };
    (0..3).map(output).collect()
}

/// However a plan is named, the same question is one query: nobody gets two releases of it to compare.
#[test]
fn one_question_has_one_name() {
    let fixture = fixture();
    let listed = &fixture.survey.plans[0].plan;
    let by_name = named(&fixture, &ask(&fixture, Choice::Listed("sum".into()), vec![0]));
    let by_id = named(&fixture, &ask(&fixture, Choice::Listed(listed.id().to_string()), vec![0]));
    let in_full = named(&fixture, &ask(&fixture, Choice::Own(Box::new(listed.clone())), vec![0]));
    assert!(by_name == by_id && by_id == in_full);
    assert_ne!(by_name, named(&fixture, &ask(&fixture, Choice::Listed("sum".into()), vec![0, 1])));
    assert_ne!(by_name, named(&fixture, &ask(&fixture, Choice::Listed("other".into()), vec![0])));
}

/// Anybody may bring outputs to a coordinator. Those of another query would answer this one, and take it out of the
/// queue.
#[tokio::test]
async fn outputs_of_one_query_do_not_answer_another() {
    let (fixture, tables) = (fixture(), Queue::new(store()));
    let asked = ask(&fixture, Choice::Listed("sum".into()), vec![0]);
    let victim = named(&fixture, &asked);
    tables.ask(victim.0, asked.clone(), victim.1, 1, 10).await.unwrap();
    let others = [
        ask(&fixture, Choice::Listed("other".into()), vec![0]),
        ask(&fixture, Choice::Listed("sum".into()), vec![0, 1]),
    ];
    for other in &others {
        let refusal = tables.deliver(victim.0, outputs(&fixture, other, "session"), 1).await.unwrap_err();
        assert_eq!(refusal.code, Code::Malformed);
    }
    assert_eq!(tables.query(victim.0).await.unwrap(), QueryStatus::Running);
    assert_eq!(tables.waiting(10).await.unwrap().len(), 1, "the query still waits for its own");
    tables.deliver(victim.0, outputs(&fixture, &asked, "session"), 1).await.unwrap();
    assert!(matches!(tables.query(victim.0).await.unwrap(), QueryStatus::Done { .. }));

    // One output of another session, which somebody kept, does not undo what is done.
    let kept = outputs(&fixture, &asked, "earlier session").swap_remove(1);
    tables.deliver(victim.0, vec![kept], 1).await.unwrap();
    assert!(matches!(tables.query(victim.0).await.unwrap(), QueryStatus::Done { .. }));
}

#[tokio::test]
async fn a_proof_that_comes_again_is_told_from_a_second_one_of_the_account() {
    let (fixture, tables) = (fixture(), Queue::new(store()));
    let (survey, survey_id) = (&fixture.survey, fixture.survey.id().unwrap());
    let entry = |submission: survey::Submission| {
        let admitted = admit(&submission, survey, &survey_id, NOW, Duration::ZERO).unwrap();
        let account = Id::of_parts("account", &[admitted.account.as_bytes()]);
        Entry { digest: admitted.digest, account, session: Id(admitted.session), submission }
    };
    let provider = survey::Identity::generate();
    let (attestation, value) = fixture.attest("ann", "1.5", &provider, NOW).unwrap();
    let session = attestation.statement.session;
    let share =
        || survey::Submission::new(survey, attestation.clone(), &session, &[again(&value)], &provider);
    let first = entry(share().unwrap());
    let enqueue = |entry: Entry| async { tables.enqueue(vec![entry], 1, 10).await.unwrap().swap_remove(0) };
    assert_eq!(enqueue(first.clone()).await, Ok(0));
    assert_eq!(enqueue(first).await, Ok(1), "the same again is no new submission");
    assert_eq!(tables.standing().await.unwrap().0, 1);
    assert_eq!(enqueue(entry(share().unwrap())).await, Err(Code::DuplicateSubmission), "shared anew");
    let second = fixture.submission("ann", "1.5", NOW).unwrap();
    assert_eq!(enqueue(entry(second)).await, Err(Code::DuplicateAccount), "proven anew");
}

fn again(value: &survey::Value) -> survey::Value {
    survey::Value { window: value.window.clone(), blinder: value.blinder }
}

/// What was let in may wait: a party that was away for a day, or past the survey's end, still takes it.
#[test]
fn nothing_that_was_let_in_goes_stale_in_the_queue() {
    let mut fixture = Fixture::new(NOW, Vec::new()).unwrap();
    fixture.survey.closes_at = NOW + 3600;
    let (survey, id) = (fixture.survey.clone(), fixture.survey.id().unwrap());
    let submission = fixture.submission("ann", "1.5", NOW).unwrap();
    let (door, party) = (Duration::ZERO, Duration::from_hours(30 * 24));
    let judge = |now, waited| {
        let judged = admit(&submission, &survey, &id, now, waited);
        judged.map(drop).map_err(|refusal: Refusal| refusal.code)
    };
    assert_eq!(judge(NOW + 10, door), Ok(()));
    assert_eq!(judge(NOW + 4000, door), Err(Code::SurveyClosed));
    assert_eq!(judge(NOW + 4000, party), Ok(()));
    assert_eq!(judge(NOW + 20 * 24 * 3600, party), Ok(()));
    assert_eq!(judge(NOW + 32 * 24 * 3600, party), Err(Code::StaleAttestation), "not for ever");
    // Waiting does not help a proof that was made before the survey opened, or after it closed.
    for (made, code) in [(NOW - 3700, Code::SurveyNotOpen), (NOW + 3700, Code::SurveyClosed)] {
        let early = fixture.submission("bob", "1.5", made).unwrap();
        for waited in [door, party] {
            assert_eq!(admit(&early, &survey, &id, made.max(NOW), waited).unwrap_err().code, code);
        }
    }
}

/// The leader may send two starts at once; a budget of one lets one of them through.
#[tokio::test]
async fn a_budget_is_not_spent_twice_by_asking_at_once() {
    let tables = Tables::new(store(), id("survey"));
    let start = |query: &str, number| tables.start_release(id(query), number, Some(1));
    let (a, b) = tokio::join!(start("a", 0), start("b", 1));
    let (a, b) = (a.map_err(|refusal| refusal.code), b.map_err(|refusal| refusal.code));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    assert_eq!(a.and(b), Err(Code::BudgetSpent));
    let totals = tables.totals().await.unwrap();
    assert_eq!(totals.others, 1);
    // The one that started counts once, however often it is tried again; listed plans do not count.
    let started = if tables.release(id("a")).await.unwrap().is_some() { "a" } else { "b" };
    start(started, 1).await.unwrap();
    tables.start_release(id("listed"), 2, None).await.unwrap();
    assert_eq!(tables.totals().await.unwrap().others, 1);
}

/// A number belongs to one query. One that was interrupted before anybody had its output may take a later one, or it
/// could never be computed once others have gone on.
#[tokio::test]
async fn release_numbers_are_neither_shared_nor_used_up_nor_stuck() {
    let fixture = fixture();
    let tables = Tables::new(store(), id("survey"));
    let code = |outcome: Result<(), Refusal>| outcome.map_err(|refusal| refusal.code);
    let asked = ask(&fixture, Choice::Listed("sum".into()), vec![0]);
    let (query, _) = named(&fixture, &asked);
    tables.start_release(query, 0, None).await.unwrap();
    assert_eq!(code(tables.start_release(id("other"), 0, None).await), Err(Code::Conflict));
    // A liar claims a number near the end of all numbers.
    assert_eq!(code(tables.start_release(id("other"), u64::MAX, None).await), Err(Code::Conflict));
    tables.start_release(id("other"), 1, None).await.unwrap();
    assert_eq!(tables.totals().await.unwrap().next_number, 2);
    tables.start_release(query, 2, None).await.unwrap();
    assert_eq!(code(tables.start_release(query, 0, None).await), Err(Code::Conflict), "no way back");
    let mut output = outputs(&fixture, &asked, "session").swap_remove(0);
    output.statement.release = 2;
    tables.finish_release(query, output).await.unwrap();
    assert_eq!(code(tables.start_release(query, 3, None).await), Err(Code::Conflict), "it has its number");
    tables.start_release(query, 2, None).await.unwrap();
    assert!(tables.release(query).await.unwrap().unwrap().output.is_some(), "its output is kept meanwhile");
}

/// Two sums over unions of epochs differ by whole epochs: a party with a stricter minimum holds each epoch to it.
#[test]
fn a_stricter_minimum_is_not_passed_by_subtracting_two_releases() {
    let fixture = fixture();
    let survey = &fixture.survey;
    let own = OwnPolicy { minimum: 50, ..OwnPolicy::default() };
    let epoch =
        |number, accounts| Epoch { number, heights: (0, 0), accounts, root: id("root"), closed_at: 0 };
    let judge = |own: &OwnPolicy, plan: &Plan, epochs: &[Epoch]| {
        let asked = Asked { plan, epochs, others_spent: 0, again: false };
        check(survey, own, asked).map(drop).map_err(|refusal| (refusal.code, refusal.detail))
    };
    let sum = &survey.plans[0].plan;
    assert_eq!(judge(&own, sum, &[epoch(0, 60)]), Ok(()));
    let (code, _) = judge(&own, sum, &[epoch(0, 60), epoch(1, 12)]).unwrap_err();
    assert_eq!(code, Code::CohortTooSmall, "the sum over epoch 0 alone would leave epoch 1");
    assert_eq!(judge(&OwnPolicy::default(), sum, &[epoch(0, 60), epoch(1, 12)]), Ok(()));

    // Suppression is done by all three, at the survey's minimum: a party that wants more refuses plans with groups.
    let limits = Limits { minimum: 50, ..Limits::none() };
    let own = OwnPolicy { limits: Some(limits), ..OwnPolicy::default() };
    assert_eq!(judge(&own, sum, &[epoch(0, 60)]), Ok(()));
    let (code, rule) = judge(&own, &plan("groups", true), &[epoch(0, 60)]).unwrap_err();
    assert_eq!(code, Code::ForbiddenPlan);
    assert!(rule.contains("limits.minimum"), "{rule}");
    let refuse = OwnPolicy { refuse_plans: vec!["sum".into()], ..OwnPolicy::default() };
    assert!(judge(&refuse, sum, &[epoch(0, 60)]).unwrap_err().1.contains("refuse_plans"));
    let refuse = OwnPolicy { refuse_other_plans: true, ..OwnPolicy::default() };
    assert!(
        judge(&refuse, &plan("own", false), &[epoch(0, 60)]).unwrap_err().1.contains("refuse_other_plans")
    );
}
