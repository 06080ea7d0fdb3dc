//! Predicates → SQL conditions.

use super::{Form, Writer};
use crate::pattern::Syntax;
use crate::request::{Comparison, Function};
use crate::rules::{Exists, Parameter, Predicate, SpatialTest, Term};
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
        // SQLite from 3.51 on makes a join of an EXISTS without a limit, and where several of them stand within each other
        // or side by side it gives rows more than once (seen on 3.51.3).
        self.word(if self.is_postgres() { ")" } else { " LIMIT 1)" });
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
        if let Term::Call {
            function: Function::Distance,
            arguments,
            ..
        } = left
            && comparison == C::LessOrEqual
            && let [one, other] = arguments.as_slice()
        {
            self.within_distance(one, other, right);
            return;
        }
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
            C::Similar | C::Regex | C::IRegex => self.pattern(left, comparison, false, right, &data_type),
            C::NotSimilar | C::NotRegex | C::NotIRegex => self.pattern(left, comparison, true, right, &data_type),
            C::Contains => self.contains(left, " @> ", right, &data_type, false),
            C::ContainedIn => self.contains(left, " <@ ", right, &data_type, true),
            C::HasKey => self.has_key(left, " ? ", "diglot_json_has_key(", ")", right, &data_type),
            C::HasKeysAny => self.has_key(left, " ?| ", "diglot_json_has_keys(", ", 0)", right, &data_type),
            C::HasKeysAll => self.has_key(left, " ?& ", "diglot_json_has_keys(", ", 1)", right, &data_type),
            C::Within => self.geometry_test(SpatialTest::Within, left, right),
            C::Intersects => self.geometry_test(SpatialTest::Intersects, left, right),
            C::Covers => self.geometry_test(SpatialTest::Contains, left, right),
            C::Crosses => self.geometry_test(SpatialTest::Crosses, left, right),
            C::Congruent => self.geometry_test(SpatialTest::Equals, left, right),
            C::Overlaps => self.geometry_test(SpatialTest::Overlaps, left, right),
            C::Touches => self.geometry_test(SpatialTest::Touches, left, right),
            C::Ancestor | C::AncestorAny => self.extension_infix("ltree", left, "@>", right),
            C::Descendant | C::DescendantAny => self.extension_infix("ltree", left, "<@", right),
            C::Matches => self.extension_infix("ltree", left, "~", right),
            C::MatchesAny => self.extension_infix("ltree", left, "?", right),
            C::MatchesWords => self.extension_infix("ltree", left, "@", right),
        }
    }

    fn infix(&mut self, left: &Term, operator: &'static str, right: &Term) {
        // `IS DISTINCT FROM` is no operator that could be named with its schema.
        if let Some(extension) = extension_of(&left.data_type(self.catalog))
            && !operator.starts_with(" IS")
        {
            self.extension_infix(extension, left, operator.trim(), right);
            return;
        }
        self.side(left);
        self.word(operator);
        self.side(right);
    }

    /// Operators of enums are for the enum itself, not for a domain over it: such a column is cast, alone or in an array.
    fn plain_enum(&mut self, term: &Term) {
        let Term::Column { table, column, .. } = term else {
            return;
        };
        let column = self.catalog.table(*table).column(*column);
        let (data_type, list) = match &column.data_type {
            Type::Array(element) => (&**element, true),
            other => (other, false),
        };
        let Type::Enum(index) = data_type else { return };
        let catalog = self.catalog;
        let own = catalog.database.enums.get(*index as usize);
        let Some(name) = own.and_then(|found| found.database_type.as_deref()) else {
            return;
        };
        if column.database_type.strip_suffix("[]").unwrap_or(&column.database_type) != name {
            self.cast_to(name);
            self.word(if list { "[]" } else { "" });
        }
    }

    /// One side of a comparison. SQLite keeps moments as text, with whatever offset they were written: they are compared
    /// in UTC.
    fn side(&mut self, term: &Term) {
        if self.is_postgres() {
            self.term(term);
            self.plain_enum(term);
            return;
        }
        if !matches!(term.data_type(self.catalog), Type::TimestampTz) {
            self.term(term);
            return;
        }
        // What is no moment is infinity.
        let bound = matches!(term, Term::Parameter { .. });
        self.word(if bound { "coalesce(" } else { "" });
        self.word("strftime('%Y-%m-%d %H:%M:%f', CASE WHEN ");
        self.term(term);
        self.word(" GLOB '*:*[+-][0-9][0-9]' THEN ");
        self.term(term);
        self.word(" || ':00' ELSE ");
        self.term(term);
        self.word(" END)");
        if bound {
            self.word(", ");
            self.term(term);
            self.word(")");
        }
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
                // What is no JSON (11: strict or JSON5 text, or JSONB) has no value to compare.
                self.word("CASE WHEN json_valid(");
                self.term(left);
                self.word(", 11) THEN json(");
                self.term(left);
                self.word(") END");
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
            self.plain_enum(left);
            if matches!(data_type, Type::Json) {
                self.word("::jsonb");
            }
            match extension_of(data_type) {
                Some(extension) => {
                    self.extension_operator(extension, if not { "<>" } else { "=" });
                    self.word(if not { "ALL(" } else { "ANY(" });
                }
                None => self.word(if not { " <> ALL(" } else { " = ANY(" }),
            }
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
        if self.is_postgres() {
            self.text(left, data_type);
            self.word(if not { " NOT LIKE " } else { " LIKE " });
            self.formed(right, Form::Like);
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
        self.text(left, data_type);
        self.by_flavor(postgres, sqlite);
        self.formed(right, Form::Like);
        self.by_flavor("", " ESCAPE '\\'");
    }

    /// A term that is bound in a form of its own, where it is bound at all.
    fn formed(&mut self, term: &Term, form: Form) {
        match term {
            Term::Parameter {
                source,
                data_type,
                list,
            } => self.mark(source, data_type, *list, form),
            other => self.term(other),
        }
    }

    /// A regular expression or `SIMILAR TO`. On PostgreSQL both are regular expressions whose case is spelled out, and a
    /// column without case must not fold them once more.
    fn pattern(&mut self, left: &Term, comparison: Comparison, not: bool, right: &Term, data_type: &Type) {
        let Some(syntax) = comparison.pattern() else { return };
        let syntax = match syntax {
            Syntax::Regex { .. } if data_type.is_caseless() => Syntax::Regex { insensitive: true },
            Syntax::Similar { .. } if data_type.is_caseless() => Syntax::Similar { insensitive: true },
            other => other,
        };
        let form = Form::Pattern(syntax);
        if self.is_postgres() {
            self.term(left);
            if !data_type.is_text() || data_type.is_caseless() {
                self.word("::text");
            }
            self.word(if not { " !~ " } else { " ~ " });
            self.formed(right, form);
            return;
        }
        self.word(if not { "NOT " } else { "" });
        let (opening, closing) = match syntax {
            Syntax::Regex { insensitive: false } => ("diglot_regexp(", ", 0)"),
            Syntax::Regex { insensitive: true } => ("diglot_regexp(", ", 1)"),
            Syntax::Similar { .. } => ("diglot_similar(", ")"),
        };
        self.word(opening);
        self.formed(right, form);
        self.word(", ");
        self.term(left);
        self.word(closing);
    }

    fn contains(&mut self, left: &Term, operator: &'static str, right: &Term, data_type: &Type, mirrored: bool) {
        if let Some(extension) = extension_of(data_type) {
            self.extension_infix(extension, left, operator.trim(), right);
            return;
        }
        if self.is_postgres() {
            let json = matches!(data_type, Type::Json);
            self.term(left);
            self.plain_enum(left);
            if json {
                self.word("::jsonb");
            }
            self.word(operator);
            self.term(right);
            if json {
                self.word("::jsonb");
            }
            return;
        }
        let (outer, inner) = if mirrored { (right, left) } else { (left, right) };
        self.word("diglot_json_contains(");
        self.term(outer);
        self.word(", ");
        self.term(inner);
        self.word(")");
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
        if data_type.is_named("hstore") {
            self.extension_infix("hstore", left, postgres.trim(), right);
            return;
        }
        if self.is_postgres() {
            self.term(left);
            if matches!(data_type, Type::Json) {
                self.word("::jsonb");
            }
            self.word(postgres);
            self.term(right);
        } else {
            self.word(sqlite);
            self.term(left);
            self.word(", ");
            self.term(right);
            self.word(closing);
        }
    }

    fn extension_infix(&mut self, extension: &str, left: &Term, operator: &'static str, right: &Term) {
        self.term(left);
        self.extension_operator(extension, operator);
        self.term(right);
    }

    /// An operator of an extension, found also where the extension's schema is not searched.
    fn extension_operator(&mut self, extension: &str, operator: &'static str) {
        let catalog = self.catalog;
        let schema = (catalog.database.extension(extension)).and_then(|found| found.schema.as_ref());
        match schema {
            Some(schema) => {
                self.word(" OPERATOR(");
                self.identifier(schema);
                self.word(".");
                self.word(operator);
                self.word(") ");
            }
            None => {
                self.word(" ");
                self.word(operator);
                self.word(" ");
            }
        }
    }
}

/// The extension whose operators a type has.
fn extension_of(data_type: &Type) -> Option<&'static str> {
    ["hstore", "ltree"].into_iter().find(|name| data_type.is_named(name))
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
