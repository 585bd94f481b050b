//! Google's service accounts: a signed assertion that is exchanged for an access token
//! (<https://developers.google.com/identity/protocols/oauth2/service-account#httprest>).

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde::{Deserialize, Serialize};

use crate::{
    error::{ApiError, ErrorKind, Invalid, InvalidReply},
    json::Object,
};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The longest that Google takes.
const ASSERTION_S: u64 = 3_600;

/// From the JSON file that Google's console gives out.
pub struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    key: RsaKeyPair,
    token_uri: String,
    project: Option<String>,
}

/// A service account that cannot be used. Never holds the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccount {
    #[error("the service account: {0}")]
    Json(#[from] Invalid),
    #[error("the service account's private_key is not a PKCS #8 key in PEM")]
    Pem,
    #[error("the service account's private_key is no RSA key that can sign: {0}")]
    Key(String),
    #[error("the service account's private_key did not sign")]
    Signing,
}

/// What lets requests in, for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub access_token: String,
    pub expires_in_s: u64,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(for {} s)", self.expires_in_s)
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceAccount({})", self.email)
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

impl ServiceAccount {
    pub fn read(json: &[u8]) -> Result<Self, InvalidAccount> {
        let mut account = Object::top(json)?;
        let kind = account.required_string("type")?;
        if kind != "service_account" {
            return Err(Invalid::shown("type", &kind, "\"service_account\"").into());
        }
        let email = account.required_string("client_email")?;
        let pem = account.required_string("private_key")?;
        let token_uri = account.required_string("token_uri")?;
        if !token_uri.starts_with("https://") && !token_uri.starts_with("http://") {
            return Err(Invalid::shown("token_uri", &token_uri, "a URL").into());
        }
        Ok(Self {
            email,
            key_id: account.string("private_key_id")?,
            key: key(&pem)?,
            token_uri,
            project: account.string("project_id")?,
        })
    }

    /// Where the assertion is exchanged, by `POST`.
    pub fn token_uri(&self) -> &str {
        &self.token_uri
    }

    /// That the account belongs to.
    pub fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// The body (`application/x-www-form-urlencoded`) that asks for a token.
    pub fn token_request(&self, now_s: u64) -> Result<String, InvalidAccount> {
        let grant_type = utf8_percent_encode(GRANT_TYPE, NON_ALPHANUMERIC);
        let assertion = self.assertion(now_s)?;
        Ok(format!("grant_type={grant_type}&assertion={assertion}"))
    }

    /// A JSON web token (RFC 7519) signed by RS256, which holds for an hour from now.
    pub fn assertion(&self, now_s: u64) -> Result<String, InvalidAccount> {
        let header = Header {
            alg: "RS256",
            typ: "JWT",
            kid: self.key_id.as_deref(),
        };
        let claims = Claims {
            iss: &self.email,
            scope: SCOPE,
            aud: &self.token_uri,
            iat: now_s,
            exp: now_s.saturating_add(ASSERTION_S),
        };
        let mut token = encoded(&header)?;
        token.push('.');
        token.push_str(&encoded(&claims)?);
        let mut signature = vec![0; self.key.public().modulus_len()];
        // The random numbers only hide the computation's timing: the signature is always the same.
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                token.as_bytes(),
                &mut signature,
            )
            .map_err(|_| InvalidAccount::Signing)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Ok(token)
    }
}

fn key(pem: &str) -> Result<RsaKeyPair, InvalidAccount> {
    // The reader's own words could repeat what it read.
    let der =
        PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| InvalidAccount::Pem)?;
    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|e| InvalidAccount::Key(e.to_string()))
}

fn encoded<T: Serialize>(value: &T) -> Result<String, InvalidAccount> {
    let json = serde_json::to_vec(value).map_err(|_| InvalidAccount::Signing)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

#[derive(Deserialize)]
struct TokenReply {
    access_token: String,
    expires_in: u64,
}

/// RFC 6749, 5.2.
#[derive(Deserialize)]
struct TokenError {
    error: String,
    error_description: Option<String>,
}

/// Of a success (200).
pub fn read_token(body: &[u8]) -> Result<Token, InvalidReply> {
    // What serde says could repeat the token.
    let reply: TokenReply = serde_json::from_slice(body).map_err(|_| {
        InvalidReply("a token reply without access_token and expires_in".to_owned())
    })?;
    Ok(Token {
        access_token: reply.access_token,
        expires_in_s: reply.expires_in,
    })
}

/// Of any other status.
pub fn read_token_error(status: u16, body: &[u8]) -> ApiError {
    let Ok(error) = serde_json::from_slice::<TokenError>(body) else {
        return ApiError {
            kind: ErrorKind::of_status(status),
            message: format!("the token endpoint answered {status}"),
            code: None,
            param: None,
        };
    };
    ApiError {
        kind: match error.error.as_str() {
            "invalid_grant"
            | "invalid_client"
            | "unauthorized_client"
            | "unsupported_grant_type"
            | "invalid_scope"
            | "invalid_request" => ErrorKind::Authentication,
            "access_denied" | "org_internal" | "admin_policy_enforced" => ErrorKind::Permission,
            _ => ErrorKind::of_status(status),
        },
        message: error
            .error_description
            .unwrap_or_else(|| error.error.clone()),
        code: Some(error.error),
        param: None,
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    const ACCOUNT: &str = include_str!("../tests/fixtures/google_service_account_test_only.json");
    const PUBLIC_KEY: &[u8] = include_bytes!("../tests/fixtures/google_test_key_public.der");
    const NOW_S: u64 = 1_700_000_000;

    fn with(field: &str, value: &str) -> String {
        let mut account: serde_json::Value = serde_json::from_str(ACCOUNT).unwrap();
        account[field] = serde_json::from_str(value).unwrap();
        account.to_string()
    }

    #[track_caller]
    fn refused(json: &str, expected: &str) {
        let error = ServiceAccount::read(json.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn an_assertion_says_who_asks_for_how_long_and_is_signed() {
        let account = ServiceAccount::read(ACCOUNT.as_bytes()).unwrap();
        let assertion = account.assertion(NOW_S).unwrap();
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, PUBLIC_KEY)
            .verify(signed.as_bytes(), &signature)
            .unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let text = |part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(
            text(header),
            r#"{"alg":"RS256","typ":"JWT","kid":"test-key-of-no-account"}"#
        );
        assert_eq!(
            text(claims),
            r#"{"iss":"tester@floopy-test.iam.gserviceaccount.com","scope":"https://www.googleapis.com/auth/cloud-platform","aud":"https://oauth2.googleapis.com/token","iat":1700000000,"exp":1700003600}"#
        );
        assert_eq!(account.assertion(NOW_S).unwrap(), assertion);
        assert_eq!(account.project(), Some("floopy-test"));
        let body = account.token_request(NOW_S).unwrap();
        let begin =
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant%2Dtype%3Ajwt%2Dbearer&assertion=";
        assert_eq!(body.strip_prefix(begin), Some(assertion.as_str()));
    }

    #[test]
    fn an_account_that_cannot_sign_is_refused_by_its_field() {
        refused(
            "{}",
            "the service account: type is missing, it must be a string",
        );
        refused(
            &with("type", r#""authorized_user""#),
            r#"the service account: type is "authorized_user", it must be "service_account""#,
        );
        refused(
            &with("client_email", "null"),
            "the service account: client_email is missing, it must be a string",
        );
        refused(
            &with("private_key", "[]"),
            "the service account: private_key is an array, it must be a string",
        );
        refused(
            &with("token_uri", r#""ftp://x""#),
            r#"the service account: token_uri is "ftp://x", it must be a URL"#,
        );
        let pem = "the service account's private_key is not a PKCS #8 key in PEM";
        refused(&with("private_key", r#""hidden""#), pem);
        let rsa1 = r#""-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n""#;
        refused(&with("private_key", rsa1), pem);
        let short = r#""-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n""#;
        refused(
            &with("private_key", short),
            "the service account's private_key is no RSA key that can sign: InvalidEncoding",
        );
    }

    #[test]
    fn nothing_secret_is_shown() {
        let account = ServiceAccount::read(ACCOUNT.as_bytes()).unwrap();
        let token =
            read_token(br#"{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"}"#);
        let shown = format!("{account:?} {:?}", token.unwrap());
        let expected =
            "ServiceAccount(tester@floopy-test.iam.gserviceaccount.com) Token(for 3599 s)";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_token_reply_without_a_token_is_invalid() {
        for body in [&b"{}"[..], b"", b"{\"access_token\":\"a\"}"] {
            assert!(read_token(body).is_err());
        }
    }

    #[test]
    fn errors_keep_googles_words() {
        let body = br#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#;
        let error = read_token_error(400, body);
        assert_eq!(error.kind, ErrorKind::Authentication);
        assert_eq!(error.message, "Invalid JWT Signature.");
        assert_eq!(error.code.as_deref(), Some("invalid_grant"));
        let error = read_token_error(503, b"<html>");
        assert_eq!(error.kind, ErrorKind::Overloaded);
    }
}
