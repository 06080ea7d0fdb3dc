//! Calls → requests, outcomes and errors → answers.

mod writes;

use crate::catalog::ColumnId;
use crate::config::{ExpandShape, Rest, UnknownFilters};
use crate::error::{Code, Error, Kind};
use crate::principal::{Credential, Principal};
use crate::rest::stage::{Stage, get, outcome, text, user};
use axum::http::HeaderValue;

const BOOK: &str = "/api/records/v1/book";

#[test]
fn filters() {
    let stage = Stage::new();
    for (query, expected) in [
        ("", "all"),
        ("filter[title]=a", "title Equal a"),
        (
            "filter[title]=a&filter[status]=draft",
            "(title Equal a and status Equal draft)",
        ),
        (
            "filter[price][$gt]=1&filter[price][$lte]=9.5",
            "(price Greater 1 and price LessOrEqual 9.5)",
        ),
        (
            "filter[price]=5&filter[price][$gte]=1",
            "(price Equal 5 and price GreaterOrEqual 1)",
        ),
        ("filter[price][$lt]=1", "price Less 1"),
        (
            "filter[title][$like]=a%25&filter[title][$like]=%25b",
            "(title ILike a% and title ILike %b)",
        ),
        (
            "filter[$and][0][title]=a&filter[$and][1][price]=1&filter[$and][0][status]=draft",
            "((title Equal a and status Equal draft) and price Equal 1)",
        ),
        (
            "filter[title][$eq]=a&filter[title][$ne]=b",
            "(title Equal a and title NotEqual b)",
        ),
        ("filter[title][$like]=%25hello%25", "title ILike %hello%"),
        ("filter[title][$re]=^a", "title Regex ^a"),
        ("filter[price][$is]=NULL", "price null=true"),
        ("filter[price][$is]=!NULL", "price null=false"),
        ("filter[price][$null]=true", "price null=true"),
        ("filter[price][$null]=false", "price null=false"),
        ("filter[title][$not]=a", "title NotEqual a"),
        ("filter[title][$not][$like]=a%25", "not title ILike a%"),
        (
            "filter[price][$not][$gt]=1&filter[price][$not][$lt]=0",
            "not (price Greater 1 and price Less 0)",
        ),
        (
            "filter[$not][title]=a&filter[$not][price]=1",
            "not (title Equal a and price Equal 1)",
        ),
        (
            "filter[title][$in][0]=a&filter[title][$in][1]=b",
            r#"title In ["a", "b"]"#,
        ),
        (
            "filter[title][$in][1]=b&filter[title][$in][0]=a",
            r#"title In ["a", "b"]"#,
        ),
        (
            "filter[title][$in][]=a&filter[title][$in][]=b",
            r#"title In ["a", "b"]"#,
        ),
        ("filter[title][$in]=a,b", r#"title In ["a", "b"]"#),
        (
            "filter[location][@within]=POLYGON((0 0,0 1,1 1,0 0))",
            "location Within POLYGON((0 0,0 1,1 1,0 0))",
        ),
        (
            "filter[location][@intersects]=POINT(0 0)",
            "location Intersects POINT(0 0)",
        ),
        ("filter[location][@contains]=POINT(0 0)", "location Covers POINT(0 0)"),
        (
            "filter[$or][0][title]=a&filter[$or][1][title]=b",
            "(title Equal a or title Equal b)",
        ),
        (
            "filter[$and][0][title]=a&filter[$and][1][price][$gt]=1",
            "(title Equal a and price Greater 1)",
        ),
        (
            "filter[$or][0][title]=a&filter[$or][0][price]=1&filter[$or][1][$and][0][status]=draft&filter[$or][1][$and][1][price][$ne]=2&filter[id]=7",
            "(((title Equal a and price Equal 1) or (status Equal draft and price NotEqual 2)) and id Equal 7)",
        ),
    ] {
        assert_eq!(stage.filter(&format!("{BOOK}?{query}")), expected, "{query}");
    }
    let uuid = "/api/records/v1/thing?filter[id]=AYkKXayWd0u8zrMCCZqAVw==&filter[data][$ne]=_-8=";
    assert_eq!(
        stage.filter(uuid),
        r"(id Equal 01890a5d-ac96-774b-bcce-b302099a8057 and data NotEqual \xffef)"
    );
}

#[test]
fn wrong_filters() {
    let stage = Stage::new();
    let groups = |depth: usize| format!("filter{}[title]=a", "[$and][0]".repeat(depth));
    let nots = |depth: usize| format!("filter{}[title]=a", "[$not]".repeat(depth));
    for (query, expected) in [
        (
            "filter[titel]=a",
            "unknown column \"titel\" of \"book\", did you mean \"title\"?",
        ),
        ("filter[_secret]=a", "unknown column \"_secret\" of \"book\""),
        (
            "filter[title][$lik]=a",
            "unknown operator \"$lik\", did you mean \"$like\"?",
        ),
        (
            "filter[title][like]=a",
            "unknown operator \"like\", did you mean \"$like\"?",
        ),
        (
            "filter[title]=a&filter[title]=b",
            "filter[title] is given twice; filter[title][$in]=a,b matches any of several values",
        ),
        (
            "filter[title][$eq]=a&filter[title][$eq]=b",
            "filter[title] is given twice; filter[title][$in]=a,b matches any of several values",
        ),
        (
            "filter[title][$in]=a&filter[title][$in]=b",
            "parameter \"$in\" is given twice",
        ),
        (
            "filter[title][$in][0]=a&filter[title][$in][0]=b",
            "$in takes [$in][0]=a, [$in][1]=b … or [$in]=a,b",
        ),
        (
            "filter[$or][0][title]=a&filter[$or][1][title]=b&filter[$or][0][price]=1&filter[$or][1][price]=2",
            "[$or][0] goes on after another index; keep the conditions of one index together, and put several groups into filter[$and][0][$or][0]…, filter[$and][1][$or][0]…",
        ),
        ("filter[title][$in]=", "$in needs at least one value"),
        (
            "filter[title][$in][x]=a",
            "$in takes [$in][0]=a, [$in][1]=b … or [$in]=a,b",
        ),
        (
            "filter[title][$in][0][1]=a",
            "$in takes [$in][0]=a, [$in][1]=b … or [$in]=a,b",
        ),
        ("filter[title][$gt][0]=a", "$gt takes one value, nothing within it"),
        ("filter[price][$null]=yes", "$null takes true or false, not \"yes\""),
        ("filter[price][$is]=7", "$is takes NULL or !NULL, not \"7\""),
        (
            "filter[$or]=a",
            "$or takes numbered conditions: filter[$or][0][column]=value&filter[$or][1][column]=value",
        ),
        (
            "filter[$or][title]=a",
            "$or takes numbered conditions: filter[$or][0][column]=value&filter[$or][1][column]=value",
        ),
        (
            "filter[$or][0]=a",
            "$or takes numbered conditions: filter[$or][0][column]=value&filter[$or][1][column]=value",
        ),
        ("filter[$xor][0][title]=a", "unknown column \"$xor\" of \"book\""),
        (
            "filter[]=a",
            "\"filter[]\" is malformed; write filter[column]=value or filter[column][$gt]=value",
        ),
        (
            "filter[=a",
            "\"filter[\" is malformed; write filter[column]=value or filter[column][$gt]=value",
        ),
        (
            "filter=a",
            "\"filter\" is malformed; write filter[column]=value or filter[column][$gt]=value",
        ),
        (
            "filter[title=a",
            "\"filter[title\" is malformed; write filter[column]=value or filter[column][$gt]=value",
        ),
        (
            "filter[title]]=a",
            "\"filter[title]]\" is malformed; write filter[column]=value or filter[column][$gt]=value",
        ),
        (
            "title=a",
            "unknown parameter \"title\"; there are limit, offset, cursor, order, count, expand, geojson, filter[column]",
        ),
        ("limits=1", "unknown parameter \"limits\", did you mean \"limit\"?"),
        (
            &groups(6),
            "filters are nested too deeply, at most 5 groups within each other are taken",
        ),
        (
            &nots(6),
            "filters are nested too deeply, at most 5 groups within each other are taken",
        ),
    ] {
        assert_eq!(
            stage.filter(&format!("{BOOK}?{query}")),
            format!("Invalid: {expected}"),
            "{query}"
        );
    }
    assert_eq!(stage.filter(&format!("{BOOK}?{}", groups(5))), "title Equal a");
    let deep = stage.filter(&format!("{BOOK}?{}", groups(10_000)));
    assert!(deep.ends_with("is nested too deeply") && deep.len() < 200, "{deep}");
    let terms = |count: usize| {
        (0..count)
            .map(|index| format!("filter[$or][{index}][id]=1&"))
            .collect::<String>()
    };
    assert_eq!(
        stage.filter(&format!("{BOOK}?{}", terms(101))),
        "Invalid: at most 100 conditions are taken"
    );
    assert!(
        stage
            .filter(&format!("{BOOK}?{}", terms(100)))
            .starts_with("(id Equal 1 or")
    );
    assert_eq!(
        stage.filter(&format!("{BOOK}?{}", terms(1001))),
        "Invalid: 1001 parameters are too many, at most 1000 are taken"
    );
    let values = format!("{BOOK}?filter[id][$in]={}", "1,".repeat(1000));
    assert_eq!(
        stage.filter(&values),
        "Invalid: $in takes at most 1000 values, 1001 were given"
    );
}

#[test]
fn unknown_filters_ignored() {
    let mut settings = Rest::default();
    settings.trailbase.unknown_filters = UnknownFilters::Ignore;
    let stage = Stage::with(settings, None);
    for (query, expected) in [
        ("filter[titel]=a", "all"),
        ("filter[titel]=a&filter[title]=b", "title Equal b"),
        ("filter[$or][0][titel]=a&filter[$or][1][title]=b", "title Equal b"),
        ("filter[$or][0][titel]=a", "all"),
        ("filter[$not][titel]=a", "all"),
        ("filter[_secret]=a", "all"),
        (
            "filter[]=a",
            "Invalid: \"filter[]\" is malformed; write filter[column]=value or filter[column][$gt]=value",
        ),
        (
            "filter[a[b]=a",
            "Invalid: \"filter[a[b]\" is malformed; write filter[column]=value or filter[column][$gt]=value",
        ),
        ("filter[title][$x]=a", "Invalid: unknown operator \"$x\""),
    ] {
        assert_eq!(stage.filter(&format!("{BOOK}?{query}")), expected, "{query}");
    }
}

#[test]
fn pages_and_orders() {
    let stage = Stage::new();
    insta::assert_snapshot!(
        "list",
        stage.request(&format!(
            "{BOOK}?limit=10&offset=5&order=+title,-price&count=true&cursor=abc"
        ))
    );
    insta::assert_snapshot!("default_order", stage.request("/api/records/v1/book_tag"));
    insta::assert_snapshot!(
        "count_only",
        stage.request("/api/records/v1/wordy%20view?limit=0&order=&expand=")
    );
    for (query, expected) in [
        ("limit=1025", "limit 1025 is too large, at most 1024 is allowed"),
        ("limit=x", "limit must be a whole number from 0 to 1024, not \"x\""),
        ("order=a,b,c,d,e,f", "unknown column \"a\" of \"book\""),
        (
            "order=id,author_id,title,status,price,published_on",
            "order takes at most 5 columns",
        ),
        ("order=_secret", "unknown column \"_secret\" of \"book\""),
        ("count=maybe", "count must be true or false, not \"maybe\""),
        ("cursor=", "the cursor is empty; leave it out for the first page"),
        ("cursor=a&cursor=b", "parameter \"cursor\" is given twice"),
        ("geojson=title", "\"title\" is not a geometry column"),
        ("geojson=nowhere", "unknown column \"nowhere\" of \"book\""),
        ("expand=title", "unknown expandable column \"title\" of \"book\""),
        (
            "expand=author_id,author",
            "unknown expandable column \"author\" of \"book\", did you mean \"author_id\"?",
        ),
    ] {
        assert_eq!(
            stage.filter(&format!("{BOOK}?{query}")),
            format!("Invalid: {expected}"),
            "{query}"
        );
    }
    assert_eq!(
        stage.filter("/api/records/v1/author?expand=name"),
        "Invalid: unknown expandable column \"name\" of \"author\"; it has none"
    );
}

#[test]
fn ids() {
    let stage = Stage::new();
    for (path, expected) in [
        ("book/1", "key [\"1\"]"),
        ("book/-9223372036854775808", "key [\"-9223372036854775808\"]"),
        ("book/x", "Invalid: Invalid id"),
        ("book/1.0", "Invalid: Invalid id"),
        ("book/9223372036854775808", "Invalid: Invalid id"),
        ("book_tag/1,a", "key [\"1\", \"a\"]"),
        ("book_tag/1", "Invalid: Invalid id"),
        ("book_tag/1,a,b", "Invalid: Invalid id"),
        (
            "thing/AYkKXayWd0u8zrMCCZqAVw==",
            "key [\"01890a5d-ac96-774b-bcce-b302099a8057\"]",
        ),
        (
            "thing/AYkKXayWd0u8zrMCCZqAVw",
            "key [\"01890a5d-ac96-774b-bcce-b302099a8057\"]",
        ),
        (
            "thing/01890a5d-ac96-774b-bcce-b302099a8057",
            "key [\"01890a5d-ac96-774b-bcce-b302099a8057\"]",
        ),
        ("thing/AYkK", "Invalid: Invalid id"),
        (
            "wordy%20view/1",
            "NotAllowed: rows of \"wordy view\" have no key to read one of them by",
        ),
        (
            "book/1?limit=1",
            "Invalid: unknown parameter \"limit\"; there are expand",
        ),
    ] {
        assert_eq!(stage.filter(&format!("/api/records/v1/{path}")), expected, "{path}");
    }
}

#[test]
fn expansion() {
    let author = Some(vec![ColumnId(1)]);
    let mut inline = Rest::default();
    inline.trailbase.expand_shape = ExpandShape::Inline;
    for (name, settings, expand, url) in [
        ("expand_unlisted", Rest::default(), None, "book?expand=author_id"),
        (
            "expand_listed",
            Rest::default(),
            author.clone(),
            "book/1?expand=author_id",
        ),
        ("expand_listed_unasked", Rest::default(), author.clone(), "book/1"),
        ("expand_inline", inline.clone(), author.clone(), "book?expand=author_id"),
        ("expand_inline_unasked", inline, author, "book"),
    ] {
        insta::assert_snapshot!(
            name,
            Stage::with(settings, expand).request(&format!("/api/records/v1/{url}"))
        );
    }
    let none = Stage::with(Rest::default(), Some(Vec::new()));
    let refused = "Invalid: unknown expandable column \"author_id\" of \"book\"; it has none";
    assert_eq!(none.filter(&format!("{BOOK}?expand=author_id")), refused);
}

#[test]
fn features() {
    let stage = Stage::new();
    insta::assert_snapshot!("geojson", stage.request(&format!("{BOOK}?geojson=location")));
    let url = format!("{BOOK}?geojson=location&count=1");
    assert_eq!(
        stage.written(&url, outcome("[]", 0, Some(0), None)),
        r#"200 {"type":"FeatureCollection","features":[],"total_count":0}"#
    );
}

#[test]
fn answers() {
    let stage = Stage::new();
    let page = outcome(r#"[{"id":1}]"#, 1, Some(7), Some("a\"b"));
    assert_eq!(
        stage.written(BOOK, page),
        r#"200 {"records":[{"id":1}],"cursor":"a\"b","total_count":7}"#
    );
    assert_eq!(
        stage.written(BOOK, outcome("[]", 0, None, None)),
        r#"200 {"records":[]}"#
    );
    let record = format!("{BOOK}/1");
    assert_eq!(
        stage.written(&record, outcome(r#"{"id":1}"#, 1, None, None)),
        r#"200 {"id":1}"#
    );
    assert_eq!(
        stage.written(&record, outcome("null", 0, None, None)),
        "404 Record not found"
    );
}

#[test]
fn who_may_ask_for_what() {
    let stage = Stage::new();
    let nobody = Principal::anonymous();
    let anon_key = Principal::of_role(Principal::ANONYMOUS, Credential::AnonKey);
    for (principal, path, expected) in [
        (&nobody, "book", "run"),
        (&nobody, "note", "403 reading \"note\" needs credentials"),
        (&nobody, "note/1", "403 reading \"note\" needs credentials"),
        (&anon_key, "note", "403 role \"anonymous\" may not read \"note\""),
        (&user(), "note", "run"),
        (&user(), "users", "run"),
        (&user(), "private", "405 "),
        (&nobody, "private", "405 "),
        (&user(), "bok", "405 "),
        (&user(), "book/subscribe/*", "405 "),
        (&user(), "book/1/file/cover", "404 no such path"),
        (&user(), "book/1/files/cover/a.png", "404 no such path"),
        (&user(), "", "404 no such path"),
        (&user(), "book/x", "400 Invalid id"),
        (
            &user(),
            "book/schema?mode=insert",
            "400 mode must be Insert, Select or Update, not \"insert\"",
        ),
        (
            &user(),
            "author/schema",
            "403 role \"user\" may not read the schema of \"author\"",
        ),
        (&user(), "private/schema", "405 "),
    ] {
        assert_eq!(
            stage.refused(principal, &get(&format!("/api/records/v1/{path}"))),
            expected,
            "{path}"
        );
    }
}

#[test]
fn errors() {
    let stage = Stage::new();
    let dialect = stage.dialects.owner(&get(BOOK).path).unwrap();
    let mut json = get("/api/records/v1/book/1");
    json.headers
        .insert("accept", HeaderValue::from_static("text/html, application/json;q=0.9"));
    let mut any = get("/api/records/v1/book/1");
    any.headers.insert("accept", HeaderValue::from_static("*/*"));
    any.headers
        .insert("content-type", HeaderValue::from_static("application/json"));
    let value = Error::invalid(Code::INVALID_VALUE, "\"x\" is no integer");
    assert_eq!(text(dialect.write_error(&value, &any)), "400 Invalid id");
    assert_eq!(
        text(dialect.write_error(&value, &json)),
        r#"400 {"error":{"code":"invalid_value","message":"Invalid id"}}"#
    );
    assert_eq!(text(dialect.write_error(&value, &get(BOOK))), "400 \"x\" is no integer");
    for (kind, code, status) in [
        (Kind::Unauthenticated, Code::INVALID_CREDENTIALS, "401"),
        (Kind::Unauthenticated, Code::UNAUTHENTICATED, "403"),
        (Kind::Forbidden, Code::ACCESS_DENIED, "403"),
        (Kind::Conflict, Code::CONSTRAINT, "400"),
        (Kind::Unavailable, Code::DATABASE_AWAY, "503"),
        (Kind::TooLarge, Code::LIMIT_EXCEEDED, "413"),
    ] {
        let error = Error::new(kind, code, "why");
        assert_eq!(text(dialect.write_error(&error, &get(BOOK))), format!("{status} why"));
    }
    let away = Error::new(Kind::Unavailable, Code::DATABASE_AWAY, "away");
    assert_eq!(dialect.write_error(&away, &any).headers()["retry-after"], "1");
    let hidden = Error::internal("SECRET SQL");
    assert_eq!(text(dialect.write_error(&hidden, &any)), "500 internal error");
}

#[test]
fn schemas() {
    let stage = Stage::with(Rest::default(), Some(vec![ColumnId(1)]));
    for mode in ["Insert", "Select", "Update"] {
        let answer = stage.refused(&user(), &get(&format!("{BOOK}/schema?mode={mode}")));
        let body: serde_json::Value = serde_json::from_str(answer.strip_prefix("200 ").unwrap()).unwrap();
        insta::assert_snapshot!(format!("schema_{mode}"), serde_json::to_string_pretty(&body).unwrap());
    }
}
