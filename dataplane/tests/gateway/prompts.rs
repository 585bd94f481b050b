//! Stored prompts: named by a header, filled from the body, in front of what the caller says.

use std::sync::Arc;

use floopy_proto::v1;
use floopy_shared::{
    domain::{
        ids::TenantId,
        prompt::{Message, Prompt, Prompts, Role, Variable, Version},
        snapshot::{TableBody, TableName},
    },
    wire::snapshot::table_to_wire,
};
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    control::Control,
    proxy::{Proxy, Reply},
    snapshots::{MODELS, catalog, ranking, tenant},
    upstream::{Upstream, completion},
};

const ID: Uuid = Uuid::from_u128(0x2f1f_1c1e_8f5e_4b57_9d1c_0a1b_2c3d_4e5f);

/// Version 1 says `old`, version 2 takes a city, of whom nothing else has any.
fn prompts(tenant: &str) -> v1::Table {
    let version = |number, content: &str, variables: Box<[Variable]>| {
        let message = Message {
            role: Role::System,
            content: content.into(),
        };
        Arc::new(Version {
            number,
            messages: [message].into(),
            variables,
        })
    };
    let city = Variable {
        name: "city".into(),
        default: None,
        required: true,
    };
    let id = TenantId::new(tenant).unwrap();
    let prompts = Prompts {
        tenant: id.clone(),
        prompts: vec![Prompt {
            id: ID,
            versions: vec![
                version(1, "old", Box::default()),
                version(2, "You know {{city}}.", [city].into()),
            ],
        }],
    };
    let body = TableBody::Prompts(prompts.into());
    table_to_wire(&TableName::Prompts(id), 1, &body)
}

async fn start(owner: &str) -> (Upstream, Control, Proxy) {
    let upstream = Upstream::start(|_, _| completion("one")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start(&[upstream.base_url()], dialer).await;
    let tables = vec![
        catalog(1, &MODELS),
        tenant(1, false),
        ranking(1, MODELS, 0.0),
        prompts(owner),
    ];
    control.push(1, tables).await;
    (upstream, control, proxy)
}

async fn send(proxy: &Proxy, path: &str, body: &Value, headers: &[(&'static str, &str)]) -> Reply {
    let mut request = proxy.post(path, &body.to_string());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    proxy.send(request).await
}

type Header<'a> = (&'static str, &'a str);

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn a_prompt_comes_before_what_the_caller_says_and_is_in_the_record() {
    let (upstream, control, proxy) = start("acme").await;
    let id = ID.to_string();
    let user = json!({"role": "user", "content": "{{city}}?"});
    let body = json!({"model": "a/one", "inputs": {"city": "S\"P"}, "messages": [user]});
    let got = send(&proxy, CHAT, &body, &[("floopy-prompt-id", id.as_str())]).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    let pinned = [
        ("floopy-prompt-id", id.as_str()),
        ("floopy-prompt-version", "1"),
    ];
    let bare = json!({"model": "a/one"});
    let got = send(&proxy, CHAT, &bare, &pinned).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    let without = json!({"model": "a/one", "inputs": {"city": "x"}, "messages": [user]});
    let got = send(&proxy, CHAT, &without, &[]).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    let headers = [("floopy-passthrough", "true"), ("floopy-provider", "a")];
    let untouched = json!({"model": "one", "inputs": {"city": "x"}, "messages": [user]});
    let got = send(&proxy, CHAT, &untouched, &headers).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    let system = |content: &str| json!({"role": "system", "content": content});
    let sent: Vec<Value> = upstream
        .seen()
        .iter()
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect();
    assert_eq!(
        sent,
        [
            json!({"model": "one", "messages": [system("You know S\"P."), user]}),
            json!({"model": "one", "messages": [system("old")]}),
            json!({"model": "one", "messages": [user]}),
            untouched,
        ]
    );
    proxy.finish().await;
    let versions: Vec<Option<(Vec<u8>, u32)>> = control
        .decisions()
        .into_iter()
        .map(|d| d.prompt.map(|prompt| (prompt.id.to_vec(), prompt.version)))
        .collect();
    let version = |number| Some((ID.as_bytes().to_vec(), number));
    assert_eq!(versions, [version(2), version(1), None, None]);
}

#[tokio::test]
async fn a_prompt_that_cannot_be_used_is_refused_and_nothing_is_sent() {
    let (upstream, _control, proxy) = start("acme").await;
    let (id, other) = (ID.to_string(), Uuid::from_u128(9).to_string());
    let id = id.as_str();
    let messages = json!([{"role": "user", "content": "hi"}]);
    let body = json!({"model": "a/one", "messages": messages});
    let cases: [(&[Header<'_>], u16, &str, &str); 6] = [
        (
            &[("floopy-prompt-id", "p1")],
            400,
            "invalid_prompt_id",
            "floopy-prompt-id",
        ),
        (
            &[("floopy-prompt-id", &other)],
            404,
            "prompt_not_found",
            "floopy-prompt-id",
        ),
        (
            &[("floopy-prompt-id", id), ("floopy-prompt-version", "7")],
            404,
            "prompt_not_found",
            "floopy-prompt-version",
        ),
        (
            &[("floopy-prompt-id", id), ("floopy-prompt-version", "0")],
            400,
            "invalid_prompt_version",
            "floopy-prompt-version",
        ),
        (
            &[("floopy-prompt-id", id)],
            400,
            "missing_prompt_variable",
            "inputs.city",
        ),
        (
            &[
                ("floopy-prompt-id", id),
                ("floopy-prompt-version", "latest"),
            ],
            400,
            "invalid_prompt_version",
            "floopy-prompt-version",
        ),
    ];
    for (headers, status, code, param) in cases {
        let got = send(&proxy, CHAT, &body, headers).await;
        let error: Value = serde_json::from_slice(&got.body).unwrap();
        let error = &error["error"];
        assert_eq!(
            (got.status.as_u16(), &error["code"], &error["param"]),
            (status, &json!(code), &json!(param)),
            "{error}"
        );
    }
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn a_prompt_of_another_tenant_is_as_unknown_as_one_that_is_not_there() {
    let (_upstream, _control, proxy) = start("other").await;
    let body = json!({"model": "a/one", "messages": []});
    let id = ID.to_string();
    let foreign = send(&proxy, CHAT, &body, &[("floopy-prompt-id", id.as_str())]).await;
    let unknown = Uuid::from_u128(0x1234).to_string();
    let missing = send(
        &proxy,
        CHAT,
        &body,
        &[("floopy-prompt-id", unknown.as_str())],
    )
    .await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    assert_eq!(
        foreign.text().replace(&id, "-"),
        missing.text().replace(&unknown, "-")
    );
}

#[tokio::test]
async fn where_there_are_no_messages_the_header_means_nothing() {
    let (_upstream, _control, proxy) = start("acme").await;
    let mut request = proxy.get("/v1/models");
    let value = "p1".parse().unwrap();
    request.headers_mut().insert("floopy-prompt-id", value);
    assert_eq!(proxy.send(request).await.status, StatusCode::OK);
    let body = json!({"model": "a/none", "input": "x"});
    let got = send(
        &proxy,
        "/v1/embeddings",
        &body,
        &[("floopy-prompt-id", "p1")],
    )
    .await;
    assert!(!got.text().contains("prompt"), "{}", got.text());
}
