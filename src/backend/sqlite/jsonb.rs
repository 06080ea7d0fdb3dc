//! SQLite's own binary form of JSON (`jsonb()`), which a column may hold: elements of a header (type and size) and a body.

use super::write::{is_json, is_json_number, string};

/// Appends the text of a JSONB blob; `false`, and nothing appended, if the blob is something else.
pub(super) fn write(out: &mut Vec<u8>, blob: &[u8]) -> bool {
    let start = out.len();
    if element(out, blob, 0).is_some_and(<[u8]>::is_empty) {
        return true;
    }
    out.truncate(start);
    false
}

/// Writes the first element and returns what follows it.
fn element<'a>(out: &mut Vec<u8>, blob: &'a [u8], depth: usize) -> Option<&'a [u8]> {
    let (kind, mut body, rest) = split(blob)?;
    match kind {
        0..=2 if !body.is_empty() => return None,
        0 => out.extend_from_slice(b"null"),
        1 => out.extend_from_slice(b"true"),
        2 => out.extend_from_slice(b"false"),
        3 | 5 if is_json_number(body) => out.extend_from_slice(body),
        7..=8 | 10 => text(out, kind, body)?,
        11 | 12 if depth < 256 => {
            out.push(if kind == 11 { b'[' } else { b'{' });
            let mut first = true;
            while !body.is_empty() {
                if !first {
                    out.push(b',');
                }
                first = false;
                if kind == 12 {
                    let (7..=8 | 10, ..) = split(body)? else { return None };
                    body = element(out, body, depth + 1)?;
                    out.push(b':');
                }
                body = element(out, body, depth + 1)?;
            }
            out.push(if kind == 11 { b']' } else { b'}' });
        }
        _ => return None,
    }
    Some(rest)
}

/// Text without escapes (7), with JSON's escapes (8), or raw (10).
fn text(out: &mut Vec<u8>, kind: u8, body: &[u8]) -> Option<()> {
    if kind != 8 {
        string(out, body);
        return Some(());
    }
    let start = out.len();
    out.push(b'"');
    out.extend_from_slice(body);
    out.push(b'"');
    is_json(&out[start..]).then_some(())
}

/// Kind, body and rest of the first element.
fn split(blob: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (head, rest) = blob.split_first()?;
    let bytes = match head >> 4 {
        size @ 0..=11 => {
            let (body, rest) = rest.split_at_checked(usize::from(size))?;
            return Some((head & 15, body, rest));
        }
        12 => 1,
        13 => 2,
        14 => 4,
        _ => 8,
    };
    let (size, rest) = rest.split_at_checked(bytes)?;
    let size = size.iter().fold(0u64, |size, byte| size << 8 | u64::from(*byte));
    let (body, rest) = rest.split_at_checked(usize::try_from(size).ok()?)?;
    Some((head & 15, body, rest))
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn jsonb_made_by_sqlite_is_written_as_its_text() {
        let connection = rusqlite::Connection::open_in_memory().expect("opens");
        let long = format!("\"{}\"", "long ".repeat(20_000));
        for json in [
            "null",
            "true",
            "[]",
            "{}",
            "12",
            "-1.5e3",
            "\"plain\"",
            "\"quo\\\"ted \\u00e9\"",
            "[1,[2,{\"a\":null}]]",
            "{\"key\":\"value\",\"other\":[true,false]}",
            &long,
        ] {
            let blob: Vec<u8> = connection
                .query_row("SELECT jsonb(?1)", [json], |row| row.get(0))
                .expect("JSON");
            let mut out = Vec::new();
            assert!(write(&mut out, &blob), "{json}");
            assert_eq!(String::from_utf8(out).expect("UTF-8"), json);
        }
    }

    proptest::proptest! {
        #[test]
        fn other_bytes_give_json_or_nothing(blob: Vec<u8>) {
            let mut out = Vec::new();
            if write(&mut out, &blob) {
                proptest::prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&out).is_ok());
            } else {
                proptest::prop_assert!(out.is_empty());
            }
        }
    }
}
