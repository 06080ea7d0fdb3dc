//! A small catalog with views of it, and calls, for the tests of the dialects.

use super::{Call, Dialects};
use crate::catalog::{
    Catalog, Column, ColumnId, Database, DatabaseKind, Default as ColumnDefault, EnumType, Face, FaceId, Join,
    Relation, Table, TableId, TableKind,
};
use crate::config;
use crate::engine::{Body, Outcome, Snapshot, Written};
use crate::error::{Code, Error, Result};
use crate::ident::{Identifier, Name};
use crate::principal::{Credential, Principal};
use crate::request::{Batch, Change, Demand, Expression, Filter, Request, Values, Write};
use crate::rules::{Cell, CreateAccess, FaceAccess, Predicate, ReadAccess, UpdateAccess, View};
use crate::value::{Type, Value};
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use std::sync::Arc;

/// `!` after a type: not null. The first column (or as many as `keys` says) is the key.
const TABLES: &[(&str, usize, &[(&str, &str)])] = &[
    (
        "author",
        1,
        &[("id", "i!"), ("name", "t!"), ("city_name", "t"), ("_secret", "t")],
    ),
    (
        "book",
        1,
        &[
            ("id", "i!"),
            ("author_id", "i"),
            ("title", "t!"),
            ("status", "e!"),
            ("price", "n"),
            ("published_on", "d"),
            ("location", "g"),
            ("_secret", "t"),
        ],
    ),
    ("book_tag", 2, &[("book_id", "i!"), ("tag", "t!")]),
    ("note", 1, &[("id", "i!"), ("user_id", "i!"), ("body", "t")]),
    ("thing", 1, &[("id", "u!"), ("data", "b")]),
    ("user", 1, &[("id", "i!")]),
    ("users", 1, &[("id", "i!"), ("email", "t!")]),
    ("wordy view", 0, &[("first name", "t")]),
    ("private", 1, &[("id", "i!"), ("user_id", "i!")]),
];

fn data_type(word: &str) -> Type {
    match word.trim_end_matches('!') {
        "i" => Type::Integer(64),
        "n" => Type::Numeric,
        "d" => Type::Date,
        "g" => Type::Geometry,
        "e" => Type::Enum(0),
        "u" => Type::Uuid,
        "b" => Type::Bytes,
        _ => Type::TEXT,
    }
}

pub(super) fn catalog(expand: Option<Vec<ColumnId>>) -> Catalog {
    let mut tables = Vec::new();
    let mut faces = Vec::new();
    for (index, (name, keys, columns)) in (0u32..).zip(TABLES) {
        let key: Vec<ColumnId> = (0..u16::try_from(*keys).unwrap()).map(ColumnId).collect();
        let physical = columns.iter().enumerate().map(|(place, (name, word))| Column {
            name: Identifier::new(*name),
            data_type: data_type(word),
            database_type: String::new(),
            nullable: !word.ends_with('!'),
            default: (place == 0 && *keys == 1 && data_type(word) != Type::Uuid).then_some(ColumnDefault::Identity {
                always: false,
                ascending: false,
            }),
            one_form: false,
            generated: None,
            comment: None,
        });
        let table = Table {
            schema: None,
            name: Identifier::new(*name),
            kind: TableKind::Table,
            columns: physical.collect(),
            primary_key: key,
            primary_key_name: None,
            uniques: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            comment: (*name == "book").then(|| "What is sold.".into()),
            system: false,
            strict: false,
            indexes: Vec::new(),
            is_parent: false,
            writable: crate::error::Verbs::ALL,
            fixed: Vec::new(),
            triggers: false,
            guarded: false,
            row_number: None,
            large: false,
        };
        let mut face = Face::plain(TableId(index), &table);
        tables.push(table);
        if *name == "book" {
            face.expand.clone_from(&expand);
            face.relations.push(Relation {
                name: "author".into(),
                target: FaceId(0),
                many: false,
                join: Join::Direct {
                    columns: vec![ColumnId(1)],
                    references: vec![ColumnId(0)],
                },
                column: Some(ColumnId(1)),
            });
        }
        faces.push(face);
    }
    let enums = vec![EnumType {
        name: "status".into(),
        database_type: None,
        values: vec!["draft".into(), "published".into()],
        comment: None,
    }];
    let database = Database {
        kind: DatabaseKind::Postgres,
        version: String::new(),
        tables,
        enums,
        caseless: None,
        composites: Vec::new(),
        functions: Vec::new(),
        extensions: Vec::new(),
        fingerprint: String::new(),
        read_only: false,
    };
    Catalog::assemble(database, faces)
}

/// `anonymous` reads all but `note` and `private`, `user` reads and writes all but `private`; columns that begin with `_` are
/// hidden.
fn view(catalog: &Catalog, role: &str) -> View {
    let faces = catalog.faces.iter().map(|face| {
        let hidden = face.name.as_str() == "private";
        let cells = face
            .columns
            .iter()
            .map(|column| match column.name.as_str().starts_with('_') {
                true => Cell::Hidden,
                false => Cell::Visible,
            });
        if face.name.as_str() == "note" && role == Principal::ANONYMOUS {
            // Owner-scoped: known, and not to be read.
            return Some(Arc::new(FaceAccess::default()));
        }
        let read = ReadAccess {
            rule: Predicate::TRUE,
            cells: cells.collect(),
            counted: None,
            limit: None,
            aggregate: true,
            computed: Vec::new(),
        };
        (!hidden).then(|| {
            let all: Box<[bool]> = face.columns.iter().map(|_| true).collect();
            let writes = role == Principal::USER && !face.key.is_empty();
            let create = CreateAccess {
                check: Predicate::TRUE,
                columns: all.clone(),
                set: Vec::new(),
                backend_only: false,
            };
            let update = UpdateAccess {
                rule: Predicate::TRUE,
                check: Predicate::TRUE,
                columns: all,
                set: Vec::new(),
                backend_only: false,
            };
            Arc::new(FaceAccess {
                read: Some(read),
                create: writes.then_some(create),
                update: writes.then_some(update),
                delete: writes.then_some(Predicate::TRUE),
                schema: face.name.as_str() != "author",
            })
        })
    });
    View {
        role: Name::new(role),
        faces: faces.collect(),
        functions: Vec::new(),
    }
}

/// The catalog, two roles and the dialects.
pub(super) struct Stage {
    pub(super) snapshot: Snapshot,
    pub(super) dialects: Dialects,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with(config::Rest::default(), None)
    }

    /// The same, where this table is the users'.
    pub(super) fn with_users(table: &str) -> Self {
        let mut catalog = catalog(None);
        catalog.users = catalog.database.table_named(None, table);
        Self::of(config::Rest::default(), catalog)
    }

    pub(super) fn with(settings: config::Rest, expand: Option<Vec<ColumnId>>) -> Self {
        Self::of(settings, catalog(expand))
    }

    pub(super) fn of(settings: config::Rest, catalog: Catalog) -> Self {
        let roles = [Principal::ANONYMOUS, Principal::USER];
        let views = roles
            .into_iter()
            .map(|role| (Name::new(role), Arc::new(view(&catalog, role))))
            .collect();
        Self {
            snapshot: Snapshot::assemble(std::sync::Arc::new(catalog), views, 0),
            dialects: Dialects::new(settings),
        }
    }

    /// The request that a signed-in caller's call becomes.
    fn read(&self, call: &Call) -> Result<Request> {
        let unfit = || Error::invalid(Code::NOT_SUPPORTED, "not a call that reads");
        match self.dialects.demand(&self.snapshot, &user(), call)? {
            Demand::Reads(requests) => requests
                .into_iter()
                .next()
                .map(|(_, request)| request)
                .ok_or_else(unfit),
            Demand::Writes(..) => Err(unfit()),
        }
    }

    /// What a signed-in caller's call becomes: the request's shape and values.
    pub(super) fn request(&self, url: &str) -> String {
        match self.read(&get(url)) {
            Ok(request) => format!("{:#?}\n{:?}", request.read.select, request.values),
            Err(error) => format!("{error:?}"),
        }
    }

    /// The filter that a signed-in caller's call becomes, or what is wrong with it.
    pub(super) fn filter(&self, url: &str) -> String {
        match self.read(&get(url)) {
            Ok(request) => request
                .read
                .select
                .filter
                .as_ref()
                .map_or_else(|| "all".into(), |filter| brief(filter, &request.values)),
            Err(error) => format!("{:?}: {}", error.kind, error.message),
        }
    }

    /// Takes a signed-in caller's call as far as the plan.
    pub(super) fn planned(&self, call: &Call) -> Result<()> {
        let request = self.read(call)?;
        let view = self.snapshot.view(Principal::USER).unwrap();
        let authorized = crate::rules::authorize(&self.snapshot.catalog, view, &user(), &request.read)?;
        crate::plan::plan(&self.snapshot.catalog, &authorized).map(|_| ())
    }

    /// What is written for an outcome of a signed-in caller's call.
    pub(super) fn written(&self, url: &str, outcome: Outcome) -> String {
        let call = get(url);
        let dialect = self.dialects.owner(&call.path).unwrap();
        let Ok(super::Step::Run { write, .. }) = self.dialects.parse(dialect, &self.snapshot, &user(), &call) else {
            return "no data is asked for".into();
        };
        text(write(outcome).unwrap_or_else(|error| dialect.write_error(&error, &call)))
    }

    /// The writes that a signed-in caller's call becomes, a line each, or what is wrong with it.
    pub(super) fn batch(&self, principal: &Principal, call: &Call) -> String {
        let Some(dialect) = self.dialects.owner(&call.path) else {
            return "not owned".into();
        };
        let lines = |batch: &Batch| {
            let write = |write: &Write| format!("{} {}", write.table, changed(&write.change, &batch.values));
            batch.writes.iter().map(write).collect::<Vec<_>>().join("\n")
        };
        match self.dialects.parse(dialect, &self.snapshot, principal, call) {
            Ok(super::Step::Write { batch, .. }) => lines(&batch),
            Ok(super::Step::Each { batches, .. }) => {
                let each = batches.iter().map(|batch| match batch {
                    Ok(batch) => format!("alone: {}", lines(batch)),
                    Err(error) => format!("alone: {}", error.message),
                });
                each.collect::<Vec<_>>().join("\n")
            }
            Ok(super::Step::Done(response)) => text(response),
            Ok(super::Step::Run { .. }) => "a read".into(),
            Ok(super::Step::Account { .. }) => "an account".into(),
            Err(error) => text(dialect.write_error(&error, call)),
        }
    }

    /// What a signed-in caller is answered when a call's writes gave this.
    pub(super) fn after(&self, call: &Call, bodies: &[&'static str]) -> axum::response::Response {
        let dialect = self.dialects.owner(&call.path).unwrap();
        let written = |body: &&'static str| Written {
            body: Some(Bytes::from_static(body.as_bytes())),
            count: 1,
            created: 1,
            replayed: false,
        };
        match self.dialects.parse(dialect, &self.snapshot, &user(), call).unwrap() {
            super::Step::Write { write, .. } => write(bodies.iter().map(written).collect()).unwrap(),
            super::Step::Each { write, .. } => {
                write(bodies.iter().map(|body| Ok(vec![written(body)])).collect()).unwrap()
            }
            _ => panic!("nothing is written"),
        }
    }

    /// What a caller is answered before any data is asked for: status, body; `run` where data is.
    pub(super) fn refused(&self, principal: &Principal, call: &Call) -> String {
        let Some(dialect) = self.dialects.owner(&call.path) else {
            return "not owned".into();
        };
        match self.dialects.parse(dialect, &self.snapshot, principal, call) {
            Ok(
                super::Step::Run { .. }
                | super::Step::Write { .. }
                | super::Step::Each { .. }
                | super::Step::Account { .. },
            ) => "run".into(),
            Ok(super::Step::Done(response)) => text(response),
            Err(error) => text(dialect.write_error(&error, call)),
        }
    }
}

pub(super) fn user() -> Principal {
    Principal::of_role(Principal::USER, Credential::Token)
}

/// Status and body of a response.
pub(super) fn text(response: axum::response::Response) -> String {
    let status = response.status().as_u16();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let body = runtime
        .block_on(axum::body::to_bytes(response.into_body(), 1 << 20))
        .unwrap();
    format!("{status} {}", std::str::from_utf8(&body).unwrap())
}

/// A GET; the query is split and decoded as the server does it.
pub(super) fn get(url: &str) -> Call {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    Call {
        method: Method::GET,
        path: path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(decode)
            .collect(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        address: None,
    }
}

/// A call with a body.
pub(super) fn sent(method: &str, url: &str, media_type: &'static str, body: &str) -> Call {
    let mut call = Call {
        method: method.parse().unwrap(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        ..get(url)
    };
    call.headers.insert(
        axum::http::header::CONTENT_TYPE,
        axum::http::HeaderValue::from_static(media_type),
    );
    call
}

/// A change in one line, with its values in place.
fn changed(change: &Change, values: &Values) -> String {
    let of = |filter: &Option<Filter>| {
        filter
            .as_ref()
            .map_or_else(|| "all".into(), |filter| brief(filter, values))
    };
    match change {
        Change::Insert(insert) => {
            let groups = insert.groups.iter().map(|group| {
                let names: Vec<&str> = group.columns.iter().map(Name::as_str).collect();
                format!("({}) {:?}", names.join(", "), values.get(group.rows))
            });
            let conflict = insert.conflict.as_ref().map(|conflict| format!(" {conflict:?}"));
            format!(
                "insert {}{}",
                groups.collect::<Vec<_>>().join(", "),
                conflict.unwrap_or_default()
            )
        }
        Change::Update { filter, set, .. } => {
            let set = set.iter().map(|assignment| match &assignment.value {
                Expression::Value(slot) => format!("{} = {:?}", assignment.column, values.get(*slot)),
                other => format!("{} = {other:?}", assignment.column),
            });
            format!("update {} set {}", of(filter), set.collect::<Vec<_>>().join(", "))
        }
        Change::Delete { filter, .. } => format!("delete {}", of(filter)),
        Change::Find { .. } | Change::Connect { .. } | Change::Call { .. } => format!("{change:?}"),
    }
}

/// A filter in one line, with its values in place.
pub(super) fn brief(filter: &Filter, values: &Values) -> String {
    let all = |parts: &[Filter], word: &str| {
        format!(
            "({})",
            parts
                .iter()
                .map(|part| brief(part, values))
                .collect::<Vec<_>>()
                .join(word)
        )
    };
    let value = |value: &Value| match value {
        Value::List(items) => format!("{:?}", items.iter().map(raw).collect::<Vec<_>>()),
        other => raw(other),
    };
    match filter {
        Filter::And(parts) => all(parts, " and "),
        Filter::Or(parts) => all(parts, " or "),
        Filter::Not(inner) => format!("not {}", brief(inner, values)),
        Filter::Compare {
            left: Expression::Column(name),
            comparison,
            right: Expression::Value(slot),
        } => {
            format!("{name} {comparison:?} {}", value(values.get(*slot)))
        }
        Filter::IsNull {
            expression: Expression::Column(name),
            null,
        } => format!("{name} null={null}"),
        Filter::Key(slots) => format!(
            "key {:?}",
            slots.iter().map(|slot| raw(values.get(*slot))).collect::<Vec<_>>()
        ),
        other => format!("{other:?}"),
    }
}

fn raw(value: &Value) -> String {
    match value {
        Value::Raw(text) => text.to_string(),
        other => format!("{other:?}"),
    }
}

/// An outcome with a body.
pub(super) fn outcome(body: &'static str, count: u64, total: Option<u64>, next: Option<&str>) -> Outcome {
    Outcome {
        body: Body::Whole(body.as_bytes().into()),
        count,
        total,
        next: next.map(String::from),
    }
}
