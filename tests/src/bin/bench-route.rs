//! Times the routing decision alone and counts its allocations: one ranked shape of 20 candidates, every call
//! another session; without and with constraints, in a warm conversation, in a tool-call loop.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::{alloc::System, hint::black_box, time::Instant};

use floopy_shared::domain::{
    affinity::Affinity,
    catalog::{Catalog, CatalogModel, ModelKind},
    confidence::ConfidenceReason,
    constraints::{Constraints, MinQuality},
    draw::{DrawKey, Purpose, draw},
    features::Features,
    ids::{CandidateKey, TenantId},
    money::Prices,
    ranking::{Evidence, Objective, Posterior, RankedCandidate, Rankings, Role, ShapeRanking},
    route::{Question, choose},
    shape::ShapeKey,
    weights::{Phase, phase_weights},
};
use floopy_tests::bench::report::{percentile, say};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CANDIDATES: u32 = 20;
const BATCHES: usize = 2_000;
const BATCH: u32 = 200;
/// What a decision may take at the median.
const TARGET_NS: f64 = 2_000.0;

/// What a call brings along.
struct Scenario {
    name: &'static str,
    constraints: Constraints,
    affinity: Affinity,
}

fn main() {
    let (catalog, rankings) = world();
    let sessions: Vec<String> = (0..BATCH)
        .map(|n| format!("session-{n:08x}-of-a-user"))
        .collect();
    let features = Features {
        messages: 9,
        input_tokens_estimate: 4_200,
        history_tokens_estimate: 4_000,
        ..Features::default()
    };
    let shapes =
        ["site:00f1e2d3c4b5a697", "class:chat", "all"].map(|s| ShapeKey::named(s).expect("valid"));
    for scenario in scenarios() {
        measure(scenario.name, &sessions, |session| {
            let question = Question {
                rankings: Some(&rankings),
                constraints: &scenario.constraints,
                affinity: &scenario.affinity,
                ..Question::new(&catalog, &features, &shapes, session)
            };
            let choice = choose(black_box(&question), |_| None);
            black_box(&choice).as_ref().expect("a candidate");
        });
    }
    let ranking = &rankings.shapes[0].candidates;
    measure("the draw alone", &sessions, |session| {
        let key = DrawKey {
            session,
            shape: "all",
            purpose: Purpose::Serve,
        };
        let weighted = ranking.iter().map(|c| (c.key.as_str(), c.probability));
        black_box(draw(black_box(key), weighted)).expect("drawn");
    });
}

fn measure(name: &str, sessions: &[String], decide: impl Fn(&str)) {
    let time = |_: usize| {
        let start = Instant::now();
        sessions.iter().for_each(|session| decide(session));
        start.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
    };
    (0..BATCHES / 10).for_each(|batch| {
        black_box(time(batch));
    });
    let region = Region::new(ALLOCATOR);
    time(0);
    let counted = region.change();
    let allocations = counted.allocations + counted.reallocations;
    let mut ns: Vec<f64> = (0..BATCHES).map(time).collect();
    ns.sort_by(f64::total_cmp);
    let (median, p99) = (percentile(&ns, 50), percentile(&ns, 99));
    let verdict = if median < TARGET_NS { "met" } else { "MISSED" };
    say(&format!(
        "route decision, {CANDIDATES} candidates, {name}: median {median:.0} ns, p99 {p99:.0} ns of {BATCHES} \
         batches of {BATCH}, {:.2} allocations each; target {TARGET_NS:.0} ns: {verdict} (ratio {:.2})",
        allocations as f64 / f64::from(BATCH),
        median / TARGET_NS
    ));
}

fn scenarios() -> [Scenario; 4] {
    let key = |n| Some(candidate_key(n));
    let strict = Constraints {
        deny_providers: vec!["provider-4".into()],
        deny_models: vec!["model-7".into(), "provider-1/model-11".into()],
        max_cost_micro_usd: Some(20_000),
        max_latency_ms: Some(2_500),
        min_quality: Some(MinQuality {
            floor: 0.95,
            assurance: 0.7,
        }),
        ..Constraints::default()
    };
    let scenario = |name, constraints, affinity| Scenario {
        name,
        constraints,
        affinity,
    };
    let warm = Affinity {
        held: key(3),
        warm: true,
        ..Affinity::default()
    };
    let tool_loop = Affinity {
        held: key(3),
        tool_loop: true,
        ..Affinity::default()
    };
    [
        scenario(
            "a call of its own",
            Constraints::default(),
            Affinity::default(),
        ),
        scenario("with every constraint", strict.clone(), Affinity::default()),
        scenario("with every constraint, held warm", strict.clone(), warm),
        scenario("with every constraint, in a tool loop", strict, tool_loop),
    ]
}

fn candidate_key(n: u32) -> CandidateKey {
    CandidateKey::parse(&format!("provider-{}/model-{n}", n % 5)).expect("valid")
}

/// A catalog of twenty models and a ranking with an incumbent, a canary and fallbacks.
fn world() -> (Catalog, Rankings) {
    let prices = Prices {
        input_micro_usd_per_mtok: 250_000,
        output_micro_usd_per_mtok: 1_000_000,
        cached_input_micro_usd_per_mtok: Some(25_000),
    };
    let model = |n| CatalogModel {
        prices: Some(prices),
        ..CatalogModel::unlisted(candidate_key(n), ModelKind::Chat)
    };
    let ranking = ShapeRanking {
        shape: ShapeKey::root(),
        phase: Phase::Nps,
        weights: phase_weights(100.0, 100.0),
        candidates: (0..CANDIDATES).map(ranked).collect(),
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

/// An incumbent, a canary, then fallbacks.
fn ranked(n: u32) -> RankedCandidate {
    RankedCandidate {
        key: candidate_key(n),
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
        latency_p95_ms: Some(400 + 120 * u64::from(n)),
        p_floor: Some(0.95 - 0.02 * f64::from(n)),
        p_best: Some(0.05),
        gate: None,
        role: match n {
            0 => Role::Incumbent,
            1 => Role::Canary,
            _ => Role::Fallback,
        },
    }
}
