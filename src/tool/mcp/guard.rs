//! Sees to it that a server does not outlive us, even if we are killed with no time to end it.

use std::process::Stdio;

use tokio::process::{Child, Command};

/// Waits for the end of its standard input, which only our end brings: the guard of a server that ended is killed first.
const SCRIPT: &str = r#"read -r _; kill -s KILL -- "-$0""#;

/// A shell that waits for our end to kill a process group. Most servers end with their standard input; this is for those
/// that do not, and for what they started.
#[derive(Debug)]
pub(super) struct Guard {
    _shell: Child,
}

impl Guard {
    /// Over the process group of `leader`. Without a shell, as in a container with nothing but us, there is no guard.
    pub(super) fn over(leader: u32) -> Option<Self> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, &leader.to_string()])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What ends us from the terminal must not end the guard first.
            .process_group(0)
            .kill_on_drop(true);
        command.spawn().ok().map(|shell| Self { _shell: shell })
    }
}
