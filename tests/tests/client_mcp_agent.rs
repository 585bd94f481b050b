//! Models that call tools of a real server of the Python package `mcp`, asked with the real package `openai`.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_tests::{
    Api, Floopy, Reply, Settings, Shape, Upstream, eventually, in_both_shapes, python,
};
use serde_json::{Value, json};

in_both_shapes!(
    models_call_tools_and_callers_get_the_last_answer,
    a_call_says_itself_which_tools_it_may_use,
);

const MODELS: [&str; 10] = [
    "idle", "loop", "unnamed", "parallel", "failing", "mixed", "stream", "endless", "named",
    "inline",
];

/// The private address that the tests' servers are at, and no other.
const HERE: &str = "allow_networks = [\"127.0.0.1\"]";

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let models = MODELS.map(str::to_owned);
    let settings = Settings::for_models("up", &upstream.base_url(), &models).proxy("mcp", HERE);
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

fn answer(message: &Value, reason: &str) -> Reply {
    let choice = json!({"index": 0, "message": message, "finish_reason": reason});
    let usage = json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18});
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000, "model": "m",
        "choices": [choice], "usage": usage,
    });
    Reply::json(200, &body)
}

fn says(text: &str) -> Reply {
    answer(&json!({"role": "assistant", "content": text}), "stop")
}

fn calls(calls: &[(&str, &str)]) -> Reply {
    let calls = calls.iter().enumerate().map(|(index, (name, arguments))| {
        let function = json!({"name": name, "arguments": arguments});
        json!({"id": format!("call_{index}"), "type": "function", "function": function})
    });
    let calls: Vec<Value> = calls.collect();
    let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
    answer(&message, "tool_calls")
}

const ADD: (&str, &str) = ("add", "{\"a\": 2, \"b\": 3}");
const WEATHER: (&str, &str) = ("get_weather", "{\"city\": \"Paris\"}");

/// What was sent to a model, call by call.
fn sent(upstream: &Upstream, model: &str) -> Vec<Value> {
    let received = upstream.received();
    let of = received.iter().filter(|call| call.model() == model);
    of.map(|call| call.json()).collect()
}

/// What tools said, as the model was told last.
fn told(call: &Value) -> Vec<String> {
    let messages = call["messages"].as_array().expect("messages");
    let tools = messages.iter().filter(|message| message["role"] == "tool");
    tools
        .map(|message| message["content"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn models_call_tools_and_callers_get_the_last_answer(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    upstream.script_first("loop", [calls(&[ADD]), says("It is 5.")]);
    upstream.script_first("unnamed", [calls(&[ADD]), says("It is 7.")]);
    let meet = |name| ("meet", name);
    let both = [meet("{\"name\": \"a\"}"), meet("{\"name\": \"b\"}")];
    upstream.script_first("parallel", [calls(&both), says("They met.")]);
    let bad = [
        ("fail", "{}"),
        ("add", "{\"a\": \"x\"}"),
        ("add", "[1]"),
        ("big", ""),
    ];
    upstream.script_first("failing", [calls(&bad), says("It failed.")]);
    let last = says("18 degrees, and 5.");
    upstream.script_first("mixed", [calls(&[ADD, WEATHER]), calls(&[ADD]), last]);
    let twice = [
        calls(&[ADD]),
        says("It is 5."),
        calls(&[ADD]),
        says("It is 5."),
    ];
    upstream.script_first("stream", twice);
    upstream.script_first("stream", [calls(&[WEATHER])]);
    upstream.script("endless", calls(&[ADD]));
    python::check("mcp_agent.py", "the_loop", &api).await;
    let rounds = sent(&upstream, "loop");
    assert_eq!(rounds.len(), 2, "{rounds:?}");
    let tools = rounds[0]["tools"].as_array().expect("tools");
    let names: Vec<&Value> = tools.iter().map(|tool| &tool["function"]["name"]).collect();
    assert_eq!(
        names,
        ["add", "fail", "meet", "big"],
        "what is not listed is not offered"
    );
    assert_eq!(told(&rounds[1]), ["5"]);
    let failed = told(&sent(&upstream, "failing")[1]);
    for (text, part) in failed.iter().zip([
        "Error executing tool fail",
        "error",
        "not a JSON object",
        "[cut: 65536 of 100000",
    ]) {
        assert!(text.contains(part), "{text}");
    }
    assert!(
        failed[..3].iter().all(|text| text.starts_with("error: ")),
        "{failed:?}"
    );
    let endless = sent(&upstream, "endless");
    assert_eq!(endless[1]["tool_choice"], "none");
    every_round_is_a_decision_of_one_session(&api).await;
}

/// With one model: nobody changes it within the loop.
async fn every_round_is_a_decision_of_one_session(api: &Api) {
    eventually(|| async {
        let all = api.decisions().await;
        let of = |session: &str| all.iter().filter(|d| d["session_id"] == session).count();
        if of("loop") == 2 {
            Ok(())
        } else {
            Err(of("loop"))
        }
    })
    .await;
    let all = api.decisions().await;
    let unnamed: Vec<&Value> = all.iter().filter(|d| d["model"] == "unnamed").collect();
    assert_eq!(unnamed.len(), 2, "{unnamed:?}");
    assert!(unnamed[0]["session_id"].is_string());
    assert_eq!(unnamed[0]["session_id"], unnamed[1]["session_id"]);
}

async fn a_call_says_itself_which_tools_it_may_use(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    for model in ["named", "inline"] {
        upstream.script_first(model, [calls(&[ADD]), says("It is 5.")]);
    }
    python::check("mcp_agent.py", "by_a_header", &api).await;
    let tools = sent(&upstream, "named")[0]["tools"].clone();
    assert_eq!(tools.as_array().map(Vec::len), Some(1), "{tools}");
}
