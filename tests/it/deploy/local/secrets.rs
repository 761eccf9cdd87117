//! Secrets are in the memory of processes, and nowhere else.

use std::path::Path;

use super::Home;

/// Whether any file below `folder` holds `text`, or has it in its name.
fn holds(folder: &Path, text: &str) -> Option<String> {
    walk(folder).into_iter().find(|path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        path.contains(text) || bytes.windows(text.len()).any(|part| part == text.as_bytes())
    })
}

fn walk(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path()),
            Ok(kind) if kind.is_file() => vec![entry.path().display().to_string()],
            _ => vec![],
        })
        .collect()
}

#[test]
fn no_file_and_no_command_line_has_them() {
    let home = Home::new();
    home.agent("serve: {tokens: [{name: web, value: \"${GREETING}\"}]}\n");
    let made = home.deploy(&["-E", "MORE=s3cret-of-flag"]);
    home.answers();
    let (supervisor, server) = home.processes();
    for secret in ["hello-token", "s3cret-of-flag"] {
        assert_eq!(holds(&home.env.home(), secret), None);
        assert!(!made.to_string().contains(secret));
        for pid in [supervisor, server] {
            for file in ["cmdline", "environ"] {
                let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
                assert!(!String::from_utf8_lossy(&text).contains(secret), "{file}");
            }
        }
    }
}

#[test]
fn a_rollback_has_them_where_they_are_the_same_and_asks_for_them_where_not() {
    let home = Home::new();
    let agent = "serve: {tokens: [{name: web, value: \"${WEB_TOKEN}\"}]}\n";
    home.agent(agent);
    home.deploy(&["-E", "WEB_TOKEN=one"]);
    home.agent(&format!("description: changed\n{agent}"));
    home.deploy(&["-E", "WEB_TOKEN=one"]);
    assert_eq!(home.run(&["rollback", "demo"]).code, Some(0));
    // Another value, which is all that the supervisor has now.
    assert_eq!(home.deploy(&["-E", "WEB_TOKEN=two"])["revision"], 3);
    insta::assert_snapshot!(home.run(&["rollback", "demo"]), @"
    exit 2
    --- stderr
    error: revision 2 of `local/demo` needs `WEB_TOKEN` again
    hint: secrets are in the memory of what runs alone: set the variables, and try again
    ");
    home.answers();
    let mut command = home.env.command(&["rollback", "demo"]);
    command.env("WEB_TOKEN", "one");
    let back = home.env.finish(command, b"");
    assert_eq!(back.code, Some(0), "{back}");
    assert_eq!(home.run(&["stop", "demo"]).code, Some(0));
    let stopped = home.run(&["rollback", "demo", "--to", "3"]);
    assert!(stopped.code == Some(2) && stopped.stderr.contains("needs `WEB_TOKEN` again"), "{stopped}");
}

#[test]
fn another_value_is_another_revision_and_no_plan_shows_it() {
    let home = Home::new();
    home.agent("");
    home.deploy(&["-E", "KEY=one"]);
    let plan = home.run(&["deploy", "local", "--plan", "-E", "KEY=two"]);
    assert!(plan.stdout.contains("~ secrets.KEY: a secret -> another secret"), "{plan}");
    assert!(!plan.to_string().contains("two"), "{plan}");
    assert_eq!(home.deploy(&["-E", "KEY=two"])["revision"], 2);
}
