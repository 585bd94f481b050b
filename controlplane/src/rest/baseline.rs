//! `GET /v1/routing/baseline`: routing against the best single model, also when it is behind.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use super::{Api, error::ApiError, reader, view::whole};
use crate::learn::{
    credit::day_of,
    stats::TenantStats,
    versus::{Versus, versus},
};

/// Probability with which the sequence holds at every moment at once.
const LEVEL: f64 = 0.95;

/// Compares what routing served with the best single candidate on the same requests.
pub(super) async fn get(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let tenant = reader(&api, &headers).await?;
    let stats = api.totals.stats(&tenant).unwrap_or_default();
    let today = day_of(api.clock.now_ms());
    let mut body = match versus(&stats) {
        Some(found) => compared(&found),
        None => json!({
            "best_single": null,
            "verdict": "unknown",
            "explanation": "No candidate was observed on enough of the requests yet: the shadow has to try one \
                of the others on about as many as were served.",
        }),
    };
    body["shadow_today"] = shadow(&stats, today);
    Ok(Json(body))
}

fn compared(found: &Versus) -> Value {
    let verdict = verdict(found);
    let points = |share: f64| format!("{:+.1}", 100.0 * share);
    let explanation = format!(
        "Over {:.0} scored requests routing is {} points from always using {}, between {} and {}: {}.",
        found.requests,
        points(found.difference),
        found.candidate,
        points(found.lower),
        points(found.upper),
        match verdict {
            "ahead" => "routing is ahead",
            "behind" => "the single model is ahead of routing",
            _ => "it is not decided which is ahead",
        }
    );
    json!({
        "routing": { "mean_score": found.served, "requests": whole(found.requests) },
        "best_single": {
            "provider": found.candidate.provider(),
            "model": found.candidate.model(),
            "mean_score": found.alone,
            "samples": whole(found.samples),
        },
        "difference": found.difference,
        "confidence_sequence": { "level": LEVEL, "lower": found.lower, "upper": found.upper },
        "verdict": verdict,
        "explanation": explanation,
    })
}

fn verdict(found: &Versus) -> &'static str {
    if found.lower > 0.0 {
        "ahead"
    } else if found.upper < 0.0 {
        "behind"
    } else {
        "undecided"
    }
}

/// What the shadow did and cost today, on a line of its own.
fn shadow(stats: &TenantStats, today: i64) -> Value {
    let calls = stats.shadow.get(&today).map_or(0.0, |sums| sums.weight());
    json!({ "calls": whole(calls), "cost_micro_usd": stats.shadow_spend_micro_usd(today) })
}
