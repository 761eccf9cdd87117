//! What an agent changed in a workspace: shown, and taken back.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use agentscope::{
    domain::SessionKey,
    sandbox::{
        BackendKind, SandboxSpec, Tier, WorkspaceMode,
        workspace::{Journal, Workspace},
    },
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::common::TestEnv;

/// A session, and a box of it whose programs work on a copy: the test is the program.
struct Case {
    env: TestEnv,
    workspace: Workspace,
    journal: Journal,
}

impl Case {
    fn new() -> Self {
        let env = TestEnv::new();
        assert_eq!(env.run(&["chat", "-q", "Hello", "--session-id", "s-one"]).code, Some(0));
        env.write("repo/README", "one\ntwo\nthree\n");
        env.write("repo/src/lib.rs", "pub fn answer() -> u32 {\n    41\n}\n");
        env.write("repo/logo", [0, 1, 2]);
        let of_box = env.home().join("state/box");
        fs::create_dir_all(of_box.join("workspace")).unwrap();
        let mut spec = SandboxSpec::new(BackendKind::Docker, "ann");
        spec.workspace.mode = WorkspaceMode::Rw;
        spec.workspace.path = Some(env.work().join("repo"));
        let workspace = Workspace::of(&spec, Tier::A, &of_box).unwrap();
        let key = SessionKey { user: "ann".to_owned(), session: "s-one".into() };
        let journal = Journal::of_session(&env.home().join("state"), &key);
        Self { env, workspace, journal }
    }

    fn call(&self, by: &str, program: impl FnOnce(PathBuf)) {
        self.workspace.before_call().unwrap();
        program(self.env.home().join("state/box/workspace"));
        let merged = self.workspace.after_call(&self.journal, by).unwrap();
        assert!(merged.call.is_some() && merged.refused.is_empty(), "{merged:?}");
    }

    /// Two calls.
    fn changed() -> Self {
        let case = Self::new();
        case.call("sed", |inside| {
            fs::write(inside.join("src/lib.rs"), "pub fn answer() -> u32 {\n    42\n}\n").unwrap();
            fs::create_dir(inside.join("tests")).unwrap();
            fs::write(inside.join("tests/answer.rs"), "#[test]\nfn right() {}\n").unwrap();
        });
        case.call("python", |inside| {
            fs::write(inside.join("logo"), [0, 9]).unwrap();
            fs::remove_file(inside.join("README")).unwrap();
            std::os::unix::fs::symlink("src/lib.rs", inside.join("link")).unwrap();
            fs::set_permissions(inside.join("src/lib.rs"), fs::Permissions::from_mode(0o755)).unwrap();
        });
        case
    }

    fn session(&self, args: &[&str]) -> String {
        let args: Vec<&str> = ["session"].iter().chain(args).copied().collect();
        self.env.run(&args).to_string()
    }
}

#[test]
fn shows_what_was_changed() {
    let case = Case::changed();
    insta::assert_snapshot!(case.session(&["diff"]), @r"
    exit 0
    --- stdout
    # in [WORK]/repo
    diff --git a/README b/README
    deleted file mode 100644
    --- a/README
    +++ /dev/null
    @@ -1,3 +0,0 @@
    -one
    -two
    -three
    diff --git a/link b/link
    new file mode 120000
    --- /dev/null
    +++ b/link
    @@ -0,0 +1 @@
    +src/lib.rs
    \ No newline at end of file
    diff --git a/logo b/logo
    Binary files a/logo and b/logo differ
    diff --git a/src/lib.rs b/src/lib.rs
    old mode 100644
    new mode 100755
    --- a/src/lib.rs
    +++ b/src/lib.rs
    @@ -1,3 +1,3 @@
     pub fn answer() -> u32 {
    -    41
    +    42
     }
    # new folder tests
    diff --git a/tests/answer.rs b/tests/answer.rs
    new file mode 100644
    --- /dev/null
    +++ b/tests/answer.rs
    @@ -0,0 +1,2 @@
    +#[test]
    +fn right() {}
    ");
    insta::assert_snapshot!(case.session(&["diff", "s-one", "-o", "json"]), @r#"
    exit 0
    --- stdout
    [
      {
        "workspace": "[WORK]/repo",
        "path": "README",
        "before": {
          "kind": "file",
          "mode": "644",
          "size": 14,
          "hash": "b6285c57e8797db5d4c51c80d6f11938afda9b11c6a003549709189e9b4b92a2"
        },
        "after": {
          "kind": "absent"
        },
        "in_copy": false,
        "undoable": true,
        "calls": [
          2
        ],
        "diff": "@@ -1,3 +0,0 @@\n-one\n-two\n-three\n"
      },
      {
        "workspace": "[WORK]/repo",
        "path": "link",
        "before": {
          "kind": "absent"
        },
        "after": {
          "kind": "link",
          "target": "src/lib.rs"
        },
        "in_copy": false,
        "undoable": true,
        "calls": [
          2
        ],
        "diff": "@@ -0,0 +1 @@\n+src/lib.rs\n\\ No newline at end of file\n"
      },
      {
        "workspace": "[WORK]/repo",
        "path": "logo",
        "before": {
          "kind": "file",
          "mode": "644",
          "size": 3,
          "hash": "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc"
        },
        "after": {
          "kind": "file",
          "mode": "644",
          "size": 2,
          "hash": "c87479cd656e7e3ad6bd8db402e8027df454b2b0c42ff29e093458beb98a23d4"
        },
        "in_copy": false,
        "undoable": true,
        "calls": [
          2
        ],
        "diff": null
      },
      {
        "workspace": "[WORK]/repo",
        "path": "src/lib.rs",
        "before": {
          "kind": "file",
          "mode": "644",
          "size": 34,
          "hash": "10e457e13ad15a2047403a5ebee81fe1473b69ea9096dfca676cffd7c1c39ee5"
        },
        "after": {
          "kind": "file",
          "mode": "755",
          "size": 34,
          "hash": "ff0a4d55fe70c3a546a8f0215485eab19e6c8147f26a82499d0b4a37c0983e21"
        },
        "in_copy": false,
        "undoable": true,
        "calls": [
          1,
          2
        ],
        "diff": "@@ -1,3 +1,3 @@\n pub fn answer() -> u32 {\n-    41\n+    42\n }\n"
      },
      {
        "workspace": "[WORK]/repo",
        "path": "tests",
        "before": {
          "kind": "absent"
        },
        "after": {
          "kind": "folder",
          "mode": "755"
        },
        "in_copy": false,
        "undoable": true,
        "calls": [
          1
        ],
        "diff": ""
      },
      {
        "workspace": "[WORK]/repo",
        "path": "tests/answer.rs",
        "before": {
          "kind": "absent"
        },
        "after": {
          "kind": "file",
          "mode": "644",
          "size": 22,
          "hash": "da75cdc2fb076c4b8576ac813b4e341597e6d3916ee99b4d5b63fb33cd0dcf57"
        },
        "in_copy": false,
        "undoable": true,
        "calls": [
          1
        ],
        "diff": "@@ -0,0 +1,2 @@\n+#[test]\n+fn right() {}\n"
      }
    ]
    "#);
    insta::assert_snapshot!(case.session(&["diff", "--apply"]), @"
    exit 1
    --- stderr
    error: session `s-one` has no private copy to apply
    ");
}

#[test]
fn takes_back_all_or_a_part() {
    let case = Case::changed();
    insta::assert_snapshot!(case.session(&["undo", "--to", "2"]), @"
    exit 0
    --- stdout
    made     README
    deleted  link
    changed  logo
    changed  src/lib.rs
    --- stderr
    to undo this: agentscope session undo s-one --to 3
    ");
    insta::assert_snapshot!(case.session(&["undo", "-o", "json"]), @r#"
    exit 0
    --- stdout
    {
      "call": 4,
      "changed": [
        {
          "path": "src/lib.rs",
          "before": {
            "kind": "file",
            "mode": "644",
            "size": 34,
            "hash": "ff0a4d55fe70c3a546a8f0215485eab19e6c8147f26a82499d0b4a37c0983e21"
          },
          "after": {
            "kind": "file",
            "mode": "644",
            "size": 34,
            "hash": "10e457e13ad15a2047403a5ebee81fe1473b69ea9096dfca676cffd7c1c39ee5"
          }
        },
        {
          "path": "tests",
          "before": {
            "kind": "folder",
            "mode": "755"
          },
          "after": {
            "kind": "absent"
          }
        },
        {
          "path": "tests/answer.rs",
          "before": {
            "kind": "file",
            "mode": "644",
            "size": 22,
            "hash": "da75cdc2fb076c4b8576ac813b4e341597e6d3916ee99b4d5b63fb33cd0dcf57"
          },
          "after": {
            "kind": "absent"
          }
        }
      ],
      "refused": []
    }
    "#);
    assert_eq!(case.env.read("repo/src/lib.rs"), "pub fn answer() -> u32 {\n    41\n}\n");
    assert!(!case.env.work().join("repo/tests").exists());
    insta::assert_snapshot!(case.session(&["undo"]), @"
    exit 0
    --- stderr
    nothing to undo
    ");
    insta::assert_snapshot!(case.session(&["diff"]), @"
    exit 0
    --- stderr
    no difference
    ");
    assert!(case.session(&["undo", "--to", "3"]).starts_with("exit 0"), "an undo can be undone");
    assert!(case.env.work().join("repo/tests").exists());
}

#[test]
fn leaves_alone_what_the_user_wrote_since() {
    let case = Case::changed();
    case.env.write("repo/src/lib.rs", "mine\n");
    insta::assert_snapshot!(case.session(&["undo"]), @"
    exit 1
    --- stderr
    error: you changed what the agent had changed: `src/lib.rs`
    hint: nothing was touched; `--force` takes them back as well, and what you wrote can be had back by another undo
    ");
    assert!(!case.env.work().join("repo/README").exists(), "nothing was touched");
    insta::assert_snapshot!(case.session(&["undo", "--force"]), @"
    exit 0
    --- stdout
    made     README
    deleted  link
    changed  logo
    changed  src/lib.rs
    deleted  tests
    deleted  tests/answer.rs
    --- stderr
    to undo this: agentscope session undo s-one --to 3
    ");
    assert!(case.session(&["undo", "--to", "3"]).starts_with("exit 0"));
    assert_eq!(case.env.read("repo/src/lib.rs"), "mine\n");
}

#[test]
fn a_session_that_is_deleted_leaves_no_journal() {
    let case = Case::changed();
    let kept = case.env.home().join("state/changes");
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 1);
    assert!(case.session(&["rm", "s-one"]).starts_with("exit 0"));
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 0);
    insta::assert_snapshot!(case.session(&["undo", "s-one"]), @"
    exit 4
    --- stderr
    error: no session `s-one`
    hint: `agentscope session list` shows the sessions there are
    ");
}

#[test]
fn a_workspace_that_is_gone() {
    let case = Case::changed();
    fs::remove_dir_all(case.env.work().join("repo")).unwrap();
    insta::assert_snapshot!(case.session(&["undo"]), @"
    exit 1
    --- stderr
    error: could not take back the changes of `[WORK]/repo`
      because: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(case.session(&["diff"]), @"
    exit 1
    --- stderr
    error: could not compare the workspace
      because: No such file or directory (os error 2)
    ");
}

/// An overlay that is mounted in a process of its own, as in a box: what the user does outside is seen inside.
#[test]
fn a_running_box_sees_what_the_user_changes() {
    let env = TestEnv::new();
    for folder in ["folder/src", "upper", "work", "merged", "staged"] {
        fs::create_dir_all(env.work().join(folder)).unwrap();
    }
    for name in ["replaced", "touched", "deleted", "src/a"] {
        env.write(&format!("folder/{name}"), "old\n");
    }
    let mut shell = Command::new("unshare")
        .args(["-Urm", "sh"])
        .current_dir(env.work())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    let mut stdin = shell.stdin.take().unwrap();
    let mut inside = |script: &str| {
        let _ = writeln!(stdin, "{script}; echo end");
        let said = lines.by_ref().map_while(Result::ok).take_while(|line| line != "end");
        said.collect::<Vec<_>>().join(" ")
    };
    let mount = "mount -t overlay overlay -o nosuid,nodev,userxattr,lowerdir=folder,upperdir=upper,workdir=work merged";
    let seen = inside(&format!("{mount} && cd merged && echo agent > touched && cat replaced deleted touched src/a"));
    if seen.is_empty() {
        eprintln!("skipped: no overlay can be mounted in a user namespace here");
        let _ = shell.kill();
        let _ = shell.wait();
        return;
    }
    assert_eq!(seen, "old old agent old");
    // As an editor does it, and git.
    fs::rename(env.write("folder/.new", "new\n"), env.work().join("folder/replaced")).unwrap();
    fs::remove_file(env.work().join("folder/deleted")).unwrap();
    fs::rename(env.write("folder/.new", "mine\n"), env.work().join("folder/touched")).unwrap();
    env.write("folder/made", "made\n");
    env.write("staged/0", "mine\n");
    let hash = |text: &str| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let file = |text: &str| json!({"kind": "file", "mode": "640", "size": text.len(), "hash": hash(text)});
    let request = json!({
        "process": shell.id(),
        "workspace": env.work().join("merged"),
        "staged": env.work().join("staged"),
        "changes": [
            {"path": "touched", "before": file("agent\n"), "after": file("mine\n")},
            {"path": "wrong", "before": {"kind": "absent"}, "after": file("not staged")},
        ],
    });
    let refreshed = env.run_with(&["__refresh"], request.to_string());
    let seen = inside("cat replaced touched made src/a; test ! -e deleted && echo gone; stat -c %a touched");
    drop(stdin);
    shell.wait().unwrap();
    insta::assert_snapshot!(refreshed, @r#"
    exit 0
    --- stdout
    [{"path":"wrong","why":"No such file or directory (os error 2)"}]
    "#);
    assert_eq!(seen, "new mine made old gone 640");
    // Through the mount, and so the kernel's own doing.
    assert_eq!(env.read("upper/touched"), "mine\n");
}

/// What `/undo` of a chat takes back.
#[test]
fn a_chat_goes_back_to_before_a_message() {
    let case = Case::new();
    case.call("shell", |inside| fs::write(inside.join("README"), "first\n").unwrap());
    let chat = |lines: &str| case.env.run_with(&["chat", "--plain", "--session-id", "s-one"], lines).to_string();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"ses_[0-9a-f]{32}", "[SESSION]");
    settings.add_filter(r"demo model: .*", "demo model: …");
    settings.add_filter(&case.env.work().display().to_string(), "[WORK]");
    settings.bind(|| {
        insta::assert_snapshot!(chat("Write the second\n"), @"
        exit 0
        --- stdout
        demo model: …
        --- stderr
        no ./agent.yaml: using the built-in quickstart agent
        model: demo (no key and no model server was found; `agentscope setup` chooses a real one)
        Hi. Ask me something, or tell me what to plan or remember.
        165 tokens in, 116 out, $0.0000
        go on with: agentscope chat --session-id s-one
        ");
        case.call("shell", |inside| {
            fs::write(inside.join("README"), "second\n").unwrap();
            fs::write(inside.join("new"), "new\n").unwrap();
        });
        insta::assert_snapshot!(chat("/diff\n/undo\n1\n\n"), @"
        exit 0
        --- stderr
        no ./agent.yaml: using the built-in quickstart agent
        model: demo (no key and no model server was found; `agentscope setup` chooses a real one)
        Hi. Ask me something, or tell me what to plan or remember.
        # in [WORK]/repo
        diff --git a/README b/README
        --- a/README
        +++ b/README
        @@ -1,3 +1 @@
        -one
        -two
        -three
        +second
        diff --git a/new b/new
        new file mode 100644
        --- /dev/null
        +++ b/new
        @@ -0,0 +1 @@
        +new
        go back to before
          1. Write the second  (message 2, 2 files changed since)
          2. Hello  (message 0, 2 files changed since)
        number, or an empty line for none: 
        take back
          1. the code and the conversation
               2 files as they were:
               README
               new
               1 of your messages and their answers are left out of what follows
          2. the conversation
               1 of your messages and their answers are left out of what follows
          3. the code
               2 files as they were:
               README
               new
        number, or an empty line for none:
        ");
        insta::assert_snapshot!(chat("/undo 2 both\n/undo\n\n"), @"
        exit 0
        --- stderr
        no ./agent.yaml: using the built-in quickstart agent
        model: demo (no key and no model server was found; `agentscope setup` chooses a real one)
        Hi. Ask me something, or tell me what to plan or remember.
        changed  README
        deleted  new
        you are back before message 2; what followed stays in session [SESSION]
        the message was: Write the second
        go back to before
          1. Hello  (message 0, 2 files changed since)
        number, or an empty line for none:
        ");
        assert_eq!(case.env.read("repo/README"), "first\n");
        assert!(!case.env.work().join("repo/new").exists());
        fs::write(case.env.work().join("repo/README"), "mine\n").unwrap();
        insta::assert_snapshot!(chat("/undo 0 code\n/undo 0 all\n/undo 1\n/undo 0 talk\n/undo\n"), @"
        exit 0
        --- stderr
        no ./agent.yaml: using the built-in quickstart agent
        model: demo (no key and no model server was found; `agentscope setup` chooses a real one)
        Hi. Ask me something, or tell me what to plan or remember.
        warning: you changed what the agent had changed: `README`
        hint: nothing was touched; `agentscope session undo s-one --to 1 --force` takes them back as well
        warning: `all` cannot be taken back
        hint: code, talk or both
        warning: message `1` is none of yours
        hint: your messages are 0
        you are back before message 0; what followed stays in session [SESSION]
        the message was: Hello
        warning: nothing was said in this session yet
        ");
    });
    assert_eq!(case.env.read("repo/README"), "mine\n");
}
