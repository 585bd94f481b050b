//! The query of a list of decisions, checked key by key.

mod pairs;

use floopy_shared::domain::{decision::Strategy, ids::RequestId, tags::Tag};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

pub(crate) use self::pairs::Pairs;
pub(super) use self::pairs::{bound, whole};
use super::error::{ApiError, brief};
use crate::store::list::{Filter, Shadows};

/// Longest span of `from` to `to`.
const MAX_SPAN_MS: u64 = 31 * 86_400_000;
/// How far a proxy's clock may be ahead.
const CLOCK_LEAD_MS: u64 = 60_000;
/// Most request ids.
const MAX_IDS: usize = 50;
/// Page size unless told, and at most.
pub(super) const LIMIT: (u32, u32) = (50, 200);
/// Every key that is known.
const KEYS: [&str; 15] = [
    "session_id",
    "from",
    "to",
    "request_ids",
    "routing_strategy",
    "model",
    "min_confidence",
    "max_confidence",
    "shadow",
    "session_name",
    "session_path",
    "user_id",
    "property",
    "limit",
    "cursor",
];
/// A checked query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ListQuery {
    pub(super) filter: Filter,
    pub(super) limit: u32,
    pub(super) cursor: Option<String>,
    /// Everything but limit and cursor, in a fixed order: what a cursor is bound to.
    pub(super) fingerprint: String,
}

/// Checks the pairs of a query string. Empty values of known keys count as absent: some clients send them.
pub(super) fn parse(
    pairs: Vec<(String, String)>,
    now_ms: u64,
    retention_ms: u64,
) -> Result<ListQuery, ApiError> {
    let mut query = ListQuery {
        filter: Filter::default(),
        limit: LIMIT.0,
        cursor: None,
        fingerprint: String::new(),
    };
    let mut bound: Vec<String> = Vec::new();
    for (key, value) in pairs {
        if !KEYS.contains(&key.as_str()) {
            return Err(unknown(&key, &KEYS));
        }
        if value.is_empty() {
            continue;
        }
        take(&mut query, &key, &value)?;
        if !matches!(key.as_str(), "limit" | "cursor") {
            bound.push(format!("{key}={value}"));
        }
    }
    bound.sort_unstable();
    query.fingerprint = bound.join("&");
    check_confidences(&query.filter)?;
    bound_in_time(&mut query.filter, now_ms, retention_ms)?;
    Ok(query)
}

/// Where in a list without filters, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) limit: u32,
    pub(super) cursor: Option<String>,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            limit: LIMIT.0,
            cursor: None,
        }
    }
}

/// Checks the pairs of a query string that has nothing but a page.
pub(super) fn page(pairs: Vec<(String, String)>) -> Result<Page, ApiError> {
    let mut page = Page::default();
    for (key, value) in pairs {
        match key.as_str() {
            "limit" | "cursor" if value.is_empty() => {}
            "limit" => page.limit = limit(&key, &value)?,
            "cursor" => page.cursor = Some(value),
            _ => return Err(unknown(&key, &["limit", "cursor"])),
        }
    }
    Ok(page)
}

fn take(query: &mut ListQuery, key: &str, value: &str) -> Result<(), ApiError> {
    let filter = &mut query.filter;
    match key {
        "session_id" => filter.session_id = Some(value.trim().to_owned()),
        "from" => filter.from_ms = Some(moment(key, value)?),
        "to" => filter.to_ms = Some(moment(key, value)?),
        "request_ids" => request_ids(&mut filter.request_ids, key, value)?,
        "routing_strategy" => {
            if Strategy::parse(value).is_none() {
                let message = format!(
                    "routing_strategy is {value:?}, it must be one of {}",
                    Strategy::ALL.map(Strategy::as_str).join(", ")
                );
                return Err(ApiError::invalid_query(key, message));
            }
            filter.strategy = Some(value.to_owned());
        }
        "model" => filter.model = Some(value.to_owned()),
        "min_confidence" => filter.min_confidence = Some(unit(key, value)?),
        "max_confidence" => filter.max_confidence = Some(unit(key, value)?),
        "shadow" => filter.shadows = shadows(key, value)?,
        "session_name" => filter.tags.push(Tag::SessionName(value.trim()).line()),
        "session_path" => filter.tags.push(Tag::SessionPath(value.trim()).line()),
        "user_id" => filter.tags.push(Tag::User(value.trim()).line()),
        "property" => filter.tags.push(property(key, value)?.line()),
        "limit" => query.limit = limit(key, value)?,
        "cursor" => query.cursor = Some(value.to_owned()),
        _ => return Err(unknown(key, &KEYS)),
    }
    Ok(())
}

pub(super) fn property<'a>(key: &str, value: &'a str) -> Result<Tag<'a>, ApiError> {
    let parts = value.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = parts.ok_or_else(|| {
        let message = format!("{key} is {value:?}, it must be a name and its value, like plan=pro");
        ApiError::invalid_query(key, message)
    })?;
    Ok(Tag::Property(name, value.trim()))
}

pub(super) fn shadows(key: &str, value: &str) -> Result<Shadows, ApiError> {
    match value {
        "exclude" => Ok(Shadows::Exclude),
        "include" => Ok(Shadows::Include),
        "only" => Ok(Shadows::Only),
        _ => Err(ApiError::invalid_query(
            key,
            format!("{key} is {value:?}, it must be exclude, include or only"),
        )),
    }
}

pub(super) fn unknown(key: &str, known: &[&str]) -> ApiError {
    let key = brief(key);
    let message = if known.is_empty() {
        format!("{key:?} is not known here: nothing is read from the query")
    } else {
        let known = known.join(", ");
        format!("{key:?} is not a key of this query; known are {known}")
    };
    ApiError::invalid_query(&key, message)
}

pub(super) fn moment(key: &str, value: &str) -> Result<u64, ApiError> {
    let parsed = OffsetDateTime::parse(value, &Rfc3339).ok();
    // A plus sign that was not encoded arrives as a space.
    let parsed = parsed.or_else(|| OffsetDateTime::parse(&value.replace(' ', "+"), &Rfc3339).ok());
    let ms = parsed.and_then(|at| u64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok());
    let example = "2026-05-01T00:00:00Z";
    ms.ok_or_else(|| {
        ApiError::invalid_query(
            key,
            format!("{key} is {value:?}, it must be a time like {example}"),
        )
    })
}

fn request_ids(ids: &mut Vec<RequestId>, key: &str, value: &str) -> Result<(), ApiError> {
    for text in value
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        let id = Uuid::try_parse(text).map_err(|_| {
            ApiError::invalid_query(key, format!("{text:?} in {key} is not a UUID"))
        })?;
        ids.push(RequestId(id));
    }
    if ids.len() > MAX_IDS {
        let message = format!("{key} has {} ids, it may have at most {MAX_IDS}", ids.len());
        return Err(ApiError::invalid_query(key, message));
    }
    Ok(())
}

fn unit(key: &str, value: &str) -> Result<f64, ApiError> {
    // JSON writes no plus before a number.
    let plain = Some(value).filter(|value| !value.starts_with('+'));
    let number = plain.and_then(|value| value.parse().ok());
    let number = number.filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| {
        ApiError::invalid_query(
            key,
            format!("{key} is {value:?}, it must be a number from 0 to 1"),
        )
    })
}

pub(super) fn limit(key: &str, value: &str) -> Result<u32, ApiError> {
    let number = whole(value).filter(|number| (1..=LIMIT.1).contains(number));
    let message = || {
        format!(
            "{key} is {value:?}, it must be an integer from 1 to {}",
            LIMIT.1
        )
    };
    number.ok_or_else(|| ApiError::invalid_query(key, message()))
}

fn check_confidences(filter: &Filter) -> Result<(), ApiError> {
    match (filter.min_confidence, filter.max_confidence) {
        (Some(min), Some(max)) if min > max => Err(ApiError::invalid_query(
            "min_confidence",
            format!("min_confidence {min} is above max_confidence {max}"),
        )),
        _ => Ok(()),
    }
}

/// A span of at most 31 days where both ends are given, the last 31 days where neither is. With one end given
/// all that is kept to the other counts: nothing is left out that was not asked to be, and pages bound the
/// work. Asking for a session or for request ids is bounded already.
fn bound_in_time(filter: &mut Filter, now_ms: u64, retention_ms: u64) -> Result<(), ApiError> {
    let named = filter.session_id.is_some() || !filter.request_ids.is_empty();
    if filter.from_ms.is_none() && filter.to_ms.is_none() && named {
        return Ok(());
    }
    // Clocks of proxies may be a little ahead of this one.
    let now = now_ms.saturating_add(CLOCK_LEAD_MS);
    match (filter.from_ms, filter.to_ms) {
        (Some(from), Some(to)) => check_span(from, to),
        (Some(from), None) => {
            filter.to_ms = Some(now.max(from));
            Ok(())
        }
        (None, Some(_)) => Ok(()),
        (None, None) => {
            let oldest = now_ms.saturating_sub(retention_ms);
            let from = now.saturating_sub(MAX_SPAN_MS).max(oldest);
            (filter.from_ms, filter.to_ms) = (Some(from), Some(now));
            Ok(())
        }
    }
}

fn check_span(from: u64, to: u64) -> Result<(), ApiError> {
    let problem = match to.checked_sub(from) {
        None => "from is after to",
        Some(span) if span > MAX_SPAN_MS => "they may be at most 31 days apart",
        Some(_) => return Ok(()),
    };
    let message = format!("from is {}, to is {}: {problem}", text(from), text(to));
    Err(ApiError::invalid_query("from", message))
}

/// A moment as a caller would write it.
pub(super) fn text(ms: u64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok();
    at.and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{ms} ms"))
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn query(text: &[(&str, &str)]) -> Result<ListQuery, ApiError> {
        let pairs = text
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        parse(pairs, NOW, 90 * 86_400_000)
    }

    #[test]
    fn wrong_values_are_refused_with_their_key() {
        let ids = vec!["2f1f1c1e-8f5e-4b57-9d1c-0a1b2c3d4e5f"; 51].join(",");
        let cases = [
            ("colour", "red"),
            ("colour", ""),
            ("limit", "0"),
            ("limit", "201"),
            ("limit", "x"),
            ("limit", "+5"),
            ("min_confidence", "+0.5"),
            ("from", "yesterday"),
            ("min_confidence", "1.1"),
            ("max_confidence", "NaN"),
            ("routing_strategy", "magic"),
            ("request_ids", "abc"),
            ("request_ids", &ids),
            ("property", "plan"),
            ("property", "=pro"),
        ];
        for (key, value) in cases {
            let error = query(&[(key, value)]).expect_err(key);
            assert!(format!("{error:?}").contains(key), "{error:?}");
            assert_eq!(error.into_response().status(), 400);
        }
        assert!(
            query(&[
                ("from", "2026-01-01T00:00:00Z"),
                ("to", "2026-03-01T00:00:00Z")
            ])
            .is_err()
        );
        assert!(query(&[("min_confidence", "0.9"), ("max_confidence", "0.1")]).is_err());
    }

    #[test]
    fn the_window_defaults_to_the_last_31_days_and_names_need_none() {
        let all = query(&[]).expect("valid").filter;
        assert_eq!(
            all.to_ms.expect("set") - all.from_ms.expect("set"),
            MAX_SPAN_MS
        );
        let named = query(&[("session_id", "s 1"), ("from", "")])
            .expect("valid")
            .filter;
        assert_eq!(
            (named.from_ms, named.session_id.as_deref()),
            (None, Some("s 1"))
        );
        let since = query(&[("from", "2026-05-01T02:00:00+02:00")])
            .expect("valid")
            .filter;
        assert_eq!(since.from_ms, Some(1_777_593_600_000));
    }

    #[test]
    fn one_end_given_reaches_to_the_other_without_a_cut() {
        let since = query(&[("from", "2026-05-01T00:00:00Z")])
            .expect("valid")
            .filter;
        assert_eq!(since.to_ms, Some(NOW + CLOCK_LEAD_MS));
        let until = query(&[("to", "2026-12-01T00:00:00Z")])
            .expect("valid")
            .filter;
        assert_eq!((until.from_ms, until.to_ms.is_some()), (None, true));
        let future = query(&[("from", "2030-01-01T00:00:00Z")])
            .expect("valid")
            .filter;
        assert_eq!(future.from_ms, future.to_ms);
    }

    #[test]
    fn spans_that_are_refused_are_named_with_both_ends() {
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z");
        for (from, to, problem) in [(late, early, "after"), (early, late, "31 days")] {
            let error = query(&[("from", from), ("to", to)]).expect_err(problem);
            let text = format!("{error:?}");
            for part in [from, to, problem] {
                assert!(text.contains(part), "{text}");
            }
        }
    }

    #[test]
    fn the_fingerprint_ignores_order_limit_and_cursor() {
        let a = query(&[("model", "m"), ("session_id", "s"), ("limit", "3")]).expect("valid");
        let b = query(&[("session_id", "s"), ("cursor", "c"), ("model", "m")]).expect("valid");
        assert_eq!(a.fingerprint, b.fingerprint);
    }
}
