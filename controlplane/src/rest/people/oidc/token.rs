//! An ID token, checked (OpenID Connect Core 1.0, 3.1.3.7), and what it says of somebody.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde::Deserialize;
use serde_json::Value;

/// How an issuer may sign: by keys of which only it has the secret half.
const SIGNED: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// How far an issuer's clock may be behind.
const LEEWAY_S: u64 = 60;

/// What a token must be of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now_ms: u64,
}

/// Why a token is not believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidToken {
    #[error("is no signed token: {0}")]
    Form(String),
    #[error("is signed by {0:?}, which is not taken")]
    Algorithm(Algorithm),
    #[error("is signed by a key that the issuer does not tell of")]
    Key,
    #[error("ended at {0}")]
    Ended(u64),
    #[error("is not of this sign-in")]
    Nonce,
    #[error("is for somebody else's use")]
    Party,
    #[error("has no e-mail address that the issuer has verified")]
    Email,
}

#[derive(Deserialize)]
struct Claims {
    exp: u64,
    aud: Value,
    nonce: Option<String>,
    azp: Option<String>,
    email: Option<String>,
    email_verified: Option<Value>,
}

/// The verified e-mail address that a token says.
pub(super) fn email(
    token: &str,
    keys: &JwkSet,
    expected: Expected<'_>,
) -> Result<String, InvalidToken> {
    let form = |error: jsonwebtoken::errors::Error| InvalidToken::Form(error.to_string());
    let header = decode_header(token).map_err(form)?;
    if !SIGNED.contains(&header.alg) {
        return Err(InvalidToken::Algorithm(header.alg));
    }
    let jwk = match (&header.kid, &*keys.keys) {
        (Some(kid), _) => keys.find(kid),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let key = DecodingKey::from_jwk(jwk.ok_or(InvalidToken::Key)?).map_err(form)?;
    let mut rules = Validation::new(header.alg);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.client_id]);
    // By our own clock, below.
    rules.validate_exp = false;
    let claims = decode::<Claims>(token, &key, &rules).map_err(form)?.claims;
    if claims.exp.saturating_add(LEEWAY_S).saturating_mul(1_000) <= expected.now_ms {
        return Err(InvalidToken::Ended(claims.exp));
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err(InvalidToken::Nonce);
    }
    let is_shared = claims.aud.as_array().is_some_and(|all| all.len() > 1);
    let party = claims.azp.as_deref();
    if party.map_or(is_shared, |party| party != expected.client_id) {
        return Err(InvalidToken::Party);
    }
    // Some issuers say it as a word.
    let verified = claims.email_verified.unwrap_or_default();
    let is_verified = verified == Value::Bool(true) || verified.as_str() == Some("true");
    let email = claims.email.filter(|_| is_verified);
    email.ok_or(InvalidToken::Email)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
    };
    use serde_json::json;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    struct Signer {
        pair: EcdsaKeyPair,
        keys: JwkSet,
    }

    fn signer(kid: &str) -> Signer {
        let (form, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(form, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(form, pkcs8.as_ref(), &random).expect("a key");
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let coordinate = |bytes| URL_SAFE_NO_PAD.encode(bytes);
        let key = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid,
            "x": coordinate(x), "y": coordinate(y)});
        let keys = serde_json::from_value(json!({"keys": [key]})).expect("keys");
        Signer { pair, keys }
    }

    impl Signer {
        fn token(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(header), part(claims));
            let random = SystemRandom::new();
            let signature = self.pair.sign(&random, signed.as_bytes()).expect("signed");
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn claims() -> Value {
        json!({"iss": "https://login.example", "aud": "floopy", "sub": "1", "exp": NOW_S + 300, "nonce": "n",
            "email": "ana@example.com", "email_verified": true})
    }

    fn read(token: &str, keys: &JwkSet) -> Result<String, InvalidToken> {
        let expected = Expected {
            issuer: "https://login.example",
            client_id: "floopy",
            nonce: "n",
            now_ms: NOW_S * 1_000,
        };
        email(token, keys, expected)
    }

    #[test]
    fn a_token_is_believed_only_where_all_of_it_is_right() {
        let ours = signer("k1");
        let header = json!({"alg": "ES256", "kid": "k1"});
        let said = |change: &[(&str, Value)]| {
            let mut claims = claims();
            for (name, value) in change {
                claims[*name] = value.clone();
            }
            read(&ours.token(&header, &claims), &ours.keys)
        };
        let ana = Ok("ana@example.com".to_owned());
        assert_eq!(said(&[]), ana);
        assert_eq!(said(&[("email_verified", json!("true"))]), ana);
        let both = json!(["floopy", "other"]);
        assert_eq!(
            said(&[("aud", both.clone()), ("azp", json!("floopy"))]),
            ana
        );
        assert_eq!(said(&[("aud", both)]), Err(InvalidToken::Party));
        assert_eq!(said(&[("azp", json!("other"))]), Err(InvalidToken::Party));
        assert_eq!(said(&[("nonce", json!("m"))]), Err(InvalidToken::Nonce));
        let ended = NOW_S - LEEWAY_S;
        assert_eq!(
            said(&[("exp", json!(ended))]),
            Err(InvalidToken::Ended(ended))
        );
        for unverified in [json!(false), Value::Null, json!("no")] {
            let found = said(&[("email_verified", unverified)]);
            assert_eq!(found, Err(InvalidToken::Email));
        }
        for (name, other) in [("iss", "https://evil.example"), ("aud", "other")] {
            let found = said(&[(name, json!(other))]);
            assert!(matches!(found, Err(InvalidToken::Form(_))), "{found:?}");
        }
    }

    #[test]
    fn a_token_that_somebody_else_signed_is_not_believed() {
        let (ours, theirs) = (signer("k1"), signer("k1"));
        let header = json!({"alg": "ES256", "kid": "k1"});
        let forged = read(&theirs.token(&header, &claims()), &ours.keys);
        assert!(matches!(forged, Err(InvalidToken::Form(_))), "{forged:?}");
        let unknown = ours.token(&json!({"alg": "ES256", "kid": "k2"}), &claims());
        assert_eq!(read(&unknown, &ours.keys), Err(InvalidToken::Key));
        let symmetric = ours.token(&json!({"alg": "HS256", "kid": "k1"}), &claims());
        let refused = Err(InvalidToken::Algorithm(Algorithm::HS256));
        assert_eq!(read(&symmetric, &ours.keys), refused);
        for bare in [json!({"alg": "none"}), json!({"alg": "RS256", "kid": "k1"})] {
            let found = read(&ours.token(&bare, &claims()), &ours.keys);
            assert!(matches!(found, Err(InvalidToken::Form(_))), "{found:?}");
        }
    }
}
