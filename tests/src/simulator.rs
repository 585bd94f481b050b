//! `floopy simulator` as the upstream: what the real clients talk to in the end.

use std::{net::SocketAddr, process::Command};

use tempfile::TempDir;

use crate::{
    Api, Settings, eventually,
    ports::free_addr,
    process::{Process, binary},
};

/// A running simulator.
#[derive(Debug)]
pub struct Simulator {
    addr: SocketAddr,
    models: Vec<String>,
    _process: Process,
    _dir: TempDir,
}

impl Simulator {
    /// Starts it and waits until it serves.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The same with more arguments.
    pub async fn with(args: &[&str]) -> Self {
        let (addr, dir) = (free_addr(), tempfile::tempdir().expect("a directory"));
        let mut command = Command::new(binary("floopy"));
        command.current_dir(dir.path());
        command.args([
            "simulator",
            "--latency-scale",
            "0.02",
            "--listen",
            &addr.to_string(),
        ]);
        command.args(args);
        let process = Process::start(command, &dir.path().join("simulator.log"));
        let api = Api::anonymous(addr);
        let list = eventually(|| async {
            let models = api.call(http::Method::GET, "/v1/models").try_send().await;
            models.map_err(|e| (e.to_string(), process.log()))
        })
        .await;
        let list = list.json();
        let models = list["data"].as_array().expect("a list of models");
        let models = models
            .iter()
            .map(|m| m["id"].as_str().expect("an id").to_owned())
            .collect();
        Self {
            addr,
            models,
            _process: process,
            _dir: dir,
        }
    }

    /// A system with this simulator as its only provider.
    pub fn settings(&self) -> Settings {
        Settings::for_models("sim", &format!("http://{}/v1", self.addr), &self.models)
    }
}
