//! What is asked twice is done once.

use super::*;
use crate::store::answers;
use crate::store::sql;

/// A request with a name of its own.
async fn named(fixture: &Fixture, name: &str, call: &str, body: Value) -> (u16, bool, Value) {
    let (method, path) = call.split_once(' ').expect("METHOD path");
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {}", fixture.key))
        .header("idempotency-key", name)
        .body(Body::from(body.to_string()))
        .expect("valid");
    let response = fixture.router.clone().oneshot(request).await;
    let response = response.expect("answers");
    let status = response.status().as_u16();
    let is_replay = response.headers().contains_key("floopy-idempotent-replay");
    let body = to_bytes(response.into_body(), 1 << 22)
        .await
        .expect("whole");
    (
        status,
        is_replay,
        serde_json::from_slice(&body).expect("JSON"),
    )
}

async fn count(fixture: &Fixture, path: &str) -> usize {
    let (_, list) = fixture.get(path).await;
    list["items"].as_array().expect("a list").len()
}

#[tokio::test]
async fn a_question_that_comes_again_gets_its_first_answer() {
    let fixture = Fixture::with_models().await;
    let project = || json!({"name": "Shop"});
    let (status, is_replay, first) = named(&fixture, "a", "POST /v1/projects", project()).await;
    assert_eq!((status, is_replay), (201, false), "{first}");
    let again = named(&fixture, "a", "POST /v1/projects", project()).await;
    assert_eq!(again, (201, true, first.clone()));
    assert_eq!(count(&fixture, "/v1/projects").await, 1);
    let (status, _, other) = named(&fixture, "a", "POST /v1/projects", json!({"name": "B"})).await;
    assert_eq!(
        (status, &other["error"]["code"]),
        (422, &json!("idempotency_key_reused"))
    );
    assert_eq!(other["error"]["param"], "Idempotency-Key");
    let long = "x".repeat(256);
    let (status, _, wrong) = named(&fixture, &long, "POST /v1/projects", project()).await;
    assert_eq!(
        (status, &wrong["error"]["param"]),
        (400, &json!("Idempotency-Key"))
    );
    // Another tenant's names are its own.
    let stranger = fixture.stranger.clone();
    let (status, _) = fixture
        .send(&stranger, "POST /v1/projects", project())
        .await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn a_client_without_names_that_asks_again_makes_nothing_twice() {
    let fixture = Fixture::with_models().await;
    let project = || json!({"name": "Shop"});
    let first = fixture.call("POST /v1/projects", project()).await;
    assert_eq!(first.0, 201);
    assert_eq!(fixture.call("POST /v1/projects", project()).await, first);
    assert_eq!(count(&fixture, "/v1/projects").await, 1);
    // What was refused may be asked again.
    let (status, ..) = fixture
        .refused("POST /v1/projects", json!({"name": ""}))
        .await;
    assert_eq!(status, 400);
    // Keys may well be alike.
    let before = count(&fixture, "/v1/keys").await;
    for _ in 0..2 {
        let (status, key) = fixture.call("POST /v1/keys", json!({"name": "app"})).await;
        assert!(status == 201 && key["key"].is_string(), "{key}");
    }
    assert_eq!(count(&fixture, "/v1/keys").await, before + 2);
}

#[tokio::test]
async fn a_secret_is_told_once_even_to_who_asks_again() {
    let fixture = Fixture::with_models().await;
    let key = || json!({"name": "app"});
    let (_, _, first) = named(&fixture, "k", "POST /v1/keys", key()).await;
    let secret = first["key"].as_str().expect("told").to_owned();
    let (status, is_replay, again) = named(&fixture, "k", "POST /v1/keys", key()).await;
    assert_eq!((status, is_replay), (201, true));
    assert_eq!((&again["id"], &again["key"]), (&first["id"], &Value::Null));
    let kept: Vec<String> = sql::query_scalar("SELECT answer FROM answers")
        .fetch_all(fixture.intake.store.read())
        .await
        .expect("read");
    assert!(kept.iter().all(|answer| !answer.contains(&secret)));
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_not_made_again() {
    let fixture = Fixture::with_models().await;
    let project = || json!({"name": "Shop"});
    named(&fixture, "a", "POST /v1/projects", project()).await;
    // As if the process had ended between the change and its answer.
    let mut tx = fixture.intake.store.write().await.expect("writes");
    sql::query("UPDATE answers SET status = 0, answer = ''")
        .execute(&mut *tx)
        .await
        .expect("written");
    tx.commit().await.expect("commits");
    let (status, _, lost) = named(&fixture, "a", "POST /v1/projects", project()).await;
    assert_eq!(
        (status, &lost["error"]["code"]),
        (422, &json!("already_done"))
    );
    let mut tx = fixture.intake.store.write().await.expect("writes");
    let gone = answers::forget(&mut tx, u64::MAX >> 1, 10).await;
    assert_eq!(gone.expect("forgotten"), 1);
}

#[tokio::test]
async fn the_same_question_at_once_is_answered_once() {
    let fixture = Fixture::with_models().await;
    let ask = || named(&fixture, "n", "POST /v1/projects", json!({"name": "Shop"}));
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    assert_eq!((&one.2, &two.2), (&two.2, &three.2));
    let replays = [one.1, two.1, three.1].into_iter().filter(|replay| *replay);
    assert_eq!(replays.count(), 2);
    assert_eq!(count(&fixture, "/v1/projects").await, 1);
}

#[tokio::test]
async fn a_prompt_whose_answer_is_not_kept_is_not_made_again() {
    let fixture = Fixture::with_models().await;
    // Six bytes each in JSON: the answer is too long to be kept, so all that is known is what the change wrote.
    let content = "\u{1}".repeat(43_400);
    let variables: Value = (10..99).map(|n| (format!("v{n}"), json!({}))).collect();
    let version =
        || json!({"messages": [{"role": "user", "content": content}], "variables": variables});
    let prompt = || {
        let mut prompt = version();
        prompt["name"] = json!("p");
        prompt
    };
    let (status, _, made) = named(&fixture, "p", "POST /v1/prompts", prompt()).await;
    assert_eq!(status, 201);
    let id = made["id"].as_str().expect("an id");
    let (status, _, lost) = named(&fixture, "p", "POST /v1/prompts", prompt()).await;
    assert_eq!(
        (status, &lost["error"]["code"]),
        (422, &json!("already_done"))
    );
    let save = format!("POST /v1/prompts/{id}/versions");
    let (status, ..) = named(&fixture, "v", &save, version()).await;
    assert_eq!(status, 201);
    let (status, ..) = named(&fixture, "v", &save, version()).await;
    assert_eq!(status, 422);
    let versions = format!("/v1/prompts/{id}/versions");
    assert_eq!(count(&fixture, &versions).await, 2);
}
