//! Floopy itself as a policy: the very learner and router that serve, fed with simulated labels.
//!
//! The only file of the replay that knows the learner.

mod record;

use std::{num::NonZero, sync::Arc};

use super::{
    policy::{Alarm, Claim, Policy, Seen, Served},
    table::Table,
    world::{Request, share},
};
use clap::Args;
use floopy_controlplane::learn::{
    credit::{self, Credit, Turn, Verdicts},
    policy::Goal,
    rank::{self, Candidate, Incumbents},
    stats::TenantStats,
};
use floopy_shared::domain::{
    catalog::{Catalog, CatalogModel, InvalidCatalog, ModelKind},
    event::RatingScore,
    features::{EXPECTED_OUTPUT_TOKENS, Features},
    ids::{CandidateKey, InvalidId, TenantId},
    money::Prices,
    ranking::Rankings,
    route::{self, Choice, Selection},
    shape::{ShapeKey, Signals, shapes},
};

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

/// Requests of each tenant between two exchanges between learners; `None`: this learner learns from its own
/// tenant alone.
pub(super) const EXCHANGE: Option<NonZero<usize>> = None;

/// What donors' learning comes to for tenants that are new: where each candidate stands over all tasks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pooled {
    qualities: Vec<f64>,
}

/// The prior that these tenants' learning makes for others; `None` where nobody learned anything.
pub(super) fn pool(donors: &[&Learner]) -> Option<Pooled> {
    let learned: Vec<Vec<f64>> = donors.iter().filter_map(|donor| donor.believed()).collect();
    let first = learned.first()?;
    let mean = |i: usize| learned.iter().map(|one| one[i]).sum::<f64>() / learned.len() as f64;
    let qualities = (0..first.len()).map(mean).collect();
    Some(Pooled { qualities })
}

/// What all tenants' learners share.
#[derive(Debug)]
pub(super) struct Setup {
    tenant: TenantId,
    catalog: Catalog,
    candidates: Vec<Candidate>,
    /// The best by benchmark, whatever was pooled.
    baseline: CandidateKey,
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
    /// `prior`: what other tenants learned, in place of the benchmarks.
    pub(super) fn new(
        table: &Table,
        settings: Settings,
        is_floor: bool,
        prior: Option<&Pooled>,
    ) -> Result<Arc<Self>, SetupError> {
        let models = 0..table.models.len();
        let candidate = |model: usize| Candidate {
            key: table.models[model].clone(),
            benchmark: prior.map_or(table.priors[model], |prior| prior.qualities[model]),
            cost: table.mean_cost_usd(model).map(micro_usd),
        };
        let Settings {
            floor, assurance, ..
        } = settings;
        let goal = if is_floor {
            Goal::Floor { floor, assurance }
        } else {
            Goal::Quality
        };
        Ok(Arc::new(Self {
            tenant: TenantId::new("replay")?,
            catalog: Catalog::new(
                models
                    .clone()
                    .map(|model| catalog_model(table, model))
                    .collect(),
            )?,
            candidates: models.map(candidate).collect(),
            baseline: table.models[table.best_by_benchmark()].clone(),
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
            baseline: Some(&self.setup.baseline),
            goal: self.setup.goal,
            shadow_rate,
            canary_rate,
        });
        if let Some((rankings, incumbents)) = ranked {
            self.rankings = Some(rankings);
            self.incumbents = incumbents;
        }
    }

    /// What it thinks of each candidate over all tasks.
    fn believed(&self) -> Option<Vec<f64>> {
        let root = self
            .rankings
            .as_ref()?
            .shapes
            .iter()
            .find(|ranking| ranking.shape.is_root())?;
        let mut qualities = vec![0.0; self.setup.candidates.len()];
        for candidate in &root.candidates {
            qualities[self.position(&candidate.key)] = candidate.score;
        }
        Some(qualities)
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

    /// Lets the learners of all tenants tell each other what they may.
    pub(super) fn exchange(_learners: Vec<&mut Self>) {}

    fn add(&mut self, credit: Credit) {
        for (cell, sums) in credit {
            self.stats.add(&cell, sums);
        }
    }
}

impl Learner {
    /// How sure a choice is of its incumbent, which heads the candidates.
    fn claim(&self, choice: &Choice) -> Option<Claim> {
        Some(Claim {
            model: self.position(&choice.candidates.first()?.key),
            probability: choice.confidence?,
        })
    }
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
            claim: self.claim(choice),
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
            let shadow = record::shadow_of(served, self.key(model).clone());
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

    fn alarms(&self) -> Vec<Alarm> {
        Vec::new()
    }

    fn as_learner(&mut self) -> Option<&mut Learner> {
        Some(self)
    }
}
