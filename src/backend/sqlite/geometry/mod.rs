//! Stored values as geometries, and how they lie to each other. Only x and y take part; coordinates are taken as they are,
//! without a reference system.

use super::write::{self, float};
use crate::geometry;
use crate::sql::Wire;
use geo::Geometry;
use geo::algorithm::{BoundingRect, CoordsIter, Distance, Euclidean, Intersects, Relate};
use rusqlite::types::ValueRef;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Most pairs of points of two geometries that are compared: what takes longest (a distance; two combs across each other)
/// takes a second in an unoptimized build.
const MOST_PAIRS: usize = 5_000_000;

/// A stored value as a geometry, if it is one.
pub(super) fn parse(value: ValueRef<'_>) -> Option<Geometry<f64>> {
    match value {
        ValueRef::Text(text) => geometry::parse_text(std::str::from_utf8(text).ok()?),
        ValueRef::Blob(bytes) => geometry::parse_bytes(bytes),
        _ => None,
    }
}

/// Appends a stored value as GeoJSON. GeoJSON is written as it is stored, with whatever dimensions it has; what is no
/// geometry is written as what it is.
pub(super) fn write(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match (parse(value), value) {
        (Some(_), ValueRef::Text(text)) if text.trim_ascii_start().starts_with(b"{") => {
            write::scalar(out, Wire::Json, value);
        }
        (Some(geometry), _) => geometry::write_geojson(out, &geometry, float),
        (None, _) => write::scalar(out, Wire::Text, value),
    }
}

/// Appends what has become JSON already, where it is a geometry in GeoJSON; of a feature its geometry, else null.
pub(super) fn write_only(out: &mut Vec<u8>, json: &[u8]) {
    #[derive(serde::Deserialize)]
    struct Tagged<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
    }
    let is_object = json.trim_ascii_start().starts_with(b"{");
    match parse(ValueRef::Text(json)).filter(|_| is_object) {
        None => out.extend_from_slice(b"null"),
        Some(geometry) => match serde_json::from_slice::<Tagged<'_>>(json) {
            Ok(tagged) if tagged.kind != "Feature" => out.extend_from_slice(json),
            _ => geometry::write_geojson(out, &geometry, float),
        },
    }
}

/// Whether both together are small enough to be compared: the work can grow with the product of their points, and nothing
/// ends it in between.
pub(super) fn are_comparable(a: &Geometry<f64>, b: &Geometry<f64>) -> bool {
    a.coords_count().saturating_mul(b.coords_count()) <= MOST_PAIRS
}

/// Whether nothing of `b` is outside of `a` and their insides meet; `None` where that cannot be said.
pub(super) fn contains(a: &Geometry<f64>, b: &Geometry<f64>) -> Option<bool> {
    test(a, b, |a, b| a.relate(b).is_contains())
}

/// Whether they have a point in common.
pub(super) fn intersects(a: &Geometry<f64>, b: &Geometry<f64>) -> Option<bool> {
    test(a, b, |a, b| a.intersects(b))
}

/// Whether their insides meet, but neither holds the other, nor do they share a part of their own dimension.
pub(super) fn crosses(a: &Geometry<f64>, b: &Geometry<f64>) -> Option<bool> {
    test(a, b, |a, b| a.relate(b).is_crosses())
}

/// Whether they cover the same places.
pub(super) fn equals(a: &Geometry<f64>, b: &Geometry<f64>) -> Option<bool> {
    if a.bounding_rect().is_none() && b.bounding_rect().is_none() {
        return Some(true);
    }
    test(a, b, |a, b| a.relate(b).is_equal_topo())
}

/// Whether they share a part of their own dimension, but not all.
pub(super) fn overlaps(a: &Geometry<f64>, b: &Geometry<f64>) -> Option<bool> {
    test(a, b, |a, b| a.relate(b).is_overlaps())
}

/// Whether only their edges meet.
pub(super) fn touches(a: &Geometry<f64>, b: &Geometry<f64>) -> Option<bool> {
    test(a, b, |a, b| a.relate(b).is_touches())
}

/// Their distance on the plane; none if one is empty.
pub(super) fn distance(a: &Geometry<f64>, b: &Geometry<f64>) -> Option<f64> {
    a.bounding_rect()?;
    b.bounding_rect()?;
    calmly(|| Euclidean.distance(a, b))
}

fn test(
    a: &Geometry<f64>,
    b: &Geometry<f64>,
    relation: impl FnOnce(&Geometry<f64>, &Geometry<f64>) -> bool,
) -> Option<bool> {
    if apart(a, b) {
        return Some(false);
    }
    calmly(|| relation(a, b))
}

/// Their rectangles do not even touch, or one is empty.
fn apart(a: &Geometry<f64>, b: &Geometry<f64>) -> bool {
    match (a.bounding_rect(), b.bounding_rect()) {
        (Some(a), Some(b)) => !a.intersects(&b),
        _ => true,
    }
}

/// The library's algorithms have asserted their way out of invalid polygons before; that is no reason to fall with them.
fn calmly<T>(relation: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(relation)).ok()
}

#[cfg(test)]
mod tests;
