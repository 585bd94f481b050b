//! The queue of replies to be scored.

use floopy_shared::process::config::range::integer;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// The queue of replies to be scored.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scoring {
    /// Replies that may wait or be with a judge, of all tenants together.
    #[serde(deserialize_with = "queue_capacity")]
    pub queue_capacity: u64,
    /// What goes where more come, of the tenant that has most.
    pub when_full: WhenFull,
    /// Times that a reply is handed to a judge. One that was not scored by then is dead: it stays for `floopy queue dead`.
    #[serde(deserialize_with = "max_deliveries")]
    pub max_deliveries: u32,
    /// Dead replies that are kept; those that are the longest so go first.
    #[serde(deserialize_with = "dead_capacity")]
    pub dead_capacity: u64,
}

impl Default for Scoring {
    fn default() -> Self {
        Self {
            queue_capacity: 10_000,
            when_full: WhenFull::default(),
            max_deliveries: 5,
            dead_capacity: 1_000,
        }
    }
}

/// What goes where more replies come than may wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// What waited longest: scores of new replies say more.
    #[default]
    DropOldest,
    /// What came last: what waits keeps its place.
    DropNewest,
}

fn queue_capacity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (1, 10_000_000))
}

fn max_deliveries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    u32::try_from(integer(deserializer, (1, 1_000))?).map_err(D::Error::custom)
}

fn dead_capacity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    integer(deserializer, (0, 1_000_000))
}
