//! What a tenant with zero retention says and hears is on no disk, in no queue and in no log, of any plane or store,
//! while what its neighbour says, in the very same calls, is found.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{process::Command, time::Duration};

use floopy_tests::{
    Api, Floopy, Redis, Reply, Settings, Shape, Stream, Upstream,
    checks::files_with,
    clickhouse::ClickHouse,
    eventually, eventually_within, in_both_shapes,
    postgres::Postgres,
    qdrant::{Qdrant, connected, switch_on},
};
use serde_json::{Value, json};

in_both_shapes!(nothing_that_was_said_is_anywhere);

/// In everything that is said for the tenant that keeps nothing.
const SECRET: &str = "blueheron77";
/// The same for the one that keeps.
const KEPT: &str = "scarletibis77";
/// ClickHouse's engine takes its time to begin on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Every store there is, and Floopy over them.
struct World {
    upstream: Upstream,
    postgres: Postgres,
    redis: Redis,
    clickhouse: ClickHouse,
    qdrant: Qdrant,
    floopy: Floopy,
}

impl World {
    async fn start(shape: Shape) -> Self {
        let upstream = Upstream::start().await;
        let postgres = Postgres::start().await;
        let (redis, clickhouse) = (Redis::start().await, ClickHouse::start().await);
        let qdrant = Qdrant::start().await;
        let settings = Settings::for_upstream(&upstream)
            .tenant(
                "zero_retention = true\n[tenants.cache.semantic]\nmode = \"on\"\n[tenants.firewall]\nmode = \"log\"\n",
            )
            .environment("RUST_LOG", "debug");
        let settings = qdrant.shared_by(settings);
        let settings = clickhouse.logs(redis.shared_by(postgres.keeps(settings)));
        let floopy = Floopy::with(shape, settings).await;
        Self {
            upstream,
            postgres,
            redis,
            clickhouse,
            qdrant,
            floopy,
        }
    }

    /// Everything that calls can say, with this word in each of it; their ids.
    async fn talk(&self, api: &Api, word: &str) -> Vec<String> {
        self.answers_with(word);
        let mut ids = Vec::new();
        for (path, body) in calls(word) {
            let call = api.post(path).header("floopy-session-id", "s");
            let call = call.header("floopy-cache-enabled", "true").json(&body);
            ids.push(call.send().await.ok().request_id());
        }
        let body = json!({"model": "up/gamma", "messages": said(word)});
        let refused = api.chat("s", &body).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(refused.text().contains(word), "{}", refused.text());
        ids.push(refused.request_id());
        let rating = json!({"session_id": "s", "score": 9, "useful": true});
        api.rate(&rating).await.ok();
        for id in &ids {
            api.decision(id).await;
        }
        ids
    }

    fn answers_with(&self, word: &str) {
        let arguments = json!({"said": word}).to_string();
        let call = json!({"id": "call_1", "type": "function", "function": {"name": "note", "arguments": arguments}});
        let whole = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "alpha",
            "choices": [{"index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": format!("{word} reply"), "tool_calls": [call]}}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}});
        self.upstream.script("alpha", Reply::json(200, &whole));
        let words = ["so ", word, " it is"];
        self.upstream
            .script("beta", Reply::Stream(Stream::of_words(&words)));
        let error = json!({"error": {"message": format!("no {word} here"), "type": "invalid_request_error"}});
        self.upstream.script("gamma", Reply::json(400, &error));
    }

    /// The word where it can be read: files, and what the stores answer.
    async fn places_of(&self, word: &str) -> Vec<String> {
        // As it is, so that it can be found in the file.
        self.redis.ask(&["CONFIG", "SET", "rdbcompression", "no"]);
        assert_eq!(self.redis.ask(&["SAVE"]), "OK");
        let stores = [
            self.floopy.dir(),
            self.postgres.dir(),
            self.redis.dir(),
            self.clickhouse.dir(),
            self.qdrant.dir(),
        ];
        let mut found: Vec<String> = stores
            .iter()
            .flat_map(|dir| files_with(dir, word))
            .collect();
        let rows = self.logged().await;
        found.extend(rows.contains(word).then(|| "ClickHouse".to_owned()));
        let points = format!("{:?}", self.qdrant.payloads().await);
        found.extend(points.contains(word).then(|| "Qdrant".to_owned()));
        found
    }

    /// The calls that ClickHouse has, as hexadecimal digits.
    async fn logged_calls(&self) -> String {
        let tables =
            "SELECT table FROM system.columns WHERE database = 'logs' AND name = 'request_id'";
        let mut all = String::new();
        for table in self.clickhouse.ask(tables).await.lines() {
            let ids = format!("SELECT lower(hex(request_id)) FROM logs.`{table}`");
            all += &self.clickhouse.ask(&ids).await;
        }
        all
    }

    /// All that ClickHouse has, which packs its files.
    async fn logged(&self) -> String {
        let tables = "SELECT name FROM system.tables WHERE database = 'logs'";
        let mut all = String::new();
        for table in self.clickhouse.ask(tables).await.lines() {
            let rows = format!("SELECT * FROM logs.`{table}` FORMAT JSONEachRow");
            all += &self.clickhouse.ask(&rows).await;
        }
        all
    }
}

fn said(word: &str) -> Value {
    json!([
        {"role": "system", "content": format!("{word} is the system prompt")},
        {"role": "user", "content": [{"type": "text", "text": format!("what of {word}?")}]},
    ])
}

fn calls(word: &str) -> [(&'static str, Value); 5] {
    let tool = json!({"type": "function",
        "function": {"name": "note", "description": format!("{word} tool"), "parameters": {"type": "object"}}});
    [
        (
            "/v1/chat/completions",
            json!({"model": "up/alpha", "messages": said(word), "tools": [tool], "user": word, "metadata": {"of": word}}),
        ),
        (
            "/v1/chat/completions",
            json!({"model": "up/beta", "messages": said(word), "stream": true}),
        ),
        (
            "/v1/messages",
            json!({"model": "up/alpha", "max_tokens": 50, "system": word, "messages": [{"role": "user", "content": word}]}),
        ),
        (
            "/v1/responses",
            json!({"model": "up/alpha", "instructions": word, "input": word}),
        ),
        (
            "/v1/embeddings",
            json!({"model": "up/embed", "input": [word]}),
        ),
    ]
}

async fn nothing_that_was_said_is_anywhere(shape: Shape) {
    let mut world = World::start(shape).await;
    let (silent, other) = (world.floopy.api(), world.floopy.other_api());
    connected(&world.floopy.admin_api()).await;
    switch_on(&other).await;
    let mut ids = world.talk(&silent, SECRET).await;
    ids.extend(world.talk(&other, KEPT).await);
    // What came last is everywhere, so what came before would be.
    eventually(|| async {
        let told = other.get("/v1/session/s").await.text();
        told.contains(KEPT).then_some(()).ok_or(told)
    })
    .await;
    eventually(|| async {
        let names = world.redis.names();
        let is_shared = names.iter().any(|name| name.contains("globex"));
        is_shared.then_some(()).ok_or(names)
    })
    .await;
    eventually_within(PATIENCE, || async {
        let points = format!("{:?}", world.qdrant.payloads().await);
        points.contains(KEPT).then_some(()).ok_or(points)
    })
    .await;
    eventually_within(PATIENCE, || async {
        let logged = world.logged_calls().await;
        let is_missing = |id: &&String| !logged.contains(&id.replace('-', ""));
        let missing: Vec<&String> = ids.iter().filter(is_missing).collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("not in ClickHouse: {missing:?}"))
        }
    })
    .await;
    for id in world.floopy.process_ids() {
        let killed = Command::new("kill").args(["-9", &id.to_string()]).status();
        assert!(killed.expect("kill").success());
    }
    let kept = world.places_of(KEPT).await;
    assert!(kept.iter().any(|place| place == "Qdrant"), "{kept:?}");
    for store in [world.postgres.dir(), world.redis.dir()] {
        let store = store.display().to_string();
        assert!(
            kept.iter().any(|place| place.starts_with(&store)),
            "{store}: {kept:?}"
        );
    }
    assert_eq!(world.places_of(SECRET).await, [""; 0]);
    assert!(
        world.floopy.logs().contains("DEBUG"),
        "nothing was told in detail"
    );
    world.postgres.stop().await;
}
