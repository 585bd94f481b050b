//! Providers of every family of APIs that only fail, each in the words of its own reference: which failure it is, the
//! model's name says.

use std::net::{Ipv4Addr, SocketAddr};

use http::{HeaderValue, Response, request::Parts};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Answer, KEY, REGION,
    serve::{Body, accept, cut, refusal},
};
use crate::Settings;

/// The models, which are the failures.
const KINDS: [&str; 5] = [
    "rate-limit",
    "context-length",
    "wrong-key",
    "overload",
    "content-filter",
];

/// How long a provider asks to wait; longer than Floopy would.
const RETRY_AFTER_S: &str = "7";

/// A failure as it comes: status, body, and what AWS has in a header.
struct Failure {
    status: u16,
    body: Value,
    kind: Option<&'static str>,
}

/// A family of APIs.
struct Family {
    name: &'static str,
    base_path: &'static str,
    fail: fn(&str) -> Failure,
}

const FAMILIES: [Family; 6] = [
    Family {
        name: "openai",
        base_path: "/v1",
        fail: openai,
    },
    Family {
        name: "azure",
        base_path: "",
        fail: azure,
    },
    Family {
        name: "anthropic",
        base_path: "/v1",
        fail: anthropic,
    },
    Family {
        name: "gemini",
        base_path: "/v1beta",
        fail: gemini,
    },
    Family {
        name: "bedrock",
        base_path: "",
        fail: bedrock,
    },
    Family {
        name: "cohere",
        base_path: "/v2",
        fail: cohere,
    },
];

fn failure(status: u16, body: Value) -> Failure {
    Failure {
        status,
        body,
        kind: None,
    }
}

/// <https://platform.openai.com/docs/guides/error-codes>
fn openai(kind: &str) -> Failure {
    let error = |status, code: &str, r#type: &str, param: Option<&str>, message: &str| {
        let error = json!({"message": message, "type": r#type, "param": param, "code": code});
        failure(status, json!({"error": error}))
    };
    const INVALID: &str = "invalid_request_error";
    match kind {
        "rate-limit" => error(
            429,
            "rate_limit_exceeded",
            "requests",
            None,
            "Rate limit reached",
        ),
        "context-length" => error(
            400,
            "context_length_exceeded",
            INVALID,
            Some("messages"),
            "This model's maximum context length is 128000 tokens.",
        ),
        "wrong-key" => error(
            401,
            "invalid_api_key",
            INVALID,
            None,
            "Incorrect API key provided",
        ),
        "overload" => error(
            503,
            "",
            "server_error",
            None,
            "The engine is currently overloaded",
        ),
        _ => error(
            400,
            "invalid_prompt",
            INVALID,
            None,
            "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
        ),
    }
}

/// The same, with a filter of its own (<https://learn.microsoft.com/azure/ai-services/openai/concepts/content-filter>).
fn azure(kind: &str) -> Failure {
    if kind != "content-filter" {
        return openai(kind);
    }
    let error = json!({
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": null, "param": "prompt", "code": "content_filter", "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation"},
    });
    failure(400, json!({"error": error}))
}

/// <https://docs.claude.com/en/api/errors>
fn anthropic(kind: &str) -> Failure {
    let (status, word, message) = match kind {
        "rate-limit" => (
            429,
            "rate_limit_error",
            "This request would exceed your rate limit",
        ),
        "context-length" => (
            400,
            "invalid_request_error",
            "prompt is too long: 205000 tokens > 200000 maximum",
        ),
        "wrong-key" => (401, "authentication_error", "invalid x-api-key"),
        "overload" => (529, "overloaded_error", "Overloaded"),
        _ => (
            400,
            "invalid_request_error",
            "Output blocked by content filtering policy",
        ),
    };
    let error = json!({"type": word, "message": message});
    failure(
        status,
        json!({"type": "error", "error": error, "request_id": "req_1"}),
    )
}

/// <https://ai.google.dev/gemini-api/docs/troubleshooting>; what its filter refuses is a reply without candidates.
fn gemini(kind: &str) -> Failure {
    let error = |status: u16, word: &str, message: &str, details: Value| {
        let error = json!({"code": status, "message": message, "status": word, "details": details});
        failure(status, json!({"error": error}))
    };
    match kind {
        "rate-limit" => {
            let info = "type.googleapis.com/google.rpc.RetryInfo";
            let details = json!([{"@type": info, "retryDelay": format!("{RETRY_AFTER_S}s")}]);
            error(
                429,
                "RESOURCE_EXHAUSTED",
                "You exceeded your current quota",
                details,
            )
        }
        "context-length" => error(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            json!([]),
        ),
        "wrong-key" => {
            let info = "type.googleapis.com/google.rpc.ErrorInfo";
            let details = json!([{"@type": info, "reason": "API_KEY_INVALID"}]);
            error(400, "INVALID_ARGUMENT", "API key not valid.", details)
        }
        "overload" => error(503, "UNAVAILABLE", "The model is overloaded.", json!([])),
        _ => failure(
            200,
            json!({
                "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
                "usageMetadata": {"promptTokenCount": 30, "totalTokenCount": 30},
                "modelVersion": kind, "responseId": "r-1",
            }),
        ),
    }
}

/// <https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html>
fn bedrock(kind: &str) -> Failure {
    let (status, word, message) = match kind {
        "rate-limit" => (
            429,
            "ThrottlingException",
            "Too many requests, please wait.",
        ),
        "context-length" => (
            400,
            "ValidationException",
            "Input is too long for requested model.",
        ),
        "wrong-key" => (
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        "overload" => (
            503,
            "ServiceUnavailableException",
            "Bedrock is unable to process your request.",
        ),
        _ => (
            400,
            "ValidationException",
            "Output blocked by content filtering policy",
        ),
    };
    Failure {
        kind: Some(word),
        ..failure(status, json!({"message": message}))
    }
}

/// <https://docs.cohere.com/reference/errors>
fn cohere(kind: &str) -> Failure {
    let (status, message) = match kind {
        "rate-limit" => (429, "You are past the per minute request limit"),
        "context-length" => (400, "too many tokens: size limit exceeded by 11326 tokens."),
        "wrong-key" => (401, "invalid api token"),
        "overload" => (503, "the service is overloaded"),
        _ => (400, "blocked input: please adjust the content"),
    };
    failure(status, json!({"id": "e-1", "message": message}))
}

/// All families, running; they stop when dropped.
#[derive(Debug)]
pub struct Failures {
    addr: SocketAddr,
    _server: AbortOnDropHandle<()>,
}

impl Failures {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = listener.local_addr().expect("its address");
        let server = tokio::spawn(accept(listener, std::sync::Arc::new(respond)));
        Self {
            addr,
            _server: AbortOnDropHandle::new(server),
        }
    }

    /// A system with each family as a provider, and every failure as a model of each.
    pub fn settings(&self) -> Settings {
        let url = |family: &Family| {
            let Family {
                name, base_path, ..
            } = family;
            format!("http://{}/{name}{base_path}", self.addr)
        };
        let [first, others @ ..] = &FAMILIES;
        let settings = Settings::for_models(first.name, &url(first), &KINDS.map(str::to_owned));
        others.iter().fold(settings, |all, family| {
            let region = if family.name == "bedrock" {
                format!("region = \"{REGION}\"\n")
            } else {
                String::new()
            };
            let lines = format!("{region}api_key = \"{KEY}\"");
            all.provider_with(family.name, &url(family), &lines)
        })
    }

    /// Their names, with commas between them.
    pub fn families() -> String {
        FAMILIES.map(|family| family.name).join(",")
    }
}

fn respond(parts: &Parts, body: &[u8]) -> Response<Body> {
    let path = parts.uri.path();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let name = path.split('/').nth(1).unwrap_or_default();
    let family = FAMILIES.iter().find(|family| family.name == name);
    let is_asked = |kind: &&str| body["model"] == *kind || path.contains(kind);
    let (Some(family), Some(kind)) = (family, KINDS.into_iter().find(is_asked)) else {
        return refusal(404, &json!({"message": "not found"}));
    };
    let failure = (family.fail)(kind);
    if failure.status == 200 {
        let is_stream = path.contains("stream");
        let events = format!("data: {}\n\n", failure.body);
        return cut(if is_stream {
            Answer::events(events)
        } else {
            Answer::json(&failure.body)
        });
    }
    let mut response = refusal(failure.status, &failure.body);
    let headers = response.headers_mut();
    if let Some(kind) = failure.kind {
        headers.insert("x-amzn-errortype", HeaderValue::from_static(kind));
    }
    // Google says it in the body only.
    if kind == "rate-limit" && name != "gemini" {
        headers.insert("retry-after", HeaderValue::from_static(RETRY_AFTER_S));
    }
    response
}
