#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! Deploys on several hosts by doing what `docs/src/deploy-remote.md` says, and nothing else: each host of the page is
//! a network namespace with an address, a host name and a folder of its own, and has routes to those hosts only that the
//! page's table of connections gives it.
//!
//! The page is a script. Code blocks say in their info string where they run: `sh on=one,two`; `serves` leaves them
//! running; `times=3` runs them once for each of three accounts; `sh copies` holds `scp` lines. `<!-- cut two -->` takes a
//! host's cable out, `<!-- mend two -->` puts it back.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use support::hosts::{Hosts, permitted};
use support::not_run;
use support::page::{Step, connections, steps};

const PAGE: &str = include_str!("../../../docs/src/deploy-remote.md");

/// How long one block may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// An account's credentials at the exchange, by number.
fn account(number: u64) -> [(&'static str, String); 2] {
    let account = service::exchange::Account::derive("demo", number);
    [("API_KEY", account.api_key), ("API_SECRET", account.api_secret)]
}

/// How many accounts a certificate's release covers.
fn count(hosts: &Hosts, certificate: &str) -> u64 {
    let text = std::fs::read_to_string(hosts.folder("consumer").join(certificate)).unwrap();
    let certificate: survey::Certificate = serde_json::from_str(&text).unwrap();
    certificate.statement.count
}

#[test]
fn the_page_on_remote_deployment_deploys_and_survives_a_party_that_is_cut_off() {
    if !permitted() {
        not_run("network namespaces are not permitted here; the deployment on several hosts was not tested.");
        return;
    }
    let mut hosts = Hosts::new(&connections(PAGE));
    let mut accounts = 0;
    for step in steps(PAGE) {
        match step {
            Step::Run { on, times, script } => {
                for host in &on {
                    for _ in 0..times {
                        hosts.run(host, &script, &account(accounts), PATIENCE);
                        accounts += u64::from(times > 1);
                    }
                }
            }
            Step::Serve { on, command } => on.iter().for_each(|host| hosts.serve(host, &command)),
            Step::Copy { from, files, to } => hosts.copy(&from, &files, &to),
            Step::Up(_) => panic!("this page has no containers"),
            Step::Cut(host) => hosts.cable(&host, false),
            Step::Mend(host) => hosts.cable(&host, true),
        }
    }
    assert_eq!(accounts, 6, "two cohorts of three took part");
    assert_eq!(count(&hosts, "certificate.json"), 3);
    assert_eq!(count(&hosts, "later.json"), 6, "those who came while a party was away are counted");

    // Routes are what the table says: what it does not name does not pass.
    hosts.run("monitor", "curl -s -m 3 http://notary.example:7048/health", &[], PATIENCE);
    let strangers = [("provider", "one"), ("consumer", "two"), ("notary", "three"), ("exchange", "one")];
    for (from, to) in strangers {
        hosts.run(from, &format!("! curl -sk -m 3 https://{to}.example:7400/healthz"), &[], PATIENCE);
    }

    // The names that the page gives to metrics are those that the servers use.
    let metrics = std::fs::read_to_string(hosts.folder("monitor").join("metrics.txt")).unwrap();
    let real: BTreeSet<&str> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let words = PAGE.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    let named: BTreeSet<&str> = words.filter(|word| word.starts_with("mpcstats_")).collect();
    assert_eq!(named, real, "the page's table of metrics is complete and right");
}
