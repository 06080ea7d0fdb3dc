//! A database and the fronts over it, in this process, one for each thread that fuzzes.

use diglot::backend::{Backend, Settings};
use diglot::catalog;
use diglot::config::{AccessDefault, Config};
use diglot::engine::{Engine, Served, Snapshot, Source, build};
use diglot::error::{Error, Kind};
use diglot::graphql::GraphQl;
use diglot::principal::{Credential, Principal};
use diglot::request::Request;
use diglot::rest::Rest;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// No request of `reader` may ever reach what is called so.
pub(super) const HIDDEN: &str = "zz_hidden";

const SCHEMA: &str = "
CREATE TABLE owner (id INTEGER PRIMARY KEY, label TEXT, zz_hidden TEXT);
CREATE TABLE item (
  id INTEGER PRIMARY KEY, owner_id INTEGER REFERENCES owner (id), parent_id INTEGER REFERENCES item (id), name TEXT,
  price DECIMAL(10,2), flag BOOLEAN, day DATE, moment TIMESTAMP, data JSON, code UUID, bytes BLOB, big BIGINT,
  status TEXT CHECK (status IN ('draft', 'done')), zz_hidden TEXT
);
CREATE TABLE note (id INTEGER PRIMARY KEY, item_id INTEGER REFERENCES item (id), body TEXT, stars INTEGER);
CREATE TABLE zz_hidden_table (id INTEGER PRIMARY KEY, item_id INTEGER REFERENCES item (id), zz_hidden TEXT);
INSERT INTO owner VALUES (1, 'a', 'x'), (2, NULL, 'y');
INSERT INTO item (id, owner_id, name, price, flag, day, data, status) VALUES
  (1, 1, 'a', 1.5, TRUE, '2024-01-02', '{\"a\": [1]}', 'draft'), (2, NULL, 'b%', NULL, FALSE, NULL, '[1, null]', 'done'),
  (3, 2, NULL, 10, NULL, '1999-12-31', NULL, NULL);
INSERT INTO note VALUES (1, 1, 'x', 3), (2, 1, NULL, NULL);
INSERT INTO zz_hidden_table VALUES (1, 1, 'x');
";

const CONFIGURATION: &str = r#"
[access]
default = "closed"
[tables.owner.access.reader]
read = { except = ["zz_hidden"] }
[tables.item.access.reader]
read = { rule = "id < 3", except = ["zz_hidden"], schema = true }
[tables.note.access.reader]
read = true
[tables.zz_hidden_table.access.keeper]
read = true
"#;

/// What the targets stand on.
pub(super) struct Stage {
    runtime: tokio::runtime::Runtime,
    backend: Backend,
    database: catalog::Database,
    pub(super) engine: Arc<Engine>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) graphql: GraphQl,
    pub(super) rest: Rest,
    pub(super) principal: Principal,
    _folder: tempfile::TempDir,
}

impl Stage {
    pub(super) fn get() -> &'static Self {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(Self::new)
    }

    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fuzz.db");
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch(SCHEMA)
            .unwrap();
        let settings = Settings {
            url: format!("sqlite:{}", path.display()),
            schemas: Vec::new(),
            statement_timeout: Duration::from_secs(2),
            pool_size: 4,
            synchronous: diglot::config::Synchronous::Full,
        };
        let runtime = crate::properties::runtime();
        let source = source(CONFIGURATION);
        let (backend, database, engine) = runtime.block_on(async {
            let backend = Backend::connect(&settings).await.unwrap();
            let database = backend.introspect().await.unwrap();
            let (engine, _) = Engine::start(backend.clone(), source.clone(), b"secret").await.unwrap();
            (backend, database, engine)
        });
        Self {
            runtime,
            backend,
            database,
            snapshot: engine.snapshot(),
            graphql: GraphQl::new(engine.clone(), source.config.graphql.clone()),
            rest: Rest::new(engine.clone(), source.config.rest.clone()),
            principal: Principal::of_role("reader", Credential::Token),
            engine,
            _folder: folder,
        }
    }

    /// A request that a front made: it speaks of nothing hidden, and whatever is wrong with it is the client's fault.
    pub(super) fn run(&self, request: &Request) -> Result<diglot::engine::Outcome, Error> {
        let (explained, outcome) = self.runtime.block_on(async {
            (
                self.engine.explain(&self.snapshot, &self.principal, request).await,
                self.engine
                    .run(
                        &self.snapshot,
                        &self.principal,
                        request,
                        diglot::engine::Delivery::Whole(&self.engine.room()),
                    )
                    .await,
            )
        });
        if let Ok(explained) = &explained {
            assert!(!explained.sql.contains(HIDDEN), "{request:?} becomes {}", explained.sql);
        }
        if let Err(error) = &outcome {
            check_error(error);
        }
        outcome
    }

    /// Runs a read of all items under a rule of `reader`, where that is one.
    pub(super) fn run_under(&self, rule: &str) -> bool {
        let rule = toml::Value::from(rule);
        let configuration = format!(
            "[access]\ndefault = \"closed\"\n[tables.item.access.reader]\nread = {{ rule = {rule} }}\n[tables.owner]\n[tables.note]\n"
        );
        // Lines end otherwise in TOML than in a rule's text.
        let Ok(config) = configuration.parse::<Config>() else {
            return false;
        };
        let source = Source {
            config: Arc::new(config),
            access: AccessDefault::Closed,
        };
        let Ok(Served { catalog, views, .. }) = build(self.database.clone(), &source, None) else {
            return false;
        };
        let engine = Engine::assemble(
            self.backend.clone(),
            Snapshot::assemble(Arc::new(catalog), views, 1),
            b"secret",
            "x-diglot-",
            diglot::memory::Memory::unbounded(),
        );
        let snapshot = engine.snapshot();
        let front = Rest::new(self.engine.clone(), source.config.rest.clone());
        let mut signed_in = self.principal.clone();
        let variables = [("id", "1"), ("role", "reader"), ("org_id", "x")];
        signed_in.variables = Arc::new(
            variables
                .into_iter()
                .map(|(name, value)| (name.to_owned(), diglot::principal::Variable::Text(value.into())))
                .collect(),
        );
        let mut taken = true;
        for principal in [&self.principal, &signed_in] {
            let demand = front.demand(&snapshot, principal, &super::targets::get("/api/item", ""));
            let request = crate::inside::reads(demand.unwrap()).remove(0).1;
            if let Err(error) = self.runtime.block_on(engine.run(
                &snapshot,
                principal,
                &request,
                diglot::engine::Delivery::Whole(&engine.room()),
            )) {
                check_error(&error);
                taken = false;
            }
        }
        taken
    }
}

fn source(configuration: &str) -> Source {
    Source {
        config: Arc::new(configuration.parse().unwrap_or_else(|error| panic!("{error}"))),
        access: AccessDefault::Closed,
    }
}

/// Whatever bytes come in, it is not our fault, and no message speaks of what is hidden unless it was named.
pub(super) fn check_error(error: &Error) {
    assert!(!matches!(error.kind, Kind::Internal), "{error:?}");
}
