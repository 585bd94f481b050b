//! `GET /v1/routing/baseline`: routing against the best single model, over all requests and by kind of task, also where
//! it is behind.

use axum::{Json, extract::State, http::HeaderMap};
use floopy_shared::{
    domain::{
        ids::{CandidateKey, TenantId},
        ranking::Role,
        shape::ShapeKey,
        snapshot::{TableBody, TableName, Tenant},
    },
    view::named,
};
use serde_json::{Value, json};

use super::{Api, error::ApiError, reading, view::whole};
use crate::{
    learn::{
        credit::day_of,
        stats::TenantStats,
        versus::{Against, Versus, versus},
    },
    settings,
};

/// Probability with which a sequence holds at every moment at once.
const LEVEL: f64 = 0.95;

/// Compares what routing served with the best single candidate on the same requests.
pub(super) async fn get(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (id, mut conn) = reading(&api, &headers).await?;
    let tenant = settings::tenant(&mut conn, &id).await?;
    drop(conn);
    let stats = api.totals.stats(&id).unwrap_or_default();
    let today = day_of(api.clock.now_ms());
    let root = stats.against.get(&ShapeKey::root());
    let of = |against| told(against, &tenant);
    let mut body = of(root);
    let kinds = stats.against.iter().filter(|(shape, _)| !shape.is_root());
    let kinds = kinds.map(|(shape, against)| {
        let mut body = of(Some(against));
        body["task_shape"] = json!(shape.as_str());
        let incumbent = incumbent(&api, &id, shape).as_ref().map(named);
        body["serves_best_single"] = json!(is_same(incumbent.as_ref(), &body["best_single"]));
        body["incumbent"] = json!(incumbent);
        body
    });
    body["task_shapes"] = kinds.collect();
    body["shadow_today"] = shadow(&stats, today);
    Ok(Json(body))
}

/// Who serves this kind of task now, where that is ranked on its own, or else who serves all.
fn incumbent(api: &Api, tenant: &TenantId, shape: &ShapeKey) -> Option<CandidateKey> {
    let tables = api.index.current();
    let entry = tables.get(&TableName::Ranking(tenant.clone()))?;
    let rankings = match &entry.body {
        TableBody::Rankings(rankings) => rankings,
        TableBody::Catalog(_)
        | TableBody::Tenant(_)
        | TableBody::Prompts(_)
        | TableBody::Credential(_) => return None,
    };
    let of = |wanted: &ShapeKey| {
        rankings
            .shapes
            .iter()
            .find(|ranked| ranked.shape == *wanted)
    };
    let ranked = of(shape).or_else(|| of(&ShapeKey::root()))?;
    let mut serving = ranked.candidates.iter();
    let serving = serving.find(|candidate| candidate.role == Role::Incumbent);
    serving.map(|candidate| candidate.key.clone())
}

/// Whether who serves now is the best single model.
fn is_same(incumbent: Option<&Value>, best: &Value) -> bool {
    let same = |key: &str| incumbent.is_some_and(|of| of[key] == best[key]);
    same("provider") && same("model")
}

fn told(against: Option<&Against>, tenant: &Tenant) -> Value {
    let may_serve = |key: &CandidateKey| tenant.constraints.forbids(key).is_none();
    match against.and_then(|against| versus(against, may_serve)) {
        Some(found) => compared(&found),
        None => json!({
            "best_single": null,
            "verdict": "unknown",
            "explanation": "No candidate was observed on enough of the requests yet: the shadow has to try one \
                of the others on about as many as were served.",
        }),
    }
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
