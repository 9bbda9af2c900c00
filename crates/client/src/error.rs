//! Why something did not work, with a stable code.

use std::path::PathBuf;

use survey::{Code, Refusal};

/// Why a provider or consumer does not get further.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A server, or a check of this client, refused. The code's table says what to do.
    #[error("{}", .0.reason())]
    Refused(#[from] Refusal),
    /// A server cannot be reached.
    #[error(
        "{address} cannot be reached: {cause}. Check the address, the network, and that the server is up"
    )]
    Unreachable {
        /// Which.
        address: String,
        /// Why.
        cause: String,
    },
    /// A server answered with something else.
    #[error(
        "{address} answered with something else than mpcstats: {detail}. Check the address and both versions"
    )]
    Answer {
        /// Which.
        address: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The survey's address cannot be read.
    #[error(
        "{0:?} is not a survey's address: write https://HOST:PORT/#ID, with the id that the organiser published, \
         or the path of a signed survey"
    )]
    Reference(String),
    /// The survey is another one.
    #[error("the server has survey {found}, not {expected}: do not use it, and tell the organiser")]
    OtherSurvey {
        /// The id that was asked for.
        expected: survey::Id,
        /// The id of what came.
        found: survey::Id,
    },
    /// The notary.
    #[error(transparent)]
    Notary(#[from] crate::notary::NotaryConnectError),
    /// The proof did not come about.
    #[error(transparent)]
    Prove(#[from] mpctls::protocol::ProveError),
    /// What was typed in cannot be submitted.
    #[error("{field}: {why}")]
    Typed {
        /// The survey's field.
        field: String,
        /// What is wrong.
        why: String,
    },
    /// TLS could not be configured.
    #[error(transparent)]
    Tls(#[from] net::tls::TlsError),
    /// A local file.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The plan or its result.
    #[error(transparent)]
    Plan(#[from] stats::PlanError),
    /// A client API's list of releases was rewritten, or does not hold what it claims.
    #[error("{address}: {why}")]
    Rewritten {
        /// Whose.
        address: String,
        /// What is wrong.
        why: String,
    },
    /// It took too long.
    #[error("{0} took too long; nothing is lost: ask again later")]
    Timeout(&'static str),
}

impl ClientError {
    /// A stable name for the reason.
    pub fn code(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.code.text().to_owned(),
            Self::Unreachable { .. } => "unreachable".to_owned(),
            Self::Answer { .. } => "bad_answer".to_owned(),
            Self::Reference(_) => "survey_reference".to_owned(),
            Self::OtherSurvey { .. } => Code::WrongSurvey.text().to_owned(),
            Self::Notary(_) => "notary_connection".to_owned(),
            Self::Prove(error) => error.code().to_owned(),
            Self::Typed { .. } => Code::InvalidValue.text().to_owned(),
            Self::Tls(_) => "tls".to_owned(),
            Self::File { .. } => "file".to_owned(),
            Self::Plan(error) => error.code.to_string(),
            Self::Rewritten { .. } => "rewritten_log".to_owned(),
            Self::Timeout(_) => Code::Timeout.text().to_owned(),
        }
    }
}

impl ClientError {
    /// A thread of this program ended early: a fault of its own.
    pub(crate) fn ended(what: &str) -> Self {
        Refusal::new(Code::Internal, format!("{what}'s thread ended")).into()
    }
}

impl From<mpctls::source::SourceError> for ClientError {
    fn from(error: mpctls::source::SourceError) -> Self {
        Self::Prove(error.into())
    }
}

impl From<survey::EncodeError> for ClientError {
    fn from(error: survey::EncodeError) -> Self {
        Self::Refused(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_its_own_is_in_the_table() {
        let errors = [
            ClientError::Unreachable { address: String::new(), cause: String::new() },
            ClientError::Answer { address: String::new(), detail: String::new() },
            ClientError::Reference(String::new()),
            ClientError::OtherSurvey { expected: survey::Id([0; 32]), found: survey::Id([1; 32]) },
            ClientError::Typed { field: String::new(), why: String::new() },
            ClientError::File { path: PathBuf::new(), cause: String::new() },
            ClientError::Timeout(""),
            crate::notary::NotaryConnectError::Unreachable {
                address: String::new(),
                cause: std::io::Error::other(""),
            }
            .into(),
        ];
        for error in errors {
            assert!(survey::code::next_step(&error.code()).is_some(), "{}", error.code());
        }
    }
}
