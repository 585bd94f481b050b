//! Configuration files: TOML, unknown keys refused, every error with file, line and key.

mod addresses;
mod cache;
mod changed;
mod constraints;
mod firewall;
mod locate;
pub mod mcp;
pub mod range;
mod rules;
mod tls;

use std::{fmt, path::Path};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use zeroize::Zeroize;

pub use self::addresses::Addresses;
pub use self::cache::{Cache, Semantic, SemanticMode};
pub use self::changed::Written;
pub use self::constraints::{Constraints, MinQuality};
pub use self::firewall::Firewall;
pub use self::mcp::{Mcp, McpAgent, McpAuth, McpAuthKind, McpServer, McpTools};
pub use self::rules::Rule;
pub use self::tls::PlaneTls;

/// What is wrong with a configuration file, and where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {source}")]
    Read {
        path: String,
        source: std::io::Error,
    },
    #[error("{path}:{line}: {key}{message}")]
    Invalid {
        path: String,
        line: usize,
        key: String,
        message: String,
    },
}

/// Reads and checks a file.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    load_checked(path, |_| Ok(()))
}

/// Reads a file, and checks what types cannot say: `check` names a key and what is wrong with it.
pub fn load_checked<T: DeserializeOwned>(
    path: &Path,
    check: impl Fn(&T) -> Result<(), (String, String)>,
) -> Result<T, ConfigError> {
    let (text, name) = (read(path)?, path.display().to_string());
    let config = parse(&text, &name)?;
    check(&config).map_err(|(key, message)| located((&text, &name), &key, message))?;
    Ok(config)
}

/// A file as it is written.
pub fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.display().to_string(),
        source,
    })
}

/// What is wrong with a key such as `providers[1].name`, with the line it is on.
pub fn located((text, origin): (&str, &str), key: &str, message: String) -> ConfigError {
    ConfigError::Invalid {
        path: origin.to_owned(),
        line: locate::line_of(text, key),
        key: format!("{key}: "),
        message,
    }
}

/// Reads and checks a text; `origin` stands for the file in errors.
pub fn parse<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|error| unreadable((text, origin), &error))
}

/// What a reader says of a text, with file, line and key.
pub fn unreadable((text, origin): (&str, &str), error: &toml::de::Error) -> ConfigError {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text[..at].matches('\n').count() + 1;
    ConfigError::Invalid {
        path: origin.to_owned(),
        line,
        key: key_at(text, line),
        message: error.message().replace('\n', " "),
    }
}

/// The dotted key written on a line, as `table.key: `, or nothing where there is none.
fn key_at(text: &str, line: usize) -> String {
    let before: Vec<&str> = text.lines().take(line).collect();
    let own = before
        .last()
        .and_then(|l| l.split_once('='))
        .map(|(key, _)| key.trim())
        .filter(|key| !key.starts_with(['{', '[', '"']));
    let header = |l: &&&str| l.trim_start().starts_with('[') && !l.contains('=');
    let table = before
        .iter()
        .rev()
        .find(header)
        .map(|l| l.trim().trim_matches(['[', ']']));
    match (table, own) {
        (Some(table), Some(key)) => format!("{table}.{key}: "),
        (None, Some(key)) => format!("{key}: "),
        (Some(table), None) => format!("[{table}]: "),
        (None, None) => String::new(),
    }
}

/// A value that is never shown. Written `"env:NAME"`, it is taken from the environment.
/// Its memory is cleared when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself; only for putting it on the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (value, empty) = match text.strip_prefix("env:") {
            Some(name) => (
                std::env::var(name).unwrap_or_default(),
                format!("environment variable {name} is not set or empty"),
            ),
            None => (
                text,
                "\"\" is not allowed; write a value or \"env:NAME\", or leave the key out"
                    .to_owned(),
            ),
        };
        if value.trim().is_empty() {
            return Err(serde::de::Error::custom(empty));
        }
        Ok(Self(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Root {
        proxy: Proxy,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Proxy {
        listen: String,
        key: Option<Secret>,
    }

    fn error(text: &str) -> String {
        parse::<Root>(text, "floopy.toml")
            .expect_err("invalid")
            .to_string()
    }

    #[test]
    fn errors_name_file_line_key_and_what_is_allowed() {
        let unknown = error("[proxy]\nlisten = \"a\"\nlisten_on = 3\n");
        assert!(
            unknown.starts_with("floopy.toml:3: proxy.listen_on: unknown field"),
            "{unknown}"
        );
        assert!(unknown.contains("`listen`"), "{unknown}");
        let wrong = error("[proxy]\nlisten = 3\n");
        assert!(
            wrong.starts_with("floopy.toml:2: proxy.listen: "),
            "{wrong}"
        );
        let missing = error("[proxy]\nlisten = \"a\"\nkey = \"env:FLOOPY_TEST_UNSET\"\n");
        assert!(
            missing.contains("proxy.key: environment variable FLOOPY_TEST_UNSET"),
            "{missing}"
        );
    }

    #[test]
    fn an_empty_or_blank_secret_is_refused() {
        for blank in ["", "  ", "\\t"] {
            let message = error(&format!("[proxy]\nlisten = \"a\"\nkey = \"{blank}\"\n"));
            assert!(
                message.starts_with("floopy.toml:3: proxy.key: \"\" is not allowed"),
                "{message}"
            );
        }
    }

    #[test]
    fn secrets_are_masked_wherever_they_are_shown() {
        let secret = Secret::new("sk-1");
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        let mut out = String::new();
        let shown = secret.serialize(toml::ser::ValueSerializer::new(&mut out));
        assert!(shown.is_ok() && out == "\"***\"", "{out}");
    }
}
