use super::*;

const REGEX: Syntax = Syntax::Regex { insensitive: false };
const IREGEX: Syntax = Syntax::Regex { insensitive: true };
const SIMILAR: Syntax = Syntax::Similar { insensitive: false };

#[test]
fn many_patterns_fit_and_heavy_ones_do_not() {
    let taken = |pattern: &str| {
        let load = Load::default();
        let parsed = parse(pattern, REGEX).unwrap();
        (0..2000).take_while(|_| load.add(&parsed).is_ok()).count()
    };
    assert!(taken("foo.*bar") > 300 && taken("foo.*bar") < 500);
    assert!(taken(r"^\w+@\w+$") >= 80, "{}", taken(r"^\w+@\w+$"));
    assert!(taken(r"\w{11}a1") < 60, "{}", taken(r"\w{11}a1"));
    let load = Load::default();
    let heavy = parse(r"\w{11}a1", REGEX).unwrap();
    let message = (0..2000).find_map(|_| load.add(&heavy).err()).unwrap();
    assert!(message.contains("send fewer"), "{message}");
    load.clear();
    assert!(load.add(&heavy).is_ok());
}

#[test]
fn expressions_are_translated_for_postgresql() {
    for (pattern, syntax, wanted) in [
        ("abc", REGEX, "abc"),
        ("a.c", REGEX, "a[^\\n]c"),
        ("(?s)a.c", REGEX, "a.c"),
        ("^a|b$", REGEX, "^a|b$"),
        ("a(?i)b(?-i)c", REGEX, "a[Bb]c"),
        ("k", IREGEX, "[Kk\u{212a}]"),
        (r"\.\*", REGEX, r"\.\*"),
        ("[a-c_]", REGEX, r"[\_a-c]"),
        ("[^a-c]", REGEX, "[^a-c]"),
        (r"[\]\-x]", REGEX, r"[\-\]x]"),
        (r"\d", REGEX, "[0-9"),
        ("(ab)+?", REGEX, "(?:ab)+"),
        ("a{2,5}b{3}c{4,}", REGEX, "(?:a){2,5}(?:b){3}(?:c){4,}"),
        ("(?P<name>a)", REGEX, "(?:a)"),
        ("(?m)^a$", REGEX, r"(?:^|(?<=\n))a(?:$|(?=\n))"),
        ("***a", SIMILAR, ""),
        ("%a_", SIMILAR, "^.*a.$"),
        ("a|b", SIMILAR, "^[a-b]$"),
    ] {
        match parse(pattern, syntax) {
            Ok(parsed) => {
                let rest = parsed.postgres.strip_prefix("***:").expect("begins with the director");
                if pattern == r"\d" {
                    assert!(rest.starts_with(wanted), "{pattern}: {rest}");
                } else {
                    assert_eq!(rest, wanted, "{pattern}");
                }
            }
            Err(reason) => assert_eq!("", wanted, "{pattern}: {reason}"),
        }
    }
}

#[test]
fn refusals_name_the_construct_and_the_place() {
    for (pattern, syntax, words) in [
        ("ab(c", REGEX, &["unclosed group", "character 3"][..]),
        (r"(a)\1", REGEX, &["backreferences are not supported", "character 4"]),
        ("a(?=b)", REGEX, &["look-around", "character 2"]),
        ("ä[b", REGEX, &["unclosed character class", "character 2"]),
        (r"a\y", REGEX, &["unrecognized escape sequence", "character 2"]),
        ("a{256}", REGEX, &["256", "at most 255", "character 2"]),
        ("(?R)a", REGEX, &["flag R", "character 3"]),
        ("*", REGEX, &["repetition operator missing expression"]),
        (r"\w{200}{200}", REGEX, &["repeats too much"]),
        (r"\B\B\B\B\B\B\B\B\B\B", REGEX, &["too many classes"]),
        ("a\\", SIMILAR, &["escape character"]),
        ("[a", SIMILAR, &["closing bracket"]),
        ("(a", SIMILAR, &["SIMILAR TO", "unclosed group"]),
    ] {
        let reason = parse(pattern, syntax).expect_err(pattern);
        for word in words {
            assert!(reason.contains(word), "{pattern}: {reason}");
        }
    }
    assert!(parse(&"a".repeat(LONGEST), REGEX).is_ok());
    assert!(parse(&"a".repeat(LONGEST + 1), REGEX).is_err());
    assert!(parse(&"(".repeat(900), REGEX).is_err());
}

#[test]
fn like_patterns_end_with_no_lone_escape() {
    for (pattern, good) in [
        ("a%", true),
        ("a\\", false),
        ("a\\\\", true),
        ("\\%", true),
        ("", true),
        ("\\", false),
    ] {
        assert_eq!(check_like(pattern).is_ok(), good, "{pattern}");
    }
    assert!(check_like(&"a".repeat(LONGEST + 1)).is_err());
}

/// What passes here also fits what SQLite's side may compile, so that both databases refuse the same.
#[test]
fn the_heaviest_patterns_compile() {
    for unit in [
        r"\w",
        "[^a]",
        "é",
        "a",
        r"\d",
        ".",
        r"(?i)k",
        r"\p{L}",
        r"[\w.]",
        "a?",
        "(?:a|bc|d)",
        r"\D",
        r"\W",
        r"\s",
        r"\p{Han}",
        r"[^\w\d]",
    ] {
        let mut last = None;
        for count in 1..=255 {
            for pattern in [format!("(?:{unit}){{{count}}}"), unit.repeat(count)] {
                if let Ok(parsed) = parse(&pattern, REGEX) {
                    last = Some(parsed);
                }
            }
        }
        let parsed = last.expect("one at least is light enough");
        let built = regex::RegexBuilder::new(&parsed.regex)
            .size_limit(COMPILED_SIZE)
            .build();
        assert!(built.is_ok(), "{unit}: {}", parsed.regex.len());
    }
}
