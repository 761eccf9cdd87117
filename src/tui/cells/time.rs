//! How long something took, and how much it was, in few characters.

use std::time::Duration;

/// `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f32()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// As a person counts down: no fraction, and never 0 before the time is over.
pub(super) fn left(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1000);
    span(Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX))).replace(".0 s", " s")
}

/// `1 line`, `2 lines`.
pub(super) fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

/// `950`, `12.3k`, `1.2M`.
pub(super) fn short(number: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", number / unit, number % unit * 10 / unit);
    match number {
        0..1000 => number.to_string(),
        1000..1_000_000 => tenths(1000) + "k",
        _ => tenths(1_000_000) + "M",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_characters() {
        let spans = [420, 12_600, 185_000, 7_800_000].map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(spans, ["0.4 s", "12 s", "3 min 5 s", "2 h 10 min"]);
        assert_eq!([1, 2000, 2001].map(|ms| left(Duration::from_millis(ms))), ["1 s", "2 s", "3 s"]);
        assert_eq!([950, 12_345, 1_250_000].map(short), ["950", "12.3k", "1.2M"]);
    }
}
