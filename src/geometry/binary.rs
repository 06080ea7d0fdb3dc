//! WKB, in the forms of the standard (1000s for z and m), of PostGIS (high bits and SRID) and of GeoPackage (a header).

use super::DEEPEST;
use geo::{Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};

pub(super) fn parse(bytes: &[u8]) -> Option<Geometry<f64>> {
    let body = match bytes {
        [b'G', b'P', _, flags, rest @ ..] => {
            let envelope = match (flags >> 1) & 7 {
                0 => 0,
                1 => 32,
                2 | 3 => 48,
                4 => 64,
                _ => return None,
            };
            rest.get(4 + envelope..)?
        }
        other => other,
    };
    let mut reader = Reader { bytes: body };
    let geometry = reader.geometry(0)?;
    reader.bytes.is_empty().then_some(geometry)
}

/// Writes the standard's form, little-endian, of two dimensions.
pub(super) fn write(out: &mut Vec<u8>, geometry: &Geometry<f64>) {
    let kind = match geometry {
        Geometry::Point(_) => 1,
        Geometry::LineString(_) => 2,
        Geometry::Polygon(_) => 3,
        Geometry::MultiPoint(_) => 4,
        Geometry::MultiLineString(_) => 5,
        Geometry::MultiPolygon(_) => 6,
        Geometry::GeometryCollection(_) => 7,
        Geometry::Line(line) => return write(out, &Geometry::LineString((*line).into())),
        Geometry::Rect(rectangle) => return write(out, &Geometry::Polygon(rectangle.to_polygon())),
        Geometry::Triangle(triangle) => return write(out, &Geometry::Polygon(triangle.to_polygon())),
    };
    head(out, kind);
    match geometry {
        Geometry::Point(point) => coord(out, point.0),
        Geometry::LineString(own) => line(out, own),
        Geometry::Polygon(own) => polygon(out, own),
        Geometry::MultiPoint(points) => {
            count(out, points.0.len());
            for point in &points.0 {
                head(out, 1);
                coord(out, point.0);
            }
        }
        Geometry::MultiLineString(lines) => {
            count(out, lines.0.len());
            for own in &lines.0 {
                head(out, 2);
                line(out, own);
            }
        }
        Geometry::MultiPolygon(polygons) => {
            count(out, polygons.0.len());
            for own in &polygons.0 {
                head(out, 3);
                polygon(out, own);
            }
        }
        Geometry::GeometryCollection(parts) => {
            count(out, parts.0.len());
            for part in &parts.0 {
                write(out, part);
            }
        }
        Geometry::Line(_) | Geometry::Rect(_) | Geometry::Triangle(_) => {}
    }
}

fn head(out: &mut Vec<u8>, kind: u32) {
    out.push(1);
    out.extend_from_slice(&kind.to_le_bytes());
}

fn count(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

fn coord(out: &mut Vec<u8>, at: Coord<f64>) {
    out.extend_from_slice(&at.x.to_le_bytes());
    out.extend_from_slice(&at.y.to_le_bytes());
}

fn line(out: &mut Vec<u8>, line: &LineString<f64>) {
    count(out, line.0.len());
    for at in &line.0 {
        coord(out, *at);
    }
}

fn polygon(out: &mut Vec<u8>, polygon: &Polygon<f64>) {
    if polygon.exterior().0.is_empty() {
        return count(out, 0);
    }
    count(out, 1 + polygon.interiors().len());
    line(out, polygon.exterior());
    for ring in polygon.interiors() {
        line(out, ring);
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

/// What a header says about the coordinates that follow.
#[derive(Clone, Copy)]
struct Order {
    little: bool,
    /// Doubles for each position.
    width: usize,
}

impl Reader<'_> {
    fn geometry(&mut self, depth: usize) -> Option<Geometry<f64>> {
        let little = match self.take::<1>()? {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        let order = Order { little, width: 2 };
        let kind = self.integer(order)?;
        let (mut z, mut m) = (kind & 0x8000_0000 != 0, kind & 0x4000_0000 != 0);
        if kind & 0x2000_0000 != 0 {
            self.integer(order)?;
        }
        let kind = kind & 0x0fff_ffff;
        match kind / 1000 {
            0 => {}
            1 => z = true,
            2 => m = true,
            3 => (z, m) = (true, true),
            _ => return None,
        }
        let order = Order {
            little,
            width: 2 + usize::from(z) + usize::from(m),
        };
        Some(match kind % 1000 {
            1 => {
                let at = self.position(order)?;
                // An empty point is one of NaN.
                if at.x.is_nan() && at.y.is_nan() {
                    return Some(Geometry::MultiPoint(MultiPoint(Vec::new())));
                }
                Geometry::Point(Point(at))
            }
            2 => Geometry::LineString(self.line(order)?),
            3 => Geometry::Polygon(self.polygon(order)?),
            4 => Geometry::MultiPoint(MultiPoint(self.parts(order, depth, |part| match part {
                Geometry::Point(point) => Some(point),
                _ => None,
            })?)),
            5 => Geometry::MultiLineString(MultiLineString(self.parts(order, depth, |part| match part {
                Geometry::LineString(line) => Some(line),
                _ => None,
            })?)),
            6 => Geometry::MultiPolygon(MultiPolygon(self.parts(order, depth, |part| match part {
                Geometry::Polygon(polygon) => Some(polygon),
                _ => None,
            })?)),
            7 => Geometry::GeometryCollection(GeometryCollection(self.parts(order, depth, Some)?)),
            _ => return None,
        })
    }

    fn parts<T>(&mut self, order: Order, depth: usize, of: impl Fn(Geometry<f64>) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count(order, 9)?;
        if depth >= DEEPEST {
            return None;
        }
        (0..count).map(|_| of(self.geometry(depth + 1)?)).collect()
    }

    fn polygon(&mut self, order: Order) -> Option<Polygon<f64>> {
        let count = self.count(order, 4)?;
        let mut rings = (0..count)
            .map(|_| self.line(order))
            .collect::<Option<Vec<_>>>()?
            .into_iter();
        let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
        Some(Polygon::new(exterior, rings.collect()))
    }

    fn line(&mut self, order: Order) -> Option<LineString<f64>> {
        let count = self.count(order, order.width * 8)?;
        (0..count)
            .map(|_| self.position(order))
            .collect::<Option<Vec<_>>>()
            .map(LineString)
    }

    fn position(&mut self, order: Order) -> Option<Coord<f64>> {
        let at = Coord {
            x: self.double(order)?,
            y: self.double(order)?,
        };
        for _ in 2..order.width {
            self.double(order)?;
        }
        Some(at)
    }

    /// A count of things of at least so many bytes each; more than could follow is none.
    fn count(&mut self, order: Order, each: usize) -> Option<usize> {
        let count = usize::try_from(self.integer(order)?).ok()?;
        (count <= self.bytes.len() / each).then_some(count)
    }

    fn integer(&mut self, order: Order) -> Option<u32> {
        let bytes = self.take()?;
        Some(if order.little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    }

    fn double(&mut self, order: Order) -> Option<f64> {
        let bytes = self.take()?;
        Some(if order.little {
            f64::from_le_bytes(bytes)
        } else {
            f64::from_be_bytes(bytes)
        })
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*head)
    }
}
