//! Terms → SQL.

use super::{Form, Writer};
use crate::request::{Function, JsonStep};
use crate::rules::{Parameter, RuleFunction, Term};
use crate::value::{Datum, Type};

/// Between a `json` value and itself: the first is text without what `jsonb` refuses, which is the character NUL, half a
/// surrogate pair, and numbers with exponents of five digits and more. A backslash that is escaped itself begins none of
/// these.
const NO_JSONB: &str = concat!(
    r")::text !~* E'(^|[^\\\\])(\\\\\\\\)*\\\\u(0000",
    r"|d[89ab][0-9a-f]{2}(?!\\\\ud[c-f][0-9a-f]{2})",
    r"|(?<!\\\\ud[89ab][0-9a-f]{2}\\\\u)d[c-f][0-9a-f]{2})",
    r"|[0-9]e[+-]?0*[1-9][0-9]{4,}\\s*([]},]|$)' THEN (",
);

impl Writer<'_> {
    pub(super) fn term(&mut self, term: &Term) {
        match term {
            Term::Column { scope, table, column } => {
                let geometry = !self.is_postgres()
                    && matches!(self.catalog.table(*table).column(*column).data_type, Type::Geometry);
                if geometry {
                    self.word("diglot_geometry(");
                }
                self.column(*scope, *table, *column);
                if geometry {
                    self.word(")");
                }
            }
            Term::Parameter {
                source,
                data_type,
                list,
            } => self.mark(source, data_type, *list, Form::Plain),
            Term::Call {
                function,
                arguments,
                data_type,
            } => self.call(*function, arguments, data_type),
            Term::RuleCall {
                function, arguments, ..
            } => self.rule_call(*function, arguments),
            Term::Json { term, path, text } => self.json_path(term, path, *text),
            Term::Case { branches, otherwise } => {
                let doubles = matches!(term.data_type(self.catalog), Type::Float(_));
                self.word("CASE");
                for (condition, value) in branches {
                    self.word(" WHEN ");
                    self.predicate(condition);
                    self.word(" THEN ");
                    self.beside(value, doubles);
                }
                if let Some(value) = otherwise {
                    self.word(" ELSE ");
                    self.beside(value, doubles);
                }
                self.word(" END");
            }
            Term::Scalar {
                table,
                predicate,
                value,
            } => {
                let alias = self.new_alias();
                self.push_scope(alias);
                self.word("(SELECT ");
                self.term(value);
                self.word(" FROM ");
                self.table(*table);
                self.word(" AS ");
                self.alias(alias);
                self.word(" WHERE ");
                self.predicate(predicate);
                self.word(" LIMIT 1)");
                self.pop_scope();
            }
            Term::Aggregate(aggregate) => match &aggregate.rows {
                None => self.aggregate(aggregate),
                Some((table, predicate)) => {
                    let alias = self.new_alias();
                    self.push_scope(alias);
                    self.word("(SELECT ");
                    self.aggregate(aggregate);
                    self.word(" FROM ");
                    self.table(*table);
                    self.word(" AS ");
                    self.alias(alias);
                    self.word(" WHERE ");
                    self.predicate(predicate);
                    self.word(")");
                    self.pop_scope();
                }
            },
            Term::Truth(predicate) => {
                self.word("(");
                self.predicate(predicate);
                self.word(")");
            }
        }
    }

    pub(super) fn arguments(&mut self, terms: &[Term], separator: &'static str) {
        for (index, term) in terms.iter().enumerate() {
            if index > 0 {
                self.word(separator);
            }
            self.term(term);
        }
    }

    fn function(&mut self, opening: &'static str, arguments: &[Term]) {
        self.word(opening);
        self.arguments(arguments, ", ");
        self.word(")");
    }

    fn call(&mut self, function: Function, arguments: &[Term], data_type: &Type) {
        match function {
            Function::Add | Function::Subtract | Function::Multiply | Function::Divide => {
                self.arithmetic(function, arguments, data_type);
            }
            Function::Negate => {
                self.word("(- ");
                if let [term] = arguments {
                    self.number_term(term);
                }
                self.word(")");
            }
            Function::Concatenate => {
                self.word("(");
                for (index, term) in arguments.iter().enumerate() {
                    if index > 0 {
                        self.word(" || ");
                    }
                    self.term(term);
                    self.by_flavor("::text", "");
                }
                self.word(")");
            }
            Function::Lower => self.text_function("lower(", arguments),
            Function::Upper => self.text_function("upper(", arguments),
            Function::Length => self.text_function("length(", arguments),
            Function::Coalesce => {
                self.word("coalesce(");
                for (index, term) in arguments.iter().enumerate() {
                    self.comma(index);
                    self.beside(term, matches!(data_type, Type::Float(_)));
                }
                self.word(")");
            }
            Function::Substring => self.substring(arguments),
            Function::Replace => self.text_function("replace(", arguments),
            Function::Absolute => {
                let [term] = arguments else { return };
                if self.is_postgres() {
                    self.word("abs(");
                    self.number_term(term);
                    self.word(")");
                    return;
                }
                // `abs` raises an error for the least integer.
                self.word("(CASE WHEN ");
                self.term(term);
                self.word(" < 0 THEN - ");
                self.term(term);
                self.word(" ELSE ");
                self.term(term);
                self.word(" END)");
            }
            Function::JsonAppend
            | Function::JsonPrepend
            | Function::JsonDeleteKey
            | Function::JsonDeleteElement
            | Function::JsonDeletePath => self.changed_json(function, arguments),
            Function::Distance => {
                if let [one, other] = arguments {
                    self.distance(one, other);
                }
            }
        }
    }

    /// A JSON value changed: PostgreSQL's operators of `jsonb`, on SQLite functions that answer as they do.
    fn changed_json(&mut self, function: Function, arguments: &[Term]) {
        let [value, operand] = arguments else { return };
        let (name, operator) = match function {
            Function::JsonAppend => ("diglot_json_append(", " || "),
            Function::JsonPrepend => ("diglot_json_prepend(", " || "),
            Function::JsonDeleteElement => ("diglot_json_delete_element(", " - "),
            Function::JsonDeletePath => ("diglot_json_delete_path(", " #- "),
            _ => ("diglot_json_delete_key(", " - "),
        };
        if !self.is_postgres() {
            return self.function(name, arguments);
        }
        let sides = match function {
            Function::JsonPrepend => [operand, value],
            _ => [value, operand],
        };
        self.word("(");
        for (index, term) in sides.into_iter().enumerate() {
            if index > 0 {
                self.word(operator);
            }
            if matches!(term.data_type(self.catalog), Type::Json) {
                self.word("(");
                self.as_jsonb(term);
                self.word(")");
            } else {
                self.term(term);
            }
        }
        self.word(")");
    }

    /// A number of characters, a place or a number of digits, within what PostgreSQL's functions take.
    fn place(&mut self, term: &Term, least: &'static str) {
        self.word("greatest(");
        self.word(least);
        self.word(", least(1000000000, ");
        self.term(term);
        self.word("))");
    }

    /// From a place that is counted from 1, places before it included; a negative length is unknown.
    fn substring(&mut self, arguments: &[Term]) {
        let [text, from, length @ ..] = arguments else { return };
        if !self.is_postgres() {
            self.function(
                if length.is_empty() {
                    "diglot_substring("
                } else {
                    "diglot_substring_of("
                },
                arguments,
            );
            return;
        }
        self.word("substr(");
        self.term(text);
        self.word("::text, ");
        self.place(from, "-1000000000");
        self.word("::int4");
        if let [length] = length {
            self.word(", nullif(");
            self.place(length, "-1");
            self.word(", -1)::int4");
        }
        self.word(")");
    }

    /// Halves go away from zero, of decimals and doubles alike. (Doubles are rounded as the fifteen digits that they are
    /// good for.)
    fn round(&mut self, arguments: &[Term]) {
        let [number, digits @ ..] = arguments else { return };
        let postgres = self.is_postgres();
        let float = postgres && matches!(number.data_type(self.catalog), Type::Float(_));
        if !postgres {
            self.word("diglot_round(");
            self.term(number);
            self.word(", ");
        } else if float {
            self.word("(CASE WHEN abs(");
            self.term(number);
            self.word(") < 1e15 THEN round((");
            self.term(number);
            self.word(")::float8::numeric, ");
        } else {
            self.word("round((");
            self.term(number);
            self.word(")::numeric, ");
        }
        match digits {
            [digits] if postgres => {
                self.place(digits, "-1000");
                self.word("::int4");
            }
            [digits] => self.term(digits),
            _ => self.word("0"),
        }
        self.word(")");
        if float {
            self.word("::float8 ELSE ");
            self.term(number);
            self.word("::float8 END)");
        }
    }

    /// A function whose first argument may be an enum on PostgreSQL.
    fn text_function(&mut self, opening: &'static str, arguments: &[Term]) {
        self.word(opening);
        for (index, term) in arguments.iter().enumerate() {
            self.comma(index);
            self.term(term);
            if index == 0 {
                self.by_flavor("::text", "");
            }
        }
        self.word(")");
    }

    fn rule_call(&mut self, function: RuleFunction, arguments: &[Term]) {
        match function {
            RuleFunction::Now => self.by_flavor("now()", "strftime('%Y-%m-%d %H:%M:%S', 'now')"),
            RuleFunction::Today => self.by_flavor("(now() AT TIME ZONE 'UTC')::date", "date('now')"),
            RuleFunction::Modulo => {
                if !self.is_postgres() {
                    self.function("diglot_modulo(", arguments);
                    return;
                }
                self.infix_number(arguments, " % nullif(", ", 0))");
            }
            RuleFunction::JsonArrayLength => {
                let [term] = arguments else { return };
                if !self.is_postgres() {
                    self.word("diglot_json_length(");
                    self.term(term);
                    self.word(")");
                    return;
                }
                // What is no array has no length.
                let json = matches!(term.data_type(self.catalog), Type::Json);
                self.word(if json {
                    "CASE json_typeof("
                } else {
                    "CASE jsonb_typeof("
                });
                self.term(term);
                self.word(if json {
                    ") WHEN 'array' THEN json_array_length("
                } else {
                    ") WHEN 'array' THEN jsonb_array_length("
                });
                self.term(term);
                self.word(") END");
            }
            RuleFunction::Trim => self.text_function("trim(", arguments),
            RuleFunction::Round => self.round(arguments),
            RuleFunction::NullIf => {
                let mut types = arguments.iter().map(|term| term.data_type(self.catalog));
                let doubles = types.any(|data_type| matches!(data_type, Type::Float(_)));
                self.word("nullif(");
                for (index, term) in arguments.iter().enumerate() {
                    self.comma(index);
                    self.beside(term, doubles);
                }
                self.word(")");
            }
            RuleFunction::ToText => arguments.iter().for_each(|term| self.cast_to_text(term)),
            RuleFunction::ToInteger => arguments.iter().for_each(|term| self.cast_to_integer(term)),
            RuleFunction::ToFloat => arguments.iter().for_each(|term| self.cast_to_float(term)),
            RuleFunction::Geometry(relation) => {
                if let [one, other] = arguments {
                    self.geometry_test(relation, one, other);
                }
            }
        }
    }

    /// A part of a JSON value. Both databases read a path in the same way: a step leads into an object as a key, into an
    /// array as an index.
    fn json_path(&mut self, term: &Term, path: &[JsonStep], text: bool) {
        let steps = path.iter().map(|step| match step {
            JsonStep::Key(key) => Datum::Text(key.as_str().into()),
            JsonStep::Index(index) => Datum::Text(index.to_string().into()),
        });
        let steps = Parameter::Constant(Datum::List(steps.collect()));
        let is_json = matches!(term.data_type(self.catalog), Type::Json);
        if !self.is_postgres() {
            self.word("diglot_json_get(");
            self.term(term);
            self.word(", ");
            self.mark(&steps, &Type::TEXT, true, Form::Plain);
            self.word(if text { ", 1)" } else { ", 0)" });
            return;
        }
        self.word("(");
        if is_json {
            self.as_jsonb(term);
        } else {
            self.term(term);
        }
        self.word(if text { " #>> " } else { " #> " });
        self.mark(&steps, &Type::TEXT, true, Form::Plain);
        self.word(")");
    }

    /// A term of the type `json` as `jsonb` (PostgreSQL). Not all that `json` keeps can be `jsonb`, and one row that cannot
    /// must not end the statement: its value is unknown then. A client's value has been checked.
    pub(super) fn as_jsonb(&mut self, term: &Term) {
        if matches!(term, Term::Parameter { .. }) {
            self.term(term);
            self.word("::jsonb");
            return;
        }
        self.word("CASE WHEN (");
        self.term(term);
        self.word(NO_JSONB);
        self.term(term);
        self.word(")::jsonb END");
    }
}
