//! GeoJSON: a geometry, or the one of a feature. (The crate `geojson` cannot read fractions while `serde_json` keeps numbers
//! at full precision, which the rest of the house needs.)

use super::DEEPEST;
use geo::{Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};
use serde_json::Value as Json;

pub(super) fn parse(text: &str) -> Option<Geometry<f64>> {
    let json: Json = serde_json::from_str(text).ok()?;
    match json.get("type")?.as_str()? {
        "Feature" => geometry(json.get("geometry")?, 0),
        _ => geometry(&json, 0),
    }
}

fn geometry(json: &Json, depth: usize) -> Option<Geometry<f64>> {
    let kind = json.get("type")?.as_str()?;
    if kind == "GeometryCollection" {
        let inner = |json: &Json| geometry(json, depth + 1);
        return (depth < DEEPEST)
            .then(|| list(json.get("geometries")?, inner))?
            .map(|parts| Geometry::GeometryCollection(GeometryCollection(parts)));
    }
    let coordinates = json.get("coordinates")?;
    Some(match kind {
        "Point" if coordinates.as_array()?.is_empty() => Geometry::MultiPoint(MultiPoint(Vec::new())),
        "Point" => Geometry::Point(point(coordinates)?),
        "MultiPoint" => Geometry::MultiPoint(MultiPoint(list(coordinates, point)?)),
        "LineString" => Geometry::LineString(line(coordinates)?),
        "MultiLineString" => Geometry::MultiLineString(MultiLineString(list(coordinates, line)?)),
        "Polygon" => Geometry::Polygon(polygon(coordinates)?),
        "MultiPolygon" => Geometry::MultiPolygon(MultiPolygon(list(coordinates, polygon)?)),
        _ => return None,
    })
}

fn list<T>(json: &Json, item: impl Fn(&Json) -> Option<T>) -> Option<Vec<T>> {
    json.as_array()?.iter().map(item).collect()
}

fn position(json: &Json) -> Option<Coord<f64>> {
    match json.as_array()?.as_slice() {
        [x, y, ..] => Some(Coord {
            x: x.as_f64()?,
            y: y.as_f64()?,
        }),
        _ => None,
    }
}

fn point(json: &Json) -> Option<Point<f64>> {
    position(json).map(Point)
}

fn line(json: &Json) -> Option<LineString<f64>> {
    list(json, position).map(LineString)
}

fn polygon(json: &Json) -> Option<Polygon<f64>> {
    let mut rings = list(json, line)?.into_iter();
    let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
    Some(Polygon::new(exterior, rings.collect()))
}
