//! Which form a term's values have on the wire, and how the statement brings them into it.

use super::{Flavor, Wire, Writer};
use crate::request::{BytesFormat, NumberFormat};
use crate::rules::Term;
use crate::value::Type;

impl Writer<'_> {
    /// Writes a term as a leaf of the select list (or of a record) and tells its form.
    pub(super) fn leaf(&mut self, term: &Term) -> Wire {
        let data_type = self.leaf_type(term);
        if self.flavor == Flavor::Sqlite {
            self.shown(term);
            return self.wire(&data_type);
        }
        match &data_type {
            Type::Numeric | Type::TimeTz | Type::Interval => {
                self.term(term);
                self.word("::text");
            }
            Type::Enum(_) => {
                self.term(term);
                self.word("::text");
            }
            Type::Array(_) | Type::Other(_) => {
                self.word("to_jsonb(");
                self.term(term);
                self.word(")");
            }
            Type::Geometry => self.geojson(term),
            _ => {
                self.term(term);
                if let Some(cast) = self.domain_cast(term, &data_type) {
                    self.word(cast);
                }
            }
        }
        self.wire(&data_type)
    }

    /// The key of a group as a leaf: what the group is made by, not what any of its rows has.
    pub(super) fn key_leaf(&mut self, term: &Term) -> Wire {
        self.group_key = true;
        let wire = self.leaf(term);
        self.group_key = false;
        wire
    }

    /// The same as a value of nested JSON.
    pub(super) fn json_key_leaf(&mut self, term: &Term) {
        self.group_key = true;
        self.json_leaf(term);
        self.group_key = false;
    }

    fn shown(&mut self, term: &Term) {
        if self.group_key {
            self.distinct_term(term);
        } else {
            self.term(term);
        }
    }

    fn leaf_type(&self, term: &Term) -> Type {
        term.data_type(self.catalog)
    }

    /// A column of a domain or of a type with the same binary form is cast to the plain type, so that the driver need
    /// not look the type up.
    fn domain_cast(&self, term: &Term, data_type: &Type) -> Option<&'static str> {
        let Term::Column { table, column, .. } = term else {
            return None;
        };
        let database_type = self.catalog.table(*table).column(*column).database_type.as_str();
        let (plain, cast): (&[&str], _) = match data_type {
            Type::Boolean => (&["boolean", "bool"], "::bool"),
            Type::Integer(16) => (&["smallint", "int2"], "::int2"),
            Type::Integer(32) => (&["integer", "int4"], "::int4"),
            Type::Integer(_) => (&["bigint", "int8"], "::int8"),
            Type::Float(32) => (&["real", "float4"], "::float4"),
            Type::Float(_) => (&["double precision", "float8"], "::float8"),
            Type::Text { .. } => (&["text", "character varying", "varchar"], "::text"),
            Type::Uuid => (&["uuid"], "::uuid"),
            Type::Date => (&["date"], "::date"),
            Type::Time => (&["time without time zone", "time"], "::time"),
            Type::Timestamp => (&["timestamp without time zone", "timestamp"], "::timestamp"),
            Type::TimestampTz => (&["timestamp with time zone", "timestamptz"], "::timestamptz"),
            Type::Json => (&["json"], "::json"),
            Type::Jsonb => (&["jsonb"], "::jsonb"),
            Type::Bytes => (&["bytea"], "::bytea"),
            _ => return None,
        };
        (!plain.contains(&database_type)).then_some(cast)
    }

    pub(super) fn wire(&self, data_type: &Type) -> Wire {
        let numbers = self.formats.numbers;
        match data_type {
            Type::Boolean => Wire::Boolean,
            Type::Integer(64) => Wire::BigInteger(numbers),
            Type::Integer(_) => Wire::Integer,
            Type::Float(32) => Wire::Float4,
            Type::Float(_) => Wire::Float8,
            Type::Numeric => Wire::Numeric(numbers),
            Type::Uuid => Wire::Uuid(self.formats.bytes),
            Type::Date => Wire::Date,
            Type::Time => Wire::Time,
            Type::Timestamp => Wire::Timestamp,
            Type::TimestampTz => Wire::TimestampTz,
            Type::Json => Wire::Json,
            Type::Jsonb if self.flavor == Flavor::Sqlite => Wire::Json,
            Type::Jsonb => Wire::Jsonb,
            Type::Bytes => Wire::Bytes(self.formats.bytes),
            Type::Geometry if self.formats.features => Wire::Geometry,
            Type::Geometry => Wire::Json,
            Type::Array(_) | Type::Other(_) if self.flavor == Flavor::Postgres => Wire::Jsonb,
            Type::Text { .. } | Type::Enum(_) | Type::TimeTz | Type::Interval | Type::Array(_) | Type::Other(_) => {
                Wire::Text
            }
        }
    }

    /// A term as a value of nested JSON (SQLite): as it is where `json_object` writes it as the row writer would, else
    /// through the writer's own code, as a function.
    pub(super) fn json_leaf(&mut self, term: &Term) {
        let data_type = self.leaf_type(term);
        let code = match self.wire(&data_type) {
            Wire::Integer | Wire::BigInteger(NumberFormat::Number) if !self.careful => None,
            Wire::Text | Wire::Date | Wire::Time if !self.careful && !matches!(data_type, Type::Other(_)) => None,
            Wire::BuiltJson => None,
            Wire::Integer | Wire::BigInteger(NumberFormat::Number) => Some("'i'"),
            Wire::BigInteger(NumberFormat::Text) => Some("'I'"),
            Wire::Boolean => Some("'b'"),
            Wire::Float4 | Wire::Float8 => Some("'f'"),
            Wire::Numeric(NumberFormat::Number) => Some("'n'"),
            Wire::Numeric(NumberFormat::Text) => Some("'N'"),
            Wire::Text => Some("'t'"),
            Wire::Json | Wire::Jsonb | Wire::Geometry => Some("'j'"),
            Wire::Uuid(BytesFormat::Base64Url) => Some("'U'"),
            Wire::Uuid(_) => Some("'u'"),
            Wire::Date => Some("'d'"),
            Wire::Time => Some("'D'"),
            Wire::Timestamp => Some("'s'"),
            Wire::TimestampTz => Some("'S'"),
            Wire::Bytes(BytesFormat::Hex) => Some("'h'"),
            Wire::Bytes(BytesFormat::Base64) => Some("'6'"),
            Wire::Bytes(BytesFormat::Base64Url) => Some("'w'"),
        };
        match code {
            None => self.shown(term),
            Some(code) => {
                self.word("diglot_json(");
                self.shown(term);
                self.word(", ");
                self.word(code);
                self.word(")");
            }
        }
    }
}
