//! What the README says of the package is true of it.

use std::{collections::BTreeSet, fs, path::Path};

/// The names of the dependencies in a section of `Cargo.toml`.
fn dependencies<'a>(manifest: &'a str, section: &str) -> BTreeSet<&'a str> {
    let lines = manifest.lines().skip_while(|line| *line != section).skip(1).take_while(|line| !line.starts_with('['));
    let name = |line: &'a str| line.split_once(" = ").map(|(name, _)| name);
    lines.filter(|line| !line.starts_with('#')).filter_map(name).collect()
}

#[test]
fn the_readme_says_what_each_dependency_is_for() {
    let read = |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let (manifest, readme) = (read("Cargo.toml"), read("README.md"));
    let (_, section) = readme.split_once("\n## Dependencies\n").unwrap();
    let rows =
        section.lines().filter_map(|line| line.strip_prefix("| ")).skip_while(|row| !row.starts_with("---")).skip(1);
    let cells: Vec<_> = rows.filter_map(|row| row.split_once(" | ")).flat_map(|(cell, _)| cell.split(", ")).collect();
    let names: BTreeSet<_> = cells.iter().map(|cell| cell.split(' ').next().unwrap()).collect();
    assert_eq!(names.len(), cells.len(), "one is named twice");
    assert_eq!(names, dependencies(&manifest, "[dependencies]"));

    let (_, tests) = section.split_once("In tests only: ").unwrap();
    let (tests, _) = tests.split_once("\n\n").unwrap();
    for name in dependencies(&manifest, "[dev-dependencies]").difference(&names) {
        assert!(tests.contains(name), "{name} is not named");
    }
}
