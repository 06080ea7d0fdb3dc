//! Geometries in text or blob columns: GeoJSON, WKT (also with `SRID=…;`), WKB (also PostGIS's and GeoPackage's, also as
//! hexadecimal text). Only x and y take part in relations; coordinates are taken as they are, without a reference system.
//!
//! The readers of WKT and WKB are our own, because they meet whatever somebody stored: lengths are checked before anything
//! is allocated, and nesting is bounded.

mod binary;
mod json;
mod text;

use super::write::{self, float};
use crate::sql::Wire;
use geo::algorithm::{BoundingRect, CoordsIter, Intersects, Relate};
use geo::{Coord, Geometry, LineString, Polygon};
use rusqlite::types::ValueRef;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Deepest nesting of collections.
const DEEPEST: usize = 8;

/// Most pairs of points of two geometries that are compared.
const MOST_PAIRS: usize = 100_000_000;

/// A stored value as a geometry, if it is one.
pub(super) fn parse(value: ValueRef<'_>) -> Option<Geometry<f64>> {
    let geometry = match value {
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).ok()?.trim();
            if text.starts_with('{') {
                json::parse(text)?
            } else if text.len() > 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                binary::parse(&unhex(text)?)?
            } else {
                text::parse(text)?
            }
        }
        ValueRef::Blob(bytes) => binary::parse(bytes)?,
        _ => return None,
    };
    let finite = geometry
        .coords_iter()
        .all(|coord| coord.x.is_finite() && coord.y.is_finite());
    finite.then_some(geometry)
}

/// Appends a stored value as GeoJSON. GeoJSON is written as it is stored, with whatever dimensions it has; what is no
/// geometry is written as what it is.
pub(super) fn write(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match (parse(value), value) {
        (Some(_), ValueRef::Text(text)) if text.trim_ascii_start().starts_with(b"{") => {
            write::scalar(out, Wire::Json, value);
        }
        (Some(geometry), _) => geojson(out, &geometry),
        (None, _) => write::scalar(out, Wire::Text, value),
    }
}

/// How many points a geometry has.
pub(super) fn points(geometry: &Geometry<f64>) -> usize {
    geometry.coords_count()
}

/// Whether both together are small enough to be compared: the work can grow with the product of their points, and nothing
/// ends it in between.
pub(super) fn are_comparable(a: &Geometry<f64>, b: &Geometry<f64>) -> bool {
    points(a).saturating_mul(points(b)) <= MOST_PAIRS
}

/// Whether nothing of `b` is outside of `a` and their insides meet; `None` where that cannot be said.
pub(super) fn contains(a: &Geometry<f64>, b: &Geometry<f64>) -> Option<bool> {
    if apart(a, b) {
        return Some(false);
    }
    calmly(|| a.relate(b).is_contains())
}

/// Whether they have a point in common.
pub(super) fn intersects(a: &Geometry<f64>, b: &Geometry<f64>) -> Option<bool> {
    if apart(a, b) {
        return Some(false);
    }
    calmly(|| a.intersects(b))
}

/// Their rectangles do not even touch, or one is empty.
fn apart(a: &Geometry<f64>, b: &Geometry<f64>) -> bool {
    match (a.bounding_rect(), b.bounding_rect()) {
        (Some(a), Some(b)) => !a.intersects(&b),
        _ => true,
    }
}

/// The library's algorithms have asserted their way out of invalid polygons before; that is no reason to fall with them.
fn calmly(relation: impl FnOnce() -> bool) -> Option<bool> {
    catch_unwind(AssertUnwindSafe(relation)).ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?))
        .collect()
}

/// The GeoJSON of a geometry.
fn geojson(out: &mut Vec<u8>, geometry: &Geometry<f64>) {
    let mut tagged = |name: &str, write: &dyn Fn(&mut Vec<u8>)| {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\",\"coordinates\":");
        write(out);
        out.push(b'}');
    };
    match geometry {
        Geometry::Point(point) => tagged("Point", &|out| position(out, &point.0)),
        Geometry::MultiPoint(points) => tagged("MultiPoint", &|out| list(out, &points.0, |out, p| position(out, &p.0))),
        Geometry::LineString(line) => tagged("LineString", &|out| positions(out, line)),
        Geometry::MultiLineString(lines) => tagged("MultiLineString", &|out| list(out, &lines.0, positions)),
        Geometry::Polygon(polygon) => tagged("Polygon", &|out| rings(out, polygon)),
        Geometry::MultiPolygon(polygons) => tagged("MultiPolygon", &|out| list(out, &polygons.0, rings)),
        Geometry::GeometryCollection(collection) => {
            out.extend_from_slice(b"{\"type\":\"GeometryCollection\",\"geometries\":");
            list(out, &collection.0, geojson);
            out.push(b'}');
        }
        Geometry::Line(line) => geojson(out, &Geometry::LineString((*line).into())),
        Geometry::Rect(rectangle) => geojson(out, &Geometry::Polygon(rectangle.to_polygon())),
        Geometry::Triangle(triangle) => geojson(out, &Geometry::Polygon(triangle.to_polygon())),
    }
}

fn list<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

fn position(out: &mut Vec<u8>, coord: &Coord<f64>) {
    out.push(b'[');
    float(out, coord.x);
    out.push(b',');
    float(out, coord.y);
    out.push(b']');
}

fn positions(out: &mut Vec<u8>, line: &LineString<f64>) {
    list(out, &line.0, position);
}

fn rings(out: &mut Vec<u8>, polygon: &Polygon<f64>) {
    out.push(b'[');
    if !polygon.exterior().0.is_empty() {
        positions(out, polygon.exterior());
        for ring in polygon.interiors() {
            out.push(b',');
            positions(out, ring);
        }
    }
    out.push(b']');
}

#[cfg(test)]
mod tests;
