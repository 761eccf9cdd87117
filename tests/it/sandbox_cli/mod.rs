//! `agentscope sandbox`, on the backend that needs nothing of the machine.

use std::{
    io::{Read as _, Write as _},
    process::Stdio,
    sync::Mutex,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Output, TestEnv};

/// Those that take several sandboxes, and those that show them.
mod several;

/// A home whose sandboxes are gone afterwards, whatever the test did.
struct Home(TestEnv, Mutex<Vec<String>>);

impl Home {
    fn new() -> Self {
        Self(TestEnv::new(), Mutex::default())
    }

    fn sandbox(&self, args: &[&str]) -> Output {
        self.shown(self.0.run(&[&["sandbox"], args].concat()))
    }

    fn with_stdin(&self, args: &[&str], stdin: &str) -> Output {
        self.shown(self.0.run_with(&[&["sandbox"], args].concat(), stdin))
    }

    /// Ids in the order in which they were made, and without the warning that each start brings.
    fn shown(&self, mut output: Output) -> Output {
        let warning = "warning: the `host` backend isolates nothing: programs run with all your rights\n";
        output.stderr = output.stderr.replace(warning, "");
        for (n, id) in self.1.lock().unwrap().iter().enumerate() {
            let name = format!("[{}]", ["one", "two", "three"][n]);
            output.stdout = output.stdout.replace(id, &name);
            output.stderr = output.stderr.replace(id, &name).replace(&id[..6], &name);
        }
        output
    }

    /// Makes one that stays.
    fn create(&self, args: &[&str]) -> String {
        let args = [&["sandbox", "create", "--backend", "host", "--idle-timeout", "60s"], args].concat();
        let output = self.0.run(&args);
        assert_eq!(output.code, Some(0), "{output}");
        let id = output.stdout.trim().to_owned();
        self.1.lock().unwrap().push(id.clone());
        id
    }

    /// The folders of sandboxes.
    fn folders(&self) -> usize {
        std::fs::read_dir(self.0.home().join("state/sandboxes")).map_or(0, Iterator::count)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let output = self.0.run(&["sandbox", "rm", "--all"]);
        assert!(std::thread::panicking() || output.code == Some(0), "{output}");
    }
}

fn settled() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)", "[TIME]");
    settings.add_filter(r"\b\d+s\b", "[AGE]");
    settings.add_filter(r"\b[0-9a-f]{12}\b", "[ID]");
    settings.add_filter(r"processes {5}\d+", "processes     [N]");
    settings
}

const RUN: &[&str] = &["run", "--backend", "host"];

fn run(home: &Home, flags: &[&str], cmd: &[&str]) -> Output {
    home.sandbox(&[RUN, flags, &["--"], cmd].concat())
}

#[test]
fn run_passes_everything_through_and_leaves_nothing() {
    let home = Home::new();
    let script = "cat; echo err >&2; pwd | sed 's/.*sandboxes.[0-9a-f]*/BOX/'; echo $NAME; exit 3";
    let output =
        home.with_stdin(&[RUN, &["-e", "NAME=value", "--", "sh", "-c", script]].concat(), "from standard input\n");
    insta::assert_snapshot!(output, @"
    exit 3
    --- stdout
    from standard input
    BOX/workspace
    value
    --- stderr
    err
    ");
    insta::assert_snapshot!(home.sandbox(&["list", "--all"]), @"
    exit 0
    --- stderr
    no sandboxes; `agentscope sandbox create` makes one
    ");
    assert_eq!(home.folders(), 0);
}

#[test]
fn run_ends_as_the_program_does_or_says_why_there_is_none() {
    let home = Home::new();
    home.0.write("data", "");
    let cases: &[(i32, &[&str], &[&str])] = &[
        (0, &[], &["true"]),
        (1, &[], &["false"]),
        (137, &[], &["sh", "-c", "kill -9 $$"]),
        (143, &[], &["sh", "-c", "kill -15 $$"]),
        (124, &["--timeout", "100ms"], &["sleep", "60"]),
        (126, &[], &["/etc/passwd"]),
        (127, &[], &["no-such-program"]),
        (125, &["--min-tier", "B"], &["true"]),
        (125, &["-w", "."], &["true"]),
        (125, &["-w", "missing", "--workspace", "rw"], &["true"]),
        (125, &["-w", "data", "--workspace", "rw"], &["true"]),
        (125, &["--mount", "data:/proc/x"], &["true"]),
        (125, &["--net", "https://a.example"], &["true"]),
        (2, &["--net", ""], &["true"]),
        (2, &["-e", "NOT_THERE"], &["true"]),
        (2, &["--image", "debian"], &["true"]),
        (2, &["--memory", "much"], &["true"]),
    ];
    for (code, flags, cmd) in cases {
        let output = run(&home, flags, cmd);
        assert_eq!(output.code, Some(*code), "{flags:?} {cmd:?}\n{output}");
        assert!(*code != 0 || output.stderr.is_empty(), "{output}");
    }
    assert_eq!(home.folders(), 0);
    insta::assert_snapshot!(run(&home, &["--timeout", "100ms"], &["sleep", "60"]), @"
    exit 124
    --- stderr
    warning: killed: it took longer than 0.1 s (`--timeout`)
    ");
    insta::assert_snapshot!(run(&home, &["-w", "."], &["true"]), @"
    exit 125
    --- stderr
    error: the `host` backend cannot keep a folder as it is
    hint: use the `local` or `docker` backend
    ");
    insta::assert_snapshot!(run(&home, &["--mount", "data:/proc/x"], &["true"]), @"
    exit 125
    --- stderr
    error: nothing can be mounted on `/proc/x`: `/proc` is the sandbox's own
    hint: choose another path inside
    ");
}

#[test]
fn the_host_backend_is_announced() {
    let output = TestEnv::new().run(&["sandbox", "run", "--backend", "host", "--", "true"]);
    insta::assert_snapshot!(output, @"
    exit 0
    --- stderr
    warning: the `host` backend isolates nothing: programs run with all your rights
    ");
}

/// All that can be asked of one that stays, in one life.
#[test]
fn a_life() {
    let home = Home::new();
    let id = home.create(&["--label", "job=nightly", "-e", "KEY=secret"]);
    let short = &id[..6];
    settled().bind(|| {
        insta::assert_snapshot!(home.sandbox(&["list"]), @"
        exit 0
        --- stdout
        ID            TYPE  BACKEND  TIER  STATE    SESSION  AGE  CPU  MEMORY  IDLE
        [one]  base  host     none  running  -        [AGE]   -    -       [AGE]
        ");
        insta::assert_snapshot!(home.sandbox(&["inspect", short]), @"
        exit 0
        --- stdout
        id            [one]
        state         running
        type          base
        backend       host
        tier          none
        user          ann
        workspace     none
        network       none
        variable      KEY
        label         job=nightly
        created       [TIME]
        used          [TIME]
        expires       [TIME]
        idle timeout  [AGE]
        memory        - of 512.0Mi
        processes     [N] of 128
        cpu           -, at most 1 at once
        disk          - of 1.0Gi
          no  isolation               none: programs run as you
        ");
        insta::assert_snapshot!(home.sandbox(&["exec", short, "sh", "-c", "echo $KEY; exit 7"]), @"
        exit 7
        --- stdout
        secret
        ");
        insta::assert_snapshot!(home.with_stdin(&["exec", "-i", short, "--", "tr", "a-z", "A-Z"], "loud\n"), @"
        exit 0
        --- stdout
        LOUD
        ");
        insta::assert_snapshot!(home.sandbox(&["renew", "--for", "1h", short]), @"
        exit 0
        --- stdout
        [one]
        ");
        insta::assert_snapshot!(home.sandbox(&["pause", short]), @"
        exit 0
        --- stdout
        [one]
        ");
        insta::assert_snapshot!(home.sandbox(&["exec", short, "true"]), @"
        exit 125
        --- stderr
        error: the sandbox `[one]` is paused
        hint: `agentscope sandbox resume` lets it go on
        ");
        insta::assert_snapshot!(home.sandbox(&["resume", short]), @"
        exit 0
        --- stdout
        [one]
        ");
        insta::assert_snapshot!(home.sandbox(&["stop", "--label", "job=nightly"]), @"
        exit 0
        --- stdout
        [one]
        ");
        insta::assert_snapshot!(home.sandbox(&["stop", short]), @"
        exit 0
        --- stdout
        [one]
        ");
        insta::assert_snapshot!(home.sandbox(&["exec", short, "true"]), @"
        exit 125
        --- stderr
        error: the sandbox `[one]` is stopped
        hint: one that is stopped does not start again; `agentscope sandbox create` makes another
        ");
        insta::assert_snapshot!(home.sandbox(&["list"]), @"
        exit 0
        --- stderr
        no sandbox fits; `agentscope sandbox list --all` shows those that exist
        ");
        insta::assert_snapshot!(home.sandbox(&["list", "--all"]), @"
        exit 0
        --- stdout
        ID            TYPE  BACKEND  TIER  STATE    SESSION  AGE  CPU  MEMORY  IDLE
        [one]  base  host     none  stopped  -        [AGE]   -    -       -
        ");
        insta::assert_snapshot!(home.sandbox(&["logs", "--audit", short]), @"
        exit 0
        --- stdout
        [TIME]  [one]  ann  created with `host`
        [TIME]  [one]  ann  ran sh -c echo $KEY; exit 7, exit 7
        [TIME]  [one]  ann  ran tr a-z A-Z, exit 0
        [TIME]  [one]  ann  renewed until [TIME]
        [TIME]  [one]  ann  paused
        [TIME]  [one]  ann  ran true, exit 125
        [TIME]  [one]  ann  resumed
        [TIME]  [one]  ann  stopped
        [TIME]  [one]  ann  ran true, exit 125
        ");
        insta::assert_snapshot!(home.sandbox(&["prune"]), @"
        exit 0
        --- stdout
        [one]
        ");
        insta::assert_snapshot!(home.sandbox(&["rm", &id]), @"exit 0");
        insta::assert_snapshot!(home.sandbox(&["inspect", short]), @"
        exit 4
        --- stderr
        error: there is no sandbox `[one]`
        hint: `agentscope sandbox list --all` shows those that exist
        ");
        insta::assert_snapshot!(home.sandbox(&["exec", short, "true"]), @"
        exit 125
        --- stderr
        error: there is no sandbox `[one]`
        hint: `agentscope sandbox list --all` shows those that exist
        ");
    });
    let state = home.0.home().join("state");
    for entry in std::fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        assert!(!bytes.windows(6).any(|window| window == b"secret"), "{}", path.display());
    }
}

#[test]
fn no_more_than_were_asked_for() {
    let home = Home::new();
    home.create(&[]);
    let more = ["create", "--backend", "host", "--max-count", "1"];
    insta::assert_snapshot!(home.sandbox(&more), @"
    exit 1
    --- stderr
    error: the limit of sandboxes, 1, is reached
    hint: `agentscope sandbox prune` removes stopped ones; `sandbox.max_count` is the limit
    ");
}

fn spawn(home: &Home, args: &[&str]) -> std::process::Child {
    let mut command = home.0.command(&[&["sandbox"], args].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Reads until the program inside has said `word`.
fn await_word(child: &mut std::process::Child, word: &str) {
    let mut heard = vec![0; word.len()];
    child.stdout.as_mut().unwrap().read_exact(&mut heard).unwrap();
    assert_eq!(heard, word.as_bytes());
}

#[test]
fn signals_go_to_the_program_and_a_second_one_kills_it() {
    let home = Home::new();
    let heeds = "trap 'echo told; exit 5' INT; echo ready; while :; do sleep 0.01; done";
    let mut child = spawn(&home, &[RUN, &["--", "sh", "-c", heeds]].concat());
    await_word(&mut child, "ready\n");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    await_word(&mut child, "told\n");
    assert_eq!(child.wait().unwrap().code(), Some(5));

    let deaf = "trap 'echo told' TERM; echo ready; while :; do sleep 0.01; done";
    let mut child = spawn(&home, &[RUN, &["--", "sh", "-c", deaf]].concat());
    await_word(&mut child, "ready\n");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    await_word(&mut child, "told\n");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(137));
    assert_eq!(home.folders(), 0);
}

/// A reader that goes away is no failure, and ends the program.
#[test]
fn a_closed_pipe_ends_quietly() {
    let home = Home::new();
    let mut child = spawn(&home, &[RUN, &["--", "yes"]].concat());
    await_word(&mut child, "y\n");
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(home.folders(), 0);
}

#[test]
fn what_a_killed_command_left_is_cleared_up() {
    let home = Home::new();
    let mut child = spawn(&home, &[RUN, &["--", "sh", "-c", "echo ready; cat"]].concat());
    await_word(&mut child, "ready\n");
    assert!(home.sandbox(&["list"]).stdout.contains("running"));
    child.kill().unwrap();
    child.wait().unwrap();
    insta::assert_snapshot!(home.sandbox(&["list", "--all"]), @"
    exit 0
    --- stderr
    no sandboxes; `agentscope sandbox create` makes one
    ");
    assert_eq!(home.folders(), 0);
}

/// What ignores signals, such as `nohup`, does not do so for programs inside.
#[cfg(target_os = "linux")]
#[test]
fn programs_hear_the_signals_that_their_caller_ignores() {
    for backend in ["local", "host"] {
        let env = TestEnv::new();
        let command = env.command(&["sandbox", "run", "--backend", backend, "--", "cat", "/proc/self/status"]);
        let mut ignoring = std::process::Command::new("sh");
        ignoring.args(["-c", "trap '' HUP INT QUIT USR1; exec \"$0\" \"$@\""]).arg(command.get_program());
        ignoring.args(command.get_args()).current_dir(env.work()).env_clear();
        ignoring.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ran = env.finish(ignoring, b"");
        let ignored = ran.stdout.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
        // Those for real time are the threads library's.
        assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & 0x7fff_ffff, 0, "{backend}: {ran}");
    }
}

/// One is stopped under the hands of the other.
#[test]
fn two_commands_at_once() {
    let home = Home::new();
    let id = home.create(&[]);
    let mut child = spawn(&home, &["exec", "-i", &id, "sh", "-c", "echo ready; cat"]);
    await_word(&mut child, "ready\n");
    child.stdin.as_mut().unwrap().write_all(b"more\n").unwrap();
    await_word(&mut child, "more\n");
    assert_eq!(home.sandbox(&["stop", &id]).code, Some(0));
    let code = child.wait().unwrap().code();
    assert!(matches!(code, Some(125 | 137 | 143)), "{code:?}");
    let mut many: Vec<_> = (0..4).map(|_| spawn(&home, &[RUN, &["--", "echo", "done"]].concat())).collect();
    for child in &mut many {
        await_word(child, "done\n");
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    assert_eq!(home.folders(), 1);
}

#[test]
fn doctor_says_what_there_is() {
    let output = TestEnv::new().run(&["sandbox", "doctor", "-o", "json"]);
    let probes: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let host = probes.as_array().unwrap().iter().find(|probe| probe["backend"] == "host").unwrap();
    insta::assert_json_snapshot!(host, @r#"
    {
      "backend": "host",
      "confinement": {
        "tier": "none",
        "layers": [
          {
            "name": "isolation",
            "detail": "none: programs run as you",
            "active": false
          }
        ]
      },
      "hint": null
    }
    "#);
}
