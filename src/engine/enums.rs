//! The values of enum tables, read when a snapshot is made.

use super::{Delivery, Engine, Snapshot};
use crate::catalog::{Catalog, ColumnId, Face};
use crate::error::Result;
use crate::principal::{Credential, Principal};
use crate::request::{
    Builder, Expression, Field, FieldValue, Formats, Nulls, Order, Output, Page, Read, Request, Select, Source,
};
use crate::rules::{Finding, Views};
use crate::value::Value;
use serde_json::Value as Json;
use std::sync::Arc;

/// Most values of an enum.
const MOST: usize = 1000;

/// Fills in the values of every enum table, asked for as anybody asks: by the engine, as the server's own administrator.
/// What cannot become an enum gets a notice.
///
/// # Errors
/// The database's faults.
pub(super) async fn fill(engine: &Engine, catalog: Catalog, views: &Views) -> Result<(Catalog, Vec<Finding>)> {
    if !catalog.faces.iter().any(|face| face.enum_table) {
        return Ok((catalog, Vec::new()));
    }
    let snapshot = Snapshot::assemble(Arc::new(catalog.clone()), views.clone(), 0);
    let principal = Principal::of_role(Principal::ADMIN, Credential::System);
    let mut catalog = catalog;
    let mut notices = Vec::new();
    for face in snapshot.catalog.faces.iter().filter(|face| face.enum_table) {
        let Some(request) = request(&snapshot.catalog, face) else {
            continue;
        };
        let outcome = engine
            .run(&snapshot, &principal, &request, Delivery::Whole(&engine.room()))
            .await?;
        let bytes = outcome.body.whole()?;
        let values = values(&bytes);
        let wrong = match values.len() {
            0 => Some("it has no rows".to_owned()),
            count if count > MOST => Some(format!("it has more than {MOST} rows")),
            _ => None,
        };
        match wrong {
            None => catalog.faces[face.id.0 as usize].enum_values = values,
            Some(reason) => {
                let message = format!("{:?} becomes no enum: {reason}", face.name.as_str());
                catalog.notices.push(message.clone());
                notices.push(Finding::warning(format!("tables.{}.enum", face.entry), message));
            }
        }
    }
    Ok((catalog, notices))
}

/// All keys, in their order, and the second column, where it is a text.
fn request(catalog: &Catalog, face: &Face) -> Option<Request> {
    let table = catalog.table(face.table);
    let key = *face.key.first()?;
    let second = face.description_column(table);
    let column = |id: ColumnId| Expression::Column(face.column(id).name.clone());
    let fields = [("value", Some(key)), ("description", second)]
        .into_iter()
        .filter_map(|(name, id)| {
            Some(Field::Member {
                key: name.into(),
                value: FieldValue::Expression(column(id?)),
            })
        })
        .collect();
    let mut builder = Builder::new();
    let most = builder.push(Value::Integer(
        i64::try_from(MOST).unwrap_or(i64::MAX).saturating_add(1),
    ));
    Some(builder.finish(Read {
        source: Source::Table(face.name.clone()),
        select: Select {
            order: vec![Order {
                by: column(key),
                descending: false,
                nulls: Nulls::Last,
            }],
            page: Page {
                limit: Some(most),
                ..Page::default()
            },
            output: Output::Rows(fields),
            ..Select::default()
        },
        formats: Formats::default(),
    }))
}

fn values(bytes: &[u8]) -> Vec<(String, Option<String>)> {
    let rows: Vec<Json> = serde_json::from_slice(bytes).unwrap_or_default();
    rows.iter()
        .filter_map(|row| {
            let text = |key: &str| row.get(key).and_then(Json::as_str).map(str::to_owned);
            Some((text("value")?, text("description")))
        })
        .collect()
}
