//! Connections that the control plane opens by HTTP: to webhooks' receivers, to ClickHouse, to a proxy.

use std::time::Duration;

use floopy_shared::process::certificates;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;

/// HTTP/1.1 in the clear and by TLS, as the address says, with what `http` finds by its name.
pub(crate) fn connector<R>(
    mut http: HttpConnector<R>,
    connect_within: Duration,
) -> HttpsConnector<HttpConnector<R>> {
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(connect_within));
    HttpsConnectorBuilder::new()
        .with_tls_config(certificates::of_system())
        .https_or_http()
        .enable_http1()
        .wrap_connector(http)
}
