//! What people meet: whole messages, as they are printed.

use std::path::Path;

use insta::assert_snapshot;

use super::*;
use crate::config::Secret;

fn lookup(name: &str) -> Option<Secret> {
    match name {
        "PORT" => Some("9000".into()),
        "ON" => Some("true".into()),
        "WORD" => Some("hunter2".into()),
        _ => None,
    }
}

fn load_text(text: &str) -> Result<Loaded, Diagnostics> {
    load_str("agent.yaml", text, Path::new("/nowhere"), &LoadOptions { profile: None, lookup: &lookup })
}

/// The messages about a file that is wrong.
fn wrong(text: &str) -> String {
    load_text(text).expect_err("this file is wrong").render(Color::No)
}

#[test]
fn everything_has_a_default_but_the_name() {
    let loaded = load_text("name: a\n").unwrap();
    assert_eq!(loaded.file.name, "a");
    assert!(loaded.warnings.is_empty() && loaded.unset.is_empty());
}

#[test]
fn all_errors_come_in_one_go() {
    assert_snapshot!(wrong("name: My Agent\ninstruction: hi\nlimits:\n  steps: many\n  time: 5 parsecs\n  tokens: 5\nmodels:\n  smart: {modle: x}\n"), @"
    error: `My Agent` is not a string
     --> agent.yaml:1:7
      |
    1 | name: My Agent
      |       ^^^^^^^^

    error: `instruction` is not a key of an agent file
     --> agent.yaml:2:1
      |
    2 | instruction: hi
      | ^^^^^^^^^^^
      |
      = help: did you mean `instructions`?

    error: expected a whole number, found a string
     --> agent.yaml:4:10
      |
    4 |   steps: many
      |          ^^^^

    error: `5 parsecs` is not a length of time: write it as `250ms`, `60s`, `5m`, `24h` or `7d`
     --> agent.yaml:5:9
      |
    5 |   time: 5 parsecs
      |         ^^^^^^^^^

    error: `tokens` is not a key of `limits`
     --> agent.yaml:6:3
      |
    6 |   tokens: 5
      |   ^^^^^^
      |
      = help: it is a key of `serve`

    error: `smart` has no `provider`
     --> agent.yaml:8:3
      |
    8 |   smart: {modle: x}
      |   ^^^^^
      |
      = help: `provider`: a provider of the catalogue (`agentscope models` lists them), or `openai-compatible`

    error: `modle` is not a key of `smart`
     --> agent.yaml:8:11
      |
    8 |   smart: {modle: x}
      |           ^^^^^
      |
      = help: did you mean `model`?
    ");
}

#[test]
fn tools() {
    assert_snapshot!(wrong("name: a\ntools:\n  - pyhton\n  - mcp\n  - python: {}\n  - htp: {name: x}\n  - mcp: docs\n    tools: [a]\n  - 5\n  - http: {name: a b, url: 5}\n  - openapi: {spec: x, timeout: soon}\n"), @"
    error: there is no tool `pyhton`
     --> agent.yaml:3:5
      |
    3 |   - pyhton
      |     ^^^^^^
      |
      = help: did you mean `python`?

    error: the tool `mcp` needs to be told more
     --> agent.yaml:4:5
      |
    4 |   - mcp
      |     ^^^
      |
      = help: write it as `- mcp: NAME`, with NAME under `mcp`

    error: the tool `python` takes no settings here
     --> agent.yaml:5:5
      |
    5 |   - python: {}
      |     ^^^^^^^^^^
      |
      = help: write `- python`

    error: there is no tool `htp`
     --> agent.yaml:6:5
      |
    6 |   - htp: {name: x}
      |     ^^^^^^^^^^^^^^
      |
      = help: did you mean `http`?

    error: `tools` cannot stand beside `mcp`: a tool is a mapping with one key
     --> agent.yaml:8:5
      |
    8 |     tools: [a]
      |     ^^^^^
      |
      = help: indent it below `mcp` if it belongs to it, or begin a tool of its own with `- `

    error: expected a tool, found a number
     --> agent.yaml:9:5
      |
    9 |   - 5
      |     ^
      |
      = help: there are `python`, `shell`, `files`, `browser`, `fetch`, `memory`, `todo` and `ask_user`; and with settings `mcp`, `openapi`, `http`, `command`, `agent` and `a2a`

    error: `http` has no `description`
      --> agent.yaml:10:5
       |
    10 |   - http: {name: a b, url: 5}
       |     ^^^^
       |
       = help: `description` is a string

    error: `a b` is not a string
      --> agent.yaml:10:18
       |
    10 |   - http: {name: a b, url: 5}
       |                  ^^^

    error: expected a string, found a number
      --> agent.yaml:10:28
       |
    10 |   - http: {name: a b, url: 5}
       |                            ^
       |
       = help: put quotes around it

    error: `soon` is not a length of time: write it as `250ms`, `60s`, `5m`, `24h` or `7d`
      --> agent.yaml:11:33
       |
    11 |   - openapi: {spec: x, timeout: soon}
       |                                 ^^^^
    ");
}

#[test]
fn types() {
    assert_snapshot!(wrong("name: a\nmetadata: {version: 1.2}\nskills: ./skills\ncontext: {date: yes}\ntools:\nsandbox: {network: some, backend: dokcer, limits: {cpu: 0, memory: lots}}\nserve: {host: localhost, port: 70000}\nmodels: {m: {provider: x, retries: -1, temperature: \"0.5\", effort: extreme}}\n"), @r#"
    error: expected a string, found a number
     --> agent.yaml:2:21
      |
    2 | metadata: {version: 1.2}
      |                     ^^^
      |
      = help: put quotes around it

    error: expected a list, found a string
     --> agent.yaml:3:9
      |
    3 | skills: ./skills
      |         ^^^^^^^^
      |
      = help: write `[./skills]`

    error: expected `true` or `false`, found a string
     --> agent.yaml:4:17
      |
    4 | context: {date: yes}
      |                 ^^^
      |
      = help: write `true`

    error: expected a list, found nothing
     --> agent.yaml:5:1
      |
    5 | tools:
      | ^^^^^
      |
      = help: give it a value, or remove the key

    error: `some` is not one of `none`, `full`, or a mapping
     --> agent.yaml:6:20
      |
    6 | sandbox: {network: some, backend: dokcer, limits: {cpu: 0, memory: lots}}
      |                    ^^^^

    error: `dokcer` is not one of `auto`, `local`, `docker`, `gvisor`, `kubernetes`, `remote`, `host`
     --> agent.yaml:6:35
      |
    6 | sandbox: {network: some, backend: dokcer, limits: {cpu: 0, memory: lots}}
      |                                   ^^^^^^
      |
      = help: did you mean `docker`?

    error: `lots` is not a size: write it as `512Mi`, `1Gi` or a number of bytes
     --> agent.yaml:6:68
      |
    6 | sandbox: {network: some, backend: dokcer, limits: {cpu: 0, memory: lots}}
      |                                                                    ^^^^

    error: `localhost` is not an IP address
     --> agent.yaml:7:15
      |
    7 | serve: {host: localhost, port: 70000}
      |               ^^^^^^^^^

    error: 70000 is too large: the most is 65535
     --> agent.yaml:7:32
      |
    7 | serve: {host: localhost, port: 70000}
      |                                ^^^^^

    error: -1 is too small: the least is 0
     --> agent.yaml:8:36
      |
    8 | models: {m: {provider: x, retries: -1, temperature: "0.5", effort: extreme}}
      |                                    ^^

    error: expected a number, found a string
     --> agent.yaml:8:53
      |
    8 | models: {m: {provider: x, retries: -1, temperature: "0.5", effort: extreme}}
      |                                                     ^^^^^
      |
      = help: remove the quotes

    error: `extreme` is not an effort: write `none`, `low`, `medium`, `high` or a number of tokens
     --> agent.yaml:8:68
      |
    8 | models: {m: {provider: x, retries: -1, temperature: "0.5", effort: extreme}}
      |                                                                    ^^^^^^^
    "#);
}

#[test]
fn references() {
    assert_snapshot!(wrong("name: a\nserve: {port: \"${WORD}\", public_url: \"${bad name}\"}\n"), @r#"
    error: what this is filled in with is not a whole number
     --> agent.yaml:2:15
      |
    2 | serve: {port: "${WORD}", public_url: "${bad name}"}
      |               ^^^^^^^^^
      |
      = help: look at the variable; its value is not shown because it may be a secret

    error: `${bad name}` is not a reference to a variable
     --> agent.yaml:2:38
      |
    2 | serve: {port: "${WORD}", public_url: "${bad name}"}
      |                                      ^^^^^^^^^^^^^
      |
      = help: write ${NAME}, ${NAME:-default} or ${file:PATH}; a dollar itself is written $$
    "#);
    let loaded = load_text("name: a\nserve: {port: \"${PORT}\", public_url: \"http://x/${GONE}\", limits: {concurrency: \"${GONE}\", body: \"${GONE:-1Mi}\"}}\ncontext: {date: \"${ON}\"}\nmodels: {m: {provider: openai, price: {input: \"${GONE}\", output: 1}}}\n").unwrap();
    assert_eq!(loaded.file.serve.port, Some(9000));
    assert_eq!(loaded.file.serve.public_url.as_deref(), Some("http://x/${GONE}"));
    assert_eq!(loaded.file.serve.limits.concurrency, None);
    assert_eq!(loaded.file.serve.limits.body, Some(Bytes(1 << 20)));
    assert!(loaded.file.agent.context.date);
    assert!(loaded.file.models["m"].price.is_none());
    assert_snapshot!(loaded.require(|pointer| pointer.starts_with("/serve")).unwrap_err(), @r#"
    error: the variable `GONE` is not set
     --> agent.yaml:2:38
      |
    2 | serve: {port: "${PORT}", public_url: "http://x/${GONE}", limits: {concurrency: "${GONE}", body: "${GONE:-1Mi}"}}
      |                                      ^^^^^^^^^^^^^^^^^^
      |
      = help: set it, write it into `.env` beside the agent file, or give a default: ${GONE:-…}

    error: the variable `GONE` is not set
     --> agent.yaml:2:80
      |
    2 | serve: {port: "${PORT}", public_url: "http://x/${GONE}", limits: {concurrency: "${GONE}", body: "${GONE:-1Mi}"}}
      |                                                                                ^^^^^^^^^
      |
      = help: set it, write it into `.env` beside the agent file, or give a default: ${GONE:-…}
    "#);
}

#[test]
fn not_yaml() {
    let mut all = String::new();
    for text in [
        "name: a\nmodels: {m: {provider: openai, api_key: ${KEY}}}\n",
        "name: a\nhandoffs: [${A}, b]\n",
        "name: a\n\tdescription: b\n",
        "name: a\ndescription: b: c\n",
        "name: \"a\n",
        "name: a\nskills: [a, b\n",
        "name: a\nskills:\n  - *.md\n",
        "name: @a\n",
        "name: a\n---\nname: b\n",
        "name: a\nname: b\n",
        "name: !!str a\nx: &x {b: 1}\n<<: *x\n",
        "- name: a\n",
        "",
        "just text",
        "name: a\n? [b]\n: c\n",
    ] {
        all.push_str(&format!("{}\n", wrong(text)));
    }
    assert_snapshot!(all, @r#"
    error: `${KEY}` needs quotes inside of `{…}` and `[…]`
     --> agent.yaml:2:41
      |
    2 | models: {m: {provider: openai, api_key: ${KEY}}}
      |                                         ^^^^^^
      |
      = help: write "${KEY}"

    error: `${A}` needs quotes inside of `{…}` and `[…]`
     --> agent.yaml:2:12
      |
    2 | handoffs: [${A}, b]
      |            ^^^^
      |
      = help: write "${A}"

    error: not valid YAML: while scanning a plain scalar, found a tab
     --> agent.yaml:1:7
      |
    1 | name: a
      |       ^

    error: not valid YAML: mapping values are not allowed in this context
     --> agent.yaml:2:15
      |
    2 | description: b: c
      |               ^
      |
      = help: put quotes around a value that has `: ` in it

    error: not valid YAML: a quoted string is not closed
     --> agent.yaml:1:7
      |
    1 | name: "a
      |       ^

    error: not valid YAML: `[` is not closed
     --> agent.yaml:2:9
      |
    2 | skills: [a, b
      |         ^

    error: not valid YAML: an alias to an anchor that is not defined
     --> agent.yaml:3:5
      |
    3 |   - *.md
      |     ^
      |
      = help: put quotes around a value that begins with `*`

    error: not valid YAML: unexpected character: `@'
     --> agent.yaml:1:7
      |
    1 | name: @a
      |       ^
      |
      = help: put quotes around a value that begins with `@`

    error: a second YAML document begins here
     --> agent.yaml:2:1
      |
    2 | ---
      | ^^^
      |
      = help: keep one agent in a file: remove the `---`

    error: the key `name` stands here a second time
     --> agent.yaml:2:1
      |
    2 | name: b
      | ^^^^
      |
      = help: the first one is in line 1; keep one of them

    error: the tag `!!str` has no meaning in an agent file
     --> agent.yaml:1:13
      |
    1 | name: !!str a
      |             ^
      |
      = help: remove it; a value in quotes is a string

    error: `x` is not a key of an agent file
     --> agent.yaml:2:1
      |
    2 | x: &x {b: 1}
      | ^
      |
      = help: known here are `agents`, `commands`, `context`, `deploy`, `description`, `fetch`, `handoffs`, `hooks`, `instructions`, `instructions_file`, `limits`, `mcp`, `mcp_file`, `metadata`, `model`, `models`, `name`, `output`, `permissions`, `profiles`, `sandbox`, `serve`, `skills`, `storage`, `telemetry`, `tools`, `version` and `welcome`

    error: merge keys (`<<`) are not part of YAML 1.2
     --> agent.yaml:3:1
      |
    3 | <<: *x
      | ^^
      |
      = help: write the keys out, or put what differs into `profiles`

    error: an agent file is a mapping of keys to values
     --> agent.yaml:1:1
      |
    1 | - name: a
      | ^^^^^^^^^
      |
      = help: the smallest one is `name: assistant`

    error: `agent.yaml` is empty
     |
     = help: the smallest agent file is `name: assistant`; `agentscope init` writes a larger one

    error: an agent file is a mapping of keys to values
     --> agent.yaml:1:1
      |
    1 | just text
      | ^^^^^^^^^
      |
      = help: the smallest one is `name: assistant`

    error: a key has to be a name, not a list or a mapping
     --> agent.yaml:2:3
      |
    2 | ? [b]
      |   ^
      |
      = help: put quotes around it if it is meant as text
    "#);
}
