//! Qdrant stops answering, or dies: no call fails, none waits beyond its deadline, each proxy goes on finding what it stored
//! itself, and it is said once.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use floopy_tests::{
    Answer, Api, Floopy, Settings, Shape, Upstream, eventually, eventually_within, in_both_shapes,
    qdrant::Qdrant, soak::metric,
};
use serde_json::json;
use tokio::task::JoinSet;

in_both_shapes!(
    a_qdrant_that_freezes_or_dies_is_not_noticed,
    a_qdrant_that_cannot_be_used_is_told_of_and_nobody_waits_for_it,
);

/// Clients that ask something new each time, so that every call looks for it at Qdrant.
const CLIENTS: usize = 4;

/// Of look-ups in a row that may be late before no more are made.
const STRIKES: u64 = 5;

/// The engine takes its time to begin on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn ask(api: &Api, text: &str) -> Answer {
    let body = json!({"model": "up/alpha", "messages": [{"role": "user", "content": text}]});
    let call = api.post("/v1/chat/completions").json(&body);
    call.header("floopy-cache-enabled", "true")
        .send()
        .await
        .ok()
}

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
                    let text = format!("What does part {client}-{n} cost?");
                    let answer = ask(&api, &text).await;
                    assert_eq!(answer.header("floopy-cache-status"), "miss");
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

/// Searches of a call that came to this.
async fn searches(admin: &Api, result: &str) -> u64 {
    let text = admin.get("/metrics").await.ok().text();
    let wanted = format!("result=\"{result}\"");
    let is_wanted = |l: &&str| l.contains("operation=\"search\"") && l.contains(&wanted);
    let lines: Vec<&str> = text.lines().filter(is_wanted).collect();
    metric(&lines.join("\n"), "floopy_qdrant_operations_total")
}

async fn connected(admin: &Api, goal: u64) {
    eventually_within(PATIENCE, || async {
        let text = admin.get("/metrics").await.ok().text();
        match metric(&text, "floopy_qdrant_connected") {
            found if found == goal => Ok(()),
            found => Err(found.to_string()),
        }
    })
    .await;
}

/// Each change is told once, however often a busy machine makes it late.
fn is_told_in_turn(log: &str) {
    let told = log.lines().filter_map(|line| {
        let changes = ["Qdrant is gone", "Qdrant is back"];
        changes.iter().position(|change| line.contains(change))
    });
    let told: Vec<usize> = told.collect();
    let in_turn = told.iter().enumerate().all(|(at, of)| *of == at % 2);
    assert!(told.len() >= 4 && in_turn, "{log}");
    assert!(
        log.contains("Qdrant is gone") && log.contains("reason="),
        "{log}"
    );
}

/// What is asked meanwhile waits a few times at most, and what was stored here is found.
async fn it_freezes(qdrant: &Qdrant, (api, admin): (&Api, &Api), load: &Load) {
    let late = searches(admin, "late").await;
    qdrant.freeze();
    connected(admin, 0).await;
    load.serves(200).await;
    // Those that were under way when the last of them was late may be late as well.
    let late = searches(admin, "late").await - late;
    assert!(late <= STRIKES + CLIENTS as u64, "{late} calls waited");
    assert!(searches(admin, "skipped").await > 0);
    let own = ask(api, "Hi, how can I reset the password").await;
    assert_eq!(own.header("floopy-cache-status"), "semantic");
}

async fn a_qdrant_that_freezes_or_dies_is_not_noticed(shape: Shape) {
    let upstream = Upstream::start().await;
    let mut qdrant = Qdrant::start().await;
    let settings = Settings::for_upstream(&upstream);
    let settings = settings.tenant("[tenants.cache.semantic]\nmode = \"on\"\n");
    let floopy = Floopy::with(shape, qdrant.shared_within(500, settings)).await;
    let (api, admin) = (floopy.api(), floopy.admin_api());
    connected(&admin, 1).await;
    ask(&api, "How do I reset my password?").await;
    let load = Load::start(&api);
    load.serves(20).await;
    assert!(searches(&admin, "ok").await > 0);
    it_freezes(&qdrant, (&api, &admin), &load).await;
    qdrant.thaw();
    connected(&admin, 1).await;
    load.serves(20).await;
    qdrant.kill();
    connected(&admin, 0).await;
    load.serves(50).await;
    qdrant.start_again().await;
    connected(&admin, 1).await;
    load.serves(20).await;
    load.finish().await;
    is_told_in_turn(&floopy.logs());
}

async fn a_qdrant_that_cannot_be_used_is_told_of_and_nobody_waits_for_it(shape: Shape) {
    let (upstream, qdrant) = (Upstream::start().await, Qdrant::start().await);
    qdrant.occupy().await;
    let semantic = "[tenants.cache.semantic]\nmode = \"on\"\n";
    let settings = || Settings::for_upstream(&upstream).tenant(semantic);
    for (settings, reason) in [
        (qdrant.shut_to(settings()), "it refuses with 401"),
        (qdrant.shared_by(settings()), "4 numbers compared by Dot"),
    ] {
        let floopy = Floopy::with(shape, settings).await;
        eventually(|| async {
            let log = floopy.logs();
            let told = log.lines().find(|line| line.contains("Qdrant is gone"));
            let is_told = told.is_some_and(|line| line.contains(reason));
            is_told.then_some(()).ok_or(log)
        })
        .await;
        let api = floopy.api();
        for (text, status) in [
            ("How do I reset my password?", "miss"),
            ("Hi, how can I reset the password", "semantic"),
        ] {
            let answer = ask(&api, text).await;
            assert_eq!(answer.header("floopy-cache-status"), status);
        }
        assert_eq!(searches(&floopy.admin_api(), "ok").await, 0);
    }
    assert_eq!(qdrant.payloads().await.len(), 0);
}
