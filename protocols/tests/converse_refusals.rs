//! Bedrock Converse: what it cannot be told is refused by the caller's name for it, or let go by rule.
#![allow(clippy::unwrap_used, reason = "a broken assumption must end the test")]

use floopy_protocols::{
    At, Content, Detail, Effort, Field, Format, Json, Media, Message, Part, Reasoning, Request,
    Role, Sampling, Source, Target, Tool, ToolChoice, converse::write_request,
};
use serde_json::{Value, json};

const CLAUDE: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const ADAPTIVE: &str = "global.anthropic.claude-opus-4-7";
const NOVA: &str = "amazon.nova-2-lite-v1:0";
const GPT: &str = "openai.gpt-oss-120b-1:0";
const LLAMA: &str = "meta.llama3-3-70b-instruct-v1:0";

fn write(request: &Request, model: &str) -> Result<(Value, Vec<String>), String> {
    let provider = "bedrock";
    let written = write_request(request, Target { provider, model }).map_err(|e| e.to_string())?;
    let body = serde_json::from_slice(&written.body).unwrap();
    Ok((body, written.dropped))
}

#[track_caller]
fn refused(request: &Request, model: &str, expected: &str) {
    assert_eq!(write(request, model).unwrap_err(), expected);
}

fn with(parts: Vec<Part>) -> Request {
    let mut message = Message::new(Role::User, parts);
    message.at = At("messages[0]".to_owned());
    Request {
        messages: vec![message],
        ..Request::default()
    }
}

fn asks() -> Request {
    with(vec![Part::text("a")])
}

fn sampling(sampling: Sampling) -> Request {
    Request { sampling, ..asks() }
}

fn tool(name: &str) -> Tool {
    Tool {
        name: name.to_owned(),
        description: None,
        parameters: None,
        strict: None,
        cache: None,
        at: At("tools[0]".to_owned()),
        rest: Vec::new(),
    }
}

fn thinks(effort: Effort) -> Request {
    Request {
        reasoning: Some(Reasoning {
            effort: Some(effort),
            ..Reasoning::default()
        }),
        ..asks()
    }
}

fn image(url: &str, mime: &str) -> Part {
    Part::new(Content::Image(Media {
        source: Source::Url(url.to_owned()),
        mime: mime.to_owned(),
        name: None,
        detail: Some(Detail::Low),
    }))
    .at("messages[0].content[0]")
}

fn call(arguments: &str) -> Part {
    Part::new(Content::ToolCall {
        id: "c1".to_owned(),
        name: "f".to_owned(),
        arguments: arguments.to_owned(),
    })
    .at("messages[0].tool_calls[0]")
}

const NO_FIELD: &str = "its API has no such field";

#[test]
fn settings_that_the_api_lacks_are_refused_unless_they_say_nothing() {
    type Set = fn(&mut Sampling);
    let table: [(&str, Set, Set); 5] = [
        ("n", |s| s.n = Some(2), |s| s.n = Some(1)),
        (
            "frequency_penalty",
            |s| s.frequency_penalty = Some(0.5),
            |s| s.frequency_penalty = Some(0.0),
        ),
        (
            "presence_penalty",
            |s| s.presence_penalty = Some(-0.5),
            |s| s.presence_penalty = Some(0.0),
        ),
        (
            "logprobs",
            |s| s.logprobs = Some(true),
            |s| s.logprobs = Some(false),
        ),
        (
            "top_logprobs",
            |s| s.top_logprobs = Some(3),
            |s| s.top_logprobs = Some(0),
        ),
    ];
    for (field, refusal, neutral) in table {
        let mut request = asks();
        refusal(&mut request.sampling);
        let expected = format!("{field} cannot be sent to bedrock: {NO_FIELD}");
        refused(&request, CLAUDE, &expected);
        neutral(&mut request.sampling);
        let expected = json!({"messages": [{"role": "user", "content": [{"text": "a"}]}]});
        assert_eq!(write(&request, CLAUDE), Ok((expected, Vec::new())));
    }
}

#[test]
fn what_has_no_place_or_value_there_is_refused() {
    let hot = Sampling {
        temperature: Some(1.5),
        ..Sampling::default()
    };
    let why = "temperature cannot be sent to bedrock: it goes no higher than 1 there";
    refused(&sampling(hot), CLAUDE, why);
    let mut request = asks();
    request.rest = vec![Field {
        name: "web_search_options".to_owned(),
        at: At("web_search_options".to_owned()),
        value: Json::parse("{}").unwrap(),
    }];
    let expected = format!("web_search_options cannot be sent to bedrock: {NO_FIELD}");
    refused(&request, CLAUDE, &expected);
    request.rest.clear();
    request.format = Some(Format::JsonObject);
    let why = "response_format cannot be sent to bedrock: its API knows JSON only with a schema";
    refused(&request, CLAUDE, why);
}

#[test]
fn top_k_is_told_in_each_familys_words() {
    let request = sampling(Sampling {
        top_k: Some(5),
        ..Sampling::default()
    });
    let fields = |model| write(&request, model).unwrap().0["additionalModelRequestFields"].clone();
    assert_eq!(fields(CLAUDE), json!({"top_k": 5}));
    assert_eq!(fields(NOVA), json!({"inferenceConfig": {"topK": 5}}));
    let why = "top_k cannot be sent to bedrock: the model is not known to have it";
    refused(&request, LLAMA, why);
}

#[test]
fn efforts_are_told_in_each_familys_words() {
    let enabled = |tokens: u64| json!({"thinking": {"type": "enabled", "budget_tokens": tokens}});
    let adaptive = json!({"thinking": {"type": "adaptive"}});
    let nova =
        |word: &str| json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": word}});
    for (model, effort, fields, word) in [
        (CLAUDE, Effort::None, Value::Null, Value::Null),
        (CLAUDE, Effort::Minimal, enabled(1_024), Value::Null),
        (CLAUDE, Effort::ExtraHigh, enabled(32_768), Value::Null),
        (
            ADAPTIVE,
            Effort::None,
            json!({"thinking": {"type": "disabled"}}),
            Value::Null,
        ),
        (ADAPTIVE, Effort::Minimal, adaptive.clone(), json!("low")),
        (ADAPTIVE, Effort::ExtraHigh, adaptive, json!("xhigh")),
        (
            NOVA,
            Effort::None,
            json!({"reasoningConfig": {"type": "disabled"}}),
            Value::Null,
        ),
        (NOVA, Effort::Medium, nova("medium"), Value::Null),
        (
            GPT,
            Effort::High,
            json!({"reasoning_effort": "high"}),
            Value::Null,
        ),
    ] {
        let (body, _) = write(&thinks(effort), model).unwrap();
        assert_eq!(
            body["additionalModelRequestFields"], fields,
            "{model} {effort:?}"
        );
        assert_eq!(body["outputConfig"]["effort"], word, "{model} {effort:?}");
    }
    let start = "reasoning_effort cannot be sent to bedrock:";
    let none = format!("{start} none is none of low, medium and high");
    refused(&thinks(Effort::None), GPT, &none);
    let unknown = format!("{start} how to ask this model for low is not known");
    refused(&thinks(Effort::Low), LLAMA, &unknown);
    let mut request = thinks(Effort::High);
    request.sampling.max_output_tokens = Some(1_024);
    let room = "it thinks at least 1024 tokens, and max_tokens leaves no room for them";
    refused(&request, CLAUDE, &format!("{start} {room}"));
}

#[test]
fn a_budget_is_only_claudes_and_thoughts_are_hidden_only_by_adaptive_ones() {
    let mut request = asks();
    let budget = Reasoning {
        budget_tokens: Some(2_000),
        ..Reasoning::default()
    };
    request.reasoning = Some(budget);
    let (body, _) = write(&request, CLAUDE).unwrap();
    let thinking = &body["additionalModelRequestFields"]["thinking"];
    assert_eq!(
        *thinking,
        json!({"type": "enabled", "budget_tokens": 2_000})
    );
    let why = "thinking.budget_tokens cannot be sent to bedrock: of all models there only Claude \
        takes a budget, here of 2000";
    refused(&request, NOVA, why);
    let hidden = Reasoning {
        effort: Some(Effort::High),
        shown: Some(false),
        ..Reasoning::default()
    };
    request.reasoning = Some(hidden);
    let (body, _) = write(&request, ADAPTIVE).unwrap();
    let thinking = &body["additionalModelRequestFields"]["thinking"];
    assert_eq!(*thinking, json!({"type": "adaptive", "display": "omitted"}));
    let why = "reasoning cannot be sent to bedrock: the model's thoughts cannot be hidden there";
    for model in [CLAUDE, GPT] {
        refused(&request, model, why);
    }
}

#[test]
fn tool_choices() {
    let mut request = asks();
    request.tools = vec![tool("f")];
    for (choice, expected) in [
        (ToolChoice::Auto, json!({"auto": {}})),
        (ToolChoice::Required, json!({"any": {}})),
        (
            ToolChoice::Tool("f".to_owned()),
            json!({"tool": {"name": "f"}}),
        ),
    ] {
        request.tool_choice = Some(choice);
        let (body, _) = write(&request, CLAUDE).unwrap();
        assert_eq!(body["toolConfig"]["toolChoice"], expected);
    }
    request.tool_choice = Some(ToolChoice::None);
    let (body, _) = write(&request, CLAUDE).unwrap();
    assert_eq!(
        body.get("toolConfig"),
        None,
        "a model without tools calls none"
    );
    request
        .messages
        .push(Message::new(Role::Assistant, vec![call("{}")]));
    let why = "its API has no such choice, and wants the tools of earlier calls declared";
    refused(
        &request,
        CLAUDE,
        &format!("tool_choice cannot be sent to bedrock: {why}"),
    );
    request.tool_choice = None;
    request.tools.clear();
    let why = "tools cannot be sent to bedrock: its API wants the tool of messages[0].tool_calls[0] declared";
    refused(&request, CLAUDE, why);
}

#[test]
fn only_claude_can_be_kept_to_one_call_that_is_not_required() {
    let mut request = asks();
    request.tools = vec![tool("f")];
    request.parallel_tool_calls = Some(false);
    for choice in [None, Some(ToolChoice::Auto)] {
        request.tool_choice = choice;
        let (body, _) = write(&request, CLAUDE).unwrap();
        let expected = json!({"tool_choice": {"type": "auto", "disable_parallel_tool_use": true}});
        assert_eq!(body["additionalModelRequestFields"], expected);
        assert_eq!(
            body["toolConfig"].get("toolChoice"),
            None,
            "it is told once"
        );
    }
    let start = "parallel_tool_calls cannot be sent to bedrock:";
    let why = format!("{start} of all models there only Claude can be kept to one call");
    refused(&request, NOVA, &why);
    request.tool_choice = Some(ToolChoice::Required);
    let why = format!("{start} a call cannot be both required and the only one there");
    refused(&request, CLAUDE, &why);
    request.tool_choice = Some(ToolChoice::None);
    let (body, _) = write(&request, NOVA).unwrap();
    assert_eq!(body.get("additionalModelRequestFields"), None);
}

#[test]
fn names_ids_and_arguments_that_the_api_would_not_take_are_refused() {
    let mut request = with(vec![call("[1]")]);
    request.tools = vec![tool("f")];
    let at = "messages[0].tool_calls[0] cannot be sent to bedrock";
    for arguments in ["[1]", "{", "1", "\"a\""] {
        request.messages[0].parts = vec![call(arguments)];
        let expected = format!("{at}: the call's arguments are not a JSON object");
        refused(&request, CLAUDE, &expected);
    }
    let mut long = call("");
    if let Content::ToolCall { id, .. } = &mut long.content {
        *id = "c 1".to_owned();
    }
    request.messages[0].parts = vec![long];
    let why = r#""c 1" is not 1 to 64 letters, digits and any of _.:-"#;
    refused(&request, CLAUDE, &format!("{at}: {why}"));
    request.messages[0].parts = vec![Part::text("a")];
    request.tools = vec![tool("a.b")];
    let why = r#""a.b" is not 1 to 64 letters, digits and any of _-"#;
    refused(
        &request,
        CLAUDE,
        &format!("tools[0] cannot be sent to bedrock: {why}"),
    );
}

#[test]
fn content_that_the_api_lacks_is_refused_where_it_stands() {
    let at = "messages[0].content[0] cannot be sent to bedrock";
    for (part, why) in [
        (
            image("https://example.com/cat.png", "image/png"),
            "its API fetches nothing but objects in S3: send the data itself",
        ),
        (
            image("s3://pictures/cat", ""),
            "its API wants to be told the format, and the type is not given",
        ),
        (
            image("s3://pictures/cat.bmp", "image/bmp"),
            "its API does not take the type image/bmp",
        ),
    ] {
        refused(&with(vec![part]), CLAUDE, &format!("{at}: {why}"));
    }
    let empty = "messages[0] cannot be sent to bedrock: its API takes no message without content";
    refused(&with(Vec::new()), CLAUDE, empty);
    refused(&with(vec![Part::text("")]), CLAUDE, empty);
    let mut named = asks();
    named.messages[0].name = Some("ann".to_owned());
    let why = "messages[0].name cannot be sent to bedrock: its API has no names of participants";
    refused(&named, CLAUDE, why);
    let mut system = with(vec![image("s3://pictures/cat.png", "")]);
    system.messages[0].role = Role::System;
    refused(
        &system,
        CLAUDE,
        &format!("{at}: instructions are text there"),
    );
}
