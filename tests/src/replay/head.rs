//! What stands before a request's body: where it goes, who sends it, and what it says that it is.

use floopy_protocols::sigv4::{self, Credentials, Scope, Time, Unsigned, encode, payload_sha256};
use floopy_shared::process::clock::Clock;
use http::{Method, request::Parts};

use super::{KEY, KEY_ID, Provider, REGION, VERSION, vertex};

/// The one that its API's reference asks for, and the one that its newest package sends.
const ANTHROPIC_VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];

/// Whether it asks for a stream, where the address says so; or what is wrong with it.
pub(super) fn check(
    provider: Provider,
    parts: &Parts,
    body: &[u8],
) -> Result<Option<bool>, String> {
    if parts.method != Method::POST {
        return Err(format!("the method {}", parts.method));
    }
    let kind = header(parts, "content-type");
    if kind != "application/json" {
        return Err(format!("content-type is {kind:?}"));
    }
    authorized(provider, parts, body)?;
    if is_responses(provider, parts) {
        return Ok(None);
    }
    let path = parts.uri.path_and_query();
    let path = path.map_or("", |path| path.as_str());
    let found = paths(provider).into_iter().find(|(known, _)| known == path);
    found
        .map(|(_, stream)| stream)
        .ok_or_else(|| format!("there is nothing at {path}"))
}

/// Whether it goes to Responses, where the provider has those.
pub(super) fn is_responses(provider: Provider, parts: &Parts) -> bool {
    match provider {
        Provider::OpenAiResponses => parts.uri.path() == "/v1/responses",
        Provider::AzureV1 => parts.uri.path() == "/openai/v1/responses",
        Provider::OpenAi
        | Provider::Azure
        | Provider::Mistral
        | Provider::Anthropic
        | Provider::Gemini
        | Provider::VertexGemini
        | Provider::VertexClaude
        | Provider::Bedrock
        | Provider::Cohere => false,
    }
}

fn header<'a>(parts: &'a Parts, name: &str) -> &'a str {
    let value = parts.headers.get(name);
    value.and_then(|v| v.to_str().ok()).unwrap_or_default()
}

fn paths(provider: Provider) -> Vec<(String, Option<bool>)> {
    let model = provider.model();
    let one = |path: &str| vec![(path.to_owned(), None)];
    match provider {
        Provider::OpenAi | Provider::OpenAiResponses | Provider::Mistral => {
            one("/v1/chat/completions")
        }
        Provider::Azure => one(&format!(
            "/openai/deployments/{model}/chat/completions?api-version={VERSION}"
        )),
        Provider::AzureV1 => one("/openai/v1/chat/completions"),
        Provider::Anthropic => one("/v1/messages"),
        Provider::VertexGemini => vertex::paths(
            ("google", "generateContent", "streamGenerateContent?alt=sse"),
            model,
        ),
        Provider::VertexClaude => {
            vertex::paths(("anthropic", "rawPredict", "streamRawPredict"), model)
        }
        Provider::Cohere => one("/v2/chat"),
        Provider::Gemini => vec![
            (
                format!("/v1beta/models/{model}:generateContent"),
                Some(false),
            ),
            (
                format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
                Some(true),
            ),
        ],
        Provider::Bedrock => {
            let model = encode(model);
            vec![
                (format!("/model/{model}/converse"), Some(false)),
                (format!("/model/{model}/converse-stream"), Some(true)),
            ]
        }
    }
}

/// The key is where the provider has it, and nowhere is the caller's.
pub(super) fn authorized(provider: Provider, parts: &Parts, body: &[u8]) -> Result<(), String> {
    const PLACES: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
    let (place, value) = match provider {
        Provider::OpenAi | Provider::OpenAiResponses | Provider::Mistral | Provider::Cohere => {
            ("authorization", format!("Bearer {KEY}"))
        }
        Provider::Azure | Provider::AzureV1 => ("api-key", KEY.to_owned()),
        Provider::VertexGemini | Provider::VertexClaude => {
            ("authorization", format!("Bearer {}", vertex::TOKEN))
        }
        Provider::Anthropic => ("x-api-key", KEY.to_owned()),
        Provider::Gemini => ("x-goog-api-key", KEY.to_owned()),
        Provider::Bedrock => ("authorization", signature(parts, body)?),
    };
    if header(parts, place) != value {
        return Err(format!("{place} is {:?}", header(parts, place)));
    }
    let mut others = PLACES.into_iter().filter(|other| *other != place);
    if let Some(other) = others.find(|other| parts.headers.contains_key(*other)) {
        return Err(format!("{other} is there, whose value is not for it"));
    }
    let version = header(parts, "anthropic-version");
    if provider == Provider::Anthropic && !ANTHROPIC_VERSIONS.contains(&version) {
        return Err(format!("anthropic-version is {version:?}"));
    }
    Ok(())
}

/// The authorization that AWS would make of the same request: of now, or of the last five minutes.
fn signature(parts: &Parts, body: &[u8]) -> Result<String, String> {
    const MAX_AGE_S: i64 = 300;
    let unsigned = Unsigned {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &[("host", header(parts, "host"))],
        payload_sha256: &payload_sha256(body),
    };
    let credentials = Credentials {
        access_key_id: KEY_ID.to_owned(),
        secret_access_key: KEY.to_owned(),
        session_token: None,
    };
    let scope = Scope {
        region: REGION,
        service: "bedrock",
    };
    let now = Clock::system().now_ms() / 1_000;
    let now = i64::try_from(now).map_err(|e| e.to_string())?;
    let date = header(parts, "x-amz-date");
    (0..=MAX_AGE_S)
        .filter_map(|age_s| Time::from_unix_timestamp(now - age_s).ok())
        .map(|then| sigv4::sign(&unsigned, &credentials, scope, then))
        .find(|signed| signed.amz_date == date)
        .map(|signed| signed.authorization)
        .ok_or_else(|| format!("x-amz-date is {date:?}, which is not now"))
}
