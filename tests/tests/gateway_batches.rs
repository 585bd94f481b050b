//! Files and batches on the real binaries: with the real packages, at both kinds of providers, and recorded once.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Api, Floopy, Shape, Upstream,
    batches::{
        PROVIDERS, REPLY_MICRO_USD, batch, file, form, line, lines, question, recorded, settings,
        start, until, upload, used, wish,
    },
    checks::assert_error,
    eventually, in_both_shapes, python,
    upstream::FAILING_MODEL,
};
use http::Method;
use serde_json::{Value, json};

in_both_shapes!(
    the_openai_package_runs_a_batch_at_either_kind_of_provider,
    floopys_package_runs_a_batch_at_either_kind_of_provider,
    each_line_is_recorded_once_and_counted_at_half_its_price,
    what_was_recorded_before_a_kill_counts_once,
    another_tenant_sees_nothing,
    a_batch_is_cancelled,
    what_is_wrong_is_named_by_field_and_value,
    a_file_over_the_bound_is_refused,
    what_a_tenant_forbids_is_not_asked_for_in_a_batch,
);

async fn run(shape: Shape, checks: &[&str]) {
    for provider in PROVIDERS {
        for check in checks {
            let (upstream, _floopy, api) = start(shape).await;
            let base = format!("{}/v1", api.base());
            python::run("batches_client.py", &[&base, api.key(), check, provider]).await;
            let none: [String; 0] = [];
            assert_eq!(upstream.refused(), none, "{provider}");
        }
    }
}

async fn the_openai_package_runs_a_batch_at_either_kind_of_provider(shape: Shape) {
    run(shape, &["openai"]).await;
}

async fn floopys_package_runs_a_batch_at_either_kind_of_provider(shape: Shape) {
    run(shape, &["floopy", "floopy_async"]).await;
}

async fn each_line_is_recorded_once_and_counted_at_half_its_price(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    for (nth, provider) in PROVIDERS.into_iter().enumerate() {
        let content = lines(&["alpha", "alpha", FAILING_MODEL]);
        let id = batch(&api, provider, &content).await;
        until(&api, &id, "completed").await;
        let decisions = recorded(&api, &id, 3).await;
        let good: Vec<&Value> = decisions
            .iter()
            .filter(|d| d["decision_trace"]["outcome"]["status"] == 200)
            .collect();
        assert_eq!(good.len(), 2, "{decisions:?}");
        for decision in &good {
            let trace = &decision["decision_trace"];
            assert_eq!(
                trace["outcome"]["cost_micro_usd"], REPLY_MICRO_USD,
                "{trace}"
            );
            assert_eq!(
                trace["winner"],
                json!({"provider": provider, "model": "alpha"}),
                "{trace}"
            );
            assert_eq!(trace["routing_strategy"], "legacy_model");
            assert_eq!(trace["attempts"], json!([]));
        }
        let total = eventually(|| async {
            let total = used(&api).await;
            let requests = total["requests"].as_u64();
            (requests == Some(3 * (nth as u64 + 1)))
                .then(|| total.clone())
                .ok_or(total)
        })
        .await;
        let batches = nth as u64 + 1;
        assert_eq!(
            total["cost_micro_usd"],
            2 * REPLY_MICRO_USD * batches,
            "{total}"
        );
        assert_eq!(
            (&total["errors"], &total["output_tokens"]),
            (&json!(batches), &json!(14 * batches))
        );
        let id = good[0]["request_id"].as_str().expect("an id");
        judged(&api, id).await;
    }
}

async fn judged(api: &Api, request_id: &str) {
    eventually(|| async {
        let decision = api.get(&format!("/v1/decisions/{request_id}")).await.json();
        let judge = decision["decision_trace"]["judge"].clone();
        judge.is_object().then_some(()).ok_or(decision)
    })
    .await;
}

async fn what_was_recorded_before_a_kill_counts_once(shape: Shape) {
    let (upstream, mut floopy, api) = start(shape).await;
    upstream.hold_batches(true);
    let models = ["alpha"; 40];
    let mut ids = Vec::new();
    for provider in PROVIDERS {
        ids.push(batch(&api, provider, &lines(&models)).await);
    }
    upstream.hold_batches(false);
    // Somewhere between the first question and the last record.
    for id in &ids {
        api.get(&format!("/v1/batches/{id}")).await.ok();
    }
    floopy.kill_proxy();
    if shape == Shape::Split {
        floopy.kill_control();
    }
    floopy.start_proxy().await;
    if shape == Shape::Split {
        floopy.start_control().await;
    }
    for id in &ids {
        until(&api, id, "completed").await;
    }
    let expected = ids.len() * models.len();
    eventually(|| async {
        let total = used(&api).await;
        (total["requests"] == expected).then_some(()).ok_or(total)
    })
    .await;
    let listed = api.decisions().await.len();
    assert_eq!(listed, expected);
}

async fn another_tenant_sees_nothing(shape: Shape) {
    let (_upstream, floopy, api) = start(shape).await;
    let other = floopy.other_api();
    for provider in PROVIDERS {
        let id = batch(&api, provider, &lines(&["alpha"])).await;
        let done = until(&api, &id, "completed").await;
        let text = |name: &str| done[name].as_str().expect(name).to_owned();
        let (input, output) = (text("input_file_id"), text("output_file_id"));
        let (get, post) = (Method::GET, Method::POST);
        for (method, path, (theirs, nobodys)) in [
            (get.clone(), "/v1/files/{}", (&input, "file-none")),
            (get.clone(), "/v1/files/{}/content", (&output, "file-none")),
            (Method::DELETE, "/v1/files/{}", (&input, "file-none")),
            (get, "/v1/batches/{}", (&id, "batch_none")),
            (post, "/v1/batches/{}/cancel", (&id, "batch_none")),
        ] {
            let at = |id: &str| path.replace("{}", id);
            let found = other.call(method.clone(), &at(theirs)).send().await;
            let nothing = other.call(method, &at(nobodys)).send().await;
            assert_eq!((found.status, &found.body), (404, &nothing.body), "{path}");
        }
        let taken = other.post("/v1/batches").json(&wish(&input)).send().await;
        assert_error(
            &taken,
            400,
            "invalid_request",
            &["input_file_id", "there is no such file"],
        );
        let begun = other.get(&format!("/v1/files?after={input}")).await;
        assert_error(&begun, 400, "invalid_request", &["after"]);
        for path in ["/v1/files", "/v1/batches"] {
            assert_eq!(
                other.get(path).await.ok().json()["data"],
                json!([]),
                "{path}"
            );
        }
        api.get(&format!("/v1/files/{input}")).await.ok();
    }
    assert_eq!(used(&other).await["requests"], 0);
}

async fn a_batch_is_cancelled(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    upstream.hold_batches(true);
    for provider in PROVIDERS {
        let id = batch(&api, provider, &lines(&["alpha", "alpha"])).await;
        until(&api, &id, "in_progress").await;
        let path = format!("/v1/batches/{id}/cancel");
        let said = api.post(&path).send().await.ok().json();
        assert_eq!(said["status"], "cancelling", "{said}");
        let done = until(&api, &id, "cancelled").await;
        assert_eq!(done["output_file_id"], Value::Null, "{done}");
        let again = api.post(&path).send().await;
        assert_error(&again, 400, "invalid_request", &["the batch is cancelled"]);
        if provider == "anthropic" {
            let errors = done["error_file_id"].as_str().expect("a file");
            let errors = api.get(&format!("/v1/files/{errors}/content")).await.ok();
            assert_eq!(errors.text().matches("batch_cancelled").count(), 2);
        }
    }
    assert_eq!(
        used(&api).await["requests"],
        0,
        "nothing was sent to a model"
    );
}

async fn uploads_that_are_no_form_or_for_nobody(api: &Api, good: String) {
    let broken = upload(api, "openai", "--b\r\nnothing".to_owned()).await;
    assert_error(&broken, 400, "invalid_body", &["multipart"]);
    let several = api
        .post("/v1/files")
        .header("content-type", "multipart/form-data; boundary=b");
    let several = several.bytes(good).send().await;
    assert_error(
        &several,
        400,
        "invalid_request",
        &["floopy-provider", "missing", "openai", "anthropic"],
    );
}

async fn what_is_wrong_is_named_by_field_and_value(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let good = lines(&["alpha"]);
    let purpose = [("purpose", "batch")];
    let streamed = json!({"model": "alpha", "stream": true, "messages": []});
    for (provider, body, mentions) in [
        (
            "mistral",
            form(&purpose, &good),
            vec!["floopy-provider", "mistral", "openai", "anthropic"],
        ),
        (
            "up",
            form(&purpose, &good),
            vec!["floopy-provider", "\"up\""],
        ),
        (
            "openai",
            form(&[("purpose", "fine-tune")], &good),
            vec!["purpose is \"fine-tune\"", "\"batch\""],
        ),
        ("openai", form(&[], &good), vec!["purpose is missing"]),
        ("anthropic", form(&purpose, ""), vec!["file is missing"]),
        (
            "anthropic",
            form(&[("purpose", "batch"), ("colour", "red")], &good),
            vec!["colour"],
        ),
        (
            "openai",
            form(&purpose, &format!("{good}nonsense\n")),
            vec!["line 2"],
        ),
    ] {
        let answer = upload(&api, provider, body).await;
        assert_error(&answer, 400, "invalid_request", &mentions);
    }
    uploads_that_are_no_form_or_for_nobody(&api, form(&purpose, &good)).await;
    let bad = good + &line("second", &streamed);
    let input = file(&api, "anthropic", &bad).await;
    let mut odd = wish(&input);
    odd["completion_window"] = json!("1h");
    for (body, mentions) in [
        (wish(&input), vec!["line 2", "\"second\"", "body.stream"]),
        (odd, vec!["completion_window is \"1h\""]),
        (wish("file-none"), vec!["input_file_id is \"file-none\""]),
    ] {
        let answer = api.post("/v1/batches").json(&body).send().await;
        assert_error(&answer, 400, "invalid_request", &mentions);
    }
    assert_eq!(api.get("/v1/batches").await.ok().json()["data"], json!([]));
    let received = upstream.received();
    assert!(
        received.iter().all(|call| !call.path.contains("batches")),
        "nothing was begun"
    );
}

async fn a_file_over_the_bound_is_refused(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    for (provider, bytes) in [("anthropic", 40_000), ("openai", 60_000)] {
        for beyond in [100, 200_000] {
            let one = line("a", &json!({"model": "alpha", "messages": "x".repeat(900)}));
            let content = one.repeat((bytes + beyond) / one.len() + 1);
            let answer = upload(&api, provider, form(&[("purpose", "batch")], &content)).await;
            let bound = bytes.to_string();
            assert_error(&answer, 413, "file_too_large", &["file", &bound]);
        }
    }
    assert_eq!(api.get("/v1/files").await.ok().json()["data"], json!([]));
    let refused = upstream.refused();
    assert!(
        refused.is_empty(),
        "what broke off was taken for whole: {refused:?}"
    );
}

async fn what_a_tenant_forbids_is_not_asked_for_in_a_batch(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings = settings(&upstream).tenant("[tenants.constraints]\ndeny_models = [\"beta\"]");
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    for provider in PROVIDERS {
        let input = file(&api, provider, &lines(&["alpha", "beta"])).await;
        let answer = api.post("/v1/batches").json(&wish(&input)).send().await;
        assert_error(&answer, 403, "model_not_allowed", &["beta"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_control_plane_files_wait_and_calls_do_not() {
    let (_upstream, mut floopy, api) = start(Shape::Split).await;
    floopy.kill_control();
    let answer = api.get("/v1/files").await;
    assert_error(
        &answer,
        503,
        "control_plane_unavailable",
        &["files and batches"],
    );
    assert_eq!(answer.header("retry-after"), "2");
    api.chat("s", &question("up/alpha")).await.ok();
    floopy.start_control().await;
    eventually(|| async {
        let answer = api.get("/v1/files").await;
        (answer.status == 200).then_some(()).ok_or(answer)
    })
    .await;
}
