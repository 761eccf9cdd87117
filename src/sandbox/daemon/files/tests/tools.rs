//! The eleven tools, by what a model is told.

use std::fs;

use serde_json::{Value, json};

use super::Place;
use crate::sandbox::daemon::files::tools;

fn call(place: &Place, name: &str, arguments: Value) -> String {
    match tools::call(&place.root, name, arguments) {
        Ok(text) => text,
        Err(error) => format!("Error: {error}"),
    }
}

#[test]
fn a_session() {
    let place = Place::new();
    let mut told = vec![];
    for (name, arguments) in [
        ("list_allowed_directories", json!({})),
        ("create_directory", json!({"path": "/workspace/src/deep"})),
        ("write_file", json!({"path": "src/main.rs", "content": "fn main() {\n    old();\n}\n"})),
        ("write_file", json!({"path": "nowhere/x", "content": ""})),
        ("read_file", json!({"path": "/workspace/src/main.rs"})),
        (
            "edit_file",
            json!({"path": "src/main.rs", "edits": [{"oldText": "old()", "newText": "new()"}], "dryRun": true}),
        ),
        ("edit_file", json!({"path": "src/main.rs", "edits": [{"oldText": "old()", "newText": "new()"}]})),
        ("edit_file", json!({"path": "src/main.rs", "edits": [{"oldText": "old()", "newText": "new()"}]})),
        ("read_multiple_files", json!({"paths": ["src/main.rs", "gone"]})),
        ("list_directory", json!({"path": "src"})),
        ("directory_tree", json!({"path": "."})),
        ("search_files", json!({"path": "/workspace", "pattern": "MAIN", "excludePatterns": null})),
        ("search_files", json!({"path": ".", "pattern": "**/*.rs", "excludePatterns": ["src"]})),
        ("move_file", json!({"source": "src/main.rs", "destination": "lib.rs"})),
        ("move_file", json!({"source": "lib.rs", "destination": "src"})),
        ("read_file", json!({"path": "src"})),
        ("read_file", json!({})),
        ("read_file", json!({"path": "../x"})),
        ("format_disk", json!({})),
    ] {
        told.push(format!("> {name} {arguments}\n{}", call(&place, name, arguments.clone())));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    > list_allowed_directories {}
    Allowed directories:
    /workspace
    > create_directory {"path":"/workspace/src/deep"}
    Successfully created directory /workspace/src/deep
    > write_file {"path":"src/main.rs","content":"fn main() {\n    old();\n}\n"}
    Successfully wrote to src/main.rs
    > write_file {"path":"nowhere/x","content":""}
    Error: the folder of `nowhere/x` does not exist; make it first
    > read_file {"path":"/workspace/src/main.rs"}
    fn main() {
        old();
    }

    > edit_file {"path":"src/main.rs","edits":[{"oldText":"old()","newText":"new()"}],"dryRun":true}
    ```diff
    --- a/src/main.rs
    +++ b/src/main.rs
    @@ -1,3 +1,3 @@
     fn main() {
    -    old();
    +    new();
     }
    ```


    > edit_file {"path":"src/main.rs","edits":[{"oldText":"old()","newText":"new()"}]}
    ```diff
    --- a/src/main.rs
    +++ b/src/main.rs
    @@ -1,3 +1,3 @@
     fn main() {
    -    old();
    +    new();
     }
    ```


    > edit_file {"path":"src/main.rs","edits":[{"oldText":"old()","newText":"new()"}]}
    Error: `src/main.rs`: the old text is not there; read the file again
    > read_multiple_files {"paths":["src/main.rs","gone"]}
    src/main.rs:
    fn main() {
        new();
    }


    ---
    gone: Error - there is no `gone`
    > list_directory {"path":"src"}
    [DIR] deep
    [FILE] main.rs
    > directory_tree {"path":"."}
    [
      {
        "name": "src",
        "type": "directory",
        "children": [
          {
            "name": "deep",
            "type": "directory",
            "children": []
          },
          {
            "name": "main.rs",
            "type": "file"
          }
        ]
      }
    ]
    > search_files {"path":"/workspace","pattern":"MAIN","excludePatterns":null}
    /workspace/src/main.rs
    > search_files {"path":".","pattern":"**/*.rs","excludePatterns":["src"]}
    No matches found
    > move_file {"source":"src/main.rs","destination":"lib.rs"}
    Successfully moved src/main.rs to lib.rs
    > move_file {"source":"lib.rs","destination":"src"}
    Error: `src` exists already
    > read_file {"path":"src"}
    Error: `src` is a folder
    > read_file {}
    Error: invalid arguments: missing field `path`
    > read_file {"path":"../x"}
    Error: `../x` is outside the workspace
    > format_disk {}
    Error: there is no file tool `format_disk`
    "#);
}

#[test]
fn what_is_known_of_a_file() {
    let place = Place::new();
    fs::write(place.ws("f"), "12345").unwrap();
    let told = call(&place, "get_file_info", json!({"path": "f"}));
    insta::with_settings!({filters => vec![(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "[time]"), (r"created: .*\n", "")]}, {
        insta::assert_snapshot!(told, @"
        size: 5
        modified: [time]
        accessed: [time]
        isDirectory: false
        isFile: true
        permissions: 644
        ");
    });
}

#[test]
fn a_file_that_is_not_text_is_told_apart() {
    let place = Place::new();
    fs::write(place.ws("binary"), [0xff, 0xfe, 0]).unwrap();
    insta::assert_snapshot!(call(&place, "read_file", json!({"path": "binary"})), @"Error: `binary` is not text in UTF-8 (3 bytes)");
}

#[test]
fn a_difference_cannot_end_its_own_block() {
    let place = Place::new();
    fs::write(place.ws("readme"), "a\n```\nb\n").unwrap();
    let told = call(&place, "edit_file", json!({"path": "readme", "edits": [{"oldText": "b", "newText": "c"}]}));
    insta::assert_snapshot!(told, @"
    ````diff
    --- a/readme
    +++ b/readme
    @@ -1,3 +1,3 @@
     a
     ```
    -b
    +c
    ````
    ");
}

#[test]
fn names_and_arguments() {
    let listed = tools::catalogue();
    let functions: Vec<String> = listed
        .as_object()
        .unwrap()
        .values()
        .map(|tool| {
            let function = &tool["json_schema"]["function"];
            let keys = function["parameters"]["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            format!("{} {keys:?} {}", function["name"], function["parameters"]["required"])
        })
        .collect();
    insta::assert_snapshot!(functions.join("\n"), @r#"
    "read_file" ["path"] ["path"]
    "read_multiple_files" ["paths"] ["paths"]
    "write_file" ["path", "content"] ["path","content"]
    "edit_file" ["path", "edits", "dryRun"] ["path","edits"]
    "create_directory" ["path"] ["path"]
    "list_directory" ["path"] ["path"]
    "directory_tree" ["path"] ["path"]
    "move_file" ["source", "destination"] ["source","destination"]
    "search_files" ["path", "pattern", "excludePatterns"] ["path","pattern"]
    "get_file_info" ["path"] ["path"]
    "list_allowed_directories" [] []
    "#);
}
