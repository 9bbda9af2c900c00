//! What the notary counts, in Prometheus' text format.

use mpctls::protocol::{NotaryError, NotaryReport};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[derive(Default)]
struct Counts {
    active: u64,
    /// By mode and outcome: `attested`, `disconnected`, or the code of a refusal.
    sessions: BTreeMap<(String, String), u64>,
    seconds: f64,
    sent: u64,
    received: u64,
}

/// The notary's counters; clones share them.
#[derive(Clone, Default)]
pub struct Meters(Arc<Mutex<Counts>>);

impl Meters {
    fn with<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn begin(&self) {
        self.with(|counts| counts.active += 1);
    }

    pub(super) fn end(&self, result: &Result<NotaryReport, NotaryError>, took: Duration) {
        let (mode, outcome) = match result {
            Ok(report) => (report.mode.to_string(), "attested".to_owned()),
            Err(NotaryError::Channel(_)) => (String::new(), "disconnected".to_owned()),
            Err(NotaryError::Refused(refusal)) => (String::new(), refusal.code.clone()),
        };
        self.with(|counts| {
            counts.active = counts.active.saturating_sub(1);
            counts.seconds += took.as_secs_f64();
            *counts.sessions.entry((mode, outcome)).or_default() += 1;
            if let Ok(report) = result {
                counts.sent += report.sent as u64;
                counts.received += report.received as u64;
            }
        });
    }

    /// Counts a prover who was turned away before a session began.
    pub(super) fn turned_away(&self, why: &str) {
        self.with(|counts| *counts.sessions.entry((String::new(), why.to_owned())).or_default() += 1);
    }

    /// Sessions under way.
    pub fn active(&self) -> u64 {
        self.with(|counts| counts.active)
    }

    /// Everything, as Prometheus reads it.
    pub fn text(&self) -> String {
        self.with(|counts| {
            let mut text = String::new();
            let mut metric = |name: &str, kind: &str, help: &str, value: &dyn std::fmt::Display| {
                let _infallible =
                    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
            };
            metric("mpcstats_notary_active", "gauge", "Sessions under way.", &counts.active);
            metric("mpcstats_notary_seconds_total", "counter", "Time spent in sessions.", &counts.seconds);
            metric("mpcstats_notary_sent_bytes_total", "counter", "Bytes to websites.", &counts.sent);
            metric(
                "mpcstats_notary_received_bytes_total",
                "counter",
                "Bytes from websites.",
                &counts.received,
            );
            text.push_str(
                "# HELP mpcstats_notary_sessions_total Sessions by mode and outcome.\n\
                 # TYPE mpcstats_notary_sessions_total counter\n",
            );
            for ((mode, outcome), count) in &counts.sessions {
                let _infallible = writeln!(
                    text,
                    "mpcstats_notary_sessions_total{{mode=\"{mode}\",outcome=\"{outcome}\"}} {count}"
                );
            }
            text
        })
    }
}
