//! The list under the composer: commands after `/`, files after `@`.

use std::path::PathBuf;

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{AtomKind, CaseMatching, Normalization, Pattern},
};

use super::buffer::Buffer;
use crate::tui::commands::Offer;

/// A file or folder that fits what was typed after `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMatch {
    /// From the workspace, with `/` between folders and, for a folder, at its end.
    pub shown: String,
    /// The same, as it is attached: from the workspace.
    pub path: PathBuf,
    pub kind: FileKind,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Text,
    Image,
    Folder,
}

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) hint: String,
    pub(super) about: String,
    /// It cannot be chosen now.
    pub(super) grey: bool,
}

/// What the list is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Commands(Vec<Offer>),
    /// `start` is where the `@` stands.
    Files {
        start: usize,
        found: Vec<FileMatch>,
    },
}

/// An open list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    pub(super) of: Of,
    pub(super) selected: usize,
}

impl List {
    pub(super) fn len(&self) -> usize {
        match &self.of {
            Of::Commands(offers) => offers.len(),
            Of::Files { found, .. } => found.len(),
        }
    }

    /// Goes down, or up, and round at the ends.
    pub(super) fn step(&mut self, by: isize) {
        let len = self.len();
        if len > 0 {
            let len = isize::try_from(len).unwrap_or(isize::MAX);
            let at = isize::try_from(self.selected).unwrap_or(0);
            self.selected = usize::try_from((at + by).rem_euclid(len)).unwrap_or(0);
        }
    }

    pub(super) fn items(&self, running: bool) -> Vec<Item> {
        match &self.of {
            Of::Commands(offers) => offers
                .iter()
                .map(|offer| Item {
                    name: format!("/{}", offer.name),
                    hint: offer.hint.clone(),
                    about: offer.about.clone(),
                    grey: running && !offer.while_running,
                })
                .collect(),
            Of::Files { found, .. } => found
                .iter()
                .map(|file| Item { name: file.shown.clone(), hint: String::new(), about: String::new(), grey: false })
                .collect(),
        }
    }
}

/// What the caret stands in that can be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// The whole first word, without its slash.
    Command(&'a str),
    /// What stands between an `@` and the caret.
    File { start: usize, query: &'a str },
}

impl<'a> Token<'a> {
    pub(super) fn at_caret(buffer: &'a Buffer) -> Option<Self> {
        let (text, caret) = (buffer.text(), buffer.caret());
        let before = &text[..caret];
        if let Some(word) = before.strip_prefix('/')
            && !word.contains(char::is_whitespace)
        {
            return text[caret..].chars().next().is_none_or(char::is_whitespace).then_some(Self::Command(word));
        }
        let start = before.rfind(char::is_whitespace).map_or(0, |at| buffer.following(at));
        let query = before[start..].strip_prefix('@')?;
        query.chars().all(|c| super::chip::index(c).is_none()).then_some(Self::File { start, query })
    }
}

/// The commands that fit `typed`: those that begin with it, in the order of the table, then those that it is scattered
/// over.
pub(super) fn commands(typed: &str, offers: &[Offer]) -> Vec<Offer> {
    let begins = |offer: &&Offer| offer.name.starts_with(typed);
    let first = offers.iter().filter(begins).cloned();
    let rest = offers.iter().filter(|offer| !begins(offer));
    let rest = ranked(typed, rest, |offer| &offer.name).into_iter().map(|(offer, _)| offer.clone());
    first.chain(rest).collect()
}

/// The items that `query` is scattered over, best first, with the places of the letters that fit, in characters.
pub fn ranked<T>(query: &str, items: impl Iterator<Item = T>, text: impl Fn(&T) -> &str) -> Vec<(T, Vec<u32>)> {
    let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
    let pattern = Pattern::new(query, CaseMatching::Smart, Normalization::Smart, AtomKind::Fuzzy);
    let mut scratch = vec![];
    let mut found: Vec<_> = items
        .filter_map(|item| {
            let mut places = vec![];
            let score = pattern.indices(Utf32Str::new(text(&item), &mut scratch), &mut matcher, &mut places)?;
            places.sort_unstable();
            places.dedup();
            Some((score, item, places))
        })
        .collect();
    // What fits alike stays in the order it came in.
    found.sort_by_key(|(score, ..)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, item, places)| (item, places)).collect()
}
