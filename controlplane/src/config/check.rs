//! Values that have a range: read, checked, and refused with what is allowed.

use floopy_shared::domain::ids::{CandidateKey, TenantId};
use serde::{Deserialize, Deserializer, de::Error};

fn float<'de, D: Deserializer<'de>>(
    deserializer: D,
    (min, max): (f64, f64),
) -> Result<f64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(D::Error::custom(format!(
            "{value} is not allowed; it must be a number from {min} to {max}"
        )))
    }
}

fn integer<'de, D: Deserializer<'de>>(
    deserializer: D,
    (min, max): (u64, u64),
) -> Result<u64, D::Error> {
    let value = u64::deserialize(deserializer)?;
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(D::Error::custom(format!(
            "{value} is not allowed; it must be an integer from {min} to {max}"
        )))
    }
}

pub(super) fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    float(deserializer, (0.0, 1.0))
}

pub(super) fn canary_rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    float(deserializer, (0.0, 0.5))
}

pub(super) fn assurance<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    float(deserializer, (0.5, 1.0))
}

pub(super) fn usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    float(deserializer, (0.0, 1_000_000.0)).map(Some)
}

pub(super) fn refresh_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (10, 60_000))
}

pub(super) fn drain_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (0, 600_000))
}

pub(super) fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (1, 36_500))
}

pub(super) fn queue_capacity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (1, 10_000_000))
}

pub(super) fn tenant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    TenantId::new(&id).map_err(D::Error::custom)?;
    Ok(id)
}

pub(super) fn provider<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let provider = String::deserialize(deserializer)?;
    CandidateKey::new(&provider, "m").map_err(|_| {
        D::Error::custom(format!(
            "{provider:?} is not allowed; it must be a name without slashes or spaces"
        ))
    })?;
    Ok(provider)
}

pub(super) fn model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let model = String::deserialize(deserializer)?;
    CandidateKey::new("p", &model).map_err(|_| {
        D::Error::custom(format!(
            "{model:?} is not allowed; it must be at most 250 bytes without spaces"
        ))
    })?;
    Ok(model)
}
