//! Calls that are forwarded byte for byte.

use super::Call;

impl Call {
    /// The same, to be forwarded byte for byte.
    pub fn untouched(self) -> Self {
        Self {
            is_untouched: true,
            ..self
        }
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
}
