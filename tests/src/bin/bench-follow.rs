//! Measures how long it takes until every proxy of a fleet decides by what happened: by a rating that was taken in, and by
//! an alarm that takes a model out of use.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::time::{Duration, Instant};

use floopy_tests::{
    Api, Floopy, Reply, Settings, Shape, Upstream,
    bench::report::{Report, percentile, say},
    neighbour::Neighbour,
};
use futures::future::join_all;
use serde_json::{Value, json};

/// Proxies beside the first.
const NEIGHBOURS: [&str; 2] = ["second", "third"];
/// Ratings that are followed.
const RATINGS: usize = 60;
/// Fleets, each of which loses a model for two tenants.
const FLEETS: usize = 6;
/// Failed calls that are never an alarm.
const TOO_FEW: usize = 15;
/// A failed call that was no alarm by then is none.
const LONGEST: Duration = Duration::from_millis(1_500);
/// Asking is what this does.
const EXPLAINS: &str = "tenant_explains_per_minute = 10000000\nkey_explains_per_minute = 10000000";

#[tokio::main]
async fn main() {
    let fleets = std::env::args().nth(1);
    let fleets = fleets.map_or(FLEETS, |n| n.parse().expect("a number of fleets"));
    let (mut rated, mut masked) = (Vec::new(), Vec::new());
    for fleet in 0..fleets {
        let upstream = Upstream::start().await;
        let settings = Settings::for_upstream(&upstream)
            .proxy("limits", EXPLAINS)
            .proxy("breaker", "failures = 100000");
        let floopy = Floopy::with(Shape::Split, settings).await;
        let mut neighbours = Vec::new();
        for name in NEIGHBOURS {
            neighbours.push(Neighbour::of(&floopy, Shape::Split, name).await);
        }
        let proxies = |key: &str| -> Vec<Api> {
            let others = neighbours.iter().map(Neighbour::api);
            let all = [floopy.api()].into_iter().chain(others);
            all.map(|api| api.with_key(key)).collect()
        };
        let keys = [
            floopy.api().key().to_owned(),
            floopy.other_api().key().to_owned(),
        ];
        if fleet == 0 {
            rated = ratings(&proxies(&keys[0])).await;
        }
        upstream.script(
            "alpha",
            Reply::json(500, &json!({"error": {"message": "out of order"}})),
        );
        for key in &keys {
            masked.push(mask(&proxies(key)).await);
        }
    }
    let mut report = Report::default();
    say(&format!(
        "until the last of {} proxies decides by it, each of them asked again and again, on this machine too",
        NEIGHBOURS.len() + 1
    ));
    let rows = [
        row("a rating, from its 200", rated),
        row(
            "a model out of use, from the record of the call that was the alarm",
            masked,
        ),
    ];
    report.table(&["what", "times", "p50 ms", "p90 ms", "most ms"], &rows);
}

fn row(what: &str, mut took: Vec<Duration>) -> Vec<String> {
    took.sort_unstable();
    let ms = |percent: usize| format!("{:.0}", percentile(&took, percent).as_secs_f64() * 1e3);
    vec![
        what.to_owned(),
        took.len().to_string(),
        ms(50),
        ms(90),
        ms(100),
    ]
}

fn question(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Explain how a hash map handles collisions."}]})
}

/// What a proxy would decide now.
async fn explained(api: &Api) -> Value {
    let call = api.post("/v1/routing/explain").json(&question("auto"));
    call.send().await.ok().json()
}

/// How long it takes from then until all proxies decide as is wanted; none where one of them does not.
async fn all_follow(
    proxies: &[Api],
    since: Instant,
    wanted: impl Fn(&Value) -> bool,
) -> Option<Duration> {
    let follow = async |api: &Api| {
        while since.elapsed() < LONGEST {
            if wanted(&explained(api).await) {
                return Some(since.elapsed());
            }
        }
        None
    };
    let took = join_all(proxies.iter().map(follow)).await;
    took.into_iter()
        .collect::<Option<Vec<Duration>>>()?
        .into_iter()
        .max()
}

/// Sessions that are rated, one after the other.
async fn ratings(proxies: &[Api]) -> Vec<Duration> {
    let api = &proxies[0];
    let mut took = Vec::new();
    for n in 0..RATINGS {
        let session = format!("rated-{n}");
        api.chat(&session, &question("up/alpha")).await.ok();
        let before = counted(&explained(api).await);
        let score = 5 + n % 5;
        api.rate(&json!({"session_id": session, "score": score, "useful": true}))
            .await
            .ok();
        let since = Instant::now();
        let follows = all_follow(proxies, since, |told| counted(told) > before);
        took.push(follows.await.expect("a rating is learned from"));
    }
    took
}

fn counted(told: &Value) -> f64 {
    told["evidence"]["rated_sessions"]
        .as_f64()
        .expect("evidence")
}

/// Calls that fail, one after the other, until that is an alarm.
async fn mask(proxies: &[Api]) -> Duration {
    let is_masked = |told: &Value| {
        let candidates = told["candidates"].as_array().into_iter().flatten();
        candidates
            .filter(|candidate| candidate["model"] == "alpha")
            .any(|alpha| alpha["role"] == "masked")
    };
    for n in 0.. {
        proxies[0]
            .chat(&format!("failing-{n}"), &question("up/alpha"))
            .await;
        // The call's record is written once its caller has the answer.
        let since = Instant::now();
        if n >= TOO_FEW
            && let Some(took) = all_follow(proxies, since, is_masked).await
        {
            return took;
        }
    }
    LONGEST
}
