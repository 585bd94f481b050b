//! What can be used of the section about Redis.

use super::InvalidConfig;
use crate::config::Redis;

/// Whoever waits longer for a reply that may be there had better ask.
const MAX_LOOKUP_MS: u64 = 1_000;
/// What proxies do not know of each other grows with it.
const SYNC_MS: std::ops::RangeInclusive<u64> = 50..=60_000;

pub(super) fn check(config: &Redis) -> Result<(), InvalidConfig> {
    let invalid = |key: &str, value: String, expected| {
        Err(InvalidConfig {
            key: format!("redis.{key}"),
            value,
            expected,
        })
    };
    let url = config.url.as_ref().map(|url| url.expose());
    // A URL has a password in it, so it is not shown.
    if url.is_some_and(|url| redis::Client::open(url).is_err()) {
        let value = "not the address of a Redis".to_owned();
        let expected =
            "redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH, with user and password in it";
        return invalid("url", value, expected);
    }
    let prefix = &config.prefix;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if prefix.is_empty() || prefix.len() > 64 || !prefix.chars().all(allowed) {
        let expected = "1 to 64 of a-z A-Z 0-9 - _ . :";
        return invalid("prefix", format!("{prefix:?}"), expected);
    }
    if !(1..=MAX_LOOKUP_MS).contains(&config.lookup_ms) {
        return invalid("lookup_ms", config.lookup_ms.to_string(), "1 to 1000");
    }
    if !SYNC_MS.contains(&config.sync_ms) {
        return invalid("sync_ms", config.sync_ms.to_string(), "50 to 60000");
    }
    Ok(())
}
