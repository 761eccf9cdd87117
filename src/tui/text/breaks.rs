//! Where a line may end.

use super::width::graphemes;

/// What may not begin a line: closing marks, and the small kana and signs that belong to the character before them.
const NOT_FIRST: &str =
    "、。，．・：；？！゛゜ヽヾゝゞ々ー’”）〕］｝〉》」』】°′″℃％‰ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ…—～";
/// What may not end one.
const NOT_LAST: &str = "‘“（〔［｛〈《「『【$￥£";

/// The byte ranges of the lines of `text`, which holds no line feed: at most `first` columns in the first, `rest` in
/// the others. The spaces at a break belong to neither line.
pub(super) fn words(text: &str, first: usize, rest: usize) -> Vec<(usize, usize)> {
    let mut lines = Lines { text, first, rest, done: vec![] };
    // Where the line began; what it takes; where it may end, where the next would begin, and what is taken after that.
    let (mut start, mut taken, mut end) = (0, 0, None::<(usize, usize, usize)>);
    let (mut at, mut before, mut spaces_from) = (0, "", 0);
    for (grapheme, width) in graphemes(text) {
        let space = grapheme == " ";
        if !space && at > start && may_break(before, grapheme) {
            // Spaces at the start of a text are an indent, not a place to break at.
            let to = if before == " " { spaces_from } else { at };
            if to > start {
                end = Some((to, at, taken));
            }
        }
        if space && before != " " {
            spaces_from = at;
        }
        if !space && taken + width > lines.columns() {
            // Spaces at the start that are wider than the line are an indent that there is no room for.
            let full = if taken > lines.columns() { start } else { at };
            let (to, next, gone) = end.take().unwrap_or((full, at, taken));
            if at > start {
                lines.done.push((start, to));
                (start, taken) = (next, taken - gone);
            }
            // What was carried over can itself be too much, where the lines after the first are shorter.
            if taken + width > lines.columns() && at > start {
                lines.done.push((start, at));
                (start, taken) = (at, 0);
            }
        }
        taken += width;
        at += grapheme.len();
        before = grapheme;
    }
    let to = if before == " " && taken > lines.columns() { spaces_from.max(start) } else { text.len() };
    lines.done.push((start, to));
    lines.done
}

/// As [`words`], ending lines where they are full.
pub(super) fn anywhere(text: &str, first: usize, rest: usize) -> Vec<(usize, usize)> {
    let mut lines = Lines { text, first, rest, done: vec![] };
    let (mut start, mut taken, mut at) = (0, 0, 0);
    for (grapheme, width) in graphemes(text) {
        if taken + width > lines.columns() && at > start {
            lines.done.push((start, at));
            (start, taken) = (at, 0);
        }
        taken += width;
        at += grapheme.len();
    }
    lines.done.push((start, lines.text.len()));
    lines.done
}

struct Lines<'a> {
    text: &'a str,
    first: usize,
    rest: usize,
    done: Vec<(usize, usize)>,
}

impl Lines<'_> {
    fn columns(&self) -> usize {
        if self.done.is_empty() { self.first } else { self.rest }
    }
}

fn may_break(before: &str, after: &str) -> bool {
    if before == " " {
        return true;
    }
    if before.len() == 1 && after.len() == 1 {
        return before == "-" && after != "-";
    }
    if NOT_FIRST.contains(after) || NOT_LAST.contains(before) {
        return false;
    }
    ideographic(before) || ideographic(after) || (matches!(before, "-" | "–" | "—") && after != "-")
}

/// Han, kana and what stands among them, which are written without spaces. Hangul has spaces.
fn ideographic(grapheme: &str) -> bool {
    let c = grapheme.chars().next().unwrap_or(' ');
    matches!(c, '\u{2e80}'..='\u{2fff}' | '\u{3000}'..='\u{30ff}' | '\u{31c0}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
        || matches!(c, '\u{ff00}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}' | '\u{1f300}'..='\u{1faff}')
}
