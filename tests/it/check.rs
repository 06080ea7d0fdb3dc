//! `diglot check` on a database: what is without effect is named, with its line, and nothing else is.

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

const OF_FUNCTIONS: [&str; 3] = [
    "13:25: warning: tables.person.computed.shout: only the admin can read it: name \"shout\" in a role's `columns`",
    "15:12: warning: functions.teams: only the admin can call it: name a role in `roles`, or let one read the table of its rows",
    "17:12: warning: functions.renew: has no effect yet: functions that write, or say `expose = \"mutation\"`, are not served",
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
            .replace("\"hue\"] }", "\"hue\", \"shout\"] }")
            .replace("[functions.renew]\nroles = [\"user\"]\n", "");
        let mended = match database {
            Database::Sqlite => mended.replace(", \"shout\"", ""),
            Database::Postgres => mended,
        };
        assert_eq!(check(&mended), (Some(0), vec!["no findings".into()]), "on {database}");
    }
}
