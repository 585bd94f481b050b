//! `POST /dashboard/chat`: a call through the proxy, for pages that cannot reach it themselves.
//!
//! It goes with the key that is shown, so it is a call like any other of that key: limited, decided, recorded.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use floopy_shared::process::config::Secret;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;

use super::{Api, bearer, body::SmallObject, error::ApiError};
use crate::evaluations::{NoReply, Question};

/// Of a conversation that somebody types.
const MAX_BODY: usize = 1 << 20;
/// The call that it became, which its decision is found by.
static CALL_ID: HeaderName = HeaderName::from_static("floopy-call-id");

/// Asks the proxy, and passes its answer on.
pub(super) async fn chat(
    State(api): State<Api>,
    headers: HeaderMap,
    SmallObject(mut fields): SmallObject<MAX_BODY>,
) -> Result<Response, ApiError> {
    let key = Secret::new(bearer(&headers)?);
    let Some(url) = api.evaluations.proxy() else {
        return Err(ApiError::not_configured(
            "this control plane knows no proxy that it could ask: set proxy_url",
        ));
    };
    // The answer is passed on as a whole.
    fields.remove("stream");
    let question = Question {
        url: url.to_owned(),
        key,
        prompt: None,
        rule: None,
        project: None,
        body: Value::Object(fields).to_string(),
    };
    let reply = match api.asker.ask(question).await {
        Ok(reply) => reply,
        Err(NoReply::Unreached) => return Err(ApiError::proxy_away("it cannot be reached")),
        Err(NoReply::Broken(why)) => return Err(ApiError::proxy_away(&why)),
    };
    let form = [(header::CONTENT_TYPE, "application/json")];
    let mut answer = (reply.status, form, reply.body).into_response();
    let id = reply
        .request
        .map(|id| HeaderValue::from_str(&id.to_string()));
    let id = id.transpose().map_err(|_| ApiError::internal())?;
    answer
        .headers_mut()
        .extend(id.map(|id| (CALL_ID.clone(), id)));
    Ok(answer)
}
