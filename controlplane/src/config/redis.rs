//! The Redis that the scoring queue may be kept in.

use floopy_shared::process::config::{Secret, range::integer};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// The Redis that the scoring queue may be kept in. Whether it is there or not, calls are served and recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://`, `rediss://` for TLS, or `unix://`, with user and password in it, or `"env:NAME"`. Absent: the queue is in
    /// the store.
    #[serde(deserialize_with = "url", skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// How every name in it begins.
    #[serde(deserialize_with = "prefix")]
    pub prefix: String,
    /// How long a question may take.
    #[serde(deserialize_with = "deadline_ms")]
    pub deadline_ms: u64,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: None,
            prefix: "floopy".to_owned(),
            deadline_ms: 2_000,
        }
    }
}

fn deadline_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (10, 60_000))
}

fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let prefix = String::deserialize(deserializer)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if prefix.is_empty() || prefix.len() > 64 || !prefix.chars().all(allowed) {
        let message =
            format!("{prefix:?} is not allowed, it must be 1 to 64 of a-z A-Z 0-9 - _ . :");
        return Err(D::Error::custom(message));
    }
    Ok(prefix)
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let url = Secret::deserialize(deserializer)?;
    if redis::Client::open(url.expose()).is_ok() {
        return Ok(Some(url));
    }
    // What is wrong may be a password.
    Err(D::Error::custom(
        "this is not the address of a Redis, it must be redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH, with user and password in it",
    ))
}

#[cfg(test)]
mod tests {
    use floopy_shared::process::config::parse;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for (text, said) in [
            (
                "url = \"redi://:secret@host\"",
                "url: this is not the address of a Redis",
            ),
            (
                "prefix = \"a*\"",
                "prefix: \"a*\" is not allowed, it must be 1 to 64 of",
            ),
            ("deadline_ms = 9", "deadline_ms: 9 is not allowed"),
        ] {
            let error = parse::<RedisConfig>(text, "c.toml").expect_err(text);
            let error = error.to_string();
            assert!(error.contains(said) && !error.contains("secret"), "{error}");
        }
        let config: RedisConfig = parse("url = \"redis://:pw@h\"", "c.toml").expect("valid");
        assert!(!format!("{config:?}").contains("pw"));
    }
}
