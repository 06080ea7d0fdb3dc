//! What SQLite tells only in the text of `CREATE TABLE`: lists of `CHECK (c IN (…))`, names of unique keys, names and modes of
//! foreign keys.

use sqlparser::ast::{
    BinaryOperator, ColumnOption, DeferrableInitial, Expr, ForeignKeyConstraint, Statement, TableConstraint, Value,
};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

/// What a table's text adds to the pragmas.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Declared {
    /// Column and its allowed texts.
    pub(super) lists: Vec<(String, Vec<String>)>,
    /// Foreign keys in the order of the text: name, checked at commit.
    pub(super) foreign_keys: Vec<(Option<String>, bool)>,
    /// Unique keys that have a name: columns, name.
    pub(super) uniques: Vec<(Vec<String>, String)>,
}

/// Reads a `CREATE TABLE` statement. What cannot be parsed declares nothing: SQLite accepts more than anybody's grammar.
pub(super) fn declared(sql: &str) -> Declared {
    let mut declared = Declared::default();
    let upper = sql.to_ascii_uppercase();
    let worthwhile = upper.contains("CHECK")
        || upper.contains("CONSTRAINT")
        || (upper.contains("REFERENCES") && upper.contains("DEFERRED"));
    if !worthwhile || sql.len() > 1 << 20 {
        return declared;
    }
    let Ok(statements) = Parser::parse_sql(&SQLiteDialect {}, sql) else {
        return declared;
    };
    let Some(Statement::CreateTable(table)) = statements.into_iter().next() else {
        return declared;
    };
    for column in &table.columns {
        for option in &column.options {
            match &option.option {
                ColumnOption::Check(check) => conjuncts(&check.expr, &mut declared.lists),
                ColumnOption::Unique(_) => {
                    let name = option.name.as_ref().map(|name| name.value.clone());
                    let columns = vec![column.name.value.clone()];
                    declared.uniques.extend(name.map(|name| (columns, name)));
                }
                ColumnOption::ForeignKey(key) => {
                    let name = option.name.as_ref().or(key.name.as_ref());
                    declared
                        .foreign_keys
                        .push((name.map(|name| name.value.clone()), deferred(key)));
                }
                _ => {}
            }
        }
    }
    for constraint in &table.constraints {
        match constraint {
            TableConstraint::Check(check) => conjuncts(&check.expr, &mut declared.lists),
            TableConstraint::Unique(key) => {
                let columns = key.columns.iter().map(|column| column_of(&column.column.expr));
                let name = key.name.as_ref().map(|name| name.value.clone());
                declared.uniques.extend(columns.collect::<Option<_>>().zip(name));
            }
            TableConstraint::ForeignKey(key) => {
                declared
                    .foreign_keys
                    .push((key.name.as_ref().map(|name| name.value.clone()), deferred(key)));
            }
            _ => {}
        }
    }
    declared
}

fn deferred(key: &ForeignKeyConstraint) -> bool {
    key.characteristics
        .is_some_and(|mode| mode.initially == Some(DeferrableInitial::Deferred) && mode.deferrable != Some(false))
}

/// Lists that hold whatever else the check says: the parts of a conjunction, and `c IS NULL OR c IN (…)`.
fn conjuncts(expression: &Expr, lists: &mut Vec<(String, Vec<String>)>) {
    match expression {
        Expr::Nested(inner) => conjuncts(inner, lists),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            conjuncts(left, lists);
            conjuncts(right, lists);
        }
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Or,
            right,
        } => {
            for (null, list) in [(left, right), (right, left)] {
                let Expr::IsNull(column) = bare(null) else { continue };
                if let Some((name, values)) = in_list(bare(list))
                    && column_of(column).is_some_and(|column| column.eq_ignore_ascii_case(&name))
                {
                    lists.push((name, values));
                    return;
                }
            }
        }
        other => lists.extend(in_list(other)),
    }
}

fn bare(expression: &Expr) -> &Expr {
    match expression {
        Expr::Nested(inner) => bare(inner),
        other => other,
    }
}

fn in_list(expression: &Expr) -> Option<(String, Vec<String>)> {
    let Expr::InList {
        expr,
        list,
        negated: false,
    } = expression
    else {
        return None;
    };
    let values = list.iter().map(|value| match bare(value) {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    });
    let values = values.collect::<Option<Vec<_>>>()?;
    Some((column_of(expr)?, values)).filter(|(_, values)| !values.is_empty())
}

fn column_of(expression: &Expr) -> Option<String> {
    match bare(expression) {
        Expr::Identifier(name) => Some(name.value.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::declared;

    #[test]
    fn lists_are_found_where_they_are_sure() {
        for (check, values) in [
            ("c IN ('a', 'b')", Some("a,b")),
            ("(\"c\" IN ('a','it''s'))", Some("a,it's")),
            ("[c] in ('a') AND length(c) > 0", Some("a")),
            ("c IS NULL OR c IN ('a','b')", Some("a,b")),
            ("(c IN ('x')) OR (c IS NULL)", Some("x")),
            ("c IN ('a') OR d = 1", None),
            ("c NOT IN ('a')", None),
            ("c IN (1, 2)", None),
            ("lower(c) IN ('a')", None),
            ("c IN ('a', d)", None),
        ] {
            for sql in [
                format!("CREATE TABLE t (c TEXT CHECK ({check}), d INT)"),
                format!("CREATE TABLE \"t\" (c TEXT, d INT, CONSTRAINT k CHECK ({check})) STRICT"),
                format!("CREATE TABLE t (c TEXT, d INT PRIMARY KEY, CHECK ({check})) WITHOUT ROWID"),
            ] {
                let lists = declared(&sql).lists;
                let found = lists
                    .first()
                    .map(|(column, values)| (column.as_str(), values.join(",")));
                assert_eq!(found, values.map(|values| ("c", values.to_owned())), "{sql}");
            }
        }
    }

    #[test]
    fn what_does_not_parse_declares_nothing() {
        for sql in [
            "CREATE TABLE t (c CHECK (",
            "",
            "CREATE VIRTUAL TABLE t USING fts5(CHECK)",
            "CHECK",
        ] {
            assert_eq!(declared(sql), super::Declared::default());
        }
        let nested = format!(
            "CREATE TABLE t (c TEXT CHECK ({}c{}))",
            "(".repeat(50_000),
            ")".repeat(50_000)
        );
        assert_eq!(declared(&nested), super::Declared::default());
    }

    #[test]
    fn unique_keys_have_names() {
        let sql = "CREATE TABLE t (a INT CONSTRAINT one UNIQUE, b INT UNIQUE, \"c\" INT, CONSTRAINT \"The two\" UNIQUE (b, [c]), \
                   UNIQUE (a, b))";
        let wanted = [(vec!["a"], "one"), (vec!["b", "c"], "The two")];
        let found = declared(sql).uniques;
        let found: Vec<(Vec<&str>, &str)> = found
            .iter()
            .map(|(columns, name)| (columns.iter().map(String::as_str).collect(), name.as_str()))
            .collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn foreign_keys_have_names_and_modes() {
        let sql = "CREATE TABLE t (a INT CONSTRAINT one REFERENCES x DEFERRABLE INITIALLY DEFERRED, b INT REFERENCES x(id), \
                   c INT, CONSTRAINT three FOREIGN KEY (c) REFERENCES x (id) ON DELETE CASCADE)";
        assert_eq!(
            declared(sql).foreign_keys,
            [(Some("one".into()), true), (None, false), (Some("three".into()), false)]
        );
    }
}
