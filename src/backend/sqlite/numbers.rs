//! Arithmetic with the answers that PostgreSQL's numerics give.

use super::aggregates;
use crate::value::decimal;
use bigdecimal::BigDecimal;
use bigdecimal::num_traits::ToPrimitive as _;
use rusqlite::types::{Value, ValueRef};
use std::str::FromStr as _;

/// A number rounded to so many digits after its point (before it where negative); halves go away from zero. Doubles are
/// rounded as the fifteen digits that they are good for, and left as they are where these hold no fraction.
pub(super) fn rounded(number: ValueRef<'_>, digits: i64) -> Option<Value> {
    match number {
        ValueRef::Integer(integer) if digits >= 0 => Some(Value::Integer(integer)),
        ValueRef::Integer(integer) => {
            let unit = (u32::try_from(digits.unsigned_abs()).ok()).and_then(|power| 10_i128.checked_pow(power));
            let rounded = unit.map_or(0, |unit| {
                let half = unit / 2 * i128::from(integer.signum());
                (i128::from(integer) + half) / unit * unit
            });
            #[allow(clippy::cast_precision_loss, reason = "so SQLite goes on where integers end")]
            Some(i64::try_from(rounded).map_or(Value::Real(rounded as f64), Value::Integer))
        }
        ValueRef::Real(real) if real.is_finite() && real.abs() < 1e15 => of_fifteen(real, digits).map(Value::Real),
        ValueRef::Real(real) => Some(Value::Real(real)),
        _ => None,
    }
}

fn of_fifteen(real: f64, digits: i64) -> Option<f64> {
    // One digit, the point, fourteen digits, and the power of ten of the first.
    let text = format!("{:.14e}", real.abs());
    let (mantissa, power) = text.split_once('e')?;
    let power: i64 = power.parse().ok()?;
    let all: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let kept = power.saturating_add(digits).saturating_add(1);
    let Ok(kept) = usize::try_from(kept) else {
        return Some(0.0);
    };
    if kept >= all.len() {
        return text.parse::<f64>().ok().map(|positive| positive.copysign(real));
    }
    let up = all[kept] >= b'5';
    let whole = std::str::from_utf8(&all[..kept]).ok()?;
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let text = format!("{}e{}", whole + i64::from(up), digits.saturating_neg());
    text.parse::<f64>()
        .ok()
        .map(|positive| if positive == 0.0 { 0.0 } else { positive.copysign(real) })
}

/// The quotient, with its fraction; null where the second is zero. Decimals that are whole are kept as integers, whose
/// quotient SQLite would cut off.
pub(super) fn quotient(left: ValueRef<'_>, right: ValueRef<'_>) -> Option<Value> {
    if let (ValueRef::Integer(left), ValueRef::Integer(right)) = (left, right)
        && left.checked_rem(right) == Some(0)
    {
        return Some(Value::Integer(left / right));
    }
    match (real(left)?, real(right)?) {
        (_, 0.0) => None,
        (left, right) => Some(Value::Real(left / right)),
    }
}

/// A finite number as PostgreSQL writes decimals: its shortest digits, without an exponent.
pub(super) fn plain(real: f64) -> String {
    // Without an exponent `Display` writes the shortest digits that read back the same.
    let text = format!("{real}");
    if text == "-0" { "0".to_owned() } else { text }
}

/// A number as a double: what an integer is beside one.
fn real(value: ValueRef<'_>) -> Option<f64> {
    match value {
        #[allow(clippy::cast_precision_loss, reason = "beside a double an integer is one")]
        ValueRef::Integer(integer) => Some(integer as f64),
        ValueRef::Real(real) => Some(real),
        _ => None,
    }
}

/// A value as an integer, where it is one or a number that can be rounded to one (halves to the even side).
pub(super) fn integer(value: ValueRef<'_>) -> Option<Value> {
    match value {
        ValueRef::Integer(integer) => Some(Value::Integer(integer)),
        ValueRef::Real(real) => {
            let rounded = real.round_ties_even();
            let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded);
            #[allow(clippy::cast_possible_truncation, reason = "it is whole and fits")]
            fits.then_some(Value::Integer(rounded as i64))
        }
        ValueRef::Text(text) => {
            let text = trimmed(text)?;
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            (digits.len() <= 40).then(|| text.parse().ok().map(Value::Integer))?
        }
        _ => None,
    }
}

/// A value as a double, where it is a number or written as one.
pub(super) fn float(value: ValueRef<'_>) -> Option<Value> {
    let ValueRef::Text(text) = value else {
        return real(value).map(Value::Real);
    };
    let text = trimmed(text)?;
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mantissa = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let digits = |part: &str, most: usize| part.len() <= most && part.bytes().all(|byte| byte.is_ascii_digit());
    let written = digits(whole, 255)
        && digits(fraction, 255)
        && whole.len() + fraction.len() > 0
        && digits(exponent, 3)
        && !exponent.is_empty();
    let number: f64 = if written { text.parse().ok()? } else { return None };
    let zero = mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    (zero || (1e-307..=1e308).contains(&number.abs())).then_some(Value::Real(number))
}

fn trimmed(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok().map(|text| text.trim_matches(' '))
}

/// The remainder, with the sign of the first; null where the second is zero.
pub(super) fn remainder(left: ValueRef<'_>, right: ValueRef<'_>) -> Option<Value> {
    if let (ValueRef::Integer(left), ValueRef::Integer(right)) = (left, right) {
        return match right {
            0 => None,
            right => Some(Value::Integer(left.checked_rem(right).unwrap_or(0))),
        };
    }
    match (real(left)?, real(right)?) {
        (_, 0.0) => None,
        (left, right) => Some(Value::Real(left % right)).filter(|_| left.is_finite()),
    }
}

/// A number that its column cannot hold.
#[derive(Debug, PartialEq)]
pub(super) struct OutOfRange;

/// The digits that a column keeps of a decimal, and how many of them after the point.
pub(super) type Digits = Option<(i64, i64)>;

/// The sum of two decimals, exactly, as a column keeps it.
pub(super) fn stored_sum(left: ValueRef<'_>, right: ValueRef<'_>, digits: Digits) -> Result<Option<Value>, OutOfRange> {
    if matches!((left, right), (ValueRef::Null, _) | (_, ValueRef::Null)) {
        return Ok(None);
    }
    match (aggregates::number(left), aggregates::number(right)) {
        (Some(Ok(left)), Some(Ok(right))) => stored(left + right, digits).map(Some),
        // No number, or one that is too far out to be reckoned with.
        _ => Err(OutOfRange),
    }
}

/// A decimal that was computed with doubles, as a column keeps it; `None`: as it is, for it is no number.
pub(super) fn stored_decimal(number: ValueRef<'_>, digits: Digits) -> Result<Option<Value>, OutOfRange> {
    match (number, digits) {
        (ValueRef::Real(real), _) if !real.is_finite() => Err(OutOfRange),
        (ValueRef::Integer(_) | ValueRef::Real(_), None) => Ok(None),
        // Fifteen digits are what a double is good for: `0.1 * 0.15` is 0.015, and so rounded. One that needs all of its digits
        // was not computed, or is not exact any more.
        (ValueRef::Real(real), Some((_, scale))) if real.abs() < few(scale) => {
            let decimal = BigDecimal::from_str(&format!("{real:.14e}")).map_err(|_| OutOfRange)?;
            stored(decimal, digits).map(Some)
        }
        (number, _) => match aggregates::number(number) {
            Some(Ok(decimal)) => stored(decimal, digits).map(Some),
            Some(Err(_)) => Err(OutOfRange),
            None => Ok(None),
        },
    }
}

/// Below it fifteen digits hold all that stand before the point and so many behind it.
fn few(scale: i64) -> f64 {
    i32::try_from(15_i64.saturating_sub(scale)).map_or(0.0, |power| 10_f64.powi(power))
}

fn stored(decimal: BigDecimal, digits: Digits) -> Result<Value, OutOfRange> {
    let decimal = match digits {
        Some((precision, scale)) => decimal::fitted(decimal, precision, scale).ok_or(OutOfRange)?,
        None => decimal,
    };
    if !decimal::is_kept(&decimal) {
        return Err(OutOfRange);
    }
    let plain = decimal.normalized();
    match plain.to_i64().filter(|_| plain.is_integer()) {
        Some(integer) => Ok(Value::Integer(integer)),
        None => plain.to_string().parse().map(Value::Real).map_err(|_| OutOfRange),
    }
}

/// An integer that was computed, as a column keeps it; `None`: as it is. A fraction is rounded as PostgreSQL does: of a
/// decimal halves go away from zero, of a double (`even`) to the even side; one that an integer's column held before (only
/// SQLite's do) stays. Where SQLite's integers end it goes on with doubles, where PostgreSQL has an error.
pub(super) fn stored_integer(number: ValueRef<'_>, even: Option<bool>) -> Result<Option<Value>, OutOfRange> {
    let ValueRef::Real(real) = number else {
        return Ok(None);
    };
    let whole = match even {
        Some(true) => real.round_ties_even(),
        Some(false) => real.round(),
        None if real.fract() != 0.0 => return Ok(None),
        None => real,
    };
    integer(ValueRef::Real(whole)).map(Some).ok_or(OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        for (number, digits, wanted) in [
            (0.5, 0, 1.0),
            (-0.5, 0, -1.0),
            (1.5, 0, 2.0),
            (2.5, 0, 3.0),
            (0.49, 0, 0.0),
            (0.285, 2, 0.29),
            (1.005, 2, 1.01),
            (-1.005, 2, -1.01),
            (1234.5, -2, 1200.0),
            (1250.0, -2, 1300.0),
            (6.0, -1, 10.0),
            (4.0, -1, 0.0),
            (4.0, -5, 0.0),
            (0.1, 20, 0.1),
            (99.95, 1, 100.0),
            (1e20, 0, 1e20),
        ] {
            assert_eq!(
                rounded(ValueRef::Real(number), digits),
                Some(Value::Real(wanted)),
                "{number} {digits}"
            );
        }
        for (number, digits, wanted) in [(15, -1, 20), (-15, -1, -20), (14, -1, 10), (7, 3, 7), (7, -40, 0)] {
            assert_eq!(
                rounded(ValueRef::Integer(number), digits),
                Some(Value::Integer(wanted)),
                "{number} {digits}"
            );
        }
        assert_eq!(rounded(ValueRef::Text(b"x"), 0), None);
        assert!(matches!(rounded(ValueRef::Integer(i64::MAX), -1), Some(Value::Real(_))));
    }

    #[test]
    fn quotients_keep_their_fraction() {
        let integer = ValueRef::Integer;
        assert_eq!(quotient(integer(7), integer(2)), Some(Value::Real(3.5)));
        assert_eq!(quotient(integer(-7), integer(2)), Some(Value::Real(-3.5)));
        assert_eq!(quotient(integer(8), integer(-2)), Some(Value::Integer(-4)));
        // More digits than a double has.
        assert_eq!(
            quotient(integer(9_007_199_254_740_993), integer(1)),
            Some(Value::Integer(9_007_199_254_740_993))
        );
        assert_eq!(
            quotient(integer(i64::MIN), integer(-1)),
            Some(Value::Real(9_223_372_036_854_775_808.0))
        );
        assert_eq!(quotient(ValueRef::Real(1.5), integer(2)), Some(Value::Real(0.75)));
        assert_eq!(quotient(integer(7), integer(0)), None);
        assert_eq!(quotient(integer(7), ValueRef::Real(0.0)), None);
        assert_eq!(quotient(integer(7), ValueRef::Null), None);
        assert_eq!(quotient(ValueRef::Text(b"x"), integer(2)), None);
    }

    #[test]
    fn casts_take_what_is_written_as_a_number() {
        for (text, whole, number) in [
            ("7", Some(7), Some(7.0)),
            (" -8 ", Some(-8), Some(-8.0)),
            ("+07", Some(7), Some(7.0)),
            ("2.6", None, Some(2.6)),
            (".5", None, Some(0.5)),
            ("5.", None, Some(5.0)),
            ("1e3", None, Some(1000.0)),
            ("1e999", None, None),
            ("1e-999", None, None),
            ("0e-999", None, Some(0.0)),
            ("9223372036854775807", Some(i64::MAX), Some(9_223_372_036_854_775_807.0)),
            ("9223372036854775808", None, Some(9_223_372_036_854_775_808.0)),
            ("", None, None),
            (".", None, None),
            ("-", None, None),
            ("e5", None, None),
            ("1e", None, None),
            ("1_0", None, None),
            ("0x10", None, None),
            ("7a", None, None),
            ("inf", None, None),
            ("nan", None, None),
        ] {
            let value = ValueRef::Text(text.as_bytes());
            assert_eq!(integer(value), whole.map(Value::Integer), "{text:?}");
            assert_eq!(float(value), number.map(Value::Real), "{text:?}");
        }
        assert_eq!(integer(ValueRef::Real(2.5)), Some(Value::Integer(2)));
        assert_eq!(integer(ValueRef::Real(1e30)), None);
        assert_eq!(integer(ValueRef::Real(f64::NAN)), None);
        assert_eq!(integer(ValueRef::Blob(b"7")), None);
        assert_eq!(float(ValueRef::Integer(7)), Some(Value::Real(7.0)));
    }

    #[test]
    fn decimals_have_no_exponent() {
        for (number, text) in [
            (1e20, "100000000000000000000"),
            (2.5, "2.5"),
            (-0.0, "0"),
            (1e-7, "0.0000001"),
            (-3.0, "-3"),
        ] {
            assert_eq!(plain(number), text);
        }
    }

    #[test]
    fn remainders() {
        let integer = ValueRef::Integer;
        assert_eq!(remainder(integer(7), integer(-2)), Some(Value::Integer(1)));
        assert_eq!(remainder(integer(-7), integer(2)), Some(Value::Integer(-1)));
        assert_eq!(remainder(integer(7), integer(0)), None);
        assert_eq!(remainder(integer(i64::MIN), integer(-1)), Some(Value::Integer(0)));
        assert_eq!(remainder(ValueRef::Real(5.5), integer(2)), Some(Value::Real(1.5)));
        assert_eq!(remainder(ValueRef::Real(5.5), integer(0)), None);
        assert_eq!(remainder(ValueRef::Null, integer(2)), None);
    }

    #[test]
    fn decimals_are_kept_with_the_digits_of_their_column() {
        let real = |number: f64| Ok(Some(Value::Real(number)));
        let sum = |left: f64, right: f64, digits| stored_sum(ValueRef::Real(left), ValueRef::Real(right), digits);
        let five = Some((5, 2));
        assert_eq!(sum(0.1, 0.2, None), real(0.3));
        assert_eq!(sum(1.25, -0.25, None), Ok(Some(Value::Integer(1))));
        assert_eq!(sum(0.125, 0.0, five), real(0.13));
        assert_eq!(sum(999.99, 0.004, five), real(999.99));
        assert_eq!(sum(999.99, 0.005, five), Err(OutOfRange));
        assert_eq!(sum(-999.99, -0.01, five), Err(OutOfRange));
        assert_eq!(sum(1e308, 1e308, None), Err(OutOfRange));
        assert_eq!(stored_sum(ValueRef::Null, ValueRef::Integer(1), None), Ok(None));
        // A double would not keep the cent.
        let text = stored_sum(ValueRef::Text(b"12345678901234567.89"), ValueRef::Real(0.01), None);
        assert_eq!(text, Err(OutOfRange));

        let computed = |number: f64, digits| stored_decimal(ValueRef::Real(number), digits);
        assert_eq!(computed(0.1 * 3.0, five), real(0.3));
        assert_eq!(computed(1.1 * 1.15, five), real(1.27));
        assert_eq!(computed(999.994, five), real(999.99));
        assert_eq!(computed(999.995, five), Err(OutOfRange));
        assert_eq!(computed(1e300, five), Err(OutOfRange));
        assert_eq!(
            computed(123_456_789_012_345.67, Some((20, 2))),
            real(123_456_789_012_345.67)
        );
        assert_eq!(computed(1.0 / 3.0, None), Ok(None));
        assert_eq!(computed(f64::INFINITY, None), Err(OutOfRange));
        assert_eq!(stored_decimal(ValueRef::Integer(1000), five), Err(OutOfRange));
        assert_eq!(stored_decimal(ValueRef::Null, five), Ok(None));
        assert_eq!(stored_decimal(ValueRef::Blob(b"x"), five), Ok(None));
    }

    #[test]
    fn integers_have_64_bits() {
        let whole = |number: i64| Ok(Some(Value::Integer(number)));
        assert_eq!(stored_integer(ValueRef::Integer(i64::MAX), None), Ok(None));
        assert_eq!(stored_integer(ValueRef::Real(2.5), Some(false)), whole(3));
        assert_eq!(stored_integer(ValueRef::Real(2.5), Some(true)), whole(2));
        assert_eq!(stored_integer(ValueRef::Real(2.5), None), Ok(None));
        assert_eq!(stored_integer(ValueRef::Real(3e9), Some(false)), whole(3_000_000_000));
        assert_eq!(
            stored_integer(ValueRef::Real(9_223_372_036_854_775_808.0), None),
            Err(OutOfRange)
        );
        assert_eq!(
            stored_integer(ValueRef::Real(f64::INFINITY), Some(true)),
            Err(OutOfRange)
        );
        assert_eq!(stored_integer(ValueRef::Null, Some(true)), Ok(None));
    }
}
