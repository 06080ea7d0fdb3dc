//! The one writer of the commands: plain lines, or JSON objects.

use serde_json::{Map, Value};
use std::io::{self, IsTerminal as _, Write as _};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Standard output and the way lines look on it.
pub(super) struct Output {
    json: bool,
    colours: bool,
}

/// How a word stands out on a terminal.
#[derive(Clone, Copy)]
pub(super) enum Style {
    Strong,
    Quiet,
    Good,
    Bad,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            json,
            colours: !json && wanted && io::stdout().is_terminal(),
        }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// A word with its style, where there are colours.
    pub(super) fn styled(&self, style: Style, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let code = match style {
            Style::Strong => 1,
            Style::Quiet => 2,
            Style::Good => 32,
            Style::Bad => 31,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A line for people.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// Text as it is.
    pub(super) fn raw(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// A line for machines, in the form of the log's.
    pub(super) fn event(
        &mut self,
        message: &str,
        fields: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> io::Result<()> {
        let line = object("INFO", message, fields);
        self.line(&line)
    }

    /// An error, on standard error.
    pub(super) fn error(&self, message: &str) {
        let text = if self.json {
            object("ERROR", message, [])
        } else {
            let colours = self.colours && io::stderr().is_terminal();
            format!("{} {message}", if colours { "\x1b[31merror:\x1b[0m" } else { "error:" })
        };
        // Nobody can be told that nothing can be told.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

fn object(level: &str, message: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) -> String {
    let mut object = Map::new();
    let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    object.insert("timestamp".into(), now.into());
    object.insert("level".into(), level.into());
    object.insert("target".into(), "diglot".into());
    object.insert("message".into(), message.into());
    for (key, value) in fields {
        object.insert(key.into(), value);
    }
    Value::Object(object).to_string()
}
