use super::*;
use crate::sandbox::{BackendKind, Tier};

fn registry() -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(&folder.path().join("state/sandboxes.db")).unwrap();
    (folder, registry)
}

fn starting(id: &str) -> Record {
    let mut spec = SandboxSpec::new(BackendKind::Host, "ann");
    spec.id = id.parse().unwrap();
    Record::starting(&spec, Timestamp::UNIX_EPOCH)
}

#[test]
fn what_is_remembered() {
    let (_folder, registry) = registry();
    let mut record = starting("0123456789ab");
    record.spec.env.insert("KEY".to_owned(), "secret".to_owned());
    let record = Record::starting(&record.spec, Timestamp::UNIX_EPOCH);
    registry.begin(&record, None).unwrap();
    let id = &record.spec.id;
    registry.started(id, &Confinement { tier: Tier::None, layers: vec![] }).unwrap();
    registry.touch(id, Timestamp::from_second(9).unwrap()).unwrap();
    let known = registry.get(id).unwrap().unwrap();
    assert_eq!(known.state, Status::Running);
    assert_eq!(known.used.as_second(), 9);
    assert_eq!(known.expires.unwrap().as_second(), 24 * 60 * 60);
    assert_eq!(known.spec.env["KEY"], "", "no secret is written down");
    registry.forget(id).unwrap();
    assert!(registry.all().unwrap().is_empty());
}

#[test]
fn by_the_start_of_an_id() {
    let (_folder, registry) = registry();
    for id in ["0123456789ab", "0123ffffffff", "abcdefabcdef"] {
        registry.begin(&starting(id), None).unwrap();
    }
    let like = |prefix| registry.like(prefix).unwrap().len();
    assert_eq!([like("0123"), like("01234"), like("x"), like("%"), like("0123456789ab0")], [2, 1, 0, 0, 0]);
}

#[test]
fn no_more_than_the_limit() {
    let (_folder, registry) = registry();
    registry.begin(&starting("0123456789ab"), Some(1)).unwrap();
    let second = starting("abcdefabcdef");
    assert!(matches!(registry.begin(&second, Some(1)), Err(SandboxError::TooMany { limit: 1 })));
    // One that is made again is not counted against itself, and one that is stopped not at all.
    registry.begin(&starting("0123456789ab"), Some(1)).unwrap();
    registry.set_state(&"0123456789ab".parse().unwrap(), Status::Stopped).unwrap();
    registry.begin(&second, Some(1)).unwrap();
}

#[test]
fn many_at_once_make_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/sandboxes.db");
    std::thread::scope(|scope| {
        for n in 0..8 {
            let path = &path;
            scope.spawn(move || Registry::open(path).unwrap().begin(&starting(&format!("{n:012x}")), None).unwrap());
        }
    });
    assert_eq!(Registry::open(&path).unwrap().all().unwrap().len(), 8);
}

#[test]
fn not_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandboxes.db");
    std::fs::write(&path, "name: assistant\n".repeat(100)).unwrap();
    let error = Registry::open(&path).unwrap_err();
    let text = format!("{error}\n{}", error.hint().unwrap());
    insta::assert_snapshot!(text.replace(folder.path().to_str().unwrap(), "[DIR]"), @"
    the registry of sandboxes at `[DIR]/sandboxes.db` is damaged
    move the file away: the sandboxes that there are will be found again
    ");
}
