//! Patterns over text: LIKE without regard to case, regular expressions, `SIMILAR TO`.

use super::automaton::Automaton;
use super::clock::{OutOfTime, Steps};
use crate::pattern::{self, Syntax};
use regex::{Regex, RegexBuilder};
use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

/// Most memory for one compiled expression, and for what it learns while it runs.
const SIZE: usize = crate::pattern::COMPILED_SIZE;

/// Up to this weight of an expression times bytes of text the crate `regex` may take its time: a tenth of a second or so.
const UNWATCHED: usize = 2_000_000_000;

/// Expressions kept compiled on each thread, from one statement to the next. Those of a running statement are kept by it.
const KEPT: usize = 16;

/// Least memory for what an expression learns while it runs.
const LEARNED: usize = 64 * 1024;

/// A regular expression, compiled.
pub(super) struct Expression {
    regex: Regex,
    /// What it was compiled from, and whether without regard to case.
    source: (String, bool),
    weight: usize,
    /// For long texts.
    automaton: OnceLock<Option<Automaton>>,
}

impl Expression {
    /// Whether it is found in a text.
    pub(super) fn is_match(&self, text: &str, steps: &mut Steps<'_>) -> Result<bool, OutOfTime> {
        if self.weight.saturating_mul(text.len()) <= UNWATCHED {
            return Ok(self.regex.is_match(text));
        }
        let (pattern, insensitive) = &self.source;
        match self
            .automaton
            .get_or_init(|| Automaton::new(pattern, *insensitive, SIZE))
        {
            Some(automaton) => automaton.is_match(text, steps),
            None => Ok(self.regex.is_match(text)),
        }
    }
}

/// SQL's LIKE with the escape `\` (not at the end). Case is folded as PostgreSQL's ILIKE does, character by character in lower case.
pub(super) fn like(pattern: &str, text: &str, insensitive: bool, clock: &mut Steps<'_>) -> Result<bool, OutOfTime> {
    enum Step {
        Any,
        One,
        Exactly(char),
    }
    let fold = |character: char| if insensitive { fold(character) } else { character };
    let mut steps = Vec::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' if matches!(steps.last(), Some(Step::Any)) => {}
            '%' => steps.push(Step::Any),
            '_' => steps.push(Step::One),
            '\\' => match characters.next() {
                Some(next) => steps.push(Step::Exactly(fold(next))),
                None => steps.push(Step::Exactly('\\')),
            },
            other => steps.push(Step::Exactly(fold(other))),
        }
    }
    // Only the last `%` is ever taken up again, so the work is bounded by pattern times text.
    let mut rest = text.chars();
    let mut step = 0;
    let mut again: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        clock.step()?;
        let before = rest.clone();
        match (steps.get(step), rest.next()) {
            (Some(Step::Any), _) => {
                rest = before;
                step += 1;
                again = Some((step, rest.clone()));
                if step == steps.len() {
                    return Ok(true);
                }
            }
            (Some(Step::One), Some(_)) => step += 1,
            (Some(Step::Exactly(expected)), Some(character)) if fold(character) == *expected => step += 1,
            (None, None) => return Ok(true),
            (_, None) => return Ok(false),
            (_, Some(_)) => match &mut again {
                Some((after, from)) => {
                    from.next();
                    step = *after;
                    rest = from.clone();
                }
                None => return Ok(false),
            },
        }
    }
}

/// A character in lower case, where that is one character.
fn fold(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

/// A pattern, whether it is without case, whether it is `SIMILAR TO`'s, and what became of it.
type Known = (String, bool, bool, Arc<Expression>);

/// A compiled expression, from those of this thread or new.
pub(super) fn compiled(pattern: &str, insensitive: bool, similar: bool) -> Result<Arc<Expression>, String> {
    thread_local! {
        static KNOWN: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
    }
    KNOWN.with_borrow_mut(|known| {
        let place = known
            .iter()
            .position(|(text, folded, sql, _)| text == pattern && *folded == insensitive && *sql == similar);
        if let Some(place) = place {
            known[..=place].rotate_right(1);
            return Ok(Arc::clone(&known[0].3));
        }
        let regex = Arc::new(compile(pattern, insensitive, similar)?);
        known.truncate(KEPT - 1);
        known.insert(0, (pattern.to_owned(), insensitive, similar, Arc::clone(&regex)));
        Ok(regex)
    })
}

fn compile(pattern: &str, insensitive: bool, similar: bool) -> Result<Expression, String> {
    let syntax = if similar {
        Syntax::Similar { insensitive }
    } else {
        Syntax::Regex { insensitive }
    };
    let parsed = pattern::parse(pattern, syntax)?;
    let regex = RegexBuilder::new(&parsed.regex)
        .case_insensitive(parsed.insensitive)
        .size_limit(SIZE)
        // A statement may hold many: what they learn is bounded by what they weigh.
        .dfa_size_limit(parsed.weight.clamp(LEARNED, SIZE))
        .build()
        .map_err(|_| "the regular expression is too large")?;
    Ok(Expression {
        regex,
        source: (parsed.regex, parsed.insensitive),
        weight: parsed.weight,
        automaton: OnceLock::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::compiled;
    use crate::backend::sqlite::clock::{Clock, OutOfTime, Steps};
    use crate::pattern::check_like;

    fn like(pattern: &str, text: &str, insensitive: bool) -> Result<bool, OutOfTime> {
        super::like(pattern, text, insensitive, &mut Steps::new(&Clock::new()))
    }

    fn is_match(pattern: &str, insensitive: bool, similar: bool, text: &str) -> Result<bool, String> {
        let expression = compiled(pattern, insensitive, similar)?;
        let found = expression.is_match(text, &mut Steps::new(&Clock::new()));
        found.map_err(|_| "out of time".into())
    }

    #[test]
    fn like_has_percent_underscore_and_escape() {
        for (pattern, text, sensitive, insensitive) in [
            ("abc", "abc", true, true),
            ("abc", "ABC", false, true),
            ("É%", "éa", false, true),
            ("%ß", "STRASSß", true, true),
            ("\u{212a}", "k", false, true),
            ("a%c", "abbbc", true, true),
            ("a%c", "abbbcd", false, false),
            ("%a%b%", "xxaxxbxx", true, true),
            ("a_c", "aüc", true, true),
            ("a\\%c", "a%c", true, true),
            ("a\\%c", "abc", false, false),
            ("\\\\", "\\", true, true),
            ("", "", true, true),
            ("%", "", true, true),
            ("_", "", false, false),
            ("%%_%%", "a", true, true),
            ("a%", "b", false, false),
            ("%\n%", "a\nb", true, true),
            ("[a]", "[A]", false, true),
        ] {
            assert_eq!(like(pattern, text, false), Ok(sensitive), "{pattern} {text}");
            assert_eq!(like(pattern, text, true), Ok(insensitive), "{pattern} {text}");
        }
        assert!(check_like("a\\").is_err());
        let begin = std::time::Instant::now();
        assert_eq!(
            like(&"%a".repeat(500), &format!("{}b", "a".repeat(100_000)), true),
            Ok(false)
        );
        assert!(begin.elapsed() < std::time::Duration::from_secs(5));
    }

    #[test]
    fn similar_to_matches_the_whole_text() {
        for (pattern, text, matches) in [
            ("abc", "abc", true),
            ("a", "abc", false),
            ("%(b|d)%", "abc", true),
            ("(b|c)%", "abc", false),
            ("_+", "ab\nc", true),
            ("a{2,3}", "aaaa", false),
            ("[a-c]+", "abcabc", true),
            ("[^a-c]", "d", true),
            ("[[:digit:]]+", "123", true),
            ("[]a]+", "a]", true),
            ("[a&&b]", "&", true),
            ("a.c", "abc", false),
            ("a.c", "a.c", true),
            ("$^", "$^", true),
            ("\\%", "%", true),
            ("\\%", "a", false),
            ("a|b", "b", true),
        ] {
            assert_eq!(is_match(pattern, false, true, text), Ok(matches), "{pattern} {text}");
        }
        for wrong in ["[a", "a\\", "(a", "*", "a{5000000}"] {
            assert!(compiled(wrong, false, true).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bad_expressions_say_what_is_wrong() {
        let reason = is_match("a(b", false, false, "").expect_err("invalid");
        assert_eq!(
            reason,
            "the pattern \"a(b\" is no regular expression: unclosed group at character 2"
        );
        for wrong in [
            "\\w{1000}{1000}",
            &"(".repeat(5000),
            &"a".repeat(20_000),
            "(?<n>a)\\k<n>",
        ] {
            assert!(compiled(wrong, false, false).is_err());
        }
        assert_eq!(is_match("^b", true, false, "Bc"), Ok(true));
    }

    proptest::proptest! {
        #[test]
        fn hostile_patterns_do_no_harm(pattern in "[\\[\\](){}|*+?%_a\\\\^&~:-]{0,24}", text in "\\PC{0,20}") {
            let _ = like(&pattern, &text, true);
            for similar in [false, true] {
                let _ = is_match(&pattern, true, similar, &text);
            }
        }

        #[test]
        fn like_agrees_with_a_regular_expression(pattern in "[ab%_]{0,8}", text in "[abc]{0,10}") {
            let found = is_match(&pattern, false, true, &text).expect("valid");
            proptest::prop_assert_eq!(like(&pattern, &text, false), Ok(found));
        }
    }
}
