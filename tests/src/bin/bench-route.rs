//! Times the routing decision alone: one ranked shape of 20 candidates, every call another session.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::{hint::black_box, time::Instant};

use floopy_shared::domain::{
    catalog::{Catalog, CatalogModel, ModelKind},
    confidence::ConfidenceReason,
    features::Features,
    ids::{CandidateKey, TenantId},
    money::Prices,
    ranking::{Evidence, Objective, Posterior, RankedCandidate, Rankings, Role, ShapeRanking},
    route::{Question, choose},
    shape::ShapeKey,
    weights::{Phase, phase_weights},
};
use floopy_tests::bench::report::{percentile, say};

const CANDIDATES: u32 = 20;
const BATCHES: usize = 4_000;
const BATCH: u32 = 200;
/// What a decision may take at the median.
const TARGET_NS: f64 = 2_000.0;

fn main() {
    let (catalog, rankings) = world();
    let sessions: Vec<String> = (0..BATCH)
        .map(|n| format!("session-{n:08x}-of-a-user"))
        .collect();
    let features = Features {
        messages: 3,
        input_tokens_estimate: 420,
        ..Features::default()
    };
    let shapes =
        ["site:00f1e2d3c4b5a697", "class:chat", "all"].map(|s| ShapeKey::named(s).expect("valid"));
    let time = |_: usize| {
        let start = Instant::now();
        for session in &sessions {
            let question = Question {
                rankings: Some(&rankings),
                ..Question::new(&catalog, &features, &shapes, session)
            };
            let choice = choose(black_box(&question), |_| None);
            black_box(&choice).as_ref().expect("a candidate");
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
    };
    (0..BATCHES / 10).for_each(|batch| {
        black_box(time(batch));
    });
    let mut ns: Vec<f64> = (0..BATCHES).map(time).collect();
    ns.sort_by(f64::total_cmp);
    let (median, p99) = (percentile(&ns, 50), percentile(&ns, 99));
    let verdict = if median < TARGET_NS { "met" } else { "MISSED" };
    say(&format!(
        "route decision, {CANDIDATES} candidates: median {median:.0} ns, p99 {p99:.0} ns of {BATCHES} batches of \
         {BATCH}; target {TARGET_NS:.0} ns: {verdict} (ratio {:.2})",
        median / TARGET_NS
    ));
}

/// A catalog of twenty models and a ranking with an incumbent, a canary and fallbacks.
fn world() -> (Catalog, Rankings) {
    let key =
        |n: u32| CandidateKey::parse(&format!("provider-{}/model-{n}", n % 5)).expect("valid");
    let prices = Prices {
        input_micro_usd_per_mtok: 250_000,
        output_micro_usd_per_mtok: 1_000_000,
        cached_input_micro_usd_per_mtok: None,
    };
    let model = |n| CatalogModel {
        prices: Some(prices),
        ..CatalogModel::unlisted(key(n), ModelKind::Chat)
    };
    let candidate = |n: u32| RankedCandidate {
        key: key(n),
        score: 0.9 - 0.02 * f64::from(n),
        posterior: Posterior {
            mean: 0.9,
            lower: 0.8,
            upper: 0.95,
            n: 40.0,
        },
        probability: match n {
            0 => 0.95,
            1 => 0.05,
            _ => 0.0,
        },
        shadow_probability: if n == 0 {
            0.0
        } else {
            1.0 / f64::from(CANDIDATES - 1)
        },
        latency_p95_ms: None,
        p_floor: None,
        p_best: None,
        role: match n {
            0 => Role::Incumbent,
            1 => Role::Canary,
            _ => Role::Fallback,
        },
    };
    let ranking = ShapeRanking {
        shape: ShapeKey::root(),
        phase: Phase::Nps,
        weights: phase_weights(100.0, 100.0),
        candidates: (0..CANDIDATES).map(candidate).collect(),
        confidence: Some(0.7),
        confidence_reason: ConfidenceReason::Ok,
        evidence: Evidence::default(),
        baseline: None,
        calibrated: None,
    };
    let tenant = TenantId::new("bench").expect("valid");
    let rankings = Rankings {
        tenant,
        shapes: vec![ranking],
        shadow_rate: 0.1,
        objective: Objective::Quality,
        quality_per_usd: 1.0,
    };
    rankings.validate().expect("valid rankings");
    (
        Catalog::new((0..CANDIDATES).map(model).collect()).expect("a valid catalog"),
        rankings,
    )
}
