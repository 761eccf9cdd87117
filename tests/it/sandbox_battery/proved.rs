//! `sandbox doctor --prove`, as a user sees it.

use std::process::Command;

use agentscope::sandbox::prove::ATTEMPTS;
use serde_json::Value;

use super::TIERS;
use crate::common::{
    TestEnv,
    local::{as_each, program},
};

#[test]
fn every_attempt_is_shown_with_what_blocked_it() {
    let env = TestEnv::new();
    let output = env.run(&["sandbox", "doctor", "--prove", "--backend", "local", "-o", "json"]);
    assert_eq!(output.code, Some(0), "{output}");
    let proofs: Value = serde_json::from_str(&output.stdout).unwrap();
    let tried = proofs[0]["tried"].as_array().unwrap();
    assert_eq!(tried.len(), ATTEMPTS.len());
    assert!(tried.iter().all(|tried| tried["verdict"] != "escaped"), "{output}");
    insta::assert_json_snapshot!(tried[0], @r#"
    {
      "number": 1,
      "name": "read a file of yours",
      "tries": "read a file outside by its path",
      "layer": "mount namespace",
      "verdict": "blocked",
      "how": "ENOENT"
    }
    "#);
    // It leaves nothing.
    assert_eq!(env.run(&["sandbox", "list", "--all", "-o", "json"]).stdout.trim(), "[]");
}

/// On the folder itself where that can be, so that the daemon of an ordinary user's box is one that can be entered.
#[test]
fn it_holds_for_everybody_in_every_tier() {
    as_each(TIERS, |who, tier| async move {
        let home = tempfile::tempdir().unwrap();
        let output = Command::new(program())
            .args(["sandbox", "doctor", "--prove", "--backend", "local", "-o", "json"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("AGENTSCOPE_HOME", home.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{who:?}, tier {tier}: {said}");
        let proofs: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(proofs[0]["tier"], tier.to_string());
        let blocked = proofs[0]["tried"].as_array().unwrap().iter().filter(|tried| tried["verdict"] == "blocked");
        assert_eq!(blocked.count(), ATTEMPTS.len(), "{who:?}, tier {tier}: {said}");
    });
}

#[test]
fn a_backend_without_isolation_is_shown_for_what_it_is() {
    let output = TestEnv::new().run(&["sandbox", "doctor", "--prove", "--backend", "host"]);
    assert_eq!(output.code, Some(1), "{output}");
    let first = output.stdout.lines().take(4).collect::<Vec<_>>().join("\n");
    assert!(
        first.starts_with("host: tier none, tried from inside to\n\n  isolation\n    ESCAPED    read a file of yours"),
        "{output}"
    );
    assert!(!output.stdout.contains(" 0 escaped"), "{output}");
}

#[test]
fn one_backend_is_chosen_only_to_prove_it() {
    let output = TestEnv::new().run(&["sandbox", "doctor", "--backend", "local"]);
    assert_eq!(output.code, Some(2), "{output}");
}
