//! Routing under a rule is measured against the default model's own replies there, through the proxy.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually, in_both_shapes,
    process::binary,
};
use serde_json::{Value, json};
use tokio::process::Command;

in_both_shapes!(a_rule_that_saves_is_verified_and_its_savings_are_told);

/// `tiny` costs a tenth of what `alpha` costs.
const MODELS: &str = r#"
default_model = "up/alpha"

[[models]]
provider = "up"
model = "tiny"
benchmark = 0.5
input_usd_per_mtok = 0.2
output_usd_per_mtok = 0.6
"#;

/// Calls under the rule: of each half, more than the fifty that a conclusion needs.
const CALLS: usize = 160;

fn hello() -> Value {
    json!({"model": "auto", "messages": [{"role": "user", "content": "Good morning"}]})
}

async fn rule(api: &Api) -> String {
    let rule = json!({
        "name": "half", "strategy": "weighted", "models": ["up/alpha", "up/tiny"], "weights": [1, 1],
    });
    let made = api.post("/v1/routing/rules").json(&rule).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().expect("an id").to_owned()
}

/// Makes the calls, and waits until the last of them is judged.
async fn call_under_the_rule(api: &Api) {
    let by_rule = |session: String| {
        api.post("/v1/chat/completions")
            .header("floopy-session-id", &session)
            .header("floopy-routing-rule", "half")
            .json(&hello())
    };
    eventually(|| async {
        let answer = by_rule("known".to_owned()).send().await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.text())
        }
    })
    .await;
    let mut last = String::new();
    for n in 0..CALLS {
        last = by_rule(format!("s-{n}")).send().await.ok().request_id();
    }
    eventually(|| async {
        let decision = api.decision(&last).await;
        let judged = decision["decision_trace"]["judge"].is_object();
        if judged { Ok(()) } else { Err(decision) }
    })
    .await;
}

/// `floopy` with these arguments, under the tenant's key; how it ended, and what it said.
async fn floopy_command(api: &Api, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(binary("floopy"));
    command.args(arguments).env("NO_COLOR", "1");
    command.env("FLOOPY_TEST_KEY", api.key());
    let output = command.output().await.expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.code(), said)
}

async fn recorded_savings_follow_from_the_export(floopy: &Floopy, saved: &Value) {
    let told = &saved["recorded"];
    assert!(told["requests"].as_u64() >= Some(CALLS as u64), "{told}");
    assert!(told["savings_micro_usd"].as_i64() > Some(0), "{told}");
    assert!(told["invoice_micro_usd"].as_i64() > Some(0), "{told}");
    let api = floopy.api();
    let path = |name: &str| floopy.dir().join(name).display().to_string();
    let (export, answer) = (path("export.jsonl"), path("savings.json"));
    std::fs::write(&answer, saved.to_string()).expect("written");
    let text = |key: &str| saved[key].as_str().expect("a time");
    let (from, to) = (text("from"), text("to"));
    let fetched = [
        "export",
        "decisions",
        "--from",
        from,
        "--to",
        to,
        "-o",
        &export,
        "--url",
        api.base(),
        "--key-env",
        "FLOOPY_TEST_KEY",
    ];
    let (ended, said) = floopy_command(&api, &fetched).await;
    assert_eq!(ended, Some(0), "{said}");
    let verify = ["savings", "verify", &export, "--against", &answer];
    let (ended, said) = floopy_command(&api, &[&verify[..], &["--json"]].concat()).await;
    assert_eq!(ended, Some(0), "{said}");
    let found: Value = serde_json::from_str(&said).expect("JSON");
    for key in [
        "requests",
        "baseline_cost_micro_usd",
        "actual_cost_micro_usd",
        "savings_micro_usd",
        "invoice_micro_usd",
    ] {
        assert_eq!(found[key], told[key], "{key} of {found}");
    }
    let (ended, said) = floopy_command(&api, &verify).await;
    assert!(
        ended == Some(0) && said.contains("half") && said.contains("up/tiny"),
        "{said}"
    );
    // What was billed otherwise is found out, and a changed row before anything is added up.
    let mut other = saved.clone();
    other["recorded"]["invoice_micro_usd"] = json!(1_u64 << 40);
    std::fs::write(&answer, other.to_string()).expect("written");
    let (ended, said) = floopy_command(&api, &verify).await;
    assert!(
        ended == Some(1) && said.contains("invoice_micro_usd"),
        "{said}"
    );
    let rows = std::fs::read_to_string(&export).expect("written");
    let changed = rows.replacen("\"output_tokens\":", "\"output_tokens\":1", 1);
    std::fs::write(&export, changed).expect("written");
    let (ended, said) = floopy_command(&api, &verify[..3]).await;
    assert!(ended == Some(1) && said.contains("line 1"), "{said}");
}

async fn sessions_are_told_with_what_they_saved(api: &Api) {
    let page = api
        .get("/v1/optimization/sessions?window=24h&limit=200")
        .await
        .ok()
        .json();
    let items = page["items"].as_array().expect("items");
    assert_eq!(items.len(), CALLS + 1, "{page}");
    let sum = |key: &str| {
        items
            .iter()
            .filter_map(|item| item[key].as_i64())
            .sum::<i64>()
    };
    let by = api
        .get("/v1/optimization/sessions?window=24h&group_by=model")
        .await
        .ok()
        .json();
    let groups = by["groups"].as_array().expect("groups");
    let served = groups.iter().filter(|group| group["value"].is_string());
    assert_eq!(served.count(), 2, "{by}");
    for key in ["savings_micro_usd", "cost_micro_usd", "requests"] {
        let all: i64 = groups.iter().filter_map(|group| group[key].as_i64()).sum();
        assert_eq!(all, sum(key), "{key} of {by}");
    }
}

async fn a_rule_that_saves_is_verified_and_its_savings_are_told(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).tenant(MODELS);
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    let id = rule(&api).await;
    let verification = format!("/v1/optimization/verification?route_id={id}&window=7d");
    let early = api.get(&verification).await.ok().json();
    assert_eq!(early["status"], "insufficient_data", "{early}");
    call_under_the_rule(&api).await;
    let found = eventually(|| async {
        let found = api.get(&verification).await.ok().json();
        if found["status"] == "verified" {
            Ok(found)
        } else {
            Err(found)
        }
    })
    .await;
    let (baseline, floopy_side) = (&found["baseline"], &found["floopy"]);
    let integer = |side: &Value, field: &str| side[field].as_i64().expect("an integer");
    let (dear, mean) = (
        integer(baseline, "avg_cost_micro_usd"),
        integer(floopy_side, "avg_cost_micro_usd"),
    );
    assert!(mean < dear && mean > dear / 10, "{found}");
    assert!(integer(baseline, "p50_latency_ms") >= 0, "{found}");
    assert!(
        found["delta"]["cost_pct"].as_f64().expect("a number") < -20.0,
        "{found}"
    );
    let saved = api
        .get("/v1/optimization/savings?window=24h")
        .await
        .ok()
        .json();
    assert_eq!(saved["status"], "measured", "{saved}");
    let money = |field: &str| integer(&saved, field);
    assert!(money("savings_micro_usd") > 0, "{saved}");
    assert_eq!(
        money("counterfactual_cost_micro_usd") - money("actual_cost_micro_usd"),
        money("savings_micro_usd"),
        "{saved}"
    );
    recorded_savings_follow_from_the_export(&floopy, &saved).await;
    sessions_are_told_with_what_they_saved(&api).await;
    let wrong = api.get("/v1/optimization/verification?route_id=half").await;
    assert_error(&wrong, 400, "invalid_route_id", &["\"half\""]);
    let foreign = floopy.other_api().get(&verification).await;
    assert_error(&foreign, 404, "not_found", &[]);
}
