//! Which handler a request is for, by its raw path: nothing is decoded, so nothing can be smuggled.

use http::Method;

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
    /// What the control plane answers: decisions, and what they come to. Forwarded as it is.
    Decisions,
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
            "/v1/feedback" => (Self::Feedback, "POST"),
            "/v1/models" => (Self::Models, "GET"),
            "/v1/decisions"
            | "/v1/routing/baseline"
            | "/v1/export/decisions"
            | "/v1/export/public-key" => (Self::Decisions, "GET"),
            "/health" => (Self::Health, "GET"),
            _ => match path.strip_prefix("/v1/decisions/") {
                Some(id) if !id.is_empty() && !id.contains('/') => (Self::Decisions, "GET"),
                Some(_) | None => return Self::NotFound,
            },
        };
        if method.as_str() == allowed {
            route
        } else {
            Self::WrongMethod(allowed)
        }
    }

    pub(crate) fn label(self) -> RouteLabel {
        match self {
            Self::Chat => RouteLabel::Chat,
            Self::Responses => RouteLabel::Responses,
            Self::Messages => RouteLabel::Messages,
            Self::CountTokens => RouteLabel::CountTokens,
            Self::Embeddings => RouteLabel::Embeddings,
            Self::Models => RouteLabel::Models,
            Self::Feedback => RouteLabel::Feedback,
            Self::Decisions => RouteLabel::Decisions,
            Self::Health => RouteLabel::Health,
            Self::WrongMethod(_) | Self::NotFound => RouteLabel::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_matched_as_sent() {
        let cases = [
            ("POST", "/v1/chat/completions", Route::Chat),
            ("GET", "/v1/chat/completions", Route::WrongMethod("POST")),
            ("GET", "/v1/models", Route::Models),
            ("GET", "/v1/decisions", Route::Decisions),
            ("GET", "/v1/decisions/a%2Fb", Route::Decisions),
            ("GET", "/v1/routing/baseline", Route::Decisions),
            ("GET", "/v1/export/decisions", Route::Decisions),
            ("GET", "/v1/export/public-key", Route::Decisions),
            ("POST", "/v1/export/decisions", Route::WrongMethod("GET")),
            ("GET", "/v1/decisions/a/b", Route::NotFound),
            ("GET", "/v1/decisions/", Route::NotFound),
            ("DELETE", "/v1/decisions/x", Route::WrongMethod("GET")),
            ("POST", "/v1/chat/completions/", Route::NotFound),
            ("POST", "/v1%2Fchat/completions", Route::NotFound),
            ("GET", "/", Route::NotFound),
        ];
        for (method, path, expected) in cases {
            let method = Method::from_bytes(method.as_bytes()).expect("valid");
            assert_eq!(Route::of(&method, path), expected, "{method} {path}");
        }
    }
}
