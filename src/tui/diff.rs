//! The difference between two texts, with what changed inside a line.

use std::time::Duration;

use ratatui::text::{Line, Span};
use similar::{ChangeTag, TextDiff};

use super::{
    text::{Break, Wrap, clean},
    theme::{Role, Theme},
};

/// Lines shown around a change.
const AROUND: usize = 3;
/// A difference that takes longer to make small is shown larger.
const PATIENCE: Duration = Duration::from_millis(20);
/// In a longer line the parts that changed are not looked for.
const LONGEST: usize = 1 << 10;

/// The lines of a difference, and how many were added and removed.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    pub added: usize,
    pub removed: usize,
    lines: Vec<DiffLine>,
}

#[derive(Clone, Debug)]
struct DiffLine {
    kind: Kind,
    /// Parts, and whether each is what changed.
    parts: Vec<(bool, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Same,
    Added,
    Removed,
    /// Lines that are left out, or where a part stands in the file.
    Between,
}

impl Diff {
    /// Between two texts.
    #[must_use]
    pub fn between(old: &str, new: &str) -> Self {
        let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
        let mut found = Self::default();
        for (i, group) in diff.grouped_ops(AROUND).iter().enumerate() {
            if i > 0 {
                found.push(Kind::Between, vec![(false, "⋯".to_owned())]);
            }
            for change in group.iter().flat_map(|op| diff.iter_inline_changes(op)) {
                let kind = match change.tag() {
                    ChangeTag::Equal => Kind::Same,
                    ChangeTag::Insert => Kind::Added,
                    ChangeTag::Delete => Kind::Removed,
                };
                let parts = change.iter_strings_lossy().map(|(changed, part)| (changed, part.into_owned())).collect();
                found.push(kind, parts);
            }
        }
        found
    }

    /// Of a text in the form of git, such as a tool gives; a file has its name where a line `diff --git` begins it.
    #[must_use]
    pub fn of_unified(text: &str) -> Self {
        let mut found = Self::default();
        let mut heading = true;
        for line in text.lines() {
            if let Some(names) = line.strip_prefix("diff --git ") {
                let name = names.rsplit_once(" b/").map_or(names, |(_, name)| name);
                found.push(Kind::Between, vec![(false, name.to_owned())]);
                heading = true;
                continue;
            }
            heading &= !line.starts_with("@@");
            let (kind, rest) = match line.as_bytes().first() {
                _ if heading && (line.starts_with("--- ") || line.starts_with("+++ ")) => continue,
                Some(b'+') => (Kind::Added, &line[1..]),
                Some(b'-') => (Kind::Removed, &line[1..]),
                Some(b' ') => (Kind::Same, &line[1..]),
                _ => (Kind::Between, line),
            };
            found.push(kind, vec![(false, rest.to_owned())]);
        }
        found
    }

    fn push(&mut self, kind: Kind, mut parts: Vec<(bool, String)>) {
        match kind {
            Kind::Added => self.added += 1,
            Kind::Removed => self.removed += 1,
            Kind::Same | Kind::Between => {}
        }
        // Where all of a line is new there is nothing to point out in it.
        let all = parts.iter().all(|(changed, part)| *changed || part.trim().is_empty());
        let long = parts.iter().map(|(_, part)| part.len()).sum::<usize>() > LONGEST;
        for (changed, part) in &mut parts {
            *changed = *changed && !all && !long && !part.trim().is_empty();
            *part = clean(part.trim_end_matches(['\n', '\r'])).replace('\n', " ");
        }
        self.lines.push(DiffLine { kind, parts });
    }

    /// At most `most` of its lines, on a screen of `width` columns.
    #[must_use]
    pub fn lines(&self, width: usize, most: usize, theme: &Theme) -> Vec<Line<'static>> {
        let mut lines: Vec<_> = self.lines.iter().take(most).flat_map(|line| line.lines(width, theme)).collect();
        if self.lines.len() > most {
            let more = format!("… {} more lines", self.lines.len() - most);
            let more = Line::from(Span::styled(more, theme.style(Role::Dim)));
            lines.extend(Wrap::to(width).lines(&more));
        }
        lines
    }
}

impl DiffLine {
    fn lines(&self, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        let (sign, whole, part) = match self.kind {
            Kind::Same => ("  ", Role::Dim, Role::Dim),
            Kind::Added => ("+ ", Role::Added, Role::AddedPart),
            Kind::Removed => ("- ", Role::Removed, Role::RemovedPart),
            Kind::Between => ("  ", Role::Accent, Role::Accent),
        };
        let span = |(changed, text): &(bool, String)| {
            Span::styled(text.clone(), theme.style(if *changed { part } else { whole }))
        };
        let line = Line::from(self.parts.iter().map(span).collect::<Vec<_>>());
        let sign = Span::styled(sign, theme.style(whole));
        Wrap::to(width).breaks(Break::Anywhere).prefix(sign, "  ").lines(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(diff: &Diff, most: usize) -> String {
        let mark = |span: &Span<'_>| match span.style {
            style if style == Theme::default().style(Role::AddedPart) => format!("[{}]", span.content),
            style if style == Theme::default().style(Role::RemovedPart) => format!("[{}]", span.content),
            _ => span.content.to_string(),
        };
        let lines = diff.lines(30, most, &Theme::default());
        lines.iter().map(|line| line.spans.iter().map(mark).collect::<String>()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_changed_inside_a_line_stands_out() {
        let old = "a\nb\nc\nlet x = one(1);\nd\ne\nf\ng\nh\ni\nend\n";
        let new = "a\nb\nc\nlet x = two(1);\nd\ne\nf\ng\nh\ni\nend\nmore\u{1b}[2J\n";
        let diff = Diff::between(old, new);
        assert_eq!((diff.added, diff.removed), (2, 1));
        insta::assert_snapshot!(shown(&diff, 100), @r"
          a
          b
          c
        - let x = [one(1);]
        + let x = [two(1);]
          d
          e
          f
          ⋯
          h
          i
          end
        + more�[2J
        ");
        insta::assert_snapshot!(shown(&diff, 2), @r"
          a
          b
        … 11 more lines
        ");
    }

    #[test]
    fn of_a_tool() {
        let diff =
            Diff::of_unified("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n same\n-old\n+new and rather longer than a line\n");
        assert_eq!((diff.added, diff.removed), (1, 1));
        insta::assert_snapshot!(shown(&diff, 100), @r"
          @@ -1,2 +1,2 @@
          same
        - old
        + new and rather longer than a
           line
        ");
    }

    #[test]
    fn of_several_files_each_has_its_name_and_no_line_is_taken_for_a_heading() {
        let text = "diff --git a/sql/x y b/sql/x y\n--- a/sql/x y\n+++ b/sql/x y\n@@ -1,2 +1 @@\n--- a comment\n same\n\
                    diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+++ i\n";
        let diff = Diff::of_unified(text);
        assert_eq!((diff.added, diff.removed), (1, 1));
        insta::assert_snapshot!(shown(&diff, 100), @r"
          sql/x y
          @@ -1,2 +1 @@
        - -- a comment
          same
          new
          new file mode 100644
          @@ -0,0 +1 @@
        + ++ i
        ");
    }
}
