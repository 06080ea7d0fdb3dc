//! Binary rows → JSON bytes, by the statement's layouts. No value in between.

use super::scalar;
use crate::error::Error;
use crate::sql::{Layout, Nested, Wire};
use smallvec::SmallVec;

/// The columns of a row or record: their bytes, or null.
pub(super) type Fields<'a> = SmallVec<[Option<&'a [u8]>; 24]>;

/// Bytes that are not what the statement promised. Always a fault of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Error::internal(format!("unreadable row: {}", malformed.0))
    }
}

/// Result of writing.
pub(super) type Written = Result<(), Malformed>;

/// Writes one value of a row. `cursor` is the text of the row's cursor, where the shape has one.
pub(super) fn layout(layout: &Layout, fields: &[Option<&[u8]>], cursor: Option<&str>, out: &mut Vec<u8>) -> Written {
    match layout {
        Layout::Constant(json) => out.extend_from_slice(json),
        Layout::Column { index, wire } => match field(fields, *index)? {
            Some(bytes) => scalar_value(*wire, bytes, out)?,
            None => out.extend_from_slice(b"null"),
        },
        Layout::Object { members, unless_null } => {
            if let Some(index) = unless_null
                && field(fields, *index)?.is_none()
            {
                out.extend_from_slice(b"null");
                return Ok(());
            }
            out.push(b'{');
            for member in members {
                out.extend_from_slice(&member.key);
                self::layout(&member.value, fields, cursor, out)?;
            }
            out.push(b'}');
        }
        Layout::Nested { index, nested } => self::nested(nested, field(fields, *index)?, cursor, out)?,
        Layout::Cursor => match cursor {
            Some(text) => scalar::text(text.as_bytes(), out),
            None => return Err(Malformed("a cursor without a seal")),
        },
    }
    Ok(())
}

/// Whether a cursor is written anywhere in a row.
pub(super) fn has_cursor(layout: &Layout) -> bool {
    match layout {
        Layout::Constant(_) | Layout::Column { .. } => false,
        Layout::Object { members, .. } => members.iter().any(|member| has_cursor(&member.value)),
        Layout::Nested { nested, .. } => match &**nested {
            Nested::Row(inner) | Nested::Rows(inner) => has_cursor(inner),
        },
        Layout::Cursor => true,
    }
}

fn field<'a>(fields: &[Option<&'a [u8]>], index: usize) -> Result<Option<&'a [u8]>, Malformed> {
    fields
        .get(index)
        .copied()
        .ok_or(Malformed("a column that the row does not have"))
}

fn nested(nested: &Nested, bytes: Option<&[u8]>, cursor: Option<&str>, out: &mut Vec<u8>) -> Written {
    match (nested, bytes) {
        (Nested::Row(_), None) => out.extend_from_slice(b"null"),
        (Nested::Row(inner), Some(bytes)) => layout(inner, &record(bytes)?, cursor, out)?,
        (Nested::Rows(_), None) => out.extend_from_slice(b"[]"),
        (Nested::Rows(inner), Some(bytes)) => {
            out.push(b'[');
            let start = out.len();
            each_element(bytes, |element| {
                if out.len() > start {
                    out.push(b',');
                }
                match element {
                    Some(bytes) => layout(inner, &record(bytes)?, cursor, out),
                    None => {
                        out.extend_from_slice(b"null");
                        Ok(())
                    }
                }
            })?;
            out.push(b']');
        }
    }
    Ok(())
}

/// The fields of a binary record: their number, then for each its type, its length (-1: null) and its bytes.
fn record(bytes: &[u8]) -> Result<Fields<'_>, Malformed> {
    let mut reader = Reader(bytes);
    let count = reader.count()?;
    let mut fields = Fields::new();
    for _ in 0..count {
        reader.take(4)?;
        fields.push(reader.sized()?);
    }
    reader.end()?;
    Ok(fields)
}

/// Visits the elements of a binary array: dimensions, flags, element type, for each dimension length and lower bound,
/// then each element's length (-1: null) and bytes.
fn each_element<'a>(bytes: &'a [u8], mut visit: impl FnMut(Option<&'a [u8]>) -> Written) -> Written {
    let mut reader = Reader(bytes);
    let dimensions = reader.count()?;
    reader.take(8)?;
    let length = match dimensions {
        0 => 0,
        1 => {
            let length = reader.count()?;
            reader.take(4)?;
            length
        }
        _ => return Err(Malformed("an array of records with several dimensions")),
    };
    for _ in 0..length {
        visit(reader.sized()?)?;
    }
    reader.end()
}

/// Reads big-endian bytes, every length checked.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<i32, Malformed> {
        let bytes = self.take(4)?;
        bytes
            .try_into()
            .map(i32::from_be_bytes)
            .map_err(|_| Malformed("it ends too early"))
    }

    /// A number that is not negative.
    fn count(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.number()?).map_err(|_| Malformed("a negative number of parts"))
    }

    /// A length and as many bytes; -1 is null.
    fn sized(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.number()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| Malformed("a negative length"))?;
                self.take(length).map(Some)
            }
        }
    }

    fn end(&self) -> Written {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed("bytes after its end"))
        }
    }
}

fn scalar_value(wire: Wire, bytes: &[u8], out: &mut Vec<u8>) -> Written {
    match wire {
        Wire::Boolean => scalar::boolean(bytes, out),
        Wire::Integer => scalar::integer(bytes, crate::request::NumberFormat::Number, out),
        Wire::BigInteger(format) => scalar::integer(bytes, format, out),
        Wire::Float4 | Wire::Float8 => scalar::float(bytes, out),
        Wire::Numeric(format) => scalar::numeric(bytes, format, out),
        Wire::Text => {
            scalar::text(bytes, out);
            Ok(())
        }
        Wire::Json | Wire::Geometry | Wire::BuiltJson => scalar::json(bytes, out),
        Wire::Jsonb => match bytes.split_first() {
            Some((1, json)) => scalar::json(json, out),
            _ => Err(Malformed("a version of jsonb other than 1")),
        },
        Wire::Uuid(format) => scalar::uuid(bytes, format, out),
        Wire::Date => scalar::date(bytes, out),
        Wire::Time => scalar::time(bytes, out),
        Wire::Timestamp => scalar::timestamp(bytes, "", out),
        Wire::TimestampTz => scalar::timestamp(bytes, "+00:00", out),
        Wire::Bytes(format) => {
            scalar::bytes(bytes, format, out);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Member;

    fn column(index: usize, wire: Wire) -> Layout {
        Layout::Column { index, wire }
    }

    fn object(members: Vec<(&str, Layout)>, unless_null: Option<usize>) -> Layout {
        let members = members
            .into_iter()
            .map(|(key, value)| Member {
                key: key.as_bytes().into(),
                value,
            })
            .collect();
        Layout::Object { members, unless_null }
    }

    fn sized(bytes: Option<&[u8]>) -> Vec<u8> {
        match bytes {
            Some(bytes) => {
                let mut sized = i32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
                sized.extend_from_slice(bytes);
                sized
            }
            None => (-1_i32).to_be_bytes().to_vec(),
        }
    }

    fn binary_record(fields: &[Option<&[u8]>]) -> Vec<u8> {
        let mut bytes = i32::try_from(fields.len()).unwrap().to_be_bytes().to_vec();
        for field in fields {
            bytes.extend_from_slice(&25_u32.to_be_bytes());
            bytes.extend(sized(*field));
        }
        bytes
    }

    fn binary_array(elements: &[Option<&[u8]>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [1, 0, 2249, i32::try_from(elements.len()).unwrap(), 1] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        for element in elements {
            bytes.extend(sized(*element));
        }
        bytes
    }

    fn written(what: &Layout, fields: &[Option<&[u8]>], cursor: Option<&str>) -> Result<String, Malformed> {
        let mut out = Vec::new();
        layout(what, fields, cursor, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn nested_layout() -> Layout {
        let inner = object(
            vec![("\"n\":", column(0, Wire::Integer)), (",\"t\":", column(1, Wire::Text))],
            None,
        );
        object(
            vec![
                ("\"id\":", column(0, Wire::Integer)),
                (
                    ",\"one\":",
                    Layout::Nested {
                        index: 1,
                        nested: Box::new(Nested::Row(inner.clone())),
                    },
                ),
                (
                    ",\"many\":",
                    Layout::Nested {
                        index: 2,
                        nested: Box::new(Nested::Rows(inner)),
                    },
                ),
            ],
            None,
        )
    }

    #[test]
    fn layouts_nest() {
        let one = 1_i32.to_be_bytes();
        let first = binary_record(&[Some(&one), Some(b"a\"b")]);
        let second = binary_record(&[Some(&[0, 2]), None]);
        let many = binary_array(&[Some(&first), Some(&second)]);
        let layout = nested_layout();
        assert_eq!(
            written(&layout, &[Some(&one), Some(&first), Some(&many)], None).unwrap(),
            r#"{"id":1,"one":{"n":1,"t":"a\"b"},"many":[{"n":1,"t":"a\"b"},{"n":2,"t":null}]}"#
        );
        assert_eq!(
            written(&layout, &[None, None, None], None).unwrap(),
            r#"{"id":null,"one":null,"many":[]}"#
        );
        let empty = [0; 12];
        assert_eq!(
            written(&layout, &[None, None, Some(&empty)], None).unwrap(),
            r#"{"id":null,"one":null,"many":[]}"#
        );
    }

    #[test]
    fn objects_constants_and_cursors() {
        let layout = object(
            vec![
                ("\"k\":", Layout::Constant(b"[1]".as_slice().into())),
                (",\"c\":", Layout::Cursor),
            ],
            Some(0),
        );
        assert_eq!(written(&layout, &[None], Some("x")).unwrap(), "null");
        assert_eq!(
            written(&layout, &[Some(b"")], Some("x\n")).unwrap(),
            r#"{"k":[1],"c":"x\n"}"#
        );
        assert!(written(&layout, &[Some(b"")], None).is_err());
        assert!(written(&layout, &[], Some("x")).is_err());
        assert!(has_cursor(&layout) && !has_cursor(&nested_layout()));
    }

    /// Every prefix of a record and of an array, and every byte of it changed, is an error or another text, never a panic.
    #[test]
    fn malformed_bytes_are_errors() {
        let layout = nested_layout();
        let one = 1_i32.to_be_bytes();
        let record = binary_record(&[Some(&one), Some(b"text")]);
        let array = binary_array(&[Some(&record), None]);
        for end in 0..record.len() {
            assert!(
                written(&layout, &[None, Some(&record[..end]), None], None).is_err(),
                "record up to {end}"
            );
        }
        for end in 0..array.len() {
            assert!(
                written(&layout, &[None, None, Some(&array[..end])], None).is_err(),
                "array up to {end}"
            );
        }
        for position in 0..array.len() {
            for value in [0x00, 0x7f, 0x80, 0xff] {
                let mut changed = array.clone();
                changed[position] = value;
                let _ = written(&layout, &[None, None, Some(&changed)], None);
            }
        }
        let deep = [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1];
        assert!(written(&layout, &[None, None, Some(&deep)], None).is_err());
    }
}
