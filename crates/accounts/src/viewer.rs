//! Pseudonyms of those who watch, and how they want to be served.

use std::collections::HashSet;

use base::ViewerId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use sqlx::Row;
use store::{Store, WriteTx};
use subtle::ConstantTimeEq;

use crate::{Accounts, AccountsError};

/// What is signed begins with this, so that the key signs nothing else by accident.
const PURPOSE: &[u8] = b"watershed viewer 1\0";
/// Half of the digest: 128 bits.
const TAG_BYTES: usize = 16;
const TOKEN_BYTES: usize = 8 + TAG_BYTES;

/// The key by which this region knows its own viewer tokens. Kept in the data folder; losing it makes every anonymous viewer
/// a new one.
#[derive(Clone)]
pub struct ViewerKey([u8; 32]);

impl ViewerKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh key from the operating system.
    pub fn generate() -> Result<Self, AccountsError> {
        crate::secret().map(Self)
    }

    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    fn tag(&self, viewer: ViewerId) -> [u8; TAG_BYTES] {
        let digest = hmac_sha256(&self.0, &[PURPOSE, &viewer.raw().to_be_bytes()]);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&digest[..TAG_BYTES]);
        tag
    }

    fn sign(&self, viewer: ViewerId) -> String {
        let mut bytes = [0; TOKEN_BYTES];
        bytes[..8].copy_from_slice(&viewer.raw().to_be_bytes());
        bytes[8..].copy_from_slice(&self.tag(viewer));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(&self, token: &str) -> Option<ViewerId> {
        let mut bytes = [0; TOKEN_BYTES];
        if URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).ok()? != TOKEN_BYTES {
            return None;
        }
        let (id, tag) = bytes.split_at(8);
        let raw = u64::from_be_bytes(id.try_into().ok()?);
        let viewer = ViewerId::from_raw(raw);
        let genuine = viewer.raw() == raw && bool::from(self.tag(viewer).ct_eq(tag));
        genuine.then_some(viewer)
    }
}

impl std::fmt::Debug for ViewerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ViewerKey(redacted)")
    }
}

/// HMAC-SHA256, RFC 2104, with a key no longer than a block.
fn hmac_sha256(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(key).for_each(|(b, k)| *b ^= k);
        block
    };
    let mut inner = Sha256::new_with_prefix(pad(0x36));
    parts.iter().for_each(|part| inner.update(part));
    let mut outer = Sha256::new_with_prefix(pad(0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// How somebody wants their feed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeedSettings {
    /// 0 familiar, 1 "surprise me".
    pub surprise: f32,
    /// What they do is not learned from.
    pub learning_paused: bool,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self { surprise: 0.5, learning_paused: false }
    }
}

/// What to change; `None` leaves as is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FeedSettingsChange {
    pub surprise: Option<f32>,
    pub learning_paused: Option<bool>,
}

/// The pseudonyms of all accounts.
pub(crate) async fn adopted(store: &Store) -> Result<HashSet<ViewerId>, AccountsError> {
    let rows: Vec<i64> = sqlx::query_scalar("SELECT viewer FROM accounts").fetch_all(store.read()).await?;
    Ok(rows.into_iter().map(ViewerId::from_sql).collect())
}

impl Accounts {
    /// A pseudonym for somebody new: 63 bits of chance, so it says nothing of when it was made.
    pub fn new_viewer(&self) -> ViewerId {
        ViewerId::from_raw(self.rng.lock().next_u64())
    }

    /// The text by which a browser proves that it holds this pseudonym.
    pub fn viewer_token(&self, viewer: ViewerId) -> String {
        self.viewer_key.sign(viewer)
    }

    /// Whose token this is. None for one that we did not sign, and for a pseudonym that an account has adopted: from then on
    /// only a session speaks for it.
    pub fn viewer_of(&self, token: &str) -> Option<ViewerId> {
        let viewer = self.viewer_key.open(token)?;
        (!self.adopted.lock().contains(&viewer)).then_some(viewer)
    }

    /// How this viewer wants their feed.
    pub async fn feed_settings(&self, viewer: ViewerId) -> Result<FeedSettings, AccountsError> {
        let row = sqlx::query("SELECT surprise_permille, learning_paused FROM viewer_settings WHERE viewer = $1")
            .bind(viewer.sql())
            .fetch_optional(self.store.read())
            .await?;
        row.map_or(Ok(FeedSettings::default()), |row| read(&row))
    }

    /// Changes how this viewer wants their feed. Returns what it was and what it is now.
    pub async fn set_feed_settings(
        &self,
        tx: &mut WriteTx,
        viewer: ViewerId,
        change: FeedSettingsChange,
    ) -> Result<(FeedSettings, FeedSettings), AccountsError> {
        let row = sqlx::query("SELECT surprise_permille, learning_paused FROM viewer_settings WHERE viewer = $1")
            .bind(viewer.sql())
            .fetch_optional(&mut **tx)
            .await?;
        let before = row.map_or(Ok(FeedSettings::default()), |row| read(&row))?;
        let surprise = change.surprise.unwrap_or(before.surprise);
        if !(0.0..=1.0).contains(&surprise) {
            return Err(AccountsError::invalid("surprise", "out_of_range", "Between 0 and 1."));
        }
        let permille = (surprise * 1_000.0).round() as i64;
        let paused = change.learning_paused.unwrap_or(before.learning_paused);
        let after = FeedSettings { surprise: permille as f32 / 1_000.0, learning_paused: paused };
        sqlx::query(
            "INSERT INTO viewer_settings (viewer, surprise_permille, learning_paused, changed_at_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (viewer) DO UPDATE SET surprise_permille = $2, learning_paused = $3, changed_at_ms = $4",
        )
        .bind(viewer.sql())
        .bind(permille)
        .bind(i64::from(paused))
        .bind(self.now().as_millis())
        .execute(&mut **tx)
        .await?;
        Ok((before, after))
    }
}

fn read(row: &sqlx::sqlite::SqliteRow) -> Result<FeedSettings, AccountsError> {
    let permille: i64 = row.try_get(0)?;
    let paused: i64 = row.try_get(1)?;
    Ok(FeedSettings { surprise: permille as f32 / 1_000.0, learning_paused: paused != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_agrees_with_the_rfc() {
        // RFC 4231, test case 1; its key of 20 bytes is padded with zeros, which HMAC does as well.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let hex: String = hmac_sha256(&key, &[b"Hi ", b"There"]).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    }

    #[test]
    fn a_token_cannot_be_made_up() {
        let key = ViewerKey::from_bytes([7; 32]);
        let viewer = ViewerId::from_raw(0x1234_5678_9abc_def0);
        let token = key.sign(viewer);
        assert_eq!(token.len(), 32);
        assert_eq!(key.open(&token), Some(viewer));
        assert_eq!(ViewerKey::from_bytes([8; 32]).open(&token), None);
        for bad in ["", "A", &token[1..], &format!("{token}A"), &viewer.to_string()] {
            assert_eq!(key.open(bad), None, "{bad}");
        }
        for place in 0..TOKEN_BYTES {
            let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
            bytes[place] ^= 1;
            assert_eq!(key.open(&URL_SAFE_NO_PAD.encode(&bytes)), None, "byte {place}");
        }
        let mut top_bit = URL_SAFE_NO_PAD.decode(&token).unwrap();
        top_bit[0] ^= 0x80;
        assert_eq!(key.open(&URL_SAFE_NO_PAD.encode(top_bit)), None, "one id has one token");
    }
}
