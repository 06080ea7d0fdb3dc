//! What each target begins with, and the words of its language. Bytes that once failed belong here.

use super::{Target, targets};

pub(super) const GRAPHQL: Target = Target {
    name: "graphql",
    run: targets::graphql,
    seeds: &[
        "{ item { id name owner { label } notes(limit: 2, order_by: {stars: desc}) { id } } }",
        "query($w: item_bool_exp, $n: Int = 3) { item(where: $w, limit: $n) { ...f } } fragment f on item { id data(path: \"$.a\") }\0{\"w\":{\"_or\":[{\"id\":{\"_in\":[1,2]}},{\"owner\":{\"label\":{\"_like\":\"a%\"}}}]}}",
        "{ item_aggregate(where: {price: {_gt: 1.5}}) { aggregate { count(columns: [name], distinct: true) sum { price } max { day } } nodes { id } } }",
        "{ item_group(by: [flag], having: {count: {_gte: 1}}, order_by: [{count: desc}, {key: {flag: asc}}]) { key { flag } aggregate { count } } }",
        "query($c: String) { item_connection(first: 2, after: $c, order_by: [{name: asc_nulls_first}]) { total_count edges { cursor node { id } } pageInfo { hasNextPage } } }\0{\"c\":\"x\"}",
        "{ item_by_pk(id: 1) { id @skip(if: false) ... on item @include(if: true) { name } __typename } }",
        "{ item(distinct_on: [flag], order_by: [{flag: asc}, {id: desc}], offset: 1) { id notes_aggregate { aggregate { count } } } }",
        "{ item(where: {_and: [{_not: {data: {_contains: {a: [1]}}}}, {notes: {stars: {_is_null: true}}}, {note_aggregate: {count: {predicate: {_gt: 0}}}}]}) { id } }",
        "{ a: item(where: {name: {_regex: \"^a\", _nilike: \"b\\\\%\"}, code: {_eq: \"01890a5d-ac96-774b-bcce-b302099a8057\"}, status: {_eq: draft}}) { id } b: owner { id } }",
        "{ __schema { types { name fields { name args { name type { name ofType { name } } } } } } __type(name: \"item\") { name } }",
        "{ item(where: {zz_hidden: {_eq: \"x\"}}, order_by: {zz_hidden: asc}) { zz_hidden } zz_hidden_table { id } }",
    ],
    words: &[
        "{", "}", "(", ")", "[", "]", ":", "$", "!", "...", "@skip(if: true)", "\"\"\"", "\"\\u0041\"", "null", "true", "item", "owner", "note", "notes", "id",
        "name", "price", "flag", "day", "moment", "data", "code", "bytes", "big", "status", "draft", "zz_hidden", "where", "order_by", "limit: 1", "limit: -1",
        "offset: 99999999999", "distinct_on", "_eq", "_neq", "_in", "_nin", "_gt", "_like", "_regex", "_similar", "_contains", "_has_key", "_has_keys_any",
        "_is_null", "_and", "_or", "_not", "asc", "desc_nulls_last", "first: 1", "last: 1", "before", "aggregate { count }", "fragment f on item {", "...f",
        "query", "mutation", "subscription", "1e400", "-0", "9223372036854775808", "0.1e-5", "__typename", "on", "#", ",", "\u{feff}", "(path: \"$.a[0]\")",
    ],
};

pub(super) const RECORDS: Target = Target {
    name: "records",
    run: targets::records,
    seeds: &[
        "?filter[name]=a&order=-price,+id&limit=2&offset=1&count=true",
        "?filter[$or][0][name][$like]=a%25&filter[$or][1][price][$gte]=1.5&filter[$not][flag]=true",
        "?filter[id][$in]=1,2&filter[day][$lt]=2024-01-01&filter[data][$null]=false&filter[name][$is]=!NULL",
        "?filter[$and][0][$or][0][id]=1&filter[$and][0][$or][1][name][$re]=^a&filter[$and][1][big][$not][$in][0]=5",
        "?expand=owner_id&order=name&cursor=abc",
        "/1?expand=owner_id",
        "/schema?mode=Select",
        "?filter[code]=AYkKXayWd0u8zrMCCZqAVw&filter[bytes]=_-8&filter[moment][$gt]=2024-01-01T00:00:00Z",
        "?filter[zz_hidden]=x&order=zz_hidden&expand=zz_hidden",
        "?geojson=data&filter[data][@within]=POINT(1 2)",
    ],
    words: WORDS_OF_URLS,
};

pub(super) const BASED: Target = Target {
    name: "based",
    run: targets::based,
    seeds: &[
        "?name=a&name=b&order=-price,id&limit=2&offset=1",
        "?flag=true&day=null&status=draft&price=1.50",
        "/1",
        "/1,2?limit=1",
        "?ownerId=1&big=-9223372036854775808&code=01890a5d-ac96-774b-bcce-b302099a8057&data={\"a\":[1]}",
        "?zz_hidden=x&order=zz_hidden&zzHidden=y",
    ],
    words: WORDS_OF_URLS,
};

const WORDS_OF_URLS: &[&str] = &[
    "filter", "[", "]", "[$and]", "[$or]", "[$not]", "[0]", "[1]", "[]", "[$in]", "[$gt]", "[$like]", "[$re]", "[$is]", "[$null]", "[$eq]", "[$ne]", "[@within]",
    "&", "=", "?", "/", ",", "-", "+", "%25", "%00", "%5C", "%F0%9F%AA%90", "%", "%zz", "id", "name", "price", "flag", "day", "moment", "data", "code", "bytes",
    "big", "status", "owner_id", "zz_hidden", "limit=1", "limit=0", "offset=9223372036854775807", "order=", "count=true", "expand=", "cursor=", "geojson=",
    "null", "NULL", "true", "1e400", "NaN", "99999999999999999999", "0001-01-01", "infinity", "POINT(1 2)", "(a+)+$", "(?", "{1000}",
];

pub(super) const SQL_RULE: Target = Target {
    name: "sql_rule",
    run: targets::sql_rule,
    seeds: &[
        "_ROW_.flag AND (price > 1.5 OR name LIKE 'a%') AND NOT (day IS NULL)",
        "owner_id = _USER_.id OR _ROW_.owner.label = _USER_.role",
        "EXISTS (SELECT 1 FROM note AS n WHERE n.item_id = _ROW_.id AND n.stars BETWEEN 1 AND 5)",
        "id IN (SELECT item_id FROM note JOIN owner ON owner.id = note.stars WHERE body IS NOT NULL)",
        "CASE WHEN flag THEN price * 2 + 1 > 3 ELSE COALESCE(length(name), 0) % 2 = 0 END",
        "data -> 'a' ->> 0 = '1' AND status IN ('draft', 'done') AND id NOT IN (_USER_.ids)",
        "day >= CURRENT_DATE AND moment < CURRENT_TIMESTAMP AND lower(name) || 'x' <> 'ax'",
        "_USER_.id IS NULL AND flag IS NOT TRUE AND price IS DISTINCT FROM 2 AND abs(-price) = round(price, 1)",
        "CAST(name AS INTEGER) = 1 OR name ~* '^a' OR name NOT ILIKE 'b' OR name SIMILAR TO '(a|b)%'",
        "_ROW_.notes.stars > 3 AND _ROW_.parent.owner.label IS NOT NULL",
    ],
    words: &[
        "AND", "OR", "NOT", "(", ")", "EXISTS (SELECT 1 FROM note WHERE", "IN", "(SELECT id FROM item)", "BETWEEN", "LIKE", "ILIKE", "SIMILAR TO", "IS NULL",
        "IS NOT TRUE", "IS DISTINCT FROM", "CASE WHEN", "THEN", "ELSE", "END", "COALESCE(", "lower(", "length(", "substring(", "replace(", "round(", "nullif(",
        "CAST(", "AS TEXT)", "::int", "::text", "_ROW_.", "_USER_.id", "_USER_.org_id", "_USER_.role", "_REQ_.name", "_REQ_FIELDS_", "id", "name", "price", "flag",
        "day", "moment", "data", "code", "bytes", "big", "status", "owner", "parent", "notes", "zz_hidden", "->", "->>", "#>", "@>", "?|", "||", "+", "-", "*", "/", "%",
        "=", "<>", "<", ">=", "~", "!~*", "'", "''", "\"", "\"id\"", "$1", "NULL", "TRUE", "1", "1.5e3", "9223372036854775808", "'2024-01-01'", "ARRAY[1]", "ANY(", "--", "/*",
        ";", "CURRENT_TIMESTAMP", "INTERVAL '1 day'", "DATE '2024-01-01'", ".", ",", "AS x",
    ],
};

pub(super) const EXPRESSION_RULE: Target = Target {
    name: "expression_rule",
    run: targets::expression_rule,
    seeds: &[
        " owner_id == auth.uid & flag = true",
        " name ~ 'a%' | price >= 1.5 & !(status == 'done')",
        " auth.uid != null & (id in (1, 2, 3) | owner.label = auth.role)",
        " data -> 'a' ->> 0 = '1' && length(name) > 2 || lower(name) == \"x\"",
        " price + 1 * 2 - 3 / 4 > 0 & day < @now",
        " request.headers.x = 1 | params.id == id => alias",
        " name @@ 'word' & coalesce(name, '') !~ 'b'",
    ],
    words: &[
        "&", "|", "!", "(", ")", "==", "!=", "=", "~", "!~", "<", ">=", "+", "-", "*", "/", "->", "->>", "=>", "@@", "@now", "in", "(1, 2)", "as", "auth.uid", "auth.role",
        "auth.email", "auth.admin", "request.", "params.", "new.", "__fields", "id", "name", "price", "flag", "day", "data", "status", "owner.", "parent.", "notes.stars",
        "zz_hidden", "null", "true", "'", "\"", "''", "1", "1.5", "99999999999999999999", "length(", "lower(", "coalesce(", "count(", "json_contains(", "concat(", ",", ".",
        "é", "\n",
    ],
};

pub(super) const CURSOR: Target = Target {
    name: "cursor",
    run: targets::cursor,
    seeds: &["", "abc", "\x01\x00", "\x02\x01", "\x05\x02", "\x01\x00\x10A", "\x01\x01\x20", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "\x02\x01\x3fB\x3eA"],
    words: &["A", "_", "-", "=", "\x01\x00", "\x02\x01", "\x7f", "\x40Z", "/", "+"],
};
