//! Whether the judge agrees with people is measured, told, and decides what it weighs; what callers do is recorded.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::Duration;

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, eventually_within, in_both_shapes, upstream::Reply,
};
use http::Method;
use serde_json::{Value, json};

in_both_shapes!(
    a_judge_that_disagrees_with_people_loses_weight_and_is_told,
    what_a_caller_does_after_a_reply_is_recorded_of_that_reply,
    a_tool_call_that_nobody_can_read_is_recorded,
    an_agent_that_is_left_in_the_middle_is_recorded,
);

const PATIENCE: Duration = Duration::from_secs(60);
const GOOD: &str =
    "Lisbon is the capital of Portugal. It lies on the river Tagus, near the Atlantic coast.";
const BAD: &str = "lorem lorem lorem lorem dolor dolor dolor dolor sit sit sit sit";
const QUESTION: &str = "What is the capital of Portugal, and where does it lie?";

fn saying(message: Value) -> Reply {
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    let body = json!({
        "id": "chatcmpl-said", "object": "chat.completion", "created": 1_790_000_000, "model": "said",
        "choices": [choice],
        "usage": {"prompt_tokens": 20, "completion_tokens": 20, "total_tokens": 40},
    });
    Reply::json(200, &body)
}

fn text(content: &str) -> Reply {
    saying(json!({"role": "assistant", "content": content}))
}

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    upstream.script("alpha", text(GOOD));
    upstream.script("beta", text(BAD));
    let settings = Settings::for_upstream(&upstream).webhooks("allow_networks = [\"127.0.0.1\"]");
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

fn asking(model: &str, messages: &[(&str, &str)]) -> Value {
    let messages: Vec<Value> = messages
        .iter()
        .map(|(role, content)| json!({"role": role, "content": content}))
        .collect();
    json!({"model": model, "messages": messages})
}

async fn agreement(api: &Api, accept: impl Fn(&Value) -> bool) -> Value {
    eventually_within(PATIENCE, || async {
        let told = api.get("/v1/judge/agreement").await.ok().json();
        if accept(&told) { Ok(told) } else { Err(told) }
    })
    .await
}

async fn a_judge_that_disagrees_with_people_loses_weight_and_is_told(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let receiver = Upstream::start().await;
    let url = receiver.base_url().replace("/v1", "/hook");
    let hook = json!({"url": url, "events": ["judge_disagrees"]});
    let made = api.post("/v1/webhooks").json(&hook).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let none = agreement(&api, |_| true).await;
    assert_eq!(
        (
            &none["status"],
            &none["weight_factor"],
            &none["replies"]["rho"]
        ),
        (&json!("insufficient_data"), &json!(1.0), &Value::Null)
    );
    for n in 0..24 {
        // People like what the judge does not.
        let (model, score) = [("up/alpha", 1), ("up/beta", 10)][n % 2];
        let body = asking(model, &[("user", QUESTION)]);
        let id = api.chat(&format!("s-{n}"), &body).await.ok().request_id();
        let rating = json!({"request_id": id, "score": score, "useful": true});
        api.rate(&rating).await.ok();
    }
    let told = agreement(&api, |told| told["replies"]["n"] == 24).await;
    assert_eq!(told["status"], "disagrees", "{told}");
    assert!(
        told["weight_factor"].as_f64().expect("a number") < 0.2,
        "{told}"
    );
    let rho = &told["replies"]["rho"];
    assert!(rho["value"].as_f64().expect("a number") < -0.9, "{told}");
    eventually_within(PATIENCE, || async {
        let received = receiver.received();
        let told = received.iter().map(|call| call.json());
        let told: Vec<Value> = told
            .filter(|body| body["event"] == "judge_disagrees")
            .collect();
        match told.as_slice() {
            [body] => Ok(body.clone()),
            _ => Err(told),
        }
    })
    .await;
    // Of scores, ratings of replies and benchmarks, scores weigh the least now.
    let body = asking("auto", &[("user", QUESTION)]);
    eventually_within(PATIENCE, || async {
        let id = api.chat("after", &body).await.ok().request_id();
        let weights = api.decision(&id).await["weights"].clone();
        let weight = |source: &str| weights[source].as_f64().expect("a number");
        let of_judge = weight("auto");
        if of_judge > 0.0 && of_judge < weight("manual") && of_judge < weight("benchmark") {
            Ok(())
        } else {
            Err(weights)
        }
    })
    .await;
}

/// What a decision says that its caller did.
async fn signals(api: &Api, id: &str) -> Value {
    eventually_within(PATIENCE, || async {
        let decision = api.decision(id).await;
        let told = decision["implicit_signals"].clone();
        if told.is_array() {
            Ok(told)
        } else {
            Err(decision)
        }
    })
    .await
}

async fn what_a_caller_does_after_a_reply_is_recorded_of_that_reply(shape: Shape) {
    let (_upstream, _floopy, api) = &start(shape).await;
    let first = asking("up/alpha", &[("user", QUESTION)]);
    let first = api.chat("s", &first).await.ok().request_id();
    let again = asking(
        "up/alpha",
        &[
            ("user", QUESTION),
            ("assistant", GOOD),
            (
                "user",
                "what is the capital of portugal, and where does it lie?",
            ),
        ],
    );
    let second = api.chat("s", &again).await.ok().request_id();
    let retried = api.chat("s", &again).await.ok().request_id();
    let other = asking("up/alpha", &[("user", "How tall is the tower of Belem?")]);
    let other = api.chat("t", &other).await.ok().request_id();
    let about = |kind: &str, id: &str| json!([{"signal": kind, "about_request_id": id}]);
    assert_eq!(signals(api, &first).await, json!([]));
    assert_eq!(signals(api, &second).await, about("asked_again", &first));
    assert_eq!(signals(api, &retried).await, about("retried", &second));
    assert_eq!(signals(api, &other).await, json!([]));
    let kinds = json!({"implicit_signals": ["retried", "asked_again"]});
    let set = |body: Value| async move {
        let put = api.call(Method::PUT, "/v1/constraints").json(&body);
        put.send().await
    };
    let put = set(kinds).await.ok().json();
    assert_eq!(put["implicit_signals"], json!(["asked_again", "retried"]));
    let wrong = json!({"implicit_signals": ["sighed"]});
    let wrong = set(wrong).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text());
}

async fn a_tool_call_that_nobody_can_read_is_recorded(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    for (session, arguments, expected) in [
        ("good", "{\"city\": \"Lisbon\"}", json!([])),
        (
            "bad",
            "{\"city\": Lis",
            json!([{"signal": "invalid_tool_call", "about_request_id": null}]),
        ),
    ] {
        upstream.script("alpha", calling(arguments));
        let id = api
            .chat(session, &with_tools(false))
            .await
            .ok()
            .request_id();
        assert_eq!(signals(&api, &id).await, expected, "{session}");
    }
}

/// A call of a tool.
fn called(arguments: &str) -> Value {
    let function = json!({"name": "weather", "arguments": arguments});
    let call = json!({"id": "call_1", "type": "function", "function": function});
    json!({"role": "assistant", "content": null, "tool_calls": [call]})
}

fn calling(arguments: &str) -> Reply {
    saying(called(arguments))
}

/// A question that tools may answer; `in_loop`: one was called and says something.
fn with_tools(in_loop: bool) -> Value {
    let mut body = asking("up/alpha", &[("user", QUESTION)]);
    let function = json!({"name": "weather", "parameters": {"type": "object"}});
    body["tools"] = json!([{"type": "function", "function": function}]);
    if let Some(messages) = body["messages"].as_array_mut().filter(|_| in_loop) {
        messages.push(called("{}"));
        messages.push(json!({"role": "tool", "tool_call_id": "call_1", "content": "rain"}));
    }
    body
}

async fn an_agent_that_is_left_in_the_middle_is_recorded(shape: Shape) {
    let upstream = Upstream::start().await;
    upstream.script("alpha", calling("{}"));
    let settings = Settings::for_upstream(&upstream).learning("abandoned_after_ms = 1500");
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    let ask = async |session: &str, in_loop| {
        let answer = api.chat(session, &with_tools(in_loop)).await;
        answer.ok().request_id()
    };
    let first = ask("once", false).await;
    let goes_on = ask("goes-on", true).await;
    ask("goes-on", false).await;
    let left = ask("left", true).await;
    eventually_within(PATIENCE, || async {
        let told = signals(&api, &left).await;
        match told == json!([{"signal": "abandoned", "about_request_id": null}]) {
            true => Ok(()),
            false => Err(told),
        }
    })
    .await;
    for other in [first, goes_on] {
        assert_eq!(signals(&api, &other).await, json!([]), "{other}");
    }
}
