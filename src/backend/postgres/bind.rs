//! Values → the driver's arguments, in binary form, each of the type that the statement casts from.

use crate::error::{Code, Error, Result};
use crate::sql::{Form, Mark};
use crate::value::{Datum, Type, literal};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo, Postgres};

/// The type that a mark is bound as. Whatever is not here goes as text, and the statement casts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Boolean,
    Integer2,
    Integer4,
    Integer8,
    Float4,
    Float8,
    Bytes,
    Text,
}

impl Target {
    fn of(mark: &Mark) -> Self {
        if matches!(mark.form, Form::Count { .. }) {
            return Target::Integer8;
        }
        match mark.data_type {
            Type::Boolean => Target::Boolean,
            Type::Integer(16) => Target::Integer2,
            Type::Integer(64) => Target::Integer8,
            Type::Integer(_) => Target::Integer4,
            Type::Float(32) => Target::Float4,
            Type::Float(_) => Target::Float8,
            Type::Bytes => Target::Bytes,
            _ => Target::Text,
        }
    }

    /// The fixed object ids of the built-in types.
    fn oid(self) -> u32 {
        match self {
            Target::Boolean => 16,
            Target::Integer2 => 21,
            Target::Integer4 => 23,
            Target::Integer8 => 20,
            Target::Float4 => 700,
            Target::Float8 => 701,
            Target::Bytes => 17,
            Target::Text => 25,
        }
    }

    fn array_oid(self) -> u32 {
        match self {
            Target::Boolean => 1000,
            Target::Integer2 => 1005,
            Target::Integer4 => 1007,
            Target::Integer8 => 1016,
            Target::Float4 => 1021,
            Target::Float8 => 1022,
            Target::Bytes => 1001,
            Target::Text => 1009,
        }
    }
}

/// The arguments of a statement.
///
/// # Errors
/// `Invalid` for a value that does not fit its mark, `Internal` where their numbers differ.
pub(super) fn arguments(marks: &[Mark], values: &[Datum]) -> Result<PgArguments> {
    if marks.len() != values.len() {
        return Err(Error::internal(format!(
            "{} values for {} marks",
            values.len(),
            marks.len()
        )));
    }
    let mut arguments = PgArguments::default();
    sqlx::Arguments::reserve(&mut arguments, marks.len(), marks.len() * 16);
    for (mark, datum) in marks.iter().zip(values) {
        let argument = Argument {
            target: Target::of(mark),
            list: mark.list,
            datum,
        };
        sqlx::Arguments::add(&mut arguments, argument).map_err(|error| match error.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(other) => Error::internal(other),
        })?;
    }
    Ok(arguments)
}

struct Argument<'a> {
    target: Target,
    list: bool,
    datum: &'a Datum,
}

impl sqlx::Type<Postgres> for Argument<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(Target::Text.oid()))
    }
}

impl sqlx::Encode<'_, Postgres> for Argument<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let written = if self.list {
            write_list(self.target, self.datum, buffer)
        } else {
            write_scalar(self.target, self.datum, buffer)
        };
        match written {
            Ok(true) => Ok(IsNull::No),
            Ok(false) => Ok(IsNull::Yes),
            Err(error) => Err(Box::new(error)),
        }
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        let oid = if self.list {
            self.target.array_oid()
        } else {
            self.target.oid()
        };
        Some(PgTypeInfo::with_oid(Oid(oid)))
    }
}

/// Writes PostgreSQL's binary form of an array of one dimension. False: null.
fn write_list(target: Target, datum: &Datum, buffer: &mut Vec<u8>) -> Result<bool> {
    let items = match datum {
        Datum::Null => return Ok(false),
        Datum::List(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    let length = i32::try_from(items.len())
        .map_err(|_| Error::invalid(Code::INVALID_VALUE, "a list is longer than the database can take"))?;
    let dimensions = i32::from(!items.is_empty());
    let nulls = i32::from(items.contains(&Datum::Null));
    buffer.extend_from_slice(&dimensions.to_be_bytes());
    buffer.extend_from_slice(&nulls.to_be_bytes());
    buffer.extend_from_slice(&target.oid().to_be_bytes());
    if items.is_empty() {
        return Ok(true);
    }
    buffer.extend_from_slice(&length.to_be_bytes());
    buffer.extend_from_slice(&1_i32.to_be_bytes());
    for item in items {
        let start = buffer.len();
        buffer.extend_from_slice(&[0; 4]);
        let length = if write_scalar(target, item, buffer)? {
            i32::try_from(buffer.len() - start - 4)
                .map_err(|_| Error::invalid(Code::INVALID_VALUE, "a value is longer than the database can take"))?
        } else {
            -1
        };
        buffer[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(true)
}

/// Writes the binary form of one value. False: null. Texts are accepted for every type: parts of cursors and session
/// variables arrive as such.
fn write_scalar(target: Target, datum: &Datum, buffer: &mut Vec<u8>) -> Result<bool> {
    if *datum == Datum::Null {
        return Ok(false);
    }
    match target {
        Target::Boolean => buffer.push(u8::from(boolean(datum)?)),
        Target::Integer2 => buffer.extend_from_slice(&integer::<i16>(datum)?.to_be_bytes()),
        Target::Integer4 => buffer.extend_from_slice(&integer::<i32>(datum)?.to_be_bytes()),
        Target::Integer8 => buffer.extend_from_slice(&integer::<i64>(datum)?.to_be_bytes()),
        Target::Float4 => buffer.extend_from_slice(&(float(datum)? as f32).to_be_bytes()),
        Target::Float8 => buffer.extend_from_slice(&float(datum)?.to_be_bytes()),
        Target::Bytes => write_bytes(datum, buffer)?,
        Target::Text => write_text(datum, buffer)?,
    }
    Ok(true)
}

fn boolean(datum: &Datum) -> Result<bool> {
    match datum {
        Datum::Boolean(value) => Ok(*value),
        Datum::Integer(0) => Ok(false),
        Datum::Integer(1) => Ok(true),
        Datum::Text(text) => match &*text.to_ascii_lowercase() {
            "t" | "true" | "1" | "yes" | "on" => Ok(true),
            "f" | "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(misfit("true or false")),
        },
        _ => Err(misfit("true or false")),
    }
}

fn integer<I: TryFrom<i64>>(datum: &Datum) -> Result<I> {
    let value = match datum {
        Datum::Integer(value) => Some(*value),
        Datum::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    value
        .and_then(|value| I::try_from(value).ok())
        .ok_or_else(|| misfit(&format!("an integer of {} bits", size_of::<I>() * 8)))
}

fn float(datum: &Datum) -> Result<f64> {
    match datum {
        Datum::Float(value) => Ok(*value),
        Datum::Integer(value) => Ok(*value as f64),
        Datum::Text(text) => text.trim().parse().map_err(|_| misfit("a number")),
        _ => Err(misfit("a number")),
    }
}

fn write_bytes(datum: &Datum, buffer: &mut Vec<u8>) -> Result<()> {
    match datum {
        Datum::Bytes(bytes) => buffer.extend_from_slice(bytes),
        // The form in which a cursor holds them.
        Datum::Text(text) if text.starts_with("\\x") => {
            let digits = text.as_bytes()[2..].chunks(2).map(|pair| {
                let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
                u8::from_str_radix(text, 16).ok()
            });
            for byte in digits {
                buffer.push(byte.ok_or_else(|| misfit("bytes in hexadecimal form"))?);
            }
        }
        _ => return Err(misfit("bytes")),
    }
    Ok(())
}

fn write_text(datum: &Datum, buffer: &mut Vec<u8>) -> Result<()> {
    match datum {
        Datum::Text(text) => {
            if text.as_bytes().contains(&0) {
                return Err(misfit("text without NUL characters"));
            }
            buffer.extend_from_slice(text.as_bytes());
        }
        other => {
            let mut text = String::new();
            literal::write(other, &mut text);
            buffer.extend_from_slice(text.as_bytes());
        }
    }
    Ok(())
}

fn misfit(right: &str) -> Error {
    Error::invalid(
        Code::INVALID_VALUE,
        format!("a value does not fit its type: expected {right}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(target: Target, datum: &Datum) -> Option<Vec<u8>> {
        let mut buffer = Vec::new();
        write_scalar(target, datum, &mut buffer).ok().map(|_| buffer)
    }

    #[test]
    fn scalars_take_their_binary_form() {
        let text = |text: &str| Datum::Text(text.into());
        let cases: Vec<(Target, Datum, Option<Vec<u8>>)> = vec![
            (Target::Boolean, Datum::Boolean(true), Some(vec![1])),
            (Target::Boolean, text("f"), Some(vec![0])),
            (Target::Boolean, text("maybe"), None),
            (Target::Integer2, Datum::Integer(258), Some(vec![1, 2])),
            (Target::Integer2, Datum::Integer(40_000), None),
            (Target::Integer4, text("-1"), Some(vec![255; 4])),
            (Target::Integer4, Datum::Integer(1 << 31), None),
            (Target::Integer4, Datum::Float(1.0), None),
            (Target::Integer8, text("9223372036854775808"), None),
            (Target::Float8, Datum::Integer(2), Some(2_f64.to_be_bytes().to_vec())),
            (
                Target::Float8,
                text("-Infinity"),
                Some(f64::NEG_INFINITY.to_be_bytes().to_vec()),
            ),
            (Target::Float4, Datum::Float(0.5), Some(0.5_f32.to_be_bytes().to_vec())),
            (Target::Bytes, text("\\x6869"), Some(b"hi".to_vec())),
            (Target::Bytes, text("\\x686"), None),
            (Target::Bytes, text("\\xé"), None),
            (Target::Text, text("a\0b"), None),
            (Target::Text, Datum::Boolean(false), Some(b"false".to_vec())),
            (
                Target::Text,
                Datum::Bytes(Box::new([1, 255])),
                Some(b"\\x01ff".to_vec()),
            ),
            (
                Target::Text,
                Datum::List(vec![text("a\"b"), Datum::Null, Datum::Integer(5), Datum::List(vec![])]),
                Some(br#"{"a\"b",NULL,"5",{}}"#.to_vec()),
            ),
        ];
        for (target, datum, expected) in cases {
            assert_eq!(bytes(target, &datum), expected, "{target:?} {datum:?}");
        }
    }

    #[test]
    fn lists_are_arrays_of_one_dimension() {
        let mut buffer = Vec::new();
        assert!(
            write_list(
                Target::Integer2,
                &Datum::List(vec![Datum::Integer(7), Datum::Null]),
                &mut buffer
            )
            .unwrap()
        );
        let expected = [
            0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 7, 255, 255, 255, 255,
        ];
        assert_eq!(buffer, expected);
        buffer.clear();
        assert!(write_list(Target::Text, &Datum::List(vec![]), &mut buffer).unwrap());
        assert_eq!(buffer, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25]);
        assert!(!write_list(Target::Text, &Datum::Null, &mut buffer).unwrap());
    }
}
