//! What a caller's API calls the settings of a request. Whoever writes a request names them as chat completions
//! does; the caller is told of the field that it wrote.

use crate::{error::Unsupported, protocol::CallerApi, request::Request};

/// A result of the writing of this request, in the caller's words.
pub(crate) fn in_callers_words(
    request: &Request,
    written: Result<crate::Written, Unsupported>,
) -> Result<crate::Written, Unsupported> {
    let own = |field: &String| of(request, field).unwrap_or_else(|| field.clone());
    match written {
        Ok(written) => Ok(crate::Written {
            dropped: written.dropped.iter().map(own).collect(),
            ..written
        }),
        Err(refused) => Err(Unsupported {
            field: own(&refused.field),
            ..refused
        }),
    }
}

/// `None`: as in chat completions, or a place in the caller's own words already: in the conversation, or of a field
/// that only the caller's API has.
fn of(request: &Request, field: &str) -> Option<String> {
    if request.rest.iter().any(|rest| rest.at.0 == field) {
        return None;
    }
    let inner = field.strip_prefix("response_format").map(|inner| {
        let inner = inner.strip_prefix(".json_schema").unwrap_or(inner);
        inner.to_owned()
    });
    let is_thought = matches!(
        field,
        "reasoning" | "reasoning_effort" | "thinking.budget_tokens"
    );
    match (request.caller, inner) {
        (CallerApi::Chat, _) => of_chat(request, field).map(str::to_owned),
        (CallerApi::Messages, Some(inner)) => Some(format!("output_config.format{inner}")),
        (CallerApi::Responses, Some(inner)) => Some(format!("text.format{inner}")),
        (CallerApi::Messages, None) if is_thought => Some(thinking(request).to_owned()),
        (CallerApi::Messages, None) => of_messages(field).map(str::to_owned),
        (CallerApi::Responses, None) => of_responses(request, field).map(str::to_owned),
    }
}

/// A budget is Anthropic's field here too.
fn of_chat(request: &Request, field: &str) -> Option<&'static str> {
    let reasoning = request.reasoning.as_ref()?;
    let says_effort = reasoning.effort.is_some();
    match field {
        "reasoning" | "reasoning_effort" if !says_effort => Some("thinking"),
        _ => None,
    }
}

fn of_messages(field: &str) -> Option<&'static str> {
    match field {
        "stop" => Some("stop_sequences"),
        "parallel_tool_calls" => Some("tool_choice.disable_parallel_tool_use"),
        "user" => Some("metadata.user_id"),
        _ => None,
    }
}

fn of_responses(request: &Request, field: &str) -> Option<&'static str> {
    match field {
        "max_tokens" | "max_completion_tokens" => Some("max_output_tokens"),
        "reasoning_effort" => Some("reasoning.effort"),
        "messages" => Some("input"),
        "logprobs" if request.sampling.top_logprobs.is_some() => Some("top_logprobs"),
        "logprobs" => Some("include"),
        _ => None,
    }
}

/// Which of the two fields of Messages that make one setting.
fn thinking(request: &Request) -> &'static str {
    use crate::request::{Effort, Reasoning};
    match &request.reasoning {
        Some(Reasoning {
            effort: Some(effort),
            budget_tokens: None,
            ..
        }) if *effort != Effort::None => "output_config.effort",
        Some(Reasoning {
            budget_tokens: Some(_),
            ..
        }) => "thinking.budget_tokens",
        Some(_) | None => "thinking",
    }
}

#[cfg(test)]
mod tests {
    use crate::{CallerApi, ProviderApi, Target};

    /// The field that is refused, or else those that are dropped.
    fn named(caller: CallerApi, body: &str, provider: &str) -> String {
        let request = caller.read_request(body.as_bytes()).expect(body);
        let target = Target {
            provider,
            model: "m",
        };
        let api = match provider {
            "cohere" => ProviderApi::Cohere,
            "gemini" => ProviderApi::Gemini,
            "anthropic" => ProviderApi::Messages,
            _ => ProviderApi::Chat,
        };
        match api.write_request(&request, target) {
            Ok(written) => written.dropped.join(" "),
            Err(refused) => refused.field,
        }
    }

    #[test]
    fn a_caller_of_messages_is_told_of_its_own_fields() {
        for (field, provider, expected) in [
            (
                r#""thinking":{"type":"enabled","budget_tokens":2000}"#,
                "mistral",
                "thinking.budget_tokens",
            ),
            (
                r#""output_config":{"effort":"low"}"#,
                "mistral",
                "output_config.effort",
            ),
            (
                r#""output_config":{"format":{"type":"json_schema","schema":{}}}"#,
                "deepseek",
                "output_config.format",
            ),
            (
                r#""stop_sequences":["1","2","3","4","5","6"]"#,
                "cohere",
                "stop_sequences",
            ),
            (
                r#""tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}"#,
                "cohere",
                "tool_choice.disable_parallel_tool_use",
            ),
            (
                r#""metadata":{"user_id":"u"}"#,
                "cohere",
                "metadata.user_id",
            ),
        ] {
            let body = format!(
                r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":"a"}}],{field}}}"#
            );
            assert_eq!(named(CallerApi::Messages, &body, provider), expected);
        }
    }

    #[test]
    fn a_caller_of_responses_is_told_of_its_own_fields() {
        for (field, provider, expected) in [
            (
                r#""reasoning":{"effort":"low"}"#,
                "mistral",
                "reasoning.effort",
            ),
            (
                r#""text":{"format":{"type":"json_schema","name":"n","description":"d","schema":{"description":"e"}}}"#,
                "cohere",
                "text.format.description",
            ),
            (r#""top_logprobs":2"#, "mistral", "top_logprobs"),
            (
                r#""include":["message.output_text.logprobs"]"#,
                "mistral",
                "include",
            ),
            (r#""instructions":"s","input":[]"#, "gemini", "input"),
        ] {
            let input = if field.contains("input") {
                ""
            } else {
                r#""input":"a","#
            };
            let body = format!(r#"{{"model":"m",{input}{field}}}"#);
            assert_eq!(named(CallerApi::Responses, &body, provider), expected);
        }
    }

    #[test]
    fn a_field_that_the_callers_api_has_not_keeps_its_name() {
        let body = r#"{"model":"m","input":"a","logprobs":2}"#;
        let field = named(CallerApi::Responses, body, "openai");
        assert_eq!(field, "logprobs");
    }

    #[test]
    fn a_caller_of_chat_who_names_a_budget_is_told_of_it() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"a"}],"thinking":{"type":"enabled","budget_tokens":2000}}"#;
        assert_eq!(named(CallerApi::Chat, body, "mistral"), "thinking");
    }
}
