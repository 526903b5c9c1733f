//! Events on their way to the log. Written in the transaction that changes the state, appended to the log after the commit, and
//! deleted once the log has them. A crash in between appends them again under the same event id, which counts once.

use sqlx::Row;

use crate::{Store, StoreError, WriteTx};

/// Puts one encoded event into the outbox. Returns its place in line.
pub async fn push(tx: &mut WriteTx, event: &[u8]) -> Result<i64, StoreError> {
    let row = sqlx::query("INSERT INTO outbox (event) VALUES ($1) RETURNING id").bind(event).fetch_one(&mut **tx).await?;
    Ok(row.get(0))
}

/// The oldest waiting events, at most `limit`, in order.
pub async fn waiting(store: &Store, limit: u32) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let rows = sqlx::query("SELECT id, event FROM outbox ORDER BY id LIMIT $1").bind(limit).fetch_all(store.read()).await?;
    Ok(rows.into_iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Deletes what the log has: everything up to and including `last`.
pub async fn delete_through(store: &Store, last: i64) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    sqlx::query("DELETE FROM outbox WHERE id <= $1").bind(last).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}
