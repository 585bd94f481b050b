//! Providers' credentials through the API: whose calls they are shown in, that nothing else sees them, and that their keys
//! can be changed.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{fs, process::Output, time::Duration};

use floopy_tests::{
    Api, Floopy, Reply, Settings, Shape, Upstream, checks::files_with, eventually,
    eventually_within, in_both_shapes, operator::question, process::binary,
};
use serde_json::{Value, json};
use tokio::process::Command;

in_both_shapes!(
    a_tenants_own_key_is_shown_in_its_calls_alone_and_followed_within_two_seconds,
    a_provider_that_only_a_tenants_own_key_opens_serves_nobody_else,
    one_tenants_refused_key_keeps_nobody_else_from_a_model,
    a_key_is_nowhere_on_disk_or_in_logs_and_outlasts_restarts,
    keys_are_rotated_and_a_lost_one_is_told_by_tenant_and_provider,
);

const OWN: &str = "PUT /v1/providers/up";
const MARKER: &str = "marker-0123456789abcdef";

struct World {
    upstream: Upstream,
    floopy: Floopy,
}

async fn start(shape: Shape) -> World {
    let upstream = Upstream::start().await;
    let root = upstream.base_url().replace("/v1", "");
    // Azure has no address without a customer, so that this one cannot be asked before somebody has a key for it.
    let settings =
        Settings::for_upstream(&upstream).provider_with("house", &root, "kind = \"azure\"");
    let floopy = Floopy::with(shape, settings).await;
    World { upstream, floopy }
}

fn key(key: &str) -> Value {
    json!({"api_key": format!("sk-{key}")})
}

impl World {
    /// Waits until calls of this tenant are sent with this key.
    async fn shows(&self, api: &Api, expected: &str) {
        let wanted = format!("Bearer sk-{expected}");
        eventually_within(Duration::from_secs(2), || async {
            api.chat("s", &question()).await.ok();
            let last = self.upstream.received().pop().expect("a call");
            match last.headers.get("authorization") {
                Some(shown) if *shown == *wanted => Ok(()),
                other => Err(format!("{other:?}, not {wanted}")),
            }
        })
        .await;
    }

    async fn set(&self, api: &Api, call: &str, body: Value) -> Value {
        let answer = api.send(call, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// `floopy` as the operator runs it, with a secret in its environment.
    async fn run(&self, arguments: &[&str], secret: &str) -> Output {
        let mut command = Command::new(binary("floopy"));
        command
            .args(arguments)
            .args(["--url", self.floopy.control_api().base()])
            .arg("--key-file")
            .arg(self.floopy.operator_key_file())
            .env_remove("FLOOPY_OPERATOR_KEY")
            .env("THE_SECRET", secret);
        command.output().await.expect("it runs")
    }

    async fn ok(&self, arguments: &[&str], secret: &str) -> String {
        let output = self.run(arguments, secret).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

async fn a_tenants_own_key_is_shown_in_its_calls_alone_and_followed_within_two_seconds(
    shape: Shape,
) {
    let world = start(shape).await;
    let (acme, globex) = (world.floopy.api(), world.floopy.other_api());
    let told = world.set(&acme, OWN, key("own-of-acme-1")).await;
    assert_eq!(told["hint"], "me-1");
    world.shows(&acme, "own-of-acme-1").await;
    world.shows(&globex, "up").await;
    world.set(&acme, OWN, key("own-of-acme-2")).await;
    world.shows(&acme, "own-of-acme-2").await;
    let everybodys = "PUT /v1/operator/providers/up";
    let operator = world.floopy.operator_api();
    world.set(&operator, everybodys, key("everybodys")).await;
    world.shows(&globex, "everybodys").await;
    world.shows(&acme, "own-of-acme-2").await;
    world.set(&acme, "DELETE /v1/providers/up", json!({})).await;
    world.shows(&acme, "everybodys").await;
    let gone = "DELETE /v1/operator/providers/up";
    world.set(&operator, gone, json!({})).await;
    world.shows(&acme, "up").await;
    // Nobody's calls were ever sent with another's.
    for call in world.upstream.received() {
        let shown = call.headers["authorization"].to_str().expect("ascii");
        assert!(shown.starts_with("Bearer sk-"), "{shown}");
    }
}

async fn models(api: &Api) -> String {
    api.told("/v1/models").await.to_string()
}

async fn a_provider_that_only_a_tenants_own_key_opens_serves_nobody_else(shape: Shape) {
    let world = start(shape).await;
    let (acme, globex) = (world.floopy.api(), world.floopy.other_api());
    assert!(!models(&acme).await.contains("house/alpha"));
    let operator = world.floopy.operator_api();
    let call = "PUT /v1/operator/tenants/acme/providers/house";
    let placed = json!({"api_key": "sk-house-of-acme", "base_url": world.upstream.base_url().replace("/v1", "")});
    let told = world.set(&operator, call, placed).await;
    assert_eq!(
        (&told["tenant"], &told["kind"]),
        (&json!("acme"), &json!("api_key"))
    );
    eventually(|| async {
        let found = models(&acme).await;
        if found.contains("house/alpha") {
            Ok(())
        } else {
            Err(found)
        }
    })
    .await;
    assert!(!models(&globex).await.contains("house/alpha"));
    let mut asked = question();
    asked["model"] = json!("house/alpha");
    let answer = acme.chat("s", &asked).await.ok();
    assert_eq!(answer.header("floopy-model"), "house/alpha");
    let last = world.upstream.received().pop().expect("a call");
    assert_eq!(last.headers["api-key"], "sk-house-of-acme");
    assert_eq!(globex.chat("s", &asked).await.status, 400);
    // What ranks for `auto` knows it for that tenant alone.
    let candidates = async |api: &Api| {
        let mut body = question();
        body["model"] = json!("auto");
        let told = api.send("POST /v1/routing/explain", body).await.ok();
        let traces = told.json()["candidates"].as_array().cloned();
        let of = |trace: &Value| {
            let is_house = trace.to_string().contains("house");
            is_house.then_some(trace["filtered_reason"].is_null())
        };
        traces.unwrap_or_default().iter().find_map(of)
    };
    eventually(|| async {
        match candidates(&acme).await {
            Some(true) => Ok(()),
            other => Err(other),
        }
    })
    .await;
    assert_ne!(candidates(&globex).await, Some(true));
}

async fn one_tenants_refused_key_keeps_nobody_else_from_a_model(shape: Shape) {
    let world = start(shape).await;
    let (acme, globex) = (world.floopy.api(), world.floopy.other_api());
    world.set(&acme, OWN, key("refused-of-acme")).await;
    world.shows(&acme, "refused-of-acme").await;
    let refused = Reply::json(
        401,
        &json!({"error": {"message": "no", "type": "x", "code": "y"}}),
    );
    world.upstream.script("alpha", refused);
    let mut asked = question();
    asked["model"] = json!("up/alpha,up/beta");
    for _ in 0..8 {
        let served = acme.chat("s", &asked).await.ok();
        assert_eq!(served.header("floopy-model"), "up/beta");
    }
    world.upstream.script("alpha", Reply::Normal);
    let before = world.upstream.count("alpha");
    let left_alone = acme.chat("s", &asked).await.ok();
    assert_eq!(left_alone.header("floopy-model"), "up/beta");
    assert_eq!(world.upstream.count("alpha"), before, "its circuit is open");
    let served = globex.chat("s", &asked).await.ok();
    assert_eq!(served.header("floopy-model"), "up/alpha");
    // A new key has nothing to do with the old one's circuit.
    world.set(&acme, OWN, key("accepted-of-acme")).await;
    eventually(|| async {
        let served = acme.chat("s", &asked).await.ok();
        match served.header("floopy-model") {
            "up/alpha" => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;
}

async fn a_key_is_nowhere_on_disk_or_in_logs_and_outlasts_restarts(shape: Shape) {
    let mut world = start(shape).await;
    let acme = world.floopy.api();
    world.set(&acme, OWN, key(MARKER)).await;
    let operator = world.floopy.operator_api();
    let root = world.upstream.base_url().replace("/v1", "");
    let house = [
        "provider",
        "set",
        "house",
        "--secret-env",
        "THE_SECRET",
        "--base-url",
        &root,
    ];
    let table = world.ok(&house, &format!("sk-house-{MARKER}")).await;
    assert!(table.contains("house") && table.contains("cdef"), "{table}");
    world.shows(&acme, MARKER).await;
    let refused = acme.send(OWN, json!({"api_key": {"x": MARKER}})).await;
    assert_eq!(refused.status, 400);
    assert!(!refused.text().contains(MARKER));
    let listed = operator.told("/v1/operator/providers").await.to_string();
    let own = acme.told("/v1/providers").await.to_string();
    let audit = operator.told("/v1/operator/audit").await.to_string();
    assert!(!format!("{listed}{own}{audit}").contains(MARKER));
    if shape == Shape::Split {
        // The proxy has it sealed on its own disk.
        world.floopy.kill_control();
    }
    world.floopy.stop_proxy().await;
    let dir = world.floopy.dir().to_owned();
    assert_eq!(files_with(&dir, MARKER), [""; 0]);
    world.floopy.start_proxy().await;
    world.shows(&acme, MARKER).await;
    assert!(!world.floopy.logs().contains(MARKER));
    world.floopy.stop_proxy().await;
    assert_eq!(files_with(&dir, MARKER), [""; 0]);
    let text = files_with(&dir, "house");
    assert!(!text.is_empty(), "the search finds what is there");
}

/// Ends everything and starts it again with these keys.
async fn restart_with(world: &mut World, shape: Shape, keys: &str) {
    match shape {
        Shape::Standalone => {
            let file = world.floopy.dir().join("data/control/credentials.key");
            fs::write(file, keys).expect("written");
        }
        Shape::Split => {
            world.floopy.kill_control();
            world.floopy.set_environment("FLOOPY_CREDENTIALS_KEY", keys);
            world.floopy.start_control().await;
        }
    }
    world.floopy.stop_proxy().await;
    world.floopy.start_proxy().await;
}

async fn keys_are_rotated_and_a_lost_one_is_told_by_tenant_and_provider(shape: Shape) {
    let mut world = start(shape).await;
    let acme = world.floopy.api();
    let [old, new, other] = ["ab", "cd", "ef"].map(|byte| byte.repeat(32));
    restart_with(&mut world, shape, &old).await;
    world.set(&acme, OWN, key("own-of-acme")).await;
    world.shows(&acme, "own-of-acme").await;
    restart_with(&mut world, shape, &format!("{new},{old}")).await;
    world.shows(&acme, "own-of-acme").await;
    let said = world.ok(&["provider", "rotate"], "").await;
    assert!(said.starts_with("1 of 1 sealed anew with key "), "{said}");
    let keys = world.ok(&["provider", "keys", "--json"], "").await;
    let keys: Value = serde_json::from_str(&keys).expect("JSON");
    assert_eq!(
        (
            &keys["items"][0]["credentials"],
            &keys["items"][1]["credentials"]
        ),
        (&json!(1), &json!(0))
    );
    restart_with(&mut world, shape, &new).await;
    world.shows(&acme, "own-of-acme").await;
    restart_with(&mut world, shape, &other).await;
    // What cannot be opened closes the provider to whom it belongs; nobody else's key goes out for it, and all else serves.
    let before = world.upstream.received().len();
    let refused = acme.chat("s", &question()).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(world.upstream.received().len(), before);
    world.shows(&world.floopy.other_api(), "up").await;
    let operator = world.floopy.operator_api();
    eventually(|| async {
        let told = operator.told("/v1/operator/proxies").await.to_string();
        let reason =
            "the credential of tenant acme for provider up cannot be used: it is sealed with key";
        if told.contains(reason) && told.contains("credential/up/acme") {
            Ok(())
        } else {
            Err(told)
        }
    })
    .await;
}
