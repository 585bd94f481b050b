//! The API that judge models are asked by: OpenAI's chat completions, of a provider or of Floopy's own proxy.

use std::time::Duration;

use bytes::Bytes;
use floopy_shared::{
    domain::sensitive,
    process::{causes::innermost, certificates},
};
use http::{
    Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::Llm;

const CONNECT: Duration = Duration::from_secs(5);
/// Of an answer: much more than four numbers take.
const MAX_BYTES: usize = 1 << 20;
/// Pause before the one time that a question is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// Asks.
#[derive(Debug, Clone)]
pub(super) struct Provider {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    config: Llm,
}

/// What it said, and the tokens it took, where it told.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) usage: Option<Usage>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Usage {
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

/// Why there is no answer to one try.
enum Failed {
    /// It may go better next time.
    ForNow(String),
    ForGood(String),
    /// Of this question, others may be answered.
    Refused(String),
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) reason: String,
    /// The model refused this very question, such as for its length.
    pub(super) is_of_question: bool,
}

impl From<Failed> for Unanswered {
    fn from(failed: Failed) -> Self {
        let (reason, is_of_question) = match failed {
            Failed::ForNow(reason) | Failed::ForGood(reason) => (reason, false),
            Failed::Refused(reason) => (reason, true),
        };
        Self {
            reason,
            is_of_question,
        }
    }
}

impl Provider {
    pub(super) fn new(config: &Llm) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(certificates::of_system())
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Self {
            client: Client::builder(TokioExecutor::new()).build(https),
            config: config.clone(),
        }
    }

    /// The model's answer; what is passing is tried once more.
    pub(super) async fn ask(
        &self,
        (model, max_tokens): (&str, u64),
        messages: &[Value],
    ) -> Result<Answer, Unanswered> {
        let asked = (model, max_tokens);
        match self.attempt(asked, messages).await {
            Ok(answer) => return Ok(answer),
            Err(failed @ (Failed::ForGood(_) | Failed::Refused(_))) => return Err(failed.into()),
            Err(Failed::ForNow(reason)) => {
                tracing::debug!(model, reason = %sensitive::scrub(&reason), "the judge model is asked again");
            }
        }
        tokio::time::sleep(PAUSE).await;
        Ok(self.attempt(asked, messages).await?)
    }

    async fn attempt(&self, asked: (&str, u64), messages: &[Value]) -> Result<Answer, Failed> {
        let within = Duration::from_millis(self.config.timeout_ms);
        let answered = tokio::time::timeout(within, self.send(asked, messages)).await;
        answered.unwrap_or_else(|_| {
            let ms = self.config.timeout_ms;
            Err(Failed::ForNow(format!(
                "{} did not answer within {ms} ms",
                asked.0
            )))
        })
    }

    async fn send(
        &self,
        (model, max_tokens): (&str, u64),
        messages: &[Value],
    ) -> Result<Answer, Failed> {
        let body = json!({
            "model": model,
            "messages": messages,
            "temperature": 0,
            "max_tokens": max_tokens,
            "response_format": {"type": "json_object"},
        });
        let url = format!(
            "{}/v1/chat/completions",
            self.config.url.trim_end_matches('/')
        );
        let mut request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            // Of Floopy's own proxy: what is forwarded untouched is not judged, or judging would never end.
            .header("floopy-passthrough", "true");
        if let Some(key) = &self.config.key {
            request = request.header(AUTHORIZATION, format!("Bearer {}", key.expose()));
        }
        let request = request
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|e| Failed::ForGood(format!("{model} cannot be asked: {e}")))?;
        let response = self.client.request(request).await;
        let response = response
            .map_err(|e| Failed::ForNow(format!("{model} is not reached: {}", innermost(&e))))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BYTES)
            .collect()
            .await;
        let body = body
            .map_err(|e| {
                Failed::ForNow(format!(
                    "the answer of {model} broke off: {}",
                    innermost(&*e)
                ))
            })?
            .to_bytes();
        read(model, status, &body)
    }
}

/// What a provider says of a refusal may repeat what was asked, so only its status is told.
fn read(model: &str, status: StatusCode, body: &[u8]) -> Result<Answer, Failed> {
    let refused = || format!("{model} was refused with status {}", status.as_u16());
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        return Err(Failed::ForNow(refused()));
    }
    let of_question = [
        StatusCode::BAD_REQUEST,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::UNPROCESSABLE_ENTITY,
    ];
    if of_question.contains(&status) {
        return Err(Failed::Refused(refused()));
    }
    if !status.is_success() {
        return Err(Failed::ForGood(refused()));
    }
    let answer: Completion = serde_json::from_slice(body)
        .map_err(|_| Failed::ForNow(format!("{model} did not answer with a chat completion")))?;
    let message = answer
        .choices
        .into_iter()
        .next()
        .map(|choice| choice.message);
    Ok(Answer {
        text: message
            .and_then(|message| message.content)
            .unwrap_or_default(),
        usage: answer.usage,
    })
}
