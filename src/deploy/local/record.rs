//! What is remembered of a deployment on this machine: `record.json`, which only this user reads. No secret is in it.

use std::{collections::BTreeMap, io, net::IpAddr, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{config::write_private, deploy::DeployError};

/// Of this form.
const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    pub(super) name: String,
    /// Where callers reach it, kept from one revision to the next.
    pub(super) host: IpAddr,
    pub(super) port: u16,
    /// The number of the revision that runs, or ran last.
    pub(super) current: u32,
    /// Of the supervisor that was begun last.
    pub(super) supervisor: String,
    /// Whether it was told to stop.
    pub(super) stopped: bool,
    pub(super) revisions: Vec<Kept>,
}

/// A revision whose files are there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) number: u32,
    /// In seconds since 1970.
    pub(super) created: i64,
    pub(super) spec: Value,
    /// The agent file, below the folder of the revision.
    pub(super) agent_file: String,
    /// What tells one value of a secret from another, by its name.
    pub(super) secrets: BTreeMap<String, String>,
}

impl Record {
    pub(super) fn new(name: &str, host: IpAddr, port: u16, current: Kept) -> Self {
        Self {
            version: VERSION,
            name: name.to_owned(),
            host,
            port,
            current: current.number,
            supervisor: String::new(),
            stopped: false,
            revisions: vec![current],
        }
    }

    /// `None` where there is none.
    ///
    /// # Errors
    /// One that cannot be read, or is of a later version.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, DeployError> {
        let shown = path.display();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(DeployError::io(format!("read `{shown}`"))(error)),
        };
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let wrong = |why: String, hint: &str| DeployError::Failed {
            what: format!("the record `{shown}` cannot be used: {why}"),
            hint: Some(hint.to_owned()),
        };
        let damaged = |error: serde_json::Error| {
            wrong(error.to_string(), "`agentscope rm` removes the deployment; what it kept stays")
        };
        let Versioned { version } = serde_json::from_str(&text).map_err(damaged)?;
        if version > VERSION {
            return Err(wrong("a later agentscope wrote it".to_owned(), "use that one"));
        }
        serde_json::from_str(&text).map(Some).map_err(damaged)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), DeployError> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other);
        text.and_then(|text| write_private(path, &text)).map_err(DeployError::io(format!("write `{}`", path.display())))
    }

    pub(super) fn kept(&self, number: u32) -> Option<&Kept> {
        self.revisions.iter().find(|kept| kept.number == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_a_later_version_wrote_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.json");
        assert_eq!(Record::read(&path).unwrap(), None);
        let kept = Kept {
            number: 2,
            created: 7,
            spec: serde_json::json!({ "profile": null }),
            agent_file: "agent.yaml".to_owned(),
            secrets: BTreeMap::from([("KEY".to_owned(), "salt:hash".to_owned())]),
        };
        let record = Record::new("demo", "127.0.0.1".parse().unwrap(), 8080, kept);
        record.write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), Some(record));
        std::fs::write(&path, r#"{"version": 2, "more": true}"#).unwrap();
        let error = Record::read(&path).unwrap_err().to_string();
        assert!(error.ends_with("cannot be used: a later agentscope wrote it"), "{error}");
        std::fs::write(&path, "{").unwrap();
        assert!(Record::read(&path).is_err());
    }
}
