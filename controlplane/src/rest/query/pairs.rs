//! What a query string says: text, none of it twice.

use std::{collections::HashSet, convert::Infallible, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};
use percent_encoding::percent_decode_str;

use super::super::error::{ApiError, brief};

/// Keys that may come several times: each narrows the list further, or adds to it.
const REPEATED: [&str; 2] = ["property", "request_ids"];

/// The pairs of a query string, or why they cannot be read: callers are told who they are to be first.
#[derive(Debug)]
pub(crate) struct Pairs(Result<Vec<(String, String)>, ApiError>);

impl Pairs {
    /// As many as there are.
    pub(crate) fn of(pairs: Vec<(String, String)>) -> Self {
        Self(Ok(pairs))
    }

    /// The pairs, in their order. A key that comes twice is refused: which of its values was meant is not known.
    pub(in crate::rest) fn read(self) -> Result<Vec<(String, String)>, ApiError> {
        let pairs = self.0?;
        let mut seen = HashSet::new();
        for (key, _) in &pairs {
            if !seen.insert(key) && !REPEATED.contains(&key.as_str()) {
                let key = brief(key);
                let message = format!("{key} comes more than once, it may come once");
                return Err(ApiError::invalid_query(&key, message));
            }
        }
        Ok(pairs)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(decoded(query)))
    }
}

/// As forms are encoded: `+` is a space, and `%` begins a byte of UTF-8. Bytes that are no text are refused, since
/// whatever stood for them would be another value.
fn decoded(query: &str) -> Result<Vec<(String, String)>, ApiError> {
    let text = |part: &str| {
        let spaced = part.replace('+', " ");
        String::from_utf8(percent_decode_str(&spaced).collect())
    };
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = text(key).map_err(|e| no_text(&String::from_utf8_lossy(e.as_bytes())))?;
        let value = text(value).map_err(|_| no_text(&key))?;
        Ok((key, value))
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(pair).collect()
}

fn no_text(key: &str) -> ApiError {
    let key = brief(key);
    let message = format!("{key} is not text: it must be percent-encoded UTF-8");
    ApiError::invalid_query(&key, message)
}

/// What a cursor of a filtered list is bound to: the list, and everything asked for but the page itself, in a fixed
/// order.
pub(in crate::rest) fn bound(list: &str, pairs: &[(String, String)]) -> String {
    let is_page = |key: &str| matches!(key, "limit" | "cursor");
    let filters = pairs
        .iter()
        .filter(|(key, value)| !is_page(key) && !value.is_empty());
    let mut bound: Vec<String> = filters
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    bound.sort_unstable();
    format!("{list}?{}", bound.join("&"))
}

/// A whole number in plain digits: a sign belongs to none.
pub(in crate::rest) fn whole<T: FromStr>(text: &str) -> Option<T> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_twice_is_named() {
        let pairs = |keys: &[&str]| {
            let pairs = keys.iter().map(|key| ((*key).to_owned(), String::new()));
            Pairs::of(pairs.collect()).read()
        };
        assert_eq!(
            pairs(&["property", "limit", "property"])
                .ok()
                .map(|p| p.len()),
            Some(3)
        );
        let refused = pairs(&["limit", "model", "limit"]).expect_err("twice");
        let (_, _, param, _) = refused.into_parts();
        assert_eq!(param.as_deref(), Some("limit"));
    }

    #[test]
    fn what_is_no_text_is_refused_by_its_key() {
        let read = decoded("a=b+c%2B&d&&%C3%A9=%e2%82%ac&f=%zz").expect("text");
        let expected = [("a", "b c+"), ("d", ""), ("é", "€"), ("f", "%zz")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(read, expected);
        for (query, named) in [
            ("limit=1&session_id=%ff", "session_id"),
            ("session_id=a%C3", "session_id"),
            ("%ff=1", "\u{fffd}"),
        ] {
            let (status, code, param, message) = decoded(query).expect_err(query).into_parts();
            assert_eq!((status.as_u16(), code), (400, "invalid_request"));
            assert_eq!(param.as_deref(), Some(named));
            assert!(message.contains("UTF-8"), "{message}");
        }
    }

    #[test]
    fn a_number_is_digits_and_nothing_else() {
        for (text, expected) in [
            ("5", Some(5)),
            ("007", Some(7)),
            ("+5", None),
            ("-5", None),
            (" 5", None),
            ("", None),
            ("4294967296", None),
        ] {
            assert_eq!(whole::<u32>(text), expected, "{text:?}");
        }
    }
}
