//! The one table of error codes. The HTTP API, the command line and the docs all read it.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! codes {
    ($($name:ident $text:literal $status:literal $cause:literal $next:literal)*) => {
        /// Why something was refused or failed. Codes are stable: programs may match on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $(#[doc = $cause] $name,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as text: what travels and what users see.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status that carries it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What happened.
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$name => $cause,)* }
            }

            /// What to do next.
            pub const fn next_step(self) -> &'static str {
                match self { $(Self::$name => $next,)* }
            }
        }
    };
}

codes! {
    Malformed "malformed" 400
        "The message is not what this call takes: not JSON, or a field is missing, unknown or of another type."
        "Use a client of the server's version; `detail` names the field."
    TooLarge "too_large" 413
        "The message is larger than this call ever needs."
        "Check what is being sent; a submission is a few kilobytes for each field."
    UnsupportedVersion "unsupported_version" 400
        "The message names a format version that this server does not speak."
        "Update the older of the two sides."
    NotFound "not_found" 404
        "There is nothing under this name here."
        "Check the id. A submission that never reached a server has to be sent again."
    Unauthorized "unauthorized" 401
        "The operator's token is missing or not the right one."
        "Use the token in the file that the server's configuration names as `operator_token`."
    NotReady "not_ready" 409
        "What was asked for does not exist yet."
        "Ask again in a few seconds."
    Timeout "timeout" 408
        "The client took too long to send its message."
        "Send it again over a faster connection."
    RateLimited "rate_limited" 429
        "Too many calls from this address or for this survey in a short time."
        "Wait as long as the Retry-After header says, then try again."
    QueueFull "queue_full" 429
        "The survey's queue of submissions is full."
        "Wait as long as the Retry-After header says, then submit again: the attestation stays valid meanwhile."
    WrongSurvey "wrong_survey" 409
        "The message was made for another survey, or for another version of this one."
        "Fetch the survey again, then prove and submit for that one."
    SurveyNotOpen "survey_not_open" 403
        "The survey has not opened yet."
        "Come back at its opening time."
    SurveyClosed "survey_closed" 410
        "The survey has closed and takes no submission."
        "Nothing can be done: its closing time is part of its signed definition."
    SurveyFull "survey_full" 409
        "The survey holds as many rows as its definition allows."
        "Ask its organiser for a larger survey."
    BadSignature "bad_signature" 401
        "A signature does not fit the message or its signer."
        "Sign with the key that the message names; nothing may be altered afterwards."
    InvalidAttestation "invalid_attestation" 422
        "The attestation does not verify against the survey's source: its notary's signature, transcript or ranges do not fit."
        "Prove again with the survey's own source and client."
    UnknownNotary "unknown_notary" 422
        "The attestation is signed by a key that is not among the survey's notaries."
        "Prove with one of the notaries that the survey lists."
    ModeNotAccepted "mode_not_accepted" 422
        "The attestation was made in a mode that the survey does not accept."
        "Prove again in an accepted mode (`mpc` unless the survey says otherwise)."
    StaleAttestation "stale_attestation" 422
        "The attestation is older than the survey accepts."
        "Prove again and submit promptly."
    FutureAttestation "future_attestation" 422
        "The attestation's time is ahead of the server's clock."
        "Check the clocks of notary and server (clock skew); if they are right, try again shortly."
    ClockSkew "clock_skew" 409
        "A message between servers bears a time that is minutes away from this server's clock: it is stale, or a clock is wrong."
        "Compare the servers' clocks (`mpcstats doctor` does), and set the wrong one right."
    DuplicateAccount "duplicate_account" 409
        "This account has already been counted in this survey."
        "Nothing: an account counts once. If it was you, fetch the earlier receipt."
    DuplicateSubmission "duplicate_submission" 409
        "This very attestation or one-use key has been submitted before."
        "Fetch the receipt of the first submission; to submit anew, prove anew."
    UnreadableShares "unreadable_shares" 422
        "A party cannot open the shares sealed to it: another key, another submission, or altered on the way."
        "Fetch the survey again for the parties' current keys, and submit again."
    InconsistentShares "inconsistent_shares" 422
        "The shares do not fit their commitments, or two parties were given different copies."
        "Submit again once. If it is refused again, the client or a party misbehaves: tell the organiser."
    CommitmentMismatch "commitment_mismatch" 422
        "The shared value is not the one that the attestation commits to: it was altered after it was proven."
        "Share exactly the value that was proven."
    InvalidValue "invalid_value" 422
        "The value has another format than the field declares, or lies outside its declared range."
        "Check the survey's field: its range is public. Nothing else about the value was revealed."
    UnknownConsumer "unknown_consumer" 403
        "The query is signed by a key that is not among the survey's consumers."
        "Ask the organiser to list the key, or use one that is listed."
    UnknownPlan "unknown_plan" 404
        "The survey lists no plan of this name or id."
        "See the survey's plans with `mpcstats survey check`."
    InvalidPlan "invalid_plan" 422
        "The plan does not check: its types, columns or ranges do not fit the survey."
        "`detail` names the operation; trace the program against this survey."
    ForbiddenPlan "forbidden_plan" 403
        "The survey's policy, or a party's stricter one, forbids this plan."
        "`detail` names the rule. Run a plan that the survey lists."
    BudgetSpent "budget_spent" 403
        "The survey's budget for plans beyond the listed ones is spent."
        "Run a plan that the survey lists; a budget is never refilled."
    CohortTooSmall "cohort_too_small" 409
        "Fewer accounts than the survey's minimum would stand behind this release."
        "Wait until an epoch with the minimum of accounts has closed."
    UnknownEpoch "unknown_epoch" 409
        "The query names an epoch that has not closed, or names one twice."
        "See the closed epochs in the survey's status."
    RefusedByParty "refused_by_party" 403
        "A party refused; its reason is in `detail`."
        "Ask that party's operator."
    PartyUnavailable "party_unavailable" 503
        "A party cannot be reached. Nothing is lost: work resumes when it is back."
        "Wait. Operators: see that party's /readyz and the peers' logs."
    Aborted "aborted" 502
        "The three-party computation was aborted, by a fault or by a party that cheated. Nothing was revealed that its definition does not declare."
        "It is tried again with the same inputs only. If it keeps failing, compare the parties' logs by trace id."
    TamperedStore "tampered_store" 500
        "A party's stored columns do not fit the record that all three parties signed."
        "Restore that party's storage from a backup; do not use its data."
    Conflict "conflict" 409
        "The parties hold different histories, which honest parties never do."
        "Stop and compare the parties' batch records: somebody signed two histories."
    ShuttingDown "shutting_down" 503
        "The server is shutting down."
        "Try again in a moment."
    InvalidConfiguration "invalid_configuration" 500
        "A configuration file or survey does not check."
        "`mpcstats config check` and `mpcstats survey check` name the line."
    Storage "storage" 503
        "The database failed."
        "See the server's log; nothing that was acknowledged is lost."
    NewerFormat "newer_format" 500
        "The database was written by a newer version of the program. Nothing in it was changed."
        "Run a version that is at least as new as the one that wrote it, or restore a backup from before."
    Internal "internal" 500
        "A fault of the program."
        "Report it with the trace id."
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A code with what is particular to this case: what travels as JSON when a call fails, and what every
/// fallible function of this crate and of the service returns. Details name fields and rules, never values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, ToSchema)]
#[error("{code}: {}", self.reason())]
pub struct Refusal {
    /// From the table.
    pub code: Code,
    /// What is particular to this case; may be empty.
    pub detail: String,
}

impl Refusal {
    /// The cause, with what is particular to this case.
    pub fn reason(&self) -> String {
        let detail = if self.detail.is_empty() { String::new() } else { format!(" ({})", self.detail) };
        self.code.cause().to_owned() + &detail
    }

    /// A refusal with a detail.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, detail: String::new() }
    }
}

impl From<crate::id::EncodeError> for Refusal {
    fn from(error: crate::id::EncodeError) -> Self {
        Self::new(Code::Internal, error.to_string())
    }
}

/// What a client says of itself, without a server's word: code, what happened, what to do. Codes about proofs and
/// notaries are [`mpctls::code::Code`]'s.
pub const LOCAL: &[(&str, &str, &str)] = &[
    (
        "unreachable",
        "A server cannot be reached.",
        "Check the address, the network, and that the server is up.",
    ),
    (
        "bad_answer",
        "A server answered with something else than mpcstats.",
        "Check the address, and compare the versions of mpcstats here and there.",
    ),
    (
        "survey_reference",
        "The survey's address cannot be read.",
        "Write `https://HOST:PORT/#ID` with the id that the organiser published, or the path of a signed survey.",
    ),
    ("tls", "TLS could not be configured.", "The message says why; check the keys that were given."),
    (
        "file",
        "A file cannot be read, or does not hold what it should.",
        "The message names the file and the cause.",
    ),
    (
        "rewritten_log",
        "A client API's list of releases is not what was seen of it before, with releases added.",
        "Do not rely on that server: something was taken out or changed. Show its list and the remembered mark to the organiser.",
    ),
    (
        "not_in_release",
        "A certificate's release does not hold the submission.",
        "Take the certificate of a release over the submission's epoch; if the release names that epoch, the certificate \
         and the receipt tell of two histories: show both to the organiser.",
    ),
];

/// What a server may be sent that is wrong, and the code by which it is refused. `crates/service/tests/bad_input.rs`
/// sends each of these to running servers.
pub const BAD_INPUT: &[(&str, Code)] = &[
    ("a body that is not JSON, or lacks a field", Code::Malformed),
    ("a path that leads out of the API", Code::NotFound),
    ("an id that is a way through folders", Code::Malformed),
    ("a body larger than the call needs", Code::TooLarge),
    ("a submission in another version of the format", Code::UnsupportedVersion),
    ("a client that does not finish its request", Code::Timeout),
    ("more calls from one address than it may make", Code::RateLimited),
    ("a submission when the queue is full", Code::QueueFull),
    ("a submission to another survey", Code::WrongSurvey),
    ("a submission before the survey opens", Code::SurveyNotOpen),
    ("a submission after the survey has closed", Code::SurveyClosed),
    ("a submission when the survey has all its rows", Code::SurveyFull),
    ("a submission that was altered after it was signed", Code::BadSignature),
    ("a submission of somebody else's proof", Code::BadSignature),
    ("a proof that was altered", Code::InvalidAttestation),
    ("a proof of a notary that the survey does not list", Code::UnknownNotary),
    ("a proof in a mode that the survey does not accept", Code::ModeNotAccepted),
    ("a proof that is a day old", Code::StaleAttestation),
    ("a proof from the future", Code::FutureAttestation),
    ("a proof that was submitted before", Code::DuplicateSubmission),
    ("a second proof of an account", Code::DuplicateAccount),
    ("shares that are not sealed to their party", Code::UnreadableShares),
    ("shares that do not fit their commitments", Code::InconsistentShares),
    ("shares of another value than was proven", Code::CommitmentMismatch),
    ("a proven value outside of its range", Code::InvalidValue),
    ("a query of somebody whom the survey does not list", Code::UnknownConsumer),
    ("a query that was altered after it was signed", Code::BadSignature),
    ("a query for a plan that the survey does not list", Code::UnknownPlan),
    ("a plan that does not fit the survey", Code::InvalidPlan),
    ("a plan of one's own where none is allowed", Code::ForbiddenPlan),
    ("a plan of one's own when the budget is spent", Code::BudgetSpent),
    ("a query over epochs that have not closed", Code::UnknownEpoch),
    ("a query over fewer accounts than a party asks for", Code::CohortTooSmall),
    ("a message to a party from somebody who is none", Code::BadSignature),
    ("a message of a party whose clock is wrong", Code::ClockSkew),
];

/// What to do about a code, wherever it comes from.
pub fn next_step(code: &str) -> Option<&'static str> {
    let served = Code::ALL.iter().find(|known| known.text() == code).map(|code| code.next_step());
    let proving = || mpctls::code::Code::ALL.iter().find(|known| known.text() == code);
    let local = || LOCAL.iter().find(|(known, ..)| *known == code).map(|(.., next)| *next);
    served.or_else(|| proving().map(|code| code.next_step())).or_else(local)
}

/// The table as a page of the docs (`docs/src/error-codes.md`); a test keeps the page current.
pub fn page() -> String {
    let mut page = String::from(
        "# Error codes\n\n\
         <!-- Generated from crates/survey/src/code.rs; `cargo test -p survey` tells when it is out of date. -->\n\n\
         Every refusal, in the HTTP API and on the command line, carries one of these codes, its cause and the\n\
         next step. Codes are stable; wording may improve.\n\n\
         | code | status | what happened | what to do |\n|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let (status, cause, next) = (code.status(), code.cause(), code.next_step());
        let _ = writeln!(page, "| `{code}` | {status} | {cause} | {next} |");
    }
    page.push_str(
        "\n## Bad input\n\n\
         What a server may be sent that is wrong, and how it answers; `crates/service/tests/bad_input.rs` sends all of it.\n\n\
         | what | code |\n|---|---|\n",
    );
    for (what, code) in BAD_INPUT {
        let _ = writeln!(page, "| {what} | `{code}` |");
    }
    page.push_str(
        "\n## Proofs and notaries\n\n\
         <!-- From crates/mpctls/src/code.rs. -->\n\n\
         `mpcstats prove`, `share`, `verify` and `source` say these, and notaries to provers. A coordinator or party\n\
         that refuses an attestation for one of these reasons says `invalid_attestation`, with the reason in its detail.\n\n\
         | code | what happened | what to do |\n|---|---|---|\n",
    );
    for code in mpctls::code::Code::ALL {
        let _ = writeln!(page, "| `{}` | {} | {} |", code.text(), code.cause(), code.next_step());
    }
    page.push_str("\n## On your own machine\n\n| code | what happened | what to do |\n|---|---|---|\n");
    for (code, cause, next) in LOCAL {
        let _ = writeln!(page, "| `{code}` | {cause} | {next} |");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_travel_as_their_text() {
        let proving = mpctls::code::Code::ALL.iter().map(|code| code.text());
        let local = LOCAL.iter().map(|(code, ..)| *code);
        let mut texts: Vec<_> =
            Code::ALL.iter().map(|code| code.text()).chain(proving).chain(local).collect();
        let count = texts.len();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), count, "a code has one meaning");
        assert!(texts.iter().all(|code| next_step(code).is_some()));
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.text());
            assert!((200..600).contains(&code.status()), "{code}");
        }
    }

    #[test]
    fn the_docs_page_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/error-codes.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(stored, page(), "run UPDATE_DOCS=1 cargo test -p survey docs_page");
    }
}
