//! Logs to standard error, as text for people or JSON for machines, by a filter that can change while the process runs.

use std::{
    io::IsTerminal,
    sync::{Mutex, OnceLock, PoisonError},
};

use serde::{Deserialize, Serialize};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, layer::SubscriberExt, reload::Handle, util::SubscriberInitExt,
};

/// Names what is logged when the process starts; it may say more than a [`LogFilter`] does.
const VARIABLE: &str = "RUST_LOG";
/// Parts that may have a level of their own.
const MAX_PARTS: usize = 8;
/// Longest name of a part.
const MAX_NAME: usize = 60;
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// What is logged: a level, and those of parts that have another, as in `info,floopy_dataplane=debug`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogFilter(String);

/// What is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    #[error("{0:?} is no level; there are off, error, warn, info, debug and trace")]
    Level(String),
    #[error("{0:?} is not allowed: a part is named as in \"floopy_dataplane=debug\"")]
    Part(String),
    #[error("{0} parts are named; at most {MAX_PARTS} are allowed")]
    Parts(usize),
}

impl LogFilter {
    /// Logs what is of this level or worse.
    pub fn level(level: tracing::Level) -> Self {
        Self(level.as_str().to_ascii_lowercase())
    }

    pub fn parse(text: &str) -> Result<Self, InvalidFilter> {
        let mut parts = text.split(',');
        level(parts.next().unwrap_or_default())?;
        let parts: Vec<&str> = parts.collect();
        if parts.len() > MAX_PARTS {
            return Err(InvalidFilter::Parts(parts.len()));
        }
        for part in parts {
            let of_part = |name: &str| {
                let is_name = |byte: u8| {
                    byte.is_ascii_lowercase()
                        || byte.is_ascii_digit()
                        || matches!(byte, b'_' | b':')
                };
                (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_name)
            };
            match part.split_once('=') {
                Some((name, said)) if of_part(name) => level(said)?,
                Some(_) | None => return Err(InvalidFilter::Part(part.to_owned())),
            }
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self::level(tracing::Level::INFO)
    }
}

impl TryFrom<String> for LogFilter {
    type Error = InvalidFilter;

    fn try_from(text: String) -> Result<Self, InvalidFilter> {
        Self::parse(&text)
    }
}

impl From<LogFilter> for String {
    fn from(filter: LogFilter) -> Self {
        filter.0
    }
}

fn level(text: &str) -> Result<(), InvalidFilter> {
    if LEVELS.contains(&text) {
        return Ok(());
    }
    Err(InvalidFilter::Level(text.chars().take(MAX_NAME).collect()))
}

/// The process's logger: there is one.
static LOGGER: OnceLock<Logger> = OnceLock::new();

struct Logger {
    handle: Handle<EnvFilter, Registry>,
    in_force: Mutex<LogFilter>,
}

/// Installs the global logger once; `RUST_LOG`, where it can be read, counts in place of `filter`.
pub fn init(format: LogFormat, filter: &LogFilter) {
    let wanted = of_environment().unwrap_or_else(|| filter.clone());
    let (by_filter, handle) = tracing_subscriber::reload::Layer::new(directives(&wanted));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let installed = tracing_subscriber::registry()
        .with(by_filter)
        .with(lines)
        .try_init();
    match installed {
        Ok(()) => {
            let in_force = Mutex::new(wanted);
            // The logger is installed once, and so this is.
            let _ = LOGGER.set(Logger { handle, in_force });
        }
        Err(e) => tracing::warn!(error = %e, "logger was installed before"),
    }
}

/// Takes over what a configuration says, which was read after the start; `RUST_LOG` counts in its place.
pub fn configure(filter: &LogFilter) {
    if of_environment().is_none() {
        set(filter);
    }
}

/// Logs by another filter from now on; `false`: this process has no logger of ours.
pub fn set(filter: &LogFilter) -> bool {
    let Some(logger) = LOGGER.get() else {
        return false;
    };
    let is_set = logger.handle.reload(directives(filter)).is_ok();
    if is_set {
        let mut in_force = logger
            .in_force
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        in_force.clone_from(filter);
    }
    is_set
}

/// What is logged now; `None`: this process has no logger of ours.
pub fn filter() -> Option<LogFilter> {
    let in_force = LOGGER.get()?.in_force.lock();
    Some(in_force.unwrap_or_else(PoisonError::into_inner).clone())
}

fn of_environment() -> Option<LogFilter> {
    let said = std::env::var(VARIABLE).ok()?;
    EnvFilter::try_new(&said).is_ok().then_some(LogFilter(said))
}

/// A filter was read once already when it was made.
fn directives(filter: &LogFilter) -> EnvFilter {
    EnvFilter::new(filter.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_and_what_is_none_says_why() {
        assert_eq!(LogFilter::default().as_str(), "info");
        let named = "warn,floopy_dataplane::http=debug,h2=off";
        assert_eq!(
            LogFilter::parse(named).map(String::from),
            Ok(named.to_owned())
        );
        let refused = |text: &str| LogFilter::parse(text).expect_err(text).to_string();
        assert!(refused("loud").contains("\"loud\" is no level"));
        assert!(refused("").contains("\"\" is no level"));
        assert!(refused("info,floopy=loud").contains("\"loud\" is no level"));
        assert!(refused("info,floopy").contains("\"floopy\" is not allowed"));
        assert!(refused("info,Floopy=warn").contains("\"Floopy=warn\" is not allowed"));
        let many = format!("info{}", ",a=warn".repeat(9));
        assert!(refused(&many).contains("9 parts are named"));
    }
}
