//! What an operator sees: the surveys' numbers together, and the coordinators' counters of refusals.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::view::{OperatorView, PartyView, RefusalView};
use super::watch::Watched;

/// Puts the view together.
pub async fn view(surveys: &[Arc<Watched>]) -> OperatorView {
    let mut view = OperatorView {
        queued: 0,
        accepted: 0,
        accepted_last_minute: 0,
        epochs: 0,
        releases: 0,
        parties: Vec::new(),
        refusals: Vec::new(),
    };
    let mut refusals = BTreeMap::<String, u64>::new();
    for watched in surveys {
        view.releases += watched.release_count() as u64;
        view.accepted_last_minute += watched.accepted_last_minute();
        if let Some(status) = watched.status() {
            view.queued += status.queued;
            view.accepted += status.accepted;
            view.epochs += status.epochs;
            let parties = watched.open().definition().parties.iter().zip(status.parties);
            view.parties
                .extend(parties.map(|(party, seen_at)| PartyView { name: party.name.clone(), seen_at }));
        }
        match watched.open().api.metrics().await {
            Ok(text) => {
                for (code, count) in refusals_in(&text) {
                    *refusals.entry(code).or_default() += count;
                }
            }
            Err(error) => tracing::debug!(%error, "no counters from the coordinator"),
        }
    }
    view.refusals = refusals.into_iter().map(|(code, count)| RefusalView { code, count }).collect();
    view
}

/// The counters of refusals in the text form of Prometheus.
fn refusals_in(text: &str) -> Vec<(String, u64)> {
    let counters = text.lines().filter_map(|line| line.strip_prefix("mpcstats_refusals_total{"));
    counters
        .filter_map(|line| {
            let (labels, value) = line.rsplit_once("} ")?;
            let (_, code) = labels.split_once("code=\"")?;
            let (code, _) = code.split_once('"')?;
            Some((code.to_owned(), value.trim().parse::<f64>().ok()? as u64))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_from_counters() {
        let text = "# TYPE mpcstats_refusals_total counter\n\
                    mpcstats_refusals_total{code=\"queue_full\"} 2\n\
                    mpcstats_refusals_total{code=\"stale_attestation\"} 13\n\
                    mpcstats_queue 4\nmpcstats_refusals_total{broken\n";
        assert_eq!(refusals_in(text), [("queue_full".to_owned(), 2), ("stale_attestation".to_owned(), 13)]);
    }
}
