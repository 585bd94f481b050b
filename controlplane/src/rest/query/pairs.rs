//! What a query string says, none of it twice.

use std::{collections::HashSet, convert::Infallible};

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};

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

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let pairs = Query::from_request_parts(parts, state).await;
        let pairs = pairs.map_err(|e| ApiError::invalid_query("query", e.to_string()));
        Ok(Self(pairs.map(|Query(pairs)| pairs)))
    }
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
}
