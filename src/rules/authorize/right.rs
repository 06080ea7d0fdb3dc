//! Whether a caller has a right to write, and whether the table takes such a write at all.

use super::Resolver;
use super::decide::Restricted;
use crate::catalog::Face;
use crate::error::{Code, Error, Kind, Result};
use crate::principal::Credential;
use crate::rules::{Right, Touch};

impl<'a> Resolver<'a> {
    /// One right on a face, if the caller has it.
    pub(super) fn right<T>(
        &mut self,
        face: &Face,
        right: Right,
        of: impl FnOnce(&'a crate::rules::FaceAccess) -> Option<&'a T>,
    ) -> Result<&'a T>
    where
        T: Restricted,
    {
        let scope = self.principal.scope.as_deref();
        let scoped = scope.and_then(|scope| match right {
            Right::Read => scope.read.as_ref(),
            Right::Create => scope.create.as_ref(),
            Right::Update => scope.update.as_ref(),
            Right::Delete => scope.delete.as_ref(),
        });
        let access = self
            .view
            .face(face.id)
            .and_then(of)
            .filter(|_| scoped.is_none_or(|faces| faces.contains(&face.name)))
            .filter(|access| !access.backend_only() || self.principal.backend_only);
        let Some(access) = access.filter(|_| self.takes(face, right)) else {
            return Err(self.refused(face, right));
        };
        self.touched.push(Touch { face: face.id, right });
        Ok(access)
    }

    /// Whether the database takes such a write through a table at all.
    fn takes(&self, face: &Face, right: Right) -> bool {
        let takes = self.catalog.table(face.table).writable;
        match right {
            Right::Read => true,
            Right::Create => takes.insert,
            Right::Update => takes.update,
            Right::Delete => takes.delete,
        }
    }

    /// The database does not; what it takes is said.
    fn not_taken(&self, face: &Face, right: Right) -> Error {
        let takes = self.catalog.table(face.table).writable;
        let name = face.name.as_str();
        let message = if takes.any() {
            let refused = match right {
                Right::Read => "nothing",
                Right::Create => "no new rows",
                Right::Update => "no changes",
                Right::Delete => "no deletes",
            };
            format!("the database takes {refused} through {name:?}, only {}", takes.words())
        } else {
            format!("{name:?} cannot be written: the database takes no writes through it")
        };
        Error {
            takes: Some(takes),
            ..Error::new(Kind::NotAllowed, Code::NOT_SUPPORTED, message)
        }
    }

    pub(super) fn refused(&self, face: &Face, right: Right) -> Error {
        let (doing, verb) = match right {
            Right::Read => ("reading", "read"),
            Right::Create => ("creating rows of", "create rows of"),
            Right::Update => ("changing", "change"),
            Right::Delete => ("deleting rows of", "delete rows of"),
        };
        let name = face.name.as_str();
        if !self.takes(face, right) {
            return self.not_taken(face, right);
        }
        if self.principal.credential == Credential::None {
            let message = format!("{doing} {name:?} needs credentials");
            return Error::new(Kind::Unauthenticated, Code::UNAUTHENTICATED, message);
        }
        let role = self.principal.role.as_str();
        Error::forbidden(format!("role {role:?} may not {verb} {name:?}"))
    }
}
