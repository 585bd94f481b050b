//! Numbers that have a range: read, checked, and refused with what is allowed.

use serde::{Deserialize, Deserializer, de::Error};

use crate::domain::{
    cache::{MAX_TTL_S, MIN_THRESHOLD},
    constraints::{MAX_ASSURANCE, MIN_ASSURANCE},
};

/// A number in a closed range.
pub fn float<'de, D: Deserializer<'de>>(
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

/// An integer in a closed range.
pub fn integer<'de, D: Deserializer<'de>>(
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

/// A share of something, 0 to 1.
pub fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    float(deserializer, (0.0, 1.0))
}

/// A probability with which a floor must be kept.
pub fn assurance<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    float(deserializer, (MIN_ASSURANCE, MAX_ASSURANCE))
}

/// An integer from 1 on, where the key is written.
pub fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let most = u64::try_from(i64::MAX).unwrap_or(u64::MAX);
    integer(deserializer, (1, most)).map(Some)
}

/// How near two questions must be, where the key is written.
pub fn threshold<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let Some(value) = Option::<f64>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let least = f64::from(MIN_THRESHOLD) / 1_000.0;
    if (least..=1.0).contains(&value) {
        Ok(Some(value))
    } else {
        Err(D::Error::custom(format!(
            "{value} is not allowed; it must be a number from {least} to 1"
        )))
    }
}

/// How long a stored reply may be good for, where the key is written.
pub fn ttl_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let seconds = integer(deserializer, (1, u64::from(MAX_TTL_S)))?;
    Ok(u32::try_from(seconds).ok())
}
