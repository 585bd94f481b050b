//! Servers of tools that fail, lie or lead astray: the model is told, and nobody else is harmed.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_tests::{
    Answer, Api, Ending, Floopy, Reply, Settings, Shape, Stream, Upstream, checks::assert_error,
    eventually, in_both_shapes,
};
use http::Method;
use serde_json::{Value, json};

in_both_shapes!(
    a_server_that_fails_is_told_to_the_model_and_no_error_to_the_caller,
    servers_of_the_configuration_are_asked_with_their_secrets,
    a_plan_without_it_has_no_tools,
    a_server_that_leads_within_ends_the_call,
);

const HERE: &str = "allow_networks = [\"127.0.0.1\"]\ndeadline_ms = 4000";

/// A provider, and a server of tools that is played like one.
struct Stage {
    upstream: Upstream,
    tools: Upstream,
    floopy: Floopy,
}

impl Stage {
    async fn set(shape: Shape, tenant: impl Fn(&str) -> String) -> Self {
        let (upstream, tools) = (Upstream::start().await, Upstream::start().await);
        let settings = Settings::for_upstream(&upstream)
            .proxy("mcp", HERE)
            .tenant(&tenant(&url(&tools)));
        let floopy = Floopy::with(shape, settings).await;
        Self {
            upstream,
            tools,
            floopy,
        }
    }

    /// What the server answers next: to a handshake, to what tools it has, and then this.
    fn plays(&self, then: impl IntoIterator<Item = Reply>) {
        self.tools
            .script_first("", handshake().into_iter().chain(then));
    }

    async fn ask(&self, plugin: &str) -> Answer {
        ask(&self.floopy.api(), plugin).await
    }
}

fn url(tools: &Upstream) -> String {
    tools.base_url().replace("/v1", "/mcp")
}

/// The answer to a question of this number.
fn result(id: u64, result: &Value) -> Reply {
    Reply::json(200, &json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

fn handshake() -> [Reply; 3] {
    let tool = json!({"name": "find", "inputSchema": {"type": "object"}});
    [
        result(
            1,
            &json!({"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {}}),
        ),
        Reply::raw(202, "text/plain", ""),
        result(2, &json!({"tools": [tool]})),
    ]
}

fn completion(message: &Value) -> Reply {
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
    Reply::json(
        200,
        &json!({"id": "c", "choices": [choice], "usage": usage}),
    )
}

fn calls_find() -> Reply {
    let function = json!({"name": "find", "arguments": "{}"});
    let call = json!({"id": "call_1", "type": "function", "function": function});
    completion(&json!({"role": "assistant", "content": null, "tool_calls": [call]}))
}

fn says_done() -> Reply {
    completion(&json!({"role": "assistant", "content": "done"}))
}

fn body() -> Value {
    json!({"model": "up/alpha", "messages": [{"role": "user", "content": "x"}]})
}

async fn ask(api: &Api, plugin: &str) -> Answer {
    let call = api.post("/v1/chat/completions").json(&body());
    call.header("floopy-mcp-plugin", plugin).send().await
}

/// What the model was told last by a tool.
fn told(upstream: &Upstream) -> String {
    let received = upstream.received();
    let last = received.last().expect("a call").json();
    let messages = last["messages"].as_array().expect("messages");
    let tool = messages.iter().rfind(|message| message["role"] == "tool");
    tool.map_or_else(String::new, |tool| tool["content"].to_string())
}

async fn a_server_that_fails_is_told_to_the_model_and_no_error_to_the_caller(shape: Shape) {
    let stage = Stage::set(shape, |_| String::new()).await;
    let message = |message: &Value| Reply::json(200, message);
    let event = |text: &str, ending| {
        Reply::Stream(Stream {
            frames: vec![format!("data: {text}\n\n")],
            gap: std::time::Duration::ZERO,
            ending,
        })
    };
    let fine = json!({"jsonrpc": "2.0", "id": 3, "result": {"content": [{"type": "text", "text": "found"}]}});
    let error =
        json!({"jsonrpc": "2.0", "id": 3, "error": {"code": -32602, "message": "no such\nthing"}});
    let cases = [
        (event(&fine.to_string(), Ending::Hang), "found"),
        (event(&fine.to_string(), Ending::Complete), "found"),
        (message(&error), "error -32602: no such thing"),
        (Reply::Hang, "did not answer within 300 ms"),
        (Reply::Reset, "the connection to it broke"),
        (Reply::raw(200, "application/json", "{"), "is not JSON"),
        (
            Reply::raw(200, "text/html", "<p>"),
            "content type \\\"text/html\\\"",
        ),
        (Reply::raw(500, "text/plain", ""), "HTTP status 500"),
        (
            Reply::raw(200, "application/json", vec![b' '; 2 << 20]),
            "longer than 1048576 bytes",
        ),
        (event("{}", Ending::Complete), "ended without an answer"),
        (
            message(&json!({"jsonrpc": "2.0", "id": 7, "result": {}})),
            "not to what it was asked",
        ),
    ];
    for (at, (reply, said)) in cases.into_iter().enumerate() {
        stage.plays([reply]);
        stage
            .upstream
            .script_first("alpha", [calls_find(), says_done()]);
        let address = url(&stage.tools);
        // Each case has a server of its own name, of which nothing is known yet.
        let plugin = format!(
            "{{mcp_servers: [{{id: s{at}, url: '{address}?{at}', timeout_ms: 300, max_retries: 0}}]}}"
        );
        let answer = stage.ask(&plugin).await.ok();
        assert_eq!(
            answer.json()["choices"][0]["message"]["content"],
            "done",
            "{said}"
        );
        let found = told(&stage.upstream);
        assert!(found.contains(said), "{said}: {found}");
    }
    servers_that_cannot_say_what_they_have_are_named(&stage).await;
}

async fn servers_that_cannot_say_what_they_have_are_named(stage: &Stage) {
    let nowhere = "http://127.0.0.1:9/mcp";
    let plugin = format!("{{mcp_servers: [{{id: down, url: '{nowhere}', max_retries: 0}}]}}");
    let answer = stage.ask(&plugin).await.ok();
    assert_eq!(answer.header("floopy-mcp-unavailable"), "down");
    stage.tools.script_first("", [Reply::Hang]);
    let address = url(&stage.tools);
    let plugin = format!(
        "{{mcp_servers: [{{id: slow, url: '{address}?slow', timeout_ms: 200, max_retries: 0}}]}}"
    );
    let answer = stage.ask(&plugin).await.ok();
    assert_eq!(answer.header("floopy-mcp-unavailable"), "slow");
    // All of it has a deadline, too.
    stage.plays([Reply::Hang]);
    stage.upstream.script_first("alpha", [calls_find()]);
    let plugin =
        format!("{{mcp_servers: [{{id: late, url: '{address}?late', timeout_ms: 60000}}]}}");
    let answer = stage.ask(&plugin).await;
    assert_error(&answer, 504, "mcp_deadline", &["4000 ms"]);
}

async fn servers_of_the_configuration_are_asked_with_their_secrets(shape: Shape) {
    let stage = Stage::set(shape, |url| {
        format!(
            "[tenants.mcp.agent]\nmax_rounds = 2\n[[tenants.mcp.servers]]\nid = \"search\"\nurl = \"{url}\"\n\
             auth = {{ type = \"api_key\", secret = \"s3cret-of-the-file\" }}\n"
        )
    })
    .await;
    stage.plays([result(
        3,
        &json!({"content": [{"type": "text", "text": "found"}]}),
    )]);
    stage
        .upstream
        .script_first("alpha", [calls_find(), says_done()]);
    let api = stage.floopy.api();
    let answer = api
        .post("/v1/chat/completions")
        .json(&body())
        .send()
        .await
        .ok();
    assert_eq!(answer.header("floopy-mcp-calls"), "1");
    let received = stage.tools.received();
    assert_eq!(received.len(), 4);
    assert!(
        received
            .iter()
            .all(|r| r.headers["x-api-key"] == "s3cret-of-the-file")
    );
    let versions = received[1..]
        .iter()
        .all(|r| r.headers["mcp-protocol-version"] == "2025-06-18");
    assert!(versions, "what was agreed on is said with each question");
    they_are_their_tenants_and_the_files(&stage).await;
}

/// What is in the file is told without its secret, not deleted over HTTP, and nothing to another tenant.
async fn they_are_their_tenants_and_the_files(stage: &Stage) {
    let api = stage.floopy.api();
    let listed = api.get("/v1/mcp/servers").await.ok();
    assert_eq!(
        listed.json()["items"][0]["source"],
        "configuration",
        "{}",
        listed.text()
    );
    assert!(!listed.text().contains("s3cret"));
    let one = api
        .call(Method::DELETE, "/v1/mcp/servers/search")
        .send()
        .await;
    assert_error(&one, 400, "invalid_body", &["configuration"]);
    let other = stage.floopy.other_api();
    let plugin = "{mcp_servers: [{id: search}]}";
    assert_error(
        &ask(&other, plugin).await,
        400,
        "invalid_request",
        &["mcp_servers[0].id", "search"],
    );
    let plain = other
        .post("/v1/chat/completions")
        .json(&body())
        .send()
        .await
        .ok();
    assert_eq!(plain.header("floopy-mcp-rounds"), "");
}

async fn a_plan_without_it_has_no_tools(shape: Shape) {
    let stage = Stage::set(shape, |url| {
        format!("plan = \"starter\"\n[[tenants.mcp.servers]]\nid = \"search\"\nurl = \"{url}\"\n")
    })
    .await;
    let refused = stage.ask("{mcp_servers: [{id: search}]}").await;
    assert_error(
        &refused,
        403,
        "plan_required",
        &["starter", "has_mcp_client"],
    );
    assert_eq!(refused.json()["error"]["feature"], "has_mcp_client");
    let api = stage.floopy.api();
    let plain = api
        .post("/v1/chat/completions")
        .json(&body())
        .send()
        .await
        .ok();
    assert_eq!(plain.header("floopy-mcp-rounds"), "");
    let listed = api.get("/v1/mcp/servers").await;
    assert_error(
        &listed,
        403,
        "plan_required",
        &["starter", "has_mcp_client"],
    );
    assert!(stage.tools.received().is_empty());
}

async fn a_server_that_leads_within_ends_the_call(shape: Shape) {
    let stage = Stage::set(shape, |_| String::new()).await;
    let to = |location: &str| Reply::Raw {
        status: 307,
        headers: vec![("location", location.to_owned())],
        body: Default::default(),
    };
    let address = url(&stage.tools);
    let plugin =
        |at: &str| format!("{{mcp_servers: [{{id: s, url: '{address}?{at}', max_retries: 0}}]}}");
    for location in [
        "http://169.254.169.254/",
        "https://127.0.0.2:9/",
        "https://[::1]:9/x",
    ] {
        stage.tools.script_first("", [to(location)]);
        let answer = stage.ask(&plugin("away")).await;
        let named = ["\"s\"", "mcp.allow_networks"];
        assert_error(&answer, 403, "mcp_address_forbidden", &named);
    }
    assert_eq!(stage.upstream.received().len(), 0, "no model was asked");
    let within = format!("{}/", stage.tools.base_url());
    stage.tools.script_first("", [to(&within)]);
    stage.plays([]);
    stage.upstream.script_first("alpha", [says_done()]);
    let answer = stage.ask(&plugin("moved")).await.ok();
    assert_eq!(answer.header("floopy-mcp-unavailable"), "");
    let api = stage.floopy.api();
    eventually(|| async {
        let count = api.decisions().await.len();
        if count == 1 { Ok(()) } else { Err(count) }
    })
    .await;
}
