//! Which survey is looked at, and what a configuration file on this host adds.

use std::path::{Path, PathBuf};

use client::{ClientError, OpenSurvey, Reference};
use service::keys::Keys;
use service::{config, private_file};
use survey::{Id, PublicKey, SignedSurvey, Survey};

use super::findings::Finding;
use super::probe::now;
use crate::commands::survey::read as read_unsigned;

/// A survey, with what was found about it so far.
pub struct Target {
    pub survey: Survey,
    pub id: Id,
    pub findings: Vec<Finding>,
    /// The client API's address, if the configuration tells it.
    pub page: Option<String>,
}

/// What a configuration file names, of any role.
struct Named {
    survey: String,
    keys: Option<PathBuf>,
    page: Option<String>,
}

impl Target {
    /// Finds the survey; the error is the finding that ends everything.
    pub async fn resolve(text: &str, organiser: Option<&PublicKey>) -> Result<Self, Finding> {
        let path = Path::new(text);
        if path.is_dir() {
            return unsigned(path);
        }
        if path.extension().is_some_and(|extension| extension == "toml") {
            return configured(path, organiser).await;
        }
        signed(text, organiser).await
    }
}

fn wrong(check: &'static str, error: impl std::fmt::Display, fix: &str) -> Finding {
    Finding::problem("survey", check, error, fix)
}

/// A survey folder, before its organiser has signed.
fn unsigned(folder: &Path) -> Result<Target, Finding> {
    let survey = read_unsigned(folder)
        .map_err(|error| wrong("definition", error, "Run `mpcstats survey check` on the folder."))?;
    let fix = "Sign it with `mpcstats survey sign` and hand the signed file to every operator.";
    let warning = Finding::warning("survey", "signature", "not signed yet", fix);
    finish(survey, vec![warning])
}

/// A survey by its address, or its signed form in a file.
async fn signed(text: &str, organiser: Option<&PublicKey>) -> Result<Target, Finding> {
    let opened = async { OpenSurvey::open(&text.parse::<Reference>()?, organiser).await }.await;
    let OpenSurvey { signed, .. } = opened.map_err(|error| match error {
        ClientError::Unreachable { .. } | ClientError::Answer { .. } => {
            let fix = "Start the coordinator; check the address and the firewalls between.";
            Finding::problem("coordinator", "reachable", error, fix)
        }
        ClientError::OtherSurvey { .. } => {
            let fix = "Give the coordinator the signed survey of this id, and restart it; or use the id that the \
                       organiser publishes now.";
            Finding::problem("coordinator", "survey", error, fix)
        }
        ClientError::File { .. } | ClientError::Reference(_) => {
            let fix = "Give the path of the signed survey, or its address with the id in it.";
            wrong("definition", error, fix)
        }
        error => wrong("signature", error, SIGN_AGAIN),
    })?;
    finish(signed.body.clone(), vec![signature(&signed)])
}

const SIGN_AGAIN: &str = "Use the file exactly as the organiser signed it; if it was changed, sign it again.";

fn signature(signed: &SignedSurvey) -> Finding {
    Finding::good("survey", "signature", format!("signed by {}", signed.signer))
}

/// A configuration file of a server on this host.
async fn configured(path: &Path, organiser: Option<&PublicKey>) -> Result<Target, Finding> {
    let broken = |error: &dyn std::fmt::Display| {
        let fix =
            "Name the file of a party, a coordinator or a client API; `mpcstats config example` shows them.";
        Finding::problem("here", "configuration", format!("{}: {error}", path.display()), fix)
    };
    let text = std::fs::read_to_string(path).map_err(|error| broken(&error))?;
    let table: toml::Table = text.parse().map_err(|error| broken(&error))?;
    let named = named(path, &table).ok_or_else(|| broken(&"it names no survey"))?;
    let mut target = signed(&named.survey, organiser).await?;
    target.page = named.page;
    if let Some(keys) = named.keys {
        let mut here = vec![private(&keys)];
        if target.page.is_none() {
            here.push(loads(path, &keys, &target.survey));
        }
        target.findings.splice(0..0, here);
    }
    Ok(target)
}

fn named(path: &Path, table: &toml::Table) -> Option<Named> {
    let beside = |file: &str| path.parent().unwrap_or(Path::new(".")).join(file);
    let place = |text: &str| {
        if text.contains("://") { text.to_owned() } else { beside(text).display().to_string() }
    };
    let entry = match table.get("surveys") {
        Some(surveys) => surveys.as_array()?.first()?.as_table()?,
        None => table,
    };
    let page = table.get("surveys").and(table.get("listen")).and_then(toml::Value::as_str);
    Some(Named {
        survey: place(entry.get("survey")?.as_str()?),
        keys: entry.get("keys").and_then(toml::Value::as_str).map(beside),
        page: page.map(|listen| format!("http://{listen}")),
    })
}

/// Reads a party's or coordinator's configuration as its server would.
fn loads(path: &Path, keys: &Path, survey: &Survey) -> Finding {
    let identity = Keys::read(keys).map(|keys| keys.identity.public());
    let is_party = identity.is_ok_and(|key| survey.party_keys().contains(&key));
    // Keys that are nobody's: of the two, the coordinator's check says what the survey pins.
    let outcome = if is_party { config::party(path).map(drop) } else { config::coordinator(path).map(drop) };
    match outcome {
        Ok(()) => {
            let role = if is_party { "party" } else { "coordinator" };
            Finding::good("here", "configuration", format!("{} is good for a {role}", path.display()))
        }
        Err(refusal) => {
            let fix = "Correct the line that it names; `mpcstats config check` reads the file again.";
            Finding::problem("here", "configuration", refusal, fix)
        }
    }
}

/// Whether others on this host can read a key file.
fn private(keys: &Path) -> Finding {
    let shown = keys.display();
    match private_file::is_open(keys) {
        Ok(false) => Finding::good("here", "keys", format!("{shown} is readable by its owner only")),
        Ok(true) => {
            let fix = format!("chmod 600 {shown}; if others had access to this host, make new keys.");
            Finding::problem("here", "keys", format!("others on this host can read {shown}"), fix)
        }
        Err(error) => {
            let fix = "Restore the key file from its backup, or correct `keys` in the configuration.";
            Finding::problem("here", "keys", format!("{shown}: {error}"), fix)
        }
    }
}

/// Adds what the definition says for itself.
fn finish(survey: Survey, mut findings: Vec<Finding>) -> Result<Target, Finding> {
    let id = survey.id().map_err(|error| wrong("definition", error, "Report this."))?;
    findings.push(match survey.check_open(now()) {
        Ok(()) => Finding::good("survey", "period", "takes submissions now"),
        Err(refusal) => {
            let fix = "Nothing, if this is meant; a survey's times change only by signing another survey.";
            Finding::warning("survey", "period", refusal, fix)
        }
    });
    let usable = |key: &&mpctls::NotaryKey| {
        !key.revoked
            && key.not_before.is_none_or(|from| from <= now())
            && key.not_after.is_none_or(|until| now() <= until)
    };
    let count = survey.notaries.iter().filter(usable).count();
    findings.push(if count == 0 {
        let fix = "Sign a survey with the list that `mpcstats notary keys` prints now.";
        wrong("notaries", "none of the notary keys may attest now", fix)
    } else {
        Finding::good(
            "survey",
            "notaries",
            format!("{count} of {} keys may attest now", survey.notaries.len()),
        )
    });
    Ok(Target { survey, id, findings, page: None })
}
