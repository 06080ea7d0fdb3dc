//! Configurations → who may read what, or what is wrong.

use super::{AccessOptions, Finding, Severity, build_views};
use crate::catalog::{Catalog, DatabaseKind};
use crate::config::{AccessDefault, Config};
use crate::rules::fixture::{catalog, table};
use crate::rules::view::{Cell, View, Views};
use crate::rules::{Predicate, describe};
use crate::value::Type;
use std::sync::Arc;

fn options(default: AccessDefault) -> AccessOptions {
    AccessOptions { default, before: None }
}

fn build_on(catalog: &Catalog, default: AccessDefault, text: &str) -> Result<(Views, Vec<Finding>), Vec<Finding>> {
    let config: Config = toml::from_str(text).expect("a configuration");
    build_views(catalog, &config, &options(default)).map(|(views, findings, _)| (views, findings))
}

fn build(default: AccessDefault, text: &str) -> (Views, Vec<String>) {
    let (views, findings) =
        build_on(&catalog(DatabaseKind::Postgres), default, text).unwrap_or_else(|findings| panic!("{findings:?}"));
    (views, findings.iter().map(ToString::to_string).collect())
}

fn errors(text: &str) -> Vec<String> {
    build_on(&catalog(DatabaseKind::Postgres), AccessDefault::Convention, text)
        .err()
        .unwrap_or_default()
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(ToString::to_string)
        .collect()
}

/// `-` unknown, `known` without reading, else the rule and whatever is not plain.
fn right(views: &Views, role: &str, face: &str) -> String {
    let catalog = catalog(DatabaseKind::Postgres);
    let view: &Arc<View> = views.get(role).unwrap_or_else(|| panic!("no role {role}"));
    let face = catalog.face_named(face).expect("a face");
    let Some(access) = view.face(face.id) else {
        return "-".into();
    };
    let Some(read) = &access.read else {
        return if access.schema {
            "known, schema".into()
        } else {
            "known".into()
        };
    };
    let mut text = describe(&catalog, face.table, &read.rule);
    let own = catalog.table(face.table);
    for (column, cell) in own.columns.iter().zip(&read.cells) {
        match cell {
            Cell::Visible => {}
            Cell::Hidden => text += &["; no ", column.name.as_str()].concat(),
            Cell::Where(condition) => {
                text += &[
                    "; ",
                    column.name.as_str(),
                    " where ",
                    &describe(&catalog, face.table, condition),
                ]
                .concat();
            }
        }
    }
    if let Some(limit) = read.limit {
        text += &["; limit ", &limit.to_string()].concat();
    }
    if read.aggregate {
        text += "; aggregate";
    }
    text
}

fn check(views: &Views, cases: &[(&str, &str, &str)]) {
    for (role, face, expected) in cases {
        assert_eq!(right(views, role, face), *expected, "{role} on {face}");
    }
}

#[test]
fn the_convention_opens_by_column_and_name() {
    let (views, findings) = build(
        AccessDefault::Convention,
        "[roles.editor]\n[roles.member]\ninherits = ['user']",
    );
    check(
        &views,
        &[
            ("anonymous", "article", "TRUE; no _secret"),
            ("user", "article", "TRUE; no _secret; aggregate"),
            ("editor", "article", "-"),
            ("member", "article", "TRUE; no _secret; aggregate"),
            ("admin", "article", "TRUE; aggregate"),
            ("anonymous", "users", "-"),
            ("user", "users", "id = _USER_.id; aggregate"),
            ("anonymous", "comment", "known"),
            ("user", "comment", "user_id = _USER_.id; aggregate"),
            ("anonymous", "public_note", "known"),
            ("user", "public_note", "TRUE; aggregate"),
            ("anonymous", "article_view", "-"),
            ("user", "article_view", "-"),
            ("admin", "article_view", "TRUE; aggregate"),
            ("user", "_diglot_session", "-"),
            ("anonymous", "genre", "TRUE"),
        ],
    );
    assert_eq!(
        findings,
        [
            "tables.article: \"article\" is open to anonymous callers by convention although it refers to \"users\", whose rows belong to their owners; write access blocks if that is not meant"
        ]
    );
}

#[test]
fn closed_is_closed() {
    let (views, _) = build(
        AccessDefault::Closed,
        "[tables.genre]\n[tables.tag.access.user]\nread = true",
    );
    check(
        &views,
        &[
            ("anonymous", "genre", "-"),
            ("user", "genre", "-"),
            ("admin", "genre", "TRUE; aggregate"),
            ("admin", "article", "-"),
            ("user", "tag", "TRUE; aggregate"),
            ("anonymous", "tag", "-"),
        ],
    );
}

#[test]
fn one_block_switches_the_convention_off() {
    let (views, findings) = build(
        AccessDefault::Convention,
        r#"
        [tables.article.access.anonymous]
        read = "is_published"
        [tables.article.access.user]
        read = { rule = "is_published OR author_id = _USER_.id", except = ["price", "data"], limit = 100 }
        create = { check = "_ROW_.is_published = FALSE", set = { author_id = "_USER_.id" } }
        update = { rule = "author_id = _USER_.id", columns = ["title"], check = "author_id = _USER_.id" }
        delete = "author_id = _USER_.id AND NOT is_published"
        [tables.article.access.reader]
        read = { columns = ["id", "title", "_secret"], aggregate = false }
        [tables.article.access.writer]
        create = true
        [tables.article.access.looker]
        schema = true
        [tables.article.access.nobody]
        read = false
        [tables.comment.access.user]
        read = {}
        "#,
    );
    check(
        &views,
        &[
            ("anonymous", "article", "is_published; no _secret"),
            (
                "user",
                "article",
                "is_published OR author_id = _USER_.id; no data; no price; no _secret; limit 100; aggregate",
            ),
            (
                "reader",
                "article",
                "TRUE; no is_published; no author_id; no team_id; no labels; no data; no price; no status; no created_at; no stars; no location",
            ),
            ("writer", "article", "known"),
            ("looker", "article", "known, schema"),
            ("nobody", "article", "-"),
            ("user", "comment", "TRUE; aggregate"),
            ("anonymous", "comment", "-"),
            ("nobody", "genre", "-"),
        ],
    );
    assert_eq!(
        findings,
        [
            "tables.article.access.user.read: anonymous callers may read data, price of \"article\", signed-in ones may not"
        ]
    );
}

#[test]
fn inheriting_unites_rows_and_keeps_cells_apart() {
    let (views, _) = build(
        AccessDefault::Closed,
        r#"
        [tables.article.access.author]
        read = { rule = "author_id = _USER_.id", limit = 10 }
        [tables.article.access.public]
        read = { rule = "is_published", columns = ["id", "title"], limit = 50, aggregate = false }
        [tables.genre.access.public]
        read = true
        [tables.tag.access.author]
        read = { columns = ["id"] }
        [tables.tag.access.public]
        read = { rule = "weight > 1", columns = ["id", "name"] }
        [roles.both]
        inherits = ["author", "public"]
        [roles.deep]
        inherits = ["both"]
        "#,
    );
    let both = "author_id = _USER_.id OR is_published; is_published where author_id = _USER_.id; \
        author_id where author_id = _USER_.id; team_id where author_id = _USER_.id; labels where author_id = _USER_.id; \
        data where author_id = _USER_.id; price where author_id = _USER_.id; status where author_id = _USER_.id; \
        created_at where author_id = _USER_.id; no _secret; stars where author_id = _USER_.id; \
        location where author_id = _USER_.id; limit 50; aggregate";
    let mut parts: Vec<&str> = both.split("; ").collect();
    let found = right(&views, "both", "article");
    let rule = parts.remove(0);
    // Which parent comes first does not matter.
    assert!(
        found.starts_with(rule) || found.starts_with("is_published OR author_id = _USER_.id"),
        "{found}"
    );
    assert_eq!(found.split("; ").skip(1).collect::<Vec<_>>(), parts);
    check(
        &views,
        &[
            ("both", "genre", "TRUE; aggregate"),
            ("deep", "genre", "TRUE; aggregate"),
            ("both", "tag", "TRUE; name where weight > 1; no weight; aggregate"),
            ("both", "comment", "-"),
        ],
    );
    assert_eq!(
        right(&views, "deep", "article").split("; ").skip(1).collect::<Vec<_>>(),
        parts
    );
}

#[test]
fn mistakes_name_key_line_and_the_right_word() {
    for (text, expected) in [
        (
            "[tables.article.access.user]\nread = '''is_published\nOR autor_id = _USER_.id'''",
            vec![
                "tables.article.access.user.read: line 2, column 4: unknown column \"autor_id\" of \"article\", did you mean \"author_id\"?",
            ],
        ),
        (
            "[tables.article.access.user]\nread = { rule = 'TRUE', columns = ['titel'] }",
            vec![
                "tables.article.access.user.read.columns: unknown column \"titel\" of \"article\", did you mean \"title\"?",
            ],
        ),
        (
            "[tables.article.access.user]\ncreate = { check = 'titel = 1', set = { autor_id = '_USER_.id', stars = 'x', price = { sql = 'stars + 1' }, id = { sql = 'title' }, created_at = 'now', team_id = 5 } }",
            vec![
                "tables.article.access.user.create.set: unknown column \"autor_id\" of \"article\", did you mean \"author_id\"?",
                "tables.article.access.user.create.set.stars: \"x\" is not a value of type integer",
                "tables.article.access.user.create.set.id.sql: line 1, column 1: the column holds integer, the expression is text",
                "tables.article.access.user.create.set.created_at: \"now\" is not a value of type timestamptz; write it as '2026-01-31 12:00:00'",
                "tables.article.access.user.create.check: line 1, column 1: unknown column \"titel\" of \"article\", did you mean \"title\"?",
            ],
        ),
        (
            "[tables.article.access.user]\ndelete = '_REQ_.title = 1'",
            vec![
                "tables.article.access.user.delete: line 1, column 7: _REQ_ holds values that were sent and stands only in create and update rules; here the row is _ROW_",
            ],
        ),
    ] {
        let (mut found, mut expected) = (errors(text), expected);
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn signing_in_should_not_take_away() {
    let (_, findings) = build(
        AccessDefault::Convention,
        "[tables.genre.access.anonymous]\nread = true",
    );
    assert!(
        findings.iter().any(|finding| finding.starts_with(
            "tables.genre.access.user.read: anonymous callers may read \"genre\", signed-in ones may not"
        )),
        "{findings:?}"
    );
}

#[test]
fn equal_rights_are_kept_once() {
    let mut catalog = catalog(DatabaseKind::Sqlite);
    let columns: Vec<_> = (0..20).map(|index| format!("c{index}")).collect();
    let columns: Vec<_> = columns.iter().map(|name| (name.as_str(), Type::TEXT, true)).collect();
    let tables: Vec<_> = (0..600).map(|index| table(&format!("t{index}"), &columns)).collect();
    let faces = (0..)
        .map(crate::catalog::TableId)
        .zip(&tables)
        .map(|(id, table)| crate::catalog::Face::plain(id, table))
        .collect();
    catalog.database.tables = tables;
    let catalog = Catalog::assemble(catalog.database, faces);
    let text = "[roles.a]\ninherits=['user']\n[roles.b]\ninherits=['anonymous','user']";
    let started = std::time::Instant::now();
    let (views, _) = build_on(&catalog, AccessDefault::Convention, text).expect("no findings");
    assert!(started.elapsed().as_millis() < 1500, "{:?}", started.elapsed());
    let mut distinct: Vec<*const super::FaceAccess> = views
        .values()
        .flat_map(|view| view.faces.iter().flatten().map(Arc::as_ptr))
        .collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert!(distinct.len() <= 4, "{} kept", distinct.len());
    assert_eq!(
        views["b"].read(crate::catalog::FaceId(3)).map(|read| &read.rule),
        Some(&Predicate::TRUE)
    );
}

fn table_of(name: &str, columns: &[&str]) -> crate::catalog::Table {
    let columns: Vec<_> = columns.iter().map(|name| (*name, Type::Integer(32), true)).collect();
    table(name, &columns)
}

/// A catalog of these tables, each with its own face.
fn small(tables: &[(&str, &[&str])]) -> Catalog {
    let mut database = catalog(DatabaseKind::Sqlite).database;
    database.tables = tables.iter().map(|(name, columns)| table_of(name, columns)).collect();
    let faces = (0..)
        .map(crate::catalog::TableId)
        .zip(&database.tables)
        .map(|(id, table)| crate::catalog::Face::plain(id, table))
        .collect();
    let users = database.table_named(None, "users");
    let mut catalog = Catalog::assemble(database, faces);
    catalog.users = users;
    catalog
}

/// `anonymous / user`: `all`, `own`, `known`, `-`.
fn opens(catalog: &Catalog, views: &Views, name: &str) -> String {
    let face = catalog.face_named(name).expect("a face");
    let word = |role: &str| match views[role].face(face.id) {
        None => "-",
        Some(access) => match &access.read {
            None => "known",
            Some(read) if read.rule == Predicate::TRUE => "all",
            Some(_) => "own",
        },
    };
    format!("{} / {}", word("anonymous"), word("user"))
}

#[test]
fn owners_are_found_however_their_column_is_written() {
    for (column, expected) in [
        ("user_id", "known / own"),
        ("userId", "known / own"),
        ("USER_ID", "known / own"),
        ("UserId", "known / own"),
        ("userid", "known / own"),
        ("user_ID", "known / own"),
        ("user-id", "known / own"),
        ("User Id ", "known / own"),
        ("user.id", "known / own"),
        ("user", "all / all"),
        ("owner_id", "all / all"),
    ] {
        let catalog = small(&[("note", &["id", column]), ("public_note", &["id", column])]);
        let (views, _) = build_on(&catalog, AccessDefault::Convention, "").expect("no findings");
        assert_eq!(opens(&catalog, &views, "note"), expected, "{column}");
        let shared = if expected == "all / all" {
            expected
        } else {
            "known / all"
        };
        assert_eq!(opens(&catalog, &views, "public_note"), shared, "{column}");
    }
}

#[test]
fn parents_of_other_tables_are_open_to_nobody_by_convention() {
    let mut catalog = small(&[("note", &["id"]), ("other", &["id"])]);
    catalog.database.tables[0].is_parent = true;
    let (views, findings) = build_on(&catalog, AccessDefault::Convention, "").expect("no errors");
    assert_eq!(opens(&catalog, &views, "note"), "- / -");
    assert_eq!(opens(&catalog, &views, "other"), "all / all");
    assert!(
        findings
            .iter()
            .any(|finding| finding.to_string().contains("parent of other tables")),
        "{findings:?}"
    );
}

#[test]
fn secrets_of_users_stay_and_open_ones_are_named() {
    let catalog = small(&[
        ("users", &["id", "email", "password_hash", "resetToken"]),
        ("session", &["id", "uid", "token", "_hash"]),
        ("public_key", &["id", "user_id", "secret"]),
        ("owned", &["id", "user_id", "secret"]),
        ("plain", &["id", "_secret"]),
    ]);
    let (views, findings) = build_on(&catalog, AccessDefault::Convention, "").expect("no errors");
    let seen: Vec<&str> = catalog
        .table_of(crate::catalog::FaceId(0))
        .columns
        .iter()
        .zip(&views["user"].read(crate::catalog::FaceId(0)).expect("read").cells)
        .filter(|(_, cell)| **cell == Cell::Visible)
        .map(|(column, _)| column.name.as_str())
        .collect();
    assert_eq!(seen, ["id", "email"]);
    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        findings,
        [
            "tables.session: \"session\" is open to anonymous callers by convention although its column \"token\" speaks of secrets; write access blocks if that is not meant",
            "tables.public_key: \"public_key\" is open to every signed-in caller by convention although its column \"secret\" speaks of secrets; write access blocks if that is not meant",
        ]
    );
}

#[test]
fn a_block_of_any_face_switches_the_convention_off() {
    let mut database = small(&[("big", &["id", "a"])]).database;
    database.tables.truncate(1);
    let table = crate::catalog::TableId(0);
    let mut narrow = crate::catalog::Face::plain(table, &database.tables[0]);
    narrow.entry = "narrow".into();
    narrow.name = crate::ident::Name::new("narrow");
    let faces = vec![crate::catalog::Face::plain(table, &database.tables[0]), narrow];
    let catalog = Catalog::assemble(database, faces);
    let text = "[tables.narrow]\ntable = 'big'\n[tables.narrow.access.anonymous]\nread = { columns = ['id'] }";
    let (views, _) = build_on(&catalog, AccessDefault::Convention, text).expect("no errors");
    assert_eq!(opens(&catalog, &views, "narrow"), "all / -");
    assert_eq!(opens(&catalog, &views, "big"), "- / -");
}

#[test]
fn a_change_of_the_schema_opens_nothing() {
    type Tables<'a> = &'a [(&'a str, &'a [&'a str])];
    let steps: [(Tables<'_>, &[(&str, &str)], &[&str]); 9] = [
        (
            &[("owned", &["id", "user_id"]), ("users", &["id"]), ("open", &["id"])],
            &[("owned", "known / own"), ("open", "all / all")],
            &[],
        ),
        // The owner's column gets another name.
        (
            &[("owned", &["id", "owner"]), ("users", &["id"]), ("open", &["id"])],
            &[("owned", "- / -"), ("open", "all / all")],
            &["owned"],
        ),
        // It stays closed, also when something else changes; new tables open.
        (
            &[
                ("owned", &["id", "owner"]),
                ("users", &["id"]),
                ("new", &["id"]),
                ("open", &["id"]),
            ],
            &[("owned", "- / -"), ("new", "all / all")],
            &["owned"],
        ),
        // The table itself gets another name: the new one may be the old one.
        (
            &[("renamed", &["id", "owner"]), ("users", &["id"]), ("new", &["id"])],
            &[("renamed", "- / -"), ("new", "all / all")],
            &["renamed"],
        ),
        // And so with the users.
        (
            &[("renamed", &["id", "owner"]), ("people", &["id"]), ("new", &["id"])],
            &[("renamed", "- / -"), ("people", "- / -")],
            &["renamed", "people"],
        ),
        // With an owner's column they open to their owners again, and no further.
        (
            &[("renamed", &["id", "user_id"]), ("people", &["id"]), ("new", &["id"])],
            &[("renamed", "known / own"), ("people", "- / -")],
            &["people"],
        ),
        (
            &[("public_renamed", &["id", "user_id"]), ("people", &["id"])],
            &[("public_renamed", "- / -")],
            &["public_renamed", "people"],
        ),
        // A name that was once an owner-scoped table's.
        (
            &[("owned", &["id"]), ("people", &["id"]), ("new", &["id"])],
            &[("owned", "- / -"), ("new", "all / all")],
            &["owned", "people"],
        ),
        // An open table that gets an owner is less open; back again it is not.
        (&[("open", &["id", "user_id"])], &[("open", "known / own")], &[]),
    ];
    let mut before = None;
    for (index, (tables, expected, held)) in steps.into_iter().enumerate() {
        let catalog = small(tables);
        let options = AccessOptions {
            default: AccessDefault::Convention,
            before,
        };
        let (views, findings, openness) = build_views(&catalog, &Config::default(), &options).expect("no errors");
        for (name, expected) in expected {
            assert_eq!(opens(&catalog, &views, name), *expected, "step {index}: {name}");
        }
        let places: Vec<String> = findings
            .iter()
            .filter(|finding| finding.message.contains("stays closed until a restart"))
            .map(|finding| finding.place.clone())
            .collect();
        let wanted: Vec<String> = held.iter().map(|name| ["tables.", name].concat()).collect();
        assert_eq!(places, wanted, "step {index}");
        before = Some(openness);
    }
}

#[test]
fn a_role_that_may_not_know_the_values_of_an_enum_is_named() {
    let mut catalog = small(&[("deal", &["id", "status"]), ("status", &["code", "about"])]);
    catalog.database.tables[0].foreign_keys = vec![crate::catalog::ForeignKey {
        name: None,
        columns: vec![crate::catalog::ColumnId(1)],
        table: crate::catalog::TableId(1),
        references: vec![crate::catalog::ColumnId(0)],
        deferred: false,
    }];
    catalog.faces[1].enum_table = true;
    for (access, roles) in [
        ("", vec![]),
        ("[tables.status.access.editor]\nread = true", vec!["anonymous", "user"]),
        (
            "[tables.status.access.user]\nread = { rule = \"code > 0\" }",
            vec!["anonymous", "user"],
        ),
        (
            "[tables.status.access.user]\nread = { columns = [\"about\"] }",
            vec!["anonymous", "user"],
        ),
        (
            "[tables.status.access.user]\nread = { columns = [\"code\"] }\n[tables.status.access.anonymous]\nread = \"_USER_.id IS NULL\"",
            vec!["anonymous"],
        ),
        (
            "[tables.status.access.user]\nread = true\n[tables.deal.access.user]\nread = true",
            vec![],
        ),
    ] {
        let (_, findings) = build_on(&catalog, AccessDefault::Convention, access).expect("no errors");
        let named: Vec<&str> = findings
            .iter()
            .filter(|finding| finding.place == "tables.status.enum")
            .filter_map(|finding| finding.message.split('"').nth(1))
            .collect();
        assert_eq!(named, roles, "{access}");
    }
}
