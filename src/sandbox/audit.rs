//! Who did what in which sandbox: JSON lines that are only ever added to.
//!
//! Values of environment variables are never in it; arguments of commands are, as far as they are not too long.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BackendKind, SandboxId, SandboxSpec};
use crate::config::{FileLock, make_private};

/// Bytes at which the log is set aside; one older part is kept.
const MOST: u64 = 16 << 20;

/// Most bytes of a command's arguments, of a cell or of a name.
const MOST_TEXT: usize = 2048;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    pub time: Timestamp,
    /// Who asked: of the system for commands, of the caller for an agent that is served.
    pub user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    pub sandbox: SandboxId,
    #[serde(flatten)]
    pub action: Action,
    /// Of a program that was run, as a shell says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    Create {
        backend: BackendKind,
    },
    /// A program was run.
    Exec {
        argv: Vec<String>,
    },
    /// Python was run in the lasting interpreter.
    Cell {
        code: String,
    },
    /// A file was written, moved or removed, by name of the operation.
    File {
        operation: String,
        path: String,
    },
    /// Files went in or out by `sandbox cp`.
    Copy {
        from: String,
        to: String,
    },
    /// The network policy refused a host.
    Refused {
        host: String,
        reason: String,
    },
    Pause,
    Resume,
    Renew {
        until: Timestamp,
    },
    Stop,
    Remove,
}

impl Action {
    /// The same with what is too long cut short.
    fn capped(self) -> Self {
        match self {
            Self::Exec { argv } => {
                let mut left = MOST_TEXT;
                let mut kept = vec![];
                for word in argv {
                    if left == 0 {
                        kept.push("…".to_owned());
                        break;
                    }
                    let word = cap(word, left);
                    left = left.saturating_sub(word.len());
                    kept.push(word);
                }
                Self::Exec { argv: kept }
            }
            Self::Cell { code } => Self::Cell { code: cap(code, MOST_TEXT) },
            Self::File { operation, path } => Self::File { operation, path: cap(path, MOST_TEXT) },
            Self::Copy { from, to } => Self::Copy { from: cap(from, MOST_TEXT), to: cap(to, MOST_TEXT) },
            Self::Refused { host, reason } => {
                Self::Refused { host: cap(host, MOST_TEXT), reason: cap(reason, MOST_TEXT) }
            }
            other => other,
        }
    }
}

/// At most `most` bytes of `text`, and a mark where there were more.
fn cap(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

/// The log of one user.
#[derive(Clone, Debug)]
pub struct Audit {
    path: PathBuf,
}

impl Audit {
    /// The log at `path`, which is made when something is first written.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line about the sandbox of `spec`.
    ///
    /// # Errors
    /// As the file system says.
    pub fn write(&self, spec: &SandboxSpec, action: Action, exit: Option<u8>) -> io::Result<()> {
        let record = AuditRecord {
            time: Timestamp::now(),
            user: spec.user.clone(),
            session: spec.session.clone(),
            sandbox: spec.id.clone(),
            action: action.capped(),
            exit,
        };
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        let mut file = self.open()?;
        if file.metadata()?.len() >= MOST {
            file = self.rotate()?;
        }
        // One write of an appended line is not mixed with those of others.
        file.write_all(&line)
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_private(self.path.parent().unwrap_or(Path::new(".")))?;
                options.open(&self.path)
            }
            other => other,
        }
    }

    /// Sets the full log aside. Two at once must not set aside the new one, too.
    fn rotate(&self) -> io::Result<File> {
        let _held = FileLock::acquire(&self.path.with_extension("lock"))?;
        let file = self.open()?;
        if file.metadata()?.len() < MOST {
            return Ok(file);
        }
        std::fs::rename(&self.path, self.older())?;
        self.open()
    }

    fn older(&self) -> PathBuf {
        self.path.with_extension("1.jsonl")
    }

    /// What is remembered, oldest first. A line that was cut short by a crash is passed over.
    ///
    /// # Errors
    /// As the file system says; no log yet is none.
    pub fn read(&self, wanted: impl FnMut(&AuditRecord) -> bool) -> io::Result<Vec<AuditRecord>> {
        let mut records = self.read_on(&mut None)?;
        records.retain(wanted);
        Ok(records)
    }

    /// What was added since the last call with this `position`; the first time, with nothing, all that is remembered.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_on(&self, position: &mut Option<u64>) -> io::Result<Vec<AuditRecord>> {
        let mut records = vec![];
        let mut from = position.unwrap_or(0);
        let length = std::fs::metadata(&self.path).map_or(0, |found| found.len());
        // A shorter one is new: what we did not see of the other one was set aside.
        if position.is_none() || length < from {
            records = read_from(&self.older(), &mut from)?;
            from = 0;
        }
        records.extend(read_from(&self.path, &mut from)?);
        *position = Some(from);
        Ok(records)
    }
}

/// The whole lines from byte `from` on, which is moved behind them.
fn read_from(path: &Path, from: &mut u64) -> io::Result<Vec<AuditRecord>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        other => other?,
    };
    file.seek(SeekFrom::Start(*from))?;
    let mut lines = BufReader::new(file);
    let (mut records, mut line) = (vec![], vec![]);
    while lines.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
        *from += line.len() as u64;
        records.extend(serde_json::from_slice(&line));
        line.clear();
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> (tempfile::TempDir, Audit, SandboxSpec) {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::at(folder.path().join("state/audit.jsonl"));
        let mut spec = SandboxSpec::new(BackendKind::Host, "ann");
        spec.id = "0123456789ab".parse().unwrap();
        (folder, audit, spec)
    }

    #[test]
    fn a_line_for_each() {
        let (_folder, audit, mut spec) = log();
        spec.env.insert("KEY".to_owned(), "secret".to_owned());
        audit.write(&spec, Action::Create { backend: spec.backend }, None).unwrap();
        spec.session = Some("s-one".to_owned());
        audit.write(&spec, Action::Exec { argv: vec!["echo".to_owned(), "a b".to_owned()] }, Some(0)).unwrap();
        audit.write(&spec, Action::Stop, None).unwrap();
        let text = std::fs::read_to_string(audit.path()).unwrap();
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "[TIME]");
        settings.bind(|| {
            insta::assert_snapshot!(text, @r#"
            {"time":"[TIME]","user":"ann","sandbox":"0123456789ab","action":"create","backend":"host"}
            {"time":"[TIME]","user":"ann","session":"s-one","sandbox":"0123456789ab","action":"exec","argv":["echo","a b"],"exit":0}
            {"time":"[TIME]","user":"ann","session":"s-one","sandbox":"0123456789ab","action":"stop"}
            "#);
        });
        assert_eq!(audit.read(|record| record.session.is_some()).unwrap().len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, audit, spec) = log();
        audit.write(&spec, Action::Stop, None).unwrap();
        assert_eq!(std::fs::metadata(audit.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let (_folder, audit, spec) = log();
        let argv = vec!["é".repeat(3000), "-c".to_owned()];
        audit.write(&spec, Action::Exec { argv }, None).unwrap();
        let records = audit.read(|_| true).unwrap();
        let Action::Exec { argv } = &records[0].action else { panic!("{records:?}") };
        assert_eq!(argv[0], format!("{}…", "é".repeat(MOST_TEXT / 2)));
        assert_eq!(argv[1], "…");
    }

    #[test]
    fn a_full_one_is_set_aside() {
        let (_folder, audit, spec) = log();
        audit.write(&spec, Action::Pause, None).unwrap();
        let line = std::fs::read(audit.path()).unwrap();
        File::options().append(true).open(audit.path()).unwrap().set_len(MOST).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| audit.write(&spec, Action::Resume, None).unwrap());
            }
        });
        assert!(std::fs::metadata(audit.path()).unwrap().len() < 10 * line.len() as u64);
        assert_eq!(audit.read(|_| true).unwrap().len(), 5);
    }

    #[test]
    fn what_is_followed_is_seen_once() {
        let (_folder, audit, spec) = log();
        let mut position = None;
        let mut seen = || audit.read_on(&mut position).unwrap().into_iter().map(|record| record.action).collect();
        let nothing: Vec<Action> = seen();
        assert_eq!(nothing, []);
        audit.write(&spec, Action::Pause, None).unwrap();
        assert_eq!(seen(), [Action::Pause]);
        assert_eq!(seen(), []);
        // Half a line is not seen, and set aside.
        audit.write(&spec, Action::Resume, None).unwrap();
        audit.open().unwrap().write_all(b"{").unwrap();
        assert_eq!(seen(), [Action::Resume]);
        audit.write(&spec, Action::Stop, None).unwrap();
        audit.write(&spec, Action::Pause, None).unwrap();
        std::fs::rename(&audit.path, audit.older()).unwrap();
        audit.write(&spec, Action::Remove, None).unwrap();
        assert_eq!(seen(), [Action::Pause, Action::Remove]);
    }
}
