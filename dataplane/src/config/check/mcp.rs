//! Bounds of asking for tools.

use super::InvalidConfig;
use crate::config::Mcp;

/// An hour: whoever waits longer has gone.
const MAX_DEADLINE_MS: u64 = 3_600_000;

pub(super) fn check(mcp: &Mcp) -> Result<(), InvalidConfig> {
    if (100..=MAX_DEADLINE_MS).contains(&mcp.deadline_ms) {
        return Ok(());
    }
    Err(InvalidConfig {
        key: "mcp.deadline_ms".to_owned(),
        value: mcp.deadline_ms.to_string(),
        expected: "100 to 3600000",
    })
}
