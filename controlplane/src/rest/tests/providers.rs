//! Providers' credentials over REST: whose they are, who may set them, and that nothing tells them again.

use floopy_shared::domain::credential::{KeyRing, open};

use super::{fixture::OPERATOR, *};
use crate::{index::KnownModels, store::credentials};

const KEY: &str = "sk-marker-0123456789";

impl Fixture {
    async fn kept(&self) -> Vec<credentials::Kept> {
        let mut conn = self.intake.store.read().acquire().await.expect("reads");
        credentials::all(&mut conn).await.expect("listed")
    }
}

fn api_key() -> Value {
    json!({"api_key": KEY})
}

#[tokio::test]
async fn a_credential_is_taken_sealed_and_never_told_again() {
    let fixture = Fixture::with_models().await;
    let (status, told) = fixture.call("PUT /v1/providers/openai", api_key()).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["hint"], json!("6789"));
    assert_eq!(told["kind"], json!("api_key"));
    let (_, listed) = fixture.get("/v1/providers").await;
    assert_eq!(listed["items"], json!([told]));
    let kept = fixture.kept().await;
    let raw = format!("{kept:?}{:?}{told}{listed}", kept[0].sealed.bytes);
    assert!(!raw.contains("marker"), "{raw}");
    let ring = KeyRing::read(&"ab".repeat(32)).expect("valid");
    let opened = open(&ring, &kept[0].sealed).expect("opens");
    assert_eq!(opened.api_key.as_deref().map(String::as_str), Some(KEY));
    let (_, audit) = fixture.get("/v1/audit").await;
    let first = &audit["items"][0];
    assert_eq!(first["resource"], json!("provider/openai"));
    assert!(
        first["after_sha256"].is_string() && first["before_sha256"].is_null(),
        "{first}"
    );
    let (status, gone) = fixture.call("DELETE /v1/providers/openai", json!({})).await;
    assert_eq!((status.as_u16(), &gone["deleted"]), (200, &json!(true)));
    assert!(fixture.kept().await.is_empty());
}

#[tokio::test]
async fn nobody_sees_sets_or_deletes_another_tenants() {
    let fixture = Fixture::with_models().await;
    fixture.call("PUT /v1/providers/openai", api_key()).await;
    let stranger = fixture.stranger.as_str();
    let (_, listed) = fixture.send(stranger, "GET /v1/providers", json!({})).await;
    assert_eq!(listed["items"], json!([]));
    for call in ["GET /v1/providers/openai", "DELETE /v1/providers/openai"] {
        let (status, body) = fixture.send(stranger, call, json!({})).await;
        let unknown = call.replace("openai", "unheard-of");
        let (_, same) = fixture.send(stranger, &unknown, json!({})).await;
        assert_eq!((status.as_u16(), &body), (404, &same));
    }
    let other = json!({"api_key": "sk-of-the-stranger"});
    fixture
        .send(stranger, "PUT /v1/providers/openai", other)
        .await;
    let (_, own) = fixture.get("/v1/providers/openai").await;
    assert_eq!(own["hint"], json!("6789"));
    let (status, _) = fixture
        .operate("GET /v1/operator/providers", json!({}))
        .await;
    assert_eq!(status, 200);
    let (status, body) = fixture
        .send(stranger, "GET /v1/operator/providers", json!({}))
        .await;
    assert_eq!(
        (status.as_u16(), &body["error"]["code"]),
        (403, &json!("operator_required"))
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_by_field_and_without_the_key() {
    let fixture = Fixture::with_models().await;
    let cases = [
        ("openai", json!({"api_key": 815_723_991_u64}), "api_key"),
        ("openai", json!({"api_key": "marker\n"}), "api_key"),
        ("openai", json!({"api_key": KEY, "key": KEY}), "key"),
        (
            "openai",
            json!({"api_key": KEY, "base_url": "https://evil.example"}),
            "base_url",
        ),
        ("unheard-of", api_key(), "name"),
        ("%C3%BC", api_key(), "name"),
        ("bedrock", api_key(), "region"),
        ("azure", api_key(), "base_url"),
        ("openai", json!({}), "api_key"),
    ];
    for (name, body, field) in cases {
        let call = format!("PUT /v1/providers/{name}");
        let (status, _, param, message) = fixture.refused(&call, body).await;
        assert_eq!((status, param.as_str()), (400, field), "{message}");
        assert!(
            !message.contains("marker") && !message.contains("815723991"),
            "{message}"
        );
    }
    assert!(fixture.kept().await.is_empty());
}

#[tokio::test]
async fn the_operator_sets_everybodys_and_any_tenants_with_addresses() {
    let fixture = Fixture::with_models().await;
    let placed = json!({"api_key": KEY, "base_url": "https://llm.example/v1"});
    let (status, told) = fixture
        .operate("PUT /v1/operator/providers/house", placed.clone())
        .await;
    assert_eq!((status, &told["tenant"]), (200, &Value::Null), "{told}");
    assert_eq!(told["base_url"], json!("https://llm.example/v1"));
    let of = format!("/v1/operator/tenants/{}/providers", tenant());
    let (status, told) = fixture.operate(&format!("PUT {of}/house"), api_key()).await;
    assert_eq!(
        (status, &told["tenant"]),
        (200, &json!(tenant().as_str())),
        "{told}"
    );
    let (_, listed) = fixture.operate(&format!("GET {of}"), json!({})).await;
    assert_eq!(listed["items"][0], told);
    let (_, own) = fixture.get("/v1/providers").await;
    assert_eq!(
        own["items"][0]["id"],
        json!("house"),
        "its tenant sees it, too"
    );
    let (_, audit) = fixture.operate("GET /v1/operator/audit", json!({})).await;
    assert_eq!(audit["items"][1]["tenant"], Value::Null);
    let gone = format!("DELETE /v1/operator/tenants/{}", tenant());
    assert_eq!(fixture.operate(&gone, json!({})).await.0, 200);
    let kept = fixture.kept().await;
    assert_eq!(kept.len(), 1, "everybody's stays");
    let (status, _) = fixture
        .operate("DELETE /v1/operator/providers/house", json!({}))
        .await;
    assert_eq!((status, fixture.kept().await.len()), (200, 0));
}

#[tokio::test]
async fn a_rotation_seals_anew_what_its_keys_open_and_names_what_they_do_not() {
    let fixture = Fixture::with_models().await;
    fixture.call("PUT /v1/providers/openai", api_key()).await;
    let old = fixture.kept().await.remove(0);
    let with = |keys: &str| {
        let mut api = fixture.api(KnownModels::default());
        api.keys = KeyRing::read(keys).expect("valid");
        router(api)
    };
    let rotate = async |router: Router| {
        let request = http::Request::post("/v1/operator/credentials/rotate")
            .header("authorization", format!("Bearer {OPERATOR}"))
            .body(axum::body::Body::empty())
            .expect("valid");
        let response = router.oneshot(request).await.expect("answers");
        let body = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .expect("whole");
        serde_json::from_slice::<Value>(&body).expect("JSON")
    };
    let stranger = rotate(with(&"cd".repeat(32))).await;
    assert_eq!(stranger["resealed"], json!(0));
    assert_eq!(
        stranger["failed"][0]["provider"],
        json!("openai"),
        "{stranger}"
    );
    assert_eq!(fixture.kept().await, std::slice::from_ref(&old));
    let both = format!("{} {}", "cd".repeat(32), "ab".repeat(32));
    let rotated = rotate(with(&both)).await;
    assert_eq!(
        (&rotated["resealed"], &rotated["failed"]),
        (&json!(1), &json!([]))
    );
    let new = fixture.kept().await.remove(0);
    assert!(new.sealed.revision > old.sealed.revision);
    let opened = open(
        &KeyRing::read(&"cd".repeat(32)).expect("valid"),
        &new.sealed,
    );
    assert_eq!(
        opened
            .expect("opens")
            .api_key
            .as_deref()
            .map(String::as_str),
        Some(KEY)
    );
    assert_eq!(rotate(with(&both)).await["resealed"], json!(0));
    let (_, keys) = fixture
        .operate("GET /v1/operator/credentials", json!({}))
        .await;
    assert_eq!(keys["items"].as_array().map(Vec::len), Some(2), "{keys}");
    assert_eq!(keys["items"][1]["configured"], json!(false), "{keys}");
}

#[tokio::test]
async fn without_a_key_nothing_is_taken() {
    let fixture = Fixture::with_models().await;
    let mut api = fixture.api(KnownModels::default());
    api.keys = KeyRing::default();
    let request = http::Request::put("/v1/providers/openai")
        .header("authorization", format!("Bearer {}", fixture.key))
        .body(axum::body::Body::from(api_key().to_string()))
        .expect("valid");
    let response = router(api).oneshot(request).await.expect("answers");
    assert_eq!(response.status(), 501);
    assert!(fixture.kept().await.is_empty());
}
