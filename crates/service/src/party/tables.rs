//! A party's durable state, and the transactions that change it.

use serde::{Deserialize, Serialize};
use survey::record::Refused;
use survey::wire::SignedHeader;
use survey::{BatchRecord, Code, Header, Id, Nullifier, Refusal, Signature, SignedRecord};

use super::ledger::Ledger;
use super::releases::StoredRelease;
use crate::storage::{Blobs, Store, Table, Tx, TxError};

/// The state machine of the next height.
const LEDGER: Table<(), Ledger> = Table::new("ledger");
/// What the prepared attempt would commit, beside its columns.
const PREPARED: Table<(), Pending> = Table::new("prepared");
/// Committed records by height.
const CHAIN: Table<u64, SignedRecord> = Table::new("chain");
/// Their headers: small, and read together.
const HEADERS: Table<u64, SignedHeader> = Table::new("headers");
/// Sums over the chain.
const TIP: Table<(), Tip> = Table::new("tip");
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

/// Sums over the committed chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// The open epoch.
    pub epoch: u64,
    /// Accounts in it.
    pub open_accounts: u64,
    /// Accounts in all.
    pub accounts: u64,
    /// When the last record was closed.
    pub closed_at: u64,
}

impl Tip {
    fn after(self, header: &Header) -> Self {
        let open = self.open_accounts + header.accepted;
        Self {
            epoch: header.epoch + u64::from(header.closes_epoch),
            open_accounts: if header.closes_epoch { 0 } else { open },
            accounts: self.accounts + header.accepted,
            closed_at: header.closed_at,
        }
    }
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

/// A party's storage.
#[derive(Clone)]
pub struct Tables {
    store: Store,
    survey: Id,
}

impl Tables {
    /// Over a store; one store serves one survey.
    pub fn new(store: Store, survey: Id) -> Self {
        Self { store, survey }
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

    /// The committed record of a height.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn record(&self, height: u64) -> Result<Option<SignedRecord>, Refusal> {
        self.store.run("record", move |tx| Box::pin(async move { Ok(tx.get(&CHAIN, &height).await?) })).await
    }

    /// The headers of all committed records, in order.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn headers(&self) -> Result<Vec<SignedHeader>, Refusal> {
        self.store
            .run("headers", |tx| {
                Box::pin(async move {
                    let headers = tx.scan(&HEADERS, &[], u32::MAX >> 1).await?;
                    Ok(headers.into_iter().map(|(_, header)| header).collect())
                })
            })
            .await
    }

    /// Sums over the chain.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn tip(&self) -> Result<Tip, Refusal> {
        self.store
            .run("tip", |tx| Box::pin(async move { Ok(tx.get(&TIP, &()).await?.unwrap_or_default()) }))
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

    /// The lowest release number above all that are taken, and how many releases there are of plans that the
    /// survey does not list.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn release_counts(&self) -> Result<(u64, u64), Refusal> {
        self.store
            .run("release_counts", |tx| {
                Box::pin(async move {
                    let numbers = tx.scan(&NUMBERS, &[], u32::MAX >> 1).await?;
                    let mut others = 0;
                    for (_, query) in &numbers {
                        let release = tx.get(&RELEASES, query).await?;
                        others += u64::from(release.is_some_and(|release| !release.listed));
                    }
                    let last = numbers.last().and_then(|(key, _)| key.as_slice().try_into().ok());
                    Ok((last.map_or(0, |key| u64::from_be_bytes(key) + 1), others))
                })
            })
            .await
    }

    /// Stores a release: started, so that it counts whatever happens next, or finished. A number belongs to
    /// one query for ever.
    ///
    /// # Errors
    /// [`Code::Conflict`] if the number is another query's; [`Code::Storage`].
    pub async fn put_release(&self, query: Id, release: StoredRelease) -> Result<(), Refusal> {
        self.store
            .run("put_release", move |tx| {
                let release = release.clone();
                Box::pin(async move {
                    let holder = tx.get(&NUMBERS, &release.number).await?;
                    let before =
                        tx.get(&RELEASES, &query).await?.map(|release: StoredRelease| release.number);
                    if holder.is_some_and(|holder| holder != query)
                        || before.is_some_and(|number| number != release.number)
                    {
                        return Err(
                            Refusal::new(Code::Conflict, format!("release {}", release.number)).into()
                        );
                    }
                    tx.put(&NUMBERS, &release.number, &query).await?;
                    tx.put(&RELEASES, &query, &release).await?;
                    Ok(())
                })
            })
            .await
    }
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
    let tip: Tip = tx.get(&TIP, &()).await?.unwrap_or_default();
    tx.put(&TIP, &(), &tip.after(&header)).await?;
    tx.put(&HEADERS, &height, &SignedHeader { header: header.clone(), signatures }).await?;
    let record = BatchRecord { header, leaves: pending.leaves, refused: pending.refused };
    let signed = SignedRecord { record, signatures };
    tx.put(&CHAIN, &height, &signed).await?;
    Ok(signed)
}
