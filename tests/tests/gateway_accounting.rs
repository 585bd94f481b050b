//! What is recorded as spent is what the providers charge, whatever callers and providers do meanwhile.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use floopy_standalone::simulator::{Options, Simulator, ledger::Ledger, world::MODELS};
use floopy_tests::{
    Api, BodyExt, Floopy, Settings, Shape, eventually_within,
    soak::{metric, taken},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// As [`Settings`] writes them for every model.
const INPUT_MICRO_USD: u64 = 2;
const OUTPUT_MICRO_USD: u64 = 6;

const CALLS: u64 = 240;
const WORKERS: u64 = 12;

struct World {
    floopy: Floopy,
    ledger: Arc<Ledger>,
    _stop: tokio_util::sync::DropGuard,
}

impl World {
    async fn start(shape: Shape, breaks: f64, change: impl FnOnce(Settings) -> Settings) -> Self {
        let options = Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 11,
            latency_scale: 0.05,
            failures: true,
            breaks,
        };
        let simulator = Simulator::bind(options).await.expect("bound");
        let (addr, ledger) = (simulator.addr(), simulator.ledger());
        let stop = CancellationToken::new();
        tokio::spawn(simulator.run(stop.clone()));
        let mut names: Vec<String> = MODELS.iter().map(|m| m.name.to_owned()).collect();
        names.push("sim-embed".to_owned());
        let settings = Settings::for_models("sim", &format!("http://{addr}/v1"), &names);
        let floopy = Floopy::with(shape, change(settings)).await;
        Self {
            floopy,
            ledger,
            _stop: stop.drop_guard(),
        }
    }

    /// Random calls from callers who often leave; how many were made.
    async fn traffic(&self, seed: u64) {
        let next = Arc::new(AtomicU64::new(0));
        let workers = (0..WORKERS).map(|worker| {
            let (api, next) = (self.floopy.api(), Arc::clone(&next));
            let random = StdRng::seed_from_u64(seed * 1_000 + worker);
            tokio::spawn(work(api, next, random))
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.await.expect("no panic");
        }
    }

    /// All records once there are as many as calls were taken and nothing is under way.
    async fn books(&self) -> Vec<Value> {
        let (api, admin) = (self.floopy.api(), self.floopy.admin_api());
        eventually_within(Duration::from_secs(40), || async {
            let metrics = admin.get("/metrics").await.text();
            let at_rest = [
                "requests_in_flight 0",
                "replies_lingering 0",
                "depth_events 0",
            ];
            let waits = at_rest.iter().find(|line| !metrics.contains(*line));
            if let Some(waits) = waits {
                return Err(format!("not yet {waits}"));
            }
            let books = books(&api).await;
            let unfinished = books.iter().filter(|d| d["stage"] != "finished").count();
            let served = books.iter().filter(|d| d["shadow_of"].is_null()).count() as u64;
            // Some callers leave before their call has left them.
            let taken = taken(&metrics, 0);
            let shadows = books.len() as u64 - served;
            let sent = metric(&metrics, "floopy_shadow_calls_total");
            if (served, unfinished, shadows) == (taken, 0, sent) {
                Ok(books)
            } else {
                Err(format!(
                    "{served} of {taken} records and {shadows} of {sent} shadows, {unfinished} unfinished"
                ))
            }
        })
        .await
    }

    fn charged_micro_usd(&self) -> u64 {
        let totals = self.ledger.totals();
        INPUT_MICRO_USD * totals.input_tokens + OUTPUT_MICRO_USD * totals.output_tokens
    }
}

async fn books(api: &Api) -> Vec<Value> {
    let (mut books, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/decisions?limit=200&shadow=include{cursor}");
        let page = api.get(&path).await.ok().json();
        books.extend(page["items"].as_array().expect("items").iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else {
            return books;
        };
        cursor = format!("&cursor={next}");
    }
}

async fn work(api: Api, next: Arc<AtomicU64>, mut random: StdRng) {
    loop {
        let serial = next.fetch_add(1, Ordering::Relaxed);
        if serial >= CALLS {
            return;
        }
        call(&api, serial, &mut random).await;
    }
}

async fn call(api: &Api, serial: u64, random: &mut StdRng) {
    if random.random_bool(0.1) {
        let body = json!({"model": "sim/sim-embed", "input": format!("text number {serial}")});
        let _ = api.post("/v1/embeddings").json(&body).try_send().await;
        return;
    }
    let models = ["auto", "sim/sim-quill", "sim/sim-gone,sim/sim-forge-code"];
    let mut body = json!({
        "model": models[random.random_range(0..models.len())],
        "messages": [{"role": "user", "content": format!("Write a poem about item {serial}.")}],
    });
    let is_stream = random.random_bool(0.6);
    if is_stream {
        body["stream"] = json!(true);
        if random.random_bool(0.3) {
            body["stream_options"] = json!({"include_usage": true});
        }
    }
    let patience = random
        .random_bool(0.5)
        .then(|| Duration::from_millis(random.random_range(1..120)));
    let request = api
        .post("/v1/chat/completions")
        .header("floopy-session-id", &format!("session-{}", serial / 3))
        .json(&body);
    let reading = async {
        let mut answer = request.open().await.into_body();
        while let Some(Ok(_)) = answer.frame().await {}
    };
    match patience {
        // Whoever reads is dropped, and its connection with it.
        Some(patience) => drop(tokio::time::timeout(patience, reading).await),
        None => reading.await,
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn recorded_micro_usd(books: &[Value]) -> u64 {
    let of = |d: &Value| {
        let attempts = d["attempts"].as_array().expect("attempts");
        let wasted: u64 = attempts
            .iter()
            .map(|a| number(&a["wasted_micro_usd"]))
            .sum();
        number(&d["outcome"]["cost_micro_usd"]) + wasted
    };
    books.iter().map(of).sum()
}

fn is_estimated(d: &Value) -> bool {
    d["outcome"]["usage_estimated"] == true
}

/// Attempts of which only an estimate of the cost is known.
fn wasted(books: &[Value]) -> usize {
    let attempts = books.iter().filter_map(|d| d["attempts"].as_array());
    let wasted = |a: &&Value| !a["wasted_micro_usd"].is_null();
    attempts.flatten().filter(wasted).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_charge_is_recorded_to_the_micro_dollar_where_replies_are_read_on() {
    for seed in 1..=2 {
        let world = World::start(Shape::Standalone, 0.0, |settings| {
            settings
                .proxy("disconnect", "linger_ms = 30000")
                .proxy("retry", "first_ms = 10")
        })
        .await;
        world.traffic(seed).await;
        let books = world.books().await;
        let gone = books
            .iter()
            .filter(|d| d["outcome"]["ending"] == "client_disconnected");
        let (gone, tried_twice) = (gone.count(), tried_twice(&books));
        assert!(gone > 30, "seed {seed}: only {gone} callers left");
        assert!(tried_twice > 20, "seed {seed}: {tried_twice} fell back");
        let shadows = books.iter().filter(|d| !d["shadow_of"].is_null()).count();
        assert!(shadows > 0, "seed {seed}: no shadow was sent");
        assert!(
            books.len() as u64 > CALLS * 3 / 4,
            "seed {seed}: few calls came"
        );
        assert_eq!(
            books.iter().filter(|d| is_estimated(d)).count(),
            0,
            "seed {seed}"
        );
        assert_eq!(wasted(&books), 0, "seed {seed}");
        let (recorded, charged) = (recorded_micro_usd(&books), world.charged_micro_usd());
        assert_eq!(recorded, charged, "seed {seed}");
    }
}

fn tried_twice(books: &[Value]) -> usize {
    let attempts = books.iter().filter_map(|d| d["attempts"].as_array());
    attempts.filter(|attempts| attempts.len() > 1).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_providers_are_left_or_break_off_every_charge_is_exact_or_marked_as_estimated() {
    let world = World::start(Shape::Standalone, 0.2, |settings| {
        settings
            .proxy("disconnect", "linger_ms = 0")
            .proxy("hedge", "after_ms = 20")
            .proxy("retry", "first_ms = 10")
    })
    .await;
    world.traffic(7).await;
    let books = world.books().await;
    let mut exact: HashMap<&str, &Value> = HashMap::new();
    for decision in books.iter().filter(|d| !is_estimated(d)) {
        if let Some(id) = decision["completion_id"].as_str() {
            assert!(
                exact.insert(id, decision).is_none(),
                "{id} is recorded twice"
            );
        }
    }
    for (id, decision) in &exact {
        let entry = world.ledger.entry(id).expect("charged");
        let cost = INPUT_MICRO_USD * entry.input_tokens + OUTPUT_MICRO_USD * entry.output_tokens;
        assert_eq!(
            number(&decision["outcome"]["cost_micro_usd"]),
            cost,
            "{decision}"
        );
    }
    let estimated = books.iter().filter(|d| is_estimated(d)).count();
    let totals = world.ledger.totals();
    let charged = totals.calls - totals.failed;
    let embeddings = books.iter().filter(|d| d["model"] == "sim-embed").count();
    let recorded = exact.len() + embeddings + estimated + wasted(&books);
    assert!(
        estimated > 10 && wasted(&books) > 10,
        "{estimated}, {}",
        wasted(&books)
    );
    assert!(
        charged <= recorded as u64,
        "{charged} charges, but only {recorded} are known of"
    );
}
