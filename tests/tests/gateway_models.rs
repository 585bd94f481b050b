//! Models that a tenant has for itself serve it, and for everybody else there are none.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{Api, Floopy, Settings, Shape, Upstream, eventually, in_both_shapes};
use serde_json::{Value, json};

in_both_shapes!(
    a_tenants_own_model_serves_it,
    for_other_tenants_there_is_no_such_model,
);

/// The best of all, by its owner's belief.
const OWN: &str = "default_model = \"up/private\"\n\
    [[tenants.models]]\nprovider = \"up\"\nmodel = \"private\"\nbenchmark = 0.99\n\
    json_schema = true\ninput_usd_per_mtok = 2.0\noutput_usd_per_mtok = 6.0\n";

async fn start(shape: Shape) -> (Upstream, Floopy) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).tenant(OWN);
    let floopy = Floopy::with(shape, settings).await;
    let own = floopy.api();
    eventually(|| async {
        let listed = models(&own).await;
        if listed.iter().any(|id| id == "up/private") {
            Ok(())
        } else {
            Err(listed)
        }
    })
    .await;
    (upstream, floopy)
}

async fn models(api: &Api) -> Vec<String> {
    let listed = api.get("/v1/models").await.json();
    let listed = listed["data"].as_array().cloned().unwrap_or_default();
    let ids = listed.iter().filter_map(|model| model["id"].as_str());
    ids.map(ToOwned::to_owned).collect()
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Good morning"}]})
}

async fn a_tenants_own_model_serves_it(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    for named in ["private", "up/private"] {
        let answer = api.chat("s", &hello(named)).await.ok();
        assert_eq!(answer.header("floopy-model"), "up/private");
    }
    // It is ranked with the first snapshot that has it.
    let answer = eventually(|| async {
        let answer = api.chat("t", &hello("auto")).await.ok();
        let served = answer.header("floopy-model").to_owned();
        if served == "up/private" {
            Ok(answer)
        } else {
            Err(served)
        }
    })
    .await;
    let decision = api.decision(&answer.request_id()).await;
    assert!(
        decision.to_string().contains("up/private") || decision["model"] == "private",
        "{decision}"
    );
    assert_eq!(decision["benchmark_source"], "configured", "{decision}");
    assert!(upstream.count("private") >= 3);
}

async fn for_other_tenants_there_is_no_such_model(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let other = floopy.other_api();
    let listed = models(&other).await;
    assert!(listed.contains(&"up/alpha".to_owned()), "{listed:?}");
    assert!(
        !listed.iter().any(|id| id.contains("private")),
        "{listed:?}"
    );
    let answer = other.chat("s", &hello("auto")).await.ok();
    assert_eq!(answer.header("floopy-model"), "up/alpha");
    let decision = other.decision(&answer.request_id()).await;
    assert!(!decision.to_string().contains("private"), "{decision}");
    assert_eq!(upstream.count("private"), 0);
    // A name that nobody listed is passed on, whoever has a model of that name: nothing tells them apart.
    for named in ["private", "up/private", "whatever", "up/whatever"] {
        let unlisted = other.chat("s", &hello(named)).await.ok();
        let decision = other.decision(&unlisted.request_id()).await;
        let plain = named.trim_start_matches("up/");
        assert_eq!(unlisted.header("floopy-model"), format!("up/{plain}"));
        assert!(decision["benchmark_source"].is_null(), "{decision}");
        assert!(decision["cost_micro_usd"].is_null(), "{decision}");
    }
}
