//! Types of terms, and which of them can be compared.

use super::{Predicate, Term};
use crate::catalog::{Catalog, DatabaseKind};
use crate::value::Type;

/// Whether a term can be null, as far as the catalog tells.
#[must_use]
pub(super) fn is_nullable(catalog: &Catalog, term: &Term) -> bool {
    match term {
        Term::Column { table, column, .. } => catalog.table(*table).column(*column).nullable,
        // A missing variable is the solver's business.
        Term::Parameter { .. } => false,
        Term::Truth(predicate) => !matches!(**predicate, Predicate::Exists(_) | Predicate::IsNull { .. }),
        _ => true,
    }
}

/// Whether the database compares values of the two types.
#[must_use]
pub(super) fn are_comparable(catalog: &Catalog, left: &Type, right: &Type) -> bool {
    let sqlite = catalog.database.kind == DatabaseKind::Sqlite;
    let left = stored(catalog, left);
    let right = stored(catalog, right);
    match (&left, &right) {
        (Type::Boolean, Type::Boolean)
        | (Type::Text { .. }, Type::Text { .. })
        | (Type::Json | Type::Jsonb, Type::Json | Type::Jsonb)
        | (Type::Date | Type::Timestamp | Type::TimestampTz, Type::Date | Type::Timestamp | Type::TimestampTz)
        | (Type::Time | Type::TimeTz, Type::Time | Type::TimeTz) => true,
        (left, right) if left.is_number() && right.is_number() => true,
        (left, right) if left == right => true,
        (Type::Array(left), Type::Array(right)) => are_comparable(catalog, left, right),
        (Type::Other(name), Type::Text { .. }) | (Type::Text { .. }, Type::Other(name)) => is_text_like(name) || sqlite,
        (Type::Other(left), Type::Other(right)) => is_text_like(left) && is_text_like(right) || sqlite,
        // SQLite stores all of these as text, and booleans as integers.
        (left, right) if sqlite => {
            let is_stored_as_text = |data_type: &Type| {
                matches!(
                    data_type,
                    Type::Text { .. } | Type::Uuid | Type::Date | Type::Time | Type::Timestamp | Type::TimestampTz
                )
            };
            let is_stored_as_integer = |data_type: &Type| matches!(data_type, Type::Boolean | Type::Integer(_));
            (is_stored_as_text(left) && is_stored_as_text(right))
                || (is_stored_as_integer(left) && is_stored_as_integer(right))
                || (matches!(left, Type::Uuid | Type::Bytes) && matches!(right, Type::Uuid | Type::Bytes))
                || matches!((left, right), (Type::Other(_), _) | (_, Type::Other(_)))
        }
        _ => false,
    }
}

/// A list of `CHECK (c IN (…))` is text in the database; only a real enum type is not.
#[must_use]
pub(super) fn stored(catalog: &Catalog, data_type: &Type) -> Type {
    match data_type {
        Type::Enum(index) => match catalog.database.enums.get(*index as usize) {
            Some(found) if found.database_type.is_some() => data_type.clone(),
            _ => Type::TEXT,
        },
        other => other.clone(),
    }
}

/// Other names of text.
#[must_use]
pub(super) fn is_text_like(name: &str) -> bool {
    matches!(
        name.trim_matches('"').rsplit('.').next().unwrap_or(name),
        "citext" | "name" | "bpchar" | "char" | "character" | "varchar"
    )
}
