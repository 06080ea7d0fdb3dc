//! Dates and times, brought into the form that each database compares rightly.

use crate::catalog::DatabaseKind;
use crate::value::Type;
use time::format_description::well_known::Iso8601;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// What would have been right.
pub(super) fn expected(data_type: &Type) -> &'static str {
    match data_type {
        Type::Date => "a date such as 2026-01-31",
        Type::Time => "a time such as 12:30:00",
        _ => "a date and time such as 2026-01-31T12:30:00Z",
    }
}

/// The normal form of a date or time: PostgreSQL reads ISO 8601; SQLite keeps text, compared as text, so it has to look
/// as SQLite's own functions write it.
pub(super) fn normal(text: &str, data_type: &Type, kind: DatabaseKind) -> Result<String, &'static str> {
    let expected = expected(data_type);
    // Beyond every moment; on SQLite too, where `i` is greater and `-` less than any digit.
    if matches!(text, "infinity" | "-infinity") && !matches!(data_type, Type::Time) {
        return Ok(text.to_owned());
    }
    match data_type {
        Type::Date => {
            let day = text.split_once(['T', ' ']).map_or(text, |(day, _)| day);
            date(day).map(|day| day.to_string()).ok_or(expected)
        }
        Type::Time => time(text).map(write_time).ok_or(expected),
        _ => {
            let moment = moment(text).ok_or(expected)?;
            let clock = write_time(moment.time());
            let zone = if kind == DatabaseKind::Postgres && matches!(data_type, Type::TimestampTz) {
                "+00"
            } else {
                ""
            };
            Ok(format!("{} {clock}{zone}", moment.date()))
        }
    }
}

fn date(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

fn time(text: &str) -> Option<Time> {
    Time::parse(text, format_description!("[hour]:[minute]:[second].[subsecond]"))
        .or_else(|_| Time::parse(text, format_description!("[hour]:[minute]:[second]")))
        .or_else(|_| Time::parse(text, format_description!("[hour]:[minute]")))
        .ok()
}

/// A moment in UTC; without an offset it is taken as UTC.
fn moment(text: &str) -> Option<PrimitiveDateTime> {
    let text = text.trim();
    let Some((day, clock)) = text.split_once(['T', 't', ' ']) else {
        return Some(PrimitiveDateTime::new(date(text)?, Time::MIDNIGHT));
    };
    let iso = format!("{day}T{clock}");
    if let Ok(moment) = OffsetDateTime::parse(&iso, &Iso8601::DEFAULT) {
        let moment = moment.to_offset(UtcOffset::UTC);
        return Some(PrimitiveDateTime::new(moment.date(), moment.time()));
    }
    let bare = clock.strip_suffix(['Z', 'z']).unwrap_or(clock);
    if let Some(clock) = time(bare) {
        return Some(PrimitiveDateTime::new(date(day)?, clock));
    }
    // PostgreSQL's own short offset: +02
    let sign = bare.rfind(['+', '-'])?;
    OffsetDateTime::parse(&format!("{day}T{bare}:00"), &Iso8601::DEFAULT)
        .ok()
        .filter(|_| bare.len() - sign == 3)
        .map(|moment| moment.to_offset(UtcOffset::UTC))
        .map(|moment| PrimitiveDateTime::new(moment.date(), moment.time()))
}

/// `12:30:00`, with as many digits of a second as there are.
fn write_time(time: Time) -> String {
    let (hour, minute, second, micro) = time.as_hms_micro();
    if micro == 0 {
        return format!("{hour:02}:{minute:02}:{second:02}");
    }
    let text = format!("{hour:02}:{minute:02}:{second:02}.{micro:06}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::normal;
    use crate::catalog::DatabaseKind::{Postgres, Sqlite};
    use crate::value::Type;

    #[test]
    fn moments() {
        for (text, data_type, kind, wanted) in [
            ("2026-01-31", Type::Date, Sqlite, Some("2026-01-31")),
            ("2026-01-31T10:00:00", Type::Date, Sqlite, Some("2026-01-31")),
            ("2026-02-30", Type::Date, Sqlite, None),
            ("12:30", Type::Time, Sqlite, Some("12:30:00")),
            (
                "2026-01-31T12:30:00Z",
                Type::Timestamp,
                Sqlite,
                Some("2026-01-31 12:30:00"),
            ),
            (
                "2026-01-31T12:30:00+02:00",
                Type::TimestampTz,
                Sqlite,
                Some("2026-01-31 10:30:00"),
            ),
            (
                "2026-01-31 12:30:00+02",
                Type::TimestampTz,
                Postgres,
                Some("2026-01-31 10:30:00+00"),
            ),
            (
                "2026-01-31T12:30:00.250",
                Type::Timestamp,
                Postgres,
                Some("2026-01-31 12:30:00.25"),
            ),
            ("2026-01-31", Type::Timestamp, Postgres, Some("2026-01-31 00:00:00")),
            ("yesterday", Type::Timestamp, Postgres, None),
            ("infinity", Type::Date, Postgres, Some("infinity")),
            ("-infinity", Type::Timestamp, Sqlite, Some("-infinity")),
            ("infinity", Type::Time, Sqlite, None),
            ("", Type::Date, Postgres, None),
        ] {
            assert_eq!(normal(text, &data_type, kind).ok().as_deref(), wanted, "{text}");
        }
    }
}
