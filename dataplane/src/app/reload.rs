//! What may change of the configuration while the proxy runs: the providers, and which addresses may be called.

use std::sync::Arc;

use super::{Bound, Error};
use crate::{config::Config, gateway::Gateway, provider::Providers};

/// Keys of the configuration that can change while it runs.
pub const LIVE: [&str; 3] = ["log_filter", "providers", "upstream"];

/// Puts other providers in force.
pub struct Reloader {
    gateway: Arc<Gateway>,
}

/// A configuration that was checked, and is not in force yet.
#[derive(Debug)]
pub struct Checked {
    config: Config,
    providers: Providers,
}

impl Bound {
    /// For whoever reads the configuration again.
    pub fn reloader(&self) -> Reloader {
        Reloader {
            gateway: Arc::clone(&self.opened.gateway),
        }
    }
}

impl Reloader {
    /// Checks all of it, and changes nothing.
    pub fn check(&self, config: &Config) -> Result<Checked, Error> {
        config.check()?;
        Ok(Checked {
            providers: Providers::new(&config.providers)?,
            // Of the rest, what was read at the start stays.
            config: Config {
                providers: config.providers.clone(),
                upstream: config.upstream.clone(),
                ..self.gateway.config.clone()
            },
        })
    }

    /// Goes by it. Calls that are under way end as they began.
    pub fn apply(&self, checked: Checked) {
        let Checked { config, providers } = checked;
        self.gateway.upstream.configure(&config, &providers);
        self.gateway.current.configure(&config.providers, providers);
    }
}
