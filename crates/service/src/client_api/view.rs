//! What the page is told: the bodies of the client API's answers.
//!
//! | call | gives |
//! |---|---|
//! | `GET /api/surveys` | [`SurveyView`] of every survey served |
//! | `GET /api/surveys/{id}` | [`SurveyView`] |
//! | `GET /api/surveys/{id}/definition` | the signed survey |
//! | `GET /api/surveys/{id}/releases` | [`ReleaseView`]s, newest first |
//! | `GET /api/surveys/{id}/certificates/{release}` | the certificate |
//! | `GET /api/surveys/{id}/log` | the [`survey::ReleaseLog`] |
//! | `GET /api/surveys/{id}/qr.svg` | a QR code of the page's address |
//! | `GET /api/surveys/{id}/events` | server-sent events: `history` with all [`ReleaseView`]s first, then `status` with a [`SurveyView`] and `release` with a [`ReleaseView`] |
//! | `GET /api/operator` | [`OperatorView`], to who holds the operator's token |

use serde::Serialize;
use survey::Id;
use survey::wire::Status;
use utoipa::ToSchema;

/// A survey as the page shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SurveyView {
    /// Its id.
    pub id: Id,
    /// What is being measured, in a few words.
    pub title: String,
    /// What is being measured and why taking part is safe.
    pub description: String,
    /// Who runs the three parties.
    pub parties: Vec<String>,
    /// When submissions open, in Unix seconds.
    pub opens_at: u64,
    /// When submissions close, in Unix seconds.
    pub closes_at: u64,
    /// When the next release is expected at the latest, in Unix seconds, if that can be said.
    pub next_release_at: Option<u64>,
    /// Where it stands.
    pub status: Status,
    /// What it computes.
    pub plans: Vec<PlanView>,
    /// The command that takes part; for what a provider types in, `VALUE` stands in its place.
    pub join_command: String,
    /// What stands in place of each `VALUE`: the fields that are typed in, with what they may be.
    pub answers: Vec<String>,
    /// What that command asks a provider for: the secrets of the source.
    pub needs: Vec<String>,
    /// The command that checks a certificate offline; `{file}` stands for its path, `{release}` for its number,
    /// `survey.json` is the signed survey.
    pub verify_command: String,
}

/// A plan that a survey lists.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlanView {
    /// Its name.
    pub name: String,
    /// What it is, in a few words.
    pub description: String,
}

/// A release as the page shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReleaseView {
    /// Its number.
    pub release: u64,
    /// The name of its plan.
    pub plan: String,
    /// The epochs that it covers.
    pub epochs: Vec<u64>,
    /// How many accounts are behind it.
    pub count: u64,
    /// When it was computed, in Unix seconds.
    pub at: u64,
    /// The results.
    #[schema(value_type = Object)]
    pub results: stats::ResultTable,
}

/// What an operator sees.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OperatorView {
    /// Submissions waiting.
    pub queued: u64,
    /// Accounts accepted so far.
    pub accepted: u64,
    /// Accounts accepted in the last minute.
    pub accepted_last_minute: u64,
    /// Epochs closed.
    pub epochs: u64,
    /// Releases published.
    pub releases: u64,
    /// The three parties.
    pub parties: Vec<PartyView>,
    /// Refusals since the coordinator started, by code.
    pub refusals: Vec<RefusalView>,
}

/// A party, to an operator.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PartyView {
    /// Who runs it.
    pub name: String,
    /// When it was last heard of, in Unix seconds; 0 for never.
    pub seen_at: u64,
}

/// Refusals for one reason.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefusalView {
    /// The code.
    pub code: String,
    /// How often.
    pub count: u64,
}
