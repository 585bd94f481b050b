//! Shadows: sent, judged and never shown; what they may cost, and where none is sent.

use std::time::Duration;

use floopy_proto::v1;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    control::{Control, eventually},
    proxy::{Proxy, config},
    snapshots::{MODELS, catalog, ranking, tenant},
    upstream::{Upstream, completion},
};

#[tokio::test]
async fn a_shadow_is_sent_after_the_reply_judged_and_never_shown() {
    let one = Upstream::start(|_, _| completion("served")).await;
    let two = Upstream::start(|_, _| completion("shadow")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[one.base_url(), two.base_url()], dialer).await;
    control
        .push(
            1,
            vec![
                catalog(1, &MODELS),
                tenant(1, false),
                ranking(1, MODELS, 1.0),
            ],
        )
        .await;
    let got = proxy.chat("auto").await;
    assert_eq!(got.json()["choices"][0]["message"]["content"], "served");
    eventually("both are judged", || {
        (control.jobs().len() == 2).then_some(())
    })
    .await;
    let shadow = control
        .decisions()
        .into_iter()
        .find(|d| !d.shadow_of.is_empty())
        .unwrap();
    let id: uuid::Uuid = got.header("x-request-id").parse().unwrap();
    assert_eq!(shadow.shadow_of, id.as_bytes().to_vec());
    assert_eq!(
        (shadow.served.as_str(), shadow.reason),
        ("b/two", v1::Reason::Shadow.into())
    );
    assert_eq!(
        shadow.propensity, 1.0,
        "the rate times that of the only candidate"
    );
    assert_eq!(
        shadow.session_id, "",
        "a rating of the session must not credit it"
    );
    let job = control
        .jobs()
        .into_iter()
        .find(|job| job.candidate == "b/two")
        .unwrap();
    assert_eq!(
        (job.reply.as_str(), &job.request_id),
        ("shadow", &shadow.request_id)
    );
    proxy.finish().await;
}

#[tokio::test]
async fn content_of_a_zero_retention_tenant_reaches_neither_shadow_nor_spool() {
    let upstream = Upstream::start(|_, _| completion("secret reply")).await;
    let (control, dialer) = Control::start();
    let dir = tempfile::tempdir().unwrap();
    let config = config(&[upstream.base_url(), upstream.base_url()], dir.path());
    let proxy = Proxy::launch(config, dialer).await;
    control
        .push(
            1,
            vec![
                catalog(1, &MODELS),
                tenant(1, true),
                ranking(1, MODELS, 1.0),
            ],
        )
        .await;
    control.refuse(true);
    assert_eq!(proxy.chat("auto").await.status, StatusCode::OK);
    let spooled: Vec<u8> = std::fs::read_dir(dir.path().join("spool"))
        .unwrap()
        .flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    let holds = |text: &str| {
        spooled
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(holds("acme") && !holds("secret reply") && !holds("say hi"));
    control.refuse(false);
    proxy.finish().await;
    assert_eq!(
        (
            control.decisions().len(),
            control.jobs().len(),
            upstream.seen().len()
        ),
        (1, 0, 1)
    );
}

/// Every call is shadowed, and each costs what its usage says at a USD a million tokens.
async fn with_budget(micro_usd: u64) -> (Upstream, Control, Proxy) {
    let upstream = Upstream::start(|_, _| completion("hi")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url(), upstream.base_url()], dialer).await;
    let (mut catalog, mut tenant) = (catalog(1, &MODELS), tenant(1, false));
    if let Some(v1::table::Body::Catalog(catalog)) = &mut catalog.body {
        for model in &mut catalog.models {
            model.price_unknown = false;
            model.input_micro_usd_per_mtok = 1_000_000;
            model.output_micro_usd_per_mtok = 1_000_000;
        }
    }
    if let Some(v1::table::Body::Tenant(tenant)) = &mut tenant.body {
        tenant.shadow_budget_micro_usd_per_day = Some(micro_usd);
    }
    let tables = vec![catalog, tenant, ranking(1, MODELS, 1.0)];
    control.push(1, tables).await;
    (upstream, control, proxy)
}

fn shadows(control: &Control) -> Vec<v1::Decision> {
    let decisions = control.decisions().into_iter();
    decisions.filter(|d| !d.shadow_of.is_empty()).collect()
}

#[tokio::test]
async fn shadows_stop_where_the_budget_of_the_day_is_spent() {
    let (_upstream, control, proxy) = with_budget(1).await;
    assert_eq!(proxy.chat("auto").await.status, StatusCode::OK);
    let first = eventually("the shadow", || shadows(&control).pop()).await;
    let cost = first
        .outcome
        .expect("an outcome")
        .cost_micro_usd
        .expect("priced");
    assert!(cost > 1, "the first call overruns the budget");
    eventually("both are judged, so that it is settled", || {
        (control.jobs().len() == 2).then_some(())
    })
    .await;
    for _ in 0..3 {
        assert_eq!(proxy.chat("auto").await.status, StatusCode::OK);
    }
    let lines = [
        format!("floopy_shadow_cost_micro_usd_total {cost}"),
        "floopy_shadow_over_budget_total 3".to_owned(),
        "floopy_shadow_calls_total 1".to_owned(),
    ];
    let shown = async {
        loop {
            let metrics = proxy.admin("/metrics").await.text();
            if lines.iter().all(|line| metrics.contains(line)) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), shown)
        .await
        .expect("the counters agree");
    proxy.finish().await;
    assert_eq!(shadows(&control).len(), 1);
}

#[tokio::test]
async fn a_budget_of_nothing_sends_no_shadow_at_all() {
    let (upstream, control, proxy) = with_budget(0).await;
    assert_eq!(proxy.chat("auto").await.status, StatusCode::OK);
    proxy.finish().await;
    assert_eq!((shadows(&control).len(), upstream.seen().len()), (0, 1));
}

#[tokio::test]
async fn no_shadow_is_sent_in_a_tool_loop_or_where_the_provider_runs_tools() {
    let (upstream, control, proxy) = with_budget(1_000_000).await;
    let user = json!({"role": "user", "content": "hi"});
    let call = json!({"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function"}]});
    let result = json!({"role": "tool", "tool_call_id": "call_1", "content": "42"});
    let looping = json!({"model": "auto", "messages": [user, call, result]});
    let searching = json!({"model": "auto", "messages": [user], "tools": [{"type": "web_search"}]});
    for body in [looping, searching] {
        let sent = proxy
            .send(proxy.post("/v1/chat/completions", &body.to_string()))
            .await;
        assert_eq!(sent.status, StatusCode::OK);
    }
    proxy.finish().await;
    assert_eq!((shadows(&control).len(), upstream.seen().len()), (0, 2));
    let models: Vec<Value> = upstream
        .seen()
        .iter()
        .map(|seen| serde_json::from_slice::<Value>(&seen.body).unwrap()["model"].clone())
        .collect();
    assert_eq!(models, ["one", "one"]);
}
