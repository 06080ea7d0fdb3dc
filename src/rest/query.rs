//! What every dialect reads from a path and a query string: single parameters, numbers, flags, lists, orders, bracket
//! keys, composite ids. Each fault names the parameter and what would be right.

use super::Call;
use crate::error::{Code, Error, Kind, Result};
use crate::ident::Name;
use crate::request::{Expression, Nulls, Order};

/// Most parameters of one query string.
const PARAMETERS: usize = 1000;

/// The parameters of a call, checked for what no dialect takes.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pairs: &'a [(String, String)],
}

impl<'a> Query<'a> {
    /// Refuses too many parameters, empty names and NUL, which no database takes in text.
    pub(super) fn new(call: &'a Call) -> Result<Self> {
        let pairs = &call.query;
        if pairs.len() > PARAMETERS {
            let message = format!(
                "{} parameters are too many, at most {PARAMETERS} are taken",
                pairs.len()
            );
            return Err(Error::invalid(Code::LIMIT_EXCEEDED, message));
        }
        if call.path.iter().any(|segment| segment.contains('\0')) {
            return Err(Error::invalid(Code::INVALID_VALUE, "the path contains a NUL character"));
        }
        for (name, value) in pairs {
            if name.is_empty() {
                return Err(Error::invalid(
                    Code::INVALID_SYNTAX,
                    "a parameter has no name; write name=value",
                ));
            }
            if name.contains('\0') || value.contains('\0') {
                let message = format!("parameter {} contains a NUL character", clip(name));
                return Err(Error::invalid(Code::INVALID_VALUE, message));
            }
        }
        Ok(Self { pairs })
    }

    /// A parameter that may stand once.
    pub(super) fn one(&self, name: &str) -> Result<Option<&'a str>> {
        let mut found = self
            .pairs
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str());
        let first = found.next();
        if found.next().is_some() {
            return Err(twice(name));
        }
        Ok(first)
    }

    /// A whole number ≥ 0.
    pub(super) fn whole(&self, name: &str) -> Result<Option<u64>> {
        self.whole_to(name, i64::MAX.unsigned_abs())
    }

    /// The same; what is wrong is told with the most that is taken.
    fn whole_to(&self, name: &str, most: u64) -> Result<Option<u64>> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text
            .parse::<u64>()
            .ok()
            .filter(|number| digits && i64::try_from(*number).is_ok());
        number.map(Some).ok_or_else(|| {
            let message = format!("{name} must be a whole number from 0 to {most}, not {}", clip(text));
            Error::invalid(Code::INVALID_VALUE, message).at(name)
        })
    }

    /// The number of rows asked for.
    pub(super) fn limit(&self, default: u64, most: u64) -> Result<u64> {
        match self.whole_to("limit", most)? {
            Some(limit) if limit > most => {
                let message = format!("limit {limit} is too large, at most {most} is allowed");
                Err(Error::invalid(Code::LIMIT_EXCEEDED, message).at("limit"))
            }
            Some(limit) => Ok(limit),
            None => Ok(default.min(most)),
        }
    }

    /// `true` or `1`, `false` or `0`; false where absent.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        Ok(match self.one(name)? {
            None => false,
            Some(text) => flag(text).ok_or_else(|| {
                let message = format!("{name} must be true or false, not {}", clip(text));
                Error::invalid(Code::INVALID_VALUE, message).at(name)
            })?,
        })
    }

    /// All parameters but the named ones, in order.
    pub(super) fn others(&self, known: &[&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let pairs = self
            .pairs
            .iter()
            .filter(move |(name, _)| !known.contains(&name.as_str()));
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Refuses every parameter that is not one of these.
    pub(super) fn only(&self, known: &[&str]) -> Result<()> {
        match self.others(known).next() {
            None => Ok(()),
            Some((name, _)) => Err(unknown_parameter(name, known)),
        }
    }
}

/// A parameter that the path does not have.
pub(super) fn unknown_parameter(name: &str, known: &[&str]) -> Error {
    let short: String = name.chars().take(60).collect();
    let near = crate::error::nearest(&short, known.iter().copied()).is_some();
    let mut error = Error::unknown(
        Kind::Invalid,
        Code::UNKNOWN_PARAMETER,
        "parameter",
        &short,
        None,
        known.iter().copied(),
    );
    if !near {
        error.message = match known {
            [] => format!("{}; none are taken here", error.message),
            known => format!("{}; there are {}", error.message, known.join(", ")),
        };
    }
    error.at(short)
}

/// A parameter that stands twice.
pub(super) fn twice(name: &str) -> Error {
    Error::invalid(Code::INVALID_SYNTAX, format!("parameter {} is given twice", clip(name))).at(name)
}

/// `true` or `1`, `false` or `0`.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// The members of a comma-separated list, without space around them.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|member| !member.is_empty())
}

/// `-created_at,title` → terms. A `+` before a name is ascending and may have arrived as a space; `column` gives the
/// exposed name of what was written.
pub(super) fn order(text: &str, most: usize, column: impl Fn(&str) -> Result<Name>) -> Result<Vec<Order>> {
    let mut terms: Vec<Order> = Vec::new();
    if text.trim().is_empty() {
        return Ok(terms);
    }
    for term in text.split(',') {
        let term = term.trim();
        let (descending, name) = match term.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, term.strip_prefix('+').unwrap_or(term)),
        };
        if name.is_empty() {
            let message = "order has an empty term; write order=-created_at,title";
            return Err(Error::invalid(Code::INVALID_SYNTAX, message).at("order"));
        }
        if terms.len() == most {
            return Err(
                Error::invalid(Code::LIMIT_EXCEEDED, format!("order takes at most {most} columns")).at("order"),
            );
        }
        let by = Expression::Column(column(name)?);
        if terms.iter().any(|present| present.by == by) {
            return Err(Error::invalid(Code::INVALID_VALUE, format!("order names {} twice", clip(name))).at("order"));
        }
        terms.push(Order {
            by,
            descending,
            nulls: Nulls::default_for(descending),
        });
    }
    Ok(terms)
}

/// The steps of a bracket key: `filter[a][$in][0]` → `a`, `$in`, `0`. `None` where `name` is not of this root.
///
/// # Errors
/// Brackets that do not match, and more steps than `most`.
pub(super) fn steps<'a>(name: &'a str, root: &str, most: usize) -> Result<Option<Vec<&'a str>>> {
    let Some(rest) = name.strip_prefix(root) else {
        return Ok(None);
    };
    if !rest.is_empty() && !rest.starts_with('[') {
        return Ok(None);
    }
    let Some(inner) = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return Err(brackets(name, root));
    };
    let steps: Vec<&str> = inner.split("][").take(most + 1).collect();
    if steps.len() > most {
        let message = format!("{} is nested too deeply", clip(name));
        return Err(Error::invalid(Code::LIMIT_EXCEEDED, message).at(root));
    }
    Ok(Some(steps))
}

/// Brackets that do not match.
pub(super) fn brackets(name: &str, root: &str) -> Error {
    let message = format!(
        "{} is malformed; write {root}[column]=value or {root}[column][$gt]=value",
        clip(name)
    );
    Error::invalid(Code::INVALID_SYNTAX, message).at(root)
}

/// The parts of an id in a path. The id of a key of several columns is its parts in the key's order, separated by commas;
/// `\,` and `\\` stand for a comma and a backslash within a part. The id of a key of one column is taken as it is.
pub(super) fn id_parts(id: &str, columns: usize) -> Vec<String> {
    if columns < 2 {
        return vec![id.to_owned()];
    }
    let mut parts = vec![String::new()];
    let mut characters = id.chars();
    while let Some(character) = characters.next() {
        let kept = match character {
            ',' => {
                parts.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(part) = parts.last_mut() {
            part.push(kept);
        }
    }
    parts
}

/// What a client wrote, quoted, never more than 60 characters of it.
pub(super) fn clip(text: &str) -> String {
    if text.chars().count() > 60 {
        format!("{:?}…", text.chars().take(60).collect::<String>())
    } else {
        format!("{text:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::stage::get;

    #[test]
    fn parameters() {
        let call = get("/api/book?limit=5&limit=6&offset=-1&count=yes&n=00");
        let query = Query::new(&call).unwrap();
        for (result, message) in [
            (query.whole("limit").map(|_| ()), "parameter \"limit\" is given twice"),
            (
                query.whole("offset").map(|_| ()),
                "offset must be a whole number from 0 to 9223372036854775807, not \"-1\"",
            ),
            (
                query.flag("count").map(|_| ()),
                "count must be true or false, not \"yes\"",
            ),
            (
                query.only(&["limit", "offset", "counts"]),
                "unknown parameter \"count\", did you mean \"counts\"?",
            ),
            (query.only(&[]), "unknown parameter \"limit\"; none are taken here"),
        ] {
            assert_eq!(result.unwrap_err().message, message);
        }
        assert_eq!(query.whole("n").unwrap(), Some(0));
        assert_eq!(query.whole("absent").unwrap(), None);
    }

    #[test]
    fn limits() {
        let limit = |text: &str| {
            Query::new(&get(text))
                .unwrap()
                .limit(50, 1000)
                .map_err(|error| error.message)
        };
        assert_eq!(limit("/x"), Ok(50));
        assert_eq!(limit("/x?limit=0"), Ok(0));
        assert_eq!(limit("/x?limit=1000"), Ok(1000));
        assert_eq!(
            limit("/x?limit=abc"),
            Err("limit must be a whole number from 0 to 1000, not \"abc\"".into())
        );
        assert_eq!(
            limit("/x?limit=1001"),
            Err("limit 1001 is too large, at most 1000 is allowed".into())
        );
        for wrong in [
            "-1",
            "",
            "1.5",
            "1e3",
            "0x10",
            " 1",
            "9223372036854775808",
            "99999999999999999999",
            "١",
        ] {
            assert!(
                limit(&format!("/x?limit={wrong}"))
                    .unwrap_err()
                    .starts_with("limit must be a whole number"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn orders() {
        let named = |text: &str| {
            order(text, 3, |name| Ok(Name::new(name)))
                .map_err(|error| error.message)
                .map(|terms| {
                    let written = terms.iter().map(|term| match &term.by {
                        Expression::Column(name) => format!("{}{name}", if term.descending { "-" } else { "+" }),
                        other => format!("{other:?}"),
                    });
                    written.collect::<Vec<_>>().join(",")
                })
        };
        assert_eq!(named("+a,-b,c"), Ok("+a,-b,+c".into()));
        assert_eq!(named(" a, -b"), Ok("+a,-b".into()));
        assert_eq!(named(""), Ok(String::new()));
        assert_eq!(
            named("a,,b"),
            Err("order has an empty term; write order=-created_at,title".into())
        );
        assert_eq!(
            named("-"),
            Err("order has an empty term; write order=-created_at,title".into())
        );
        assert_eq!(named("a,-a"), Err("order names \"a\" twice".into()));
        assert_eq!(named("a,b,c,d"), Err("order takes at most 3 columns".into()));
    }

    #[test]
    fn bracket_keys() {
        let found = |name: &str| {
            steps(name, "filter", 4)
                .map_err(|error| error.message)
                .map(Option::unwrap_or_default)
                .map(|steps| steps.join("|"))
        };
        assert_eq!(found("filter[a][$in][0]"), Ok("a|$in|0".into()));
        assert_eq!(found("filter[]"), Ok(String::new()));
        assert_eq!(found("filter[a[b]"), Ok("a[b".into()));
        assert!(steps("filters[a]", "filter", 4).unwrap().is_none());
        for wrong in [
            "filter",
            "filter[",
            "filter[a",
            "filter[a]b",
            "filter[a][",
            "filter[a][",
        ] {
            assert!(
                found(wrong)
                    .unwrap_err()
                    .ends_with("is malformed; write filter[column]=value or filter[column][$gt]=value"),
                "{wrong}"
            );
        }
        let deep = format!("filter{}", "[$and]".repeat(10_000));
        assert!(found(&deep).unwrap_err().ends_with("is nested too deeply"));
    }

    #[test]
    fn composite_ids() {
        assert_eq!(id_parts("a,b", 1), ["a,b"]);
        assert_eq!(id_parts("1,2", 2), ["1", "2"]);
        assert_eq!(id_parts(r"a\,b,c\\", 2), ["a,b", r"c\"]);
        assert_eq!(id_parts(r"a\", 2), [r"a\"]);
        assert_eq!(id_parts("", 2), [""]);
        assert_eq!(id_parts(",", 2), ["", ""]);
    }
}
