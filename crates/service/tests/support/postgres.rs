//! A PostgreSQL server for one test.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A private PostgreSQL server in a folder of its own, on a socket of its own.
pub struct Postgres {
    folder: tempfile::TempDir,
    server: Child,
}

impl Postgres {
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("mpcstats-pg-").tempdir_in("/tmp").unwrap();
        let data = folder.path().join("data");
        // PostgreSQL refuses to run as root: then it runs as the user that its package made.
        let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        if root {
            let owned = Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap();
            assert!(owned.success(), "run scripts/setup: it installs PostgreSQL and its user");
        }
        let run = |program: &str| {
            let path = program_path(program);
            if !root {
                return Command::new(path);
            }
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
            command
        };
        let made = run("initdb")
            .args(["--auth=trust", "--no-sync", "--username=mpcstats", "-D"])
            .arg(&data)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let server = run("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"])
            .arg(folder.path())
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let this = Self { folder, server };
        let socket = this.folder.path().join(".s.PGSQL.5432");
        for _ in 0..1200 {
            if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
                return this;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL has not come up");
    }

    pub fn url(&self) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://mpcstats@{folder}/postgres")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Debian keeps the server's programs out of the path.
fn program_path(program: &str) -> std::path::PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let installed = versions.map(|version| version.path().join("bin").join(program));
    installed.filter(|path| path.exists()).max().unwrap_or_else(|| Path::new(program).to_owned())
}
