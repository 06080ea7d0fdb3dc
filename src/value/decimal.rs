//! Decimals within the digits that a column keeps, and what of them a double keeps.

use bigdecimal::num_traits::Zero as _;
use bigdecimal::{BigDecimal, RoundingMode};
use std::str::FromStr as _;

/// A decimal with `scale` digits after its point (before it where negative), halves away from zero; `None` where it then has
/// more than `precision` digits.
#[must_use]
pub fn fitted(decimal: BigDecimal, precision: i64, scale: i64) -> Option<BigDecimal> {
    let most = precision.saturating_sub(scale);
    if decimal.is_zero() {
        return Some(BigDecimal::zero());
    }
    let length = before_the_point(&decimal);
    if length > most {
        return None;
    }
    // So small that nothing is left of it: rounding would write out all of its zeros first.
    if length < -scale {
        return Some(BigDecimal::zero());
    }
    let decimal = decimal.with_scale_round(scale, RoundingMode::HalfUp);
    (decimal.is_zero() || before_the_point(&decimal) <= most).then_some(decimal)
}

fn before_the_point(decimal: &BigDecimal) -> i64 {
    let (_, after) = decimal.as_bigint_and_exponent();
    i64::try_from(decimal.digits())
        .unwrap_or(i64::MAX)
        .saturating_sub(after)
}

/// Whether SQLite, which has integers of 64 bits and doubles, gives a decimal back as it was.
#[must_use]
pub fn is_kept(decimal: &BigDecimal) -> bool {
    let plain = decimal.normalized();
    // Beyond these there is no double, and no need to write out all zeros.
    if plain.is_zero() {
        return true;
    }
    if before_the_point(&plain).unsigned_abs() > 400 {
        return false;
    }
    if plain.is_integer() && plain.to_plain_string().parse::<i64>().is_ok() {
        return true;
    }
    let Ok(double) = plain.to_string().parse::<f64>() else {
        return false;
    };
    double.is_finite() && BigDecimal::from_str(&format!("{double:e}")).is_ok_and(|back| back == plain)
}

#[cfg(test)]
mod tests {
    use super::{fitted, is_kept};
    use bigdecimal::BigDecimal;

    fn decimal(text: &str) -> BigDecimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn rounding() {
        for (text, wanted) in [
            ("1.005", "1.01"),
            ("-1.005", "-1.01"),
            ("1.0049", "1.00"),
            ("999.99", "999.99"),
            ("999.994", "999.99"),
            ("999.995", "refused"),
            ("1000", "refused"),
            ("1e3", "refused"),
            ("1e999999999", "refused"),
            ("1e-999999999", "0"),
            ("0.005", "0.01"),
            ("0.0049", "0.00"),
            ("0.00049", "0"),
            ("0e99", "0"),
        ] {
            let found = fitted(decimal(text), 5, 2);
            let found = found.map_or("refused".into(), |decimal| decimal.to_plain_string());
            assert_eq!(found, wanted, "{text}");
        }
        assert_eq!(fitted(decimal("12345"), 3, -2), Some(decimal("12300")));
        assert_eq!(fitted(decimal("99950"), 3, -2), None);
    }

    #[test]
    fn what_a_double_keeps() {
        for kept in [
            "0",
            "0e99",
            "-7",
            "9223372036854775807",
            "0.1",
            "0.30000000000000004",
            "1e300",
            "12345678901234.5",
            "100000000000000000000",
            "2.50",
            "1e-300",
        ] {
            assert!(is_kept(&decimal(kept)), "{kept}");
        }
        for lost in [
            "9223372036854775809",
            "123456789012345678.90",
            "0.1000000000000000055",
            "1e400",
            "-1e309",
            "1e-400",
            "1e999999999",
            "1e-999999999",
        ] {
            assert!(!is_kept(&decimal(lost)), "{lost}");
        }
    }
}
