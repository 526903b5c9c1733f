//! What comes in, read so that everything wrong with it is answered as a problem document.

use std::str::FromStr;

use accounts::Arrival;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use base::VideoId;
use serde::de::DeserializeOwned;
use store::cursor::{self, Cursor};

use crate::caller::{SESSION_COOKIE, cookie};
use crate::{Api, ClientAddress, Page, PageQuery, Problem};

/// What is read of a user agent, in bytes.
const USER_AGENT_BYTES_MAX: usize = 512;

/// A JSON body. It must say that it is one: a form that another site submits cannot.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            let detail = "Send application/json.";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        let bytes = raw(request, api).await?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Problem::bad_request("malformed", format!("The body cannot be read: {error}.")))
    }
}

/// The bytes of a body, 413 when there are more than the route takes.
pub async fn raw(request: Request, api: &Api) -> Result<Bytes, Problem> {
    Bytes::from_request(request, api).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "This is more than can be taken at once.")
        }
        _ => Problem::bad_request("malformed", "The body could not be read."),
    })
}

/// Parameters of the address.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Params<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Query(params) = Query::<T>::from_request_parts(parts, api)
            .await
            .map_err(|error| Problem::bad_request("bad_parameter", format!("{}.", error.body_text())))?;
        Ok(Self(params))
    }
}

/// A body as it came, for a handler that reads it itself; 413 when there are more bytes than the route takes.
pub struct Raw(pub Bytes);

impl FromRequest<Api> for Raw {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        raw(request, api).await.map(Self)
    }
}

/// Where in a list to go on, and how far.
#[derive(Clone, Copy, Debug)]
pub struct Listing {
    pub after: Option<Cursor>,
    pub limit: u32,
}

impl FromRequestParts<Api> for Listing {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Query(query) = Query::<PageQuery>::from_request_parts(parts, api)
            .await
            .map_err(|_| Problem::bad_request("bad_page", "limit is a number from 1 to 100."))?;
        Ok(Self { after: query.after()?, limit: query.limit() })
    }
}

/// A page of videos as it is sent; those that the caller may not see are left out.
pub async fn video_page(
    api: &Api,
    caller: Option<base::AccountId>,
    found: cursor::Page<VideoId>,
) -> Result<Page<crate::cards::Video>, Problem> {
    let items = crate::cards::videos(api, caller, &found.items).await?;
    Ok(Page { items, next_cursor: found.next.map(|next| next.to_string()) })
}

/// A page of people as it is sent.
pub async fn people_page(api: &Api, found: cursor::Page<base::AccountId>) -> Result<Page<crate::cards::PersonRef>, Problem> {
    let mut people = crate::cards::people(api, &found.items).await?;
    let items = found.items.iter().filter_map(|id| people.remove(id)).collect();
    Ok(Page { items, next_cursor: found.next.map(|next| next.to_string()) })
}

/// An id out of a path: what is none names nothing.
pub fn id<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// Where somebody who signs in comes from.
pub struct Arriving(pub Arrival);

impl FromRequestParts<Api> for Arriving {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, api).await?;
        let previous = cookie(&parts.headers, SESSION_COOKIE);
        Ok(Self(Arrival { address, user_agent: user_agent(&parts.headers), previous }))
    }
}

fn user_agent(headers: &HeaderMap) -> String {
    let text = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    text.get(..USER_AGENT_BYTES_MAX.min(text.len())).unwrap_or_default().to_owned()
}
