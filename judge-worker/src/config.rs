//! The worker's configuration file.

use floopy_shared::process::{
    config::{Addresses, PlaneTls, Secret, range},
    telemetry::{LogFilter, LogFormat},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// Everything with a default but the control plane's address.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub control: Control,
    /// Names this worker to the control plane.
    pub worker: String,
    /// Jobs leased at a time, 1 to 256.
    #[serde(deserialize_with = "batch")]
    pub batch: u32,
    /// Batches worked on at the same time, 1 to 64.
    #[serde(deserialize_with = "concurrency")]
    pub concurrency: u32,
    /// How long a lease lasts; a job not reported by then is handed out again.
    #[serde(deserialize_with = "lease_ms")]
    pub lease_ms: u64,
    /// How long the control plane may hold a lease request while it has no work.
    #[serde(deserialize_with = "wait_ms")]
    pub wait_ms: u64,
    pub log: LogFormat,
    /// What is logged, as in `info,floopy_judge_worker=debug`; `RUST_LOG` counts in its place.
    pub log_filter: LogFilter,
    pub llm: Llm,
}

/// Models that grade replies beside the built-in scorer.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Llm {
    /// `http://host:port` of an API with OpenAI's chat completions, without `/v1`.
    pub url: String,
    /// What they are asked with. Never a tenant's.
    pub key: Option<Secret>,
    /// The first of another family than the judged model is asked; none: the built-in scorer judges alone.
    pub models: Vec<String>,
    /// Tenants whose replies may be shown to these models; `"*"` for all.
    pub tenants: Vec<String>,
    /// Share of their replies that is graded.
    #[serde(deserialize_with = "share")]
    pub share: f64,
    /// Share of the grades in a score; the rest is the built-in scorer's.
    #[serde(deserialize_with = "share")]
    pub weight: f64,
    /// What asking may cost in a day in UTC; then the built-in scorer judges alone. Each process counts from its start.
    #[serde(deserialize_with = "usd")]
    pub usd_per_day: f64,
    /// The same of each tenant; `usd_per_day` where it is missing.
    #[serde(deserialize_with = "some_usd", skip_serializing_if = "Option::is_none")]
    pub usd_per_day_each: Option<f64>,
    /// Prices of the models; the dearest, where there are several.
    #[serde(deserialize_with = "usd")]
    pub usd_per_million_input: f64,
    #[serde(deserialize_with = "usd")]
    pub usd_per_million_output: f64,
    /// How long an answer may take.
    #[serde(deserialize_with = "timeout_ms")]
    pub timeout_ms: u64,
    /// Replies that are graded at the same time, 1 to 64; no more are then leased at a time.
    #[serde(deserialize_with = "concurrency")]
    pub concurrency: u32,
}

/// Where the control plane is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// `http://host:port` of its gRPC listener; a list where several stand in for each other.
    pub grpc: Addresses,
    /// The secret that planes share.
    pub token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<PlaneTls>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            control: Control::default(),
            worker: "judge".into(),
            batch: 64,
            concurrency: 2,
            lease_ms: 30_000,
            wait_ms: 10_000,
            log: LogFormat::Text,
            log_filter: LogFilter::default(),
            llm: Llm::default(),
        }
    }
}

impl Default for Llm {
    fn default() -> Self {
        Self {
            url: String::new(),
            key: None,
            models: Vec::new(),
            tenants: Vec::new(),
            share: 1.0,
            weight: 0.7,
            usd_per_day: 1.0,
            usd_per_day_each: None,
            usd_per_million_input: 0.0,
            usd_per_million_output: 0.0,
            timeout_ms: 10_000,
            concurrency: 8,
        }
    }
}

impl Llm {
    /// What is wrong with it: the key and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.models.is_empty() {
            return Ok(());
        }
        let url: Option<http::Uri> = self.url.parse().ok();
        let is_address = url.is_some_and(|url| {
            matches!(url.scheme_str(), Some("http" | "https")) && url.authority().is_some()
        });
        if !is_address {
            let why = format!(
                "{:?} is not allowed; it must be an address, as in \"https://api.openai.com\"",
                self.url
            );
            return Err(("url", why));
        }
        if self.tenants.is_empty() {
            let why = "is empty; name the tenants whose replies the models may see, or \"*\"";
            return Err(("tenants", why.to_owned()));
        }
        let prices = self.usd_per_million_input + self.usd_per_million_output;
        if prices <= 0.0 {
            let why = "is 0, and so is the other price; without any the budget cannot be kept";
            return Err(("usd_per_million_input", why.to_owned()));
        }
        Ok(())
    }
}

impl Config {
    /// What types cannot say: the key and what is wrong with it.
    pub fn check(&self) -> Result<(), (String, String)> {
        let wrong = self.llm.check();
        wrong.map_err(|(key, why)| (format!("llm.{key}"), why))
    }
}

impl Default for Control {
    fn default() -> Self {
        Self {
            grpc: "http://127.0.0.1:8082".into(),
            token: None,
            tls: None,
        }
    }
}

fn within<'de, D>(deserializer: D, range: std::ops::RangeInclusive<u64>) -> Result<u64, D::Error>
where
    D: Deserializer<'de>,
{
    let value = i64::deserialize(deserializer)?;
    u64::try_from(value)
        .ok()
        .filter(|v| range.contains(v))
        .ok_or_else(|| {
            D::Error::custom(format!(
                "{value} is out of range, allowed: {} to {}",
                range.start(),
                range.end()
            ))
        })
}

fn batch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1..=256).map(|v| u32::try_from(v).unwrap_or(u32::MAX))
}

fn concurrency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1..=64).map(|v| u32::try_from(v).unwrap_or(u32::MAX))
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    range::share(deserializer)
}

fn usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    range::float(deserializer, (0.0, 1e6))
}

fn some_usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    usd(deserializer).map(Some)
}

fn timeout_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, 100..=600_000)
}

fn lease_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, 1_000..=3_600_000)
}

fn wait_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, 100..=60_000)
}

#[cfg(test)]
mod tests {
    use floopy_shared::process::config::parse;

    use super::*;

    fn error(text: &str) -> String {
        parse::<Config>(text, "judge.toml")
            .expect_err("invalid")
            .to_string()
    }

    #[test]
    fn an_empty_file_is_the_default() {
        let config: Config = parse("", "judge.toml").expect("valid");
        assert_eq!((config.batch, config.concurrency), (64, 2));
    }

    #[test]
    fn a_model_without_address_tenants_or_prices_is_refused() {
        let wrong = |lines: &str| {
            let text = format!("[llm]\nmodels = [\"m\"]\n{lines}");
            let config: Config = parse(&text, "judge.toml").expect("read");
            config.check().expect_err("wrong")
        };
        assert!(wrong("").1.contains("\"\" is not allowed"));
        assert!(
            wrong("url = \"api.example\"")
                .1
                .contains("as in \"https://")
        );
        let url = "url = \"http://127.0.0.1:1\"\n";
        assert_eq!(wrong(url).0, "llm.tenants");
        let tenants = format!("{url}tenants = [\"*\"]\n");
        assert_eq!(wrong(&tenants).0, "llm.usd_per_million_input");
        assert!(error("[llm]\nshare = 2.0\n").contains("llm.share: 2 is not allowed"));
    }

    #[test]
    fn values_out_of_range_are_named_with_the_range() {
        let zero = error("worker = \"w\"\nbatch = 0\n");
        assert_eq!(
            zero,
            "judge.toml:2: batch: 0 is out of range, allowed: 1 to 256"
        );
        assert!(error("wait_ms = -1").contains("100 to 60000"));
        assert!(
            error("[control]\naddress = 1\n")
                .contains("judge.toml:2: control.address: unknown field")
        );
    }
}
