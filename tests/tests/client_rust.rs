//! The real crate `floopy-sdk` against the real binaries and the simulator.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, batches,
    clients::check_in_rust,
    evaluations, eventually,
    history::{HISTORIC_TENANT, fill, span},
    in_both_shapes,
    simulator::Simulator,
};
use serde_json::json;

in_both_shapes!(
    ratings_decisions_and_sessions_are_told,
    routing_is_explained_and_constrained,
    errors_become_the_right_variants,
    its_openai_client_works,
    an_experiment_begins_and_is_rolled_back,
    an_export_is_read_to_its_trailer,
    an_evaluation_is_run_and_read,
    batches_are_run_and_cancelled_at_either_kind_of_provider,
    options_of_the_client_name_a_stored_prompt,
    what_is_refused_becomes_its_variant,
);

async fn checks(shape: Shape, names: &[&str]) {
    let simulator = Simulator::start().await;
    let floopy = Floopy::with(shape, simulator.settings()).await;
    for name in names {
        check_in_rust(name, &floopy.api(), &[]).await;
    }
}

async fn ratings_decisions_and_sessions_are_told(shape: Shape) {
    checks(shape, &["feedback", "decisions", "session"]).await;
}

async fn routing_is_explained_and_constrained(shape: Shape) {
    checks(shape, &["explain", "constraints"]).await;
}

async fn errors_become_the_right_variants(shape: Shape) {
    checks(shape, &["errors"]).await;
}

async fn its_openai_client_works(shape: Shape) {
    checks(shape, &["delegate"]).await;
}

async fn rule(api: &Api, name: &str, model: &str) -> String {
    let body = json!({"name": name, "strategy": "legacy_model", "models": [model]});
    let made = api.post("/v1/routing/rules").json(&body).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().expect("an id").to_owned()
}

async fn an_experiment_begins_and_is_rolled_back(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    let a = rule(&api, "a", "up/alpha").await;
    let b = rule(&api, "b", "up/beta").await;
    check_in_rust("experiments", &api, &[&a, &b]).await;
}

/// More than one page of an export.
const ROWS: usize = 1_500;

async fn an_export_is_read_to_its_trailer(shape: Shape) {
    let dir = tempfile::tempdir().expect("a directory");
    fill(dir.path(), shape, ROWS).await;
    let upstream = Upstream::start().await;
    let (tenant, key) = HISTORIC_TENANT;
    let settings = Settings::for_upstream(&upstream).another_tenant(tenant, key);
    let settings = settings.export("interval_ms = 0");
    let floopy = Floopy::over(shape, settings, dir).await;
    let (from, to) = span();
    let api = floopy.api().with_key(key);
    check_in_rust("export", &api, &[&from, &to, &ROWS.to_string()]).await;
}

async fn an_evaluation_is_run_and_read(shape: Shape) {
    let (_upstream, floopy) = evaluations::start(shape).await;
    let api = floopy.api();
    let dataset = evaluations::upload(&api, &evaluations::rows(5)).await;
    check_in_rust("evaluations", &api, &[&dataset, "5"]).await;
}

async fn batches_are_run_and_cancelled_at_either_kind_of_provider(shape: Shape) {
    for provider in batches::PROVIDERS {
        let (upstream, _floopy, api) = batches::start(shape).await;
        check_in_rust("batches", &api, &[provider, "alpha"]).await;
        upstream.hold_batches(true);
        check_in_rust("cancelled", &api, &[provider, "alpha"]).await;
        assert!(upstream.refused().is_empty(), "{:?}", upstream.refused());
    }
}

async fn options_of_the_client_name_a_stored_prompt(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    let said = json!([{"role": "system", "content": "Be brief."}]);
    let prompt = json!({"name": "guide", "messages": said});
    let made = api.post("/v1/prompts").json(&prompt).send().await.ok();
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let hello = json!({"model": "auto", "messages": [{"role": "user", "content": "hi"}]});
    eventually(|| async {
        let call = api.post("/v1/chat/completions").json(&hello);
        let answer = call.header("floopy-prompt-id", &id).send().await;
        (answer.status == 200).then_some(()).ok_or(answer)
    })
    .await;
    check_in_rust("prompt", &api, &[&id]).await;
    let sent = upstream.received().last().expect("a call").json();
    assert_eq!(sent["messages"][0], said[0], "{sent}");
}

async fn what_is_refused_becomes_its_variant(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream)
        .plan("name = \"audited\"\nfeatures = [\"has_audit_api\"]")
        .tenant("plan = \"audited\"");
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    let reader = json!({"name": "reader", "role": "read_only"});
    let made = api.post("/v1/keys").json(&reader).send().await.ok();
    let reader = made.json()["key"].as_str().expect("a key").to_owned();
    eventually(|| async {
        let answer = api.with_key(&reader).get("/v1/decisions").await;
        (answer.status == 200).then_some(()).ok_or(answer)
    })
    .await;
    let (from, to) = span();
    check_in_rust("refused", &api, &[&reader, &from, &to]).await;
}
