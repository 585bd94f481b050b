//! Which handler a request is for, by its raw path: nothing is decoded, so nothing can be smuggled.

use http::Method;

use super::{
    batches, document, feedback, files,
    forward::{Forwarded, METHODS, RATINGS},
};
use crate::metrics::RouteLabel;

/// What is asked of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Chat,
    Responses,
    Messages,
    CountTokens,
    Embeddings,
    Models,
    Feedback,
    Explain,
    /// What the cache would do.
    ExplainCached,
    /// Files, and batches, with all that is below them.
    Files,
    Batches,
    /// Taking a rating back.
    Retraction,
    /// Tools for agents.
    Mcp,
    /// What the control plane answers. Forwarded as it is.
    Control(&'static Forwarded),
    /// What can be asked here.
    Document,
    Health,
    /// The path exists, for another method.
    WrongMethod(&'static str),
    NotFound,
}

impl Route {
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let (route, allowed) = match path {
            "/v1/chat/completions" => (Self::Chat, "POST"),
            "/v1/responses" => (Self::Responses, "POST"),
            "/v1/messages" => (Self::Messages, "POST"),
            "/v1/messages/count_tokens" => (Self::CountTokens, "POST"),
            "/v1/embeddings" => (Self::Embeddings, "POST"),
            "/v1/feedback" if method == Method::GET => (Self::Control(&RATINGS), "GET, POST"),
            "/v1/feedback" => (Self::Feedback, "GET, POST"),
            "/v1/routing/explain" => (Self::Explain, "POST"),
            "/v1/cache/explain" => (Self::ExplainCached, "POST"),
            "/mcp" => (Self::Mcp, "POST"),
            "/v1/models" => (Self::Models, "GET"),
            "/openapi.json" | "/v1/openapi.json" => (Self::Document, "GET"),
            "/health" => (Self::Health, "GET"),
            _ if feedback::is_subject(path) => (Self::Retraction, "DELETE"),
            _ => match Self::found(path) {
                Some(found) => found,
                None => return Self::NotFound,
            },
        };
        if allowed
            .split(", ")
            .any(|allowed| allowed == method.as_str())
        {
            return route;
        }
        if let Self::Control(_) = route {
            return document::allowed(path).map_or(Self::NotFound, Self::WrongMethod);
        }
        Self::WrongMethod(allowed)
    }

    /// Where there are many paths.
    fn found(path: &str) -> Option<(Self, &'static str)> {
        let files = files::methods(path).map(|methods| (Self::Files, methods));
        let batches = || batches::methods(path).map(|methods| (Self::Batches, methods));
        let forwarded = || Some((Self::Control(Forwarded::of(path)?), METHODS));
        files.or_else(batches).or_else(forwarded)
    }

    pub(crate) fn label(self) -> RouteLabel {
        match self {
            Self::Chat => RouteLabel::Chat,
            Self::Responses => RouteLabel::Responses,
            Self::Messages => RouteLabel::Messages,
            Self::CountTokens => RouteLabel::CountTokens,
            Self::Embeddings => RouteLabel::Embeddings,
            Self::Models => RouteLabel::Models,
            Self::Feedback | Self::Retraction => RouteLabel::Feedback,
            Self::Explain | Self::ExplainCached => RouteLabel::Explain,
            Self::Files => RouteLabel::Files,
            Self::Batches => RouteLabel::Batches,
            Self::Mcp => RouteLabel::Mcp,
            Self::Control(forwarded) => forwarded.label(),
            Self::Health => RouteLabel::Health,
            Self::Document | Self::WrongMethod(_) | Self::NotFound => RouteLabel::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_matched_as_sent() {
        let control = |path| Forwarded::of(path).map(Route::Control).expect("forwarded");
        let cases = [
            ("POST", "/v1/chat/completions", Route::Chat),
            ("GET", "/v1/chat/completions", Route::WrongMethod("POST")),
            ("GET", "/v1/models", Route::Models),
            ("POST", "/v1/routing/explain", Route::Explain),
            ("POST", "/v1/cache/explain", Route::ExplainCached),
            ("GET", "/v1/cache", control("/v1/cache")),
            ("GET", "/v1/decisions", control("/v1/decisions")),
            ("GET", "/v1/decisions/a%2Fb", control("/v1/decisions")),
            ("DELETE", "/v1/decisions/a/b", control("/v1/decisions")),
            ("PUT", "/v1/constraints", control("/v1/constraints")),
            ("PATCH", "/v1/keys/k1", control("/v1/keys")),
            ("POST", "/v1/routing/replay", control("/v1/routing/replay")),
            ("POST", "/v1/files", Route::Files),
            ("GET", "/v1/files/f/content", Route::Files),
            ("PUT", "/v1/files/f", Route::WrongMethod("GET, DELETE")),
            ("GET", "/v1/files/f/x", Route::NotFound),
            ("POST", "/v1/batches/b/cancel", Route::Batches),
            ("DELETE", "/v1/batches/b", Route::WrongMethod("GET")),
            ("GET", "/v1/batchesx", Route::NotFound),
            ("GET", "/v1/feedback", Route::Control(&RATINGS)),
            ("POST", "/v1/feedback", Route::Feedback),
            ("POST", "/mcp", Route::Mcp),
            ("GET", "/mcp", Route::WrongMethod("POST")),
            ("PUT", "/v1/feedback", Route::WrongMethod("GET, POST")),
            ("DELETE", "/v1/feedback/s%2F1", Route::Retraction),
            ("POST", "/v1/feedback/s", Route::WrongMethod("DELETE")),
            ("DELETE", "/v1/feedback/a/b", Route::NotFound),
            ("TRACE", "/v1/decisions/x", Route::WrongMethod("GET")),
            ("TRACE", "/v1/decisions/x/y", Route::NotFound),
            ("POST", "/v1/chat/completions/", Route::NotFound),
            ("POST", "/v1%2Fchat/completions", Route::NotFound),
            ("GET", "/v1/decisions/../../metrics", Route::NotFound),
            ("GET", "/", Route::NotFound),
        ];
        for (method, path, expected) in cases {
            let method = Method::from_bytes(method.as_bytes()).expect("valid");
            assert_eq!(Route::of(&method, path), expected, "{method} {path}");
        }
    }
}
