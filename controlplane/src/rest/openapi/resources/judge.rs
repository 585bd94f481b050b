//! `/v1/judge` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::super::{Routes, operation::Operation};
use crate::rest::judge;

/// How the judge's scores go together with what your people say.
#[derive(ToSchema)]
struct JudgeAgreement {
    status: AgreementStatus,
    /// What part of its weight in routing the judge keeps; 1 unless it surely disagrees.
    #[schema(minimum = 0, maximum = 1)]
    weight_factor: f64,
    /// Replies with a rating of their own.
    replies: JudgedPairs,
    /// Rated sessions, with the mean of the scores of their replies.
    sessions: JudgedPairs,
    calibration: JudgeCalibration,
    /// Probability with which the intervals hold.
    interval_level: f64,
    /// Pairs without which nothing is said.
    least_pairs: u64,
    /// Correlation below which the judge disagrees.
    low_rho: f64,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum AgreementStatus {
    InsufficientData,
    Agrees,
    Weak,
    Disagrees,
}

#[derive(ToSchema)]
struct JudgedPairs {
    n: u64,
    /// Spearman's; null: too few pairs, or one side always says the same.
    rho: Option<RankCorrelation>,
    /// Kendall's tau-b.
    tau: Option<RankCorrelation>,
    /// How far calibrated scores lie from ratings, on 0 to 1; null: no pairs.
    #[schema(minimum = 0, maximum = 1)]
    calibration_error: Option<f64>,
}

#[derive(ToSchema)]
struct RankCorrelation {
    #[schema(minimum = -1, maximum = 1)]
    value: f64,
    lower: f64,
    upper: f64,
}

/// A score is read as `slope` times itself plus `shift`.
#[derive(ToSchema)]
struct JudgeCalibration {
    slope: f64,
    shift: f64,
}

pub(super) fn routes() -> Routes {
    Routes::of("Ratings").get(
        "/v1/judge/agreement",
        judge::agreement,
        Operation::new(
            "getJudgeAgreement",
            "Does the judge agree with your people?",
        )
        .answers::<JudgeAgreement>(200, "Correlations, scales, and what follows from them."),
    )
}
