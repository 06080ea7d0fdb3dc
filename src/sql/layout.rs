//! How the columns of a statement's rows become JSON. Made with the statement, read by the backend's writer.

use crate::request::{BytesFormat, NumberFormat};

/// What the backend writes for a statement's rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// For each, one buffer is filled: the layout of every row, separated by commas, without brackets.
    pub outputs: Vec<Layout>,
    /// Column that holds the number of all rows (64-bit integer), the same in each row.
    pub total: Option<usize>,
    /// Column that is null where the row is not one of the result and only carries `total`.
    pub present: Option<usize>,
    /// Columns that make a row's cursor. On PostgreSQL they are cast to text.
    pub cursor: Vec<usize>,
    /// The rows arrive in reverse and are written the other way round.
    pub reversed: bool,
}

/// How one value is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Layout {
    /// JSON text as it stands.
    Constant(Box<[u8]>),
    /// A scalar in a column.
    Column {
        /// Which column of the row (or of the record at hand).
        index: usize,
        /// Its form.
        wire: Wire,
    },
    /// An object.
    Object {
        /// Its members.
        members: Vec<Member>,
        /// `null` instead where this column is null.
        unless_null: Option<usize>,
    },
    /// A record or an array of records in one column (PostgreSQL's binary form); its layouts count columns from 0 within
    /// the record.
    Nested {
        /// Which column.
        index: usize,
        /// What is in it.
        nested: Box<Nested>,
    },
    /// The sealed cursor of the row (from [`Shape::cursor`]) as a JSON string.
    Cursor,
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// `"key":`, escaped, with a comma before it where it is not the first.
    pub key: Box<[u8]>,
    /// Its value.
    pub value: Layout,
}

/// What a nested column holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Nested {
    /// One record, or null.
    Row(Layout),
    /// An array of records, written with brackets; null is `[]`.
    Rows(Layout),
}

/// The form of a scalar on the wire. On PostgreSQL values arrive in binary form, of exactly the named type; on SQLite the
/// storage class of each value counts first (an integer in a TEXT column is a JSON number), and the wire form says how a
/// fitting one is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// bool; on SQLite 0 and 1, any other value as it is.
    Boolean,
    /// int2, int4.
    Integer,
    /// int8, as number or string.
    BigInteger(NumberFormat),
    /// float4; NaN and infinities as strings.
    Float4,
    /// float8; NaN and infinities as strings.
    Float8,
    /// Decimal: on PostgreSQL cast to text by the statement.
    Numeric(NumberFormat),
    /// Text.
    Text,
    /// JSON text, copied as it is when it is valid (SQLite: else as a string).
    Json,
    /// GeoJSON of a geometry; SQLite: null for whatever else is there.
    Geometry,
    /// JSON that the statement itself built (SQLite): copied unchecked.
    BuiltJson,
    /// jsonb's binary form: a version byte, then text.
    Jsonb,
    /// uuid; SQLite: 16 bytes or text.
    Uuid(BytesFormat),
    /// date → `2026-01-31`.
    Date,
    /// time → `12:30:00` with up to 6 digits of a second where there are any.
    Time,
    /// timestamp → `2026-01-31T12:30:00`.
    Timestamp,
    /// timestamptz → `2026-01-31T12:30:00+00:00`.
    TimestampTz,
    /// bytea, BLOB.
    Bytes(BytesFormat),
}
