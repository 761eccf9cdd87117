//! A whole task in the user's own repository, as root and as an ordinary user: the `coding` template in the `local`
//! sandbox, and a model that works by script.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::common::{
    Output, TestEnv,
    fake_model::{FakeModel, Reply},
    local::{Who, as_both, program},
};

/// A repository with a test that fails, and the agent beside it.
struct Case {
    env: TestEnv,
    /// The agent file, without a model.
    template: String,
}

impl Case {
    fn new() -> Self {
        let env = TestEnv::new().program(program());
        assert_eq!(env.run(&["init", "agent", "--template", "coding"]).code, Some(0));
        env.write("repo/calc/__init__.py", "def add(a, b):\n    return a - b\n");
        env.write("repo/tests/__init__.py", "");
        env.write(
            "repo/tests/test_calc.py",
            "import unittest\nfrom calc import add\n\n\nclass Add(unittest.TestCase):\n    def test_add(self):\n        \
             self.assertEqual(add(2, 3), 5)\n",
        );
        env.write("repo/check.sh", "#!/bin/sh\npython3 -B -m unittest 2>&1 | grep -v Ran\n");
        env.write("repo/old.py", "# nobody needs this\n");
        env.write("repo/notes", "one\n");
        env.write("repo/logo", (0..=255).collect::<Vec<u8>>());
        env.write("repo/.gitignore", "__pycache__/\n.env\n");
        let template = env.read("agent/agent.yaml");
        let case = Self { env, template };
        fs::set_permissions(case.path("check.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(case.path("old.py"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("calc/__init__.py", case.path("latest")).unwrap();
        case.git(&["init", "-q", "--template="]);
        case.git(&["add", "-A"]);
        case.git(&["-c", "user.name=Ann", "-c", "user.email=ann@example", "commit", "-qm", "one"]);
        case.env.write("repo/.git/hooks/pre-commit", "#!/bin/sh\nexit 0\n");
        case.env.write("repo/.env", "SECRET=1\n");
        case
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.env.work().join("repo").join(name)
    }

    fn read(&self, name: &str) -> String {
        self.env.read(&format!("repo/{name}"))
    }

    /// The user's own, outside of any sandbox.
    fn git(&self, args: &[&str]) -> String {
        let mut git = Command::new("git");
        let path = std::env::var_os("PATH").unwrap_or_default();
        git.args(args).current_dir(self.path("")).env_clear().env("PATH", path).env("HOME", self.env.work());
        let output = git.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn command(&self, model: &FakeModel, args: &[&str]) -> Command {
        let url = model.url();
        let file = format!(
            "{}\nmodel: fake\nmodels: {{fake: {{provider: openai-compatible, model: fake, base_url: \"{url}\", retries: 0}}}}\n",
            self.template
        );
        self.env.write("agent/agent.yaml", file);
        let mut command = self.env.command(&["chat", "../agent/agent.yaml"]);
        command.args(args).current_dir(self.path(""));
        command
    }

    fn chat(&self, model: &FakeModel, args: &[&str], input: &str) -> Output {
        self.env.finish(self.command(model, args), input.as_bytes())
    }

    /// One message, and all that it leads to.
    fn tell(&self, script: Vec<Reply>, args: &[&str]) -> (Output, String) {
        let model = FakeModel::start(script);
        let args: Vec<_> = ["-q", "Fix the test", "--approve", "auto"].iter().chain(args).copied().collect();
        let output = self.chat(&model, &args, "");
        let told = told(&model);
        (output, told)
    }

    fn session(&self, args: &[&str]) -> Output {
        let args: Vec<&str> = ["session"].iter().chain(args).copied().collect();
        self.env.run(&args)
    }

    /// All that is in the repository: kind, mode, owner, content, and when it was written where that is `timed`.
    fn tree(&self, timed: impl Fn(&str) -> bool) -> String {
        let root = self.path("");
        let mut tree = String::new();
        for entry in walkdir(&root) {
            let (path, data) = (entry.strip_prefix(&root).unwrap(), entry.symlink_metadata().unwrap());
            let content = match data.file_type() {
                kind if kind.is_symlink() => format!("-> {}", fs::read_link(&entry).unwrap().display()),
                kind if kind.is_dir() => "/".to_owned(),
                _ => format!("{:?}", fs::read(&entry).unwrap()),
            };
            let name = path.to_string_lossy();
            let time = if data.is_file() && timed(&name) { data.mtime_nsec() } else { 0 };
            writeln!(tree, "{name} {:o} {}:{} {time} {content}", data.mode(), data.uid(), data.gid()).unwrap();
        }
        tree
    }

    /// Nothing of it lives on.
    fn end(self) {
        let removed = self.env.run(&["sandbox", "rm", "--all"]);
        assert_eq!(removed.code, Some(0), "{removed}");
        assert_eq!(self.env.run(&["sandbox", "list", "--all", "-o", "json"]).stdout.trim(), "[]");
    }
}

fn walkdir(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.symlink_metadata().unwrap().is_dir() {
                folders.push(path.clone());
            }
            all.push(path);
        }
    }
    all.sort();
    all
}

/// What the tools told the model.
fn told(model: &FakeModel) -> String {
    let last = model.requests().last().map(|request| request.body.clone()).unwrap_or_default();
    let results = last["messages"].as_array().into_iter().flatten().filter(|message| message["role"] == "tool");
    results.map(|message| format!("* {}\n", message["content"].as_str().unwrap_or_default())).collect()
}

fn shell(command: &str) -> (&'static str, Value) {
    ("run_shell_command", json!({ "command": command }))
}

/// Reads, sees the test fail, edits, sees it pass, makes a file, deletes one, and tries what it may not.
fn work() -> Vec<Reply> {
    let edit = json!({"path": "calc/__init__.py", "edits": [{"oldText": "return a - b", "newText": "return a + b"}]});
    vec![
        Reply::calls(&[("list_directory", json!({"path": "."}))]),
        Reply::calls(&[("read_file", json!({"path": "calc/__init__.py"}))]),
        Reply::calls(&[shell("./check.sh")]),
        Reply::calls(&[("edit_file", edit)]),
        Reply::calls(&[shell("./check.sh")]),
        Reply::calls(&[("write_file", json!({"path": "CHANGES", "content": "add adds\n"}))]),
        Reply::calls(&[shell("rm old.py && chmod 700 CHANGES && git status --short")]),
        Reply::calls(&[("write_file", json!({"path": ".git/hooks/pre-commit", "content": "#!/bin/sh\nevil\n"}))]),
        Reply::calls(&[shell(
            "echo evil > .git/hooks/post-checkout; cat .env; echo evil >> .env; echo evil > .env.local; mkdir .vscode && \
             echo evil > .vscode/tasks.json; rm .git/hooks/pre-commit .env; echo evil >> .git/config",
        )]),
        Reply::text("The sum was a difference. The test passes now."),
    ]
}

#[test]
fn a_failing_test_is_mended_shown_and_taken_back() {
    as_both(async |_: Who| {
        let case = Case::new();
        let before = case.tree(|_| true);
        let (output, told) = case.tell(work(), &[]);
        assert_eq!(output.code, Some(0), "{output}");
        insta::allow_duplicates! { insta::assert_snapshot!(told, @r#"
        * [FILE] .env
        [DIR] .git
        [FILE] .gitignore
        [DIR] calc
        [FILE] check.sh
        [FILE] latest
        [FILE] logo
        [FILE] notes
        [FILE] old.py
        [DIR] tests
        * def add(a, b):
            return a - b

        * F
        ======================================================================
        FAIL: test_add (tests.test_calc.Add.test_add)
        ----------------------------------------------------------------------
        Traceback (most recent call last):
          File "/workspace/tests/test_calc.py", line 7, in test_add
            self.assertEqual(add(2, 3), 5)
        AssertionError: -1 != 5

        ----------------------------------------------------------------------

        FAILED (failures=1)
        * ```diff
        --- a/calc/__init__.py
        +++ b/calc/__init__.py
        @@ -1,2 +1,2 @@
         def add(a, b):
        -    return a - b
        +    return a + b
        ```


        * .
        ----------------------------------------------------------------------

        OK
        * Successfully wrote to CHANGES
        *  M calc/__init__.py
         D old.py
        ?? CHANGES
        [new or changed files: /workspace/CHANGES]
        * Error: `.git/hooks/pre-commit` cannot be changed: it is read-only
        * /bin/sh: 1: cannot create .git/hooks/post-checkout: Read-only file system
        /bin/sh: 1: cannot create .env: Read-only file system
        rm: cannot remove '.git/hooks/pre-commit': Read-only file system
        rm: cannot remove '.env': Device or resource busy
        /bin/sh: 1: cannot create .git/config: Read-only file system
        [exit status 2]
        [new or changed files: /workspace/.env.local, /workspace/.vscode/tasks.json]
        [`.env.local` was not changed in the user's folder: protected]
        [`.vscode` was not changed in the user's folder: protected]
        "#) };

        // Really there, the user's own, and nothing else.
        let ours = |name: &str| ["calc/__init__.py", "old.py", "CHANGES"].contains(&name);
        let rest = |tree: &str| -> Vec<String> {
            tree.lines().filter(|line| !ours(line.split(' ').next().unwrap())).map(str::to_owned).collect()
        };
        assert_eq!(rest(&case.tree(|_| true)), rest(&before));
        assert_eq!(case.read("calc/__init__.py"), "def add(a, b):\n    return a + b\n");
        let made = case.path("CHANGES").metadata().unwrap();
        let owner = case.path("").metadata().unwrap();
        assert_eq!((made.mode() & 0o7777, made.uid(), made.gid()), (0o700, owner.uid(), owner.gid()));
        assert!(!case.path("old.py").exists());
        let diff = case.session(&["diff"]);
        insta::allow_duplicates! { insta::assert_snapshot!(diff, @r#"
        exit 0
        --- stdout
        # in [WORK]/repo
        diff --git a/CHANGES b/CHANGES
        new file mode 100700
        --- /dev/null
        +++ b/CHANGES
        @@ -0,0 +1 @@
        +add adds
        diff --git a/calc/__init__.py b/calc/__init__.py
        --- a/calc/__init__.py
        +++ b/calc/__init__.py
        @@ -1,2 +1,2 @@
         def add(a, b):
        -    return a - b
        +    return a + b
        diff --git a/old.py b/old.py
        deleted file mode 100640
        --- a/old.py
        +++ /dev/null
        @@ -1 +0,0 @@
        -# nobody needs this
        "#) };

        // A part of it: the new file and what came after.
        let calls: Value = serde_json::from_str(&case.session(&["diff", "-o", "json"]).stdout).unwrap();
        let call = |path: &str| {
            let entry = calls.as_array().unwrap().iter().find(|entry| entry["path"] == path).unwrap();
            entry["calls"][0].to_string()
        };
        let undone = case.session(&["undo", "--to", &call("CHANGES")]);
        assert_eq!(undone.code, Some(0), "{undone}");
        assert!(!case.path("CHANGES").exists() && case.path("old.py").exists());
        assert_eq!(case.read("calc/__init__.py"), "def add(a, b):\n    return a + b\n");

        // All of it, to the byte; what was not touched bears its old time.
        let undone = case.session(&["undo"]);
        assert_eq!(undone.code, Some(0), "{undone}");
        let untouched = |name: &str| !ours(name);
        assert_eq!(case.tree(untouched), strip_times(&before, ours));
        assert_eq!(case.git(&["status", "--porcelain"]), "");

        // What was shown is a patch that git takes.
        case.env.write("patch", &diff.stdout);
        case.git(&["apply", "../patch"]);
        assert_eq!(case.git(&["status", "--porcelain"]), " M calc/__init__.py\n D old.py\n?? CHANGES\n");
        case.end();
    });
}

/// As [`Case::tree`] gives it without the times of these.
fn strip_times(tree: &str, of: impl Fn(&str) -> bool) -> String {
    let line = |line: &str| {
        let mut words: Vec<&str> = line.splitn(5, ' ').collect();
        if of(words[0]) {
            words[3] = "0";
        }
        words.join(" ") + "\n"
    };
    tree.lines().map(line).collect()
}

/// The same in a conversation, with somebody who is asked.
#[test]
fn the_same_in_a_conversation() {
    as_both(async |_: Who| {
        let case = Case::new();
        let before = case.tree(|_| false);
        let model = FakeModel::start(work());
        let output = case.chat(&model, &["--plain"], "Fix the test\ns\ns\ns\ns\ns\ns\n");
        assert_eq!(output.code, Some(0), "{output}");
        insta::allow_duplicates! {
            insta::with_settings!({filters => vec![(r"ses_\w+", "[session]")]}, { insta::assert_snapshot!(output, @r##"
            exit 0
            --- stdout
            The sum was a difference. The test passes now.
            --- stderr
            What should we change?
            tool list_directory {"path":"."}: [FILE] .env
            tool read_file {"path":"calc/__init__.py"}: def add(a, b):
            allow run_shell_command {"command":"./check.sh"}
              no rule allows this use of `./check.sh`
            [y]es, for this [s]ession, [a]lways, [n]o, or a reason for no: 
            tool run_shell_command {"command":"./check.sh"}: F
            allow edit_file {"path":"calc/__init__.py","edits":[{"oldText":"return a - b","newText":"return a + b"}]}
              no rule allows it
            [y]es, for this [s]ession, [a]lways, [n]o, or a reason for no: 
            tool edit_file {"path":"calc/__init__.py","edits":[{"oldText":"return a - b","newText":"return a + b"}]}: ```diff
            tool run_shell_command {"command":"./check.sh"}: .
            allow write_file {"path":"CHANGES","content":"add adds\n"}
              no rule allows it
            [y]es, for this [s]ession, [a]lways, [n]o, or a reason for no: 
            tool write_file {"path":"CHANGES","content":"add adds\n"}: Successfully wrote to CHANGES
            allow run_shell_command {"command":"rm old.py && chmod 700 CHANGES && git status --short"}
              no rule allows this use of `rm`
            [y]es, for this [s]ession, [a]lways, [n]o, or a reason for no: 
            tool run_shell_command {"command":"rm old.py && chmod 700 CHANGES && git status --short"}: M calc/__init__.py
            allow write_file {"path":".git/hooks/pre-commit","content":"#!/bin/sh\nevil\n"}
              no rule allows it
            [y]es, for this [s]ession, [a]lways, [n]o, or a reason for no: 
            tool write_file {"path":".git/hooks/pre-commit","content":"#!/bin/sh\nevil\n"}: failed: `.git/hooks/pre-commit` cannot be changed: it is read-only
            allow run_shell_command {"command":"echo evil > .git/hooks/post-checkout; cat .env; echo evil >> .env; echo evil > .env.local; mkdir .vscode && echo evil > .vscode/tasks.json; rm .git/hooks/pre-commit .env; echo evil >> .git/config"}
              no rule allows this use of `echo`
            [y]es, for this [s]ession, [a]lways, [n]o, or a reason for no: 
            warning: not taken over into the folder: `.env.local` (protected), `.vscode` (protected)
            tool run_shell_command {"command":"echo evil > .git/hooks/post-checkout; cat .env; echo evil >> .env; echo evil > .env.local; mkdir .vscode && …: /bin/sh: 1: cannot create .git/hooks/post-checkout: Read-only file system
            200 tokens in, 50 out
            go on with: agentscope chat ../agent/agent.yaml --session-id [session]
            "##) });
        };
        assert_eq!(case.read("calc/__init__.py"), "def add(a, b):\n    return a + b\n");
        assert_eq!(case.read(".env"), "SECRET=1\n");
        let undone = case.session(&["undo"]);
        assert_eq!(undone.code, Some(0), "{undone}");
        assert_eq!(case.tree(|_| false), before);
        case.end();
    });
}

#[test]
fn a_private_copy_is_shown_and_applied() {
    as_both(async |_: Who| {
        let case = Case::new();
        let before = case.tree(|_| true);
        let script = vec![
            Reply::calls(&[shell("sed -i 's/a - b/a + b/' calc/__init__.py; rm old.py; echo evil > .env.local")]),
            Reply::text("Done."),
        ];
        let (output, _) = case.tell(script, &["-w", "copy"]);
        assert_eq!(output.code, Some(0), "{output}");
        assert_eq!(case.tree(|_| true), before);
        insta::allow_duplicates! { insta::assert_snapshot!(case.session(&["diff"]), @r#"
        exit 0
        --- stdout
        # in [WORK]/repo
        diff --git a/calc/__init__.py b/calc/__init__.py
        --- a/calc/__init__.py
        +++ b/calc/__init__.py
        @@ -1,2 +1,2 @@
         def add(a, b):
        -    return a - b
        +    return a + b
        diff --git a/old.py b/old.py
        deleted file mode 100640
        --- a/old.py
        +++ /dev/null
        @@ -1 +0,0 @@
        -# nobody needs this
        --- stderr
        warning: `.env.local` would not be taken over: protected
        in the private copy, not in the folder; `--apply` takes it over:
        "#) };
        assert_eq!(case.tree(|_| true), before);
        let applied = case.session(&["diff", "--apply"]).to_string();
        let applied = applied
            .replace(applied.split("undo ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("-"), "[session]");
        insta::allow_duplicates! { insta::assert_snapshot!(applied, @r#"
        exit 1
        --- stdout
        changed  calc/__init__.py
        deleted  old.py
        --- stderr
        warning: `.env.local` stays as it is: protected
        to take it back: agentscope session undo [session] --to 1
        "#) };
        assert_eq!(case.read("calc/__init__.py"), "def add(a, b):\n    return a + b\n");
        assert_eq!(case.session(&["undo"]).code, Some(0));
        let ours = |name: &str| ["calc/__init__.py", "old.py"].contains(&name);
        assert_eq!(case.tree(|name| !ours(name)), strip_times(&before, ours));
        // With the session goes its copy.
        assert_eq!(case.session(&["rm", "last"]).code, Some(0));
        assert_eq!(case.env.run(&["sandbox", "list", "--all", "-o", "json"]).stdout.trim(), "[]");
        case.end();
    });
}

#[test]
fn what_a_model_is_told_of_other_workspaces() {
    as_both(async |_: Who| {
        let case = Case::new();
        let before = case.tree(|_| true);
        let mut all = String::new();
        for mode in ["ro", "none"] {
            let script = vec![
                Reply::calls(&[shell("ls -A; echo changed > notes; cat notes")]),
                Reply::calls(&[("write_file", json!({"path": "notes", "content": "changed\n"}))]),
                Reply::text("Done."),
            ];
            let (output, told) = case.tell(script, &["-w", mode]);
            assert_eq!(output.code, Some(0), "{output}");
            all.push_str(&format!("{mode}\n{told}"));
            assert_eq!(case.tree(|_| true), before);
        }
        insta::allow_duplicates! { insta::assert_snapshot!(all, @r#"
        ro
        * .env
        .git
        .gitignore
        calc
        check.sh
        latest
        logo
        notes
        old.py
        tests
        one
        [stderr]
        /bin/sh: 1: cannot create notes: Read-only file system
        * Error: `notes` cannot be changed: it is read-only
        none
        * changed
        [new or changed files: /workspace/notes]
        * Successfully wrote to notes
        "#) };
        case.end();
    });
}

/// What the user writes while a program works, and between two calls, is neither lost nor unseen.
#[test]
fn the_user_works_at_the_same_time() {
    as_both(async |_: Who| {
        let case = Case::new();
        fs::create_dir(case.path("signal")).unwrap();
        let (go_on, wait) = std::sync::mpsc::channel();
        let model = FakeModel::start(vec![
            Reply::calls(&[shell(
                "echo begun; until ls signal | grep -q go; do sleep 0.02; done; echo agent > notes; echo agent > new; \
                 echo agent > mine; sed -i 's/a - b/a + b/' calc/__init__.py",
            )]),
            Reply::text("Done.").held(wait),
        ]);
        let mut command = case.command(&model, &["-q", "Fix the test", "--approve", "auto", "-o", "stream-json"]);
        let mut chat = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut events = BufReader::new(chat.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(events.by_ref().any(|event| event.contains("begun") && event.contains("tool_output")));
        for (name, text) in [("notes", "user\n"), ("mine", "user\n"), ("theirs", "user\n"), ("signal/go", "")] {
            case.env.write(&format!("repo/{name}"), text);
        }
        assert!(events.by_ref().any(|event| event.contains("tool_finished")));
        assert_eq!(
            ["notes", "mine", "theirs", "new"].map(|name| case.read(name)),
            ["user\n", "user\n", "user\n", "agent\n"]
        );
        drop(go_on);
        events.for_each(drop);
        chat.wait().unwrap();
        insta::allow_duplicates! { insta::assert_snapshot!(told(&model), @r#"
        * begun
        [new or changed files: /workspace/calc/__init__.py, /workspace/mine, /workspace/new, /workspace/notes, /workspace/signal/go, /workspace/theirs]
        [`mine` was not changed in the user's folder: the user changed it meanwhile]
        [`notes` was not changed in the user's folder: the user changed it meanwhile]
        "#) };
        // The next call sees it.
        case.env.write("repo/new", "user\n");
        let (output, told) = case.tell(
            vec![
                Reply::calls(&[shell("cat notes mine theirs new calc/__init__.py; echo more >> theirs")]),
                Reply::text("Done."),
            ],
            &["--continue"],
        );
        assert_eq!(output.code, Some(0), "{output}");
        insta::allow_duplicates! { insta::assert_snapshot!(told, @r#"
        * begun
        [new or changed files: /workspace/calc/__init__.py, /workspace/mine, /workspace/new, /workspace/notes, /workspace/signal/go, /workspace/theirs]
        [`mine` was not changed in the user's folder: the user changed it meanwhile]
        [`notes` was not changed in the user's folder: the user changed it meanwhile]
        * user
        user
        user
        user
        def add(a, b):
            return a + b
        [the sandbox had ended and was made anew: variables and running programs are gone, files in the workspace are still there]
        [new or changed files: /workspace/theirs]
        "#) };
        // It is the user's, so that undo asks first.
        let undone = case.session(&["undo"]);
        insta::allow_duplicates! { insta::assert_snapshot!(undone, @r#"
        exit 1
        --- stderr
        error: you changed what the agent had changed: `new`
        hint: nothing was touched; `--force` takes them back as well, and what you wrote can be had back by another undo
        "#) };
        case.end();
    });
}

#[test]
fn what_is_too_large_to_be_kept_is_named() {
    let case = Case::new();
    fs::File::create(case.path("large")).unwrap().set_len((64 << 20) + 1).unwrap();
    let (output, _) =
        case.tell(vec![Reply::calls(&[shell("echo small > large; rm old.py")]), Reply::text("Done.")], &[]);
    insta::assert_snapshot!(output, @r#"
    exit 0
    --- stdout
    Done.
    --- stderr
    warning: `large` was larger than 64 MiB: what was in it is not kept, and cannot be brought back
    tool run_shell_command {"command":"echo small > large; rm old.py"}: [new or changed files: /workspace/large]
    "#);
    insta::assert_snapshot!(case.session(&["diff"]), @r#"
    exit 0
    --- stdout
    # in [WORK]/repo
    diff --git a/large b/large
    # was larger than what is kept: cannot be undone
    # too large to be shown, or not kept
    diff --git a/old.py b/old.py
    deleted file mode 100640
    --- a/old.py
    +++ /dev/null
    @@ -1 +0,0 @@
    -# nobody needs this
    "#);
    let undone = case.session(&["undo"]).to_string();
    insta::with_settings!({filters => vec![(r"ses_\w+", "[session]")]}, { insta::assert_snapshot!(undone, @r#"
    exit 1
    --- stdout
    made     old.py
    --- stderr
    warning: `large` stays as it is: what was there before was not kept
    to undo this: agentscope session undo [session] --to 2
    "#) });
    assert_eq!((case.read("large"), case.read("old.py")), ("small\n".to_owned(), "# nobody needs this\n".to_owned()));
    case.end();
}

#[test]
fn what_the_network_refused_is_told() {
    as_both(async |_: Who| {
        let mut case = Case::new();
        case.template = case.template.replace("network: none", "network: {allow: [docs.example.com]} #");
        let get = "import urllib.request as r\ntry: r.urlopen('http://evil.example/')\nexcept Exception as e: print(e)";
        let script = vec![
            Reply::calls(&[("run_ipython_cell", json!({ "code": get }))]),
            Reply::calls(&[shell(&format!("python3 -c \"{get}\""))]),
            Reply::text("Done."),
        ];
        let (output, told) = case.tell(script, &[]);
        assert_eq!(output.code, Some(0), "{output}");
        insta::allow_duplicates! { insta::assert_snapshot!(told, @r#"
        * HTTP Error 403: Forbidden
        [the network policy refused evil.example:80 (it is not on the list (docs.example.com))]
        * HTTP Error 403: Forbidden
        [the network policy refused evil.example:80 (it is not on the list (docs.example.com))]
        "#) };
        case.end();
    });
}
