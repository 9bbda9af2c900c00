#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! `mpcstats doctor` against real processes: it finds nothing wrong with a good deployment, and in each bad one the
//! fault, with what is to be done about it.

mod support;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use support::deployment::{Deployment, Fault, Said, doctor, program, replace, with_clock};
use support::processes::now;
use survey::Identity;

/// The name of a notary's own address among the findings.
const METRICS: &str = "notary http";

fn only<'a>(at: &'a str, check: &'a str, fix: &'a str) -> impl Fn(&Said) -> bool + 'a {
    move |said| said.only(&[(at, check, fix)])
}

fn all<'a>(faults: &'a [Fault<'a>]) -> impl Fn(&Said) -> bool + 'a {
    move |said| said.problems(faults)
}

#[test]
fn the_doctor_finds_nothing_in_a_good_deployment_and_what_is_wrong_with_surveys_keys_and_fronts() {
    let deployment = Deployment::start();
    let survey = deployment.named("survey.json");
    let url = format!("{}/#{}", deployment.survey.coordinator.address, deployment.survey.id().unwrap());
    // Nothing is wrong, from wherever it is looked at.
    for target in [&survey, &url, &deployment.named("api.toml")] {
        deployment.expect(&[target], Said::nothing);
    }
    let organiser = deployment.organiser.public().to_string();
    deployment.expect(&[&deployment.named("party1.toml"), "--organiser", &organiser], Said::nothing);

    surveys(&deployment, &survey);
    own_files(&deployment);
    addresses(&deployment);
    fronts(&deployment, &survey);
}

/// The survey is altered, another's, over, not open yet, unsigned, or names no notary that may attest.
fn surveys(deployment: &Deployment, survey: &str) {
    let stranger = Identity::generate().public().to_string();
    deployment.expect(
        &[survey, "--organiser", &stranger],
        only("survey", "signature", "as the organiser signed it"),
    );
    let altered = deployment.sign("altered.json", |_| {});
    replace(Path::new(&altered), "Fixture", "Altered");
    deployment.expect(&[&altered], only("survey", "signature", "sign it again"));
    let missing = deployment.named("missing.json");
    deployment.expect(&[&missing], only("survey", "definition", "path of the signed survey"));

    let other = format!("{}/#{}", deployment.survey.coordinator.address, "07".repeat(32));
    deployment.expect(&[&other], only("coordinator", "survey", "the signed survey of this id"));
    let another = deployment.sign("another.json", |survey| survey.closes_at = now() - 60);
    deployment.expect(&[&another], |said| {
        let restart = "and restart it";
        let served = ["coordinator", "party 0", "party 1", "party 2", "client API"];
        said.only(&served.map(|at| (at, "survey", restart)))
            && said.warns(("survey", "period", "another survey"))
    });
    let early = deployment.sign("early.json", |survey| survey.opens_at = now() + 3600);
    deployment.expect(&[&early], |said| said.warns(("survey", "period", "if this is meant")));
    let over = deployment.sign("over.json", |survey| survey.notaries[0].not_after = Some(now() - 60));
    deployment.expect(&[&over], all(&[("survey", "notaries", "mpcstats notary keys")]));

    // A folder that nobody has signed yet, and one that does not check.
    let folder = deployment.path("folder");
    std::fs::create_dir(&folder).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::copy(root.join("sources/sample-exchange.toml"), folder.join("source.toml")).unwrap();
    let text = std::fs::read_to_string(root.join("surveys/eth-inequality/survey.toml")).unwrap();
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("source = ")).collect();
    lines.insert(0, "source = \"source.toml\"");
    std::fs::write(folder.join("survey.toml"), lines.join("\n")).unwrap();
    let named = deployment.named("folder");
    deployment.expect(&[&named], all(&[("survey", "definition", "mpcstats survey check")]));
    std::fs::write(folder.join("deployment.toml"), deployment_toml(deployment)).unwrap();
    deployment.expect(&[&named], |said| said.warns(("survey", "signature", "mpcstats survey sign")));
}

/// Who serves the deployment's survey, as `deployment.toml` says it.
fn deployment_toml(deployment: &Deployment) -> String {
    let survey = &deployment.survey;
    let served = serde_json::json!({
        "coordinator": survey.coordinator, "parties": survey.parties, "notaries": survey.notaries,
        "notary_addresses": survey.notary_addresses, "consumers": survey.consumers,
    });
    toml::to_string(&served).unwrap()
}

/// Files on this host: configurations that name nothing, or wrongly, and keys that are missing, open or nobody's.
fn own_files(deployment: &Deployment) {
    let own = deployment.named("party1.toml");
    let key = deployment.path("party1.key");
    let with_mode = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    with_mode(0o644);
    deployment.expect(&[&own], only("here", "keys", "chmod 600"));
    with_mode(0o600);

    let change = |from: &str, to: &str| replace(Path::new(&own), from, to);
    change("storage", "stowage");
    deployment.expect(&[&own], only("here", "configuration", "mpcstats config check"));
    change("stowage", "storage");
    change("party1.key", "lost.key");
    deployment.expect(&[&own], all(&[("here", "keys", "Restore the key file")]));
    change("lost.key", "api.key");
    deployment.expect(&[&own], only("here", "configuration", "mpcstats config check"));
    change("api.key", "party1.key");
    change("survey = ", "# survey = ");
    deployment.expect(&[&own], only("here", "configuration", "mpcstats config example"));
    change("# survey = ", "survey = ");
    deployment.expect(&[&own, "--authority", "nothing.pem"], only("here", "authorities", "PEM file"));
}

/// At the addresses that the survey names is somebody else, or nobody.
fn addresses(deployment: &Deployment) {
    let swapped = deployment.sign("swapped.json", |survey| {
        let [first, second, _] = &mut survey.parties;
        std::mem::swap(&mut first.address, &mut second.address);
    });
    deployment.expect(&[&swapped], |said| {
        let fix = "Start the server with the key file";
        said.problems(&[("party 0", "certificate", fix), ("party 1", "certificate", fix)])
            && !said.problems(&[("party 2", "certificate", "")])
    });
    let unlisted = deployment.sign("unlisted.json", |survey| survey.notaries[0].key[0] ^= 1);
    deployment.expect(
        &[&unlisted],
        all(&[
            ("notary 0", "certificate", "Start the server with the key file"),
            (METRICS, "keys", "notary keys"),
        ]),
    );
    // No such name, a port that is open and silent, and one where something else answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let page = deployment.page.trim_start_matches("http://").to_owned();
    let elsewhere = deployment.sign("elsewhere.json", |survey| {
        survey.coordinator.address = "https://nowhere.invalid:7300".into();
        survey.parties[0].address = silent.local_addr().unwrap().to_string();
        survey.parties[1].address = page;
    });
    deployment.expect(
        &[&elsewhere],
        all(&[
            ("coordinator", "reachable", "cannot resolve"),
            ("party 0", "certificate", "is not overloaded"),
            ("party 1", "certificate", "must end TLS 1.3"),
        ]),
    );
    let survey = deployment.named("survey.json");
    // The two plain addresses, one for the other.
    deployment.expect(
        &[&survey, "--page", &deployment.metrics],
        only("client API", "survey", "no client API answers"),
    );
    deployment
        .expect(&[&survey, "--notary-metrics", &deployment.page], only(METRICS, "keys", "Check the address"));
}

/// Proxies with certificates of authorities, before the page and, against the rules, before a party.
fn fronts(deployment: &Deployment, survey: &str) {
    let front = Front::start(deployment);
    let page = format!("https://localhost:{}", front.port);
    let looked = [survey, "--page", &page];
    deployment.expect(&looked, only("client API", "certificate", "No public authority signed"));
    let front_pem = deployment.named("front.pem");
    let authority = ["--authority", front_pem.as_str()];
    let trusting = [&looked[..], &authority].concat();
    deployment.expect(&trusting, |said| {
        said.only(&[]) && said.warns(("client API", "certificate", "Renew it now"))
    });
    // Later. Its clock is wrong then, too.
    deployment.expect_of(
        &mut with_clock(30 * 24 * 3600),
        &trusting,
        all(&[("client API", "certificate", "has run out"), ("here", "clock", "NTP")]),
    );
    let page = format!("https://127.0.0.1:{}", front.port);
    let other_name = [&[survey, "--page", &page], &authority[..]].concat();
    deployment.expect(&other_name, only("client API", "certificate", "for this very name"));
    let page = deployment.page.replace("http:", "https:");
    deployment.expect(&[survey, "--page", &page], only("client API", "certificate", "proxy speaks TLS"));

    let behind = deployment.sign("behind.json", |survey| {
        survey.parties[0].address = format!("127.0.0.1:{}", front.port);
        survey.parties[1].address = format!("127.0.0.1:{}", front.party);
        survey.coordinator.identity = None;
    });
    deployment.expect(
        &[&behind],
        all(&[
            ("party 0", "certificate", "Start the server with the key file"),
            ("party 1", "links", "no proxy may end TLS"),
            ("coordinator", "certificate", "pin the server's key"),
            ("all", "version", "to one version, the coordinator first"),
        ]),
    );
}

/// nginx before the page, under a certificate for `localhost` that is good for ten days, and before party 1, under that
/// party's own key, as if the party were of another version. It dies with the test.
struct Front {
    port: u16,
    party: u16,
    nginx: Child,
}

impl Front {
    fn start(deployment: &Deployment) -> Self {
        let [port, party] = [(); 2].map(|()| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        });
        let certify = |name: &str, key: &[&str]| {
            let made = Command::new("openssl")
                .args(["req", "-x509", "-days", "10", "-subj", "/CN=localhost"])
                .args([
                    "-addext",
                    "subjectAltName=DNS:localhost",
                    "-addext",
                    "basicConstraints=critical,CA:FALSE",
                ])
                .args(key)
                .args(["-out", &deployment.named(name)])
                .output()
                .expect("openssl; scripts/setup installs it");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        };
        let key = deployment.named("front.key");
        let fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", &key];
        certify("front.pem", &fresh);
        std::fs::write(deployment.path("proxy.key"), pkcs8(&deployment.path("party1.key"))).unwrap();
        certify("proxy.pem", &["-key", &deployment.named("proxy.key")]);
        let version = env!("CARGO_PKG_VERSION");
        let configuration = format!(
            "daemon off;\npid front.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n access_log off;\n\
             ssl_protocols TLSv1.3;\n proxy_ssl_protocols TLSv1.3;\n\
             server {{\n listen 127.0.0.1:{port} ssl;\n\
             ssl_certificate front.pem;\n ssl_certificate_key front.key;\n location / {{ proxy_pass {}; }}\n }}\n\
             server {{\n listen 127.0.0.1:{party} ssl;\n\
             ssl_certificate proxy.pem;\n ssl_certificate_key proxy.key;\n\
             sub_filter_types *;\n sub_filter '\"version\":\"{version}\"' '\"version\":\"{version}-other\"';\n\
             location / {{ proxy_pass https://{}; }}\n }}\n}}\n",
            deployment.page, deployment.survey.parties[1].address
        );
        std::fs::write(deployment.path("nginx.conf"), configuration).unwrap();
        let nginx = Command::new("nginx")
            .arg("-p")
            .arg(deployment.path("."))
            .args(["-c", "nginx.conf"])
            .stderr(std::fs::File::create(deployment.path("nginx.log")).unwrap())
            .spawn()
            .expect("nginx; scripts/setup installs it");
        Self { port, party, nginx }
    }
}

/// A server's identity in the form that other programs read: RFC 8410, the seed behind a fixed head.
fn pkcs8(keys: &Path) -> String {
    const HEAD: &str = "302e020100300506032b657004220420";
    let text = std::fs::read_to_string(keys).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let der = hex::decode(format!("{HEAD}{}", table["identity"].as_str().unwrap())).unwrap();
    let output = {
        use std::io::Write as _;
        let mut openssl = Command::new("openssl")
            .args(["pkey", "-inform", "DER"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("openssl; scripts/setup installs it");
        openssl.stdin.take().unwrap().write_all(&der).unwrap();
        openssl.wait_with_output().unwrap()
    };
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

impl Drop for Front {
    fn drop(&mut self) {
        // So that its worker ends with it.
        let _gone = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.nginx),
            rustix::process::Signal::TERM,
        );
        let _reaped = self.nginx.wait();
    }
}

#[test]
fn the_doctor_finds_servers_that_are_down_out_of_date_out_of_time_or_out_of_order() {
    let mut deployment = Deployment::start();
    let survey = deployment.named("survey.json");
    let url = format!("{}/#{}", deployment.survey.coordinator.address, deployment.survey.id().unwrap());
    deployment.expect(&[&survey], Said::nothing);

    // Servers that are down, seen by those who need them.
    let start = "Start the server";
    deployment.kill(4);
    deployment.expect(&[&survey], |said| {
        said.only(&[("notary 0", "reachable", start), (METRICS, "reachable", "See the server's log")])
    });
    deployment.serve(4);
    deployment.kill(2);
    deployment.expect(&[&survey], all(&[("party 2", "reachable", start)]));
    assert!(
        doctor(program().args(["doctor", "--json", &survey, "--as", "consumer"])).nothing(),
        "no party is needed"
    );
    // After half a minute, those who need it have not heard of it for too long.
    deployment.expect(
        &[&survey],
        all(&[
            ("coordinator", "parties", "On that party's host"),
            ("party 0", "ready", ""),
            ("party 1", "ready", ""),
        ]),
    );
    // A coordinator that has just started has not heard of it at all; a page without coordinator has nothing to show.
    deployment.kill(3);
    deployment.kill(5);
    deployment.serve(5);
    deployment.expect(&[&url], only("coordinator", "reachable", "Start the coordinator"));
    deployment.expect(
        &[&survey],
        all(&[("coordinator", "reachable", start), ("client API", "survey", "on its host")]),
    );
    deployment.serve(3);
    deployment.expect(&[&survey, "--as", "provider"], only("coordinator", "parties", "On that party's host"));
    deployment.serve(2);
    deployment.kill(5);
    deployment.expect(&[&survey], only("client API", "reachable", start));
    deployment.serve(5);
    deployment.expect(&[&survey], Said::nothing);

    clocks_and_versions(&mut deployment, &survey);
    notary_keys(&mut deployment, &survey);

    // A disk that has gone bad under a running coordinator.
    for suffix in ["", "-wal", "-shm"] {
        let path = deployment.path(&format!("coordinator.db{suffix}"));
        let length = std::fs::metadata(&path).unwrap().len();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &vec![0x5a; length as usize], 0).unwrap();
    }
    deployment.expect(&[&survey], all(&[("coordinator", "ready", "")]));
}

fn clocks_and_versions(deployment: &mut Deployment, survey: &str) {
    deployment.kill(0);
    deployment.serve_as(0, with_clock(120));
    deployment.expect(&[survey], only("party 0", "clock", "timedatectl set-ntp true"));
    deployment.expect_of(
        &mut with_clock(-90),
        &[survey],
        all(&[("here", "clock", "timedatectl set-ntp true")]),
    );

    deployment.kill(0);
    deployment.serve(0);
    deployment.expect(&[survey], Said::nothing);
}

/// A notary whose key was revoked signs with one that the survey does not list; one that was restored from an old backup
/// signs with a key that is over.
fn notary_keys(deployment: &mut Deployment, survey: &str) {
    let list = deployment.path("notary-keys/keys.json");
    let (key, listed) = (deployment.path("notary-keys/notary.key"), std::fs::read(&list).unwrap());
    let secret = std::fs::read(&key).unwrap();
    let id = deployment.survey.notaries[0].id();
    let config = deployment.named("notary.toml");
    assert!(program().args(["notary", "revoke", "--config", &config, &id]).status().unwrap().success());
    let restart = |deployment: &mut Deployment| {
        deployment.kill(4);
        deployment.serve(4);
    };
    restart(deployment);
    deployment.expect(&[survey], |said| {
        said.only(&[
            ("notary 0", "certificate", "Start the server with the key file"),
            (METRICS, "keys", "Sign a survey with the list"),
        ])
    });
    std::fs::write(&key, secret).unwrap();
    restart(deployment);
    let over = std::fs::read_to_string(&list).unwrap().replace("\"revoked\": false", "\"revoked\": true");
    std::fs::write(&list, over).unwrap();
    restart(deployment);
    deployment.expect(&[survey], only(METRICS, "keys", "mpcstats notary rotate"));
    std::fs::write(&list, listed).unwrap();
    restart(deployment);
    deployment.expect(&[survey], Said::nothing);
}
