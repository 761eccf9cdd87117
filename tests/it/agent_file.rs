//! Parser and printed schema agree, on every agent file that we show to anybody.

use std::{
    fs,
    path::{Path, PathBuf},
};

use agentscope::config::agent_file::{self, Document, LoadOptions, Source};
use serde_json::Value;

/// A folder with the files that examples name.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("skills")).unwrap();
    for (name, text) in [
        ("prompt.md", "You are helpful."),
        ("petstore.yaml", "openapi: 3.1.0"),
        (
            ".mcp.json",
            r#"{"mcpServers": {"everything": {"command": "npx"}, "docs": {"url": "https://example.com/mcp"}}}"#,
        ),
        ("other.yaml", "name: other\n"),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether the parser takes a file by itself and with each of its profiles, and what it says otherwise.
fn parsed(name: &str, text: &str, dir: &Path) -> Result<(), String> {
    let source = Source { name: name.to_owned(), text: text.to_owned() };
    let document = Document::parse(source, dir).map_err(|found| found.to_string())?;
    for profile in [None].into_iter().chain(document.profiles().into_iter().map(Some)) {
        let options = LoadOptions { profile: profile.map(str::to_owned), lookup: &|_| None };
        document.load(&options).map_err(|found| found.to_string())?;
    }
    Ok(())
}

/// Whether the printed schema takes it, read by another parser of YAML.
fn fits(text: &str) -> bool {
    let value: Value = serde_yaml::from_str(text).unwrap();
    jsonschema::validator_for(&agent_file::json_schema()).unwrap().is_valid(&value)
}

/// The blocks of a Markdown file that are agent files: those marked as YAML and nothing more.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = vec![];
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "```yaml" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
            blocks.push(block.join("\n") + "\n");
        }
    }
    blocks
}

#[test]
fn every_example_of_the_documentation_works() {
    let dir = folder();
    let mut files = vec![repository("README.md")];
    files.extend(fs::read_dir(repository("docs")).unwrap().map(|entry| entry.unwrap().path()));
    let mut count = 0;
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
        for (index, block) in blocks(&fs::read_to_string(file).unwrap()).into_iter().enumerate() {
            let named = block.lines().any(|line| line.starts_with("name:"));
            let text = if named { block } else { format!("name: example\n{block}") };
            let name = format!("{} block {}", file.display(), index + 1);
            if let Err(said) = parsed(&name, &text, dir.path()) {
                panic!("{said}\n(a block that is no agent file gets a word after `yaml`)");
            }
            assert!(fits(&text), "the schema refuses {name}");
            count += 1;
        }
    }
    assert!(count > 10, "the examples were not found");
}

#[test]
fn every_template_works() {
    let mut count = 0;
    for entry in fs::read_dir(repository("templates")).unwrap() {
        let dir = entry.unwrap().path();
        let file = dir.join("agent.yaml");
        if file.is_file() {
            for beside in ["README.md", ".env.example", ".gitignore"] {
                assert!(dir.join(beside).is_file(), "{} has no {beside}", dir.display());
            }
            let text = fs::read_to_string(&file).unwrap();
            parsed(&file.display().to_string(), &text, &dir).unwrap_or_else(|said| panic!("{said}"));
            assert!(fits(&text), "the schema refuses {}", file.display());
            let warnings = agent_file::load(&file, &LoadOptions::default()).unwrap().warnings;
            assert!(warnings.is_empty(), "{warnings}");
            count += 1;
        }
    }
    assert!(count >= 3, "the templates were not found");
}

#[test]
fn the_file_with_every_key_has_every_key() {
    let dir = folder();
    let text = fs::read_to_string(repository("tests/it/fixtures/agent-files/full.yaml")).unwrap();
    parsed("full.yaml", &text, dir.path()).unwrap_or_else(|said| panic!("{said}"));
    assert!(fits(&text));
    let documented = fs::read_to_string(repository("docs/agent-file.md")).unwrap();
    let schema = agent_file::json_schema();
    let definitions = schema["$defs"].as_object().unwrap().values();
    for properties in [&schema].into_iter().chain(definitions).filter_map(|schema| schema["properties"].as_object()) {
        for key in properties.keys() {
            let written = |text: &str| text.contains(&format!("{key}:"));
            assert!(written(&text) || key == "instructions_file", "full.yaml has no `{key}`");
            assert!(written(&documented), "docs/agent-file.md has no `{key}`");
        }
    }
}

#[test]
fn what_one_refuses_the_other_refuses() {
    for text in [
        "version: 1\n",
        "name: My Agent\n",
        "name: a\nversion: 2\n",
        "name: a\nnam: b\n",
        "name: a\ntools: todo\n",
        "name: a\ntools: [nothing]\n",
        "name: a\ntools: [todo: {}]\n",
        "name: a\ntools: [{mcp: x, tools: []}]\n",
        "name: a\nskills:\n",
        "name: a\ncontext: {date: yes}\n",
        "name: a\nlimits: {time: 5 parsecs}\n",
        "name: a\nlimits: {steps: 0}\n",
        "name: a\nsandbox: {limits: {cpu: 0}}\n",
        "name: a\nserve: {host: localhost}\n",
        "name: a\nserve: {port: 70000}\n",
        "name: a\nsandbox: {network: some}\n",
        "name: a\nmodels: {m: {model: x}}\n",
        "name: a\nagents: {b: {serve: {}}}\n",
        "name: a\nprofiles: {p: {nam: x}}\n",
    ] {
        assert!(parsed("agent.yaml", text, Path::new(".")).is_err(), "the parser takes {text}");
        // YAML 1.2 booleans, as ours.
        assert!(!fits(&text.replace("yes", "\"yes\"")), "the schema takes {text}");
    }
}

/// Files that broke a reader of YAML once, ours or another. A new one is put beside them.
#[test]
fn hostile_files_are_understood_or_refused() {
    let mut files: Vec<PathBuf> =
        fs::read_dir(repository("tests/it/corpus/yaml")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let said = files.iter().map(|file| {
        let name = file.file_stem().unwrap().to_str().unwrap();
        match agent_file::load(file, &LoadOptions::default()) {
            Ok(_) => format!("{name}: ok\n"),
            Err(found) => {
                let first = found.iter().next().unwrap();
                let place = first.place.as_ref().map(|place| format!(" at {}:{}", place.line(), place.column()));
                let message = first.message.replace(&file.display().to_string(), "[FILE]");
                // Some repeat what they were given.
                let message: String = message.chars().take(120).collect();
                format!("{name}: {}{}: {message}\n", first.code, place.unwrap_or_default())
            }
        }
    });
    insta::assert_snapshot!(said.collect::<String>(), @r"
    alias-bomb-of-text: too-large at 4:49: the anchors and aliases of this file repeat too much
    alias-bomb: too-large at 6:30: the file has more than 50000 values
    alias-nested-anchors: wrong-type at 1:1: an agent file is a mapping of keys to values
    alias-of-itself: alias at 1:11: an alias cannot stand inside of what it repeats
    alias-unknown: syntax at 1:7: not valid YAML: an alias to an anchor that is not defined
    alias-used: ok
    anchor-twice: ok
    binary: binary: `[FILE]` is not a text file
    bom-inside: syntax at 2:1: not valid YAML: a BOM must not appear inside a document
    bom-utf-16: binary: `[FILE]` is not a text file
    bom: ok
    carriage-return-only: ok
    colon-in-value: syntax at 2:23: not valid YAML: mapping values are not allowed in this context
    comment-only: empty: `[FILE]` is empty
    control-character: syntax at 2:17: not valid YAML: unexpected character: `\u{1}'
    crlf: ok
    deep-block: too-deep at 65:65: the file is nested more than 64 levels deep
    deep-flow: too-deep at 2:75: the file is nested more than 64 levels deep
    deep-maps: too-deep at 2:263: the file is nested more than 64 levels deep
    directive-future: syntax at 1:1: not valid YAML: unsupported YAML major version
    directive: ok
    document-end: ok
    documents: several-documents at 2:1: a second YAML document begins here
    empty: empty: `[FILE]` is empty
    escape-unknown: syntax at 2:15: not valid YAML: while parsing a quoted scalar, found unknown escape character
    indentation: syntax at 2:7: not valid YAML: mapping values are not allowed in this context
    json: ok
    key-empty: unknown-key at 2:1: `~` is not a key of an agent file
    key-is-a-list: key at 2:3: a key has to be a name, not a list or a mapping
    key-long: syntax at 2:1: not valid YAML: simple key expected ':'
    key-null: unknown-key at 2:1: `null` is not a key of an agent file
    key-twice: duplicate-key at 2:1: the key `name` stands here a second time
    latin-1: encoding: `[FILE]` is not UTF-8: line 1 has bytes that are no characters
    list: wrong-type at 1:1: an agent file is a mapping of keys to values
    merge-key: missing-key at 4:3: `n` has no `provider`
    no-line-break-at-the-end: ok
    norway: wrong-type at 3:10: expected a string, found a number
    nul: binary: `[FILE]` is not a text file
    null: empty: `[FILE]` is empty
    number-huge: wrong-type at 2:17: expected a whole number, found a string
    number-many-digits: wrong-type at 2:17: expected a whole number, found a string
    number-negative: wrong-value at 2:17: -1 is too small: the least is 1
    quote-double-unclosed: syntax at 1:7: not valid YAML: a quoted string is not closed
    quote-single-unclosed: syntax at 1:7: not valid YAML: a quoted string is not closed
    quote-then-more: syntax at 1:11: not valid YAML: invalid trailing content after double-quoted scalar
    reference-unclosed: bad-reference at 2:8: `${MODEL` is not a reference to a variable
    reference-unquoted: unquoted-reference at 2:39: `${MODEL}` needs quotes inside of `{…}` and `[…]`
    separators-of-unicode: ok
    surrogates: syntax at 2:15: not valid YAML: while parsing a quoted scalar, found high surrogate without following low surrogate
    tab-between: ok
    tab-indentation: syntax at 3:1: not valid YAML: a tab is used for indentation
    tab-only: empty: `[FILE]` is empty
    tag-binary: tag at 1:16: the tag `!!binary` has no meaning in an agent file
    tag-python: wrong-type at 1:1: expected a string, found a list
    text: wrong-type at 1:1: an agent file is a mapping of keys to values
    unclosed-list-at-the-end: syntax at 2:8: not valid YAML: `[` is not closed
    unclosed-list: syntax at 2:8: not valid YAML: `[` is not closed
    unclosed-map: syntax at 2:9: not valid YAML: `{` is not closed
    unclosed-mixed: syntax at 3:31: not valid YAML: mismatched bracket '[' closed by '}'
    unclosed-over-lines: syntax at 2:8: not valid YAML: `[` is not closed
    unopened-list: wrong-type at 2:8: expected a list, found a string
    utf-8-cut: encoding: `[FILE]` is not UTF-8: line 1 has bytes that are no characters
    utf-8-overlong: encoding: `[FILE]` is not UTF-8: line 1 has bytes that are no characters
    ");
}
