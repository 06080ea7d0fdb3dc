//! Casts of rules. What cannot be cast is null, on both databases alike: PostgreSQL would end the whole statement because of
//! one row that a rule should have left out, SQLite would make a number of anything.

use super::Writer;
use crate::rules::Term;
use crate::value::Type;

/// What is written around a term, which is written several times.
type Between<'t> = &'t [&'static str];

const WHOLE: Between<'static> = &[
    "(CASE WHEN (",
    ")::text ~ '^ *[-+]?[0-9]{1,40} *$' THEN CASE WHEN (",
    ")::text::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN (",
    ")::text::numeric::bigint END END)",
];

const DECIMAL_AS_WHOLE: Between<'static> = &[
    "(CASE WHEN round(",
    ") BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(",
    " AS bigint) END)",
];

/// The greatest integer is none as a double; the next one is greater.
const DOUBLE_AS_WHOLE: Between<'static> = &[
    "(CASE WHEN ",
    " >= -9223372036854775808::float8 AND ",
    " < 9223372036854775807::float8 THEN CAST(",
    " AS bigint) END)",
];

const NUMBER: Between<'static> = &[
    "(CASE WHEN (",
    ")::text ~ '^ *[-+]?([0-9]{1,255}([.][0-9]{0,255})?|[.][0-9]{1,255})([eE][-+]?[0-9]{1,3})? *$' THEN CASE WHEN (",
    ")::text::numeric = 0 OR abs((",
    ")::text::numeric) BETWEEN 1e-307 AND 1e308 THEN (",
    ")::text::float8 END END)",
];

const DECIMAL_AS_DOUBLE: Between<'static> = &[
    "(CASE WHEN ",
    " = 0 OR abs(",
    ") BETWEEN 1e-307 AND 1e308 THEN CAST(",
    " AS float8) END)",
];

impl Writer<'_> {
    pub(super) fn cast_to_integer(&mut self, term: &Term) {
        let data_type = term.data_type(self.catalog);
        if !self.is_postgres() {
            // Halves of decimals go away from zero, those of doubles to the even side, as PostgreSQL has it.
            let decimal = data_type == Type::Numeric;
            self.around(
                term,
                if decimal {
                    &["diglot_integer(diglot_round(", ", 0))"]
                } else {
                    &["diglot_integer(", ")"]
                },
            );
            return;
        }
        self.around(
            term,
            match data_type {
                Type::Integer(_) => &["CAST(", " AS bigint)"],
                Type::Boolean => &["CAST(CAST(", " AS int4) AS bigint)"],
                Type::Numeric => DECIMAL_AS_WHOLE,
                Type::Float(_) => DOUBLE_AS_WHOLE,
                _ => WHOLE,
            },
        );
    }

    pub(super) fn cast_to_float(&mut self, term: &Term) {
        if !self.is_postgres() {
            self.around(term, &["diglot_float(", ")"]);
            return;
        }
        self.around(
            term,
            match term.data_type(self.catalog) {
                Type::Integer(_) | Type::Float(_) => &["CAST(", " AS float8)"],
                Type::Boolean => &["CAST(CAST(", " AS int4) AS float8)"],
                Type::Numeric => DECIMAL_AS_DOUBLE,
                _ => NUMBER,
            },
        );
    }

    /// A value as a text, in the one form that both databases can give it.
    pub(super) fn cast_to_text(&mut self, term: &Term) {
        let words: Between<'_> = match (term.data_type(self.catalog), self.is_postgres()) {
            // Zeros behind the point are kept by one database alone.
            (Type::Numeric, true) => &["trim_scale(", ")::text"],
            (Type::TimestampTz, true) => &["((", ") AT TIME ZONE 'UTC')::text"],
            (_, true) => &["CAST(", " AS text)"],
            (Type::Boolean, false) => &["CASE WHEN ", " THEN 'true' WHEN NOT ", " THEN 'false' END"],
            (Type::Numeric, false) => &["diglot_decimal_text(", ")"],
            (Type::Float(_), false) => &["diglot_float_text(", ")"],
            (Type::Timestamp | Type::TimestampTz, false) => &["diglot_moment(", ")"],
            (Type::Date, false) => &["diglot_day(", ")"],
            (Type::Uuid, false) => &["diglot_uuid(", ")"],
            (Type::Bytes, false) => &["CASE WHEN ", " IS NOT NULL THEN '\\x' || lower(hex(", ")) END"],
            (_, false) => &["CAST(", " AS text)"],
        };
        self.around(term, words);
    }

    fn around(&mut self, term: &Term, words: Between<'_>) {
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                self.term(term);
            }
            self.word(word);
        }
    }
}
