//! What tenants know together, and how much of one it may give away.

use floopy_shared::process::config::range;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::learn::pool::{Privacy, WINDOW_DAYS};

/// What tenants know together, and how much of one it may give away.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pool {
    /// Whether tenants start from what the others learned, told with noise.
    pub enabled: bool,
    /// What a tenant's privacy may lose in 365 days: the smaller, the more noise.
    #[serde(deserialize_with = "epsilon")]
    pub epsilon: f64,
    /// The chance that it loses more than that.
    #[serde(deserialize_with = "delta")]
    pub delta: f64,
    /// Days between two releases; the fewer releases, the less noise in each.
    #[serde(deserialize_with = "every_days")]
    pub every_days: u32,
}

impl Pool {
    /// `None`: nothing is pooled.
    pub(crate) fn privacy(self) -> Option<Privacy> {
        self.enabled.then_some(Privacy {
            epsilon: self.epsilon,
            delta: self.delta,
            every_days: self.every_days,
        })
    }
}

impl Default for Pool {
    fn default() -> Self {
        let Privacy {
            epsilon,
            delta,
            every_days,
        } = Privacy::DEFAULT;
        Self {
            enabled: true,
            epsilon,
            delta,
            every_days,
        }
    }
}

fn epsilon<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    range::float(deserializer, (0.1, 100.0))
}

fn delta<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    range::float(deserializer, (1e-12, 1e-3))
}

fn every_days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let days = range::integer(deserializer, (1, u64::from(WINDOW_DAYS)))?;
    u32::try_from(days).map_err(D::Error::custom)
}
