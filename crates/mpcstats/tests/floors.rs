#![allow(clippy::expect_used, reason = "a helper that fails fails its test")]
//! Holds the crates to the floors of `docs/src/architecture.md`: a crate uses crates on lower floors only, and
//! protocol crates know no sockets, threads or clocks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What protocol crates get passed in instead.
const OUTSIDE: [&str; 6] =
    ["std::net", "std::fs", "std::thread", "Instant::now", "SystemTime::now", "tokio::"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// The table of floors in the book: rows of `| floor | `crate` | …`.
fn floors() -> BTreeMap<String, u32> {
    let page = std::fs::read_to_string(root().join("docs/src/architecture.md")).expect("the page");
    let row = |line: &str| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let floor = cells.next()?.parse().ok()?;
        Some((cells.next()?.trim_matches('`').to_owned(), floor))
    };
    page.lines().filter_map(row).collect()
}

/// The folder of a crate: all but the Python package live under `crates/`.
fn folder(name: &str) -> PathBuf {
    let folder = root().join(name);
    if folder.exists() { folder } else { root().join("crates").join(name) }
}

/// The crates of this workspace that a crate's code, tests aside, is built on.
fn uses(name: &str, floors: &BTreeMap<String, u32>) -> Vec<String> {
    let manifest = std::fs::read_to_string(folder(name).join("Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
    let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
    let names = dependencies.into_iter().flat_map(toml::Table::keys);
    names.filter(|name| floors.contains_key(*name)).cloned().collect()
}

#[test]
fn the_page_names_every_crate() {
    let floors = floors();
    for entry in std::fs::read_dir(root().join("crates")).expect("the crates") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name in UTF-8");
        assert!(floors.contains_key(&name), "docs/src/architecture.md says no floor for {name}");
    }
}

#[test]
fn a_crate_uses_lower_floors_only() {
    let floors = floors();
    for (name, floor) in &floors {
        for used in uses(name, &floors) {
            assert!(floors[&used] < *floor, "{name} (floor {floor}) uses {used} (floor {})", floors[&used]);
        }
    }
}

/// Every source file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn protocol_crates_do_no_input_or_output() {
    for name in ["algebra", "circuit", "rep3", "twopc"] {
        for path in sources(&folder(name).join("src")) {
            let text = std::fs::read_to_string(&path).expect("a source file");
            // Tests start threads where a library is passed an executor.
            if text.contains("#[test]\n") {
                continue;
            }
            for foreign in OUTSIDE {
                assert!(!text.contains(foreign), "{} names {foreign}", path.display());
            }
        }
    }
}
