//! Where deliveries go: only addresses of the internet, and what the operator allows.
//!
//! A name can be made to point anywhere after it was checked, so what it leads to is judged for every connection anew,
//! and it is what was judged that is connected to. No redirect is followed, and no connection is used twice.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use floopy_shared::{
    network::{self, Class, Network, class},
    process::causes::innermost,
};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{
        Client,
        connect::{
            HttpConnector,
            dns::{GaiResolver, Name},
        },
    },
    rt::TokioExecutor,
};
use tower::Service;

use crate::outgoing::connector;

/// A receiver that takes longer than this to answer has not taken a delivery.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);

/// Reads an address that deliveries may go to, as far as can be said before a name is looked up.
pub(crate) fn check_url(url: &str, networks: &[Network]) -> Result<Uri, String> {
    network::check_url(url, |address| check_address(address, networks))
}

fn is_public(address: IpAddr) -> bool {
    class(address).class == Class::Public
}

fn check_address(address: IpAddr, networks: &[Network]) -> Result<(), String> {
    if is_public(address) || networks.iter().any(|network| network.allows(address)) {
        return Ok(());
    }
    let what = class(address).what;
    Err(format!(
        "{address} is {what}: only webhooks.allow_networks of the configuration allows it"
    ))
}

/// Looks names up, and finds only what may be connected to.
#[derive(Clone)]
struct Guarded(Vec<Network>);

impl Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let networks = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = GaiResolver::new().call(name).await?.collect();
            // One bad address is enough: which of them is used is chance.
            for address in &found {
                check_address(address.ip(), &networks)
                    .map_err(|why| io::Error::new(io::ErrorKind::PermissionDenied, why))?;
            }
            Ok(found.into_iter())
        })
    }
}

/// Sends deliveries.
#[derive(Clone)]
pub(crate) struct Sender {
    client: Client<HttpsConnector<HttpConnector<Guarded>>, Full<Bytes>>,
    networks: Vec<Network>,
}

impl Sender {
    pub(crate) fn new(networks: &[Network]) -> Self {
        let http = HttpConnector::new_with_resolver(Guarded(networks.to_vec()));
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector(http, CONNECT));
        Self {
            client,
            networks: networks.to_vec(),
        }
    }

    /// The status that the receiver answered with, or why there is none. What it says beside it is not read.
    pub(crate) async fn send(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> Result<StatusCode, String> {
        let uri = check_url(url, &self.networks)?;
        let mut request = Request::post(uri);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let request = request.body(body).map_err(|e| e.to_string())?;
        match tokio::time::timeout(PATIENCE, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response.status()),
            Ok(Err(error)) => Err(innermost(&error)),
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_internet_are_taken_and_others_by_the_operators_word() {
        let networks = ["127.0.0.0/8".parse().expect("valid")];
        for (url, allowed, expected) in [
            ("https://receiver.example/hook?x=1", false, Ok(())),
            ("https://8.8.8.8/hook", false, Ok(())),
            ("http://receiver.example/", false, Err("https://")),
            ("http://8.8.8.8/", false, Err("https://")),
            ("ftp://receiver.example/", false, Err("https://")),
            ("receiver.example", false, Err("https://")),
            ("https://u:p@receiver.example/", false, Err("user name")),
            ("https://127.0.0.1/", false, Err("loopback")),
            ("https://10.0.0.1/", true, Err("private")),
            ("https://169.254.169.254/", true, Err("metadata")),
            ("https://[::ffff:10.0.0.1]/", true, Err("private")),
            ("https://2130706433/", true, Err("unusual")),
            ("https://0x7f.1/", true, Err("unusual")),
            ("http://127.0.0.1:9/", false, Err("loopback")),
            ("http://127.0.0.1:9/", true, Ok(())),
        ] {
            let networks = if allowed { &networks[..] } else { &[] };
            match (check_url(url, networks), expected) {
                (Ok(_), Ok(())) => {}
                (Err(said), Err(part)) => assert!(said.contains(part), "{url}: {said}"),
                (found, expected) => panic!("{url}: {found:?}, expected {expected:?}"),
            }
        }
        assert!(check_url(&format!("https://a.example/{}", "x".repeat(2_048)), &[]).is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_connected_to() {
        let sender = Sender::new(&[]);
        let said = sender.send("https://localhost:9/", &[], "{}").await;
        let said = said.expect_err("refused");
        assert!(said.contains("webhooks.allow_networks"), "{said}");
    }
}
