//! Routes with what is said of them: neither goes without the other.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Query, Request},
    handler::Handler,
    http::{HeaderMap, header::AUTHORIZATION},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{self, MethodRouter},
};
use serde_json::Value;

use super::{
    super::{Api, people::sign_in, query},
    operation::Operation,
    schemas::Schemas,
};

/// A route as it is described.
#[derive(Debug)]
struct Described {
    path: &'static str,
    method: &'static str,
    tag: &'static str,
    /// The proxy asks here; else it answers by itself.
    forwarded: bool,
    operation: Operation,
}

/// A key of the query that means nothing is refused, as it was meant to mean something. Who shows no key is told that
/// first.
async fn known_keys(known: Arc<[String]>, request: Request, next: Next) -> Response {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let pairs = pairs.map(|Query(pairs)| pairs).unwrap_or_default();
    let unknown = pairs.iter().find(|(key, _)| !known.contains(key));
    match unknown {
        Some((key, _)) if says_who(request.headers()) => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            query::unknown(key, &known).into_response()
        }
        Some(_) | None => next.run(request).await,
    }
}

fn says_who(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION) || sign_in::person(headers).is_some()
}

/// Routes of the public API.
#[derive(Debug)]
pub(in super::super) struct Routes {
    tag: &'static str,
    router: Router<Api>,
    described: Vec<Described>,
    schemas: Schemas,
}

impl Routes {
    /// Routes that stand together in the document.
    pub(super) fn of(tag: &'static str) -> Self {
        Self {
            tag,
            router: Router::new(),
            described: Vec::new(),
            schemas: Schemas::default(),
        }
    }

    pub(super) fn get<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        self.mount((path, "get"), routing::get(handler), operation)
    }

    pub(super) fn post<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        self.mount((path, "post"), routing::post(handler), operation)
    }

    pub(super) fn put<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        self.mount((path, "put"), routing::put(handler), operation)
    }

    pub(super) fn patch<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        self.mount((path, "patch"), routing::patch(handler), operation)
    }

    pub(super) fn delete<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        self.mount((path, "delete"), routing::delete(handler), operation)
    }

    /// A route with layers of its own; `route` answers this method.
    pub(super) fn mount(
        mut self,
        (path, method): (&'static str, &'static str),
        route: MethodRouter<Api>,
        operation: Operation,
    ) -> Self {
        let known: Arc<[String]> = operation.query_keys().into();
        let route = route.layer(middleware::from_fn(move |request, next| {
            known_keys(known.clone(), request, next)
        }));
        self.router = self.router.route(path, route);
        self.describe((path, method), true, operation)
    }

    /// A route that the proxy answers by itself.
    pub(super) fn at_the_proxy(
        self,
        method: &'static str,
        path: &'static str,
        operation: Operation,
    ) -> Self {
        self.describe((path, method), false, operation)
    }

    fn describe(
        mut self,
        (path, method): (&'static str, &'static str),
        forwarded: bool,
        operation: Operation,
    ) -> Self {
        self.schemas.merge(operation.schemas());
        self.described.push(Described {
            path,
            method,
            tag: self.tag,
            forwarded,
            operation,
        });
        self
    }

    /// A path that is nothing but an error with better words than that it is not there.
    pub(super) fn refusing(mut self, path: &'static str, route: MethodRouter<Api>) -> Self {
        self.router = self.router.route(path, route);
        self
    }

    pub(super) fn and(mut self, others: Self) -> Self {
        self.router = self.router.merge(others.router);
        self.described.extend(others.described);
        self.schemas.merge(others.schemas);
        self
    }

    /// Path, method and description of each.
    pub(super) fn described(&self) -> impl Iterator<Item = (&'static str, &'static str, Value)> {
        self.described.iter().map(|route| {
            let about = (route.tag, route.forwarded);
            let place = (route.method, route.path);
            (
                route.path,
                route.method,
                route.operation.to_value(place, about),
            )
        })
    }

    /// Method and path of each that is answered here.
    #[cfg(test)]
    pub(in super::super) fn mounted(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let mounted = self.described.iter().filter(|route| route.forwarded);
        mounted.map(|route| (route.method, route.path))
    }

    pub(super) fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    pub(in super::super) fn into_router(self) -> Router<Api> {
        self.router
    }
}
