//! Boxes as containers of a real engine: `dev/docker start` prints the variables that say where it is.

use std::sync::Arc;

use agentscope::{
    config::Env,
    sandbox::{
        BackendKind, BoxClient, BoxFolder, Clearance, Network, Progress, Quiet, SandboxBackend as _, SandboxError,
        SandboxId, SandboxSpec, State, Token, WorkspaceMode,
        docker::{DockerBackend, DockerSettings},
        egress::refused_since,
        image::Recipe,
        wire::{ExecSpec, ExitStatus, Limit},
    },
};

use crate::common::engine::{Engine, unique};

/// A home on the engine, which is empty again afterwards.
struct Home {
    folder: tempfile::TempDir,
    engine: Engine,
    backend: Arc<DockerBackend>,
}

impl Home {
    fn new(engine: &Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backend = Arc::new(backend(engine, &folder, BackendKind::Docker));
        Self { folder, engine: engine.clone(), backend }
    }

    fn spec(&self) -> SandboxSpec {
        let mut spec = SandboxSpec::new(BackendKind::Docker, "ann");
        spec.image = Some(self.engine.image.clone());
        // Nothing stays when a test fails.
        spec.lifetime.tied = true;
        spec
    }

    async fn make(&self, spec: &SandboxSpec) -> BoxClient {
        self.backend.create(spec, Clearance::given(), &Quiet).await.unwrap();
        self.client(spec)
    }

    fn client(&self, spec: &SandboxSpec) -> BoxClient {
        let token = Token::of(self.of(spec).path()).unwrap();
        BoxClient::new(self.backend.clone(), spec.id.clone(), &token)
    }

    fn of(&self, spec: &SandboxSpec) -> BoxFolder {
        BoxFolder::new(self.folder.path(), &spec.id)
    }

    async fn end(self) {
        for found in self.backend.list().await.unwrap() {
            self.backend.remove(&found.id).await.unwrap();
        }
        assert!(self.backend.list().await.unwrap().is_empty());
        assert_eq!(self.engine.docker(&["ps", "-aq", "--filter", &self.label()]), "");
    }

    fn label(&self) -> String {
        format!("label=agentscope.home={}", self.folder.path().display())
    }
}

fn backend(engine: &Engine, folder: &tempfile::TempDir, kind: BackendKind) -> DockerBackend {
    DockerBackend::new(DockerSettings {
        kind,
        env: Env::fake("/", &[("DOCKER_HOST", &engine.host)]),
        root: folder.path().to_owned(),
        program: env!("CARGO_BIN_EXE_agentscope").into(),
        runtime_binary: Some(engine.binary.clone()),
    })
}

/// What a shell line prints, and how it ends.
async fn sh(client: &BoxClient, script: &str) -> (String, ExitStatus) {
    let spec = ExecSpec { argv: vec!["sh".into(), "-c".into(), script.into()], ..ExecSpec::default() };
    let ran = client.exec(&spec).await.unwrap().collect(1 << 20).await.unwrap();
    let text = [ran.stdout.bytes, ran.stderr.bytes].concat();
    (String::from_utf8_lossy(&text).into_owned(), ran.status)
}

#[tokio::test]
async fn a_program_runs_with_nothing_but_its_folder() {
    let Some(engine) = Engine::find() else { return };
    let home = Home::new(&engine);
    let mut spec = home.spec();
    spec.env.insert("GREETING".into(), "hello".into());
    let client = home.make(&spec).await;
    let (text, _) = sh(
        &client,
        "pwd; echo $GREETING; id -u | grep -c '^0$'
         grep -E '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status
         ls /sys/class/net
         touch /x /usr/x /.agentscope/x 2>&1 | sed 's/.*: //'
         echo kept > kept && cat kept
         echo '#!/bin/sh' > /tmp/x && chmod +x /tmp/x && /tmp/x && echo ran
         cat /run/secrets /var/run/docker.sock 2>/dev/null; cat /proc/1/cmdline | tr '\\0' ' '",
    )
    .await;
    insta::assert_snapshot!(text, @"
    /workspace
    hello
    0
    CapPrm:	0000000000000000
    CapEff:	0000000000000000
    CapBnd:	0000000000000000
    CapAmb:	0000000000000000
    NoNewPrivs:	1
    Seccomp:	2
    lo
    Read-only file system
    Read-only file system
    Read-only file system
    kept
    ran
    /.agentscope/agentscope __box
    ");
    assert_eq!(std::fs::read_to_string(home.of(&spec).workspace().join("kept")).unwrap(), "kept\n");
    let seen = engine.docker(&["inspect", &format!("agentscope-{}", spec.id)]);
    assert!(!seen.contains("hello"), "labels and the container's environment have no values: {seen}");
    assert!(!seen.contains(Token::of(home.of(&spec).path()).unwrap().expose()));
    home.end().await;
}

#[tokio::test]
async fn a_box_is_paused_stopped_made_again_and_removed() {
    let Some(engine) = Engine::find() else { return };
    let home = Home::new(&engine);
    let (spec, backend) = (home.spec(), &home.backend);
    let client = home.make(&spec).await;
    sh(&client, "echo kept > kept").await;
    let found = backend.inspect(&spec.id).await.unwrap();
    assert_eq!((found.state, found.spec.id.clone()), (State::Running, spec.id.clone()));
    assert!(found.usage.memory.is_some() && found.usage.cpu.is_some() && found.usage.pids.is_some());

    backend.freeze(&spec.id, true).await.unwrap();
    backend.freeze(&spec.id, true).await.unwrap();
    assert_eq!(backend.inspect(&spec.id).await.unwrap().state, State::Paused);
    let refused = backend.connect(&spec.id).await.err().unwrap();
    assert!(matches!(refused, SandboxError::NotRunning { state: State::Paused, .. }), "{refused}");
    backend.freeze(&spec.id, false).await.unwrap();
    assert_eq!(sh(&client, "cat kept").await.0, "kept\n");

    backend.stop(&spec.id).await.unwrap();
    backend.stop(&spec.id).await.unwrap();
    assert_eq!(backend.inspect(&spec.id).await.unwrap().state, State::Stopped);
    let refused = backend.connect(&spec.id).await.err().unwrap();
    assert!(matches!(refused, SandboxError::NotRunning { state: State::Stopped, .. }), "{refused}");
    assert_eq!(engine.docker(&["ps", "-aq", "--filter", &home.label()]), "");

    let client = home.make(&spec).await;
    assert_eq!(sh(&client, "cat kept").await.0, "kept\n");
    backend.remove(&spec.id).await.unwrap();
    backend.remove(&spec.id).await.unwrap();
    assert!(!home.of(&spec).exists());
    let gone = backend.inspect(&spec.id).await.unwrap_err();
    assert!(matches!(gone, SandboxError::NotFound { .. }), "{gone}");
    home.end().await;
}

#[tokio::test]
async fn homes_on_one_engine_do_not_see_each_others_boxes_and_another_process_does() {
    let Some(engine) = Engine::find() else { return };
    let (home, other) = (Home::new(&engine), Home::new(&engine));
    let spec = home.spec();
    home.make(&spec).await;
    assert!(other.backend.list().await.unwrap().is_empty());
    assert!(matches!(other.backend.inspect(&spec.id).await, Err(SandboxError::NotFound { .. })));
    // As after a restart of ours.
    let again = backend(&engine, &home.folder, BackendKind::Docker);
    let listed = again.list().await.unwrap();
    assert_eq!(listed.iter().map(|found| (&found.id, found.state)).collect::<Vec<_>>(), [(&spec.id, State::Running)]);
    // What is tied ends with whoever holds it.
    drop(home.backend);
    while again.inspect(&spec.id).await.unwrap().state != State::Stopped {
        tokio::task::yield_now().await;
    }
    again.remove(&spec.id).await.unwrap();
    assert_eq!(engine.docker(&["volume", "ls", "-q", "--filter", &format!("name=agentscope-{}", spec.id)]), "");
}

#[tokio::test]
async fn limits_hold_and_the_box_goes_on() {
    let Some(engine) = Engine::find() else { return };
    let home = Home::new(&engine);
    let mut spec = home.spec();
    spec.limits.memory = 128 << 20;
    spec.limits.pids = 40;
    let client = home.make(&spec).await;
    let (_, hog) = sh(&client, "python3 -c 'b = bytearray(512 << 20)'").await;
    assert_eq!(hog.limit, Some(Limit::Memory), "{hog:?}");
    let (text, _) = sh(&client, "dd if=/dev/zero of=/tmp/x bs=1M count=300 2>&1 | grep -o 'No space left'").await;
    assert_eq!(text, "No space left\n");
    assert_eq!(sh(&client, "rm /tmp/x; echo on").await.0, "on\n");
    let (text, _) = sh(&client, "for i in $(seq 200); do sleep 60 >/dev/null 2>&1 & done").await;
    assert!(text.contains("fork") || text.contains("temporarily unavailable"), "{text}");
    home.end().await;
}

#[tokio::test]
async fn the_way_out_is_the_allow_list() {
    let Some(engine) = Engine::find() else { return };
    let home = Home::new(&engine);
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for mut stream in server.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello from outside\n");
        }
    });
    let mut spec = home.spec();
    spec.network = Network::Allow(vec!["docs.example".into(), address.to_string()]);
    let client = home.make(&spec).await;
    let get = |url: &str| {
        format!(
            "python3 -c 'import urllib.request, urllib.error\ntry: print(urllib.request.urlopen(\"{url}\").read().decode())\n\
             except urllib.error.HTTPError as e: print(e.code, e.read().decode())\n\
             except Exception as e: print(e)'"
        )
    };
    let proxied = format!("NO_PROXY= no_proxy= {}", get(&format!("http://{address}/")));
    assert_eq!(sh(&client, &proxied).await.0.trim(), "hello from outside");
    let (text, _) = sh(&client, &get("http://evil.example/")).await;
    assert!(text.starts_with("403 the network policy of this sandbox refused evil.example:80"), "{text}");
    let around = format!("env -u http_proxy -u HTTP_PROXY {}", get("http://93.184.216.34/"));
    let (text, _) = sh(&client, &around).await;
    assert!(text.contains("unreachable"), "{text}");
    let (refused, _) = refused_since(home.of(&spec).path(), 0).unwrap();
    assert_eq!(refused.iter().map(|one| (one.host.as_str(), one.port)).collect::<Vec<_>>(), [("evil.example", 80)]);
    home.end().await;
}

#[tokio::test]
async fn a_read_only_workspace_is_the_folder_without_what_is_hidden() {
    let Some(engine) = Engine::find() else { return };
    let home = Home::new(&engine);
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("a.txt", "a"), (".env", "SECRET=1"), ("keys/id", "key")] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut spec = home.spec();
    spec.workspace.mode = WorkspaceMode::Ro;
    spec.workspace.path = Some(folder.path().to_owned());
    spec.workspace.hide = vec![".env*".into(), "keys".into()];
    let client = home.make(&spec).await;
    let (text, _) = sh(&client, "cat a.txt; echo; cat .env; ls keys; touch b 2>&1 | sed 's/.*: //'").await;
    assert_eq!(text, "a\nRead-only file system\n");
    home.end().await;
}

#[tokio::test]
async fn what_cannot_be_made_is_said_and_leaves_nothing() {
    let Some(engine) = Engine::find() else { return };
    let home = Home::new(&engine);
    let mut spec = home.spec();
    spec.image = Some("registry.invalid/none:1".into());
    let error = home.backend.create(&spec, Clearance::given(), &Quiet).await.map(drop).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("the image `registry.invalid/none:1` is not there and could not be pulled: "), "{text}");
    insta::assert_snapshot!(error.hint().unwrap(), @"the engine could not reach the registry; `docker load` brings an image in from a file");
    assert!(!home.of(&spec).exists());

    let gvisor = backend(&engine, &home.folder, BackendKind::Gvisor);
    if !engine.docker(&["info", "--format", "{{json .Runtimes}}"]).contains("runsc") {
        let error = gvisor
            .create(&SandboxSpec { backend: BackendKind::Gvisor, ..home.spec() }, Clearance::given(), &Quiet)
            .await;
        let error = error.map(drop).unwrap_err();
        insta::assert_snapshot!(error.hint().unwrap(), @"install gVisor and `sudo runsc install`, then restart the engine");
    }
    home.end().await;
}

#[tokio::test]
async fn an_image_that_cannot_be_built_leaves_nothing() {
    let Some(engine) = Engine::find() else { return };
    let home = Home::new(&engine);
    struct Steps(std::sync::Mutex<Vec<String>>);
    impl Progress for Steps {
        fn step(&self, what: &str, _done: Option<u64>, _total: Option<u64>) {
            self.0.lock().unwrap().push(what.to_owned());
        }
    }
    let steps = Steps(std::sync::Mutex::default());
    let recipe = Recipe { base: engine.image.clone(), python: vec![], system: vec!["git".into()] };
    let error = home.backend.build(&recipe, Some("agentscope-test-never:1"), &steps).await.unwrap_err();
    insta::assert_snapshot!(error, @"
    the installation of packages failed (exit 1):
    the image has no package manager that is known: apt, apk, dnf, microdnf
    ");
    assert_eq!(engine.docker(&["images", "-q", "agentscope-test-never"]), "");
    assert!(!steps.0.lock().unwrap().is_empty());
    home.end().await;
}

#[tokio::test]
async fn a_warm_box_is_handed_out_once_and_only_for_what_it_was_made_for() {
    let Some(engine) = Engine::find() else { return };
    let home = Home::new(&engine);
    let mut spec = home.spec();
    spec.lifetime.tied = false;
    spec.lifetime.idle = Some(std::time::Duration::from_secs(60));
    home.backend.warm(&spec, 1).await.unwrap();
    home.backend.warm(&spec, 1).await.unwrap();
    let ids = || engine.docker(&["ps", "-q", "--no-trunc", "--filter", &home.label()]);
    let warm = ids();
    assert_eq!(warm.lines().count(), 1);
    assert!(home.backend.list().await.unwrap().is_empty(), "a warm one is nobody's box yet");

    let mut other = SandboxSpec { id: SandboxId::random(), ..spec.clone() };
    other.limits.pids = 33;
    home.make(&other).await;
    assert!(ids().contains(&warm) && ids() != warm, "it does not fit: one of its own");

    let client = home.make(&spec).await;
    assert_eq!(ids().lines().count(), 2, "the warm one");
    assert_eq!(sh(&client, "echo kept > kept; cat kept").await.0, "kept\n");
    assert_eq!(std::fs::read_to_string(home.of(&spec).workspace().join("kept")).unwrap(), "kept\n");
    let mut listed: Vec<_> = home.backend.list().await.unwrap().into_iter().map(|found| found.id).collect();
    listed.sort();
    let mut made = vec![spec.id.clone(), other.id.clone()];
    made.sort();
    assert_eq!(listed, made);

    // One that does not answer is not handed out.
    home.backend.warm(&spec, 1).await.unwrap();
    let member = engine.docker(&[
        "ps",
        "--format",
        "{{.Names}}",
        "--filter",
        "name=agentscope-pool-",
        "--filter",
        &home.label(),
    ]);
    engine.docker(&["kill", "--signal", "STOP", &member]);
    engine.docker(&["kill", &member]);
    let next = SandboxSpec { id: SandboxId::random(), ..spec.clone() };
    let client = home.make(&next).await;
    assert_eq!(sh(&client, "echo on").await.0, "on\n");
    home.end().await;
}

#[tokio::test]
async fn an_image_with_packages_is_made_once_and_runs() {
    let Some(engine) = Engine::find() else { return };
    let home = Home::new(&engine);
    let base = engine.with_package_manager("echo $@ > /installed");

    let recipe = Recipe { base: base.name.clone(), python: vec![], system: vec!["git".into(), "it's".into()] };
    let tag = home.backend.build(&recipe, None, &Quiet).await.unwrap();
    let made = engine.docker(&["images", "-q", "--no-trunc", &tag]);
    let name = format!("agentscope-test-made:{}", unique());
    assert_eq!(home.backend.build(&recipe, Some(&name), &Quiet).await.unwrap(), name);
    assert_eq!(engine.docker(&["images", "-q", "--no-trunc", &name]), made, "made once");
    assert_eq!(
        engine.docker(&["inspect", "--format", "{{json .Config.Entrypoint}} {{json .Config.Cmd}}", &name]),
        r#"null ["python3"]"#
    );
    let mut spec = home.spec();
    spec.image = Some(name.clone());
    let client = home.make(&spec).await;
    assert_eq!(sh(&client, "cat /installed").await.0, "add --no-cache git it's\n");
    home.end().await;
    engine.docker(&["rmi", &name, &tag]);
    assert_eq!(engine.docker(&["ps", "-aq", "--filter", &format!("ancestor={}", base.name)]), "");
}

/// A box with packages is made of an image with them, and the image is made by whoever needs it first.
#[tokio::test]
async fn a_box_with_packages_has_them() {
    let Some(engine) = Engine::find() else { return };
    let home = Home::new(&engine);
    let base = engine.with_package_manager("echo $@ > /installed");
    for _ in 0..2 {
        let mut spec = home.spec();
        spec.image = Some(base.name.clone());
        spec.packages.system = vec!["git".into()];
        let client = home.make(&spec).await;
        assert_eq!(sh(&client, "cat /installed").await.0, "add --no-cache git\n");
        assert_eq!(home.backend.inspect(&spec.id).await.unwrap().spec.image, Some(base.name.clone()));
    }
    home.end().await;
}

/// Each finds an engine without our executable: one brings it there, the others wait, nobody sees half of it.
#[tokio::test]
async fn many_at_once_bring_our_executable_there_once() {
    let Some(mut engine) = Engine::find() else { return };
    // A file of its own is a volume of its own.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("agentscope");
    std::fs::copy(&engine.binary, &copy).unwrap();
    engine.binary = copy;
    // As processes do: each a backend of its own.
    let homes: Vec<_> = (0..5).map(|_| Home::new(&engine)).collect();
    let made = homes.iter().map(async |home| {
        let spec = home.spec();
        assert_eq!(sh(&home.make(&spec).await, "echo up").await.0, "up\n");
        let volume = r#"{{range .Mounts}}{{if eq .Destination "/.agentscope"}}{{.Name}}{{end}}{{end}}"#;
        engine.docker(&["inspect", "--format", volume, &format!("agentscope-{}", spec.id)])
    });
    let mut volumes = futures_util::future::join_all(made).await;
    volumes.dedup();
    assert_eq!(engine.docker(&["ps", "-aq", "--filter", &format!("name={}-filling", volumes[0])]), "");
    for home in homes {
        home.end().await;
    }
    assert_eq!(engine.docker(&["volume", "rm", &volumes[0]]), volumes[0]);
    assert_eq!(volumes.len(), 1, "{volumes:?}");
}
