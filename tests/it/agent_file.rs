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
            let text = fs::read_to_string(&file).unwrap();
            parsed(&file.display().to_string(), &text, &dir).unwrap_or_else(|said| panic!("{said}"));
            assert!(fits(&text), "the schema refuses {}", file.display());
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
