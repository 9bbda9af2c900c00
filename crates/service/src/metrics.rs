//! Counters for Prometheus, kept by hand: a handful of names with labels needs no library.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use survey::Code;

type Labels = Vec<(&'static str, String)>;

/// A server's metrics; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Mutex<BTreeMap<(&'static str, Labels), f64>>>);

/// Every metric: name, type and meaning.
const TABLE: &[(&str, &str, &str)] = &[
    ("mpcstats_batches_total", "counter", "Batches by outcome."),
    ("mpcstats_batch_seconds_total", "counter", "Time spent computing batches."),
    ("mpcstats_epochs", "gauge", "Closed epochs."),
    ("mpcstats_height", "gauge", "Height of the chain of batch records."),
    ("mpcstats_queue", "gauge", "Submissions waiting."),
    ("mpcstats_refusals_total", "counter", "Refusals by code."),
    ("mpcstats_releases_total", "counter", "Releases by outcome."),
    ("mpcstats_release_seconds_total", "counter", "Time spent computing releases."),
    ("mpcstats_requests_total", "counter", "HTTP requests by route and status."),
    ("mpcstats_submissions_total", "counter", "Submissions by outcome."),
    ("mpcstats_transaction_retries_total", "counter", "Transactions run again after a lost race, by name."),
    ("mpcstats_transaction_seconds_total", "counter", "Time spent in transactions, by name."),
    ("mpcstats_transactions_total", "counter", "Transactions by name."),
];

impl Metrics {
    /// Adds to a counter of the table.
    pub fn add(&self, name: &'static str, labels: &[(&'static str, &str)], amount: f64) {
        *self.lock().entry((name, own(labels))).or_default() += amount;
    }

    /// Sets a gauge of the table.
    pub fn set(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.lock().insert((name, own(labels)), value);
    }

    /// Counts a refusal.
    pub fn refusal(&self, code: Code) {
        self.add("mpcstats_refusals_total", &[("code", code.text())], 1.0);
    }

    /// Counts a transaction.
    pub fn transaction(&self, name: &'static str, took: Duration, retries: u32) {
        let labels = [("name", name)];
        self.add("mpcstats_transactions_total", &labels, 1.0);
        self.add("mpcstats_transaction_seconds_total", &labels, took.as_secs_f64());
        if retries > 0 {
            self.add("mpcstats_transaction_retries_total", &labels, f64::from(retries));
        }
    }

    /// The value of one series, zero if it was never touched.
    pub fn get(&self, name: &'static str, labels: &[(&'static str, &str)]) -> f64 {
        self.lock().get(&(name, own(labels))).copied().unwrap_or_default()
    }

    /// All metrics in Prometheus's text format.
    pub fn text(&self) -> String {
        let series = self.lock();
        let mut text = String::new();
        for (name, kind, help) in TABLE {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for ((_, labels), value) in series.iter().filter(|((series, _), _)| series == name) {
                let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
                let braces =
                    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
                let _ = writeln!(text, "{name}{braces} {value}");
            }
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(&'static str, Labels), f64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn own(labels: &[(&'static str, &str)]) -> Labels {
    labels.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.refusal(Code::QueueFull);
        metrics.refusal(Code::QueueFull);
        metrics.set("mpcstats_height", &[], 3.0);
        let text = metrics.text();
        assert!(text.contains("\nmpcstats_refusals_total{code=\"queue_full\"} 2\n"), "{text}");
        assert!(text.contains("# TYPE mpcstats_height gauge\nmpcstats_height 3\n"), "{text}");
    }
}
