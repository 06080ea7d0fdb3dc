//! However deep, long or odd a rule is: an answer in time, never a panic.

use super::*;

#[test]
fn depth_and_size_are_bounded() {
    let deep = 10_000;
    let rules = [
        format!("{}TRUE{}", "(".repeat(deep), ")".repeat(deep)),
        format!("{} is_published", "NOT".repeat(deep)),
        format!("{} is_published", "NOT ".repeat(deep)),
        format!("{} is_published", "NOT ".repeat(500)),
        format!("stars = {}1", "- ".repeat(1_000)),
        format!("stars {} = 1", "+ 1".repeat(1_400)),
        format!("stars {} = 1", "+ 1".repeat(deep)),
        format!("is_published {}", "IS NULL ".repeat(1_400)),
        format!("is_published {} ", "::boolean".repeat(1_400)),
        format!("{} TRUE {}", "CASE WHEN ".repeat(1_000), " THEN TRUE END".repeat(1_000)),
        format!(
            "{} TRUE {}",
            "EXISTS (SELECT 1 FROM article WHERE ".repeat(500),
            ")".repeat(500)
        ),
        format!("stars {} ", "BETWEEN 1 AND 2 ".repeat(600)),
        format!("{}1{} = stars", "coalesce(1,".repeat(1_000), ")".repeat(1_000)),
        "x".repeat(1_000_000),
        format!("title = '{}'", "x".repeat(1_000_000)),
        format!("expr: {}true{}", "(".repeat(deep), ")".repeat(deep)),
        format!("expr: {}true{}", "(".repeat(1_000), ")".repeat(1_000)),
        format!("expr: {}is_published", "!".repeat(deep)),
        format!("expr: {}is_published", "!".repeat(2_000)),
        format!("expr: stars {}", "+ 1".repeat(1_000)),
        format!("expr: {}1{}", "lower(".repeat(900), ")".repeat(900)),
        format!("expr: {}", "a".repeat(1_000_000)),
    ];
    for rule in rules {
        let found = on(DatabaseKind::Postgres, &rule);
        assert!(
            found.starts_with(|first: char| first.is_ascii_digit()),
            "{}",
            &rule[..60]
        );
    }
    let wide = vec!["stars = 1"; 700].join(" OR ");
    assert!(on(DatabaseKind::Postgres, &wide).starts_with("stars = 1 OR"));
    let wide = vec!["stars = 1"; 700].join(" & ");
    assert!(on(DatabaseKind::Postgres, &format!("expr:{wide}")).starts_with("stars = 1 AND"));
    // Each BETWEEN writes what it tests twice.
    let mut doubling = String::from("stars");
    for _ in 0..20 {
        doubling = format!("CASE WHEN {doubling} BETWEEN 1 AND 2 THEN 1 ELSE 2 END");
    }
    let found = on(DatabaseKind::Postgres, &format!("{doubling} = 1"));
    assert!(
        found.contains("too large") || found.contains("nested too deeply"),
        "{}",
        &found[..80]
    );
}

mod arbitrary {
    use super::*;
    use proptest::prelude::*;

    /// Pieces that are likelier to make it through the grammar than characters by chance.
    fn rule() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("is_published"),
            Just("stars"),
            Just("title"),
            Just("_ROW_.author.email"),
            Just("_ROW_.comments.body"),
            Just("_USER_.id"),
            Just("_USER_.teams"),
            Just("author_id"),
            Just("team_id"),
            Just("="),
            Just("<>"),
            Just("<"),
            Just("AND"),
            Just("OR"),
            Just("NOT"),
            Just("IS NULL"),
            Just("IN"),
            Just("("),
            Just(")"),
            Just(","),
            Just("1"),
            Just("'x'"),
            Just("NULL"),
            Just("TRUE"),
            Just("BETWEEN"),
            Just("LIKE"),
            Just("EXISTS (SELECT 1 FROM comment WHERE"),
            Just("CASE WHEN"),
            Just("THEN"),
            Just("END"),
            Just("coalesce("),
            Just("data"),
            Just("->>"),
            Just("@>"),
            Just("?"),
            Just("+"),
            Just("-"),
            Just("||"),
            Just("&"),
            Just("|"),
            Just("!"),
            Just("auth.uid"),
            Just("@now"),
            Just("'"),
            Just("\""),
            Just("é"),
            Just("\0"),
            Just("::"),
            Just("ANY("),
            Just("IS TRUE"),
            Just("_REQ_FIELDS_"),
            Just("expr:"),
            Just("\n"),
        ];
        prop_oneof![
            prop::collection::vec(piece, 1..14).prop_map(|pieces| pieces.join(" ")),
            any::<String>(),
            any::<String>().prop_map(|text| format!("expr:{text}")),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

        #[test]
        fn parsers_never_panic(rule in rule()) {
            for kind in [DatabaseKind::Postgres, DatabaseKind::Sqlite] {
                let found = on(kind, &rule);
                prop_assert!(!found.is_empty());
            }
        }
    }
}

#[test]
fn nesting_costs_no_exponential_time() {
    for (name, open, inner, close) in [
        ("brackets", "(", "TRUE", ")"),
        ("from", "EXISTS (SELECT 1 FROM ", "article", ")"),
        ("tables", "(", "article", ")"),
        ("in", "stars IN (", "1", ")"),
        ("in brackets", "(", "1", ")"),
        ("function", "coalesce(1, ", "1", ")"),
        ("case", "CASE WHEN (", "TRUE", ") THEN 1 END"),
        ("cast", "CAST(", "1", " AS TEXT)"),
        ("array", "ARRAY[", "1", "]"),
        ("not", "NOT (", "TRUE", ")"),
        ("date", "date (", "1", ")"),
        ("any", "1 = ANY(", "1", ")"),
        ("row", "(1, ", "1", ")"),
        ("select", "(SELECT ", "1", ")"),
        ("interval", "interval (", "1", ")"),
        ("between", "1 BETWEEN (", "1", ") AND 2"),
        ("like", "title LIKE ANY (", "1", ")"),
        ("signs", "- ", "1", ""),
        ("not word", "NOT ", "TRUE", ""),
        ("date word", "date ", "'x'", ""),
        ("interval word", "interval ", "'x'", ""),
        ("prefix", "prior ", "1", ""),
    ] {
        for (before, after) in [
            ("", ""),
            ("EXISTS (SELECT 1 FROM ", ")"),
            ("stars IN ", ""),
            ("stars = ", ""),
        ] {
            let rule = [before, &open.repeat(23), inner, &close.repeat(23), after].concat();
            let started = std::time::Instant::now();
            on(DatabaseKind::Postgres, &rule);
            let took = started.elapsed();
            assert!(took.as_millis() < 1000, "{name} behind {before:?}: {took:?}");
        }
    }
}
