//! Planes beside others: a control plane that stands by, another proxy, and the certificates they show each other.

use std::path::Path;

use super::{Addrs, Settings};
use crate::ports::free_addr;

impl Settings {
    /// A second control plane, where planes are apart.
    pub fn standby(mut self) -> Self {
        self.standby = Some((free_addr(), free_addr()));
        self
    }

    /// Lines of what is learned and how.
    pub fn learning(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.learning);
        self
    }

    /// Lines of the queue of replies to be scored.
    pub fn scoring(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.scoring);
        self
    }

    /// Lines of the Redis that this queue is in.
    pub fn queue(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.queue);
        self
    }

    /// Lines of the judge's own file.
    pub fn judge_with(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.judge);
        self
    }

    /// Planes that are apart show each other the certificates in this directory.
    pub fn certificates(mut self, dir: &Path) -> Self {
        self.certificates = Some(dir.to_owned());
        self
    }

    /// Lines of a section that names them.
    pub(super) fn tls(&self, section: &str, plane: &str) -> String {
        let Some(dir) = &self.certificates else {
            return String::new();
        };
        format!(
            "[{section}]\nca = {:?}\ncertificate = {:?}\nkey = {:?}\n",
            dir.join("ca.pem"),
            dir.join(format!("{plane}.pem")),
            dir.join(format!("{plane}.key"))
        )
    }

    /// Where the control planes are, as TOML: one address or all of them.
    pub(super) fn control_addresses(&self) -> (String, String) {
        let Addrs { rest, grpc, .. } = self.addrs;
        let scheme = self.certificates.as_ref().map_or("http", |_| "https");
        match self.standby {
            None => (
                format!("\"{scheme}://{grpc}\""),
                format!("\"http://{rest}\""),
            ),
            Some((other_rest, other_grpc)) => (
                format!("[\"{scheme}://{grpc}\", \"{scheme}://{other_grpc}\"]"),
                format!("[\"http://{rest}\", \"http://{other_rest}\"]"),
            ),
        }
    }

    /// The same for a proxy beside the first, at addresses of its own.
    pub(crate) fn beside(&self) -> Self {
        let addrs = Addrs {
            proxy: free_addr(),
            admin: free_addr(),
            ..self.addrs
        };
        Self {
            addrs,
            ..self.clone()
        }
    }
}
