//! A coordinator's durable state. It decides nothing: a record that three parties signed settles submissions.

use serde::{Deserialize, Serialize};
use survey::wire::{Event, QueryStatus};
use survey::{Code, Id, PartyOutput, Refusal, SignedQuery, SignedRecord, Statement, Submission};

use crate::chain::{self, Chain, Tip};
use crate::storage::{Store, Table, Tx, TxError};

/// Waiting submissions, by a mark that rises with time.
const QUEUE: Table<[u8], Submission> = Table::new("queue");
/// Their digests, by the same marks: listing them reads no submission.
const LISTED: Table<[u8], Id> = Table::new("listed");
/// Where each submission is.
const SUBMISSIONS: Table<Id, Stored> = Table::new("submissions");
/// Which proof came for an account, under a keyed hash, to turn a second one away early.
const ACCOUNTS: Table<Id, Id> = Table::new("accounts");
/// Queries, and what became of them.
const QUERIES: Table<Id, Asked> = Table::new("queries");
/// The ids of queries that wait, by a mark that rises with time.
const WAITING: Table<[u8], Id> = Table::new("waiting");
/// Outputs, by query and party.
const OUTPUTS: Table<(Id, u8), PartyOutput> = Table::new("outputs");

/// Releases that are yet to be announced, by a mark that rises with time.
const RELEASED: Table<[u8], Id> = Table::new("released");
/// The height of the first record that is yet to be announced.
const ANNOUNCED: Table<(), u64> = Table::new("announced");
/// When each party was last heard of, in Unix seconds, by any coordinator on this database.
const HEARD: Table<u64, u64> = Table::new("heard");

/// How long a submission may be on its way into the queue, in milliseconds: what takes longer is found when a party reads the
/// queue from its beginning.
const FRESH: u64 = 500;

/// The place of an announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The record of this height.
    Record(u64),
    /// The release under this mark.
    Release(Vec<u8>),
}

/// Where a submission is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// In the queue, under this mark (hexadecimal), for this account's keyed hash.
    Queued(String, Id),
    /// In the record of this height.
    Settled(u64),
}

/// A query, and why the parties refuse it if they do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    query: SignedQuery,
    /// The id of the plan that it names.
    plan: Id,
    mark: String,
    refusal: Option<(Refusal, u8)>,
}

impl Asked {
    /// Whether this is about the query that was asked, and not about another.
    fn is_answered_by(&self, output: &PartyOutput) -> bool {
        let (statement, query) = (&output.statement, &self.query.body);
        statement.survey == query.survey
            && statement.plan == self.plan
            && statement.epochs == query.epochs
            && statement.consumer == self.query.signer
    }
}

/// An admitted submission on its way into the queue.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its digest.
    pub digest: Id,
    /// The keyed hash of its account.
    pub account: Id,
    /// The notarization session of its attestation.
    pub session: Id,
    /// The submission.
    pub submission: Submission,
}

/// A coordinator's storage; any number of coordinators may share it.
#[derive(Clone)]
pub struct Tables {
    store: Store,
    /// The records that the parties have handed over.
    pub chain: Chain,
}

/// A mark: milliseconds, then randomness, so that several coordinators never collide.
fn mark(now_ms: u64) -> Vec<u8> {
    [now_ms.to_be_bytes(), rand::random()].concat()
}

impl Tables {
    /// Over a store.
    pub fn new(store: Store) -> Self {
        Self { chain: Chain::new(store.clone()), store }
    }

    /// Puts submissions into the queue in one transaction; says of each what stands in its way, or how many
    /// are before it.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn enqueue(
        &self,
        entries: Vec<Entry>,
        now_ms: u64,
        capacity: u64,
    ) -> Result<Vec<Result<u64, Code>>, Refusal> {
        self.store
            .run("enqueue", move |tx| {
                let entries = entries.clone();
                Box::pin(async move {
                    let mut queued = tx.count(&QUEUE, &[], None).await?;
                    tx.prefetch(&SUBMISSIONS, entries.iter().map(|entry| &entry.digest)).await?;
                    tx.prefetch(&ACCOUNTS, entries.iter().map(|entry| &entry.account)).await?;
                    let mut outcomes = Vec::with_capacity(entries.len());
                    for entry in entries {
                        let outcome = enqueue(tx, entry, now_ms, queued, capacity).await?;
                        queued += u64::from(outcome.is_ok());
                        outcomes.push(outcome);
                    }
                    Ok(outcomes)
                })
            })
            .await
    }

    /// The digests of waiting submissions after a mark in milliseconds, and the mark to go on from. What
    /// is younger than [`FRESH`] is listed again each time: another coordinator may still be writing there.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn list(&self, after: u64, now_ms: u64, limit: u32) -> Result<(Vec<Id>, u64), Refusal> {
        self.store
            .run("list", move |tx| {
                Box::pin(async move {
                    let entries = tx.scan(&LISTED, &after.to_be_bytes(), limit).await?;
                    let last = entries.last().and_then(|(key, _)| key.first_chunk::<8>().copied());
                    let last =
                        last.map_or(after, u64::from_be_bytes).min(now_ms.saturating_sub(FRESH)).max(after);
                    Ok((entries.into_iter().map(|(_, digest)| digest).collect(), last))
                })
            })
            .await
    }

    /// Waiting submissions by digest.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn fetch(&self, digests: Vec<Id>) -> Result<Vec<Submission>, Refusal> {
        self.store
            .run("fetch", move |tx| {
                let digests = digests.clone();
                Box::pin(async move {
                    tx.prefetch(&SUBMISSIONS, &digests).await?;
                    let mut marks = Vec::with_capacity(digests.len());
                    for digest in &digests {
                        if let Some(Stored::Queued(mark, _)) = tx.get(&SUBMISSIONS, digest).await? {
                            marks.push(hex::decode(mark).unwrap_or_default());
                        }
                    }
                    tx.prefetch(&QUEUE, marks.iter().map(Vec::as_slice)).await?;
                    let mut found = Vec::with_capacity(marks.len());
                    for mark in &marks {
                        found.extend(tx.get(&QUEUE, mark.as_slice()).await?);
                    }
                    Ok(found)
                })
            })
            .await
    }

    /// Where a submission is, and if it waits, how many are before it.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn place(&self, submission: Id) -> Result<Option<(Stored, u64)>, Refusal> {
        self.store
            .run("place", move |tx| {
                Box::pin(async move {
                    let Some(stored) = tx.get(&SUBMISSIONS, &submission).await? else { return Ok(None) };
                    let position = match &stored {
                        Stored::Queued(mark, _) => {
                            let mark = hex::decode(mark).unwrap_or_default();
                            tx.count(&QUEUE, &[], Some(&mark)).await?
                        }
                        Stored::Settled(_) => 0,
                    };
                    Ok(Some((stored, position)))
                })
            })
            .await
    }

    /// Takes a record over, whose signatures the caller has checked: its submissions leave the queue, shares and
    /// all. Tells whether the record was news: one that is known already is none the worse for coming again.
    ///
    /// # Errors
    /// [`Code::Conflict`] if it does not continue the chain; [`Code::NotReady`] if one before it is missing.
    pub async fn settle(&self, record: SignedRecord, survey: Id) -> Result<bool, Refusal> {
        self.store
            .run("settle", move |tx| {
                let record = record.clone();
                Box::pin(async move {
                    let tip = chain::tip(tx).await?;
                    let header = &record.record.header;
                    if header.height < tip.height {
                        return Ok(false);
                    }
                    if header.height > tip.height {
                        return Err(Code::NotReady.into());
                    }
                    if header.previous != tip.previous.unwrap_or(survey) {
                        return Err(
                            Refusal::new(Code::Conflict, "the record does not continue the chain").into()
                        );
                    }
                    apply(tx, &record).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Takes a query in. Asking again what was refused puts it into the queue again.
    ///
    /// # Errors
    /// [`Code::QueueFull`] or [`Code::Storage`].
    pub async fn ask(
        &self,
        id: Id,
        query: SignedQuery,
        plan: Id,
        now_ms: u64,
        capacity: u64,
    ) -> Result<(), Refusal> {
        self.store
            .run("ask", move |tx| {
                let query = query.clone();
                Box::pin(async move {
                    let known = tx.get(&QUERIES, &id).await?;
                    if known.is_some_and(|asked| asked.refusal.is_none()) {
                        return Ok(());
                    }
                    if tx.count(&WAITING, &[], None).await? >= capacity {
                        return Err(Code::QueueFull.into());
                    }
                    let mark = mark(now_ms);
                    let asked = Asked { query, plan, mark: hex::encode(&mark), refusal: None };
                    tx.put(&QUERIES, &id, &asked).await?;
                    tx.put(&WAITING, mark.as_slice(), &id).await?;
                    Ok(())
                })
            })
            .await
    }

    /// The queries that wait, in order.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn waiting(&self, limit: u32) -> Result<Vec<SignedQuery>, Refusal> {
        self.store
            .run("waiting", move |tx| {
                Box::pin(async move {
                    let mut queries = Vec::new();
                    for (_, id) in tx.scan(&WAITING, &[], limit).await? {
                        queries.extend(tx.get(&QUERIES, &id).await?.map(|asked: Asked| asked.query));
                    }
                    Ok(queries)
                })
            })
            .await
    }

    /// Takes a party's refusal of a query.
    ///
    /// # Errors
    /// [`Code::NotFound`] or [`Code::Storage`].
    pub async fn refuse(&self, id: Id, refusal: Refusal, party: u8) -> Result<(), Refusal> {
        self.store
            .run("refuse", move |tx| {
                let refusal = refusal.clone();
                Box::pin(async move {
                    let mut asked = tx.get(&QUERIES, &id).await?.ok_or(Code::NotFound)?;
                    tx.delete(&WAITING, hex::decode(&asked.mark).unwrap_or_default().as_slice()).await?;
                    asked.refusal = Some((refusal, party));
                    tx.put(&QUERIES, &id, &asked).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Takes outputs over, whose signatures the caller has checked; once there are three that match, the query
    /// waits no more and takes no others. Anybody may bring outputs: those of another query are refused.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Malformed`] or [`Code::Storage`].
    pub async fn deliver(&self, id: Id, outputs: Vec<PartyOutput>, now_ms: u64) -> Result<(), Refusal> {
        self.store
            .run("deliver", move |tx| {
                let outputs = outputs.clone();
                Box::pin(async move {
                    let asked: Asked = tx.get(&QUERIES, &id).await?.ok_or(Code::NotFound)?;
                    if three(tx, id).await?.is_some() {
                        return Ok(());
                    }
                    for output in outputs {
                        if !asked.is_answered_by(&output) {
                            return Err(Refusal::new(Code::Malformed, "an output of another query").into());
                        }
                        tx.put(&OUTPUTS, &(id, output.party), &output).await?;
                    }
                    if three(tx, id).await?.is_some() {
                        tx.delete(&WAITING, hex::decode(&asked.mark).unwrap_or_default().as_slice()).await?;
                        tx.put(&RELEASED, mark(now_ms).as_slice(), &id).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// A party was heard of.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn hear(&self, party: usize, now: u64) -> Result<(), Refusal> {
        self.store
            .run("hear", move |tx| Box::pin(async move { Ok(tx.put(&HEARD, &(party as u64), &now).await?) }))
            .await
    }

    /// How many submissions wait, sums over the chain, and when parties 0, 1 and 2 were last heard of in Unix seconds
    /// (0 for never): all of one moment.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn standing(&self) -> Result<(u64, Tip, [u64; 3]), Refusal> {
        self.store
            .run("standing", |tx| {
                Box::pin(async move {
                    let mut heard = [0; 3];
                    for (party, at) in (0..).zip(&mut heard) {
                        *at = tx.get(&HEARD, &party).await?.unwrap_or_default();
                    }
                    Ok((tx.count(&QUEUE, &[], None).await?, chain::tip(tx).await?, heard))
                })
            })
            .await
    }

    /// What is to be announced next, if anything.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn to_announce(&self) -> Result<Option<(Event, Place)>, Refusal> {
        self.store.run("to_announce", |tx| Box::pin(to_announce(tx))).await
    }

    /// An announcement was made.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn announced(&self, place: Place) -> Result<(), Refusal> {
        self.store
            .run("announced", move |tx| {
                let place = place.clone();
                Box::pin(async move {
                    match place {
                        Place::Release(mark) => tx.delete(&RELEASED, mark.as_slice()).await?,
                        Place::Record(height) => {
                            let known = tx.get(&ANNOUNCED, &()).await?.unwrap_or_default();
                            tx.put(&ANNOUNCED, &(), &known.max(height + 1)).await?;
                        }
                    }
                    Ok(())
                })
            })
            .await
    }

    /// What became of a query.
    ///
    /// # Errors
    /// [`Code::NotFound`] or [`Code::Storage`].
    pub async fn query(&self, id: Id) -> Result<QueryStatus, Refusal> {
        self.store
            .run("query", move |tx| {
                Box::pin(async move {
                    let asked = tx.get(&QUERIES, &id).await?.ok_or(Code::NotFound)?;
                    if let Some(outputs) = three(tx, id).await? {
                        return Ok(QueryStatus::Done { outputs: Box::new(outputs) });
                    }
                    Ok(match asked.refusal {
                        Some((refusal, party)) => QueryStatus::Refused { refusal, party },
                        None => QueryStatus::Running,
                    })
                })
            })
            .await
    }
}

async fn to_announce(tx: &mut Tx) -> Result<Option<(Event, Place)>, TxError> {
    let height = tx.get(&ANNOUNCED, &()).await?.unwrap_or_default();
    if let Some(header) = chain::header(tx, height).await? {
        return Ok(Some((Event::Batch { header: Box::new(header) }, Place::Record(height))));
    }
    let Some((mark, query)) = tx.scan(&RELEASED, &[], 1).await?.pop() else { return Ok(None) };
    let Some(outputs) = three(tx, query).await? else { return Ok(None) };
    let Statement { survey, release, plan, epochs, .. } = outputs[0].statement.clone();
    Ok(Some((Event::Release { survey, release, plan, epochs }, Place::Release(mark))))
}

async fn enqueue(
    tx: &mut Tx,
    entry: Entry,
    now_ms: u64,
    queued: u64,
    capacity: u64,
) -> Result<Result<u64, Code>, TxError> {
    if tx.get(&SUBMISSIONS, &entry.digest).await?.is_some() {
        // Sent again: the first one's place is asked for separately.
        return Ok(Ok(queued));
    }
    if let Some(session) = tx.get(&ACCOUNTS, &entry.account).await? {
        let replayed = session == entry.session;
        return Ok(Err(if replayed { Code::DuplicateSubmission } else { Code::DuplicateAccount }));
    }
    if queued >= capacity {
        return Ok(Err(Code::QueueFull));
    }
    let mark = mark(now_ms);
    tx.put(&QUEUE, mark.as_slice(), &entry.submission).await?;
    tx.put(&LISTED, mark.as_slice(), &entry.digest).await?;
    tx.put(&SUBMISSIONS, &entry.digest, &Stored::Queued(hex::encode(&mark), entry.account)).await?;
    tx.put(&ACCOUNTS, &entry.account, &entry.session).await?;
    Ok(Ok(queued))
}

async fn apply(tx: &mut Tx, signed: &SignedRecord) -> Result<(), TxError> {
    let (record, height) = (&signed.record, signed.record.header.height);
    let leaves = record.leaves.iter().map(|leaf| (leaf, true));
    let refused = record.refused.iter().map(|refused| (&refused.submission, false));
    let fates: Vec<(&Id, bool)> = leaves.chain(refused).collect();
    tx.prefetch(&SUBMISSIONS, fates.iter().map(|(submission, _)| *submission)).await?;
    for (submission, accepted) in fates {
        if let Some(Stored::Queued(mark, account)) = tx.get(&SUBMISSIONS, submission).await? {
            let mark = hex::decode(mark).unwrap_or_default();
            tx.delete(&QUEUE, mark.as_slice()).await?;
            tx.delete(&LISTED, mark.as_slice()).await?;
            if !accepted {
                // Whoever was refused may try again with a new proof.
                tx.delete(&ACCOUNTS, &account).await?;
            }
        }
        tx.put(&SUBMISSIONS, submission, &Stored::Settled(height)).await?;
    }
    chain::append(tx, signed).await
}

/// The outputs of all three parties, if they are there and state the same.
async fn three(tx: &mut Tx, id: Id) -> Result<Option<[PartyOutput; 3]>, TxError> {
    let mut outputs = Vec::with_capacity(3);
    for party in 0..3 {
        outputs.extend(tx.get(&OUTPUTS, &(id, party)).await?);
    }
    let outputs: Option<[PartyOutput; 3]> = outputs.try_into().ok();
    Ok(outputs.filter(|outputs| outputs.iter().all(|output| output.statement == outputs[0].statement)))
}
