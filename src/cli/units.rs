//! Durations and sizes as the configuration writes them.

use std::time::Duration;

/// `500ms`, `10s`, `5m`, `1h`.
pub(super) fn duration(key: &str, text: &str) -> Result<Duration, String> {
    let wrong = || format!("{key}: {text:?} is no duration; write 500ms, 10s, 5m or 1h");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).map(Duration::from_millis).ok_or_else(wrong)
}

/// `500`, `64KB`, `10MB`, `1GB`, in powers of 1024.
pub(super) fn size(key: &str, text: &str) -> Result<usize, String> {
    let wrong = || format!("{key}: {text:?} is no size; write 500, 64KB, 10MB or 1GB");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let factor: u64 = match unit.to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" | "KIB" => 1 << 10,
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(factor)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(wrong)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes() {
        for (text, expected) in [
            ("500ms", Some(500)),
            ("10s", Some(10_000)),
            (" 2 m ", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("10", None),
            ("s", None),
            ("-1s", None),
            ("1d", None),
            ("99999999999999999999s", None),
            ("9999999999999999h", None),
        ] {
            assert_eq!(duration("k", text).ok(), expected.map(Duration::from_millis), "{text}");
        }
        for (text, expected) in [
            ("0", Some(0)),
            ("10MB", Some(10 << 20)),
            ("64 kb", Some(64 << 10)),
            ("1GiB", Some(1 << 30)),
            ("10%", None),
            ("", None),
        ] {
            assert_eq!(size("k", text).ok(), expected, "{text}");
        }
    }
}
