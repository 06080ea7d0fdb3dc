//! Rows from the backend → the JSON of the request's output.

use super::{Body, Outcome, Tail};
use crate::backend::{Rows, Seal};
use crate::memory::{FREE, Pieces};
use crate::plan::{Answer, Plan, Query};
use crate::request::{Constant, PageInfoField};
use crate::rules::ConnectionPart;

/// Puts an outcome together.
pub(super) fn outcome(answer: &Answer, query: &Query, mut rows: Rows, seal: Option<&Seal>) -> Outcome {
    let body = match answer {
        Answer::Rows => {
            let mut body = Pieces::from(&b"["[..]);
            body.append(written(&mut rows, 0));
            body.write(b"]");
            body
        }
        Answer::Row if rows.count == 0 => Pieces::from(&b"null"[..]),
        Answer::Row => written(&mut rows, 0),
        Answer::Connection(parts) => connection(parts, query, &mut rows, seal),
    };
    Outcome {
        body: Body::Whole(body),
        count: rows.count,
        total: rows.total.and_then(|total| u64::try_from(total).ok()),
        next: next(&rows, seal),
    }
}

/// The rows of one output.
fn written(rows: &mut Rows, output: usize) -> Pieces {
    let mut pieces = Pieces::default();
    if let Some(full) = rows.full.get_mut(output) {
        std::mem::take(full).into_iter().for_each(|piece| pieces.push(piece));
    }
    let Some(last) = rows.buffers.get_mut(output).map(std::mem::take) else {
        return pieces;
    };
    pieces.append(if last.len() < FREE {
        last.into()
    } else {
        std::mem::take(&mut rows.claim).over(last).into()
    });
    pieces
}

fn connection(parts: &[ConnectionPart], query: &Query, rows: &mut Rows, seal: Option<&Seal>) -> Pieces {
    let mut pieces = Pieces::default();
    let mut lists = 0;
    let mut json = Vec::with_capacity(256);
    json.push(b'{');
    for (index, part) in parts.iter().enumerate() {
        if is_list(part) {
            member(&mut json, index, key(part));
            json.push(b'[');
            pieces.write(&std::mem::take(&mut json));
            pieces.append(written(rows, lists));
            lists += 1;
            json.push(b']');
        } else {
            write_part(&mut json, index, part, query, rows, seal);
        }
    }
    json.push(b'}');
    pieces.write(&json);
    pieces
}

/// Whether an answer can go out while its rows are still read: nothing that is known at the end alone stands before them.
pub(super) fn can_stream(plan: &Plan) -> bool {
    !plan.query.reversed
        && match &plan.answer {
            Answer::Rows => true,
            Answer::Row => false,
            Answer::Connection(parts) => {
                let mut lists = parts.iter().enumerate().filter(|(_, part)| is_list(part));
                match (lists.next(), lists.next()) {
                    (Some((list, _)), None) => !parts[..list]
                        .iter()
                        .any(|part| matches!(part, ConnectionPart::PageInfo(..))),
                    _ => false,
                }
            }
        }
}

/// What stands before the rows of a streamed answer.
pub(super) fn opening(plan: &Plan, total: Option<i64>) -> Vec<u8> {
    let Answer::Connection(parts) = &plan.answer else {
        return b"[".to_vec();
    };
    let rows = Rows {
        total,
        ..Rows::default()
    };
    let mut json = b"{".to_vec();
    for (index, part) in parts.iter().enumerate() {
        if is_list(part) {
            member(&mut json, index, key(part));
            json.push(b'[');
            break;
        }
        write_part(&mut json, index, part, &plan.query, &rows, None);
    }
    json
}

/// The last rows of a streamed answer, and what stands after them.
pub(super) fn closing(plan: &Plan, mut rows: Rows, seal: Option<&Seal>) -> (Vec<u8>, Tail) {
    let mut json = rows.buffers.pop().unwrap_or_default();
    json.push(b']');
    if let Answer::Connection(parts) = &plan.answer {
        let parts = parts.iter().enumerate().skip_while(|(_, part)| !is_list(part)).skip(1);
        for (index, part) in parts {
            write_part(&mut json, index, part, &plan.query, &rows, seal);
        }
        json.push(b'}');
    }
    let tail = Tail {
        count: rows.count,
        next: next(&rows, seal),
    };
    (json, tail)
}

/// The cursor to the rest, where there is one.
fn next(rows: &Rows, seal: Option<&Seal>) -> Option<String> {
    match (&rows.last, seal) {
        (Some(last), Some(seal)) if rows.more => Some(seal(last)),
        _ => None,
    }
}

fn is_list(part: &ConnectionPart) -> bool {
    matches!(part, ConnectionPart::Edges(..) | ConnectionPart::Nodes(..))
}

fn key(part: &ConnectionPart) -> &str {
    match part {
        ConnectionPart::Constant(key, _)
        | ConnectionPart::Edges(key, _)
        | ConnectionPart::Nodes(key, _)
        | ConnectionPart::PageInfo(key, _)
        | ConnectionPart::Total(key) => key.as_str(),
    }
}

/// A member of a connection that is no list.
fn write_part(
    json: &mut Vec<u8>,
    index: usize,
    part: &ConnectionPart,
    query: &Query,
    rows: &Rows,
    seal: Option<&Seal>,
) {
    member(json, index, key(part));
    match part {
        ConnectionPart::Constant(_, constant) => push_constant(json, constant),
        ConnectionPart::Edges(..) | ConnectionPart::Nodes(..) => {}
        ConnectionPart::Total(_) => json.extend_from_slice(rows.total.unwrap_or(0).to_string().as_bytes()),
        ConnectionPart::PageInfo(_, members) => {
            json.push(b'{');
            for (index, (key, field)) in members.iter().enumerate() {
                member(json, index, key.as_str());
                page_info(json, *field, query, rows, seal);
            }
            json.push(b'}');
        }
    }
}

fn page_info(json: &mut Vec<u8>, field: PageInfoField, query: &Query, rows: &Rows, seal: Option<&Seal>) {
    // What lies on the side that the page was not asked to look at is known only from the cursor that it came from.
    let other_side = query.keyset != crate::rules::Predicate::TRUE;
    let truth = |value: bool| if value { "true" } else { "false" };
    match field {
        PageInfoField::HasNext => {
            json.extend_from_slice(truth(if query.reversed { other_side } else { rows.more }).as_bytes())
        }
        PageInfoField::HasPrevious => {
            let value = if query.reversed {
                rows.more
            } else {
                other_side || (query.offset.is_some() && rows.count > 0)
            };
            json.extend_from_slice(truth(value).as_bytes());
        }
        PageInfoField::Start => push_cursor(json, rows.first.as_deref(), seal),
        PageInfoField::End => push_cursor(json, rows.last.as_deref(), seal),
        PageInfoField::Typename => push_text(json, "PageInfo"),
    }
}

fn push_cursor(json: &mut Vec<u8>, values: Option<&[crate::value::Datum]>, seal: Option<&Seal>) {
    match (values, seal) {
        (Some(values), Some(seal)) => push_text(json, &seal(values)),
        _ => json.extend_from_slice(b"null"),
    }
}

fn member(json: &mut Vec<u8>, index: usize, key: &str) {
    if index > 0 {
        json.push(b',');
    }
    push_text(json, key);
    json.push(b':');
}

fn push_constant(json: &mut Vec<u8>, constant: &Constant) {
    match constant {
        Constant::Null => json.extend_from_slice(b"null"),
        Constant::Text(text) => push_text(json, text.as_str()),
    }
}

fn push_text(json: &mut Vec<u8>, text: &str) {
    json.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}
