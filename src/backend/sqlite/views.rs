//! What can be written through a view: that for which it has `INSTEAD OF` triggers.
//!
//! SQLite has no pragma that says so. But it prepares no statement that a view does not take, so each verb is tried by
//! preparing it, which runs nothing. (A trigger whose body speaks of what is not there makes its verb fail likewise, as it
//! would each time that it ran.)

use crate::catalog::{Table, TableKind};
use crate::error::Verbs;
use rusqlite::Connection;

/// Looks what each view takes.
pub(super) fn verbs<'t>(connection: &Connection, tables: impl Iterator<Item = &'t mut Table>) {
    for table in tables.filter(|table| table.kind == TableKind::View) {
        table.writable = Verbs::NONE;
        if !table.triggers {
            continue;
        }
        let name = table.quoted();
        let takes = |sql: &str| connection.prepare(sql).is_ok();
        let changes = |column: &crate::catalog::Column| {
            let mut sql = format!("UPDATE {name} SET ");
            column.name.quote_into(&mut sql);
            sql.push_str(" = NULL");
            takes(&sql)
        };
        // `INSTEAD OF UPDATE OF some, columns` leaves the others as they are.
        let changed: Vec<bool> = table.columns.iter().map(changes).collect();
        table.writable = Verbs {
            insert: takes(&format!("INSERT INTO {name} DEFAULT VALUES")),
            update: changed.contains(&true),
            delete: takes(&format!("DELETE FROM {name}")),
        };
        if table.writable.update {
            let fixed = table.column_ids().zip(changed).filter(|(_, changed)| !changed);
            table.fixed = fixed.map(|(column, _)| column).collect();
        }
    }
}
