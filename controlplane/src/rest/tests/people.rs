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

#[tokio::test]
async fn somebody_changes_their_own_password_and_is_signed_out_elsewhere() {
    let fixture = Fixture::new().await;
    let reader = json!({"email": ANA, "password": PASSWORD, "role": "read_only"});
    let call = "POST /dashboard/users";
    let (status, made) = fixture.send(&fixture.key, call, reader).await;
    assert_eq!(status, 201, "{made}");
    let (_, here) = fixture.sign_in(PASSWORD).await;
    let (_, elsewhere) = fixture.sign_in(PASSWORD).await;

    let (call, another) = ("PUT /dashboard/password", "a better one, at last");
    let change = |current: &str, new: &str| json!({"current_password": current, "password": new});
    let wrong = fixture.browse(call, &here, change("not it at all", another));
    assert_eq!(wrong.await.0, 400);
    let short = fixture.browse(call, &here, change(PASSWORD, "short"));
    assert_eq!(short.await.0, 400);
    let body = change(PASSWORD, another);
    let (status, told) = fixture.send(&fixture.key, call, body.clone()).await;
    assert_eq!(
        (status.as_u16(), &told["error"]["code"]),
        (401, &json!("sign_in_required"))
    );
    assert_eq!(fixture.browse(call, &here, body).await.0, 200);

    let fixture = &fixture;
    let keys = |cookie: String| async move {
        fixture.browse("GET /v1/keys", &cookie, Value::Null).await.0
    };
    assert_eq!(fixture.sign_in(PASSWORD).await.0, 401);
    assert_eq!(fixture.sign_in(another).await.0, 201);
    assert_eq!(keys(here).await, 200);
    assert_eq!(keys(elsewhere).await, 401);
    let (_, told) = fixture.get("/v1/audit").await;
    let resource = format!("user/{}/password", made["id"].as_str().expect("an id"));
    assert_eq!(told["items"][0]["resource"], json!(resource), "{told}");
    assert!(!told.to_string().contains(another));
}
