//! A proxy under test, and a client for it.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use floopy_dataplane::{Config, Deps, Error, Resolver, bind, config};
use floopy_shared::process::{clock::Clock, config::Secret, rpc::Dialer};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const KEY: &str = "fl_test";

pub struct Proxy {
    pub addr: SocketAddr,
    pub admin: SocketAddr,
    pub stop: CancellationToken,
    pub running: JoinHandle<Result<(), Error>>,
    client: Client<HttpConnector, Full<Bytes>>,
    _dir: Option<tempfile::TempDir>,
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", self.body))
    }

    pub fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub fn message(&self) -> String {
        self.json()["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A control plane that is never there.
pub fn no_control() -> Dialer {
    Dialer::custom(|| async {
        Err::<tokio::io::DuplexStream, _>(std::io::Error::from(
            std::io::ErrorKind::ConnectionRefused,
        ))
    })
}

/// Providers `a`, `b`, … at these addresses, one known tenant, short deadlines.
pub fn config(base_urls: &[String], data_dir: &Path) -> Config {
    let names = ["a", "b", "c"];
    let provider = |(name, url): (&&str, &String)| config::Provider {
        // The servers of these tests speak OpenAI's API, whatever they are called.
        kind: Some("openai".to_owned()),
        base_url: Some(url.clone()),
        api_key: Some(Secret::new(format!("sk-{name}"))),
        ..config::Provider::named(name)
    };
    Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        admin_listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        data_dir: data_dir.to_owned(),
        drain_ms: 5_000,
        providers: names.iter().zip(base_urls).map(provider).collect(),
        tenants: vec![config::BootstrapTenant {
            id: "acme".to_owned(),
            key: Secret::new(KEY),
            zero_retention: false,
            constraints: Default::default(),
            rules: Vec::new(),
            rule: None,
            passthrough: false,
            cache: Default::default(),
            firewall: Default::default(),
        }],
        timeouts: config::Timeouts {
            connect_ms: 1_000,
            first_byte_ms: 400,
            total_ms: 5_000,
            stream_idle_ms: 400,
            control_ms: 1_000,
            ..config::Timeouts::default()
        },
        disconnect: config::Disconnect {
            linger_ms: 0,
            ..config::Disconnect::default()
        },
        spool: config::Spool {
            flush_ms: 500,
            ..config::Spool::default()
        },
        ..Config::default()
    }
}

impl Proxy {
    /// A proxy in a directory of its own.
    pub async fn start(base_urls: &[String], dialer: Dialer) -> Self {
        Self::start_with(base_urls, dialer, |_| ()).await
    }

    pub async fn start_with(
        base_urls: &[String],
        dialer: Dialer,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(base_urls, dir.path());
        change(&mut config);
        let mut proxy = Self::launch(config, dialer).await;
        proxy._dir = Some(dir);
        proxy
    }

    pub async fn launch(config: Config, dialer: Dialer) -> Self {
        Self::launch_with(config, dialer, Resolver::system()).await
    }

    pub async fn launch_with(config: Config, dialer: Dialer, resolver: Resolver) -> Self {
        let stop = CancellationToken::new();
        let registry = Arc::new(Mutex::new(Registry::default()));
        let deps = Deps {
            dialer,
            clock: Clock::system(),
            resolver,
            registry,
            stop: stop.clone(),
        };
        let bound = bind(config, deps).await.unwrap();
        let (addr, admin) = (bound.addr(), bound.admin_addr().unwrap());
        let running = tokio::spawn(bound.run());
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self {
            addr,
            admin,
            stop,
            running,
            client,
            _dir: None,
        }
    }

    /// Sends a request and waits for headers only.
    pub async fn open(&self, request: Request<Full<Bytes>>) -> http::Response<Incoming> {
        self.client.request(request).await.unwrap()
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        let (parts, body) = self.open(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub fn post(&self, path: &str, body: &str) -> Request<Full<Bytes>> {
        Request::post(format!("http://{}{path}", self.addr))
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .body(Full::from(Bytes::copy_from_slice(body.as_bytes())))
            .unwrap()
    }

    pub fn get(&self, path: &str) -> Request<Full<Bytes>> {
        Request::get(format!("http://{}{path}", self.addr))
            .header("authorization", format!("Bearer {KEY}"))
            .body(Full::default())
            .unwrap()
    }

    /// A chat call without more.
    pub async fn chat(&self, model: &str) -> Reply {
        self.send(self.post("/v1/chat/completions", &chat_body(model, false)))
            .await
    }

    pub async fn stream(&self, model: &str) -> Reply {
        self.send(self.post("/v1/chat/completions", &chat_body(model, true)))
            .await
    }

    pub async fn admin(&self, path: &str) -> Reply {
        let request = Request::get(format!("http://{}{path}", self.admin))
            .body(Full::default())
            .unwrap();
        self.send(request).await
    }

    /// Stops and waits for the end.
    pub async fn finish(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), self.running)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

pub fn chat_body(model: &str, stream: bool) -> String {
    format!(
        r#"{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"say hi"}}]}}"#
    )
}
