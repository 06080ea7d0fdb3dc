//! What is written for a record: plain columns, expanded ones, features.

use crate::catalog::{ColumnId, Face};
use crate::config::ExpandShape;
use crate::error::{Code, Error, Kind, Result};
use crate::ident::Name;
use crate::request::{Constant, Expression, Field, FieldValue, Output, Select};
use crate::rest::Scene;
use crate::rest::query;

/// The columns of `expand=author,category`.
///
/// # Errors
/// A name that is no readable foreign key, or one that the configuration does not let expand.
pub(super) fn expanded<'a>(list: Option<&str>, scene: Scene<'a>, face: &'a Face) -> Result<Vec<ColumnId>> {
    let mut columns = Vec::new();
    for name in query::list(list.unwrap_or_default()) {
        match scene
            .column(face, name)
            .filter(|column| can_expand(scene, face, *column))
        {
            Some(column) if columns.contains(&column) => {}
            Some(column) => columns.push(column),
            None => {
                let expandable: Vec<&str> = scene
                    .columns(face)
                    .filter(|(id, _)| can_expand(scene, face, *id))
                    .map(|(_, column)| column.name.as_str())
                    .collect();
                let short: String = name.chars().take(100).collect();
                let of = Some(face.name.as_str());
                let mut error = Error::unknown(
                    Kind::Invalid,
                    Code::UNKNOWN_RELATION,
                    "expandable column",
                    &short,
                    of,
                    expandable.iter().copied(),
                );
                if expandable.is_empty() {
                    error.message = format!("{}; it has none", error.message);
                }
                return Err(error.at("expand"));
            }
        }
    }
    Ok(columns)
}

/// Whether a column can be expanded for the caller.
pub(super) fn can_expand<'a>(scene: Scene<'a>, face: &'a Face, column: ColumnId) -> bool {
    face.expand.as_ref().is_none_or(|columns| columns.contains(&column)) && scene.relation_of(face, column).is_some()
}

/// Whether a column stands as `{"id":…}` though it is not expanded: where the configuration lists it, for all callers
/// alike, as the product's clients expect. (Without a list every foreign key would change its form.)
pub(super) fn is_wrapped(scene: Scene<'_>, face: &Face, column: ColumnId) -> bool {
    scene.settings.trailbase.expand_shape == ExpandShape::Data
        && face.expand.as_ref().is_some_and(|columns| columns.contains(&column))
        && face
            .relations
            .iter()
            .any(|relation| !relation.many && relation.column == Some(column))
}

/// The members of a record.
pub(super) fn fields<'a>(scene: Scene<'a>, face: &'a Face, expanded: &[ColumnId]) -> Vec<Field> {
    let plain = |id: ColumnId| !expanded.contains(&id) && !is_wrapped(scene, face, id);
    if scene.columns(face).all(|(id, _)| plain(id)) {
        return vec![Field::AllColumns];
    }
    members(scene, face, expanded, None)
}

/// A GeoJSON feature, whose properties are the other columns.
pub(super) fn feature<'a>(scene: Scene<'a>, face: &'a Face, geometry: ColumnId, expanded: &[ColumnId]) -> Vec<Field> {
    let mut fields = vec![Field::Member {
        key: Name::new("type"),
        value: FieldValue::Constant(Constant::Text(Name::new("Feature"))),
    }];
    // An id is one text or number; a key of several columns stands in the properties alone.
    if let ([key], true) = (face.key.as_slice(), scene.has_key(face)) {
        fields.push(Field::Member {
            key: Name::new("id"),
            value: column(face, *key),
        });
    }
    fields.push(Field::Member {
        key: Name::new("geometry"),
        value: column(face, geometry),
    });
    let properties = FieldValue::Object {
        unless_null: None,
        fields: members(scene, face, expanded, Some(geometry)),
    };
    fields.push(Field::Member {
        key: Name::new("properties"),
        value: properties,
    });
    fields
}

/// The geometry column of a name.
///
/// # Errors
/// Unknown, or of another type.
pub(super) fn geometry<'a>(name: &str, scene: Scene<'a>, face: &'a Face) -> Result<ColumnId> {
    let id = scene
        .column(face, name)
        .ok_or_else(|| scene.unknown_column(face, name).at("geojson"))?;
    if scene.is_geometry(face, id) {
        Ok(id)
    } else {
        let message = format!("{:?} is not a geometry column", face.column(id).name.as_str());
        Err(Error::invalid(Code::INVALID_VALUE, message).at("geojson"))
    }
}

fn members<'a>(scene: Scene<'a>, face: &'a Face, expanded: &[ColumnId], without: Option<ColumnId>) -> Vec<Field> {
    let kept = scene.columns(face).filter(|(id, _)| Some(*id) != without);
    kept.map(|(id, own)| Field::Member {
        key: own.name.clone(),
        value: member(scene, face, id, expanded.contains(&id)),
    })
    .collect()
}

fn member<'a>(scene: Scene<'a>, face: &'a Face, id: ColumnId, expanded: bool) -> FieldValue {
    let related = scene
        .relation_of(face, id)
        .filter(|_| expanded)
        .map(|relation| FieldValue::Relation {
            name: relation.name.clone(),
            select: Box::new(Select {
                output: Output::Row(vec![Field::AllColumns]),
                ..Select::default()
            }),
        });
    match (scene.settings.trailbase.expand_shape, related) {
        (ExpandShape::Inline, Some(related)) => related,
        (ExpandShape::Data, Some(related)) => wrapped(face, id, Some(related)),
        (_, None) if is_wrapped(scene, face, id) => wrapped(face, id, None),
        (_, None) => column(face, id),
    }
}

/// `{"id":…}`, with `"data"` where there is some; null for a null key.
fn wrapped(face: &Face, id: ColumnId, data: Option<FieldValue>) -> FieldValue {
    let mut fields = vec![Field::Member {
        key: Name::new("id"),
        value: column(face, id),
    }];
    fields.extend(data.map(|value| Field::Member {
        key: Name::new("data"),
        value,
    }));
    FieldValue::Object {
        unless_null: Some(Expression::Column(face.column(id).name.clone())),
        fields,
    }
}

fn column(face: &Face, id: ColumnId) -> FieldValue {
    FieldValue::Expression(Expression::Column(face.column(id).name.clone()))
}
