//! Outputs → members over resolved terms.

use super::{Entered, Resolver};
use crate::catalog::{Face, FunctionResult, TableId};
use crate::error::{Code, Error, Kind, Result};
use crate::request::{self, ConnectionField, EdgeField, Expression, Field, FieldValue, GroupField, GroupKey};
use crate::rules::{
    AggregatePart, ConnectionPart, EdgePart, From, GroupPart, GroupedBy, Member, MemberValue, Output, Predicate, Select,
};

impl<'a> Resolver<'a> {
    pub(super) fn output(&mut self, entered: &Entered<'a>, output: &request::Output) -> Result<Output> {
        Ok(match output {
            request::Output::Rows(fields) => Output::Rows(self.members(entered, fields)?),
            request::Output::Row(fields) => Output::Row(self.members(entered, fields)?),
            request::Output::Aggregate(fields) => {
                self.check_aggregate(entered)?;
                let mut parts = Vec::with_capacity(fields.len());
                for field in fields {
                    parts.push(match field {
                        request::AggregateField::Constant(key, constant) => {
                            AggregatePart::Constant(key.clone(), constant.clone())
                        }
                        request::AggregateField::Aggregates(key, members) => {
                            AggregatePart::Aggregates(key.clone(), self.aggregate_members(entered, members)?)
                        }
                        request::AggregateField::Nodes(key, fields) => {
                            AggregatePart::Nodes(key.clone(), self.members(entered, fields)?)
                        }
                    });
                }
                Output::Aggregate(parts)
            }
            request::Output::Groups { by, having, fields } => self.groups(entered, by, having.as_ref(), fields)?,
            request::Output::Connection(fields) => {
                let mut parts = Vec::with_capacity(fields.len());
                for field in fields {
                    parts.push(match field {
                        ConnectionField::Constant(key, constant) => {
                            ConnectionPart::Constant(key.clone(), constant.clone())
                        }
                        ConnectionField::Edges(key, edges) => {
                            ConnectionPart::Edges(key.clone(), self.edges(entered, edges)?)
                        }
                        ConnectionField::Nodes(key, fields) => {
                            ConnectionPart::Nodes(key.clone(), self.members(entered, fields)?)
                        }
                        ConnectionField::PageInfo(key, info) => ConnectionPart::PageInfo(key.clone(), info.clone()),
                        ConnectionField::Total(key) => ConnectionPart::Total(key.clone()),
                    });
                }
                Output::Connection(parts)
            }
            request::Output::Keys => {
                let keys = entered.face.key.iter().map(|column| Field::Member {
                    key: entered.face.column(*column).name.clone(),
                    value: FieldValue::Expression(Expression::Column(entered.face.column(*column).name.clone())),
                });
                Output::Rows(self.members(entered, &keys.collect::<Vec<_>>())?)
            }
            request::Output::Scalar => {
                return Err(Error::invalid(
                    Code::NOT_SUPPORTED,
                    format!("{:?} has rows, not a scalar", entered.face.name.as_str()),
                ));
            }
        })
    }

    fn edges(&mut self, entered: &Entered<'a>, fields: &[EdgeField]) -> Result<Vec<EdgePart>> {
        let mut parts = Vec::with_capacity(fields.len());
        for field in fields {
            parts.push(match field {
                EdgeField::Constant(key, constant) => EdgePart::Constant(key.clone(), constant.clone()),
                EdgeField::Cursor(key) => EdgePart::Cursor(key.clone()),
                EdgeField::Node(key, fields) => EdgePart::Node(key.clone(), self.members(entered, fields)?),
            });
        }
        Ok(parts)
    }

    fn members(&mut self, entered: &Entered<'a>, fields: &[Field]) -> Result<Vec<Member>> {
        let mut members = Vec::with_capacity(fields.len());
        for field in fields {
            match field {
                Field::AllColumns => {
                    for (index, column) in entered.face.columns.iter().enumerate() {
                        let id = crate::catalog::ColumnId(u16::try_from(index).unwrap_or(u16::MAX));
                        if let Some(term) = self.cell(entered, id) {
                            members.push(Member {
                                key: column.name.clone(),
                                value: MemberValue::Term(term),
                            });
                        }
                    }
                }
                Field::Member { key, value } => members.push(Member {
                    key: key.clone(),
                    value: self.member(entered, value)?,
                }),
            }
        }
        Ok(members)
    }

    fn member(&mut self, entered: &Entered<'a>, value: &FieldValue) -> Result<MemberValue> {
        Ok(match value {
            FieldValue::Expression(expression) => MemberValue::Term(self.expression(entered, expression)?),
            FieldValue::Constant(constant) => MemberValue::Constant(constant.clone()),
            FieldValue::Relation { name, select } => {
                let (select, many) = self.related(entered, name, select)?;
                if let (
                    false,
                    Select {
                        output: Output::Rows(_) | Output::Aggregate(_) | Output::Groups { .. },
                        ..
                    },
                ) = (many, &select)
                {
                    return Err(Error::invalid(
                        Code::UNKNOWN_RELATION,
                        format!("{:?} leads to one row", name.as_str()),
                    ));
                }
                MemberValue::Relation(Box::new(select))
            }
            FieldValue::Object { unless_null, fields } => MemberValue::Object {
                unless_null: unless_null
                    .as_ref()
                    .map(|expression| self.expression(entered, expression))
                    .transpose()?,
                members: self.members(entered, fields)?,
            },
            FieldValue::Computed {
                name,
                arguments,
                select,
            } => {
                let computed = entered
                    .face
                    .computed
                    .iter()
                    .filter(|computed| entered.read.computed.contains(&computed.name));
                let Some(found) = computed.clone().find(|computed| computed.name == *name) else {
                    let names = computed.map(|computed| computed.name.as_str());
                    let of = Some(entered.face.name.as_str());
                    return Err(Error::unknown(
                        Kind::Invalid,
                        Code::UNKNOWN_COLUMN,
                        "computed field",
                        name.as_str(),
                        of,
                        names,
                    ));
                };
                let (function, row) = (found.function, found.table_argument.clone());
                let mut all = self.arguments(function, arguments, found.session_argument.as_deref())?;
                all.push((row, None));
                let returned = &self.catalog.database.functions[function].result;
                let data_type = match (returned, select) {
                    (FunctionResult::Scalar { data_type, .. }, None) => data_type,
                    (FunctionResult::Rows { table, many }, Some(select)) => {
                        return self.computed_rows(
                            name,
                            From::Function {
                                function,
                                arguments: all,
                                table: *table,
                            },
                            *many,
                            select,
                        );
                    }
                    (FunctionResult::Scalar { .. }, Some(_)) => {
                        let message = format!("{:?} is a value, it has no members", name.as_str());
                        return Err(Error::invalid(Code::NOT_SUPPORTED, message));
                    }
                    (FunctionResult::Rows { .. }, None) => {
                        let message = format!("{:?} returns rows: say which members of them", name.as_str());
                        return Err(Error::invalid(Code::NOT_SUPPORTED, message));
                    }
                };
                MemberValue::Computed {
                    function,
                    arguments: all,
                    data_type: data_type.clone(),
                }
            }
        })
    }

    /// The face as which the role sees the rows of a table that a function returns.
    pub(super) fn returned(&self, table: TableId) -> Option<&'a Face> {
        self.catalog
            .faces
            .iter()
            .find(|face| face.table == table && self.view.read(face.id).is_some())
    }

    /// A computed field that returns rows of a table: they are seen as the role sees that table.
    fn computed_rows(
        &mut self,
        name: &crate::ident::Name,
        from: From,
        many: bool,
        select: &crate::request::Select,
    ) -> Result<MemberValue> {
        let face = from.table().and_then(|table| self.returned(table)).ok_or_else(|| {
            let role = self.principal.role.as_str();
            Error::forbidden(format!("role {role:?} may not read what {:?} returns", name.as_str()))
        })?;
        let target = self.enter(face)?;
        let select = self.select(&target, from, target.rule.clone(), None, select)?;
        if many == matches!(select.output, Output::Row(_)) {
            let rows = if many { "several rows" } else { "one row" };
            let message = format!("{:?} leads to {rows}", name.as_str());
            return Err(Error::invalid(Code::UNKNOWN_RELATION, message));
        }
        Ok(MemberValue::Relation(Box::new(select)))
    }

    fn groups(
        &mut self,
        entered: &Entered<'a>,
        by: &[(crate::ident::Name, request::Expression)],
        having: Option<&request::Filter>,
        fields: &[GroupField],
    ) -> Result<Output> {
        self.check_aggregate(entered)?;
        let counting = entered.counting();
        let entered = &*counting;
        let mut keys = Vec::with_capacity(by.len());
        for (name, expression) in by {
            let term = self.expression(entered, expression)?;
            self.check_distinguishable(&term, name.as_str())?;
            keys.push(GroupedBy {
                name: name.clone(),
                term,
            });
        }
        let index = |name: &crate::ident::Name| {
            keys.iter().position(|key| key.name == *name).ok_or_else(|| {
                let names = keys.iter().map(|key| key.name.as_str());
                Error::unknown(
                    Kind::Invalid,
                    Code::UNKNOWN_COLUMN,
                    "group key",
                    name.as_str(),
                    None,
                    names,
                )
            })
        };
        let mut parts = Vec::with_capacity(fields.len());
        for field in fields {
            parts.push(match field {
                GroupField::Constant(key, constant) => GroupPart::Constant(key.clone(), constant.clone()),
                GroupField::Key(key, name) => GroupPart::Key(key.clone(), index(name)?),
                GroupField::Keys(key, members) => {
                    let mut found = Vec::with_capacity(members.len());
                    for (output, member) in members {
                        found.push(match member {
                            GroupKey::By(name) => (output.clone(), Ok(index(name)?)),
                            GroupKey::Constant(constant) => (output.clone(), Err(constant.clone())),
                        });
                    }
                    GroupPart::Keys(key.clone(), found)
                }
                GroupField::Aggregates(key, members) => {
                    GroupPart::Aggregates(key.clone(), self.aggregate_members(entered, members)?)
                }
                GroupField::Expression(key, expression) => {
                    GroupPart::Term(key.clone(), self.expression(entered, expression)?)
                }
            });
        }
        let having = having
            .map(|filter| self.filter(entered, filter))
            .transpose()?
            .unwrap_or(Predicate::TRUE);
        Ok(Output::Groups {
            by: keys,
            having,
            parts,
        })
    }
}
