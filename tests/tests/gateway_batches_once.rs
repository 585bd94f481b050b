//! Uploads and batches are made once for each name that their callers give them, on the real binaries.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Answer, Shape,
    batches::{PROVIDERS, file, form, lines, start, wish},
    checks::assert_error,
    in_both_shapes,
    upstream::Received,
};
use http::Method;

in_both_shapes!(
    the_same_question_makes_one_batch,
    the_same_upload_makes_one_file,
);

async fn the_same_question_makes_one_batch(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    for provider in PROVIDERS {
        let input = file(&api, provider, &lines(&["alpha"])).await;
        let ask = async |key: &str| {
            let call = api.post("/v1/batches").header("idempotency-key", key);
            let made = call.json(&wish(&input)).send().await.ok();
            made.json()["id"].as_str().expect("an id").to_owned()
        };
        let first = ask(&format!("{provider}-1")).await;
        assert_eq!(ask(&format!("{provider}-1")).await, first);
        assert_ne!(ask(&format!("{provider}-2")).await, first);
    }
    let made = |call: &Received| call.method == Method::POST && call.path.ends_with("/batches");
    assert_eq!(
        upstream.received().iter().filter(|call| made(call)).count(),
        4
    );
    // A name that was used for another file's batch is not one for this.
    for provider in PROVIDERS {
        let other = file(&api, provider, &lines(&["beta"])).await;
        let call = api.post("/v1/batches");
        let call = call.header("idempotency-key", &format!("{provider}-1"));
        let reused = call.json(&wish(&other)).send().await;
        assert_reused(&reused);
    }
    let odd = api.post("/v1/batches").header("idempotency-key", "a b");
    let odd = odd.json(&wish("file-x")).send().await;
    assert_error(&odd, 400, "invalid_request", &["Idempotency-Key", "a b"]);
}

fn assert_reused(answer: &Answer) {
    assert_error(answer, 422, "idempotency_key_reused", &["Idempotency-Key"]);
    assert_eq!(answer.json()["error"]["param"], "Idempotency-Key");
}

async fn the_same_upload_makes_one_file(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    for provider in PROVIDERS {
        let upload = async |key: &str, model: &str| {
            let content = form(&[("purpose", "batch")], &lines(&[model]));
            let call = api.post("/v1/files").header("idempotency-key", key);
            let call = call.header("floopy-provider", provider);
            let call = call.header("content-type", "multipart/form-data; boundary=b");
            call.bytes(content).send().await
        };
        let first = upload("u-1", "alpha").await.ok();
        assert_eq!(first.header("floopy-idempotent-replay"), "");
        let again = upload("u-1", "alpha").await.ok();
        assert_eq!(again.header("floopy-idempotent-replay"), "true");
        assert_eq!(first.json(), again.json());
        assert_reused(&upload("u-1", "beta").await);
        let other = upload("u-2", "alpha").await.ok();
        assert_ne!(first.json()["id"], other.json()["id"]);
        let own = api.get("/v1/files").await.ok().json();
        assert_eq!(own["data"].as_array().map(Vec::len), Some(2), "{own}");
        for id in [&first, &other].map(|answer| answer.json()["id"].clone()) {
            let path = format!("/v1/files/{}", id.as_str().expect("an id"));
            api.call(Method::DELETE, &path).send().await.ok();
        }
    }
    let calls = upstream.received();
    let count = |method: Method, path: &str| {
        let is_this = |call: &&Received| call.method == method && call.path.contains(path);
        calls.iter().filter(is_this).count()
    };
    let (sent, deleted) = (
        count(Method::POST, "/files"),
        count(Method::DELETE, "/files/"),
    );
    assert_eq!(sent, deleted, "a file that was sent twice stays nowhere");
}
