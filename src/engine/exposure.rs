//! What the configuration says about exposure, in the catalog's words. (The two are of one level and don't know each other.)

use crate::catalog::{self, ComputedSettings, FaceSettings, FunctionSettings, RelationSettings};
use crate::config::{AccessDefault, Config, Table};

/// Translates tables and functions; `default` is what holds for those without access blocks, which are for `rules`.
pub(super) fn exposure(config: &Config, default: AccessDefault) -> catalog::Settings {
    let functions = config.functions.iter().map(|(entry, function)| FunctionSettings {
        entry: entry.clone(),
        name: function.name.clone(),
        session_argument: function.session_argument.clone(),
        expose: function.expose.clone(),
        roles: function.roles.clone(),
    });
    catalog::Settings {
        faces: config.tables.iter().map(|(entry, table)| face(entry, table)).collect(),
        functions: functions.collect(),
        only_listed: default == AccessDefault::Closed,
        users_table: config.auth.users_table.clone(),
        schema: config.database.schemas.first().cloned(),
    }
}

fn face(entry: &str, table: &Table) -> FaceSettings {
    let columns = table
        .columns
        .iter()
        .map(|(column, settings)| (column.clone(), settings.name.clone(), settings.geometry));
    let relations = table.relations.iter().map(|(name, relation)| RelationSettings {
        name: name.clone(),
        table: relation.table.clone(),
        columns: relation.columns.clone(),
        references: relation.references.clone(),
        many: relation.many,
    });
    let computed = table.computed.iter().map(|(name, field)| ComputedSettings {
        name: name.clone(),
        function: field.function.clone(),
        table_argument: field.table_argument.clone(),
        session_argument: field.session_argument.clone(),
    });
    FaceSettings {
        entry: entry.to_owned(),
        table: table.table.clone(),
        name: table.name.clone(),
        key: table.key.clone(),
        expand: table.expand.clone(),
        enum_table: table.enum_table,
        columns: columns.collect(),
        relations: relations.collect(),
        roots: table
            .roots
            .iter()
            .map(|(word, name)| (word.clone(), name.clone()))
            .collect(),
        computed: computed.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_arrives() {
        let config: Config = toml::from_str(
            r#"
            [database]
            schemas = ["app", "public"]
            [access]
            default = "closed"
            [tables.book]
            name = "books"
            expand = ["author_id"]
            [tables.book.columns.spot]
            name = "place"
            geometry = true
            [tables.book.relations.author]
            table = "reader"
            columns = ["author_id"]
            [tables.book.roots]
            select = "books"
            [tables.book.computed.full]
            function = "full_title"
            [tables.reader]
            table = "users"
            [tables.status]
            enum = true
            key = ["value"]
            [functions.search]
            roles = ["user"]
            expose = "mutation"
            "#,
        )
        .unwrap();
        let settings = exposure(&config, AccessDefault::Closed);
        assert!(settings.only_listed);
        assert_eq!(settings.schema.as_deref(), Some("app"));
        let [book, reader, status] = settings.faces.as_slice() else {
            panic!("{:?}", settings.faces)
        };
        assert_eq!((book.entry.as_str(), book.name.as_deref()), ("book", Some("books")));
        assert_eq!(book.expand.as_deref(), Some(&["author_id".to_owned()][..]));
        assert_eq!(book.columns, [("spot".into(), Some("place".into()), true)]);
        assert_eq!(
            (book.relations[0].table.as_deref(), book.relations[0].columns.as_slice()),
            (Some("reader"), &["author_id".into()][..])
        );
        assert_eq!(book.roots["select"], "books");
        assert_eq!(book.computed[0].function, "full_title");
        assert_eq!(reader.table.as_deref(), Some("users"));
        assert!(status.enum_table && status.key == ["value"]);
        let function = &settings.functions[0];
        assert_eq!(
            (function.entry.as_str(), function.expose.as_deref()),
            ("search", Some("mutation"))
        );
        assert_eq!(function.roles.as_deref(), Some(&["user".to_owned()][..]));
    }
}
