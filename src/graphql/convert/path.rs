//! JSON paths: `$.a.b[0]`, `a.b[0]`, `$["a b"]`, `['a']`.

use crate::ident::Name;
use crate::request::JsonStep;

/// Most steps of a path.
const STEPS: usize = 50;

/// Reads a path; `$` alone is the whole value.
pub(super) fn parse(text: &str) -> Result<Vec<JsonStep>, String> {
    let fail = |reason: &str| {
        let shown: String = text.chars().take(40).collect();
        Err(format!(
            "the JSON path {shown:?} {reason}; write it as $.a.b[0] or $[\"a b\"]"
        ))
    };
    let mut rest = text.strip_prefix('$').unwrap_or(text);
    let mut steps = Vec::new();
    let mut first = !text.starts_with('$');
    while !rest.is_empty() {
        if steps.len() == STEPS {
            return fail("has too many steps");
        }
        if let Some(inside) = rest.strip_prefix('[') {
            if let Some(quote) = inside.chars().next().filter(|quote| matches!(quote, '"' | '\'')) {
                let Some((key, after)) = quoted(&inside[1..], quote) else {
                    return fail("has an unclosed quote");
                };
                let Some(after) = after.strip_prefix(']') else {
                    return fail("lacks a ]");
                };
                steps.push(JsonStep::Key(Name::new(key)));
                rest = after;
            } else {
                let Some((number, after)) = inside.split_once(']') else {
                    return fail("lacks a ]");
                };
                let Ok(index) = number.parse::<i64>() else {
                    return fail("has an index that is no number");
                };
                steps.push(JsonStep::Index(index));
                rest = after;
            }
        } else {
            if !first {
                let Some(after) = rest.strip_prefix('.') else {
                    return fail("lacks a dot between two steps");
                };
                rest = after;
            }
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return fail("has an empty step");
            }
            steps.push(JsonStep::Key(Name::new(&rest[..end])));
            rest = &rest[end..];
        }
        first = false;
    }
    Ok(steps)
}

fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            return Some((key, &text[at + letter.len_utf8()..]));
        }
        if letter == '\\' {
            key.push(letters.next()?.1);
        } else {
            key.push(letter);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let key = |text: &str| JsonStep::Key(Name::new(text));
        for (text, want) in [
            ("$", Some(vec![])),
            ("", Some(vec![])),
            ("$.a", Some(vec![key("a")])),
            ("a.b[0]", Some(vec![key("a"), key("b"), JsonStep::Index(0)])),
            ("$[\"a b\"].c", Some(vec![key("a b"), key("c")])),
            ("['it\\'s'][-1]", Some(vec![key("it's"), JsonStep::Index(-1)])),
            ("$.ä", Some(vec![key("ä")])),
            ("$..a", None),
            ("$.a.", None),
            ("$a", None),
            ("[0", None),
            ("[x]", None),
            ("[\"a", None),
            ("['", None),
            ("a[0]b", None),
        ] {
            assert_eq!(parse(text).ok(), want, "{text:?}");
        }
        assert!(parse(&".a".repeat(60)).is_err());
    }
}
