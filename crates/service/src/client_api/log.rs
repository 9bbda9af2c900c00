//! The append-only log of releases: one line of JSON each, written once and never changed.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use survey::Certificate;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When the certificate came, in Unix seconds.
    pub at: u64,
    /// The certificate.
    pub certificate: Certificate,
}

/// The log cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}")]
pub struct LogError {
    path: PathBuf,
    why: String,
}

/// The log of one survey.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens or makes the log at `path`, and reads it. A last line without an end, as a power cut leaves it, was
    /// never acknowledged: it is cut off.
    ///
    /// # Errors
    /// [`LogError`] if the file cannot be used or a line is no entry.
    pub fn open(path: &Path) -> Result<(Self, Vec<Entry>), LogError> {
        let failed = |why: String| LogError { path: path.to_owned(), why };
        let io = |error: std::io::Error| failed(error.to_string());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(io)?;
        let (mut entries, mut whole, mut line) = (Vec::new(), 0, String::new());
        let mut reader = BufReader::new(&file);
        while reader.read_line(&mut line).map_err(io)? > 0 && line.ends_with('\n') {
            let number = entries.len() + 1;
            let entry =
                serde_json::from_str(&line).map_err(|error| failed(format!("line {number}: {error}")))?;
            entries.push(entry);
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole).map_err(io)?;
        Ok((Self { path: path.to_owned(), file }, entries))
    }

    /// Appends an entry; when this returns it is on disk.
    ///
    /// # Errors
    /// [`LogError`] if the file cannot be written.
    pub fn append(&mut self, entry: &Entry) -> Result<(), LogError> {
        let failed = |why: String| LogError { path: self.path.clone(), why };
        let mut line = serde_json::to_vec(entry).map_err(|error| failed(error.to_string()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(|error| failed(error.to_string()))?;
        self.file.sync_data().map_err(|error| failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use survey::Id;
    use survey::certificate::Component;
    use survey::{Identity, Purpose, Statement};

    fn entry(release: u64) -> Entry {
        let identity = Identity::from_seed(&[1; 32]);
        let statement = Statement {
            version: 1,
            survey: Id::default(),
            release,
            epochs: vec![0],
            session: Id::default(),
            plan: Id::default(),
            dataset_root: Id::default(),
            count: 10,
            tests: vec![],
            leaks: vec![],
            self_reported: vec![],
            consumer: identity.public(),
            components: [Id::default(); 3],
        };
        let signature = identity.sign(Purpose::Release, &Id::default());
        let components = [Component::default(), Component::default(), Component::default()];
        let certificate = Certificate { version: 1, statement, signatures: [signature; 3], components };
        Entry { at: 100 + release, certificate }
    }

    #[test]
    fn entries_are_kept_in_order_and_a_torn_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/releases.jsonl");
        let (mut log, entries) = Log::open(&path).unwrap();
        assert_eq!(entries, []);
        log.append(&entry(0)).unwrap();
        log.append(&entry(1)).unwrap();
        drop(log);
        let whole = std::fs::metadata(&path).unwrap().len();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"at\":1").unwrap();
        let (mut log, entries) = Log::open(&path).unwrap();
        assert_eq!(entries, [entry(0), entry(1)]);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), whole);
        log.append(&entry(2)).unwrap();
        assert_eq!(Log::open(&path).unwrap().1, [entry(0), entry(1), entry(2)]);
    }

    #[test]
    fn an_altered_line_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("releases.jsonl");
        std::fs::write(&path, "not an entry\n").unwrap();
        assert!(Log::open(&path).unwrap_err().to_string().contains("line 1"));
    }
}
