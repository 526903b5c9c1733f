//! Who is asking: the extractors by which a handler says whom it serves.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use accounts::{Role, SignedInSession};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use base::{AccountId, ViewerId};

use crate::{Api, Problem};

pub const SESSION_COOKIE: &str = "watershed_session";
pub const VIEWER_COOKIE: &str = "watershed_viewer";
/// A year, in seconds: how long a browser keeps its anonymous pseudonym.
const VIEWER_COOKIE_S: u32 = 365 * 24 * 3600;
/// As long as a session may live at most, in seconds.
const SESSION_COOKIE_S: u32 = 180 * 24 * 3600;

/// Whoever is asking, as far as known.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The pseudonym, if the browser brought a valid one or is signed in.
    pub viewer: Option<ViewerId>,
    pub signed_in: Option<SignedInSession>,
}

impl Caller {
    pub fn account(&self) -> Option<AccountId> {
        self.signed_in.as_ref().map(|s| s.account)
    }
}

async fn caller_of(headers: &HeaderMap, api: &Api) -> Result<Caller, Problem> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Bearer "))
        .map(str::to_owned);
    let token = bearer.or_else(|| cookie(headers, SESSION_COOKIE));
    let signed_in = match token {
        Some(token) => api.app.accounts.session(&token).await.map_err(Problem::from)?,
        None => None,
    };
    let viewer = match &signed_in {
        Some(session) => Some(session.viewer),
        None => cookie(headers, VIEWER_COOKIE).and_then(|token| api.app.accounts.viewer_of(&token)),
    };
    Ok(Caller { viewer, signed_in })
}

/// The value of one cookie.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

/// A `Set-Cookie` value; an empty `value` deletes the cookie.
pub fn set_cookie(api: &Api, name: &str, value: &str) -> Option<HeaderValue> {
    let max_age_s = match (value.is_empty(), name) {
        (true, _) => 0,
        (false, SESSION_COOKIE) => SESSION_COOKIE_S,
        (false, _) => VIEWER_COOKIE_S,
    };
    let secure = if api.secure_cookies() { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}")).ok()
}

/// Serves everybody, signed in or not.
#[derive(Clone, Debug)]
pub struct Anyone(pub Caller);

/// Serves people who are signed in; others get 401.
#[derive(Clone, Debug)]
pub struct SignedIn(pub SignedInSession);

/// Serves operators; others get 401 or 403.
#[derive(Clone, Debug)]
pub struct Operator(pub SignedInSession);

impl FromRequestParts<Api> for Anyone {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        caller_of(&parts.headers, api).await.map(Self)
    }
}

impl FromRequestParts<Api> for SignedIn {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        caller_of(&parts.headers, api).await?.signed_in.map(Self).ok_or_else(Problem::sign_in_required)
    }
}

impl FromRequestParts<Api> for Operator {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let SignedIn(session) = SignedIn::from_request_parts(parts, api).await?;
        if session.role == Role::Operator { Ok(Self(session)) } else { Err(Problem::forbidden()) }
    }
}

/// Where the request comes from: the peer, or, when that is a proxy that is trusted, whom the proxies name. The loopback address where there is no socket (a call from inside the process).
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<Api> for ClientAddress {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Ok(Self(client_of(peer, &parts.headers, &api.settings.trusted_proxies)))
    }
}

/// Each proxy appends whom it heard the request from: from the right, the first that is no trusted proxy is the client. What stands
/// further left was written by the client, and anything can stand there.
fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let mut client = peer;
    let named = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    for address in named.collect::<Vec<_>>().into_iter().rev() {
        if !trusted.contains(&client) {
            break;
        }
        let Ok(address) = address.trim().parse() else { break };
        client = address;
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let check = |peer: &str, forwarded: &'static str, expected: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_static(forwarded));
            let trusted = ["127.0.0.1", "10.0.0.1"].map(|address| address.parse().unwrap());
            assert_eq!(client_of(peer.parse().unwrap(), &headers, &trusted).to_string(), expected, "{peer} {forwarded}");
        };
        check("127.0.0.1", "192.0.2.7", "192.0.2.7");
        check("127.0.0.1", "198.51.100.1, 192.0.2.7, 10.0.0.1", "192.0.2.7");
        check("127.0.0.1", "192.0.2.7, nonsense", "127.0.0.1");
        check("192.0.2.7", "198.51.100.1", "192.0.2.7");
        check("127.0.0.1", "", "127.0.0.1");
        check("10.0.0.1", "2001:db8::1", "2001:db8::1");
    }
}
