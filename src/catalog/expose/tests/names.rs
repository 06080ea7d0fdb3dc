use super::*;
use std::collections::BTreeMap;

fn names(catalog: &Catalog) -> Vec<&str> {
    catalog.faces.iter().map(|face| face.name.as_str()).collect()
}

#[test]
fn schemas() {
    let schema =
        "public/book: id*\nsales/order: id*\nsales/book: id*\npublic/sales_order: id*\npublic/sales_order_2: id*";
    let catalog = exposed(schema, &Settings::default());
    assert_eq!(
        names(&catalog),
        ["book", "sales_order", "sales_order_2", "sales_book", "sales_order_3"]
    );
    assert_eq!(
        catalog.notices,
        [r#"table "sales.order" is exposed as "sales_order_3", because the name "sales_order" is taken"#]
    );
    let catalog = exposed(
        schema,
        &Settings {
            schema: Some("sales".into()),
            ..Settings::default()
        },
    );
    assert_eq!(
        names(&catalog),
        [
            "book",
            "order",
            "public_book",
            "public_sales_order",
            "public_sales_order_2"
        ]
    );
    let renamed = FaceSettings {
        name: Some("orders".into()),
        ..entry("sales.order")
    };
    assert_eq!(names(&exposed(schema, &settings(vec![renamed])))[4], "orders");
}

#[test]
fn configured_names_stand() {
    let schema = "a: id*\nb: id*";
    let swapped = settings(vec![
        FaceSettings {
            name: Some("b".into()),
            ..entry("a")
        },
        FaceSettings {
            name: Some("a".into()),
            ..entry("b")
        },
    ]);
    assert_eq!(names(&exposed(schema, &swapped)), ["b", "a"]);
    let taken = settings(vec![FaceSettings {
        name: Some("b".into()),
        ..entry("a")
    }]);
    assert_eq!(names(&exposed(schema, &taken)), ["b", "b_2"]);
    let further = settings(vec![FaceSettings {
        table: Some("a".into()),
        ..entry("c")
    }]);
    let catalog = exposed(schema, &further);
    assert_eq!(names(&catalog), ["a", "b", "c"]);
    assert_eq!(
        (catalog.faces[2].id, catalog.faces[2].table, &*catalog.faces[2].entry),
        (FaceId(2), TableId(0), "c")
    );
}

#[test]
fn wrong_entries() {
    let schema = "book: id*\ntag: id*\n_diglot_session: id*";
    let table = |name: &str, table: &str| FaceSettings {
        table: Some(table.into()),
        ..entry(name)
    };
    let cases = [
        (
            vec![entry("boook")],
            r#"tables.boook: there is no table "boook" in the database, did you mean "book"?"#,
        ),
        (
            vec![table("x", "boook")],
            r#"tables.x.table: there is no table "boook""#,
        ),
        (
            vec![entry("book"), table("book", "book")],
            "[tables.book] is the same table",
        ),
        (
            vec![
                table("x", "book"),
                FaceSettings {
                    name: Some("x".into()),
                    ..entry("tag")
                },
            ],
            r#"has the name "x" too"#,
        ),
        (vec![entry("_diglot_session")], "of Diglot's own"),
        (
            vec![FaceSettings {
                name: Some(String::new()),
                ..entry("tag")
            }],
            "tables.tag.name: an exposed name cannot be empty",
        ),
    ];
    for (faces, expected) in cases {
        assert_finding(schema, &settings(faces), expected);
    }
    assert_eq!(names(&exposed(schema, &Settings::default())), ["book", "tag"]);
    let closed = Settings {
        only_listed: true,
        ..settings(vec![entry("tag")])
    };
    assert_eq!(names(&exposed(schema, &closed)), ["tag"]);
}

#[test]
fn roots_are_checked() {
    let with = |word: &str, name: &str| {
        let roots = [(word.to_owned(), name.to_owned())].into();
        settings(vec![FaceSettings { roots, ..entry("book") }])
    };
    let schema = "book: id*";
    assert_eq!(
        exposed(schema, &with("select_by_pk", "book")).faces[0].roots.0["select_by_pk"],
        "book"
    );
    assert_finding(
        schema,
        &with("selct", "x"),
        "tables.book.roots.selct: there is no root \"selct\" in GraphQL's roots of a table, did you mean \"select\"?",
    );
    assert_finding(schema, &with("select", "the books"), "is no name in GraphQL");
    assert_finding(schema, &with("select", "__books"), "is no name in GraphQL");
    let roots = [
        ("select".to_owned(), "x".to_owned()),
        ("select_by_pk".to_owned(), "x".to_owned()),
    ]
    .into();
    assert_finding(
        schema,
        &settings(vec![FaceSettings { roots, ..entry("book") }]),
        "another root has the name \"x\" too",
    );
}

/// The order in which a backend reports tables and keys decides nothing.
#[test]
fn order_decides_nothing() {
    let lines = [
        "users: id* name",
        "book: id* title author_id>users editor>users proof>users",
        "list: user_id*>users book_id*>book",
        "review: id* book_id>book user_id>users | unique book_id,user_id",
        "follow: from_id*>users to_id*>users",
        "genre: value* book_id>book",
        "author: id* mentor_id>author user_id!>users",
    ];
    let describe_all = |schema: &str| -> BTreeMap<String, Vec<String>> {
        let catalog = exposed(schema, &Settings::default());
        let faces = catalog
            .faces
            .iter()
            .map(|face| (face.name.to_string(), describe(&catalog, face.name.as_str())));
        faces.collect()
    };
    let expected = describe_all(&lines.join("\n"));
    for seed in 0..40_usize {
        let mut shuffled = lines.to_vec();
        for index in (1..shuffled.len()).rev() {
            shuffled.swap(
                index,
                (seed * 7919 + index * 104_729 + seed * seed * index) % (index + 1),
            );
        }
        assert_eq!(describe_all(&shuffled.join("\n")), expected, "{shuffled:?}");
    }
}

#[test]
fn hostile_names_are_served() {
    let hostile = [
        "with space",
        "a\"b",
        "x\"; DROP TABLE victim; --",
        "таблица",
        "🦑",
        "a.b",
        "..",
        "",
        "_",
        "__typename",
        "line\nbreak",
        "a",
        "A",
    ];
    let mut database = database("x: id*");
    let first = database.tables[0].clone();
    database.tables = hostile
        .iter()
        .map(|name| Table {
            name: crate::ident::Identifier::new(*name),
            ..first.clone()
        })
        .collect();
    for table in &mut database.tables {
        table
            .columns
            .extend(hostile.iter().map(|name| column(name, Type::TEXT)));
        table.foreign_keys = (0..u16::try_from(hostile.len()).unwrap())
            .map(|index| ForeignKey {
                name: None,
                columns: vec![ColumnId(index + 1)],
                table: TableId(u32::from(index)),
                references: vec![ColumnId(0)],
                deferred: false,
            })
            .collect();
    }
    let catalog = expose(database, &Settings::default()).unwrap();
    for name in hostile {
        let face = catalog.face_named(name).unwrap();
        assert_eq!(face.relations.len(), 2 * hostile.len());
        assert_eq!(
            face.relations
                .iter()
                .map(|relation| &relation.name)
                .collect::<HashSet<_>>()
                .len(),
            2 * hostile.len()
        );
        for (index, column) in hostile.iter().enumerate() {
            assert_eq!(
                face.column_named(column),
                Some(ColumnId(u16::try_from(index + 1).unwrap()))
            );
        }
    }
    let dotted = settings(vec![FaceSettings {
        name: Some("dotted".into()),
        ..entry("a.b")
    }]);
    let mut database = super::database("x: id*");
    database.tables[0].name = crate::ident::Identifier::new("a.b");
    assert!(expose(database, &dotted).unwrap().face_named("dotted").is_some());
}
