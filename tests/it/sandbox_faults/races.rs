//! Several commands at once on the same sandboxes.

use std::sync::atomic::{AtomicBool, Ordering};

use super::home::{Home, as_both};
use crate::common::Output;

/// One that came too late says so, and nothing else goes wrong.
#[track_caller]
fn fits(verb: &str, output: &Output) {
    let late = [
        "there is no sandbox",
        "is stopped",
        "is paused",
        "how the program ended is not known",
        "the sandbox ended before it answered",
    ];
    let told = late.iter().any(|words| output.stderr.contains(words)) && output.stderr.starts_with("error: ");
    let fits = match verb {
        "rm" | "stop" | "list" | "prune" => output.code == Some(0),
        // Killed with its box.
        "exec" => matches!(output.code, Some(0 | 137)) || output.code == Some(125) && told,
        "pause" | "resume" | "renew" => output.code == Some(0) || matches!(output.code, Some(1 | 4)) && told,
        _ => false,
    };
    assert!(fits, "{verb} {output}");
}

/// Every two of them meet.
#[test]
fn all_verbs_on_one() {
    let home = Home::new();
    let verbs = ["exec", "stop", "rm", "pause", "resume", "renew", "prune", "list"];
    for round in 0..verbs.len() {
        let id = home.create(&[]);
        let mut children = vec![];
        for step in 0..verbs.len() {
            let verb = verbs[(round + step) % verbs.len()];
            let args: &[&str] = match verb {
                "exec" => &["exec", &id, "true"],
                "prune" => &["prune"],
                "list" => &["list", "--all"],
                verb => &[verb, &id],
            };
            children.push((verb, home.spawn(args)));
        }
        for (verb, child) in children {
            // A call to a box that is paused meanwhile waits until somebody stops it, which is done here.
            fits(verb, &home.finish(child));
        }
    }
    home.settle();
}

#[test]
fn two_of_the_same() {
    as_both(|home| {
        for verb in ["pause", "resume", "renew", "stop", "rm"] {
            let id = home.create(&[]);
            home.sh(&id, "mkdir -p a/b/c d; touch a/b/c/f d/f d/g");
            let children: Vec<_> = (0..3).map(|_| home.spawn(&[verb, &id])).collect();
            for child in children {
                let output = home.finish(child);
                assert_eq!(output.code, Some(0), "{verb} {output}");
            }
        }
        home.settle();
    });
}

/// What is made while everything is removed again and again is either there and listed, or gone.
#[test]
fn made_while_all_are_removed() {
    let home = &Home::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let remover = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for verb in [&["list", "--all"][..], &["rm", "--all"], &["prune"]] {
                    let output = home.sandbox(verb);
                    assert_eq!(output.code, Some(0), "{output}");
                }
            }
        });
        let makers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..8 {
                        let output = home.sandbox(&["create", "--backend", "local"]);
                        let removed = output.stderr.contains("was removed while it was being made");
                        assert!(output.code == Some(0) || output.code == Some(1) && removed, "{output}");
                    }
                })
            })
            .collect();
        for maker in makers {
            maker.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        remover.join().unwrap();
    });
    home.settle();
}

#[test]
fn no_more_than_there_may_be_at_once() {
    let home = Home::new();
    let children: Vec<_> = (0..8).map(|_| home.spawn(&["create", "--backend", "local", "--max-count", "3"])).collect();
    let outputs: Vec<_> = children.into_iter().map(|child| home.finish(child)).collect();
    let made = outputs.iter().filter(|output| output.code == Some(0)).count();
    assert_eq!(made, 3, "{outputs:?}");
    for output in outputs.iter().filter(|output| output.code != Some(0)) {
        assert!(output.stderr.starts_with("error: the limit of sandboxes, 3, is reached\n"), "{output}");
    }
    assert_eq!(home.list().len(), 3);
    home.settle();
}
