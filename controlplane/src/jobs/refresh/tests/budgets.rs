//! A month that is used up closes its tenant, and its webhooks are told once.

use floopy_shared::domain::snapshot::{Closed, TableBody};
use serde_json::json;

use super::*;
use crate::store::sql;
use crate::{
    fixture::{append, decided, decision, tenant},
    store::settings::{self as documents, Document, Kind},
};

async fn put(intake: &Intake, kind: Kind, id: &str, body: serde_json::Value) {
    let document = Document {
        id: id.to_owned(),
        body: body.to_string(),
        created_ms: 1,
        changed_ms: 1,
    };
    let mut tx = intake.store.write().await.expect("writes");
    let put = documents::put(&mut tx, (&tenant(), kind), &document).await;
    put.expect("put");
    tx.commit().await.expect("commits");
}

fn closed(job: &Refresh) -> Option<Closed> {
    let tables = job.parts.index.current();
    let mut bodies = tables.iter().map(|(_, entry)| &entry.body);
    bodies.find_map(|body| match body {
        TableBody::Tenant(found) => found.closed,
        TableBody::Catalog(_)
        | TableBody::Rankings(_)
        | TableBody::Prompts(_)
        | TableBody::Credential(_) => None,
    })
}

async fn told(intake: &Intake) -> Vec<String> {
    sql::query_scalar("SELECT body FROM webhook_deliveries WHERE event = 'budget_exceeded'")
        .fetch_all(intake.store.read())
        .await
        .expect("read")
}

#[tokio::test]
async fn a_month_that_is_used_up_closes_its_tenant_and_is_told_once() {
    let intake = intake().await;
    let mut job = started(&intake, &[tenant().as_str()]).await;
    let hook = json!({
        "url": "https://receiver.example/", "events": ["budget_exceeded"], "description": null,
        "is_active": true, "salt": "x", "previous": null,
    });
    put(&intake, Kind::Webhook, "hook", hook).await;
    let limit = json!({"cost_limit_monthly_usd": 0.000_001});
    put(&intake, Kind::Constraints, "limits", limit).await;
    job.attempt().await;
    assert_eq!((closed(&job), told(&intake).await.len()), (None, 0));
    append(&intake, vec![decided(1, decision(1))]).await;
    job.polled = None;
    job.attempt().await;
    assert!(matches!(closed(&job), Some(Closed::MonthlyCost { .. })));
    // Nor after a restart.
    job = started(&intake, &[tenant().as_str()]).await;
    job.attempt().await;
    let told = told(&intake).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("cost_limit_monthly_usd"), "{}", told[0]);
}
