//! What goes wrong on the way leaves what was there.

use std::{
    io::Read as _,
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use super::{BROKEN, Home, begun, told_to_end};
use crate::common::engine::Engine;

#[test]
fn a_revision_that_does_not_answer_never_takes_over() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    let first = home.deploy(&[]);
    for (more, reason) in BROKEN {
        home.env.write("agent.yaml", format!("name: {}\n{more}\n", home.name));
        let output = home.run(&["deploy", "docker", "--timeout", "30"]);
        assert!(output.code == Some(1) && output.stderr.contains(reason), "{output}");
        assert_eq!(home.containers(), "agentscope-[NAME] running");
        assert_eq!(home.status()["url"], first["url"]);
        assert_eq!(home.run(&["invoke", &home.name, "-q", "hello"]).code, Some(0));
        let images = home.engine.docker(&["images", "-q", &format!("agentscope/{}", home.name)]);
        assert_eq!(images.lines().count(), 1, "{images}");
    }
}

#[test]
fn a_deploy_that_was_killed_is_made_good_by_the_next() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    home.deploy(&[]);
    // At each step that it tells of.
    for (at, step) in ["making revision", "waiting until", "taking over"].into_iter().enumerate() {
        home.agent(&format!("description: change {at}\n"));
        let (mut child, said) = begun(home.env.command(&["deploy", "docker"]), step);
        child.kill().unwrap();
        child.wait().unwrap();
        let done = home.deploy(&[]);
        assert_eq!(done["changed"], true, "{said}");
        assert_eq!(home.run(&["invoke", &home.name, "-q", "hello"]).code, Some(0));
        let containers = home.containers();
        assert_eq!(containers.matches("running").count(), 1, "{containers}");
        assert!(!containers.contains("candidate") && !containers.contains("filler"), "{containers}");
    }
}

#[test]
fn a_deploy_that_is_told_to_end_takes_back_what_it_began() {
    let Some(home) = Home::find() else { return };
    let (unready, _) = BROKEN[2];
    home.env.write("agent.yaml", format!("name: {}\n{unready}\n", home.name));
    let (code, said) = told_to_end(begun(home.env.command(&["deploy", "docker"]), "waiting until"));
    assert!(code == Some(130) && said.contains("error: interrupted"), "{code:?} {said}");
    assert_eq!(home.things().trim(), "");
    assert_eq!(home.engine.docker(&["images", "-q", &format!("agentscope/{}", home.name)]), "");

    home.agent("");
    home.deploy(&[]);
    let before = home.things();
    home.env.write("agent.yaml", format!("name: {}\n{unready}\n", home.name));
    let (code, said) = told_to_end(begun(home.env.command(&["deploy", "docker"]), "waiting until"));
    assert!(code == Some(130) && said.contains("hint: the old revision goes on as before"), "{code:?} {said}");
    let names = |things: &str| {
        things.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(names(&home.things()), names(&before));
    assert_eq!(home.run(&["invoke", &home.name, "-q", "hello"]).code, Some(0));

    // While one takes over from the other, either of them is the one that serves in the end.
    home.agent("description: changed\n");
    let (code, said) = told_to_end(begun(home.env.command(&["deploy", "docker"]), "taking over"));
    assert!(matches!(code, Some(0 | 130)), "{code:?} {said}");
    let containers = home.containers();
    assert!(containers.starts_with("agentscope-[NAME] running") && !containers.contains("candidate"), "{containers}");
    assert_eq!(home.run(&["invoke", &home.name, "-q", "hello"]).code, Some(0));
}

#[test]
fn of_two_at_once_one_is_refused() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    let (mut first, _) = begun(home.env.command(&["deploy", "docker"]), "waiting until");
    let second = home.run(&["deploy", "docker"]);
    assert_eq!(second.code, Some(1), "{second}");
    assert!(second.stderr.contains("is just being changed by another command"), "{second}");
    let other = home.env.home().join("elsewhere");
    Home::share_layers(&other);
    // Another machine has no file of this one, and finds the lock on the engine.
    let elsewhere = |args: &[&str]| {
        let mut command = home.env.command(args);
        let output = command.env("AGENTSCOPE_HOME", &other).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = elsewhere(&["deploy", "docker"]);
    let refused = "is just being changed from elsewhere\nhint: if that is not so, `docker rm -f agentscope-";
    assert!(code == Some(1) && said.contains(refused), "{said}");
    assert!(first.wait().unwrap().success());
    assert_eq!(home.containers(), "agentscope-[NAME] running");
    assert_eq!(elsewhere(&["stop", &home.name]).0, Some(0));
    assert_eq!(home.containers(), "agentscope-[NAME] exited");
}

#[test]
fn a_lock_is_taken_from_who_has_ended_and_from_nobody_else() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    home.deploy(&[]);
    let lock = format!("agentscope-{}.lock", home.name);
    let held_by = |maker: &str| {
        let name = format!("agentscope.deployment={}", home.name);
        let maker = format!("agentscope.deployment.step={maker}");
        let label = ["--label", "agentscope.revision=0", "--label", name.as_str(), "--label", maker.as_str()];
        let create = [&["create", "--name", lock.as_str()][..], &label, &[home.engine.image.as_str(), "true"]].concat();
        home.engine.docker(&create);
    };
    held_by("another-machine pid:[1] 7 7");
    for args in [&["stop", &home.name][..], &["rm", &home.name], &["rollback", &home.name]] {
        let refused = home.run(args);
        assert!(
            refused.code == Some(1) && refused.stderr.contains("is just being changed from elsewhere"),
            "{refused}"
        );
    }
    home.engine.docker(&["rm", &lock]);
    // As a process of this machine that was killed leaves it.
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    held_by(&format!("{} {} {} 1", boot.trim(), namespace.display(), std::process::id()));
    assert_eq!(home.run(&["stop", &home.name]).code, Some(0));
    assert_eq!(home.containers(), "agentscope-[NAME] exited");
}

#[test]
fn an_old_revision_that_is_just_restarted_again_and_again_does_not_come_back() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    home.deploy(&[]);
    let container = format!("agentscope-{}", home.name);
    let state = |what: &str| home.engine.docker(&["inspect", "--format", &format!("{{{{.{what}}}}}"), &container]);
    // The engine waits longer each time: at last for longer than a deploy takes.
    let begun = std::time::Instant::now();
    loop {
        match state("State.Status").as_str() {
            "restarting" if state("RestartCount").parse::<u32>().unwrap() >= 7 => break,
            "running" => {
                let pid = rustix::process::Pid::from_raw(state("State.Pid").parse().unwrap());
                // It may have ended by itself meanwhile.
                let _ = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL));
            }
            _ => {}
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(180), "it is {}", state("State.Status"));
    }
    home.agent("description: changed\n");
    home.deploy(&[]);
    assert_eq!(home.containers(), "agentscope-[NAME] running\nagentscope-[NAME].r1 exited");
}

#[test]
fn what_is_not_ours_is_not_taken_over() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    let container = format!("agentscope-{}", home.name);
    home.engine.docker(&["create", "--name", &container, &home.engine.image, "true"]);
    let output = home.run(&["deploy", "docker"]);
    home.engine.docker(&["rm", &container]);
    assert_eq!(output.code, Some(2), "{output}");
    insta::assert_snapshot!(home.shown(&output), @"
    exit 2
    --- stderr
    using ./agent.yaml
    packing the agent
    error: the engine has a container `agentscope-[NAME]` that no deploy made
    hint: choose another name with `--name`
    ");
    assert_eq!(home.things().trim(), "");
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_done() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = home.run(&["deploy", "docker", "--port", &port]);
    insta::assert_snapshot!(home.shown(&output).replace(&port, "[PORT]"), @"
    exit 2
    --- stderr
    using ./agent.yaml
    packing the agent
    loading the image into the engine
    making revision 1
    error: the port [PORT] is taken
    hint: leave `--port` out: the next one that is free is taken and kept
    ");
    assert_eq!(home.things().trim(), "");
}

/// A way to the engine that can be cut.
struct Line {
    folder: tempfile::TempDir,
    open: Arc<Mutex<Option<Vec<UnixStream>>>>,
}

impl Line {
    fn to(engine: &Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let engine = engine.host.strip_prefix("unix://").unwrap().to_owned();
        let open = Arc::new(Mutex::new(Some(vec![])));
        let kept = Arc::clone(&open);
        std::thread::spawn(move || {
            for client in listener.incoming().map(Result::unwrap) {
                let mut kept = kept.lock().unwrap();
                let Some(open) = &mut *kept else { return };
                let server = UnixStream::connect(&engine).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
                open.extend([client, server]);
            }
        });
        Self { folder, open }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn cut(&self) {
        std::fs::remove_file(self.socket()).unwrap();
        for end in self.open.lock().unwrap().take().unwrap() {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn a_deploy_whose_engine_is_gone_says_what_it_was_about_and_is_made_good_by_the_next() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    home.deploy(&[]);
    for (at, step) in ["making revision", "waiting until", "taking over"].into_iter().enumerate() {
        home.agent(&format!("description: change {at}\n"));
        let line = Line::to(&home.engine);
        let mut deploy = home.env.command(&["deploy", "docker"]);
        deploy.env("DOCKER_HOST", format!("unix://{}", line.socket().display()));
        let (mut child, mut said) = begun(deploy, step);
        line.cut();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{step}: {said}");
        let (_, why) = said.split_once("error: the engine could not ").unwrap_or_else(|| panic!("{step}: {said}"));
        assert!(!why.starts_with("remove"), "what was being done, not what was to be undone: {said}");
        home.deploy(&[]);
        assert_eq!(home.run(&["invoke", &home.name, "-q", "hello"]).code, Some(0), "{step}");
        let containers = home.containers();
        assert_eq!(containers.matches("running").count(), 1, "{step}: {containers}");
        assert!(!containers.contains("candidate") && !containers.contains("filler"), "{step}: {containers}");
    }
}
