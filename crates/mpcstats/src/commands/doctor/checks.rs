//! What each kind of server must answer.

use std::sync::Arc;

use rustls::RootCertStore;
use survey::wire::{Problem, Status};
use survey::{Id, PublicKey, SignedSurvey, Survey};

use super::findings::Finding;
use super::probe::{Answer, Fault, Http, Seen, Trust, connect, handshake, now};

/// How far clocks may differ, in seconds. Parties refuse each other's messages at five minutes.
const SKEW: i64 = 30;
/// A party that the coordinator has not heard of for so many seconds does not fetch its queue.
const SILENT: u64 = 30;

/// What is known beforehand.
pub struct Context<'a> {
    pub survey: &'a Survey,
    pub id: Id,
    /// Who may vouch for the client API.
    pub roots: Arc<RootCertStore>,
}

/// What came of looking at one server.
pub struct Looked {
    at: String,
    findings: Vec<Finding>,
    version: Option<String>,
    ahead: Option<i64>,
}

impl Looked {
    fn new(at: impl Into<String>) -> Self {
        Self { at: at.into(), findings: Vec::new(), version: None, ahead: None }
    }

    fn good(&mut self, check: &'static str, found: impl Into<String>) {
        self.findings.push(Finding::good(&self.at, check, found));
    }

    fn problem(&mut self, check: &'static str, found: impl std::fmt::Display, fix: &str) {
        self.findings.push(Finding::problem(&self.at, check, found, fix));
    }

    /// Notes a fault; gives what there is otherwise.
    fn note<T>(&mut self, check: &'static str, outcome: Result<T, Fault>) -> Option<T> {
        outcome.map_err(|Fault { found, fix }| self.problem(check, found, &fix)).ok()
    }

    /// Connects, shakes hands, and compares the key.
    async fn identity(&mut self, address: &str, protocol: &[u8], trust: &Trust) -> Option<Seen> {
        let stream = connect(address).await;
        let stream = self.note("reachable", stream)?;
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
        let seen = handshake(stream, host, protocol, trust).await;
        let seen = self.note("certificate", seen)?;
        match trust {
            Trust::Key(key) if seen.key == Some(*key) => {
                self.good("certificate", "under the key that the survey names");
            }
            Trust::Key(key) => {
                let found = match seen.key {
                    Some(other) => format!("under the key {other}, but the survey names {key}"),
                    None => format!(
                        "not under an Ed25519 key, but the survey names {key}: a proxy ends TLS there?"
                    ),
                };
                let fix = "Start the server with the key file whose public key the survey names, at the address \
                           that the survey names; without that file, make new keys and sign a new survey.";
                self.problem("certificate", found, fix);
                return None;
            }
            _ if seen.lasting => self.good("certificate", "of an authority, good for two weeks and more"),
            _ => {
                let fix = "Renew it now, and see why that did not happen by itself.";
                let found = "of an authority, but it runs out within two weeks";
                self.findings.push(Finding::warning(&self.at, "certificate", found, fix));
            }
        }
        Some(seen)
    }

    async fn ready(&mut self, http: &Http) {
        let answer = http.get("/readyz").await;
        let Some(answer) = self.note("ready", answer) else { return };
        if answer.good() {
            return self.good("ready", "storage answers");
        }
        match serde_json::from_slice::<Problem>(&answer.body) {
            Ok(problem) => {
                let found = format!("{}: {} ({})", problem.code, problem.cause, problem.detail);
                self.problem("ready", found, &problem.next_step);
            }
            Err(_) => self.problem("ready", "it is not", "See the server's log."),
        }
    }

    /// The survey that it serves.
    async fn survey(&mut self, http: &Http, expected: Id) {
        let answer = http.get("/v1/survey").await.and_then(|answer| answer.json::<SignedSurvey>());
        let Some(served) = self.note("survey", answer) else { return };
        match survey::definition::verify(&served, None) {
            Ok(id) if id == expected => self.good("survey", "serves this survey"),
            Ok(id) => {
                let fix = "Give it the signed survey of this id, and restart it.";
                self.problem("survey", format!("serves another survey: {id}"), fix);
            }
            Err(refusal) => {
                self.problem("survey", refusal, "Give it the survey exactly as the organiser signed it.");
            }
        }
    }

    async fn status(&mut self, http: &Http) -> Option<Status> {
        let answer = http.get("/v1/status").await;
        let answer: Answer = self.note("status", answer)?;
        self.ahead = answer.ahead;
        let status: Status = self.note("status", answer.json())?;
        self.version = Some(status.version.clone());
        Some(status)
    }
}

fn pinned(key: PublicKey) -> Trust {
    Trust::Key(net::PublicKey(key.0))
}

impl Context<'_> {
    /// The coordinator, and when it heard of each party.
    pub async fn coordinator(&self) -> Looked {
        let mut looked = Looked::new("coordinator");
        let coordinator = &self.survey.coordinator;
        // Providers know the public authorities alone.
        let trust =
            coordinator.identity.map_or_else(|| Trust::Authorities(client::provider::public_roots()), pinned);
        let address = host_and_port(&coordinator.address);
        if looked.identity(&address, net::tls::ALPN_HTTP, &trust).await.is_none() {
            return looked;
        }
        let http = Http::new(&coordinator.address, &trust);
        let Some(http) = looked.note("reachable", http) else { return looked };
        looked.good("reachable", address);
        looked.ready(&http).await;
        looked.survey(&http, self.id).await;
        let Some(status) = looked.status(&http).await else { return looked };
        for (party, heard) in self.survey.parties.iter().zip(status.parties) {
            let fix = "On that party's host run this command: it must reach the coordinator's address.";
            match status.now.saturating_sub(heard) {
                _ if heard == 0 => looked.problem("parties", format!("never heard of {}", party.name), fix),
                silent if silent > SILENT => {
                    looked.problem("parties", format!("heard of {} {silent} s ago", party.name), fix);
                }
                _ => looked.good("parties", format!("hears of {}", party.name)),
            }
        }
        looked
    }

    /// A party: HTTPS, and the links of three-party computation on the same port.
    pub async fn party(&self, index: usize) -> Looked {
        let mut looked = Looked::new(format!("party {index}"));
        let party = &self.survey.parties[index];
        let trust = pinned(party.identity);
        if looked.identity(&party.address, net::tls::ALPN_HTTP, &trust).await.is_none() {
            return looked;
        }
        looked.good("reachable", party.address.as_str());
        looked.link(&party.address, &trust).await;
        let http = Http::new(&format!("https://{}", party.address), &trust);
        let Some(http) = looked.note("reachable", http) else { return looked };
        looked.ready(&http).await;
        looked.survey(&http, self.id).await;
        looked.status(&http).await;
        looked
    }

    /// A notary of the survey, at its address.
    pub async fn notary(&self, index: usize, address: &str, notary: &mpctls::NotaryKey) -> Looked {
        let mut looked = Looked::new(format!("notary {index}"));
        let trust = Trust::Key(net::PublicKey(notary.key));
        if looked.identity(address, net::tls::ALPN_NOTARY, &trust).await.is_some() {
            looked.good("reachable", address);
        }
        looked
    }

    /// A notary's own address of metrics and keys.
    pub async fn notary_metrics(&self, address: &str) -> Looked {
        let mut looked = Looked::new(format!("notary {address}"));
        let http = Http::new(address, &Trust::Nobody);
        let Some(http) = looked.note("reachable", http) else { return looked };
        let answer = http.get("/keys").await;
        let Some(answer) = looked.note("reachable", answer) else { return looked };
        looked.ahead = answer.ahead;
        let Some(keys) = looked.note("keys", answer.json::<Vec<mpctls::NotaryKey>>()) else { return looked };
        let listed = |key: &mpctls::NotaryKey| self.survey.notaries.iter().any(|known| known.key == key.key);
        let signs =
            |key: &&mpctls::NotaryKey| !key.revoked && key.not_after.is_none_or(|until| now() <= until);
        match keys.iter().rev().find(signs) {
            Some(key) if listed(key) => looked.good("keys", format!("signs with key {}, listed", key.id())),
            Some(key) => {
                let fix = "Sign a survey with the list that `mpcstats notary keys` prints now.";
                looked.problem(
                    "keys",
                    format!("signs with key {}, which the survey does not list", key.id()),
                    fix,
                );
            }
            None => looked.problem(
                "keys",
                "all its keys are over",
                "Run `mpcstats notary rotate`, and restart it.",
            ),
        }
        looked
    }

    /// The client API.
    pub async fn page(&self, base: &str) -> Looked {
        let mut looked = Looked::new("client API");
        let trust = if base.starts_with("https://") {
            Trust::Authorities(Arc::clone(&self.roots))
        } else {
            Trust::Nobody
        };
        let address = host_and_port(base);
        if matches!(trust, Trust::Authorities(_)) {
            if looked.identity(&address, net::tls::ALPN_HTTP, &trust).await.is_none() {
                return looked;
            }
        } else {
            let stream = connect(&address).await;
            if looked.note("reachable", stream).is_none() {
                return looked;
            }
        }
        let http = Http::new(base, &trust);
        let Some(http) = looked.note("reachable", http) else { return looked };
        looked.good("reachable", base);
        let answer = http.get(&format!("/api/surveys/{}", self.id)).await;
        let Some(answer) = looked.note("survey", answer) else { return looked };
        looked.ahead = answer.ahead;
        match (answer.good(), serde_json::from_slice::<Problem>(&answer.body)) {
            (true, _) => looked.good("survey", "shows this survey"),
            (false, Ok(problem)) if problem.code == survey::Code::NotFound => {
                let fix = "List this survey under `[[surveys]]` in its configuration, and restart it.";
                looked.problem("survey", "does not show this survey", fix);
            }
            (false, Ok(problem)) => {
                let fix = "It has not heard of the coordinator yet: run this command on its host.";
                looked.problem("survey", format!("{}: {}", problem.code, problem.cause), fix);
            }
            (false, Err(_)) => {
                let fix = "Check the address: no client API answers there, but something else does.";
                looked.problem("survey", "answers with something else than mpcstats", fix);
            }
        }
        looked
    }
}

impl Looked {
    /// Whether the port carries links: a proxy that passes HTTPS on would not.
    async fn link(&mut self, address: &str, trust: &Trust) {
        let fix =
            "Let connections reach the party's own port untouched: no proxy may end TLS in front of it.";
        let Some(stream) = self.note("links", connect(address).await) else { return };
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
        match handshake(stream, host, net::tls::ALPN_PARTY, trust).await {
            Ok(seen) if seen.protocol.as_deref() == Some(net::tls::ALPN_PARTY) => {
                self.good("links", "takes links of three-party computation");
            }
            Ok(_) => self.problem("links", "does not take links of three-party computation", fix),
            Err(Fault { found, .. }) => self.problem("links", found, fix),
        }
    }
}

/// `host:port` of an address.
fn host_and_port(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    let authority = rest.split('/').next().unwrap_or(rest);
    let port = if scheme == "http" { 80 } else { 443 };
    // An IPv6 address has colons of its own, within brackets.
    let tail = authority.rsplit_once(']').map_or(authority, |(_, tail)| tail);
    if tail.contains(':') { authority.to_owned() } else { format!("{authority}:{port}") }
}

/// What the servers said about themselves, to be compared.
#[derive(Default)]
pub struct Servers {
    versions: Vec<(String, String)>,
    clocks: Vec<(String, i64)>,
}

impl Servers {
    /// Takes over one server's findings and statements.
    pub fn take(&mut self, looked: Looked, findings: &mut Vec<Finding>) {
        let Looked { at, findings: found, version, ahead } = looked;
        findings.extend(found);
        self.versions.extend(version.map(|version| (at.clone(), version)));
        self.clocks.extend(ahead.map(|ahead| (at, ahead)));
    }

    /// What does not fit together.
    pub fn compare(&self) -> Vec<Finding> {
        let mut findings = self.compare_clocks();
        findings.extend(self.compare_versions(env!("CARGO_PKG_VERSION")));
        findings
    }

    /// The middle one of all clocks, this host's among them, is taken for right.
    fn compare_clocks(&self) -> Vec<Finding> {
        if self.clocks.is_empty() {
            return Vec::new();
        }
        let mut all = self.clocks.clone();
        all.push(("here".to_owned(), 0));
        let mut sorted: Vec<i64> = all.iter().map(|(_, ahead)| *ahead).collect();
        sorted.sort_unstable();
        let middle = sorted[sorted.len() / 2];
        let wrong: Vec<Finding> = all
            .iter()
            .filter(|(_, ahead)| (ahead - middle).abs() > SKEW)
            .map(|(at, ahead)| {
                let (off, way) = ((ahead - middle).abs(), if *ahead > middle { "ahead" } else { "behind" });
                let fix = "Let NTP set this clock (`timedatectl set-ntp true`).";
                Finding::problem(at, "clock", format!("{off} s {way} of the others"), fix)
            })
            .collect();
        if wrong.is_empty() {
            let found = format!("{} clocks within {SKEW} s of each other", all.len());
            return vec![Finding::good("all", "clock", found)];
        }
        wrong
    }

    fn compare_versions(&self, here: &str) -> Option<Finding> {
        let (_, first) = self.versions.first()?;
        let fix =
            "Bring every server to one version, the coordinator first (docs: Deploying on several hosts).";
        if self.versions.iter().any(|(_, version)| version != first) {
            let each: Vec<String> =
                self.versions.iter().map(|(at, version)| format!("{at} {version}")).collect();
            return Some(Finding::problem("all", "version", each.join(", "), fix));
        }
        if first != here {
            let found = format!("the servers have {first}, this command {here}");
            return Some(Finding::warning(
                "here",
                "version",
                found,
                "Use a command of the servers' version.",
            ));
        }
        Some(Finding::good("all", "version", here))
    }
}

#[cfg(test)]
mod tests {
    use super::super::findings::Verdict;
    use super::*;

    fn clocks(ahead: &[i64]) -> Vec<Finding> {
        let clocks = ahead.iter().enumerate().map(|(index, ahead)| (format!("server {index}"), *ahead));
        Servers { clocks: clocks.collect(), ..Servers::default() }.compare_clocks()
    }

    #[test]
    fn the_clock_that_differs_from_most_is_the_wrong_one() {
        assert_eq!(clocks(&[1, -2, 0])[0].verdict, Verdict::Good);
        let one = clocks(&[0, 400, 1]);
        assert_eq!((one.len(), one[0].at.as_str(), one[0].verdict), (1, "server 1", Verdict::Problem));
        let own = clocks(&[-90, -91, -90]);
        assert_eq!((own.len(), own[0].at.as_str()), (1, "here"));
    }

    #[test]
    fn versions_that_differ_are_a_problem_among_servers_and_a_warning_here() {
        let versions = |list: &[&str]| Servers {
            versions: list.iter().map(|version| (String::new(), (*version).to_owned())).collect(),
            ..Servers::default()
        };
        let verdict = |list: &[&str]| versions(list).compare_versions("0.1.0").map(|finding| finding.verdict);
        assert_eq!(verdict(&["0.1.0", "0.1.0"]), Some(Verdict::Good));
        assert_eq!(verdict(&["0.1.0", "0.2.0"]), Some(Verdict::Problem));
        assert_eq!(verdict(&["0.2.0", "0.2.0"]), Some(Verdict::Warning));
        assert_eq!(verdict(&[]), None);
    }

    #[test]
    fn addresses_get_their_scheme_s_port() {
        for (address, expected) in [
            ("https://survey.example", "survey.example:443"),
            ("https://survey.example:7300/", "survey.example:7300"),
            ("http://10.0.0.1", "10.0.0.1:80"),
            ("https://[::1]", "[::1]:443"),
            ("https://[::1]:7300", "[::1]:7300"),
        ] {
            assert_eq!(host_and_port(address), expected);
        }
    }
}
