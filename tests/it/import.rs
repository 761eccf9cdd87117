//! `agentscope import`.

use std::path::Path;

use crate::common::TestEnv;

fn fixture(env: &TestEnv, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/import").join(name);
    env.write(name, std::fs::read(path).unwrap());
}

#[test]
fn docker_agent_file() {
    let env = TestEnv::new();
    fixture(&env, "library.yaml");
    let output = env.run(&["import", "library.yaml"]);
    insta::assert_snapshot!(output.stdout, @r#"
    # Imported from library.yaml.
    # Looks after a small library.
    # Ask it for a book.

    name: library
    description: Runs the library for $5 a day

    metadata:
      author: Ann
      license: MIT

    welcome: |
      Welcome.
      Which book?

    model: clever

    models:
      clever:
        provider: anthropic
        model: claude-sonnet-4-5
        max_output_tokens: 8000
        effort: 4096
        fallback: [openai/gpt-5-mini, quick]
        retries: 2
      quick:
        provider: openai-compatible
        model: small-1
        base_url: https://models.example.com/v1
        api_key: "${HOUSE_KEY}"
        temperature: 0.2
        effort: low
        extra:
          top_p: 0.9
      local:
        provider: openai-compatible
        model: ai/qwen3
        base_url: http://127.0.0.1:12434/engines/llama.cpp/v1
        context_window: 16000
      mistral-large-latest:
        provider: openai-compatible
        model: mistral-large-latest
        base_url: https://api.mistral.ai/v1
        api_key: "${MISTRAL_API_KEY}"

    instructions: |
      You run a library.
        - Greet the reader.
        - Find the book.

      Never lend a book twice.

    context:
      files: [HOUSE_RULES.md]
      date: true
      environment: true

    tools:
      - todo
      - files
      - shell
      - mcp: catalogue
      - mcp: fetch
      - mcp: loans
      - command:
          name: overdue
          description: List overdue books
          run:
            - sh
            - -c
            - |-
              cd 'data' || exit
              export month="$1"
              export count="$2"
              grep "$month" loans.txt | head -n $count
            - sh
            - "{month}"
            - "{count}"
          parameters:
            type: object
            properties:
              month:
                type: string
                description: Such as 2026-11
              count:
                type: integer
            required: [month]
      - http:
          name: cover
          description: Fetch the cover of a book
          method: GET
          url: "https://covers.example.com/{isbn}?size=${SIZE}"
          headers:
            X-Api-Key: "${COVERS_KEY}"
          parameters:
            type: object
            properties:
              isbn:
                type: string
            required: [isbn]
      - openapi:
          spec: https://books.example.com/openapi.json
          timeout: 20s
      - a2a:
          name: binder
          url: http://127.0.0.1:9000/a2a
      - a2a:
          name: north
          url: https://north.example.com/a2a
      - a2a:
          name: north-2
          url: https://north.example.com:8080/a2a
      - agent: shelf_reader
      - agent: cloud_reader

    handoffs: [desk]

    mcp:
      catalogue:
        url: https://books.example.com/mcp
        headers:
          Authorization: "Bearer ${BOOKS_TOKEN}"
        tools: [find_book]
      fetch:
        command: docker
        args: [mcp, gateway, run, --servers=fetch]
      loans:
        command: npx
        args: [-y, "@example/loans@1.2", --api-key, "${LOANS_API_KEY}"]
        env:
          LOANS_TOKEN: "${LOANS_TOKEN}"
          REGION: eu

    commands:
      find:
        prompt: Find the book called $1
      count:
        description: Count the books
        prompt: "Count them, ${env.WHO}: !`ls | wc -l`"

    permissions:
      allow:
        - shell(ls *)
        - shell(git log *)
        - files.read
        - mcp.catalogue.find_*
        - mcp.*.list_loans
      ask: [fetch]
      deny: [shell(rm *), files.write(/etc/**), files.write]

    hooks:
      before_tool:
        - match: shell
          run: [./guard.sh]
          timeout: 10s
        - match: files.write
          run: [./guard.sh]
          timeout: 10s

    limits:
      steps: 40

    agents:
      shelf_reader:
        model: quick
        instructions: Read the shelves.
        tools:
          - mcp: catalogue
          - ask_user
        mcp:
          catalogue:
            url: https://books.example.com/mcp
            headers:
              Authorization: "Bearer ${BOOKS_TOKEN}"
        permissions:
          allow:
            - shell(ls *)
            - shell(git log *)
            - files.read
            - mcp.catalogue.find_*
            - mcp.*.list_loans
          ask: [fetch]
          deny: [shell(rm *), files.write(/etc/**)]
      cloud_reader:
        model: quick
        instructions: Read the clouds.
      desk:
        description: Speaks with the reader
        model: mistral-large-latest
        instructions: Be kind.
        handoffs: [library]
        output:
          schema:
            type: object
            properties:
              book:
                type: string
                pattern: "^[A-Z]+$${1}$"
            required: [book]
    "#);
    insta::assert_snapshot!(output.stderr, @"
    library.yaml:20:29: left out: `interleaved_thinking` has no counterpart; what the provider's API takes can stand under `extra`
    library.yaml:26:22: changed: there is no effort `minimal`: `low` is the next one
    library.yaml:32:7: left out: `runtime_flags` is a setting of the model's server: give it to the server
    library.yaml:33:3: left out: provider `amazon-bedrock` is not supported, so its agents name no model; if it has an OpenAI-compatible endpoint, use provider `openai-compatible` with its `base_url`
    library.yaml:52:7: changed: became wider: `shell(rm *)`
    library.yaml:60:17: left out: `cooldown`: every turn begins with the first model again
    library.yaml:73:24: left out: `num_history_items`: the conversation is kept whole, and summarised when the model's window fills
    library.yaml:74:46: left out: `catalog/poet` is an agent of a registry: fetch it, import it, and use it with `agent: {file: ./FILE}`
    library.yaml:78:7: changed: no variables are filled in within the prompt of `/count`
    library.yaml:78:7: changed: no command is run within the prompt of `/count`: ask the agent to run it
    library.yaml:82:9: left out: toolset `think`: models think by themselves; `effort` of a model says how hard
    library.yaml:84:17: changed: `shared`: the list belongs to the session
    library.yaml:86:9: changed: the file tools come together; those that write are denied under `permissions`
    library.yaml:91:9: changed: `docker:fetch` is started by the MCP plugin of Docker, which must be installed
    library.yaml:95:57: changed: `api-key` looks like a secret, so its value is not copied: set `LOANS_API_KEY` in the environment or in `.env`
    library.yaml:97:24: changed: `LOANS_TOKEN` looks like a secret, so its value is not copied: set `LOANS_TOKEN` in the environment or in `.env`
    library.yaml:131:9: left out: toolset `lsp`: language servers are not spoken to; an MCP server for the language can do this
    library.yaml:134:7: changed: a program gets the event as JSON in our form, and refuses a call by its exit code only: adapt what it reads and answers
    library.yaml:138:7: left out: `session_end`: there is no such event; `turn_end` comes after every answer
    library.yaml:143:18: left out: `root` calls this agent in turn, and agents must not call each other in a circle; use `handoffs`
    library.yaml:148:12: left out: models do not take turns here: of `cloud,quick` only `quick` is used
    library.yaml:150:22: left out: `code_mode_tools`: tools are called one by one, not from a program
    library.yaml:156:13: left out: `colour` is not a known key of an agent
    imported `library` with 3 more agents: 23 things to look at
    ");
    assert_eq!(output.code, Some(0));
}

#[test]
fn servers_of_an_editor() {
    let env = TestEnv::new();
    fixture(&env, "editor.mcp.json");
    insta::assert_snapshot!(env.run(&["import", "editor.mcp.json", "-o", "agent.yaml"]), @"
    exit 0
    --- stderr
    editor.mcp.json:2:2: left out: `inputs`: nothing is asked for at the start: set the variables of that name, in the environment or in `.env`
    editor.mcp.json:4:3: changed: `My Docs` is now called `my-docs`
    editor.mcp.json:6:11: changed: `api_key` looks like a secret, so its value is not copied: set `MY_DOCS_API_KEY` in the environment or in `.env`
    editor.mcp.json:7:33: changed: `Authorization` looks like a secret, so its value is not copied: set `MY_DOCS_TOKEN` in the environment or in `.env`
    editor.mcp.json:12:57: changed: the old SSE transport is not spoken, only streamable HTTP: most servers have it, often at `/mcp`
    editor.mcp.json:13:3: left out: `off` is disabled
    editor.mcp.json:14:3: left out: `broken` has neither `command` nor `url`
    imported `assistant`: 7 things to look at
    ");
    insta::assert_snapshot!(env.read("agent.yaml"), @r#"
    # Imported from editor.mcp.json.

    name: assistant
    description: Uses MCP servers

    instructions: |
      You are a helpful assistant. Use your tools where they help.

    tools:
      - mcp: my-docs
      - mcp: time
      - mcp: asked
      - mcp: old

    mcp:
      my-docs:
        url: "https://docs.example.com/mcp?api_key=${MY_DOCS_API_KEY}&lang=en"
        headers:
          Authorization: "Bearer ${MY_DOCS_TOKEN}"
          Accept-Language: en
      time:
        command: uvx
        args: [mcp-server-time, --local-timezone=Europe/Oslo]
        env:
          TZ: UTC
        timeout: 30s
      asked:
        command: docker
        args: [run, -e, KEY, img]
        env:
          KEY: "${KEY}"
      old:
        url: https://old.example.com/sse

    permissions:
      allow: [mcp.my-docs.search]
    "#);
    insta::assert_snapshot!(env.run(&["import", "editor.mcp.json", "-o", "agent.yaml"]), @"
    exit 1
    --- stderr
    error: `agent.yaml` exists already
    hint: name another file, or overwrite it with `--force`
    ");
    assert_eq!(env.run(&["import", "editor.mcp.json", "-o", "agent.yaml", "--force"]).code, Some(0));
}

#[test]
fn reads_standard_input() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run_with(&["import", "-"], "agents: {root: {instruction: Be brief.}}"), @"
    exit 0
    --- stdout
    # Imported from stdin.

    name: stdin
    instructions: Be brief.
    --- stderr
    imported `stdin`: everything was carried over
    ");
}

#[test]
fn refuses_what_it_cannot_read() {
    let env = TestEnv::new();
    env.write("ours.yaml", "name: mine\ntools: [todo]\n");
    env.write("other.yaml", "services: {web: {image: x}}\n");
    env.write("none.yaml", "agents: {}\n");
    env.write("list.yaml", "- 1\n");
    env.write("bad.yaml", "agents: [\n");
    insta::assert_snapshot!(env.run(&["import", "ours.yaml"]), @"
    exit 2
    --- stderr
    error: `ours.yaml` is an agent file of agentscope already
    hint: check it with `agentscope validate`, talk to it with `agentscope chat`
    ");
    insta::assert_snapshot!(env.run(&["import", "other.yaml"]), @"
    exit 2
    --- stderr
    error: `other.yaml` is neither a docker agent file, which has `agents`, nor a list of MCP servers, which has `mcpServers`
    hint: these two formats are read; `agentscope init` begins a new agent
    ");
    insta::assert_snapshot!(env.run(&["import", "none.yaml"]), @"
    exit 2
    --- stderr
    error: `none.yaml` describes no agents
    hint: list at least one under `agents`
    ");
    insta::assert_snapshot!(env.run(&["import", "list.yaml"]), @"
    exit 2
    --- stderr
    error: `list.yaml` is neither a docker agent file, which has `agents`, nor a list of MCP servers, which has `mcpServers`
    hint: these two formats are read; `agentscope init` begins a new agent
    ");
    insta::assert_snapshot!(env.run(&["import", "bad.yaml"]), @"
    exit 2
    --- stderr
    error: not valid YAML: `[` is not closed
     --> bad.yaml:1:9
      |
    1 | agents: [
      |         ^
    ");
    insta::assert_snapshot!(env.run(&["import", "missing.yaml"]), @"
    exit 4
    --- stderr
    error: there is no file `missing.yaml`
    hint: name a docker agent YAML or an .mcp.json, or `-` for standard input
    ");
    insta::assert_snapshot!(env.run(&["import", "bad.yaml", "-o", "json"]), @"
    exit 2
    --- stderr
    error: `--output json` would write a file called `json`
    hint: name the agent file to write, as in `--output agent.yaml`, or `./json`
    ");
}
