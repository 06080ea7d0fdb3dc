//! What a batch has sent, for when the database refuses something of it without saying what.

use super::super::blame::Suspect;
use super::row::{place_of, rows_of};
use super::script::Script;
use super::values::{Filler, Of};
use crate::rules::{Change, Parameter};
use crate::sql::{Form, Mark, Statement};
use crate::value::{Datum, Value};

impl Script {
    /// What was sent for columns by one of the writes, or by the only one.
    pub(super) fn suspected(&self, write: Option<usize>) -> Vec<Suspect> {
        let binder = self.binder();
        let index = write.unwrap_or(0);
        let (Some(plan), Some(statements)) = (self.ready.program.writes.get(index), self.ready.statements.get(index))
        else {
            return Vec::new();
        };
        let face = self.snapshot.catalog.faces.get(plan.write.face.0 as usize);
        let filler = Filler {
            binder: &binder,
            face,
            kept: &[],
        };
        let label = |mark: &Mark| match (mark.form, &mark.source) {
            (Form::Stored { column, .. }, _) => face.map(|face| face.column(column).name.as_str().to_owned()),
            (_, Parameter::Slot(slot)) => {
                let mut labels = self.ready.labels.iter();
                labels.find(|(own, _)| own == slot).map(|(_, label)| label.clone())
            }
            _ => None,
        };
        let groups = match &plan.write.change {
            Change::Insert { groups, .. } => groups.as_slice(),
            _ => &[],
        };
        let mut suspects = Vec::new();
        for group in statements.groups.iter().zip(groups) {
            let rows = rows_of(self.batch.values.get(group.1.rows)).unwrap_or_default();
            for mark in group.0.insert.marks() {
                let (Parameter::Row(..), Some(label)) = (&mark.source, label(mark)) else {
                    continue;
                };
                let one = Mark {
                    list: false,
                    ..mark.clone()
                };
                let value = |row: &&[Value]| filler.mark(&one, Of::Row(row)).unwrap_or(Datum::Null);
                suspects.push(Suspect {
                    label,
                    values: rows.iter().map(value).collect(),
                    rows: rows
                        .iter()
                        .enumerate()
                        .map(|(index, row)| place_of(row, index))
                        .collect(),
                    mark: one,
                });
            }
        }
        for mark in statements.main.iter().flat_map(Statement::marks) {
            let (Parameter::Slot(_), Some(label)) = (&mark.source, label(mark)) else {
                continue;
            };
            let values = match filler.mark(mark, Of::Nothing) {
                Ok(Datum::List(values)) if mark.list => values,
                Ok(value) => vec![value],
                Err(_) => continue,
            };
            suspects.push(Suspect {
                label,
                mark: mark.clone(),
                values,
                rows: Vec::new(),
            });
        }
        suspects
    }
}
