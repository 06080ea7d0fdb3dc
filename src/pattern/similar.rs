//! SQL's `SIMILAR TO`.

/// `SIMILAR TO` → a regular expression over the whole text.
pub(super) fn to_regex(pattern: &str) -> Result<String, String> {
    let mut regex = String::with_capacity(pattern.len() + 16);
    regex.push_str("(?s)^(?:");
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            '(' => regex.push_str("(?:"),
            '|' | '*' | '+' | '?' | '{' | '}' | ')' => regex.push(character),
            '\\' => match characters.next() {
                Some(next) => regex.push_str(&regex::escape(next.encode_utf8(&mut [0; 4]))),
                None => return Err("a SIMILAR TO pattern must not end with its escape character \\".into()),
            },
            '[' => {
                regex.push('[');
                if characters.next_if_eq(&'^').is_some() {
                    regex.push('^');
                }
                let mut first = true;
                loop {
                    match characters.next() {
                        None => return Err("a SIMILAR TO pattern lacks a closing bracket ]".into()),
                        Some(']') if !first => break,
                        // A class such as [:alpha:] means the same in both.
                        Some('[') if characters.peek() == Some(&':') => {
                            regex.push('[');
                            for inner in characters.by_ref() {
                                regex.push(inner);
                                if inner == ']' {
                                    break;
                                }
                            }
                        }
                        Some('-') => regex.push('-'),
                        Some('\\') => {
                            let next = characters.next().unwrap_or('\\');
                            regex.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
                        }
                        Some(other) => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
                    }
                    first = false;
                }
                regex.push(']');
            }
            other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push_str(")$");
    Ok(regex)
}
