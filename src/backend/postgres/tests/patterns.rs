use super::*;
use crate::pattern::{self, COMPILED_SIZE, Syntax};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

/// What regular expressions are made of.
const ATOMS: [&str; 47] = [
    "a",
    "b",
    "c",
    "k",
    "K",
    "1",
    "_",
    "-",
    " ",
    "é",
    "É",
    "ß",
    "𝒳",
    "\u{212a}",
    ".",
    "^",
    "$",
    r"\A",
    r"\z",
    r"\b",
    r"\B",
    r"\d",
    r"\D",
    r"\w",
    r"\W",
    r"\s",
    r"\S",
    r"\p{Lu}",
    r"\P{L}",
    r"\.",
    r"\n",
    r"\]",
    "[ab]",
    "[^a]",
    "[a-cé]",
    r"[\w--a]",
    "[a&&b]",
    "[[:alpha:]_]",
    "[]a-]",
    "(?i)",
    "(?-i)",
    "(?s)",
    "(?m)",
    "(?i:a)",
    "(?x)",
    "(?U)",
    r"\u{e9}",
];

/// And those of SIMILAR TO.
const SIMILAR_ATOMS: [&str; 16] = [
    "a",
    "b",
    "K",
    "1",
    "é",
    "_",
    "%",
    "%",
    ".",
    "^",
    r"\%",
    r"\_",
    "[ab]",
    "[^a]",
    "[[:digit:]]",
    "-",
];

const QUANTIFIERS: [&str; 14] = [
    "", "", "", "", "", "", "*", "+", "?", "*?", "{2}", "{0,2}", "{1,}", "{2,}?",
];

fn patterns(atoms: &'static [&'static str]) -> impl Strategy<Value = String> {
    let quantified = |part: String, quantifier: &str| match part.chars().count() {
        1 => format!("{part}{quantifier}"),
        _ if quantifier.is_empty() => part,
        _ => format!("({part}){quantifier}"),
    };
    let atom = (
        prop::sample::select(atoms),
        prop::sample::select(QUANTIFIERS.as_slice()),
    )
        .prop_map(move |(atom, quantifier)| quantified(atom.to_owned(), quantifier));
    atom.prop_recursive(4, 24, 4, move |inner| {
        let several = prop::collection::vec(inner, 1..5);
        (several, prop::sample::select(QUANTIFIERS.as_slice()), any::<bool>()).prop_map(
            move |(parts, quantifier, choice)| {
                if choice {
                    format!("({}){quantifier}", parts.join("|"))
                } else {
                    quantified(parts.concat(), quantifier)
                }
            },
        )
    })
}

/// One pattern and one text have one answer: that of the crate `regex`, of SQLite and of PostgreSQL.
#[tokio::test]
async fn patterns_mean_the_same_everywhere() {
    let mut runner = TestRunner::deterministic();
    let sqlite = crate::backend::sqlite::connection_for_tests();
    let texts = prop::collection::vec("[abcéÉßkK1_. \n\r\\]\u{212a}𝒳-]{0,8}", 12..13);
    let (mut names, mut translated, mut bodies, mut answers) = (vec![], vec![], vec![], vec![]);
    for round in 0..600 {
        let (syntax, source) = match round % 3 {
            0 => (Syntax::Regex { insensitive: false }, patterns(&ATOMS).boxed()),
            1 => (Syntax::Regex { insensitive: true }, patterns(&ATOMS).boxed()),
            _ => (Syntax::Similar { insensitive: false }, patterns(&SIMILAR_ATOMS).boxed()),
        };
        let source = source.new_tree(&mut runner).expect("generates").current();
        let Ok(parsed) = pattern::parse(&source, syntax) else {
            continue;
        };
        let regex = regex::RegexBuilder::new(&parsed.regex)
            .case_insensitive(parsed.insensitive)
            .size_limit(COMPILED_SIZE)
            .build()
            .expect(&source);
        for text in texts.new_tree(&mut runner).expect("generates").current() {
            let wanted = regex.is_match(&text);
            let call = match syntax {
                Syntax::Regex { insensitive: false } => "SELECT diglot_regexp(?1, ?2, 0)",
                Syntax::Regex { insensitive: true } => "SELECT diglot_regexp(?1, ?2, 1)",
                Syntax::Similar { .. } => "SELECT diglot_similar(?1, ?2)",
            };
            let got: bool = sqlite
                .query_row(call, [&source, &text], |row| row.get(0))
                .expect(&source);
            assert_eq!(got, wanted, "SQLite: {syntax:?} {source:?} {text:?}");
            names.push(format!("{syntax:?} {source:?}"));
            translated.push(parsed.postgres.clone());
            bodies.push(text);
            answers.push(wanted);
        }
    }
    assert!(answers.len() > 3000, "only {} questions", answers.len());
    let matching = answers.iter().filter(|answer| **answer).count();
    assert!(matching > 500, "only {matching} of {} match", answers.len());
    with_database("SELECT 1", async move |scratch| {
        let wrong: Vec<(i64, String)> = sqlx::query_as(
            "SELECT number, body FROM unnest($1::text[], $2::text[], $3::bool[]) WITH ORDINALITY AS q (pattern, body, wanted, number) \
             WHERE (body ~ pattern) IS DISTINCT FROM wanted LIMIT 5",
        )
        .bind(&translated)
        .bind(&bodies)
        .bind(&answers)
        .fetch_all(&mut scratch.client().await)
        .await
        .expect("PostgreSQL takes every translation");
        let place = |number: i64| usize::try_from(number - 1).expect("from 1");
        let wrong: Vec<_> = wrong
            .iter()
            .map(|(number, body)| (&names[place(*number)], body, answers[place(*number)]))
            .collect();
        assert!(wrong.is_empty(), "PostgreSQL disagrees: {wrong:#?}");
    })
    .await;
}
