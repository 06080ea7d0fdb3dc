//! Under which rights a write told what it gave: it is told again only to who has the same.

use crate::catalog::Catalog;
use crate::engine::binding::Pieces;
use crate::engine::write::ready::Ready;
use crate::principal::Principal;
use crate::rules::{self, Cell, Change, Right, View};
use std::collections::BTreeSet;

/// A hash of the rules by which the caller would read what a program tells, of the columns that they keep from the role, and
/// of the caller's variables that decide about the write or what is read of it. All of it by name, so that changes of the
/// schema that do not concern it do not matter.
pub(super) fn rights(catalog: &Catalog, view: &View, principal: &Principal, ready: &Ready) -> [u8; 32] {
    let mut hash = Pieces::new();
    let mut variables = BTreeSet::new();
    for touch in &ready.touched {
        let Some(access) = view.face(touch.face) else { continue };
        let face = catalog.face(touch.face);
        match (
            touch.right,
            &access.read,
            &access.create,
            &access.update,
            &access.delete,
        ) {
            (Right::Read, Some(read), ..) => {
                hash.text(&face.entry);
                hash.text(&rules::describe(catalog, face.table, &read.rule));
                read.rule.variables(&mut variables);
                for (column, cell) in face.columns.iter().zip(&read.cells) {
                    let condition = match cell {
                        Cell::Visible => continue,
                        Cell::Hidden => "hidden".to_owned(),
                        Cell::Where(condition) => {
                            condition.variables(&mut variables);
                            rules::describe(catalog, face.table, condition)
                        }
                    };
                    hash.text(column.name.as_str());
                    hash.text(&condition);
                }
            }
            (Right::Create, _, Some(create), ..) => {
                create.check.variables(&mut variables);
                create.set.iter().for_each(|(_, value)| value.variables(&mut variables));
            }
            (Right::Update, _, _, Some(update), _) => {
                update.rule.variables(&mut variables);
                update.check.variables(&mut variables);
                update.set.iter().for_each(|(_, value)| value.variables(&mut variables));
            }
            (Right::Delete, .., Some(rule)) => rule.variables(&mut variables),
            _ => {}
        }
    }
    if ready
        .program
        .writes
        .iter()
        .any(|plan| plan.write.change == Change::Call)
    {
        // A function may ask for anything of its caller.
        variables.insert("*");
    }
    hash.variables(principal, variables);
    hash.finish()
}
