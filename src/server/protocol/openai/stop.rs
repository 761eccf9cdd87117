//! Why the model stopped.

/// What callers know of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::server::protocol) enum Stop {
    #[default]
    End,
    /// The limit of output was reached.
    Length,
    /// The provider withheld the answer.
    Filtered,
}

/// Reads the word of whichever provider.
pub(in crate::server::protocol) fn stop_of(word: Option<&str>) -> Stop {
    let word = word.unwrap_or_default().to_ascii_lowercase();
    match word.as_str() {
        "length" | "max_tokens" | "max_output_tokens" | "model_context_window_exceeded" => Stop::Length,
        "content_filter" | "refusal" | "safety" | "recitation" | "blocklist" | "prohibited_content" | "spii"
        | "image_safety" | "sensitive" => Stop::Filtered,
        _ => Stop::End,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_several_providers() {
        for (word, stop) in [
            ("stop", Stop::End),
            ("end_turn", Stop::End),
            ("length", Stop::Length),
            ("max_tokens", Stop::Length),
            ("MAX_TOKENS", Stop::Length),
            ("SAFETY", Stop::Filtered),
            ("content_filter", Stop::Filtered),
        ] {
            assert_eq!(stop_of(Some(word)), stop, "{word}");
        }
        assert_eq!(stop_of(None), Stop::End);
    }
}
