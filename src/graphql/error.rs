//! GraphQL's errors: message, path, locations, and codes as the ecosystem knows them.

use crate::error::{Code, Error, Kind};
use async_graphql_parser::Pos;
use serde_json::{Map, Value as Json, json};

/// The codes of `extensions.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FaultCode(pub &'static str);

impl FaultCode {
    pub(crate) const VALIDATION: Self = Self("validation-failed");
    pub(crate) const PARSE: Self = Self("parse-failed");
    pub(crate) const ACCESS: Self = Self("access-denied");
    pub(crate) const PERMISSION: Self = Self("permission-error");
    pub(crate) const CONSTRAINT: Self = Self("constraint-violation");
    pub(crate) const DATA: Self = Self("data-exception");
    pub(crate) const NOT_FOUND: Self = Self("not-found");
    pub(crate) const NOT_SUPPORTED: Self = Self("not-supported");
    pub(crate) const BAD_REQUEST: Self = Self("bad-request");
    pub(crate) const UNEXPECTED: Self = Self("unexpected");
    pub(crate) const KEY_INVALID: Self = Self("idempotency-key-invalid");
    pub(crate) const KEY_REUSED: Self = Self("idempotency-key-reused");
    pub(crate) const KEY_IN_USE: Self = Self("idempotency-key-in-use");
    pub(crate) const OUTCOME_WITHHELD: Self = Self("idempotency-outcome-withheld");
    pub(crate) const OUTCOME_UNKNOWN: Self = Self("outcome-unknown");
    pub(crate) const HASH_UNKNOWN: Self = Self("PERSISTED_QUERY_NOT_FOUND");
    pub(crate) const HASH_UNSUPPORTED: Self = Self("PERSISTED_QUERY_NOT_SUPPORTED");
}

/// One entry of `errors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is wrong and what would be right.
    pub message: String,
    /// The code.
    pub code: FaultCode,
    /// Response keys from the root.
    pub path: Vec<String>,
    /// Which of several objects that were sent.
    pub argument: Option<String>,
    /// Where in the document.
    pub locations: Vec<Pos>,
    /// The client should come back later.
    pub later: bool,
    /// The answer would be larger than one may be.
    pub too_large: bool,
    /// The HTTP status of what is wrong with the request around the document, whatever its media type.
    pub status: Option<u16>,
}

impl Fault {
    pub(crate) fn new(code: FaultCode, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code,
            path: Vec::new(),
            argument: None,
            locations: Vec::new(),
            later: false,
            too_large: false,
            status: None,
        }
    }

    /// What does not fit the schema or its values.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(FaultCode::VALIDATION, message)
    }

    /// Adds a location.
    #[must_use]
    pub(crate) fn at(mut self, position: Pos) -> Self {
        self.locations.push(position);
        self
    }

    /// Puts a response key before the path.
    #[must_use]
    pub(crate) fn under(mut self, key: &str) -> Self {
        self.path.insert(0, key.to_owned());
        self
    }

    /// An error of the engine.
    pub(crate) fn of(error: &Error) -> Self {
        let code = match (error.kind, error.code) {
            (_, Code::NOT_SUPPORTED) => FaultCode::NOT_SUPPORTED,
            (_, Code::CONSTRAINT) => FaultCode::CONSTRAINT,
            (_, Code::INVALID_KEY) => FaultCode::KEY_INVALID,
            (_, Code::KEY_REUSED) => FaultCode::KEY_REUSED,
            (_, Code::KEY_IN_USE) => FaultCode::KEY_IN_USE,
            (_, Code::OUTCOME_WITHHELD) => FaultCode::OUTCOME_WITHHELD,
            (_, Code::UNKNOWN_OUTCOME) => FaultCode::OUTCOME_UNKNOWN,
            (Kind::Invalid, Code::INVALID_VALUE) => FaultCode::DATA,
            (Kind::Invalid, Code::INVALID_SYNTAX) => FaultCode::PARSE,
            (Kind::Invalid, Code::INVALID_CURSOR)
            | (
                Kind::UnsupportedMedia
                | Kind::Unprocessable
                | Kind::TooLarge
                | Kind::TooSlow
                | Kind::TooMany
                | Kind::HeadersTooLarge,
                _,
            ) => FaultCode::BAD_REQUEST,
            (Kind::Invalid, _) => FaultCode::VALIDATION,
            (Kind::Unauthenticated, _) => FaultCode::ACCESS,
            (Kind::Forbidden, _) => FaultCode::PERMISSION,
            (Kind::NotFound, Code::UNKNOWN_TABLE | Code::UNKNOWN_COLUMN | Code::UNKNOWN_RELATION) => {
                FaultCode::VALIDATION
            }
            (Kind::NotFound, _) => FaultCode::NOT_FOUND,
            (Kind::Conflict, _) => FaultCode::CONSTRAINT,
            (Kind::NotAllowed, _) => FaultCode::NOT_SUPPORTED,
            (Kind::Unavailable | Kind::Internal, _) => FaultCode::UNEXPECTED,
        };
        let unknown = error.code == Code::UNKNOWN_OUTCOME;
        Self {
            later: error.kind == Kind::Unavailable && !unknown,
            too_large: error.kind == Kind::TooLarge,
            status: (error.code.is_of_a_key() || error.kind == Kind::TooMany || unknown).then(|| error.kind.status()),
            ..Self::new(code, error.message.clone())
        }
    }

    /// The entry as JSON.
    pub(crate) fn json(&self) -> Json {
        let mut entry = Map::new();
        entry.insert("message".into(), self.message.clone().into());
        if !self.locations.is_empty() {
            let locations: Vec<Json> = self
                .locations
                .iter()
                .map(|at| json!({"line": at.line, "column": at.column}))
                .collect();
            entry.insert("locations".into(), locations.into());
        }
        if !self.path.is_empty() {
            entry.insert("path".into(), self.path.clone().into());
        }
        let mut extensions = json!({"code": self.code.0});
        if let Some(argument) = &self.argument {
            extensions["path"] = argument.as_str().into();
        }
        entry.insert("extensions".into(), extensions);
        Json::Object(entry)
    }
}

impl From<Fault> for Error {
    /// For callers outside of the front (`explain`).
    fn from(fault: Fault) -> Self {
        let code = match fault.code {
            FaultCode::PARSE => Code::INVALID_SYNTAX,
            FaultCode::NOT_SUPPORTED => Code::NOT_SUPPORTED,
            _ => Code::INVALID_VALUE,
        };
        let place = (!fault.path.is_empty()).then(|| fault.path.join("."));
        let error = Error::invalid(code, fault.message);
        match place {
            Some(place) => error.at(place),
            None => error,
        }
    }
}
