//! Data sets and evaluations over HTTP: what is refused before anything is asked.

use super::*;
use crate::{
    index::KnownModels,
    store::tenants::{self, Profile},
};

async fn dataset(fixture: &Fixture) -> (StatusCode, Value) {
    let body = json!({"name": "d", "rows": [{"input": "a"}]});
    fixture.send(&fixture.key, "POST /v1/datasets", body).await
}

#[tokio::test]
async fn a_control_plane_that_knows_no_proxy_says_so() {
    let fixture = Fixture::new().await;
    let (status, made) = dataset(&fixture).await;
    assert_eq!(status, 201, "{made}");
    let body = json!({"dataset_id": made["id"], "model": "auto"});
    let (status, refused) = fixture
        .send(&fixture.key, "POST /v1/evaluations", body)
        .await;
    assert_eq!(
        (status.as_u16(), &refused["error"]["code"]),
        (501, &json!("not_configured"))
    );
}

#[tokio::test]
async fn what_an_evaluation_names_and_is_not_there_is_told_by_its_field() {
    let fixture = Fixture::new().await;
    let api = fixture.api(KnownModels::default());
    api.evaluations.set_proxy("http://127.0.0.1:1");
    let fixture = Fixture {
        router: router(api),
        ..fixture
    };
    let (_, made) = dataset(&fixture).await;
    let nobodys = json!(Uuid::nil());
    for (dataset, prompt, named) in [
        (&nobodys, None, "dataset_id"),
        (&json!("x"), None, "dataset_id"),
        (&made["id"], Some(&nobodys), "prompt_id"),
        (&made["id"], Some(&json!("x")), "prompt_id"),
    ] {
        let body = json!({"dataset_id": dataset, "model": "auto", "prompt_id": prompt});
        let (status, code, param, _) = fixture.refused("POST /v1/evaluations", body).await;
        let found = (status, code.as_str(), param.as_str());
        assert_eq!(found, (404, "not_found", named));
    }
}

#[tokio::test]
async fn a_tenant_that_keeps_no_content_has_no_data_sets() {
    let fixture = Fixture::new().await;
    let mut tx = fixture.intake.store.write().await.expect("writes");
    let profile = Profile {
        id: tenant(),
        zero_retention: true,
        default_model: None,
        constraints: Default::default(),
        shadow_budget_micro_usd_per_day: None,
        routing: Default::default(),
        plan: None,
        caching: Default::default(),
        firewall: Default::default(),
        mcp: Default::default(),
    };
    tenants::put(&mut tx, &profile, NOW).await.expect("put");
    tx.commit().await.expect("commits");
    let (status, refused) = dataset(&fixture).await;
    assert_eq!(status, 400, "{refused}");
    assert_eq!(refused["error"]["param"], "rows");
    // What the body does not have is not what is wrong with it.
    let bare = json!({"name": "d"});
    let (status, refused) = fixture.send(&fixture.key, "POST /v1/datasets", bare).await;
    assert_eq!(status, 400, "{refused}");
    assert_eq!(refused["error"]["param"], Value::Null);
}

#[tokio::test]
async fn the_same_rows_are_one_and_another_row_of_the_same_name_is_refused_whole() {
    let fixture = Fixture::new().await;
    let (_, made) = dataset(&fixture).await;
    let path = format!(
        "POST /v1/datasets/{}/rows",
        made["id"].as_str().expect("an id")
    );
    let rows = json!([{"input": "a"}, {"input": "b", "id": "x"}, {"input": "b", "id": "x"}]);
    let (_, told) = fixture.send(&fixture.key, &path, rows).await;
    assert_eq!(
        (&told["added"], &told["duplicates"]),
        (&json!(1), &json!(1))
    );
    let rows = json!([{"input": "new"}, {"input": "c", "id": "x"}]);
    let (status, refused) = fixture.send(&fixture.key, &path, rows).await;
    assert_eq!(
        (status.as_u16(), &refused["error"]["param"]),
        (400, &json!("rows[1].id"))
    );
    let path = path.replacen("POST ", "", 1);
    let (_, page) = fixture.get(&path).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2), "{page}");
}
