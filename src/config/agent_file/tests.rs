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
    error: `My Agent` is not a name: use lower-case letters, digits and `-`, such as `my-agent`
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
      = help: did you mean `total_tokens`?

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

    error: there is no MCP server `docs`
     --> agent.yaml:7:10
      |
    7 |   - mcp: docs
      |          ^^^^
      |
      = help: add it under `mcp`, with a `command` or a `url`

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

    error: `a b` is not the name of a tool: models take letters, digits, `_` and `-`, up to 64
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

    error: there is no file `x`
      --> agent.yaml:11:21
       |
    11 |   - openapi: {spec: x, timeout: soon}
       |                     ^
       |
       = help: paths are relative to `/nowhere`

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

    error: 0 is too small: the least is 0.001
     --> agent.yaml:6:57
      |
    6 | sandbox: {network: some, backend: dokcer, limits: {cpu: 0, memory: lots}}
      |                                                         ^

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

    error: there is no provider `x`
     --> agent.yaml:8:24
      |
    8 | models: {m: {provider: x, retries: -1, temperature: "0.5", effort: extreme}}
      |                        ^
      |
      = help: there are `openai`, `openai-responses`, `anthropic`, `dashscope`, `gemini`, `deepseek`, `moonshot`, `ollama`, `lmstudio`, `llamacpp`, `vllm`, `openai-compatible` and `demo`; `openai-compatible` takes any server of chat completions

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

    error: not valid YAML: a tab is used for indentation
     --> agent.yaml:2:1
      |
    2 |     description: b
      | ^
      |
      = help: indent with spaces

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

/// The messages about a file beside others.
fn wrong_in(files: &[(&str, &str)]) -> String {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let found = load(&dir.path().join(files[0].0), &LoadOptions { profile: None, lookup: &lookup });
    let text = found.expect_err("this file is wrong").render(Color::No);
    text.replace(&format!("{}/", dir.path().display()), "").replace(&dir.path().display().to_string(), "DIR")
}

#[test]
fn names_that_are_not_there() {
    assert_snapshot!(wrong(
        "name: a
model: opanai/gpt-5-mini
models:
  one: {provider: ollama, fallback: [two, cheep, thre]}
  two: {provider: openai, fallback: [three]}
  three: {provider: openai, fallback: [two]}
tools:
  - agent: reasearcher
  - mcp: doc
  - todo
  - todo
  - a2a: {name: todo, url: other.example}
handoffs: [nobody]
mcp:
  docs: {url: \"https://example.com/mcp\", args: [x]}
  both: {url: \"https://example.com/mcp\", command: x}
  none: {required: true}
  words: {command: npx -y server}
agents:
  researcher: {model: smart, tools: [{agent: writer}]}
  writer: {tools: [{agent: researcher}]}
"
    ), @r#"
    error: there is no provider `opanai`
     --> agent.yaml:2:8
      |
    2 | model: opanai/gpt-5-mini
      |        ^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `openai`?

    error: the model `one` has no `model`
     --> agent.yaml:4:3
      |
    4 |   one: {provider: ollama, fallback: [two, cheep, thre]}
      |   ^^^
      |
      = help: `ollama` has no default: add `model`, with the name that the server knows it by

    error: there is no model `cheep`
     --> agent.yaml:4:43
      |
    4 |   one: {provider: ollama, fallback: [two, cheep, thre]}
      |                                           ^^^^^
      |
      = help: write PROVIDER/MODEL, or a name under `models`: there are `one`, `two` and `three`

    error: there is no model `thre`
     --> agent.yaml:4:50
      |
    4 |   one: {provider: ollama, fallback: [two, cheep, thre]}
      |                                                  ^^^^
      |
      = help: did you mean `three`?

    error: the fallbacks go round in a circle: three → two → three
     --> agent.yaml:6:29
      |
    6 |   three: {provider: openai, fallback: [two]}
      |                             ^^^^^^^^

    error: there is no agent `reasearcher`
     --> agent.yaml:8:12
      |
    8 |   - agent: reasearcher
      |            ^^^^^^^^^^^
      |
      = help: did you mean `researcher`?

    error: there is no MCP server `doc`
     --> agent.yaml:9:10
      |
    9 |   - mcp: doc
      |          ^^^
      |
      = help: did you mean `docs`?

    error: a second tool is called `todo`
      --> agent.yaml:11:5
       |
    11 |   - todo
       |     ^^^^
       |
       = help: the first one is number 3 of `tools`

    error: a second tool is called `todo`
      --> agent.yaml:12:5
       |
    12 |   - a2a: {name: todo, url: other.example}
       |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: the first one is number 3 of `tools`

    error: this is not a URL: relative URL without a base
      --> agent.yaml:12:28
       |
    12 |   - a2a: {name: todo, url: other.example}
       |                            ^^^^^^^^^^^^^
       |
       = help: a URL begins with `http://` or `https://` and names a host

    error: there is no agent `nobody`
      --> agent.yaml:13:12
       |
    13 | handoffs: [nobody]
       |            ^^^^^^
       |
       = help: under `agents` are `researcher` and `writer`

    warning: the server `docs` is not among the tools
      --> agent.yaml:15:3
       |
    15 |   docs: {url: "https://example.com/mcp", args: [x]}
       |   ^^^^
       |
       = help: add `- mcp: docs` to `tools`

    error: `args` has no meaning for a server with a `url`
      --> agent.yaml:15:42
       |
    15 |   docs: {url: "https://example.com/mcp", args: [x]}
       |                                          ^^^^
       |
       = help: it belongs to one with a `command`

    warning: the server `both` is not among the tools
      --> agent.yaml:16:3
       |
    16 |   both: {url: "https://example.com/mcp", command: x}
       |   ^^^^
       |
       = help: add `- mcp: both` to `tools`

    error: a server has a `command` or a `url`, not both
      --> agent.yaml:16:10
       |
    16 |   both: {url: "https://example.com/mcp", command: x}
       |          ^^^
       |
       = help: keep the `command` to start it, or the `url` to reach one that runs

    error: a server needs a `command` or a `url`
      --> agent.yaml:17:3
       |
    17 |   none: {required: true}
       |   ^^^^
       |
       = help: `command` is the program to start, `url` is where it is reached by streamable HTTP

    warning: the server `none` is not among the tools
      --> agent.yaml:17:3
       |
    17 |   none: {required: true}
       |   ^^^^
       |
       = help: add `- mcp: none` to `tools`

    warning: the server `words` is not among the tools
      --> agent.yaml:18:3
       |
    18 |   words: {command: npx -y server}
       |   ^^^^^
       |
       = help: add `- mcp: words` to `tools`

    error: `npx -y server` is a program with its arguments
      --> agent.yaml:18:20
       |
    18 |   words: {command: npx -y server}
       |                    ^^^^^^^^^^^^^
       |
       = help: write `command: npx` and `args: [-y, server]`

    error: there is no model `smart`
      --> agent.yaml:20:23
       |
    20 |   researcher: {model: smart, tools: [{agent: writer}]}
       |                       ^^^^^
       |
       = help: write PROVIDER/MODEL, or a name under `models`: there are `one`, `two` and `three`

    error: these agents call each other in a circle: researcher → writer → researcher
      --> agent.yaml:21:28
       |
    21 |   writer: {tools: [{agent: researcher}]}
       |                            ^^^^^^^^^^
       |
       = help: to pass the conversation back and forth, use `handoffs`
    "#);
}

#[test]
fn values_that_make_no_sense() {
    assert_snapshot!(wrong(
        "name: a
instructions: hi
instructions_file: nowhere.md
tools:
  - http: {name: x, description: x, url: \"ftp://x\", parameters: {type: array}}
  - command: {name: y, description: y, run: [y], parameters: {type: object, properties: {z: {type: strin}}}}
sandbox:
  type: brwser
  backend: local
  mounts: [./data]
  packages: {system: [git]}
  network: {allow: [\"https://x.example/\"]}
permissions: {allow: [\"shell(git status\"], deny: [\"\"]}
hooks: {session_start: [{match: shell, run: [x]}]}
commands: {\"fix it\": {prompt: x}}
storage: {sessions: mysql://x}
serve:
  cors: [https://app.example/path]
  trusted_proxies: [10.0.0.0/33]
  tokens: [{name: a, value: x}, {name: a, value: y}]
"
    ), @r#"
    error: `instructions` and `instructions_file` do not go together
     --> agent.yaml:3:1
      |
    3 | instructions_file: nowhere.md
      | ^^^^^^^^^^^^^^^^^
      |
      = help: keep one of them

    error: there is no file `nowhere.md`
     --> agent.yaml:3:20
      |
    3 | instructions_file: nowhere.md
      |                    ^^^^^^^^^^
      |
      = help: paths are relative to `/nowhere`

    error: a URL with `http://` or `https://` is wanted here
     --> agent.yaml:5:42
      |
    5 |   - http: {name: x, description: x, url: "ftp://x", parameters: {type: array}}
      |                                          ^^^^^^^^^

    error: the arguments of a tool are an object, not `array`
     --> agent.yaml:5:72
      |
    5 |   - http: {name: x, description: x, url: "ftp://x", parameters: {type: array}}
      |                                                                        ^^^^^
      |
      = help: write `type: object` and name the arguments under `properties`

    error: `strin` is not a type of JSON Schema
     --> agent.yaml:6:100
      |
    6 |   - command: {name: y, description: y, run: [y], parameters: {type: object, properties: {z: {type: strin}}}}
      |                                                                                                    ^^^^^
      |
      = help: there are `string`, `number`, `integer`, `boolean`, `array`, `object` and `null`

    error: there is no sandbox of type `brwser`
     --> agent.yaml:8:9
      |
    8 |   type: brwser
      |         ^^^^^^
      |
      = help: did you mean `browser`?

    error: `./data` is not a mount
      --> agent.yaml:10:12
       |
    10 |   mounts: [./data]
       |            ^^^^^^
       |
       = help: write `./data:/data` or `./data:/data:ro`; the second path is absolute

    error: system packages cannot be installed with the backend `local`
      --> agent.yaml:11:14
       |
    11 |   packages: {system: [git]}
       |              ^^^^^^
       |
       = help: use a backend with images, such as `docker`, or install them on this machine

    error: `https://x.example/` is not the name of a host
      --> agent.yaml:12:21
       |
    12 |   network: {allow: ["https://x.example/"]}
       |                     ^^^^^^^^^^^^^^^^^^^^
       |
       = help: write `docs.example.com`, `docs.example.com:8443`, or `*.example.com` for every name below it; no `https://` and no path

    error: `shell(git status` is not a rule: the rule should end with `)`
      --> agent.yaml:13:23
       |
    13 | permissions: {allow: ["shell(git status"], deny: [""]}
       |                       ^^^^^^^^^^^^^^^^^^
       |
       = help: write TOOL or TOOL(PATTERN), such as `files.read` or `shell(git status *)`

    error: `` is not a rule: the rule should begin with the name of a tool
      --> agent.yaml:13:51
       |
    13 | permissions: {allow: ["shell(git status"], deny: [""]}
       |                                                   ^^
       |
       = help: write TOOL or TOOL(PATTERN), such as `files.read` or `shell(git status *)`

    error: `match` has no meaning for `session_start`
      --> agent.yaml:14:26
       |
    14 | hooks: {session_start: [{match: shell, run: [x]}]}
       |                          ^^^^^
       |
       = help: it chooses tool calls, for `before_tool` and `after_tool`

    error: `fix it` cannot be typed as a slash command
      --> agent.yaml:15:12
       |
    15 | commands: {"fix it": {prompt: x}}
       |            ^^^^^^^^
       |
       = help: use letters, digits, `-` and `_`

    error: this is no place where things can be kept
      --> agent.yaml:16:21
       |
    16 | storage: {sessions: mysql://x}
       |                     ^^^^^^^^^
       |
       = help: write `sqlite:`, `in-process:`, `redis://HOST` or `postgres://HOST/DATABASE`

    error: an origin has no path
      --> agent.yaml:18:10
       |
    18 |   cors: [https://app.example/path]
       |          ^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write it as `https://app.example`

    error: `10.0.0.0/33` is not an address or a network
      --> agent.yaml:19:21
       |
    19 |   trusted_proxies: [10.0.0.0/33]
       |                     ^^^^^^^^^^^
       |
       = help: write `10.0.0.7` or `10.0.0.0/8`

    error: a second token is called `a`
      --> agent.yaml:20:40
       |
    20 |   tokens: [{name: a, value: *}, {name: a, value: *}]
       |                                        ^
    "#);
}

#[test]
fn other_files() {
    let first =
        "name: a\nmcp_file: .mcp.json\ntools:\n  - agent: {file: b.yaml}\n  - mcp: time\n  - agent: {file: c.yaml}\n";
    let mcp = "{\n\t\"mcpServers\": {\n\t\t\"time\": {\"command\": \"uvx\", \"args\": \"mcp-server-time\"},\n\t\t\"old\": {\"type\": \"sse\", \"url\": \"http://x/sse\"},\n\t\t\"empty\": {}\n\t}\n}\n";
    assert_snapshot!(
        wrong_in(&[
            ("agent.yaml", first),
            (".mcp.json", mcp),
            ("b.yaml", "name: b\ntols: []\n"),
            ("c.yaml", "name: c\ntools: [{agent: {file: agent.yaml}}]\n"),
        ]),
        @r#"
    error: expected a list, found a string
     --> .mcp.json:3:38
      |
    3 |         "time": {"command": "uvx", "args": "mcp-server-time"},
      |                                            ^^^^^^^^^^^^^^^^^
      |
      = help: write `[mcp-server-time]`

    error: the old SSE transport is not supported
     --> .mcp.json:4:19
      |
    4 |         "old": {"type": "sse", "url": "http://x/sse"},
      |                         ^^^^^
      |
      = help: most servers speak streamable HTTP as well: ask for its URL, and write "type": "http"

    error: the server `empty`: a server needs a `command` or a `url`
     --> agent.yaml:2:1
      |
    2 | mcp_file: .mcp.json
      | ^^^^^^^^
      |
      = help: `command` is the program to start, `url` is where it is reached by streamable HTTP

    error: these agent files call each other in a circle: agent.yaml → c.yaml → agent.yaml
     --> agent.yaml:6:19
      |
    6 |   - agent: {file: c.yaml}
      |                   ^^^^^^

    error: `tols` is not a key of an agent file
     --> b.yaml:2:1
      |
    2 | tols: []
      | ^^^^
      |
      = help: did you mean `tools`?
    "#
    );
}

#[test]
fn servers_of_an_editor() {
    let dir = tempfile::tempdir().unwrap();
    let mcp = r#"{"mcpServers": {
        "time": {"type": "stdio", "command": "uvx", "args": ["x"], "env": {"A": "${env:WORD}", "B": "${GONE}"}, "timeout": 5000, "alwaysAllow": []},
        "docs": {"url": "https://example.com/mcp"},
        "off": {"command": "x", "disabled": true}
    }}"#;
    std::fs::write(dir.path().join("mcp.json"), mcp).unwrap();
    let text = "name: a\nmcp_file: mcp.json\ntools: [{mcp: time}, {mcp: docs}]\nmcp: {docs: {command: mine}}\n";
    let loaded = load_str("agent.yaml", text, dir.path(), &LoadOptions { profile: None, lookup: &lookup }).unwrap();
    assert_eq!(loaded.warnings, Diagnostics::default());
    let servers = &loaded.file.agent.mcp;
    assert_eq!(servers.keys().collect::<Vec<_>>(), ["docs", "time"]);
    assert_eq!(servers["docs"].command.as_deref(), Some("mine"));
    assert_eq!(servers["time"].env["A"].expose(), "hunter2");
    assert_eq!(servers["time"].timeout, Some(Span(std::time::Duration::from_secs(5))));
    let unset: Vec<_> = loaded.unset.iter().map(|unset| (unset.pointer.as_str(), unset.place.line())).collect();
    assert_eq!(unset, [("/mcp/time/env/B", 2)]);
}

#[test]
fn a_profile_is_merged_and_keeps_its_places() {
    let text = "name: a
model: openai/gpt-5
models: {m: {provider: openai, temperature: 1}}
tools: [todo]
profiles:
  prod: {model: m, models: {m: {temperature: 0}}, tools: [fetch, memory], description: null}
  odd: {models: {m: {temperature: hot}}, nam: x}
";
    let with = |profile: &str| {
        load_str(
            "agent.yaml",
            text,
            Path::new("/nowhere"),
            &LoadOptions { profile: Some(profile.to_owned()), lookup: &lookup },
        )
    };
    assert_snapshot!(with("odd").unwrap_err(), @"
    error: expected a number, found a string
     --> agent.yaml:7:35
      |
    7 |   odd: {models: {m: {temperature: hot}}, nam: x}
      |                                   ^^^

    error: `nam` is not a key of `odd`
     --> agent.yaml:7:42
      |
    7 |   odd: {models: {m: {temperature: hot}}, nam: x}
      |                                          ^^^
      |
      = help: did you mean `name`?
    ");
    assert_snapshot!(with("prd").unwrap_err(), @"
    error: there is no profile `prd`
     --> agent.yaml:5:1
      |
    5 | profiles:
      | ^^^^^^^^
      |
      = help: did you mean `prod`?
    ");
    let text = text.replace(", nam: x", "");
    let document = Document::parse(Source { name: "x".to_owned(), text }, Path::new("/nowhere")).unwrap();
    let loaded = document.load(&LoadOptions { profile: Some("prod".to_owned()), lookup: &lookup }).unwrap();
    assert_eq!(loaded.file.agent.model.as_deref(), Some("m"));
    assert_eq!(loaded.file.models["m"].temperature, Some(0.0));
    assert_eq!(loaded.file.models["m"].provider, "openai");
    assert_eq!(loaded.file.agent.tools.len(), 2);
    assert_eq!(loaded.file.agent.description, "");
}

#[test]
fn a_secret_written_out_is_not_shown() {
    let text = "name: a\nmodels: {m: {provider: openai, api_key: sk-12345, bse_url: x, headers: {Authorization: \"Bearer abc\"}}}\n";
    assert_snapshot!(wrong(text), @r#"
    error: `bse_url` is not a key of `m`
     --> agent.yaml:2:51
      |
    2 | models: {m: {provider: openai, api_key: ********, bse_url: x, headers: {Authorization: "****** ***"}}}
      |                                                   ^^^^^^^
      |
      = help: did you mean `base_url`?
    "#);
    for secret in [r#""GG,HH}I\"I]J""#, "'GG,HH}I''I]J'", "'GGHHIIJ"] {
        let text = format!("name: a\nmodels: {{m: {{provider: openai, bse_url: x, api_key: {secret}}}}}\n");
        let shown = wrong(&text);
        assert!(!shown.contains(['G', 'H', 'I', 'J']), "{shown}");
    }
    assert!(!wrong("name: a\nmodels: {m: {provider: openai, api_keyy: GGHHIIJ}}\n").contains('G'));
}

#[test]
fn files_that_are_no_agent_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.yaml");
    let said = |bytes: Option<&[u8]>| {
        if let Some(bytes) = bytes {
            std::fs::write(&path, bytes).unwrap();
        }
        let found = load(bytes.map_or(dir.path(), |_| &path), &LoadOptions::default()).unwrap_err();
        found.to_string().replace(&dir.path().display().to_string(), "DIR")
    };
    let mut all = said(None);
    for bytes in [&b"\x00\x01"[..], b"name: \xff\n", b"", b"# only a comment\n", &vec![b'#'; 2 << 20], &[b'['; 100]] {
        all.push_str("\n\n");
        all.push_str(&said(Some(bytes)));
    }
    std::fs::remove_file(&path).unwrap();
    let missing = load(&path, &LoadOptions::default()).unwrap_err();
    assert!(missing.is_not_found());
    assert_snapshot!(all, @"
    error: the folder `DIR` has no agent.yaml
     |
     = help: `agentscope init DIR` writes one

    error: `DIR/agent.yaml` is not a text file
     |
     = help: an agent file is YAML in UTF-8

    error: `DIR/agent.yaml` is not UTF-8: line 1 has bytes that are no characters
     |
     = help: save it as UTF-8

    error: `DIR/agent.yaml` is empty
     |
     = help: the smallest agent file is `name: assistant`; `agentscope init` writes a larger one

    error: `DIR/agent.yaml` is empty
     |
     = help: the smallest agent file is `name: assistant`; `agentscope init` writes a larger one

    error: `DIR/agent.yaml` has more than 1 MiB
     |
     = help: an agent file is a page or two; long instructions can stand in an `instructions_file`

    error: the file is nested more than 64 levels deep
     --> DIR/agent.yaml:1:65
      |
    1 | [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
      |                                                                 ^
    ");
}

#[test]
fn aliases_have_a_budget() {
    let mut bomb = "name: a\nx0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let below = level - 1;
        bomb.push_str(&format!("x{level}: &x{level} [{}]\n", vec![format!("*x{below}"); 8].join(", ")));
    }
    assert!(wrong(&bomb).contains("the file has more than 50000 values"), "{}", wrong(&bomb));
    let loaded = load_text("name: a\nskills: []\nhooks: {before_tool: &h [{run: [x]}], after_tool: *h}\n").unwrap();
    assert_eq!(loaded.file.agent.hooks.after_tool.len(), 1);
}

#[test]
fn machine_forms() {
    let found = load_text("name: a\ntols: []\nlimits: {steps: 0}\n").unwrap_err();
    assert_snapshot!(found.github(), @"
    ::error file=agent.yaml,line=2,col=1,endColumn=5::`tols` is not a key of an agent file%0Ahelp: did you mean `tools`?
    ::error file=agent.yaml,line=3,col=17,endColumn=18::0 is too small: the least is 1
    ");
    assert_snapshot!(serde_json::to_string_pretty(&found.json()).unwrap(), @r#"
    [
      {
        "severity": "error",
        "code": "unknown-key",
        "message": "`tols` is not a key of an agent file",
        "file": "agent.yaml",
        "line": 2,
        "column": 1,
        "end_column": 5,
        "help": "did you mean `tools`?"
      },
      {
        "severity": "error",
        "code": "wrong-value",
        "message": "0 is too small: the least is 1",
        "file": "agent.yaml",
        "line": 3,
        "column": 17,
        "end_column": 18,
        "help": null
      }
    ]
    "#);
}
