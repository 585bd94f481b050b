//! What calls used is told to the micro-dollar, and a month that is used up ends at the proxy.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Answer, Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually,
    in_both_shapes,
};
use http::Method;
use serde_json::{Value, json};

in_both_shapes!(
    what_calls_used_is_told_by_model_and_project,
    calls_that_name_no_project_are_counted_for_the_default,
    a_plans_month_ends_at_the_proxy,
    a_months_cost_ends_calls_until_its_limit_is_raised,
    what_a_plan_lacks_is_refused_by_feature,
);

async fn start(shape: Shape, settings: impl FnOnce(Settings) -> Settings) -> (Upstream, Floopy) {
    let upstream = Upstream::start().await;
    let settings = settings(Settings::for_upstream(&upstream));
    let floopy = Floopy::with(shape, settings).await;
    (upstream, floopy)
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Good morning"}]})
}

async fn usage(api: &Api, query: &str) -> Value {
    api.get(&format!("/v1/usage{query}")).await.ok().json()
}

/// Waits until so many calls are counted.
async fn counted(api: &Api, query: &str, requests: i64) -> Value {
    eventually(|| async {
        let usage = usage(api, query).await;
        match usage["total"]["requests"] == requests {
            true => Ok(usage),
            false => Err(usage.to_string()),
        }
    })
    .await
}

async fn what_calls_used_is_told_by_model_and_project(shape: Shape) {
    let (_upstream, floopy) = start(shape, |settings| settings).await;
    let api = floopy.api();
    for model in ["up/alpha", "up/alpha", "up/beta"] {
        api.chat("s", &hello(model)).await.ok();
    }
    let shop = api.post("/v1/projects").json(&json!({"name": "Shop"}));
    let shop = shop.send().await.ok().json()["id"].clone();
    let shop = shop.as_str().expect("an id");
    let named = api.post("/v1/chat/completions").json(&hello("up/beta"));
    let named = named.header("floopy-project-id", shop).send().await.ok();
    api.post("/v1/chat/completions")
        .json(&hello("auto,up/alpha"))
        .send()
        .await;
    let told = counted(&api, "?group_by=model,project", 5).await;
    let decisions = api.decisions().await;
    let sum = |key: &str| -> i64 {
        let of = |d: &Value| d["decision_trace"]["outcome"][key].as_i64().unwrap_or(0);
        decisions.iter().map(of).sum()
    };
    assert!(sum("cost_micro_usd") > 0);
    assert_eq!(told["total"]["cost_micro_usd"], sum("cost_micro_usd"));
    assert_eq!(told["total"]["output_tokens"], sum("output_tokens"));
    assert_eq!(told["total"]["errors"], 1, "{told}");
    let groups = told["groups"].as_array().expect("groups");
    let of = |model: Value, project: Value| {
        let mut groups = groups.iter();
        let found = groups.find(|g| g["model"] == model && g["project_id"] == project);
        found.map_or(Value::Null, |group| group["requests"].clone())
    };
    assert_eq!(of(json!("up/alpha"), Value::Null), 2, "{told}");
    assert_eq!(of(json!("up/beta"), Value::Null), 1, "{told}");
    assert_eq!(of(json!("up/beta"), json!(shop)), 1, "{told}");
    assert_eq!(of(Value::Null, Value::Null), 1, "{told}");
    let decision = api.decision(&named.request_id()).await;
    assert_eq!(decision["decision_trace"]["project_id"], shop);
    assert_eq!(told["quotas"]["requests"]["limit"], Value::Null);
    let wrong = api.post("/v1/chat/completions").json(&hello("up/beta"));
    let wrong = wrong.header("floopy-project-id", "shop").send().await;
    assert_error(
        &wrong,
        400,
        "invalid_request",
        &["floopy-project-id", "shop"],
    );
    let others = usage(&floopy.other_api(), "?group_by=model").await;
    assert_eq!(
        (&others["total"]["requests"], &others["groups"]),
        (&json!(0), &json!([]))
    );
    let wrong = api.get("/v1/usage?group_by=colour").await;
    assert_error(&wrong, 400, "invalid_request", &["group_by", "colour"]);
}

/// The id of a new project.
async fn project(api: &Api, body: &Value) -> String {
    let made = api.post("/v1/projects").json(body).send().await.ok();
    made.json()["id"].as_str().expect("an id").to_owned()
}

/// Calls until a call is counted for this project.
async fn until_counted_for(api: &Api, project: &str) {
    eventually(|| async {
        let answer = api.chat("s", &hello("up/alpha")).await;
        // A new key is not known to the proxy yet.
        if answer.status != 200 {
            return Err(answer.text());
        }
        let decision = api.decision(&answer.request_id()).await;
        match &decision["decision_trace"]["project_id"] {
            found if found == project => Ok(()),
            found => Err(found.to_string()),
        }
    })
    .await;
}

async fn calls_that_name_no_project_are_counted_for_the_default(shape: Shape) {
    let (_upstream, floopy) = start(shape, |settings| settings).await;
    let api = floopy.api();
    let first = project(&api, &json!({"name": "First", "default": true})).await;
    until_counted_for(&api, &first).await;
    let second = project(&api, &json!({"name": "Second", "default": true})).await;
    until_counted_for(&api, &second).await;
    let was = api.get(&format!("/v1/projects/{first}")).await.ok().json();
    assert_eq!(was["default"], false, "{was}");
    // A key has its own, and calls name others.
    let wanted = json!({"name": "app", "default_project_id": first});
    let made = api.post("/v1/keys").json(&wanted).send().await.ok().json();
    assert_eq!(made["default_project_id"], first);
    assert_eq!(made["role"], "owner", "it is held to nothing");
    let app = api.with_key(made["key"].as_str().expect("told"));
    until_counted_for(&app, &first).await;
    let named = app.post("/v1/chat/completions").json(&hello("up/beta"));
    let named = named.header("floopy-project-id", &second).send().await.ok();
    let decision = api.decision(&named.request_id()).await;
    assert_eq!(decision["decision_trace"]["project_id"], second);
    let kept = api.call(Method::DELETE, &format!("/v1/projects/{first}"));
    assert_error(&kept.send().await, 400, "invalid_body", &[&first, "key_"]);
}

/// Asks until this is the status; the answer that has it.
async fn until_status(api: &Api, status: u16) -> Answer {
    eventually(|| async {
        let answer = api.chat("s", &hello("up/alpha")).await;
        match answer.status == status {
            true => Ok(answer),
            false => Err(format!("{} {}", answer.status, answer.text())),
        }
    })
    .await
}

/// In whole seconds, and that nobody is to wait for it by itself.
#[track_caller]
fn assert_says_when_the_month_ends(refused: &Answer) {
    let said = refused.header("retry-after");
    let seconds: u64 = said.parse().unwrap_or_default();
    assert!((1..=31 * 86_400).contains(&seconds), "{said:?}");
    assert_eq!(refused.header("x-should-retry"), "false");
}

async fn a_plans_month_ends_at_the_proxy(shape: Shape) {
    let plan = "name = \"tiny\"\nrequests_per_month = 3\nratings_per_month = 1";
    let tiny = |settings: Settings| settings.plan(plan).tenant("plan = \"tiny\"");
    let (upstream, floopy) = start(shape, tiny).await;
    let api = floopy.api();
    for session in ["a", "b", "c"] {
        api.chat(session, &hello("up/alpha")).await.ok();
    }
    let refused = until_status(&api, 429).await;
    assert_error(&refused, 429, "quota_reached", &["plan"]);
    assert_eq!(refused.json()["error"]["type"], "insufficient_quota");
    assert_says_when_the_month_ends(&refused);
    let served = upstream.count("alpha");
    assert!(served >= 3, "{served}");
    for _ in 0..5 {
        let refused = api.chat("s", &hello("up/alpha")).await;
        assert_error(&refused, 429, "quota_reached", &["plan"]);
    }
    assert_eq!(upstream.count("alpha"), served, "nothing is sent any more");
    let told = usage(&api, "").await;
    let requests = &told["quotas"]["requests"];
    assert_eq!(
        (&requests["limit"], &requests["remaining"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(told["plan"]["name"], "tiny");
    // Ratings are counted apart; one that is revised is the same one.
    let rating = |session: &str| json!({"session_id": session, "score": 9, "useful": true});
    api.rate(&rating("a")).await.ok();
    let refused = eventually(|| async {
        let answer = api.rate(&rating("b")).await;
        match answer.status == 429 {
            true => Ok(answer),
            false => Err(answer.text()),
        }
    })
    .await;
    assert_error(&refused, 429, "quota_reached", &["ratings"]);
    // Floopy's packages would sleep until then.
    assert_eq!(refused.header("retry-after"), "");
    assert_eq!(refused.header("x-should-retry"), "false");
    let mut revised = rating("a");
    revised["revise"] = json!(true);
    api.rate(&revised).await.ok();
    // Nobody else's month is over.
    floopy.other_api().chat("s", &hello("up/alpha")).await.ok();
}

async fn a_months_cost_ends_calls_until_its_limit_is_raised(shape: Shape) {
    let (_upstream, floopy) = start(shape, |settings| settings).await;
    let api = floopy.api();
    let limit = |usd: f64| json!({"cost_limit_monthly_usd": usd});
    let put = async |usd| {
        let answer = api.call("PUT".parse().expect("a method"), "/v1/constraints");
        answer.json(&limit(usd)).send().await.ok();
    };
    put(0.000_001).await;
    let refused = until_status(&api, 429).await;
    assert_error(
        &refused,
        429,
        "cost_limit_reached",
        &["cost_limit_monthly_usd"],
    );
    assert_says_when_the_month_ends(&refused);
    let told = usage(&api, "").await;
    assert_eq!(told["quotas"]["cost_micro_usd"]["limit"], 1);
    assert!(
        told["quotas"]["cost_micro_usd"]["used"].as_i64() >= Some(1),
        "{told}"
    );
    put(100.0).await;
    until_status(&api, 200).await;
}

async fn what_a_plan_lacks_is_refused_by_feature(shape: Shape) {
    let (_upstream, floopy) = start(shape, |settings| settings.tenant("plan = \"free\"")).await;
    let api = floopy.api();
    let span = "from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z";
    let cases = [
        (
            "GET",
            format!("/v1/export/decisions?{span}"),
            "has_audit_api",
        ),
        ("GET", "/v1/constraints".to_owned(), "has_feedback_routing"),
        (
            "POST",
            "/v1/routing/explain".to_owned(),
            "has_feedback_routing",
        ),
        ("POST", "/v1/experiments".to_owned(), "has_test_ab"),
    ];
    let doors = [api.clone(), floopy.control_api()];
    for (method, path, feature) in cases {
        for door in &doors {
            if path.ends_with("explain") && door.base() != api.base() {
                continue;
            }
            let call = door.call(method.parse().expect("a method"), &path);
            let refused = call.json(&hello("auto")).send().await;
            assert_error(&refused, 403, "plan_required", &["free", feature]);
            assert_eq!(refused.json()["error"]["feature"], feature);
        }
    }
    let project = json!({"name": "one"});
    api.post("/v1/projects").json(&project).send().await.ok();
    let full = api
        .post("/v1/projects")
        .json(&json!({"name": "two"}))
        .send()
        .await;
    assert_error(&full, 403, "plan_required", &["free", "1 projects"]);
    assert_eq!(full.json()["error"]["feature"], "projects");
    let advanced = json!({"semantic": {"mode": "on", "advanced": true}});
    let cache = |body: &Value| api.call(Method::PUT, "/v1/cache").json(body);
    let refused = cache(&advanced).send().await;
    let mentions = ["free", "has_advanced_cache"];
    assert_error(&refused, 403, "plan_required", &mentions);
    assert_eq!(refused.json()["error"]["feature"], "has_advanced_cache");
    let plain = json!({"semantic": {"mode": "on", "advanced": false}});
    cache(&plain).send().await.ok();
    // Everything that all plans have is there.
    api.chat("s", &hello("auto")).await.ok();
    api.get("/v1/decisions").await.ok();
}
