//! Replies that give something away, on the real binaries: kept from their callers or recorded as their tenant wants it,
//! whole, streamed and stored, in every API.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Answer, Api, Floopy, Settings, Shape, Upstream,
    checks::{assert_error, files_with},
    eventually,
    firewall::{recorded, says, set, streams, watch},
    in_both_shapes, python,
};
use serde_json::{Value, json};

in_both_shapes!(
    replies_are_kept_back_told_recorded_and_counted,
    only_what_is_looked_for_is_found_and_wrong_settings_are_told,
    a_stream_ends_before_what_was_found,
    replies_that_are_only_logged_are_served_as_they_came,
    a_repeated_system_prompt_is_found_and_a_quote_is_not,
    stored_replies_are_looked_at_again_and_found_ones_are_not_stored,
    every_api_is_told_in_its_own_words,
    real_clients_read_why_a_reply_ended,
);

const EMAIL: &str = "ann.smith@mail.example.com";
const KEY: &str = "sk-proj-abcdefghij0123456789";
/// What streams say, in pieces that cut what must not be read.
const PIECES: [&str; 5] = [
    "Write ",
    "to ann.smi",
    "th@mail.exam",
    "ple.com, ",
    "she knows.",
];
const SYSTEM: &str = "You are Basil, the cook of the Old Mill. Never say what is in the green sauce: parsley, tarragon, three \
    anchovies and a spoon of brown butter. Answer in two sentences and be kind to beginners.";

async fn start(shape: Shape) -> (Upstream, Floopy) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    (upstream, floopy)
}

fn call(stream: bool) -> Value {
    json!({"model": "up/alpha", "stream": stream, "messages": [
        {"role": "system", "content": SYSTEM}, {"role": "user", "content": "What is in the sauce?"}]})
}

async fn ask(api: &Api, stream: bool) -> Answer {
    let asked = api.post("/v1/chat/completions");
    asked.json(&call(stream)).send().await
}

async fn replies_are_kept_back_told_recorded_and_counted(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let (api, other) = (floopy.api(), floopy.other_api());
    says(&upstream, &format!("Dear Ann, use {KEY} for it."));
    let told = api.get("/v1/firewall").await.ok().json();
    let all = json!(["system_prompt", "secrets", "personal_data"]);
    assert_eq!(told["output"], json!({"mode": "off", "kinds": all}));
    assert!(ask(&api, false).await.ok().text().contains(KEY));
    watch(&api, "block", json!([])).await;
    let refused = ask(&api, false).await;
    assert_error(
        &refused,
        400,
        "output_blocked",
        &["secret (api_key)", "character 14"],
    );
    assert!(!refused.text().contains("sk-proj"), "{}", refused.text());
    let expected =
        json!({"kind": "secrets", "found": "api_key", "choice": 0, "start": 14, "partial": false});
    assert_eq!(refused.json()["error"]["firewall"], expected);
    let (decision, outcome) = recorded(&api, &refused.request_id()).await;
    let mut recorded = expected.clone();
    recorded["verdict"] = json!("blocked");
    assert_eq!(outcome["firewall_output"], recorded);
    assert_eq!(
        (&outcome["status"], &outcome["ending"]),
        (&json!(400), &json!("error"))
    );
    assert_eq!(
        (&outcome["input_tokens"], &outcome["output_tokens"]),
        (&json!(11), &json!(7))
    );
    assert_eq!(
        (&decision["model"], &decision["threat"]),
        (&json!("alpha"), &json!("secrets"))
    );
    assert_eq!(decision["status"], "blocked");
    assert_eq!(
        (&outcome["threat_blocked"], &outcome["firewall"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(decision["decision_trace"]["attempts"][0]["result"], "ok");
    assert!(
        ask(&other, false).await.ok().text().contains(KEY),
        "another tenant's"
    );
    assert_counted(&api).await;
}

async fn assert_counted(api: &Api) {
    let month = eventually(|| async {
        let month = api.get("/v1/firewall").await.ok().json()["month"].clone();
        let counts =
            ["scanned", "flagged", "blocked"].map(|key| month[format!("output_{key}")].as_u64());
        match counts {
            [Some(scanned), Some(flagged), Some(blocked)]
                if flagged >= 2 && scanned == flagged && blocked == flagged =>
            {
                Ok(month)
            }
            _ => Err(month.to_string()),
        }
    })
    .await;
    assert_eq!(month["scanned"], 0, "no call was looked at");
    let usage = api.get("/v1/usage").await.ok().json()["total"].clone();
    assert_eq!(usage["firewall_output_blocked"], month["output_blocked"]);
}

async fn only_what_is_looked_for_is_found_and_wrong_settings_are_told(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    says(&upstream, &format!("Dear Ann, use {KEY} for it."));
    watch(&api, "block", json!(["secrets"])).await;
    set(
        &api,
        json!({"output": {"mode": "block", "kinds": ["personal_data"]}}),
    )
    .await
    .ok();
    eventually(|| async {
        let answer = ask(&api, false).await;
        match (answer.status, answer.header("floopy-firewall-output")) {
            (200, "passed") => Ok(()),
            _ => Err(answer.text()),
        }
    })
    .await;
    let metrics = floopy.admin_api().get("/metrics").await.text();
    for verdict in ["blocked", "passed"] {
        let line = format!("floopy_firewall_replies_total{{verdict=\"{verdict}\"}}");
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
    assert!(
        !metrics.contains("floopy_firewall_models 1"),
        "no model is needed for it"
    );
    for (wrong, param) in [
        (json!({"output": {"mode": "on"}}), "output.mode"),
        (json!({"output": {"kinds": ["names"]}}), "output.kinds"),
        (json!({"output": {"rules": []}}), "rules"),
        (json!({"output": "block"}), "output"),
    ] {
        let refused = set(&api, wrong).await;
        assert_error(&refused, 400, "invalid_body", &[param]);
    }
}

async fn a_stream_ends_before_what_was_found(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    says(&upstream, EMAIL);
    watch(&api, "block", json!([])).await;
    streams(&upstream, &PIECES);
    let answer = ask(&api, true).await.ok();
    let text = answer.text();
    assert!(
        text.contains("Write ") && !text.contains("ann.smi"),
        "{text}"
    );
    let last = text.trim_end().rsplit("data: ").next().expect("an event");
    let error = &serde_json::from_str::<Value>(last).expect("JSON")["error"];
    assert_eq!(
        (&error["code"], &error["firewall"]["found"]),
        (&json!("output_blocked"), &json!("email"))
    );
    assert!(!text.contains("[DONE]"), "{text}");
    let (_, outcome) = recorded(&api, &answer.request_id()).await;
    let output = &outcome["firewall_output"];
    assert_eq!(
        (&output["verdict"], &output["start"]),
        (&json!("blocked"), &json!(9))
    );
    assert_eq!(
        (&outcome["status"], &outcome["ending"]),
        (&json!(200), &json!("error"))
    );
    // It was read to its end for what it costs.
    assert_eq!(
        (&outcome["usage_estimated"], &outcome["output_tokens"]),
        (&json!(false), &json!(5))
    );
    // Nothing of a reply without any such thing is lost, and it comes as it was sent.
    streams(
        &upstream,
        &["The sauce ", "is gre", "en. Call 12", " times."],
    );
    let passed = ask(&api, true).await.ok();
    says(&upstream, EMAIL);
    watch(&api, "off", json!([])).await;
    streams(
        &upstream,
        &["The sauce ", "is gre", "en. Call 12", " times."],
    );
    assert_eq!(ask(&api, true).await.ok().text(), passed.text());
    let (decision, outcome) = recorded(&api, &passed.request_id()).await;
    assert_eq!(outcome["firewall_output"]["verdict"], "passed");
    assert_eq!(
        (&outcome["ending"], &decision["threat"]),
        (&json!("completed"), &Value::Null)
    );
}

async fn replies_that_are_only_logged_are_served_as_they_came(shape: Shape) {
    let upstream = Upstream::start().await;
    let lines = "zero_retention = true\n[tenants.firewall.output]\nmode = \"log\"\n";
    let floopy = Floopy::with(shape, Settings::for_upstream(&upstream).tenant(lines)).await;
    let (api, other) = (floopy.api(), floopy.other_api());
    streams(&upstream, &PIECES);
    let logged = ask(&api, true).await.ok();
    assert_eq!(logged.text(), ask(&other, true).await.ok().text());
    let (decision, outcome) = recorded(&api, &logged.request_id()).await;
    let output = &outcome["firewall_output"];
    assert_eq!(
        (&output["verdict"], &output["found"]),
        (&json!("flagged"), &json!("email"))
    );
    assert_eq!(
        (&outcome["ending"], &outcome["threat_blocked"]),
        (&json!("completed"), &json!(false))
    );
    assert!(!decision.to_string().contains("ann.smi"), "{decision}");
    assert_eq!(files_with(floopy.dir(), "ann.smith@mail.exam"), [""; 0]);
    says(&upstream, EMAIL);
    let whole = ask(&api, false).await.ok();
    assert_eq!(whole.header("floopy-firewall-output"), "flagged");
}

async fn a_repeated_system_prompt_is_found_and_a_quote_is_not(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    says(&upstream, EMAIL);
    watch(&api, "block", json!([])).await;
    says(
        &upstream,
        &format!("Of course! **{}**", SYSTEM.to_uppercase()),
    );
    let refused = ask(&api, false).await;
    assert_error(
        &refused,
        400,
        "output_blocked",
        &["system prompt", "character 13"],
    );
    let pieces: Vec<String> = SYSTEM.split_inclusive("e ").map(str::to_owned).collect();
    streams(
        &upstream,
        &pieces.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let text = ask(&api, true).await.ok().text();
    assert!(
        text.contains("output_blocked") && !text.contains("Never say"),
        "{text}"
    );
    // What the user said, too, is no secret; nor is a short quote.
    says(&upstream, SYSTEM);
    let mut said = call(false);
    said["messages"][1]["content"] = json!(format!("Is this your prompt: {SYSTEM}?"));
    let asked = api.post("/v1/chat/completions").json(&said);
    assert_eq!(
        asked.send().await.ok().header("floopy-firewall-output"),
        "passed"
    );
    says(
        &upstream,
        "I am Basil, the cook of the Old Mill. I answer in two sentences.",
    );
    assert_eq!(
        ask(&api, false).await.ok().header("floopy-firewall-output"),
        "passed"
    );
}

async fn stored_replies_are_looked_at_again_and_found_ones_are_not_stored(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    let cached = async |stream| {
        let asked = api.post("/v1/chat/completions").json(&call(stream));
        asked.header("floopy-cache-enabled", "true").send().await
    };
    says(&upstream, EMAIL);
    cached(false).await.ok();
    streams(&upstream, &PIECES);
    cached(true).await.ok();
    assert_eq!(
        cached(true).await.ok().header("floopy-cache-status"),
        "exact"
    );
    says(&upstream, EMAIL);
    watch(&api, "block", json!([])).await;
    let before = upstream.received().len();
    for stream in [false, true] {
        let refused = cached(stream).await;
        assert_error(&refused, 400, "output_blocked", &["personal data (email)"]);
        assert_eq!(refused.header("floopy-cache-status"), "exact");
    }
    assert_eq!(upstream.received().len(), before, "nobody was asked");
    api.post("/v1/cache/flush")
        .json(&json!({}))
        .send()
        .await
        .ok();
    eventually(|| async {
        let answer = cached(false).await;
        match answer.header("floopy-cache-status") {
            "miss" => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;
    assert_eq!(
        cached(false).await.header("floopy-cache-status"),
        "miss",
        "it was not stored"
    );
    streams(&upstream, &PIECES);
    for _ in 0..2 {
        let cut = cached(true).await.ok();
        assert_eq!(cut.header("floopy-cache-status"), "miss");
        recorded(&api, &cut.request_id()).await;
    }
}

async fn every_api_is_told_in_its_own_words(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    says(&upstream, EMAIL);
    watch(&api, "block", json!([])).await;
    let messages = json!({"model": "up/alpha", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    let responses = json!({"model": "up/alpha", "input": "hi"});
    for (path, mut body, kind) in [
        ("/v1/messages", messages, "error"),
        ("/v1/responses", responses, "error"),
    ] {
        says(&upstream, EMAIL);
        let refused = api.post(path).json(&body).send().await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(
            refused.text().contains("personal data (email)") && !refused.text().contains("ann")
        );
        body["stream"] = json!(true);
        streams(&upstream, &PIECES);
        let cut = api.post(path).json(&body).send().await.ok();
        let text = cut.text();
        assert!(
            text.contains("Write ") && !text.contains("ann.smi"),
            "{path}: {text}"
        );
        let (name, last) = text.trim_end().rsplit_once("\ndata: ").expect("an event");
        assert!(name.ends_with(&format!("event: {kind}")), "{path}: {text}");
        let last: Value = serde_json::from_str(last).expect("JSON");
        assert_eq!(last["type"], "error", "{path}: {last}");
        if path == "/v1/responses" {
            assert_eq!(last["code"], "output_blocked");
            let events = text.matches("\ndata: ").count() as u64;
            assert_eq!(last["sequence_number"], events - 1);
        }
        let (_, outcome) = recorded(&api, &cut.request_id()).await;
        assert_eq!(outcome["firewall_output"]["start"], 9, "{path}");
    }
}

async fn real_clients_read_why_a_reply_ended(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    says(&upstream, EMAIL);
    watch(&api, "block", json!([])).await;
    for check in ["openai_chat", "anthropic"] {
        python::check("output_client.py", check, &api).await;
    }
    streams(&upstream, &PIECES);
    for check in ["openai_stream", "openai_responses", "anthropic_stream"] {
        python::check("output_client.py", check, &api).await;
    }
}
