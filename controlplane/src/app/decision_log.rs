//! The decision log, as it is configured.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{Error, core::Core};
use crate::{
    config::{Config, decision_log::Address},
    decision_log::{ClickHouse, DecisionLog, Glance, LogError},
    jobs::decision_log::Shipping,
    store::outbox::Outbox,
};

/// Whether ClickHouse answers, and what its schema is; changes nothing. `None`: decisions are looked up in the store.
pub async fn glance_at_decision_log(config: &Config) -> Result<Option<Glance>, Error> {
    match connected(config)? {
        None => Ok(None),
        Some(log) => {
            let told = log.glance().await;
            told.map(Some).map_err(|e| Error::Store(Box::new(e)))
        }
    }
}

/// ClickHouse, where decisions are looked up there. A log of a newer version is refused at once; one that does not answer
/// is not waited for.
pub(super) async fn of(config: &Config) -> Result<Option<ClickHouse>, Error> {
    let Some(log) = connected(config)? else {
        return Ok(None);
    };
    let deadline = Duration::from_millis(config.decision_log.deadline_ms);
    let newer = timeout(deadline, log.migrate()).await;
    match newer.ok().and_then(Result::err) {
        Some(error @ LogError::Newer { .. }) => Err(Error::Store(Box::new(error))),
        Some(_) | None => Ok(Some(log)),
    }
}

/// Nothing is asked of it yet.
fn connected(config: &Config) -> Result<Option<ClickHouse>, Error> {
    let Some(url) = &config.decision_log.url else {
        return Ok(None);
    };
    let address = Address::parse(url.expose());
    let address = address.map_err(|e| Error::config("decision_log.url", e.to_string()))?;
    let deadline = Duration::from_millis(config.decision_log.deadline_ms);
    Ok(Some(ClickHouse::new(&address, deadline)))
}

/// What is sent there waits here.
pub(super) fn outbox(config: &Config) -> Option<Outbox> {
    let log = &config.decision_log;
    let rows = i64::try_from(log.outbox_rows).unwrap_or(i64::MAX);
    log.url.as_ref().map(|_| Outbox { rows })
}

impl Core {
    /// Where decisions are looked up.
    pub(super) fn decisions(&self) -> DecisionLog {
        match &self.log {
            Some(log) => DecisionLog::ClickHouse(Arc::new(log.clone())),
            None => DecisionLog::Store(self.store.clone()),
        }
    }

    /// What sends decisions there.
    pub(super) fn shipping(&self) -> Option<Shipping> {
        let log = self.log.clone()?;
        let intake = &self.services.intake;
        Some(Shipping {
            store: self.store.clone(),
            log,
            kept: Arc::clone(&intake.kept),
            clock: intake.clock.clone(),
            metrics: Arc::clone(&intake.metrics),
        })
    }
}
