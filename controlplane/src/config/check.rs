//! Values that have a range: read, checked, and refused with what is allowed.

use floopy_shared::{
    domain::{ids::TenantId, ranking::MAX_LIVE_EXPLORATION},
    process::config::range::{float, integer},
};
use serde::{Deserialize, Deserializer, de::Error};

pub(super) fn canary_rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    float(deserializer, (0.0, 0.5))
}

pub(super) fn shadow_spend<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    float(deserializer, (0.0, 10.0))
}

pub(super) fn live_exploration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<f64, D::Error> {
    float(deserializer, (0.0, MAX_LIVE_EXPLORATION))
}

pub(super) fn quality_per_usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    float(deserializer, (0.0, 1_000.0))
}

pub(super) fn usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    float(deserializer, (0.0, 1_000_000.0)).map(Some)
}

pub(super) fn refresh_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (10, 60_000))
}

pub(super) fn abandoned_after_ms<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<u64, D::Error> {
    integer(deserializer, (100, 7 * 86_400_000))
}

pub(super) fn drain_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (0, 600_000))
}

fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (1, 36_500))
}

pub(super) fn export_rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (1, 1_000_000_000))
}

pub(super) fn export_deadline_ms<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<u64, D::Error> {
    integer(deserializer, (1, 3_600_000))
}

pub(super) fn export_interval_ms<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<u64, D::Error> {
    integer(deserializer, (0, 3_600_000))
}

pub(super) fn tenant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    TenantId::new(&id).map_err(D::Error::custom)?;
    Ok(id)
}

/// Retention as it is written, before its parts are compared.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Retention {
    #[serde(deserialize_with = "days")]
    decisions_days: u64,
    #[serde(deserialize_with = "days")]
    sums_days: u64,
}

impl Default for Retention {
    fn default() -> Self {
        let super::Retention {
            decisions_days,
            sums_days,
        } = super::Retention::default();
        Self {
            decisions_days,
            sums_days,
        }
    }
}

impl TryFrom<Retention> for super::Retention {
    type Error = String;

    fn try_from(written: Retention) -> Result<Self, String> {
        let Retention {
            decisions_days,
            sums_days,
        } = written;
        // What a decision added is taken away again when its rating changes, so it must still be there.
        if sums_days < decisions_days {
            return Err(format!(
                "sums_days is {sums_days}, it must be at least decisions_days, which is {decisions_days}"
            ));
        }
        Ok(Self {
            decisions_days,
            sums_days,
        })
    }
}
