//! What is kept of calls: until the control plane has it, for judges, and with sessions.

use serde::{Deserialize, Serialize};

use super::Config;

/// Of a reply that is kept with its session: more than models usually write.
const SESSION_REPLY_BYTES: usize = 64 << 10;

/// The log of events on their way to the control plane.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spool {
    /// On disk; above it new records are dropped and counted, and calls are served all the same.
    pub max_bytes: u64,
    /// Of one file.
    pub segment_bytes: u64,
    /// How long a stopping proxy may take to deliver what is spooled.
    pub flush_ms: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            segment_bytes: 8 << 20,
            flush_ms: 5_000,
        }
    }
}

/// Which replies are sent to the judge.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scoring {
    /// Share of served replies.
    pub sample_rate: f64,
    /// Of a prompt, and of a reply; what is longer is cut.
    pub max_bytes: usize,
}

impl Default for Scoring {
    fn default() -> Self {
        Self {
            sample_rate: 1.0,
            max_bytes: 16 << 10,
        }
    }
}

impl Config {
    /// How much of a reply's text is kept until its caller has it, for whoever judges it and for the session that keeps
    /// it, if one does.
    pub(crate) fn reply_text_bytes(&self, is_kept: bool) -> usize {
        let session = if is_kept {
            self.session_reply_bytes()
        } else {
            0
        };
        self.scoring.max_bytes.max(session)
    }

    /// How much of a reply a session keeps.
    pub(crate) fn session_reply_bytes(&self) -> usize {
        self.sessions.max_bytes.min(SESSION_REPLY_BYTES)
    }
}

/// What is kept of calls with a session id, so that `GET /v1/session/{id}` can tell the conversation again. Nothing is,
/// of tenants with zero retention.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// Whether anything is.
    pub content: bool,
    /// Of one call; of what is longer the newest messages are kept.
    pub max_bytes: usize,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            content: true,
            max_bytes: 256 << 10,
        }
    }
}
