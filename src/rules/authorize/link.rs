//! Rows that take values from rows of earlier writes, over relations between them.

use super::Resolver;
use super::write::{Assigned, Done, value_of};
use crate::catalog::{ColumnId, Face, Join};
use crate::error::{Code, Error, Result};
use crate::request::{Link, Side};
use crate::rules::{Parameter, Within};

impl<'a> Resolver<'a> {
    /// A column gets its value from a row of an earlier write.
    pub(super) fn linked(
        &self,
        face: &Face,
        writable: &[bool],
        column: ColumnId,
        source: Parameter,
        sent: &mut Vec<Assigned>,
    ) -> Result<()> {
        let name = face.column(column).name.as_str();
        if !writable.get(column.0 as usize).copied().unwrap_or(false) {
            let role = self.principal.role.as_str();
            let message = format!("role {role:?} may not write {name:?} of {:?}", face.name.as_str());
            return Err(Error::forbidden(message).at(name));
        }
        if sent.iter().any(|(present, _)| *present == column) {
            let message = format!("{name:?} cannot be sent here: the row that it refers to decides it");
            return Err(Error::invalid(Code::INVALID_VALUE, message).at(name));
        }
        sent.push((column, value_of(self.catalog.table(face.table), column, source)));
        Ok(())
    }

    pub(super) fn link_once(
        &mut self,
        face: &'a Face,
        writable: &[bool],
        links: &[Link],
        sent: &mut Vec<Assigned>,
        done: &mut [Done<'a>],
    ) -> Result<()> {
        for link in links {
            let write = u16::try_from(link.write).unwrap_or(u16::MAX);
            for (column, kept) in self.joined(face, link, done)? {
                self.linked(face, writable, column, Parameter::Written { write, kept }, sent)?;
            }
        }
        Ok(())
    }

    pub(super) fn within(
        &mut self,
        face: &'a Face,
        link: Option<&Link>,
        done: &mut [Done<'a>],
    ) -> Result<Option<Within>> {
        let Some(link) = link else { return Ok(None) };
        let (columns, kept) = self.joined(face, link, done)?.into_iter().unzip();
        Ok(Some(Within {
            write: u16::try_from(link.write).unwrap_or(u16::MAX),
            columns,
            kept,
        }))
    }

    /// Columns of this face that a link joins with what the earlier write keeps.
    pub(super) fn joined(
        &mut self,
        face: &'a Face,
        link: &Link,
        done: &mut [Done<'a>],
    ) -> Result<Vec<(ColumnId, u16)>> {
        let lost = || Error::internal("a link to a write that is not an earlier one, or over no relation between them");
        let earlier = done.get(link.write).and_then(|done| done.face).ok_or_else(lost)?;
        let (owner, other) = match link.side {
            Side::Own => (face, earlier),
            Side::Theirs | Side::Near => (earlier, face),
            Side::Far { parent } => (done.get(parent).and_then(|done| done.face).ok_or_else(lost)?, earlier),
        };
        let owner = self.reading(owner)?;
        let relation = self.relation(&owner, &link.relation)?;
        let pairs: Vec<(ColumnId, ColumnId)> = match (&relation.join, link.side) {
            (Join::Direct { columns, references }, Side::Own) if relation.target == other.id => {
                columns.iter().copied().zip(references.iter().copied()).collect()
            }
            (Join::Direct { columns, references }, Side::Theirs) if relation.target == other.id => {
                references.iter().copied().zip(columns.iter().copied()).collect()
            }
            (
                Join::Through {
                    face: through,
                    columns,
                    near,
                    ..
                },
                Side::Near,
            ) if *through == face.id => near.iter().copied().zip(columns.iter().copied()).collect(),
            (
                Join::Through {
                    face: through,
                    far,
                    references,
                    ..
                },
                Side::Far { .. },
            ) if *through == face.id && relation.target == earlier.id => {
                far.iter().copied().zip(references.iter().copied()).collect()
            }
            _ => return Err(lost()),
        };
        let keeps = &mut done.get_mut(link.write).ok_or_else(lost)?.write.kept;
        Ok(pairs
            .into_iter()
            .map(|(own, theirs)| {
                let kept = keeps.iter().position(|kept| *kept == theirs).unwrap_or_else(|| {
                    keeps.push(theirs);
                    keeps.len() - 1
                });
                (own, u16::try_from(kept).unwrap_or(u16::MAX))
            })
            .collect())
    }
}
