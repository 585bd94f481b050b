//! ClickHouse's engine behind its HTTP interface, gone with the test.

use std::{net::SocketAddr, path::Path, process::Command};

use http::Method;
use tempfile::TempDir;

use crate::{Api, Settings, clients::made, eventually, ports::free_addr, process::Process};

/// An engine that can be killed and started again.
#[derive(Debug)]
pub struct ClickHouse {
    process: Option<Process>,
    addr: SocketAddr,
    dir: TempDir,
}

impl ClickHouse {
    /// Where one will be, once it is started.
    pub fn planned() -> Self {
        Self {
            process: None,
            addr: free_addr(),
            dir: tempfile::tempdir().expect("a directory"),
        }
    }

    /// Starts one without anything in it and waits until it answers.
    pub async fn start() -> Self {
        let mut engine = Self::planned();
        engine.start_again().await;
        engine
    }

    /// Starts it over what it has, and waits until it answers.
    pub async fn start_again(&mut self) {
        let mut command = Command::new(made("venv/bin/python"));
        command.args(["-E", "-s", "-B"]);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/clickhouse.py"));
        command
            .arg(self.dir.path())
            .arg(self.addr.port().to_string());
        let log = self.dir.path().join("log");
        self.process = Some(Process::start(command, &log));
        let engine = Api::anonymous(self.addr);
        eventually(|| async {
            match engine.call(Method::GET, "/ping").try_send().await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(answer.text()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// It keeps its connections and answers nothing.
    pub fn freeze(&self) {
        self.process.as_ref().expect("it runs").freeze();
    }

    /// It goes on.
    pub fn thaw(&self) {
        self.process.as_ref().expect("it runs").thaw();
    }

    /// What it keeps, and its log.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it answers.
    pub async fn ask(&self, query: &str) -> String {
        let engine = Api::anonymous(self.addr);
        engine
            .post("/")
            .bytes(query.to_owned())
            .send()
            .await
            .ok()
            .text()
    }

    /// Of a database there.
    pub fn url(&self) -> String {
        format!("http://{}/logs", self.addr)
    }

    /// Settings under which decisions are looked up there.
    pub fn logs(&self, settings: Settings) -> Settings {
        settings.decision_log(&format!("url = \"{}\"", self.url()))
    }
}
