//! Floopy itself as a policy: the very learner and router that serve, fed with simulated labels.
//!
//! The only file of the replay that knows the learner.

use std::sync::Arc;

use clap::Args;
use floopy_controlplane::learn::{
    credit::{self, Credit, Turn, Verdicts},
    policy::Goal,
    rank::{self, Candidate, Incumbents},
    stats::TenantStats,
};
use floopy_shared::domain::{
    catalog::{Catalog, CatalogModel, InvalidCatalog, ModelKind},
    decision::{Attempt, AttemptResult, Decision, Ending, Outcome, Reason, Stage},
    event::RatingScore,
    features::{EXPECTED_OUTPUT_TOKENS, Features},
    ids::{CandidateKey, InvalidId, RequestId, SessionId, TenantId},
    money::{Prices, Usage},
    ranking::Rankings,
    route::{self, Choice, Selection},
    shape::{ShapeKey, Signals, shapes},
};
use uuid::Uuid;

use super::{
    policy::{Policy, Seen, Served},
    table::Table,
    world::{Request, share},
};

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// When the replay begins: any moment will do, as long as it is the same every time (2024-01-01).
const START_MS: u64 = 1_704_067_200_000;
/// Latency of replies whose rows name none.
const UNKNOWN_LATENCY_MS: u64 = 1_000;

/// How the learner is set up; the defaults are the product's.
#[derive(Debug, Clone, Copy, PartialEq, Args)]
#[command(next_help_heading = "Floopy")]
pub(super) struct Settings {
    /// Requests between two refreshes of a tenant's rankings (the product refreshes four times a second)
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    refresh: u64,
    /// Share of requests that are also sent, unseen, to another candidate
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    shadow_rate: f64,
    /// Share of live traffic for a candidate that is probably as good as the incumbent
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    canary_rate: f64,
    /// With --goal floor: the share of the baseline's quality to keep
    #[arg(long, value_name = "SHARE", default_value_t = 0.95, value_parser = share)]
    pub(super) floor: f64,
    /// With --goal floor: the probability with which it must be kept
    #[arg(long, value_name = "SHARE", default_value_t = 0.7, value_parser = share)]
    assurance: f64,
    /// Requests of a tenant per day: evidence ages by days
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    requests_per_day: u64,
}

/// What all tenants' learners share.
#[derive(Debug)]
pub(super) struct Setup {
    tenant: TenantId,
    catalog: Catalog,
    candidates: Vec<Candidate>,
    /// Shapes of a request, by the world's shape.
    chains: Vec<Vec<ShapeKey>>,
    settings: Settings,
    goal: Goal,
}

/// Why a table's models cannot be routed between.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Catalog(#[from] InvalidCatalog),
    #[error(transparent)]
    Id(#[from] InvalidId),
}

impl Setup {
    pub(super) fn new(
        table: &Table,
        settings: Settings,
        is_floor: bool,
    ) -> Result<Arc<Self>, SetupError> {
        let models = (0..table.models.len())
            .map(|model| catalog_model(table, model))
            .collect();
        let candidates = table
            .models
            .iter()
            .enumerate()
            .map(|(model, key)| Candidate {
                key: key.clone(),
                benchmark: table.priors[model],
                cost: table.mean_cost_usd(model).map(micro_usd),
            });
        let goal = if is_floor {
            let Settings {
                floor, assurance, ..
            } = settings;
            Goal::Floor { floor, assurance }
        } else {
            Goal::Quality
        };
        Ok(Arc::new(Self {
            tenant: TenantId::new("replay")?,
            catalog: Catalog::new(models)?,
            candidates: candidates.collect(),
            chains: table
                .shapes
                .iter()
                .map(|shape| chain(&shape.name))
                .collect(),
            settings,
            goal,
        }))
    }
}

/// A model whose typical call costs what its calls in the table cost on average.
fn catalog_model(table: &Table, model: usize) -> CatalogModel {
    let cost = table.mean_cost_usd(model).map(micro_usd);
    let prices = cost.map(|cost| Prices {
        input_micro_usd_per_mtok: 0,
        output_micro_usd_per_mtok: cost.saturating_mul(1_000_000) / EXPECTED_OUTPUT_TOKENS,
        cached_input_micro_usd_per_mtok: None,
    });
    CatalogModel {
        prices,
        benchmark: table.priors[model],
        benchmark_source: "replay".into(),
        ..CatalogModel::unlisted(table.models[model].clone(), ModelKind::Chat)
    }
}

/// At least one: a call is never free, and prices are compared.
fn micro_usd(usd: f64) -> u64 {
    ((usd * 1e6).round() as u64).max(1)
}

fn chain(task: &str) -> Vec<ShapeKey> {
    shapes(&Signals {
        task: Some(task),
        ..Signals::default()
    })
}

/// One tenant's learner and router.
pub(super) struct Learner {
    setup: Arc<Setup>,
    number: usize,
    stats: TenantStats,
    incumbents: Incumbents,
    rankings: Option<Rankings>,
    turns: Vec<Turn>,
    choice: Option<Choice>,
}

impl Learner {
    pub(super) fn new(setup: &Arc<Setup>, number: usize) -> Self {
        Self {
            setup: Arc::clone(setup),
            number,
            stats: TenantStats::default(),
            incumbents: Incumbents::new(),
            rankings: None,
            turns: Vec::new(),
            choice: None,
        }
    }

    fn refresh(&mut self) {
        let Settings {
            shadow_rate,
            canary_rate,
            ..
        } = self.setup.settings;
        let ranked = rank::rank(&rank::Question {
            tenant: &self.setup.tenant,
            candidates: &self.setup.candidates,
            stats: &self.stats,
            incumbents: &self.incumbents,
            baseline: None,
            goal: self.setup.goal,
            shadow_rate,
            canary_rate,
        });
        if let Some((rankings, incumbents)) = ranked {
            self.rankings = Some(rankings);
            self.incumbents = incumbents;
        }
    }

    fn position(&self, key: &CandidateKey) -> usize {
        let position = self.setup.candidates.iter().position(|c| c.key == *key);
        position.unwrap_or_default()
    }

    fn key(&self, model: usize) -> &CandidateKey {
        &self.setup.candidates[model].key
    }

    fn session(&self, request: &Request) -> String {
        format!("t-{}-s-{}", self.number, request.session)
    }

    fn add(&mut self, credit: Credit) {
        for (cell, sums) in credit {
            self.stats.add(&cell, sums);
        }
    }
}

/// The probability of being right that a choice carries.
fn claim(choice: &Choice) -> Option<f64> {
    choice.confidence
}

impl Policy for Learner {
    fn serve(&mut self, at: usize, request: &Request) -> Served {
        if (at as u64).is_multiple_of(self.setup.settings.refresh) {
            self.refresh();
        }
        let session = self.session(request);
        let choice = route::choose(
            &route::Question {
                catalog: &self.setup.catalog,
                rankings: self.rankings.as_ref(),
                default_model: None,
                selection: &Selection::Auto,
                features: &Features::default(),
                shapes: &self.setup.chains[request.shape],
                draw_key: &session,
                shadow_key: &format!("t-{}-r-{at}", self.number),
            },
            |_| None,
        );
        self.choice = choice.ok();
        let Some(choice) = &self.choice else {
            return Served::by(0);
        };
        let drawn = choice.order.first().map(|model| self.position(&model.key));
        Served {
            model: drawn.unwrap_or_default(),
            shadow: choice
                .shadow
                .as_ref()
                .map(|model| self.position(&model.key)),
            claim: claim(choice),
        }
    }

    fn learn(&mut self, at: usize, request: &Request, seen: &Seen) {
        let Some(choice) = self.choice.take() else {
            return;
        };
        let served = self.decision(at, request, seen, choice);
        let verdicts = Verdicts {
            judged: Some(seen.judged),
            manual: seen.manual,
        };
        self.turns.extend(Turn::of(&served));
        self.add(credit::of_call(&served, verdicts));
        if let Some((model, judged)) = seen.shadow {
            let shadow = shadow_of(served, self.key(model).clone());
            let verdicts = Verdicts {
                judged: Some(judged),
                manual: None,
            };
            self.add(credit::of_call(&shadow, verdicts));
        }
    }

    fn end_session(&mut self, rating: Option<RatingScore>) {
        let turns = std::mem::take(&mut self.turns);
        if let Some(score) = rating {
            self.add(credit::of_session(&turns, score));
        }
    }
}

impl Learner {
    /// The record that a proxy would have written.
    fn decision(&self, at: usize, request: &Request, seen: &Seen, choice: Choice) -> Decision {
        let key = self.key(seen.model).clone();
        let session = self.session(request);
        let latency_ms = seen
            .latency_s
            .map_or(UNKNOWN_LATENCY_MS, |s| (s * 1e3) as u64);
        let (number, at) = (self.number as u64, at as u64);
        Decision {
            request_id: RequestId(Uuid::from_u64_pair(number, at)),
            tenant: self.setup.tenant.clone(),
            key_id: String::new(),
            created_at_ms: START_MS + at * (DAY_MS / self.setup.settings.requests_per_day),
            session_id: SessionId::new(&session).ok(),
            completion_id: None,
            shapes: self.setup.chains[request.shape].clone(),
            ranked_shape: choice.ranked_shape,
            requested_model: "auto".into(),
            strategy: choice.strategy,
            phase: choice.phase,
            weights: choice.weights,
            candidates: choice.candidates,
            chosen: Some(key.clone()),
            served: Some(key.clone()),
            reason: choice.reason,
            propensity: choice.propensity,
            confidence: choice.confidence,
            confidence_reason: choice.confidence_reason,
            evidence: choice.evidence,
            exploration_rate: choice.exploration_rate,
            snapshot_version: at / self.setup.settings.refresh + 1,
            draw_key: session,
            features: Features::default(),
            attempts: vec![Attempt {
                key,
                result: AttemptResult::Ok,
                status: Some(200),
                latency_ms,
            }],
            outcome: completed(latency_ms),
            stage: Stage::Finished,
            shadow_of: None,
        }
    }
}

/// The copy of a call that went to another candidate.
fn shadow_of(served: Decision, key: CandidateKey) -> Decision {
    let Decision {
        request_id: RequestId(id),
        ..
    } = served;
    let (high, low) = id.as_u64_pair();
    let attempts = served.attempts.into_iter().map(|attempt| Attempt {
        key: key.clone(),
        ..attempt
    });
    Decision {
        // Another id than that of any served call: the lower half counts those.
        request_id: RequestId(Uuid::from_u64_pair(high, !low)),
        session_id: None,
        attempts: attempts.collect(),
        chosen: Some(key.clone()),
        served: Some(key),
        reason: Reason::Shadow,
        shadow_of: Some(served.request_id),
        ..served
    }
}

fn completed(latency_ms: u64) -> Outcome {
    Outcome {
        status: 200,
        ending: Ending::Completed,
        latency_ms,
        first_byte_ms: None,
        cost_micro_usd: None,
        usage: Usage::default(),
        usage_estimated: false,
        fallback_used: false,
        overhead_us: 0,
    }
}
