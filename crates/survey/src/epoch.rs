//! Epochs: closed runs of batch records that hold at least the survey's minimum of accounts. A release covers
//! whole closed epochs, so that nobody learns what one submission changed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::Id;
use crate::merkle::{self, Path};
use crate::record::Header;

/// A closed epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Epoch {
    /// Its number, from 0.
    pub number: u64,
    /// Its first and last record's height.
    #[schema(value_type = Vec<u64>, min_items = 2, max_items = 2)]
    pub heights: (u64, u64),
    /// How many accounts it holds.
    pub accounts: u64,
    /// Merkle root over its records' leaf roots.
    pub root: Id,
    /// When its last record was closed, in Unix seconds.
    pub closed_at: u64,
}

/// The closed epochs of a chain of headers, in order, and the number of accounts in the open one.
pub fn epochs<'a>(chain: impl IntoIterator<Item = &'a Header>) -> (Vec<Epoch>, u64) {
    let (mut closed, mut open) = (Vec::new(), Vec::<&Header>::new());
    for header in chain {
        open.push(header);
        if header.closes_epoch {
            closed.push(close(&open));
            open.clear();
        }
    }
    (closed, open.iter().map(|header| header.accepted).sum())
}

fn close(headers: &[&Header]) -> Epoch {
    let (first, last) = (headers[0], headers[headers.len() - 1]);
    let roots: Vec<Id> = headers.iter().map(|header| header.leaves_root).collect();
    Epoch {
        number: last.epoch,
        heights: (first.height, last.height),
        accounts: headers.iter().map(|header| header.accepted).sum(),
        root: merkle::root(&roots),
        closed_at: last.closed_at,
    }
}

/// The dataset root of a union of epochs: the Merkle root over their roots, in rising order of number.
pub fn dataset_root(epochs: &[Epoch]) -> Id {
    merkle::root(&epochs.iter().map(|epoch| epoch.root).collect::<Vec<_>>())
}

/// The way from a record's leaf root to the dataset root over `epochs`: `headers` are the records of the
/// record's epoch, `height` its own. Joined to a receipt's path it shows that a submission is in a release.
pub fn record_path(headers: &[Header], height: u64, epochs: &[Epoch]) -> Option<Path> {
    let record = headers.iter().position(|header| header.height == height)?;
    let epoch = epochs.iter().position(|epoch| epoch.number == headers[record].epoch)?;
    let records: Vec<Id> = headers.iter().map(|header| header.leaves_root).collect();
    let roots: Vec<Id> = epochs.iter().map(|epoch| epoch.root).collect();
    Some(Path::new(&records, record)?.join(Path::new(&roots, epoch)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;

    #[test]
    fn every_submission_is_provably_in_the_dataset() {
        let survey = Id::of_parts("survey", &[]);
        let mut records: Vec<_> = (0..7).map(|height| record(survey, height, 3 + height as usize)).collect();
        for (record, (epoch, closes)) in records.iter_mut().zip([
            (0, false),
            (0, true),
            (1, true),
            (2, false),
            (2, false),
            (2, true),
            (3, false),
        ]) {
            record.header.epoch = epoch;
            record.header.closes_epoch = closes;
        }
        let headers: Vec<Header> = records.iter().map(|record| record.header.clone()).collect();
        let (closed, open) = epochs(&headers);
        assert_eq!(closed.iter().map(|epoch| epoch.accounts).collect::<Vec<_>>(), [7, 5, 6 + 7 + 8]);
        assert_eq!(open, 9);

        let released = [closed[0].clone(), closed[2].clone()];
        let root = dataset_root(&released);
        for record in &records {
            let of_epoch: Vec<Header> =
                headers.iter().filter(|header| header.epoch == record.header.epoch).cloned().collect();
            let above = record_path(&of_epoch, record.header.height, &released);
            assert_eq!(above.is_some(), [0, 2].contains(&record.header.epoch), "only released epochs");
            let Some(above) = above else { continue };
            for (index, leaf) in record.leaves.iter().enumerate() {
                let path = Path::new(&record.leaves, index).unwrap().join(above.clone());
                assert_eq!(path.root_from(leaf), Some(root));
            }
        }
    }
}
