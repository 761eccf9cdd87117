//! `!COMMAND`: the user's own shell, on the host, with the user's own rights. Nothing to do with the agent's sandbox.

use std::{path::Path, process::Stdio};

use tokio::{io::AsyncReadExt as _, process::Command};

use super::Failure;
use crate::{domain::Content, tool::cap};

/// Bytes of output that are kept; the middle of more is left out.
const MOST: usize = 64 << 10;
/// Bytes that are read at most: who writes more is cut off, so that memory does not fill.
const MOST_READ: u64 = 8 << 20;

/// What came of a shell line.
#[derive(Clone, Debug, PartialEq)]
pub struct ShellDone {
    /// What it wrote, both streams as they came, and how it ended where that was no success.
    pub output: String,
    /// What the agent is told of it with the next message.
    pub content: Content,
}

/// Runs a line with `shell -c` in `folder`. It reads nothing; dropping this kills it.
///
/// # Errors
/// A shell that cannot be started.
pub async fn shell(line: &str, shell: &str, folder: &Path) -> Result<ShellDone, Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("could not run `{shell}`: {error}"));
    let (read, write) = std::io::pipe().map_err(failed)?;
    let mut command = Command::new(shell);
    command.arg("-c").arg(line).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command.stdout(write.try_clone().map_err(failed)?).stderr(write);
    // A group of its own: Ctrl-C of the terminal is ours to answer.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn().map_err(failed)?;
    let group = Group(child.id());
    // Its ends of the pipe have to close with the child.
    drop(command);
    let mut bytes = vec![];
    let pipe = tokio::fs::File::from_std(std::fs::File::from(std::os::fd::OwnedFd::from(read)));
    let reading = async { pipe.take(MOST_READ).read_to_end(&mut bytes).await };
    let (read, ended) = tokio::join!(reading, child.wait());
    read.map_err(failed)?;
    let ended = ended.map_err(failed)?;
    group.leave();
    let mut output = cap::middle(String::from_utf8_lossy(&bytes).into_owned(), MOST);
    if !output.is_empty() && !output.ends_with('\n') {
        output.push('\n');
    }
    if !ended.success() {
        output.push_str(&format!("[{ended}]\n"));
    }
    let told = format!("<shell command=\"{}\">\n{output}</shell>", line.replace('"', "'"));
    Ok(ShellDone { output, content: Content::text(told) })
}

/// All that the line started: a shell that is killed leaves its programs running.
struct Group(Option<u32>);

impl Group {
    /// What it left behind by itself, it left on purpose.
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(pid) = self.0.and_then(|pid| rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)) {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_streams_and_the_end_are_shown() {
        let run = async |line: &str| shell(line, "/bin/sh", Path::new("/")).await.map(|done| done.output);
        assert_eq!(run("pwd; echo no >&2; exit 3").await.unwrap(), "/\nno\n[exit status: 3]\n");
        assert_eq!(run("cat; printf a").await.unwrap(), "a\n", "there is nothing to read");
        assert!(run("yes | head -c 200000").await.unwrap().len() < 2 * MOST);
        assert!(shell("", "/no/shell", Path::new("/")).await.unwrap_err().text.contains("/no/shell"));
    }
}
