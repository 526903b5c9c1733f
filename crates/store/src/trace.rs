//! Looks for what is left of somebody: every column of every table, so that a table added later is searched as well.

use sqlx::Row;

use crate::{Store, StoreError};

/// The columns (`table.column`) that still hold one of these numbers, or a text or blob with one of these texts in it.
/// Reads the whole database: for the proof that a deletion deleted, not for the request path.
pub async fn mentions(store: &Store, numbers: &[i64], texts: &[&str]) -> Result<Vec<String>, StoreError> {
    let columns = sqlx::query(
        "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY 1, 2",
    )
    .fetch_all(store.read())
    .await?;
    let mut found = Vec::new();
    for row in columns {
        let (table, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        if holds(store, &table, &column, numbers, texts).await? {
            found.push(format!("{table}.{column}"));
        }
    }
    Ok(found)
}

async fn holds(store: &Store, table: &str, column: &str, numbers: &[i64], texts: &[&str]) -> Result<bool, StoreError> {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let (table, column) = (quote(table), quote(column));
    for number in numbers {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} = $1)");
        if sqlx::query_scalar::<_, bool>(sqlx::AssertSqlSafe(sql)).bind(number).fetch_one(store.read()).await? {
            return Ok(true);
        }
    }
    for text in texts {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE instr(CAST({column} AS BLOB), CAST($1 AS BLOB)) > 0)");
        if sqlx::query_scalar::<_, bool>(sqlx::AssertSqlSafe(sql)).bind(text).fetch_one(store.read()).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
