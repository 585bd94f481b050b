//! What types cannot say of a configuration: bounds, names and addresses.

mod address;
mod mcp;
mod qdrant;
mod redis;
mod traces;

use floopy_shared::domain::ids::TenantId;

use self::address::{check_base_url, check_url};
use super::{Config, Provider};

/// A value that cannot be used; names its key.
#[derive(Debug, thiserror::Error)]
#[error("{key} is {value}, it must be {expected}")]
pub struct InvalidConfig {
    pub key: String,
    pub value: String,
    pub expected: &'static str,
}

/// Of a call, as the control plane takes it with its reply.
const MAX_SESSION_BYTES: usize = 512 << 10;

impl Config {
    /// Checks what types cannot say.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        self.check_numbers()?;
        let session_bytes = self.sessions.max_bytes;
        if session_bytes > MAX_SESSION_BYTES {
            return Err(InvalidConfig {
                key: "sessions.max_bytes".to_owned(),
                value: session_bytes.to_string(),
                expected: "at most 524288",
            });
        }
        redis::check(&self.redis)?;
        self.check_firewall()?;
        mcp::check(&self.mcp)?;
        qdrant::check(&self.qdrant)?;
        traces::check(&self.traces)?;
        for address in self.control.rest.iter() {
            check_url("control.rest", address)?;
        }
        for (index, provider) in self.providers.iter().enumerate() {
            self.check_provider(index, provider)?;
        }
        for (index, tenant) in self.tenants.iter().enumerate() {
            TenantId::new(&tenant.id).map_err(|_| InvalidConfig {
                key: format!("tenants[{index}].id"),
                value: format!("{:?}", tenant.id),
                expected: "1 to 64 of a-z A-Z 0-9 _ -",
            })?;
            if tenant.key.expose().trim().is_empty() {
                return Err(InvalidConfig {
                    key: format!("tenants[{index}].key"),
                    value: "empty".to_owned(),
                    expected: "an API key",
                });
            }
            tenant.routing().validate().map_err(|e| InvalidConfig {
                key: format!("tenants[{index}].{}", e.field),
                value: format!("not usable ({})", e.reason),
                expected: "a rule that can be followed",
            })?;
        }
        Ok(())
    }

    fn check_firewall(&self) -> Result<(), InvalidConfig> {
        let own = &self.firewall;
        for (key, value, most) in [
            ("firewall.threads", own.threads as u64, 64),
            ("firewall.queue", own.queue as u64, 65_536),
            ("firewall.deadline_ms", own.deadline_ms, 60_000),
        ] {
            at_least(key, value, 1)?;
            if value > most {
                return Err(InvalidConfig {
                    key: key.to_owned(),
                    value: value.to_string(),
                    expected: "less: at most 64 threads, 65536 places and 60000 ms",
                });
            }
        }
        at_least("firewall.max_bytes", own.max_bytes as u64, 4_096)
    }

    fn check_numbers(&self) -> Result<(), InvalidConfig> {
        at_least("limits.body_bytes", self.limits.body_bytes as u64, 1)?;
        at_least(
            "limits.header_bytes",
            self.limits.header_bytes as u64,
            8_192,
        )?;
        at_least("limits.reply_bytes", self.limits.reply_bytes as u64, 1)?;
        at_least("limits.connections", self.limits.connections as u64, 1)?;
        at_least("limits.in_flight", self.limits.in_flight as u64, 1)?;
        at_least("limits.workers", self.limits.workers as u64, 1)?;
        at_least("limits.attempts", self.limits.attempts as u64, 1)?;
        for (key, limit) in [
            (
                "limits.tenant_explains_per_minute",
                self.limits.tenant_explains_per_minute,
            ),
            (
                "limits.key_explains_per_minute",
                self.limits.key_explains_per_minute,
            ),
        ] {
            at_least(key, u64::from(limit), 1)?;
        }
        at_least("timeouts.header_ms", self.timeouts.header_ms, 1)?;
        at_least("timeouts.body_ms", self.timeouts.body_ms, 1)?;
        at_least("timeouts.client_idle_ms", self.timeouts.client_idle_ms, 1)?;
        at_least("timeouts.connect_ms", self.timeouts.connect_ms, 1)?;
        at_least("timeouts.first_byte_ms", self.timeouts.first_byte_ms, 1)?;
        at_least("timeouts.total_ms", self.timeouts.total_ms, 1)?;
        at_least("timeouts.stream_idle_ms", self.timeouts.stream_idle_ms, 1)?;
        at_least("timeouts.control_ms", self.timeouts.control_ms, 1)?;
        at_least(
            "limits.body_bytes_in_flight",
            self.limits.body_bytes_in_flight as u64,
            1,
        )?;
        at_least("batches.file_bytes", self.batches.file_bytes, 1)?;
        at_least("batches.kept_file_bytes", self.batches.kept_file_bytes, 1)?;
        at_least("batches.poll_ms", self.batches.poll_ms, 1)?;
        at_least("retry.first_ms", self.retry.first_ms, 1)?;
        at_least("breaker.open_ms", self.breaker.open_ms, 1)?;
        at_least("breaker.failures", u64::from(self.breaker.failures), 1)?;
        at_least("spool.max_bytes", self.spool.max_bytes, 16 << 10)?;
        at_least("spool.segment_bytes", self.spool.segment_bytes, 4 << 10)?;
        share("retry.share", self.retry.share)?;
        share("scoring.sample_rate", self.scoring.sample_rate)?;
        let tenant_share = self.limits.tenant_share;
        if tenant_share > 0.0 && tenant_share <= 1.0 {
            return Ok(());
        }
        Err(InvalidConfig {
            key: "limits.tenant_share".to_owned(),
            value: tenant_share.to_string(),
            expected: "above 0 and at most 1",
        })
    }

    fn check_provider(&self, index: usize, provider: &Provider) -> Result<(), InvalidConfig> {
        let key = |field: &str| format!("providers[{index}].{field}");
        let name = &provider.name;
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            return Err(InvalidConfig {
                key: key("name"),
                value: format!("{name:?}"),
                expected: "1 to 64 of a-z 0-9 - _ .",
            });
        }
        if self.providers[..index]
            .iter()
            .any(|earlier| earlier.name == *name)
        {
            return Err(InvalidConfig {
                key: key("name"),
                value: format!("{name:?} a second time"),
                expected: "unique",
            });
        }
        if let Some(url) = &provider.base_url {
            check_base_url(&key("base_url"), url, &self.upstream.allow_networks)?;
        }
        let Some(known) = provider.known() else {
            return check_unknown(provider, key);
        };
        let is_set = |need: &str| match need {
            "base_url" => provider.base_url.is_some(),
            _ => provider.region.is_some(),
        };
        if let Some(need) = known.needs.iter().find(|need| !is_set(need)) {
            return Err(InvalidConfig {
                key: key(need),
                value: format!("missing for {name:?}"),
                expected: "set: without it, there is no address to call",
            });
        }
        if provider.access_key_id.is_some() != provider.secret_access_key.is_some() {
            return Err(InvalidConfig {
                key: key("secret_access_key"),
                value: "set without its counterpart".to_owned(),
                expected: "set together with access_key_id",
            });
        }
        Ok(())
    }
}

fn check_unknown(provider: &Provider, key: impl Fn(&str) -> String) -> Result<(), InvalidConfig> {
    if let Some(kind) = &provider.kind {
        return Err(InvalidConfig {
            key: key("kind"),
            value: format!("{kind:?}"),
            expected: "the name of a known provider, such as \"openai\" for whoever speaks its API",
        });
    }
    if provider.base_url.is_some() {
        return Ok(());
    }
    Err(InvalidConfig {
        key: key("base_url"),
        value: format!("missing for {:?}", provider.name),
        expected: "an http(s) URL, because this is not a known provider",
    })
}

fn at_least(key: &str, value: u64, least: u64) -> Result<(), InvalidConfig> {
    if value >= least {
        return Ok(());
    }
    let expected = match least {
        1 => "at least 1",
        4_096 => "at least 4096",
        8_192 => "at least 8192",
        _ => "at least 16384",
    };
    Err(InvalidConfig {
        key: key.to_owned(),
        value: value.to_string(),
        expected,
    })
}

fn share(key: &str, value: f64) -> Result<(), InvalidConfig> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(InvalidConfig {
        key: key.to_owned(),
        value: value.to_string(),
        expected: "between 0 and 1",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        let config: Config =
            floopy_shared::process::config::parse(text, "x.toml").map_err(|e| e.to_string())?;
        config.check().map_err(|e| e.to_string())
    }

    #[test]
    fn an_empty_file_is_a_valid_configuration() {
        assert_eq!(check(""), Ok(()));
    }

    #[test]
    fn bad_values_are_refused_with_their_key() {
        let cases = [
            (
                "[limits]\nin_flight = 0",
                "limits.in_flight is 0, it must be at least 1",
            ),
            ("[scoring]\nsample_rate = 2.0", "scoring.sample_rate is 2"),
            (
                "[sessions]\nmax_bytes = 524289",
                "sessions.max_bytes is 524289",
            ),
            (
                "[retry]\nshare = 3",
                "retry.share is 3, it must be between 0 and 1",
            ),
            (
                "[limits]\ntenant_share = 0.0",
                "limits.tenant_share is 0, it must be above 0 and at most 1",
            ),
            (
                "[[providers]]\nname = \"mine\"",
                "providers[0].base_url is missing for \"mine\"",
            ),
            (
                "[[providers]]\nname = \"mine\"\nkind = \"opnai\"",
                "providers[0].kind is \"opnai\"",
            ),
            (
                "[[providers]]\nname = \"bedrock\"\napi_key = \"k\"",
                "providers[0].region is missing for \"bedrock\"",
            ),
            (
                "[[providers]]\nname = \"Open AI\"",
                "providers[0].name is \"Open AI\"",
            ),
            (
                "[[providers]]\nname = \"openai\"\nbase_url = \"http://169.254.169.254/v1\"",
                "providers[0].base_url is \"http://169.254.169.254/v1\" (a cloud's metadata service), it must be",
            ),
            (
                "[upstream]\nallow_networks = [\"10.0.0.0/33\"]",
                "\"10.0.0.0/33\" is not a network",
            ),
            (
                "[control]\nrest = \"localhost\"",
                "control.rest is \"localhost\"",
            ),
            (
                "[[tenants]]\nid = \"a/b\"\nkey = \"k\"",
                "tenants[0].id is \"a/b\"",
            ),
            (
                "[limits]\nin_flght = 3",
                "x.toml:2: limits.in_flght: unknown field",
            ),
        ];
        for (text, expected) in cases {
            let error = check(text).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_is_said_of_redis_is_refused_without_its_password() {
        let cases = [
            (
                "[redis]\nurl = \"localhost:6379\"",
                "redis.url is not the address of a Redis, it must be redis://",
            ),
            (
                "[redis]\nprefix = \"a*\"",
                "redis.prefix is \"a*\", it must be 1 to 64 of",
            ),
            (
                "[redis]\nlookup_ms = 1001",
                "redis.lookup_ms is 1001, it must be 1 to 1000",
            ),
            (
                "[redis]\nsync_ms = 49",
                "redis.sync_ms is 49, it must be 50 to 60000",
            ),
        ];
        for (text, expected) in cases {
            let error = check(text).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
        let error = check("[redis]\nurl = \"redi://:secret@host\"").expect_err("no Redis");
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn the_effective_configuration_is_readable_again_with_secrets_masked() {
        let text = "[[providers]]\nname = \"openai\"\napi_key = \"sk-secret\"";
        let config: Config = floopy_shared::process::config::parse(text, "x.toml").expect("valid");
        let shown = serde_json::to_string(&config).expect("serialises");
        assert!(
            !shown.contains("sk-secret") && shown.contains("***"),
            "{shown}"
        );
        let again: Config = serde_json::from_str(&shown).expect("reads its own output");
        assert_eq!(again.listen, config.listen);
    }
}
