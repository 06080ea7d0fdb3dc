//! Rules as text → what they compile to, described, or what is wrong with them.

use super::{Purpose, compile, compile_for};
use crate::catalog::{DatabaseKind, TableId};
use crate::rules::describe;
use crate::rules::fixture::{ARTICLE, catalog};

fn on(kind: DatabaseKind, rule: &str) -> String {
    let catalog = catalog(kind);
    match compile(&catalog, ARTICLE, rule) {
        Ok(compiled) => describe(&catalog, TableId(0), &compiled.predicate),
        Err(problem) => format!("{}:{} {}", problem.at.line, problem.at.column, problem.message),
    }
}

fn check_all(cases: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (rule, expected) in cases {
        let found = on(DatabaseKind::Postgres, rule);
        if found != *expected {
            wrong += &[
                "\nrule     ",
                rule,
                "\nexpected ",
                expected,
                "\nfound    ",
                &found,
                "\n",
            ]
            .concat();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn sql_rules_compile() {
    check_all(&[
        ("TRUE", "TRUE"),
        ("is_published", "is_published"),
        ("NOT is_published", "NOT is_published"),
        ("_ROW_.is_published = FALSE", "is_published = FALSE"),
        ("_row_.Author_Id = _user_.ID", "author_id = _USER_.id"),
        ("article.title = 'it''s'", "title = 'it''s'"),
        ("\"title\" == 'x'", "title = 'x'"),
        ("_USER_.id = author_id", "author_id = _USER_.id"),
        ("3 < stars", "stars > 3"),
        (
            "is_published OR author_id = _USER_.id AND stars > 3",
            "is_published OR author_id = _USER_.id AND stars > 3",
        ),
        (
            "(is_published OR stars > 1) AND stars < 9",
            "(is_published OR stars > 1) AND stars < 9",
        ),
        ("_USER_.id IS NOT NULL", "_USER_.id IS NOT NULL"),
        ("_USER_.admin", "_USER_.admin"),
        (
            "_USER_.role IN ('editor','chief')",
            "_USER_.role IN ('editor', 'chief')",
        ),
        ("'admin' IN (_USER_.roles)", "'admin' IN (_USER_.roles)"),
        ("team_id IN (_USER_.teams)", "team_id IN (_USER_.teams)"),
        ("team_id IN _USER_.teams", "team_id IN (_USER_.teams)"),
        ("team_id = ANY(_USER_.teams)", "team_id IN (_USER_.teams)"),
        ("team_id <> ALL(_USER_.teams)", "NOT (team_id IN (_USER_.teams))"),
        ("team_id NOT IN (1, 2)", "NOT (team_id IN (1, 2))"),
        (
            "team_id IN (1, _USER_.team, stars)",
            "team_id IN (1) OR team_id IN (_USER_.team) OR team_id = stars",
        ),
        ("'x' = ANY(labels)", "labels @> ('x')"),
        ("_USER_.label = ANY(labels)", "labels @> (_USER_.label)"),
        ("labels @> ARRAY['a','b']", "labels @> ('a', 'b')"),
        ("labels <@ _USER_.labels", "labels <@ (_USER_.labels)"),
        ("stars BETWEEN 1 AND 3", "stars >= 1 AND stars <= 3"),
        ("stars NOT BETWEEN 1 AND 3", "NOT (stars >= 1 AND stars <= 3)"),
        (
            "title LIKE 'a%' OR title NOT ILIKE _USER_.pattern",
            "title LIKE 'a%' OR title NOT ILIKE _USER_.pattern",
        ),
        ("title ~ '^a' AND title !~* 'b'", "title ~ '^a' AND title !~* 'b'"),
        ("title SIMILAR TO '(a|b)%'", "title SIMILAR TO '(a|b)%'"),
        ("is_published IS TRUE", "is_published IS NOT DISTINCT FROM TRUE"),
        ("(stars > 1) IS NOT TRUE", "(stars > 1) IS DISTINCT FROM TRUE"),
        ("(stars > 1) IS UNKNOWN", "(stars > 1) IS NULL"),
        (
            "stars IS NOT DISTINCT FROM team_id",
            "stars IS NOT DISTINCT FROM team_id",
        ),
        ("stars IS DISTINCT FROM NULL", "stars IS NOT NULL"),
        (
            "CASE WHEN is_published THEN stars ELSE 0 END > 2",
            "CASE WHEN is_published THEN stars ELSE 0 END > 2",
        ),
        (
            "CASE status WHEN 'draft' THEN FALSE ELSE TRUE END",
            "CASE WHEN status = 'draft' THEN FALSE ELSE TRUE END",
        ),
        (
            "COALESCE(stars, 0) + 1 > 2 * team_id",
            "(COALESCE(stars, 0) + 1) > (2 * team_id)",
        ),
        ("stars % 2 = 0", "MOD(stars, 2) = 0"),
        ("-stars < 1", "-stars < 1"),
        (
            "lower(title) || 'x' = upper(_USER_.name)",
            "(LOWER(title) || 'x') = UPPER(_USER_.name)",
        ),
        ("data ->> 'owner' = _USER_.id", "(data ->> 'owner') = _USER_.id"),
        ("data #>> '{a,0}' = 'x'", "(data -> 'a' ->> 0) = 'x'"),
        (
            "json_extract(data, '$.a[1].b') = 'x'",
            "(data -> 'a' -> 1 ->> 'b') = 'x'",
        ),
        (
            "data ? 'k' AND data ?| ARRAY['a'] AND data ?& _USER_.keys",
            "data ? 'k' AND data ?| ('a') AND data ?& (_USER_.keys)",
        ),
        ("data @> '{\"a\":1}'", "data @> '{\"a\":1}'"),
        (
            "created_at < now() AND created_at > '2026-01-01'",
            "created_at < NOW() AND created_at > '2026-01-01 00:00:00'",
        ),
        ("created_at > CURRENT_DATE", "created_at > TODAY()"),
        ("created_at >= date '2026-01-01'", "created_at >= '2026-01-01'"),
        ("CAST(id AS TEXT) = _USER_.article", "TEXT(id) = _USER_.article"),
        ("author_id = _USER_.id::uuid", "author_id = _USER_.id"),
        ("price > 1.50", "price > '1.50'"),
        ("status = 'draft'", "status = 'draft'"),
        (
            "status = _USER_.status",
            "_USER_.status IN ('draft', 'published') AND status = _USER_.status OR NOT (_USER_.status IN ('draft', 'published')) AND UNKNOWN",
        ),
        // Relations: to one is a value, to many is any row.
        (
            "_ROW_.author.team_id = _USER_.team",
            "(SELECT users.team_id FROM users WHERE users.id = article.author_id) = _USER_.team",
        ),
        (
            "author.email = 'x'",
            "(SELECT users.email FROM users WHERE users.id = article.author_id) = 'x'",
        ),
        (
            "_ROW_.author.email IS NULL",
            "(SELECT users.email FROM users WHERE users.id = article.author_id) IS NULL",
        ),
        (
            "_ROW_.comments.user_id = _USER_.id",
            "EXISTS (SELECT 1 FROM comment WHERE comment.article_id = article.id AND comment.user_id = _USER_.id)",
        ),
        (
            "NOT _ROW_.tags.name = 'x'",
            "NOT EXISTS (SELECT 1 FROM article_tag WHERE article_tag.article_id = article.id AND EXISTS (SELECT 1 FROM tag WHERE tag.id = article_tag.tag_id AND tag.name = 'x'))",
        ),
        (
            "_ROW_.comments.user.email = 'x'",
            "EXISTS (SELECT 1 FROM comment WHERE comment.article_id = article.id AND (SELECT users.email FROM users WHERE users.id = comment.user_id) = 'x')",
        ),
        (
            "_ROW_.tags.weight BETWEEN 1 AND 3",
            "EXISTS (SELECT 1 FROM article_tag WHERE article_tag.article_id = article.id AND EXISTS (SELECT 1 FROM tag WHERE tag.id = article_tag.tag_id AND tag.weight >= 1 AND tag.weight <= 3))",
        ),
        (
            "_ROW_.author.articles.stars > 3",
            "EXISTS (SELECT 1 FROM users WHERE users.id = article.author_id AND EXISTS (SELECT 1 FROM article#2 WHERE article#2.author_id = users.id AND article#2.stars > 3))",
        ),
        // Subselects.
        (
            "EXISTS(SELECT 1 FROM team_members WHERE team = _ROW_.team_id AND user = _USER_.id)",
            "EXISTS (SELECT 1 FROM team_members WHERE team_members.team = article.team_id AND team_members.user = _USER_.id)",
        ),
        (
            "NOT EXISTS (SELECT 1 FROM team_members m JOIN users AS u ON u.id = m.\"user\" WHERE m.team = article.team_id AND u.email = 'x')",
            "NOT EXISTS (SELECT 1 FROM team_members WHERE EXISTS (SELECT 1 FROM users WHERE users.id = team_members.user AND team_members.team = article.team_id AND users.email = 'x'))",
        ),
        (
            "team_id IN (SELECT team FROM team_members WHERE \"user\" = _USER_.id)",
            "EXISTS (SELECT 1 FROM team_members WHERE team_members.user = _USER_.id AND team_members.team = article.team_id)",
        ),
        (
            "author_id NOT IN (SELECT \"user\" FROM team_members)",
            "NOT (EXISTS (SELECT 1 FROM team_members WHERE team_members.user = article.author_id) OR EXISTS (SELECT 1 FROM team_members WHERE article.author_id IS NULL OR team_members.user IS NULL) AND UNKNOWN)",
        ),
        (
            "id IN (SELECT id FROM article WHERE stars > 3)",
            "EXISTS (SELECT 1 FROM article#2 WHERE article#2.stars > 3 AND article#2.id = article.id)",
        ),
        (
            "EXISTS (SELECT 1 FROM comment c WHERE c.article_id = _ROW_.id AND c.user.email = 'x')",
            "EXISTS (SELECT 1 FROM comment WHERE comment.article_id = article.id AND (SELECT users.email FROM users WHERE users.id = comment.user_id) = 'x')",
        ),
    ]);
}

#[test]
fn expressions_compile() {
    check_all(&[
        (
            "expr: auth.uid == author_id",
            "author_id IS NOT DISTINCT FROM _USER_.id",
        ),
        (
            "expr: auth.uid = author_id & is_published = true",
            "author_id = _USER_.id AND is_published = TRUE",
        ),
        (
            "expr: auth.uid != null && stars > 1 | is_published",
            "_USER_.id IS NOT NULL AND stars > 1 OR is_published",
        ),
        ("expr: !is_published", "NOT is_published"),
        ("expr: !(stars > 1 | stars < 0)", "NOT (stars > 1 OR stars < 0)"),
        (
            "expr: title ~ 'a%' & title !~ \"b\"",
            "title ILIKE 'a%' AND title NOT ILIKE 'b'",
        ),
        ("expr: stars in (1, 2)", "stars IN (1, 2)"),
        ("expr: team_id in auth.meta.teams", "team_id IN (_USER_.teams)"),
        ("expr: auth.role in ('a','b')", "_USER_.role IN ('a', 'b')"),
        ("expr: created_at < @now", "created_at < NOW()"),
        ("expr: stars + 1 * 2 > -3", "(stars + (1 * 2)) > -3"),
        ("expr: data->'a'->>'b' = 'x'", "(data -> 'a' ->> 'b') = 'x'"),
        ("expr: title || 'x' = 'yx'", "(title || 'x') = 'yx'"),
        (
            "expr: COALESCE(stars, 0) = 0 & article.stars = null",
            "COALESCE(stars, 0) = 0 AND stars IS NULL",
        ),
        (
            "expr: auth.jwt.sub = author_id & auth.verified == true",
            "author_id = _USER_.id AND _USER_.verified IS NOT DISTINCT FROM TRUE",
        ),
        ("expr: rowid = 1", "id = 1"),
        ("expr: json_contains(data, '[1]')", "data @> '[1]'"),
        (
            "expr: comments.user_id = auth.uid",
            "EXISTS (SELECT 1 FROM comment WHERE comment.article_id = article.id AND comment.user_id = _USER_.id)",
        ),
    ]);
}

#[test]
fn mistakes_are_named_with_their_place() {
    check_all(&[
        (
            "autor_id = 1",
            "1:1 unknown column \"autor_id\" of \"article\", did you mean \"author_id\"?",
        ),
        (
            "is_published OR\n  _ROW_.titel = 'x'",
            "2:9 unknown column \"titel\" of \"article\", did you mean \"title\"?",
        ),
        (
            "teamId = 1",
            "1:1 unknown column \"teamId\" of \"article\"; rules use the database's own names, so write \"team_id\"",
        ),
        (
            "\"Title\" = 'x'",
            "1:1 unknown column \"Title\" of \"article\", did you mean \"title\"?",
        ),
        (
            "_ROW_.athor.email = 'x'",
            "1:7 unknown relation \"athor\" of \"article\", did you mean \"author\"?",
        ),
        (
            "_ROW_.author.mail = 'x'",
            "1:14 unknown column \"mail\" of \"users\", did you mean \"email\"?",
        ),
        (
            "EXISTS (SELECT 1 FROM team_member WHERE TRUE)",
            "1:23 unknown table \"team_member\", did you mean \"team_members\"?",
        ),
        (
            "EXISTS (SELECT 1 FROM _diglot_session)",
            "1:23 unknown table \"_diglot_session\"",
        ),
        (
            "_REQ_.title = 'x'",
            "1:7 _REQ_ holds values that were sent and stands only in create and update rules; here the row is _ROW_",
        ),
        (
            "'title' IN _REQ_FIELDS_",
            "1:12 _REQ_FIELDS_ holds names that were sent and stands only in create and update rules",
        ),
        (
            "expr: new.title = 'x'",
            "1:11 new holds values that were sent and stands only in create and update rules; here the row is _ROW_",
        ),
        (
            "expr: request.method = 'GET'",
            "1:7 \"request.method\" is not known in rules: they speak of the row and of the caller (auth.uid, auth.role, …)",
        ),
        (
            "expr: auth.uuid = author_id",
            "1:12 unknown property \"uuid\" of auth, did you mean auth.uid?",
        ),
        (
            "expr: title @@ 'x'",
            "1:7 @@ is not supported until tables have a full-text index; use LIKE (in an expression ~) instead",
        ),
        (
            "expr: count() > 1",
            "1:7 count is an aggregate, which rules don't have; write EXISTS (SELECT 1 FROM … WHERE …)",
        ),
        (
            "expr: title and stars",
            "1:13 in an expression \"and\" is written \"&\"",
        ),
        (
            "expr: stars => s",
            "1:7 a rule is a condition and gets no name; leave the alias away",
        ),
        (
            "expr:\n stars >",
            "2:9 a value should follow: a column, a text, a number or a bracket",
        ),
        (
            "expr: 'abc",
            "1:7 the text has no end; close it with the same quote (a quote within is doubled)",
        ),
        ("expr: stars # 1", "1:13 \"#\" has no meaning in an expression"),
        ("stars = 'abc'", "1:9 \"abc\" is not a value of type integer"),
        (
            "stars = 99999999999",
            "1:9 \"99999999999\" is not a value of type integer",
        ),
        ("title = 5", "1:9 the column holds text: write '5' in quotes"),
        (
            "is_published = 1",
            "1:16 1 cannot be compared with a value of type boolean",
        ),
        (
            "author_id = 'me'",
            "1:13 \"me\" is not a value of type uuid; write it as '8d3f0c2e-…' with hyphens",
        ),
        (
            "created_at > 'soon'",
            "1:14 \"soon\" is not a value of type timestamptz; write it as '2026-01-31 12:00:00'",
        ),
        (
            "status = 'drafd'",
            "1:10 'drafd' is not a value of this enum, did you mean 'draft'?",
        ),
        (
            "stars = title",
            "1:1 integer and text cannot be compared; cast one side, such as CAST(column AS TEXT)",
        ),
        (
            "stars",
            "1:1 a condition should stand here, but this is of type integer; compare it with something",
        ),
        (
            "title = NULL",
            "1:9 a comparison with NULL is never true; write IS NULL or IS NOT NULL",
        ),
        (
            "stars IN (1, NULL)",
            "1:14 NULL in a list never matches; write OR column IS NULL",
        ),
        (
            "pg_sleep(1) = 1",
            "1:1 the function \"pg_sleep\" is not one that rules may use; they may use lower, upper, length, substring, replace, trim, concat, coalesce, ifnull, nullif, abs, round, mod, now, date, datetime, current_date, current_timestamp, json_array_length, jsonb_array_length, json_extract, st_intersects, st_within, st_contains, st_crosses, st_equals, st_overlaps, st_touches, st_distance, st_dwithin",
        ),
        (
            "stars > 1; DROP TABLE article",
            "1:10 a rule is one condition, without \";\"",
        ),
        (
            "stars > (SELECT 1)",
            "1:10 a SELECT as a value is not allowed in rules; write EXISTS (SELECT 1 FROM …) or x IN (SELECT column FROM …)",
        ),
        (
            "EXISTS (SELECT 1 FROM article GROUP BY id)",
            "1:9 only SELECT … FROM … WHERE … is allowed in rules: no WITH, DISTINCT, GROUP BY, HAVING, ORDER BY or LIMIT",
        ),
        (
            "stars > 1 stars",
            "1:11 the rule should end before \"stars\"; join conditions with AND or OR",
        ),
        ("stars >", "1:8 expected an expression, found the end of the rule"),
        (
            "location = _USER_.ip",
            "1:12 a variable of the caller cannot be compared with a value of type inet here; cast the column, such as CAST(column AS TEXT)",
        ),
        (
            "EXISTS (SELECT 1 FROM article a, comment c WHERE id = 1)",
            "1:50 \"id\" is a column of several tables here; write table.id",
        ),
        (
            "labels = $1",
            "1:10 \"$1\" is not a value here; write a constant, or _USER_.x for a variable of the caller",
        ),
        ("data > data", "1:1 values of type jsonb have no order"),
        (
            "title ~ 'a(b'",
            "1:9 the pattern \"a(b\" is no regular expression: unclosed group at character 2",
        ),
        (
            "title !~* 'a{999}'",
            "1:11 a repetition of 999 is too large (at most 255) at character 2 of the pattern \"a{999}\"",
        ),
        (
            "title SIMILAR TO '[a'",
            "1:18 a SIMILAR TO pattern lacks a closing bracket ]",
        ),
        (
            "title LIKE 'a\\'",
            "1:12 a LIKE pattern must not end with its escape character \\: write it twice",
        ),
        (
            "title ~ title",
            "1:1 a regular expression must be a constant or a variable of the caller; LIKE takes columns too",
        ),
        (
            "st_within(data, 'x')",
            "1:1 this function is PostGIS's, which is not installed in the database (CREATE EXTENSION postgis)",
        ),
        (
            "CAST(title AS regclass) = 1",
            "1:6 a cast to \"regclass\" is not allowed in rules",
        ),
        ("stars = _ROW_", "1:9 a column should follow, such as _ROW_.id"),
        (
            "_USER_ = 1",
            "1:1 _USER_ is the caller; write _USER_.id or another variable",
        ),
    ]);
}

#[test]
fn sqlite_is_looser_where_its_storage_is() {
    for (rule, expected) in [
        ("stars", "stars <> 0"),
        ("is_published = 1", "is_published = TRUE"),
        ("stars = TRUE", "stars = 1"),
        ("stars = 99999999999", "stars = 99999999999"),
        ("title = author_id", "title = author_id"),
        ("status = _USER_.status", "status = _USER_.status"),
    ] {
        assert_eq!(on(DatabaseKind::Sqlite, rule), expected, "{rule}");
    }
}

#[test]
fn write_rules_may_speak_of_what_was_sent() {
    let catalog = catalog(DatabaseKind::Postgres);
    for (rule, purpose, good) in [
        ("_REQ_.author_id = _USER_.id", Purpose::Create, true),
        ("_REQ_.autor_id = _USER_.id", Purpose::Create, false),
        ("'title' IN _REQ_FIELDS_", Purpose::Update, true),
        (
            "NOT 'title' IN (SELECT value FROM json_each(__fields))",
            Purpose::Update,
            true,
        ),
        ("'titel' IN _REQ_FIELDS_", Purpose::Update, false),
        ("_REQ_.title = 'x'", Purpose::Delete, false),
        (
            "expr: new.author_id = auth.uid & author_id = auth.uid",
            Purpose::Update,
            true,
        ),
        ("expr: new.autor_id = auth.uid", Purpose::Update, false),
    ] {
        assert_eq!(compile_for(&catalog, ARTICLE, rule, purpose).is_ok(), good, "{rule}");
    }
}

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
