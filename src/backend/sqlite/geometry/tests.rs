use super::*;
use geo::{Coord, LineString, Polygon};
use geozero::{CoordDimensions, ToWkb};

fn written(value: ValueRef<'_>) -> String {
    let mut out = Vec::new();
    write(&mut out, value);
    String::from_utf8(out).expect("UTF-8")
}

fn shape(text: &str) -> Geometry<f64> {
    parse(ValueRef::Text(text.as_bytes())).unwrap_or_else(|| panic!("no geometry: {text}"))
}

#[test]
fn every_form_becomes_geojson() {
    for (text, json) in [
        ("POINT(1 2.5)", r#"{"type":"Point","coordinates":[1,2.5]}"#),
        (
            "SRID=4326; point z (1 -2 3)",
            r#"{"type":"Point","coordinates":[1,-2]}"#,
        ),
        ("POINTZM(1 2 3 4)", r#"{"type":"Point","coordinates":[1,2]}"#),
        ("POINT EMPTY", r#"{"type":"MultiPoint","coordinates":[]}"#),
        (
            "LINESTRING(0 0,1e3 1)",
            r#"{"type":"LineString","coordinates":[[0,0],[1000,1]]}"#,
        ),
        (
            "POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))",
            r#"{"type":"Polygon","coordinates":[[[0,0],[4,0],[4,4],[0,0]],[[1,1],[2,1],[2,2],[1,1]]]}"#,
        ),
        (
            "MULTIPOINT(1 1,(2 2))",
            r#"{"type":"MultiPoint","coordinates":[[1,1],[2,2]]}"#,
        ),
        (
            "MULTILINESTRING((0 0,1 1))",
            r#"{"type":"MultiLineString","coordinates":[[[0,0],[1,1]]]}"#,
        ),
        (
            "MULTIPOLYGON(((0 0,1 0,1 1,0 0)))",
            r#"{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}"#,
        ),
        (
            "GEOMETRYCOLLECTION(POINT(1 1),LINESTRING EMPTY)",
            r#"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,1]},{"type":"LineString","coordinates":[]}]}"#,
        ),
    ] {
        assert_eq!(written(ValueRef::Text(text.as_bytes())), json, "{text}");
        if text.contains("EMPTY") {
            continue;
        }
        assert_eq!(
            written(ValueRef::Text(format!(" {json}").as_bytes())),
            format!(" {json}")
        );
        let geometry = shape(text);
        assert_eq!(shape(json), geometry);
        let forms = [
            geometry.to_wkb(CoordDimensions::xy()),
            geometry.to_ewkb(CoordDimensions::xy(), Some(4326)),
            geometry.to_gpkg_wkb(CoordDimensions::xy(), Some(4326), vec![0.0, 1.0, 0.0, 1.0]),
        ];
        for bytes in forms {
            let bytes = bytes.expect("bytes");
            assert_eq!(written(ValueRef::Blob(&bytes)), json, "{text}");
            let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            if bytes[0] != b'G' {
                assert_eq!(written(ValueRef::Text(hexadecimal.as_bytes())), json);
            }
            for end in 0..bytes.len() {
                assert_eq!(parse(ValueRef::Blob(&bytes[..end])), None);
            }
        }
    }
    let own = r#"{"type": "Point", "coordinates": [1.0, 2.0, 3.0]}"#;
    assert_eq!(written(ValueRef::Text(own.as_bytes())), own);
}

#[test]
fn what_is_no_geometry_is_written_as_what_it_is() {
    for (value, json) in [
        (ValueRef::Null, "null"),
        (ValueRef::Integer(7), "7"),
        (ValueRef::Text(b"somewhere"), "\"somewhere\""),
        (
            ValueRef::Text(b"{\"type\":\"Point\"}"),
            "\"{\\\"type\\\":\\\"Point\\\"}\"",
        ),
        (ValueRef::Text(b"POINT(1)"), "\"POINT(1)\""),
        (ValueRef::Text(b"POINT(1 1e999)"), "\"POINT(1 1e999)\""),
        (ValueRef::Blob(&[1, 1, 0, 0, 0]), "\"\\\\x0101000000\""),
    ] {
        assert_eq!(written(value), json);
    }
    // A count of four thousand millions in nine bytes.
    assert_eq!(parse(ValueRef::Blob(&[1, 7, 0, 0, 0, 255, 255, 255, 255])), None);
    for deep in [
        format!(
            "{}POINT(1 1){}",
            "GEOMETRYCOLLECTION(".repeat(100_000),
            ")".repeat(100_000)
        ),
        format!(
            "{}{}",
            "{\"type\":\"GeometryCollection\",\"geometries\":[".repeat(100_000),
            "]}".repeat(100_000)
        ),
        "(".repeat(1_000_000),
    ] {
        assert_eq!(parse(ValueRef::Text(deep.as_bytes())), None);
    }
    let deep: Vec<u8> = [1, 7, 0, 0, 0, 1, 0, 0, 0].repeat(100_000);
    assert_eq!(parse(ValueRef::Blob(&deep)), None);
}

#[test]
fn relations_are_those_of_postgis() {
    let square = shape("POLYGON((0 0,4 0,4 4,0 4,0 0))");
    for (other, contained, meets) in [
        ("POINT(2 2)", true, true),
        ("POINT(0 0)", false, true),
        ("POINT(9 9)", false, false),
        ("LINESTRING(1 1,3 3)", true, true),
        ("LINESTRING(0 0,4 0)", false, true),
        ("LINESTRING(1 1,9 9)", false, true),
        ("POLYGON((0 0,4 0,4 4,0 4,0 0))", true, true),
        ("POLYGON((4 4,5 4,5 5,4 4))", false, true),
        ("{\"type\":\"Point\",\"coordinates\":[1,1]}", true, true),
        ("POINT EMPTY", false, false),
    ] {
        let other = shape(other);
        assert_eq!(contains(&square, &other), Some(contained), "{other:?}");
        assert_eq!(intersects(&square, &other), Some(meets), "{other:?}");
        assert_eq!(intersects(&other, &square), Some(meets), "{other:?}");
    }
}

proptest::proptest! {
    #[test]
    fn hostile_bytes_do_no_harm(bytes: Vec<u8>, kind in 0u8..9, more: Vec<u8>) {
        let _ = parse(ValueRef::Blob(&bytes));
        let headed: Vec<u8> = [1, kind, 0, 0, 0].into_iter().chain(more).collect();
        let _ = parse(ValueRef::Blob(&headed));
    }

    #[test]
    fn hostile_text_does_no_harm(text in "(POINT|POLYGON|MULTIPOINT|GEOMETRYCOLLECTION|[(), 0-9.eE+-]|EMPTY){0,12}", any in "\\PC{0,20}") {
        let _ = parse(ValueRef::Text(text.as_bytes()));
        let _ = parse(ValueRef::Text(any.as_bytes()));
        let _ = parse(ValueRef::Text(format!("{{\"type\":\"Polygon\",\"coordinates\":[{text}]}}").as_bytes()));
    }

    #[test]
    fn relations_of_crooked_shapes_do_no_harm(a in coords(), b in coords()) {
        let shapes = |at: Vec<Coord<f64>>| [
            Geometry::LineString(LineString(at.clone())),
            Geometry::Polygon(Polygon::new(LineString(at), Vec::new())),
        ];
        for one in shapes(a) {
            for other in shapes(b.clone()) {
                let _ = (contains(&one, &other), intersects(&one, &other));
            }
        }
    }
}

fn coords() -> impl proptest::strategy::Strategy<Value = Vec<Coord<f64>>> {
    use proptest::strategy::Strategy;
    proptest::collection::vec(
        (0i8..4, 0i8..4).prop_map(|(x, y)| Coord {
            x: x.into(),
            y: y.into(),
        }),
        0..7,
    )
}
