//! What the operator changes of tenants.

use super::*;
use crate::store::{
    audit::{self, Action, Change},
    sql::{self},
};

#[tokio::test]
async fn null_is_refused_where_there_is_nothing_to_go_back_to() {
    let fixture = Fixture::with_models().await;
    let path = format!("PATCH /v1/operator/tenants/{}", tenant());
    for field in ["name", "enabled", "zero_retention"] {
        let (status, told) = fixture.operate(&path, json!({field: null})).await;
        assert_eq!(
            (status, &told["error"]["param"]),
            (400, &json!(field)),
            "{told}"
        );
    }
    let list = json!({"limits": [null, null]});
    let (status, told) = fixture.operate(&path, list).await;
    assert_eq!(
        (status, &told["error"]["param"]),
        (400, &json!("limits")),
        "{told}"
    );
    let nothing = json!({"plan": null, "default_model": null, "limits": null});
    assert_eq!(fixture.operate(&path, nothing).await.0, 200);
}

#[tokio::test]
async fn a_default_model_is_not_held_up_by_what_else_is_wrong() {
    let fixture = Fixture::with_models().await;
    let denied = json!({"routing": {"deny_providers": ["deepseek"]}});
    let (status, _) = fixture
        .send(&fixture.key, "PUT /v1/constraints", denied)
        .await;
    assert_eq!(status, StatusCode::OK);
    let rule = json!({"name": "old", "strategy": "legacy_model", "models": ["openai/gpt-4o"]});
    let (status, made) = fixture
        .send(&fixture.key, "POST /v1/routing/rules", rule)
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    // The rule's model is in no catalog any more.
    let gone = "UPDATE settings SET body = replace(body, 'gpt-4o', 'gpt-gone')";
    let mut tx = fixture.intake.store.write().await.expect("writes");
    let gone = sql::query(gone).execute(&mut *tx).await.expect("written");
    assert!(gone.rows_affected() > 0);
    tx.commit().await.expect("commits");
    let path = format!("PATCH /v1/operator/tenants/{}", tenant());
    let good = json!({"default_model": "openai/gpt-4o"});
    let (status, told) = fixture.operate(&path, good).await;
    assert_eq!(status, 200, "{told}");
    let ruled_out = json!({"default_model": "deepseek/deepseek-chat"});
    let (status, told) = fixture.operate(&path, ruled_out).await;
    assert_eq!(
        (status, &told["error"]["param"]),
        (400, &json!("default_model")),
        "{told}"
    );
}

#[tokio::test]
async fn whatever_ends_with_a_tenant_has_a_line_of_its_own_in_the_audit() {
    let fixture = Fixture::with_models().await;
    let hook = json!({"url": "https://receiver.example/x", "events": ["budget_exceeded"]});
    let (status, made) = fixture.send(&fixture.key, "POST /v1/webhooks", hook).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let path = format!("/v1/operator/tenants/{}", tenant());
    let (_, keys) = fixture
        .operate(&format!("GET {path}/keys"), json!({}))
        .await;
    let key = keys["items"][0]["id"].as_str().expect("a key").to_owned();
    let (status, gone) = fixture.operate(&format!("DELETE {path}"), json!({})).await;
    assert_eq!(status, 200, "{gone}");
    let audit = format!("GET /v1/operator/audit?tenant={}&action=delete", tenant());
    let (_, told) = fixture.operate(&audit, json!({})).await;
    let lines = told["items"].as_array().expect("lines").iter();
    let mut ended: Vec<String> = lines
        .map(|line| {
            assert!(line["before_sha256"].is_string(), "{line}");
            line["resource"].as_str().expect("text").to_owned()
        })
        .collect();
    ended.sort_unstable();
    let webhook = made["id"].as_str().expect("an id");
    let expected = [
        format!("key/{key}"),
        format!("tenant/{}", tenant()),
        format!("webhook/{webhook}"),
    ];
    assert_eq!(ended, expected);
}

#[tokio::test]
async fn pages_of_all_tenants_follow_each_other_and_no_cursor_can_be_made_up() {
    let fixture = Fixture::new().await;
    let get = async |path: &str| {
        let call = format!("GET /v1/operator/{path}");
        fixture.operate(&call, json!({})).await
    };
    let next = |page: &Value| page["next_cursor"].as_str().map(str::to_owned);
    let (_, first) = get("tenants?limit=1").await;
    let of_tenants = next(&first).expect("there is more");
    let (_, rest) = get(&format!("tenants?cursor={of_tenants}")).await;
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1), "{rest}");
    assert_ne!(rest["items"][0]["id"], first["items"][0]["id"]);
    let path = format!("PATCH /v1/operator/tenants/{}", tenant());
    for name in ["A", "B"] {
        fixture.operate(&path, json!({"name": name})).await;
    }
    let (_, first) = get("audit?limit=1&actor=operator").await;
    let of_audit = next(&first).expect("there is more");
    let (_, rest) = get(&format!("audit?actor=operator&cursor={of_audit}")).await;
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1), "{rest}");
    let id = &first["items"][0]["id"];
    for path in [
        format!("tenants?cursor={}", tenant()),
        format!("tenants?cursor={of_audit}"),
        format!("audit?cursor={id}"),
        format!("audit?cursor={of_tenants}"),
        // Of the same list, and of another question.
        format!("audit?cursor={of_audit}"),
        format!("queue/dead?cursor=1.{}", Uuid::nil().simple()),
        format!("queue/dead?cursor={of_audit}"),
    ] {
        let (status, told) = get(&path).await;
        let found = (status, &told["error"]["code"], &told["error"]["param"]);
        let expected = (400, &json!("invalid_request"), &json!("cursor"));
        assert_eq!(found, expected, "{path}");
    }
}

#[tokio::test]
async fn what_was_done_without_a_request_has_no_id_of_one() {
    let fixture = Fixture::new().await;
    let tenant = tenant();
    let change = Change {
        tenant: Some(&tenant),
        at_ms: NOW,
        actor: "operator",
        role: "operator",
        action: Action::Delete,
        resource: "key/key_1",
        before: None,
        after: None,
        request_id: "",
    };
    let mut tx = fixture.intake.store.write().await.expect("writes");
    audit::add(&mut tx, &change).await.expect("written");
    tx.commit().await.expect("commits");
    let (_, own) = fixture.get("/v1/audit").await;
    let (_, all) = fixture.operate("GET /v1/operator/audit", json!({})).await;
    for told in [own, all] {
        let entry = told["items"][0].as_object().expect("an entry");
        assert_eq!(entry["resource"], "key/key_1");
        assert_eq!(entry.get("request_id"), Some(&Value::Null));
    }
}
