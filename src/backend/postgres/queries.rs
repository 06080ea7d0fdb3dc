//! The questions to the system catalogs. Only `pg_catalog`, only columns that versions 14 to 18 have.

/// Version, whether rows can be written, the extensions and the schema of each. Our own sessions are all read only: what
/// counts is what they were before.
pub(super) const SERVER: &str = "SELECT pg_catalog.current_setting('server_version') AS version, \
    pg_catalog.pg_is_in_recovery() OR \
        (SELECT reset_val = 'on' FROM pg_catalog.pg_settings WHERE name = 'default_transaction_read_only') AS read_only, \
    (SELECT COALESCE(pg_catalog.array_agg(extname::text ORDER BY extname), '{}') FROM pg_catalog.pg_extension) AS extensions, \
    (SELECT COALESCE(pg_catalog.array_agg(n.nspname::text ORDER BY extname), '{}') FROM pg_catalog.pg_extension e \
        JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace) AS extension_schemas";

/// `$1`: schemas. Partitions belong to their table; what the user cannot read at all does not exist. `writable` are bits: 4 for
/// updates, 8 for inserts, 16 for deletes, by the database itself or by triggers in its place.
pub(super) const RELATIONS: &str = "SELECT c.oid AS id, n.nspname::text AS schema, c.relname::text AS name, \
    c.relkind::text AS kind, c.reltype AS row_type, d.description AS comment, \
    EXISTS (SELECT 1 FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
        AND e.objid = c.oid AND e.deptype = 'e') AS extension, \
    CASE WHEN c.relkind IN ('r', 'p') THEN 28 WHEN c.relkind = 'm' THEN 0 \
        ELSE pg_catalog.pg_relation_is_updatable(c.oid, true) END AS writable, \
    EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal \
        AND g.tgname <> '_diglot_user_gone') AS triggers, \
    EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND g.tgname = '_diglot_user_gone' \
        AND g.tgenabled IN ('O', 'A')) AS guarded, \
    c.relkind IN ('r', 'f') AND EXISTS (SELECT 1 FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid) AS is_parent, \
    c.reltuples::float8 AS rows \
    FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass \
        AND d.objoid = c.oid AND d.objsubid = 0 \
    WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')";

/// `$1`: relations. What a view computes, which the database can write through otherwise, counts as generated.
pub(super) const COLUMNS: &str = "SELECT a.attrelid AS relation, a.attnum AS number, a.attname::text AS name, \
    a.attnotnull AS not_null, a.atttypid AS type, a.atttypmod AS modifier, a.attidentity::text AS identity, \
    CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_class w WHERE w.oid = a.attrelid AND w.relkind = 'v' \
        AND pg_catalog.pg_relation_is_updatable(w.oid, false) & 4 = 4 \
        AND NOT pg_catalog.pg_column_is_updatable(w.oid, a.attnum, false) \
        AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g WHERE g.tgrelid = w.oid AND g.tgtype & 64 = 64)) \
        THEN 'v' ELSE a.attgenerated::text END AS generated, pg_catalog.pg_get_expr(v.adbin, v.adrelid) AS default_value, \
    d.description AS comment \
    FROM pg_catalog.pg_attribute a \
    LEFT JOIN pg_catalog.pg_attrdef v ON v.adrelid = a.attrelid AND v.adnum = a.attnum \
    LEFT JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass \
        AND d.objoid = a.attrelid AND d.objsubid = a.attnum \
    WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped \
        AND pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT') \
    ORDER BY a.attrelid, a.attnum";

/// `$1`: relations. Primary, unique and foreign keys; checks over columns.
pub(super) const CONSTRAINTS: &str = "SELECT c.conname::text AS name, c.contype::text AS kind, \
    c.conrelid AS relation, c.conkey AS columns, c.confrelid AS target, c.confkey AS \"references\", \
    c.condeferred AS deferred, CASE WHEN c.contype = 'c' AND c.convalidated THEN pg_catalog.pg_get_constraintdef(c.oid) END AS definition \
    FROM pg_catalog.pg_constraint c \
    WHERE c.conrelid = ANY ($1::pg_catalog.oid[]) AND (c.contype IN ('p', 'u') \
        OR c.contype = 'f' AND c.conparentid = 0 \
        OR c.contype = 'c' AND pg_catalog.cardinality(c.conkey) > 0) \
    ORDER BY c.conrelid, c.conname";

/// `$1`: relations. `columns` are those of the key; 0 is an expression.
pub(super) const INDEXES: &str = "SELECT i.indrelid AS relation, c.relname::text AS name, \
    i.indisunique AND i.indimmediate AND NOT i.indisprimary AS is_unique, \
    (pg_catalog.string_to_array(i.indkey::text, ' ')::int2[])[1:i.indnkeyatts] AS columns, \
    EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u')) \
        AS is_constraint \
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
    WHERE i.indrelid = ANY ($1::pg_catalog.oid[]) AND i.indisvalid AND i.indpred IS NULL \
    ORDER BY i.indrelid, c.relname";

/// `$1`: types. With the types that they are made of.
pub(super) const TYPES: &str = "WITH RECURSIVE used(id) AS ( \
        SELECT id FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS given(id) \
        UNION SELECT part.id FROM used JOIN pg_catalog.pg_type t ON t.oid = used.id \
            CROSS JOIN LATERAL (SELECT t.typbasetype UNION ALL SELECT t.typelem UNION ALL SELECT a.atttypid \
                FROM pg_catalog.pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 \
                    AND NOT a.attisdropped) AS part(id) WHERE part.id <> 0) \
    SELECT t.oid AS id, pg_catalog.format_type(t.oid, -1) AS sql_name, n.nspname::text AS schema, \
    t.typname::text AS name, t.typtype::text AS kind, t.typcategory::text AS category, t.typbasetype AS base, \
    t.typtypmod AS modifier, t.typelem AS element, t.typnotnull AS not_null, t.typdefault AS default_value, \
    d.description AS comment, \
    CASE WHEN t.typtype = 'e' THEN (SELECT pg_catalog.array_agg(e.enumlabel::text ORDER BY e.enumsortorder) \
        FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) END AS labels, \
    CASE WHEN t.typtype = 'd' THEN (SELECT pg_catalog.array_agg(pg_catalog.pg_get_constraintdef(k.oid) ORDER BY k.conname) \
        FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c' AND k.convalidated) END AS checks, \
    parts.names AS attributes, parts.types AS attribute_types \
    FROM used JOIN pg_catalog.pg_type t ON t.oid = used.id JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
    LEFT JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_type'::pg_catalog.regclass \
        AND d.objoid = t.oid AND d.objsubid = 0 \
    LEFT JOIN LATERAL (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) AS names, \
        pg_catalog.array_agg(a.atttypid ORDER BY a.attnum) AS types \
        FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS parts \
        ON t.typtype = 'c'";

/// `$1`: schemas. Extensions' functions are left out: there are hundreds of them, none meant for clients.
pub(super) const FUNCTIONS: &str = "SELECT n.nspname::text AS schema, p.proname::text AS name, \
    pg_catalog.string_to_array(p.proargtypes::text, ' ')::pg_catalog.oid[] AS inputs, p.proargnames AS names, \
    p.proargmodes::text[] AS modes, p.pronargdefaults AS defaults, p.prorettype AS result, p.proretset AS many, \
    p.provolatile::text = 'v' AS volatile, d.description AS comment \
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    LEFT JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
        AND d.objoid = p.oid AND d.objsubid = 0 \
    WHERE n.nspname = ANY ($1) AND p.prokind = 'f' AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') \
        AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
            AND e.objid = p.oid AND e.deptype = 'e') \
    ORDER BY n.nspname, p.proname, p.oid";

/// The transactions that a statement sees; the same text means that none has ended since, of any kind. Null on a standby,
/// whose snapshots do not tell that much.
pub(super) const SNAPSHOT: &str =
    "SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.txid_current_snapshot()::text END";

/// `$1`: schemas. For every catalog that introspection reads: how many rows, and the sum of the transactions that wrote them;
/// each insert, update or delete changes one of the two. Temporary tables do not.
pub(super) const FINGERPRINT: &str = "WITH spaces AS MATERIALIZED ( \
        SELECT oid, xmin FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1)), \
    relations AS MATERIALIZED ( \
        SELECT oid, xmin FROM pg_catalog.pg_class WHERE relnamespace IN (SELECT oid FROM spaces) \
            AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT relispartition) \
    SELECT pg_catalog.concat_ws(' ', \
        pg_catalog.pg_is_in_recovery(), \
        (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'default_transaction_read_only'), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM spaces), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM relations), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM pg_catalog.pg_attribute \
            WHERE attnum > 0 AND attrelid IN (SELECT oid FROM relations)), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM pg_catalog.pg_attrdef \
            WHERE adrelid IN (SELECT oid FROM relations)), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM pg_catalog.pg_constraint \
            WHERE contypid <> 0 OR conrelid IN (SELECT oid FROM relations)), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM pg_catalog.pg_index \
            WHERE indrelid IN (SELECT oid FROM relations)), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM pg_catalog.pg_rewrite \
            WHERE ev_class IN (SELECT oid FROM relations)), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM pg_catalog.pg_trigger \
            WHERE tgrelid IN (SELECT oid FROM relations)), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM pg_catalog.pg_type WHERE typtype IN ('e', 'd', 'r')), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM pg_catalog.pg_enum), \
        (SELECT count(*) || '.' || sum(a.xmin::text::int8) FROM pg_catalog.pg_class c \
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE c.relkind = 'c' AND a.attnum > 0), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM pg_catalog.pg_extension), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM pg_catalog.pg_proc \
            WHERE pronamespace IN (SELECT oid FROM spaces)), \
        (SELECT count(*) || '.' || sum(xmin::text::int8) FROM pg_catalog.pg_description WHERE objoid >= 16384)) \
    AS fingerprint";

/// `$1`: schemas. For relatives of PostgreSQL whose catalogs have no `xmin`.
pub(super) const FINGERPRINT_PORTABLE: &str = "SELECT pg_catalog.md5(pg_catalog.concat_ws(' ', \
    (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(',', a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, \
            a.attnotnull), ' ' ORDER BY a.attrelid, a.attnum) \
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND a.attnum > 0), \
    (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(',', c.oid, c.relname), ' ' ORDER BY c.oid) \
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY ($1)), \
    (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(',', k.oid, k.conname), ' ' ORDER BY k.oid) \
        FROM pg_catalog.pg_constraint k), \
    (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(',', g.tgrelid, g.tgname, g.tgenabled), ' ' ORDER BY g.tgrelid, g.tgname) \
        FROM pg_catalog.pg_trigger g WHERE NOT g.tgisinternal), \
    (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(',', e.enumtypid, e.enumlabel), ' ' ORDER BY e.enumtypid, e.enumsortorder) \
        FROM pg_catalog.pg_enum e))) AS fingerprint";
