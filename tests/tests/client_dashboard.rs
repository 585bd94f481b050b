//! The dashboard in a real browser, over the real binary and calls that really came through.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use floopy_tests::{
    Answer, Api, Floopy, Reply, Settings, Shape, Upstream, browser, eventually, eventually_within,
    history::{HISTORIC_TENANT, fill},
    issuer::Issuer,
    simulator::Simulator,
};
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
    let operator = floopy.operator_api().key().to_owned();
    browser::check(name, &floopy.control_api(), &[&other, &operator]).await;
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
async fn a_data_set_is_made_asked_and_its_results_are_explained() {
    check("evaluations").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_of_the_playground_says_who_answered_and_why() {
    check("playground").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_experiment_is_begun_looked_at_and_rolled_back() {
    check("experiments").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_listed_the_last_active_first_and_told() {
    check("sessions").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn budgets_are_set_changed_and_removed() {
    check("budgets").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_months_are_told_apart() {
    check("months").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_leaves_the_pool_and_comes_back() {
    check("pool").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_changes_their_own_password() {
    check("own_password").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_proxies_and_tenants() {
    check("fleet").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_whom_an_issuer_vouches_for_signs_in_by_a_click() {
    let upstream = Upstream::start().await;
    let issuer = Issuer::start("ana@example.com").await;
    let lines = "tenant = \"acme\"\nnew_people = \"admin\"";
    let settings = Settings::for_upstream(&upstream).vouched_by(&issuer, lines);
    let floopy = Floopy::with(Shape::Standalone, settings).await;
    browser::check("vouched_for", &floopy.control_api(), &[]).await;
}

/// Much is tried, so that little traffic says enough.
const STAGED: &str =
    "shadow_rate = 1.0\nshadow_spend = 10.0\ncanary_rate = 0.3\npromotions = \"staged\"";
const GOOD: &str = "A hash map handles collisions in one of two ways:\n\n\
    1. Chaining: each bucket keeps a list of the entries whose keys collide.\n\
    2. Open addressing: the map probes for the next free bucket.\n\n\
    For example, in Python:\n\n```python\nbuckets = [[] for _ in range(8)]\n\
    buckets[hash('key') % 8].append(('key', 1))\n```";

fn saying(content: &str) -> Reply {
    let message = json!({"role": "assistant", "content": content});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    let body = json!({
        "id": "chatcmpl-said", "object": "chat.completion", "created": 1_790_000_000, "model": "said",
        "choices": [choice],
        "usage": {"prompt_tokens": 20, "completion_tokens": 100, "total_tokens": 120},
    });
    Reply::json(200, &body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promotion_is_looked_at_while_it_climbs_and_taken_back() {
    let upstream = Upstream::start().await;
    upstream.script("alpha", saying("I'm not sure, sorry about that."));
    upstream.script("beta", saying(GOOD));
    let settings = Settings::for_upstream(&upstream)
        .proxy("breaker", "failures = 100000")
        .learning(STAGED);
    let floopy = Floopy::with(Shape::Standalone, settings).await;
    let api = floopy.api();
    let ask = "Explain how a hash map handles collisions, with an example in Python.";
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": ask}]});
    let calls = AtomicUsize::new(0);
    eventually_within(Duration::from_secs(120), || async {
        for _ in 0..8 {
            let n = calls.fetch_add(1, Ordering::Relaxed);
            api.chat(&format!("climb-{n}"), &body).await;
        }
        let all = api.get("/v1/promotions").await.json();
        let stage = all["items"][0]["stage"].clone();
        let climbs = ["canary", "wide_canary", "live"].contains(&stage.as_str().unwrap_or(""));
        climbs.then_some(()).ok_or(all)
    })
    .await;
    browser::check("promotions", &floopy.control_api(), &[]).await;
}

/// Decisions of the store that pages are scrolled over; `FLOOPY_DECISIONS` gives another number.
const MANY: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_decisions_are_scrolled_through_as_fast_at_last_as_at_first() {
    let given = std::env::var("FLOOPY_DECISIONS").ok();
    let many = given.map_or(MANY, |n| n.parse().expect("a number of decisions"));
    let dir = tempfile::tempdir().expect("a directory");
    fill(dir.path(), Shape::Standalone, many).await;
    let upstream = Upstream::start().await;
    let (tenant, key) = HISTORIC_TENANT;
    let settings = Settings::for_upstream(&upstream).another_tenant(tenant, key);
    let floopy = Floopy::over(Shape::Standalone, settings, dir).await;
    let control = floopy.control_api().with_key(key);
    browser::check("many", &control, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_accessible_and_fits_a_phone_in_light_colours() {
    check("pages_light").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_accessible_and_fits_a_phone_in_dark_colours() {
    check("pages_dark").await;
}

const ANA: &str = "ana@example.com";
const PASSWORD: &str = "correct horse battery";
const BY_HAND: (&str, &str) = ("x-floopy-dashboard", "1");

async fn enter(nobody: &Api, password: &str) -> Answer {
    let body = json!({"email": ANA, "password": password});
    let asked = nobody.post("/dashboard/session").json(&body);
    asked.header(BY_HAND.0, BY_HAND.1).send().await
}

/// A change by cookie, with these headers; its status and the code of what is wrong.
async fn change(nobody: &Api, cookie: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let body = json!({"name": "mine"});
    let mut asked = nobody.post("/v1/projects").header("cookie", cookie);
    for (name, value) in headers {
        asked = asked.header(name, value);
    }
    let answer = asked.json(&body).send().await;
    (answer.status, answer.json()["error"]["code"].clone())
}

async fn read(nobody: &Api, (name, value): (&str, &str)) -> u16 {
    let asked = nobody.call(Method::GET, "/v1/keys").header(name, value);
    asked.send().await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_cannot_be_guessed_and_changes_by_cookie_cannot_be_forged() {
    let simulator = Simulator::start().await;
    let floopy = Floopy::with(Shape::Standalone, simulator.settings()).await;
    let control = floopy.control_api();
    let nobody = control.without_key();
    let ana = json!({"email": "Ana@example.com", "password": PASSWORD});
    let made = control.post("/dashboard/users").json(&ana).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().expect("an id").to_owned();

    let entered = enter(&nobody, PASSWORD).await;
    assert_eq!(entered.status, 201, "{}", entered.text());
    let set = entered.header("set-cookie").to_owned();
    assert!(set.contains("HttpOnly; SameSite=Strict"), "{set}");
    let cookie = set.split(';').next().expect("a cookie");

    // The cookie reads; it changes nothing without the header, and nothing for another site.
    assert_eq!(read(&nobody, ("cookie", cookie)).await, 200);
    let refused = (403, json!("csrf_refused"));
    let site = |site| [BY_HAND, ("sec-fetch-site", site)];
    assert_eq!(change(&nobody, cookie, &[]).await, refused);
    assert_eq!(change(&nobody, cookie, &site("cross-site")).await, refused);
    let ours = change(&nobody, cookie, &site("same-origin")).await;
    assert_eq!(ours, (201, Value::Null));
    // What only this program may say of a request is not taken from outside.
    assert_eq!(
        read(&nobody, ("x-floopy-internal-signed-in", &id)).await,
        401
    );

    let wrong = enter(&nobody, "wrong password").await;
    assert_eq!(wrong.json()["error"]["code"], "wrong_password");
    let mut last = wrong.status;
    for _ in 0..12 {
        last = enter(&nobody, "wrong password").await.status;
    }
    assert_eq!(last, 429);

    let path = format!("/dashboard/users/{id}");
    let gone = control.call(Method::DELETE, &path).send().await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_eq!(read(&nobody, ("cookie", cookie)).await, 401);
}
