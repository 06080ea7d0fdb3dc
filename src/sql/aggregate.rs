//! Aggregates → SQL.
//!
//! Like arithmetic, they end no statement because of what a row holds. PostgreSQL's sums of doubles raise an error where they
//! are too large on the way, its means and spreads already where a square is.

use super::Writer;
use crate::request::AggregateFunction;
use crate::rules::{Aggregate, Term};
use crate::value::Type;

/// Sums of what is below this are no more than the greatest double, for more rows than there are.
const NEAR: &str = " BETWEEN -1e297 AND 1e297";

/// Squares of what is below this can be added up as well.
const SQUARED: &str = " NOT BETWEEN -1e145 AND 1e145 THEN 'NaN'";

impl Writer<'_> {
    /// An aggregate over the rows in scope.
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate) {
        use AggregateFunction as F;
        let of = &aggregate.of;
        let operand = of.first().map(|term| term.data_type(self.catalog));
        let exact = matches!(operand, Some(Type::Numeric | Type::Integer(64)));
        let real = matches!(operand, Some(Type::Float(_)));
        match aggregate.function {
            F::Count => self.count(of, aggregate.distinct),
            F::Sum if real => self.sum_of_doubles(aggregate),
            F::Average if real => self.mean_of_doubles(aggregate),
            // An INTEGER of SQLite's may hold 64 bits, and its own sum ends the statement where it has more.
            F::Sum if !self.is_postgres() && matches!(operand, Some(Type::Integer(_))) => {
                self.plain_aggregate("diglot_sum(", aggregate, ")");
            }
            F::Sum if self.is_postgres() || !exact => self.plain_aggregate("sum(", aggregate, ")"),
            F::Sum => self.plain_aggregate("diglot_sum(", aggregate, ")"),
            F::Average if self.is_postgres() && matches!(operand, Some(Type::Numeric)) => {
                self.mean_of_decimals(aggregate);
            }
            F::Average if self.is_postgres() => self.plain_aggregate("avg(", aggregate, ")::float8"),
            F::Average if exact => self.plain_aggregate("diglot_avg(", aggregate, ")"),
            F::Average => self.plain_aggregate("avg(", aggregate, ")"),
            F::Minimum if !self.is_postgres() => self.plain_aggregate("min(", aggregate, ")"),
            F::Maximum if !self.is_postgres() => self.plain_aggregate("max(", aggregate, ")"),
            // PostgreSQL has no least or greatest uuid before version 18; as text they have the same order.
            F::Minimum if matches!(operand, Some(Type::Uuid)) => {
                self.plain_aggregate("min((", aggregate, ")::text)::uuid")
            }
            F::Maximum if matches!(operand, Some(Type::Uuid)) => {
                self.plain_aggregate("max((", aggregate, ")::text)::uuid")
            }
            F::Minimum => self.plain_aggregate("min(", aggregate, ")"),
            F::Maximum => self.plain_aggregate("max(", aggregate, ")"),
            F::StandardDeviation => self.spread("stddev_samp(", "diglot_stddev(", aggregate),
            F::StandardDeviationPopulation => self.spread("stddev_pop(", "diglot_stddev_pop(", aggregate),
            F::Variance => self.spread("var_samp(", "diglot_variance(", aggregate),
            F::VariancePopulation => self.spread("var_pop(", "diglot_var_pop(", aggregate),
        }
    }

    fn plain_aggregate(&mut self, opening: &'static str, aggregate: &Aggregate, closing: &'static str) {
        use AggregateFunction as F;
        self.word(opening);
        self.distinct(aggregate);
        match aggregate.of.as_slice() {
            [one] if matches!(aggregate.function, F::Minimum | F::Maximum) && !self.is_postgres() => {
                self.order_term(one)
            }
            several => self.arguments(several, ", "),
        }
        self.word(closing);
    }

    fn distinct(&mut self, aggregate: &Aggregate) {
        self.word(if aggregate.distinct { "DISTINCT " } else { "" });
    }

    /// What a double is added up as: one of 32 bits as the digits that it is written with, as SQLite keeps it.
    fn summand(&mut self, aggregate: &Aggregate) {
        let [term] = aggregate.of.as_slice() else { return };
        self.term(term);
        if self.is_postgres() && !matches!(term.data_type(self.catalog), Type::Float(64)) {
            self.word("::text::float8");
        }
    }

    /// The sum of what is near to zero.
    fn near(&mut self, aggregate: &Aggregate) {
        self.word("sum(");
        self.distinct(aggregate);
        self.summand(aggregate);
        if self.is_postgres() {
            self.word(") FILTER (WHERE ");
            self.summand(aggregate);
            self.word(NEAR);
        }
        self.word(")");
    }

    /// The sum in units of 2^64, which has room; what is below 1e200 is of no account where this one is needed.
    fn scaled(&mut self, aggregate: &Aggregate) {
        self.word("sum(");
        self.distinct(aggregate);
        self.word("CASE WHEN ");
        self.summand(aggregate);
        self.word(" BETWEEN -1e200 AND 1e200 THEN 0 ELSE ");
        self.summand(aggregate);
        self.word(" / 18446744073709551616.0 END)");
    }

    /// The sum, infinite where it is beyond the greatest double.
    fn sum_of_doubles(&mut self, aggregate: &Aggregate) {
        self.word("(CASE WHEN ");
        self.scaled(aggregate);
        self.word(" BETWEEN -1e277 AND 1e277 THEN ");
        self.near_or_none(aggregate);
        self.word(" WHEN ");
        self.scaled(aggregate);
        self.word(" BETWEEN -9.745314011399998e288 AND 9.745314011399998e288 THEN ");
        self.scaled(aggregate);
        self.word(" * 18446744073709551616.0 ELSE ");
        self.scaled(aggregate);
        self.by_flavor(" * 'Infinity' END)", " * 9e999 END)");
    }

    /// Where all that is far cancels itself out, nothing is left of it.
    fn near_or_none(&mut self, aggregate: &Aggregate) {
        if !self.is_postgres() {
            return self.near(aggregate);
        }
        self.word("coalesce(");
        self.near(aggregate);
        self.word(", 0)");
    }

    /// The mean: of doubles it is one itself.
    fn mean_of_doubles(&mut self, aggregate: &Aggregate) {
        self.word("(CASE WHEN ");
        self.scaled(aggregate);
        self.word(" BETWEEN -1e277 AND 1e277 THEN ");
        if self.is_postgres() {
            // A quotient too near to zero is an error.
            self.word("CASE WHEN abs(");
            self.near_or_none(aggregate);
            self.word(") < 1e-307::float8 * ");
            self.count(&aggregate.of, aggregate.distinct);
            self.word(" THEN 0 ELSE ");
        }
        self.near_or_none(aggregate);
        self.word(" / ");
        self.count(&aggregate.of, aggregate.distinct);
        self.by_flavor(" END ELSE ", " ELSE ");
        self.scaled(aggregate);
        self.word(" / ");
        self.by_flavor("nullif(", "");
        self.count(&aggregate.of, aggregate.distinct);
        self.by_flavor(", 0)", "");
        self.word(" * 18446744073709551616.0 END)");
    }

    /// The mean of decimals as a double, infinite or zero where none is as large or as near to zero (PostgreSQL).
    fn mean_of_decimals(&mut self, aggregate: &Aggregate) {
        self.plain_aggregate(
            "(CASE WHEN avg(",
            aggregate,
            ") BETWEEN -1e-307 AND 1e-307 THEN 0 WHEN ",
        );
        self.plain_aggregate("avg(", aggregate, ") BETWEEN -1e308 AND 1e308 THEN ");
        self.plain_aggregate("avg(", aggregate, ")::float8 ELSE ");
        self.plain_aggregate("sign(avg(", aggregate, "))::float8 * 'Infinity' END)");
    }

    /// A spread; null where a number is too large for its square, or none.
    fn spread(&mut self, postgres: &'static str, sqlite: &'static str, aggregate: &Aggregate) {
        if !self.is_postgres() {
            return self.plain_aggregate(sqlite, aggregate, ")");
        }
        let [term] = aggregate.of.as_slice() else { return };
        self.word("nullif(");
        self.word(postgres);
        self.distinct(aggregate);
        match term.data_type(self.catalog) {
            Type::Float(_) => {
                self.word("CASE WHEN ");
                self.summand(aggregate);
                self.word(SQUARED);
                self.word(" ELSE ");
                self.summand(aggregate);
                self.word(" END");
            }
            Type::Numeric => {
                self.word("CASE WHEN ");
                self.term(term);
                self.word(SQUARED);
                self.word(" WHEN ");
                self.term(term);
                self.word(" BETWEEN -1e-307 AND 1e-307 THEN 0 ELSE ");
                self.term(term);
                self.word("::float8 END");
            }
            _ => {
                self.word("(");
                self.term(term);
                self.word(")::float8");
            }
        }
        self.word("), 'NaN')");
    }

    /// A term as it is told apart from others: JSON by its value, not by its text.
    fn distinct_value(&mut self, term: &Term) {
        match term.data_type(self.catalog) {
            Type::Json if self.is_postgres() => self.as_jsonb(term),
            Type::Json | Type::Jsonb if !self.is_postgres() => {
                self.word("diglot_json_canonical(");
                self.term(term);
                self.word(")");
            }
            _ => self.distinct_term(term),
        }
    }

    /// A value beside others in one that is told apart from others: an array of JSON on SQLite, which holds no bytes, and two
    /// zeros of doubles.
    fn one_of_several(&mut self, term: &Term) {
        let data_type = term.data_type(self.catalog);
        if self.is_postgres() {
            self.distinct_value(term);
        } else if matches!(data_type, Type::Float(_)) {
            self.word("CASE WHEN ");
            self.term(term);
            self.word(" = 0 THEN 0.0 ELSE ");
            self.term(term);
            self.word(" END");
        } else if self.careful || matches!(data_type, Type::Bytes | Type::Uuid | Type::Other(_)) {
            self.word("quote(");
            self.distinct_value(term);
            self.word(")");
        } else {
            self.distinct_value(term);
        }
    }

    fn count(&mut self, of: &[Term], distinct: bool) {
        match of {
            [] => self.word("count(*)"),
            [one] => {
                self.word(if distinct { "count(DISTINCT " } else { "count(" });
                if distinct {
                    self.distinct_value(one);
                } else {
                    self.term(one);
                }
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
                    for (index, term) in several.iter().enumerate() {
                        self.comma(index);
                        self.one_of_several(term);
                    }
                    self.word(")");
                } else {
                    self.word("1");
                }
                self.word(" END)");
            }
        }
    }
}
