#![allow(clippy::expect_used, reason = "a helper that fails fails its test")]
//! Runs every command in the documentation: each ```sh block of a page, in order, in a fresh folder.
//!
//! A block marked ```console shows a session and is not run; a block marked ```sh newcomer is one of the README's two
//! commands, which start this very suite.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// The ```sh blocks of a page, joined into one script.
fn script(page: &str) -> String {
    let mut script = String::new();
    let mut inside = false;
    for line in page.lines() {
        match (inside, line.trim_end()) {
            (false, "```sh") => inside = true,
            (true, "```") => inside = false,
            (true, command) => {
                script.push_str(command);
                script.push('\n');
            }
            (false, _) => {}
        }
    }
    assert!(!inside, "a code block is not closed");
    script
}

fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root().join("docs/src"))
        .expect("the docs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "md"))
        .collect();
    pages.push(root().join("README.md"));
    pages.sort();
    pages
}

/// A shell, in a network of its own where that is permitted: the ports that a page names are free there, and no
/// command of it needs anything from outside.
fn shell() -> Command {
    let own_network = ["--net", "bash", "-c", "ip link set lo up"];
    if !Command::new("unshare").args(own_network).output().is_ok_and(|output| output.status.success()) {
        return Command::new("bash");
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "bash", "-c", "ip link set lo up && exec bash \"$@\"", "bash"]);
    command
}

#[test]
fn every_command_in_the_docs_runs() {
    let binary = Path::new(env!("CARGO_BIN_EXE_mpcstats"));
    let bin = binary.parent().expect("a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    for page in pages() {
        let script = script(&std::fs::read_to_string(&page).expect("a page"));
        if script.trim().is_empty() {
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["sources", "surveys", "deploy", "python"] {
            let target = root().join(name);
            if target.exists() {
                std::os::unix::fs::symlink(&target, folder.path().join(name)).expect("a link");
            }
        }
        let output = shell()
            .args([
                "-euo",
                "pipefail",
                "-c",
                &format!("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}"),
            ])
            .current_dir(folder.path())
            .env("PATH", &path)
            .output()
            .expect("bash");
        assert!(
            output.status.success(),
            "{} failed:\n{}{}",
            page.display(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let summary = std::fs::read_to_string(root().join("docs/src/SUMMARY.md")).expect("the summary");
    for page in pages() {
        let name = page.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(
            ["SUMMARY.md", "README.md"].contains(&name) || summary.contains(&format!("({name})")),
            "{name} is not in docs/src/SUMMARY.md"
        );
    }
}

/// The generated pages; `UPDATE_DOCS=1` writes them anew.
#[test]
fn generated_pages_are_up_to_date() {
    for page in ["commands", "http-api"] {
        let output = Command::new(env!("CARGO_BIN_EXE_mpcstats"))
            .args(["reference", page])
            .output()
            .expect("the command");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let path = root().join(format!("docs/src/{page}.md"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &output.stdout).expect("the page is written");
        }
        let there = std::fs::read(&path).unwrap_or_default();
        assert!(
            there == output.stdout,
            "{} is out of date: run this test with UPDATE_DOCS=1",
            path.display()
        );
    }
}

/// The places in a page that links can point at, as mdBook and GitHub name them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut anchors = BTreeSet::new();
    for line in page.lines() {
        fenced ^= line.starts_with("```");
        if let Some(title) = line.strip_prefix('#').filter(|_| !fenced) {
            let title = title.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            anchors.insert(title.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect());
        }
    }
    anchors
}

/// The targets of `[…](target)` outside code.
fn links(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in page.lines() {
        fenced ^= line.starts_with("```");
        let prose: String = line.split('`').step_by(2).collect();
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        found.extend(targets.filter(|_| !fenced).map(|(target, _)| target.to_owned()));
    }
    found
}

#[test]
fn every_link_leads_somewhere() {
    let read = |path: &Path| std::fs::read_to_string(path).expect("a page");
    let others = ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(|name| root().join(name));
    let mut dead = Vec::new();
    let mut checked = 0;
    for page in pages().into_iter().chain(others) {
        for link in links(&read(&page)).into_iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target =
                if file.is_empty() { page.clone() } else { page.parent().expect("a folder").join(file) };
            let leads = target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !leads {
                dead.push(format!("{}: {link}", page.display()));
            }
            checked += 1;
        }
    }
    assert!(checked > 0, "there are links");
    assert!(dead.is_empty(), "links that lead nowhere:\n{}", dead.join("\n"));
}

/// Every code span of a page, and every line of its blocks, without the prompt.
fn code(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut code = Vec::new();
    for line in page.replace("\\\n", " ").lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            let line = line.trim();
            code.push(line.strip_prefix("$ ").or(line.strip_prefix("# ")).unwrap_or(line).to_owned());
        } else {
            code.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    code
}

/// The text of `docs/src/commands.md` for each command.
fn reference() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join("docs/src/commands.md")).expect("the reference");
    let sections = text.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'));
    sections.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

/// What is wrong with a command as it is shown: a subcommand or an option that does not exist.
fn stale(shown: &str, reference: &BTreeMap<String, String>) -> Option<String> {
    let words: Vec<&str> = shown.split(['|', '>', '&', ';', '#']).next()?.split_whitespace().collect();
    let known = (1..=words.len()).rev().find(|count| reference.contains_key(&words[..*count].join(" ")))?;
    let (text, rest) = (&reference[&words[..known].join(" ")], &words[known..]);
    let subcommand = rest.first().filter(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
    let hidden = "reference";
    if let Some(word) =
        subcommand.filter(|word| text.contains("<COMMAND>") && **word != hidden && !word.starts_with('-'))
    {
        return Some(format!("{shown}: there is no {word}"));
    }
    let options = rest.iter().map(|word| word.trim_start_matches('[').trim_end_matches(']'));
    let options = options.filter_map(|word| word.strip_prefix("--")?.split('=').next());
    let there =
        |option: &str| text.split([' ', ',', '\n']).any(|word| word.strip_prefix("--") == Some(option));
    options.into_iter().find(|option| !there(option)).map(|option| format!("{shown}: there is no --{option}"))
}

/// Commands that are run by no test, for they only stand in a sentence or show a session.
#[test]
fn every_command_that_is_shown_exists() {
    let reference = reference();
    let others = ["CONTRIBUTING.md", "SECURITY.md", "python/README.md"].map(|name| root().join(name));
    let (mut checked, mut wrong) = (0, Vec::new());
    for page in pages().into_iter().chain(others) {
        for shown in code(&std::fs::read_to_string(&page).expect("a page")) {
            if shown.starts_with("mpcstats ") {
                checked += 1;
                wrong.extend(stale(&shown, &reference).map(|what| format!("{}: {what}", page.display())));
            }
        }
    }
    assert!(checked > 100, "the pages show commands: {checked}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (command, says) in [
        ("mpcstats party rotated", Some("there is no rotated")),
        ("mpcstats query --survey S --plans P", Some("there is no --plans")),
        ("mpcstats query --survey S --plan P", None),
    ] {
        let found = stale(command, &reference);
        assert_eq!(found.is_some(), says.is_some(), "{command}: {found:?}");
        assert!(found.unwrap_or_default().ends_with(says.unwrap_or_default()), "{command}");
    }
}

/// The crates' tests, examples and benchmarks that are named, as paths without an end.
fn targets(shown: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = shown.strip_prefix("cargo ")?.split_whitespace().collect();
    let after = |option: &str| {
        let pairs = words.windows(2).filter(move |pair| pair[0] == option).map(|pair| pair[1].to_owned());
        pairs.collect::<Vec<_>>()
    };
    let named = after("-p").first()?.clone();
    let kinds = [("--test", "tests"), ("--example", "examples"), ("--bench", "benches")];
    let of = |(option, folder): (&str, &str)| {
        after(option).into_iter().map(|name| format!("crates/{named}/{folder}/{name}")).collect::<Vec<_>>()
    };
    Some(kinds.into_iter().flat_map(of).chain([format!("crates/{named}/src/lib")]).collect())
}

#[test]
fn every_test_and_benchmark_that_is_named_is_there() {
    let there = |target: &String| {
        let main = target.replace("/src/lib", "/src/main");
        [format!("{target}.rs"), format!("{target}/main.rs"), format!("{main}.rs")]
            .iter()
            .any(|path| root().join(path).exists())
    };
    let (mut checked, mut dead) = (0, Vec::new());
    for page in pages() {
        let code = code(&std::fs::read_to_string(&page).expect("a page"));
        for target in code.iter().filter_map(|shown| targets(shown)).flatten() {
            checked += 1;
            if !there(&target) {
                dead.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(checked > 30, "the pages name tests: {checked}");
    assert!(dead.is_empty(), "tests that are not there:\n{}", dead.join("\n"));
}

#[test]
fn every_path_of_the_repository_that_is_named_is_there() {
    let folders = ["crates/", "docs/", "deploy/", "scripts/", "surveys/", "sources/", "python/", "tests/"];
    let mut dead = Vec::new();
    for page in pages() {
        for named in code(&std::fs::read_to_string(&page).expect("a page")) {
            let path = folders.iter().any(|folder| named.starts_with(folder))
                && !named.contains([' ', '*', '{', '…', ':']);
            if path && !root().join(&named).exists() {
                dead.push(format!("{}: {named}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "paths that lead nowhere:\n{}", dead.join("\n"));
}
