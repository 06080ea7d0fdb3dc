use super::*;

#[test]
fn names_of_relations() {
    // schema, face, its relations
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "author: id*\npost: id* author_id>author",
            "post",
            &["author → author: author_id=id*"],
        ),
        (
            "author: id*\npost: id* author_id>author",
            "author",
            &["post ⇒ post: id=author_id"],
        ),
        (
            "Artist: ArtistId*\nAlbum: AlbumId* ArtistId>Artist",
            "Album",
            &["Artist → Artist: ArtistId=ArtistId*"],
        ),
        (
            "person: id*\npost: id* writerID>person",
            "post",
            &["writer → person: writerID=id*"],
        ),
        (
            "person: id*\npost: id* UUID>person",
            "post",
            &["person → person: UUID=id*"],
        ),
        // No ending: the table's name, then both.
        (
            "person: id*\npost: id* writer>person",
            "post",
            &["person → person: writer=id*"],
        ),
        (
            "genre: value*\nbook: id* genre>genre",
            "book",
            &["genre_by_genre → genre: genre=value*"],
        ),
        (
            "genre: value*\nbook: id* genre>genre",
            "genre",
            &["book ⇒ book: value=genre"],
        ),
        (
            "person: id*\npost: id* made>person changed>person",
            "post",
            &[
                "person_by_made → person: made=id*",
                "person_by_changed → person: changed=id*",
            ],
        ),
        // The stem is a column.
        (
            "author: id*\npost: id* author author_id>author",
            "post",
            &["author_by_author_id → author: author_id=id*"],
        ),
        (
            "person: id*\npost: id* author author_id>person",
            "post",
            &["person → person: author_id=id*"],
        ),
        // A stem goes before another key's table.
        (
            "author: id*\npost: id* writer>author author_id>author",
            "post",
            &[
                "author_by_writer → author: writer=id*",
                "author → author: author_id=id*",
            ],
        ),
        // Two keys between two tables.
        (
            "airport: id*\nflight: id* departure_id>airport arrival_id>airport",
            "airport",
            &[
                "flight_by_arrival_id ⇒ flight: id=arrival_id",
                "flight_by_departure_id ⇒ flight: id=departure_id",
            ],
        ),
        // Unique keys: one row on both sides.
        (
            "employee: id*\npassport: id* employee_id!>employee",
            "employee",
            &["passport → passport: id=employee_id"],
        ),
        (
            "employee: id*\nphoto: employee_id*>employee",
            "employee",
            &["photo → photo: id=employee_id"],
        ),
        (
            "egg: id* chicken_id>chicken\nchicken: id* egg_id!>egg",
            "egg",
            &[
                "chicken → chicken: chicken_id=id*",
                "chicken_by_egg_id → chicken: id=egg_id",
            ],
        ),
        // Itself.
        (
            "author: id* mentor_id>author",
            "author",
            &["mentor → author: mentor_id=id*", "author ⇒ author: id=mentor_id"],
        ),
        // Not the primary key.
        (
            "country: id* code!\ncity: id* country_code>country.code",
            "city",
            &["country → country: country_code=code*"],
        ),
        // Composite.
        (
            "slot: aisle* shelf*\nparcel: id* aisle shelf | aisle,shelf>slot.aisle,shelf",
            "parcel",
            &["slot → slot: aisle,shelf=aisle,shelf"],
        ),
        (
            "slot: aisle* shelf*\nparcel: id* aisle shelf | aisle,shelf>slot.aisle,shelf",
            "slot",
            &["parcel ⇒ parcel: aisle,shelf=aisle,shelf"],
        ),
        // Join tables.
        (
            "book: id*\ntag: id*\nbook_tag: book_id*>book tag_id*>tag added_on",
            "book",
            &[
                "book_tag ⇒ book_tag: id=book_id",
                "tag ⇒ tag via book_tag: book_id, tag_id",
            ],
        ),
        (
            "book: id*\ntag: id*\nbook_tag: id* book_id>book tag_id>tag | unique book_id,tag_id",
            "tag",
            &[
                "book_tag ⇒ book_tag: id=tag_id",
                "book ⇒ book via book_tag: tag_id, book_id",
            ],
        ),
        (
            "book: id*\ntag: id*\nbook_tag: id* book_id>book tag_id>tag",
            "tag",
            &["book_tag ⇒ book_tag: id=tag_id"],
        ),
        (
            "book: id*\ntag: id*\nday: id*\njoin: book_id*>book tag_id*>tag day_id>day",
            "tag",
            &["join ⇒ join: id=tag_id"],
        ),
        (
            "user: id*\nbook: id* editor_id>user\nlist: user_id*>user book_id*>book",
            "user",
            &[
                "book ⇒ book: id=editor_id",
                "list ⇒ list: id=user_id",
                "book_by_list ⇒ book via list: user_id, book_id",
            ],
        ),
        (
            "user: id*\nfollow: from_id*>user to_id*>user",
            "user",
            &[
                "follow_by_from_id ⇒ follow: id=from_id",
                "follow_by_to_id ⇒ follow: id=to_id",
                // Both directions over one join table: neither is simply the far table.
                "user_by_follow_from_id ⇒ user via follow: from_id, to_id",
                "user_by_follow_to_id ⇒ user via follow: to_id, from_id",
            ],
        ),
        // A key that is declared twice is one.
        (
            "author: id*\npost: id* author_id>author | author_id>author.id",
            "post",
            &["author → author: author_id=id*"],
        ),
    ];
    for (schema, face, expected) in cases {
        let found = describe(&exposed(schema, &Settings::default()), face);
        assert_eq!(found, *expected, "{schema}");
    }
}

#[test]
fn configured_relations() {
    let schema = "users: id* name\nbook: id* author_id>users editor_id>users\nslot: aisle* shelf*\n\
        parcel: id* aisle shelf | aisle,shelf>slot.aisle,shelf\nview overview: id author_id";
    let reader = FaceSettings {
        table: Some("users".into()),
        ..entry("reader")
    };
    // entry, relation, face, what it has
    let cases = [
        // Renamed.
        (
            "book",
            relation("writer", "", &["author_id"], &[], false),
            "book",
            vec!["writer → users: author_id=id*", "editor → users: editor_id=id*"],
        ),
        // Led to another face.
        (
            "book",
            relation("author", "reader", &["author_id"], &["id"], false),
            "book",
            vec!["author → reader: author_id=id*", "editor → users: editor_id=id*"],
        ),
        (
            "book",
            relation("author", "reader", &[], &[], false),
            "book",
            vec!["author → reader: author_id=id*", "editor → users: editor_id=id*"],
        ),
        // The way back.
        (
            "users",
            relation("written", "book", &["id"], &["author_id"], true),
            "users",
            vec!["written ⇒ book: id=author_id", "book ⇒ book: id=editor_id"],
        ),
        // Columns in another order are the same key.
        (
            "parcel",
            relation("place", "slot", &["shelf", "aisle"], &["shelf", "aisle"], false),
            "parcel",
            vec!["place → slot: shelf,aisle=shelf,aisle"],
        ),
        // Views.
        (
            "overview",
            relation("author", "users", &["author_id"], &["id"], false),
            "overview",
            vec!["author → users: author_id=id*"],
        ),
        (
            "overview",
            relation("author", "users", &["author_id"], &[], false),
            "overview",
            vec!["author → users: author_id=id*"],
        ),
        (
            "users",
            relation("overview", "overview", &["id"], &["author_id"], true),
            "users",
            vec![
                "overview ⇒ overview: id=author_id",
                "book_by_author_id ⇒ book: id=author_id",
                "book_by_editor_id ⇒ book: id=editor_id",
            ],
        ),
    ];
    for (name, relation, face, expected) in cases {
        let settings = settings(vec![
            FaceSettings {
                relations: vec![relation],
                ..entry(name)
            },
            reader.clone(),
        ]);
        assert_eq!(describe(&exposed(schema, &settings), face), expected);
    }
    // A further face has the table's relations too.
    let catalog = exposed(schema, &settings(vec![reader]));
    assert_eq!(describe(&catalog, "reader"), describe(&catalog, "users"));
}

#[test]
fn wrong_relations() {
    let schema = "users: id*\nbook: id* title author_id>users editor_id>users";
    let cases = [
        (
            "book",
            relation("x", "user", &["author_id"], &[], false),
            r#"tables.book.relations.x.table: there is no table or entry "user" in the database, did you mean "users"?"#,
        ),
        (
            "book",
            relation("x", "users", &["autor_id"], &[], false),
            r#"tables.book.relations.x.columns: there is no column "autor_id" in table "book", did you mean "author_id"?"#,
        ),
        (
            "book",
            relation("x", "users", &["author_id"], &["i"], false),
            r#"tables.book.relations.x.references: there is no column "i" in table "users", did you mean "id"?"#,
        ),
        (
            "book",
            relation("x", "users", &["author_id", "id"], &["id"], false),
            "2 columns lead to 1",
        ),
        ("book", relation("x", "", &["title"], &[], false), "`table` is missing"),
        ("book", relation("x", "users", &[], &[], false), "`columns` is missing"),
        (
            "book",
            relation("title", "users", &["author_id"], &[], false),
            "has a column of the name",
        ),
        (
            "users",
            relation("books", "book", &["id"], &["author_id"], false),
            "set `many = true`",
        ),
        // Two keys lead back.
        (
            "users",
            relation("books", "book", &["id"], &[], true),
            "tables.users.relations.books: `references` is missing",
        ),
        (
            "book",
            relation("author", "book", &[], &[], false),
            "leads to table \"users\"",
        ),
    ];
    for (name, relation, expected) in cases {
        assert_finding(
            schema,
            &settings(vec![FaceSettings {
                relations: vec![relation],
                ..entry(name)
            }]),
            expected,
        );
    }
    let pair = "pair: one* two*\nbook: id* x y";
    let relation = relation("pair", "pair", &["x"], &[], false);
    let wrong = settings(vec![FaceSettings {
        relations: vec![relation],
        ..entry("book")
    }]);
    assert_finding(pair, &wrong, "`references` is missing");
}

#[test]
fn a_hidden_table_is_led_to_only_by_word() {
    let schema = "users: id*\nbook: id* author_id>users";
    let closed = Settings {
        only_listed: true,
        ..settings(vec![entry("book")])
    };
    assert!(describe(&exposed(schema, &closed), "book").is_empty());
    let reader = FaceSettings {
        table: Some("users".into()),
        ..entry("reader")
    };
    let book = FaceSettings {
        relations: vec![relation("author", "reader", &["author_id"], &[], false)],
        ..entry("book")
    };
    let closed = Settings {
        only_listed: true,
        ..settings(vec![book, reader])
    };
    let catalog = exposed(schema, &closed);
    assert_eq!(describe(&catalog, "book"), ["author → reader: author_id=id*"]);
    assert!(catalog.face_named("users").is_none());
}

#[test]
fn expansion() {
    let schema = "users: id*\nbook: id* title author_id>users";
    let expand = |column: &str| {
        settings(vec![FaceSettings {
            expand: Some(vec![column.into()]),
            ..entry("book")
        }])
    };
    let catalog = exposed(schema, &expand("author_id"));
    assert_eq!(catalog.face_named("book").unwrap().expand, Some(vec![ColumnId(2)]));
    assert_finding(
        schema,
        &expand("title"),
        "tables.book.expand: column \"title\" refers to no exposed table",
    );
}
