//! A provider that is reached by TLS only, with a certificate of its own.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

const REPLY: &str = r#"{"id":"chatcmpl-tls","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"sealed"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
const EVENTS: &str = "data: {\"id\":\"chatcmpl-tls\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"sealed\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// A running one.
#[derive(Debug)]
pub struct TlsUpstream {
    addr: SocketAddr,
    dir: TempDir,
    versions: Arc<Mutex<Vec<Version>>>,
}

impl TlsUpstream {
    /// Offers these protocols, by their ALPN names.
    pub async fn start(protocols: &[&str]) -> Self {
        let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]);
        let certified = certified.expect("a certificate");
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("cert.pem"), certified.cert.pem()).expect("written");
        let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(
                vec![certified.cert.der().clone()],
                PrivateKeyDer::Pkcs8(key),
            )
            .expect("they belong together");
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let addr = listener.local_addr().expect("its address");
        let versions = Arc::default();
        tokio::spawn(accept(listener, acceptor, Arc::clone(&versions)));
        Self {
            addr,
            dir,
            versions,
        }
    }

    /// What a provider's `base_url` is set to.
    pub fn base_url(&self) -> String {
        format!("https://{}/v1", self.addr)
    }

    /// The certificate to trust.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// HTTP versions of the calls so far.
    pub fn versions(&self) -> Vec<Version> {
        self.versions.lock().expect("not poisoned").clone()
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, seen: Arc<Mutex<Vec<Version>>>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(connection(socket, acceptor.clone(), Arc::clone(&seen)));
    }
}

async fn connection(socket: TcpStream, acceptor: TlsAcceptor, seen: Arc<Mutex<Vec<Version>>>) {
    // Whoever does not trust the certificate leaves; that is a test's point, too.
    let Ok(stream) = acceptor.accept(socket).await else {
        return;
    };
    let service = service_fn(|request| answer(request, Arc::clone(&seen)));
    let _ = Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Mutex<Vec<Version>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    seen.lock().expect("not poisoned").push(request.version());
    let body = request.into_body().collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let call: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let (kind, reply) = if call["stream"] == true {
        ("text/event-stream", EVENTS)
    } else {
        ("application/json", REPLY)
    };
    let response = Response::builder().header("content-type", kind);
    Ok(response
        .body(Full::new(Bytes::from_static(reply.as_bytes())))
        .expect("a valid response"))
}
