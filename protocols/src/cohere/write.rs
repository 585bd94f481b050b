//! A request in Cohere's form.

mod messages;

use serde::Serialize;

use crate::{
    Target, Written,
    error::Unsupported,
    json::{Json, Out},
    request::{CacheTtl, Effort, Format, Reasoning, Request, Tool, ToolChoice},
    rules,
    schema::described,
};

/// Everything that the writing of one request needs to know.
struct Writing<'a> {
    target: Target<'a>,
    dropped: Vec<String>,
}

impl Writing<'_> {
    fn refuse(&self, field: impl Into<String>, why: impl Into<String>) -> Unsupported {
        Unsupported::new(field, self.target.provider, why)
    }

    /// Cohere caches by itself.
    fn drop_cache(&mut self, cache: Option<CacheTtl>, at: &str) {
        if cache.is_some() {
            self.dropped.push(format!("{at}.cache_control"));
        }
    }
}

/// Writes a request for the target, or says what it cannot be told.
pub fn write_request(request: &Request, target: Target<'_>) -> Result<Written, Unsupported> {
    let mut writing = Writing {
        target,
        dropped: Vec::new(),
    };
    rules::drop_or_refuse_rest(request, target.provider, &mut writing.dropped)?;
    let mut body = Out::default();
    body.put("model", target.model);
    body.put("stream", &request.stream);
    body.put(
        "messages",
        &messages::write(&request.messages, &mut writing)?,
    );
    put_tools(request, &mut writing, &mut body)?;
    put_sampling(request, &mut writing, &mut body)?;
    put_format(request.format.as_ref(), &writing, &mut body)?;
    if let Some(reasoning) = &request.reasoning {
        put_thinking(reasoning, &mut writing, &mut body);
    }
    if request.user.is_some() {
        writing.dropped.push("user".to_owned());
    }
    Ok(Written {
        body: body.into_bytes(),
        dropped: writing.dropped,
    })
}

#[derive(Serialize)]
struct WireTool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: Option<Json>,
}

/// What a tool takes that takes nothing: the API demands that it be said.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

fn put_tools(
    request: &Request,
    writing: &mut Writing<'_>,
    body: &mut Out,
) -> Result<(), Unsupported> {
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| wire_tool(tool, writing));
        body.put("tools", &tools.collect::<Vec<_>>());
        if request.parallel_tool_calls == Some(false) {
            let why = "it cannot be told to call one tool only";
            return Err(writing.refuse("parallel_tool_calls", why));
        }
    }
    if request.tools.iter().any(|tool| tool.strict == Some(true)) {
        body.put("strict_tools", &true);
    }
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => body.put("tool_choice", "NONE"),
        Some(ToolChoice::Required) => body.put("tool_choice", "REQUIRED"),
        Some(ToolChoice::Tool(name)) => {
            // The only one is the one.
            if !matches!(request.tools.as_slice(), [only] if only.name == *name) {
                let why = "it can be told to call a tool, but not which of several";
                return Err(writing.refuse("tool_choice", why));
            }
            body.put("tool_choice", "REQUIRED");
        }
    }
    Ok(())
}

fn wire_tool<'a>(tool: &'a Tool, writing: &mut Writing<'_>) -> WireTool<'a> {
    writing.drop_cache(tool.cache, &tool.at.0);
    let parameters = tool.parameters.clone();
    WireTool {
        r#type: "function",
        function: Function {
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters: parameters.or_else(|| Json::parse(NO_PARAMETERS)),
        },
    }
}

/// As documented for `stop_sequences`.
const MAX_STOP_SEQUENCES: usize = 5;

fn put_sampling(
    request: &Request,
    writing: &mut Writing<'_>,
    body: &mut Out,
) -> Result<(), Unsupported> {
    let sampling = &request.sampling;
    body.put_some("max_tokens", sampling.max_output_tokens);
    body.put_some("temperature", sampling.temperature);
    body.put_some("p", sampling.top_p);
    body.put_some("k", sampling.top_k);
    // Some models refuse the two together, even where one of them says nothing.
    let said = |penalty: Option<f64>| penalty.filter(|penalty| *penalty != 0.0);
    body.put_some("frequency_penalty", said(sampling.frequency_penalty));
    body.put_some("presence_penalty", said(sampling.presence_penalty));
    match sampling.seed.map(u64::try_from) {
        Some(Ok(seed)) => body.put("seed", &seed),
        // Its seeds are not negative.
        Some(Err(_)) => writing.dropped.push("seed".to_owned()),
        None => {}
    }
    if sampling.n.is_some_and(|n| n != 1) {
        return Err(writing.refuse("n", "it gives one reply"));
    }
    if sampling.logprobs == Some(true) {
        if sampling.top_logprobs.is_some_and(|count| count > 0) {
            return Err(writing.refuse("top_logprobs", "it tells of the chosen tokens only"));
        }
        body.put("logprobs", &true);
    }
    if sampling.stop.len() > MAX_STOP_SEQUENCES {
        return Err(writing.refuse("stop", "it takes at most 5 stop sequences"));
    }
    if !sampling.stop.is_empty() {
        body.put("stop_sequences", &sampling.stop);
    }
    Ok(())
}

fn put_format(
    format: Option<&Format>,
    writing: &Writing<'_>,
    body: &mut Out,
) -> Result<(), Unsupported> {
    let mut wire = Out::default();
    wire.put("type", "json_object");
    match format {
        None | Some(Format::Text) => return Ok(()),
        Some(Format::JsonObject) => {}
        Some(Format::JsonSchema {
            schema,
            description: None,
            ..
        }) => wire.put("json_schema", schema),
        Some(Format::JsonSchema {
            schema,
            description: Some(text),
            ..
        }) => {
            let schema = described(schema, text).ok_or_else(|| {
                let field = "response_format.json_schema.description";
                writing.refuse(field, "the schema has a description of its own")
            })?;
            wire.put("json_schema", &schema);
        }
    }
    body.put("response_format", &wire);
    Ok(())
}

/// Thoughts are always shown.
fn put_thinking(reasoning: &Reasoning, writing: &mut Writing<'_>, body: &mut Out) {
    let effort = reasoning.effort;
    let budget = match (reasoning.budget_tokens, effort) {
        (Some(tokens), _) => Some(tokens),
        (None, Some(effort)) if effort < Effort::High => Some(effort.budget_tokens()),
        (None, Some(_) | None) => None,
    };
    let mut thinking = Out::default();
    if budget == Some(0) {
        thinking.put("type", "disabled");
        body.put("thinking", &thinking);
    } else if effort.is_some() || budget.is_some() {
        thinking.put("type", "enabled");
        thinking.put_some("token_budget", budget);
        body.put("thinking", &thinking);
    }
    if reasoning.shown == Some(false) && budget != Some(0) {
        writing.dropped.push("reasoning.summary".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thinking(reasoning: &Reasoning) -> (String, Vec<String>) {
        let target = Target {
            provider: "cohere",
            model: "m",
        };
        let mut writing = Writing {
            target,
            dropped: Vec::new(),
        };
        let mut body = Out::default();
        put_thinking(reasoning, &mut writing, &mut body);
        let body = String::from_utf8(body.into_bytes()).expect("UTF-8");
        (body, writing.dropped)
    }

    #[test]
    fn efforts_and_budgets_limit_thoughts() {
        for (said, expected) in [
            ("none", r#"{"type":"disabled"}"#),
            ("0", r#"{"type":"disabled"}"#),
            ("low", r#"{"type":"enabled","token_budget":1024}"#),
            ("medium", r#"{"type":"enabled","token_budget":8192}"#),
            ("high", r#"{"type":"enabled"}"#),
            ("xhigh", r#"{"type":"enabled"}"#),
            ("3000", r#"{"type":"enabled","token_budget":3000}"#),
        ] {
            let reasoning = Reasoning {
                effort: Effort::parse(said),
                budget_tokens: said.parse().ok(),
                shown: None,
            };
            let (body, dropped) = thinking(&reasoning);
            assert_eq!(body, format!(r#"{{"thinking":{expected}}}"#), "{said}");
            assert!(dropped.is_empty());
        }
    }

    #[test]
    fn that_thoughts_cannot_be_hidden_is_told() {
        let hidden = Reasoning {
            shown: Some(false),
            ..Reasoning::default()
        };
        let expected = ("{}".to_owned(), vec!["reasoning.summary".to_owned()]);
        assert_eq!(thinking(&hidden), expected);
    }
}
