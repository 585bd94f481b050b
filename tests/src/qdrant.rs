//! Qdrant's engine behind its REST API, gone with the test.

use std::{
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Api, Settings, clients::made, eventually, eventually_within, ports::free_addr,
    process::Process, soak::metric,
};

/// Where proxies that share it keep what they share.
const COLLECTION: &str = "floopy-questions";
/// What it is shown.
const KEY: &str = "qdrant-secret";
/// The engine takes its time to begin on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until a proxy uses it: what is asked before that is not shared.
pub async fn connected(admin: &Api) {
    eventually_within(PATIENCE, || async {
        let text = admin.get("/metrics").await.ok().text();
        match metric(&text, "floopy_qdrant_connected") {
            1 => Ok(()),
            found => Err(found.to_string()),
        }
    })
    .await;
}

/// Has a tenant's questions in other words looked for, and waits until they are; the last of those that it asks is shared.
pub async fn switch_on(api: &Api) {
    let on = json!({"semantic": {"mode": "on"}});
    let set = api.call(Method::PUT, "/v1/cache").json(&on).send();
    set.await.ok();
    let asked = AtomicUsize::new(0);
    eventually(|| async {
        let room = asked.fetch_add(1, Ordering::Relaxed);
        let question = format!("How warm is room {room}?");
        let body =
            json!({"model": "up/alpha", "messages": [{"role": "user", "content": question}]});
        let call = api.post("/v1/chat/completions").json(&body);
        let call = call.header("floopy-cache", "semantic");
        match call.send().await.ok().header("floopy-cache-note") {
            "" => Ok(()),
            note => Err(note.to_owned()),
        }
    })
    .await;
}

/// An engine that can be killed, frozen and started again over what it has.
#[derive(Debug)]
pub struct Qdrant {
    process: Option<Process>,
    addr: SocketAddr,
    dir: TempDir,
}

impl Qdrant {
    /// Starts one without anything in it and waits until it answers.
    pub async fn start() -> Self {
        let mut engine = Self {
            process: None,
            addr: free_addr(),
            dir: tempfile::tempdir().expect("a directory"),
        };
        engine.start_again().await;
        engine
    }

    /// Starts it over what it has, and waits until it answers.
    pub async fn start_again(&mut self) {
        let mut command = Command::new(made("venv/bin/python"));
        command.args(["-E", "-s", "-B"]);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/qdrant.py"));
        command
            .arg(self.dir.path())
            .arg(self.addr.port().to_string())
            .env("QDRANT_API_KEY", KEY);
        self.process = Some(Process::start(command, &self.dir.path().join("log")));
        eventually_within(PATIENCE, || async {
            let engine = Api::anonymous(self.addr);
            let answer = engine.call(Method::GET, "/").try_send().await;
            answer.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// It keeps its connections and answers nothing.
    pub fn freeze(&self) {
        self.process.as_ref().expect("it runs").freeze();
    }

    /// It goes on.
    pub fn thaw(&self) {
        self.process.as_ref().expect("it runs").thaw();
    }

    /// What it keeps, and its log.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What is in every point of the proxies' collection, without the numbers.
    pub async fn payloads(&self) -> Vec<Value> {
        let answer = self.ask("/points/scroll", &json!({"limit": 1_000})).await;
        let points = answer["result"]["points"].as_array().cloned();
        let points = points.unwrap_or_else(|| panic!("no points: {answer}"));
        points
            .into_iter()
            .map(|mut point| point["payload"].take())
            .collect()
    }

    /// Waits until there are so many points.
    pub async fn has(&self, count: usize) {
        eventually_within(PATIENCE, || async {
            let found = self.payloads().await;
            (found.len() == count)
                .then_some(())
                .ok_or_else(|| format!("{} of {count}: {found:?}", found.len()))
        })
        .await;
    }

    /// What the proxies' collection answers.
    pub async fn ask(&self, path: &str, body: &Value) -> Value {
        self.call(Method::POST, path, body).await
    }

    /// The same, to what changes it.
    pub async fn put(&self, path: &str, body: &Value) -> Value {
        self.call(Method::PUT, path, body).await
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let engine = Api::anonymous(self.addr);
        let path = format!("/collections/{COLLECTION}{path}");
        let call = engine.call(method, &path).header("api-key", KEY).json(body);
        call.send().await.json()
    }

    /// Makes a collection of another kind where proxies would keep theirs.
    pub async fn occupy(&self) {
        let vectors = json!({"size": 4, "distance": "Dot"});
        let other = json!({"vectors": vectors, "hnsw_config": {}, "on_disk_payload": false});
        let made = self.put("", &other).await;
        assert_eq!(made["result"], json!(true), "{made}");
    }

    /// Settings under which it is shown another key.
    pub fn shut_to(&self, settings: Settings) -> Settings {
        let lines = format!("url = \"http://{}\"\napi_key = \"wrong\"", self.addr);
        settings.proxy("qdrant", &lines)
    }

    /// Settings under which proxies share it, and wait for it as long as a busy machine may take.
    pub fn shared_by(&self, settings: Settings) -> Settings {
        self.shared_within(1_000, settings)
    }

    /// The same, with the time that a call waits for it.
    pub fn shared_within(&self, lookup_ms: u64, settings: Settings) -> Settings {
        let lines = format!(
            "url = \"http://{}\"\napi_key = {KEY:?}\nlookup_ms = {lookup_ms}",
            self.addr
        );
        settings.proxy("qdrant", &lines)
    }
}
