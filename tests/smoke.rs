use diglot::backend::{Backend, Settings};
use diglot::config::{AccessDefault, Config};
use diglot::engine::{Body, Engine, Source as S};
use diglot::principal::{Credential, Principal};
use diglot::request::*;
use diglot::ident::Name;
use std::sync::Arc;
use std::time::Duration;

fn col(n: &str) -> Field { Field::Member { key: Name::new(n), value: FieldValue::Expression(Expression::Column(Name::new(n))) } }
fn asc(n: &str) -> Order { Order { by: Expression::Column(Name::new(n)), descending: false, nulls: Nulls::Last } }
fn member(k: &str, value: FieldValue) -> Field { Field::Member { key: Name::new(k), value } }

async fn go(url: &str) -> Vec<String> {
    let settings = Settings { url: url.into(), schemas: vec!["public".into()], statement_timeout: Duration::from_secs(5), pool_size: 4 };
    let backend = Backend::connect(&settings).await.expect("connect");
    let source = S { config: Arc::new(Config::default()), access: AccessDefault::Convention };
    let (engine, findings) = match Engine::start(backend, source, b"secret").await { Ok(x) => x, Err(e) => panic!("{e:?}") };
    for f in findings { println!("  {f}"); }
    let admin = Principal::of_role("admin", Credential::AdminSecret);
    let snapshot = engine.snapshot();
    for f in &snapshot.catalog.faces { println!("  face {} cols {} rels {:?}", f.name, f.columns.len(), f.relations.iter().map(|r| r.name.as_str().to_owned()).collect::<Vec<_>>()); }
    let mut out = Vec::new();
    let mut reads: Vec<(&str, Request)> = Vec::new();
    let mut b = Builder::new();
    let two = b.push(diglot::value::Value::Integer(2));
    let read = Read { source: Source::Table("book".into()), formats: Formats::default(), select: Select {
        order: vec![asc("id")], page: Page { limit: Some(two), total: true, next: true, ..Page::default() },
        output: Output::Rows(vec![Field::AllColumns,
            member("author", FieldValue::Relation { name: "author".into(), select: Box::new(Select { output: Output::Row(vec![col("name"), col("born")]), ..Select::default() }) }),
            member("chapters", FieldValue::Relation { name: "chapter".into(), select: Box::new(Select { order: vec![asc("position")], page: Page { limit: Some(two), ..Page::default() }, output: Output::Rows(vec![col("title"), col("words"), member("book", FieldValue::Relation { name: "book".into(), select: Box::new(Select { output: Output::Row(vec![col("is_featured"), col("price"), col("rating"), col("created_at")]), ..Select::default() }) })]), ..Select::default() }) }),
            member("tags", FieldValue::Relation { name: "tag".into(), select: Box::new(Select { order: vec![asc("id")], output: Output::Rows(vec![col("id")]), ..Select::default() }) }),
            member("agg", FieldValue::Relation { name: "review".into(), select: Box::new(Select { output: Output::Aggregate(vec![AggregateField::Aggregates("aggregate".into(), vec![AggregateMember::Count { key: "count".into(), of: vec![], distinct: false }, AggregateMember::Function { key: "avg".into(), function: AggregateFunction::Average, members: vec![("stars".into(), AggregateOperand::Expression(Expression::Column("stars".into())))] }]), AggregateField::Nodes("nodes".into(), vec![col("id")])]), ..Select::default() }) }),
        ]), ..Select::default() } };
    reads.push(("nested", b.finish(read)));
    let mut b = Builder::new();
    let v = b.push(diglot::value::Value::Text("%e%".into()));
    let one = b.push(diglot::value::Value::Integer(1));
    let read = Read { source: Source::Table("author".into()), formats: Formats::default(), select: Select {
        filter: Some(Filter::And(vec![Filter::Compare { left: Expression::Column("name".into()), comparison: Comparison::Like, right: Expression::Value(v) }, Filter::Any { relation: "book".into(), filter: Box::new(Filter::Compare { left: Expression::Column("id".into()), comparison: Comparison::Greater, right: Expression::Value(one) }) }])),
        order: vec![Order { by: Expression::Aggregate(Box::new(Aggregation { relation: Some("book".into()), filter: None, function: AggregateFunction::Count, of: vec![], distinct: false })), descending: true, nulls: Nulls::Last }, asc("id")],
        output: Output::Aggregate(vec![AggregateField::Aggregates("aggregate".into(), vec![AggregateMember::Count { key: "count".into(), of: vec![], distinct: false }]), AggregateField::Nodes("nodes".into(), vec![col("id"), col("name")])]), ..Select::default() } };
    reads.push(("aggregate", b.finish(read)));
    let b = Builder::new();
    let read = Read { source: Source::Table("book".into()), formats: Formats::default(), select: Select {
        order: vec![asc("status")],
        output: Output::Groups { by: vec![("status".into(), Expression::Column("status".into()))], having: None, fields: vec![GroupField::Keys("key".into(), vec![("status".into(), GroupKey::By("status".into()))]), GroupField::Aggregates("aggregate".into(), vec![AggregateMember::Count { key: "count".into(), of: vec![], distinct: false }, AggregateMember::Function { key: "sum".into(), function: AggregateFunction::Sum, members: vec![("price".into(), AggregateOperand::Expression(Expression::Column("price".into()))), ("pages".into(), AggregateOperand::Expression(Expression::Column("pages".into())))] }, AggregateMember::Function { key: "stddev".into(), function: AggregateFunction::StandardDeviation, members: vec![("pages".into(), AggregateOperand::Expression(Expression::Column("pages".into())))] }])] }, ..Select::default() } };
    reads.push(("groups", b.finish(read)));
    let mut b = Builder::new();
    let three = b.push(diglot::value::Value::Integer(3));
    let read = Read { source: Source::Table("book".into()), formats: Formats::default(), select: Select {
        distinct: vec![Expression::Column("status".into())], order: vec![asc("status"), Order { by: Expression::Column("pages".into()), descending: true, nulls: Nulls::Last }], page: Page { limit: Some(three), total: true, ..Page::default() },
        output: Output::Rows(vec![col("status"), col("pages"), col("id")]), ..Select::default() } };
    reads.push(("distinct", b.finish(read)));
    let mut b = Builder::new();
    let three = b.push(diglot::value::Value::Integer(3));
    let read = Read { source: Source::Table("book".into()), formats: Formats::default(), select: Select {
        order: vec![Order { by: Expression::Column("published_on".into()), descending: true, nulls: Nulls::Last }], page: Page { limit: Some(three), ..Page::default() },
        output: Output::Connection(vec![ConnectionField::Total("total_count".into()), ConnectionField::PageInfo("pageInfo".into(), vec![("hasNextPage".into(), PageInfoField::HasNext)]), ConnectionField::Edges("edges".into(), vec![EdgeField::Node("node".into(), vec![col("id"), col("published_on")])])]), ..Select::default() } };
    reads.push(("connection", b.finish(read)));
    for (name, request) in &reads {
        match engine.run(&snapshot, &admin, request).await {
            Ok(outcome) => { let Body::Whole(b) = outcome.body; out.push(format!("{name}: total {:?} next {:?} {}", outcome.total, outcome.next.is_some(), String::from_utf8_lossy(&b))); }
            Err(e) => out.push(format!("{name}: ERROR {e} {:?}", e.source)),
        }
        if std::env::var("SQL").is_ok() { println!("{name}: {:?}", engine.explain(&snapshot, &admin, request).await.map(|e| (e.sql, e.explain))); }
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn smoke() {
    let _ = std::fs::remove_file("/tmp/smoke.db");
    let c = rusqlite::Connection::open("/tmp/smoke.db").unwrap();
    c.execute_batch(include_str!("../schema/demo/sqlite.sql")).unwrap();
    drop(c);
    let a = go("sqlite:/tmp/smoke.db").await;
    let b = go(&std::env::var("SMOKE_PG").unwrap()).await;
    for (a, b) in a.iter().zip(&b) { println!("S {a}\nP {b}\n{}\n", if a == b { "EQUAL" } else { "DIFFERENT" }); }
}
