//! `/v1/promotions` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    decision::ModelName,
};
use crate::rest::promotions;

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum PromotionStage {
    Shadow,
    Canary,
    WideCanary,
    Live,
    RolledBack,
    Superseded,
    Withdrawn,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum GuardChannel {
    Quality,
    Failures,
    Refusals,
    Latency,
    Cost,
}

/// A test that may be looked at after every observation.
#[derive(ToSchema)]
struct Guard {
    channel: GuardChannel,
    /// What bets won that the candidate is worse than it may be.
    #[schema(minimum = 0)]
    capital: f64,
    /// From where on it is taken back.
    bound: f64,
    /// Of the candidate.
    observations: f64,
    mean: Option<f64>,
    /// Of whom it replaces.
    replaced_observations: f64,
    replaced_mean: Option<f64>,
}

/// What speaks for the next step.
#[derive(ToSchema)]
struct NextStep {
    #[schema(minimum = 0)]
    capital: f64,
    bound: f64,
    /// Of the candidate since the step began.
    scores: u32,
}

/// Who serves before and after.
#[derive(ToSchema)]
struct ServesDiff {
    from: ModelName,
    to: ModelName,
}

#[derive(ToSchema)]
struct PromotionDiff {
    serves: ServesDiff,
}

/// One candidate's way in one kind of task.
#[derive(ToSchema)]
struct Promotion {
    /// Always `promotion`.
    object: String,
    #[schema(format = Uuid)]
    id: String,
    task_shape: String,
    candidate: ModelName,
    replaces: ModelName,
    stage: PromotionStage,
    diff: PromotionDiff,
    /// Of the last step.
    reason: Option<String>,
    #[schema(format = DateTime)]
    began_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    next_step: NextStep,
    guards: Vec<Guard>,
    /// Not in lists.
    #[schema(nullable = false)]
    trace: Option<Vec<PromotionStep>>,
}

/// One step, and what was known then.
#[derive(ToSchema)]
struct PromotionStep {
    #[schema(format = DateTime)]
    at: String,
    /// Null: it began.
    from: Option<PromotionStage>,
    to: PromotionStage,
    reason: String,
    /// `learner`, or the key that asked for it.
    by: String,
    #[schema(minimum = 0)]
    capital: f64,
    guards: Vec<Guard>,
}

#[derive(ToSchema)]
struct PromotionModeInput {
    /// `immediate` or `staged`; missing: the deployment's.
    #[schema(example = "staged", pattern = "^(immediate|staged)$")]
    mode: Option<String>,
}

/// Whether candidates come to serve step by step.
#[derive(ToSchema)]
struct PromotionMode {
    /// Always `promotion_settings`.
    object: String,
    /// `immediate` or `staged`.
    mode: String,
    /// `own` or `default`.
    source: String,
}

#[derive(ToSchema)]
struct PinInput {
    /// Missing: all that have no pin of their own.
    #[schema(example = "class:code")]
    task_shape: Option<String>,
    /// As provider/model; missing: the default model.
    #[schema(example = "openai/gpt-4.1-nano")]
    model: Option<String>,
}

/// Who serves a kind of task whatever is learned.
#[derive(ToSchema)]
struct Pin {
    /// Always `pin`.
    object: String,
    /// The task shape.
    id: String,
    task_shape: String,
    model: ModelName,
    /// The key that pinned it.
    by: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

#[derive(ToSchema)]
struct Unpinned {
    task_shape: String,
    object: String,
    deleted: bool,
}

pub(super) fn routes() -> Routes {
    Routes::of("Promotions")
        .get(
            "/v1/promotions",
            promotions::list,
            Operation::new("listPromotions", "Promotions")
                .pages()
                .answers_page::<Promotion>("The promotions, the newest first."),
        )
        .get(
            "/v1/promotions/{id}",
            promotions::get,
            Operation::new("getPromotion", "One promotion")
                .answers::<Promotion>(200, "The promotion, with every step."),
        )
        .post(
            "/v1/promotions/{id}/rollback",
            promotions::roll_back,
            Operation::new("rollBackPromotion", "Take a candidate back")
                .says("It takes about a second. One that ended before stays as it is.")
                .answers::<Promotion>(200, "It ended before.")
                .answers::<Promotion>(202, "It is being taken back."),
        )
        .and(settings())
}

fn settings() -> Routes {
    Routes::of("Promotions")
        .get(
            "/v1/promotions/settings",
            promotions::mode,
            Operation::new("getPromotionSettings", "Whether there are steps")
                .answers::<PromotionMode>(200, "What holds."),
        )
        .put(
            "/v1/promotions/settings",
            promotions::set_mode,
            Operation::new("replacePromotionSettings", "Set whether there are steps")
                .takes::<PromotionModeInput>()
                .answers::<PromotionMode>(200, "What holds now."),
        )
        .get(
            "/v1/promotions/pins",
            promotions::list_pins,
            Operation::new("listPins", "Pins").answers_page::<Pin>("All of them."),
        )
        .post(
            "/v1/promotions/pins",
            promotions::pin,
            Operation::new("pin", "Pin a model")
                .says("In place of whoever was pinned. It serves about a second later, whatever is learned.")
                .takes::<PinInput>()
                .answers::<Pin>(200, "The pin."),
        )
        .delete(
            "/v1/promotions/pins/{id}",
            promotions::unpin,
            Operation::new("unpin", "Take a pin away")
                .says("Its id is the task shape.")
                .answers::<Unpinned>(200, "It is gone."),
        )
}
