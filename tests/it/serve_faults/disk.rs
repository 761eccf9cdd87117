//! The disk that sessions are on is full. It is a small one of the test's own, in a mount namespace that nobody else sees.

use std::{fs, io::Write as _, path::PathBuf, process::Command};

use super::{At, WAYS, Way, history, holds, process};
use crate::common::{TestEnv, require::available, serve::Server};

const AGENT: &str = "name: demo\nmodel: demo\n";

/// Where the server sees its home, as others can reach it.
struct Disk(PathBuf);

impl Disk {
    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Takes all of the room but so many bytes.
    fn fill(&self, rest: u64) {
        let mut file = fs::File::create(self.filler()).unwrap();
        while file.write_all(&[b'x'; 4096]).is_ok() {}
        let length = file.metadata().unwrap().len();
        file.set_len(length - rest).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

/// A server whose `$AGENTSCOPE_HOME` has two megabytes. Nothing where disks cannot be made.
fn small() -> Option<(Server, Disk)> {
    let can = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).output();
    if !available("own-disk", can.is_ok_and(|output| output.status.success())) {
        return None;
    }
    let env = TestEnv::new();
    env.write("agent.yaml", AGENT);
    fs::create_dir_all(env.home()).unwrap();
    let program = env.command(&["run", "agent.yaml", "--port", "0"]);
    let script = "mount -t tmpfs -o size=2m,mode=700 none \"$AGENTSCOPE_HOME\" && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.arg(program.get_program()).args(program.get_args()).current_dir(env.work()).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let server = Server::spawn(env, command);
    // Each program has become the next one.
    let root = PathBuf::from(format!("/proc/{}/root", server.id()));
    let home = root.join(server.env.home().strip_prefix("/").unwrap());
    Some((server, Disk(home)))
}

#[tokio::test]
async fn a_full_disk_is_told_on_every_protocol_and_the_server_goes_on() {
    let Some((server, disk)) = small() else { return };
    let at = At::from(&server);
    for (number, way) in WAYS.into_iter().enumerate() {
        let (_, answer) = way.say(&at, &format!("s{number}"), "before").await.unwrap();
        assert!(way.done(&answer), "{way:?}: {answer}");
    }
    disk.fill(0);
    for (number, way) in WAYS.into_iter().enumerate() {
        let (status, answer) = way.say(&at, &format!("s{number}"), "while it is full").await.unwrap();
        assert!(!way.done(&answer), "{way:?}: {answer}");
        assert!([200, 503].contains(&status), "{way:?}: {status}");
        assert!(answer.contains("there is no room left for the session store"), "{way:?}: {answer}");
    }
    let (status, task) = server.post("/process/task", &process("s1", "in the background")).await;
    assert_eq!((status, task["message"].as_str()), (503, Some("there is no room left for the session store")));
    assert_eq!(server.get("/health").await.0, 200);
    let (status, ready) = server.get("/readiness").await;
    assert_eq!(
        (status, &ready["checks"][0]["reason"]),
        (503, &"there is no room left for the session store".into()),
        "{ready}"
    );
    // What is there can be read.
    assert_eq!(history(&server, "s1").await[0].1, "before");

    disk.free();
    for (number, way) in WAYS.into_iter().enumerate() {
        let session = format!("s{number}");
        let (_, answer) = way.say(&at, &session, "after").await.unwrap();
        assert!(way.done(&answer), "{way:?}: {answer}");
        holds(&server, &session, &["before".to_owned(), "after".to_owned()]).await;
    }
    assert_eq!(server.get("/readiness").await.0, 200);
}

/// Several callers, when there is still a little room: some of their turns are saved, some are not, some half.
#[tokio::test]
async fn what_was_acknowledged_while_the_disk_filled_is_there_afterwards() {
    let Some((server, disk)) = small() else { return };
    let at = At::from(&server);
    let (_, answer) = Way::Turns.say(&at, "first", "hi").await.unwrap();
    assert!(Way::Turns.done(&answer), "{answer}");
    disk.fill(600_000);
    let callers: Vec<_> = (0..8)
        .map(|number| {
            let (at, way) = (at.clone(), WAYS[number % WAYS.len()]);
            tokio::spawn(async move {
                let (session, mut done) = (format!("s{number}"), vec![]);
                loop {
                    let text = format!("{} {}", done.len(), "x".repeat(2000));
                    let (_, answer) = way.say(&at, &session, &text).await.unwrap();
                    if !way.done(&answer) {
                        assert!(answer.contains("there is no room left"), "{way:?}: {answer}");
                        return (way, session, done);
                    }
                    done.push(text);
                }
            })
        })
        .collect();
    let mut sessions = vec![];
    for caller in callers {
        sessions.push(caller.await.unwrap());
    }
    let all: usize = sessions.iter().map(|(_, _, done)| done.len()).sum();
    assert!(all > 8, "the disk was full at once");

    disk.free();
    for (way, session, mut done) in sessions {
        let (_, answer) = way.say(&at, &session, "at last").await.unwrap();
        assert!(way.done(&answer), "{way:?}: {answer}");
        done.push("at last".to_owned());
        holds(&server, &session, &done).await;
    }
}
