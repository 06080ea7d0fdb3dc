//! Geometries: GeoJSON, WKT (also with `SRID=…;`), WKB (also PostGIS's and GeoPackage's, also as hexadecimal text).
//!
//! The readers of WKT and WKB are our own, because they meet whatever somebody stored or sent: lengths are checked before
//! anything is allocated, and nesting is bounded.

mod binary;
mod json;
mod text;

use geo::algorithm::CoordsIter;
use geo::{Coord, Geometry, LineString, Polygon};

/// Deepest nesting of collections.
const DEEPEST: usize = 8;

/// Appends a number.
pub type Number = fn(&mut Vec<u8>, f64);

/// A geometry in one of the text forms.
#[must_use]
pub fn parse_text(text: &str) -> Option<Geometry<f64>> {
    let text = text.trim();
    let geometry = if text.starts_with('{') {
        json::parse(text)?
    } else if text.len() > 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        binary::parse(&unhex(text)?)?
    } else {
        text::parse(text)?
    };
    is_finite(&geometry).then_some(geometry)
}

/// A geometry in WKB.
#[must_use]
pub fn parse_bytes(bytes: &[u8]) -> Option<Geometry<f64>> {
    binary::parse(bytes).filter(is_finite)
}

/// A text that a client or a rule calls a geometry, as plain GeoJSON that every database takes: rings are closed, and what
/// no database takes (a line of one point, a ring of two) is refused.
#[must_use]
pub fn normal(text: &str) -> Option<String> {
    let geometry = parse_text(text).filter(is_whole)?;
    let mut out = Vec::new();
    write_geojson(&mut out, &geometry, |out, number| {
        out.extend_from_slice(format!("{number:?}").as_bytes());
    });
    String::from_utf8(out).ok()
}

/// A text's geometry in WKB, as programs that keep geometries in blobs read it.
#[must_use]
pub fn to_bytes(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    binary::write(&mut out, &parse_text(text)?);
    Some(out)
}

/// How many points a text's geometry has; none where it is none.
#[must_use]
pub fn points(text: &str) -> usize {
    parse_text(text).map_or(0, |geometry| geometry.coords_count())
}

fn is_finite(geometry: &Geometry<f64>) -> bool {
    geometry
        .coords_iter()
        .all(|coord| coord.x.is_finite() && coord.y.is_finite())
}

fn is_whole(geometry: &Geometry<f64>) -> bool {
    let line = |line: &LineString<f64>| line.0.len() != 1;
    let polygon = |polygon: &Polygon<f64>| {
        std::iter::once(polygon.exterior())
            .chain(polygon.interiors())
            .all(|ring| ring.0.is_empty() || ring.0.len() >= 4)
    };
    match geometry {
        Geometry::LineString(own) => line(own),
        Geometry::MultiLineString(lines) => lines.0.iter().all(line),
        Geometry::Polygon(own) => polygon(own),
        Geometry::MultiPolygon(polygons) => polygons.0.iter().all(polygon),
        Geometry::GeometryCollection(parts) => parts.0.iter().all(is_whole),
        _ => true,
    }
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

/// The GeoJSON of a geometry, with the caller's way to write a number.
pub fn write_geojson(out: &mut Vec<u8>, geometry: &Geometry<f64>, number: Number) {
    let mut tagged = |name: &str, write: &dyn Fn(&mut Vec<u8>)| {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\",\"coordinates\":");
        write(out);
        out.push(b'}');
    };
    match geometry {
        Geometry::Point(point) => tagged("Point", &|out| position(out, &point.0, number)),
        Geometry::MultiPoint(points) => tagged("MultiPoint", &|out| {
            list(out, &points.0, |out, p| position(out, &p.0, number))
        }),
        Geometry::LineString(line) => tagged("LineString", &|out| positions(out, line, number)),
        Geometry::MultiLineString(lines) => tagged("MultiLineString", &|out| {
            list(out, &lines.0, |out, line| positions(out, line, number))
        }),
        Geometry::Polygon(polygon) => tagged("Polygon", &|out| rings(out, polygon, number)),
        Geometry::MultiPolygon(polygons) => tagged("MultiPolygon", &|out| {
            list(out, &polygons.0, |out, polygon| rings(out, polygon, number))
        }),
        Geometry::GeometryCollection(collection) => {
            out.extend_from_slice(b"{\"type\":\"GeometryCollection\",\"geometries\":");
            list(out, &collection.0, |out, part| write_geojson(out, part, number));
            out.push(b'}');
        }
        Geometry::Line(line) => write_geojson(out, &Geometry::LineString((*line).into()), number),
        Geometry::Rect(rectangle) => write_geojson(out, &Geometry::Polygon(rectangle.to_polygon()), number),
        Geometry::Triangle(triangle) => write_geojson(out, &Geometry::Polygon(triangle.to_polygon()), number),
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

fn position(out: &mut Vec<u8>, coord: &Coord<f64>, number: Number) {
    out.push(b'[');
    number(out, coord.x);
    out.push(b',');
    number(out, coord.y);
    out.push(b']');
}

fn positions(out: &mut Vec<u8>, line: &LineString<f64>, number: Number) {
    list(out, &line.0, |out, coord| position(out, coord, number));
}

fn rings(out: &mut Vec<u8>, polygon: &Polygon<f64>, number: Number) {
    out.push(b'[');
    if !polygon.exterior().0.is_empty() {
        positions(out, polygon.exterior(), number);
        for ring in polygon.interiors() {
            out.push(b',');
            positions(out, ring, number);
        }
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::{normal, parse_bytes, parse_text, to_bytes};

    #[test]
    fn every_kind_is_written_as_bytes() {
        let point = to_bytes("POINT(1 2)").unwrap();
        assert_eq!(
            point,
            [&[1, 1, 0, 0, 0][..], &1_f64.to_le_bytes(), &2_f64.to_le_bytes()].concat()
        );
        for text in [
            "POINT EMPTY",
            "LINESTRING(0 0,1 1)",
            "POLYGON EMPTY",
            "POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))",
            "MULTIPOINT(1 2,3 4)",
            "MULTILINESTRING((0 0,1 1),(2 2,3 3))",
            "MULTIPOLYGON(((0 0,4 0,4 4,0 0)))",
            "GEOMETRYCOLLECTION(POINT(1 2),GEOMETRYCOLLECTION(LINESTRING(0 0,1 1)))",
        ] {
            let bytes = to_bytes(text).unwrap();
            assert_eq!(parse_bytes(&bytes), parse_text(text), "{text}");
        }
        assert_eq!(to_bytes("POINT(banana)"), None);
    }

    #[test]
    fn what_is_sent_becomes_plain_geojson() {
        for (text, json) in [
            ("POINT(1 2.5)", r#"{"type":"Point","coordinates":[1.0,2.5]}"#),
            (
                "SRID=3857;POINT Z (1e300 2 3)",
                r#"{"type":"Point","coordinates":[1e300,2.0]}"#,
            ),
            ("POINT EMPTY", r#"{"type":"MultiPoint","coordinates":[]}"#),
            (
                "POLYGON((0 0,4 0,4 4))",
                r#"{"type":"Polygon","coordinates":[[[0.0,0.0],[4.0,0.0],[4.0,4.0],[0.0,0.0]]]}"#,
            ),
            (
                r#"{"type":"Feature","geometry":{"type":"LineString","coordinates":[[0,0],[1,1,5]]}}"#,
                r#"{"type":"LineString","coordinates":[[0.0,0.0],[1.0,1.0]]}"#,
            ),
            (
                "0101000000000000000000f03f0000000000000040",
                r#"{"type":"Point","coordinates":[1.0,2.0]}"#,
            ),
        ] {
            assert_eq!(normal(text).as_deref(), Some(json), "{text}");
        }
    }

    #[test]
    fn what_no_database_takes_is_refused() {
        for text in [
            "",
            "POINT",
            "POINT(1)",
            "POINT(NaN 1)",
            "POINT(1e999 1)",
            "LINESTRING(1 1)",
            "POLYGON((0 0,1 1))",
            "POLYGON((0 0))",
            "POLYGON((0 0,1 0,1 1,0 0),(0 0,1 1))",
            "MULTIPOLYGON(((0 0,1 1)))",
            "GEOMETRYCOLLECTION(LINESTRING(0 0))",
            "CIRCULARSTRING(0 0,1 1,2 0)",
            "POINT(1 2));SELECT 1",
            "01010000",
            "{}",
            r#"{"type":"Point","coordinates":["1","2"]}"#,
            r#"{"type":"LineString","coordinates":[[0,0]]}"#,
        ] {
            assert_eq!(normal(text), None, "{text}");
        }
    }
}
