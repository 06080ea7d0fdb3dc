//! Geometries: PostGIS on PostgreSQL, our own functions on SQLite.
//!
//! PostGIS refuses to relate geometries of different reference systems. A value of a request has the coordinates of the
//! column that it is compared with, so it gets that column's system. Geographies are compared on the ellipsoid where
//! PostGIS has the test for them, else on the plane of their coordinates.

use super::Writer;
use crate::catalog::{Column, FunctionArgument};
use crate::rules::{SpatialTest, Term};

/// What one side of a test is on PostgreSQL.
#[derive(Clone, Copy)]
struct Side<'t> {
    /// The column at its heart, whose reference system a value takes.
    column: Option<&'t Term>,
    geography: bool,
}

impl Writer<'_> {
    pub(super) fn geometry_test(&mut self, test: SpatialTest, left: &Term, right: &Term) {
        let (postgres, sqlite) = match test {
            SpatialTest::Within => ("ST_Within(", "diglot_st_within("),
            SpatialTest::Intersects => ("ST_Intersects(", "diglot_st_intersects("),
            SpatialTest::Contains => ("ST_Contains(", "diglot_st_contains("),
            SpatialTest::Crosses => ("ST_Crosses(", "diglot_st_crosses("),
            SpatialTest::Equals => ("ST_Equals(", "diglot_st_equals("),
            SpatialTest::Overlaps => ("ST_Overlaps(", "diglot_st_overlaps("),
            SpatialTest::Touches => ("ST_Touches(", "diglot_st_touches("),
        };
        self.geometry_call(postgres, sqlite, left, right, test == SpatialTest::Intersects);
        self.word(")");
    }

    pub(super) fn distance(&mut self, left: &Term, right: &Term) {
        self.geometry_call("ST_Distance(", "diglot_st_distance(", left, right, true);
        self.word(")");
    }

    /// A distance that is at most so much: on PostgreSQL a function that an index serves.
    pub(super) fn within_distance(&mut self, left: &Term, right: &Term, most: &Term) {
        self.geometry_call("ST_DWithin(", "(diglot_st_distance(", left, right, true);
        self.by_flavor(", ", ") <= ");
        self.term(most);
        self.word(")");
    }

    /// A column as GeoJSON, with all digits, in its own dimensions.
    pub(super) fn geojson(&mut self, term: &Term) {
        let kind = self.kind_of(term);
        let plain = [
            "Point",
            "LineString",
            "Polygon",
            "MultiPoint",
            "MultiLineString",
            "MultiPolygon",
        ];
        if plain
            .iter()
            .any(|name| kind.is_some_and(|kind| kind.trim_end_matches(['Z', 'M']) == *name))
            || self.spatial_side(term).geography
        {
            self.postgis("ST_AsGeoJSON(");
            self.term(term);
            self.word(", 15)");
            return;
        }
        // GeoJSON has no arcs and no solids: arcs become lines, solids are written as WKT.
        self.word("CASE ");
        self.postgis("GeometryType(");
        self.term(term);
        self.word(") WHEN 'POLYHEDRALSURFACE' THEN pg_catalog.to_json(");
        self.postgis("ST_AsText(");
        self.term(term);
        self.word("))::text WHEN 'POINT' THEN ");
        self.postgis("ST_AsGeoJSON(");
        self.term(term);
        self.word(", 15) ELSE ");
        self.postgis("ST_AsGeoJSON(");
        self.postgis("ST_CurveToLine(");
        self.term(term);
        self.word("), 15) END");
    }

    /// A value for a function of the database that takes a geometry: GeoJSON is of the system 4326.
    pub(super) fn geometry_argument(&mut self, term: &Term, argument: &FunctionArgument) {
        self.postgis("ST_GeomFromGeoJSON(");
        self.term(term);
        self.word(")");
        self.cast_to(&argument.database_type);
    }

    /// `function(left, right`, both in the same type and system.
    fn geometry_call(
        &mut self,
        postgres: &'static str,
        sqlite: &'static str,
        left: &Term,
        right: &Term,
        on_ellipsoid: bool,
    ) {
        self.long_calls = true;
        if !self.is_postgres() {
            self.word(sqlite);
            self.term(left);
            self.word(", ");
            self.term(right);
            return;
        }
        let sides = [self.spatial_side(left), self.spatial_side(right)];
        let geography = on_ellipsoid && sides.iter().any(|side| side.geography);
        self.postgis(postgres);
        self.operand(left, sides[0], sides[1].column, geography);
        self.word(", ");
        self.operand(right, sides[1], sides[0].column, geography);
    }

    fn operand(&mut self, term: &Term, own: Side<'_>, beside: Option<&Term>, geography: bool) {
        if let Term::Parameter { .. } = term {
            self.postgis("ST_SetSRID(");
            self.postgis("ST_GeomFromGeoJSON(");
            self.term(term);
            self.word("), ");
            self.reference_system(beside);
            self.word(")");
            if geography {
                self.cast_to_postgis("geography");
            }
            return;
        }
        self.term(term);
        if own.geography != geography {
            self.cast_to_postgis(if geography { "geography" } else { "geometry" });
        }
    }

    /// The number of a column's reference system: the catalog's where the column fixes one, so that an index serves.
    fn reference_system(&mut self, column: Option<&Term>) {
        let Some(term) = column else {
            return self.word("0");
        };
        let system = self
            .column_of(term)
            .map(|column| (column.reference_system(), column.is_geography()));
        match system {
            Some((Some(number), _)) => self.number(number.into()),
            Some((None, true)) => self.word("4326"),
            _ => {
                self.postgis("ST_SRID(");
                self.term(term);
                self.word(")");
            }
        }
    }

    fn spatial_side<'t>(&self, term: &'t Term) -> Side<'t> {
        Side {
            column: (!matches!(term, Term::Parameter { .. })).then_some(term),
            geography: self.column_of(term).is_some_and(Column::is_geography),
        }
    }

    /// The column that a term is, also where it is shown to some callers only.
    fn column_of(&self, term: &Term) -> Option<&Column> {
        match term {
            Term::Column { table, column, .. } => Some(self.catalog.table(*table).column(*column)),
            Term::Case { branches, .. } => branches.first().and_then(|(_, value)| self.column_of(value)),
            Term::Scalar { value, .. } => self.column_of(value),
            _ => None,
        }
    }

    /// The kind that a column's type names: `Point` of `geometry(Point,4326)`.
    fn kind_of(&self, term: &Term) -> Option<&str> {
        let (_, inner) = self.column_of(term)?.database_type.split_once('(')?;
        inner.split([',', ')']).next()
    }

    /// A function of PostGIS, found also where its schema is not searched.
    fn postgis(&mut self, function: &'static str) {
        self.schema_of_postgis();
        self.word(function);
    }

    fn cast_to_postgis(&mut self, name: &'static str) {
        self.word("::");
        self.schema_of_postgis();
        self.word(name);
    }

    fn schema_of_postgis(&mut self) {
        let found = self.catalog.database.extension("postgis");
        if let Some(schema) = found.and_then(|extension| extension.schema.as_ref()) {
            self.identifier(schema);
            self.word(".");
        }
    }
}
