//! A small catalog for the tests of rules.

use crate::catalog::{
    Catalog, Column, ColumnId, Database, DatabaseKind, EnumType, Face, FaceId, ForeignKey, Join, Relation, Table,
    TableId, TableKind,
};
use crate::ident::{Identifier, Name};
use crate::principal::{Credential, Principal, Variable};
use crate::value::Type;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const ARTICLE: FaceId = FaceId(0);

/// Name, type, nullable.
type Columns<'a> = &'a [(&'a str, Type, bool)];

pub(super) fn table(name: &str, columns: Columns<'_>) -> Table {
    Table {
        schema: None,
        name: Identifier::new(name),
        kind: TableKind::Table,
        columns: columns
            .iter()
            .map(|(name, data_type, nullable)| Column {
                name: Identifier::new(*name),
                data_type: data_type.clone(),
                database_type: data_type.word().into(),
                nullable: *nullable,
                default: None,
                one_form: false,
                generated: None,
                comment: None,
            })
            .collect(),
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

pub(crate) fn catalog(kind: DatabaseKind) -> Catalog {
    let id = || ("id", Type::Integer(32), false);
    let mut article = table(
        "article",
        &[
            id(),
            ("title", Type::TEXT, false),
            ("is_published", Type::Boolean, false),
            ("author_id", Type::Uuid, true),
            ("team_id", Type::Integer(32), true),
            ("labels", Type::Array(Box::new(Type::TEXT)), true),
            ("data", Type::Jsonb, true),
            ("price", Type::Numeric, true),
            ("status", Type::Enum(0), true),
            ("created_at", Type::TimestampTz, false),
            ("_secret", Type::TEXT, true),
            ("stars", Type::Integer(32), true),
            ("location", Type::Other("inet".into()), true),
        ],
    );
    article.foreign_keys = vec![reference(3, 1)];
    let users = table(
        "users",
        &[
            ("id", Type::Uuid, false),
            ("email", Type::TEXT, false),
            ("team_id", Type::Integer(32), true),
        ],
    );
    let members = table(
        "team_members",
        &[("team", Type::Integer(32), false), ("user", Type::Uuid, true)],
    );
    let mut comment = table(
        "comment",
        &[
            id(),
            ("article_id", Type::Integer(32), false),
            ("user_id", Type::Uuid, false),
            ("body", Type::TEXT, true),
        ],
    );
    comment.foreign_keys = vec![reference(1, 0), reference(2, 1)];
    let note = table("public_note", &[id(), ("userId", Type::Uuid, false)]);
    let mut session = table("_diglot_session", &[id()]);
    session.system = true;
    let mut view = table("article_view", &[id(), ("user_id", Type::Uuid, true)]);
    view.kind = TableKind::View;
    let tag = table(
        "tag",
        &[id(), ("name", Type::TEXT, false), ("weight", Type::Integer(32), true)],
    );
    let mut pairs = table(
        "article_tag",
        &[
            ("article_id", Type::Integer(32), false),
            ("tag_id", Type::Integer(32), false),
        ],
    );
    pairs.primary_key = vec![ColumnId(0), ColumnId(1)];
    let genre = table("genre", &[id(), ("name", Type::TEXT, false)]);
    let database = Database {
        kind,
        version: String::new(),
        caseless: None,
        composites: Vec::new(),
        tables: vec![article, users, members, comment, note, session, view, tag, pairs, genre],
        enums: vec![EnumType {
            name: "status".into(),
            database_type: (kind == DatabaseKind::Postgres).then(|| "status".into()),
            values: vec!["draft".into(), "published".into()],
            comment: None,
        }],
        functions: Vec::new(),
        extensions: Vec::new(),
        fingerprint: String::new(),
        read_only: false,
    };
    let mut faces: Vec<Face> = (0..)
        .zip(&database.tables)
        .map(|(id, table)| Face::plain(TableId(id), table))
        .collect();
    let direct = |name: &str, target: u32, many: bool, columns: u16, references: u16| Relation {
        name: Name::new(name),
        target: FaceId(target),
        many,
        join: Join::Direct {
            columns: vec![ColumnId(columns)],
            references: vec![ColumnId(references)],
        },
        column: None,
    };
    faces[0].columns[4].name = Name::new("teamId");
    faces[0].relations = vec![
        direct("author", 1, false, 3, 0),
        direct("comments", 3, true, 0, 1),
        Relation {
            name: Name::new("tags"),
            target: FaceId(7),
            many: true,
            join: Join::Through {
                face: FaceId(8),
                columns: vec![ColumnId(0)],
                near: vec![ColumnId(0)],
                far: vec![ColumnId(1)],
                references: vec![ColumnId(0)],
            },
            column: None,
        },
    ];
    faces[3].relations = vec![direct("article", 0, false, 1, 0), direct("user", 1, false, 2, 0)];
    faces[1].relations = vec![direct("articles", 0, true, 0, 3)];
    let users = database.table_named(None, "users");
    let mut catalog = Catalog::assemble(database, faces);
    catalog.users = users;
    catalog
}

fn reference(column: u16, table: u32) -> ForeignKey {
    ForeignKey {
        name: None,
        columns: vec![ColumnId(column)],
        table: TableId(table),
        references: vec![ColumnId(0)],
        deferred: false,
    }
}

pub(super) const ME: &str = "8d3f0c2e-0a5b-4c1d-9e7f-0123456789ab";

/// A caller of a role with variables; a value in `{}` is a list.
pub(super) fn caller(role: &str, variables: &[(&str, &str)]) -> Principal {
    let variables: BTreeMap<String, Variable> = variables
        .iter()
        .map(|(name, value)| {
            let value = match value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some("") => Variable::List(Vec::new()),
                Some(items) => Variable::List(items.split(',').map(Into::into).collect()),
                None => Variable::Text((*value).into()),
            };
            ((*name).to_owned(), value)
        })
        .collect();
    Principal {
        variables: Arc::new(variables),
        ..Principal::of_role(role, Credential::Token)
    }
}
