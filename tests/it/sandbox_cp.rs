//! `agentscope sandbox cp`.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    process::Stdio,
};

use tar::{Builder, EntryType, Header};

use crate::common::{Output, TestEnv};

/// A home with one sandbox, which is gone afterwards.
struct Home {
    env: TestEnv,
    id: String,
}

impl Home {
    fn new(backend: &str, flags: &[&str]) -> Self {
        let env = TestEnv::new();
        fs::create_dir(env.work().join("project")).unwrap();
        let output = env.run(&[&["sandbox", "create", "--backend", backend], flags].concat());
        assert_eq!(output.code, Some(0), "{output}");
        let id = output.stdout.trim().to_owned();
        Self { env, id }
    }

    /// Copies; `ID` stands for the sandbox.
    fn cp(&self, from: &str, to: &str) -> Output {
        let args = [from, to].map(|side| side.replace("ID:", &format!("{}:", self.id)));
        self.env.run(&["sandbox", "cp", &args[0], &args[1]])
    }

    fn copies(&self, from: &str, to: &str) {
        insta::allow_duplicates! { insta::assert_snapshot!(self.cp(from, to), @"exit 0"); }
    }

    fn sh(&self, script: &str) -> String {
        self.env.run(&["sandbox", "exec", &self.id, "sh", "-c", script]).stdout
    }

    /// What is below a folder of the working folder: modes, names, where links lead.
    fn tree(&self, folder: &str) -> String {
        let script = "cd \"$0\" && find . -mindepth 1 -printf '%M %P %l\\n' | sort -k2 | sed 's/ $//'";
        let folder = self.env.work().join(folder);
        let output = std::process::Command::new("sh").args(["-c", script]).arg(folder).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let output = self.env.run(&["sandbox", "rm", "--all"]);
        assert!(std::thread::panicking() || output.code == Some(0), "{output}");
    }
}

/// The backends that need nothing but this machine.
const BACKENDS: [&str; 2] = ["host", "local"];

fn folder(home: &Home) {
    home.env.write("d/one", "one\n");
    home.env.write("d/sub/two", "two\n");
    symlink("sub/two", home.env.work().join("d/link")).unwrap();
    fs::set_permissions(home.env.work().join("d/one"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn there_and_back() {
    for backend in BACKENDS {
        let home = Home::new(backend, &[]);
        folder(&home);
        home.copies("d", "ID:");
        home.copies("d/one", "ID:renamed");
        home.copies("d/one", "ID:d/sub/");
        home.copies("./d/.", "ID:flat");
        assert_eq!(
            home.sh("cat d/link d/sub/one renamed flat/one; test -x renamed && echo x"),
            "two\none\none\none\nx\n"
        );
        home.copies("ID:d", "out");
        home.copies("ID:d", "out");
        home.copies("ID:/workspace/renamed", "out/one");
        home.copies("ID:flat/.", "out/sub");
        insta::allow_duplicates! {
            insta::assert_snapshot!(home.tree("out"), @"
            drwxr-xr-x d
            lrwxrwxrwx d/link sub/two
            -rwxr-xr-x d/one
            drwxr-xr-x d/sub
            -rwxr-xr-x d/sub/one
            -rw-r--r-- d/sub/two
            lrwxrwxrwx link sub/two
            -rwxr-xr-x one
            drwxr-xr-x sub
            lrwxrwxrwx sub/link sub/two
            -rwxr-xr-x sub/one
            drwxr-xr-x sub/sub
            -rw-r--r-- sub/sub/two
            -rw-r--r-- sub/two
            ");
        }
        home.copies("ID:.", "everything");
        assert_eq!(home.env.read("everything/flat/one"), "one\n");
    }
}

#[test]
fn archives_are_piped() {
    for backend in BACKENDS {
        let home = Home::new(backend, &[]);
        folder(&home);
        home.copies("d", "ID:");
        let from = format!("{}:d", home.id);
        let output = home.env.command(&["sandbox", "cp", &from, "-"]).output().unwrap();
        assert!(output.status.success());
        let to = format!("{}:.", home.id);
        home.sh("rm -r d");
        let piped = home.env.run_with(&["sandbox", "cp", "-", &to], &output.stdout);
        assert_eq!(piped.code, Some(0), "{piped}");
        assert_eq!(home.sh("cat d/link"), "two\n");
    }
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_done() {
    let home = Home::new("host", &[]);
    folder(&home);
    home.env.write("file", "mine");
    home.copies("d", "ID:");
    let cases = [
        ("ID:nope", "x"),
        ("ID:../x", "x"),
        ("ID:/etc/passwd", "x"),
        ("ID:d", "file"),
        ("ID:d/one", "no/such"),
        ("ID:d/one", "no/"),
        ("nope", "ID:x"),
        ("d", "ID:d/one"),
        ("d/one", "ID:no/such"),
        ("d/one", "ID:no/"),
        ("d/one", "ID:../x"),
        ("/", "ID:x"),
        ("a", "b"),
        ("ID:a", "ID:b"),
        ("-", "file"),
        ("-", "ID:d/one"),
        ("ID.:a", "b"),
    ];
    let said = cases.map(|(from, to)| format!("{from} {to}: {}", home.cp(from, to)).replace(&home.id, "ID"));
    insta::assert_snapshot!(said.join(""), @"
    ID:nope x: exit 1
    --- stderr
    error: there is no `nope`
    ID:../x x: exit 1
    --- stderr
    error: `../x` is outside the workspace
    ID:/etc/passwd x: exit 1
    --- stderr
    error: `/etc/passwd` is outside the workspace
    ID:d file: exit 1
    --- stderr
    error: `[WORK]/file` is not a folder
    ID:d/one no/such: exit 1
    --- stderr
    error: there is no folder `[WORK]/no`
    ID:d/one no/: exit 1
    --- stderr
    error: there is no folder `[WORK]/no/`
    nope ID:x: exit 1
    --- stderr
    error: could not read `[WORK]/nope`
      because: No such file or directory (os error 2)
    d ID:d/one: exit 1
    --- stderr
    error: `d/one` is not a folder
    d/one ID:no/such: exit 1
    --- stderr
    error: there is no folder `no`
    d/one ID:no/: exit 1
    --- stderr
    error: there is no folder `no/`
    d/one ID:../x: exit 1
    --- stderr
    error: `../x` is outside the workspace
    / ID:x: exit 1
    --- stderr
    error: the root of the file system cannot be copied
    a b: exit 2
    --- stderr
    error: one of the two is ID:PATH, in a sandbox, and the other is not
    hint: `./a:b` is a path of this machine
    ID:a ID:b: exit 2
    --- stderr
    error: one of the two is ID:PATH, in a sandbox, and the other is not
    hint: `./a:b` is a path of this machine
    - file: exit 2
    --- stderr
    error: one of the two is ID:PATH, in a sandbox, and the other is not
    hint: `./a:b` is a path of this machine
    - ID:d/one: exit 1
    --- stderr
    error: `d/one` is not a folder
    hint: an archive goes into a folder; `agentscope sandbox exec -i ID sh -c 'cat > FILE'` writes a file
    ID.:a b: exit 4
    --- stderr
    error: there is no sandbox `ID.`
    hint: `agentscope sandbox list --all` shows those that exist
    ");
    assert_eq!(home.env.read("file"), "mine");
    assert!(!home.env.work().join("x").exists() && !home.env.work().join("no").exists());
}

/// A folder of the user's is brought up to date as by any other call.
#[test]
fn a_workspace_is_merged() {
    let home = Home::new("local", &["-w", "project", "--workspace", "rw"]);
    folder(&home);
    home.copies("d", "ID:");
    assert_eq!(home.env.read("project/d/sub/two"), "two\n");
    let audit = home.env.run(&["sandbox", "logs", "--audit", "-o", "json", &home.id]);
    assert!(audit.stdout.contains(r#""action": "copy""#), "{audit}");
}

#[test]
fn links_of_a_box_are_kept_in_and_what_is_no_file_is_left_out() {
    let home = Home::new("local", &[]);
    home.sh("mkdir -p a b; ln -s /etc/passwd a/out; ln -s ../.. b/up; mkdir c; mkfifo c/pipe; echo c > c/file");
    let said = ["ID:a", "ID:b", "ID:c", "ID:c/pipe"].map(|from| home.cp(from, ".").to_string());
    insta::assert_snapshot!(said.join(""), @"
    exit 1
    --- stderr
    error: the archive is refused: `a/out` is a link out of the folder
    exit 1
    --- stderr
    error: the archive is refused: `b/up` is a link out of the folder
    exit 0
    exit 1
    --- stderr
    error: `c/pipe` is a pipe, not a regular file
    ");
    insta::assert_snapshot!(home.tree("."), @"
    drwxr-xr-x c
    -rw-r--r-- c/file
    drwxr-xr-x project
    ");
}

/// A link on this side is not followed either, and what it leads to stays as it is.
#[test]
fn a_link_in_the_way_leads_nowhere() {
    let home = Home::new("host", &[]);
    home.sh("mkdir d; echo theirs > d/file; echo theirs > file");
    home.env.write("elsewhere/file", "mine");
    fs::create_dir(home.env.work().join("to")).unwrap();
    symlink("../elsewhere", home.env.work().join("to/d")).unwrap();
    symlink("../elsewhere/file", home.env.work().join("to/file")).unwrap();
    let refused = home.cp("ID:d", "to");
    assert_eq!(refused.code, Some(1), "{refused}");
    home.copies("ID:file", "to");
    assert_eq!(home.env.read("elsewhere/file"), "mine");
    assert_eq!(home.env.read("to/file"), "theirs\n");
}

/// An entry: what it is, its name, where it leads.
type Said = (EntryType, &'static str, &'static str);

fn entry(tar: &mut Builder<Vec<u8>>, kind: EntryType, name: &str, link: &str) {
    let text = if kind == EntryType::Regular { &b"evil"[..] } else { b"" };
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o6777);
    header.set_size(text.len() as u64);
    // As they are: the functions of the library refuse such names.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_cksum();
    tar.append(&header, text).unwrap();
}

/// What a daemon could send that is somebody else's by now: in its place the test answers with `archive`, of which it
/// says that it has so many bytes more.
fn answered(home: &Home, archive: &[Said], missing: usize) -> Output {
    let mut tar = Builder::new(vec![]);
    for (kind, name, link) in archive {
        entry(&mut tar, *kind, name, link);
    }
    let body = tar.into_inner().unwrap();
    let socket = home.env.home().join("state/sandboxes").join(&home.id).join("run/box.sock");
    fs::remove_file(&socket).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).for_each(drop);
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len() + missing);
            stream.write_all(head.as_bytes()).unwrap();
            // One who has heard enough is gone.
            let _ = stream.write_all(&body);
        });
        home.cp("ID:out", "to")
    })
}

#[test]
fn a_hostile_archive_writes_nothing() {
    use EntryType::{Block, Char, Directory, Fifo, Link, Regular, Symlink};
    let home = Home::new("host", &[]);
    home.env.write("mine", "mine");
    fs::create_dir(home.env.work().join("to")).unwrap();
    let cases: &[(&[Said], usize)] = &[
        (&[(Regular, "../mine", "")], 0),
        (&[(Directory, "out", ""), (Regular, "out/../../mine", "")], 0),
        (&[(Directory, "out", ""), (Regular, "/tmp/agentscope-evil", "")], 0),
        (&[(Directory, "out", ""), (Regular, "mine", "")], 0),
        (&[(Directory, "out/deeper", "")], 0),
        (&[(Directory, "out", ""), (Symlink, "out/up", "../.."), (Regular, "out/up/mine", "")], 0),
        (&[(Directory, "out", ""), (Symlink, "out/l", "/etc")], 0),
        (&[(Directory, "out", ""), (Symlink, "out/l", "a"), (Regular, "out/l/x", "")], 0),
        (&[(Symlink, "out", "../mine")], 0),
        (&[(Directory, "out", ""), (Link, "out/same", "../mine")], 0),
        (&[(Directory, "out", ""), (Link, "out/same", "out/none")], 0),
        (&[(Directory, "out", ""), (Char, "out/null", "")], 0),
        (&[(Directory, "out", ""), (Block, "out/disk", "")], 0),
        (&[(Directory, "out", ""), (Fifo, "out/pipe", "")], 0),
        (&[(Directory, "out", ""), (Regular, "out/a", ""), (Regular, "out/a", "")], 0),
        (&[(Regular, "out", ""), (Regular, "out/a", "")], 0),
        (&[(Directory, "out", ""), (Regular, "out/a", "")], 512),
        (&[], 0),
    ];
    let mut said = vec![];
    for (archive, missing) in cases {
        let output = answered(&home, archive, *missing);
        assert_eq!(output.code, Some(1), "{archive:?}\n{output}");
        said.push(output.stderr);
    }
    insta::assert_snapshot!(said.join(""), @"
    error: the archive is refused: `../mine` leads out of the folder
    error: the archive is refused: `out/../../mine` leads out of the folder
    error: the archive is refused: `/tmp/agentscope-evil` is absolute
    error: the archive is refused: `mine` is not below `out`
    error: the archive is refused: it begins with `out/deeper`
    error: the archive is refused: `out/up` is a link out of the folder
    error: the archive is refused: `out/l` is a link out of the folder
    error: the archive is refused: `out/l/x` is below a link
    error: the archive is refused: `out` is a link out of the folder
    error: the archive is refused: `../mine` leads out of the folder
    error: the archive is refused: `out/same` is a link to no file of the archive
    error: the archive is refused: `out/null` is a device
    error: the archive is refused: `out/disk` is a device
    error: the archive is refused: `out/pipe` is a pipe
    error: the archive is refused: `out/a` is there twice
    error: the archive is refused: `out/a` is below a file
    error: the answer of the sandbox broke off: error reading a body from connection
    error: the archive is refused: it is empty
    ");
    assert_eq!(home.tree("to"), "");
    assert_eq!(home.env.read("mine"), "mine");
    assert!(!std::path::Path::new("/tmp/agentscope-evil").exists());
    // The same way, something harmless arrives, and no bit of another user with it.
    let output = answered(&home, &[(Directory, "out", ""), (Regular, "out/a", "")], 0);
    assert_eq!(output.code, Some(0), "{output}");
    insta::assert_snapshot!(home.tree("to"), @"
    drwxr-xr-x out
    -rwxr-xr-x out/a
    ");
}

#[test]
fn large_files_go_through_whole() {
    let home = Home::new("local", &[]);
    let bytes: Vec<u8> = (0..40_u32 << 18).flat_map(u32::to_le_bytes).collect();
    home.env.write("large", &bytes);
    home.copies("large", "ID:");
    home.copies("ID:large", "back");
    assert!(fs::read(home.env.work().join("back")).unwrap() == bytes);
}

/// Nothing is written where nobody reads.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let home = Home::new("host", &[]);
    home.sh("head -c 1000000 /dev/zero > zero");
    let from = format!("{}:zero", home.id);
    let mut child = home.env.command(&["sandbox", "cp", &from, "-"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
