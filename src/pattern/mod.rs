//! Patterns over text: one dialect of regular expressions, of `SIMILAR TO` and of `LIKE` for both databases.
//!
//! A regular expression is read by one parser, whichever database it is for. SQLite runs it as it is; PostgreSQL gets a
//! translation from what the parser understood (`postgres.rs`), in which no locale has a say: classes and cases are spelled
//! out as characters. So a pattern means the same on both, and what cannot be said there is refused on both.

mod postgres;
mod similar;

use std::sync::atomic::{AtomicUsize, Ordering};

use regex_syntax::ast::{self, Ast};
use regex_syntax::hir::{self, Class, Hir, HirKind};

/// Longest pattern that is looked at, in bytes: matching costs pattern × text, and nothing interrupts it.
pub const LONGEST: usize = 1000;

/// How deep groups may be nested.
const DEEPEST: u32 = 100;

/// PostgreSQL counts no further.
const MOST_REPETITIONS: u32 = 255;

/// Most that a pattern may weigh, in bytes: see [`weight`].
const HEAVIEST: usize = 1_000_000;

/// Longest translation. `\b` beside no letter takes 21 KB of it, `\w` 5 KB.
const LONGEST_TRANSLATION: usize = 128 * 1024;

/// Most memory for a pattern compiled by the crate `regex`: what is no heavier than `HEAVIEST` fits.
pub const COMPILED_SIZE: usize = 1280 * 1024;

/// Most that the patterns of one request may weigh together: a tenth of a second or two of compiling.
const HEAVIEST_TOGETHER: usize = 40_000_000;

/// What the lightest pattern costs beside its weight.
const EACH: usize = 100_000;

/// What the patterns of one request weigh so far.
#[derive(Debug, Default)]
pub struct Load(AtomicUsize);

impl Load {
    /// Takes one more.
    ///
    /// # Errors
    /// What is wrong: they are too many, or too heavy.
    pub fn add(&self, pattern: &Pattern) -> Result<(), String> {
        let more = pattern.weight.saturating_add(EACH);
        if self.0.fetch_add(more, Ordering::Relaxed).saturating_add(more) <= HEAVIEST_TOGETHER {
            return Ok(());
        }
        Err("the patterns of this request are too much together: send fewer of them, or with fewer repetitions and smaller \
             classes"
            .into())
    }

    /// Begins anew.
    pub fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// How a pattern is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// A regular expression, found anywhere in the text.
    Regex {
        /// Upper and lower case are the same.
        insensitive: bool,
    },
    /// SQL's `SIMILAR TO`, over the whole text.
    Similar {
        /// Upper and lower case are the same.
        insensitive: bool,
    },
}

/// A pattern that both databases can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As a regular expression of the crate `regex`.
    pub regex: String,
    /// Whether that one is to be compiled without regard to case.
    pub insensitive: bool,
    /// As one of PostgreSQL's advanced regular expressions.
    pub postgres: String,
    /// About how many bytes it has when it is compiled: matching takes time in proportion to that and to the text.
    pub weight: usize,
}

/// Reads a pattern.
///
/// # Errors
/// What is wrong with it, and where.
pub fn parse(pattern: &str, syntax: Syntax) -> Result<Pattern, String> {
    if pattern.len() > LONGEST {
        return Err(format!(
            "a pattern of {} bytes is too long: at most {LONGEST} are taken",
            pattern.len()
        ));
    }
    let (regex, insensitive) = match syntax {
        Syntax::Regex { insensitive } => (pattern.to_owned(), insensitive),
        Syntax::Similar { insensitive } => (similar::to_regex(pattern)?, insensitive),
    };
    let of_similar = matches!(syntax, Syntax::Similar { .. });
    let place = |offset: usize| {
        if of_similar {
            String::new()
        } else {
            let before = pattern.get(..offset).unwrap_or(pattern);
            format!(" at character {}", before.chars().count() + 1)
        }
    };
    let kind = if of_similar {
        "SIMILAR TO pattern"
    } else {
        "regular expression"
    };
    let refuse = |what: &dyn std::fmt::Display, offset: usize| {
        format!("the pattern {} is no {kind}: {what}{}", clipped(pattern), place(offset))
    };
    let tree = ast::parse::ParserBuilder::new()
        .nest_limit(DEEPEST)
        .build()
        .parse(&regex)
        .map_err(|error| refuse(error.kind(), error.span().start.offset))?;
    if let Err((what, offset)) = ast::visit(&tree, Refusals) {
        return Err(format!("{what}{} of the pattern {}", place(offset), clipped(pattern)));
    }
    let understood = hir::translate::TranslatorBuilder::new()
        .case_insensitive(insensitive)
        .build()
        .translate(&regex, &tree)
        .map_err(|error| refuse(error.kind(), error.span().start.offset))?;
    let weight = weight(&understood);
    if weight > HEAVIEST {
        return Err(format!(
            "the pattern {} repeats too much: ask for fewer repetitions, or smaller classes",
            clipped(pattern)
        ));
    }
    let postgres = postgres::translate(&understood);
    if postgres.len() > LONGEST_TRANSLATION {
        return Err(format!(
            "the pattern {} has too many classes and word boundaries",
            clipped(pattern)
        ));
    }
    Ok(Pattern {
        regex,
        insensitive,
        postgres,
        weight,
    })
}

/// Checks a LIKE pattern, whose escape is `\`.
///
/// # Errors
/// What is wrong with it.
pub fn check_like(pattern: &str) -> Result<(), String> {
    if pattern.len() > LONGEST {
        return Err(format!(
            "a pattern of {} bytes is too long: at most {LONGEST} are taken",
            pattern.len()
        ));
    }
    let trailing = pattern.bytes().rev().take_while(|byte| *byte == b'\\').count();
    if trailing % 2 == 1 {
        return Err("a LIKE pattern must not end with its escape character \\: write it twice".into());
    }
    Ok(())
}

/// A pattern for a message, never more than 40 characters of it.
fn clipped(pattern: &str) -> String {
    if pattern.chars().count() > 40 {
        format!("{:?}…", pattern.chars().take(40).collect::<String>())
    } else {
        format!("{pattern:?}")
    }
}

/// What the parser takes and PostgreSQL cannot say.
struct Refusals;

impl ast::Visitor for Refusals {
    type Output = ();
    type Err = (String, usize);

    fn finish(self) -> Result<(), Self::Err> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        match ast {
            Ast::Repetition(repetition) => {
                let ast::RepetitionKind::Range(range) = &repetition.op.kind else {
                    return Ok(());
                };
                let most = match range {
                    ast::RepetitionRange::Exactly(count) | ast::RepetitionRange::AtLeast(count) => *count,
                    ast::RepetitionRange::Bounded(_, most) => *most,
                };
                if most > MOST_REPETITIONS {
                    let what = format!("a repetition of {most} is too large (at most {MOST_REPETITIONS})");
                    return Err((what, repetition.op.span.start.offset));
                }
                Ok(())
            }
            Ast::Flags(set) => unsupported_flag(&set.flags),
            Ast::Group(group) => group.flags().map_or(Ok(()), unsupported_flag),
            _ => Ok(()),
        }
    }
}

fn unsupported_flag(flags: &ast::Flags) -> Result<(), (String, usize)> {
    let found = flags
        .items
        .iter()
        .find(|item| item.kind == ast::FlagsItemKind::Flag(ast::Flag::CRLF));
    match found {
        None => Ok(()),
        Some(item) => Err(("the flag R is not supported".into(), item.span.start.offset)),
    }
}

/// About how large it is when it is compiled, with every repetition written out: rather too much than too little.
fn weight(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Look(look) if postgres::is_long(*look) => 40_000,
        HirKind::Empty | HirKind::Look(_) => 50,
        HirKind::Literal(literal) => 50 * literal.0.len(),
        HirKind::Class(Class::Unicode(class)) => {
            let range = |range: &hir::ClassUnicodeRange| match u32::from(range.end()) - u32::from(range.start()) {
                _ if range.end().is_ascii() => 20,
                0..=0x40 => 80,
                0x41..=0x1000 => 250,
                _ => 1000,
            };
            100 + class.iter().map(range).sum::<usize>()
        }
        HirKind::Class(Class::Bytes(class)) => 100 + 20 * class.ranges().len(),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            let most = if repetition.sub.properties().maximum_len() == Some(0) {
                1
            } else {
                most as usize
            };
            (weight(&repetition.sub) + 100).saturating_mul(most)
        }
        HirKind::Capture(capture) => weight(&capture.sub) + 100,
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts
            .iter()
            .fold(100_usize, |sum, part| sum.saturating_add(weight(part))),
    }
}

#[cfg(test)]
mod tests;
