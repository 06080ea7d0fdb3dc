//! What happens where a new row meets one that stands.

use super::decide::{Presets, solve_update};
use super::write::Assigned;
use super::{Entered, Resolver, guard};
use crate::catalog::{ColumnId, Face};
use crate::error::{Code, Error, Kind, Result};
use crate::ident::Name;
use crate::request::{self, ConflictAction, ConflictTarget};
use crate::rules::{Conflict, Predicate, Right};

/// What an insert does with rows that stand.
pub(super) struct Upsert {
    pub(super) conflict: Conflict,
    pub(super) update: Option<UpsertUpdate>,
}

pub(super) struct UpsertUpdate {
    pub(super) allowed: Predicate,
    pub(super) readable: Predicate,
    pub(super) wanted: Predicate,
    pub(super) writable: Box<[bool]>,
    pub(super) columns: Option<Vec<ColumnId>>,
    pub(super) check: Predicate,
    pub(super) presets: Presets,
}

impl<'a> Resolver<'a> {
    pub(super) fn conflict(&mut self, entered: &Entered<'a>, conflict: &request::Conflict) -> Result<Upsert> {
        let face = entered.face;
        let key = self.conflict_key(face, &conflict.target)?;
        let (columns, filter, proposed) = match &conflict.action {
            ConflictAction::Ignore => {
                return Ok(Upsert {
                    conflict: Conflict::Ignore { key },
                    update: None,
                });
            }
            ConflictAction::Update {
                columns,
                filter,
                proposed,
            } => (columns, filter, *proposed),
        };
        if key.is_empty() {
            let message = format!(
                "which key of {:?} is meant must be said to change the row",
                face.name.as_str()
            );
            return Err(Error::invalid(Code::NOT_SUPPORTED, message));
        }
        let access = self.right(face, Right::Update, |access| access.update.as_ref())?;
        let (rule, check, presets) = solve_update(access, self.principal, &mut self.decisions);
        let allowed = Predicate::all([rule, entered.rule.clone()]);
        let readable = match self.view.read(face.id) {
            Some(_) => entered.rule.clone(),
            None => Predicate::FALSE,
        };
        let wanted = match filter {
            None => Predicate::TRUE,
            Some(filter) => {
                let filter = self.filter(entered, filter)?;
                guard::guarded(filter, &allowed, self.catalog)
            }
        };
        let columns = match columns {
            None => None,
            Some(names) => Some(
                names
                    .iter()
                    .map(|name| self.writable(face, &access.columns, name, Right::Update))
                    .collect::<Result<Vec<_>>>()?,
            ),
        };
        Ok(Upsert {
            conflict: Conflict::Update { key, proposed },
            update: Some(UpsertUpdate {
                allowed,
                readable,
                wanted,
                writable: access.columns.clone(),
                columns,
                check,
                presets,
            }),
        })
    }

    pub(super) fn conflict_key(&self, face: &Face, target: &ConflictTarget) -> Result<Vec<ColumnId>> {
        let table = self.catalog.table(face.table);
        let name = face.name.as_str();
        match target {
            ConflictTarget::Any => Ok(Vec::new()),
            ConflictTarget::Key if face.key.is_empty() => {
                let message = format!("{name:?} has no key; `key` of its configuration may name one");
                Err(Error::invalid(Code::NOT_SUPPORTED, message))
            }
            ConflictTarget::Key => Ok(face.key.clone()),
            ConflictTarget::Columns(names) => {
                let entered_columns = names
                    .iter()
                    .map(|column| {
                        let found = face.column_named(column.as_str());
                        found.filter(|column| self.view.knows(face.id, *column)).ok_or_else(|| {
                            let known = table.column_ids().filter(|column| self.view.knows(face.id, *column));
                            let names = known.map(|column| face.column(column).name.as_str());
                            Error::unknown(
                                Kind::Invalid,
                                Code::UNKNOWN_COLUMN,
                                "column",
                                column.as_str(),
                                Some(name),
                                names,
                            )
                        })
                    })
                    .collect::<Result<Vec<_>>>()?;
                let same = |key: &[ColumnId]| {
                    key.len() == entered_columns.len() && key.iter().all(|column| entered_columns.contains(column))
                };
                if same(&table.primary_key) || table.uniques.iter().any(|unique| same(&unique.columns)) {
                    Ok(entered_columns)
                } else {
                    let names: Vec<&str> = names.iter().map(Name::as_str).collect();
                    let message = format!("{} of {name:?} is no unique key", names.join(", "));
                    Err(Error::invalid(Code::NOT_SUPPORTED, message))
                }
            }
        }
    }

    /// What an upsert changes of a row that stands: the columns that were asked for, else all that were sent but the key.
    pub(super) fn chosen(
        &self,
        face: &Face,
        update: &UpsertUpdate,
        key: &[ColumnId],
        sent: &[Assigned],
        later: &[Assigned],
    ) -> Result<Vec<Assigned>> {
        let is_sent = |column: &ColumnId| sent.iter().chain(later).find(|(own, _)| own == column).cloned();
        if let Some(columns) = &update.columns {
            // What a row does not say stays as it is.
            return Ok(columns.iter().filter_map(is_sent).collect());
        }
        for (column, _) in sent.iter().filter(|(column, _)| !key.contains(column)) {
            let name = &face.column(*column).name;
            self.writable(face, &update.writable, name, Right::Update)?;
        }
        Ok(sent
            .iter()
            .filter(|(column, _)| !key.contains(column))
            .cloned()
            .collect())
    }
}
