//! Rows as a write would leave them, which a constraint has kept from being written: what is told of the violation depends
//! on whether the caller might have written such a row at all, and on which of its references leads nowhere.

use super::change::{Changes, finish};
use super::{Feed, Statement, Writer};
use crate::catalog::{Column, ColumnId, Default, ForeignKey};
use crate::rules::{Group, Parameter, Predicate, Term, Within};
use crate::value::{Datum, Type};

/// Rows that were not written.
#[derive(Clone, Copy)]
pub enum Unwritten<'a> {
    /// A new one of a group: what was sent for it, and what is known of the defaults; the rest is null.
    New(&'a Group),
    /// One that stands, as a new one of a group that meets it over this key would change it.
    Met(&'a Group, &'a [ColumnId]),
    /// Those that an update would change, as they would be then.
    Changed {
        /// Which.
        targets: &'a Predicate,
        /// Only those within an earlier write's rows.
        within: Option<&'a Within>,
        /// Their new values.
        set: &'a [(ColumnId, Term)],
    },
}

impl Changes<'_> {
    /// A row where a check does not hold of one of these.
    #[must_use]
    pub fn refused(&self, rows: Unwritten<'_>, check: &Predicate) -> Statement {
        self.unwritten(rows, |writer| {
            writer.word("(");
            writer.predicate(check);
            writer.word(") IS NOT TRUE");
        })
    }

    /// A row where one of these refers by a foreign key to nothing.
    #[must_use]
    pub fn dangling(&self, rows: Unwritten<'_>, key: &ForeignKey) -> Statement {
        let table = self.table();
        self.unwritten(rows, |writer| {
            for column in &key.columns {
                writer.column(0, table, *column);
                writer.word(" IS NOT NULL AND ");
            }
            if key.table == table {
                // A row may refer to itself.
                writer.word("NOT (");
                for (index, (column, reference)) in key.columns.iter().zip(&key.references).enumerate() {
                    writer.word(if index > 0 { " AND " } else { "" });
                    writer.column(0, table, *column);
                    writer.word(" = ");
                    writer.column(0, table, *reference);
                }
                writer.word(") AND ");
            }
            let alias = writer.new_alias();
            writer.word("NOT EXISTS (SELECT 1 FROM ");
            writer.table(key.table);
            writer.word(" AS ");
            writer.alias(alias);
            writer.push_scope(alias);
            for (index, (column, reference)) in key.columns.iter().zip(&key.references).enumerate() {
                writer.word(if index > 0 { " AND " } else { " WHERE " });
                writer.column(0, key.table, *reference);
                writer.word(" = ");
                writer.column(1, table, *column);
            }
            writer.pop_scope();
            writer.word(")");
        })
    }

    fn unwritten(&self, rows: Unwritten<'_>, condition: impl FnOnce(&mut Writer<'_>)) -> Statement {
        let mut writer = self.writer();
        let table = self.table();
        let columns: Vec<ColumnId> = self.columns().collect();
        let alias = writer.new_alias();
        writer.by_flavor("SELECT '1' FROM (SELECT ", "SELECT 1 FROM (SELECT ");
        for (index, column) in columns.iter().enumerate() {
            writer.comma(index);
            writer.bare_column(table, *column);
        }
        // It gives the columns their names and types.
        writer.word(" FROM ");
        writer.table(table);
        writer.word(" WHERE FALSE UNION ALL SELECT ");
        let standing = !matches!(rows, Unwritten::New(_));
        if standing {
            writer.push_scope(alias);
        }
        for (index, column) in columns.iter().enumerate() {
            writer.comma(index);
            self.unwritten_value(&mut writer, rows, *column);
        }
        match rows {
            Unwritten::New(_) => {}
            Unwritten::Met(group, key) => {
                writer.word(" FROM ");
                writer.table(table);
                writer.word(" AS ");
                writer.alias(alias);
                writer.word(" WHERE ");
                self.same_key(&mut writer, group, key, Feed::Each);
            }
            Unwritten::Changed { targets, within, .. } => {
                writer.word(" FROM ");
                writer.table(table);
                writer.word(" AS ");
                writer.alias(alias);
                self.only(&mut writer, targets, within);
            }
        }
        if standing {
            writer.pop_scope();
        }
        writer.word(") AS ");
        writer.alias(alias);
        writer.push_scope(alias);
        writer.word(" WHERE ");
        condition(&mut writer);
        writer.pop_scope();
        writer.word(" LIMIT 1");
        finish(writer)
    }

    fn unwritten_value(&self, writer: &mut Writer<'_>, rows: Unwritten<'_>, column: ColumnId) {
        let table = self.table();
        let set = match rows {
            Unwritten::New(group) => &group.columns,
            Unwritten::Met(group, _) => &group.set,
            Unwritten::Changed { set, .. } => set,
        };
        if let Some((_, value)) = set.iter().find(|(own, _)| *own == column) {
            writer.stored(table, column, value);
        } else if !matches!(rows, Unwritten::New(_)) {
            writer.column(0, table, column);
        } else if let Some(value) = known_default(self.column(column)) {
            writer.stored_mark(table, column, &Parameter::Constant(value), false);
        } else {
            writer.word("NULL");
        }
    }
}

/// A default that is a plain value.
fn known_default(column: &Column) -> Option<Datum> {
    let Some(Default::Expression(text)) = &column.default else {
        return None;
    };
    let text = text.trim();
    // SQLite keeps an expression's brackets.
    let text = match text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        Some(inside) if !inside.contains(['(', ')']) => inside.trim(),
        _ => text,
    };
    let (value, rest) = if let Some(quoted) = text.strip_prefix('\'') {
        let mut end = 0;
        let bytes = quoted.as_bytes();
        while end < bytes.len() && (bytes[end] != b'\'' || bytes.get(end + 1) == Some(&b'\'')) {
            end += if bytes[end] == b'\'' { 2 } else { 1 };
        }
        let value = quoted.get(..end)?.replace("''", "'");
        (Datum::Text(value.into()), quoted.get(end + 1..)?)
    } else {
        let end = text.find("::").unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        let value = match word.to_ascii_lowercase().as_str() {
            "true" => Datum::Boolean(true),
            "false" => Datum::Boolean(false),
            number => match number.parse::<i64>() {
                Ok(1) if column.data_type == Type::Boolean => Datum::Boolean(true),
                Ok(0) if column.data_type == Type::Boolean => Datum::Boolean(false),
                Ok(number) => Datum::Integer(number),
                Err(_) => return None,
            },
        };
        (value, rest)
    };
    // Behind it at most a cast.
    let is_name = |letter: char| letter.is_alphanumeric() || "_.\" (),[]".contains(letter);
    let is_cast = rest.strip_prefix("::").is_some_and(|name| name.chars().all(is_name));
    (rest.is_empty() || is_cast).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::known_default;
    use crate::catalog::{Column, Default};
    use crate::ident::Identifier;
    use crate::value::{Datum, Type};

    #[test]
    fn defaults_that_are_values() {
        let of = |default: &str, data_type: Type| {
            known_default(&Column {
                name: Identifier::new("c"),
                data_type,
                database_type: "character varying(10)".into(),
                nullable: true,
                default: Some(Default::Expression(default.into())),
                one_form: false,
                generated: None,
                comment: None,
            })
        };
        let text = |text: &str| Some(Datum::Text(text.into()));
        assert_eq!(of("0", Type::Integer(64)), Some(Datum::Integer(0)));
        assert_eq!(of("(-1)", Type::Integer(64)), Some(Datum::Integer(-1)));
        assert_eq!(of("0", Type::Boolean), Some(Datum::Boolean(false)));
        assert_eq!(of("TRUE", Type::Boolean), Some(Datum::Boolean(true)));
        assert_eq!(of("'it''s'", Type::TEXT), text("it's"));
        assert_eq!(of("''::text", Type::TEXT), text(""));
        assert_eq!(of("'a'::character varying", Type::TEXT), text("a"));
        for other in [
            "CURRENT_TIMESTAMP",
            "now()",
            "'a' || 'b'",
            "lower('a'::text)",
            "1 + 1",
            "'a'::text || 'b'",
        ] {
            assert_eq!(of(other, Type::TEXT), None, "{other}");
        }
    }
}
