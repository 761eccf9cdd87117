//! Which notes fit a query, and in which order.
//!
//! Done here rather than by SQLite's full-text index: an agent keeps some hundred notes, both stores must answer alike,
//! and none of SQLite's tokenizers finds a Chinese word of two characters.

use super::Note;

/// At most `most` of `notes`, which come newest first. A note fits if it has a word of `query` in it; a word counts
/// the more, the fewer notes have it; the newer of two equally good notes comes first.
pub(super) fn best(notes: Vec<Note>, query: &str, most: usize) -> Vec<Note> {
    let words = words(query);
    if words.is_empty() {
        return notes.into_iter().take(most).collect();
    }
    let texts: Vec<String> = notes.iter().map(|note| note.text.to_lowercase()).collect();
    let weights: Vec<f64> = words
        .iter()
        .map(|word| {
            let having = texts.iter().filter(|text| text.contains(word)).count();
            // Of the usual form of an inverse document frequency; only the order it gives matters.
            #[expect(clippy::cast_precision_loss, reason = "numbers of notes are small")]
            (1.0 + texts.len() as f64 / having.max(1) as f64).ln()
        })
        .collect();
    let mut scored: Vec<(f64, Note)> = notes
        .into_iter()
        .zip(&texts)
        .map(|(note, text)| {
            let score = words.iter().zip(&weights).filter(|(word, _)| text.contains(*word)).map(|(_, weight)| weight);
            (score.sum(), note)
        })
        .filter(|(score, _)| *score > 0.0)
        .collect();
    // Stable, so that newer ones stay first among equals.
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter().take(most).map(|(_, note)| note).collect()
}

/// The words of a query, in lower case, each once. Scripts written without spaces are taken in pairs of characters.
fn words(query: &str) -> Vec<String> {
    let query = query.to_lowercase();
    let mut words = vec![];
    for run in query.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty()) {
        let chars: Vec<char> = run.chars().collect();
        for part in chars.chunk_by(|a, b| unspaced(*a) == unspaced(*b)) {
            if unspaced(part[0]) && part.len() > 2 {
                words.extend(part.windows(2).map(String::from_iter));
            } else {
                words.push(String::from_iter(part));
            }
        }
    }
    words.sort_unstable();
    words.dedup();
    words
}

/// Whether `c` belongs to a script that puts no spaces between words: Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar.
fn unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn found(query: &str) -> Vec<String> {
        let notes = [
            "The user likes tea",
            "The user prefers tabs over spaces in Rust",
            "Deployments go to eu-west; the key is 100% safe",
            "用户喜欢用中文回答",
            "ユーザーは東京に住んでいる",
        ];
        let notes = notes
            .iter()
            .rev()
            .map(|text| Note { id: 0, text: (*text).to_owned(), created_at: Timestamp::UNIX_EPOCH })
            .collect();
        best(notes, query, 3).into_iter().map(|note| note.text).collect()
    }

    #[test]
    fn rare_words_count_more_than_common_ones() {
        assert_eq!(
            found("what TEA does the user like?"),
            [
                "The user likes tea",
                "The user prefers tabs over spaces in Rust",
                "Deployments go to eu-west; the key is 100% safe"
            ]
        );
    }

    #[test]
    fn the_start_of_a_word_is_enough() {
        assert_eq!(found("deploy"), ["Deployments go to eu-west; the key is 100% safe"]);
    }

    #[test]
    fn scripts_without_spaces() {
        assert_eq!(found("喜欢"), ["用户喜欢用中文回答"]);
        assert_eq!(found("他喜欢什么语言"), ["用户喜欢用中文回答"]);
        assert_eq!(found("東京"), ["ユーザーは東京に住んでいる"]);
    }

    #[test]
    fn signs_mean_nothing() {
        assert_eq!(found("100% \" OR * ' -- NEAR("), ["Deployments go to eu-west; the key is 100% safe"]);
        assert_eq!(found("%"), found(""));
    }

    #[test]
    fn without_a_query_the_newest() {
        assert_eq!(found(" ")[0], "ユーザーは東京に住んでいる");
        assert_eq!(found("").len(), 3);
    }

    #[test]
    fn without_a_match_nothing() {
        assert_eq!(found("zebra"), [""; 0]);
    }
}
