//! Savings as they are recorded with every call: what is told of them is what the exported rows add up to.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    cache::{CacheHit, CacheUse},
    decision::{Decision, Ending, Stage},
    money::{Prices, Usage},
    savings::{Priced, invoice_micro_usd},
};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::Export;

/// What calls of the tests are like.
#[derive(Debug, Clone)]
struct Like {
    usage: Usage,
    prices: (u64, u64),
    /// Which of the ways not to count, if any.
    odd: u8,
    wasted: Option<u64>,
    rule: Option<&'static str>,
}

fn prices(per_mtok: u64) -> Prices {
    Prices {
        input_micro_usd_per_mtok: per_mtok,
        output_micro_usd_per_mtok: per_mtok.saturating_mul(4),
        cached_input_micro_usd_per_mtok: Some(per_mtok / 10),
    }
}

fn call(n: u64, like: &Like) -> Decision {
    let mut call = turn(n, &format!("s-{}", n % 5), "b");
    let (baseline, served) = (prices(like.prices.0), prices(like.prices.1));
    call.rule = like.rule.map(str::to_owned);
    call.outcome.usage = like.usage;
    call.outcome.usage_estimated = false;
    call.outcome.cost_micro_usd = Some(served.cost_micro_usd(like.usage));
    call.attempts[0].wasted_micro_usd = like.wasted;
    let mut priced = Priced {
        baseline: Some(key("base")),
        baseline_prices: Some(baseline),
        served_prices: Some(served),
        table_version: n,
    };
    match like.odd {
        0 => call.evaluation = true,
        1 => call.outcome.status = 502,
        2 => call.outcome.ending = Ending::ClientDisconnected,
        3 => call.stage = Stage::Started,
        4 => call.outcome.usage_estimated = true,
        5 => priced.baseline = None,
        6 => priced.served_prices = None,
        7 => call.cache = Some(CacheUse::Hit(hit())),
        8 => call.shadow_of = Some(request(1)),
        _ => {}
    }
    call.priced = (like.odd != 9).then_some(priced);
    call
}

fn hit() -> CacheHit {
    CacheHit {
        age_s: 1,
        saved_micro_usd: None,
        saved_input_tokens: 0,
        saved_output_tokens: 0,
        similar: None,
    }
}

fn likes() -> impl Strategy<Value = Like> {
    let usage = (0..200_000_u64, 0..200_000_u64, 0..50_000_u64);
    let wasted = prop::option::weighted(0.2, 0..5_000_u64);
    let rule = prop::sample::select(vec![Some("frugal"), Some("gone"), None]);
    let prices = (0..20_000_000_u64, 0..20_000_000_u64);
    (usage, prices, 0..30_u8, wasted, rule).prop_map(|(usage, prices, odd, wasted, rule)| Like {
        usage: Usage {
            input: usage.0,
            cached_input: usage.1.min(usage.0),
            output: usage.2,
        },
        prices,
        odd,
        wasted,
        rule,
    })
}

async fn rows(fixture: &Fixture, answer: &Value) -> Vec<Value> {
    let (from, to) = (&answer["from"], &answer["to"]);
    let text = |at: &Value| at.as_str().expect("a time").to_owned();
    let path = format!(
        "/v1/export/decisions?from={}&to={}&shadow=include",
        text(from),
        text(to)
    );
    let (status, _, body) = fixture.raw(&path, Some(&fixture.key)).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let body = String::from_utf8(body).expect("text");
    let mut rows: Vec<Value> = body
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    rows.pop();
    rows
}

async fn the_answer_is_the_sum_of_the_rows(likes: Vec<Like>) {
    let exports = Export {
        interval_ms: 0,
        ..Export::default()
    };
    let fixture = Fixture::with_exports(exports).await;
    let calls = (1..).zip(&likes).map(|(n, like)| decided(n, call(n, like)));
    append(&fixture.intake, calls.collect()).await;
    let (status, answer) = fixture.get("/v1/optimization/savings?window=24h").await;
    assert_eq!(status, 200, "{answer}");
    let told = &answer["recorded"];
    let (mut requests, mut baseline, mut actual) = (0_u64, 0_u64, 0_u64);
    let mut excluded: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    for row in rows(&fixture, &answer).await {
        let savings = &row["savings"];
        let why = if savings.is_null() {
            Some("not_recorded")
        } else {
            savings["excluded"].as_str()
        };
        match why {
            _ if row["shadow_of"].is_string() => {}
            None => {
                requests += 1;
                baseline += savings["baseline_cost_micro_usd"].as_u64().expect("whole");
                actual += savings["actual_cost_micro_usd"].as_u64().expect("whole");
            }
            Some(why) => *excluded.entry(why.to_owned()).or_default() += 1,
        }
    }
    assert_eq!(told["requests"], requests, "{told}");
    assert_eq!(told["baseline_cost_micro_usd"], baseline, "{told}");
    assert_eq!(told["actual_cost_micro_usd"], actual, "{told}");
    let saved = i64::try_from(baseline).expect("small") - i64::try_from(actual).expect("small");
    assert_eq!(told["savings_micro_usd"], saved);
    assert_eq!(told["invoice_micro_usd"], invoice_micro_usd(saved, 150_000));
    for (why, count) in told["excluded"].as_object().expect("an object") {
        assert_eq!(count, excluded.get(why).unwrap_or(&0), "{why} of {told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn what_is_told_is_what_the_exported_rows_add_up_to(likes in prop::collection::vec(likes(), 1..60)) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(the_answer_is_the_sum_of_the_rows(likes));
    }
}

fn plain(rule: &'static str) -> Like {
    Like {
        usage: Usage {
            input: 1_000,
            cached_input: 0,
            output: 0,
        },
        prices: (1_000_000, 100_000),
        odd: u8::MAX,
        wasted: None,
        rule: Some(rule),
    }
}

/// Sessions s-1 and s-2 with two calls each, s-3 (which failed), s-4 (rated 9, of plan pro) and s-0 with one.
async fn with_sessions() -> Fixture {
    let fixture = Fixture::new().await;
    let mut calls: Vec<Decision> = (1..=7).map(|n| call(n, &plain("frugal"))).collect();
    calls[2].outcome.status = 502;
    calls[3].tags = Some(Box::new(tagged("pro")));
    calls[4].tags = Some(Box::new(tagged("free")));
    let mut events: Vec<_> = (1..).zip(calls).map(|(n, call)| decided(n, call)).collect();
    events.push(rated(50, "s-4", 9));
    append(&fixture.intake, events).await;
    fixture
}

#[tokio::test]
async fn sessions_are_told_by_pages_with_what_they_cost_saved_and_came_to() {
    let fixture = with_sessions().await;
    let mut path = "/v1/optimization/sessions?window=24h&limit=2".to_owned();
    let mut found = Vec::new();
    loop {
        let (status, page) = fixture.get(&path).await;
        assert_eq!(status, 200, "{page}");
        found.extend(page["items"].as_array().expect("items").clone());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/optimization/sessions?window=24h&limit=2&cursor={cursor}");
        let (status, ..) = fixture.raw(&path, Some(&fixture.stranger)).await;
        assert_eq!(status, 400, "another tenant's cursor");
    }
    let session = |session: &Value| {
        let text = |key: &str| session[key].as_str().expect("text").to_owned();
        let number = |key: &str| session[key].as_i64().expect("whole");
        let numbers = (number("requests"), number("savings_micro_usd"));
        (text("session_id"), text("outcome"), numbers)
    };
    let told: Vec<_> = found.iter().map(session).collect();
    let expected = [
        ("s-2", "unrated", (2, 1_800)),
        ("s-1", "unrated", (2, 1_800)),
        ("s-0", "unrated", (1, 900)),
        ("s-4", "rated", (1, 900)),
        ("s-3", "failed", (1, 0)),
    ];
    let expected = expected.map(|(id, outcome, sums)| (id.to_owned(), outcome.to_owned(), sums));
    assert_eq!(told, expected);
}

#[tokio::test]
async fn pages_of_sessions_are_all_of_them_once_whatever_their_turns() {
    let fixture = Fixture::new().await;
    let mut sessions: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut events = Vec::new();
    for n in 1..=150 {
        let name = format!("s-{}", n * n % 23);
        let mut call = turn(n, &name, "b");
        // Several at the same moment, and some that are copies.
        call.created_at_ms = NOW - 1_000 + n / 4;
        if n % 10 == 0 {
            call.shadow_of = Some(request(n - 1));
        } else {
            let (last_ms, calls) = sessions.entry(name).or_default();
            *last_ms = call.created_at_ms;
            *calls += 1;
        }
        events.push(decided(n, call));
    }
    append(&fixture.intake, events).await;
    let mut expected: Vec<_> = sessions.into_iter().collect();
    expected.sort_by(|(a, (a_ms, _)), (b, (b_ms, _))| (b_ms, b).cmp(&(a_ms, a)));
    let expected: Vec<_> = expected.into_iter().map(|(id, (_, n))| (id, n)).collect();
    let (mut found, mut path) = (Vec::new(), "/v1/sessions?limit=3".to_owned());
    loop {
        let (status, page) = fixture.get(&path).await;
        assert_eq!(status, 200, "{page}");
        found.extend(page["items"].as_array().expect("items").clone());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/sessions?limit=3&cursor={cursor}");
        let (status, ..) = fixture.raw(&path, Some(&fixture.stranger)).await;
        assert_eq!(status, 400, "another tenant's cursor");
    }
    let told = found.iter().map(|one| {
        let id = one["session_id"].as_str().expect("an id").to_owned();
        (id, one["requests"].as_u64().expect("a count"))
    });
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let (status, ..) = fixture
        .raw("/v1/sessions?window=24h", Some(&fixture.key))
        .await;
    assert_eq!(status, 400, "a key of another list");
}

#[tokio::test]
async fn sessions_are_summed_by_what_their_callers_said_of_them() {
    let fixture = with_sessions().await;
    let (_, one) = fixture
        .get("/v1/optimization/sessions?property=plan%3Dpro")
        .await;
    assert_eq!(one["items"][0]["session_id"], "s-4");
    assert_eq!(one["items"].as_array().expect("items").len(), 1);
    let (_, all) = fixture
        .get("/v1/optimization/sessions?group_by=property:plan")
        .await;
    let groups = all["groups"].as_array().expect("groups");
    let of = |value: Value| {
        let found = groups.iter().find(|group| group["value"] == value);
        found.expect("a group")
    };
    assert_eq!(of(json!("pro"))["mean_rating"], 9.0);
    assert_eq!(of(json!("free"))["requests"], 1);
    assert_eq!(of(Value::Null)["requests"], 5);
    let nobody = "/v1/optimization/sessions";
    let (_, _, body) = fixture.raw(nobody, Some(&fixture.stranger)).await;
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["items"], json!([]));
    for bad in [
        "group_by=property:",
        "group_by=colour",
        "window=1h",
        "cursor=abc",
        "colour=red",
    ] {
        let path = format!("/v1/optimization/sessions?{bad}");
        let (status, ..) = fixture.raw(&path, Some(&fixture.key)).await;
        assert_eq!(status, 400, "{bad}");
    }
}

fn tagged(plan: &str) -> floopy_shared::domain::tags::Tags {
    floopy_shared::domain::tags::Tags {
        properties: [("plan".to_owned(), plan.to_owned())].into(),
        ..Default::default()
    }
}
