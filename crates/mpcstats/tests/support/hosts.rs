//! Hosts on one machine: each a network namespace, a host name and a folder. One more namespace is the network between
//! them; it forwards everything, and a host has routes only to those it was told of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The hosts' way out. Every cable's other end has this address.
const GATEWAY: &str = "169.254.0.1";

/// Whether this machine lets us make network namespaces.
pub fn permitted() -> bool {
    let tried = Command::new("unshare").args(["--net", "--mount", "ip", "link", "set", "lo", "up"]).output();
    tried.is_ok_and(|output| output.status.success())
}

pub struct Hosts {
    folder: tempfile::TempDir,
    names: Vec<String>,
    /// Holds the namespaces of the network and of mounts, in which all others are known by name.
    keeper: Child,
    servers: Vec<(String, Child)>,
}

impl Hosts {
    /// Makes hosts and network; `connections` are pairs of hosts, the first of which calls the second.
    pub fn new(connections: &[(String, String)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let both = connections.iter().flat_map(|(from, to)| [from.clone(), to.clone()]);
        let mut names: BTreeSet<String> = both.collect();
        // Signs the survey, and has no network.
        names.insert("organiser".into());
        let keeper = Command::new("unshare")
            .args(["--net", "--mount", "sleep", "infinity"])
            .spawn()
            .expect("unshare starts");
        let hosts = Self { folder, names: names.into_iter().collect(), keeper, servers: Vec::new() };
        hosts.write_names();
        hosts.lay_cables();
        for (from, to) in connections {
            // Answers need the way back.
            hosts.route(from, to);
            hosts.route(to, from);
        }
        hosts
    }

    pub fn folder(&self, host: &str) -> PathBuf {
        self.folder.path().join(host)
    }

    fn number(&self, host: &str) -> usize {
        self.names.iter().position(|name| name == host).unwrap_or_else(|| panic!("no host {host}")) + 1
    }

    fn address(&self, host: &str) -> String {
        format!("10.77.0.{}", self.number(host))
    }

    /// Every host has a folder, the repository's examples in it, and knows every other's name.
    fn write_names(&self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let mut names = "127.0.0.1 localhost\n".to_owned();
        for host in &self.names {
            std::fs::create_dir(self.folder(host)).unwrap();
            names += &format!("{} {host}.example {host}\n", self.address(host));
        }
        for shared in ["sources", "surveys", "deploy"] {
            std::os::unix::fs::symlink(root.join(shared), self.folder("organiser").join(shared)).unwrap();
        }
        std::fs::write(self.folder.path().join("names"), names).unwrap();
    }

    /// A cable from every host to the network.
    fn lay_cables(&self) {
        let mut script = format!(
            "set -e\nmkdir -p /run/netns\nmount -t tmpfs tmpfs /run/netns\nmount --bind {}/names /etc/hosts\n\
             echo 1 > /proc/sys/net/ipv4/ip_forward\nip link set lo up\n",
            self.folder.path().display()
        );
        for host in &self.names {
            let (address, cable) = (self.address(host), self.number(host));
            script += &format!(
                "ip netns add {host}\n\
                 ip link add cable{cable} type veth peer name eth0 netns {host}\n\
                 ip addr add {GATEWAY}/32 dev cable{cable}\nip link set cable{cable} up\n\
                 ip route add {address} dev cable{cable}\n\
                 ip -n {host} link set lo up\nip -n {host} addr add {address}/32 dev eth0\n\
                 ip -n {host} link set eth0 up\nip -n {host} route add {GATEWAY} dev eth0 scope link\n"
            );
        }
        // The keeper may not have made its namespaces yet.
        let deadline = Instant::now() + Duration::from_mins(1);
        let own = std::fs::read_link("/proc/self/ns/net").unwrap();
        while std::fs::read_link(format!("/proc/{}/ns/net", self.keeper.id())).unwrap() == own {
            assert!(Instant::now() < deadline, "unshare makes no namespace");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.network(&script);
    }

    fn route(&self, from: &str, to: &str) {
        let address = self.address(to);
        self.network(&format!("ip -n {from} route replace {address} via {GATEWAY}"));
    }

    /// Puts a host's cable in or takes it out.
    pub fn cable(&self, host: &str, plugged: bool) {
        let (cable, address) = (self.number(host), self.address(host));
        self.network(&if plugged {
            // Routes went away with the cable.
            format!("ip link set cable{cable} up && ip route replace {address} dev cable{cable}")
        } else {
            format!("ip link set cable{cable} down")
        });
    }

    /// Enters the network's namespaces.
    fn inside(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--net", "--mount", "--target", &self.keeper.id().to_string()]);
        command
    }

    fn network(&self, script: &str) {
        let output = self.inside().args(["bash", "-c", script]).output().unwrap();
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A shell on a host.
    fn shell(&self, host: &str, script: &str) -> Command {
        use std::os::unix::process::CommandExt as _;
        let binary = Path::new(env!("CARGO_BIN_EXE_mpcstats")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
        let folder = self.folder(host);
        let script = format!("hostname {host}\ncd {}\n{script}", folder.display());
        let mut command = self.inside();
        command
            .args([
                "ip", "netns", "exec", host, "unshare", "--uts", "bash", "-euo", "pipefail", "-c", &script,
            ])
            .env("PATH", path)
            .env("HOME", &folder)
            .env_remove("XDG_DATA_HOME")
            .stdin(Stdio::null())
            // So that everything it starts can be ended with it.
            .process_group(0);
        command
    }

    fn log(&self, name: &str) -> std::fs::File {
        std::fs::File::options().create(true).append(true).open(self.folder.path().join(name)).unwrap()
    }

    /// Runs a script on a host; it must succeed in time.
    pub fn run(&self, host: &str, script: &str, environment: &[(&str, String)], patience: Duration) {
        let log = self.log(&format!("{host}.log"));
        let mut child = self
            .shell(host, script)
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let deadline = Instant::now() + patience;
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break Some(status),
                None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)),
                None => break None,
            }
        };
        if status.is_none() {
            end(&mut child);
        }
        assert!(status.is_some_and(|status| status.success()), "on {host}, {status:?}:\n{script}");
    }

    /// Starts a server on a host.
    pub fn serve(&mut self, host: &str, command: &str) {
        let log = self.log(&format!("{host}-server.log"));
        let child = self.shell(host, command).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.servers.push((format!("{command} on {host}"), child));
    }

    /// Copies files from host to host, as scp would. A server may still have to make them: then they are waited for.
    pub fn copy(&self, from: &str, files: &[String], to: &str) {
        for file in files {
            let source = self.folder(from).join(file);
            let target = self.folder(to).join(source.file_name().unwrap());
            let deadline = Instant::now() + Duration::from_mins(1);
            while !std::fs::metadata(&source).is_ok_and(|file| file.len() > 0) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(50));
            }
            std::fs::copy(&source, target).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        }
    }
}

/// Ends a process and everything that it started.
fn end(child: &mut Child) {
    if let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        // It may be gone already.
        let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _reaped = child.wait();
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for (name, child) in &mut self.servers {
            if std::thread::panicking()
                && let Ok(Some(status)) = child.try_wait()
            {
                eprintln!("{name} had ended: {status}");
            }
            end(child);
        }
        // The namespaces go with the last process in them.
        let _gone = self.keeper.kill();
        let _reaped = self.keeper.wait();
        if std::thread::panicking() {
            for entry in std::fs::read_dir(self.folder.path()).unwrap().flatten() {
                if entry.path().extension().is_some_and(|extension| extension == "log") {
                    let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                    let lines: Vec<_> = text.lines().collect();
                    let last = lines[lines.len().saturating_sub(15)..].join("\n");
                    eprintln!("--- {}\n{last}", entry.file_name().display());
                }
            }
        }
    }
}
