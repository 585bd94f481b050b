//! `floopy key|rule|decision|usage` against a running system: tables for people, `--json` for scripts, and errors
//! that say what the server said.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::process::Output;

use floopy_tests::{
    Floopy, Settings, Shape, Upstream, eventually, in_both_shapes, process::binary,
};
use serde_json::{Value, json};
use tokio::process::Command;

in_both_shapes!(
    decisions_are_listed_and_explained,
    rules_are_made_and_deleted,
    keys_are_listed_and_ended,
    the_cache_is_explained_and_flushed,
    what_the_judge_is_worth_is_told,
    what_the_server_refuses_is_told,
);

struct World {
    _upstream: Upstream,
    floopy: Floopy,
}

async fn start(shape: Shape) -> World {
    let upstream = Upstream::start().await;
    let floopy = Floopy::with(shape, Settings::for_upstream(&upstream)).await;
    World {
        _upstream: upstream,
        floopy,
    }
}

impl World {
    async fn run(&self, arguments: &[&str]) -> Output {
        let api = self.floopy.api();
        let mut command = Command::new(binary("floopy"));
        command.args(arguments).args(["--url", api.base()]);
        command.env("FLOOPY_API_KEY", api.key());
        command.output().await.expect("it runs")
    }

    /// Standard output of a command that must succeed.
    async fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--json"]].concat();
        serde_json::from_str(&self.ok(&arguments).await).expect("JSON")
    }
}

async fn what_the_judge_is_worth_is_told(shape: Shape) {
    let world = start(shape).await;
    let told = world.json(&["judge", "agreement"]).await;
    assert_eq!(told["status"], "insufficient_data", "{told}");
    let table = world.ok(&["judge", "agreement"]).await;
    assert!(
        table.contains("too few ratings") && table.contains("100 %"),
        "{table}"
    );
}

async fn decisions_are_listed_and_explained(shape: Shape) {
    let world = start(shape).await;
    let api = world.floopy.api();
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "Good morning"}]});
    let answer = api.chat("talk/1", &body).await.ok();
    let id = answer.request_id();
    api.decision(&id).await;
    let table = world.ok(&["decision", "list", "--session", "talk/1"]).await;
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("TIME") && lines[0].contains("REASON"),
        "{table}"
    );
    assert!(
        lines.len() == 2 && lines[1].contains(&id) && lines[1].contains("alpha"),
        "{table}"
    );
    let none = world
        .json(&["decision", "list", "--session", "nobody"])
        .await;
    assert_eq!(none["items"], json!([]));
    let shown = world.ok(&["decision", "show", &id]).await;
    let decision = api.decision(&id).await;
    let explanation = decision["explanation"].as_str().expect("explained");
    assert!(shown.contains(explanation), "{shown}");
    assert!(
        shown.contains("PROBABILITY") && shown.contains("beta"),
        "{shown}"
    );
    let used = eventually(|| async {
        let used = world.ok(&["usage", "--by", "model"]).await;
        match used.contains("up/alpha") {
            true => Ok(used),
            false => Err(used),
        }
    })
    .await;
    assert!(
        used.lines().last().expect("rows").starts_with("TOTAL"),
        "{used}"
    );
}

async fn the_cache_is_explained_and_flushed(shape: Shape) {
    let world = start(shape).await;
    let api = world.floopy.api();
    // As large a number as a float does not hold: it is sent as it is written.
    let body = r#"{"model": "up/alpha", "seed": 9007199254740993, "user": "u",
        "messages": [{"role": "user", "content": "Good morning"}]}"#;
    let file = world.floopy.dir().join("call.json");
    std::fs::write(&file, body).expect("written");
    let file = file.display().to_string();
    let on = ["--header", "floopy-cache-enabled: true"];
    let explain = ["cache", "explain", &file];
    let off = world.ok(&explain).await;
    assert!(off.starts_with("off: "), "{off}");
    let explain = [&explain[..], &on[..]].concat();
    let missed = world.json(&explain).await;
    assert_eq!(missed["status"], "miss");
    assert_eq!(missed["left_out"], json!(["user"]));
    let call = api.post("/v1/chat/completions").bytes(body);
    let answer = call.header("floopy-cache-enabled", "true").send().await;
    let key = answer.ok().header("floopy-cache-key").to_owned();
    let shown = world.ok(&explain).await;
    assert!(
        shown.starts_with("exact: ") && shown.contains(&key) && shown.contains("9007199254740993"),
        "{shown}"
    );
    let flushed = world.ok(&["cache", "flush", "--key", &key]).await;
    assert!(flushed.starts_with("flushed: key"), "{flushed}");
    eventually(|| async {
        match world.json(&explain).await["status"].as_str() {
            Some("miss") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let refused = world.run(&["cache", "flush", "--rule", "a b"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("a b"), "{said}");
    let month = world.json(&["cache", "show"]).await;
    assert_eq!(month["object"], "cache");
}

async fn rules_are_made_and_deleted(shape: Shape) {
    let world = start(shape).await;
    let made = world
        .json(&[
            "rule",
            "create",
            "--name",
            "mostly",
            "--strategy",
            "weighted",
            "--models",
            "up/alpha,up/beta",
            "--weights",
            "10,90",
        ])
        .await;
    let id = made["id"].as_str().expect("an id");
    let table = world.ok(&["rule", "list"]).await;
    assert!(
        table.contains("mostly") && table.contains("weighted"),
        "{table}"
    );
    let gone = world.ok(&["rule", "delete", id]).await;
    assert_eq!(gone.trim(), format!("{id} is gone"));
    assert!(!world.ok(&["rule", "list"]).await.contains("mostly"));
}

async fn keys_are_listed_and_ended(shape: Shape) {
    let world = start(shape).await;
    let api = world.floopy.api();
    let made = api
        .post("/v1/keys")
        .json(&json!({"name": "app"}))
        .send()
        .await;
    let made = made.ok().json();
    let (id, key) = (made["id"].as_str(), made["key"].as_str());
    let (id, key) = (id.expect("an id"), key.expect("told once"));
    let table = world.ok(&["key", "list"]).await;
    assert!(
        table.contains(id) && table.contains("app") && !table.contains(key),
        "{table}"
    );
    world.ok(&["key", "revoke", id]).await;
    assert_eq!(
        world
            .floopy
            .control_api()
            .with_key(key)
            .get("/v1/keys")
            .await
            .status,
        401
    );
}

async fn what_the_server_refuses_is_told(shape: Shape) {
    let world = start(shape).await;
    let cases = [
        (["decision", "show", "x"].as_slice(), "request_id is \"x\""),
        (&["rule", "delete", "nobody"], "status 404"),
        (
            &["rule", "create", "--name", "a", "--strategy", "best"],
            "strategy",
        ),
        (&["usage", "--by", "colour"], "group_by is \"colour\""),
        (
            &["key", "list", "--key-env", "NOT_SET_ANYWHERE"],
            "NOT_SET_ANYWHERE",
        ),
    ];
    for (arguments, said) in cases {
        let output = world.run(arguments).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && error.contains(said),
            "{arguments:?}: {error}"
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
