//! To a real registry and back.

use base64::Engine as _;

use super::{build, executable, project};
use crate::common::{TestEnv, registry::Registry};

#[test]
fn only_what_a_registry_lacks_is_sent() {
    let Some(registry) = Registry::start() else { return };
    let env = TestEnv::new();
    project(&env);
    let to = format!("{}/agents/demo", registry.host);
    let (output, first) = build(&env, &["team", "--push", &to]);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(first["image"], format!("{to}@{}", first["digest"].as_str().unwrap()));
    // Two layers and the configuration; the manifest is no blob, but kept as one.
    assert_eq!((first["pushed"]["blobs"].as_u64(), registry.blobs()), (Some(3), 4));
    let (_, again) = build(&env, &["team", "--push", &to]);
    assert_eq!((again["pushed"]["unchanged"].as_bool(), again["pushed"]["blobs"].as_u64()), (Some(true), Some(0)));
    assert_eq!(first["digest"], again["digest"]);
    env.write("team/prompt.md", "Be long.");
    let (_, changed) = build(&env, &["team", "--push", &format!("{to}:latest")]);
    assert_eq!(changed["pushed"]["blobs"], 2);
    assert_eq!(changed["pushed"]["reference"], format!("{to}:latest"));
    assert_eq!(registry.blobs(), 7);
}

#[test]
fn an_image_is_built_on_one_of_a_registry() {
    let Some(registry) = Registry::start() else { return };
    let env = TestEnv::new();
    project(&env);
    let base = format!("{}/base:1", registry.host);
    let (output, below) = build(&env, &["other", "--push", &base]);
    assert_eq!(output.code, Some(0), "{output}");
    // Another machine, which has nothing of it.
    let env = TestEnv::new();
    project(&env);
    let (output, result) =
        build(&env, &["team", "--base", &base, "--output-oci", "image", "--push", &format!("{}/demo", registry.host)]);
    assert_eq!(output.code, Some(0), "{output}");
    let digests = |value: &serde_json::Value| -> Vec<_> {
        value["layers"].as_array().unwrap().iter().map(|layer| layer["digest"].clone()).collect()
    };
    assert_eq!(digests(&result)[..2], digests(&below)[..]);
    assert_eq!(digests(&result).len(), 4);
    insta::assert_json_snapshot!(result["warnings"], @"[]");
    let (missing, _) = build(&env, &["team", "--base", &format!("{}/none:1", registry.host), "--output-oci", "image"]);
    insta::assert_snapshot!(missing.to_string().replace(&registry.host, "[HOST]"), @"
    exit 4
    --- stderr
    asking [HOST] for none
    error: the registry `[HOST]` has no image `[HOST]/none:1`
    hint: look at its name and tag; a registry may also say so to who has no right to see it
    ");
}

#[test]
fn the_login_of_docker_is_used() {
    let Some(registry) = Registry::start_locked() else { return };
    let env = TestEnv::new();
    project(&env);
    let to = format!("{}/demo", registry.host);
    let shown = |output: &crate::common::Output| output.to_string().replace(&registry.host, "[HOST]");
    let (output, _) = build(&env, &["team", "--push", &to]);
    insta::assert_snapshot!(shown(&output), @"
    exit 1
    --- stderr
    packing our executable
    packing the agent
    asking [HOST] what it has
    error: the registry `[HOST]` does not let anybody write to `demo`
    hint: `docker login [HOST]` keeps a login, which is used here as well
    ");
    let auth = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let config = |auth: &str| format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, registry.host);
    env.write("../.docker/config.json", config(&auth("ann:wrong")));
    let (output, _) = build(&env, &["team", "--push", &to]);
    insta::assert_snapshot!(shown(&output), @"
    exit 1
    --- stderr
    packing our executable
    packing the agent
    asking [HOST] what it has
    error: the registry `[HOST]` does not let `ann` write to `demo`
    hint: ask for the right, or log in as somebody who has it with `docker login`
    ");
    env.write("../.docker/config.json", config(&auth("ann:pass-word")));
    let (output, _) = build(&env, &["team", "--push", &to]);
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn a_credential_helper_is_asked() {
    let Some(registry) = Registry::start_locked() else { return };
    let mut env = TestEnv::new();
    project(&env);
    let helper = env.write(
        "../bin/docker-credential-test",
        format!("#!/bin/sh\nread at || :\n[ \"$1 $at\" = 'get {}' ] || exit 1\necho '{{\"Username\": \"ann\", \"Secret\": \"pass-word\"}}'\n", registry.host),
    );
    executable(&helper);
    let path = format!("{}:{}", helper.parent().unwrap().display(), std::env::var("PATH").unwrap());
    env = env.var("PATH", path);
    env.write("../.docker/config.json", r#"{"credsStore": "test"}"#);
    let (output, _) = build(&env, &["team", "--push", &format!("{}/demo", registry.host)]);
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn a_registry_that_is_not_there_or_not_named() {
    let env = TestEnv::new();
    project(&env);
    let (output, _) = build(&env, &["team", "--push", "127.0.0.1:1/demo"]);
    insta::assert_snapshot!(output, @"
    exit 1
    --- stderr
    packing our executable
    packing the agent
    asking 127.0.0.1:1 what it has
    error: could not reach the registry `127.0.0.1:1`
      because: error sending request
      because: client error (Connect)
      because: tcp connect error
      because: Connection refused (os error 111)
    hint: registries on this machine are asked over http, all others over https
    ");
    let (output, _) = build(&env, &["team", "--push", "ann/demo"]);
    insta::assert_snapshot!(output, @"
    exit 2
    --- stderr
    error: `ann/demo` is not the name of an image in a registry: the registry is missing
    hint: it looks like `registry.example/agents/demo` or `127.0.0.1:5000/demo:1`
    ");
    let (output, _) = build(&env, &["team", "--push", "registry.example/demo", "--offline"]);
    insta::assert_snapshot!(output, @"
    exit 1
    --- stderr
    packing our executable
    packing the agent
    error: `--offline` forbids the call to `registry.example`
    ");
}
