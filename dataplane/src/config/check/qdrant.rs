//! What can be used of the section about Qdrant.

use super::{InvalidConfig, address::check_url, at_least};
use crate::config::Qdrant;

/// Whoever waits longer for a reply that may be there had better ask.
const MAX_LOOKUP_MS: u64 = 1_000;

pub(super) fn check(config: &Qdrant) -> Result<(), InvalidConfig> {
    let invalid = |key: &str, value: String, expected| {
        Err(InvalidConfig {
            key: format!("qdrant.{key}"),
            value,
            expected,
        })
    };
    if let Some(url) = &config.url {
        // Not shown: it may have a password in it.
        if url.contains('@') {
            let expected = "one without: the key has a setting of its own, api_key";
            return invalid("url", "a URL with a user name".to_owned(), expected);
        }
        check_url("qdrant.url", url)?;
        if url.contains(['?', '#']) {
            let expected = "without a query, as in http://qdrant:6333";
            return invalid("url", format!("{url:?}"), expected);
        }
    }
    let name = &config.collection;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        let expected = "1 to 64 of a-z A-Z 0-9 - _";
        return invalid("collection", format!("{name:?}"), expected);
    }
    if !(1..=MAX_LOOKUP_MS).contains(&config.lookup_ms) {
        return invalid("lookup_ms", config.lookup_ms.to_string(), "1 to 1000");
    }
    at_least("qdrant.max_points", config.max_points, 1)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn what_is_said_of_qdrant_is_refused_by_its_key() {
        for (lines, expected) in [
            (
                "url = \"qdrant:6333\"",
                "qdrant.url is \"qdrant:6333\", it must be an http:// or https:// URL",
            ),
            (
                "url = \"http://me:secret@qdrant:6333\"",
                "qdrant.url is a URL with a user name, it must be one without",
            ),
            (
                "url = \"http://qdrant:6333/?a=b\"",
                "it must be without a query",
            ),
            (
                "collection = \"a/b\"",
                "qdrant.collection is \"a/b\", it must be 1 to 64 of",
            ),
            ("lookup_ms = 0", "qdrant.lookup_ms is 0, it must be 1 to"),
            ("max_points = 0", "qdrant.max_points is 0, it must be at"),
        ] {
            let text = format!("[qdrant]\n{lines}");
            let config: Config =
                floopy_shared::process::config::parse(&text, "x.toml").expect("readable");
            let error = config.check().expect_err(lines).to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
