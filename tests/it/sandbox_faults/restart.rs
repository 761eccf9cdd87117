//! What a new process knows of sandboxes that others made.

use std::fs;

use serde_json::Value;

use super::home::{Home, as_both, text};

/// As after an upgrade or a crash, with the registry and without it.
#[test]
fn fifty_that_live_are_adopted() {
    let home = Home::new();
    let mut ids = vec![];
    for _ in 0..10 {
        let children: Vec<_> =
            (0..5).map(|_| home.spawn(&["create", "--backend", "local", "--max-age", "1h"])).collect();
        for child in children {
            let output = home.finish(child);
            assert_eq!(output.code, Some(0), "{output}");
            ids.push(output.stdout.trim().to_owned());
        }
    }
    ids.sort();
    let renewed = &ids[7];
    assert_eq!(home.sandbox(&["renew", "--for", "48h", renewed]).code, Some(0));
    let running = |listed: &[Value]| {
        let running = listed.iter().filter(|info| info["state"] == "running");
        let mut ids: Vec<_> = running.map(|info| text(&info["id"])).collect();
        ids.sort();
        ids
    };
    let before = home.listed();
    assert_eq!(running(&before), ids);
    for name in ["sandboxes.db", "sandboxes.db-wal", "sandboxes.db-shm"] {
        let _ = fs::remove_file(home.env.home().join("state").join(name));
    }
    let after = home.listed();
    assert_eq!(running(&after), ids);
    let expiry = |listed: &[Value], id: &str| {
        let info = listed.iter().find(|info| info["id"] == id).unwrap();
        text(&info["expires"]).parse::<jiff::Timestamp>().unwrap()
    };
    for id in [renewed, &ids[8]] {
        let moved = expiry(&before, id).duration_since(expiry(&after, id)).abs();
        assert!(moved.as_secs() < 60, "{id}: {moved}");
    }
    assert_eq!(home.sh(renewed, "echo there").stdout, "there\n");
    assert_eq!(home.settle().len(), 50);
}

/// Nobody of ours runs meanwhile.
#[test]
fn they_end_by_themselves() {
    as_both(|home| {
        let idle = home.create(&["--idle-timeout", "1s"]);
        let old = home.create(&["--max-age", "1s"]);
        let renewed = home.create(&["--max-age", "4s"]);
        assert_eq!(home.sandbox(&["renew", "--for", "1h", &renewed]).code, Some(0));
        let last = home.create(&["--max-age", "5s"]);
        for id in [&idle, &old, &last] {
            home.await_end(id);
        }
        let states: Vec<_> = [&idle, &old, &renewed, &last].map(|id| home.state(id).unwrap()).into();
        assert_eq!(states, ["stopped", "stopped", "running", "stopped"]);
        // What was written is still there.
        assert!(home.folder(&idle).join("workspace").exists());
        home.settle();
    });
}

/// A session that begins at the last moment either has its sandbox or is told that it has not.
#[test]
fn renewed_as_it_ends() {
    let home = Home::new();
    for _ in 0..4 {
        let id = home.create(&["--max-age", "1s"]);
        let mut renewed = false;
        while home.state(&id).as_deref() == Some("running") {
            let output = home.sandbox(&["renew", "--for", "100ms", &id]);
            renewed |= output.code == Some(0);
            let late = ["is stopped", "ended before it answered"].iter().any(|words| output.stderr.contains(words));
            assert!(output.code == Some(0) || late, "{output}");
            if renewed {
                break;
            }
        }
        home.await_end(&id);
        assert_eq!(home.state(&id).as_deref(), Some("stopped"));
    }
    home.settle();
}

/// The registry is a memory: one that is damaged is said to be, and made again.
#[test]
fn a_damaged_registry() {
    let home = Home::new();
    let id = home.create(&[]);
    let state = home.env.home().join("state");
    let database = state.join("sandboxes.db");
    let _ = (fs::remove_file(state.join("sandboxes.db-wal")), fs::remove_file(state.join("sandboxes.db-shm")));
    fs::write(
        &database,
        "no database at all, but long enough to be taken for the head of one, which has 100 bytes. ".repeat(9),
    )
    .unwrap();
    for verb in [&["list"][..], &["create", "--backend", "local"], &["prune"]] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(home.sandbox(verb), @"
            exit 1
            --- stderr
            error: the registry of sandboxes at `[HOME]/state/sandboxes.db` is damaged
            hint: move the file away: the sandboxes that there are will be found again
            ");
        }
    }
    fs::remove_file(&database).unwrap();
    assert_eq!(home.list(), [(id, "running".to_owned())]);
    home.settle();
}
