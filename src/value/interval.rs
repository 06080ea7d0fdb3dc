//! Spans of time as SQLite keeps them: in the one form in which PostgreSQL writes them.

use std::fmt::Write as _;

/// What would have been right.
pub const EXPECTED: &str = "a span of time such as 1 day 02:30:00 or P1DT2H30M";

/// Most of any part, far beyond what anybody means.
const MOST: i64 = 1_000_000_000;

/// Months, days and microseconds: none is so many of another.
#[derive(Clone, Copy, Default)]
struct Span {
    months: i64,
    days: i64,
    micros: i64,
}

/// A span of time in its canonical form: `1 year 2 mons 3 days 04:05:06.5`. Understood are amounts with units, a clock, and ISO
/// 8601's durations. Fractions are of seconds alone.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    let text = text.trim();
    let span = match text.strip_prefix('P') {
        Some(rest) => iso(rest)?,
        None => words(text)?,
    };
    Some(written(span))
}

impl Span {
    fn add(&mut self, amount: i64, unit: Unit) -> Option<()> {
        if amount.abs() > MOST {
            return None;
        }
        match unit {
            Unit::Months(many) => self.months = self.months.checked_add(amount.checked_mul(many)?)?,
            Unit::Days(many) => self.days = self.days.checked_add(amount.checked_mul(many)?)?,
            Unit::Seconds(many) => {
                let micros = amount.checked_mul(many)?.checked_mul(1_000_000)?;
                self.micros = self.micros.checked_add(micros)?;
            }
        }
        Some(())
    }

    /// Seconds with a fraction, of which microseconds are kept.
    fn add_seconds(&mut self, text: &str) -> Option<()> {
        let (negative, digits) = signed(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let whole: i64 = whole.parse().ok().filter(|whole| *whole <= MOST)?;
        let micro: i64 = format!("{fraction:0<6}")[..6].parse().ok()?;
        let micros = whole * 1_000_000 + micro;
        self.micros = self.micros.checked_add(if negative { -micros } else { micros })?;
        Some(())
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Months(i64),
    Days(i64),
    Seconds(i64),
}

fn unit(word: &str) -> Option<Unit> {
    Some(match word.to_ascii_lowercase().as_str() {
        "year" | "years" | "yr" | "yrs" | "y" => Unit::Months(12),
        "month" | "months" | "mon" | "mons" => Unit::Months(1),
        "week" | "weeks" | "w" => Unit::Days(7),
        "day" | "days" | "d" => Unit::Days(1),
        "hour" | "hours" | "hr" | "hrs" | "h" => Unit::Seconds(3600),
        "minute" | "minutes" | "min" | "mins" | "m" => Unit::Seconds(60),
        "second" | "seconds" | "sec" | "secs" | "s" => Unit::Seconds(1),
        _ => return None,
    })
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn whole(text: &str) -> Option<i64> {
    let (negative, digits) = signed(text);
    let number = (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)?;
    let number: i64 = number.parse().ok()?;
    Some(if negative { -number } else { number })
}

/// `1 year 2 mons -3 days 04:05:06`, also `1 day ago`.
fn words(text: &str) -> Option<Span> {
    let (text, ago) = match text.strip_suffix("ago") {
        Some(rest) if rest.ends_with(' ') => (rest, true),
        _ => (text, false),
    };
    let mut span = Span::default();
    let mut words = text.split_ascii_whitespace();
    let mut empty = true;
    while let Some(word) = words.next() {
        empty = false;
        if word.contains(':') {
            clock(word, &mut span)?;
            continue;
        }
        // `3days` is one word, `3 days` are two.
        let end = word
            .find(|character: char| character.is_ascii_alphabetic())
            .unwrap_or(word.len());
        let (number, name) = word.split_at(end);
        let name = if name.is_empty() { words.next()? } else { name };
        match unit(name)? {
            Unit::Seconds(1) => span.add_seconds(number)?,
            unit => span.add(whole(number)?, unit)?,
        }
    }
    if ago {
        span = Span {
            months: -span.months,
            days: -span.days,
            micros: -span.micros,
        };
    }
    (!empty).then_some(span)
}

/// `04:05` or `-04:05:06.5`.
fn clock(text: &str, span: &mut Span) -> Option<()> {
    let (negative, text) = signed(text);
    let mut parts = text.split(':');
    let hours = parts
        .next()
        .filter(|part| !part.starts_with(['-', '+']))
        .and_then(whole)?;
    let minutes = parts.next().filter(|part| part.len() == 2).and_then(whole)?;
    let mut own = Span::default();
    own.add(hours, Unit::Seconds(3600))?;
    own.add(minutes, Unit::Seconds(60))?;
    if let Some(seconds) = parts.next() {
        let two = seconds.split('.').next().is_some_and(|whole| whole.len() == 2);
        let below = seconds
            .parse::<f64>()
            .is_ok_and(|seconds| (0.0..60.0).contains(&seconds));
        (two && below).then(|| own.add_seconds(seconds))??;
    }
    if minutes > 59 || minutes < 0 || parts.next().is_some() {
        return None;
    }
    span.micros = span
        .micros
        .checked_add(if negative { -own.micros } else { own.micros })?;
    Some(())
}

/// What follows the `P` of ISO 8601's durations: `1Y2M3DT4H5M6.5S`.
fn iso(text: &str) -> Option<Span> {
    let mut span = Span::default();
    let (mut rest, mut of_time, mut empty) = (text, false, true);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T').filter(|_| !of_time) {
            (rest, of_time, empty) = (after, true, true);
            continue;
        }
        let end = rest.find(|character: char| character.is_ascii_alphabetic())?;
        let (number, after) = rest.split_at(end);
        let unit = match (of_time, after.as_bytes()[0]) {
            (false, b'Y') => Unit::Months(12),
            (false, b'M') => Unit::Months(1),
            (false, b'W') => Unit::Days(7),
            (false, b'D') => Unit::Days(1),
            (true, b'H') => Unit::Seconds(3600),
            (true, b'M') => Unit::Seconds(60),
            (true, b'S') => Unit::Seconds(1),
            _ => return None,
        };
        match unit {
            Unit::Seconds(1) => span.add_seconds(number)?,
            unit => span.add(whole(number)?, unit)?,
        }
        (rest, empty) = (&after[1..], false);
    }
    (!empty).then_some(span)
}

fn written(span: Span) -> String {
    let mut text = String::new();
    // A part behind a negative one says that it is not.
    let mut before = false;
    for (amount, name) in [
        (span.months / 12, "year"),
        (span.months % 12, "mon"),
        (span.days, "day"),
    ] {
        if amount != 0 {
            let space = if text.is_empty() { "" } else { " " };
            let sign = if before && amount > 0 { "+" } else { "" };
            let plural = if amount == 1 { "" } else { "s" };
            let _ = write!(text, "{space}{sign}{amount} {name}{plural}");
            before = amount < 0;
        }
    }
    if span.micros == 0 && !text.is_empty() {
        return text;
    }
    let space = if text.is_empty() { "" } else { " " };
    let sign = if span.micros < 0 {
        "-"
    } else if before && span.micros > 0 {
        "+"
    } else {
        ""
    };
    let micros = span.micros.unsigned_abs();
    let seconds = micros / 1_000_000;
    let (hours, minutes, seconds, micros) = (seconds / 3600, seconds / 60 % 60, seconds % 60, micros % 1_000_000);
    let _ = write!(text, "{space}{sign}{hours:02}:{minutes:02}:{seconds:02}");
    if micros > 0 {
        let _ = write!(text, ".{}", format!("{micros:06}").trim_end_matches('0'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::canonical;

    /// What PostgreSQL writes of the same text.
    #[test]
    fn spans_have_one_form() {
        for (text, wanted) in [
            ("1 day", "1 day"),
            ("2 days 3 hours", "2 days 03:00:00"),
            ("1 year 2 months 3 days 04:05:06.50", "1 year 2 mons 3 days 04:05:06.5"),
            ("P1Y2M3DT4H5M6.5S", "1 year 2 mons 3 days 04:05:06.5"),
            ("P2W", "14 days"),
            ("PT36H", "36:00:00"),
            ("PT0S", "00:00:00"),
            ("90 minutes", "01:30:00"),
            ("3days", "3 days"),
            ("1.25 seconds", "00:00:01.25"),
            ("-1 day +02:00", "-1 days +02:00:00"),
            ("-1 year 2 days", "-1 years +2 days"),
            ("1 day -00:00:01", "1 day -00:00:01"),
            ("1 month ago", "-1 mons"),
            ("13 months", "1 year 1 mon"),
            ("100:00", "100:00:00"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(wanted), "{text}");
            assert_eq!(canonical(wanted).as_deref(), Some(wanted), "{wanted}");
        }
        for wrong in [
            "",
            "x",
            "P",
            "PT",
            "P1",
            "P1H",
            "1",
            "day",
            "1 fortnight",
            "1.5 days",
            "25:61",
            "1:2",
            "ago",
            "1e3 days",
            "99999999999999999999 days",
            "1 day day",
            "00:00:99",
            "12:30:00+02",
            "1:-1",
            "P1é",
            "é days",
        ] {
            assert_eq!(canonical(wrong), None, "{wrong}");
        }
    }
}
