//! A deployment on this host as processes, and what `mpcstats doctor` says of it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use service::fixture::Fixture;
use service::keys::Keys;
use service::notary::KeyStore;
use survey::{Identity, Survey};

use super::processes::now;

pub const SERVERS: [&str; 6] = ["party0", "party1", "party2", "coordinator", "notary", "api"];

/// A deployment on this host. It dies with the test.
pub struct Deployment {
    folder: tempfile::TempDir,
    pub survey: Survey,
    pub organiser: Identity,
    pub page: String,
    pub metrics: String,
    running: [Option<Child>; 6],
}

/// One line of what the doctor says.
#[derive(Debug, Deserialize)]
struct Finding {
    at: String,
    check: String,
    verdict: String,
    #[serde(default)]
    fix: String,
}

/// What is expected of the doctor: which server, which check, and words of what it says is to be done.
pub type Fault<'a> = (&'a str, &'a str, &'a str);

/// What a run of the doctor said.
pub struct Said {
    findings: Vec<Finding>,
    text: String,
}

impl Said {
    fn with<'a>(&'a self, verdict: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| finding.verdict == verdict)
    }

    fn says(&self, verdict: &str, (at, check, fix): Fault<'_>) -> bool {
        self.with(verdict)
            .any(|found| found.at.contains(at) && found.check == check && found.fix.contains(fix))
    }

    pub fn nothing(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict == "good")
    }

    /// All of these problems.
    pub fn problems(&self, faults: &[Fault<'_>]) -> bool {
        faults.iter().all(|fault| self.says("problem", *fault))
    }

    /// These problems, and no others.
    pub fn only(&self, faults: &[Fault<'_>]) -> bool {
        self.problems(faults) && self.with("problem").count() == faults.len()
    }

    pub fn warns(&self, fault: Fault<'_>) -> bool {
        self.says("warning", fault)
    }
}

impl Deployment {
    pub fn start() -> Self {
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
        (0..6).for_each(|server| deployment.serve(server));
        deployment
    }

    /// Writes the survey with a change, signed by its organiser.
    pub fn sign(&self, name: &str, change: impl FnOnce(&mut Survey)) -> String {
        let mut survey = self.survey.clone();
        change(&mut survey);
        let signed = survey.sign(&self.organiser).unwrap();
        std::fs::write(self.path(name), serde_json::to_vec(&signed).unwrap()).unwrap();
        self.named(name)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path as an argument.
    pub fn named(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Starts a server.
    pub fn serve(&mut self, server: usize) {
        self.serve_as(server, program());
    }

    /// Starts a server as another program, or in another environment.
    pub fn serve_as(&mut self, server: usize, mut program: Command) {
        let role = ["party", "party", "party", "coordinator", "notary", "client-api"][server];
        let log = std::fs::File::create(self.path(&format!("{}.log", SERVERS[server]))).unwrap();
        let child = program
            .args([role, "serve", "--config"])
            .arg(self.path(&format!("{}.toml", SERVERS[server])))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running[server] = Some(child);
    }

    pub fn kill(&mut self, server: usize) {
        if let Some(mut child) = self.running[server].take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Runs the doctor on everything until it says what is expected: servers need a moment.
    pub fn expect(&self, arguments: &[&str], expected: impl Fn(&Said) -> bool) {
        self.expect_of(&mut program(), arguments, expected);
    }

    /// Likewise by another program, or in another environment.
    pub fn expect_of(&self, program: &mut Command, arguments: &[&str], expected: impl Fn(&Said) -> bool) {
        let deadline = Instant::now() + Duration::from_mins(3);
        let everything = ["--page", &self.page, "--notary-metrics", &self.metrics];
        program.args(["doctor", "--json"]).args(arguments);
        // Who names a page or a notary looks at that one.
        if !arguments.iter().any(|argument| everything.contains(argument)) {
            program.args(everything);
        }
        loop {
            let said = doctor(program);
            if expected(&said) {
                return;
            }
            assert!(Instant::now() < deadline, "{arguments:?}: {}", said.text);
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// The program under test.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mpcstats"))
}

/// The program where the clock is so many seconds off. Debian's package faketime, which scripts/setup installs; the
/// loader knows where libraries are.
pub fn with_clock(seconds: i64) -> Command {
    let mut program = program();
    program.env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketime.so.1");
    program.env("FAKETIME", format!("{seconds:+}s")).env("DONT_FAKE_MONOTONIC", "1");
    program
}

/// Runs the doctor. Whatever is not good says what to do, and problems make it fail.
pub fn doctor(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let said = Said { findings: Vec::deserialize(&report["findings"]).unwrap(), text };
    assert!(said.findings.iter().all(|one| one.verdict == "good" || !one.fix.is_empty()), "{}", said.text);
    let failed = said.with("problem").count() > 0;
    assert_eq!(output.status.code(), Some(i32::from(failed)), "{}", said.text);
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

/// Writes other words into a file.
pub fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} holds {from}", path.display());
    std::fs::write(path, text.replace(from, to)).unwrap();
}
