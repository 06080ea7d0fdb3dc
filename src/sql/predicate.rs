//! Predicates → SQL conditions.

use super::{Form, Writer};
use crate::request::Comparison;
use crate::rules::{Exists, Parameter, Predicate, Term};
use crate::value::Type;

impl Writer<'_> {
    pub(super) fn predicate(&mut self, predicate: &Predicate) {
        match predicate {
            Predicate::Constant(Some(true)) => self.word("TRUE"),
            Predicate::Constant(Some(false)) => self.word("FALSE"),
            Predicate::Constant(None) => self.word("CAST(NULL AS boolean)"),
            Predicate::And(parts) => self.joined(parts, " AND ", "TRUE"),
            Predicate::Or(parts) => self.joined(parts, " OR ", "FALSE"),
            Predicate::Not(part) => {
                self.word("NOT (");
                self.predicate(part);
                self.word(")");
            }
            Predicate::Compare {
                left,
                comparison,
                right,
            } => self.compare(left, *comparison, right),
            Predicate::IsNull { term, null } => {
                self.term(term);
                self.word(if *null { " IS NULL" } else { " IS NOT NULL" });
            }
            Predicate::Exists(exists) => self.exists(exists),
            Predicate::Truth(term) => self.term(term),
        }
    }

    fn joined(&mut self, parts: &[Predicate], operator: &'static str, empty: &'static str) {
        if parts.is_empty() {
            self.word(empty);
        }
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                self.word(operator);
            }
            let bracket = matches!(part, Predicate::And(_) | Predicate::Or(_));
            if bracket {
                self.word("(");
            }
            self.predicate(part);
            if bracket {
                self.word(")");
            }
        }
    }

    pub(super) fn exists(&mut self, exists: &Exists) {
        let alias = self.new_alias();
        self.push_scope(alias);
        self.word("EXISTS (SELECT 1 FROM ");
        self.table(exists.table);
        self.word(" AS ");
        self.alias(alias);
        self.word(" WHERE ");
        self.predicate(&exists.predicate);
        self.word(")");
        self.pop_scope();
    }

    fn compare(&mut self, left: &Term, comparison: Comparison, right: &Term) {
        use Comparison as C;
        let data_type = left.data_type(self.catalog);
        if let (
            Term::Parameter {
                source: Parameter::Cursor(..),
                ..
            },
            Type::Other(_) | Type::Array(_),
        ) = (right, &data_type)
            && self.is_postgres()
            && let Some(operator) = plain_operator(comparison)
        {
            // In the order such a term stands as its text: so it does here.
            self.order_term(left);
            self.word(operator);
            self.term(right);
            return;
        }
        // What a cursor holds has the type of the term that made it.
        let typed;
        let right = match right {
            Term::Parameter {
                source: source @ Parameter::Cursor(..),
                ..
            } => {
                typed = Term::Parameter {
                    source: source.clone(),
                    data_type: data_type.clone(),
                    list: false,
                };
                &typed
            }
            other => other,
        };
        match comparison {
            C::Equal => self.equal(left, " = ", right, &data_type),
            C::NotEqual => self.equal(left, " <> ", right, &data_type),
            C::Same if self.is_postgres() => self.equal(left, " IS NOT DISTINCT FROM ", right, &data_type),
            C::Same => self.equal(left, " IS ", right, &data_type),
            C::NotSame if self.is_postgres() => self.equal(left, " IS DISTINCT FROM ", right, &data_type),
            C::NotSame => self.equal(left, " IS NOT ", right, &data_type),
            C::Greater => self.infix(left, " > ", right),
            C::GreaterOrEqual => self.infix(left, " >= ", right),
            C::Less => self.infix(left, " < ", right),
            C::LessOrEqual => self.infix(left, " <= ", right),
            C::In => self.within_list(left, right, &data_type, false),
            C::NotIn => self.within_list(left, right, &data_type, true),
            C::Like => self.like(left, right, &data_type, false),
            C::NotLike => self.like(left, right, &data_type, true),
            C::ILike => self.text_infix(left, " ILIKE ", " LIKE ", right, &data_type),
            C::NotILike => self.text_infix(left, " NOT ILIKE ", " NOT LIKE ", right, &data_type),
            C::Similar => self.pattern(left, " SIMILAR TO ", "diglot_similar(", ")", right, &data_type),
            C::NotSimilar => self.pattern(left, " NOT SIMILAR TO ", "NOT diglot_similar(", ")", right, &data_type),
            C::Regex => self.pattern(left, " ~ ", "diglot_regexp(", ", 0)", right, &data_type),
            C::NotRegex => self.pattern(left, " !~ ", "NOT diglot_regexp(", ", 0)", right, &data_type),
            C::IRegex => self.pattern(left, " ~* ", "diglot_regexp(", ", 1)", right, &data_type),
            C::NotIRegex => self.pattern(left, " !~* ", "NOT diglot_regexp(", ", 1)", right, &data_type),
            C::Contains => self.contains(left, " @> ", right, &data_type, false),
            C::ContainedIn => self.contains(left, " <@ ", right, &data_type, true),
            C::HasKey => self.has_key(left, " ? ", "diglot_json_has_key(", ")", right, &data_type),
            C::HasKeysAny => self.has_key(left, " ?| ", "diglot_json_has_keys(", ", 0)", right, &data_type),
            C::HasKeysAll => self.has_key(left, " ?& ", "diglot_json_has_keys(", ", 1)", right, &data_type),
            C::Within => self.geometry_test("ST_Within(", "diglot_st_within(", left, right),
            C::Intersects => self.geometry_test("ST_Intersects(", "diglot_st_intersects(", left, right),
            C::Covers => self.geometry_test("ST_Contains(", "diglot_st_contains(", left, right),
        }
    }

    fn infix(&mut self, left: &Term, operator: &'static str, right: &Term) {
        self.side(left);
        self.word(operator);
        self.side(right);
    }

    /// One side of a comparison. SQLite keeps moments as text, with whatever offset they were written: they are compared
    /// in UTC.
    fn side(&mut self, term: &Term) {
        if self.is_postgres() || !matches!(term.data_type(self.catalog), Type::TimestampTz) {
            self.term(term);
            return;
        }
        self.word("strftime('%Y-%m-%d %H:%M:%f', CASE WHEN ");
        self.term(term);
        self.word(" GLOB '*:*[+-][0-9][0-9]' THEN ");
        self.term(term);
        self.word(" || ':00' ELSE ");
        self.term(term);
        self.word(" END)");
    }

    fn equal(&mut self, left: &Term, operator: &'static str, right: &Term, data_type: &Type) {
        match data_type {
            // json has no equality; jsonb and SQLite's canonical text have.
            Type::Json if self.is_postgres() => {
                self.word("(");
                self.term(left);
                self.word(")::jsonb");
                self.word(operator);
                self.word("(");
                self.term(right);
                self.word(")::jsonb");
            }
            Type::Json | Type::Jsonb if !self.is_postgres() => {
                self.word("json(");
                self.term(left);
                self.word(")");
                self.word(operator);
                self.word("json(");
                self.term(right);
                self.word(")");
            }
            // SQLite keeps a UUID as text or as 16 bytes; the column tells neither.
            Type::Uuid if !self.is_postgres() && operator == " = " && matches!(right, Term::Parameter { .. }) => {
                self.term(left);
                self.word(" IN (");
                self.term(right);
                self.word(", unhex(");
                self.term(right);
                self.word(", '-'))");
            }
            _ => self.infix(left, operator, right),
        }
    }

    fn within_list(&mut self, left: &Term, right: &Term, data_type: &Type, not: bool) {
        if self.is_postgres() {
            self.term(left);
            if matches!(data_type, Type::Json) {
                self.word("::jsonb");
            }
            self.word(if not { " <> ALL(" } else { " = ANY(" });
            self.term(right);
            if matches!(data_type, Type::Json) {
                self.word("::jsonb[]");
            }
            self.word(")");
            return;
        }
        let hexed = matches!(data_type, Type::Bytes);
        if hexed {
            self.word("hex(");
        }
        self.term(left);
        if hexed {
            self.word(")");
        }
        self.word(if not { " NOT IN (SELECT " } else { " IN (SELECT " });
        self.word("value FROM json_each(");
        self.term(right);
        if matches!(data_type, Type::Uuid) {
            self.word(") UNION ALL SELECT unhex(value, '-') FROM json_each(");
            self.term(right);
        }
        self.word("))");
    }

    /// The left side of a text operator: enums and the like are compared as their text.
    fn text(&mut self, term: &Term, data_type: &Type) {
        self.term(term);
        if self.is_postgres() && !data_type.is_text() {
            self.word("::text");
        }
    }

    fn like(&mut self, left: &Term, right: &Term, data_type: &Type, not: bool) {
        self.long_calls = true;
        if self.is_postgres() {
            self.text(left, data_type);
            self.word(if not { " NOT LIKE " } else { " LIKE " });
            self.term(right);
            return;
        }
        match right {
            // GLOB is SQLite's own case-sensitive match and can use an index; the pattern is translated when it is bound.
            Term::Parameter {
                source,
                data_type,
                list,
            } => {
                self.term(left);
                self.word(if not { " NOT GLOB " } else { " GLOB " });
                self.mark(source, data_type, *list, Form::Glob);
            }
            other => {
                self.word(if not { "NOT diglot_like(" } else { "diglot_like(" });
                self.term(other);
                self.word(", ");
                self.term(left);
                self.word(", 0)");
            }
        }
    }

    fn text_infix(
        &mut self,
        left: &Term,
        postgres: &'static str,
        sqlite: &'static str,
        right: &Term,
        data_type: &Type,
    ) {
        self.long_calls = true;
        self.text(left, data_type);
        self.by_flavor(postgres, sqlite);
        self.term(right);
        self.by_flavor("", " ESCAPE '\\'");
    }

    fn pattern(
        &mut self,
        left: &Term,
        postgres: &'static str,
        sqlite: &'static str,
        closing: &'static str,
        right: &Term,
        data_type: &Type,
    ) {
        self.long_calls = true;
        if self.is_postgres() {
            self.text(left, data_type);
            self.word(postgres);
            self.term(right);
        } else {
            self.word(sqlite);
            self.term(right);
            self.word(", ");
            self.term(left);
            self.word(closing);
        }
    }

    fn contains(&mut self, left: &Term, operator: &'static str, right: &Term, data_type: &Type, mirrored: bool) {
        self.long_calls = true;
        if self.is_postgres() {
            let json = matches!(data_type, Type::Json);
            self.term(left);
            if json {
                self.word("::jsonb");
            }
            self.word(operator);
            self.operand(right);
            if json {
                self.word("::jsonb");
            }
            return;
        }
        self.word("diglot_json_contains(");
        if mirrored {
            self.operand(right);
            self.word(", ");
            self.term(left);
        } else {
            self.term(left);
            self.word(", ");
            self.operand(right);
        }
        self.word(")");
    }

    /// What a JSON operator compares with: the work grows with its size, so that is bounded where it is bound.
    fn operand(&mut self, term: &Term) {
        match term {
            Term::Parameter {
                source,
                data_type,
                list,
            } => self.mark(source, data_type, *list, Form::Operand),
            other => self.term(other),
        }
    }

    fn has_key(
        &mut self,
        left: &Term,
        postgres: &'static str,
        sqlite: &'static str,
        closing: &'static str,
        right: &Term,
        data_type: &Type,
    ) {
        self.long_calls = true;
        if self.is_postgres() {
            self.term(left);
            if matches!(data_type, Type::Json) {
                self.word("::jsonb");
            }
            self.word(postgres);
            self.operand(right);
        } else {
            self.word(sqlite);
            self.term(left);
            self.word(", ");
            self.operand(right);
            self.word(closing);
        }
    }

    fn geometry_test(&mut self, postgres: &'static str, sqlite: &'static str, left: &Term, right: &Term) {
        self.long_calls = true;
        self.by_flavor(postgres, sqlite);
        self.term(left);
        self.word(", ");
        self.by_flavor("ST_GeomFromText(", "");
        self.term(right);
        self.by_flavor("))", ")");
    }
}

/// The operator of a comparison that a keyset uses (PostgreSQL).
fn plain_operator(comparison: Comparison) -> Option<&'static str> {
    Some(match comparison {
        Comparison::Equal => " = ",
        Comparison::Same => " IS NOT DISTINCT FROM ",
        Comparison::Greater => " > ",
        Comparison::GreaterOrEqual => " >= ",
        Comparison::Less => " < ",
        Comparison::LessOrEqual => " <= ",
        _ => return None,
    })
}
