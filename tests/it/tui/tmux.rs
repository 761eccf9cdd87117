//! In tmux, which breaks long rows when it becomes narrower, as most terminals do.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use super::{screen, scripted};
use crate::common::{TestEnv, fake_model::Reply, require};

/// A tmux of the test's own, with one window.
struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    /// Runs `agentscope chat` in it; nothing where there is no tmux.
    fn start(env: &TestEnv, columns: u16, rows: u16) -> Option<Self> {
        let found = Command::new("tmux").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
        if !require::available("tmux", found) {
            return None;
        }
        let this = Self { socket: env.work().join("tmux") };
        let mut chat = env.command(&["chat"]);
        chat.env("TERM", "screen-256color");
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&this.socket).args(["-f", "/dev/null", "new-session", "-d", "-s", "t"]);
        command.args(["-x", &columns.to_string(), "-y", &rows.to_string()]).arg("-c").arg(env.work());
        let set = chat.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
        // The server hands on the environment that it was started with.
        command.env_clear().envs(set.filter(|(name, _)| *name != "TERM")).env("TERM", "xterm-256color");
        let status = command.arg(chat.get_program()).arg("chat").status().unwrap();
        assert!(status.success());
        this.run(&["set-option", "-g", "history-limit", "100000"]);
        Some(this)
    }

    fn run(&self, args: &[&str]) -> String {
        let output = Command::new("tmux").arg("-S").arg(&self.socket).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn line(&self, text: &str) {
        self.run(&["send-keys", "-l", text]);
        self.run(&["send-keys", "Enter"]);
    }

    #[track_caller]
    fn until(&self, what: &str, fits: impl Fn(&str) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let screen = self.run(&["capture-pane", "-p"]);
            if fits(&screen) {
                return;
            }
            assert!(Instant::now() < end, "waited for {what}; the screen shows\n{screen}");
        }
    }

    #[track_caller]
    fn sees(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    /// Every row there ever was, rows that were broken put together.
    fn history(&self) -> Vec<String> {
        self.run(&["capture-pane", "-p", "-J", "-S", "-"]).lines().map(str::to_owned).collect()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn resizes_while_it_streams_lose_and_double_nothing() {
    let (go, wait) = mpsc::channel();
    let (go_on, wait_again) = mpsc::channel();
    let reply = screen::deltas(Reply::stream(), &screen::many_lines(0, 40)).wait(wait);
    let reply = screen::deltas(reply, &screen::many_lines(40, 80)).wait(wait_again);
    let (env, _server) = scripted("", vec![screen::end(screen::deltas(reply, &screen::many_lines(80, 120)))]);
    let Some(tmux) = Tmux::start(&env, 90, 24) else { return };
    tmux.sees("ask · lead");
    tmux.line("Write much, and mind the resizes.");
    tmux.sees("line 00038");
    for columns in ["60", "41", "75", "50"] {
        tmux.run(&["resize-window", "-x", columns]);
        let rule = "─".repeat(columns.parse().unwrap());
        tmux.until("the rule", |screen| screen.lines().any(|line| line == rule));
    }
    go.send(()).unwrap();
    tmux.sees("line 00078");
    tmux.run(&["resize-window", "-y", "12"]);
    tmux.sees("ask · lead");
    go_on.send(()).unwrap();
    tmux.sees("line 00119");
    // A frame that was drawn while tmux was narrower than it said may have left a row behind, further up.
    let live = |screen: &str| screen.trim_end().lines().rev().take(5).any(|line| line.contains("working"));
    tmux.until("the end", |screen| !live(screen));
    screen::assert_whole(&tmux.history(), 120);
}
