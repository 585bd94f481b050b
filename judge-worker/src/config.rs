//! The worker's configuration file.

use floopy_shared::process::{
    config::{Addresses, PlaneTls, Secret},
    telemetry::LogFormat,
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
        }
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
