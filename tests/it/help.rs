//! The command line itself: help, version, completions, man pages.

use std::{collections::BTreeMap, fs, path::Path};

use crate::common::TestEnv;

/// The files below `folder` of the repository, by name.
fn checked_in(folder: &str) -> BTreeMap<String, String> {
    fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()))
        .collect()
}

#[test]
fn help_of_every_verb() {
    fn collect(command: &clap::Command, path: &[&str], env: &TestEnv, text: &mut String) {
        let args: Vec<_> = path.iter().copied().chain(["--help"]).collect();
        let output = env.run(&args);
        assert_eq!(output.code, Some(0), "{output}");
        text.push_str(&format!("$ agentscope {}\n{}\n", args.join(" "), output.stdout));
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set()) {
            collect(sub, &[path, &[sub.get_name()]].concat(), env, text);
        }
    }
    let mut text = String::new();
    collect(&agentscope::cli::command(), &[], &TestEnv::new(), &mut text);
    insta::assert_snapshot!("help", text);
}

#[test]
fn version_names_the_program() {
    let output = TestEnv::new().run(&["--version"]);
    assert_eq!(output.to_string(), format!("exit 0\n--- stdout\nagentscope {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn nothing_to_do_and_unknown_verbs_are_wrong_usage() {
    let env = TestEnv::new();
    assert_eq!(env.run(&[]).code, Some(2));
    insta::assert_snapshot!(env.run(&["caht"]), @"
    exit 2
    --- stderr
    error: unrecognized subcommand 'caht'

      tip: a similar subcommand exists: 'chat'

    Usage: agentscope [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn checked_in_completions_are_current() {
    let env = TestEnv::new();
    let files = checked_in("completions");
    assert_eq!(files.len(), 5, "bash, elvish, fish, powershell, zsh");
    for (file, text) in files {
        let shell = file.strip_prefix("agentscope.").unwrap();
        assert!(env.run(&["completions", shell]).stdout == text, "{file} is old: run `dev/generate`");
    }
}

#[test]
fn checked_in_man_pages_are_current() {
    let env = TestEnv::new();
    let output = env.run(&["man", "--output", "man"]);
    assert_eq!(output.code, Some(0), "{output}");
    let fresh: BTreeMap<_, _> = fs::read_dir(env.work().join("man"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()))
        .collect();
    assert!(fresh == checked_in("man"), "the man pages are old: run `dev/generate`");
}
