//! From names to ids: a parsed rule against the catalog, with every type checked, becomes a [`Predicate`].

mod contents;
mod function;
mod names;
mod operand;
mod subselect;
#[cfg(test)]
mod tests;

use super::syntax::{Expression, Kind, Literal, Position, Problem, parse};
use super::{Parameter, Predicate, Term};
use crate::catalog::{Catalog, ColumnId, FaceId, TableId};
use crate::pattern;
use crate::request::Comparison;
use crate::rules::types::are_comparable;
use crate::value::{Datum, Type};
pub(super) use names::suggestion;
use names::{Binding, Frame};
use operand::Operand;
use std::collections::BTreeSet;

/// What a rule is for, which decides what it may speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Which rows can be read: only the row and the caller.
    Read,
    /// What a created row must satisfy: also what was sent.
    Create,
    /// Which rows can be updated, and what they must satisfy then: also what was sent.
    Update,
    /// Which rows can be deleted: only the row and the caller.
    Delete,
}

/// A checked rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// The condition; scope 0 is a row of the rule's table.
    pub predicate: Predicate,
    /// Tables that it reads besides the row's own.
    pub reads: BTreeSet<TableId>,
}

/// Most nodes of a compiled rule; what keeps `BETWEEN` within `BETWEEN` from doubling without end.
const MOST_NODES: u32 = 20_000;

/// Parses and checks a rule of a face that says which rows can be read.
///
/// # Errors
/// What is wrong, with line and column, and what would be right.
pub fn compile(catalog: &Catalog, face: FaceId, text: &str) -> Result<Compiled, Problem> {
    compile_for(catalog, face, text, Purpose::Read)
}

/// Parses and checks a rule of a write. What it compiles to belongs to writing, so nothing is returned.
///
/// # Errors
/// As [`compile`].
pub fn check(catalog: &Catalog, face: FaceId, text: &str, purpose: Purpose) -> Result<BTreeSet<TableId>, Problem> {
    compile_for(catalog, face, text, purpose).map(|compiled| compiled.reads)
}

/// Checks that an expression has a value that fits a column (`set = { c = { sql = "…" } }`).
///
/// # Errors
/// As [`compile`].
pub fn check_value(
    catalog: &Catalog,
    face: FaceId,
    column: ColumnId,
    text: &str,
    purpose: Purpose,
) -> Result<(), Problem> {
    let expression = parse(text)?;
    let mut compiler = Compiler::new(catalog, face, purpose);
    let data_type = catalog.table_of(face).column(column).data_type.clone();
    let operand = compiler.operand(&expression)?;
    if let Operand::Typed(term) = &operand {
        let found = term.data_type(catalog);
        if !are_comparable(catalog, &found, &data_type) {
            return Err(Problem::new(
                expression.at,
                format!(
                    "the column holds {}, the expression is {}",
                    data_type.word(),
                    found.word()
                ),
            ));
        }
        return Ok(());
    }
    compiler.settle(operand, &data_type).map(|_| ())
}

fn compile_for(catalog: &Catalog, face: FaceId, text: &str, purpose: Purpose) -> Result<Compiled, Problem> {
    let expression = parse(text)?;
    compile_expression(catalog, face, &expression, purpose)
}

/// Checks a parsed rule.
///
/// # Errors
/// As [`compile`].
pub fn compile_expression(
    catalog: &Catalog,
    face: FaceId,
    expression: &Expression,
    purpose: Purpose,
) -> Result<Compiled, Problem> {
    let mut compiler = Compiler::new(catalog, face, purpose);
    let predicate = compiler.predicate(expression, false)?;
    Ok(Compiled {
        predicate,
        reads: compiler.reads,
    })
}

struct Compiler<'a> {
    catalog: &'a Catalog,
    purpose: Purpose,
    /// Rows at hand, the innermost last.
    frames: Vec<Frame>,
    /// Names are not looked for in frames from here on.
    hidden_from: Option<usize>,
    /// Relations to many that the condition at hand has already opened.
    bound: Vec<Binding>,
    groups: u32,
    budget: u32,
    reads: BTreeSet<TableId>,
}

impl<'a> Compiler<'a> {
    fn new(catalog: &'a Catalog, face: FaceId, purpose: Purpose) -> Self {
        let own = catalog.face(face);
        let table = catalog.table(own.table);
        Self {
            catalog,
            purpose,
            frames: vec![Frame {
                table: own.table,
                face: Some(face),
                names: vec![table.name.as_str().into(), own.name.as_str().into(), own.entry.clone()],
                group: 1,
            }],
            hidden_from: None,
            bound: Vec::new(),
            groups: 1,
            budget: MOST_NODES,
            reads: BTreeSet::new(),
        }
    }

    fn spend(&mut self, at: Position) -> Result<(), Problem> {
        self.budget = self
            .budget
            .checked_sub(1)
            .ok_or_else(|| Problem::new(at, "the rule is too large; split it with relations or simplify it"))?;
        Ok(())
    }

    /// A condition. `exact`: unknown must not become false, because a NOT stands around it.
    fn predicate(&mut self, expression: &Expression, exact: bool) -> Result<Predicate, Problem> {
        self.spend(expression.at)?;
        match &expression.kind {
            Kind::Literal(Literal::Boolean(value)) => Ok(Predicate::Constant(Some(*value))),
            Kind::And(parts) => Ok(conjunction(self.predicates(parts, exact)?)),
            Kind::Or(parts) => Ok(disjunction(self.predicates(parts, exact)?)),
            Kind::Not(inner) => Ok(self.predicate(inner, true)?.negate()),
            Kind::Compare(left, comparison, right) => {
                self.atom(&[left, right], |compiler| compiler.compare(left, *comparison, right))
            }
            Kind::IsNull(inner, null) => self.atom(&[inner], |compiler| compiler.is_null(inner, *null)),
            Kind::IsTruth(inner, value, negated) => {
                let inner = self.predicate(inner, true)?;
                Ok(is_truth(inner, *value, *negated))
            }
            Kind::In(left, items, negated) => {
                let mut parts: Vec<&Expression> = vec![left];
                parts.extend(items);
                self.atom(&parts, |compiler| compiler.in_list(left, items, *negated))
            }
            Kind::InSelect(left, select, negated) => {
                self.atom(&[left], |compiler| compiler.in_select(left, select, *negated, exact))
            }
            Kind::Between(value, low, high) => self.atom(&[value, low, high], |compiler| {
                let from = compiler.compare(value, Comparison::GreaterOrEqual, low)?;
                let to = compiler.compare(value, Comparison::LessOrEqual, high)?;
                Ok(from.and(to))
            }),
            Kind::Exists(select) => self.exists(select),
            Kind::Search(..) => Err(Problem::new(
                expression.at,
                "@@ is not supported until tables have a full-text index; use LIKE (in an expression ~) instead",
            )),
            Kind::RequestFields => Err(Problem::new(
                expression.at,
                "_REQ_FIELDS_ is a list of names; write 'column' IN _REQ_FIELDS_",
            )),
            Kind::Alias(..) => Err(Problem::new(
                expression.at,
                "a rule is a condition and gets no name; leave the alias away",
            )),
            Kind::Literal(_) | Kind::List(_) | Kind::Operator(..) | Kind::Negate(_) => Err(Problem::new(
                expression.at,
                "a condition should stand here, not a value; compare it with something",
            )),
            Kind::Path(_)
            | Kind::Variable(_)
            | Kind::Foreign(_)
            | Kind::Case(..)
            | Kind::Call(..)
            | Kind::Json(..)
            | Kind::Cast(..) => self.atom(&[expression], |compiler| compiler.truth(expression)),
        }
    }

    fn predicates(&mut self, parts: &[Expression], exact: bool) -> Result<Vec<Predicate>, Problem> {
        parts.iter().map(|part| self.predicate(part, exact)).collect()
    }

    /// A value of boolean type as a condition.
    fn truth(&mut self, expression: &Expression) -> Result<Predicate, Problem> {
        let operand = self.operand(expression)?;
        let term = match operand {
            Operand::Typed(term) => term,
            other => self.settle(other, &Type::Boolean)?,
        };
        match term.data_type(self.catalog) {
            Type::Boolean => Ok(match term {
                Term::Truth(inner) => *inner,
                term => Predicate::Truth(Box::new(term)),
            }),
            Type::Integer(_) if self.is_sqlite() => Ok(Predicate::Compare {
                left: term,
                comparison: Comparison::NotEqual,
                right: constant(Datum::Integer(0), Type::Integer(64)),
            }),
            other => Err(Problem::new(
                expression.at,
                format!(
                    "a condition should stand here, but this is of type {}; compare it with something",
                    other.word()
                ),
            )),
        }
    }

    fn is_null(&mut self, inner: &Expression, null: bool) -> Result<Predicate, Problem> {
        match self.operand(inner)? {
            Operand::Typed(term) => Ok(Predicate::IsNull { term, null }),
            Operand::Variable(name, _) => Ok(Predicate::IsNull {
                term: session(&name, Type::TEXT, false),
                null,
            }),
            Operand::Literal(_, at) | Operand::List(_, at) => {
                Err(Problem::new(at, "a constant needs no test for null"))
            }
        }
    }

    /// Two sides compared, both in the same row context.
    fn compare(&mut self, left: &Expression, comparison: Comparison, right: &Expression) -> Result<Predicate, Problem> {
        for (side, other) in [(left, right), (right, left)] {
            if side.kind == Kind::Literal(Literal::Null) {
                return match comparison {
                    Comparison::Same => self.is_null(other, true),
                    Comparison::NotSame => self.is_null(other, false),
                    _ => Err(Problem::new(
                        side.at,
                        "a comparison with NULL is never true; write IS NULL or IS NOT NULL",
                    )),
                };
            }
        }
        let left = self.operand(left)?;
        let right = self.operand(right)?;
        self.compare_operands(left, comparison, right)
    }

    fn compare_operands(
        &mut self,
        left: Operand,
        comparison: Comparison,
        right: Operand,
    ) -> Result<Predicate, Problem> {
        use Comparison as C;
        match comparison {
            pattern if pattern.is_pattern() => {
                let at = right.at().or_else(|| left.at()).unwrap_or(Position::START);
                let left = self.text_operand(left)?;
                let right = self.text_operand(right)?;
                check_pattern(comparison, &right).map_err(|reason| Problem::new(at, reason))?;
                Ok(Predicate::Compare {
                    left,
                    comparison,
                    right,
                })
            }
            C::Contains | C::ContainedIn | C::HasKey | C::HasKeysAny | C::HasKeysAll => {
                self.compare_contents(left, comparison, right)
            }
            _ => self.compare_values(left, comparison, right),
        }
    }

    /// `=`, `<` and the like.
    fn compare_values(&mut self, left: Operand, comparison: Comparison, right: Operand) -> Result<Predicate, Problem> {
        // The column first, where only one side is one.
        let (left, comparison, right) = match (&left, &right, comparison.mirrored()) {
            (Operand::Literal(..) | Operand::Variable(..), Operand::Typed(_), Some(mirrored)) => {
                (right, mirrored, left)
            }
            _ => (left, comparison, right),
        };
        let at = right.at().or_else(|| left.at()).unwrap_or(Position::START);
        let data_type = match (&left, &right) {
            (Operand::Typed(left), Operand::Typed(right)) => {
                let (left, right) = (left.data_type(self.catalog), right.data_type(self.catalog));
                if !are_comparable(self.catalog, &left, &right) {
                    return Err(Problem::new(
                        at,
                        format!(
                            "{} and {} cannot be compared; cast one side, such as CAST(column AS TEXT)",
                            left.word(),
                            right.word()
                        ),
                    ));
                }
                left
            }
            (Operand::Typed(term), _) => term.data_type(self.catalog),
            _ => operand::natural([&left, &right]),
        };
        let guard = match &right {
            Operand::Variable(name, _) => self.enum_guard(&data_type, name),
            _ => None,
        };
        let ordering = matches!(
            comparison,
            Comparison::Greater | Comparison::GreaterOrEqual | Comparison::Less | Comparison::LessOrEqual
        );
        let own = !self.is_sqlite() && matches!(data_type, Type::Other(_) | Type::Array(_));
        if own && !data_type.has_equality() {
            let message = format!("values of type {} cannot be compared in PostgreSQL", data_type.word());
            return Err(Problem::new(at, message));
        }
        if ordering
            && (own && !data_type.has_order() || !data_type.is_ordered() && !matches!(data_type, Type::Other(_)))
        {
            return Err(Problem::new(
                at,
                format!("values of type {} have no order", data_type.word()),
            ));
        }
        let compared = Predicate::Compare {
            left: self.settle(left, &data_type)?,
            comparison,
            right: match guard {
                Some(_) => match right {
                    Operand::Variable(name, _) => session(&name, self.parameter_type(&data_type), false),
                    other => self.settle(other, &data_type)?,
                },
                None => self.settle(right, &data_type)?,
            },
        };
        Ok(guarded(guard, compared))
    }

    /// A variable is compared with an enum only where it is one of its values: elsewhere the comparison is unknown.
    fn enum_guard(&self, data_type: &Type, variable: &str) -> Option<Predicate> {
        let Type::Enum(index) = super::types::stored(self.catalog, data_type) else {
            return None;
        };
        let values = &self.catalog.database.enums.get(index as usize)?.values;
        let list = values.iter().map(|value| Datum::Text(value.as_str().into())).collect();
        Some(Predicate::Compare {
            left: session(variable, Type::TEXT, false),
            comparison: Comparison::In,
            right: constant_list(list, Type::TEXT),
        })
    }

    fn is_sqlite(&self) -> bool {
        self.catalog.database.kind == crate::catalog::DatabaseKind::Sqlite
    }
}

/// All of them. Unlike [`Predicate::all`] it keeps every part that could mention the caller, even beside FALSE: a
/// subquery that mentions a missing variable is unknown as a whole.
fn conjunction(parts: impl IntoIterator<Item = Predicate>) -> Predicate {
    let mut kept = Vec::new();
    for part in parts {
        match part {
            Predicate::Constant(Some(true)) => {}
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

/// Any of them, likewise.
fn disjunction(parts: impl IntoIterator<Item = Predicate>) -> Predicate {
    let mut kept = Vec::new();
    for part in parts {
        match part {
            Predicate::Constant(Some(false)) => {}
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

/// `(guard AND compared) OR (NOT guard AND unknown)`
fn guarded(guard: Option<Predicate>, compared: Predicate) -> Predicate {
    match guard {
        None => compared,
        Some(guard) => Predicate::any([
            guard.clone().and(compared),
            Predicate::And(vec![guard.negate(), Predicate::UNKNOWN]),
        ]),
    }
}

fn is_truth(inner: Predicate, value: Option<bool>, negated: bool) -> Predicate {
    let term = match inner {
        Predicate::Truth(term) => *term,
        other => Term::Truth(Box::new(other)),
    };
    match value {
        None => Predicate::IsNull { term, null: !negated },
        Some(value) => Predicate::Compare {
            left: term,
            comparison: if negated { Comparison::NotSame } else { Comparison::Same },
            right: constant(Datum::Boolean(value), Type::Boolean),
        },
    }
}

fn constant(value: Datum, data_type: Type) -> Term {
    Term::Parameter {
        source: Parameter::Constant(value),
        data_type,
        list: false,
    }
}

fn constant_list(values: Vec<Datum>, data_type: Type) -> Term {
    Term::Parameter {
        source: Parameter::Constant(Datum::List(values)),
        data_type,
        list: true,
    }
}

fn session(name: &str, data_type: Type, list: bool) -> Term {
    Term::Parameter {
        source: Parameter::Session(name.into()),
        data_type,
        list,
    }
}

/// A constant pattern is checked at the start; a regular expression must be known before the statement runs, because
/// PostgreSQL gets it translated.
fn check_pattern(comparison: Comparison, right: &Term) -> Result<(), String> {
    let constant = match right {
        Term::Parameter {
            source: Parameter::Constant(Datum::Text(text)),
            ..
        } => Some(text),
        _ => None,
    };
    match (comparison.pattern(), constant, right) {
        (Some(syntax), Some(text), _) => pattern::parse(text, syntax).map(|_| ()),
        (None, Some(text), _) => pattern::check_like(text),
        (Some(_), None, Term::Parameter { .. }) | (None, None, _) => Ok(()),
        (Some(_), None, _) => {
            Err("a regular expression must be a constant or a variable of the caller; LIKE takes columns too".into())
        }
    }
}
