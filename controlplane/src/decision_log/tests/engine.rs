//! ClickHouse's engine behind its HTTP interface, gone with the test.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use crate::{
    config::decision_log::Address,
    decision_log::{ClickHouse, DecisionLog},
    fixture::*,
    ingest::Intake,
    jobs::decision_log::{Known, Shipping},
    store::outbox::Outbox,
};

/// An engine that can be killed and started again.
pub(super) struct Engine {
    child: Child,
    dir: tempfile::TempDir,
}

impl Engine {
    pub(super) async fn start() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut engine = Self {
            child: spawn(dir.path()),
            dir,
        };
        engine.ready().await;
        engine
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    pub(super) async fn start_again(&mut self) {
        self.child = spawn(self.dir.path());
        self.ready().await;
    }

    pub(super) fn address(&self) -> Address {
        let port = std::fs::read_to_string(self.dir.path().join("port")).unwrap_or_default();
        Address::parse(&format!("http://127.0.0.1:{port}/logs")).expect("valid")
    }

    /// A log there.
    pub(super) fn log(&self) -> ClickHouse {
        ClickHouse::new(&self.address(), Duration::from_secs(60))
    }

    async fn ready(&mut self) {
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        for _ in 0..1_200 {
            tick.tick().await;
            if let Some(status) = self.child.try_wait().expect("waits") {
                let log = std::fs::read_to_string(self.dir.path().join("log"));
                panic!("{status}: {}", log.unwrap_or_default());
            }
            let is_there = self.dir.path().join("port").exists();
            if is_there && self.log().execute("SELECT 1").await.is_ok() {
                return;
            }
        }
        panic!("the engine does not come up");
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(dir: &Path) -> Child {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(root.join(".local/venv/bin/python"));
    command
        .arg("-B")
        .arg(root.join("tests/clickhouse.py"))
        .arg(dir);
    command.stdout(Stdio::null());
    command.stderr(std::fs::File::create(dir.join("log")).expect("a file"));
    command.spawn().expect("python runs")
}

/// An intake and the log of what it takes.
pub(super) struct Target {
    pub(super) intake: Intake,
    pub(super) log: DecisionLog,
    pub(super) shipping: Option<Shipping>,
}

impl Target {
    /// The store itself.
    pub(super) async fn store() -> Self {
        let intake = intake().await;
        Self {
            log: DecisionLog::Store(intake.store.clone()),
            intake,
            shipping: None,
        }
    }

    /// ClickHouse, behind an outbox.
    pub(super) async fn clickhouse(engine: &Engine) -> Self {
        let intake = Intake {
            outbox: Some(Outbox { rows: 1_000_000 }),
            ..intake().await
        };
        let log = engine.log();
        Self {
            log: DecisionLog::ClickHouse(Arc::new(log.clone())),
            shipping: Some(shipping(&intake, log)),
            intake,
        }
    }

    /// Takes in, and sends on what waits.
    pub(super) async fn take(&self, events: Vec<floopy_shared::domain::event::Event>) {
        append(&self.intake, events).await;
        self.ship().await.expect("sent");
    }

    /// Sends on what waits.
    pub(super) async fn ship(&self) -> Result<(), crate::decision_log::LogError> {
        match &self.shipping {
            Some(shipping) => shipping.turn(&mut Known::default()).await,
            None => Ok(()),
        }
    }
}

pub(super) fn shipping(intake: &Intake, log: ClickHouse) -> Shipping {
    Shipping {
        store: intake.store.clone(),
        log,
        kept: intake.kept.clone(),
        clock: intake.clock.clone(),
        metrics: intake.metrics.clone(),
    }
}
