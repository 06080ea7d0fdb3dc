//! The text forms of lists and records that PostgreSQL's input functions take.

use super::Datum;
use std::fmt::Write as _;

/// The text form that PostgreSQL's input functions take; arrays with every element quoted.
pub fn write(datum: &Datum, text: &mut String) {
    match datum {
        Datum::Null => text.push_str("NULL"),
        Datum::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
        Datum::Integer(value) => text.push_str(itoa::Buffer::new().format(*value)),
        Datum::Float(value) if value.is_nan() => text.push_str("NaN"),
        Datum::Float(value) if value.is_infinite() => {
            text.push_str(if *value > 0.0 { "Infinity" } else { "-Infinity" });
        }
        Datum::Float(value) => text.push_str(zmij::Buffer::new().format(*value)),
        Datum::Text(value) => text.push_str(value),
        Datum::Bytes(bytes) | Datum::Broken(bytes) => {
            text.push_str("\\x");
            for byte in bytes {
                let _ = write!(text, "{byte:02x}");
            }
        }
        Datum::List(items) => {
            text.push('{');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                if matches!(item, Datum::Null | Datum::List(_)) {
                    write(item, text);
                    continue;
                }
                let mut inner = String::new();
                write(item, &mut inner);
                quote(&inner, text);
            }
            text.push('}');
        }
    }
}

/// A record: `("a",,"b")`, with nothing where an attribute is null.
#[must_use]
pub fn record(attributes: &[Datum]) -> String {
    let mut text = String::from("(");
    for (index, attribute) in attributes.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        if *attribute != Datum::Null {
            let mut inner = String::new();
            write(attribute, &mut inner);
            quote(&inner, &mut text);
        }
    }
    text.push(')');
    text
}

fn quote(inner: &str, text: &mut String) {
    text.push('"');
    for character in inner.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::{Datum, record};

    #[test]
    fn records() {
        let text = |text: &str| Datum::Text(text.into());
        let inner = record(&[Datum::Integer(1), Datum::Null]);
        assert_eq!(inner, r#"("1",)"#);
        let list = Datum::List(vec![text(&inner), Datum::Null]);
        assert_eq!(
            record(&[text("a \"b\""), list, Datum::Boolean(true), text("")]),
            r#"("a \"b\"","{\"(\\\"1\\\",)\",NULL}","true","")"#
        );
    }
}
