//! A request in a provider's dialect of chat completions.

mod messages;
mod settings;

use serde::Serialize;

use super::dialect::{Dialect, dialect};
use crate::{
    Target, Written,
    error::Unsupported,
    json::{Json, Out},
    request::{CacheTtl, Request, Tool},
    rules,
};

const NO_TOOLS: &str = "it calls no functions";

/// Everything that the writing of one request needs to know.
struct Writing<'a> {
    target: Target<'a>,
    dialect: &'static Dialect,
    dropped: Vec<String>,
}

impl Writing<'_> {
    fn refuse(&self, field: impl Into<String>, why: impl Into<String>) -> Unsupported {
        Unsupported::new(field, self.target.provider, why)
    }
}

/// Writes a request for the target, or says what it cannot be told.
pub fn write_request(request: &Request, target: Target<'_>) -> Result<Written, Unsupported> {
    let mut writing = Writing {
        target,
        dialect: dialect(target.provider),
        dropped: Vec::new(),
    };
    let mut body = Out::default();
    body.put("model", target.model);
    body.put("messages", &messages::write(request, &mut writing)?);
    if !request.tools.is_empty() {
        if !writing.dialect.tools {
            return Err(writing.refuse("tools", NO_TOOLS));
        }
        let tools = request
            .tools
            .iter()
            .map(|tool| write_tool(tool, &mut writing));
        body.put("tools", &tools.collect::<Vec<_>>());
    }
    settings::write(request, &mut writing, &mut body)?;
    write_rest(request, &mut writing, &mut body)?;
    Ok(Written {
        body: body.into_bytes(),
        dropped: writing.dropped,
    })
}

/// OpenAI's own fields pass to those who speak its protocol and do not name all that they take; a field of
/// another protocol does not.
fn write_rest(
    request: &Request,
    writing: &mut Writing<'_>,
    body: &mut Out,
) -> Result<(), Unsupported> {
    const OWN: [&str; 11] = [
        "logit_bias",
        "metadata",
        "modalities",
        "audio",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "verbosity",
    ];
    for field in &request.rest {
        let own = OWN.iter().find(|name| **name == field.name);
        let taken = own.filter(|name| {
            let takes_all = writing.dialect.only.is_none() && writing.dialect.developer;
            takes_all || writing.dialect.only.is_some_and(|only| only.contains(name))
        });
        match taken {
            Some(name) => body.put(name, &field.value),
            None => rules::drop_or_refuse(field, writing.target.provider, &mut writing.dropped)?,
        }
    }
    for field in request.tools.iter().flat_map(|tool| &tool.rest) {
        rules::drop_or_refuse(field, writing.target.provider, &mut writing.dropped)?;
    }
    Ok(())
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
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

fn write_tool<'a>(tool: &'a Tool, writing: &mut Writing<'_>) -> WireTool<'a> {
    drop_cache(tool.cache, &tool.at.0, writing);
    WireTool {
        r#type: "function",
        function: Function {
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters: tool.parameters.as_ref(),
            strict: tool.strict,
        },
    }
}

/// Those who speak chat completions cache by themselves.
fn drop_cache(cache: Option<CacheTtl>, at: &str, writing: &mut Writing<'_>) {
    if cache.is_some() {
        writing.dropped.push(format!("{at}.cache_control"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chat::read_request, request::Message};

    fn write(body: &str, provider: &str) -> Result<(String, Vec<String>), String> {
        let request = read_request(body.as_bytes()).expect("valid");
        let target = Target {
            provider,
            model: "m",
        };
        write_request(&request, target)
            .map(|written| {
                (
                    String::from_utf8(written.body).expect("UTF-8"),
                    written.dropped,
                )
            })
            .map_err(|e| e.to_string())
    }

    const ALL: &str = r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA==","detail":"low"}}]},{"role":"assistant","content":"b","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\": 1.50}"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}],"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"x":{"type":"number","minimum":1.0}}},"strict":true}}],"tool_choice":"required","parallel_tool_calls":false,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}},"reasoning_effort":"low","max_completion_tokens":9,"temperature":0.7,"top_p":0.9,"frequency_penalty":0.5,"presence_penalty":-0.5,"seed":7,"stop":["x"],"n":2,"logprobs":true,"top_logprobs":3,"stream":true,"stream_options":{"include_usage":true},"user":"u","store":true}"#;

    #[test]
    fn what_openai_is_told_is_what_was_read() {
        let (body, dropped) = write(ALL, "openai").expect("all of it");
        assert!(dropped.is_empty());
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(value(&body), value(ALL));
        assert!(
            body.contains(r#"{"x":{"type":"number","minimum":1.0}}"#),
            "schemas keep their bytes"
        );
    }

    #[test]
    fn a_dialect_has_its_own_words() {
        let body = r#"{"model":"m","messages":[{"role":"developer","content":"s"},{"role":"user","content":"a"}],
            "tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required","max_completion_tokens":9,
            "seed":7,"stream":true,"stream_options":{"include_usage":true},"user":"u"}"#;
        let (mistral, dropped) = write(body, "mistral").expect("valid");
        for part in [
            r#""tool_choice":"any""#,
            r#""random_seed":7"#,
            r#""max_tokens":9"#,
            r#""role":"system""#,
        ] {
            assert!(mistral.contains(part), "{part}: {mistral}");
        }
        assert!(!mistral.contains("stream_options") && !mistral.contains("\"user\":\"u\""));
        assert_eq!(dropped, ["user"]);
    }

    #[test]
    fn what_cannot_be_told_is_refused_by_the_callers_name_for_it() {
        let with = |field: &str| {
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"a"}}],{field}}}"#)
        };
        for (field, provider, expected) in [
            (r#""n":2"#, "groq", "n cannot be sent to groq"),
            (
                r#""logprobs":true"#,
                "mistral",
                "logprobs cannot be sent to mistral",
            ),
            (
                r#""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}}"#,
                "deepseek",
                "response_format cannot be sent to deepseek",
            ),
            (
                r#""frequency_penalty":1"#,
                "cerebras",
                "frequency_penalty cannot be sent to cerebras",
            ),
            (
                r#""response_format":{"type":"json_object"}"#,
                "perplexity",
                "response_format cannot be sent to perplexity",
            ),
            (
                r#""logprobs":true"#,
                "together",
                "logprobs cannot be sent to together",
            ),
            (
                r#""logit_bias":{"1":2}"#,
                "ai21",
                "logit_bias cannot be sent to ai21",
            ),
            (
                r#""web_search_options":{}"#,
                "openai",
                "web_search_options cannot be sent to openai",
            ),
        ] {
            let error = write(&with(field), provider).expect_err(field);
            assert!(error.starts_with(expected), "{error}");
        }
        for neutral in [
            r#""n":1"#,
            r#""logprobs":false"#,
            r#""frequency_penalty":0"#,
        ] {
            write(&with(neutral), "ai21").expect(neutral);
        }
    }

    #[test]
    fn who_calls_no_functions_is_sent_neither_tools_nor_calls_nor_results() {
        let of = |messages: &str, rest: &str| {
            format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":"a"}}{messages}]{rest}}}"#
            )
        };
        let tool = r#","tools":[{"type":"function","function":{"name":"f"}}]"#;
        let call = r#",{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}"#;
        let result = r#",{"role":"tool","tool_call_id":"c","content":"r"}"#;
        for (body, field) in [
            (of("", tool), "tools"),
            (of(call, ""), "messages[1].tool_calls[0]"),
            (of(result, ""), "messages[1]"),
            (of("", r#","tool_choice":"required""#), "tool_choice"),
        ] {
            let error = write(&body, "perplexity").expect_err(&body);
            assert!(error.starts_with(field), "{error}");
            assert!(error.contains("cannot be sent to perplexity"), "{error}");
        }
        let empty = of("", r#","tools":[],"tool_choice":"auto""#);
        let (sent, _) = write(&empty, "perplexity").expect("it says nothing");
        assert!(!sent.contains("tool"), "{sent}");
    }

    #[test]
    fn what_happens_unsaid_is_not_said_where_there_is_no_choice_of_tools() {
        let with = |choice: &str| {
            format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":"a"}}],
                "tools":[{{"type":"function","function":{{"name":"f"}}}}],"tool_choice":{choice}}}"#
            )
        };
        for provider in ["ai21", "novita"] {
            let (sent, _) = write(&with("\"auto\""), provider).expect("valid");
            assert!(!sent.contains("tool_choice"), "{sent}");
            for choice in [
                r#""none""#,
                r#""required""#,
                r#"{"type":"function","function":{"name":"f"}}"#,
            ] {
                let error = write(&with(choice), provider).expect_err(choice);
                assert!(error.starts_with("tool_choice cannot be sent"), "{error}");
            }
        }
    }

    #[test]
    fn several_texts_are_one_where_content_is_a_string() {
        let body = r#"{"model":"m","messages":[{"role":"system","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
            {"role":"user","content":[{"type":"text","text":"c"}]}]}"#;
        for provider in ["deepseek", "cerebras", "ai21"] {
            let (sent, _) = write(body, provider).expect("valid");
            assert!(
                sent.contains(
                    r#"[{"role":"system","content":"a\nb"},{"role":"user","content":"c"}]"#
                ),
                "{sent}"
            );
        }
    }

    #[test]
    fn images_are_sent_as_the_provider_reads_them() {
        let of = |url: &str| {
            format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"{url}"}}}}]}}]}}"#
            )
        };
        let (data, address) = (
            of("data:image/png;base64,AA=="),
            of("https://a.example/b.png"),
        );
        write(&data, "sambanova").expect("data");
        for (body, provider) in [(&address, "sambanova"), (&data, "deepseek")] {
            let error = write(body, provider).expect_err(provider);
            assert!(error.starts_with("messages[0].content[0]"), "{error}");
        }
    }

    #[test]
    fn who_thinks_unasked_is_told_when_not_to() {
        let with = |effort: &str| {
            format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":"a"}}],"reasoning_effort":"{effort}"}}"#
            )
        };
        let (sent, _) = write(&with("none"), "deepseek").expect("valid");
        assert!(sent.contains(r#""thinking":{"type":"disabled"}"#), "{sent}");
        let (sent, _) = write(&with("high"), "deepseek").expect("valid");
        assert!(sent.contains(r#""reasoning_effort":"high""#), "{sent}");
        let (sent, _) = write(&with("none"), "groq").expect("valid");
        assert!(!sent.contains("thinking"), "{sent}");
    }

    #[test]
    fn thoughts_among_the_content_are_let_go_by_name() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":[
            {"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"b"}]}],"seed":1}"#;
        let (sent, dropped) = write(body, "mistral").expect("valid");
        assert!(
            sent.contains(r#"{"role":"assistant","content":"b"}"#),
            "{sent}"
        );
        assert_eq!(dropped, ["messages[1].content[0]"]);
    }

    #[test]
    fn an_empty_conversation_stays_empty() {
        let request = Request {
            messages: vec![Message::new(crate::Role::User, Vec::new())],
            ..Request::default()
        };
        let target = Target {
            provider: "openai",
            model: "m",
        };
        let written = write_request(&request, target).expect("valid");
        assert_eq!(
            written.body,
            br#"{"model":"m","messages":[{"role":"user","content":""}]}"#
        );
    }
}
