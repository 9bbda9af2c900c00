#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! kill -9 to real processes, at any moment and in any order, while submissions arrive: after that everything
//! that was acknowledged is settled exactly once, and all parties agree.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use support::processes::{Processes, now};
use survey::wire::SubmissionStatus;

const PROVIDERS: usize = 24;

#[tokio::test(flavor = "multi_thread")]
async fn killed_processes_lose_nothing_and_settle_everything_once() {
    let seed: u64 =
        std::env::var("KILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random);
    println!("replay with KILL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut processes = Processes::prepare(|_| {}, "");
    (0..4).for_each(|index| processes.start(index));
    let (survey_id, keys) = (processes.signed.body.id().unwrap(), processes.signed.body.party_keys());

    let mut submissions = Vec::new();
    for provider in 0..PROVIDERS {
        let submission = processes.fixture.submission(&format!("account{provider}"), "12.5", now()).unwrap();
        submissions.push(processes.submit(&submission).await);
        tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
        if provider % 2 == 1 {
            let victim = random.random_range(0..4);
            processes.kill(victim);
            tokio::time::sleep(Duration::from_millis(random.random_range(0..500))).await;
            processes.start(victim);
        }
    }
    for submission in &submissions {
        match processes.settled(*submission).await {
            SubmissionStatus::Accepted { receipt } => receipt.verify(&survey_id, &keys).unwrap(),
            other => panic!("an honest submission was not accepted: {other:?}"),
        }
    }

    // A receipt means that the record is signed; the last party may still have to fetch it.
    let chain = processes.chain().await;
    let mut seen = BTreeSet::new();
    for record in &chain {
        record.verify(&survey_id, &keys).unwrap();
        assert!(record.record.leaves.iter().all(|leaf| seen.insert(*leaf)), "settled twice");
    }
    assert_eq!(seen, submissions.into_iter().collect(), "everything acknowledged is in the dataset");
}
