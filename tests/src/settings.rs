//! Configuration files for the processes under test, in either shape.

mod planes;

use std::{
    fmt::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{
    Upstream,
    issuer::{CLIENT, Issuer},
    ports::free_addr,
};

/// The tenant that most tests speak as, and its key.
pub const TENANT: (&str, &str) = ("acme", "fl_test_acme_0123456789");

/// A second tenant, for isolation.
pub const OTHER_TENANT: (&str, &str) = ("globex", "fl_test_globex_0123456789");

/// Replies that wait for the judge may be lost when a process is killed: runs go on without their scores, in the time that
/// a test has.
const SCORES: &str = "score_wait_ms = 20000";

/// The secret between the planes when they run apart.
pub(crate) const PLANE_TOKEN: &str = "plane-secret";

/// A model of the catalog.
#[derive(Debug, Clone)]
struct Model {
    name: String,
    embeds: bool,
    benchmark: f64,
    vision: bool,
}

/// Three models; the one with the best benchmark has no vision.
fn usual_models() -> Vec<Model> {
    let model = |name: &str, benchmark, vision| Model {
        name: name.to_owned(),
        embeds: name == "embed",
        benchmark,
        vision,
    };
    vec![
        model("alpha", 0.9, false),
        model("beta", 0.6, true),
        model("embed", 0.5, false),
    ]
}

/// What a test configures; the rest has the product's defaults, made quicker where a test would wait.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name, address, and lines of the entry where they are not the usual ones.
    providers: Vec<(String, String, Option<String>)>,
    /// Lines of every other provider's entry.
    credentials: String,
    models: Vec<Model>,
    proxy: Vec<(String, String)>,
    tenant: String,
    more_tenants: Vec<(String, String)>,
    export: String,
    learning: String,
    plans: Vec<String>,
    webhooks: String,
    dashboard: String,
    store: String,
    decision_log: String,
    scoring: String,
    judge: String,
    queue: String,
    /// Files of the proxy cannot grow beyond this.
    pub(crate) file_limit_kib: Option<u32>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) addrs: Addrs,
    /// REST and gRPC of the control plane that stands by, where there is one.
    pub(crate) standby: Option<(SocketAddr, SocketAddr)>,
    /// Where the planes' certificates are, where they have some.
    certificates: Option<PathBuf>,
}

/// Where everything listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addrs {
    pub proxy: SocketAddr,
    pub admin: SocketAddr,
    pub rest: SocketAddr,
    pub grpc: SocketAddr,
}

impl Settings {
    /// One provider, `up`, at this upstream.
    pub fn for_upstream(upstream: &Upstream) -> Self {
        Self::of("up", upstream.base_url(), usual_models())
    }

    /// One provider with these models, none known to be better than another.
    pub fn for_models(provider: &str, base_url: &str, names: &[String]) -> Self {
        let model = |name: &String| Model {
            name: name.clone(),
            embeds: name.contains("embed"),
            benchmark: 0.7,
            vision: false,
        };
        Self::of(
            provider,
            base_url.to_owned(),
            names.iter().map(model).collect(),
        )
    }

    fn of(provider: &str, base_url: String, models: Vec<Model>) -> Self {
        Self {
            providers: vec![(provider.to_owned(), base_url, None)],
            credentials: "api_key = \"sk-up\"".to_owned(),
            models,
            proxy: Vec::new(),
            tenant: String::new(),
            more_tenants: Vec::new(),
            export: String::new(),
            learning: String::new(),
            plans: Vec::new(),
            webhooks: String::new(),
            dashboard: String::new(),
            store: String::new(),
            decision_log: String::new(),
            scoring: String::new(),
            judge: String::new(),
            queue: String::new(),
            file_limit_kib: None,
            environment: Vec::new(),
            addrs: Addrs {
                proxy: free_addr(),
                admin: free_addr(),
                rest: free_addr(),
                grpc: free_addr(),
            },
            standby: None,
            certificates: None,
        }
    }

    /// Another provider of the same models.
    pub fn provider(mut self, name: &str, base_url: &str) -> Self {
        self.providers
            .push((name.to_owned(), base_url.to_owned(), None));
        self
    }

    /// The same, with lines of its own in its entry.
    pub fn provider_with(mut self, name: &str, base_url: &str, lines: &str) -> Self {
        let entry = (name.to_owned(), base_url.to_owned(), Some(lines.to_owned()));
        self.providers.push(entry);
        self
    }

    /// Lines of every provider's entry, in place of its usual key.
    pub fn credentials(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.credentials);
        self
    }

    /// Lines of a section of the proxy's configuration; the section `""` is its top.
    pub fn proxy(mut self, section: &str, lines: &str) -> Self {
        self.proxy.push((section.to_owned(), lines.to_owned()));
        self
    }

    /// Lines of the usual tenant's entry, its sub-tables last.
    pub fn tenant(mut self, lines: &str) -> Self {
        self.tenant.push_str(lines);
        self
    }

    /// A tenant beside the usual two, with its key.
    pub fn another_tenant(mut self, id: &str, key: &str) -> Self {
        self.more_tenants.push((id.to_owned(), key.to_owned()));
        self
    }

    /// Lines of a plan's entry.
    pub fn plan(mut self, lines: &str) -> Self {
        self.plans.push(lines.to_owned());
        self
    }

    /// Lines of what exports may come to.
    pub fn export(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.export);
        self
    }

    /// Lines of where webhooks may lead.
    pub fn webhooks(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.webhooks);
        self
    }

    /// Who vouches for people beside passwords, with lines of who gets in.
    pub fn vouched_by(mut self, issuer: &Issuer, lines: &str) -> Self {
        let (id, secret) = CLIENT;
        let (place, rest) = (issuer.place(), self.addrs.rest);
        self.dashboard = format!(
            "issuer = \"{place}\"\nclient_id = \"{id}\"\nclient_secret = \"{secret}\"\nurl = \"http://{rest}\"\n{lines}"
        );
        self
    }

    /// That section, where somebody does.
    fn dashboard(&self, at: &str) -> String {
        if self.dashboard.is_empty() {
            return String::new();
        }
        format!("[{at}.oidc]\n{}\n", self.dashboard)
    }

    /// Lines of where the control plane keeps its store.
    pub fn store(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.store);
        self
    }

    /// An environment variable of every process.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lines of where decisions are looked up.
    pub fn decision_log(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.decision_log);
        self
    }

    /// Lets no file of the proxy grow beyond this.
    pub fn proxy_file_limit_kib(mut self, kib: u32) -> Self {
        self.file_limit_kib = Some(kib);
        self
    }

    /// `floopy.toml` of the standalone binary.
    pub(crate) fn standalone(&self, dir: &Path) -> String {
        let Addrs { proxy, rest, .. } = self.addrs;
        let mut text = format!("data_dir = {:?}\n\n", dir.join("data"));
        self.write_sections(&mut text, "proxy", &format!("listen = \"{proxy}\""));
        let _ = writeln!(
            text,
            "[control]\nlisten = \"{rest}\"\nbuiltin_models = false\n\n[control.export]\n{}\n\n[learning]\n{}\n\n[control.webhooks]\n{}\n\n[control.evaluations]\n{SCORES}\n\n[control.store]\n{}\n\n[control.decision_log]\n{}\n\n[control.scoring]\n{}\n\n[control.redis]\n{}\n{}\n",
            self.export,
            self.learning,
            self.webhooks,
            self.store,
            self.decision_log,
            self.scoring,
            self.queue,
            self.dashboard("control.dashboard")
        );
        self.write_providers(&mut text);
        self.write_models(&mut text);
        self.write_tenants(&mut text);
        text
    }

    /// The proxy's own file.
    pub(crate) fn dataplane(&self, dir: &Path) -> String {
        let Addrs { proxy, admin, .. } = self.addrs;
        let (grpc, rest) = self.control_addresses();
        let top = format!(
            "listen = \"{proxy}\"\nadmin_listen = \"{admin}\"\nnode = \"test\"\ndata_dir = {:?}",
            dir.join("proxy")
        );
        let mut text = String::new();
        self.write_sections(&mut text, "", &top);
        let _ = writeln!(
            text,
            "[control]\ngrpc = {grpc}\nrest = {rest}\ntoken = \"{PLANE_TOKEN}\"\n{}",
            self.tls("control.tls", "proxy")
        );
        self.write_providers(&mut text);
        text
    }

    /// The control plane's own file.
    pub(crate) fn controlplane(&self, dir: &Path) -> String {
        let Addrs { rest, grpc, .. } = self.addrs;
        self.controlplane_at((rest, grpc), &dir.join("control"))
    }

    /// That of the one that stands by.
    pub(crate) fn standby_controlplane(&self, dir: &Path) -> Option<String> {
        let standby = self.standby?;
        Some(self.controlplane_at(standby, &dir.join("standby")))
    }

    fn controlplane_at(&self, (rest, grpc): (SocketAddr, SocketAddr), dir: &Path) -> String {
        let proxy = self.addrs.proxy;
        let mut text = format!(
            "rest_listen = \"{rest}\"\ngrpc_listen = \"{grpc}\"\ntoken = \"{PLANE_TOKEN}\"\n\
             builtin_models = false\nproxy_url = \"http://{proxy}\"\ndata_dir = {:?}\n\n[export]\n{}\n\n[learning]\n{}\n\n[webhooks]\n{}\n\n[evaluations]\n{SCORES}\n\n[store]\n{}\n\n[decision_log]\n{}\n\n[scoring]\n{}\n\n[redis]\n{}\n{}\n{}",
            dir,
            self.export,
            self.learning,
            self.webhooks,
            self.store,
            self.decision_log,
            self.scoring,
            self.queue,
            self.dashboard("dashboard"),
            self.tls("tls", "control")
        );
        self.write_models(&mut text);
        self.write_tenants(&mut text);
        text
    }

    /// The judge's own file.
    pub(crate) fn judge(&self) -> String {
        let (grpc, _) = self.control_addresses();
        format!(
            "worker = \"test\"\n{}\n\n[control]\ngrpc = {grpc}\ntoken = \"{PLANE_TOKEN}\"\n{}",
            self.judge,
            self.tls("control.tls", "judge")
        )
    }

    /// The proxy's sections below `at`. TOML: the keys of a table come before its sub-tables.
    fn write_sections(&self, text: &mut String, at: &str, top: &str) {
        if !at.is_empty() {
            let _ = writeln!(text, "[{at}]");
        }
        let _ = writeln!(text, "{top}");
        for (_, lines) in self.proxy.iter().filter(|(name, _)| name.is_empty()) {
            let _ = writeln!(text, "{lines}");
        }
        for (name, lines) in self.proxy.iter().filter(|(name, _)| !name.is_empty()) {
            let header = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}.{name}")
            };
            let _ = writeln!(text, "\n[{header}]\n{lines}");
        }
        let _ = writeln!(text);
    }

    fn write_providers(&self, text: &mut String) {
        for (name, url, lines) in &self.providers {
            let lines = lines.as_ref().unwrap_or(&self.credentials);
            let _ = writeln!(
                text,
                "[[providers]]\nname = \"{name}\"\nbase_url = \"{url}\"\n{lines}\n"
            );
        }
    }

    fn write_models(&self, text: &mut String) {
        let at_providers = self
            .providers
            .iter()
            .flat_map(|p| self.models.iter().map(move |m| (&p.0, m)));
        for (provider, model) in at_providers {
            let Model {
                name,
                embeds,
                benchmark,
                vision,
            } = model;
            let kind = if *embeds { "embedding" } else { "chat" };
            let _ = writeln!(
                text,
                "[[models]]\nprovider = \"{provider}\"\nmodel = \"{name}\"\nkind = \"{kind}\"\n\
                 benchmark = {benchmark}\nvision = {vision}\ntools = true\njson_schema = true\n\
                 input_usd_per_mtok = 2.0\noutput_usd_per_mtok = 6.0\n"
            );
        }
    }

    fn write_tenants(&self, text: &mut String) {
        for plan in &self.plans {
            let _ = writeln!(text, "[[plans]]\n{plan}\n");
        }
        let more = self.more_tenants.iter();
        let more = more.map(|(id, key)| ((id.as_str(), key.as_str()), ""));
        let usual = [(TENANT, self.tenant.as_str()), (OTHER_TENANT, "")];
        for ((id, key), lines) in usual.into_iter().chain(more) {
            let _ = writeln!(
                text,
                "[[tenants]]\nid = \"{id}\"\nkey = \"{key}\"\n{lines}\n"
            );
        }
    }
}
