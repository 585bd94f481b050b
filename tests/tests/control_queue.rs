//! `floopy queue`, and the same over REST and gRPC: what waits to be judged, and what no judge could score.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::process::Output;

use floopy_proto::admin::v1::{self as wire, admin_client::AdminClient};
use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, eventually, judge::Judge, process::binary,
};
use serde_json::{Value, json};
use tokio::process::Command;
use tonic::{Request, transport::Channel};

/// In every prompt and reply of the test.
const MARKER: &str = "marker-of-what-was-said";

struct World {
    _upstream: Upstream,
    floopy: Floopy,
    judge: Judge,
}

impl World {
    /// One delivery is all there is, and the only judge is the test's.
    async fn start() -> Self {
        let upstream = Upstream::start().await;
        let settings = Settings::for_upstream(&upstream).scoring("max_deliveries = 1");
        let mut floopy = Floopy::with(Shape::Split, settings).await;
        floopy.kill_judge();
        let judge = Judge::of(&floopy).await;
        Self {
            _upstream: upstream,
            floopy,
            judge,
        }
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let api = self.floopy.control_api();
        let mut command = Command::new(binary("floopy"));
        command.arg("queue").args(arguments);
        command.args(["--url", api.base()]);
        command.arg("--key-file");
        command.arg(self.floopy.operator_key_file());
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

    /// A call whose reply waits to be judged.
    async fn ask(&self, api: &Api) -> String {
        let body = json!({"model": "up/alpha", "messages": [{"role": "user", "content": MARKER}]});
        api.chat("s", &body).await.ok().request_id()
    }

    /// So many wait.
    async fn wait_for(&self, waiting: u64) -> Value {
        eventually(|| async {
            let status = self.json(&["status"]).await;
            let is_it = status["waiting"] == waiting;
            if is_it { Ok(status) } else { Err(status) }
        })
        .await
    }

    /// Everything that waits dies of this.
    async fn die(&mut self, reason: &str) {
        let jobs = self.judge.lease(100, 60_000).await;
        assert!(!jobs.is_empty());
        self.judge.fail(&jobs, reason).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_is_shown_and_the_dead_are_retried_and_dropped() {
    let mut world = World::start().await;
    let (api, other) = (world.floopy.api(), world.floopy.other_api());
    let first = world.ask(&api).await;
    world.ask(&api).await;
    let of_other = world.ask(&other).await;
    let status = world.wait_for(3).await;
    assert_eq!(status["tenants"][0]["tenant"], "acme");
    assert_eq!(status["tenants"][0]["waiting"], 2);
    let table = world.ok(&["status"]).await;
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("TENANT")
            && lines[1].starts_with("acme")
            && lines[3].starts_with("(all)"),
        "{table}"
    );
    world.die("nobody understands \u{1b}[2Jthis").await;
    let table = world.ok(&["dead", "list"]).await;
    assert!(
        table.contains(&first) && table.contains("nobody understands"),
        "{table}"
    );
    assert!(!table.contains('\u{1b}'), "{table}");
    let page = world.json(&["dead", "list", "--limit", "1"]).await;
    let cursor = page["next_cursor"].as_str().expect("there is more");
    let rest = world.json(&["dead", "list", "--after", cursor]).await;
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(2), "{rest}");
    let listed = world.json(&["dead", "list", "--tenant", "globex"]).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["items"][0]["id"], json!(of_other));
    let shown = world.ok(&["dead", "show", &first]).await;
    assert!(
        shown.contains("up/alpha") && shown.contains(&first),
        "{shown}"
    );
    assert!(!shown.contains(MARKER), "{shown}");
    assert_eq!(
        world.ok(&["dead", "retry", &first]).await.trim(),
        "retried: 1"
    );
    assert_eq!(world.wait_for(1).await["dead"], 2);
    let dropped = world.json(&["dead", "drop", "--tenant", "globex"]).await;
    assert_eq!(dropped["dropped"], 1);
    assert_eq!(
        world.ok(&["dead", "drop", "--all"]).await.trim(),
        "dropped: 1"
    );
    world.floopy.start_judge();
    let scored = eventually(|| async {
        let decision = api.decision(&first).await;
        let judge = decision["decision_trace"]["judge"].clone();
        if judge.is_object() {
            Ok(judge)
        } else {
            Err(decision)
        }
    });
    scored.await;
    assert_eq!(world.wait_for(0).await["dead"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_to_the_dead_is_in_the_audit_and_mistakes_are_told() {
    let mut world = World::start().await;
    let id = world.ask(&world.floopy.api()).await;
    world.wait_for(1).await;
    world.die("no").await;
    world.ok(&["dead", "retry", &id]).await;
    world.wait_for(1).await;
    world.die("no").await;
    world.ok(&["dead", "drop", "--all"]).await;
    let operator = world.floopy.operator_api();
    let audit = operator.told("/v1/operator/audit?resource=dead_").await;
    let told: Vec<_> = audit["items"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| {
            (
                line["action"].clone(),
                line["resource"].clone(),
                line["tenant"].clone(),
            )
        })
        .collect();
    let expected = [
        (json!("delete"), json!("dead_replies"), Value::Null),
        (
            json!("update"),
            json!(format!("dead_reply/{id}")),
            json!("acme"),
        ),
    ];
    assert_eq!(told, expected);
    for (arguments, code, said) in [
        (["dead", "show", &id].as_slice(), 1, "no such dead reply"),
        (&["dead", "retry", &id], 1, "no such dead reply"),
        (
            &["dead", "drop", "x"],
            1,
            "it must be the UUID of a dead reply",
        ),
        (&["dead", "drop"], 2, "required"),
        (&["dead", "retry", &id, "--all"], 2, "cannot be used with"),
    ] {
        let output = world.run(arguments).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_says_of_the_queue_what_rest_says() {
    let mut world = World::start().await;
    let id = world.ask(&world.floopy.api()).await;
    world.wait_for(1).await;
    world.die("no").await;
    let address = format!("http://{}", world.floopy.grpc_addr());
    let channel = Channel::from_shared(address).expect("an address");
    let mut admin = AdminClient::new(channel.connect().await.expect("listens"));
    let operator = world.floopy.operator_api();
    let key = format!("Bearer {}", operator.key());
    fn with<T>(message: T, key: &str) -> Request<T> {
        let mut request = Request::new(message);
        let key = key.parse().expect("ASCII");
        request.metadata_mut().insert("authorization", key);
        request
    }
    let status = admin.get_queue(with(wire::GetQueueRequest {}, &key)).await;
    let status = status.expect("told").into_inner();
    assert_eq!((status.dead, status.tenants.len()), (1, 1));
    let asked = wire::ListDeadRepliesRequest::default();
    let listed = admin.list_dead_replies(with(asked, &key)).await;
    let listed = listed.expect("listed").into_inner().items;
    assert_eq!((listed.len(), listed[0].id.as_str()), (1, id.as_str()));
    let asked = wire::GetDeadReplyRequest { id: id.clone() };
    let shown = admin.get_dead_reply(with(asked, &key)).await;
    let job = shown.expect("told").into_inner().job.expect("readable");
    assert_eq!(job.model, "up/alpha");
    let refused = admin
        .retry_dead_replies(with(wire::RetryDeadRepliesRequest::default(), &key))
        .await;
    let refused = refused.expect_err("nothing is named");
    assert!(refused.message().contains("exactly one"), "{refused}");
    let which = wire::DropDeadRepliesRequest {
        id: Some(id),
        ..Default::default()
    };
    let dropped = admin.drop_dead_replies(with(which, &key)).await;
    assert_eq!(dropped.expect("dropped").into_inner().dropped, 1);
}
