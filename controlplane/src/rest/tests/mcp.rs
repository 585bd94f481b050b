//! Servers of tools over REST: whose they are, that their secrets are sealed for where they are, and what plans have them.

use floopy_shared::domain::{
    credential::{KeyRing, open},
    mcp::ServerId,
    plan::{Feature, Lacking},
    snapshot::Tenant,
};

use super::{fixture::OPERATOR, *};
use crate::{
    index::KnownModels,
    store::settings::{Kind, mcp::WrittenServer},
};

const SECRET: &str = "tok-marker-0123456789";

fn server() -> Value {
    json!({
        "id": "search", "url": "https://tools.example/mcp", "tools": ["find"], "timeout_ms": 500,
        "auth": {"type": "bearer", "secret": SECRET},
    })
}

impl Fixture {
    /// As it is stored.
    async fn written(&self, id: &str) -> WrittenServer {
        let mut conn = self.intake.store.read().acquire().await.expect("reads");
        let place = (&tenant(), Kind::McpServer);
        let found = crate::store::settings::get(&mut conn, place, id).await;
        let document = found.expect("reads").expect("there");
        assert!(!document.body.contains("marker"), "{}", document.body);
        serde_json::from_str(&document.body).expect("a server")
    }

    /// The secret, and where it may be shown.
    async fn opened(&self, id: &str) -> (String, String) {
        let written = self.written(id).await;
        let id = ServerId::new(id).expect("valid");
        let sealed = written.auth.expect("there").sealed(&tenant(), &id);
        let ring = KeyRing::read(&"ab".repeat(32)).expect("valid");
        let opened = open(&ring, &sealed.expect("hexadecimal")).expect("opens");
        let text = |text: Option<&floopy_shared::domain::credential::Hidden>| {
            text.map(|text| text.to_string()).unwrap_or_default()
        };
        (
            text(opened.api_key.as_ref()),
            text(opened.base_url.as_ref()),
        )
    }

    async fn as_proxies_know(&self) -> Tenant {
        let mut conn = self.intake.store.read().acquire().await.expect("reads");
        let found = crate::settings::tenant(&mut conn, &tenant()).await;
        found.expect("read")
    }
}

#[tokio::test]
async fn a_server_is_made_changed_and_deleted_and_its_secret_never_told() {
    let fixture = Fixture::with_models().await;
    let (status, made) = fixture.call("POST /v1/mcp/servers", server()).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["auth"], json!({"type": "bearer"}));
    assert_eq!(
        (&made["source"], &made["max_retries"]),
        (&json!("api"), &json!(1))
    );
    let (_, listed) = fixture.get("/v1/mcp/servers").await;
    assert_eq!(listed["items"], json!([made]));
    let place = "https://tools.example:443".to_owned();
    assert_eq!(fixture.opened("search").await, (SECRET.to_owned(), place));
    let change =
        json!({"tools": "*", "enabled": false, "auth": {"type": "api_key", "header": "X-Key"}});
    let (status, changed) = fixture.call("PATCH /v1/mcp/servers/search", change).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(
        changed["auth"],
        json!({"type": "api_key", "header": "x-key"})
    );
    assert_eq!(
        (&changed["tools"], &changed["timeout_ms"]),
        (&json!("*"), &json!(500))
    );
    assert_eq!(fixture.opened("search").await.0, SECRET);
    let known = fixture.as_proxies_know().await.mcp.expect("set");
    assert!(!known.server("search").expect("there").enabled);
    let (_, audit) = fixture.get("/v1/audit").await;
    assert_eq!(audit["items"][0]["resource"], json!("mcp_server/search"));
    assert!(!format!("{listed}{changed}{audit}").contains("marker"));
    let (status, gone) = fixture
        .call("DELETE /v1/mcp/servers/search", json!({}))
        .await;
    assert_eq!((status.as_u16(), &gone["deleted"]), (200, &json!(true)));
    let (status, _) = fixture.get("/v1/mcp/servers/search").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_secret_does_not_follow_its_server_elsewhere() {
    let fixture = Fixture::with_models().await;
    fixture.call("POST /v1/mcp/servers", server()).await;
    let at = |url: &str| json!({"url": url});
    let call = "PATCH /v1/mcp/servers/search";
    let (status, told) = fixture.call(call, at("https://tools.example/other")).await;
    assert_eq!(status, 200, "{told}");
    for url in ["https://evil.example/mcp", "https://tools.example:8443/mcp"] {
        let (status, _, param, message) = fixture.refused(call, at(url)).await;
        assert_eq!((status, param.as_str()), (400, "auth.secret"), "{message}");
    }
    let moved =
        json!({"url": "https://new.example/", "auth": {"type": "bearer", "secret": "another"}});
    let (status, told) = fixture.call(call, moved).await;
    assert_eq!(status, 200, "{told}");
    let (secret, place) = fixture.opened("search").await;
    assert_eq!(
        (secret.as_str(), place.as_str()),
        ("another", "https://new.example:443")
    );
    assert_eq!(
        fixture
            .written("search")
            .await
            .auth
            .expect("there")
            .revision,
        2
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_by_field_and_without_the_secret() {
    let fixture = Fixture::with_models().await;
    let with = |field: &str, value: Value| {
        let mut body = server();
        body[field] = value;
        body
    };
    let auth = |auth: Value| with("auth", auth);
    for (body, field) in [
        (with("id", json!("A b")), "id"),
        (with("id", json!(null)), "id"),
        (with("url", json!("ftp://x")), "url"),
        (with("url", json!("http://tools.example/")), "url"),
        (with("url", json!("https://u:marker@x.example/")), "url"),
        (with("tools", json!("all")), "tools"),
        (with("tools", json!([""])), "tools"),
        (with("timeout_ms", json!(99)), "timeout_ms"),
        (with("max_retries", json!(6)), "max_retries"),
        (with("colour", json!("red")), "colour"),
        (
            auth(json!({"type": "basic", "secret": SECRET})),
            "auth.type",
        ),
        (auth(json!({"type": "bearer"})), "auth.secret"),
        (
            auth(json!({"type": "bearer", "secret": "marker\n"})),
            "auth.secret",
        ),
        (
            auth(json!({"type": "bearer", "header": "x", "secret": SECRET})),
            "auth.header",
        ),
        (
            auth(json!({"type": "api_key", "header": "Host", "secret": SECRET})),
            "auth.header",
        ),
    ] {
        let shown = body.to_string();
        let (status, _, param, message) = fixture.refused("POST /v1/mcp/servers", body).await;
        assert_eq!((status, param.as_str()), (400, field), "{shown}: {message}");
        assert!(
            !message.contains("tok-marker") && !message.contains("marker\\n"),
            "{message}"
        );
    }
    fixture.call("POST /v1/mcp/servers", server()).await;
    let (status, _, param, _) = fixture.refused("POST /v1/mcp/servers", server()).await;
    assert_eq!((status, param.as_str()), (400, "id"), "it is there");
    let call = "PATCH /v1/mcp/servers/search";
    let (status, _, param, _) = fixture.refused(call, json!({"id": "other"})).await;
    assert_eq!((status, param.as_str()), (400, "id"));
    let call = "PUT /v1/mcp/agent";
    for (field, value) in [
        ("max_rounds", json!(0)),
        ("stream_mode", json!("all")),
        ("x", json!(1)),
    ] {
        let (status, _, param, _) = fixture.refused(call, json!({field: value})).await;
        assert_eq!((status, param.as_str()), (400, field));
    }
}

#[tokio::test]
async fn nobody_sees_changes_or_deletes_another_tenants_servers() {
    let fixture = Fixture::with_models().await;
    fixture.call("POST /v1/mcp/servers", server()).await;
    let stranger = fixture.stranger.as_str();
    let (_, listed) = fixture
        .send(stranger, "GET /v1/mcp/servers", json!({}))
        .await;
    assert_eq!(listed["items"], json!([]));
    for method in ["GET", "PATCH", "DELETE"] {
        let of = |id: &str| format!("{method} /v1/mcp/servers/{id}");
        let (status, body) = fixture.send(stranger, &of("search"), json!({})).await;
        let (_, same) = fixture.send(stranger, &of("unheard-of"), json!({})).await;
        assert_eq!((status.as_u16(), &body), (404, &same), "{method}");
    }
    let (status, _) = fixture.get("/v1/mcp/servers/search").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_rotation_seals_secrets_anew() {
    let fixture = Fixture::with_models().await;
    fixture.call("POST /v1/mcp/servers", server()).await;
    let (_, keys) = fixture
        .operate("GET /v1/operator/credentials", json!({}))
        .await;
    assert_eq!(keys["items"][0]["credentials"], json!(1), "{keys}");
    let rotate = async |keys: &str| {
        let mut api = fixture.api(KnownModels::default());
        api.keys = KeyRing::read(keys).expect("valid");
        let request = http::Request::post("/v1/operator/credentials/rotate")
            .header("authorization", format!("Bearer {OPERATOR}"))
            .body(Body::empty())
            .expect("valid");
        let response = router(api).oneshot(request).await.expect("answers");
        let body = to_bytes(response.into_body(), 1 << 20).await;
        serde_json::from_slice::<Value>(&body.expect("whole")).expect("JSON")
    };
    let (old, new) = ("ab".repeat(32), "cd".repeat(32));
    let lost = rotate(&new).await;
    assert_eq!(lost["failed"][0]["provider"], json!("mcp.search"), "{lost}");
    let rotated = rotate(&format!("{new} {old}")).await;
    assert_eq!(
        (&rotated["total"], &rotated["resealed"], &rotated["failed"]),
        (&json!(1), &json!(1), &json!([]))
    );
    let written = fixture.written("search").await.auth.expect("there");
    let id = ServerId::new("search").expect("valid");
    let sealed = written.sealed(&tenant(), &id).expect("hexadecimal");
    let opened = open(&KeyRing::read(&new).expect("valid"), &sealed).expect("opens");
    assert_eq!(opened.api_key.as_deref().map(String::as_str), Some(SECRET));
}

#[tokio::test]
async fn how_far_it_goes_is_set_as_a_whole() {
    let fixture = Fixture::with_models().await;
    let (_, usual) = fixture.get("/v1/mcp/agent").await;
    assert_eq!(usual["max_rounds"], json!(8));
    let set = json!({"max_rounds": 2, "stream_mode": "disabled"});
    let (status, told) = fixture.call("PUT /v1/mcp/agent", set).await;
    assert_eq!(status, 200, "{told}");
    let expected = json!({
        "object": "mcp_agent", "max_rounds": 2, "stream_mode": "disabled", "tool_call_parallel": true,
        "tool_cache_ttl_seconds": 300,
    });
    assert_eq!(told, expected);
    let (status, again) = fixture.call("PUT /v1/mcp/agent", expected.clone()).await;
    assert_eq!((status.as_u16(), again), (200, expected));
}

#[test]
fn the_plans_with_it_are_pro_and_above() {
    let plans = crate::plans::Plans::of(&[]).expect("valid");
    let lacks = |name: &str| plans.named(name).expect(name).lacks("/v1/mcp/servers");
    let without = Lacking::Feature(Feature::McpClient);
    for (name, lacking) in [
        ("free", Some(without)),
        ("starter", Some(without)),
        ("pro", None),
        ("enterprise", None),
    ] {
        assert_eq!(lacks(name), lacking, "{name}");
    }
}
