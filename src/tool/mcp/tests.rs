//! Servers that behave and servers that do not, as small shell scripts.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde_json::json;

use crate::{
    config::agent_file::{AgentSpec, McpRef, McpServer, Span, ToolEntry},
    domain::Notice,
    tool::{Listing, ToolError, Toolbox, testing},
};

/// Answers the handshake and lists `$TOOLS`; a call runs the shell code in `$CALL`.
const WELL_BEHAVED: &str = r#"
answer() { id=${line#*\"id\":}; id=${id%%[,\}]*}; printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
text() { answer "{\"content\":[{\"type\":\"text\",\"text\":\"$1\"}]}"; }
tell() { printf '{"jsonrpc":"2.0","method":"%s","params":%s}\n' "$1" "${2:-{\}}"; }
while IFS= read -r line; do
  case $line in
    *'"method":"initialize"'*) answer '{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"sh","version":"1"}}';;
    *'"method":"tools/list"'*) answer "{\"tools\":[$TOOLS]}";;
    *'"method":"tools/call"'*) eval "$CALL";;
    *'"method":"notifications/cancelled"'*) : > cancelled;;
  esac
done
"#;

const TOOL: &str = r#"{"name":"do.it","description":"Does it","inputSchema":{"type":"object"}}"#;

fn server(folder: &Path, script: &str, env: &[(&str, &str)]) -> McpServer {
    std::fs::write(folder.join("server.sh"), script).unwrap();
    McpServer {
        name: Some("sh".to_owned()),
        command: Some("sh".to_owned()),
        args: vec!["server.sh".to_owned()],
        env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect(),
        timeout: Some(Span(Duration::from_secs(20))),
        ..McpServer::default()
    }
}

fn toolbox(folder: &Path, server: McpServer) -> Toolbox {
    let spec = AgentSpec { tools: vec![ToolEntry::Mcp(McpRef::Server(Box::new(server)))], ..AgentSpec::default() };
    Toolbox::open(&spec, &testing::deps(folder, &[("OPENAI_API_KEY", "sk-secret"), ("LANG", "C.UTF-8")])).unwrap()
}

async fn call(listing: &Listing, cx: &crate::tool::ToolCx) -> String {
    match listing.tools[0].call(json!({}), cx).await {
        Ok(result) => testing::text(&result),
        Err(error) => format!("error: {error}"),
    }
}

/// What the user is told of a server that cannot be used.
async fn failure(script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut server = server(folder.path(), script, &[]);
    if script.contains("sleep 60") {
        server.timeout = Some(Span(Duration::from_millis(500)));
    }
    let listing = toolbox(folder.path(), server).list().await.unwrap();
    assert_eq!((listing.tools.len(), listing.unavailable.len()), (0, 1));
    match listing.notices.as_slice() {
        [Notice::ToolServerFailed { server, reason }] => format!("{server}: {reason}"),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tool_is_listed_and_called() {
    let folder = tempfile::tempdir().unwrap();
    let tools = format!(
        r#"{TOOL},{{"name":"look","title":"Look","inputSchema":{{"type":"object","properties":{{"at":{{"type":"string"}}}}}},"annotations":{{"readOnlyHint":true}}}}"#
    );
    let server = server(folder.path(), WELL_BEHAVED, &[("TOOLS", &tools), ("CALL", "text done")]);
    let toolbox = toolbox(folder.path(), server);
    let listing = toolbox.list().await.unwrap();
    insta::assert_json_snapshot!(listing.specs(), @r#"
    [
      {
        "name": "do_it",
        "description": "Does it",
        "parameters": {
          "type": "object"
        },
        "effect": "writes",
        "rule_name": "mcp.sh.do.it"
      },
      {
        "name": "look",
        "description": "Look",
        "parameters": {
          "type": "object",
          "properties": {
            "at": {
              "type": "string"
            }
          }
        },
        "effect": "reads",
        "rule_name": "mcp.sh.look"
      }
    ]
    "#);
    assert_eq!(call(&listing, &testing::cx()).await, "done");
    toolbox.shutdown().await;
}

#[tokio::test]
async fn a_server_sees_no_secret_that_it_was_not_given() {
    let folder = tempfile::tempdir().unwrap();
    let code = r#"text "$(env | cut -d= -f1 | sort | tr '\n' ' ')""#;
    let server = server(folder.path(), WELL_BEHAVED, &[("TOOLS", TOOL), ("CALL", code), ("MINE", "1")]);
    let toolbox = toolbox(folder.path(), server);
    let listing = toolbox.list().await.unwrap();
    let seen = call(&listing, &testing::cx()).await;
    assert_eq!(
        // The shell itself adds these two.
        seen.replace("PWD ", "").replace("_ ", ""),
        "CALL LANG MINE PATH TOOLS "
    );
}

#[tokio::test]
async fn servers_that_never_work_are_explained() {
    insta::assert_snapshot!(failure("echo 'no such database' >&2; exit 3").await, @"sh: it ended with exit status: 3; its last words: no such database");
    insta::assert_snapshot!(failure("echo Listening on port 80; sleep 60").await, @"sh: no answer within 500 ms; it wrote `Listening on port 80` where a message of MCP is wanted; raise its `timeout` if it needs longer to start");
    insta::assert_snapshot!(failure("yes").await, @"sh: it floods its standard output with what is not MCP; it wrote `y` where a message of MCP is wanted");
    insta::assert_snapshot!(failure("tr '\\0' x < /dev/zero").await, @"sh: it floods its standard output with what is not MCP; it wrote `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…` where a message of MCP is wanted");
    insta::assert_snapshot!(failure("kill -9 $$").await, @"sh: it ended with signal: 9 (SIGKILL)");
    insta::assert_snapshot!(
        failure(r#"read line; echo '{"jsonrpc":"2.0","id":0,"error":{"code":-1,"message":"licence expired"}}'; sleep 60"#).await,
        @"sh: it refused the connection: licence expired"
    );
    insta::assert_snapshot!(failure("printf '{\"a\":'; tr '\\0' ' ' < /dev/zero").await, @"sh: it sent a message of more than 16 MiB");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = McpServer {
        name: Some("gone".to_owned()),
        command: Some("no-such-program".to_owned()),
        required: true,
        ..McpServer::default()
    };
    let error = toolbox(folder.path(), server).list().await.err().unwrap();
    insta::assert_snapshot!(error, @"the MCP server `gone` is required and does not answer: there is no program `no-such-program`; install it, or correct `command`");
}

#[tokio::test]
async fn a_server_that_dies_in_a_call_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let code = "if [ -e died ]; then text again; else : > died; echo 'segfault, sort of' >&2; exit 7; fi";
    let server = server(folder.path(), WELL_BEHAVED, &[("TOOLS", TOOL), ("CALL", code)]);
    let toolbox = toolbox(folder.path(), server);
    let listing = toolbox.list().await.unwrap();
    insta::assert_snapshot!(call(&listing, &testing::cx()).await, @"error: the MCP server `sh` failed: it ended with exit status: 7; its last words: segfault, sort of; it is being started again, so another try may work");
    // The same tool waits for the restart.
    assert_eq!(call(&listing, &testing::cx()).await, "again");
    let listing = toolbox.list().await.unwrap();
    assert_eq!(listing.tools.len(), 1);
    insta::assert_debug_snapshot!(listing.notices, @r#"
    [
        ToolServerFailed {
            server: "sh",
            reason: "it ended with exit status: 7; its last words: segfault, sort of",
        },
    ]
    "#);
    assert!(toolbox.list().await.unwrap().notices.is_empty());
}

#[tokio::test]
async fn a_call_that_hangs_times_out_and_the_server_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = server(folder.path(), WELL_BEHAVED, &[("TOOLS", TOOL), ("CALL", ":")]);
    server.timeout = Some(Span(Duration::from_millis(500)));
    let toolbox = toolbox(folder.path(), server);
    let listing = toolbox.list().await.unwrap();
    let error = listing.tools[0].call(json!({}), &testing::cx()).await.unwrap_err();
    assert!(matches!(error, ToolError::Timeout(_)), "{error}");
    // Ends the server, which has read everything before by then.
    toolbox.shutdown().await;
    assert!(folder.path().join("cancelled").exists());
}

#[tokio::test]
async fn a_canceled_call_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path(), WELL_BEHAVED, &[("TOOLS", TOOL), ("CALL", ":")]);
    let toolbox = toolbox(folder.path(), server);
    let listing = toolbox.list().await.unwrap();
    let cx = testing::cx();
    cx.cancel.cancel();
    assert!(matches!(listing.tools[0].call(json!({}), &cx).await, Err(ToolError::Canceled)));
}

#[tokio::test]
async fn a_changed_list_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let code = r#"TOOLS="$TOOLS,{\"name\":\"new\",\"inputSchema\":{\"type\":\"object\"}}"; tell notifications/tools/list_changed; text ok"#;
    let server = server(folder.path(), WELL_BEHAVED, &[("TOOLS", TOOL), ("CALL", code)]);
    let toolbox = toolbox(folder.path(), server);
    let listing = toolbox.list().await.unwrap();
    assert_eq!(call(&listing, &testing::cx()).await, "ok");
    toolbox.servers().next().unwrap().offering(2).await;
    let names: Vec<_> = toolbox.list().await.unwrap().specs().into_iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["do_it", "new"]);
}

#[tokio::test]
async fn only_the_tools_that_the_file_wants_are_offered() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = server(folder.path(), WELL_BEHAVED, &[("TOOLS", TOOL)]);
    server.tools = Some(vec!["search".to_owned()]);
    let listing = toolbox(folder.path(), server).list().await.unwrap();
    assert!(listing.tools.is_empty() && listing.unavailable.is_empty());
    insta::assert_debug_snapshot!(listing.notices, @r#"
    [
        Warning {
            message: "the MCP server `sh` has no tool `search`, which the agent file lists",
        },
    ]
    "#);
}

#[tokio::test]
async fn a_question_of_the_server_reaches_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let code = r#"
token=${line#*progressToken\":}; token=${token%%[,\}]*}
tell notifications/progress "{\"progressToken\":$token,\"progress\":1,\"total\":2,\"message\":\"half\"}"
asked=$line
echo '{"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{"message":"Which colour?","requestedSchema":{"type":"object","properties":{"colour":{"type":"string","enum":["red","blue"]}},"required":["colour"]}}}'
read -r reply; line=$asked
case $reply in *'"colour":"blue"'*) text painted;; *) text "$(echo "$reply" | tr -d '"')";; esac"#;
    let server = server(folder.path(), WELL_BEHAVED, &[("TOOLS", TOOL), ("CALL", code)]);
    let toolbox = toolbox(folder.path(), server);
    let listing = toolbox.list().await.unwrap();
    let (cx, host) = testing::cx_answering(&["blue"]);
    assert_eq!(call(&listing, &cx).await, "painted");
    assert_eq!(host.output(), ["1/2 half\n"]);
    insta::assert_debug_snapshot!(host.asked(), @r#"
    [
        Question {
            text: "The MCP server `sh` asks: Which colour?\ncolour",
            choices: [
                "red",
                "blue",
            ],
            closed: true,
        },
    ]
    "#);
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_that_a_server_started_outlives_it() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("sleep 1000 & echo $! > child\ntrap '' TERM\n{WELL_BEHAVED}\nsleep 1000");
    let server = server(folder.path(), &script, &[("TOOLS", TOOL)]);
    let toolbox = toolbox(folder.path(), server);
    toolbox.list().await.unwrap();
    let child: i32 = std::fs::read_to_string(folder.path().join("child")).unwrap().trim().parse().unwrap();
    let child = rustix::process::Pid::from_raw(child).unwrap();
    assert!(rustix::process::test_kill_process(child).is_ok());
    toolbox.shutdown().await;
    // Adopted by init, which may take a moment to reap it; a zombie runs no more.
    let status = std::fs::read_to_string(format!("/proc/{}/stat", child.as_raw_nonzero())).unwrap_or_default();
    assert!(status.is_empty() || status.contains(") Z"), "{status}");
}

#[tokio::test]
async fn servers_of_the_file_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let named = server(folder.path(), WELL_BEHAVED, &[("TOOLS", TOOL)]);
    let spec = AgentSpec {
        tools: vec![ToolEntry::Mcp(McpRef::Name("a".to_owned())), ToolEntry::Mcp(McpRef::Name("b".to_owned()))],
        mcp: BTreeMap::from([("a".to_owned(), named.clone())]),
        ..AgentSpec::default()
    };
    let mut deps = testing::deps(folder.path(), &[]);
    insta::assert_snapshot!(Toolbox::open(&spec, &deps).err().unwrap(), @"`tools` names the MCP server `b`, which is not under `mcp`");
    deps.servers = BTreeMap::from([("b".to_owned(), named)]);
    let listing = Toolbox::open(&spec, &deps).unwrap().list().await.unwrap();
    let names: Vec<_> = listing.specs().into_iter().map(|spec| (spec.name, spec.rule_name)).collect();
    assert_eq!(
        names,
        [
            ("a_do_it".to_owned(), Some("mcp.a.do.it".to_owned())),
            ("b_do_it".to_owned(), Some("mcp.b.do.it".to_owned()))
        ]
    );
}
