//! The decision log in ClickHouse: it goes away and comes back, no request notices, and every decision is there once.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{collections::HashSet, time::Duration};

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream,
    checks::assert_error,
    clickhouse::ClickHouse,
    eventually_within,
    history::{HISTORIC_TENANT, fill, span},
    in_both_shapes,
    load::{Load, Tally},
};
use serde_json::{Value, json};

/// The engine takes its time to begin on a busy machine, and then has to be asked again.
const PATIENCE: Duration = Duration::from_secs(90);

in_both_shapes!(
    what_is_decided_while_clickhouse_is_killed_is_there_once,
    a_clickhouse_that_hangs_is_told_of_and_delays_no_call,
    what_the_store_had_before_is_exported_from_clickhouse,
);

async fn start(shape: Shape, engine: &ClickHouse, settings: Settings) -> Floopy {
    Floopy::with(shape, engine.logs(settings)).await
}

/// Every call of the load is listed and counted, once.
async fn listed_once(api: &Api, tally: &Tally) {
    assert_eq!(tally.failed, Vec::<String>::new());
    let served: HashSet<&str> = tally.served.iter().map(String::as_str).collect();
    eventually_within(PATIENCE, || async {
        let answer = api.get("/v1/decisions?limit=1").await;
        if answer.status != 200 {
            return Err(answer.text());
        }
        let items = api.decisions().await;
        let listed: HashSet<&str> = items
            .iter()
            .filter_map(|item| item["request_id"].as_str())
            .collect();
        if listed == served && items.len() == listed.len() {
            Ok(())
        } else {
            Err(format!("{} of {} are listed", items.len(), served.len()))
        }
    })
    .await;
    let usage = api.get("/v1/usage").await.ok().json();
    assert_eq!(usage["total"]["requests"], served.len());
}

async fn what_is_decided_while_clickhouse_is_killed_is_there_once(shape: Shape) {
    let upstream = Upstream::start().await;
    // Floopy does not wait for it to begin.
    let mut engine = ClickHouse::planned();
    let floopy = start(shape, &engine, Settings::for_upstream(&upstream)).await;
    let load = Load::start(&floopy.api(), 2, "killed");
    load.serves(40).await;
    engine.start_again().await;
    load.serves(40).await;
    for _ in 0..2 {
        engine.kill();
        load.serves(60).await;
        engine.start_again().await;
        load.serves(40).await;
    }
    let tally = load.finish().await;
    listed_once(&floopy.api(), &tally).await;
}

async fn a_clickhouse_that_hangs_is_told_of_and_delays_no_call(shape: Shape) {
    let upstream = Upstream::start().await;
    let engine = ClickHouse::start().await;
    let floopy = start(shape, &engine, Settings::for_upstream(&upstream)).await;
    let api = floopy.api();
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "x"}]});
    let before = api.chat("s", &body).await.ok().request_id();
    api.decision(&before).await;
    engine.freeze();
    let during = api.chat("s", &body).await.ok().request_id();
    for path in [
        format!("/v1/decisions/{before}"),
        "/v1/decisions".to_owned(),
    ] {
        let answer = api.get(&path).await;
        assert_eq!(answer.header("retry-after"), "2");
        assert_error(&answer, 503, "decision_log_unavailable", &["ClickHouse"]);
    }
    api.chat("s", &body).await.ok();
    engine.thaw();
    api.decision(&during).await;
}

/// What is answered once the engine is not too slow for it any more.
async fn told(api: &Api, path: &str) -> Value {
    eventually_within(PATIENCE, || async {
        let answer = api.get(path).await;
        if answer.status == 200 {
            Ok(answer.json())
        } else {
            Err(answer.text())
        }
    })
    .await
}

async fn what_the_store_had_before_is_exported_from_clickhouse(shape: Shape) {
    const ROWS: usize = 1_000;
    let dir = tempfile::tempdir().expect("a directory");
    fill(dir.path(), shape, ROWS).await;
    let upstream = Upstream::start().await;
    let engine = ClickHouse::start().await;
    let (tenant, key) = HISTORIC_TENANT;
    let settings = Settings::for_upstream(&upstream)
        .another_tenant(tenant, key)
        .export("interval_ms = 0");
    let floopy = Floopy::over(shape, engine.logs(settings), dir).await;
    let api = floopy.api().with_key(key);
    let (from, to) = span();
    let path = format!("/v1/export/decisions?from={from}&to={to}");
    eventually_within(PATIENCE, || async {
        let answer = api.get(&path).await;
        if answer.status != 200 {
            return Err(answer.text());
        }
        let text = answer.text();
        let trailer: Value = serde_json::from_str(text.lines().last().unwrap_or_default())
            .map_err(|e| e.to_string())?;
        match (&trailer["row_count"], &trailer["outcome"]) {
            (rows, outcome) if *rows == ROWS && *outcome == "completed" => Ok(()),
            _ => Err(trailer.to_string()),
        }
    })
    .await;
    let newest = told(&api, "/v1/decisions?limit=2").await;
    let cursor = newest["next_cursor"].as_str().expect("there is more");
    let next = format!("/v1/decisions?limit=2&cursor={cursor}");
    let next = told(&api, &next).await;
    assert_ne!(newest["items"], next["items"]);
    assert_eq!(next["items"].as_array().map(Vec::len), Some(2));
}
