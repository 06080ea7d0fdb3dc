//! Characters beyond the first plane in strings: `"\uD83D\uDE00"` and `"\u{1F600}"` are the same character by the
//! specification, but the parser takes neither. They are written as what they mean before it reads.

use std::borrow::Cow;

/// What is wrong with a string, and where (a byte of the document).
pub(super) type Wrong = (String, usize);

/// A document whose strings the parser can read. What gets shorter is filled with commas behind its string, which mean
/// nothing, so that whatever follows stands where it stood.
///
/// # Errors
/// A half of a surrogate pair alone, or no character.
pub(super) fn written_out(text: &str) -> Result<Cow<'_, str>, Wrong> {
    if !text.contains("\\u") {
        return Ok(Cow::Borrowed(text));
    }
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'#' => {
                while at < bytes.len() && !matches!(bytes[at], b'\n' | b'\r') {
                    at += 1;
                }
            }
            b'"' if bytes[at..].starts_with(b"\"\"\"") => {
                at += 3;
                while at < bytes.len() && !bytes[at..].starts_with(b"\"\"\"") {
                    at += if bytes[at..].starts_with(b"\\\"\"\"") { 4 } else { 1 };
                }
                at += 3;
            }
            b'"' => {
                at += 1;
                let mut saved = 0;
                while at < bytes.len() && !matches!(bytes[at], b'"' | b'\n' | b'\r') {
                    if bytes[at] != b'\\' {
                        at += 1;
                        continue;
                    }
                    match escape(&text[at..]).map_err(|reason| (reason, at))? {
                        None => at += 2,
                        Some((character, length)) => {
                            out.push_str(&text[copied..at]);
                            if character.is_control() || matches!(character, '"' | '\\') {
                                let code = format!("\\u{:04x}", u32::from(character));
                                saved += length.saturating_sub(code.len());
                                out.push_str(&code);
                            } else {
                                saved += length - 1;
                                out.push(character);
                            }
                            at += length;
                            copied = at;
                        }
                    }
                }
                at += 1;
                if saved > 0 && at <= bytes.len() {
                    out.push_str(&text[copied..at]);
                    out.extend(std::iter::repeat_n(',', saved));
                    copied = at;
                }
            }
            _ => at += 1,
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Ok(Cow::Owned(out))
}

/// The character of an escape that the parser does not know, and its length there. The text begins with a backslash.
fn escape(text: &str) -> Result<Option<(char, usize)>, String> {
    let Some(rest) = text.strip_prefix("\\u") else {
        return Ok(None);
    };
    if let Some(rest) = rest.strip_prefix('{') {
        let end = rest.find('}').filter(|end| (1..=8).contains(end));
        let digits = end.map(|end| &rest[..end]).filter(|digits| is_hex(digits));
        let found = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        return match (found.and_then(char::from_u32), end) {
            (Some(character), Some(end)) => Ok(Some((character, 4 + end))),
            _ => Err("a string holds \\u{…} with what is no character".to_owned()),
        };
    }
    let Some(first) = unit(rest) else {
        // Not four digits: the parser's own error.
        return Ok(None);
    };
    if !(0xd800..0xe000).contains(&first) {
        return Ok(None);
    }
    let second = rest.get(4..).and_then(|rest| rest.strip_prefix("\\u")).and_then(unit);
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    match pair {
        Some(character) => Ok(Some((character, 12))),
        None => Err(format!(
            "a string holds the lone surrogate \\u{first:04X}: a character beyond \\uFFFF is written as two of them"
        )),
    }
}

fn is_hex(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn unit(text: &str) -> Option<u16> {
    let digits = text.get(..4).filter(|digits| is_hex(digits))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::written_out;

    #[test]
    fn pairs_become_characters_and_nothing_moves() {
        for (text, wanted) in [
            ("{ a(b: \"x\") }", "{ a(b: \"x\") }"),
            (r#"{ a(b: "\u00e9") }"#, r#"{ a(b: "\u00e9") }"#),
            (r#"{ a(b: "x\uD83D\uDE00y") c }"#, "{ a(b: \"x😀y\",,,,,,,,,,,) c }"),
            (r#""\u{1F600}""#, "\"😀\",,,,,,,,"),
            (r#""\u{22}""#, r#""\u0022""#),
            (r#""\\uD83D" # \uD83D"#, r#""\\uD83D" # \uD83D"#),
            (
                r#"""" \uD83D """ "\uD83D\uDE00""#,
                "\"\"\" \\uD83D \"\"\" \"😀\",,,,,,,,,,,",
            ),
            (r#""\uD8"#, r#""\uD8"#),
            (r#""\uD83D\uDE00"#, "\"😀"),
        ] {
            assert_eq!(written_out(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn halves_are_refused_with_their_place() {
        for (text, at) in [
            (r#"{ a(b: "\uD83D") }"#, 8),
            (r#""\uDE00\uD83D""#, 1),
            (r#""x\uD83Dé""#, 2),
            (r#""\uD83D\u0041""#, 1),
            (r#""\u{110000}""#, 1),
            (r#""\u{}""#, 1),
            (r#""\u{D83D}""#, 1),
        ] {
            assert_eq!(written_out(text).map_err(|(_, place)| place), Err(at), "{text}");
        }
    }
}
