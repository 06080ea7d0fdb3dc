use super::*;

fn with(columns: &[(&str, Option<&str>, bool)]) -> Settings {
    let columns = columns
        .iter()
        .map(|(column, name, geometry)| ((*column).into(), name.map(str::to_owned), *geometry));
    settings(vec![FaceSettings {
        columns: columns.collect(),
        ..entry("place")
    }])
}

#[test]
fn names_and_geometries() {
    let schema = "place: id* name spot";
    let names = |settings: &Settings| -> Vec<String> {
        let catalog = exposed(schema, settings);
        catalog.faces[0]
            .columns
            .iter()
            .map(|column| column.name.to_string())
            .collect()
    };
    assert_eq!(
        names(&with(&[("name", Some("spot"), false), ("spot", Some("name"), false)])),
        ["id", "spot", "name"]
    );
    assert_eq!(names(&with(&[("name", Some("spot"), false)])), ["id", "spot", "spot_2"]);
    let catalog = exposed(schema, &with(&[("spot", None, true)]));
    let place = catalog.face_named("place").unwrap();
    assert_eq!(catalog.table(place.table).columns[2].data_type, Type::Geometry);

    assert_finding(
        schema,
        &with(&[("spo", None, true)]),
        "tables.place.columns.spo: there is no column \"spo\" in table \"place\", did you mean \"spot\"?",
    );
    assert_finding(
        schema,
        &with(&[("id", None, true)]),
        "a geometry is text or a blob, column \"id\" is integer",
    );
    assert_finding(
        schema,
        &with(&[("id", Some("x"), false), ("name", Some("x"), false)]),
        "tables.place.columns.name.name: another column",
    );
    assert_finding(
        "public/place: id* spot",
        &with(&[("spot", None, true)]),
        "found by themselves",
    );
}

#[test]
fn keys_and_enums() {
    let schema = "status: value* note\nloose: a b! c\nview overview: id title";
    let key = |name: &str, columns: &[&str]| {
        let key = columns.iter().map(|column| (*column).to_owned()).collect();
        settings(vec![FaceSettings { key, ..entry(name) }])
    };
    let catalog = exposed(schema, &key("overview", &["id"]));
    let face = catalog.face_named("overview").unwrap();
    assert_eq!(face.key, [ColumnId(0)]);
    assert!(catalog.table(face.table).columns.iter().all(|column| column.nullable));
    assert!(catalog.face_named("loose").unwrap().key.is_empty());
    assert_eq!(
        exposed(schema, &key("loose", &["b"])).face_named("loose").unwrap().key,
        [ColumnId(1)]
    );
    assert_finding(
        schema,
        &key("loose", &["a"]),
        "tables.loose.key: these columns are not unique",
    );
    assert_finding(
        schema,
        &key("overview", &["ident"]),
        "tables.overview.key: there is no column \"ident\"",
    );
    assert_finding(schema, &key("overview", &["id", "id"]), "twice");

    let words = |name: &str| {
        settings(vec![FaceSettings {
            enum_table: true,
            ..entry(name)
        }])
    };
    assert!(
        exposed(schema, &words("status"))
            .face_named("status")
            .unwrap()
            .enum_table
    );
    assert_finding(
        schema,
        &words("loose"),
        "tables.loose.enum: an enum table has a key of one text column",
    );
}
