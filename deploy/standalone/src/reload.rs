//! The one file, read again while all planes run: checked whole by all of them before any goes by it.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use floopy_controlplane as control;
use floopy_dataplane as proxy;
use floopy_shared::process::{
    clock::Clock,
    config::{ConfigError, Secret, Written, read},
    reload::{Reload, Reloaded, Reloading, Shown},
};
use prometheus_client::registry::Registry;

use crate::config::{Config, Effective, PlaneConfigs};

/// Keys that can change while it runs.
const LIVE: [&str; 10] = [
    "catalog",
    "control.builtin_models",
    "learning",
    "log_filter",
    "models",
    "plans",
    "providers",
    "proxy.upstream",
    "sources",
    "tenants",
];

/// What goes by another configuration.
pub(crate) struct Reloadable {
    control: control::Reloader,
    proxy: proxy::Reloader,
    clock: Clock,
    registry: Arc<Mutex<Registry>>,
}

struct File {
    path: Option<PathBuf>,
    written: Written,
    /// What was read last.
    config: Config,
    control: control::Reloader,
    proxy: proxy::Reloader,
}

impl Reloadable {
    /// Of the planes of one process, before they run.
    pub(crate) fn of(
        (prepared, bound): (&control::Prepared, &proxy::Bound),
        (clock, registry): (Clock, &Arc<Mutex<Registry>>),
    ) -> Self {
        Self {
            control: prepared.reloader(),
            proxy: bound.reloader(),
            clock,
            registry: Arc::clone(registry),
        }
    }

    /// Reads the file again whenever that is asked for; never ends by itself.
    pub(crate) async fn follow(self, effective: Effective, reloading: Reloading) -> Infallible {
        self.control.answer(reloading.reloads());
        let file = File {
            path: effective.file,
            written: effective.written,
            config: effective.config,
            control: self.control,
            proxy: self.proxy,
        };
        reloading.run(file, (self.clock, &self.registry)).await
    }
}

/// What the file says now, and what differs from before.
fn next(path: &Path, before: &Written) -> Result<(Effective, Written, Reloaded), ConfigError> {
    let (text, origin) = (read(path)?, path.display().to_string());
    let effective = Effective::read(&text, &origin, |name| std::env::var(name).ok())?;
    let (written, reloaded) = before.next((&text, &origin), &LIVE)?;
    Ok((effective, written, reloaded))
}

impl Reload for File {
    async fn reload(&mut self) -> Result<Reloaded, String> {
        let path = self.path.as_deref();
        let path = path.ok_or("it was started without a configuration file")?;
        let next = next(path, &self.written).map_err(|e| e.to_string())?;
        let (effective, written, reloaded) = next;
        // The planes of this process have their token already.
        let planes = PlaneConfigs::new(&effective.config, &Secret::new("unused"));
        let refused = |e: String| format!("{}: {e}", path.display());
        let checked = self.proxy.check(&planes.proxy);
        let checked = checked.map_err(|e| refused(e.to_string()))?;
        let applied = self.control.apply(planes.control, &reloaded.applied).await;
        applied.map_err(|e| refused(e.to_string()))?;
        self.proxy.apply(checked);
        self.written = written;
        self.config = effective.config;
        Ok(reloaded)
    }

    fn show(&self) -> Shown {
        Shown {
            file: self.path.as_ref().map(|path| path.display().to_string()),
            set: self.written.keys(),
            needs_restart: self.written.waiting(&LIVE),
            // What can be read can be written.
            configuration: serde_json::to_value(&self.config).unwrap_or_default(),
        }
    }
}
