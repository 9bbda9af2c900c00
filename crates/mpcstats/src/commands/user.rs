//! Whoever sits at the terminal: gives secrets, sees what will be shown, and says whether to go on.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write as _};

use client::ClientError;
use client::session::User;
use indicatif::ProgressBar;
use mpctls::Source;
use mpctls::protocol::Stage;
use mpctls::source::{Disclosure, Secrets, SourceError};

use super::prove::step;
use super::{Failure, refused};

/// How many steps of a bar a session with the notary is.
pub const SESSION_STEPS: u64 = 3;

/// The user at the terminal, beside a bar of steps.
pub struct Terminal {
    source: Source,
    /// The secrets to ask for.
    asked: Vec<String>,
    /// Do not ask whether to go on.
    yes: bool,
    bar: ProgressBar,
}

impl Terminal {
    /// Fetches the secrets that are kept somewhere; the user will be asked for the others. `given` says where each
    /// is kept: `NAME=env:VARIABLE`, `NAME=file:PATH` or `NAME=prompt`.
    ///
    /// # Errors
    /// A refusal `secret`.
    pub fn new(
        source: &Source,
        given: &[String],
        yes: bool,
        bar: &ProgressBar,
    ) -> Result<(Self, Secrets), Failure> {
        let (secrets, asked) = stored_secrets(source, given)?;
        Ok((Self { source: source.clone(), asked, yes, bar: bar.clone() }, secrets))
    }

    /// Asks for secrets; the terminal does not show them.
    fn ask(&self, secrets: &mut Secrets) -> Result<(), SourceError> {
        let terminal = console::Term::stderr();
        for name in &self.asked {
            let description =
                self.source.definition().secrets.get(name).map_or("", |secret| &secret.description);
            let typed = terminal
                .write_str(&format!("{name} ({description}): "))
                .and_then(|()| terminal.read_secure_line());
            let refuse = |error: std::io::Error| SourceError::Secret {
                name: name.clone(),
                why: format!("the terminal cannot be read: {error}"),
            };
            secrets.insert(name, typed.map_err(refuse)?);
        }
        Ok(())
    }
}

impl User for Terminal {
    fn complete(&mut self, secrets: &mut Secrets) -> Result<(), ClientError> {
        if self.asked.is_empty() {
            return Ok(());
        }
        Ok(self.bar.suspend(|| self.ask(secrets))?)
    }

    fn approve(&mut self, disclosure: &Disclosure) -> bool {
        self.yes || self.bar.suspend(|| approved(disclosure, self.source.host()))
    }

    fn see(&mut self, stage: Stage) {
        match stage {
            Stage::Preparing => step(&self.bar, 0, "preparing with the notary"),
            Stage::Connected => step(&self.bar, 1, format!("talking to {}", self.source.host())),
            Stage::Proving => step(&self.bar, 2, "proving"),
            Stage::Done => step(&self.bar, SESSION_STEPS, "proven"),
        }
    }
}

/// Fetches the secrets that are kept somewhere, and names those that have to be asked for.
fn stored_secrets(source: &Source, given: &[String]) -> Result<(Secrets, Vec<String>), Failure> {
    let wanted = &source.definition().secrets;
    let mut origins = BTreeMap::new();
    for entry in given {
        // The entry itself is not repeated: somebody may have typed a secret there.
        let (name, origin) =
            entry.split_once('=').ok_or_else(|| refused("secret", "write NAME=env:VARIABLE"))?;
        if !wanted.contains_key(name) {
            let names: Vec<_> = wanted.keys().map(String::as_str).collect();
            return Err(refused("secret", format!("the source asks for {}, not {name}", names.join(", "))));
        }
        origins.insert(name, origin);
    }
    let (mut secrets, mut asked) = (Secrets::new(), Vec::new());
    for name in wanted.keys() {
        let stored = load_secret(origins.get(name.as_str()).copied().unwrap_or("prompt"));
        match stored.map_err(|why| refused("secret", format!("{name}: {why}")))? {
            Some(value) => secrets.insert(name, value),
            None if std::io::stdin().is_terminal() => asked.push(name.clone()),
            None => {
                let why = format!("{name}: it is needed: --secret {name}=env:VARIABLE or =file:PATH");
                return Err(refused("secret", why));
            }
        }
    }
    Ok((secrets, asked))
}

/// Fetches one secret from where it is kept; `None` if it is to be asked for.
fn load_secret(origin: &str) -> Result<Option<String>, String> {
    match origin.split_once(':').unwrap_or((origin, "")) {
        ("env", variable) => {
            std::env::var(variable).map(Some).map_err(|_| format!("the variable {variable} is not set"))
        }
        ("file", path) => std::fs::read_to_string(path)
            .map(|text| Some(text.trim_end().to_owned()))
            .map_err(|error| format!("{path} cannot be read: {error}")),
        ("prompt", "") => Ok(None),
        _ => Err("write env:VARIABLE, file:PATH or prompt".into()),
    }
}

/// Says what the notary, and everybody who sees the proof, is about to see.
fn approved(disclosure: &Disclosure, host: &str) -> bool {
    eprintln!("The response has come. If you go on, the notary and everybody who sees the proof will see");
    eprintln!("  that you asked {host} now, and how long request and response were,");
    for (name, value) in &disclosure.values {
        eprintln!("  {name} = {value},");
    }
    eprintln!("  and the fixed text around the values. These stay hidden:");
    for (name, _) in &disclosure.windows {
        eprintln!("  {name}");
    }
    if !std::io::stdin().is_terminal() {
        return true;
    }
    eprint!("Go on? [y/N] ");
    let _shown = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
