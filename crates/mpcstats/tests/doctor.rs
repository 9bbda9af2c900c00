#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! `mpcstats doctor` against real processes: it finds nothing wrong with a good deployment, and the one thing that is
//! wrong with each bad one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use service::fixture::Fixture;
use service::keys::Keys;
use service::notary::KeyStore;
use survey::{Identity, Survey};

const SERVERS: [&str; 6] = ["party0", "party1", "party2", "coordinator", "notary", "api"];

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A deployment on this host. It dies with the test.
struct Deployment {
    folder: tempfile::TempDir,
    survey: Survey,
    organiser: Identity,
    page: String,
    metrics: String,
    running: [Option<Child>; 6],
}

/// What a run of the doctor said, by server and check.
#[derive(Debug)]
struct Said {
    problems: BTreeSet<(String, String)>,
    warnings: BTreeSet<(String, String)>,
    text: String,
}

impl Said {
    fn problem(&self, at: &str, check: &str) -> bool {
        self.problems.contains(&(at.to_owned(), check.to_owned()))
    }
}

impl Deployment {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listeners: [_; 7] = std::array::from_fn(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = listeners.map(|listener| listener.local_addr().unwrap().port());
        let mut fixture = Fixture::new(now(), Vec::new()).unwrap();
        for (party, port) in fixture.survey.parties.iter_mut().zip(ports) {
            party.address = format!("127.0.0.1:{port}");
        }
        let coordinator = Keys::generate().unwrap();
        fixture.survey.coordinator.address = format!("https://127.0.0.1:{}", ports[3]);
        fixture.survey.coordinator.identity = Some(coordinator.identity.public());
        let notary = KeyStore::open(&folder.path().join("notary-keys"), now()).unwrap();
        fixture.survey.notaries = notary.history().to_vec();
        fixture.survey.notary_addresses = vec![format!("127.0.0.1:{}", ports[4])];
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        let keys = fixture.parties.iter().chain([&coordinator]);
        for ((name, keys), port) in SERVERS.iter().zip(keys).zip(ports) {
            keys.write(&folder.path().join(format!("{name}.key"))).unwrap();
            write(
                &format!("{name}.toml"),
                format!(
                    "survey = \"survey.json\"\nkeys = \"{name}.key\"\nlisten = \"127.0.0.1:{port}\"\n\
                     storage = \"sqlite:{name}.db\"\n"
                ),
            );
        }
        write(
            "notary.toml",
            format!(
                "keys = \"notary-keys\"\nlisten = \"127.0.0.1:{}\"\nmetrics = \"127.0.0.1:{}\"\nper_minute = 1000\n",
                ports[4], ports[6]
            ),
        );
        fixture.consumer.write(&folder.path().join("api.key")).unwrap();
        write(
            "api.toml",
            format!(
                "listen = \"127.0.0.1:{}\"\nfolder = \"api\"\n[[surveys]]\nsurvey = \"survey.json\"\nkeys = \"api.key\"\n",
                ports[5]
            ),
        );
        let Fixture { survey, organiser, .. } = fixture;
        let mut deployment = Self {
            folder,
            survey,
            organiser,
            page: format!("http://127.0.0.1:{}", ports[5]),
            metrics: format!("http://127.0.0.1:{}", ports[6]),
            running: [const { None }; 6],
        };
        deployment.sign("survey.json", |_| {});
        (0..6).for_each(|server| deployment.serve(server, &[]));
        deployment
    }

    /// Writes the survey with a change, signed by its organiser.
    fn sign(&self, name: &str, change: impl FnOnce(&mut Survey)) -> String {
        let mut survey = self.survey.clone();
        change(&mut survey);
        let signed = survey.sign(&self.organiser).unwrap();
        let path = self.path(name);
        std::fs::write(&path, serde_json::to_vec(&signed).unwrap()).unwrap();
        path.display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a server in an environment.
    fn serve(&mut self, server: usize, environment: &[(&str, &str)]) {
        let role = ["party", "party", "party", "coordinator", "notary", "client-api"][server];
        let log = std::fs::File::create(self.path(&format!("{}.log", SERVERS[server]))).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_mpcstats"))
            .args([role, "serve", "--config"])
            .arg(self.path(&format!("{}.toml", SERVERS[server])))
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running[server] = Some(child);
    }

    fn kill(&mut self, server: usize) {
        if let Some(mut child) = self.running[server].take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Runs the doctor on everything until it says what is expected: servers need a moment.
    fn expect(&self, arguments: &[&str], expected: impl Fn(&Said) -> bool) {
        let deadline = Instant::now() + Duration::from_mins(3);
        let all = [arguments, &["--page", &self.page, "--notary-metrics", &self.metrics]].concat();
        loop {
            let said = doctor(&all);
            if expected(&said) {
                return;
            }
            assert!(Instant::now() < deadline, "{}", said.text);
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn doctor(arguments: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_mpcstats"))
        .args(["doctor", "--json"])
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let with = |verdict: &str| {
        let findings = report["findings"].as_array().unwrap().iter();
        let bad = findings.filter(|finding| finding["verdict"] == verdict);
        bad.map(|finding| {
            assert!(!finding["fix"].as_str().unwrap().is_empty(), "says what to do: {finding}");
            let word = |key: &str| finding[key].as_str().unwrap().to_owned();
            (word("at"), word("check"))
        })
        .collect::<BTreeSet<_>>()
    };
    let said = Said { problems: with("problem"), warnings: with("warning"), text };
    assert_eq!(output.status.code(), Some(i32::from(!said.problems.is_empty())), "{}", said.text);
    said
}

impl Drop for Deployment {
    fn drop(&mut self) {
        (0..6).for_each(|server| self.kill(server));
        if std::thread::panicking() {
            for name in SERVERS {
                let log = std::fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                eprintln!("--- {name}\n{}", lines[lines.len().saturating_sub(10)..].join("\n"));
            }
        }
    }
}

fn nothing(said: &Said) -> bool {
    said.problems.is_empty() && said.warnings.is_empty()
}

fn exactly<'a>(at: &'a str, check: &'a str) -> impl Fn(&Said) -> bool + 'a {
    move |said| said.problems.len() == 1 && said.problem(at, check)
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} holds {from}", path.display());
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn the_doctor_finds_nothing_in_a_good_deployment_and_the_fault_in_each_bad_one() {
    let mut deployment = Deployment::start();
    let survey = deployment.path("survey.json").display().to_string();
    let id = deployment.survey.id().unwrap();
    let coordinator = deployment.survey.coordinator.address.clone();
    let url = format!("{coordinator}/#{id}");

    // Nothing is wrong, from wherever it is looked at.
    for target in [&survey, &url, &deployment.path("api.toml").display().to_string()] {
        deployment.expect(&[target], nothing);
    }
    let own = deployment.path("party1.toml").display().to_string();
    deployment.expect(&[&own, "--organiser", &deployment.organiser.public().to_string()], nothing);

    // The survey.
    let stranger = Identity::generate().public().to_string();
    deployment.expect(&[&survey, "--organiser", &stranger], exactly("survey", "signature"));
    deployment.sign("altered.json", |_| {});
    replace(&deployment.path("altered.json"), "Fixture", "Altered");
    let altered = deployment.path("altered.json").display().to_string();
    deployment.expect(&[&altered], exactly("survey", "signature"));
    let other = format!("{coordinator}/#{}", "07".repeat(32));
    deployment.expect(&[&other], exactly("coordinator", "survey"));
    let another = deployment.sign("another.json", |survey| survey.closes_at = now() - 60);
    deployment.expect(&[&another], |said| {
        let served = ["coordinator", "party 0", "party 1", "party 2", "client API"];
        let period = said.warnings.contains(&("survey".to_owned(), "period".to_owned()));
        period && served.into_iter().all(|at| said.problem(at, "survey"))
    });

    // Keys: two parties sit at each other's addresses; others can read a key file; a key is not the survey's.
    let swapped = deployment.sign("swapped.json", |survey| {
        let [first, second, _] = &mut survey.parties;
        std::mem::swap(&mut first.address, &mut second.address);
    });
    deployment.expect(&[&swapped], |said| {
        said.problem("party 0", "certificate")
            && said.problem("party 1", "certificate")
            && !said.problem("party 2", "certificate")
    });
    let key = deployment.path("party1.key");
    let mode = std::os::unix::fs::PermissionsExt::from_mode;
    std::fs::set_permissions(&key, mode(0o644)).unwrap();
    deployment.expect(&[&own], exactly("here", "keys"));
    std::fs::set_permissions(&key, mode(0o600)).unwrap();
    replace(&deployment.path("party1.toml"), "storage", "stowage");
    deployment.expect(&[&own], exactly("here", "configuration"));
    replace(&deployment.path("party1.toml"), "stowage", "storage");
    let unlisted = deployment.sign("unlisted.json", |survey| survey.notaries[0].key[0] ^= 1);
    deployment.expect(&[&unlisted], |said| {
        said.problem("notary 0", "certificate")
            && said.problem(&format!("notary {}", deployment.metrics), "keys")
    });

    // Servers that are down, seen by those who need them.
    deployment.kill(4);
    let metrics = format!("notary {}", deployment.metrics);
    deployment.expect(&[&survey], |said| {
        said.problems.len() == 2
            && said.problem("notary 0", "reachable")
            && said.problem(&metrics, "reachable")
    });
    deployment.serve(4, &[]);
    deployment.kill(2);
    deployment.expect(&[&survey], |said| said.problem("party 2", "reachable"));
    assert!(nothing(&doctor(&[&survey, "--as", "consumer"])), "consumers need no party");
    // A coordinator that has just started has not heard of it at all.
    deployment.kill(3);
    deployment.expect(&[&url], exactly("coordinator", "reachable"));
    deployment.serve(3, &[]);
    deployment.expect(&[&survey, "--as", "provider"], exactly("coordinator", "parties"));
    deployment.serve(2, &[]);
    deployment.expect(&[&survey], nothing);

    // A clock that is wrong.
    deployment.kill(0);
    // Debian's package faketime, which scripts/setup installs; the loader knows where libraries are.
    let skewed = [
        ("LD_PRELOAD", "/usr/$LIB/faketime/libfaketime.so.1"),
        ("FAKETIME", "+120s"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ];
    deployment.serve(0, &skewed);
    deployment.expect(&[&survey], exactly("party 0", "clock"));
    deployment.kill(0);
    deployment.serve(0, &[]);
    deployment.expect(&[&survey], nothing);

    // A disk that has gone bad under a running coordinator.
    for suffix in ["", "-wal", "-shm"] {
        let path = deployment.path(&format!("coordinator.db{suffix}"));
        let length = std::fs::metadata(&path).unwrap().len();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &vec![0x5a; length as usize], 0).unwrap();
    }
    deployment.expect(&[&survey], |said| said.problem("coordinator", "ready"));
}
