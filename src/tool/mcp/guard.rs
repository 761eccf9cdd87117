//! Sees to it that a server does not outlive us, even if we are killed with no time to end it.

use std::process::Stdio;

use tokio::process::{Child, Command};

/// Waits for the end of its standard input, which only our end brings; then kills its own process group, and itself.
const SCRIPT: &str = "trap '' TERM HUP INT; read -r _; kill -s KILL 0";

/// A shell that waits for our end to kill the process group that it leads. Most servers end with their standard input;
/// this is for those that do not, and for what they started. It stands before the server starts, which joins its group,
/// and for as long as it is held the number of the group belongs to nobody else.
#[derive(Debug)]
pub(super) struct Guard {
    shell: Child,
}

impl Guard {
    /// Without a shell, as in a container with nothing but us, there is no guard.
    pub(super) fn start() -> Option<Self> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What ends us from the terminal must not end the guard first.
            .process_group(0)
            .kill_on_drop(true);
        command.spawn().ok().map(|shell| Self { shell })
    }

    /// The number of its process group.
    pub(super) fn group(&self) -> Option<u32> {
        self.shell.id()
    }
}
