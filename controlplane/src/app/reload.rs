//! What may change of the configuration while the control plane runs, put in force as a whole.

use std::sync::{Arc, OnceLock};

use floopy_shared::{
    domain::credential::KeyRing,
    process::{clock::Clock, reload::Reloads, telemetry},
};

use super::{
    Error, Prepared, known,
    setup::{self, With},
};
use crate::{
    config::Config,
    in_force::{InForce, Terms, policy},
    index::dirty::Dirty,
    store::{
        Store, StoreError,
        audit::{self, Action, Change},
    },
};

/// Who is written down to have changed it: only its operator can.
const OPERATOR: &str = "operator";

/// Keys of the configuration that can change while it runs.
pub const LIVE: [&str; 8] = [
    "builtin_models",
    "catalog",
    "learning",
    "log_filter",
    "models",
    "plans",
    "sources",
    "tenants",
];

/// Puts another configuration in force.
#[derive(Debug)]
pub struct Reloader {
    store: Store,
    in_force: InForce,
    dirty: Arc<Dirty>,
    clock: Clock,
    asked: Arc<OnceLock<Reloads>>,
    /// What was read last.
    config: Config,
    keys: KeyRing,
}

impl Prepared {
    /// For whoever reads the configuration again.
    pub fn reloader(&self) -> Reloader {
        let core = &self.core;
        Reloader {
            store: core.store.clone(),
            in_force: core.in_force.clone(),
            dirty: Arc::clone(core.dirty()),
            clock: core.clock().clone(),
            asked: Arc::clone(&core.reloads),
            config: core.config.clone(),
            keys: core.keys().clone(),
        }
    }
}

impl Reloader {
    /// Lets operators ask for a reload.
    pub fn answer(&self, reloads: Reloads) {
        // Set once: a process has one configuration.
        let _ = self.asked.set(reloads);
    }

    /// Checks all of it, writes the tenants in one transaction with the audit, and then goes by it. An error leaves
    /// everything as it was. `changed`: the keys that differ.
    pub async fn apply(&mut self, config: Config, changed: &[String]) -> Result<(), Error> {
        setup::check(&config)?;
        let (models, plans) = (known::models_of(&config)?, setup::plans_of(&config)?);
        let now_ms = self.clock.now_ms();
        let mut tx = self.store.write().await?;
        let with = With::of((&models, &plans), &self.keys);
        setup::put_tenants(&mut tx, &config, with, now_ms).await?;
        if !changed.is_empty() {
            let text = |config: &Config| toml::to_string(config).unwrap_or_default();
            let (before, after) = (text(&self.config), text(&config));
            let change = Change {
                tenant: None,
                at_ms: now_ms,
                actor: OPERATOR,
                role: OPERATOR,
                action: Action::Update,
                resource: "configuration",
                before: Some(&before),
                after: Some(&after),
                request_id: "",
            };
            audit::add(&mut tx, &change).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        self.in_force.replace(Terms {
            policy: policy(&config.learning),
            privacy: config.learning.pool.privacy(),
            models,
            plans,
        });
        self.dirty.mark_terms();
        if config.log_filter != self.config.log_filter {
            telemetry::set(&config.log_filter);
        }
        self.config = config;
        Ok(())
    }
}
