//! A survey with keys of its own, and submissions to it whose attestations are signed by a notary key made
//! here, over made-up responses. Everything behind the notary's signature is real. For tests and for
//! `mpcstats bench ingest`: nobody else trusts these keys.

use mpctls::attestation::Statement;
use mpctls::source::Secrets;
use mpctls::{Attestation, Commitment, Direction, Mode, NotarySigningKey, Source};
use rand::{CryptoRng, RngExt as _};
use survey::definition::{ConsumerInfo, Coordinator, Field, NamedPlan, PartyInfo, Policy};
use survey::{Code, Identity, Refusal, Submission, Survey, Value};

use crate::keys::Keys;

const SOURCE: &str = r#"
version = 1
name = "fixture"
description = "The balance of one account at a made-up exchange."
host = "exchange.example"
fields = [
    { name = "account", visibility = "disclosed", type = "text", window = 24 },
    { name = "balance", visibility = "private", type = "decimal", scale = 4, min = 0, max = 100000000000, window = 24 },
]

[request]
method = "GET"
path = "/api/account"

[response]
body = [
    { anchor = '{"account":"' },
    { field = "account" },
    { skip = 64 },
    { anchor = ',"balance":"' },
    { field = "balance" },
    { skip = 64 },
]
"#;

/// The survey and every secret key about it.
pub struct Fixture {
    /// The survey; party addresses are to be filled in before it is used over a network.
    pub survey: Survey,
    /// The parties' secrets.
    pub parties: [Keys; 3],
    /// The consumer's secrets.
    pub consumer: Keys,
    /// Who signs the survey.
    pub organiser: Identity,
    notary: NotarySigningKey,
}

fn fault(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::Internal, error.to_string())
}

impl Fixture {
    /// A survey of one proven balance, open around a time in Unix seconds.
    ///
    /// # Errors
    /// Never, unless this module is wrong.
    pub fn new(now: u64, plans: Vec<NamedPlan>) -> Result<Self, Refusal> {
        Self::from_random(now, plans, &mut rand::rng())
    }

    /// The same, with the keys that follow from this randomness.
    ///
    /// # Errors
    /// Never, unless this module is wrong.
    pub fn from_random(
        now: u64,
        plans: Vec<NamedPlan>,
        random: &mut impl CryptoRng,
    ) -> Result<Self, Refusal> {
        let notary = NotarySigningKey::from_seed(&random.random());
        let mut keys = || Keys::from_random(random);
        let parties = [keys()?, keys()?, keys()?];
        let consumer = keys()?;
        let organiser = keys()?.identity;
        let source = Source::from_toml(SOURCE).map_err(fault)?;
        let balance = source.field("balance").ok_or_else(|| fault("the source has a balance"))?;
        let field = Field {
            name: "balance".into(),
            description: String::new(),
            values: stats::ColumnType::number(4, 0, 10_000_000_000),
            self_reported: false,
            window: balance.window,
        };
        let survey = Survey {
            version: 1,
            title: "Fixture".into(),
            description: "Balances at a made-up exchange.".into(),
            source,
            account: "account".into(),
            fields: vec![field],
            plans,
            policy: Policy { limits: limits(), epoch_accounts: 1000, epoch_quiet: 2, other_plans: 0 },
            coordinator: Coordinator { address: "https://127.0.0.1:1".into(), identity: None },
            parties: [0, 1, 2].map(|i| PartyInfo {
                name: format!("party {i}"),
                address: format!("127.0.0.1:{}", i + 2),
                identity: parties[i].identity.public(),
                sealing: parties[i].opening.public(),
            }),
            notaries: vec![notary.public()],
            notary_addresses: Vec::new(),
            consumers: vec![ConsumerInfo {
                name: "consumer".into(),
                identity: consumer.identity.public(),
                sealing: consumer.opening.public(),
            }],
            modes: vec![Mode::Mpc],
            opens_at: now.saturating_sub(3600),
            closes_at: now + 365 * 24 * 3600,
            max_rows: 1_000_000,
        };
        Ok(Self { survey, parties, consumer, organiser, notary })
    }

    /// An attestation that an account's balance is this text, with what opens its commitment.
    ///
    /// # Errors
    /// [`Refusal`] if the balance does not fit the source.
    pub fn attest(
        &self,
        account: &str,
        balance: &str,
        provider: &Identity,
        now: u64,
    ) -> Result<(Attestation, Value), Refusal> {
        self.attest_altered(account, balance, provider, now, |_| {})
    }

    /// The same, of a notary that signs something else.
    ///
    /// # Errors
    /// See [`Fixture::attest`].
    pub fn attest_altered(
        &self,
        account: &str,
        balance: &str,
        provider: &Identity,
        now: u64,
        alter: impl FnOnce(&mut Statement),
    ) -> Result<(Attestation, Value), Refusal> {
        let body = format!(r#"{{"account":"{account}","balance":"{balance}","end":"{}"}}"#, "-".repeat(24));
        let response = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let source = &self.survey.source;
        let request = source.render(&Secrets::new(), now * 1000).map_err(fault)?;
        let disclosure = source.disclose(&request, response.as_bytes(), false).map_err(fault)?;
        let (field, range) = disclosure.windows.first().cloned().ok_or_else(|| fault("a private field"))?;
        let session: [u8; 32] = rand::random();
        let value = Value { window: response.as_bytes()[range.clone()].to_vec(), blinder: rand::random() };
        let mut commitment = Commitment {
            field,
            direction: Direction::Received,
            offset: range.start as u32,
            length: range.len() as u32,
            digest: [0; 32],
        };
        commitment.digest = mpctls::commit(&commitment.domain(&session), &value.blinder, &value.window);
        let mut statement = Statement {
            version: 1,
            mode: Mode::Mpc,
            session,
            time: now,
            server_name: source.host().into(),
            survey: self.survey.id()?.0,
            provider_key: provider.public().0,
            sent: disclosure.sent,
            received: disclosure.received,
            commitments: vec![commitment],
        };
        alter(&mut statement);
        Ok((Attestation::sign(statement, &self.notary).map_err(fault)?, value))
    }

    /// A whole submission.
    ///
    /// # Errors
    /// See [`Fixture::attest`].
    pub fn submission(&self, account: &str, balance: &str, now: u64) -> Result<Submission, Refusal> {
        let provider = Identity::generate();
        let (attestation, value) = self.attest(account, balance, &provider, now)?;
        self.share(attestation, value, &provider)
    }

    /// The submission of an attested value.
    ///
    /// # Errors
    /// See [`Submission::new`].
    pub fn share(
        &self,
        attestation: Attestation,
        value: Value,
        provider: &Identity,
    ) -> Result<Submission, Refusal> {
        let session = attestation.statement.session;
        Submission::new(&self.survey, attestation, &session, &[value], provider)
    }
}

/// The least minimum, so that small tests close epochs; everything may be asked.
fn limits() -> stats::Limits {
    stats::Limits { minimum: 3, ..stats::Limits::none() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::admit;
    use mpctls::attestation::Shown;
    use std::time::Duration;

    const NOW: u64 = 1_800_000_000;
    const DOOR: Duration = Duration::ZERO;

    fn alter(submission: &Submission, change: impl Fn(&mut Submission)) -> Submission {
        let mut altered = submission.clone();
        change(&mut altered);
        altered
    }

    #[test]
    fn a_submission_is_admitted_and_every_alteration_is_refused_by_its_code() {
        let fixture = Fixture::new(NOW, Vec::new()).unwrap();
        let survey = &fixture.survey;
        survey.check().unwrap();
        let id = survey.id().unwrap();
        let good = fixture.submission("alice", "12.3456", NOW).unwrap();
        let admitted = admit(&good, survey, &id, NOW, DOOR).unwrap();
        assert_eq!(admitted.account, "alice");
        for (party, keys) in rep3::network::Party::ALL.into_iter().zip(&fixture.parties) {
            let shares =
                good.open(party, survey, admitted.context(), &admitted.digest, &keys.opening).unwrap();
            assert_eq!(shares[0].len(), survey.shared_len());
        }

        let code = |submission: &Submission, now| admit(submission, survey, &id, now, DOOR).unwrap_err().code;
        let other = fixture.submission("alice", "12.3456", NOW).unwrap();
        assert_eq!(code(&good, NOW - 4000), Code::SurveyNotOpen);
        assert_eq!(code(&good, survey.closes_at), Code::SurveyClosed);
        assert_eq!(code(&good, NOW + 25 * 3600), Code::StaleAttestation);
        assert_eq!(code(&good, NOW - 3000), Code::FutureAttestation);
        assert_eq!(code(&alter(&good, |s| s.version = 2), NOW), Code::UnsupportedVersion);
        assert_eq!(code(&alter(&good, |s| s.survey = survey::Id::default()), NOW), Code::WrongSurvey);
        assert_eq!(code(&alter(&good, |s| s.attestation.notary[0] ^= 1), NOW), Code::UnknownNotary);
        let shown = |s: &mut Submission| {
            s.attestation.statement.received.shown.push(Shown { offset: 0, bytes: vec![0] });
        };
        assert_eq!(code(&alter(&good, shown), NOW), Code::InvalidAttestation);
        assert_eq!(
            code(&alter(&good, |s| s.attestation = other.attestation.clone()), NOW),
            Code::BadSignature
        );
        assert_eq!(code(&alter(&good, |s| s.sealed[1].0[40] ^= 1), NOW), Code::BadSignature);
        assert_eq!(code(&alter(&good, |s| s.commitments[0].0[0] ^= 1), NOW), Code::BadSignature);
        assert_eq!(
            code(
                &alter(&good, |s| {
                    s.sealed[2].0.pop();
                }),
                NOW
            ),
            Code::UnreadableShares
        );
    }

    #[test]
    fn anothers_proof_cannot_be_spent() {
        // The thief has the attestation, but not the one-use key that it names.
        let fixture = Fixture::new(NOW, Vec::new()).unwrap();
        let (attestation, value) = fixture.attest("alice", "1.0", &Identity::generate(), NOW).unwrap();
        let session = attestation.statement.session;
        let thief = Identity::generate();
        let stolen = Submission::new(&fixture.survey, attestation, &session, &[value], &thief).unwrap();
        let refusal = admit(&stolen, &fixture.survey, &fixture.survey.id().unwrap(), NOW, DOOR).unwrap_err();
        assert_eq!(refusal.code, Code::BadSignature);
    }
}
