//! Signing in to the dashboard by OpenID Connect, over the real binary and an issuer that really signs.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_tests::{
    Answer, Api, Floopy, Settings, Shape, Upstream, in_both_shapes, issuer::Issuer,
};
use http::Method;
use serde_json::json;

const ANA: &str = "ana@example.com";
const NEW: &str = "tenant = \"acme\"\nnew_people = \"member\"\ndomains = [\"example.com\"]";

in_both_shapes!(somebody_new_is_taken_in_and_signed_in_by_who_vouches_for_them);

async fn started(shape: Shape, issuer: &Issuer, lines: &str) -> (Upstream, Floopy) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).vouched_by(issuer, lines);
    let floopy = Floopy::with(shape, settings).await;
    (upstream, floopy)
}

async fn get(api: &Api, path: &str, cookie: &str) -> Answer {
    let call = api.call(Method::GET, path).header("cookie", cookie);
    call.send().await
}

/// What a browser does: goes to the issuer and comes back; the cookie it began with, and where it comes back to.
async fn sent(floopy: &Floopy, issuer: &Issuer) -> (String, String) {
    let nobody = floopy.control_api().without_key();
    let begun = nobody.get("/dashboard/oidc/sign-in").await;
    assert_eq!(begun.status, 302, "{}", begun.text());
    let set = begun.header("set-cookie").to_owned();
    assert!(set.contains("HttpOnly; SameSite=Lax"), "{set}");
    let cookie = set.split(';').next().expect("a cookie").to_owned();
    let place = begun.header("location").to_owned();
    let path = place.strip_prefix(&issuer.place()).expect("the issuer's");
    let back = Api::anonymous(issuer.addr()).get(path).await;
    assert_eq!(back.status, 302, "{}", back.text());
    let back = back.header("location").to_owned();
    let path = back.strip_prefix(nobody.base()).expect("the dashboard's");
    (cookie, path.to_owned())
}

async fn signed_in(floopy: &Floopy, issuer: &Issuer) -> Answer {
    let (cookie, back) = sent(floopy, issuer).await;
    get(&floopy.control_api().without_key(), &back, &cookie).await
}

/// The session's cookie, where somebody got in.
fn session(answer: &Answer) -> Option<String> {
    let all = answer.headers.get_all("set-cookie").iter();
    let mut all = all.filter_map(|set| set.to_str().ok());
    let set = all.find(|set| set.starts_with("floopy_session="))?;
    assert!(set.contains("HttpOnly; SameSite=Strict"), "{set}");
    set.split(';').next().map(str::to_owned)
}

/// Nobody gets in, and the page says why.
fn refused(answer: &Answer, code: &str) {
    assert_eq!(session(answer), None);
    let said = format!("url=/?refused={code}\"");
    assert!(answer.text().contains(&said), "{}", answer.text());
}

async fn somebody_new_is_taken_in_and_signed_in_by_who_vouches_for_them(shape: Shape) {
    let issuer = Issuer::start("Ana@Example.com").await;
    let (_upstream, floopy) = started(shape, &issuer, NEW).await;
    let control = floopy.control_api();
    let nobody = control.without_key();
    let offered = nobody.get("/dashboard/session").await.json();
    assert_eq!(offered["oidc"], json!("127.0.0.1"), "{offered}");

    let entered = signed_in(&floopy, &issuer).await;
    let cookie = session(&entered).expect("signed in");
    let told = get(&nobody, "/dashboard/session", &cookie).await.json();
    assert_eq!(told["user"]["email"], json!(ANA), "{told}");
    assert_eq!(told["user"]["role"], json!("member"));
    assert_eq!(told["tenant"]["id"], json!("acme"));
    // Once more is the same person, who has no password to sign in with.
    let again = session(&signed_in(&floopy, &issuer).await).expect("signed in");
    let same = get(&nobody, "/dashboard/session", &again).await.json();
    assert_eq!(same["user"]["id"], told["user"]["id"]);
    let body = json!({"email": ANA, "password": "anything at all"});
    let entered = nobody.post("/dashboard/session").json(&body);
    let entered = entered.header("x-floopy-dashboard", "1").send().await;
    assert_eq!(entered.status, 401, "{}", entered.text());
    let people = control.get("/dashboard/users").await.json();
    assert_eq!(
        people["items"].as_array().map(Vec::len),
        Some(1),
        "{people}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_elsewhere_or_answered_once_signs_nobody_in() {
    let issuer = Issuer::start(ANA).await;
    let (_upstream, floopy) = started(Shape::Standalone, &issuer, NEW).await;
    let nobody = floopy.control_api().without_key();
    let (mine, _) = sent(&floopy, &issuer).await;
    let (theirs, back) = sent(&floopy, &issuer).await;
    refused(&get(&nobody, &back, &mine).await, "stale");
    refused(&get(&nobody, &back, "").await, "stale");
    let got_in = get(&nobody, &back, &theirs).await;
    assert!(session(&got_in).is_some(), "{}", got_in.text());
    refused(&get(&nobody, &back, &theirs).await, "failed");
    let denied = back.replace("code=", "error=access_denied&was=");
    refused(&get(&nobody, &denied, &theirs).await, "denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_proves_nothing_signs_nobody_in() {
    let issuer = Issuer::start(ANA).await;
    let (_upstream, floopy) = started(Shape::Standalone, &issuer, NEW).await;
    issuer.claims("email_verified", json!(false));
    refused(&signed_in(&floopy, &issuer).await, "unverified");
    issuer.claims("email_verified", json!(true));
    issuer.claims("email", json!("eve@elsewhere.example"));
    refused(&signed_in(&floopy, &issuer).await, "unknown");
    issuer.claims("email", json!(ANA));
    issuer.claims("nonce", json!("of another sign-in"));
    refused(&signed_in(&floopy, &issuer).await, "token");
    issuer.claims("nonce", json!(null));
    refused(&signed_in(&floopy, &issuer).await, "token");

    let issuer = Issuer::start(ANA).await;
    let (_upstream, floopy) = started(Shape::Standalone, &issuer, NEW).await;
    issuer.forge();
    refused(&signed_in(&floopy, &issuer).await, "token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_new_gets_in_unless_the_configuration_says_so() {
    let issuer = Issuer::start(ANA).await;
    let (_upstream, floopy) = started(Shape::Standalone, &issuer, "tenant = \"acme\"").await;
    refused(&signed_in(&floopy, &issuer).await, "unknown");
    let control = floopy.control_api();
    let ana = json!({"email": ANA, "password": "correct horse battery", "role": "admin"});
    let made = control.post("/dashboard/users").json(&ana).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let cookie = session(&signed_in(&floopy, &issuer).await).expect("signed in");
    let told = get(&control.without_key(), "/dashboard/session", &cookie).await;
    assert_eq!(told.json()["user"]["role"], json!("admin"));
}
