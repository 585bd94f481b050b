//! What the control plane answers: asked of it with method, path, query and body as they came.

use std::time::Duration;

use floopy_proto::v1;
use floopy_shared::{
    domain::{
        ids::{KeyHash, TenantId},
        snapshot::{ApiKey, KeyScope, TableBody, TableName, Tenant},
    },
    wire::snapshot::table_to_wire,
};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};

use crate::{
    control::Control,
    proxy::{KEY, Proxy, no_control},
    upstream::{Upstream, events, json_with},
};

const READ_ONLY: &str = "fl_reader";
const WRITE_ONLY: &str = "fl_writer";

#[tokio::test]
async fn decisions_are_asked_of_the_control_plane_with_the_callers_key() {
    let rest = Upstream::start(|seen, _| {
        assert!(seen.head.contains(&format!("authorization: bearer {KEY}")));
        json_with(
            404,
            r#"{"error":{"code":"not_found"}}"#,
            "content-language: en\r\n",
        )
    })
    .await;
    let proxy = Proxy::start_with(&[], no_control(), |config| {
        config.control.rest = format!("http://{}", rest.addr).into();
    })
    .await;
    let got = proxy.send(proxy.get("/v1/decisions/a%2Fb?limit=2")).await;
    assert_eq!(
        (got.status, got.code().as_str()),
        (StatusCode::NOT_FOUND, "not_found")
    );
    assert_eq!(got.header("content-language"), "en");
    let seen = rest.seen().remove(0).head;
    assert!(
        seen.starts_with("get /v1/decisions/a%2fb?limit=2 "),
        "{seen}"
    );
    proxy.finish().await;
    let alone = Proxy::start_with(&[], no_control(), |config| {
        config.control.rest = "http://127.0.0.1:9".into();
    })
    .await;
    let got = alone.send(alone.get("/v1/decisions")).await;
    assert_eq!(
        (got.status, got.code().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "control_plane_unavailable")
    );
    assert_eq!(got.header("retry-after"), "2");
    alone.finish().await;
}

fn ask(
    proxy: &Proxy,
    (method, path): (Method, &str),
    key: &str,
    body: &str,
) -> Request<Full<bytes::Bytes>> {
    Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", proxy.addr))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(Full::from(bytes::Bytes::copy_from_slice(body.as_bytes())))
        .unwrap()
}

fn limited_keys() -> v1::Table {
    let id = TenantId::new("acme").unwrap();
    let key = |name: &str, read, write| ApiKey {
        id: name.to_owned(),
        hash: KeyHash::of(name),
        read,
        write,
        scope: KeyScope::default(),
        default_project: None,
    };
    let tenant = Tenant {
        keys: vec![key(READ_ONLY, true, false), key(WRITE_ONLY, false, true)],
        ..Tenant::new(id.clone())
    };
    table_to_wire(&TableName::Tenant(id), 1, &TableBody::Tenant(tenant.into()))
}

const SENT: [(&str, &str); 6] = [
    ("accept-language", "pt"),
    ("idempotency-key", "i-1"),
    ("x-floopy-confirm", "experiments"),
    ("if-match", "\"v0\""),
    ("cookie", "c=1"),
    ("x-request-id", "mine"),
];

#[tokio::test]
async fn every_method_is_asked_with_its_body_and_the_headers_that_matter() {
    let rest = Upstream::start(|_, _| json_with(202, r#"{"ok":true}"#, "")).await;
    let proxy = Proxy::start_with(&[], no_control(), |config| {
        config.control.rest = format!("http://{}", rest.addr).into();
    })
    .await;
    let body = r#"{"a":1}"#;
    for (method, path) in [
        (Method::POST, "/v1/experiments/x%2Fy/rollback?a=%2B"),
        (Method::PUT, "/v1/constraints"),
        (Method::PATCH, "/v1/keys/k"),
        (Method::DELETE, "/v1/webhooks/w"),
    ] {
        let mut request = ask(&proxy, (method.clone(), path), KEY, body);
        for (name, value) in SENT {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let got = proxy.send(request).await;
        assert_eq!(
            (got.status, got.text().as_str()),
            (StatusCode::ACCEPTED, r#"{"ok":true}"#)
        );
        let seen = rest.seen().pop().unwrap();
        assert_eq!(String::from_utf8(seen.body).unwrap(), body);
        let line = format!("{method} {path} http/1.1\r\n").to_lowercase();
        let id = format!("x-request-id: {}\r\n", got.header("x-request-id"));
        let passed = SENT.iter().take(4).map(|(n, v)| format!("{n}: {v}\r\n"));
        let type_of = "content-type: application/json\r\n".to_owned();
        for expected in passed.chain([line, id, type_of]) {
            assert!(
                seen.head.contains(&expected),
                "{expected} is not in {}",
                seen.head
            );
        }
        assert!(!seen.head.contains("cookie"), "{}", seen.head);
    }
    proxy.finish().await;
}

#[tokio::test]
async fn of_the_answer_come_the_headers_that_mean_something_to_the_caller() {
    let rest = Upstream::start(|_, _| {
        let headers = "etag: \"v1\"\r\nfloopy-aggregation-notice: shared\r\nallow: GET, PUT\r\n\
                       retry-after: 3\r\nset-cookie: x=1\r\nx-request-id: theirs\r\n";
        json_with(429, "{}", headers)
    })
    .await;
    let proxy = Proxy::start_with(&[], no_control(), |config| {
        config.control.rest = format!("http://{}", rest.addr).into();
    })
    .await;
    let got = proxy.send(proxy.get("/v1/constraints")).await;
    assert_eq!(got.status, StatusCode::TOO_MANY_REQUESTS);
    for (name, value) in [
        ("etag", "\"v1\""),
        ("floopy-aggregation-notice", "shared"),
        ("allow", "GET, PUT"),
        ("retry-after", "3"),
        ("content-type", "application/json"),
        ("set-cookie", ""),
    ] {
        assert_eq!(got.header(name), value, "{name}");
    }
    assert_ne!(got.header("x-request-id"), "theirs");
    proxy.finish().await;
}

#[tokio::test]
async fn reading_needs_one_permission_and_changing_the_other() {
    let rest = Upstream::start(|_, _| json_with(200, "{}", "")).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[], dialer, |config| {
        config.control.rest = format!("http://{}", rest.addr).into();
    })
    .await;
    control.push(1, vec![limited_keys()]).await;
    let cases = [
        (READ_ONLY, Method::GET, "/v1/decisions", 200, ""),
        (
            READ_ONLY,
            Method::POST,
            "/v1/routing/replay",
            403,
            "write_permission",
        ),
        (
            READ_ONLY,
            Method::PUT,
            "/v1/constraints",
            403,
            "write_permission",
        ),
        (
            READ_ONLY,
            Method::PATCH,
            "/v1/keys/k",
            403,
            "write_permission",
        ),
        (
            READ_ONLY,
            Method::DELETE,
            "/v1/keys/k",
            403,
            "write_permission",
        ),
        (WRITE_ONLY, Method::GET, "/v1/usage", 403, "read_permission"),
        (WRITE_ONLY, Method::DELETE, "/v1/keys/k", 200, ""),
        // It may be newer than the snapshot: the control plane says.
        ("fl_new", Method::PUT, "/v1/constraints", 200, ""),
    ];
    for (key, method, path, status, code) in cases {
        let asked = rest.seen().len();
        let got = proxy
            .send(ask(&proxy, (method.clone(), path), key, "{}"))
            .await;
        assert_eq!(
            (got.status.as_u16(), got.code().as_str()),
            (status, code),
            "{key} {method} {path}"
        );
        assert_eq!(
            rest.seen().len() - asked,
            usize::from(status == 200),
            "{key} {method} {path}"
        );
    }
    proxy.finish().await;
}

#[tokio::test]
async fn a_question_has_room_for_a_mebibyte_and_rows_for_more() {
    let rest = Upstream::start(|_, _| json_with(200, "{}", "")).await;
    let proxy = Proxy::start_with(&[], no_control(), |config| {
        config.control.rest = format!("http://{}", rest.addr).into();
    })
    .await;
    let (fits, large) = ("x".repeat(1 << 20), "x".repeat((1 << 20) + 1));
    for (path, body, status) in [
        ("/v1/prompts", &fits, StatusCode::OK),
        ("/v1/prompts", &large, StatusCode::PAYLOAD_TOO_LARGE),
        ("/v1/datasets", &large, StatusCode::OK),
    ] {
        let got = proxy
            .send(ask(&proxy, (Method::POST, path), KEY, body))
            .await;
        assert_eq!(got.status, status, "{path}");
    }
    assert_eq!(rest.seen().len(), 2);
    proxy.finish().await;
}

#[tokio::test]
async fn an_export_is_passed_on_as_it_comes_and_cut_off_where_it_stops() {
    let rest = Upstream::start(|seen, _| match seen.head.contains("stuck") {
        true => events(&[(0, "{\"row\":1}\n"), (60_000, "{\"row\":2}\n")]),
        false => events(&[
            (0, "{\"row\":1}\n"),
            (250, "{\"row\":2}\n"),
            (250, "{\"row\":3}\n"),
        ]),
    })
    .await;
    let proxy = Proxy::start_with(&[], no_control(), |config| {
        config.control.rest = format!("http://{}", rest.addr).into();
        // Of the head: the rows take longer in all, yet none of them as long as a stream may rest.
        config.timeouts.control_ms = 350;
        config.timeouts.stream_idle_ms = 400;
    })
    .await;
    let got = proxy.send(proxy.get("/v1/export/decisions?from=x")).await;
    assert_eq!(got.text(), "{\"row\":1}\n{\"row\":2}\n{\"row\":3}\n");
    let request = proxy.get("/v1/export/decisions?stuck=1");
    let mut body = tokio::time::timeout(Duration::from_secs(20), proxy.open(request))
        .await
        .unwrap()
        .into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "{\"row\":1}\n");
    assert!(body.frame().await.unwrap().is_err(), "cut off, not ended");
    proxy.finish().await;
}
