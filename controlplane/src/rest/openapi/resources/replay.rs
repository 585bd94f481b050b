//! `/v1/routing/replay` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    constraints::{RoutingConstraints, RoutingConstraintsInput},
    decision::{Candidate, Filtered, ModelName},
};
use crate::rest::replay;

/// Which decision, and under what.
#[derive(ToSchema)]
struct ReplayInput {
    /// `x-request-id` of the call.
    #[schema(format = Uuid)]
    request_id: String,
    /// All of them: what is left out rules nothing out. Missing: those of the organisation now.
    constraints: Option<RoutingConstraintsInput>,
    /// `provider/model`. Missing: the organisation's.
    default_model: Option<String>,
}

/// What was decided, what would have been, and what lies between.
#[derive(ToSchema)]
struct Replay {
    #[schema(format = Uuid)]
    request_id: String,
    dry_run: bool,
    snapshot_version: u64,
    constraints: RoutingConstraints,
    default_model: Option<String>,
    original: Choice,
    /// Null: the record cannot be decided again.
    replayed: Option<Choice>,
    /// Replayed less original; null where one of them is not known.
    delta: Option<Expected>,
    /// Whether another model would have been chosen.
    changed: bool,
    /// Whether deciding again with nothing changed gives the same, to the last bit.
    reproducible: bool,
    not_reproducible_because: Option<String>,
}

#[derive(ToSchema)]
struct Choice {
    winner: Option<ModelName>,
    /// As in a decision, or `no_candidate`.
    reason: String,
    propensity: f64,
    candidates: Vec<Candidate>,
    filtered: Vec<Filtered>,
    expected: Expected,
    /// Who served in the end; not in `replayed`.
    #[schema(nullable = false)]
    served: Option<MaybeServed>,
}

/// Null: nobody.
#[derive(ToSchema)]
struct MaybeServed(Option<ModelName>);

/// What was to be expected.
#[derive(ToSchema)]
struct Expected {
    winner_cost_micro_usd: Option<i64>,
    winner_quality: Option<f64>,
    /// Over the draws, by their probabilities.
    mean_cost_micro_usd: Option<f64>,
    mean_quality: Option<f64>,
}

pub(super) fn routes() -> Routes {
    Routes::of("Routing").mount(
        ("/v1/routing/replay", "post"),
        replay::route(),
        Operation::new("replay", "Decide a recorded call again")
            .says("Under other constraints, or with another default model; nothing is changed by asking. The key must be \
                one that may read, too. At most 64 KiB.")
            .for_keys_that("read and write")
            .takes::<ReplayInput>()
            .answers::<Replay>(200, "Both decisions."),
    )
}
