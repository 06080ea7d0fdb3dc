//! Conditions and expressions, in names.

use super::Slot;
use crate::ident::Name;
use crate::pattern::Syntax;
use crate::value::Type;

/// A condition on a row. Three-valued, as in SQL: a row is in when the condition is true.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// All of them; none is true.
    And(Vec<Filter>),
    /// Any of them; none is false.
    Or(Vec<Filter>),
    /// The opposite; unknown stays unknown.
    Not(Box<Filter>),
    /// Two expressions compared; the right side takes the left side's type.
    Compare {
        /// Left side, usually a column.
        left: Expression,
        /// How.
        comparison: Comparison,
        /// Right side: a slot (a list for `In` and the like), or another expression.
        right: Expression,
    },
    /// Null or not null.
    IsNull {
        /// What is tested.
        expression: Expression,
        /// True tests for null, false for not null.
        null: bool,
    },
    /// The row's key equals these values, in the key's order (paths of REST dialects; one raw slot per key column).
    Key(Vec<Slot>),
    /// Any related row matches.
    Any {
        /// The relation's exposed name.
        relation: Name,
        /// The condition on the related row.
        filter: Box<Filter>,
    },
    /// The row was found by the full-text index of its table.
    Search(Slot),
}

/// How two sides are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`; with null unknown.
    Equal,
    /// `<>`; with null unknown.
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// Null-safe equality (`IS NOT DISTINCT FROM`).
    Same,
    /// Null-safe inequality.
    NotSame,
    /// In a list slot; an empty list is false.
    In,
    /// Not in a list slot; an empty list is true.
    NotIn,
    /// `LIKE`, case-sensitive, `%` and `_`, escape `\`.
    Like,
    /// Its negation.
    NotLike,
    /// `LIKE` without regard to case (beyond ASCII as the database has it).
    ILike,
    /// Its negation.
    NotILike,
    /// SQL's `SIMILAR TO`.
    Similar,
    /// Its negation.
    NotSimilar,
    /// Regular expression, case-sensitive.
    Regex,
    /// Its negation.
    NotRegex,
    /// Regular expression without regard to case.
    IRegex,
    /// Its negation.
    NotIRegex,
    /// JSON or array contains.
    Contains,
    /// JSON or array is contained in.
    ContainedIn,
    /// JSON object has a key (or array a text).
    HasKey,
    /// Any key of a list slot.
    HasKeysAny,
    /// All keys of a list slot.
    HasKeysAll,
    /// Geometry lies within the value (WKT or GeoJSON).
    Within,
    /// Geometry meets the value.
    Intersects,
    /// Geometry contains the value.
    Covers,
    /// Geometry and value cross: their insides meet, but neither holds the other.
    Crosses,
    /// Geometry and value cover the same places.
    Congruent,
    /// Geometry and value have the same dimension and share a part, but not all.
    Overlaps,
    /// Only the edges of geometry and value meet.
    Touches,
    /// The label path (ltree) is an ancestor of the value, or the same.
    Ancestor,
    /// It is an ancestor of any in a list slot.
    AncestorAny,
    /// It is a descendant of the value, or the same.
    Descendant,
    /// It is a descendant of any in a list slot.
    DescendantAny,
    /// It matches a pattern of label paths (lquery).
    Matches,
    /// It matches any pattern of a list slot.
    MatchesAny,
    /// Its labels match words (ltxtquery).
    MatchesWords,
}

/// Something that has a value for each row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expression {
    /// A column of the row.
    Column(Name),
    /// A value of the request; its type is what it is compared with.
    Value(Slot),
    /// An expression over the row at the end of a to-one relation; null where there is none.
    Related {
        /// The relation's exposed name.
        relation: Name,
        /// What of that row.
        expression: Box<Expression>,
    },
    /// An aggregate over the rows of a to-many relation, or (in groups) over the rows of the group.
    Aggregate(Box<Aggregation>),
    /// A part of a JSON value.
    Json {
        /// The JSON.
        expression: Box<Expression>,
        /// The way in.
        path: Vec<JsonStep>,
        /// As text (`->>`) instead of JSON.
        text: bool,
    },
    /// A function or operator of the safe list.
    Call {
        /// Which.
        function: Function,
        /// Its arguments.
        arguments: Vec<Expression>,
    },
}

/// A step into JSON.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JsonStep {
    /// A key of an object.
    Key(Name),
    /// An index of an array, from 0; negative ones count from the end.
    Index(i64),
}

/// An aggregate in an expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Aggregation {
    /// The to-many relation whose rows are meant; `None` is the group at hand.
    pub relation: Option<Name>,
    /// Only these of them.
    pub filter: Option<Filter>,
    /// Which aggregate.
    pub function: super::output::AggregateFunction,
    /// Over what; `None` for counting rows.
    pub of: Vec<Expression>,
    /// Each value once.
    pub distinct: bool,
}

/// Functions and operators that requests may use: pure, the same on both databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// `a + b`
    Add,
    /// `a - b`
    Subtract,
    /// `a * b`
    Multiply,
    /// `a / b`; by zero null
    Divide,
    /// `-a`
    Negate,
    /// `a || b`
    Concatenate,
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// Characters of a text.
    Length,
    /// The first argument that is not null.
    Coalesce,
    /// Part of a text: text, start from 1, length.
    Substring,
    /// Text, what, by what.
    Replace,
    /// Absolute value.
    Absolute,
    /// Distance of two geometries: in the units of their reference system, of geographies in metres.
    Distance,
}

impl Comparison {
    /// The comparison with its sides exchanged, if there is one.
    #[must_use]
    pub fn mirrored(self) -> Option<Comparison> {
        Some(match self {
            Comparison::Equal | Comparison::NotEqual | Comparison::Same | Comparison::NotSame => self,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Contains => Comparison::ContainedIn,
            Comparison::ContainedIn => Comparison::Contains,
            _ => return None,
        })
    }

    /// How the right side is to be read where it is a regular expression or the like.
    #[must_use]
    pub fn pattern(self) -> Option<Syntax> {
        Some(match self {
            Comparison::Regex | Comparison::NotRegex => Syntax::Regex { insensitive: false },
            Comparison::IRegex | Comparison::NotIRegex => Syntax::Regex { insensitive: true },
            Comparison::Similar | Comparison::NotSimilar => Syntax::Similar { insensitive: false },
            _ => return None,
        })
    }

    /// Whether a text is matched against a pattern.
    #[must_use]
    pub fn is_pattern(self) -> bool {
        use Comparison as C;
        matches!(
            self,
            C::Like
                | C::NotLike
                | C::ILike
                | C::NotILike
                | C::Similar
                | C::NotSimilar
                | C::Regex
                | C::NotRegex
                | C::IRegex
                | C::NotIRegex
        )
    }

    /// Its word in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Comparison::Equal => "equality",
            Comparison::NotEqual => "inequality",
            Comparison::Greater => "greater-than",
            Comparison::GreaterOrEqual => "greater-or-equal",
            Comparison::Less => "less-than",
            Comparison::LessOrEqual => "less-or-equal",
            Comparison::Same => "null-safe equality",
            Comparison::NotSame => "null-safe inequality",
            Comparison::In => "in",
            Comparison::NotIn => "not-in",
            Comparison::Like | Comparison::NotLike | Comparison::ILike | Comparison::NotILike => "like",
            Comparison::Similar | Comparison::NotSimilar => "similar-to",
            Comparison::Regex | Comparison::NotRegex | Comparison::IRegex | Comparison::NotIRegex => {
                "a regular expression"
            }
            Comparison::Contains => "contains",
            Comparison::ContainedIn => "contained-in",
            Comparison::HasKey | Comparison::HasKeysAny | Comparison::HasKeysAll => "has-key",
            Comparison::Within => "within",
            Comparison::Intersects => "intersects",
            Comparison::Covers => "contains (geometry)",
            Comparison::Crosses => "crosses",
            Comparison::Congruent => "equality of geometries",
            Comparison::Overlaps => "overlaps",
            Comparison::Touches => "touches",
            Comparison::Ancestor | Comparison::AncestorAny => "ancestor",
            Comparison::Descendant | Comparison::DescendantAny => "descendant",
            Comparison::Matches | Comparison::MatchesAny | Comparison::MatchesWords => "matches",
        }
    }
}

impl Function {
    /// Fewest and most arguments.
    #[must_use]
    pub fn arity(self) -> (usize, usize) {
        match self {
            Function::Negate | Function::Lower | Function::Upper | Function::Length | Function::Absolute => (1, 1),
            Function::Add | Function::Subtract | Function::Multiply | Function::Divide | Function::Distance => (2, 2),
            Function::Concatenate | Function::Coalesce => (1, 100),
            Function::Substring => (2, 3),
            Function::Replace => (3, 3),
        }
    }

    /// Whether it takes and gives numbers.
    #[must_use]
    pub fn is_arithmetic(self) -> bool {
        matches!(
            self,
            Function::Add
                | Function::Subtract
                | Function::Multiply
                | Function::Divide
                | Function::Negate
                | Function::Absolute
        )
    }

    /// Type of the result for arguments of these types.
    #[must_use]
    pub fn result(self, arguments: &[Type]) -> Type {
        if self.is_arithmetic() {
            let rank = |data_type: &Type| match data_type {
                Type::Integer(bits) => u32::from(*bits),
                Type::Numeric => 100,
                Type::Float(bits) => 100 + u32::from(*bits),
                _ => 0,
            };
            return arguments
                .iter()
                .max_by_key(|data_type| rank(data_type))
                .cloned()
                .unwrap_or(Type::Numeric);
        }
        match self {
            Function::Length => Type::Integer(32),
            Function::Distance => Type::Float(64),
            Function::Coalesce => arguments.first().cloned().unwrap_or(Type::TEXT),
            _ => Type::TEXT,
        }
    }

    /// Its word in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Function::Add => "+",
            Function::Subtract | Function::Negate => "-",
            Function::Multiply => "*",
            Function::Divide => "/",
            Function::Concatenate => "concat",
            Function::Lower => "lower",
            Function::Upper => "upper",
            Function::Length => "length",
            Function::Coalesce => "coalesce",
            Function::Substring => "substring",
            Function::Replace => "replace",
            Function::Absolute => "abs",
            Function::Distance => "distance",
        }
    }
}
