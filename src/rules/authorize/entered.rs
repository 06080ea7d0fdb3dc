//! A table reference with its rules solved.

use crate::catalog::Face;
use crate::rules::{Predicate, ReadAccess};
use std::borrow::Cow;

/// Where each column's cells can be read; `None`: nowhere.
pub(super) type Cells = Vec<Option<Predicate>>;

/// One table reference: its face, with the caller's rules solved.
#[derive(Clone)]
pub(super) struct Entered<'a> {
    pub(super) face: &'a Face,
    pub(super) read: Cow<'a, ReadAccess>,
    pub(super) rule: Predicate,
    pub(super) cells: Cells,
    /// What aggregates and group keys see, where it is less.
    pub(super) counted: Option<Cells>,
}

impl<'a> Entered<'a> {
    /// The same table reference with the cells that aggregates and group keys see.
    pub(super) fn counting(&self) -> Cow<'_, Entered<'a>> {
        match &self.counted {
            None => Cow::Borrowed(self),
            Some(counted) => Cow::Owned(Entered {
                face: self.face,
                read: self.read.clone(),
                rule: self.rule.clone(),
                cells: counted.clone(),
                counted: None,
            }),
        }
    }
}
