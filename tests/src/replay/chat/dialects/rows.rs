//! What each provider's public reference says of its chat completions: a field that stands in no row is none.

use serde_json::{Value, json};

/// The images that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Images {
    No,
    /// Not by an address.
    Data,
    Any,
}

/// Where content is a string only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strings {
    Nowhere,
    Instructions,
    Everywhere,
}

/// Where a stream has its usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UsageIn {
    /// In a chunk without choices, where `stream_options` asks for it.
    Asked,
    /// In the chunk with the end, unasked.
    Last,
    /// In every chunk, so far.
    Every,
}

/// How usage tells what was read from the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cached {
    No,
    /// In `prompt_tokens_details`.
    Details,
    /// In `prompt_cache_hit_tokens`.
    Hits,
}

/// The form of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Envelope {
    /// `{"error": {"message", "type", …}}`
    OpenAi,
    /// The same without the outer object.
    Bare,
    /// `{"code", "error"}`, both texts.
    Texts,
    /// `{"detail": [{"loc", "msg", "type"}]}`
    Detail,
    /// `{"code", "reason", "message", "metadata"}`
    Reason,
}

/// One provider.
#[derive(Debug)]
pub(super) struct Row {
    pub name: &'static str,
    /// Where all of this is written.
    pub docs: &'static str,
    pub base_path: &'static str,
    /// Fields beside those in [`EVERYWHERE`].
    pub fields: &'static [&'static str],
    /// Values of `tool_choice`; `function` stands for the choice of one.
    pub choices: &'static [&'static str],
    pub formats: &'static [&'static str],
    pub efforts: &'static [&'static str],
    /// What a thought is called in its messages.
    pub thought: Option<&'static str>,
    /// It thinks without being asked, and wants its thoughts back with the calls that came of them.
    pub thinks_unasked: bool,
    pub images: Images,
    pub strings: Strings,
    /// A streamed call comes in one piece.
    pub whole_calls: bool,
    pub usage: UsageIn,
    pub cached: Cached,
    /// Of a request that it does not take.
    pub refusal: (u16, Envelope),
}

pub(super) const EVERYWHERE: [&str; 6] = [
    "model",
    "messages",
    "temperature",
    "top_p",
    "stream",
    "stop",
];

const CHOICES: &[&str] = &["none", "auto", "required", "function"];
const FORMATS: &[&str] = &["text", "json_object", "json_schema"];
const EFFORTS: &[&str] = &["low", "medium", "high"];

/// What most of them have in common; never a provider by itself.
const USUAL: Row = Row {
    name: "",
    docs: "",
    base_path: "/v1",
    fields: &[],
    choices: CHOICES,
    formats: FORMATS,
    efforts: EFFORTS,
    thought: Some("reasoning_content"),
    thinks_unasked: false,
    images: Images::Any,
    strings: Strings::Nowhere,
    whole_calls: false,
    usage: UsageIn::Asked,
    cached: Cached::Details,
    refusal: (400, Envelope::OpenAi),
};

#[rustfmt::skip]
pub(super) const ROWS: [Row; 12] = [
    Row {
        name: "deepseek",
        docs: "https://api-docs.deepseek.com/api/create-chat-completion",
        fields: &[
            "frequency_penalty", "logprobs", "max_tokens", "presence_penalty", "reasoning_effort",
            "response_format", "stream_options", "thinking", "tool_choice", "tools", "top_logprobs", "user_id",
        ],
        formats: &["text", "json_object"],
        // The last two are its own; it takes the others for them.
        efforts: &["low", "medium", "xhigh", "high", "max"],
        thinks_unasked: true,
        images: Images::No,
        strings: Strings::Everywhere,
        cached: Cached::Hits,
        refusal: (422, Envelope::OpenAi),
        ..USUAL
    },
    Row {
        name: "xai",
        docs: "https://docs.x.ai/docs/api-reference#chat-completions",
        fields: &[
            "deferred", "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "n",
            "parallel_tool_calls", "presence_penalty", "reasoning_effort", "response_format", "search_parameters",
            "seed", "stream_options", "tool_choice", "tools", "top_logprobs", "user", "web_search_options",
        ],
        whole_calls: true,
        refusal: (422, Envelope::Texts),
        ..USUAL
    },
    Row {
        name: "groq",
        docs: "https://console.groq.com/docs/api-reference#chat-create",
        base_path: "/openai/v1",
        fields: &[
            "frequency_penalty", "include_reasoning", "max_completion_tokens", "max_tokens", "metadata",
            "parallel_tool_calls", "presence_penalty", "reasoning_effort", "reasoning_format", "response_format",
            "seed", "service_tier", "stream_options", "tool_choice", "tools", "user",
        ],
        thought: Some("reasoning"),
        whole_calls: true,
        ..USUAL
    },
    Row {
        name: "cerebras",
        docs: "https://inference-docs.cerebras.ai/api-reference/chat-completions",
        fields: &[
            "clear_thinking", "logprobs", "max_completion_tokens", "parallel_tool_calls", "prediction",
            "reasoning_effort", "reasoning_format", "response_format", "seed", "service_tier", "stream_options",
            "tool_choice", "tools", "top_logprobs", "user",
        ],
        thought: Some("reasoning"),
        images: Images::No,
        strings: Strings::Instructions,
        whole_calls: true,
        refusal: (400, Envelope::Bare),
        ..USUAL
    },
    Row {
        name: "sambanova",
        docs: "https://docs.sambanova.ai/docs/api-reference/chat-completions/create-chat-based-completion",
        fields: &[
            "chat_template_kwargs", "do_sample", "max_completion_tokens", "max_tokens", "parallel_tool_calls",
            "reasoning_effort", "response_format", "stream_options", "tool_choice", "tools", "top_k",
        ],
        thought: Some("reasoning"),
        images: Images::Data,
        whole_calls: true,
        cached: Cached::No,
        ..USUAL
    },
    Row {
        name: "together",
        docs: "https://docs.together.ai/reference/chat-completions",
        fields: &[
            "chat_template_kwargs", "compliance", "context_length_exceeded_behavior", "echo", "frequency_penalty",
            "logit_bias", "max_tokens", "min_p", "n", "presence_penalty", "reasoning_effort", "repetition_penalty",
            "response_format", "safety_model", "seed", "tool_choice", "tools", "top_k",
        ],
        thought: Some("reasoning"),
        usage: UsageIn::Last,
        cached: Cached::No,
        ..USUAL
    },
    Row {
        name: "fireworks",
        docs: "https://docs.fireworks.ai/api-reference/post-chatcompletions",
        base_path: "/inference/v1",
        fields: &[
            "context_length_exceeded_behavior", "echo", "frequency_penalty", "logit_bias", "logprobs",
            "max_completion_tokens", "max_tokens", "metadata", "min_p", "n", "parallel_tool_calls", "prediction",
            "presence_penalty", "prompt_truncate_len", "raw_output", "reasoning_effort", "repetition_penalty",
            "response_format", "seed", "tool_choice", "tools", "top_k", "top_logprobs", "user",
        ],
        usage: UsageIn::Last,
        ..USUAL
    },
    Row {
        name: "perplexity",
        docs: "https://docs.perplexity.ai/api-reference/chat-completions-post",
        base_path: "",
        fields: &[
            "disable_search", "enable_search_classifier", "language_preference", "max_tokens", "reasoning_effort",
            "response_format", "return_images", "return_related_questions", "search_domain_filter", "search_mode",
            "search_recency_filter", "stream_mode", "web_search_options",
        ],
        choices: &[],
        formats: &["text", "json_schema"],
        efforts: &["minimal", "low", "medium", "high"],
        thought: None,
        usage: UsageIn::Every,
        cached: Cached::No,
        ..USUAL
    },
    Row {
        name: "ai21",
        docs: "https://docs.ai21.com/reference/jamba-1-6-api-ref",
        base_path: "/studio/v1",
        fields: &["documents", "max_tokens", "n", "response_format", "tools"],
        choices: &[],
        formats: &["text", "json_object"],
        efforts: &[],
        thought: None,
        images: Images::No,
        strings: Strings::Everywhere,
        usage: UsageIn::Last,
        cached: Cached::No,
        refusal: (422, Envelope::Detail),
        ..USUAL
    },
    Row {
        name: "deepinfra",
        docs: "https://docs.deepinfra.com/api-reference/openai-chat-completions-1",
        base_path: "/v1/openai",
        fields: &[
            "chat_template_kwargs", "frequency_penalty", "logprobs", "max_tokens", "min_p", "n", "presence_penalty",
            "prompt_cache_key", "reasoning", "reasoning_effort", "repetition_penalty", "response_format", "seed",
            "stream_options", "tool_choice", "tools", "top_k", "user",
        ],
        cached: Cached::No,
        refusal: (422, Envelope::Detail),
        ..USUAL
    },
    Row {
        name: "nebius",
        docs: "https://docs.tokenfactory.nebius.com/api-reference/inference/create-chat-completion",
        fields: &[
            "extra_body", "frequency_penalty", "logit_bias", "logprobs", "max_tokens", "n", "presence_penalty",
            "reasoning_effort", "response_format", "service_tier", "store", "stream_options", "tool_choice",
            "tools", "top_k", "top_logprobs", "user",
        ],
        cached: Cached::No,
        refusal: (422, Envelope::Detail),
        ..USUAL
    },
    Row {
        name: "novita",
        docs: "https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion",
        base_path: "/openai/v1",
        fields: &[
            "enable_thinking", "frequency_penalty", "logit_bias", "logprobs", "max_tokens", "min_p", "n",
            "presence_penalty", "repetition_penalty", "response_format", "seed", "separate_reasoning",
            "stream_options", "tools", "top_k", "top_logprobs",
        ],
        choices: &[],
        efforts: &[],
        cached: Cached::No,
        refusal: (400, Envelope::Reason),
        ..USUAL
    },
];

impl Row {
    pub(super) fn has(&self, field: &str) -> bool {
        EVERYWHERE.contains(&field) || self.fields.contains(&field)
    }

    /// What the limit of output tokens is called, by the newer name where there are both.
    pub(super) fn limit(&self) -> &'static str {
        let newer = "max_completion_tokens";
        if self.has(newer) { newer } else { "max_tokens" }
    }

    /// An error in its form.
    pub(super) fn error(&self, why: &str) -> Value {
        const KIND: &str = "invalid_request_error";
        match self.refusal.1 {
            Envelope::OpenAi => {
                json!({"error": {"message": why, "type": KIND, "param": null, "code": KIND}})
            }
            Envelope::Bare => {
                json!({"message": why, "type": KIND, "param": "validation_error", "code": "wrong_api_format"})
            }
            Envelope::Texts => {
                json!({"code": "Client specified an invalid argument", "error": why})
            }
            Envelope::Detail => {
                json!({"detail": [{"loc": ["body"], "msg": why, "type": "extra_forbidden"}]})
            }
            Envelope::Reason => {
                json!({"code": 400, "reason": "INVALID_REQUEST_BODY", "message": why, "metadata": {}})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_where_it_is_from_and_agrees_with_itself() {
        for row in &ROWS {
            assert!(row.docs.starts_with("https://"), "{}", row.name);
            assert_eq!(
                row.has("tool_choice"),
                !row.choices.is_empty(),
                "{}",
                row.name
            );
            assert_eq!(
                row.has("reasoning_effort"),
                !row.efforts.is_empty(),
                "{}",
                row.name
            );
            assert_eq!(
                row.has("stream_options"),
                row.usage == UsageIn::Asked,
                "{}",
                row.name
            );
            assert!(row.has(row.limit()), "{}", row.name);
        }
    }
}
