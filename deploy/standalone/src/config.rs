//! `floopy.toml`: one file for the whole process, mapped onto the planes' own configurations.
//!
//! How the planes reach each other (addresses, tokens, connections) is wiring, not configuration, and cannot
//! be set here.

mod check;
mod environment;
mod planes;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use floopy_controlplane as control;
use floopy_dataplane::config as proxy;
use floopy_shared::{
    catalog::Sources,
    process::{
        config::{ConfigError, Written, parse, read},
        credentials::Credentials,
        telemetry::{LogFilter, LogFormat},
    },
};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

pub use environment::{FoundProvider, Origin};
pub use planes::PlaneConfigs;

/// Read where no file is named, if it exists.
pub const DEFAULT_FILE: &str = "floopy.toml";

/// Everything that can be set; everything has a default.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where all state is kept, readable by its owner only.
    pub data_dir: PathBuf,
    /// How log lines look: `text` or `json`.
    pub log: LogFormat,
    /// What is logged, as in `info,floopy_dataplane=debug`; `RUST_LOG` counts in its place when the process starts.
    pub log_filter: LogFilter,
    /// A catalog file of the operator's: its models replace built-in ones of the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog: Option<PathBuf>,
    pub proxy: Proxy,
    pub control: Control,
    pub judge: Judge,
    pub learning: control::Learning,
    pub operator: control::Operator,
    /// The keys that credentials are sealed with; without any, one is made.
    pub credentials: Credentials,
    pub providers: Vec<proxy::Provider>,
    /// Sources that `models` name, beside those of the catalogs.
    #[serde(skip_serializing_if = "Sources::is_empty")]
    pub sources: Sources,
    pub models: Vec<control::Model>,
    pub tenants: Vec<control::TenantConfig>,
    /// What tenants can be sold; they replace those of this build where the names are the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<control::PlanConfig>,
}

/// What serves applications.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proxy {
    /// Where applications reach it.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// This proxy's name in decision records.
    pub node: String,
    /// How long requests in flight may take to finish after a stop was asked for.
    pub drain_ms: u64,
    pub limits: proxy::Limits,
    pub addresses: proxy::Addresses,
    pub timeouts: proxy::Timeouts,
    pub retry: proxy::Retry,
    pub hedge: proxy::Hedge,
    pub upstream: proxy::Upstream,
    pub breaker: proxy::Breaker,
    pub disconnect: proxy::Disconnect,
    pub spool: proxy::Spool,
    pub scoring: proxy::Scoring,
    pub sessions: proxy::Sessions,
    pub batches: proxy::Batches,
    pub cache: proxy::Cache,
    pub firewall: proxy::Firewall,
    pub mcp: proxy::Mcp,
    pub redis: proxy::Redis,
    pub qdrant: proxy::Qdrant,
    pub traces: proxy::Traces,
}

/// What learns, and answers the REST API.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    /// Where its REST API, health and metrics are: the operator's, not for the internet.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// Shortest time between two computations of the rankings.
    pub refresh_ms: u64,
    /// Whether the models that Floopy knows are candidates beside those of `[[models]]`.
    pub builtin_models: bool,
    pub retention: control::Retention,
    pub scoring: control::Scoring,
    pub export: control::Export,
    pub savings: control::Savings,
    pub webhooks: control::Webhooks,
    pub dashboard: control::Dashboard,
    pub evaluations: control::Evaluations,
    pub batches: control::Batches,
    pub store: control::StoreConfig,
    pub decision_log: control::DecisionLogConfig,
    pub redis: control::RedisConfig,
}

/// What scores replies.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Judge {
    /// Without it, routing learns from ratings and benchmarks alone.
    pub enabled: bool,
    /// Replies leased at a time.
    pub batch: u32,
    /// Batches worked on at the same time.
    pub concurrency: u32,
    /// Models that grade replies as well.
    pub llm: floopy_judge_worker::config::Llm,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./floopy-data"),
            log: LogFormat::Text,
            log_filter: LogFilter::default(),
            proxy: Proxy::default(),
            control: Control::default(),
            judge: Judge::default(),
            learning: control::Learning::default(),
            operator: control::Operator::default(),
            credentials: Credentials::default(),
            catalog: None,
            providers: Vec::new(),
            sources: Sources::new(),
            models: Vec::new(),
            tenants: Vec::new(),
            plans: Vec::new(),
        }
    }
}

impl Default for Proxy {
    fn default() -> Self {
        let plane = proxy::Config::default();
        Self {
            listen: plane.listen,
            node: plane.node,
            drain_ms: plane.drain_ms,
            limits: plane.limits,
            addresses: plane.addresses,
            timeouts: plane.timeouts,
            retry: plane.retry,
            hedge: plane.hedge,
            upstream: plane.upstream,
            breaker: plane.breaker,
            disconnect: plane.disconnect,
            spool: plane.spool,
            scoring: plane.scoring,
            sessions: plane.sessions,
            batches: plane.batches,
            cache: plane.cache,
            firewall: plane.firewall,
            mcp: plane.mcp,
            redis: plane.redis,
            qdrant: plane.qdrant,
            traces: plane.traces,
        }
    }
}

impl Default for Control {
    fn default() -> Self {
        let plane = control::Config::default();
        Self {
            listen: plane.rest_listen,
            refresh_ms: plane.refresh_ms,
            builtin_models: plane.builtin_models,
            retention: plane.retention,
            scoring: plane.scoring,
            export: plane.export,
            savings: plane.savings,
            webhooks: plane.webhooks,
            dashboard: plane.dashboard,
            evaluations: plane.evaluations,
            batches: plane.batches,
            store: plane.store,
            decision_log: plane.decision_log,
            redis: plane.redis,
        }
    }
}

impl Default for Judge {
    fn default() -> Self {
        let plane = floopy_judge_worker::Config::default();
        Self {
            enabled: true,
            batch: plane.batch,
            concurrency: plane.concurrency,
            llm: plane.llm,
        }
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom(format!(
            "{text:?} is not allowed, it must be IP:PORT, as in \"127.0.0.1:8080\""
        ))
    })
}

/// A configuration that can be run.
#[derive(Debug, Clone)]
pub struct Effective {
    pub config: Config,
    /// The file it came from, if any.
    pub file: Option<PathBuf>,
    /// Every provider that can be called, and where its key came from.
    pub providers: Vec<FoundProvider>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<String>,
    /// The file as it is written.
    pub written: Written,
}

impl Effective {
    /// Reads the named file, or [`DEFAULT_FILE`] if it exists, or nothing; then the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let file = match file {
            Some(file) => Some(file.to_owned()),
            None => Some(PathBuf::from(DEFAULT_FILE)).filter(|default| default.exists()),
        };
        let text = file.as_deref().map(read).transpose()?.unwrap_or_default();
        let origin = file
            .as_ref()
            .map_or_else(|| "defaults".to_owned(), |path| path.display().to_string());
        let mut effective = Self::read(&text, &origin, |name| std::env::var(name).ok())?;
        effective.file = file;
        Ok(effective)
    }

    /// Reads a text and an environment; `origin` stands for the file in errors.
    pub fn read(
        text: &str,
        origin: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut config: Config = parse(text, origin)?;
        check::check(&config).map_err(|problem| problem.located(text, origin))?;
        config.operator.or_environment(&environment);
        config.credentials.or_environment(&environment);
        let providers = environment::add_providers(&mut config, environment);
        let warnings = check::warnings(&config);
        Ok(Self {
            config,
            file: None,
            providers,
            warnings,
            written: Written::new((text, origin))?,
        })
    }

    /// Wraps a configuration made by the program itself.
    pub fn of(mut config: Config) -> Self {
        let providers = environment::add_providers(&mut config, |_| None);
        Self {
            config,
            file: None,
            providers,
            warnings: Vec::new(),
            written: Written::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Effective::read(text, "floopy.toml", |_| None)
            .expect_err("invalid")
            .to_string()
    }

    #[test]
    fn nothing_configured_is_a_valid_configuration() {
        let effective = Effective::read("", "floopy.toml", |_| None).expect("valid");
        assert_eq!(effective.config.proxy.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(
            effective.config.control.listen.to_string(),
            "127.0.0.1:8081"
        );
        assert_eq!(effective.config.data_dir, Path::new("./floopy-data"));
        assert!(effective.providers.is_empty() && effective.warnings.is_empty());
    }

    #[test]
    fn every_error_names_file_line_key_and_what_is_allowed() {
        let cases = [
            (
                "[proxy]\nlistne = 1\n",
                "floopy.toml:2: proxy.listne: unknown field `listne`, expected one of `listen`",
            ),
            (
                "[proxy]\nlisten = \"8080\"\n",
                "floopy.toml:2: proxy.listen: \"8080\" is not allowed, it must be IP:PORT",
            ),
            (
                "\n\nlog = \"xml\"\n",
                "floopy.toml:3: log: unknown variant `xml`, expected `text` or `json`",
            ),
            (
                "[proxy.limits]\nbody_bytes = 9\nin_flight = 0\n",
                "floopy.toml:3: proxy.limits.in_flight: is 0, it must be at least 1",
            ),
            (
                "[proxy.scoring]\nsample_rate = 2\n",
                "floopy.toml:2: proxy.scoring.sample_rate: is 2, it must be between 0 and 1",
            ),
            (
                "[judge]\nbatch = 0\n",
                "floopy.toml:2: judge.batch: is 0, it must be 1 to 256",
            ),
            (
                "[[providers]]\nname = \"openai\"\n\n[[providers]]\nname = \"mine\"\n",
                "floopy.toml:4: providers[1].base_url: is missing for \"mine\"",
            ),
            ("[[tenants]]\nid = \"a b\"\n", "floopy.toml:2: tenants.id: "),
            (
                "[[tenants]]\nid = \"a\"\n[tenants.constraints]\ndeny_providers = [\"nobody\"]\n",
                "floopy.toml:4: tenants[0].constraints.deny_providers: \"nobody\" is not the provider of",
            ),
            ("proxy = 3\n", "floopy.toml:1: proxy: invalid type"),
            ("[proxy\n", "floopy.toml:1:"),
        ];
        for (text, expected) in cases {
            let error = error(text);
            assert!(
                error.starts_with(expected),
                "{text:?} gave {error:?}, not {expected:?}"
            );
        }
    }

    #[test]
    fn the_wiring_between_planes_cannot_be_set() {
        for text in [
            "[proxy.control]\ngrpc = \"http://x\"\n",
            "[control]\ngrpc_listen = \"1.2.3.4:5\"\n",
            "[control]\ntoken = \"t\"\n",
        ] {
            assert!(error(text).contains("unknown field"), "{text}");
        }
    }

    #[test]
    fn the_printed_configuration_reads_back_and_shows_no_secret() {
        let text = "[[providers]]\nname = \"openai\"\napi_key = \"sk-file\"\n\n[[tenants]]\nid = \"default\"\nkey = \"fl_secret\"\n";
        let environment = |name: &str| (name == "GROQ_API_KEY").then(|| "gsk-env".to_owned());
        let effective = Effective::read(text, "floopy.toml", environment).expect("valid");
        let shown = toml::to_string_pretty(&effective.config).expect("serialises");
        for secret in ["sk-file", "gsk-env", "fl_secret"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(
            shown.contains("\"***\"") && shown.contains("groq"),
            "{shown}"
        );
        let again = Effective::read(&shown, "shown", |_| None).expect("reads its own output");
        assert_eq!(
            toml::to_string_pretty(&again.config).expect("serialises"),
            shown
        );
    }
}
