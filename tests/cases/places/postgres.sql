-- The same places with PostGIS; what is no geometry there is null here. PostGIS stands in a schema that no session
-- searches by itself, as hosted databases have it.
CREATE SCHEMA extensions;

CREATE EXTENSION postgis SCHEMA extensions;

CREATE TABLE place (
  id       integer PRIMARY KEY,
  name     text NOT NULL,
  location extensions.geometry(Point, 4326),
  area     extensions.geometry(Geometry, 4326),
  shape    extensions.geometry
);

CREATE INDEX place_location ON place USING gist (location);

INSERT INTO place (id, name, location, area, shape) VALUES
  (1, 'Harbour', 'SRID=4326;POINT(5.5 52.25)', 'SRID=4326;POLYGON((5 52, 6 52, 6 53, 5 53, 5 52))', '0101000000000000000000f03f0000000000000040'),
  (2, 'Corner', 'SRID=4326;POINT(6 53)', 'SRID=4326;POLYGON((10 10, 11 10, 11 11, 10 11, 10 10))', NULL),
  (3, 'Nowhere', NULL, NULL, NULL),
  (4, 'Far', 'SRID=4326;POINT(-70.5 -33)', 'SRID=4326;POINT(5.5 52.25)', '0101000000000000000000f0bf0000000000000040'),
  (5, 'Broken', NULL, NULL, NULL);

-- Geographies, reference systems beside each other, and what GeoJSON has no form for.
CREATE TABLE site (
  id      integer PRIMARY KEY,
  around  extensions.geography,
  spot    extensions.geography(Point, 4326),
  metric  extensions.geometry(PointZ, 3857),
  anyhow  extensions.geometry,
  several extensions.geometry[]
);

INSERT INTO site (id, around, spot, metric, anyhow, several) VALUES
  (1, 'POLYGON((5 52, 6 52, 6 53, 5 53, 5 52))', 'POINT(5.5 52.25)', 'SRID=3857;POINT Z (612257.20 6848299.15 12.5)', 'SRID=3857;POINT(1 2)', ARRAY['POINT(1 2)', 'POINT(3 4)']::extensions.geometry[]),
  (2, 'POINT(5.1 52.1)', 'POINT(-70.5 -33)', NULL, 'SRID=4326;POLYGON EMPTY', '{}'),
  (3, NULL, NULL, NULL, 'POINT EMPTY', NULL),
  (4, 'POINT EMPTY', 'POINT(180 -90)', 'SRID=3857;POINT Z (0 0 0)', 'GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))', NULL),
  (5, 'LINESTRING(0 0, 1 1)', NULL, NULL, 'COMPOUNDCURVE((0 0, 1 1), (1 1, 2 2))', NULL),
  (6, NULL, NULL, NULL, 'POLYHEDRALSURFACE Z (((0 0 0, 1 1 0, 1 0 0, 0 0 0)))', NULL),
  (7, NULL, NULL, NULL, 'MULTIPOINT M ((1 2 3))', NULL);
