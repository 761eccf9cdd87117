//! What the documentation and the templates show is true: every agent file in them is one.

use std::{fs, path::Path};

use agentscope::config::agent_file::{Color, LoadOptions, load, load_str};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The YAML blocks of a Markdown text, with the line that each begins in.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = vec![];
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim() == "```yaml" {
            let block = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
            blocks.push((number + 2, block.fold(String::new(), |text, line| text + line + "\n")));
        }
    }
    blocks
}

#[test]
fn agent_files_in_the_documentation() {
    // What the examples refer to.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".mcp.json"), r#"{"mcpServers": {"docs": {"url": "https://example.com/mcp"}}}"#)
        .unwrap();
    let pages = fs::read_dir(repository().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut count = 0;
    for page in pages.chain([repository().join("README.md")]).filter(|page| !page.ends_with("agent-file.md")) {
        for (line, block) in blocks(&fs::read_to_string(&page).unwrap()) {
            let name = format!("{}:{line}", page.display());
            if let Err(wrong) = load_str(&name, &block, folder.path(), &LoadOptions::default()) {
                panic!("{name}\n{}", wrong.render(Color::No));
            }
            count += 1;
        }
    }
    assert!(count >= 8, "only {count} examples were found");
}

#[test]
fn templates() {
    for template in fs::read_dir(repository().join("templates")).unwrap() {
        let path = template.unwrap().path();
        let loaded = load(&path, &LoadOptions::default())
            .unwrap_or_else(|wrong| panic!("{}\n{}", path.display(), wrong.render(Color::No)));
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(Color::No));
        for file in ["README.md", ".env.example", ".gitignore"] {
            assert!(path.join(file).is_file(), "{} has no {file}", path.display());
        }
    }
}
