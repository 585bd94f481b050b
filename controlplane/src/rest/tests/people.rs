//! People who sign in, over HTTP.

use http::header::{COOKIE, SET_COOKIE};
use serde_json::json;

use super::*;

const ANA: &str = "ana@example.com";
const PASSWORD: &str = "correct horse battery";

impl Fixture {
    /// Asks as a browser does; the status and the cookie that came, if one did.
    async fn browse(&self, call: &str, cookie: &str, body: Value) -> (StatusCode, String) {
        let (method, path) = call.split_once(' ').expect("two words");
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header(COOKIE, cookie)
            .header("x-floopy-dashboard", "1")
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .expect("valid");
        let response = self.router.clone().oneshot(request).await.expect("answers");
        let set = response.headers().get(SET_COOKIE);
        let set = set.and_then(|set| set.to_str().ok()).unwrap_or_default();
        let cookie = set.split(';').next().unwrap_or_default().to_owned();
        (response.status(), cookie)
    }

    async fn sign_in(&self, password: &str) -> (StatusCode, String) {
        let body = json!({"email": ANA, "password": password});
        self.browse("POST /dashboard/session", "", body).await
    }
}

#[tokio::test]
async fn somebody_acts_with_their_role_until_they_sign_out() {
    let fixture = Fixture::new().await;
    let member = json!({"email": ANA, "password": PASSWORD, "role": "member"});
    let call = "POST /dashboard/users";
    let (status, made) = fixture.send(&fixture.key, call, member.clone()).await;
    assert_eq!(status, 201, "{made}");
    let (status, twice) = fixture.send(&fixture.key, call, member.clone()).await;
    assert_eq!(status, 400, "{twice}");
    assert_eq!(fixture.sign_in("another password").await.0, 401);

    let (status, cookie) = fixture.sign_in(PASSWORD).await;
    assert_eq!(status, 201);
    let reads = fixture.browse("GET /v1/keys", &cookie, Value::Null).await;
    assert_eq!(reads.0, 200);
    // A member changes prompts, and no settings.
    let prompt =
        json!({"name": "greeting", "messages": [{"role": "system", "content": "Be kind."}]});
    let may = fixture.browse("POST /v1/prompts", &cookie, prompt).await;
    assert_eq!(may.0, 201);
    let project = json!({"name": "mine"});
    let may_not = fixture.browse("POST /v1/projects", &cookie, project).await;
    assert_eq!(may_not.0, 403);

    // Another tenant's people are others, with the same address too, and the password says who it is.
    let (_, others) = fixture
        .send(&fixture.stranger, "GET /dashboard/users", Value::Null)
        .await;
    assert_eq!(others["items"], json!([]));
    let other = json!({"email": ANA, "password": "a password of theirs"});
    let (status, made) = fixture.send(&fixture.stranger, call, other).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(fixture.sign_in("a password of theirs").await.0, 201);
    assert_eq!(fixture.sign_in(PASSWORD).await.0, 201);

    let out = "DELETE /dashboard/session";
    assert_eq!(fixture.browse(out, &cookie, Value::Null).await.0, 204);
    let late = fixture.browse("GET /v1/keys", &cookie, Value::Null).await;
    assert_eq!(late.0, 401);
}
