//! Floopy itself as a policy: the very learner and router that serve, fed with simulated labels.
//!
//! The only file of the replay that knows the learner.

mod monitors;
mod record;

use std::{num::NonZero, sync::Arc};

use self::monitors::Monitors;
use super::{
    policy::{Alarm, Claim, Policy, Seen, Served},
    table::Table,
    world::{Request, share},
};
use clap::Args;
use floopy_controlplane::learn::{
    self,
    agreement::Agreement,
    credit::{self, Credit, Turn, Verdicts},
    policy::Goal,
    pool::{Contribution, Domain, Given, Pool},
    promotion::UNSTAGED,
    rank::{self, Candidate, Incumbents, Platform},
    stats::TenantStats,
};
use floopy_shared::domain::{
    catalog::{Catalog, CatalogModel, InvalidCatalog, ModelKind},
    constraints::UNCONSTRAINED,
    event::RatingScore,
    features::{EXPECTED_OUTPUT_TOKENS, Features},
    ids::{CandidateKey, InvalidId, TenantId},
    money::Prices,
    ranking::Rankings,
    route::{self, Choice},
    shape::{ShapeKey, Signals, shapes},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

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
    /// What the shadow may cost, as a share of what the served replies cost
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    shadow_spend: f64,
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

/// Requests of each tenant between two exchanges between learners: how the judge agrees with people, and what
/// happens to a candidate everywhere, is known to all of them.
pub(super) const EXCHANGE: Option<NonZero<usize>> = NonZero::new(5);

/// What donors' learning comes to for tenants that are new.
#[derive(Debug, Clone)]
pub(super) struct Pooled(Platform);

/// The prior that these tenants' learning makes for others; `None` where nobody learned anything.
/// `sigma`: the noise that it is told with.
pub(super) fn pool(donors: &[&Learner], sigma: f64, seed: u64) -> Option<Pooled> {
    let setup = &donors.first()?.setup;
    let benchmarks = setup.candidates.iter();
    let chains = setup.chains.iter().flatten().cloned();
    let domain = Domain {
        shapes: chains.collect(),
        benchmarks: benchmarks.map(|c| (c.key.clone(), c.benchmark)).collect(),
    };
    let mut platform = Platform::default();
    for donor in donors {
        platform.agreement.merge(&donor.stats.agreement);
    }
    // All speak on one scale: that of people, as far as all of them know it.
    let given: Vec<Given> = donors
        .iter()
        .map(|donor| Given::of(&donor.contribution(&platform), &domain))
        .collect();
    let mut random = StdRng::seed_from_u64(seed);
    let mut chance = |below: u128| random.random_range(0..below);
    let released = learn::pool::release(&given, &domain, sigma, &mut chance);
    platform.pool = Pool::of(&released, &domain.benchmarks);
    Some(Pooled(platform))
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
    /// What other tenants learned before.
    platform: Platform,
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
            benchmark: table.priors[model],
            shape_priors: Default::default(),
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
            platform: prior.map(|prior| prior.0.clone()).unwrap_or_default(),
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
    platform: Platform,
    monitors: Monitors,
    /// Requests served so far.
    served: usize,
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
            platform: setup.platform.clone(),
            monitors: Monitors::default(),
            served: 0,
        }
    }

    fn refresh(&mut self) {
        if let Some((rankings, incumbents)) = rank::rank(&self.question()) {
            self.rankings = Some(rankings);
            self.incumbents = incumbents;
        }
    }

    fn question(&self) -> rank::Question<'_> {
        let settings = &self.setup.settings;
        rank::Question {
            tenant: &self.setup.tenant,
            candidates: &self.setup.candidates,
            stats: &self.stats,
            platform: &self.platform,
            incumbents: &self.incumbents,
            baseline: Some(&self.setup.baseline),
            guarded: None,
            goal: self.setup.goal,
            shadow_rate: settings.shadow_rate,
            shadow_spend: settings.shadow_spend,
            canary_rate: settings.canary_rate,
            live_exploration: 0.0,
            constraints: &UNCONSTRAINED,
            quality_per_usd: 0.0,
            alarms: self.monitors.alarms(),
            ladder: &UNSTAGED,
            implicit: &[],
        }
    }

    fn contribution(&self, platform: &Platform) -> Contribution {
        rank::contribution(&rank::Question {
            platform,
            ..self.question()
        })
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
    pub(super) fn exchange(mut learners: Vec<&mut Self>) {
        let mut agreement = Agreement::default();
        for learner in &learners {
            agreement.merge(&learner.setup.platform.agreement);
            agreement.merge(&learner.stats.agreement);
        }
        for learner in &mut learners {
            learner.platform.agreement = agreement;
        }
        let at = learners.first().map_or(0, |learner| learner.served);
        monitors::exchange(&mut learners, at);
    }

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
            probability: choice.calibrated?,
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
                rankings: self.rankings.as_ref(),
                shadow_key: &format!("t-{}-r-{at}", self.number),
                ..route::Question::new(
                    &self.setup.catalog,
                    &Features::default(),
                    &self.setup.chains[request.shape],
                    &session,
                )
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
                .map(|shadow| self.position(&shadow.model.key)),
            claim: self.claim(choice),
        }
    }

    fn learn(&mut self, at: usize, request: &Request, seen: &Seen) {
        let Some(choice) = self.choice.take() else {
            return;
        };
        let tried = choice.shadow.as_ref().map(|shadow| shadow.propensity);
        let served = self.decision(at, request, seen, choice);
        let verdicts = Verdicts {
            judged: Some(seen.judged.into()),
            manual: seen.manual,
        };
        self.served = at + 1;
        self.tell(request.shape, self.key(seen.model).clone(), seen.judged);
        self.turns.extend(Turn::of(&served));
        self.add(credit::of_call(&served, verdicts));
        if let Some((model, judged)) = seen.shadow {
            self.tell(request.shape, self.key(model).clone(), judged);
            let shadow = record::shadow_of(served, self.key(model).clone(), tried.unwrap_or(1.0));
            let verdicts = Verdicts {
                judged: Some(judged.into()),
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
        self.monitors.raised().to_vec()
    }

    fn as_learner(&mut self) -> Option<&mut Learner> {
        Some(self)
    }
}
