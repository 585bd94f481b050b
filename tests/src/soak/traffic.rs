//! Everything that clients do, well and badly, all at once.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http_body_util::BodyExt;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{Api, Floopy};

/// Clients at a time.
pub const WORKERS: usize = 24;

/// Sessions and prompts are taken from so few that whatever remembers them is full after the warm-up.
const SESSIONS: u32 = 40;
const PROMPTS: u32 = 50;

/// What was done, and what came of it.
#[derive(Debug, Default, Clone)]
pub(super) struct Sent {
    counts: BTreeMap<String, u64>,
    /// Calls without a valid key, which are nobody's.
    pub(super) strangers: u64,
    pub(super) problems: Vec<String>,
}

impl Sent {
    /// How often each thing happened.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts
            .iter()
            .map(|(what, count)| (what.as_str(), *count))
    }
}

/// Running traffic.
#[derive(Debug)]
pub(super) struct Traffic {
    shared: Arc<Shared>,
    workers: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    sent: Mutex<Sent>,
    proxy: SocketAddr,
    apis: [Api; 2],
}

/// What a client does.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Unary,
    Stream,
    SlowStream,
    Embeddings,
    LeaveUnary,
    LeaveStream,
    Malformed,
    Stranger,
    Garbage,
    SlowHeaders,
    SlowBody,
}

/// Each with its weight: most of it is ordinary.
const DEEDS: [(Deed, u32); 11] = [
    (Deed::Unary, 30),
    (Deed::Stream, 25),
    (Deed::SlowStream, 4),
    (Deed::Embeddings, 10),
    (Deed::LeaveUnary, 8),
    (Deed::LeaveStream, 10),
    (Deed::Malformed, 6),
    (Deed::Stranger, 2),
    (Deed::Garbage, 3),
    (Deed::SlowHeaders, 1),
    (Deed::SlowBody, 1),
];

impl Traffic {
    pub(super) fn start(floopy: &Floopy, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            sent: Mutex::default(),
            proxy: floopy.proxy_addr(),
            apis: [floopy.api(), floopy.other_api()],
        });
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let random = StdRng::seed_from_u64(seed * 1_000 + worker as u64);
            workers.spawn(work(Arc::clone(&shared), random));
        }
        Self { shared, workers }
    }

    /// Ends it; what is under way is awaited.
    pub(super) async fn finish(mut self) -> Sent {
        self.shared.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.workers.join_next().await {
            ended.expect("no worker panics");
        }
        self.shared.lock().clone()
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, what: impl Into<String>) {
        *self.lock().counts.entry(what.into()).or_default() += 1;
    }

    /// Only so many are kept: one of a kind is enough to look for its cause.
    fn problem(&self, what: String) {
        let problems = &mut self.lock().problems;
        if problems.len() < 20 {
            problems.push(what);
        }
    }
}

async fn work(shared: Arc<Shared>, mut random: StdRng) {
    let total: u32 = DEEDS.iter().map(|(_, weight)| weight).sum();
    while !shared.stop.load(Ordering::SeqCst) {
        let mut left = random.random_range(0..total);
        let deed = DEEDS.iter().find(|(_, weight)| {
            let is_it = left < *weight;
            left = left.saturating_sub(*weight);
            is_it
        });
        let Some((deed, _)) = deed else { continue };
        let slowest = Duration::from_secs(20);
        if timeout(slowest, act(&shared, *deed, &mut random))
            .await
            .is_err()
        {
            shared.problem(format!("{deed:?} took more than {slowest:?}"));
        }
    }
}

async fn act(shared: &Shared, deed: Deed, random: &mut StdRng) {
    let api = &shared.apis[random.random_range(0..2)];
    match deed {
        Deed::Unary => unary(shared, api, random).await,
        Deed::Stream => stream(shared, api, random, None).await,
        Deed::SlowStream => stream(shared, api, random, Some(Duration::from_millis(30))).await,
        Deed::Embeddings => {
            let body = json!({"model": "sim/sim-embed", "input": prompt(random)});
            let answer = api.post("/v1/embeddings").json(&body).try_send().await;
            note(shared, "embeddings", answer.map(|a| a.status));
        }
        Deed::LeaveUnary => {
            let patience = Duration::from_millis(random.random_range(0..60));
            let body = chat(random, false);
            let call = api.post("/v1/chat/completions").json(&body).try_send();
            let _ = timeout(patience, call).await;
            shared.count("unary: client left");
        }
        Deed::LeaveStream => leave_stream(shared, api, random).await,
        Deed::Malformed => malformed(shared, api, random).await,
        Deed::Stranger => {
            let stranger = api.with_key("fl_nobody");
            let body = chat(random, false);
            let answer = stranger
                .post("/v1/chat/completions")
                .json(&body)
                .try_send()
                .await;
            shared.lock().strangers += 1;
            expect(shared, "stranger", answer.map(|a| a.status), 401);
        }
        Deed::Garbage => {
            raw(
                shared,
                "garbage",
                b"\x16\x03\x01\x02\x00\x01\x00nonsense\r\n\r\n",
            )
            .await
        }
        Deed::SlowHeaders => {
            raw(
                shared,
                "slow headers",
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n",
            )
            .await
        }
        Deed::SlowBody => slow_body(shared, api).await,
    }
}

fn prompt(random: &mut StdRng) -> String {
    format!(
        "Summarize note {} in one sentence.",
        random.random_range(0..PROMPTS)
    )
}

fn chat(random: &mut StdRng, stream: bool) -> Value {
    let models = [
        "auto",
        "auto",
        "auto",
        "sim/sim-swift-mini",
        "broken/sim-titan-pro,sim/sim-forge-code",
        "broken/sim-relay-open",
        "broken/sim-swift-mini",
    ];
    let model = models[random.random_range(0..models.len())];
    let messages = json!([{"role": "user", "content": prompt(random)}]);
    json!({"model": model, "stream": stream, "messages": messages})
}

fn session(random: &mut StdRng) -> String {
    format!("soak-{}", random.random_range(0..SESSIONS))
}

/// Any proper answer will do: providers fail on purpose.
fn note<E: std::fmt::Display>(shared: &Shared, what: &str, status: Result<u16, E>) {
    match status {
        Ok(status) => shared.count(format!("{what}: {status}")),
        Err(error) => shared.problem(format!("{what}: {error}")),
    }
}

fn expect<E: std::fmt::Display>(
    shared: &Shared,
    what: &str,
    status: Result<u16, E>,
    expected: u16,
) {
    if let Ok(status) = status
        && status != expected
    {
        shared.problem(format!("{what}: {status} instead of {expected}"));
    }
    note(shared, what, status);
}

async fn unary(shared: &Shared, api: &Api, random: &mut StdRng) {
    let (session, body) = (session(random), chat(random, false));
    let call = api
        .post("/v1/chat/completions")
        .header("floopy-session-id", &session);
    let answer = call.json(&body).try_send().await;
    note(shared, "unary", answer.map(|a| a.status));
    if random.random_bool(0.3) {
        let rating = json!({"session_id": session, "score": random.random_range(0..=10), "useful": true, "revise": true});
        let answer = api.post("/v1/feedback").json(&rating).try_send().await;
        expect(shared, "feedback", answer.map(|a| a.status), 200);
    }
}

async fn stream(shared: &Shared, api: &Api, random: &mut StdRng, pause: Option<Duration>) {
    let body = chat(random, true);
    let response = api.post("/v1/chat/completions").json(&body).open().await;
    let status = response.status().as_u16();
    let (mut body, mut read) = (response.into_body(), Vec::new());
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            read.extend_from_slice(&data);
        }
        if let Some(pause) = pause {
            sleep(pause).await;
        }
    }
    let text = String::from_utf8_lossy(&read);
    let is_told = text.contains("data: [DONE]") || text.contains("\"error\"") || status != 200;
    if !is_told && !text.contains("\"choices\"") {
        shared.problem(format!("a stream ended without a word: {text:?}"));
    }
    shared.count(format!("stream: {status}"));
}

async fn leave_stream(shared: &Shared, api: &Api, random: &mut StdRng) {
    let body = chat(random, true);
    let pieces = random.random_range(0..4);
    let response = api.post("/v1/chat/completions").json(&body).open().await;
    let mut body = response.into_body();
    for _ in 0..pieces {
        let _ = body.frame().await;
    }
    shared.count("stream: client left");
}

async fn malformed(shared: &Shared, api: &Api, random: &mut StdRng) {
    let bodies = [
        "{",
        "[]",
        "{\"model\":7}",
        "{\"model\":\"auto\",\"messages\":[]}",
        "{\"model\":\"auto\",\"model\":\"auto\",\"messages\":[{\"role\":\"user\"}]}",
        "{\"model\":\"nobody/nothing\",\"messages\":[{\"role\":\"user\"}]}",
        "\u{0}\u{1}",
    ];
    let body = bodies[random.random_range(0..bodies.len())];
    let answer = api
        .post("/v1/chat/completions")
        .bytes(body)
        .try_send()
        .await;
    let status = answer.map(|a| a.status);
    if let Ok(status) = status
        && !(400..500).contains(&status)
    {
        shared.problem(format!("{body:?} was answered with {status}"));
    }
    note(shared, "malformed", status);
}

/// Sends bytes and waits to be hung up on.
async fn raw(shared: &Shared, what: &str, bytes: &[u8]) {
    let begun = Instant::now();
    let Ok(mut socket) = TcpStream::connect(shared.proxy).await else {
        shared.problem(format!("{what}: no connection"));
        return;
    };
    let mut answer = Vec::new();
    let _ = socket.write_all(bytes).await;
    let _ = socket.read_to_end(&mut answer).await;
    if begun.elapsed() > Duration::from_secs(10) {
        shared.problem(format!(
            "{what}: still connected after {:?}",
            begun.elapsed()
        ));
    }
    shared.count(what);
}

async fn slow_body(shared: &Shared, api: &Api) {
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 500\r\n\r\n{{",
        api.key()
    );
    raw(shared, "slow body", head.as_bytes()).await;
}
