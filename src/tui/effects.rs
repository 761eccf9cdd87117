//! What is done to the world besides the agent and the screen.

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
