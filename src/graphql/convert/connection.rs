//! `<t>_connection`: Relay's pages.

use super::Converter;
use super::arguments::Arguments;
use crate::catalog::FaceId;
use crate::graphql::error::Fault;
use crate::graphql::types::{Key, Meaning, Part};
use crate::ident::Name;
use crate::request::{ConnectionField, EdgeField, Output, Page, PageInfoField, Select, Slot};
use crate::value::Value;
use async_graphql_parser::Positioned;
use async_graphql_parser::types::SelectionSet;
use async_graphql_value::ConstValue;

type Sets<'s, 'c> = &'s [&'c Positioned<SelectionSet>];

impl<'c> Converter<'c> {
    pub(super) fn connection(
        &mut self,
        face: FaceId,
        arguments: &Arguments<'c>,
        sets: Sets<'_, 'c>,
    ) -> Result<Select, Fault> {
        let filter = self.condition(face, arguments.get("where"))?;
        let order = self.order(face, arguments.get(self.types.names.words.field("order_by")))?;
        let (first, last) = (arguments.rows("first")?, arguments.rows("last")?);
        if first.is_some() && last.is_some() {
            return Err(Fault::validation("\"first\" and \"last\" cannot be used together"));
        }
        let limit = first.or(last).or(self.settings.default_limit);
        let page = Page {
            limit: limit.map(|rows| self.push_rows(rows)),
            after: self.cursor(arguments, "after"),
            before: self.cursor(arguments, "before"),
            backward: last.is_some(),
            ..Page::default()
        };
        let most = self.most(face, limit);
        let key = Key::Face(face, Part::Connection);
        let fields = self.members(key, sets, ConnectionField::Constant, |own, out, field, selected| {
            Ok(match field.meaning {
                Meaning::Edges(_) => {
                    let times = own.count_nodes(1, most)?;
                    ConnectionField::Edges(out, own.edges(face, &selected.sets, times)?)
                }
                Meaning::Nodes(_) => {
                    let times = own.count_nodes(1, most)?;
                    ConnectionField::Nodes(out, own.row(face, &selected.sets, times)?)
                }
                Meaning::PageInfo => ConnectionField::PageInfo(out, own.page_info(&selected.sets)?),
                _ => ConnectionField::Total(out),
            })
        })?;
        Ok(Select {
            filter,
            order,
            distinct: Vec::new(),
            page,
            output: Output::Connection(fields),
        })
    }

    fn cursor(&mut self, arguments: &Arguments<'c>, name: &str) -> Option<Slot> {
        match arguments.get(name) {
            Some(ConstValue::String(text)) => Some(self.builder.push(Value::Text(text.as_str().into()))),
            _ => None,
        }
    }

    fn edges(&mut self, face: FaceId, sets: Sets<'_, 'c>, times: u64) -> Result<Vec<EdgeField>, Fault> {
        let key = Key::Face(face, Part::Edge);
        let mut fields = Vec::new();
        for selected in self.collect(sets)? {
            let out = Name::new(selected.key);
            fields.push(match selected.field.name.node.as_str() {
                "__typename" => EdgeField::Constant(out, self.typename(key)),
                "cursor" => EdgeField::Cursor(out),
                _ => {
                    let row = self.row(face, &selected.sets, times);
                    EdgeField::Node(out, row.map_err(|fault| fault.under(selected.key))?)
                }
            });
        }
        Ok(fields)
    }

    fn page_info(&mut self, sets: Sets<'_, 'c>) -> Result<Vec<(Name, PageInfoField)>, Fault> {
        let mut members = Vec::new();
        for selected in self.collect(sets)? {
            let member = match self
                .types
                .field(Key::PageInfo, &selected.field.name.node)
                .map(|field| field.meaning)
            {
                Some(Meaning::Info(member)) => member,
                _ => PageInfoField::Typename,
            };
            members.push((Name::new(selected.key), member));
        }
        Ok(members)
    }
}
