//! The query of an export, checked key by key.

use floopy_shared::domain::ids::TenantId;

use super::super::{
    error::{ApiError, brief},
    query::{moment, shadows, text},
};
use crate::store::{export::Span, list::Shadows};

/// Longest span of `from` to `to`.
const MAX_SPAN_MS: u64 = 90 * 86_400_000;
/// Every key that is known.
const KEYS: [&str; 5] = ["from", "to", "format", "shadow", "cursor"];

/// A checked query.
#[derive(Debug, Clone)]
pub(super) struct ExportQuery {
    pub(super) span: Span,
    pub(super) cursor: Option<String>,
    /// What a cursor is bound to.
    pub(super) fingerprint: String,
}

/// Checks the pairs of a query string. Empty values of known keys count as absent: some clients send them.
pub(super) fn parse(
    pairs: Vec<(String, String)>,
    tenant: &TenantId,
) -> Result<ExportQuery, ApiError> {
    let (mut from, mut to, mut cursor) = (None, None, None);
    let mut which = Shadows::Exclude;
    for (key, value) in pairs {
        if !KEYS.contains(&key.as_str()) {
            let (key, known) = (brief(&key), KEYS.join(", "));
            let message = format!("{key:?} is not a key of this query; known are {known}");
            return Err(ApiError::invalid_query(&key, message));
        }
        if value.is_empty() {
            continue;
        }
        match key.as_str() {
            "from" => from = Some(moment(&key, &value)?),
            "to" => to = Some(moment(&key, &value)?),
            "shadow" => which = shadows(&key, &value)?,
            "cursor" => cursor = Some(value),
            _ if value == "jsonl" => {}
            _ => return Err(ApiError::unsupported_format(&value)),
        }
    }
    let (from_ms, to_ms) = (given("from", from)?, given("to", to)?);
    check_span(from_ms, to_ms)?;
    let span = Span {
        tenant: tenant.clone(),
        from_ms,
        to_ms,
        shadows: which,
    };
    Ok(ExportQuery {
        fingerprint: format!("export {from_ms} {to_ms} {which:?}"),
        span,
        cursor,
    })
}

fn given(key: &str, moment: Option<u64>) -> Result<u64, ApiError> {
    moment.ok_or_else(|| {
        let message = format!("{key} is missing, it must be a time like 2026-05-01T00:00:00Z");
        ApiError::invalid_query(key, message)
    })
}

fn check_span(from: u64, to: u64) -> Result<(), ApiError> {
    let problem = match to.checked_sub(from) {
        None => "from is after to",
        Some(span) if span > MAX_SPAN_MS => "they may be at most 90 days apart",
        Some(_) => return Ok(()),
    };
    let message = format!("from is {}, to is {}: {problem}", text(from), text(to));
    Err(ApiError::invalid_query("from", message))
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;
    use crate::fixture;

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn query(text: Pairs<'_>) -> Result<ExportQuery, ApiError> {
        let pairs = text
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        parse(pairs, &fixture::tenant())
    }

    #[test]
    fn wrong_queries_are_refused_by_key_and_value() {
        let (from, to) = (
            ("from", "2026-08-01T00:00:00Z"),
            ("to", "2026-10-30T00:00:00Z"),
        );
        let cases: [(Pairs<'_>, &str, u16); 9] = [
            (&[to], "from is missing", 400),
            (&[from], "to is missing", 400),
            (&[from, ("to", "")], "to is missing", 400),
            (&[("from", "soon"), to], "\\\"soon\\\"", 400),
            (
                &[to, ("from", to.1), ("to", from.1)],
                "from is after to",
                400,
            ),
            (&[from, ("to", "2026-10-30T00:00:00.001Z")], "90 days", 400),
            (&[from, to, ("format", "csv")], "\\\"csv\\\"", 415),
            (&[from, to, ("limit", "5")], "\\\"limit\\\"", 400),
            (&[from, to, ("shadow", "some")], "\\\"some\\\"", 400),
        ];
        for (given, part, status) in cases {
            let error = query(given).expect_err(part);
            assert!(format!("{error:?}").contains(part), "{part}: {error:?}");
            assert_eq!(error.into_response().status(), status, "{part}");
        }
        let query = query(&[from, to, ("format", "jsonl")]).expect("ninety days are allowed");
        assert_eq!(query.span.to_ms - query.span.from_ms, MAX_SPAN_MS);
    }
}
