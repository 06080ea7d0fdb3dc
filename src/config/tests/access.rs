//! Access blocks.

use super::*;

#[test]
fn access_blocks_are_explained() {
    let block = "[tables.book.access.user]\n";
    let cases = [
        (
            "reed = true",
            "diglot.toml:2:1: unknown key `reed` in [tables.book.access.user], did you mean `read`?",
        ),
        (
            "select = true",
            "unknown key `select` in [tables.book.access.user], did you mean `read`?",
        ),
        (
            "read = { rul = \"TRUE\" }",
            "diglot.toml:2:10: unknown key `rul` in [tables.book.access.user.read], did you mean `rule`?",
        ),
        (
            "read = 1",
            "`read` in [tables.book.access.user] must be true, false, a rule in quotes, or a table of keys, not a whole number",
        ),
        ("read = [\"id\"]", "or a table of keys, not a list"),
        (
            "read = { rule = 1 }",
            "`rule` in [tables.book.access.user.read] must be true, false, or a rule in quotes, not a whole number",
        ),
        (
            "read = \" \"",
            "the rule `read` in [tables.book.access.user] is empty, write true for all rows, false for none",
        ),
        (
            "read = { columns = \"id\" }",
            "`columns` in [tables.book.access.user.read] must be a list, not text, write columns = [\"id\"]",
        ),
        (
            "read = { columns = [\"a\"], except = [\"b\"] }",
            "`except` in [tables.book.access.user.read] stands beside `columns`, give one of them",
        ),
        (
            "read = { limit = -5 }",
            "`limit` in [tables.book.access.user.read] is less than zero: -5",
        ),
        (
            "read = { check = \"TRUE\" }",
            "unknown key `check` in [tables.book.access.user.read], `check` belongs to create and update",
        ),
        (
            "create = { rule = \"TRUE\" }",
            "unknown key `rule` in [tables.book.access.user.create], a new row is tested by `check`",
        ),
        (
            "delete = { columns = [] }",
            "`columns` belongs to read, create and update",
        ),
        ("delete = { where = \"TRUE\" }", "did you mean `rule`?"),
        (
            "columns = [\"id\"]",
            "`columns` stands within read, create and update, such as read = { columns = … }",
        ),
        (
            "create = { set = { a = { sql = 1 } } }",
            "`a` in [tables.book.access.user.create.set] is no expression, write { sql = \"…\" } alone",
        ),
        (
            "create = { set = [1] }",
            "[tables.book.access.user.create.set] must be a table of keys, not a list",
        ),
        ("[tables.book.access]\nadmin = {}", "the role \"admin\" has no rules"),
        (
            "[tables.book.access.\"a b\"]\nread = true",
            "\"a b\" is no name of a role",
        ),
    ];
    for (line, expected) in cases {
        let text = if line.starts_with('[') {
            line.to_owned()
        } else {
            format!("{block}{line}")
        };
        let found = messages(&text, &[]);
        assert!(
            found.len() == 1 && found[0].contains(expected),
            "{line}\n{found:#?}\nis not\n{expected}"
        );
    }
}

#[test]
fn every_form_of_an_access_block() {
    let same = [
        "[tables.a.access.user]\nread = { rule = \"x\", limit = 3, schema = false }",
        "[tables.a.access.user.read]\nrule = \"x\"\nlimit = 3\nschema = false",
        "[tables]\na.access.user.read = { rule = \"x\", limit = 3, schema = false }",
        "tables.a.access.user.read.rule = 'x'\ntables.a.access.user.read.limit = 3\ntables.a.access.user.schema = false",
    ];
    for text in same {
        let config = config(text);
        let access = &config.tables["a"].access["user"];
        assert!(
            matches!(&access.read, Some(ReadAccess::Table { rule: Some(Rule::Text(rule)), limit: Some(3), .. }) if rule == "x"),
            "{text}\n{access:?}"
        );
        assert_eq!(access.schema, Some(false));
    }
    let config = config(
        "[tables.a.access.user]\nread = true\ncreate = {}\nupdate = { set = { a = 1, b = \"_USER_.id\", c = { sql = \"1 + 1\" }, \
         d = 2024-01-02, e = [1, 2] }, backend_only = true }\ndelete = false",
    );
    let access = &config.tables["a"].access["user"];
    assert!(matches!(access.read, Some(ReadAccess::Rule(Rule::All(true)))));
    assert!(
        matches!(&access.create, Some(CreateAccess::Table { check: None, set, backend_only: false, .. }) if set.is_empty())
    );
    assert!(matches!(access.delete, Some(DeleteAccess::Rule(Rule::All(false)))));
    let Some(UpdateAccess::Table {
        set,
        backend_only: true,
        ..
    }) = &access.update
    else {
        panic!("{access:?}")
    };
    let expected = r#"{"a":1,"b":"_USER_.id","c":{"sql":"1 + 1"},"d":"2024-01-02","e":[1,2]}"#;
    assert_eq!(serde_json::to_string(set).unwrap(), expected);
}
