//! What all operations have in common: errors, ids, and asking twice.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::schemas::{Schemas, Use};

/// What went wrong.
#[derive(ToSchema)]
struct Error {
    error: ErrorBody,
}

/// What went wrong, for people and for programs.
#[derive(ToSchema)]
struct ErrorBody {
    /// For people; shows the value that was wrong.
    message: String,
    /// `invalid_request_error`, `authentication_error`, `permission_error`, `rate_limit_error`, `insufficient_quota`,
    /// `upstream_error` or `api_error`.
    #[schema(example = "invalid_request_error")]
    r#type: String,
    /// The field, query key or header that was wrong.
    param: Option<String>,
    /// For programs.
    #[schema(example = "invalid_body")]
    code: Option<String>,
    /// What the plan lacks: only with `plan_required`.
    #[schema(nullable = false)]
    feature: Option<String>,
}

/// That something is gone.
#[derive(ToSchema)]
pub(super) struct Deleted {
    pub(super) id: String,
    /// What it was.
    pub(super) object: String,
    pub(super) deleted: bool,
}

pub(super) fn schemas() -> Schemas {
    let mut schemas = Schemas::default();
    schemas.add::<Error>(Use::Told);
    schemas
}

/// What each status means, wherever it is answered.
const REFUSALS: [(u16, &str); 15] = [
    (
        400,
        "Something that was asked for is wrong; `param` names it, `message` shows its value.",
    ),
    (
        401,
        "No key was sent, or one that is not known (`invalid_api_key`).",
    ),
    (
        403,
        "The key may not do this (`read_permission`, `write_permission`, `role_required`), the tenant is disabled (`tenant_disabled`), or the plan does not have it (`plan_required`, with `feature`).",
    ),
    (
        404,
        "There is no such thing, or it is another organisation's: both are answered alike, byte for byte.",
    ),
    (408, "The body did not arrive in time (`body_timeout`)."),
    (
        412,
        "`If-Match` names a state that is not the current one (`precondition_failed`): read again.",
    ),
    (413, "The body is too large (`body_too_large`)."),
    (
        415,
        "The format is not one that is given (`unsupported_format`).",
    ),
    (
        422,
        "`Idempotency-Key` was used for another request (`idempotency_key_reused`), or the first answer is not kept (`already_done`).",
    ),
    (
        429,
        "Too many requests (`rate_limited`, `tenant_overloaded`), or what the month has is used up (`quota_reached`, `cost_limit_reached`: calls have the seconds until the month ends as `Retry-After`, ratings and batches have none).",
    ),
    (500, "Something failed here (`internal`)."),
    (
        501,
        "This control plane is not set up for it (`not_configured`): the operator can do that.",
    ),
    (502, "The provider failed; `message` says how."),
    (
        503,
        "Not now: no room (`overloaded`), no provider (`no_candidate_available`), the control plane cannot be reached (`control_plane_unavailable`), or its database does not answer (`store_unavailable`).",
    ),
    (
        504,
        "The answer took too long; what changes something may have been done all the same.",
    ),
];

fn name(status: u16) -> String {
    format!("Refused{status}")
}

/// Refers to a refusal of all operations.
pub(super) fn refer(status: u16) -> Value {
    json!({"$ref": format!("#/components/responses/{}", name(status))})
}

/// All refusals.
pub(super) fn refusals() -> Value {
    let schema = json!({"$ref": "#/components/schemas/Error"});
    let all = REFUSALS
        .iter()
        .map(|(status, _)| (name(*status), refusal(*status, &schema)));
    Value::Object(all.collect::<Map<_, _>>())
}

/// A refusal with a body like this.
pub(super) fn refusal(status: u16, schema: &Value) -> Value {
    let mut headers = json!({"x-request-id": request_id()});
    if matches!(status, 429 | 503) {
        headers["retry-after"] = json!({
            "description": "Whole seconds after which asking again makes sense.",
            "schema": {"type": "integer", "minimum": 0},
        });
    }
    let text = REFUSALS.iter().find(|(known, _)| *known == status);
    json!({
        "description": text.map_or("Refused.", |(_, text)| text),
        "headers": headers,
        "content": {"application/json": {"schema": schema}},
    })
}

/// Refers to the header that every answer has.
pub(super) fn request_id() -> Value {
    json!({"$ref": "#/components/headers/RequestId"})
}

/// Headers of answers.
pub(super) fn headers() -> Value {
    json!({"RequestId": {
        "description": "The id of this request; of a call to a model, the id of its decision.",
        "required": true,
        "schema": {"type": "string", "format": "uuid"},
    }})
}

/// Refers to the header that makes a `POST` be done once.
pub(super) fn idempotency_key() -> Value {
    json!({"$ref": "#/components/parameters/IdempotencyKey"})
}

/// Parameters of many operations.
pub(super) fn parameters() -> Value {
    json!({"IdempotencyKey": {
        "in": "header", "name": "Idempotency-Key", "required": false,
        "description": "A name of your own for this request: sent again within 24 hours it is answered with the \
            first answer and not done again. Secrets are told once only.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\t -~]+$"},
    }})
}

/// A part of a path that needs no words of its own.
pub(super) fn path_parameter(name: &str) -> Value {
    json!({
        "in": "path", "name": name, "required": true,
        "description": "The id, as the list tells it.",
        "schema": {"type": "string", "minLength": 1},
    })
}

/// Media types with their schemas.
pub(super) fn contents(forms: &[(&str, Value)]) -> Map<String, Value> {
    let forms = forms.iter().map(|(form, schema)| {
        let form = (*form).to_owned();
        (form, json!({"schema": schema}))
    });
    forms.collect()
}

/// A page of these.
pub(super) fn page(item: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["items", "next_cursor", "has_more"],
        "properties": {
            "items": {"type": "array", "items": item},
            "next_cursor": {"type": ["string", "null"], "description": "For the next page; null: this is the last."},
            "has_more": {"type": "boolean"},
        },
    })
}
