//! `GET /openapi.json`: what can be asked of this address, also while the control plane is away.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderValue, Response, header::CONTENT_TYPE};
use serde_json::Value;

use super::body::Body;

/// Made of the routes by the control plane, whose tests compare the two.
static DOCUMENT: &[u8] = include_bytes!("../../../docs/openapi.json");

/// The document, to anybody.
pub(super) fn answer() -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::from_static(DOCUMENT)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Paths with the methods that they have, as `Allow` tells them. Read when it is first asked for: few ask wrongly.
static METHODS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let document: Value = serde_json::from_slice(DOCUMENT).unwrap_or_default();
    let paths = document["paths"].as_object().into_iter().flatten();
    let methods = paths.map(|(path, item)| {
        let methods = item.as_object().into_iter().flat_map(|item| item.keys());
        let methods: Vec<String> = methods.map(|method| method.to_uppercase()).collect();
        (path.clone(), methods.join(", "))
    });
    methods.collect()
});

/// The methods that a raw path has; `None`: it is not described.
pub(super) fn allowed(path: &str) -> Option<&'static str> {
    let fitting = METHODS.iter().filter(|(template, _)| fits(template, path));
    // Words come before what stands for any.
    let found = fitting.min_by_key(|(template, _)| template.matches('{').count());
    found.map(|(_, methods)| methods.as_str())
}

fn fits(template: &str, path: &str) -> bool {
    let (templates, segments) = (template.split('/'), path.split('/'));
    let is_as_long = templates.clone().count() == segments.clone().count();
    let mut pairs = templates.zip(segments);
    is_as_long
        && pairs
            .all(|(known, given)| known == given || (known.starts_with('{') && !given.is_empty()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http::Method;
    use serde_json::Value;

    use super::{super::route::Route, DOCUMENT, allowed};

    #[test]
    fn the_methods_of_a_path_are_those_that_are_described() {
        let cases = [
            ("/v1/projects", Some("GET, POST")),
            ("/v1/projects/a%2Fb", Some("DELETE, GET, PUT")),
            ("/v1/feedback/requests/x", Some("DELETE")),
            ("/v1/prompts/x/versions/1/restore", Some("POST")),
            ("/v1/projects/", None),
            ("/v1/projects/a/b", None),
            ("/metrics", None),
        ];
        for (path, expected) in cases {
            assert_eq!(allowed(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_described_is_answered_here_and_what_is_answered_here_is_described() {
        let document: Value = serde_json::from_slice(DOCUMENT).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        let mut found = HashSet::new();
        for (path, item) in paths {
            for method in item.as_object().expect("operations").keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes());
                let route = Route::of(&method.expect("a method"), path);
                let is_here = !matches!(route, Route::NotFound | Route::WrongMethod(_));
                assert!(is_here, "{path}: {route:?}");
                found.insert(std::mem::discriminant(&route));
            }
        }
        let own = [
            Route::Chat,
            Route::Responses,
            Route::Messages,
            Route::CountTokens,
            Route::Embeddings,
            Route::Models,
            Route::Feedback,
            Route::Explain,
            Route::ExplainCached,
            Route::Retraction,
            Route::Document,
            Route::Health,
        ];
        for route in own {
            assert!(found.contains(&std::mem::discriminant(&route)), "{route:?}");
        }
    }
}
