//! Asking a stream for its usage: without it, what a stream cost could only be estimated.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use serde_json::{Map, Value, value::RawValue};

use super::span_of;

const INCLUDE: &str = "include_usage";

/// Other text in place of a part of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub span: Range<usize>,
    pub text: Cow<'static, str>,
}

/// What asks for usage where the caller does not. `None`: the caller asks for it, or has written something that
/// the provider will refuse.
pub(super) fn edit(
    stream_options: Option<&RawValue>,
    model_end: usize,
    body: &Bytes,
) -> Option<Edit> {
    let Some(raw) = stream_options else {
        return Some(Edit {
            span: model_end..model_end,
            text: Cow::Borrowed(r#","stream_options":{"include_usage":true}"#),
        });
    };
    let options: Option<Map<String, Value>> = serde_json::from_str(raw.get()).ok()?;
    let mut options = options.unwrap_or_default();
    let asked = options.insert(INCLUDE.to_owned(), Value::Bool(true));
    if asked == Some(Value::Bool(true)) {
        return None;
    }
    Some(Edit {
        span: span_of(raw, body),
        text: Cow::Owned(Value::Object(options).to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Call, Endpoint};
    use super::*;

    fn check(options: &str, sent: Option<&str>) {
        let body = |options: &str| {
            format!(r#"{{{options}"stream":true, "model":"m","messages":[{{"role":"user"}}]}}"#)
        };
        let own = body(options);
        let call = Call::parse(Bytes::from(own.clone()), Endpoint::Chat, None).expect("valid");
        assert_eq!(call.asks_usage(), sent.is_none(), "{options}");
        assert_eq!(
            call.body_for("m", false),
            own,
            "not every provider is asked"
        );
        let sent = sent.map_or(own, body);
        assert_eq!(call.body_for("m", true), sent);
        assert_eq!(call.body_for("n", true), sent.replace("\"m\"", "\"n\""));
    }

    #[test]
    fn usage_is_asked_for_once_and_other_options_stay() {
        check(
            r#""stream_options" : {"include_obfuscation":false} , "#,
            Some(r#""stream_options" : {"include_obfuscation":false,"include_usage":true} , "#),
        );
        let asked = Some(r#""stream_options":{"include_usage":true},"#);
        check(r#""stream_options":null,"#, asked);
        check(r#""stream_options":{"include_usage":false},"#, asked);
        check(r#""stream_options":{"include_usage":true},"#, None);
        check(r#""stream_options":"yes","#, None);
    }

    #[test]
    fn without_options_they_come_after_the_model() {
        let body = r#"{"model" : "m" ,"stream":true,"messages":[{"role":"user"}]}"#;
        let call = Call::parse(Bytes::from(body), Endpoint::Chat, None).expect("valid");
        let sent = r#"{"model" : "nn","stream_options":{"include_usage":true} ,"stream":true,"messages":[{"role":"user"}]}"#;
        assert_eq!(call.body_for("nn", true), sent);
        let whole = body.replace("true", "false");
        let call = Call::parse(Bytes::from(whole.clone()), Endpoint::Chat, None).expect("valid");
        assert_eq!(call.body_for("m", true), whole, "it is no stream");
    }
}
