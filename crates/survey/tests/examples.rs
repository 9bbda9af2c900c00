#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! Every survey that ships reads, checks and signs.

use std::path::Path;

use survey::{Identity, OpeningKey, Purpose, Survey, file};

/// Who serves the survey, with fresh keys.
fn deployment() -> String {
    let keys = || {
        let sealing = OpeningKey::generate().unwrap().public();
        format!("identity = \"{}\"\nsealing = \"{sealing}\"\n", Identity::generate().public())
    };
    let party =
        |index| format!("[[parties]]\nname = \"party {index}\"\naddress = \"localhost:{index}\"\n{}", keys());
    let notary = format!("[[notaries]]\nkey = \"{}\"\n", Identity::generate().public());
    let consumer = format!("[[consumers]]\nname = \"us\"\n{}", keys());
    let coordinator = "[coordinator]\naddress = \"https://localhost:1\"\n".to_owned();
    [coordinator, party(0), party(1), party(2), notary, consumer].concat()
}

fn no_programs(_: &str, _: &stats::Schema) -> Result<stats::Plan, String> {
    Err("no program is traced here".into())
}

fn read(folder: &Path) -> Survey {
    let text = std::fs::read_to_string(folder.join("survey.toml")).unwrap();
    let beside = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string());
    file::parse(&text, Some(&deployment()), beside, no_programs)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

#[test]
fn every_example_survey_checks_signs_and_travels() {
    let surveys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../surveys");
    let mut count = 0;
    for entry in std::fs::read_dir(surveys).unwrap() {
        let survey = read(&entry.unwrap().path());
        assert!(!survey.plans.is_empty());
        let signed = survey.sign(&Identity::generate()).unwrap();
        let text = serde_json::to_string(&signed).unwrap();
        let read: survey::SignedSurvey = serde_json::from_str(&text).unwrap();
        assert!(read.verify(Purpose::Survey), "the id survives its travel");
        survey::definition::verify(&read, Some(&signed.signer)).unwrap();
        count += 1;
    }
    assert!(count >= 2);
}

#[test]
fn a_key_in_both_files_is_refused() {
    let refusal =
        file::parse("title = 'a'", Some("title = 'b'"), |_| Err(String::new()), no_programs).unwrap_err();
    assert!(refusal.detail.contains("title"), "{refusal}");
}

#[test]
fn typed_answers_are_read_as_the_field_declares() {
    let survey = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../surveys/health"));
    let field = |name: &str| survey.fields.iter().find(|field| field.name == name).unwrap();
    for (name, text, value) in [("sleep", "7.5", 75), ("smoker", "formerly", 1)] {
        let window = survey.typed_window(field(name), text).unwrap();
        assert_eq!(window.len(), field(name).window as usize);
        assert_eq!(survey.format(field(name)).read(&window), Some(Some(value)), "{name}");
    }
    let window = survey.typed_window(field("sleep"), "25").unwrap();
    assert_eq!(survey.format(field("sleep")).read(&window), None, "out of range");
    assert_eq!(
        survey.typed_window(field("sleep"), &"1".repeat(24)),
        None,
        "no room for the byte that ends it"
    );
}
