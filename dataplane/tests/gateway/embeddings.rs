//! Embeddings of providers that have a form of their own, asked for in OpenAI's.

use floopy_dataplane::{Config, config::Provider};
use floopy_proto::v1::AttemptResult;
use floopy_shared::process::config::Secret;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    control::{Control, eventually},
    proxy::{Proxy, Reply, no_control},
    upstream::{Script, Seen, Upstream, json as json_reply, json_with},
};

fn aws(config: &mut Config) {
    let provider = &mut config.providers[0];
    *provider = Provider {
        kind: Some("bedrock".to_owned()),
        base_url: provider.base_url.take(),
        region: Some("eu-west-1".to_owned()),
        access_key_id: Some("AKIDEXAMPLE".to_owned()),
        secret_access_key: Some(Secret::new("secret")),
        ..Provider::named("a")
    };
}

fn vertex(config: &mut Config) {
    let provider = &mut config.providers[0];
    provider.kind = Some("vertex".to_owned());
    provider.region = Some("eu-west-1".to_owned());
    provider.project = Some("acme".to_owned());
}

async fn proxy(upstream: &Upstream, change: impl FnOnce(&mut Config)) -> Proxy {
    Proxy::start_with(&[upstream.base_url()], no_control(), change).await
}

async fn embed(proxy: &Proxy, body: &Value) -> Reply {
    proxy
        .send(proxy.post("/v1/embeddings", &body.to_string()))
        .await
}

fn sent(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).unwrap()
}

/// Titan's reply: the number that the text is, of as many tokens.
fn titan(seen: &Seen) -> Script {
    let text = sent(seen)["inputText"].as_str().unwrap().to_owned();
    let Ok(number) = text.parse::<u64>() else {
        let error = r#"{"message":"no number"}"#;
        return json_with(400, error, "x-amzn-errortype: ValidationException\r\n");
    };
    let reply = json!({"embedding": [number, 0.5], "inputTextTokenCount": number});
    json_reply(200, &reply.to_string())
}

#[tokio::test]
async fn one_call_becomes_as_many_as_the_provider_takes_and_one_reply() {
    let upstream = Upstream::start(|seen, _| titan(seen)).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[upstream.base_url()], dialer, aws).await;
    let inputs: Vec<String> = (1..=9).map(|number| number.to_string()).collect();
    let model = "a/amazon.titan-embed-text-v2:0";
    let got = embed(
        &proxy,
        &json!({"model": model, "input": inputs, "user": "u", "dimensions": 256}),
    )
    .await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    assert_eq!(got.header("floopy-dropped-params"), "user");
    assert_eq!(got.header("content-type"), "application/json");
    let reply = got.json();
    assert_eq!(reply["model"], "amazon.titan-embed-text-v2:0");
    assert_eq!(
        reply["usage"],
        json!({"prompt_tokens": 45, "total_tokens": 45})
    );
    for (index, one) in reply["data"].as_array().unwrap().iter().enumerate() {
        assert_eq!(one["embedding"], json!([index + 1, 0.5]));
    }
    let seen = upstream.seen();
    assert_eq!(
        (reply["data"].as_array().unwrap().len(), seen.len()),
        (9, 9)
    );
    for one in &seen {
        let path = "post /v1/model/amazon.titan-embed-text-v2%3a0/invoke ";
        assert!(one.head.starts_with(path), "{}", one.head);
        assert!(
            one.head.contains("authorization: aws4-hmac-sha256"),
            "{}",
            one.head
        );
        assert_eq!(sent(one)["dimensions"], 256);
    }
    let decision = eventually("the decision arrives", || control.finished()).await;
    let outcome = decision.outcome.unwrap();
    assert_eq!((outcome.input_tokens, outcome.usage_estimated), (45, false));
    assert_eq!(decision.attempts.len(), 1);
    proxy.finish().await;
}

#[tokio::test]
async fn where_one_of_several_fails_the_call_does_and_no_more_are_sent() {
    let upstream = Upstream::start(|seen, _| titan(seen)).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[upstream.base_url()], dialer, aws).await;
    let mut inputs: Vec<String> = (1..=40).map(|number| number.to_string()).collect();
    inputs[1] = "two".to_owned();
    let model = "a/amazon.titan-embed-text-v2:0";
    let got = embed(&proxy, &json!({"model": model, "input": inputs})).await;
    assert_eq!(
        (got.status, got.message().as_str()),
        (StatusCode::BAD_REQUEST, "no number")
    );
    assert!(upstream.seen().len() < 20, "{}", upstream.seen().len());
    let decision = eventually("the decision arrives", || control.finished()).await;
    assert_eq!(decision.attempts[0].result(), AttemptResult::UpstreamError);
    assert_eq!(decision.attempts[0].status, 400);
    proxy.finish().await;
}

#[tokio::test]
async fn what_bedrock_says_in_a_header_is_counted() {
    let upstream = Upstream::start(|_, _| {
        let body = r#"{"id":"x","response_type":"embeddings_floats","embeddings":[[0.5,-0.5]],"texts":["red"]}"#;
        json_with(200, body, "x-amzn-bedrock-input-token-count: 7\r\n")
    })
    .await;
    let proxy = proxy(&upstream, aws).await;
    let body = json!({"model": "a/cohere.embed-multilingual-v3", "input": "red", "encoding_format": "base64"});
    let got = embed(&proxy, &body).await;
    let reply = got.json();
    assert_eq!(reply["usage"]["prompt_tokens"], 7, "{reply}");
    assert_eq!(reply["data"][0]["embedding"], "AAAAPwAAAL8=");
    assert_eq!(got.header("x-amzn-bedrock-input-token-count"), "");
    proxy.finish().await;
}

#[tokio::test]
async fn vertex_predicts_and_is_asked_with_its_token() {
    let upstream = Upstream::start(|_, _| {
        json_reply(
            200,
            r#"{"predictions":[{"embeddings":{"values":[0.1],"statistics":{"token_count":6}}}]}"#,
        )
    })
    .await;
    let proxy = proxy(&upstream, vertex).await;
    let got = embed(
        &proxy,
        &json!({"model": "a/text-embedding-005", "input": "red"}),
    )
    .await;
    assert_eq!(
        got.json()["data"][0]["embedding"],
        json!([0.1]),
        "{}",
        got.text()
    );
    let head = upstream.seen()[0].head.clone();
    let path = "/locations/eu-west-1/publishers/google/models/text-embedding-005:predict ";
    assert!(
        head.contains(path) && head.contains("authorization: bearer sk-a"),
        "{head}"
    );
    proxy.finish().await;
}

#[tokio::test]
async fn a_reply_to_fewer_inputs_than_were_asked_is_none() {
    let upstream =
        Upstream::start(|_, _| json_reply(200, r#"{"embeddings":[{"values":[0.1]}]}"#)).await;
    let proxy = proxy(&upstream, |config| {
        config.providers[0].kind = Some("gemini".to_owned())
    })
    .await;
    let got = embed(
        &proxy,
        &json!({"model": "a/gemini-embedding-001", "input": ["red", "blue"]}),
    )
    .await;
    assert_eq!(got.code(), "upstream_invalid_response", "{}", got.text());
    assert!(
        got.message().contains("1 embeddings of 2 inputs"),
        "{}",
        got.message()
    );
    proxy.finish().await;
}

#[tokio::test]
async fn what_cannot_be_embedded_is_refused_by_field_and_provider_and_nothing_is_sent() {
    let upstream = Upstream::start(|_, _| json_reply(200, "{}")).await;
    let many = vec!["x"; 2_049];
    for (kind, body, param) in [
        ("gemini", json!({"input": [1, 2]}), "input[0]"),
        (
            "cohere",
            json!({"input": "a", "no_such_field": 1}),
            "no_such_field",
        ),
        ("cohere", json!({"input": many}), "input"),
        ("anthropic", json!({"input": "a"}), "input"),
    ] {
        let kind = kind.to_owned();
        let proxy = proxy(&upstream, |config| {
            config.providers[0].kind = Some(kind.clone())
        })
        .await;
        let mut body = body;
        body["model"] = json!("a/m");
        let got = embed(&proxy, &body).await;
        assert_eq!(
            (got.status, got.code().as_str()),
            (StatusCode::BAD_REQUEST, "unsupported_field")
        );
        assert_eq!(got.json()["error"]["param"], param);
        assert!(got.message().contains(" to a: "), "{}", got.message());
        proxy.finish().await;
    }
    assert!(upstream.seen().is_empty());
}
