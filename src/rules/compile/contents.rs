//! What a value is among, and what it holds: IN, arrays, lists of names, the operators of JSON.

use super::names::suggestion;
use super::operand::{Operand, natural};
use super::{Compiler, constant_list, session};
use crate::request::Comparison;
use crate::rules::constant::cast_literal;
use crate::rules::syntax::{Expression, Kind, Literal, Position, Problem, Spelled};
use crate::rules::types::are_comparable;
use crate::rules::{Predicate, RuleFunction, Term};
use crate::value::Type;

impl Compiler<'_> {
    /// `a IN (…)`: constants make one list, a variable is a list of its own, anything else is compared.
    pub(super) fn in_list(
        &mut self,
        left: &Expression,
        items: &[Expression],
        negated: bool,
    ) -> Result<Predicate, Problem> {
        if let [only] = items
            && only.kind == Kind::RequestFields
        {
            return self.in_request_fields(left, only.at);
        }
        let mut operands = Vec::with_capacity(items.len());
        for item in items {
            if item.kind == Kind::Literal(Literal::Null) {
                return Err(Problem::new(
                    item.at,
                    "NULL in a list never matches; write OR column IS NULL",
                ));
            }
            operands.push(self.operand(item)?);
        }
        if let [Operand::Typed(term)] = operands.as_slice()
            && let Type::Array(element) = term.data_type(self.catalog)
        {
            let array = term.clone();
            let contained = self.in_array(left, array, &element)?;
            return Ok(if negated { contained.negate() } else { contained });
        }
        let tested = self.operand(left)?;
        let data_type = match &tested {
            Operand::Typed(term) => term.data_type(self.catalog),
            _ => operands
                .iter()
                .find_map(|operand| match operand {
                    Operand::Typed(term) => Some(term.data_type(self.catalog)),
                    _ => None,
                })
                .unwrap_or_else(|| natural(operands.iter().chain([&tested]))),
        };
        let guard = match &tested {
            Operand::Variable(name, _) => self.enum_guard(&data_type, name),
            _ => None,
        };
        if guard.is_some() {
            return Err(Problem::new(
                left.at,
                "a variable of the caller is compared with an enum column only by =, or by column IN (_USER_.x)",
            ));
        }
        let term = self.settle(tested, &data_type)?;
        let compare = |comparison, right| Predicate::Compare {
            left: term.clone(),
            comparison,
            right,
        };
        let mut constants = Vec::new();
        let mut parts = Vec::new();
        for operand in operands {
            match operand {
                Operand::Literal(literal, at) => {
                    constants.push(
                        cast_literal(&literal, &data_type, self.catalog)
                            .map_err(|message| Problem::new(at, message))?,
                    );
                }
                Operand::Variable(name, at) => {
                    let stored_type = self.parameter_type(&data_type);
                    if let Type::Enum(_) = stored_type {
                        // A label that is none would be an error of the database, so texts are compared.
                        parts.push(Predicate::Compare {
                            left: Term::RuleCall {
                                function: RuleFunction::ToText,
                                arguments: vec![term.clone()],
                                data_type: Type::TEXT,
                            },
                            comparison: Comparison::In,
                            right: session(&name, Type::TEXT, true),
                        });
                    } else {
                        // The check of what a variable may meet is the same as for one value.
                        self.settle(Operand::Variable(name.clone(), at), &data_type)?;
                        parts.push(compare(Comparison::In, session(&name, stored_type, true)));
                    }
                }
                Operand::Typed(other) => {
                    let other_type = other.data_type(self.catalog);
                    if !are_comparable(self.catalog, &data_type, &other_type) {
                        return Err(Problem::new(
                            left.at,
                            format!("{} and {} cannot be compared", data_type.word(), other_type.word()),
                        ));
                    }
                    parts.push(compare(Comparison::Equal, other));
                }
                Operand::List(_, at) => return Err(Problem::new(at, "a list holds no lists")),
            }
        }
        if !constants.is_empty() || parts.is_empty() {
            let list = constant_list(constants, self.parameter_type(&data_type));
            parts.insert(0, compare(Comparison::In, list));
        }
        let any = super::disjunction(parts);
        Ok(if negated { any.negate() } else { any })
    }

    /// `'title' IN _REQ_FIELDS_`: names are checked; what it compiles to belongs to writing.
    fn in_request_fields(&mut self, left: &Expression, at: Position) -> Result<Predicate, Problem> {
        if !matches!(self.purpose, super::Purpose::Create | super::Purpose::Update) {
            return Err(Problem::new(
                at,
                "_REQ_FIELDS_ holds names that were sent and stands only in create and update rules",
            ));
        }
        let Kind::Literal(Literal::Text(name)) = &left.kind else {
            return Err(Problem::new(left.at, "write 'column' IN _REQ_FIELDS_"));
        };
        let spelled = Spelled {
            text: name.clone(),
            quoted: true,
            at: left.at,
        };
        let table = self.frames[0].table;
        if self.find_column(table, &spelled).is_none() {
            let table = self.catalog.table(table);
            return Err(Problem::new(
                left.at,
                format!(
                    "unknown column {name:?} of {:?}{}",
                    table.name.as_str(),
                    suggestion(name, table.columns.iter().map(|column| column.name.as_str()))
                ),
            ));
        }
        Ok(Predicate::UNKNOWN)
    }

    /// `x = ANY(array column)`
    fn in_array(&mut self, left: &Expression, array: Term, element: &Type) -> Result<Predicate, Problem> {
        let right = match self.operand(left)? {
            Operand::Literal(literal, at) => self.list(&[literal], element, at)?,
            Operand::Variable(name, at) => {
                self.settle(Operand::Variable(name.clone(), at), element)?;
                session(&name, self.parameter_type(element), true)
            }
            Operand::Typed(_) | Operand::List(..) => {
                return Err(Problem::new(
                    left.at,
                    "before = ANY(array column) stands a constant or a variable of the caller",
                ));
            }
        };
        Ok(Predicate::Compare {
            left: array,
            comparison: Comparison::Contains,
            right,
        })
    }

    /// `@> <@ ? ?| ?&`
    pub(super) fn compare_contents(
        &mut self,
        left: Operand,
        comparison: Comparison,
        right: Operand,
    ) -> Result<Predicate, Problem> {
        let at = right.at().or_else(|| left.at()).unwrap_or(Position::START);
        let known = [&left, &right].into_iter().find_map(|operand| match operand {
            Operand::Typed(term) => Some(term.data_type(self.catalog)),
            _ => None,
        });
        let Some(data_type) = known else {
            return Err(Problem::new(at, "one side of a JSON or array operator is a column"));
        };
        let is_json = data_type.is_json() || (self.is_sqlite() && data_type.is_text());
        let is_array = matches!(data_type, Type::Array(_));
        let contains = matches!(comparison, Comparison::Contains | Comparison::ContainedIn);
        let is_pairs = data_type.is_named("hstore");
        if !(is_json || is_pairs || contains && (is_array || data_type.is_named("ltree"))) {
            return Err(Problem::new(
                at,
                format!(
                    "this operator is for JSON{}, not for {}",
                    if contains { " and arrays" } else { "" },
                    data_type.word()
                ),
            ));
        }
        let (left, right) = if contains {
            let meets = if is_json { Type::Jsonb } else { data_type };
            (
                self.settle_contents(left, &meets)?,
                self.settle_contents(right, &meets)?,
            )
        } else if comparison == Comparison::HasKey {
            (self.settle(left, &data_type)?, self.text_operand(right)?)
        } else {
            let keys = match right {
                Operand::Variable(name, _) => session(&name, Type::TEXT, true),
                Operand::List(items, at) => self.list(&items, &Type::TEXT, at)?,
                _ => {
                    return Err(Problem::new(
                        at,
                        "after ?| and ?& stands ARRAY['a','b'] or a list of the caller, such as _USER_.keys",
                    ));
                }
            };
            (self.settle(left, &data_type)?, keys)
        };
        Ok(Predicate::Compare {
            left,
            comparison,
            right,
        })
    }

    fn settle_contents(&self, operand: Operand, data_type: &Type) -> Result<Term, Problem> {
        match (operand, data_type) {
            (Operand::Variable(name, at), Type::Array(element)) => {
                self.settle(Operand::Variable(name.clone(), at), element)?;
                Ok(session(&name, self.parameter_type(element), true))
            }
            (Operand::Literal(literal, at), Type::Array(element)) => {
                let value =
                    cast_literal(&literal, data_type, self.catalog).map_err(|message| Problem::new(at, message))?;
                Ok(Term::Parameter {
                    source: crate::rules::Parameter::Constant(value),
                    data_type: self.parameter_type(element),
                    list: true,
                })
            }
            (operand, _) => self.settle(operand, data_type),
        }
    }
}
