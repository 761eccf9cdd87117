//! How an attempt went.

use serde::Serialize;

use super::{Attempt, Collected, Wall};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    Blocked {
        /// What the system said, such as `EPERM` or `SIGSYS`; several with commas between them.
        how: String,
    },
    /// Something was done, or is to be seen outside.
    Escaped { how: String },
    /// Never the same as blocked.
    NotTried { why: String },
}

impl Verdict {
    /// What the script said: the last line that it wrote.
    pub(super) fn of(ran: &Collected) -> Self {
        Self::said(&String::from_utf8_lossy(&ran.stdout.bytes), &String::from_utf8_lossy(&ran.stderr.bytes))
    }

    /// The same of a script that ran elsewhere.
    #[must_use]
    pub fn said(stdout: &str, stderr: &str) -> Self {
        let last = stdout.lines().last().unwrap_or_default();
        let (word, rest) = last.split_once(' ').unwrap_or((last, ""));
        match word {
            "BLOCKED" => Self::Blocked { how: rest.to_owned() },
            "ESCAPED" => Self::Escaped { how: rest.to_owned() },
            "CANNOT_TRY" => Self::NotTried { why: rest.to_owned() },
            _ => {
                let why = stderr.lines().last().unwrap_or("it ended without a word");
                Self::NotTried { why: format!("the attempt broke off: {why}") }
            }
        }
    }

    /// Corrects it by what has become of the user's folder in the end. Programs may do as they like with what they see
    /// of it; what counts is what is taken over.
    #[must_use]
    pub fn outside(self, attempt: &Attempt, changed: Option<&str>) -> Self {
        match (self, changed) {
            (Self::NotTried { why }, _) => Self::NotTried { why },
            (_, Some(changed)) if attempt.wall == Wall::Protected => Self::Escaped { how: changed.to_owned() },
            (Self::Escaped { .. }, None) if attempt.wall == Wall::Protected => {
                Self::Blocked { how: "kept outside".to_owned() }
            }
            (said, _) => said,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_so_was_blocked() {
        let said = |stdout| Verdict::said(stdout, "sh: out of memory\n");
        assert_eq!(said("noise\nBLOCKED EPERM\n"), Verdict::Blocked { how: "EPERM".into() });
        assert_eq!(said("ESCAPED read it\n"), Verdict::Escaped { how: "read it".into() });
        let broke_off = Verdict::NotTried { why: "the attempt broke off: sh: out of memory".into() };
        assert_eq!([said(""), said("BLOCKED EPERM\nkilled")], [broke_off.clone(), broke_off]);
    }
}
