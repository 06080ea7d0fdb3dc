//! A rule as it was written: names with their positions, common to the SQL form and Teenybase's expressions.

use crate::request::Comparison;
use std::fmt;

/// Most bytes of a rule's text.
pub const MOST_BYTES: usize = 32 * 1024;
/// Most tokens of a rule.
pub const MOST_TOKENS: usize = 3_000;
/// Deepest nesting of a rule's tree.
pub const MOST_DEPTH: u16 = 64;

/// Where something stands in a rule's text, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl Position {
    /// The beginning.
    pub const START: Position = Position { line: 1, column: 1 };
}

/// What is wrong with a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where in the rule's text.
    pub at: Position,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem at a place.
    pub fn new(at: Position, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "line {}, column {}: {}",
            self.at.line, self.at.column, self.message
        )
    }
}

/// A name as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelled {
    /// The name.
    pub text: String,
    /// In quotes, so it is meant exactly.
    pub quoted: bool,
    /// Where.
    pub at: Position,
}

/// An expression and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// What it is.
    pub kind: Kind,
    /// Where.
    pub at: Position,
    depth: u16,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A constant.
    Literal(Literal),
    /// A column, perhaps through relations.
    Path(Path),
    /// `_USER_.x`, `auth.x`
    Variable(String),
    /// `_REQ_FIELDS_`, `__fields`: the names that were sent.
    RequestFields,
    /// An object of the Teenybase language that rules don't have: `request.…`, `params.…`.
    Foreign(String),
    /// All of them.
    And(Vec<Expression>),
    /// Any of them.
    Or(Vec<Expression>),
    /// The opposite.
    Not(Box<Expression>),
    /// Two sides.
    Compare(Box<Expression>, Comparison, Box<Expression>),
    /// Null, or (false) not null.
    IsNull(Box<Expression>, bool),
    /// `IS TRUE`, `IS FALSE`, `IS UNKNOWN` (`None`); the last says whether `NOT` stands there.
    IsTruth(Box<Expression>, Option<bool>, bool),
    /// `a IN (…)`, or (true) `NOT IN`; a session list stands as an item.
    In(Box<Expression>, Vec<Expression>, bool),
    /// `a IN (SELECT …)`, or (true) `NOT IN`.
    InSelect(Box<Expression>, Box<Subselect>, bool),
    /// `a BETWEEN b AND c`
    Between(Box<Expression>, Box<Expression>, Box<Expression>),
    /// `EXISTS (SELECT …)`
    Exists(Box<Subselect>),
    /// Conditions and values, and what else.
    Case(Vec<(Expression, Expression)>, Option<Box<Expression>>),
    /// A function by name.
    Call(Spelled, Vec<Expression>),
    /// Arithmetic and concatenation.
    Operator(Operator, Box<Expression>, Box<Expression>),
    /// `-a`
    Negate(Box<Expression>),
    /// A step into JSON, as text or not.
    Json(Box<Expression>, Step, bool),
    /// A cast, by the type's name.
    Cast(Box<Expression>, String),
    /// `ARRAY[…]`, or the list behind `in`.
    List(Vec<Expression>),
    /// `a @@ 'text'`
    Search(Box<Expression>, Box<Expression>),
    /// `a => name`, `a as name`
    Alias(Box<Expression>, Spelled),
}

/// A constant as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `NULL`
    Null,
    /// `TRUE`, `FALSE`
    Boolean(bool),
    /// A number.
    Number(String),
    /// A text.
    Text(String),
}

/// A column, perhaps through relations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// From where.
    pub root: Root,
    /// Names: relations, then a column; without a root the first may be a table's or alias's name.
    pub steps: Vec<Spelled>,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// `_ROW_`
    Row,
    /// Nothing was said: the nearest row that has the name.
    Nearest,
    /// `_REQ_`: the values that were sent.
    Request,
    /// `new`: the row as it will be.
    New,
}

/// A step into JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key.
    Key(String),
    /// An index.
    Index(i64),
}

/// Operators that give a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `||`
    Concatenate,
}

/// `SELECT value FROM tables WHERE conditions`
#[derive(Clone, Debug, PartialEq)]
pub struct Subselect {
    /// Tables in their order.
    pub tables: Vec<TableReference>,
    /// `ON` and `WHERE`.
    pub conditions: Vec<Expression>,
    /// The one column, for `IN`.
    pub value: Option<Expression>,
    /// Where.
    pub at: Position,
}

/// A table of a subselect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableReference {
    /// Its schema, if said.
    pub schema: Option<Spelled>,
    /// Its name.
    pub name: Spelled,
    /// What it is called within.
    pub alias: Option<Spelled>,
}

impl Expression {
    /// An expression.
    ///
    /// # Errors
    /// When it is nested deeper than [`MOST_DEPTH`].
    pub fn new(kind: Kind, at: Position) -> Result<Self, Problem> {
        let mut deepest = 0;
        kind.each_child(&mut |child| deepest = deepest.max(child.depth));
        if deepest >= MOST_DEPTH {
            return Err(Problem::new(
                at,
                format!("nested too deeply: at most {MOST_DEPTH} levels are allowed in a rule"),
            ));
        }
        Ok(Self {
            kind,
            at,
            depth: deepest + 1,
        })
    }

    /// A constant.
    #[must_use]
    pub fn literal(literal: Literal, at: Position) -> Self {
        Self {
            kind: Kind::Literal(literal),
            at,
            depth: 1,
        }
    }
}

impl Kind {
    /// Calls for each direct child.
    pub fn each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        match self {
            Kind::Literal(_) | Kind::Path(_) | Kind::Variable(_) | Kind::RequestFields | Kind::Foreign(_) => {}
            Kind::And(parts) | Kind::Or(parts) | Kind::List(parts) | Kind::Call(_, parts) => {
                parts.iter().for_each(visit);
            }
            Kind::Not(inner)
            | Kind::IsNull(inner, _)
            | Kind::IsTruth(inner, _, _)
            | Kind::Negate(inner)
            | Kind::Json(inner, _, _)
            | Kind::Cast(inner, _)
            | Kind::Alias(inner, _) => visit(inner),
            Kind::Compare(left, _, right) | Kind::Operator(_, left, right) | Kind::Search(left, right) => {
                visit(left);
                visit(right);
            }
            Kind::In(left, items, _) => {
                visit(left);
                items.iter().for_each(visit);
            }
            Kind::InSelect(left, select, _) => {
                visit(left);
                select.each_child(visit);
            }
            Kind::Between(value, low, high) => {
                visit(value);
                visit(low);
                visit(high);
            }
            Kind::Exists(select) => select.each_child(visit),
            Kind::Case(branches, otherwise) => {
                for (condition, value) in branches {
                    visit(condition);
                    visit(value);
                }
                if let Some(otherwise) = otherwise {
                    visit(otherwise);
                }
            }
        }
    }
}

impl Subselect {
    fn each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        self.conditions.iter().for_each(&mut *visit);
        if let Some(value) = &self.value {
            visit(value);
        }
    }
}

/// Refuses a text that is too long to be a rule.
///
/// # Errors
/// Then.
pub fn check_size(text: &str) -> Result<(), Problem> {
    if text.len() > MOST_BYTES {
        return Err(Problem::new(
            Position::START,
            format!("a rule has at most {MOST_BYTES} bytes, this has {}", text.len()),
        ));
    }
    Ok(())
}

/// Parses a rule: Teenybase's language behind `expr:`, else SQL.
///
/// # Errors
/// What is wrong, with line and column.
pub fn parse(text: &str) -> Result<Expression, Problem> {
    match text.trim_start().strip_prefix("expr:") {
        Some(expression) => {
            let skipped = &text[..text.len() - expression.len()];
            let lines = skipped.matches('\n').count();
            let last = skipped.rsplit('\n').next().unwrap_or("").chars().count();
            super::parse_expression::parse_expression(
                expression,
                Position {
                    line: 1 + lines,
                    column: 1 + last,
                },
            )
        }
        None => super::parse_sql::parse_sql(text),
    }
}
