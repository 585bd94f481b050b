//! Where decisions are looked up.

use std::fmt;

use floopy_shared::process::config::{Secret, range::integer};
use http::Uri;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// Where decisions are looked up.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionLogConfig {
    /// A ClickHouse database, `http://user:password@host:8123/database` or `https://`, or `"env:NAME"`. Absent: the
    /// store answers.
    #[serde(
        deserialize_with = "clickhouse_url",
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<Secret>,
    /// How long a question to ClickHouse may take; proxies wait for the whole answer as long as `timeouts.control_ms` says.
    #[serde(deserialize_with = "deadline_ms")]
    pub deadline_ms: u64,
    /// Changes that may wait for ClickHouse one by one; those above are looked for in the store once it takes some.
    #[serde(deserialize_with = "outbox_rows")]
    pub outbox_rows: u64,
}

impl Default for DecisionLogConfig {
    fn default() -> Self {
        Self {
            url: None,
            deadline_ms: 3_000,
            outbox_rows: 1_000_000,
        }
    }
}

fn deadline_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (100, 60_000))
}

fn outbox_rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (1, 1_000_000_000))
}

fn clickhouse_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let url = Secret::deserialize(deserializer)?;
    Address::parse(url.expose()).map_err(D::Error::custom)?;
    Ok(Some(url))
}

/// A ClickHouse database, as its URL says.
#[derive(Clone)]
pub(crate) struct Address {
    /// With the scheme, and nothing behind the port.
    pub(crate) server: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: String,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.server, self.database)
    }
}

/// What is wrong may be a password, so no value is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; the URL of a ClickHouse database must be like \"http://user:password@host:8123/database\""
)]
pub(crate) struct InvalidAddress(&'static str);

impl Address {
    /// Reads a URL.
    pub(crate) fn parse(url: &str) -> Result<Self, InvalidAddress> {
        let uri: Uri = url
            .parse()
            .map_err(|_| InvalidAddress("this is not a URL"))?;
        let scheme = uri.scheme_str().unwrap_or_default();
        if !["http", "https"].contains(&scheme) {
            return Err(InvalidAddress(
                "it begins neither with http:// nor with https://",
            ));
        }
        let authority = uri.authority().ok_or(InvalidAddress("it has no host"))?;
        if uri.query().is_some() {
            return Err(InvalidAddress(
                "there is something behind a question mark, which is not read",
            ));
        }
        let path = uri.path().trim_matches('/');
        if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(InvalidAddress(
                "the database may have letters, digits and underscores",
            ));
        }
        let (user, host) = match authority.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority.as_str()),
        };
        let (user, password) = match user.map(|user| user.split_once(':').unwrap_or((user, ""))) {
            Some((user, password)) => (Some(decoded(user)?), Some(decoded(password)?)),
            None => (None, None),
        };
        Ok(Self {
            server: format!("{scheme}://{host}"),
            user: user.filter(|user| !user.is_empty()),
            password: password
                .filter(|password| !password.is_empty())
                .map(Secret::new),
            database: if path.is_empty() { "default" } else { path }.to_owned(),
        })
    }
}

fn decoded(text: &str) -> Result<String, InvalidAddress> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| InvalidAddress("user and password must be UTF-8"))?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_server_user_password_and_database() {
        let read = |url| {
            let address = Address::parse(url).expect(url);
            let password = address
                .password
                .map(|password| password.expose().to_owned());
            let user = address.user.unwrap_or_default();
            (
                address.server,
                user,
                password.unwrap_or_default(),
                address.database,
            )
        };
        let told = |parts: [&str; 4]| {
            let [server, user, password, database] = parts.map(str::to_owned);
            (server, user, password, database)
        };
        for (url, parts) in [
            ("http://h:8123", ["http://h:8123", "", "", "default"]),
            ("https://h/", ["https://h", "", "", "default"]),
            (
                "http://u:p%40%3A@h:8123/logs",
                ["http://h:8123", "u", "p@:", "logs"],
            ),
            (
                "http://u@[::1]:8123/a_1/",
                ["http://[::1]:8123", "u", "", "a_1"],
            ),
        ] {
            assert_eq!(read(url), told(parts), "{url}");
        }
    }

    #[test]
    fn what_is_no_such_url_is_refused_without_being_told() {
        for url in [
            "clickhouse://u:secret@h/d",
            "secret",
            "http:///d",
            "http://u:secret@h/d?x=1",
            "http://u:secret@h/d/e",
            "http://h/d-e",
        ] {
            let error = Address::parse(url).expect_err(url).to_string();
            assert!(error.contains("http://user:password@host"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
