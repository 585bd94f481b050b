//! What types cannot say: ranges, and keys that depend on each other.

use floopy_controlplane as control;
use floopy_dataplane::config::InvalidConfig;
use floopy_shared::process::config::{ConfigError, located};

use super::{Config, Effective, planes};

/// One thing that cannot be used.
#[derive(Debug)]
pub(super) struct Problem {
    /// Its path in the file.
    key: String,
    message: String,
}

impl Problem {
    /// With the line it is on.
    pub(super) fn located(self, text: &str, origin: &str) -> ConfigError {
        located((text, origin), &self.key, self.message)
    }
}

impl From<InvalidConfig> for Problem {
    fn from(invalid: InvalidConfig) -> Self {
        let shared = ["providers[", "tenants["]
            .iter()
            .any(|list| invalid.key.starts_with(list));
        let key = if shared {
            invalid.key
        } else {
            format!("proxy.{}", invalid.key)
        };
        Self {
            key,
            message: format!("is {}, it must be {}", invalid.value, invalid.expected),
        }
    }
}

pub(super) fn check(config: &Config) -> Result<(), Problem> {
    within("judge.batch", config.judge.batch, 1..=256)?;
    within("judge.concurrency", config.judge.concurrency, 1..=64)?;
    config.judge.llm.check().map_err(|(key, message)| Problem {
        key: format!("judge.llm.{key}"),
        message,
    })?;
    within("control.refresh_ms", config.control.refresh_ms, 10..=60_000)?;
    if config.proxy.listen == config.control.listen && config.proxy.listen.port() != 0 {
        let message = format!(
            "is {}, the same as proxy.listen; they must differ",
            config.control.listen
        );
        return Err(Problem {
            key: "control.listen".into(),
            message,
        });
    }
    planes::proxy(config).check()?;
    control::check(&planes::control(config)).map_err(|error| {
        let (key, message) = error.by_key();
        Problem { key, message }
    })
}

fn within(
    key: &str,
    value: impl Into<u64>,
    range: std::ops::RangeInclusive<u64>,
) -> Result<(), Problem> {
    let value = value.into();
    if range.contains(&value) {
        return Ok(());
    }
    let message = format!(
        "is {value}, it must be {} to {}",
        range.start(),
        range.end()
    );
    Err(Problem {
        key: key.into(),
        message,
    })
}

/// What is allowed and probably not meant.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let usable = |name: &str| {
        config
            .providers
            .iter()
            .any(|p| p.name == name && (p.api_key.is_some() || p.base_url.is_some()))
    };
    let mut warnings: Vec<String> = config
        .models
        .iter()
        .enumerate()
        .filter(|(_, model)| !usable(&model.provider))
        .map(|(index, model)| {
            format!(
                "models[{index}] {}/{}: provider {:?} is not configured, so that this model is never called",
                model.provider, model.model, model.provider
            )
        })
        .collect();
    let own = config.tenants.iter().enumerate();
    let own = own.flat_map(|(n, t)| t.models.iter().map(move |m| (n, t, m)));
    let unusable = own.filter(|(_, _, model)| !usable(&model.provider));
    warnings.extend(unusable.map(|(index, tenant, model)| {
        format!(
            "tenants[{index}].models {}: provider {:?} is not configured, so that {} never gets it",
            model.name(),
            model.provider,
            tenant.id
        )
    }));
    if !config.judge.enabled {
        warnings.push(
            "judge.enabled is false: routing learns from ratings alone, and not from its shadow"
                .into(),
        );
    }
    warnings
}

impl Effective {
    /// One line for people.
    pub fn summary(&self) -> String {
        let config = &self.config;
        let providers: Vec<&str> = self.providers.iter().map(|p| p.name.as_str()).collect();
        let providers = if providers.is_empty() {
            "no provider".into()
        } else {
            providers.join(", ")
        };
        format!(
            "proxy {}, control {}, data in {}, {providers}, {} own models, {} tenants",
            config.proxy.listen,
            config.control.listen,
            config.data_dir.display(),
            config.models.len(),
            config.tenants.len().max(1),
        )
    }
}
