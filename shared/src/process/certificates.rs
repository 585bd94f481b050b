//! Whose certificates are believed of servers outside of the planes: what the system vouches for.

use hyper_rustls::ConfigBuilderExt;
use rustls::{ClientConfig, RootCertStore};

/// TLS of a client that has no certificate of its own.
pub fn of_system() -> ClientConfig {
    match ClientConfig::builder().with_native_roots() {
        Ok(builder) => builder.with_no_client_auth(),
        Err(error) => {
            tracing::warn!(%error, "no system certificates: only http:// can be reached");
            ClientConfig::builder()
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth()
        }
    }
}
