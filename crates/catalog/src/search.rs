//! Full-text search over videos, people, sounds and hashtags. All of it is here: SQLite's FTS5 now; a `tsvector` column would
//! take these functions' place and nothing else's.
//!
//! Both what is written and what is asked goes through [`base::tokens`], so that Chinese is found by single characters and by
//! pairs; what reaches FTS5 is quoted letters and digits, so that no query is ever a program.

use base::{AccountId, SoundId, Timestamp, VideoId};
use sqlx::Row;
use store::WriteTx;
use store::cursor::{Cursor, Page};

use crate::sounds::sound_of;
use crate::{Catalog, CatalogError, Hashtag, PAGE_MAX, Sound};

/// The longest query that is looked at, in characters; the rest is ignored.
pub const QUERY_CHARS_MAX: usize = 200;
/// The most tokens of a query that count.
const QUERY_TOKENS_MAX: usize = 12;
/// How many of the best matches are ranked and can be paged through.
pub const MATCHES_MAX: u32 = 500;
/// What a popular video gains over an unknown one with the same text, at most (of the text's score).
const POPULARITY_SHARE: f64 = 0.3;
/// What a new video gains over an old one with the same text, at most (of the text's score).
const RECENCY_SHARE: f64 = 0.1;
/// In this time the gain of a new video falls to a third.
const RECENCY_MS: f64 = 30.0 * 86_400_000.0;

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Index {
    Videos,
    People,
    Sounds,
    Hashtags,
}

impl Index {
    /// The statements, by name of the table, each with as many columns as the table has.
    const fn statements(self) -> [&'static str; 2] {
        match self {
            Self::Videos => [
                "DELETE FROM video_search WHERE rowid = $1",
                "INSERT INTO video_search (rowid, caption, hashtags) VALUES ($1, $2, $3)",
            ],
            Self::People => [
                "DELETE FROM people_search WHERE rowid = $1",
                "INSERT INTO people_search (rowid, handle, name) VALUES ($1, $2, $3)",
            ],
            Self::Sounds => {
                ["DELETE FROM sound_search WHERE rowid = $1", "INSERT INTO sound_search (rowid, title) VALUES ($1, $2)"]
            }
            Self::Hashtags => {
                ["DELETE FROM hashtag_search WHERE rowid = $1", "INSERT INTO hashtag_search (rowid, hashtag) VALUES ($1, $2)"]
            }
        }
    }
}

/// Writes a document, in place of the one before.
pub(crate) async fn put(tx: &mut WriteTx, index: Index, id: i64, columns: &[&str]) -> Result<(), CatalogError> {
    let [delete, insert] = index.statements();
    sqlx::query(delete).bind(id).execute(&mut **tx).await?;
    let mut query = sqlx::query(insert).bind(id);
    for column in columns {
        query = query.bind(base::tokens(column).join(" "));
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

pub(crate) async fn delete(tx: &mut WriteTx, index: Index, id: i64) -> Result<(), CatalogError> {
    sqlx::query(index.statements()[0]).bind(id).execute(&mut **tx).await?;
    Ok(())
}

/// The query as FTS5 reads it: every token quoted, all of them required; the last may be the beginning of
/// a longer word, though the whole word counts more. `None` when nothing in it can be found.
fn match_expression(query: &str) -> Option<String> {
    let query: String = query.chars().take(QUERY_CHARS_MAX).collect();
    let mut tokens = base::tokens(&query);
    // A pair of characters says all that its single characters say.
    let in_a_pair: Vec<bool> = (0..tokens.len())
        .map(|i| {
            let pair =
                |j: usize| tokens.get(j).is_some_and(|t: &String| t.chars().count() == 2 && t.contains(tokens[i].as_str()));
            tokens[i].chars().count() == 1 && !tokens[i].is_ascii() && (pair(i + 1) || i.checked_sub(1).is_some_and(pair))
        })
        .collect();
    let mut single = in_a_pair.iter();
    tokens.retain(|_| !single.next().copied().unwrap_or(false));
    tokens.truncate(QUERY_TOKENS_MAX);
    let mut expression: Vec<String> = tokens.iter().map(|token| format!("\"{}\"", token.replace('"', "\"\""))).collect();
    if let Some(last) = expression.last_mut() {
        *last = format!("({last} OR {last}*)");
    }
    (!expression.is_empty()).then(|| expression.join(" AND "))
}

/// Cuts one page out of the ranked matches. The cursor is the time of the first page and how many were shown: what is published
/// while somebody pages through does not move the rest.
fn page<T>(ranked: Vec<T>, as_of: i64, offset: i64, limit: u32) -> Page<T> {
    let total = ranked.len() as i64;
    let end = offset.saturating_add(i64::from(limit));
    let items: Vec<T> = ranked.into_iter().skip(offset.max(0) as usize).take(limit as usize).collect();
    Page { items, next: (end < total).then_some(Cursor { key: as_of, id: end }) }
}

/// Where a search stands: the moment of its first page, and how many matches were shown.
fn place(cursor: Option<Cursor>, now: Timestamp) -> (i64, i64) {
    cursor.map_or((now.as_millis(), 0), |cursor| (cursor.key, cursor.id.clamp(0, i64::from(MATCHES_MAX))))
}

impl Catalog {
    /// Published videos whose caption has all the words, best first: by the text (BM25, hashtags count double), a little by
    /// `popularity` (0 to 1) and by freshness.
    pub async fn search_videos(
        &self,
        query: &str,
        cursor: Option<Cursor>,
        limit: u32,
        popularity: impl Fn(VideoId) -> f64,
    ) -> Result<Page<VideoId>, CatalogError> {
        let (as_of, offset) = place(cursor, self.clock.now());
        let Some(expression) = match_expression(query) else { return Ok(Page { items: Vec::new(), next: None }) };
        let rows = sqlx::query(
            "SELECT m.rowid, m.score, v.published_at_ms
             FROM (SELECT rowid, -bm25(video_search, 1.0, 2.0) AS score FROM video_search WHERE video_search MATCH $1
                   ORDER BY bm25(video_search, 1.0, 2.0), rowid DESC LIMIT $2) m
             JOIN videos v ON v.id = m.rowid WHERE v.published_at_ms <= $3",
        )
        .bind(expression)
        .bind(MATCHES_MAX)
        .bind(as_of)
        .fetch_all(self.store.read())
        .await?;
        let mut ranked: Vec<(f64, VideoId)> = rows
            .iter()
            .map(|row| {
                let (id, text, published): (i64, f64, i64) = (row.get(0), row.get(1), row.get(2));
                let id = VideoId::from_sql(id);
                let freshness = (-((as_of - published) as f64) / RECENCY_MS).exp();
                (text * (1.0 + POPULARITY_SHARE * popularity(id).clamp(0.0, 1.0) + RECENCY_SHARE * freshness), id)
            })
            .collect();
        ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        let ranked = ranked.into_iter().map(|(_, id)| id).collect();
        Ok(page(ranked, as_of, offset, limit.min(PAGE_MAX)))
    }

    /// People whose handle or name has all the words (the last as a prefix), best first; among equals the more popular one.
    pub async fn search_people(
        &self,
        query: &str,
        cursor: Option<Cursor>,
        limit: u32,
        popularity: impl Fn(AccountId) -> f64,
    ) -> Result<Page<AccountId>, CatalogError> {
        let (as_of, offset) = place(cursor, self.clock.now());
        let Some(expression) = match_expression(query) else { return Ok(Page { items: Vec::new(), next: None }) };
        let rows = sqlx::query(
            "SELECT rowid, -bm25(people_search, 2.0, 1.0) FROM people_search WHERE people_search MATCH $1
             ORDER BY bm25(people_search, 2.0, 1.0), rowid LIMIT $2",
        )
        .bind(expression)
        .bind(MATCHES_MAX)
        .fetch_all(self.store.read())
        .await?;
        let mut ranked: Vec<(f64, AccountId)> = rows
            .iter()
            .map(|row| {
                let id = AccountId::from_sql(row.get(0));
                (row.get::<f64, _>(1) * (1.0 + POPULARITY_SHARE * popularity(id).clamp(0.0, 1.0)), id)
            })
            .collect();
        ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let ranked = ranked.into_iter().map(|(_, id)| id).collect();
        Ok(page(ranked, as_of, offset, limit.min(PAGE_MAX)))
    }

    /// Sounds whose title has all the words, the most used first.
    pub async fn search_sounds(&self, query: &str, cursor: Option<Cursor>, limit: u32) -> Result<Page<Sound>, CatalogError> {
        let (as_of, offset) = place(cursor, self.clock.now());
        let Some(expression) = match_expression(query) else { return Ok(Page { items: Vec::new(), next: None }) };
        let rows = sqlx::query(
            "SELECT s.id, s.title, s.creator, s.video, s.duration_ms, s.video_count FROM sound_search m JOIN sounds s ON s.id = m.rowid
             WHERE sound_search MATCH $1 ORDER BY s.video_count DESC, s.id LIMIT $2",
        )
        .bind(expression)
        .bind(MATCHES_MAX)
        .fetch_all(self.store.read())
        .await?;
        Ok(page(rows.iter().map(sound_of).collect(), as_of, offset, limit.min(PAGE_MAX)))
    }

    /// Hashtags that have all the words (the last as a prefix), the most used first.
    pub async fn search_hashtags(
        &self,
        query: &str,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Hashtag>, CatalogError> {
        let (as_of, offset) = place(cursor, self.clock.now());
        let Some(expression) = match_expression(query) else { return Ok(Page { items: Vec::new(), next: None }) };
        let rows = sqlx::query(
            "SELECT h.hashtag, h.video_count FROM hashtag_search m JOIN hashtags h ON h.id = m.rowid
             WHERE hashtag_search MATCH $1 ORDER BY h.video_count DESC, h.id LIMIT $2",
        )
        .bind(expression)
        .bind(MATCHES_MAX)
        .fetch_all(self.store.read())
        .await?;
        let found = rows.iter().map(|row| Hashtag { hashtag: row.get(0), video_count: row.get::<i64, _>(1).max(0) as u64 });
        Ok(page(found.collect(), as_of, offset, limit.min(PAGE_MAX)))
    }

    /// Words of captions that go on from the last word of `query`, with the words before it, the most used first. For scripts
    /// with spaces; two letters at least.
    pub async fn suggest_queries(&self, query: &str, limit: u32) -> Result<Vec<String>, CatalogError> {
        let query: String = query.chars().take(QUERY_CHARS_MAX).collect::<String>().to_lowercase();
        let words = base::tokens(&query);
        let Some((last, before)) = words.split_last() else { return Ok(Vec::new()) };
        if last.chars().count() < 2 || !last.is_ascii() || !query.ends_with(char::is_alphanumeric) {
            return Ok(Vec::new());
        }
        let terms: Vec<String> = sqlx::query_scalar(
            "SELECT term FROM (SELECT term, doc FROM video_search_words WHERE term >= $1 AND term < $2 LIMIT 1000)
             ORDER BY doc DESC, term LIMIT $3",
        )
        .bind(last)
        .bind(format!("{last}\u{10ffff}"))
        .bind(limit.min(PAGE_MAX))
        .fetch_all(self.store.read())
        .await?;
        let head = before.iter().map(|word| format!("{word} ")).collect::<String>();
        Ok(terms.into_iter().map(|term| format!("{head}{term}")).collect())
    }

    /// Makes a person findable, or findable under another name.
    pub async fn put_person(&self, tx: &mut WriteTx, account: AccountId, handle: &str, name: &str) -> Result<(), CatalogError> {
        put(tx, Index::People, account.sql(), &[handle, name]).await
    }

    /// Makes a person unfindable.
    pub async fn remove_person(&self, tx: &mut WriteTx, account: AccountId) -> Result<(), CatalogError> {
        delete(tx, Index::People, account.sql()).await
    }

    /// The videos with a sound that a search result or a page shows first: its own, if it is still there.
    pub async fn first_video_of(&self, sound: SoundId) -> Result<Option<VideoId>, CatalogError> {
        let id: Option<i64> = sqlx::query_scalar(
            "SELECT v.id FROM sounds s JOIN videos v ON v.id = s.video WHERE s.id = $1 AND v.status = 'published'",
        )
        .bind(sound.sql())
        .fetch_optional(self.store.read())
        .await?;
        Ok(id.map(VideoId::from_sql))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_become_quoted_tokens() {
        fn check(query: &str, expected: Option<&str>) {
            assert_eq!(match_expression(query).as_deref(), expected, "{query:?}");
        }
        check("Slow rain", Some(r#""slow" AND ("rain" OR "rain"*)"#));
        check("看视频", Some(r#""看视" AND ("视频" OR "视频"*)"#));
        check("猫", Some(r#"("猫" OR "猫"*)"#));
        check("猫 vlog日常", Some(r#""猫" AND "vlog" AND ("日常" OR "日常"*)"#));
        check("\" OR 1=1 --", Some(r#""or" AND "1" AND ("1" OR "1"*)"#));
        check("caption:x* NEAR(a b)", Some(r#""caption" AND "x" AND "near" AND "a" AND ("b" OR "b"*)"#));
        check("\0*()\"'", None);
        check("", None);
        assert_eq!(match_expression(&"a b ".repeat(500)).unwrap().matches(" AND ").count(), QUERY_TOKENS_MAX - 1);
    }
}
