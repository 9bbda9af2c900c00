//! Opening a survey: fetching its definition and making sure that it is the one that was meant.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use survey::{Id, PublicKey, SignedSurvey, Survey};

use crate::api::Api;
use crate::error::ClientError;

/// A signed survey as a file is at most this long.
const MAX_FILE: u64 = 4 << 20;

/// How people name a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `https://host:port/#id`: the coordinator, and the id that the organiser published. The id is what makes the
    /// server's certificate irrelevant: what comes is checked against it. Without an id, the server's certificate
    /// must be under a public authority.
    Url {
        /// `https://host:port`.
        address: String,
        /// The id.
        id: Option<Id>,
    },
    /// A signed survey in a file.
    File(PathBuf),
}

impl FromStr for Reference {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let malformed = || ClientError::Reference(text.to_owned());
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        let (address, id) = text.split_once('#').map_or((text, None), |(address, id)| (address, Some(id)));
        let id = id.map(str::parse).transpose().map_err(|_| malformed())?;
        let address = address.trim_end_matches('/');
        let host = address.strip_prefix("https://").ok_or_else(malformed)?;
        if host.is_empty() || host.contains(['/', '?', '@']) {
            return Err(malformed());
        }
        Ok(Self::Url { address: address.to_owned(), id })
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url { address, id: Some(id) } => write!(f, "{address}/#{id}"),
            Self::Url { address, id: None } => f.write_str(address),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A survey that was checked, and its coordinator.
#[derive(Clone, Debug)]
pub struct OpenSurvey {
    /// As its organiser signed it.
    pub signed: SignedSurvey,
    /// Its id.
    pub id: Id,
    /// Calls to its coordinator.
    pub api: Api,
}

impl OpenSurvey {
    /// Fetches or reads a survey and checks it. `organiser` is the key that must have signed it, if the caller
    /// knows it; the id in a reference says as much.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn open(reference: &Reference, organiser: Option<&PublicKey>) -> Result<Self, ClientError> {
        let (signed, expected) = match reference {
            Reference::Url { address, id: Some(id) } => {
                (Api::unverified(address)?.survey().await?, Some(*id))
            }
            Reference::Url { address, id: None } => (Api::new(address, None)?.survey().await?, None),
            Reference::File(path) => (read(path)?, None),
        };
        let id = survey::definition::verify(&signed, organiser)?;
        if let Some(expected) = expected
            && expected != id
        {
            return Err(ClientError::OtherSurvey { expected, found: id });
        }
        let coordinator = &signed.body.coordinator;
        let api = Api::new(&coordinator.address, coordinator.identity)?;
        Ok(Self { signed, id, api })
    }

    /// The definition.
    pub const fn definition(&self) -> &Survey {
        &self.signed.body
    }

    /// How others name this survey.
    pub fn reference(&self) -> Reference {
        Reference::Url { address: self.api.address().to_owned(), id: Some(self.id) }
    }
}

fn read(path: &Path) -> Result<SignedSurvey, ClientError> {
    let failed = |cause: String| ClientError::File { path: path.to_owned(), cause };
    let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > MAX_FILE {
        return Err(failed(format!("longer than {MAX_FILE} bytes: not a survey")));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(format!("not a signed survey: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_and_write() {
        let id = Id([7; 32]);
        let url = format!("https://survey.example:8443/#{id}");
        let reference: Reference = url.parse().unwrap();
        assert_eq!(reference, Reference::Url { address: "https://survey.example:8443".into(), id: Some(id) });
        assert_eq!(reference.to_string(), url);
        assert_eq!(
            "https://survey.example/".parse::<Reference>().unwrap(),
            Reference::Url { address: "https://survey.example".into(), id: None }
        );
        assert_eq!("a/survey.json".parse::<Reference>().unwrap(), Reference::File("a/survey.json".into()));
        for wrong in ["http://a:1/", "https://", "https://a/#12", "https://u@a/", "https://a/path", "ftp://a"]
        {
            assert!(wrong.parse::<Reference>().is_err(), "{wrong}");
        }
    }
}
