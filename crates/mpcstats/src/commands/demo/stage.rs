//! The demo's folder: keys, a survey signed by its organiser, and a configuration file a server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use client::consumer::Consumer;
use serde::Serialize;
use service::exchange::scripted::token;
use service::exchange::{Account, Script};
use service::keys::Keys;
use service::notary::KeyStore;
use service::private_file;

use crate::commands::Failure;
use crate::commands::survey::parse;

const SURVEY: &str = include_str!("../../../../../surveys/eth-inequality/survey.toml");
const SOURCE: &str = include_str!("../../../../../sources/sample-exchange.toml");

/// How long the demo's survey is open, in seconds.
const OPEN: u64 = 7 * 24 * 3600;

/// Where every server listens.
pub struct Addresses {
    pub exchange: SocketAddr,
    pub notary: SocketAddr,
    pub coordinator: SocketAddr,
    pub parties: [SocketAddr; 3],
    pub page: SocketAddr,
}

/// The file of a survey's folder that holds what its website answers.
pub const RESPONSES: &str = "responses.jsonl";

/// The file of the demo's folder that lists the website's accounts.
pub const ACCOUNTS: &str = "accounts.json";

/// A folder in which a survey can be run.
pub struct Stage {
    folder: PathBuf,
    /// The survey's title.
    pub title: String,
    /// What the website answers, if it is not the sample exchange.
    pub script: Option<Script>,
    pub addresses: Addresses,
    /// What the website's accounts are derived from.
    pub seed: String,
    /// How many accounts take part. The next one is the cheater's, and those after it are nobody's yet.
    pub providers: u64,
    /// How many accounts the website has.
    pub accounts: u64,
    /// Their owners.
    pub owners: Vec<Owner>,
}

/// How many epochs close, one after the other, and with how many accounts each.
#[derive(Clone, Copy, Debug)]
pub struct Epochs {
    pub count: u64,
    pub accounts: u64,
}

/// What a provider knows about its account, and what it types in.
#[derive(Clone, Debug, Serialize)]
pub struct Owner {
    pub secrets: BTreeMap<String, String>,
    pub answers: BTreeMap<String, String>,
    /// Whether the demo takes part with it.
    pub used: bool,
}

/// How many accounts a survey's policy asks for, at least.
fn minimum(policy: &toml::Table) -> u64 {
    let stated =
        policy.get("limits").and_then(|limits| limits.get("minimum")).and_then(toml::Value::as_integer);
    stated
        .and_then(|minimum| u64::try_from(minimum).ok())
        .unwrap_or_else(|| stats::Limits::default().minimum.into())
}

impl Stage {
    /// Makes keys, survey and configurations; the survey's folder, if one is given, is copied first.
    ///
    /// # Errors
    /// If the survey cannot be read, or the folder not be written.
    pub fn set(folder: &Path, epochs: Epochs, tried: Option<&Path>) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder)?;
        let seed = hex::encode(rand::random::<[u8; 8]>());
        let mut stage = Self {
            folder: folder.canonicalize()?,
            title: String::new(),
            script: None,
            addresses: addresses()?,
            seed,
            providers: epochs.count * epochs.accounts,
            // Whoever wants to take part by hand can close one epoch more.
            accounts: (epochs.count + 1) * epochs.accounts + 1,
            owners: Vec::new(),
        };
        let (survey, source) = match tried {
            None => (SURVEY.to_owned(), SOURCE.to_owned()),
            Some(tried) => stage.copy(tried)?,
        };
        stage.write_notary()?;
        stage.write_survey(&survey, &source, epochs.accounts)?;
        stage.write_servers()?;
        Ok(stage)
    }

    /// Copies a survey's files into the demo's folder; gives the survey's text and its source's.
    fn copy(&mut self, tried: &Path) -> Result<(String, String), Failure> {
        let read = |name: &str| {
            let path = tried.join(name);
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        for entry in std::fs::read_dir(tried).map_err(|error| format!("{}: {error}", tried.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), self.folder.join(entry.file_name()))?;
            }
        }
        let script = Script::parse(&read(RESPONSES)?, &self.seed);
        let script = script.map_err(|error| format!("{}: {error}", tried.join(RESPONSES).display()))?;
        if (script.len() as u64) <= self.providers {
            return Err(format!(
                "{} has {} lines, and one for each of {} providers and one that cheats are needed",
                tried.join(RESPONSES).display(),
                script.len(),
                self.providers
            )
            .into());
        }
        self.accounts = script.len() as u64;
        self.script = Some(script);
        let survey = read("survey.toml")?;
        let table: toml::Table = survey.parse().map_err(|error| format!("survey.toml: {error}"))?;
        let source = table.get("source").and_then(toml::Value::as_str);
        let source = read(source.ok_or("survey.toml: source: name a file")?)?;
        Ok((survey, source))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The signed survey.
    pub fn survey(&self) -> PathBuf {
        self.folder.join("survey.json")
    }

    /// Where the certificate of the listed plan with this index goes.
    pub fn certificate(&self, index: usize) -> PathBuf {
        self.folder.join(if index == 0 {
            "certificate.json".to_owned()
        } else {
            format!("certificate-{index}.json")
        })
    }

    /// The certificate authority of the exchange; there once it runs.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("exchange/ca.pem")
    }

    /// The page's address.
    pub fn page(&self) -> String {
        format!("http://{}/", self.addresses.page)
    }

    /// The accounts that the demo does not take part with.
    pub fn unused(&self) -> &[Owner] {
        let used = self.owners.iter().filter(|owner| owner.used).count();
        &self.owners[used..]
    }

    /// The consumer whose query the demo makes.
    pub fn consumer(&self) -> Result<Consumer, Failure> {
        Ok(Consumer::read(&self.folder.join("consumer.key"))?)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        Ok(std::fs::write(self.folder.join(name), text)?)
    }

    /// Makes a key file and returns its public half as lines of a survey.
    fn keys(&self, name: &str) -> Result<(String, Keys), Failure> {
        let keys = Keys::generate()?;
        keys.write(&self.folder.join(name))?;
        let public =
            format!("identity = \"{}\"\nsealing = \"{}\"\n", keys.identity.public(), keys.opening.public());
        Ok((public, keys))
    }

    fn write_notary(&self) -> Result<(), Failure> {
        self.write(
            "notary.toml",
            &format!(
                "keys = \"notary-keys\"\nlisten = \"{}\"\nhosts = [\"localhost\"]\nauthorities = [\"exchange/ca.pem\"]\n\
                 private_addresses = true\nper_minute = 100000\n",
                self.addresses.notary
            ),
        )
    }

    /// Points the survey at this machine and this week, and signs it.
    fn write_survey(&mut self, survey: &str, source: &str, epoch_accounts: u64) -> Result<(), Failure> {
        let mut source: toml::Table = source.parse()?;
        source.insert("host".into(), "localhost".into());
        source.insert("port".into(), i64::from(self.addresses.exchange.port()).into());
        self.say_where_secrets_are(&mut source);
        self.write("source.toml", &source.to_string())?;

        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let mut survey: toml::Table = survey.parse()?;
        survey.insert("source".into(), "source.toml".into());
        survey.insert("opens_at".into(), i64::try_from(now)?.into());
        survey.insert("closes_at".into(), i64::try_from(now + OPEN)?.into());
        // An epoch closes with the last of its providers.
        let policy = survey.entry("policy").or_insert_with(|| toml::Table::new().into());
        if let Some(policy) = policy.as_table_mut() {
            let minimum = minimum(policy);
            if epoch_accounts < minimum {
                let few =
                    format!("an epoch of this survey needs {minimum} accounts: try --providers {minimum}");
                return Err(few.into());
            }
            policy.insert("epoch_accounts".into(), i64::try_from(epoch_accounts)?.into());
            // Whoever tries the demo may ask a few questions of their own.
            policy.insert("other_plans".into(), 20.into());
        }
        let survey = survey.to_string();
        self.write("survey.toml", &survey)?;
        let deployment = self.deployment(now)?;
        self.write("deployment.toml", &deployment)?;

        let (_, organiser) = self.keys("organiser.key")?;
        let signed = parse(&survey, Some(&deployment), &self.folder)?.sign(&organiser.identity)?;
        self.title.clone_from(&signed.body.title);
        self.owners = self.derive_owners(signed.body.source.definition().secrets.keys());
        self.write(ACCOUNTS, &serde_json::to_string_pretty(&self.owners)?)?;
        self.write("survey.json", &serde_json::to_string_pretty(&signed)?)
    }

    /// Whoever takes part by hand finds what the command asks for in the demo's folder, and nowhere else.
    fn say_where_secrets_are(&self, source: &mut toml::Table) {
        let file = self.folder.join(ACCOUNTS);
        let secrets = source.get_mut("secrets").and_then(toml::Value::as_table_mut);
        for (name, secret) in secrets.into_iter().flatten() {
            if let Some(secret) = secret.as_table_mut() {
                let place = format!("`{name}` of an unused account in `{}`", file.display());
                secret.insert("description".into(), place.into());
            }
        }
    }

    /// The owners of all accounts, whose source asks for these secrets.
    fn derive_owners<'a>(&self, secrets: impl Iterator<Item = &'a String> + Clone) -> Vec<Owner> {
        let exchange = |index| {
            let account = Account::derive(&self.seed, index);
            let secrets = [("api_key", account.api_key), ("api_secret", account.api_secret)];
            let secrets = secrets.map(|(name, secret)| (name.to_owned(), secret));
            Owner { secrets: secrets.into(), answers: BTreeMap::new(), used: index < self.providers }
        };
        let scripted = |script: &Script, index: usize| {
            let token = token(&self.seed, index);
            let answers = script.response(index).map(|response| response.answers.clone());
            let secrets = secrets.clone().map(|name| (name.clone(), token.clone())).collect();
            Owner { secrets, answers: answers.unwrap_or_default(), used: (index as u64) < self.providers }
        };
        match &self.script {
            None => (0..self.accounts).map(exchange).collect(),
            Some(script) => (0..script.len()).map(|index| scripted(script, index)).collect(),
        }
    }

    /// Who serves the survey.
    fn deployment(&self, now: u64) -> Result<String, Failure> {
        let notary = KeyStore::open(&self.folder.join("notary-keys"), now)?;
        let notary = notary.history().last().ok_or("the notary has no key")?.key;
        let mut text = format!("notary_addresses = [\"{}\"]\n", self.addresses.notary);
        let (_, coordinator) = self.keys("coordinator.key")?;
        write!(
            text,
            "\n[coordinator]\naddress = \"https://{}\"\nidentity = \"{}\"\n",
            self.addresses.coordinator,
            coordinator.identity.public()
        )?;
        for (index, address) in self.addresses.parties.iter().enumerate() {
            let (public, _) = self.keys(&format!("party{index}.key"))?;
            write!(text, "\n[[parties]]\nname = \"Party {index}\"\naddress = \"{address}\"\n{public}")?;
        }
        write!(text, "\n[[notaries]]\nkey = \"{}\"\n", hex::encode(notary))?;
        for consumer in ["consumer", "api"] {
            let (public, _) = self.keys(&format!("{consumer}.key"))?;
            write!(text, "\n[[consumers]]\nname = \"{consumer}\"\n{public}")?;
        }
        Ok(text)
    }

    fn write_servers(&self) -> Result<(), Failure> {
        self.write(
            "coordinator.toml",
            &format!(
                "survey = \"survey.json\"\nkeys = \"coordinator.key\"\nlisten = \"{}\"\nstorage = \"sqlite:coordinator.db\"\n\
                 # Everybody asks from one address here.\nrate_per_address = 10000\nrate_per_survey = 10000\n",
                self.addresses.coordinator
            ),
        )?;
        for (index, address) in self.addresses.parties.iter().enumerate() {
            self.write(
                &format!("party{index}.toml"),
                &format!(
                    "survey = \"survey.json\"\nkeys = \"party{index}.key\"\nlisten = \"{address}\"\n\
                     storage = \"sqlite:party{index}.db\"\n"
                ),
            )?;
        }
        let token = hex::encode(rand::random::<[u8; 16]>());
        private_file::write(&self.folder.join("operator.token"), token.as_bytes())?;
        self.write(
            "api.toml",
            &format!(
                "listen = \"{}\"\nfolder = \"api\"\noperator_token = \"operator.token\"\n\n\
                 [[surveys]]\nsurvey = \"survey.json\"\nkeys = \"api.key\"\nauthority = '{}'\n",
                self.addresses.page,
                self.authority().display()
            ),
        )
    }
}

/// Free ports on the loopback interface: each is listened on for a moment, all at once.
fn addresses() -> Result<Addresses, Failure> {
    let listeners: Vec<TcpListener> =
        (0..7).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let free: Vec<SocketAddr> = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
    Ok(Addresses {
        exchange: free[0],
        notary: free[1],
        coordinator: free[2],
        parties: [free[3], free[4], free[5]],
        page: free[6],
    })
}
