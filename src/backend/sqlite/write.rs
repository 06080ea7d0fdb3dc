//! One value → JSON bytes. The writer of rows and the SQL function `diglot_json` share it, so nested and flat values are
//! equal to the byte.

use crate::request::{BytesFormat, NumberFormat};
use crate::sql::Wire;
use base64::Engine as _;
use rusqlite::types::ValueRef;

/// Deepest JSON text that is served as JSON; deeper text is a string, because clients' own parsers give up on it.
const DEEPEST: usize = 512;

/// Appends a value in its wire form. The storage class decides first: what does not fit the form is written as what it is.
pub(super) fn scalar(out: &mut Vec<u8>, wire: Wire, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::Integer(integer) => match wire {
            Wire::Boolean if integer == 0 => out.extend_from_slice(b"false"),
            Wire::Boolean if integer == 1 => out.extend_from_slice(b"true"),
            Wire::BigInteger(NumberFormat::Text) | Wire::Numeric(NumberFormat::Text) => {
                out.push(b'"');
                number(out, integer);
                out.push(b'"');
            }
            _ => number(out, integer),
        },
        ValueRef::Real(real) => match wire {
            Wire::Numeric(NumberFormat::Text) if real.is_finite() => {
                out.push(b'"');
                float(out, real);
                out.push(b'"');
            }
            _ => float(out, real),
        },
        ValueRef::Text(text) => match wire {
            Wire::Numeric(NumberFormat::Number) if is_json_number(text) => out.extend_from_slice(text),
            Wire::Json | Wire::Jsonb => json(out, text),
            Wire::Geometry => super::geometry::write_only(out, text),
            Wire::BuiltJson => match std::str::from_utf8(text) {
                Ok(_) => out.extend_from_slice(text),
                Err(_) => out.extend_from_slice(String::from_utf8_lossy(text).as_bytes()),
            },
            Wire::Timestamp => moment(out, text, false),
            Wire::TimestampTz => moment(out, text, true),
            // In url-safe base64 an identity looks the same whether it is kept as text or as bytes.
            Wire::Uuid(format @ BytesFormat::Base64Url) => match std::str::from_utf8(text).ok().and_then(hyphenated) {
                Some(uuid) => identity(out, &uuid, format),
                None => string(out, text),
            },
            _ => string(out, text),
        },
        ValueRef::Blob(bytes) => match wire {
            Wire::Bytes(format) => blob(out, bytes, format),
            Wire::Uuid(format) if bytes.len() == 16 => identity(out, bytes, format),
            Wire::Json | Wire::Jsonb if super::jsonb::write(out, bytes) => {}
            _ => blob(out, bytes, BytesFormat::Hex),
        },
    }
}

/// The wire form that a letter of `diglot_json` stands for. The letters are the contract with the statements.
pub(super) fn wire_of(code: u8) -> Option<Wire> {
    Some(match code {
        b'b' => Wire::Boolean,
        b'i' => Wire::Integer,
        b'I' => Wire::BigInteger(NumberFormat::Text),
        b'f' => Wire::Float8,
        b'n' => Wire::Numeric(NumberFormat::Number),
        b'N' => Wire::Numeric(NumberFormat::Text),
        b't' => Wire::Text,
        b'j' => Wire::Json,
        b'u' => Wire::Uuid(BytesFormat::Hex),
        b'U' => Wire::Uuid(BytesFormat::Base64Url),
        b'd' => Wire::Date,
        b'D' => Wire::Time,
        b's' => Wire::Timestamp,
        b'S' => Wire::TimestampTz,
        b'h' => Wire::Bytes(BytesFormat::Hex),
        b'6' => Wire::Bytes(BytesFormat::Base64),
        b'w' => Wire::Bytes(BytesFormat::Base64Url),
        _ => return None,
    })
}

/// An integer.
pub(super) fn number(out: &mut Vec<u8>, integer: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
}

/// A double as PostgreSQL's float8 writes it: the shortest digits that read back the same, `5` for 5.0, an exponent of at
/// least two digits below 1e-4 and from 1e15 on. What JSON has no number for is a string.
pub(super) fn float(out: &mut Vec<u8>, real: f64) {
    if real.is_nan() {
        return out.extend_from_slice(b"\"NaN\"");
    }
    if real.is_infinite() {
        return out.extend_from_slice(if real > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    }
    if real.is_sign_negative() {
        out.push(b'-');
    }
    if real == 0.0 {
        return out.push(b'0');
    }
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(real.abs());
    // Significant digits without leading or trailing zeros, and the power of ten of the first one.
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = smallvec::SmallVec::<[u8; 32]>::new();
    digits.extend_from_slice(whole.as_bytes());
    digits.extend_from_slice(fraction.as_bytes());
    let leading = digits.iter().take_while(|digit| **digit == b'0').count();
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    let digits = &digits[leading.min(digits.len())..];
    let power = exponent + i32::try_from(whole.len()).unwrap_or(0) - 1 - i32::try_from(leading).unwrap_or(0);
    if (-4..15).contains(&power) {
        if power < 0 {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', usize::try_from(-power - 1).unwrap_or(0)));
            out.extend_from_slice(digits);
        } else {
            let point = usize::try_from(power).unwrap_or(0) + 1;
            if digits.len() <= point {
                out.extend_from_slice(digits);
                out.extend(std::iter::repeat_n(b'0', point - digits.len()));
            } else {
                out.extend_from_slice(&digits[..point]);
                out.push(b'.');
                out.extend_from_slice(&digits[point..]);
            }
        }
    } else {
        out.push(digits[0]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.push(b'e');
        out.push(if power < 0 { b'-' } else { b'+' });
        if power.abs() < 10 {
            out.push(b'0');
        }
        number(out, i64::from(power.abs()));
    }
}

/// A JSON string; what is not UTF-8 is replaced.
pub(super) fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let rest = escape::<true>(out, text);
    // What stands before it is ASCII, so no character is cut.
    if !rest.is_empty() {
        if std::str::from_utf8(rest).is_ok() {
            escape::<false>(out, rest);
        } else {
            escape::<false>(out, String::from_utf8_lossy(rest).as_bytes());
        }
    }
    out.push(b'"');
}

/// Writes a text with escapes; with `ASCII` as far as it is that. What is left of it.
fn escape<'t, const ASCII: bool>(out: &mut Vec<u8>, mut text: &'t [u8]) -> &'t [u8] {
    loop {
        let (plain, rest) = text.split_at(plain::<ASCII>(text));
        out.extend_from_slice(plain);
        let Some((byte, after)) = rest.split_first() else {
            return rest;
        };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0x80.. => return rest,
            other => {
                out.extend_from_slice(b"\\u00");
                hex_digits(out, *other);
            }
        }
        text = after;
    }
}

/// How many bytes stand before the first that needs an escape, or is not ASCII where that counts. Many at a time: most
/// texts have none.
fn plain<const ASCII: bool>(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    for block in text.chunks_exact(32) {
        // Without a branch within, so that the compiler takes them all at once.
        let mut odd = 0;
        for byte in block {
            odd |= u8::from(*byte < 0x20) | u8::from(*byte == b'"') | u8::from(*byte == b'\\');
            odd |= if ASCII { byte & 0x80 } else { 0 };
        }
        if odd != 0 {
            break;
        }
        at += 32;
    }
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    for block in text[at..].as_chunks::<8>().0 {
        let word = u64::from_le_bytes(*block);
        // Exact for the lowest marked byte, which is the one that is asked for.
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let quotes = zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\')));
        let marks = control | quotes | if ASCII { word & HIGH } else { 0 };
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let odd = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\' || ASCII && byte >= 0x80;
    at + text[at..].iter().take_while(|byte| !odd(**byte)).count()
}

fn hex_digits(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

/// Bytes in a wire form, as a JSON string.
fn blob(out: &mut Vec<u8>, bytes: &[u8], format: BytesFormat) {
    match format {
        BytesFormat::Hex => {
            out.reserve(bytes.len() * 2 + 5);
            out.extend_from_slice(b"\"\\\\x");
            bytes.iter().for_each(|byte| hex_digits(out, *byte));
            out.push(b'"');
        }
        BytesFormat::Base64 => base64(out, bytes, &base64::engine::general_purpose::STANDARD),
        BytesFormat::Base64Url => base64(out, bytes, &base64::engine::general_purpose::URL_SAFE),
    }
}

fn base64(out: &mut Vec<u8>, bytes: &[u8], alphabet: &base64::engine::GeneralPurpose) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = alphabet.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
    out.push(b'"');
}

/// The sixteen bytes of a UUID.
fn identity(out: &mut Vec<u8>, bytes: &[u8], format: BytesFormat) {
    if format == BytesFormat::Base64Url {
        return blob(out, bytes, format);
    }
    out.push(b'"');
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        hex_digits(out, *byte);
    }
    out.push(b'"');
}

/// JSON text as it is where it is valid, else as a string.
fn json(out: &mut Vec<u8>, text: &[u8]) {
    if is_json(text) {
        out.extend_from_slice(text);
    } else {
        string(out, text);
    }
}

/// Whether text is valid JSON (in UTF-8) of a depth that is served as JSON.
pub(super) fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
        && std::str::from_utf8(text).is_ok()
        && (text.len() <= 2 * DEEPEST || depth(text) <= DEEPEST)
}

fn depth(text: &[u8]) -> usize {
    let (mut deepest, mut depth, mut quoted, mut escaped) = (0usize, 0usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Whether text is a number by JSON's grammar.
pub(super) fn is_json_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent
            .strip_prefix(b"-")
            .or(exponent.strip_prefix(b"+"))
            .unwrap_or(exponent);
        let count = digits(exponent);
        return count > 0 && count == exponent.len();
    }
    rest.is_empty()
}

/// The bytes of a UUID that is written as usual, with hyphens.
fn hyphenated(text: &str) -> Option<[u8; 16]> {
    (text.len() == 36)
        .then(|| uuid::Uuid::try_parse(text).ok())
        .flatten()
        .map(uuid::Uuid::into_bytes)
}

/// A date and time in the form that PostgreSQL's JSON has; other text as it is.
fn moment(out: &mut Vec<u8>, text: &[u8], zoned: bool) {
    const PATTERN: &[u8; 19] = b"0000-00-00 00:00:00";
    let fits = text.len() >= 19
        && text.iter().zip(PATTERN).all(|(byte, pattern)| match pattern {
            b'0' => byte.is_ascii_digit(),
            b' ' => matches!(byte, b' ' | b'T'),
            other => byte == other,
        });
    if !fits {
        return string(out, text);
    }
    let fraction = match &text[19..] {
        [b'.', rest @ ..] => 1 + rest.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    if fraction == 1 {
        return string(out, text);
    }
    let (clock, zone) = text.split_at(19 + fraction);
    let full;
    let zone = match zone {
        // PostgreSQL's short offset.
        [sign @ (b'+' | b'-'), a, b] if a.is_ascii_digit() && b.is_ascii_digit() => {
            full = [*sign, *a, *b, b':', b'0', b'0'];
            &full
        }
        [] if zoned => b"+00:00",
        [b'Z' | b'z'] if zoned => b"+00:00",
        [b'+' | b'-', a, b, b':', c, d] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) => zone,
        [] | [b'Z'] => zone,
        _ => return string(out, text),
    };
    out.push(b'"');
    out.extend_from_slice(&clock[..10]);
    out.push(b'T');
    out.extend_from_slice(&clock[11..]);
    out.extend_from_slice(zone);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(wire: Wire, value: ValueRef<'_>) -> String {
        let mut out = Vec::new();
        scalar(&mut out, wire, value);
        String::from_utf8(out).expect("answers are UTF-8")
    }

    #[test]
    fn floats_are_written_as_postgres_writes_them() {
        for (real, text) in [
            (5.0, "5"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (-12.25, "-12.25"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (1.234_567_890_123_456_8e17, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (1e-7, "1e-07"),
            (1.5e300, "1.5e+300"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (123_456.789, "123456.789"),
            (100.0, "100"),
            (f64::INFINITY, "\"Infinity\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(written(Wire::Float8, ValueRef::Real(real)), text);
        }
    }

    #[test]
    fn values_that_do_not_fit_are_written_as_what_they_are() {
        use ValueRef::{Blob, Integer, Null, Real, Text};
        let identity = [0x01, 0x90, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0xff];
        let cases: &[(Wire, ValueRef<'_>, &str)] = &[
            (Wire::Integer, Null, "null"),
            (Wire::Integer, Text(b"seven"), "\"seven\""),
            (Wire::Boolean, Integer(0), "false"),
            (Wire::Boolean, Integer(1), "true"),
            (Wire::Boolean, Integer(2), "2"),
            (Wire::Boolean, Text(b"true"), "\"true\""),
            (Wire::Text, Integer(-3), "-3"),
            (Wire::Text, Real(5.0), "5"),
            (Wire::Text, Blob(&[0, 255]), "\"\\\\x00ff\""),
            (
                Wire::Text,
                Text(b"a\"b\\c\n\x01\x1f\x7f"),
                "\"a\\\"b\\\\c\\n\\u0001\\u001f\u{7f}\"",
            ),
            (Wire::Text, Text(b"a\xffb"), "\"a\u{fffd}b\""),
            (
                Wire::BigInteger(NumberFormat::Text),
                Integer(i64::MIN),
                "\"-9223372036854775808\"",
            ),
            (
                Wire::BigInteger(NumberFormat::Number),
                Integer(i64::MAX),
                "9223372036854775807",
            ),
            (Wire::Numeric(NumberFormat::Number), Text(b"12.50"), "12.50"),
            (Wire::Numeric(NumberFormat::Number), Text(b"01"), "\"01\""),
            (Wire::Numeric(NumberFormat::Number), Text(b"1e"), "\"1e\""),
            (Wire::Numeric(NumberFormat::Number), Text(b".5"), "\".5\""),
            (Wire::Numeric(NumberFormat::Number), Real(2.5), "2.5"),
            (Wire::Numeric(NumberFormat::Text), Real(2.5), "\"2.5\""),
            (Wire::Numeric(NumberFormat::Text), Text(b"12.50"), "\"12.50\""),
            (Wire::Numeric(NumberFormat::Text), Real(f64::INFINITY), "\"Infinity\""),
            (Wire::Json, Text(b"{\"a\": [1, 2]}"), "{\"a\": [1, 2]}"),
            (Wire::Json, Text(b"{a}"), "\"{a}\""),
            (Wire::Geometry, Text(b"\"POINT(banana)\""), "null"),
            (Wire::Geometry, Text(b"5"), "null"),
            (
                Wire::Geometry,
                Text(br#"{"type":"Point","coordinates":[1,2,3]}"#),
                r#"{"type":"Point","coordinates":[1,2,3]}"#,
            ),
            (
                Wire::Geometry,
                Text(br#"{"type":"Feature","geometry":{"type":"Point","coordinates":[1.5,2.5]}}"#),
                r#"{"type":"Point","coordinates":[1.5,2.5]}"#,
            ),
            (Wire::Json, Text(b""), "\"\""),
            (Wire::Json, Text(b"\"\xff\""), "\"\\\"\u{fffd}\\\"\""),
            (Wire::BuiltJson, Text(b"[1,{\"a\":null}]"), "[1,{\"a\":null}]"),
            (Wire::BuiltJson, Text(b"\"\xff\""), "\"\u{fffd}\""),
            (
                Wire::Uuid(BytesFormat::Hex),
                Blob(&identity),
                "\"01900001-0203-0405-0607-08090a0b0cff\"",
            ),
            (
                Wire::Uuid(BytesFormat::Base64Url),
                Blob(&identity),
                "\"AZAAAQIDBAUGBwgJCgsM_w==\"",
            ),
            (Wire::Uuid(BytesFormat::Hex), Blob(&[1]), "\"\\\\x01\""),
            (Wire::Uuid(BytesFormat::Base64Url), Text(b"0190-x"), "\"0190-x\""),
            (Wire::Bytes(BytesFormat::Hex), Blob(b"hi"), "\"\\\\x6869\""),
            (Wire::Bytes(BytesFormat::Base64), Blob(&[0xfb, 0xff]), "\"+/8=\""),
            (Wire::Bytes(BytesFormat::Base64Url), Blob(&[0xfb, 0xff]), "\"-_8=\""),
            (Wire::Bytes(BytesFormat::Base64), Blob(&[]), "\"\""),
            (Wire::Bytes(BytesFormat::Hex), Text(b"hi"), "\"hi\""),
            (Wire::Date, Text(b"2026-01-31"), "\"2026-01-31\""),
            (Wire::Timestamp, Text(b"2026-01-31 12:30:00"), "\"2026-01-31T12:30:00\""),
            (
                Wire::Timestamp,
                Text(b"2026-01-31T12:30:00.25"),
                "\"2026-01-31T12:30:00.25\"",
            ),
            (Wire::Timestamp, Text(b"2026-01-31"), "\"2026-01-31\""),
            (
                Wire::Timestamp,
                Text(b"2026-01-31 12:30:00 or so"),
                "\"2026-01-31 12:30:00 or so\"",
            ),
            (Wire::Timestamp, Integer(1_700_000_000), "1700000000"),
            (
                Wire::TimestampTz,
                Text(b"2026-01-31 12:30:00"),
                "\"2026-01-31T12:30:00+00:00\"",
            ),
            (
                Wire::TimestampTz,
                Text(b"2026-01-31T12:30:00Z"),
                "\"2026-01-31T12:30:00+00:00\"",
            ),
            (
                Wire::TimestampTz,
                Text(b"2026-01-31 12:30:00.5+02:00"),
                "\"2026-01-31T12:30:00.5+02:00\"",
            ),
        ];
        for (wire, value, text) in cases {
            assert_eq!(written(*wire, *value), *text, "{wire:?} {value:?}");
        }
    }

    #[test]
    fn json_that_is_too_deep_is_a_string() {
        let deep = |levels| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(written(Wire::Json, ValueRef::Text(deep(512).as_bytes())).starts_with('['));
        assert!(written(Wire::Json, ValueRef::Text(deep(513).as_bytes())).starts_with('"'));
        assert!(written(Wire::Json, ValueRef::Text(deep(200_000).as_bytes())).starts_with('"'));
        let quoted = format!("\"{}\"", "[\\\"".repeat(2000));
        assert_eq!(written(Wire::Json, ValueRef::Text(quoted.as_bytes())), quoted);
    }

    proptest::proptest! {
        #[test]
        fn strings_and_floats_read_back(text in "\\PC*|[\\x00-\\x7f]{0,40}", bits: u64) {
            let string: String = serde_json::from_str(&written(Wire::Text, ValueRef::Text(text.as_bytes()))).expect("JSON");
            proptest::prop_assert_eq!(string, text);
            let real = f64::from_bits(bits);
            if real.is_finite() {
                let back: f64 = written(Wire::Float8, ValueRef::Real(real)).parse().expect("a number");
                proptest::prop_assert_eq!(back.to_bits(), real.to_bits());
            }
        }
    }
}
