//! Another proxy beside the first, of the same control plane.

use std::fs;

use crate::{Api, Floopy, Settings, Shape, eventually, process::Process, settings::TENANT};

/// A proxy; gone when dropped.
#[derive(Debug)]
pub struct Neighbour {
    process: Process,
    settings: Settings,
}

impl Neighbour {
    /// Starts one, with a name and a directory of its own, and waits until it serves.
    pub async fn of(floopy: &Floopy, shape: Shape, name: &str) -> Self {
        assert_eq!(shape, Shape::Split, "one process has one proxy");
        let settings = floopy.settings().beside();
        let dir = floopy.dir().join(name);
        fs::create_dir(&dir).expect("a directory");
        let text = settings.dataplane(&dir);
        let text = text.replace("node = \"test\"", &format!("node = {name:?}"));
        fs::write(dir.join("dataplane.toml"), text).expect("a config file");
        let command = floopy.command("floopy-dataplane", &format!("{name}/dataplane.toml"));
        let process = Process::start(command, &dir.join("proxy.log"));
        let neighbour = Self { process, settings };
        eventually(|| async {
            let api = neighbour.api();
            let answer = api.call(http::Method::GET, "/v1/models");
            let answer = answer.try_send().await.map_err(|e| e.to_string())?;
            let models = answer.json()["data"].as_array().map_or(0, Vec::len);
            // `auto` alone is not a model.
            if models > 1 {
                Ok(())
            } else {
                Err(answer.text())
            }
        })
        .await;
        neighbour
    }

    /// Speaks to it as the usual tenant.
    pub fn api(&self) -> Api {
        Api::new(self.settings.addrs.proxy, TENANT.1)
    }

    /// Speaks to where its health and metrics are.
    pub fn admin_api(&self) -> Api {
        Api::anonymous(self.settings.addrs.admin)
    }

    /// Everything that it logged.
    pub fn log(&self) -> String {
        self.process.log()
    }
}
