//! Running one read: values are bound, rows become bytes as the statement's shape says.

use super::clock::Clock;
use super::fault::Fault;
use super::write::{float, number, scalar, string};
use crate::backend::stream::{Outlet, without_a_place};
use crate::backend::told::Told;
use crate::backend::{Rows, Run, Seal};
use crate::error;
use crate::memory::Room;
use crate::sql::{Layout, Shape};
use crate::value::Datum;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, ToSql};
use std::sync::Arc;
use tokio::runtime::Handle;

/// Bytes that a value may have in any case, however little an answer may hold: stored ones, lists that are bound, the rows
/// within one. Beyond it the answer's own bound holds, so that SQLite does not make in memory what nobody can be sent.
const LONGEST: usize = 16 << 20;

/// Longer rows take their time without SQLite's looking at the clock: we do, after each of them.
const LONG_ROW: usize = 16 << 10;

/// How far a run may go where it runs.
#[derive(Clone, Copy)]
pub(super) struct Leash<'a> {
    /// Its time.
    pub(super) clock: &'a Clock,
    /// Bytes of one row. A longer one is an interrupt where an answer may hold more than that.
    pub(super) row: usize,
}

/// Runs a statement and writes its rows; with an outlet, which only a thread may have that can wait, what becomes long
/// goes out by it, and the rows returned are the last ones.
pub(super) fn read(
    connection: &Connection,
    leash: Leash<'_>,
    run: &Run<'_>,
    outlet: Option<&mut Outlet>,
) -> Result<Rows, Fault> {
    let told = Told::begin();
    let outcome = send(connection, leash, run, outlet);
    told.end(&outcome);
    outcome
}

fn send(
    connection: &Connection,
    leash: Leash<'_>,
    run: &Run<'_>,
    mut outlet: Option<&mut Outlet>,
) -> Result<Rows, Fault> {
    let shape = run.statement.shape();
    let longest = i32::try_from(run.room.most().max(LONGEST)).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)?;
    let mut statement = connection.prepare_cached(run.statement.text())?;
    bind(&mut statement, run.values)?;
    let mut rows = statement.raw_query();
    let most = leash.row.min(run.room.most());
    let mut written = Writer::new(shape, run.seal, most);
    while let Some(row) = rows.next()? {
        if let (Some(total), None) = (shape.total, written.rows.total) {
            written.rows.total = row.get_ref(total)?.as_i64_or_null().ok().flatten();
        }
        if let Some(present) = shape.present
            && row.get_ref(present)? == ValueRef::Null
        {
            continue;
        }
        if run.most.is_some_and(|most| written.rows.count >= most) {
            written.rows.more = true;
            break;
        }
        match written.row(row) {
            Err(Fault::LongRow) if most == run.room.most() => return Err(Fault::NoRoom(run.room.too_large())),
            Ok(length) if length > LONG_ROW && leash.clock.is_up() => return Err(Fault::LongRow),
            other => other?,
        };
        if let Some(outlet) = &mut outlet
            && outlet.is_due(&written.rows)
        {
            Handle::current().block_on(outlet.send(&mut written.rows, run.room))?;
        } else if let Err(error) = written.settle(run.room) {
            let error = if outlet.is_some() {
                without_a_place(error)
            } else {
                error
            };
            return Err(Fault::NoRoom(error));
        }
    }
    written.finish(run.room).map_err(Fault::NoRoom)
}

/// Binds the values, each to the mark of its place.
pub(super) fn bind(statement: &mut rusqlite::Statement<'_>, values: &[Datum]) -> Result<(), Fault> {
    if statement.parameter_count() != values.len() {
        return Err(Fault::Sqlite(rusqlite::Error::InvalidParameterCount(
            values.len(),
            statement.parameter_count(),
        )));
    }
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, Bound(value))?;
    }
    Ok(())
}

/// Rows in the making.
struct Writer<'a> {
    shape: &'a Shape,
    seal: Option<&'a Seal>,
    /// Bytes of one row.
    most: usize,
    rows: Rows,
    /// For rows that arrive in reverse: where each ends, for each buffer.
    ends: Vec<Vec<usize>>,
}

impl<'a> Writer<'a> {
    fn new(shape: &'a Shape, seal: Option<&'a Seal>, most: usize) -> Self {
        let outputs = shape.outputs.len();
        let rows = Rows {
            buffers: (0..outputs).map(|_| Vec::with_capacity(512)).collect(),
            ..Rows::default()
        };
        Self {
            shape,
            seal,
            most,
            rows,
            ends: if shape.reversed {
                vec![Vec::new(); outputs]
            } else {
                Vec::new()
            },
        }
    }

    /// Writes a row; how long it is.
    fn row(&mut self, row: &Row<'_>) -> Result<usize, Fault> {
        let mut length = 0;
        let cursor = if self.shape.cursor.is_empty() {
            None
        } else {
            let columns = self.shape.cursor.iter();
            Some(
                columns
                    .map(|column| Ok(datum(row.get_ref(*column)?)))
                    .collect::<Result<Vec<_>, Fault>>()?,
            )
        };
        for (index, layout) in self.shape.outputs.iter().enumerate() {
            let out = &mut self.rows.buffers[index];
            let start = out.len();
            if !self.shape.reversed && self.rows.count > 0 {
                out.push(b',');
            }
            let bound = start.saturating_add(self.most);
            write(out, layout, row, cursor.as_deref(), self.seal, bound)?;
            length += out.len() - start;
            if self.shape.reversed {
                self.ends[index].push(out.len());
            }
        }
        if let Some(cursor) = cursor {
            if self.rows.first.is_none() {
                self.rows.first = Some(cursor.clone());
            }
            self.rows.last = Some(cursor);
        }
        self.rows.count += 1;
        Ok(length)
    }

    /// Sees to it that the answer holds no more than it may.
    fn settle(&mut self, room: &Arc<Room>) -> error::Result<()> {
        if self.shape.reversed {
            self.rows.settle_turned(room)
        } else {
            self.rows.settle(room).map(|_| ())
        }
    }

    fn finish(mut self, room: &Arc<Room>) -> error::Result<Rows> {
        if self.shape.reversed {
            for (buffer, ends) in self.rows.buffers.iter_mut().zip(&self.ends) {
                let mut turned = Vec::with_capacity(buffer.len() + ends.len());
                for (index, end) in ends.iter().enumerate().rev() {
                    let start = if index == 0 { 0 } else { ends[index - 1] };
                    if !turned.is_empty() {
                        turned.push(b',');
                    }
                    turned.extend_from_slice(&buffer[start..*end]);
                }
                *buffer = turned;
            }
            std::mem::swap(&mut self.rows.first, &mut self.rows.last);
        }
        self.rows.finish(room)?;
        Ok(self.rows)
    }
}

/// `bound`: the buffer may not become longer by a row's members.
fn write(
    out: &mut Vec<u8>,
    layout: &Layout,
    row: &Row<'_>,
    cursor: Option<&[Datum]>,
    seal: Option<&Seal>,
    bound: usize,
) -> Result<(), Fault> {
    match layout {
        Layout::Constant(json) => out.extend_from_slice(json),
        Layout::Column { index, wire } => scalar(out, *wire, row.get_ref(*index)?),
        Layout::Object { members, unless_null } => {
            if let Some(column) = unless_null
                && row.get_ref(*column)? == ValueRef::Null
            {
                out.extend_from_slice(b"null");
                return Ok(());
            }
            out.push(b'{');
            for member in members {
                out.extend_from_slice(&member.key);
                write(out, &member.value, row, cursor, seal, bound)?;
                if out.len() > bound {
                    return Err(Fault::LongRow);
                }
            }
            out.push(b'}');
        }
        Layout::Cursor => {
            let (Some(cursor), Some(seal)) = (cursor, seal) else {
                return Err(Fault::Shape(
                    "a cursor is to be written without its columns or its seal",
                ));
            };
            string(out, seal(cursor).as_bytes());
        }
        Layout::Nested { .. } => return Err(Fault::Shape("nested records do not exist on SQLite")),
    }
    Ok(())
}

pub(super) fn datum(value: ValueRef<'_>) -> Datum {
    match value {
        ValueRef::Null => Datum::Null,
        ValueRef::Integer(integer) => Datum::Integer(integer),
        ValueRef::Real(real) => Datum::Float(real),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Datum::Text(text.into()),
            Err(_) => Datum::Broken(text.into()),
        },
        ValueRef::Blob(bytes) => Datum::Bytes(bytes.into()),
    }
}

struct Bound<'a>(&'a Datum);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Datum::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Datum::Boolean(value) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*value))),
            Datum::Integer(value) => ToSqlOutput::Borrowed(ValueRef::Integer(*value)),
            Datum::Float(value) => ToSqlOutput::Borrowed(ValueRef::Real(*value)),
            Datum::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Datum::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Datum::Broken(bytes) => ToSqlOutput::Borrowed(ValueRef::Text(bytes)),
            Datum::List(items) => {
                let mut json = Vec::with_capacity(items.len() * 8 + 2);
                list(&mut json, items);
                ToSqlOutput::Owned(rusqlite::types::Value::Text(
                    String::from_utf8_lossy(&json).into_owned(),
                ))
            }
        })
    }
}

/// A list as JSON text, for `json_each`: booleans as 0 and 1, as SQLite stores them; bytes as hexadecimal text, for `unhex`.
fn list(json: &mut Vec<u8>, items: &[Datum]) {
    json.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        match item {
            Datum::Null => json.extend_from_slice(b"null"),
            Datum::Boolean(value) => number(json, i64::from(*value)),
            Datum::Integer(value) => number(json, *value),
            Datum::Float(value) if value.is_finite() => {
                let start = json.len();
                float(json, *value);
                // `json_each` gives a real only for what looks like one.
                if json[start..].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'-')) {
                    json.extend_from_slice(b".0");
                }
            }
            Datum::Float(value) if value.is_nan() => json.extend_from_slice(b"null"),
            Datum::Float(value) => json.extend_from_slice(if *value > 0.0 { b"9e999" } else { b"-9e999" }),
            Datum::Text(text) => string(json, text.as_bytes()),
            Datum::Broken(bytes) => string(json, bytes),
            Datum::Bytes(bytes) => {
                json.push(b'"');
                for byte in bytes {
                    json.extend_from_slice(format!("{byte:02x}").as_bytes());
                }
                json.push(b'"');
            }
            Datum::List(items) => list(json, items),
        }
    }
    json.push(b']');
}
