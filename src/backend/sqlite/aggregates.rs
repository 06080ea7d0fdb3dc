//! Aggregates over exact decimals and booleans, with PostgreSQL's answers; null for no rows.

use super::functions::PURE;
use super::write::{float, is_json_number};
use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, ToPrimitive, Zero};
use rusqlite::functions::{Aggregate, Context};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

/// Largest power of ten, up or down, of a decimal that is added exactly; beyond it text counts as a double.
const FAR: i64 = 400;

/// The largest number whose square is added up: beyond it a spread is none.
const SQUARED: f64 = 1e145;

/// Makes the aggregates known to a connection.
pub(super) fn register(connection: &Connection) -> Result<()> {
    for (name, what) in [
        ("diglot_sum", What::Sum),
        ("diglot_avg", What::Average),
        (
            "diglot_stddev",
            What::Spread {
                population: false,
                root: true,
            },
        ),
        (
            "diglot_stddev_pop",
            What::Spread {
                population: true,
                root: true,
            },
        ),
        (
            "diglot_variance",
            What::Spread {
                population: false,
                root: false,
            },
        ),
        (
            "diglot_var_pop",
            What::Spread {
                population: true,
                root: false,
            },
        ),
    ] {
        connection.create_aggregate_function(name, 1, PURE, Numbers(what))?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Sum,
    Average,
    Spread { population: bool, root: bool },
}

struct Numbers(What);

/// Sums of what was seen. Numbers are kept as integers as long as all are, then as decimals.
#[derive(Default)]
struct Sums {
    count: u64,
    whole: i128,
    decimal: Option<BigDecimal>,
    squares: BigDecimal,
    /// The sum of infinities, and of text too far out for an exact sum.
    far: Option<f64>,
}

impl Aggregate<Sums, Value> for Numbers {
    fn init(&self, _: &mut Context<'_>) -> Result<Sums> {
        Ok(Sums::default())
    }

    fn step(&self, context: &mut Context<'_>, sums: &mut Sums) -> Result<()> {
        let value = context.get_raw(0);
        if let ValueRef::Integer(integer) = value {
            sums.count += 1;
            // 2^63 rows of 2^63 fit.
            sums.whole += i128::from(integer);
            if matches!(self.0, What::Spread { .. }) {
                let integer = BigDecimal::from(integer);
                sums.squares += &integer * &integer;
            }
            return Ok(());
        }
        // No number: of no account, in the count as well.
        let Some(decimal) = number(value) else { return Ok(()) };
        sums.count += 1;
        let spread = matches!(self.0, What::Spread { .. });
        match decimal {
            Ok(decimal) if spread && near(&decimal).abs() > SQUARED => sums.far = Some(f64::NAN),
            Ok(decimal) => {
                if spread {
                    sums.squares += &decimal * &decimal;
                }
                *sums.decimal.get_or_insert_with(BigDecimal::zero) += decimal;
            }
            Err(far) => *sums.far.get_or_insert(0.0) += far,
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sums: Option<Sums>) -> Result<Value> {
        let Some(sums) = sums.filter(|sums| sums.count > 0) else {
            return Ok(Value::Null);
        };
        if let Some(far) = sums.far {
            return Ok(match self.0 {
                What::Sum | What::Average => Value::Real(far),
                // No number is known of it.
                What::Spread { .. } => Value::Null,
            });
        }
        let total = BigDecimal::from(BigInt::from(sums.whole)) + sums.decimal.unwrap_or_default();
        let count = BigDecimal::from(sums.count);
        Ok(match self.0 {
            What::Sum => exact(&total),
            What::Average => Value::Real(near(&(total.with_prec(60) / count))),
            What::Spread { population: false, .. } if sums.count == 1 => Value::Null,
            What::Spread { population, root } => {
                let divisor = if population {
                    count.clone()
                } else {
                    &count - BigDecimal::from(1)
                };
                let spread = (&count * sums.squares - &total * &total).with_prec(60) / (count * divisor);
                let spread = near(&spread);
                Value::Real(if root { spread.sqrt() } else { spread })
            }
        })
    }
}

/// A number as a decimal, or as a double where it is infinite or too far out; `None` where it is no number.
pub(super) fn number(value: ValueRef<'_>) -> Option<std::result::Result<BigDecimal, f64>> {
    match value {
        ValueRef::Integer(integer) => Some(Ok(BigDecimal::from(integer))),
        ValueRef::Real(real) if real.is_finite() => {
            let mut text = Vec::with_capacity(24);
            float(&mut text, real);
            Some(decimal_of(&text))
        }
        ValueRef::Real(real) => Some(Err(real)),
        ValueRef::Text(text) => {
            let text = text.trim_ascii();
            let plain = text.strip_prefix(b"+").unwrap_or(text);
            is_json_number(plain).then(|| decimal_of(plain))
        }
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

/// The decimal of a JSON number, or the nearest double where it is too far out.
fn decimal_of(text: &[u8]) -> std::result::Result<BigDecimal, f64> {
    let text = std::str::from_utf8(text).unwrap_or("0");
    let far = text
        .split_once(['e', 'E'])
        .is_some_and(|(_, power)| power.parse::<i64>().map_or(true, |power| power.abs() > FAR));
    if far || text.len() > 4096 {
        return Err(text.parse().unwrap_or(0.0));
    }
    text.parse().map_err(|_| text.parse().unwrap_or(0.0))
}

/// A decimal as a value that compares as a number wherever it can: an integer, else a double that is written with the same
/// digits, else (more digits than a double has) its text, which is written as a number all the same.
pub(super) fn exact(decimal: &BigDecimal) -> Value {
    let plain = decimal.normalized();
    if plain.is_integer() {
        if let Some(integer) = plain.to_i64() {
            return Value::Integer(integer);
        }
    } else if plain.digits() <= 15 {
        let text = plain.to_plain_string();
        let real: f64 = text.parse().unwrap_or(0.0);
        let mut back = Vec::with_capacity(24);
        float(&mut back, real);
        if back == text.as_bytes() {
            return Value::Real(real);
        }
    }
    Value::Text(plain.to_plain_string())
}

fn near(decimal: &BigDecimal) -> f64 {
    decimal.to_string().parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aggregate(function: &str, values: &str) -> Value {
        let connection = Connection::open_in_memory().expect("opens");
        register(&connection).expect("registers");
        let sql = format!("WITH t(x) AS (VALUES {values}) SELECT {function}(x) FROM t WHERE x IS NOT 'none'");
        connection.query_row(&sql, [], |row| row.get(0)).expect(&sql)
    }

    #[test]
    fn sums_are_exact() {
        let text = |text: &str| Value::Text(text.into());
        for (values, sum) in [
            ("(1),(2),(NULL)", Value::Integer(3)),
            ("(0.1),(0.2)", Value::Real(0.3)),
            ("('1.50'),('1.50')", Value::Integer(3)),
            ("('12.345'),(1)", Value::Real(13.345)),
            ("(9223372036854775807),(1)", text("9223372036854775808")),
            ("('12345678901234567890.12'),('0.01')", text("12345678901234567890.13")),
            ("('0.00001'),('0.00001')", text("0.00002")),
            ("(' +2.5 '),('x'),(x'00')", Value::Real(2.5)),
            ("('1e2'),('-1E2')", Value::Integer(0)),
            ("(9e999),(1)", Value::Real(f64::INFINITY)),
            ("('1e1000000000'),(1)", Value::Real(f64::INFINITY)),
            ("('1e-1000000000'),(1)", Value::Real(0.0)),
            ("('1e400'),('1')", text(&format!("1{}1", "0".repeat(399)))),
            ("('none')", Value::Null),
            ("(NULL)", Value::Null),
            ("('x')", Value::Null),
        ] {
            assert_eq!(aggregate("diglot_sum", values), sum, "{values}");
        }
    }

    #[test]
    fn means_and_spreads() {
        for (function, values, expected) in [
            ("diglot_avg", "(1),(2)", Some(1.5)),
            ("diglot_avg", "(1),(2),(NULL),(3)", Some(2.0)),
            ("diglot_avg", "('0.1'),(0.2)", Some(0.15)),
            (
                "diglot_avg",
                "(9223372036854775807),(9223372036854775807)",
                Some(9_223_372_036_854_775_807.0),
            ),
            ("diglot_avg", "('none')", None),
            ("diglot_variance", "(1),(2),(3),(4)", Some(5.0 / 3.0)),
            ("diglot_var_pop", "(1),(2),(3),(4)", Some(1.25)),
            ("diglot_stddev_pop", "(2),(4),(4),(4),(5),(5),(7),(9)", Some(2.0)),
            ("diglot_stddev", "(1),(2),(3),(4)", Some((5.0f64 / 3.0).sqrt())),
            ("diglot_variance", "(100000000.1),(100000000.2)", Some(0.005)),
            ("diglot_variance", "(1)", None),
            ("diglot_var_pop", "(1)", Some(0.0)),
            ("diglot_stddev_pop", "(7.5),(7.5)", Some(0.0)),
            ("diglot_stddev", "('none')", None),
            ("diglot_var_pop", "(1e145),(-1e145)", Some(1e290)),
            ("diglot_stddev", "(1e150),(0)", None),
            ("diglot_var_pop", "(9e999)", None),
        ] {
            let expected = expected.map_or(Value::Null, Value::Real);
            assert_eq!(aggregate(function, values), expected, "{function} {values}");
        }
    }
}
