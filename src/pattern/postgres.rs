//! What the parser understood → an advanced regular expression of PostgreSQL that matches the same texts.
//!
//! There `.` matches line breaks, `\w` and the cases of letters are the locale's, and how greedy a part is cannot be mixed
//! freely. So only what means the same everywhere is written: characters, brackets of them, groups without capture, greedy
//! repetitions (whether a text matches does not depend on greed), `^` and `$` over the whole text, and looks around.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// What matches nowhere: something behind the end.
const NOWHERE: &str = "(?:$.)";

/// The letters, digits and marks of words, as the parser knows them.
static WORD: LazyLock<String> = LazyLock::new(|| {
    let class = match regex_syntax::parse(r"\w").map(Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => class,
        _ => ClassUnicode::empty(),
    };
    let mut text = String::new();
    write_class(&class, &mut text);
    text
});

const WORD_OF_ASCII: &str = "[0-9A-Z\\_a-z]";

/// The translation. It begins with `***:`, behind which nothing is taken for a directive.
pub(super) fn translate(hir: &Hir) -> String {
    let mut text = String::from("***:");
    write(hir, (false, false), &mut text);
    text
}

/// Whether a look around needs the characters of words.
pub(super) fn is_long(look: Look) -> bool {
    !matches!(
        look,
        Look::Start | Look::End | Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF
    )
}

/// Whether characters of words are known to stand before and after.
type Beside = (bool, bool);

/// Writes a part.
fn write(hir: &Hir, beside: Beside, text: &mut String) {
    match hir.kind() {
        HirKind::Empty => text.push_str("(?:)"),
        HirKind::Literal(literal) => {
            for character in String::from_utf8_lossy(&literal.0).chars() {
                write_character(character, text);
            }
        }
        HirKind::Class(Class::Unicode(class)) => write_class(class, text),
        HirKind::Class(Class::Bytes(class)) => {
            let ranges = class.iter().filter(|range| range.end().is_ascii());
            let ranges = ranges.map(|range| ClassUnicodeRange::new(range.start().into(), range.end().into()));
            write_class(&ClassUnicode::new(ranges), text);
        }
        HirKind::Look(look) => write_look(*look, beside, text),
        HirKind::Repetition(repetition) => write_repetition(repetition, text),
        HirKind::Capture(capture) => write_group(&capture.sub, text),
        HirKind::Concat(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let before = index > 0 && is_word(&parts[index - 1], true);
                let after = parts.get(index + 1).is_some_and(|part| is_word(part, false));
                match part.kind() {
                    HirKind::Alternation(_) => write_group(part, text),
                    _ => write(part, (before, after), text),
                }
            }
        }
        HirKind::Alternation(parts) => {
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    text.push('|');
                }
                write(part, (false, false), text);
            }
        }
    }
}

fn write_group(hir: &Hir, text: &mut String) {
    text.push_str("(?:");
    write(hir, (false, false), text);
    text.push(')');
}

fn write_repetition(repetition: &Repetition, text: &mut String) {
    // What takes no characters says the same once as many times.
    if repetition.sub.properties().maximum_len() == Some(0) {
        if repetition.min > 0 {
            write_group(&repetition.sub, text);
        } else {
            text.push_str("(?:)");
        }
        return;
    }
    match repetition.sub.kind() {
        HirKind::Class(Class::Unicode(class)) if !class.ranges().is_empty() => write_class(class, text),
        HirKind::Capture(capture) => write_group(&capture.sub, text),
        _ => write_group(&repetition.sub, text),
    }
    match (repetition.min, repetition.max) {
        (0, None) => text.push('*'),
        (1, None) => text.push('+'),
        (0, Some(1)) => text.push('?'),
        (least, None) => {
            let _ = write!(text, "{{{least},}}");
        }
        (least, Some(most)) if least == most => {
            let _ = write!(text, "{{{least}}}");
        }
        (least, Some(most)) => {
            let _ = write!(text, "{{{least},{most}}}");
        }
    }
}

/// Whether whatever a part matches begins (or ends) with a character of words.
fn is_word(hir: &Hir, at_end: bool) -> bool {
    let one = |character: char| regex_syntax::try_is_word_character(character).unwrap_or(false);
    match hir.kind() {
        HirKind::Literal(literal) => {
            let text = String::from_utf8_lossy(&literal.0);
            let character = if at_end {
                text.chars().next_back()
            } else {
                text.chars().next()
            };
            character.is_some_and(one)
        }
        // As one letter in either case has; larger classes are not looked through.
        HirKind::Class(Class::Unicode(class)) if class.ranges().len() <= 8 => class.iter().all(|range| {
            u32::from(range.end()) - u32::from(range.start()) < 32 && (range.start()..=range.end()).all(one)
        }),
        HirKind::Capture(capture) => is_word(&capture.sub, at_end),
        HirKind::Repetition(repetition) => repetition.min > 0 && is_word(&repetition.sub, at_end),
        HirKind::Concat(parts) => {
            let part = if at_end { parts.last() } else { parts.first() };
            part.is_some_and(|part| is_word(part, at_end))
        }
        HirKind::Alternation(parts) => parts.iter().all(|part| is_word(part, at_end)),
        _ => false,
    }
}

fn write_look(look: Look, (before, after): Beside, text: &mut String) {
    let word = match look {
        Look::WordAscii
        | Look::WordAsciiNegate
        | Look::WordStartAscii
        | Look::WordEndAscii
        | Look::WordStartHalfAscii
        | Look::WordEndHalfAscii => WORD_OF_ASCII,
        _ => WORD.as_str(),
    };
    let _ = match look {
        Look::Start => text.write_char('^'),
        Look::End => text.write_char('$'),
        Look::StartLF | Look::StartCRLF => text.write_str("(?:^|(?<=\\n))"),
        Look::EndLF | Look::EndCRLF => text.write_str("(?:$|(?=\\n))"),
        // Beside a letter, half of the question is answered.
        Look::WordUnicode if after => write!(text, "(?<!{word})"),
        Look::WordUnicode if before => write!(text, "(?!{word})"),
        Look::WordUnicode | Look::WordAscii => write!(text, "(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"),
        Look::WordUnicodeNegate | Look::WordAsciiNegate => {
            write!(text, "(?:(?<={word})(?={word})|(?<!{word})(?!{word}))")
        }
        Look::WordStartUnicode | Look::WordStartAscii => write!(text, "(?<!{word})(?={word})"),
        Look::WordEndUnicode | Look::WordEndAscii => write!(text, "(?<={word})(?!{word})"),
        Look::WordStartHalfUnicode | Look::WordStartHalfAscii => write!(text, "(?<!{word})"),
        Look::WordEndHalfUnicode | Look::WordEndHalfAscii => write!(text, "(?!{word})"),
    };
}

fn write_class(class: &ClassUnicode, text: &mut String) {
    let mut class = class.clone();
    // No text of PostgreSQL holds a NUL.
    class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\0', '\0')]));
    let mut others = class.clone();
    others.negate();
    others.difference(&ClassUnicode::new([ClassUnicodeRange::new('\0', '\0')]));
    if class.ranges().is_empty() {
        text.push_str(NOWHERE);
    } else if others.ranges().is_empty() {
        text.push('.');
    } else if class.ranges().last().is_some_and(|range| range.end() == char::MAX) {
        text.push_str("[^");
        write_ranges(&others, text);
    } else {
        text.push('[');
        write_ranges(&class, text);
    }
}

fn write_ranges(class: &ClassUnicode, text: &mut String) {
    for range in class.ranges() {
        write_character(range.start(), text);
        if range.end() != range.start() {
            text.push('-');
            write_character(range.end(), text);
        }
    }
    text.push(']');
}

/// A character that means itself, in brackets and outside.
fn write_character(character: char, text: &mut String) {
    match character {
        '\0' => text.push_str(NOWHERE),
        '\n' => text.push_str("\\n"),
        '\t' => text.push_str("\\t"),
        '\r' => text.push_str("\\r"),
        other => {
            if other.is_ascii_punctuation() {
                text.push('\\');
            }
            text.push(other);
        }
    }
}
