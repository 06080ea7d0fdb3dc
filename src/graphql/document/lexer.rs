//! A cheap look at a document before it is parsed: how many tokens, how deep, how long names. The parser itself recurses
//! and is slow on nonsense, so what is too much never reaches it.

use crate::config::Limits;

/// Most brackets open at once.
pub(super) const BRACKETS: usize = 80;
/// Longest name.
pub(super) const NAME: usize = 256;

/// What is too much about a document, if anything.
pub(super) fn check(text: &str, limits: &Limits) -> Result<(), String> {
    if text.len() > limits.bytes {
        return Err(format!(
            "the document has {} bytes, at most {} are allowed",
            text.len(),
            limits.bytes
        ));
    }
    let bytes = text.as_bytes();
    let (mut at, mut tokens, mut open) = (0, 0usize, 0usize);
    while at < bytes.len() {
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
            b'{' | b'[' | b'(' => {
                open += 1;
                if open > BRACKETS {
                    return Err(format!(
                        "the document is nested too deeply, at most {BRACKETS} brackets may be open"
                    ));
                }
                at += 1;
            }
            b'}' | b']' | b')' => {
                open = open.saturating_sub(1);
                at += 1;
            }
            byte if is_word(byte) => {
                let start = at;
                while at < bytes.len() && is_word(bytes[at]) {
                    at += 1;
                }
                if at - start > NAME {
                    return Err(format!("a name or number is longer than {NAME} characters"));
                }
            }
            b'.' if bytes[at..].starts_with(b"...") => at += 3,
            _ => at += 1,
        }
        tokens += 1;
        if tokens > limits.tokens {
            return Err(format!("the document has more than {} tokens", limits.tokens));
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
                    got.clone().is_err_and(|message| message.contains(word)),
                    "{text}: {got:?}"
                ),
            }
        }
        let limits = Limits::default();
        assert!(check(&deep, &limits).is_err_and(|message| message.contains("nested")));
    }
}
