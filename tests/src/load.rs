//! Steady traffic in the background while something is broken on purpose.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::task::JoinSet;

use crate::Api;

/// For what was kept meanwhile to be delivered, on a machine that has other things to do.
const CAUGHT_UP: Duration = Duration::from_secs(90);

/// What the traffic came to.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Request ids answered with 2xx.
    pub served: Vec<String>,
    /// Sessions whose rating was answered with 2xx, each rated once.
    pub rated: Vec<String>,
    /// Everything else, as text.
    pub failed: Vec<String>,
    /// The slowest of the calls that were served.
    pub slowest: Duration,
}

impl Tally {
    /// Waits until every call and every rating is in the books, each once.
    pub async fn counted_once(&self, api: &Api) {
        assert_eq!(self.failed, Vec::<String>::new());
        let (calls, ratings) = (self.served.len(), self.rated.len());
        assert!(ratings > 0, "nothing was rated");
        // What waited meanwhile is taken in one after the other.
        crate::eventually_within(CAUGHT_UP + 2 * absence(), || async {
            let usage = api.get("/v1/usage").await.json();
            let total = &usage["total"];
            match (total["requests"] == calls, total["ratings"] == ratings) {
                (true, true) => Ok(()),
                (..) => Err(format!("{calls} calls and {ratings} ratings, not {total}")),
            }
        })
        .await;
        let items = api.decisions().await;
        let listed: HashSet<&str> = items
            .iter()
            .filter_map(|i| i["request_id"].as_str())
            .collect();
        assert_eq!((listed.len(), items.len()), (calls, calls));
    }
}

/// For how long a store is away while calls go on: FAULT_SECONDS, as `make fault` sets it.
pub fn absence() -> Duration {
    let seconds = std::env::var("FAULT_SECONDS").ok();
    let seconds = seconds.map_or(1, |n| n.parse().expect("a number of seconds"));
    Duration::from_secs(seconds)
}

/// Running traffic.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    workers: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    tally: Mutex<Tally>,
    next_session: AtomicUsize,
}

impl Load {
    /// As many clients as `workers`, each sending one call after the other; every session is rated once.
    pub fn start(api: &Api, workers: usize, name: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let mut set = JoinSet::new();
        for _ in 0..workers {
            set.spawn(work(api.clone(), Arc::clone(&shared), name.to_owned()));
        }
        Self {
            shared,
            workers: set,
        }
    }

    /// What came of it so far.
    pub fn tally(&self) -> Tally {
        self.shared.tally.lock().expect("not poisoned").clone()
    }

    /// Waits until this many calls were answered since now.
    pub async fn serves(&self, more: usize) {
        let goal = self.tally().served.len() + more;
        crate::eventually(|| async {
            let tally = self.tally();
            let served = tally.served.len();
            if served >= goal {
                Ok(())
            } else {
                Err(format!("{served} of {goal}, failed: {:?}", tally.failed))
            }
        })
        .await;
    }

    /// Ends the traffic; what is under way is awaited.
    pub async fn finish(mut self) -> Tally {
        self.shared.stop.store(true, Ordering::SeqCst);
        while self.workers.join_next().await.is_some() {}
        self.tally()
    }
}

async fn work(api: Api, shared: Arc<Shared>, name: String) {
    while !shared.stop.load(Ordering::SeqCst) {
        let session = format!(
            "{name}-{}",
            shared.next_session.fetch_add(1, Ordering::SeqCst)
        );
        for _ in 0..2 {
            call(&api, &shared, &session).await;
        }
        rate(&api, &shared, &session).await;
        tokio::task::yield_now().await;
    }
}

async fn call(api: &Api, shared: &Shared, session: &str) {
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "Good morning"}]});
    let call = api
        .post("/v1/chat/completions")
        .header("floopy-session-id", session)
        .json(&body);
    let started = Instant::now();
    let outcome = call.try_send().await;
    let mut tally = shared.tally.lock().expect("not poisoned");
    match outcome {
        Ok(answer) if answer.status == 200 => {
            tally.slowest = tally.slowest.max(started.elapsed());
            tally.served.push(answer.request_id());
        }
        Ok(answer) => tally
            .failed
            .push(format!("{}: {}", answer.status, answer.text())),
        Err(error) => tally.failed.push(error.to_string()),
    }
}

async fn rate(api: &Api, shared: &Shared, session: &str) {
    let body = json!({"session_id": session, "score": 8, "useful": true});
    let outcome = api.post("/v1/feedback").json(&body).try_send().await;
    let mut tally = shared.tally.lock().expect("not poisoned");
    match outcome {
        Ok(answer) if answer.status == 200 => tally.rated.push(session.to_owned()),
        Ok(answer) => tally
            .failed
            .push(format!("rating: {}: {}", answer.status, answer.text())),
        Err(error) => tally.failed.push(format!("rating: {error}")),
    }
}
