//! What a party lets a query do: the survey's policy, and a stricter one of the party's own if it has any.

use serde::{Deserialize, Serialize};
use stats::{Checked, Limits, Plan};
use survey::{Code, Epoch, Refusal, Survey};

/// A party's own policy file. It can only forbid: whatever the survey forbids stays forbidden.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnPolicy {
    /// Limits that plans are checked against as well.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// The fewest accounts in each epoch of a release, so that no two releases differ by fewer.
    #[serde(default)]
    pub minimum: u64,
    /// Names of listed plans that this party does not compute.
    #[serde(default)]
    pub refuse_plans: Vec<String>,
    /// Whether this party refuses every plan that the survey does not list.
    #[serde(default)]
    pub refuse_other_plans: bool,
}

/// What a query has used up and asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The epochs that the query names, in its order.
    pub epochs: &'a [Epoch],
    /// How many releases there are of plans that the survey does not list.
    pub others_spent: u64,
    /// Whether this query is among them already, and asked again.
    pub again: bool,
}

/// Whether a survey lists a plan; the list's name for it.
pub fn listed<'a>(survey: &'a Survey, plan: &Plan) -> Option<&'a str> {
    survey.plans.iter().find(|named| named.plan == *plan).map(|named| named.name.as_str())
}

/// Checks a query against both policies.
///
/// # Errors
/// [`Code::ForbiddenPlan`], [`Code::InvalidPlan`], [`Code::BudgetSpent`] or [`Code::CohortTooSmall`]; the
/// detail names the rule.
pub fn check(survey: &Survey, own: &OwnPolicy, asked: Asked<'_>) -> Result<Checked, Refusal> {
    let forbidden = |rule: &str| Err(Refusal::new(Code::ForbiddenPlan, rule));
    match listed(survey, asked.plan) {
        Some(name) if own.refuse_plans.iter().any(|refused| refused == name) => {
            return forbidden("this party's policy: refuse_plans");
        }
        None if own.refuse_other_plans => return forbidden("this party's policy: refuse_other_plans"),
        None if survey.policy.other_plans == 0 => {
            return forbidden("policy.other_plans: the survey runs the plans that it lists");
        }
        None if !asked.again && asked.others_spent >= survey.policy.other_plans => {
            return Err(Refusal::new(Code::BudgetSpent, "policy.other_plans"));
        }
        Some(_) | None => {}
    }
    let minimum = survey.policy.minimum().max(own.minimum);
    if let Some(epoch) = asked.epochs.iter().find(|epoch| epoch.accounts < minimum) {
        let detail = format!("epoch {} has {} accounts, {minimum} are needed", epoch.number, epoch.accounts);
        return Err(Refusal::new(Code::CohortTooSmall, detail));
    }
    if asked.epochs.is_empty() {
        return Err(Refusal::new(Code::CohortTooSmall, "no epoch"));
    }
    let schema = survey.schema();
    let check = |limits: &Limits, whose: &str| {
        stats::check(asked.plan, &schema, limits).map_err(|error| survey::plan_refusal(&error, whose))
    };
    if let Some(limits) = &own.limits {
        let checked = check(limits, "this party's policy")?;
        // The three parties suppress together, at the survey's minimum: a larger one cannot be had alone.
        if limits.minimum > survey.policy.limits.minimum && checked.suppresses() {
            return forbidden(
                "this party's policy: limits.minimum is above the survey's, and the plan has groups",
            );
        }
    }
    check(&survey.policy.limits, "policy.limits")
}
