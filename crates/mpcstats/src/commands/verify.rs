//! `mpcstats verify`: says in words what a proof shows.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use mpctls::{Attestation, Mode, NotaryKey, Source, VerifiedAttestation, verify};

use super::source::load_source;
use super::{Failure, print, refused};

/// Arguments of `mpcstats verify`.
#[derive(clap::Args)]
pub struct Verify {
    /// The proof: an attestation, as `mpcstats prove` wrote it.
    proof: PathBuf,
    /// The source that it is about: a file, or the name of one that comes with mpcstats.
    #[arg(long)]
    source: String,
    /// A notary that is trusted: its public key in hexadecimal, or a file of keys as `mpcstats notary keys` prints
    /// them. May be repeated.
    #[arg(long = "notary-key", required = true)]
    notary_keys: Vec<String>,
    /// The time to judge the proof at, in seconds since 1970; now, if left out.
    #[arg(long)]
    at: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Verify) -> Result<(), Failure> {
    let source = load_source(&args.source)?;
    let mut keys = Vec::new();
    for key in &args.notary_keys {
        keys.extend(load_keys(key)?);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let proof = std::fs::read(&args.proof)
        .map_err(|error| refused("file", format!("{} cannot be read: {error}", args.proof.display())))?;
    let checked = Attestation::from_json(&proof)
        .and_then(|attestation| verify(&attestation, &source, &keys, args.at.unwrap_or(now)));
    match (checked, args.json) {
        (Ok(said), true) => print(&format!("{}\n", serde_json::to_string_pretty(&to_json(&said))?)),
        (Ok(said), false) => print(&words(&said, &source)),
        (Err(error), json) => {
            if json {
                let refusal =
                    serde_json::json!({ "valid": false, "code": error.code(), "message": error.to_string() });
                print(&format!("{}\n", serde_json::to_string_pretty(&refusal)?))?;
            }
            Err(refused(error.code(), &error))
        }
    }
}

/// Notary keys from hexadecimal or from a file.
pub fn load_keys(text: &str) -> Result<Vec<NotaryKey>, Failure> {
    let mut key = [0; 32];
    if hex::decode_to_slice(text, &mut key).is_ok() {
        return Ok(vec![NotaryKey::new(key)]);
    }
    let unusable =
        |why: String| refused("file", format!("{text} is no public key in hexadecimal, and {why}"));
    let json = std::fs::read_to_string(text).map_err(|e| unusable(format!("no readable file: {e}")))?;
    parse_keys(&json).map_err(|e| unusable(format!("no list of notary keys: {e}")))
}

/// A list of keys as `mpcstats notary keys` prints it: with their ids, for people.
fn parse_keys(json: &str) -> Result<Vec<NotaryKey>, serde_json::Error> {
    let mut entries: Vec<serde_json::Value> = serde_json::from_str(json)?;
    for entry in entries.iter_mut().filter_map(serde_json::Value::as_object_mut) {
        entry.remove("id");
    }
    entries.into_iter().map(serde_json::from_value).collect()
}

fn to_json(said: &VerifiedAttestation) -> serde_json::Value {
    let private: serde_json::Map<_, _> = said
        .private
        .iter()
        .map(|(name, field)| {
            let value = serde_json::json!({
                "commitment": hex::encode(field.digest), "domain": hex::encode(field.domain),
                "window": field.window_len,
            });
            (name.clone(), value)
        })
        .collect();
    serde_json::json!({
        "valid": true, "server_name": said.server_name, "time": said.time, "mode": said.mode,
        "notary": said.notary, "session": hex::encode(said.session), "survey": hex::encode(said.survey),
        "provider_key": hex::encode(said.provider_key), "disclosed": said.disclosed, "private": private,
    })
}

/// What the proof shows, in words.
pub fn words(said: &VerifiedAttestation, source: &Source) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        let _infallible = writeln!(text, "{words}");
    };
    line(format!("The notary {} vouches that {} answered over TLS", said.notary, said.server_name));
    line(format!("at {} (seconds since 1970), as the source {} describes:", said.time, source.name()));
    for (name, value) in &said.disclosed {
        line(format!("  {name} = {value} (shown)"));
    }
    for (name, field) in &said.private {
        let unit = source.field(name).map(|f| f.unit.as_str()).filter(|u| !u.is_empty());
        line(format!(
            "  {name} is hidden{}; the commitment to its {} bytes is {}",
            unit.map(|u| format!(", in {u}")).unwrap_or_default(),
            field.window_len,
            hex::encode(field.digest)
        ));
    }
    line(format!("It counts for survey {} and", hex::encode(said.survey)));
    line(format!("for whoever holds the one-use key {}.", hex::encode(said.provider_key)));
    line(match said.mode {
        Mode::Mpc => "Mode mpc: true unless notary and provider worked together.".to_owned(),
        Mode::Proxy => {
            "Mode proxy: true unless notary and provider worked together, or somebody diverted the \
                        notary's connection to the site."
                .to_owned()
        }
    });
    text
}
