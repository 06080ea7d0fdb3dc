//! What views take.

use super::*;

#[tokio::test]
async fn what_views_take_is_what_their_triggers_are_for() {
    let scene = Scene::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT); \
         CREATE VIEW \"whole \"\"v\" AS SELECT * FROM t; CREATE VIEW some AS SELECT * FROM t; CREATE VIEW none AS SELECT * FROM t; \
         CREATE VIEW lost AS SELECT * FROM t; \
         CREATE TRIGGER wi INSTEAD OF INSERT ON \"whole \"\"v\" BEGIN SELECT 1; END; \
         CREATE TRIGGER wu INSTEAD OF UPDATE ON \"whole \"\"v\" BEGIN SELECT 1; END; \
         CREATE TRIGGER wd INSTEAD OF DELETE ON \"whole \"\"v\" BEGIN SELECT 1; END; \
         CREATE TRIGGER su INSTEAD OF UPDATE OF b, \"a\" ON some BEGIN SELECT 1; END; \
         CREATE TRIGGER li INSTEAD OF INSERT ON lost BEGIN INSERT INTO nowhere VALUES (1); END;",
    );
    let database = scene.open().await.introspect().await.expect("a catalog");
    let takes = |name: &str| {
        let table = table(&database, name);
        let fixed: Vec<u16> = table.fixed.iter().map(|column| column.0).collect();
        (table.writable, fixed)
    };
    assert_eq!(takes("whole \"v"), (Verbs::ALL, vec![]));
    let update = Verbs {
        update: true,
        ..Verbs::NONE
    };
    assert_eq!(takes("some"), (update, vec![0]));
    assert_eq!(takes("none"), (Verbs::NONE, vec![]));
    // It would fail each time.
    assert_eq!(takes("lost"), (Verbs::NONE, vec![]));
}
