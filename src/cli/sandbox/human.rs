//! Numbers as people read them.

use std::time::Duration;

use jiff::Timestamp;

/// The time since `then`: `5s`, `12m`, `3h`, `2d`.
pub(super) fn since(then: Timestamp, now: Timestamp) -> String {
    time(Duration::try_from(now.duration_since(then)).unwrap_or_default())
}

/// In the largest unit that fits.
pub(super) fn time(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7200 => format!("{}m", seconds / 60),
        seconds @ 7200..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// Of a processor.
pub(super) fn cpu(time: Duration) -> String {
    if time < Duration::from_secs(60) { format!("{:.1}s", time.as_secs_f64()) } else { self::time(time) }
}

pub(super) fn bytes(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let in_units = |unit: u32| bytes as f64 / f64::from(unit);
    match bytes {
        0..1024 => format!("{bytes}"),
        1024..1_048_576 => format!("{:.0}Ki", in_units(1 << 10)),
        1_048_576..1_073_741_824 => format!("{:.1}Mi", in_units(1 << 20)),
        _ => format!("{:.1}Gi", in_units(1 << 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_fits() {
        let times = [0, 119, 120, 7199, 7200, 172_799, 172_800].map(|seconds| time(Duration::from_secs(seconds)));
        assert_eq!(times, ["0s", "119s", "2m", "119m", "2h", "47h", "2d"]);
        let sizes = [0, 1023, 1536, 1 << 20, 1 << 30].map(bytes);
        assert_eq!(sizes, ["0", "1023", "2Ki", "1.0Mi", "1.0Gi"]);
        assert_eq!(cpu(Duration::from_millis(1260)), "1.3s");
    }
}
