//! What is done to the world besides the agent and the screen.

use std::{io::Write as _, process::Stdio};

use base64::Engine as _;

use crate::config::Env;

/// The command of the user's editor.
#[must_use]
pub(super) fn editor(env: &Env) -> String {
    env.var("VISUAL").or_else(|| env.var("EDITOR")).unwrap_or("vi").to_owned()
}

/// What the user makes of `text` in the editor, which has the terminal meanwhile.
///
/// # Errors
/// Why there is no new text, for the user.
pub(super) async fn edit(editor: &str, text: String) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("could not edit with `{editor}`: {error}");
    let mut file = tempfile::Builder::new().suffix(".md").tempfile().map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
    let path = file.into_temp_path();
    // A command with its arguments, as `git` and others read these variables.
    let status = tokio::process::Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(&path)
        .stdin(Stdio::inherit())
        .status()
        .await
        .map_err(|error| failed(&error))?;
    if !status.success() {
        return Err(failed(&format!("it ended with {status}; the draft is as it was")));
    }
    tokio::fs::read_to_string(&path).await.map_err(|error| failed(&error))
}

/// Terminals take no more at once.
const MOST_COPIED: usize = 74_000;

/// The bytes that put `text` on the clipboard: OSC 52, within tmux passed through to the terminal it runs in.
///
/// # Errors
/// A text that is too long.
pub(super) fn clipboard(text: &str, in_tmux: bool) -> Result<String, &'static str> {
    if text.len() > MOST_COPIED {
        return Err("this is more than a terminal takes at once: /export writes the session to a file");
    }
    let osc = format!("\x1b]52;c;{}\x07", base64::engine::general_purpose::STANDARD.encode(text));
    Ok(if in_tmux { format!("\x1bPtmux;{}\x1b\\{osc}", osc.replace('\x1b', "\x1b\x1b")) } else { osc })
}

/// The bytes by which a terminal notifies: OSC 9, and the bell for those that know no such thing.
#[must_use]
pub(super) fn notification(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(120).collect();
    format!("\x1b]9;{text}\x07\x07")
}

/// Stops this process and those it shares the terminal with, as Ctrl-Z does where nobody is in the way.
pub(super) fn stop() {
    #[cfg(unix)]
    {
        // A process group without a shell above it cannot be stopped; then it goes on.
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
    }
}
