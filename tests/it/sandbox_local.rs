//! The `local` backend: boxes of namespaces, landlock, seccomp and limits, made by root and by an ordinary user.

use std::{collections::BTreeSet, fs};

use agentscope::sandbox::{
    BackendKind, BoxClient, BoxFolder, Clearance, Network, Quiet, SandboxBackend as _, SandboxSpec, State, Tier, Token,
    wire::{ExecSpec, Limit},
};

use crate::common::local::{Local, as_both};

#[test]
fn a_program_runs_as_nobody_that_this_machine_knows() {
    as_both(|_| async {
        let local = Local::start().await;
        assert_eq!(local.tier, Tier::A);
        let said = [
            local.said("id; pwd; hostname; echo $HOME; ls -A ~ /workspace; echo hi > f; cat f").await,
            local.said("grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status").await,
            local.said("ls /").await,
            local.said("ls /dev; cat /proc/net/dev | wc -l").await,
        ];
        insta::allow_duplicates! {
            insta::assert_snapshot!(said.join("\n---\n"), @"
            uid=1000(sandbox) gid=1000(sandbox) groups=1000(sandbox)
            /workspace
            sandbox
            /home/sandbox
            /home/sandbox:

            /workspace:
            hi
            (0)
            ---
            CapInh:	0000000000000000
            CapPrm:	0000000000000000
            CapEff:	0000000000000000
            CapBnd:	0000000000000000
            CapAmb:	0000000000000000
            NoNewPrivs:	1
            Seccomp:	2
            (0)
            ---
            bin
            dev
            etc
            home
            lib
            lib64
            mnt
            opt
            proc
            root
            run
            sbin
            srv
            sys
            tmp
            usr
            var
            workspace
            (0)
            ---
            fd
            full
            null
            ptmx
            pts
            random
            shm
            stderr
            stdin
            stdout
            tty
            urandom
            zero
            3
            (0)
            ");
        }
        local.stop().await;
    });
}

#[test]
fn what_the_machine_has_is_out_of_reach() {
    as_both(|who| async move {
        let local = Local::with(|_, home| fs::write(home.join("secret"), "s3cret").unwrap()).await;
        let secret = local.home.path().join("secret");
        let attempts = [
            format!("cat {}", secret.display()),
            "cat /etc/shadow".into(),
            "echo x > /usr/x".into(),
            "echo x > /etc/x".into(),
            "echo x > /x".into(),
            "echo x > /proc/sys/kernel/core_pattern".into(),
            "cat /proc/1/environ".into(),
            "ls /proc/1/root/".into(),
            "ls /proc/1/fd".into(),
            "kill -9 1".into(),
            "mount -t tmpfs x /tmp".into(),
            "unshare -U true".into(),
            "chmod u+s /workspace/f".into(),
            "python3 -c 'import socket; socket.socket(socket.AF_VSOCK)'".into(),
            "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 1))'".into(),
        ];
        local.sh("touch f").await;
        let mut said = vec![];
        for attempt in &attempts {
            let text = local.said(attempt).await.replace(&secret.display().to_string(), "SECRET");
            let last = text.lines().rev().take(2).collect::<Vec<_>>();
            said.push(last.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        // The box still answers, and nothing of it is a privilege outside.
        assert_eq!(local.said("true").await, "(0)", "{who:?}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(said.join("\n"), @"
            cat: SECRET: No such file or directory
            (1)
            cat: /etc/shadow: No such file or directory
            (1)
            sh: 1: cannot create /usr/x: Read-only file system
            (2)
            sh: 1: cannot create /etc/x: Read-only file system
            (2)
            sh: 1: cannot create /x: Read-only file system
            (2)
            sh: 1: cannot create /proc/sys/kernel/core_pattern: Read-only file system
            (2)
            cat: /proc/1/environ: Permission denied
            (1)
            ls: cannot access '/proc/1/root/': Permission denied
            (2)
            ls: cannot open directory '/proc/1/fd': Permission denied
            (2)

            (1)
                   dmesg(1) may have more information after failed mount system call.
            (32)
            unshare: unshare failed: Operation not permitted
            (1)
            chmod: changing permissions of '/workspace/f': Operation not permitted
            (1)
            PermissionError: [Errno 1] Operation not permitted
            (1)
            ConnectionRefusedError: [Errno 111] Connection refused
            (1)
            ");
        }
        local.stop().await;
    });
}

#[test]
fn a_folder_is_written_to_without_being_changed() {
    as_both(|_| async {
        let local = Local::with(|spec, home| {
            let folder = home.join("project");
            fs::create_dir_all(folder.join(".git/hooks")).unwrap();
            fs::write(folder.join("kept"), "mine").unwrap();
            fs::write(folder.join("seen"), "hidden").unwrap();
            fs::write(folder.join(".git/hooks/old"), "mine").unwrap();
            spec.workspace.path = Some(folder);
            spec.workspace.mode = agentscope::sandbox::WorkspaceMode::Copy;
            spec.workspace.hide = vec!["seen".into()];
            spec.workspace.protect = vec![".git/hooks".into(), ".env".into()];
        })
        .await;
        let said = local
            .said(
                "cat kept; echo; cat seen; echo yours > kept; rm -f seen; echo new > new; mkdir deep; cat kept new; \
                 echo x > .git/hooks/old; echo x > .git/hooks/new; mv .git/hooks .git/other; echo x > .env; \
                 rm .env; ls -lA --time-style=+ . | sed 's/ .* / /'",
            )
            .await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(said, @"
            mine
            rm: cannot remove 'seen': Device or resource busy
            yours
            new
            sh: 1: cannot create .git/hooks/old: Read-only file system
            sh: 1: cannot create .git/hooks/new: Read-only file system
            mv: cannot move '.git/hooks' to '.git/other': Device or resource busy
            total 16
            drwxr-xr-x .git
            drwxr-xr-x deep
            -rw-r--r-- kept
            -rw-r--r-- new
            -rw-r--r-- seen
            (0)
            ");
        }
        let project = local.home.path().join("project");
        let names: BTreeSet<_> = fs::read_dir(&project).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [".git", "kept", "seen"].map(Into::into).into());
        assert_eq!(fs::read_to_string(project.join("kept")).unwrap(), "mine");
        local.stop().await;
    });
}

#[test]
fn limits_are_hit_by_name() {
    as_both(|_| async {
        let local = Local::with(|spec, _| {
            spec.limits.memory = 128 << 20;
            spec.limits.pids = 32;
        })
        .await;
        let hit = async |script: &str| {
            let ran = local.sh(script).await;
            (ran.status.limit, String::from_utf8_lossy(&ran.stderr.bytes).into_owned())
        };
        let hog = "exec python3 -c 'x = [bytearray(1 << 20) for _ in range(1000)]; import time; time.sleep(60)'";
        assert_eq!(hit(hog).await.0, Some(Limit::Memory));
        let bomb = "python3 -c '\nimport os, time\nwhile True:\n    if os.fork() == 0: time.sleep(60)'";
        assert_eq!(hit(bomb).await.0, Some(Limit::Pids));
        assert_eq!(local.said("echo there").await, "there\n(0)");
        local.stop().await;
    });
}

#[test]
fn a_frozen_box_thaws_and_a_stopped_one_keeps_its_files() {
    as_both(|_| async {
        let local = Local::start().await;
        let (backend, id) = (&local.backend, &local.spec.id);
        local.sh("echo kept > f").await;
        backend.freeze(id, true).await.unwrap();
        assert_eq!(backend.inspect(id).await.unwrap().state, State::Paused);
        let Err(refused) = backend.connect(id).await else { panic!("a frozen box took a connection") };
        assert!(refused.to_string().ends_with("is paused"), "{refused}");
        backend.freeze(id, false).await.unwrap();
        assert_eq!(local.said("cat f").await, "kept\n(0)");
        backend.freeze(id, true).await.unwrap();
        backend.stop(id).await.unwrap();
        backend.stop(id).await.unwrap();
        assert_eq!(backend.inspect(id).await.unwrap().state, State::Stopped);
        backend.create(&local.spec, Clearance::given(), &Quiet).await.unwrap();
        let token = Token::of(BoxFolder::new(&local.home.path().join("boxes"), id).path()).unwrap();
        let local = Local { client: BoxClient::new(local.backend.clone(), id.clone(), &token), ..local };
        assert_eq!(local.said("cat f").await, "kept\n(0)");
        local.stop().await;
    });
}

/// Root's are given one that was made before somebody asked, but for the first.
#[test]
fn each_box_has_a_network_of_its_own() {
    const LOOK: &str = "import os, socket
server = socket.create_server(('127.0.0.1', 0))
socket.create_connection(server.getsockname())
print(os.readlink('/proc/self/ns/net'), len(open('/proc/net/dev').readlines()))";
    as_both(|_| async {
        let local = Local::start().await;
        let ours = fs::read_link("/proc/self/ns/net").unwrap().display().to_string();
        let (mut ids, mut seen) = (vec![], BTreeSet::from([ours.clone()]));
        for network in [Network::None, Network::None, Network::Full, Network::None] {
            // Time to make one for the next.
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            let mut spec = SandboxSpec::new(BackendKind::Local, "ann");
            spec.lifetime.tied = true;
            spec.network = network.clone();
            local.backend.create(&spec, Clearance::given(), &Quiet).await.unwrap();
            let token = Token::of(BoxFolder::new(&local.home.path().join("boxes"), &spec.id).path()).unwrap();
            let client = BoxClient::new(local.backend.clone(), spec.id.clone(), &token);
            let look = ExecSpec { argv: ["python3", "-c", LOOK].map(str::to_owned).into(), ..ExecSpec::default() };
            let said = client.exec(&look).await.unwrap().collect(1 << 20).await.unwrap();
            let text = String::from_utf8_lossy(&said.stdout.bytes).into_owned();
            let (namespace, devices) = text.trim().split_once(' ').unwrap_or_else(|| panic!("{said:?}"));
            if network == Network::Full {
                assert_eq!(namespace, ours);
            } else {
                assert!(seen.insert(namespace.to_owned()), "{namespace} is that of another: {seen:?}");
                assert_eq!(devices, "3", "two lines of titles, and the loopback interface");
            }
            ids.push(spec.id);
        }
        for id in ids {
            local.backend.remove(&id).await.unwrap();
        }
        local.stop().await;
    });
}
