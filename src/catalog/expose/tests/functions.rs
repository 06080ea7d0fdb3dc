use super::*;
use crate::catalog::{ComputedSettings, FunctionArgument, FunctionResult, FunctionSettings};

fn argument(name: &str, data_type: Type, row_of: Option<TableId>) -> FunctionArgument {
    let database_type = row_of.map_or_else(|| data_type.word().to_owned(), |_| "article".into());
    FunctionArgument {
        name: name.into(),
        data_type,
        database_type,
        row_of,
        has_default: false,
        nameless: false,
        variadic: false,
    }
}

/// `article`, and functions over it.
fn with_functions() -> Database {
    let mut database = database("public/article: id* title\npublic/author: id* full");
    let rows = FunctionResult::Rows {
        table: TableId(0),
        many: true,
    };
    let text = FunctionResult::Scalar {
        data_type: Type::TEXT,
        database_type: "text".into(),
        many: false,
    };
    let row = |name: &str| argument(name, Type::Other("article".into()), Some(TableId(0)));
    let session = || argument("session", Type::Json, None);
    database.functions = vec![
        function("search", vec![argument("q", Type::TEXT, None), session()], rows.clone()),
        function("title_of", vec![row("row"), session()], text.clone()),
        function("title_of", vec![argument("n", Type::Integer(32), None)], text.clone()),
        function("version", vec![], text),
        Function {
            volatile: true,
            ..function("touch", vec![], rows)
        },
    ];
    database
}

fn listing(function: FunctionSettings) -> Settings {
    Settings {
        functions: vec![function],
        ..Settings::default()
    }
}

fn named(name: &str) -> FunctionSettings {
    FunctionSettings {
        entry: name.into(),
        ..FunctionSettings::default()
    }
}

#[test]
fn listed_functions() {
    let roles = || Some(vec!["user".to_owned()]);
    let good = [
        (
            FunctionSettings {
                session_argument: Some("session".into()),
                ..named("search")
            },
            "search",
            false,
        ),
        (
            FunctionSettings {
                roles: roles(),
                ..named("touch")
            },
            "touch",
            true,
        ),
        (
            FunctionSettings {
                roles: roles(),
                name: Some("v".into()),
                ..named("public.version")
            },
            "v",
            false,
        ),
        (
            FunctionSettings {
                roles: roles(),
                ..named("title_of(integer)")
            },
            "title_of",
            false,
        ),
    ];
    for (function, name, mutation) in good {
        let catalog = expose(with_functions(), &listing(function)).unwrap();
        let [function] = catalog.functions.as_slice() else {
            panic!("{:?}", catalog.functions)
        };
        assert_eq!((function.name.as_str(), function.mutation), (name, mutation));
    }
    let wrong = [
        (
            named("serch"),
            "functions.serch: there is no function \"serch\" in the database, did you mean \"search\"?",
        ),
        (named("touch"), "functions.touch.roles: it may write"),
        (
            named("version"),
            "functions.version.roles: it returns no rows of a table",
        ),
        (
            named("title_of"),
            "there are several functions \"title_of\": write one of \"title_of(article, json)\", \"title_of(integer)\"",
        ),
        (
            FunctionSettings {
                session_argument: Some("q".into()),
                ..named("search")
            },
            "argument \"q\" is text, session variables come as json",
        ),
        (
            FunctionSettings {
                session_argument: Some("sesion".into()),
                ..named("search")
            },
            "did you mean \"session\"?",
        ),
        (
            FunctionSettings {
                name: Some("article".into()),
                ..named("search")
            },
            "functions.search: a table or another function",
        ),
    ];
    for (function, expected) in wrong {
        let found = findings(with_functions(), &listing(function));
        assert!(
            found.iter().any(|finding| finding.contains(expected)),
            "no {expected:?} in {found:#?}"
        );
    }
    let hidden = Settings {
        only_listed: true,
        ..listing(named("search"))
    };
    assert!(findings(with_functions(), &hidden)[0].contains("table \"article\", which is not exposed"));
    assert!(findings(super::database("a: id*"), &listing(named("search")))[0].contains("SQLite has no functions"));
}

#[test]
fn computed_fields() {
    let field = |table: &str, name: &str, function: &str, row: Option<&str>| {
        let field = ComputedSettings {
            name: name.into(),
            function: function.into(),
            table_argument: row.map(str::to_owned),
            session_argument: None,
        };
        settings(vec![FaceSettings {
            computed: vec![field],
            ..entry(table)
        }])
    };
    // The overload that takes the row is meant.
    let catalog = expose(with_functions(), &field("article", "full", "title_of", None)).unwrap();
    let computed = &catalog.face_named("article").unwrap().computed[0];
    assert_eq!((computed.function, computed.table_argument.as_str()), (1, "row"));
    let wrong = [
        (
            field("article", "full", "title_off", None),
            "tables.article.computed.full.function: there is no function",
        ),
        (
            field("article", "title", "title_of", None),
            "the table has a column of the name \"title\"",
        ),
        (
            field("article", "full", "title_of", Some("rov")),
            "did you mean \"row\"?",
        ),
        (
            field("article", "full", "title_of", Some("session")),
            "not a row of table \"article\"",
        ),
        (field("author", "x", "search", None), "takes no row of table \"author\""),
    ];
    for (settings, expected) in wrong {
        let found = findings(with_functions(), &settings);
        assert!(
            found.iter().any(|finding| finding.contains(expected)),
            "no {expected:?} in {found:#?}"
        );
    }
}
