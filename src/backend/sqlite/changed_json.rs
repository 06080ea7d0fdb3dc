//! JSON values changed, as PostgreSQL's operators of jsonb change them.

use serde_json::Value as Json;

/// What is wrong, or nothing. `None`: the answer is null.
type Changed = Option<Result<(), &'static str>>;

/// jsonb's `||`.
pub(super) fn joined(first: Json, second: Json) -> Json {
    match (first, second) {
        (Json::Object(mut members), Json::Object(further)) => {
            members.extend(further);
            Json::Object(members)
        }
        (first, second) => {
            let items = |json| match json {
                Json::Array(items) => items,
                other => vec![other],
            };
            let mut all = items(first);
            all.extend(items(second));
            Json::Array(all)
        }
    }
}

/// jsonb's `-` with a text.
pub(super) fn without_key(json: &mut Json, key: &str) -> Changed {
    match json {
        Json::Object(members) => {
            members.shift_remove(key);
        }
        Json::Array(items) => items.retain(|item| item.as_str() != Some(key)),
        _ => {
            return Some(Err(
                "no key can be deleted from a JSON value that is neither object nor array",
            ));
        }
    }
    Some(Ok(()))
}

/// jsonb's `-` with a number.
pub(super) fn without_element(json: &mut Json, place: i64) -> Changed {
    let Json::Array(items) = json else {
        return Some(Err("an element is deleted from a JSON array only"));
    };
    if let Some(place) = within(place, items.len()) {
        items.remove(place);
    }
    Some(Ok(()))
}

/// jsonb's `#-`.
pub(super) fn without_path(json: &mut Json, path: &[String]) -> Changed {
    if !json.is_object() && !json.is_array() {
        return Some(Err(
            "nothing can be deleted at a path of a JSON value that is neither object nor array",
        ));
    }
    let Some((last, way)) = path.split_last() else {
        return Some(Ok(()));
    };
    let mut at = json;
    for step in way {
        let next = match at {
            Json::Object(members) => members.get_mut(step),
            Json::Array(items) => {
                let Ok(place) = step.parse() else {
                    return Some(Err(NO_PLACE));
                };
                within(place, items.len()).and_then(|place| items.get_mut(place))
            }
            _ => None,
        };
        let Some(next) = next else { return Some(Ok(())) };
        at = next;
    }
    match at {
        Json::Object(members) => {
            members.shift_remove(last);
        }
        Json::Array(items) => {
            let Ok(place) = last.parse() else {
                return Some(Err(NO_PLACE));
            };
            if let Some(place) = within(place, items.len()) {
                items.remove(place);
            }
        }
        _ => {}
    }
    Some(Ok(()))
}

const NO_PLACE: &str = "a step of a path into a JSON array is a number";

/// A place that is counted from the end where it is negative.
fn within(place: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let place = if place < 0 { place + length } else { place };
    (0..length)
        .contains(&place)
        .then(|| usize::try_from(place).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        serde_json::from_str(text).expect(text)
    }

    #[test]
    fn joined_as_jsonb() {
        for (first, second, both) in [
            (r#"{"a":1,"b":2}"#, r#"{"b":3,"c":4}"#, r#"{"a":1,"b":3,"c":4}"#),
            ("[1,2]", "[3]", "[1,2,3]"),
            ("[1]", r#"{"a":1}"#, r#"[1,{"a":1}]"#),
            (r#"{"a":1}"#, "[1]", r#"[{"a":1},1]"#),
            ("1", "2", "[1,2]"),
            ("null", "[]", "[null]"),
            (r#"{"a":1}"#, "null", r#"[{"a":1},null]"#),
        ] {
            assert_eq!(joined(json(first), json(second)), json(both), "{first} || {second}");
        }
    }

    #[test]
    fn shortened_as_jsonb() {
        let check = |text: &str, change: &dyn Fn(&mut Json) -> Changed, expected: Option<&str>| {
            let mut value = json(text);
            match (change(&mut value), expected) {
                (Some(Ok(())), Some(expected)) => assert_eq!(value, json(expected), "{text}"),
                (Some(Err(_)), None) => {}
                (other, expected) => panic!("{text}: {other:?}, not {expected:?}"),
            }
        };
        for (text, key, expected) in [
            (r#"{"a":1,"b":2}"#, "a", Some(r#"{"b":2}"#)),
            (r#"{"a":1}"#, "x", Some(r#"{"a":1}"#)),
            (r#"["a","b","a",1]"#, "a", Some(r#"["b",1]"#)),
            ("1", "a", None),
        ] {
            check(text, &|value| without_key(value, key), expected);
        }
        for (text, place, expected) in [
            ("[1,2,3]", 1, Some("[1,3]")),
            ("[1,2,3]", -1, Some("[1,2]")),
            ("[1,2,3]", 3, Some("[1,2,3]")),
            ("[1,2,3]", -4, Some("[1,2,3]")),
            (r#"{"a":1}"#, 0, None),
        ] {
            check(text, &|value| without_element(value, place), expected);
        }
        for (text, path, expected) in [
            (r#"{"a":{"b":1,"c":2}}"#, &["a", "b"][..], Some(r#"{"a":{"c":2}}"#)),
            (r#"{"a":[1,{"b":2}]}"#, &["a", "1", "b"][..], Some(r#"{"a":[1,{}]}"#)),
            (r#"{"a":[1,2]}"#, &["a", "-1"][..], Some(r#"{"a":[1]}"#)),
            (r#"{"a":1}"#, &["a", "b"][..], Some(r#"{"a":1}"#)),
            (r#"{"a":1}"#, &["x", "y"][..], Some(r#"{"a":1}"#)),
            (r#"{"a":1}"#, &[][..], Some(r#"{"a":1}"#)),
            (r#"{"a":[1]}"#, &["a", "x"][..], None),
            ("1", &["a"][..], None),
        ] {
            let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
            check(text, &|value| without_path(value, &path), expected);
        }
    }
}
