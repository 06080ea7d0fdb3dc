//! Declared types → logical types: the usual names first, then SQLite's own rules of affinity.

use crate::value::Type;

/// The logical type of a declared type.
pub(super) fn logical(declared: &str) -> Type {
    let upper = declared.trim().to_ascii_uppercase();
    let (name, arguments) = match upper.split_once('(') {
        Some((name, rest)) => {
            let (arguments, after) = rest.split_once(')').unwrap_or((rest, ""));
            (format!("{} {}", name.trim(), after.trim()), Some(arguments))
        }
        None => (upper.clone(), None),
    };
    let words: Vec<&str> = name.split_whitespace().collect();
    let name = words.join(" ");
    match name.as_str() {
        "" | "ANY" => Type::Other("any".into()),
        "BOOLEAN" | "BOOL" => Type::Boolean,
        "TINYINT" | "SMALLINT" | "INT2" | "TINYINT UNSIGNED" | "YEAR" => Type::Integer(16),
        "INT" | "INTEGER" | "MEDIUMINT" | "INT4" | "SMALLINT UNSIGNED" | "SERIAL" => Type::Integer(32),
        "BIGINT" | "INT8" | "UNSIGNED BIG INT" | "BIGINT UNSIGNED" | "UNSIGNED BIGINT" | "INT64" | "BIGSERIAL" => {
            Type::Integer(64)
        }
        "REAL" | "DOUBLE" | "DOUBLE PRECISION" | "FLOAT" | "FLOAT4" | "FLOAT8" => Type::Float(64),
        "DECIMAL" | "NUMERIC" | "MONEY" | "NUM" | "DEC" | "NUMBER" => Type::Numeric,
        "DATE" => Type::Date,
        "TIME" | "TIME WITHOUT TIME ZONE" => Type::Time,
        "TIMETZ" | "TIME WITH TIME ZONE" => Type::TimeTz,
        "INTERVAL" => Type::Interval,
        "DATETIME" | "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => Type::Timestamp,
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" | "DATETIMETZ" => Type::TimestampTz,
        "UUID" | "GUID" | "UNIQUEIDENTIFIER" => Type::Uuid,
        "JSON" => Type::Json,
        "JSONB" => Type::Jsonb,
        "BLOB" | "BYTEA" | "BINARY" | "VARBINARY" | "TINYBLOB" | "MEDIUMBLOB" | "LONGBLOB" => Type::Bytes,
        "VARCHAR" | "CHAR" | "NVARCHAR" | "NCHAR" | "CHARACTER" | "CHARACTER VARYING" | "VARCHAR2"
        | "NATIVE CHARACTER" | "VARYING CHARACTER" | "BPCHAR" => Type::Text {
            length: arguments.and_then(|length| length.trim().parse().ok()),
            caseless: false,
        },
        "TEXT" | "CLOB" | "STRING" | "CITEXT" | "TINYTEXT" | "MEDIUMTEXT" | "LONGTEXT" | "NTEXT" => Type::TEXT,
        "POINT" | "LINESTRING" | "POLYGON" | "MULTIPOINT" | "MULTILINESTRING" | "MULTIPOLYGON" | "GEOMETRY"
        | "GEOMETRYCOLLECTION" | "GEOGRAPHY" => Type::Geometry,
        _ => affinity(&upper),
    }
}

/// SQLite's rules for a name that nobody else knows.
fn affinity(upper: &str) -> Type {
    let has = |part: &str| upper.contains(part);
    if has("INT") {
        Type::Integer(if has("BIG") { 64 } else { 32 })
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Type::TEXT
    } else if has("BLOB") {
        Type::Bytes
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Type::Float(64)
    } else {
        Type::Numeric
    }
}

#[cfg(test)]
mod tests {
    use super::logical;
    use crate::value::Type;

    fn text(length: u32) -> Type {
        Type::Text {
            length: Some(length),
            caseless: false,
        }
    }

    #[test]
    fn declared_types_have_logical_ones() {
        for (declared, expected) in [
            ("INTEGER", Type::Integer(32)),
            ("int", Type::Integer(32)),
            ("smallint", Type::Integer(16)),
            ("TINYINT(1)", Type::Integer(16)),
            ("bigint", Type::Integer(64)),
            ("UNSIGNED BIG INT", Type::Integer(64)),
            ("BIGINT(20) UNSIGNED", Type::Integer(64)),
            ("POINTER INT", Type::Integer(32)),
            ("bool", Type::Boolean),
            ("REAL", Type::Float(64)),
            ("double  precision", Type::Float(64)),
            ("DECIMAL(10, 2)", Type::Numeric),
            ("numeric", Type::Numeric),
            ("VARCHAR(40)", text(40)),
            ("character varying ( 12 )", text(12)),
            ("NVARCHAR", Type::TEXT),
            ("STRING", Type::TEXT),
            ("text", Type::TEXT),
            ("Date", Type::Date),
            ("TIME", Type::Time),
            ("DATETIME", Type::Timestamp),
            ("timestamp with time zone", Type::TimestampTz),
            ("timestamp(3) with time zone", Type::TimestampTz),
            ("TIME WITH TIME ZONE", Type::TimeTz),
            ("interval", Type::Interval),
            ("uuid", Type::Uuid),
            ("json", Type::Json),
            ("JSONB", Type::Jsonb),
            ("blob", Type::Bytes),
            ("BINARY(16)", Type::Bytes),
            ("", Type::Other("any".into())),
            ("ANY", Type::Other("any".into())),
            ("whatever", Type::Numeric),
            ("weird(", Type::Numeric),
        ] {
            assert_eq!(logical(declared), expected, "{declared}");
        }
    }
}
