//! Calls of the database's own functions (PostgreSQL).

use super::{Wire, Writer};
use crate::catalog::FunctionResult;
use crate::ident::Identifier;
use crate::rules::Term;
use crate::value::Type;

impl Writer<'_> {
    /// A function's value as a leaf. In a row several values become an array; alone they are rows.
    pub(super) fn computed(
        &mut self,
        function: usize,
        arguments: &[(String, Option<Term>)],
        data_type: &Type,
        in_row: bool,
    ) -> Wire {
        let (many, record) = match &self.catalog.database.functions[function].result {
            FunctionResult::Scalar {
                many, database_type, ..
            } => (*many, database_type == "record"),
            FunctionResult::Rows { many, .. } => (*many, true),
        };
        if many && in_row {
            self.word("(SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(v)), '[]') FROM ");
            self.function_call(function, arguments);
            self.word(" AS v)");
            return Wire::Jsonb;
        }
        let json = record || matches!(data_type, Type::Array(_) | Type::Other(_) | Type::Geometry);
        if json {
            self.word("to_jsonb(");
        }
        self.function_call(function, arguments);
        match data_type {
            _ if json => self.word(")"),
            Type::Numeric | Type::TimeTz | Type::Interval | Type::Enum(_) | Type::Text { .. } => self.word("::text"),
            _ => {}
        }
        if json { Wire::Jsonb } else { self.wire(data_type) }
    }

    /// `schema.function("name" => value, …)`. Every value is cast to its argument's type, so that one of several
    /// functions of a name is meant without doubt.
    pub(super) fn function_call(&mut self, function: usize, arguments: &[(String, Option<Term>)]) {
        let catalog = self.catalog;
        let function = &catalog.database.functions[function];
        self.identifier(&function.schema);
        self.word(".");
        self.identifier(&function.name);
        self.word("(");
        let by_place = function.arguments_by_place();
        let mut count = 0;
        for (index, argument) in function.arguments.iter().enumerate() {
            let Some((_, term)) = arguments.iter().find(|(name, _)| *name == argument.name) else {
                continue;
            };
            self.comma(count);
            count += 1;
            if argument.variadic {
                self.word("VARIADIC ");
            }
            if index >= by_place {
                self.identifier(&Identifier::new(argument.name.as_str()));
                self.word(" => ");
            }
            match term {
                None => self.row(),
                Some(term) if argument.data_type == Type::Geometry => self.geometry_argument(term, argument),
                Some(term) => {
                    self.term(term);
                    self.cast_to(&argument.database_type);
                }
            }
        }
        self.word(")");
    }

    /// The whole row at hand, as a value of its table's type.
    fn row(&mut self) {
        if let Some(alias) = self.pop_scope() {
            self.alias(alias);
            if alias.is_derived() {
                self.word(".\"diglot row\"");
            }
            self.push_scope(alias);
        }
    }
}
