//! Enum tables that a role may not read whole: what that means for the columns that refer to them.

use super::super::view::View;
use super::{Builder, Rights};
use crate::catalog::{ColumnId, Face};
use crate::ident::Name;
use crate::principal::Principal;
use std::collections::HashMap;

impl Builder<'_> {
    /// Names every enum table with a role that sees a column that refers to it and may not know its values.
    pub(super) fn warn_of_untold_enums(&mut self, roles: &[Name], rights: &HashMap<Name, Rights>) {
        let enums: Vec<&Face> = self.catalog.faces.iter().filter(|face| face.enum_table).collect();
        if enums.is_empty() {
            return;
        }
        let mut warnings = Vec::new();
        for role in roles.iter().filter(|role| role.as_str() != Principal::ADMIN) {
            let view = View {
                role: role.clone(),
                faces: rights.get(role).cloned().unwrap_or_default(),
                functions: Vec::new(),
            };
            for table in enums.iter().filter(|table| !view.tells_values(table)) {
                if let Some((face, column)) = self.seen_reference(&view, table) {
                    warnings.push((
                        format!("tables.{}.enum", table.entry),
                        format!(
                            "role {:?} sees {:?} of {:?}, which refers to this enum table, and does not read the table whole: the column is a plain text for it; let it read all rows of the table (read = true) if it may know the values",
                            role.as_str(),
                            face.column(column).name.as_str(),
                            face.name.as_str()
                        ),
                    ));
                }
            }
        }
        for (place, message) in warnings {
            self.warn(&place, None, message);
        }
    }

    /// A column that a role sees and that refers to an enum table.
    fn seen_reference(&self, view: &View, table: &Face) -> Option<(&Face, ColumnId)> {
        self.catalog.faces.iter().find_map(|face| {
            let keys = &self.catalog.table(face.table).foreign_keys;
            keys.iter().find_map(|key| match key.columns.as_slice() {
                [column]
                    if key.table == table.table && key.references == table.key && view.can_read(face.id, *column) =>
                {
                    Some((face, *column))
                }
                _ => None,
            })
        })
    }
}
