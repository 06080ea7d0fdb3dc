//! Terms → SQL.

use super::{Form, Writer};
use crate::request::{AggregateFunction, Function, JsonStep};
use crate::rules::{Aggregate, Parameter, RuleFunction, Term};
use crate::value::{Datum, Type};

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
                self.word("CASE");
                for (condition, value) in branches {
                    self.word(" WHEN ");
                    self.predicate(condition);
                    self.word(" THEN ");
                    self.term(value);
                }
                if let Some(value) = otherwise {
                    self.word(" ELSE ");
                    self.term(value);
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

    fn arguments(&mut self, terms: &[Term], separator: &'static str) {
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
        let infix = |writer: &mut Self, operator: &'static str| {
            writer.word("(");
            writer.arguments(arguments, operator);
            writer.word(")");
        };
        match function {
            Function::Add => infix(self, " + "),
            Function::Subtract => infix(self, " - "),
            Function::Multiply => infix(self, " * "),
            Function::Divide => {
                self.word("(");
                if let [left, right] = arguments {
                    self.term(left);
                    self.word(" / nullif(");
                    self.term(right);
                    self.word(", 0)");
                }
                self.word(")");
            }
            Function::Negate => {
                self.word("(- ");
                self.arguments(arguments, ", ");
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
                let _ = data_type;
                self.function("coalesce(", arguments);
            }
            Function::Substring => self.text_function("substr(", arguments),
            Function::Replace => self.text_function("replace(", arguments),
            Function::Absolute => self.function("abs(", arguments),
            Function::Distance => {
                if let [one, other] = arguments {
                    self.distance(one, other);
                }
            }
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
                self.word("(");
                self.arguments(arguments, " % ");
                self.word(")");
            }
            RuleFunction::JsonArrayLength => {
                self.by_flavor("jsonb_array_length(", "json_array_length(");
                self.arguments(arguments, ", ");
                self.by_flavor("::jsonb)", ")");
            }
            RuleFunction::Trim => self.function("trim(", arguments),
            RuleFunction::Round => self.function("round(", arguments),
            RuleFunction::NullIf => self.function("nullif(", arguments),
            RuleFunction::ToText => self.cast(arguments, " AS text)"),
            RuleFunction::ToInteger => self.cast(arguments, " AS bigint)"),
            RuleFunction::ToFloat => self.cast(arguments, " AS double precision)"),
            RuleFunction::Geometry(relation) => {
                if let [one, other] = arguments {
                    self.geometry_test(relation, one, other);
                }
            }
        }
    }

    fn cast(&mut self, arguments: &[Term], closing: &'static str) {
        self.word("CAST(");
        self.arguments(arguments, ", ");
        self.word(closing);
    }

    fn json_path(&mut self, term: &Term, path: &[JsonStep], text: bool) {
        self.word("(");
        self.term(term);
        if self.is_postgres() {
            self.word(if text { " #>> " } else { " #> " });
            let steps = path.iter().map(|step| match step {
                JsonStep::Key(key) => Datum::Text(key.as_str().into()),
                JsonStep::Index(index) => Datum::Text(index.to_string().into()),
            });
            let source = Parameter::Constant(Datum::List(steps.collect()));
            self.mark(&source, &Type::TEXT, true, Form::Plain);
            if !text && matches!(term.data_type(self.catalog), Type::Json) {
                self.word(")::jsonb");
                return;
            }
        } else {
            self.word(if text { " ->> " } else { " -> " });
            let source = Parameter::Constant(Datum::Text(sqlite_path(path).into()));
            self.mark(&source, &Type::TEXT, false, Form::Plain);
        }
        self.word(")");
    }

    /// An aggregate over the rows in scope.
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate) {
        use AggregateFunction as F;
        let of = &aggregate.of;
        let operand = of.first().map(|term| term.data_type(self.catalog));
        let exact = matches!(operand, Some(Type::Numeric | Type::Integer(64)));
        match aggregate.function {
            F::Count => self.count(of, aggregate.distinct),
            F::Sum if self.is_postgres() || !exact => self.plain_aggregate("sum(", aggregate, ")"),
            F::Sum => self.plain_aggregate("diglot_sum(", aggregate, ")"),
            F::Average if self.is_postgres() && exact => self.plain_aggregate("avg(", aggregate, ")::float8"),
            F::Average if self.is_postgres() => self.plain_aggregate("avg((", aggregate, ")::float8)"),
            F::Average if exact => self.plain_aggregate("diglot_avg(", aggregate, ")"),
            F::Average => self.plain_aggregate("avg(", aggregate, ")"),
            F::Minimum | F::Every if !self.is_postgres() => self.plain_aggregate("min(", aggregate, ")"),
            F::Maximum | F::Any if !self.is_postgres() => self.plain_aggregate("max(", aggregate, ")"),
            // PostgreSQL has no least or greatest uuid before version 18; as text they have the same order.
            F::Minimum if matches!(operand, Some(Type::Uuid)) => {
                self.plain_aggregate("min((", aggregate, ")::text)::uuid")
            }
            F::Maximum if matches!(operand, Some(Type::Uuid)) => {
                self.plain_aggregate("max((", aggregate, ")::text)::uuid")
            }
            F::Minimum => self.plain_aggregate("min(", aggregate, ")"),
            F::Maximum => self.plain_aggregate("max(", aggregate, ")"),
            F::Every => self.plain_aggregate("bool_and(", aggregate, ")"),
            F::Any => self.plain_aggregate("bool_or(", aggregate, ")"),
            F::StandardDeviation => self.statistic("stddev_samp((", "diglot_stddev(", aggregate),
            F::StandardDeviationPopulation => self.statistic("stddev_pop((", "diglot_stddev_pop(", aggregate),
            F::Variance => self.statistic("var_samp((", "diglot_variance(", aggregate),
            F::VariancePopulation => self.statistic("var_pop((", "diglot_var_pop(", aggregate),
        }
    }

    fn plain_aggregate(&mut self, opening: &'static str, aggregate: &Aggregate, closing: &'static str) {
        self.word(opening);
        if aggregate.distinct {
            self.word("DISTINCT ");
        }
        self.arguments(&aggregate.of, ", ");
        self.word(closing);
    }

    fn statistic(&mut self, postgres: &'static str, sqlite: &'static str, aggregate: &Aggregate) {
        if self.is_postgres() {
            self.plain_aggregate(postgres, aggregate, ")::float8)");
        } else {
            self.plain_aggregate(sqlite, aggregate, ")");
        }
    }

    fn count(&mut self, of: &[Term], distinct: bool) {
        match of {
            [] => self.word("count(*)"),
            [one] => {
                self.word(if distinct { "count(DISTINCT " } else { "count(" });
                self.term(one);
                self.by_flavor(
                    if distinct && matches!(one.data_type(self.catalog), Type::Json) {
                        "::jsonb"
                    } else {
                        ""
                    },
                    "",
                );
                self.word(")");
            }
            several => {
                self.word(if distinct {
                    "count(DISTINCT CASE WHEN "
                } else {
                    "count(CASE WHEN "
                });
                for (index, term) in several.iter().enumerate() {
                    if index > 0 {
                        self.word(" AND ");
                    }
                    self.term(term);
                    self.word(" IS NOT NULL");
                }
                self.word(" THEN ");
                if distinct {
                    self.by_flavor("ROW(", "json_array(");
                    self.arguments(several, ", ");
                    self.word(")");
                } else {
                    self.word("1");
                }
                self.word(" END)");
            }
        }
    }
}

/// A JSON path of SQLite: `$."key"[0]`.
fn sqlite_path(path: &[JsonStep]) -> String {
    let mut text = String::from("$");
    for step in path {
        match step {
            JsonStep::Key(key) => {
                text.push_str(".\"");
                text.push_str(&key.as_str().replace('"', ""));
                text.push('"');
            }
            JsonStep::Index(index) if *index < 0 => {
                text.push_str("[#");
                text.push_str(&index.to_string());
                text.push(']');
            }
            JsonStep::Index(index) => {
                text.push('[');
                text.push_str(&index.to_string());
                text.push(']');
            }
        }
    }
    text
}
