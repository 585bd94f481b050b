//! The data plane under load: the real program, in front of the benchmark's upstream.

use std::{fs, net::SocketAddr, process::Command};

use tempfile::TempDir;

use super::{
    control,
    world::{PROVIDER, key_of, snapshot},
};
use crate::{
    Api, eventually,
    ports::free_addr,
    process::{Process, binary},
};

/// A running data plane.
#[derive(Debug)]
pub struct Proxy {
    pub addr: SocketAddr,
    /// Of one of its tenants.
    pub key: String,
    process: Process,
    _dir: TempDir,
}

impl Proxy {
    /// Starts it with a snapshot of this many tenants and this many threads that serve, and waits until it does.
    pub async fn start(upstream: SocketAddr, tenants: usize, workers: usize) -> Self {
        let control = control::start(snapshot(tenants));
        let (addr, dir) = (free_addr(), tempfile::tempdir().expect("a directory"));
        let config = format!(
            "listen = \"{addr}\"\nnode = \"bench\"\ndata_dir = {data:?}\n\n\
             [limits]\nworkers = {workers}\n\n[control]\ngrpc = \"http://{control}\"\n\n\
             [[providers]]\nname = \"{PROVIDER}\"\nbase_url = \"http://{upstream}/v1\"\napi_key = \"k\"\n",
            data = dir.path().join("data"),
        );
        let file = dir.path().join("dataplane.toml");
        fs::write(&file, config).expect("written");
        let mut command = Command::new(binary("floopy-dataplane"));
        command.arg("--config").arg(&file);
        let process = Process::start(command, &dir.path().join("dataplane.log"));
        let proxy = Self {
            addr,
            key: key_of(tenants / 2),
            process,
            _dir: dir,
        };
        proxy.ready().await;
        proxy
    }

    async fn ready(&self) {
        let api = Api::new(self.addr, &self.key);
        let body = r#"{"model":"auto","messages":[{"role":"user","content":"hello"}]}"#;
        eventually(|| async {
            let answer = api
                .post("/v1/chat/completions")
                .bytes(body)
                .try_send()
                .await
                .map_err(|e| (e.to_string(), self.process.log()))?;
            if answer.status == 200 {
                Ok(())
            } else {
                Err((answer.text(), self.process.log()))
            }
        })
        .await;
    }

    /// The operating system's number of it.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}
