//! The operator's API over gRPC: the same as over REST, under the same key.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_proto::admin::v1 as wire;
use floopy_tests::{
    Floopy, Settings, Shape, Upstream,
    admin::{client, of_operator},
    eventually,
};
use serde::Serialize;
use serde_json::{Value, json};
use tonic::{Code, Request, Status, metadata::MetadataMap};

/// The shape in which the control plane has a gRPC port.
async fn start() -> (Upstream, Floopy) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::with(Shape::Split, Settings::for_upstream(&upstream)).await;
    (upstream, floopy)
}

/// REST's answer without what the contract does not have.
async fn rest(floopy: &Floopy, path: &str) -> Value {
    let mut told = floopy
        .operator_api()
        .get(&format!("/v1/operator/{path}"))
        .await
        .ok()
        .json();
    let items = told.get_mut("items").and_then(Value::as_array_mut);
    for item in items.into_iter().flatten() {
        item.as_object_mut().expect("an object").remove("object");
    }
    told
}

fn code(status: &Status) -> &str {
    let code = status.metadata().get("floopy-error-code");
    code.and_then(|code| code.to_str().ok()).unwrap_or_default()
}

fn param(status: &Status) -> &str {
    let param = status.metadata().get("floopy-error-param");
    param
        .and_then(|param| param.to_str().ok())
        .unwrap_or_default()
}

fn request_id(metadata: &MetadataMap) -> &str {
    let id = metadata.get("x-request-id");
    id.and_then(|id| id.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn every_answer_has_the_id_that_the_audit_has_and_errors_have_one_too() {
    let (_upstream, floopy) = start().await;
    let mut admin = of_operator(&floopy).await;
    let for_everybody = wire::SetCredentialRequest {
        id: "up".into(),
        api_key: Some("sk-marker-grpc".into()),
        ..Default::default()
    };
    let nameless = wire::SetCredentialRequest {
        id: String::new(),
        ..for_everybody.clone()
    };
    let set = admin.set_credential(for_everybody).await.expect("set");
    let audit = admin.list_audit(wire::ListAuditRequest::default()).await;
    let audit = audit.expect("told").into_inner();
    let newest = &audit.items[0];
    assert_eq!(
        (newest.resource.as_str(), newest.tenant.as_str()),
        ("provider/up", "")
    );
    assert_eq!(newest.request_id, request_id(set.metadata()));
    assert!(!newest.request_id.is_empty());
    let refused = admin.set_credential(nameless).await.expect_err("no id");
    assert_eq!(param(&refused), "id", "{refused:?}");
    assert_eq!(request_id(refused.metadata()).len(), 36, "{refused:?}");
    // Whoever names a call finds it again, whatever became of it.
    let mut named = Request::new(wire::GetTenantRequest {
        id: "nobody".into(),
    });
    let id = "mine-1".parse().expect("ASCII");
    named.metadata_mut().insert("x-request-id", id);
    let refused = admin.get_tenant(named).await.expect_err("nobody");
    assert_eq!(request_id(refused.metadata()), "mine-1");
    let mut stranger = client(&floopy, "fl_guessed").await;
    let refused = stranger.get_status(wire::GetStatusRequest {}).await;
    let refused = refused.expect_err("unknown");
    assert_eq!(request_id(refused.metadata()).len(), 36, "{refused:?}");
}

#[tokio::test]
async fn a_credential_is_set_and_rotated_and_rest_says_the_same() {
    let (_upstream, floopy) = start().await;
    let mut admin = of_operator(&floopy).await;
    let wanted = wire::SetCredentialRequest {
        id: "up".into(),
        tenant: Some("acme".into()),
        api_key: Some("sk-marker-grpc".into()),
        ..Default::default()
    };
    let set = admin
        .set_credential(wanted)
        .await
        .expect("set")
        .into_inner();
    assert_eq!(
        (set.hint.as_str(), set.tenant.as_deref()),
        ("grpc", Some("acme"))
    );
    let asked = wire::ListCredentialsRequest {
        tenant: Some("acme".into()),
    };
    let listed = admin.list_credentials(asked).await.expect("listed");
    assert_eq!(listed.into_inner().items, std::slice::from_ref(&set));
    let told = rest(&floopy, "tenants/acme/providers").await;
    assert_eq!(told["items"], json!([set]));
    let rotated = admin
        .rotate_credentials(wire::RotateCredentialsRequest {})
        .await;
    let rotated = rotated.expect("rotated").into_inner();
    assert_eq!(
        (rotated.total, rotated.resealed),
        (1, 0),
        "it has the newest key"
    );
    let keys = admin
        .list_credentials_keys(wire::ListCredentialsKeysRequest {})
        .await;
    assert_eq!(
        keys.expect("listed").into_inner().items[0].id,
        rotated.key_id
    );
}

#[tokio::test]
async fn a_credential_is_gone_once_and_none_is_set_without_a_key() {
    let (_upstream, floopy) = start().await;
    let mut admin = of_operator(&floopy).await;
    let wanted = wire::SetCredentialRequest {
        id: "up".into(),
        tenant: Some("acme".into()),
        api_key: Some("sk-marker-grpc".into()),
        ..Default::default()
    };
    admin.set_credential(wanted).await.expect("set");
    let gone = wire::DeleteCredentialRequest {
        id: "up".into(),
        tenant: Some("acme".into()),
    };
    let again = gone.clone();
    assert!(
        admin
            .delete_credential(gone)
            .await
            .expect("gone")
            .into_inner()
            .deleted
    );
    let unknown = admin
        .delete_credential(again)
        .await
        .expect_err("gone already");
    assert_eq!(
        (unknown.code(), code(&unknown)),
        (Code::NotFound, "not_found")
    );
    let bare = wire::SetCredentialRequest {
        id: "up".into(),
        ..Default::default()
    };
    let refused = admin.set_credential(bare).await.expect_err("no key");
    assert_eq!(
        (refused.code(), param(&refused)),
        (Code::InvalidArgument, "api_key")
    );
}

#[tokio::test]
async fn a_tenant_is_made_changed_and_ended_and_rest_says_the_same() {
    let (_upstream, floopy) = start().await;
    let mut admin = of_operator(&floopy).await;
    let wanted = wire::CreateTenantRequest {
        id: "initech".into(),
        plan: Some("free".into()),
        limits: Some(wire::Limits {
            max_requests_per_minute: Some(60),
            cost_limit_monthly_usd: None,
        }),
        ..Default::default()
    };
    let made = admin.create_tenant(wanted).await.expect("made");
    let key = made.into_inner().key;
    floopy.api().with_key(&key).answers(200, "").await;
    let change = wire::UpdateTenantRequest {
        id: "initech".into(),
        name: Some("Initech".into()),
        clear: vec!["plan".into()],
        ..Default::default()
    };
    let changed = admin.update_tenant(change).await.expect("changed");
    let changed = changed.into_inner();
    assert_eq!((changed.name.as_str(), changed.plan), ("Initech", None));
    let most = changed.limits.expect("there").max_requests_per_minute;
    assert_eq!(most, Some(60), "what is absent stays");
    let told = rest(&floopy, "tenants/initech").await;
    let found = (&told["name"], &told["plan"]);
    assert_eq!(found, (&json!("Initech"), &json!(null)));
    let end = wire::DeleteTenantRequest {
        id: "initech".into(),
    };
    let ended = admin.delete_tenant(end).await.expect("ended");
    assert!(ended.into_inner().deleted);
    let control = floopy.control_api().with_key(&key);
    assert_eq!(control.get("/v1/keys").await.status, 401);
}

#[tokio::test]
async fn a_key_is_made_and_ended() {
    let (_upstream, floopy) = start().await;
    let mut admin = of_operator(&floopy).await;
    let wanted = wire::CreateKeyRequest {
        tenant: "acme".into(),
        name: "app".into(),
        role: Some("member".into()),
        ..Default::default()
    };
    let made = admin.create_key(wanted).await.expect("made").into_inner();
    let told = made.api_key.expect("told");
    assert!(made.key.ends_with(&told.hint) && told.role == "member");
    let revoke = wire::RevokeKeyRequest {
        tenant: "acme".into(),
        id: told.id,
    };
    let revoked = admin.revoke_key(revoke.clone()).await.expect("ended");
    assert!(revoked.into_inner().deleted);
    let again = admin.revoke_key(revoke).await.expect_err("gone");
    assert_eq!(again.code(), Code::NotFound);
}

/// The same items, of which there are some. Heartbeats go on between the two.
fn assert_same(message: impl Serialize, mut told: Value) {
    let mut message = json!(message);
    for side in [&mut message, &mut told] {
        let items = side["items"].as_array_mut().into_iter().flatten();
        for item in items.filter_map(Value::as_object_mut) {
            item.remove("last_seen");
        }
    }
    assert_eq!(message["items"], told["items"]);
    let items = told["items"].as_array().expect("a list");
    assert!(!items.is_empty());
}

#[tokio::test]
async fn every_list_of_tenants_has_what_rest_has() {
    let (_upstream, floopy) = start().await;
    let mut admin = of_operator(&floopy).await;
    let tenants = admin.list_tenants(wire::ListTenantsRequest::default());
    let tenants = tenants.await.expect("told").into_inner();
    assert_same(tenants, rest(&floopy, "tenants").await);
    let of = wire::ListKeysRequest {
        tenant: "acme".into(),
    };
    let keys = admin.list_keys(of).await.expect("told").into_inner();
    assert_same(keys, rest(&floopy, "tenants/acme/keys").await);
    let change = wire::UpdateTenantRequest {
        id: "acme".into(),
        name: Some("Acme".into()),
        ..Default::default()
    };
    admin.update_tenant(change).await.expect("changed");
    let asked = wire::ListAuditRequest {
        tenant: Some("acme".into()),
        limit: Some(5),
        ..Default::default()
    };
    let audit = admin.list_audit(asked).await.expect("told").into_inner();
    assert_same(audit, rest(&floopy, "audit?tenant=acme").await);
}

#[tokio::test]
async fn every_list_of_the_system_has_what_rest_has() {
    let (_upstream, floopy) = start().await;
    let mut admin = of_operator(&floopy).await;
    eventually(|| async {
        let told = rest(&floopy, "status").await;
        if told["proxies"]["behind"] == 0 && told["proxies"]["connected"] == 1 {
            Ok(())
        } else {
            Err(told)
        }
    })
    .await;
    let proxies = admin.list_proxies(wire::ListProxiesRequest {}).await;
    let proxies = proxies.expect("told").into_inner();
    assert_same(proxies, rest(&floopy, "proxies").await);
    let plans = admin.list_plans(wire::ListPlansRequest {}).await;
    let plans = plans.expect("told").into_inner();
    assert_same(plans, rest(&floopy, "plans").await);
    let pool = admin.get_pool(wire::GetPoolRequest {}).await;
    let pool = pool.expect("told").into_inner();
    assert_same(pool, rest(&floopy, "pool").await);
    let wanted = admin.release_pool(wire::ReleasePoolRequest {}).await;
    assert!(wanted.expect("asked for").into_inner().wanted);
    // Another one may come between the two.
    let (releases, released) = eventually(|| async {
        let before = rest(&floopy, "pool/releases").await;
        let mut admin = admin.clone();
        let told = admin.list_pool_releases(wire::ListPoolReleasesRequest {});
        let told = told.await.expect("told").into_inner();
        let released = rest(&floopy, "pool/releases").await;
        let is_some = released["items"]
            .as_array()
            .is_some_and(|all| !all.is_empty());
        match is_some && before == released {
            true => Ok((told, released)),
            false => Err(released),
        }
    })
    .await;
    assert_same(releases, released);
    let status = admin.get_status(wire::GetStatusRequest {}).await;
    let status = status.expect("told").into_inner();
    assert_eq!(status.tenants.expect("there").total, 2);
}

#[tokio::test]
async fn what_is_wrong_is_told_in_grpcs_words_with_rests_code() {
    let (_upstream, floopy) = start().await;
    let mut admin = of_operator(&floopy).await;
    let gold = wire::CreateTenantRequest {
        id: "a".into(),
        plan: Some("gold".into()),
        ..Default::default()
    };
    let refused = admin.create_tenant(gold).await.expect_err("no such plan");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(
        (code(&refused), param(&refused)),
        ("invalid_body", "plan"),
        "{refused:?}"
    );
    assert!(
        refused.message().contains("enterprise, free"),
        "{refused:?}"
    );
    let nobody = wire::GetTenantRequest {
        id: "nobody".into(),
    };
    let refused = admin.get_tenant(nobody).await.expect_err("nobody");
    assert_eq!(refused.code(), Code::NotFound);
    let unclear = wire::UpdateTenantRequest {
        id: "globex".into(),
        clear: vec!["colour".into()],
        ..Default::default()
    };
    let refused = admin.update_tenant(unclear).await.expect_err("no field");
    assert_eq!(param(&refused), "colour", "{refused:?}");
    let endless = wire::UpdateTenantRequest {
        id: "globex".into(),
        shadow_budget_usd_per_day: Some(f64::NAN),
        ..Default::default()
    };
    let refused = admin.update_tenant(endless).await.expect_err("no amount");
    assert_eq!(param(&refused), "shadow_budget_usd_per_day", "{refused:?}");

    let of_tenant = floopy.api().key().to_owned();
    let cases = [
        (
            of_tenant.as_str(),
            Code::PermissionDenied,
            "operator_required",
        ),
        ("fl_guessed", Code::Unauthenticated, "invalid_api_key"),
        // What opens the planes' services opens this one not.
        ("plane-secret", Code::Unauthenticated, "invalid_api_key"),
    ];
    for (key, expected, said) in cases {
        let mut client = client(&floopy, key).await;
        let refused = client.get_status(wire::GetStatusRequest {}).await;
        let refused = refused.expect_err(key);
        assert_eq!((refused.code(), code(&refused)), (expected, said));
    }
}
