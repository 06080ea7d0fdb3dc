//! From the tree to the configuration's structs: which keys there are, and what they hold.

mod access;

use super::node::{Entries, Value};
use super::walk::{Fields, Reader};
use super::{
    Access, AccessDefault, Auth, Column, Computed, Config, Database, ExpandShape, Function, GraphQl, Keys, Limits,
    Naming, Relation, Rest, Role, Search, Server, Synchronous, Table, Telemetry, TrailBase, UnknownFilters,
};

/// Reads everything. Where a value is wrong its default stands, so that all findings come at once.
pub(super) fn read(reader: &mut Reader, entries: &Entries) -> Config {
    let mut fields = Fields::new(reader, "", Some(entries));
    let config = Config {
        database: database(fields.section("database")),
        server: server(fields.section("server")),
        auth: auth(fields.section("auth")),
        access: access_default(fields.section("access")),
        graphql: graphql(fields.section("graphql")),
        rest: rest(fields.section("rest")),
        telemetry: telemetry(fields.section("telemetry")),
        tables: fields.each("tables", table),
        functions: fields.each("functions", function),
        roles: fields.each("roles", role),
        source: std::sync::Arc::default(),
    };
    fields.finish_with(section_of);
    config
}

/// The keys that environment variables can set: those of the sections.
pub(super) fn keys() -> Vec<String> {
    let mut reader = Reader::default();
    read(&mut reader, &Entries::new());
    reader.asked
}

/// A key that stands in a section which is not its own.
fn section_of(key: &str) -> Option<String> {
    if [
        "database",
        "server",
        "auth",
        "access",
        "graphql",
        "rest",
        "telemetry",
        "tables",
        "functions",
        "roles",
    ]
    .contains(&key)
    {
        return None;
    }
    let keys = keys();
    let mut owners = keys
        .iter()
        .filter_map(|path| path.rsplit_once('.').filter(|(_, last)| *last == key));
    match (owners.next(), owners.next()) {
        (Some((section, _)), None) => Some(format!("it belongs in [{section}]")),
        _ => None,
    }
}

fn database(mut fields: Fields<'_>) -> Database {
    let default = Database::default();
    let words = [("full", Synchronous::Full), ("normal", Synchronous::Normal)];
    let database = Database {
        url: fields.text("url"),
        replicas: fields.texts("replicas").unwrap_or(default.replicas),
        schemas: fields.texts("schemas").unwrap_or(default.schemas),
        statement_timeout: fields.text("statement_timeout").unwrap_or(default.statement_timeout),
        pool_size: fields.integer("pool_size").unwrap_or(default.pool_size),
        synchronous: fields.choice("synchronous", &words).unwrap_or(default.synchronous),
    };
    fields.finish_with(section_of);
    database
}

fn server(mut fields: Fields<'_>) -> Server {
    let default = Server::default();
    let server = Server {
        listen: fields.text("listen").unwrap_or(default.listen),
        cors_origins: fields.texts("cors_origins").unwrap_or(default.cors_origins),
        hosts: fields.texts("hosts").unwrap_or(default.hosts),
        trusted_proxies: fields.texts("trusted_proxies").unwrap_or(default.trusted_proxies),
        max_body: fields.text("max_body").unwrap_or(default.max_body),
        max_answer: fields.text("max_answer").unwrap_or(default.max_answer),
        answer_memory: fields.text("answer_memory").unwrap_or(default.answer_memory),
        body_memory: fields.text("body_memory").unwrap_or(default.body_memory),
        max_written_rows: fields.integer("max_written_rows").unwrap_or(default.max_written_rows),
        shutdown_timeout: fields.text("shutdown_timeout").unwrap_or(default.shutdown_timeout),
        header_timeout: fields.text("header_timeout").unwrap_or(default.header_timeout),
        request_timeout: fields.text("request_timeout").unwrap_or(default.request_timeout),
    };
    fields.finish_with(section_of);
    server
}

fn auth(mut fields: Fields<'_>) -> Auth {
    let default = Auth::default();
    let auth = Auth {
        jwt_secret: keys_of(&mut fields, "jwt_secret"),
        jwks_url: fields.text("jwks_url"),
        issuer: fields.text("issuer"),
        audience: fields.text("audience"),
        leeway: fields.integer("leeway").unwrap_or(default.leeway),
        allow_unexpiring: fields.boolean("allow_unexpiring").unwrap_or(default.allow_unexpiring),
        claims_namespace: fields.text("claims_namespace"),
        admin_secret: fields.text("admin_secret"),
        anon_key: fields.text("anon_key"),
        users_table: fields.text("users_table").unwrap_or(default.users_table),
        access_token_ttl: fields.text("access_token_ttl").unwrap_or(default.access_token_ttl),
        refresh_token_ttl: fields.text("refresh_token_ttl").unwrap_or(default.refresh_token_ttl),
        header_prefix: fields.text("header_prefix").unwrap_or(default.header_prefix),
        sign_up: fields.boolean("sign_up"),
        sign_up_columns: fields.texts("sign_up_columns"),
    };
    fields.finish_with(section_of);
    auth
}

/// A text, or a list of them.
fn keys_of(fields: &mut Fields<'_>, key: &'static str) -> Option<Keys> {
    let is_list = fields
        .node(key)
        .is_some_and(|node| matches!(node.value, Value::List(_)));
    if is_list {
        fields.texts(key).map(Keys::Several)
    } else {
        fields.text(key).map(Keys::One)
    }
}

fn access_default(mut fields: Fields<'_>) -> Access {
    let words = [
        ("convention", AccessDefault::Convention),
        ("closed", AccessDefault::Closed),
    ];
    let access = Access {
        default: fields.choice("default", &words),
    };
    fields.finish_with(section_of);
    access
}

fn graphql(mut fields: Fields<'_>) -> GraphQl {
    let default = GraphQl::default();
    let namings = [("snake", Naming::Snake), ("camel", Naming::Camel)];
    let graphql = GraphQl {
        naming: fields.choice("naming", &namings).unwrap_or(default.naming),
        stringify_numeric: fields.boolean("stringify_numeric").unwrap_or(default.stringify_numeric),
        default_limit: fields.integer("default_limit"),
        introspection: fields.boolean("introspection").unwrap_or(default.introspection),
        limits: limits(fields.section("limits")),
    };
    fields.finish_with(section_of);
    graphql
}

fn limits(mut fields: Fields<'_>) -> Limits {
    let default = Limits::default();
    let limits = Limits {
        bytes: fields.integer("bytes").unwrap_or(default.bytes),
        tokens: fields.integer("tokens").unwrap_or(default.tokens),
        depth: fields.integer("depth").unwrap_or(default.depth),
        nodes: fields.integer("nodes").unwrap_or(default.nodes),
        aliases: fields.integer("aliases").unwrap_or(default.aliases),
        directives: fields.integer("directives").unwrap_or(default.directives),
        fields: fields.integer("fields").unwrap_or(default.fields),
        batch: fields.integer("batch").unwrap_or(default.batch),
    };
    fields.finish();
    limits
}

fn rest(mut fields: Fields<'_>) -> Rest {
    let default = Rest::default();
    let rest = Rest {
        dialects: fields.texts("dialects").unwrap_or(default.dialects),
        default_limit: fields.integer("default_limit").unwrap_or(default.default_limit),
        max_limit: fields.integer("max_limit").unwrap_or(default.max_limit),
        trailbase: trailbase(fields.section("trailbase")),
    };
    fields.finish_with(section_of);
    rest
}

fn telemetry(mut fields: Fields<'_>) -> Telemetry {
    let telemetry = Telemetry {
        metrics_listen: fields.text("metrics_listen"),
        metrics_token: fields.text("metrics_token"),
        otlp_endpoint: fields.text("otlp_endpoint"),
        slow_query: fields.text("slow_query"),
    };
    fields.finish_with(section_of);
    telemetry
}

fn trailbase(mut fields: Fields<'_>) -> TrailBase {
    let default = TrailBase::default();
    let filters = [("reject", UnknownFilters::Reject), ("ignore", UnknownFilters::Ignore)];
    let shapes = [("data", ExpandShape::Data), ("inline", ExpandShape::Inline)];
    let trailbase = TrailBase {
        unknown_filters: fields
            .choice("unknown_filters", &filters)
            .unwrap_or(default.unknown_filters),
        expand_shape: fields.choice("expand_shape", &shapes).unwrap_or(default.expand_shape),
        max_limit: fields.integer("max_limit").unwrap_or(default.max_limit),
        redirect_uris: fields.texts("redirect_uris").unwrap_or(default.redirect_uris),
    };
    fields.finish();
    trailbase
}

fn table(mut fields: Fields<'_>) -> Table {
    let conflicts = ["none", "replace", "ignore"].map(|word| (word, word));
    let table = Table {
        name: fields.text("name"),
        table: fields.text("table"),
        key: fields.texts("key").unwrap_or_default(),
        expand: fields.texts("expand"),
        autofill_user_columns: fields.boolean("autofill_user_columns").unwrap_or_default(),
        conflict: fields.choice("conflict", &conflicts).map(str::to_owned),
        enum_table: fields.boolean("enum").unwrap_or_default(),
        search: fields
            .node("search")
            .is_some()
            .then(|| search(fields.section("search"))),
        columns: fields.each("columns", column),
        relations: fields.each("relations", relation),
        roots: fields.texts_by_name("roots"),
        computed: fields.each("computed", computed),
        access: fields.each("access", access::role),
    };
    fields.finish_with(|key| match key {
        "anonymous" | "user" | "read" | "create" | "update" | "delete" => {
            Some("rights stand in [tables.<table>.access.<role>]".into())
        }
        "reference" | "references" | "foreign_key" => {
            Some("relations stand in [tables.<table>.relations.<name>]".into())
        }
        _ => None,
    });
    table
}

fn search(mut fields: Fields<'_>) -> Search {
    let search = Search {
        columns: fields.texts("columns").unwrap_or_default(),
    };
    fields.finish();
    search
}

/// A column of the Baserow front has keys of its own beside `baserow`, by its field type.
fn column(mut fields: Fields<'_>) -> Column {
    let mut column = Column {
        name: fields.text("name"),
        geometry: fields.boolean("geometry").unwrap_or_default(),
        baserow: fields.text("baserow"),
        ..Column::default()
    };
    if column.baserow.is_some() {
        column.options = fields
            .rest()
            .map(|(key, node)| (key.clone(), node.value.to_json()))
            .collect();
    } else {
        fields.finish();
    }
    column
}

fn relation(mut fields: Fields<'_>) -> Relation {
    let relation = Relation {
        table: fields.text("table"),
        columns: fields.texts("columns").unwrap_or_default(),
        references: fields.texts("references").unwrap_or_default(),
        many: fields.boolean("many").unwrap_or_default(),
    };
    fields.finish();
    relation
}

fn computed(mut fields: Fields<'_>) -> Computed {
    let function = fields.text("function");
    let computed = Computed {
        function: function.unwrap_or_default(),
        table_argument: fields.text("table_argument"),
        session_argument: fields.text("session_argument"),
    };
    fields.finish();
    computed
}

fn function(mut fields: Fields<'_>) -> Function {
    let kinds = ["query", "mutation"].map(|word| (word, word));
    let function = Function {
        name: fields.text("name"),
        session_argument: fields.text("session_argument"),
        expose: fields.choice("expose", &kinds).map(str::to_owned),
        roles: fields.texts("roles"),
    };
    fields.finish();
    function
}

fn role(mut fields: Fields<'_>) -> Role {
    let role = Role {
        inherits: fields.texts("inherits").unwrap_or_default(),
    };
    fields.finish();
    role
}

/// Whether a node is a constant that `set` can take.
fn is_expression(value: &Value) -> bool {
    matches!(value, Value::Table(entries) if entries.contains_key("sql"))
}
