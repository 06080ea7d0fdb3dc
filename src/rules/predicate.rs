//! Conditions and terms over resolved columns: what rules compile to and what filters resolve to.
//!
//! A column is found by *scope*: 0 is the row of the innermost table reference, 1 the one around it, and so on. So a
//! predicate of a table can stand in any place where scope 0 is a row of that table, without renaming.

use crate::catalog::{ColumnId, TableId};
use crate::request::{AggregateFunction, Comparison, Function, JsonStep, Slot};
use crate::value::{Datum, Type};

/// A three-valued condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// Decided: true, false, or unknown (which denies, also below NOT).
    Constant(Option<bool>),
    /// All; none is true.
    And(Vec<Predicate>),
    /// Any; none is false.
    Or(Vec<Predicate>),
    /// The opposite.
    Not(Box<Predicate>),
    /// Two terms compared.
    Compare {
        /// Left side.
        left: Term,
        /// How.
        comparison: Comparison,
        /// Right side; a list parameter for `In` and the like.
        right: Term,
    },
    /// Null or not null.
    IsNull {
        /// What is tested.
        term: Term,
        /// True tests for null.
        null: bool,
    },
    /// Any row of a table satisfies a condition.
    Exists(Box<Exists>),
    /// A term of boolean type.
    Truth(Box<Term>),
}

/// `EXISTS (SELECT 1 FROM table WHERE predicate)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Exists {
    /// The inner table.
    pub table: TableId,
    /// Over scope 0 = the inner row, 1 = the row around it.
    pub predicate: Predicate,
}

/// Something with a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A column.
    Column {
        /// Which row.
        scope: u16,
        /// The table of that row.
        table: TableId,
        /// Its column.
        column: ColumnId,
    },
    /// A value bound when the statement runs.
    Parameter {
        /// Where it comes from.
        source: Parameter,
        /// What it is cast to.
        data_type: Type,
        /// A list of `data_type`, bound as one value.
        list: bool,
    },
    /// A function or operator of the requests' list.
    Call {
        /// Which.
        function: Function,
        /// Arguments.
        arguments: Vec<Term>,
        /// Type of the result.
        data_type: Type,
    },
    /// A function that only rules may use.
    RuleCall {
        /// Which.
        function: RuleFunction,
        /// Arguments.
        arguments: Vec<Term>,
        /// Type of the result.
        data_type: Type,
    },
    /// A part of a JSON value.
    Json {
        /// The JSON.
        term: Box<Term>,
        /// The way in.
        path: Vec<JsonStep>,
        /// As text.
        text: bool,
    },
    /// The first branch whose condition is true.
    Case {
        /// Conditions and values.
        branches: Vec<(Predicate, Term)>,
        /// Else; `None` is null.
        otherwise: Option<Box<Term>>,
    },
    /// A value of a row of another table: `(SELECT value FROM table WHERE predicate LIMIT 1)`.
    Scalar {
        /// The inner table.
        table: TableId,
        /// Over scope 0 = the inner row, 1 = the row around it.
        predicate: Box<Predicate>,
        /// Likewise.
        value: Box<Term>,
    },
    /// An aggregate over rows of another table, or over the group at hand.
    Aggregate(Box<Aggregate>),
    /// A condition as a boolean value.
    Truth(Box<Predicate>),
}

/// An aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The rows: a table and a predicate (scope 0 = inner row, 1 = the row around); `None`: the group at hand.
    pub rows: Option<(TableId, Predicate)>,
    /// Which aggregate.
    pub function: AggregateFunction,
    /// Over what, in the scope of the rows; empty counts rows.
    pub of: Vec<Term>,
    /// Each value once.
    pub distinct: bool,
    /// Type of the result.
    pub data_type: Type,
}

/// Where a bound value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// A value of the request.
    Slot(Slot),
    /// A session variable of the caller.
    Session(Box<str>),
    /// A constant of a rule.
    Constant(Datum),
    /// One part of a cursor: the cursor's slot, and which of the order's terms.
    Cursor(Slot, u16),
}

/// Functions that only rules may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleFunction {
    /// The moment of the statement.
    Now,
    /// Today's date (UTC).
    Today,
    /// Remainder.
    Modulo,
    /// Length of a JSON array.
    JsonArrayLength,
    /// Trimmed text.
    Trim,
    /// Rounded number.
    Round,
    /// Null if both are equal.
    NullIf,
    /// Cast to text.
    ToText,
    /// Cast to a 64-bit integer.
    ToInteger,
    /// Cast to a double.
    ToFloat,
    /// Two geometries meet (PostGIS).
    GeometryIntersects,
    /// The first lies within the second (PostGIS).
    GeometryWithin,
    /// The first contains the second (PostGIS).
    GeometryContains,
}

impl Predicate {
    /// Always true.
    pub const TRUE: Predicate = Predicate::Constant(Some(true));
    /// Always false.
    pub const FALSE: Predicate = Predicate::Constant(Some(false));
    /// Never true, also below NOT.
    pub const UNKNOWN: Predicate = Predicate::Constant(None);

    /// Both, with what is decided folded away (Kleene's logic).
    #[must_use]
    pub fn and(self, other: Predicate) -> Predicate {
        Predicate::all([self, other])
    }

    /// All of them, folded.
    #[must_use]
    pub fn all(parts: impl IntoIterator<Item = Predicate>) -> Predicate {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Predicate::Constant(Some(true)) => {}
                Predicate::Constant(Some(false)) => return Predicate::FALSE,
                Predicate::And(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Predicate::TRUE,
            1 => kept.remove(0),
            _ => Predicate::And(kept),
        }
    }

    /// Any of them, folded.
    #[must_use]
    pub fn any(parts: impl IntoIterator<Item = Predicate>) -> Predicate {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Predicate::Constant(Some(false)) => {}
                Predicate::Constant(Some(true)) => return Predicate::TRUE,
                Predicate::Or(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Predicate::FALSE,
            1 => kept.remove(0),
            _ => Predicate::Or(kept),
        }
    }

    /// The opposite, folded; unknown stays unknown.
    #[must_use]
    pub fn negate(self) -> Predicate {
        match self {
            Predicate::Constant(decided) => Predicate::Constant(decided.map(|value| !value)),
            Predicate::Not(inner) => *inner,
            other => Predicate::Not(Box::new(other)),
        }
    }
}
