//! What is wrong with a rule, where, and what would be right.

use super::*;

#[test]
fn mistakes_are_named_with_their_place() {
    check_all(&[
        (
            "title GLOB 'a*'",
            "1:7 \"GLOB\" is not an operator of rules; patterns are LIKE, ILIKE, SIMILAR TO, ~ and ~*",
        ),
        (
            "autor_id = 1",
            "1:1 unknown column \"autor_id\" of \"article\", did you mean \"author_id\"?",
        ),
        (
            "is_published OR\n  _ROW_.titel = 'x'",
            "2:9 unknown column \"titel\" of \"article\", did you mean \"title\"?",
        ),
        (
            "teamId = 1",
            "1:1 unknown column \"teamId\" of \"article\"; rules use the database's own names, so write \"team_id\"",
        ),
        (
            "\"Title\" = 'x'",
            "1:1 unknown column \"Title\" of \"article\", did you mean \"title\"?",
        ),
        (
            "_ROW_.athor.email = 'x'",
            "1:7 unknown relation \"athor\" of \"article\", did you mean \"author\"?",
        ),
        (
            "_ROW_.author.mail = 'x'",
            "1:14 unknown column \"mail\" of \"users\", did you mean \"email\"?",
        ),
        (
            "EXISTS (SELECT 1 FROM team_member WHERE TRUE)",
            "1:23 unknown table \"team_member\", did you mean \"team_members\"?",
        ),
        (
            "EXISTS (SELECT 1 FROM _diglot_session)",
            "1:23 unknown table \"_diglot_session\"",
        ),
        (
            "_REQ_.title = 'x'",
            "1:7 _REQ_ holds values that were sent and stands only in create and update rules; here the row is _ROW_",
        ),
        (
            "'title' IN _REQ_FIELDS_",
            "1:12 _REQ_FIELDS_ holds names that were sent and stands only in create and update rules",
        ),
        (
            "expr: new.title = 'x'",
            "1:11 new holds values that were sent and stands only in create and update rules; here the row is _ROW_",
        ),
        (
            "expr: request.method = 'GET'",
            "1:7 \"request.method\" is not known in rules: they speak of the row and of the caller (auth.uid, auth.role, …)",
        ),
        (
            "expr: auth.uuid = author_id",
            "1:12 unknown property \"uuid\" of auth, did you mean auth.uid?",
        ),
        (
            "expr: title @@ 'x'",
            "1:7 @@ is not supported until tables have a full-text index; use LIKE (in an expression ~) instead",
        ),
        (
            "expr: count() > 1",
            "1:7 count is an aggregate, which rules don't have; write EXISTS (SELECT 1 FROM … WHERE …)",
        ),
        (
            "expr: title and stars",
            "1:13 in an expression \"and\" is written \"&\"",
        ),
        (
            "expr: stars => s",
            "1:7 a rule is a condition and gets no name; leave the alias away",
        ),
        (
            "expr:\n stars >",
            "2:9 a value should follow: a column, a text, a number or a bracket",
        ),
        (
            "expr: 'abc",
            "1:7 the text has no end; close it with the same quote (a quote within is doubled)",
        ),
        ("expr: stars # 1", "1:13 \"#\" has no meaning in an expression"),
        ("stars = 'abc'", "1:9 \"abc\" is not a value of type integer"),
        (
            "stars = 99999999999",
            "1:9 \"99999999999\" is not a value of type integer",
        ),
        ("title = 5", "1:9 the column holds text: write '5' in quotes"),
        (
            "is_published = 1",
            "1:16 1 cannot be compared with a value of type boolean",
        ),
        (
            "author_id = 'me'",
            "1:13 \"me\" is not a value of type uuid; write it as '8d3f0c2e-…' with hyphens",
        ),
        (
            "created_at > 'soon'",
            "1:14 \"soon\" is not a value of type timestamptz; write it as '2026-01-31 12:00:00'",
        ),
        (
            "status = 'drafd'",
            "1:10 'drafd' is not a value of this enum, did you mean 'draft'?",
        ),
        (
            "stars = title",
            "1:1 integer and text cannot be compared; cast one side, such as CAST(column AS TEXT)",
        ),
        (
            "stars",
            "1:1 a condition should stand here, but this is of type integer; compare it with something",
        ),
        (
            "title = NULL",
            "1:9 a comparison with NULL is never true; write IS NULL or IS NOT NULL",
        ),
        (
            "stars IN (1, NULL)",
            "1:14 NULL in a list never matches; write OR column IS NULL",
        ),
        (
            "pg_sleep(1) = 1",
            "1:1 the function \"pg_sleep\" is not one that rules may use; they may use lower, upper, length, substring, replace, trim, concat, coalesce, ifnull, nullif, abs, round, mod, now, date, datetime, current_date, current_timestamp, json_array_length, jsonb_array_length, json_extract, st_intersects, st_within, st_contains, st_crosses, st_equals, st_overlaps, st_touches, st_distance, st_dwithin",
        ),
        (
            "stars > 1; DROP TABLE article",
            "1:10 a rule is one condition, without \";\"",
        ),
        (
            "stars > (SELECT 1)",
            "1:10 a SELECT as a value is not allowed in rules; write EXISTS (SELECT 1 FROM …) or x IN (SELECT column FROM …)",
        ),
        (
            "EXISTS (SELECT 1 FROM article GROUP BY id)",
            "1:9 only SELECT … FROM … WHERE … is allowed in rules: no WITH, DISTINCT, GROUP BY, HAVING, ORDER BY or LIMIT",
        ),
        (
            "stars > 1 stars",
            "1:11 the rule should end before \"stars\"; join conditions with AND or OR",
        ),
        ("stars >", "1:8 expected an expression, found the end of the rule"),
        (
            "location = _USER_.ip",
            "1:12 a variable of the caller cannot be compared with a value of type inet here; cast the column, such as CAST(column AS TEXT)",
        ),
        (
            "EXISTS (SELECT 1 FROM article a, comment c WHERE id = 1)",
            "1:50 \"id\" is a column of several tables here; write table.id",
        ),
        (
            "labels = $1",
            "1:10 \"$1\" is not a value here; write a constant, or _USER_.x for a variable of the caller",
        ),
        ("data > data", "1:1 values of type jsonb have no order"),
        (
            "title ~ 'a(b'",
            "1:9 the pattern \"a(b\" is no regular expression: unclosed group at character 2",
        ),
        (
            "title !~* 'a{999}'",
            "1:11 a repetition of 999 is too large (at most 255) at character 2 of the pattern \"a{999}\"",
        ),
        (
            "title SIMILAR TO '[a'",
            "1:18 a SIMILAR TO pattern lacks a closing bracket ]",
        ),
        (
            "title LIKE 'a\\'",
            "1:12 a LIKE pattern must not end with its escape character \\: write it twice",
        ),
        (
            "title ~ title",
            "1:1 a regular expression must be a constant or a variable of the caller; LIKE takes columns too",
        ),
        (
            "st_within(data, 'x')",
            "1:1 this function is PostGIS's, which is not installed in the database (CREATE EXTENSION postgis)",
        ),
        (
            "CAST(title AS regclass) = 1",
            "1:6 a cast to \"regclass\" is not allowed in rules",
        ),
        ("stars = _ROW_", "1:9 a column should follow, such as _ROW_.id"),
        (
            "_USER_ = 1",
            "1:1 _USER_ is the caller; write _USER_.id or another variable",
        ),
    ]);
}
