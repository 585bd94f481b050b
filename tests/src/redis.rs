//! A real Redis server, gone with the test.

use std::{net::SocketAddr, path::Path, process::Command};

use tempfile::TempDir;

use crate::{Settings, eventually, ports::free_addr, process::Process};

/// A server that keeps nothing on disk, and can be stopped, started again and frozen.
#[derive(Debug)]
pub struct Redis {
    process: Option<Process>,
    addr: SocketAddr,
    dir: TempDir,
    /// Whether it writes down everything, and has it again when it starts again.
    keeps: bool,
}

impl Redis {
    /// Starts an empty one and waits until it answers.
    pub async fn start() -> Self {
        Self::with(false).await
    }

    /// The same of one that loses nothing when it is killed.
    pub async fn keeping() -> Self {
        Self::with(true).await
    }

    async fn with(keeps: bool) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut server = Self {
            process: None,
            addr: free_addr(),
            dir,
            keeps,
        };
        server.start_again().await;
        server
    }

    /// Starts one at the same address, empty unless it keeps what it has.
    pub async fn start_again(&mut self) {
        let mut command = Command::new("redis-server");
        let keeps = if self.keeps { "yes" } else { "no" };
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", keeps]);
        command.args(["--appendfsync", "always"]);
        command.args(["--port", &self.addr.port().to_string(), "--dir"]);
        command.arg(self.dir.path());
        self.process = Some(Process::start(command, &self.dir.path().join("log")));
        eventually(|| async {
            match self.ask(&["PING"]).as_str() {
                "PONG" => Ok(()),
                other => Err(other.to_owned()),
            }
        })
        .await;
    }

    /// `kill -9`: everything in it is gone, unless it keeps what it has.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// It stops answering, and its connections stay.
    pub fn freeze(&self) {
        self.process.as_ref().expect("it runs").freeze();
    }

    /// It answers again.
    pub fn thaw(&self) {
        self.process.as_ref().expect("it runs").thaw();
    }

    /// What it answers.
    pub fn ask(&self, question: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        let port = self.addr.port().to_string();
        let output = command.args(["-p", &port]).args(question).output();
        let output = output.expect("redis-cli: run deploy/setup/setup.sh test");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The names in it.
    pub fn names(&self) -> Vec<String> {
        let names = self.ask(&["KEYS", "*"]);
        names.lines().map(str::to_owned).collect()
    }

    /// What it keeps, and its log.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Settings under which it is the scoring queue.
    pub fn queues(&self, settings: Settings) -> Settings {
        settings.queue(&format!("url = {:?}", self.url()))
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }

    /// Settings under which proxies share it, and wait for it as long as a busy machine may take.
    pub fn shared_by(&self, settings: Settings) -> Settings {
        self.shared_within(1_000, settings)
    }

    /// The same, with the time that a call waits for it.
    pub fn shared_within(&self, lookup_ms: u64, settings: Settings) -> Settings {
        let url = self.url();
        let lines = format!("url = {url:?}\nsync_ms = 50\nlookup_ms = {lookup_ms}");
        settings.proxy("redis", &lines)
    }
}
