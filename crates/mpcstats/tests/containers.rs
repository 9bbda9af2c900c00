#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! The image, the compose file and the systemd units: read and checked, and what they start is run, as processes with
//! the root, volumes, user, environment and network that an engine would give them. No engine is needed.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use support::hosts::{Hosts, permitted};
use support::not_run;
use support::page::{Step, steps};

const PAGE: &str = include_str!("../../../docs/src/deploy-containers.md");
const COMPOSE: &str = include_str!("../../../deploy/compose.yaml");
const DOCKERFILE: &str = include_str!("../../../deploy/Dockerfile");
const PATIENCE: Duration = Duration::from_mins(2);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn compose() -> serde_json::Map<String, Value> {
    let file: Value = serde_saphyr::from_str(COMPOSE).expect("compose.yaml is YAML");
    file["services"].as_object().unwrap().clone()
}

/// The instructions of the Dockerfile, continued lines joined: word and rest.
fn instructions() -> Vec<(String, String)> {
    let lines: Vec<&str> = DOCKERFILE.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    joined
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(word, rest)| (word.to_owned(), rest.to_owned()))
        .collect()
}

fn words(value: &Value) -> Vec<String> {
    let list = value.as_array().unwrap_or_else(|| panic!("a list: {value}"));
    list.iter().map(|word| word.as_str().expect("a string").to_owned()).collect()
}

/// The last stage's instruction of this kind.
fn last(word: &str) -> String {
    let all = instructions();
    all.iter().rev().find(|(found, _)| found == word).unwrap_or_else(|| panic!("{word}")).1.clone()
}

#[test]
fn the_image_is_built_in_stages_and_runs_without_rights() {
    let all = instructions();
    let stages: Vec<&str> = all.iter().filter(|(word, _)| word == "FROM").map(|(_, rest)| &**rest).collect();
    assert_eq!(stages.len(), 2);
    for stage in stages {
        assert!(stage.contains(':') && !stage.contains(":latest"), "{stage} names no version");
    }
    assert!(all.iter().all(|(word, _)| word != "ADD"), "COPY says what it does");
    let (user, group) = last("USER").split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0, "a number, not root");
    assert_eq!(words(&serde_json::from_str(&last("ENTRYPOINT")).unwrap()), ["mpcstats"]);
    assert!(last("HEALTHCHECK").contains("CMD [\"mpcstats\", \"health\"]"));
    let build = all.iter().find(|(word, rest)| word == "RUN" && rest.contains("cargo build")).unwrap();
    assert!(build.1.contains("--locked") && build.1.contains("--release"));

    // What is copied from the repository exists, and the build context does not leave it out.
    let ignored = std::fs::read_to_string(root().join(".dockerignore")).unwrap();
    let ignored: BTreeSet<&str> = ignored.lines().collect();
    for (_, rest) in all.iter().filter(|(word, rest)| word == "COPY" && !rest.starts_with("--from")) {
        let source = rest.split(' ').next().unwrap();
        assert!(root().join(source).exists() && !ignored.contains(source), "{source}");
    }
    for needed in ["Cargo.lock", "crates", "sources", "surveys", "python"] {
        assert!(!ignored.contains(needed), "the build needs {needed}");
    }
    // Secrets and history stay outside.
    assert!([".git", "target", "**/*.key"].iter().all(|line| ignored.contains(line)));
}

/// The binary needs nothing that the image's base does not have.
#[test]
fn the_binary_needs_glibc_and_libgcc_only() {
    let output = Command::new("ldd").arg(env!("CARGO_BIN_EXE_mpcstats")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in text.lines() {
        let library = line.trim().split(['.', ' ']).next().unwrap();
        let known =
            ["linux-vdso", "libc", "libm", "libgcc_s", "/lib64/ld-linux-x86-64", "/lib/ld-linux-aarch64"];
        assert!(known.contains(&library), "distroless/cc has no {line}");
    }
}

#[test]
fn compose_gives_every_role_limits_and_nothing_to_spare() {
    let file: Value = serde_saphyr::from_str(COMPOSE).unwrap();
    let volumes = file["volumes"].as_object().unwrap();
    let services = compose();
    assert_eq!(services.len(), 7);
    let mut published = BTreeSet::new();
    for (name, service) in &services {
        let profiles = words(&service["profiles"]);
        assert!(
            profiles == ["trial"] || profiles == ["all".to_owned(), name.clone()],
            "{name}: {profiles:?}"
        );
        assert_eq!(service["user"], last("USER"), "{name}: the image's user");
        assert_eq!((&service["read_only"], &service["init"]), (&true.into(), &true.into()), "{name}");
        assert_eq!(words(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(words(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        for limit in ["mem_limit", "cpus", "pids_limit", "restart", "stop_grace_period", "logging"] {
            assert!(!service[limit].is_null(), "{name} has no {limit}");
        }
        assert!(
            root()
                .join("deploy")
                .join(service["build"]["context"].as_str().unwrap())
                .join("Cargo.toml")
                .exists()
        );
        for mount in words(&service["volumes"]) {
            let (from, to) = mount
                .split_once("}/")
                .map_or_else(|| mount.split_once(':').unwrap(), |(_, rest)| rest.split_once(':').unwrap());
            if let Some(read_only) = to.strip_suffix(":ro") {
                assert_eq!((from, read_only), (name.as_str(), "/etc/mpcstats"));
            } else {
                assert!(volumes.contains_key(from) && to == "/var/lib/mpcstats", "{name}: {mount}");
            }
        }
        for port in words(&service["ports"]) {
            let outside = port.rsplit(':').nth(1).unwrap().to_owned();
            assert!(published.insert(outside), "{port} is published twice");
        }
        for key in service["environment"].as_object().unwrap().keys() {
            assert!(["MPCSTATS_HEALTH", "MPCSTATS_STORAGE"].contains(&key.as_str()), "{name}: {key}");
        }
    }
}

/// What runs the binary as a service's container would, in its root and volumes, as its user, in its environment: shell
/// commands that prepare, and the command line.
fn contained(hosts: &Hosts, name: &str, service: &Value, command: &[String]) -> (String, String) {
    let organiser = hosts.folder("organiser");
    let own = hosts.folder(name);
    let mut script = format!(
        "binary=$(command -v mpcstats)\nroot={root}\nmkdir -p $root/usr $root/etc/mpcstats $root/var/lib/mpcstats $root/tmp \
         $root/bin state\nchown {user} state\nln -sfT usr/lib $root/lib\nln -sfT usr/lib64 $root/lib64\n\
         cp /etc/hosts $root/etc/hosts\ntouch $root/bin/mpcstats\nmount --bind $root $root\n\
         mount --bind \"$binary\" $root/bin/mpcstats\nmount --rbind /usr $root/usr\nmount -t tmpfs tmpfs $root/tmp\n",
        root = own.join("root").display(),
        user = service["user"].as_str().unwrap()
    );
    for mount in words(&service["volumes"]) {
        let target = if mount.ends_with(":ro") {
            let folder = organiser.join("config").join(name);
            writeln!(script, "mount --bind {} $root/etc/mpcstats", folder.display()).unwrap();
            "$root/etc/mpcstats"
        } else {
            script += "mount --bind state $root/var/lib/mpcstats\n";
            continue;
        };
        writeln!(script, "mount -o remount,ro,bind {target}").unwrap();
    }
    script += "mount -o remount,ro,bind $root\n";
    let mut environment = String::new();
    for (key, value) in service["environment"].as_object().unwrap() {
        write!(environment, " '{key}={}'", value.as_str().unwrap()).unwrap();
    }
    let command: Vec<String> = command.iter().map(|word| format!("'{word}'")).collect();
    let entry = words(&serde_json::from_str(&last("ENTRYPOINT")).unwrap()).join(" ");
    // As the engine would: the image's search path and nothing else, no capability to gain.
    let line = format!(
        "env -i PATH=/bin{environment} /usr/bin/setpriv --no-new-privs /usr/sbin/chroot --userspec={} $root {entry} {}",
        service["user"].as_str().unwrap(),
        command.join(" ")
    );
    (script, line)
}

#[test]
fn what_compose_starts_runs_gets_healthy_and_works_together() {
    if !permitted() {
        not_run("network namespaces are not permitted here; what compose starts was not run.");
        return;
    }
    let services = compose();
    let names: Vec<&str> = services.keys().map(String::as_str).chain(["monitor"]).collect();
    let pairs = names.iter().flat_map(|from| names.iter().map(move |to| (from.to_string(), to.to_string())));
    let mut hosts = Hosts::new(&pairs.filter(|(from, to)| from != to).collect::<Vec<_>>());
    let mut up = 0;
    for step in steps(PAGE) {
        match step {
            Step::Run { on, script, .. } => {
                for host in &on {
                    hosts.run(host, &script, &[], PATIENCE);
                }
            }
            Step::Copy { from, files, to } => hosts.copy(&from, &files, &to),
            Step::Up(profiles) => {
                let asked =
                    |service: &Value| words(&service["profiles"]).iter().any(|one| profiles.contains(one));
                let started: Vec<_> = services.iter().filter(|(_, service)| asked(service)).collect();
                up += started.len();
                for (name, service) in &started {
                    let (prepare, line) = contained(&hosts, name, service, &words(&service["command"]));
                    hosts.serve(name, &format!("{prepare}exec {line}"));
                }
                for (name, service) in started {
                    // The image's own health check, until it is good.
                    let (prepare, line) = contained(&hosts, name, service, &["health".to_owned()]);
                    hosts.run(name, &format!("{prepare}until {line}; do sleep 0.5; done"), &[], PATIENCE);
                }
            }
            _ => panic!("not on this page"),
        }
    }
    assert_eq!(up, services.len(), "everything was started");
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let Ok(output) = Command::new("systemd-analyze").arg("--version").output() else {
        not_run("there is no systemd-analyze here; the units were not verified.");
        return;
    };
    assert!(output.status.success());
    let folder = tempfile::tempdir().unwrap();
    let users = std::fs::read_to_string(root().join("deploy/systemd/mpcstats.sysusers.conf")).unwrap();
    let files = std::fs::read_dir(root().join("deploy/systemd")).unwrap().map(|entry| entry.unwrap().path());
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "service")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        // The binary is where a package puts it; here it is where it was built.
        let here = text.replace("/usr/bin/mpcstats", env!("CARGO_BIN_EXE_mpcstats"));
        assert_ne!(here, text);
        let unit = folder.path().join(&name);
        std::fs::write(&unit, here).unwrap();
        let output =
            Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // Units of this machine are none of our business.
        let ours: Vec<&str> = said.lines().filter(|line| line.contains("mpcstats-")).collect();
        assert!(ours.is_empty() && output.status.success(), "{name}: {said}");
        // What can reach it, in tenths: not more than the network that a server needs.
        let exposed = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=11"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(exposed.status.success(), "{name}: {}", String::from_utf8_lossy(&exposed.stdout));
        let user = text.lines().find_map(|line| line.strip_prefix("User=")).unwrap();
        assert!(users.contains(&format!("\nu {user} ")), "{name}: nobody makes {user}");
        // The page tells to start servers with the same words.
        let role = name.strip_prefix("mpcstats-").unwrap().strip_suffix(".service").unwrap();
        let start = text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/")).unwrap();
        assert_eq!(start, format!("mpcstats {role} serve --config /etc/mpcstats/{role}.toml"));
    }
}

#[test]
fn nginx_finds_nothing_wrong_with_the_front() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=survey.example.org", "-keyout", &path("key.pem"), "-out", &path("cert.pem")])
        .output()
        .expect("openssl; scripts/setup installs it");
    assert!(made.status.success());
    let front = std::fs::read_to_string(root().join("deploy/nginx.conf")).unwrap();
    let front = front
        .replace("/etc/letsencrypt/live/survey.example.org/fullchain.pem", &path("cert.pem"))
        .replace("/etc/letsencrypt/live/survey.example.org/privkey.pem", &path("key.pem"));
    std::fs::write(path("front.conf"), front).unwrap();
    let main = format!(
        "pid {};\nerror_log stderr;\nevents {{}}\nhttp {{ access_log off; include {}; }}\n",
        path("pid"),
        path("front.conf")
    );
    std::fs::write(path("nginx.conf"), main).unwrap();
    let output = Command::new("nginx").args(["-t", "-c", &path("nginx.conf")]).output().expect("nginx");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("[warn]"), "{said}");
}
