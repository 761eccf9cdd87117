//! Files whose paths are pasted, as terminals do when files are dragged into them.

use std::path::{Path, PathBuf};

use crate::domain::Image;

/// Files that are taken from one paste.
const MOST: usize = 16;
/// First bytes of the kinds of images that can be sent; names lie.
const HEAD: usize = 16;

/// A file that was pasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    pub image: bool,
}

/// The paths that `text` is made of; empty where any part of it is something else. Terminals put a backslash before a
/// space or quote the whole, and part several by spaces or line ends.
pub(super) fn candidates(text: &str) -> Vec<PathBuf> {
    let Some(words) = words(text.trim()) else { return vec![] };
    let paths: Option<Vec<_>> = words.iter().map(|word| path_of(word)).collect();
    paths.filter(|paths| paths.len() <= MOST).unwrap_or_default()
}

fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote, mut open) = (vec![], String::new(), None, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (None, '"' | '\'') => (quote, open) = (Some(c), true),
            (None, '\\') => {
                word.push(chars.next()?);
                open = true;
            }
            (None, c) if c.is_whitespace() => {
                if std::mem::take(&mut open) {
                    words.push(std::mem::take(&mut word));
                }
            }
            (_, c) => {
                word.push(c);
                open = true;
            }
        }
    }
    if open {
        words.push(word);
    }
    quote.is_none().then_some(words)
}

fn path_of(word: &str) -> Option<PathBuf> {
    if let Some(encoded) = word.strip_prefix("file://") {
        let path = encoded.strip_prefix("localhost").unwrap_or(encoded);
        let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
        return path.starts_with('/').then(|| PathBuf::from(path.as_ref()));
    }
    let begins = ["/", "~/", "./", "../"].iter().any(|start| word.starts_with(start));
    (begins && !word.contains('\0')).then(|| PathBuf::from(word))
}

/// Looks at the paths: all of them, where each is a file; else none. Waits for the disk.
#[must_use]
pub fn look_up(paths: &[PathBuf], folder: &Path, home: Option<&Path>) -> Vec<Found> {
    let found: Option<Vec<_>> = paths
        .iter()
        .map(|path| {
            let path = match (path.strip_prefix("~"), home) {
                (Ok(rest), Some(home)) => home.join(rest),
                _ => folder.join(path),
            };
            // A named pipe would be waited for.
            path.is_file().then(|| Found { image: is_image(&path), path })
        })
        .collect();
    found.unwrap_or_default()
}

pub(super) fn is_image(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = Vec::with_capacity(HEAD);
    let read = std::fs::File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    read.is_ok() && Image::type_of(&head).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_text() {
        let paths = |text: &str| {
            let found = candidates(text);
            found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" | ")
        };
        let texts = [
            "/tmp/a.png",
            "'/tmp/my file.png' /tmp/b.txt",
            "/tmp/my\\ file.png\n~/notes.md\n",
            "file:///tmp/%C3%A9.png",
            "./a ../b",
            "see /tmp/a.png",
            "/tmp/a is broken",
            "'/tmp/open",
            "https://example.com/a.png",
            "",
        ];
        insta::assert_snapshot!(texts.map(paths).join("\n"), @"
        /tmp/a.png
        /tmp/my file.png | /tmp/b.txt
        /tmp/my file.png | ~/notes.md
        /tmp/é.png
        ./a | ../b
        ");
    }

    #[test]
    fn all_are_files_or_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.png"), b"\x89PNG\r\n\x1a\n....").unwrap();
        std::fs::write(folder.path().join("lies.png"), "text").unwrap();
        let look = |paths: &[&str]| {
            let paths: Vec<_> = paths.iter().map(PathBuf::from).collect();
            look_up(&paths, folder.path(), Some(folder.path())).into_iter().map(|found| found.image).collect::<Vec<_>>()
        };
        assert_eq!(look(&["./a.png", "~/lies.png"]), [true, false]);
        assert_eq!(look(&["./a.png", "./none"]), [] as [bool; 0]);
        assert_eq!(look(&["/"]), [] as [bool; 0], "a folder is none");
    }
}
