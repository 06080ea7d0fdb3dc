//! What a cursor is bound to: the question and the caller whose rows it may divide.
//!
//! Everything is hashed by name, so that a cursor outlives changes of the schema that do not concern it, and is good on
//! every instance. It says where a row stands in an order, so whoever may not see the row must not use it: bound in are
//! the variables that decided which rows and cells its maker saw, with their values.

use crate::catalog::{Catalog, FaceId, TableId};
use crate::plan::Plan;
use crate::principal::{Principal, Variable};
use crate::request::Nulls;
use crate::rules::{self, Cell, From, Predicate, Term, View};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Claims that every new token of the same caller has anew.
const FLEETING: [&str; 5] = ["exp", "iat", "nbf", "jti", "auth_time"];

/// What cursors of a plan are bound to, but for the values of the caller's variables.
#[derive(Default)]
pub(super) struct Binding {
    question: [u8; 32],
    /// Names of variables; `*` is all.
    variables: Vec<String>,
}

impl Binding {
    /// The same rows in the same order, asked for by the same role. `root` is the face of the rows.
    pub(super) fn of(catalog: &Catalog, view: &View, plan: &Plan, role: &str, root: Option<FaceId>) -> Self {
        let query = &plan.query;
        let Some(table) = query.from.table().filter(|_| query.cursor) else {
            return Self::default();
        };
        let mut hash = Pieces::new();
        let mut variables = BTreeSet::new();
        hash.text(role);
        hash.text(root.map_or("", |face| catalog.face(face).entry.as_str()));
        hash.table(catalog, table);
        if let From::Function {
            function, arguments, ..
        } = &query.from
        {
            let function = &catalog.database.functions[*function];
            hash.text(function.schema.as_str());
            hash.text(function.name.as_str());
            for (name, term) in arguments {
                hash.text(name);
                if let Some(term) = term {
                    hash.term(catalog, table, term);
                    term.variables(&mut variables);
                }
            }
        }
        for order in &query.order {
            hash.term(catalog, table, &order.term);
            // The order as it was asked for: a page from its end, fetched in reverse, takes the cursors of one from its begin.
            let first = (order.nulls == Nulls::First) != query.reversed;
            hash.text(&format!("{first} {}", order.descending != query.reversed));
            order.term.variables(&mut variables);
        }
        if let Some(read) = root.and_then(|face| view.read(face)) {
            read.rule.variables(&mut variables);
            for cell in &read.cells {
                if let Cell::Where(condition) = cell {
                    condition.variables(&mut variables);
                }
            }
        }
        Self {
            question: hash.finish(),
            variables: variables.into_iter().map(str::to_owned).collect(),
        }
    }

    /// The same, asked for by a caller.
    pub(super) fn by(&self, principal: &Principal) -> [u8; 32] {
        let mut hash = Pieces::new();
        hash.piece(&self.question);
        hash.variables(principal, self.variables.iter().map(String::as_str));
        hash.finish()
    }
}

/// A hash of pieces, each with its length, so that no two lists of pieces are one text.
pub(super) struct Pieces(Sha256);

impl Pieces {
    pub(super) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    pub(super) fn piece(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.piece(text.as_bytes());
    }

    /// Variables of the caller with their values; `*` is all of them but those that every new token has anew.
    pub(super) fn variables<'n>(&mut self, principal: &Principal, names: impl IntoIterator<Item = &'n str>) {
        for name in names {
            if name == "*" {
                let lasting = |(name, _): &(&String, &Variable)| !FLEETING.contains(&name.as_str());
                for (name, value) in principal.variables.iter().filter(lasting) {
                    self.text(name);
                    self.variable(value);
                }
                continue;
            }
            self.text(name);
            match rules::variable(principal, name) {
                Some(value) => self.variable(&value),
                None => self.text("missing"),
            }
        }
    }

    fn table(&mut self, catalog: &Catalog, table: TableId) {
        let table = catalog.table(table);
        self.text(table.schema.as_ref().map_or("", |schema| schema.as_str()));
        self.text(table.name.as_str());
    }

    /// A term in words, and its type: a cursor holds a value of it.
    fn term(&mut self, catalog: &Catalog, table: TableId, term: &Term) {
        let truth = Predicate::Truth(Box::new(term.clone()));
        self.text(&rules::describe(catalog, table, &truth));
        self.text(term.data_type(catalog).word());
    }

    fn variable(&mut self, value: &Variable) {
        match value {
            Variable::Text(text) => {
                self.text("text");
                self.text(text);
            }
            Variable::List(items) => {
                self.text("list");
                self.piece(&(items.len() as u64).to_le_bytes());
                items.iter().for_each(|item| self.text(item));
            }
        }
    }
}
