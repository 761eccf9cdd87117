//! Whatever it is given, the loader ends, and says something that can be shown.

use std::path::Path;

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

const FULL: &str = include_str!("../../../tests/it/fixtures/agent-files/full.yaml");

/// Loads a text, and looks at everything that comes of it.
fn load_any(text: &str) {
    let options = LoadOptions { profile: None, lookup: &|name| (name.len() % 2 == 0).then(|| "7".into()) };
    let found = match load_str("agent.yaml", text, Path::new("/nowhere"), &options) {
        Ok(loaded) => loaded.unset(Severity::Warning, |_| true),
        Err(found) => found,
    };
    for diagnostic in found.iter() {
        if let Some(place) = &diagnostic.place {
            assert!(place.span.end <= text.len() && place.line() >= 1 && place.column() >= 1, "{place}");
        }
    }
    let _ = (found.render(Color::Yes), found.json(), found.github());
}

/// What a text is likely to break on.
fn splinter() -> impl Strategy<Value = String> {
    let known = select(vec![
        "{",
        "}",
        "[",
        "]",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "\t",
        "&a ",
        "*a",
        "<<: *a",
        "!!str ",
        "---\n",
        "...\n",
        "${",
        "${A}",
        "${AB:-}",
        "\"",
        "'",
        "|\n",
        ">\n",
        "? ",
        "%YAML 9.9\n",
        "#",
        "null",
        "~",
        "1e999",
        "-0x1",
        ".inf",
        "é",
        "\u{feff}",
        "\u{0}",
        "\r\n",
        "\u{2028}",
        "tools",
        "models",
        "profiles: {p: null}",
        "mcp",
        "agents",
        "$$",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "\\PC{0,8}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        load_any(&text);
    }

    #[test]
    fn any_splinters(splinters in vec(splinter(), 0..60)) {
        load_any(&splinters.concat());
    }

    #[test]
    fn any_mutation(cuts in vec((0..FULL.len(), 0..40_usize, splinter()), 1..6)) {
        let mut text = FULL.to_owned();
        for (start, length, put) in cuts {
            let floor = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let (start, end) = (floor(start), floor(start + length));
            text.replace_range(start..end, &put);
        }
        load_any(&text);
    }
}

#[test]
fn deep_and_wide() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
        format!("name: a\n{}", (0..60_000).map(|key| format!("k{key}: 1\n")).collect::<String>()),
        format!("name: a\n{}", (0..20_000).map(|key| format!("k{key}: 1\n")).collect::<String>()),
        format!("name: a\ntools: [{}]\n", "x, ".repeat(20_000)),
        format!(
            "name: a\nagents:\n{}",
            (0..4000).map(|agent| format!("  a{agent}: {{tools: [todo]}}\n")).collect::<String>()
        ),
        format!("name: a\nhandoffs: [{}]\n", "x, ".repeat(20_000)),
        format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), "*a, ".repeat(10_000)),
        (0..60).map(|level| format!("{}- &a{level}\n", " ".repeat(level))).collect::<String>()
            + &" ".repeat(60)
            + "- x\n",
        format!("name: \"{}\"\n", "${A}".repeat(100_000)),
    ] {
        load_any(&text);
    }
}
