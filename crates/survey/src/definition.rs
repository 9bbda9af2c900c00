//! A survey's signed definition: everything that parties, providers and consumers need to agree on.

use circuit::parse::Format;
use mpctls::Source;
use serde::{Deserialize, Serialize};
use stats::plan::Values;
use stats::{ColumnType, Limits, Plan, Schema, Table};
use utoipa::ToSchema;

use crate::code::{Code, Refusal};
use crate::id::Id;
use crate::keys::{Identity, PublicKey, Purpose, Signed};
use crate::seal::SealingKey;
use crate::shares::BLINDER;

/// A survey. Its id is the SHA-256 of its canonical JSON, and every message about it names that id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Survey {
    /// Format version: 1.
    pub version: u32,
    /// What is being measured, in a few words.
    pub title: String,
    /// What is being measured and why taking part is safe, for providers.
    pub description: String,
    /// The website request whose answer is proven.
    #[schema(value_type = Object)]
    pub source: Source,
    /// The source's disclosed field that names an account: each counts once.
    pub account: String,
    /// The shared fields, in the order of their columns.
    pub fields: Vec<Field>,
    /// The plans that run on every release.
    pub plans: Vec<NamedPlan>,
    /// What every party enforces.
    pub policy: Policy,
    /// Where submissions and queries go.
    pub coordinator: Coordinator,
    /// Parties 0, 1 and 2.
    pub parties: [PartyInfo; 3],
    /// Who may attest.
    #[schema(value_type = Vec<Object>)]
    pub notaries: Vec<mpctls::NotaryKey>,
    /// Where each notary listens, as `host:port`, in the same order. A notary's TLS certificate is under the key
    /// that it attests with.
    #[serde(default)]
    pub notary_addresses: Vec<String>,
    /// Who may query.
    pub consumers: Vec<ConsumerInfo>,
    /// The notarization modes accepted.
    #[schema(value_type = Vec<String>)]
    pub modes: Vec<mpctls::Mode>,
    /// When submissions open, in Unix seconds.
    pub opens_at: u64,
    /// When submissions close, in Unix seconds.
    pub closes_at: u64,
    /// How many rows the survey holds at most.
    pub max_rows: u64,
}

/// One shared value of each provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name in plans; for a proven field also its name in the source.
    pub name: String,
    /// In words, for people.
    #[serde(default)]
    pub description: String,
    /// What its values are, and their public range: a value outside it is refused.
    #[schema(value_type = Object)]
    pub values: ColumnType,
    /// Typed in by the provider: committed to and shared in the same way, but not proven. Certificates say so.
    #[serde(default)]
    pub self_reported: bool,
    /// How many bytes of text are committed to. For a proven field, the source's window.
    pub window: u32,
}

/// A plan that the survey lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedPlan {
    /// What consumers call it.
    pub name: String,
    /// In words, for people.
    #[serde(default)]
    pub description: String,
    /// What is computed.
    #[schema(value_type = Object)]
    pub plan: Plan,
}

/// What every party enforces for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What plans may do. Its `minimum` is also the fewest accounts with which an epoch closes.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub limits: Limits,
    /// An epoch closes as soon as it holds this many accounts.
    #[serde(default = "Policy::default_epoch_accounts")]
    pub epoch_accounts: u64,
    /// An epoch that holds the minimum closes when nothing has arrived for this long, in seconds.
    #[serde(default = "Policy::default_epoch_quiet")]
    pub epoch_quiet: u64,
    /// How many releases there may be, in the survey's life, of plans that it does not list.
    #[serde(default)]
    pub other_plans: u64,
}

impl Policy {
    const fn default_epoch_accounts() -> u64 {
        1000
    }

    const fn default_epoch_quiet() -> u64 {
        60
    }

    /// The fewest accounts of an epoch, and behind any result.
    pub const fn minimum(&self) -> u64 {
        self.limits.minimum as u64
    }
}

/// Where submissions and queries go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Coordinator {
    /// `https://host:port`.
    pub address: String,
    /// Its identity, if its certificate is pinned rather than issued by a public authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<PublicKey>,
}

/// A computation party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyInfo {
    /// Who runs it.
    pub name: String,
    /// `host:port`, for HTTPS and for the computation.
    pub address: String,
    /// What it signs with; its TLS certificate is under the same key.
    pub identity: PublicKey,
    /// What shares are sealed to.
    pub sealing: SealingKey,
}

/// A consumer of results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsumerInfo {
    /// Who it is.
    pub name: String,
    /// What it signs queries with.
    pub identity: PublicKey,
    /// What results are sealed to.
    pub sealing: SealingKey,
}

/// A survey as its organiser signed it.
pub type SignedSurvey = Signed<Survey>;

impl Survey {
    /// The survey's id.
    ///
    /// # Errors
    /// Never for a survey that was read; see [`Id::of`].
    pub fn id(&self) -> Result<Id, crate::EncodeError> {
        Id::of(self)
    }

    /// The parties' identities.
    pub fn party_keys(&self) -> [PublicKey; 3] {
        [0, 1, 2].map(|i| self.parties[i].identity)
    }

    /// How many bytes of each submission are shared: every field's window and blinder.
    pub fn shared_len(&self) -> usize {
        self.fields.iter().map(|field| field.window as usize + BLINDER).sum()
    }

    /// What plans see: one data set with a column a field.
    pub fn schema(&self) -> Schema {
        let columns = self.fields.iter().map(|field| (field.name.clone(), field.values.clone())).collect();
        Schema::single(Table { columns, max_rows: self.max_rows })
    }

    /// How a field's window is read, in the clear and inside three-party computation alike.
    pub fn format(&self, field: &Field) -> Format {
        let number =
            |value: i128| i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
        let kind = match &field.values.values {
            Values::Number { scale: 0, min, max } => {
                circuit::parse::Kind::Integer { min: number(*min), max: number(*max) }
            }
            Values::Number { scale, min, max } => {
                circuit::parse::Kind::Decimal { scale: *scale, min: number(*min), max: number(*max) }
            }
            Values::Boolean => circuit::parse::Kind::Boolean,
            Values::Category { labels } => circuit::parse::Kind::Category(labels.clone()),
        };
        Format { kind, quoted: self.quoted(field), nullable: field.values.nullable }
    }

    /// Whether a field's value stands between quotes: in the source's response, or, for what is typed, if it is
    /// a text.
    fn quoted(&self, field: &Field) -> bool {
        use mpctls::source::Element;
        if field.self_reported {
            return matches!(field.values.values, Values::Category { .. }) && !field.values.nullable;
        }
        let body = &self.source.definition().response.body;
        body.windows(2).any(|pair| {
            matches!(pair, [Element::Anchor(anchor), Element::Field(name)] if *name == field.name && anchor.ends_with('"'))
        })
    }

    /// The window of a typed value: the text, the byte that ends it, and blanks. None if it does not fit.
    pub fn typed_window(&self, field: &Field, text: &str) -> Option<Vec<u8>> {
        let mut window = text.as_bytes().to_vec();
        window.push(if self.quoted(field) { b'"' } else { b',' });
        (window.len() <= field.window as usize).then(|| {
            window.resize(field.window as usize, b' ');
            window
        })
    }

    /// The names of the fields that are not proven.
    pub fn self_reported(&self) -> Vec<String> {
        self.fields.iter().filter(|field| field.self_reported).map(|field| field.name.clone()).collect()
    }

    /// Whether submissions are taken at a time.
    ///
    /// # Errors
    /// [`Code::SurveyNotOpen`] or [`Code::SurveyClosed`].
    pub fn check_open(&self, now: u64) -> Result<(), Refusal> {
        match now {
            now if now < self.opens_at => Err(Code::SurveyNotOpen.into()),
            now if now >= self.closes_at => Err(Code::SurveyClosed.into()),
            _ => Ok(()),
        }
    }

    /// The listed plan of this name or id.
    pub fn plan(&self, name_or_id: &str) -> Option<&NamedPlan> {
        self.plans.iter().find(|plan| plan.name == name_or_id || plan.plan.id().to_string() == name_or_id)
    }

    /// The consumer with this identity.
    pub fn consumer(&self, identity: &PublicKey) -> Option<&ConsumerInfo> {
        self.consumers.iter().find(|consumer| consumer.identity == *identity)
    }

    /// Signs the survey.
    ///
    /// # Errors
    /// [`Code::InvalidConfiguration`] if it does not [`Survey::check`].
    pub fn sign(self, organiser: &Identity) -> Result<SignedSurvey, Refusal> {
        self.check()?;
        Ok(Signed::new(self, Purpose::Survey, organiser)?)
    }
}

/// Checks a signed survey as a party, provider or consumer that trusts this organiser must.
///
/// # Errors
/// [`Code::BadSignature`] or [`Code::InvalidConfiguration`].
pub fn verify(signed: &SignedSurvey, organiser: Option<&PublicKey>) -> Result<Id, Refusal> {
    if organiser.is_some_and(|key| *key != signed.signer) || !signed.verify(Purpose::Survey) {
        return Err(Refusal::new(Code::BadSignature, "survey"));
    }
    signed.body.check()?;
    Ok(signed.body.id()?)
}
