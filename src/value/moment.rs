//! Dates and times in their canonical form: one text for one moment, whose order as text is the order in time.
//!
//! Days are `2026-01-31`, clocks `12:30:00` with as many digits of a second as there are (at most six), moments both with a
//! space between, in UTC: what SQLite's own `CURRENT_TIMESTAMP` writes. Whatever is bound, compared on SQLite or stored
//! comes through here.

use super::Type;
use std::borrow::Cow;
use time::{Date, Duration, Month, PrimitiveDateTime, Time};

/// The canonical form of a text that is to be a date, a time or a moment; `None` when it is none, or `data_type` is of
/// another kind. Years are those from 1 to 9999, which both databases can write in four digits.
#[must_use]
pub fn canonical<'t>(text: &'t str, data_type: &Type) -> Option<Cow<'t, str>> {
    match data_type {
        Type::Date => date(text),
        Type::Time => {
            let (clock, rest) = clock(text.as_bytes())?;
            rest.is_empty().then(|| same_or(text, written_clock(clock)))
        }
        Type::TimeTz => {
            let (clock, rest) = clock(text.as_bytes())?;
            let zone = written_offset(offset(rest)?);
            Some(same_or(text, written_clock(clock) + &zone))
        }
        Type::Timestamp | Type::TimestampTz => moment(text),
        _ => None,
    }
}

/// What would have been right.
#[must_use]
pub fn expected(data_type: &Type) -> &'static str {
    match data_type {
        Type::Date => "a date such as 2026-01-31",
        Type::Time => "a time such as 12:30:00",
        Type::TimeTz => "a time such as 12:30:00+02",
        _ => "a date and time such as 2026-01-31T12:30:00Z",
    }
}

/// Beyond every moment, as PostgreSQL writes it. (As text `i` is greater and `-` less than any digit, so the order holds.)
#[must_use]
pub fn is_infinite(text: &str) -> bool {
    matches!(text, "infinity" | "-infinity")
}

/// A day; of a moment the day that it is written with.
fn date(text: &str) -> Option<Cow<'_, str>> {
    if is_infinite(text) {
        return Some(Cow::Borrowed(text));
    }
    let (_, rest) = day(text.as_bytes())?;
    let fits = rest.is_empty() || moment(text).is_some();
    // What `day` has read is ASCII.
    text.get(..10).filter(|_| fits).map(Cow::Borrowed)
}

/// A moment in UTC; without an offset it is taken as UTC, a day alone as its midnight.
#[must_use]
pub fn moment(text: &str) -> Option<Cow<'_, str>> {
    if is_infinite(text) {
        return Some(Cow::Borrowed(text));
    }
    let (date, rest) = day(text.as_bytes())?;
    let [b'T' | b't' | b' ', rest @ ..] = rest else {
        return rest
            .is_empty()
            .then(|| written(PrimitiveDateTime::new(date, Time::MIDNIGHT)).into());
    };
    let (clock, rest) = clock(rest)?;
    let local = PrimitiveDateTime::new(date, clock);
    let moment = match offset(rest)? {
        0 => local,
        seconds => local
            .checked_sub(Duration::seconds(seconds))
            .filter(|moment| (1..=9999).contains(&moment.year()))?,
    };
    Some(same_or(text, written(moment)))
}

fn same_or(text: &str, canonical: String) -> Cow<'_, str> {
    if text == canonical {
        Cow::Borrowed(text)
    } else {
        canonical.into()
    }
}

/// The number that exactly `count` digits at the beginning are, and the rest.
fn digits(text: &[u8], count: usize) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(count)?;
    let mut number = 0;
    for digit in digits {
        number = number * 10 + char::from(*digit).to_digit(10)?;
    }
    Some((number, rest))
}

fn small(number: u32) -> Option<u8> {
    u8::try_from(number).ok()
}

/// `2026-01-31` and what follows.
fn day(text: &[u8]) -> Option<(Date, &[u8])> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
    let month = Month::try_from(small(month)?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, small(day)?).ok()?;
    (year > 0).then_some((date, rest))
}

/// `12:30`, `12:30:15` or `12:30:15.25`, and what follows. Microseconds are kept, what is finer is cut off.
fn clock(text: &[u8]) -> Option<(Time, &[u8])> {
    let (hour, rest) = digits(text, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(b":")?, 2)?;
    let (mut second, mut micro, mut rest) = (0, 0, rest);
    if let Some(after) = rest.strip_prefix(b":") {
        (second, rest) = digits(after, 2)?;
        if let Some(after) = rest.strip_prefix(b".") {
            let count = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (fraction, after) = after.split_at(count);
            if fraction.is_empty() {
                return None;
            }
            for place in 0..6 {
                micro = micro * 10 + fraction.get(place).map_or(0, |digit| u32::from(*digit - b'0'));
            }
            rest = after;
        }
    }
    let clock = Time::from_hms_micro(small(hour)?, small(minute)?, small(second)?, micro).ok()?;
    Some((clock, rest))
}

/// Seconds east of UTC: nothing, `Z`, `+02`, `+0200`, `+02:00`; a space may stand before. At most 15:59, as on PostgreSQL.
fn offset(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let (sign, rest) = match text {
        [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = digits(rest, 2)?;
    let minutes = match rest {
        [] => 0,
        rest => match digits(rest.strip_prefix(b":").unwrap_or(rest), 2)? {
            (minutes, []) => minutes,
            _ => return None,
        },
    };
    (hours < 16 && minutes < 60).then(|| sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

fn written(moment: PrimitiveDateTime) -> String {
    let date = moment.date();
    format!(
        "{:04}-{:02}-{:02} {}",
        date.year(),
        u8::from(date.month()),
        date.day(),
        written_clock(moment.time())
    )
}

/// `+02`, `-05:30`: as PostgreSQL writes it.
fn written_offset(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    match minutes % 60 {
        0 => format!("{sign}{:02}", minutes / 60),
        rest => format!("{sign}{:02}:{rest:02}", minutes / 60),
    }
}

/// `12:30:00`, with as many digits of a second as there are.
fn written_clock(time: Time) -> String {
    let (hour, minute, second, micro) = time.as_hms_micro();
    if micro == 0 {
        return format!("{hour:02}:{minute:02}:{second:02}");
    }
    let text = format!("{hour:02}:{minute:02}:{second:02}.{micro:06}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{canonical, moment};
    use crate::value::Type;

    #[test]
    fn texts_have_one_canonical_form() {
        for (text, data_type, wanted) in [
            ("2026-01-31", Type::Date, Some("2026-01-31")),
            ("2026-01-31T10:00:00", Type::Date, Some("2026-01-31")),
            ("2026-01-31 23:00:00-05", Type::Date, Some("2026-01-31")),
            ("2026-01-31Tanything", Type::Date, None),
            ("2026-02-30", Type::Date, None),
            ("26-02-03", Type::Date, None),
            ("", Type::Date, None),
            ("infinity", Type::Date, Some("infinity")),
            ("12:30", Type::Time, Some("12:30:00")),
            ("12:30:15.250", Type::Time, Some("12:30:15.25")),
            ("25:00", Type::Time, None),
            ("12:30Z", Type::Time, None),
            ("infinity", Type::Time, None),
            ("12:30:00+02", Type::TimeTz, Some("12:30:00+02")),
            ("12:30 -0530", Type::TimeTz, Some("12:30:00-05:30")),
            ("12:30:15.50Z", Type::TimeTz, Some("12:30:15.5+00")),
            ("12:30", Type::TimeTz, Some("12:30:00+00")),
            ("12:30+16", Type::TimeTz, None),
            ("noon", Type::TimeTz, None),
            ("2026-01-31", Type::Timestamp, Some("2026-01-31 00:00:00")),
            ("2026-01-31T12:30", Type::Timestamp, Some("2026-01-31 12:30:00")),
            ("2026-01-31T12:30:00Z", Type::Timestamp, Some("2026-01-31 12:30:00")),
            (
                "2026-01-31t12:30:00.000z",
                Type::TimestampTz,
                Some("2026-01-31 12:30:00"),
            ),
            (
                "2026-01-31T12:30:00+02:00",
                Type::TimestampTz,
                Some("2026-01-31 10:30:00"),
            ),
            ("2026-01-31 12:30:00+02", Type::TimestampTz, Some("2026-01-31 10:30:00")),
            (
                "2026-01-31 12:30:00 -0030",
                Type::TimestampTz,
                Some("2026-01-31 13:00:00"),
            ),
            (
                "2026-01-31 23:59:59.9999999",
                Type::TimestampTz,
                Some("2026-01-31 23:59:59.999999"),
            ),
            ("2026-01-31 12:30:00.", Type::Timestamp, None),
            ("2026-01-31 12:30:00+16", Type::Timestamp, None),
            ("2026-01-31 12:30:00+1", Type::Timestamp, None),
            ("2026-01-31 12:30:00 ", Type::Timestamp, None),
            ("2026-01-31 ", Type::Timestamp, None),
            (" 2026-01-31", Type::Timestamp, None),
            ("yesterday", Type::Timestamp, None),
            ("2026-01-3\u{e9}", Type::Timestamp, None),
            ("-infinity", Type::Timestamp, Some("-infinity")),
            // Beyond the years that can be written.
            ("9999-12-31T23:59:59-01:00", Type::TimestampTz, None),
            ("9999-12-31T23:59:59-00:01", Type::Timestamp, None),
            ("0001-01-01T00:00:00+00:01", Type::TimestampTz, None),
            ("0000-01-01", Type::Date, None),
            ("2026-01-31", Type::TEXT, None),
        ] {
            let found = canonical(text, &data_type);
            assert_eq!(found.as_deref(), wanted, "{text} as {data_type:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_the_form_is_stable(text in "\\PC*|[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?") {
            for data_type in [Type::Date, Type::Time, Type::TimestampTz] {
                if let Some(once) = canonical(&text, &data_type) {
                    proptest::prop_assert_eq!(canonical(&once, &data_type), Some(once.clone()));
                }
            }
        }

        #[test]
        fn the_order_of_texts_is_the_order_in_time(a in 0_i64..4_000_000_000_000_000, b in 0_i64..4_000_000_000_000_000) {
            let text = |micros: i64| {
                let at = time::OffsetDateTime::UNIX_EPOCH + time::Duration::microseconds(micros);
                moment(&at.format(&time::format_description::well_known::Rfc3339).expect("a moment")).expect("a moment").into_owned()
            };
            proptest::prop_assert_eq!(text(a).cmp(&text(b)), a.cmp(&b));
        }
    }
}
