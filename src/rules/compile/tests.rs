//! Rules as text → what they compile to, described, or what is wrong with them.

mod bounds;
mod mistakes;

use super::{Purpose, check, compile};
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
        assert_eq!(check(&catalog, ARTICLE, rule, purpose).is_ok(), good, "{rule}");
    }
}
