//! Rules solved for callers, and properties against an evaluator that knows no solving.

use super::{decide, solve};
use crate::catalog::{Catalog, DatabaseKind, TableId};
use crate::principal::Principal;
use crate::rules::compile::compile;
use crate::rules::fixture::{ARTICLE, ME, caller, catalog};
use crate::rules::{Decisions, Predicate, describe};

fn compiled(catalog: &Catalog, rule: &str) -> Predicate {
    compile(catalog, ARTICLE, rule)
        .unwrap_or_else(|problem| panic!("{rule}: {problem}"))
        .predicate
}

fn solved(rule: &str, principal: &Principal) -> String {
    let catalog = catalog(DatabaseKind::Postgres);
    let rule = compiled(&catalog, rule);
    let (mut one, mut other) = (Decisions::default(), Decisions::default());
    let result = solve(&rule, principal, &mut one);
    decide(&rule, principal, &mut other);
    assert_eq!(one, other);
    describe(&catalog, TableId(0), &result)
}

#[test]
fn a_missing_variable_denies_wherever_it_stands() {
    let nobody = caller("anonymous", &[]);
    for (rule, expected) in [
        ("author_id = _USER_.id", "FALSE"),
        ("author_id <> _USER_.id", "FALSE"),
        ("NOT author_id = _USER_.id", "FALSE"),
        ("NOT NOT author_id = _USER_.id", "FALSE"),
        ("NOT (author_id = _USER_.id AND is_published)", "NOT is_published"),
        ("NOT (author_id = _USER_.id OR is_published)", "FALSE"),
        ("author_id = _USER_.id OR is_published", "is_published"),
        ("author_id IS NOT DISTINCT FROM _USER_.id", "FALSE"),
        ("author_id IS DISTINCT FROM _USER_.id", "FALSE"),
        ("expr: auth.uid == author_id", "FALSE"),
        ("expr: auth.uid != author_id", "FALSE"),
        ("_USER_.id IS NULL", "TRUE"),
        ("_USER_.id IS NOT NULL", "FALSE"),
        ("NOT _USER_.id IS NULL", "FALSE"),
        ("_USER_.id IS NULL AND is_published", "is_published"),
        ("NOT EXISTS (SELECT 1 FROM comment WHERE user_id = _USER_.id)", "FALSE"),
        (
            "EXISTS (SELECT 1 FROM comment WHERE user_id = _USER_.id OR TRUE)",
            "FALSE",
        ),
        (
            "NOT EXISTS (SELECT 1 FROM comment WHERE user_id = _USER_.id AND FALSE)",
            "FALSE",
        ),
        (
            "NOT EXISTS (SELECT 1 FROM comment WHERE _USER_.id IS NULL AND id = 1)",
            "NOT EXISTS (SELECT 1 FROM comment WHERE comment.id = 1)",
        ),
        ("NOT _ROW_.comments.user_id = _USER_.id", "FALSE"),
        (
            "team_id NOT IN (SELECT team FROM team_members WHERE \"user\" = _USER_.id)",
            "FALSE",
        ),
        ("_USER_.team NOT IN (SELECT team FROM team_members)", "FALSE"),
        ("COALESCE(_USER_.id, 'x') = 'x'", "FALSE"),
        ("NOT lower(_USER_.name) = 'x'", "FALSE"),
        ("CASE WHEN author_id = _USER_.id THEN FALSE ELSE TRUE END", "FALSE"),
        ("(author_id = _USER_.id) IS NOT TRUE", "FALSE"),
        ("(author_id = _USER_.id) IS UNKNOWN", "FALSE"),
        ("team_id IN (_USER_.teams)", "FALSE"),
        ("NOT team_id IN (_USER_.teams)", "FALSE"),
        ("team_id IN (1, _USER_.team)", "team_id IN (1)"),
        ("team_id NOT IN (1, _USER_.team)", "FALSE"),
        ("stars BETWEEN 0 AND _USER_.level", "FALSE"),
        ("_USER_.admin", "FALSE"),
        ("NOT _USER_.admin", "FALSE"),
        ("_USER_.role = 'anonymous' AND is_published", "is_published"),
        ("status = _USER_.status", "FALSE"),
        ("NOT status = _USER_.status", "FALSE"),
    ] {
        assert_eq!(solved(rule, &nobody), expected, "{rule}");
    }
}

#[test]
fn what_depends_only_on_the_caller_is_decided() {
    let me = caller(
        "user",
        &[
            ("id", ME),
            ("level", "7"),
            ("teams", "{1,2}"),
            ("none", "{}"),
            ("roles", "{editor,chief}"),
            ("admin", "true"),
            ("email", "me@example.org"),
            ("status", "draft"),
            ("odd", "nosuch"),
            ("role", "admin"),
        ],
    );
    for (rule, expected) in [
        ("author_id = _USER_.id", "author_id = _USER_.id"),
        (
            "is_published OR author_id = _USER_.id",
            "is_published OR author_id = _USER_.id",
        ),
        ("_USER_.role = 'user'", "TRUE"),
        ("_USER_.role = 'admin' OR is_published", "is_published"),
        ("_USER_.level >= 7", "TRUE"),
        ("_USER_.level > 7.5", "FALSE"),
        ("_USER_.level IN (1, 7) AND stars = 1", "stars = 1"),
        ("'editor' IN (_USER_.roles)", "TRUE"),
        ("'owner' = ANY(_USER_.roles)", "FALSE"),
        ("NOT 'owner' = ANY(_USER_.roles)", "TRUE"),
        ("_USER_.role = ANY(_USER_.roles)", "FALSE"),
        ("team_id IN (_USER_.teams)", "team_id IN (_USER_.teams)"),
        ("team_id IN (_USER_.none)", "FALSE"),
        ("NOT team_id IN (_USER_.none)", "TRUE"),
        ("_USER_.admin", "TRUE"),
        ("_USER_.admin = FALSE", "FALSE"),
        ("_USER_.email LIKE '%@example.org'", "TRUE"),
        ("_USER_.email NOT LIKE '%@example.org'", "FALSE"),
        ("(_USER_.level = 7) IS TRUE", "TRUE"),
        ("1 = 2 OR stars = 1", "stars = 1"),
        ("status = _USER_.status", "status = _USER_.status"),
        // What does not fit the column is as good as missing.
        ("team_id = _USER_.odd", "FALSE"),
        ("NOT team_id = _USER_.odd", "FALSE"),
        ("author_id = _USER_.odd", "FALSE"),
        ("status = _USER_.odd", "FALSE"),
        ("NOT status = _USER_.odd", "FALSE"),
        ("team_id IN (_USER_.roles)", "FALSE"),
        ("team_id = _USER_.teams", "FALSE"),
        ("NOT team_id = _USER_.teams", "FALSE"),
        ("team_id IN (_USER_.level)", "team_id IN (_USER_.level)"),
        ("EXISTS (SELECT 1 FROM comment WHERE _USER_.level = 8)", "FALSE"),
        (
            "EXISTS (SELECT 1 FROM comment WHERE _USER_.level = 7 AND body = 'x')",
            "EXISTS (SELECT 1 FROM comment WHERE comment.body = 'x')",
        ),
    ] {
        assert_eq!(solved(rule, &me), expected, "{rule}");
    }
}

#[test]
fn equal_decisions_give_equal_predicates() {
    let catalog = catalog(DatabaseKind::Postgres);
    let rule = compiled(
        &catalog,
        "_USER_.level > 3 AND (team_id = _USER_.team OR team_id IN (_USER_.teams))",
    );
    let mut known: Vec<(Decisions, Predicate)> = Vec::new();
    for level in ["1", "4", "5", "x"] {
        for team in ["1", "2", "y"] {
            for teams in ["{}", "{1}", "{2,3}", "{z}"] {
                let principal = caller("user", &[("level", level), ("team", team), ("teams", teams)]);
                let mut decisions = Decisions::default();
                let predicate = solve(&rule, &principal, &mut decisions);
                match known.iter().find(|(other, _)| *other == decisions) {
                    Some((_, other)) => assert_eq!(*other, predicate),
                    None => known.push((decisions, predicate)),
                }
            }
        }
    }
    assert!(known.len() < 20, "{} plans", known.len());
}

mod properties {
    use super::super::cast_variable;
    use super::*;
    use crate::catalog::ColumnId;
    use crate::request::{Comparison, Function};
    use crate::rules::{Parameter, Term};
    use crate::value::Datum;
    use proptest::prelude::*;

    type Row = Vec<Datum>;

    /// A few rows by table id, and a caller. It follows the definition of what a rule means, without any folding.
    struct World<'w> {
        principal: &'w Principal,
        rows: fn(u32) -> Vec<Row>,
    }

    fn rows(table: u32) -> Vec<Row> {
        let integer = Datum::Integer;
        let text = |value: &str| Datum::Text(value.into());
        let null = || Datum::Null;
        match table {
            0 => [
                (1, "x", true, Some(1), Some(1)),
                (2, "y", false, None, Some(2)),
                (3, "x", false, Some(2), None),
            ]
            .into_iter()
            .map(|(id, title, published, team, stars)| {
                let mut row = vec![null(); 13];
                row[0] = integer(id);
                row[1] = text(title);
                row[2] = Datum::Boolean(published);
                row[4] = team.map_or(Datum::Null, integer);
                row[11] = stars.map_or(Datum::Null, integer);
                row
            })
            .collect(),
            2 => vec![vec![integer(1), null()], vec![integer(3), null()]],
            3 => vec![
                vec![integer(1), integer(1), null(), text("x")],
                vec![integer(2), integer(1), null(), null()],
                vec![integer(3), integer(3), null(), text("y")],
            ],
            _ => Vec::new(),
        }
    }

    impl World<'_> {
        fn misses(&self, predicate: &Predicate) -> bool {
            match predicate {
                Predicate::Constant(_) | Predicate::Own { .. } => false,
                Predicate::And(parts) | Predicate::Or(parts) => parts.iter().any(|part| self.misses(part)),
                Predicate::Not(inner) => self.misses(inner),
                Predicate::Compare { left, right, .. } => self.term_misses(left) || self.term_misses(right),
                Predicate::IsNull { term, .. } => !matches!(term, Term::Parameter { .. }) && self.term_misses(term),
                Predicate::Exists(exists) => self.misses(&exists.predicate),
                Predicate::Truth(term) => self.term_misses(term),
            }
        }

        fn term_misses(&self, term: &Term) -> bool {
            match term {
                Term::Parameter {
                    source: Parameter::Session(name),
                    data_type,
                    list,
                } => super::super::variable(self.principal, name)
                    .is_none_or(|variable| cast_variable(&variable, data_type, *list).is_none()),
                Term::Call { arguments, .. } => arguments.iter().any(|term| self.term_misses(term)),
                Term::Case { branches, otherwise } => {
                    branches
                        .iter()
                        .any(|(condition, value)| self.misses(condition) || self.term_misses(value))
                        || otherwise.as_ref().is_some_and(|value| self.term_misses(value))
                }
                Term::Truth(inner) => self.misses(inner),
                _ => false,
            }
        }

        fn holds(&self, predicate: &Predicate, around: &[Row]) -> Option<bool> {
            match predicate {
                Predicate::Constant(value) => *value,
                Predicate::Own { .. } => Some(true),
                Predicate::And(parts) => {
                    let values: Vec<_> = parts.iter().map(|part| self.holds(part, around)).collect();
                    if values.contains(&Some(false)) {
                        Some(false)
                    } else if values.contains(&None) {
                        None
                    } else {
                        Some(true)
                    }
                }
                Predicate::Or(parts) => {
                    let values: Vec<_> = parts.iter().map(|part| self.holds(part, around)).collect();
                    if values.contains(&Some(true)) {
                        Some(true)
                    } else if values.contains(&None) {
                        None
                    } else {
                        Some(false)
                    }
                }
                Predicate::Not(inner) => self.holds(inner, around).map(|value| !value),
                _ if self.misses(predicate) => None,
                Predicate::Compare {
                    left,
                    comparison,
                    right,
                } => self.compares(left, *comparison, right, around),
                Predicate::IsNull { term, null } => match term {
                    Term::Parameter {
                        source: Parameter::Session(name),
                        ..
                    } => Some(self.principal.variable(name).is_none() == *null),
                    term => Some((self.value(term, around) == Datum::Null) == *null),
                },
                Predicate::Exists(exists) => Some((self.rows)(exists.table.0).into_iter().any(|row| {
                    let mut inner = around.to_vec();
                    inner.push(row);
                    self.holds(&exists.predicate, &inner) == Some(true)
                })),
                Predicate::Truth(term) => match self.value(term, around) {
                    Datum::Boolean(value) => Some(value),
                    _ => None,
                },
            }
        }

        fn compares(&self, left: &Term, comparison: Comparison, right: &Term, around: &[Row]) -> Option<bool> {
            let (left, right) = (self.value(left, around), self.value(right, around));
            if let (Comparison::In, Datum::List(items)) = (comparison, &right) {
                if items.is_empty() {
                    return Some(false);
                }
                return (left != Datum::Null).then(|| items.contains(&left));
            }
            if let Comparison::Same | Comparison::NotSame = comparison {
                return Some((left == right) == (comparison == Comparison::Same));
            }
            let order = match (&left, &right) {
                (Datum::Integer(left), Datum::Integer(right)) => left.cmp(right),
                (Datum::Text(left), Datum::Text(right)) => left.cmp(right),
                (Datum::Boolean(left), Datum::Boolean(right)) => left.cmp(right),
                _ => return None,
            };
            Some(match comparison {
                Comparison::Equal => order.is_eq(),
                Comparison::NotEqual => order.is_ne(),
                Comparison::Less => order.is_lt(),
                Comparison::LessOrEqual => order.is_le(),
                Comparison::Greater => order.is_gt(),
                Comparison::GreaterOrEqual => order.is_ge(),
                other => panic!("{other:?} is not generated"),
            })
        }

        fn value(&self, term: &Term, around: &[Row]) -> Datum {
            match term {
                Term::Column {
                    scope,
                    column: ColumnId(column),
                    ..
                } => around[around.len() - 1 - usize::from(*scope)][usize::from(*column)].clone(),
                Term::Parameter {
                    source,
                    data_type,
                    list,
                } => match source {
                    Parameter::Constant(value) => value.clone(),
                    Parameter::Session(name) => {
                        let variable = super::super::variable(self.principal, name).expect("not missing");
                        cast_variable(&variable, data_type, *list).expect("fits")
                    }
                    other => panic!("{other:?} is not generated"),
                },
                Term::Call {
                    function: Function::Coalesce,
                    arguments,
                    ..
                } => arguments
                    .iter()
                    .map(|term| self.value(term, around))
                    .find(|value| *value != Datum::Null)
                    .unwrap_or(Datum::Null),
                Term::Case { branches, otherwise } => branches
                    .iter()
                    .find(|(condition, _)| self.holds(condition, around) == Some(true))
                    .map(|(_, value)| self.value(value, around))
                    .or_else(|| otherwise.as_ref().map(|value| self.value(value, around)))
                    .unwrap_or(Datum::Null),
                Term::Truth(inner) => self.holds(inner, around).map_or(Datum::Null, Datum::Boolean),
                other => panic!("{other:?} is not generated"),
            }
        }
    }

    const ATOMS: &[&str] = &[
        "TRUE",
        "is_published",
        "stars = 1",
        "stars IS NULL",
        "stars > _USER_.a",
        "team_id = _USER_.a",
        "stars IS NOT DISTINCT FROM _USER_.a",
        "stars IN (_USER_.list)",
        "stars IN (2, _USER_.a)",
        "_USER_.a IS NULL",
        "_USER_.a = 1",
        "_USER_.a IN (2, 3)",
        "'x' IN (_USER_.list)",
        "title = _USER_.t",
        "_USER_.role = 'user'",
        "stars BETWEEN 0 AND _USER_.a",
        "(stars = _USER_.a) IS NOT TRUE",
        "(stars = 1) IS UNKNOWN",
        "COALESCE(stars, _USER_.a) = 1",
        "CASE WHEN stars = _USER_.a THEN TRUE WHEN _USER_.t IS NULL THEN FALSE END",
        "_ROW_.comments.body = _USER_.t",
        "EXISTS (SELECT 1 FROM comment WHERE article_id = article.id AND (body = 'x' OR _USER_.a = 2))",
        "NOT EXISTS (SELECT 1 FROM comment WHERE article_id = article.id AND _USER_.t IS NULL)",
        "team_id IN (SELECT team FROM team_members)",
        "team_id NOT IN (SELECT team FROM team_members WHERE team > _USER_.a)",
        "stars NOT IN (SELECT stars FROM article)",
    ];

    fn rule() -> impl Strategy<Value = String> {
        let atom = (0..ATOMS.len()).prop_map(|index| ATOMS[index].to_owned());
        atom.prop_recursive(4, 24, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|inner| format!("NOT ({inner})")),
                (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}) AND ({other})")),
                (inner.clone(), inner).prop_map(|(one, other)| format!("({one}) OR ({other})")),
            ]
        })
    }

    fn someone() -> impl Strategy<Value = Principal> {
        let one = prop_oneof![Just(None), Just(Some("1")), Just(Some("2")), Just(Some("abc"))];
        let text = prop_oneof![Just(None), Just(Some("x"))];
        let list = prop_oneof![Just(None), Just(Some("{}")), Just(Some("{1,2}")), Just(Some("{x}"))];
        let role = prop_oneof![Just("user"), Just("editor")];
        (role, one, text, list).prop_map(|(role, a, t, list)| {
            let variables: Vec<_> = [("a", a), ("t", t), ("list", list)]
                .into_iter()
                .filter_map(|(name, value)| value.map(|value| (name, value)))
                .collect();
            caller(role, &variables)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

        #[test]
        fn solving_keeps_the_rows_and_decides_as_decide_does(text in rule(), principal in someone()) {
            let catalog = catalog(DatabaseKind::Postgres);
            let rule = compiled(&catalog, &text);
            let (mut one, mut other) = (Decisions::default(), Decisions::default());
            let result = solve(&rule, &principal, &mut one);
            decide(&rule, &principal, &mut other);
            prop_assert_eq!(one, other);
            let world = World { principal: &principal, rows };
            for row in rows(0) {
                let before = world.holds(&rule, std::slice::from_ref(&row)) == Some(true);
                let after = world.holds(&result, std::slice::from_ref(&row)) == Some(true);
                prop_assert_eq!(before, after, "{} for {:?}", text, row);
            }
        }

        #[test]
        fn equal_decisions_mean_equal_predicates(text in rule(), one in someone(), other in someone()) {
            let catalog = catalog(DatabaseKind::Postgres);
            let rule = compiled(&catalog, &text);
            let (mut first, mut second) = (Decisions::default(), Decisions::default());
            let (left, right) = (solve(&rule, &one, &mut first), solve(&rule, &other, &mut second));
            if first == second {
                prop_assert_eq!(left, right);
            }
        }

        #[test]
        fn a_further_deny_never_adds_a_row(text in rule(), further in rule(), principal in someone()) {
            let catalog = catalog(DatabaseKind::Postgres);
            let world = World { principal: &principal, rows };
            let solved = |text: &str| solve(&compiled(&catalog, text), &principal, &mut Decisions::default());
            let wide = solved(&text);
            let narrow = solved(&format!("({text}) AND ({further})"));
            for row in rows(0) {
                let row = std::slice::from_ref(&row);
                prop_assert!(world.holds(&narrow, row) != Some(true) || world.holds(&wide, row) == Some(true));
            }
        }
    }

    /// `NOT IN (SELECT …)` with nulls on either side is unknown, as in SQL.
    #[test]
    fn not_in_with_nulls_is_unknown() {
        let catalog = catalog(DatabaseKind::Postgres);
        let principal = caller("user", &[]);
        let world = World {
            principal: &principal,
            rows,
        };
        for (text, expected) in [
            (
                "stars NOT IN (SELECT stars FROM article)",
                vec![Some(false), Some(false), None],
            ),
            (
                "id NOT IN (SELECT stars FROM article)",
                vec![Some(false), Some(false), None],
            ),
            (
                "team_id NOT IN (SELECT team FROM team_members)",
                vec![Some(false), None, Some(true)],
            ),
            (
                "id NOT IN (SELECT team FROM team_members)",
                vec![Some(false), Some(true), Some(false)],
            ),
        ] {
            let rule = compiled(&catalog, text);
            let found: Vec<_> = rows(0).into_iter().map(|row| world.holds(&rule, &[row])).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
