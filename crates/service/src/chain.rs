//! The parties' chain of batch records, as coordinator and parties store it alike: records, their headers, the
//! closed epochs, and sums over all of it.

use serde::{Deserialize, Serialize};
use survey::wire::SignedHeader;
use survey::{Epoch, Header, Id, Refusal, SignedRecord, epoch};

use crate::storage::{Store, Table, Tx, TxError};

/// Committed records by height.
const RECORDS: Table<u64, SignedRecord> = Table::new("chain");
/// Their headers: small, and read together.
const HEADERS: Table<u64, SignedHeader> = Table::new("headers");
/// Closed epochs by number.
const EPOCHS: Table<u64, Epoch> = Table::new("epochs");
/// Sums over the chain.
const TIP: Table<(), Tip> = Table::new("tip");

/// Nothing is read in larger numbers at once.
const ALL: u32 = u32::MAX >> 1;

/// Sums over the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// The next height.
    pub height: u64,
    /// The last header; none before the first.
    pub previous: Option<Id>,
    /// Accounts accepted.
    pub accounts: u64,
    /// Of them, in the open epoch.
    pub open_accounts: u64,
    /// Closed epochs, and so the number of the open one.
    pub epochs: u64,
    /// The height at which the open epoch begins.
    pub epoch_begins: u64,
    /// When the last record was closed, in Unix seconds.
    pub closed_at: u64,
}

impl Tip {
    fn after(self, header: &Header) -> Result<Self, survey::EncodeError> {
        let (height, closes) = (header.height + 1, header.closes_epoch);
        Ok(Self {
            height,
            previous: Some(header.id()?),
            accounts: self.accounts + header.accepted,
            open_accounts: if closes { 0 } else { self.open_accounts + header.accepted },
            epochs: self.epochs + u64::from(closes),
            epoch_begins: if closes { height } else { self.epoch_begins },
            closed_at: header.closed_at,
        })
    }
}

/// Sums over the chain, within a transaction.
///
/// # Errors
/// [`TxError`].
pub async fn tip(tx: &mut Tx) -> Result<Tip, TxError> {
    Ok(tx.get(&TIP, &()).await?.unwrap_or_default())
}

/// Adds a record that continues the chain; the caller has checked it.
///
/// # Errors
/// [`TxError`].
pub async fn append(tx: &mut Tx, signed: &SignedRecord) -> Result<(), TxError> {
    let tip = tip(tx).await?;
    let header = &signed.record.header;
    tx.put(&RECORDS, &header.height, signed).await?;
    let kept = SignedHeader { header: header.clone(), signatures: signed.signatures };
    tx.put(&HEADERS, &header.height, &kept).await?;
    if header.closes_epoch {
        let headers = headers(tx, tip.epoch_begins, header.height).await?;
        let (closed, _) = epoch::epochs(headers.iter().map(|signed| &signed.header));
        for epoch in closed {
            tx.put(&EPOCHS, &epoch.number, &epoch).await?;
        }
    }
    tx.put(&TIP, &(), &tip.after(header)?).await?;
    Ok(())
}

/// The header of a height, if it is there yet.
///
/// # Errors
/// [`TxError`].
pub async fn header(tx: &mut Tx, height: u64) -> Result<Option<Header>, TxError> {
    Ok(tx.get(&HEADERS, &height).await?.map(|signed| signed.header))
}

/// The headers from one height to another, both among them.
async fn headers(tx: &mut Tx, first: u64, last: u64) -> Result<Vec<SignedHeader>, TxError> {
    let count = u32::try_from(last.saturating_sub(first) + 1).unwrap_or(ALL);
    let found = tx.scan(&HEADERS, &first.to_be_bytes(), count).await?;
    Ok(found.into_iter().map(|(_, header)| header).collect())
}

/// Reads of the chain, each a transaction.
#[derive(Clone)]
pub struct Chain {
    store: Store,
}

impl Chain {
    /// Over a store.
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Sums over the chain.
    ///
    /// # Errors
    /// [`survey::Code::Storage`].
    pub async fn tip(&self) -> Result<Tip, Refusal> {
        self.store.run("tip", |tx| Box::pin(async move { tip(tx).await })).await
    }

    /// The record of a height, if it is there yet.
    ///
    /// # Errors
    /// [`survey::Code::Storage`].
    pub async fn record(&self, height: u64) -> Result<Option<SignedRecord>, Refusal> {
        self.store
            .run("record", move |tx| Box::pin(async move { Ok(tx.get(&RECORDS, &height).await?) }))
            .await
    }

    /// The headers from one height to another, both among them.
    ///
    /// # Errors
    /// [`survey::Code::Storage`].
    pub async fn headers(&self, first: u64, last: u64) -> Result<Vec<SignedHeader>, Refusal> {
        self.store.run("headers", move |tx| Box::pin(headers(tx, first, last))).await
    }

    /// The closed epochs, in order.
    ///
    /// # Errors
    /// [`survey::Code::Storage`].
    pub async fn epochs(&self) -> Result<Vec<Epoch>, Refusal> {
        self.store
            .run("epochs", |tx| {
                Box::pin(async move {
                    let epochs = tx.scan(&EPOCHS, &[], ALL).await?;
                    Ok(epochs.into_iter().map(|(_, epoch)| epoch).collect())
                })
            })
            .await
    }

    /// The epochs of these numbers; none if one of them has not closed.
    ///
    /// # Errors
    /// [`survey::Code::Storage`].
    pub async fn closed(&self, numbers: Vec<u64>) -> Result<Option<Vec<Epoch>>, Refusal> {
        self.store
            .run("closed", move |tx| {
                let numbers = numbers.clone();
                Box::pin(async move {
                    let mut epochs = Vec::new();
                    for number in numbers {
                        let Some(epoch) = tx.get(&EPOCHS, &number).await? else { return Ok(None) };
                        epochs.push(epoch);
                    }
                    Ok(Some(epochs))
                })
            })
            .await
    }
}
