//! The key to the daemon of one box. Programs inside must not have it: with it they could command the daemon.

use std::{fmt, io, io::Write as _, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Sixty-four hexadecimal digits, random.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    #[must_use]
    pub fn random() -> Self {
        let mut hash = Sha256::new();
        // Each brings 32 bits of the system's generator that no other of the same millisecond shares.
        for _ in 0..8 {
            hash.update(uuid::Uuid::now_v7().as_bytes());
        }
        Self(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The one that [`keep`](Self::keep) wrote into the folder of the box.
    ///
    /// # Errors
    /// As the file system says.
    pub fn of(folder: &Path) -> io::Result<Self> {
        std::fs::read_to_string(folder.join(FILE)).map(Self)
    }

    /// # Errors
    /// As the file system says.
    pub fn keep(&self, folder: &Path) -> io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(folder.join(FILE))?.write_all(self.0.as_bytes())
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this token. The time it takes tells of the hashes, which tell nothing of the token.
    #[must_use]
    pub fn is(&self, other: &[u8]) -> bool {
        Sha256::digest(&self.0) == Sha256::digest(other)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

const FILE: &str = "token";
