//! Data sets are asked of the live proxy and judged, through the router or of one model.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::collections::HashSet;

use floopy_tests::{
    Answer, Api, Shape,
    checks::assert_error,
    evaluations::{asked, id_of, reached, results, rows, run, send, start, upload},
    in_both_shapes, python,
};
use serde_json::{Value, json};

in_both_shapes!(
    a_data_set_is_asked_through_the_router_and_of_one_model_and_every_answer_is_scored,
    a_stored_prompt_and_a_rule_are_followed,
    ids_of_another_tenant_are_those_of_nobody,
    what_is_wrong_is_named_by_field,
    the_python_package_runs_evaluations,
    the_python_package_runs_evaluations_asynchronously,
);

async fn a_data_set_is_asked_through_the_router_and_of_one_model_and_every_answer_is_scored(
    shape: Shape,
) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    let dataset = upload(&api, &rows(8)).await;
    let jsonl = "{\"id\": \"r8\", \"messages\": [{\"role\": \"user\", \"content\": \"question 8\"}], \
        \"expected\": \"reply\"}\n\n{\"id\": \"r9\", \"input\": \"question 9\"}\n";
    let path = format!("/v1/datasets/{dataset}/rows");
    for (added, duplicates) in [(2, 0), (0, 2)] {
        let told = api.post(&path).bytes(jsonl).send().await.ok().json();
        let found = (&told["added"], &told["duplicates"], &told["row_count"]);
        assert_eq!(
            found,
            (&json!(added), &json!(duplicates), &json!(10)),
            "{told}"
        );
    }
    let page = api.get(&format!("{path}?limit=9")).await.ok().json();
    assert_eq!(page["items"][8]["expected"], "reply", "{page}");
    assert_eq!(page["has_more"], true);
    for model in ["auto", "up/beta"] {
        let id = run(&api, &json!({"dataset_id": dataset, "model": model})).await;
        let done = reached(&api, &id, "completed").await;
        check_summary(&done, 10);
        let results = results(&api, &id).await;
        check_results(&results, if model == "auto" { "alpha" } else { "beta" });
        check_decision(&api, &results[0], model).await;
    }
    let times: HashSet<usize> = asked(&upstream).into_values().collect();
    assert_eq!(times, HashSet::from([2]), "each question once by each run");
    let list = api.get("/v1/evaluations?limit=1").await.ok().json();
    assert_eq!(list["items"][0]["model"], "up/beta", "{list}");
    assert_eq!(list["has_more"], true);
    let usage = api.get("/v1/usage").await.ok().json();
    assert_eq!(usage["total"]["requests"], 20, "{usage}");
    let audit = api.get("/v1/audit").await.ok().json();
    let resource = audit["items"][0]["resource"].as_str().expect("text");
    assert!(resource.starts_with("evaluation/"), "{audit}");
    // Their key is nobody's to see.
    let keys = api.get("/v1/keys").await.ok().json();
    assert_eq!(keys["items"].as_array().map(Vec::len), Some(1), "{keys}");
}

#[track_caller]
fn check_summary(run: &Value, rows: u64) {
    let counts = &run["counts"];
    for (name, expected) in [
        ("total", rows),
        ("answered", rows),
        ("scored", rows),
        ("failed", 0),
    ] {
        assert_eq!(counts[name], expected, "{run}");
    }
    let mean = run["scores"]["composite"].as_f64().expect("a mean");
    assert!(mean > 0.0 && mean <= 1.0, "{run}");
    // 11 tokens at 2 and 7 at 6 micro-USD.
    assert_eq!(run["cost_micro_usd"], rows * 64, "{run}");
    assert!(run["latency_ms"]["p95"].is_u64() && run["finished_at"].is_string());
    assert_eq!(run["error"], Value::Null);
}

#[track_caller]
fn check_results(results: &[Value], model: &str) {
    let ids: HashSet<&str> = results
        .iter()
        .filter_map(|r| r["input_id"].as_str())
        .collect();
    assert_eq!((ids.len(), results.len()), (10, 10), "{results:?}");
    for result in results {
        let metadata = &result["metadata"];
        let score = result["score"].as_f64().expect("a score");
        assert!((0.0..=1.0).contains(&score), "{result}");
        assert!(
            result["output"]
                .as_str()
                .is_some_and(|t| t.starts_with("reply "))
        );
        assert_eq!(
            (&metadata["provider"], &metadata["model"]),
            (&json!("up"), &json!(model))
        );
        assert!(metadata["dimensions"]["relevance"].is_f64(), "{result}");
        assert_eq!(metadata["cost_micro_usd"], 64, "{result}");
        assert_eq!(metadata["is_final"], true, "{result}");
    }
    let expecting = results.iter().find(|r| r["input_id"] == "r8");
    let metadata = &expecting.expect("there")["metadata"];
    assert_eq!(metadata["expected"], "reply");
    assert_eq!(metadata["matches_expected"], false);
}

/// Its call is one of many, and of nobody's session.
async fn check_decision(api: &Api, result: &Value, model: &str) {
    let id = result["metadata"]["request_id"].as_str().expect("an id");
    let decision = api.decision(id).await;
    let trace = &decision["decision_trace"];
    assert_eq!(trace["evaluation"], true, "{trace}");
    assert_eq!(trace["requested_model"], model);
    assert_eq!(trace["session_id"], Value::Null);
    assert!(trace["judge"]["relevance"].is_number(), "{trace}");
}

async fn a_stored_prompt_and_a_rule_are_followed(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    let prompt = json!({"name": "Greeter", "messages": [
        {"role": "system", "content": "Greet {{name}}."}],
        "variables": {"name": {"required": true}}});
    let prompt = id_of(&send(&api, "POST /v1/prompts", &prompt).await);
    let rule = json!({"name": "only-beta", "strategy": "fallback", "models": ["up/beta"]});
    id_of(&send(&api, "POST /v1/routing/rules", &rule).await);
    let rows = [
        json!({"input": "hello", "inputs": {"name": "Ada"}}),
        json!({"input": "hello"}),
    ];
    let dataset = upload(&api, &rows).await;
    let body = json!({"dataset_id": dataset, "model": "auto", "prompt_id": prompt,
        "config": {"rule": "only-beta", "temperature": 0.25, "max_tokens": 50}});
    let id = run(&api, &body).await;
    let done = reached(&api, &id, "completed").await;
    assert_eq!(done["config"], body["config"]);
    assert_eq!(done["prompt_id"], prompt);
    assert_eq!(
        (&done["counts"]["answered"], &done["counts"]["failed"]),
        (&json!(1), &json!(1)),
        "{done}"
    );
    let sent = upstream.only("beta").json();
    assert_eq!(sent["messages"][0]["content"], "Greet Ada.", "{sent}");
    assert_eq!(
        (&sent["temperature"], &sent["max_tokens"]),
        (&json!(0.25), &json!(50))
    );
    let results = results(&api, &id).await;
    let failed = results.iter().find(|r| r["metadata"]["error"].is_object());
    let failed = failed.expect("one has no name");
    assert_eq!(
        failed["metadata"]["error"]["param"], "inputs.name",
        "{failed}"
    );
    assert_eq!(failed["output"], "");
}

async fn ids_of_another_tenant_are_those_of_nobody(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let (api, other) = (floopy.api(), floopy.other_api());
    let dataset = upload(&api, &rows(1)).await;
    let id = run(&api, &json!({"dataset_id": dataset, "model": "auto"})).await;
    let nobody = "7f1c9b34-3a53-4b8e-9d29-0f5f3b1f8a11";
    for (call, theirs) in [
        ("GET /v1/datasets/ID", &dataset),
        ("DELETE /v1/datasets/ID", &dataset),
        ("GET /v1/datasets/ID/rows", &dataset),
        ("POST /v1/datasets/ID/rows", &dataset),
        ("GET /v1/evaluations/ID", &id),
        ("POST /v1/evaluations/ID/cancel", &id),
        ("GET /v1/evaluations/ID/results", &id),
    ] {
        let body = json!([{"input": "x"}]);
        let foreign = send(&other, &call.replace("ID", theirs), &body).await;
        let unknown = send(&other, &call.replace("ID", nobody), &body).await;
        assert_eq!((foreign.status, unknown.status), (404, 404), "{call}");
        assert_eq!(foreign.text(), unknown.text(), "{call}");
    }
    let of = |dataset: &str| json!({"dataset_id": dataset, "model": "auto"});
    let foreign = send(&other, "POST /v1/evaluations", &of(&dataset)).await;
    let unknown = send(&other, "POST /v1/evaluations", &of(nobody)).await;
    assert_eq!(
        (foreign.status, foreign.text()),
        (unknown.status, unknown.text())
    );
    let list = other.get("/v1/evaluations").await.ok().json();
    assert_eq!(list["items"], json!([]));
    reached(&api, &id, "completed").await;
}

/// Refused with `400` for this field, in a message that has these words.
#[track_caller]
fn assert_refused(answer: &Answer, param: &str, mentions: &[&str]) {
    assert_error(answer, 400, "invalid_body", mentions);
    assert_eq!(answer.json()["error"]["param"], param, "{}", answer.text());
}

async fn what_is_wrong_is_named_by_field(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let api = floopy.api();
    let dataset = upload(&api, &rows(1)).await;
    let path = format!("/v1/datasets/{dataset}/rows");
    for (body, param, mention) in [
        ("", "rows", "empty"),
        ("{\"input\": \"a\"}\n\n{\"input\": ", "rows[1]", "line 3"),
        (
            "{\"input\": \"a\"}\n{\"imput\": \"b\"}",
            "rows[1].imput",
            "line 2",
        ),
        (
            r#"[{"messages": [{"role": "king", "content": "x"}]}]"#,
            "rows[0].messages[0].role",
            "king",
        ),
        (r#"[{"input": "another", "id": "r0"}]"#, "rows[0].id", "r0"),
        (r#"[{"input": 5}]"#, "rows[0].input", "integer `5`"),
    ] {
        let refused = api.post(&path).bytes(body).send().await;
        assert_refused(&refused, param, &[mention]);
    }
    let told = api.get(&format!("/v1/datasets/{dataset}")).await.ok();
    assert_eq!(told.json()["row_count"], 1, "nothing of it was added");
    check_wrong_runs(&api, &dataset).await;
}

async fn check_wrong_runs(api: &Api, dataset: &str) {
    for (field, value, param, mention) in [
        (
            "config",
            json!({"temprature": 1}),
            "config.temprature",
            "temprature",
        ),
        (
            "config",
            json!({"temperature": 3}),
            "config.temperature",
            "3",
        ),
        (
            "config",
            json!({"concurrency": 99}),
            "config.concurrency",
            "99",
        ),
        ("config", json!({"rule": "nope"}), "config.rule", "nope"),
        (
            "config",
            json!({"max_cost_micro_usd": 0}),
            "config.max_cost_micro_usd",
            "0",
        ),
        ("model", json!("gamma"), "model", "gamma"),
        ("model", json!("up/embed"), "model", "up/embed"),
        ("colour", json!("red"), "colour", "colour"),
    ] {
        let mut body = json!({"dataset_id": dataset, "model": "auto"});
        body[field] = value;
        let refused = send(api, "POST /v1/evaluations", &body).await;
        assert_refused(&refused, param, &[mention]);
    }
    let empty = upload(api, &[]).await;
    let body = json!({"dataset_id": empty, "model": "auto"});
    let refused = send(api, "POST /v1/evaluations", &body).await;
    assert_refused(&refused, "dataset_id", &["no rows"]);
}

async fn python(shape: Shape, check: &str) {
    let (_upstream, floopy) = start(shape).await;
    let api = floopy.api();
    let dataset = upload(&api, &rows(7)).await;
    let base = format!("{}/v1", api.base());
    let arguments = [&base, api.key(), check, &dataset];
    python::run("evaluations_client.py", &arguments).await;
}

async fn the_python_package_runs_evaluations(shape: Shape) {
    python(shape, "sync").await;
}

async fn the_python_package_runs_evaluations_asynchronously(shape: Shape) {
    python(shape, "async").await;
}
