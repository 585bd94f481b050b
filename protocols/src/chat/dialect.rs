//! How the providers that speak chat completions differ from OpenAI. Each row says where that is documented;
//! what no row says is as OpenAI has it.

/// The images that may stand in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Images {
    None,
    /// In the request, not at an address.
    Data,
    Any,
}

/// What a provider's chat completions API takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// What the limit of output tokens is called.
    pub max_tokens: &'static str,
    /// Instructions may have the role `developer`; else they are sent as `system`.
    pub developer: bool,
    /// Usage of a stream is asked for with `stream_options`; else it comes unasked.
    pub stream_options: bool,
    /// Functions may be called.
    pub tools: bool,
    /// Whether and which one may be said.
    pub tool_choice: bool,
    /// The tool choice that demands a call.
    pub required: &'static str,
    pub seed: Option<&'static str>,
    pub top_k: bool,
    pub penalties: bool,
    pub n: bool,
    pub logprobs: bool,
    pub json_object: bool,
    pub json_schema: bool,
    pub parallel_tool_calls: bool,
    pub reasoning_effort: bool,
    /// It thinks unless the field `thinking` says that it should not.
    pub thinks_unasked: bool,
    pub images: Images,
    /// Content may be a list of parts; else it is one text.
    pub content_parts: bool,
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
    tools: true,
    tool_choice: true,
    required: "required",
    seed: Some("seed"),
    top_k: false,
    penalties: true,
    n: true,
    logprobs: true,
    json_object: true,
    json_schema: true,
    parallel_tool_calls: true,
    reasoning_effort: true,
    thinks_unasked: false,
    images: Images::Any,
    content_parts: true,
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

/// <https://api-docs.deepseek.com/api/create-chat-completion>: text only, as a string, JSON without a schema. It
/// thinks unless told not to, and wants its thoughts back in a tool loop
/// (<https://api-docs.deepseek.com/guides/thinking_mode>).
const DEEPSEEK: Dialect = Dialect {
    seed: None,
    top_k: false,
    n: false,
    json_schema: false,
    parallel_tool_calls: false,
    thinks_unasked: true,
    images: Images::None,
    content_parts: false,
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

/// <https://inference-docs.cerebras.ai/api-reference/chat-completions>: text, instructions as a string.
const CEREBRAS: Dialect = Dialect {
    max_tokens: "max_completion_tokens",
    top_k: false,
    penalties: false,
    n: false,
    images: Images::None,
    content_parts: false,
    ..COMPATIBLE
};

/// <https://docs.x.ai/docs/api-reference#chat-completions>
const XAI: Dialect = Dialect {
    max_tokens: "max_completion_tokens",
    top_k: false,
    ..COMPATIBLE
};

/// <https://docs.sambanova.ai/docs/api-reference/chat-completions/create-chat-based-completion>: it names several
/// of OpenAI's fields and says that its models do not follow them yet; images come in the request.
const SAMBANOVA: Dialect = Dialect {
    seed: None,
    penalties: false,
    n: false,
    logprobs: false,
    images: Images::Data,
    user: false,
    ..COMPATIBLE
};

/// <https://docs.together.ai/reference/chat-completions>: `logprobs` is a number there and is answered in a form
/// of its own; the last chunk has the usage.
const TOGETHER: Dialect = Dialect {
    stream_options: false,
    logprobs: false,
    parallel_tool_calls: false,
    user: false,
    ..COMPATIBLE
};

/// <https://docs.fireworks.ai/api-reference/post-chatcompletions>: the last chunk has the usage
/// (<https://docs.fireworks.ai/tools-sdks/openai-compatibility>).
const FIREWORKS: Dialect = Dialect {
    stream_options: false,
    ..COMPATIBLE
};

/// <https://docs.perplexity.ai/api-reference/chat-completions-post>: no function calling, JSON by a schema only;
/// every chunk has the usage so far.
const PERPLEXITY: Dialect = Dialect {
    stream_options: false,
    tools: false,
    tool_choice: false,
    seed: None,
    top_k: false,
    penalties: false,
    n: false,
    logprobs: false,
    json_object: false,
    parallel_tool_calls: false,
    user: false,
    ..COMPATIBLE
};

/// <https://docs.ai21.com/reference/jamba-1-6-api-ref>: text, as a string, JSON without a schema.
const AI21: Dialect = Dialect {
    stream_options: false,
    tool_choice: false,
    seed: None,
    top_k: false,
    penalties: false,
    logprobs: false,
    json_schema: false,
    parallel_tool_calls: false,
    reasoning_effort: false,
    images: Images::None,
    content_parts: false,
    user: false,
    ..COMPATIBLE
};

/// <https://docs.deepinfra.com/api-reference/openai-chat-completions-1>
const DEEPINFRA: Dialect = Dialect {
    parallel_tool_calls: false,
    ..COMPATIBLE
};

/// <https://docs.tokenfactory.nebius.com/api-reference/inference/create-chat-completion>
const NEBIUS: Dialect = Dialect {
    seed: None,
    parallel_tool_calls: false,
    ..COMPATIBLE
};

/// <https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion>: tools, but no choice of them.
const NOVITA: Dialect = Dialect {
    tool_choice: false,
    parallel_tool_calls: false,
    reasoning_effort: false,
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
        "sambanova" => &SAMBANOVA,
        "together" => &TOGETHER,
        "fireworks" => &FIREWORKS,
        "perplexity" => &PERPLEXITY,
        "ai21" => &AI21,
        "deepinfra" => &DEEPINFRA,
        "nebius" => &NEBIUS,
        "novita" => &NOVITA,
        _ => &COMPATIBLE,
    }
}

impl Dialect {
    /// Whether any body of OpenAI's form can be sent as it is.
    pub fn takes_all(&self) -> bool {
        self.only.is_none() && self.tools
    }

    /// The same of a body with these fields at its top.
    pub fn takes<'a>(&self, mut fields: impl Iterator<Item = &'a str>) -> bool {
        const OF_TOOLS: [&str; 3] = ["tools", "tool_choice", "parallel_tool_calls"];
        fields.all(|field| {
            let is_known = self.only.is_none_or(|known| known.contains(&field));
            is_known && (self.tools || !OF_TOOLS.contains(&field))
        })
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
        assert!(dialect("groq").takes_all() && !dialect("mistral").takes_all());
    }

    #[test]
    fn who_calls_no_functions_gets_no_tools_unread() {
        let perplexity = dialect("perplexity");
        assert!(!perplexity.takes_all());
        assert!(perplexity.takes(["model", "search_domain_filter"].into_iter()));
        assert!(!perplexity.takes(["model", "tools"].into_iter()));
    }
}
