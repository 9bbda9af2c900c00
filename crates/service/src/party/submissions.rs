//! Submissions at a party: fetched from the queue, judged, and handed back as committed records.

use std::collections::BTreeSet;
use std::time::Duration;

use survey::{Code, Id, Refusal};
use tokio::time::Instant;

use super::engine::Engine;
use super::peers::Verdict;
use super::pool::Judged;
use super::tables::Standing;

/// How long the queue is read on from a mark, at most.
const ON: Duration = Duration::from_secs(5);

/// How far a party has read the queue.
struct Place {
    mark: u64,
    begun: Instant,
}

impl Place {
    fn beginning() -> Self {
        Self { mark: 0, begun: Instant::now() }
    }

    /// Where to read on. A coordinator whose clock is behind another's puts submissions before marks that were passed:
    /// however much else arrives, the queue is read from its beginning now and then.
    fn mark(&mut self) -> u64 {
        if self.begun.elapsed() >= ON {
            *self = Self::beginning();
        }
        self.mark
    }
}

impl Engine {
    pub(super) async fn fill_pool(&self) {
        let mut place = Place::beginning();
        loop {
            match self.poll_queue(place.mark()).await {
                Ok((0, next)) => {
                    place.mark = next;
                    tokio::time::sleep(self.timing.poll).await;
                }
                Ok((_, next)) => place.mark = next,
                Err(refusal) => {
                    tracing::debug!(%refusal, "the queue cannot be read");
                    tokio::time::sleep(self.timing.sync).await;
                }
            }
        }
    }

    /// Fetches what is new in the queue; tells how much that was, and where to go on.
    async fn poll_queue(&self, mark: u64) -> Result<(usize, u64), Refusal> {
        let (listed, next) = self.queue.list(mark).await?;
        let (missing, room) = (self.pool.missing(&listed), self.pool.room());
        // What there is no room for now is asked for again.
        let next = if missing.len() > room { mark } else { next };
        let missing: Vec<Id> = missing.into_iter().take(room).collect();
        if missing.is_empty() {
            return Ok((0, next));
        }
        let collected = self.queue.collect(missing).await?;
        // A submission that was settled meanwhile may still be listed.
        let open = self.tables.open(collected.iter().map(|(digest, _)| *digest).collect()).await?;
        let mut count = 0;
        for (digest, judged) in collected.into_iter().filter(|(digest, _)| open.contains(digest)) {
            self.pool.insert(digest, judged);
            count += 1;
        }
        self.activity.changed.notify_one();
        Ok((count, next))
    }

    /// What this party says about proposed submissions: its own judgement, and that no account counts twice,
    /// here or within the proposal.
    pub(super) async fn verdicts(&self, submissions: &[Id]) -> Result<Vec<Verdict>, Refusal> {
        let missing = self.pool.missing(submissions);
        if !missing.is_empty() {
            for (digest, judged) in self.queue.collect(missing).await.unwrap_or_default() {
                self.pool.insert_first(digest, judged);
            }
        }
        let known: Vec<Option<Judged>> = submissions.iter().map(|digest| self.pool.get(digest)).collect();
        let good = submissions.iter().zip(&known).filter_map(|(digest, judged)| match judged {
            Some(Judged::Good { nullifier, .. }) => Some((*digest, *nullifier)),
            _ => None,
        });
        let good: Vec<_> = good.collect();
        let standings = self.tables.standings(good.clone()).await?;
        let settled =
            good.iter().zip(&standings).filter(|(_, standing)| matches!(standing, Standing::Settled(_)));
        // One that was being fetched while it was committed may have come back after that.
        self.pool.remove(settled.map(|((digest, _), _)| digest));
        let mut standings = standings.into_iter();
        let mut seen = BTreeSet::new();
        let verdict = |judged: Option<Judged>| match judged {
            None => Verdict::Later,
            Some(Judged::Bad(code)) => Verdict::Refuse { code },
            Some(Judged::Good { nullifier, .. }) => match standings.next() {
                Some(Standing::New) if seen.insert(nullifier) => Verdict::Accept,
                Some(Standing::Spent) => Verdict::Refuse { code: Code::DuplicateAccount },
                // The second of two in one proposal waits until the first has its fate. One that has its fate was
                // proposed by who has yet to learn of it.
                Some(Standing::New | Standing::Settled(_)) | None => Verdict::Later,
            },
        };
        Ok(known.into_iter().map(verdict).collect())
    }

    /// Sees to it that the coordinator has every committed record; any party may hand any record over.
    pub(super) async fn hand_over(&self) {
        loop {
            if let Err(refusal) = self.hand_over_new().await {
                tracing::debug!(%refusal, "records cannot be handed over");
            }
            let _ = tokio::time::timeout(self.timing.sync, self.activity.committed.notified()).await;
        }
    }

    async fn hand_over_new(&self) -> Result<(), Refusal> {
        let mut height = self.queue.height().await?;
        while let Some(record) = self.tables.chain.record(height).await? {
            self.queue.push(record).await?;
            height += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_busy_queue_is_read_from_its_beginning_now_and_then() {
        let mut place = Place::beginning();
        for second in 1..20 {
            // Something new each time: the queue is never quiet.
            place.mark = second;
            let before = place.begun;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let again = place.mark() == 0;
            assert_eq!(again, second % 5 == 0, "after {second} seconds");
            assert_eq!(again, place.begun != before);
        }
    }
}
