//! What a caller gets when all is well, and what they are told when the call is not.

use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::{
    control::{Control, eventually},
    proxy::{KEY, Proxy, no_control},
    upstream::{Upstream, completion, json as reply},
};

#[tokio::test]
async fn openai_gets_the_newer_name_of_the_maximum_and_the_effort_of_the_header() {
    let upstream = Upstream::start(|_, _| completion("hi")).await;
    let own = Upstream::start(|_, _| completion("hi")).await;
    let urls = [upstream.base_url(), own.base_url()];
    let proxy = Proxy::start_with(&urls, no_control(), |c| {
        c.providers[0].name = "openai".to_owned();
        c.providers[1].kind = Some("together".to_owned());
    })
    .await;
    let body = |model: &str| {
        format!(
            r#"{{"model":"{model}","messages":[{{"role":"user","content":"x"}}],"max_tokens":9}}"#
        )
    };
    let ask = async |model: &str, effort: &str| {
        let mut request = proxy.post("/v1/chat/completions", &body(model));
        let header = ("x-floopy-reasoning-effort", effort.parse().unwrap());
        request.headers_mut().insert(header.0, header.1);
        proxy.send(request).await
    };
    assert_eq!(ask("openai/o3", "low").await.status, StatusCode::OK);
    let sent = String::from_utf8(upstream.seen().remove(0).body).unwrap();
    let expected = body("o3").replace("max_tokens", "max_completion_tokens");
    let with_effort = r#""model":"o3","reasoning_effort":"low""#;
    assert_eq!(sent, expected.replace(r#""model":"o3""#, with_effort));
    // Who has no newer name gets the one that the caller wrote; an effort that nobody knows is refused.
    assert_eq!(ask("b/m", "").await.status, StatusCode::OK);
    let sent = String::from_utf8(own.seen().remove(0).body).unwrap();
    assert_eq!(sent, body("m"));
    let refused = ask("b/m", "most").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let error = &refused.json()["error"];
    assert_eq!(error["param"], "x-floopy-reasoning-effort");
}

#[tokio::test]
async fn a_call_passes_with_only_the_model_replaced_and_is_recorded_once() {
    let upstream = Upstream::start(|_, _| completion("hi")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
    let body = "{ \"model\" :\"a/m-1\", \"messages\":[{\"role\":\"user\",\"content\":\"caf\\u00e9\"}], \"x\" : {\"model\":1} }";
    let mut request = proxy.post("/v1/chat/completions", body);
    for (name, value) in [("floopy-session-id", "s-1"), ("openai-beta", "x")] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let got = proxy.send(request).await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(got.json()["choices"][0]["message"]["content"], "hi");
    assert_eq!(got.header("floopy-model"), "a/m-1");
    assert_eq!(got.header("floopy-decision-reason"), "dispatched");
    assert_eq!(got.header("floopy-cache-status"), "off");
    assert!(got.header("floopy-overhead-us").parse::<u64>().is_ok());
    assert_eq!(got.header("x-upstream-request-id"), "up-1");
    assert_eq!(got.header("x-ratelimit-remaining"), "7");
    let id: uuid::Uuid = got.header("x-request-id").parse().unwrap();

    let seen = upstream.seen().remove(0);
    assert_eq!(
        String::from_utf8(seen.body).unwrap(),
        body.replace("a/m-1", "m-1")
    );
    assert!(
        seen.head.starts_with("post /v1/chat/completions "),
        "{}",
        seen.head
    );
    assert!(
        seen.head.contains("authorization: bearer sk-a\r\n")
            && seen.head.contains("openai-beta: x")
    );
    assert!(!seen.head.contains("floopy-session") && !seen.head.contains(KEY));

    let decision = eventually("the decision arrives", || control.decisions().pop()).await;
    let job = eventually("the scoring job arrives", || control.jobs().pop()).await;
    assert_eq!(decision.request_id, id.as_bytes().to_vec());
    assert_eq!(
        (
            decision.session_id.as_str(),
            decision.completion_id.as_str()
        ),
        ("s-1", "chatcmpl-1")
    );
    assert_eq!(
        (decision.tenant.as_str(), decision.served.as_str()),
        ("acme", "a/m-1")
    );
    let outcome = decision.outcome.unwrap();
    assert_eq!(
        (outcome.status, outcome.input_tokens, outcome.output_tokens),
        (200, 10, 5)
    );
    assert_eq!(
        (job.prompt.as_str(), job.reply.as_str()),
        ("user: café", "hi")
    );
    proxy.finish().await;
    assert_eq!(control.decisions().len(), 1, "recorded once");
}

#[tokio::test]
async fn embeddings_pass_and_models_are_listed() {
    let upstream = Upstream::start(|_, _| {
        reply(
            200,
            r#"{"object":"list","data":[{"embedding":"AAAA"}],"usage":{"prompt_tokens":2}}"#,
        )
    })
    .await;
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |config| {
        config.providers[0].name = "openai".to_owned();
    })
    .await;
    let body = r#"{"model":"text-embedding-3-small","input":["hello"],"encoding_format":"base64"}"#;
    let got = proxy.send(proxy.post("/v1/embeddings", body)).await;
    assert_eq!(
        (got.status, got.json()["data"][0]["embedding"].as_str()),
        (StatusCode::OK, Some("AAAA"))
    );
    assert_eq!(upstream.seen()[0].body, body.as_bytes());
    let models = proxy.send(proxy.get("/v1/models")).await.json();
    let ids: Vec<&str> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|m| m["id"].as_str())
        .collect();
    assert_eq!((models["object"].as_str(), ids[0]), (Some("list"), "auto"));
    assert!(
        ids.contains(&"openai/gpt-4o") && ids[1..].iter().all(|id| id.starts_with("openai/")),
        "{ids:?}"
    );
    proxy.finish().await;
}

#[tokio::test]
async fn callers_without_a_valid_key_learn_why_and_are_not_recorded() {
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&["http://127.0.0.1:9".to_owned()], dialer).await;
    let url = format!("http://{}/v1/chat/completions", proxy.addr);
    for key in [None, Some("Bearer nope"), Some("nope")] {
        let mut request = Request::post(&url);
        if let Some(key) = key {
            request = request.header("authorization", key);
        }
        let got = proxy.send(request.body(Full::from("{}")).unwrap()).await;
        assert_eq!(
            (got.status, got.code().as_str()),
            (StatusCode::UNAUTHORIZED, "invalid_api_key"),
            "{key:?}"
        );
        assert!(!got.text().contains("nope") && !got.header("x-request-id").is_empty());
    }
    proxy.finish().await;
    assert!(control.events().is_empty());
}

#[tokio::test]
async fn bad_calls_are_explained_and_recorded_as_errors() {
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&["http://127.0.0.1:9".to_owned()], dialer, |config| {
        config.limits.body_bytes = 1_000;
    })
    .await;
    let long = format!(
        r#"{{"model":"a/m","messages":[{{"role":"user","content":"{}"}}]}}"#,
        "x".repeat(1_000)
    );
    let cases = [
        ("{", 400, "invalid_body", "line 1 column 1"),
        (
            r#"{"messages":[]}"#,
            400,
            "invalid_request",
            "model is missing",
        ),
        (
            r#"{"model":"a/m","messages":{}}"#,
            400,
            "invalid_request",
            "messages is an object",
        ),
        (
            r#"{"model":"bad name","messages":[{"role":"user"}]}"#,
            404,
            "model_not_found",
            "bad name",
        ),
        (&long, 413, "body_too_large", "larger than 1000 bytes"),
    ];
    for (body, status, code, message) in cases {
        let got = proxy.send(proxy.post("/v1/chat/completions", body)).await;
        assert_eq!(
            (got.status.as_u16(), got.code().as_str()),
            (status, code),
            "{body}"
        );
        assert!(got.message().contains(message), "{}", got.message());
        assert_eq!(got.header("floopy-decision-reason"), "error");
    }
    proxy.finish().await;
    let statuses: Vec<u32> = control
        .decisions()
        .iter()
        .map(|d| d.outcome.unwrap().status)
        .collect();
    assert_eq!(statuses, [400, 400, 400, 404, 413]);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_in_the_envelope() {
    let proxy = Proxy::start(&[], no_control()).await;
    let got = proxy.send(proxy.get("/v1/nothing")).await;
    assert_eq!(
        (got.status, got.code().as_str()),
        (StatusCode::NOT_FOUND, "not_found")
    );
    let got = proxy.send(proxy.get("/v1/chat/completions")).await;
    assert_eq!(
        (got.status, got.header("allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "POST")
    );
    let got = proxy.send(proxy.get("/health")).await;
    assert_eq!(
        (got.status, got.json()),
        (StatusCode::OK, json!({"status": "ok"}))
    );
    let got = proxy.chat("auto").await;
    assert_eq!(
        (got.status, got.code().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "no_provider")
    );
    assert!(got.message().contains("OPENAI_API_KEY"));
    proxy.finish().await;
}

#[tokio::test]
async fn a_full_house_is_said_with_a_time_to_come_back() {
    let upstream = Upstream::start(|_, _| {
        let mut script = completion("late");
        script[0].0 = std::time::Duration::from_millis(200);
        script
    })
    .await;
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |config| {
        config.limits.in_flight = 1;
    })
    .await;
    let (first, second) = tokio::join!(proxy.chat("a/m"), async {
        eventually("the first is inside", || {
            (!upstream.seen().is_empty()).then_some(())
        })
        .await;
        proxy.chat("a/m").await
    });
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(
        (second.status, second.code().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "overloaded")
    );
    assert_eq!(second.header("retry-after"), "1");
    assert_eq!(
        proxy.chat("a/m").await.status,
        StatusCode::OK,
        "there is room again"
    );
    let metrics = proxy.admin("/metrics").await.text();
    assert!(metrics.contains("floopy_requests_in_flight 0"), "{metrics}");
    assert!(
        metrics.contains("floopy_requests_overloaded_total 1"),
        "{metrics}"
    );
    proxy.finish().await;
}
