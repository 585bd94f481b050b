//! The dashboard in a real browser, over the real binary and calls that really came through.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_tests::{Api, Floopy, Shape, browser, eventually, simulator::Simulator};
use http::Method;
use serde_json::{Value, json};

/// Sessions that are held before anybody looks; two calls each.
const SESSIONS: usize = 12;

/// A system that was used.
async fn used() -> (Simulator, Floopy) {
    let simulator = Simulator::start().await;
    let floopy = Floopy::with(Shape::Standalone, simulator.settings()).await;
    let api = floopy.api();
    for session in 0..SESSIONS {
        let name = format!("dash-{session}");
        for ask in ["What is a canary release?", "And how is it taken back?"] {
            let messages = json!([{"role": "user", "content": ask}]);
            let body = json!({"model": "auto", "messages": messages});
            api.chat(&name, &body).await.ok();
        }
        let rating = json!({"session_id": name, "score": session % 11, "useful": true});
        api.rate(&rating).await.ok();
    }
    let prompt = json!({"name": "greeting", "messages": [{"role": "system", "content": "Be kind to {{name}}."}]});
    api.post("/v1/prompts").json(&prompt).send().await.ok();
    eventually(|| async {
        let found = api.decisions().await.len();
        let scored = api
            .decisions()
            .await
            .iter()
            .filter(|one| one["judge"].is_object())
            .count();
        let all = found >= 2 * SESSIONS && scored > 0;
        all.then_some(()).ok_or((found, scored))
    })
    .await;
    (simulator, floopy)
}

async fn check(name: &str) {
    let (_simulator, floopy) = used().await;
    let other = floopy.other_api().key().to_owned();
    browser::check(name, &floopy.control_api(), &[&other]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_signs_in_with_the_right_password_alone_and_sees_nothing_of_others() {
    check("sign_in").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_are_found_explained_and_decided_again() {
    check("decisions").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn constraints_are_tried_and_put_in_force() {
    check("constraints").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_accessible_and_fits_a_phone_in_light_colours() {
    check("pages_light").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_accessible_and_fits_a_phone_in_dark_colours() {
    check("pages_dark").await;
}

async fn session(control: &Api, password: &str) -> (u16, Value) {
    let body = json!({"email": "ana@example.com", "password": password});
    let asked = control
        .without_key()
        .post("/dashboard/session")
        .header("x-floopy-dashboard", "1")
        .json(&body)
        .send()
        .await;
    (asked.status.into(), asked.json())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_cannot_be_guessed_and_changes_by_cookie_cannot_be_forged() {
    let simulator = Simulator::start().await;
    let floopy = Floopy::with(Shape::Standalone, simulator.settings()).await;
    let control = floopy.control_api();
    let ana = json!({"email": "Ana@example.com", "password": "correct horse battery"});
    let made = control.post("/dashboard/users").json(&ana).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["role"], "owner");

    let body = json!({"email": "ana@example.com", "password": "correct horse battery"});
    let nobody = control.without_key();
    let entered = nobody
        .post("/dashboard/session")
        .header("x-floopy-dashboard", "1")
        .json(&body)
        .send()
        .await;
    assert_eq!(entered.status, 201, "{}", entered.text());
    let set = entered.header("set-cookie").to_owned();
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Strict"),
        "{set}"
    );
    let cookie = set.split(';').next().expect("a cookie");

    // The cookie reads as its owner's role; it changes nothing without the header, and nothing for another site.
    let read = nobody
        .call(Method::GET, "/v1/keys")
        .header("cookie", cookie)
        .send()
        .await;
    assert_eq!(read.status, 200, "{}", read.text());
    let change = || {
        nobody
            .post("/v1/projects")
            .header("cookie", cookie)
            .json(&json!({"name": "mine"}))
    };
    assert_eq!(
        change().send().await.json()["error"]["code"],
        "csrf_refused"
    );
    let foreign = change()
        .header("x-floopy-dashboard", "1")
        .header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.send().await.json()["error"]["code"], "csrf_refused");
    let ours = change()
        .header("x-floopy-dashboard", "1")
        .header("sec-fetch-site", "same-origin");
    assert_eq!(ours.send().await.status, 201);
    // What only this program may say of a request is not taken from outside.
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let forged = nobody
        .call(Method::GET, "/v1/keys")
        .header("x-floopy-internal-signed-in", &id)
        .send()
        .await;
    assert_eq!(forged.status, 401);

    // Wrong in the same words whoever has an account; then too often.
    let (status, wrong) = session(&control, "wrong password").await;
    assert_eq!(
        (status, &wrong["error"]["code"]),
        (401, &json!("wrong_password"))
    );
    let mut last = 401;
    for _ in 0..12 {
        last = session(&control, "wrong password").await.0;
    }
    assert_eq!(last, 429);

    let gone = control
        .call(Method::DELETE, &format!("/dashboard/users/{id}"))
        .send()
        .await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    let read = nobody
        .call(Method::GET, "/v1/keys")
        .header("cookie", cookie)
        .send()
        .await;
    assert_eq!(read.status, 401);
}
