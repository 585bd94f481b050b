//! A proxy without ports, for a simulated network: it follows its control plane and delivers its spool.

use std::{sync::Arc, time::Duration};

use floopy_shared::{domain::snapshot::Snapshot, process::supervise::Tasks};

use super::{
    Deps, Error, TASK_GRACE,
    open::{Opened, open},
};
use crate::config::Config;

/// Opened, not yet connected.
pub struct Detached {
    opened: Opened,
    deps: Deps,
}

/// Opens a proxy like [`super::bind`], and binds nothing.
pub fn detached(config: Config, deps: Deps) -> Result<Detached, Error> {
    config.check()?;
    let opened = open(config, &deps)?;
    Ok(Detached { opened, deps })
}

impl Detached {
    /// Reads the snapshot that a request would be decided on now.
    pub fn snapshots(&self) -> impl Fn() -> Arc<Snapshot> + Send + 'static {
        let gateway = Arc::clone(&self.opened.gateway);
        move || Arc::new(Snapshot::clone(&gateway.current.snapshot()))
    }

    /// Follows the control plane until stopped.
    pub async fn run(self) -> Result<(), Error> {
        let flush = Duration::from_millis(self.opened.gateway.config.spool.flush_ms);
        let mut tasks = Tasks::new(self.deps.stop.clone());
        self.opened.spawn_control(&mut tasks, &self.deps.dialer);
        Ok(tasks.run(flush + TASK_GRACE).await?)
    }
}
