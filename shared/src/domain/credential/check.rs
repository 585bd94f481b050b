//! Which credentials can be meant, said by field before anything is sealed.

use http::Uri;
use serde_json::Value;

use super::{Credential, Hidden, Takes, provider_takes};
use crate::network::{Class, Host, class};

/// Of an API key, a session token and an access token.
const MAX_KEY_BYTES: usize = 4_096;
/// What is shorter is a slip of the hand, and its hint would tell too much of it.
const MIN_KEY_BYTES: usize = 8;
const MAX_ACCOUNT_BYTES: usize = 16 << 10;
const MAX_URL_BYTES: usize = 2_048;
/// How much of a key is told again.
const HINT_CHARS: usize = 4;
/// Where Google's accounts are exchanged for tokens.
const GOOGLE_TOKENS: &str = "https://oauth2.googleapis.com/token";

/// What a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    ApiKey,
    Aws,
    ServiceAccount,
}

impl Kind {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Aws => "aws",
            Self::ServiceAccount => "service_account",
        }
    }
}

/// What whoever sets a credential may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Where it is good is known.
    Keys,
    /// Addresses, too.
    Addresses,
}

/// What is wrong with a credential, by its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub field: &'static str,
    pub message: String,
}

fn refused<T>(field: &'static str, message: impl Into<String>) -> Result<T, Refused> {
    let message = message.into();
    Err(Refused { field, message })
}

impl Credential {
    /// What it is, if it can be shown to this provider.
    pub fn check(&self, provider: &str, allowed: Allowed) -> Result<Kind, Refused> {
        let kind = self.kind()?;
        let takes = provider_takes(provider);
        let fits = match (kind, takes) {
            (_, None) | (Kind::ApiKey, Some(_)) => true,
            (Kind::Aws, Some(takes)) => takes == Takes::Aws,
            (Kind::ServiceAccount, Some(takes)) => takes == Takes::Google,
        };
        if !fits {
            let message = format!(
                "{} cannot be shown to {provider}: it takes api_key",
                kind.as_str()
            );
            return refused(kind.field(), message);
        }
        self.check_keys(kind)?;
        self.check_account(allowed)?;
        self.check_place(provider, takes, allowed)?;
        Ok(kind)
    }

    /// Its last characters, by which people know which one it is.
    pub fn hint(&self) -> String {
        let id = self.access_key_id.as_ref();
        let shown = self.api_key.as_ref().or(id).cloned();
        let email = || {
            let account: Value = serde_json::from_str(self.service_account.as_deref()?).ok()?;
            Some(Hidden::new(account["private_key_id"].as_str()?.to_owned()))
        };
        let shown = shown.or_else(email).unwrap_or_default();
        let chars: Vec<char> = shown.chars().collect();
        chars[chars.len().saturating_sub(HINT_CHARS)..]
            .iter()
            .collect()
    }

    fn kind(&self) -> Result<Kind, Refused> {
        let is_aws = self.access_key_id.is_some() || self.secret_access_key.is_some();
        let said = [
            (self.api_key.is_some(), Kind::ApiKey),
            (is_aws, Kind::Aws),
            (self.service_account.is_some(), Kind::ServiceAccount),
        ];
        let mut said = said.iter().filter(|(is_said, _)| *is_said);
        match (said.next(), said.next()) {
            (Some((_, kind)), None) => Ok(*kind),
            (None, _) => refused(
                "api_key",
                "api_key is missing; or else access_key_id with secret_access_key, or service_account",
            ),
            (Some(_), Some((_, second))) => refused(
                second.field(),
                format!(
                    "{} is one credential too many: api_key, access_key_id with secret_access_key, and service_account \
                     exclude each other",
                    second.field()
                ),
            ),
        }
    }

    fn check_keys(&self, kind: Kind) -> Result<(), Refused> {
        if kind == Kind::Aws {
            for (field, value) in [
                ("access_key_id", &self.access_key_id),
                ("secret_access_key", &self.secret_access_key),
            ] {
                if value.is_none() {
                    return refused(field, format!("{field} is missing"));
                }
            }
        } else if self.session_token.is_some() {
            return refused(
                "session_token",
                "session_token goes with access_key_id alone",
            );
        }
        for (field, value) in [
            ("api_key", &self.api_key),
            ("access_key_id", &self.access_key_id),
            ("secret_access_key", &self.secret_access_key),
            ("session_token", &self.session_token),
        ] {
            let Some(value) = value else { continue };
            let fits = (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&value.len());
            if !fits || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
                let bytes = value.len();
                let message = format!(
                    "{field} has {bytes} bytes; it must have {MIN_KEY_BYTES} to {MAX_KEY_BYTES}, all of them visible \
                     ASCII characters"
                );
                return refused(field, message);
            }
        }
        Ok(())
    }

    fn check_account(&self, allowed: Allowed) -> Result<(), Refused> {
        const FIELD: &str = "service_account";
        let Some(text) = &self.service_account else {
            return Ok(());
        };
        if text.len() > MAX_ACCOUNT_BYTES {
            let message = format!(
                "it has {} bytes, it may have {MAX_ACCOUNT_BYTES}",
                text.len()
            );
            return refused(FIELD, message);
        }
        let Ok(account) = serde_json::from_str::<Value>(text) else {
            return refused(
                FIELD,
                "it must be the text of the JSON file that Google gives",
            );
        };
        for name in ["client_email", "private_key", "token_uri"] {
            if !account[name].is_string() {
                return refused(FIELD, format!("its {name} is missing, or is no string"));
            }
        }
        // Our own address asks it: that is nobody's to choose.
        if allowed == Allowed::Keys && account["token_uri"] != GOOGLE_TOKENS {
            return refused(FIELD, format!("its token_uri must be {GOOGLE_TOKENS}"));
        }
        Ok(())
    }

    fn check_place(
        &self,
        provider: &str,
        takes: Option<Takes>,
        allowed: Allowed,
    ) -> Result<(), Refused> {
        let needs_region = matches!(takes, Some(Takes::Aws | Takes::Google));
        if needs_region && self.region.is_none() {
            return refused(
                "region",
                format!("region is missing, without which {provider} cannot be called"),
            );
        }
        for (field, value, also) in [
            ("region", &self.region, "-"),
            ("project", &self.project, "-:."),
        ] {
            let Some(value) = value else { continue };
            let allowed =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || also.contains(c);
            if takes.is_some() && !needs_region {
                return refused(field, format!("{provider} has no {field}"));
            }
            if !(1..=64).contains(&value.len()) || !value.chars().all(allowed) {
                let message = format!("{field} must be 1 to 64 of a-z 0-9 {also}");
                return refused(field, message);
            }
        }
        let Some(url) = &self.base_url else {
            return Ok(());
        };
        if allowed == Allowed::Keys {
            return refused("base_url", "base_url is the operator's to set");
        }
        check_address(url)
    }
}

/// An address that a proxy would call, as far as can be said without asking where its name leads.
fn check_address(url: &str) -> Result<(), Refused> {
    const FIELD: &str = "base_url";
    let uri = url.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
            && !url.contains(['@', '#'])
    });
    let Some(uri) = uri.filter(|_| url.len() <= MAX_URL_BYTES) else {
        let message = "base_url must be http://HOST or https://HOST, with a path and without user, query and fragment";
        return refused(FIELD, message);
    };
    if uri.port().is_some_and(|port| port.as_u16() == 0) {
        return refused(FIELD, "base_url has port 0, it must be 1 to 65535");
    }
    match Host::of(&uri) {
        Some(Host::Odd(_)) => refused(
            FIELD,
            "base_url has an address that must be written as in 127.0.0.1 or [::1]",
        ),
        Some(Host::Literal(address)) => {
            let found = class(address);
            match found.class {
                Class::Public | Class::Loopback | Class::Private => Ok(()),
                Class::LinkLocal | Class::Metadata | Class::Reserved => refused(
                    FIELD,
                    format!(
                        "base_url leads to {address} ({}), which no proxy calls",
                        found.what
                    ),
                ),
            }
        }
        Some(Host::Localhost(_) | Host::Name(_)) | None => Ok(()),
    }
}

impl Kind {
    fn field(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Aws => "access_key_id",
            Self::ServiceAccount => "service_account",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a credential: its kind, or the field that is wrong.
    fn check(provider: &str, written: &str, allowed: Allowed) -> &'static str {
        let credential: Credential = serde_json::from_str(written).expect("readable");
        match credential.check(provider, allowed) {
            Ok(kind) => kind.as_str(),
            Err(refused) => {
                assert!(!refused.message.contains("marker"), "{}", refused.message);
                refused.field
            }
        }
    }

    #[test]
    fn a_credential_is_one_that_its_provider_takes() {
        let keys = |provider, written| check(provider, written, Allowed::Keys);
        let key = r#"{"api_key": "sk-marker-1"}"#;
        assert_eq!(keys("openai", key), "api_key");
        assert_eq!(keys("anything", key), "api_key");
        assert_eq!(keys("openai", "{}"), "api_key");
        assert_eq!(keys("openai", r#"{"api_key": "marker"}"#), "api_key");
        assert_eq!(
            keys("openai", r#"{"api_key": "marker\n marker"}"#),
            "api_key"
        );
        assert_eq!(keys("bedrock", key), "region");
        let aws = r#"{"access_key_id": "AKIAMARKER", "secret_access_key": "marker-marker", "region": "eu-west-1"}"#;
        assert_eq!(keys("bedrock", aws), "aws");
        assert_eq!(keys("openai", aws), "access_key_id");
        let half = r#"{"access_key_id": "AKIAMARKER", "region": "eu-west-1"}"#;
        assert_eq!(keys("bedrock", half), "secret_access_key");
        let both = r#"{"api_key": "sk-marker-1", "access_key_id": "AKIAMARKER", "secret_access_key": "marker-marker"}"#;
        assert_eq!(keys("bedrock", both), "access_key_id");
        let odd = r#"{"api_key": "sk-marker-1", "region": "x.example.com/"}"#;
        assert_eq!(keys("bedrock", odd), "region");
        assert_eq!(
            keys("openai", r#"{"api_key": "sk-marker-1", "region": "eu"}"#),
            "region"
        );
    }

    #[test]
    fn addresses_are_the_operators_to_set() {
        let placed = r#"{"api_key": "sk-marker-1", "base_url": "https://x.example/v1"}"#;
        assert_eq!(check("openai", placed, Allowed::Keys), "base_url");
        assert_eq!(check("openai", placed, Allowed::Addresses), "api_key");
        for bad in [
            "ftp://h",
            "https://",
            "https:///v1",
            "https://u:p@h/",
            "https://h/?q",
        ] {
            let written = format!(r#"{{"api_key": "sk-marker-1", "base_url": {bad:?}}}"#);
            assert_eq!(
                check("openai", &written, Allowed::Addresses),
                "base_url",
                "{bad}"
            );
        }
        let account = |uri: &str| {
            let account = format!(
                r#"{{"client_email": "a@b", "private_key": "marker", "token_uri": "{uri}"}}"#
            );
            let account = Value::String(account);
            format!(r#"{{"service_account": {account}, "region": "global"}}"#)
        };
        let (google, own) = (account(GOOGLE_TOKENS), account("http://127.0.0.1:1/"));
        assert_eq!(check("vertex", &google, Allowed::Keys), "service_account");
        let credential: Credential = serde_json::from_str(&own).expect("readable");
        let message = credential
            .check("vertex", Allowed::Keys)
            .expect_err("own address")
            .message;
        assert!(message.contains("token_uri"), "{message}");
        assert_eq!(check("vertex", &own, Allowed::Addresses), "service_account");
        assert_eq!(check("openai", &google, Allowed::Keys), "service_account");
    }

    #[test]
    fn a_hint_is_the_end_of_what_people_know() {
        let hint = |written: &str| {
            let credential: Credential = serde_json::from_str(written).expect("readable");
            credential.hint()
        };
        assert_eq!(hint(r#"{"api_key": "sk-1234567890"}"#), "7890");
        assert_eq!(
            hint(r#"{"access_key_id": "AKIA99", "secret_access_key": "x"}"#),
            "IA99"
        );
        let account = r#"{"service_account": "{\"private_key_id\": \"abcdef\", \"private_key\": \"marker\"}"}"#;
        assert_eq!(hint(account), "cdef");
        assert_eq!(hint("{}"), "");
    }
}
