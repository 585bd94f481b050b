//! The dashboard: pages that were built beside this program and are part of it, and the routes that only they use.

use axum::{
    Router,
    body::Bytes,
    extract::Request,
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{
    Api,
    error::ApiError,
    people::{self, change, oidc, sign_in},
    playground,
};

/// A file of the dashboard as it was built, and packed smaller where that helps.
struct Asset {
    path: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

// `ASSETS`, in the order of their paths; empty where the dashboard was not built.
include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

const INDEX: &str = "index.html";
/// Files below here have a digest in their names: what is there never changes.
const HASHED: &str = "assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Nothing comes from elsewhere, and no script stands in a page. Components set styles of their own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Floopy</title>\
    <h1>The dashboard is not part of this build</h1>\
    <p>It needs Node 20.19 or later. Build it, then Floopy once more:</p>\
    <pre>cd controlplane/dashboard &amp;&amp; npm ci &amp;&amp; npm run build\ncargo build --release --package floopy</pre>\
    <p><code>make run</code> does both. The API is here all the same.</p></html>";
/// What is never a page: who asks there wants the API's words.
const API: [&str; 4] = ["/v1", "/dashboard", "/openapi", "/assets"];

/// What only the dashboard asks for.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(
            "/dashboard/session",
            get(sign_in::signed_in)
                .post(sign_in::sign_in)
                .delete(sign_in::sign_out),
        )
        .route("/dashboard/oidc/sign-in", get(oidc::begin))
        .route("/dashboard/oidc/callback", get(oidc::finish))
        .route("/dashboard/password", put(change::password))
        .route("/dashboard/chat", post(playground::chat))
        .route("/dashboard/users", get(people::list).post(people::create))
        .route("/dashboard/users/{id}", delete(people::remove))
}

/// A file of the dashboard, or its one page for any path that is a place in it.
pub(super) async fn page(request: Request) -> Response {
    let path = request.uri().path();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let named = path.trim_start_matches('/');
    if is_read && let Some(asset) = asset(named) {
        return serve(asset, request.headers());
    }
    let is_api = API.iter().any(|prefix| path.starts_with(prefix));
    if !is_read || is_api || !wants_page(request.headers()) {
        return ApiError::not_found("there is nothing at this path").into_response();
    }
    match asset(INDEX) {
        Some(index) => serve(index, request.headers()),
        None => {
            let text = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            guarded((text, NOT_BUILT).into_response())
        }
    }
}

/// Browsers say so; whoever asks for JSON or for anything is told what is not there.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).map(HeaderValue::as_bytes);
    accept.is_some_and(|accept| accept.windows(9).any(|part| part == b"text/html"))
}

fn asset(path: &str) -> Option<&'static Asset> {
    let at = ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok()?;
    ASSETS.get(at)
}

fn serve(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let taken = headers.get(header::ACCEPT_ENCODING);
    let taken = taken.and_then(|taken| taken.to_str().ok()).unwrap_or("");
    let takes = |name: &str| taken.split(',').any(|one| one.trim().starts_with(name));
    let packed = match (asset.brotli, asset.gzip) {
        (Some(bytes), _) if takes("br") => Some(("br", bytes)),
        (_, Some(bytes)) if takes("gzip") => Some(("gzip", bytes)),
        _ => None,
    };
    let bytes = packed.map_or(asset.plain, |(_, bytes)| bytes);
    let mut response = (StatusCode::OK, Bytes::from_static(bytes)).into_response();
    let told = response.headers_mut();
    let mut tell = |name, value| {
        told.insert(name, HeaderValue::from_static(value));
    };
    tell(header::CONTENT_TYPE, kind(asset.path));
    tell(header::VARY, "accept-encoding");
    let is_hashed = asset.path.starts_with(HASHED);
    tell(
        header::CACHE_CONTROL,
        if is_hashed { FOREVER } else { "no-cache" },
    );
    if let Some((name, _)) = packed {
        tell(header::CONTENT_ENCODING, name);
    }
    guarded(response)
}

/// With what a browser is told to keep from a page of ours.
pub(super) fn guarded(mut response: Response) -> Response {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("json" | "webmanifest") => "application/json",
        _ => "application/octet-stream",
    }
}
