//! The demo's servers: this binary, once a role.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use super::stage::{RESPONSES, Stage};
use crate::commands::Failure;

/// How long a server may take to listen, and to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// Running servers. Dropping this kills them.
pub struct Processes {
    folder: PathBuf,
    running: Vec<(String, Child)>,
}

impl Processes {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), running: Vec::new() }
    }

    /// Starts every server and waits until all listen.
    pub async fn start_all(&mut self, stage: &Stage) -> Result<(), Failure> {
        let addresses = &stage.addresses;
        let (exchange, accounts) = (addresses.exchange.to_string(), stage.accounts.to_string());
        let mut site = vec!["sample-exchange", "serve", "--listen", &exchange, "--folder", "exchange"];
        site.extend(["--seed", &stage.seed]);
        match stage.script {
            Some(_) => site.extend(["--responses", RESPONSES]),
            None => site.extend(["--count", &accounts]),
        }
        self.start("sample-exchange", &site)?;
        // The notary reads the authority that the exchange makes.
        self.listens("sample-exchange", addresses.exchange).await?;
        self.start("notary", &["notary", "serve", "--config", "notary.toml"])?;
        self.start("coordinator", &["coordinator", "serve", "--config", "coordinator.toml"])?;
        for index in 0..3 {
            let config = format!("party{index}.toml");
            self.start(&format!("party{index}"), &["party", "serve", "--config", &config])?;
        }
        self.listens("notary", addresses.notary).await?;
        self.listens("coordinator", addresses.coordinator).await?;
        for (index, address) in addresses.parties.iter().enumerate() {
            self.listens(&format!("party{index}"), *address).await?;
        }
        self.start("client-api", &["client-api", "serve", "--config", "api.toml"])?;
        self.listens("client-api", addresses.page).await
    }

    fn start(&mut self, name: &str, arguments: &[&str]) -> Result<(), Failure> {
        let log = std::fs::File::create(self.folder.join(format!("{name}.log")))?;
        let child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C in the terminal reaches this process, which then lets the others end what they do.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        self.running.push((name.to_owned(), child));
        Ok(())
    }

    async fn listens(&mut self, name: &str, address: SocketAddr) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return Ok(());
            }
            self.all_run()?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("{name} does not listen at {address}; {}", self.log(name)).into())
    }

    fn all_run(&mut self) -> Result<(), Failure> {
        for index in 0..self.running.len() {
            let (name, child) = &mut self.running[index];
            if let Some(status) = child.try_wait()? {
                let name = name.clone();
                return Err(format!("{name} ended with {status}; {}", self.log(&name)).into());
            }
        }
        Ok(())
    }

    /// The last words of a server's log.
    fn log(&self, name: &str) -> String {
        let path = self.folder.join(format!("{name}.log"));
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let last: Vec<&str> = text.lines().rev().take(5).collect();
        format!("{}:\n{}", path.display(), last.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }

    /// Asks all servers to stop, and waits for them.
    pub async fn stop(mut self) {
        for (_, child) in &self.running {
            if let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
                // It may be gone already.
                let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        }
        for (_, child) in &mut self.running {
            if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
                let _killed = child.kill().await;
            }
        }
    }
}
