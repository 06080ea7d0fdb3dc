//! Names → ids and rules, in one pass: no table reference is made without its rule.

use super::{Select, View};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::principal::Principal;
use crate::request::Read;

/// A select that has passed the rules. Only [`authorize`] makes one.
#[derive(Clone, Debug)]
pub struct Authorized<T>(T);

impl<T> Authorized<T> {
    /// What was authorized.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// Resolves a read against what the role may see, and joins the rules.
///
/// # Errors
/// Unknown names (also those that the role may not see), and refusals.
pub fn authorize(catalog: &Catalog, view: &View, principal: &Principal, read: &Read) -> Result<Authorized<Select>> {
    let _ = (catalog, view, principal, read);
    Err(crate::error::Error::internal("not wired"))
}
