//! Whether a column keeps its moments, or its days, in one form.
//!
//! SQLite keeps both as text, in whatever form they were written. An index orders them as text, which is the order in
//! time only where all have one form. For a column that leads an index a few of its first and last values tell; where they
//! differ, or no index would be lost, orders go through `diglot_moment_order` or `diglot_day_order`, which is right for all forms.

use crate::catalog::{Table, TableKind};
use crate::ident::Identifier;
use crate::value::{Type, moment};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// How many values are looked at, at each end.
const SAMPLE: u32 = 100;

/// Looks at each table's columns of moments and days that lead an index.
pub(super) fn one_form<'t>(connection: &Connection, tables: impl Iterator<Item = &'t mut Table>) {
    for table in tables.filter(|table| table.kind == TableKind::Table) {
        let leading: Vec<usize> = (table.indexes.iter())
            .filter_map(|index| index.first())
            .map(|column| usize::from(column.0))
            .collect();
        let name = table.name.clone();
        for (index, column) in table.columns.iter_mut().enumerate() {
            let only = match column.data_type {
                Type::Timestamp | Type::TimestampTz => None,
                // Moments would part rows that are of one day.
                Type::Date => form("2026-01-31"),
                _ => continue,
            };
            // A column that cannot be read now is taken for one of several forms, which is always right.
            column.one_form =
                leading.contains(&index) && has_one_form(connection, &name, &column.name, only).unwrap_or(false);
        }
    }
}

/// `seen`: the form that it has to be, if not any.
fn has_one_form(
    connection: &Connection,
    table: &Identifier,
    column: &Identifier,
    mut seen: Option<String>,
) -> rusqlite::Result<bool> {
    let (mut table_name, mut column_name) = (String::new(), String::new());
    table.quote_into(&mut table_name);
    column.quote_into(&mut column_name);
    for direction in ["", " DESC"] {
        let sql = format!(
            "SELECT {column_name} FROM {table_name} WHERE {column_name} IS NOT NULL ORDER BY {column_name}{direction} LIMIT {SAMPLE}"
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            // Numbers and bytes are no moments, and stand at the ends of every order.
            let ValueRef::Text(text) = row.get_ref(0)? else {
                continue;
            };
            let Some(form) = std::str::from_utf8(text).ok().and_then(form) else {
                continue;
            };
            match &seen {
                None => seen = Some(form),
                Some(known) if *known == form => {}
                Some(_) => return Ok(false),
            }
        }
    }
    Ok(true)
}

/// What has to be the same in two texts for their order to be that of their moments: each digit's place is a `0` here,
/// digits of a second are left away where any number of them is in order.
fn form(text: &str) -> Option<String> {
    moment::moment(text)?;
    let (clock, offset) = match text
        .char_indices()
        .skip(11)
        .find(|(_, character)| !"0123456789:.".contains(*character))
    {
        Some((at, _)) => text.split_at(at),
        None => (text, ""),
    };
    // Behind them a letter is greater than a digit, anything else is less.
    let clock = if offset.starts_with(|character: char| character.is_ascii_alphabetic()) {
        clock
    } else {
        clock.split_once('.').map_or(clock, |(whole, _)| whole)
    };
    let places = clock
        .chars()
        .map(|character| if character.is_ascii_digit() { '0' } else { character });
    Some(places.chain(offset.chars()).collect())
}

#[cfg(test)]
mod tests {
    use super::form;

    #[test]
    fn forms_in_which_text_has_the_order_of_time() {
        let same = [
            ("2026-01-31 12:00:00", "2025-12-01 23:59:59.5", true),
            ("2026-01-31T12:00:00.000Z", "2025-12-01T23:59:59.123Z", true),
            ("2026-01-31T12:00:00+00:00", "2025-12-01T23:59:59.5+00:00", true),
            ("2026-01-31", "2025-12-01", true),
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5Z", false),
            ("2026-01-31T12:00:00", "2026-01-31 12:00:00", false),
            ("2026-01-31 12:00:00", "2026-01-31 12:00:00Z", false),
            ("2026-01-31 12:00:00+01:00", "2026-01-31 12:00:00+02:00", false),
            ("2026-01-31", "2026-01-31 12:00:00", false),
            ("2026-01-31 12:00", "2026-01-31 12:00:00", false),
        ];
        for (one, other, wanted) in same {
            assert_eq!(form(one) == form(other), wanted, "{one} and {other}");
        }
        assert_eq!(form("noon"), None);
    }
}
