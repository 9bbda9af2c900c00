//! The demo's folder: keys, a survey signed by its organiser, and a configuration file a server.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use client::consumer::Consumer;
use service::keys::Keys;
use service::notary::KeyStore;
use service::private_file;
use survey::file;

use crate::commands::Failure;

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

/// A folder in which a survey can be run.
pub struct Stage {
    folder: PathBuf,
    pub addresses: Addresses,
    /// What the exchange's accounts are derived from.
    pub seed: String,
    /// How many accounts it has: the providers' and the cheater's.
    pub accounts: u64,
}

impl Stage {
    /// Makes keys, survey and configurations.
    pub fn set(folder: &Path, providers: u64) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder)?;
        let stage = Self {
            folder: folder.canonicalize()?,
            addresses: addresses()?,
            seed: hex::encode(rand::random::<[u8; 8]>()),
            accounts: providers + 1,
        };
        stage.write_notary()?;
        stage.write_survey(providers)?;
        stage.write_servers()?;
        Ok(stage)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The signed survey.
    pub fn survey(&self) -> PathBuf {
        self.folder.join("survey.json")
    }

    /// Where the consumer's certificate goes.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.json")
    }

    /// The certificate authority of the exchange; there once it runs.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("exchange/ca.pem")
    }

    /// The page's address.
    pub fn page(&self) -> String {
        format!("http://{}/", self.addresses.page)
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

    fn write_survey(&self, providers: u64) -> Result<(), Failure> {
        let mut source: toml::Table = SOURCE.parse()?;
        source.insert("port".into(), i64::from(self.addresses.exchange.port()).into());
        self.write("source.toml", &source.to_string())?;

        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let mut survey: toml::Table = SURVEY.parse()?;
        survey.insert("source".into(), "source.toml".into());
        survey.insert("opens_at".into(), i64::try_from(now)?.into());
        survey.insert("closes_at".into(), i64::try_from(now + OPEN)?.into());
        if let Some(policy) = survey.get_mut("policy").and_then(toml::Value::as_table_mut) {
            // The epoch closes with the last provider.
            policy.insert("epoch_accounts".into(), i64::try_from(providers)?.into());
            // Whoever tries the demo may ask a few questions of their own.
            policy.insert("other_plans".into(), 20.into());
        }
        let survey = survey.to_string();
        self.write("survey.toml", &survey)?;
        let deployment = self.deployment(now)?;
        self.write("deployment.toml", &deployment)?;

        let beside =
            |name: &str| std::fs::read_to_string(self.folder.join(name)).map_err(|error| error.to_string());
        let (_, organiser) = self.keys("organiser.key")?;
        let signed = file::parse(&survey, Some(&deployment), beside)?.sign(&organiser.identity)?;
        self.write("survey.json", &serde_json::to_string_pretty(&signed)?)
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
