#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! `mpcstats receipt verify`, as a provider runs it: its own receipt shows that a release holds its submission; anything
//! stolen, altered or of another release shows nothing, and the command says by its code why.

mod support;

use client::record::Record;
use serde_json::Value;
use stats::Schema;
use stats::build::Program;
use support::processes::{Processes, eventually};
use survey::definition::NamedPlan;
use survey::wire::{Status, SubmissionStatus};
use survey::{Certificate, Id, Receipt, Survey};

fn summed(survey: &mut Survey) {
    let program = Program::new("sum", survey.schema());
    program.output(["sum"], &program.column(Schema::DEFAULT, "balance").sum());
    let plan = program.finish().unwrap();
    survey.plans = vec![NamedPlan { name: "sum".into(), description: String::new(), plan }];
}

/// Three accounts, until their epoch has closed; gives the receipts.
async fn an_epoch(processes: &Processes, number: u64, accounts: [&str; 3]) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    for account in accounts {
        let submission = processes.share(account).await;
        let SubmissionStatus::Accepted { receipt } = processes.settled(submission).await else {
            panic!("{account} is not accepted")
        };
        receipts.push(*receipt);
    }
    eventually("an epoch that does not close", async || {
        let status: Status = processes.coordinator.get("/v1/status").await.ok()?;
        (status.epochs > number).then_some(())
    })
    .await;
    receipts
}

/// Asks over one epoch; gives the certificate's file.
fn release(processes: &Processes, epoch: &str) -> String {
    let file = format!("certificate{epoch}.json");
    let asked = ["query", "--survey", "survey.json", "--keys", "consumer.key", "--listed", "sum"];
    let asked = processes.command(&[&asked[..], &["--epochs", epoch, "--output", &file]].concat());
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    file
}

/// What the command says of a record and a certificate: nothing if it is content, else a code.
fn verify(processes: &Processes, submission: Id, receipt: &Receipt, certificate: &str) -> Option<String> {
    let record = Record {
        version: 1,
        survey: "survey.json".into(),
        title: "Fixture".into(),
        submission,
        submitted_at: 1,
        receipt: Some(receipt.clone()),
    };
    std::fs::write(processes.path("record.json"), serde_json::to_vec(&record).unwrap()).unwrap();
    let arguments = ["receipt", "verify", "--record", "record.json", "--records", "records", "--json"];
    let output = processes.command(&[&arguments[..], &["--certificate", certificate]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.success() {
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["included"], true, "{answer}");
        return None;
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("next:"), "says what to do: {said}");
    let (_, code) = said.split_once("refused (").unwrap_or_else(|| panic!("no code: {said}"));
    Some(code.split_once(')').unwrap().0.to_owned())
}

/// The receipts that a thief or forger may show for this submission, and how each is found out.
fn forged(own: &Receipt, other: &Receipt) -> Vec<(&'static str, Receipt, &'static str)> {
    let altered = |change: &dyn Fn(&mut Receipt)| {
        let mut receipt = own.clone();
        change(&mut receipt);
        receipt
    };
    vec![
        ("another provider's", other.clone(), "malformed"),
        (
            "another provider's, under one's own name",
            Receipt { submission: own.submission, ..other.clone() },
            "malformed",
        ),
        ("of another epoch", altered(&|receipt| receipt.header.epoch += 1), "bad_signature"),
        ("of more accounts", altered(&|receipt| receipt.header.accepted += 1), "bad_signature"),
        ("of another survey", altered(&|receipt| receipt.header.survey = Id::default()), "wrong_survey"),
        (
            "signed by one party thrice",
            altered(&|receipt| receipt.signatures = [receipt.signatures[0]; 3]),
            "bad_signature",
        ),
    ]
}

/// Certificates that were altered, and how each is found out.
fn falsified(good: &Certificate) -> Vec<(&'static str, Certificate, &'static str)> {
    let altered = |change: &dyn Fn(&mut Certificate)| {
        let mut certificate = good.clone();
        change(&mut certificate);
        certificate
    };
    vec![
        ("over more accounts", altered(&|it| it.statement.count += 1), "bad_signature"),
        ("over another dataset", altered(&|it| it.statement.dataset_root = Id::default()), "bad_signature"),
        ("of another survey", altered(&|it| it.statement.survey = Id::default()), "wrong_survey"),
        ("with another result", altered(&|it| it.components[1].bytes[0] ^= 1), "conflict"),
        ("of another version", altered(&|it| it.version = 2), "unsupported_version"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_shows_its_own_release_and_nothing_else() {
    let mut processes = Processes::prepare(summed, "");
    (0..4).for_each(|index| processes.start(index));
    processes.fixture.consumer.write(&processes.path("consumer.key")).unwrap();
    let first = an_epoch(&processes, 0, ["ann", "bob", "cem"]).await;
    let second = an_epoch(&processes, 1, ["dan", "eva", "fay"]).await;
    let [one, two] = ["0", "1"].map(|epoch| release(&processes, epoch));

    for (receipts, own, other) in [(&first, &one, &two), (&second, &two, &one)] {
        for receipt in receipts {
            assert_eq!(verify(&processes, receipt.submission, receipt, own), None);
            let apart = verify(&processes, receipt.submission, receipt, other);
            assert_eq!(apart.as_deref(), Some("not_in_release"));
        }
    }
    let own = &first[0];
    for other in [&first[1], &second[0]] {
        for (what, shown, code) in forged(own, other) {
            assert_eq!(verify(&processes, own.submission, &shown, &one).as_deref(), Some(code), "{what}");
        }
    }
    let good: Certificate = serde_json::from_slice(&std::fs::read(processes.path(&one)).unwrap()).unwrap();
    for (what, certificate, code) in falsified(&good) {
        std::fs::write(processes.path("bad.json"), serde_json::to_vec(&certificate).unwrap()).unwrap();
        assert_eq!(verify(&processes, own.submission, own, "bad.json").as_deref(), Some(code), "{what}");
    }
    std::fs::write(processes.path("bad.json"), "no certificate").unwrap();
    assert_eq!(verify(&processes, own.submission, own, "bad.json").as_deref(), Some("file"));
    assert_eq!(verify(&processes, own.submission, own, "nowhere.json").as_deref(), Some("file"));
}
