//! Comparisons on SQLite, whose columns keep some values in several forms: moments as text with any offset and either
//! separator, days as moments, UUIDs as text or as bytes, and where no type is declared numbers as numbers or as text.
//!
//! Values are bound in their canonical form (`engine::bind`). A stored value meets it in one of two ways: the bound value is
//! offered in every form that it may be stored in, so that an index on the column is used, or the stored one is brought
//! into the canonical form by a function.

use super::Writer;
use super::predicate::extension_of;
use crate::catalog::{ColumnId, TableId};
use crate::request::Comparison;
use crate::rules::{Parameter, Predicate, RuleFunction, Term};
use crate::value::Type;

/// What both sides of a comparison are brought into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Canon {
    Moment,
    Day,
    Uuid,
}

/// What stands around a value to make one of its forms.
type Form = (&'static str, &'static str);

const AS_IT_IS: Form = ("", "");

/// The forms in which a canonical value of a type may be stored.
fn forms(data_type: &Type) -> &'static [Form] {
    match data_type {
        Type::Uuid => &[AS_IT_IS, ("upper(", ")"), ("unhex(", ", '-')")],
        // Concatenated rather than cast: a cast's affinity would make texts of the other forms too.
        Type::Other(_) => &[AS_IT_IS, ("(", " || '')")],
        _ => &[AS_IT_IS],
    }
}

fn is_moment(data_type: &Type) -> bool {
    matches!(data_type, Type::Timestamp | Type::TimestampTz)
}

impl Writer<'_> {
    fn meeting(&self, left: &Term, right: &Term) -> Option<Canon> {
        if self.is_postgres() {
            return None;
        }
        let types = [left, right].map(|term| match term.data_type(self.catalog) {
            Type::Array(element) => *element,
            other => other,
        });
        if types.iter().any(is_moment) {
            Some(Canon::Moment)
        } else if types.contains(&Type::Date) {
            Some(Canon::Day)
        } else if types.contains(&Type::Uuid) {
            Some(Canon::Uuid)
        } else {
            None
        }
    }

    fn side(&mut self, term: &Term, canon: Option<Canon>, total: bool) {
        let is_canonical = match term {
            Term::Parameter { data_type, .. } => match canon {
                Some(Canon::Moment) => is_moment(data_type),
                Some(Canon::Day) => *data_type == Type::Date,
                _ => true,
            },
            Term::RuleCall { function, .. } => matches!(
                (function, canon),
                (RuleFunction::Now, Some(Canon::Moment)) | (RuleFunction::Today, Some(Canon::Day))
            ),
            _ => false,
        };
        match canon {
            None => return self.term(term),
            Some(_) if is_canonical => return self.term(term),
            Some(Canon::Moment) if total => self.word("diglot_moment_order("),
            Some(Canon::Moment) => self.word("diglot_moment("),
            Some(Canon::Day) if total => self.word("diglot_day_order("),
            Some(Canon::Day) => self.word("diglot_day("),
            Some(Canon::Uuid) => self.word("diglot_uuid("),
        }
        if canon == Some(Canon::Moment) && term.data_type(self.catalog) == Type::Date {
            // A day that is kept as a moment is the midnight of its day.
            self.side(term, Some(Canon::Day), total);
        } else {
            self.term(term);
        }
        self.word(")");
    }

    /// `left operator right`, on SQLite both in their canonical form. What is no moment is unknown there.
    pub(super) fn infix(&mut self, left: &Term, operator: &'static str, right: &Term) {
        if self.is_postgres() {
            // `IS DISTINCT FROM` is no operator that could be named with its schema.
            if let Some(extension) = extension_of(&left.data_type(self.catalog))
                && !operator.starts_with(" IS")
            {
                self.extension_infix(extension, left, operator.trim(), right);
                return;
            }
            let doubles = [left, right].map(|term| matches!(term.data_type(self.catalog), Type::Float(_)));
            let doubles = doubles.contains(&true);
            self.beside(left, doubles);
            self.plain_enum(left);
            self.word(operator);
            self.beside(right, doubles);
            self.plain_enum(right);
            return;
        }
        let canon = self.meeting(left, right);
        self.side(left, canon, false);
        self.word(operator);
        self.side(right, canon, false);
    }

    /// `=` and `<>` on SQLite.
    pub(super) fn sqlite_equal(&mut self, left: &Term, right: &Term, not: bool) {
        if let Some(forms) = several_forms(right) {
            self.term(left);
            self.word(if not { " NOT IN (" } else { " IN (" });
            for (index, (opening, closing)) in forms.iter().enumerate() {
                self.comma(index);
                self.word(opening);
                self.term(right);
                self.word(closing);
            }
            self.word(")");
            return;
        }
        if let (Term::Column { scope: left_scope, .. }, Term::Column { scope: right_scope, .. }) = (left, right) {
            if !not && self.is_reference(left, right) {
                // A foreign key means what the database itself takes for equal, and joins along its index.
                self.term(left);
                self.word(" = ");
                self.term(right);
                return;
            }
            if !not && self.meeting(left, right) == Some(Canon::Uuid) {
                // The inner row is looked for by its index.
                let (inner, outer) = if left_scope <= right_scope {
                    (left, right)
                } else {
                    (right, left)
                };
                self.term(inner);
                self.word(" IN (diglot_uuid(");
                self.term(outer);
                self.word("), upper(diglot_uuid(");
                self.term(outer);
                self.word(")), diglot_uuid_blob(");
                self.term(outer);
                self.word("))");
                return;
            }
        }
        self.infix(left, if not { " <> " } else { " = " }, right);
    }

    /// `IS` and `IS NOT` on SQLite.
    pub(super) fn sqlite_same(&mut self, left: &Term, right: &Term, not: bool) {
        let Some(forms) = several_forms(right) else {
            let canon = self.meeting(left, right);
            self.side(left, canon, true);
            self.word(if not { " IS NOT " } else { " IS " });
            self.side(right, canon, true);
            return;
        };
        self.word(if not { "NOT (" } else { "(" });
        for (index, (opening, closing)) in forms.iter().enumerate() {
            self.word(if index > 0 { " OR " } else { "" });
            self.term(left);
            self.word(" IS ");
            self.word(opening);
            self.term(right);
            self.word(closing);
        }
        self.word(")");
    }

    /// `IN` and `NOT IN` a bound list, on SQLite.
    pub(super) fn sqlite_within_list(&mut self, left: &Term, right: &Term, not: bool) {
        let data_type = match right {
            Term::Parameter { data_type, .. } => data_type.clone(),
            other => other.data_type(self.catalog),
        };
        let canon = self.meeting(left, right).filter(|canon| *canon != Canon::Uuid);
        self.side(left, canon, false);
        self.word(if not { " NOT IN (" } else { " IN (" });
        for (index, (opening, closing)) in forms(&data_type).iter().enumerate() {
            self.word(if index > 0 { " UNION ALL SELECT " } else { "SELECT " });
            self.word(opening);
            // Bytes stand in the list as hexadecimal digits.
            self.word(if data_type == Type::Bytes {
                "unhex(value)"
            } else {
                "value"
            });
            self.word(closing);
            self.word(" FROM json_each(");
            self.term(right);
            self.word(")");
        }
        self.word(")");
    }

    /// A term beside what a cursor holds (SQLite): the order's own values, compared as the order compares them.
    pub(super) fn beyond_cursor(&mut self, left: &Term, comparison: Comparison, right: &Term) {
        self.order_term(left);
        self.word(match comparison {
            Comparison::Same => " IS ",
            Comparison::NotEqual => " <> ",
            Comparison::Greater => " > ",
            Comparison::GreaterOrEqual => " >= ",
            Comparison::Less => " < ",
            Comparison::LessOrEqual => " <= ",
            _ => " = ",
        });
        match self.order_function(left) {
            Some(function) => self.called(function, right),
            None => self.term(right),
        }
    }

    /// The function that brings a term's values into the order of time where their texts may not stand in it (SQLite); it
    /// leaves anything else as it is.
    pub(super) fn order_function(&self, term: &Term) -> Option<&'static str> {
        if self.is_postgres() {
            return None;
        }
        if let Term::Column { table, column, .. } = term {
            let table = self.catalog.table(*table);
            let keys = || std::iter::once(&table.primary_key).chain(table.uniques.iter().map(|unique| &unique.columns));
            // Texts of one day stand together in the order of the texts, too. In a key they are what tells rows apart.
            let day_of_key =
                || table.column(*column).data_type == Type::Date && keys().any(|columns| columns.contains(column));
            if table.column(*column).one_form || day_of_key() {
                return None;
            }
        }
        match term.data_type(self.catalog) {
            Type::Timestamp | Type::TimestampTz => Some("diglot_moment_order("),
            Type::Date => Some("diglot_day_order("),
            _ => None,
        }
    }

    /// `function(term)`.
    pub(super) fn called(&mut self, function: &'static str, term: &Term) {
        self.word(function);
        self.term(term);
        self.word(")");
    }

    /// A term whose equal values are to be one: keys of groups, distinct counts.
    pub(super) fn distinct_term(&mut self, term: &Term) {
        if self.is_postgres() {
            return self.term(term);
        }
        let canon = match term.data_type(self.catalog) {
            Type::Timestamp | Type::TimestampTz => Some(Canon::Moment),
            Type::Date => Some(Canon::Day),
            Type::Uuid => Some(Canon::Uuid),
            _ => None,
        };
        self.side(term, canon, true);
    }

    /// Behind a comparison of a moment or a day that stands in an index: bounds that are compared as text, so that the index is
    /// used. Of a moment the days around it, compared as text. Whatever the offset, the
    /// day that a moment is written with is at most one beside its day in UTC, so no row is lost. Of a day the day, and what
    /// begins with it.
    pub(super) fn days_around(&mut self, part: &Predicate) {
        use Comparison as C;
        let Predicate::Compare {
            left:
                left @ Term::Column {
                    scope: 0,
                    table,
                    column,
                },
            comparison,
            right:
                right @ Term::Parameter {
                    source,
                    data_type,
                    list: false,
                },
        } = part
        else {
            return;
        };
        if self.is_postgres() || matches!(source, Parameter::Cursor(..)) || !self.stands_in_index(*table, *column) {
            return;
        }
        match (&self.catalog.table(*table).column(*column).data_type, data_type) {
            (Type::Date, Type::Date) => return self.day_around(left, *comparison, right),
            (column, data_type) if is_moment(column) && is_moment(data_type) => {}
            _ => return,
        }
        // What is beyond every day, infinity too, has no day.
        if matches!(comparison, C::Equal | C::Greater | C::GreaterOrEqual) {
            self.word(" AND ");
            self.term(left);
            self.word(" >= coalesce(date(");
            self.term(right);
            self.word(", '-1 day'), '')");
        }
        if matches!(comparison, C::Equal | C::Less | C::LessOrEqual) {
            self.word(" AND ");
            self.term(left);
            self.word(" < coalesce(date(");
            self.term(right);
            self.word(", '+2 days'), 'j')");
        }
    }

    /// Whatever follows a day (`T`, `t`, a space) is less than `u`.
    fn day_around(&mut self, left: &Term, comparison: Comparison, right: &Term) {
        use Comparison as C;
        let (lower, upper): (Option<Form>, Option<Form>) = match comparison {
            C::Equal => (Some(AS_IT_IS), Some(("(", " || 'u')"))),
            C::GreaterOrEqual => (Some(AS_IT_IS), None),
            C::Greater => (Some(("(", " || 'u')")), None),
            C::Less => (None, Some(AS_IT_IS)),
            C::LessOrEqual => (None, Some(("(", " || 'u')"))),
            _ => (None, None),
        };
        for (operator, form) in [(" >= ", lower), (" < ", upper)] {
            if let Some((opening, closing)) = form {
                self.word(" AND ");
                self.term(left);
                self.word(operator);
                self.word(opening);
                self.term(right);
                self.word(closing);
            }
        }
    }

    fn stands_in_index(&self, table: TableId, column: ColumnId) -> bool {
        let table = self.catalog.table(table);
        table.indexes.iter().any(|index| index.contains(&column))
    }

    /// Whether two columns are joined by a declared foreign key.
    fn is_reference(&self, left: &Term, right: &Term) -> bool {
        let (
            Term::Column {
                table: left,
                column: left_column,
                ..
            },
            Term::Column {
                table: right,
                column: right_column,
                ..
            },
        ) = (left, right)
        else {
            return false;
        };
        let refers = |table: TableId, column: ColumnId, to: TableId, reference: ColumnId| {
            self.catalog.table(table).foreign_keys.iter().any(|key| {
                let mut pairs = key.columns.iter().zip(&key.references);
                key.table == to && pairs.any(|(own, other)| (*own, *other) == (column, reference))
            })
        };
        refers(*left, *left_column, *right, *right_column) || refers(*right, *right_column, *left, *left_column)
    }
}

/// The forms of a bound value where it has several.
fn several_forms(term: &Term) -> Option<&'static [Form]> {
    match term {
        Term::Parameter {
            data_type, list: false, ..
        } => Some(forms(data_type)).filter(|forms| forms.len() > 1),
        _ => None,
    }
}
