//! `agentscope sandbox` and an agent's tools, in containers of a real engine.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
        process::CommandExt as _,
    },
    path::Path,
    process::{Child, Stdio},
};

use crate::common::{
    Output, TestEnv,
    engine::{Engine, unique},
    place_program,
};

/// A home on the engine, which is empty again afterwards.
struct Home {
    env: TestEnv,
    engine: Engine,
}

impl Home {
    fn new(engine: Engine) -> Self {
        Self { env: engine.env(), engine }
    }

    fn find() -> Option<Self> {
        Engine::find().map(Self::new)
    }

    fn sandbox(&self, args: &[&str]) -> Output {
        self.env.run(&[&["sandbox"], args].concat())
    }

    /// With the image of the tests.
    fn run(&self, flags: &[&str], cmd: &[&str]) -> Output {
        self.sandbox(&[&["run", "--image", &self.engine.image], flags, &["--"], cmd].concat())
    }

    fn create(&self, flags: &[&str]) -> String {
        let made = self.sandbox(&[&["create", "--image", &self.engine.image], flags].concat());
        assert_eq!(made.code, Some(0), "{made}");
        made.stdout.trim().to_owned()
    }

    /// Containers of this home.
    fn containers(&self) -> String {
        let home = format!("label=agentscope.home={}", self.env.home().join("state/sandboxes").display());
        self.engine.docker(&["ps", "-a", "--format", "{{.Names}}", "--filter", &home])
    }

    fn folders(&self) -> usize {
        std::fs::read_dir(self.env.home().join("state/sandboxes"))
            .map_or(0, |all| all.flatten().filter(|entry| entry.file_name() != "pool").count())
    }

    fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.env.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let removed = self.sandbox(&["rm", "--all"]);
        let left = self.containers();
        assert!(std::thread::panicking() || (removed.code == Some(0) && left.is_empty()), "{removed}{left}");
    }
}

fn filters(id: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(id, "[one]");
    settings.add_filter(r"\b\d+\.\ds\b", "[CPU]");
    settings.add_filter(r"\b\d+s\b", "[AGE]");
    settings.add_filter(r"\b\d+(\.\d)?[KM]i\b", "[SIZE]");
    settings.add_filter(r" +\n", "\n");
    settings.add_filter(r" {2,}", "  ");
    settings
}

#[test]
fn a_life_in_a_container() {
    let Some(home) = Home::find() else { return };
    let id = home.create(&["--idle-timeout", "60s", "--label", "job=a", "-e", "KEY=secret"]);
    let short = &id[..6];
    assert_eq!(home.containers(), format!("agentscope-{id}"));
    filters(&id).bind(|| {
        insta::assert_snapshot!(home.sandbox(&["list"]), @"
        exit 0
        --- stdout
        ID  TYPE  BACKEND  TIER  STATE  SESSION  AGE  CPU  MEMORY  IDLE
        [one]  base  docker  A  running  -  [AGE]  [CPU]  [SIZE]  [AGE]
        ");
        insta::assert_snapshot!(home.sandbox(&["exec", short, "--", "sh", "-c", "echo $KEY; echo err >&2; exit 7"]), @"
        exit 7
        --- stdout
        secret
        --- stderr
        err
        ");
        let loud = home.env.run_with(&["sandbox", "exec", "-i", short, "--", "tr", "a-z", "A-Z"], "loud\n");
        insta::assert_snapshot!(loud, @"
        exit 0
        --- stdout
        LOUD
        ");
        assert_eq!(home.sandbox(&["pause", short]).code, Some(0));
        insta::assert_snapshot!(home.sandbox(&["exec", short, "true"]), @"
        exit 125
        --- stderr
        error: the sandbox `[one]` is paused
        hint: `agentscope sandbox resume` lets it go on
        ");
        assert_eq!(home.sandbox(&["resume", short]).code, Some(0));
        let inspected = home.sandbox(&["inspect", short]).stdout;
        let engine = line(&inspected, "container");
        assert!(engine.contains("Docker") || engine.contains("Podman"), "{inspected}");
        assert!(!inspected.contains("secret"), "{inspected}");
        let stopped = [(); 2].map(|()| home.sandbox(&["stop", short]).to_string());
        assert_eq!(stopped, [format!("exit 0\n--- stdout\n{id}\n"), format!("exit 0\n--- stdout\n{id}\n")]);
        assert_eq!(home.containers(), "");
        insta::assert_snapshot!(home.sandbox(&["list", "--all"]), @"
        exit 0
        --- stdout
        ID  TYPE  BACKEND  TIER  STATE  SESSION  AGE  CPU  MEMORY  IDLE
        [one]  base  docker  A  stopped  -  [AGE]  -  -  -
        ");
        insta::assert_snapshot!(home.sandbox(&["exec", short, "true"]), @"
        exit 125
        --- stderr
        error: the sandbox `[one]` is stopped
        hint: one that is stopped does not start again; `agentscope sandbox create` makes another
        ");
        insta::assert_snapshot!(home.sandbox(&["rm", &id]), @"
        exit 0
        --- stdout
        [one]
        ");
        assert_eq!(home.folders(), 0);
    });
}

/// The line of `inspect` about this layer.
fn line(text: &str, layer: &str) -> String {
    text.lines().find(|line| line.contains(layer)).unwrap_or_default().to_owned()
}

#[test]
fn run_passes_everything_through_and_leaves_nothing() {
    let Some(home) = Home::find() else { return };
    home.env.write("given.txt", "given\n");
    let script = "cat; cat given.txt; echo new > new.txt; echo err >&2; exit 3";
    let image = home.engine.image.clone();
    let args = ["sandbox", "run", "--image", &image, "-w", ".", "--workspace", "rw", "--", "sh", "-c", script];
    insta::assert_snapshot!(home.env.run_with(&args, "from standard input\n"), @"
    exit 3
    --- stdout
    from standard input
    given
    --- stderr
    err
    ");
    assert_eq!(home.env.read("new.txt"), "new\n");
    let cases: &[(i32, &[&str], &[&str])] = &[
        (137, &[], &["sh", "-c", "kill -9 $$"]),
        (124, &["--timeout", "100ms"], &["sleep", "60"]),
        (126, &[], &["/etc/passwd"]),
        (127, &[], &["no-such-program"]),
    ];
    for (code, flags, cmd) in cases {
        let output = home.run(flags, cmd);
        assert_eq!(output.code, Some(*code), "{flags:?} {cmd:?}\n{output}");
    }
    assert_eq!((home.containers(), home.folders()), (String::new(), 0));
}

/// One word of the agent file makes the difference.
#[test]
fn the_same_agent_works_in_a_container_by_one_word() {
    let Some(home) = Home::find() else { return };
    let agent = "name: coder\nmodel: demo\ntools: [shell, python, files]\npermissions: {default: allow}\n\
                 sandbox: {backend: BACKEND, image: IMAGE, workspace: {mode: MODE}}\n";
    let chat = |backend: &str, mode: &str| {
        home.env.write("note.txt", "old\n");
        home.env.write(
            "agent.yaml",
            agent.replace("BACKEND", backend).replace("IMAGE", &home.engine.image).replace("MODE", mode),
        );
        let says = [
            r#"TOOL:run_shell_command:{"command": "pwd; cat note.txt; echo new > note.txt; id -u | grep -c '^0$'"}"#,
            r#"TOOL:run_ipython_cell:{"code": "print(6 * 7)"}"#,
            r#"TOOL:read_file:{"path": "note.txt"}"#,
        ]
        .map(|message| {
            let output = home.env.run(&["chat", "--session-id", &format!("{backend}-{mode}"), "-q", message]);
            assert_eq!(output.code, Some(0), "{output}");
            output.stdout
        });
        format!("{}{}", says.concat(), home.env.read("note.txt"))
    };
    for mode in ["rw", "copy"] {
        let (local, docker) = (chat("local", mode), chat("docker", mode));
        assert_eq!(local, docker, "{mode}");
        assert!(docker.contains("/workspace\nold\n0"), "{docker}");
        assert!(docker.ends_with(if mode == "rw" { "new\n" } else { "old\n" }), "{docker}");
        assert!(docker.contains("42"), "{docker}");
    }
    assert_eq!(home.containers(), "", "a one-shot chat keeps none");
}

#[test]
fn build_makes_an_image_once_and_prints_its_name() {
    let Some(home) = Home::find() else { return };
    let base = home.engine.with_package_manager("echo $@ | tee /installed");
    let name = format!("agentscope-test-made:{}", unique());
    let build = |args: &[&str]| home.sandbox(&[&["build", "--image", &base.name], args].concat());
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&base.name, "[BASE]");
    settings.add_filter(&name, "[NAME]");
    settings.add_filter("agentscope-packages:[0-9a-f]{20}", "[IMAGE]");
    settings.bind(|| {
        insta::assert_snapshot!(build(&["--system", "git", "--system", "it's"]), @"
        exit 0
        --- stdout
        [IMAGE]
        --- stderr
        installing: add --no-cache git it's
        ");
        insta::assert_snapshot!(build(&["--system", "it's", "--system", "git", "--name", &name, "-o", "json"]), @r#"
        exit 0
        --- stdout
        {
          "image": "[NAME]",
          "base": "[BASE]",
          "packages": {
            "python": [],
            "system": [
              "it's",
              "git"
            ]
          }
        }
        "#);
        insta::assert_snapshot!(build(&[]), @"
        exit 2
        --- stderr
        error: there is nothing to install
        hint: name packages with --python and --system, or an agent whose file has `sandbox.packages`
        ");
        insta::assert_snapshot!(build(&["--python=--index-url=x"]), @"
        exit 1
        --- stderr
        error: `--index-url=x` is not the name of a package
        hint: such as `pandas`, `pandas>=2` or, of the system, `git`
        ");
    });
    let ran = home.sandbox(&["run", "--image", &name, "--", "cat", "/installed"]);
    assert_eq!(ran.stdout, "add --no-cache git it's\n", "{ran}");
    home.engine.docker(&["rmi", &name]);

    // An agent's, by its file: beforehand, and when it needs it.
    home.env.write(
        "agent.yaml",
        format!(
            "name: x\nmodel: demo\ntools: [shell]\npermissions: {{default: allow}}\n\
             sandbox: {{image: \"{}\", packages: {{system: [jq]}}, workspace: {{mode: none}}}}\n",
            base.name
        ),
    );
    let call = r#"TOOL:run_shell_command:{"command": "cat /installed"}"#;
    let chatted = home.env.run(&["chat", "-q", call]);
    assert!(chatted.stdout.contains("add --no-cache jq"), "{chatted}");
    let built = home.sandbox(&["build", "agent.yaml"]);
    assert_eq!((built.code, built.stderr.as_str()), (Some(0), ""), "it is there\n{built}");
}

/// Whoever is killed while he makes something leaves nothing that stays.
#[test]
fn what_a_killed_build_left_is_gone() {
    let Some(home) = Home::find() else { return };
    let base = home.engine.with_package_manager("echo begun; exec sleep 600");
    let mut child = home.spawn(&["sandbox", "build", "--image", &base.name, "--system", "git"]);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "installing: begun");
    child.kill().unwrap();
    child.wait().unwrap();
    let of_it = ["ps", "-aq", "--filter", &format!("ancestor={}", base.name)];
    while !home.engine.docker(&of_it).is_empty() {}
    // What was made and not yet started, by one who is dead.
    let mut dead = std::process::Command::new("true").spawn().unwrap();
    let pid = dead.id();
    dead.wait().unwrap();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    let maker = format!("agentscope.maker={} {} {pid} 1", boot.trim(), namespace.display());
    // Any command of another test that makes a container there may clear it up before ours does.
    assert_ne!(home.engine.docker(&["create", "--label", &maker, &base.name, "true"]), "");
    assert_eq!(home.sandbox(&["prune"]).code, Some(0));
    assert_eq!(home.engine.docker(&of_it), "");
}

/// A box that is being made, or that is to end with its maker, when that is killed.
#[test]
fn what_a_killed_run_left_is_cleared_up() {
    let Some(home) = Home::find() else { return };
    let mut child = home.spawn(&["sandbox", "run", "--image", &home.engine.image, "--", "sh", "-c", "echo ready; cat"]);
    let mut word = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut word).unwrap();
    assert!(home.sandbox(&["list"]).stdout.contains("running"));
    child.kill().unwrap();
    child.wait().unwrap();
    insta::assert_snapshot!(home.sandbox(&["list", "--all"]), @"
    exit 0
    --- stderr
    no sandboxes; `agentscope sandbox create` makes one
    ");
    while !home.containers().is_empty() {}
    assert_eq!(home.folders(), 0);
}

#[test]
fn warm_ones_are_ready_for_a_chat_and_end_by_themselves() {
    let Some(home) = Home::find() else { return };
    home.env.write(
        "agent.yaml",
        format!(
            "name: x\nmodel: demo\ntools: [shell]\npermissions: {{default: allow}}\nsandbox: {{backend: docker, \
             image: \"{}\", pool: 1, idle_timeout: 4s, workspace: {{mode: none}}}}\n",
            home.engine.image
        ),
    );
    let mut chat = home.spawn(&["chat", "--plain"]);
    let warm = loop {
        if let Some(name) = home.containers().strip_prefix("agentscope-pool-") {
            break home.engine.docker(&["inspect", "--format", "{{.Id}}", &format!("agentscope-pool-{name}")]);
        }
    };
    // It answers: its folder has a key then.
    let pool = home.env.home().join("state/sandboxes/pool");
    while !std::fs::read_dir(&pool).unwrap().flatten().any(|entry| entry.path().join("token").exists()) {}
    chat.stdin.as_mut().unwrap().write_all(b"TOOL:run_shell_command:{\"command\": \"echo up\"}\n").unwrap();
    let mut said = BufReader::new(chat.stdout.take().unwrap()).lines();
    assert!(said.next().unwrap().unwrap().contains("up"));
    let boxes = home.containers();
    let taken = boxes.lines().find(|name| !name.starts_with("agentscope-pool-")).unwrap_or_default();
    assert_eq!(home.engine.docker(&["inspect", "--format", "{{.Id}}", taken]), warm, "{boxes}");
    drop(chat.stdin.take());
    assert!(chat.wait().unwrap().success());
    while !home.containers().is_empty() {
        assert_eq!(home.sandbox(&["prune"]).code, Some(0));
    }
}

#[test]
fn without_an_engine_it_is_said_once_and_lists_go_on() {
    let env = TestEnv::new().var("DOCKER_HOST", "unix:///nowhere/docker.sock");
    insta::assert_snapshot!(env.run(&["sandbox", "run", "--backend", "docker", "--", "true"]), @"
    exit 125
    --- stderr
    error: the `docker` backend is not available: there is no socket `/nowhere/docker.sock`, which DOCKER_HOST names
    hint: start the engine, or set DOCKER_HOST to where it listens
    ");
    insta::assert_snapshot!(env.run(&["sandbox", "create", "--image", "debian:12"]), @"
    exit 1
    --- stderr
    error: the `docker` backend is not available: there is no socket `/nowhere/docker.sock`, which DOCKER_HOST names
    hint: start the engine, or set DOCKER_HOST to where it listens
    ");
    insta::assert_snapshot!(env.run(&["sandbox", "build", "--system", "git"]), @"
    exit 1
    --- stderr
    error: the `docker` backend is not available: there is no socket `/nowhere/docker.sock`, which DOCKER_HOST names
    hint: start the engine, or set DOCKER_HOST to where it listens
    ");
    insta::assert_snapshot!(env.run(&["sandbox", "run", "--backend", "gvisor", "--", "true"]), @"
    exit 125
    --- stderr
    error: the `gvisor` backend is not available: there is no socket `/nowhere/docker.sock`, which DOCKER_HOST names
    hint: start the engine, or set DOCKER_HOST to where it listens
    ");
    insta::assert_snapshot!(env.run(&["sandbox", "list", "--all"]), @"
    exit 0
    --- stderr
    no sandboxes; `agentscope sandbox create` makes one
    ");
    insta::assert_snapshot!(env.run(&["sandbox", "prune"]), @"
    exit 0
    --- stderr
    nothing to delete
    ");
    let doctor = env.run(&["sandbox", "doctor"]).stdout;
    let docker = doctor.split_once("docker: ").unwrap().1;
    insta::assert_snapshot!(docker, @"
    cannot be used here
      hint: the `docker` backend is not available: there is no socket `/nowhere/docker.sock`, which DOCKER_HOST names; start the engine, or set DOCKER_HOST to where it listens
    gvisor: cannot be used here
      hint: the `gvisor` backend is not available: there is no socket `/nowhere/docker.sock`, which DOCKER_HOST names; start the engine, or set DOCKER_HOST to where it listens
    ");
}

#[test]
fn a_user_who_may_not_use_the_socket_is_told_so() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can make a socket that its own user may not use");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o600)).unwrap();
    let program = folder.path().join("agentscope");
    place_program(&program);
    let home = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(home.path(), Some(65534), Some(65534)).unwrap();
    let output = std::process::Command::new(program)
        .args(["sandbox", "run", "--backend", "docker", "--", "true"])
        .env_clear()
        .env("AGENTSCOPE_HOME", home.path())
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .current_dir("/")
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125));
    let text = String::from_utf8_lossy(&output.stderr).replace(&folder.path().display().to_string(), "[DIR]");
    insta::assert_snapshot!(text, @"
    error: the `docker` backend is not available: this user may not use the socket `[DIR]/docker.sock`
    hint: `sudo usermod -aG docker $USER` and a new login allow it, which makes the user as good as root; or use rootless Docker, Podman or the `local` backend
    ");
}

#[test]
fn what_cannot_be_made_is_said_with_the_next_step_and_leaves_nothing() {
    let Some(home) = Home::find() else { return };
    let missing = home.sandbox(&["run", "--image", "registry.invalid/none:1", "--", "true"]);
    assert_eq!(missing.code, Some(125), "{missing}");
    assert!(missing.stderr.contains("pulling registry.invalid/none:1\n"), "{missing}");
    assert!(missing.stderr.contains("hint: the engine could not reach the registry"), "{missing}");

    let with = |binary: &str| {
        let output = home.run(&["--runtime-binary", binary], &["true"]);
        assert_eq!(output.code, Some(125), "{output}");
        output.stderr.replace(binary, "[BINARY]")
    };
    insta::assert_snapshot!(with(env!("CARGO_BIN_EXE_agentscope")), @"
    error: `[BINARY]` cannot be put into containers: it is dynamically linked, so it runs only where its libraries are
    hint: name a static one of this version with `--runtime-binary FILE` or AGENTSCOPE_RUNTIME_BINARY; releases are static, and `cargo rustc --release --bin agentscope -- -C target-feature=+crt-static` builds one
    ");
    // Static, for Linux, and not ours.
    let busybox = home.env.work().join("busybox");
    if Path::new("/bin/busybox").exists() {
        std::fs::copy("/bin/busybox", &busybox).unwrap();
        insta::assert_snapshot!(with(&busybox.display().to_string()), @"
        error: `[WORK]/busybox` cannot be put into containers: it is not agentscope 0.1.0
        hint: name a static one of this version with `--runtime-binary FILE` or AGENTSCOPE_RUNTIME_BINARY; releases are static, and `cargo rustc --release --bin agentscope -- -C target-feature=+crt-static` builds one
        ");
    }
    insta::assert_snapshot!(with("/nowhere/agentscope"), @"
    error: could not read `[BINARY]`
      because: No such file or directory (os error 2)
    ");
    assert_eq!((home.containers(), home.folders()), (String::new(), 0));
}

/// The engine's socket, which can be taken away.
struct Way {
    folder: tempfile::TempDir,
}

impl Way {
    fn to(engine: &Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let far = engine.host.strip_prefix("unix://").unwrap().to_owned();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = UnixStream::connect(&far).unwrap();
                for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(std::net::Shutdown::Write);
                    });
                }
            }
        });
        Self { folder }
    }

    fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }
}

#[test]
fn a_sandbox_whose_engine_is_gone_is_unknown_and_comes_back() {
    let Some(home) = Home::find() else { return };
    let way = Way::to(&home.engine);
    let through = |args: &[&str]| {
        let mut command = home.env.command(&[&["sandbox"], args].concat());
        let output = command.env("DOCKER_HOST", way.host()).output().unwrap();
        let text =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&way.folder.path().display().to_string(), "[DIR]");
        Output { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    };
    let made = through(&["create", "--image", &home.engine.image]);
    let id = made.stdout.trim().to_owned();
    filters(&id).bind(|| {
        insta::assert_snapshot!(through(&["exec", &id, "echo", "up"]), @"
        exit 0
        --- stdout
        up
        ");
        std::fs::remove_file(way.folder.path().join("docker.sock")).unwrap();
        insta::assert_snapshot!(through(&["list"]), @"
        exit 0
        --- stdout
        ID  TYPE  BACKEND  TIER  STATE  SESSION  AGE  CPU  MEMORY  IDLE
        [one]  base  docker  A  unknown  -  [AGE]  -  -  -
        ");
        insta::assert_snapshot!(through(&["exec", &id, "echo", "up"]), @"
        exit 125
        --- stderr
        error: the `docker` backend is not available: there is no socket `[DIR]/docker.sock`, which DOCKER_HOST names
        hint: start the engine, or set DOCKER_HOST to where it listens
        ");
        insta::assert_snapshot!(through(&["stop", &id]), @"
        exit 1
        --- stderr
        error: the `docker` backend is not available: there is no socket `[DIR]/docker.sock`, which DOCKER_HOST names
        hint: start the engine, or set DOCKER_HOST to where it listens
        ");
        // By the other way it is there as it was.
        insta::assert_snapshot!(home.sandbox(&["exec", &id, "echo", "up"]), @"
        exit 0
        --- stdout
        up
        ");
    });
}

#[test]
fn gvisor_answers_the_system_calls() {
    let Some(engine) = Engine::with_gvisor() else { return };
    let home = Home::new(engine);
    let args = [
        "run",
        "--backend",
        "gvisor",
        "--image",
        &home.engine.image,
        "--",
        "sh",
        "-c",
        "cat /proc/version; id -u | grep -c '^0$'; pwd",
    ];
    let output = home.sandbox(&args);
    // gVisor says it is a Linux of long ago.
    let host = std::fs::read_to_string("/proc/version").unwrap();
    assert!(!output.stdout.starts_with(&host) && output.stdout.ends_with("0\n/workspace\n"), "{output}");
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!((home.containers(), home.folders()), (String::new(), 0));
}

#[test]
fn podman_does_what_docker_does() {
    let Some(engine) = Engine::podman() else { return };
    let home = Home::new(engine);
    let id = home.create(&["--idle-timeout", "60s"]);
    assert!(home.sandbox(&["inspect", &id]).stdout.contains("Podman"));
    let kept = home.sandbox(&["exec", &id, "--", "sh", "-c", "echo kept > kept; cat kept; touch /tmp/x; exit 3"]);
    assert_eq!((kept.code, kept.stdout.as_str()), (Some(3), "kept\n"), "{kept}");
    assert!(home.sandbox(&["list"]).stdout.contains("running"));
    assert_eq!(home.sandbox(&["stop", &id]).code, Some(0));
    assert!(home.sandbox(&["list", "--all"]).stdout.contains("stopped"));
    home.env.write("given", "given\n");
    let ran = home.run(&["-w", ".", "--workspace", "rw"], &["sh", "-c", "cat given; echo made > made"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "given\n"), "{ran}");
    assert_eq!(home.env.read("made"), "made\n");
}
