//! Webhooks on the real binaries: what a receiver gets, that it can check who sent it, and that nothing is lost.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::Duration;

use floopy_tests::{
    Answer, Api, Floopy, Reply, Settings, Shape, Upstream, checks::assert_error, eventually,
    eventually_within, in_both_shapes, upstream::Received,
};
use ring::hmac::{HMAC_SHA256, Key, verify};
use serde_json::{Value, json};

in_both_shapes!(
    a_receiver_that_fails_twice_gets_the_same_delivery_signed_anew,
    a_model_that_got_worse_is_told,
    addresses_within_are_refused_and_what_was_never_taken_is_seen,
    a_redirect_is_not_followed_and_the_last_word_of_a_receiver_is_heeded,
);

/// Four attempts follow each other within seven seconds at the longest.
const PATIENCE: Duration = Duration::from_secs(40);

async fn start(shape: Shape) -> (Upstream, Upstream, Floopy) {
    let (upstream, receiver) = (Upstream::start().await, Upstream::start().await);
    let settings = Settings::for_upstream(&upstream)
        .proxy("breaker", "failures = 100000")
        .webhooks("allow_networks = [\"127.0.0.1\"]");
    let floopy = Floopy::with(shape, settings).await;
    (upstream, receiver, floopy)
}

async fn send(api: &Api, call: &str, body: &Value) -> Answer {
    let (method, path) = call.split_once(' ').expect("METHOD path");
    let method = method.parse().expect("a method");
    api.call(method, path).json(body).send().await
}

/// A webhook at the receiver: its path, and its secret.
async fn subscribe(api: &Api, receiver: &Upstream) -> (String, String) {
    let url = receiver.base_url().replace("/v1", "/hook");
    let body = json!({"url": url, "events": ["alert_triggered", "budget_exceeded"]});
    let made = send(api, "POST /v1/webhooks", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let text = |name: &str| made[name].as_str().expect(name).to_owned();
    (format!("/v1/webhooks/{}", text("id")), text("secret"))
}

/// What the receiver does with a delivery: the envelope, if it was really signed with this secret a moment ago.
fn opened(received: &Received, secret: &str) -> Option<Value> {
    let header = received.headers.get("floopy-signature")?.to_str().ok()?;
    let mut parts = header.split(',').map(|part| part.split_once('='));
    let Some(Some(("t", at))) = parts.next() else {
        return None;
    };
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let is_fresh = (now - at.parse::<i64>().ok()?).abs() < 300;
    let key = Key::new(HMAC_SHA256, secret.as_bytes());
    let signed = [at.as_bytes(), b".", &received.body].concat();
    let is_signed = parts.flatten().any(|(version, tag)| {
        let tag: Vec<u8> = (0..tag.len() / 2)
            .filter_map(|at| u8::from_str_radix(tag.get(2 * at..2 * at + 2)?, 16).ok())
            .collect();
        version == "v1" && verify(&key, &signed, &tag).is_ok()
    });
    (is_fresh && is_signed).then(|| received.json())
}

/// Everything that the receiver got, once it is so much.
async fn arrived(receiver: &Upstream, count: usize) -> Vec<Received> {
    eventually_within(PATIENCE, || async {
        let received = receiver.received();
        (received.len() >= count)
            .then(|| received.clone())
            .ok_or(received.len())
    })
    .await
}

/// The newest delivery of a webhook, once it has this status.
async fn delivery(api: &Api, webhook: &str, status: &str) -> Value {
    eventually_within(PATIENCE, || async {
        let found = api.get(&format!("{webhook}/deliveries")).await.ok().json();
        let newest = found["items"][0].clone();
        (newest["status"] == status)
            .then(|| newest.clone())
            .ok_or(newest)
    })
    .await
}

async fn a_receiver_that_fails_twice_gets_the_same_delivery_signed_anew(shape: Shape) {
    let (_upstream, receiver, floopy) = start(shape).await;
    let api = floopy.api();
    let (webhook, secret) = subscribe(&api, &receiver).await;
    receiver.script("", Reply::json(503, &json!({})));
    let tested = send(&api, &format!("POST {webhook}/test"), &json!({})).await;
    assert_eq!(tested.status, 202, "{}", tested.text());
    arrived(&receiver, 2).await;
    receiver.script("", Reply::Normal);
    let done = delivery(&api, &webhook, "delivered").await;
    let all = receiver.received();
    assert_eq!(done["attempts"], all.len(), "{done}");
    assert_eq!(done["delivery_id"], tested.json()["delivery_id"]);
    for received in &all {
        let envelope = opened(received, &secret).expect("signed");
        assert_eq!(envelope["event"], "test");
        assert_eq!(envelope["organization_id"], "acme");
        assert_eq!(envelope["delivery_id"], done["delivery_id"]);
        assert!(
            envelope["timestamp"].is_string() && envelope["data"].is_object(),
            "{envelope}"
        );
        assert_eq!(received.body, all[0].body);
        assert!(opened(received, "whsec_wrong").is_none());
        let forged = Received {
            body: "{}".into(),
            ..received.clone()
        };
        assert!(opened(&forged, &secret).is_none());
    }
    check_rotation(&floopy, (&receiver, all), (&webhook, &secret)).await;
}

/// A new secret signs from now on, and for a day the old one, too; neither is told again.
async fn check_rotation(
    floopy: &Floopy,
    (receiver, all): (&Upstream, Vec<Received>),
    (webhook, secret): (&str, &str),
) {
    let api = floopy.api();
    let done = delivery(&api, webhook, "delivered").await;
    let rotated = send(&api, &format!("POST {webhook}/rotate_secret"), &json!({}))
        .await
        .ok()
        .json();
    let new = rotated["secret"].as_str().expect("told once");
    assert_ne!(new, secret);
    let path = format!(
        "POST {webhook}/deliveries/{}/redeliver",
        done["delivery_id"].as_str().expect("an id")
    );
    let again = send(&api, &path, &json!({})).await;
    assert_eq!(
        (again.status, &again.json()["status"]),
        (202, &json!("pending"))
    );
    let last = arrived(receiver, all.len() + 1)
        .await
        .pop()
        .expect("another");
    assert!(opened(&last, new).is_some() && opened(&last, secret).is_some());
    assert_eq!(last.body, all[0].body);
    let told = api.get(webhook).await.ok().json();
    assert!(
        told.get("secret").is_none() && told["previous_secret_valid_until"].is_string(),
        "{told}"
    );
    assert!(!floopy.logs().contains(new), "a secret is in a log");
}

async fn a_model_that_got_worse_is_told(shape: Shape) {
    let (upstream, receiver, floopy) = start(shape).await;
    let api = floopy.api();
    let (_, secret) = subscribe(&api, &receiver).await;
    let other = floopy.other_api();
    subscribe(&other, &receiver).await;
    upstream.script(
        "alpha",
        Reply::json(500, &json!({"error": {"message": "out of order"}})),
    );
    let body = json!({"model": "up/alpha", "messages": [{"role": "user", "content": "hi"}]});
    for n in 0..40 {
        api.chat(&format!("s{n}"), &body).await;
    }
    let first = arrived(&receiver, 1).await.remove(0);
    assert_eq!(first.headers["floopy-event"], "alert_triggered");
    let envelope = opened(&first, &secret).expect("signed with the tenant's own secret");
    let data = &envelope["data"];
    assert_eq!(
        (&data["provider"], &data["model"]),
        (&json!("up"), &json!("alpha")),
        "{envelope}"
    );
    assert_eq!(data["severity"], "warning", "{envelope}");
}

async fn addresses_within_are_refused_and_what_was_never_taken_is_seen(shape: Shape) {
    let (_upstream, _receiver, floopy) = start(shape).await;
    let api = floopy.api();
    let events = ["security_alert"];
    for (url, mention) in [
        ("https://10.0.0.1/", "private"),
        ("https://169.254.169.254/latest", "metadata"),
        ("https://127.0.0.2/", "loopback"),
        ("http://receiver.example/", "https://"),
        ("https://2130706433/", "unusual"),
    ] {
        let refused = send(
            &api,
            "POST /v1/webhooks",
            &json!({"url": url, "events": events}),
        )
        .await;
        assert_error(&refused, 400, "invalid_body", &[url, mention]);
    }
    // A name is judged by what it leads to when it is called.
    let body = json!({"url": "https://localhost:1/", "events": events});
    let made = send(&api, "POST /v1/webhooks", &body).await.json();
    let within = format!("/v1/webhooks/{}", made["id"].as_str().expect("an id"));
    send(&api, &format!("POST {within}/test"), &json!({})).await;
    eventually(|| async {
        let found = api.get(&format!("{within}/deliveries")).await.ok().json();
        let tried = found["items"][0]["attempts"].as_u64() >= Some(1);
        tried.then_some(()).ok_or(found)
    })
    .await;
}

async fn a_redirect_is_not_followed_and_the_last_word_of_a_receiver_is_heeded(shape: Shape) {
    let (_upstream, receiver, floopy) = start(shape).await;
    let api = floopy.api();
    // A redirect is not followed: it may lead anywhere.
    let (webhook, _) = subscribe(&api, &receiver).await;
    let away = Reply::Raw {
        status: 302,
        headers: vec![("location", "http://127.0.0.1:1/".to_owned())],
        body: "".into(),
    };
    receiver.script("", away);
    send(&api, &format!("POST {webhook}/test"), &json!({})).await;
    let waiting = eventually(|| async {
        let found = api.get(&format!("{webhook}/deliveries")).await.ok().json();
        let newest = found["items"][0].clone();
        (newest["last_status"] == 302)
            .then(|| newest.clone())
            .ok_or(newest)
    })
    .await;
    assert_eq!(waiting["status"], "pending", "{waiting}");
    receiver.script("", Reply::json(410, &json!({})));
    let failed = delivery(&api, &webhook, "failed").await;
    assert_eq!(failed["last_status"], 410, "{failed}");
    let foreign = floopy
        .other_api()
        .get(&format!("{webhook}/deliveries"))
        .await;
    assert_error(&foreign, 404, "not_found", &["no such webhook"]);
    let gone = send(&api, &format!("DELETE {webhook}"), &json!({}))
        .await
        .ok();
    assert_eq!(gone.json()["deleted"], true);
    assert_eq!(api.get(&webhook).await.status, 404);
}
