//! A reply that was asked to be JSON: it parses, or it is worth little.

use serde_json::Value;

use super::{relevance, text::Text, vocabulary::Pair};
use crate::rubric::{Exchange, Verdict};

/// Leaves of an answer that counts as full.
const FULL_LEAVES: f64 = 3.0;

pub(super) fn score(
    exchange: &Exchange<'_>,
    prompt: &Text<'_>,
    reply: &Text<'_>,
    safety: f64,
) -> Verdict {
    let overlap = relevance::overlap(&Pair::of(prompt, reply)).unwrap_or(0.6);
    let Ok(value) = serde_json::from_str::<Value>(unfenced(exchange.reply)) else {
        return Verdict {
            relevance: 0.1 + 0.3 * overlap,
            coherence: 0.15,
            helpfulness: 0.05,
            safety,
        };
    };
    let filled = (filled_leaves(&value) / FULL_LEAVES).min(1.0);
    let fenced = exchange.reply.trim_start().starts_with("```");
    Verdict {
        relevance: (0.2 + 0.35 * filled + 0.45 * overlap).clamp(0.0, 1.0),
        coherence: if fenced { 0.8 } else { 0.95 },
        helpfulness: (0.08 + 0.57 * filled + 0.35 * overlap).clamp(0.0, 1.0),
        safety,
    }
}

/// Without the code fence that models like to put around JSON.
fn unfenced(reply: &str) -> &str {
    let reply = reply.trim();
    let Some(inner) = reply
        .strip_prefix("```")
        .and_then(|r| r.strip_suffix("```"))
    else {
        return reply;
    };
    inner.trim_start_matches("json").trim()
}

/// Values that say something. The parser bounds the depth, so this cannot overflow the stack.
fn filled_leaves(value: &Value) -> f64 {
    match value {
        Value::Null => 0.0,
        Value::Bool(_) | Value::Number(_) => 1.0,
        Value::String(text) => f64::from(u8::from(!text.trim().is_empty())),
        Value::Array(items) => items.iter().map(filled_leaves).sum(),
        Value::Object(fields) => fields.values().map(filled_leaves).sum(),
    }
}
