//! Numbers that are written as text.

use super::Datum;

/// An integer in its one canonical spelling: `2`, `-7`, neither `02` nor `+2` nor `-0`. Texts of a session (a subject, a
/// header) are only then a number; else two names would be one owner.
#[must_use]
pub fn is_integer(text: &str) -> bool {
    text != "-0" && is_whole(text.strip_prefix('-').unwrap_or(text))
}

/// A decimal without needless signs and leading zeros, and without an exponent: `2`, `-0.50`, neither `02` nor `.5`.
#[must_use]
pub fn is_decimal(text: &str) -> bool {
    match text.split_once('.') {
        None => is_integer(text),
        Some((whole, part)) => {
            is_whole(whole.strip_prefix('-').unwrap_or(whole))
                && !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_digit())
        }
    }
}

/// The number that a text is for SQLite, which has no decimals: an integer of 64 bits, else a double.
#[must_use]
pub fn number(text: &str) -> Option<Datum> {
    if let Ok(number) = text.parse() {
        return Some(Datum::Integer(number));
    }
    let plain = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let number = text.parse::<f64>().ok()?;
    (number.is_finite() && text.bytes().all(plain)).then_some(Datum::Float(number))
}

fn is_whole(digits: &str) -> bool {
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::{is_decimal, is_integer, number};
    use crate::value::Datum;

    #[test]
    fn canonical_spellings() {
        for good in ["0", "2", "-7", "10", "9223372036854775808"] {
            assert!(is_integer(good) && is_decimal(good), "{good}");
        }
        for good in ["0.5", "-0.50", "10.00"] {
            assert!(is_decimal(good) && !is_integer(good), "{good}");
        }
        for bad in [
            "", "-", "02", "+2", "-0", "00", " 2", "2 ", "0x2", "1e3", ".5", "5.", "02.5", "2_0", "२",
        ] {
            assert!(!is_integer(bad) && !is_decimal(bad), "{bad}");
        }
    }

    #[test]
    fn numbers_of_sqlite() {
        assert_eq!(number("7"), Some(Datum::Integer(7)));
        assert_eq!(
            number("9223372036854775808"),
            Some(Datum::Float(9_223_372_036_854_775_808.0))
        );
        assert_eq!(number("12.50"), Some(Datum::Float(12.5)));
        assert_eq!(number("1e3"), Some(Datum::Float(1000.0)));
        for none in ["nan", "inf", "infinity", "1e999", "", "x"] {
            assert_eq!(number(none), None, "{none}");
        }
    }
}
