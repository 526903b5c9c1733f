use std::collections::{BTreeMap, BTreeSet};

use residency::DataClass;
use sqlx::Row;

use super::*;

async fn fresh() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store.sqlite")).await.unwrap();
    (dir, store)
}

#[tokio::test]
async fn every_column_has_a_data_class_and_every_class_a_column() {
    let (_dir, store) = fresh().await;
    let classes: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(include_str!("../classes.toml")).unwrap();
    let mut listed = BTreeSet::new();
    for (table, columns) in &classes {
        for (column, class) in columns {
            assert!(DataClass::parse(class).is_some(), "{table}.{column}: no such class: {class}");
            listed.insert(format!("{table}.{column}"));
        }
    }
    // The shadow tables that full-text search keeps for itself hold only what the search table holds.
    let rows = sqlx::query(
        "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'
         AND m.name NOT LIKE 'sqlite_%' AND m.name NOT GLOB '*_search_*'",
    )
    .fetch_all(store.read())
    .await
    .unwrap();
    let real: BTreeSet<String> = rows.iter().map(|r| format!("{}.{}", r.get::<String, _>(0), r.get::<String, _>(1))).collect();
    let without: Vec<_> = real.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&real).collect();
    assert!(without.is_empty(), "columns without a data class: {without:?}");
    assert!(gone.is_empty(), "classes of columns that do not exist: {gone:?}");
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let (dir, store) = fresh().await;
    let mut tx = store.write().await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 9999").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
    let again = Store::open(&dir.path().join("store.sqlite")).await;
    assert!(matches!(again, Err(StoreError::NewerDatabase { found: 9999, .. })));
}

#[tokio::test]
async fn the_outbox_keeps_order_and_forgets_what_the_log_has() {
    let (_dir, store) = fresh().await;
    let mut tx = store.write().await.unwrap();
    for event in [b"a", b"b", b"c"] {
        outbox::push(&mut tx, event).await.unwrap();
    }
    tx.commit().await.unwrap();
    let waiting = outbox::waiting(&store, 2).await.unwrap();
    assert_eq!(waiting.iter().map(|(_, e)| e.as_slice()).collect::<Vec<_>>(), [b"a", b"b"]);
    outbox::delete_through(&store, waiting[1].0).await.unwrap();
    assert_eq!(outbox::waiting(&store, 9).await.unwrap().len(), 1);

    let mut dropped = store.write().await.unwrap();
    outbox::push(&mut dropped, b"never").await.unwrap();
    drop(dropped);
    assert_eq!(outbox::waiting(&store, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_left_of_somebody_is_found() {
    let (_dir, store) = fresh().await;
    let mut tx = store.write().await.unwrap();
    // A number that the full-text tables do not use for themselves.
    sqlx::query("INSERT INTO outbox (id, event) VALUES (777777, $1)")
        .bind(b"about ada, who left".as_slice())
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(trace::mentions(&store, &[], &["ada"]).await.unwrap(), ["outbox.event"]);
    assert_eq!(trace::mentions(&store, &[777_777], &["bob"]).await.unwrap(), ["outbox.id", "sqlite_sequence.seq"]);
    assert!(trace::mentions(&store, &[99], &["bob"]).await.unwrap().is_empty());
}
