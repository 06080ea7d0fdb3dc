-- Geometries on SQLite, in each of the three forms: GeoJSON, WKT, WKB.
CREATE TABLE place (
  id       INTEGER PRIMARY KEY,
  name     TEXT NOT NULL,
  location TEXT,
  area     TEXT,
  shape    BLOB
);

INSERT INTO place (id, name, location, area, shape) VALUES
  (1, 'Harbour', '{"type":"Point","coordinates":[5.5,52.25]}', 'POLYGON((5 52, 6 52, 6 53, 5 53, 5 52))', X'0101000000000000000000f03f0000000000000040'),
  (2, 'Corner', '{"type":"Point","coordinates":[6,53]}', 'POLYGON((10 10, 11 10, 11 11, 10 11, 10 10))', NULL),
  (3, 'Nowhere', NULL, NULL, NULL),
  (4, 'Far', '{"type":"Point","coordinates":[-70.5,-33]}', 'POINT(5.5 52.25)', X'0101000000000000000000f0bf0000000000000040'),
  (5, 'Broken', 'no geometry', 'POLYGON((', X'00');
