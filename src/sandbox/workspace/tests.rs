//! Workspaces with real overlays, mounted in a user namespace of a child process: each call is a mount of its own.

use std::{
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    process::{Command, Stdio},
};

use super::{folder::DEEPEST, *};

/// A user's folder, and a box over it.
struct Case {
    root: tempfile::TempDir,
    spec: SandboxSpec,
    workspace: Workspace,
    journal: Journal,
}

impl Case {
    /// `None`, said on standard error, where this machine does not let us mount.
    fn new(protect: &[&str]) -> Option<Self> {
        Self::with(BackendKind::Local, WorkspaceMode::Rw, protect)
    }

    fn with(backend: BackendKind, mode: WorkspaceMode, protect: &[&str]) -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        for folder in ["folder/src", "box/upper", "box/work", "box/workspace", "merged"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for (path, text) in [("README", "read me\n"), ("src/a.rs", "fn a() {}\n"), ("src/b.rs", "fn b() {}\n")] {
            fs::write(root.path().join("folder").join(path), text).unwrap();
        }
        let mut spec = SandboxSpec::new(backend, "ann");
        spec.workspace.mode = mode;
        spec.workspace.path = Some(root.path().join("folder"));
        spec.workspace.protect = protect.iter().map(|pattern| (*pattern).to_owned()).collect();
        let workspace = Workspace::of(&spec, Tier::A, &root.path().join("box")).unwrap();
        let key = crate::domain::SessionKey { user: "ann".to_owned(), session: "s".into() };
        let journal = Journal::of_session(&root.path().join("state"), &key);
        let case = Self { root, spec, workspace, journal };
        if backend == BackendKind::Local && !case.inside("true") {
            #[expect(clippy::print_stderr, reason = "says what is skipped")]
            {
                eprintln!("skipped: no overlay can be mounted in a user namespace here");
            }
            return None;
        }
        Some(case)
    }

    /// Runs a shell script in the workspace.
    fn inside(&self, script: &str) -> bool {
        if self.workspace.seen == Seen::Copied {
            let mut shell = Command::new("sh");
            shell.args(["-ec", script]).current_dir(self.root.path().join("box/workspace"));
            return shell.status().is_ok_and(|status| status.success());
        }
        let mount = "mount -t overlay overlay -o userxattr,lowerdir=folder,upperdir=box/upper,workdir=box/work merged";
        let script = format!("{mount} && cd merged && set -e && {script}");
        let status = Command::new("unshare")
            .args(["-Urm", "sh", "-c", &script])
            .current_dir(self.root.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }

    /// A whole call: the changes and what was refused, one a line.
    fn call(&self, script: &str) -> Vec<String> {
        self.workspace.before_call().unwrap();
        assert!(self.inside(script), "{script}");
        let merged = self.workspace.after_call(&self.journal, "shell").unwrap();
        let change = |change: &Change| {
            let word = match (&change.before, &change.after) {
                (State::Absent, _) => "+",
                (_, State::Absent) => "-",
                _ => "~",
            };
            format!("{word} {}", change.path.display())
        };
        let refused = |refused: &Refused| format!("! {}: {}", refused.path.display(), refused.reason);
        merged.changes.iter().map(change).chain(merged.refused.iter().map(refused)).collect()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join("folder").join(path)
    }

    /// Every entry of the folder with mode and content.
    fn tree(&self) -> Vec<String> {
        tree(&self.path(""))
    }
}

fn tree(folder: &Path) -> Vec<String> {
    let mut lines = vec![];
    for entry in walkdir::WalkDir::new(folder).min_depth(1).sort_by_file_name() {
        let entry = entry.unwrap();
        let (path, data) = (entry.path().strip_prefix(folder).unwrap(), entry.metadata().unwrap());
        let content = match data.file_type() {
            kind if kind.is_symlink() => format!("-> {}", fs::read_link(entry.path()).unwrap().display()),
            kind if kind.is_dir() => "/".to_owned(),
            _ => String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).trim().to_owned(),
        };
        lines.push(format!("{} {:o} {content}", path.display(), data.mode() & 0o7777));
    }
    lines
}

#[test]
fn what_a_call_changes_is_merged() {
    let Some(case) = Case::new(&[]) else { return };
    let script = "echo more >> README; mkdir -p new/deep; echo x > new/deep/x; chmod 755 src/a.rs; rm src/b.rs; \
                  ln -s /etc/passwd link; chmod 4755 new/deep/x; touch new/empty";
    insta::assert_debug_snapshot!(case.call(script), @r#"
    [
        "~ README",
        "+ link",
        "+ new",
        "+ new/deep",
        "+ new/deep/x",
        "+ new/empty",
        "~ src/a.rs",
        "- src/b.rs",
    ]
    "#);
    insta::assert_debug_snapshot!(case.tree(), @r#"
    [
        "README 644 read me\nmore",
        "link 777 -> /etc/passwd",
        "new 755 /",
        "new/deep 755 /",
        "new/deep/x 755 x",
        "new/empty 644 ",
        "src 755 /",
        "src/a.rs 755 fn a() {}",
    ]
    "#);
    // Nothing happened since.
    assert!(case.call("cat README > /dev/null").is_empty());
    // What was merged is deleted, of which the kernel leaves no trace where it knows nothing below.
    insta::assert_debug_snapshot!(case.call("rm -r new link; echo again > README"), @r#"
    [
        "~ README",
        "- link",
        "- new",
        "- new/deep",
        "- new/deep/x",
        "- new/empty",
    ]
    "#);
    insta::assert_debug_snapshot!(case.tree(), @r#"
    [
        "README 644 again",
        "src 755 /",
        "src/a.rs 755 fn a() {}",
    ]
    "#);
}

#[test]
fn folders_and_files_take_each_others_place() {
    let Some(case) = Case::new(&[]) else { return };
    insta::assert_debug_snapshot!(case.call("rm -r src; echo file > src; rm README; mkdir README; echo x > README/x"), @r#"
    [
        "~ README",
        "+ README/x",
        "~ src",
        "- src/a.rs",
        "- src/b.rs",
    ]
    "#);
    insta::assert_debug_snapshot!(case.tree(), @r#"
    [
        "README 755 /",
        "README/x 644 x",
        "src 644 file",
    ]
    "#);
    insta::assert_debug_snapshot!(case.call("rm src; mkdir src; echo new > src/a.rs; rm -r README; ln -s src README"), @r#"
    [
        "~ README",
        "- README/x",
        "~ src",
        "+ src/a.rs",
    ]
    "#);
    insta::assert_debug_snapshot!(case.tree(), @r#"
    [
        "README 777 -> src",
        "src 755 /",
        "src/a.rs 644 new",
    ]
    "#);
}

/// A folder that is deleted and made again hides all that was in it.
#[test]
fn a_folder_made_anew_is_empty() {
    let Some(case) = Case::new(&[]) else { return };
    insta::assert_debug_snapshot!(case.call("rm -r src; mkdir src; echo c > src/c.rs"), @r#"
    [
        "- src/a.rs",
        "- src/b.rs",
        "+ src/c.rs",
    ]
    "#);
    // What the user puts there later is the user's.
    fs::write(case.path("src/mine.rs"), "mine\n").unwrap();
    insta::assert_debug_snapshot!(case.call("echo d > src/d.rs"), @r#"
    [
        "+ src/d.rs",
    ]
    "#);
    insta::assert_debug_snapshot!(case.tree(), @r#"
    [
        "README 644 read me",
        "src 755 /",
        "src/c.rs 644 c",
        "src/d.rs 644 d",
        "src/mine.rs 644 mine",
    ]
    "#);
}

#[test]
fn protected_paths_are_refused_again() {
    let Some(case) = Case::new(&[".env*", "**/.git/hooks", "keys"]) else { return };
    for path in [".git/hooks/pre-commit", "keys/id", "src/.env"] {
        fs::create_dir_all(case.path(path).parent().unwrap()).unwrap();
        fs::write(case.path(path), "secret\n").unwrap();
    }
    let before = case.tree();
    let script = "echo evil > .git/hooks/pre-commit; rm -r keys; ln -s /tmp keys; echo A=1 > src/.env; \
                  mkdir -p sub/.git/hooks; echo evil > sub/.git/hooks/post-checkout; echo B=2 > .env.local; rm -r .git";
    insta::assert_debug_snapshot!(case.call(script), @r#"
    [
        "+ sub",
        "+ sub/.git",
        "! .env.local: protected",
        "! .git/hooks: protected",
        "! keys: protected",
        "! src/.env: protected",
        "! sub/.git/hooks: protected",
    ]
    "#);
    let after: Vec<_> = case.tree().into_iter().filter(|line| !line.starts_with("sub")).collect();
    assert_eq!(after, before);
    assert!(!case.path("sub/.git/hooks").exists());
}

/// Git goes where links and its own files lead it, and runs what it finds there.
#[test]
fn what_git_would_run_stays_inside() {
    for backend in [BackendKind::Local, BackendKind::Docker] {
        let Some(mut case) = Case::with(backend, WorkspaceMode::Rw, &PROTECTED_IN_CHAT) else { continue };
        fs::create_dir_all(case.path(".git")).unwrap();
        fs::write(case.path(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::create_dir(case.path("tools")).unwrap();
        fs::write(case.path("tools/check"), "true\n").unwrap();
        symlink("../githooks", case.path(".git/hooks")).unwrap();
        fs::create_dir(case.path("githooks")).unwrap();
        symlink("../tools/check", case.path("githooks/pre-commit")).unwrap();
        // As each call does.
        case.workspace.guard = Guard::new(&case.spec.workspace).unwrap();
        let before = case.tree();
        let script = "echo evil > githooks/post-checkout; echo evil > tools/check; echo ../evil > .git/commondir; \
                      mkdir evil; echo 'gitdir: ../evil' > evil/.git; ln -s ../evil src/.git";
        let said = case.call(script);
        let (refused, changed): (Vec<_>, Vec<_>) = said.into_iter().partition(|line| line.ends_with(": protected"));
        assert_eq!((refused.len(), changed), (5, vec!["+ evil".to_owned()]), "{backend}: {refused:?}");
        fs::remove_dir(case.path("evil")).unwrap();
        assert_eq!(case.tree(), before, "{backend}");
    }
}

/// Nobody has to follow a program as deep as it goes.
#[test]
fn folders_within_folders_end() {
    for backend in [BackendKind::Local, BackendKind::Docker] {
        let Some(case) = Case::with(backend, WorkspaceMode::Rw, &[]) else { continue };
        let script = "python3 -c 'import os\nfor n in range(2000): os.mkdir(\"d\"); os.chdir(\"d\")'";
        let said = case.call(script);
        assert_eq!(said.len(), DEEPEST, "{backend}");
        assert!(said.last().unwrap().ends_with("/d: too many folders within folders"), "{backend}");
        let record = BoxFolder::new(case.root.path(), &case.spec.id);
        fs::rename(case.root.path().join("box"), record.path()).unwrap();
        record.remove().unwrap();
    }
}

#[test]
fn special_files_stay_inside_and_links_are_not_followed() {
    let Some(case) = Case::new(&[]) else { return };
    let outside = case.root.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("x"), "outside\n").unwrap();
    insta::assert_debug_snapshot!(case.call("mkfifo pipe"), @r#"
    [
        "! pipe: devices, FIFOs and sockets stay in the sandbox",
    ]
    "#);
    // The user's own link: what is made under its name inside must not come out behind it.
    symlink(&outside, case.path("out")).unwrap();
    insta::assert_debug_snapshot!(case.call("rm out; mkdir out; echo evil > out/x"), @r#"
    [
        "~ out",
        "+ out/x",
    ]
    "#);
    assert_eq!(fs::read_to_string(outside.join("x")).unwrap(), "outside\n");
    // Between our look and our writing, a folder becomes a link: the write fails.
    let folder = Folder::open(&case.path("")).unwrap();
    fs::remove_dir_all(case.path("out")).unwrap();
    symlink(&outside, case.path("out")).unwrap();
    assert!(folder.read(Path::new("out/x")).is_err());
    assert!(folder.parent_or_make(Path::new("out/y")).is_err());
    assert!(folder.at(Path::new("../outside")).is_err());
}

#[test]
fn the_users_own_changes_during_a_call_are_kept() {
    let Some(case) = Case::new(&[]) else { return };
    case.workspace.before_call().unwrap();
    assert!(case.inside("rm src/a.rs; rm README"));
    fs::write(case.path("src/a.rs"), "mine\n").unwrap();
    let merged = case.workspace.after_call(&case.journal, "shell").unwrap();
    assert_eq!(merged.changes.len(), 1, "{merged:?}");
    assert_eq!(fs::read_to_string(case.path("src/a.rs")).unwrap(), "mine\n");
}

/// What the user writes while a program inside writes the same file wins, is seen inside from then on, and is not taken
/// for the agent's by a look at what is still to be merged.
#[test]
fn what_the_user_writes_during_a_call_wins() {
    for backend in [BackendKind::Local, BackendKind::Docker] {
        let Some(case) = Case::with(backend, WorkspaceMode::Rw, &[]) else { continue };
        assert_eq!(case.call("echo agent > README"), ["~ README"]);
        fs::write(case.path("README"), "between\n").unwrap();
        assert_eq!(case.workspace.differences().unwrap(), (vec![], vec![]), "{backend:?}");
        assert!(case.workspace.apply(&case.journal, "apply").unwrap().changes.is_empty(), "{backend:?}");
        assert_eq!(fs::read_to_string(case.path("README")).unwrap(), "between\n");

        case.workspace.before_call().unwrap();
        assert!(case.inside("echo agent > src/a.rs; echo agent > new"));
        for name in ["src/a.rs", "new"] {
            fs::write(case.path(name), "mine\n").unwrap();
        }
        let merged = case.workspace.after_call(&case.journal, "shell").unwrap();
        let refused: Vec<_> = merged.refused.iter().map(|refused| refused.reason.as_str()).collect();
        assert_eq!((merged.changes.len(), refused), (0, vec!["the user changed it meanwhile"; 2]), "{backend:?}");
        assert_eq!(fs::read_to_string(case.path("src/a.rs")).unwrap(), "mine\n");
        if backend == BackendKind::Docker {
            // An overlay is brought up to date in a box that runs, of which there is none here.
            assert!(case.call("test \"$(cat README src/a.rs new | tr -d '\n')\" = betweenminemine").is_empty());
        }
    }
}

/// In a copy both versions stay: the user's in the folder, the agent's in the copy.
#[test]
fn a_copy_is_not_applied_over_what_the_user_wrote_since() {
    for backend in [BackendKind::Local, BackendKind::Docker] {
        let Some(case) = Case::with(backend, WorkspaceMode::Copy, &[]) else { continue };
        assert!(case.call("echo agent > README; echo agent > src/a.rs").is_empty());
        fs::write(case.path("README"), "mine\n").unwrap();
        assert!(case.call("true").is_empty());
        for _ in 0..2 {
            let merged = case.workspace.apply(&case.journal, "apply").unwrap();
            assert_eq!(merged.refused.len(), 1, "{backend:?}: {merged:?}");
            assert_eq!(fs::read_to_string(case.path("README")).unwrap(), "mine\n");
            assert_eq!(fs::read_to_string(case.path("src/a.rs")).unwrap(), "agent\n");
        }
    }
}

#[test]
fn a_copy_shows_its_difference_and_leaves_the_folder_alone() {
    for backend in [BackendKind::Local, BackendKind::Docker] {
        let Some(case) = Case::with(backend, WorkspaceMode::Copy, &[]) else { continue };
        let before = case.tree();
        assert!(case.call("echo changed > README; rm src/a.rs").is_empty());
        fs::write(case.path("src/b.rs"), "mine\n").unwrap();
        assert!(case.call("true").is_empty());
        fs::write(case.path("src/b.rs"), "fn b() {}\n").unwrap();
        assert_eq!(case.tree(), before);
        let shown: Vec<_> =
            case.workspace.differences().unwrap().0.into_iter().map(|d| (d.change.path, d.shown)).collect();
        let text = |text: &str| Shown::Text(text.to_owned());
        assert_eq!(
            shown,
            [
                (PathBuf::from("README"), text("@@ -1 +1 @@\n-read me\n+changed\n")),
                (PathBuf::from("src/a.rs"), text("@@ -1 +0,0 @@\n-fn a() {}\n")),
            ]
        );
        let merged = case.workspace.apply(&case.journal, "apply").unwrap();
        assert_eq!((merged.changes.len(), merged.refused.len()), (2, 0));
        assert_eq!(case.workspace.differences().unwrap(), (vec![], vec![]));
        case.journal.undo(1, false).unwrap();
        assert_eq!(case.tree(), before);
    }
}

/// Owner, mode, and a name that is not text.
#[test]
fn files_belong_to_the_owner_of_the_folder() {
    let Some(case) = Case::new(&[]) else { return };
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(case.path(""), Some(1234), Some(1234)).unwrap();
    }
    let owner = fs::metadata(case.path("")).unwrap().uid();
    case.call("printf x > \"$(printf 'a\\377b')\"; mkdir d; echo y > d/y; chmod 640 d/y; ln -s y d/l");
    for path in ["d", "d/y", "d/l"] {
        assert_eq!(fs::symlink_metadata(case.path(path)).unwrap().uid(), owner, "{path}");
    }
    assert_eq!(fs::metadata(case.path("d/y")).unwrap().permissions().mode() & 0o777, 0o640);
    let record = case.journal.records().unwrap().remove(0);
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"a\xffb");
    assert!(record.changes.iter().any(|change| change.path == Path::new(name)), "{record:?}");
}

#[test]
fn undo_takes_back_to_the_byte() {
    let Some(case) = Case::new(&[]) else { return };
    fs::write(case.path("src/data"), [0, 159, 146, 150]).unwrap();
    fs::set_permissions(case.path("src/b.rs"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("README", case.path("link")).unwrap();
    let before = case.tree();
    case.call("echo more >> README; rm -r src; mkdir -p new/deep; echo x > new/deep/x; ln -sf nowhere link");
    let between = case.tree();
    case.call("mkdir src; echo other > src/a.rs; rm -r new; echo even more >> README; echo file > new");
    let after = case.tree();

    let undone = case.journal.undo(2, false).unwrap();
    assert_eq!((undone.call, undone.refused.len()), (Some(3), 0), "{undone:?}");
    assert_eq!(case.tree(), between);
    assert_eq!(case.journal.undo(3, false).unwrap().call, Some(4), "an undo can be undone");
    assert_eq!(case.tree(), after);
    let undone = case.journal.undo(1, false).unwrap();
    assert!(undone.refused.is_empty(), "{undone:?}");
    assert_eq!(case.tree(), before);
    assert_eq!(case.journal.undo(1, false).unwrap(), Undone::default(), "nothing is left to be undone");
}

#[test]
fn undo_spares_what_the_user_wrote_since() {
    let Some(case) = Case::new(&[]) else { return };
    case.call("echo agent > README; echo agent > src/a.rs; mkdir new; echo x > new/x");
    fs::write(case.path("README"), "mine\n").unwrap();
    fs::write(case.path("new/mine"), "mine\n").unwrap();
    let before = case.tree();
    let error = case.journal.undo(1, false).unwrap_err();
    insta::assert_snapshot!(error, @"you changed what the agent had changed: `README`");
    assert_eq!(case.tree(), before, "nothing was touched");
    let undone = case.journal.undo(1, true).unwrap();
    insta::assert_debug_snapshot!(case.tree(), @r#"
    [
        "README 644 read me",
        "new 755 /",
        "new/mine 644 mine",
        "src 755 /",
        "src/a.rs 644 fn a() {}",
        "src/b.rs 644 fn b() {}",
    ]
    "#);
    // By force, and still not lost.
    case.journal.undo(undone.call.unwrap(), false).unwrap();
    assert_eq!(case.tree(), before);
}

/// A process that is killed leaves a record of changes of which some were made, and temporary files.
#[test]
fn undo_after_a_merge_that_was_cut_short() {
    let Some(case) = Case::new(&[]) else { return };
    let before = case.tree();
    case.workspace.before_call().unwrap();
    assert!(case.inside("echo agent > README; echo agent > src/a.rs; rm src/b.rs; mkdir new; echo x > new/x"));
    let (folder, path) = (Folder::open(&case.path("")).unwrap(), case.path("").canonicalize().unwrap());
    let known = Synced { seen: i64::MAX, ..Synced::default() };
    let found = case.workspace.outwards(&case.workspace.inside().unwrap(), &folder, &known).unwrap();
    let record = case.journal.record(&folder, &path, "shell", found.changes).unwrap();
    fs::write(case.path("README"), "agent\n").unwrap();
    fs::write(case.path(&format!("src/.agentscope-{}-3.tmp", record.call)), "ag").unwrap();
    use std::io::Write as _;
    let journal = case.journal.records().unwrap();
    // The next record was not finished either.
    let file = walkdir::WalkDir::new(case.root.path().join("state")).into_iter().flatten();
    let file = file.into_iter().find(|entry| entry.file_name() == "journal.jsonl").unwrap();
    fs::OpenOptions::new().append(true).open(file.path()).unwrap().write_all(b"{\"call\":2,\"ti").unwrap();
    assert_eq!(case.journal.records().unwrap(), journal);

    case.journal.undo(1, false).unwrap();
    assert_eq!(case.tree(), before);
    assert_eq!(case.journal.records().unwrap().len(), 2);
}

#[test]
fn differences_are_from_the_first_to_now() {
    let Some(case) = Case::new(&[]) else { return };
    case.call(
        "echo more >> README; printf '\\000' > binary; rm src/a.rs; ln -s a link; echo x > tmp; chmod 755 src/b.rs",
    );
    case.call("rm tmp; echo end >> README");
    let shown: Vec<_> = case
        .journal
        .differences()
        .unwrap()
        .into_iter()
        .map(|difference| (difference.change.path.display().to_string(), difference.calls, difference.shown))
        .collect();
    insta::assert_debug_snapshot!(shown, @r#"
    [
        (
            "README",
            [
                1,
                2,
            ],
            Text(
                "@@ -1 +1,3 @@\n read me\n+more\n+end\n",
            ),
        ),
        (
            "binary",
            [
                1,
            ],
            Binary,
        ),
        (
            "link",
            [
                1,
            ],
            Text(
                "@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n",
            ),
        ),
        (
            "src/a.rs",
            [
                1,
            ],
            Text(
                "@@ -1 +0,0 @@\n-fn a() {}\n",
            ),
        ),
        (
            "src/b.rs",
            [
                1,
            ],
            Text(
                "",
            ),
        ),
    ]
    "#);
}

/// Where there is no overlay: a copy and the folder, changed on both sides.
#[test]
fn a_copy_is_kept_in_step_both_ways() {
    let Some(case) = Case::with(BackendKind::Docker, WorkspaceMode::Rw, &[".env"]) else { return };
    fs::write(case.path(".env"), "A=1\n").unwrap();
    let before = case.tree();
    let script =
        "echo agent >> README; rm -r src; echo x > src; mkdir new; echo y > new/y; echo evil > .env; ln -s y new/l";
    insta::assert_debug_snapshot!(case.call(script), @r#"
    [
        "~ README",
        "+ new",
        "+ new/l",
        "+ new/y",
        "~ src",
        "- src/a.rs",
        "- src/b.rs",
        "! .env: protected",
    ]
    "#);
    insta::assert_debug_snapshot!(case.tree(), @r#"
    [
        ".env 644 A=1",
        "README 644 read me\nagent",
        "new 755 /",
        "new/l 777 -> y",
        "new/y 644 y",
        "src 644 x",
    ]
    "#);
    fs::write(case.path("README"), "mine\n").unwrap();
    fs::remove_dir_all(case.path("new")).unwrap();
    fs::create_dir_all(case.path("other/deep")).unwrap();
    fs::write(case.path("other/deep/z"), "z\n").unwrap();
    let script = "test \"$(cat README)\" = mine; test ! -e new; test -e other/deep/z; rm -r other; echo two > two";
    insta::assert_debug_snapshot!(case.call(script), @r#"
    [
        "- other",
        "- other/deep",
        "- other/deep/z",
        "+ two",
    ]
    "#);
    fs::write(case.path("README"), "read me\nagent\n").unwrap();
    fs::create_dir(case.path("new")).unwrap();
    fs::write(case.path("new/y"), "y\n").unwrap();
    symlink("y", case.path("new/l")).unwrap();
    let undone = case.journal.undo(1, false);
    assert!(undone.is_ok(), "{undone:?}");
    let kept: Vec<_> = case.tree().into_iter().filter(|line| !line.starts_with("other")).collect();
    assert_eq!(kept, before);
}

/// Whoever works with a box in `rw` brings in what changed on the host: what `upper` holds would hide it.
#[test]
fn what_an_overlay_hides_is_found() {
    let Some(case) = Case::new(&[]) else { return };
    case.call("echo agent > README; rm src/a.rs; rm -r src; mkdir src; echo x > src/x; mkdir new");
    let inwards = || {
        let (upper, folder) = (case.workspace.inside().unwrap(), Folder::open(&case.path("")).unwrap());
        let known = case.workspace.synced().unwrap();
        let scan = Scan { upper: &upper, folder: &folder, guard: &case.workspace.guard, known: &known, now: now() };
        let paths = scan.inwards().unwrap().into_iter().map(|change| change.path);
        paths.collect::<Vec<_>>()
    };
    assert_eq!(inwards(), Vec::<PathBuf>::new());
    fs::write(case.path("README"), "mine\n").unwrap();
    fs::create_dir(case.path("src/a.rs")).unwrap();
    fs::write(case.path("src/a.rs/deep"), "mine\n").unwrap();
    fs::write(case.path("src/mine"), "mine\n").unwrap();
    assert_eq!(inwards(), ["README", "src/a.rs", "src/a.rs/deep", "src/mine"].map(PathBuf::from));
}
