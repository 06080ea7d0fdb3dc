//! Which value it was, where the database has refused a statement without a word of ours for it. Each value is asked for by
//! itself, afterwards and outside of any transaction, so nothing is told but of what the caller has sent.

use super::Engine;
use crate::backend::Run;
use crate::catalog::Catalog;
use crate::error::{Code, Error, Kind, ViolationKind};
use crate::sql::{Form, Mark, probe};
use crate::value::{Datum, Type, Value};

/// Most questions that a refusal is worth.
const MOST: usize = 64;

/// What a caller has sent for one place of a statement.
pub(super) struct Suspect {
    /// What messages call it.
    pub(super) label: String,
    /// The place.
    pub(super) mark: Mark,
    /// The values, one for each row where there are several.
    pub(super) values: Vec<Datum>,
    /// The places of their rows among all rows of the write; empty where there are none.
    pub(super) rows: Vec<usize>,
}

/// Whether an error comes from the database, for a value of which it does not say which one.
pub(super) fn is_nameless(error: &Error) -> bool {
    let is_of_a_value = match &error.violation {
        // Of a domain. What a trigger has refused has no constraint: no value would be found to be the reason.
        Some(violation) => {
            violation.kind == ViolationKind::Check && violation.table.is_none() && violation.constraint.is_some()
        }
        None => matches!(error.code, Code::INVALID_VALUE | Code::OUT_OF_RANGE),
    };
    is_of_a_value && error.place.is_none() && error.source.is_some()
}

impl Engine {
    /// The error, naming the value that is the reason, where it is found.
    pub(super) async fn named(&self, catalog: &Catalog, mut error: Error, suspects: Vec<Suspect>) -> Error {
        let mut questions = MOST;
        for suspect in &suspects {
            let Some(found) = self.found(catalog, suspect, &mut questions).await else {
                continue;
            };
            error.kind = Kind::Invalid;
            error.message = format!(
                "{}: {} is not {}",
                suspect.label,
                described(&suspect.values[found]),
                expected(catalog, &suspect.mark)
            );
            error.place = Some(suspect.label.clone());
            if suspect.rows.len() > 1 {
                error.row = suspect.rows.get(found).copied();
            }
            return error;
        }
        error
    }

    /// The first of a place's values that the database does not take, found by halves.
    async fn found(&self, catalog: &Catalog, suspect: &Suspect, questions: &mut usize) -> Option<usize> {
        let statement = probe(catalog, &suspect.mark)?;
        let (mut from, mut to) = (0, suspect.values.len());
        let mut wrong = false;
        while to > from && !(wrong && to - from == 1) {
            *questions = questions.checked_sub(1)?;
            // All of them first, then the first half of those among which it is.
            let middle = if wrong { from + (to - from) / 2 } else { to };
            let values = [Datum::List(suspect.values[from..middle].to_vec())];
            let run = Run {
                statement: &statement,
                values: &values,
                most: None,
                seal: None,
                room: &self.room(),
            };
            match self.backend.run(run).await {
                Err(error) if !matches!(error.kind, Kind::Invalid | Kind::Conflict) => return None,
                Err(_) => (to, wrong) = (middle, true),
                Ok(_) if !wrong => return None,
                Ok(_) => from = middle,
            }
        }
        wrong.then_some(from)
    }
}

fn described(datum: &Datum) -> String {
    match datum {
        Datum::Null => Value::Null.describe(),
        Datum::Boolean(value) => value.to_string(),
        Datum::Integer(value) => value.to_string(),
        Datum::Float(value) => value.to_string(),
        Datum::Text(text) => Value::Text(text.clone()).describe(),
        Datum::Bytes(_) | Datum::Broken(_) => "what was sent".to_owned(),
        Datum::List(_) => "the list".to_owned(),
    }
}

/// What would be right.
fn expected(catalog: &Catalog, mark: &Mark) -> String {
    let name = match mark.form {
        Form::Stored { table, column } => catalog.table(table).column(column).database_type.as_str(),
        _ => mark.data_type.word(),
    };
    let bare = name.rsplit('.').next().unwrap_or(name);
    let example = match (&mark.data_type, bare) {
        (Type::Array(_), _) => "lists within it are all of one length, and each item is of the type",
        (Type::Interval, _) => "such as \"1 day 02:00:00\"",
        (Type::TimeTz, _) => "such as \"12:30:00+02\"",
        (Type::Geometry, _) => "a geometry of the column's kind and reference system",
        (_, "inet") => "such as \"192.0.2.1\"",
        (_, "cidr") => "such as \"192.0.2.0/24\"",
        (_, "macaddr") => "such as \"08:00:2b:01:02:03\"",
        (_, "bit" | "varbit" | "bit varying") => "digits 0 and 1 of the column's length, such as \"101\"",
        (_, "money") => "such as \"12.50\"",
        (_, "xml") => "such as \"<a>text</a>\"",
        (_, "jsonpath") => "such as \"$.a\"",
        (_, "tsquery") => "such as \"cat & dog\"",
        (_, "ltree") => "such as \"top.middle.leaf\"",
        (_, "pg_lsn") => "such as \"16/B374D848\"",
        (_, "point") => "such as \"(1,2)\"",
        (_, range) if range.ends_with("multirange") => "such as \"{[1,3),[5,8)}\"",
        (_, range) if range.ends_with("range") => "such as \"[1,10)\", its lower bound not above the upper one",
        _ => "",
    };
    if example.is_empty() {
        format!("a value of the type {name}")
    } else {
        format!("a value of the type {name}: {example}")
    }
}
