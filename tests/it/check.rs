//! `diglot check` on a database: what is without effect is named, with its line, and nothing else is.

use crate::live::Operator;
use crate::world::{self, Database};
use std::process::Command;

const TABLES: &str = "
CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE shade (name TEXT PRIMARY KEY NOT NULL);
CREATE TABLE colour (name TEXT PRIMARY KEY NOT NULL);
INSERT INTO shade VALUES ('light');
INSERT INTO colour VALUES ('red');
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL, team_id INTEGER REFERENCES team (id),
    hue TEXT REFERENCES colour (name));
";

const FUNCTIONS: &str = "
CREATE FUNCTION loud(person) RETURNS text LANGUAGE sql STABLE AS 'SELECT upper($1.name)';
CREATE FUNCTION teams() RETURNS SETOF team LANGUAGE sql STABLE AS 'SELECT * FROM team';
CREATE FUNCTION people() RETURNS SETOF person LANGUAGE sql STABLE AS 'SELECT * FROM person';
CREATE FUNCTION renew() RETURNS SETOF person LANGUAGE sql VOLATILE AS 'SELECT * FROM person';
";

const CONFIGURATION: &str = r#"[access]
default = "closed"
[tables.team]
[tables.shade]
enum = true
access.user.read = true
[tables.colour]
enum = true
access.user.read = true
[tables.person]
access.user.read = { columns = ["id", "name", "team_id", "hue"] }
relations.team = { table = "team", columns = ["team_id"], references = ["id"] }
"#;

const LISTED_FUNCTIONS: &str = r#"[tables.person.computed.shout]
function = "loud"
[functions.teams]
[functions.people]
[functions.renew]
roles = ["user"]
"#;

const OF_TABLES: [&str; 2] = [
    "5:1: warning: tables.shade.enum: has no effect: no foreign key of another table refers to its key, so no column has the enum",
    "12:11: warning: tables.person.relations.team: only the admin can follow it: no role may read \"team\" and the columns that join them",
];

const OF_FUNCTIONS: [&str; 2] = [
    "13:25: warning: tables.person.computed.shout: only the admin can read it: name \"shout\" in a role's `columns`",
    "15:12: warning: functions.teams: only the admin can call it: name a role in `roles`, or let one read the table of its rows",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_without_effect_is_named() {
    for database in Database::ALL {
        let (functions, listed, more) = match database {
            Database::Sqlite => ("", "", &[][..]),
            Database::Postgres => (FUNCTIONS, LISTED_FUNCTIONS, &OF_FUNCTIONS[..]),
        };
        let script = format!("{TABLES}{functions}");
        let url = world::own_database("check", database, &script).await.unwrap();
        let configuration = format!("{CONFIGURATION}{listed}");
        let server = world::own("check", &url, &configuration).await.unwrap();
        let check = |text: &str| {
            let file = server.folder.join("checked.toml");
            std::fs::write(&file, text).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_diglot"))
                .args(["check", "--database", &url, "--config"])
                .arg(&file)
                .env_remove("DATABASE_URL")
                .output()
                .unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let place = format!("{}:", file.display());
            let findings: Vec<String> = said.lines().map(|line| line.replace(&place, "")).collect();
            (output.status.code(), findings)
        };

        let expected: Vec<String> = OF_TABLES.iter().chain(more).map(|line| (*line).to_owned()).collect();
        assert_eq!(check(&configuration), (Some(1), expected), "on {database}");

        // A word for each of them, and there is nothing left to say.
        let mended = configuration
            .replace("[tables.team]\n", "[tables.team]\naccess.user.read = true\n")
            .replace("[tables.shade]\nenum = true\n", "[tables.shade]\n")
            .replace("\"hue\"] }", "\"hue\", \"shout\"] }");
        let mended = match database {
            Database::Sqlite => mended.replace(", \"shout\"", ""),
            Database::Postgres => mended,
        };
        assert_eq!(check(&mended), (Some(0), vec!["no findings".into()]), "on {database}");
    }
}

const LARGE_TABLES: &str = "
CREATE TABLE owner (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE small (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES owner (id));
CREATE TABLE large (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES owner (id), reader_id INTEGER NOT NULL,
    status TEXT NOT NULL);
CREATE TABLE member (large_id INTEGER NOT NULL REFERENCES large (id), person INTEGER NOT NULL);
INSERT INTO owner VALUES (1, 'Ada');
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
    INSERT INTO large SELECT i, 1, i, 'open' FROM n;
INSERT INTO small SELECT id, 1 FROM large WHERE id < 900;
INSERT INTO member SELECT id, 1 FROM large;
";

const OF_OWNERS: &str = r#"[access]
default = "closed"
[tables.owner.access.user]
read = true
[tables.small.access.user]
read = "owner_id = _USER_.id"
[tables.large.access.user]
read = "status = 'open' AND (reader_id = _USER_.id OR EXISTS (SELECT 1 FROM member WHERE member.large_id = large.id AND member.person = _USER_.id))"
"#;

/// Relations and rules that read large tables from end to end are named, with what would mend it; and are not any more when it is
/// mended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_indexes_are_named() {
    for database in Database::ALL {
        let label = format!("check_indexes_{database}");
        let script = format!("{LARGE_TABLES} ANALYZE;");
        let url = world::own_database(&label, database, &script).await.unwrap();
        let server = world::own(&label, &url, OF_OWNERS).await.unwrap();
        let check = || {
            let file = server.folder.join("checked.toml");
            std::fs::write(&file, OF_OWNERS).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_diglot"))
                .args(["check", "--database", &url, "--config"])
                .arg(&file)
                .env_remove("DATABASE_URL")
                .output()
                .unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let (place, schema) = (format!("{}:", file.display()), "\"public\".");
            let findings: Vec<String> = said
                .lines()
                .map(|line| line.replace(&place, "").replace(schema, ""))
                .collect();
            (output.status.code(), findings)
        };
        let (code, findings) = check();
        let made: Vec<&str> = (findings.iter())
            .filter_map(|finding| finding.split_once("this makes one: "))
            .map(|(_, statement)| statement)
            .collect();
        let expected = [
            "CREATE INDEX \"large_owner_id_idx\" ON \"large\" (\"owner_id\")",
            "CREATE INDEX \"large_reader_id_idx\" ON \"large\" (\"reader_id\")",
            "CREATE INDEX \"member_large_id_idx\" ON \"member\" (\"large_id\")",
        ];
        let mut sorted = made.clone();
        sorted.sort_unstable();
        assert_eq!(
            (code, &sorted[..]),
            (Some(0), &expected[..]),
            "on {database}: {findings:#?}"
        );
        Operator::of(database, &server.url).execute(&made).await;
        assert_eq!(check(), (Some(0), vec!["no findings".into()]), "on {database}");
    }
}
