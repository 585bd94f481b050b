//! What the dashboard and the alerts that are shipped ask Prometheus for is what a running system tells.

use floopy_tests::{Floopy, Shape, Upstream, python};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_that_is_shown_or_watched_is_told() {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(Shape::Standalone, &upstream).await;
    let api = floopy.api();
    let hello =
        serde_json::json!({"model": "auto", "messages": [{"role": "user", "content": "hi"}]});
    let call = api.post("/v1/chat/completions").json(&hello);
    call.send().await.ok();
    python::check("monitoring.py", "names", &floopy.control_api()).await;
}
