//! Passkeys (WebAuthn): registration, and sign-in without a name or password.
//!
//! A ceremony is a question with a challenge that one answer ends, right or wrong: what an authenticator signed once cannot be
//! used again. The library checks challenge, origin, relying party, signature and counter; this module keeps its state.

mod ceremony;

use base::{AccountId, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::Row;
use webauthn_rp::bin::{Decode as _, Encode as _};
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::{
    CredProtect, Nickname, PublicKeyCredentialCreationOptions, PublicKeyCredentialUserEntity, RegistrationVerificationOptions,
    UserHandle16, Username,
};
use webauthn_rp::request::{AsciiDomain, DomainOrigin, PublicKeyCredentialDescriptor, RpId};
use webauthn_rp::response::auth::error::AuthCeremonyErr;
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{AuthenticatedCredential, DiscoverableAuthentication16, DiscoverableCredentialRequestOptions, Registration};

use crate::limits::Attempt;
use crate::{Accounts, AccountsError, Arrival, PasskeyRefusal, SignedIn, device};
use ceremony::{Ceremonies, Pending};

/// Passkeys of one account.
const PASSKEYS_PER_ACCOUNT_MAX: usize = 20;

/// The key as it is stored, ready to check signatures.
type StoredKey = StaticState<CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>>;

/// A passkey as its owner sees it in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// The credential id, base64url.
    pub id: String,
    pub name: String,
    pub created_at: Timestamp,
    pub last_used: Option<Timestamp>,
}

/// A question for an authenticator.
#[derive(Clone, Debug)]
pub struct Ceremony {
    /// Names it when the answer comes.
    pub id: String,
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`, WebAuthn Level 3, section 5.1.
    pub public_key: serde_json::Value,
}

pub(crate) struct RelyingParty {
    /// None where there can be no passkeys, for example at a bare address.
    site: Option<Site>,
    ceremonies: Ceremonies,
}

struct Site {
    id: RpId,
    /// Scheme, host and port, as browsers write it.
    origin: String,
}

impl RelyingParty {
    /// The host of the public URL is the relying party's id; answers must come from exactly its origin.
    pub fn new(public_url: &str) -> Result<Self, AccountsError> {
        let url = public_url.trim_end_matches('/').to_ascii_lowercase();
        let origin = url.strip_suffix(if url.starts_with("https:") { ":443" } else { ":80" }).unwrap_or(&url).to_owned();
        let malformed =
            || AccountsError::Internal("the public URL must be like https://example.com or http://localhost:8080".into());
        let (scheme, authority) = origin.split_once("://").ok_or_else(malformed)?;
        if !matches!(scheme, "http" | "https") || authority.is_empty() || authority.contains(['/', '@', '?', '#']) {
            return Err(malformed());
        }
        let host = DomainOrigin::try_from(origin.as_str()).map(|parsed| parsed.host.to_owned()).unwrap_or_default();
        let is_name = host.parse::<std::net::IpAddr>().is_err();
        let id = Some(host).filter(|_| is_name).and_then(|host| AsciiDomain::try_from(host).ok());
        Ok(Self { site: id.map(|id| Site { id: RpId::Domain(id), origin }), ceremonies: Ceremonies::default() })
    }

    fn site(&self) -> Result<&Site, AccountsError> {
        self.site.as_ref().ok_or(AccountsError::Passkey(PasskeyRefusal::Unsupported))
    }
}

fn refused(why: PasskeyRefusal) -> AccountsError {
    AccountsError::Passkey(why)
}

fn unreadable(what: &str) -> AccountsError {
    AccountsError::Internal(format!("a stored passkey has an unreadable {what}"))
}

fn as_json(options: &impl serde::Serialize) -> Result<serde_json::Value, AccountsError> {
    serde_json::to_value(options).map_err(|e| AccountsError::Internal(format!("passkey options: {e}")))
}

impl Accounts {
    /// Asks the authenticator of somebody who is signed in to make a passkey.
    pub async fn begin_passkey_registration(&self, account: AccountId) -> Result<Ceremony, AccountsError> {
        let site = self.passkeys.site()?;
        let row = sqlx::query("SELECT handle, display_name, passkey_user FROM accounts WHERE id = $1")
            .bind(account.sql())
            .fetch_optional(self.store.read())
            .await?
            .ok_or(AccountsError::NotFound)?;
        let (handle, display_name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let user = user_handle(row.try_get(2)?)?;
        let known = self.credentials_of(account).await?;
        if known.len() >= PASSKEYS_PER_ACCOUNT_MAX {
            return Err(AccountsError::invalid("passkey", "too_many_passkeys", "An account has at most 20 passkeys."));
        }
        let entity = PublicKeyCredentialUserEntity {
            name: Username::try_from(handle.as_str()).map_err(|_| unreadable("user name"))?,
            id: &user,
            // Some names that are fine on screen are not under RFC 8266; the handle always is.
            display_name: Nickname::try_from(display_name.as_str()).or_else(|_| Nickname::try_from(handle.as_str())).ok(),
        };
        let mut options = PublicKeyCredentialCreationOptions::passkey(&site.id, entity, known);
        // Asking for protection levels makes some authenticators refuse; user verification is required in any case.
        options.extensions.cred_protect = CredProtect::None;
        let (state, client) = options.start_ceremony().map_err(|e| AccountsError::Internal(format!("passkey: {e}")))?;
        let public_key = as_json(&client)?;
        let id = self.passkeys.ceremonies.begin(Pending::Registration { account, state }, self.now())?;
        Ok(Ceremony { id, public_key })
    }

    /// Takes the authenticator's `RegistrationResponseJSON` and keeps the passkey.
    pub async fn finish_passkey_registration(
        &self,
        account: AccountId,
        ceremony: &str,
        response: &[u8],
        user_agent: &str,
    ) -> Result<Passkey, AccountsError> {
        let site = self.passkeys.site()?;
        let state = match self.passkeys.ceremonies.end(ceremony, self.now()) {
            Some(Pending::Registration { account: begun_by, state }) if begun_by == account => state,
            _ => return Err(refused(PasskeyRefusal::Ceremony)),
        };
        let response = Registration::from_json_relaxed(response).map_err(|_| refused(PasskeyRefusal::Malformed))?;
        let options = RegistrationVerificationOptions::<'_, '_, &str, &str> {
            allowed_origins: &[site.origin.as_str()],
            // Password managers add extensions of their own; none of them is trusted with anything.
            error_on_unsolicited_extensions: false,
            ..Default::default()
        };
        let made = state.verify(&site.id, &response, &options).map_err(|_| refused(PasskeyRefusal::Unverified))?;
        let (credential, transports) = (made.id().as_ref().to_vec(), encode_transports(made.transports()));
        let Ok(static_state) = made.static_state().encode();
        let Ok(dynamic_state) = made.dynamic_state().encode();
        let (name, now) = (device::label(user_agent), self.now());

        let mut tx = self.store.write().await?;
        let written = sqlx::query(
            "INSERT INTO passkeys (credential_id, account, name, static_state, dynamic_state, transports, created_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&credential)
        .bind(account.sql())
        .bind(&name)
        .bind(static_state)
        .bind(dynamic_state.to_vec())
        .bind(transports)
        .bind(now.as_millis())
        .execute(&mut *tx)
        .await;
        match written {
            Err(error) if store::is_unique_violation(&error) => return Err(refused(PasskeyRefusal::Duplicate)),
            other => other?,
        };
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM passkeys WHERE account = $1")
            .bind(account.sql())
            .fetch_one(&mut *tx)
            .await?;
        if count > PASSKEYS_PER_ACCOUNT_MAX as i64 {
            return Err(AccountsError::invalid("passkey", "too_many_passkeys", "An account has at most 20 passkeys."));
        }
        tx.commit().await?;
        Ok(Passkey { id: URL_SAFE_NO_PAD.encode(credential), name, created_at: now, last_used: None })
    }

    /// Asks any authenticator at hand who its owner is.
    pub async fn begin_passkey_sign_in(&self, arrival: &Arrival) -> Result<Ceremony, AccountsError> {
        let site = self.passkeys.site()?;
        self.limits.take(Attempt::Ceremony(arrival.address), self.now())?;
        let (state, client) = DiscoverableCredentialRequestOptions::passkey(&site.id)
            .start_ceremony()
            .map_err(|e| AccountsError::Internal(format!("passkey: {e}")))?;
        let public_key = as_json(&client)?;
        let id = self.passkeys.ceremonies.begin(Pending::SignIn(state), self.now())?;
        Ok(Ceremony { id, public_key })
    }

    /// Takes the authenticator's `AuthenticationResponseJSON` and opens a session for its owner.
    pub async fn finish_passkey_sign_in(
        &self,
        ceremony: &str,
        response: &[u8],
        arrival: &Arrival,
    ) -> Result<SignedIn, AccountsError> {
        let site = self.passkeys.site()?;
        let Some(Pending::SignIn(state)) = self.passkeys.ceremonies.end(ceremony, self.now()) else {
            return Err(refused(PasskeyRefusal::Ceremony));
        };
        let response =
            DiscoverableAuthentication16::from_json_relaxed(response).map_err(|_| refused(PasskeyRefusal::Malformed))?;
        let credential = response.raw_id().as_ref().to_vec();
        let row = sqlx::query(
            "SELECT p.account, p.static_state, p.dynamic_state, a.passkey_user
             FROM passkeys p JOIN accounts a ON a.id = p.account WHERE p.credential_id = $1",
        )
        .bind(&credential)
        .fetch_optional(self.store.read())
        .await?
        .ok_or(refused(PasskeyRefusal::Unknown))?;
        let account = AccountId::from_sql(row.try_get(0)?);
        let (key, before): (Vec<u8>, Vec<u8>) = (row.try_get(1)?, row.try_get(2)?);
        let user = user_handle(row.try_get(3)?)?;
        let state_before: [u8; 7] = before.as_slice().try_into().map_err(|_| unreadable("state"))?;
        let mut known = AuthenticatedCredential::new(
            CredentialId::<&[u8]>::decode(&credential).map_err(|_| unreadable("id"))?,
            &user,
            StoredKey::decode(&key).map_err(|_| unreadable("key"))?,
            DynamicState::decode(state_before).map_err(|_| unreadable("state"))?,
        )
        .map_err(|_| unreadable("state"))?;
        let options = AuthenticationVerificationOptions::<'_, '_, &str, &str> {
            allowed_origins: &[site.origin.as_str()],
            error_on_unsolicited_extensions: false,
            ..Default::default()
        };
        state.verify(&site.id, &response, &mut known, &options).map_err(|error| match error {
            AuthCeremonyErr::SignatureCounter => {
                tracing::warn!("a passkey's signature counter went backwards: there may be a copy of its key");
                refused(PasskeyRefusal::Cloned)
            }
            _ => refused(PasskeyRefusal::Unverified),
        })?;
        let Ok(after) = known.dynamic_state().encode();
        self.mark_used(&credential, &before, &after).await?;
        self.open(account, arrival, None).await
    }

    /// The passkeys of an account, oldest first.
    pub async fn passkeys(&self, account: AccountId) -> Result<Vec<Passkey>, AccountsError> {
        let rows = sqlx::query(
            "SELECT credential_id, name, created_at_ms, last_used_ms FROM passkeys WHERE account = $1 ORDER BY created_at_ms, credential_id",
        )
        .bind(account.sql())
        .fetch_all(self.store.read())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Passkey {
                    id: URL_SAFE_NO_PAD.encode(row.try_get::<Vec<u8>, _>(0)?),
                    name: row.try_get(1)?,
                    created_at: Timestamp::from_millis(row.try_get(2)?),
                    last_used: row.try_get::<Option<i64>, _>(3)?.map(Timestamp::from_millis),
                })
            })
            .collect()
    }

    /// Removes a passkey of this account, or [`AccountsError::NotFound`].
    pub async fn delete_passkey(&self, account: AccountId, id: &str) -> Result<(), AccountsError> {
        let credential = URL_SAFE_NO_PAD.decode(id).map_err(|_| AccountsError::NotFound)?;
        let mut tx = self.store.write().await?;
        let deleted = sqlx::query("DELETE FROM passkeys WHERE account = $1 AND credential_id = $2")
            .bind(account.sql())
            .bind(credential)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        if deleted.rows_affected() == 1 { Ok(()) } else { Err(AccountsError::NotFound) }
    }

    /// Keeps the new counter, unless another sign-in with the same passkey was faster: then there are two of them.
    async fn mark_used(&self, credential: &[u8], before: &[u8], after: &[u8]) -> Result<(), AccountsError> {
        let mut tx = self.store.write().await?;
        let updated = sqlx::query(
            "UPDATE passkeys SET dynamic_state = $3, last_used_ms = $4 WHERE credential_id = $1 AND dynamic_state = $2",
        )
        .bind(credential)
        .bind(before)
        .bind(after)
        .bind(self.now().as_millis())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if updated.rows_affected() == 1 { Ok(()) } else { Err(refused(PasskeyRefusal::Cloned)) }
    }

    async fn credentials_of(&self, account: AccountId) -> Result<Vec<PublicKeyCredentialDescriptor<Vec<u8>>>, AccountsError> {
        let rows = sqlx::query("SELECT credential_id, transports FROM passkeys WHERE account = $1")
            .bind(account.sql())
            .fetch_all(self.store.read())
            .await?;
        rows.iter()
            .map(|row| {
                Ok(PublicKeyCredentialDescriptor {
                    id: CredentialId::<Vec<u8>>::decode(row.try_get(0)?).map_err(|_| unreadable("id"))?,
                    transports: decode_transports(row.try_get(1)?)?,
                })
            })
            .collect()
    }
}

fn user_handle(bytes: Vec<u8>) -> Result<UserHandle16, AccountsError> {
    let bytes: [u8; 16] = bytes.try_into().map_err(|_| unreadable("user handle"))?;
    let Ok(handle) = UserHandle16::decode(bytes);
    Ok(handle)
}

fn encode_transports(transports: AuthTransports) -> i64 {
    let Ok(bits) = transports.encode();
    i64::from(bits)
}

fn decode_transports(bits: i64) -> Result<AuthTransports, AccountsError> {
    u8::try_from(bits).ok().and_then(|bits| AuthTransports::decode(bits).ok()).ok_or_else(|| unreadable("transport"))
}

#[cfg(test)]
mod tests;
