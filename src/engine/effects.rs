//! What the configuration says without any effect: allowed, and probably not what was meant.

use crate::catalog::{Catalog, ColumnId, TableId};
use crate::config::Config;
use crate::principal::Principal;
use crate::rules::{Finding, View, Views};

/// A warning for each entry that no caller but the admin ever meets.
pub(super) fn without_effect(catalog: &Catalog, views: &Views, config: &Config) -> Vec<Finding> {
    let nobody = |may: &dyn Fn(&View) -> bool| {
        let mut others = views.values().filter(|view| view.role.as_str() != Principal::ADMIN);
        !others.any(|view| may(view))
    };
    let mut findings = Vec::new();
    // The catalog has the listed functions in the configuration's order.
    for (entry, function) in config.functions.keys().zip(&catalog.functions) {
        let place = format!("functions.{entry}");
        if nobody(&|view| view.functions.contains(&function.id)) {
            let message = "only the admin can call it: name a role in `roles`, or let one read the table of its rows";
            findings.push(Finding::warning(place, message));
        }
    }
    for face in &catalog.faces {
        let place = format!("tables.{}", face.entry);
        let Some(table) = config.tables.get(&face.entry) else {
            continue;
        };
        // A table that nobody reads is the admin's alone, with all that belongs to it: that is meant.
        if nobody(&|view| view.read(face.id).is_some()) {
            continue;
        }
        for computed in &face.computed {
            let name = computed.name.as_str();
            if nobody(&|view| {
                view.read(face.id)
                    .is_some_and(|read| read.computed.contains(&computed.name))
            }) {
                let message = format!("only the admin can read it: name {name:?} in a role's `columns`");
                findings.push(Finding::warning(format!("{place}.computed.{name}"), message));
            }
        }
        for name in table.relations.keys() {
            let Some((_, relation)) = face.relation_named(name) else {
                continue;
            };
            if nobody(&|view| view.can_follow(face.id, relation)) {
                let target = catalog.face(relation.target).name.as_str();
                let message =
                    format!("only the admin can follow it: no role may read {target:?} and the columns that join them");
                findings.push(Finding::warning(format!("{place}.relations.{name}"), message));
            }
        }
        if let ([key], true) = (face.key.as_slice(), face.enum_table)
            && !is_referred_to(catalog, face.table, *key)
        {
            let message = "has no effect: no foreign key of another table refers to its key, so no column has the enum";
            findings.push(Finding::warning(format!("{place}.enum"), message));
        }
    }
    findings
}

fn is_referred_to(catalog: &Catalog, table: TableId, key: ColumnId) -> bool {
    let mut foreign = catalog.database.tables.iter().flat_map(|table| &table.foreign_keys);
    foreign.any(|foreign| foreign.table == table && foreign.references == [key])
}
