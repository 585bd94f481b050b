//! Who the end user of a call is, where its body says so.

use std::borrow::Cow;

use super::{Call, Endpoint, Fields, text};

impl Call {
    /// OpenAI's `user`, or Anthropic's `metadata.user_id`. Read anew: few tenants ask for it.
    pub(crate) fn user(&self) -> Option<String> {
        let user = match self.endpoint {
            Endpoint::Chat | Endpoint::Responses | Endpoint::Embeddings => {
                let fields = Fields::read(&self.body).ok()?;
                fields.user.and_then(text).map(Cow::into_owned)
            }
            Endpoint::Messages => self.typed().ok()?.user,
            Endpoint::CountTokens => None,
        };
        user.filter(|user| !user.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn user(endpoint: Endpoint, body: &str) -> Option<String> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let call = Call::parse(body, endpoint, None).unwrap_or_else(|error| panic!("{error}"));
        call.user()
    }

    #[test]
    fn the_user_is_found_in_each_form() {
        let messages = r#""model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}]"#;
        let cases = [
            (
                Endpoint::Chat,
                format!(r#"{{{messages},"user":"ann"}}"#),
                Some("ann"),
            ),
            (Endpoint::Chat, format!(r#"{{{messages},"user":7}}"#), None),
            (Endpoint::Chat, format!(r#"{{{messages},"user":""}}"#), None),
            (
                Endpoint::Embeddings,
                r#"{"model":"m","input":"x","user":"bob"}"#.to_owned(),
                Some("bob"),
            ),
            (
                Endpoint::Responses,
                r#"{"model":"m","input":"x","user":"cy"}"#.to_owned(),
                Some("cy"),
            ),
            (
                Endpoint::Messages,
                format!(r#"{{{messages},"metadata":{{"user_id":"dee"}}}}"#),
                Some("dee"),
            ),
            (Endpoint::Messages, format!(r#"{{{messages}}}"#), None),
        ];
        for (endpoint, body, expected) in cases {
            assert_eq!(user(endpoint, &body).as_deref(), expected, "{body}");
        }
    }
}
