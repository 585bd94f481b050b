//! Calls that are forwarded byte for byte, or without what is for us alone.

use std::ops::Range;

use super::{Call, splice::with_edits};

impl Call {
    /// The same, to be forwarded byte for byte.
    pub fn untouched(self) -> Self {
        Self {
            is_untouched: true,
            ..self
        }
    }

    /// The same without the values for a stored prompt.
    pub(crate) fn without_inputs(mut self) -> Self {
        let Some(removed) = self.inputs_span.take() else {
            return self;
        };
        let moved = |span: &mut Range<usize>| {
            if span.start >= removed.end {
                *span = span.start - removed.len()..span.end - removed.len();
            }
        };
        moved(&mut self.model_span);
        moved(&mut self.messages_span);
        if let Some(edit) = &mut self.usage_edit {
            moved(&mut edit.span);
        }
        self.body = with_edits(&self.body, &[(&removed, "")]);
        self
    }

    /// Whether nobody may change or keep anything of it.
    pub fn is_untouched(&self) -> bool {
        self.is_untouched
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::call::{Call, Endpoint};

    #[test]
    fn no_byte_of_an_untouched_call_changes() {
        let body = Bytes::from_static(
            br#"{ "stream":true, "messages":[{"role":"user","content":"hi"}], "model" : "m" }"#,
        );
        let call = Call::parse(body.clone(), Endpoint::Chat, None).expect("valid");
        assert!(!call.is_untouched());
        let call = call.untouched();
        assert!(call.is_untouched());
        assert_eq!(call.body_for("other", true), body);
    }

    #[test]
    fn inputs_are_taken_out_and_nothing_else() {
        let rest = [
            r#""model" : "a""#,
            r#""messages":[{"role":"user","content":"{{x}}"}]"#,
            r#" "stream":true"#,
            r#""stream_options":{"include_usage":false}"#,
        ];
        let inputs = r#" "inp\u0075ts" : {"inputs":"}","x":[1,2]} "#;
        for at in 0..=rest.len() {
            let mut fields = rest.to_vec();
            let without = format!("{{{}}}", fields.join(","));
            fields.insert(at, inputs);
            let body = format!("{{{}}}", fields.join(","));
            let call = |body: &str| {
                let body = Bytes::copy_from_slice(body.as_bytes());
                Call::parse(body, Endpoint::Chat, None).expect("valid")
            };
            let sent = |body: &str| {
                let sent = call(body).without_inputs().body_for("bb", true);
                String::from_utf8_lossy(&sent).replace(' ', "")
            };
            assert_eq!(sent(&body), sent(&without), "{body}");
            assert_eq!(call(&body).untouched().body_for("bb", true), body);
        }
    }

    #[test]
    fn inputs_are_taken_out_of_every_conversation_and_of_nothing_else() {
        let bodies = [
            (Endpoint::Responses, r#""input":"hi""#),
            (
                Endpoint::Messages,
                r#""max_tokens":9,"messages":[{"role":"user","content":"hi"}]"#,
            ),
            (
                Endpoint::CountTokens,
                r#""messages":[{"role":"user","content":"hi"}]"#,
            ),
        ];
        let sent = |endpoint, body: &str| {
            let body = Bytes::copy_from_slice(body.as_bytes());
            let call = Call::parse(body, endpoint, None).unwrap_or_else(|e| panic!("{e}"));
            call.without_inputs().body_for("b", true)
        };
        for (endpoint, rest) in bodies {
            let body = format!(r#"{{"model":"a","inputs":{{"x":1}},{rest}}}"#);
            let expected = format!(r#"{{"model":"b",{rest}}}"#);
            assert_eq!(sent(endpoint, &body), expected, "{endpoint:?}");
        }
        let body = r#"{"model":"b","input":"hi","inputs":{"x":1}}"#;
        assert_eq!(sent(Endpoint::Embeddings, body), body);
    }
}
