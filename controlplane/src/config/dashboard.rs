//! Who may sign in to the dashboard without a password of its own.

use floopy_shared::{network::Host, process::config::Secret};
use http::Uri;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::check;
use crate::role::Role;

/// The dashboard.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dashboard {
    /// Who vouches for people by OpenID Connect, beside passwords; absent: nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Oidc>,
}

/// Who vouches for people by OpenID Connect.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// Its address, exactly as it calls itself; `https://`, or `http://` on this machine.
    #[serde(deserialize_with = "address")]
    pub issuer: String,
    /// What it knows this dashboard as.
    pub client_id: String,
    /// What this dashboard proves that with; absent: a public client, which has the code's proof (PKCE) alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret>,
    /// Where browsers find the dashboard, as in `https://floopy.example.com`. The issuer must let it have people sent
    /// back to `/dashboard/oidc/callback` there.
    #[serde(deserialize_with = "address")]
    pub url: String,
    /// The tenant whose people they are.
    #[serde(deserialize_with = "check::tenant")]
    pub tenant: String,
    /// The role of somebody who has no account yet: `read_only`, `member`, `admin` or `owner`; absent: only who has an
    /// account gets in.
    #[serde(
        default,
        deserialize_with = "role",
        skip_serializing_if = "Option::is_none"
    )]
    pub new_people: Option<String>,
    /// Domains that e-mail addresses must be of; none: any that the issuer has verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
}

impl Oidc {
    /// The role of somebody new.
    pub(crate) fn role_of_new(&self) -> Option<Role> {
        self.new_people.as_deref().and_then(Role::parse)
    }
}

/// Whether what goes there can be read by nobody on the way.
pub(crate) fn is_private(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => match Host::read(host) {
            Host::Literal(address) => address.is_loopback(),
            Host::Localhost(_) => true,
            Host::Name(_) | Host::Odd(_) => false,
        },
        Some(_) | None => false,
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_private(&text) && !text.contains(['?', '#', '@']) {
        return Ok(text);
    }
    Err(D::Error::custom(format!(
        "{text:?} is not allowed, it must be an address like \"https://login.example.com\""
    )))
}

fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    if Role::parse(&text).is_some() {
        return Ok(Some(text));
    }
    let names = Role::names();
    Err(D::Error::custom(format!(
        "{text:?} is no role, it must be one of {names}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_read_on_the_way_is_no_address() {
        for (url, is_so) in [
            ("https://login.example.com", true),
            ("https://login.example.com/realms/a", true),
            ("http://127.0.0.1:9000", true),
            ("http://localhost:9000/x", true),
            ("http://login.example.com", false),
            ("http://10.0.0.1", false),
            ("ftp://127.0.0.1", false),
            ("login.example.com", false),
            ("", false),
        ] {
            assert_eq!(is_private(url), is_so, "{url}");
        }
    }
}
