//! Documents and variables that mean harm: each is refused or answered, cheaply. Times are for debug builds, ten times
//! what a release build needs.

use super::fixture::{blog, catalog, column, front, principal, relate, table};
use crate::graphql::execute::{Call, Planned};
use crate::graphql::road::Road;
use crate::value::Type;
use serde_json::{Map, Value as Json, json};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// What reading and converting gave, and how long it took.
fn cost(
    front: &crate::graphql::GraphQl,
    road: &dyn Road,
    query: String,
    variables: Json,
) -> (Result<usize, String>, Duration) {
    let Json::Object(variables) = variables else {
        panic!("variables are an object")
    };
    let call = Call {
        query,
        operation_name: None,
        variables,
        once: None,
    };
    let role = if call.query.starts_with("mutation") {
        "writer"
    } else {
        "admin"
    };
    let start = Instant::now();
    let result = front.plan(&road.scene(role), &principal(role), &call);
    let result = result
        .map(|planned| match planned {
            Planned::Works(works) => works.len(),
            Planned::Told(_) => 1,
            Planned::Mutation(mutation) => mutation.roots.len(),
        })
        .map_err(|faults| faults[0].message.clone());
    (result, start.elapsed())
}

fn most() -> Duration {
    if cfg!(debug_assertions) {
        Duration::from_millis(4000)
    } else {
        Duration::from_millis(50)
    }
}

fn repeated(count: usize, make: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut out, index| {
        let _ = write!(out, "{} ", make(index));
        out
    })
}

fn doubling(levels: usize) -> String {
    let chain = repeated(levels, |level| {
        format!("fragment f{level} on post {{ ...f{} ...f{} }}", level + 1, level + 1)
    });
    format!("{{ post {{ ...f0 }} }} {chain} fragment f{levels} on post {{ id }}")
}

#[test]
fn documents() {
    let (front, echo) = front(blog());
    let nested = |open: &str, close: &str, count: usize| format!("{}{}", open.repeat(count), close.repeat(count));
    let long = "a".repeat(200);
    let cases: Vec<(&str, String, Option<&str>)> = vec![
        ("doubling fragments", doubling(60), Some("fields")),
        ("doubling fragments, few", doubling(9), None),
        ("doubling fragments, nested", doubling(200), Some("")),
        (
            "a chain of fragments",
            {
                let chain = repeated(1000, |level| {
                    format!("fragment f{level} on post {{ ...f{} }}", level + 1)
                });
                format!("{{ post {{ ...f0 }} }} {chain} fragment f1000 on post {{ id }}")
            },
            Some("nested too deeply"),
        ),
        (
            "a cycle",
            "{ post { ...a } } fragment a on post { ...b } fragment b on post { ...c id } fragment c on post { ...a }"
                .into(),
            Some("within itself"),
        ),
        (
            "a cycle of itself",
            "{ post { ...a } } fragment a on post { author { posts { ...a } } }".into(),
            Some("within itself"),
        ),
        (
            "a cycle that nothing uses",
            "{ post { id } } fragment a on post { ...a }".into(),
            Some("within itself"),
        ),
        (
            "aliases",
            format!("{{ post {{ {} }} }}", repeated(1900, |index| format!("a{index}: id"))),
            Some("aliases"),
        ),
        (
            "aliases of roots",
            format!("{{ {} }}", repeated(200, |index| format!("a{index}: post {{ id }}"))),
            None,
        ),
        (
            "the same field",
            format!("{{ post {{ {} }} }}", "id ".repeat(1999)),
            None,
        ),
        (
            "the same field too often",
            format!("{{ post {{ {} }} }}", "id ".repeat(2000)),
            Some("fields"),
        ),
        (
            "overlapping fields",
            format!(
                "{{ {} }}",
                "post { author { posts { author { id name } } } } ".repeat(330)
            ),
            None,
        ),
        (
            "overlapping fields that conflict",
            format!(
                "{{ {} }}",
                repeated(300, |index| format!(
                    "post(limit: {index}) {{ author {{ posts {{ id }} }} }}"
                ))
            ),
            Some("conflict"),
        ),
        (
            "overlapping inline fragments",
            format!(
                "{{ post {{ {} {} {} }} }}",
                "... { id ".repeat(50),
                "id title ".repeat(900),
                "}".repeat(50)
            ),
            None,
        ),
        (
            "unknown fields",
            format!("{{ {} }}", repeated(1990, |index| format!("x{index}"))),
            Some("Unknown field"),
        ),
        (
            "long unknown fields",
            format!("{{ {} }}", repeated(400, |index| format!("{long}{index}"))),
            Some("Unknown field"),
        ),
        (
            "unknown arguments",
            format!("{{ post({}) {{ id }} }}", repeated(64, |index| format!("x{index}: 1"))),
            Some("Unknown argument"),
        ),
        (
            "too many arguments",
            format!("{{ post({}) {{ id }} }}", repeated(65, |index| format!("x{index}: 1"))),
            Some("arguments"),
        ),
        (
            "unknown fields of inputs",
            format!(
                "{{ post(where: {{{}}}) {{ id }} }}",
                repeated(3000, |index| format!("x{index}: 1"))
            ),
            Some("unknown field"),
        ),
        (
            "deep selections",
            format!("{{ {}id{} }}", "author { posts { ".repeat(38), " } } ".repeat(38)),
            Some("recursion"),
        ),
        (
            "deeper selections",
            format!("{{ {}id{} }}", "author { posts { ".repeat(5000), " } } ".repeat(5000)),
            Some(""),
        ),
        (
            "deep inputs",
            format!(
                "{{ post(where: {}) {{ id }} }}",
                nested("{_not: ", "}", 70).replace("{_not: }", "{_not: {}}")
            ),
            Some("nested"),
        ),
        (
            "deeper inputs",
            format!("{{ post(where: {}) {{ id }} }}", nested("{_not: ", "}", 9000)),
            Some("nested"),
        ),
        (
            "deep lists",
            format!("{{ post(limit: {}) {{ id }} }}", nested("[", "]", 40000)),
            Some("nested"),
        ),
        (
            "deep types",
            format!(
                "query($x: {}Int{}) {{ post {{ id }} }}",
                "[".repeat(3000),
                "]".repeat(3000)
            ),
            Some("nested"),
        ),
        (
            "deep types within the limit",
            format!("query($x: {}Int{}) {{ post {{ id }} }}", "[".repeat(70), "]".repeat(70)),
            Some("not used"),
        ),
        (
            "many variables",
            format!(
                "query({}) {{ post {{ id }} }}",
                repeated(501, |index| format!("$v{index}: Int"))
            ),
            Some("variables"),
        ),
        (
            "variables that are used much",
            format!(
                "query({}) {{ post(where: {{id: {{_in: [{}]}}}}) {{ id }} }}",
                repeated(500, |index| format!("$v{index}: Int")),
                "$v499 ".repeat(3500)
            ),
            Some(""),
        ),
        (
            "many conditions",
            format!(
                "{{ post(where: {{_or: [{}]}}) {{ id }} }}",
                "{id: {_eq: 1}} ".repeat(900)
            ),
            None,
        ),
        (
            "more conditions",
            format!(
                "{{ a: post(where: {{_or: [{}]}}) {{ id }} }}",
                "{_not: {}} ".repeat(1400)
            ),
            None,
        ),
        (
            "huge integers",
            format!("{{ post(where: {{views: {{_eq: {}}}}}) {{ id }} }}", "9".repeat(250)),
            None,
        ),
        (
            "an integer too long",
            format!("{{ post(where: {{views: {{_eq: {}}}}}) {{ id }} }}", "9".repeat(90_000)),
            Some("longer"),
        ),
        (
            "an integer out of range",
            "{ post(limit: 99999999999) { id } }".into(),
            Some("Int"),
        ),
        ("a negative zero", "{ post(limit: -0) { id } }".into(), None),
        (
            "repeated directives",
            format!("{{ post {{ id {} }} }}", "@skip(if: true) ".repeat(99)),
            Some("Duplicate"),
        ),
        (
            "more repeated directives",
            format!("{{ post {{ id {} }} }}", "@skip(if: true) ".repeat(101)),
            Some("directives"),
        ),
        (
            "unused fragments",
            format!(
                "{{ post {{ id }} }} {}",
                repeated(1400, |index| format!("fragment f{index} on post {{ id }}"))
            ),
            Some("never used"),
        ),
        (
            "many operations",
            repeated(1000, |index| format!("query q{index} {{ post {{ id }} }}")),
            Some("operation name"),
        ),
        (
            "many operations with a fragment",
            format!(
                "{} fragment f on post {{ {} }}",
                repeated(100, |index| format!("query q{index} {{ post {{ ...f }} }}")),
                "id ".repeat(300)
            ),
            Some("fields"),
        ),
        (
            "strings",
            format!(
                "{{ post(where: {{title: {{_eq: \"{}\"}}}}) {{ id }} }}",
                "x".repeat(99_000)
            ),
            None,
        ),
        (
            "escapes",
            format!(
                "{{ post(where: {{title: {{_eq: \"{}\"}}}}) {{ id }} }}",
                "\\u0041".repeat(16_000)
            ),
            None,
        ),
        (
            "block strings",
            format!(
                "{{ post(where: {{title: {{_eq: \"\"\"{}\"\"\"}}}}) {{ id }} }}",
                "\n \\\"\"\"".repeat(15_000)
            ),
            None,
        ),
        (
            "a comment",
            format!("{{ post {{ id }} }} # {}", "{".repeat(90_000)),
            None,
        ),
        (
            "too many bytes",
            format!("{{ post {{ id }} }} {}", " ".repeat(100_000)),
            Some("bytes"),
        ),
        (
            "too many tokens",
            format!("{{ post {{ {} }} }}", "id ".repeat(10_000)),
            Some("tokens"),
        ),
        (
            "introspection in circles",
            format!(
                "{{ __schema {{ types {{ {}name{} }} }} }}",
                "fields { type { ".repeat(7),
                " } } ".repeat(7)
            ),
            Some("within each other"),
        ),
        (
            "introspection many times",
            format!(
                "{{ __schema {{ {} }} }}",
                repeated(150, |index| format!(
                    "a{index}: types {{ fields {{ name args {{ name type {{ name }} }} }} }}"
                ))
            ),
            Some("too large"),
        ),
        ("nothing", String::new(), Some("Syntax")),
        ("nonsense", "}{".repeat(4000), Some("Syntax")),
        ("open", "{ post ".into(), Some("Syntax")),
        ("nul", "{ post { id \0 } }".into(), Some("Syntax")),
    ];
    let mut wrong = String::new();
    for (name, query, problem) in cases {
        let bytes = query.len();
        let (result, took) = cost(&front, echo.as_ref(), query, json!({}));
        let fits = match problem {
            None => result.is_ok(),
            Some(word) => result.as_ref().is_err_and(|message| message.contains(word)),
        };
        if !fits || took > most() {
            let _ = writeln!(wrong, "{name} ({bytes} bytes, {took:?}): {result:?}");
        }
        if std::env::var_os("HOSTILE").is_some() {
            eprintln!("{name}: {bytes} bytes, {took:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn variables() {
    let (front, echo) = front(blog());
    let ids: Vec<Json> = (0..90_000).map(Json::from).collect();
    let mut deep = json!({"id": {"_eq": 1}});
    for _ in 0..60 {
        deep = json!({"_not": deep});
    }
    let wide: Map<String, Json> = (0..90_000)
        .map(|index| (format!("x{index}"), Json::from(index)))
        .collect();
    let often = repeated(100, |index| {
        format!("a{index}: post(where: {{id: {{_in: $v}}}}) {{ id }}")
    });
    let comments = |count: usize, distinct: usize, related: &dyn Fn(usize) -> Json| {
        let row = |index: usize| json!({"body": "b", "post": related(index % distinct)});
        json!({"v": (0..count).map(row).collect::<Vec<_>>()})
    };
    let insert = "mutation($v: [comment_insert_input!]!) { insert_comment(objects: $v) { affected_rows } }";
    let connect = |index: usize| json!({"connect": {"id": {"_eq": index}}});
    let conflict = |index: usize| {
        let filter = json!({"id": {"_eq": index}});
        json!({"data": {"title": "t"}, "on_conflict": {"update_columns": ["title"], "where": filter}})
    };
    let cases: Vec<(&str, String, Json, Option<&str>)> = vec![
        (
            "distinct rows that stand",
            insert.into(),
            comments(4_500, 4_500, &connect),
            Some("at most 1000 writes"),
        ),
        ("rows that stand", insert.into(), comments(4_500, 900, &connect), None),
        (
            "distinct conflicts",
            insert.into(),
            comments(2_200, 2_200, &conflict),
            Some("at most 1000 writes"),
        ),
        (
            "too many nested objects",
            insert.into(),
            comments(12_000, 12_000, &connect),
            Some("more than"),
        ),
        (
            "a long list",
            "query($v: [Int!]) { post(where: {id: {_in: $v}}) { id } }".into(),
            json!({"v": ids}),
            None,
        ),
        (
            "a long list, used often",
            format!("query($v: [Int!]) {{ {often} }}"),
            json!({"v": ids}),
            Some("too often"),
        ),
        (
            "a longer list",
            "query($v: [Int!]) { post(where: {id: {_in: $v}}) { id } }".into(),
            json!({"v": vec![1; 100_001]}),
            Some("more than"),
        ),
        (
            "a deep value",
            "query($v: post_bool_exp) { post(where: $v) { id } }".into(),
            json!({"v": deep}),
            Some("nested"),
        ),
        (
            "many unused",
            "query($v: Int) { post(limit: $v) { id } }".into(),
            Json::Object(wide.clone()),
            None,
        ),
        (
            "an unknown field",
            "query($v: post_bool_exp) { post(where: $v) { id } }".into(),
            json!({"v": wide}),
            Some("not defined"),
        ),
        (
            "many conditions",
            "query($v: post_bool_exp) { post(where: $v) { id } }".into(),
            json!({"v": {"_or": vec![json!({"id": {"_eq": 1}}); 5000]}}),
            Some("conditions"),
        ),
        (
            "many orders",
            "query($v: [post_order_by!]) { post(order_by: $v) { id } }".into(),
            json!({"v": vec![json!({"id": "asc"}); 5000]}),
            Some("conditions"),
        ),
    ];
    for (name, query, variables, problem) in cases {
        let (result, took) = cost(&front, echo.as_ref(), query, variables);
        match problem {
            None => assert!(result.is_ok(), "{name}: {result:?}"),
            Some(word) => assert!(
                result.as_ref().is_err_and(|message| message.contains(word)),
                "{name}: {result:?}"
            ),
        }
        assert!(took < most() * 2, "{name} took {took:?}");
        if std::env::var_os("HOSTILE").is_some() {
            eprintln!("{name}: {took:?}");
        }
    }
}

/// Many tables: what a name, a small document and a whole introspection cost.
#[test]
fn many_tables() {
    let count: u32 = if cfg!(debug_assertions) { 60 } else { 600 };
    let tables = (0..count)
        .map(|index| {
            let mut columns = vec![column("id", Type::Integer(32), false)];
            columns.extend((1..20).map(|own| {
                let kinds = [
                    Type::TEXT,
                    Type::Integer(32),
                    Type::Numeric,
                    Type::TimestampTz,
                    Type::Boolean,
                ];
                column(&format!("column_{own}"), kinds[own % kinds.len()].clone(), true)
            }));
            table(&format!("table_{index}"), columns)
        })
        .collect();
    let mut catalog = catalog(tables, Vec::new(), Vec::new());
    for index in 0..count {
        relate(&mut catalog, index, "parent", (index + 1) % count, false, [1, 0]);
        relate(
            &mut catalog,
            index,
            "children",
            (index + count - 1) % count,
            true,
            [0, 1],
        );
    }
    let catalog = crate::catalog::Catalog::assemble(catalog.database, catalog.faces);
    let (front, echo) = front(catalog);
    let mut report = String::new();
    for (name, query) in [
        (
            "first",
            "{ table_1(where: {children: {id: {_eq: 1}}}) { id parent { id } } }",
        ),
        (
            "second",
            "{ table_1(where: {children: {id: {_gt: 1}}}) { id parent { id } } }",
        ),
        (
            "names a type",
            "query($w: table_2_bool_exp) { table_2(where: $w) { id } }",
        ),
        ("unknown", "{ tabel_7 { id } }"),
        (
            "introspection",
            "{ __schema { types { kind name description fields(includeDeprecated: true) { name description args { name description type { kind name ofType { kind name ofType { kind name ofType { name } } } } defaultValue } type { kind name ofType { kind name ofType { kind name ofType { name } } } } isDeprecated deprecationReason } inputFields { name description type { kind name ofType { kind name } } defaultValue } interfaces { name } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { name } } } }",
        ),
    ] {
        let (result, took) = cost(&front, echo.as_ref(), query.into(), json!({}));
        assert_eq!(result.is_ok(), name != "unknown", "{result:?}");
        let _ = writeln!(report, "{name}: {took:?}");
        assert!(took < Duration::from_secs(5), "{report}");
    }
    if std::env::var_os("HOSTILE").is_some() {
        eprintln!("{report}");
    }
}
