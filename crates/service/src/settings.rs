//! Reading configuration files, whose keys the environment may override.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// What comes before a key's name in the environment.
const PREFIX: &str = "MPCSTATS_";

/// The keys that a commented example names, in use or commented out; of a list of tables only the list's own.
pub fn keys(example: &str) -> impl Iterator<Item = &str> {
    let lists = example.lines().filter_map(|line| line.strip_prefix("[[")?.strip_suffix("]]"));
    let head = example.split("\n[[").next().unwrap_or_default();
    let plain = head.lines().filter_map(|line| {
        let (key, _) = line.trim_start_matches("# ").split_once(" = ")?;
        key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_').then_some(key)
    });
    plain.chain(lists)
}

/// Reads a configuration from TOML. Every key of the commented example may be set in the environment: `listen` by
/// `MPCSTATS_LISTEN`. A value there is TOML if it reads as TOML, else a string, so that nobody has to quote quotes.
///
/// # Errors
/// What is wrong, and where: the line, or the key if the environment has set any.
pub fn read<T: DeserializeOwned>(
    text: &str,
    example: &str,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<T, String> {
    let set = |key: &str| Some((key.to_owned(), environment(&format!("{PREFIX}{}", key.to_uppercase()))?));
    let overrides: Vec<(String, String)> = keys(example).filter_map(set).collect();
    if overrides.is_empty() {
        return toml::from_str(text).map_err(|error| error.to_string());
    }
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let names: Vec<String> =
        overrides.iter().map(|(key, _)| format!("{PREFIX}{}", key.to_uppercase())).collect();
    for (key, value) in overrides {
        let parsed = format!("{key} = {value}").parse::<Table>().ok().and_then(|mut one| one.remove(&key));
        table.insert(key, parsed.unwrap_or(Value::String(value)));
    }
    let said = |error: toml::de::Error| {
        format!("{}, with {} from the environment", error.to_string().trim_end(), names.join(", "))
    };
    Value::Table(table).try_into().map_err(said)
}

/// The environment of this process.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Checks that an address to listen on is one: a host or address, and a port.
///
/// # Errors
/// What is wrong, in words.
pub fn check_listen(address: &str) -> Result<(), String> {
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(_)) => Ok(()),
        _ => Err(format!("`listen`: {address:?} is not ADDRESS:PORT")),
    }
}

/// Checks a number that has to be above zero.
///
/// # Errors
/// What is wrong, in words.
pub fn check_positive(key: &str, value: f64) -> Result<(), String> {
    if value.is_finite() && value > 0.0 { Ok(()) } else { Err(format!("`{key}` has to be above zero")) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{client_api, config, notary};

    /// The keys that a configuration has, as its reader tells them when it meets another.
    fn fields<T: DeserializeOwned>() -> BTreeSet<String> {
        let error = toml::from_str::<T>("no_such_key = 1").err().unwrap().to_string();
        let (_, known) = error.split_once("expected one of ").unwrap();
        known.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
    }

    /// Every key is in the commented example, and so every key can be set in the environment, where what is set counts
    /// and not what the file says: a value that no key takes is refused by the name of its key.
    fn every_key_is_overridden<T: DeserializeOwned>(example: &str) {
        let named: BTreeSet<String> = keys(example).map(ToOwned::to_owned).collect();
        assert_eq!(named, fields::<T>());
        for key in &named {
            let set = |name: &str| {
                (name == format!("MPCSTATS_{}", key.to_uppercase())).then(|| "{ nonsense = 1 }".to_owned())
            };
            let said =
                read::<T>(example, example, set).err().unwrap_or_else(|| panic!("{key} is passed over"));
            assert!(said.contains(&key.to_uppercase()), "{said}");
        }
    }

    #[test]
    fn the_environment_overrides_every_key_of_every_configuration() {
        every_key_is_overridden::<config::PartyConfig>(config::PARTY);
        every_key_is_overridden::<config::CoordinatorConfig>(config::COORDINATOR);
        every_key_is_overridden::<notary::Config>(notary::EXAMPLE);
        every_key_is_overridden::<client_api::config::Config>(client_api::config::EXAMPLE);
    }

    #[test]
    fn what_the_environment_says_is_toml_or_a_string() {
        let set = |name: &str| match name {
            "MPCSTATS_LISTEN" => Some("127.0.0.1:1".to_owned()),
            "MPCSTATS_THREADS" => Some("3".to_owned()),
            "MPCSTATS_NAMES" => Some("[\"a\", \"b\"]".to_owned()),
            _ => None,
        };
        let party: config::PartyConfig = read(config::PARTY, config::PARTY, set).unwrap();
        assert_eq!((party.listen.as_str(), party.threads, party.names.len()), ("127.0.0.1:1", 3, 2));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (wrong, said) in [("threads = \"many\"", "threads"), ("listen_to = 1", "listen_to")] {
            let text = format!("survey = \"survey.json\"\n{wrong}\n");
            let error = read::<config::PartyConfig>(&text, config::PARTY, |_| None).err().unwrap();
            assert!(error.contains("line 2") && error.contains(said), "{error}");
        }
    }
}
