//! Values: [`Type`] is what a column holds, [`Value`] what a client sent, [`Datum`] what is bound to a statement.

pub mod decimal;
pub mod interval;
pub mod json;
pub mod literal;
pub mod moment;
pub mod numeral;

use serde::{Deserialize, Serialize};

/// The logical type of a column, the same for both databases.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Type {
    /// True or false; SQLite stores 0 and 1.
    Boolean,
    /// A signed integer of 16, 32 or 64 bits. SQLite's INTEGER is 32 here (its GraphQL type is Int) though it stores 64;
    /// range checks on SQLite are those of 64 bits.
    Integer(u8),
    /// A binary floating-point number of 32 or 64 bits.
    Float(u8),
    /// An exact decimal.
    Numeric,
    /// Text of any length, or of at most so many characters.
    Text {
        /// Most characters, where the database says so.
        length: Option<u32>,
        /// Upper and lower case are the same wherever values are compared (PostgreSQL's `citext`).
        caseless: bool,
    },
    /// A UUID; SQLite stores text or 16 bytes.
    Uuid,
    /// A calendar date.
    Date,
    /// A time of day.
    Time,
    /// A time of day with an offset.
    TimeTz,
    /// A date and time without zone.
    Timestamp,
    /// A moment.
    TimestampTz,
    /// A span of time.
    Interval,
    /// JSON kept as text.
    Json,
    /// JSON kept in parsed form.
    Jsonb,
    /// Bytes.
    Bytes,
    /// One of a closed list of texts: an index into the enums of [`crate::catalog::Database`].
    Enum(u32),
    /// An array of one element type, any dimensions (PostgreSQL).
    Array(Box<Type>),
    /// A geometry: PostGIS on PostgreSQL, GeoJSON, WKT or WKB on SQLite.
    Geometry,
    /// Whatever else the database has (ranges, inet, composite …): its name. Read as text, or as JSON for composites.
    Other(Box<str>),
}

/// Types of PostgreSQL without `=`.
const UNEQUAL: [&str; 10] = [
    "xml",
    "point",
    "polygon",
    "jsonpath",
    "refcursor",
    "gtsvector",
    "pg_snapshot",
    "txid_snapshot",
    "lquery",
    "ltxtquery",
];

/// Those that have `=`, but no `<`.
const UNORDERED: [&str; 5] = ["line", "xid", "cid", "aclitem", "hstore"];

/// Those whose `=` compares sizes, or that have no order to sort equal values together.
const UNGROUPED: [&str; 5] = ["box", "path", "line", "lseg", "circle"];

impl Type {
    /// Text of any length.
    pub const TEXT: Type = Type::Text {
        length: None,
        caseless: false,
    };

    /// Whether values are compared as text and have LIKE and regular expressions.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self, Type::Text { .. })
    }

    /// Whether upper and lower case are the same wherever values are compared.
    #[must_use]
    pub fn is_caseless(&self) -> bool {
        matches!(self, Type::Text { caseless: true, .. })
    }

    /// Whether sum and average make sense.
    #[must_use]
    pub fn is_number(&self) -> bool {
        matches!(self, Type::Integer(_) | Type::Float(_) | Type::Numeric)
    }

    /// Whether the type is JSON in either form.
    #[must_use]
    pub fn is_json(&self) -> bool {
        matches!(self, Type::Json | Type::Jsonb)
    }

    /// Whether values have an order.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        !matches!(self, Type::Json | Type::Jsonb | Type::Geometry | Type::Other(_))
    }

    /// Whether PostgreSQL has `=` for its values, or for those of `jsonb` where they are `json`. (SQLite compares everything.)
    #[must_use]
    pub fn has_equality(&self) -> bool {
        match self {
            Type::Array(element) => **element != Type::Json && element.has_equality(),
            Type::Other(_) => !self.is_one_of(&UNEQUAL),
            other => *other != Type::Geometry,
        }
    }

    /// Whether PostgreSQL has `<` for its values.
    #[must_use]
    pub fn has_order(&self) -> bool {
        match self {
            Type::Array(element) => element.has_equality() && element.has_order(),
            Type::Other(_) => self.has_equality() && !self.is_one_of(&UNORDERED),
            other => !matches!(other, Type::Json | Type::Geometry),
        }
    }

    /// Whether PostgreSQL tells its values apart, for groups and distinct counts.
    #[must_use]
    pub fn has_groups(&self) -> bool {
        match self {
            Type::Array(element) => **element != Type::Json && element.has_groups(),
            _ => self.has_equality() && !self.is_one_of(&UNGROUPED),
        }
    }

    fn is_one_of(&self, names: &[&str]) -> bool {
        matches!(self, Type::Other(own) if names.contains(&own.rsplit('.').next().unwrap_or(own)))
    }

    /// Whether it is a type of an extension, in whatever schema: `ltree` is also `tools.ltree`.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        matches!(self, Type::Other(own) if own.rsplit('.').next() == Some(name))
    }

    /// The word for this type in messages to clients.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Type::Boolean => "boolean",
            Type::Integer(16) => "smallint",
            Type::Integer(64) => "bigint",
            Type::Integer(_) => "integer",
            Type::Float(32) => "real",
            Type::Float(_) => "double precision",
            Type::Numeric => "numeric",
            Type::Text { .. } => "text",
            Type::Uuid => "uuid",
            Type::Date => "date",
            Type::Time => "time",
            Type::TimeTz => "timetz",
            Type::Timestamp => "timestamp",
            Type::TimestampTz => "timestamptz",
            Type::Interval => "interval",
            Type::Json => "json",
            Type::Jsonb => "jsonb",
            Type::Bytes => "bytea",
            Type::Enum(_) => "enum",
            Type::Array(_) => "array",
            Type::Geometry => "geometry",
            Type::Other(name) => name,
        }
    }
}

/// Whether a text in a JSON document holds a NUL character, which PostgreSQL's jsonb cannot keep and SQLite's functions stop
/// at. (`\\u0000` is a backslash and letters.)
#[must_use]
pub fn json_holds_nul(json: &str) -> bool {
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at + 1..];
        if escape.starts_with("u0000") {
            return true;
        }
        // Past the escaped character, which may be a backslash itself.
        rest = escape.get(1..).unwrap_or_default();
    }
    json.contains('\0')
}

/// A value as a client sent it, before the column's type is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// JSON null.
    Null,
    /// JSON true or false.
    Boolean(bool),
    /// A JSON integer that fits 64 bits.
    Integer(i64),
    /// Any other JSON number, as it was written.
    Number(Box<str>),
    /// A JSON string.
    Text(Box<str>),
    /// Text whose type the column decides: from a query string, a path, or a JSON string where the front is lenient.
    Raw(Box<str>),
    /// A list.
    List(Vec<Value>),
    /// A JSON object (for JSON columns).
    Json(serde_json::Value),
}

impl Value {
    /// A short description for messages: what was sent, never more than 40 characters of it.
    #[must_use]
    pub fn describe(&self) -> String {
        let clip = |text: &str| {
            if text.chars().count() > 40 {
                format!("{:?}…", text.chars().take(40).collect::<String>())
            } else {
                format!("{text:?}")
            }
        };
        match self {
            Value::Null => "null".into(),
            Value::Boolean(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Number(text) => clip(text).trim_matches('"').into(),
            Value::Text(text) | Value::Raw(text) => clip(text),
            Value::List(_) => "a list".into(),
            Value::Json(_) => "an object".into(),
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Boolean(value),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(integer) => Value::Integer(integer),
                None => Value::Number(number.to_string().into()),
            },
            serde_json::Value::String(text) => Value::Text(text.into()),
            serde_json::Value::Array(items) => Value::List(items.into_iter().map(Value::from).collect()),
            object @ serde_json::Value::Object(_) => Value::Json(object),
        }
    }
}

impl From<Value> for serde_json::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => serde_json::Value::Null,
            Value::Boolean(value) => value.into(),
            Value::Integer(value) => value.into(),
            Value::Number(text) => {
                serde_json::from_str(&text).unwrap_or_else(|_| serde_json::Value::String(text.into()))
            }
            Value::Text(text) | Value::Raw(text) => serde_json::Value::String(text.into()),
            Value::List(items) => items.into_iter().map(serde_json::Value::from).collect(),
            Value::Json(json) => json,
        }
    }
}

/// A value in the form that is bound to a statement. Dates, decimals and whatever else has no variant go as text and are
/// cast by the statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// SQL NULL.
    Null,
    /// A boolean (0 or 1 on SQLite).
    Boolean(bool),
    /// An integer, checked against the column's range.
    Integer(i64),
    /// A finite or infinite double.
    Float(f64),
    /// Text.
    Text(Box<str>),
    /// Bytes.
    Bytes(Box<[u8]>),
    /// Text that is not UTF-8, as SQLite may hold it; only ever in cursors.
    Broken(Box<[u8]>),
    /// A list, bound as one parameter: an array on PostgreSQL, a JSON text on SQLite.
    List(Vec<Datum>),
}

#[cfg(test)]
mod tests {
    use super::Type;

    #[test]
    fn operators_of_types() {
        let other = |name: &str| Type::Other(name.into());
        let list = |element: Type| Type::Array(Box::new(element));
        for (data_type, equality, order, groups) in [
            (Type::TEXT, true, true, true),
            (Type::Json, true, false, true),
            (Type::Jsonb, true, true, true),
            (Type::Geometry, false, false, false),
            (other("xml"), false, false, false),
            (other("point"), false, false, false),
            (other("line"), true, false, false),
            (other("box"), true, true, false),
            (other("xid"), true, false, true),
            (other("tools.hstore"), true, false, true),
            (other("inet"), true, true, true),
            (list(Type::Json), false, false, false),
            (list(other("point")), false, false, false),
            (list(Type::Integer(32)), true, true, true),
        ] {
            let has = (data_type.has_equality(), data_type.has_order(), data_type.has_groups());
            assert_eq!(has, (equality, order, groups), "{}", data_type.word());
        }
    }
}
