//! Tests that need a server: `DIGLOT_TEST_POSTGRES` is the URL of a superuser. Each makes a database of its own.

mod catalog;
mod faults;
mod load;
mod patterns;
mod pooler;
mod reads;
mod streams;

use super::super::{Rows, Run, Settings};
use super::Postgres;
use crate::error::Result;
use crate::memory::Memory;
use crate::request::Slot;
use crate::rules::Parameter;
use crate::sql::{Form, Layout, Mark, Member, Shape, Statement, Wire};
use crate::value::{Datum, Type};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::time::Duration;

fn server() -> String {
    std::env::var("DIGLOT_TEST_POSTGRES").expect("DIGLOT_TEST_POSTGRES must be the URL of a PostgreSQL superuser")
}

/// A database of one test.
#[derive(Clone)]
struct Scratch {
    name: String,
}

impl Scratch {
    fn settings(&self) -> Settings {
        let mut url = url::Url::parse(&server()).unwrap();
        url.set_path(&self.name);
        Settings {
            url: url.into(),
            schemas: vec!["public".into()],
            statement_timeout: Duration::from_secs(10),
            pool_size: 4,
            synchronous: crate::config::Synchronous::Full,
        }
    }

    async fn connect(&self) -> Postgres {
        Postgres::connect(&self.settings()).await.unwrap()
    }

    /// Runs statements beside the backend.
    async fn execute(&self, script: &str) {
        let mut connection = self.client().await;
        sqlx::raw_sql(leaked(script)).execute(&mut connection).await.unwrap();
    }

    async fn client(&self) -> PgConnection {
        self.settings()
            .url
            .parse::<PgConnectOptions>()
            .unwrap()
            .connect()
            .await
            .unwrap()
    }
}

/// Static text, which the driver wants for plain SQL; tests may leak.
fn leaked(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// Makes a database, runs the script and the test, and drops the database however the test ends.
async fn with_database<F>(script: &str, test: impl FnOnce(Scratch) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let scratch = Scratch {
        name: format!("diglot_test_{}", uuid::Uuid::new_v4().simple()),
    };
    let mut admin = PgConnection::connect(&server()).await.unwrap();
    let create = format!(
        "CREATE DATABASE {} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING 'UTF8'",
        scratch.name
    );
    sqlx::raw_sql(leaked(&create)).execute(&mut admin).await.unwrap();
    let (own, script) = (scratch.clone(), script.to_owned());
    let prepared = tokio::spawn(async move { own.execute(&script).await }).await;
    let result = match prepared {
        Ok(()) => tokio::spawn(test(scratch.clone())).await,
        failed => failed,
    };
    let drop = format!("DROP DATABASE {} WITH (FORCE)", scratch.name);
    sqlx::raw_sql(leaked(&drop)).execute(&mut admin).await.unwrap();
    if let Err(error) = result {
        std::panic::resume_unwind(error.into_panic());
    }
}

fn mark(data_type: Type) -> Mark {
    Mark {
        source: Parameter::Slot(Slot(0)),
        data_type,
        list: false,
        form: Form::Plain,
    }
}

fn list(data_type: Type) -> Mark {
    Mark {
        list: true,
        ..mark(data_type)
    }
}

fn column(index: usize, wire: Wire) -> Layout {
    Layout::Column { index, wire }
}

fn object(members: &[(&str, Layout)]) -> Layout {
    let member = |(index, (key, value)): (usize, &(&str, Layout))| Member {
        key: format!("{}{key:?}:", if index > 0 { "," } else { "" })
            .into_bytes()
            .into(),
        value: value.clone(),
    };
    Layout::Object {
        members: members.iter().enumerate().map(member).collect(),
        unless_null: None,
    }
}

fn shape(outputs: Vec<Layout>) -> Shape {
    Shape {
        outputs,
        total: None,
        present: None,
        cursor: Vec::new(),
        reversed: false,
    }
}

async fn run(postgres: &Postgres, statement: &Statement, values: &[Datum]) -> Result<Rows> {
    postgres
        .run(Run {
            statement,
            values,
            most: None,
            seal: None,
            room: &Memory::unbounded().room(),
        })
        .await
}

fn text(rows: &Rows, output: usize) -> String {
    rows.text(output)
}
