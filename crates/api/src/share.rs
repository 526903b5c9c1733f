//! What other sites show of a shared video: Open Graph tags in the page at `/v/{id}`, and oEmbed.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use base::VideoId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask::Params;
use crate::cards::Video;
use crate::{Api, Problem, ProblemDetails, assets, cards};

const SITE: &str = "Watershed";
/// The longest title, in characters: what messengers show.
const TITLE_CHARS_MAX: usize = 100;

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(oembed)).route("/v/{id}", axum::routing::get(page))
}

/// The app's page of a video, with what messengers and search engines read. A video that is not there gets the plain page: the
/// app says so.
async fn page(State(api): State<Api>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let card = match id.parse() {
        Ok(id) => api.app.card(None, id).await.ok(),
        Err(_) => None,
    };
    let head = card.map(|card| open_graph(&cards::video(&card), &api.settings.public_url));
    assets::shell(&headers, head.as_deref())
}

fn title(video: &Video) -> String {
    let line = video.caption.lines().next().unwrap_or_default().trim();
    let who = format!("@{}", video.creator.handle);
    match line {
        "" => format!("{who} · {SITE}"),
        line => format!("{} · {who}", line.chars().take(TITLE_CHARS_MAX).collect::<String>()),
    }
}

fn open_graph(video: &Video, public_url: &str) -> String {
    let base = public_url.trim_end_matches('/');
    let page = format!("{base}/v/{}", video.id);
    let mut tags = vec![
        ("og:type", "video.other".to_owned()),
        ("og:site_name", SITE.to_owned()),
        ("og:title", title(video)),
        ("og:description", video.caption.clone()),
        ("og:url", page.clone()),
        ("og:image", format!("{base}{}", video.poster_url)),
        ("og:image:width", video.width.to_string()),
        ("og:image:height", video.height.to_string()),
    ];
    if let Some(preview) = &video.preview_url {
        tags.push(("og:video", format!("{base}{preview}")));
        tags.push(("og:video:type", "video/mp4".to_owned()));
    }
    let mut head: String =
        tags.iter().map(|(name, value)| format!("<meta property=\"{name}\" content=\"{}\">", escape(value))).collect();
    head.push_str(&format!(
        "<meta name=\"twitter:card\" content=\"summary_large_image\"><link rel=\"canonical\" href=\"{}\">",
        escape(&page)
    ));
    let oembed = format!("{base}/oembed?url={}", percent(&page));
    head.push_str(&format!("<link rel=\"alternate\" type=\"application/json+oembed\" href=\"{}\">", escape(&oembed)));
    head
}

/// For the inside of a quoted attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// For a value in a query.
fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OembedQuery {
    /// The address of a video's page here.
    url: String,
    /// Only `json`.
    format: Option<String>,
}

/// oEmbed 1.0, of the type `link`: the player is not framed by other sites.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Oembed {
    #[serde(rename = "type")]
    pub kind: String,
    pub version: String,
    pub provider_name: String,
    pub provider_url: String,
    pub title: String,
    pub author_name: String,
    pub author_url: String,
    pub thumbnail_url: String,
    pub thumbnail_width: u32,
    pub thumbnail_height: u32,
}

/// What another site may show of a video's address.
#[utoipa::path(get, path = "/oembed", tag = "media", params(OembedQuery),
    responses((status = 200, body = Oembed), (status = 404, body = ProblemDetails), (status = 501, body = ProblemDetails)))]
async fn oembed(State(api): State<Api>, Params(ask): Params<OembedQuery>) -> Result<Json<Oembed>, Problem> {
    if ask.format.as_deref().is_some_and(|format| format != "json") {
        let status = axum::http::StatusCode::NOT_IMPLEMENTED;
        return Err(Problem::new(status, "oembed_format", "Only JSON is offered."));
    }
    let base = api.settings.public_url.trim_end_matches('/');
    let id = video_in(&ask.url, base).ok_or_else(Problem::not_found)?;
    let video = cards::video(&api.app.card(None, id).await?);
    Ok(Json(Oembed {
        kind: "link".into(),
        version: "1.0".into(),
        provider_name: SITE.into(),
        provider_url: base.into(),
        title: title(&video),
        author_name: video.creator.display_name,
        author_url: format!("{base}/@{}", video.creator.handle),
        thumbnail_url: format!("{base}{}", video.poster_url),
        thumbnail_width: video.width,
        thumbnail_height: video.height,
    }))
}

/// The video of a page address of ours.
fn video_in(url: &str, base: &str) -> Option<VideoId> {
    let id = url.strip_prefix(base)?.strip_prefix("/v/")?;
    id.split(['?', '#', '/']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_cannot_leave_their_attribute() {
        fn check(text: &str, expected: &str) {
            assert_eq!(escape(text), expected);
        }
        check("\"><script>alert(1)</script>", "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
        check("a & b 'c'\n\0d", "a &amp; b &#39;c&#39; d");
        check("看视频", "看视频");
    }

    #[test]
    fn only_our_own_pages_are_embedded() {
        let id = VideoId::from_raw(7);
        fn check(url: &str, expected: Option<VideoId>) {
            assert_eq!(video_in(url, "http://localhost:8080"), expected, "{url}");
        }
        check(&format!("http://localhost:8080/v/{id}"), Some(id));
        check(&format!("http://localhost:8080/v/{id}?x=1"), Some(id));
        check(&format!("http://elsewhere/v/{id}"), None);
        check(&format!("http://localhost:8080.evil.example/v/{id}"), None);
        check("http://localhost:8080/v/nonsense", None);
        assert_eq!(percent("http://a/v/1?x=ä"), "http%3A%2F%2Fa%2Fv%2F1%3Fx%3D%C3%A4");
    }
}
