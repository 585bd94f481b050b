//! Models that grade replies beside the built-in scorer: what they are asked, what their answers do, and what becomes of
//! replies that they do not grade.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::Duration;

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually_within,
    upstream::Reply,
};
use http::Method;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const GRADER: &str = "grader";
/// Nobody's reply can say it in its own words.
const GRADES: &str = "{\"relevance\": 1, \"coherence\": 1, \"helpfulness\": 1, \"safety\": 1}";

/// A completion with this text, which costs 1,000 and 100 tokens.
fn says(text: &str) -> Reply {
    let message = json!({"role": "assistant", "content": text});
    let body = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": GRADER,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100},
    });
    Reply::json(200, &body)
}

/// Planes that are apart, whose judge asks `models` with these further lines.
async fn start(upstream: &Upstream, models: &str, lines: &str) -> (Floopy, Api) {
    let url = upstream.base_url();
    let url = url.trim_end_matches("/v1");
    let settings = Settings::for_upstream(upstream)
        .scoring("max_deliveries = 2")
        .judge_with(&format!(
            "[llm]\nurl = \"{url}\"\nkey = \"sk-judge\"\nmodels = [{models}]\ntenants = [\"*\"]\nweight = 1.0\n\
             usd_per_million_input = 1.0\nusd_per_million_output = 10.0\n{lines}"
        ));
    let floopy = Floopy::with(Shape::Split, settings).await;
    let api = floopy.api();
    (floopy, api)
}

async fn ask(api: &Api) -> String {
    let body =
        json!({"model": "up/alpha", "messages": [{"role": "user", "content": "Good morning"}]});
    api.chat("s", &body).await.ok().request_id()
}

/// What the judge said of a reply, once it did.
async fn judged(api: &Api, id: &str) -> Value {
    eventually_within(PATIENCE, || async {
        let items = api.decisions().await;
        let own = items.iter().find(|item| item["request_id"] == json!(id));
        let judge = own.map_or(Value::Null, |item| item["decision_trace"]["judge"].clone());
        if judge.is_object() {
            Ok(judge)
        } else {
            Err(judge)
        }
    })
    .await
}

async fn dead(floopy: &Floopy) -> Value {
    let operator = floopy.operator_api();
    eventually_within(PATIENCE, || async {
        let told = operator.told("/v1/operator/queue/dead").await;
        match told["items"].as_array().map(Vec::len) {
            Some(1) => Ok(told["items"][0].clone()),
            Some(_) | None => Err(told),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_valid_answer_is_the_score_and_the_question_is_the_operators() {
    let upstream = Upstream::start().await;
    upstream.script(GRADER, says(GRADES));
    let (_floopy, api) = start(&upstream, "\"grader\"", "").await;
    let id = ask(&api).await;
    let score = judged(&api, &id).await;
    for dimension in ["relevance", "coherence", "helpfulness", "safety"] {
        assert_eq!(score[dimension], json!(0.0), "{score}");
    }
    let asked = upstream.only(GRADER);
    assert_eq!(asked.headers["authorization"], "Bearer sk-judge");
    assert!(asked.json().to_string().contains("Good morning"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_shown_what_a_reply_calls() {
    let upstream = Upstream::start().await;
    upstream.script(GRADER, says(GRADES));
    let function = json!({"name": "greet", "arguments": "{\"how\": \"warmly\"}"});
    let call = json!({"id": "call_1", "type": "function", "function": function});
    let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    let choice = json!({"index": 0, "message": message, "finish_reason": "tool_calls"});
    let reply = json!({"id": "chatcmpl-3", "object": "chat.completion", "choices": [choice]});
    upstream.script("alpha", Reply::json(200, &reply));
    let (_floopy, api) = start(&upstream, "\"grader\"", "").await;
    let id = ask(&api).await;
    judged(&api, &id).await;
    let asked = upstream.only(GRADER).json().to_string();
    assert!(asked.contains("calls the tool greet, with"), "{asked}");
    assert!(asked.contains("warmly"), "{asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_answer_is_asked_for_again_once() {
    let upstream = Upstream::start().await;
    upstream.script(GRADER, says(GRADES));
    upstream.script_first(GRADER, [says("A fine reply, I would say.")]);
    let (_floopy, api) = start(&upstream, "\"grader\"", "").await;
    let id = ask(&api).await;
    let score = judged(&api, &id).await;
    assert_eq!(score["relevance"], json!(0.0), "{score}");
    let calls = upstream.received();
    let calls: Vec<_> = calls.iter().filter(|call| call.model() == GRADER).collect();
    assert_eq!(calls.len(), 2);
    let again = calls[1].json()["messages"].to_string();
    assert!(again.contains("it has no JSON object"), "{again}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_never_valid_is_set_aside_with_the_reason_and_holds_nobody_up() {
    let upstream = Upstream::start().await;
    upstream.script(GRADER, says(GRADES));
    // Two deliveries, each with a question and its repair.
    let broken = says("{\"relevance\": 9}");
    upstream.script_first(GRADER, std::iter::repeat_n(broken, 4));
    let (floopy, api) = start(&upstream, "\"grader\"", "").await;
    let first = ask(&api).await;
    let dead = dead(&floopy).await;
    assert_eq!(dead["id"], json!(first));
    let error = dead["error"].as_str().expect("a text");
    let expected =
        "grader gave no valid answer twice: relevance is 9, it must be a whole number from 1 to 5";
    assert!(error.contains(expected), "{error}");
    let next = ask(&api).await;
    assert_eq!(judged(&api, &next).await["relevance"], json!(0.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_graded_by_none_of_its_own_family() {
    let upstream = Upstream::start().await;
    upstream.script(GRADER, says(GRADES));
    upstream.script("alpha-max", says(GRADES));
    let (_floopy, api) = start(&upstream, "\"alpha-max\", \"grader\"", "").await;
    let id = ask(&api).await;
    judged(&api, &id).await;
    assert_eq!(
        (upstream.count("alpha-max"), upstream.count(GRADER)),
        (0, 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_the_days_budget_is_spent_the_built_in_scorer_judges_alone() {
    let upstream = Upstream::start().await;
    upstream.script(GRADER, says(GRADES));
    // A question costs 0.002 dollars; up to 0.006 are set aside for it.
    let (_floopy, api) = start(&upstream, "\"grader\"", "usd_per_day = 0.007").await;
    let first = ask(&api).await;
    assert_eq!(judged(&api, &first).await["safety"], json!(0.0));
    let mut asked = 1;
    loop {
        let id = ask(&api).await;
        let score = judged(&api, &id).await;
        if score["safety"] != json!(0.0) {
            break;
        }
        asked += 1;
        assert!(asked < 5, "the budget has no end");
    }
    assert_eq!(upstream.count(GRADER), asked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_in_the_share_is_shown_to_nobody() {
    let upstream = Upstream::start().await;
    upstream.script(GRADER, says(GRADES));
    let (floopy, _) = start(&upstream, "\"grader\"", "share = 0.0").await;
    let id = ask(&floopy.api()).await;
    assert_ne!(judged(&floopy.api(), &id).await["safety"], json!(0.0));
    assert_eq!(upstream.count(GRADER), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_grading_costs_is_a_line_of_its_own_in_usage() {
    let upstream = Upstream::start().await;
    upstream.script(GRADER, says(GRADES));
    let (_floopy, api) = start(&upstream, "\"grader\"", "").await;
    for _ in 0..2 {
        let id = ask(&api).await;
        judged(&api, &id).await;
    }
    // 1,000 tokens at 1 and 100 at 10 micro-USD, twice.
    let expected = json!({"graded_replies": 2, "cost_micro_usd": 4_000});
    eventually_within(PATIENCE, || async {
        let used = api.get("/v1/usage").await.ok().json();
        if used["judge"] == expected {
            Ok(())
        } else {
            Err(used)
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenants_own_dimensions_are_asked_for_count_and_are_shown() {
    let upstream = Upstream::start().await;
    let best = "\"relevance\": 5, \"coherence\": 5, \"helpfulness\": 5, \"safety\": 5";
    upstream.script(GRADER, says(&format!("{{{best}, \"voice\": 1}}")));
    let (_floopy, api) = start(&upstream, "\"grader\"", "").await;
    let set = async |rubric: Value| {
        let put = api.call(Method::PUT, "/v1/constraints");
        put.json(&json!({"judge_rubric": rubric})).send().await
    };
    let voice =
        json!({"name": "voice", "share": 0.5, "grades": "1: stiff. 5: as our brand speaks."});
    let told = set(json!([voice])).await.ok().json();
    assert_eq!(told["judge_rubric"], json!([voice]));
    let id = ask(&api).await;
    let score = judged(&api, &id).await;
    assert_eq!(score["own"], json!({"voice": 0.0}), "{score}");
    assert_eq!(
        (&score["relevance"], &score["composite"]),
        (&json!(1.0), &json!(0.5))
    );
    let asked = upstream.only(GRADER).json().to_string();
    assert!(asked.contains("as our brand speaks"), "{asked}");
    for (wrong, param) in [
        (
            json!([{"name": "voice", "share": 0.5}]),
            "judge_rubric[0].grades",
        ),
        (
            json!([{"name": "safety", "share": 1.5}]),
            "judge_rubric[0].share",
        ),
        (
            json!([{"name": "safety", "share": "much"}]),
            "judge_rubric[0].share",
        ),
        (json!([voice, voice]), "judge_rubric[1].name"),
    ] {
        let refused = set(wrong).await;
        assert_error(&refused, 400, "invalid_body", &[param]);
        assert_eq!(refused.json()["error"]["param"], param);
    }
    let none = set(Value::Null).await.ok().json();
    assert_eq!(none["judge_rubric"], json!([]));
    let id = ask(&api).await;
    let score = judged(&api, &id).await;
    assert_eq!(
        (&score["own"], &score["composite"]),
        (&json!({}), &json!(1.0))
    );
}
