//! Connections that the control plane opens by HTTP: to webhooks' receivers, to ClickHouse, to a proxy.

use std::time::Duration;

use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore};

/// HTTP/1.1 in the clear and by TLS, as the address says, with what `http` finds by its name.
pub(crate) fn connector<R>(
    mut http: HttpConnector<R>,
    connect_within: Duration,
) -> HttpsConnector<HttpConnector<R>> {
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(connect_within));
    HttpsConnectorBuilder::new()
        .with_tls_config(tls())
        .https_or_http()
        .enable_http1()
        .wrap_connector(http)
}

/// What the certificates of the system vouch for.
fn tls() -> ClientConfig {
    match ClientConfig::builder().with_native_roots() {
        Ok(builder) => builder.with_no_client_auth(),
        Err(error) => {
            tracing::warn!(%error, "no system certificates: nobody is reached by https://");
            ClientConfig::builder()
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth()
        }
    }
}

/// The innermost reason, which is the one that says something.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut reason = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}
