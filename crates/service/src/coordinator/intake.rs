//! Submissions on their way into the queue: judged on threads for CPU work, stored many to a transaction, so
//! that one write to disk acknowledges all that arrived meanwhile.

use std::sync::Arc;
use std::time::Duration;

use survey::{Code, Id, NullifierKey, Refusal, Submission, Survey};
use tokio::sync::{mpsc, oneshot};

use super::tables::{Entry, Tables};
use crate::admission;
use crate::clock::Clock;

/// At most this many submissions in one transaction, and as many waiting for it.
const GROUP: usize = 256;

type Waiting = (Entry, oneshot::Sender<Result<u64, Refusal>>);

/// The way into the queue.
#[derive(Clone)]
pub struct Intake {
    survey: Arc<Survey>,
    survey_id: Id,
    /// Hashes account ids, so that the queue's index holds none.
    accounts: NullifierKey,
    clock: Arc<dyn Clock>,
    writer: mpsc::Sender<Waiting>,
}

impl Intake {
    /// Starts the writer; it ends when the last handle is dropped.
    pub fn start(
        survey: Arc<Survey>,
        survey_id: Id,
        accounts: NullifierKey,
        clock: Arc<dyn Clock>,
        tables: Tables,
        capacity: u64,
    ) -> Self {
        let (writer, waiting) = mpsc::channel(GROUP);
        tokio::spawn(write(waiting, tables, clock.clone(), capacity));
        Self { survey, survey_id, accounts, clock, writer }
    }

    /// Judges a submission and puts it into the queue; gives its digest and how many are before it.
    ///
    /// # Errors
    /// The [`Refusal`] that fits.
    pub async fn submit(&self, submission: Submission) -> Result<(Id, u64), Refusal> {
        let (survey, id, now) = (self.survey.clone(), self.survey_id, self.clock.now());
        let failed = |error: tokio::task::JoinError| Refusal::new(Code::Internal, error.to_string());
        let (admitted, submission) = tokio::task::spawn_blocking(move || {
            admission::admit(&submission, &survey, &id, now, Duration::ZERO)
                .map(|admitted| (admitted, submission))
        })
        .await
        .map_err(failed)??;
        let digest = admitted.digest;
        let account = self.accounts.nullifier(&self.survey_id, &admitted.account).0;
        let (send, receive) = oneshot::channel();
        let entry = Entry { digest, account, session: Id(admitted.session), submission };
        // Waits while a full group is being written: the client notices nothing but a slower answer.
        self.writer.send((entry, send)).await.map_err(|_| Refusal::from(Code::ShuttingDown))?;
        let position = receive.await.map_err(|_| Refusal::from(Code::ShuttingDown))??;
        Ok((digest, position))
    }
}

async fn write(mut waiting: mpsc::Receiver<Waiting>, tables: Tables, clock: Arc<dyn Clock>, capacity: u64) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let (entries, senders): (Vec<Entry>, Vec<_>) = group.drain(..).unzip();
        let outcomes = match tables.enqueue(entries, clock.now_ms(), capacity).await {
            Ok(outcomes) => outcomes.into_iter().map(|outcome| outcome.map_err(Refusal::from)).collect(),
            Err(refusal) => vec![Err(refusal); senders.len()],
        };
        for (sender, outcome) in senders.into_iter().zip(outcomes) {
            // A client that went away has its submission stored all the same.
            let _ = sender.send(outcome);
        }
    }
}
