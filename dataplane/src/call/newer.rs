//! Fields of a chat completion under the names and in the places that newer models want, each by one edit of the
//! caller's bytes.

use bytes::Bytes;
use serde_json::Value;

use super::{InvalidCall, fields::Fields, member, span_of, splice::with_edits};

const OLD: &[u8] = b"\"max_tokens\"";
const NEW: &str = "\"max_completion_tokens\"";

/// What a reasoning model may be asked to spend (<https://platform.openai.com/docs/guides/reasoning>).
pub(crate) const EFFORTS: [&str; 6] = ["none", "minimal", "low", "medium", "high", "xhigh"];

/// `max_tokens` under its newer name, without which reasoning models refuse the call
/// (<https://platform.openai.com/docs/api-reference/chat/create>). Where both are there, the newer one counts.
pub(crate) fn with_newer_maximum(body: Bytes) -> Bytes {
    let Ok(fields) = Fields::read(&body) else {
        return body;
    };
    let Some(old) = fields.max_tokens else {
        return body;
    };
    if fields.max_completion_tokens.is_some() {
        let removed = member::span_of(old, &body);
        return with_edits(&body, &[(&removed, "")]);
    }
    let value = span_of(old, &body).start;
    let key_end = body[..value].iter().rposition(|byte| *byte == b'"');
    let key = key_end.map(|end| end + 1 - OLD.len().min(end + 1)..end + 1);
    match key.filter(|key| body[key.clone()] == *OLD) {
        Some(key) => with_edits(&body, &[(&key, NEW)]),
        // Written with escapes: the provider says what it thinks of it.
        None => body,
    }
}

/// With this `reasoning_effort`, where the body says nothing of it.
pub(crate) fn with_effort(body: Bytes, effort: &str) -> Result<Bytes, InvalidCall> {
    let fields = Fields::read(&body)?;
    if fields.reasoning_effort.is_some() {
        return Ok(body);
    }
    let model = fields.model.map(|raw| span_of(raw, &body).end);
    let Some(at) = model else {
        // Refused for the model that it lacks.
        return Ok(body);
    };
    let field = format!(",\"reasoning_effort\":{}", Value::from(effort));
    Ok(with_edits(&body, &[(&(at..at), &field)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newer(body: &str) -> String {
        let sent = with_newer_maximum(Bytes::copy_from_slice(body.as_bytes()));
        String::from_utf8(sent.into()).expect("text")
    }

    #[test]
    fn the_maximum_gets_its_newer_name_and_nothing_else_changes() {
        for (body, sent) in [
            (
                r#"{"model":"o3", "max_tokens" : 9,"x":"max_tokens"}"#,
                r#"{"model":"o3", "max_completion_tokens" : 9,"x":"max_tokens"}"#,
            ),
            (
                r#"{"max_tokens":9,"max_completion_tokens":7}"#,
                r#"{"max_completion_tokens":7}"#,
            ),
            (
                r#"{"max_completion_tokens":7,"max_tokens":9}"#,
                r#"{"max_completion_tokens":7}"#,
            ),
            (r#"{"x":{"max_tokens":1}}"#, r#"{"x":{"max_tokens":1}}"#),
            (r#"{"max_tokens":null}"#, r#"{"max_tokens":null}"#),
            ("{\"max\\u005ftokens\":9}", "{\"max\\u005ftokens\":9}"),
        ] {
            assert_eq!(newer(body), sent);
        }
    }

    #[test]
    fn the_effort_is_added_where_the_body_says_nothing() {
        let with = |body: &'static str| with_effort(Bytes::from_static(body.as_bytes()), "low");
        assert_eq!(
            with(r#"{"model" : "o3","messages":[]}"#).expect("valid"),
            r#"{"model" : "o3","reasoning_effort":"low","messages":[]}"#
        );
        let said = r#"{"model":"o3","reasoning_effort":"high"}"#;
        assert_eq!(with(said).expect("valid"), said);
        assert!(with("[]").is_err());
    }
}
