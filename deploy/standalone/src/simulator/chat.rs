//! `POST /v1/chat/completions`.

use std::{sync::Arc, time::Duration};

use http::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Shared, answer,
    draw::Draw,
    kind::Kind,
    ledger::Entry,
    request::ChatRequest,
    respond::{Body, Refusal, json_response},
    stream, tokens, tools,
    world::{MODELS, Outcome, World},
};

/// A reply ready to be sent in either form.
#[derive(Debug)]
pub(super) struct Completion {
    pub id: String,
    pub model: String,
    pub created: u64,
    pub content: Option<String>,
    pub tool_call: Option<tools::ToolCall>,
    pub finish_reason: &'static str,
    pub input_tokens: u64,
    pub output_tokens: u64,
}

pub(super) async fn complete(shared: &Arc<Shared>, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let request: ChatRequest = serde_json::from_slice(body)
        .map_err(|e| Refusal::Invalid(format!("the body is not valid: {e}")))?;
    if request.messages.is_empty() {
        return Err(Refusal::Invalid("messages must not be empty".into()));
    }
    let model =
        World::index(&request.model).ok_or_else(|| Refusal::UnknownModel(request.model.clone()))?;
    let asked = request.asked();
    let prompt = asked.prompt();
    let kind = Kind::recognise(prompt.system, prompt.user, prompt.json);
    let outcome = shared.world.outcome(kind, prompt.nonce(), &MODELS[model]);
    if let Some(status) = outcome.failure.filter(|_| shared.options.failures) {
        shared.ledger.record_failure();
        tokio::time::sleep(scaled(shared, outcome.latency_ms * 0.2)).await;
        return Err(Refusal::Simulated(status));
    }
    let written = answer(&shared.world, model, kind, &prompt);
    let mut draw = Draw::new(shared.options.seed ^ prompt.nonce(), &["tools"]);
    let tool_call = tools::choose(&request, &asked.user, &mut draw);
    let completion = compose(shared, &request, written, tool_call);
    let entry = Entry {
        kind,
        nonce: prompt.nonce(),
        model,
        good: outcome.good,
        input_tokens: completion.input_tokens,
        output_tokens: completion.output_tokens,
        cost_micro_usd: MODELS[model]
            .cost_micro_usd(completion.input_tokens, completion.output_tokens),
    };
    shared.ledger.record(&completion.id, entry);
    Ok(send(shared, &request, completion, outcome).await)
}

fn compose(
    shared: &Shared,
    request: &ChatRequest,
    written: super::Written,
    tool_call: Option<tools::ToolCall>,
) -> Completion {
    let limit = request.max_output_tokens().unwrap_or(u64::MAX);
    let cut = tool_call.is_none() && written.output_tokens > limit;
    let text = if cut {
        first_tokens(&written.text, limit)
    } else {
        written.text
    };
    let output_tokens = tool_call
        .as_ref()
        .map_or_else(|| tokens(&text), |call| tokens(&call.arguments) + 8);
    let finish_reason = match (&tool_call, cut) {
        (Some(_), _) => "tool_calls",
        (None, true) => "length",
        (None, false) => "stop",
    };
    Completion {
        id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
        model: request.model.clone(),
        created: shared.clock.now_ms() / 1_000,
        content: tool_call.is_none().then_some(text),
        tool_call,
        finish_reason,
        input_tokens: written.input_tokens,
        output_tokens,
    }
}

fn first_tokens(text: &str, limit: u64) -> String {
    let chars = usize::try_from(limit.saturating_mul(4)).unwrap_or(usize::MAX);
    text.chars().take(chars).collect()
}

async fn send(
    shared: &Shared,
    request: &ChatRequest,
    completion: Completion,
    outcome: Outcome,
) -> Response<Body> {
    if request.stream {
        let include_usage = request
            .stream_options
            .as_ref()
            .is_some_and(|options| options.include_usage);
        let mut draw = Draw::new(shared.options.seed, &["break", &completion.id]);
        let whole = stream::Form {
            include_usage,
            is_broken: draw.unit() < shared.options.breaks,
        };
        return stream::send(&completion, whole, scaled(shared, outcome.latency_ms)).await;
    }
    tokio::time::sleep(scaled(shared, outcome.latency_ms)).await;
    json_response(&completion.to_json())
}

fn scaled(shared: &Shared, latency_ms: f64) -> Duration {
    let ms = (latency_ms * shared.options.latency_scale).clamp(0.0, 60_000.0);
    Duration::from_secs_f64(ms / 1_000.0)
}

impl Completion {
    fn to_json(&self) -> Value {
        let tool_calls: Option<Vec<Value>> =
            self.tool_call.as_ref().map(|call| vec![call.to_json()]);
        let mut message = json!({ "role": "assistant", "content": self.content, "refusal": null });
        if let Some(calls) = tool_calls {
            message["tool_calls"] = Value::Array(calls);
        }
        let choice = json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": self.finish_reason });
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [choice],
            "usage": self.usage(),
        })
    }

    pub(super) fn usage(&self) -> Value {
        json!({
            "prompt_tokens": self.input_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
        })
    }
}
