//! Archives that mean harm, and those that do not.

use std::{
    fs::{self, File},
    io::{Seek as _, Write as _},
};

use tar::{Builder, EntryType, Header};

use super::{Place, link};
use crate::sandbox::daemon::files::{Extracted, FileError};

/// An entry with any name, which the crate's own functions would refuse.
fn entry(kind: EntryType, name: &[u8], target: &str, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(0o6777);
    header.set_uid(0);
    header.set_mtime(1_000_000);
    header.set_size(content.len() as u64);
    if !target.is_empty() {
        header.set_link_name(target).unwrap();
    }
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn archive(entries: &[Vec<u8>]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    for entry in entries {
        file.write_all(entry).unwrap();
    }
    file.write_all(&[0; 1024]).unwrap();
    file
}

fn said(place: &Place, entries: &[Vec<u8>]) -> String {
    let error = place.root.unpack("in", &mut archive(entries)).unwrap_err();
    place.assert_untouched();
    assert!(!place.ws("in").exists(), "something was written");
    error.to_string()
}

#[test]
fn harm_is_refused_before_anything_is_written() {
    let place = Place::new();
    let good = entry(EntryType::Regular, b"good", "", b"good");
    let with = |bad: Vec<u8>| said(&place, &[good.clone(), bad]);
    insta::assert_snapshot!(with(entry(EntryType::Regular, b"../ws-evil/x", "", b"x")),
        @"the archive is refused: `../ws-evil/x` leads out of the folder");
    insta::assert_snapshot!(with(entry(EntryType::Regular, b"/etc/x", "", b"x")),
        @"the archive is refused: `/etc/x` is absolute");
    insta::assert_snapshot!(with(entry(EntryType::Regular, b"a/../../x", "", b"x")),
        @"the archive is refused: `a/../../x` leads out of the folder");
    insta::assert_snapshot!(with(entry(EntryType::Symlink, b"l", "/etc", b"")),
        @"the archive is refused: `l` is a link out of the folder");
    insta::assert_snapshot!(with(entry(EntryType::Symlink, b"d/l", "../../x", b"")),
        @"the archive is refused: `d/l` is a link out of the folder");
    insta::assert_snapshot!(with(entry(EntryType::Link, b"h", "/etc/passwd", b"")),
        @"the archive is refused: `/etc/passwd` is absolute");
    insta::assert_snapshot!(with(entry(EntryType::Link, b"h", "mine", b"")),
        @"the archive is refused: `h` is a link to no file of the archive");
    insta::assert_snapshot!(with(entry(EntryType::Char, b"null", "", b"")),
        @"the archive is refused: `null` is a device");
    insta::assert_snapshot!(with(entry(EntryType::Fifo, b"fifo", "", b"")),
        @"the archive is refused: `fifo` is a pipe");
    insta::assert_snapshot!(with(good.clone()),
        @"the archive is refused: `good` is there twice");
    insta::assert_snapshot!(with(entry(EntryType::Regular, b"good/below", "", b"x")),
        @"the archive is refused: `good/below` is below a file");
    let way = entry(EntryType::Symlink, b"way", ".", b"");
    insta::assert_snapshot!(said(&place, &[way, entry(EntryType::Regular, b"way/x", "", b"x")]),
        @"the archive is refused: `way/x` is below a link");
    insta::assert_snapshot!(said(&place, &[b"not an archive at all".repeat(100)]),
        @"the archive is refused: it is not a whole tar archive, plain or compressed by gzip");
}

#[test]
fn a_link_that_was_there_before_is_not_followed() {
    let place = Place::new();
    fs::create_dir(place.ws("in")).unwrap();
    link(place.outside(), place.ws("in/way"));
    let file = entry(EntryType::Regular, b"way/x", "", b"x");
    place.root.unpack("in", &mut archive(&[file])).unwrap_err();
    // One in the place of a file is replaced.
    link(place.outside().join("secret"), place.ws("in/file"));
    place.root.unpack("in", &mut archive(&[entry(EntryType::Regular, b"file", "", b"x")])).unwrap();
    assert_eq!(fs::read_to_string(place.ws("in/file")).unwrap(), "x");
    place.assert_untouched();
}

#[test]
fn bombs_are_refused() {
    let place = Place::with_limit(64 << 10);
    let mut file = tempfile::tempfile().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(&mut file, flate2::Compression::best());
    gzip.write_all(&entry(EntryType::Regular, b"zeros", "", &vec![0; 8 << 20])).unwrap();
    gzip.finish().unwrap();
    assert!(file.metadata().unwrap().len() < 64 << 10);
    let error = place.root.unpack("in", &mut file).unwrap_err();
    insta::assert_snapshot!(error, @"the content of the archive is larger than 65536 bytes");
    // A name that would have to be held in memory.
    let name = entry(EntryType::GNULongName, b"././@LongLink", "", &vec![b'a'; 8 << 20]);
    insta::assert_snapshot!(said(&place, &[name, entry(EntryType::Regular, b"x", "", b"")]),
        @"the archive is refused: its headers are too large");
    // More entries than anybody needs.
    let many: Vec<Vec<u8>> =
        (0..50_001).map(|number| entry(EntryType::Regular, format!("{number}").as_bytes(), "", b"")).collect();
    insta::assert_snapshot!(said(&place, &many), @"the archive has more than 50000 entries");
    // Cut off in the middle of a file.
    let mut cut = archive(&[entry(EntryType::Regular, b"cut", "", &[1; 2000])]);
    cut.set_len(1000).unwrap();
    assert!(matches!(place.root.unpack("in", &mut cut), Err(FileError::Archive(_))));
    assert!(place.all().is_empty());
}

#[test]
fn what_goes_out_comes_in_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    fs::create_dir_all(place.ws("src/dir/empty")).unwrap();
    fs::write(place.ws("src/dir/file"), "content").unwrap();
    fs::set_permissions(place.ws("src/dir/file"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::write(place.ws("src").join("n".repeat(150)), "long name").unwrap();
    link("dir/file", place.ws("src/link"));
    let mut file = tempfile::tempfile().unwrap();
    assert_eq!(place.root.weigh("src").unwrap(), 16);
    place.root.pack("src", &mut file).unwrap();
    let extracted = place.root.unpack("/workspace/new/copy", &mut file).unwrap();
    assert_eq!(extracted, Extracted { files: 2, folders: 3, links: 1, bytes: 16 });
    assert_eq!(fs::read_to_string(place.ws("new/copy/src/link")).unwrap(), "content");
    assert!(place.ws("new/copy/src/dir/empty").is_dir());
    let mode = fs::metadata(place.ws("new/copy/src/dir/file")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o750);
}

#[test]
fn neither_owner_nor_setuid_come_along() {
    use std::os::unix::fs::MetadataExt as _;
    let place = Place::new();
    let hard = entry(EntryType::Link, b"hard", "file", b"");
    let extracted =
        place.root.unpack(".", &mut archive(&[entry(EntryType::Regular, b"file", "", b"x"), hard])).unwrap();
    assert_eq!(extracted, Extracted { files: 2, folders: 0, links: 0, bytes: 1 });
    let metadata = fs::metadata(place.ws("file")).unwrap();
    assert_eq!((metadata.mode() & 0o7777, metadata.nlink(), metadata.mtime()), (0o777, 2, 1_000_000));
}

#[test]
fn a_sparse_giant_is_not_packed() {
    let place = Place::new();
    File::create(place.ws("giant")).unwrap().set_len(1 << 40).unwrap();
    insta::assert_snapshot!(place.root.weigh(".").unwrap_err(), @"`.` is larger than 1048576 bytes");
    assert!(matches!(place.root.read_text("giant"), Err(FileError::TooLarge { .. })));
}

#[test]
fn archives_of_the_crate_are_taken() {
    let place = Place::new();
    let mut file = tempfile::tempfile().unwrap();
    let mut builder = Builder::new(&mut file);
    builder.append_dir(".", ".").unwrap();
    let mut header = Header::new_ustar();
    header.set_size(2);
    header.set_mode(0o644);
    builder.append_data(&mut header, "./x", &b"ok"[..]).unwrap();
    builder.finish().unwrap();
    drop(builder);
    file.rewind().unwrap();
    place.root.unpack(".", &mut file).unwrap();
    assert_eq!(fs::read_to_string(place.ws("x")).unwrap(), "ok");
}
