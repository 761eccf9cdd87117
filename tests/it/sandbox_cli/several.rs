use std::io::{BufRead as _, BufReader};

use super::{Home, settled, spawn};

#[test]
fn several_at_once_by_what_they_have_in_common() {
    let home = Home::new();
    let one = home.create(&["--label", "job=a"]);
    home.create(&["--label", "job=b"]);
    home.create(&["--label", "job=b", "--label", "keep"]);
    settled().bind(|| {
        insta::assert_snapshot!(home.sandbox(&["stop", "--label", "job=b"]), @"
        exit 0
        --- stdout
        [two]
        [three]
        ");
        insta::assert_snapshot!(home.sandbox(&["list", "--state", "stopped"]), @"
        exit 0
        --- stdout
        ID            TYPE  BACKEND  TIER  STATE    SESSION  AGE  CPU  MEMORY  IDLE
        [two]  base  host     none  stopped  -        [AGE]   -    -       -
        [three]  base  host     none  stopped  -        [AGE]   -    -       -
        ");
        insta::assert_snapshot!(home.sandbox(&["list", "--label", "keep", "--all"]), @"
        exit 0
        --- stdout
        ID            TYPE  BACKEND  TIER  STATE    SESSION  AGE  CPU  MEMORY  IDLE
        [three]  base  host     none  stopped  -        [AGE]   -    -       -
        ");
        // A slip of the pen does nothing.
        insta::assert_snapshot!(home.sandbox(&["rm", &one, "nope"]), @"
        exit 4
        --- stderr
        error: there is no sandbox `nope`
        hint: `agentscope sandbox list --all` shows those that exist
        ");
        insta::assert_snapshot!(home.sandbox(&["rm"]), @"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          <ID>...

        Usage: agentscope sandbox rm <ID>...

        For more information, try '--help'.
        ");
        insta::assert_snapshot!(home.sandbox(&["rm", &one, "--all"]), @"
        exit 2
        --- stderr
        error: the argument '[ID]...' cannot be used with '--all'

        Usage: agentscope sandbox rm <ID>...

        For more information, try '--help'.
        ");
        insta::assert_snapshot!(home.sandbox(&["prune", "--older-than", "1h"]), @"
        exit 0
        --- stderr
        nothing to delete
        ");
        insta::assert_snapshot!(home.sandbox(&["prune"]), @"
        exit 0
        --- stdout
        [two]
        [three]
        ");
        // One that is gone is gone.
        insta::assert_snapshot!(home.sandbox(&["rm", &one, &one]), @"
        exit 0
        --- stdout
        [one]
        ");
        insta::assert_snapshot!(home.sandbox(&["rm", &one]), @"exit 0");
        insta::assert_snapshot!(home.sandbox(&["rm", "--label", "job"]), @"
        exit 0
        --- stderr
        no sandbox fits
        ");
    });
    assert_eq!(home.folders(), 0);
}

#[test]
fn nothing_yet() {
    let home = Home::new();
    insta::assert_snapshot!(home.sandbox(&["logs", "--audit", "-o", "json"]), @"
    exit 0
    --- stdout
    []
    ");
    insta::assert_snapshot!(home.sandbox(&["list", "-o", "json"]), @"
    exit 0
    --- stdout
    []
    ");
    insta::assert_snapshot!(home.sandbox(&["inspect", "abc"]), @"
    exit 4
    --- stderr
    error: there is no sandbox `abc`
    hint: `agentscope sandbox list --all` shows those that exist
    ");
}

#[test]
fn each_says_what_it_did_as_json_too() {
    let home = Home::new();
    let (one, two) = (home.create(&["--label", "job"]), home.create(&["--label", "job"]));
    settled().bind(|| {
        for verb in ["pause", "resume"] {
            assert_eq!(
                home.sandbox(&[verb, "--label", "job", "-o", "json"]).stdout,
                "[\n  {\n    \"id\": \"[one]\"\n  },\n  {\n    \"id\": \"[two]\"\n  }\n]\n"
            );
        }
        insta::assert_snapshot!(home.sandbox(&["renew", &one, "-o", "json"]), @r#"
        exit 0
        --- stdout
        [
          {
            "id": "[one]",
            "expires": "[TIME]"
          }
        ]
        "#);
        insta::assert_snapshot!(home.sandbox(&["stop", &two, "-o", "json"]), @r#"
        exit 0
        --- stdout
        [
          {
            "id": "[two]"
          }
        ]
        "#);
        // What failed is not among what was done.
        insta::assert_snapshot!(home.sandbox(&["renew", &two, &one, "-o", "json"]), @r#"
        exit 1
        --- stdout
        [
          {
            "id": "[one]",
            "expires": "[TIME]"
          }
        ]
        --- stderr
        error: the sandbox `[two]` is stopped
        hint: one that is stopped does not start again; `agentscope sandbox create` makes another
        "#);
        home.0.write("given", "given");
        let inside = format!("{one}:");
        insta::assert_snapshot!(home.sandbox(&["cp", "given", &inside, "-o", "json"]), @r#"
        exit 0
        --- stdout
        {
          "files": 1,
          "folders": 0,
          "links": 0,
          "bytes": 5
        }
        "#);
        insta::assert_snapshot!(home.sandbox(&["prune", "--dry-run", "-o", "json"]), @r#"
        exit 0
        --- stdout
        {
          "sandboxes": [
            "[two]"
          ],
          "package_sets": 0,
          "dry_run": true
        }
        "#);
        insta::assert_snapshot!(home.sandbox(&["prune", "-o", "json"]), @r#"
        exit 0
        --- stdout
        {
          "sandboxes": [
            "[two]"
          ],
          "package_sets": 0,
          "dry_run": false
        }
        "#);
        insta::assert_snapshot!(home.sandbox(&["rm", "--all", "-o", "json"]), @r#"
        exit 0
        --- stdout
        [
          {
            "id": "[one]"
          }
        ]
        "#);
        insta::assert_snapshot!(home.sandbox(&["stop", "--all", "-o", "json"]), @"
        exit 0
        --- stdout
        []
        --- stderr
        no sandbox fits
        ");
    });
}

#[test]
fn what_fits_nothing_is_said() {
    let home = Home::new();
    let one = home.create(&[]);
    insta::assert_snapshot!(home.sandbox(&["list", "--label", "other"]), @"
    exit 0
    --- stderr
    no sandbox fits; `agentscope sandbox list --all` shows those that exist
    ");
    insta::assert_snapshot!(home.sandbox(&["logs", "--audit", "nope"]), @"
    exit 4
    --- stderr
    error: there is no sandbox `nope`
    hint: `agentscope sandbox list --all` shows those that exist
    ");
    insta::assert_snapshot!(home.sandbox(&["logs", &one]), @"
    exit 0
    --- stderr
    its daemon said nothing; `agentscope sandbox logs --audit [one]` shows what was done
    ");
}

/// Until the sandbox ends, and what was there before too.
#[test]
fn the_audit_log_is_followed() {
    let home = Home::new();
    let one = home.create(&[]);
    let mut child = spawn(&home, &["logs", "--audit", "-f", "-o", "json", &one]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<serde_json::Value>(&lines.next()?.unwrap()).ok();
    assert_eq!(next().unwrap()["action"], "create");
    assert_eq!(home.sandbox(&["exec", &one, "true"]).code, Some(0));
    let ran = next().unwrap();
    assert_eq!((&ran["action"], &ran["argv"][0], &ran["exit"]), (&"exec".into(), &"true".into(), &0.into()));
    assert_eq!(home.sandbox(&["stop", &one]).code, Some(0));
    assert_eq!(next().unwrap()["action"], "stop");
    assert_eq!(next(), None);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// What could not hold even the daemon inside is refused before anything is made.
#[test]
fn limits_too_low_to_start_with() {
    let home = Home::new();
    insta::assert_snapshot!(home.sandbox(&["create", "--backend", "host", "--memory", "1Ki"]), @"
    exit 1
    --- stderr
    error: a sandbox cannot start with so little memory
    hint: give it 16Mi or more
    ");
    insta::assert_snapshot!(home.sandbox(&["create", "--backend", "host", "--pids", "0"]), @"
    exit 1
    --- stderr
    error: a sandbox cannot start with so few processes
    hint: give it 4 or more
    ");
    assert_eq!(home.folders(), 0);
}
