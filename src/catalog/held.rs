//! The last step of a value on its way into a column, wherever it comes from: what was sent, what a rule sets.

use super::{Column, DatabaseKind, Default};
use crate::value::{Datum, Type, decimal};
use bigdecimal::BigDecimal;
use std::str::FromStr as _;

/// Greatest number that is taken where SQLite counts on from the greatest that ever was (AUTOINCREMENT): beyond the last one
/// nobody could create a row any more, and as many are left as can be taken.
const GREATEST: i64 = i64::MAX / 2;

impl Column {
    /// A value of the column's type as the column holds it: of the length, with the digits, and within the range that it is
    /// declared with. PostgreSQL would see to that by itself, SQLite keeps whatever it is given, and no more digits than a
    /// double has.
    ///
    /// # Errors
    /// What it does not hold, behind the value's name and a colon.
    pub fn held(&self, datum: Datum, kind: DatabaseKind) -> Result<Datum, String> {
        let sqlite = kind == DatabaseKind::Sqlite;
        match (&self.data_type, &datum) {
            (_, Datum::Null) => Ok(datum),
            (Type::Text { length: Some(most), .. }, Datum::Text(text)) => {
                let length = text.chars().count();
                if length > *most as usize {
                    return Err(format!("a text of {length} characters, at most {most} are taken"));
                }
                Ok(datum)
            }
            (Type::Integer(_), Datum::Integer(number)) if self.is_ascending() && *number > GREATEST => Err(format!(
                "{number} is too great for a key that the database counts on from: at most {GREATEST} is taken"
            )),
            (Type::Numeric, _) => {
                let datum = self.rounded(datum)?;
                if sqlite && decimal_of(&datum).is_some_and(|decimal| !decimal::is_kept(&decimal)) {
                    return Err(
                        "a number too large, or of more digits, than this database keeps (those of a double, about 16)"
                            .into(),
                    );
                }
                Ok(datum)
            }
            (Type::Json | Type::Jsonb, Datum::Text(text)) if sqlite => {
                self.check_bare_number(text)?;
                Ok(datum)
            }
            _ => Ok(datum),
        }
    }

    fn is_ascending(&self) -> bool {
        matches!(self.default, Some(Default::Identity { ascending: true, .. }))
    }

    /// A decimal number with the digits that the column keeps: PostgreSQL rounds so, SQLite would keep all of them.
    fn rounded(&self, datum: Datum) -> Result<Datum, String> {
        let Some((precision, scale)) = self.digits() else {
            return Ok(datum);
        };
        // What is not a number, or an infinite one, the database judges.
        let Some(decimal) = decimal_of(&datum) else {
            return Ok(datum);
        };
        match decimal::fitted(decimal, precision, scale) {
            Some(decimal) => Ok(Datum::Text(decimal.to_plain_string().into())),
            None => {
                let most = precision.saturating_sub(scale);
                Err(format!(
                    "a number with more than {most} digits before the point, which its column does not hold"
                ))
            }
        }
    }

    /// SQLite makes a number of a JSON text that is nothing else, where the column is not declared as TEXT: of those of many
    /// digits it would keep less than was sent.
    fn check_bare_number(&self, text: &str) -> Result<(), String> {
        let declared = self.database_type.to_ascii_uppercase();
        let is_text = ["TEXT", "CHAR", "CLOB", "BLOB"]
            .iter()
            .any(|kind| declared.contains(kind))
            || declared.is_empty();
        let text = text.trim();
        let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        if is_text || !is_number || BigDecimal::from_str(text).is_ok_and(|decimal| decimal::is_kept(&decimal)) {
            return Ok(());
        }
        let message = "a number alone has more digits than this column keeps (those of a double); send it within a list or \
                       an object, or as a text";
        Err(message.into())
    }
}

fn decimal_of(datum: &Datum) -> Option<BigDecimal> {
    match datum {
        Datum::Integer(number) => Some(BigDecimal::from(*number)),
        Datum::Float(number) if number.is_finite() => BigDecimal::from_str(&format!("{number:e}")).ok(),
        Datum::Text(text) => BigDecimal::from_str(text).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Column, DatabaseKind};
    use crate::ident::Identifier;
    use crate::value::{Datum, Type};

    fn column(data_type: Type, declared: &str) -> Column {
        Column {
            name: Identifier::new("c"),
            data_type,
            database_type: declared.into(),
            nullable: true,
            default: None,
            one_form: false,
            generated: None,
            comment: None,
        }
    }

    #[test]
    fn what_columns_hold() {
        let text = |text: &str| Datum::Text(text.into());
        let short = Type::Text {
            length: Some(3),
            caseless: false,
        };
        let both = [DatabaseKind::Sqlite, DatabaseKind::Postgres];
        let sqlite = &both[..1];
        let postgres = &both[1..];
        for (kinds, data_type, declared, value, wanted) in [
            (&both[..], short.clone(), "varchar(3)", text("äöü"), Some(text("äöü"))),
            (&both[..], short, "varchar(3)", text("four"), None),
            (
                &both[..],
                Type::Numeric,
                "numeric(5,2)",
                text("1.005"),
                Some(text("1.01")),
            ),
            (
                &both[..],
                Type::Numeric,
                "numeric(5,2)",
                Datum::Integer(7),
                Some(text("7.00")),
            ),
            (&both[..], Type::Numeric, "numeric(5,2)", text("1000"), None),
            (&both[..], Type::Numeric, "numeric(5,2)", Datum::Null, Some(Datum::Null)),
            (
                &both[..],
                Type::Numeric,
                "numeric(5,2)",
                text("Infinity"),
                Some(text("Infinity")),
            ),
            (sqlite, Type::Numeric, "numeric", text("1e400"), None),
            (postgres, Type::Numeric, "numeric", text("1e400"), Some(text("1e400"))),
            (
                sqlite,
                Type::Numeric,
                "numeric(20,2)",
                text("123456789012345678.90"),
                None,
            ),
            (sqlite, Type::Json, "JSON", text("12345678901234567890123"), None),
            (
                sqlite,
                Type::Json,
                "TEXT",
                text("12345678901234567890123"),
                Some(text("12345678901234567890123")),
            ),
            (
                postgres,
                Type::Json,
                "json",
                text("12345678901234567890123"),
                Some(text("12345678901234567890123")),
            ),
        ] {
            for kind in kinds {
                let found = column(data_type.clone(), declared).held(value.clone(), *kind);
                assert_eq!(found.ok(), wanted, "{value:?} in {declared} on {kind:?}");
            }
        }
    }
}
