//! Predicates → SQL conditions.

use super::{Form, Writer};
use crate::catalog::TableId;
use crate::pattern::Syntax;
use crate::request::{Comparison, Function};
use crate::rules::{Exists, Parameter, Predicate, SpatialTest, Term};
use crate::value::{Datum, Type};

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
                // A record is null for PostgreSQL where all of its attributes are, and not null where none of them is.
                let composite = || self.catalog.database.composite(&term.data_type(self.catalog)).is_some();
                let whole = self.is_postgres() && !self.catalog.database.composites.is_empty() && composite();
                self.word(match (whole, *null) {
                    (false, true) => " IS NULL",
                    (false, false) => " IS NOT NULL",
                    (true, true) => " IS NOT DISTINCT FROM NULL",
                    (true, false) => " IS DISTINCT FROM NULL",
                });
            }
            Predicate::Own { scope, table } => self.own_row(*scope, *table),
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

    /// The name is bound, and looked up once per statement.
    fn own_row(&mut self, scope: u16, table: TableId) {
        self.table_of_row(scope);
        self.word(" = (SELECT ");
        let name = Parameter::Constant(Datum::Text(self.catalog.table(table).quoted().into()));
        self.mark(&name, &Type::Other("regclass".into()), false, Form::Plain);
        self.word(")");
    }

    fn compare(&mut self, left: &Term, comparison: Comparison, right: &Term) {
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
        if let Term::Parameter {
            source: source @ Parameter::Cursor(..),
            ..
        } = right
        {
            // What a cursor holds has the type of the term that made it.
            let right = Term::Parameter {
                source: source.clone(),
                data_type: data_type.clone(),
                list: false,
            };
            if !self.is_postgres() {
                self.beyond_cursor(left, comparison, &right);
                return;
            }
            self.compare_typed(left, comparison, &right, &data_type);
            return;
        }
        self.compare_typed(left, comparison, right, &data_type);
    }

    fn compare_typed(&mut self, left: &Term, comparison: Comparison, right: &Term, data_type: &Type) {
        use Comparison as C;
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
        if !self.is_postgres() {
            match comparison {
                C::Equal | C::NotEqual | C::Same | C::NotSame | C::In | C::NotIn if data_type.is_json() => {}
                C::Equal => return self.sqlite_equal(left, right, false),
                C::NotEqual => return self.sqlite_equal(left, right, true),
                C::Same => return self.sqlite_same(left, right, false),
                C::NotSame => return self.sqlite_same(left, right, true),
                C::In => return self.sqlite_within_list(left, right, false),
                C::NotIn => return self.sqlite_within_list(left, right, true),
                _ => {}
            }
        }
        match comparison {
            C::Equal => self.equal(left, " = ", right, data_type),
            C::NotEqual => self.equal(left, " <> ", right, data_type),
            C::Same if self.is_postgres() => self.equal(left, " IS NOT DISTINCT FROM ", right, data_type),
            C::Same => self.equal(left, " IS ", right, data_type),
            C::NotSame if self.is_postgres() => self.equal(left, " IS DISTINCT FROM ", right, data_type),
            C::NotSame => self.equal(left, " IS NOT ", right, data_type),
            C::Greater => self.infix(left, " > ", right),
            C::GreaterOrEqual => self.infix(left, " >= ", right),
            C::Less => self.infix(left, " < ", right),
            C::LessOrEqual => self.infix(left, " <= ", right),
            C::In => self.within_list(left, right, data_type, false),
            C::NotIn => self.within_list(left, right, data_type, true),
            C::Like => self.like(left, right, data_type, false),
            C::NotLike => self.like(left, right, data_type, true),
            C::ILike => self.text_infix(left, " ILIKE ", " LIKE ", right, data_type),
            C::NotILike => self.text_infix(left, " NOT ILIKE ", " NOT LIKE ", right, data_type),
            C::Similar | C::Regex | C::IRegex => self.pattern(left, comparison, false, right, data_type),
            C::NotSimilar | C::NotRegex | C::NotIRegex => self.pattern(left, comparison, true, right, data_type),
            C::Contains => self.contains(left, " @> ", right, data_type, false),
            C::ContainedIn => self.contains(left, " <@ ", right, data_type, true),
            C::HasKey => self.has_key(left, " ? ", "diglot_json_has_key(", ")", right, data_type),
            C::HasKeysAny => self.has_key(left, " ?| ", "diglot_json_has_keys(", ", 0)", right, data_type),
            C::HasKeysAll => self.has_key(left, " ?& ", "diglot_json_has_keys(", ", 1)", right, data_type),
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

    /// Operators of enums are for the enum itself, not for a domain over it: such a column is cast, alone or in an array.
    pub(super) fn plain_enum(&mut self, term: &Term) {
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

    fn equal(&mut self, left: &Term, operator: &'static str, right: &Term, data_type: &Type) {
        match data_type {
            // json has no equality; jsonb and SQLite's canonical text have.
            Type::Json if self.is_postgres() => {
                self.as_jsonb(left);
                self.word(operator);
                self.as_jsonb(right);
            }
            Type::Json | Type::Jsonb if !self.is_postgres() => {
                self.canonical(left);
                self.word(operator);
                self.canonical(right);
            }
            _ => self.infix(left, operator, right),
        }
    }

    /// JSON as a text that is the same for equal values (SQLite).
    fn canonical(&mut self, term: &Term) {
        self.word("diglot_json_canonical(");
        self.term(term);
        self.word(")");
    }

    fn within_list(&mut self, left: &Term, right: &Term, data_type: &Type, not: bool) {
        if self.is_postgres() {
            if matches!(data_type, Type::Json) {
                self.as_jsonb(left);
            } else {
                self.term(left);
                self.plain_enum(left);
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
        if data_type.is_json() {
            self.canonical(left);
            self.word(if not { " NOT IN (SELECT " } else { " IN (SELECT " });
            self.word("diglot_json_canonical(value) FROM json_each(");
            self.term(right);
            self.word("))");
            return;
        }
        self.sqlite_within_list(left, right, not);
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
        self.long_calls = true;
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
        self.long_calls = true;
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
        self.long_calls = true;
        if let Some(extension) = extension_of(data_type) {
            self.extension_infix(extension, left, operator.trim(), right);
            return;
        }
        if self.is_postgres() {
            if matches!(data_type, Type::Json) {
                self.as_jsonb(left);
                self.word(operator);
                if matches!(right, Term::Parameter { .. }) {
                    self.json_operand(right);
                    self.word("::jsonb");
                } else {
                    self.as_jsonb(right);
                }
                return;
            }
            self.term(left);
            self.plain_enum(left);
            self.word(operator);
            self.json_operand(right);
            return;
        }
        self.word("diglot_json_contains(");
        if mirrored {
            self.json_operand(right);
            self.word(", ");
            self.term(left);
        } else {
            self.term(left);
            self.word(", ");
            self.json_operand(right);
        }
        self.word(")");
    }

    /// What a JSON operator compares with: the work grows with its size, so that is bounded where it is bound.
    fn json_operand(&mut self, term: &Term) {
        self.formed(term, Form::Operand);
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
        if data_type.is_named("hstore") {
            self.extension_infix("hstore", left, postgres.trim(), right);
            return;
        }
        if self.is_postgres() {
            if matches!(data_type, Type::Json) {
                self.as_jsonb(left);
            } else {
                self.term(left);
            }
            self.word(postgres);
            self.json_operand(right);
        } else {
            self.word(sqlite);
            self.term(left);
            self.word(", ");
            self.json_operand(right);
            self.word(closing);
        }
    }

    pub(super) fn extension_infix(&mut self, extension: &str, left: &Term, operator: &'static str, right: &Term) {
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
pub(super) fn extension_of(data_type: &Type) -> Option<&'static str> {
    ["hstore", "ltree"].into_iter().find(|name| data_type.is_named(name))
}

/// The operator of a comparison that a keyset uses (PostgreSQL).
fn plain_operator(comparison: Comparison) -> Option<&'static str> {
    Some(match comparison {
        Comparison::Equal => " = ",
        Comparison::NotEqual => " <> ",
        Comparison::Same => " IS NOT DISTINCT FROM ",
        Comparison::Greater => " > ",
        Comparison::GreaterOrEqual => " >= ",
        Comparison::Less => " < ",
        Comparison::LessOrEqual => " <= ",
        _ => return None,
    })
}
