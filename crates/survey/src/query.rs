//! What a consumer asks.

use serde::{Deserialize, Serialize};
use stats::Plan;
use utoipa::ToSchema;

use crate::code::{Code, Refusal};
use crate::definition::{ConsumerInfo, Survey};
use crate::id::Id;
use crate::keys::{Identity, Purpose, Signed};

/// A question: a plan over a union of whole closed epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Format version: 1.
    pub version: u32,
    /// The survey.
    pub survey: Id,
    /// What to compute: `{"listed": NAME}` or `{"own": PLAN}`.
    #[schema(value_type = Object)]
    pub plan: Choice,
    /// The epochs to compute over, rising.
    pub epochs: Vec<u64>,
}

/// Which plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// One that the survey lists, by name.
    Listed(String),
    /// One of the consumer's own, if the survey's policy lets it in.
    Own(Box<Plan>),
}

/// A query as its consumer signed it. Its id is that of the query: asking the same again is no new query.
pub type SignedQuery = Signed<Query>;

impl Query {
    /// Signs the query.
    ///
    /// # Errors
    /// See [`Id::of`].
    pub fn sign(self, consumer: &Identity) -> Result<SignedQuery, crate::EncodeError> {
        Signed::new(self, Purpose::Query, consumer)
    }
}

/// A query's name: which plan over which epochs, and for whom. However the plan is named (by the survey's name for
/// it, by its id, or in full), the same question has the same name, and so one release.
///
/// # Errors
/// See [`Id::of`].
pub fn query_id(query: &SignedQuery, plan: &Plan) -> Result<Id, crate::EncodeError> {
    let Query { survey, epochs, .. } = &query.body;
    Id::of(&("mpcstats/query/v2", survey, Id(plan.id().0), epochs, &query.signer))
}

/// Checks signature, form and consumer, and finds the plan. What the policy says is each party's to check.
///
/// # Errors
/// [`Code::UnsupportedVersion`], [`Code::WrongSurvey`], [`Code::BadSignature`], [`Code::UnknownConsumer`],
/// [`Code::UnknownPlan`] or [`Code::UnknownEpoch`].
pub fn check<'a>(
    query: &'a SignedQuery,
    survey: &'a Survey,
    survey_id: &Id,
) -> Result<(&'a Plan, &'a ConsumerInfo), Refusal> {
    let body = &query.body;
    if body.version != 1 {
        return Err(Code::UnsupportedVersion.into());
    }
    if body.survey != *survey_id {
        return Err(Code::WrongSurvey.into());
    }
    let consumer = survey.consumer(&query.signer).ok_or(Code::UnknownConsumer)?;
    if !query.verify(Purpose::Query) {
        return Err(Refusal::new(Code::BadSignature, "query"));
    }
    if body.epochs.is_empty() || !body.epochs.is_sorted_by(|a, b| a < b) {
        return Err(Refusal::new(Code::UnknownEpoch, "epochs must be named once each, rising"));
    }
    let plan = match &body.plan {
        Choice::Listed(name) => &survey.plan(name).ok_or(Code::UnknownPlan)?.plan,
        Choice::Own(plan) => plan,
    };
    Ok((plan, consumer))
}
