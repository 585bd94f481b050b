//! The public API as an OpenAPI document, made of the routes themselves: whoever mounts one says what it is.
//!
//! Handlers and their descriptions are put together here and nowhere else, so a route of the public API that is not
//! described cannot be mounted. What the committed document says is compared with this one by a test.

mod operation;
mod parts;
mod resources;
mod routes;
mod schemas;
#[cfg(test)]
mod tests;

use axum::{
    Router,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Map, Value, json};

pub(super) use self::routes::Routes;
use super::Api;

/// Where the document is, and where clients look that know the base URL only.
const PATHS: [&str; 2] = ["/openapi.json", "/v1/openapi.json"];

const ABOUT: &str = "One base URL for calls to models and for everything around them: what was decided, what it cost, \
    what people said of it, and the settings that routing follows.\n\n\
    **Authentication.** `Authorization: Bearer <key>`. A key may read (`GET`), write (everything else), or both; \
    what a call needs is said beside it. Keys that are held to a project, an environment, a rate or a rule change \
    nothing for the whole organisation.\n\n\
    **Units.** Money is in micro-USD (one millionth of a US dollar), durations are in milliseconds, probabilities and \
    qualities are from 0 to 1, times are RFC 3339 in UTC. Names say their unit.\n\n\
    **Errors.** One envelope everywhere (`Error`): `message` shows the value, `param` names the field, `code` is made \
    for programs. What belongs to another organisation is answered exactly as what does not exist. `POST \
    /v1/messages` and `/v1/messages/count_tokens` answer errors in Anthropic's envelope.\n\n\
    **Again.** A `POST` with `Idempotency-Key` is done once within 24 hours; its answer is given again with \
    `floopy-idempotent-replay: true`. After 429 and 503 `Retry-After` says when to ask again, in whole seconds.\n\n\
    **Nothing said.** In a query an empty value counts as none; so does an empty `floopy-…` header.\n\n\
    **Growth.** Answers may gain keys at any time; unknown keys of a request are refused.";

/// Where the operator's document is.
const OPERATORS_PATH: &str = "/openapi-operator.json";

const ABOUT_OPERATORS: &str = "What whoever runs Floopy sees and changes of all tenants. The control plane alone \
    answers it: proxies do not pass these paths on.\n\n\
    **Authentication.** `Authorization: Bearer <key>` with the operator's key. A tenant's key is refused with 403 \
    `operator_required`.\n\n\
    **Errors.** One envelope everywhere (`Error`): `message` shows the value, `param` names the field, `code` is made \
    for programs.\n\n\
    **Nothing said.** In a query an empty value counts as none.\n\n\
    **Growth.** Answers may gain keys at any time; unknown keys of a request are refused.";

/// A document but for its routes.
struct Cover {
    title: &'static str,
    about: &'static str,
    key: &'static str,
    tags: Value,
}

/// Everything the public can ask for.
pub(super) fn routes() -> Routes {
    resources::all()
}

/// Everything whoever runs the service can ask for.
pub(super) fn operators() -> Routes {
    resources::operators()
}

/// The document by itself.
pub(super) fn serve(routes: &Routes) -> Router<Api> {
    served_at(&PATHS, &document(routes))
}

/// The operator's document by itself.
pub(super) fn serve_operators(routes: &Routes) -> Router<Api> {
    served_at(&[OPERATORS_PATH], &operators_document(routes))
}

fn served_at(paths: &[&str], document: &Value) -> Router<Api> {
    let text: axum::body::Bytes = to_text(document).into();
    let answer = move || {
        let text = text.clone();
        async move { answer(text) }
    };
    let routed = |router: Router<Api>, path: &&str| router.route(path, get(answer.clone()));
    paths.iter().fold(Router::new(), routed)
}

fn answer(text: axum::body::Bytes) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

/// As it is served and committed.
fn to_text(document: &Value) -> String {
    format!("{document:#}\n")
}

fn document(routes: &Routes) -> Value {
    let cover = Cover {
        title: "Floopy",
        about: ABOUT,
        key: "An API key: one of the configuration, or one that `POST /v1/keys` made.",
        tags: resources::tags(),
    };
    bound(&cover, routes)
}

fn operators_document(routes: &Routes) -> Value {
    let cover = Cover {
        title: "Floopy, for operators",
        about: ABOUT_OPERATORS,
        key: "The operator's key.",
        tags: resources::operators_tags(),
    };
    bound(&cover, routes)
}

fn bound(cover: &Cover, routes: &Routes) -> Value {
    let mut paths = Map::new();
    for (path, method, operation) in routes.described() {
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method] = operation;
    }
    let mut schemas = routes.schemas().clone();
    schemas.merge(parts::schemas());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": cover.title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": cover.about,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Where this document came from"}],
        "tags": cover.tags,
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {
                "type": "http", "scheme": "bearer", "description": cover.key,
            }},
            "headers": parts::headers(),
            "parameters": parts::parameters(),
            "responses": parts::refusals(),
            "schemas": schemas.into_value(),
        },
    })
}
