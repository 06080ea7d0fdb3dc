//! A mutation's writes run together; what they gave becomes the answer of its roots.

use super::GraphQl;
use super::error::Fault;
use super::execute::{Answer as Reply, Content};
use super::road::Scene;
use crate::engine::Written;
use crate::error::{Error, Result};
use crate::principal::Principal;
use crate::request::{Batch, Once};
use crate::telemetry::{Stage, timed};
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::ops::Range;

/// What a mutation comes to.
pub(crate) struct Mutation {
    /// Its writes, those of all roots.
    pub batch: Batch,
    /// Its roots, in order.
    pub roots: Vec<Root>,
}

/// A root of a mutation.
#[derive(Debug)]
pub(crate) struct Root {
    /// The response key.
    pub key: String,
    /// Its writes.
    pub writes: Range<usize>,
    /// The write of the rows that were sent as `objects`.
    pub objects: Option<usize>,
    /// What it answers.
    pub answer: Answer,
}

/// What a root answers.
#[derive(Debug)]
pub(crate) enum Answer {
    /// `__typename`
    Constant(String),
    /// The row of a write, or null.
    Row(usize),
    /// The number of rows, and the rows of a write.
    Response(usize, Response),
    /// Several of these, each over some of the writes.
    Responses(Vec<(usize, Range<usize>, Response)>),
}

/// `{affected_rows returning {…}}`
#[derive(Debug)]
pub(crate) struct Response {
    /// By response key.
    pub fields: Vec<(String, ResponseField)>,
    /// Rows were asked for under several keys: each row has a member for each of these.
    pub apart: bool,
}

/// A member of a response.
#[derive(Debug)]
pub(crate) enum ResponseField {
    /// `__typename`
    Constant(String),
    /// The number of rows.
    AffectedRows,
    /// The rows.
    Returning,
}

impl Mutation {
    /// A name for each write: its root's key, with a number where the root has several.
    pub(super) fn names(&self) -> Vec<String> {
        let of = |root: &Root| {
            let key = root.key.clone();
            let (first, all) = (root.writes.start, root.writes.len());
            root.writes.clone().map(move |write| match all {
                1 => key.clone(),
                all => format!("{key}, write {} of {all}", write - first + 1),
            })
        };
        self.roots.iter().flat_map(of).collect()
    }
}

impl GraphQl {
    /// Runs a mutation. Where any root fails nothing has happened, so there is no data at all.
    pub(super) async fn mutate(
        &self,
        scene: &Scene,
        principal: &Principal,
        mutation: Mutation,
        once: Option<Once>,
    ) -> Reply {
        let Mutation { batch, roots } = mutation;
        let batch = Batch { once, ..batch };
        let written = if batch.writes.is_empty() {
            Ok(Vec::new())
        } else {
            self.road.write(scene, principal, batch).await
        };
        let replayed = written
            .as_ref()
            .is_ok_and(|written| written.iter().any(|written| written.replayed));
        let written = written.and_then(|written| timed(Stage::Write, || assemble(&roots, &written)));
        match written {
            Ok(body) => Reply {
                replayed,
                ..Reply::of(Content::Whole(body.into()))
            },
            // It is about the request, not about what the document says.
            Err(error) if error.code.is_of_a_key() => Reply::refusal(&[Fault::of(&error)]),
            Err(error) => {
                let fault = fault(&error, &roots);
                let body = json!({"errors": [fault.json()], "data": null});
                Reply {
                    later: fault.later,
                    too_large: fault.too_large,
                    status: fault.status,
                    ..Reply::of(Content::Whole(body.to_string().into_bytes().into()))
                }
            }
        }
    }
}

/// The error under the root whose write it is about.
fn fault(error: &Error, roots: &[Root]) -> Fault {
    let fault = Fault::of(error);
    let root = match error.write {
        Some(write) => roots.iter().find(|root| root.writes.contains(&write)),
        None => roots.iter().find(|root| !root.writes.is_empty()),
    };
    let Some(root) = root else { return fault };
    let mut fault = fault.under(&root.key);
    let of_objects = root.objects.is_some() && (error.write.is_none() || error.write == root.objects);
    if let Some(row) = error.row.filter(|_| of_objects) {
        fault.argument = Some(format!("$.selectionSet.{}.args.objects[{row}]", root.key));
    }
    fault
}

fn assemble(roots: &[Root], written: &[Written]) -> Result<Vec<u8>> {
    let bodies = written.iter().filter_map(|written| written.body.as_ref());
    let size: usize = bodies.map(|body| body.len() + 64).sum();
    let mut out = Vec::with_capacity(size + 64);
    out.extend_from_slice(b"{\"data\":{");
    for (index, root) in roots.iter().enumerate() {
        member(&mut out, index, &root.key);
        match &root.answer {
            Answer::Constant(text) => push_text(&mut out, text),
            Answer::Row(write) => out.extend_from_slice(body(written, *write)?),
            Answer::Response(write, fields) => response(&mut out, fields, *write, root.writes.clone(), written)?,
            Answer::Responses(all) => {
                out.push(b'[');
                for (index, (write, writes, fields)) in all.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    response(&mut out, fields, *write, writes.clone(), written)?;
                }
                out.push(b']');
            }
        }
    }
    out.extend_from_slice(b"}}");
    Ok(out)
}

fn response(
    out: &mut Vec<u8>,
    response: &Response,
    write: usize,
    writes: Range<usize>,
    written: &[Written],
) -> Result<()> {
    out.push(b'{');
    for (index, (key, field)) in response.fields.iter().enumerate() {
        member(out, index, key);
        match field {
            ResponseField::Constant(text) => push_text(out, text),
            ResponseField::AffectedRows => {
                let all = written.get(writes.clone()).unwrap_or_default();
                let count: u64 = all.iter().map(|written| written.count).sum();
                out.extend_from_slice(count.to_string().as_bytes());
            }
            ResponseField::Returning if response.apart => {
                let rows: Vec<HashMap<&str, &RawValue>> =
                    serde_json::from_slice(body(written, write)?).map_err(Error::internal)?;
                out.push(b'[');
                for (index, row) in rows.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(row.get(key.as_str()).map_or("null", |value| value.get()).as_bytes());
                }
                out.push(b']');
            }
            ResponseField::Returning => out.extend_from_slice(body(written, write)?),
        }
    }
    out.push(b'}');
    Ok(())
}

fn body(written: &[Written], write: usize) -> Result<&[u8]> {
    let body = written.get(write).and_then(|written| written.body.as_deref());
    body.ok_or_else(|| Error::internal("a write without what was to be read back"))
}

/// Response keys are GraphQL names: nothing in them needs escaping.
fn member(out: &mut Vec<u8>, index: usize, key: &str) {
    if index > 0 {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(Json::from(text).to_string().as_bytes());
}
