//! Predicates as text for people: `diglot explain` and messages. Not SQL that anything runs.

use super::{Aggregate, Parameter, Predicate, RuleFunction, SpatialTest, Term};
use crate::catalog::{Catalog, ColumnId, TableId};
use crate::request::{Comparison, Function, JsonStep};
use crate::value::Datum;

/// A predicate over a row of a table, readable.
#[must_use]
pub fn describe(catalog: &Catalog, table: TableId, predicate: &Predicate) -> String {
    Describer::new(catalog, &|_| None).inner(table).predicate(predicate)
}

/// Says predicates and terms for people.
#[derive(Clone)]
pub struct Describer<'a> {
    catalog: &'a Catalog,
    /// Tables of the rows around, the innermost last.
    tables: Vec<TableId>,
    marks: &'a dyn Fn(&Parameter) -> Option<String>,
}

const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;

impl<'a> Describer<'a> {
    /// Outside of any row. `marks` knows what parameters are called in a statement; those that it does not know are
    /// called by their origin.
    #[must_use]
    pub fn new(catalog: &'a Catalog, marks: &'a dyn Fn(&Parameter) -> Option<String>) -> Self {
        Self {
            catalog,
            tables: Vec::new(),
            marks,
        }
    }

    /// Within a row of a table.
    #[must_use]
    pub fn inner(&self, table: TableId) -> Self {
        let mut inner = self.clone();
        inner.tables.push(table);
        inner
    }

    /// The catalog that names come from.
    #[must_use]
    pub fn catalog(&self) -> &'a Catalog {
        self.catalog
    }

    /// A predicate over the row.
    #[must_use]
    pub fn predicate(&self, predicate: &Predicate) -> String {
        self.bound(predicate, 0)
    }

    /// `around`: how tightly what stands around binds.
    fn bound(&self, predicate: &Predicate, around: u8) -> String {
        let joined = |parts: &[Predicate], word: &str, own: u8| {
            let text = parts
                .iter()
                .map(|part| self.bound(part, own))
                .collect::<Vec<_>>()
                .join(word);
            if own < around { format!("({text})") } else { text }
        };
        match predicate {
            Predicate::Constant(Some(true)) => "TRUE".into(),
            Predicate::Constant(Some(false)) => "FALSE".into(),
            Predicate::Constant(None) => "UNKNOWN".into(),
            Predicate::And(parts) => joined(parts, " AND ", AND),
            Predicate::Or(parts) => joined(parts, " OR ", OR),
            Predicate::Not(inner) => format!("NOT {}", self.bound(inner, NOT)),
            Predicate::Compare {
                left,
                comparison,
                right,
            } => {
                let text = format!("{} {} {}", self.term(left), word(*comparison), self.term(right));
                if around >= NOT { format!("({text})") } else { text }
            }
            Predicate::IsNull { term, null } => {
                format!("{} IS {}NULL", self.term(term), if *null { "" } else { "NOT " })
            }
            Predicate::Own { scope, .. } => format!("{} IS OF ITS OWN TABLE", self.name(usize::from(*scope))),
            Predicate::Exists(exists) => {
                let inner = self.inner(exists.table);
                let name = inner.name(0);
                match &exists.predicate {
                    Predicate::Constant(Some(true)) => format!("EXISTS (SELECT 1 FROM {name})"),
                    predicate => format!("EXISTS (SELECT 1 FROM {name} WHERE {})", inner.predicate(predicate)),
                }
            }
            Predicate::Truth(term) => self.term(term),
        }
    }

    /// The name of a row: its table's, with a number where an inner row has the same.
    fn name(&self, scope: usize) -> String {
        let Some(index) = self.tables.len().checked_sub(1 + scope) else {
            return format!("row^{scope}");
        };
        let table = self.tables[index];
        let same = self.tables[..index].iter().filter(|other| **other == table).count();
        let name = self.catalog.table(table).name.as_str();
        if same == 0 {
            name.to_owned()
        } else {
            format!("{name}#{}", same + 1)
        }
    }

    /// The name of a column of the rule's own table.
    fn own_column(&self, column: ColumnId) -> &str {
        self.tables
            .first()
            .map_or("?", |table| self.catalog.table(*table).column(column).name.as_str())
    }

    /// A term over the row.
    #[must_use]
    pub fn term(&self, term: &Term) -> String {
        match term {
            Term::Column { scope, table, column } => {
                let column = self.catalog.table(*table).column(*column).name.as_str();
                if self.tables.len() == 1 {
                    return column.to_owned();
                }
                format!("{}.{column}", self.name(usize::from(*scope)))
            }
            // A list of a rule has its own parentheses.
            Term::Parameter {
                source: source @ (Parameter::Slot(_) | Parameter::Session(_)),
                list: true,
                ..
            } => format!("({})", self.parameter(source)),
            Term::Parameter { source, .. } => self.parameter(source),
            Term::Call {
                function, arguments, ..
            } => self.call(*function, arguments),
            Term::RuleCall {
                function, arguments, ..
            } => format!("{}({})", rule_word(*function), self.terms(arguments)),
            Term::Json { term, path, text } => {
                let mut result = self.term(term);
                for (index, step) in path.iter().enumerate() {
                    result += if *text && index + 1 == path.len() {
                        " ->> "
                    } else {
                        " -> "
                    };
                    result += &match step {
                        JsonStep::Key(key) => quoted(key.as_str()),
                        JsonStep::Index(index) => index.to_string(),
                    };
                }
                format!("({result})")
            }
            Term::Case { branches, otherwise } => {
                let mut result = String::from("CASE");
                for (condition, value) in branches {
                    result += &[" WHEN ", &self.predicate(condition), " THEN ", &self.term(value)].concat();
                }
                if let Some(otherwise) = otherwise {
                    result += &[" ELSE ", &self.term(otherwise)].concat();
                }
                result + " END"
            }
            Term::Scalar {
                table,
                predicate,
                value,
            } => {
                let inner = self.inner(*table);
                format!(
                    "(SELECT {} FROM {} WHERE {})",
                    inner.term(value),
                    inner.name(0),
                    inner.predicate(predicate)
                )
            }
            Term::Aggregate(aggregate) => self.aggregate(aggregate),
            Term::Truth(predicate) => format!("({})", self.predicate(predicate)),
        }
    }

    /// What a parameter is called: a value of a rule is itself, others have their mark's name.
    #[must_use]
    pub fn parameter(&self, parameter: &Parameter) -> String {
        let mark = || (self.marks)(parameter);
        match parameter {
            Parameter::Slot(slot) => mark().unwrap_or_else(|| format!(":{}", slot.0)),
            Parameter::Session(name) => {
                mark().map_or_else(|| format!("_USER_.{name}"), |mark| format!("_USER_.{name} [{mark}]"))
            }
            Parameter::Constant(value) => datum(value),
            Parameter::Cursor(slot, part) => mark().unwrap_or_else(|| format!(":{}.{part}", slot.0)),
            Parameter::Sent(column) => format!("_REQ_.{}", self.own_column(*column)),
            Parameter::IsSent(column) => format!("'{}' IN _REQ_FIELDS_", self.own_column(*column)),
            Parameter::Row(_, index) => mark().unwrap_or_else(|| format!("row.{index}")),
            Parameter::Linked { write, kept, .. } | Parameter::Written { write, kept } => {
                format!("write {write}.{kept}")
            }
        }
    }

    fn terms(&self, terms: &[Term]) -> String {
        terms.iter().map(|term| self.term(term)).collect::<Vec<_>>().join(", ")
    }

    fn aggregate(&self, aggregate: &Aggregate) -> String {
        let function = format!("{:?}", aggregate.function).to_uppercase();
        let distinct = if aggregate.distinct { "DISTINCT " } else { "" };
        let of = |writer: &Describer<'_>| {
            if aggregate.of.is_empty() {
                "*".to_owned()
            } else {
                writer.terms(&aggregate.of)
            }
        };
        match &aggregate.rows {
            None => format!("{function}({distinct}{})", of(self)),
            Some((table, predicate)) => {
                let inner = self.inner(*table);
                format!(
                    "(SELECT {function}({distinct}{}) FROM {} WHERE {})",
                    of(&inner),
                    inner.name(0),
                    inner.predicate(predicate)
                )
            }
        }
    }

    fn call(&self, function: Function, arguments: &[Term]) -> String {
        let sign = match function {
            Function::Add => "+",
            Function::Subtract => "-",
            Function::Multiply => "*",
            Function::Divide => "/",
            Function::Concatenate => "||",
            Function::Negate => {
                return format!("-{}", self.terms(arguments));
            }
            other => return format!("{}({})", format!("{other:?}").to_uppercase(), self.terms(arguments)),
        };
        let parts: Vec<_> = arguments.iter().map(|argument| self.term(argument)).collect();
        format!("({})", parts.join(&format!(" {sign} ")))
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn datum(value: &Datum) -> String {
    match value {
        Datum::Null => "NULL".into(),
        Datum::Boolean(true) => "TRUE".into(),
        Datum::Boolean(false) => "FALSE".into(),
        Datum::Integer(value) => value.to_string(),
        Datum::Float(value) => value.to_string(),
        Datum::Text(text) => quoted(text),
        Datum::Bytes(bytes) | Datum::Broken(bytes) => {
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("'\\x{}'", hex.concat())
        }
        Datum::List(items) => {
            let items: Vec<_> = items.iter().map(datum).collect();
            format!("({})", items.join(", "))
        }
    }
}

fn word(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Same => "IS NOT DISTINCT FROM",
        Comparison::NotSame => "IS DISTINCT FROM",
        Comparison::In => "IN",
        Comparison::NotIn => "NOT IN",
        Comparison::Like => "LIKE",
        Comparison::NotLike => "NOT LIKE",
        Comparison::ILike => "ILIKE",
        Comparison::NotILike => "NOT ILIKE",
        Comparison::Similar => "SIMILAR TO",
        Comparison::NotSimilar => "NOT SIMILAR TO",
        Comparison::Regex => "~",
        Comparison::NotRegex => "!~",
        Comparison::IRegex => "~*",
        Comparison::NotIRegex => "!~*",
        Comparison::Contains => "@>",
        Comparison::ContainedIn => "<@",
        Comparison::HasKey => "?",
        Comparison::HasKeysAny => "?|",
        Comparison::HasKeysAll => "?&",
        Comparison::Within => "WITHIN",
        Comparison::Intersects => "INTERSECTS",
        Comparison::Covers => "COVERS",
        Comparison::Crosses => "CROSSES",
        Comparison::Congruent => "ST_EQUALS",
        Comparison::Overlaps => "OVERLAPS",
        Comparison::Touches => "TOUCHES",
        Comparison::Ancestor | Comparison::AncestorAny => "@>",
        Comparison::Descendant | Comparison::DescendantAny => "<@",
        Comparison::Matches | Comparison::MatchesAny => "MATCHES",
        Comparison::MatchesWords => "MATCHES WORDS",
    }
}

fn rule_word(function: RuleFunction) -> &'static str {
    match function {
        RuleFunction::Now => "NOW",
        RuleFunction::Today => "TODAY",
        RuleFunction::Modulo => "MOD",
        RuleFunction::JsonArrayLength => "JSON_ARRAY_LENGTH",
        RuleFunction::Trim => "TRIM",
        RuleFunction::Round => "ROUND",
        RuleFunction::NullIf => "NULLIF",
        RuleFunction::ToText => "TEXT",
        RuleFunction::ToInteger => "INTEGER",
        RuleFunction::ToFloat => "DOUBLE",
        RuleFunction::Geometry(test) => match test {
            SpatialTest::Within => "ST_WITHIN",
            SpatialTest::Intersects => "ST_INTERSECTS",
            SpatialTest::Contains => "ST_CONTAINS",
            SpatialTest::Crosses => "ST_CROSSES",
            SpatialTest::Equals => "ST_EQUALS",
            SpatialTest::Overlaps => "ST_OVERLAPS",
            SpatialTest::Touches => "ST_TOUCHES",
        },
    }
}
