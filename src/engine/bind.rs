//! Filling a plan's holes: each value is checked against the type of its place and brought into the form that is bound.

mod scalar;

use crate::catalog::{Catalog, DatabaseKind};
use crate::error::{Code, Error, Result};
use crate::pattern;
use crate::principal::{Principal, Variable};
use crate::request::{Slot, Values};
use crate::rules::{self, Parameter};
use crate::sql::{Form, MOST_VALUES, Mark};
use crate::value::{Datum, Type, Value, json, moment, numeral};

/// What values are bound with.
pub(super) struct Binder<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) principal: &'a Principal,
    pub(super) values: &'a Values,
    /// What messages call a slot.
    pub(super) labels: &'a [(Slot, String)],
    /// Prefix of the headers that carry session variables.
    pub(super) header_prefix: &'a str,
    /// Opened cursors by slot.
    pub(super) cursors: &'a [(Slot, Vec<Datum>)],
    /// What the patterns of the request weigh.
    pub(super) patterns: &'a pattern::Load,
}

impl Binder<'_> {
    /// The value of each mark, in order.
    ///
    /// # Errors
    /// [`crate::error::Kind::Invalid`], naming the place, where a value does not fit.
    pub(super) fn bind(&self, marks: &[Mark]) -> Result<Vec<Datum>> {
        marks.iter().map(|mark| self.mark(mark)).collect()
    }

    pub(super) fn mark(&self, mark: &Mark) -> Result<Datum> {
        match &mark.source {
            Parameter::Constant(datum) => self.formed(datum.clone(), mark),
            Parameter::Slot(slot) => {
                let value = self.values.get(*slot);
                let datum = self.typed(value, mark).and_then(|datum| self.formed(datum, mark));
                datum.map_err(|error| match self.label(*slot) {
                    Some(label) => {
                        let message = format!("{label}: {}", error.message);
                        Error { message, ..error }.at(label)
                    }
                    None => error,
                })
            }
            Parameter::Session(name) => self.session(name, mark).and_then(|datum| self.formed(datum, mark)),
            Parameter::Sent(_) | Parameter::IsSent(_) => Err(Error::internal("a rule on writes in a read")),
            Parameter::Row(..) | Parameter::Linked { .. } | Parameter::Written { .. } => {
                Err(Error::internal("a row of a write in a read"))
            }
            Parameter::Cursor(slot, part) => {
                let parts = self
                    .cursors
                    .iter()
                    .find(|(own, _)| own == slot)
                    .map(|(_, parts)| parts.as_slice());
                let datum = parts
                    .and_then(|parts| parts.get(usize::from(*part)))
                    .cloned()
                    .unwrap_or(Datum::Null);
                match datum {
                    Datum::Text(text) if self.catalog.database.kind == DatabaseKind::Postgres => {
                        self.part(text, &mark.data_type)
                    }
                    other => Ok(other),
                }
            }
        }
    }

    /// A part of a cursor on PostgreSQL, which gives them all as text: ours, sealed, so it is taken as it is.
    pub(super) fn part(&self, text: Box<str>, data_type: &Type) -> Result<Datum> {
        let broken = || Error::internal("a cursor holds what its column cannot");
        Ok(match data_type {
            Type::Boolean => Datum::Boolean(text.starts_with('t')),
            Type::Integer(_) => Datum::Integer(text.parse().map_err(|_| broken())?),
            // NaN and the infinities have their place in an order too.
            Type::Float(_) => Datum::Float(text.parse().map_err(|_| broken())?),
            Type::Bytes => self.scalar(&Value::Raw(text), data_type)?,
            _ => Datum::Text(text),
        })
    }

    fn label(&self, slot: Slot) -> Option<&str> {
        self.labels
            .iter()
            .find(|(own, _)| *own == slot)
            .map(|(_, label)| label.as_str())
    }

    fn typed(&self, value: &Value, mark: &Mark) -> Result<Datum> {
        if let Form::Count { .. } = mark.form {
            return count(value);
        }
        if !mark.list {
            let datum = self.scalar(value, &mark.data_type)?;
            if let (Form::Operand, Datum::Text(json)) = (mark.form, &datum) {
                within(json::count(json.as_bytes()))?;
            }
            return Ok(datum);
        }
        let items: Vec<Value> = match value {
            Value::Null => return Ok(Datum::Null),
            Value::List(items) => items.clone(),
            Value::Raw(text) => list_of_raw(text),
            single => vec![single.clone()],
        };
        if mark.form == Form::Operand {
            within(items.len())?;
        }
        let mut list = Vec::with_capacity(items.len());
        for item in &items {
            if *item == Value::Null {
                return Err(Error::invalid(Code::INVALID_VALUE, "a list must not hold null"));
            }
            list.push(self.scalar(item, &mark.data_type)?);
        }
        Ok(Datum::List(list))
    }

    pub(super) fn scalar(&self, value: &Value, data_type: &Type) -> Result<Datum> {
        scalar::datum(value, data_type, &self.catalog.database)
    }

    /// A value of the request as it is compared.
    pub(super) fn plain(&self, value: &Value, mark: &Mark) -> Result<Datum> {
        self.typed(value, mark).and_then(|datum| self.formed(datum, mark))
    }

    /// A canonical value in the form that the database keeps and compares.
    pub(super) fn native(&self, datum: Datum, data_type: &Type) -> Datum {
        native(datum, data_type, self.catalog.database.kind)
    }

    /// A value of whatever source (request, rule, session) in the form in which it is bound. Cursors alone do not come
    /// here: what they hold the database has given.
    fn formed(&self, datum: Datum, mark: &Mark) -> Result<Datum> {
        Ok(match (mark.form, datum) {
            (Form::Glob, Datum::Text(pattern)) => {
                pattern::check_like(&pattern).map_err(no_pattern)?;
                Datum::Text(glob(&pattern).into())
            }
            (Form::Like, Datum::Text(pattern)) => {
                pattern::check_like(&pattern).map_err(no_pattern)?;
                Datum::Text(pattern)
            }
            (Form::Pattern(syntax), Datum::Text(text)) => {
                let parsed = pattern::parse(&text, syntax).map_err(no_pattern)?;
                // Those of rules are the same for everybody.
                if matches!(mark.source, Parameter::Slot(_)) {
                    let light = self.patterns.add(&parsed);
                    light.map_err(|wrong| Error::invalid(Code::LIMIT_EXCEEDED, wrong))?;
                }
                match self.catalog.database.kind {
                    DatabaseKind::Postgres => Datum::Text(parsed.postgres.into()),
                    DatabaseKind::Sqlite => Datum::Text(text),
                }
            }
            (Form::Count { most, plus }, Datum::Integer(count)) => {
                let most = most.and_then(|most| i64::try_from(most).ok()).unwrap_or(i64::MAX - 2);
                Datum::Integer(count.min(most) + i64::from(plus))
            }
            (_, datum) => native(datum, &mark.data_type, self.catalog.database.kind),
        })
    }

    /// A value of the session or of a rule in its canonical form, which is not yet the one of a database.
    pub(super) fn canonical(&self, mark: &Mark) -> Result<Datum> {
        match &mark.source {
            Parameter::Constant(datum) => Ok(datum.clone()),
            Parameter::Session(name) => self.session(name, mark),
            _ => Err(Error::internal("a value that neither a rule nor a session has")),
        }
    }

    fn session(&self, name: &str, mark: &Mark) -> Result<Datum> {
        if name == "*" {
            let mut object = serde_json::Map::new();
            for (name, variable) in self.principal.variables.iter() {
                // No claim of another name stands for who asks, or in which role.
                if name != "id" && is_reserved(name) {
                    continue;
                }
                let value = match variable {
                    Variable::Text(text) => serde_json::Value::from(&**text),
                    Variable::List(items) => items.iter().map(|item| serde_json::Value::from(&**item)).collect(),
                };
                object.insert(self.header(name), value);
            }
            object.insert(self.header("role"), self.principal.role.as_str().into());
            return Ok(Datum::Text(serde_json::Value::Object(object).to_string().into()));
        }
        let Some(variable) = rules::variable(self.principal, name) else {
            return Ok(Datum::Null);
        };
        // The solver has looked at the variable in the same way: one that does not fit counts as missing.
        Ok(rules::cast_variable(&variable, &mark.data_type, mark.list).unwrap_or(Datum::Null))
    }
}

impl Binder<'_> {
    /// The header under which a variable comes in: functions of the database know their session by these names.
    fn header(&self, variable: &str) -> String {
        let name = if variable == "id" {
            "user-id".to_owned()
        } else {
            variable.replace('_', "-")
        };
        format!("{}{name}", self.header_prefix)
    }
}

/// Whether the header of a variable of this name is that of something else: `user_id` would come in as `x-diglot-user-id`,
/// which is the variable `id`.
fn is_reserved(name: &str) -> bool {
    let is = |word: &str| {
        let own = name.chars().filter(|character| !matches!(character, '_' | '-'));
        own.map(|character| character.to_ascii_lowercase()).eq(word.chars())
    };
    ["userid", "role", "adminsecret", "usebackendonlypermissions"]
        .into_iter()
        .any(is)
}

/// A canonical value in the form that a database compares rightly.
fn native(datum: Datum, data_type: &Type, kind: DatabaseKind) -> Datum {
    match (kind, data_type, datum) {
        (_, _, Datum::List(items)) => {
            let native = |item| native(item, data_type, kind);
            Datum::List(items.into_iter().map(native).collect())
        }
        // SQLite has no decimals, and takes any text for greater than any number.
        (DatabaseKind::Sqlite, Type::Numeric, Datum::Text(text)) => numeral::number(&text).unwrap_or(Datum::Text(text)),
        (DatabaseKind::Sqlite, Type::Other(_), Datum::Text(text)) if numeral::is_decimal(&text) => {
            numeral::number(&text).unwrap_or(Datum::Text(text))
        }
        (DatabaseKind::Postgres, Type::Numeric, Datum::Integer(number)) => Datum::Text(number.to_string().into()),
        // Canonical moments are in UTC, whatever the session's time zone is.
        (DatabaseKind::Postgres, Type::TimestampTz, Datum::Text(text)) if !moment::is_infinite(&text) => {
            Datum::Text(format!("{text}+00").into())
        }
        (_, _, datum) => datum,
    }
}

fn no_pattern(reason: String) -> Error {
    Error::invalid(Code::INVALID_VALUE, reason)
}

/// A number of rows: an integer ≥ 0.
fn count(value: &Value) -> Result<Datum> {
    let wrong = || {
        Error::invalid(
            Code::INVALID_VALUE,
            format!("{} is not a number of rows: an integer from 0 on", value.describe()),
        )
    };
    let number = match value {
        Value::Integer(number) => *number,
        Value::Raw(text) => text.parse().map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    if number < 0 {
        Err(wrong())
    } else {
        Ok(Datum::Integer(number))
    }
}

/// Refuses too large an operand of a JSON operator.
fn within(values: usize) -> Result<()> {
    if values <= MOST_VALUES {
        return Ok(());
    }
    Err(Error::invalid(
        Code::LIMIT_EXCEEDED,
        format!("{values} values are too many to compare JSON with, at most {MOST_VALUES} are taken"),
    ))
}

/// A list in a query string: a JSON array, PostgreSQL's braces, or comma-separated.
fn list_of_raw(text: &str) -> Vec<Value> {
    if text.starts_with('[')
        && let Ok(serde_json::Value::Array(items)) = serde_json::from_str(text)
    {
        return items
            .into_iter()
            .map(|item| match item {
                serde_json::Value::String(text) => Value::Raw(text.into()),
                other => Value::from(other),
            })
            .collect();
    }
    let inner = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
        .unwrap_or(text);
    if inner.is_empty() {
        Vec::new()
    } else {
        inner.split(',').map(|item| Value::Raw(item.trim().into())).collect()
    }
}

/// A LIKE pattern (`%`, `_`, escape `\`) as a GLOB pattern.
fn glob(pattern: &str) -> String {
    let mut glob = String::with_capacity(pattern.len() + 4);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '%' => {
                glob.push('*');
                continue;
            }
            '_' => {
                glob.push('?');
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        match literal {
            '*' | '?' | '[' => {
                glob.push('[');
                glob.push(literal);
                glob.push(']');
            }
            other => glob.push(other),
        }
    }
    glob
}

#[cfg(test)]
mod tests {
    use super::{glob, is_reserved, native};
    use crate::catalog::DatabaseKind::{Postgres, Sqlite};
    use crate::value::{Datum, Type};

    #[test]
    fn values_are_bound_in_the_form_that_each_database_compares() {
        let text = |text: &str| Datum::Text(text.into());
        let any = || Type::Other("any".into());
        for (kind, data_type, value, wanted) in [
            (Sqlite, Type::Numeric, text("2"), Datum::Integer(2)),
            (Sqlite, Type::Numeric, text("2.50"), Datum::Float(2.5)),
            (Postgres, Type::Numeric, text("2.50"), text("2.50")),
            (Postgres, Type::Numeric, Datum::Integer(2), text("2")),
            (Sqlite, any(), text("2"), Datum::Integer(2)),
            (Sqlite, any(), text("02"), text("02")),
            (Sqlite, Type::TEXT, text("2"), text("2")),
            (
                Sqlite,
                Type::TimestampTz,
                text("2026-01-31 12:00:00"),
                text("2026-01-31 12:00:00"),
            ),
            (
                Postgres,
                Type::TimestampTz,
                text("2026-01-31 12:00:00"),
                text("2026-01-31 12:00:00+00"),
            ),
            (Postgres, Type::TimestampTz, text("-infinity"), text("-infinity")),
            (
                Postgres,
                Type::Timestamp,
                text("2026-01-31 12:00:00"),
                text("2026-01-31 12:00:00"),
            ),
        ] {
            let list = native(Datum::List(vec![value.clone()]), &data_type, kind);
            assert_eq!(list, Datum::List(vec![wanted.clone()]), "a list of {value:?}");
            assert_eq!(native(value, &data_type, kind), wanted);
        }
    }

    #[test]
    fn no_variable_comes_in_under_the_name_of_who_asks() {
        for name in [
            "user_id",
            "user-id",
            "USER_ID",
            "userid",
            "role",
            "Role",
            "admin_secret",
            "use_backend_only_permissions",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["org_id", "user", "user_ids", "roles", "id2"] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn like_patterns_become_glob_patterns() {
        for (like, wanted) in [
            ("Ada %", "Ada *"),
            ("_b%", "?b*"),
            (r"100\%", "100%"),
            ("a*b?c[d]", "a[*]b[?]c[[]d]"),
            (r"\\", "\\"),
            ("", ""),
        ] {
            assert_eq!(glob(like), wanted, "{like}");
        }
    }
}
