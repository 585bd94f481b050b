//! `GET /v1/experiments/{id}/results`: what both variants did, and whether one is better.

use floopy_shared::domain::{
    experiment::{Arrangement, Variant},
    ids::TenantId,
};
use serde_json::{Value, json};

use super::{super::view::moment, Stored, named, users};
use crate::store::sql::Conn;
use crate::{
    learn::experiment::{
        Comparison, EQUIVALENCE, Earlier, Interval, MIN_UNITS, Outcome, Winner, compare,
    },
    store::{
        StoreError,
        experiments::{Window, calls, name},
    },
};

/// What is told of the test, so that it can be checked.
const METHOD: &str =
    "empirical Bernstein confidence sequences of the session quality of both variants";
const REDUCTION: &str = "CUPED by the quality of the same users' sessions before the experiment";
const LEVEL: f64 = 0.95;
/// Copies are of some of the calls only, made while there is room and money for them, and not judged as often.
const UNPAIRED: &str = "a shadow experiment names no winner: copies are of other calls than those that A served, and \
                        judged at another rate";

/// The results by now. An experiment that ended is judged by the calls until then; what is said of these later counts.
pub(super) async fn compute(
    conn: &mut Conn,
    (tenant, stored): (&TenantId, &Stored),
    now_ms: u64,
) -> Result<Value, StoreError> {
    let id = stored.document.id.parse();
    let window = Window {
        tenant,
        experiment: id.map_err(|e| StoreError::corrupt("experiment's id", e))?,
        arrangement: stored.written.arrangement(),
        from_ms: stored.document.created_ms,
        // Clocks of proxies may be ahead of this one.
        to_ms: stored.written.ended_ms.unwrap_or(u64::MAX),
    };
    let (mut found, is_cut) = calls(conn, &window).await?;
    let earlier = users::kept(conn, tenant, &stored.document.id).await?;
    if earlier.is_some() {
        name(conn, &window, &mut found).await?;
    }
    // Of tens of thousands of calls it takes longer than other requests should wait.
    let compared = move || (compare(&found, earlier.as_ref()), earlier);
    let compared = tokio::task::spawn_blocking(compared).await;
    let (mut comparison, earlier) = compared.map_err(|e| StoreError::corrupt("comparison", e))?;
    let reason = match window.arrangement {
        Arrangement::Canary => None,
        Arrangement::Shadow => {
            (comparison.winner, comparison.difference) = (None, None);
            Some(UNPAIRED)
        }
    };
    let variant = |which, outcome: &Outcome| {
        let rule = stored.rule_id(tenant, which);
        variant(&rule, outcome)
    };
    let Comparison { a, b, .. } = &comparison;
    let models = &stored.written.models;
    Ok(json!({
        "experiment_id": stored.document.id,
        "status": stored.written.status.as_str(),
        "variant_a": variant(Variant::A, a),
        "variant_b": variant(Variant::B, b),
        "winner": comparison.winner.map(winner),
        "winner_reason": reason,
        "computed_at": moment(now_ms),
        "baseline": side(models.0.as_deref(), a),
        "candidate": side(models.1.as_deref(), b),
        "deltas": deltas(&comparison),
        "test": {
            "method": METHOD,
            "level": LEVEL,
            "quality_difference": comparison.difference.map(interval),
            "variance_reduction": earlier.as_ref().map(reduction),
            "equivalence_margin": EQUIVALENCE,
            "min_sessions_per_variant": MIN_UNITS,
        },
        "window": {
            "from": moment(window.from_ms),
            "to": stored.written.ended_ms.map(moment),
            "is_cut": is_cut,
        },
    }))
}

fn reduction(earlier: &Earlier) -> Value {
    json!({
        "method": REDUCTION,
        "users": earlier.users(),
        "sessions": earlier.sessions,
        "explained": earlier.explained,
    })
}

fn winner(winner: Winner) -> &'static str {
    match winner {
        Winner::Variant(variant) => variant.as_str(),
        Winner::Tie => "tie",
    }
}

/// The keys of the SDKs, which take no `null`: of nothing, the means are 0 and the size says so.
fn variant(rule: &str, outcome: &Outcome) -> Value {
    let ended = outcome.succeeded + outcome.failed;
    json!({
        "routing_rule_id": rule,
        "sample_size": outcome.calls,
        "success_rate": if ended > 0 { ratio(outcome.succeeded, ended) } else { 0.0 },
        "average_latency_ms": rounded(outcome.mean_latency_ms).unwrap_or(0),
        "average_cost_micro_usd": rounded(outcome.mean_cost_micro_usd).unwrap_or(0),
        "succeeded": outcome.succeeded,
        "failed": outcome.failed,
        "sessions_of_known_quality": outcome.units,
        "quality": outcome.quality.map(interval),
    })
}

/// The keys of the documentation.
fn side(model: Option<&str>, outcome: &Outcome) -> Value {
    let model = named(model);
    json!({
        "provider": model["provider"],
        "model": model["model"],
        "samples": outcome.calls,
        "avg_cost_micro_usd": rounded(outcome.mean_cost_micro_usd),
        "composite_quality": outcome.quality.map(|q| q.mean),
        "p50_latency_ms": outcome.p50_latency_ms,
    })
}

fn deltas(comparison: &Comparison) -> Value {
    let Comparison { a, b, .. } = comparison;
    let quality = a.quality.zip(b.quality);
    let cost = a.mean_cost_micro_usd.zip(b.mean_cost_micro_usd);
    let cost = cost.filter(|(a, _)| *a > 0.0);
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let latency = a.p50_latency_ms.zip(b.p50_latency_ms);
    json!({
        "cost_pct": cost.map(|(a, b)| (b - a) / a * 100.0),
        "quality_abs": quality.map(|(a, b)| b.mean - a.mean),
        "p50_latency_ms": latency.map(|(a, b)| signed(b) - signed(a)),
    })
}

fn interval(interval: Interval) -> Value {
    json!({"mean": interval.mean, "lower": interval.lower, "upper": interval.upper})
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of calls are far below 2^53"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// Typed clients refuse fractions of milliseconds and micro-dollars.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a mean of numbers that fit"
)]
fn rounded(mean: Option<f64>) -> Option<u64> {
    mean.map(|mean| mean.round() as u64)
}
