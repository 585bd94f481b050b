//! The API document: served, valid, and true of everything that the running system answers.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_tests::{
    Floopy, Settings, Shape, Upstream, in_both_shapes, python, settings::OTHER_TENANT,
};

in_both_shapes!(
    the_document_is_served_to_anybody_by_proxy_and_control_plane,
    the_operators_document_is_served_by_the_control_plane_alone,
);

/// Asking is what this test does.
const EXPLAINS: &str = "tenant_explains_per_minute = 100000\nkey_explains_per_minute = 100000";

async fn the_document_is_served_to_anybody_by_proxy_and_control_plane(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let committed = include_str!("../../docs/openapi.json");
    for api in [floopy.api(), floopy.control_api()] {
        for path in ["/openapi.json", "/v1/openapi.json"] {
            let answer = api.without_key().get(path).await.ok();
            assert_eq!(answer.header("content-type"), "application/json");
            assert!(answer.text() == committed, "{path} is another document");
            assert!(!answer.request_id().is_empty());
        }
    }
    let refused = floopy.api().post("/openapi.json").send().await;
    assert_eq!(
        (refused.status, refused.header("allow")),
        (405, "GET, HEAD")
    );
}

async fn the_operators_document_is_served_by_the_control_plane_alone(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let committed = include_str!("../../docs/openapi-operator.json");
    let path = "/openapi-operator.json";
    let answer = floopy.control_api().without_key().get(path).await.ok();
    assert!(answer.text() == committed, "it is another document");
    assert_eq!(floopy.api().get(path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_operator_asks_is_answered_as_the_document_says() {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(Shape::Split, &upstream).await;
    let operator = floopy.operator_api();
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path().display().to_string();
    let arguments = [operator.base(), operator.key(), "operator", "-", &directory];
    python::run("openapi_check.py", &arguments).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_is_answered_as_the_document_says() {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream)
        .proxy("limits", EXPLAINS)
        .webhooks("allow_networks = [\"127.0.0.1\"]")
        .tenant("plan = \"enterprise\"\n");
    let floopy = Floopy::with(Shape::Standalone, settings).await;
    let api = floopy.api();
    let hook = upstream.base_url().replace("/v1", "/hook");
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path().display().to_string();
    let arguments = [api.base(), api.key(), OTHER_TENANT.1, &hook, &directory];
    python::run("openapi_check.py", &arguments).await;
}
