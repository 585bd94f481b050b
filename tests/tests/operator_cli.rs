//! `floopy tenant|plan|proxy` against a running control plane: tables for people, `--json` for scripts, and errors that
//! say what the server said.
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
    tenants_are_made_listed_changed_and_ended,
    plans_and_proxies_are_listed,
    what_is_refused_is_told_on_standard_error,
    a_running_process_reads_its_file_again_and_logs_more,
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
        let api = self.floopy.control_api();
        let mut command = Command::new(binary("floopy"));
        command.args(arguments).args(["--url", api.base()]);
        command
            .arg("--key-file")
            .arg(self.floopy.operator_key_file());
        command.env_remove("FLOOPY_OPERATOR_KEY");
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

async fn tenants_are_made_listed_changed_and_ended(shape: Shape) {
    let world = start(shape).await;
    let made = [
        "tenant", "create", "initech", "--name", "Initech", "--plan", "free",
    ];
    let shown = world.ok(&made).await;
    let key = shown.split("API key (shown once): ").nth(1);
    let key = key.expect("told once").trim().to_owned();
    let api = world.floopy.api().with_key(&key);
    eventually(|| async {
        let answer = api.get("/v1/models").await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.text())
        }
    })
    .await;
    let table = world.ok(&["tenant", "list"]).await;
    let line = table.lines().find(|line| line.starts_with("initech"));
    let line = line.expect("listed");
    assert!(
        line.contains("Initech") && line.contains("free") && line.contains("yes"),
        "{table}"
    );
    let changed = [
        "tenant",
        "update",
        "initech",
        "--disable",
        "--plan",
        "",
        "--max-requests-per-minute",
        "60",
    ];
    let changed = world.json(&changed).await;
    assert_eq!(
        (
            &changed["enabled"],
            &changed["plan"],
            &changed["limits"]["max_requests_per_minute"]
        ),
        (&json!(false), &Value::Null, &json!(60))
    );
    let shown = world.json(&["tenant", "show", "initech"]).await;
    assert_eq!(shown, changed);
    let gone = world.ok(&["tenant", "delete", "initech"]).await;
    assert_eq!(gone.trim(), "initech is gone");
    assert!(!world.ok(&["tenant", "list"]).await.contains("initech"));
}

async fn plans_and_proxies_are_listed(shape: Shape) {
    let world = start(shape).await;
    let plans = world.ok(&["plan", "list"]).await;
    assert!(
        plans.starts_with("NAME") && plans.contains("enterprise") && plans.contains("builtin"),
        "{plans}"
    );
    let proxies = eventually(|| async {
        let found = world.json(&["proxy", "list"]).await;
        if found["items"][0]["connected"] == true {
            Ok(found)
        } else {
            Err(found)
        }
    })
    .await;
    let id = proxies["items"][0]["id"].as_str().expect("an id");
    let table = world.ok(&["proxy", "list"]).await;
    assert!(
        table.starts_with("ID") && table.lines().any(|line| line.starts_with(id)),
        "{table}"
    );
}

async fn what_is_refused_is_told_on_standard_error(shape: Shape) {
    let world = start(shape).await;
    let cases = [
        (["tenant", "show", "nobody"].as_slice(), "no such tenant"),
        (&["tenant", "create", "acme"], "id acme is taken"),
        (
            &["tenant", "create", "a", "--plan", "gold"],
            "enterprise, free, pro, starter",
        ),
        (&["tenant", "delete", "acme"], "of the configuration"),
        (
            &["tenant", "list", "--key-env", "PATH"],
            "this API key is not known",
        ),
    ];
    for (arguments, said) in cases {
        let output = world.run(arguments).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(error.contains(said), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    let mut command = Command::new(binary("floopy"));
    command.args(["tenant", "list", "--key-file", "/nowhere/key"]);
    command.env_remove("FLOOPY_OPERATOR_KEY");
    let output = command.output().await.expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.contains("FLOOPY_OPERATOR_KEY") && error.contains("/nowhere/key"),
        "{error}"
    );
}

async fn a_running_process_reads_its_file_again_and_logs_more(shape: Shape) {
    let world = start(shape).await;
    assert_eq!(world.ok(&["reload"]).await.trim(), "nothing changed");
    let reloaded = world.json(&["reload"]).await;
    assert_eq!(reloaded["needs_restart"], json!([]));
    assert_eq!(world.ok(&["log"]).await.trim(), "info");
    assert_eq!(
        world.ok(&["log", "info,hyper=off"]).await.trim(),
        "info,hyper=off"
    );
    assert_eq!(world.json(&["log"]).await["filter"], "info,hyper=off");
    let refused = world.run(&["log", "loud"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("\"loud\" is no level"),
        "{said}"
    );
}
