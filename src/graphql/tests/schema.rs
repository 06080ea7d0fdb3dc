//! The schema of roles: SDL, introspection, and that the part of a schema that a document names decides as the whole.

use super::documents::DOCUMENTS;
use super::fixture::{admin, blog, column, front, front_with, poster, principal, reader, relate, table, writer};
use crate::config;
use crate::engine::Delivery;
use crate::graphql::document::{self, Document, complete, complete_validator, parse};
use crate::graphql::execute::Call;
use crate::graphql::names::Names;
use crate::graphql::road::{Road, Sight};
use crate::graphql::types::{Key, Part, Root, RootKind};
use crate::memory::Memory;
use crate::rules::{Cell, Predicate};
use crate::value::Type;
use futures_util::FutureExt;
use serde_json::Value as Json;
use std::sync::Arc;

fn sight(role: &str, naming: config::Naming) -> Sight {
    let catalog = Arc::new(blog());
    let view = match role {
        "admin" => admin(&catalog),
        "writer" => writer(&catalog),
        "poster" => poster(&catalog),
        _ => reader(&catalog),
    };
    let names = Arc::new(Names::new(&catalog, naming));
    Sight::new(catalog, Arc::new(view), names)
}

#[test]
fn sdl_of_roles() {
    for (role, naming, name) in [
        ("admin", config::Naming::Snake, "sdl_admin"),
        ("reader", config::Naming::Snake, "sdl_reader"),
        ("reader", config::Naming::Camel, "sdl_reader_camel"),
        ("writer", config::Naming::Snake, "sdl_writer"),
        ("poster", config::Naming::Snake, "sdl_poster"),
        ("poster", config::Naming::Camel, "sdl_poster_camel"),
    ] {
        let (front, echo) = front_with(
            blog(),
            config::GraphQl {
                naming,
                ..config::GraphQl::default()
            },
        );
        let sdl = front.sdl_of(&echo.scene(role), role).unwrap();
        async_graphql_parser::parse_schema(&sdl).unwrap();
        insta::assert_snapshot!(name, sdl);
    }
    let (front, echo) = front(blog());
    let sdl = front.sdl_of(&echo.scene("nobody"), "nobody").unwrap();
    assert!(sdl.contains("type query_root {\n  \"\"\"There are no queries available to the current role.\"\"\"\n  no_queries_available: String\n}"), "{sdl}");
    assert!(front.sdl_of(&echo.scene("other"), "other").is_err());
}

#[test]
fn nothing_of_what_is_hidden() {
    let (front, echo) = front(blog());
    let sdl = front.sdl_of(&echo.scene("reader"), "reader").unwrap();
    for hidden in [
        "secret",
        "plan",
        "email",
        "price",
        "status",
        "post_aggregate",
        "posts_aggregate",
        "order_items",
        "search",
        "loud",
        "int4range",
        "numeric",
        "bigint",
    ] {
        assert!(!sdl.contains(hidden), "{hidden} in\n{sdl}");
    }
}

#[test]
fn renames() {
    let catalog = blog();
    let names = Names::new(&catalog, config::Naming::Snake);
    insta::assert_debug_snapshot!("renames", names.renames);
    let mut tables = vec![
        table(
            "post",
            vec![
                column("id", Type::Integer(32), false),
                column("_and", Type::TEXT, true),
                column("posts_aggregate", Type::TEXT, true),
            ],
        ),
        table("post_aggregate", vec![column("id", Type::Integer(32), false)]),
        table("date", vec![column("id", Type::Integer(32), false)]),
        table("Post", vec![column("id", Type::Integer(32), false)]),
        table("po st", vec![column("id", Type::Integer(32), false)]),
        table("po-st", vec![column("id", Type::Integer(32), false)]),
        table("日本", vec![column("id", Type::Integer(32), false)]),
    ];
    tables[1].comment = Some("hard \"\"\" comment".into());
    let mut catalog = super::fixture::catalog(tables, Vec::new(), Vec::new());
    relate(&mut catalog, 0, "posts", 0, true, [0, 0]);
    catalog.faces[2].roots.0.insert("select".into(), "all dates".into());
    for naming in [config::Naming::Snake, config::Naming::Camel] {
        let names = Arc::new(Names::new(&catalog, naming));
        let view = Arc::new(admin(&catalog));
        let sight = Sight::new(Arc::new(catalog.clone()), view, names.clone());
        let types = sight.types();
        for (name, key) in types.all() {
            assert_eq!(names.key_of(&name), Some(key), "{name}");
            assert_eq!(crate::graphql::words::valid(&name), name);
        }
        complete(types).unwrap();
        insta::assert_debug_snapshot!(format!("renames_{naming:?}"), names.renames);
    }
}

/// Whoever is really called so keeps the name, whichever the database lists first.
#[test]
fn a_forced_name_takes_no_real_one() {
    let id = || column("id", Type::Integer(32), false);
    for turned in [false, true] {
        let mut columns = vec![column("a b", Type::TEXT, true), column("a_b", Type::TEXT, true)];
        let mut tables = vec![
            table("x y", vec![id()]),
            table("x_y", vec![id()]),
            table("x_y_2", vec![id()]),
        ];
        if turned {
            columns.reverse();
            tables.reverse();
        }
        tables.push(table("wide", columns));
        let catalog = super::fixture::catalog(tables, Vec::new(), Vec::new());
        let names = Names::new(&catalog, config::Naming::Snake);
        for face in &catalog.faces {
            let root = names.root_name(Root::Face(face.id, RootKind::Select));
            let aggregate = names.root_name(Root::Face(face.id, RootKind::Aggregate));
            let own = names.type_name(Key::Face(face.id, Part::Row));
            let forced = face.name.as_str() == "x y";
            let expected = if forced { "x_y_3" } else { face.name.as_str() };
            assert_eq!((root, own.as_str()), (expected, expected), "turned: {turned}");
            let base = if forced {
                "x_y_aggregate_2".to_owned()
            } else {
                format!("{expected}_aggregate")
            };
            assert_eq!(aggregate, base, "turned: {turned}");
        }
        let wide = catalog.faces.last().unwrap();
        for (id, column) in (0u16..).zip(&wide.columns) {
            let expected = if column.name.as_str() == "a b" {
                "a_b_2"
            } else {
                column.name.as_str()
            };
            assert_eq!(
                names.column(wide.id, crate::catalog::ColumnId(id)),
                expected,
                "turned: {turned}"
            );
        }
    }
}

#[test]
fn the_part_decides_as_the_whole() {
    let limits = config::Limits::default();
    let (mut good, mut bad) = (0, 0);
    for role in ["admin", "reader", "writer", "poster"] {
        let sight = sight(role, config::Naming::Snake);
        let whole = complete_validator(sight.types()).unwrap();
        for text in DOCUMENTS {
            let part = Document::read(sight.types(), text, &limits, true).map(|_| ());
            let verdict = document::validate_with(sight.types(), &whole, &parse(text, &limits).unwrap());
            match (&part, &verdict) {
                (Ok(()), Ok(())) => good += 1,
                (Err(part), Err(whole)) => {
                    bad += 1;
                    assert_eq!(part, whole, "{role}: {text}");
                }
                _ => panic!("{role}: {text}: {part:?} but the whole schema says {verdict:?}"),
            }
        }
    }
    assert!(good > 50 && bad > 50, "{good} {bad}");
}

#[test]
fn variables_stand_where_they_may() {
    let limits = config::Limits::default();
    let sight = sight("admin", config::Naming::Snake);
    for (text, wrong) in [
        (
            "query Q($x: Int) { post(where: {title: {_eq: $x}}) { id } }",
            Some("Variable \"$x\" of type \"Int\" used in position expecting type \"String\"."),
        ),
        ("query($x: [Int!]!) { post(where: {id: {_in: $x}}) { id } }", None),
        (
            "query($x: [Int]) { post(where: {id: {_in: $x}}) { id } }",
            Some("Variable \"$x\" of type \"[Int]\" used in position expecting type \"[Int!]\"."),
        ),
        (
            "query($x: Int) { post(where: {id: {_in: [1, $x]}}) { id } }",
            Some("Variable \"$x\" of type \"Int\" used in position expecting type \"Int!\"."),
        ),
        ("query($x: Int = 3) { post(where: {id: {_in: [1, $x]}}) { id } }", None),
        (
            "query($x: Int = null) { post(where: {id: {_in: [1, $x]}}) { id } }",
            Some("expecting type \"Int!\"."),
        ),
        (
            "query($x: Int!) { post(where: {_and: {id: {_in: [1, $x]}}}) { id } }",
            None,
        ),
        (
            "query($x: Int) { ...f } fragment f on query_root { post(where: {_or: [{title: {_eq: $x}}]}) { id } }",
            Some("expecting type \"String\"."),
        ),
        (
            "query a($x: String) { ...f } query b($x: Int!) { ...f } fragment f on query_root { post(where: {title: {_eq: $x}}) { id } }",
            Some("Variable \"$x\" of type \"Int!\" used"),
        ),
        ("query($x: Int) { post(limit: $x) { id } }", None),
        (
            "query($x: Int) { post(where: $x) { id } }",
            Some("expecting type \"post_bool_exp\"."),
        ),
        (
            "query($x: Boolean) { post { id @skip(if: $x) } }",
            Some("expecting type \"Boolean!\"."),
        ),
        ("query($x: Boolean! = true) { post { id @include(if: $x) } }", None),
        (
            "query($x: String) { __type(name: $x) { name } }",
            Some("expecting type \"String!\"."),
        ),
        ("query($x: String!) { __type(name: $x) { name } }", None),
    ] {
        let got = Document::read(sight.types(), text, &limits, true).map(|_| ());
        match wrong {
            None => assert_eq!(got, Ok(()), "{text}"),
            Some(wrong) => {
                let messages: Vec<String> = got.unwrap_err().into_iter().map(|fault| fault.message).collect();
                assert!(
                    messages.iter().any(|message| message.contains(wrong)),
                    "{text}: {messages:?}"
                );
            }
        }
    }
}

#[test]
fn enum_tables() {
    use crate::catalog::{ColumnId, ForeignKey, TableId};
    let text = || Type::TEXT;
    let mut book = table(
        "book",
        vec![column("id", Type::Integer(32), false), column("genre", text(), true)],
    );
    book.foreign_keys.push(ForeignKey {
        name: None,
        columns: vec![ColumnId(1)],
        table: TableId(1),
        references: vec![ColumnId(0)],
        deferred: false,
    });
    let genre = table(
        "genre",
        vec![column("name", text(), false), column("about", text(), true)],
    );
    let mut catalog = super::fixture::catalog(vec![book, genre], Vec::new(), Vec::new());
    catalog.faces[1].enum_table = true;
    let sdl = |catalog: &crate::catalog::Catalog| {
        let names = Arc::new(Names::new(catalog, config::Naming::Snake));
        let renames = names.renames.clone();
        let sight = Sight::new(Arc::new(catalog.clone()), Arc::new(admin(catalog)), names);
        complete(sight.types()).unwrap();
        (crate::graphql::sdl::write(sight.types()), renames)
    };
    // Without values there is no enum.
    assert!(!sdl(&catalog).0.contains("genre_enum"));
    catalog.faces[1].enum_values = vec![("crime".into(), Some("Who did it?".into())), ("poetry".into(), None)];
    let (text, renames) = sdl(&catalog);
    for part in [
        "enum genre_enum {\n  \"\"\"Who did it?\"\"\"\n  crime\n  poetry\n}",
        "input genre_enum_comparison_exp {\n",
        "  _in: [genre_enum!]\n",
        "  genre: genre_enum\n",
        "  genre: genre_enum_comparison_exp\n",
        "  name: String!\n",
        "  name: String_comparison_exp\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(renames.is_empty(), "{renames:?}");
    let names = Arc::new(Names::new(&catalog, config::Naming::Snake));
    let sight = Sight::new(Arc::new(catalog.clone()), Arc::new(admin(&catalog)), names);
    for (text, good) in [
        ("{ book(where: {genre: {_eq: crime}}) { genre } }", true),
        ("{ book(where: {genre: {_in: [crime, poetry]}}) { genre } }", true),
        ("query($g: genre_enum) { book(where: {genre: {_eq: $g}}) { id } }", true),
        ("query($g: String) { book(where: {genre: {_eq: $g}}) { id } }", false),
        ("{ book(where: {genre: {_eq: prose}}) { id } }", false),
        ("{ book(where: {genre: {_like: \"c%\"}}) { id } }", false),
    ] {
        let got = Document::read(sight.types(), text, &config::Limits::default(), true);
        assert_eq!(got.is_ok(), good, "{text}: {got:?}");
    }
    // A role is told only what it reads: all values, and descriptions where their column is readable.
    for (rule, hidden, told, described) in [
        (Predicate::TRUE, None, true, true),
        (Predicate::TRUE, Some(1), true, false),
        (Predicate::TRUE, Some(0), false, false),
        (Predicate::Constant(None), None, false, false),
    ] {
        let mut view = admin(&catalog);
        let mut access = (**view.faces[1].as_ref().unwrap()).clone();
        let read = access.read.as_mut().unwrap();
        read.rule = rule;
        if let Some(column) = hidden {
            read.cells[column] = Cell::Hidden;
        }
        view.faces[1] = Some(Arc::new(access));
        let names = Arc::new(Names::new(&catalog, config::Naming::Snake));
        let sight = Sight::new(Arc::new(catalog.clone()), Arc::new(view), names);
        complete(sight.types()).unwrap();
        let text = crate::graphql::sdl::write(sight.types());
        assert_eq!(text.contains("poetry"), told, "{text}");
        assert_eq!(text.contains("genre_enum"), told, "{text}");
        assert_eq!(text.contains("Who did it?"), described, "{text}");
        assert_eq!(text.contains("  genre: String_comparison_exp\n"), !told, "{text}");
        let document = "{ book(where: {genre: {_like: \"c%\"}}) { genre } }";
        let got = Document::read(sight.types(), document, &config::Limits::default(), true);
        assert_eq!(got.is_ok(), !told, "{got:?}");
    }
    // Values that are no names leave the column a text, with a word to the operator.
    catalog.faces[1].enum_values.push(("science fiction".into(), None));
    let (text, renames) = sdl(&catalog);
    assert!(!text.contains("genre_enum"));
    assert!(
        renames.iter().any(|line| line.contains("science fiction")),
        "{renames:?}"
    );
}

#[test]
fn suggestions_come_from_what_the_role_sees() {
    let limits = config::Limits::default();
    for (role, text, want) in [
        (
            "admin",
            "{ secre { id } }",
            "Unknown field \"secre\" on type \"query_root\". Did you mean \"secret\"?",
        ),
        (
            "reader",
            "{ secre { id } }",
            "Unknown field \"secre\" on type \"query_root\".",
        ),
        (
            "reader",
            "{ author { emai } }",
            "Unknown field \"emai\" on type \"author\".",
        ),
        (
            "reader",
            "{ author { nam } }",
            "Unknown field \"nam\" on type \"author\". Did you mean \"name\"?",
        ),
        (
            "reader",
            "{ author(limt: 1) { id } }",
            "Unknown argument \"limt\" on field \"author\" of type \"query_root\". Did you mean \"limit\"?",
        ),
    ] {
        let sight = sight(role, config::Naming::Snake);
        let faults = Document::read(sight.types(), text, &limits, true).unwrap_err();
        assert_eq!(faults[0].message, want);
    }
}

const INTROSPECTION: &str = "query { __schema { queryType { name } mutationType { name } subscriptionType { name }
  types { ...T } } __type(name: \"post\") { ...T } nothing: __type(name: \"secret\") { name } }
  fragment T on __Type { __typename kind name description isOneOf specifiedByURL
    fields(includeDeprecated: true) { __typename name description args { ...I } type { ...R } isDeprecated deprecationReason }
    inputFields { ...I } interfaces { ...R } possibleTypes { ...R }
    enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } }
  fragment I on __InputValue { name description type { ...R } defaultValue }
  fragment R on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

fn by_name(types: &Json) -> std::collections::BTreeMap<String, Json> {
    types
        .as_array()
        .unwrap()
        .iter()
        .filter(|own| !own["name"].as_str().unwrap().starts_with("__"))
        .map(|own| {
            let mut own = own.clone();
            // The peer sorts nothing and describes its own scalars; names and types are what counts.
            for list in ["fields", "inputFields", "enumValues"] {
                if let Some(items) = own[list].as_array_mut() {
                    items.sort_by_key(|item| item["name"].as_str().unwrap().to_owned());
                }
            }
            for optional in ["isOneOf", "interfaces", "possibleTypes"] {
                own.as_object_mut().unwrap().remove(optional);
            }
            if own["kind"] == "SCALAR" {
                own["description"] = Json::Null;
            }
            (own["name"].as_str().unwrap().to_owned(), own)
        })
        .collect()
}

#[test]
fn introspection_as_async_graphql_has_it() {
    for role in ["admin", "reader", "writer", "poster"] {
        let sight = sight(role, config::Naming::Snake);
        let whole = complete(sight.types()).unwrap();
        let peer = whole.execute(INTROSPECTION).now_or_never().unwrap();
        assert!(peer.errors.is_empty(), "{:?}", peer.errors);
        let peer = peer.data.into_json().unwrap();
        let (front, _) = front(blog());
        let call = Call {
            query: INTROSPECTION.into(),
            ..Call::default()
        };
        let answer = front
            .answer(&principal(role), &call, Delivery::Whole(&Memory::unbounded().room()))
            .now_or_never()
            .unwrap();
        let own: Json =
            serde_json::from_slice(&answer.content.whole(&Memory::unbounded().room()).unwrap().into_bytes()).unwrap();
        let own = &own["data"];
        assert_eq!(own["__schema"]["queryType"], peer["__schema"]["queryType"]);
        assert_eq!(own["__schema"]["mutationType"], peer["__schema"]["mutationType"]);
        let (ours, theirs) = (by_name(&own["__schema"]["types"]), by_name(&peer["__schema"]["types"]));
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        for (name, own) in &ours {
            assert_eq!(own, &theirs[name], "{name}");
        }
        assert_eq!(own["nothing"].is_null(), matches!(role, "reader" | "poster"));
        assert_eq!(own["__type"]["name"], "post");
    }
}

#[test]
fn introspection_can_be_the_admins() {
    let settings = config::GraphQl {
        introspection: false,
        ..config::GraphQl::default()
    };
    let (front, _) = front_with(blog(), settings);
    for (role, good) in [("admin", true), ("reader", false)] {
        let call = Call {
            query: "{ __schema { queryType { name } } }".into(),
            ..Call::default()
        };
        let answer = front
            .answer(&principal(role), &call, Delivery::Whole(&Memory::unbounded().room()))
            .now_or_never()
            .unwrap();
        let own: Json =
            serde_json::from_slice(&answer.content.whole(&Memory::unbounded().room()).unwrap().into_bytes()).unwrap();
        assert_eq!(own.get("data").is_some(), good, "{own}");
    }
}

#[test]
fn introspection_itself_is_introspected() {
    let (front, _) = front(blog());
    let query = "{ __schema { directives { name locations args { name type { kind ofType { name } } defaultValue } } } __type(name: \"__Type\") { fields { name type { kind name ofType { kind name } } args { name defaultValue } } } }";
    let call = Call {
        query: query.into(),
        ..Call::default()
    };
    let answer = front
        .answer(
            &principal("reader"),
            &call,
            Delivery::Whole(&Memory::unbounded().room()),
        )
        .now_or_never()
        .unwrap();
    let own: Json =
        serde_json::from_slice(&answer.content.whole(&Memory::unbounded().room()).unwrap().into_bytes()).unwrap();
    insta::assert_json_snapshot!("introspection_types", own);
}
