//! The client API's configuration file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use client::consumer::Consumer;
use client::{OpenSurvey, Reference};
use serde::Deserialize;
use survey::{Code, Refusal};
use zeroize::Zeroizing;

use super::{ClientApiError, Settings};
use crate::keys::Keys;
use crate::private_file;
use crate::settings;

/// A commented configuration with every key.
pub const EXAMPLE: &str = r#"# A client API: asks for a survey's plans, keeps the certificates, and shows the page. Paths are relative to this file.
# Every key can also be set in the environment, as MPCSTATS_LISTEN and so on.

# Where to listen, in plain HTTP: in front of it a proxy speaks TLS (see deploy/nginx.conf).
listen = "127.0.0.1:7500"
# What people type, for the QR code; http:// and `listen`, if left out.
# public_address = "https://survey.example.org"

# Certificates: one append-only file for each survey.
folder = "certificates"

# A file that only its owner can read, with at least sixteen characters: who types them in at /operator sees queue, parties and
# refusals. Without it there is no such view. Make one with: (umask 077; openssl rand -hex 16 > operator.token)
# operator_token = "operator.token"

[[surveys]]
# The survey: a signed file, or https://HOST:PORT/#ID
survey = "survey.json"
# The keys of a consumer that the survey lists, made by `mpcstats party keygen`.
keys = "api.key"
# For trials: the certificate authority of a website that has one of its own, as providers have to name it (`--authority`).
# authority = "ca.pem"
"#;

/// The fewest characters of an operator's token.
const SHORTEST_TOKEN: usize = 16;

/// The file's form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    listen: SocketAddr,
    folder: PathBuf,
    #[serde(default)]
    public_address: Option<String>,
    #[serde(default)]
    operator_token: Option<PathBuf>,
    surveys: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    survey: String,
    keys: PathBuf,
    #[serde(default)]
    authority: Option<String>,
}

/// One survey to serve.
pub struct Served {
    /// Which.
    pub reference: Reference,
    /// The keys of a consumer that it lists.
    pub consumer: Consumer,
    /// What providers give to `--authority`, if the website has a certificate authority of its own.
    pub authority: Option<String>,
}

impl Served {
    /// Opens the survey and sees that it lists the consumer.
    ///
    /// # Errors
    /// [`ClientApiError::Survey`] or [`ClientApiError::Consumer`].
    pub async fn open(&self) -> Result<OpenSurvey, ClientApiError> {
        let reference = self.reference.clone();
        let open = OpenSurvey::open(&reference, None).await.map_err(|cause| ClientApiError::Survey {
            reference: reference.clone(),
            cause: Box::new(cause),
        })?;
        match open.definition().consumer(&self.consumer.identity.public()) {
            Some(_) => Ok(open),
            None => Err(ClientApiError::Consumer { reference }),
        }
    }
}

fn fault(path: &Path, why: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::InvalidConfiguration, format!("{}: {why}", path.display()))
}

/// Reads a configuration and the files that it names.
///
/// # Errors
/// [`Code::InvalidConfiguration`] naming the file and what is wrong in it.
pub fn read(path: &Path) -> Result<Settings, Refusal> {
    let text = std::fs::read_to_string(path).map_err(|error| fault(path, error))?;
    let config: Config =
        settings::read(&text, EXAMPLE, settings::environment).map_err(|why| fault(path, why))?;
    let beside = |file: &Path| path.parent().unwrap_or(Path::new(".")).join(file);
    let served = |entry: Entry| {
        let keys = Keys::read(&beside(&entry.keys))?;
        let reference = match entry.survey.parse().map_err(|error| fault(path, error))? {
            Reference::File(file) => Reference::File(beside(&file)),
            url @ Reference::Url { .. } => url,
        };
        let consumer = Consumer { identity: keys.identity, opening: keys.opening };
        Ok(Served { reference, consumer, authority: entry.authority })
    };
    Ok(Settings {
        listen: config.listen,
        public_address: config.public_address,
        folder: beside(&config.folder),
        operator_token: config.operator_token.map(|file| token(&beside(&file))).transpose()?,
        surveys: config.surveys.into_iter().map(served).collect::<Result<_, Refusal>>()?,
    })
}

/// An operator's token: long enough not to be guessed, in a file that nobody else reads.
fn token(path: &Path) -> Result<Zeroizing<String>, Refusal> {
    if private_file::is_open(path).map_err(|error| fault(path, error))? {
        return Err(fault(path, "others on this host can read the operator's token; chmod 600 it"));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| fault(path, error))?);
    let token = text.trim();
    if token.len() < SHORTEST_TOKEN {
        return Err(fault(path, format!("an operator's token has at least {SHORTEST_TOKEN} characters")));
    }
    Ok(Zeroizing::new(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commented example with every key in use, and the files that it names.
    fn example(folder: &Path) -> PathBuf {
        let path = folder.join("client-api.toml");
        let every_key = EXAMPLE.lines().map(|line| match line.strip_prefix("# ") {
            Some(key) if key.contains(" = \"") => format!("{key}\n"),
            _ => format!("{line}\n"),
        });
        std::fs::write(&path, every_key.collect::<String>()).unwrap();
        Keys::generate().unwrap().write(&folder.join("api.key")).unwrap();
        private_file::write(&folder.join("operator.token"), b"0123456789abcdef\n").unwrap();
        path
    }

    fn refusal(path: &Path) -> String {
        read(path).err().unwrap().detail
    }

    #[test]
    fn the_commented_example_is_a_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let settings = read(&example(folder.path())).unwrap();
        assert_eq!(settings.public_address.as_deref(), Some("https://survey.example.org"));
        assert_eq!(settings.operator_token.unwrap().as_str(), "0123456789abcdef");
        assert_eq!(settings.surveys[0].authority.as_deref(), Some("ca.pem"));
    }

    #[test]
    fn a_token_that_is_short_or_open_to_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = example(folder.path());
        let token = folder.path().join("operator.token");
        for short in ["", "\n", "fifteen letters"] {
            private_file::write(&token, short.as_bytes()).unwrap();
            assert!(refusal(&path).contains("at least 16 characters"));
        }
        std::fs::remove_file(&token).unwrap();
        std::fs::write(&token, "0123456789abcdef").unwrap();
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&token, everybody).unwrap();
        assert!(refusal(&path).contains("others on this host"));
    }
}
