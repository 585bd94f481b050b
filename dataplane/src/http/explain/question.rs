//! What is to be explained: a call in an envelope, with the headers that it would have, or the call itself.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::super::respond::Refusal;

/// Of a forwarded header, by name or by its beginning: those that say who calls and from where
/// (floopy.ai/docs/api/routing-explain).
const DROPPED: [&str; 4] = ["authorization", "cookie", "host", "x-api-key"];
const DROPPED_PREFIXES: [&str; 2] = ["x-forwarded-", "x-real-ip"];

/// Of a value, shown in an error.
const SHOWN_CHARS: usize = 64;

/// A client that has no messages yet may send `null`: then a call without a word is explained.
const NO_MESSAGES: &[u8] = br#"[{"role":"user","content":""}]"#;

/// A call that is not made.
pub(super) struct Question {
    /// A chat completion's.
    pub(super) body: Bytes,
    /// The call's; `None`: those of the request itself.
    pub(super) headers: Option<HeaderMap>,
    /// What it would be asked of, where that is said.
    pub(super) endpoint: Option<String>,
}

/// What an envelope may hold beside a call and its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Envelope {
    OfChat,
    /// It may name the endpoint.
    OfAny,
}

/// What tells the forms apart.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    request: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    messages: Option<&'a RawValue>,
}

/// Also where it is `null`.
fn present<'de: 'a, 'a, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&'a RawValue>::deserialize(deserializer).map(Some)
}

/// Reads either form. What is wrong with a call is found where calls are read.
pub(super) fn read(body: Bytes, envelope: Envelope) -> Result<Question, Refusal> {
    let (is_enveloped, spoken) = {
        let Ok(probe) = serde_json::from_slice::<Probe<'_>>(&body) else {
            // Not JSON, no object, or a key twice: as a call's body it is told what is wrong.
            return Ok(Question {
                body,
                headers: None,
                endpoint: None,
            });
        };
        (probe.request.is_some(), with_messages(&body, &probe))
    };
    if is_enveloped {
        return open(&body, envelope);
    }
    Ok(Question {
        body: spoken.unwrap_or(body),
        headers: None,
        endpoint: None,
    })
}

/// The body with messages where they are `null`; `None`: they are not.
fn with_messages(body: &Bytes, probe: &Probe<'_>) -> Option<Bytes> {
    let null = probe.messages.filter(|raw| raw.get() == "null")?;
    let start = null.get().as_ptr() as usize - body.as_ptr() as usize;
    let (before, after) = (body.get(..start)?, body.get(start + null.get().len()..)?);
    Some([before, NO_MESSAGES, after].concat().into())
}

/// `{"request": …, "headers": …}`, and nothing else but what the envelope may hold.
fn open(body: &Bytes, envelope: Envelope) -> Result<Question, Refusal> {
    let fields: Map<String, Value> =
        serde_json::from_slice(body).map_err(|e| invalid(None, format!("the body: {e}")))?;
    let known: &[&str] = match envelope {
        Envelope::OfChat => &["request", "headers"],
        Envelope::OfAny => &["request", "headers", "endpoint"],
    };
    if let Some(key) = fields.keys().find(|key| !known.contains(&key.as_str())) {
        let shown: String = key.chars().take(SHOWN_CHARS).collect();
        let known = known.join(", and ");
        let message = format!("the key {shown:?} is not known here: send {known}");
        return Err(invalid(Some(&shown), message));
    }
    let endpoint = endpoint(fields.get("endpoint"))?;
    let headers = headers(fields.get("headers"))?;
    let probe: Probe<'_> =
        serde_json::from_slice(body).map_err(|e| invalid(None, format!("the body: {e}")))?;
    let request = probe.request.map_or("null", RawValue::get);
    if !request.starts_with('{') {
        let message = "request must be an object: the body of a chat completion";
        return Err(invalid(Some("request"), message.to_owned()));
    }
    let request = Bytes::copy_from_slice(request.as_bytes());
    let spoken = serde_json::from_slice(&request)
        .ok()
        .and_then(|probe| with_messages(&request, &probe));
    Ok(Question {
        body: spoken.unwrap_or(request),
        headers: Some(headers),
        endpoint,
    })
}

fn endpoint(given: Option<&Value>) -> Result<Option<String>, Refusal> {
    match given {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(name.clone())),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            let message = format!("endpoint is {}, it must be a text", shown(other));
            Err(invalid(Some("endpoint"), message))
        }
    }
}

/// The headers that a call would have; those that are none of ours to see are left out.
fn headers(given: Option<&Value>) -> Result<HeaderMap, Refusal> {
    let given = match given {
        None | Some(Value::Null) => return Ok(HeaderMap::new()),
        Some(Value::Object(given)) => given,
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_))) => {
            let message = format!("headers is {}, it must be an object", shown(other));
            return Err(invalid(Some("headers"), message));
        }
    };
    let mut headers = HeaderMap::with_capacity(given.len());
    for (name, value) in given {
        let field = format!(
            "headers.{}",
            name.chars().take(SHOWN_CHARS).collect::<String>()
        );
        let lower = name.to_ascii_lowercase();
        let dropped = DROPPED.contains(&lower.as_str())
            || DROPPED_PREFIXES
                .iter()
                .any(|prefix| lower.starts_with(prefix));
        if dropped {
            continue;
        }
        let key = HeaderName::try_from(lower.as_str()).map_err(|_| {
            invalid(
                Some(&field),
                format!("{name:?} cannot be the name of a header"),
            )
        })?;
        let text = value
            .as_str()
            .and_then(|text| HeaderValue::from_str(text).ok());
        let text = text.ok_or_else(|| {
            let message = format!("{field} is {}, it must be a header's text", shown(value));
            invalid(Some(&field), message)
        })?;
        headers.insert(key, text);
    }
    Ok(headers)
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.chars().count() {
        0..=SHOWN_CHARS => text,
        _ => text.chars().take(SHOWN_CHARS).chain(['…']).collect(),
    }
}

fn invalid(param: Option<&str>, message: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_body", message).about(param)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(body: &str) -> Result<Question, Refusal> {
        read(Bytes::copy_from_slice(body.as_bytes()), Envelope::OfChat)
    }

    #[test]
    fn a_flat_body_is_the_call_and_an_envelope_holds_it() {
        let flat = question(r#"{"model":"auto","messages":[1],"top_p":0.1}"#).expect("flat");
        assert_eq!(flat.body, r#"{"model":"auto","messages":[1],"top_p":0.1}"#);
        assert!(flat.headers.is_none());
        let envelope = question(
            r#"{"headers":{"Floopy-Session-Id":"s","X-Forwarded-For":"1","COOKIE":"c","x-real-ip-2":"9",
                "Authorization":"Bearer x"}, "request" : {"model":"auto","messages":[ 1 ]}}"#,
        )
        .expect("an envelope");
        assert_eq!(envelope.body, r#"{"model":"auto","messages":[ 1 ]}"#);
        let headers = envelope.headers.expect("its own");
        assert_eq!(headers.len(), 1, "{headers:?}");
        assert_eq!(headers["floopy-session-id"], "s");
        let bare = question(r#"{"request":{}}"#).expect("without headers");
        assert!(bare.headers.expect("none of the request's own").is_empty());
    }

    #[test]
    fn messages_that_are_null_are_a_call_without_a_word() {
        let spoken = r#"{"model":"auto","messages":[{"role":"user","content":""}],"x":1}"#;
        let flat = question(r#"{"model":"auto","messages":null,"x":1}"#).expect("flat");
        assert_eq!(flat.body, spoken);
        let envelope = question(r#"{"request":{"model":"auto","messages":null,"x":1}}"#);
        assert_eq!(envelope.expect("an envelope").body, spoken);
    }

    #[test]
    fn an_envelope_is_refused_by_field_and_value() {
        let cases = [
            (
                r#"{"request":{},"header":{}}"#,
                Some("header"),
                "the key \"header\" is not known",
            ),
            (
                r#"{"request":null}"#,
                Some("request"),
                "request must be an object",
            ),
            (
                r#"{"request":[]}"#,
                Some("request"),
                "request must be an object",
            ),
            (
                r#"{"request":{},"headers":[1]}"#,
                Some("headers"),
                "headers is [1], it must be",
            ),
            (
                r#"{"request":{},"headers":{"a":1}}"#,
                Some("headers.a"),
                "headers.a is 1, it must",
            ),
            (
                r#"{"request":{},"headers":{"a b":"x"}}"#,
                Some("headers.a b"),
                "\"a b\" cannot be",
            ),
        ];
        for (body, param, expected) in cases {
            let Err(refusal) = question(body) else {
                panic!("{body} was taken");
            };
            assert!(refusal.message.contains(expected), "{}", refusal.message);
            assert_eq!(
                (refusal.code, refusal.param.as_deref(), refusal.status),
                ("invalid_body", param, StatusCode::BAD_REQUEST)
            );
        }
    }

    #[test]
    fn what_is_no_object_goes_on_to_be_refused_as_a_call() {
        for body in ["nope", "[]", "3", ""] {
            assert_eq!(question(body).expect("passed on").body, body);
        }
    }
}
