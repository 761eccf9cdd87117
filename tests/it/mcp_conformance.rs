//! What the authors of MCP check clients and servers with, @modelcontextprotocol/conformance: `agentscope mcp test URL`
//! against its servers, and its client against `/mcp`. Of the versions that begin with a handshake: those are spoken.

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::common::{TestEnv, require, serve::Server};

/// Of a client. Those of 2025-11-25, then those of older versions alone.
const CLIENT: &[&str] = &[
    "auth/basic-cimd",
    "auth/metadata-default",
    "auth/metadata-var1",
    "auth/metadata-var2",
    "auth/metadata-var3",
    "auth/pre-registration",
    "auth/scope-from-scopes-supported",
    "auth/scope-from-www-authenticate",
    "auth/scope-omitted-when-undefined",
    "auth/scope-retry-limit",
    "auth/scope-step-up",
    "auth/token-endpoint-auth-basic",
    "auth/token-endpoint-auth-none",
    "auth/token-endpoint-auth-post",
    "elicitation-sep1034-client-defaults",
    "initialize",
    "sse-retry",
    "tools_call",
];
const OLD_CLIENT: &[&str] = &["auth/2025-03-26-oauth-endpoint-fallback", "auth/2025-03-26-oauth-metadata-backcompat"];

/// And why each does not pass.
const CLIENT_KNOWN: &[(&str, &str)] = &[(
    "json-schema-2020-12-preservation",
    "wants the schema of one tool as the argument of another, and `mcp test` shows names",
)];

/// Of a server; all that need neither tools by certain names nor what an agent does not offer.
const SERVER: &[&str] = &[
    "dns-rebinding-protection",
    "ping",
    "server-initialize",
    "server-session-lifecycle",
    "server-sse-multiple-streams",
    "tools-list",
];

const TOOLS: &str = "wants tools by certain names";
const SERVER_KNOWN: &[(&str, &str)] = &[
    ("completion-complete", "an agent has no prompts or resources to complete the arguments of"),
    ("elicitation-sep1034-defaults", TOOLS),
    ("elicitation-sep1330-enums", TOOLS),
    ("json-schema-2020-12", TOOLS),
    ("logging-set-level", "an agent offers no log"),
    ("prompts-get-embedded-resource", "an agent offers no prompts"),
    ("prompts-get-simple", "an agent offers no prompts"),
    ("prompts-get-with-args", "an agent offers no prompts"),
    ("prompts-get-with-image", "an agent offers no prompts"),
    ("prompts-list", "an agent offers no prompts"),
    ("resources-list", "an agent offers no resources"),
    ("resources-read-binary", "an agent offers no resources"),
    ("resources-read-text", "an agent offers no resources"),
    ("resources-subscribe", "an agent offers no resources"),
    ("resources-templates-read", "an agent offers no resources"),
    ("resources-unsubscribe", "an agent offers no resources"),
    ("server-sse-polling", TOOLS),
    ("tools-call-audio", TOOLS),
    ("tools-call-elicitation", TOOLS),
    ("tools-call-embedded-resource", TOOLS),
    ("tools-call-error", TOOLS),
    ("tools-call-image", TOOLS),
    ("tools-call-mixed-content", TOOLS),
    ("tools-call-sampling", TOOLS),
    ("tools-call-simple-text", TOOLS),
    ("tools-call-with-logging", TOOLS),
    ("tools-call-with-progress", TOOLS),
];

/// The folder of the packages, one of them the Node.js that the suite needs.
fn packages() -> Option<PathBuf> {
    let modules = std::env::var_os("AGENTSCOPE_TEST_MCP_CONFORMANCE").map(PathBuf::from);
    let found = modules.filter(|modules| modules.join("@modelcontextprotocol/conformance/package.json").exists());
    require::available("mcp-conformance", found.is_some()).then(|| found.unwrap())
}

fn suite(packages: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(packages.join("node/bin/node"));
    command.arg(packages.join("@modelcontextprotocol/conformance/dist/index.js")).args(args);
    command
}

/// Runs the suite; by scenario, what failed.
fn run(mut command: Command, results: &Path) -> BTreeMap<String, Vec<String>> {
    let output = command.arg("-o").arg(results).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let mut found = BTreeMap::new();
    for (folder, prefix) in [(results.to_owned(), ""), (results.join("auth"), "auth/")] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            let Ok(checks) = std::fs::read(entry.path().join("checks.json")) else { continue };
            let name = entry.file_name().into_string().unwrap();
            // A time stands at its end, such as `-2026-11-27T00-17-04-625Z`.
            let name = format!("{prefix}{}", &name[..name.len() - "-2026-11-27T00-17-04-625Z".len()]);
            let checks: Vec<Value> = serde_json::from_slice(&checks).unwrap();
            found.insert(name, failed(&checks));
        }
    }
    assert!(!found.is_empty(), "{said}");
    for (name, failed) in found.iter().filter(|(_, failed)| !failed.is_empty()) {
        eprintln!("{name}: {failed:#?}");
    }
    found
}

fn failed(checks: &[Value]) -> Vec<String> {
    let wrong = |check: &&Value| match check["status"].as_str().unwrap() {
        // How late it comes back depends on the machine.
        "FAILURE" | "WARNING" if check["id"] == "client-sse-retry-timing" => check["details"]["tooEarly"] == true,
        status => matches!(status, "FAILURE" | "WARNING"),
    };
    let mut failed: Vec<String> = checks.iter().filter(wrong).map(|check| check.to_string()).collect();
    if !checks.iter().any(|check| check["status"] == "SUCCESS") {
        failed.push("nothing was checked".to_owned());
    }
    failed
}

fn expect(found: &BTreeMap<String, Vec<String>>, passing: &[&str], known: &[(&str, &str)]) {
    let (good, bad): (Vec<_>, Vec<_>) = found.iter().partition(|(_, failed)| failed.is_empty());
    let names =
        |found: Vec<(&String, &Vec<String>)>| found.into_iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(good), passing);
    assert_eq!(names(bad), known.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}

/// An environment whose browser consents to everything.
fn client(packages: &Path, env: &TestEnv, args: &[&str]) -> Command {
    let node = packages.join("node/bin/node");
    let browser = format!("#!/bin/sh\nexec '{}' -e 'fetch(process.argv[1])' \"$1\"\n", node.display());
    let browser = env.write("bin/xdg-open", browser);
    std::fs::set_permissions(browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/mcp/conformance.mjs");
    let tested = format!("{} {}", node.display(), program.display());
    let mut command = suite(packages, &["client", "--command", &tested, "--suite", "all", "--timeout", "120000"]);
    let path = format!("{}:{}", env.work().join("bin").display(), std::env::var("PATH").unwrap());
    command
        .args(args)
        .env("PATH", path)
        .env("AGENTSCOPE", env!("CARGO_BIN_EXE_agentscope"))
        .env("AGENTSCOPE_TEST_HOME", env.home());
    command
}

#[test]
fn our_client_does_what_the_protocol_says() {
    let Some(packages) = packages() else { return };
    let env = TestEnv::new();
    let found = run(client(&packages, &env, &["--spec-version", "2025-11-25"]), &env.work().join("results"));
    expect(&found, CLIENT, CLIENT_KNOWN);
    let found = run(client(&packages, &env, &["--spec-version", "2025-03-26"]), &env.work().join("old"));
    expect(&found, OLD_CLIENT, &[]);
}

#[test]
fn our_server_does_what_the_protocol_says() {
    let Some(packages) = packages() else { return };
    let server = Server::start("name: helper\nmodel: demo\ntools: [todo, ask_user]\n");
    let args = ["server", "--url", &server.at("/mcp"), "--suite", "all", "--spec-version", "2025-11-25"];
    let found = run(suite(&packages, &args), &server.env.work().join("results"));
    let found = found.into_iter().map(|(name, failed)| (name.replacen("server-", "", 1), failed)).collect();
    expect(&found, SERVER, SERVER_KNOWN);
}
