//! Documents: looked at cheaply, parsed, checked against as much of the role's schema as they name, and kept.

mod cost;
mod escapes;
mod lexer;
mod position;
mod schema;
mod usage;

#[cfg(test)]
pub(crate) use schema::{complete, complete_validator};

use super::error::{Fault, FaultCode};
use super::types::{Key, Kind, Types};
use crate::config::Limits;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::{ServerError, ValidationResult};
use async_graphql_parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType};
use async_graphql_parser::{Pos, Positioned, parse_query};
use futures_util::FutureExt;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most levels of selection sets, with fragments counted as levels of their own.
pub(crate) const NESTING: usize = 64;
/// Most errors told about one document.
const TOLD: usize = 20;

/// A document that is valid for its role.
#[derive(Debug)]
pub(crate) struct Document {
    document: ExecutableDocument,
    /// Counts documents of this process.
    pub(crate) number: u64,
    /// Variables whose values decide more than what stands in a slot, as far as that was seen.
    decisive: Mutex<HashSet<String>>,
}

/// A finding before validation.
#[derive(Debug)]
struct Problem(Fault);

impl Problem {
    fn limit(message: String) -> Self {
        Self(Fault::validation(message))
    }

    fn invalid(message: String) -> Self {
        Self(Fault::validation(message))
    }

    fn at(self, position: Pos) -> Self {
        Self(self.0.at(position))
    }
}

impl Document {
    /// Parses and validates.
    ///
    /// # Errors
    /// What is wrong with it, at most twenty findings in the order of their places.
    pub(crate) fn read(types: Types<'_>, text: &str, limits: &Limits, introspection: bool) -> Result<Self, Vec<Fault>> {
        let document = parse(text, limits).map_err(|fault| vec![fault])?;
        cost::check(&document, limits).map_err(|problem| vec![problem.0])?;
        no_subscriptions(&document).map_err(|fault| vec![fault])?;
        let usage = usage::Usage::of(types, &document);
        let builder = schema::of_usage(types, &usage);
        // The types of introspection are only needed where something speaks of them.
        let introspective = introspection && text.replace("__typename", "").contains("__");
        let errors = validate(builder, introspective, &document).err().unwrap_or_default();
        told(types, errors, position::check(types, &document), introspection)?;
        Ok(Self::of(document))
    }

    fn of(document: ExecutableDocument) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self {
            document,
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            decisive: Mutex::default(),
        }
    }

    /// The operation of a name, or the only one.
    ///
    /// # Errors
    /// There is none of that name, or several and no name.
    pub(crate) fn operation(&self, name: Option<&str>) -> Result<&Positioned<OperationDefinition>, Fault> {
        let unknown = |name: &str| Fault::validation(format!("Unknown operation named \"{name}\"."));
        match (&self.document.operations, name) {
            (DocumentOperations::Single(operation), None) => Ok(operation),
            (DocumentOperations::Single(_), Some(name)) => Err(unknown(name)),
            (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name).ok_or_else(|| unknown(name)),
            (DocumentOperations::Multiple(operations), None) => match operations.values().next() {
                Some(operation) if operations.len() == 1 => Ok(operation),
                _ => Err(Fault::validation(
                    "Must provide operation name if query contains multiple operations.",
                )),
            },
        }
    }

    /// Whether the value of a variable is known to decide more than what stands in a slot.
    pub(crate) fn decisive(&self) -> MutexGuard<'_, HashSet<String>> {
        self.decisive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fragment of the document.
    pub(crate) fn fragment(&self, name: &str) -> Option<&async_graphql_parser::types::FragmentDefinition> {
        self.document.fragments.get(name).map(|fragment| &fragment.node)
    }
}

/// Subscriptions are not served as yet.
fn no_subscriptions(document: &ExecutableDocument) -> Result<(), Fault> {
    for (_, operation) in document.operations.iter() {
        if operation.node.ty == OperationType::Subscription {
            let message = "This server does not serve subscriptions yet; it answers queries and mutations.";
            return Err(Fault::new(FaultCode::NOT_SUPPORTED, message).at(operation.pos));
        }
    }
    Ok(())
}

/// Whether a text is a document within the limits, whatever it asks for.
pub(crate) fn parse(text: &str, limits: &Limits) -> Result<ExecutableDocument, Fault> {
    lexer::check(text, limits).map_err(|(message, at)| match at {
        Some(at) => Fault::validation(message).at(position_of(text, at)),
        None => Fault::validation(message),
    })?;
    let readable = escapes::written_out(text).map_err(|(reason, at)| {
        Fault::new(FaultCode::PARSE, format!("Syntax error: {reason}")).at(position_of(text, at))
    })?;
    parse_query(&*readable).map_err(|error| {
        let mut fault = Fault::new(FaultCode::PARSE, syntax_message(&error));
        fault.locations = error.positions().take(1).collect();
        fault
    })
}

/// The line and column of a byte.
fn position_of(text: &str, at: usize) -> Pos {
    let before = text.get(..at).unwrap_or(text);
    let line = before.split_inclusive('\n').filter(|line| line.ends_with('\n')).count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Pos { line, column }
}

/// What kind of operation a text would run, without validating it.
pub(crate) fn operation_type(text: &str, name: Option<&str>, limits: &Limits) -> Option<OperationType> {
    let document = Document::of(parse(text, limits).ok()?);
    document.operation(name).ok().map(|operation| operation.node.ty)
}

/// The last line of the parser's drawing says what was expected.
fn syntax_message(error: &async_graphql_parser::Error) -> String {
    let text = error.to_string();
    let line = text
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("syntax error");
    let line = line.trim_start_matches('=').trim();
    format!("Syntax error: {line}")
}

/// async-graphql validates within `execute`; this extension keeps what it found and lets nothing be executed.
#[derive(Clone, Default)]
pub(crate) struct Capture(Arc<Mutex<Option<Vec<ServerError>>>>);

impl ExtensionFactory for Capture {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(self.clone())
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Capture {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let errors = next.run(ctx).await.err().unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(errors);
        Err(Vec::new())
    }
}

fn validate(
    builder: async_graphql::dynamic::SchemaBuilder,
    introspection: bool,
    document: &ExecutableDocument,
) -> Result<(), Vec<ServerError>> {
    let capture = Capture::default();
    let schema = schema::finish(builder, introspection, capture.clone())
        .map_err(|error| vec![ServerError::new(format!("internal error: {}", error.0), None)])?;
    captured(&schema, &capture, document)
}

fn captured(
    schema: &async_graphql::dynamic::Schema,
    capture: &Capture,
    document: &ExecutableDocument,
) -> Result<(), Vec<ServerError>> {
    let mut request = async_graphql::Request::new("");
    request.set_parsed_query(document.clone());
    let response = schema.execute(request).now_or_never();
    let found = capture.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (found, response) {
        (Some(errors), _) if errors.is_empty() => Ok(()),
        (Some(errors), _) => Err(errors),
        (None, Some(response)) if !response.errors.is_empty() => Err(response.errors),
        (None, _) => Err(vec![ServerError::new("the document could not be validated", None)]),
    }
}

/// The verdict of a complete schema, in the same form; for tests that compare.
#[cfg(test)]
pub(crate) fn validate_with(
    types: Types<'_>,
    schema: &(async_graphql::dynamic::Schema, Capture),
    document: &ExecutableDocument,
) -> Result<(), Vec<Fault>> {
    cost::check(document, &Limits::default()).map_err(|problem| vec![problem.0])?;
    no_subscriptions(document).map_err(|fault| vec![fault])?;
    let errors = captured(&schema.0, &schema.1, document).err().unwrap_or_default();
    told(types, errors, position::check(types, document), true)
}

/// The findings in a stable order, without repetitions; with suggestions from what the role sees, for callers who may ask
/// what that is.
fn told(types: Types<'_>, errors: Vec<ServerError>, further: Vec<Fault>, suggest: bool) -> Result<(), Vec<Fault>> {
    let mut faults: Vec<Fault> = errors
        .into_iter()
        .map(|error| Fault {
            locations: error.locations,
            ..Fault::validation(error.message)
        })
        .chain(further)
        .collect();
    faults.sort_by(|a, b| {
        let place = |fault: &Fault| fault.locations.first().map(|at| (at.line, at.column));
        (place(a), &a.message).cmp(&(place(b), &b.message))
    });
    faults.dedup();
    faults.truncate(TOLD);
    for fault in faults.iter_mut().take(if suggest { 5 } else { 0 }) {
        if let Some(near) = suggestion(types, &fault.message) {
            fault.message = format!("{}. Did you mean \"{near}\"?", fault.message.trim_end_matches('.'));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// The nearest name that the role sees, for an unknown field or argument.
fn suggestion(types: Types<'_>, message: &str) -> Option<String> {
    let parts: Vec<&str> = message.split('"').collect();
    let near = |wrong: &str, names: Vec<&str>| {
        let length = wrong.len();
        let names = names
            .into_iter()
            .filter(|name| name.len().abs_diff(length) <= 1 + length / 4);
        (length <= 60)
            .then(|| crate::error::nearest(wrong, names).map(str::to_owned))
            .flatten()
    };
    match parts.as_slice() {
        ["Unknown field ", wrong, " on type ", name, "."] => {
            let key = types.named(name)?;
            near(wrong, types.fields(key).iter().map(|field| field.name).collect())
        }
        ["Unknown argument ", wrong, " on field ", field, " of type ", name, "."] => {
            let field = types.field(types.named(name)?, field)?;
            near(
                wrong,
                types
                    .arguments(field.meaning)
                    .iter()
                    .map(|argument| argument.name)
                    .collect(),
            )
        }
        [
            "Invalid value for argument ",
            _,
            ", unknown field ",
            wrong,
            " of type ",
            name,
            "",
        ] => {
            let key = types.named(name).filter(|key| types.kind(*key) == Kind::Input)?;
            near(wrong, types.inputs(key).iter().map(|input| input.name).collect())
        }
        _ => None,
    }
}

/// A root type, for `__typename`.
pub(crate) fn root_type(types: Types<'_>, key: Key) -> String {
    types.names.type_name(key)
}

/// The root type of an operation, if the role's schema has it.
fn root_of(types: Types<'_>, operation: OperationType) -> Option<Key> {
    let key = match operation {
        OperationType::Query => Key::Query,
        OperationType::Mutation => Key::Mutation,
        OperationType::Subscription => return None,
    };
    types.exists(key).then_some(key)
}
