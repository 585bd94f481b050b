//! The id of a call, as REST has it: in what is asked, for the audit, and in what is answered, errors included.

use std::task::{Context, Poll};

use futures::future::BoxFuture;
use tonic::server::NamedService;
use tower::Service;

use crate::rest::{REQUEST_ID, name};

/// A service whose calls have ids. An error's metadata are headers of its answer, too: nobody here streams.
#[derive(Debug, Clone)]
pub(super) struct Named<S>(pub(super) S);

impl<S: NamedService> NamedService for Named<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, Asked, Told> Service<http::Request<Asked>> for Named<S>
where
    S: Service<http::Request<Asked>, Response = http::Response<Told>>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Told>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Asked>) -> Self::Future {
        let id = name(request.headers_mut());
        let answer = self.0.call(request);
        Box::pin(async move {
            let mut answer = answer.await?;
            if let Some(id) = id {
                answer.headers_mut().insert(REQUEST_ID, id);
            }
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::HeaderValue;
    use tower::{ServiceExt, service_fn};

    use super::*;

    #[tokio::test]
    async fn a_call_is_answered_under_its_own_id_or_a_new_one() {
        for given in [Some("mine"), None] {
            let mut request = http::Request::new(());
            if let Some(given) = given {
                let given = HeaderValue::from_static(given);
                request.headers_mut().insert(REQUEST_ID, given);
            }
            let echo = service_fn(|request: http::Request<()>| async move {
                let seen = request.headers().get(REQUEST_ID).cloned();
                Ok::<_, Infallible>(http::Response::new(seen))
            });
            let answer = Named(echo).oneshot(request).await.expect("answers");
            let told = answer.headers().get(REQUEST_ID);
            assert_eq!(answer.body().as_ref(), told);
            let told = told.and_then(|told| told.to_str().ok()).expect("named");
            assert!(given.map_or(told.len() == 36, |given| told == given));
        }
    }
}
