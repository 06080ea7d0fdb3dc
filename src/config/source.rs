//! Where the configuration says what: from keys to lines, for messages.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the file: the bytes of its key and of the value.
    File {
        /// The key.
        key: Range<usize>,
        /// The value.
        value: Range<usize>,
    },
    /// In an environment variable.
    Variable(String),
    /// On the command line.
    Argument(String),
}

/// The text of the configuration file, and where each key stands in it. Empty without a file.
#[derive(Clone, Default)]
pub struct Source {
    /// The file.
    pub file: Option<PathBuf>,
    /// Its text.
    pub text: String,
    pub(super) places: HashMap<String, Place>,
}

/// One finding about the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file; `None` where it is about the environment or the command line.
    pub file: Option<PathBuf>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// The key, such as `tables.book.access.user.read`; empty for syntax errors. For a value of the environment or the
    /// command line the message begins with its name there.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(formatter, "{}", file.display())?;
            if let (Some(line), Some(column)) = (self.line, self.column) {
                write!(formatter, ":{line}:{column}")?;
            }
            formatter.write_str(": ")?;
        }
        formatter.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, ", {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Source {
    /// Line and column of a dotted key, such as `tables.book.access.user.read`; where only its table stands in the file
    /// (`tables.book.access`), that one's.
    #[must_use]
    pub fn line_of(&self, key: &str) -> Option<(usize, usize)> {
        let mut key = key;
        loop {
            if let Some(Place::File { key, .. }) = self.places.get(key) {
                return Some(self.position(key.start));
            }
            // Of a missing key its table is near enough, but not the whole section.
            key = key.rsplit_once('.')?.0;
            if !key.contains('.') {
                return None;
            }
        }
    }

    /// Line and column of a place within the text that is a key's value: `line` and `column` count in the text, from 1,
    /// as a parser of rules sees it.
    #[must_use]
    pub fn position_within(&self, key: &str, line: usize, column: usize) -> Option<(usize, usize)> {
        let Some(Place::File { value, .. }) = self.places.get(key) else {
            return None;
        };
        let raw = self.text.get(value.clone())?;
        let offset = inner_offset(raw, line, column)?;
        Some(self.position(value.start + offset))
    }

    /// Line and column of a byte of the text.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
    }

    /// A finding about a key; the place comes from the file, if it is there.
    #[must_use]
    pub fn finding(&self, key: &str, message: impl Into<String>) -> ConfigError {
        let position = self.line_of(key);
        let message: String = message.into();
        let mut finding = ConfigError {
            file: position.and(self.file.clone()),
            line: position.map(|(line, _)| line),
            column: position.map(|(_, column)| column),
            key: key.into(),
            message: if key.is_empty() {
                message
            } else {
                format!("{}: {message}", named(key))
            },
            hint: None,
        };
        if let Some(Place::Variable(name) | Place::Argument(name)) = self.places.get(key) {
            (finding.file, finding.line, finding.column) = (None, None, None);
            finding.message = format!("{name}: {}", finding.message);
        }
        finding
    }
}

impl fmt::Debug for Source {
    /// Without the text, which may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Source")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// How messages name a key: "`read` in [tables.book.access.user]".
pub(super) fn named(key: &str) -> String {
    match key.rsplit_once('.') {
        Some((table, last)) => format!("`{last}` in [{table}]"),
        None => format!("[{key}]"),
    }
}

/// The byte of a TOML string, quotes and escapes included, where a line and column of its content stand.
fn inner_offset(raw: &str, line: usize, column: usize) -> Option<usize> {
    let quote = raw.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let triple = raw.starts_with(&String::from(quote).repeat(3)) && raw.len() >= 6;
    let mut at = if triple { 3 } else { 1 };
    let end = raw.len().checked_sub(at)?;
    if triple {
        let rest = &raw[at..];
        at += if rest.starts_with("\r\n") {
            2
        } else {
            usize::from(rest.starts_with('\n'))
        };
    }
    let (mut this_line, mut this_column) = (1, 1);
    while at < end {
        if (this_line, this_column) >= (line, column) {
            break;
        }
        let rest = &raw[at..end];
        let (length, character) = if quote == '"' && rest.starts_with('\\') {
            escape(rest)
        } else {
            plain(rest)?
        };
        at += length;
        match character {
            Some('\n') => (this_line, this_column) = (this_line + 1, 1),
            Some(_) => this_column += 1,
            None => {}
        }
    }
    Some(at)
}

fn plain(rest: &str) -> Option<(usize, Option<char>)> {
    let character = rest.chars().next()?;
    Some((character.len_utf8(), Some(character)))
}

/// The length of an escape, and the character that it stands for (any, unless it is a line's end).
fn escape(rest: &str) -> (usize, Option<char>) {
    match rest[1..].chars().next() {
        Some('n') => (2, Some('\n')),
        Some('u') => (rest.len().min(6), Some('u')),
        Some('U') => (rest.len().min(10), Some('U')),
        Some('x') => (rest.len().min(4), Some('x')),
        // A backslash at the end of a line swallows the white space up to the next word.
        Some(space) if space.is_ascii_whitespace() => {
            let kept = rest[1..].trim_start_matches([' ', '\t', '\r', '\n']);
            (rest.len() - kept.len(), None)
        }
        Some(other) => (1 + other.len_utf8(), Some(other)),
        None => (1, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_within_strings() {
        // raw, line and column of the content, the byte
        let cases = [
            (r#""abc""#, (1, 1), 1),
            (r#""abc""#, (1, 3), 3),
            (r#"'a\bc'"#, (1, 4), 4),
            (r#""a\"b""#, (1, 3), 4),
            (r#""a\u00e9b""#, (1, 3), 8),
            ("\"\"\"\nab\ncd\n\"\"\"", (1, 1), 4),
            ("\"\"\"\nab\ncd\n\"\"\"", (2, 2), 8),
            ("\"\"\"ab\\\n   cd\"\"\"", (1, 3), 5),
            ("\"\"\"ab\\\n   cd\"\"\"", (1, 4), 11),
            ("'é='", (1, 2), 3),
            (r#""ab""#, (7, 1), 3),
        ];
        for (raw, (line, column), expected) in cases {
            assert_eq!(inner_offset(raw, line, column), Some(expected), "{raw} {line}:{column}");
        }
        assert_eq!(inner_offset("true", 1, 1), None);
    }
}
