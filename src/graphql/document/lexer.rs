//! A cheap look at a document before it is parsed: how many tokens, how deep, how long names. The parser itself recurses
//! and is slow on nonsense, so what is too much never reaches it.

use crate::config::Limits;
use std::collections::HashSet;

/// Most brackets open at once.
pub(super) const BRACKETS: usize = 80;
/// Longest name.
pub(super) const NAME: usize = 256;

/// A bracket that is open.
enum Open<'t> {
    /// A selection, arguments, variables.
    Plain,
    /// A list of values, or a type.
    List,
    /// An input object, and its keys so far.
    Object(HashSet<&'t str>),
}

/// What is too much about a document, if anything, and where. A key that stands twice in an input object is found here too:
/// the parser keeps the last and forgets the other.
pub(super) fn check(text: &str, limits: &Limits) -> Result<(), (String, Option<usize>)> {
    let too_much = |message: String| Err((message, None));
    if text.len() > limits.bytes {
        return too_much(format!(
            "the document has {} bytes, at most {} are allowed",
            text.len(),
            limits.bytes
        ));
    }
    let bytes = text.as_bytes();
    let (mut at, mut tokens) = (0, 0usize);
    let mut open: Vec<Open<'_>> = Vec::new();
    // The last token: its first byte, and where it is.
    let (mut last, mut last_range) = (b' ', 0..0);
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b' ' | b',' | b'\t' | b'\n' | b'\r' => {
                at += 1;
                continue;
            }
            b'#' => {
                while at < bytes.len() && !matches!(bytes[at], b'\n' | b'\r') {
                    at += 1;
                }
                continue;
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
                while at < bytes.len() && !matches!(bytes[at], b'"' | b'\n') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            bracket @ (b'{' | b'[' | b'(') => {
                if open.len() == BRACKETS {
                    return too_much(format!(
                        "the document is nested too deeply, at most {BRACKETS} brackets may be open"
                    ));
                }
                let is_value = matches!(last, b':' | b'=') || matches!(open.last(), Some(Open::List));
                open.push(match bracket {
                    b'{' if is_value => Open::Object(HashSet::new()),
                    b'[' => Open::List,
                    _ => Open::Plain,
                });
                at += 1;
            }
            b'}' | b']' | b')' => {
                open.pop();
                at += 1;
            }
            b':' => {
                if let Some(Open::Object(keys)) = open.last_mut()
                    && is_word(last)
                    && !keys.insert(&text[last_range.clone()])
                {
                    let message = format!(
                        "There can be only one input field named \"{}\".",
                        &text[last_range.clone()]
                    );
                    return Err((message, Some(last_range.start)));
                }
                at += 1;
            }
            byte if is_word(byte) => {
                while at < bytes.len() && is_word(bytes[at]) {
                    at += 1;
                }
                if at - start > NAME {
                    return too_much(format!("a name or number is longer than {NAME} characters"));
                }
            }
            b'.' if bytes[at..].starts_with(b"...") => at += 3,
            _ => at += 1,
        }
        (last, last_range) = (bytes[start], start..at);
        tokens += 1;
        if tokens > limits.tokens {
            return too_much(format!("the document has more than {} tokens", limits.tokens));
        }
    }
    Ok(())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps() {
        let limits = Limits {
            bytes: 1000,
            tokens: 20,
            ..Limits::default()
        };
        let deep = format!("{}{}", "[".repeat(81), "]".repeat(81));
        let long = "a".repeat(257);
        for (text, problem) in [
            ("{ a(b: \"[[[[[[\") { c } } # {{{{", None),
            ("{ a(b: \"\"\" [[ \\\"\"\" [[ \"\"\") }", None),
            (&"x".repeat(1001), Some("bytes")),
            (&"x ".repeat(21), Some("tokens")),
            (&"x ".repeat(20), None),
            (&long, Some("longer")),
            ("{ a(b: \"unclosed", None),
            ("\"\\", None),
            ("\"\"\"", None),
        ] {
            let got = check(text, &limits);
            match problem {
                None => assert_eq!(got, Ok(()), "{text}"),
                Some(word) => assert!(
                    got.clone().is_err_and(|(message, _)| message.contains(word)),
                    "{text}: {got:?}"
                ),
            }
        }
        let limits = Limits::default();
        assert!(check(&deep, &limits).is_err_and(|(message, _)| message.contains("nested")));
    }

    #[test]
    fn a_key_stands_once_in_an_object() {
        for (text, wanted) in [
            ("{ a(b: {c: 1, d: 2}) }", None),
            ("{ a(b: {c: 1, c: 2}) }", Some(14)),
            ("{ a(b: {c: {c: 1}, d: c}) }", None),
            ("{ a(b: [{c: 1}, {c: 2}]) }", None),
            ("{ a(b: [{c: 1, e: \"}\", c: 2}]) }", Some(23)),
            ("query q($v: [t!] = {c: 1 c: 2}) { a }", Some(25)),
            ("{ x: a { y: b } x: a { y: b } }", None),
            ("{ a(b: {c: 1 # c: 2\n c : 3}) }", Some(21)),
            ("{ a(b: {c: c d: c}) }", None),
            ("query q($a: Int, $a: Int) { b(x: $a) { a: c a: c } }", None),
        ] {
            let got = check(text, &Limits::default()).err().and_then(|(_, at)| at);
            assert_eq!(got, wanted, "{text}");
        }
    }
}
