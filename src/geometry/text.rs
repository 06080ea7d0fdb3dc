//! WKT, with `SRID=…;` before it, `Z`, `M`, `ZM` and `EMPTY`.

use super::DEEPEST;
use geo::{Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};

pub(super) fn parse(text: &str) -> Option<Geometry<f64>> {
    let text = match text.split_once(';') {
        Some((head, rest)) if head.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("SRID=")) => rest,
        _ => text,
    };
    let mut reader = Reader { rest: text };
    let geometry = reader.geometry(0)?;
    reader.skip();
    reader.rest.is_empty().then_some(geometry)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn geometry(&mut self, depth: usize) -> Option<Geometry<f64>> {
        let word = self.word().to_ascii_uppercase();
        let word = word
            .strip_suffix("ZM")
            .or(word.strip_suffix('Z'))
            .or(word.strip_suffix('M'))
            .unwrap_or(&word);
        let before = self.rest;
        if !matches!(self.word().to_ascii_uppercase().as_str(), "Z" | "M" | "ZM") {
            self.rest = before;
        }
        Some(match word {
            "POINT" => match self.list(Self::position)?.as_slice() {
                [] => Geometry::MultiPoint(MultiPoint(Vec::new())),
                [at] => Geometry::Point(Point(*at)),
                _ => return None,
            },
            "LINESTRING" => Geometry::LineString(self.line()?),
            "POLYGON" => Geometry::Polygon(self.polygon()?),
            "MULTIPOINT" => Geometry::MultiPoint(MultiPoint(self.list(Self::point)?)),
            "MULTILINESTRING" => Geometry::MultiLineString(MultiLineString(self.list(Self::line)?)),
            "MULTIPOLYGON" => Geometry::MultiPolygon(MultiPolygon(self.list(Self::polygon)?)),
            "GEOMETRYCOLLECTION" if depth < DEEPEST => {
                Geometry::GeometryCollection(GeometryCollection(self.list(|reader| reader.geometry(depth + 1))?))
            }
            _ => return None,
        })
    }

    fn polygon(&mut self) -> Option<Polygon<f64>> {
        let mut rings = self.list(Self::line)?.into_iter();
        let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
        Some(Polygon::new(exterior, rings.collect()))
    }

    fn line(&mut self) -> Option<LineString<f64>> {
        self.list(Self::position).map(LineString)
    }

    /// A point of a multipoint, with or without parentheses of its own.
    fn point(&mut self) -> Option<Point<f64>> {
        if !self.eat('(') {
            return self.position().map(Point);
        }
        let at = self.position()?;
        self.eat(')').then_some(Point(at))
    }

    /// `(a, b, …)` or `EMPTY`.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        if !self.eat('(') {
            return self.word().eq_ignore_ascii_case("EMPTY").then(Vec::new);
        }
        let mut items = vec![item(self)?];
        while self.eat(',') {
            items.push(item(self)?);
        }
        self.eat(')').then_some(items)
    }

    /// Two to four numbers, of which the first two count.
    fn position(&mut self) -> Option<Coord<f64>> {
        let at = Coord {
            x: self.number()?,
            y: self.number()?,
        };
        for _ in 2..4 {
            if self.number().is_none() {
                break;
            }
        }
        Some(at)
    }

    fn number(&mut self) -> Option<f64> {
        self.skip();
        let length = self
            .rest
            .bytes()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
            .count();
        let (number, rest) = self.rest.split_at(length);
        let number = number.parse().ok()?;
        self.rest = rest;
        Some(number)
    }

    fn word(&mut self) -> &'a str {
        self.skip();
        let length = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        word
    }

    fn eat(&mut self, character: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }
}
