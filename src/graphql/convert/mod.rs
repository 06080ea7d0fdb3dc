//! The selection of one root becomes one request.

mod aggregate;
mod arguments;
mod connection;
mod filter;
mod group;
mod mutation;
mod order;
mod path;
mod row;
mod selection;

use super::coerce::Variables;
use super::document::Document;
use super::error::Fault;
use super::types::{Key, Meaning, Ref, Root, RootKind, Types};
use crate::catalog::{FaceId, FunctionId};
use crate::config;
use crate::ident::Name;
use crate::request::{Builder, Comparison, Expression, Filter, Output, Read, Request, Select, Slot, Source};
pub(super) use arguments::of_kind;
use async_graphql_parser::Positioned;
use async_graphql_parser::types::OperationDefinition;
pub(crate) use selection::Selected;

/// Rows that a list without limit counts as.
const UNLIMITED: u64 = 100;
/// Most conditions and terms of one root.
const TERMS: usize = 4_000;

/// What stands under a response key of the query.
pub(crate) enum RootField<'d> {
    /// `__typename`
    Typename,
    /// `__schema` and `__type`
    Introspection(super::introspect::Question<'d>),
    /// The field of a role that sees nothing.
    Nothing,
    /// Data.
    Request {
        /// What to run.
        request: Box<Request>,
        /// Null may stand there, so that its failure leaves the others.
        nullable: bool,
    },
}

/// Turns selections into requests.
pub(crate) struct Converter<'c> {
    types: Types<'c>,
    document: &'c Document,
    variables: &'c Variables,
    settings: &'c config::GraphQl,
    builder: Builder,
    /// Rows that the query can return, so far.
    nodes: u64,
    /// Conditions and terms of the root at hand.
    terms: usize,
    /// Which of the roots it is.
    root: usize,
}

impl<'c> Converter<'c> {
    pub(crate) fn new(
        types: Types<'c>,
        document: &'c Document,
        variables: &'c Variables,
        settings: &'c config::GraphQl,
    ) -> Self {
        Self {
            types,
            document,
            variables,
            settings,
            builder: Builder::new(),
            nodes: 0,
            terms: 0,
            root: 0,
        }
    }

    /// The role's schema.
    pub(crate) fn types(&self) -> Types<'c> {
        self.types
    }

    /// Every root of an operation, by response key.
    ///
    /// # Errors
    /// Arguments that do not fit, and limits.
    pub(crate) fn roots(
        &mut self,
        operation: &'c Positioned<OperationDefinition>,
    ) -> Result<Vec<(&'c str, RootField<'c>)>, Fault> {
        let selected = self.collect(&[&operation.node.selection_set])?;
        let mut roots = Vec::with_capacity(selected.len());
        for (index, field) in selected.into_iter().enumerate() {
            self.root = index;
            let root = self.root(&field).map_err(|fault| fault.under(field.key))?;
            roots.push((field.key, root));
        }
        Ok(roots)
    }

    fn root(&mut self, selected: &Selected<'c>) -> Result<RootField<'c>, Fault> {
        let name = selected.field.name.node.as_str();
        match name {
            "__typename" => return Ok(RootField::Typename),
            "__schema" | "__type" => {
                return super::introspect::Question::new(name, selected.field, &selected.sets, self.variables)
                    .map(RootField::Introspection);
            }
            _ => {}
        }
        let unknown =
            || Fault::validation(format!("Unknown field \"{name}\" on the query type.")).at(selected.position);
        let field = self.types.field(Key::Query, name).ok_or_else(unknown)?;
        let root = match field.meaning {
            Meaning::Root(root) => root,
            _ => return Ok(RootField::Nothing),
        };
        self.builder = Builder::new();
        self.terms = 0;
        let arguments = self.arguments(selected, field.meaning)?;
        let (source, select) = match root {
            Root::Face(face, kind) => {
                let source = Source::Table(self.types.face(face).name.clone());
                let select = match kind {
                    RootKind::Select => self.rows(face, &arguments, &selected.sets, 1)?,
                    RootKind::ByKey => self.by_key(face, &arguments, selected)?,
                    RootKind::Aggregate => self.aggregate_select(face, &arguments, &selected.sets, 1)?,
                    RootKind::Group => self.group(face, &arguments, &selected.sets)?,
                    RootKind::Connection => self.connection(face, &arguments, &selected.sets)?,
                    _ => return Err(unknown()),
                };
                (source, select)
            }
            Root::Function(id) | Root::FunctionAggregate(id) => {
                let (name, arguments, select) = self.call_of(root, id, field.ty, &arguments, selected)?;
                (Source::Function { name, arguments }, select)
            }
        };
        let read = Read {
            source,
            select,
            formats: self.formats(),
        };
        let request = Box::new(std::mem::take(&mut self.builder).finish(read));
        Ok(RootField::Request {
            request,
            nullable: !field.ty.is_required(),
        })
    }

    /// The call of a function: its name, its arguments, and what of its rows or its value.
    fn call_of(
        &mut self,
        root: Root,
        id: FunctionId,
        ty: Ref,
        arguments: &arguments::Arguments<'c>,
        selected: &Selected<'c>,
    ) -> Result<(Name, Vec<(Name, Slot)>, Select), Fault> {
        let exposed = &self.types.catalog.functions[id.0 as usize];
        let given = self.function_arguments(Key::FunctionArguments(id), arguments);
        let face = exposed.table.and_then(|_| self.types.names.function_face(id));
        let select = match (face, root) {
            (None, _) => {
                self.count_nodes(1, Some(1))?;
                Select {
                    output: Output::Scalar,
                    ..Select::default()
                }
            }
            (Some(face), Root::FunctionAggregate(_)) => self.aggregate_select(face, arguments, &selected.sets, 1)?,
            (Some(face), _) if ty.is_required() => self.rows(face, arguments, &selected.sets, 1)?,
            (Some(face), _) => self.one_row(face, &selected.sets)?,
        };
        Ok((exposed.name.clone(), given, select))
    }

    fn by_key(
        &mut self,
        face: FaceId,
        arguments: &arguments::Arguments<'c>,
        selected: &Selected<'c>,
    ) -> Result<Select, Fault> {
        let filter = self.key_filter(face, arguments);
        let mut select = self.one_row(face, &selected.sets)?;
        select.filter = Some(filter);
        Ok(select)
    }

    /// The condition that a row has the key that arguments give.
    fn key_filter(&mut self, face: FaceId, arguments: &arguments::Arguments<'c>) -> Filter {
        let mut conditions = Vec::new();
        for (input, value) in &arguments.0 {
            let super::types::Slotted::Column(column) = input.stands else {
                continue;
            };
            let value = self.value(input.ty.key, value);
            conditions.push(Filter::Compare {
                left: Expression::Column(self.column_name(face, column)),
                comparison: Comparison::Equal,
                right: Expression::Value(self.builder.push(value)),
            });
        }
        match conditions.len() {
            1 => conditions.swap_remove(0),
            _ => Filter::And(conditions),
        }
    }

    fn one_row(
        &mut self,
        face: FaceId,
        sets: &[&'c Positioned<async_graphql_parser::types::SelectionSet>],
    ) -> Result<Select, Fault> {
        self.count_nodes(1, Some(1))?;
        Ok(Select {
            output: Output::Row(self.row(face, sets, 1)?),
            ..Select::default()
        })
    }

    /// Counts the rows that a list adds to the query; the result is how often what is under it is asked.
    fn count_nodes(&mut self, times: u64, limit: Option<u64>) -> Result<u64, Fault> {
        let rows = times.saturating_mul(limit.unwrap_or(UNLIMITED));
        self.nodes = self.nodes.saturating_add(rows);
        let most = self.settings.limits.nodes;
        if self.nodes > most {
            return Err(Fault::validation(format!(
                "the query can return more than {most} rows (limits multiplied along the path); ask for fewer with limit"
            )));
        }
        Ok(rows)
    }

    /// Counts a condition or term.
    fn count_term(&mut self) -> Result<(), Fault> {
        self.terms += 1;
        if self.terms > TERMS {
            return Err(Fault::validation(format!(
                "more than {TERMS} conditions, columns and orders in one root"
            )));
        }
        Ok(())
    }

    fn column_name(&self, face: FaceId, column: crate::catalog::ColumnId) -> Name {
        self.types.face(face).column(column).name.clone()
    }
}
