//! PostgreSQL's binary scalars → JSON, in the forms that its own `to_json` has.

use super::write::{Malformed, Written};
use crate::request::{BytesFormat, NumberFormat};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Malformed> {
    bytes.try_into().map_err(|_| Malformed("a value of the wrong length"))
}

fn quoted(out: &mut Vec<u8>, inner: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    inner(out);
    out.push(b'"');
}

pub(super) fn boolean(bytes: &[u8], out: &mut Vec<u8>) -> Written {
    let [value] = fixed(bytes)?;
    out.extend_from_slice(if value == 0 { b"false" } else { b"true" });
    Ok(())
}

/// int2, int4 or int8, by the number of bytes.
pub(super) fn integer(bytes: &[u8], format: NumberFormat, out: &mut Vec<u8>) -> Written {
    let value = match bytes.len() {
        2 => i64::from(i16::from_be_bytes(fixed(bytes)?)),
        4 => i64::from(i32::from_be_bytes(fixed(bytes)?)),
        _ => i64::from_be_bytes(fixed(bytes)?),
    };
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(value).as_bytes();
    match format {
        NumberFormat::Number => out.extend_from_slice(digits),
        NumberFormat::Text => quoted(out, |out| out.extend_from_slice(digits)),
    }
    Ok(())
}

/// float4 or float8, by the number of bytes: the shortest digits that give the value back, without `.0`.
pub(super) fn float(bytes: &[u8], out: &mut Vec<u8>) -> Written {
    let mut digits = zmij::Buffer::new();
    let text = if bytes.len() == 4 {
        let value = f32::from_be_bytes(fixed(bytes)?);
        special(value.into()).unwrap_or_else(|| digits.format_finite(value))
    } else {
        let value = f64::from_be_bytes(fixed(bytes)?);
        special(value).unwrap_or_else(|| digits.format_finite(value))
    };
    out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    Ok(())
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_finite() {
        None
    } else if value.is_nan() {
        Some("\"NaN\"")
    } else if value > 0.0 {
        Some("\"Infinity\"")
    } else {
        Some("\"-Infinity\"")
    }
}

/// A decimal that the statement has cast to text.
pub(super) fn numeric(text: &[u8], format: NumberFormat, out: &mut Vec<u8>) -> Written {
    let plain = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    if !text.iter().all(plain) {
        return match text {
            b"NaN" | b"Infinity" | b"-Infinity" => {
                quoted(out, |out| out.extend_from_slice(text));
                Ok(())
            }
            _ => Err(Malformed("a decimal that is not one")),
        };
    }
    match format {
        NumberFormat::Number if text.is_empty() => Err(Malformed("an empty decimal")),
        NumberFormat::Number => {
            out.extend_from_slice(text);
            Ok(())
        }
        NumberFormat::Text => {
            quoted(out, |out| out.extend_from_slice(text));
            Ok(())
        }
    }
}

/// A JSON string. Bytes that are not UTF-8 (a database in encoding SQL_ASCII) become replacement characters.
pub(super) fn text(bytes: &[u8], out: &mut Vec<u8>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => quoted(out, |out| escape(text.as_bytes(), out)),
        Err(_) => quoted(out, |out| escape(String::from_utf8_lossy(bytes).as_bytes(), out)),
    }
}

/// For each byte 0 where it stands as it is, else the letter after the backslash (`u`: four hexadecimal digits).
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut control = 0;
    while control < 32 {
        escapes[control] = b'u';
        control += 1;
    }
    escapes[0x08] = b'b';
    escapes[0x09] = b't';
    escapes[0x0a] = b'n';
    escapes[0x0c] = b'f';
    escapes[0x0d] = b'r';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes
};

fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    let mut start = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(*byte)];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[start..index]);
        start = index + 1;
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            out.extend_from_slice(b"00");
            out.extend_from_slice(&hex(*byte));
        }
    }
    out.extend_from_slice(&bytes[start..]);
}

fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// JSON that the database has checked.
pub(super) fn json(text: &[u8], out: &mut Vec<u8>) -> Written {
    if text.is_empty() || std::str::from_utf8(text).is_err() {
        return Err(Malformed("JSON that is not UTF-8"));
    }
    out.extend_from_slice(text);
    Ok(())
}

pub(super) fn uuid(bytes: &[u8], format: BytesFormat, out: &mut Vec<u8>) -> Written {
    let value: [u8; 16] = fixed(bytes)?;
    if format == BytesFormat::Base64Url {
        self::bytes(&value, format, out);
        return Ok(());
    }
    quoted(out, |out| {
        for (index, byte) in value.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                out.push(b'-');
            }
            out.extend_from_slice(&hex(*byte));
        }
    });
    Ok(())
}

pub(super) fn bytes(bytes: &[u8], format: BytesFormat, out: &mut Vec<u8>) {
    let engine = match format {
        BytesFormat::Hex => {
            return quoted(out, |out| {
                out.reserve(bytes.len() * 2 + 4);
                out.extend_from_slice(b"\\\\x");
                for byte in bytes {
                    out.extend_from_slice(&hex(*byte));
                }
            });
        }
        BytesFormat::Base64 => &STANDARD,
        BytesFormat::Base64Url => &URL_SAFE,
    };
    quoted(out, |out| {
        let start = out.len();
        out.resize(start + bytes.len().div_ceil(3) * 4, 0);
        // The room is exactly what padded base64 takes, so this cannot fail; were it to, nothing is left behind.
        let written = engine.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
        out.truncate(start + written);
    });
}

/// Days from 1970-01-01 to 2000-01-01, from which PostgreSQL counts.
const EPOCH_DAYS: i64 = 10_957;
const DAY: i64 = 86_400_000_000;

/// Days since 2000-01-01.
pub(super) fn date(bytes: &[u8], out: &mut Vec<u8>) -> Written {
    let days = i32::from_be_bytes(fixed(bytes)?);
    match days {
        i32::MAX => out.extend_from_slice(b"\"infinity\""),
        i32::MIN => out.extend_from_slice(b"\"-infinity\""),
        days => quoted(out, |out| {
            let before_christ = write_date(days.into(), out);
            if before_christ {
                out.extend_from_slice(b" BC");
            }
        }),
    }
    Ok(())
}

/// Microseconds since midnight, up to 24:00:00.
pub(super) fn time(bytes: &[u8], out: &mut Vec<u8>) -> Written {
    let micros = i64::from_be_bytes(fixed(bytes)?);
    if !(0..=DAY).contains(&micros) {
        return Err(Malformed("a time beyond its day"));
    }
    quoted(out, |out| write_time(micros, out));
    Ok(())
}

/// Microseconds since 2000-01-01, with or without an offset.
pub(super) fn timestamp(bytes: &[u8], offset: &str, out: &mut Vec<u8>) -> Written {
    let micros = i64::from_be_bytes(fixed(bytes)?);
    match micros {
        i64::MAX => out.extend_from_slice(b"\"infinity\""),
        i64::MIN => out.extend_from_slice(b"\"-infinity\""),
        micros => quoted(out, |out| {
            let before_christ = write_date(micros.div_euclid(DAY), out);
            out.push(b'T');
            write_time(micros.rem_euclid(DAY), out);
            out.extend_from_slice(offset.as_bytes());
            if before_christ {
                out.extend_from_slice(b" BC");
            }
        }),
    }
    Ok(())
}

/// Writes year, month and day of the proleptic Gregorian calendar; true for years before Christ (year 0 is 1 BC).
fn write_date(days_since_2000: i64, out: &mut Vec<u8>) -> bool {
    // Counted from 0000-03-01, in eras of 400 years, so that the leap day ends a year.
    let days = days_since_2000 + EPOCH_DAYS + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let shown = if year <= 0 { 1 - year } else { year };
    if shown > 9_999 {
        out.extend_from_slice(itoa::Buffer::new().format(shown).as_bytes());
    } else {
        two_digits(shown / 100, out);
        two_digits(shown % 100, out);
    }
    out.push(b'-');
    two_digits(month, out);
    out.push(b'-');
    two_digits(day, out);
    year <= 0
}

fn write_time(micros: i64, out: &mut Vec<u8>) {
    let seconds = micros / 1_000_000;
    two_digits(seconds / 3_600, out);
    out.push(b':');
    two_digits(seconds / 60 % 60, out);
    out.push(b':');
    two_digits(seconds % 60, out);
    let mut fraction = micros % 1_000_000;
    if fraction > 0 {
        out.push(b'.');
        let mut unit = 100_000;
        while fraction > 0 {
            out.push(digit(fraction / unit));
            fraction %= unit;
            unit /= 10;
        }
    }
}

fn two_digits(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&[digit(value / 10), digit(value % 10)]);
}

fn digit(value: i64) -> u8 {
    u8::try_from(value.rem_euclid(10)).unwrap_or(0) + b'0'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(write: impl FnOnce(&mut Vec<u8>) -> Written) -> Option<String> {
        let mut out = Vec::new();
        write(&mut out).ok().map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn numbers() {
        let integer = |bytes: &[u8], format| show(|out| integer(bytes, format, out));
        assert_eq!(integer(&[255, 255], NumberFormat::Number).as_deref(), Some("-1"));
        assert_eq!(
            integer(&i32::MIN.to_be_bytes(), NumberFormat::Number).as_deref(),
            Some("-2147483648")
        );
        assert_eq!(
            integer(&i64::MAX.to_be_bytes(), NumberFormat::Text).as_deref(),
            Some("\"9223372036854775807\"")
        );
        assert_eq!(integer(&[1, 2, 3], NumberFormat::Number), None);
        for (value, expected) in [
            (5.0, "5"),
            (-0.5, "-0.5"),
            (0.1, "0.1"),
            (f64::NAN, "\"NaN\""),
            (f64::INFINITY, "\"Infinity\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(show(|out| float(&value.to_be_bytes(), out)).as_deref(), Some(expected));
        }
        assert_eq!(show(|out| float(&0.1_f32.to_be_bytes(), out)).as_deref(), Some("0.1"));
        assert_eq!(
            show(|out| float(&f32::NAN.to_be_bytes(), out)).as_deref(),
            Some("\"NaN\"")
        );
        for (text, format, expected) in [
            ("10.50", NumberFormat::Number, Some("10.50")),
            ("10.50", NumberFormat::Text, Some("\"10.50\"")),
            ("NaN", NumberFormat::Number, Some("\"NaN\"")),
            ("-Infinity", NumberFormat::Number, Some("\"-Infinity\"")),
            ("1\"", NumberFormat::Text, None),
            ("", NumberFormat::Number, None),
        ] {
            assert_eq!(
                show(|out| numeric(text.as_bytes(), format, out)).as_deref(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn texts() {
        let json = |input: &[u8]| {
            show(|out| {
                text(input, out);
                Ok(())
            })
        };
        assert_eq!(json(b"").as_deref(), Some("\"\""));
        assert_eq!(
            json("é\"\\\n\t\u{8}\u{c}\r\u{1}\u{1f}z".as_bytes()).as_deref(),
            Some("\"é\\\"\\\\\\n\\t\\b\\f\\r\\u0001\\u001fz\"")
        );
        assert_eq!(json(&[b'a', 0xff]).as_deref(), Some("\"a\u{fffd}\""));
        for code in 0..0x300_u32 {
            let original: String = char::from_u32(code).into_iter().collect();
            let back: String = serde_json::from_str(&json(original.as_bytes()).unwrap()).unwrap();
            assert_eq!(back, original);
        }
    }

    #[test]
    fn moments() {
        let day = |days: i32| show(|out| date(&days.to_be_bytes(), out)).unwrap();
        assert_eq!(day(0), "\"2000-01-01\"");
        assert_eq!(day(-1), "\"1999-12-31\"");
        assert_eq!(day(59), "\"2000-02-29\"");
        assert_eq!(day(9527), "\"2026-01-31\"");
        assert_eq!(day(i32::MAX), "\"infinity\"");
        assert_eq!(day(i32::MIN), "\"-infinity\"");
        assert_eq!(day(-730_119), "\"0001-01-01\"");
        assert_eq!(day(-730_120), "\"0001-12-31 BC\"");
        assert_eq!(day(2_921_940), "\"10000-01-01\"");
        let moment = |micros: i64, offset| show(|out| timestamp(&micros.to_be_bytes(), offset, out)).unwrap();
        assert_eq!(moment(0, ""), "\"2000-01-01T00:00:00\"");
        assert_eq!(moment(-1, "+00:00"), "\"1999-12-31T23:59:59.999999+00:00\"");
        assert_eq!(moment(500_000, ""), "\"2000-01-01T00:00:00.5\"");
        assert_eq!(moment(i64::MAX, ""), "\"infinity\"");
        assert_eq!(moment(i64::MIN, "+00:00"), "\"-infinity\"");
        let clock = |micros: i64| show(|out| time(&micros.to_be_bytes(), out));
        assert_eq!(clock(45_000_000_100).as_deref(), Some("\"12:30:00.0001\""));
        assert_eq!(clock(DAY).as_deref(), Some("\"24:00:00\""));
        assert_eq!(clock(DAY + 1), None);
        assert_eq!(clock(-1), None);
    }

    #[test]
    fn byte_strings() {
        let cases: [(&[u8], BytesFormat, &str); 5] = [
            (b"hi", BytesFormat::Hex, "\"\\\\x6869\""),
            (b"", BytesFormat::Hex, "\"\\\\x\""),
            (&[0xfb, 0xff], BytesFormat::Base64, "\"+/8=\""),
            (&[0xfb, 0xff], BytesFormat::Base64Url, "\"-_8=\""),
            (b"", BytesFormat::Base64, "\"\""),
        ];
        for (input, format, expected) in cases {
            let shown = show(|out| {
                bytes(input, format, out);
                Ok(())
            });
            assert_eq!(shown.as_deref(), Some(expected));
        }
        let id: Vec<u8> = (0..16).collect();
        let shown = |format| show(|out| uuid(&id, format, out));
        assert_eq!(
            shown(BytesFormat::Base64).as_deref(),
            Some("\"00010203-0405-0607-0809-0a0b0c0d0e0f\"")
        );
        assert_eq!(
            shown(BytesFormat::Base64Url).as_deref(),
            Some("\"AAECAwQFBgcICQoLDA0ODw==\"")
        );
        assert_eq!(show(|out| uuid(&id[..15], BytesFormat::Hex, out)), None);
    }
}
