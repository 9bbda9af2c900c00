//! Puts the commit into `mpcstats --version`.

use std::process::Command;

fn main() {
    // A build outside of the repository must not name the commit of another that happens to surround it.
    let repository = std::path::Path::new("../../.git").exists();
    if repository {
        println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
    }
    println!("cargo::rerun-if-env-changed=MPCSTATS_COMMIT");
    // A build without a repository (a source archive, a container) names its commit in the environment.
    let commit = std::env::var("MPCSTATS_COMMIT").ok().or_else(|| repository.then(head).flatten());
    let commit = commit.unwrap_or_else(|| "unknown commit".into());
    println!("cargo::rustc-env=MPCSTATS_VERSION={} ({commit})", env!("CARGO_PKG_VERSION"));
}

fn head() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| commit.trim().to_owned())
}
