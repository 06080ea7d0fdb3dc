//! Arithmetic that ends no statement, whatever the rows hold: what no number can be is null, on both databases alike.
//!
//! PostgreSQL raises an error where integers, doubles or decimals are too large for their type, so that one row would make
//! its table unreadable; SQLite goes on with infinities. Integers are reckoned with as decimals on PostgreSQL and go on as
//! doubles on SQLite. Doubles are looked at before they are reckoned with: what would be beyond the greatest is null, what
//! would be nearer to zero than `1e-307` is zero, and what is no finite number itself makes null.

use super::Writer;
use crate::request::Function;
use crate::rules::{Parameter, Term};
use crate::value::{Datum, Type};

/// A part of what is written for an operation.
#[derive(Clone, Copy)]
enum Piece {
    Word(&'static str),
    Left,
    Right,
}

use Piece::{Left as L, Right as R, Word as W};

/// Only two numbers of one sign can be too large together.
const SUM: &[Piece] = &[
    W("(CASE WHEN abs("),
    L,
    W(") < 'Infinity' AND abs("),
    R,
    W(") < 'Infinity' AND (("),
    L,
    W(" < 0) <> ("),
    R,
    W(" < 0) OR abs("),
    L,
    W(") <= 1.7976931348623157e308::float8 - abs("),
    R,
    W(")) THEN "),
    L,
    W(" + "),
    R,
    W(" END)"),
];

const DIFFERENCE: &[Piece] = &[
    W("(CASE WHEN abs("),
    L,
    W(") < 'Infinity' AND abs("),
    R,
    W(") < 'Infinity' AND (("),
    L,
    W(" < 0) = ("),
    R,
    W(" < 0) OR abs("),
    L,
    W(") <= 1.7976931348623157e308::float8 - abs("),
    R,
    W(")) THEN "),
    L,
    W(" - "),
    R,
    W(" END)"),
];

const PRODUCT: &[Piece] = &[
    W("(CASE WHEN abs("),
    R,
    W(") < 'Infinity' AND abs("),
    L,
    W(") <= 1.7976931348623157e308::float8 / greatest(abs("),
    R,
    W("), 1) THEN CASE WHEN abs("),
    L,
    W(") < 1e-307::float8 / least(greatest(abs("),
    R,
    W("), 1e-320::float8), 1) THEN 0 ELSE "),
    L,
    W(" * "),
    R,
    W(" END END)"),
];

const QUOTIENT: &[Piece] = &[
    W("(CASE WHEN "),
    R,
    W(" <> 0 AND abs("),
    R,
    W(") < 'Infinity' AND abs("),
    L,
    W(") <= 1.7976931348623157e308::float8 * least(abs("),
    R,
    W("), 1) THEN CASE WHEN abs("),
    L,
    W(") < 1e-307::float8 * greatest(abs("),
    R,
    W("), 1) THEN 0 ELSE "),
    L,
    W(" / nullif("),
    R,
    W(", 0) END END)"),
];

impl Writer<'_> {
    /// `+`, `-`, `*` or `/` of two numbers.
    pub(super) fn arithmetic(&mut self, function: Function, arguments: &[Term], data_type: &Type) {
        let [left, right] = arguments else { return };
        if matches!(data_type, Type::Float(_)) {
            return self.of_doubles(function, left, right);
        }
        let (operator, closing) = match function {
            Function::Add => (" + ", ")"),
            Function::Subtract => (" - ", ")"),
            Function::Multiply => (" * ", ")"),
            _ => {
                let is_integer = |term: &Term| matches!(term.data_type(self.catalog), Type::Integer(_));
                let whole = arguments.iter().all(is_integer);
                if !whole && !self.is_postgres() {
                    self.word("diglot_divide(");
                    self.number_term(left);
                    self.word(", ");
                    self.number_term(right);
                    return self.word(")");
                }
                if whole && self.is_postgres() {
                    // Without the fraction, and without the error of the one quotient that is too large.
                    self.word("div");
                    return self.infix_number(arguments, ", nullif(", ", 0))");
                }
                (" / nullif(", ", 0))")
            }
        };
        self.infix_number(arguments, operator, closing);
    }

    /// `(left operator right`, and `closing`.
    pub(super) fn infix_number(&mut self, arguments: &[Term], operator: &'static str, closing: &'static str) {
        self.word("(");
        if let [left, right] = arguments {
            self.number_term(left);
            self.word(operator);
            self.number_term(right);
        }
        self.word(closing);
    }

    /// An operand beside integers and decimals. PostgreSQL's decimals end somewhere, too: a stored one that no double could
    /// hold is no operand, nor is a column's text that is no number (SQLite).
    pub(super) fn number_term(&mut self, term: &Term) {
        match term.data_type(self.catalog) {
            Type::Integer(_) => {
                self.term(term);
                self.by_flavor("::numeric", "");
            }
            Type::Numeric if !self.storing && matches!(term, Term::Column { .. }) => {
                self.word("(CASE WHEN ");
                self.term(term);
                self.word(" BETWEEN -1e308 AND 1e308 THEN ");
                self.term(term);
                self.word(" END)");
            }
            _ => self.term(term),
        }
    }

    fn of_doubles(&mut self, function: Function, left: &Term, right: &Term) {
        let (operator, pieces) = match function {
            Function::Add => (" + ", SUM),
            Function::Subtract => (" - ", DIFFERENCE),
            Function::Multiply => (" * ", PRODUCT),
            _ => (" / ", QUOTIENT),
        };
        if !self.is_postgres() {
            // A value that is to be kept is refused, not lost.
            self.word(if self.storing {
                "diglot_fitting("
            } else {
                "diglot_finite("
            });
            let divide = function == Function::Divide;
            self.word(if divide { "diglot_divide(" } else { "" });
            self.term(left);
            self.word(if divide { ", " } else { operator });
            self.term(right);
            return self.word(if divide { "))" } else { ")" });
        }
        if self.storing {
            self.word("(");
            self.double(left);
            self.word(operator);
            self.word(if function == Function::Divide { "nullif(" } else { "" });
            self.double(right);
            return self.word(if function == Function::Divide { ", 0))" } else { ")" });
        }
        // What is more than a column or a value is reckoned out once.
        let once = !(is_plain(left) && is_plain(right));
        self.word(if once { "(SELECT " } else { "" });
        for piece in pieces {
            match (piece, once) {
                (W(word), _) => self.word(word),
                (L, true) => self.word("o.l"),
                (R, true) => self.word("o.r"),
                (L, false) => self.double(left),
                (R, false) => self.double(right),
            }
        }
        if once {
            self.word(" FROM (SELECT ");
            self.double(left);
            self.word(" AS l, ");
            self.double(right);
            self.word(" AS r OFFSET 0) AS o)");
        }
    }

    /// A term beside others; a stored decimal beside doubles as one itself: infinite or zero where none is as large or as near
    /// to zero, which PostgreSQL has errors for.
    pub(super) fn beside(&mut self, term: &Term, doubles: bool) {
        let stored = !matches!(term, Term::Parameter { .. }) && term.data_type(self.catalog) == Type::Numeric;
        if !(doubles && stored && self.is_postgres()) {
            return self.term(term);
        }
        self.word("(CASE WHEN ");
        self.term(term);
        self.word(" BETWEEN -1e-307 AND 1e-307 THEN 0 WHEN ");
        self.term(term);
        self.word(" BETWEEN -1e308 AND 1e308 THEN ");
        self.term(term);
        self.word("::float8 ELSE sign(");
        self.term(term);
        self.word(")::float8 * 'Infinity' END)");
    }

    /// An operand as a double (PostgreSQL).
    fn double(&mut self, term: &Term) {
        if let Term::Parameter {
            source: Parameter::Constant(Datum::Text(text)),
            data_type: Type::Numeric,
            list: false,
        } = term
            && let Ok(number) = text.parse::<f64>()
        {
            return self.term(&Term::Parameter {
                source: Parameter::Constant(Datum::Float(number)),
                data_type: Type::Float(64),
                list: false,
            });
        }
        match term.data_type(self.catalog) {
            Type::Float(64) => self.term(term),
            Type::Float(_) | Type::Integer(_) => {
                self.term(term);
                self.word("::float8");
            }
            _ => self.cast_to_float(term),
        }
    }
}

/// Whether a term can be written several times: a column or a value, of a type that becomes a double by itself.
fn is_plain(term: &Term) -> bool {
    matches!(term, Term::Column { .. } | Term::Parameter { .. })
}
