//! Calls to models in the document: the proxy answers them. Bodies are OpenAI's or Anthropic's; what the proxy reads of
//! them is here, the rest is passed on.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    mcp::with_tools,
};

/// A chat completion, as OpenAI's reference has it; every other field is passed on or translated.
#[derive(ToSchema)]
struct ChatInput {
    /// `auto`, one model as `model` or `provider/model`, or several separated by commas, tried in that order.
    #[schema(example = "auto", min_length = 1)]
    model: String,
    messages: Vec<ChatMessage>,
    stream: Option<bool>,
    /// What the stored prompt of `floopy-prompt-id` is filled with; taken out before a provider is called.
    inputs: Option<BTreeMap<String, Value>>,
}

#[derive(ToSchema)]
struct ChatMessage {
    #[schema(example = "user")]
    role: String,
    /// Text, or parts.
    content: Option<Value>,
}

/// A response, as OpenAI's reference has it, without state that is kept by a provider.
#[derive(ToSchema)]
struct ResponsesInput {
    #[schema(example = "auto", min_length = 1)]
    model: String,
    /// Text, or items.
    input: Value,
    stream: Option<bool>,
}

/// A message, as Anthropic's reference has it.
#[derive(ToSchema)]
struct MessagesInput {
    #[schema(example = "auto", min_length = 1)]
    model: String,
    max_tokens: u64,
    messages: Vec<ChatMessage>,
    stream: Option<bool>,
}

/// What is to be counted, as Anthropic's reference has it.
#[derive(ToSchema)]
struct CountInput {
    #[schema(example = "auto", min_length = 1)]
    model: String,
    messages: Vec<ChatMessage>,
}

/// Embeddings, as OpenAI's reference has it.
#[derive(ToSchema)]
struct EmbeddingsInput {
    #[schema(min_length = 1)]
    model: String,
    /// Text, or up to 2,048 texts.
    input: Value,
}

/// A chat completion.
#[derive(ToSchema)]
struct ChatAnswer {
    id: String,
    /// The model that served.
    model: String,
    choices: Vec<Value>,
}

/// A response.
#[derive(ToSchema)]
struct ResponsesAnswer {
    id: String,
    model: String,
    output: Vec<Value>,
}

/// A message.
#[derive(ToSchema)]
struct MessagesAnswer {
    id: String,
    model: String,
    content: Vec<Value>,
}

#[derive(ToSchema)]
struct TokenCount {
    input_tokens: u64,
}

/// Vectors, in the order of the inputs.
#[derive(ToSchema)]
struct EmbeddingsAnswer {
    data: Vec<Value>,
}

/// What can be asked for: `auto` first.
#[derive(ToSchema)]
struct Models {
    object: String,
    data: Vec<Model>,
}

#[derive(ToSchema)]
struct Model {
    /// As `model` of a call takes it.
    id: String,
    object: String,
    created: i64,
    /// The provider.
    owned_by: String,
}

#[derive(ToSchema)]
struct Health {
    status: String,
}

/// An error in Anthropic's envelope.
#[derive(ToSchema)]
struct MessagesError {
    /// `error`.
    r#type: String,
    error: MessagesErrorBody,
    request_id: Option<String>,
}

#[derive(ToSchema)]
struct MessagesErrorBody {
    r#type: String,
    message: String,
}

/// Whose limits count a call.
fn counted(operation: Operation) -> Operation {
    let text = || json!({"type": "string"});
    operation
        .header(
            "floopy-user-id",
            text(),
            "The end user whose budgets count it, 1 to 256 bytes; `user` of the body where it is missing.",
        )
        .header(
            "floopy-session-name",
            text(),
            "What people call the conversation, 1 to 256 bytes: decisions are found by it.",
        )
        .header(
            "floopy-session-path",
            text(),
            "Where in the application the conversation belongs, such as `/app/onboarding`, 1 to 256 bytes.",
        )
        .header(
            "floopy-property-name",
            text(),
            "A property of the caller's own: after `floopy-property-` stands its name (64 characters, 20 properties), and decisions are found by it. Values have 1 to 256 bytes.",
        )
        .header(
            "floopy-ratelimit-policy",
            text(),
            "The name of a rate limit of the tenant that is to hold for it.",
        )
}

/// What a call says of itself beside its body.
fn asking(operation: Operation) -> Operation {
    let text = || json!({"type": "string"});
    let flag = || json!({"type": "string", "enum": ["true", "false"]});
    counted(operation)
        .header(
            "floopy-session-id",
            text(),
            "The conversation, 1 to 256 bytes: it keeps its model, and is rated as one.",
        )
        .header(
            "floopy-routing-rule",
            text(),
            "The rule that `auto` follows, by its name.",
        )
        .header(
            "floopy-provider",
            text(),
            "The provider that is to serve, where several have the model.",
        )
        .header(
            "floopy-fallback",
            text(),
            "Models that step in last, as a comma list, in their order.",
        )
        .header(
            "floopy-task",
            text(),
            "What kind of task this is, where it is not to be guessed.",
        )
        .header(
            "floopy-project-id",
            json!({"type": "string", "format": "uuid"}),
            "The project that it is counted for; a key that is held to one has that.",
        )
        .header(
            "floopy-passthrough",
            flag(),
            "`true`: forwarded untouched, to one model.",
        )
        .header(
            "floopy-prompt-id",
            text(),
            "A stored prompt, whose messages go in front.",
        )
        .header(
            "floopy-prompt-version",
            text(),
            "The number of its version, counted with `floopy-prompt-id` alone; the newest unless told.",
        )
}

/// The same, with what it is told.
fn call(operation: Operation) -> Operation {
    let text = json!({"type": "string"});
    asking(operation)
        .tells("floopy-model", &text, "Who served, as `provider/model`.")
        .tells(
            "floopy-decision-reason",
            &text,
            "Why, as `reason` of the decision.",
        )
        .tells(
            "floopy-cache-status",
            &text,
            "Whether it came from the cache: `off`, `miss`, `exact`, `semantic`, `advanced` or `bypass`.",
        )
        .tells(
            "floopy-cache-key",
            &text,
            "Of all but `off` and `bypass`: the name of the request, by which its replies can be flushed.",
        )
        .tells(
            "floopy-cache-note",
            &text,
            "Of `bypass`: why; else `semantic_off` where that was asked for.",
        )
        .tells(
            "age",
            &json!({"type": "integer", "minimum": 0}),
            "Of a hit: seconds since the provider replied.",
        )
        .tells(
            "floopy-cache-matched",
            &text,
            "Of `semantic` and `advanced`: the name of the request that it was the reply to.",
        )
        .tells(
            "floopy-cache-similarity",
            &json!({"type": "number", "minimum": 0, "maximum": 1}),
            "Of `semantic` and `advanced`: how near the two questions are.",
        )
        .tells(
            "floopy-overhead-us",
            &json!({"type": "integer", "minimum": 0}),
            "Time in the proxy before the provider was called, in microseconds.",
        )
        .tells(
            "floopy-dropped-params",
            &text,
            "Fields that the provider's API has no word for.",
        )
        .refuses(404)
        .refuses(502)
        .refuses(504)
        .passes_errors_on()
}

const OPENAI: &str = "https://platform.openai.com/docs/api-reference";
const ANTHROPIC: &str = "https://docs.anthropic.com/en/api";

pub(super) fn routes() -> Routes {
    openai().and(anthropic()).and(others())
}

fn openai() -> Routes {
    Routes::of("Calls")
        .at_the_proxy(
            "post",
            "/v1/chat/completions",
            call(
                with_tools(Operation::new("createChatCompletion", "Chat completion"))
                    .links_to(&format!("{OPENAI}/chat/create"))
                    .takes_open::<ChatInput>()
                    .header(
                        "x-floopy-reasoning-effort",
                        json!({"type": "string", "enum": ["none", "minimal", "low", "medium", "high", "xhigh"]}),
                        "`reasoning_effort` of a body that does not say it.",
                    )
                    .answers_open::<ChatAnswer>(200, "The reply.")
                    .or_streams("chunks as OpenAI streams them, ended by `[DONE]`."),
            ),
        )
        .at_the_proxy(
            "post",
            "/v1/responses",
            call(
                Operation::new("createResponse", "Response")
                    .links_to(&format!("{OPENAI}/responses/create"))
                    .takes_open::<ResponsesInput>()
                    .answers_open::<ResponsesAnswer>(200, "The response.")
                    .or_streams("events as OpenAI streams them."),
            ),
        )
        .at_the_proxy(
            "post",
            "/v1/embeddings",
            call(
                Operation::new("createEmbeddings", "Embeddings")
                    .links_to(&format!("{OPENAI}/embeddings/create"))
                    .takes_open::<EmbeddingsInput>()
                    .answers_open::<EmbeddingsAnswer>(200, "The vectors."),
            ),
        )
}

fn anthropic() -> Routes {
    Routes::of("Calls")
        .at_the_proxy(
            "post",
            "/v1/messages",
            call(
                Operation::new("createMessage", "Message")
                    .links_to(&format!("{ANTHROPIC}/messages"))
                    .takes_open::<MessagesInput>()
                    .answers_open::<MessagesAnswer>(200, "The reply.")
                    .or_streams("events as Anthropic streams them."),
            )
            .words_errors_as::<MessagesError>(),
        )
        .at_the_proxy(
            "post",
            "/v1/messages/count_tokens",
            Operation::new("countTokens", "Count tokens")
                .links_to(&format!("{ANTHROPIC}/messages-count-tokens"))
                .says("Counted by the provider that would serve where its API does that, else estimated by length. It costs \
                    nothing and leaves no decision.")
                .takes_open::<CountInput>()
                .answers_open::<TokenCount>(200, "The count.")
                .tells("floopy-estimated", &json!({"type": "string", "enum": ["true"]}), "The count is an estimate.")
                .refuses(404)
                .passes_errors_on()
                .words_errors_as::<MessagesError>(),
        )
}

fn others() -> Routes {
    Routes::of("Calls")
        .at_the_proxy(
            "get",
            "/v1/models",
            Operation::new("listModels", "Models")
                .links_to(&format!("{OPENAI}/models/list"))
                .answers::<Models>(200, "The models that this organisation may use."),
        )
        .at_the_proxy(
            "get",
            "/health",
            Operation::new("getHealth", "Is the proxy alive?")
                .for_anybody()
                .answers::<Health>(200, "It is."),
        )
        .at_the_proxy(
            "get",
            "/openapi.json",
            Operation::new("getDocument", "This document")
                .says("Also at `/v1/openapi.json`.")
                .for_anybody()
                .answers_with(
                    (200, "The document."),
                    &[("application/json", json!({"type": "object"}))],
                ),
        )
}
