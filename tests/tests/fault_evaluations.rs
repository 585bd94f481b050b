//! Runs over data sets that are cancelled, cut off by a crash, refused, out of money or out of rows.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use std::time::Duration;

use floopy_tests::{
    Reply, Shape,
    checks::assert_error,
    evaluations::{asked, reached, results, rows, run, send, some_answered, start, told, upload},
    eventually, in_both_shapes,
};
use http::Method;
use serde_json::{Value, json};

in_both_shapes!(
    a_cancelled_run_stops_and_keeps_what_was_answered,
    a_run_goes_on_after_kill_9_and_asks_nothing_again_that_was_answered,
    rows_that_fail_are_results_and_a_budget_ends_a_run,
    a_deleted_data_set_ends_its_runs_and_keeps_their_results,
);

async fn a_cancelled_run_stops_and_keeps_what_was_answered(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    upstream.script("alpha", Reply::Late(Duration::from_millis(100)));
    let dataset = upload(&api, &rows(200)).await;
    let body = json!({"dataset_id": dataset, "model": "up/alpha", "config": {"concurrency": 2}});
    let id = run(&api, &body).await;
    some_answered(&api, &id, 5).await;
    let path = format!("/v1/evaluations/{id}/cancel");
    let cancelled = api.post(&path).send().await.ok().json();
    assert_eq!(cancelled["status"], "cancelled", "{cancelled}");
    let answered = cancelled["counts"]["answered"].as_u64().expect("a number");
    assert!((5..200).contains(&answered), "{cancelled}");
    // Two were under way, and nothing more is sent while others are asked.
    let few = upload(&api, &rows(3)).await;
    let other = run(&api, &json!({"dataset_id": few, "model": "up/beta"})).await;
    reached(&api, &other, "completed").await;
    let sent = upstream.count("alpha") as u64;
    assert!(
        sent <= answered + 2,
        "{sent} were sent, {answered} answered"
    );
    let kept = eventually(|| async {
        let kept = results(&api, &id).await;
        let scored = kept.iter().all(|result| result["score"].is_f64());
        scored.then_some(kept.len()).ok_or(kept)
    })
    .await;
    assert_eq!(kept as u64, answered);
    let again = api.post(&path).send().await.ok().json();
    assert_eq!(again["finished_at"], cancelled["finished_at"]);
}

async fn a_run_goes_on_after_kill_9_and_asks_nothing_again_that_was_answered(shape: Shape) {
    let (upstream, mut floopy) = start(shape).await;
    let api = floopy.api();
    upstream.script("alpha", Reply::Late(Duration::from_millis(80)));
    let dataset = upload(&api, &rows(40)).await;
    let body = json!({"dataset_id": dataset, "model": "up/alpha", "config": {"concurrency": 4}});
    let id = run(&api, &body).await;
    let before = some_answered(&api, &id, 8).await;
    assert!(before.len() < 40, "the run was over too early");
    match shape {
        Shape::Standalone => {
            floopy.kill_proxy();
            floopy.start_proxy().await;
        }
        Shape::Split => {
            floopy.kill_control();
            floopy.start_control().await;
        }
    }
    let done = reached(&api, &id, "completed").await;
    assert_eq!(done["counts"]["answered"], 40, "{done}");
    let after = results(&api, &id).await;
    assert_eq!(after.len(), 40);
    for (was, is) in before.iter().zip(&after) {
        assert_eq!((&was["id"], &was["output"]), (&is["id"], &is["output"]));
    }
    let asked = asked(&upstream);
    for result in &before {
        let n = result["metadata"]["row_metadata"]["n"].as_u64();
        let question = format!("question {}", n.expect("a number"));
        assert_eq!(asked.get(&question), Some(&1), "{question}: {asked:?}");
    }
    let repeated = asked.values().filter(|times| **times > 1).count();
    assert!(repeated <= 4, "only what was under way: {asked:?}");
}

async fn rows_that_fail_are_results_and_a_budget_ends_a_run(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    let error = json!({"error": {"message": "no such tone", "type": "invalid_request_error",
        "param": "tone", "code": "bad_tone"}});
    upstream.script("beta", Reply::json(400, &error));
    let dataset = upload(&api, &rows(10)).await;
    let id = run(&api, &json!({"dataset_id": dataset, "model": "up/beta"})).await;
    let done = reached(&api, &id, "completed").await;
    assert_eq!(done["counts"]["failed"], 10, "{done}");
    let failed = results(&api, &id).await;
    assert_eq!(failed[0]["score"], Value::Null);
    assert_eq!(failed[0]["metadata"]["error"]["code"], "bad_tone");
    assert_eq!(failed[0]["metadata"]["error"]["status"], 400);
    assert_eq!(upstream.count("beta"), 10);
    // Each costs 64.
    let body = json!({"dataset_id": dataset, "model": "up/alpha",
        "config": {"max_cost_micro_usd": 200, "concurrency": 8}});
    let id = run(&api, &body).await;
    let ended = reached(&api, &id, "failed").await;
    assert_eq!(ended["error"]["code"], "max_cost_reached", "{ended}");
    assert_eq!(ended["cost_micro_usd"], 192, "{ended}");
    assert_eq!(
        (&ended["counts"]["answered"], &ended["counts"]["skipped"]),
        (&json!(3), &json!(7))
    );
    assert_eq!(upstream.count("alpha"), 3);
}

async fn a_deleted_data_set_ends_its_runs_and_keeps_their_results(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    upstream.script("alpha", Reply::Late(Duration::from_millis(100)));
    let dataset = upload(&api, &rows(100)).await;
    let body = json!({"dataset_id": dataset, "model": "up/alpha", "config": {"concurrency": 1}});
    let id = run(&api, &body).await;
    some_answered(&api, &id, 2).await;
    let path = format!("/v1/datasets/{dataset}");
    let gone = api.call(Method::DELETE, &path).send().await.ok().json();
    assert_eq!(gone["deleted"], true);
    let run = told(&api, &id).await;
    assert_eq!(run["status"], "failed", "{run}");
    assert_eq!(run["error"]["code"], "dataset_deleted");
    assert!(results(&api, &id).await.len() >= 2);
    assert_error(&api.get(&path).await, 404, "not_found", &[]);
    let body = json!({"dataset_id": dataset, "model": "auto"});
    let refused = send(&api, "POST /v1/evaluations", &body).await;
    assert_error(&refused, 404, "not_found", &["data set"]);
}
