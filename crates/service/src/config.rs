//! Configuration files of parties and coordinators. Every key may be overridden by the environment
//! ([`crate::settings`]).
//!
//! [`PARTY`] and [`COORDINATOR`] are commented examples with every key; `mpcstats config check` reads a file
//! as its server would, and says what is wrong. Notary and client API keep theirs beside their own settings.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use survey::{Code, PublicKey, Refusal, SignedSurvey, definition};

use crate::keys::Keys;
use crate::party::policy::OwnPolicy;
use crate::settings::{self, environment};
use crate::storage;

/// A commented party configuration.
pub const PARTY: &str = r#"# A computation party. Paths are relative to this file. Every key can also be set in the environment,
# as MPCSTATS_LISTEN and so on.

# The signed survey that this party serves.
survey = "survey.json"
# The organiser's public key: a survey that somebody else signed is refused. Leave out to accept any signer.
# organiser = "64 hexadecimal digits"

# This party's secret keys, made by `mpcstats party keygen`.
keys = "party.key"

# Where to listen: HTTPS and the links of the other parties, on one port.
listen = "0.0.0.0:7400"
# Names and addresses for the TLS certificate (clients check the key, not these).
names = ["localhost"]

# sqlite:PATH, or postgres://user:password@host/database
storage = "sqlite:party.db"

# A stricter policy of this party's own (see docs/src/policy.md).
# policy = "policy.toml"

# Threads for computation; 0 takes one for each core.
threads = 0
# How long a peer may say nothing within a computation, and a client take for a request, in seconds.
patience = 30
"#;

/// A commented coordinator configuration.
pub const COORDINATOR: &str = r#"# A coordinator. Paths are relative to this file. Every key can also be set in the environment,
# as MPCSTATS_LISTEN and so on. Any number of coordinators may share one database and one key file.

# The signed survey that this coordinator serves.
survey = "survey.json"
# The organiser's public key: a survey that somebody else signed is refused. Leave out to accept any signer.
# organiser = "64 hexadecimal digits"

# Secret keys, made by `mpcstats party keygen`: identity (TLS, webhooks) and the hash of the accounts' index.
keys = "coordinator.key"

# Where to listen, and what with: "identity" (TLS under this server's own key, which the survey names) or
# "none" (plain HTTP, behind a proxy on this host that ends TLS).
listen = "0.0.0.0:7300"
tls = "identity"
names = ["localhost"]

# sqlite:PATH, or postgres://user:password@host/database
storage = "sqlite:coordinator.db"

# At most this many submissions wait.
queue = 10000
# Calls a second, in the long run, from one address and for the survey; bursts of ten seconds' worth pass.
rate_per_address = 10
rate_per_survey = 1000

# How long a client may take for a request, in seconds.
patience = 30

# Who is told of batches and releases, by signed POST.
# webhook = "https://example.org/hook"
"#;

/// A party's configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyConfig {
    /// The signed survey.
    pub survey: PathBuf,
    /// Who must have signed it.
    #[serde(default)]
    pub organiser: Option<PublicKey>,
    /// The key file.
    pub keys: PathBuf,
    /// Where to listen.
    pub listen: String,
    /// Names for the certificate.
    #[serde(default = "localhost")]
    pub names: Vec<String>,
    /// The database.
    pub storage: String,
    /// A policy file of its own.
    #[serde(default)]
    pub policy: Option<PathBuf>,
    /// Threads for computation.
    #[serde(default)]
    pub threads: usize,
    /// How long a peer may say nothing, and a client take for a request, in seconds.
    #[serde(default = "half_a_minute")]
    pub patience: u64,
}

/// How a coordinator's port is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// By TLS under the server's own key.
    #[default]
    Identity,
    /// Not at all: a proxy on the same host ends TLS.
    None,
}

/// A coordinator's configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoordinatorConfig {
    /// The signed survey.
    pub survey: PathBuf,
    /// Who must have signed it.
    #[serde(default)]
    pub organiser: Option<PublicKey>,
    /// The key file.
    pub keys: PathBuf,
    /// Where to listen.
    pub listen: String,
    /// How the port is protected.
    #[serde(default)]
    pub tls: Tls,
    /// Names for the certificate.
    #[serde(default = "localhost")]
    pub names: Vec<String>,
    /// The database.
    pub storage: String,
    /// How many submissions may wait.
    #[serde(default = "ten_thousand")]
    pub queue: u64,
    /// Calls a second from one address.
    #[serde(default = "ten")]
    pub rate_per_address: f64,
    /// Calls a second for the survey.
    #[serde(default = "thousand")]
    pub rate_per_survey: f64,
    /// How long a client may take for a request, in seconds.
    #[serde(default = "half_a_minute")]
    pub patience: u64,
    /// Who is told of batches and releases.
    #[serde(default)]
    pub webhook: Option<String>,
}

fn localhost() -> Vec<String> {
    vec!["localhost".into()]
}

const fn half_a_minute() -> u64 {
    30
}

const fn ten_thousand() -> u64 {
    10_000
}

const fn ten() -> f64 {
    10.0
}

const fn thousand() -> f64 {
    1000.0
}

fn fault(path: &Path, why: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::InvalidConfiguration, format!("{}: {why}", path.display()))
}

fn text(path: &Path) -> Result<String, Refusal> {
    std::fs::read_to_string(path).map_err(|error| fault(path, error))
}

/// Reads a file with the keys of `example`, and checks what its types do not.
fn read<C: DeserializeOwned>(
    path: &Path,
    example: &str,
    environment: impl Fn(&str) -> Option<String>,
    check: impl Fn(&C) -> Result<(), String>,
) -> Result<C, Refusal> {
    let config = settings::read(&text(path)?, example, environment).map_err(|why| fault(path, why))?;
    check(&config).map_err(|why| fault(path, why))?;
    Ok(config)
}

impl PartyConfig {
    /// Reads a file; `environment` gives the value of a variable.
    fn read(path: &Path, environment: impl Fn(&str) -> Option<String>) -> Result<Self, Refusal> {
        read(path, PARTY, environment, Self::check)
    }

    fn check(&self) -> Result<(), String> {
        settings::check_listen(&self.listen)?;
        storage::check_url(&self.storage).map_err(|error| format!("`storage`: {error}"))?;
        settings::check_positive("patience", self.patience as f64)
    }
}

impl CoordinatorConfig {
    /// Reads a file; `environment` gives the value of a variable.
    fn read(path: &Path, environment: impl Fn(&str) -> Option<String>) -> Result<Self, Refusal> {
        read(path, COORDINATOR, environment, Self::check)
    }

    fn check(&self) -> Result<(), String> {
        settings::check_listen(&self.listen)?;
        storage::check_url(&self.storage).map_err(|error| format!("`storage`: {error}"))?;
        settings::check_positive("queue", self.queue as f64)?;
        settings::check_positive("rate_per_address", self.rate_per_address)?;
        settings::check_positive("rate_per_survey", self.rate_per_survey)?;
        settings::check_positive("patience", self.patience as f64)?;
        let url = self.webhook.as_deref().map(reqwest::Url::parse);
        match url {
            Some(Ok(url)) if !matches!(url.scheme(), "http" | "https") => {
                Err(format!("`webhook`: {url} is neither http nor https"))
            }
            Some(Err(error)) => Err(format!("`webhook`: {error}")),
            _ => Ok(()),
        }
    }
}

fn beside(config: &Path, path: &Path) -> PathBuf {
    config.parent().unwrap_or(Path::new(".")).join(path)
}

/// `sqlite:PATH` with the path made relative to the configuration.
fn storage_beside(config: &Path, url: &str) -> String {
    match url.strip_prefix("sqlite:") {
        Some(path) => format!("sqlite:{}", beside(config, Path::new(path)).display()),
        None => url.to_owned(),
    }
}

/// A configuration with what its files hold, all checked.
#[derive(Clone, Debug)]
pub struct Loaded<C> {
    /// The configuration, with paths resolved.
    pub config: C,
    /// The survey.
    pub survey: SignedSurvey,
    /// The secret keys.
    pub keys: Keys,
    /// A party's own policy.
    pub policy: OwnPolicy,
}

fn survey(path: &Path, organiser: Option<&PublicKey>) -> Result<SignedSurvey, Refusal> {
    let survey: SignedSurvey = serde_json::from_str(&text(path)?).map_err(|error| fault(path, error))?;
    definition::verify(&survey, organiser).map_err(|refusal| fault(path, refusal))?;
    Ok(survey)
}

/// Reads and checks a party's configuration and everything that it names.
///
/// # Errors
/// [`Code::InvalidConfiguration`] naming the file and what is wrong in it.
pub fn party(path: &Path) -> Result<Loaded<PartyConfig>, Refusal> {
    let mut config = PartyConfig::read(path, environment)?;
    config.storage = storage_beside(path, &config.storage);
    let survey = survey(&beside(path, &config.survey), config.organiser.as_ref())?;
    let keys = Keys::read(&beside(path, &config.keys))?;
    let me = survey.body.parties.iter().find(|party| party.identity == keys.identity.public());
    let me = me.ok_or_else(|| fault(path, "the keys are not those of one of the survey's parties"))?;
    if me.sealing != keys.opening.public() {
        return Err(fault(path, "the sealing key is not the one that the survey names for this party"));
    }
    let policy = match &config.policy {
        None => OwnPolicy::default(),
        Some(file) => {
            let file = beside(path, file);
            toml::from_str(&text(&file)?).map_err(|error| fault(&file, error))?
        }
    };
    Ok(Loaded { config, survey, keys, policy })
}

/// Reads and checks a coordinator's configuration and everything that it names.
///
/// # Errors
/// [`Code::InvalidConfiguration`] naming the file and what is wrong in it.
pub fn coordinator(path: &Path) -> Result<Loaded<CoordinatorConfig>, Refusal> {
    let mut config = CoordinatorConfig::read(path, environment)?;
    config.storage = storage_beside(path, &config.storage);
    let survey = survey(&beside(path, &config.survey), config.organiser.as_ref())?;
    let keys = Keys::read(&beside(path, &config.keys))?;
    let pinned = survey.body.coordinator.identity;
    if config.tls == Tls::Identity && pinned.is_some_and(|key| key != keys.identity.public()) {
        return Err(fault(path, "the identity key is not the one that the survey names for its coordinator"));
    }
    Ok(Loaded { config, survey, keys, policy: OwnPolicy::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, config: &str) -> PathBuf {
        let path = folder.join("config.toml");
        std::fs::write(&path, config).unwrap();
        path
    }

    #[test]
    fn the_commented_examples_are_configurations() {
        let folder = tempfile::tempdir().unwrap();
        let party = PartyConfig::read(&written(folder.path(), PARTY), |_| None).unwrap();
        assert_eq!((party.listen.as_str(), party.patience), ("0.0.0.0:7400", 30));
        let coordinator = CoordinatorConfig::read(&written(folder.path(), COORDINATOR), |_| None).unwrap();
        assert_eq!((coordinator.tls, coordinator.patience), (Tls::Identity, 30));
    }

    #[test]
    fn what_would_stop_a_server_later_is_refused_at_once_by_its_key() {
        let folder = tempfile::tempdir().unwrap();
        for (key, value) in [
            ("listen", "7400"),
            ("listen", "0.0.0.0:port"),
            ("storage", "mysql://there"),
            ("storage", "party.db"),
            ("queue", "0"),
            ("rate_per_address", "0.0"),
            ("rate_per_survey", "-1.0"),
            ("rate_per_survey", "nan"),
            ("patience", "0"),
            ("webhook", "example.org/hook"),
            ("webhook", "ftp://example.org/hook"),
        ] {
            let set =
                |name: &str| (name == format!("MPCSTATS_{}", key.to_uppercase())).then(|| value.to_owned());
            let refused = |refusal: Refusal| {
                assert_eq!(refusal.code, Code::InvalidConfiguration);
                assert!(refusal.detail.contains(&format!("`{key}`")), "{refusal}");
            };
            refused(CoordinatorConfig::read(&written(folder.path(), COORDINATOR), set).unwrap_err());
            if settings::keys(PARTY).any(|known| known == key) {
                refused(PartyConfig::read(&written(folder.path(), PARTY), set).unwrap_err());
            }
        }
    }
}
