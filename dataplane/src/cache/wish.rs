//! What a caller's headers say of the cache, on top of what the tenant has.

use floopy_shared::domain::cache::{Caching, MAX_TTL_S, Semantic, SemanticMode};
use http::{HeaderMap, HeaderName, StatusCode, header::CACHE_CONTROL};

use crate::http::respond::Refusal;

static ENABLED: HeaderName = HeaderName::from_static("floopy-cache-enabled");
static TIER: HeaderName = HeaderName::from_static("floopy-cache");
static ADVANCED: HeaderName = HeaderName::from_static("floopy-cache-advanced");
static SEED: HeaderName = HeaderName::from_static("floopy-cache-seed");
static BUCKET: HeaderName = HeaderName::from_static("floopy-cache-bucket-max-size");
static IGNORED: HeaderName = HeaderName::from_static("floopy-cache-ignore-keys");
static TOOLS: HeaderName = HeaderName::from_static("floopy-cache-tools");

/// Replies that are kept to one request at most.
const MAX_BUCKET: usize = 20;
/// Keys that may be left out at most, and what they may be as a whole.
const MAX_IGNORED: usize = 16;
/// Longest seed, and longest list of keys.
const MAX_BYTES: usize = 256;
/// Without them, messages that say different things would be one.
const NEVER_IGNORED: [&str; 2] = ["content", "role"];

/// What a call whose replies may be stored asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    /// A stored reply may be given.
    pub reads: bool,
    /// The reply may be stored.
    pub writes: bool,
    /// How old a stored reply may be, in milliseconds; also how long the reply is good for.
    pub max_age_ms: Option<u64>,
    /// Replies that are kept to one request, of which any is given once there are so many.
    pub bucket: usize,
    pub seed: Option<String>,
    /// Keys of messages that do not matter, in order.
    pub ignored: Vec<String>,
    /// Replies that call tools are stored as well.
    pub tools: bool,
    /// For questions that ask the same in other words.
    pub semantic: Semantic,
    /// Asked for the semantic cache, which its tenant did not switch on.
    pub semantic_in_vain: bool,
}

/// `None`: the cache is not asked. Costs two looks at the headers then.
pub(crate) fn wish(headers: &HeaderMap, caching: &Caching) -> Result<Option<Wish>, Refusal> {
    let tier = match text(headers, &TIER)? {
        None => None,
        Some("exact") => Some(false),
        Some("semantic") => Some(true),
        Some(other) => return Err(invalid(&TIER, other, "exact or semantic")),
    };
    let enabled = flag(headers, &ENABLED)?;
    if !enabled.unwrap_or(tier.is_some() || caching.enabled) {
        return Ok(None);
    }
    let bucket = bucket(headers)?;
    let mut semantic = caching.semantic;
    semantic.advanced = flag(headers, &ADVANCED)?.unwrap_or(semantic.advanced);
    // Who wants several replies to one request wants none to another.
    if tier == Some(false) || bucket > 1 {
        semantic.mode = SemanticMode::Off;
    }
    let mut wish = Wish {
        reads: true,
        writes: true,
        max_age_ms: None,
        bucket,
        seed: seed(headers)?,
        ignored: ignored(headers)?,
        tools: flag(headers, &TOOLS)?.unwrap_or(false),
        semantic,
        semantic_in_vain: tier == Some(true) && semantic.is_off(),
    };
    wish.control(headers)?;
    Ok(Some(wish))
}

impl Wish {
    /// What `cache-control` says; words that mean nothing to a cache like this are passed over, as HTTP has it.
    fn control(&mut self, headers: &HeaderMap) -> Result<(), Refusal> {
        for value in headers.get_all(CACHE_CONTROL) {
            let value = value.to_str().unwrap_or_default();
            for word in value.split(',').map(str::trim) {
                let (name, argument) = word.split_once('=').unwrap_or((word, ""));
                match name.trim().to_ascii_lowercase().as_str() {
                    "no-cache" => self.reads = false,
                    "no-store" => (self.reads, self.writes) = (false, false),
                    "max-age" => self.limit_age(word, argument)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// `word` is `max-age=argument`.
    fn limit_age(&mut self, word: &str, argument: &str) -> Result<(), Refusal> {
        let seconds = argument.trim().trim_matches('"').parse::<u32>();
        let seconds = seconds.map_err(|_| invalid(&CACHE_CONTROL, word, "max-age=<seconds>"))?;
        self.reads &= seconds > 0;
        self.max_age_ms = Some(u64::from(seconds.min(MAX_TTL_S)) * 1_000);
        Ok(())
    }
}

fn bucket(headers: &HeaderMap) -> Result<usize, Refusal> {
    let Some(value) = text(headers, &BUCKET)? else {
        return Ok(1);
    };
    let size = value
        .parse()
        .ok()
        .filter(|size| (1..=MAX_BUCKET).contains(size));
    size.ok_or_else(|| invalid(&BUCKET, value, "a whole number from 1 to 20"))
}

fn seed(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    match text(headers, &SEED)? {
        Some(seed) if seed.len() > MAX_BYTES => {
            Err(invalid(&SEED, &seed[..0], "at most 256 bytes"))
        }
        seed => Ok(seed.map(str::to_owned)),
    }
}

fn ignored(headers: &HeaderMap) -> Result<Vec<String>, Refusal> {
    let Some(value) = text(headers, &IGNORED)? else {
        return Ok(Vec::new());
    };
    let mut keys: Vec<String> = value.split(',').map(|k| k.trim().to_owned()).collect();
    keys.retain(|key| !key.is_empty());
    keys.sort_unstable();
    keys.dedup();
    if keys.len() > MAX_IGNORED || value.len() > MAX_BYTES {
        return Err(invalid(
            &IGNORED,
            "too long",
            "at most 16 keys in 256 bytes",
        ));
    }
    match keys
        .iter()
        .find(|key| NEVER_IGNORED.contains(&key.as_str()))
    {
        Some(key) => Err(invalid(
            &IGNORED,
            key,
            "keys of messages other than content and role",
        )),
        None => Ok(keys),
    }
}

fn flag(headers: &HeaderMap, name: &HeaderName) -> Result<Option<bool>, Refusal> {
    match text(headers, name)? {
        None => Ok(None),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(other) => Err(invalid(name, other, "true or false")),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value.as_bytes());
    let text = text.map_err(|_| invalid(name, "not UTF-8", "text"))?.trim();
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn invalid(name: &HeaderName, value: &str, expected: &str) -> Refusal {
    let value: String = value.chars().take(64).collect();
    let message = format!("the header {name} is {value:?}, it must be {expected}");
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message).about(Some(name.as_str()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asked(pairs: &[(&'static str, &str)], enabled: bool) -> Result<Option<Wish>, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).expect("valid"));
        }
        let caching = Caching {
            enabled,
            ..Caching::default()
        };
        wish(&headers, &caching).map_err(|refusal| refusal.message)
    }

    fn found(pairs: &[(&'static str, &str)]) -> Wish {
        asked(pairs, true).expect("valid").expect("on")
    }

    #[test]
    fn it_is_on_where_the_call_says_so_or_the_tenant_and_the_call_does_not() {
        type Headers<'a> = &'a [(&'static str, &'a str)];
        let cases: [(Headers<'_>, bool, bool); 6] = [
            (&[], false, false),
            (&[], true, true),
            (&[("floopy-cache-enabled", "true")], false, true),
            (&[("floopy-cache-enabled", "False")], true, false),
            (&[("floopy-cache", "exact")], false, true),
            (
                &[
                    ("floopy-cache", "semantic"),
                    ("floopy-cache-enabled", "false"),
                ],
                true,
                false,
            ),
        ];
        for (pairs, enabled, expected) in cases {
            let is_on = asked(pairs, enabled).expect("valid").is_some();
            assert_eq!(is_on, expected, "{pairs:?} {enabled}");
        }
    }

    #[test]
    fn the_semantic_cache_is_its_tenants_to_switch_on() {
        let off = found(&[("floopy-cache", "semantic")]);
        assert!(off.semantic.is_off() && off.semantic_in_vain);
        let caching = Caching {
            enabled: true,
            semantic: Semantic {
                mode: SemanticMode::On,
                ..Semantic::default()
            },
            ..Caching::default()
        };
        let mode = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            let wish = wish(&headers, &caching).expect("valid").expect("on");
            (wish.semantic.mode, wish.semantic.advanced)
        };
        let (on, off) = (SemanticMode::On, SemanticMode::Off);
        assert_eq!(mode("floopy-cache-enabled", "true"), (on, false));
        assert_eq!(mode("floopy-cache-advanced", "true"), (on, true));
        assert_eq!(mode("floopy-cache", "semantic"), (on, false));
        assert_eq!(mode("floopy-cache", "exact").0, off);
        assert_eq!(mode("floopy-cache-bucket-max-size", "3").0, off);
    }

    #[test]
    fn cache_control_is_read_as_http_has_it() {
        let plain = found(&[("cache-control", "no-transform, private")]);
        assert!(plain.reads && plain.writes && plain.max_age_ms.is_none());
        let fresh = found(&[("cache-control", "No-Cache")]);
        assert!(!fresh.reads && fresh.writes);
        let neither = found(&[("cache-control", "no-store")]);
        assert!(!neither.reads && !neither.writes);
        let young = found(&[("cache-control", "max-age=60")]);
        assert_eq!((young.reads, young.max_age_ms), (true, Some(60_000)));
        assert!(!found(&[("cache-control", "max-age=0")]).reads);
    }

    #[test]
    fn values_that_mean_nothing_are_refused_by_header() {
        let cases = [
            ("floopy-cache-enabled", "yes", "true or false"),
            ("floopy-cache", "vector", "exact or semantic"),
            ("floopy-cache-bucket-max-size", "0", "from 1 to 20"),
            ("floopy-cache-bucket-max-size", "21", "from 1 to 20"),
            (
                "floopy-cache-ignore-keys",
                "name, content",
                "other than content",
            ),
            ("cache-control", "max-age=soon", "max-age=<seconds>"),
        ];
        for (name, value, expected) in cases {
            let error = asked(&[(name, value)], true).expect_err(value);
            assert!(error.contains(name) && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn keys_are_the_same_in_any_order() {
        let keys = found(&[("floopy-cache-ignore-keys", "name, id,name,,")]).ignored;
        assert_eq!(keys, ["id", "name"]);
    }
}
