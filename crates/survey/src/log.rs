//! The list of releases that a client API publishes, as a chain of hashes: whoever remembers where it stood can tell
//! later that it was only ever added to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{EncodeError, Id};

/// One release in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Logged {
    /// When its certificate came, in Unix seconds.
    pub at: u64,
    /// The release's number.
    pub release: u64,
    /// SHA-256 of the canonical JSON of its certificate.
    pub certificate: Id,
}

/// The list, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseLog {
    /// The releases.
    pub entries: Vec<Logged>,
    /// The hash of all of it: each entry is hashed together with the hash of what was before it, and the first with the
    /// survey's id.
    pub head: Id,
}

/// Where a list stood: what is remembered of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// How many releases there were.
    pub length: u64,
    /// The head.
    pub head: Id,
}

impl ReleaseLog {
    /// The list of these entries.
    ///
    /// # Errors
    /// See [`Id::of`].
    pub fn new(survey: &Id, entries: Vec<Logged>) -> Result<Self, EncodeError> {
        let head = head(survey, &entries)?;
        Ok(Self { entries, head })
    }

    /// Where the list stands.
    pub const fn mark(&self) -> Mark {
        Mark { length: self.entries.len() as u64, head: self.head }
    }

    /// Whether the list has the head that it claims, and begins with what was seen of it.
    ///
    /// # Errors
    /// See [`Id::of`].
    pub fn continues(&self, survey: &Id, seen: Option<&Mark>) -> Result<bool, EncodeError> {
        if head(survey, &self.entries)? != self.head {
            return Ok(false);
        }
        let Some(seen) = seen else { return Ok(true) };
        let first = usize::try_from(seen.length).ok().and_then(|length| self.entries.get(..length));
        Ok(first.map(|first| head(survey, first)).transpose()? == Some(seen.head))
    }
}

fn head(survey: &Id, entries: &[Logged]) -> Result<Id, EncodeError> {
    let begin = Id::of_parts("mpcstats/log/v1", &[survey.as_bytes()]);
    entries.iter().try_fold(begin, |before, entry| {
        Ok(Id::of_parts("mpcstats/log/v1", &[before.as_bytes(), Id::of(entry)?.as_bytes()]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_was_rewritten_does_not_continue_what_was_seen() {
        let survey = Id::of_parts("survey", &[]);
        let entry =
            |release: u64| Logged { at: 100 + release, release, certificate: Id([release as u8; 32]) };
        let list = |releases: &[u64]| {
            ReleaseLog::new(&survey, releases.iter().map(|release| entry(*release)).collect()).unwrap()
        };
        let seen = list(&[0, 1, 2]).mark();
        let continues = |list: &ReleaseLog| list.continues(&survey, Some(&seen)).unwrap();
        assert!(continues(&list(&[0, 1, 2])) && continues(&list(&[0, 1, 2, 5])));
        assert!(list(&[0, 1, 2]).continues(&survey, Some(&list(&[]).mark())).unwrap());
        for rewritten in [vec![0, 1], vec![1, 0, 2], vec![0, 1, 3, 2], vec![0, 2], vec![0, 1, 1, 2], vec![]] {
            assert!(!continues(&list(&rewritten)), "{rewritten:?}");
        }
        let mut later = list(&[0, 1, 2]);
        later.entries[1].at += 1;
        later.head = ReleaseLog::new(&survey, later.entries.clone()).unwrap().head;
        assert!(!continues(&later), "another time");
        // A head that is merely repeated, over other entries; and the list of another survey.
        let repeated = ReleaseLog { head: list(&[0, 1, 2]).head, ..list(&[0, 1, 2, 3]) };
        assert!(!continues(&repeated));
        assert!(!list(&[0, 1, 2]).continues(&Id::default(), Some(&seen)).unwrap());
    }
}
