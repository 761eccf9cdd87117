//! What callers say to a question in the middle of a turn, in protocols that answer with the next request.

use serde_json::Value;

use crate::{
    domain::{Answer, Message},
    server::{ApiError, Ask, RunHandle},
};

/// Words for yes, where a caller answers in words.
const YES: [&str; 8] = ["y", "yes", "ok", "true", "allow", "approve", "approved", "confirm"];

/// The answer to `ask` that a caller gave as JSON: `true`, `{"approved": true, "reason": "…"}`, `{"answer": "…"}`, or
/// text. What cannot be read as yes is no.
pub(super) fn answer(ask: &Ask, given: &Value) -> Answer {
    let field = |names: &[&str]| names.iter().find_map(|name| given.get(name));
    let text = field(&["answer", "reason", "text"]).and_then(Value::as_str);
    match (ask, given) {
        (_, Value::String(words)) => in_words(ask, words),
        (Ask::Approval { .. }, Value::Bool(approved)) => ask.answer(*approved, ""),
        (Ask::Approval { .. }, _) => {
            let approved = field(&["approved", "approve", "allow"]).and_then(Value::as_bool).unwrap_or(false);
            ask.answer(approved, text.unwrap_or_default())
        }
        (Ask::Question { .. }, Value::Null) => ask.answer(false, ""),
        (Ask::Question { .. }, _) => ask.answer(true, text.unwrap_or(&given.to_string())),
    }
}

/// The answer to `ask` that a caller gave in words. Whatever is not a yes is a no, with the words as its reason.
pub(super) fn in_words(ask: &Ask, words: &str) -> Answer {
    match ask {
        Ask::Question { .. } => ask.answer(true, words),
        Ask::Approval { .. } => {
            let word = words.trim().trim_end_matches(['.', '!']).to_ascii_lowercase();
            let yes = YES.contains(&word.as_str());
            ask.answer(yes, if yes { "" } else { words.trim() })
        }
    }
}

/// Gives each open question of a turn its answer, and what was said besides; `find` is what the caller said to it, if
/// anything.
///
/// # Errors
/// 404 where the turn is over; as [`RunHandle::steer`].
pub(super) async fn all(
    handle: &RunHandle,
    find: impl Fn(&Ask) -> Option<Answer>,
    more: Vec<Message>,
) -> Result<(), ApiError> {
    handle.steer(more)?;
    for ask in handle.asked() {
        handle.answer(find(&ask).unwrap_or_else(|| ask.unanswered())).await?;
    }
    Ok(())
}
