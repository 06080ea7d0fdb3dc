//! Before and around the library's parser: what its tokens are checked for and mended in, and where its errors stand.

use crate::rules::syntax::{MOST_TOKENS, Position, Problem};
use sqlparser::keywords::Keyword;
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Word};

/// Deepest nesting of brackets, `NOT` and the like; what the library recurses over.
const MOST_BRACKETS: usize = 24;

/// Checks size and nesting, drops white space, and gives the two short forms that SQL lacks their brackets:
/// `IN _USER_.x` and `IN _REQ_FIELDS_`.
pub(super) fn prepare(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, Problem> {
    let mut kept: Vec<TokenWithSpan> = tokens
        .into_iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_)))
        .collect();
    if kept.len() > MOST_TOKENS {
        return Err(Problem::new(
            position(kept[MOST_TOKENS].span.start),
            format!("a rule has at most {MOST_TOKENS} words and signs"),
        ));
    }
    let mut depth = 0_usize;
    for token in &mut kept {
        let at = position(token.span.start);
        match &mut token.token {
            Token::LParen | Token::LBracket => {
                depth += 1;
                if depth > MOST_BRACKETS {
                    return Err(Problem::new(
                        at,
                        format!("nested too deeply: at most {MOST_BRACKETS} brackets within each other"),
                    ));
                }
            }
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            Token::ExclamationMark | Token::DoubleExclamationMark => {
                return Err(Problem::new(at, "\"!\" is not an operator of rules; write NOT"));
            }
            Token::SemiColon => return Err(Problem::new(at, "a rule is one condition, without \";\"")),
            // SQLite writes equality so.
            Token::DoubleEq => token.token = Token::Eq,
            // PostgreSQL's reserved word, but a frequent column.
            Token::Word(word) if word.keyword == Keyword::USER => word.keyword = Keyword::NoKeyword,
            _ => {}
        }
    }
    Ok(bracket_lists(kept))
}

fn bracket_lists(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let special = |token: Option<&TokenWithSpan>, names: &[&str]| {
        matches!(token.map(|token| &token.token), Some(Token::Word(Word { value, quote_style: None, .. }))
            if names.iter().any(|name| value.eq_ignore_ascii_case(name)))
    };
    let mut result = Vec::with_capacity(tokens.len() + 4);
    let mut index = 0;
    while index < tokens.len() {
        let token = &tokens[index];
        result.push(token.clone());
        index += 1;
        let is_in = matches!(&token.token, Token::Word(word) if word.keyword == Keyword::IN);
        if !is_in {
            continue;
        }
        let length = if special(tokens.get(index), &["_REQ_FIELDS_", "__fields"]) {
            1
        } else if special(tokens.get(index), &["_USER_"]) {
            3.min(tokens.len() - index)
        } else {
            continue;
        };
        let span = tokens[index].span;
        result.push(TokenWithSpan {
            token: Token::LParen,
            span,
        });
        result.extend_from_slice(&tokens[index..index + length]);
        result.push(TokenWithSpan {
            token: Token::RParen,
            span,
        });
        index += length;
    }
    result
}

pub(super) fn position(location: Location) -> Position {
    Position {
        line: usize::try_from(location.line).unwrap_or(1).max(1),
        column: usize::try_from(location.column).unwrap_or(1).max(1),
    }
}

/// The library says where in its text, apart from the end.
pub(super) fn from_library(error: &ParserError, end: Position) -> Problem {
    let (ParserError::ParserError(text) | ParserError::TokenizerError(text)) = error else {
        return Problem::new(
            Position::START,
            "nested too deeply: this rule has too many levels of brackets, NOT or CASE",
        );
    };
    let (message, at) = match text.rsplit_once(" at Line: ") {
        Some((message, place)) => {
            let mut numbers = place
                .split(", Column: ")
                .filter_map(|number| number.trim().parse().ok());
            let line = numbers.next().unwrap_or(1);
            let column = numbers.next().unwrap_or(1);
            (message, Position { line, column })
        }
        None => (text.as_str(), end),
    };
    if let Some(token) = message.strip_prefix("No infix parser for token ") {
        let word = token
            .split_once("value: \"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map_or_else(|| "this".to_owned(), |(word, _)| format!("{word:?}"));
        let message = format!("{word} is not an operator of rules; patterns are LIKE, ILIKE, SIMILAR TO, ~ and ~*");
        return Problem::new(at, message);
    }
    let message = message.strip_prefix("Expected: ").map_or_else(
        || message.to_owned(),
        |rest| format!("expected {}", rest.replace("found: EOF", "found the end of the rule")),
    );
    Problem::new(at, message)
}
