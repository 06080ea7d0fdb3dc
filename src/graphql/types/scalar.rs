//! Scalars: how they are called, and which values they take.

use crate::value::Type;

/// A scalar of a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    /// Its GraphQL name.
    pub name: String,
    /// What it takes.
    pub kind: ScalarKind,
    /// The database's name of a type that has no logical one.
    pub source: Option<Box<str>>,
}

impl Scalar {
    /// A type that only the database knows.
    pub(crate) fn other(name: String, source: &str) -> Self {
        Self {
            name,
            kind: match source.rsplit('.').next() {
                Some("ltree") => ScalarKind::Path,
                Some("hstore") => ScalarKind::Pairs,
                _ => ScalarKind::Words,
            },
            source: Some(source.into()),
        }
    }
}

/// The scalars that every schema may have.
pub(crate) fn built_in_scalars() -> Vec<Scalar> {
    BUILT_IN
        .iter()
        .map(|(name, kind)| Scalar {
            name: (*name).to_owned(),
            kind: *kind,
            source: None,
        })
        .collect()
}

/// What values a scalar takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ScalarKind {
    /// `Boolean`
    Boolean,
    /// `Int`
    Int,
    /// `Float`
    Float,
    /// `String`
    Text,
    /// `ID`, which no column has.
    Id,
    /// Numbers that may come as strings.
    Number,
    /// Anything that the database reads from text: uuid, dates, bytes, ranges.
    Words,
    /// JSON: everything.
    Json,
    /// Geometries: GeoJSON objects or text.
    Geometry,
    /// Label paths of PostgreSQL's extension ltree.
    Path,
    /// Pairs of keys and values of PostgreSQL's extension hstore.
    Pairs,
}

/// The first so many scalars are the specification's own, which every schema has.
pub(crate) const SPECIFIED: u16 = 5;

/// Their names and kinds.
const BUILT_IN: [(&str, ScalarKind); 19] = [
    ("Boolean", ScalarKind::Boolean),
    ("Int", ScalarKind::Int),
    ("Float", ScalarKind::Float),
    ("String", ScalarKind::Text),
    ("ID", ScalarKind::Id),
    ("bigint", ScalarKind::Number),
    ("numeric", ScalarKind::Number),
    ("uuid", ScalarKind::Words),
    ("date", ScalarKind::Words),
    ("time", ScalarKind::Words),
    ("timetz", ScalarKind::Words),
    ("timestamp", ScalarKind::Words),
    ("timestamptz", ScalarKind::Words),
    ("interval", ScalarKind::Words),
    ("json", ScalarKind::Json),
    ("jsonb", ScalarKind::Json),
    ("bytea", ScalarKind::Words),
    ("geometry", ScalarKind::Geometry),
    ("geography", ScalarKind::Geometry),
];

/// The place of a type in [`BUILT_IN`]; `None` for types that the database names.
pub(crate) fn built_in(data_type: &Type) -> Option<u16> {
    Some(match data_type {
        Type::Boolean => 0,
        Type::Integer(64) => 5,
        Type::Integer(_) => 1,
        Type::Float(_) => 2,
        Type::Text { .. } | Type::Enum(_) => 3,
        Type::Numeric => 6,
        Type::Uuid => 7,
        Type::Date => 8,
        Type::Time => 9,
        Type::TimeTz => 10,
        Type::Timestamp => 11,
        Type::TimestampTz => 12,
        Type::Interval => 13,
        Type::Json => 14,
        Type::Jsonb => 15,
        Type::Bytes => 16,
        Type::Geometry => 17,
        Type::Array(element) => return built_in(element),
        Type::Other(_) => return None,
    })
}

impl ScalarKind {
    /// Whether a JSON-like value can be one of this scalar. `wide`: whole numbers may be larger than 32 bits.
    pub(crate) fn takes(self, value: &async_graphql_value::ConstValue, wide: bool) -> bool {
        use async_graphql_value::ConstValue as V;
        match (self, value) {
            (Self::Boolean, V::Boolean(_))
            | (Self::Float | Self::Number, V::Number(_))
            | (
                Self::Text | Self::Id | Self::Words | Self::Number | Self::Geometry | Self::Path | Self::Pairs,
                V::String(_),
            )
            | (Self::Geometry | Self::Pairs, V::Object(_))
            | (Self::Words, V::Object(_) | V::List(_) | V::Number(_) | V::Boolean(_))
            | (Self::Json, _) => !matches!(value, V::Binary(_)),
            (Self::Int, V::Number(number)) => number
                .as_i64()
                .is_some_and(|integer| wide || i32::try_from(integer).is_ok()),
            (Self::Id, V::Number(number)) => number.is_i64(),
            _ => false,
        }
    }
}
