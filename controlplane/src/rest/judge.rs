//! `GET /v1/judge/agreement`: how the judge's scores go together with what the tenant's people say.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use super::{Api, error::ApiError, reader, view::whole};
use crate::learn::{
    accord::{Coefficient, LEAST_PAIRS, LOW_RHO, Pairs},
    agreement::Calibration,
};

/// Probability with which the intervals hold.
const LEVEL: f64 = 0.95;

/// Ranks, scales, and what follows from them.
pub(super) async fn agreement(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let tenant = reader(&api, &headers).await?;
    let stats = api.totals.stats(&tenant).unwrap_or_default();
    let calibration = Calibration::of(&stats.agreement, &api.totals.agreement());
    let accord = &stats.accord;
    let standing = accord.standing();
    Ok(Json(json!({
        "status": standing.as_str(),
        "weight_factor": accord.factor(),
        "replies": described(&accord.replies, &calibration),
        "sessions": described(&accord.sessions, &calibration),
        "calibration": { "slope": calibration.slope, "shift": calibration.shift },
        "interval_level": LEVEL,
        "least_pairs": whole(LEAST_PAIRS),
        "low_rho": LOW_RHO,
    })))
}

fn described(pairs: &Pairs, calibration: &Calibration) -> Value {
    let found = pairs.correlation();
    json!({
        "n": whole(pairs.n()),
        "rho": found.map(|found| coefficient(found.rho)),
        "tau": found.map(|found| coefficient(found.tau)),
        "calibration_error": pairs.calibration_error(calibration),
    })
}

fn coefficient(found: Coefficient) -> Value {
    json!({ "value": found.value, "lower": found.lower, "upper": found.upper })
}
