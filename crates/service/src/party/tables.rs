//! A party's durable state, and the transactions that change it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use survey::record::Refused;
use survey::{BatchRecord, Code, Header, Id, Nullifier, PartyOutput, Refusal, Signature, SignedRecord};

use super::ledger::Ledger;
use crate::chain::{self, Chain};
use crate::storage::{Blobs, Store, Table, Tx, TxError};

/// The state machine of the next height.
const LEDGER: Table<(), Ledger> = Table::new("ledger");
/// What the prepared attempt would commit, beside its columns.
const PREPARED: Table<(), Pending> = Table::new("prepared");
/// Share columns by height: of the committed records, and of the prepared attempt.
const COLUMNS: Blobs<u64> = Blobs::new("columns");
/// What became of each submission.
const FATES: Table<Id, Fate> = Table::new("fates");
/// Which submission spent a nullifier. It keeps no account id.
const NULLIFIERS: Table<Id, Id> = Table::new("nullifiers");
/// Releases by query id.
const RELEASES: Table<Id, StoredRelease> = Table::new("releases");
/// Query ids by release number.
const NUMBERS: Table<u64, Id> = Table::new("numbers");
/// Sums over the releases.
const TOTALS: Table<(), Totals> = Table::new("totals");

/// No honest party is so many release numbers ahead; a lie must not use the numbers up.
pub(super) const MAX_LEAD: u64 = 1 << 20;

/// What a prepared attempt commits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// Accepted submissions, in the order of their rows.
    pub leaves: Vec<Id>,
    /// Refused ones.
    pub refused: Vec<Refused>,
    /// The accepted ones' nullifiers, in the same order.
    pub nullifiers: Vec<Nullifier>,
}

/// Where a submission ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Row `index` of the record at `height`.
    Accepted {
        /// The record.
        height: u64,
        /// The row within it.
        index: u64,
    },
    /// Refusal `index` of the record at `height`.
    Refused {
        /// The record.
        height: u64,
        /// The place in its list of refusals.
        index: u64,
    },
}

/// What is known before a submission is proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Neither submission nor account has been seen.
    New,
    /// The submission has its fate already.
    Settled(Fate),
    /// Its account has been counted.
    Spent,
}

/// A release as a party stores it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredRelease {
    /// Its number.
    pub number: u64,
    /// The output, once it is computed. A release that has started counts, even if it never got one: then the
    /// same query over the same inputs may be computed again, and nothing else.
    pub output: Option<PartyOutput>,
}

/// Sums over the releases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// The lowest release number above all that are taken.
    pub next_number: u64,
    /// Releases of plans that the survey does not list.
    pub others: u64,
}

/// A party's storage.
#[derive(Clone)]
pub struct Tables {
    store: Store,
    survey: Id,
    /// The committed records.
    pub chain: Chain,
}

impl Tables {
    /// Over a store; one store serves one survey.
    pub fn new(store: Store, survey: Id) -> Self {
        Self { chain: Chain::new(store.clone()), store, survey }
    }

    /// Brings the state machine up after a start: what was being computed is lost, so its attempt is passed.
    ///
    /// # Errors
    /// [`Code::WrongSurvey`] if the storage belongs to another survey; [`Code::Storage`].
    pub async fn start(&self) -> Result<Ledger, Refusal> {
        const SURVEY: Table<(), Id> = Table::new("survey");
        let survey = self.survey;
        self.store
            .run("start", move |tx| {
                Box::pin(async move {
                    match tx.get(&SURVEY, &()).await? {
                        Some(stored) if stored != survey => {
                            let detail = format!("the storage belongs to survey {stored}");
                            return Err(Refusal::new(Code::WrongSurvey, detail).into());
                        }
                        Some(_) => {}
                        None => tx.put(&SURVEY, &(), &survey).await?,
                    }
                    let mut ledger = tx.get(&LEDGER, &()).await?.unwrap_or_else(|| Ledger::new(survey));
                    if ledger.prepared.is_none() {
                        ledger.pass(ledger.attempt);
                    }
                    tx.put(&LEDGER, &(), &ledger).await?;
                    Ok(ledger)
                })
            })
            .await
    }

    /// The state machine, as it is stored.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn ledger(&self) -> Result<Ledger, Refusal> {
        let survey = self.survey;
        self.store
            .run("ledger", move |tx| {
                Box::pin(
                    async move { Ok(tx.get(&LEDGER, &()).await?.unwrap_or_else(|| Ledger::new(survey))) },
                )
            })
            .await
    }

    /// Changes the state machine; `change` says whether it may.
    async fn change(
        &self,
        name: &'static str,
        change: impl Fn(&mut Ledger) -> Result<(), Refusal> + Send + Sync + Copy + 'static,
    ) -> Result<Ledger, Refusal> {
        let survey = self.survey;
        self.store
            .run(name, move |tx| {
                Box::pin(async move {
                    let mut ledger = tx.get(&LEDGER, &()).await?.unwrap_or_else(|| Ledger::new(survey));
                    change(&mut ledger)?;
                    tx.put(&LEDGER, &(), &ledger).await?;
                    Ok(ledger)
                })
            })
            .await
    }

    /// Starts an attempt.
    ///
    /// # Errors
    /// [`Code::Conflict`] if this party may not take part in it.
    pub async fn begin(&self, height: u64, attempt: u64) -> Result<Ledger, Refusal> {
        self.change("begin", move |ledger| {
            if !ledger.may_start(height, attempt) {
                return Err(Refusal::new(Code::NotReady, format!("attempt {attempt} at height {height}")));
            }
            ledger.start(attempt);
            Ok(())
        })
        .await
    }

    /// Passes an attempt, if the height is still the present one.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn pass(&self, height: u64, attempt: u64) -> Result<Ledger, Refusal> {
        self.change("pass", move |ledger| {
            if ledger.height == height {
                ledger.pass(attempt);
            }
            Ok(())
        })
        .await
    }

    /// Gives the prepared attempt up, if it is still this one.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn give_up(&self, header: Id) -> Result<Ledger, Refusal> {
        self.change("give_up", move |ledger| {
            if let Some(prepared) = &ledger.prepared
                && prepared.header.id()? == header
            {
                ledger.give_up();
            }
            Ok(())
        })
        .await
    }

    /// Makes an attempt's outcome durable.
    ///
    /// # Errors
    /// [`Code::Conflict`] if the attempt was passed meanwhile; [`Code::Storage`].
    pub async fn prepare(
        &self,
        header: Header,
        pending: Pending,
        columns: Vec<u8>,
    ) -> Result<Ledger, Refusal> {
        let survey = self.survey;
        self.store
            .run("prepare", move |tx| {
                let (header, pending, columns) = (header.clone(), pending.clone(), columns.clone());
                Box::pin(async move {
                    let mut ledger = tx.get(&LEDGER, &()).await?.unwrap_or_else(|| Ledger::new(survey));
                    if !ledger.may_start(header.height, header.attempt) || ledger.attempt != header.attempt {
                        return Err(Refusal::new(Code::NotReady, "the attempt was passed").into());
                    }
                    tx.put_blob(&COLUMNS, &header.height, columns).await?;
                    tx.put(&PREPARED, &(), &pending).await?;
                    ledger.prepare(header);
                    tx.put(&LEDGER, &(), &ledger).await?;
                    Ok(ledger)
                })
            })
            .await
    }

    /// Makes this party's signature over its prepared header durable, before anyone sees it.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn sign(&self, header: Id, signature: Signature) -> Result<Ledger, Refusal> {
        self.change("sign", move |ledger| {
            if let Some(prepared) = &mut ledger.prepared
                && prepared.header.id()? == header
            {
                prepared.signature = Some(signature);
            }
            Ok(())
        })
        .await
    }

    /// Commits the prepared attempt under three signatures. The caller has checked them.
    ///
    /// # Errors
    /// [`Code::Conflict`] if the header is not the prepared one: this party has no columns for it.
    pub async fn commit(&self, header: Id, signatures: [Signature; 3]) -> Result<SignedRecord, Refusal> {
        let survey = self.survey;
        self.store
            .run("commit", move |tx| {
                Box::pin(async move {
                    let mut ledger = tx.get(&LEDGER, &()).await?.unwrap_or_else(|| Ledger::new(survey));
                    let (Some(prepared), Some(pending)) =
                        (ledger.prepared.clone(), tx.get(&PREPARED, &()).await?)
                    else {
                        return Err(not_prepared().into());
                    };
                    if prepared.header.id()? != header {
                        return Err(not_prepared().into());
                    }
                    let record = settle(tx, prepared.header, pending, signatures).await?;
                    ledger.commit(&record.record.header)?;
                    tx.put(&LEDGER, &(), &ledger).await?;
                    tx.delete(&PREPARED, &()).await?;
                    Ok(record)
                })
            })
            .await
    }

    /// What is known about a submission and its account.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn standings(&self, submissions: Vec<(Id, Nullifier)>) -> Result<Vec<Standing>, Refusal> {
        self.store
            .run("standings", move |tx| {
                let submissions = submissions.clone();
                Box::pin(async move {
                    tx.prefetch(&FATES, submissions.iter().map(|(submission, _)| submission)).await?;
                    tx.prefetch(&NULLIFIERS, submissions.iter().map(|(_, nullifier)| &nullifier.0)).await?;
                    let mut standings = Vec::with_capacity(submissions.len());
                    for (submission, nullifier) in submissions {
                        let fate = tx.get(&FATES, &submission).await?;
                        standings.push(match fate {
                            Some(fate) => Standing::Settled(fate),
                            None if tx.get(&NULLIFIERS, &nullifier.0).await?.is_some() => Standing::Spent,
                            None => Standing::New,
                        });
                    }
                    Ok(standings)
                })
            })
            .await
    }

    /// What became of a submission.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn fate(&self, submission: Id) -> Result<Option<Fate>, Refusal> {
        self.store
            .run("fate", move |tx| Box::pin(async move { Ok(tx.get(&FATES, &submission).await?) }))
            .await
    }

    /// Which of these submissions have no fate yet.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn open(&self, submissions: Vec<Id>) -> Result<BTreeSet<Id>, Refusal> {
        self.store
            .run("open", move |tx| {
                let submissions = submissions.clone();
                Box::pin(async move {
                    tx.prefetch(&FATES, &submissions).await?;
                    let mut open = BTreeSet::new();
                    for submission in submissions {
                        if tx.get(&FATES, &submission).await?.is_none() {
                            open.insert(submission);
                        }
                    }
                    Ok(open)
                })
            })
            .await
    }

    /// The share columns of a committed height.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn columns(&self, height: u64) -> Result<Option<Vec<u8>>, Refusal> {
        self.store
            .run("columns", move |tx| Box::pin(async move { Ok(tx.get_blob(&COLUMNS, &height).await?) }))
            .await
    }

    /// The stored release of a query.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn release(&self, query: Id) -> Result<Option<StoredRelease>, Refusal> {
        self.store
            .run("release", move |tx| Box::pin(async move { Ok(tx.get(&RELEASES, &query).await?) }))
            .await
    }

    /// Sums over the releases.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn totals(&self) -> Result<Totals, Refusal> {
        self.store
            .run("totals", |tx| Box::pin(async move { Ok(tx.get(&TOTALS, &()).await?.unwrap_or_default()) }))
            .await
    }

    /// A release starts: from here it counts, whatever happens next. `budget` bounds the releases of plans that
    /// the survey does not list, if this is one. A number belongs to one query for ever; a query that has no
    /// output yet may move to a later number, if others have used its own up meanwhile.
    ///
    /// # Errors
    /// [`Code::BudgetSpent`]; [`Code::Conflict`] if the number cannot be this query's; [`Code::Storage`].
    pub async fn start_release(&self, query: Id, number: u64, budget: Option<u64>) -> Result<(), Refusal> {
        self.store.run("start_release", move |tx| Box::pin(start_release(tx, query, number, budget))).await
    }

    /// A release has its output.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn finish_release(&self, query: Id, output: PartyOutput) -> Result<(), Refusal> {
        self.store
            .run("finish_release", move |tx| {
                let release =
                    StoredRelease { number: output.statement.release, output: Some(output.clone()) };
                Box::pin(async move { Ok(tx.put(&RELEASES, &query, &release).await?) })
            })
            .await
    }
}

async fn start_release(tx: &mut Tx, query: Id, number: u64, budget: Option<u64>) -> Result<(), TxError> {
    let conflict = || TxError::from(Refusal::new(Code::Conflict, format!("release number {number}")));
    let mut totals: Totals = tx.get(&TOTALS, &()).await?.unwrap_or_default();
    if tx.get(&NUMBERS, &number).await?.is_some_and(|holder| holder != query)
        || number > totals.next_number.saturating_add(MAX_LEAD)
    {
        return Err(conflict());
    }
    let before: Option<StoredRelease> = tx.get(&RELEASES, &query).await?;
    if let (None, Some(budget)) = (&before, budget) {
        if totals.others >= budget {
            return Err(Refusal::new(Code::BudgetSpent, "policy.other_plans").into());
        }
        totals.others += 1;
    }
    let cannot_move = |release: &StoredRelease| {
        release.number > number || (release.number < number && release.output.is_some())
    };
    if before.as_ref().is_some_and(cannot_move) {
        return Err(conflict());
    }
    let output = before.and_then(|release| release.output);
    totals.next_number = totals.next_number.max(number.saturating_add(1));
    tx.put(&TOTALS, &(), &totals).await?;
    tx.put(&NUMBERS, &number, &query).await?;
    tx.put(&RELEASES, &query, &StoredRelease { number, output }).await?;
    Ok(())
}

fn not_prepared() -> Refusal {
    Refusal::new(Code::Conflict, "a record was committed that this party has not prepared")
}

/// Enters a committed record everywhere it belongs.
async fn settle(
    tx: &mut Tx,
    header: Header,
    pending: Pending,
    signatures: [Signature; 3],
) -> Result<SignedRecord, TxError> {
    let height = header.height;
    for (index, (leaf, nullifier)) in pending.leaves.iter().zip(&pending.nullifiers).enumerate() {
        tx.put(&FATES, leaf, &Fate::Accepted { height, index: index as u64 }).await?;
        tx.put(&NULLIFIERS, &nullifier.0, leaf).await?;
    }
    for (index, refused) in pending.refused.iter().enumerate() {
        tx.put(&FATES, &refused.submission, &Fate::Refused { height, index: index as u64 }).await?;
    }
    let record = BatchRecord { header, leaves: pending.leaves, refused: pending.refused };
    let signed = SignedRecord { record, signatures };
    chain::append(tx, &signed).await?;
    Ok(signed)
}
