//! Functions that return a scalar: who may call them, and how. Names that a key is asked for by.

use super::{authorize, authorize_writes};
use crate::catalog::{Catalog, DatabaseKind, ExposedFunction, Function, FunctionArgument, FunctionId, FunctionResult};
use crate::error::Code;
use crate::ident::{Identifier, Name};
use crate::principal::{Principal, Scope};
use crate::request::{
    Change, Conflict, ConflictAction, ConflictTarget, Formats, Insert, Output, Page, Read, RowGroup, Select, Slot,
    Source, Write,
};
use crate::rules::{CreateAccess, FaceAccess, Output as Resolved, Predicate, View, fixture};
use crate::value::Type;
use std::sync::Arc;

fn catalog(volatile: bool) -> Catalog {
    let mut catalog = fixture::catalog(DatabaseKind::Postgres);
    catalog.database.functions.push(Function {
        schema: Identifier::new("public"),
        name: Identifier::new("twice"),
        arguments: vec![FunctionArgument {
            name: "value".into(),
            data_type: Type::Integer(32),
            database_type: "integer".into(),
            has_default: false,
            nameless: false,
            variadic: false,
            row_of: None,
        }],
        result: FunctionResult::Scalar {
            data_type: Type::Integer(32),
            database_type: "integer".into(),
            many: false,
        },
        volatile,
        comment: None,
    });
    catalog.functions.push(ExposedFunction {
        id: FunctionId(0),
        name: Name::new("twice"),
        function: catalog.database.functions.len() - 1,
        session_argument: None,
        mutation: false,
        roles: Some(vec![Name::new("user")]),
        table: None,
    });
    catalog
}

#[test]
fn scalars() {
    let plain = Select {
        output: Output::Scalar,
        ..Select::default()
    };
    let limited = Select {
        page: Page {
            limit: Some(Slot(1)),
            ..Page::default()
        },
        ..plain.clone()
    };
    let scope = Scope {
        read: Some(vec![Name::new("article")]),
        ..Scope::default()
    };
    let sent = vec![(Name::new("value"), Slot(0))];
    for (what, listed, volatile, scope, arguments, select, wrong) in [
        ("it is called", true, false, None, &sent, &plain, None),
        (
            "another role",
            false,
            false,
            None,
            &sent,
            &plain,
            Some(Code::UNKNOWN_TABLE),
        ),
        (
            "it may write",
            true,
            true,
            None,
            &sent,
            &plain,
            Some(Code::NOT_SUPPORTED),
        ),
        (
            "a token for tables",
            true,
            false,
            Some(scope),
            &sent,
            &plain,
            Some(Code::ACCESS_DENIED),
        ),
        (
            "no argument",
            true,
            false,
            None,
            &vec![],
            &plain,
            Some(Code::UNKNOWN_PARAMETER),
        ),
        ("a page", true, false, None, &sent, &limited, Some(Code::NOT_SUPPORTED)),
        (
            "rows",
            true,
            false,
            None,
            &sent,
            &Select::default(),
            Some(Code::NOT_SUPPORTED),
        ),
    ] {
        let catalog = catalog(volatile);
        let view = View {
            role: Name::new("user"),
            faces: Vec::new(),
            functions: if listed { vec![FunctionId(0)] } else { Vec::new() },
        };
        let principal = Principal {
            scope: scope.map(Arc::new),
            ..fixture::caller("user", &[])
        };
        let read = Read {
            source: Source::Function {
                name: Name::new("twice"),
                arguments: arguments.clone(),
            },
            select: select.clone(),
            formats: Formats::default(),
        };
        match (authorize(&catalog, &view, &principal, &read), wrong) {
            (Ok(authorized), None) => {
                let Resolved::Scalar { call, many } = &authorized.get().output else {
                    panic!("{what}");
                };
                assert!(!many && call.arguments.len() == 1, "{what}");
            }
            (Err(error), Some(code)) => assert_eq!(error.code, code, "{what}: {error:?}"),
            (got, _) => panic!("{what}: {got:?}"),
        }
    }
}

/// A name close to that of a column is no way to find out about columns that the role does not know.
#[test]
fn a_key_of_unknown_columns_tells_of_known_ones_alone() {
    let catalog = fixture::catalog(DatabaseKind::Postgres);
    let article = catalog.face_named("article").unwrap();
    let known = |name: &str| matches!(name, "id" | "title");
    let access = FaceAccess {
        read: None,
        create: Some(CreateAccess {
            check: Predicate::TRUE,
            columns: article
                .columns
                .iter()
                .map(|column| known(column.name.as_str()))
                .collect(),
            set: Vec::new(),
            backend_only: false,
        }),
        update: None,
        delete: None,
        schema: false,
    };
    let mut faces = vec![None; catalog.faces.len()];
    faces[fixture::ARTICLE.0 as usize] = Some(Arc::new(access));
    let view = View {
        role: Name::new("user"),
        faces,
        functions: Vec::new(),
    };
    for (sent, told) in [
        (
            "titel",
            "unknown column \"titel\" of \"article\", did you mean \"title\"?",
        ),
        ("_secre", "unknown column \"_secre\" of \"article\""),
        ("star", "unknown column \"star\" of \"article\""),
    ] {
        let write = Write {
            table: Name::new("article"),
            change: Change::Insert(Insert {
                groups: vec![RowGroup {
                    columns: vec![Name::new("title")],
                    links: Vec::new(),
                    rows: Slot(0),
                }],
                conflict: Some(Conflict {
                    target: ConflictTarget::Columns(vec![Name::new(sent)]),
                    action: ConflictAction::Ignore,
                }),
            }),
            returning: None,
            formats: Formats::default(),
            unit: 0,
            strict: false,
            skips: false,
        };
        let error = authorize_writes(&catalog, &view, &fixture::caller("user", &[]), &[write]).unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (Code::UNKNOWN_COLUMN, told));
    }
}
