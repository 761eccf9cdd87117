//! Ways out of the workspace, each tried on every operation.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Place, link};
use crate::sandbox::daemon::files::{FileError, ops::Onto};

/// Runs every operation on `path`; what each said.
fn everything(place: &Place, path: &str) -> Vec<(&'static str, Result<(), FileError>)> {
    let root = &place.root;
    vec![
        ("read", root.read_text(path).map(drop)),
        ("write", root.write(path, b"owned")),
        ("list", root.list(path, 3).map(drop)),
        ("mkdir", root.mkdir(&format!("{path}/sub")).map(drop)),
        ("move in", root.rename("mine", path, Onto::Replace, false).map(drop)),
        ("move out", root.rename(path, "stolen", Onto::Replace, true).map(drop)),
        ("remove", root.remove(path)),
        ("tree", root.tree(path).map(drop)),
        ("search", root.search(path, "secret", &[]).map(drop)),
        ("pack", root.pack(path, std::io::sink())),
        ("info", root.info(path).map(drop)),
    ]
}

#[test]
fn no_path_leads_out() {
    let place = Place::new();
    fs::write(place.ws("mine"), "mine").unwrap();
    fs::create_dir(place.ws("dir")).unwrap();
    link(place.outside(), place.ws("abs"));
    link("../ws-evil", place.ws("rel"));
    link("../..", place.ws("dir/up"));
    link("/proc/self/root", place.ws("magic"));
    let absolute = place.outside().join("secret").display().to_string();
    for path in [
        "../ws-evil/secret",
        "/workspace/../ws-evil/secret",
        "/workspace-evil/secret",
        "/etc/passwd",
        "/",
        "dir/../../ws-evil/secret",
        "abs/secret",
        "rel/secret",
        "dir/up/ws-evil/secret",
        "magic/etc/passwd",
        "..",
        "./..//.",
        absolute.as_str(),
    ] {
        for (what, said) in everything(&place, path) {
            let error = said.expect_err(&format!("{what} {path}"));
            assert!(matches!(error, FileError::Outside(_) | FileError::Invalid(_)), "{what} {path}: {error:?}");
        }
    }
    place.assert_untouched();
    assert_eq!(place.all(), ["abs", "dir", "dir/up", "magic", "mine", "rel"]);
    assert_eq!(fs::read_to_string(place.ws("mine")).unwrap(), "mine");
}

#[test]
fn a_link_out_is_moved_and_removed_as_a_link_and_never_followed() {
    let place = Place::new();
    link(place.outside().join("secret"), place.ws("link"));
    assert!(matches!(place.root.read_text("link"), Err(FileError::Outside(_))));
    assert!(matches!(place.root.write("link", b"owned"), Err(FileError::Outside(_))));
    place.root.rename("link", "moved", Onto::Replace, false).unwrap();
    place.root.remove("moved").unwrap();
    link(place.outside(), place.ws("folder"));
    place.root.remove("folder").unwrap();
    place.assert_untouched();
    assert!(place.all().is_empty());
}

#[test]
fn links_that_stay_inside_work() {
    let place = Place::new();
    fs::create_dir(place.ws("dir")).unwrap();
    fs::write(place.ws("dir/file"), "old").unwrap();
    link("dir", place.ws("to-dir"));
    link("/workspace/dir/file", place.ws("to-file"));
    assert_eq!(place.root.read_text("to-dir/file").unwrap(), "old");
    // Written through: the link stays one.
    place.root.write("to-file", b"new").unwrap();
    assert_eq!(fs::read_to_string(place.ws("dir/file")).unwrap(), "new");
    assert!(fs::symlink_metadata(place.ws("to-file")).unwrap().is_symlink());
}

#[test]
fn names_that_no_file_system_takes_are_refused() {
    let place = Place::new();
    let long = "x".repeat(5000);
    let name = "x".repeat(300);
    for path in ["a\0b", &long, &name] {
        let error = place.root.write(path, b"").unwrap_err();
        assert!(matches!(error, FileError::Invalid(_)), "{error:?}");
    }
    // Odd but harmless.
    for path in ["..%2f", "a\\b", "%2e%2e", " ", "-rf", "…"] {
        place.root.write(path, b"ok").unwrap();
        assert_eq!(place.root.read_text(path).unwrap(), "ok");
    }
}

#[test]
fn what_is_no_regular_file_does_not_hang() {
    let place = Place::new();
    rustix::fs::mkfifoat(rustix::fs::CWD, place.ws("fifo"), rustix::fs::Mode::RWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.ws("socket")).unwrap();
    let text = |path| place.root.read_text(path).unwrap_err().to_string();
    insta::assert_snapshot!(text("fifo"), @"`fifo` is a pipe, not a regular file");
    insta::assert_snapshot!(text("socket"), @"`socket` is a socket, not a regular file");
    insta::assert_snapshot!(place.root.write("fifo", b"x").unwrap_err(), @"`fifo` is a pipe, not a regular file");
    insta::assert_snapshot!(place.root.weigh("fifo").unwrap_err(), @"`fifo` is a pipe, not a regular file");
    // They are left out of archives, and no search stumbles over them.
    place.root.pack(".", std::io::sink()).unwrap();
    assert_eq!(place.root.search(".", "fifo", &[]).unwrap().found, ["/workspace/fifo"]);
}

#[test]
fn a_folder_swapped_for_a_link_meanwhile_never_leads_out() {
    let place = Place::new();
    fs::create_dir(place.ws("swap")).unwrap();
    link(place.outside(), place.ws("link"));
    let stop = Arc::new(AtomicBool::new(false));
    let swapper = std::thread::spawn({
        let (stop, one, other) = (Arc::clone(&stop), place.ws("swap"), place.ws("link"));
        move || {
            while !stop.load(Ordering::Relaxed) {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(rustix::fs::CWD, &one, rustix::fs::CWD, &other, flags).unwrap();
            }
        }
    });
    for _ in 0..500 {
        // Whatever each says: it is not done outside.
        let _ = place.root.write("swap/owned", b"owned");
        let _ = place.root.mkdir("swap/owned-dir");
        let _ = place.root.remove("swap/secret");
        if let Ok(text) = place.root.read_text("swap/secret") {
            panic!("read {text}");
        }
    }
    stop.store(true, Ordering::Relaxed);
    swapper.join().unwrap();
    place.assert_untouched();
}

#[test]
fn loops_and_depth_end() {
    let place = Place::new();
    link(".", place.ws("self"));
    link("b", place.ws("a"));
    link("a", place.ws("b"));
    assert!(matches!(place.root.read_text("a"), Err(FileError::Invalid(_))));
    // Links are not walked into.
    assert_eq!(place.root.list(".", 100).unwrap().len(), 3);
    let deep = vec!["d"; 200].join("/");
    assert!(matches!(place.root.mkdir(&deep), Err(FileError::TooDeep(_))));
}

#[test]
fn a_file_keeps_its_mode_and_gets_no_setuid() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    fs::write(place.ws("run"), "old").unwrap();
    fs::set_permissions(place.ws("run"), fs::Permissions::from_mode(0o4755)).unwrap();
    place.root.write("run", b"new").unwrap();
    assert_eq!(fs::metadata(place.ws("run")).unwrap().permissions().mode() & 0o7777, 0o755);
}
