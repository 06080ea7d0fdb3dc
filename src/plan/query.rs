//! The plan tree.

use super::keyset;
use crate::catalog::{Catalog, ColumnId, TableId};
use crate::error::{Code, Error, Result};
use crate::ident::Name;
use crate::request::{Comparison, Constant, Formats, Nulls, Slot};
use crate::rules::{
    self, AggregatePart, Authorized, ConnectionPart, From, GroupPart, GroupedBy, MemberValue, OrderTerm, Output,
    Predicate, Select, Term, Through,
};
use crate::value::Type;

/// A planned root read. What it holds depends on the request's shape, the snapshot, the role and the decisions of its
/// rules; values are holes.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The tree.
    pub query: Query,
    /// How the answer is put together from the query's rows.
    pub answer: Answer,
    /// How values are written.
    pub formats: Formats,
}

/// What the rows of the root become.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// An array.
    Rows,
    /// One object or null.
    Row,
    /// A connection.
    Connection(Vec<ConnectionPart>),
}

/// One level of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Where rows come from.
    pub from: From,
    /// The join table between the row around and this one.
    pub through: Option<Through>,
    /// Rule, join and filter.
    pub predicate: Predicate,
    /// The part that a cursor adds; not counted by `total`.
    pub keyset: Predicate,
    /// The complete order, in the direction in which rows are fetched.
    pub order: Vec<OrderTerm>,
    /// So many leading terms of the order are distinct: one row for each combination.
    pub distinct: usize,
    /// At most so many rows.
    pub limit: Option<Count>,
    /// Rows passed over.
    pub offset: Option<Slot>,
    /// The number of all rows comes along.
    pub total: bool,
    /// The limit is a small one.
    pub short: bool,
    /// Each row's order terms come along, to make cursors.
    pub cursor: bool,
    /// Rows are fetched in reverse.
    pub reversed: bool,
    /// What is made of the rows.
    pub body: Body,
}

impl Query {
    /// How many members each row has.
    #[must_use]
    pub fn width(&self) -> usize {
        match &self.body {
            Body::Rows(members) | Body::Row(members) => members.len(),
            _ => usize::MAX,
        }
    }
}

/// A number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The caller's, if there is one.
    pub slot: Option<Slot>,
    /// The role's, if there is one.
    pub most: Option<u64>,
    /// Added, to see whether there is a rest.
    pub plus: u8,
}

/// What is made of the rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// An array of objects.
    Rows(Vec<Member>),
    /// The first row's object.
    Row(Vec<Member>),
    /// One object of aggregates.
    Aggregate(Vec<Part>),
    /// An array of groups.
    Groups {
        /// Keys.
        by: Vec<GroupedBy>,
        /// Which groups.
        having: Predicate,
        /// Members.
        parts: Vec<GroupPart>,
    },
    /// Several arrays over the same rows (a connection's edges and nodes).
    Lists(Vec<Vec<Member>>),
    /// A function's bare values, without any rows.
    Scalar(rules::Call),
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Output key.
    pub key: Name,
    /// What stands there.
    pub value: Value,
}

/// What stands under a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A term.
    Term(Term),
    /// A constant.
    Constant(Constant),
    /// A level further in; its scope 1 is this row.
    Query(Box<Query>),
    /// An object over the same row.
    Object {
        /// Null instead where this is null.
        unless_null: Option<Term>,
        /// Members.
        members: Vec<Member>,
    },
    /// A function of the row.
    Computed {
        /// Index into the database's functions.
        function: usize,
        /// Arguments by name; `None` is the row.
        arguments: Vec<(String, Option<Term>)>,
        /// Type of the result.
        data_type: Type,
    },
    /// The row's cursor.
    Cursor,
}

/// A member of an aggregate's object.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A constant.
    Constant(Name, Constant),
    /// An object of aggregates.
    Aggregates(Name, Vec<rules::AggregateItem>),
    /// The rows, as a query of their own over the same rows (in the scope around).
    Nodes(Name, Box<Query>),
}

/// Plans an authorized read.
///
/// # Errors
/// Combinations that cannot be: a cursor without a key to order by, cursors with distinct rows.
pub fn plan(catalog: &Catalog, authorized: &Authorized<Select>) -> Result<Plan> {
    planned(catalog, authorized.get(), authorized.formats)
}

pub(super) fn planned(catalog: &Catalog, select: &Select, formats: Formats) -> Result<Plan> {
    let answer = match &select.output {
        Output::Rows(_) | Output::Groups { .. } => Answer::Rows,
        Output::Row(_) | Output::Aggregate(_) => Answer::Row,
        Output::Connection(parts) => Answer::Connection(parts.clone()),
        Output::Scalar { many: true, .. } => Answer::Rows,
        Output::Scalar { .. } => Answer::Row,
    };
    Ok(Plan {
        query: level(catalog, select, true)?,
        answer,
        formats,
    })
}

fn level(catalog: &Catalog, select: &Select, root: bool) -> Result<Query> {
    let page = &select.page;
    let connection = match &select.output {
        Output::Connection(parts) => Some(parts),
        _ => None,
    };
    let cursors = connection.is_some() || page.next || page.after.is_some() || page.before.is_some();
    if cursors && !root {
        return Err(Error::invalid(Code::NOT_SUPPORTED, "cursors are for roots only"));
    }
    if cursors && !select.distinct.is_empty() {
        return Err(Error::invalid(
            Code::NOT_SUPPORTED,
            "cursors and distinct rows exclude each other",
        ));
    }
    let mut order = distinct_terms(&select.order, select.distinct.len())?;
    if order.is_empty() {
        order.extend(select.distinct.iter().map(|term| ascending(term, catalog)));
    }
    if cursors {
        if select.key.is_empty() {
            return Err(Error::invalid(
                Code::NOT_SUPPORTED,
                "cursors need a table with a key that the caller may read",
            ));
        }
        complete(&mut order, &select.key, catalog);
    } else if is_ordered(catalog, select) {
        complete(&mut order, &select.default_order, catalog);
    }
    let keyset = keyset::predicate(&order, page);
    if page.backward {
        for term in &mut order {
            term.descending = !term.descending;
            term.nulls = if term.nulls == Nulls::First {
                Nulls::Last
            } else {
                Nulls::First
            };
        }
    }
    let aggregate = matches!(select.output, Output::Aggregate(_));
    // Aggregates are over all rows that the rule allows: the role's limit is for rows shown.
    let most = if aggregate { None } else { page.most };
    let plus = u8::from(cursors && root);
    let limit = (page.limit.is_some() || most.is_some()).then_some(Count {
        slot: page.limit,
        most,
        plus,
    });
    let body = match &select.output {
        Output::Rows(members) => Body::Rows(self::members(catalog, members)?),
        Output::Row(members) => Body::Row(self::members(catalog, members)?),
        Output::Aggregate(parts) => Body::Aggregate(aggregate_parts(catalog, select, parts)?),
        Output::Groups { by, having, parts } => {
            check_groups(by, having, parts, &order)?;
            // So that both databases give them in the same order, and pages of them hold each once.
            let keys: Vec<Term> = by.iter().map(|key| key.term.clone()).collect();
            complete(&mut order, &keys, catalog);
            Body::Groups {
                by: by.clone(),
                having: having.clone(),
                parts: parts.clone(),
            }
        }
        Output::Connection(parts) => Body::Lists(lists(catalog, parts)?),
        Output::Scalar { call, .. } => Body::Scalar(call.clone()),
    };
    let total =
        page.total || connection.is_some_and(|parts| parts.iter().any(|part| matches!(part, ConnectionPart::Total(_))));
    Ok(Query {
        from: select.from.clone(),
        through: select.through.clone(),
        predicate: select.predicate.clone(),
        keyset,
        order,
        distinct: select.distinct.len(),
        limit,
        offset: page.offset,
        total,
        short: page.short,
        cursor: cursors,
        reversed: page.backward,
        body,
    })
}

/// Whether it can be seen in which order the rows come.
fn is_ordered(catalog: &Catalog, select: &Select) -> bool {
    let page = &select.page;
    match &select.output {
        // The rows of a function stand in its own order, which may be all that it is for (the ranks of a search).
        // So do rows that were written: in the order in which they were sent.
        Output::Rows(_) => {
            !(matches!(select.from, From::Function { .. } | From::Written { .. }) && select.order.is_empty())
        }
        // Of several rows that may stand there, always the same.
        Output::Row(_) => match &select.from {
            From::Table(table) => !is_one(catalog, *table, select),
            _ => false,
        },
        // Of an aggregate over a part of the rows: which part.
        Output::Aggregate(_) => page.limit.is_some() || page.offset.is_some() || !select.distinct.is_empty(),
        Output::Connection(_) => true,
        // Ordered by their keys, or one value.
        Output::Groups { .. } | Output::Scalar { .. } => false,
    }
}

/// Whether the condition asks for the values of a key, which at most one row has.
fn is_one(catalog: &Catalog, table: TableId, select: &Select) -> bool {
    let mut columns = Vec::new();
    asked_for(&select.predicate, &mut columns);
    let has = |term: &Term| matches!(term, Term::Column { column, .. } if columns.contains(column));
    catalog.table(table).is_unique(&columns) || !select.key.is_empty() && select.key.iter().all(has)
}

/// Columns of the row that are equal to something.
fn asked_for(predicate: &Predicate, columns: &mut Vec<ColumnId>) {
    match predicate {
        Predicate::And(parts) => parts.iter().for_each(|part| asked_for(part, columns)),
        Predicate::Compare {
            left: Term::Column { scope: 0, column, .. },
            comparison: Comparison::Equal,
            ..
        } => columns.push(*column),
        _ => {}
    }
}

/// Most terms of an order. A cursor's condition nests as deep as there are terms.
const MOST_TERMS: usize = 100;

/// The order without terms that stand in it already: they decide nothing. (Those that make rows distinct are as they are.)
fn distinct_terms(order: &[OrderTerm], distinct: usize) -> Result<Vec<OrderTerm>> {
    let mut kept: Vec<OrderTerm> = Vec::with_capacity(order.len().min(MOST_TERMS));
    for (index, term) in order.iter().enumerate() {
        if index >= distinct && kept.iter().any(|earlier| earlier.term == term.term) {
            continue;
        }
        if kept.len() == MOST_TERMS {
            let message = format!("an order has at most {MOST_TERMS} different terms");
            return Err(Error::invalid(Code::LIMIT_EXCEEDED, message).at("order"));
        }
        kept.push(term.clone());
    }
    Ok(kept)
}

fn ascending(term: &Term, catalog: &Catalog) -> OrderTerm {
    let nullable = match term {
        Term::Column { table, column, .. } => catalog.table(*table).column(*column).nullable,
        _ => true,
    };
    OrderTerm {
        term: term.clone(),
        descending: false,
        nulls: Nulls::Last,
        nullable,
    }
}

/// Adds the key's terms that the order lacks, in the direction of its last term, so that no two rows are equal in it.
fn complete(order: &mut Vec<OrderTerm>, key: &[Term], catalog: &Catalog) {
    let descending = order.last().is_some_and(|last| last.descending);
    for term in key {
        if !order.iter().any(|present| present.term == *term) {
            order.push(OrderTerm {
                descending,
                nulls: Nulls::default_for(descending),
                ..ascending(term, catalog)
            });
        }
    }
}

fn members(catalog: &Catalog, members: &[rules::Member]) -> Result<Vec<Member>> {
    members
        .iter()
        .map(|member| {
            let value = match &member.value {
                MemberValue::Term(term) => Value::Term(term.clone()),
                MemberValue::Constant(constant) => Value::Constant(constant.clone()),
                MemberValue::Relation(select) => Value::Query(Box::new(level(catalog, select, false)?)),
                MemberValue::Object { unless_null, members } => Value::Object {
                    unless_null: unless_null.clone(),
                    members: self::members(catalog, members)?,
                },
                MemberValue::Computed {
                    function,
                    arguments,
                    data_type,
                } => Value::Computed {
                    function: *function,
                    arguments: arguments.clone(),
                    data_type: data_type.clone(),
                },
            };
            Ok(Member {
                key: member.key.clone(),
                value,
            })
        })
        .collect()
}

fn aggregate_parts(catalog: &Catalog, select: &Select, parts: &[AggregatePart]) -> Result<Vec<Part>> {
    parts
        .iter()
        .map(|part| {
            Ok(match part {
                AggregatePart::Constant(key, constant) => Part::Constant(key.clone(), constant.clone()),
                AggregatePart::Aggregates(key, items) => Part::Aggregates(key.clone(), items.clone()),
                AggregatePart::Nodes(key, members) => {
                    let nodes = Select {
                        output: Output::Rows(members.clone()),
                        ..select.clone()
                    };
                    Part::Nodes(key.clone(), Box::new(level(catalog, &nodes, false)?))
                }
            })
        })
        .collect()
}

fn lists(catalog: &Catalog, parts: &[ConnectionPart]) -> Result<Vec<Vec<Member>>> {
    let mut lists = Vec::new();
    for part in parts {
        match part {
            ConnectionPart::Edges(_, edges) => {
                let mut list = Vec::with_capacity(edges.len());
                for edge in edges {
                    list.push(match edge {
                        rules::EdgePart::Constant(key, constant) => Member {
                            key: key.clone(),
                            value: Value::Constant(constant.clone()),
                        },
                        rules::EdgePart::Cursor(key) => Member {
                            key: key.clone(),
                            value: Value::Cursor,
                        },
                        rules::EdgePart::Node(key, node) => {
                            let value = Value::Object {
                                unless_null: None,
                                members: members(catalog, node)?,
                            };
                            Member {
                                key: key.clone(),
                                value,
                            }
                        }
                    });
                }
                lists.push(list);
            }
            ConnectionPart::Nodes(_, node) => lists.push(members(catalog, node)?),
            _ => {}
        }
    }
    Ok(lists)
}

/// In groups every column outside an aggregate must be one of the keys.
fn check_groups(by: &[GroupedBy], having: &Predicate, parts: &[GroupPart], order: &[OrderTerm]) -> Result<()> {
    let is_key = |term: &Term| by.iter().any(|key| key.term == *term);
    let mut fits = keyset::grouped(having, &is_key);
    fits &= order.iter().all(|term| keyset::grouped_term(&term.term, &is_key));
    fits &= parts.iter().all(|part| match part {
        GroupPart::Term(_, term) => keyset::grouped_term(term, &is_key),
        _ => true,
    });
    if fits {
        Ok(())
    } else {
        Err(Error::invalid(
            Code::INVALID_VALUE,
            "outside an aggregate only the columns of the group can be used",
        ))
    }
}
