//! A catalog with two roles, and a road that answers with what it was asked.

use crate::catalog::{
    Catalog, Column, ColumnId, Computed, Database, DatabaseKind, EnumType, ExposedFunction, Face, FaceId, Function,
    FunctionArgument, FunctionId, FunctionResult, Join, Relation, Table, TableId, TableKind,
};
use crate::config;
use crate::engine::{Body, Delivery, Outcome, Written};
use crate::error::{Code, Error, Kind, Result};
use crate::graphql::GraphQl;
use crate::graphql::road::{Road, Scene};
use crate::ident::{Identifier, Name};
use crate::memory::{Memory, Room};
use crate::principal::{Credential, Principal};
use crate::request::{Batch, Output, Request, Source};
use crate::rules::{Cell, CreateAccess, FaceAccess, Predicate, ReadAccess, UpdateAccess, View};
use crate::value::Type;
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex};

pub(super) fn column(name: &str, data_type: Type, nullable: bool) -> Column {
    Column {
        name: Identifier::new(name),
        data_type,
        database_type: String::new(),
        nullable,
        default: None,
        one_form: false,
        generated: None,
        comment: None,
    }
}

pub(super) fn table(name: &str, columns: Vec<Column>) -> Table {
    Table {
        schema: None,
        name: Identifier::new(name),
        kind: TableKind::Table,
        columns,
        primary_key: vec![ColumnId(0)],
        primary_key_name: None,
        uniques: Vec::new(),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        comment: None,
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
    }
}

/// A catalog with one face per table, in order.
pub(super) fn catalog(tables: Vec<Table>, enums: Vec<EnumType>, functions: Vec<Function>) -> Catalog {
    let faces = (0u32..)
        .zip(&tables)
        .map(|(id, table)| Face::plain(TableId(id), table))
        .collect();
    let database = Database {
        kind: DatabaseKind::Postgres,
        version: String::new(),
        tables,
        enums,
        caseless: None,
        composites: Vec::new(),
        functions,
        extensions: Vec::new(),
        fingerprint: String::new(),
        read_only: false,
    };
    Catalog::assemble(database, faces)
}

pub(super) fn relate(catalog: &mut Catalog, from: u32, name: &str, to: u32, many: bool, columns: [u16; 2]) {
    catalog.faces[from as usize].relations.push(Relation {
        name: Name::new(name),
        target: FaceId(to),
        many,
        join: Join::Direct {
            columns: vec![ColumnId(columns[0])],
            references: vec![ColumnId(columns[1])],
        },
        column: None,
    });
}

pub(super) fn blog() -> Catalog {
    let text = || Type::TEXT;
    let mut author = table(
        "author",
        vec![
            column("id", Type::Integer(32), false),
            column("name", text(), false),
            column("email", text(), true),
            column("born", Type::Date, true),
        ],
    );
    author.comment = Some("Who writes.".into());
    let post = table(
        "post",
        vec![
            column("id", Type::Integer(32), false),
            column("title", text(), false),
            column("author_id", Type::Integer(32), true),
            column("meta", Type::Jsonb, true),
            column("price", Type::Numeric, true),
            column("status", Type::Enum(0), false),
            column("views", Type::Integer(64), false),
            column("created_at", Type::TimestampTz, true),
            column("tags", Type::Array(Box::new(Type::TEXT)), true),
            column("score", Type::Float(64), true),
            column("mood", Type::Enum(1), true),
            column("span", Type::Other("int4range".into()), true),
        ],
    );
    let comment = table(
        "comment",
        vec![
            column("id", Type::Uuid, false),
            column("post_id", Type::Integer(32), false),
            column("body", text(), true),
            column("hidden", Type::Boolean, false),
        ],
    );
    let mut view = table(
        "order items",
        vec![
            column("2nd", text(), true),
            column("a b", text(), true),
            column("a_b", text(), true),
        ],
    );
    view.primary_key = Vec::new();
    view.kind = TableKind::View;
    let secret = table(
        "secret",
        vec![
            column("id", Type::Integer(32), false),
            column("plan", Type::Enum(2), true),
        ],
    );
    let enums = vec![
        EnumType {
            name: "public.status".into(),
            database_type: Some("status".into()),
            values: vec!["draft".into(), "live".into()],
            comment: Some("Where it stands.".into()),
        },
        EnumType {
            name: "post.mood".into(),
            database_type: None,
            values: vec!["so so".into()],
            comment: None,
        },
        EnumType {
            name: "secret.plan".into(),
            database_type: None,
            values: vec!["a".into(), "b".into()],
            comment: None,
        },
    ];
    let argument = |name: &str, data_type: Type, has_default: bool| FunctionArgument {
        name: name.into(),
        data_type,
        database_type: String::new(),
        row_of: None,
        has_default,
        nameless: false,
        variadic: false,
    };
    let functions = vec![
        Function {
            schema: Identifier::new("public"),
            name: Identifier::new("search_posts"),
            arguments: vec![
                argument("term", Type::TEXT, false),
                argument("most", Type::Integer(32), true),
                argument("session", Type::Json, false),
            ],
            result: FunctionResult::Rows {
                table: TableId(1),
                many: true,
            },
            volatile: false,
            comment: None,
        },
        Function {
            schema: Identifier::new("public"),
            name: Identifier::new("shout"),
            arguments: vec![
                FunctionArgument {
                    row_of: Some(TableId(1)),
                    ..argument("row", Type::Other("post".into()), false)
                },
                argument("mark", Type::TEXT, true),
            ],
            result: FunctionResult::Scalar {
                data_type: Type::TEXT,
                database_type: "text".into(),
                many: false,
            },
            volatile: false,
            comment: None,
        },
    ];
    let mut catalog = catalog(vec![author, post, comment, view, secret], enums, functions);
    relate(&mut catalog, 0, "posts", 1, true, [0, 2]);
    relate(&mut catalog, 0, "secret", 4, false, [0, 0]);
    relate(&mut catalog, 1, "author", 0, false, [2, 0]);
    relate(&mut catalog, 1, "comments", 2, true, [0, 1]);
    relate(&mut catalog, 2, "post", 1, false, [1, 0]);
    catalog.faces[1].computed.push(Computed {
        name: Name::new("loud"),
        function: 1,
        table_argument: "row".into(),
        session_argument: None,
    });
    let mut catalog = Catalog::assemble(catalog.database, catalog.faces);
    catalog.functions.push(ExposedFunction {
        id: FunctionId(0),
        name: Name::new("search_posts"),
        function: 0,
        session_argument: Some("session".into()),
        mutation: false,
        roles: None,
        table: Some(TableId(1)),
    });
    catalog
}

pub(super) fn read_all(catalog: &Catalog, face: u32) -> FaceAccess {
    let face = &catalog.faces[face as usize];
    FaceAccess {
        read: Some(ReadAccess {
            rule: Predicate::TRUE,
            cells: vec![Cell::Visible; face.columns.len()],
            counted: None,
            limit: None,
            aggregate: true,
            computed: face.computed.iter().map(|computed| computed.name.clone()).collect(),
        }),
        schema: true,
        ..FaceAccess::default()
    }
}

pub(super) fn write_all(catalog: &Catalog, face: u32) -> FaceAccess {
    let columns: Box<[bool]> = vec![true; catalog.faces[face as usize].columns.len()].into();
    FaceAccess {
        create: Some(CreateAccess {
            check: Predicate::TRUE,
            columns: columns.clone(),
            set: Vec::new(),
            backend_only: false,
        }),
        update: Some(UpdateAccess {
            rule: Predicate::TRUE,
            check: Predicate::TRUE,
            columns,
            set: Vec::new(),
            backend_only: false,
        }),
        delete: Some(Predicate::TRUE),
        ..read_all(catalog, face)
    }
}

/// Sees everything and writes everything but views.
pub(super) fn writer(catalog: &Catalog) -> View {
    let faces = (0u32..).zip(&catalog.faces).map(|(id, face)| {
        let view = catalog.table(face.table).kind == TableKind::View;
        Some(Arc::new(if view {
            read_all(catalog, id)
        } else {
            write_all(catalog, id)
        }))
    });
    View {
        role: Name::new("writer"),
        faces: faces.collect(),
        ..admin(catalog)
    }
}

/// Leaves comments without reading any; changes the titles of posts, and their prices where the backend asks.
pub(super) fn poster(catalog: &Catalog) -> View {
    let mut post = write_all(catalog, 1);
    post.create = None;
    post.delete = None;
    if let Some(update) = &mut post.update {
        update.columns = (0..12).map(|column| column == 1).collect();
    }
    let mut author = write_all(catalog, 0);
    author.delete = None;
    if let (Some(create), Some(update)) = (&mut author.create, &mut author.update) {
        create.backend_only = true;
        update.backend_only = true;
    }
    let comment = FaceAccess {
        read: None,
        update: None,
        delete: None,
        ..write_all(catalog, 2)
    };
    View {
        role: Name::new("poster"),
        faces: vec![
            Some(Arc::new(author)),
            Some(Arc::new(post)),
            Some(Arc::new(comment)),
            None,
            None,
        ],
        functions: Vec::new(),
    }
}

/// Sees everything.
pub(super) fn admin(catalog: &Catalog) -> View {
    View {
        role: Name::new("admin"),
        faces: (0u32..)
            .zip(&catalog.faces)
            .map(|(id, _)| Some(Arc::new(read_all(catalog, id))))
            .collect(),
        functions: catalog.functions.iter().map(|function| function.id).collect(),
    }
}

/// Sees authors without mail, posts without aggregates, views, price and status, comments; ten posts at most.
pub(super) fn reader(catalog: &Catalog) -> View {
    let mut author = read_all(catalog, 0);
    let mut post = read_all(catalog, 1);
    if let Some(read) = &mut author.read {
        read.cells[2] = Cell::Hidden;
    }
    if let Some(read) = &mut post.read {
        for column in [4, 5, 6, 11] {
            read.cells[column] = Cell::Hidden;
        }
        read.aggregate = false;
        read.limit = Some(10);
        read.computed.clear();
    }
    let faces = vec![
        Some(Arc::new(author)),
        Some(Arc::new(post)),
        Some(Arc::new(read_all(catalog, 2))),
        None,
        Some(Arc::new(FaceAccess::default())),
    ];
    View {
        role: Name::new("reader"),
        faces,
        functions: Vec::new(),
    }
}

/// Answers with the roots it was asked for; `comment` fails, and says what it saw.
pub(super) struct Echo {
    pub catalog: Arc<Catalog>,
    pub seen: Mutex<Vec<Request>>,
    pub written: Mutex<Vec<Batch>>,
}

impl Echo {
    pub(super) fn new(catalog: Catalog) -> Arc<Self> {
        Arc::new(Self {
            catalog: Arc::new(catalog),
            seen: Mutex::default(),
            written: Mutex::default(),
        })
    }
}

impl Road for Echo {
    fn room(&self) -> Arc<Room> {
        Memory::unbounded().room()
    }

    fn scene(&self, role: &str) -> Scene {
        let view = match role {
            "admin" => Some(admin(&self.catalog)),
            "reader" => Some(reader(&self.catalog)),
            "writer" => Some(writer(&self.catalog)),
            "poster" => Some(poster(&self.catalog)),
            "nobody" => Some(View {
                role: Name::new("nobody"),
                faces: vec![None; self.catalog.faces.len()],
                functions: Vec::new(),
            }),
            _ => None,
        };
        Scene {
            catalog: self.catalog.clone(),
            view: view.map(Arc::new),
            number: 1,
            snapshot: None,
        }
    }

    fn run<'a>(
        &'a self,
        _: &'a Scene,
        _: &'a Principal,
        request: &'a Request,
        _: Delivery<'a>,
    ) -> BoxFuture<'a, Result<Outcome>> {
        self.seen.lock().unwrap().push(request.clone());
        Box::pin(async move {
            let name = match &request.read.source {
                Source::Table(name) | Source::Function { name, .. } => name.clone(),
            };
            if name.as_str() == "comment" {
                return Err(Error::invalid(Code::INVALID_VALUE, "not that comment"));
            }
            if name.as_str() == "order items" {
                return Err(Error::new(
                    Kind::Unavailable,
                    Code::DATABASE_AWAY,
                    "the database is away",
                ));
            }
            let body = match request.read.select.output {
                Output::Row(_) => "null".to_owned(),
                _ => format!("[{:?}]", name.as_str()),
            };
            Ok(Outcome {
                body: Body::Whole(body.into_bytes().into()),
                count: 1,
                total: None,
                next: None,
            })
        })
    }

    /// Every write changes its own place's number of rows; `author` fails.
    fn write<'a>(&'a self, _: &'a Scene, _: &'a Principal, batch: Batch) -> BoxFuture<'a, Result<Vec<Written>>> {
        self.written.lock().unwrap().push(batch.clone());
        Box::pin(async move {
            let written = batch.writes.iter().enumerate().map(|(index, write)| {
                if write.table.as_str() == "author" {
                    return Err(Error::forbidden("not that author").of_write(index));
                }
                let body = write.returning.as_ref().map(|output| match output {
                    Output::Row(_) => "null".to_owned(),
                    _ => format!("[{{\"a\":{index},\"b\":[]}}]"),
                });
                Ok(Written {
                    body: body.map(Into::into),
                    count: index as u64 + 1,
                    ..Written::default()
                })
            });
            written.collect()
        })
    }
}

pub(super) fn front(catalog: Catalog) -> (GraphQl, Arc<Echo>) {
    front_with(catalog, config::GraphQl::default())
}

pub(super) fn front_with(catalog: Catalog, settings: config::GraphQl) -> (GraphQl, Arc<Echo>) {
    let echo = Echo::new(catalog);
    (GraphQl::over(echo.clone(), settings), echo)
}

pub(super) fn principal(role: &str) -> Principal {
    Principal::of_role(role, Credential::Token)
}
