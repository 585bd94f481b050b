//! A better model comes to serve step by step, is taken back when it gets worse, and a pin holds; all of it is told
//! by REST, in the log of changes, by webhook and by the command line.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{cell::Cell, time::Duration};

use floopy_tests::{
    Api, Floopy, Reply, Settings, Shape, Upstream, eventually, eventually_within, in_both_shapes,
    process::binary,
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::process::Command;

in_both_shapes!(
    a_better_model_climbs_and_is_taken_back_when_it_fails,
    a_pin_holds_until_it_is_taken_away,
    who_climbs_is_taken_back_when_somebody_asks,
);

/// Much is tried, so that little traffic says enough.
const LEARNING: &str =
    "shadow_rate = 1.0\nshadow_spend = 10.0\ncanary_rate = 0.3\npromotions = \"staged\"";
/// Calls under way at a time, and how many between two looks.
const AT_ONCE: usize = 4;
const ROUND: usize = 12;
/// How long a climb may take: some hundred calls, all judged.
const CLIMB: Duration = Duration::from_secs(120);
/// How long a failing model may serve.
const BACK: Duration = Duration::from_secs(20);

const PROMPT: &str = "Explain how a hash map handles collisions, with an example in Python.";
const GOOD: &str = "A hash map handles collisions in one of two ways:\n\n\
    1. Chaining: each bucket keeps a list of the entries whose keys collide.\n\
    2. Open addressing: the map probes for the next free bucket.\n\n\
    For example, in Python:\n\n```python\nbuckets = [[] for _ in range(8)]\n\
    buckets[hash('key') % 8].append(('key', 1))\n```\n\n\
    Python's own dict uses open addressing, so a collision costs another probe.";
const BAD: &str = "I'm not sure, sorry about that.";

struct World {
    upstream: Upstream,
    receiver: Upstream,
    _floopy: Floopy,
    api: Api,
    calls: Cell<usize>,
}

async fn start(shape: Shape) -> World {
    let (upstream, receiver) = (Upstream::start().await, Upstream::start().await);
    upstream.script("alpha", saying(BAD));
    upstream.script("beta", saying(GOOD));
    let settings = Settings::for_upstream(&upstream)
        .proxy("breaker", "failures = 100000")
        .webhooks("allow_networks = [\"127.0.0.1\"]")
        .learning(LEARNING);
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    let url = receiver.base_url().replace("/v1", "/hook");
    let hook = json!({"url": url, "events": ["model_promoted", "model_rolled_back"]});
    let made = api.post("/v1/webhooks").json(&hook).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    World {
        upstream,
        receiver,
        _floopy: floopy,
        api,
        calls: Cell::new(0),
    }
}

fn saying(content: &str) -> Reply {
    let choice = json!({
        "index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop",
    });
    let body = json!({
        "id": "chatcmpl-said", "object": "chat.completion", "created": 1_790_000_000, "model": "said",
        "choices": [choice],
        "usage": {"prompt_tokens": 20, "completion_tokens": 100, "total_tokens": 120},
    });
    Reply::json(200, &body)
}

impl World {
    /// One call in a session of its own; who served.
    async fn ask(&self) -> String {
        let n = self.calls.get();
        self.calls.set(n + 1);
        let question = json!({"model": "auto", "messages": [{"role": "user", "content": PROMPT}]});
        let answer = self.api.chat(&format!("s-{n}"), &question).await;
        answer.header("floopy-model").to_owned()
    }

    async fn ask_some(&self) -> Vec<String> {
        let asks = stream::iter(0..ROUND).map(|_| self.ask());
        asks.buffer_unordered(AT_ONCE).collect().await
    }

    async fn promotions(&self) -> Vec<Value> {
        let page = self.api.get("/v1/promotions").await.json();
        page["items"].as_array().expect("items").clone()
    }

    /// Calls until a promotion of beta is in this stage; the promotion.
    async fn climbed(&self, stage: &str, within: Duration) -> Value {
        eventually_within(within, || async {
            self.ask_some().await;
            let all = self.promotions().await;
            let found = all
                .iter()
                .find(|p| p["candidate"]["model"] == "beta" && p["stage"] == stage);
            found.cloned().ok_or(json!(all))
        })
        .await
    }

    async fn one(&self, id: &str) -> Value {
        let path = format!("/v1/promotions/{id}");
        self.api.get(&path).await.ok().json()
    }

    /// Waits until only this model serves.
    async fn serves(&self, model: &str) {
        eventually_within(BACK, || async {
            let served = self.ask_some().await;
            let is_all = served.iter().all(|by| by == model);
            is_all.then_some(()).ok_or(served)
        })
        .await;
    }

    /// What webhooks were told of.
    async fn told(&self, event: &'static str) -> Value {
        eventually(|| async {
            let envelopes: Vec<Value> = self
                .receiver
                .received()
                .iter()
                .map(|received| received.json())
                .collect();
            let found = envelopes.iter().rfind(|told| told["event"] == event);
            found.map(|told| told["data"].clone()).ok_or(envelopes)
        })
        .await
    }

    async fn command(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(binary("floopy"));
        command.args(arguments);
        command.args(["--json", "--url", self.api.base()]);
        command.env("FLOOPY_API_KEY", self.api.key());
        let output = command.output().await.expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

fn steps(promotion: &Value) -> Vec<(String, String)> {
    let trace = promotion["trace"].as_array().expect("a trace");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let step = |step: &Value| (text(&step["to"]), text(&step["reason"]));
    trace.iter().map(step).collect()
}

async fn a_better_model_climbs_and_is_taken_back_when_it_fails(shape: Shape) {
    let world = start(shape).await;
    assert_eq!(world.ask().await, "up/alpha");
    let live = world.climbed("live", CLIMB).await;
    let id = live["id"].as_str().expect("an id");
    let names = |steps: &[(String, String)]| -> Vec<String> {
        let name = |(to, reason): &(String, String)| format!("{to}: {reason}");
        steps.iter().map(name).collect()
    };
    let climbed = [
        "shadow: proposed",
        "canary: qualified",
        "wide_canary: not_worse",
        "live: not_worse",
    ];
    let whole = world.one(id).await;
    assert_eq!(names(&steps(&whole)), climbed, "{whole}");
    assert_eq!(whole["diff"]["serves"]["to"]["model"], "beta");
    let promoted = world.told("model_promoted").await;
    assert_eq!(promoted["promotion_id"], id);
    world.serves("up/beta").await;

    let broken = Reply::json(500, &json!({"error": {"message": "out of order"}}));
    world.upstream.script("beta", broken);
    world.climbed("rolled_back", BACK).await;
    world.serves("up/alpha").await;
    let whole = world.command(&["promotion", "show", id]).await;
    assert_eq!(
        names(&steps(&whole)).last().map(String::as_str),
        Some("rolled_back: failures"),
        "{whole}"
    );
    let last = &whole["trace"][4]["guards"];
    let guards = last.as_array().expect("guards");
    let failures = guards.iter().find(|g| g["channel"] == "failures");
    let failures = failures.expect("it is watched");
    assert!(failures["capital"].as_f64() >= failures["bound"].as_f64());
    let told = world.told("model_rolled_back").await;
    assert_eq!(
        (&told["promotion_id"], &told["reason"]),
        (&json!(id), &json!("failures"))
    );
    let log = world.api.get("/v1/audit?limit=200").await.ok().json();
    let resource = format!("promotions/{id}");
    let changes = log["items"].as_array().expect("changes").iter();
    let changes = changes.filter(|c| c["resource"] == resource.as_str());
    assert_eq!(changes.count(), climbed.len() + 1, "{log}");
}

async fn a_pin_holds_until_it_is_taken_away(shape: Shape) {
    let world = start(shape).await;
    let unknown = world.api.post("/v1/promotions/pins");
    let unknown = unknown.json(&json!({"model": "up/nobody"})).send().await;
    assert_eq!(unknown.status, 400, "{}", unknown.text());
    world.command(&["promotion", "pin", "up/alpha"]).await;
    let pins = world.command(&["promotion", "pins"]).await;
    assert_eq!(pins["items"][0]["model"]["model"], "alpha");
    // Ten rounds in which beta is better by far.
    for _ in 0..10 {
        let served = world.ask_some().await;
        assert!(served.iter().all(|by| by == "up/alpha"), "{served:?}");
    }
    let climbing = |p: &Value| p["stage"] != "withdrawn" && p["stage"] != "shadow";
    let all = world.promotions().await;
    assert!(!all.iter().any(climbing), "{all:?}");
    world.command(&["promotion", "pin", "up/beta"]).await;
    world.serves("up/beta").await;
    world.command(&["promotion", "unpin"]).await;
    let none = world.command(&["promotion", "pins"]).await;
    assert_eq!(none["items"], json!([]));
}

async fn who_climbs_is_taken_back_when_somebody_asks(shape: Shape) {
    let world = start(shape).await;
    let canary = world.climbed("canary", CLIMB).await;
    let id = canary["id"].as_str().expect("an id");
    let path = format!("/v1/promotions/{id}/rollback");
    let asked = world.api.post(&path).send().await;
    assert!([200, 202].contains(&asked.status), "{}", asked.text());
    eventually(|| async {
        let now = world.one(id).await;
        let last = steps(&now).pop().expect("a step");
        let expected = ("rolled_back".to_owned(), "asked".to_owned());
        (last == expected).then_some(()).ok_or(now)
    })
    .await;
    world.serves("up/alpha").await;
    // Whoever was taken back is not tried on anybody again today.
    let served = world.ask_some().await;
    assert!(served.iter().all(|by| by == "up/alpha"), "{served:?}");
    let missing = world.api.get("/v1/promotions/nobody").await;
    assert_eq!(missing.status, 404);
}
