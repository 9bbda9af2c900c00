//! What a party stores, told without opening anything: for its operator.

use serde::Serialize;
use survey::{Epoch, Id, Refusal};

use crate::config::{Loaded, PartyConfig};
use crate::metrics::Metrics;
use crate::party::compute::Stored;
use crate::party::tables::Tables;
use crate::storage::Store;

/// What a party stores.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// The survey.
    pub survey: Id,
    /// Committed batch records.
    pub records: u64,
    /// Accepted accounts.
    pub accounts: u64,
    /// Refused submissions.
    pub refused: u64,
    /// Bytes of share columns.
    pub column_bytes: u64,
    /// Heights whose columns are missing or do not fit the signed record: empty, or restore a backup.
    pub tampered: Vec<u64>,
    /// The closed epochs.
    pub epochs: Vec<Epoch>,
    /// Accounts in the open epoch.
    pub open_accounts: u64,
}

/// Reads a party's storage. The server may be running.
///
/// # Errors
/// [`Refusal`] if the storage cannot be read.
pub async fn stats(loaded: &Loaded<PartyConfig>) -> Result<Stats, Refusal> {
    let survey = loaded.survey.body.id()?;
    let tables = Tables::new(Store::open(&loaded.config.storage, Metrics::default()).await?, survey);
    let me =
        loaded.survey.body.parties.iter().position(|party| party.identity == loaded.keys.identity.public());
    let me = rep3::network::Party::from_index(me.unwrap_or_default());
    let tip = tables.chain.tip().await?;
    let headers = tables.chain.headers(0, tip.height).await?;
    let (mut column_bytes, mut refused, mut tampered) = (0, 0, Vec::new());
    for signed in &headers {
        let header = &signed.header;
        refused +=
            tables.chain.record(header.height).await?.map_or(0, |record| record.record.refused.len() as u64);
        let columns = tables.columns(header.height).await?.unwrap_or_default();
        column_bytes += columns.len() as u64;
        if Stored::decode(&columns, me, &header.columns).is_err() {
            tampered.push(header.height);
        }
    }
    Ok(Stats {
        survey,
        records: headers.len() as u64,
        accounts: headers.iter().map(|signed| signed.header.accepted).sum(),
        refused,
        column_bytes,
        tampered,
        epochs: tables.chain.epochs().await?,
        open_accounts: tip.open_accounts,
    })
}
