//! Conditions and terms over resolved columns: what rules compile to and what filters resolve to.
//!
//! A column is found by *scope*: 0 is the row of the innermost table reference, 1 the one around it, and so on. So a
//! predicate of a table can stand in any place where scope 0 is a row of that table, without renaming.

use crate::catalog::{Catalog, ColumnId, TableId};
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
    /// A row is its table's own, none of a table that inherits from it: only those does a foreign key refer to (PostgreSQL).
    Own {
        /// Which row.
        scope: u16,
        /// Its table.
        table: TableId,
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
    /// The value that was sent for a column (`_REQ_.column`); null where none was. Only in rules: a write puts the value's
    /// own source in its place.
    Sent(ColumnId),
    /// Whether a value was sent for a column (`'column' IN _REQ_FIELDS_`), likewise.
    IsSent(ColumnId),
    /// One of the values of each row that is written: the slot of the rows, and which of a row's values.
    Row(Slot, u16),
    /// What an earlier write kept of the row that each row is linked to.
    Linked {
        /// The slot of the rows.
        rows: Slot,
        /// Which of a row's values is the place of the row it is linked to.
        place: u16,
        /// The earlier write.
        write: u16,
        /// Which of what it keeps.
        kept: u16,
    },
    /// What an earlier write kept of its rows: all of them where the parameter is a list, else the first.
    Written {
        /// The earlier write.
        write: u16,
        /// Which of what it keeps.
        kept: u16,
    },
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
    /// How two geometries lie to each other.
    Geometry(SpatialTest),
}

/// How two geometries lie to each other (the first one's part is named).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpatialTest {
    /// It lies within the second.
    Within,
    /// They meet.
    Intersects,
    /// It contains the second.
    Contains,
    /// They cross.
    Crosses,
    /// They cover the same places.
    Equals,
    /// They share a part, of their own dimension, but not all.
    Overlaps,
    /// Only their edges meet.
    Touches,
}

impl SpatialTest {
    /// Its function in SQL.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            SpatialTest::Within => "st_within",
            SpatialTest::Intersects => "st_intersects",
            SpatialTest::Contains => "st_contains",
            SpatialTest::Crosses => "st_crosses",
            SpatialTest::Equals => "st_equals",
            SpatialTest::Overlaps => "st_overlaps",
            SpatialTest::Touches => "st_touches",
        }
    }

    /// The test of a function's name, in lower case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [
            SpatialTest::Within,
            SpatialTest::Intersects,
            SpatialTest::Contains,
            SpatialTest::Crosses,
            SpatialTest::Equals,
            SpatialTest::Overlaps,
            SpatialTest::Touches,
        ]
        .into_iter()
        .find(|test| test.function() == name)
    }
}

impl Predicate {
    /// Whether it speaks of nothing but the row.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Predicate::Constant(_) => true,
            Predicate::And(parts) | Predicate::Or(parts) => parts.iter().all(Predicate::is_local),
            Predicate::Not(part) => part.is_local(),
            Predicate::Compare { left, right, .. } => left.is_local() && right.is_local(),
            Predicate::IsNull { term, .. } => term.is_local(),
            Predicate::Exists(_) | Predicate::Own { .. } => false,
            Predicate::Truth(term) => term.is_local(),
        }
    }

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

/// The type that a parameter for a value of this type has, and whether it is a list: an array is a list of its elements.
#[must_use]
pub(super) fn parameter_type(data_type: &Type) -> (Type, bool) {
    match data_type {
        Type::Array(element) => ((**element).clone(), true),
        other => (other.clone(), false),
    }
}

impl Term {
    /// Whether it speaks of nothing but the row.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Term::Column { .. } | Term::Parameter { .. } => true,
            Term::Call { arguments, .. } | Term::RuleCall { arguments, .. } => arguments.iter().all(Term::is_local),
            Term::Json { term, .. } => term.is_local(),
            Term::Case { branches, otherwise } => {
                branches
                    .iter()
                    .all(|(condition, value)| condition.is_local() && value.is_local())
                    && otherwise.as_deref().is_none_or(Term::is_local)
            }
            Term::Truth(predicate) => predicate.is_local(),
            Term::Scalar { .. } | Term::Aggregate(_) => false,
        }
    }

    /// The term's logical type.
    #[must_use]
    pub fn data_type(&self, catalog: &Catalog) -> Type {
        match self {
            Term::Column { table, column, .. } => catalog.table(*table).column(*column).data_type.clone(),
            Term::Parameter {
                data_type, list: true, ..
            } => Type::Array(Box::new(data_type.clone())),
            Term::Parameter { data_type, .. } | Term::Call { data_type, .. } | Term::RuleCall { data_type, .. } => {
                data_type.clone()
            }
            Term::Json { text: true, .. } => Type::TEXT,
            Term::Json { .. } => Type::Jsonb,
            Term::Case { branches, otherwise } => {
                let values = || branches.iter().map(|(_, term)| term).chain(otherwise.as_deref());
                let double = |term: &Term| matches!(term.data_type(catalog), Type::Float(_));
                match values().next().map(|term| term.data_type(catalog)) {
                    Some(first) if first.is_number() && values().any(double) => Type::Float(64),
                    first => first.unwrap_or(Type::TEXT),
                }
            }
            Term::Scalar { value, .. } => value.data_type(catalog),
            Term::Aggregate(aggregate) => aggregate.data_type.clone(),
            Term::Truth(_) => Type::Boolean,
        }
    }
}

/// One side of a join: its table, the columns, and the scope of its row.
type Side<'s> = (TableId, &'s [ColumnId], u16);

/// That a row which a foreign key refers to is its table's own, where a join is such a foreign key, this way or that.
pub(super) fn own_rows(catalog: &Catalog, one: Side<'_>, other: Side<'_>) -> impl Iterator<Item = Predicate> + use<> {
    let database = &catalog.database;
    let referred = |from: Side<'_>, to: Side<'_>| {
        let (table, references, scope) = to;
        let refers = database.refers_to_parent(from.0, from.1, table, references);
        refers.then_some(Predicate::Own { scope, table })
    };
    [referred(one, other), referred(other, one)].into_iter().flatten()
}
