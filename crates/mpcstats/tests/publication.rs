#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! What a client API publishes, as processes: every release once, as JSON and as events, in a list of which nothing can
//! be taken out unnoticed; and a plan that a party refuses keeps no other back.

mod support;

use std::process::{Child, Command, Output};

use serde_json::Value;
use stats::Schema;
use stats::build::Program;
use support::processes::{Processes, eventually, terminate};
use survey::Survey;
use survey::definition::NamedPlan;
use survey::wire::Status;

/// Two listed plans.
fn two_plans(survey: &mut Survey) {
    let named = |name: &str| {
        let program = Program::new(name, survey.schema());
        let balance = program.column(Schema::DEFAULT, "balance");
        let number = if name == "sum" { balance.sum() } else { balance.count() };
        program.output([name], &number);
        NamedPlan { name: name.into(), description: String::new(), plan: program.finish().unwrap() }
    };
    survey.plans = vec![named("sum"), named("count")];
}

struct Page {
    address: String,
    survey: String,
    server: Option<Child>,
}

impl Page {
    fn start(processes: &Processes) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = format!(
            "listen = \"{free}\"\nfolder = \"certificates\"\n\
             [[surveys]]\nsurvey = \"survey.json\"\nkeys = \"consumer.key\"\n"
        );
        std::fs::write(processes.path("page.toml"), config).unwrap();
        let survey = processes.signed.body.id().unwrap().to_string();
        let mut page = Self { address: format!("http://{free}"), survey, server: None };
        page.restart(processes);
        page
    }

    fn restart(&mut self, processes: &Processes) {
        self.stop();
        self.server = Some(processes.spawn("page", &["client-api", "serve", "--config", "page.toml"]));
    }

    fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            assert_eq!(terminate(server).code(), Some(0));
        }
    }

    fn curl(&self, path: &str, seconds: &str) -> Vec<u8> {
        let url = format!("{}/api/surveys/{}/{path}", self.address, self.survey);
        Command::new("curl").args(["-sN", "--max-time", seconds, &url]).output().expect("curl").stdout
    }

    /// The releases, once there are so many.
    async fn releases(&self, count: usize) -> Vec<Value> {
        eventually("releases", async || {
            let releases: Vec<Value> = serde_json::from_slice(&self.curl("releases", "10")).ok()?;
            (releases.len() == count).then_some(releases)
        })
        .await
    }

    /// Checks the list of releases as anybody may, with what was seen before.
    fn check(&self, processes: &Processes) -> Output {
        let arguments = ["--survey", "survey.json", "--seen", "seen.json", "--json"];
        processes.command(&[&["certificate", "log", self.address.as_str()], &arguments[..]].concat())
    }

    /// How many releases were known to whoever checks, and how many there are now.
    fn checked(&self, processes: &Processes) -> (u64, usize) {
        let output = self.check(processes);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        (answer["known"].as_u64().unwrap(), answer["log"]["entries"].as_array().unwrap().len())
    }

    /// That the list was rewritten is found out.
    fn is_caught(&self, processes: &Processes) {
        let output = self.check(processes);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains("refused (rewritten_log)"), "{said}");
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _gone = server.kill();
            let _reaped = server.wait();
        }
    }
}

/// Three accounts, until their epoch has closed.
async fn an_epoch(processes: &Processes, number: u64) {
    for account in 0..3 {
        processes.share(&format!("account{number}-{account}")).await;
    }
    eventually("an epoch that does not close", async || {
        let status: Status = processes.coordinator.get("/v1/status").await.ok()?;
        (status.epochs > number).then_some(())
    })
    .await;
}

/// The events of a kind, with their JSON.
fn events(stream: &[u8], kind: &str) -> Vec<Value> {
    let text = String::from_utf8(stream.to_vec()).unwrap();
    let of_kind = |event: &&str| event.lines().any(|line| line == format!("event: {kind}"));
    let data = |event: &str| {
        let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap().to_owned();
        serde_json::from_str(&data).unwrap()
    };
    text.split("\n\n").filter(of_kind).map(data).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_stays_published() {
    let mut processes = Processes::prepare(two_plans, "");
    processes.fixture.consumer.write(&processes.path("consumer.key")).unwrap();
    (0..4).for_each(|index| processes.start(index));
    an_epoch(&processes, 0).await;
    let mut page = Page::start(&processes);
    page.releases(2).await;
    assert_eq!(page.checked(&processes), (0, 2));
    assert_eq!(page.checked(&processes), (2, 2));

    // Who listens is told what there is, and then what comes.
    let url = format!("{}/api/surveys/{}/events", page.address, page.survey);
    let listening = Command::new("curl")
        .args(["-sN", "--max-time", "120", &url])
        .stdout(std::fs::File::create(processes.path("events")).unwrap())
        .spawn();
    let mut listening = listening.expect("curl");
    an_epoch(&processes, 1).await;
    let releases = page.releases(4).await;
    eventually("events", async || {
        let stream = std::fs::read(processes.path("events")).unwrap();
        (events(&stream, "release").len() == 2).then_some(())
    })
    .await;
    listening.kill().unwrap();
    listening.wait().unwrap();
    let stream = std::fs::read(processes.path("events")).unwrap();
    assert_eq!(events(&stream, "history")[0].as_array().unwrap().len(), 2);
    let mut told = events(&stream, "release");
    told.reverse();
    assert_eq!(told, releases[..2], "newest first");
    assert!(events(&stream, "status").iter().all(|status| status["id"] == page.survey.as_str()));
    assert_eq!(page.checked(&processes), (2, 4));

    // A party refuses the first plan from now on: the other is published all the same.
    assert_eq!(processes.terminate(1).code(), Some(0));
    std::fs::write(processes.path("policy.toml"), "refuse_plans = [\"sum\"]\n").unwrap();
    let config = std::fs::read_to_string(processes.path("party1.toml")).unwrap();
    std::fs::write(processes.path("party1.toml"), format!("policy = \"policy.toml\"\n{config}")).unwrap();
    processes.start(1);
    an_epoch(&processes, 2).await;
    let releases = page.releases(5).await;
    assert_eq!((&releases[0]["plan"], &releases[0]["count"]), (&"count".into(), &9.into()));
    assert_eq!(page.checked(&processes), (4, 5));

    // A release is taken out of the middle, and whoever remembers the list notices, whatever else is published.
    page.stop();
    let file = processes.path(&format!("certificates/{}.jsonl", page.survey));
    let lines = std::fs::read_to_string(&file).unwrap();
    let without: Vec<&str> =
        lines.lines().enumerate().filter(|(index, _)| *index != 1).map(|(_, line)| line).collect();
    std::fs::write(&file, without.join("\n") + "\n").unwrap();
    page.restart(&processes);
    page.releases(4).await;
    page.is_caught(&processes);
    // The list as it was passes again.
    page.stop();
    std::fs::write(&file, lines).unwrap();
    page.restart(&processes);
    page.releases(5).await;
    assert_eq!(page.checked(&processes), (5, 5));
}
