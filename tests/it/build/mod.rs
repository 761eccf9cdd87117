//! `agentscope build`: what is in an image, what never is, and who gets it.

mod engine;
mod layout;
mod registry;
mod secrets;

use std::path::PathBuf;

use serde_json::Value;
use sha2::Digest as _;

use crate::common::{Output, TestEnv};

/// An agent with everything that can be in an image, and things beside it that must not be.
fn project(env: &TestEnv) {
    env.write(
        "team/agent.yaml",
        "name: demo\nmetadata: {version: 1.2.0, license: MIT}\ndescription: Knows the shop\nmodel: demo\n\
         instructions_file: prompt.md\nskills: [../skills/shop]\nmcp_file: .mcp.json\ntools:\n- openapi: {spec: shop.yaml}\n\
         - agent: {file: ../other/agent.yaml}\nmcp:\n  local: {command: ./tools/server, args: [--data, tools/data.json, \"8\"]}\n\
         \x20 time: {command: uvx, args: [mcp-server-time]}\nhooks:\n  before_tool: [{match: fetch, run: [./guard.sh]}]\n\
         serve: {port: 8091, tokens: [{name: web, value: \"${WEB_TOKEN}\"}]}\n",
    );
    env.write("team/prompt.md", "Be brief.");
    env.write("team/.mcp.json", r#"{"mcpServers": {"docs": {"url": "https://docs.example/mcp"}}}"#);
    env.write("team/shop.yaml", SHOP);
    env.write("team/tools/server", "#!/usr/bin/env python3\nprint()\n");
    env.write("team/tools/data.json", "{}");
    env.write("team/tools/unused.txt", "not named");
    env.write("team/guard.sh", "#!/bin/sh\nexit 0\n");
    env.write("team/.env", "WEB_TOKEN=hidden\n");
    env.write("skills/shop/SKILL.md", "---\nname: shop\ndescription: Sells\n---\nSell.\n");
    env.write("skills/shop/notes/prices.txt", "1\n");
    env.write("skills/shop/.git/config", "[remote]\n");
    env.write("other/agent.yaml", "name: other\nmodel: demo\ninstructions_file: deep/prompt.md\n");
    env.write("other/deep/prompt.md", "Think.");
    executable(&env.work().join("team/tools/server"));
    executable(&env.work().join("team/guard.sh"));
}

const SHOP: &str = "openapi: 3.0.0\ninfo: {title: shop, version: '1'}\nservers: [{url: https://shop.example}]\npaths:\n  \
                    /things: {get: {operationId: list, responses: {'200': {description: ok}}}}\n";

fn executable(path: &std::path::Path) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

/// What passes for our executable, static and for Linux; nobody runs it.
fn binary(env: &TestEnv) -> PathBuf {
    let mut file = vec![0; 64 + 56];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    file[18] = 62;
    file[32] = 64;
    file[54] = 56;
    file[56] = 1;
    file[64] = 1;
    file.extend(concat!("\u{1e}agentscope ", env!("CARGO_PKG_VERSION"), " runs in boxes\u{1e}").as_bytes());
    env.write("../agentscope-static", file)
}

/// `build` with an executable that is none, and the result as JSON.
fn build(env: &TestEnv, args: &[&str]) -> (Output, Value) {
    let binary = binary(env).display().to_string();
    let output = env.run(&[&["build"], args, &["--runtime-binary", &binary, "-o", "json"]].concat());
    let value = serde_json::from_str(&output.stdout).unwrap_or(Value::Null);
    (output, value)
}

fn sha256(bytes: &[u8]) -> String {
    let hex: String = sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
