//! Whether providers can be reached as calls reach them: by the same addresses, network rules and TLS. No credential is
//! shown and no model is asked, so that it costs nothing.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use floopy_shared::process::causes::causes;
use http::{Request, Uri, header::DATE};

use crate::{
    config::Config,
    metrics::Metrics,
    provider::{InvalidProvider, Provider, Providers},
    upstream::{Client, Resolver, Upstream},
};

/// A provider that can be asked whether it is there.
pub struct Probe {
    client: Client,
    provider: Arc<Provider>,
    uri: Option<Uri>,
}

/// What a provider's server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Any at all shows that it is there: it was told nothing that it could accept.
    pub status: u16,
    /// The server's clock, as its answer says.
    pub date: Option<String>,
}

/// All providers of a configuration that can be called.
pub fn probes(config: &Config) -> Result<Vec<Probe>, InvalidProvider> {
    let providers = Providers::new(&config.providers)?;
    let metrics = Arc::new(Metrics::default());
    let upstream = Upstream::new(config, &providers, metrics, Resolver::system());
    let probe = |name: &str| {
        let provider = Arc::clone(providers.get(name)?);
        Some(Probe {
            client: upstream.client().clone(),
            uri: provider.origin(),
            provider,
        })
    };
    Ok(providers.names().filter_map(probe).collect())
}

impl Probe {
    /// The provider's name.
    pub fn provider(&self) -> &str {
        self.provider.name()
    }

    /// Where it is, without a path.
    pub fn place(&self) -> String {
        let authority = self.uri.as_ref().and_then(Uri::authority);
        authority.map_or_else(String::new, |it| {
            let shown = it.as_str();
            let host = shown.rsplit_once('@').map_or(shown, |(_, host)| host);
            host.to_owned()
        })
    }

    /// Whether calls would show it a credential.
    pub fn has_credential(&self) -> bool {
        !self.provider.credentials.is_none()
    }

    /// Asks its server for nothing in particular.
    pub async fn ask(&self, deadline: Duration) -> Result<Reached, String> {
        let uri = self
            .uri
            .clone()
            .ok_or("its address cannot be made out of the configuration")?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = uri;
        let answer = tokio::time::timeout(deadline, self.client.request(request)).await;
        let answer = answer.map_err(|_| format!("nothing came within {deadline:?}"))?;
        let answer = answer.map_err(|error| causes(&error))?;
        let date = answer.headers().get(DATE);
        Ok(Reached {
            status: answer.status().as_u16(),
            date: date.and_then(|it| it.to_str().ok()).map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn of(base_url: &str) -> Probe {
        let config = Config {
            providers: vec![config::Provider {
                base_url: Some(base_url.to_owned()),
                ..config::Provider::named("local")
            }],
            ..Config::default()
        };
        probes(&config).expect("valid").remove(0)
    }

    #[tokio::test]
    async fn who_does_not_listen_is_told_and_no_password_of_an_address_is_shown() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let probe = of(&format!("http://user:secret@127.0.0.1:{port}/v1"));
        assert_eq!(probe.place(), format!("127.0.0.1:{port}"));
        assert!(!probe.has_credential());
        let refused = probe.ask(Duration::from_secs(5)).await.expect_err("closed");
        assert!(refused.contains("no connection"), "{refused}");
    }
}
