//! What there is to look at, by whose configuration it is.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use floopy_controlplane as control;
use floopy_dataplane::config as proxy;
use floopy_judge_worker as judge;
use floopy_shared::{
    domain::firewall::Mode,
    process::config::{Addresses, ConfigError, PlaneTls, Secret, load_checked},
};

use super::{
    DoctorError, Plane,
    finding::{Check, Finding},
};
use crate::config::{Effective, PlaneConfigs};

/// The configurations in force, and what the machine has to provide for them.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) proxy: Option<proxy::Config>,
    pub(super) control: Option<control::Config>,
    pub(super) judge: Option<judge::Config>,
    pub(super) folders: Vec<Folder>,
    pub(super) listeners: Vec<Listener>,
    file: Option<PathBuf>,
    warnings: Vec<String>,
}

/// A directory that state is kept in, and the file that whoever uses it holds.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) lock: PathBuf,
}

/// An address that is listened on.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) key: &'static str,
    pub(super) addr: SocketAddr,
}

/// Another process that is needed.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) key: &'static str,
    pub(super) url: String,
}

impl Folder {
    fn new(path: &Path, lock: &str) -> Self {
        Self {
            path: path.to_owned(),
            lock: path.join(lock),
        }
    }
}

impl Subject {
    /// Reads the configuration as the program itself does; what is wrong with it is a finding and no error.
    pub(super) fn load(
        plane: Plane,
        file: Option<&Path>,
    ) -> Result<Result<Self, ConfigError>, DoctorError> {
        let needed = |name| file.ok_or(DoctorError::NoFile(name));
        Ok(match plane {
            Plane::All => Self::all(file),
            Plane::Proxy => Self::of_proxy(needed("proxy")?),
            Plane::Control => Self::of_control(needed("control")?),
            Plane::Judge => Self::of_judge(needed("judge")?),
        })
    }

    fn empty(file: Option<PathBuf>) -> Self {
        Self {
            proxy: None,
            control: None,
            judge: None,
            folders: Vec::new(),
            listeners: Vec::new(),
            file,
            warnings: Vec::new(),
        }
    }

    fn all(file: Option<&Path>) -> Result<Self, ConfigError> {
        let effective = Effective::load(file)?;
        let config = &effective.config;
        // Planes of one process agree on a token that nobody else knows.
        let planes = PlaneConfigs::new(config, &Secret::new("unused"));
        let listener = |key, addr| Listener { key, addr };
        Ok(Self {
            judge: Some(planes.judge).filter(|_| config.judge.enabled),
            folders: vec![Folder::new(&config.data_dir, "floopy.lock")],
            listeners: vec![
                listener("proxy.listen", config.proxy.listen),
                listener("control.listen", config.control.listen),
            ],
            proxy: Some(planes.proxy),
            control: Some(planes.control),
            warnings: effective.warnings,
            ..Self::empty(effective.file)
        })
    }

    fn of_proxy(file: &Path) -> Result<Self, ConfigError> {
        let config: proxy::Config = load_checked(file, |config: &proxy::Config| {
            let told = |e: proxy::InvalidConfig| {
                (e.key, format!("is {}, it must be {}", e.value, e.expected))
            };
            config.check().map_err(told)
        })?;
        let admin = config.admin_listen.map(|addr| Listener {
            key: "admin_listen",
            addr,
        });
        let listen = Listener {
            key: "listen",
            addr: config.listen,
        };
        Ok(Self {
            folders: vec![Folder::new(&config.data_dir, "proxy.lock")],
            listeners: [Some(listen), admin].into_iter().flatten().collect(),
            proxy: Some(config),
            ..Self::empty(Some(file.to_owned()))
        })
    }

    fn of_control(file: &Path) -> Result<Self, ConfigError> {
        let check =
            |config: &control::Config| control::check(config).map_err(control::Error::by_key);
        let config: control::Config = load_checked(file, check)?;
        let grpc = config.grpc_listen.map(|addr| Listener {
            key: "grpc_listen",
            addr,
        });
        let rest = Listener {
            key: "rest_listen",
            addr: config.rest_listen,
        };
        Ok(Self {
            folders: vec![Folder::new(&config.data_dir, "controlplane.lock")],
            listeners: [Some(rest), grpc].into_iter().flatten().collect(),
            control: Some(config),
            ..Self::empty(Some(file.to_owned()))
        })
    }

    fn of_judge(file: &Path) -> Result<Self, ConfigError> {
        let check = |config: &judge::Config| {
            let told = |(key, message)| (format!("llm.{key}"), message);
            config.llm.check().map_err(told)
        };
        let config: judge::Config = load_checked(file, check)?;
        Ok(Self {
            judge: Some(config),
            ..Self::empty(Some(file.to_owned()))
        })
    }

    /// What the configuration itself says.
    pub(super) fn told(&self) -> Vec<Finding> {
        let shown = self.file.as_ref().map(|file| file.display().to_string());
        let shown = shown.unwrap_or_else(|| "no file: everything has its default".to_owned());
        let read = Finding::ok(Check::Configuration, "file", shown);
        let warned = self.warnings.iter().map(|warning| {
            let advice = "correct it if it is not meant";
            Finding::warn(Check::Configuration, "meaning", warning.clone(), advice)
        });
        [read].into_iter().chain(warned).collect()
    }

    /// What the proxy may keep on the disk while the control plane is gone.
    pub(super) fn spool_bytes(&self) -> u64 {
        self.proxy.as_ref().map_or(0, |proxy| proxy.spool.max_bytes)
    }

    /// A tenant of the configuration that wants its calls looked at for attacks.
    pub(super) fn tenant_with_firewall(&self) -> Option<&str> {
        let of_control = self.control.iter().flat_map(|it| &it.tenants);
        let of_control = of_control.map(|it| (&it.id, &it.firewall));
        let of_proxy = self.proxy.iter().flat_map(|it| &it.tenants);
        let of_proxy = of_proxy.map(|it| (&it.id, &it.firewall));
        let mut all = of_control.chain(of_proxy);
        let found = all.find(|(_, firewall)| firewall.to_domain().mode != Mode::Off);
        found.map(|(id, _)| id.as_str())
    }

    /// The certificates that planes know each other by.
    pub(super) fn certificates(&self) -> impl Iterator<Item = (&'static str, &PlaneTls)> {
        let proxy = self.proxy.as_ref().and_then(|it| it.control.tls.as_ref());
        let judge = self.judge.as_ref().and_then(|it| it.control.tls.as_ref());
        let control = self.control.as_ref().and_then(|it| it.tls.as_ref());
        [
            ("control.tls", proxy),
            ("tls", control),
            ("control.tls", judge),
        ]
        .into_iter()
        .filter_map(|(key, files)| Some((key, files?)))
    }

    /// The other processes that this one asks; those of one process are not asked over the network.
    pub(super) fn peers(&self) -> Vec<Peer> {
        let all = |key, addresses: &Addresses| {
            let peer = |url: &str| Peer {
                key,
                url: url.to_owned(),
            };
            addresses.iter().map(peer).collect::<Vec<_>>()
        };
        let mut peers = Vec::new();
        if self.control.is_none() {
            if let Some(proxy) = &self.proxy {
                peers.extend(all("control.grpc", &proxy.control.grpc));
                peers.extend(all("control.rest", &proxy.control.rest));
            }
            let judge = self.judge.as_ref();
            peers.extend(judge.map_or(Vec::new(), |it| all("control.grpc", &it.control.grpc)));
        }
        let traces = self
            .proxy
            .as_ref()
            .and_then(|it| it.traces.endpoint.clone());
        peers.extend(traces.map(|url| Peer {
            key: "traces.endpoint",
            url,
        }));
        let llm = self.judge.as_ref().filter(|it| !it.llm.models.is_empty());
        peers.extend(llm.map(|it| Peer {
            key: "llm.url",
            url: it.llm.url.clone(),
        }));
        peers
    }
}

#[cfg(test)]
mod tests {
    use floopy_shared::process::config::parse;

    use super::*;

    #[test]
    fn planes_of_one_process_have_no_peers_and_those_apart_do() {
        let both = Subject {
            proxy: Some(parse("", "x").expect("valid")),
            control: Some(parse("", "x").expect("valid")),
            ..Subject::empty(None)
        };
        assert_eq!(both.peers().len(), 0);
        let proxy = Subject {
            control: None,
            ..both
        };
        let keys: Vec<&str> = proxy.peers().iter().map(|peer| peer.key).collect();
        assert_eq!(keys, ["control.grpc", "control.rest"]);
    }
}
