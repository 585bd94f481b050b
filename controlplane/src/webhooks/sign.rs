//! Secrets of webhooks and what is signed with them.
//!
//! No secret is stored: each is derived from the store's own key, the webhook and a salt (HMAC-SHA256), so that it can be
//! told once and made again for every delivery.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac::{HMAC_SHA256, Key, sign};

use crate::{
    settings::webhooks::WrittenWebhook,
    store::{StoreError, meta::random},
};

/// How long the secret before still signs, too: receivers take the new one at their own pace.
pub(crate) const PREVIOUS_SECRET_MS: u64 = 86_400_000;

/// The store's own key.
pub(crate) struct Signing(Key);

/// What tells one secret of a webhook from the next.
pub(crate) fn new_salt() -> Result<String, StoreError> {
    let mut salt = [0; 16];
    random(&mut salt)?;
    Ok(hex::encode(salt))
}

impl Signing {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(Key::new(HMAC_SHA256, key))
    }

    /// The secret of a webhook: what its receiver is told.
    pub(crate) fn secret(&self, webhook: &str, salt: &str) -> String {
        let tag = sign(&self.0, format!("webhook/{webhook}/{salt}").as_bytes());
        format!("whsec_{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// The header `floopy-signature` of a delivery sent now.
    pub(crate) fn header(
        &self,
        (id, webhook): (&str, &WrittenWebhook),
        body: &str,
        now_ms: u64,
    ) -> String {
        let seconds = now_ms / 1_000;
        let previous = webhook.previous.as_ref();
        let previous = previous.filter(|previous| now_ms < previous.until_ms);
        let salts = std::iter::once(&webhook.salt).chain(previous.map(|previous| &previous.salt));
        let mut header = format!("t={seconds}");
        for salt in salts {
            let key = Key::new(HMAC_SHA256, self.secret(id, salt).as_bytes());
            let tag = sign(&key, format!("{seconds}.{body}").as_bytes());
            header.push_str(&format!(",v1={}", hex::encode(tag)));
        }
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::webhooks::Previous;

    fn webhook(previous: Option<Previous>) -> WrittenWebhook {
        WrittenWebhook {
            url: "https://receiver.example/".into(),
            events: Vec::new(),
            description: None,
            is_active: true,
            salt: "new".into(),
            previous,
        }
    }

    #[test]
    fn a_delivery_is_signed_over_its_moment_and_its_body() {
        let signing = Signing::new(&[1; 32]);
        let header = signing.header(("w", &webhook(None)), "{}", 1_800_000_000_999);
        let key = Key::new(HMAC_SHA256, signing.secret("w", "new").as_bytes());
        let expected = hex::encode(sign(&key, b"1800000000.{}"));
        assert_eq!(header, format!("t=1800000000,v1={expected}"));
        for other in [
            signing.header(("w", &webhook(None)), "{ }", 1_800_000_000_999),
            signing.header(("v", &webhook(None)), "{}", 1_800_000_000_999),
            Signing::new(&[2; 32]).header(("w", &webhook(None)), "{}", 1_800_000_000_999),
        ] {
            assert_ne!(other, header);
        }
    }

    #[test]
    fn the_secret_before_signs_until_its_time_is_over() {
        let signing = Signing::new(&[1; 32]);
        let previous = Previous {
            salt: "old".into(),
            until_ms: 5_000,
        };
        let both = signing.header(("w", &webhook(Some(previous.clone()))), "{}", 4_999);
        let key = Key::new(HMAC_SHA256, signing.secret("w", "old").as_bytes());
        let old = format!(",v1={}", hex::encode(sign(&key, b"4.{}")));
        assert!(
            both.ends_with(&old) && both.matches("v1=").count() == 2,
            "{both}"
        );
        let one = signing.header(("w", &webhook(Some(previous))), "{}", 5_000);
        assert_eq!(one.matches("v1=").count(), 1);
    }
}
