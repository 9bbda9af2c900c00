#![allow(clippy::expect_used, reason = "a helper that fails fails its test")]
//! Runs every command in the documentation: each ```sh block of a page, in order, in a fresh folder.
//!
//! A block marked ```console shows a session and is not run; a block marked ```sh newcomer is one of the README's two
//! commands, which start this very suite.

use std::collections::BTreeSet;
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
