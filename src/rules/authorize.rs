//! Names → ids and rules, in one pass: no table reference is made without its rule, no column without its cell's.

mod aggregate;
mod decide;
mod default_order;
mod distinct;
mod entered;
mod expression;
mod filter;
mod guard;
mod link;
mod output;
mod right;
mod sent;
#[cfg(test)]
mod tests;
mod upsert;
mod write;

pub use decide::decisions;
pub use write::authorize_writes;

use super::predicate::own_rows;
use super::{Call, Cell, Decisions, From, OrderTerm, Page, Predicate, Right, Select, Term, Through, Touch, View};
use crate::catalog::{Catalog, ColumnId, ExposedFunction, Face, FunctionResult, Join, Relation, TableId};
use crate::error::{Code, Error, Kind, Result};
use crate::ident::Name;
use crate::principal::{Credential, Principal};
use crate::request::{self, Formats, Read, Slot, Source};
use crate::value::Type;
use decide::solve_read;
use entered::Entered;
use std::borrow::Cow;

/// A select that has passed the rules. Only [`authorize`] makes one.
#[derive(Clone, Debug)]
pub struct Authorized<T> {
    select: T,
    /// How values are written.
    pub formats: Formats,
    /// Rights whose rules were solved, in order; solving them again for another caller gives that caller's decisions.
    pub touched: Vec<Touch>,
    /// What solving decided for this caller.
    pub decisions: Decisions,
    /// What messages call the place of a slot's value: the column that it is compared with.
    pub labels: Vec<(Slot, String)>,
}

impl<T> Authorized<T> {
    /// What was authorized.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.select
    }
}

/// Resolves a read against what the role may see, and joins the rules.
///
/// # Errors
/// Unknown names (also those that the role may not see), and refusals.
pub fn authorize(catalog: &Catalog, view: &View, principal: &Principal, read: &Read) -> Result<Authorized<Select>> {
    let mut resolver = Resolver {
        catalog,
        view,
        principal,
        touched: Vec::new(),
        decisions: Decisions::default(),
        labels: Vec::new(),
    };
    let select = resolver.root(read)?;
    Ok(Authorized {
        select,
        formats: read.formats,
        touched: resolver.touched,
        decisions: resolver.decisions,
        labels: resolver.labels,
    })
}

struct Resolver<'a> {
    catalog: &'a Catalog,
    view: &'a View,
    principal: &'a Principal,
    touched: Vec<Touch>,
    decisions: Decisions,
    labels: Vec<(Slot, String)>,
}

impl<'a> Resolver<'a> {
    fn root(&mut self, read: &Read) -> Result<Select> {
        match &read.source {
            Source::Table(name) => {
                let face = self.face(name)?;
                let entered = self.enter(face)?;
                let from = From::Table(face.table);
                self.select(&entered, from, entered.rule.clone(), None, &read.select)
            }
            Source::Function { name, arguments } => self.function(name, arguments, &read.select, false),
        }
    }

    /// The face of a name. A face on which the role has no right at all is as unknown as a name that does not exist.
    fn face(&self, name: &Name) -> Result<&'a Face> {
        let known = self
            .catalog
            .face_named(name.as_str())
            .filter(|face| self.view.face(face.id).is_some());
        known.ok_or_else(|| {
            let visible = self
                .catalog
                .faces
                .iter()
                .filter(|face| self.view.face(face.id).is_some());
            let names = visible.map(|face| face.name.as_str());
            Error::unknown(Kind::NotFound, Code::UNKNOWN_TABLE, "table", name.as_str(), None, names)
        })
    }

    /// Enters a face for reading: the only place where a table reference is made.
    fn enter(&mut self, face: &'a Face) -> Result<Entered<'a>> {
        let scoped_out = self.principal.scope.as_ref().and_then(|scope| scope.read.as_ref());
        let Some(read) = self
            .view
            .read(face.id)
            .filter(|_| scoped_out.is_none_or(|faces| faces.contains(&face.name)))
        else {
            return Err(self.refusal(face));
        };
        let (rule, cells, counted) = solve_read(read, self.principal, &mut self.decisions);
        self.touched.push(Touch {
            face: face.id,
            right: Right::Read,
        });
        Ok(Entered {
            face,
            read: Cow::Borrowed(read),
            rule,
            cells,
            counted,
        })
    }

    fn refusal(&self, face: &Face) -> Error {
        if self.principal.credential == Credential::None {
            let message = format!("reading {:?} needs credentials", face.name.as_str());
            Error::new(Kind::Unauthenticated, Code::UNAUTHENTICATED, message)
        } else {
            Error::forbidden(format!(
                "role {:?} may not read {:?}",
                self.principal.role.as_str(),
                face.name.as_str()
            ))
        }
    }

    /// A column by exposed name, as a term over scope 0. Where the role sees only some rows' cells, the others are null.
    fn column(&self, entered: &Entered<'_>, name: &Name) -> Result<Term> {
        let id = entered.face.column_named(name.as_str());
        match id.and_then(|id| self.cell(entered, id)) {
            Some(term) => Ok(term),
            // The role sees it, but through no parent that allows aggregates.
            None if id.is_some_and(|id| entered.read.cells[id.0 as usize] != Cell::Hidden) => {
                let message = format!(
                    "role {:?} may not aggregate {:?} of {:?}",
                    self.principal.role.as_str(),
                    name.as_str(),
                    entered.face.name.as_str()
                );
                Err(Error::forbidden(message).at(name.as_str()))
            }
            None => {
                let visible = entered
                    .face
                    .columns
                    .iter()
                    .zip(&entered.cells)
                    .filter(|(_, cell)| cell.is_some());
                let names = visible.map(|(column, _)| column.name.as_str());
                let of = Some(entered.face.name.as_str());
                Err(
                    Error::unknown(Kind::Invalid, Code::UNKNOWN_COLUMN, "column", name.as_str(), of, names)
                        .at(name.as_str()),
                )
            }
        }
    }

    fn cell(&self, entered: &Entered<'_>, column: ColumnId) -> Option<Term> {
        let term = Term::Column {
            scope: 0,
            table: entered.face.table,
            column,
        };
        match entered.cells[column.0 as usize].as_ref()? {
            Predicate::Constant(Some(true)) => Some(term),
            condition => Some(Term::Case {
                branches: vec![(condition.clone(), term)],
                otherwise: None,
            }),
        }
    }

    /// A relation by exposed name, if the role can follow it.
    fn relation(&self, entered: &Entered<'_>, name: &Name) -> Result<&'a Relation> {
        let face: &'a Face = self.catalog.face(entered.face.id);
        let followed = face
            .relation_named(name.as_str())
            .filter(|(_, relation)| self.view.can_follow(face.id, relation));
        followed.map(|(_, relation)| relation).ok_or_else(|| {
            let visible = face
                .relations
                .iter()
                .filter(|relation| self.view.can_follow(face.id, relation));
            let names = visible.map(|relation| relation.name.as_str());
            let of = Some(face.name.as_str());
            Error::unknown(
                Kind::Invalid,
                Code::UNKNOWN_RELATION,
                "relation",
                name.as_str(),
                of,
                names,
            )
            .at(name.as_str())
        })
    }

    /// The join of a relation as a predicate over scope 0 = target, 1 = the row around it, with the target's rule; and
    /// the join table, if there is one.
    fn join(
        &mut self,
        from: &Entered<'_>,
        relation: &Relation,
        target: &Entered<'_>,
    ) -> Result<(Predicate, Option<Through>)> {
        let lost = || Error::internal("a relation's columns are hidden");
        let equal = |left: Term, right: Term| Predicate::Compare {
            left,
            comparison: request::Comparison::Equal,
            right,
        };
        match &relation.join {
            Join::Direct { columns, references } => {
                let mut parts = Vec::with_capacity(columns.len() + 1);
                for (own, referenced) in columns.iter().zip(references) {
                    let own = self.cell(from, *own).ok_or_else(lost)?.shifted(1);
                    parts.push(equal(self.cell(target, *referenced).ok_or_else(lost)?, own));
                }
                parts.extend(own_rows(
                    self.catalog,
                    (from.face.table, columns, 1),
                    (target.face.table, references, 0),
                ));
                parts.push(target.rule.clone());
                Ok((Predicate::all(parts), None))
            }
            Join::Through {
                face,
                columns,
                near,
                far,
                references,
            } => {
                let through_face = self.catalog.face(*face);
                let through = self.enter(through_face)?;
                let mut parts = Vec::new();
                for (own, near) in columns.iter().zip(near) {
                    let own = self.cell(from, *own).ok_or_else(lost)?.shifted(2);
                    parts.push(equal(self.cell(&through, *near).ok_or_else(lost)?, own));
                }
                for (far, referenced) in far.iter().zip(references) {
                    let referenced = self.cell(target, *referenced).ok_or_else(lost)?.shifted(1);
                    parts.push(equal(self.cell(&through, *far).ok_or_else(lost)?, referenced));
                }
                let join = through_face.table;
                parts.extend(own_rows(self.catalog, (from.face.table, columns, 2), (join, near, 0)));
                parts.extend(own_rows(
                    self.catalog,
                    (join, far, 0),
                    (target.face.table, references, 1),
                ));
                parts.push(through.rule.clone());
                let pair: Vec<ColumnId> = near.iter().chain(far).copied().collect();
                let unique = self.catalog.table(through_face.table).is_unique(&pair);
                let through = Through {
                    table: through_face.table,
                    condition: Predicate::all(parts),
                    unique,
                };
                Ok((target.rule.clone(), Some(through)))
            }
        }
    }

    /// `rule` is the face's rule, joined with the row around where there is one.
    fn select(
        &mut self,
        entered: &Entered<'a>,
        from: From,
        rule: Predicate,
        through: Option<Through>,
        select: &request::Select,
    ) -> Result<Select> {
        let mut parts = vec![rule];
        if let Some(filter) = &select.filter {
            parts.push(guard::guarded(
                self.filter(entered, filter)?,
                &entered.rule,
                self.catalog,
            ));
        }
        let ordered = match select.output {
            request::Output::Groups { .. } => entered.counting(),
            _ => Cow::Borrowed(entered),
        };
        let order = select
            .order
            .iter()
            .map(|term| self.order(&ordered, term))
            .collect::<Result<Vec<_>>>()?;
        let distinct = self.distinct(entered, &select.distinct)?;
        let order = distinct::leading(order, &distinct, self.catalog)?;
        let page = Page {
            limit: select.page.limit,
            most: entered.read.limit,
            offset: select.page.offset,
            after: select.page.after,
            before: select.page.before,
            backward: select.page.backward,
            total: select.page.total,
            next: select.page.next,
            short: select.page.short,
        };
        // A key that is null in some rows, because the caller may not read it there, does not tell rows apart.
        let whole = |terms: &Vec<Term>| terms.iter().all(|term| matches!(term, Term::Column { .. }));
        let key = self
            .cells_of(entered, &entered.face.key)
            .filter(whole)
            .unwrap_or_default();
        let default_order = self.default_order(entered, &key);
        let output = self.output(entered, &select.output)?;
        Ok(Select {
            from,
            through,
            predicate: Predicate::all(parts),
            order,
            distinct,
            page,
            output,
            key,
            default_order,
        })
    }

    fn order(&mut self, entered: &Entered<'a>, order: &request::Order) -> Result<OrderTerm> {
        let term = self.expression(entered, &order.by)?;
        let data_type = term.data_type(self.catalog);
        if !data_type.is_ordered() && !matches!(data_type, Type::Other(_)) {
            let message = format!("{} values have no order", data_type.word());
            return Err(Error::invalid(Code::UNKNOWN_OPERATOR, message).at("order"));
        }
        let nullable = is_nullable(&term, self.catalog);
        Ok(OrderTerm {
            term,
            descending: order.descending,
            nulls: order.nulls,
            nullable,
        })
    }

    /// A select of related rows; scope 1 of it is the row at hand.
    fn related(&mut self, entered: &Entered<'a>, name: &Name, select: &request::Select) -> Result<(Select, bool)> {
        let relation = self.relation(entered, name)?;
        let target = self.enter(self.catalog.face(relation.target))?;
        let (join, through) = self.join(entered, relation, &target)?;
        let from = From::Table(target.face.table);
        Ok((self.select(&target, from, join, through, select)?, relation.many))
    }

    /// The rows of a relation as a table and a predicate over scope 0 = inner row, 1 = the row at hand.
    fn related_rows(
        &mut self,
        entered: &Entered<'a>,
        relation: &Relation,
        filter: Option<&request::Filter>,
    ) -> Result<(Entered<'a>, TableId, Predicate)> {
        let target = self.enter(self.catalog.face(relation.target))?;
        let (join, through) = self.join(entered, relation, &target)?;
        let mut parts = vec![join];
        if let Some(through) = through {
            parts.push(Predicate::Exists(Box::new(super::Exists {
                table: through.table,
                predicate: through.condition,
            })));
        }
        if let Some(filter) = filter {
            parts.push(guard::guarded(
                self.filter(&target, filter)?,
                &target.rule,
                self.catalog,
            ));
        }
        let table = target.face.table;
        Ok((target, table, Predicate::all(parts)))
    }

    fn function(
        &mut self,
        name: &Name,
        arguments: &[(Name, request::Slot)],
        select: &request::Select,
        writing: bool,
    ) -> Result<Select> {
        let visible = || {
            self.view
                .functions
                .iter()
                .map(|id| &self.catalog.functions[id.0 as usize])
        };
        let Some(exposed) = visible().find(|function| function.name == *name) else {
            let names = visible().map(|function| function.name.as_str());
            return Err(Error::unknown(
                Kind::NotFound,
                Code::UNKNOWN_TABLE,
                "function",
                name.as_str(),
                None,
                names,
            ));
        };
        if exposed.writes(self.catalog) != writing {
            let name = name.as_str();
            let message = match writing {
                false => format!("{name:?} may write, so it is not for reading"),
                true => format!("{name:?} only reads, so it is not for writing"),
            };
            return Err(Error::invalid(Code::NOT_SUPPORTED, message));
        }
        let Some(table) = exposed.table else {
            return self.scalar(exposed, arguments, select);
        };
        let terms = self.arguments(exposed.function, arguments, exposed.session_argument.as_deref())?;
        let face = self.returned(table).ok_or_else(|| {
            Error::forbidden(format!(
                "role {:?} may not call {:?}",
                self.principal.role.as_str(),
                name.as_str()
            ))
        })?;
        let entered = self.enter(face)?;
        let from = From::Function {
            function: exposed.function,
            arguments: terms,
            table,
        };
        self.select(&entered, from, entered.rule.clone(), None, select)
    }

    /// A function that returns a scalar: whoever may call it may know its value.
    fn scalar(
        &mut self,
        exposed: &ExposedFunction,
        arguments: &[(Name, request::Slot)],
        select: &request::Select,
    ) -> Result<Select> {
        let name = exposed.name.as_str();
        let function = &self.catalog.database.functions[exposed.function];
        let FunctionResult::Scalar { data_type, many, .. } = &function.result else {
            return Err(Error::internal("a function without a table that returns rows"));
        };
        let plain = request::Select {
            output: request::Output::Scalar,
            ..request::Select::default()
        };
        if *select != plain {
            let message = format!("{name:?} returns no rows of a table");
            return Err(Error::invalid(Code::NOT_SUPPORTED, message));
        }
        // A token for some tables says nothing of functions.
        if self.principal.scope.as_ref().is_some_and(|scope| scope.read.is_some()) {
            return Err(Error::forbidden(format!("this token may not call {name:?}")));
        }
        let terms = self.arguments(exposed.function, arguments, exposed.session_argument.as_deref())?;
        let call = Call {
            function: exposed.function,
            arguments: terms,
            data_type: data_type.clone(),
        };
        Ok(Select {
            from: From::Nothing,
            through: None,
            predicate: Predicate::TRUE,
            order: Vec::new(),
            distinct: Vec::new(),
            page: Page::default(),
            output: super::Output::Scalar { call, many: *many },
            key: Vec::new(),
            default_order: Vec::new(),
        })
    }

    /// The arguments of a function of the database, typed by its signature.
    fn arguments(
        &mut self,
        function: usize,
        sent: &[(Name, request::Slot)],
        session: Option<&str>,
    ) -> Result<Vec<(String, Option<Term>)>> {
        let signature = &self.catalog.database.functions[function];
        let own = |argument: &&crate::catalog::FunctionArgument| {
            Some(argument.name.as_str()) != session && argument.row_of.is_none()
        };
        for (name, _) in sent {
            if !signature
                .arguments
                .iter()
                .filter(own)
                .any(|argument| argument.name == name.as_str())
            {
                let names = signature
                    .arguments
                    .iter()
                    .filter(own)
                    .map(|argument| argument.name.as_str());
                return Err(Error::unknown(
                    Kind::Invalid,
                    Code::UNKNOWN_PARAMETER,
                    "argument",
                    name.as_str(),
                    None,
                    names,
                ));
            }
        }
        let mut terms = Vec::new();
        let by_place = signature.arguments_by_place();
        let mut left_out: Option<&str> = None;
        for (index, argument) in signature.arguments.iter().enumerate() {
            let slot = sent.iter().find(|(name, _)| name.as_str() == argument.name);
            let source = if Some(argument.name.as_str()) == session {
                super::Parameter::Session("*".into())
            } else if let Some((_, slot)) = slot {
                self.labels.push((*slot, argument.name.clone()));
                super::Parameter::Slot(*slot)
            } else if argument.row_of.is_some() {
                continue;
            } else if argument.has_default {
                left_out = left_out.or(Some(&argument.name));
                continue;
            } else {
                let message = format!("argument {:?} is missing", argument.name);
                return Err(Error::invalid(Code::UNKNOWN_PARAMETER, message).at(argument.name.clone()));
            };
            // What is given by its place needs all that stand before it.
            if let Some(before) = left_out.filter(|_| index < by_place) {
                let message = format!("argument {:?} cannot be given without {before:?}", argument.name);
                return Err(Error::invalid(Code::UNKNOWN_PARAMETER, message).at(argument.name.clone()));
            }
            let (data_type, list) = super::predicate::parameter_type(&argument.data_type);
            let term = Term::Parameter {
                source,
                data_type,
                list,
            };
            terms.push((argument.name.clone(), Some(term)));
        }
        Ok(terms)
    }
}

fn is_nullable(term: &Term, catalog: &Catalog) -> bool {
    match term {
        Term::Column { table, column, .. } => catalog.table(*table).column(*column).nullable,
        _ => true,
    }
}
