#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! `mpcstats config check`, for every kind of configuration: what is good passes, and of what is not the command says
//! which file, which key or line, and why.

mod support;

use std::process::Command;

use service::keys::Keys;
use support::processes::Processes;

/// What the command says of a file, with something in the environment: nothing if it is good.
fn check(processes: &Processes, role: &str, file: &str, environment: &[(&str, &str)]) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_mpcstats"))
        .args(["config", "check", role, file])
        .current_dir(processes.path("."))
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.success() {
        assert!(String::from_utf8(output.stdout).unwrap().starts_with("good: "), "{said}");
        return None;
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    Some(said.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Four good configurations, and everything that they name.
fn good() -> Processes {
    let processes = Processes::prepare(|_| {}, "");
    processes.fixture.consumer.write(&processes.path("consumer.key")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(processes.path(name), text).unwrap();
    write("notary.toml", "keys = \"notary-keys\"\n");
    let survey = "[[surveys]]\nsurvey = \"survey.json\"\nkeys = \"consumer.key\"\n";
    write("client-api.toml", &format!("listen = \"127.0.0.1:1\"\nfolder = \"certificates\"\n{survey}"));
    Keys::generate().unwrap().write(&processes.path("stranger.key")).unwrap();
    write("broken.json", "{");
    write("policy.toml", "minimum = 5\n");
    write("strange.toml", "minimum = \"five\"\n");
    let forged =
        std::fs::read_to_string(processes.path("survey.json")).unwrap().replace("Fixture", "Forgery");
    write("forged.json", &forged);
    processes
}

/// What is wrong: the role, a line that takes another's place (or is added, if none begins alike), and what the command has
/// to say.
const WRONG: &[(&str, &str, &[&str])] = &[
    ("party", "listen = 7", &["party0.toml", "line 3", "listen"]),
    ("party", "listen = \"7400\"", &["party0.toml", "`listen`", "ADDRESS:PORT"]),
    ("party", "lisen = \"0.0.0.0:1\"", &["party0.toml", "line", "lisen"]),
    ("party", "storage = \"mysql://x\"", &["`storage`", "mysql"]),
    ("party", "threads = -1", &["line", "threads"]),
    ("party", "patience = 0", &["`patience`", "above zero"]),
    ("party", "survey = \"nowhere.json\"", &["nowhere.json", "No such file"]),
    ("party", "survey = \"broken.json\"", &["broken.json", "line 1"]),
    ("party", "survey = \"forged.json\"", &["forged.json", "bad_signature"]),
    ("party", "keys = \"nowhere.key\"", &["nowhere.key", "No such file"]),
    ("party", "keys = \"survey.json\"", &["survey.json", "not a key file"]),
    ("party", "keys = \"stranger.key\"", &["party0.toml", "not those of one of the survey's parties"]),
    ("party", "policy = \"nowhere.toml\"", &["nowhere.toml", "No such file"]),
    ("party", "policy = \"strange.toml\"", &["strange.toml", "line 1", "minimum"]),
    ("party", "organiser = \"00\"", &["line", "organiser"]),
    ("coordinator", "keys = \"stranger.key\"", &["not the one that the survey names for its coordinator"]),
    ("coordinator", "tls = \"off\"", &["line", "off", "identity"]),
    ("coordinator", "queue = 0", &["`queue`", "above zero"]),
    ("coordinator", "rate_per_address = 0.0", &["`rate_per_address`", "above zero"]),
    ("coordinator", "webhook = \"example.org\"", &["`webhook`"]),
    ("notary", "listen = \"somewhere\"", &["notary.toml", "line", "listen"]),
    ("notary", "modes = [\"open\"]", &["notary.toml", "line", "open"]),
    ("notary", "authorities = [\"nowhere.pem\"]", &["nowhere.pem", "No such file"]),
    ("notary", "authorities = [\"survey.json\"]", &["survey.json", "no usable certificate"]),
    ("client-api", "listen = \"somewhere\"", &["client-api.toml", "line 1", "listen"]),
    ("client-api", "keys = \"stranger.key\"", &["does not list these keys among its consumers"]),
    ("client-api", "survey = \"forged.json\"", &["forged.json", "signature does not fit"]),
];

#[test]
fn what_is_wrong_in_any_configuration_is_named() {
    let processes = good();
    let file = |role: &str| if role == "party" { "party0.toml".to_owned() } else { format!("{role}.toml") };
    for role in ["party", "coordinator", "notary", "client-api"] {
        assert_eq!(check(&processes, role, &file(role), &[]), None, "{role}");
        let nowhere = check(&processes, role, "nowhere.toml", &[]).unwrap();
        assert!(nowhere.contains("nowhere.toml") && nowhere.contains("invalid_configuration"), "{nowhere}");
    }
    for (role, line, words) in WRONG {
        let path = processes.path(&file(role));
        let text = std::fs::read_to_string(&path).unwrap();
        let key = line.split(" = ").next().unwrap();
        let of_key = |old: &str| old.split(" = ").next() == Some(key);
        let mut lines: Vec<&str> = text.lines().map(|old| if of_key(old) { *line } else { old }).collect();
        if !text.lines().any(of_key) {
            lines.insert(0, line);
        }
        std::fs::write(&path, lines.join("\n")).unwrap();
        let said = check(&processes, role, &file(role), &[]);
        std::fs::write(&path, &text).unwrap();
        let said = said.unwrap_or_else(|| panic!("{role}: {line} passes"));
        for word in words.iter().chain(&["invalid_configuration", "next:"]) {
            assert!(said.contains(word), "{role}, {line}: {word:?} is not in {said}");
        }
    }
    // What the environment says counts, and is named when it is wrong.
    assert_eq!(check(&processes, "party", "party0.toml", &[("MPCSTATS_POLICY", "policy.toml")]), None);
    for (role, name, value) in [
        ("party", "MPCSTATS_POLICY", "nowhere.toml"),
        ("coordinator", "MPCSTATS_QUEUE", "many"),
        ("notary", "MPCSTATS_LISTEN", "somewhere"),
        ("client-api", "MPCSTATS_SURVEYS", "none"),
    ] {
        let said = check(&processes, role, &file(role), &[(name, value)]).unwrap();
        assert!(said.contains(name) || said.contains(value), "{said}");
    }
}

#[test]
fn a_demo_of_fewer_providers_than_the_survey_asks_for_says_how_many_are_needed() {
    let output = Command::new(env!("CARGO_BIN_EXE_mpcstats"))
        .args(["demo", "--providers", "5", "--exit"])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("try --providers 10"), "{error}");
}
