//! How the providers that speak chat completions differ from OpenAI. Each row says where that is documented;
//! what no row says is as OpenAI has it.

/// What a provider's chat completions API takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// What the limit of output tokens is called.
    pub max_tokens: &'static str,
    /// Instructions may have the role `developer`; else they are sent as `system`.
    pub developer: bool,
    /// Usage of a stream is asked for with `stream_options`; else it comes unasked.
    pub stream_options: bool,
    /// The tool choice that demands a call.
    pub required: &'static str,
    pub seed: Option<&'static str>,
    pub top_k: bool,
    pub penalties: bool,
    pub n: bool,
    pub logprobs: bool,
    pub json_schema: bool,
    pub parallel_tool_calls: bool,
    pub reasoning_effort: bool,
    /// Images may stand in messages.
    pub images: bool,
    pub user: bool,
    /// What thoughts are called that the provider takes back.
    pub thoughts: Option<&'static str>,
    /// Refuses fields that it does not know: these are all.
    pub only: Option<&'static [&'static str]>,
}

/// OpenAI's own.
const OPENAI: Dialect = Dialect {
    max_tokens: "max_completion_tokens",
    developer: true,
    stream_options: true,
    required: "required",
    seed: Some("seed"),
    top_k: false,
    penalties: true,
    n: true,
    logprobs: true,
    json_schema: true,
    parallel_tool_calls: true,
    reasoning_effort: true,
    images: true,
    user: true,
    thoughts: None,
    only: None,
};

/// Servers that follow it with the older names: the form that nearly all of them take.
const COMPATIBLE: Dialect = Dialect {
    max_tokens: "max_tokens",
    developer: false,
    top_k: true,
    reasoning_effort: true,
    ..OPENAI
};

/// <https://docs.mistral.ai/api/endpoint/chat>: unknown fields are answered with 422.
const MISTRAL: Dialect = Dialect {
    stream_options: false,
    required: "any",
    seed: Some("random_seed"),
    top_k: false,
    logprobs: false,
    reasoning_effort: false,
    user: false,
    only: Some(&[
        "model",
        "messages",
        "temperature",
        "top_p",
        "max_tokens",
        "stream",
        "stop",
        "random_seed",
        "response_format",
        "tools",
        "tool_choice",
        "presence_penalty",
        "frequency_penalty",
        "n",
        "prediction",
        "parallel_tool_calls",
        "prompt_mode",
        "safe_prompt",
        "metadata",
    ]),
    ..COMPATIBLE
};

/// <https://api-docs.deepseek.com/api/create-chat-completion>: text only, JSON without a schema; in a tool loop
/// it wants its thoughts back (<https://api-docs.deepseek.com/guides/thinking_mode>).
const DEEPSEEK: Dialect = Dialect {
    seed: None,
    top_k: false,
    n: false,
    json_schema: false,
    parallel_tool_calls: false,
    reasoning_effort: false,
    images: false,
    user: false,
    thoughts: Some("reasoning_content"),
    ..COMPATIBLE
};

/// <https://console.groq.com/docs/openai>: `logprobs`, `logit_bias` and `n` above 1 are refused.
const GROQ: Dialect = Dialect {
    max_tokens: "max_completion_tokens",
    top_k: false,
    n: false,
    logprobs: false,
    ..COMPATIBLE
};

/// <https://inference-docs.cerebras.ai/api-reference/chat-completions>
const CEREBRAS: Dialect = Dialect {
    max_tokens: "max_completion_tokens",
    top_k: false,
    penalties: false,
    n: false,
    images: false,
    ..COMPATIBLE
};

/// <https://docs.x.ai/docs/api-reference#chat-completions>
const XAI: Dialect = Dialect {
    max_tokens: "max_completion_tokens",
    top_k: false,
    ..COMPATIBLE
};

/// <https://docs.perplexity.ai/api-reference/chat-completions-post>: no function calling, and so no choice of it.
const PERPLEXITY: Dialect = Dialect {
    seed: None,
    n: false,
    logprobs: false,
    parallel_tool_calls: false,
    user: false,
    ..COMPATIBLE
};

/// <https://docs.ai21.com/reference/jamba-1-6-api-ref>: text, JSON without a schema.
const AI21: Dialect = Dialect {
    stream_options: false,
    seed: None,
    top_k: false,
    penalties: false,
    logprobs: false,
    json_schema: false,
    parallel_tool_calls: false,
    reasoning_effort: false,
    images: false,
    user: false,
    ..COMPATIBLE
};

/// The dialect of a provider; of one that is not known, the form that nearly all take.
pub fn dialect(provider: &str) -> &'static Dialect {
    match provider {
        "openai" | "azure" => &OPENAI,
        "mistral" => &MISTRAL,
        "deepseek" => &DEEPSEEK,
        "groq" => &GROQ,
        "cerebras" => &CEREBRAS,
        "xai" => &XAI,
        "perplexity" => &PERPLEXITY,
        "ai21" => &AI21,
        _ => &COMPATIBLE,
    }
}

impl Dialect {
    /// Whether a body of OpenAI's form with these fields at its top can be sent as it is.
    pub fn takes<'a>(&self, mut fields: impl Iterator<Item = &'a str>) -> bool {
        self.only
            .is_none_or(|known| fields.all(|field| known.contains(&field)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_strict_dialect_refuses_fields_it_does_not_know() {
        assert!(dialect("groq").takes(["model", "anything"].into_iter()));
        assert!(dialect("mistral").takes(["model", "messages"].into_iter()));
        assert!(!dialect("mistral").takes(["model", "seed"].into_iter()));
    }
}
