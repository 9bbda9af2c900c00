//! What a survey must satisfy before anyone signs or serves it.

use std::collections::BTreeSet;

use mpctls::source::Visibility;
use stats::ColumnType;
use stats::plan::Values;

use crate::code::{Code, Refusal};
use crate::definition::Survey;
use crate::file;
use crate::shares::BLINDER;

/// A commitment is hashed as one Keccak block: domain, blinder and window together are at most 135 bytes.
const MAX_WINDOW: u32 = 135 - 32 - BLINDER as u32;
const MAX_FIELDS: usize = 64;

fn fault(detail: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidConfiguration, detail)
}

fn require(holds: bool, detail: &str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(fault(detail)) }
}

fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    items.into_iter().all(|item| seen.insert(item))
}

impl Survey {
    /// Checks everything that can be checked without the network.
    ///
    /// # Errors
    /// [`Code::InvalidConfiguration`] naming the first fault, [`Code::InvalidPlan`] or [`Code::ForbiddenPlan`]
    /// for a listed plan.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.version != 1 {
            return Err(Code::UnsupportedVersion.into());
        }
        require(!self.title.is_empty(), "title: is empty")?;
        require(self.opens_at < self.closes_at, "closes_at: is not after opens_at")?;
        require(self.max_rows > 0, "max_rows: is zero")?;
        require(!self.notaries.is_empty(), "notaries: at least one is needed")?;
        require(
            self.notary_addresses.is_empty() || self.notary_addresses.len() == self.notaries.len(),
            "notary_addresses: one for each notary, or none at all",
        )?;
        require(!self.modes.is_empty(), "modes: at least one is needed")?;
        self.check_parties()?;
        self.check_fields()?;
        self.check_policy()?;
        self.check_plans()
    }

    fn check_parties(&self) -> Result<(), Refusal> {
        require(distinct(self.parties.iter().map(|p| p.identity)), "parties: two share an identity")?;
        require(distinct(self.parties.iter().map(|p| p.sealing.0)), "parties: two share a sealing key")?;
        require(distinct(self.parties.iter().map(|p| &p.address)), "parties: two share an address")?;
        require(distinct(self.consumers.iter().map(|c| c.identity)), "consumers: two share an identity")
    }

    fn check_fields(&self) -> Result<(), Refusal> {
        require((1..=MAX_FIELDS).contains(&self.fields.len()), "fields: from 1 to 64 are allowed")?;
        require(distinct(self.fields.iter().map(|field| &field.name)), "fields: two share a name")?;
        let account =
            self.source.field(&self.account).is_some_and(|field| field.visibility == Visibility::Disclosed);
        require(account, "account: is not a field that the source discloses")?;
        for field in &self.fields {
            let fault = |what: String| Err(fault(format!("fields.{}: {what}", field.name)));
            if field.window == 0 || field.window > MAX_WINDOW {
                return fault(format!("window: from 1 to {MAX_WINDOW} bytes are allowed"));
            }
            let proven =
                self.source.field(&field.name).filter(|proven| proven.visibility == Visibility::Private);
            match proven {
                Some(_) if field.self_reported => {
                    return fault("is self-reported, but the source proves it".into());
                }
                None if !field.self_reported => return fault("is not a private field of the source".into()),
                Some(proven) if proven.window != field.window => {
                    return fault(format!("window: the source takes {} bytes", proven.window));
                }
                Some(proven) if !same_text(&field.values, proven) => {
                    return fault("values: the source's field is of another type".into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_policy(&self) -> Result<(), Refusal> {
        let policy = &self.policy;
        require(policy.minimum() >= 2, "policy.limits.minimum: fewer than 2 accounts are no crowd")?;
        require(policy.epoch_accounts >= policy.minimum(), "policy.epoch_accounts: is below the minimum")?;
        require(self.max_rows >= policy.minimum(), "max_rows: is below the minimum")
    }

    fn check_plans(&self) -> Result<(), Refusal> {
        require(distinct(self.plans.iter().map(|plan| &plan.name)), "plans: two share a name")?;
        let schema = self.schema();
        for plan in &self.plans {
            stats::check(&plan.plan, &schema, &self.policy.limits)
                .map_err(|error| plan_refusal(&error, &format!("plan {}", plan.name)))?;
        }
        Ok(())
    }
}

/// Whether a field's text is read in the same way by survey and source. The survey's range may be narrower.
fn same_text(values: &ColumnType, proven: &mpctls::source::Field) -> bool {
    match (&values.values, file::values_of(proven).map(|column| column.values)) {
        (Values::Number { scale, .. }, Some(Values::Number { scale: proven, .. })) => *scale == proven,
        (ours, Some(theirs)) => *ours == theirs,
        (_, None) => false,
    }
}

/// A plan error as a refusal.
pub fn plan_refusal(error: &stats::PlanError, what: &str) -> Refusal {
    let code = match error.code {
        stats::Code::Forbidden | stats::Code::TooLarge => Code::ForbiddenPlan,
        _ => Code::InvalidPlan,
    };
    Refusal::new(code, format!("{what}: {error}"))
}
