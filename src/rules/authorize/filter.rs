//! Filters → predicates.

use super::{Entered, Resolver};
use crate::catalog::DatabaseKind;
use crate::error::{Code, Error, Result};
use crate::request::{Comparison, Expression, Filter};
use crate::rules::predicate::parameter_type;
use crate::rules::{Exists, Parameter, Predicate, Term};
use crate::value::Type;

impl<'a> Resolver<'a> {
    pub(super) fn filter(&mut self, entered: &Entered<'a>, filter: &Filter) -> Result<Predicate> {
        match filter {
            Filter::And(parts) => Ok(Predicate::all(self.filters(entered, parts)?)),
            Filter::Or(parts) => Ok(Predicate::any(self.filters(entered, parts)?)),
            Filter::Not(inner) => Ok(self.filter(entered, inner)?.negate()),
            Filter::Compare {
                left,
                comparison,
                right,
            } => self.compare(entered, left, *comparison, right),
            Filter::IsNull { expression, null } => Ok(Predicate::IsNull {
                term: self.expression(entered, expression)?,
                null: *null,
            }),
            Filter::Key(slots) => self.key(entered, slots),
            Filter::Any { relation, filter } => {
                let relation = self.relation(entered, relation)?;
                let (_, table, predicate) = self.related_rows(entered, relation, Some(filter))?;
                Ok(Predicate::Exists(Box::new(Exists { table, predicate })))
            }
            Filter::Search(_) => {
                let message = format!("{:?} has no full-text index", entered.face.name.as_str());
                Err(Error::invalid(Code::NOT_SUPPORTED, message))
            }
        }
    }

    fn filters(&mut self, entered: &Entered<'a>, parts: &[Filter]) -> Result<Vec<Predicate>> {
        parts.iter().map(|part| self.filter(entered, part)).collect()
    }

    fn key(&mut self, entered: &Entered<'a>, slots: &[crate::request::Slot]) -> Result<Predicate> {
        let key = &entered.face.key;
        if key.is_empty() {
            let message = format!(
                "{:?} has no key; `key` of its configuration may name one",
                entered.face.name.as_str()
            );
            return Err(Error::invalid(Code::NOT_SUPPORTED, message));
        }
        if key.len() != slots.len() {
            let names: Vec<&str> = key
                .iter()
                .map(|column| entered.face.column(*column).name.as_str())
                .collect();
            let message = format!(
                "the key of {:?} has {} parts ({})",
                entered.face.name.as_str(),
                key.len(),
                names.join(", ")
            );
            return Err(Error::invalid(Code::INVALID_VALUE, message).at("id"));
        }
        let mut parts = Vec::with_capacity(key.len());
        for (column, slot) in key.iter().zip(slots) {
            let name = &entered.face.column(*column).name;
            let left = self.column(entered, name)?;
            let data_type = left.data_type(self.catalog);
            self.labels.push((*slot, name.as_str().to_owned()));
            let right = Term::Parameter {
                source: Parameter::Slot(*slot),
                data_type,
                list: false,
            };
            parts.push(Predicate::Compare {
                left,
                comparison: Comparison::Equal,
                right,
            });
        }
        Ok(Predicate::all(parts))
    }

    fn compare(
        &mut self,
        entered: &Entered<'a>,
        left: &Expression,
        comparison: Comparison,
        right: &Expression,
    ) -> Result<Predicate> {
        if matches!(left, Expression::Value(_))
            && !matches!(right, Expression::Value(_))
            && let Some(mirrored) = comparison.mirrored()
        {
            return self.compare(entered, right, mirrored, left);
        }
        let term = self.expression(entered, left)?;
        let data_type = term.data_type(self.catalog);
        check(comparison, &data_type, self.catalog.database.kind).map_err(|error| {
            let place = place(left);
            let message = format!("{place}: {}", error.message);
            Error { message, ..error }.at(place)
        })?;
        let right = match right {
            Expression::Value(slot) => {
                self.labels.push((*slot, place(left)));
                let (data_type, list) = operand(comparison, &data_type);
                Term::Parameter {
                    source: Parameter::Slot(*slot),
                    data_type,
                    list,
                }
            }
            _ if comparison.pattern().is_some() => {
                let message = format!("{} is compared with a text, not with a column", comparison.word());
                return Err(Error::invalid(Code::INVALID_VALUE, message).at(place(left)));
            }
            other => {
                let other = self.expression(entered, other)?;
                let other_type = other.data_type(self.catalog);
                if !compatible(&data_type, &other_type) {
                    let message = format!("{} and {} cannot be compared", data_type.word(), other_type.word());
                    return Err(Error::invalid(Code::INVALID_VALUE, message).at(place(left)));
                }
                other
            }
        };
        Ok(Predicate::Compare {
            left: term,
            comparison,
            right,
        })
    }
}

/// What a message calls an expression.
fn place(expression: &Expression) -> String {
    match expression {
        Expression::Column(name) => name.as_str().to_owned(),
        Expression::Related { relation, expression } => format!("{}.{}", relation.as_str(), place(expression)),
        Expression::Json { expression, .. } => place(expression),
        Expression::Aggregate(aggregation) => aggregation
            .relation
            .as_ref()
            .map_or_else(|| "aggregate".into(), |name| format!("{name}_aggregate")),
        Expression::Value(_) => "value".into(),
        Expression::Call { .. } => "expression".into(),
    }
}

/// The type of the value that a comparison takes, and whether it is a list.
pub(super) fn operand(comparison: Comparison, left: &Type) -> (Type, bool) {
    match comparison {
        Comparison::In | Comparison::NotIn => (left.clone(), true),
        Comparison::HasKey => (Type::TEXT, false),
        Comparison::HasKeysAny | Comparison::HasKeysAll => (Type::TEXT, true),
        pattern if pattern.is_pattern() => (Type::TEXT, false),
        Comparison::AncestorAny | Comparison::DescendantAny => (left.clone(), true),
        Comparison::Matches => (beside_ltree(left, "lquery"), false),
        Comparison::MatchesAny => (beside_ltree(left, "lquery"), true),
        Comparison::MatchesWords => (beside_ltree(left, "ltxtquery"), false),
        _ => parameter_type(left),
    }
}

/// A type that stands where ltree stands.
fn beside_ltree(ltree: &Type, name: &str) -> Type {
    let schema = ltree.word().strip_suffix("ltree").unwrap_or_default();
    Type::Other(format!("{schema}{name}").into())
}

/// Whether two types can be compared with each other.
pub(super) fn compatible(left: &Type, right: &Type) -> bool {
    let texts = |data_type: &Type| matches!(data_type, Type::Text { .. } | Type::Enum(_));
    let moments = |data_type: &Type| matches!(data_type, Type::Date | Type::Timestamp | Type::TimestampTz);
    left == right
        || (left.is_number() && right.is_number())
        || (texts(left) && texts(right))
        || (moments(left) && moments(right))
        || (left.is_json() && right.is_json())
}

/// Whether a type has a comparison.
fn check(comparison: Comparison, data_type: &Type, kind: DatabaseKind) -> Result<()> {
    use Comparison as C;
    // SQLite compares whatever a type of its own is called.
    let any = kind == DatabaseKind::Sqlite && matches!(data_type, Type::Other(_));
    let fits = match comparison {
        C::Equal | C::NotEqual | C::Same | C::NotSame => any || data_type.has_equality(),
        C::In | C::NotIn => any || data_type.has_equality() && !matches!(data_type, Type::Array(_)),
        C::Greater | C::GreaterOrEqual | C::Less | C::LessOrEqual => {
            any || data_type.has_order() && !data_type.is_json()
        }
        C::Like
        | C::NotLike
        | C::ILike
        | C::NotILike
        | C::Similar
        | C::NotSimilar
        | C::Regex
        | C::NotRegex
        | C::IRegex
        | C::NotIRegex => {
            matches!(data_type, Type::Text { .. } | Type::Enum(_) | Type::Other(_))
        }
        C::Contains | C::ContainedIn => {
            data_type.is_json() || matches!(data_type, Type::Array(_) | Type::Other(_)) && data_type.has_equality()
        }
        C::HasKey | C::HasKeysAny | C::HasKeysAll => data_type.is_json() || data_type.is_named("hstore"),
        C::Within | C::Intersects | C::Covers | C::Crosses | C::Congruent | C::Overlaps | C::Touches => {
            matches!(data_type, Type::Geometry)
        }
        C::Ancestor
        | C::AncestorAny
        | C::Descendant
        | C::DescendantAny
        | C::Matches
        | C::MatchesAny
        | C::MatchesWords => data_type.is_named("ltree"),
    };
    if fits {
        Ok(())
    } else {
        let instead = match data_type {
            Type::Geometry => "; within, intersects, contains and their like are",
            Type::Json | Type::Jsonb => "; equality, contains and has key are",
            Type::Array(_) => "; equality, order and contains are",
            _ => "",
        };
        let message = format!("{} is not for {} values{instead}", comparison.word(), data_type.word());
        Err(Error::invalid(Code::UNKNOWN_OPERATOR, message))
    }
}
