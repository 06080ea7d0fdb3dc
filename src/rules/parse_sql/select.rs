//! The one form of SELECT that stands in rules: columns, tables with inner joins, conditions.

use super::{convert, position, spelled};
use crate::rules::syntax::{Expression, Kind, Position, Problem, Spelled, Subselect, TableReference};
use sqlparser::ast::{
    FunctionArg, FunctionArgExpr, GroupByExpr, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Query, Select,
    SelectItem, SetExpr, Spanned, TableFactor,
};

/// `(SELECT value FROM json_each(_REQ_FIELDS_))`, as the Records API writes it.
pub(super) fn request_fields_of(query: &Query) -> Option<Expression> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let [only] = select.from.as_slice() else { return None };
    let TableFactor::Table {
        name, args: Some(args), ..
    } = &only.relation
    else {
        return None;
    };
    if !name.to_string().eq_ignore_ascii_case("json_each") || select.selection.is_some() || !only.joins.is_empty() {
        return None;
    }
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = args.args.as_slice() else {
        return None;
    };
    convert(argument, 0)
        .ok()
        .filter(|argument| argument.kind == Kind::RequestFields)
}

pub(super) fn subselect(query: &Query, with_value: bool, depth: u16) -> Result<Subselect, Problem> {
    let at = position(query.span().start);
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.locks.is_empty()
        && query.for_clause.is_none()
        && query.settings.is_none()
        && query.format_clause.is_none()
        && query.pipe_operators.is_empty();
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Err(Problem::new(
            at,
            "only a plain SELECT … FROM … WHERE … is allowed in rules, without UNION",
        ));
    };
    if !plain || !is_plain(select) {
        return Err(Problem::new(
            at,
            "only SELECT … FROM … WHERE … is allowed in rules: no WITH, DISTINCT, GROUP BY, HAVING, ORDER BY or LIMIT",
        ));
    }
    if select.from.is_empty() {
        return Err(Problem::new(at, "the SELECT needs a FROM with a table"));
    }
    let mut tables = Vec::new();
    let mut conditions = Vec::new();
    for from in &select.from {
        tables.push(table(&from.relation, at)?);
        for join in &from.joins {
            tables.push(table(&join.relation, at)?);
            let (JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::CrossJoin(constraint)) = &join.join_operator
            else {
                return Err(Problem::new(
                    at,
                    "only inner joins (JOIN … ON …) are allowed in rules; for a left join write a second EXISTS",
                ));
            };
            match constraint {
                JoinConstraint::On(on) => conditions.push(convert(on, depth)?),
                JoinConstraint::None => {}
                JoinConstraint::Using(_) | JoinConstraint::Natural => {
                    return Err(Problem::new(at, "write the join as JOIN … ON a.x = b.y in rules"));
                }
            }
        }
    }
    if let Some(selection) = &select.selection {
        conditions.push(convert(selection, depth)?);
    }
    let value = match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] if with_value => {
            Some(convert(value, depth)?)
        }
        _ if with_value => {
            return Err(Problem::new(
                at,
                "the SELECT behind IN gives exactly one column: x IN (SELECT column FROM …)",
            ));
        }
        _ => None,
    };
    Ok(Subselect {
        tables,
        conditions,
        value,
        at,
    })
}

fn is_plain(select: &Select) -> bool {
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(by, modifiers) => !by.is_empty() || !modifiers.is_empty(),
    };
    !grouped
        && select.distinct.is_none()
        && select.top.is_none()
        && select.exclude.is_none()
        && select.into.is_none()
        && select.lateral_views.is_empty()
        && select.prewhere.is_none()
        && select.connect_by.is_empty()
        && select.cluster_by.is_empty()
        && select.distribute_by.is_empty()
        && select.sort_by.is_empty()
        && select.having.is_none()
        && select.named_window.is_empty()
        && select.qualify.is_none()
        && select.value_table_mode.is_none()
}

fn table(factor: &TableFactor, at: Position) -> Result<TableReference, Problem> {
    let TableFactor::Table {
        name,
        alias,
        args: None,
        sample: None,
        version: None,
        with_ordinality: false,
        json_path: None,
        ..
    } = factor
    else {
        return Err(Problem::new(
            at,
            "after FROM and JOIN stands a table, with or without an alias; nothing else is allowed in rules",
        ));
    };
    let names = table_name(name, at)?;
    let alias = match alias {
        Some(alias) if alias.columns.is_empty() => Some(spelled(&alias.name)),
        Some(alias) => {
            return Err(Problem::new(
                spelled(&alias.name).at,
                "an alias cannot rename columns in rules",
            ));
        }
        None => None,
    };
    let (schema, name) = names;
    Ok(TableReference { schema, name, alias })
}

fn table_name(name: &ObjectName, at: Position) -> Result<(Option<Spelled>, Spelled), Problem> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(table)] => Ok((None, spelled(table))),
        [ObjectNamePart::Identifier(schema), ObjectNamePart::Identifier(table)] => {
            Ok((Some(spelled(schema)), spelled(table)))
        }
        _ => Err(Problem::new(
            at,
            format!("{name} is not a table; write table or schema.table"),
        )),
    }
}
