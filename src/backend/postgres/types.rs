//! Types of the database → logical types.

use super::check;
use crate::catalog::{Composite, EnumType};
use crate::value::Type;
use sqlx::postgres::types::Oid;
use std::collections::HashMap;

/// A row of [`super::queries::TYPES`].
pub(super) type TypeTuple = (
    Oid,
    String,
    String,
    String,
    String,
    String,
    Oid,
    i32,
    Oid,
    bool,
    Option<String>,
    Option<String>,
    Option<Vec<String>>,
    Option<Vec<String>>,
    Option<Vec<String>>,
    Option<Vec<Oid>>,
);

/// A type.
struct TypeRow {
    id: u32,
    sql_name: String,
    schema: String,
    name: String,
    kind: String,
    category: String,
    base: u32,
    modifier: i32,
    element: u32,
    not_null: bool,
    default_value: Option<String>,
    comment: Option<String>,
    labels: Option<Vec<String>>,
    checks: Option<Vec<String>>,
    /// Names and types.
    attributes: Vec<(String, u32)>,
}

/// The types that tables and functions use, and the enums among them.
#[derive(Default)]
pub(super) struct Types {
    rows: HashMap<u32, TypeRow>,
    enums: Vec<EnumType>,
    enum_of: HashMap<u32, u32>,
}

/// A type as a column or an argument has it.
pub(super) struct Mapped {
    pub(super) data_type: Type,
    pub(super) database_type: String,
    pub(super) not_null: bool,
    pub(super) default: Option<String>,
}

impl From<TypeTuple> for TypeRow {
    fn from(tuple: TypeTuple) -> Self {
        Self {
            id: tuple.0.0,
            sql_name: tuple.1,
            schema: tuple.2,
            name: tuple.3,
            kind: tuple.4,
            category: tuple.5,
            base: tuple.6.0,
            modifier: tuple.7,
            element: tuple.8.0,
            not_null: tuple.9,
            default_value: tuple.10,
            comment: tuple.11,
            labels: tuple.12,
            checks: tuple.13,
            attributes: tuple
                .14
                .into_iter()
                .flatten()
                .zip(tuple.15.into_iter().flatten().map(|id| id.0))
                .collect(),
        }
    }
}

impl Types {
    pub(super) fn new(rows: Vec<TypeTuple>) -> Self {
        let mut types = Self::default();
        for row in rows.into_iter().map(TypeRow::from) {
            types.rows.insert(row.id, row);
        }
        // Numbered by name, so that the same schema gives the same numbers.
        let mut lists: Vec<(String, u32, Vec<String>)> = types
            .rows
            .values()
            .filter_map(|row| Some((format!("{}.{}", row.schema, row.name), row.id, types.listed(row)?)))
            .collect();
        lists.sort();
        for (name, id, values) in lists {
            let row = &types.rows[&id];
            let found = EnumType {
                name,
                database_type: Some(row.sql_name.clone()),
                values,
                comment: row.comment.clone(),
            };
            let number = types.add(found);
            types.enum_of.insert(id, number);
        }
        types
    }

    /// Adds the values of a column's check.
    pub(super) fn add(&mut self, found: EnumType) -> u32 {
        let number = u32::try_from(self.enums.len()).unwrap_or(u32::MAX);
        self.enums.push(found);
        number
    }

    /// The name of `citext`, where something has that type.
    pub(super) fn caseless(&self) -> Option<String> {
        let found = self.rows.values().find(|row| row.kind == "b" && row.name == "citext");
        found.map(|row| row.sql_name.clone())
    }

    /// The composite types, sorted by their names.
    pub(super) fn composites(&self) -> Vec<Composite> {
        let of = |row: &TypeRow| Composite {
            database_type: row.sql_name.clone(),
            attributes: (row.attributes.iter())
                .map(|(name, id)| (name.clone(), self.map(*id, -1).data_type))
                .collect(),
        };
        let composites = self.rows.values().filter(|row| row.kind == "c");
        let mut composites: Vec<Composite> = composites.map(of).collect();
        composites.sort_by(|left, right| left.database_type.cmp(&right.database_type));
        composites
    }

    pub(super) fn into_enums(self) -> Vec<EnumType> {
        self.enums
    }

    /// What a type is, with its modifier (-1: none).
    pub(super) fn map(&self, id: u32, modifier: i32) -> Mapped {
        let Some(row) = self.rows.get(&id) else {
            return Mapped {
                data_type: Type::Other("text".into()),
                database_type: "text".into(),
                not_null: false,
                default: None,
            };
        };
        let mut mapped = Mapped {
            data_type: self.logical(row, modifier, 0),
            // Without the modifier: a cast to varchar(3) or numeric(5, 1) would change the value in silence.
            database_type: row.sql_name.clone(),
            not_null: false,
            default: None,
        };
        if row.kind == "b" && matches!(mapped.data_type, Type::Geometry) {
            mapped.database_type.push_str(&geometry_modifier(modifier));
        }
        // Casts are to `numeric` alone: this is for what is said of a number that does not fit.
        if id == 1700 {
            mapped.database_type.push_str(&digits(modifier));
        }
        let mut domain = Some(row);
        while let Some(row) = domain.filter(|row| row.kind == "d") {
            mapped.not_null |= row.not_null;
            mapped.default = mapped.default.or_else(|| row.default_value.clone());
            domain = self.rows.get(&row.base);
        }
        mapped
    }

    /// Pseudo types (`record`, `trigger`, `anyelement`, `void` …) are no values.
    pub(super) fn is_pseudo(&self, id: u32) -> bool {
        self.rows.get(&id).is_none_or(|row| row.kind == "p")
    }

    fn logical(&self, row: &TypeRow, modifier: i32, depth: u8) -> Type {
        if let Some(number) = self.enum_of.get(&row.id) {
            return Type::Enum(*number);
        }
        if let Some(known) = built_in(row.id, modifier) {
            return known;
        }
        let part = |id: u32, modifier: i32| self.rows.get(&id).map(|part| self.logical(part, modifier, depth + 1));
        let found = match (row.kind.as_str(), row.category.as_str()) {
            _ if depth > 8 => None,
            ("d", _) => part(row.base, row.modifier),
            // `int2vector` and `oidvector` are arrays of another kind.
            ("b", "A") if row.element != 0 && !matches!(row.id, 22 | 30) => {
                part(row.element, modifier).map(|element| Type::Array(Box::new(element)))
            }
            ("b", _) if row.name == "citext" => Some(Type::Text {
                length: None,
                caseless: true,
            }),
            ("b", _) if row.name == "geometry" || row.name == "geography" => Some(Type::Geometry),
            _ => None,
        };
        found.unwrap_or_else(|| Type::Other(row.sql_name.as_str().into()))
    }

    /// The values of an enum type, or of a text domain whose check is a list.
    fn listed(&self, row: &TypeRow) -> Option<Vec<String>> {
        match row.kind.as_str() {
            "e" => Some(row.labels.clone().unwrap_or_default()),
            "d" if self
                .rows
                .get(&row.base)
                .is_some_and(|base| matches!(base.id, 25 | 1043)) =>
            {
                row.checks
                    .iter()
                    .flatten()
                    .find_map(|definition| check::allowed(definition, "VALUE"))
            }
            _ => None,
        }
    }
}

/// `(10,2)`: the modifier of a decimal. Four bytes of a header are counted in it; the scale has eleven bits and a sign.
fn digits(modifier: i32) -> String {
    if modifier < 4 {
        return String::new();
    }
    let modifier = modifier - 4;
    let scale = ((modifier & 0x7FF) ^ 0x400) - 0x400;
    format!("({},{scale})", (modifier >> 16) & 0xFFFF)
}

/// `(Point,4326)`: the modifier of a PostGIS column, which fixes its kind and its reference system. Bits: 20 of the
/// system's number and its sign from bit 8, 6 of the kind from bit 2, then Z and M.
fn geometry_modifier(modifier: i32) -> String {
    const KINDS: [&str; 16] = [
        "Geometry",
        "Point",
        "LineString",
        "Polygon",
        "MultiPoint",
        "MultiLineString",
        "MultiPolygon",
        "GeometryCollection",
        "CircularString",
        "CompoundCurve",
        "CurvePolygon",
        "MultiCurve",
        "MultiSurface",
        "PolyhedralSurface",
        "Triangle",
        "Tin",
    ];
    if modifier < 0 {
        return String::new();
    }
    let system = ((modifier & 0x0FFF_FF00) - (modifier & 0x1000_0000)) >> 8;
    let kind = usize::try_from((modifier & 0xFC) >> 2).unwrap_or_default();
    let kind = KINDS.get(kind).unwrap_or(&"Geometry");
    let z = if modifier & 2 == 0 { "" } else { "Z" };
    let m = if modifier & 1 == 0 { "" } else { "M" };
    if system == 0 {
        format!("({kind}{z}{m})")
    } else {
        format!("({kind}{z}{m},{system})")
    }
}

/// The types whose ids are fixed.
fn built_in(id: u32, modifier: i32) -> Option<Type> {
    // The modifier of varchar and bpchar counts four bytes of a header.
    let length = u32::try_from(modifier.saturating_sub(4)).ok();
    Some(match id {
        16 => Type::Boolean,
        17 => Type::Bytes,
        20 => Type::Integer(64),
        21 => Type::Integer(16),
        23 => Type::Integer(32),
        25 | 19 => Type::TEXT,
        114 => Type::Json,
        700 => Type::Float(32),
        701 => Type::Float(64),
        1042 | 1043 => Type::Text {
            length,
            caseless: false,
        },
        1082 => Type::Date,
        1083 => Type::Time,
        1114 => Type::Timestamp,
        1184 => Type::TimestampTz,
        1186 => Type::Interval,
        1266 => Type::TimeTz,
        1700 => Type::Numeric,
        2950 => Type::Uuid,
        3802 => Type::Jsonb,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{digits, geometry_modifier};

    #[test]
    fn modifiers_of_decimals() {
        // As PostgreSQL 15 packs them: the precision in the upper half, the scale in eleven bits.
        for (modifier, text) in [
            (-1, ""),
            ((10 << 16 | 2) + 4, "(10,2)"),
            ((3 << 16 | 0x7FE) + 4, "(3,-2)"),
        ] {
            assert_eq!(digits(modifier), text);
        }
    }

    #[test]
    fn modifiers_of_postgis() {
        // As `format_type` of PostGIS 3.3 has them.
        for (modifier, text) in [
            (-1, ""),
            (987_398, "(PointZ,3857)"),
            (1_107_460, "(Point,4326)"),
            (4, "(Point)"),
        ] {
            assert_eq!(geometry_modifier(modifier), text);
        }
    }
}
