#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! A running demo whose terminal is closed ends, and everything that it started with it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(3);

/// The demo's servers: website, notary, coordinator, three parties, page.
const SERVERS: usize = 7;

/// A demo at a terminal of its own. It dies with the test.
struct Demo {
    folder: tempfile::TempDir,
    terminal: Child,
}

impl Demo {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The survey of the repository, of three people.
        let survey = folder.path().join("survey");
        std::fs::create_dir(&survey).unwrap();
        let given = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../surveys/eth-inequality");
        for entry in std::fs::read_dir(given).unwrap().flatten() {
            std::fs::copy(entry.path(), survey.join(entry.file_name())).unwrap();
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sources/binance-spot.toml");
        std::fs::copy(source, survey.join("source.toml")).unwrap();
        let text = std::fs::read_to_string(survey.join("survey.toml")).unwrap();
        let text = text
            .replace("../../sources/binance-spot.toml", "source.toml")
            .replace("minimum = 10", "minimum = 3");
        std::fs::write(survey.join("survey.toml"), text).unwrap();
        let line = format!(
            "'{}' demo --providers 3 --survey '{}' --folder demo",
            env!("CARGO_BIN_EXE_mpcstats"),
            survey.display()
        );
        // `script` holds the other end of the terminal: the terminal is closed when it ends.
        let terminal = Command::new("script")
            .args(["--quiet", "--flush", "--command", &line, "screen"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("script, of util-linux");
        Self { folder, terminal }
    }

    fn own(&self) -> PathBuf {
        self.folder.path().join("demo")
    }

    /// The servers that run: all work in the demo's folder.
    fn servers(&self) -> Vec<rustix::process::Pid> {
        let Ok(own) = self.own().canonicalize() else { return Vec::new() };
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let here = processes.filter(|process| {
            std::fs::read_link(process.path().join("cwd")).is_ok_and(|folder| folder == own)
        });
        let number = |name: std::ffi::OsString| name.to_str()?.parse().ok();
        here.filter_map(|process| rustix::process::Pid::from_raw(number(process.file_name())?)).collect()
    }

    fn close_the_terminal(&mut self) {
        self.terminal.kill().unwrap();
        self.terminal.wait().unwrap();
    }

    fn wait(&self, what: &str, there: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !there(self) {
            assert!(Instant::now() < deadline, "{what}; on the screen:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn screen(&self) -> String {
        read(&self.folder.path().join("screen"))
    }

    /// Everything has ended, and not by being killed: each party has said that it stops.
    fn ends_gracefully(&self) {
        self.wait("the servers do not end", |demo| demo.servers().is_empty());
        for party in ["party0", "party1", "party2"] {
            let log = read(&self.own().join(format!("{party}.log")));
            assert!(log.contains("shutting down"), "{party} was killed:\n{log}");
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.close_the_terminal();
        for server in self.servers() {
            // It may be gone already.
            let _gone = rustix::process::kill_process(server, rustix::process::Signal::KILL);
        }
    }
}

#[test]
fn closing_the_terminal_ends_a_demo_that_is_still_working() {
    let mut demo = Demo::start();
    demo.wait("the servers do not start", |demo| demo.servers().len() == SERVERS);
    demo.close_the_terminal();
    demo.ends_gracefully();
}

#[test]
fn closing_the_terminal_ends_a_demo_that_is_up() {
    let mut demo = Demo::start();
    demo.wait("the demo does not get up", |demo| demo.screen().contains("stays up until Ctrl-C"));
    assert_eq!(demo.servers().len(), SERVERS);
    demo.close_the_terminal();
    demo.ends_gracefully();
}
