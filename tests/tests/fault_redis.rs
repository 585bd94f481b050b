//! Redis stops answering, or dies: no call fails, none waits beyond its deadline, and it is said once.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use floopy_tests::{
    Api, Floopy, Redis, Settings, Shape, Upstream, eventually, in_both_shapes, soak::metric,
};
use serde_json::json;
use tokio::task::JoinSet;

in_both_shapes!(a_redis_that_freezes_or_dies_is_not_noticed);

/// Clients that ask something new each time, so that every call looks for it at Redis.
const CLIENTS: usize = 4;

/// Of lookups in a row that may be late before no more are made.
const STRIKES: u64 = 5;

struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    clients: JoinSet<()>,
}

impl Load {
    fn start(api: &Api) -> Self {
        let (stop, served) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (api, stop, served) = (api.clone(), Arc::clone(&stop), Arc::clone(&served));
            clients.spawn(async move {
                let mut n = 0;
                while !stop.load(Ordering::SeqCst) {
                    n += 1;
                    let text = format!("Good morning, {client} {n}");
                    let body = json!({
                        "model": "up/alpha", "messages": [{"role": "user", "content": text}],
                    });
                    let call = api.post("/v1/chat/completions").json(&body);
                    let answer = call.header("floopy-cache-enabled", "true").send().await;
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    served.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self {
            stop,
            served,
            clients,
        }
    }

    /// Waits for this many more calls.
    async fn serves(&self, more: usize) {
        let goal = self.served.load(Ordering::SeqCst) + more;
        eventually(|| async {
            match self.served.load(Ordering::SeqCst) {
                served if served >= goal => Ok(()),
                served => Err(format!("{served} of {goal}")),
            }
        })
        .await;
    }

    async fn finish(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("every call was served");
        }
    }
}

/// Lookups of a call that came to this.
async fn lookups(admin: &Api, result: &str) -> u64 {
    let text = admin.get("/metrics").await.ok().text();
    let wanted = format!("result=\"{result}\"");
    let is_wanted = |l: &&str| l.contains("operation=\"cache_get\"") && l.contains(&wanted);
    let lines: Vec<&str> = text.lines().filter(is_wanted).collect();
    metric(&lines.join("\n"), "floopy_redis_operations_total")
}

async fn connected(admin: &Api, goal: u64) {
    eventually(|| async {
        let text = admin.get("/metrics").await.ok().text();
        match metric(&text, "floopy_redis_connected") {
            found if found == goal => Ok(()),
            found => Err(found.to_string()),
        }
    })
    .await;
}

async fn a_redis_that_freezes_or_dies_is_not_noticed(shape: Shape) {
    let upstream = Upstream::start().await;
    let mut redis = Redis::start().await;
    let settings = redis.shared_within(20, Settings::for_upstream(&upstream));
    let floopy = Floopy::with(shape, settings).await;
    let admin = floopy.admin_api();
    connected(&admin, 1).await;
    let load = Load::start(&floopy.api());
    load.serves(50).await;
    assert!(lookups(&admin, "ok").await > 0);
    let late = lookups(&admin, "late").await;
    redis.freeze();
    connected(&admin, 0).await;
    load.serves(200).await;
    // Those that were under way when the last of them was late may be late as well.
    let late = lookups(&admin, "late").await - late;
    assert!(late <= STRIKES + CLIENTS as u64, "{late} calls waited");
    assert!(lookups(&admin, "skipped").await > 0);
    redis.thaw();
    connected(&admin, 1).await;
    load.serves(50).await;
    redis.kill();
    connected(&admin, 0).await;
    load.serves(50).await;
    redis.start_again().await;
    connected(&admin, 1).await;
    load.serves(50).await;
    load.finish().await;
    let log = floopy.logs();
    // A machine that is busy can be late a third time; each change is told once all the same.
    let told = log.lines().filter_map(|line| {
        let changes = ["Redis is gone", "Redis is back"];
        changes.iter().position(|change| line.contains(change))
    });
    let told: Vec<usize> = told.collect();
    assert!(told.len() >= 4, "{log}");
    assert!(
        told.iter()
            .enumerate()
            .all(|(at, change)| *change == at % 2),
        "{log}"
    );
}
