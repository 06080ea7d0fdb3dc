//! Functions that rules may call: a list, each with the types that it takes.

use super::names::suggestion;
use super::operand::{Operand, call, rule_call};
use super::{Compiler, Problem};
use crate::request::{Comparison, Function};
use crate::rules::syntax::{Expression, Literal, Operator, Position, Spelled};
use crate::rules::{Predicate, RuleFunction, SpatialTest, Term};
use crate::value::Type;

const FUNCTIONS: &[&str] = &[
    "lower",
    "upper",
    "length",
    "substring",
    "replace",
    "trim",
    "concat",
    "coalesce",
    "ifnull",
    "nullif",
    "abs",
    "round",
    "mod",
    "now",
    "date",
    "datetime",
    "current_date",
    "current_timestamp",
    "json_array_length",
    "jsonb_array_length",
    "json_extract",
    "st_intersects",
    "st_within",
    "st_contains",
    "st_crosses",
    "st_equals",
    "st_overlaps",
    "st_touches",
    "st_distance",
    "st_dwithin",
];

impl Compiler<'_> {
    pub(super) fn call(&mut self, name: &Spelled, arguments: &[Expression]) -> Result<Term, Problem> {
        let at = name.at;
        let lower = name.text.to_lowercase();
        let mut operands = Vec::with_capacity(arguments.len());
        for argument in arguments {
            operands.push(self.operand(argument)?);
        }
        let count = operands.len();
        let wants = |form: &str| Problem::new(at, format!("write {form}"));
        let mut rest = operands.into_iter();
        let mut next = || rest.next();
        match (lower.as_str(), count) {
            ("lower" | "upper" | "length" | "char_length" | "character_length" | "trim" | "btrim", 1) => {
                let Some(only) = next() else {
                    return Err(wants("one argument"));
                };
                let text = vec![self.text_operand(only)?];
                Ok(match lower.as_str() {
                    "lower" => call(Function::Lower, text, Type::TEXT),
                    "upper" => call(Function::Upper, text, Type::TEXT),
                    "trim" | "btrim" => rule_call(RuleFunction::Trim, text, Type::TEXT),
                    _ => call(Function::Length, text, Type::Integer(32)),
                })
            }
            ("substr" | "substring", 2 | 3) => {
                let Some(text) = next() else {
                    return Err(wants("substring(text, from, length)"));
                };
                let mut terms = vec![self.text_operand(text)?];
                for part in rest {
                    self.whole_number(&part, at)?;
                    terms.push(self.settle(part, &Type::Integer(64))?);
                }
                Ok(call(Function::Substring, terms, Type::TEXT))
            }
            ("replace", 3) => {
                let terms = rest.map(|part| self.text_operand(part)).collect::<Result<_, _>>()?;
                Ok(call(Function::Replace, terms, Type::TEXT))
            }
            ("concat", 2..) => {
                let terms = rest
                    .map(|part| self.text_operand(part))
                    .collect::<Result<Vec<_>, _>>()?;
                let mut terms = terms.into_iter();
                let first = terms.next().ok_or_else(|| wants("concat(a, b)"))?;
                Ok(terms.fold(first, |left, right| {
                    call(Function::Concatenate, vec![left, right], Type::TEXT)
                }))
            }
            ("coalesce" | "ifnull", 2..) => {
                let (terms, data_type) = self.common(rest.collect(), at)?;
                Ok(call(Function::Coalesce, terms, data_type))
            }
            ("nullif", 2) => {
                let (terms, data_type) = self.common(rest.collect(), at)?;
                Ok(rule_call(RuleFunction::NullIf, terms, data_type))
            }
            ("abs", 1) => {
                let Some(only) = next() else {
                    return Err(wants("abs(number)"));
                };
                let data_type = self.number_type(&only, at)?;
                let term = self.settle(only, &data_type)?;
                Ok(call(Function::Absolute, vec![term], data_type))
            }
            ("round", 1 | 2) => {
                let Some(number) = next() else {
                    return Err(wants("round(number)"));
                };
                let data_type = self.number_type(&number, at)?;
                let mut terms = vec![self.settle(number, &data_type)?];
                for digits in rest {
                    self.whole_number(&digits, at)?;
                    terms.push(self.settle(digits, &Type::Integer(32))?);
                }
                Ok(rule_call(RuleFunction::Round, terms, data_type))
            }
            ("mod", 2) => {
                let [left, right] = arguments else {
                    return Err(wants("mod(a, b)"));
                };
                self.arithmetic(Operator::Modulo, left, right)
            }
            ("now" | "current_timestamp", 0) => Ok(rule_call(RuleFunction::Now, Vec::new(), Type::TimestampTz)),
            ("current_date" | "today", 0) => Ok(rule_call(RuleFunction::Today, Vec::new(), Type::Date)),
            ("datetime" | "date", 0 | 1) => {
                let now = match next() {
                    None => true,
                    Some(Operand::Literal(Literal::Text(text), _)) => text == "now",
                    Some(_) => false,
                };
                if !now {
                    return Err(wants(&format!("{lower}('now')")));
                }
                Ok(if lower == "date" {
                    rule_call(RuleFunction::Today, Vec::new(), Type::Date)
                } else {
                    rule_call(RuleFunction::Now, Vec::new(), Type::TimestampTz)
                })
            }
            ("json_array_length" | "jsonb_array_length", 1) => match next() {
                Some(Operand::Typed(term))
                    if term.data_type(self.catalog).is_json()
                        || self.is_sqlite() && term.data_type(self.catalog).is_text() =>
                {
                    Ok(rule_call(RuleFunction::JsonArrayLength, vec![term], Type::Integer(32)))
                }
                _ => Err(wants("json_array_length(column) with a JSON column")),
            },
            ("st_distance", 2) | ("st_dwithin", 3) => {
                let mut operands: Vec<Operand> = rest.collect();
                let most = (count == 3).then(|| operands.pop()).flatten();
                let terms = self.geometries(&lower, operands, at)?;
                let distance = call(Function::Distance, terms, Type::Float(64));
                match most {
                    None => Ok(distance),
                    Some(most) => {
                        self.number_type(&most, at)?;
                        Ok(Term::Truth(Box::new(Predicate::Compare {
                            left: distance,
                            comparison: Comparison::LessOrEqual,
                            right: self.settle(most, &Type::Float(64))?,
                        })))
                    }
                }
            }
            (name, 2) if SpatialTest::named(name).is_some() => {
                let test = SpatialTest::named(name).unwrap_or(SpatialTest::Intersects);
                let terms = self.geometries(&lower, rest.collect(), at)?;
                Ok(rule_call(RuleFunction::Geometry(test), terms, Type::Boolean))
            }
            ("count" | "sum" | "avg" | "min" | "max" | "total", _) => Err(Problem::new(
                at,
                format!("{lower} is an aggregate, which rules don't have; write EXISTS (SELECT 1 FROM … WHERE …)"),
            )),
            ("json_contains", 2) => {
                let [left, right] = arguments else {
                    return Err(wants("json_contains(column, value)"));
                };
                let compared = self.compare(left, Comparison::Contains, right)?;
                Ok(Term::Truth(Box::new(compared)))
            }
            (known, _) if FUNCTIONS.contains(&known) => {
                Err(Problem::new(at, format!("{known} does not take {count} arguments")))
            }
            _ => Err(Problem::new(
                at,
                format!(
                    "the function {:?} is not one that rules may use{}; they may use {}",
                    name.text,
                    suggestion(&lower, FUNCTIONS.iter().copied()),
                    FUNCTIONS.join(", ")
                ),
            )),
        }
    }

    /// A place in a text or a number of digits: each database rounds a fraction in its own way.
    fn whole_number(&self, operand: &Operand, at: Position) -> Result<(), Problem> {
        match self.number_type(operand, at)? {
            Type::Integer(_) | Type::Other(_) => Ok(()),
            other => Err(Problem::new(
                at,
                format!(
                    "a whole number should stand here, not {}; cast it, such as CAST(column AS INTEGER)",
                    other.word()
                ),
            )),
        }
    }

    /// The arguments of a function of geometries.
    fn geometries(&mut self, function: &str, operands: Vec<Operand>, at: Position) -> Result<Vec<Term>, Problem> {
        self.needs_geometry(at)?;
        let terms = operands
            .into_iter()
            .map(|part| match part {
                Operand::Typed(term) => Ok(term),
                other => self.settle(other, &Type::Geometry),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut systems = Vec::new();
        for term in &terms {
            let data_type = term.data_type(self.catalog);
            let fits =
                data_type == Type::Geometry || self.is_sqlite() && matches!(data_type, Type::Text { .. } | Type::Bytes);
            if !fits {
                let message = format!("{function} takes geometries, not {}", data_type.word());
                return Err(Problem::new(at, message));
            }
            if let Term::Column { table, column, .. } = term {
                systems.extend(self.catalog.table(*table).column(*column).reference_system());
            }
        }
        if let [one, other] = systems.as_slice()
            && one != other
        {
            let message = format!("{function} takes geometries of one reference system, not of {one} and {other}");
            return Err(Problem::new(at, message));
        }
        Ok(terms)
    }

    fn needs_geometry(&self, at: Position) -> Result<(), Problem> {
        let has = self.is_sqlite() || self.catalog.database.extension("postgis").is_some();
        if has {
            Ok(())
        } else {
            Err(Problem::new(
                at,
                "this function is PostGIS's, which is not installed in the database (CREATE EXTENSION postgis)",
            ))
        }
    }
}
